"""Virtual time: what happens when, in order, with a few pairs of hands.

Events lie in a heap by their moment. Events of different actors that follow one another run side by
side in a few threads (`together`); an event that must see everything before it done stands alone.
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
from datetime import datetime
from typing import Final

HANDS: Final = 4  # a server waits for its disk as often as it computes
Deed = Callable[[datetime], None]
HELD_MOST: Final = (
    256  # events kept for running side by side; bounds what one failure leaves undone
)


@dataclass(order=True, frozen=True)
class _Event:
    at: datetime
    number: int
    who: str = field(compare=False)
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

    def plan(self, at: datetime, who: str, deed: Deed, *, together: bool = False) -> None:
        """Let `deed` happen at `at`. Nothing is planned into the past: it then happens next."""
        with self._lock:
            if self.now is not None and at < self.now:
                at = self.now
            heapq.heappush(self._heap, _Event(at, next(self._numbers), who, deed, together))

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
            held.append(heapq.heappop(self._heap))
        return held

    def _flush(self, pool: ThreadPoolExecutor, held: list[_Event]) -> None:
        """Run the held events side by side, those of one actor in their order."""
        self.now = held[0].at
        by_actor: dict[str, list[_Event]] = defaultdict(list)
        for event in held:
            by_actor[event.who].append(event)
        for future in [pool.submit(_in_order, events) for events in by_actor.values()]:
            future.result()
        self.now = held[-1].at
        self._count(held[-1].at, len(held))

    def _count(self, at: datetime, events: int) -> None:
        self.done += events
        if self._told is not None:
            self._told(at, self.done)


def _in_order(events: list[_Event]) -> None:
    for event in events:
        event.deed(event.at)
