"""Pairs with prices of their own: single-source location, packed exactly, against every assignment."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from yingjian.engines.siting.check import bound_of, check
from yingjian.engines.siting.model import Params, Prices, Problem, Rules, SitingError
from yingjian.engines.siting.solve import solve

UNIT = 10_000
PACKED = Params(
    dual_rounds=60, exact_rounds=10, count_rounds=0, steps_per_point=5, least_steps=20,
    hot=400.0 * UNIT, cold=1.0 * UNIT, exact_points=0, arcs=100, tight=0.5, patches=2, sweeps=3,
)  # fmt: skip


def packed(seed: int, points: int = 7, sites: int = 3) -> Problem:
    rng = np.random.default_rng(seed)
    heads = rng.integers(5, 20, points)
    ways = rng.integers(1, 60, (points, sites)) * UNIT
    ways[rng.random(ways.shape) < 0.15] = -1
    ways[:, 0] = np.maximum(ways[:, 0], UNIT)
    return Problem(
        x=np.zeros(points), y=np.zeros(points), heads=heads, site_x=np.zeros(sites),
        site_y=np.zeros(sites), rules=Rules(0.0, 100, 100),
        prices=Prices(0, 0, 0, 0, 0, outside_head=1000 * UNIT),
        site_heads=np.full(sites, int(heads.sum() * 0.45)),
        site_prices=rng.integers(20, 90, sites) * UNIT, pair_prices=ways,
    )  # fmt: skip


def cheapest(asked: Problem) -> int | None:
    """By trying every assignment; None where none keeps the rules."""
    ways, best = asked.pair_prices, None
    assert ways is not None
    for choice in itertools.product(range(asked.candidates), repeat=asked.points):
        cost, load = 0, [0] * asked.candidates
        for i, j in enumerate(choice):
            if ways[i, j] < 0:
                break
            cost += int(ways[i, j])
            load[j] += int(asked.heads[i])
        else:
            if all(have <= room for have, room in zip(load, asked.room(), strict=True)):
                cost += sum(int(asked.opening()[j]) for j in set(choice))
                best = cost if best is None else min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_packed_rooms_reach_the_optimum(seed: int) -> None:
    asked = packed(seed)
    best, result = cheapest(asked), solve(asked, PACKED, seed=seed)
    assert check(asked, result) == []
    if best is None:
        assert result.breaches
        return
    assert not result.breaches
    assert result.certificate.bound <= result.solver_bound <= best
    assert result.cost == best
    assert result.cost % UNIT == result.certificate.bound % UNIT == 0


def test_a_pair_without_a_price_is_never_used_and_told_where_forced() -> None:
    asked = packed(1)
    ways = np.full((asked.points, asked.candidates), 5 * UNIT)
    ways[0, :] = -1
    asked = replace(asked, pair_prices=ways)
    result = solve(asked, PACKED)
    assert check(asked, result) == []
    assert {b.rule for b in result.breaches if b.point == 0} >= {"barrier"}


def test_other_prices_are_another_question() -> None:
    asked = packed(2)
    assert asked.pair_prices is not None
    other = replace(asked, pair_prices=asked.pair_prices + UNIT)
    assert asked.digest() != other.digest()
    proof = solve(asked, PACKED).certificate
    assert bound_of(asked, proof.multipliers) == proof.bound


@pytest.mark.parametrize("bad", [np.zeros((2, 2), np.int64), np.full((7, 3), -2)])
def test_bad_prices_are_named(bad: np.ndarray) -> None:
    with pytest.raises(SitingError) as caught:
        solve(replace(packed(3), pair_prices=bad), PACKED)
    assert caught.value.code in {"bad_shape", "bad_number"}
