"""The room over HTTP: a resident's own result, the bench's lists, who sees what."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from yingjian.access import scope
from yingjian.access.models import JournalEntry, User
from yingjian.access.tests.factories import (
    NOON,
    TOWN_A,
    TOWN_B,
    actor,
    new_id,
    sign_in,
    user,
)
from yingjian.laboratory import queries
from yingjian.laboratory.models import Result
from yingjian.laboratory.tests import factories as make
from yingjian.population import own

pytestmark = [
    pytest.mark.django_db(databases=["default", "owner"]),
    pytest.mark.usefixtures("drill"),
]


def browser(made: User) -> Client:
    client = Client(headers={"X-Yingjian-At": NOON.isoformat()})
    sign_in(client, made)
    return client


def got(client: Client, path: str, status: int = 200) -> Any:
    answer = client.get(f"/api{path}")
    assert answer.status_code == status, answer.content
    return answer.json()


def ask(number: str, phone: str, *, minutes: int = 0) -> tuple[int, Any]:
    client = Client(headers={"X-Yingjian-At": (NOON + timedelta(minutes=minutes)).isoformat()})
    answer = client.post(
        "/api/results/lookup",
        {"id_number": number, "phone": phone},
        content_type="application/json",
    )
    return answer.status_code, answer.json()


def outcome(number: str, phone: str) -> str:
    status, body = ask(number, phone)
    assert status == 200, body
    return str(body["items"][0]["outcome"])


# --- a resident's own result


def test_a_result_is_seen_after_its_release_with_what_the_report_says() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    number, phone = make.NUMBERS[world.people[tube.code][0].id], "13800000000"
    make.receive(world, [tube])
    run = new_id()
    make.send(
        "run.start",
        {"run_id": run, "laboratory_id": world.laboratory.id, "round_id": world.round.id, "instrument": "7500",
         "kit": "盒A", "detection_limit": "500拷贝/毫升", "tube_codes": [tube.code]},
        by=make.CLERK,
    )  # fmt: skip
    ids = make.enter(world, {tube.code: "negative"}, run_id=run)
    assert outcome(number, phone) == "", "SydPath: a message needs a released result"
    make.release(list(ids.values()))
    (report,) = ask(number.lower(), f" {phone} ")[1]["items"]
    assert report["outcome"] == "negative"
    assert report["method"] == "RT-PCR"
    assert report["detection_limit"] == "500拷贝/毫升"
    assert report["laboratory"] == world.laboratory.name
    assert report["tested_at"] < report["released_at"]
    assert report["corrected"] is False


def test_a_flagged_pool_says_nothing_about_its_people() -> None:
    world = make.world()
    clean = make.tube(world, people=1)
    who = world.people[clean.code]
    number = make.NUMBERS[who[0].id]
    flagged = make.tube(world, persons=[*who, make.person()])
    make.resulted(world, {clean.code: "negative"})
    assert outcome(number, "13800000000") == "negative"
    make.resulted(world, {flagged.code: "positive"})
    assert outcome(number, "13800000000") == "", (
        "the earlier negative is taken back until the recheck"
    )


def test_one_negative_recheck_of_two_shows_nothing_yet() -> None:
    world = make.world()
    flagged = make.tube(world, people=1)
    who = world.people[flagged.code]
    make.resulted(world, {flagged.code: "positive"})
    recheck = make.tube(world, persons=who, mode="single", purpose="recheck")
    make.resulted(world, {recheck.code: "negative"})
    assert outcome(make.NUMBERS[who[0].id], "13800000000") == ""


def test_a_corrected_result_replaces_the_old_one() -> None:
    world = make.world()
    tube = make.tube(world, people=1, mode="single")
    number = make.NUMBERS[world.people[tube.code][0].id]
    ids = make.resulted(world, {tube.code: "positive"})
    assert outcome(number, "13800000000") == "positive"
    new = new_id()
    order = {"result_id": new, "corrects": ids[tube.code], "outcome": "negative", "reason": "污染"}
    make.send("result.correct", order, by=make.CLERK, at=NOON + timedelta(hours=5))
    make.release([new], at=NOON + timedelta(hours=6))
    (report,) = ask(number, "13800000000")[1]["items"]
    assert (report["outcome"], report["corrected"]) == ("negative", True)


def test_wrong_attempts_shut_the_door_for_that_number_and_open_it_again() -> None:
    person = make.person()
    number = make.NUMBERS[person.id]
    answers = [ask(number, f"1390000000{i}") for i in range(own.WRONG_PER_NUMBER)]
    assert {status for status, _ in answers} == {404}
    unknown = ask("99000000000000000X", "13900000000")[1]["code"]
    assert {body["code"] for _, body in answers} == {unknown} == {"population.lookup_not_found"}
    assert ask(number, "13800000000")[0] == 429, "even the right phone waits"
    other = make.person()
    assert ask(make.NUMBERS[other.id], "13800000000")[0] == 200
    later = int(own.SHUT_FOR / timedelta(minutes=1)) + 1
    assert ask(number, "13800000000", minutes=later)[0] == 200
    with scope.everywhere():
        stored = JournalEntry.objects.filter(kind=own.REFUSED)
        assert stored.count() == 2 * (own.WRONG_PER_NUMBER + 1)
        assert all(number not in entry.payload for entry in stored)


def test_an_address_that_tries_many_numbers_is_shut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "WRONG_PER_ADDRESS", 3)
    person = make.person()
    for tail in range(3):
        assert ask(f"99000000000000{tail:03d}X", "13900000000")[0] == 404
    assert ask(make.NUMBERS[person.id], "13800000000")[0] == 429


@pytest.mark.parametrize("body", [{}, {"id_number": 5}, {"id_number": "1"}, []])
def test_a_malformed_question_is_told_so(body: Any) -> None:
    answer = Client().post("/api/results/lookup", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["code"] == "access.input_malformed"


@pytest.mark.parametrize("kind", ["resident_id", "passport", "no_such_document"])
def test_any_kind_of_document_is_answered(kind: str) -> None:
    given = {"id_number": "x", "phone": "", "id_type": kind}
    answer = Client().post("/api/results/lookup", given, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "population.lookup_not_found")


# --- lists


def test_the_bench_shows_what_waits_and_the_reviewer_what_to_release() -> None:
    world = make.world()
    tubes = [make.tube(world, people=1) for _ in range(3)]
    make.receive(world, tubes)
    ids = make.enter(world, {tubes[0].code: "negative", tubes[1].code: "positive"})
    make.release([ids[tubes[0].code]])
    client = browser(user("laboratory_reviewer", make.COUNTY))
    labs = got(client, "/laboratories")["items"]
    assert [lab["id"] for lab in labs] == [str(world.laboratory.id)]
    bench = got(client, f"/laboratories/{world.laboratory.id}/bench")
    assert bench["counts"] == {"received": 1, "released": 1, "resulted": 1}
    waiting = got(client, f"/laboratories/{world.laboratory.id}/bench?state=received")["items"]
    assert [row["code"] for row in waiting] == [tubes[2].code]
    assert waiting[0]["due_at"] is not None
    page = got(client, f"/rounds/{world.round.id}/results?state=entered")
    assert [(row["tube_code"], row["outcome"], row["state"]) for row in page["items"]] == [
        (tubes[1].code, "positive", "entered")
    ]
    assert page["counts"] == {"positive": 1}
    first = got(client, f"/rounds/{world.round.id}/results?limit=1")
    rest = got(client, f"/rounds/{world.round.id}/results?limit=1&after={first['next']}")
    assert {first["items"][0]["id"], rest["items"][0]["id"]} == {str(id) for id in ids.values()}


def test_held_results_are_listed_until_decided() -> None:
    world = make.world()
    make.enter(world, {"NOWHERE": "negative"})
    client = browser(user("laboratory_reviewer", make.COUNTY))
    (held,) = got(client, f"/laboratories/{world.laboratory.id}/held")["items"]
    assert (held["tube_code"], held["code"]) == ("NOWHERE", "laboratory.tube_unknown")
    make.send("held.decide", {"held_id": held["id"], "decision": "漏传，已补录"}, by=make.REVIEWER)
    assert got(client, f"/laboratories/{world.laboratory.id}/held")["items"] == []
    assert got(client, f"/laboratories/{world.laboratory.id}/held?state=decided")["items"]


def test_drift_names_the_laboratory_that_finds_too_little() -> None:
    world = make.world()
    honest, blind = world.laboratory, make.laboratory("company")
    for place, count, found in ((honest, 30, 6), (blind, 30, 0)):
        world.laboratory = place
        tubes = [make.tube(world, people=1) for _ in range(count)]
        codes = [tube.code for tube in tubes]
        make.receive(world, tubes)
        said = {code: "grey" if n < found else "negative" for n, code in enumerate(codes)}
        ids = make.enter(world, said, laboratory_id=place.id)
        for wanted in (True, False):
            part = [ids[c] for c, what in said.items() if (what == "negative") is wanted]
            if part:
                make.release(part)
    rows = got(browser(user("commander", make.COUNTY)), f"/rounds/{world.round.id}/drift")["items"]
    share = {row["laboratory_id"]: row for row in rows}
    assert share[str(blind.id)]["unusual"] == 0
    assert share[str(blind.id)]["z"] < -2
    assert share[str(honest.id)]["z"] == pytest.approx(-share[str(blind.id)]["z"])


def test_a_town_sees_its_own_results_only() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.resulted(world, {tube.code: "negative"})
    inside = browser(user("cdc_investigator", TOWN_A))
    outside = browser(user("cdc_investigator", TOWN_B))
    path = f"/rounds/{world.round.id}/results"
    assert len(got(inside, path)["items"]) == 1
    assert got(outside, path) | {"as_of": ""} == {
        "items": [],
        "counts": {},
        "next": None,
        "as_of": "",
    }
    with scope.acting(actor("cdc_investigator", TOWN_B)):
        assert not Result.objects.exists()
    assert got(outside, f"/laboratories/{world.laboratory.id}/bench")["items"] == []
    assert got(outside, f"/rounds/{world.round.id}/drift")["items"] == []


# --- laws, latecomers, malformed input


def lawful() -> None:
    with scope.everywhere():
        assert {law: rows for law, rows in queries.conservation().items() if rows} == {}


def test_the_laws_hold_after_a_mixed_day_and_show_what_breaks_them() -> None:
    world = make.world()
    tubes = [make.tube(world, people=2) for _ in range(5)]
    make.receive(world, tubes, received=[t.code for t in tubes[:4]])
    said = dict(
        zip((t.code for t in tubes), ["negative", "positive", "invalid", "negative"], strict=False)
    )
    ids = make.enter(world, {**said, "NOWHERE": "negative"})
    make.release([ids[code] for code, what in said.items() if what == "negative"])
    make.release([ids[code] for code, what in said.items() if what != "negative"])
    lawful()
    with scope.everywhere():
        Result.objects.filter(tube__code=tubes[0].code).update(released_at=None, released_by=None)
        broken = {law for law, rows in queries.conservation().items() if rows}
    assert {"released_tubes_say_so", "nobody_has_a_result_before_its_release"} <= broken


def test_a_swab_uploaded_after_the_release_gets_its_result_by_settling() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.resulted(world, {tube.code: "negative"})
    late = make.person()
    make.swab(world, tube, late, position=2)
    with scope.everywhere():
        broken = queries.conservation()["everybody_in_a_released_negative_tube_has_a_result"]
        assert len(broken) == 1
    verdict = make.send("result.settle", {"round_id": world.round.id}, by=make.REVIEWER)
    assert verdict.answer == {"settled": 1}
    lawful()


def _result(**changes: object) -> dict[str, object]:
    one = {"result_id": new_id(), "tube_code": "T", "outcome": "negative"}
    return {"laboratory_id": new_id(), "results": [one], "tested_at": NOON.isoformat(), **changes}


def _receipt(**changes: object) -> dict[str, object]:
    return {"receipt_id": new_id(), "laboratory_id": new_id(), **changes}


def _correction(**changes: object) -> dict[str, object]:
    return {"result_id": new_id(), "corrects": new_id(), "outcome": "grey", "reason": "x", **changes}  # fmt: skip


MALFORMED = "access.payload_malformed"
BAD: list[tuple[str, dict[str, object], str]] = [
    ("lab.add", {"laboratory_id": new_id()}, MALFORMED),
    ("box.receive", _receipt(box_code="B1"), "laboratory.laboratory_unknown"),
    ("box.receive", _receipt(laboratory_id="?", box_code="B1"), MALFORMED),
    ("box.receive", _receipt(box_code=""), MALFORMED),
    ("box.receive", _receipt(box_code="B1", received="all"), MALFORMED),
    ("tube.receive", _receipt(round_id=new_id(), tube_codes=[]), MALFORMED),
    ("run.end", {"run_id": new_id()}, "laboratory.run_unknown"),
    ("result.enter", _result(results=[]), MALFORMED),
    ("result.enter", _result(tested_at="2026-01-16T12:00:00"), MALFORMED),
    ("result.enter", _result(results=[{"tube_code": "T"}]), MALFORMED),
    ("result.enter", _result(), "laboratory.laboratory_unknown"),
    ("result.release", {"result_ids": []}, "laboratory.nothing_to_release"),
    ("result.release", {"result_ids": [new_id()]}, "laboratory.result_unknown"),
    ("result.release", {"result_ids": "all"}, MALFORMED),
    ("result.correct", _correction(), "laboratory.result_unknown"),
    ("result.correct", _correction(reason=None), MALFORMED),
    ("held.decide", {"held_id": new_id(), "decision": "x"}, "laboratory.held_unknown"),
    ("result.settle", {"round_id": new_id()}, "campaigns.round_unknown"),
]


@pytest.mark.parametrize(("kind", "payload", "code"), BAD)
def test_bad_input_is_kept_and_told(kind: str, payload: dict[str, object], code: str) -> None:
    by = actor("administrator", make.COUNTY) if kind == "lab.add" else make.REVIEWER
    verdict = make.send(kind, payload, by=by, park=True)
    assert (verdict.verdict, verdict.code) == ("parked", code)
    with scope.everywhere():
        assert JournalEntry.objects.filter(verdict="parked", code=code).count() == 1


def test_bad_steps_at_a_real_bench() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    lab: dict[str, object] = {"laboratory_id": world.laboratory.id}
    boss = actor("administrator", make.COUNTY)
    adding = {
        "laboratory_id": new_id(), "code": world.laboratory.code, "name": "重", "kind": "hospital",
        "area": make.COUNTY, "tubes_per_day": 1,
    }  # fmt: skip
    run, first = new_id(), new_id()
    starting = {
        "run_id": run, **lab, "round_id": world.round.id, "instrument": "1", "kit": "A", "tube_codes": [tube.code]
    }  # fmt: skip
    result = [{"result_id": first, "tube_code": tube.code, "outcome": "negative"}]
    entering = _result(**lab, results=result)
    late = {**adding, "code": "Z", "opens_hour": 9, "closes_hour": 8}
    far = {**adding, "code": "Z", "area": "990000"}
    clerk, stranger = make.CLERK, actor("laboratory_clerk", "990000")
    steps: list[tuple[str, dict[str, object], Any, str | None]] = [
        ("lab.add", adding, boss, "laboratory.code_taken"),
        ("lab.add", late, boss, "laboratory.hours_malformed"),
        ("lab.add", far, boss, "access.outside_area"),
        ("box.receive", _receipt(**lab, box_code="NIX"), clerk, "laboratory.box_unknown"),
        ("run.start", starting, stranger, "access.outside_area"),
        ("run.start", {**starting, "round_id": new_id()}, clerk, "campaigns.round_unknown"),
        ("run.start", starting, clerk, None),
        ("run.start", starting, clerk, "laboratory.run_known"),
        ("run.end", {"run_id": run}, clerk, "laboratory.run_times"),
        ("result.enter", {**entering, "run_id": new_id()}, clerk, "laboratory.run_unknown"),
        ("result.enter", entering, stranger, "access.outside_area"),
        ("result.enter", entering, clerk, None),
        (
            "result.correct",
            _correction(corrects=first, outcome="良"),
            clerk,
            "laboratory.outcome_unknown",
        ),
        (
            "result.correct",
            _correction(corrects=first, reason="  "),
            clerk,
            "laboratory.reason_missing",
        ),
        (
            "result.correct",
            _correction(corrects=first, result_id=first),
            clerk,
            "laboratory.result_known",
        ),
    ]
    for kind, payload, by, code in steps:
        verdict = make.send(kind, payload, by=by, park=True)
        assert verdict.code == code, (kind, verdict)


def test_a_receipt_told_under_a_new_command_is_refused() -> None:
    world = make.world()
    tubes = [make.tube(world, people=1) for _ in range(2)]
    box, id = make.box(world, tubes), uuid.uuid4()
    order = {"receipt_id": id, "laboratory_id": world.laboratory.id, "box_code": box.code}
    assert make.send("box.receive", order, by=make.CLERK, park=True).code is None
    assert (
        make.send("box.receive", order, by=make.CLERK, park=True).code == "laboratory.receipt_known"
    )
