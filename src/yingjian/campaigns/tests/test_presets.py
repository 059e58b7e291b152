"""Presets: the nine plans say what their sources say, and a bad file is refused with its path."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.access.clocks import ClockStart
from yingjian.campaigns import presets
from yingjian.campaigns.preset_files import BASE, read_text
from yingjian.campaigns.preset_leaves import due_after
from yingjian.campaigns.preset_table import (
    text_of,
)
from yingjian.kernel.ids import derived

CODES = (
    "changsha",
    "county2000",
    "mule",
    "school",
    "shushan",
    "state-council",
    "street10in1",
    "yilaha",
    "yongning",
)
ALL = [presets.load(code) for code in CODES]
BY = {preset.code: preset for preset in ALL}
any_preset = st.sampled_from(ALL)
categories = st.lists(st.sampled_from(presets.CATEGORIES), max_size=4)


def leaf(code: str, path: str) -> presets.Leaf:
    return dict(presets.leaves(BY[code]))[path]


# ------------------------------------------------------------------ what the plans say


def test_there_is_one_preset_for_each_plan_of_the_handbook() -> None:
    assert presets.codes() == CODES


SAID = [
    # path, preset, value in words, rule
    ("clocks.pick_up", "yongning", "2 h", "R59"),
    ("clocks.deliver", "yongning", "4 h", "R59"),
    ("clocks.result_other", "yongning", "12 h", "R66"),
    ("clocks.recheck", "yongning", "1 h", "R71"),
    ("clocks.waste_recovery", "yongning", "12 h", "R87"),
    ("sites.queue_limit", "yongning", "30 min", "R23"),
    ("sites.spacing", "yongning", "2 m", "R22"),
    ("sites.health_code_check", "yongning", "forbidden", "R24"),
    ("sites.temperature_check", "yongning", "forbidden", "R24"),
    ("pool.sizes", "yongning", "1 per tube, 10 per tube, 20 per tube", "R49"),
    ("staffing.rotation", "yongning", "4 h (2–4)", "R34"),
    ("staffing.vaccine_separation", "yongning", "48 h", "R26"),
    ("staffing.site.disinfector", "yongning", "3 people (3–5)", "R41"),
    ("supplies.request_lead", "yongning", "24 h", "R86"),
    ("rounds.finish", "yongning", "24 h", "R2"),
    ("rounds.finish_scheduled", "yongning", "36 h", "R2"),
    ("notices.messages", "yongning", "person, report", "R69"),
    ("sites.people_per_site", "mule", "1,500 people (1,000–1,500)", "R16"),
    ("sites.people_per_lane", "mule", "500 people (300–500)", "R16"),
    ("rounds.finish", "mule", "48 h", "R3"),
    ("rounds.minimum", "mule", "3 rounds", "R7"),
    ("rounds.every_case_recent", "mule", "1 days", "R8"),
    ("rounds.every_case_lookback", "mule", "2 days", "R8"),
    ("rounds.every_no_case", "mule", "5 days", "R8"),
    ("clocks.key_groups_finish", "mule", "24 h", "R9"),
    ("clocks.site_ready", "mule", "4 h", "R21"),
    ("clocks.staff_on_duty", "mule", "2 h", "R42"),
    ("clocks.medics_on_duty", "mule", "4 h", "R42"),
    ("clocks.site_kit", "mule", "2 h", "R85"),
    ("clocks.ppe_ready", "mule", "4 h", "R85"),
    ("clocks.disposer_notice", "mule", "30 min", "R88"),
    ("clocks.uncooled", "mule", "4 h", "R58"),
    ("clocks.on_instrument", "mule", "6 h", "R54"),
    ("clocks.result_key", "mule", "6 h", "R66"),
    ("clocks.result_other", "mule", "12 h", "R66"),
    ("clocks.result_max", "mule", "24 h", "R66"),
    ("clocks.network_report", "mule", "2 h", "R67"),
    ("clocks.waste_at_site", "mule", "24 h", "R88"),
    ("clocks.waste_at_disposer", "mule", "12 h", "R88"),
    ("pool.household_tube", "mule", "sealed estates", "R50"),
    ("staffing.shift_pattern", "mule", "ABA", "R35"),
    ("sites.temperature_check", "mule", "required", "R25"),
    ("laboratory.support_threshold", "mule", "70%", "R80"),
    ("laboratory.reserve", "mule", "20%", "R81"),
    ("laboratory.daily_reserve", "mule", "10,000 pieces", "R81"),
    ("laboratory.force_share", "mule", "15% (10–15)", "R79"),
    ("transport.box_surface_alcohol", "mule", "75%", "R64"),
    ("transport.box_surface_chlorine", "mule", "0.2%", "R64"),
    ("flagged.swab", "mule", "nasopharyngeal swab", "R52"),
    ("sites.people_per_group", "shushan", "≤5,000 people", "R18"),
    ("sites.health_code_check", "shushan", "required", "R25"),
    ("sites.temperature_check", "shushan", "required", "R25"),
    ("rounds.finish_scheduled", "shushan", "5 days (5–7)", "R4"),
    ("staffing.lane.registrar", "shushan", "2 people", "R39"),
    ("kits.group_day.sample_tube", "shushan", "1,000 pieces", "R82"),
    ("kits.group_day.waste_bag", "shushan", "5 bags", "R82"),
    ("kits.site.computer", "shushan", "2 pieces", "R83"),
    ("sites.people_per_site", "county2000", "2,000 people", "R17"),
    ("sites.walking_circle", "county2000", "10 min", "R17"),
    ("booking.lead", "county2000", "1 days", "R31"),
    ("booking.group_admitted", "county2000", "10 people", "R30"),
    ("rounds.finish", "county2000", "24 h", "R5"),
    ("sites.fixed_sites", "street10in1", "4 sites", "R19"),
    ("staffing.site.police", "street10in1", "2 people", "R38"),
    ("hygiene.indoors_every", "street10in1", "4 h", "R90"),
    ("rounds.finish", "street10in1", "none (set by the command)", "R6"),
    ("rounds.finish", "state-council", "≤5,000,000 people 48 h; beyond: 72 h", "R1"),
    ("clocks.network_report", "state-council", "2 h", "R67"),
    ("flagged.outcomes", "state-council", "positive, grey zone, single target", "R70"),
    ("money.price", "changsha", "160 CNY", "R91"),
    ("money.payers.red_code", "changsha", "county", "R91"),
    ("school.list_deadline", "school", "Friday 15:00", "R96"),
    ("school.late_list_deadline", "school", "17:00", "R96"),
    ("school.return_tests", "school", "48 h, 72 h, 72 h", "R97"),
    ("rounds.sessions_per_week", "school", "2 a week", "R94"),
    ("clocks.deliver", "yilaha", "the same day by 18:00", "R61"),
    ("sites.fixed_sites", "yilaha", "15 sites", "R20"),
    ("sites.open_from", "yilaha", "07:00", "R61"),
    ("sites.open_to", "yilaha", "15:00", "R61"),
]


@pytest.mark.parametrize(("path", "code", "said", "rule"), SAID)
def test_a_plan_says_what_its_source_says(path: str, code: str, said: str, rule: str) -> None:
    found = leaf(code, path)
    assert text_of(found, "en") == said
    assert not found.is_default
    assert found.document == BY[code].header.source
    assert rule in found.rules


def test_the_conflicts_inside_a_plan_are_noted_where_they_bite() -> None:
    for code, path, words in [
        ("yongning", "rounds.finish", ("1天", "1天半")),
        ("mule", "clocks.site_ready", ("4—6小时",)),
        ("county2000", "pool.method", ("稀释混样",)),
    ]:
        note = leaf(code, path).note
        assert note is not None
        assert all(part in note.zh for part in words)


def test_yongning_tells_six_parties_and_names_both_laboratories() -> None:
    yongning = BY["yongning"]
    assert yongning.notices.parties.value == (
        "ambulance_120",
        "hospital",
        "community",
        "police",
        "cdc",
        "command",
    )
    assert yongning.flagged.laboratories.value == ("region_cdc", "city_cdc")
    assert yongning.flagged.swabs.value == 2


def test_yilaha_used_what_the_report_counts() -> None:
    used = {item: count.value for item, count in BY["yilaha"].kits.round.items()}
    assert used == {
        "protective_suit": 178,
        "face_shield": 220,
        "hand_rub": 20,
        "gloves": 450,
        "surgical_mask": 600,
        "n95": 360,
        "boot_covers": 256,
    }
    staff = [count.need() for count in BY["yilaha"].staffing.round.values()]
    assert sum(staff) == 227  # the report states 228


def test_two_thousand_people_a_site_take_at_least_24_staff() -> None:
    plan = BY["county2000"]
    lanes = -(-plan.sites.people_per_site.need() // plan.sites.people_per_lane.need())
    in_lanes = lanes * sum(count.need() for count in plan.staffing.lane.values())
    at_site = sum(c.need() for role, c in plan.staffing.site.items() if role != "site_lead")
    assert in_lanes + at_site == 24


# ------------------------------------------------------------------ check figures


def test_shushan_one_group_needs_five_days() -> None:
    plan = BY["shushan"]
    tubes_a_day = plan.kits.group_day["sample_tube"].need()
    people = plan.sites.people_per_group.need()
    assert presets.tubes_needed(plan, people) / tubes_a_day == 5
    assert plan.sites.lane_per_hour.need() * (plan.sites.lane_day.hours or 0) == tubes_a_day
    days = (plan.rounds.finish_scheduled.hours or 0) / 24
    assert days == 5


def test_a_mule_site_needs_five_hours() -> None:
    sites = BY["mule"].sites
    lanes = sites.people_per_site.need() // sites.people_per_lane.need()
    assert sites.people_per_site.need() / (lanes * sites.lane_per_hour.need()) == 5


def test_yongning_tubes() -> None:
    plan = BY["yongning"]
    people = plan.scope.planned_population.need()
    assert people == 329_000
    assert presets.tubes_needed(plan, people) == 32_900
    assert presets.tubes_needed(plan, people, 20) == 16_450


def test_yilaha_tubes_and_people_per_site() -> None:
    plan = BY["yilaha"]
    people = plan.scope.planned_population.need()
    assert presets.tubes_needed(plan, people) == 741
    assert -(-people // plan.sites.fixed_sites.need()) == plan.sites.people_per_site.value == 494


def test_tubes_refuse_a_size_the_plan_does_not_allow() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        presets.tubes_needed(BY["mule"], 100, 20)
    with pytest.raises(ValueError, match="below zero"):
        presets.tubes_needed(BY["mule"], -1)


# ------------------------------------------------------------------ decisions


@pytest.mark.parametrize(
    ("code", "held", "said"),
    [
        ("yongning", ["general"], ("pool", False, True, "default")),
        ("yongning", ["red_code"], ("single", False, True, "red_code")),
        ("yongning", ["home_quarantine"], ("single", True, False, "home_quarantine")),
        ("yongning", ["disabled"], ("pool", True, False, "disabled")),
        ("mule", ["red_code"], ("pool", False, True, "default")),
        ("mule", ["key_group"], ("single", False, True, "key_group")),
        ("mule", ["home_bound"], ("pool", True, True, "home_bound")),
        ("shushan", [], ("single", False, True, "default")),
        ("changsha", ["inbound"], ("single", False, True, "inbound")),
    ],
)
def test_mode(code: str, held: list[str], said: tuple[str, bool, bool, str]) -> None:
    mode = presets.mode_for(BY[code], held)
    assert (mode.kind, mode.home_visit, mode.public_site_allowed, mode.reason) == said
    assert mode.rule


@given(any_preset, categories)
def test_a_single_only_category_is_never_pooled(preset: presets.Preset, held: list[str]) -> None:
    mode = presets.mode_for(preset, held)
    if set(held) & set(preset.pool.single_only.value):
        assert mode.kind == "single"
        assert presets.pool_size_for(preset, held) == 1
    assert presets.pool_size_for(preset, held) in {1, preset.pool.default_size.value}
    assert mode.home_visit == bool(set(held) & set(preset.pool.home_visit.value))
    assert mode.public_site_allowed or mode.home_visit


def test_result_clocks_by_class() -> None:
    def minutes(code: str, *held: str) -> int | None:
        rule = presets.result_clock_for(BY[code], held)
        return rule.minutes if rule else None

    assert minutes("mule", "general") == 720
    assert minutes("mule", "general", "red_code") == 360
    assert minutes("yongning", "general") == minutes("yongning", "red_code") == 720


@given(any_preset, st.integers(0, 20_000_000))
def test_every_clock_has_an_owner_who_is_not_whom_it_escalates_to(
    preset: presets.Preset, population: int
) -> None:
    rules = presets.clock_rules(preset, population=population)
    for code, rule in rules.items():
        assert rule.code == code
        assert (rule.minutes is None) != (rule.at is None)
        assert rule.owner_role in presets.ROLES
        assert rule.escalates_to in presets.ROLES
        assert rule.owner_role != rule.escalates_to
        assert rule.escalate_after > timedelta(0)
    hours = presets.finish_hours(preset, population)
    assert ("round_finish" in rules) == (hours is not None)
    if hours is not None:
        assert rules["round_finish"].minutes == hours * 60


def test_a_clock_the_plan_does_not_have_does_not_run() -> None:
    assert presets.clock_rule(BY["yongning"], "site_ready") is None
    assert presets.clock_rule(BY["yongning"], "round_finish") is None  # population not given
    with pytest.raises(KeyError):
        presets.clock_rule(BY["yongning"], "tea_break")


def test_finish_hours_by_population() -> None:
    notice = BY["state-council"]
    assert presets.finish_hours(notice, 5_000_000) == 48
    assert presets.finish_hours(notice, 5_000_001) == 72
    assert presets.finish_hours(BY["street10in1"], 1) is None


def test_a_clock_due_at_a_time_of_day() -> None:
    rule = presets.clock_rule(BY["yilaha"], "deliver")
    assert rule is not None
    morning = datetime(2021, 1, 16, 7, 30, tzinfo=presets.COUNTRY_TIME)
    evening = morning.replace(hour=18, minute=0)
    assert rule.due(morning) == evening
    assert rule.due(morning.astimezone(UTC)) == evening
    assert rule.due(evening) == evening + timedelta(days=1)
    assert due_after(morning, None, None) is None
    with pytest.raises(ValueError, match="neither"):
        replace(rule, at=None).due(morning)


def test_a_preset_clock_starts_a_clock() -> None:
    rule = presets.clock_rule(BY["mule"], "site_ready")
    assert rule is not None
    at = datetime(2021, 10, 1, 8, tzinfo=presets.COUNTRY_TIME)
    site = derived(UUID(int=7), "site")
    start = ClockStart(rule, "site", site, "二队", "450881", None, at)
    assert start.rule.due(start.started_at) == at + timedelta(hours=4)
    assert (start.rule.owner_role, start.rule.origin) == ("site_lead", "S4/ML R21")


@given(any_preset, categories, st.sampled_from([None, *presets.AREA_CLASSES]))
def test_priority_only_improves_with_a_reason(
    preset: presets.Preset, held: list[str], area: str | None
) -> None:
    general = presets.priority_rank(preset, [])
    rank = presets.priority_rank(preset, held, area)
    assert 0 <= rank <= general
    assert general == len(preset.scope.order.value) - 1


def test_a_value_that_must_be_there_says_so() -> None:
    silent = BY["state-council"]
    for value in (silent.sites.fixed_sites, silent.money.price, silent.school.late_list_deadline):
        assert value.value is None
        with pytest.raises(ValueError, match="null"):
            value.need()
    with pytest.raises(ValueError, match="null"):
        silent.booking.lead.need_minutes()
    assert silent.transport.storage_high.need() == 8
    assert BY["mule"].staffing.shift.need_minutes() == 240
    assert not silent.clocks.recheck.runs
    assert BY["yilaha"].clocks.deliver.runs


def test_no_result_clock_when_a_plan_has_none() -> None:
    stored = presets.snapshot(BY["yongning"])
    stored["clocks"]["result_other"] |= {"value": None, "unit": None}
    assert presets.result_clock_for(presets.restore(stored), ["general"]) is None


def test_an_outer_limit_alone_is_the_result_clock() -> None:
    stored = presets.snapshot(BY["mule"])
    for code in ("result_key", "result_other"):
        stored["clocks"][code] |= {"value": None, "unit": None}
    rule = presets.result_clock_for(presets.restore(stored), ["red_code"])
    assert rule is not None
    assert (rule.code, rule.minutes) == ("result_max", 24 * 60)


def test_dates_in_force() -> None:
    mule = BY["mule"]
    start = mule.header.effective_from
    assert presets.in_force(mule, start)
    assert not presets.in_force(mule, start - timedelta(days=1))
    stored = presets.snapshot(mule)
    stored["header"]["effective_to"] = "2022-12-31"
    ended = presets.restore(stored)
    assert presets.in_force(ended, date(2022, 12, 31))
    assert not presets.in_force(ended, date(2023, 1, 1))


def test_flag_rule() -> None:
    assert presets.flags_pool(BY["mule"], "grey")
    assert not presets.flags_pool(BY["mule"], "negative")


# ------------------------------------------------------------------ origins, labels, round trip


@pytest.mark.parametrize("preset", ALL, ids=lambda p: p.code)
def test_every_value_has_an_origin_and_every_default_a_reason(preset: presets.Preset) -> None:
    for path, value in presets.leaves(preset):
        assert value.origin, path
        if value.is_default:
            assert value.reason is not None, path
        else:
            assert value.document == preset.header.source, path
            assert value.rules or value.quote, path
            assert value.layer == preset.code, path
    figures = presets.census(preset)
    assert figures["values"] == len(list(presets.leaves(preset)))
    assert (
        figures["from_plan"] + figures["own_defaults"] + figures["inherited"] == (figures["values"])
    )


def test_base_holds_only_defaults() -> None:
    text = (presets.DEFAULT_DIRECTORY / f"{BASE}.yaml").read_text(encoding="utf-8")
    raw, _ = read_text(text, "base.yaml")
    origins = [node["origin"] for node in _leaf_nodes(raw)]
    assert len(origins) > 150
    assert all(origin.startswith("default ") for origin in origins)


def _leaf_nodes(node: object) -> list[dict[str, str]]:
    if not isinstance(node, dict):
        return []
    if "origin" in node:
        return [node]
    return [found for child in node.values() for found in _leaf_nodes(child)]


@given(any_preset)
def test_snapshot_round_trip(preset: presets.Preset) -> None:
    stored = json.loads(json.dumps(presets.snapshot(preset)))
    again = presets.restore(stored)
    assert again == preset
    assert presets.digest(again) == presets.digest(preset)


def test_a_damaged_snapshot_is_refused() -> None:
    stored = presets.snapshot(BY["mule"])
    stored["pool"]["default_size"]["value"] = 7
    with pytest.raises(presets.PresetError) as caught:
        presets.restore(stored)
    assert caught.value.code == "campaigns.preset_default_size_not_allowed"
