"""A county's own paths in a plan: detours they force, bridges, slopes, and a judge who measures every door."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Plan, PlanProblem, plan_from_json, to_json
from yingjian.engines.plan.params import Path, PlanParams
from yingjian.engines.plan.points import question_of
from yingjian.engines.plan.sites import survey
from yingjian.engines.plan.tests import cases
from yingjian.engines.plan.walks import slowness

CELL = 0.0012
"""Degrees between two streets."""


def streets(problem: PlanProblem, *, comb: bool = False) -> tuple[Path, ...]:
    """A grid of streets under every house; as a comb they meet along one only, in the south."""
    lon = [b.lon for b in problem.blocks if b.lon is not None]
    lat = [b.lat for b in problem.blocks if b.lat is not None]
    xs = np.arange(min(lon) - CELL, max(lon) + 2 * CELL, CELL).round(5).tolist()
    ys = np.arange(min(lat) - CELL, max(lat) + 2 * CELL, CELL).round(5).tolist()
    ways: list[Path] = [tuple((x, y) for y in ys) for x in xs]
    across = ys[:1] if comb else ys
    return (*ways, *(tuple((x, y) for x in xs) for y in across))


def levels(problem: PlanProblem, plan: Plan) -> set[str]:
    return {f.code for f in plan_checker.check(problem, plan) if f.level == "error"}


def walks(problem: PlanProblem, plan: Plan) -> list[float]:
    """Longest walk of each site as the judge measures it, minutes."""
    return [
        float(f.measured or 0) for f in plan_checker.check(problem, plan) if f.code == "walk_far"
    ]


def test_a_plan_keeps_the_circle_along_the_streets() -> None:
    problem = cases.small()
    paths = streets(problem)
    plan = make_plan(problem, PlanParams(paths=paths), search=cases.QUICK)
    assert not levels(problem, plan)
    assert plan.siting.method == "certified"
    assert plan.totals.people == make_plan(problem, search=cases.QUICK).totals.people
    circle = problem.rules.number("sites.walking_circle")
    assert circle is not None
    assert max(walks(problem, plan)) <= circle
    assert plan_from_json(to_json(plan)) == plan


def test_streets_that_meet_in_one_place_only_need_more_sites() -> None:
    """Neighbours on two teeth of a comb are far from each other on foot."""
    problem = cases.small()
    grid, comb = (
        make_plan(problem, PlanParams(paths=streets(problem, comb=one)), search=cases.QUICK)
        for one in (False, True)
    )
    assert comb.siting.cost > grid.siting.cost
    assert not levels(problem, comb)


def test_the_judge_measures_along_the_paths_of_the_plan() -> None:
    """A plan for straight walks, held against the comb: it says who walks too far."""
    problem = cases.small()
    plan = make_plan(problem, search=cases.QUICK)
    other = msgspec.structs.replace(plan, params=PlanParams(paths=streets(problem, comb=True)))
    assert "certificate_of_other_question" in levels(problem, other)
    assert max(walks(problem, other)) > max(walks(problem, plan))


def test_a_street_the_houses_stand_on_leaves_distances_as_they_are() -> None:
    """Where the nearest street is further off than anybody goes, walks stay straight lines."""
    problem = cases.small()
    far = tuple((x + 1.0, y) for x, y, *_ in streets(problem)[0])
    plain = question_of(survey(problem), PlanParams())
    away = question_of(survey(problem), PlanParams(paths=(far,)))
    assert plain is not None
    assert away is not None
    assert away.problem.ways is not None
    assert plain.problem.ways is None
    metres = np.ceil(
        np.hypot(
            plain.problem.x[away.problem.ways.point] - plain.problem.site_x[away.problem.ways.site],
            plain.problem.y[away.problem.ways.point] - plain.problem.site_y[away.problem.ways.site],
        )
        * plain.problem.rules.detour
    )
    assert away.problem.ways.metres.tolist() == metres.tolist()
    assert len(metres) > plain.problem.points


def test_hills_make_walks_longer() -> None:
    problem = cases.small()
    flat = streets(problem)
    rng = np.random.default_rng(2)
    hills = tuple(tuple((x, y, float(rng.uniform(0, 60))) for x, y, *_ in line) for line in flat)
    level, steep = (
        question_of(survey(problem), PlanParams(paths=paths)) for paths in (flat, hills)
    )
    assert level is not None
    assert steep is not None
    assert level.problem.ways is not None
    assert steep.problem.ways is not None
    assert len(steep.problem.ways.metres) < len(level.problem.ways.metres)


@given(st.floats(-3, 3))
def test_slopes_never_shorten_a_way_and_level_ones_leave_it(slope: float) -> None:
    found = slowness(np.array([slope, 0.0, -slope]))
    assert found[1] == 1.0
    assert found[0] == pytest.approx(found[2])
    assert 0.98 <= found[0] <= math.exp(3.6)  # gently downhill is a little faster than level


def test_steeper_is_slower_beyond_a_gentle_slope() -> None:
    found = slowness(np.linspace(0.05, 1.0, 20)).tolist()
    assert all(a < b for a, b in itertools.pairwise(found))


def test_a_mobile_team_stops_where_people_walk_along_the_paths() -> None:
    """Two streets that never meet: whoever lives on one cannot walk to the other, 140 m away."""
    problem = cases.hamlet()
    streets = tuple(((x, 38.0), (x, 38.1)) for x in (106.1992, 106.2008))
    without = make_plan(problem, search=cases.QUICK)
    plan = make_plan(problem, PlanParams(paths=streets), search=cases.QUICK)
    assert plan.totals.mobile_visits > without.totals.mobile_visits
    circle = problem.rules.number("sites.walking_circle")
    assert circle is not None
    assert max(walks(problem, plan)) <= circle
    elsewhere = msgspec.structs.replace(without, params=plan.params)
    assert max(walks(problem, elsewhere)) > circle, "the other street is out of reach"
