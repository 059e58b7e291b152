"""Prices on whole numbers: a part of the network opens no part of a site and no part of a lane.

Multipliers alone let a village of 1,300 people have 1.3 sites of 1,000. Here the component's own
count is priced as well: whoever is not left outside needs at least ⌈heads / room⌉ sites. A part of a
site being impossible, one fewer is enough only if `left` people (what the others' room leaves over)
stay outside, so with `y` sites open

    y + (heads left outside) / left >= ⌈heads / room⌉

holds in every plan, and the same for lanes. Each gets one price; `check.bound_of` adds them up again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.asking import Floats, Stop
from yingjian.engines.siting.dual import (
    FLAT,
    MOMENTUM,
    NEAR,
    PATIENCE,
    SHORTER,
    SHORTEST,
    Ascent,
    looks,
    price_sites,
)
from yingjian.engines.siting.network import ANY, Network


@dataclass(slots=True)
class Counted:
    """The best multipliers together with prices on the component's sites and lanes.

    `site` below zero is the price of a site too many instead (`Network.most`).
    """

    u: Floats
    site: int
    lane: int
    bound: float

    def discounted(self, net: Network) -> Network:
        """The component as the multipliers see it: sites and lanes cheaper by their count's price."""
        return replace(net, price=net.price - self.site, lane_price=net.lane_price - self.lane)


@dataclass(frozen=True, slots=True)
class Count:
    """At least `least` of something that takes `size` heads each; see `left` above."""

    least: int
    size: int
    left: int

    @classmethod
    def of(cls, heads: int, size: int) -> Count:
        """Of so many people."""
        least = -(-heads // size)
        return cls(least, size, heads - size * (least - 1))


def counts_of(net: Network) -> tuple[Count, Count]:
    """(sites, lanes) of a component."""
    total = int(net.heads.sum())
    return Count.of(total, net.site_heads), Count.of(total, net.lane_heads)


def caps(net: Network, site: int, lane: int) -> Floats:
    """The most each point's multiplier is worth beside these prices: staying outside is cheaper then."""
    sites, lanes = counts_of(net)
    cap: Floats = net.outside - net.heads * (max(site, 0) / sites.left + lane / lanes.left)
    return cap


def constant(net: Network, site: int, lane: int) -> int:
    """What the least counts are worth, less what the most sites cost where that is priced."""
    sites, lanes = counts_of(net)
    return site * (sites.least if site >= 0 else net.most) + lane * lanes.least


def price_counts(
    net: Network, ascent: Ascent, goal: float, rounds: int, exact_rounds: int, stop: Stop
) -> Counted:
    """Ascent in multipliers and both prices at once, from the best multipliers without them.

    The variables are `w = u + site x heads / room + lane x heads / lane room`, so that a dearer count
    leaves a full site as attractive as it was.
    """
    best = Counted(ascent.best.copy(), 0, 0, ascent.bound)
    _ascend(net, ascent, best, goal, rounds, False, stop)
    if exact_rounds:
        # relaxed knapsacks undersell what the best multipliers prove
        _ascend(net, ascent, best, goal, exact_rounds, True, stop)
    return best


def _ascend(
    net: Network, ascent: Ascent, best: Counted, goal: float, rounds: int, exact: bool, stop: Stop
) -> None:
    heads = net.heads.astype(float)
    sites, lanes = counts_of(net)
    per_site, per_lane = heads / net.site_heads, heads / net.lane_heads
    out_site, out_lane = heads / sites.left, heads / lanes.left
    top = np.array([net.dearest_count, net.lane_price], dtype=float)
    taken = np.zeros(len(heads))
    prices = np.array([best.site, best.lane], dtype=float)
    w = best.u + prices[0] * per_site + prices[1] * per_lane
    direction = np.zeros(len(heads) + 2)
    scale, since = (0.4 if exact else 1.0), 0
    every = looks(net)
    for turn in range(rounds):
        a, b = (round(float(p)) for p in prices)
        cap = caps(net, a, b)
        free = w - a * per_site - b * per_lane
        u = np.clip(free, 0.0, np.maximum(cap, 0.0))
        w = u + a * per_site + b * per_lane
        earned, opened, manned, _ = price_sites(
            net.s_ptr, net.s_point, net.s_cost, net.heads, net.room, net.lane_heads,
            net.lane_price - b, net.price - a, u, ascent.order, taken, exact, ANY,
        )  # fmt: skip
        bound = float(u.sum()) + constant(net, a, b) + earned
        bound += float(np.minimum(0.0, cap).sum())
        if bound > best.bound:
            if bound > best.bound + 1e-5 * goal:
                since = 0
            best.u, best.site, best.lane, best.bound = u, a, b, bound
        since += 1
        if since > PATIENCE:
            scale, since = scale * SHORTER, 0
            prices = np.array([best.site, best.lane], dtype=float)
            w = best.u + prices[0] * per_site + prices[1] * per_lane
            if scale < SHORTEST:
                return
            continue
        short = 1.0 - taken
        capped = (free >= cap) & (short > 0)
        inner = np.where(capped, 0.0, short)
        lost = np.where(capped, short, 0.0) + (cap < 0)
        slope = np.concatenate((
            inner,
            [sites.least - opened - inner @ per_site - lost @ out_site],
            [lanes.least - manned - inner @ per_lane - lost @ out_lane],
        ))  # fmt: skip
        at = np.concatenate((w, prices))
        slope[-2:][(prices <= 0.0) & (slope[-2:] < 0)] = 0.0
        slope[-2:][(prices >= top) & (slope[-2:] > 0)] = 0.0
        direction = slope + MOMENTUM * direction if turn else slope
        norm = float(direction @ direction)
        if norm < FLAT or goal - bound <= NEAR or (turn % every == 0 and stop()):
            return
        at = at + scale * (goal - bound) / norm * direction
        w, prices = at[:-2], np.clip(at[-2:], 0.0, top)
