"""Walks along a county's own paths: who can walk where, and how far that is.

Lines are cut into short stretches; two lines meet where they share a place. Whoever lives within
reach of a path goes straight to it and along it by the shortest way, or straight across the yard
where that is no further than the path. Whoever lives away from every path walks straight, as everybody
does where no paths are given; such walks cross no barrier. A bridge is a path like any other.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.jit import compiled
from yingjian.engines.siting.model import Ways, crossed
from yingjian.engines.siting.near import near
from yingjian.engines.siting.network import linked

STEP_M = 20.0
"""Length of the stretches: places join the middle of a street, not its next corner."""
PLACE_M = 0.1
"""Ends of lines this near are one place."""


@dataclass(frozen=True)
class Paths:
    """Paths as a graph in the plane of a question, in metres."""

    x: Floats
    y: Floats
    ptr: Ints
    """Neighbours of place `v`: `to[ptr[v]:ptr[v + 1]]`, `length` to each."""
    to: Ints
    length: Floats
    reach: float
    """How far from a path somebody may live who uses it, straight."""

    def joined(self, x: Floats, y: Floats) -> tuple[Ints, Floats]:
        """(nearest place of a path or -1, metres straight to it) of each place."""
        cell = max(self.reach, 1.0)
        column, row = np.floor(self.x / cell), np.floor(self.y / cell)
        order = np.lexsort((row, column)).astype(np.int64)
        found = np.full(len(x), -1, dtype=np.int64)
        metres = np.full(len(x), np.inf)
        if len(order):
            _nearest(
                x,
                y,
                self.x,
                self.y,
                column[order],
                row[order],
                order,
                cell,
                self.reach,
                found,
                metres,
            )
        return found, metres


def paths_of(stretches: Floats, slow: Floats, reach: float, *, least: float = 0.0) -> Paths:
    """A graph of straight stretches `x1 y1 x2 y2`, `(k, 4)`; `slow` lengthens each, `(k,)`.

    They meet at their ends only: a bridge has no stairs to the road below. Paths that lead to less than `least`
    metres of path in all are left out: a map has gaps, and a courtyard's way is no way to anywhere.
    """
    leads = _leads_to(stretches) >= least
    stretches, slow = stretches[leads], slow[leads]
    length = np.hypot(stretches[:, 2] - stretches[:, 0], stretches[:, 3] - stretches[:, 1])
    parts = np.maximum(1, np.ceil(length / STEP_M)).astype(np.int64)
    ends, first, (begins, closes) = _places(stretches)
    inner = parts - 1
    of = np.repeat(np.arange(len(parts)), inner)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(inner) - inner, inner) + 1
    share = (nth / parts[of])[:, None]
    between = stretches[of, :2] * (1 - share) + stretches[of, 2:] * share
    place = len(first) + np.arange(len(of))
    last = nth == inner[of]
    single = inner == 0
    a = np.concatenate((np.where(nth == 1, begins[of], place - 1), place[last], begins[single]))
    b = np.concatenate((place, closes[of[last]], closes[single]))
    road = np.concatenate((of, of[last], np.flatnonzero(single)))
    metres = (length * slow / parts)[road]
    from_, to = np.concatenate((a, b)), np.concatenate((b, a))
    order = np.argsort(from_, kind="stable")
    at = np.concatenate((ends[first], between))
    ptr = np.searchsorted(from_[order], np.arange(len(at) + 1)).astype(np.int64)
    both = np.concatenate((metres, metres))[order]
    return Paths(at[:, 0], at[:, 1], ptr, to[order].astype(np.int64), both, reach)


def _places(stretches: Floats) -> tuple[Floats, Ints, Ints]:
    """(ends, the first of those in one place, which place each stretch begins and ends at `(2, k)`)."""
    ends = np.concatenate((stretches[:, :2], stretches[:, 2:]))
    _, first, number = np.unique(
        np.rint(ends / PLACE_M).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    return ends, first, number.reshape(2, -1).astype(np.int64)


def _leads_to(stretches: Floats) -> Floats:
    """Metres of path that can be walked from each stretch, itself with them."""
    _, first, (begins, closes) = _places(stretches)
    whole = linked(len(first), begins, closes)[begins]
    length = np.hypot(stretches[:, 2] - stretches[:, 0], stretches[:, 3] - stretches[:, 1])
    found: Floats = np.bincount(whole, weights=length, minlength=len(first))[whole]
    return found


def ways_between(
    x: Floats, y: Floats, site_x: Floats, site_y: Floats, *, paths: Paths, barriers: Floats,
    walk_m: float, detour: float,
) -> Ways:  # fmt: skip
    """Who can walk where within `walk_m`, rounded up to metres; `detour` lengthens what is walked off the paths."""
    sites = len(site_x)
    joins, leg = paths.joined(x, y)
    site_joins, site_leg = paths.joined(site_x, site_y)
    leg, site_leg = leg * detour, site_leg * detour
    found = [_along(paths, (joins, leg), (site_joins, site_leg), walk_m)]
    for point, site in near(x, y, site_x, site_y, walk_m / detour):
        straight = np.hypot(x[point] - site_x[site], y[point] - site_y[site]) * detour
        yard = leg[point] + site_leg[site]  # infinite where one of them is away from every path
        may = np.flatnonzero((straight <= walk_m) & (straight <= yard))
        i, j = point[may], site[may]
        free = ~crossed(barriers, x[i], y[i], site_x[j], site_y[j])
        found.append((i[free], j[free], straight[may][free]))
    point, site, metres = (np.concatenate(side) for side in zip(*found, strict=True))
    whole = np.ceil(metres).astype(np.int64)
    order = np.lexsort((whole, site, point))
    point, site, whole = point[order], site[order], whole[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(point) != 0) | (np.diff(site) != 0)
    fresh &= whole <= walk_m
    return Ways(point[fresh], site[fresh], whole[fresh], sites)


def _along(
    paths: Paths, points: tuple[Ints, Floats], sites: tuple[Ints, Floats], walk_m: float
) -> tuple[Ints, Ints, Floats]:
    """(point, site, metres) of all who reach a site by the paths."""
    joins, leg = points
    site_joins, site_leg = sites
    on = np.flatnonzero(site_joins >= 0)
    on = on[np.argsort(site_joins[on], kind="stable")]
    first = np.searchsorted(site_joins[on], np.arange(len(paths.x) + 1)).astype(np.int64)
    metres = np.full(len(paths.x), np.inf)
    found: list[tuple[Ints, Ints, Floats]] = [
        (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    ]
    for i in np.flatnonzero((joins >= 0) & (leg <= walk_m)):
        reached, each = _shortest(
            paths.ptr, paths.to, paths.length, joins[i], leg[i], walk_m, metres, first, on, site_leg
        )
        found.append((np.full(len(reached), i, dtype=np.int64), reached, each))
    point, site, far = (np.concatenate(side) for side in zip(*found, strict=True))
    return point, site, far


@compiled
def _shortest(
    ptr: Ints, to: Ints, length: Floats, start: int, leg: float, most: float, metres: Floats,
    first: Ints, on: Ints, site_leg: Floats,
) -> tuple[Ints, Floats]:  # fmt: skip
    """(sites, metres) within `most` of one place. `metres` is infinite everywhere, before and after."""
    heap = [(leg, start)]
    metres[start] = leg
    seen = [start]
    sites, far = [0], [0.0]
    while heap:
        here, v = heapq.heappop(heap)
        if here > metres[v]:
            continue
        for k in range(first[v], first[v + 1]):
            whole = here + site_leg[on[k]]
            if whole <= most:
                sites.append(on[k])
                far.append(whole)
        for e in range(ptr[v], ptr[v + 1]):
            there = here + length[e]
            w = to[e]
            if there <= most and there < metres[w]:
                if metres[w] == np.inf:
                    seen.append(w)
                metres[w] = there
                heapq.heappush(heap, (there, w))
    for v in seen:
        metres[v] = np.inf
    return np.array(sites[1:], dtype=np.int64), np.array(far[1:])


@compiled
def _nearest(
    x: Floats, y: Floats, path_x: Floats, path_y: Floats, column: Floats, row: Floats, order: Ints,
    cell: float, reach: float, found: Ints, metres: Floats,
) -> None:  # fmt: skip
    """The nearest place of a path within `reach` of each place; paths' places sorted by `column`, then `row`."""
    n = len(order)
    for i in range(len(x)):
        cx, cy = np.floor(x[i] / cell), np.floor(y[i] / cell)
        for c in (cx - 1, cx, cx + 1):
            a = np.searchsorted(column, c)
            b = np.searchsorted(column, c + 1)
            low = a + np.searchsorted(row[a:b], cy - 1)
            k = low
            while k < min(b, n) and row[k] <= cy + 1:
                v = order[k]
                far = np.hypot(path_x[v] - x[i], path_y[v] - y[i])
                if far <= reach and far < metres[i]:
                    metres[i] = far
                    found[i] = v
                k += 1
