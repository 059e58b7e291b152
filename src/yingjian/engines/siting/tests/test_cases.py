"""Cases by totals: no case proves too much, a gap between two of them is seen, forgeries are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.siting.check import bound_of, check
from yingjian.engines.siting.model import ANY_NUMBER, Case, Cases, Params, Problem, SitingError
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


@settings(max_examples=60, deadline=None)
@given(towns(most=5), st.integers(0, 2**31), st.floats(0, 2), st.floats(-1.5, 1))
def test_no_cases_can_prove_too_much(asked: Problem, seed: int, size: float, share: float) -> None:
    """Whatever the multipliers, the totals that divide and their prices."""
    asked = replace(asked, barriers=np.zeros((0, 4)))
    rng = np.random.default_rng(seed)
    at, lane_at = int(rng.integers(1, 5)), int(rng.integers(1, 9))
    spans = [
        ((0, at), (0, ANY_NUMBER)), ((at + 1, ANY_NUMBER), (0, lane_at)),
        ((at + 1, ANY_NUMBER), (lane_at + 1, ANY_NUMBER)),
    ]  # fmt: skip
    each = []
    for sites, lanes in spans:
        v = (rng.random(asked.points) * asked.outside() * size).astype(np.int64)
        site, lane = (round(share * price * rng.random()) for price in (PRICES.site, PRICES.lane))
        site = max(site, 0) if sites[1] == ANY_NUMBER else site
        lane = max(lane, 0) if lanes[1] == ANY_NUMBER else lane
        each.append(Case(0, sites, lanes, v, site, lane))
    none = np.zeros(asked.points, dtype=np.int64)
    cases = Cases(none, tuple(each))
    assert bound_of(asked, none, cases=cases) <= cheapest(asked)


def test_forged_cases_are_refused() -> None:
    asked = crowded(3)
    good = solve(asked, SOME)
    proof, cases = good.certificate, good.certificate.cases
    assert cases is not None
    assert len(cases.each) > 1
    one = cases.each[0]
    rest = cases.each[1:]
    dear = replace(one, multipliers=one.multipliers + 10**6)
    forged = {
        "one case left out": replace(cases, each=rest),
        "narrower": replace(
            cases, each=(replace(one, sites=(one.sites[0] + 1, one.sites[1])), *rest)
        ),
        "half of the part": replace(cases, group=np.where(np.arange(32) < 16, 0, -1)),
        "no cases": replace(cases, each=()),
        "a group too many": replace(cases, group=cases.group + 1),
        "one point short": replace(
            cases, each=(replace(one, multipliers=one.multipliers[1:]), *rest)
        ),
        "no most": replace(cases, each=(replace(one, sites=(0, ANY_NUMBER), site=-5), *rest)),
    }
    for name, case in forged.items():
        with pytest.raises(SitingError, match="bad_cases"):
            bound_of(asked, proof.multipliers, proof.counts, cases=case)
        found = check(asked, replace(good, certificate=replace(proof, cases=case)))
        assert [f.code for f in found] == ["bad_cases"], name
    twice = proof.multipliers + 1000
    with pytest.raises(SitingError, match="bad_cases"):
        bound_of(asked, twice, proof.counts, cases=cases)
    raised = replace(proof, cases=replace(cases, each=(dear, *rest)), bound=proof.bound + 10**6)
    assert [f.code for f in check(asked, replace(good, certificate=raised))] == ["forged_bound"]
