"""The information maintainer's work list: what stands in it, what one may see of it, and what deciding does."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import (
    NOON,
    TOWN_A,
    TOWN_B,
    actor,
    command,
    new_id,
    sign_in,
    user,
)
from yingjian.access.tests.factories import device as stored_device
from yingjian.campaigns.models import DuePerson
from yingjian.sampling import matters
from yingjian.sampling.models import FlagDecision, Swab, Tube
from yingjian.sampling.rules import SWAB_FLAGS, TUBE_FLAGS
from yingjian.sampling.tests.factories import (
    Field,
    a_field,
    added,
    opened,
    recorded,
    send,
    swabs_in,
    told,
)

pytestmark = pytest.mark.django_db


class Desk:
    """A signed-in maintainer."""

    def __init__(self, role: str = "information_maintainer", area: str = TOWN_A) -> None:
        self.client = Client(headers={"X-Yingjian-At": NOON.isoformat()})
        sign_in(self.client, user(role, area))

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        answer = self.client.get(f"/api{path}", **more)
        assert answer.status_code == status, answer.content
        return answer.json()

    def open(self, **asked: str) -> list[dict[str, Any]]:
        return list(self.get("/matters", data=asked)["items"])

    def counts(self) -> dict[str, tuple[int, int]]:
        items = self.get("/matters/counts")["items"]
        return {one["kind"]: (one["open"], one["decided"]) for one in items}

    def do(self, *commands: tuple[str, dict[str, Any]]) -> Any:
        body = {
            "commands": [
                {"id": str(new_id()), "kind": kind, "at": NOON.isoformat(), "payload": payload}
                for kind, payload in commands
            ]
        }
        return self.client.post(
            "/api/commands", json.dumps(body, default=str), content_type="application/json"
        )

    def decide(self, keys: list[str], decision: str = "kept", reason: str = "已核对") -> Any:
        subjects = [dict(zip(("kind", "id", "flag"), key.split("."), strict=True)) for key in keys]
        return self.do(
            ("flag.decide", {"subjects": subjects, "decision": decision, "reason": reason})
        )


@pytest.fixture
def field() -> Field:
    """A person swabbed twice, a code used twice, a garbled code, a wrong document, nobody, two parked commands."""
    field = a_field()
    one, two = field.people[:2]
    first, again = field.code(), field.code()
    send(field.phone, recorded(first, [one, two]))
    send(field.other, recorded(again, [one], at=20), recorded(first, [field.people[3]], at=30))
    tube = new_id()
    send(
        field.phone, opened(field.code(), tube, at=40), added(tube, at=41, token="YJ1GARBLED"),
        added(tube, at=42, entry="id", id_number="231183199901011234", name="王秀兰"),
        added(tube, at=43, entry="walk_in"),
    )  # fmt: skip
    phone, _ = stored_device("no such lane")
    elsewhere = actor("registrar", kind="device", station="no such lane")
    lost = elsewhere.__class__("device", phone.id, "一号手机", elsewhere.holds, "no such lane")
    send(
        lost, recorded(field.code(), [field.people[5]]),
        command("swab.add", {"swab_id": str(new_id()), "tube_id": str(tube), "entry": "code", "name": 7}),
    )  # fmt: skip
    return field


def test_every_flag_that_somebody_must_judge_has_its_words_in_both_languages() -> None:
    listed = {flag for flags in matters.LISTED.values() for flag in flags}
    assert listed == {f for f, w in [*SWAB_FLAGS.items(), *TUBE_FLAGS.items()] if w != "note"}
    for language in ("zh", "en"):
        say = matters.words(language)
        assert set(say["flag"]) >= listed
        assert set(say["kind"]) == set(matters.KINDS)
        assert all(all(told.values()) for told in say["flag"].values())
    for part in ("field", "value", "column", "option", "parked", "flag"):
        assert set(matters.words("zh")[part]) == set(matters.words("en")[part])


def test_the_list_holds_every_kind_with_its_counts(field: Field) -> None:
    desk = Desk()
    found = desk.open()
    assert {one["kind"] for one in found} == {
        "command", "person_twice", "tube_twice", "code_garbled", "identity",
    }  # fmt: skip
    by_kind = {kind: [one for one in found if one["kind"] == kind] for kind in matters.KINDS}
    counts = desk.counts()
    assert counts == {kind: (len(by_kind[kind]), 0) for kind in matters.KINDS}
    for kind, mine in by_kind.items():
        assert desk.open(kind=kind) == mine
    assert [one["at"] for one in found] == sorted((one["at"] for one in found), reverse=True)
    lost = next(one for one in found if one["sign"] == "sampling.station_unknown")
    assert (lost["sender"], lost["command"]) == ("no such lane", "tube.record")
    assert "no such lane" in lost["says"]
    assert lost["do"]
    assert all(one["says"] and one["do"] and one["title"] for one in found)
    twice = next(one for one in found if one["kind"] == "person_twice")
    assert "*" in twice["person"]
    assert desk.open(q=twice["tube_code"])
    assert desk.open(q="nothing like it") == []
    assert desk.open(area=TOWN_B) == []


def test_pages_follow_each_other_without_a_gap(field: Field) -> None:
    desk, keys, after = Desk(), [], ""
    while True:
        page = desk.get("/matters", data={"limit": 2, "after": after})
        keys += [one["key"] for one in page["items"]]
        if (after := page["next"]) is None:
            break
    assert keys == [one["key"] for one in desk.open()]
    assert len(set(keys)) == len(keys)


def test_wrong_questions_are_told() -> None:
    desk = Desk()
    assert desk.get("/matters?kind=none", 422)["code"] == "sampling.matter_kind"
    assert desk.get("/matters?state=none", 422)["code"] == "access.state_unknown"
    assert desk.get("/matters?after=none", 404)["code"] == "sampling.matter_unknown"
    for key in ("x", "parked.x", f"parked.{new_id()}", f"swab.{new_id()}", f"swab.{new_id()}.x",
                f"parked.{new_id()}.x", f"tube.{new_id()}.empty", f"other.{new_id()}.x"):  # fmt: skip
        assert desk.get(f"/matters/{key}", 404)["code"] == "sampling.matter_unknown"


def test_another_town_sees_and_decides_nothing_of_it(field: Field) -> None:
    found, stranger = Desk().open(), Desk(area=TOWN_B)
    assert stranger.open() == []
    assert set(stranger.counts().values()) == {(0, 0)}
    for one in found:
        stranger.get(f"/matters/{one['key']}", 404)
    flags = [one["key"] for one in found if one["source"] != "parked"]
    assert stranger.decide(flags[:1]).status_code == 403
    assert Desk("sampler").client.get("/api/matters").status_code == 403


def test_what_was_sent_is_masked_until_somebody_gives_a_reason(field: Field) -> None:
    desk = Desk()
    malformed = next(one for one in desk.open() if one["sign"] == "access.payload_malformed")
    number = next(one for one in desk.open() if one["sign"] == "id_malformed")
    page = desk.get(f"/matters/{number['key']}")
    shown = {line["label"]: (line["value"], line["masked"]) for line in page["sent"]}
    assert shown["出示 · 证件号码"] == ("*" * 14 + "1234", True)
    assert shown["出示 · 姓名"] == ("王*兰", True)
    assert "231183199901011234" not in json.dumps(page)
    path = f"/api/matters/{number['key']}/reveal"

    def reveal(who: Desk, reason: str) -> Any:
        return who.client.post(path, {"reason": reason}, content_type="application/json")

    assert reveal(desk, " ").json()["code"] == "access.reason_missing"
    assert reveal(Desk("administrator"), "看看").json()["code"] == "access.not_permitted"
    with scope.everywhere():
        assert not JournalEntry.objects.filter(kind="matter.reveal").exists()
    seen = reveal(desk, "核对证件").json()
    assert "231183199901011234" in json.dumps(seen)
    with scope.everywhere():
        row = JournalEntry.objects.get(kind="matter.reveal")
    assert json.loads(row.payload) == {"key": number["key"], "reason": "核对证件"}
    sent = desk.get(f"/matters/{malformed['key']}")["sent"]
    assert {"label": "姓名", "value": "7", "masked": False} in sent


def test_a_whole_tube_that_was_parked_is_told_line_by_line(field: Field) -> None:
    desk = Desk()
    lost = next(one for one in desk.open() if one["sign"] == "sampling.station_unknown")
    page = desk.get(f"/matters/{lost['key']}", headers={"Accept-Language": "en"})
    labels = [line["label"] for line in page["sent"]]
    assert "Swab 1 · Sampling code" in labels
    assert {"label": "Mode", "value": "pool", "masked": False} in page["sent"]
    assert [option["decision"] for option in page["options"]] == ["retried", "closed"]


def test_keeping_takes_several_from_the_list_and_changes_no_record(field: Field) -> None:
    desk = Desk()
    twice = [one["key"] for one in desk.open(kind="tube_twice")]
    assert len(twice) == 2
    with scope.everywhere():
        before = list(Tube.objects.order_by("id").values())
    answer = desk.decide(twice, reason="与现场核对，第一支是实物")
    assert answer.json()["verdicts"][0]["answer"] == {"decided": 2}
    assert desk.open(kind="tube_twice") == []
    assert desk.counts()["tube_twice"] == (0, 2)
    done = desk.open(kind="tube_twice", state="decided")
    assert {one["key"] for one in done} == set(twice)
    assert {one["reason"] for one in done} == {"与现场核对，第一支是实物"}
    assert done[0]["decided_by"]
    page = desk.get(f"/matters/{twice[0]}")
    assert len(page["beside"]) == 2
    assert [one["here"] for one in page["beside"]].count(True) == 1
    assert page["outcome"][0]["value"] == matters.words("zh")["option"]["kept"]["done"]
    with scope.everywhere():
        assert list(Tube.objects.order_by("id").values()) == before


def test_voiding_a_second_swab_makes_its_tube_smaller_and_leaves_the_person_sampled(
    field: Field,
) -> None:
    desk = Desk()
    [twice] = desk.open(kind="person_twice")
    page = desk.get(f"/matters/{twice['key']}")
    assert len(page["beside"]) == 2
    swab_id = twice["key"].split(".")[1]
    tube = desk.open(kind="tube_twice")[0]["key"]
    assert desk.decide([twice["key"], tube], "voided").json()["code"] == "sampling.tube_not_voided"
    may_not = Desk("administrator").decide([twice["key"]], "voided")
    assert may_not.json()["code"] == "access.not_permitted"
    answer = desk.decide([twice["key"]], "voided", "扫错人")
    assert answer.status_code == 200, answer.content
    with scope.everywhere():
        swab = Swab.objects.select_related("due", "tube").get(id=swab_id)
        assert swab.voided_at is not None
        assert swab.tube is not None
        assert swab.tube.people == 0
        assert swab.due is not None
        assert swab.due.state == "sampled"
    outcome = desk.get(f"/matters/{twice['key']}")["outcome"]
    assert {"label": "管内人数", "value": "0", "masked": False} in outcome
    assert {"label": "应采状态", "value": "已采样", "masked": False} in outcome
    assert desk.counts()["person_twice"] == (0, 1)


def test_a_decision_is_made_once_for_all_or_for_none(field: Field) -> None:
    desk = Desk()
    flags = [one["key"] for one in desk.open() if one["source"] != "parked"]
    gone = f"swab.{new_id()}.no_identity"
    assert desk.decide([*flags, gone]).json()["code"] == "sampling.flag_unknown"
    assert desk.decide(flags, reason=" ").status_code == 422
    with scope.everywhere():
        assert not FlagDecision.objects.exists()
    assert desk.decide([flags[0], flags[0]]).json()["verdicts"][0]["answer"] == {"decided": 1}
    assert desk.decide(flags[:2]).json()["code"] == "sampling.flag_decided"
    assert desk.decide([*flags[1:]]).status_code == 200
    assert {one["source"] for one in desk.open()} == {"parked"}


def test_a_parked_tube_is_applied_again_when_its_lane_is_there(field: Field) -> None:
    desk = Desk()
    lost = next(one for one in desk.open() if one["sign"] == "sampling.station_unknown")
    command_id = lost["key"].split(".")[1]
    given = {"command_id": command_id, "decision": "retried", "reason": "采样台已补建"}
    refused = desk.do(("parked.decide", given))
    assert refused.json()["code"] == "access.retry_parked"
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sampling_station SET code = 'no such lane' WHERE id = %s",
            [field.sites[0].stations[0].id],
        )
    assert desk.do(("parked.decide", given)).status_code == 200
    outcome = desk.get(f"/matters/{lost['key']}")["outcome"]
    assert {"label": "结果", "value": "已执行", "masked": False} in outcome
    with scope.everywhere():
        due = DuePerson.objects.get(round_id=field.round_id, person_id=field.people[5])
    assert due.state == "sampled"
    assert desk.open(kind="command", q="no such lane", state="decided")


def test_the_list_goes_home_as_excel_masked_and_journalled(field: Field) -> None:
    desk = Desk()
    answer = desk.client.get("/api/matters.xlsx?kind=person_twice")
    assert answer.status_code == 200
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0)
    table = rows.to_python()
    assert table[0] == list(matters.words("zh")["column"].values())
    assert len(table) == 2
    assert table[1][0] == "重复采样"
    with scope.everywhere():
        told_ = JournalEntry.objects.get(kind="export.make")
    assert json.loads(told_.payload)["rows"] == 1


def test_the_database_refuses_nonsense(field: Field) -> None:
    good = {
        "id": new_id(), "subject_kind": "swab", "subject_id": new_id(), "flag": "x", "round_id": field.round_id,
        "area": TOWN_A, "decision": "kept", "reason": "t", "decided_by": new_id(), "decided_at": NOON,
    }  # fmt: skip
    for wrong in (
        {"reason": ""},
        {"decision": "burnt"},
        {"subject_kind": "tube", "decision": "voided"},
    ):
        with scope.everywhere(), pytest.raises(IntegrityError), transaction.atomic():
            FlagDecision.objects.create(**good | wrong)
    with scope.everywhere():
        FlagDecision.objects.create(**good)
        with pytest.raises(IntegrityError), transaction.atomic():
            FlagDecision.objects.create(**good | {"id": new_id()})


def test_a_swab_voided_at_the_site_is_no_matter_any_more(field: Field) -> None:
    desk = Desk()
    [twice] = desk.open(kind="person_twice")
    send(field.other, told("swab.void", 50, swab_id=twice["key"].split(".")[1], reason="扫错"))
    assert desk.open(kind="person_twice") == []
    assert uuid.UUID(twice["key"].split(".")[1]) in {
        swab.id for tube in _tubes() for swab in swabs_in(tube)
    }


def _tubes() -> list[uuid.UUID]:
    with scope.everywhere():
        return list(Tube.objects.values_list("id", flat=True))
