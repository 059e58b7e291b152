"""Mobile teams: which isolated hamlets one team visits, in which order and when.

A team is one lane on wheels. It stands at one place after the other; people of the hamlet come to
it on foot. The stops of one team keep within its open hours and within what a lane swabs (R16, R35).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from yingjian.engines.plan.geo import Point, km
from yingjian.engines.plan.model import (
    PlanProblem,
    Span,
)
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.points import Question, heads_per_lane, order_near
from yingjian.engines.plan.sites import Ground
from yingjian.engines.plan.tours import halts_in_tours

SPARE = 1.1
"""Households are not divided between slots, so a visit is a little longer than its people need."""
LEAST = 3
"""Halts from which tours are worth planning."""
SHORTEST = 10
"""Minutes of the shortest visit."""


@dataclass
class Halt:
    """A place where a team stands: points that walk to it, people, and its hours."""

    points: list[int]
    people: int
    area: str
    point: Point
    span: Span | None = None


@dataclass
class Tour:
    """One team's halts in order."""

    stops: list[Halt] = field(default_factory=list)

    @property
    def middle(self) -> Point:
        """Where its people live on average."""
        people = sum(stop.people for stop in self.stops)
        lon = sum(stop.point[0] * stop.people for stop in self.stops) / people
        lat = sum(stop.point[1] * stop.people for stop in self.stops) / people
        return round(lon, 6), round(lat, 6)


def tours(ground: Ground, question: Question, points: list[int], params: PlanParams) -> list[Tour]:
    """Teams for these points, town by town. Everybody has a halt; hours are the round's open days."""
    towns: dict[str, list[int]] = {}
    for k in points:
        towns.setdefault(question.area[k][:9], []).append(k)
    found: list[Tour] = []
    for _, own in sorted(towns.items()):
        halts = _halts(ground.problem, question, own, params)
        found += _teams(ground.problem, halts, params)
    return found


def _halts(
    problem: PlanProblem, question: Question, points: list[int], params: PlanParams
) -> list[Halt]:
    """Places from which the most people are within the walk, again and again until all have one.

    A walk to a team is a walk to a site: along the paths, and across no barrier.
    """
    most = heads_per_lane(problem, params)
    x, y = question.problem.x[points], question.problem.y[points]
    heads = question.problem.heads[points]
    near = question.near(points)
    left = np.ones(len(points), dtype=bool)
    halts = []
    while left.any():
        served = np.where(left, near @ (heads * left), -1)
        middle = int(np.argmax(served))
        distance = np.hypot(x - x[middle], y - y[middle])
        own: list[int] = []
        people = 0
        for k in np.argsort(distance, kind="stable").tolist():
            if left[k] and near[middle, k] and (not own or people + int(heads[k]) <= most):
                own.append(k)
                people += int(heads[k])
        left[own] = False
        at = points[middle]
        halts.append(
            Halt(
                [points[k] for k in own], people, question.area[at],
                (round(float(question.lon[at]), 6), round(float(question.lat[at]), 6)),
            )
        )  # fmt: skip
    return halts


def _teams(problem: PlanProblem, halts: list[Halt], params: PlanParams) -> list[Tour]:
    """Halts given to teams: by tours, or along one chain; the fewer teams, then the shorter way."""
    chained = _cut(problem, halts, [_chain(halts)], params)
    if not params.routed or len(halts) < LEAST:
        return chained
    clock = _Clock(problem, params)
    days = len(problem.days)
    tours = halts_in_tours(
        [halt.point for halt in halts],
        [clock.minutes(halt) for halt in halts],
        [halt.people for halt in halts],
        day=int(max(span.minutes for span in problem.days)),
        most=heads_per_lane(problem, params) // days,
        params=params,
    )
    joined = [list(itertools.chain(*tours[n : n + days])) for n in range(0, len(tours), days)]
    routed = _cut(problem, halts, joined, params)
    return min((routed, chained), key=lambda teams: (len(teams), _way(teams)))


def _way(teams: list[Tour]) -> float:
    """Kilometres between halts."""
    return sum(
        km(a.point, b.point) for team in teams for a, b in itertools.pairwise(team.stops)
    )  # fmt: skip


def _chain(halts: list[Halt]) -> list[int]:
    """All halts from the outermost on, always to the next."""
    lon = np.array([halt.point[0] for halt in halts])
    lat = np.array([halt.point[1] for halt in halts])
    narrow = math.cos(math.radians(float(lat.mean())))
    start = int(np.argmax(np.hypot((lon - lon.mean()) * narrow, lat - lat.mean())))
    return list(order_near(lon * narrow, lat, start))


def _cut(
    problem: PlanProblem, halts: list[Halt], chains: list[list[int]], params: PlanParams
) -> list[Tour]:
    """Each chain by teams of its own; a new one where hours or heads are used up."""
    most = heads_per_lane(problem, params)
    found: list[Tour] = []
    clock = _Clock(problem, params)
    begins = {chain[0] for chain in chains}
    for n in itertools.chain(*chains):
        halt = replace(halts[n])
        team = found[-1] if found and n not in begins else None
        held = sum(stop.people for stop in team.stops) if team else 0
        span = clock.next(team.stops[-1].point if team else None, halt)
        if team is None or span is None or held + halt.people > most:
            clock = _Clock(problem, params)
            team = Tour()
            found.append(team)
            span = clock.next(None, halt)
        halt.span = span or clock.whole(halt)
        clock.now = halt.span.end
        team.stops.append(halt)
    return found


class _Clock:
    """A team's time through the open days."""

    def __init__(self, problem: PlanProblem, params: PlanParams) -> None:
        self.days, self.params = problem.days, params
        self.rate = problem.rules.need("sites.lane_per_hour") / 60 * params.load
        self.now: datetime = problem.days[0].start

    def minutes(self, halt: Halt) -> int:
        """How long a halt takes."""
        return max(SHORTEST, math.ceil(halt.people / self.rate * SPARE))

    def next(self, before: Point | None, halt: Halt) -> Span | None:
        """When the halt can be made after the last one; None when no day is left for it."""
        move = 0.0
        if before is not None:
            way = km(before, halt.point) * self.params.road_factor
            move = way / self.params.drive_km_per_h * 60 + self.params.setup_minutes
        length = timedelta(minutes=self.minutes(halt))
        for day in self.days:
            if day.end <= self.now:
                continue
            start = max(day.start, self.now + timedelta(minutes=math.ceil(move)))
            if start + length <= day.end:
                return Span(start, start + length)
        return None

    def whole(self, halt: Halt) -> Span:
        """A halt longer than any day gets the longest; the checker says what gives way."""
        return max(self.days, key=lambda span: span.minutes)
