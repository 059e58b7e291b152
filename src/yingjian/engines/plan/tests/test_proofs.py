"""Cases by totals in a plan's document: told as they were, and the judge adds them up again."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import plan_from_json, to_json
from yingjian.engines.plan.proofs import Proven
from yingjian.engines.plan.tests import cases
from yingjian.engines.plan.tests.cases import QUICK
from yingjian.engines.plan.tests.test_checker import good
from yingjian.engines.siting.model import ANY_NUMBER, Case, Cases


def test_cases_come_back_as_they_were_told() -> None:
    group = np.array([-1, 0, 0, 1])
    each = (
        Case(0, (0, 1), (0, ANY_NUMBER), np.array([3, 4]), -7, 0),
        Case(0, (2, ANY_NUMBER), (1, 9), np.array([5, 6]), 8, 2),
        Case(1, (0, ANY_NUMBER), (0, ANY_NUMBER), np.array([9]), 0, 0),
    )
    told = Proven.of(Cases(group, each))
    text = msgspec.json.encode(told)
    found = msgspec.json.decode(text, type=Proven).judged()
    assert found is not None
    assert found.group.tolist() == group.tolist()
    for one, other in zip(found.each, each, strict=True):
        assert one.multipliers.tolist() == other.multipliers.tolist()
        named = ("group", "sites", "lanes", "site", "lane")
        assert [getattr(one, n) for n in named] == [getattr(other, n) for n in named]
    assert Proven.of(None) == Proven()
    assert Proven().judged() is None


def test_a_plan_proven_by_cases_is_held_against_them() -> None:
    """A county whose parts multipliers alone do not prove: its bound needs the cases, and falls without."""
    problem = cases.problem(*cases.county(9_000, 6, seed=5))
    effort = replace(
        QUICK.effort, dual_rounds=100, count_rounds=60, column_rounds=20, exact_points=150,
        columns=50, cases=6, sweeps=1,
    )  # fmt: skip
    plan = make_plan(problem, search=replace(QUICK, effort=effort))
    assert plan.siting.cases.each
    codes = {f.code: f.level for f in plan_checker.check(problem, plan)}
    assert codes["certificate"] == "ok"
    bare = json.loads(to_json(plan))
    bare["siting"]["cases"] = {"group": [], "each": []}
    found = plan_checker.check(problem, plan_from_json(json.dumps(bare).encode()))
    assert "certificate_forged" in {f.code for f in found}


@pytest.mark.parametrize("short", [0, 1])
def test_cases_that_prove_less_than_is_claimed_are_refused(short: int) -> None:
    """One case for everybody with the plan's own multipliers and a dear total; then with one too few."""
    problem, plan = good()
    forged = json.loads(to_json(plan))
    own = forged["siting"]["multipliers"]
    every = {"group": 0, "sites": [0, -1], "lanes": [0, -1], "site": 10**9, "lane": 0}
    each = [every | {"multipliers": own[short:]}]
    forged["siting"] |= {
        "cases": {"group": [0] * len(own), "each": each},
        "multipliers": [0] * len(own), "counted": [], "count_prices": [],
        "bound": forged["siting"]["cost"],
    }  # fmt: skip
    found = plan_checker.check(problem, plan_from_json(json.dumps(forged).encode()))
    assert "certificate_forged" in {f.code for f in found}
