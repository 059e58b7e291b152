"""A day taken up where it is: the plan's own day while nothing happened, never later the more is swabbed."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.live import Group, Lot, Now, rest_of, take_up
from yingjian.engines.day.model import Habits, Limits
from yingjian.engines.day.planned import Bench, PlannedDay, days_of, habits_of, limits_of
from yingjian.engines.day.twin import simulate
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.tests import cases

NAN = math.nan
OPENS = 420.0
"""When the plan's sites open."""


@cache
def planned() -> tuple[PlannedDay, Habits, Limits]:
    problem = cases.problem(*cases.county(2_400, 3, single=0.02))
    plan = make_plan(problem)
    habits = habits_of(problem.rules, plan.params.slot_minutes, Bench(), Habits())
    (day,) = days_of(plan, problem.rules, habits, Bench())
    assert set(day.day.sites.opens.tolist()) == {OPENS}
    return day, habits, limits_of(problem.rules)


def groups(swabbed: float = 0.0) -> list[Group]:
    """Everybody as called by the plan; of each time the same share swabbed."""
    plan, _, _ = planned()
    found = []
    for j, site in enumerate(plan.sites):
        own = plan.day.slot[plan.day.site == j]
        for slot, people in zip(*np.unique(own, return_counts=True), strict=True):
            found.append(Group(site.code, float(slot), int(people), int(swabbed * int(people))))
    return found


def now(at: float, swabbed: float = 0.0, **more: object) -> Now:
    return replace(Now(at, groups(swabbed), {}, [], {}), **more)  # type: ignore[arg-type]


def test_before_anything_happened_it_is_the_plans_own_day() -> None:
    plan, habits, limits = planned()
    taken = take_up(plan, now(OPENS - 30), habits)
    assert (taken.to_come, taken.absent) == (len(plan.day.site), 0)
    own = rehearse(plan.day, habits, limits=limits, runs=4, seed=3)
    live = rehearse(taken.planned.day, taken.habits, limits=limits, runs=4, seed=3)
    assert live.figures == own.figures
    assert np.array_equal(live.finish, own.finish)


def test_with_everybody_swabbed_only_tubes_are_left() -> None:
    plan, habits, limits = planned()
    at = OPENS + 300
    taken = take_up(plan, now(at, 1.0), habits)
    assert taken.to_come == 0
    lots = [
        Lot(plan.sites[0].code, "", 7, at - 60, NAN, NAN),  # on the rack
        Lot(plan.sites[0].code, "", 5, at - 90, at - 5, NAN),  # on the road
        Lot(plan.sites[0].code, plan.labs[0], 4, at - 200, NAN, at - 20),  # at the bench
    ]
    rest = rest_of(take_up(plan, now(at, 1.0, lots=lots), habits), limits, runs=3, trials=2, seed=1)
    assert math.isnan(rest.expected.figures["last_swab"][1])
    assert rest.expected.figures["tubes"][1] == 16
    assert at < rest.expected.figures["last_delivery"][1] < at + 180
    assert rest.expected.figures["last_result"][0] > rest.expected.figures["last_delivery"][0]
    run = simulate(take_up(plan, now(at, 1.0, lots=lots), habits).planned.day, habits)
    assert run.delivered[-4:].tolist() == [at - 20] * 4
    assert (run.loaded >= at).all()
    assert (run.picked[:7] >= at).all()


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 9),
    st.sampled_from([-20.0, 45.0, 200.0, 500.0]),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_more_is_swabbed_the_earlier_it_ends(
    seed: int, after: float, one: float, other: float
) -> None:
    plan, habits, _ = planned()
    less, more = sorted((one, other))
    ends = []
    for share in (less, more):
        taken = take_up(plan, now(OPENS + after, share), habits)
        run = simulate(taken.planned.day, taken.habits, seed=seed)
        ends.append(np.where(np.isnan(run.finish), OPENS + after, run.finish))
        assert (run.arrived >= OPENS + after).all()
    assert (ends[1] <= ends[0] + 1e-9).all()


def test_who_is_late_comes_now_but_for_the_usual_share() -> None:
    plan, habits, _ = planned()
    late = take_up(plan, now(OPENS + 2000), replace(habits, no_show=0.1))
    assert late.absent == pytest.approx(0.1 * len(plan.day.site), abs=len(plan.sites))
    assert late.to_come + late.absent == len(plan.day.site)
    assert late.habits.early_birds == 0
    late_day = late.planned.day
    assert set(late_day.slot.tolist()) == {OPENS + 2000}
    free = [Group(plan.sites[0].code, NAN, 40, 0)]
    spread = take_up(plan, now(OPENS + 60, groups=free), habits).planned.day.slot
    assert spread.min() == OPENS + 60
    assert spread.max() <= OPENS + 60 * habits.free_hours


def test_lanes_and_instruments_are_those_of_now() -> None:
    plan, habits, _ = planned()
    site, lab = plan.sites[0].code, plan.labs[0]
    busy = {lab: [OPENS + 400.0] * 99}
    given = now(
        OPENS + 60, 0.2, lanes={site: 9}, running=busy, groups=[*groups(0.2), Group("?", 0, 5, 0)]
    )
    taken = take_up(plan, given, habits)
    assert taken.planned.day.sites.lanes[0] == 9
    assert taken.planned.day.sites.lanes[1] == plan.sites[1].lanes
    run = simulate(taken.planned.day, taken.habits, seed=1)
    assert run.loaded[plan.day.sites.lab[run.tube_site] == 0].min() >= OPENS + 400


def test_what_helps_most_is_told_and_two_lanes_together_help_no_less() -> None:
    plan, habits, limits = planned()
    few = {site.code: 1 for site in plan.sites}
    taken = take_up(plan, now(OPENS + 90, 0.1, lanes=few), habits)
    rest = rest_of(taken, limits, runs=4, trials=4, seed=2)
    best = {one.code: one.figures["last_swab"][1] for one in reversed(rest.helps)}
    assert rest.helps[0].code == "lanes"
    assert [one.code for one in rest.helps].count("lanes") == 1
    assert len(set(str(rest.helps[0].params["places"]).split(","))) == 2
    assert best["lanes"] <= best["lane"] <= rest.expected.figures["last_swab"][2]
