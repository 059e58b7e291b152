"""Barriers and paths as map programs hand them over, and what is wrong with a file said by its kind."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from hypothesis import assume, given
from hypothesis import strategies as st

from yingjian.campaigns import presets
from yingjian.engines.plan.model import PlanError, Resources, Span
from yingjian.engines.plan.tests import cases
from yingjian.kernel.errors import catalogue
from yingjian.planning import lines, rules

START = datetime(2021, 1, 16, 7, tzinfo=ZoneInfo("Asia/Shanghai"))


RIVER = [[106.2, 38.1], [106.25, 38.3, 1100.0], [106.3, 38.6]]


@pytest.mark.parametrize(
    "given",
    [
        [RIVER],
        {"type": "LineString", "coordinates": RIVER},
        {"type": "MultiLineString", "coordinates": [RIVER, [[1, 1]]]},
        {"type": "Polygon", "coordinates": [RIVER]},
        {"type": "MultiPolygon", "coordinates": [[RIVER]]},
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}},
                {"type": "Feature", "geometry": None},
                {"type": "Feature", "geometry": {"type": "LineString", "coordinates": RIVER}},
            ],
        },
        {
            "type": "GeometryCollection",
            "geometries": [{"type": "LineString", "coordinates": RIVER}],
        },
    ],
)
def test_lines_nobody_crosses_are_read_as_map_programs_write_them(given: object) -> None:
    found = rules.choice_of({"barriers": given}).params.barriers
    assert found == (((106.2, 38.1), (106.25, 38.3), (106.3, 38.6)),)


def test_no_lines_are_no_option() -> None:
    assert rules.choice_of({"barriers": []}).params == rules.choice_of({}).params


DEEP: dict[str, Any] = {"type": "Point"}
for _ in range(3_000):
    DEEP = {"type": "GeometryCollection", "geometries": [DEEP]}


@pytest.mark.parametrize(
    ("given", "code", "named"),
    [
        ("river", "bad", {"got": "river"}),
        (5, "bad", {"got": "5"}),
        ({"type": "Topology"}, "bad", {"got": "Topology"}),
        ({"type": "LineString"}, "bad", {"got": "null"}),
        ({"type": ["LineString"], "coordinates": RIVER}, "bad", {}),
        ({"type": "FeatureCollection", "features": 5}, "bad", {"got": "5"}),
        ({"type": "FeatureCollection", "features": "ab"}, "bad", {"got": "ab"}),
        (DEEP, "bad", {"got": "[[[[…"}),
        ({"type": "LineString", "coordinates": [[1, 1], [float("nan"), 2]]}, "place", {"line": 1}),
        ({"type": "LineString", "coordinates": [[1, 1], [400, 2]]}, "place", {"got": "[400, 2]"}),
        ({"type": "LineString", "coordinates": [[38.1, 106.2]]}, "place", {"line": 1}),
        ({"type": "LineString", "coordinates": [[1, 1], ["x", 2]]}, "place", {"line": 1}),
        ({"type": "LineString", "coordinates": [[1, 1], [2]]}, "place", {"got": "[2]"}),
        ({"type": "LineString", "coordinates": [[1, 1], [True, 2]]}, "place", {"got": "[true, 2]"}),
        ({"type": "LineString", "coordinates": [RIVER]}, "place", {"line": 1}),
        ([RIVER, [[106.2, 95]]], "place", {"line": 2, "got": "[106.2, 95]"}),
        ({"type": "Point", "coordinates": [1, 1]}, "none", {}),
        ({"type": "LineString", "coordinates": [[1, 1]]}, "none", {}),
        ({"type": "FeatureCollection", "features": []}, "none", {}),
        ([[[0.001 * n, 1.0] for n in range(60_001)]], "many", {"places": 60_001}),
    ],
)
@pytest.mark.parametrize("name", ["barriers", "paths"])
def test_lines_that_are_none_are_refused_by_what_is_wrong(
    name: str, given: object, code: str, named: dict[str, object]
) -> None:
    with pytest.raises(PlanError) as caught:
        rules.choice_of({name: given})
    assert caught.value.code == (f"bad_{name}" if code == "bad" else f"{name}_{code}")
    assert named.items() <= caught.value.params.items()
    assert f"planning.{caught.value.code}" in catalogue("zh")


@given(
    lon=st.floats(-0.2, 0.2), lat=st.floats(-0.2, 0.2), name=st.sampled_from(["barriers", "paths"])
)
def test_lines_of_another_county_are_refused(lon: float, lat: float, name: str) -> None:
    homes = [(106.0, 38.0), (106.1, 38.1), (None, None)]
    own = [[[106.05, 38.05], [106.2, 38.05]]]
    there = [[[106.05 + lon, 38.05 + lat], [106.05 + lon, 38.05 + lat]]]
    only, both = (rules.choice_of({name: given}).params for given in (there, own + there))
    lines.stay_near(both, homes)
    lines.stay_near(only, homes[2:])
    east = max(0.0, abs(lon) - 0.05) * math.cos(math.radians(38)) * 111.32
    far = math.hypot(east, max(0.0, abs(lat) - 0.05) * 111.32)
    assume(abs(far - lines.NEAR_KM) > 0.01)  # coordinates are rounded to a metre
    if far < lines.NEAR_KM:
        lines.stay_near(only, homes)
        return
    with pytest.raises(PlanError) as caught:
        lines.stay_near(only, homes)
    assert caught.value.code == f"{name}_elsewhere"
    assert caught.value.params["km"] == pytest.approx(far, abs=0.6)
    assert f"planning.{caught.value.code}" in catalogue("zh")


def test_a_plan_is_not_made_with_lines_of_another_county() -> None:
    preset = presets.load("yilaha")
    villages, blocks = cases.county(60, 2, area="231183", home=0, single=0)
    lon, lat = next((b.lon, b.lat) for b in blocks if b.lon is not None and b.lat is not None)
    window = Span(START, START + timedelta(days=1))
    facts = rules.RoundFacts("r", "231183101", 1, 1, window)
    asked: dict[str, Any] = {
        "villages": villages, "blocks": blocks, "labs": [], "resources": Resources(), "tz": START.tzinfo,
    }  # fmt: skip
    near = rules.choice_of({"paths": [[[lon, lat], [lon, lat + 0.01]]]})
    assert rules.problem_for(preset, facts, choice=near, **asked).blocks
    far = rules.choice_of({"paths": [[[lon + 5, lat], [lon + 5, lat + 0.01]]]})
    with pytest.raises(PlanError) as caught:
        rules.problem_for(preset, facts, choice=far, **asked)
    assert caught.value.code == "paths_elsewhere"


def test_paths_keep_their_heights_and_barriers_do_not() -> None:
    hill = {"type": "LineString", "coordinates": [[106.2, 38.1, 1110.04], [106.25, 38.3, 99_999]]}
    found = rules.choice_of({"paths": hill, "barriers": hill}).params
    assert found.paths == (((106.2, 38.1, 1110.0), (106.25, 38.3)),)
    assert found.barriers == (((106.2, 38.1), (106.25, 38.3)),)


def test_a_countys_paths_are_more_than_its_barriers_and_not_without_end() -> None:
    def line(places: int) -> list[list[list[float]]]:
        return [[[0.001 * n, 1.0] for n in range(places)]]

    assert len(rules.choice_of({"paths": line(5_000)}).params.paths[0]) == 5_000
    with pytest.raises(PlanError) as caught:
        rules.choice_of({"paths": line(60_001)})
    assert caught.value.code == "paths_many"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (None, "file_missing", "打不开"),
        (b"\xff\xfe\x00", "file_no_text", "UTF-8"),
        (b"", "file_no_json", "第1行第1个字符"),
        (b'{"type": "LineString",\n "coordinates": [[1, 1], }', "file_no_json", "第2行第26个字符"),
        (b"[" * 100_000, "file_no_json", "JSON"),
        (b"[]", "paths_none", "没有道路线"),
        (b"null", "paths_none", "没有道路线"),
        (b'{"type": "LineString", "coordinates": [[NaN, 1], [1, 1]]}', "paths_place", "[NaN, 1]"),
    ],
)
def test_the_command_names_what_is_wrong_with_a_file(
    tmp_path: Path, text: bytes | None, code: str, says: str
) -> None:
    file = tmp_path / "路网.geojson"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(CommandError) as caught:
        call_command("plan", "0199c0de-0000-7000-8000-000000000000", f"--paths={file}")
    told = str(caught.value)
    assert told.startswith(f"planning.{code}: ")
    assert says in told
    assert caught.value.returncode == 1


def test_the_command_says_what_is_no_round_in_the_readers_language() -> None:
    for language, says in (("zh", "“x”不是轮次编号"), ("en", "x is no round's id")):
        with pytest.raises(CommandError, match=says):
            call_command("plan", "x", f"--language={language}")
