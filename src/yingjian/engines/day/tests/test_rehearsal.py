"""A plan becomes days for the twin, and is rehearsed: what goes wrong hurts, what helps helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from yingjian.engines.day.model import NEVER, Faults, Habits
from yingjian.engines.day.planned import Bench, PlannedDay, days_of, habits_of, limits_of
from yingjian.engines.day.rehearsal import Case, DayRehearsal, changes, rehearsal, usual_cases
from yingjian.engines.plan import make_plan
from yingjian.engines.plan_model import Plan, PlanProblem
from yingjian.engines.tests import plan_cases as cases

BENCH = Bench()


def planned(problem: PlanProblem) -> tuple[Plan, list[PlannedDay], Habits]:
    plan = make_plan(problem)
    habits = habits_of(problem.rules, plan.params.slot_minutes, BENCH, Habits())
    return plan, days_of(plan, problem.rules, habits, BENCH), habits


@pytest.fixture(scope="module")
def town() -> PlanProblem:
    return cases.problem(*cases.county(9_000, 8, single=0.02))


@pytest.fixture(scope="module")
def played(town: PlanProblem) -> DayRehearsal:
    _, (day,), habits = planned(town)
    return rehearsal(day, habits, limits_of(town.rules), runs=30, trials=12, seed=5)


def test_everybody_who_comes_is_in_a_slot_of_the_day(town: PlanProblem) -> None:
    plan, (day,), _ = planned(town)
    assert (
        len(day.day.site)
        == plan.totals.walkers
        == sum(s.people for x in plan.sites for s in x.slots)
    )
    for j, site in enumerate(day.sites):
        slots = np.unique(day.day.slot[day.day.site == j])
        told = sorted(s.start.hour * 60 + s.start.minute for s in site.slots if s.people)
        assert slots.tolist() == told
        assert day.day.sites.lanes[j] == site.lanes
    assert day.day.single is not None
    # people at home have some of the single tubes
    assert 0 < day.day.single.sum() <= sum(site.tubes.single for site in plan.sites)


def test_pick_ups_are_the_plans_runs(town: PlanProblem) -> None:
    plan, (day,), _ = planned(town)
    for j, site in enumerate(day.sites):
        stops = sorted(
            (stop.at, run.vehicle)
            for run in plan.runs
            for stop in run.stops
            if stop.site == site.code
        )
        at, vehicle = stops[0]
        assert day.day.sites.first_pickup[j] == at.hour * 60 + at.minute + at.second / 60
        assert day.vehicles[day.day.sites.vehicle[j]] == vehicle


def test_machines_do_together_what_the_laboratory_can_in_a_day(town: PlanProblem) -> None:
    plan, (day,), _ = planned(town)
    labs = day.day.labs
    for k, name in enumerate(day.labs):
        told = next(lab.tubes_per_day for lab in plan.labs if lab.lab == name)
        does = labs.wells[k] * labs.instruments[k] * 1440 / labs.run[k]
        assert told <= does < told + labs.instruments[k] * 1440 / labs.run[k]


def test_two_days_are_two_dates() -> None:
    problem = cases.problem(*cases.county(9_000, 8), hours=4, days=2)
    plan, days, _ = planned(problem)
    assert [day.date for day in days] == sorted(
        {s.start.date() for x in plan.sites for s in x.slots}
    )
    assert sum(len(day.day.site) for day in days) == plan.totals.walkers
    assert all((day.day.slot >= 0).all() and (day.day.slot < 1440).all() for day in days)


def test_a_plan_without_a_laboratory_is_rehearsed_up_to_the_delivery() -> None:
    _, (day,), habits = planned(cases.problem(*cases.county(1_000, 2), labs=[]))
    assert not day.labs_known
    found = rehearsal(day, habits, limits_of(cases.rules()), runs=3, trials=2, seed=1)
    assert found.expected.figures["last_delivery"][1] < NEVER
    assert "laboratory" not in {case.code for case in found.cases}


def test_what_goes_wrong_makes_it_worse(played: DayRehearsal) -> None:
    base = played.expected.figures
    by_code = {case.code: case for case in played.cases}
    assert set(by_code) == {"absent", "rain", "turnout", "vehicle", "laboratory"}
    assert by_code["absent"].figures["last_swab"][1] > base["last_swab"][2]
    assert by_code["rain"].figures["queue_p95"][1] > base["queue_p95"][2]
    assert by_code["turnout"].figures["swabbed"][1] > 1.15 * base["swabbed"][1]
    assert by_code["vehicle"].figures["tube_age_most"][1] > base["tube_age_most"][1]
    assert by_code["laboratory"].figures["last_result"][1] >= base["last_result"][0]


def test_the_same_seed_says_the_same(town: PlanProblem, played: DayRehearsal) -> None:
    _, (day,), habits = planned(town)
    again = rehearsal(day, habits, limits_of(town.rules), runs=30, trials=12, seed=5)
    assert again.expected.figures == played.expected.figures
    assert again.cases == played.cases
    assert again.helps == played.helps


def test_what_helps_is_found_where_it_hurts(town: PlanProblem) -> None:
    """One site loses all lanes but one: a lane there is the first thing to send."""
    _, (day,), habits = planned(town)
    sites = day.day.sites
    lanes = sites.lanes.copy()
    worst = int(sites.lanes.argmax())
    lanes[worst] = 1
    poor = replace(day, day=replace(day.day, sites=replace(sites, lanes=lanes)))
    found = rehearsal(poor, habits, limits_of(town.rules), runs=10, trials=10, seed=2, cases=[])
    assert (found.helps[0].code, found.helps[0].params["place"]) == ("lane", day.sites[worst].code)
    assert found.cases == ()


def test_a_change_is_tried_at_one_place_only(town: PlanProblem, played: DayRehearsal) -> None:
    _, (day,), _ = planned(town)
    for change in changes(day, played.expected):
        before, after = day.day, change.day
        lanes = (after.sites.lanes != before.sites.lanes).sum()
        machines = (after.labs.instruments != before.labs.instruments).sum()
        cars = set(
            before.sites.vehicle[after.sites.pickup_every != before.sites.pickup_every].tolist()
        )
        assert (int(lanes), int(machines), len(cars)) in {(1, 0, 0), (0, 1, 0), (0, 0, 1)}


def test_a_stop_is_heeded(town: PlanProblem) -> None:
    _, (day,), habits = planned(town)
    found = rehearsal(
        day, habits, limits_of(town.rules), runs=50, trials=50, seed=1, stop=lambda: True
    )
    assert found.expected.runs == 1


def test_usual_cases_name_what_they_take_away(town: PlanProblem) -> None:
    _, (day,), _ = planned(town)
    for case in usual_cases(day):
        assert isinstance(case, Case)
        assert case.faults != Faults()
    named = {case.code: case.params for case in usual_cases(day)}
    assert named["vehicle"]["vehicle"] in day.vehicles
    assert named["laboratory"]["lab"] in day.labs
