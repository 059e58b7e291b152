"""Pick-up runs by `engines.routing`, held beside the simple timetable of `plan.transport`.

Sites of one laboratory and the same days are a group. Its routes are planned once and driven every
day; both timetables are measured alike (late minutes, boxes too many, vehicles, kilometres), and the
routed one is taken unless the simple one is better. Which was taken, and why, stands in the plan.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
import numpy as np

from yingjian.engines.asking import Ints
from yingjian.engines.plan.geo import EARTH_KM
from yingjian.engines.plan.model import (
    Lab,
    LabShare,
    PlanProblem,
    Run,
    Span,
    Stop,
)
from yingjian.engines.plan.moves import RunsChoice, RunsMeasure
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.transport import Output, Rhythm, Ways, by_laboratory, rhythm, simple_runs
from yingjian.engines.routing import model as routing
from yingjian.engines.routing.solve import repeat, solve

ROUTED, SIMPLE = "routed", "simple"
EFFORT = 25_000
"""Iterations of the library times stops of a group: a county's group takes seconds, a town's none."""
MOST = 600
"""Iterations for a small group."""
ROAD_FIRST = 0.4
SAME = 1.005
"""Kilometres that differ by less are the same."""
PRICES = routing.Prices()
DAY = 24
Moment = tuple[object, int]
"""A date and which of its open spans."""


@dataclass(frozen=True)
class Planned:
    """Runs of every group, and how each group's were chosen."""

    runs: list[Run]
    choices: list[RunsChoice]


@dataclass(frozen=True)
class _Group:
    """Sites of one laboratory that are open on the same days."""

    lab: str
    outputs: list[Output]
    pace: Rhythm

    @property
    def spans(self) -> list[list[Span]]:
        """Open spans by day; the sites' in their order."""
        return [[o.open[n] for o in self.outputs] for n in range(len(self.outputs[0].open))]


def plan_runs(
    outputs: list[Output],
    shares: list[LabShare],
    problem: PlanProblem,
    ways: Ways,
    *,
    seed: int = 0,
) -> Planned:
    """The runs of a round. Deterministic."""
    pace = rhythm(problem.rules, {span.end for output in outputs for span in output.open})
    runs: list[Run] = []
    choices: list[RunsChoice] = []
    number = 0
    for lab, own in sorted(by_laboratory(outputs, shares).items()):
        for group in _groups(lab, own, pace):
            found, choice = _better(group, problem, ways, number, seed)
            number += len({run.route for run in found})
            runs += found
            choices.append(choice)
    return Planned(sorted(runs, key=lambda r: (r.route, r.leaves)), choices)


def _groups(lab: str, outputs: Sequence[Output], pace: Rhythm) -> Iterator[_Group]:
    by_days: dict[tuple[Moment, ...], list[Output]] = defaultdict(list)
    for output in outputs:
        seen: dict[object, int] = defaultdict(int)
        days: list[Moment] = []
        for span in output.open:
            days.append((span.start.date(), seen[span.start.date()]))
            seen[span.start.date()] += 1
        by_days[tuple(days)].append(output)
    for _, own in sorted(by_days.items(), key=lambda item: item[1][0].code):
        yield _Group(lab, own, pace)


def _better(
    group: _Group, problem: PlanProblem, ways: Ways, number: int, seed: int
) -> tuple[list[Run], RunsChoice]:
    """The first of the routed ways that is nowhere worse than the simple one; else the cheapest."""
    yard = _Yard(group, problem, ways)
    simple = yard.finished(simple_runs(group.outputs, group.lab, group.pace, ways, number))
    beside = yard.measured(simple)

    def kept(reason: str, other: RunsMeasure | None) -> tuple[list[Run], RunsChoice]:
        return simple, RunsChoice(group.lab, yard.codes, SIMPLE, reason, beside, other)

    if not ways.params.routed:
        return kept("asked", None)
    found: list[tuple[RunsMeasure, list[Run]]] = []
    for way in _ways(ways.params):
        try:
            runs = yard.finished(_routed(_Asked(group, problem, ways, way, number, seed), simple))
        except routing.RoutingError as error:
            return kept(error.code, None)
        found.append((yard.measured(runs), runs))
        if _nowhere_worse(found[-1][0], beside):
            break
    taken, runs = min(found, key=lambda one: (not _nowhere_worse(one[0], beside), _price(one[0])))
    if _price(taken) <= _price(beside):
        return runs, RunsChoice(group.lab, yard.codes, ROUTED, "", taken, beside)
    return kept("late" if _price(taken)[:2] > _price(beside)[:2] else "dearer", taken)


@dataclass(frozen=True)
class _Way:
    """How a routed timetable is asked for: minutes kept in hand for traffic, and for tubes being filled;
    what a vehicle counts for beside the road.
    """

    margin: int
    fill: int
    vehicle: float = 1.0


def _ways(params: PlanParams) -> list[_Way]:
    """From what is safest on the road to what the simple timetable allows itself."""
    fill = int(params.fill_minutes)
    return [_Way(int(params.margin_minutes), fill), _Way(0, 0), _Way(0, 0, ROAD_FIRST)]


def _nowhere_worse(one: RunsMeasure, other: RunsMeasure) -> bool:
    return (
        _price(one)[:2] <= _price(other)[:2]
        and one.vehicles <= other.vehicles
        and one.km <= other.km * SAME
    )


def _price(one: RunsMeasure) -> tuple[int, int, float]:
    """Rules first, then what cars and the road cost."""
    cost = one.vehicles * PRICES.vehicle + one.minutes * PRICES.minute
    return (math.ceil(one.late - 1), one.full, cost)


# --- measuring ------------------------------------------------------------------------------------


class _Yard:
    """What runs of a group are finished and measured with, whoever planned them."""

    def __init__(self, group: _Group, problem: PlanProblem, ways: Ways) -> None:
        self.problem, self.ways, self.lab = problem, ways, group.lab
        self.site = {output.code: output for output in group.outputs}
        self.holds = max(1, int(problem.rules.number("transport.box_tubes") or 1))
        self.limit = problem.rules.number("clocks.deliver")
        self.codes = sorted(self.site)

    def finished(self, runs: list[Run]) -> list[Run]:
        """With boxes, ages, kilometres and drivers."""
        calls: dict[str, list[datetime]] = defaultdict(list)
        routes: dict[str, set[str]] = defaultdict(set)
        for run in runs:
            for stop in run.stops:
                calls[stop.site].append(stop.at)
                routes[stop.site].add(run.route)
        for moments in calls.values():
            moments.sort()
        done = [
            msgspec.structs.replace(
                run,
                stops=[self._packed(stop, len(routes[stop.site])) for stop in run.stops],
                oldest_minutes=round(max(self._age(run, stop, calls[stop.site]) for stop in run.stops), 1),
                km=round(self._km(run), 1),
            )
            for run in runs
        ]  # fmt: skip
        return self._driven(done)

    def _packed(self, stop: Stop, routes: int) -> Stop:
        """Every lane packs boxes of its own; where several routes share a site they share its lanes."""
        lanes = -(-max(1, self.site[stop.site].lanes) // routes)
        each = -(-stop.tubes // (lanes * self.holds))
        return msgspec.structs.replace(stop, boxes=min(lanes * each, stop.tubes))

    def _age(self, run: Run, stop: Stop, calls: list[datetime]) -> float:
        """Minutes from just after the call before, or from opening, to the laboratory."""
        before = [at for at in calls if at < stop.at]
        opened = [span for span in self.site[stop.site].open if span.start < stop.at]
        if not opened:
            return 0.0
        span = opened[-1]
        since = max([span.start, *before[-1:]])
        return (run.arrives - since) / timedelta(minutes=1) if since < span.end else 0.0

    def _km(self, run: Run) -> float:
        codes = [stop.site for stop in run.stops]
        minutes = self.ways.to_lab(codes[0], self.lab) + self.ways.to_lab(codes[-1], self.lab)
        minutes += sum(self.ways.between(a, b) for a, b in itertools.pairwise(codes))
        return minutes / 60 * self.ways.params.drive_km_per_h

    def _driven(self, runs: list[Run]) -> list[Run]:
        """A driver keeps the wheel while the shift allows; the next run goes to the next driver."""
        shift = timedelta(hours=self.ways.params.driver_hours)
        begun: dict[tuple[str, object], tuple[int, datetime]] = {}
        found: dict[int, Run] = {}
        for n, run in sorted(enumerate(runs), key=lambda pair: (pair[1].vehicle, pair[1].leaves)):
            key = (run.vehicle, run.leaves.date())
            driver, since = begun.get(key, (1, run.leaves))
            if run.arrives - since > shift and run.leaves > since:
                driver, since = driver + 1, run.leaves
            begun[key] = (driver, since)
            found[n] = msgspec.structs.replace(run, driver=driver)
        return [found[n] for n in range(len(runs))]

    def measured(self, runs: list[Run]) -> RunsMeasure:
        """Late minutes (delivery clock, hour of delivery, laboratory closed), boxes too many, means."""
        late: dict[str, float] = defaultdict(float)
        full = 0
        room = self.problem.resources.vehicle_boxes or self.ways.params.vehicle_boxes
        for run in runs:
            over = [self._closed(run)]
            if self.limit is not None:
                over.append(run.oldest_minutes - self.limit)
            late[run.route] = max(late[run.route], *over)
            full += max(0, sum(stop.boxes for stop in run.stops) - room)
        return RunsMeasure(
            vehicles=len({run.vehicle for run in runs}),
            runs=len(runs),
            minutes=round(sum((run.arrives - run.leaves) / timedelta(minutes=1) for run in runs)),
            km=round(sum(run.km for run in runs), 1),
            oldest=max((run.oldest_minutes for run in runs), default=0.0),
            late=round(sum(late.values()), 1),
            full=full,
        )

    def _closed(self, run: Run) -> float:
        """Minutes after the hour of delivery, or after the laboratory closes."""
        ends = _ends(self.problem, self.lab)
        if ends is None:
            return 0.0
        due = run.leaves.replace(hour=0, minute=0, second=0) + timedelta(minutes=ends)
        return max(0.0, (run.arrives - due) / timedelta(minutes=1))


def _ends(problem: PlanProblem, lab: str) -> int | None:
    """Minute of the day after which nothing may be delivered: the preset's hour, the laboratory's."""
    found = _lab(problem, lab)
    by = problem.rules.text("clocks.deliver")
    ends = [int(by[:2]) * 60 + int(by[3:])] if by else []
    if found is not None and found.closes_hour < DAY:
        ends.append(found.closes_hour * 60)
    return min(ends, default=None)


def _lab(problem: PlanProblem, code: str) -> Lab | None:
    return next((lab for lab in problem.labs if lab.code == code), None)


# --- routing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """A group's question to the router."""

    group: _Group
    problem: PlanProblem
    ways: Ways
    way: _Way
    number: int
    seed: int


def _routed(asked: _Asked, simple: list[Run]) -> list[Run]:
    """Routes planned on the heaviest day, driven on every day. Raises `RoutingError`."""
    group = asked.group
    params = routing.Params(
        margin=asked.way.margin, iterations=min(MOST, EFFORT // len(group.outputs))
    )
    place = {output.code: n for n, output in enumerate(group.outputs)}
    known = {run.route: [place[stop.site] for stop in run.stops] for run in simple}
    whole = _problem(asked, None)
    planned = solve(whole, params, seed=asked.seed, given=list(known.values()))
    runs: list[Run] = []
    for day in range(len(group.spans)):
        own = replace(_problem(asked, day), minutes=whole.minutes)
        runs += _told(group, repeat(own, planned, params), day, asked.number)
    return runs


def _problem(asked: _Asked, day: int | None) -> routing.Problem:
    """One day of a group; without a day the longest and heaviest of each site."""
    group, problem, ways, way = asked.group, asked.problem, asked.ways, asked.way
    days = range(len(group.spans)) if day is None else [day]
    hours = [[_hours(group, n, k) for n in days] for k in range(len(group.outputs))]
    opens = np.array([min(a for a, _, _ in own) for own in hours], dtype=np.int64)
    closes = np.array([max(b for _, b, _ in own) for own in hours], dtype=np.int64)
    pace = np.array([max(tubes / (b - a) for a, b, tubes in own) for own in hours])
    tubes = np.ceil(pace * (closes - opens) - 1e-9).astype(np.int64)
    params, rules = ways.params, problem.rules
    lab = _lab(problem, group.lab)
    ends = _ends(problem, group.lab)
    every = max(1, int(group.pace.every))
    deliver = every + way.fill + way.margin + int(group.pace.route_most)
    limit = rules.number("clocks.deliver")
    room = problem.resources.vehicle_boxes or params.vehicle_boxes
    digits = params.route_area
    areas = np.unique([o.area[:digits] for o in group.outputs], return_inverse=True)[1]
    return routing.Problem(
        stops=routing.Stops(
            tubes=tubes, opens=opens, closes=closes, lab=np.zeros(len(opens), dtype=np.int64),
            area=areas.reshape(-1).astype(np.int64),
            lanes=np.array([max(1, o.lanes) for o in group.outputs], dtype=np.int64),
        ),
        labs=routing.Labs(
            np.array([lab.opens_hour * 60 if lab else 0]),
            np.array([routing.LONGEST if ends is None else max(ends, 1)]),
            np.array([_reception(lab, params) if way.margin else routing.LONGEST]),
        ),
        minutes=_minutes(group, ways) if day is None else np.zeros((0, 0), dtype=np.int64),
        rules=routing.Rules(
            every=every,
            deliver=deliver if limit is None else min(int(limit), deliver),
            capacity=room,
            box=max(1, int(rules.number("transport.box_tubes") or 1)),
            fixed_route=rules.get("transport.fixed_route").value is not False,
            driver_shift=int(params.driver_hours * 60),
        ),
        prices=routing.Prices(vehicle=int(PRICES.vehicle * way.vehicle)),
        service=math.ceil(params.stop_minutes),
        fill=way.fill,
        unload=int(params.unload_minutes),
    )  # fmt: skip


def _reception(lab: Lab | None, params: PlanParams) -> int:
    """Tubes checked in per hour: as assumed, and never less than a quarter of what is tested in a day."""
    if lab is None:
        return routing.LONGEST
    return max(1, int(params.reception_per_hour), lab.tubes_per_day // 4)


def _hours(group: _Group, day: int, k: int) -> tuple[int, int, int]:
    """Opening, closing (minutes of the day) and tubes of a site on a day."""
    output = group.outputs[k]
    span = output.open[day]
    midnight = span.start.replace(hour=0, minute=0, second=0, microsecond=0)
    opens = math.floor((span.start - midnight) / timedelta(minutes=1))
    closes = math.ceil((span.end - midnight) / timedelta(minutes=1))
    return opens, closes, output.tubes.get(output.days[day], 0)


def _minutes(group: _Group, ways: Ways) -> Ints:
    """Driving minutes between the sites and, last, their laboratory."""
    points = [ways.site[o.code] for o in group.outputs] + [ways.lab.get(group.lab)]
    lon, lat = (np.radians([math.nan if p is None else p[axis] for p in points]) for axis in (0, 1))
    half = np.sin((lat[:, None] - lat[None, :]) / 2) ** 2
    half = half + np.cos(lat)[:, None] * np.cos(lat)[None, :] * (
        np.sin((lon[:, None] - lon[None, :]) / 2) ** 2
    )
    km = 2 * EARTH_KM * np.arcsin(np.minimum(1.0, np.sqrt(half)))
    params = ways.params
    minutes = km * params.road_factor / params.drive_km_per_h * 60
    unknown = np.isnan(minutes)
    minutes = np.where(unknown, params.unknown_drive_minutes, minutes)
    minutes[-1, unknown[-1]] = params.unknown_lab_minutes
    minutes[unknown[:, -1], -1] = params.unknown_lab_minutes
    found = np.clip(np.rint(minutes), 0, routing.LONGEST).astype(np.int64)
    np.fill_diagonal(found, 0)
    return found


def _told(group: _Group, result: routing.Result, day: int, number: int) -> list[Run]:
    """The trips of a day as runs; routes are numbered on from `number`."""
    midnight = group.spans[day][0].start.replace(hour=0, minute=0, second=0, microsecond=0)
    cars: dict[int, str] = {}
    for n, route in enumerate(result.routes):
        for k, vehicle in enumerate(route.vehicles):
            cars.setdefault(vehicle, f"T{number + n + 1:03d}-{k + 1}")

    def at(minute: int) -> datetime:
        return midnight + timedelta(minutes=minute)

    return [
        Run(
            route=f"T{number + trip.route + 1:03d}",
            vehicle=cars[trip.vehicle],
            lab=group.lab,
            leaves=at(trip.leaves),
            stops=[Stop(group.outputs[c.stop].code, at(c.at), c.tubes) for c in trip.calls],
            arrives=at(trip.arrives),
            oldest_minutes=0.0,
            tubes=trip.tubes,
        )
        for trip in result.trips
    ]
