"""The laws of the house, laid on the house. See ``laws.py``."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps

from tests.architecture import laws
from yingjian.rooms import ROOMS

PROJECT = Path(__file__).resolve().parents[2]
HOUSE = PROJECT / "src" / "yingjian"


@pytest.fixture(scope="module")
def house() -> list[laws.Source]:
    """The rooms' modules."""
    return list(laws.sources(HOUSE))


@pytest.fixture(scope="module")
def everything(house: list[laws.Source]) -> list[laws.Source]:
    """All of the project's own Python, below the names it is imported by."""
    others = [
        laws.Source(source.path, f"{name}.{source.name}".rstrip("."), source.tree)
        for name in ("config", "drill", "tests", "benchmarks")
        for source in laws.sources(PROJECT / name)
    ]
    inside = [
        laws.Source(source.path, f"yingjian.{source.name}".rstrip("."), source.tree)
        for source in house
    ]
    return [*inside, *others]


def test_every_room_is_there_and_says_what_it_owns() -> None:
    assert laws.rooms_without_readme(HOUSE) == []


def test_every_package_is_a_room_or_named() -> None:
    packages = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert packages == {*ROOMS, "engines", "kernel"}


def test_rooms_are_entered_through_their_doors() -> None:
    assert laws.closed_doors("yingjian") == []


def test_foreign_keys_point_down() -> None:
    assert laws.upward_keys(apps.get_models()) == []


def test_edges_do_not_read_tables(house: list[laws.Source]) -> None:
    assert laws.managers_in_api(house) == []


def test_edges_are_thin(house: list[laws.Source]) -> None:
    assert laws.long_edges(house) == []


def test_rules_and_actions_have_no_clock(house: list[laws.Source]) -> None:
    assert laws.wall_clock(house) == []


def test_rooms_do_not_read_the_environment(house: list[laws.Source]) -> None:
    drill = laws.sources(PROJECT / "drill")
    assert laws.environment([*house, *drill]) == []


def test_sizes_keep_to_their_caps(everything: list[laws.Source]) -> None:
    allowed = tomllib.loads((Path(__file__).with_name("exceptions.toml")).read_text("utf-8"))
    assert laws.ratchet(laws.sizes(everything), allowed) == []


def test_locks_carry_hashes_and_no_addresses() -> None:
    locks = sorted(PROJECT.glob("requirements*.lock"))
    assert len(locks) == 3
    for lock in locks:
        text = lock.read_text("utf-8")
        assert "://" not in text, lock.name
        assert "--hash=sha256:" in text, lock.name
    assert not (PROJECT / "uv.lock").exists()
