"""The exact model over what the bound has not ruled out: which sites, and who goes where, in HiGHS.

Given multipliers, sending one point to one site costs the bound a margin: a plan that does so is at
least `bound + margin` dear. Pairs whose margin exceeds a width are left out, sites likewise, and
what stays is a small mixed-integer program that HiGHS packs exactly, where single moves get stuck:
many points in few rooms that are nearly full. Its optimum is the best plan of all unless that costs
more than `bound + width`; with the width as large as the gap it is a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Floats, Ints, Stop
from yingjian.engines.jit import compiled
from yingjian.engines.linear import LinearError, Model
from yingjian.engines.siting.counts import Counted, caps
from yingjian.engines.siting.dual import fits_all
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.search import NOBODY, Solution, cost_of

SCALE = 1e6
"""Costs inside HiGHS are staff-days."""
MIP_GAP = 1e-7
"""Relative gap at which HiGHS may stop; allowed for in the bound reported."""
HALF = 0.5
"""A whole number's variable is 0 or 1 but for rounding."""


@dataclass(frozen=True, slots=True)
class Margins:
    """How much dearer than the bound every plan is that makes a choice."""

    pair: Floats
    """By-site entries: the point goes to the site."""
    closed: Floats
    """`(m,)`: the site stays closed."""
    outside: Floats
    """`(n,)`: the point stays outside."""


def margins(full: Network, proof: Counted) -> Margins:
    """Margins under the multipliers and prices of `proof`, exact knapsacks throughout."""
    net = proof.discounted(full)
    pair, opened = np.zeros(len(net.s_point)), np.zeros(len(net.sites))
    fill_margins(
        net.s_ptr, net.s_point, net.s_cost, net.heads, net.room, net.lane_heads, net.lane_price,
        net.price, proof.u, pair, opened,
    )  # fmt: skip
    return Margins(pair, np.maximum(-opened, 0.0), caps(full, proof.site, proof.lane) - proof.u)


@compiled
def fill_margins(
    s_ptr: Ints, s_point: Ints, s_cost: Ints, heads: Ints, room: Ints, lane_heads: int,
    lane_price: int, price: Ints, u: Floats, pair: Floats, opened: Floats,
) -> None:  # fmt: skip
    """Least reduced cost of each open site, and by how much it rises with each of its points."""
    for j in range(len(s_ptr) - 1):
        a, b = s_ptr[j], s_ptr[j + 1]
        if fits_all(a, b, s_point, heads, min(room[j], lane_heads)):
            whole = float(price[j] + lane_price)
            opened[j] = roomy_margins(s_point[a:b], s_cost[a:b], whole, u, pair[a:b])
            continue
        entries = np.empty(b - a, np.int64)
        size, total = 0, 0
        for e in range(a, b):
            i = s_point[e]
            if u[i] - s_cost[e] > 0.0 and heads[i] <= room[j]:
                entries[size] = e
                size += 1
                total += heads[i]
        width = min(room[j], total)
        front, back = np.zeros((size + 1, width + 1)), np.zeros((size + 1, width + 1))
        for k in range(size):
            add(front[k], front[k + 1], s_point, s_cost, heads, u, entries[k])
        for k in range(size - 1, -1, -1):
            add(back[k + 1], back[k], s_point, s_cost, heads, u, entries[k])
        least = np.inf
        k = 0
        for e in range(a, b):
            i = s_point[e]
            h = heads[i]
            mine = k < size and entries[k] == e
            low = np.inf
            lanes = max(1, -(-h // lane_heads))
            while h <= room[j]:
                full = min(lanes * lane_heads, room[j])
                rest = min(full - h, width)
                if mine:
                    others = 0.0
                    for w in range(rest + 1):
                        others = max(others, front[k, w] + back[k + 1, rest - w])
                else:
                    others = front[size, rest]
                low = min(low, price[j] + lane_price * lanes - (u[i] - s_cost[e]) - others)
                if full == room[j] or full - h >= width:
                    break
                lanes += 1
            pair[e] = low
            least = min(least, low)
            k += mine
        opened[j] = min(0.0, least)
        pair[a:b] -= opened[j]


@compiled
def roomy_margins(points: Ints, cost: Ints, price: float, u: Floats, pair: Floats) -> float:
    """`fill_margins` of one site with one lane and room for its whole row; its `opened`."""
    for e in range(len(points)):
        gain = u[points[e]] - cost[e]
        price -= max(0.0, gain)
        pair[e] = max(0.0, -gain)
    pair += max(0.0, price)
    return min(0.0, price)


@compiled
def add(
    before: Floats, after: Floats, s_point: Ints, s_cost: Ints, heads: Ints, u: Floats, e: int
) -> None:
    """One more point in a knapsack's table."""
    h, gain = heads[s_point[e]], u[s_point[e]] - s_cost[e]
    for w in range(len(before)):
        after[w] = before[w]
        if w >= h and before[w - h] + gain > before[w]:
            after[w] = before[w - h] + gain


def recombine(
    net: Network, solution: Solution, proof: Counted, found: Margins, width: float, *, nodes: int,
    stop: Stop,
) -> tuple[Solution, float, bool]:  # fmt: skip
    """(best plan, bound, solved to the end) over choices of margin at most `width`, and `solution`'s own."""
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    asked = program(net, solution, found, width)
    way = asked.way
    try:
        answer = asked.model.solve(nodes=nodes, relative_gap=MIP_GAP, start=asked.start, stop=stop)
    except LinearError:
        return solution, proof.bound, False
    taken = way[answer.x[: len(way)] > HALF]
    site = np.full(len(net.points), NOBODY, dtype=np.int64)
    site[net.s_point[taken]] = row[taken]
    best = Solution(site, cost_of(net, site))
    if best.cost >= solution.cost:
        best = solution
    reached = answer.bound * SCALE * (1 - MIP_GAP)
    return best, max(proof.bound, min(reached, proof.bound + width)), answer.done


@dataclass(frozen=True, slots=True)
class Choice:
    """The program: entries of its first columns, its sites and their columns, a plan in its terms."""

    model: Model
    way: Ints
    sites: Ints
    opened: Ints
    start: Floats


def program(
    net: Network, solution: Solution, found: Margins, width: float, *, whole: bool = True
) -> Choice:
    """Choices of margin at most `width`, and `solution`'s own. `whole`: no point is divided."""
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    kept = (found.pair <= width) | (solution.site[net.s_point] == row)
    way = np.flatnonzero(kept)
    point, at = net.s_point[way], row[way]
    sites, site = np.unique(at, return_inverse=True)
    n, m = len(net.points), len(sites)
    model = Model()
    x = model.add_columns(len(way), cost=net.s_cost[way] / SCALE, high=1.0, whole=whole)
    out = (found.outside <= width) | (solution.site == NOBODY)
    left = np.flatnonzero(out)
    o = model.add_columns(len(left), cost=net.outside[left] / SCALE, high=1.0, whole=whole)
    surely = (found.closed[sites] > width).astype(float)
    y = model.add_columns(m, cost=net.price[sites] / SCALE, low=surely, high=1.0, whole=True)
    if net.limited:  # sites that stay open without any choice left here count too
        elsewhere = int((found.closed > width).sum() - surely.sum())
        model.put(model.add_rows(1, high=net.most - elsewhere), y, 1.0)
    most = -(-net.room[sites] // net.lane_heads)
    everybody = model.add_rows(n, low=1.0, high=1.0)
    model.put(everybody[point], x, 1.0)
    model.put(everybody[left], o, 1.0)
    joined = model.add_rows(len(way), high=0.0)
    model.put(joined, x, 1.0)
    model.put(joined, y[site], -1.0)
    rooms = model.add_rows(m, high=0.0)
    model.put(rooms[site], x, net.heads[point])
    model.put(rooms, y, -net.room[sites])
    total = int(net.heads.sum())
    if int(net.room.min(initial=total)) < total:
        # true anyway, but HiGHS cuts by knapsacks of single rows: this one is of whole sites
        enough = model.add_rows(1, low=float(total))
        model.put(enough, y, np.minimum(net.room[sites], total))
        model.put(enough, o, net.heads[left])
    start = np.zeros(model.columns)
    start[x] = solution.site[point] == at
    start[o] = solution.site[left] == NOBODY
    load = np.bincount(site, weights=net.heads[point] * start[x], minlength=m)
    start[y] = np.maximum(load > 0, surely)
    if net.lane_price:
        lanes = model.add_columns(m, cost=net.lane_price / SCALE, high=most, whole=True)
        manned = model.add_rows(m, high=0.0)
        model.put(manned[site], x, net.heads[point])
        model.put(manned, lanes, -net.lane_heads)
        begun = model.add_rows(m, high=0.0)
        model.put(begun, y, 1.0)
        model.put(begun, lanes, -1.0)
        start = np.append(start, np.ceil(load / net.lane_heads))
    return Choice(model, way, sites, y, start)
