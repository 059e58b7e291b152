"""Machine code is there before a search's seconds are counted."""

from __future__ import annotations

from functools import cache

import numpy as np

from yingjian.engines.siting.model import Params, Prices, Problem, Rules
from yingjian.engines.siting.paths import paths_of, ways_between
from yingjian.engines.siting.solve import solve

POINTS = 40
_RULES = Rules(walk_m=600.0, heads_per_site=1000, heads_per_lane=300)
_PRICES = Prices(site=6_000_000, lane=2_000_000, walk_km=2600, visit=2_500_000, visit_head=4000)
_EFFORT = Params(
    dual_rounds=20, exact_rounds=2, steps_per_point=2, column_rounds=2, count_rounds=5, sweeps=1
)


@cache
def ready() -> None:
    """Compile all that `solve` may call: some twenty seconds once an installation, a blink in each process after that.

    A small made-up question that no multipliers prove goes every way a county's does.
    """
    dice = np.random.default_rng(1)
    at = dice.integers(0, 1500, (POINTS, 2)).astype(float)
    heads = dice.integers(100, 700, POINTS)
    street = paths_of(np.array([[0.0, 0.0, 1500.0, 0.0]]), np.ones(1), _RULES.walk_m)
    x, y = at[:, 0].copy(), at[:, 1].copy()
    ways_between(
        x, y, x, y, paths=street, barriers=np.zeros((0, 4)), walk_m=_RULES.walk_m,
        detour=_RULES.detour,
    )  # fmt: skip
    solve(
        Problem(
            x=x, y=y, heads=heads, site_x=x.copy(), site_y=y.copy(),
            rules=_RULES, prices=_PRICES, mobile=np.arange(POINTS) % 2 == 0,
        ),
        _EFFORT,
    )  # fmt: skip
