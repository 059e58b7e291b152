"""How people come to a site and stand in its queue: chance of the drill's own, by habits a forecast states.

Pure. Nobody comes exactly when called: households come together, early, late or at opening time; who comes first is
called first, to the table that is free first. Written apart from `engines.day`, and on other dice, so that a forecast
can be held against it.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from drill.filling import Filled, Guest

MINUTE: Final = timedelta(minutes=1)
AT_DOOR: Final = 4 * MINUTE  # from the bell to the swab (assumed)
NEXT: Final = 2 * MINUTE  # every further person behind the same door (assumed)


@dataclass(frozen=True, slots=True)
class Habits:
    """How people, hands, roads and benches behave: minutes and shares, named as the rehearsal states them."""

    service: float = 0.6
    service_cv: float = 0.5
    slot_minutes: float = 30.0
    punctual_sd: float = 10.0
    early_birds: float = 0.05
    bird_minutes: float = 60.0
    free_hours: float = 6.0
    tube_open: float = 60.0
    ride_cv: float = 0.2
    partial_wait: float = 30.0
    review: float = 20.0
    bench_hours: float = 5.0
    bench_plate: float = 94
    bench_receivers: float = 4
    bench_receive: float = 0.25
    retest_way: float = 16.0
    retest_each: float = 2.6
    retest_wait: float = 5.0
    retest_run: float = 90.0

    @classmethod
    def stated(cls, assumptions: Mapping[str, Any]) -> Habits:
        """As a rehearsal states them; what it does not name is as above."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: float(v) for name, v in assumptions.items() if name in known})


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody on the way: `ready` is when they came, or when the table is there for them."""

    ready: datetime
    came: datetime
    guest: Guest


@dataclass(frozen=True, slots=True)
class Waited:
    """Somebody who came, and when their turn was: what no record of the system says."""

    person_id: str
    came: datetime
    called: datetime

    @property
    def minutes(self) -> float:
        return (self.called - self.came) / MINUTE


def spread(rng: random.Random, mean: float, cv: float) -> float:
    """A length with this mean and this spread over mean."""
    if cv <= 0 or mean <= 0:
        return max(mean, 0.0)
    shape = 1.0 / cv**2
    return rng.gammavariate(shape, mean / shape)


def coming(
    guests: Iterable[Guest], *, opens: Sequence[datetime], halts: bool, habits: Habits, rng: random.Random
) -> list[Coming]:  # fmt: skip
    """When each comes and from when on they can be served, first first.

    Those of one household who are called together come together. `opens`: when the site opens, once for each of
    its days. Nobody is served before the one they are called to. `halts`: these are a mobile team's places, and
    people come out when it is there.
    """
    together: dict[tuple[str, datetime | None], datetime] = {}
    found = []
    for guest in guests:
        since = _opening(opens, guest.slot)
        party = (guest.household or guest.person_id, guest.slot)
        if party not in together:
            together[party] = _when(guest.slot, since, habits, rng)
        came = max(together[party], since) if halts else together[party]
        found.append(Coming(max(came, since), came, guest))
    return sorted(found, key=lambda one: (one.ready, one.guest.household, one.guest.person_id))


def _opening(opens: Sequence[datetime], slot: datetime | None) -> datetime:
    """The opening somebody is called to."""
    return opens[0] if slot is None else max((at for at in opens if at <= slot), default=opens[0])


def _when(slot: datetime | None, opens: datetime, habits: Habits, rng: random.Random) -> datetime:
    if rng.random() < habits.early_birds:
        return opens + rng.random() * habits.bird_minutes * MINUTE
    if slot is None:
        return opens + rng.random() * habits.free_hours * 60 * MINUTE
    late = rng.random() * habits.slot_minutes + rng.gauss(0.0, habits.punctual_sd)
    return slot + late * MINUTE


def served(
    arrivals: Sequence[Coming], *, tables: int, habits: Habits, capacity: int, rng: random.Random
) -> tuple[list[list[Filled]], list[Waited]]:
    """The tubes of each table, and how long each person stood in the one queue before them.

    A pool is sealed when it is full, or so long after its first swab (`tube_open`); what is open at the end is sealed
    with the last swab.
    """
    free = [(one.ready, number) for one in arrivals[:1] for number in range(tables)]
    racks = [_Rack(capacity, habits.tube_open) for _ in range(tables)]
    waits = []
    for one in arrivals:
        freed, table = heapq.heappop(free)
        called = max(one.ready, freed)
        swabbed = called + spread(rng, habits.service, habits.service_cv) * MINUTE
        heapq.heappush(free, (swabbed, table))
        waits.append(Waited(one.guest.person_id, one.came, called))
        racks[table].swab(one.guest, called, swabbed)
    return [sorted(rack.tubes, key=lambda tube: tube.ready_at) for rack in racks], waits


class _Rack:
    """The tubes of one table."""

    def __init__(self, capacity: int, longest: float) -> None:
        self.tubes: list[Filled] = []
        self._capacity, self._longest = capacity, longest * MINUTE
        self._pool: Filled | None = None

    def swab(self, guest: Guest, called: datetime, swabbed: datetime) -> None:
        """One more swab: into a tube alone, or into the open pool."""
        if guest.mode == "single":
            self.tubes.append(Filled("single", 1, called, [(guest, swabbed)]))
            return
        pool = self._pool
        if pool is not None and swabbed - pool.first_at > self._longest:
            pool.closed = pool.first_at + self._longest
            pool = None
        if pool is None:
            pool = Filled("pool", self._capacity, called)
            self.tubes.append(pool)
        pool.swabs.append((guest, swabbed))
        self._pool = None if len(pool) == self._capacity else pool


def doors(
    visits: Sequence[tuple[datetime, Sequence[Guest]]], *, leaves: datetime, back: datetime,
    habits: Habits, capacity: int, rng: random.Random,
) -> list[Filled]:  # fmt: skip
    """The tubes of one outing of a home-visit team: (when it is at a door by the plan, who lives there).

    Its roads are shorter or longer than planned, by one factor; every tube is at the site when the team is back.
    """
    factor = spread(rng, 1.0, habits.ride_cv)
    home = leaves + (back - leaves) * factor
    rack = _Rack(capacity, habits.tube_open)
    for planned, people in visits:
        at = leaves + (planned - leaves) * factor
        for number, guest in enumerate(people):
            swabbed = at + (AT_DOOR + number * NEXT) * factor
            rack.swab(guest, swabbed - NEXT, swabbed)
    for tube in rack.tubes:
        tube.brought = max(home, tube.sealed_at)
    return rack.tubes


def share(values: Sequence[float], part: float) -> float:
    """The value that `part` of all do not exceed: an order statistic, as the rehearsal counts it."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else float("nan")
