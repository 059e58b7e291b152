"""The plane in which sites are chosen: metres east and north, each town far from every other.

Nobody is sent to another town's site, so towns stand apart further than anybody walks; a line that
runs through two towns lies in the plane twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from yingjian.engines.asking import Floats
from yingjian.engines.plan.sites import Ground

EARTH_M = 6_371_008.8
APART = 400_000.0
"""Metres between two towns in the plane, beyond every walk."""


def plane(ground: Ground, blocks: list[int]) -> tuple[Floats, Floats, list[str]]:
    """Metres east and north of each block, towns apart; and the towns in order."""
    towns = sorted({ground.blocks[i].area[:9] for i in blocks})
    number = {town: n for n, town in enumerate(towns)}
    x, y = flat(ground, blocks, ground.lon[blocks], ground.lat[blocks])
    x = x + np.array([number[ground.blocks[i].area[:9]] for i in blocks]) * APART
    return x, y, towns


def flat(ground: Ground, blocks: list[int], lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Metres east and north of the middle of these blocks."""
    north, middle = float(np.mean(ground.lat[blocks])), float(np.mean(ground.lon[blocks]))
    east = np.radians(lon - middle) * math.cos(math.radians(north)) * EARTH_M
    return east, np.radians(lat - north) * EARTH_M


def stretches(
    ground: Ground, lines: Sequence[Sequence[Sequence[float]]], blocks: list[int],
    towns: list[str], at: tuple[Floats, Floats], *, reach: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Every stretch of every line in the plane `(k, 4)`, once for each town it may matter to; and the
    metres each rises `(k,)`, NaN where its line tells no heights.
    """
    corners = [np.array([[*place, math.nan][:3] for place in line], dtype=float) for line in lines]
    parts = [np.hstack((line[:-1], line[1:])) for line in corners if len(line) > 1]
    if not parts:
        return np.zeros((0, 4)), np.zeros(0)
    each = np.vstack(parts)
    x1, y1 = flat(ground, blocks, each[:, 0], each[:, 1])
    x2, y2 = flat(ground, blocks, each[:, 3], each[:, 4])
    low = np.stack((np.minimum(x1, x2), np.minimum(y1, y2)), axis=1)
    high = np.stack((np.maximum(x1, x2), np.maximum(y1, y2)), axis=1)
    of = np.array([ground.blocks[i].area[:9] for i in blocks])
    here = np.stack(at, axis=1)
    found, rises = [], []
    for n, town in enumerate(towns):
        shift = n * APART
        own = here[of == town] - np.array([shift, 0.0])
        near = (low <= own.max(axis=0) + reach).all(axis=1)
        near &= (high >= own.min(axis=0) - reach).all(axis=1)
        found.append(np.stack((x1 + shift, y1, x2 + shift, y2), axis=1)[near])
        rises.append((each[:, 5] - each[:, 2])[near])
    return np.vstack(found), np.concatenate(rises)
