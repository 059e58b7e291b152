"""Requests sent when they are due, whether or not earlier ones were answered (open loop).

A late answer does not lower the load: what is due waits in line where every sender is busy, and its time counts from
the moment it was due. Requests of one device or one box go one after another, as they do in the field. Whoever is
turned away comes again when told, with the same request; the time still counts from when it was first due.
"""

from __future__ import annotations

import heapq
import http.client
import itertools
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from drill.ground import Ask
from drill.pressure.verdict import Tally

SENDERS: Final = 48
ANSWER_SECONDS: Final = 60.0
TRIES: Final = 3
"""Times a request whose connection ended without an answer is sent again."""
AGAIN: Final = 1.0
Make = Callable[[], Ask]
Check = Callable[[int, bytes], str]
"""(status, body) → what is wrong, empty where the request did what it was to do."""


def answered(status: int, body: bytes) -> str:
    """A plain question: anything but 200 is wrong."""
    return "" if status == http.client.OK else f"{status}"


def applied(status: int, body: bytes) -> str:
    """Commands: every one of them has to be applied."""
    if status != http.client.OK:
        return f"{status}"
    return "parked" if b'"parked"' in body else ""


@dataclass(slots=True)
class Shot:
    """A request to come. `due`: seconds from the step's begin; `line`: shots of one line are sent one after another.

    `make` gives the request when its turn has come; `done` hears that it did what it was to do.
    """

    kind: str
    due: float
    make: Make
    line: str = ""
    check: Check = answered
    done: Callable[[], None] = lambda: None
    ask: Ask | None = None
    cuts: int = 0
    handed: bool = False
    again: bool = False
    """It was sent before and holds its line."""


@dataclass
class Shooter:
    """Sends a step's shots to `url`. `tallies` are by kind."""

    url: str
    senders: int = SENDERS
    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    begun: int = 0

    def __post_init__(self) -> None:
        self._began = 0.0
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Shot]] = []
        self._busy: set[str] = set()
        self._behind: dict[str, deque[Shot]] = defaultdict(deque)
        self._ready: queue.SimpleQueue[Shot | None] = queue.SimpleQueue()
        self._open = 0
        self._withdrawn = False

    def fire(
        self, shots: Iterable[Shot], *, seconds: float, grace: float, told: Callable[[float], None]
    ) -> float:
        """Send every shot when due; wait at most `grace` seconds after the end for what is open. Seconds it took.

        What has not begun by then is withdrawn; what is on its way is waited for.
        """
        for shot in shots:
            self.tallies[shot.kind].offered += 1
            self._open += 1
            heapq.heappush(self._heap, (shot.due, next(self._order), shot))
        self._began = time.monotonic()
        threads = [threading.Thread(target=self._send_all) for _ in range(self.senders)]
        for thread in threads:
            thread.start()
        try:
            self._dispatch(seconds + grace, told)
        finally:
            with self._changed:
                self._withdrawn = True
            for _ in threads:
                self._ready.put(None)
            for thread in threads:
                thread.join()
        return self._now()

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _dispatch(self, until: float, told: Callable[[float], None]) -> None:
        """Hand shots to the senders as they become due, until all are answered or the time is over."""
        while True:
            with self._changed:
                now = self._now()
                while self._heap and self._heap[0][0] <= now:
                    self._hand(heapq.heappop(self._heap)[2], now)
                if not self._open or now >= until:
                    return
                due = self._heap[0][0] if self._heap else until
                self._changed.wait(max(0.0005, min(due, until, now + 0.5) - now))
            told(self._now())

    def _hand(self, shot: Shot, now: float) -> None:
        """To the senders, or behind what its line is busy with."""
        if not shot.handed:
            shot.handed = True
            self.tallies[shot.kind].lag.append(now - shot.due)
        if not shot.line or shot.again:
            self._ready.put(shot)
        elif shot.line in self._busy:
            self._behind[shot.line].append(shot)
        else:
            self._busy.add(shot.line)
            self._ready.put(shot)

    def _send_all(self) -> None:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=ANSWER_SECONDS
        )
        while (shot := self._ready.get()) is not None:
            if not self._withdrawn:
                self._send(connection, shot)
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, shot: Shot) -> None:
        if shot.ask is None:
            shot.ask = shot.make()
            self.begun += 1
        ask = shot.ask
        try:
            connection.request(ask.method, ask.path, ask.body, ask.headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._cut(shot, type(error).__name__)
            return
        if answer.status == http.client.TOO_MANY_REQUESTS:
            self._turned(shot, answer.headers.get("Retry-After"))
            return
        self._answered(shot, shot.check(answer.status, body))

    def _cut(self, shot: Shot, why: str) -> None:
        shot.cuts += 1
        if shot.cuts > TRIES:
            self._answered(shot, why)
        else:  # the first time at once: a connection left idle may have been closed meanwhile
            self._again(shot, AGAIN if shot.cuts > 1 else 0.0)

    def _turned(self, shot: Shot, wait: str | None) -> None:
        with self._changed:
            tally = self.tallies[shot.kind]
            tally.turned += 1
            tally.without_wait += wait is None
        self._again(shot, float(wait or AGAIN))

    def _again(self, shot: Shot, wait: float) -> None:
        shot.again = True
        with self._changed:
            heapq.heappush(self._heap, (self._now() + wait, next(self._order), shot))
            self._changed.notify()

    def _answered(self, shot: Shot, wrong: str) -> None:
        now = self._now()
        with self._changed:
            tally = self.tallies[shot.kind]
            if wrong:
                tally.errors[wrong] += 1
            else:
                tally.seconds.append(now - shot.due)
            self._open -= 1
            behind = self._behind[shot.line] if shot.line else None
            if behind:
                self._ready.put(behind.popleft())
            else:
                self._busy.discard(shot.line)
            self._changed.notify()
        if not wrong:
            shot.done()

    @property
    def lags(self) -> list[float]:
        return [lag for tally in self.tallies.values() for lag in tally.lag]

    def states(self) -> tuple[int, int, int]:
        """(answered, turned away, wrong) so far."""
        with self._changed:
            found: Sequence[Tally] = list(self.tallies.values())
            return (
                sum(len(one.seconds) for one in found),
                sum(one.turned for one in found),
                sum(sum(one.errors.values()) for one in found),
            )
