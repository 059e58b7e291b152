"""Cases by the number of sites and lanes: one part's proof, divided where its totals are not whole.

In a part of five sites the best multipliers see 5.3 of them and 17.1 lanes. Every plan has at most
five or at least six, at most 17 lanes or at least 18. Each case has multipliers of its own and a
price on the total that bounds it; the part costs at least what its cheapest case proves. A case is
column generation with one more row for each total, so pricing a site stays a knapsack.
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

WHOLE = 0.01
"""A total this near a whole number is one."""
WIDTH, NARROWEST, HELD = 0.1, 0.002, 0.1
"""The box of multipliers, as in `columns`."""
SMALL = 1e-6
"""A share by which a bound that rises less has stopped rising."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One case of a part: the totals it allows, and what proves its bound."""

    sites: tuple[int, int]
    lanes: tuple[int, int]
    u: Ints
    site: int
    lane: int
    """Prices on the totals: above zero on the least, below on the most."""
    bound: float
    totals: tuple[float, float]
    """(sites, lanes) of the linear program's solution."""

    def halves(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """The two cases this one divides into, none where both totals are whole."""
        (s0, s1), (l0, l1) = self.sites, self.lanes
        for k, total in enumerate(self.totals):
            if abs(total - round(total)) < WHOLE:
                continue
            low = int(np.floor(total))
            if k == 0:
                return [((s0, low), self.lanes), ((low + 1, s1), self.lanes)]
            return [(self.sites, (l0, low)), (self.sites, (low + 1, l1))]
        return []


def divide(
    net: Network, u: Floats, pool: Pool, goal: int, *, most: int, rounds: int, stop: Stop
) -> list[Leaf]:
    """At most `most` cases that cover every plan, from the multipliers `u` on; the least bound is the
    part's. Ends where the cheapest case has whole totals or none is cheaper than `goal`.
    """
    every = (0, ANY_NUMBER)
    leaves = [_solve(net, u, pool, every, every, rounds, stop)]
    while len(leaves) < most and not stop():
        leaves.sort(key=lambda leaf: (leaf.bound, leaf.sites, leaf.lanes))
        first = leaves[0]
        halves = first.halves()
        if first.bound >= goal or not halves:
            break
        inner = [
            _solve(net, first.u.astype(float), pool, sites, lanes, rounds, stop)
            for sites, lanes in halves
        ]
        if stop():  # halves begun may prove less than the whole
            break
        leaves[:1] = inner
    return leaves


class _Totals:
    """The set cover of one case inside HiGHS: everybody, each site once, and the two totals."""

    def __init__(self, net: Network, sites: tuple[int, int], lanes: tuple[int, int]) -> None:
        self.net, self.sites, self.lanes = net, sites, lanes
        self.n, self.m, self.size = len(net.points), len(net.sites), 0
        self.highs = quiet()
        inf = highspy.kHighsInf
        high = [inf if top == ANY_NUMBER else top for _, top in (sites, lanes)]
        lower = np.concatenate((np.ones(self.n), np.full(self.m, -inf), [sites[0], lanes[0]]))
        upper = np.concatenate((np.full(self.n, inf), np.ones(self.m), high))
        rows = len(lower)
        none = np.zeros(0, dtype=np.int32)
        self.highs.addRows(rows, lower, upper, 0, np.zeros(rows, np.int32), none, np.zeros(0))
        each = np.concatenate((np.arange(self.n), [rows - 2, rows - 1]))
        count = np.arange(len(each))
        add_columns(self.highs, np.zeros(len(each)), count, each, np.ones(len(each)), FREE)
        add_columns(self.highs, np.zeros(len(each)), count, each, -np.ones(len(each)), FREE)
        point = np.arange(self.n)
        add_columns(self.highs, net.outside / SCALE, point, point, np.ones(self.n), FREE)
        self.box = 2 * len(each)

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
        net = replace(full, price=full.price - site, lane_price=full.lane_price - lane)
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
        worth = site * self.sites[site < 0] + lane * self.lanes[lane < 0]
        return float(u.sum() + reduced.sum() + worth), fresh

    def totals(self, pool: Pool) -> tuple[float, float]:
        """(sites, lanes) of the last solution."""
        x = np.asarray(self.highs.getSolution().col_value)[self.box + self.n :]
        lanes = np.array([self.lanes_of(pool, k) for k in range(self.size)])
        return float(x.sum()), float(x @ lanes)


STEEP = 3.0
"""A total's most may be priced at so many times what one more costs."""


def _solve(
    net: Network, u: Floats, pool: Pool, sites: tuple[int, int], lanes: tuple[int, int],
    rounds: int, stop: Stop,
) -> Leaf:  # fmt: skip
    cover, width = _Totals(net, sites, lanes), WIDTH
    centre = np.rint(u).astype(np.int64)
    best = Leaf(sites, lanes, np.zeros_like(centre), 0, 0, 0.0, (0.0, 0.0))
    cover.proven(centre, 0, 0, pool)
    for _ in range(rounds):
        if stop():
            break
        cover.grow(pool)
        answer = cover.prices(centre.astype(float), width, stop)
        if answer is None:
            break
        value, found, site, lane = answer
        bound, fresh = cover.proven(found, site, lane, pool)
        risen = bound - best.bound
        if risen > 0:
            best, centre = Leaf(sites, lanes, found, site, lane, bound, cover.totals(pool)), found
            if not fresh or value - bound < HELD * risen:
                width = min(1.0, 2 * width)
        else:
            width = max(0.7 * width, NARROWEST)
        if risen < SMALL * value and not fresh:
            break
        if width >= 1.0 and value - best.bound < SMALL * value:
            break
    return best
