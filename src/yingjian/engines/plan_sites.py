"""Which blocks go to which site: by village (R16–R18) or a fixed number of sites (R19, R20).

Returns groups of block indices, each one site, before anything else is known about it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yingjian.engines.plan_geo import Point, curve, km, pack
from yingjian.engines.plan_model import (
    Block,
    PlanError,
    PlanProblem,
    Rules,
)
from yingjian.engines.plan_params import PlanParams

Floats = NDArray[np.float64]
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

    def people(self, members: list[int]) -> int:
        return sum(self.blocks[i].people for i in members)

    def point(self, members: list[int]) -> Point | None:
        """Where its people live on average, or None when no place is known."""
        lon, lat = self.lon[members], self.lat[members]
        known = ~np.isnan(lon)
        if not known.any():
            return None
        weight = np.array([self.blocks[i].people for i in members], dtype=float)[known]
        return (
            round(float(np.average(lon[known], weights=weight)), 6),
            round(float(np.average(lat[known], weights=weight)), 6),
        )

    def main_area(self, members: list[int]) -> str:
        """The village most of its people live in."""
        count: Counter[str] = Counter()
        for i in members:
            count[self.blocks[i].area] += self.blocks[i].people
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
    along = curve(lon, lat).tolist()
    centre: dict[str, int] = {}
    members: dict[str, list[int]] = {}
    for i, block in enumerate(blocks):
        members.setdefault(block.area, []).append(i)
    for area, own in members.items():
        centre[area] = sorted(along[i] for i in own)[len(own) // 2]
    order = sorted(
        range(len(blocks)),
        key=lambda i: (
            blocks[i].area[:9],
            centre[blocks[i].area],
            blocks[i].area,
            along[i],
            blocks[i].key,
        ),
    )
    by_area: dict[str, list[int]] = {}
    for i in order:
        by_area.setdefault(blocks[i].area, []).append(i)
    return Ground(problem, blocks, lon, lat, order, by_area)


def _or(first: float | None, second: float | None) -> float:
    value = first if first is not None else second
    return math.nan if value is None else value


def form_sites(ground: Ground, params: PlanParams) -> list[list[int]]:
    """Groups of block indices, one per site, everybody in exactly one."""
    rules = ground.problem.rules
    fixed = rules.number("sites.fixed_sites")
    if fixed is not None and fixed >= 1:
        return _fixed(ground, int(fixed), int(rules.need("pool.default_size")))
    target = int(rules.need("sites.people_per_site"))
    one_each = rules.flag("sites.one_site_per_village")
    sites: list[list[int]] = []
    for group in _villages(ground, params, target):
        members = [i for area in group for i in ground.by_area[area]]
        sites.extend([members] if one_each else _cut(ground, members, target))
    return sites


def _fixed(ground: Ground, count: int, tube: int) -> list[list[int]]:
    """Exactly `count` sites of equal size in whole tubes, so that one tube at most is not full."""
    sizes = [ground.blocks[i].people for i in ground.order]
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
    sizes = [ground.blocks[i].people for i in members]
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
