"""Patches: a few neighbouring sites and everybody on them, chosen anew by the exact model.

The patches come where the plan is farthest from what its multipliers say it should cost. Inside one
every choice is open: which of these sites and of the closed ones around stay, and who goes where.
Full rooms, which no move of single points can repack, are what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.asking import Flags, Ints, Stop
from yingjian.engines.siting.counts import Counted
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.restrict import Margins, recombine
from yingjian.engines.siting.search import NOBODY, Solution, cost_of

WAYS = 8
"""Pairs left open for each point of a patch, about."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How large the patches are and how long each may take."""

    points: int = 90
    """Most points of a patch, about."""
    nodes: int = 60
    """Branch-and-bound nodes of a patch."""


def mend(
    net: Network, solution: Solution, proof: Counted, found: Margins, count: int, *, seed: int,
    stop: Stop, effort: Effort = Effort(),
) -> Solution:  # fmt: skip
    """`count` patches, one after the other; never worse than `solution`."""
    rng = np.random.default_rng(seed)
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    best = solution
    for _ in range(count):
        if stop():
            break
        points, sites = _region(net, best, found, row, rng, effort.points)
        if len(sites) < 2:  # noqa: PLR2004
            continue
        part, keep = _cut(net, best, points, sites, row)
        inner = Solution(np.full(int(points.sum()), NOBODY, dtype=np.int64), 0)
        place = np.full(len(net.sites), NOBODY, dtype=np.int64)
        place[part.sites] = np.arange(len(part.sites))
        old = best.site[points]
        inner.site[:] = np.where(old == NOBODY, NOBODY, place[old])
        inner.cost = cost_of(part, inner.site)
        taken = np.isin(part.sites, np.unique(best.site)) & ~np.isin(part.sites, sites)
        # others' sites are open whatever is chosen here
        closed = np.where(taken, np.inf, 0.0)
        near = Margins(found.pair[keep], closed, found.outside[points])
        share = min(1.0, WAYS * len(part.points) / max(1, len(near.pair)))
        width = float(np.quantile(near.pair, share)) if len(near.pair) else 0.0
        bare = Counted(proof.u[points], 0, 0, -np.inf)
        mended, _, _ = recombine(part, inner, bare, near, width, nodes=effort.nodes, stop=stop)
        if mended.cost < inner.cost:
            site = best.site.copy()
            site[points] = np.where(
                mended.site == NOBODY, NOBODY, part.sites[np.maximum(mended.site, 0)]
            )
            best = Solution(site, best.cost - inner.cost + mended.cost)
    return best


def _region(
    net: Network, solution: Solution, found: Margins, row: Ints, rng: np.random.Generator, most: int
) -> tuple[Flags, Ints]:
    """(points, open sites) around a random open site, nearest by what joining them would cost."""
    opened = np.unique(solution.site[solution.site != NOBODY])
    centre = int(rng.choice(opened))
    heads = np.bincount(solution.site[solution.site != NOBODY], minlength=len(net.sites))
    # how near another site is: least margins of its points at the centre's place, and back
    near = np.full(len(net.sites), np.inf)
    mine = slice(int(net.s_ptr[centre]), int(net.s_ptr[centre + 1]))
    there = solution.site[net.s_point[mine]]
    inside = there != NOBODY
    np.minimum.at(near, there[inside], found.pair[mine][inside])
    own = np.flatnonzero(solution.site[net.s_point] == centre)
    for i in np.unique(net.s_point[own]):
        ways = slice(int(net.p_ptr[i]), int(net.p_ptr[i + 1]))
        np.minimum.at(near, net.p_site[ways], net.p_cost[ways] - float(net.p_cost[ways].min()))
    near[centre] = -1.0
    blurred = near[opened] * (1.0 + rng.random(len(opened)))
    order = opened[np.argsort(blurred, kind="stable")]
    order = order[np.isfinite(near[order])]
    total = np.cumsum(heads[order])
    sites = order[: max(2, int(np.searchsorted(total, most)))]
    points: Flags = np.isin(solution.site, sites)
    reached = np.zeros(len(net.points), dtype=bool)
    reached[net.s_point[np.isin(row, sites)]] = True
    points |= reached & (solution.site == NOBODY)
    return points, sites


def _cut(
    net: Network, solution: Solution, points: Flags, sites: Ints, row: Ints
) -> tuple[Network, Ints]:
    """The patch as a network of its own: its sites, closed ones, and room to spare in others."""
    load = np.bincount(
        solution.site[solution.site != NOBODY],
        weights=net.heads[solution.site != NOBODY], minlength=len(net.sites),
    ).astype(np.int64)  # fmt: skip
    inside = np.zeros(len(net.sites), dtype=bool)
    inside[sites] = True
    others = (load > 0) & ~inside
    price = np.where(others, 0, net.price)
    room = np.where(others, net.room - load, net.room)
    if net.lane_price:  # begun lanes of others are not shared out
        room = np.where(others, 0, room)
    keep = np.flatnonzero(points[net.s_point] & (net.heads[net.s_point] <= room[row]))
    used, at = np.unique(row[keep], return_inverse=True)
    rank = np.cumsum(points) - 1
    index = np.flatnonzero(points)
    s_point, s_cost = rank[net.s_point[keep]], net.s_cost[keep]
    by_point = np.lexsort((at, s_point))
    spare = net.most - int((load > 0).sum())
    part = replace(
        net, points=index, sites=used, heads=net.heads[index], outside=net.outside[index],
        room=room[used], price=price[used],
        most=min(net.most, spare + len(sites) + int(others[used].sum())),
        s_ptr=np.searchsorted(at, np.arange(len(used) + 1)).astype(np.int64),
        s_point=s_point, s_cost=s_cost,
        p_ptr=np.searchsorted(s_point[by_point], np.arange(len(index) + 1)).astype(np.int64),
        p_site=at[by_point], p_cost=s_cost[by_point],
    )  # fmt: skip
    return part, keep
