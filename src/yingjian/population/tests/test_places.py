"""Coordinates as offices write them, shifted grids undone, addresses compared, lists of places read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.kernel.errors import RuleBroken
from yingjian.population import place_rules as rules
from yingjian.population.buildings import COLUMNS
from yingjian.population.place_files import PlaceReader
from yingjian.population.tests.files import write_csv, write_xlsx

CHINA_LON = st.floats(73.5, 134.5)
CHINA_LAT = st.floats(18.5, 53.0)


@settings(max_examples=40)
@given(CHINA_LON, CHINA_LAT)
def test_a_shifted_place_comes_back(lon: float, lat: float) -> None:
    east, north = rules.to_gcj02(lon, lat)
    metres = math.hypot((east - lon) * math.cos(math.radians(lat)), north - lat) * 111_320
    assert 30 < metres < 1200  # what a map is off by
    back = rules.to_wgs84(east, north, rules.GCJ02)
    assert back == pytest.approx((lon, lat), abs=1.1e-6)


def test_a_well_known_pair_of_both_grids() -> None:
    # the square before Tiananmen, as published in both grids
    assert rules.to_gcj02(116.391349, 39.907375) == pytest.approx((116.397592, 39.908778), abs=3e-5)
    lon, lat = rules.to_wgs84(116.403983, 39.915114, rules.BD09)
    assert (lon, lat) == pytest.approx((116.391349, 39.907375), abs=1e-4)
    assert rules.to_gcj02(2.35, 48.85) == (2.35, 48.85)


@pytest.mark.parametrize(
    ("cell", "degrees"),
    [
        ("106.25", 106.25), ("１０６．２５", 106.25), ("106°15′0″", 106.25), ("106度15分", 106.25),
        ("东经106.25", 106.25),
        ("106°15'0\"E", 106.25), ("106.25°", 106.25), ("W106:30", -106.5), ("-3.5", -3.5), ("106.25E", 106.25),
        ("", None), ("x", None), ("nan", None), ("inf", None), ("106°75′", None), ("1,2", None), ("1e400", None),
    ],
)  # fmt: skip
def test_degrees_are_read_as_offices_write_them(cell: str, degrees: float | None) -> None:
    assert rules.degrees_of(cell) == pytest.approx(degrees)


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ((106.2, 38.2), ""), ((-70.0, -33.0), ""), ((38.2, 106.2), "population.place.swapped"),
        ((35_612_345.0, 4_234_567.0), "population.place.projected"), ((0.0, 0.0), "population.place.zero"),
        ((181.0, 38.0), "population.place.range"), ((38.2, 84.0), "population.place.swapped"),
    ],
)  # fmt: skip
def test_wrong_places_are_named(place: tuple[float, float], fault: str) -> None:
    assert rules.place_fault(*place) == fault


def test_an_address_has_one_spelling_and_no_county_before_it() -> None:
    names = ["永宁县", "杨和镇", "王太村"]
    assert rules.address_key("永宁县杨和镇王太村 3组5号", names) == "3组5号"
    for spelling in (
        "幸福小区3号楼",
        "幸福小区 3#",
        "幸福小区3幢",
        "幸福小区第三栋",
        "幸福小区３号楼",
    ):
        assert rules.address_key(spelling) == "幸福小区3栋", spelling
    assert rules.address_key("第十二组") == "12组"
    assert rules.address_key("王太村", names) == "王太村"


def test_the_longest_building_an_address_begins_with() -> None:
    found = rules.Buildings({"幸福小区": 0, "幸福小区1栋": 1, "幸福小区1": 2, "3组": 3})
    assert found.of("幸福小区1栋2单元501") == 1
    assert found.of("幸福小区12栋101") == 0
    assert found.of("人民路幸福小区1栋") == 1
    assert found.of("3组5号") == 3
    assert found.of("13组5号") is None
    assert found.of("") is None


@settings(max_examples=40)
@given(st.text(max_size=20), st.dictionaries(st.text(min_size=1, max_size=6), st.integers(0, 9)))
def test_a_building_is_found_only_where_its_name_stands(address: str, keys: dict[str, int]) -> None:
    found = rules.Buildings(keys).of(address)
    assert found is None or any(key in address and keys[key] == found for key in keys)


# -- files -------------------------------------------------------------------------------------

HEAD = ("村(社区)代码", "楼栋", "经度", "纬度")


def lines(path: Path) -> list[Any]:
    return list(PlaceReader.open(path, COLUMNS).lines())


def test_tables_of_every_kind_are_read_alike(tmp_path: Path) -> None:
    rows = [
        ["231183101200", "3号楼", "106.2", "38.2"],
        ["", "", "", ""],
        list(HEAD),
        ["示例", "x", "1", "2"],
    ]
    csv = lines(write_csv(tmp_path / "a.csv", rows, head=HEAD, encoding="gb18030"))
    book = lines(
        write_xlsx(tmp_path / "a.xlsx", {"x": [["说明"]], "y": [["标题"], list(HEAD), *rows]})
    )
    assert [line.row for line in csv] == [2]
    assert [(line.sheet, line.row) for line in book] == [("y", 3)]
    assert csv[0].cells == book[0].cells


def test_geojson_takes_points_outlines_and_both_kinds_of_keys(tmp_path: Path) -> None:
    square = [[[106.0, 38.0], [106.2, 38.0], [106.2, 38.2], [106.0, 38.2], [106.0, 38.0]]]
    features = [
        {
            "properties": {"area_code": "231183101200", "楼栋": 3},
            "geometry": {"type": "Point", "coordinates": [106.2, 38.2, 5]},
        },
        {"properties": {"building": "4"}, "geometry": {"type": "Polygon", "coordinates": square}},
        {"properties": None, "geometry": {"type": "Point", "coordinates": ["x", None]}},
        "nothing",
    ]  # fmt: skip
    path = tmp_path / "a.geojson"
    path.write_text(
        "\ufeff" + json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    first, second, third, fourth = lines(path)
    assert (first.cells["area_code"], first.cells["building"], first.cells["lon"]) == (
        "231183101200",
        "3",
        "106.2",
    )
    assert float(second.cells["lon"]) == pytest.approx(106.1)
    assert float(second.cells["lat"]) == pytest.approx(38.1)
    assert "lon" not in third.cells
    assert not fourth.cells


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "population.roster.empty"),
        (b"{", "population.places.geojson"),
        (b'{"type":"Feature"}', "population.places.geojson"),
        (b'{"type":"FeatureCollection"}', "population.places.geojson"),
        (b'{"type":"FeatureCollection","features":[]}', "population.places.no_rows"),
        (b"[" * 100_000, "population.places.geojson"),
        ("经度,纬度\n".encode(), "population.places.no_rows"),
        ("经度,楼栋\n1,2\n".encode(), "population.roster.column_missing"),
        ("经度,纬度,lon\n1,2,3\n".encode(), "population.roster.column_twice"),
        ("姓名,电话\n王,1\n".encode(), "population.places.header_missing"),
        (b"%PDF-1.7\n\xe2\xe3", "population.roster.format_unknown"),
        (b"PK\x03\x04nothing", "population.roster.unreadable"),
        ('经度,纬度\n"1,2\n'.encode(), "population.roster.quotation"),
    ],
)
def test_what_is_no_list_is_refused_by_name(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(RuleBroken) as caught:
        lines(path)
    assert caught.value.code == code
