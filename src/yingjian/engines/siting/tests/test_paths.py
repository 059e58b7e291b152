"""Walks along paths: shortest ways as counted by hand and by trying everything, plans and bounds on them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.siting.check import bound_of, check
from yingjian.engines.siting.model import (
    Params,
    Prices,
    Problem,
    Rules,
    SitingError,
    Ways,
    validate,
)
from yingjian.engines.siting.network import pairs
from yingjian.engines.siting.paths import paths_of, ways_between
from yingjian.engines.siting.solve import solve

NO_BARRIER = np.zeros((0, 4))
QUICK = Params(dual_rounds=40, exact_rounds=4, steps_per_point=3, sweeps=0)


def measured(
    at: Sequence[tuple[float, float]], sites: Sequence[tuple[float, float]], lines: Sequence[tuple[float, ...]],
    *, walk: float = 1_000.0, reach: float = 60.0, detour: float = 1.0, slow: float = 1.0,
    barriers: np.ndarray = NO_BARRIER,
) -> dict[tuple[int, int], int]:  # fmt: skip
    """Metres of each pair that can be walked."""
    (x, y), (sx, sy) = (np.array(own, dtype=float).reshape(-1, 2).T for own in (at, sites))
    stretches = np.array(lines, dtype=float).reshape(-1, 4)
    found = ways_between(
        x, y, sx, sy, paths=paths_of(stretches, np.full(len(stretches), slow), reach),
        barriers=barriers, walk_m=walk, detour=detour,
    )  # fmt: skip
    return {
        (i, j): m
        for i, j, m in zip(
            found.point.tolist(), found.site.tolist(), found.metres.tolist(), strict=True
        )
    }


def test_the_way_goes_round_the_corner_and_not_through_the_block() -> None:
    """Two streets that meet at a corner: 300 m along one, 400 m along the other; as the crow flies 500."""
    lines = [(0.0, 0.0, 300.0, 0.0), (300.0, 0.0, 300.0, 400.0)]
    assert measured([(0, 0)], [(300, 400)], lines) == {(0, 0): 700}
    assert measured([(0, 0)], [(300, 400)], lines, walk=699) == {}
    assert measured([(0, 0)], [(300, 400)], [], walk=600) == {(0, 0): 500}, "no path near: straight"


def test_streets_that_cross_without_a_shared_place_do_not_meet() -> None:
    """A bridge over a road: who walks on it does not step down in the middle."""
    over = [(-200.0, 0.0, 200.0, 0.0), (0.0, -200.0, 0.0, 200.0)]
    meeting = [
        (-200.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 200.0, 0.0),
        (0.0, -200.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 200.0),
    ]
    assert measured([(-200, 0)], [(0, 200)], over, reach=5) == {}
    assert measured([(-200, 0)], [(0, 200)], meeting, reach=5) == {(0, 0): 400}


def test_a_path_crosses_the_river_where_its_bridge_is() -> None:
    river = np.array([[0.0, -500.0, 0.0, 500.0]])
    bridge = [(-50.0, 0.0, -50.0, 300.0), (-50.0, 300.0, 50.0, 300.0), (50.0, 300.0, 50.0, 0.0)]
    assert measured([(-50, 0)], [(50, 0)], bridge, barriers=river) == {(0, 0): 700}
    assert measured([(-50, 0)], [(50, 0)], [], barriers=river) == {}


def test_neighbours_go_across_the_yard_and_legs_take_detours() -> None:
    street = [(0.0, 0.0, 1_000.0, 0.0)]
    assert measured([(100, 40)], [(150, 40)], street) == {(0, 0): 50}
    assert measured([(100, 40)], [(500, 40)], street, detour=1.5) == {(0, 0): 400 + 120}
    assert measured([(100, 40)], [(500, 40)], street, slow=2.0, walk=2_000) == {(0, 0): 880}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_way_is_the_shortest(seed: int) -> None:
    """A small street map beside Floyd and Warshall's count of it."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 12, (7, 2)) * 20.0
    corners = np.unique(corners, axis=0)
    n = len(corners)
    roads = [(a, b) for a, b in itertools.combinations(range(n), 2) if rng.random() < 0.35]
    lines = [(*corners[a], *corners[b]) for a, b in roads]
    far = np.full((n, n), math.inf)
    np.fill_diagonal(far, 0.0)
    for a, b in roads:
        far[a, b] = far[b, a] = math.dist(corners[a], corners[b])
    for k, a, b in itertools.product(range(n), repeat=3):
        far[a, b] = min(far[a, b], far[a, k] + far[k, b])
    own = [k for k in range(n) if any(k in road for road in roads)]  # the others walk straight
    at = [tuple(corners[k]) for k in own]
    found = measured(at, at, lines, walk=200.0, reach=0.05)
    for (i, a), (j, b) in itertools.product(enumerate(own), repeat=2):
        if far[a, b] > 200.0 + 1e-6:
            assert (i, j) not in found
        else:
            assert found[i, j] in {math.ceil(far[a, b] - 1e-6), math.ceil(far[a, b] + 1e-6)}


def test_a_way_that_leads_nowhere_is_no_path() -> None:
    """A courtyard's 40 m beside a street of a kilometre: whoever lives there walks straight."""
    lines = np.array([(0.0, 0.0, 1_000.0, 0.0), (100.0, 50.0, 140.0, 50.0)])
    at = (np.array([120.0]), np.array([50.0])), (np.array([500.0]), np.array([0.0]))
    found = [
        ways_between(
            *at[0], *at[1], paths=paths_of(lines, np.ones(2), 30.0, least=least),
            barriers=NO_BARRIER, walk_m=1_000.0, detour=1.0,
        ).metres.tolist()
        for least in (0.0, 500.0)
    ]  # fmt: skip
    assert found == [[], [math.ceil(math.dist((120, 50), (500, 0)))]]


def asked(seed: int, *, walk: float = 300.0) -> Problem:
    """A village of crooked streets."""
    rng = np.random.default_rng(seed)
    n = 24
    x, y = rng.uniform(0, 600, (2, n))
    lines = np.concatenate([
        [(0.0, 100.0 * k, 600.0, 100.0 * k) for k in range(7)],
        [(200.0 * k, 0.0, 200.0 * k, 600.0) for k in range(4)],
    ])  # fmt: skip
    corners = [np.linspace(line[:2], line[2:], 7) for line in lines]
    lines = np.concatenate([np.hstack((at[:-1], at[1:])) for at in corners])
    ways = ways_between(
        x, y, x, y, paths=paths_of(lines, np.ones(len(lines)), 80.0), barriers=NO_BARRIER,
        walk_m=walk, detour=1.3,
    )  # fmt: skip
    return Problem(
        x=x, y=y, heads=rng.integers(5, 60, n), site_x=x, site_y=y, rules=Rules(walk, 400, 120, 1.3),
        prices=Prices(2_000_000, 3_000_000, 3_000, 0, 0), ways=ways,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_plans_on_paths_are_judged_and_their_bound_is_true(seed: int) -> None:
    problem = asked(seed)
    result = solve(problem, QUICK, seed=seed)
    assert check(problem, result) == []
    bound = bound_of(problem, result.certificate.multipliers, result.certificate.counts)
    assert result.certificate.bound <= bound <= result.cost
    straight = replace(problem, ways=None)
    assert {*zip(*(a.tolist() for a in pairs(problem)), strict=True)} != {
        *zip(*(a.tolist() for a in pairs(straight)), strict=True)
    }, "else the streets change nothing"


def test_a_plan_for_straight_walks_breaks_the_circle_of_the_streets() -> None:
    problem = asked(1)
    result = solve(replace(problem, ways=None), QUICK, seed=1)
    found = {finding.code for finding in check(problem, result)}
    assert "walking_circle" in found


@pytest.mark.parametrize(
    ("point", "site", "metres", "code"),
    [
        ([0, 0], [1, 0], [5, 5], "bad_number"),  # out of order
        ([0, 0], [1, 1], [5, 5], "bad_number"),  # twice
        ([99], [0], [5], "bad_number"),
        ([0], [99], [5], "bad_number"),
        ([0], [0], [-1], "bad_number"),
        ([0], [0, 1], [5], "bad_shape"),
    ],
)
def test_a_list_of_ways_that_is_none_is_refused(
    point: list[int], site: list[int], metres: list[int], code: str
) -> None:
    problem = asked(0)
    a, b, far = (np.array(own, dtype=np.int64) for own in (point, site, metres))
    with pytest.raises(SitingError, match=code) as refused:
        validate(replace(problem, ways=Ways(a, b, far, problem.candidates)))
    assert refused.value.params["field"] == "ways"
