"""Who is near whom: pairs of places by a grid, so that finding them is linear in places and pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.siting.model import SitingError

MOST_PAIRS = 200_000_000
"""Beyond this the arrays would not fit a county's server (16 bytes a pair, twice)."""
_STRIDE = np.int64(1) << 32


def near(
    x: Floats, y: Floats, site_x: Floats, site_y: Floats, reach: float
) -> Iterator[tuple[Ints, Ints]]:
    """(point, site) of all pairs no further apart than `reach`, and some that are, in nine parts."""
    cell = max(reach, 1.0) * (1 + 1e-9)
    point_cell, site_cell = _cells(x, y, cell), _cells(site_x, site_y, cell)
    order = np.argsort(site_cell, kind="stable").astype(np.int64)
    ordered = site_cell[order]
    total = 0
    for step in [dx * _STRIDE + dy for dx in (-1, 0, 1) for dy in (-1, 0, 1)]:
        first = np.searchsorted(ordered, point_cell + step, side="left")
        count = np.searchsorted(ordered, point_cell + step, side="right") - first
        total += int(count.sum())
        if total > MOST_PAIRS:
            raise SitingError("too_dense", pairs=total, most=MOST_PAIRS)
        point = np.repeat(np.arange(len(x)), count)
        within = np.arange(len(point)) - np.repeat(np.cumsum(count) - count, count)
        yield point, order[np.repeat(first, count) + within]


def _cells(x: np.ndarray, y: np.ndarray, cell: float) -> Ints:
    column = np.floor(x / cell).astype(np.int64)
    row = np.floor(y / cell).astype(np.int64)
    key: Ints = column * _STRIDE + row
    return key
