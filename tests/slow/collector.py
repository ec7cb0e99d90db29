"""Whatever speaks OpenTelemetry's protocol over HTTP sends to: keeps what came."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Collector:
    """One that listens.

    Attributes:
        url: its address, as OTEL_EXPORTER_OTLP_ENDPOINT wants it.
        received: what was sent, by path. Names and values of attributes stand in it as they are.
    """

    url: str
    received: dict[str, list[bytes]] = field(default_factory=dict)

    def has(self, path: str, *texts: str) -> bool:
        """Whether one message to a path has all of some texts."""
        return any(all(text.encode() in body for text in texts) for body in list(self.received.get(path, [])))


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port of this machine."""
    collector: Collector

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.received.setdefault(self.path, []).append(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: what came is in `received`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collector
        finally:
            server.shutdown()
