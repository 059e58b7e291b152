"""Small geometry and packing for the planner: distances, an order that keeps neighbours together,
filling bins with households that stay whole. Pure; numpy for the many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EARTH_KM = 6371.0088
Point = tuple[float, float]
"""(lon, lat)"""


def km(a: Point, b: Point) -> float:
    """Great-circle distance in kilometres."""
    lon1, lat1, lon2, lat2 = map(math.radians, (*a, *b))
    h = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def curve(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Position of each point along a Hilbert curve over their bounding box.

    Cutting this order into runs gives compact groups of neighbours. Unknown points (NaN) get 0.
    """
    size, order = len(lon), 16
    known = ~(np.isnan(lon) | np.isnan(lat))
    place = np.zeros(size, dtype=np.int64)
    if not known.any():
        return place
    side = (1 << order) - 1
    x, y = (_scaled(axis[known], side) for axis in (lon, lat))
    d = np.zeros(len(x), dtype=np.int64)
    step = 1 << (order - 1)
    while step:
        right = ((x & step) > 0).astype(np.int64)
        up = ((y & step) > 0).astype(np.int64)
        d += step * step * ((3 * right) ^ up)
        mirror = (up == 0) & (right == 1)
        x, y = np.where(mirror, side - x, x), np.where(mirror, side - y, y)
        swap = up == 0
        x, y = np.where(swap, y, x), np.where(swap, x, y)
        step >>= 1
    place[known] = d
    return place


def _scaled(values: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    low, high = float(values.min()), float(values.max())
    if high == low:
        return np.zeros(len(values), dtype=np.int64)
    return ((values - low) / (high - low) * side).astype(np.int64)


def pack(
    sizes: Sequence[int],
    bins: Sequence[int],
    *,
    ranks: Sequence[int] | None = None,
    look: int = 400,
) -> list[list[int]]:
    """Fill bins in order with whole items in order; returns the items' indices by bin.

    When the next item does not fit, up to `look` later ones are tried so that a bin is filled to
    the last place; passed-over items open the next bin. With `ranks` nobody overtakes an item of a
    better rank. What fits nowhere goes, in order, to the bin where it overflows least: nobody is
    left out, the checker names the overflow.
    """
    waiting = [i for i, size in enumerate(sizes) if size > 0]
    filled: list[list[int]] = []
    room: list[int] = []
    for capacity in bins:
        taken, waiting, left = _fill(waiting, sizes, ranks, capacity, look)
        filled.append(taken)
        room.append(left)
    if waiting and not filled:
        raise ValueError("no bins")
    for item in waiting:
        best = max(range(len(room)), key=lambda b: room[b])
        filled[best].append(item)
        room[best] -= sizes[item]
    return filled


def _fill(
    waiting: list[int],
    sizes: Sequence[int],
    ranks: Sequence[int] | None,
    capacity: int,
    look: int,
) -> tuple[list[int], list[int], int]:
    """One bin: (taken, still waiting, room left)."""
    taken: list[int] = []
    passed: list[int] = []
    left = capacity
    position = 0
    while position < len(waiting) and left > 0 and len(passed) < look:
        item = waiting[position]
        if ranks is not None and passed and ranks[item] > ranks[passed[0]]:
            break
        position += 1
        if sizes[item] <= left:
            taken.append(item)
            left -= sizes[item]
        else:
            passed.append(item)
    return taken, passed + waiting[position:], left
