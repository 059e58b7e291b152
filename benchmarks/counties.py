"""Synthetic counties for measuring the siting engine: towns, a dense seat, scattered villages."""

from __future__ import annotations

import numpy as np

from yingjian.engines.siting.model import Prices, Problem, Rules

RULES = Rules(walk_m=800.0, heads_per_site=2000, heads_per_lane=510, detour=1.3)
PRICES = Prices(site=6_000_000, lane=2_000_000, walk_km=2600, visit=2_500_000, visit_head=4000)
COUNTY = 330_000
"""People of one county; larger areas are whole counties side by side."""


def area(people: int, seed: int = 1) -> Problem:
    """As many counties as hold `people`, 60 km apart, each of its own random stream."""
    counties = max(1, round(people / COUNTY))
    parts = [_county(people // counties, seed * 1000 + c) for c in range(counties)]
    wide = int(np.ceil(np.sqrt(counties)))
    xs = [x + 60_000.0 * (c % wide) for c, (x, _, _, _) in enumerate(parts)]
    ys = [y + 60_000.0 * (c // wide) for c, (_, y, _, _) in enumerate(parts)]
    x, y = np.concatenate(xs), np.concatenate(ys)
    heads = np.concatenate([h for _, _, h, _ in parts])
    village = np.concatenate([v for _, _, _, v in parts])
    return Problem(
        x=x, y=y, heads=heads, site_x=x, site_y=y, rules=RULES, prices=PRICES, mobile=village
    )


def _county(people: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y (metres), heads and whether a village; 57 % live in the seat, 18 % in eight towns."""
    rng = np.random.default_rng(seed)
    size = people / COUNTY
    side = 31_600.0 * np.sqrt(size)
    urban, town, rural = (max(2, round(k * size)) for k in (1130, 412, 958))
    seat = side / 2 + (rng.random((urban, 2)) - 0.5) * 5000 * np.sqrt(size)
    centres = rng.random((8, 2)) * side
    towns = centres[rng.integers(8, size=town)] + rng.normal(0, 420 * np.sqrt(size), (town, 2))
    villages = rng.random((rural, 2)) * side
    place = np.concatenate([seat, towns, villages])
    weight = np.concatenate([
        rng.lognormal(5.0, 0.45, urban), rng.lognormal(4.8, 0.5, town), rng.lognormal(4.2, 0.7, rural)
    ])  # fmt: skip
    heads = np.clip(np.round(weight / weight.sum() * people), 3, 900).astype(np.int64)
    kind = np.arange(len(heads)) >= urban + town
    return place[:, 0].copy(), place[:, 1].copy(), heads, kind
