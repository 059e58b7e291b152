"""Presets in words: labels, the comparison a commander reads, the command."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.campaigns import presets
from yingjian.campaigns.preset_leaves import ITEMS
from yingjian.campaigns.preset_table import (
    codes_in_use,
    label_of,
    labels,
    text_of,
    width,
    word,
)

CODES = presets.codes()
ALL = [presets.load(code) for code in CODES]
BY = {preset.code: preset for preset in ALL}
any_preset = st.sampled_from(ALL)


def leaf(code: str, path: str) -> presets.Leaf:
    return dict(presets.leaves(BY[code]))[path]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_parameter_and_code_has_a_word(lang: str) -> None:
    known = labels(lang)
    words = {code for kind in known.values() for code in kind}
    for preset in ALL:
        for path, value in presets.leaves(preset):
            assert "." not in label_of(path, lang), path
            assert label_of(path, lang) != path.rpartition(".")[2], path
            assert text_of(value, lang)
            document = value.origin.removeprefix("default ").split()[0]
            assert document.startswith("S") or document in known["source"]
        named = {
            code
            for code in codes_in_use(preset)
            if code.isascii() and not code[:1].isdigit() and " " not in code
        }
        parameters = {part for path in known["param"] for part in path.split(".")}
        assert named <= words | parameters | set(known["clock"])
    for roles in (presets.ROLES, presets.STAFF):
        assert set(roles) <= set(known["role"])
    assert set(presets.CATEGORIES) | set(presets.AREA_CLASSES) <= set(known["category"])
    assert set(ITEMS) <= set(known["item"])
    assert set(presets.CLOCK_CODES) == set(known["clock"]) == set(presets.CLOCK_MEANINGS)
    assert set(presets.GROUPS) == set(known["group"])


def test_both_languages_have_the_same_words() -> None:
    zh, en = labels("zh"), labels("en")
    assert {k: set(v) for k, v in zh.items()} == {k: set(v) for k, v in en.items()}
    assert word("no_such_code", "zh", "code") == "no_such_code"


# ------------------------------------------------------------------ comparison


@given(any_preset)
def test_a_preset_does_not_differ_from_itself(preset: presets.Preset) -> None:
    assert presets.diff(preset, preset) == ()
    everything = presets.diff(preset, preset, everything=True)
    assert len(everything) == len(list(presets.leaves(preset)))


@given(any_preset, any_preset)
def test_comparison_mirrors(a: presets.Preset, b: presets.Preset) -> None:
    forth, back = presets.diff(a, b), presets.diff(b, a)
    assert [(r.path, r.a, r.b) for r in forth] == [(r.path, r.b, r.a) for r in back]
    assert all(row.differs for row in forth)


NUMBERS = [
    (code, path)
    for code in CODES
    for path, value in presets.leaves(BY[code])
    if isinstance(getattr(value, "value", None), int)
    and not isinstance(getattr(value, "value", None), bool)
    and path != "pool.default_size"
]


@settings(deadline=None)
@given(st.sampled_from(NUMBERS), st.integers(1, 500))
def test_editing_a_number_changes_only_its_row(which: tuple[str, str], number: int) -> None:
    code, path = which
    stored = presets.snapshot(BY[code])
    node = stored
    for part in path.split("."):
        node = node[part]
    changed = node["value"] != number
    node["value"] = number
    for bound in ("min", "max"):
        if bound in node:
            node[bound] = None
    edited = presets.restore(stored)
    rows = presets.diff(BY[code], edited)
    loosened = any(getattr(leaf(code, path), bound, None) is not None for bound in ("min", "max"))
    assert [row.path for row in rows] == ([path] if changed or loosened else [])


def test_the_same_time_in_other_units_is_no_difference() -> None:
    stored = presets.snapshot(BY["mule"])
    stored["clocks"]["staff_on_duty"] |= {"value": 120.0, "unit": "min"}
    assert presets.diff(BY["mule"], presets.restore(stored)) == ()


def test_the_table_a_commander_reads() -> None:
    text = presets.render_diff(BY["yongning"], BY["mule"])
    assert "■ 时限" in text
    line = next(row for row in text.splitlines() if row.startswith("测量体温"))
    assert "禁止 〔S4/YN R24〕" in line
    assert "必须 〔S4/ML R25〕" in line
    assert "双层包装" not in text  # equal rows stay out
    assert "双层包装" in presets.render_diff(BY["yongning"], BY["mule"], everything=True)
    count = len(presets.diff(BY["yongning"], BY["mule"]))
    assert f"{count} 项不同" in text
    body = text.split("\n说明\n", maxsplit=1)[0]
    assert max(width(row) for row in body.splitlines()) <= 100


def test_the_table_in_english() -> None:
    text = presets.render_diff(BY["yongning"], BY["shushan"], lang="en")
    line = next(row for row in text.splitlines() if row.startswith("Health-code check"))
    assert "forbidden 〔S4/YN R24〕" in line
    assert "required 〔S4/SS R25〕" in line
    same = presets.render_diff(BY["mule"], BY["mule"], lang="en")
    assert "No difference" in same


def test_a_school_week_in_words() -> None:
    slots = text_of(leaf("school", "school.slots"), "en").split("; ")
    assert len(slots) == 4
    assert slots[2] == "Second campus, east hall Tuesday 14:00–17:00"
    assert text_of(leaf("school", "school.regular_draw"), "zh") == "周二"
    assert text_of(leaf("yongning", "results.app_name"), "zh") == "我的宁夏"
    duty = text_of(leaf("yongning", "duties.deliver"), "en")
    assert duty == "courier; to round planner after 30 min"


def test_bounds_in_words() -> None:
    stored = presets.snapshot(BY["mule"])
    sites = stored["sites"]
    sites["people_per_site"] |= {"value": 1200, "min": 1000, "max": None}
    sites["people_per_lane"] |= {"value": 300, "min": 300, "max": None}
    sites["lane_per_hour"] |= {"value": 90, "max": 100}
    shown = {path: text_of(v, "zh") for path, v in presets.leaves(presets.restore(stored))}
    assert shown["sites.people_per_site"] == "1,200人（≥1,000）"
    assert shown["sites.people_per_lane"] == "≥300人"
    assert shown["sites.lane_per_hour"] == "90人（≤100）"


def test_show_says_what_is_inherited() -> None:
    text = presets.render_preset(BY["yongning"])
    line = next(row for row in text.splitlines() if row.startswith("无冷藏放置"))
    assert "缺省←S4/ML R58" in line
    assert "来自 base" in line
    own = presets.render_preset(BY["yongning"], own_only=True)
    assert "无冷藏放置" not in own
    assert "收样间隔" in own


# ------------------------------------------------------------------ command


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("preset", *arguments, stdout=out)
    return out.getvalue()


def test_command_list_and_check() -> None:
    listed = run("list")
    assert all(preset.key in listed for preset in ALL)
    assert [header["code"] for header in json.loads(run("list", "--json"))] == list(CODES)
    assert "yongning：" in run("check")
    census = {line["code"]: line for line in json.loads(run("check", "--json"))}
    assert census["mule"]["from_plan"] > census["school"]["from_plan"]


def test_command_show_and_diff() -> None:
    assert "永宁县" in run("show", "yongning")
    shown = json.loads(run("show", "yongning", "--json"))
    spacing = next(v for v in shown["values"] if v["path"] == "sites.spacing")
    assert (spacing["text"], spacing["origin"], spacing["layer"]) == (
        "2米",
        "S4/YN R22",
        "yongning",
    )
    rows = json.loads(run("diff", "yongning", "mule", "--json", "--lang", "en"))
    by_path = {row["path"]: row for row in rows}
    assert by_path["clocks.pick_up"]["a"]["text"] == "2 h"
    assert by_path["clocks.pick_up"]["b"]["text"] == "none"
    assert by_path["staffing.lane.guide"]["a"] is None
    assert len(json.loads(run("diff", "yongning", "mule", "--json", "--all"))) > len(rows)
    assert f"{len(rows)} 项不同" in run("diff", "yongning", "mule")


def test_command_schema_describes_the_merged_file() -> None:
    schema = json.loads(run("schema"))
    assert set(presets.GROUPS) < set(schema["properties"])
