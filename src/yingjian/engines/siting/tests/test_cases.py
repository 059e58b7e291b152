"""Cases by totals: no case proves too much, a gap between two of them is seen, forgeries are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.asking import Ints, never
from yingjian.engines.siting import cases
from yingjian.engines.siting.check import bound_of, check
from yingjian.engines.siting.columns import Pool
from yingjian.engines.siting.model import (
    ANY_NUMBER,
    Case,
    Cases,
    Params,
    Problem,
    SitingError,
    walked,
)
from yingjian.engines.siting.network import components
from yingjian.engines.siting.solve import solve
from yingjian.engines.siting.tests.test_siting import PRICES, cheapest, problem, towns

SOME = Params(
    dual_rounds=60, exact_rounds=5, count_rounds=30, steps_per_point=10, column_rounds=60, columns=1,
    mip_nodes=1, sweeps=1, cases=6,
)  # fmt: skip


def crowded(seed: int) -> Problem:
    """Everybody near everybody, totals that multipliers see in parts."""
    rng = np.random.default_rng(seed)
    places = [(float(x), float(y)) for x, y in rng.random((32, 2)) * 1200]
    return problem(places, rng.integers(20, 300, 32).tolist())


@pytest.mark.parametrize("seed", [3, 5])
def test_cases_prove_more_than_multipliers(seed: int) -> None:
    asked = crowded(seed)
    plain, divided = (solve(asked, replace(SOME, cases=k)) for k in (0, 6))
    assert divided.certificate.cases is not None
    assert check(asked, divided) == []
    assert divided.certificate.bound > plain.certificate.bound * 1.02


def reachable(asked: Problem) -> Ints:
    """Candidates that somebody may go to."""
    point, site = (k.ravel() for k in np.indices((asked.points, asked.candidates)))
    may = walked(asked, point, site) <= asked.rules.walk_m
    return np.unique(site[may & (asked.heads[point] <= asked.room()[site])])


@settings(max_examples=60, deadline=None)
@given(towns(most=5), st.integers(0, 2**31), st.floats(0, 2), st.floats(-1.5, 1))
def test_no_cases_can_prove_too_much(asked: Problem, seed: int, size: float, share: float) -> None:
    """Whatever the multipliers, the totals and the sites that divide, and their prices."""
    asked = replace(asked, barriers=np.zeros((0, 4)))
    rng = np.random.default_rng(seed)
    at, lane_at = int(rng.integers(1, 5)), int(rng.integers(1, 9))
    reached = reachable(asked)
    held = int(rng.choice(reached)) if len(reached) else None
    spans: list[tuple[tuple[int, int], tuple[int, int], tuple[tuple[int, bool], ...]]] = [
        ((0, at), (0, ANY_NUMBER), ()), ((at + 1, ANY_NUMBER), (0, lane_at), ()),
        ((at + 1, ANY_NUMBER), (lane_at + 1, ANY_NUMBER), ()),
    ]  # fmt: skip
    if held is not None:
        first = spans.pop(int(rng.integers(3)))
        spans += [(*first[:2], ((held, opened),)) for opened in (True, False)]
    each = []
    for sites, lanes, named in spans:
        v = (rng.random(asked.points) * asked.outside() * size).astype(np.int64)
        site, lane = (round(share * price * rng.random()) for price in (PRICES.site, PRICES.lane))
        site = max(site, 0) if sites[1] == ANY_NUMBER else site
        lane = max(lane, 0) if lanes[1] == ANY_NUMBER else lane
        each.append(Case(0, sites, lanes, v, site, lane, named))
    none = np.zeros(asked.points, dtype=np.int64)
    assert bound_of(asked, none, cases=Cases(none, tuple(each))) <= cheapest(asked)


def ring(count: int) -> Problem:
    """Houses on a ring, a place between any two of them: multipliers open every place by half."""
    turn = np.arange(count) * 2 * np.pi / count
    wide = 450 / np.sin(np.pi / count)
    house, place = (
        [(float(x), float(y)) for x, y in zip(wide * np.cos(at), wide * np.sin(at), strict=True)]
        for at in (turn, turn + np.pi / count)
    )
    return problem(house, [40] * count, place)


@pytest.mark.parametrize("seed", [9, 12])
def test_a_site_seen_half_open_is_open_or_shut(seed: int) -> None:
    asked = crowded(seed)
    params = replace(SOME, sweeps=0, case_points=40)
    few, many = (solve(asked, replace(params, cases=k)) for k in (6, 30))
    proof = many.certificate.cases
    assert proof is not None
    assert {opened for case in proof.each for _, opened in case.held} == {True, False}
    assert check(asked, many) == []
    assert many.certificate.bound > few.certificate.bound


def test_a_case_climbs_from_wherever_it_begins() -> None:
    """The box round the multipliers holds the bound back at first; that is no end."""
    (net,) = components(crowded(4))
    every = ((0, ANY_NUMBER), (0, ANY_NUMBER), ())
    far = 10 * int(net.outside.sum())
    (low,) = cases.divide(net, np.full(32, 1000.0), Pool(), far, most=1, rounds=200, stop=never)
    (near,) = cases.divide(net, low.u.astype(float), Pool(), far, most=1, rounds=200, stop=never)
    assert low.box == every
    assert low.bound == pytest.approx(near.bound, rel=1e-3)
    first, second = low.halves()
    assert every not in {first, second}


def test_an_odd_ring_is_proven() -> None:
    """Half of each place is 3.5 of them; four are needed."""
    asked = ring(7)
    params = replace(SOME, sweeps=0, case_points=20)
    plain, divided = (solve(asked, replace(params, cases=k)) for k in (0, 12))
    assert divided.certificate.cases is not None
    assert check(asked, divided) == []
    assert plain.certificate.bound < 0.95 * plain.cost
    assert divided.certificate.bound > 0.999 * divided.cost
    assert divided.cost == cheapest(asked)


def test_no_proof_by_sites_without_all_their_cases() -> None:
    """Four corners by two sites: each case is needed, and none may stand where another begins."""
    asked = crowded(3)
    good = solve(asked, SOME)
    none = np.zeros(asked.points, dtype=np.int64)
    v = np.full(asked.points, 1000, dtype=np.int64)
    every = (0, ANY_NUMBER)
    corners = [((0, a), (1, b)) for a in (True, False) for b in (True, False)]
    each = tuple(Case(0, every, every, v, 0, 0, held) for held in corners)
    assert bound_of(asked, none, cases=Cases(none, each)) > 0
    wrong = [each[:k] + each[k + 1 :] for k in range(4)]
    wrong += [
        (*each[1:], replace(each[0], held=held))
        for held in (((0, True), (1, True), (2, True)), ((0, True), (0, True)), ((9999, True),))
    ]
    for some in wrong:
        with pytest.raises(SitingError, match="bad_cases"):
            bound_of(asked, none, cases=Cases(none, some))
        proof = replace(good.certificate, multipliers=none, counts=None, cases=Cases(none, some))
        assert [f.code for f in check(asked, replace(good, certificate=proof))] == ["bad_cases"]


def test_forged_cases_are_refused() -> None:
    asked = crowded(3)
    good = solve(asked, SOME)
    proof, told = good.certificate, good.certificate.cases
    assert told is not None
    assert len(told.each) > 1
    one = told.each[0]
    rest = told.each[1:]
    dear = replace(one, multipliers=one.multipliers + 10**6)
    forged = {
        "one case left out": replace(told, each=rest),
        "narrower": replace(
            told, each=(replace(one, sites=(one.sites[0] + 1, one.sites[1])), *rest)
        ),
        "half of the part": replace(told, group=np.where(np.arange(32) < 16, 0, -1)),
        "no cases": replace(told, each=()),
        "a group too many": replace(told, group=told.group + 1),
        "one point short": replace(
            told, each=(replace(one, multipliers=one.multipliers[1:]), *rest)
        ),
        "no most": replace(told, each=(replace(one, sites=(0, ANY_NUMBER), site=-5), *rest)),
    }
    for name, case in forged.items():
        with pytest.raises(SitingError, match="bad_cases"):
            bound_of(asked, proof.multipliers, proof.counts, cases=case)
        found = check(asked, replace(good, certificate=replace(proof, cases=case)))
        assert [f.code for f in found] == ["bad_cases"], name
    twice = proof.multipliers + 1000
    with pytest.raises(SitingError, match="bad_cases"):
        bound_of(asked, twice, proof.counts, cases=told)
    raised = replace(proof, cases=replace(told, each=(dear, *rest)), bound=proof.bound + 10**6)
    assert [f.code for f in check(asked, replace(good, certificate=raised))] == ["forged_bound"]
