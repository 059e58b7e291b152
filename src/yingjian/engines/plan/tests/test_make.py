"""The planner: everybody once, rules of number kept, always an answer."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan import geo as plan_geo
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import (
    Block,
    Lab,
    Limit,
    Place,
    Plan,
    PlanError,
    PlanProblem,
    Resources,
    Span,
    Village,
    plan_from_json,
    problem_from_json,
    to_json,
)
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.tests import cases


def errors(problem: PlanProblem, plan: Plan) -> dict[str, int]:
    found: dict[str, int] = {}
    for finding in plan_checker.check(problem, plan):
        if finding.level == "error":
            found[finding.code] = found.get(finding.code, 0) + 1
    return found


# --- a town and a county -------------------------------------------------------------------------


def test_a_town_is_planned_without_a_broken_rule() -> None:
    problem = cases.small()
    plan = make_plan(problem, search=cases.QUICK)
    assert errors(problem, plan) == {}
    assert plan.totals.people == 5_000
    assert plan.totals.lab_shortage == 0
    assert all(site.people <= 1500 for site in plan.sites)
    assert all(site.walkers <= 500 * site.lanes for site in plan.sites)


def test_a_county_of_many_towns_is_planned_without_a_broken_rule() -> None:
    problem = cases.problem(*cases.county(40_000, 24, towns=9))
    plan = make_plan(problem, search=cases.QUICK)
    assert errors(problem, plan) == {}
    assert plan.totals.people == 40_000


def test_a_fixed_number_of_sites_leaves_one_tube_not_full() -> None:
    """Yilaha (R20): 7,409 people, 15 sites, 2 samplers and 1 registrar each, 741 tubes."""
    villages, blocks = cases.county(7_409, 12, area="231183", single=0)
    book = cases.rules(
        sites__fixed_sites=15,
        sites__people_per_site=Limit(value=494, unit="person", origin="S4/YL R20"),
        sites__people_per_lane=Limit(value=494, unit="person", origin="default assumption"),
        sites__lane_per_hour=62,
        staffing__round__sampler=30,
        staffing__round__registrar=15,
        staffing__round__volunteer=178,
        staffing__shift=480,
        staffing__shift_pattern="A",
        staffing__rotation=None,
        clocks__pick_up=None,
        clocks__deliver=Limit(value="18:00", unit="at", origin="S4/YL R61"),
    )
    problem = cases.problem(villages, blocks, book=book, hours=8)
    plan = make_plan(problem, search=cases.QUICK)
    assert errors(problem, plan) == {}
    assert plan.totals.sites == 15
    assert plan.totals.lanes == 15
    assert (plan.totals.tubes, plan.totals.tubes_full, plan.totals.tubes_part) == (741, 740, 1)
    assert plan.totals.staff["sampler"] == 30
    assert plan.totals.staff["registrar"] == 15
    assert plan.totals.staff["volunteer"] == 178
    assert plan.totals.standby == {}, "a stated roster leaves nobody over for teams of their own"
    assert plan.forecast.last_delivery is not None
    assert plan.forecast.last_delivery <= cases.START.replace(hour=18)


def test_small_villages_share_a_site_with_the_nearest_in_their_town() -> None:
    villages = [
        Village("640121100201", "甲", 106.200, 38.200),
        Village("640121100202", "乙", 106.203, 38.200),
        Village("640121100203", "丙", 106.300, 38.300),
        Village("640121101201", "丁", 106.2001, 38.2001),
    ]
    blocks = [
        Block(f"h{i:032x}", village.area, 2, pool=4)
        for i, village in enumerate(v for v in villages for _ in range(100))
    ]
    plan = make_plan(cases.problem(villages, blocks), search=cases.QUICK)
    served = sorted(tuple(share.area for share in site.villages) for site in plan.sites)
    assert served == [
        ("640121100201", "640121100202"),
        ("640121100203",),
        ("640121101201",),
    ], "beyond the walking circle, or in another town, a village keeps its own site"


def test_without_places_small_villages_of_a_town_still_share() -> None:
    villages, blocks = cases.county(900, 6, places=False)
    problem = cases.problem(villages, blocks)
    plan = make_plan(problem, search=cases.QUICK)
    assert plan.totals.sites == 1
    assert errors(problem, plan) == {}
    codes = {f.code for f in plan_checker.check(problem, plan)}
    assert "no_coordinates" in codes


def test_one_site_per_village_grows_by_groups() -> None:
    """Shushan (R18): one site per village, a group for every 5,000."""
    villages, blocks = cases.county(24_000, 2, seed=3)
    book = cases.rules(
        sites__one_site_per_village=True,
        sites__people_per_group=Limit(value=5000, high=5000, origin="S4/SS R18"),
        sites__people_per_site=5000,
        sites__people_per_lane=5000,
        pool__default_size=1,
        rounds__finish=7 * 1440,
    )
    problem = cases.problem(villages, blocks, book=book, hours=10, days=7)
    plan = make_plan(problem, search=cases.QUICK)
    assert errors(problem, plan) == {}
    assert plan.totals.sites == 2
    assert sum(site.groups for site in plan.sites) == sum(
        math.ceil(site.people / 5000) for site in plan.sites
    )
    assert max(len(site.open) for site in plan.sites) > 1, "it takes several days"
    assert plan.totals.tubes == 24_000


def test_places_named_by_the_plan_have_their_own_hours() -> None:
    villages, blocks = cases.county(400, 1)
    afternoon = [
        Span(cases.START.replace(hour=15), cases.START.replace(hour=15, minute=30)),
        Span(cases.START.replace(hour=14), cases.START.replace(hour=17)),
    ]
    problem = cases.problem(villages, blocks, book=cases.rules(sites__fixed_sites=2))
    problem = msgspec.structs.replace(
        problem, places=[Place("甲楼", [afternoon[0]]), Place("乙堂", [afternoon[1]])]
    )
    plan = make_plan(problem, search=cases.QUICK)
    assert errors(problem, plan) == {}
    assert [site.name for site in plan.sites] == ["甲楼", "乙堂"]
    assert [site.open for site in plan.sites] == [[span] for span in afternoon]
    assert plan.sites[0].lanes > plan.sites[1].lanes


# --- rules change the plan -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "total", "grows"),
    [
        ({"sites__people_per_site": 500}, "sites", True),
        ({"sites__people_per_lane": 200}, "lanes", True),
        ({"sites__lane_per_hour": 30}, "lanes", True),
        ({"pool__default_size": 5}, "tubes", True),
        ({"pool__default_size": 20}, "tubes", False),
        ({"clocks__pick_up": 60}, "runs", True),
        ({"staffing__site__disinfector": 5}, "staff_total", True),
        ({"transport__box_tubes": 3}, "boxes", True),
    ],
)
def test_a_changed_rule_changes_the_plan(
    change: dict[str, object], total: str, grows: bool
) -> None:
    villages, blocks = cases.county(5_000, 6)
    before = make_plan(cases.problem(villages, blocks), search=cases.QUICK)
    after = make_plan(
        cases.problem(villages, blocks, book=cases.rules(**change)), search=cases.QUICK
    )
    one, two = getattr(before.totals, total), getattr(after.totals, total)
    assert (two > one) is grows
    assert one != two


def test_a_shorter_day_needs_more_lanes() -> None:
    villages, blocks = cases.county(5_000, 6)
    book = cases.rules(sites__people_per_lane=None)
    long = make_plan(cases.problem(villages, blocks, book=book, hours=12), search=cases.QUICK)
    short = make_plan(cases.problem(villages, blocks, book=book, hours=3), search=cases.QUICK)
    assert short.totals.lanes > long.totals.lanes
    assert short.forecast.sampling_ends < long.forecast.sampling_ends


# --- order, queue, home --------------------------------------------------------------------------


def test_key_groups_come_first_and_households_together() -> None:
    plan = make_plan(cases.small(), search=cases.QUICK)
    for site in plan.sites:
        if site.kind == "mobile":  # from hamlet to hamlet; within each, key groups first
            continue
        best = [slot.best_rank for slot in site.slots]
        assert best == sorted(best)
    keys = [key for site in plan.sites for slot in site.slots for key in slot.blocks]
    assert len(keys) == len(set(keys))


def test_an_empty_slot_drains_the_queue_and_nobody_waits_beyond_the_limit() -> None:
    plan = make_plan(cases.small(), search=cases.QUICK)
    assert max(slot.wait for site in plan.sites for slot in site.slots) <= 30


def test_people_at_home_are_on_a_list_and_never_in_a_slot() -> None:
    blocks = [
        Block("h" + "1" * 32, "640121100201", 1, home_single=1),
        Block("h" + "2" * 32, "640121100201", 2, pool=2, home_pool=1),
    ]
    problem = cases.problem([Village("640121100201", "甲")], blocks)
    plan = make_plan(problem, search=cases.QUICK)
    (site,) = plan.sites
    assert [key for slot in site.slots for key in slot.blocks] == ["h" + "2" * 32]
    assert [visit.key for visit in site.home] == ["h" + "1" * 32, "h" + "2" * 32]
    assert [team.doors for team in plan.teams if team.kind == "home"] == [2]
    assert errors(problem, plan) == {}


def test_everybody_at_home_still_gets_a_station_and_a_pick_up() -> None:
    problem = cases.problem(
        [Village("640121100201", "甲")], [Block("h" + "1" * 32, "640121100201", home_pool=3)]
    )
    plan = make_plan(problem, search=cases.QUICK)
    assert plan.sites[0].lanes == 1
    assert plan.sites[0].slots == []
    assert plan.runs
    assert errors(problem, plan) == {}


# --- never no answer -----------------------------------------------------------------------------


def test_one_person_is_a_plan() -> None:
    problem = cases.problem(
        [Village("640121100201", "甲")], [Block("p" + "1" * 32, "640121100201", pool=1)]
    )
    plan = make_plan(problem, search=cases.QUICK)
    assert errors(problem, plan) == {}
    assert (plan.totals.sites, plan.totals.lanes, plan.totals.tubes) == (1, 1, 1)


def test_no_laboratory_still_plans_and_names_the_shortage() -> None:
    villages, blocks = cases.county(900, 2)
    problem = cases.problem(villages, blocks, labs=[])
    plan = make_plan(problem, search=cases.QUICK)
    found = errors(problem, plan)
    assert found["no_laboratory"] == 1
    assert found["lab_short"] == len(plan.sites)
    assert plan.totals.lab_shortage == plan.totals.tubes
    assert plan.forecast.last_result is None
    assert plan.runs, "tubes are collected even so"


def test_a_laboratory_too_small_takes_what_it_can() -> None:
    villages, blocks = cases.county(3_000, 3)
    problem = cases.problem(villages, blocks, labs=[Lab("L1", "小", 100), Lab("L2", "停", 0)])
    plan = make_plan(problem, search=cases.QUICK)
    assert sum(share.tubes for share in plan.shares) == 100
    assert {share.lab for share in plan.shares} == {"L1"}
    assert plan.totals.lab_shortage == plan.totals.tubes - 100


def test_too_few_staff_keeps_everybody_and_names_the_queue() -> None:
    villages, blocks = cases.county(3_000, 2)
    problem = cases.problem(
        villages, blocks, hours=3, resources=Resources(lanes=2, vehicles=1, staff={"sampler": 4})
    )
    plan = make_plan(problem, search=cases.QUICK)
    found = errors(problem, plan)
    assert found["queue"] >= 1
    assert "not_called" not in found
    assert plan.totals.walkers == sum(b.walkers for b in blocks)


def test_a_household_larger_than_a_site_is_not_torn_apart() -> None:
    blocks = [Block("h" + "1" * 32, "640121100201", pool=1600)]
    problem = cases.problem([Village("640121100201", "甲")], blocks)
    plan = make_plan(problem, search=cases.QUICK)
    assert len(plan.sites) == 1
    found = plan_checker.broken(plan_checker.check(problem, plan))
    capacity = [f for f in found if f.code == "site_capacity"]
    assert [f.level for f in capacity] == ["warning"]
    assert capacity[0].over == 100


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (cases.problem([], []), "nobody"),
        (cases.problem([], [Block("h1", "640121100201")]), "nobody"),
        (
            msgspec.structs.replace(
                cases.problem([], [Block("h1", "640121100201", pool=1)]), days=[]
            ),
            "no_open_hours",
        ),
        (cases.problem([], [Block("h1", "64012A", pool=1)]), "bad_area"),
        (
            cases.problem(
                [], [Block("h1", "640121", pool=1)], book=cases.rules(pool__default_size=0)
            ),
            "rule_missing",
        ),
        (
            cases.problem(
                [],
                [Block(f"h{n}", "640121100201", pool=2) for n in range(1001)],
                book=cases.rules(sites__people_per_site=2, sites__merge_small_villages=False),
            ),
            "too_many_sites",
        ),
    ],
)
def test_what_cannot_be_planned_has_a_name(problem: PlanProblem, code: str) -> None:
    with pytest.raises(PlanError) as caught:
        make_plan(problem, search=cases.QUICK)
    assert caught.value.code == code


# --- a value -------------------------------------------------------------------------------------


def test_plan_and_problem_survive_json() -> None:
    problem = cases.small()
    plan = make_plan(problem, search=cases.QUICK)
    assert plan_from_json(to_json(plan)) == plan
    again = problem_from_json(to_json(problem))
    assert again == problem
    assert again.digest() == problem.digest()


def test_json_of_another_make_is_refused() -> None:
    text = to_json(make_plan(cases.small(), search=cases.QUICK))
    with pytest.raises(PlanError) as caught:
        plan_from_json(text.replace(b'"schema":1', b'"schema":2'))
    assert caught.value.code == "unknown_schema"
    with pytest.raises(PlanError) as caught:
        plan_from_json(b'{"schema":1}')
    assert caught.value.code == "bad_plan"
    with pytest.raises(PlanError) as caught:
        problem_from_json(b"[]")
    assert caught.value.code == "bad_problem"
    problem = to_json(cases.small())
    with pytest.raises(PlanError) as caught:
        problem_from_json(problem.replace(b'"schema":1', b'"schema":9'))
    assert caught.value.code == "unknown_schema"


def test_the_order_of_the_input_does_not_matter_much_and_the_same_input_gives_the_same_plan() -> (
    None
):
    problem = cases.small()
    assert to_json(make_plan(problem, search=cases.QUICK)) == to_json(
        make_plan(problem, search=cases.QUICK)
    )
    turned = msgspec.structs.replace(problem, blocks=problem.blocks[::-1])
    assert (
        make_plan(turned, search=cases.QUICK).sites == make_plan(problem, search=cases.QUICK).sites
    )


# --- properties ----------------------------------------------------------------------------------

blocks_of = st.lists(
    st.builds(
        lambda n, area, rank, counts: Block(
            key=f"h{n:032x}",
            area=f"640121{100 + area % 2:03d}{200 + area:03d}",
            rank=rank,
            pool=counts[0],
            single=counts[1],
            household=counts[2],
            home_pool=counts[3],
            home_single=counts[4],
            lon=106.2 + area * 0.01,
            lat=38.2,
        ),
        n=st.integers(0, 1 << 60),
        area=st.integers(0, 5),
        rank=st.integers(0, 3),
        counts=st.tuples(*[st.integers(0, 7)] * 5),
    ),
    min_size=1,
    max_size=150,
    unique_by=lambda block: block.key,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    blocks=blocks_of,
    per_site=st.integers(20, 300),
    per_lane=st.integers(10, 300),
    size=st.sampled_from([1, 5, 10, 20]),
    fixed=st.none() | st.integers(1, 12),
    hours=st.sampled_from([0.5, 3, 12]),
    days=st.integers(1, 3),
)
def test_everybody_exactly_once_whatever_the_rules(
    *,
    blocks: list[Block],
    per_site: int,
    per_lane: int,
    size: int,
    fixed: int | None,
    hours: float,
    days: int,
) -> None:
    book = cases.rules(
        sites__people_per_site=Limit(value=per_site, unit="person", origin="S4/ML R16"),
        sites__people_per_lane=per_lane,
        sites__fixed_sites=fixed,
        pool__default_size=size,
    )
    problem = cases.problem([], blocks, book=book, hours=hours, days=days)
    if not any(block.people for block in blocks):
        with pytest.raises(PlanError):
            make_plan(problem, search=cases.QUICK)
        return
    plan = make_plan(problem, search=cases.QUICK)
    called = [key for site in plan.sites for slot in site.slots for key in slot.blocks]
    visited = [visit.key for site in plan.sites for visit in site.home]
    assert sorted(called) == sorted(b.key for b in blocks if b.walkers)
    assert sorted(visited) == sorted(b.key for b in blocks if b.home)
    if fixed is None:
        outside = {told.site for told in plan.siting.outside}
        assert all(
            site.walkers <= per_site
            or len({*called_at(site), *homes_at(site)}) == 1
            or site.code in outside
            for site in plan.sites
        )
    never = {
        "missed", "called_twice", "total", "site_sum", "tube_count", "code_form", "code_twice",
        "lane_staff", "double_shift", "kit_short", "pick_up_gap", "not_collected", "run_sum",
        "lab_double", "vehicle_twice", "slot_closed", "slot_overlap", "key_groups_late",
        "delivery_late", "village_missed", "boxes_short",
    }  # fmt: skip
    assert not never & set(errors(problem, plan))


def called_at(site: object) -> list[str]:
    return [key for slot in site.slots for key in slot.blocks]  # type: ignore[attr-defined]


def homes_at(site: object) -> list[str]:
    return [visit.key for visit in site.home]  # type: ignore[attr-defined]


@given(
    sizes=st.lists(st.integers(0, 9), max_size=80),
    bins=st.lists(st.integers(0, 40), min_size=1, max_size=12),
)
def test_packing_loses_nobody_and_overflows_only_when_it_must(
    sizes: list[int], bins: list[int]
) -> None:
    filled = plan_geo.pack(sizes, bins)
    assert len(filled) == len(bins)
    assert sorted(i for group in filled for i in group) == [i for i, s in enumerate(sizes) if s]


def test_packing_into_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no bins"):
        plan_geo.pack([1], [])
    assert plan_geo.pack([], []) == []


def test_packing_lets_nobody_overtake_a_better_rank() -> None:
    assert plan_geo.pack([3, 3, 1], [4, 4], ranks=[1, 1, 2]) == [[0], [1, 2]]
    assert plan_geo.pack([3, 3, 1], [4, 4], ranks=[1, 1, 1]) == [[0, 2], [1]]


def test_the_curve_keeps_neighbours_near() -> None:
    side = 16
    lon, lat = (axis.ravel().astype(float) for axis in np.mgrid[0:side, 0:side])
    order = np.argsort(plan_geo.curve(lon, lat))
    steps = np.hypot(np.diff(lon[order]), np.diff(lat[order]))
    assert steps.max() < 4
    assert (steps == 1).mean() > 0.9
    assert len(set(plan_geo.curve(lon, lat).tolist())) == side * side


def test_unknown_and_equal_places_are_no_obstacle() -> None:
    nan = np.array([np.nan, 1.0, 1.0])
    assert plan_geo.curve(nan, nan).tolist() == [0, 0, 0]
    assert plan_geo.curve(np.array([np.nan]), np.array([np.nan])).tolist() == [0]


def test_distance() -> None:
    """A degree of latitude is 111.2 km."""
    assert plan_geo.km((106.0, 38.0), (106.0, 39.0)) == pytest.approx(111.195, abs=0.01)


# --- transport -----------------------------------------------------------------------------------


def test_a_far_site_is_delivered_late_and_said_so() -> None:
    villages = [Village("640121100201", "远", 110.0, 38.2)]
    blocks = [Block(f"h{n:032x}", "640121100201", 2, pool=3) for n in range(300)]
    problem = cases.problem(villages, blocks, labs=cases.LABS[:1])
    plan = make_plan(problem, search=cases.QUICK)
    found = errors(problem, plan)
    assert found["delivery_late"] == 1
    assert "vehicle_twice" not in found, "more vehicles take turns on a long way"
    assert len({run.vehicle for run in plan.runs}) > 1


def test_pick_ups_follow_the_interval_and_end_after_closing() -> None:
    problem = cases.small()
    plan = make_plan(problem, search=cases.QUICK)
    for site in plan.sites:
        calls = sorted(s.at for run in plan.runs for s in run.stops if s.site == site.code)
        marks = [site.open[0].start, *calls]
        gaps = [b - a for a, b in pairwise(marks)]
        assert max(gaps) <= timedelta(hours=2)
        assert calls[-1] >= site.open[0].end


@pytest.mark.parametrize(
    ("method", "lab"),
    [("named_laboratory", "L1"), ("by_area", "L2"), ("by_capacity", "L1")],
)
def test_laboratories_are_chosen_as_the_preset_says(method: str, lab: str) -> None:
    blocks = [Block(f"h{n:032x}", "640121100201", 2, pool=3) for n in range(300)]
    labs = [
        Lab("L1", "甲", 10_000, "640100", 106.20, 38.20),
        Lab("L2", "乙", 9_000, "640121", 106.90, 38.90),
    ]
    problem = cases.problem(
        [Village("640121100201", "甲", 106.2, 38.2)],
        blocks,
        book=cases.rules(laboratory__allocation=method),
        labs=labs,
    )
    assert {share.lab for share in make_plan(problem, search=cases.QUICK).shares} == {lab}


def test_parameters_shape_the_plan() -> None:
    problem = cases.small()
    quick = make_plan(problem, PlanParams(load=0.5), search=cases.QUICK)
    slow = make_plan(problem, PlanParams(load=1.0), search=cases.QUICK)
    assert quick.forecast.sampling_ends > slow.forecast.sampling_ends
    assert quick.params.load == 0.5
