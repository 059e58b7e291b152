"""Siting: true optimum on tiny problems, rules kept, bounds true, bad questions named."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.asking import Stop
from yingjian.engines.siting.check import bound_of, check
from yingjian.engines.siting.model import (
    MOBILE,
    Counts,
    Params,
    Prices,
    Problem,
    Result,
    Rules,
    SitingError,
)
from yingjian.engines.siting.network import components
from yingjian.engines.siting.passes import Crew
from yingjian.engines.siting.search import cost_of, empty, walk
from yingjian.engines.siting.solve import solve

RULES = Rules(walk_m=800.0, heads_per_site=1000, heads_per_lane=300)
PRICES = Prices(site=6_000_000, lane=2_000_000, walk_km=2600, visit=2_500_000, visit_head=4000)
QUICK = Params(dual_rounds=120, exact_rounds=20, steps_per_point=20, column_rounds=30)


def problem(
    places: list[tuple[float, float]],
    heads: list[int],
    sites: list[tuple[float, float]] | None = None,
    rules: Rules = RULES,
    mobile: list[bool] | None = None,
    barriers: list[tuple[float, float, float, float]] | None = None,
) -> Problem:
    where = np.array(places, dtype=float).reshape(-1, 2)
    stands = where if sites is None else np.array(sites, dtype=float).reshape(-1, 2)
    return Problem(
        x=where[:, 0].copy(),
        y=where[:, 1].copy(),
        heads=np.array(heads, dtype=np.int64),
        site_x=stands[:, 0].copy(),
        site_y=stands[:, 1].copy(),
        rules=rules,
        prices=PRICES,
        mobile=None if mobile is None else np.array(mobile),
        barriers=np.array(barriers or [], dtype=float).reshape(-1, 4),
    )


@st.composite
def towns(draw: st.DrawFn, most: int = 14) -> Problem:
    n = draw(st.integers(1, most))
    place = st.tuples(st.integers(0, 3000), st.integers(0, 3000))
    places = [(float(x), float(y)) for x, y in draw(st.lists(place, min_size=n, max_size=n))]
    heads = draw(st.lists(st.integers(1, 1300), min_size=n, max_size=n))
    mobile = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    sites = [(float(x), float(y)) for x, y in draw(st.lists(place, min_size=1, max_size=n))]
    fence = draw(st.sampled_from([[], [(1500.0, -10.0, 1500.0, 3010.0)]]))
    return problem(places, heads, sites, mobile=mobile, barriers=fence)


def cheapest(asked: Problem) -> int:
    """The optimum by trying every assignment, with nothing borrowed from the solver."""
    n, m = asked.points, asked.candidates
    options: list[list[tuple[int, int]]] = []
    for i in range(n):
        ways = [(MOBILE, int(asked.outside()[i]))]
        for j in range(m):
            dx, dy = asked.x[i] - asked.site_x[j], asked.y[i] - asked.site_y[j]
            metres = int(np.ceil(np.hypot(dx, dy) * asked.rules.detour))
            if metres <= asked.rules.walk_m:
                ways.append((j, int(asked.heads[i]) * metres * asked.prices.walk_km // 1000))
        options.append(ways)
    best = None
    for choice in itertools.product(*options):
        load = [0] * m
        cost = 0
        for i, (j, price) in enumerate(choice):
            cost += price
            if j != MOBILE:
                load[j] += int(asked.heads[i])
        if max(load) > asked.rules.heads_per_site:
            continue
        for heads in load:
            if heads:
                lanes = -(-heads // asked.rules.heads_per_lane)
                cost += asked.prices.site + lanes * asked.prices.lane
        best = cost if best is None else min(best, cost)
    assert best is not None
    return best


@settings(max_examples=25, deadline=None)
@given(towns(most=5))
def test_tiny_problems_reach_the_optimum(asked: Problem) -> None:
    asked = replace(asked, barriers=np.zeros((0, 4)))
    result = solve(asked, QUICK)
    best = cheapest(asked)
    assert result.certificate.bound <= result.solver_bound <= best + 2 + best * 1e-6
    assert result.cost >= best
    if result.proven == result.components:
        assert result.cost <= best + 2 + best * 1e-5
    assert result.cost <= best * 1.02


@settings(max_examples=25, deadline=None)
@given(towns())
def test_every_plan_holds_before_the_judge(asked: Problem) -> None:
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    load = np.zeros(asked.candidates)
    fitting = np.ones(asked.points, dtype=bool)
    fitting[[b.point for b in result.breaches]] = False
    inside = fitting & (result.site_of != MOBILE)
    np.add.at(load, result.site_of[inside], asked.heads[inside])
    assert (load <= asked.rules.heads_per_site).all()
    assert result.certificate.bound <= result.cost


@settings(max_examples=25, deadline=None)
@given(towns(), st.integers(0, 2**31), st.floats(0, 3))
def test_no_multipliers_can_prove_too_much(asked: Problem, seed: int, size: float) -> None:
    """Weak duality: whatever the vector, its bound is below the cost of a plan."""
    rng = np.random.default_rng(seed)
    u = (rng.random(asked.points) * asked.outside() * size).astype(np.int64)
    assert bound_of(asked, u) <= solve(asked, QUICK).cost


@settings(max_examples=40, deadline=None)
@given(towns(most=5), st.integers(0, 2**31), st.floats(0, 2), st.floats(0, 1))
def test_no_prices_on_counts_can_prove_too_much(
    asked: Problem, seed: int, size: float, share: float
) -> None:
    """Whatever the groups, a village or half of two, and whatever their prices."""
    asked = replace(asked, barriers=np.zeros((0, 4)))
    rng = np.random.default_rng(seed)
    u = (rng.random(asked.points) * asked.outside() * size).astype(np.int64)
    groups = 1 + seed % 3
    group = rng.integers(-1, groups, asked.points)
    # a site that three groups reach takes all their prices off its lanes
    site = (rng.random(groups) * PRICES.site * share).astype(np.int64)
    lane = (rng.random(groups) * PRICES.lane * share / groups).astype(np.int64)
    assert bound_of(asked, u, Counts(group, site, lane)) <= cheapest(asked)


@pytest.mark.parametrize("heads", [[400, 400, 500], [300] * 7])
def test_a_village_has_no_part_of_a_site(heads: list[int]) -> None:
    """1,300 people beside rooms of 1,000 need two sites: multipliers alone prove 1.3 of one."""
    asked = problem([(10.0 * i, 0.0) for i in range(len(heads))], heads)
    quick = replace(QUICK, exact_points=0, sweeps=0)
    result, plain = solve(asked, quick), solve(asked, replace(quick, count_rounds=0))
    assert check(asked, result) == []
    assert plain.gap > 0.05
    assert result.gap < plain.gap / 3
    assert result.certificate.counts is not None


def test_forged_prices_on_counts_are_refused() -> None:
    asked = problem([(0.0, 0.0), (10.0, 0.0)], [700, 600])
    good = solve(asked, replace(QUICK, exact_points=0))
    counts = good.certificate.counts
    assert counts is not None
    for forged in (
        replace(counts, group=counts.group[1:]),
        replace(counts, group=counts.group + 1),
        replace(counts, site=-counts.site - 1),
        replace(counts, lane=counts.lane + PRICES.lane + 1),
        replace(counts, lane=np.append(counts.lane, 0)),
        replace(counts, site=counts.site + 2**40),
    ):
        found = check(asked, replace(good, certificate=replace(good.certificate, counts=forged)))
        assert found[0].code in {"bad_multipliers", "forged_bound"}, forged
    without = replace(good.certificate, counts=None)
    assert [f.code for f in check(asked, replace(good, certificate=without))] == ["forged_bound"]


@settings(max_examples=15, deadline=None)
@given(towns(most=6), st.tuples(st.integers(0, 3000), st.integers(0, 3000)))
def test_one_more_candidate_never_costs_more(asked: Problem, extra: tuple[int, int]) -> None:
    """True of optima, so asked only where both plans are proven."""
    wider = replace(
        asked,
        site_x=np.append(asked.site_x, float(extra[0])),
        site_y=np.append(asked.site_y, float(extra[1])),
    )
    one, two = solve(asked, QUICK), solve(wider, QUICK)
    if one.proven == one.components and two.proven == two.components:
        assert two.cost <= one.cost * (1 + 1e-5) + 2


def test_same_seed_same_plan() -> None:
    asked = _town(60)
    one, two = solve(asked, QUICK, seed=3), solve(asked, QUICK, seed=3)
    assert (one.site_of == two.site_of).all()
    assert one.cost == two.cost
    assert (one.certificate.multipliers == two.certificate.multipliers).all()


def test_a_town_is_planned_within_three_percent() -> None:
    asked = _town(120)
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    assert result.gap < 0.03


def test_a_stop_still_gives_a_whole_plan() -> None:
    asked = _town(120)
    result = solve(asked, QUICK, stop=lambda: True)
    assert check(asked, result) == []


def test_a_mobile_team_goes_to_the_lonely_hamlet() -> None:
    asked = problem([(0, 0), (50_000, 0)], [900, 12], [(0, 0)], mobile=[False, True])
    result = solve(asked, QUICK)
    assert result.site_of.tolist() == [0, MOBILE]
    assert result.breaches == []


def test_an_unreachable_hamlet_without_a_team_is_told() -> None:
    asked = problem([(0, 0), (1000, 0)], [900, 12], [(0, 0)])
    result = solve(asked, QUICK)
    assert result.site_of.tolist() == [0, 0]
    assert [(b.point, b.rule, b.measured, b.limit) for b in result.breaches] == [
        (1, "walking_circle", 1300, 800)
    ]
    assert check(asked, result) == []


def test_too_many_people_for_all_sites_breaks_room_least() -> None:
    asked = problem([(0, 0), (100, 0), (200, 0)], [700, 600, 500], [(0, 0)])
    result = solve(asked, QUICK)
    assert sorted({b.rule for b in result.breaches}) == ["people_per_site"]
    assert (result.site_of == 0).all()
    assert check(asked, result) == []


def test_nobody_crosses_the_river() -> None:
    river = [(50.0, -500.0, 50.0, 500.0)]
    asked = problem([(0, 0), (100, 0)], [400, 400], barriers=river)
    result = solve(asked, QUICK)
    assert result.site_of.tolist() == [0, 1]
    assert check(asked, result) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"x": np.array([np.nan, 0.0])}, "bad_coordinate"),
        ({"site_y": np.array([np.inf, 0.0])}, "bad_coordinate"),
        ({"x": np.zeros(0), "y": np.zeros(0), "heads": np.zeros(0, np.int64)}, "nobody"),
        ({"site_x": np.zeros(0), "site_y": np.zeros(0)}, "no_candidates"),
        ({"heads": np.array([1, 0])}, "bad_heads"),
        ({"heads": np.array([1, 2, 3])}, "bad_shape"),
        ({"mobile": np.array([True])}, "bad_shape"),
        ({"barriers": np.zeros((1, 3))}, "bad_shape"),
        ({"site_heads": np.array([-1, 5])}, "bad_number"),
        ({"rules": replace(RULES, walk_m=float("nan"))}, "bad_number"),
        ({"rules": replace(RULES, heads_per_lane=0)}, "bad_number"),
        ({"prices": replace(PRICES, site=-1)}, "bad_number"),
        ({"heads": np.array([2**45, 2**45])}, "too_large"),
    ],
)
def test_questions_without_meaning_are_named(change: dict[str, object], code: str) -> None:
    asked = replace(problem([(0, 0), (10, 0)], [5, 6]), **change)  # type: ignore[arg-type]
    with pytest.raises(SitingError) as caught:
        solve(asked, QUICK)
    assert caught.value.code == code


@pytest.mark.parametrize("people", [1, 1000, 1001])
def test_one_point_one_site(people: int) -> None:
    asked = problem([(0, 0)], [people])
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    assert result.site_of.tolist() == [0]
    assert [b.rule for b in result.breaches] == (["people_per_site"] if people > 1000 else [])


def test_the_judge_finds_planted_faults() -> None:
    asked = _town(40)
    good = solve(asked, QUICK)
    assert check(asked, good) == []
    proof = good.certificate
    far = int(np.argmax(np.hypot(asked.x - asked.x[0], asked.y - asked.y[0])))
    moved = good.site_of.copy()
    moved[0] = good.site_of[far]
    short = proof.multipliers[1:]
    more = proof.multipliers.copy()
    more[0] += 5_000_000
    faults: dict[str, Result] = {
        "walking_circle": replace(good, site_of=moved),
        "cost": replace(good, cost=good.cost - 1),
        "lanes": replace(good, lanes=good.lanes + 1),
        "points": replace(good, site_of=good.site_of[1:]),
        "candidates": replace(good, lanes=good.lanes[1:]),
        "unknown_site": replace(good, site_of=np.full(asked.points, asked.candidates)),
        "no_mobile_team": replace(good, site_of=np.full(asked.points, MOBILE)),
        "people_per_site": replace(good, site_of=np.full(asked.points, good.site_of[0])),
        "forged_bound": replace(good, certificate=replace(proof, bound=proof.bound + 1)),
        "certificate_of_other_problem": replace(good, certificate=replace(proof, problem="x")),
        "bad_multipliers": replace(good, certificate=replace(proof, multipliers=short)),
    }
    for code, result in faults.items():
        assert code in {finding.code for finding in check(asked, result)}, code
    raised = replace(good, certificate=replace(proof, multipliers=more))
    assert bound_of(asked, more) <= good.cost
    assert check(asked, raised) == [] or check(asked, raised)[0].code == "forged_bound"


def _town(n: int) -> Problem:
    rng = np.random.default_rng(n)
    places = [(float(x), float(y)) for x, y in rng.random((n, 2)) * 200 * n**0.5]
    return problem(places, rng.integers(20, 200, n).tolist())


def test_two_cores_give_the_same_plan_and_only_the_caller_is_asked_to_stop() -> None:
    town = _town(25)
    apart = 60_000.0 * np.repeat(np.arange(3), 25)
    asked = replace(
        town, x=np.tile(town.x, 3) + apart, y=np.tile(town.y, 3), heads=np.tile(town.heads, 3),
        site_x=np.tile(town.site_x, 3) + 60_000.0 * np.repeat(np.arange(3), town.candidates),
        site_y=np.tile(town.site_y, 3), mobile=None if town.mobile is None else np.tile(town.mobile, 3),
    )  # fmt: skip
    effort = replace(QUICK, sweeps=0, columns=100)
    threads: set[int] = set()

    def stop() -> bool:
        threads.add(threading.get_ident())
        return False

    one = solve(asked, effort, seed=3)
    two = solve(asked, replace(effort, workers=2), seed=3, stop=stop)
    assert threads == {threading.get_ident()}
    assert check(asked, two) == []
    assert (one.site_of == two.site_of).all()
    assert (one.certificate.multipliers == two.certificate.multipliers).all()
    assert one.solver_bound == two.solver_bound


def test_the_likeliest_columns_make_no_plan_worse_and_prove_only_what_they_show() -> None:
    """Where not every column can be listed, those nearest the bound are combined."""
    asked = _town(40)
    quick = replace(QUICK, sweeps=0)
    few = solve(asked, replace(quick, columns=60), seed=3)
    plain = solve(asked, replace(quick, exact_points=0), seed=3)
    assert check(asked, few) == []
    assert few.cost <= plain.cost
    assert plain.certificate.bound < few.certificate.bound <= few.solver_bound <= plain.cost


def test_a_search_goes_on_from_where_it_was_and_keeps_the_best_it_knew() -> None:
    """Cut in slices while it is hot, a search that began anew from the best each time would move nothing about."""
    (net,) = components(_town(40))
    first = empty(net)
    u = 30_000.0 * net.heads.astype(np.float64)
    on_from = partial(walk, net, u=u, steps=60, ruined=3, hot=5e8, cold=5e8)
    known, at = on_from(first, first, seed=1)
    moved = False
    for seed in range(2, 8):
        best, on = on_from(known, at, seed=seed)
        assert cost_of(net, on.site) == on.cost
        assert cost_of(net, best.site) == best.cost <= known.cost
        assert on.cost >= best.cost
        moved |= bool((on.site != at.site).any()) and at.cost > known.cost
        known, at = best, on
    assert moved


def test_whoever_fails_while_others_work_ends_them_too() -> None:
    """Else a search whose listener is gone would go on to its end in the background."""
    heard, begun = [], threading.Event()

    def work(n: int, stop: Stop) -> None:
        if n == 0:
            begun.wait(10)
            raise LookupError
        begun.set()
        for _ in range(1_000):
            if stop():
                heard.append(n)
                return
            time.sleep(0.01)

    parts: list[Any] = [SimpleNamespace(proven=False)] * 2
    with pytest.raises(LookupError):
        Crew(parts, 2, lambda: False).each(work, lambda _: None)
    assert heard == [1]
