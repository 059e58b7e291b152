"""Who can walk where in a plan: straight lines that cross no barrier, or a county's own paths.

Paths may tell heights: a steep one counts as longer, by Tobler's hiking function (W. Tobler, Three
presentations on geographical analysis and modeling, NCGIA report 93-1, 1993), the mean of there and back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.plan.geo import Point
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.plane import APART, flat, plane, stretches
from yingjian.engines.plan.sites import Ground
from yingjian.engines.siting.model import Ways, crossed
from yingjian.engines.siting.near import near

if TYPE_CHECKING:  # the compiler costs 190 MB: only where there are paths
    from yingjian.engines.siting.paths import Paths

STEEPNESS, EASIEST = 3.5, 0.05
"""Tobler: speed falls with exp(-3.5 |slope + 0.05|)."""
STEEPEST = 1.0
"""Slopes beyond are stairs or faults of the heights; they count as this."""


@dataclass(frozen=True)
class Walks:
    """How people walk; all in the plane of the question."""

    barriers: Floats
    paths: Paths | None
    detour: float

    @property
    def straight(self) -> bool:
        """Whether nothing stands in anybody's way."""
        return self.paths is None and not len(self.barriers)

    def pairs(
        self, here: tuple[Floats, Floats], there: tuple[Floats, Floats], walk_m: float
    ) -> tuple[Ints, Ints]:
        """(here, there) of all who walk no further than `walk_m`."""
        ways = self.ways(here, there, walk_m)
        if ways is not None:
            return ways.point, ways.site
        found = []
        for i, j in near(*here, *there, walk_m / self.detour):
            close = np.hypot(here[0][i] - there[0][j], here[1][i] - there[1][j])
            may = np.flatnonzero(close <= walk_m / self.detour)
            a, b = i[may], j[may]
            free = ~crossed(self.barriers, here[0][a], here[1][a], there[0][b], there[1][b])
            found.append((a[free], b[free]))
        i, j = (np.concatenate(side) for side in zip(*found, strict=True))
        return i, j

    def ways(
        self, here: tuple[Floats, Floats], there: tuple[Floats, Floats], walk_m: float
    ) -> Ways | None:
        """Metres along the paths; None where there are none."""
        if self.paths is None:
            return None
        from yingjian.engines.siting.paths import ways_between

        return ways_between(
            *here, *there, paths=self.paths, barriers=self.barriers, walk_m=walk_m,
            detour=self.detour,
        )  # fmt: skip


def walks_of(
    ground: Ground, params: PlanParams, blocks: list[int], towns: list[str],
    at: tuple[Floats, Floats], *, reach: float,
) -> Walks:  # fmt: skip
    """Barriers and paths as far as they matter to these blocks; `reach`: metres of the longest walk."""
    barriers, _ = stretches(ground, params.barriers, blocks, towns, at, reach=reach)
    if not params.paths:
        return Walks(barriers, None, params.road_factor)
    from yingjian.engines.siting.paths import paths_of

    lines, rises = stretches(ground, params.paths, blocks, towns, at, reach=reach)
    level = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])
    slope = np.where(np.isnan(rises), 0.0, rises / np.maximum(level, 1.0))
    paths = paths_of(lines, slowness(slope), params.path_reach_m, least=params.path_least_m)
    return Walks(barriers, paths, params.road_factor)


def slowness(slope: Floats) -> Floats:
    """How much longer a path of this slope takes than a level one, there and back; 1 where level."""
    steep = np.minimum(np.abs(slope), STEEPEST)
    up = np.exp(STEEPNESS * steep)
    down = np.exp(STEEPNESS * (np.abs(EASIEST - steep) - EASIEST))
    found: Floats = (up + down) / 2
    return found


def minutes_along(
    ground: Ground, params: PlanParams, goes: Mapping[int, int], sites: Sequence[Point], *,
    most: float,
) -> dict[int, float]:  # fmt: skip
    """Minutes each block walks to its site along the plan's paths; infinite beyond `most`, or without a way.

    `goes`: the row of `sites` each block of the ground is called to.
    """
    blocks = sorted(goes)
    x, y, towns = plane(ground, blocks)
    number = {town: n for n, town in enumerate(towns)}
    row = np.array([goes[i] for i in blocks], dtype=np.int64)
    town = {goes[i]: number[ground.blocks[i].area[:9]] for i in blocks}
    own = np.array(sorted(town), dtype=np.int64)
    lon, lat = np.array([sites[j] for j in own.tolist()], dtype=float).T
    site_x, site_y = flat(ground, blocks, lon, lat)
    site_x = site_x + np.array([town[j] for j in own.tolist()]) * APART
    pace = params.walk_km_per_h * 1000 / 60
    walks = walks_of(ground, params, blocks, towns, (x, y), reach=most * pace)
    # from the sites: they are few
    ways = walks.ways((site_x, site_y), (x, y), most * pace)
    if ways is None:
        return {}
    metres = ways.between(np.searchsorted(own, row), np.arange(len(blocks)))
    return {
        i: far / pace if far >= 0 else math.inf
        for i, far in zip(blocks, metres.tolist(), strict=True)
    }
