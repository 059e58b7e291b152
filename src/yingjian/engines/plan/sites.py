"""Which blocks go to which site: by village (R16–R18) or a fixed number of sites (R19, R20).

Returns groups of block indices, each one site, before anything else is known about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from yingjian.engines.asking import Floats
from yingjian.engines.plan.geo import Point, curve, km, pack
from yingjian.engines.plan.model import (
    Block,
    PlanError,
    PlanProblem,
    Rules,
)
from yingjian.engines.plan.params import PlanParams

SLACK = 4
"""Places above the even share that a site may take so that households stay whole."""


@dataclass
class Ground:
    """The problem's blocks with places filled in and in neighbourly order."""

    problem: PlanProblem
    blocks: list[Block]
    lon: Floats
    lat: Floats
    order: list[int]
    """Block indices: town, village, then neighbours together; ties by key."""
    by_area: dict[str, list[int]]
    heads: list[int]
    """People of each block."""
    walkers: list[int]
    """Those of them who come to a site."""

    def people(self, members: list[int]) -> int:
        return sum(self.heads[i] for i in members)

    def point(self, members: list[int]) -> Point | None:
        """Where its people live on average, or None when no place is known."""
        lon, lat = self.lon[members], self.lat[members]
        known = ~np.isnan(lon)
        if not known.any():
            return None
        weight = np.array([self.heads[i] for i in members], dtype=float)[known]
        return (
            round(float(np.average(lon[known], weights=weight)), 6),
            round(float(np.average(lat[known], weights=weight)), 6),
        )

    def main_area(self, members: list[int]) -> str:
        """The village most of its people live in."""
        count: dict[str, int] = {}
        for i in members:
            area = self.blocks[i].area
            count[area] = count.get(area, 0) + self.heads[i]
        return min(count, key=lambda area: (-count[area], area))


def survey(problem: PlanProblem) -> Ground:
    """Order the blocks. Raises `PlanError("nobody")` when there is nobody to plan for."""
    blocks = [block for block in problem.blocks if block.people > 0]
    if not blocks:
        raise PlanError("nobody")
    places = {v.area: (v.lon, v.lat) for v in problem.villages}
    lon = np.array([_or(b.lon, places.get(b.area, (None, None))[0]) for b in blocks])
    lat = np.array([_or(b.lat, places.get(b.area, (None, None))[1]) for b in blocks])
    unknown = np.isnan(lon) | np.isnan(lat)
    lon[unknown] = lat[unknown] = np.nan
    order = _neighbourly(blocks, curve(lon, lat))
    by_area: dict[str, list[int]] = {}
    for i in order:
        by_area.setdefault(blocks[i].area, []).append(i)
    walkers = [b.pool + b.single + b.household for b in blocks]
    heads = [n + b.home for n, b in zip(walkers, blocks, strict=True)]
    return Ground(problem, blocks, lon, lat, order, by_area, heads, walkers)


def _neighbourly(blocks: list[Block], along: NDArray[np.int64]) -> list[int]:
    """Blocks by town, by where the middle of the village is along the curve, by village, along it, by key."""
    villages = sorted({b.area for b in blocks})
    number = {area: n for n, area in enumerate(villages)}
    village = np.fromiter((number[b.area] for b in blocks), dtype=np.int64, count=len(blocks))
    towns = np.unique([area[:9] for area in villages], return_inverse=True)[1]
    by_place = np.lexsort((along, village))
    first = np.searchsorted(village[by_place], np.arange(len(villages) + 1))
    middle = along[by_place[(first[:-1] + first[1:]) // 2]]
    keys = [b.key for b in blocks]
    rank = np.empty(len(blocks), dtype=np.int64)
    rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    order: list[int] = np.lexsort(
        (rank, along, village, middle[village], towns[village])
    ).tolist()  # fmt: skip
    return order


def _or(first: float | None, second: float | None) -> float:
    value = first if first is not None else second
    return math.nan if value is None else value


def part_of(ground: Ground, members: Iterable[int]) -> Ground:
    """The ground with these blocks only."""
    chosen = set(members)
    order = [i for i in ground.order if i in chosen]
    by_area: dict[str, list[int]] = {}
    for i in order:
        by_area.setdefault(ground.blocks[i].area, []).append(i)
    return replace(ground, order=order, by_area=by_area)


def nowhere(ground: Ground) -> list[int]:
    """Blocks of villages in which somebody walks whose place nobody knows: their sites are formed by number."""
    walking = {
        ground.blocks[i].area
        for i in ground.order
        if ground.walkers[i] and math.isnan(ground.lon[i])
    }
    return [
        i for i in ground.order if math.isnan(ground.lon[i]) and ground.blocks[i].area in walking
    ]


def form_sites(ground: Ground, params: PlanParams, most: int | None = None) -> list[list[int]]:
    """Groups of block indices, one per site, everybody in exactly one.

    Where that makes more than `most`, sites take more people than the rule, as far as fewer come of it; never fewer
    than the preset states, or than there are villages that share no site.
    """
    rules = ground.problem.rules
    fixed = rules.number("sites.fixed_sites")
    if fixed is not None and fixed >= 1:
        return _fixed(ground, int(fixed), int(rules.need("pool.default_size")))
    target = int(rules.need("sites.people_per_site"))
    everybody = ground.people(ground.order)
    while True:
        sites = _to_target(ground, params, target)
        if most is None or len(sites) <= most or target >= everybody:
            return sites
        target = math.ceil(target * FULLER)


FULLER = 1.1
"""Factor by which sites take more people where there may not be so many of them."""


def _to_target(ground: Ground, params: PlanParams, target: int) -> list[list[int]]:
    """Sites of about `target` people."""
    one_each = ground.problem.rules.flag("sites.one_site_per_village")
    sites: list[list[int]] = []
    for group in _villages(ground, params, target):
        members = [i for area in group for i in ground.by_area[area]]
        sites.extend([members] if one_each else _cut(ground, members, target))
    return sites


def _fixed(ground: Ground, count: int, tube: int) -> list[list[int]]:
    """Exactly `count` sites of equal size in whole tubes, so that one tube at most is not full."""
    sizes = [ground.heads[i] for i in ground.order]
    total = sum(sizes)
    tubes = math.ceil(total / tube)
    count = min(count, max(tubes, 1), len(sizes))
    bins = [(tubes // count + (n < tubes % count)) * tube for n in range(count)]
    bins[-1] -= tubes * tube - total
    bins = [b for b in bins if b > 0]
    groups = [[ground.order[i] for i in taken] for taken in pack(sizes, bins)]
    return [group for group in groups if group]


def _cut(ground: Ground, members: list[int], target: int) -> list[list[int]]:
    """As few sites as the target allows, of about equal size, neighbours together.

    Sizes are whole tubes where that fits, so that fewer tubes stay part empty.
    """
    sizes = [ground.heads[i] for i in members]
    tube = int(ground.problem.rules.need("pool.default_size"))
    count = max(1, math.ceil(sum(sizes) / target))
    while True:
        even = math.ceil(sum(sizes) / count)
        for size in (math.ceil(even / tube) * tube, even + SLACK):
            groups = [group for group in pack(sizes, [min(target, size)] * count) if group]
            fits = all(sum(sizes[i] for i in g) <= target or len(g) == 1 for g in groups)
            if fits or count >= len(sizes):
                return [[members[i] for i in group] for group in groups]
        count += 1


# --- merging small villages (R18) ----------------------------------------------------------------


def small_limit(rules: Rules) -> float:
    """Below how many people a village shares a site: the plan's lower bound, else half a site."""
    low = rules.get("sites.people_per_site").low
    return low if low is not None else rules.need("sites.people_per_site") / 2


def walk_km(rules: Rules, params: PlanParams) -> float | None:
    """Straight-line reach of the walking circle (R17); None when the preset has none."""
    minutes = rules.number("sites.walking_circle")
    if minutes is None:
        return None
    return minutes / 60 * params.walk_km_per_h / params.road_factor


def _villages(ground: Ground, params: PlanParams, target: int) -> list[list[str]]:
    """Villages that share a site or stand alone, in neighbourly order."""
    rules = ground.problem.rules
    groups = {area: [area] for area in ground.by_area}
    if rules.flag("sites.merge_small_villages"):
        people = {area: ground.people(own) for area, own in ground.by_area.items()}
        towns: dict[str, list[str]] = {}
        for area in ground.by_area:
            towns.setdefault(area[:9], []).append(area)
        for areas in towns.values():
            _merge_town(ground, params, areas, people=people, groups=groups, target=target)
    return list(groups.values())


def _merge_town(
    ground: Ground,
    params: PlanParams,
    areas: list[str],
    *,
    people: dict[str, int],
    groups: dict[str, list[str]],
    target: int,
) -> None:
    small, reach = small_limit(ground.problem.rules), walk_km(ground.problem.rules, params)
    points = {area: ground.point(ground.by_area[area]) for area in areas}
    alive = list(areas)
    for area in sorted(areas, key=lambda a: (people[a], a)):
        if area not in alive or people[area] >= small:
            continue
        near = [
            (_apart(points[area], points[other], alive.index(area) - alive.index(other)), other)
            for other in alive
            if other != area and people[area] + people[other] <= target
        ]
        if reach is not None:
            near = [
                (far, other)
                for far, other in near
                if points[area] is None or points[other] is None or far <= reach
            ]
        if not near:
            continue
        _, host = min(near)
        groups[host] = groups[host] + groups.pop(area)
        people[host] += people[area]
        alive.remove(area)


def _apart(a: Point | None, b: Point | None, places: int) -> float:
    """Kilometres, or without points the distance in the list of villages."""
    return float(abs(places)) if a is None or b is None else km(a, b)
