"""Every written plan, planned: the nine presets, and what changing a number in one does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.campaigns import presets
from yingjian.campaigns.presets import Preset
from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Lab, Limit, Plan, PlanError, PlanProblem, Resources, Span
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.tests import cases
from yingjian.planning import lines, rules

CHINA = ZoneInfo("Asia/Shanghai")
START = datetime(2021, 1, 16, 7, tzinfo=CHINA)
WINDOW = {"school": 7, "shushan": 7}
PEOPLE = cases.county(7_409, 12, area="231183", home=0.01, single=0)
CODES = presets.codes()
SIMPLE = PlanParams(routed=False)


def problem(preset: Preset, *, days: float | None = None) -> PlanProblem:
    length = timedelta(days=days if days is not None else WINDOW.get(preset.code, 1))
    facts = rules.RoundFacts("r", "231183101", 1, 1, Span(START, START + length))
    labs = [Lab("L1", "县医院", 20_000, "231183", 106.4, 38.3)]
    return rules.problem_for(
        preset, facts, villages=PEOPLE[0], blocks=PEOPLE[1], labs=labs, resources=Resources(), tz=CHINA
    )  # fmt: skip


def changed(preset: Preset, path: str, **leaf: Any) -> Preset:
    """The preset with one leaf changed, as if a clerk had edited the file."""
    stored = presets.snapshot(preset)
    node = stored
    *way, last = path.split(".")
    for step in way:
        node = node[step]
    node[last] = {**node[last], **leaf}
    return presets.restore(stored)


def planned(preset: Preset, *, days: float | None = None, routed: bool = False) -> Plan:
    """Quickly, and with the simple timetable where the question is not of vehicles."""
    return make_plan(
        problem(preset, days=days), SIMPLE if not routed else PlanParams(), search=cases.QUICK
    )


def test_there_are_nine() -> None:
    assert len(CODES) == 9


@pytest.mark.parametrize("code", CODES)
def test_every_preset_plans_a_town_without_a_broken_rule(code: str) -> None:
    case = problem(presets.load(code))
    plan = make_plan(case, search=cases.QUICK)
    found = plan_checker.broken(plan_checker.check(case, plan))
    assert [f for f in found if f.level == "error"] == []
    assert plan.totals.people == 7_409


@pytest.mark.parametrize("code", CODES)
def test_people_per_site_changes_the_sites(code: str) -> None:
    preset = changed(presets.load(code), "sites.fixed_sites", value=None)
    preset = changed(preset, "sites.one_site_per_village", value=False)
    few = changed(preset, "sites.people_per_site", value=300, min=None, max=None)
    more = changed(preset, "sites.people_per_site", value=900, min=None, max=None)
    assert planned(few).totals.sites > planned(more).totals.sites


@pytest.mark.parametrize("code", CODES)
def test_a_stated_number_of_sites_is_kept(code: str) -> None:
    preset = changed(presets.load(code), "sites.fixed_sites", value=9)
    assert planned(preset).totals.sites == 9


@pytest.mark.parametrize("code", CODES)
def test_pool_size_changes_the_tubes(code: str) -> None:
    preset = presets.load(code)
    tubes = {}
    for size in (1, 10, 20):
        sized = changed(preset, "pool.sizes", value=[1, 5, 10, 20])
        tubes[size] = planned(changed(sized, "pool.default_size", value=size)).totals.tubes
    assert tubes[1] == 7_409
    assert tubes[1] > tubes[10] > tubes[20]
    assert tubes[10] >= 741


@pytest.mark.parametrize("code", CODES)
def test_the_delivery_deadline_changes_the_runs(code: str) -> None:
    preset = presets.load(code)
    slow = changed(preset, "clocks.deliver", value=8, unit="h", at=None)
    slow = changed(slow, "clocks.pick_up", value=6, unit="h", at=None)
    fast = changed(preset, "clocks.deliver", value=2, unit="h", at=None)
    fast = changed(fast, "clocks.pick_up", value=1, unit="h", at=None)
    oldest = [max(r.oldest_minutes for r in planned(p, routed=True).runs) for p in (slow, fast)]
    assert oldest[0] > oldest[1]


@pytest.mark.parametrize("code", CODES)
def test_the_finish_time_changes_the_days_and_the_verdict(code: str) -> None:
    preset = presets.load(code)
    tight = changed(preset, "rounds.finish", value=[{"up_to": None, "hours": 1.5}])
    if preset.school.slots.value:
        case = problem(tight)
        found = plan_checker.check(case, make_plan(case, SIMPLE, search=cases.QUICK))
        assert [f.level for f in found if f.code == "sampling_late"] == ["error"]
        return
    case = problem(tight)
    assert sum(day.minutes for day in case.days) == 90
    loose = changed(preset, "rounds.finish", value=[{"up_to": None, "hours": 72}])
    wide = problem(loose, days=3)
    assert len(wide.days) == 3
    assert wide.deadline == START + timedelta(hours=72)
    more, fewer = (
        make_plan(case, SIMPLE, search=cases.QUICK),
        make_plan(wide, SIMPLE, search=cases.QUICK),
    )
    assert more.forecast.sampling_ends < fewer.forecast.sampling_ends


def test_yilaha_as_it_was() -> None:
    """R20: 7,409 people, 15 sites, 30 samplers, 15 registrars, 741 tubes, delivered by 18:00."""
    plan = planned(presets.load("yilaha"))
    totals = plan.totals
    assert (totals.sites, totals.lanes, totals.tubes) == (15, 15, 741)
    assert {job: totals.staff[job] for job in ("sampler", "registrar", "police", "volunteer")} == {
        "sampler": 30, "registrar": 15, "police": 4, "volunteer": 178,
    }  # fmt: skip
    assert {item: totals.kit[item] for item in ("protective_suit", "face_shield", "n95")} == {
        "protective_suit": 178, "face_shield": 220, "n95": 360,
    }  # fmt: skip
    assert plan.sites[0].open == [Span(START, START.replace(hour=15))]
    assert plan.forecast.last_delivery is not None
    assert plan.forecast.last_delivery <= START.replace(hour=18)


def test_the_school_uses_its_own_halls_and_hours() -> None:
    plan = planned(presets.load("school"))
    assert [site.name for site in plan.sites] == ["主校区二期新学活一层", "第二校区东区礼堂"]
    hours = {(s.start.isoweekday(), s.start.hour) for site in plan.sites for s in site.open}
    assert hours <= {(2, 15), (5, 15), (2, 14), (6, 14)}


# --- reading a preset ----------------------------------------------------------------------------


def test_rules_keep_value_bounds_unit_and_origin() -> None:
    found = rules.rules_of(presets.load("mule"), population=7_409)
    assert found.get("sites.people_per_site") == Limit(1500, 1000.0, 1500.0, "person", "S4/ML R16")
    assert found.number("staffing.shift") == 240
    assert found.number("rounds.finish") == 48 * 60
    assert found.number("scope.general_rank") == 1
    assert found.table("staffing.lane") == {"sampler": 4, "registrar": 2, "guide": 2}
    assert found.get("scope.order").value is None, "ranks are no single value"
    assert found.text("sites.open_from") == "07:00"
    assert found.get("sites.zones").value
    assert rules.rules_of(presets.load("yilaha")).text("clocks.deliver") == "18:00"
    assert "money.price" not in found.by_path


def test_no_finish_time_means_no_deadline() -> None:
    case = problem(presets.load("street10in1"))
    assert case.deadline is None
    assert case.rules.number("rounds.finish") is None


def days(start: datetime, end: datetime, deadline: datetime | None = None) -> list[Span]:
    return rules.open_days(presets.load("yongning"), Span(start, end), deadline, CHINA)


def test_open_days_are_cut_by_window_deadline_and_opening_hours() -> None:
    assert days(START, START + timedelta(hours=36)) == [
        Span(START, START.replace(hour=19)),
        Span(START + timedelta(days=1), START + timedelta(hours=36)),
    ]
    late = START.replace(hour=10, minute=30, second=1)
    assert days(late, late + timedelta(hours=2))[0].start == late.replace(minute=31, second=0)
    assert days(START, START + timedelta(days=3), START + timedelta(hours=2)) == [
        Span(START, START + timedelta(hours=2))
    ]
    night = START.replace(hour=20)
    assert days(night, night + timedelta(hours=8)) == []


def test_a_window_at_night_is_refused_with_its_name() -> None:
    facts = rules.RoundFacts(
        "r", "231183101", 1, 1, Span(START.replace(hour=20), START.replace(hour=22))
    )
    with pytest.raises(PlanError) as caught:
        rules.problem_for(
            presets.load("yongning"), facts, villages=PEOPLE[0], blocks=PEOPLE[1], labs=[],
            resources=Resources(), tz=CHINA,
        )  # fmt: skip
    assert caught.value.code == "no_open_hours"
    with pytest.raises(PlanError) as caught:
        rules.problem_for(
            presets.load("yongning"), facts, villages=[], blocks=[], labs=[],
            resources=Resources(), tz=CHINA,
        )  # fmt: skip
    assert caught.value.code == "nobody"


def test_a_door_holds_what_one_lane_takes_in_a_slot() -> None:
    found = rules.rules_of(presets.load("mule"))
    assert rules.door_limit(found, rules.params_of({})) == 42
    assert rules.door_limit(found, rules.params_of({"load": 1.0, "slot_minutes": 10})) == 16


# --- options -------------------------------------------------------------------------------------


def test_options_change_parameters_and_resources() -> None:
    found = rules.choice_of(
        {"load": 1, "lanes": 3, "vehicles": 0, "seed": 7, "laboratories": ["L1"], "limit_to_staff": True}
    )  # fmt: skip
    assert (found.params.load, found.lanes, found.vehicles, found.seed) == (1.0, 3, 0, 7)
    assert found.laboratories == ("L1",)
    assert found.limit_to_staff
    assert rules.choice_of({}).laboratories is None


@pytest.mark.parametrize(
    "options",
    [
        {"load": 0},
        {"load": 1.5},
        {"load": "fast"},
        {"load": True},
        {"slot_minutes": 7.5},
        {"site_name": 3},
        {"lanes": 0},
        {"lanes": 1.5},
        {"vehicles": -1},
        {"seed": "x"},
        {"seed": True},
        {"limit_to_staff": 1},
        {"laboratories": "L1"},
        {"laboratories": [1]},
        {"laboratories": {"L1": 0}},
        {"laboratories": {"L1": "all"}},
        {"laboratories": {"L1": 10**30}},
        {"locks": {"a": ["stay"]}},
        {"locks": {"a": "shut"}},
        {"slot_minutes": 10**20},
        {"seed": 2**31},
        {"site_name": "{village}{floor}"},
        {"site_name": "{n.real}"},
        {"mobile_name": "{n:>999999999}"},
        {"mobile_name": "{"},
    ],
)
def test_bad_options_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(PlanError) as caught:
        rules.choice_of(options)
    assert caught.value.code == "bad_option"
    assert caught.value.params["option"] in options


def test_an_option_there_is_not_is_told_apart_from_a_bad_value() -> None:
    with pytest.raises(PlanError) as caught:
        rules.choice_of({"speed": 1})
    assert (caught.value.code, caught.value.params["option"]) == ("unknown_option", "speed")
    assert {"load", "lanes"} <= set(str(caught.value.params["known"]).split(", "))


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
    | st.sampled_from(["stay", "rain", "LineString", "Feature", "FeatureCollection", "{n}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "features", "geometry", "geometries", "coordinates", "least"])
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=9,
)


@given(
    st.dictionaries(
        st.sampled_from(sorted(rules.OWN_OPTIONS | {*PlanParams.__struct_fields__})),
        ANYTHING,
        max_size=3,
    )
)
def test_whatever_is_asked_is_read_or_refused_by_name(options: dict[str, Any]) -> None:
    refused = ""
    try:
        params = rules.choice_of(options).params
        assert isinstance(params.site_name.format(village="东村", n=1), str)
        assert timedelta(minutes=params.slot_minutes) > timedelta()
    except PlanError as error:
        refused = error.code
    assert refused in {"", "bad_option", *lines.BARRIERS, *lines.PATHS}


def test_a_district_gets_its_part_of_a_citys_laboratories() -> None:
    found = rules.choice_of({"laboratories": {"L2": 300, "L1": 900}})
    assert found.laboratories == ("L2", "L1")
    labs = [Lab("L2", "L2", 1_000), Lab("L1", "L1", 500), Lab("L3", "L3", 70)]
    told = rules.shared_labs(labs, found.lab_tubes)
    assert [lab.tubes_per_day for lab in told] == [300, 500, 70], "never more than it tests"


def test_condensing_keeps_every_breach_and_counts_what_holds() -> None:
    case = problem(presets.load("yilaha"))
    findings = plan_checker.check(case, make_plan(case, search=cases.QUICK))
    kept = rules.condensed(findings)
    told = [f for f in kept if f.level != "ok"]
    assert len(told) == len([f for f in findings if f.level != "ok"])
    held = sum(int(f.params["elements"]) for f in kept if f.level == "ok")
    assert held == len([f for f in findings if f.level == "ok"])
    assert len(kept) < len(findings) / 3
