"""A planning problem as a siting question: groups of houses, places for sites, limits and prices.

Shared by the planner and the checker as part of the model: both make the question anew from the
problem and the plan's parameters, so a certificate names the question it answers. Towns stand far
apart in the plane of the question, so nobody is sent to another town's site.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from yingjian.engines.asking import Flags, Floats, Ints
from yingjian.engines.plan import codes as plan_codes
from yingjian.engines.plan import staff as plan_staff
from yingjian.engines.plan.model import (
    Candidate,
    PlanError,
    PlanProblem,
)
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.plane import APART, flat, plane
from yingjian.engines.plan.sites import Ground, form_sites, nowhere, part_of
from yingjian.engines.plan.walks import Walks, walks_of
from yingjian.engines.siting import model as siting

COARSER = 1.5
"""Factor by which groups of houses are widened until there are few enough."""
WIDEST = 0.25
"""Share of the walking circle up to which the width of a group is taken off the circle."""
NARROWEST_M = 10.0
"""Squares below which no group is divided: that is one house."""
NEAR = 0.998
"""The plane is flat and places are rounded: so much of the circle is surely inside it."""
SIDE_BY_SIDE_M = 250.0
"""Of groups in one square of this side a few are candidates: sites next door are all the same."""
PARTS = 3
"""A lane's people come from at least so many groups, so that lanes fill well."""
NO_CIRCLE_M = 5_000.0
"""Walk asked of anybody where the preset has no circle."""


@dataclass
class Question:
    """The siting question and what its rows stand for."""

    problem: siting.Problem
    members: list[list[int]]
    """Block indices of each point."""
    lon: Floats
    lat: Floats
    area: list[str]
    """Village of each point."""
    candidates: list[Candidate]
    shut: list[Candidate]
    """Candidates locked to `never`: no part of the question, shown with the answer."""
    walks: Walks

    def near(self, rows: list[int]) -> Flags:
        """`(n, n)`: to which of these points the people of which can walk, as to a site."""
        problem = self.problem
        x, y = problem.x[rows], problem.y[rows]
        if self.walks.straight:
            apart = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
            close: Flags = apart <= problem.rules.walk_m / self.walks.detour
            return close
        found = np.eye(len(rows), dtype=np.bool_)
        come, meet = self.walks.pairs((x, y), (x, y), problem.rules.walk_m)
        found[meet, come] = True
        return found

    @property
    def kept(self) -> list[int]:
        """Candidates that must be opened."""
        return [j for j, place in enumerate(self.candidates) if place.lock == "stay"]


def placed(ground: Ground) -> list[int]:
    """Blocks that walk and whose place is known, in neighbourly order."""
    known = ~np.isnan(ground.lon)
    return [i for i in ground.order if known[i] and ground.walkers[i]]


def question_of(ground: Ground, params: PlanParams) -> Question | None:
    """The question, or None where no walking household has a known place.

    Raises `PlanError("rule_missing")` as `Rules.need` does, and `PlanError("too_few_sites", most, least)` where fewer
    sites are allowed than there are towns that need one.
    """
    problem = ground.problem
    blocks = placed(ground)
    if not blocks:
        return None
    circle = circle_m(problem, params)
    per_lane = heads_per_lane(problem, params)
    per_site = int(problem.rules.most("sites.people_per_site") or 0) or per_lane
    per_site = min(per_site, per_lane * plan_codes.STATIONS_PER_SITE)
    x, y, town = plane(ground, blocks)
    members, slack = _groups(
        ground, blocks, x, y, params, most=_group_most(per_lane, per_site),
        reach=WIDEST * circle / params.road_factor,
    )  # fmt: skip
    row = dict(zip(blocks, range(len(blocks)), strict=True))
    walks = walks_of(ground, params, blocks, town, (x, y), reach=circle)
    members = banks(members, row, x, y, walks.barriers)
    at = _centres(ground, members, x, y, row)
    reach = circle - min(slack * params.road_factor, WIDEST * circle)
    walk_m = float(math.floor(reach * NEAR))
    places, site_x, site_y, shut = _candidates(
        ground, members, at, town, walks=walks, walk_m=reach if walks.straight else walk_m,
        most=per_site, made=params.made_places,
    )  # fmt: skip
    rules = siting.Rules(
        walk_m=walk_m, heads_per_site=per_site, heads_per_lane=per_lane,
        detour=params.road_factor,
    )  # fmt: skip
    heads = np.array([sum(ground.walkers[i] for i in own) for own in members], dtype=np.int64)
    prices = prices_of(problem, params, per_lane)
    mobile, visits = _isolated(
        at, heads, walks, reach if walks.straight else walk_m,
        least=min(per_lane, per_site) * params.isolated_share, prices=prices, params=params,
    )  # fmt: skip
    towns = {
        ground.blocks[own[0]].area[:9]
        for own, moves in zip(members, mobile, strict=True)
        if not moves
    }
    room = np.array([_room(c, per_site, per_lane) for c in places], dtype=np.int64)
    opening = np.where([c.lock == "stay" for c in places], 0, prices.site).astype(np.int64)
    return Question(
        problem=siting.Problem(
            x=at.x, y=at.y, heads=heads, site_x=site_x, site_y=site_y, rules=rules, prices=prices,
            mobile=mobile, visit_prices=visits, site_heads=room, site_prices=opening,
            most_sites=_most_sites(ground, params, len(towns)), barriers=walks.barriers,
            ways=walks.ways((at.x, at.y), (site_x, site_y), walk_m),
        ),
        members=members,
        lon=at.lon,
        lat=at.lat,
        area=[ground.blocks[own[0]].area for own in members],  # a group is of one village
        candidates=places,
        shut=shut,
        walks=walks,
    )  # fmt: skip


def _most_sites(ground: Ground, params: PlanParams, towns: int) -> int | None:
    """Sites left for those whose place is known; nobody goes to another town's, so each needs one."""
    asked = ground.problem.resources.sites
    if asked is None:
        return None
    others = nowhere(ground)
    by_number = len(form_sites(part_of(ground, others), params)) if others else 0
    least = max(1, towns) + by_number
    if asked < least:
        raise PlanError("too_few_sites", most=asked, least=least)
    return asked - by_number


def _room(place: Candidate, per_site: int, per_lane: int) -> int:
    """Most people a place takes: the rule, its own bound, what the lanes that fit there swab."""
    bounds = [per_site]
    if place.room is not None:
        bounds.append(place.room)
    if place.lanes is not None:
        bounds.append(place.lanes * per_lane)
    return min(bounds)


def circle_m(problem: PlanProblem, params: PlanParams) -> float:
    """Metres of the longest walk (R17): the circle's minutes times the walking speed."""
    minutes = problem.rules.number("sites.walking_circle")
    if minutes is None:
        return NO_CIRCLE_M
    return minutes / 60 * params.walk_km_per_h * 1000


def heads_per_lane(problem: PlanProblem, params: PlanParams) -> int:
    """People one lane swabs in the round: by rule (R16, R18), and what its open hours hold (R35)."""
    rules = problem.rules
    hours = sum(day.minutes for day in problem.days) / 60
    able = rules.need("sites.lane_per_hour") * hours * params.load
    stated = [rules.most("sites.people_per_lane"), rules.number("sites.people_per_group"), able]
    return max(1, math.floor(min(n for n in stated if n)))


def prices_of(problem: PlanProblem, params: PlanParams, per_lane: int) -> siting.Prices:
    """Staff-days of the preset's rosters (R34–R38) for a site, a lane and a mobile team."""
    rules, days = problem.rules, len(problem.days)
    teams = max(
        (len({t for t, _ in plan_staff.team_letters(d, rules)}) for d in problem.days), default=1
    )
    lane = max(1, sum(plan_staff.team_jobs(rules).values())) * teams * days
    site = sum(rules.table("staffing.site").values()) * days + params.opening_days
    crew = lane + days  # with a driver
    minutes = sum(day.minutes for day in problem.days)
    visit = crew * min(1.0, params.visit_minutes / minutes) if minutes else crew
    return siting.Prices(
        site=round(site * siting.MICRO),
        lane=lane * siting.MICRO,
        walk_km=round(params.walk_price * siting.MICRO),
        visit=round(visit * siting.MICRO),
        visit_head=math.ceil(crew * siting.MICRO / per_lane),
    )


def _group_most(per_lane: int, per_site: int) -> int:
    return max(1, min(per_lane // PARTS, per_site))


def banks(
    members: list[list[int]], row: dict[int, int], x: Floats, y: Floats, barriers: Floats
) -> list[list[int]]:
    """Groups a barrier runs through, cut into those who live on one side of it."""
    if not len(barriers):
        return members
    found = []
    for own in members:
        left = own
        while left:
            rows = np.array([row[i] for i in left], dtype=np.int64)
            first = np.full(len(rows), rows[0])
            across = siting.crossed(barriers, x[first], y[first], x[rows], y[rows])
            across[0] = False  # somebody who lives on the line itself
            found.append([i for i, far in zip(left, across, strict=True) if not far])
            left = [i for i, far in zip(left, across, strict=True) if far]
    return found


def _groups(
    ground: Ground, blocks: list[int], x: Floats, y: Floats, params: PlanParams, *, most: int,
    reach: float,
) -> tuple[list[list[int]], float]:  # fmt: skip
    """Blocks by village and square of the map, cut to `most` people; and the widest group's reach.

    A group that is wider than `reach` is divided again: everybody in it walks as far as its middle does.
    """
    width = params.cluster_m
    walkers = np.array([ground.walkers[i] for i in blocks], dtype=np.int64)
    number: dict[str, int] = {}
    for i in blocks:
        number.setdefault(ground.blocks[i].area, len(number))
    area = np.array([number[ground.blocks[i].area] for i in blocks], dtype=np.int64)
    enough = max(params.most_points, math.ceil(int(walkers.sum()) / params.point_people))
    while True:
        cells = _cells(area, (x, y), width)
        # no fewer groups than that come of it: a width with too many is passed over unmade
        few = np.ceil(np.bincount(cells, weights=walkers) / most).sum() <= enough
        if few or width > APART:
            groups = list(_cut(cells, walkers, most))
            if len(groups) <= enough or width > APART:
                break
        width *= COARSER
    far = _widths(groups, walkers, x, y)
    while (far > reach).any() and width > NARROWEST_M:
        width /= COARSER
        groups = [part for own, wide in zip(groups, far, strict=True) for part in (
            [own] if wide <= reach else _parted(np.array(own), (x, y), width)
        )]  # fmt: skip
        far = _widths(groups, walkers, x, y)
    return [[blocks[k] for k in own] for own in groups], float(far.max())


def _parted(own: Ints, at: tuple[Floats, Floats], width: float) -> list[list[int]]:
    """A group by squares of the map."""
    cells = _cells(np.zeros(len(own), dtype=np.int64), (at[0][own], at[1][own]), width)
    order = np.argsort(cells, kind="stable")
    parts = np.split(own[order], np.cumsum(np.bincount(cells))[:-1])
    return [part.tolist() for part in parts]


def _widths(groups: list[list[int]], walkers: Ints, x: Floats, y: Floats) -> Floats:
    """How far from the middle of each group anybody of it lives."""
    sizes = np.array([len(own) for own in groups], dtype=np.int64)
    flat = np.array(list(itertools.chain.from_iterable(groups)), dtype=np.int64)
    first = np.cumsum(sizes) - sizes
    weight = walkers[flat].astype(float)
    whole = np.add.reduceat(weight, first)
    cx, cy = (np.add.reduceat(axis[flat] * weight, first) / whole for axis in (x, y))
    far = np.hypot(x[flat] - np.repeat(cx, sizes), y[flat] - np.repeat(cy, sizes))
    found: Floats = np.maximum.reduceat(far, first)
    return found


def _cells(area: Ints, at: tuple[Floats, Floats], width: float) -> Ints:
    """Number of each block's village and square of the map, in the order they first come."""
    column, row = (np.floor(axis / width).astype(np.int64) for axis in at)
    order = np.lexsort((row, column, area))
    a, c, r = area[order], column[order], row[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (a[1:] != a[:-1]) | (c[1:] != c[:-1]) | (r[1:] != r[:-1])
    cell = np.cumsum(new) - 1
    first = order[new]  # the sort is stable: the first of each square
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    found = np.empty(len(order), dtype=np.int64)
    found[order] = rank[cell]
    return found


def _cut(cells: Ints, walkers: Ints, most: int) -> Iterator[list[int]]:
    """Positions of blocks, group by group: each square, where it has too many people in even parts."""
    order = np.argsort(cells, kind="stable")
    ends = np.cumsum(np.bincount(cells))
    sizes = walkers.tolist()
    for own in np.split(order, ends[:-1]):
        total = int(walkers[own].sum())
        if total <= most:
            yield own.tolist()
            continue
        even = math.ceil(total / math.ceil(total / most))
        part: list[int] = []
        held = 0
        for k in own.tolist():
            size = sizes[k]
            if part and (held + size > most or held >= even):
                yield part
                part, held = [], 0
            part.append(k)
            held += size
        yield part


@dataclass
class _Centres:
    """Where the people of each group live on average, in the plane and on the map."""

    x: Floats
    y: Floats
    lon: Floats
    lat: Floats


def _centres(
    ground: Ground, members: list[list[int]], x: Floats, y: Floats, row: dict[int, int]
) -> _Centres:
    sizes = [len(own) for own in members]
    flat = np.array([i for own in members for i in own], dtype=np.int64)
    rows = np.array([row[int(i)] for i in flat], dtype=np.int64)
    weight = np.array([ground.walkers[i] for i in flat.tolist()], dtype=float)
    first = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    whole = np.add.reduceat(weight, first)

    def mean(values: Floats) -> Floats:
        found: Floats = np.add.reduceat(values * weight, first) / whole
        return found

    return _Centres(mean(x[rows]), mean(y[rows]), mean(ground.lon[flat]), mean(ground.lat[flat]))


def _candidates(
    ground: Ground,
    members: list[list[int]],
    at: _Centres,
    towns: list[str],
    *,
    walks: Walks,
    walk_m: float,
    most: int,
    made: bool,
) -> tuple[list[Candidate], Floats, Floats, list[Candidate]]:
    """Places given, and for groups without one in reach, the middle of the group; apart, the shut.

    Without `made`, such middles only in towns that have no given place. Where everything is shut, what the plan's
    proposer shut is not: somewhere everybody must be sent.
    """
    number = {town: n for n, town in enumerate(towns)}
    asked = _locked([c for c in ground.problem.candidates if c.area[:9] in number], ground.problem)
    given = [c for c in asked if c.lock != "never"]
    gx, gy = _to_plane(ground, given, number)
    served, _ = walks.pairs((at.x, at.y), (gx, gy), walk_m)
    free = sorted({*range(len(members))} - {*served.tolist()})
    if not made:
        own = {c.area[:9] for c in given}
        free = [k for k in free if ground.blocks[members[k][0]].area[:9] not in own]
    free = _spread(ground, members, at, free, walks=walks, walk_m=walk_m, most=most)
    middles = _locked(_middles(ground, members, at, free), ground.problem)
    keep = np.array([c.lock != "never" for c in middles], dtype=bool)
    shut = [c for c in (*asked, *middles) if c.lock == "never"]
    if not given and not keep.any():
        keep[:] = True
    places = given + [c for c, stays in zip(middles, keep, strict=True) if stays]
    rows = np.array(free, dtype=np.int64)[keep]
    return places, np.concatenate((gx, at.x[rows])), np.concatenate((gy, at.y[rows])), shut


def _spread(
    ground: Ground, members: list[list[int]], at: _Centres, rows: list[int], *, walks: Walks,
    walk_m: float, most: int,
) -> list[int]:  # fmt: skip
    """Of groups side by side, those with the most people, and enough of them for everybody; where something
    stands in the way, one more for each that can walk to none of them."""
    heads = [sum(ground.walkers[i] for i in own) for own in members]
    cells: dict[tuple[int, int], list[int]] = {}
    for k in rows:
        cell = (math.floor(at.x[k] / SIDE_BY_SIDE_M), math.floor(at.y[k] / SIDE_BY_SIDE_M))
        cells.setdefault(cell, []).append(k)
    near = _neighbours(at, rows, walks, walk_m)
    found: list[int] = []
    for own in cells.values():
        wanted = 1 + sum(heads[k] for k in own) * 2 // most
        first = sorted(own, key=lambda k: (-heads[k], k))
        taken = first[:wanted]
        for k in first[wanted:]:
            if near is not None and not any((k, other) in near for other in taken):
                taken.append(k)
        found += taken
    return sorted(found)


def _neighbours(
    at: _Centres, rows: list[int], walks: Walks, walk_m: float
) -> set[tuple[int, int]] | None:
    """Which groups in one square can walk to each other; None where nothing stands in anybody's way."""
    if walks.straight:
        return None
    x, y = at.x[rows], at.y[rows]
    i, j = walks.pairs((x, y), (x, y), walk_m)
    row = np.array(rows, dtype=np.int64)
    return {*zip(row[i].tolist(), row[j].tolist(), strict=True)}


def _middles(
    ground: Ground, members: list[list[int]], at: _Centres, rows: list[int]
) -> list[Candidate]:
    """The middle of each group as a place; keys last as long as the houses stay the same."""
    names = {village.area: village.name for village in ground.problem.villages}
    seen: dict[str, int] = {}
    places = []
    for k in rows:
        area = ground.blocks[members[k][0]].area
        lon, lat = round(float(at.lon[k]), 6), round(float(at.lat[k]), 6)
        key = f"{area}@{lon:.5f},{lat:.5f}"
        seen[key] = seen.get(key, 0) + 1
        key = f"{key}#{seen[key]}" if seen[key] > 1 else key
        places.append(Candidate(key, names.get(area, area), area, lon, lat, made=True))
    return places


def _to_plane(
    ground: Ground, given: list[Candidate], number: dict[str, int]
) -> tuple[Floats, Floats]:
    """Given places in the plane of the points."""
    shift = np.array([number[c.area[:9]] for c in given], dtype=float) * APART
    x, y = flat(
        ground, placed(ground), np.array([c.lon for c in given], dtype=float),
        np.array([c.lat for c in given], dtype=float),
    )  # fmt: skip
    return x + shift, y


def _locked(places: list[Candidate], problem: PlanProblem) -> list[Candidate]:
    """Places with the locks put on them by key."""
    locks = problem.locks
    return [msgspec.structs.replace(c, lock=locks[c.key]) if c.key in locks else c for c in places]


def _isolated(
    at: _Centres, heads: Ints, walks: Walks, walk_m: float, *, least: float,
    prices: siting.Prices, params: PlanParams,
) -> tuple[Flags, Ints]:  # fmt: skip
    """Points around which far too few people live for one lane, and each one's share of a team's way.

    Neighbours share one visit: a hamlet of three groups is driven to once.
    """
    i, j = walks.pairs((at.x, at.y), (at.x, at.y), walk_m)
    around = np.zeros(len(heads), dtype=np.int64)
    np.add.at(around, i, heads[j])
    mobile = (around < least) & params.mobile
    visits = np.ceil(prices.visit * heads / np.maximum(around, 1)).astype(np.int64)
    return mobile, visits


def hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Convex outline, anticlockwise; fewer than three places have none."""
    unique = sorted(set(points))
    if len(unique) < 3:  # noqa: PLR2004
        return []

    def half(order: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for point in order:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        return chain[:-1]

    found = half(unique) + half(unique[::-1])
    return found if len(found) > 2 else []  # noqa: PLR2004


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def order_near(x: Floats, y: Floats, start: int) -> list[int]:
    """A tour by the nearest neighbour from `start`."""
    left = set(range(len(x)))
    tour = [start]
    left.discard(start)
    while left:
        rest = np.array(sorted(left))
        here = tour[-1]
        following = int(rest[int(np.argmin(np.hypot(x[rest] - x[here], y[rest] - y[here])))])
        tour.append(following)
        left.discard(following)
    return tour
