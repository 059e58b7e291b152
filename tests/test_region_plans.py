"""The presets' plans as `yingjian bench plan --region` makes them, small: judged clean; a city by districts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import region_plans as bench
from benchmarks import regions
from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.tests.cases import QUICK

ONE = [name for name, region in bench.REGIONS.items() if not region.districts]
CITIES = [name for name, region in bench.REGIONS.items() if region.districts]
GIVES_WAY = {"site_small", "results_late"}
"""Warnings a village asks for: fewer people within the walk than a site should have; late last results."""


def parts(name: str, people: int) -> list[bench.Part]:
    region = bench.REGIONS[name]
    if region.districts:
        region = replace(region, made_up=3)
    ground = replace(region.ground, km2=min(region.ground.km2, 120.0))
    found, _ = bench.parts_of(replace(region, ground=ground), people=people, data=None)
    return [replace(part, effort=QUICK.effort) for part in found]


@pytest.mark.parametrize("name", ONE)
def test_a_small_one_is_planned_and_judged_clean(name: str) -> None:
    (part,) = parts(name, 2_500)
    figures = bench.plan_part(part)
    assert figures["people"] == 2_500
    assert figures["errors"] == 0, figures["findings"]
    told = {key.split(":")[1] for key in figures["findings"] if key.startswith("warning")}
    assert told <= GIVES_WAY, figures["findings"]
    assert figures["matching"]["faults"] == 0
    assert figures["vacant"] == 0
    if name != "shushan":  # one site a village: nothing to choose
        assert 0 <= figures["gap"] < 0.5
    for step in ("siting", "runs", "checker", "match"):
        assert figures["seconds"][step] >= 0


@pytest.mark.parametrize("name", CITIES)
def test_a_citys_districts_keep_the_rules_of_the_city(name: str) -> None:
    own = parts(name, 6_000)
    assert len(own) == 3
    assert sum(part.people for part in own) == 6_000
    last = replace(own[-1], params=PlanParams(routed=False))
    problem = bench.problem_of(last)
    plan = make_plan(problem, last.params, search=QUICK)
    hours = {"city5m": 48, "chengdu3": 72, "chengdu1": 24}[name]
    assert problem.rules.number("rounds.finish") == hours * 60
    assert len(problem.days) == hours // 24
    errors = [
        f for f in plan_checker.broken(plan_checker.check(problem, plan)) if f.level == "error"
    ]
    assert errors == []


def test_laboratories_of_a_city_are_shared_out_whole() -> None:
    region = replace(bench.REGIONS["city5m"], made_up=3)
    own, sharing = bench.parts_of(region, people=90_000, data=None)
    assert sharing is not None
    assert sharing.short == {}
    assert sharing.support, "districts with too few laboratories are helped"
    assert {s.giver for s in sharing.support}.isdisjoint({""})
    shared = sum(lab.tubes_per_day for part in own for lab in part.labs)
    again, other = bench.parts_of(region, people=90_000, data=None)
    assert other is not None
    assert [part.labs for part in again] == [part.labs for part in own]
    assert shared >= 90_000 / 10 / 2


def test_a_made_up_county_adds_up_and_repeats() -> None:
    places = regions.peopled(regions.made_up("640121", people=5_000), 5_000, 3)
    assert sum(place.people for place in places) == 5_000
    ground = regions.Ground(106.25, 38.28, 100.0)
    villages, blocks = regions.county(places, ground, 3)
    assert sum(block.people for block in blocks) == 5_000
    assert len({block.key for block in blocks}) == len(blocks)
    assert (villages, blocks) == regions.county(places, ground, 3)
    assert blocks != regions.county(places, ground, 4)[1]


def test_villages_are_read_by_prefix(tmp_path: Path) -> None:
    (tmp_path / "9901-city.csv").write_text(
        "code,name,level,parent_code\n990101000000,甲区,county,990100000000\n"
        "990101001001,一居,village,990101001000\n990102001001,二居,village,990102001000\n",
        encoding="utf-8",
    )
    villages, names = regions.read(tmp_path, "990101")
    assert villages == [("990101001001", "一居")]
    assert names == {"990101": "甲区"}
    with pytest.raises(FileNotFoundError):
        regions.read(tmp_path, "990109")


def test_growth_is_the_slope_of_time_over_people() -> None:
    assert bench.growth([(1_000, 2.0), (10_000, 20.0), (100_000, 200.0)]) == pytest.approx(1.0)
    assert bench.growth([(1_000, 2.0), (10_000, 200.0)]) == pytest.approx(2.0)
    assert bench.growth([(1_000, 2.0), (1_000, 3.0)]) is None
