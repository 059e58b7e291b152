"""Columns: the best multipliers are found from wherever the search for them begins."""

from __future__ import annotations

import numpy as np
import pytest

from yingjian.engines.asking import never
from yingjian.engines.siting.columns import Pool, price_columns, tighten
from yingjian.engines.siting.counts import Counted
from yingjian.engines.siting.dual import climb, start
from yingjian.engines.siting.model import Prices, Problem, Rules
from yingjian.engines.siting.network import Network, components
from yingjian.engines.siting.search import empty

RULES = Rules(walk_m=800.0, heads_per_site=1500, heads_per_lane=500)
PRICES = Prices(site=10_000_000, lane=8_000_000, walk_km=2600, visit=400_000, visit_head=20_000)


def village(points: int, seed: int) -> Network:
    """The largest part of a village whose lanes cost nearly what its sites do."""
    rng = np.random.default_rng(seed)
    at = rng.random((points, 2)) * 150 * points**0.5
    asked = Problem(
        x=at[:, 0].copy(), y=at[:, 1].copy(), heads=rng.integers(1, 160, points),
        site_x=at[::2, 0].copy(), site_y=at[::2, 1].copy(), rules=RULES, prices=PRICES,
    )  # fmt: skip
    return max(components(asked), key=lambda net: len(net.points))


def tightened(net: Network, known: Counted) -> float:
    """The bound of columns from these multipliers on."""
    known.bound, _ = price_columns(net, known, Pool())
    return tighten(net, known, Pool(), 400, never).bound


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_box_of_multipliers_moves_on_until_nothing_is_gained(seed: int) -> None:
    net = village(60, seed)
    ascent = start(net)
    first = Counted(ascent.best.copy(), 0, 0, 0.0)
    climb(net, ascent, float(empty(net).cost), 200, False, never)
    far, near = tightened(net, first), tightened(net, Counted(ascent.best.copy(), 0, 0, 0.0))
    assert far == pytest.approx(near, rel=2e-4)
    assert near > ascent.bound
