"""A soak of publishing: hundreds of publications by two JVMs at once, which are killed at scheduled and at random instants.

The schedule comes from a seed: days of one surface, a third of them published again, now and then by both publishers at once;
about half of the publications are killed (SIGKILL to the group, or only to the driver's Python or its JVM) at a named step, or
at an instant after the lock was taken, and tried again with the same attempt until they end. All the time two readers, each
a process of its own, compare what they are served with what may be served: Polars follows publications, delta-rs reads the
newest version. At the end every day must be its highest attempt's, once, and `shortlist verify` must find nothing. A kill is
inside the critical section when the lock of the table was taken and the day not yet announced. Exit code 1 when a promise
is broken, or when too few kills hit inside (one for four publications). Linux only.
"""

import argparse
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from infra.benchmarks._chaos_account import READERS, Account, Kill, Order, judge, text
from shortlist.config import CHECKOUT, state_home

FIRST_DAY: Final = date(2017, 1, 1)
LOCKED, ANNOUNCED = "the lock is taken", "the day is announced"
# A named step each, in the order of a publication: tests/faults/publisher.py has the code behind them.
STEPS: Final = (
    "before the table is made",
    "the table is made",
    LOCKED,
    "files are staged",
    "the commit has landed",
    "before the commit is verified",
    "the commit is verified",
    "before the day is announced",
    ANNOUNCED,
)
INSIDE: Final = STEPS[STEPS.index(LOCKED) : STEPS.index(ANNOUNCED)]
VICTIMS: Final = ("group", "group", "group", "python", "jvm")
# Seconds from the lock within which a kill at an instant falls; a small publication keeps it about so long.
SPAN: Final = 1.5
TRIES: Final = 5
# Seconds after which a publisher that lost its Python or its JVM, or that says nothing, is killed whole.
LINGER, SILENCE = 30.0, 300.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the soak, print the account, write it as JSON; the exit code."""
    parser = argparse.ArgumentParser(
        prog="infra/bench chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--publications", type=int, default=200, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the schedule (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the tables where they were made")
    options = parser.parse_args(argv)
    if options.publications < 1:
        parser.error("--publications must be at least 1")
    folder = state_home() / "bench"
    home = folder / "chaos"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    began = time.perf_counter()
    orders = schedule(options.publications, options.seed)
    account, readers = soak(home, orders)
    facts = judge(home, orders, account, readers)
    facts |= {"publications": len(orders), "seed": options.seed, "seconds": round(time.perf_counter() - began, 1)}
    (folder / "chaos.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    print(text(facts))
    if not options.keep and facts["ok"]:
        shutil.rmtree(home)
    return 0 if facts["ok"] else 1


def schedule(publications: int, seed: int) -> list[Order]:
    """Orders, the same for a seed: days go forward, a third are published again, and about half are killed once or twice."""
    chance = random.Random(seed)
    orders, newest = [], FIRST_DAY - timedelta(days=1)
    for number in range(1, publications + 1):
        again = newest >= FIRST_DAY and chance.random() < 1 / 3
        # The day before is the one that the other publisher may be at work on.
        day = (
            max(FIRST_DAY, newest - timedelta(days=chance.choice((0, 0, 0, 1, 2, 5))))
            if again
            else newest + timedelta(days=1)
        )
        newest = max(newest, day)
        kills = tuple(_kill(chance) for _ in range(chance.choices((0, 1, 2), (0.52, 0.41, 0.07))[0]))
        orders.append(Order(number, day, kills))
    return orders


def _kill(chance: random.Random) -> Kill:
    if chance.random() < 0.4:
        return Kill(chance.choice(STEPS), 0.0, "group")
    return Kill(None, chance.uniform(0, SPAN), chance.choice(VICTIMS))


class Publisher:
    """A publisher that stays (`tests.faults.publisher serve`), with the steps that it has passed.

    Attributes:
        passed: steps of the order in work.
    """

    def __init__(self, home: Path) -> None:
        self.passed: list[str] = []
        self._busy = threading.Lock()
        self._order: Order | None = None
        with (home / "publishers.log").open("a") as log:
            self._process = program("publisher", "serve", str(home), stdin=subprocess.PIPE, stderr=log)

    def publish(self, order: Order, kill: Kill | None) -> dict[str, Any] | None:
        """Its answer; None when it died."""
        assert self._process.stdin is not None
        self.passed, self._order = [], order
        step = kill.step if kill is not None else None
        asked = {"day": order.day.isoformat(), "attempt": order.number, "variant": order.variant, "step": step}
        try:
            self._process.stdin.write(f"{json.dumps(asked)}\n")
            self._process.stdin.flush()
        except OSError:
            self.end()
            return None
        self._kill_in(SILENCE, order, "group")
        for answer in self._answers():
            if "code" in answer and answer["said"] != "ready":
                with self._busy:
                    self._order = None
                return answer
            if "step" in answer:
                self.passed.append(answer["step"])
                if answer["step"] == LOCKED and kill is not None and kill.step is None:
                    self._kill_in(kill.after, order, kill.victim)
        self.end()
        return None

    def end(self) -> None:
        """Nothing of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _answers(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                yield json.loads(line)

    def _kill_in(self, seconds: float, order: Order, victim: str) -> None:
        timer = threading.Timer(seconds, self._strike, (order, victim))
        timer.daemon = True
        timer.start()

    def _strike(self, order: Order, victim: str) -> None:
        """Kill, unless the order has ended: then the kill is missed."""
        with self._busy:
            if self._order is not order:
                return
            try:
                if victim == "group":
                    os.killpg(self._process.pid, signal.SIGKILL)
                else:
                    os.kill(self._process.pid if victim == "python" else jvm_of(self._process.pid), signal.SIGKILL)
                    self._kill_in(LINGER, order, "group")
            except ProcessLookupError:
                pass


def jvm_of(pid: int) -> int:
    """The Java process that a Python process has started.

    Raises:
        ProcessLookupError: there is none.
    """
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in thread.read_text().split():
            if "java" in Path(f"/proc/{child}/exe").resolve().name:
                return int(child)
    raise ProcessLookupError(f"{pid} has no JVM")


def soak(home: Path, orders: Sequence[Order]) -> tuple[Account, list[dict[str, Any]]]:
    """Have the orders published by two publishers, under the eyes of two readers; what each of them found."""
    account, began = Account(), time.perf_counter()
    waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()
    first, *others = orders
    publishers = [Publisher(home), Publisher(home)]
    publishers[0] = work(home, publishers[0], Order(first.number, first.day, ()), account)
    if first.number not in account.ended:
        for publisher in publishers:
            publisher.end()
        raise SystemExit(f"nothing was ever published, see {home / 'publishers.log'}; next: mend what it says")
    for order in others:
        waiting.put(order)
    stop = home / "stop"
    readers = [program("reader", kind, str(home), str(stop)) for kind in READERS]

    def lane(publisher: Publisher) -> None:
        while True:
            try:
                order = waiting.get_nowait()
            except queue.Empty:
                publisher.end()
                return
            publisher = work(home, publisher, order, account)
            done = len(account.ended)
            if done % 10 == 0:
                progress = f"{done} of {len(orders)} publications, {account.inside} kills inside"
                print(f"[{time.perf_counter() - began:.0f} s] {progress}", file=sys.stderr, flush=True)

    lanes = [threading.Thread(target=lane, args=(publisher,)) for publisher in publishers]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    stop.touch()
    return account, [found(reader) for reader in readers]


def work(home: Path, publisher: Publisher, order: Order, account: Account) -> Publisher:
    """Publish one order to its end, whatever dies meanwhile; the publisher that is alive then."""
    kills = list(order.kills)
    for _ in range(TRIES):
        kill = kills.pop(0) if kills else None
        answer = publisher.publish(order, kill)
        if answer is None:
            if kill is None:
                account.broken.append(f"order {order.number}: the publisher died without being killed")
            passed = publisher.passed
            account.hits[passed[-1] if passed else "before any step"] += 1
            account.inside += any(step in INSIDE for step in passed) and ANNOUNCED not in passed
            publisher = Publisher(home)
            continue
        account.missed += kill is not None
        account.ended[order.number] = answer["code"]
        if answer["code"] not in (0, 4):
            account.broken.append(f"order {order.number} ended with {answer['code']}: {answer['said'][:500]}")
        return publisher
    account.broken.append(f"order {order.number} did not end in {TRIES} tries")
    return publisher


def program(name: str, *arguments: str, **pipes: Any) -> "subprocess.Popen[str]":
    """A program of tests/faults in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{name}", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **pipes,
    )


def found(reader: "subprocess.Popen[str]") -> dict[str, Any]:
    """What a reader says at its end."""
    last = (reader.communicate()[0].splitlines() or [""])[-1]
    return dict(json.loads(last)) if last.startswith("{") else {"reads": 0, "wrong": ["it died"], "served": 0}


if __name__ == "__main__":
    sys.exit(main())
