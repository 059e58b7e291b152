"""A plan rehearsed over HTTP, on paper and on the command line."""

from __future__ import annotations

import io
import json
import re
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from docx import Document

from yingjian.access import scope
from yingjian.access.tests.factories import NOON, TOWN_B, actor, new_id
from yingjian.campaigns.models import Round
from yingjian.campaigns.tests.factories import VILLAGE_A, frozen, persons
from yingjian.cases.models import Positive
from yingjian.cases.tests.factories import positive
from yingjian.kernel import clock
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.papers import Table
from yingjian.laboratory.tests import factories as lab
from yingjian.planning import (
    expecting,
    ground,
    jobs,
    rehearsal_book,
    rehearsal_paper,
    rehearsals,
    rehearsing,
    wording,
)
from yingjian.planning.models import PlanRecord, PlanRehearsal
from yingjian.planning.tests.plan_factories import apply, laboratory, propose, town
from yingjian.planning.tests.test_documents import signed_in

pytestmark = pytest.mark.django_db
FEW = "runs=5&trials=3"


def played(client: Client, plan_id: uuid.UUID, asked: str) -> dict[str, Any]:
    """The answer, asked for, played by the job and asked for again."""
    path = f"/api/plans/{plan_id}/rehearsal?{asked}"
    begun = client.get(path)
    assert (begun.status_code, begun.json()["state"]) == (202, "waiting")
    with scope.everywhere():
        run = PlanRehearsal.objects.filter(plan_id=plan_id, state="waiting").get()
    jobs.rehearse(rehearsal_id=str(run.id))
    found = client.get(path)
    assert found.status_code == 200
    body: dict[str, Any] = found.json()
    return body


def test_a_rehearsal_over_http_says_when_it_ends_in_the_askers_language() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in()
    body = played(client, plan_id, f"{FEW}&seed=3")
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
        f"/api/plans/{plan_id}/rehearsal?{FEW}&seed=3", headers={"Accept-Language": "en"}
    ).json()
    assert english["days"][0]["says"][0].startswith("The last swab is expected at")


def test_unless_asked_otherwise_the_plan_is_played_more_often_than_each_trouble() -> None:
    plan_id, _ = propose(town())
    body = played(signed_in(), plan_id, "")
    assert (body["runs"], body["trials"], body["seed"]) == (60, 10, 0)


def test_a_rehearsal_on_paper_has_every_part() -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    early = client.get(f"/api/plans/{plan_id}/rehearsal.docx?{FEW}")
    assert (early.status_code, early.json()["code"]) == (409, "planning.rehearsal_waits")
    played(client, plan_id, FEW)
    answer = client.get(f"/api/plans/{plan_id}/rehearsal.docx?{FEW}")
    document = Document(io.BytesIO(answer.content))
    names = wording.words("zh")["rehearsal"]
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    for heading in names["table"].values():
        assert heading in text
    cases, *_, assumed = document.tables
    assert cases.rows[1].cells[0].text == names["as_planned"]
    always = [key for key in names["assumed"] if not key.startswith(("retest", "positives"))]
    assert len(assumed.rows) == 1 + len(always)
    assert names["retests"]["not"] in text


def test_every_figure_of_a_rehearsal_is_a_row_of_its_workbook() -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    early = client.get(f"/api/plans/{plan_id}/rehearsal.xlsx?{FEW}")
    assert (early.status_code, early.json()["code"]) == (409, "planning.rehearsal_waits")
    body = played(client, plan_id, FEW)
    answer = client.get(f"/api/plans/{plan_id}/rehearsal.xlsx?{FEW}")
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    names = wording.words("zh")["rehearsal"]
    told, *sheets = book.sheet_names
    assert sheets == list(names["sheets"].values())
    (day,) = body["days"]
    numbers = book.get_sheet_by_name(names["sheets"]["numbers"]).to_python()
    assert [row[0] for row in numbers[1:]] == [one["says"] for one in day["numbers"]]
    assert [str(row[2]) for row in numbers[1:]] == [one["middle"] for one in day["numbers"]]
    text = "\n".join(str(row[0]) for row in book.get_sheet_by_name(told).to_python())
    assert all(line in text for line in day["says"])
    english = client.get(
        f"/api/plans/{plan_id}/rehearsal.xlsx?{FEW}", headers={"Accept-Language": "en"}
    )
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(english.content))
    assert book.sheet_names[1:] == list(wording.words("en")["rehearsal"]["sheets"].values())


def test_the_days_of_a_plan_share_a_sheet_and_each_row_says_its_date() -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    played(client, plan_id, FEW)
    with scope.everywhere():
        found = rehearsals.kept_for(
            actor("round_planner"), rehearsals.Asked(plan_id, 5, 3, 0), at=NOON, language="zh"
        )
    (day,) = found.days
    short = {k: v for k, v in day.figures.items() if k != "last_result"}
    other = replace(day, on=day.on + timedelta(days=1), figures=short, beside=short)
    two = replace(found, days=[day, other])
    report = rehearsal_book.book(two, round_name="一轮", as_of=NOON, language="zh")
    sheets = {table.name: table for table in report.tables()}
    assert len(sheets) == len(report.tables())
    names = wording.words("zh")["rehearsal"]
    numbers = sheets[names["sheets"]["numbers"]]
    assert numbers.columns[0] == names["col"]["date"]
    assert [row[0] for row in numbers.rows] == [
        on.isoformat() for on in (day.on, other.on) for _ in day.numbers
    ]
    cases = sheets[names["sheets"]["cases"]]
    at = cases.columns.index(names["col"]["last_result"])
    assert {row[at] for row in cases.rows if row[0] == other.on.isoformat()} == {""}
    assert "" not in {row[at] for row in cases.rows if row[0] == day.on.isoformat()}
    assert names["col"]["date"] not in sheets[names["sheets"]["assumptions"]].columns


def test_what_is_assumed_is_told_in_numbers_people_read() -> None:
    assumed = {"service": 30 / 31, "pool": 10.0}
    found = rehearsing.Rehearsal(
        new_id(), new_id(), 1, 5, 3, 0, assumed, [], stopped=False, labs={}
    )
    report = rehearsal_paper.paper(found, round_name="一", as_of=NOON, language="zh")
    table = report.blocks[-1]
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == [0.968, 10.0]


MANY = f"{FEW}&positives=150"


def test_expected_positives_are_followed_to_the_last_single_result() -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    plain, body = played(client, plan_id, FEW), played(client, plan_id, MANY)
    (before,), (day,) = plain["days"], body["days"]
    assert before["figures"] == {name: day["figures"][name] for name in before["figures"]}
    assert "positives" not in plain["assumptions"]
    assert (body["assumptions"]["positives"], body["assumptions"]["retest_swabs"]) == (150.0, 2)
    figures = day["figures"]
    assert 0 < figures["pools_positive"][2] <= figures["reswabbed"][2]
    # two single tubes of every member and the tube itself (R72)
    wells, swabs = figures["retest_wells"][2], 2 * figures["reswabbed"][2]
    assert swabs < wells <= swabs + figures["pools_positive"][2]
    assert figures["cleared"][2] > figures["last_result"][0]
    assert any("管阳性" in line for line in day["says"])
    assert any("最后一个疑点" in line for line in day["says"])
    (many,) = [case for case in day["cases"] if case["code"] == "positives"]
    assert many["says"] == "感染人数为预计的10倍"
    assert many["figures"]["pools_positive"][1] > figures["pools_positive"][1]
    assert "positives" not in {case["code"] for case in before["cases"]}
    numbers = {one["name"]: one for one in day["numbers"]}
    assert set(figures) == set(numbers), "every figure has its words"
    assert re.fullmatch(r"(次日)?\d\d:\d\d", numbers["cleared"]["middle"])
    with scope.everywhere():
        assert PlanRehearsal.objects.filter(plan_id=plan_id).count() == 2
    text = _paper(client, f"/api/plans/{plan_id}/rehearsal.docx?{MANY}")
    assert wording.words("zh")["rehearsal"]["numbers"]["count"]["pools_positive"] in text
    assert "按每万人150人感染推演" in text


def _paper(client: Client, path: str) -> str:
    """Everything that stands on it."""
    document = Document(io.BytesIO(client.get(path).content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)


def test_without_a_number_the_round_before_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    monkeypatch.setattr(ground, "found_before", lambda _: (3, 200))
    assert played(client, plan_id, FEW)["assumptions"]["positives"] == 150.0
    asked = client.get(f"/api/plans/{plan_id}/rehearsal?{MANY}")
    assert asked.status_code == 200, "the same number is the same rehearsal"
    assert played(client, plan_id, f"{FEW}&positives=0")["assumptions"].get("positives") is None
    client.post(f"/api/plans/{plan_id}/rehearsal/stop?{FEW}")
    with scope.everywhere():
        assert PlanRehearsal.objects.get(positives=150.0).stop_asked
        assert not PlanRehearsal.objects.get(positives=0.0).stop_asked


def test_what_was_found_is_counted_in_the_round_and_in_the_one_before() -> None:
    made = lab.world()
    tube = lab.tube(made, people=10)
    positive(made, tube)
    with scope.everywhere():
        made.round.due.update(state="resulted", resulted_at=NOON, outcome="negative")
        assert ground.found_before(made.round.id) == (0, 0), "nothing was held before"
        assert expecting.by_history(made.round.id) == 0.0
        assert expecting.by_now(made.round.id) == 1000.0
        Round.objects.filter(id=made.round.id).update(
            window_start=made.round.window_start - timedelta(days=1)
        )
        later = frozen(area=made.round.area, preset="yongning")
        assert ground.found_before(later) == (1, 10)
        assert expecting.by_history(later) == expecting.by_now(later) == 1000.0
        Positive.objects.update(state="excluded", decided_reason="复检阴性")
        assert ground.found_before(later) == (0, 10)


@pytest.mark.parametrize(
    "asked", ["positives=-1", "positives=1001", "positives=nan", "positives=x"]
)
def test_no_round_has_so_many_infected(asked: str) -> None:
    plan_id, _ = propose(town())
    assert signed_in().get(f"/api/plans/{plan_id}/rehearsal?{asked}").status_code == 422


def test_what_another_town_plans_is_not_rehearsed_for_strangers() -> None:
    plan_id, _ = propose(town())
    client = signed_in(TOWN_B)
    for path in ("rehearsal", "rehearsal.docx"):
        assert client.get(f"/api/plans/{plan_id}/{path}?{FEW}").status_code == 404
    assert client.post(f"/api/plans/{plan_id}/rehearsal/stop?{FEW}").status_code == 404
    with scope.everywhere():
        assert not PlanRehearsal.objects.exists()


def test_a_rehearsal_is_begun_once_watched_stopped_and_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan_id, _ = propose(town())
    client, path = signed_in(), f"/api/plans/{plan_id}/rehearsal"
    begun = [client.get(f"{path}?runs=400&trials=3").json() for _ in range(3)]
    assert {one["state"] for one in begun} == {"waiting"}
    with scope.everywhere():
        run = PlanRehearsal.objects.get(plan_id=plan_id)
    seen: list[tuple[str, float, bool]] = []

    def told(row: uuid.UUID, **what: Any) -> bool:
        answer = real(row, **what)
        if "done" in what and "state" not in what:
            asked = client.get(f"{path}?runs=400&trials=3").json()
            seen.append((asked["state"], asked["done"], asked["stop_asked"]))
            client.post(f"{path}/stop?runs=400&trials=3")
        return answer

    real = rehearsals._told
    monkeypatch.setattr(rehearsals, "_told", told)
    monkeypatch.setattr("yingjian.planning.timing.EVERY", 0.0)
    jobs.rehearse(rehearsal_id=str(run.id))
    assert seen[0][0] == "running"
    assert 0 < seen[0][1] < seen[-1][1] < 1
    assert [stopped for _, _, stopped in seen][:2] == [False, True]
    found = client.get(f"{path}?runs=400&trials=3").json()
    assert rehearsing.ENOUGH <= found["runs"] < 20
    assert found["stopped"]
    assert found["days"][0]["cases"] == []
    jobs.rehearse(rehearsal_id=str(run.id))
    with scope.everywhere():
        assert PlanRehearsal.objects.get().state == "done", "a job given out twice plays nothing"
    again = client.get(f"{path}?runs=400&trials=3&again=true")
    assert (again.status_code, again.json()["stop_asked"]) == (202, False)


def test_a_rehearsal_whose_worker_died_is_closed_and_may_be_played_again() -> None:
    plan_id, _ = propose(town())
    client, path = signed_in(), f"/api/plans/{plan_id}/rehearsal?{FEW}"
    client.get(path)
    late = clock.now() + timedelta(minutes=5)
    assert rehearsals.interrupted(at=late) == [], "one that waits has no worker yet"
    with scope.everywhere():
        PlanRehearsal.objects.update(state="running", seen_at=clock.now())
        run = PlanRehearsal.objects.get().id
    jobs.close_interrupted(timestamp=0)
    assert client.get(path).json()["state"] == "running", "it told a moment ago"
    assert rehearsals.interrupted(at=late) == [run]
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "planning.rehearsal_interrupted")
    assert client.get(f"{path}&again=true").json()["state"] == "waiting"
    jobs.rehearse(rehearsal_id=str(run))
    assert client.get(path).status_code == 200


def test_one_that_waits_for_a_job_that_is_gone_is_closed_too() -> None:
    """A worker took the job and died before it said so."""
    plan_id, _ = propose(town())
    client, path = signed_in(), f"/api/plans/{plan_id}/rehearsal?{FEW}"
    client.get(path)
    with scope.everywhere():
        run = PlanRehearsal.objects.get().id
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    assert rehearsals.interrupted(at=clock.now()) == [], "it may begin this very moment"
    assert rehearsals.interrupted(at=clock.now() + timedelta(minutes=5)) == [run]
    assert client.get(f"{path}&again=true").json()["state"] == "waiting"


def test_the_last_answers_are_kept_and_older_ones_played_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rehearsals, "KEPT", 2)
    plan_id, _ = propose(town())
    client = signed_in()
    for seed in range(4):
        played(client, plan_id, f"{FEW}&seed={seed}")
    with scope.everywhere():
        kept = set(PlanRehearsal.objects.values_list("seed", flat=True))
    assert kept == {1, 2, 3}, "the last ones, and what was begun since"
    played(client, plan_id, f"{FEW}&seed=0")


def test_an_answer_of_an_older_twin_is_played_anew() -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    played(client, plan_id, FEW)
    with scope.everywhere():
        PlanRehearsal.objects.update(form=0)
    played(client, plan_id, FEW)


def test_a_failure_without_a_name_is_told_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    client.get(f"/api/plans/{plan_id}/rehearsal?{FEW}")
    monkeypatch.setattr(rehearsing, "play", lambda *_, **__: 1 / 0)
    with scope.everywhere():
        run = PlanRehearsal.objects.get()
    with pytest.raises(ZeroDivisionError):
        jobs.rehearse(rehearsal_id=str(run.id))
    answer = client.get(f"/api/plans/{plan_id}/rehearsal?{FEW}")
    assert (answer.status_code, answer.json()["code"]) == (409, "planning.rehearsal_failed")


@pytest.mark.parametrize("asked", ["runs=0", "runs=501", "trials=x", "seed=x"])
def test_numbers_out_of_bounds_are_refused(asked: str) -> None:
    plan_id, _ = propose(town())
    assert signed_in().get(f"/api/plans/{plan_id}/rehearsal?{asked}").status_code == 422


def test_a_plan_that_visits_everybody_at_home_has_nothing_to_rehearse() -> None:
    persons(4, VILLAGE_A, categories=["home_bound"], household=True)
    laboratory()
    plan_id, _ = propose(frozen(preset="yongning"))
    client = signed_in()
    assert client.get(f"/api/plans/{plan_id}/rehearsal?{FEW}").status_code == 202
    with scope.everywhere():
        run = PlanRehearsal.objects.get(plan_id=plan_id)
    jobs.rehearse(rehearsal_id=str(run.id))
    answer = client.get(f"/api/plans/{plan_id}/rehearsal?{FEW}")
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


def test_the_command_takes_own_troubles_and_positives(tmp_path: Path) -> None:
    round_id = town()
    propose(round_id)
    told, out, file = tmp_path / "r.json", io.StringIO(), tmp_path / "t.json"
    file.write_text('{"absent": 50, "patience": 1, "infected": 4}', encoding="utf-8")
    annex = tmp_path / "r.docx"
    call_command(
        "rehearse", str(round_id), "--runs=4", "--positives=150", f"--troubles={file}", f"--json={told}",
        f"--docx={annex}", stdout=out,
    )  # fmt: skip
    (day,) = json.loads(told.read_text(encoding="utf-8"))["days"]
    (own,) = day["cases"]
    assert own["says"].split("；") == [
        "采样台缺员50%，全天无人替补（全部缺员的采样点留一台，速度减半）",
        "等候超过1分钟的人不采就走",
        "感染人数为预计的4倍",
    ]
    assert own["figures"]["gave_up"][1] > 0
    assert own["figures"]["swabbed"][1] < day["figures"]["swabbed"][1]
    assert own["figures"]["infected"][1] > day["figures"]["infected"][1]
    names = wording.words("zh")["rehearsal"]
    assert own["says"] in out.getvalue()
    text = "\n".join(paragraph.text for paragraph in Document(str(annex)).paragraphs)
    assert names["table"]["cases"] in text
    for nowhere in (out.getvalue(), text):
        assert names["no_help"] not in nowhere, "no change was tried"
    with pytest.raises(CommandError, match=r"planning\.trouble_bad.*absent.*500"):
        call_command("rehearse", str(round_id), '--troubles={"absent": 500}')
    with pytest.raises(CommandError, match=r"planning\.trouble_none"):
        call_command("rehearse", str(round_id), "--troubles={}")
    with pytest.raises(CommandError, match=r"planning\.trouble_unknown"):
        call_command(
            "rehearse", str(round_id), '--troubles={"few": {"site": "X", "tubes": 1, "until": 700}}'
        )
    with pytest.raises(CommandError, match=r"planning\.file_missing.*nowhere"):
        call_command("rehearse", str(round_id), "--troubles=nowhere.json")
    with pytest.raises(CommandError, match=r"planning\.positives_range.*1000"):
        call_command("rehearse", str(round_id), "--positives=2000")


def test_the_command_says_what_is_wrong() -> None:
    with pytest.raises(CommandError, match=r"planning\.not_a_round"):
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


# --- troubles somebody names ---------------------------------------------------------------------


def troubled(client: Client, plan_id: uuid.UUID, own: dict[str, Any]) -> dict[str, Any]:
    """The plan's day with these troubles: asked for, played by the job, asked for again."""
    path = f"/api/plans/{plan_id}/troubles"
    begun = client.post(path, own, content_type="application/json")
    assert (begun.status_code, begun.json()["state"]) == (202, "waiting")
    with scope.everywhere():
        run = PlanRehearsal.objects.filter(plan_id=plan_id, state="waiting").get()
    jobs.rehearse(rehearsal_id=str(run.id))
    found = client.post(path, own, content_type="application/json")
    assert found.status_code == 200, found.json()
    body: dict[str, Any] = found.json()
    return body


def test_troubles_somebody_names_are_played_together_and_told_in_words() -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    whole = played(client, plan_id, FEW)
    (day,) = whole["days"]
    site = day["sites"][0]["code"]
    own = {
        "absent": 30, "turnout": 150, "slower": {"start": 540, "end": 600, "percent": 300},
        "still": {"sites": [site], "start": 600, "end": 660},
        "few": {"site": site, "tubes": 1, "until": 720},
        "vehicle": {"name": day["vehicles"][0], "start": 600, "end": 900},
        "laboratory": {"name": day["labs"][0], "start": 600, "end": 900},
    }  # fmt: skip
    (struck,) = troubled(client, plan_id, own)["days"]
    (case,) = struck["cases"]
    assert (case["code"], case["says"].count("；"), struck["helps"]) == ("own", 6, [])
    for said in ("缺员30%", "计划的150%", "09:00–10:00", "300%", "只有1管", site, "检测机构L1在"):
        assert said in case["says"]
    assert whole["labs"] == {"L1": "检测机构L1"}
    for figure in ("last_swab", "last_delivery", "swabbed"):
        assert case["figures"][figure][1] > struck["figures"][figure][1]
    assert struck["figures"] == troubled(client, plan_id, {"absent": 1})["days"][0]["figures"]
    with scope.everywhere():
        assert PlanRehearsal.objects.filter(plan_id=plan_id).count() == 3, "each kept for itself"


@pytest.mark.parametrize(
    ("own", "status", "code"),
    [
        ({}, 422, "planning.trouble_none"),
        ({"slower": {"start": 600, "end": 600}}, 422, "planning.trouble_times"),
        ({"absent": 96}, 422, None),
        ({"still": {"sites": [], "start": 1, "end": 2}}, 422, None),
        ({"weather": "rain"}, 422, None),
    ],
)
def test_troubles_without_meaning_are_refused(
    own: dict[str, Any], status: int, code: str | None
) -> None:
    plan_id, _ = propose(town())
    client = signed_in()
    answer = client.post(f"/api/plans/{plan_id}/troubles", own, content_type="application/json")
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code
    with scope.everywhere():
        assert not PlanRehearsal.objects.exists()


def test_a_trouble_of_something_that_is_not_in_the_plan_is_named() -> None:
    plan_id, _ = propose(town())
    client, path = signed_in(), f"/api/plans/{plan_id}/troubles"
    own = {"vehicle": {"name": "云A-0", "start": 600, "end": 700}}
    client.post(path, own, content_type="application/json")
    with scope.everywhere():
        run = PlanRehearsal.objects.get()
    jobs.rehearse(rehearsal_id=str(run.id))
    answer = client.post(path, own, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "planning.trouble_unknown")
    assert "云A-0" in answer.json()["says"]
