"""Files as a producer lands them, for commands that look at a landing."""

from pathlib import Path

LINE = '{"event_id": "e", "event_type": "save", "event_ts": "2017-11-30T10:00:00Z", "user_id": "u", "item_id": "i"}'


def land(home: Path, feed: str, name: str, content: str | bytes, day: str = "2017-11-30", marker: bool = True) -> None:
    """One file of a feed's day below a deployment's home, and the day's marker."""
    folder = home / "landing" / feed / day
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if marker:
        (folder / "_SUCCESS").touch()
