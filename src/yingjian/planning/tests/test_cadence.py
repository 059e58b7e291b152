"""How often to swab: the preset's days by history, plans on the same dice, doors, papers, the command."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from docx import Document
from python_calamine import CalamineWorkbook

from yingjian.access.tests.factories import TOWN_B, new_id
from yingjian.campaigns import presets
from yingjian.engines.epidemic.model import Params, Problem
from yingjian.engines.epidemic.solve import solve
from yingjian.engines.plan.model import Lab
from yingjian.planning import cadence, rules, wording
from yingjian.planning.cadence import CadenceAsked, people_of
from yingjian.planning.ground import Ground, Place, Town
from yingjian.planning.tests.plan_factories import propose, town
from yingjian.planning.tests.test_documents import signed_in

AT = datetime(2026, 6, 2, 4, tzinfo=UTC)
START = date(2026, 6, 2)
FEW = CadenceAsked(days=6)


@pytest.fixture(autouse=True)
def _few_outbreaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cadence, "RUNS", (4, 4))


def ago(*days: int) -> list[date]:
    return [START - timedelta(days=day) for day in days]


def ground(preset: str = "mule", *towns: Town, tubes: int = 100_000) -> Ground:
    own = presets.load(preset)
    known = towns or (place("A", [], []), place("B", [], []))
    brief: Any = SimpleNamespace(id=new_id(), window_start=AT, window_end=AT + timedelta(days=1))
    return Ground(AT, brief, own, rules.rules_of(own), known, [Lab("L", "L", tubes)], [], None)


def place(name: str, rounds: list[date], cases: list[date], *, homes: int = 200) -> Town:
    own = Place(f"{name}1", {1: homes, 2: homes, 3: homes}, 7, {4: 5})
    return Town(name, name, [own, own], 0, 0, "none", sorted(rounds), sorted(cases))


def test_each_town_goes_on_from_its_own_history() -> None:
    known = ground(
        "mule", place("daily", ago(5, 3, 1), ago(2)), place("second", ago(6, 4, 2), ago(10)),
        place("fifth", ago(9, 6, 3), []), place("owing", [], []),
    )  # fmt: skip
    found = cadence.cadence(known, CadenceAsked(days=8), language="zh")
    days = {town.name: [(turn.on - START).days for turn in town.turns] for town in found.towns}
    assert days == {
        "daily": [0, 1, 3, 5, 7], "second": [0, 2, 4], "fifth": [0, 5], "owing": [0, 1, 2, 7],
    }  # fmt: skip
    assert {town.turns[0].why for town in found.towns} == {"opening"}
    assert found.towns[0].last_case == START - timedelta(days=2)
    assert (found.terms.first, found.terms.lookback, found.terms.every_none) == (3, 14, 5)
    by = {plan.code: plan for plan in found.plans}
    assert by["rule"].swabs < by["daily"].swabs
    assert (by["every3"].below_rule, by["daily"].below_rule) == (True, False)


def test_more_rounds_cost_more_and_find_sooner() -> None:
    found = cadence.cadence(ground(), CadenceAsked(days=12, seeds=20), language="zh")
    assert [plan.tubes for plan in found.plans] == sorted(plan.tubes for plan in found.plans)
    by = {plan.code: plan for plan in found.plans}
    assert by["none"].cases_mean > by["every3"].cases_mean > by["daily"].cases_mean
    assert by["none"].swabs == 0
    assert by["once"].swabs == pytest.approx(found.terms.people * 0.98, rel=0.02)
    assert by["daily"].staff_days > by["every3"].staff_days > 0
    assert by["daily"].price is not None
    for plan in found.plans:
        assert len(plan.curve) == 12
        assert plan.curve[-1] == plan.cases
        assert sum(held.swabs for held in plan.held) == pytest.approx(plan.swabs, abs=12)
    again = cadence.cadence(ground(), CadenceAsked(days=12, seeds=20), language="zh")
    assert again.plans == found.plans
    assert found.says[0].startswith(
        ("检测能力跟得上的安排中，“每天一轮”", "检测能力跟得上的安排中，“按预案")
    )


def test_what_the_laboratories_do_not_manage_is_not_recommended() -> None:
    slow = cadence.cadence(ground(tubes=10), FEW, language="zh")
    assert {plan.fits for plan in slow.plans if plan.code != "none"} == {False}
    assert "超出检测能力" in slow.says[0]
    none = replace(ground(), labs=[])
    unknown = cadence.cadence(none, FEW, language="zh")
    assert {plan.fits for plan in unknown.plans} == {None}
    assert "未核对检测能力" in unknown.says[0]


def test_a_preset_without_a_rule_says_so() -> None:
    found = cadence.cadence(ground("yongning"), FEW, language="zh")
    assert "rule" not in {plan.code for plan in found.plans}
    assert [town.turns for town in found.towns] == [[], []]
    assert any("没有规定轮次间隔" in line for line in found.says)


def test_a_large_round_is_played_in_proportion() -> None:
    small, large = ground(), ground("mule", *(place(name, [], [], homes=9_000) for name in "ABC"))
    assert len(people_of(small).household) == small.people
    played = people_of(large)
    assert 0.98 * cadence.PLAYED < len(played.household) <= 1.02 * cadence.PLAYED
    sizes = np.bincount(np.bincount(played.household))
    assert sizes[1] == pytest.approx(sizes[3], rel=0.02)
    assert np.bincount(played.area) / len(played.area) == pytest.approx([1 / 3] * 3, abs=0.01)


@pytest.mark.parametrize("r", [0.0, 0.4, 2.0])
def test_one_case_infects_as_many_as_was_said(r: float) -> None:
    people = people_of(ground("mule", place("A", [], [], homes=3_000)))
    disease = replace(cadence.disease_of(people, r, 0.0), latent=1.0, latent_sd=0.0)
    log = [
        solve(Problem(people, disease=disease, days=8, seeds=150, seed_days=0), Params(runs=1), seed=seed).log
        for seed in range(3)
    ]  # fmt: skip
    by_seeds = sum(int((one.source[one.way > 0] < 150).sum()) for one in log) / 450
    assert by_seeds == pytest.approx(r, abs=0.2)


@pytest.mark.django_db
def test_over_http_on_paper_and_by_command() -> None:
    round_id = town("mule")
    propose(round_id)
    client = signed_in()
    body = client.get(f"/api/rounds/{round_id}/cadence?days=4").json()
    assert body["plans"][0]["code"] == "none"
    assert body["terms"]["people"] == 120
    assert body["terms"]["staff_per_thousand"] > 0
    assert client.get(f"/api/rounds/{round_id}/cadence?days=99").status_code == 422
    assert signed_in(TOWN_B).get(f"/api/rounds/{round_id}/cadence").status_code == 404
    names = wording.words("zh")["cadence"]
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(client.get(f"/api/rounds/{round_id}/cadence.xlsx?days=4").content)
    )
    assert book.sheet_names[1:] == list(names["table"].values())
    plans = book.get_sheet_by_name(names["table"]["plans"]).to_python()
    assert [row[0] for row in plans[1:]] == [plan["name"] for plan in body["plans"]]
    paper = Document(io.BytesIO(client.get(f"/api/rounds/{round_id}/cadence.docx?days=4").content))
    assert body["says"][0] in "\n".join(p.text for p in paper.paragraphs)
    out = io.StringIO()
    call_command("choices", str(round_id), "--json", "--option", "days=3", stdout=out)
    assert len(json.loads(out.getvalue())["cadence"]["plans"]) == len(body["plans"])
    with pytest.raises(CommandError, match=r"planning\.bad_option"):
        call_command("choices", str(round_id), "--option", "days=99")


def test_both_languages_have_the_same_words() -> None:
    def keys(value: Any, path: str = "") -> set[str]:
        if not isinstance(value, dict):
            return {path}
        return set().union(*(keys(part, f"{path}.{name}") for name, part in value.items()))

    for part in ("pooling", "cadence"):
        zh, en = (keys(wording.words(language)[part]) for language in ("zh", "en"))
        assert zh == en
