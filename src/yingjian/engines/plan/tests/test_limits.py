"""The judge where there is too little of something, or no rule at all."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.judge import straight_km
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Limit, Plan, PlanProblem, Resources
from yingjian.engines.plan.tests import cases
from yingjian.engines.plan.tests.test_checker import good, levels


def worst(problem: PlanProblem, plan: Plan) -> dict[str, str]:
    return {
        f.code: f.level for f in reversed(plan_checker.broken(plan_checker.check(problem, plan)))
    }


def test_too_few_people_vehicles_and_lanes_are_warnings_with_the_number() -> None:
    problem, plan = good()
    poor = msgspec.structs.replace(
        problem, resources=Resources(lanes=1, vehicles=0, staff={"sampler": 3})
    )
    plan = msgspec.structs.replace(plan, answers=poor.digest())
    found = worst(poor, plan)
    assert {"lanes_short", "vehicles_short", "staff_short"} <= set(found)
    short = next(f for f in plan_checker.check(poor, plan) if f.code == "staff_short")
    assert short.over == plan.totals.staff["sampler"] - 3


def test_a_deadline_too_near_says_by_how_much() -> None:
    problem, plan = good()
    near = msgspec.structs.replace(problem, deadline=cases.START + timedelta(hours=2))
    found = {f.code: f for f in plan_checker.check(near, plan) if f.level in {"error", "warning"}}
    ends = plan.forecast.sampling_ends - cases.START - timedelta(hours=2)
    assert found["sampling_late"].over == pytest.approx(ends.total_seconds() / 60)
    assert found["results_late"].level == "warning"
    none = msgspec.structs.replace(problem, deadline=None)
    assert "no_deadline" in {f.code for f in plan_checker.check(none, plan) if f.level == "note"}


def test_a_site_count_other_than_stated_is_an_error_unless_people_are_fewer() -> None:
    problem, plan = good()
    stated = msgspec.structs.replace(
        problem,
        rules=cases.rules(sites__fixed_sites=Limit(value=99, origin="S4/YL R20")),
    )
    assert worst(stated, plan)["sites_fixed"] == "error"


def test_a_borrowed_bound_gives_way_to_the_stated_number_of_sites() -> None:
    villages, blocks = cases.county(5_000, 4)
    book = cases.rules(
        sites__fixed_sites=Limit(value=2, origin="S4/ST R19"),
        sites__people_per_site=Limit(value=1500, high=1500, origin="default S4/ML R16"),
    )
    problem = cases.problem(villages, blocks, book=book)
    found = worst(problem, make_plan(problem))
    assert found["site_capacity"] == "warning"


def test_a_village_split_over_sites_breaks_one_site_per_village() -> None:
    villages, blocks = cases.county(5_000, 2)
    problem = cases.problem(villages, blocks)
    plan = make_plan(problem)
    strict = msgspec.structs.replace(problem, rules=cases.rules(sites__one_site_per_village=True))
    assert worst(strict, plan)["village_split"] == "error"


def test_delivery_by_a_time_of_day() -> None:
    problem, plan = good()
    evening = msgspec.structs.replace(
        problem,
        rules=cases.rules(
            clocks__deliver=Limit(value="12:00", unit="at", origin="S4/YL R61"),
            clocks__pick_up=None,
            clocks__uncooled=90,
        ),
    )
    late = [f for f in plan_checker.check(evening, plan) if f.code == "delivery_late"]
    assert {f.level for f in late} == {"ok", "error"}
    assert worst(evening, plan)["pick_up_gap"] == "error"


def test_the_checker_reads_distance_its_own_way() -> None:
    assert straight_km(106.0, 38.0, 106.0, 39.0) == pytest.approx(111.195, abs=0.01)


def test_without_rules_there_is_nothing_to_break_but_people_still_count() -> None:
    problem, plan = good()
    free = msgspec.structs.replace(problem, rules=cases.rules(**dict.fromkeys(
        (path.replace(".", "__") for path in cases.BASE), None
    )))  # fmt: skip
    plan = msgspec.structs.replace(plan, answers=free.digest())
    found = levels(free, plan)
    assert "queue" not in found
    assert "ok" in found["missed"]
