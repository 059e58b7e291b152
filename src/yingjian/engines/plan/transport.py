"""Which laboratory takes whose tubes, which vehicle calls where and when, when results are due."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from yingjian.engines.plan.geo import Point, km
from yingjian.engines.plan.model import (
    Lab,
    LabShare,
    PlanProblem,
    Rules,
    Run,
    Span,
    Stop,
)
from yingjian.engines.plan.params import PlanParams

NO_LAB = ""
SPREAD = 20
"""Laboratories whose load differs by less than 1/20 count as equally loaded; the nearer one wins."""


@dataclass
class Output:
    """A site as transport sees it: where, how many tubes on which day of the round, when open."""

    code: str
    area: str
    point: Point | None
    tubes: dict[int, int]
    open: list[Span]
    days: list[int]
    """Which day of the round each open span falls on, 0 first."""
    lanes: int = 1


class Ways:
    """Driving times in minutes."""

    def __init__(self, params: PlanParams, outputs: list[Output], labs: list[Lab]) -> None:
        self.params = params
        self.site = {output.code: output.point for output in outputs}
        self.lab = {
            lab.code: (lab.lon, lab.lat) if lab.lon is not None and lab.lat is not None else None
            for lab in labs
        }

    def _drive(self, a: Point | None, b: Point | None, unknown: float) -> float:
        if a is None or b is None:
            return unknown
        return self.params.by_road(km(a, b))

    def between(self, a: str, b: str) -> float:
        return self._drive(self.site[a], self.site[b], self.params.unknown_drive_minutes)

    def to_lab(self, site: str, lab: str) -> float:
        return self._drive(self.site[site], self.lab.get(lab), self.params.unknown_lab_minutes)


# --- laboratories (R80, R81) ---------------------------------------------------------------------


def allocate(outputs: list[Output], problem: PlanProblem, ways: Ways) -> list[LabShare]:
    """Share tubes among laboratories day by day; a site goes whole to one where it fits.

    What fits nowhere is left out of the answer: the difference is the shortage, which the totals
    and the checker show.
    """
    shares: list[LabShare] = []
    days = sorted({day for output in outputs for day in output.tubes})
    for day in days:
        used: Counter[str] = Counter()
        for output in sorted(outputs, key=lambda o: (-o.tubes.get(day, 0), o.code)):
            left = output.tubes.get(day, 0)
            for lab in _preferred(problem, output, left, used, ways):
                take = min(left, lab.tubes_per_day - used[lab.code])
                if take > 0:
                    shares.append(LabShare(lab.code, output.code, day, take))
                    used[lab.code] += take
                    left -= take
    return shares


def _preferred(
    problem: PlanProblem, output: Output, tubes: int, used: Counter[str], ways: Ways
) -> list[Lab]:
    method = problem.rules.text("laboratory.allocation")
    alone = problem.rules.number("laboratory.support_threshold") or 1.0

    def rank(item: tuple[int, Lab]) -> tuple[float, ...]:
        place, lab = item
        full = (used[lab.code] + tubes) / lab.tubes_per_day
        far = ways.to_lab(output.code, lab.code)
        over = 1.0 if full > 1 else 0.0
        if method == "named_laboratory":
            return (over, place)
        if method == "by_area":
            # beyond the share it may use alone (R80) the next laboratory is asked first
            return (over, float(full > alone), -_common(lab.area, output.area), far, place)
        return (over, math.floor(full * SPREAD), far, place)

    able = [(n, lab) for n, lab in enumerate(problem.labs) if lab.tubes_per_day > 0]
    return [lab for _, lab in sorted(able, key=rank)]


def _common(a: str, b: str) -> int:
    """Length of the region prefix two areas share."""
    return next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


# --- pick-up runs (R59–R62) ----------------------------------------------------------------------


@dataclass(frozen=True)
class Rhythm:
    """How often a site is called at and how long a route may take."""

    every: float
    route_most: float


def rhythm(rules: Rules, closings: Iterable[datetime]) -> Rhythm:
    """Interval between pick-ups: as ordered, else half of the delivery limit, else the time a
    sample may stay uncooled. A route may take what the delivery limit leaves over, or the time from
    closing to the hour by which everything is delivered (R61).
    """
    deliver = rules.number("clocks.deliver")
    every = rules.number("clocks.pick_up")
    if every is None:
        every = deliver / 2 if deliver else rules.number("clocks.uncooled") or 24 * 60.0
    most = every if deliver is None else min(every, max(1.0, deliver - every))
    by = rules.text("clocks.deliver")
    if by:
        hour, minute = int(by[:2]), int(by[3:])
        left = [
            (end.replace(hour=hour, minute=minute) - end) / timedelta(minutes=1) for end in closings
        ]
        most = min([most, *(minutes for minutes in left if minutes > 0)])
    return Rhythm(every, most)


def by_laboratory(outputs: list[Output], shares: list[LabShare]) -> dict[str, list[Output]]:
    """Sites by the laboratory that takes most of their tubes."""
    home: dict[str, Counter[str]] = defaultdict(Counter)
    for share in shares:
        home[share.site][share.lab] += share.tubes
    by_lab: dict[str, list[Output]] = defaultdict(list)
    for output in outputs:
        labs = home[output.code]
        lab = min(labs, key=lambda code: (-labs[code], code)) if labs else NO_LAB
        by_lab[lab].append(output)
    return by_lab


def simple_runs(
    outputs: list[Output], lab: str, pace: Rhythm, ways: Ways, number: int
) -> list[Run]:
    """Fixed routes of a laboratory, repeated so that no site waits longer than the interval.

    Routes are numbered on from `number`. `plan.routes` plans better ones and keeps these to compare.
    """
    return [
        run
        for n, route in enumerate(_routes(outputs, lab, pace, ways), start=number + 1)
        for run in _repeat(f"T{n:03d}", route, lab, pace, ways)
    ]


def _hours(output: Output) -> tuple[Span, ...]:
    return tuple(output.open)


def _routes(outputs: list[Output], lab: str, pace: Rhythm, ways: Ways) -> list[list[Output]]:
    """Nearest neighbour from the farthest site, cut where the route would take too long.

    Only sites with the same hours share a route, so that one timetable serves all its stops.
    """
    routes: list[list[Output]] = []
    waiting = {output.code: output for output in outputs}
    while waiting:
        seed = max(waiting.values(), key=lambda o: (ways.to_lab(o.code, lab), o.code))
        route = [waiting.pop(seed.code)]
        length = ways.params.stop_minutes
        while waiting:
            here = route[-1]
            near = [o for o in waiting.values() if _hours(o) == _hours(here)]
            if not near:
                break
            after = min(near, key=lambda o: (ways.between(here.code, o.code), o.code))
            longer = length + ways.between(here.code, after.code) + ways.params.stop_minutes
            if longer + ways.to_lab(after.code, lab) > pace.route_most:
                break
            route.append(waiting.pop(after.code))
            length = longer
        routes.append(route)
    return routes


def _repeat(name: str, route: list[Output], lab: str, pace: Rhythm, ways: Ways) -> list[Run]:
    """The route's timetable for every day: last stop in time for the first interval, a final run
    after closing, evenly between; vehicles take turns, another one joins where none is back in time.
    """
    offset = [0.0]
    for a, b in itertools.pairwise(route):
        offset.append(offset[-1] + ways.params.stop_minutes + ways.between(a.code, b.code))
    whole = offset[-1] + ways.params.stop_minutes + ways.to_lab(route[-1].code, lab)
    out = ways.to_lab(route[0].code, lab)
    runs: list[Run] = []
    back: list[datetime] = []
    for index, span in enumerate(route[0].open):
        before = [span.start] * len(route)
        for base in _bases(span, offset[-1], pace.every):
            at = [_minute(base + timedelta(minutes=o)) for o in offset]
            leaves = _minute(base - timedelta(minutes=out))
            arrives = _minute(base + timedelta(minutes=whole), up=True)
            vehicle = _vehicle(back, leaves, arrives)
            oldest = max((arrives - b) / timedelta(minutes=1) for b in before)
            tubes = _between(route, index, before, at)
            runs.append(
                Run(
                    route=name,
                    vehicle=f"{name}-{vehicle + 1}",
                    lab=lab,
                    leaves=leaves,
                    stops=[Stop(o.code, t, n) for o, t, n in zip(route, at, tubes, strict=True)],
                    arrives=arrives,
                    oldest_minutes=round(oldest, 1),
                    tubes=sum(tubes),
                )
            )
            before = at
    return runs


def _vehicle(back: list[datetime], leaves: datetime, arrives: datetime) -> int:
    """Which vehicle goes: the one that came back first if it is there by then, else one more. Noted in `back`.

    By the minutes of the timetable: whether a way fits between two departures is not told by their distance alone.
    """
    first = min(range(len(back)), key=back.__getitem__, default=0)
    if not back or back[first] > leaves:
        first = len(back)
        back.append(arrives)
    back[first] = arrives
    return first


def _bases(span: Span, last: float, every: float) -> list[datetime]:
    """Moments at the first stop. The last one is at closing time."""
    first = span.start + timedelta(minutes=max(0.0, every - last))
    rest = (span.end - first) / timedelta(minutes=1)
    if rest <= 0:
        return [span.end]
    steps = math.ceil(rest / every)
    return [_minute(first + (span.end - first) * n / steps) for n in range(steps)] + [span.end]


def _between(
    route: list[Output], index: int, before: list[datetime], at: list[datetime]
) -> list[int]:
    """Tubes collected at each stop: the day's in proportion to the open minutes since the last call."""
    found = []
    for output, start, end in zip(route, before, at, strict=True):
        span = output.open[index]
        tubes = output.tubes.get(output.days[index], 0)
        done = [
            round(
                tubes
                * min(1.0, max(0.0, (min(t, span.end) - span.start) / (span.end - span.start)))
            )
            for t in (start, end)
        ]
        found.append(done[1] - done[0])
    return found


def _minute(at: datetime, *, up: bool = False) -> datetime:
    """To the whole minute; timetables are written in minutes."""
    whole = at.replace(second=0, microsecond=0)
    return whole + timedelta(minutes=1) if up and whole < at else whole


def results_done(runs: list[Run], labs: list[Lab], params: PlanParams) -> datetime | None:
    """When the last result is out if each laboratory works at its stated pace around the clock."""
    pace = {lab.code: lab.tubes_per_day / 24 for lab in labs}
    free: dict[str, datetime] = {}
    last: datetime | None = None
    for run in sorted(runs, key=lambda r: (r.arrives, r.route)):
        if not pace.get(run.lab):
            return None
        start = max(run.arrives, free.get(run.lab, run.arrives))
        free[run.lab] = start + timedelta(hours=run.tubes / pace[run.lab])
        done = free[run.lab] + timedelta(hours=params.bench_hours)
        last = done if last is None else max(last, done)
    return last
