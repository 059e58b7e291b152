"""One price for each site of a county: plans within the limit, their proof, and what is left out first."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.siting.check import bound_of, check
from yingjian.engines.siting.limit import Known, sites_of
from yingjian.engines.siting.model import (
    Case,
    Cases,
    Counts,
    Params,
    Prices,
    Problem,
    Result,
    Rules,
)
from yingjian.engines.siting.network import components
from yingjian.engines.siting.search import Solution
from yingjian.engines.siting.solve import solve

DAY = 1_000_000
APART = np.arange(10, dtype=np.float64) * 50_000.0
QUICK = Params(
    dual_rounds=80, exact_rounds=10, steps_per_point=10, least_steps=40, exact_points=30,
    columns=2000, column_rounds=20, sweeps=0,
)  # fmt: skip


def county(
    seed: int, *, villages: int = 3, points: int = 4, most: int | None = None, mobile: bool = False
) -> Problem:
    """Villages far apart in which anybody may host a site for two or three of its groups of houses."""
    rng = np.random.default_rng(seed)
    size = villages * points
    x = np.repeat(APART[:villages], points) + rng.integers(0, 400, size).astype(np.float64)
    y = rng.integers(0, 400, size).astype(np.float64)
    return Problem(
        x=x, y=y, heads=rng.integers(20, 90, size), site_x=x.copy(), site_y=y.copy(),
        rules=Rules(500.0, 180, 60, detour=1.0),
        prices=Prices(6 * DAY, 2 * DAY, 2600, 5 * DAY // 2, 40_000),
        mobile=np.full(size, mobile), most_sites=most,
    )  # fmt: skip


def cheapest(question: Problem, most: int) -> int:
    """By trying every set of points for each number of sites in each village, then every sum of numbers."""
    best = {0: 0}
    for net in components(replace(question, most_sites=None)):
        own: dict[int, int] = {}
        n = len(net.points)
        for ways in itertools.product(range(-1, len(net.sites)), repeat=n):
            cost, load = 0, dict.fromkeys(ways, 0)
            for i, j in enumerate(ways):
                load[j] += int(net.heads[i])
                if j < 0:
                    cost += int(net.outside[i])
                    continue
                row = slice(int(net.s_ptr[j]), int(net.s_ptr[j + 1]))
                at = np.flatnonzero(net.s_point[row] == i)
                cost += int(net.s_cost[row][at[0]]) if len(at) else 10**12
            load.pop(-1, None)
            for j, heads in load.items():
                cost += int(net.price[j]) + net.lane_price * -(-heads // net.lane_heads)
                cost += 10**12 * (heads > net.room[j])
            own[len(load)] = min(cost, own.get(len(load), cost))
        best = {
            k: min(best[k - c] + cost for c, cost in own.items() if k - c in best)
            for k in range(most + 1)
            if any(k - c in best for c in own)
        }
    return min(best.values())


@settings(max_examples=40, deadline=None)
@given(data=st.data(), most=st.integers(0, 9))
def test_of_the_plans_known_the_cheapest_that_keep_the_limit_are_taken(
    data: st.DataObject, most: int
) -> None:
    nets = list(components(county(1, villages=4, points=2)))
    known = Known(nets)
    for n in range(len(nets)):
        for count, cost in data.draw(
            st.dictionaries(st.integers(1, 4), st.integers(0, 99))
        ).items():
            sites = np.arange(count, dtype=np.int64)
            known.plans[n][count] = Solution(sites, cost)
    found = known.within(most)
    assert sum(sites_of(plan) for plan in found) <= most
    every = itertools.product(*(plans.items() for plans in known.plans))
    prices = [
        sum(plan.cost for _, plan in each) for each in every if sum(k for k, _ in each) <= most
    ]
    assert sum(plan.cost for plan in found) == min(prices)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), most=st.integers(1, 7), mobile=st.booleans())
def test_the_limit_holds_and_no_bound_is_above_the_best_of_all_plans(
    seed: int, most: int, mobile: bool
) -> None:
    question = county(seed, villages=2, points=4, most=most, mobile=mobile)
    result, best = solve(question, QUICK, seed=seed), cheapest(question, most)
    assert check(question, result) == []
    assert len(result.sites) <= most
    assert result.certificate.bound <= result.solver_bound <= best <= result.cost


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_limit_that_does_not_bind_gives_the_answer_there_is_without(seed: int) -> None:
    question = county(seed)
    free = solve(question, QUICK, seed=seed)
    wide = solve(replace(question, most_sites=len(free.sites)), QUICK, seed=seed)
    assert (wide.site_of == free.site_of).all()
    assert (wide.cost, wide.certificate.bound) == (free.cost, free.certificate.bound)
    assert wide.certificate.limit == 0


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_one_site_more_is_never_dearer_where_that_is_proven(seed: int) -> None:
    question = county(seed, mobile=True)
    most = len(solve(question, QUICK, seed=seed).sites)
    answers = [solve(replace(question, most_sites=k), QUICK, seed=seed) for k in range(1, most + 1)]
    for fewer, more in itertools.pairwise(answers):
        assert more.solver_bound <= fewer.cost
        if more.cost == more.solver_bound:
            assert more.cost <= fewer.cost


def binding() -> tuple[Problem, Result]:
    """A county with two sites fewer than pay."""
    question = county(4, villages=5, points=6, mobile=True)
    most = len(solve(question, QUICK).sites) - 2
    question = replace(question, most_sites=most)
    return question, solve(question, QUICK)


def test_the_price_of_the_limit_is_in_the_certificate_and_a_forged_one_is_refused() -> None:
    question, result = binding()
    proof = result.certificate
    assert proof.limit > 0
    assert check(question, result) == []
    bare = bound_of(question, proof.multipliers, proof.counts, 0, proof.cases)
    assert bare < proof.bound
    for price in (0, proof.limit // 2, 2 * proof.limit):
        forged = replace(result, certificate=replace(proof, limit=price))
        bound = bound_of(question, proof.multipliers, proof.counts, price, proof.cases)
        found = {f.code for f in check(question, forged)}
        assert found == ({"forged_bound"} if bound < proof.bound else set())
        assert bound <= result.cost
    assert {f.code for f in check(replace(question, most_sites=99), result)} == {
        "certificate_of_other_problem"
    }


@settings(max_examples=15, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6), most=st.integers(1, 5))
def test_whatever_the_prices_are_the_judge_proves_no_more_than_is_true(
    data: st.DataObject, seed: int, most: int
) -> None:
    """Multipliers, price of the limit, prices on counts and cases by totals, all of them thrown."""
    question = county(seed, villages=2, points=3, most=most, mobile=True)
    n = question.points
    amount = st.integers(0, 20 * DAY)
    u = np.array(data.draw(st.lists(amount, min_size=n, max_size=n)))
    price = data.draw(amount)
    counts = Counts(
        np.where(np.arange(n) < 3, 0, -1), np.array([data.draw(amount)]),
        np.array([data.draw(st.integers(0, 2 * DAY))]),
    )  # fmt: skip
    low = data.draw(st.integers(0, 3))
    prices = st.integers(-20 * DAY, 20 * DAY)
    cases = Cases(
        np.where(np.arange(n) < 3, -1, 0),
        tuple(
            Case(
                0, span, (0, -1), np.array(data.draw(st.lists(amount, min_size=3, max_size=3))),
                data.draw(st.integers(0, 20 * DAY) if span[1] < 0 else prices), 0,
            )
            for span in ((0, low), (low + 1, -1))
        ),
    )  # fmt: skip
    best = cheapest(question, most)
    assert bound_of(question, u, counts, price) <= best
    u[3:] = 0
    assert bound_of(question, u, counts, price, cases) <= best


def test_cases_by_totals_hold_under_the_price_too() -> None:
    question, _ = binding()
    result = solve(question, replace(QUICK, sweeps=1, cases=6, columns=0))
    assert check(question, result) == []
    assert result.certificate.cases is not None
    assert result.certificate.limit > 0


@pytest.mark.parametrize("asked", [0, 1, 2, 5, 20, 60])
def test_whenever_it_is_stopped_the_limit_holds_and_no_village_is_given_up_for_it(
    asked: int,
) -> None:
    """Of plans made for any number of sites only those without a village would keep it."""
    x = np.repeat(APART[:6], 2) + np.tile([0.0, 450.0], 6)
    question = Problem(
        x=x, y=np.zeros(12), heads=np.full(12, 60), site_x=x, site_y=np.zeros(12),
        rules=Rules(500.0, 180, 60, detour=1.0), prices=Prices(6 * DAY, 2 * DAY, 400_000, 0, 0),
    )  # fmt: skip
    assert len(solve(question, QUICK).sites) == 12
    left = asked

    def stop() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    short = replace(question, most_sites=6)
    result = solve(short, QUICK, stop=stop)
    assert check(short, result) == []
    assert len(result.sites) == 6
    assert not result.breaches
    assert result.complete == (left >= 0)


def test_on_two_cores_the_answer_is_the_same() -> None:
    question, one = binding()
    two = solve(question, replace(QUICK, workers=2))
    assert (one.site_of == two.site_of).all()
    assert one.certificate.limit == two.certificate.limit
    assert (one.certificate.multipliers == two.certificate.multipliers).all()


def test_where_a_rule_must_break_the_fewest_people_are_outside_and_the_rule_is_named() -> None:
    heads = np.array([50, 10, 40, 30])
    x = APART[:4]
    question = Problem(
        x=x, y=np.zeros(4), heads=heads, site_x=x, site_y=np.zeros(4), rules=Rules(500.0, 100, 50),
        prices=Prices(6 * DAY, 2 * DAY, 2600, 0, 0), most_sites=2,
    )  # fmt: skip
    result = solve(question, QUICK)
    assert check(question, result) == []
    assert [(b.point, b.rule) for b in result.breaches] == [
        (1, "walking_circle"),
        (3, "walking_circle"),
    ]
    assert result.certificate.bound <= result.cost


def test_fewer_sites_are_dearer_ones() -> None:
    question = county(4, villages=8, points=6, mobile=True)
    free = solve(question, QUICK)
    prices = [
        solve(replace(question, most_sites=len(free.sites) - less), QUICK).certificate.limit
        for less in (1, 3, 6)
    ]
    assert 0 <= prices[0] <= prices[1] <= prices[2]
    assert prices[2] > 0
