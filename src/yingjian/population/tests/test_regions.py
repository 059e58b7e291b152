"""The list of regions: read whole or refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from yingjian.kernel.errors import RuleBroken
from yingjian.population.regions import RegionIndex, read_regions
from yingjian.population.values import RegionLevel

DATA = Path(__file__).resolve().parents[4] / "data" / "regions"
HEAD = "code,name,level,parent_code\n"
NINGXIA = "640000000000,宁夏回族自治区,province,\n"


@pytest.mark.parametrize("file", sorted(DATA.glob("*.csv")), ids=lambda path: path.stem)
def test_the_shipped_extracts_are_whole_trees(file: Path) -> None:
    rows = read_regions(file)
    seen: set[str] = set()
    for row in rows:
        assert row.parent_code == "" or row.parent_code in seen, "parents come first"
        seen.add(row.code)
    assert RegionLevel.VILLAGE in {row.level for row in rows}


def test_farms_without_villages_are_leaves() -> None:
    index = RegionIndex(read_regions(DATA / "640121-yongning.csv"))
    assert "640121100200" in index
    assert index.is_leaf("640121100200")
    assert not index.is_leaf("640121100000")
    assert not index.is_leaf("999999999999")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("code,name\n1,2\n", "column_missing"),
        (HEAD + "64,宁夏,province,\n", "code"),
        (HEAD + "640000000000,,province,\n", "name"),
        (HEAD + "640000000000,宁夏,county,\n", "level"),
        (HEAD + "640000000000,宁夏,planet,\n", "level"),
        (HEAD + NINGXIA + "640100000000,银川市,city,650000000000\n", "parent"),
        (HEAD + NINGXIA + "640000000000,甘肃省,province,\n", "two_names"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleBroken) as caught:
        read_regions(path)
    assert caught.value.code == f"population.regions.{code}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleBroken) as caught:
        read_regions(tmp_path / "nothing.csv")
    assert caught.value.params == {"file": "nothing.csv"}
