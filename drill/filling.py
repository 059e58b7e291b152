"""How a queue of people becomes tubes: pure logic of the sampling table.

The tube is scanned first, then people one after another; a pool is locked when it is full and
sealed soon after; whoever may not be pooled gets a tube alone. People come in the order they are
called, never before their slot; a table takes them no faster than its throughput.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

JITTER: Final = 0.25  # how far one person's time at the table strays from the mean
LOCK_AFTER: Final = timedelta(seconds=15)
SEAL_AFTER: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody on the due list of a site: who they are to the drill and how they are to be swabbed."""

    person_id: str
    token: str
    mode: str = "pool"
    home: bool = False
    slot: datetime | None = None
    village: str = ""
    household: str = ""


@dataclass(slots=True)
class Filled:
    """A tube as the table left it. `number` is given where tubes are counted (`1` for the first of a table)."""

    mode: str
    capacity: int
    opened_at: datetime
    swabs: list[tuple[Guest, datetime]] = field(default_factory=list)
    number: int = 0
    closed: datetime | None = None
    """When an open pool was given up waiting for more people; else it ends with its last swab."""
    brought: datetime | None = None
    """When a team was back with it at its site."""

    @property
    def locked_at(self) -> datetime:
        return (self.closed or self.swabs[-1][1]) + LOCK_AFTER

    @property
    def sealed_at(self) -> datetime:
        return (self.closed or self.swabs[-1][1]) + SEAL_AFTER

    @property
    def ready_at(self) -> datetime:
        """When it is sealed and at its site: from then on it can be handed in and packed."""
        return max(self.sealed_at, self.brought or self.sealed_at)

    @property
    def first_at(self) -> datetime:
        return self.swabs[0][1]

    def __len__(self) -> int:
        return len(self.swabs)


def queue(
    guests: Sequence[Guest],
    *,
    opens: datetime,
    each: timedelta,
    capacity: int,
    rng: random.Random,
    hold: timedelta | None = None,
    door: timedelta | None = None,
    cuts: Sequence[datetime] = (),
) -> list[Filled]:
    """Tubes of one table that takes `guests` in this order from `opens`, `each` per person on average.

    `door`: the time for somebody visited at home, with the way there, where it is another.
    `cuts`: moments by which an open pool is sealed, full or not (a courier comes).
    `hold`: an open pool is sealed, full or not, when its next guest would come later than this
    after its first swab. Only the pools so sealed, and the last, can be short of `capacity`.
    """
    tubes: list[Filled] = []
    pool: Filled | None = None
    clock = opens
    for guest in guests:
        start = max(clock, guest.slot) if guest.slot is not None else clock
        takes = door if door is not None and guest.home else each
        clock = start + takes * rng.uniform(1 - JITTER, 1 + JITTER)
        if guest.mode == "single":
            tubes.append(Filled("single", 1, start, [(guest, clock)]))
            continue
        if pool is not None and _over(pool, clock, hold, cuts):
            pool = None
        if pool is None:
            pool = Filled("pool", capacity, start)
            tubes.append(pool)
        pool.swabs.append((guest, clock))
        if len(pool) == capacity:
            pool = None
    return sorted(tubes, key=lambda tube: tube.sealed_at)


def _over(pool: Filled, clock: datetime, hold: timedelta | None, cuts: Sequence[datetime]) -> bool:
    """Whether an open pool does not wait for somebody who comes at `clock`."""
    late = hold is not None and clock - pool.first_at > hold
    return late or any(pool.first_at <= cut < clock for cut in cuts)


def deal(guests: Sequence[Guest], tables: int, capacity: int) -> list[list[Guest]]:
    """Share a site's guests out over its tables: pools in whole groups of `capacity`, in the order called.

    People who are called for the same time and go into the same pool stand together (R30). At most
    one pool of the whole site is short.
    """
    pooled = [guest for guest in guests if guest.mode != "single"]
    singles = [guest for guest in guests if guest.mode == "single"]
    groups = [pooled[at : at + capacity] for at in range(0, len(pooled), capacity)]
    shared: list[list[Guest]] = [[] for _ in range(tables)]
    for at, group in enumerate(groups):
        shared[at % tables] += group
    for at, guest in enumerate(singles):
        shared[at % tables].append(guest)
    return [sorted(mine, key=_called) for mine in shared]


def _called(guest: Guest) -> datetime:
    return guest.slot or _ALWAYS


_ALWAYS: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def leave_over(guests: Sequence[Guest], capacity: int) -> tuple[list[Guest], list[Guest]]:
    """Split off what does not fill a pool: those visited at home first, last called first.

    The rest fills whole pools; the ones left over are for a team that goes from site to site.
    """
    pooled = [guest for guest in guests if guest.mode != "single"]
    over = len(pooled) % capacity
    if not over:
        return list(guests), []
    ordered = sorted(pooled, key=lambda guest: (guest.home, _called(guest)))
    left = {guest.person_id for guest in ordered[-over:]}
    return (
        [guest for guest in guests if guest.person_id not in left],
        [guest for guest in guests if guest.person_id in left],
    )


def pace(people: int, *, room: timedelta, per_hour: float) -> timedelta:
    """Time per person at a table that has `room` for `people`: its usual pace, or faster where that would not do.

    A table cannot be faster than twice its usual pace: then it runs late and the system's clocks
    show it.
    """
    usual = timedelta(hours=1) / per_hour
    return max(min(usual, room / people), usual / 2) if people else usual


def split_boxes(tubes: Sequence[Filled], most: int) -> list[list[Filled]]:
    """Tubes in boxes of at most `most`, as even as they can be."""
    if not tubes:
        return []
    boxes = -(-len(tubes) // most)
    size, over = divmod(len(tubes), boxes)
    found, at = [], 0
    for number in range(boxes):
        end = at + size + (number < over)
        found.append(list(tubes[at:end]))
        at = end
    return found
