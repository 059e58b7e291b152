"""Pick-up runs and tours of a plan: nowhere worse than the simple timetable, judged apart, faults named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import (
    Lab,
    Limit,
    Plan,
    PlanProblem,
    Resources,
    Span,
    plan_from_json,
    to_json,
)
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.tests import cases
from yingjian.engines.plan.transport import Output, Rhythm, Ways, simple_runs
from yingjian.engines.routing.check import check
from yingjian.engines.routing.model import Params
from yingjian.engines.routing.solve import repeat, solve
from yingjian.engines.routing.tests.test_routing import county

Document = dict[str, Any]


@cache
def town() -> tuple[PlanProblem, Plan]:
    """5,000 people in 10 villages with two laboratories, over two days."""
    problem = cases.problem(*cases.county(5_000, 10, towns=2, seed=3), days=2)
    return problem, make_plan(problem)


def codes(problem: PlanProblem, plan: Plan, level: str = "error") -> set[str]:
    return {f.code for f in plan_checker.check(problem, plan) if f.level == level}


DAY = datetime(2021, 1, 16, tzinfo=UTC)


@settings(max_examples=300, deadline=None)
@given(
    east=st.lists(st.floats(0, 0.6), min_size=1, max_size=4),
    minutes=st.lists(st.integers(12, 720), min_size=1, max_size=3),
    every=st.integers(20, 240),
    most=st.integers(30, 240),
)
def test_no_vehicle_leaves_before_it_is_back(
    east: list[float], minutes: list[int], every: int, most: int
) -> None:
    """Times are told in whole minutes: what just fits by the distance of two departures may not."""
    spans = [
        Span(DAY + timedelta(days=n), DAY + timedelta(days=n, minutes=long))
        for n, long in enumerate(minutes)
    ]
    days = list(range(len(spans)))
    outputs = [
        Output(f"s{n}", "640121100200", (106.2 + far, 38.2), dict.fromkeys(days, 9), spans, days)
        for n, far in enumerate(east)
    ]
    lab = Lab("L1", "L1", 10_000, lon=106.2, lat=38.25)
    runs = simple_runs(outputs, "L1", Rhythm(every, most), Ways(PlanParams(), outputs, [lab]), 0)
    back: dict[str, datetime] = {}
    for run in sorted(runs, key=lambda run: run.leaves):
        assert back.get(run.vehicle, run.leaves) <= run.leaves
        back[run.vehicle] = run.arrives
    assert sum(stop.tubes for run in runs for stop in run.stops) == 9 * len(days) * len(outputs)


def test_routed_runs_keep_every_rule_and_are_nowhere_worse() -> None:
    problem, plan = town()
    assert codes(problem, plan) == set()
    assert plan.transport
    for choice in plan.transport:
        assert choice.method == "routed"
        assert choice.beside is not None
        assert choice.taken.late == 0
        assert choice.taken.vehicles <= choice.beside.vehicles
        assert choice.taken.oldest <= 240
        assert (choice.taken.vehicles, choice.taken.km) <= (
            choice.beside.vehicles,
            choice.beside.km * 1.005,
        )
    assert plan.totals.vehicles == sum(choice.taken.vehicles for choice in plan.transport)
    assert {run.leaves.date() for run in plan.runs} == {
        span.start.date() for site in plan.sites for span in site.open
    }


def test_a_plan_without_routing_says_so() -> None:
    problem = cases.small()
    plan = make_plan(problem, PlanParams(routed=False))
    assert codes(problem, plan) == set()
    assert codes(problem, plan, "note") >= {"runs_simple_asked"}
    assert plan.tours == []


def test_routes_that_cannot_keep_the_rules_give_way_and_that_is_said() -> None:
    """A laboratory 500 km away: whichever way is taken, what is late is told, and the simple way with its reason."""
    problem = cases.small()
    far = [Lab("L1", "远", 20_000, "640100", 112.0, 38.28)]
    problem = msgspec.structs.replace(problem, labs=far)
    plan = make_plan(problem)
    found = [f for f in plan_checker.check(problem, plan) if f.code.startswith("runs_simple")]
    routed = {choice.method for choice in plan.transport} == {"routed"}
    assert routed or {f.level for f in found} & {"warning", "note"}
    assert "delivery_late" in codes(problem, plan)


def test_a_small_car_is_never_overloaded() -> None:
    book = cases.rules(transport__fixed_route=Limit(value=False, origin="S4/ML R62"))
    problem = cases.problem(
        *cases.county(2_000, 4), book=book, resources=Resources(vehicle_boxes=6)
    )  # fmt: skip
    plan = make_plan(problem)
    assert codes(problem, plan) == set()
    assert max(run.boxes for run in plan.runs) <= 6


def test_a_laboratory_that_closes_early_is_told() -> None:
    labs = [Lab("L1", "县医院", 20_000, "640121", 106.25, 38.28, 8, 18)]
    problem = cases.problem(*cases.county(1_000, 2), labs=labs)
    assert "lab_closed" in codes(problem, make_plan(problem), "warning")


def test_the_same_routes_on_another_day() -> None:
    asked = county(12)
    planned = solve(asked, Params(iterations=20))
    half = replace(asked.stops, tubes=asked.stops.tubes // 3, closes=asked.stops.closes - 240)
    other = replace(asked, stops=half)
    again = repeat(other, planned, Params())
    assert check(other, again) == []
    assert [route.stops for route in again.routes] == [route.stops for route in planned.routes]
    assert repeat(asked, planned, Params()).trips == planned.trips


def test_known_routes_are_never_worsened() -> None:
    asked = county(30)
    best = solve(asked, Params(iterations=200))
    known = [[stop for stop, _ in route.stops] for route in best.routes]
    again = solve(asked, Params(iterations=0), given=known)
    assert check(asked, again) == []
    assert again.cost <= solve(asked, Params(iterations=0)).cost
    assert again.vehicles <= best.vehicles


def test_home_visits_go_in_tours_by_teams_that_exist() -> None:
    _, plan = town()
    assert plan.tours
    doors = [(site, visit) for site in plan.sites for visit in site.home]
    assert all(visit.tour for _, visit in doors), "every home has a place here"
    for n, tour in enumerate(plan.tours, start=1):
        own = sorted((v for _, v in doors if v.tour == n), key=lambda v: v.start)
        assert tour.leaves <= own[0].start <= own[-1].start < tour.back
        assert {site.code for site, v in doors if v.tour == n} == {tour.site}
        assert tour.back - tour.leaves <= timedelta(minutes=plan.params.tour_minutes + 60)
    teams = {team.code for team in plan.teams if team.kind == "home"}
    assert {tour.team for tour in plan.tours} <= teams
    assert sum(tour.doors for tour in plan.tours) == len(doors)


# --- planted faults ------------------------------------------------------------------------------


def later(text: str, minutes: float) -> str:
    return (datetime.fromisoformat(text) + timedelta(minutes=minutes)).isoformat()


def tour_flies(plan: Document) -> None:
    tour = max(plan["tours"], key=lambda t: t["doors"])
    tour["back"] = later(tour["leaves"], 5)


def tour_lost(plan: Document) -> None:
    plan["tours"].pop()


def tour_miscounted(plan: Document) -> None:
    plan["tours"][0]["doors"] += 1


def team_unknown(plan: Document) -> None:
    plan["tours"][0]["team"] = "H-nobody"


def boxes_made_up(plan: Document) -> None:
    plan["runs"][0]["stops"][0]["boxes"] += 1


def stop_without_tubes(plan: Document) -> None:
    stop = max(plan["runs"][0]["stops"], key=lambda s: s["tubes"])
    stop["tubes"] -= 1


def driver_all_day(plan: Document) -> None:
    for run in plan["runs"]:
        run["driver"] = 1


def fewer_cars_claimed(plan: Document) -> None:
    plan["transport"][0]["taken"]["vehicles"] -= 1


def shorter_road_claimed(plan: Document) -> None:
    plan["transport"][0]["taken"]["km"] *= 0.8


def group_forgotten(plan: Document) -> None:
    plan["transport"].pop()


FAULTS: list[tuple[Callable[[Document], None], str]] = [
    (tour_flies, "tour_way"),
    (tour_lost, "tour_unknown"),
    (tour_miscounted, "tour_sum"),
    (team_unknown, "tour_team"),
    (boxes_made_up, "run_sum"),
    (stop_without_tubes, "run_sum"),
    (driver_all_day, "driver_long"),
    (fewer_cars_claimed, "run_sum"),
    (shorter_road_claimed, "run_sum"),
    (group_forgotten, "run_of_none"),
]


@pytest.mark.parametrize(
    ("fault", "code"), FAULTS, ids=[f"{f.__name__}-{code}" for f, code in FAULTS]
)
def test_every_planted_fault_is_named(fault: Callable[[Document], None], code: str) -> None:
    problem, plan = town()
    document = copy.deepcopy(json.loads(to_json(plan)))
    fault(document)
    found = plan_checker.broken(plan_checker.check(problem, plan_from_json(json.dumps(document))))
    assert code in {f.code for f in found}


def test_one_team_at_two_doors_at_once_is_named() -> None:
    problem, plan = town()
    document = json.loads(to_json(plan))
    mine = [t for t in document["tours"] if t["team"] == document["tours"][0]["team"]]
    assert len(mine) > 1
    mine[1]["leaves"] = mine[0]["leaves"]
    found = plan_checker.broken(plan_checker.check(problem, plan_from_json(json.dumps(document))))
    assert "tour_twice" in {f.code for f in found}
