"""A plan as the days the twin plays: sites, slots, pick-ups and laboratories of each date.

Pure. What a plan does not say (how people come, how a bench works) is `Habits` and `Bench`, shown with every forecast.
Home visits are played by their timetable: their teams do not stand in the lanes, but their tubes ride along.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.day.doors import doors_of
from yingjian.engines.day.model import NEVER, Day, Habits, Labs, Limits, Sites
from yingjian.engines.plan.model import LabLoad, Plan, Rules, Run, Site, Slot, Span, Stop
from yingjian.engines.plan.params import PlanParams

DAY = 1440.0
TUBE = "sample_tube"
"""What the items of tubes are called in packs, whatever their size."""


@dataclass(frozen=True, slots=True)
class Bench:
    """How a laboratory works, where the plan only says how much it can do in 24 h."""

    hours: float = 5.0
    """From arrival at an idle instrument to the released result."""
    plate: int = 94
    """Tubes of one run: a plate of 96 wells less two controls."""
    receivers: int = 4
    receive: float = 0.25
    """Minutes one of them needs to check in one tube."""


@dataclass(frozen=True)
class PlannedDay:
    """One date of a plan. `sites`, `labs` and `vehicles` name what the day's arrays count."""

    date: date
    day: Day
    sites: tuple[Site, ...]
    labs: tuple[str, ...]
    vehicles: tuple[str, ...]
    labs_known: bool
    """False: the plan names no laboratory, so nothing after the delivery means anything."""


@dataclass(frozen=True, slots=True)
class _Call:
    """When and by whom a site's tubes are fetched, minutes of the day."""

    first: float
    every: float
    ride: float
    vehicle: str
    route: str
    behind: float = 0.0
    """From the run's first stop to this one."""
    home: float = 0.0
    """From the run's last stop to the laboratory."""


def habits_of(rules: Rules, slot_minutes: float, bench: Bench, base: Habits) -> Habits:
    """`base` with what the preset states: lane throughput (R16), pool size (R49). Slots as the plan cut them."""
    per_hour = rules.number("sites.lane_per_hour")
    pool = rules.number("pool.default_size")
    return replace(
        base,
        service=60 / per_hour if per_hour else base.service,
        pool=int(pool) if pool else base.pool,
        slot_minutes=slot_minutes,
        review=min(base.review, bench.hours * 60 / 2),
    )


def base_of(params: PlanParams) -> Habits:
    """How people come, as the plan took them to when it called them to slots."""
    return Habits(
        no_show=params.no_show, punctual_sd=params.punctual_sd, early_birds=params.early_birds,
        bird_minutes=params.bird_minutes, service_cv=params.service_cv,
    )  # fmt: skip


def bench_of(params: PlanParams) -> Bench:
    """How laboratories work, as the plan took them to: hours on the bench, and how fast the reception checks in."""
    usual = Bench()
    return Bench(
        hours=params.bench_hours, receive=60.0 * usual.receivers / params.reception_per_hour
    )


def limits_of(rules: Rules) -> Limits:
    """The clocks a forecast is measured against; one the preset does not set is never broken."""
    return Limits(
        queue=rules.number("sites.queue_limit") or NEVER,
        to_lab=rules.number("clocks.deliver") or NEVER,
        on_machine=rules.number("clocks.on_instrument") or NEVER,
        result=rules.number("clocks.result_other") or NEVER,
        recheck=rules.number("clocks.recheck") or NEVER,
    )


def days_of(plan: Plan, rules: Rules, habits: Habits, bench: Bench) -> list[PlannedDay]:
    """The dates of a plan in order. A date without anybody to come is left out."""
    dates = sorted({span.start.date() for site in plan.sites for span in site.open})
    found = []
    for number, when in enumerate(dates):
        sites = [site for site in plan.sites if _slots(site, when)]
        if sites:
            found.append(_planned(plan, rules, habits, bench, when, number, sites))
    return found


def _slots(site: Site, when: date) -> list[Slot]:
    return [slot for slot in site.slots if slot.start.date() == when and slot.people]


def _minute(at: datetime, when: date) -> float:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    days = (at.date() - when).days
    return (at - midnight) / timedelta(minutes=1) + days * DAY


def _open(site: Site, when: date) -> Span:
    return min((s for s in site.open if s.start.date() == when), key=lambda span: span.start)


def _planned(
    plan: Plan, rules: Rules, habits: Habits, bench: Bench, when: date, number: int,
    sites: Sequence[Site],
) -> PlannedDay:  # fmt: skip
    named = {share.lab for share in plan.shares if share.day == number}
    labs = [lab for lab in plan.labs if lab.lab in named] or list(plan.labs)
    calls = _calls(plan, rules, when, sites)
    vehicles = sorted({call.vehicle for call in calls.values()})
    place = {lab.lab: k for k, lab in enumerate(labs)}
    taken = _lab_of(plan, number)
    slots = [(j, slot) for j, site in enumerate(sites) for slot in _slots(site, when)]
    people = np.array([slot.people for _, slot in slots], dtype=np.int64)
    site_of = np.repeat(np.array([j for j, _ in slots], dtype=np.int64), people)
    begins = np.repeat([_minute(slot.start, when) for _, slot in slots], people)
    mine = [calls[site.code] for site in sites]
    routes = sorted({call.route for call in mine})
    arrays = Sites(
        lanes=np.array([site.lanes for site in sites], dtype=np.int64),
        opens=np.array([_minute(_open(site, when).start, when) for site in sites]),
        lab=np.array([place.get(taken.get(site.code, ""), 0) for site in sites], dtype=np.int64),
        ride=np.array([call.ride for call in mine]),
        first_pickup=np.array([call.first for call in mine]),
        pickup_every=np.array([call.every for call in mine]),
        vehicle=np.array([vehicles.index(call.vehicle) for call in mine], dtype=np.int64),
        route=np.array([routes.index(call.route) for call in mine], dtype=np.int64),
        behind=np.array([call.behind for call in mine]),
        home=np.array([call.home for call in mine]),
        tubes=np.array([_packed(site) for site in sites], dtype=np.int64),
    )
    single = _single(sites, site_of)
    benches = benches_of(labs, bench.hours * 60 - habits.review, bench)
    day = Day(
        site=site_of, slot=begins, sites=arrays, labs=benches, single=single, party=_parties(slots),
        since=_since(slots, sites, when), doors=doors_of(plan, sites, when, habits),
    )  # fmt: skip
    return PlannedDay(
        when, day, tuple(sites), tuple(lab.lab for lab in labs), tuple(vehicles), bool(labs)
    )


def _calls(plan: Plan, rules: Rules, when: date, sites: Sequence[Site]) -> Mapping[str, _Call]:
    """From the plan's runs; a site no run calls at is fetched after closing, as the preset's rhythm says."""
    at: dict[str, list[tuple[Run, Stop]]] = defaultdict(list)
    for run in plan.runs:
        for stop in run.stops:
            if stop.at.date() == when:
                at[stop.site].append((run, stop))
    found = {}
    for site in sites:
        calls = sorted(at[site.code], key=lambda call: call[1].at)
        closes = max(_minute(s.end, when) for s in site.open if s.start.date() == when)
        every = rules.number("clocks.pick_up") or DAY
        if not calls:
            ride = plan.params.unknown_lab_minutes
            found[site.code] = _Call(closes, every, ride, "", f"alone {site.code}", 0.0, ride)
            continue
        first, last = (_minute(calls[end][1].at, when) for end in (0, -1))
        if len(calls) > 1:
            every = (last - first) / (len(calls) - 1)
        found[site.code] = _Call(
            first, max(every, 1.0), _mean([run.arrives - stop.at for run, stop in calls]),
            calls[0][0].vehicle, calls[0][0].route,
            _mean([stop.at - run.stops[0].at for run, stop in calls]),
            _mean([run.arrives - run.stops[-1].at for run, _ in calls]),
        )  # fmt: skip
    return found


def _packed(site: Site) -> int:
    """Tubes in a site's pack; of a plan without packs those it counts on."""
    packed = sum(line.quantity for line in site.kit if line.item.startswith(TUBE))
    return int(packed) or site.tubes.total


def _mean(spans: Sequence[timedelta]) -> float:
    return sum(spans, timedelta()) / len(spans) / timedelta(minutes=1)


def _parties(slots: Sequence[tuple[int, Slot]]) -> Ints:
    """Households come together (R30). A plan that does not say how many of each: as even as can be."""
    sizes = [size for _, slot in slots for size in sizes_of(slot)]
    starts = np.concatenate(([0], np.cumsum(sizes)))[:-1].astype(np.int64)
    return np.repeat(starts, sizes)


def sizes_of(slot: Slot) -> Sequence[int]:
    """How many of each household a slot calls."""
    if sum(slot.sizes) == slot.people:
        return slot.sizes
    parties = max(1, min(len(slot.blocks), slot.people))
    return [(slot.people + n) // parties for n in range(parties)]


def _since(slots: Sequence[tuple[int, Slot]], sites: Sequence[Site], when: date) -> Floats | None:
    """When a mobile team is there for each whom it calls; NaN for those of a site that stays where it is."""
    if not any(site.visits for site in sites):
        return None
    found = []
    for j, slot in slots:
        starts = [visit.start for visit in sites[j].visits if visit.start <= slot.start]
        found.append(_minute(max(starts), when) if starts else np.nan)
    return np.repeat(np.array(found), [slot.people for _, slot in slots])


def _lab_of(plan: Plan, number: int) -> dict[str, str]:
    """The laboratory that takes most of each site's tubes that day."""
    most: dict[str, tuple[int, str]] = {}
    for share in plan.shares:
        if share.day == number and (share.tubes, share.lab) > most.get(share.site, (0, "")):
            most[share.site] = (share.tubes, share.lab)
    return {site: lab for site, (_, lab) in most.items()}


def _single(sites: Sequence[Site], site_of: Ints) -> np.ndarray:
    """Who has a tube of their own (R51): as many as the plan gives each site, spread evenly over its people."""
    single = np.zeros(len(site_of), dtype=bool)
    for j, site in enumerate(sites):
        own = np.flatnonzero(site_of == j)
        at_home = sum(visit.single for visit in site.home)
        share = min(1.0, max(0, site.tubes.single - at_home) / max(1, site.walkers))
        wanted = int(share * len(own) + 0.5)
        if wanted:
            single[own[np.linspace(0, len(own) - 1, wanted).astype(np.int64)]] = True
    return single


def benches_of(labs: Sequence[LabLoad], run: float, bench: Bench) -> Labs:
    """Machines that do together what the laboratory says it can do in 24 h, in runs of so many minutes."""
    able = [lab.tubes_per_day for lab in labs] or [10**9]
    machines = [max(1, math.ceil(tubes * run / DAY / bench.plate)) for tubes in able]
    wells = [max(1, math.ceil(t * run / DAY / m)) for t, m in zip(able, machines, strict=True)]
    return Labs(
        wells=np.array(wells, dtype=np.int64),
        instruments=np.array(machines, dtype=np.int64),
        run=np.full(len(able), run),
        opens=np.zeros(len(able)),
        receivers=np.full(len(able), bench.receivers, dtype=np.int64),
        receive=np.full(len(able), bench.receive),
    )
