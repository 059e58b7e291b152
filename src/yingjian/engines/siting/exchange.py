"""Which sites, where every site has room for everybody: one in, one out, while that pays, then shaken.

With room for all, everybody goes to the nearest open site, so a plan is the set of its sites. For each
point the nearest and the second nearest are kept: what closing a site costs and what opening one
gains follows for all exchanges with one new site in a single walk over its row.
"""

from __future__ import annotations

import numpy as np

from yingjian.engines.asking import Flags, Ints, Stop
from yingjian.engines.jit import compiled
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.search import NOBODY, Solution, cost_of

SHAKEN = 4
"""Most sites exchanged at random before exchanges that pay are looked for again."""
AT_ONCE, AT_ONCE_OF = 10, 4_000
"""Most shakings between two looks at the stop, and fewer where there are more than 400 points."""


def roomy(net: Network) -> bool:
    """Whether every site takes everybody, with one lane."""
    return int(net.heads.sum()) <= int(net.room.min(initial=net.lane_heads))


def exchange(net: Network, solution: Solution, shakings: int, seed: int, stop: Stop) -> Solution:
    """The best plan seen in so many shakings; never worse than `solution`. Only where `roomy`."""
    row = np.repeat(np.arange(len(net.points)), np.diff(net.p_ptr))
    nearest = np.lexsort((net.p_cost, row))
    p_site, p_cost = net.p_site[nearest], net.p_cost[nearest]
    opened: Flags = np.zeros(len(net.sites), dtype=np.bool_)
    opened[solution.site[solution.site != NOBODY]] = True
    turns = max(1, min(AT_ONCE, AT_ONCE_OF // len(net.points)))
    for begun in range(0, shakings, turns):
        if begun and stop():
            break
        site = exchanged(
            net.s_ptr, net.s_point, net.s_cost, net.p_ptr, p_site, p_cost, net.outside,
            net.price + net.lane_price, min(net.most, len(net.sites)), opened,
            min(turns, shakings - begun), (seed * 31 + begun) % 2**32,
        )  # fmt: skip
        cost = cost_of(net, site)
        if cost < solution.cost:
            solution = Solution(site, cost)
    return solution


@compiled
def exchanged(
    s_ptr: Ints, s_point: Ints, s_cost: Ints, p_ptr: Ints, p_site: Ints, p_cost: Ints,
    outside: Ints, price: Ints, most: int, opened: Flags, shakings: int, seed: int,
) -> Ints:  # fmt: skip
    """Each point's site in the best plan; `opened` is left as that plan's. Points' rows ascend by cost."""
    np.random.seed(seed)
    n = len(p_ptr) - 1
    first, second = np.empty(n, np.int64), np.empty(n, np.int64)
    best = opened.copy()
    best_cost = -1
    for _ in range(shakings):
        cost = settled(p_ptr, p_site, outside, price, opened, p_cost, first, second)
        cost = descend(
            s_ptr, s_point, s_cost, p_ptr, p_site, p_cost, outside, price, most, opened, first,
            second, cost,
        )  # fmt: skip
        if best_cost < 0 or cost <= best_cost:
            best_cost = cost
            best[:] = opened
        opened[:] = best
        for _ in range(1 + np.random.randint(SHAKEN)):
            shake(p_ptr, p_site, opened, np.random.randint(n))
    opened[:] = best
    settled(p_ptr, p_site, outside, price, opened, p_cost, first, second)
    site = np.full(n, NOBODY, np.int64)
    for i in range(n):
        if first[i] >= 0:
            site[i] = p_site[first[i]]
    return site


@compiled
def shake(p_ptr: Ints, p_site: Ints, opened: Flags, i: int) -> None:
    """Close the site of a point, or one near it, and open another nearby."""
    a, b = p_ptr[i], p_ptr[i + 1]
    for e in range(a, b):
        if opened[p_site[e]] and (np.random.random() < KEPT or e == b - 1):
            opened[p_site[e]] = False
            near = min(b - a, 2 * (e - a) + 3)
            opened[p_site[a + np.random.randint(near)]] = True
            return


KEPT = 0.6
"""How often a shaking closes the nearest open site and not one further off."""


@compiled
def settled(
    p_ptr: Ints, p_site: Ints, outside: Ints, price: Ints, opened: Flags, p_cost: Ints,
    first: Ints, second: Ints,
) -> int:  # fmt: skip
    """Cost with these sites open; fills in each point's nearest and second nearest entry, -1 for outside."""
    cost = np.sum(price[opened])
    for i in range(len(first)):
        look(i, p_ptr, p_site, p_cost, outside, opened, first, second)
        cost += p_cost[first[i]] if first[i] >= 0 else outside[i]
    return int(cost)


@compiled
def look(
    i: int, p_ptr: Ints, p_site: Ints, p_cost: Ints, outside: Ints, opened: Flags, first: Ints,
    second: Ints,
) -> None:  # fmt: skip
    """The nearest and second nearest open entries of one point that are cheaper than outside."""
    first[i] = second[i] = -1
    for e in range(p_ptr[i], p_ptr[i + 1]):
        if p_cost[e] >= outside[i]:
            return
        if opened[p_site[e]]:
            if first[i] >= 0:
                second[i] = e
                return
            first[i] = e


@compiled
def descend(
    s_ptr: Ints, s_point: Ints, s_cost: Ints, p_ptr: Ints, p_site: Ints, p_cost: Ints,
    outside: Ints, price: Ints, most: int, opened: Flags, first: Ints, second: Ints, cost: int,
) -> int:  # fmt: skip
    """Exchanges, openings and closings while one pays; the cost then."""
    m = len(s_ptr) - 1
    near, next_ = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
    loss, change = np.empty(m, np.int64), np.zeros(m, np.int64)
    losses(p_site, p_cost, outside, price, opened, first, second, near, next_, loss)
    count = np.sum(opened)
    j = np.random.randint(m)
    waited = 0
    while waited < m:
        j = (j + 1) % m
        waited += 1
        if opened[j]:
            if loss[j] >= 0:
                continue
            delta, out, come = loss[j], j, -1
        else:
            delta, out = worth(
                j, s_ptr, s_point, s_cost, p_site, price, opened, first, near, next_, loss, change,
                bool(count < most),
            )  # fmt: skip
            come = j
        if delta >= 0:
            continue
        cost += delta
        if out >= 0:
            opened[out] = False
        if come >= 0:
            opened[come] = True
        count = np.sum(opened)
        for i in range(len(first)):
            look(i, p_ptr, p_site, p_cost, outside, opened, first, second)
        losses(p_site, p_cost, outside, price, opened, first, second, near, next_, loss)
        waited = 0
    return int(cost)


@compiled
def losses(
    p_site: Ints, p_cost: Ints, outside: Ints, price: Ints, opened: Flags, first: Ints,
    second: Ints, near: Ints, next_: Ints, loss: Ints,
) -> None:  # fmt: skip
    """Cost of each point at its nearest and second nearest site, and of closing each site."""
    for j in range(len(loss)):
        loss[j] = -price[j]
    for i in range(len(first)):
        near[i] = p_cost[first[i]] if first[i] >= 0 else outside[i]
        next_[i] = p_cost[second[i]] if second[i] >= 0 else outside[i]
        if first[i] >= 0:
            loss[p_site[first[i]]] += next_[i] - near[i]


@compiled
def worth(
    j: int, s_ptr: Ints, s_point: Ints, s_cost: Ints, p_site: Ints, price: Ints, opened: Flags,
    first: Ints, near: Ints, next_: Ints, loss: Ints, change: Ints, more: bool,
) -> tuple[int, int]:  # fmt: skip
    """(cost, site closed for it or -1) of opening site `j` in the best way; `change` is left zero."""
    gain = price[j]
    for e in range(s_ptr[j], s_ptr[j + 1]):
        i = s_point[e]
        if s_cost[e] < next_[i]:
            here = p_site[first[i]] if first[i] >= 0 else -1
            if s_cost[e] < near[i]:
                gain += s_cost[e] - near[i]
                if here >= 0:
                    change[here] += near[i] - next_[i]
            elif here >= 0:
                change[here] += s_cost[e] - next_[i]
    best, out = 0, -1
    for k in range(len(loss)):
        if opened[k] and (out < 0 or loss[k] + change[k] < best):
            best, out = loss[k] + change[k], k
        change[k] = 0
    if more and (out < 0 or best >= 0):
        return gain, -1
    if out < 0:
        return 0, -1
    return gain + best, out
