"""`simulate(day, habits, faults, seed) → Run`: one whole day, every person, tube and plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Flags, Floats, Ints
from yingjian.engines.day import dice, retests
from yingjian.engines.day.model import (
    NEVER,
    Again,
    Begun,
    Day,
    Faults,
    Gone,
    Habits,
    Labs,
    Run,
    Sites,
    Table,
    validate,
)
from yingjian.engines.day.parts import Part, each, parts_of
from yingjian.engines.day.queue import by_hour, ends, fill, plates, serve

NO_FAULTS = Faults()
DEFAULT = Habits()


@dataclass(frozen=True)
class Draws:
    """All chance of one day. Person arrays are grouped by site (`ptr`) and ordered by arrival."""

    ptr: Ints
    arrived: Floats
    service: Floats
    register: Floats | None
    single: Flags
    away: Ints
    """Lanes of each site that nobody staffs."""
    ride: Floats
    """Factor on each site's (or route's) ride by trip, `(m, TRIPS)`."""
    outings: Floats
    """Factor on the roads of each outing of the home-visit teams."""
    alone: Floats
    """Factor on the way of the vehicle that each site's last call sends, `(m,)`: it belongs to no run."""
    ill: retests.Ill | None = None


TRIPS = 64
"""Trips of one site with a ride time of their own; later ones repeat."""


@dataclass(frozen=True)
class People:
    """A day's people by site, found once for all runs: `who[ptr[j]:ptr[j + 1]]`; an empty `who` is 0, 1, 2, …"""

    ptr: Ints
    who: Ints
    brings: Floats | None = None
    """By site, the chance that one brings an infection home; None: nobody does."""


def people_of(day: Day) -> People:
    """Who belongs to which site, each site's in the order of the day."""
    ptr = np.concatenate(([0], np.cumsum(np.bincount(day.site, minlength=len(day.sites.lanes)))))
    rising = bool((np.diff(day.site) >= 0).all())
    who = np.zeros(0, np.int64) if rising else np.argsort(day.site, kind="stable")
    return People(ptr.astype(np.int64), who, None if day.positives is None else retests.brings(day))


def simulate(
    day: Day, habits: Habits = DEFAULT, faults: Faults = NO_FAULTS, *, seed: int = 0, threads: int = 1
) -> Run:  # fmt: skip
    """Play one day. Raises `DayError`. The same seed gives the same day, on however many threads."""
    validate(day, habits, faults)
    retests.validate(day, faults)
    return play(day, habits, faults, draw(day, habits, faults, seed, threads=threads), threads)


def draw(
    day: Day, habits: Habits, faults: Faults, seed: int, *, people: People | None = None, threads: int = 1
) -> Draws:  # fmt: skip
    """Throw the dice. Each person's are their own (`dice`): no fault, and nobody swabbed before, shifts the others'."""
    keys, sites = dice.keys_of(seed), day.sites
    if people is None:
        people = people_of(day)
    ptr, person, arrived = _arrivals(day, habits, faults, keys, people, threads)
    count, m = len(arrived), len(sites.lanes)
    single = np.zeros(count, bool)
    if day.single is not None:
        single = day.single[person if faults.turnout <= 1 else person % len(day.site)]
    away = np.zeros(m, dtype=np.int64)
    if faults.absent > 0:
        dice.absent(keys[dice.LANES], sites.lanes, faults.absent, away)
    outings = 0 if day.doors is None else int(day.doors.outing.max(initial=-1)) + 1
    ride = np.empty(m * TRIPS + outings + m)
    dice.lengths(_table(habits.ride_cv), keys[dice.ROADS], 1.0, habits.ride_cv, ride)
    register = None
    if sites.desks is not None:
        register = _lengths(
            keys[dice.DESK], ptr, person, habits.register, habits.service_cv, threads
        )
    ill = None
    if day.positives is not None:
        chance = retests.brings(day) if people.brings is None else people.brings
        ill = retests.throw(day, habits, faults, keys, chance, ptr, person, arrived)
    return Draws(
        ptr=ptr, arrived=arrived,
        service=_lengths(keys[dice.HANDS], ptr, person, habits.service, habits.service_cv, threads),
        register=register, single=single, away=away,
        ride=ride[: m * TRIPS].reshape(m, TRIPS), outings=ride[m * TRIPS : len(ride) - m],
        alone=ride[len(ride) - m :], ill=ill,
    )  # fmt: skip


def _arrivals(
    day: Day, habits: Habits, faults: Faults, keys: dice.Keys, people: People, threads: int
) -> tuple[Ints, Ints, Floats]:
    """(where each site's people begin, who they are, when they come), in order of arrival.

    No-shows are left out; a turn-out above 1 repeats people at random.
    """
    share = (1 - habits.no_show) * faults.turnout
    whole, rest = int(share), share - int(share)
    gone = np.zeros(0, bool) if day.swabbed is None else day.swabbed
    m = len(day.sites.lanes)
    parts, count = parts_of(people.ptr, threads), np.empty(m, dtype=np.int64)

    def come(a: int, b: int) -> None:
        dice.come(keys, people.ptr[a : b + 1], people.who, gone, whole, rest, count[a:b])

    each(parts, come)
    ptr = np.concatenate(([0], np.cumsum(count)))
    person, arrived = np.empty(int(ptr[-1]), dtype=np.int64), np.empty(int(ptr[-1]))
    begin = 0.0 if day.begun is None else day.begun.at
    party = np.zeros(0, np.int64) if day.party is None else day.party
    since = np.zeros(0) if day.since is None else day.since

    def arrive(a: int, b: int) -> None:
        dice.arrive(
            dice.normal_quantiles(), keys, people.ptr[a : b + 1], people.who, gone, whole, rest, day.slot,
            day.sites.opens[a:b], party, since, float(habits.slot_minutes), 60.0 * habits.free_hours,
            float(habits.punctual_sd), float(habits.early_birds), float(habits.bird_minutes), begin,
            ptr[a : b + 1], arrived, person,
        )  # fmt: skip

    each(parts, arrive)
    return ptr, person, arrived


def _lengths(
    key: np.uint64, ptr: Ints, person: Ints, mean: float, spread: float, threads: int
) -> Floats:
    """Positive lengths with that mean and spread over mean, one a person."""
    found = np.empty(len(person))
    if spread <= 0 or mean <= 0:
        found[:] = max(mean, 0.0)
        return found
    table = _table(spread)

    def part(a: int, b: int) -> None:
        own = slice(int(ptr[a]), int(ptr[b]))
        dice.needs(table, key, person[own], float(mean), float(spread), found[own])

    each(parts_of(ptr, threads), part)
    return found


def _table(spread: float) -> Floats:
    return dice.gamma_quantiles(spread if spread > 0 else 1.0)


def play(day: Day, habits: Habits, faults: Faults, draws: Draws, threads: int = 1) -> Run:
    """What follows from the dice; nothing is random here."""
    sites, m = day.sites, len(day.sites.lanes)
    ptr = draws.ptr
    slow_ptr, slow = _slow(faults, m)
    ready, order = draws.arrived, None
    if draws.register is not None and sites.desks is not None:
        ready, order = _desks(draws, sites.desks, sites.opens, slow_ptr, slow)
        slow_ptr, slow = np.zeros(m + 1, np.int64), np.zeros((0, 3))
    stock, until = _stock(faults, habits, m)
    count = len(ready)
    start, end, lane = np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
    finish, busy = np.full(m, np.nan), np.zeros(m)
    sought = np.zeros(0, np.int64)
    if draws.ill is not None:
        sought = draws.ill.who if order is None else np.argsort(order)[draws.ill.who]
    held = _Tubes(count, np.sort(sought))
    single = draws.single if order is None else draws.single[order]

    def part(a: int, b: int) -> None:
        own = slice(a, b)
        serve(
            ptr[a : b + 1], ready, draws.service, sites.lanes[own], sites.opens[own], draws.away[own],
            float(faults.absent_until), slow_ptr[a : b + 1], slow, stock[own], until[own],
            float(faults.patience), start, end, lane,
        )  # fmt: skip
        ends(ptr[a : b + 1], start, end, finish[own], busy[own])
        held.fill(habits, sites, ptr, end, lane, single, a, b)

    parts = parts_of(ptr, threads)
    each(parts, part)
    tubes, last = _visited(day, draws.outings, held.found(ptr, parts), finish)
    tubes = _with(tubes, day.begun)
    last = last if day.begun is None else np.where(np.isnan(last), day.begun.at, last)
    picked, delivered = _roads(sites, habits, faults, draws, last, tubes)
    lab, known = _known(day, draws.ride, tubes[0], picked, delivered)
    loaded, result = _benches(day, habits, faults, lab, delivered, known)
    gave_up = int((lane < 0).sum()) if faults.patience < NEVER else None
    again = None
    if draws.ill is not None:
        again = _again(day, habits, faults, draws, (sought, held.of, end), tubes, lab, result)
    if order is not None:  # back to the order of arrival
        start, lane = _unsorted(order, start), lane[np.argsort(order)]
    return Run(
        ptr=ptr, arrived=draws.arrived, wait=np.subtract(start, draws.arrived, out=start), lane=lane,
        finish=finish, busy=busy, tube_site=tubes[0], tube_people=tubes[1], first_swab=tubes[2],
        sealed=tubes[3], picked=picked, delivered=delivered, loaded=loaded, result=result,
        expected=len(day.site), gave_up=gave_up, again=again,
    )  # fmt: skip


def _again(
    day: Day, habits: Habits, faults: Faults, draws: Draws, found: tuple[Ints, Ints, Floats],
    tubes: tuple[Ints, Ints, Floats, Floats], lab: Ints, result: Floats,
) -> Again:  # fmt: skip
    """The re-tests of what the laboratories found. `found`: places in the queue of those whose dice were thrown,
    their tubes by rising place, and when everybody was swabbed.
    """
    assert draws.ill is not None  # noqa: S101  asked by the caller
    places, of, end = found
    site, people, first, _ = tubes
    known = retests.Tubes(
        site=site, lab=lab, people=people, first_swab=first, result=result,
        of=of[np.argsort(np.argsort(places))], end=end[places], single=draws.single[draws.ill.who],
        sealed=len(site) - len(draws.ill.sealed),
    )  # fmt: skip
    return retests.look_into(day, habits, draws.ill, known, lambda k: _down(faults.labs, k))


def _unsorted(order: Ints, values: Floats) -> Floats:
    back = np.empty_like(values)
    back[order] = values
    return back


def _desks(
    draws: Draws, desks: Ints, opens: Floats, slow_ptr: Ints, slow: Floats
) -> tuple[Floats, Ints]:
    """(when each is through registration, rising by site; whose place that is)."""
    assert draws.register is not None  # noqa: S101
    count, m = len(draws.arrived), len(desks)
    start, end, lane = np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
    nobody, forever = np.zeros(m, np.int64), np.full(m, 2**62, dtype=np.int64)
    serve(
        draws.ptr, draws.arrived, draws.register, desks, opens, nobody, 0.0, slow_ptr, slow,
        forever, np.zeros(m), np.inf, start, end, lane,
    )  # fmt: skip
    order = np.empty(count, dtype=np.int64)
    dice.in_order(draws.ptr, end, order)
    return end[order], order


def _slow(faults: Faults, m: int) -> tuple[Ints, Floats]:
    """Slow spells by site, in order of time."""
    rows: list[list[tuple[float, float, float]]] = [[] for _ in range(m)]
    for spell in sorted(faults.slow, key=lambda s: s.start):
        for j in range(m) if spell.sites is None else spell.sites:
            rows[j].append((spell.start, spell.end, min(spell.factor, NEVER)))
    ptr = np.concatenate(([0], np.cumsum([len(r) for r in rows]))).astype(np.int64)
    flat = [row for own in rows for row in own]
    return ptr, np.array(flat, dtype=np.float64).reshape(-1, 3)


def _stock(faults: Faults, habits: Habits, m: int) -> tuple[Ints, Floats]:
    stock, until = np.full(m, 2**62, dtype=np.int64), np.zeros(m)
    for short in faults.short:
        stock[short.site] = short.tubes * habits.pool
        until[short.site] = short.until
    return stock, until


class _Tubes:
    """Tubes as they are filled: room for one each person, every part of the sites its own.

    `sought`: places in the queue, rising, of those whose tube is noted in `of`.
    """

    def __init__(self, most: int, sought: Ints) -> None:
        self.sought, self.of = sought, np.empty(len(sought), np.int64)
        self.site, self.people = np.empty(most, np.int64), np.empty(most, np.int64)
        self.first, self.sealed = np.empty(most), np.empty(most)
        self.count: dict[int, int] = {}

    def fill(
        self, habits: Habits, sites: Sites, ptr: Ints, end: Floats, lane: Ints, single: Flags, a: int, b: int
    ) -> None:  # fmt: skip
        """The tubes of sites `a` up to `b`."""
        own = slice(int(ptr[a]), int(ptr[b]))
        some = self._sought(ptr, a, b)
        self.count[a] = fill(
            ptr[a : b + 1], end, lane, single, sites.lanes[a:b], habits.pool, float(habits.tube_open),
            self.site[own], self.people[own], self.first[own], self.sealed[own],
            self.sought[some], self.of[some],
        )  # fmt: skip
        self.site[int(ptr[a]) : int(ptr[a]) + self.count[a]] += a

    def _sought(self, ptr: Ints, a: int, b: int) -> slice:
        return slice(*np.searchsorted(self.sought, (ptr[a], ptr[b])).tolist())

    def found(self, ptr: Ints, parts: list[Part]) -> tuple[Ints, Ints, Floats, Floats]:
        """(site, people, first swab, sealed) of each tube."""
        spans = [slice(int(ptr[a]), int(ptr[a]) + self.count[a]) for a, _ in parts]
        before = 0
        for a, b in parts:  # each part counted its own
            own = self.of[self._sought(ptr, a, b)]
            own += before * (own >= 0)
            before += self.count[a]
        return (
            np.concatenate([self.site[span] for span in spans]),
            np.concatenate([self.people[span] for span in spans]),
            np.concatenate([self.first[span] for span in spans]),
            np.concatenate([self.sealed[span] for span in spans]),
        )


def _visited(
    day: Day, factor: Floats, tubes: tuple[Ints, Ints, Floats, Floats], finish: Floats
) -> tuple[tuple[Ints, Ints, Floats, Floats], Floats]:
    """The lanes' tubes and those of the doors; when each site is through with both."""
    doors = day.doors
    if doors is None:
        return tubes, finish
    site, people, first, sealed = tubes
    road = factor[doors.outing]
    back = doors.leaves + (doors.back - doors.leaves) * road
    swabbed = doors.leaves + (doors.first_swab - doors.leaves) * road
    last = finish.copy()
    np.fmax.at(last, doors.site, back)
    return (
        np.concatenate((site, doors.site)), np.concatenate((people, doors.people)),
        np.concatenate((first, swabbed)), np.concatenate((sealed, back)),
    ), last  # fmt: skip


def _with(
    tubes: tuple[Ints, Ints, Floats, Floats], begun: Begun | None
) -> tuple[Ints, Ints, Floats, Floats]:
    """The tubes to come, and after them those that are there already: sealed as far as the road is concerned."""
    if begun is None:
        return tubes
    site, people, first, sealed = tubes
    return (
        np.concatenate((site, begun.site)), np.concatenate((people, np.zeros(len(begun.site), np.int64))),
        np.concatenate((first, begun.first_swab)), np.concatenate((sealed, np.full(len(begun.site), begun.at))),
    )  # fmt: skip


def _known(
    day: Day, factor: Floats, site: Ints, picked: Floats, delivered: Floats
) -> tuple[Ints, Flags]:
    """Write what is known of tubes there already; (laboratory of each tube, whether it was checked in before)."""
    lab, held = day.sites.lab[site], np.zeros(len(site), bool)
    begun = day.begun
    if begun is None or not len(begun.site):
        return lab, held
    own = slice(len(site) - len(begun.site), None)
    lab[own], held[own] = begun.lab, ~np.isnan(begun.delivered)
    ride = day.sites.ride[begun.site] * factor[begun.site, 0]
    road = np.maximum(begun.picked + ride, begun.at)
    picked[own] = np.where(np.isnan(begun.picked), picked[own], begun.picked)
    delivered[own] = np.where(np.isnan(road), delivered[own], road)
    delivered[own] = np.where(held[own], begun.delivered, delivered[own])
    return lab, held


def _roads(
    sites: Sites, habits: Habits, faults: Faults, draws: Draws, finish: Floats,
    tubes: tuple[Ints, Ints, Floats, Floats],
) -> tuple[Floats, Floats]:  # fmt: skip
    """When each tube is picked up and handed over. Stops of a run share its road; a last call has its own."""
    site, _, _, sealed = tubes
    factor = draws.ride
    first, every = sites.first_pickup[site], sites.pickup_every[site]
    road = site if sites.route is None else sites.route[site]
    trip = np.maximum(0, np.ceil((sealed - first) / every)).astype(np.int64)
    if sites.behind is not None:  # the run before may be late enough to take it along
        behind = sites.behind[site]
        late = np.maximum(factor[road, (trip - 1) % TRIPS] - 1.0, 0.0) * behind
        trip = trip - ((trip > 0) & (first + (trip - 1) * every + late >= sealed))
        first = first + np.maximum(factor[road, trip % TRIPS] - 1.0, 0.0) * behind
    last = np.maximum(finish[site] + habits.last_call, sealed)
    due = first + trip * every
    picked = np.minimum(due, last)
    for gone in faults.vehicles:
        lost = (sites.vehicle[site] == gone.index) & (picked >= gone.start) & (picked < gone.end)
        picked = np.where(lost, gone.end, picked)
    run, ride = due <= last, sites.ride[site]
    quick = np.where(run, factor[road, trip % TRIPS], draws.alone[site])
    taken = ride * quick
    if sites.home is not None:
        taken = np.where(run & (quick < 1.0), ride - sites.home[site] * (1.0 - quick), taken)
    delivered: Floats = picked + taken
    return picked, delivered


def _benches(
    day: Day, habits: Habits, faults: Faults, lab: Ints, delivered: Floats, held: Flags
) -> tuple[Floats, Floats]:
    """When each tube's run starts, and when its result is out. `held`: checked in before the day was taken up."""
    labs, begun = day.labs, day.begun
    loaded, result = np.empty(len(delivered)), np.empty(len(delivered))
    ptr, by_lab = _by_lab(lab, delivered, len(labs.wells))
    for k in np.flatnonzero(np.diff(ptr)).tolist():
        own = by_lab[ptr[k] : ptr[k + 1]]
        free = np.full(int(labs.instruments[k]), float(labs.opens[k]))
        if begun is None:
            ready = _received(labs, k, delivered[own])
        else:
            free[: len(begun.free[k])] = np.maximum(begun.free[k][: len(free)], labs.opens[k])
            ready = np.full(len(own), begun.at)
            ready[~held[own]] = _received(labs, k, delivered[own][~held[own]])
            own = own[np.argsort(ready, kind="stable")]
            ready.sort()
        begin, done = np.empty(len(own)), np.empty(len(own))
        plates(
            ready, int(labs.wells[k]), free, float(labs.run[k]), habits.partial_wait,
            _down(faults.labs, k), begin, done,
        )  # fmt: skip
        loaded[own], result[own] = begin, done + habits.review
    return loaded, result


def _by_lab(lab: Ints, delivered: Floats, labs: int) -> tuple[Ints, Ints]:
    """Where each laboratory's tubes begin, and the tubes, its own in the order they are handed over."""
    ptr = np.concatenate(([0], np.cumsum(np.bincount(lab, minlength=labs)))).astype(np.int64)
    narrow = lab.astype(np.int16) if labs < 2**15 else lab  # so few numbers are sorted by counting
    mine = np.argsort(narrow, kind="stable")
    order = np.empty(len(lab), dtype=np.int64)
    dice.in_order(ptr, delivered[mine], order)
    return ptr, mine[order]


def _received(labs: Labs, k: int, delivered: Floats) -> Floats:
    """When tubes are unpacked and checked in, rising."""
    count = len(delivered)
    start, end, hand = np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
    one, no = np.array([0, count]), np.zeros(1, np.int64)
    serve(
        one, delivered, np.full(count, labs.receive[k]), labs.receivers[k : k + 1],
        labs.opens[k : k + 1], no, 0.0, np.zeros(2, np.int64), np.zeros((0, 3)),
        np.full(1, 2**62, dtype=np.int64), np.zeros(1), np.inf, start, end, hand,
    )  # fmt: skip
    return end


def _down(gone: tuple[Gone, ...], lab: int) -> Floats:
    spells = sorted((g.start, g.end) for g in gone if g.index == lab)
    return np.array(spells, dtype=np.float64).reshape(-1, 2)


def table(run: Run, sites: int) -> Table:
    """The run's queue by site and hour of arrival."""
    people = np.zeros((sites, 24), dtype=np.int64)
    p50, p95, most = (np.full((sites, 24), np.nan) for _ in range(3))
    by_hour(run.ptr, run.arrived, run.wait, people, p50, p95, most)
    return Table(people, p50, p95, most)
