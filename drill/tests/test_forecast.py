"""A plan's forecast and the drilled day: what is compared, and that two programs written apart tell the same day."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
import pytest

from drill import forecast, scenario
from drill.forecast import JUDGED, Met
from drill.lanes import Habits
from drill.tests import dry
from yingjian.engines.day.expected import Followed, expecting
from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import Forecast, Retest
from yingjian.engines.day.model import Habits as Assumed
from yingjian.engines.day.planned import Bench, days_of, habits_of, limits_of
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Plan, Team
from yingjian.engines.plan.tests import cases

DAYS = 12


@pytest.fixture(scope="module")
def made() -> tuple[Plan, Habits, Forecast]:
    """A plan of a small county, how people are assumed to behave, and its forecast."""
    problem = cases.problem(*cases.county(4_000, 6))
    plan, bench = make_plan(problem), Bench()
    assumed = habits_of(problem.rules, plan.params.slot_minutes, bench, Assumed())
    (day,) = days_of(plan, problem.rules, assumed, bench)
    stated = {**asdict(assumed), **{f"bench_{key}": value for key, value in asdict(bench).items()}}
    told = rehearse(day.day, assumed, limits=limits_of(problem.rules), runs=60, seed=0)
    return plan, Habits.stated(stated), told


def test_days_drilled_on_other_dice_lie_where_the_forecast_says(
    made: tuple[Plan, Habits, Forecast],
) -> None:
    plan, habits, told = made
    inside: Counter[str] = Counter()
    drilled: dict[str, list[float]] = {name: [] for name in JUDGED}
    for seed in range(DAYS):
        (figures,) = forecast.drilled(*dry.played(plan, seed, habits)).values()
        for name in JUDGED:
            one = Met("", name, told.figures[name], figures[name])
            inside[name] += one.inside
            drilled[name].append(one.drilled)
            assert one.near, (seed, one)
    # Nine of ten by its word; with chance one in a thousand fewer than seven of twelve.
    assert min(inside[name] for name in JUDGED) >= 7, inside
    for name in JUDGED:  # and the middle of both is the same, far within the interval
        low, middle, high = told.figures[name]
        assert abs(float(np.median(drilled[name])) - middle) < max(0.5 * (high - low), 2.0), name


@pytest.mark.parametrize("teams", [0, 1])
def test_rechecks_drilled_on_other_dice_take_as_long_as_forecast(
    made: tuple[Plan, Habits, Forecast], teams: int
) -> None:
    """Two laboratories for the single swabs, as in R72; as many teams as it takes, and one for all pools."""
    plan, habits, _ = made
    ready = [Team(f"E-{n}", "recheck", "640121", {}, 0, own=True) for n in range(teams)]
    plan, share = msgspec.structs.replace(plan, teams=ready), 0.002
    problem, bench = cases.problem(*cases.county(4_000, 6)), Bench()
    assumed = habits_of(problem.rules, plan.params.slot_minutes, bench, Assumed())
    (day,) = days_of(plan, problem.rules, assumed, bench)
    two = tuple(load.lab for load in plan.labs[:2])
    way = Followed(
        swabs=2, original=False, singles=True, teams_per_pool=1, reserve=dry.RESERVE,
        how=Retest(attack=0.0, specificity=1.0, sensitivity=1.0, dilution=1.0),
        to={site.area: two for site in plan.sites},
    )  # fmt: skip
    told = rehearse(
        expecting(day, plan, share, way, bench).day, assumed, limits=limits_of(problem.rules),
        runs=200, seed=0,
    )  # fmt: skip
    spread, inside, drilled = told.figures["retest_p95"], 0, []
    for seed in range(DAYS):
        *_, pools = dry.followed(plan, seed, habits, share)
        assert all(len(pool["laboratories"]) == 2 for pool in pools)
        ends = {"days": [{"on": "", "figures": {**told.figures, "retest_p95": spread}}]}
        met = {row["figure"]: row for row in forecast.retests(ends, pools)}
        inside += met["retest_p95"]["inside"]
        drilled.append(met["retest_p95"]["drilled"])
        assert met["retest_p95"]["near"], (seed, met)
        assert met["pools_positive"]["near"], (seed, met)
    assert inside >= 7, (spread, drilled)
    low, middle, high = spread
    assert abs(float(np.median(drilled)) - middle) < max(0.5 * (high - low), 2.0)


def test_a_day_on_which_people_come_otherwise_is_found_out(
    made: tuple[Plan, Habits, Forecast],
) -> None:
    plan, habits, told = made
    crowd = Habits(**{**asdict(habits), "early_birds": 0.4})
    (figures,) = forecast.drilled(*dry.played(plan, 1, crowd)).values()
    assert not Met("", "queue_p95", told.figures["queue_p95"], figures["queue_p95"]).near


def row(site: str, first: str, last: str, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "home": False,
        "late": False,
        "delivered_at": "2022-06-02T12:00:00+08:00",
    }
    told |= {"loaded_at": "2022-06-02T13:00:00+08:00", "released_at": "2022-06-03T02:30:00+08:00"}
    day = "2022-06-02T{}:00+08:00"
    told |= {"first_swab_at": day.format(first), "last_swab_at": day.format(last)}
    return {"site": site, **told, **more}


def test_figures_are_minutes_of_the_date_of_the_first_swab() -> None:
    rows = [
        row("A", "09:00", "09:10"), row("A", "10:00", "10:20"), row("B", "11:00", "11:30", home=True),
        row("B", "21:00", "21:30", late=True),
    ]  # fmt: skip
    found = forecast.drilled(rows, [])["2022-06-02"]
    assert found["last_swab"] == 10 * 60 + 20, (
        "doors are not the queue; the late are no part of a plan"
    )
    assert found["tube_age_p95"] == 180.0
    assert found["machine_age_p95"] == 240.0
    assert found["last_result"] == 26 * 60 + 30


def test_a_figure_out_of_its_interval_is_told_and_far_out_is_judged() -> None:
    spread = (90.0, 100.0, 110.0)
    found = [Met("", "queue_p95", spread, value) for value in (90.0, 110.0, 129.0, 131.0)]
    assert [one.inside for one in found] == [True, True, False, False]
    assert [one.near for one in found] == [True, True, True, False]


def test_positive_tubes_are_told_beside_their_forecast() -> None:
    figures = {"pools_positive": [4.0, 6.0, 9.0], "retest_p95": [150.0, 180.0, 220.0]}
    moment = "2022-06-02T{}:00+08:00"
    pools: list[dict[str, Any]] = [
        {"flagged_at": moment.format("20:00"), "resolved_at": moment.format("23:10")},
        {"flagged_at": moment.format("21:00"), "resolved_at": None},
    ]
    told = forecast.retests({"days": [{"on": "2022-06-02", "figures": figures}]}, pools)
    assert [(row["figure"], row["drilled"], row["inside"]) for row in told] == [
        ("pools_positive", 2.0, False), ("retest_p95", 190.0, True)
    ]  # fmt: skip
    assert forecast.retests({"days": [{"on": "2022-06-02", "figures": {}}]}, pools) == []


def test_the_forecast_is_asked_with_the_scenarios_positives() -> None:
    class World:
        scenario = scenario.load("yongning", people=4_000, seeded=scenario.Seeded(positives=4))

    assert forecast.infected(World()) == 10.0  # type: ignore[arg-type]


def test_a_scenario_that_leaves_its_plan_is_told_not_judged() -> None:
    class World:
        scenario = scenario.load("yilaha")

    assert len(forecast.departs(World())) == 4  # type: ignore[arg-type]
    World.scenario = scenario.load("yongning")
    assert forecast.departs(World()) == []  # type: ignore[arg-type]
