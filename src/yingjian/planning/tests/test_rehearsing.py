"""A plan rehearsed over HTTP, on paper and on the command line."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from docx import Document

from yingjian.access import scope
from yingjian.access.tests.factories import TOWN_B, new_id
from yingjian.campaigns.tests.factories import VILLAGE_A, frozen, persons
from yingjian.kernel.errors import RuleBroken
from yingjian.planning import rehearsing, wording
from yingjian.planning.models import PlanRecord
from yingjian.planning.tests.plan_factories import apply, laboratory, propose, town
from yingjian.planning.tests.test_documents import signed_in

pytestmark = pytest.mark.django_db
FEW = "runs=5&trials=3"


def test_a_rehearsal_over_http_says_when_it_ends_in_the_askers_language() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in()
    body = client.get(f"/api/plans/{plan_id}/rehearsal?{FEW}&seed=3").json()
    assert (body["plan_id"], body["version"]) == (str(plan_id), 1)
    assert (body["runs"], body["trials"], body["seed"]) == (5, 3, 3)
    (day,) = body["days"]
    assert day["people"] == 120 - 2  # two are visited at home
    low, middle, high = day["figures"]["last_swab"]
    assert 420 <= low <= middle <= high < 1440
    assert "result_breaches" in day["figures"]
    assert re.match(r"预计\d\d:\d\d采完", day["says"][0])
    assert {case["code"] for case in day["cases"]} >= {
        "absent",
        "rain",
        "turnout",
        "vehicle",
        "laboratory",
    }
    assert sum(site["people"] for site in day["sites"]) == day["people"]
    assert body["assumptions"]["no_show"] == pytest.approx(0.02)
    again = client.get(f"/api/plans/{plan_id}/rehearsal?{FEW}&seed=3").json()
    assert again == body
    english = client.get(
        f"/api/plans/{plan_id}/rehearsal?{FEW}", headers={"Accept-Language": "en"}
    ).json()
    assert english["days"][0]["says"][0].startswith("The last swab is expected at")


def test_unless_asked_otherwise_the_plan_is_played_more_often_than_each_trouble() -> None:
    plan_id, _ = propose(town())
    body = signed_in().get(f"/api/plans/{plan_id}/rehearsal").json()
    assert (body["runs"], body["trials"], body["seed"]) == (60, 10, 0)


def test_a_rehearsal_on_paper_has_every_part() -> None:
    plan_id, _ = propose(town())
    answer = signed_in().get(f"/api/plans/{plan_id}/rehearsal.docx?{FEW}")
    document = Document(io.BytesIO(answer.content))
    names = wording.words("zh")["rehearsal"]
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    for heading in names["table"].values():
        assert heading in text
    cases, *_, assumed = document.tables
    assert cases.rows[1].cells[0].text == names["as_planned"]
    assert len(assumed.rows) == 1 + len(names["assumed"])


def test_what_another_town_plans_is_not_rehearsed_for_strangers() -> None:
    plan_id, _ = propose(town())
    for path in ("rehearsal", "rehearsal.docx"):
        assert signed_in(TOWN_B).get(f"/api/plans/{plan_id}/{path}?{FEW}").status_code == 404


@pytest.mark.parametrize("asked", ["runs=0", "runs=501", "trials=x", "seed=x"])
def test_numbers_out_of_bounds_are_refused(asked: str) -> None:
    plan_id, _ = propose(town())
    assert signed_in().get(f"/api/plans/{plan_id}/rehearsal?{asked}").status_code == 422


def test_a_plan_that_visits_everybody_at_home_has_nothing_to_rehearse() -> None:
    persons(4, VILLAGE_A, categories=["home_bound"], household=True)
    laboratory()
    plan_id, _ = propose(frozen(preset="yongning"))
    answer = signed_in().get(f"/api/plans/{plan_id}/rehearsal?{FEW}")
    assert (answer.status_code, answer.json()["code"]) == (409, "planning.nobody_comes")


def test_the_command_rehearses_the_plan_in_force_and_writes_its_files(tmp_path: Path) -> None:
    round_id = town()
    first, _ = propose(round_id)
    propose(round_id, load=0.5)
    apply(first)
    out, told, annex = io.StringIO(), tmp_path / "r.json", tmp_path / "r.docx"
    call_command(
        "rehearse", str(round_id), "--runs=4", "--trials=2", f"--json={told}", f"--docx={annex}", stdout=out
    )  # fmt: skip
    found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    assert (found["plan_id"], found["runs"], found["trials"]) == (str(first), 4, 2)
    text = out.getvalue()
    assert found["days"][0]["says"][0] in text
    assert wording.words("zh")["rehearsal"]["table"]["cases"] in text
    assert Document(str(annex)).paragraphs[0].text.endswith("推演附件（方案第1版）")


def test_the_command_says_what_is_wrong() -> None:
    with pytest.raises(CommandError, match="not a round's id"):
        call_command("rehearse", "x")
    with pytest.raises(CommandError, match=r"planning\.plan_unknown"):
        call_command("rehearse", str(new_id()))


def test_a_stored_plan_the_twin_cannot_play_has_a_name() -> None:
    plan_id, _ = propose(town())
    with scope.everywhere():
        record = PlanRecord.objects.get(id=plan_id)
        for site in record.document["sites"]:
            site["stations"] = []
        record.save()
        with pytest.raises(RuleBroken) as caught:
            rehearsing.rehearse(plan_id, runs=1, trials=1, seed=99, language="zh")
    assert (caught.value.code, "no_lanes" in str(caught.value.params)) == (
        "planning.bad_plan",
        True,
    )


@pytest.mark.parametrize(
    ("minute", "says"),
    [(0, "00:00"), (419.6, "07:00"), (1439.4, "23:59"), (1440, "次日00:00"), (3000, "2天后02:00")],
)
def test_minutes_as_people_say_them(minute: float, says: str) -> None:
    assert rehearsing.clock(minute, wording.words("zh")["rehearsal"]) == says


def test_both_languages_say_the_same_things() -> None:
    def keys(value: Any, path: str = "") -> set[str]:
        if not isinstance(value, dict):
            return {path + "".join(sorted(re.findall(r"\{\w+\}", str(value))))}
        return set().union(*(keys(part, f"{path}.{name}") for name, part in value.items()))

    zh, en = (wording.words(language)["rehearsal"] for language in ("zh", "en"))
    assert {key for key in keys(zh) if "later" not in key} == {
        key for key in keys(en) if "later" not in key
    }
