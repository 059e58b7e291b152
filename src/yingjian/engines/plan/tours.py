"""Tours by `engines.routing.teams`: home visits from their site, mobile teams from hamlet to hamlet.

Home visits: doors whose place is known are joined into tours that are back before the oldest sample
has used up what the delivery clock leaves to a tour. The tours of a town are shared by its teams, those
with key people first. Doors without a place keep the times of the list (`plan.slots.visits`).
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from yingjian.engines.asking import Floats
from yingjian.engines.plan.geo import Point, km
from yingjian.engines.plan.model import (
    Block,
    HomeVisit,
    Rules,
    Run,
    Span,
)
from yingjian.engines.plan.moves import HomeTour
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.plane import EARTH_M
from yingjian.engines.routing import model as routing
from yingjian.engines.routing import teams

EFFORT = 3000
"""Iterations of the library times places, over all bases."""
MOST = 60
SHORTEST = 30
"""Minutes a tour may always take, whatever the clocks leave."""
LEAST = 2
"""Doors from which a tour is worth planning by the library."""


@dataclass(frozen=True)
class Base:
    """A site that people at home belong to: where, when it is open, who, and how long a tour may take."""

    code: str
    area: str
    point: Point | None
    open: list[Span]
    blocks: list[Block]
    carry: int
    calls: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Every call at the site in order, and when its run is at the laboratory."""
    deliver: float | None = None
    """Minutes a sample may take to the laboratory (R59)."""


@dataclass(frozen=True)
class HomePlan:
    """Visits by site, tours, and how many teams each town needs (0: told by the number of doors)."""

    visits: dict[str, list[HomeVisit]]
    tours: list[HomeTour]
    teams: dict[str, int]


@dataclass(frozen=True)
class _Outing:
    """A tour before it has a team: doors in order, minutes from leaving to each, and to the end."""

    base: Base
    doors: list[Block]
    at: list[int]
    back: int

    @property
    def rank(self) -> int:
        return min(block.rank for block in self.doors)


def carry_of(rules: Rules, runs: Iterable[Run], params: PlanParams) -> dict[str, int]:
    """By site: minutes a tour may take so that its first sample, waiting for the next call and riding,
    is still delivered in time (R59).
    """
    limit, every = rules.number("clocks.deliver"), rules.number("clocks.pick_up")
    ride: dict[str, float] = defaultdict(float)
    gap: dict[str, float] = defaultdict(float)
    calls: dict[str, list[datetime]] = defaultdict(list)
    for run in runs:
        for stop in run.stops:
            ride[stop.site] = max(ride[stop.site], (run.arrives - stop.at) / timedelta(minutes=1))
            calls[stop.site].append(stop.at)
    found = {}
    for site, moments in calls.items():
        moments.sort()
        gaps = [
            (b - a) / timedelta(minutes=1)
            for a, b in itertools.pairwise(moments)
            if a.date() == b.date()
        ]
        gap[site] = max(gaps, default=every or limit or params.tour_minutes)
        left = params.tour_minutes if limit is None else limit - gap[site] - ride[site]
        found[site] = int(max(SHORTEST, min(params.tour_minutes, left)))
    return found


def home_tours(bases: Sequence[Base], params: PlanParams, *, seed: int = 0) -> HomePlan:
    """Tours of all sites whose place, and whose people's places, are known. Deterministic."""
    ready = [base for base in bases if base.point is not None and _placed(base)]
    places = sum(len(_placed(base)) for base in ready)
    effort = min(MOST, EFFORT // max(1, places))
    by_town: dict[str, list[_Outing]] = defaultdict(list)
    for base in ready:
        by_town[base.area[:9]] += _outings(base, params, effort, seed)
    visits: dict[str, list[HomeVisit]] = defaultdict(list)
    tours: list[HomeTour] = []
    needed: dict[str, int] = {}
    for town, outings in sorted(by_town.items()):
        needed[town] = _share(town, outings, params, visits, tours)
    return HomePlan(dict(visits), tours, needed)


def _placed(base: Base) -> list[Block]:
    return [b for b in base.blocks if b.home and b.lon is not None and b.lat is not None]


def _outings(base: Base, params: PlanParams, effort: int, seed: int) -> list[_Outing]:
    doors = sorted(_placed(base), key=lambda b: (b.rank, b.key))
    assert base.point is not None  # noqa: S101  only bases with a place come here
    points = [*((d.lon or 0.0, d.lat or 0.0) for d in doors), base.point]
    x, y = _plane(points)
    asked = routing.Tours(
        service=np.array(
            [math.ceil(params.door_minutes + params.person_minutes * (d.home - 1)) for d in doors],
            dtype=np.int64,
        ),
        samples=np.array([d.home for d in doors], dtype=np.int64),
        base=np.zeros(len(doors), dtype=np.int64),
        minutes=routing.road_minutes(
            x, y, km_per_h=params.drive_km_per_h, road_factor=params.road_factor
        ),
        shift=max(1, int(max(span.minutes for span in base.open))),
        carry=base.carry,
        turn=math.ceil(params.turn_minutes),
    )
    found = teams.solve(
        asked, routing.Params(iterations=effort if len(doors) > LEAST else 0), seed=seed
    )
    longest = max(span.minutes for span in base.open)
    return [
        _Outing(
            base,
            [doors[i] for i in tour.places],
            [at - tour.start for at in tour.at],
            tour.back - tour.start,
        )
        for tour in found.tours
        if tour.back - tour.start <= longest  # a door too far for the open hours stays on the list
    ]


def _plane(points: Sequence[Point]) -> tuple[Floats, Floats]:
    """Metres east and north of the places, in a plane that is right around them."""
    lon, lat = (np.array([p[axis] for p in points]) for axis in (0, 1))
    return np.radians(lon) * np.cos(np.radians(lat.mean())) * EARTH_M, np.radians(lat) * EARTH_M


@dataclass
class _Team:
    """Where a team is and until when it is busy."""

    at: Base
    now: datetime
    doors: int = 0


def _share(
    town: str, outings: list[_Outing], params: PlanParams, visits: dict[str, list[HomeVisit]],
    tours: list[HomeTour],
) -> int:  # fmt: skip
    """Give a town's outings to as few teams as are through in the open hours; how many."""
    order = sorted(outings, key=lambda o: (o.rank, -o.back, o.base.code, o.doors[0].key))
    crew: list[_Team] = []
    for outing in order:
        best: tuple[datetime, int] | None = None
        for n, team in enumerate(crew):
            start = _free(outing, team, params)
            if start is not None and (best is None or (start, n) < best):
                best = (start, n)
        if best is None:
            start = _first(outing)
            crew.append(_Team(outing.base, start))
            best = (start, len(crew) - 1)
        start, n = best
        team = crew[n]
        back = start + timedelta(minutes=outing.back)
        team.at, team.now = outing.base, back + timedelta(minutes=params.turn_minutes)
        team.doors += len(outing.doors)
        tours.append(
            HomeTour(
                team=f"H-{town}-{n + 1:02d}", site=outing.base.code, leaves=start, back=back,
                doors=len(outing.doors), people=sum(d.home for d in outing.doors),
            )
        )  # fmt: skip
        visits[outing.base.code] += [
            HomeVisit(
                door.key, door.home, start + timedelta(minutes=at), len(tours), door.home_single
            )
            for door, at in zip(outing.doors, outing.at, strict=True)
        ]
    return len(crew)


def _first(outing: _Outing) -> datetime:
    """The first opening that holds it; else the longest, so that it begins as early as it can."""
    for span in outing.base.open:
        if outing.back <= span.minutes:
            return _fresh(outing, span.start, span)
    return max(outing.base.open, key=lambda span: span.minutes).start


def _free(outing: _Outing, team: _Team, params: PlanParams) -> datetime | None:
    """When a team can begin an outing within the open hours; None when never."""
    way = 0.0
    if team.at.code != outing.base.code and team.at.point and outing.base.point:
        drive = km(team.at.point, outing.base.point) * params.road_factor
        way = drive / params.drive_km_per_h * 60
    ready = team.now + timedelta(minutes=math.ceil(way))
    for span in outing.base.open:
        start = max(span.start, ready)
        if start + timedelta(minutes=outing.back) <= span.end:
            return _fresh(outing, start, span)
    return None


def _fresh(outing: _Outing, start: datetime, span: Span) -> datetime:
    """Begun later, so that the team is back just before a call, where the first sample would be too old (R59)."""
    base = outing.base
    if base.deliver is None or not base.calls:
        return start
    whole, first = timedelta(minutes=outing.back), timedelta(minutes=outing.at[0])
    n = bisect_left(base.calls, start + whole, key=lambda call: call[0])
    if n == len(base.calls):
        return start
    at, arrives = base.calls[n]
    later = min(at, span.end) - whole
    if later <= start or arrives - start - first <= timedelta(minutes=base.deliver):
        return start
    return later


# --- mobile teams ---------------------------------------------------------------------------------


def halts_in_tours(
    points: Sequence[Point], minutes: Sequence[int], people: Sequence[int], *, day: int, most: int,
    params: PlanParams, seed: int = 0,
) -> list[list[int]]:  # fmt: skip
    """Halts joined into days of a team: the fewest, then the shortest way between halts.

    `minutes` is how long a team stands at each; setting up is part of every halt but a day's first.
    """
    n = len(points)
    setup = math.ceil(params.setup_minutes)
    between = np.zeros((n + 1, n + 1), dtype=np.int64)
    x, y = _plane(points)
    between[:n, :n] = routing.road_minutes(
        x, y, km_per_h=params.drive_km_per_h, road_factor=params.road_factor
    )
    asked = routing.Tours(
        service=np.array([m + setup for m in minutes], dtype=np.int64),
        samples=np.array(people, dtype=np.int64),
        base=np.zeros(n, dtype=np.int64),
        minutes=between,
        shift=max(1, day + setup),
        carry=max(1, day + setup),
        capacity=max(most, 1),
        turn=0,
    )
    effort = routing.Params(iterations=min(100, 4 * EFFORT // n))
    return [list(tour.places) for tour in teams.solve(asked, effort, seed=seed).tours]
