"""Which rooms, where those in use are nearly full: chosen as if points could be divided, then packed.

With points that may be divided only the sites are whole, and HiGHS finds the best set of sites soon. Its
cost is a bound, and near what packing whole points into the same rooms costs; so the sets are tried
in the order of their cost, each packed by search and then by the exact model over the likeliest pairs
(by the prices of rooms and points while this set is open), until none can be better than the plan.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yingjian.engines.asking import Flags, Floats, Ints, Stop
from yingjian.engines.linear import LinearError, Model
from yingjian.engines.siting.counts import Counted
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.restrict import HALF, MIP_GAP, SCALE, Margins, program, recombine
from yingjian.engines.siting.search import NOBODY, Solution, cost_of, empty, improve

TRIED = 1
"""Most sets of sites tried at a time."""
WAYS = 12
"""Pairs a point, by margin, among which sites are chosen."""
NEAR = 5e-4
"""Relative gap at which a set of sites is good enough to be tried."""
LIKELY = 4
"""Pairs a point among which whole points are packed exactly."""
STEPS = 20
"""Search steps a point before that."""


def other_rooms(
    net: Network, solution: Solution, proof: Counted, found: Margins, tried: list[Ints], *,
    nodes: int, seed: int, stop: Stop,
) -> tuple[Solution, float]:  # fmt: skip
    """(best plan, bound); never worse than `solution`. The bound trusts HiGHS to its tolerance.

    `tried`: sets of sites that need not be tried again, added to.
    """
    bound, width = proof.bound, solution.cost - proof.bound
    size = WAYS * len(net.points)
    if len(found.pair) > size:
        width = min(width, float(np.partition(found.pair, size)[size]))
    for turn in range(TRIED):
        asked = program(net, solution, found, width, whole=False)
        own = np.unique(solution.site[solution.site != NOBODY])
        again = any(np.array_equal(own, known) for known in tried)
        for known in tried:
            _another(asked.model, asked.opened, np.isin(asked.sites, known))
        try:
            answer = asked.model.solve(
                nodes=nodes, relative_gap=NEAR, start=None if again else asked.start, stop=stop
            )
        except LinearError:
            break
        if not tried:
            reached = answer.bound * SCALE * (1 - MIP_GAP)
            bound = max(bound, min(reached, proof.bound + width))
        if stop() or answer.value * SCALE >= solution.cost:
            break  # no other set can be better, or none among these pairs
        opened = asked.sites[answer.x[asked.opened] > HALF]
        tried.append(opened)
        packed = pack(net, opened, proof.u, nodes=nodes, seed=seed * 31 + turn, stop=stop)
        if packed.cost < solution.cost:
            solution = packed
    return solution, bound


def _another(model: Model, opened: Ints, known: Flags) -> None:
    """Another set of sites than the `known`."""
    rows = model.add_rows(1, low=1.0 - int(known.sum()))
    model.put(np.repeat(rows, len(opened)), opened, np.where(known, -1.0, 1.0))


def pack(net: Network, opened: Ints, u: Floats, *, nodes: int, seed: int, stop: Stop) -> Solution:
    """Whole points into these sites, as cheap as is found."""
    part, _ = only(net, opened)
    margins = _prices(part)
    inner = empty(part)
    inner = improve(
        part, inner, u, steps=STEPS * len(net.points), ruined=4, hot=HOT * inner.cost,
        cold=HOT * COLD * inner.cost, seed=seed % 2**32, swaps=True,
    )  # fmt: skip
    size = LIKELY * len(net.points)
    width = float(np.partition(margins.pair, size)[size]) if len(margins.pair) > size else np.inf
    bare = Counted(u, 0, 0, -np.inf)
    inner, _, _ = recombine(part, inner, bare, margins, width, nodes=nodes, stop=stop)
    site = np.where(inner.site == NOBODY, NOBODY, opened[np.maximum(inner.site, 0)])
    return Solution(site, cost_of(net, site))


HOT = 1e-4
"""Temperature of that search at first, as a share of everybody's price outside."""
COLD = 0.01
"""Share of it at the end."""


def only(net: Network, opened: Ints) -> tuple[Network, Ints]:
    """(the network with these sites alone, its entries by site among the whole's)."""
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    keep = np.flatnonzero(np.isin(row, opened))
    at = np.searchsorted(opened, row[keep])
    point, cost = net.s_point[keep], net.s_cost[keep]
    by_point = np.lexsort((at, point))
    part = replace(
        net, sites=net.sites[opened], room=net.room[opened], price=net.price[opened],
        s_ptr=np.searchsorted(at, np.arange(len(opened) + 1)).astype(np.int64),
        s_point=point, s_cost=cost,
        p_ptr=np.searchsorted(point[by_point], np.arange(len(net.points) + 1)).astype(np.int64),
        p_site=at[by_point], p_cost=cost[by_point],
    )  # fmt: skip
    return part, keep


def _prices(net: Network) -> Margins:
    """What each pair costs more than the best while all these sites are open and points divisible."""
    n, m = len(net.points), len(net.sites)
    row = np.repeat(np.arange(m), np.diff(net.s_ptr))
    model = Model()
    x = model.add_columns(len(row), cost=net.s_cost / SCALE, high=1.0)
    out = model.add_columns(n, cost=net.outside / SCALE, high=1.0)
    everybody = model.add_rows(n, low=1.0, high=1.0)
    model.put(everybody[net.s_point], x, 1.0)
    model.put(everybody, out, 1.0)
    rooms = model.add_rows(m, high=net.room)
    model.put(rooms[row], x, net.heads[net.s_point])
    answer = model.solve()
    u, room = answer.dual[everybody] * SCALE, answer.dual[rooms] * SCALE
    pair = net.s_cost - u[net.s_point] - room[row] * net.heads[net.s_point]
    return Margins(np.maximum(pair, 0.0), np.full(m, np.inf), np.maximum(net.outside - u, 0.0))
