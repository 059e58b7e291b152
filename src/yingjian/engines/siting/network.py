"""Who can walk where: pairs within the circle, in rows by site and by point, cut into components.

A component is a set of points and candidates that no walk joins to the rest; each is a problem of
its own. Finding the pairs is linear in points and pairs: a grid with cells as wide as the circle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Flags, Ints
from yingjian.engines.jit import compiled
from yingjian.engines.siting.model import (
    Problem,
    barred,
    walked,
    way_price,
)
from yingjian.engines.siting.near import near

ANY = 2**31
"""As many sites as pay."""
COUNTED = 2**31
"""The judge takes no dearer price on a count."""


@dataclass(frozen=True, slots=True)
class Network:
    """A whole problem or one component. Costs in millionths of a staff-day.

    Rows by site: entries `s_ptr[j]:s_ptr[j + 1]` of `s_point`, `s_cost`; by point likewise.
    """

    points: Ints
    """Index in the problem of each point, `(n,)`."""
    sites: Ints
    """Index in the problem of each candidate, `(m,)`."""
    heads: Ints
    outside: Ints
    room: Ints
    price: Ints
    """Opening each candidate, without lanes, `(m,)`."""
    site_heads: int
    """The rule's most heads of a site; `room` may be less."""
    lane_heads: int
    lane_price: int
    s_ptr: Ints
    s_point: Ints
    s_cost: Ints
    p_ptr: Ints
    p_site: Ints
    p_cost: Ints
    grain: int = 1
    """Every cost is a multiple of it."""
    most: int = ANY
    """Most sites opened."""

    @property
    def limited(self) -> bool:
        """Whether fewer sites may be opened than there are."""
        return self.most < len(self.sites)

    @property
    def dearest_count(self) -> int:
        """Most that each site may be cheaper for being counted: no site is cheaper than nothing."""
        return min(COUNTED, max(0, int(self.price.min())))


def pairs(problem: Problem) -> tuple[Ints, Ints]:
    """All (point, site) a walk of the rule's length joins, no barrier between, room for the point."""
    if problem.pair_prices is not None:
        row, column = np.nonzero(problem.pair_prices >= 0)
        return _walkable(problem, row.astype(np.int64), column.astype(np.int64))
    if problem.ways is not None:
        return _walkable(problem, problem.ways.point, problem.ways.site)
    reach = problem.rules.walk_m / problem.rules.detour
    found = [
        _walkable(problem, point, site)
        for point, site in near(problem.x, problem.y, problem.site_x, problem.site_y, reach)
    ]
    point, site = (np.concatenate(side) for side in zip(*found, strict=True))
    return point, site


def _walkable(problem: Problem, point: Ints, site: Ints) -> tuple[Ints, Ints]:
    keep = allowed(problem, point, site)
    return point[keep], site[keep]


def allowed(problem: Problem, point: Ints, site: Ints) -> Flags:
    """Whether each point may go to each site, pairwise: circle, room, barriers."""
    keep = walked(problem, point, site) <= problem.rules.walk_m
    keep &= problem.heads[point] <= problem.room()[site]
    if len(problem.barriers) or problem.pair_prices is not None:
        keep[keep] = ~barred(problem, point[keep], site[keep])
    return keep


def components(problem: Problem) -> Iterator[Network]:
    """The problem's parts, one network each; a point without any site is a part of its own.

    A limit on the sites of all of them makes them one.
    """
    point, site = pairs(problem)
    n, m = problem.points, problem.candidates
    most = problem.most_sites
    limited = most is not None and most < m
    label = np.zeros(n + m, dtype=np.int64) if limited else linked(n + m, point, n + site)
    _, label = np.unique(label, return_inverse=True)
    parts = int(label.max()) + 1
    outside, room, price = problem.outside(), problem.room(), problem.opening()
    cost = way_price(problem, point, site)
    p_order, p_rank, p_first = _ranks(label[:n], parts)
    s_order, s_rank, s_first = _ranks(label[n:], parts)
    of_pair, grain = label[point], problem.grain()
    by_site = np.lexsort((p_rank[point], s_rank[site], of_pair))
    by_point = np.lexsort((s_rank[site], p_rank[point], of_pair))
    pair_first = np.concatenate(([0], np.cumsum(np.bincount(of_pair, minlength=parts))))
    for c in range(parts):
        points = p_order[p_first[c] : p_first[c + 1]]
        if not len(points):
            continue  # a candidate nobody can reach
        sites = s_order[s_first[c] : s_first[c + 1]]
        span = slice(int(pair_first[c]), int(pair_first[c + 1]))
        rows, cols = by_site[span], by_point[span]
        yield Network(
            points=points,
            sites=sites,
            heads=problem.heads[points],
            outside=outside[points],
            room=room[sites],
            price=price[sites],
            site_heads=problem.rules.heads_per_site,
            lane_heads=problem.rules.heads_per_lane,
            lane_price=problem.prices.lane,
            s_ptr=_starts(s_rank[site[rows]], len(sites)),
            s_point=p_rank[point[rows]],
            s_cost=cost[rows],
            p_ptr=_starts(p_rank[point[cols]], len(points)),
            p_site=s_rank[site[cols]],
            p_cost=cost[cols],
            grain=grain,
            most=most if limited and most is not None else ANY,
        )


def _ranks(label: Ints, parts: int) -> tuple[Ints, Ints, Ints]:
    """Indices ordered by part, each index's rank within its part, and where parts begin."""
    order = np.argsort(label, kind="stable").astype(np.int64)
    first = np.concatenate(([0], np.cumsum(np.bincount(label, minlength=parts)))).astype(np.int64)
    rank = np.empty(len(label), dtype=np.int64)
    rank[order] = np.arange(len(label)) - first[label[order]]
    return order, rank, first


def _starts(sorted_rows: Ints, rows: int) -> Ints:
    starts: Ints = np.searchsorted(sorted_rows, np.arange(rows + 1)).astype(np.int64)
    return starts


@compiled
def linked(count: int, a: Ints, b: Ints) -> Ints:
    """The least of all that each of `count` is joined to by pairs, by union-find with path halving."""
    parent = np.arange(count)
    for k in range(len(a)):
        v, w = a[k], b[k]
        while parent[v] != v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        while parent[w] != w:
            parent[w] = parent[parent[w]]
            w = parent[w]
        if v < w:
            parent[w] = v
        elif w < v:
            parent[v] = w
    for v in range(count):
        root = v
        while parent[root] != root:
            root = parent[root]
        parent[v] = root
    return parent
