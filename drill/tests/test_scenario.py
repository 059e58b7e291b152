"""The scenarios say what the sources say."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from drill import play, scenario, synth
from drill.office import people
from drill.scenario import ScenarioError
from drill.world import World

YILAHA = scenario.load("yilaha")
YONGNING = scenario.load("yongning")


def test_yilahas_force_is_the_reports_and_one_short_of_its_sum() -> None:
    jobs: Counter[str] = Counter()
    for row in YILAHA.staff:
        jobs[row.job] += row.people
    assert jobs == {"sampler": 30, "registrar": 15, "police": 4, "volunteer": 178}
    assert (sum(jobs.values()), YILAHA.stated[0].value) == (227, 228)
    supporting = [row for row in YILAHA.staff if row.supporting]
    assert (sum(row.people for row in supporting), len(supporting)) == (21, 3)


def test_yilahas_goods_are_the_reports() -> None:
    assert {item.code: item.used for item in YILAHA.items} == {
        "protective_suit": 178, "face_shield": 220, "hand_rub": 20, "gloves": 450,
        "surgical_mask": 600, "n95": 360, "boot_covers": 256,
    }  # fmt: skip
    assert all(item.received >= item.used for item in YILAHA.items)


def test_yilahas_times_are_the_reports() -> None:
    times = YILAHA.times
    assert (times.opens.hour, times.closes.hour) == (7, 15)
    assert times.closes - times.opens == timedelta(hours=8)
    first, second = YILAHA.tasks[:2]
    assert (first.opened.hour, second.opened.hour) == (13, 15)
    assert YILAHA.window_end.hour == 18
    for task in YILAHA.tasks:
        assert task.opened < task.done < times.opens
    assert times.results is not None
    assert times.results.date() > times.closes.date()


@pytest.mark.parametrize("given", [YILAHA, YONGNING])
def test_what_is_prepared_comes_in_order(given: scenario.Scenario) -> None:
    times = given.times
    assert times.roster < times.freeze <= times.plan < times.approve < times.activate
    assert times.activate < times.ready < times.opens < times.closes


def test_yongning_has_nine_areas_and_two_laboratories_for_rechecks() -> None:
    found = play.villages(YONGNING)
    assert len({village.code[:9] for village in found}) == 9
    assert {lab.kind for lab in YONGNING.laboratories if lab.recheck} == {"cdc_region", "cdc_city"}
    assert len(YONGNING.groups) == 11
    assert (YONGNING.people, YONGNING.seeded.positives) == (329_000, 12)


def test_nobody_in_yilaha_must_be_swabbed_alone() -> None:
    small = scenario.load("yilaha", people=800)
    world = World(small, None, None, None, print)  # type: ignore[arg-type]
    roster = people(world, play.villages(small))
    words = [word for word, *_ in synth.CATEGORIES]
    barred = sum(1 << words.index(word) for word in small.without)
    assert len(small.without) == 7
    assert not (roster.categories & barred).any()
    assert (roster.categories != 0).any()


def test_a_scenario_that_does_not_exist_or_does_not_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ScenarioError, match="yilaha"):
        scenario.load("atlantis")
    text = (scenario.HERE / "yilaha.yaml").read_text(encoding="utf-8")
    (tmp_path / "bent.yaml").write_text(
        text.replace("people: 7409", "people: many"), encoding="utf-8"
    )
    (tmp_path / "odd.yaml").write_text(text + "\nsurprise: 1\n", encoding="utf-8")
    monkeypatch.setattr(scenario, "HERE", tmp_path)
    with pytest.raises(ScenarioError, match=r"bent\.yaml.*people"):
        scenario.load("bent")
    with pytest.raises(ScenarioError, match="surprise"):
        scenario.load("odd")
