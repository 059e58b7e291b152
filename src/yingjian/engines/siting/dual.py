"""Lower bounds: the assignment "everybody exactly once" is priced by one multiplier per point.

What remains falls apart into one small problem per candidate: with multipliers `u`, a site may earn
`u[i] - cost` from each point it takes, pays its price and its lanes, and takes at most its room.
The bound is Σ u + Σ over sites of min(0, price + lanes - best earnings). Lanes stay whole, which is
what makes this bound stronger than the linear program's. The best earnings are a knapsack: relaxed
(greedy, the last point in part) for the ascent's first rounds, exact (dynamic programme) at the end.
Multipliers never exceed the price of serving a point outside, so that option needs no term of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Floats, Ints, Stop
from yingjian.engines.jit import compiled
from yingjian.engines.siting.network import Network

PATIENCE = 12
"""Rounds without a better bound before the step is shortened."""
SHORTER = 0.6
SHORTEST = 1e-3
"""Factor of each shortening, and the step that is no longer worth taking."""
MOMENTUM = 0.6
"""Share of the last direction in the next."""
FLAT = 1e-12
"""A direction this short leads nowhere."""
NEAR = 0.5
"""Costs are whole: a bound this near below a plan proves it best."""


@dataclass(slots=True)
class Ascent:
    """Multipliers on their way up, and the best seen."""

    u: Floats
    best: Floats
    bound: float
    order: Ints
    """By site, its entries by falling earnings per head; kept between rounds."""
    limit: int = 0
    """Price of one site too many beside the best multipliers."""


def start(net: Network) -> Ascent:
    """First multipliers: each head pays its share of a full site, plus the shortest walk."""
    full = np.maximum(net.room, 1)
    whole = net.price - (-full // net.lane_heads) * net.lane_price
    share = float((whole / full).min(initial=np.inf))
    walk = np.zeros(len(net.points))
    has = np.diff(net.p_ptr) > 0
    if has.any():
        walk[has] = np.minimum.reduceat(net.p_cost, net.p_ptr[:-1][has])
    u = np.minimum(share * net.heads + walk, net.outside.astype(float))
    u[~has] = net.outside[~has]
    order = np.arange(len(net.s_point))
    return Ascent(u, u.copy(), 0.0, order)  # no plan costs less than nothing


def climb(net: Network, ascent: Ascent, goal: float, rounds: int, exact: bool, stop: Stop) -> None:
    """Subgradient ascent with a smoothed direction towards `goal` (the cost of a known plan)."""
    n = len(net.points)
    taken = np.zeros(n)
    direction = np.zeros(n)
    outside = net.outside.astype(float)
    scale, since = (0.4 if exact else 1.0), 0
    every = looks(net)
    u = ascent.best.copy()
    for turn in range(rounds):
        earned, _, _, limit = price_sites(
            net.s_ptr, net.s_point, net.s_cost, net.heads, net.room, net.lane_heads,
            net.lane_price, net.price, u, ascent.order, taken, exact, net.most,
        )  # fmt: skip
        bound = float(u.sum()) + earned
        if bound > ascent.bound:
            if bound > ascent.bound + 1e-5 * goal:
                since = 0
            ascent.bound, ascent.limit = bound, limit
            ascent.best[:] = u
        since += 1
        if since > PATIENCE:
            scale, since = scale * SHORTER, 0
            u[:] = ascent.best
            if scale < SHORTEST:
                break
            continue
        slope = 1.0 - taken
        slope[(u >= outside) & (slope > 0)] = 0.0
        direction = slope + MOMENTUM * direction if turn else slope
        norm = float(direction @ direction)
        if norm < FLAT or goal - bound <= NEAR or (turn % every == 0 and stop()):
            break
        u = np.clip(u + scale * (goal - bound) / norm * direction, 0.0, outside)
    ascent.u = u


def looks(net: Network) -> int:
    """Rounds of ascent between two looks at the stop: many where a round is short."""
    return max(1, min(16, SHORT // max(1, len(net.s_point))))


SHORT = 40_000
"""Entries priced between two looks, some hundredths of a second with exact knapsacks."""


@compiled
def price_sites(
    s_ptr: Ints, s_point: Ints, s_cost: Ints, heads: Ints, room: Ints, lane_heads: int,
    lane_price: int, price: Ints, u: Floats, order: Ints, taken: Floats, exact: bool, most: int,
) -> tuple[float, int, int, int]:  # fmt: skip
    """Σ over sites of min(0, its best reduced cost), how many sites and lanes earn that, and the limit's price.

    `taken[i]` counts who takes point i. Keeps each site's entries of `order` sorted by earnings
    per head. Where more than `most` sites earn, only those that earn most count: the sum is the same
    as with every site dearer by what the next one earns, less that price `most` times.
    """
    m = len(s_ptr) - 1
    value, lanes = np.zeros(m), np.zeros(m, np.int64)
    taken[:] = 0.0
    for j in range(m):
        value[j], lanes[j] = price_site(
            j, s_ptr, s_point, s_cost, heads, room, lane_heads, lane_price, price, u, order, taken,
            exact,
        )  # fmt: skip
    opened, limit = int(np.sum(value < 0.0)), 0
    if opened > most:
        best = np.argsort(value)
        limit = int(np.ceil(-value[best[most]]))
        value[:] = np.minimum(value + limit, 0.0)
        taken[:] = 0.0
        opened = most
        for j in best[:most]:
            price_site(
                j, s_ptr, s_point, s_cost, heads, room, lane_heads, lane_price, price, u, order,
                taken, exact,
            )  # fmt: skip
        lanes[best[most:]] = 0
    return np.sum(value) - float(limit) * most, opened, int(np.sum(lanes)), limit


@compiled
def price_site(
    j: int, s_ptr: Ints, s_point: Ints, s_cost: Ints, heads: Ints, room: Ints, lane_heads: int,
    lane_price: int, price: Ints, u: Floats, order: Ints, taken: Floats, exact: bool,
) -> tuple[float, int]:  # fmt: skip
    """(reduced cost, lanes) of one site, 0 where it earns nothing; see `price_sites`."""
    a, b = s_ptr[j], s_ptr[j + 1]
    if fits_all(a, b, s_point, heads, min(room[j], lane_heads)):
        return take_all(a, b, s_point, s_cost, float(price[j] + lane_price), u, taken)
    ratio = np.empty(b - a)
    for k in range(b - a):  # insertion into nearly sorted order
        entry = order[a + k]
        i = s_point[entry]
        r = (u[i] - s_cost[entry]) / heads[i]
        at = k
        while at > 0 and ratio[at - 1] < r:
            ratio[at] = ratio[at - 1]
            order[a + at] = order[a + at - 1]
            at -= 1
        ratio[at] = r
        order[a + at] = entry
    best, lanes, whole = relaxed(
        ratio, order, a, b, s_point, heads, room[j], lane_heads, lane_price, price[j]
    )
    if best >= 0.0:
        return 0.0, 0
    if exact and not whole:
        best, lanes = knapsack(
            order, a, b, s_point, s_cost, heads, room[j], lane_heads, lane_price, price[j], u, taken
        )
        return min(best, 0.0), lanes
    left = float(min(lanes * lane_heads, room[j]))
    for e in range(a, b):
        if ratio[e - a] <= 0.0 or left <= 0.0:
            break
        i = s_point[order[e]]
        part = min(1.0, left / heads[i])
        taken[i] += part
        left -= part * heads[i]
    return best, lanes


@compiled
def fits_all(a: int, b: int, s_point: Ints, heads: Ints, room: int) -> bool:
    """Whether all points of a site's row fit into so much room together."""
    total = 0
    for e in range(a, b):
        total += heads[s_point[e]]
        if total > room:
            return False
    return True


@compiled
def take_all(
    a: int, b: int, s_point: Ints, s_cost: Ints, price: float, u: Floats, taken: Floats
) -> tuple[float, int]:
    """(reduced cost, lanes) of a site with one lane and room for its whole row; marks who pays."""
    for e in range(a, b):
        price -= max(0.0, u[s_point[e]] - s_cost[e])
    if price >= 0.0:
        return 0.0, 0
    for e in range(a, b):
        if u[s_point[e]] > s_cost[e]:
            taken[s_point[e]] += 1.0
    return price, 1


@compiled
def relaxed(
    ratio: Floats, order: Ints, a: int, b: int, s_point: Ints, heads: Ints, room: int,
    lane_heads: int, lane_price: int, site_price: int,
) -> tuple[float, int, bool]:  # fmt: skip
    """(reduced cost, lanes, nobody is taken in part) of one site, its last point taken in part."""
    best, best_lanes, best_whole = 0.0, 0, True
    earned, used, e = 0.0, 0, a
    lanes = 0
    while lanes * lane_heads < room:
        lanes += 1
        limit = min(lanes * lane_heads, room)
        while e < b and ratio[e - a] > 0.0 and used + heads[s_point[order[e]]] <= limit:
            h = heads[s_point[order[e]]]
            earned += ratio[e - a] * h
            used += h
            e += 1
        more = e < b and ratio[e - a] > 0.0
        part = (limit - used) * ratio[e - a] if more else 0.0
        value = site_price + lane_price * lanes - earned - part
        if value < best:
            best, best_lanes, best_whole = value, lanes, part == 0.0
        if not more:
            break
    return best, best_lanes, best_whole


@compiled
def knapsack(
    order: Ints, a: int, b: int, s_point: Ints, s_cost: Ints, heads: Ints, room: int,
    lane_heads: int, lane_price: int, site_price: int, u: Floats, taken: Floats,
) -> tuple[float, int]:  # fmt: skip
    """Exact reduced cost of one site; adds 1 to `taken` for each point of its best set."""
    size = 0
    total = 0
    for e in range(a, b):
        i = s_point[order[e]]
        if u[i] - s_cost[order[e]] > 0.0 and heads[i] <= room:
            size += 1
            total += heads[i]
    room = min(room, total)
    best, fresh = np.zeros(room + 1), np.zeros(room + 1)
    took = np.zeros((size, room + 1), dtype=np.bool_)
    k = 0
    for e in range(a, b):
        i = s_point[order[e]]
        gain = u[i] - s_cost[order[e]]
        h = heads[i]
        if gain > 0.0 and h <= room:
            fresh[:h] = best[:h]
            for w in range(h, room + 1):
                with_it = best[w - h] + gain
                took[k, w] = with_it > best[w]
                fresh[w] = max(with_it, best[w])
            best, fresh = fresh, best
            k += 1
    low, low_w, low_lanes = 0.0, 0, 0
    lanes = 0
    while lanes * lane_heads < room:
        lanes += 1
        w = min(lanes * lane_heads, room)
        value = site_price + lane_price * lanes - best[w]
        if value < low:
            low, low_w, low_lanes = value, w, lanes
    if low < 0.0:
        k = size - 1
        w = low_w
        for e in range(b - 1, a - 1, -1):
            i = s_point[order[e]]
            if u[i] - s_cost[order[e]] > 0.0 and heads[i] <= room:
                if took[k, w]:
                    taken[i] += 1.0
                    w -= heads[i]
                k -= 1
    return low, low_lanes
