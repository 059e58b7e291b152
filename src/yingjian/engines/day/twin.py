"""`simulate(day, habits, faults, seed) → Run`: one whole day, every person, tube and plate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.day.model import (
    NEVER,
    Begun,
    Day,
    Faults,
    Flags,
    Floats,
    Gone,
    Habits,
    Ints,
    Labs,
    Run,
    Sites,
    Table,
    validate,
)
from yingjian.engines.day.queue import by_hour, fill, in_order, plates, serve

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
    """Factor on each site's ride by trip, `(m, TRIPS)`."""


TRIPS = 64
"""Trips of one site with a ride time of their own; later ones repeat."""


def simulate(
    day: Day, habits: Habits = DEFAULT, faults: Faults = NO_FAULTS, *, seed: int = 0
) -> Run:
    """Play one day. Raises `DayError`. The same seed gives the same day."""
    validate(day, habits, faults)
    return play(day, habits, faults, draw(day, habits, faults, seed))


def draw(day: Day, habits: Habits, faults: Faults, seed: int) -> Draws:
    """Throw the dice. Each kind of chance has its own stream, so faults do not shift the others."""
    turn, come, hands, desk, lanes, roads = (
        np.random.Generator(np.random.SFC64(s)) for s in np.random.SeedSequence(seed).spawn(6)
    )
    sites = day.sites
    m = len(sites.lanes)
    who = _who(day, habits, faults, turn)
    ptr, order = _grouped(day.site[who], m)
    who = who[order]
    arrived = _arrivals(day, habits, who, come)
    single = np.zeros(len(who), bool)
    if day.single is None and day.swabbed is None:
        _sort(ptr, arrived)
    else:
        order = np.empty(len(who), dtype=np.int64)
        in_order(ptr, arrived, order)
        arrived, who = arrived[order], who[order]
        single = single if day.single is None else day.single[who]
    register = None
    if sites.desks is not None:
        register = _lengths(desk, habits.register, habits.service_cv, len(who))
    away = np.zeros(m, dtype=np.int64)
    if faults.absent > 0:
        away = np.minimum(lanes.binomial(sites.lanes, faults.absent), sites.lanes - 1)
    drawn = Draws(
        ptr=ptr,
        arrived=arrived,
        service=_lengths(hands, habits.service, habits.service_cv, len(who)),
        register=register,
        single=single,
        away=away,
        ride=_lengths(roads, 1.0, habits.ride_cv, m * TRIPS).reshape(m, TRIPS),
    )
    return drawn if day.swabbed is None else _without(drawn, day.swabbed[who])


def _without(drawn: Draws, gone: Flags) -> Draws:
    """Only those who are still to come, each with the dice they threw."""
    keep = ~gone
    before = np.concatenate(([0], np.cumsum(keep)))
    return replace(
        drawn, ptr=before[drawn.ptr].astype(np.int64), arrived=drawn.arrived[keep],
        service=drawn.service[keep], single=drawn.single[keep],
        register=None if drawn.register is None else drawn.register[keep],
    )  # fmt: skip


def _who(day: Day, habits: Habits, faults: Faults, rng: np.random.Generator) -> Ints:
    """Indices of those who come: no-shows left out, a turnout above 1 repeats people at random."""
    n = len(day.site)
    share = (1 - habits.no_show) * faults.turnout
    who = np.repeat(np.arange(n), int(share))
    rest = share - int(share)
    return np.concatenate((who, np.flatnonzero(rng.random(n) < rest))) if rest > 0 else who


def _grouped(site: Ints, m: int) -> tuple[Ints, Ints]:
    """Where each site's people begin, and people ordered by site."""
    ptr = np.concatenate(([0], np.cumsum(np.bincount(site, minlength=m)))).astype(np.int64)
    if (np.diff(site) >= 0).all():
        return ptr, np.arange(len(site))
    return ptr, np.argsort(site, kind="stable")


def _sort(ptr: Ints, arrived: Floats) -> None:
    """Each site's arrivals in order, in place: who is who does not matter without own tubes.

    numpy's vectorised sort, called per site, is several times faster than a compiled argsort.
    """
    for a, b in zip(ptr[:-1].tolist(), ptr[1:].tolist(), strict=True):
        arrived[a:b].sort()


def _arrivals(day: Day, habits: Habits, who: Ints, rng: np.random.Generator) -> Floats:
    opens = day.sites.opens[day.site[who]]
    slot = day.slot[who]
    within = rng.random(len(who))
    free = np.isnan(slot)
    span = np.where(free, 60.0 * habits.free_hours, habits.slot_minutes)
    at = np.where(free, opens, slot) + within * span
    if habits.punctual_sd > 0:
        at += habits.punctual_sd * rng.standard_normal(len(who))
    if habits.early_birds > 0:
        birds = rng.random(len(who)) < habits.early_birds
        at = np.where(birds, opens + within * habits.bird_minutes, at)
    arrived: Floats = np.maximum(at, 0.0 if day.begun is None else day.begun.at)
    return arrived


def _lengths(rng: np.random.Generator, mean: float, spread: float, count: int) -> Floats:
    """Positive lengths with that mean and spread over mean: gamma; 1 is exponential, 0 constant."""
    if spread <= 0 or mean <= 0:
        return np.full(count, max(mean, 0.0))
    shape = 1.0 / spread**2
    if shape == 1.0:
        return rng.standard_exponential(count) * mean
    return rng.standard_gamma(shape, count) * (mean / shape)


def play(day: Day, habits: Habits, faults: Faults, draws: Draws) -> Run:
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
    serve(
        ptr, ready, draws.service, sites.lanes, sites.opens, draws.away, faults.absent_until,
        slow_ptr, slow, stock, until, start, end, lane,
    )  # fmt: skip
    site = np.repeat(np.arange(m), np.diff(ptr))
    finish = np.full(m, np.nan)
    came = np.diff(ptr) > 0
    busy = np.bincount(site, weights=end - start, minlength=m).astype(np.float64)
    if came.any():
        finish[came] = np.maximum.reduceat(end, ptr[:-1][came])
    single = draws.single if order is None else draws.single[order]
    tubes = _tubes(sites, habits, ptr, end, lane, single)
    tubes = _with(tubes, day.begun)
    ends = finish if day.begun is None else np.where(np.isnan(finish), day.begun.at, finish)
    picked, delivered = _roads(sites, habits, faults, draws.ride, ends, tubes)
    lab, held = _known(day, draws.ride, tubes[0], picked, delivered)
    loaded, result = _benches(day, habits, faults, lab, delivered, held)
    if order is not None:  # back to the order of arrival
        start, end, lane = _unsorted(order, start), _unsorted(order, end), lane[np.argsort(order)]
    return Run(
        site=site, arrived=draws.arrived, wait=_wait(start, draws), lane=lane, finish=finish,
        busy=busy, tube_site=tubes[0], tube_people=tubes[1], first_swab=tubes[2], sealed=tubes[3],
        picked=picked, delivered=delivered, loaded=loaded, result=result, expected=len(day.site),
    )  # fmt: skip


def _wait(start: Floats, draws: Draws) -> Floats:
    wait: Floats = start - draws.arrived
    return wait


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
        forever, np.zeros(m), start, end, lane,
    )  # fmt: skip
    order = np.empty(count, dtype=np.int64)
    in_order(draws.ptr, end, order)
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


def _tubes(
    sites: Sites, habits: Habits, ptr: Ints, end: Floats, lane: Ints, single: Flags
) -> tuple[Ints, Ints, Floats, Floats]:
    """(site, people, first swab, sealed) of each tube."""
    most = len(end)
    site, people = np.empty(most, np.int64), np.empty(most, np.int64)
    first, sealed = np.empty(most), np.empty(most)
    count = fill(
        ptr, end, lane, single, sites.lanes, habits.pool, habits.tube_open, site, people, first,
        sealed,
    )  # fmt: skip
    return site[:count].copy(), people[:count].copy(), first[:count].copy(), sealed[:count].copy()


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
    sites: Sites, habits: Habits, faults: Faults, factor: Floats, finish: Floats,
    tubes: tuple[Ints, Ints, Floats, Floats],
) -> tuple[Floats, Floats]:  # fmt: skip
    """When each tube is picked up and handed over."""
    site, _, _, sealed = tubes
    first, every = sites.first_pickup[site], sites.pickup_every[site]
    trip = np.maximum(0, np.ceil((sealed - first) / every)).astype(np.int64)
    last = np.maximum(finish[site] + habits.last_call, sealed)
    picked = np.minimum(first + trip * every, last)
    for gone in faults.vehicles:
        lost = (sites.vehicle[site] == gone.index) & (picked >= gone.start) & (picked < gone.end)
        picked = np.where(lost, gone.end, picked)
    delivered: Floats = picked + sites.ride[site] * factor[site, trip % TRIPS]
    return picked, delivered


def _benches(
    day: Day, habits: Habits, faults: Faults, lab: Ints, delivered: Floats, held: Flags
) -> tuple[Floats, Floats]:
    """When each tube's run starts, and when its result is out. `held`: checked in before the day was taken up."""
    labs, begun = day.labs, day.begun
    loaded, result = np.empty(len(delivered)), np.empty(len(delivered))
    for k in range(len(labs.wells)):
        own = np.flatnonzero(lab == k)
        if not len(own):
            continue
        own = own[np.argsort(delivered[own], kind="stable")]
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


def _received(labs: Labs, k: int, delivered: Floats) -> Floats:
    """When tubes are unpacked and checked in, rising."""
    count = len(delivered)
    start, end, hand = np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
    one, no = np.array([0, count]), np.zeros(1, np.int64)
    serve(
        one, delivered, np.full(count, labs.receive[k]), labs.receivers[k : k + 1],
        labs.opens[k : k + 1], no, 0.0, np.zeros(2, np.int64), np.zeros((0, 3)),
        np.full(1, 2**62, dtype=np.int64), np.zeros(1), start, end, hand,
    )  # fmt: skip
    return end


def _down(gone: tuple[Gone, ...], lab: int) -> Floats:
    spells = sorted((g.start, g.end) for g in gone if g.index == lab)
    return np.array(spells, dtype=np.float64).reshape(-1, 2)


def table(run: Run, sites: int) -> Table:
    """The run's queue by site and hour of arrival."""
    people = np.zeros((sites, 24), dtype=np.int64)
    p50, p95, most = (np.full((sites, 24), np.nan) for _ in range(3))
    ptr = np.concatenate(([0], np.cumsum(np.bincount(run.site, minlength=sites))))
    by_hour(ptr.astype(np.int64), run.arrived, run.wait, people, p50, p95, most)
    return Table(people, p50, p95, most)
