"""Upper bounds: tear a few neighbouring sites down, build again, keep what pays (annealed).

The multipliers of `dual` say what each point is worth; building again opens, again and again, the
site with the best price for the worth of what it takes. One step touches a handful of sites, so a
step costs the same in a county and in a city. Integers throughout: the cost kept is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.jit import compiled
from yingjian.engines.siting.network import Network

NOBODY = -1
"""No site: the point is served outside."""
REACH = 512
"""Most points, and sites, one step looks at."""
WANDER = 0.3
"""How often the next site to tear down is looked for around another one of those chosen."""
NOISE = 0.06
"""Share by which a price per worth is blurred, so that no two rebuildings are alike."""
EVEN = 0.4
"""Share of rebuildings in which every site takes its best first."""
SKIPPED = 0.7
"""How often at most, times what is left of one, a point waits in the others."""
NEARLY = 6.0
"""A rebuilding dearer than so many temperatures is not worth polishing by swaps."""
DEAR = 1.6
"""A site that asks more than this per worth is not opened: its points wait for another, or stay outside."""


@dataclass(slots=True)
class Solution:
    """Site of each point (local index or `NOBODY`) and what it costs."""

    site: Ints
    cost: int

    def copy(self) -> Solution:
        """A solution of its own."""
        return Solution(self.site.copy(), self.cost)


def empty(net: Network) -> Solution:
    """Everybody outside: always possible, never cheap."""
    return Solution(np.full(len(net.points), NOBODY, dtype=np.int64), int(net.outside.sum()))


def cost_of(net: Network, site: Ints) -> int:
    """What a component costs with these sites."""
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    inside = site != NOBODY
    load = np.bincount(site[inside], weights=net.heads[inside], minlength=len(net.sites))
    lanes = -(-load.astype(np.int64) // net.lane_heads)
    walks = int(net.s_cost[site[net.s_point] == row].sum())
    total = walks + int(net.outside[~inside].sum()) + int(net.price[load > 0].sum())
    return total + int(lanes.sum()) * net.lane_price


def by_worth(net: Network, u: Floats) -> Ints:
    """By site, its entries by falling worth per head under multipliers `u`."""
    worth = (u[net.s_point] - net.s_cost) / net.heads[net.s_point]
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    order: Ints = np.lexsort((-worth, row)).astype(np.int64)
    return order


def improve(
    net: Network, solution: Solution, u: Floats, *, steps: int, ruined: int, hot: float,
    cold: float, seed: int, swaps: bool = False, limit: int = 0,
) -> Solution:  # fmt: skip
    """`steps` of ruin and recreate from `solution`, temperatures `hot` to `cold`; the best seen.

    `swaps`: points also change places in pairs, which full rooms ask for. `limit`: what a site more
    than the network's most is worth.
    """
    return walk(
        net, solution, solution, u, steps=steps, ruined=ruined, hot=hot, cold=cold, seed=seed,
        swaps=swaps, limit=limit,
    )[0]  # fmt: skip


def walk(
    net: Network, known: Solution, current: Solution, u: Floats, *, steps: int, ruined: int,
    hot: float, cold: float, seed: int, swaps: bool = False, limit: int = 0,
    order: Ints | None = None,
) -> tuple[Solution, Solution]:  # fmt: skip
    """As `improve` from `current`, which need not be the best `known`: (the best, where it ended).

    A search cut in slices goes on from where the slice before ended: begun anew from the best, what a
    hot slice had moved about would be lost. `order`: `by_worth`, where it is known already.
    """
    if not len(net.s_point):
        return known, current
    best, at = known.site.copy(), current.site.copy()
    if order is None:
        order = by_worth(net, u)
    cost, ended = anneal(
        net.s_ptr, net.s_point[order], net.s_cost[order], net.p_ptr, net.p_site, net.p_cost,
        net.heads, net.outside, net.room, net.price, net.lane_heads, net.lane_price, u, best,
        known.cost, at, current.cost, steps, ruined, hot, cold, seed, swaps, net.most,
        net.price + limit,
    )  # fmt: skip
    return Solution(best, int(cost)), Solution(at, int(ended))


@compiled
def anneal(
    s_ptr: Ints, s_point: Ints, s_cost: Ints, p_ptr: Ints, p_site: Ints, p_cost: Ints, heads: Ints,
    outside: Ints, room: Ints, price: Ints, lane_heads: int, lane_price: int, u: Floats,
    best_site: Ints, best: int, site_of: Ints, cost: int, steps: int, ruined: int, hot: float,
    cold: float, seed: int, swaps: bool, most: int, asked: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Walk on from `site_of`, keeping the best seen in `best_site`, both in place; returns their costs,
    the best's first.
    """
    np.random.seed(seed)
    n, m = len(p_ptr) - 1, len(s_ptr) - 1
    load, count = filled(site_of, heads, m)
    unsaved = False
    torn = np.empty(ruined, np.int64)
    free, was = np.empty(REACH, np.int64), np.empty(REACH, np.int64)
    wide, pick_of = np.empty(REACH, np.int64), np.empty(REACH, np.int64)
    stamp, is_free = np.zeros(m, np.int64), np.zeros(n, np.bool_)
    ratio, seen = np.empty(REACH), np.empty(REACH, np.int64)
    cooling, heat = (cold / hot) ** (1.0 / max(1, steps)), hot
    for step in range(1, steps + 1):
        heat *= cooling
        sites = tear(
            s_ptr, s_point, p_ptr, p_site, site_of, count, torn, 1 + np.random.randint(ruined)
        )
        k, delta = 0, 0
        for t in range(sites):
            k, delta = clear(
                torn[t], s_ptr, s_point, s_cost, heads, outside, price, lane_heads, lane_price,
                site_of, load, count, free, was, is_free, k, delta,
            )  # fmt: skip
        if k == 0:
            continue
        c = around(free, k, p_ptr, p_site, stamp, step, wide)
        spare = int(most - np.sum(count > 0)) if most < m else m
        more, spare = rebuild(
            s_ptr, s_point, s_cost, heads, outside, room, price, lane_heads, lane_price, u, site_of,
            load, count, is_free, wide, c, ratio, seen, pick_of, spare, asked,
        )  # fmt: skip
        delta += more
        delta += settle(
            free, k, p_ptr, p_site, p_cost, heads, outside, room, price, lane_heads, lane_price,
            site_of, load, count, is_free, spare,
        )  # fmt: skip
        if swaps and delta < NEARLY * heat:
            k, less = swap(
                free, was, k, s_ptr, s_point, s_cost, p_ptr, p_site, p_cost, heads, room,
                lane_heads, lane_price, site_of, load, is_free,
            )  # fmt: skip
            delta += less
        if delta <= 0 or np.random.random() < np.exp(-delta / heat):
            if delta > 0 and unsaved:
                save_before(best_site, site_of, free, was, k)
                unsaved = False
            cost += delta
            if cost < best:
                best, unsaved = cost, True
        else:
            undo(free, was, k, heads, site_of, load, count)
    if unsaved:
        best_site[:] = site_of
    return best, cost


@compiled
def filled(site_of: Ints, heads: Ints, sites: int) -> tuple[Ints, Ints]:
    """Heads and points at each site."""
    load, count = np.zeros(sites, np.int64), np.zeros(sites, np.int64)
    for i in range(len(site_of)):
        if site_of[i] >= 0:
            load[site_of[i]] += heads[i]
            count[site_of[i]] += 1
    return load, count


@compiled
def save_before(best_site: Ints, site_of: Ints, free: Ints, was: Ints, k: int) -> None:
    """Keep the state before this step, whose `k` points `free` were where `was` says."""
    best_site[:] = site_of
    for t in range(k):
        best_site[free[t]] = was[t]


@compiled
def tear(
    s_ptr: Ints, s_point: Ints, p_ptr: Ints, p_site: Ints, site_of: Ints, count: Ints, torn: Ints,
    wanted: int,
) -> int:  # fmt: skip
    """Choose up to `wanted` neighbouring open sites around a random point; how many were found."""
    n = len(p_ptr) - 1
    i = np.random.randint(n)
    found = 0
    for _ in range(4 * wanted):
        a, b = p_ptr[i], p_ptr[i + 1]
        if a == b:
            return found
        j = site_of[i]
        if found > 0 or j < 0:
            j = p_site[a + np.random.randint(b - a)]
        fresh = count[j] > 0 or found == 0
        for t in range(found):
            fresh = fresh and torn[t] != j
        if fresh:
            torn[found] = j
            found += 1
            if found == wanted:
                break
        if np.random.random() < WANDER:
            j = torn[np.random.randint(found)] if found else j
            i = s_point[s_ptr[j] + np.random.randint(s_ptr[j + 1] - s_ptr[j])]
    return found


@compiled
def clear(
    j: int, s_ptr: Ints, s_point: Ints, s_cost: Ints, heads: Ints, outside: Ints, price: Ints,
    lane_heads: int, lane_price: int, site_of: Ints, load: Ints, count: Ints, free: Ints, was: Ints,
    is_free: np.ndarray, k: int, delta: int,
) -> tuple[int, int]:  # fmt: skip
    """Send everybody of site j, and everybody near it who is outside, to the list of the free."""
    for e in range(s_ptr[j], s_ptr[j + 1]):
        i = s_point[e]
        if is_free[i] or k == len(free):
            continue
        if site_of[i] == j:
            before = price[j] + lane_price * -(-load[j] // lane_heads)
            load[j] -= heads[i]
            count[j] -= 1
            after = price[j] + lane_price * -(-load[j] // lane_heads) if count[j] > 0 else 0
            delta += after - before - s_cost[e]
        elif site_of[i] < 0:
            delta -= outside[i]
        else:
            continue
        free[k], was[k] = i, site_of[i]
        site_of[i] = -1
        is_free[i] = True
        k += 1
    return k, delta


@compiled
def around(
    free: Ints, k: int, p_ptr: Ints, p_site: Ints, stamp: Ints, mark: int, wide: Ints
) -> int:
    """List in `wide` the candidates that some free point can reach."""
    c = 0
    for t in range(k):
        for e in range(p_ptr[free[t]], p_ptr[free[t] + 1]):
            j = p_site[e]
            if stamp[j] != mark and c < len(wide):
                stamp[j] = mark
                wide[c] = j
                c += 1
    return c


@compiled
def rebuild(
    s_ptr: Ints, s_point: Ints, s_cost: Ints, heads: Ints, outside: Ints, room: Ints, price: Ints,
    lane_heads: int, lane_price: int, u: Floats, site_of: Ints, load: Ints, count: Ints,
    is_free: np.ndarray, wide: Ints, c: int, ratio: Floats, seen: Ints, pick_of: Ints, spare: int,
    asked: Ints,
) -> tuple[int, int]:  # fmt: skip
    """(cost, sites still to spare) of giving free points to sites, cheapest price per worth first
    (looked up again only when on top; `asked`: its price of opening).

    A site takes its best first, but often passes over some of them until the others had their turn:
    full lanes are packed in many ways.
    """
    skip = max(0.0, SKIPPED * (np.random.random() - EVEN))
    delta, version = 0, 0
    for t in range(c):
        ratio[t], pick_of[t] = offer(
            wide[t], s_ptr, s_point, s_cost, heads, room, asked, lane_heads, lane_price, u, load,
            count, is_free,
        )  # fmt: skip
        ratio[t] *= 1.0 + NOISE * np.random.random()
        seen[t] = version
    while True:
        top = least(ratio, c)
        if top < 0 or ratio[top] > DEAR:
            return delta, spare
        j = wide[top]
        if count[j] == 0 and spare <= 0:
            ratio[top] = np.inf
            continue
        if seen[top] != version:
            noise = 1.0 + NOISE * np.random.random()
            ratio[top], pick_of[top] = offer(
                j, s_ptr, s_point, s_cost, heads, room, asked, lane_heads, lane_price, u, load,
                count, is_free,
            )  # fmt: skip
            ratio[top] *= noise
            seen[top] = version
            continue
        before = price[j] + lane_price * -(-load[j] // lane_heads) if count[j] > 0 else 0
        spare -= count[j] == 0
        left = pick_of[top]
        for turn in range(2):
            for e in range(s_ptr[j], s_ptr[j + 1]):
                i = s_point[e]
                if not is_free[i] or heads[i] > left:
                    continue
                if turn == 0 and skip > 0.0 and np.random.random() < skip:
                    continue
                left -= heads[i]
                load[j] += heads[i]
                count[j] += 1
                site_of[i] = j
                is_free[i] = False
                delta += s_cost[e]
            if skip == 0.0:
                break
        delta += price[j] + lane_price * -(-load[j] // lane_heads) - before
        version += 1
        ratio[top] = np.inf


@compiled
def least(ratio: Floats, c: int) -> int:
    """Index of the least of the first `c`, -1 where there are none."""
    top = -1
    for t in range(c):
        if top < 0 or ratio[t] < ratio[top]:
            top = t
    return top


@compiled
def offer(
    j: int, s_ptr: Ints, s_point: Ints, s_cost: Ints, heads: Ints, room: Ints, price: Ints,
    lane_heads: int, lane_price: int, u: Floats, load: Ints, count: Ints, is_free: np.ndarray,
) -> tuple[float, int]:  # fmt: skip
    """(price per worth, heads taken) of the best lane count site j can offer the free points."""
    ratio, taken = np.inf, 0
    begun = -(-load[j] // lane_heads)
    lanes = max(begun, 1)
    room_left = room[j] - load[j]
    limit = min(lanes * lane_heads - load[j], room_left)
    worth, cost, used = 0.0, 0.0 if count[j] > 0 else float(price[j]), 0
    for e in range(s_ptr[j], s_ptr[j + 1]):
        i = s_point[e]
        if not is_free[i] or used + heads[i] > room_left:
            continue
        while used + heads[i] > limit:
            price_now = cost + lane_price * (lanes - begun)
            if worth > 0.0 and price_now / worth < ratio:
                ratio, taken = price_now / worth, limit
            lanes += 1
            limit = min(lanes * lane_heads - load[j], room_left)
        used += heads[i]
        worth += u[i]
        cost += s_cost[e]
    cost += lane_price * (lanes - begun)
    if worth > 0.0 and cost / worth < ratio:
        ratio, taken = cost / worth, limit
    return ratio, taken


@compiled
def settle(
    free: Ints, k: int, p_ptr: Ints, p_site: Ints, p_cost: Ints, heads: Ints, outside: Ints,
    room: Ints, price: Ints, lane_heads: int, lane_price: int, site_of: Ints, load: Ints,
    count: Ints, is_free: np.ndarray, spare: int,
) -> int:  # fmt: skip
    """Put who is still free where it costs least, then move single points while that pays.

    At most `spare` more sites are opened.
    """
    delta = 0
    for turn in range(2):
        for t in range(k):
            i = free[t]
            here, saved = site_of[i], 0
            if turn == 0 and not is_free[i]:
                continue
            if turn == 1:
                saved = leaving(
                    i, here, p_ptr, p_site, p_cost, heads, outside, price, lane_heads, lane_price,
                    load, count,
                )  # fmt: skip
            low, to = outside[i], -1
            for e in range(p_ptr[i], p_ptr[i + 1]):
                j = p_site[e]
                if j == here or load[j] + heads[i] > room[j]:
                    continue
                if count[j] == 0 and spare <= 0:
                    continue
                cost = p_cost[e] + lane_price * (
                    -(-(load[j] + heads[i]) // lane_heads) + (-load[j] // lane_heads)
                )
                cost += price[j] if count[j] == 0 else 0
                if cost < low:
                    low, to = cost, j
            if turn == 1 and low >= saved:
                continue
            if here >= 0:
                load[here] -= heads[i]
                count[here] -= 1
                spare += count[here] == 0
            if to >= 0:
                spare -= count[to] == 0
                load[to] += heads[i]
                count[to] += 1
            site_of[i] = to
            is_free[i] = False
            delta += low - saved
    return delta


@compiled
def leaving(
    i: int, here: int, p_ptr: Ints, p_site: Ints, p_cost: Ints, heads: Ints, outside: Ints,
    price: Ints, lane_heads: int, lane_price: int, load: Ints, count: Ints,
) -> int:  # fmt: skip
    """What is saved when point i leaves where it is."""
    if here < 0:
        return int(outside[i])
    saved = lane_price * (-(-load[here] // lane_heads) + (-(load[here] - heads[i]) // lane_heads))
    if count[here] == 1:
        saved += price[here]
    for e in range(p_ptr[i], p_ptr[i + 1]):
        if p_site[e] == here:
            saved += p_cost[e]
    return int(saved)


@compiled
def swap(
    free: Ints, was: Ints, k: int, s_ptr: Ints, s_point: Ints, s_cost: Ints, p_ptr: Ints,
    p_site: Ints, p_cost: Ints, heads: Ints, room: Ints, lane_heads: int, lane_price: int,
    site_of: Ints, load: Ints, listed: np.ndarray,
) -> tuple[int, int]:  # fmt: skip
    """(how many points the step touches, cost saved as a negative number) after swaps that pay.

    Each point just placed may change places with one that could come to its site; the best is done.
    """
    delta = 0
    for t in range(k):
        listed[free[t]] = True
    t = 0
    while t < k:
        i = free[t]
        t += 1
        a = site_of[i]
        if a < 0:
            continue
        here = way(i, a, p_ptr, p_site, p_cost)
        low, other = 0, -1
        for e in range(s_ptr[a], s_ptr[a + 1]):
            j = s_point[e]
            b = site_of[j]
            more = heads[j] - heads[i]
            if b < 0 or b == a or load[a] + more > room[a] or load[b] - more > room[b]:
                continue
            if not listed[j] and k == len(free):
                continue
            there = way(i, b, p_ptr, p_site, p_cost)
            if there < 0:
                continue
            cost = s_cost[e] + there - here - way(j, b, p_ptr, p_site, p_cost)
            cost += lane_price * (-(-(load[a] + more) // lane_heads) + (-load[a] // lane_heads))
            cost += lane_price * (-(-(load[b] - more) // lane_heads) + (-load[b] // lane_heads))
            if cost < low:
                low, other = cost, j
        if other < 0:
            continue
        b = site_of[other]
        if not listed[other]:
            free[k], was[k] = other, b
            listed[other] = True
            k += 1
        load[a] += heads[other] - heads[i]
        load[b] += heads[i] - heads[other]
        site_of[i], site_of[other] = b, a
        delta += low
    for t in range(k):
        listed[free[t]] = False
    return k, delta


@compiled
def way(i: int, j: int, p_ptr: Ints, p_site: Ints, p_cost: Ints) -> int:
    """What sending point i to site j costs, -1 where it may not go: sites ascend in a point's row."""
    low, high = p_ptr[i], p_ptr[i + 1]
    while low < high:
        middle = (low + high) // 2
        if p_site[middle] < j:
            low = middle + 1
        else:
            high = middle
    if low < p_ptr[i + 1] and p_site[low] == j:
        return int(p_cost[low])
    return -1


@compiled
def undo(
    free: Ints, was: Ints, k: int, heads: Ints, site_of: Ints, load: Ints, count: Ints
) -> None:
    """Take the free points back to where they were."""
    for t in range(k):
        i = free[t]
        if site_of[i] >= 0:
            load[site_of[i]] -= heads[i]
            count[site_of[i]] -= 1
        site_of[i] = was[t]
        if was[t] >= 0:
            load[was[t]] += heads[i]
            count[was[t]] += 1
