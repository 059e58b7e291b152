"""A malformed preset is refused with a stable code, the path inside the file and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.campaigns import presets
from yingjian.campaigns.preset_files import BASE, read_text
from yingjian.kernel.errors import catalogue, sentence

MULE = presets.load("mule")

GOOD = """
extends: base
header:
  code: trial
  version: 1
  title: {zh: 试, en: Trial}
  issuer: {zh: 试, en: Trial}
  kind: plan
  effective_from: 2024-01-01
  source: S4/YN
"""

BAD: list[tuple[str, str, str]] = [
    # what is appended to GOOD, code after campaigns.preset_, path
    ("sites:\n  queue_limit: [1", "not_yaml", ""),
    ("sites:\n\tqueue_limit: 1", "not_yaml", ""),
    ("sitez:\n  a: {value: 1, origin: S4/YN R1}", "unknown_key", "sitez"),
    (
        "sites:\n  queue: {value: 1, unit: min, origin: S4/YN R23}",
        "unknown_key",
        "sites.queue",
    ),
    (
        "sites:\n  spacing: {value: 2, unit: m, origin: S4/YN R22, colour: red}",
        "unknown_key",
        "sites.spacing.colour",
    ),
    (
        "sites:\n  spacing: {value: 2, unit: m, origin: S4/YN R22, layer: base}",
        "unknown_key",
        "sites.spacing.layer",
    ),
    ("sites:\n  spacing: {value: 2, unit: m}", "missing_origin", "sites.spacing.origin"),
    (
        "sites:\n  spacing: {unit: m, origin: S4/YN R22}",
        "missing_key",
        "sites.spacing.value",
    ),
    ("sites:\n  spacing: {value: 2, unit: m, origin: 听说}", "bad_origin", "sites.spacing.origin"),
    (
        "sites:\n  spacing: {value: 2, unit: m, origin: assumption}",
        "bad_origin",
        "sites.spacing.origin",
    ),
    (
        "sites:\n  spacing: {value: 2, unit: m, origin: default assumption}",
        "missing_reason",
        "sites.spacing",
    ),
    ("sites:\n  spacing: {value: 2, unit: m, origin: S4/YN}", "missing_rule", "sites.spacing"),
    (
        "sites:\n  spacing: {value: 2, unit: m, origin: S4/ML R22}",
        "foreign_origin",
        "sites.spacing",
    ),
    (
        "sites:\n  spacing: {value: two, unit: m, origin: S4/YN R22}",
        "wrong_type",
        "sites.spacing.value",
    ),
    (
        'sites:\n  spacing: {value: "2", unit: m, origin: S4/YN R22}',
        "wrong_type",
        "sites.spacing.value",
    ),
    (
        "sites:\n  people_per_site: {value: 1.5, unit: person, origin: S4/YN R16}",
        "wrong_type",
        "sites.people_per_site.value",
    ),
    (
        "sites:\n  one_way_flow: {value: yes, origin: S4/YN R27}",
        "wrong_type",
        "sites.one_way_flow.value",
    ),
    ("sites:\n  spacing: {value: 2, unit: cm, origin: S4/YN R22}", "wrong_unit", "sites.spacing"),
    (
        "sites:\n  queue_limit: {value: 30, unit: m, origin: S4/YN R23}",
        "wrong_unit",
        "sites.queue_limit.unit",
    ),
    (
        "clocks:\n  deliver: {value: 4, origin: S4/YN R59}",
        "wrong_unit",
        "clocks.deliver",
    ),
    (
        "sites:\n  people_per_site: {value: null, unit: person, origin: S4/YN R16}",
        "no_value",
        "sites.people_per_site",
    ),
    (
        "sites:\n  people_per_site: {value: 0, unit: person, origin: S4/YN R16}",
        "out_of_range",
        "sites.people_per_site",
    ),
    (
        "sites:\n  queue_limit: {value: -30, unit: min, origin: S4/YN R23}",
        "out_of_range",
        "sites.queue_limit",
    ),
    (
        "sites:\n  queue_limit: {value: 30, max: 20, unit: min, origin: S4/YN R23}",
        "out_of_range",
        "sites.queue_limit",
    ),
    (
        "sites:\n  queue_limit: {value: 30, min: 40, max: 20, unit: min, origin: S4/YN R23}",
        "min_over_max",
        "sites.queue_limit",
    ),
    (
        "sites:\n  queue_limit: {value: null, max: 20, unit: min, origin: S4/YN R23}",
        "no_value",
        "sites.queue_limit",
    ),
    (
        "transport:\n  storage_low: {value: 9, unit: celsius, origin: S4/YN R58}",
        "min_over_max",
        "transport.storage_low",
    ),
    (
        "sites:\n  open_from: {value: 25:00, origin: S4/YN R61}",
        "bad_time",
        "sites.open_from.value",
    ),
    ("sites:\n  open_from: {value: 20:00, origin: S4/YN R61}", "bad_time", "sites.open_to"),
    (
        "clocks:\n  deliver: {value: 4, unit: h, at: 18:00, origin: S4/YN R59}",
        "two_times",
        "clocks.deliver",
    ),
    (
        "clocks:\n  deliver: {value: 0, unit: h, origin: S4/YN R59}",
        "out_of_range",
        "clocks.deliver",
    ),
    (
        "clocks:\n  tea_break: {value: 4, unit: h, origin: S4/YN R59}",
        "unknown_key",
        "clocks.tea_break",
    ),
    (
        "duties:\n  deliver: {owner: driver, escalates_to: commander}",
        "unknown_role",
        "duties.deliver.owner",
    ),
    (
        "staffing:\n  lane:\n    cook: {value: 1, unit: person, origin: S4/YN R34}",
        "unknown_role",
        "staffing.lane.cook",
    ),
    (
        "pool:\n  single_only: {value: [martian], origin: S4/YN R51}",
        "unknown_category",
        "pool.single_only.value.0",
    ),
    (
        "scope:\n  order: {value: [[general], [blue_area]], origin: S4/YN R10}",
        "unknown_category",
        "scope.order.value.1.0",
    ),
    (
        "kits:\n  site:\n    sample_tubes: {value: 1, unit: piece, origin: S4/YN R82}",
        "unknown_item",
        "kits.site.sample_tubes",
    ),
    (
        "sites:\n  temperature_check: {value: maybe, origin: S4/YN R24}",
        "unknown_code",
        "sites.temperature_check.value",
    ),
    ("sites:\n  zones: {value: [waiting, roof], origin: S4/YN R27}", "unknown_code", "sites.zones"),
    (
        "sites:\n  zones: {value: [waiting, waiting], origin: S4/YN R27}",
        "repeated_code",
        "sites.zones",
    ),
    ("pool:\n  sizes: {value: [1, 20], origin: S4/YN R49}", "default_size_not_allowed", "pool"),
    ("pool:\n  sizes: {value: [], origin: S4/YN R49}", "empty", "pool.sizes.value"),
    (
        "rounds:\n  finish: {value: [{up_to: 100, hours: 24}], origin: S4/YN R2}",
        "open_band",
        "rounds.finish",
    ),
    (
        "rounds:\n  finish: {value: [{up_to: 9, hours: 2}, {up_to: 5, hours: 3}, {hours: 4}], origin: S4/YN R2}",
        "open_band",
        "rounds.finish",
    ),
    (
        "sites:\n  one_site_per_village: {value: true}\n  one_site_per_village: {value: false}",
        "duplicate_key",
        "sites.one_site_per_village",
    ),
    ("sites: 3", "wrong_type", "sites"),
]


@pytest.mark.parametrize(("more", "code", "path"), BAD, ids=[f"{c}-{p}" for _, c, p in BAD])
def test_a_malformed_preset_is_refused_with_code_path_and_line(
    more: str, code: str, path: str
) -> None:
    with pytest.raises(presets.PresetError) as caught:
        presets.parse(GOOD + more, code="trial")
    found = {(problem.code, problem.path) for problem in caught.value.problems}
    assert (f"campaigns.preset_{code}", path) in found
    assert str(caught.value)
    for problem in caught.value.problems:
        for lang in ("zh", "en"):
            told = sentence(problem.code, lang, dict(problem.params))
            assert told["says"] != problem.code
            assert told["do"]
            assert "…" not in told["says"].replace("default …", "")


HEADERS: list[tuple[str, str, str, str]] = [
    ("code: trial", "code: other", "code_mismatch", "header.code"),
    ("version: 1", "version: 0", "out_of_range", "header.version"),
    ("version: 1", "version: one", "wrong_type", "header.version"),
    ("source: S4/YN", "source: 某文件", "bad_pattern", "header.source"),
    ("kind: plan", "kind: plan\n  effective_to: 2023-01-01", "bad_dates", "header"),
    ("title: {zh: 试, en: Trial}", "title: {zh: 试}", "missing_key", "header.title.en"),
    ("  version: 1\n", "", "missing_key", "header.version"),
    ("extends: base", "extends: nobody", "unknown_base", "extends"),
    ("extends: base", "extends: [base]", "wrong_type", "extends"),
    ("extends: base\n", "", "missing_key", "scope"),
]


@pytest.mark.parametrize(("old", "new", "code", "path"), HEADERS)
def test_a_malformed_header_is_refused(old: str, new: str, code: str, path: str) -> None:
    assert old in GOOD
    with pytest.raises(presets.PresetError) as caught:
        presets.parse(GOOD.replace(old, new), code="trial")
    found = {(problem.code, problem.path) for problem in caught.value.problems}
    assert (f"campaigns.preset_{code}", path) in found


def test_the_good_file_is_good_and_the_line_is_named() -> None:
    assert presets.parse(GOOD, code="trial").sites.lane_per_hour.value == 100
    with pytest.raises(presets.PresetError) as caught:
        presets.parse(
            GOOD + "sites:\n  spacing: {value: 2, unit: cm, origin: S4/YN R22}", code="trial"
        )
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("trial.yaml", GOOD.count("\n") + 2)
    assert caught.value.status == 422


def test_all_faults_are_told_at_once() -> None:
    more = "sites:\n  spacing: {value: 2, unit: m}\n  one_way_flow: {value: 1, origin: S4/YN R27}"
    with pytest.raises(presets.PresetError) as caught:
        presets.parse(GOOD + more, code="trial")
    assert {p.path for p in caught.value.problems} == {
        "sites.spacing.origin",
        "sites.one_way_flow.value",
    }
    assert caught.value.params["more"] == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "not_a_mapping"), (b"- 1\n- 2\n", "not_a_mapping"), (b"\xff\xfe\x00", "not_utf8")],
)
def test_a_file_that_is_no_preset(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "trial.yaml").write_bytes(content)
    with pytest.raises(presets.PresetError) as caught:
        presets.load("trial", tmp_path)
    assert caught.value.code == f"campaigns.preset_{code}"


def test_too_large_a_file_and_too_deep_a_file() -> None:
    with pytest.raises(presets.PresetError) as caught:
        presets.parse("a: " + "x" * 1_000_001, code="trial")
    assert caught.value.code == "campaigns.preset_too_large"
    with pytest.raises(presets.PresetError) as caught:
        presets.parse("[" * 5_000, code="trial")
    assert caught.value.code == "campaigns.preset_not_yaml"


@pytest.mark.parametrize("code", ["nobody", BASE, "../presets/mule", ""])
def test_an_unknown_preset_is_not_found(code: str) -> None:
    with pytest.raises(presets.PresetError) as caught:
        presets.load(code)
    assert caught.value.code == "campaigns.preset_unknown_preset"
    assert caught.value.status == 404


def test_extends_in_a_circle(tmp_path: Path) -> None:
    for code, parent in (("one", "two"), ("two", "one")):
        text = GOOD.replace("extends: base", f"extends: {parent}").replace("trial", code)
        (tmp_path / f"{code}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(presets.PresetError) as caught:
        presets.load("one", tmp_path)
    assert caught.value.code == "campaigns.preset_extends_loop"


def test_a_preset_may_extend_a_plan_and_keeps_its_origins_as_inherited(tmp_path: Path) -> None:
    for code in (BASE, "yongning"):
        source = presets.DEFAULT_DIRECTORY / f"{code}.yaml"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    text = GOOD.replace("extends: base", "extends: yongning")
    (tmp_path / "trial.yaml").write_text(text, encoding="utf-8")
    trial = presets.load("trial", tmp_path)
    assert trial.sites.spacing.layer == "yongning"
    assert trial.clocks.uncooled.layer == BASE
    assert presets.diff(trial, presets.load("yongning")) == ()


def test_an_edit_is_seen_by_the_next_load(tmp_path: Path) -> None:
    base = presets.DEFAULT_DIRECTORY / f"{BASE}.yaml"
    (tmp_path / base.name).write_bytes(base.read_bytes())
    file = tmp_path / "trial.yaml"
    line = "sites:\n  people_per_site: {value: %d, unit: person, origin: S4/YN R16}\n"
    file.write_text(GOOD + line % 1200, encoding="utf-8")
    before = presets.load("trial", tmp_path)
    file.write_text(GOOD + line % 12_000, encoding="utf-8")
    after = presets.load("trial", tmp_path)
    assert [row.path for row in presets.diff(before, after)] == ["sites.people_per_site"]
    assert presets.digest(before) != presets.digest(after)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("abc: \n-[]{}\"'#&*!|>%@0129é中"), max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(presets.PresetError):
        presets.parse(text, code="trial")


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=3), st.lists(st.integers(0, 3))
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([path for path, _ in presets.leaves(MULE)]), scalars)
def test_any_wrong_value_is_refused_by_path_or_kept_exactly(path: str, value: object) -> None:
    stored = presets.snapshot(MULE)
    node = stored
    for part in path.split("."):
        node = node[part]
    if "value" not in node:
        return
    node["value"] = value
    problems: list[presets.Problem] = []
    try:
        edited = presets.restore(stored)
    except presets.PresetError as error:
        problems = error.problems
    else:
        assert presets.snapshot(edited) == stored
    group = path.partition(".")[0]
    assert {problem.path.partition(".")[0] for problem in problems} <= {group}
    assert {problem.code for problem in problems} <= set(catalogue("zh"))


def test_yaml_reads_plainly_what_a_clerk_writes() -> None:
    raw, lines = read_text("a: {value: 07:00, b: no, c: 1_000, d: 0.2}\n", "x.yaml")
    assert raw == {"a": {"value": "07:00", "b": "no", "c": 1000, "d": 0.2}}
    assert lines["a.value"] == 1
    assert yaml.safe_load("a: 18:00") == {"a": 1080}  # why the reader is our own


def test_command_explains_a_bad_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "trial.yaml").write_text("extends: nobody\n", encoding="utf-8")
    monkeypatch.setattr("yingjian.campaigns.preset_files.DEFAULT_DIRECTORY", tmp_path)
    with pytest.raises(CommandError, match=r"campaigns\.preset_unknown_base"):
        call_command("preset", "check")
    with pytest.raises(CommandError, match="没有预案"):
        call_command("preset", "show", "mule")
