"""At most so many fixed sites in a whole plan: held, proven, said; mobile teams are not counted."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.plan import checker
from yingjian.engines.plan.judge import Finding
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Plan, PlanError, PlanProblem, Resources
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.tests import cases

STILL = PlanParams(mobile=False)


def limited(problem: PlanProblem, most: int | None) -> PlanProblem:
    return msgspec.structs.replace(problem, resources=Resources(sites=most))


def fixed(plan: Plan) -> int:
    return sum(site.kind == "fixed" for site in plan.sites)


def told(problem: PlanProblem, plan: Plan) -> dict[str, Finding]:
    """The worst finding of each code."""
    found: dict[str, Finding] = {}
    for one in sorted(checker.check(problem, plan), key=lambda f: f.level == "error"):
        found[one.code] = one
    return found


def everybody(problem: PlanProblem, plan: Plan) -> bool:
    called = [key for site in plan.sites for slot in site.slots for key in slot.blocks]
    return sorted(called) == sorted(b.key for b in problem.blocks if b.walkers)


def test_fewer_sites_than_pay_are_opened_and_the_proof_prices_the_limit() -> None:
    problem = cases.small()
    free = make_plan(problem, STILL, search=cases.QUICK)
    most = fixed(free) - 2
    assert most >= 1
    short = limited(problem, most)
    plan = make_plan(short, STILL, search=cases.QUICK)
    assert fixed(plan) <= most
    assert everybody(short, plan)
    said = told(short, plan)
    assert (said["sites_most"].level, said["certificate"].level) == ("ok", "ok")
    assert plan.siting.most_sites == most
    assert free.siting.bound <= plan.siting.bound <= plan.siting.cost
    assert plan.siting.cost > free.siting.bound


def test_a_limit_that_does_not_bind_changes_no_site() -> None:
    problem = cases.small()
    free = make_plan(problem, STILL, search=cases.QUICK)
    wide = limited(problem, fixed(free))
    plan = make_plan(wide, STILL, search=cases.QUICK)
    assert [s.code for s in plan.sites] == [s.code for s in free.sites]
    assert (plan.siting.bound, plan.siting.limit_price) == (free.siting.bound, 0)
    assert told(wide, plan)["certificate"].level == "ok"


def test_one_site_too_many_is_an_error_with_both_numbers() -> None:
    problem = cases.small()
    plan = make_plan(problem, STILL, search=cases.QUICK)
    most = fixed(plan) - 1
    broken = told(limited(problem, most), plan)["sites_most"]
    assert (broken.level, broken.measured, broken.limit) == ("error", fixed(plan), most)


def test_what_must_stay_stays_within_the_limit() -> None:
    problem = cases.small()
    free = make_plan(problem, STILL, search=cases.QUICK)
    most = max(1, fixed(free) - 2)
    short = make_plan(limited(problem, most), STILL, search=cases.QUICK)
    shut = [place.key for place in short.siting.options][:1]
    assert shut
    kept = msgspec.structs.replace(limited(problem, most), locks=dict.fromkeys(shut, "stay"))
    plan = make_plan(kept, STILL, search=cases.QUICK)
    assert fixed(plan) <= most
    assert set(shut) <= {site.candidate for site in plan.sites}
    said = told(kept, plan)
    assert (said["lock_stay"].level, said["certificate"].level) == ("ok", "ok")


def test_fewer_sites_than_towns_are_refused_with_how_many_it_takes() -> None:
    villages, blocks = cases.county(4000, 8, towns=4)
    problem = cases.problem(villages, blocks)
    with pytest.raises(PlanError) as caught:
        make_plan(limited(problem, 3), STILL, search=cases.QUICK)
    assert caught.value.code == "too_few_sites"
    assert caught.value.params == {"most": 3, "least": 4}


def test_where_no_place_is_known_sites_take_more_people_and_it_is_said() -> None:
    villages, blocks = cases.county(9000, 2, places=False)
    problem = cases.problem(villages, blocks)
    many = make_plan(problem, search=cases.QUICK)
    assert fixed(many) > 2
    short = limited(problem, 2)
    plan = make_plan(short, search=cases.QUICK)
    assert fixed(plan) == 2
    assert everybody(short, plan)
    said = told(short, plan)
    assert said["sites_most"].level == "ok"
    assert said["site_capacity"].level == "error"
    assert plan.siting.most_sites == 2


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), most=st.integers(1, 12))
def test_whatever_the_limit_it_holds_or_is_refused(seed: int, most: int) -> None:
    villages, blocks = cases.county(2500, 6, seed=seed, towns=2)
    problem = limited(cases.problem(villages, blocks), most)
    towns = len({village.area[:9] for village in villages})
    refused: PlanError | None = None
    try:
        plan = make_plan(problem, search=cases.QUICK)
    except PlanError as error:
        refused = error
    if refused is not None:
        assert (refused.code, refused.params["most"]) == ("too_few_sites", most)
        assert most < 2 * towns, "there is room for a site in each town"
        return
    said = told(problem, plan)
    assert fixed(plan) <= most
    assert said["sites_most"].level == "ok"
    assert said["certificate"].level == "ok"
    assert everybody(problem, plan)
