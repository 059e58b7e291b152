"""The synthetic county: exact, repeatable, plausible, and nobody real in it."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from drill import synth, synth_files

VILLAGES = [
    synth.Village("640121100200", "王太村", "永宁县杨和镇"),
    synth.Village("640121100201", "惠丰村", "永宁县杨和镇"),
    synth.Village("640121001001", "建设居委会", "永宁县团结西路街道", urban=True),
]
CENTRE = (106.25, 38.28)
ON = dt.date(2022, 6, 1)


def county(people: int = 5000, seed: int = 7) -> synth.Roster:
    return synth.county(
        villages=VILLAGES, people=people, seed=seed, centre=CENTRE, radius_km=10, on=ON
    )


@settings(max_examples=25, deadline=None)
@given(people=st.integers(1, 700), seed=st.integers(0, 2**32 - 1))
def test_exactly_as_many_people_as_asked(people: int, seed: int) -> None:
    made = county(people, seed)
    assert len(made) == people == len(list(synth_files.lines(made)))
    numbers = [number for number in made.id_number.tolist() if number]
    assert len(set(numbers)) == len(numbers)
    phones = [phone for phone in made.phone.tolist() if phone]
    assert len(set(phones)) == len(phones)


def test_a_seed_means_one_county() -> None:
    assert list(synth_files.lines(county())) == list(synth_files.lines(county()))
    assert list(synth_files.lines(county())) != list(synth_files.lines(county(seed=8)))


def test_citizen_numbers_are_sound_and_unassigned() -> None:
    made = county()
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    for number, kind, male, birth in zip(
        made.id_number.tolist(), made.id_type.tolist(), made.male, made.birth, strict=True
    ):
        if kind == "居民身份证":
            total = sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))
            assert number[17] == "10X98765432"[total % 11]
            assert number.startswith("99")
            assert (int(number[16]) % 2 == 1) == male
            assert number[6:14] == str(birth).replace("-", "")


def test_more_births_on_a_day_than_one_prefix_holds() -> None:
    birth = np.full(2_000, np.datetime64("1990-01-01"))
    numbers = synth.citizen_numbers(birth, np.ones(2_000, dtype=bool), prefix_base=990_000)
    assert len(set(numbers.tolist())) == 2_000
    assert {number[:6] for number in numbers.tolist()} == {"990000", "990001", "990002", "990003"}


def test_ages_are_as_of_the_day_and_nobody_is_unborn() -> None:
    made = county()
    for birth, age in zip(made.birth.tolist(), made.age.tolist(), strict=True):
        assert birth <= ON
        full = ON.year - birth.year - ((ON.month, ON.day) < (birth.month, birth.day))
        assert full == age


def test_households_are_plausible() -> None:
    made = county(20_000)
    sizes = np.bincount(made.household)
    assert 2.3 < sizes.mean() < 3.0
    assert sizes.max() <= 8
    doors = Counter(zip(made.village.tolist(), made.household.tolist(), strict=True))
    assert len(doors) == len(sizes), "no household spans two villages"
    assert (np.bincount(made.household, weights=made.relation == synth.HEAD) == 1).all()
    assert (made.age[made.relation == synth.SPOUSE] >= 20).all()
    assert len(set(made.household_address)) == len(made.household_address)
    keys = set(
        zip(
            made.village.tolist(), [made.household_no[door] for door in made.household], strict=True
        )
    )
    assert len(keys) == len(sizes)


def test_shares_are_plausible() -> None:
    made = county(30_000)
    assert 0.12 < (made.age >= 65).mean() < 0.28
    assert 0.10 < (made.age < 15).mean() < 0.22
    assert 0.48 < made.male.mean() < 0.55
    words = [word for word, *_ in synth.CATEGORIES]
    counts = {word: int((made.categories >> bit & 1).sum()) for bit, word in enumerate(words)}
    assert counts["老年人"] == int((made.age >= 65).sum())
    assert 3 <= counts["密接"] <= 30
    assert 0.02 < counts["重点人群"] / 30_000 < 0.05
    here = np.array([village.code for village in VILLAGES])[made.village]
    assert 0.08 < (made.registered_region != here).mean() < 0.15


def test_names_hold_rare_characters_and_middle_dots() -> None:
    names = county(30_000).name.tolist()
    assert any("·" in name for name in names)
    assert any(ord(char) > 0xFFFF for name in names for char in name)
    assert any("䶮" in name for name in names)
    assert all(2 <= len(name) <= 12 for name in names)


def test_villages_lie_around_the_centre() -> None:
    made = county()
    east = (made.household_lon - CENTRE[0]) * synth.KM_PER_DEGREE * np.cos(np.radians(CENTRE[1]))
    north = (made.household_lat - CENTRE[1]) * synth.KM_PER_DEGREE
    assert np.hypot(east, north).max() < 13


def test_both_files_hold_the_same_lines(tmp_path: Path) -> None:
    made = county(120)
    synth_files.write_csv(made, tmp_path / "a.csv")
    synth_files.write_xlsx(made, tmp_path / "a.xlsx", rows_per_sheet=50)
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.reader(stream))
    book = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx"))
    sheets = [book.get_sheet_by_index(at).to_python() for at in range(3)]
    assert [len(sheet) for sheet in sheets] == [51, 51, 21]
    assert tuple(lines[0]) == synth_files.HEADINGS == tuple(sheets[0][0])
    cells = [[str(cell) for cell in line] for sheet in sheets for line in sheet[1:]]
    assert cells == lines[1:]


@pytest.mark.parametrize("people", [0, -1])
def test_a_county_needs_people_and_villages(people: int) -> None:
    with pytest.raises(ValueError, match="needs villages"):
        county(people)
    with pytest.raises(ValueError, match="needs villages"):
        synth.county(villages=[], people=1, seed=1, centre=CENTRE, radius_km=1)
