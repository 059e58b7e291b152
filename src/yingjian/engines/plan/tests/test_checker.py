"""The judge: a good plan passes, every planted fault is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import (
    Limit,
    Plan,
    PlanProblem,
    plan_from_json,
    to_json,
)
from yingjian.engines.plan.tests import cases

Document = dict[str, Any]


@cache
def good() -> tuple[PlanProblem, Plan]:
    """A town of 5,000 and its plan. Its hosts are wide enough for every kind of fault."""
    book = cases.rules(
        sites__people_per_site=Limit(value=1200, low=100, high=1200, origin="S4/ML R16"),
        sites__people_per_group=Limit(value=900, origin="S4/SS R18"),
        sites__walking_circle=90,
        kits__round__n95=360,
        staffing__round__police=9,
        staffing__rest=120,
        laboratory__support_threshold=0.9,
        clocks__key_groups_finish=120,
    )
    problem = cases.problem(*cases.county(5_000, 6, seed=5), book=book)
    return problem, make_plan(problem, search=cases.QUICK)


def levels(problem: PlanProblem, plan: Plan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in plan_checker.check(problem, plan):
        found.setdefault(finding.code, set()).add(finding.level)
    return found


def test_a_good_plan_has_neither_error_nor_warning() -> None:
    findings = plan_checker.check(*good())
    assert plan_checker.broken(findings) == []
    assert plan_checker.summary(findings)["ok"] > 300


def test_each_finding_names_rule_value_and_origin() -> None:
    findings = plan_checker.check(*good())
    capacity = [f for f in findings if f.code == "site_capacity"]
    assert len(capacity) == len(good()[1].sites)
    assert {(f.path, f.value, f.origin, tuple(f.rules)) for f in capacity} == {
        ("sites.people_per_site", 1200, "S4/ML R16", ("R16",))
    }
    assert all(isinstance(f.measured, int | float) and f.measured <= 1200 for f in capacity)


def test_every_element_is_judged() -> None:
    problem, plan = good()
    judged = {f.element for f in plan_checker.check(problem, plan)}
    for site in plan.sites:
        assert f"site:{site.code}" in judged
        assert all(f"station:{station.code}" in judged for station in site.stations)
    assert {f"vehicle:{run.vehicle}" for run in plan.runs} <= judged
    assert {f"lab:{lab.code}" for lab in problem.labs} <= judged
    assert {f"village:{v.area}" for v in problem.villages} <= judged


# --- planted faults ------------------------------------------------------------------------------


def later(text: str, minutes: float) -> str:
    return (datetime.fromisoformat(text) + timedelta(minutes=minutes)).isoformat()


def busiest(plan: Document) -> Document:
    return max(plan["sites"], key=lambda site: len(site["stations"]))


def move_slots(plan: Document) -> None:
    """Everybody else's households into the first site's first slot, its own numbers unchanged."""
    first, *others = plan["sites"]
    for site in others:
        for slot in site["slots"]:
            first["slots"][0]["blocks"] += slot["blocks"]
        site["slots"] = []


def drop_site(plan: Document) -> None:
    plan["sites"].pop(0)


def drop_block(plan: Document) -> None:
    plan["sites"][0]["slots"][0]["blocks"].pop()


def double_block(plan: Document) -> None:
    site = plan["sites"][0]
    site["slots"][1]["blocks"].append(site["slots"][0]["blocks"][0])


def strange_block(plan: Document) -> None:
    plan["sites"][0]["slots"][0]["blocks"].append("h" + "0" * 32)


def home_to_site(plan: Document) -> None:
    problem = good()[0]
    only_home = next(b.key for b in problem.blocks if b.home and not b.walkers)
    for site in plan["sites"]:
        site["home"] = [v for v in site["home"] if v["key"] != only_home]
    plan["sites"][0]["slots"][0]["blocks"].append(only_home)


def home_forgotten(plan: Document) -> None:
    next(site for site in plan["sites"] if site["home"])["home"].pop()


def home_twice(plan: Document) -> None:
    site = next(site for site in plan["sites"] if site["home"])
    site["home"].append(copy.deepcopy(site["home"][0]))


def visit_of_walkers(plan: Document) -> None:
    problem = good()[0]
    well = next(b.key for b in problem.blocks if b.walkers and not b.home)
    plan["sites"][0]["home"].append(
        {"key": well, "people": 1, "start": plan["sites"][0]["open"][0]["start"]}
    )


def household_apart(plan: Document) -> None:
    problem = good()[0]
    mixed = {b.key for b in problem.blocks if b.walkers and b.home}
    for site in plan["sites"]:
        for visit in site["home"]:
            if visit["key"] in mixed:
                site["home"].remove(visit)
                other = next(s for s in plan["sites"] if s["code"] != site["code"])
                other["home"].append(visit)
                return


def lanes_away(plan: Document) -> None:
    busiest(plan)["stations"] = busiest(plan)["stations"][:1]


def no_lanes(plan: Document) -> None:
    plan["sites"][0]["stations"] = []


def slot_at_night(plan: Document) -> None:
    slot = plan["sites"][0]["slots"][0]
    slot["start"], slot["end"] = later(slot["start"], -120), later(slot["end"], -120)


def slots_on_top(plan: Document) -> None:
    one, two = plan["sites"][0]["slots"][:2]
    two["start"] = later(one["start"], 10)


def open_longer(plan: Document) -> None:
    span = plan["sites"][0]["open"][0]
    span["end"] = later(span["end"], 60)


def visit_at_night(plan: Document) -> None:
    site = next(site for site in plan["sites"] if site["home"])
    site["home"][0]["start"] = later(site["open"][0]["end"], 60)


def crowd(plan: Document) -> None:
    """Four slots' people at once."""
    site = plan["sites"][0]
    for _ in range(3):
        site["slots"][0]["blocks"] += site["slots"][1]["blocks"]
        site["slots"][0]["people"] += site["slots"][1]["people"]
        site["slots"].pop(1)


def wait_hidden(plan: Document) -> None:
    plan["sites"][0]["slots"][0]["tail"] /= 2


def wait_smoothed(plan: Document) -> None:
    plan["sites"][0]["slots"][0]["mean"] += 3


def key_groups_last(plan: Document) -> None:
    site = plan["sites"][0]
    first, last = site["slots"][0], site["slots"][-1]
    first["blocks"], last["blocks"] = last["blocks"], first["blocks"]


def wrong_sum(plan: Document) -> None:
    plan["sites"][0]["villages"][0]["people"] += 1


def slot_sum(plan: Document) -> None:
    plan["sites"][0]["slots"][0]["people"] += 1


def tube_less(plan: Document) -> None:
    plan["sites"][0]["tubes"]["pool"] -= 1


def single_pooled(plan: Document) -> None:
    site = next(site for site in plan["sites"] if site["tubes"]["single"])
    site["tubes"]["single"] -= 1


def station_without_tubes(plan: Document) -> None:
    plan["sites"][0]["stations"][0]["tubes"] = 0


def box_less(plan: Document) -> None:
    plan["sites"][0]["stations"][0]["boxes"].pop()


def site_code_short(plan: Document) -> None:
    plan["sites"][0]["code"] = plan["sites"][0]["code"][:-1]


def site_code_of_elsewhere(plan: Document) -> None:
    plan["sites"][0]["area"] = "110101001001"


def site_code_twice(plan: Document) -> None:
    plan["sites"][1]["code"] = plan["sites"][0]["code"]


def station_code_foreign(plan: Document) -> None:
    plan["sites"][0]["stations"][0]["code"] = "9" * 17


def station_code_twice(plan: Document) -> None:
    stations = busiest(plan)["stations"]
    stations[1]["code"] = stations[0]["code"]


def box_code_garbled(plan: Document) -> None:
    boxes = plan["sites"][0]["stations"][0]["boxes"]
    boxes[0] = boxes[0][:-1] + str((int(boxes[0][-1]) + 1) % 10)


def box_code_of_other_round(plan: Document) -> None:
    boxes = plan["sites"][0]["stations"][0]["boxes"]
    boxes[0] = boxes[0][:19] + "77" + boxes[0][21:]


def box_code_twice(plan: Document) -> None:
    boxes = plan["sites"][0]["stations"][0]["boxes"]
    boxes[1] = boxes[0]


def sampler_gone(plan: Document) -> None:
    posts = plan["sites"][0]["posts"]
    posts.remove(next(post for post in posts if post["job"] == "sampler"))


def shift_hole(plan: Document) -> None:
    post = next(p for p in plan["sites"][0]["posts"] if p["job"] == "registrar")
    post["end"] = later(post["end"], -30)


def double_shift(plan: Document) -> None:
    posts = [p for p in plan["sites"][0]["posts"] if p["job"] == "sampler"]
    first = next(p for p in posts if p["team"] == "A")
    then = next(p for p in posts if p["team"] == "B" and p["station"] == first["station"])
    then["seat"] = first["seat"]


def no_rest(plan: Document) -> None:
    posts = [p for p in plan["sites"][0]["posts"] if p["job"] == "sampler"]
    own = sorted((p for p in posts if p["seat"] == posts[0]["seat"]), key=lambda p: p["start"])
    own[1]["start"] = later(own[0]["end"], 30)


def shift_too_long(plan: Document) -> None:
    post = next(p for p in plan["sites"][0]["posts"] if p["job"] == "registrar")
    post["end"] = later(post["end"], 60)


def two_places(plan: Document) -> None:
    stations = busiest(plan)["stations"]
    posts = [p for p in busiest(plan)["posts"] if p["job"] == "sampler" and p["team"] == "A"]
    here = next(p for p in posts if p["station"] == stations[0]["code"])
    there = next(p for p in posts if p["station"] == stations[1]["code"])
    there["seat"] = here["seat"]


def two_jobs(plan: Document) -> None:
    posts = plan["sites"][0]["posts"]
    lead = next(p for p in posts if p["job"] == "site_lead")
    next(p for p in posts if p["job"] == "disinfector")["seat"] = lead["seat"]


def post_at_night(plan: Document) -> None:
    post = next(p for p in plan["sites"][0]["posts"] if p["job"] == "site_lead")
    post["end"] = later(post["end"], 60)


def post_at_no_site(plan: Document) -> None:
    plan["sites"][0]["posts"][0]["site"] = "1" * 15


def post_at_no_station(plan: Document) -> None:
    plan["sites"][0]["posts"][0]["station"] = "1" * 17


def lead_gone(plan: Document) -> None:
    site = plan["sites"][0]
    site["posts"] = [p for p in site["posts"] if p["job"] != "site_lead"]


def police_gone(plan: Document) -> None:
    plan["posts"] = []


def police_added(plan: Document) -> None:
    extra = copy.deepcopy(plan["posts"][0])
    extra["seat"] = "R-police-99"
    plan["posts"].append(extra)


def recheck_team_gone(plan: Document) -> None:
    plan["teams"] = [team for team in plan["teams"] if team["kind"] != "recheck"]


def home_team_gone(plan: Document) -> None:
    plan["teams"] = [team for team in plan["teams"] if team["kind"] != "home"]


def kit_short(plan: Document) -> None:
    line = next(line for line in plan["sites"][0]["kit"] if line["item"] == "swab")
    line["quantity"] -= 1


def clothing_short(plan: Document) -> None:
    line = next(line for line in plan["sites"][0]["kit"] if line["item"] == "gloves")
    line["quantity"] -= 1


def round_kit_short(plan: Document) -> None:
    plan["kit"][0]["quantity"] -= 1


def run_dropped(plan: Document) -> None:
    plan["runs"].pop(1)


def last_run_dropped(plan: Document) -> None:
    name = plan["runs"][0]["route"]
    last = max((r for r in plan["runs"] if r["route"] == name), key=lambda r: r["leaves"])
    plan["runs"].remove(last)


def run_late(plan: Document) -> None:
    plan["runs"][0]["arrives"] = later(plan["runs"][0]["arrives"], 300)


def run_dawdles(plan: Document) -> None:
    for run in plan["runs"][1:2]:
        run["stops"] = [{**stop, "at": later(stop["at"], 90)} for stop in run["stops"]]
        run["arrives"] = later(run["arrives"], 90)


def route_changed(plan: Document) -> None:
    run = max(plan["runs"], key=lambda r: len(r["stops"]))
    run["stops"] = run["stops"][::-1]


def vehicle_in_two_places(plan: Document) -> None:
    runs = [r for r in plan["runs"] if r["vehicle"] == plan["runs"][0]["vehicle"]]
    runs[1]["leaves"] = later(runs[0]["arrives"], -10)


def run_flies(plan: Document) -> None:
    run = plan["runs"][0]
    run["arrives"] = run["stops"][-1]["at"]


def run_to_nowhere(plan: Document) -> None:
    plan["runs"][0]["stops"][0]["site"] = "1" * 15


def run_without_stops(plan: Document) -> None:
    plan["runs"][0]["stops"] = []


def run_tubes(plan: Document) -> None:
    plan["runs"][0]["tubes"] += 1


def lab_overfilled(plan: Document) -> None:
    plan["shares"][0]["tubes"] += 50_000


def lab_share_lost(plan: Document) -> None:
    plan["shares"].pop(0)


def lab_unknown(plan: Document) -> None:
    plan["shares"][0]["lab"] = "L9"


def lab_sum(plan: Document) -> None:
    plan["labs"][0]["tubes"] += 1


def total_people(plan: Document) -> None:
    plan["totals"]["people"] += 1


def total_staff(plan: Document) -> None:
    plan["totals"]["staff"]["sampler"] += 1


def total_kit(plan: Document) -> None:
    plan["totals"]["kit"]["swab"] -= 1


def other_round(plan: Document) -> None:
    plan["round_id"] = "another"


def other_problem(plan: Document) -> None:
    plan["answers"] = "0" * 64


def forecast_wrong(plan: Document) -> None:
    plan["forecast"]["sampling_ends"] = later(plan["forecast"]["sampling_ends"], -60)


def nothing(plan: Document) -> None:
    plan["sites"] = []


def bound_raised(plan: Document) -> None:
    """The claim to be nearer to the best possible than the multipliers prove."""
    plan["siting"]["bound"] = plan["siting"]["cost"]


def bound_raised_a_little(plan: Document) -> None:
    plan["siting"]["bound"] += 1


def multiplier_changed(plan: Document) -> None:
    plan["siting"]["multipliers"][0] += 10**12


def multiplier_less(plan: Document) -> None:
    plan["siting"]["multipliers"].pop()


def count_prices_invented(plan: Document) -> None:
    points = len(plan["siting"]["multipliers"])
    plan["siting"]["counted"] = [0] * points
    plan["siting"]["count_prices"] = [[10**12, 10**12]]
    plan["siting"]["bound"] = plan["siting"]["cost"]


def easier_question(plan: Document) -> None:
    plan["siting"]["question"] = "0" * 64


def cost_lowered(plan: Document) -> None:
    plan["siting"]["cost"] -= 1_000_000


def group_divided(plan: Document) -> None:
    one, other = [s for s in plan["sites"] if s["kind"] == "fixed" and s["slots"]][:2]
    other["slots"][0]["blocks"].append(one["slots"][0]["blocks"].pop())


FAULTS: list[tuple[Callable[[Document], None], str]] = [
    (move_slots, "site_capacity"),
    (move_slots, "queue"),
    (drop_site, "missed"),
    (drop_block, "not_called"),
    (double_block, "called_twice"),
    (strange_block, "unknown_key"),
    (home_to_site, "home_called_to_site"),
    (home_forgotten, "not_visited"),
    (home_twice, "visited_twice"),
    (visit_of_walkers, "visited_without_need"),
    (household_apart, "household_apart"),
    (lanes_away, "lane_load"),
    (no_lanes, "no_lane"),
    (slot_at_night, "slot_closed"),
    (slots_on_top, "slot_overlap"),
    (open_longer, "open_outside"),
    (visit_at_night, "slot_closed"),
    (crowd, "queue"),
    (crowd, "slot_crowded"),
    (wait_hidden, "site_sum"),
    (wait_smoothed, "site_sum"),
    (key_groups_last, "key_groups_late"),
    (key_groups_last, "key_groups_finish"),
    (wrong_sum, "site_sum"),
    (slot_sum, "site_sum"),
    (tube_less, "tube_count"),
    (single_pooled, "tube_count"),
    (station_without_tubes, "station_tubes"),
    (box_less, "boxes_short"),
    (site_code_short, "code_form"),
    (site_code_of_elsewhere, "code_form"),
    (site_code_twice, "code_twice"),
    (station_code_foreign, "code_form"),
    (station_code_twice, "code_twice"),
    (box_code_garbled, "code_form"),
    (box_code_of_other_round, "code_form"),
    (box_code_twice, "code_twice"),
    (sampler_gone, "lane_staff"),
    (shift_hole, "lane_staff"),
    (double_shift, "double_shift"),
    (no_rest, "no_rest"),
    (shift_too_long, "shift_long"),
    (shift_too_long, "rotation"),
    (two_places, "seat_two_places"),
    (two_jobs, "seat_two_jobs"),
    (post_at_night, "post_closed"),
    (post_at_no_site, "post_nowhere"),
    (post_at_no_station, "post_nowhere"),
    (lead_gone, "site_staff"),
    (police_gone, "round_staff"),
    (police_added, "round_staff_over"),
    (recheck_team_gone, "recheck_teams"),
    (home_team_gone, "home_team"),
    (kit_short, "kit_short"),
    (clothing_short, "kit_short"),
    (round_kit_short, "kit_short"),
    (run_dropped, "pick_up_gap"),
    (last_run_dropped, "not_collected"),
    (run_late, "delivery_late"),
    (run_dawdles, "pick_up_gap"),
    (route_changed, "route_changes"),
    (vehicle_in_two_places, "vehicle_twice"),
    (run_flies, "run_too_fast"),
    (run_to_nowhere, "run_nowhere"),
    (run_without_stops, "run_nowhere"),
    (run_tubes, "run_sum"),
    (lab_overfilled, "lab_over"),
    (lab_overfilled, "lab_double"),
    (lab_overfilled, "lab_support"),
    (lab_share_lost, "lab_short"),
    (lab_unknown, "share_nowhere"),
    (lab_sum, "lab_sum"),
    (total_people, "total"),
    (total_staff, "total"),
    (total_kit, "total"),
    (other_round, "other_problem"),
    (other_problem, "other_problem"),
    (forecast_wrong, "total"),
    (bound_raised, "certificate_forged"),
    (bound_raised_a_little, "certificate_forged"),
    (multiplier_changed, "certificate_forged"),
    (multiplier_less, "certificate_forged"),
    (count_prices_invented, "certificate_forged"),
    (easier_question, "certificate_of_other_question"),
    (cost_lowered, "certificate"),
    (group_divided, "households_split"),
    (nothing, "no_sites"),
    (nothing, "village_missed"),
]


def test_at_least_thirty_different_rules_are_broken_on_purpose() -> None:
    assert len({code for _, code in FAULTS}) >= 60
    assert len({fault for fault, _ in FAULTS}) >= 70


@pytest.mark.parametrize(
    ("fault", "code"), FAULTS, ids=[f"{fault.__name__}-{code}" for fault, code in FAULTS]
)
def test_a_planted_fault_is_named(fault: Callable[[Document], None], code: str) -> None:
    problem, plan = good()
    document = json.loads(to_json(plan))
    fault(document)
    found = levels(problem, plan_from_json(json.dumps(document)))
    assert found.get(code, set()) & {"error", "warning"}, sorted(
        name for name, seen in found.items() if seen & {"error", "warning"}
    )
