"""A plan becomes days for the twin, and is rehearsed: what goes wrong hurts, what helps helps."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from yingjian.engines.day.expected import Followed, expecting
from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import NEVER, Day, Faults, Habits, Labs, Retest, Sites, Slow
from yingjian.engines.day.planned import Bench, PlannedDay, days_of, habits_of, limits_of, sizes_of
from yingjian.engines.day.rehearsal import Case, DayRehearsal, changes, rehearsal, usual_cases
from yingjian.engines.day.twin import simulate
from yingjian.engines.plan.geo import km
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Plan, PlanProblem
from yingjian.engines.plan.tests import cases

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


def test_households_come_together_and_no_larger_than_the_slot(town: PlanProblem) -> None:
    plan, (day,), habits = planned(town)
    sizes = [size for site in plan.sites for slot in site.slots for size in slot.sizes]
    assert day.day.party is not None
    leads, found = np.unique(day.day.party, return_counts=True)
    assert sorted(found.tolist()) == sorted(size for size in sizes if size)
    assert (day.day.slot == day.day.slot[day.day.party]).all()
    run = simulate(day.day, replace(habits, no_show=0.0), seed=3)
    same = len(run.arrived) - len(np.unique(run.arrived))
    assert same == len(day.day.site) - len(leads), "one moment for each household"


def test_an_older_plan_has_households_as_even_as_can_be(town: PlanProblem) -> None:
    plan, _, _ = planned(town)
    slot = msgspec.structs.replace(plan.sites[0].slots[0], sizes=[])
    sizes = sizes_of(slot)
    assert (sum(sizes), len(sizes)) == (slot.people, len(slot.blocks))
    assert max(sizes) - min(sizes) <= 1


def test_home_visits_bring_their_tubes_when_the_team_is_back(town: PlanProblem) -> None:
    plan, (day,), habits = planned(town)
    doors = day.day.doors
    assert doors is not None
    assert doors.people.sum() == plan.totals.home_people > 0
    assert (doors.people <= habits.pool).all()
    assert ((doors.leaves <= doors.first_swab) & (doors.first_swab <= doors.back)).all()
    run, without = (
        simulate(day.day, habits, seed=4),
        simulate(replace(day.day, doors=None), habits, seed=4),
    )
    assert len(run.tube_site) == len(without.tube_site) + len(doors.people)
    assert (run.wait == without.wait).all(), "their teams do not stand in the lanes"


def test_a_mobile_teams_people_come_out_when_it_is_there() -> None:
    plan, (day,), habits = planned(cases.problem(*cases.county(4_000, 6)))
    assert plan.totals.mobile_teams
    since = day.day.since
    assert since is not None
    run = simulate(day.day, replace(habits, no_show=0.0, early_birds=0.5), seed=1)
    for j, site in enumerate(day.sites):
        own, came = since[day.day.site == j], run.arrived[run.ptr[j] : run.ptr[j + 1]]
        assert np.isnan(own).all() or site.visits
        if site.visits:
            assert (np.sort(came) >= np.sort(own)).all()


def test_all_stops_of_a_run_have_the_same_road() -> None:
    lanes, zero = np.array([1, 1]), np.zeros(2, dtype=np.int64)
    sites = Sites(
        lanes=lanes, opens=np.zeros(2), lab=zero, ride=np.array([60.0, 40.0]), vehicle=zero,
        first_pickup=np.array([100.0, 120.0]), pickup_every=np.full(2, 90.0), route=zero,
        behind=np.array([0.0, 20.0]), home=np.array([40.0, 40.0]),
    )  # fmt: skip
    labs = Labs(
        wells=np.array([90]), instruments=np.array([1]), run=np.array([100.0]), opens=np.zeros(1),
        receivers=np.array([1]), receive=np.array([0.1]),
    )  # fmt: skip
    day = Day(
        site=np.repeat([0, 1], 700), slot=np.tile(np.arange(700.0), 2), sites=sites, labs=labs
    )
    run = simulate(day, Habits(ride_cv=0.4, slot_minutes=0.0, early_birds=0.0), seed=8)
    by_site = [
        {round(at, 6) for at, picked in zip(run.delivered[own], run.picked[own], strict=True) if picked < 600}
        for own in (run.tube_site == 0, run.tube_site == 1)
    ]  # fmt: skip
    assert len(by_site[0]) > 4
    assert by_site[0] == by_site[1]
    assert (run.picked >= run.sealed).all()
    planned_at = 120.0 + 90.0 * np.arange(10)
    assert all((at - planned_at).max() >= 0 for at in run.picked[run.tube_site == 1]), "never early"


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
    by_code = {case.code: case for case in reversed(played.cases)}
    assert set(by_code) == {
        "absent", "rain", "turnout", "standstill", "tubes_short", "vehicle", "laboratory"
    }  # fmt: skip
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


def test_troubles_and_changes_are_compared_with_the_very_same_days(town: PlanProblem) -> None:
    _, (day,), habits = planned(town)
    nothing, rain = (
        Case("a", Faults()), Case("b", Faults(slow=(Slow(600.0, 660.0, 2.0),)))
    )  # fmt: skip
    limits = limits_of(town.rules)
    found, few = (
        rehearsal(
            day, habits, limits, runs=n, trials=8, seed=3, cases=[nothing, rain], improve=False
        )
        for n in (20, 4)
    )
    same, wet = found.cases
    alone = rehearse(day.day, habits, limits=limits, runs=8, seed=3)
    assert same.figures == found.planned_days == alone.figures
    known = [spread for spread in same.change.values() if not np.isnan(spread).any()]
    assert set(known) == {(0.0, 0.0, 0.0)}
    plain, struck = (
        rehearse(day.day, habits, what, limits, runs=8, seed=3).days["queue_p95"]
        for what in (Faults(), rain.faults)
    )
    assert wet.change["queue_p95"] == pytest.approx(
        tuple(np.percentile(struck - plain, (5, 50, 95)))
    )
    assert (struck > plain).all()
    assert few.planned_days == few.expected.figures, "no more days than were played as planned"


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
    assert named["tubes_short"]["site"] in {site.code for site in day.sites}
    each = [(case.code, str(case.params)) for case in usual_cases(day)]
    assert len(set(each)) == len(each)


@pytest.mark.parametrize("code", ["standstill", "tubes_short", "absent", "rain"])
def test_each_case_keeps_somebody_waiting(town: PlanProblem, code: str) -> None:
    """Judged by the same people on the same dice, where the case strikes."""
    _, (day,), habits = planned(town)
    (case,) = [case for case in usual_cases(day) if case.code == code]
    plain, struck = (
        simulate(day.day, habits, faults, seed=2) for faults in (Faults(), case.faults)
    )
    assert struck.wait.sum() > plain.wait.sum()


def test_expected_positives_take_the_plans_teams_and_the_wells_kept(town: PlanProblem) -> None:
    plan, (day,), habits = planned(town)
    followed = Followed(2, original=True, singles=True, teams_per_pool=2, reserve=0.2, how=Retest())
    ill = expecting(day, plan, 0.002, followed, BENCH)
    positives, labs = ill.day.positives, ill.day.labs
    assert positives is not None
    assert labs.kept is not None
    assert labs.kept_benches is not None
    ready = sum(team.kind == "recheck" for team in plan.teams)
    assert positives.teams == (ready // 2 or None)
    wanted = 0.2 * day.day.labs.wells * day.day.labs.instruments
    assert (labs.kept * labs.kept_benches >= wanted).all()
    assert (labs.kept <= BENCH.plate).all()
    assert expecting(day, plan, 0.0, followed, BENCH) is day
    assert "positives" not in {case.code for case in usual_cases(day)}
    case = usual_cases(ill)[-1]
    plain, many = (
        rehearse(ill.day, habits, what, runs=4).figures for what in (Faults(), case.faults)
    )
    assert case.code == "positives"
    assert many["pools_positive"][1] > 4 * plain["pools_positive"][1] > 0
    codes = {change.code for change in changes(ill, rehearse(ill.day, habits, runs=2))}
    assert ("team" in codes, "retest" in codes) == (ready > 0, True)


def test_single_swabs_go_straight_to_the_laboratories_the_preset_names(town: PlanProblem) -> None:
    plan, (day,), habits = planned(town)
    way = Followed(2, original=True, singles=True, teams_per_pool=1, reserve=0.2, how=Retest())
    areas = {site.area for site in plan.sites}
    two = ("L2", "L1")
    named = replace(way, to=dict.fromkeys(areas, two), original_to=dict.fromkeys(areas, "L2"))
    own, sent = (expecting(day, plan, 0.002, one, BENCH) for one in (way, named))
    assert own.day.positives is not None
    assert sent.day.positives is not None
    assert own.day.positives.to is not None
    assert sent.day.positives.to is not None
    assert (own.day.positives.to == day.day.sites.lab[:, None]).all(), "nobody is named: their own"
    asked = [[sent.labs[k] for k in row] for row in sent.day.positives.to.tolist()]
    assert asked == [list(two)] * len(day.sites)
    assert set(sent.labs) == {"L1", "L2"}
    assert sent.day.positives.ride is not None
    known = {lab.lab: lab for lab in plan.labs}
    for site, ride in zip(day.sites, sent.day.positives.ride, strict=True):
        assert site.lon is not None
        assert site.lat is not None
        furthest = max(
            km((site.lon, site.lat), (known[code].lon or 0.0, known[code].lat or 0.0))
            for code in two
        )
        assert ride == pytest.approx(furthest * 1.3 / 40 * 60)
    plain, ill = (rehearse(one.day, habits, runs=3, seed=1).figures for one in (day, sent))
    assert plain == {name: ill[name] for name in plain}, "the round is as it was"
    unknown = replace(named, to=dict.fromkeys(areas, ("L9",)), original_to={})
    lost = expecting(day, plan, 0.002, unknown, BENCH).day.positives
    assert lost is not None
    assert lost.to is not None
    assert (lost.to == own.day.positives.to).all()


def test_a_site_with_fewer_tubes_than_it_uses_is_counted(town: PlanProblem) -> None:
    _, (day,), habits = planned(town)
    assert day.day.sites.tubes is not None
    few = replace(day.day.sites, tubes=np.where(np.arange(len(day.sites)) < 2, 1, 10**6))
    told = rehearse(replace(day.day, sites=few), habits, runs=2).figures["stock_outs"]
    assert told == (2.0, 2.0, 2.0)
