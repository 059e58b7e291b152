"""The likeliest pairs: where everybody may go almost anywhere, most pairs are in no good plan.

A step of the search walks whole rows: with 200 sites a point it looks at hundreds of pairs of which it
takes a handful. Among each point's likeliest pairs a step takes a tenth of the time, and its plan is a
plan of the whole: the same sites, the same prices.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yingjian.engines.asking import Flags, Floats, Ints
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.search import Solution

WAYS = 12
"""Pairs kept for each point, and twice as many in every other search: where a site holds many points, who lives
between full ones goes far.
"""
DENSE = 8
"""So many times those there must be: with 80 sites (Yang) searching among all is as good."""


def dense(net: Network) -> bool:
    """Whether rows are so long that leaving most of them out pays."""
    return len(net.s_point) > DENSE * WAYS * len(net.points)


def likeliest(net: Network, margin: Floats, solution: Solution, ways: int = WAYS) -> Network:
    """The same points and sites with each point's `ways` pairs of least `margin`, and `solution`'s own.

    `margin`: one for each entry by site (`restrict.Margins.pair`).
    """
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    order = np.lexsort((margin, net.s_point))  # rows by point, likeliest first
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(net.p_ptr[:-1], np.diff(net.p_ptr))
    return only(net, (rank < ways) | (solution.site[net.s_point] == row))


def only(net: Network, kept: Flags) -> Network:
    """The same points and sites with these entries by site alone."""
    row: Ints = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    point, cost, at = net.s_point[kept], net.s_cost[kept], row[kept]
    by_point = np.lexsort((at, point))
    return replace(
        net,
        s_ptr=np.searchsorted(at, np.arange(len(net.sites) + 1)).astype(np.int64),
        s_point=point, s_cost=cost,
        p_ptr=np.searchsorted(point[by_point], np.arange(len(net.points) + 1)).astype(np.int64),
        p_site=at[by_point], p_cost=cost[by_point],
    )  # fmt: skip
