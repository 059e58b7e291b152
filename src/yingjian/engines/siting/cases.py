"""Cases by the number of sites and lanes and by single sites: one part's proof, divided where its
linear program is not whole.

In a part of five sites the best multipliers see 5.3 of them and 17.1 lanes. Every plan has at most
five or at least six, at most 17 lanes or at least 18. Where the totals are whole, a site seen half
open is open or shut. Each case has multipliers of its own and a price on the total that bounds it;
the part costs at least what its cheapest case proves. A case is column generation with one more row
for each total, so pricing a site stays a knapsack.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import highspy
import numpy as np

from yingjian.engines.asking import Floats, Ints, Stop
from yingjian.engines.siting.columns import (
    FREE,
    SCALE,
    Pool,
    add_columns,
    add_sites,
    best_columns,
    quiet,
    solved,
)
from yingjian.engines.siting.model import ANY_NUMBER
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.search import NOBODY, cost_of

WHOLE = 0.01
"""A total this near a whole number is one."""
WIDTH, NARROWEST, HELD = 0.05, 0.002, 0.1
"""The box of multipliers, as in `columns`."""
SMALL = 1e-5
"""A share by which a bound that rises less has stopped rising."""
HALF = 0.5
DEAR = 2**40
"""What a site held shut is priced at: it earns nothing."""
Held = tuple[tuple[int, bool], ...]
"""Sites held open (true) or shut."""
Box = tuple[tuple[int, int], tuple[int, int], Held]
"""Which plans a case is of: (least, most) sites, (least, most) lanes, sites held."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One case of a part: the totals it allows, and what proves its bound."""

    box: Box
    u: Ints
    site: int
    lane: int
    """Prices on the totals: above zero on the least, below on the most."""
    bound: float
    opened: Floats
    """How far the linear program's solution opens each site."""
    lanes: float
    """Lanes of that solution."""
    plan: Ints | None = None
    """The site of each point, as in a `Solution`, where that solution is whole."""

    def halves(self) -> list[Box]:
        """The two cases this one divides into, none where both totals and all sites are whole."""
        sites, lanes, held = self.box
        if not len(self.opened):
            return []
        low = _cut(float(self.opened.sum()), sites)
        if low is not None:
            return [((sites[0], low), lanes, held), ((low + 1, sites[1]), lanes, held)]
        low = _cut(self.lanes, lanes)
        if low is not None:
            return [(sites, (lanes[0], low), held), (sites, (low + 1, lanes[1]), held)]
        j = int(np.argmin(np.abs(self.opened - HALF)))
        if min(self.opened[j], 1 - self.opened[j]) < WHOLE:
            return []
        return [(sites, lanes, (*held, (j, True))), (sites, lanes, (*held, (j, False)))]


def _cut(total: float, span: tuple[int, int]) -> int | None:
    """The most of the lower half where a total is not whole."""
    low = int(np.floor(total))
    if abs(total - round(total)) < WHOLE or low < span[0]:
        return None
    return low if span[1] == ANY_NUMBER or low < span[1] else None


def divide(
    net: Network, u: Floats, pool: Pool, goal: int, *, most: int, rounds: int, stop: Stop
) -> list[Leaf]:
    """At most `most` cases that cover every plan, from the multipliers `u` on; the least bound is the
    part's. Ends where the cheapest case is whole, or none is cheaper than `goal` or a plan found on the way.
    """
    every = (0, ANY_NUMBER)
    leaves = [_solve(net, u, pool, (every, every, ()), goal, rounds, stop)]
    while len(leaves) < most and not stop():
        leaves.sort(key=lambda leaf: (leaf.bound, leaf.box))
        first = leaves[0]
        goal = min([goal, *(cost_of(net, leaf.plan) for leaf in leaves if leaf.plan is not None)])
        halves = first.halves()
        if first.bound >= goal or not halves:
            break
        inner = [
            _solve(net, first.u.astype(float), pool, half, goal, rounds, stop) for half in halves
        ]
        if stop():  # halves begun may prove less than the whole
            break
        leaves[:1] = inner
    return leaves


class _Totals:
    """The set cover of one case inside HiGHS: everybody, each site once, and the two totals.

    A site held open may stand empty at the price of a lane, so that every case has an answer.
    """

    def __init__(self, net: Network, box: Box) -> None:
        self.net = net
        sites, lanes, held = self.box = box
        self.sites, self.lanes = sites, lanes
        self.opened = np.array([j for j, opened in held if opened], dtype=np.int64)
        self.shut = np.array([j for j, opened in held if not opened], dtype=np.int64)
        self.n, self.m, self.size = len(net.points), len(net.sites), 0
        self.highs = quiet()
        inf = highspy.kHighsInf
        high = [inf if top == ANY_NUMBER else top for _, top in (sites, lanes)]
        lower = np.concatenate((np.ones(self.n), np.full(self.m, -inf), [sites[0], lanes[0]]))
        upper = np.concatenate((np.full(self.n, inf), np.ones(self.m), high))
        lower[self.n + self.opened] = 1.0
        upper[self.n + self.shut] = 0.0
        rows = len(lower)
        none = np.zeros(0, dtype=np.int32)
        self.highs.addRows(rows, lower, upper, 0, np.zeros(rows, np.int32), none, np.zeros(0))
        each = np.concatenate((np.arange(self.n), [rows - 2, rows - 1]))
        count = np.arange(len(each))
        add_columns(self.highs, np.zeros(len(each)), count, each, np.ones(len(each)), FREE)
        add_columns(self.highs, np.zeros(len(each)), count, each, -np.ones(len(each)), FREE)
        point = np.arange(self.n)
        add_columns(self.highs, net.outside / SCALE, point, point, np.ones(self.n), FREE)
        empty = [(self.n + j, rows - 2, rows - 1) for j in self.opened]
        entries = np.array(empty, dtype=np.int64).reshape(-1)
        cost = (net.price[self.opened] + net.lane_price) / SCALE
        add_columns(
            self.highs, cost, 3 * np.arange(len(empty)), entries, np.ones(len(entries)), FREE
        )
        self.fixed = 2 * len(each) + self.n

    def grow(self, pool: Pool) -> None:
        """Take the pool's new columns in."""
        self.size = add_sites(self.highs, self.net, pool, self.size)

    def lanes_of(self, pool: Pool, k: int) -> int:
        """Lanes of a column."""
        return -(-int(self.net.heads[pool.taken[k]].sum()) // self.net.lane_heads)

    def prices(
        self, u: Floats, width: float, stop: Stop
    ) -> tuple[float, Ints, int, int] | None:  # fmt: skip
        """(value, multipliers, price on sites, on lanes), multipliers within `width` of `u`."""
        top = np.array([self.net.dearest_count, self.net.lane_price], dtype=float)
        high = np.concatenate((u * (1 + width) + 1000, top))
        low = np.concatenate((np.maximum(0.0, u * (1 - width) - 1000), -STEEP * (top + 1)))
        box = np.concatenate((high, -low)) / SCALE
        self.highs.changeColsCost(len(box), np.arange(len(box), dtype=np.int32), box)
        if not solved(self.highs, stop):
            return None
        dual = np.asarray(self.highs.getSolution().row_dual) * SCALE
        found = np.maximum(np.rint(dual[: self.n]), 0.0).astype(np.int64)
        site, lane = (min(int(p), int(t)) for p, t in zip(dual[-2:], top, strict=True))
        value = self.highs.getInfo().objective_function_value * SCALE
        return value, np.minimum(found, self.net.outside), *self.held(site, lane)

    def held(self, site: int, lane: int) -> tuple[int, int]:
        """Prices as far as the totals have a bound on that side."""
        return (
            0 if site < 0 and self.sites[1] == ANY_NUMBER else site,
            0 if lane < 0 and self.lanes[1] == ANY_NUMBER else lane,
        )

    def proven(self, u: Ints, site: int, lane: int, pool: Pool) -> tuple[float, int]:
        """(bound of these prices, columns new to the pool)."""
        full = self.net
        price, lane_price = full.price - site, full.lane_price - lane
        alone = price[self.opened] + lane_price
        price[self.opened] -= alone + 1  # a site held open is priced whatever it earns
        price[self.shut] = DEAR
        net = replace(full, price=price, lane_price=lane_price)
        reduced = np.zeros(self.m)
        taken = np.zeros(len(net.s_point), dtype=np.bool_)
        best_columns(
            net.s_ptr, net.s_point, net.s_cost, net.heads, net.room, net.lane_heads,
            net.lane_price, net.price, u.astype(float), reduced, taken,
        )  # fmt: skip
        fresh = 0
        for j in np.flatnonzero(reduced < -1.0):
            row = slice(int(net.s_ptr[j]), int(net.s_ptr[j + 1]))
            fresh += pool.add(full, int(j), net.s_point[row][taken[row]])
        reduced[self.opened] = alone + np.minimum(0, reduced[self.opened] + 1)
        worth = site * self.sites[site < 0] + lane * self.lanes[lane < 0]
        return float(u.sum() + reduced.sum() + worth), fresh

    def found(self, pool: Pool) -> tuple[Floats, float]:
        """(how far each site is open, lanes) of the last solution."""
        x = np.asarray(self.highs.getSolution().col_value)[self.fixed :]
        site = np.concatenate((self.opened, np.array(pool.site[: self.size], dtype=np.int64)))
        lanes = [1] * len(self.opened) + [self.lanes_of(pool, k) for k in range(self.size)]
        opened: Floats = np.zeros(self.m)
        np.add.at(opened, site, x)
        return opened, float(x @ np.array(lanes))

    def plan(self, pool: Pool) -> Ints | None:
        """The last solution as a plan, where no column is taken in part; whom two sites take goes to the first."""
        x = np.asarray(self.highs.getSolution().col_value)[self.fixed + len(self.opened) :]
        if (np.minimum(x, np.abs(1 - x)) > WHOLE).any():
            return None
        site = np.full(self.n, NOBODY, dtype=np.int64)
        for k in np.flatnonzero(x > HALF)[::-1].tolist():
            site[pool.taken[k]] = pool.site[k]
        return site


STEEP = 3.0
"""A total's most may be priced at so many times what one more costs."""


def _solve(
    net: Network, u: Floats, pool: Pool, box: Box, goal: int, rounds: int, stop: Stop
) -> Leaf:
    cover, width = _Totals(net, box), WIDTH
    centre = np.rint(u).astype(np.int64)
    best = Leaf(box, np.zeros_like(centre), 0, 0, 0.0, np.zeros(0), 0.0)
    cover.proven(centre, 0, 0, pool)
    answer = None
    for _ in range(rounds):
        if stop() or best.bound >= goal:
            break
        cover.grow(pool)
        answer = cover.prices(centre.astype(float), width, stop)
        if answer is None:
            break
        value, found, site, lane = answer
        bound, fresh = cover.proven(found, site, lane, pool)
        risen = bound - best.bound
        if risen > 0:
            best, centre = Leaf(box, found, site, lane, bound, best.opened, 0.0), found
            if not fresh or value - bound < HELD * risen:
                width = min(1.0, 2 * width)
        else:
            width = max(0.7 * width, NARROWEST)
        # a bound that rises is held back by the box, whatever the program inside it is worth
        if risen < SMALL * value and (
            not fresh or (width >= 1.0 and value - best.bound < SMALL * value)
        ):
            break
    if answer is None or best.bound >= goal:
        return best
    opened, totals = cover.found(pool)  # of the last program: in earlier ones the box opens some
    return replace(best, opened=opened, lanes=totals, plan=cover.plan(pool))
