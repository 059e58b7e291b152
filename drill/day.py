"""Virtual time: what happens when, in order, with a few pairs of hands.

Events lie in a heap by their moment. Events that follow one another within moments and touch different
actors run side by side in a few threads (`together`); one that touches several (a courier at a site)
keeps its place among the events of each. An event that must see everything before it done stands alone.
Nothing here reads the wall clock: the day ends when no event is left.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

HANDS: Final = 4  # a server waits for its disk as often as it computes
Deed = Callable[[datetime], None]
HELD_MOST: Final = 256  # events kept to run side by side; bounds what one failure leaves undone
# No deed plans its next one sooner, so that none lies between those held.
HELD_SPAN: Final = timedelta(minutes=2)


@dataclass(order=True, frozen=True)
class _Event:
    at: datetime
    number: int
    who: tuple[str, ...] = field(compare=False)
    deed: Deed = field(compare=False)
    together: bool = field(compare=False)


class Day:
    """The events still to come. Deeds may plan further ones, at their own moment or later."""

    def __init__(
        self, *, hands: int = HANDS, told: Callable[[datetime, int], None] | None = None
    ) -> None:
        self._heap: list[_Event] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._hands, self._told = hands, told
        self.now: datetime | None = None
        self.done = 0

    def plan(
        self, at: datetime, who: str | tuple[str, ...], deed: Deed, *, together: bool = False
    ) -> None:
        """Let `deed` happen at `at`. Nothing is planned into the past: it then happens next.

        `who`: everybody the deed touches. With `together`, deeds of others may happen at the same time.
        """
        touched = (who,) if isinstance(who, str) else who
        with self._lock:
            if self.now is not None and at < self.now:
                at = self.now
            heapq.heappush(self._heap, _Event(at, next(self._numbers), touched, deed, together))

    @property
    def waiting(self) -> int:
        """How many events are still to come."""
        return len(self._heap)

    def run(self, until: datetime | None = None) -> None:
        """Let everything happen that is planned, or everything up to `until`."""
        with ThreadPoolExecutor(self._hands) as pool:
            while self._heap and (until is None or self._heap[0].at <= until):
                if held := self._gather(until):
                    self._flush(pool, held)
                    continue
                event = heapq.heappop(self._heap)
                self.now = event.at
                event.deed(event.at)
                self._count(event.at, 1)

    def _gather(self, until: datetime | None) -> list[_Event]:
        """The next events as far as they may happen side by side."""
        held: list[_Event] = []
        while self._heap and self._heap[0].together and len(held) < HELD_MOST:
            if until is not None and self._heap[0].at > until:
                break
            if held and self._heap[0].at - held[0].at >= HELD_SPAN:
                break
            held.append(heapq.heappop(self._heap))
        return held

    def _flush(self, pool: ThreadPoolExecutor, held: list[_Event]) -> None:
        """Run the held events side by side, those that touch one another in their order."""
        self.now = held[0].at
        for future in [pool.submit(_in_order, events) for events in _apart(held)]:
            future.result()
        self.now = held[-1].at
        self._count(held[-1].at, len(held))

    def _count(self, at: datetime, events: int) -> None:
        self.done += events
        if self._told is not None:
            self._told(at, self.done)


def _apart(events: list[_Event]) -> list[list[_Event]]:
    """The events in groups of which no two touch the same actor, each in its order."""
    joined: dict[str, str] = {}

    def first(name: str) -> str:
        while (before := joined.setdefault(name, name)) != name:
            name = before
        return name

    for event in events:
        for name in event.who[1:]:
            joined[first(name)] = first(event.who[0])
    groups: dict[str, list[_Event]] = defaultdict(list)
    for event in events:
        groups[first(event.who[0])].append(event)
    return list(groups.values())


def _in_order(events: list[_Event]) -> None:
    for event in events:
        event.deed(event.at)
