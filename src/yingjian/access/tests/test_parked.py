"""What lies parked: a poison command among fifty, applying again, and devices that went back in time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client

from yingjian.access import journal, scope
from yingjian.access.models import Device, JournalEntry, ParkedDecision
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, device, new_id, user
from yingjian.access.tests.test_api import Browser

pytestmark = pytest.mark.django_db

station_there = True
taken: list[tuple[str, str, str]] = []


class Note(msgspec.Struct, frozen=True):
    text: str
    name: str = ""


def take(batch: journal.Batch) -> list[journal.Verdict]:
    """Chokes on "poison"; parks everything while there is no station."""
    for command in batch.commands:
        if command.payload.text == "poison":
            raise ValueError("poison")
    if not station_there:
        return [journal.parked(one, "access.area_malformed", area="x") for one in batch.commands]
    taken.extend((c.payload.text, c.payload.name, batch.actor.name) for c in batch.commands)
    return [journal.applied(command) for command in batch.commands]


@pytest.fixture(autouse=True)
def kind() -> Iterator[None]:
    global station_there  # noqa: PLW0603 - the handler's world
    station_there = True
    taken.clear()
    journal.handles("test.fact", Note, permission="sample")(take)
    yield
    del journal.KINDS["test.fact"]


class Phone:
    def __init__(self) -> None:
        self.device, secret = device("S1")
        self.client = Client(
            headers={
                "Authorization": f"Device {self.device.id}:{secret}",
                "X-Yingjian-At": NOON.isoformat(),
            }
        )

    def sync(self, *facts: tuple[int, str], ids: list[str] | None = None) -> Any:
        commands = [
            {
                "id": ids[n] if ids else str(new_id()), "kind": "test.fact", "seq": seq,
                "at": (NOON - timedelta(minutes=5)).isoformat(), "payload": {"text": text, "name": "王秀兰"},
            }
            for n, (seq, text) in enumerate(facts)
        ]  # fmt: skip
        answer = self.client.post(
            "/api/sync", {"commands": commands}, content_type="application/json"
        )
        assert answer.status_code == 200, answer.content
        return answer.json()


def parked() -> list[JournalEntry]:
    with scope.everywhere():
        return list(JournalEntry.objects.filter(verdict="parked").order_by("seq"))


def test_one_poison_command_of_fifty_parks_alone_and_is_not_tried_for_ever() -> None:
    phone = Phone()
    facts = [(n + 1, "poison" if n == 31 else f"n{n}") for n in range(50)]
    ids = [str(new_id()) for _ in facts]
    verdicts = phone.sync(*facts, ids=ids)["verdicts"]
    assert [v["verdict"] for v in verdicts].count("applied") == 49
    assert (verdicts[31]["verdict"], verdicts[31]["code"]) == ("parked", "access.handler_failed")
    assert verdicts[31]["says"]
    assert len(taken) == 49
    again = phone.sync(*facts, ids=ids)["verdicts"]
    assert (again[31]["verdict"], again[31]["first"]) == ("duplicate", "parked")
    assert len(taken) == 49
    assert [entry.code for entry in parked()] == ["access.handler_failed"]


def test_a_parked_command_is_applied_again_as_it_was_sent() -> None:
    global station_there  # noqa: PLW0603 - the handler's world
    station_there = False
    phone = Phone()
    phone.sync((1, "a"))
    [entry] = parked()
    maintainer = Browser(user("information_maintainer"))
    given = {"command_id": str(entry.command_id), "decision": "retried", "reason": "采样台已补建"}
    refused = maintainer.command("parked.decide", given)
    assert (refused.status_code, refused.json()["code"]) == (409, "access.retry_parked")
    assert len(parked()) == 1  # of a retry in vain nothing is left
    with scope.everywhere():
        assert not ParkedDecision.objects.exists()
        Device.objects.update(revoked_at=NOON)  # what it said before it was shut out still counts

    station_there = True
    done = maintainer.command("parked.decide", given).json()["verdicts"][0]
    retried = uuid.UUID(done["answer"]["retried_as"])
    with scope.everywhere():
        row = JournalEntry.objects.get(command_id=retried)
        decision = ParkedDecision.objects.get()
    assert taken == [("a", "王秀兰", "S1")]
    assert (row.verdict, row.actor_kind, row.actor_id) == ("applied", "device", phone.device.id)
    assert (row.captured_at, row.device_seq) == (entry.captured_at, None)
    assert (decision.decision, decision.retried_as) == ("retried", retried)
    assert "王秀兰" not in row.payload
    assert maintainer.command("parked.decide", given).json()["code"] == "access.parked_decided"
    assert len(taken) == 1


def test_a_users_fact_is_applied_again_in_the_users_name() -> None:
    global station_there  # noqa: PLW0603 - the handler's world
    station_there = False
    sampler = Browser(user("sampler"))
    assert sampler.command("test.fact", {"text": "b"}).status_code == 200
    station_there = True
    given = {"command_id": str(parked()[0].command_id), "decision": "retried", "reason": "可以了"}
    assert (
        Browser(user("information_maintainer")).command("parked.decide", given).status_code == 200
    )
    assert taken == [("b", "", "sampler")]


def test_what_cannot_be_read_cannot_be_applied_again() -> None:
    Phone().client.post("/api/sync", {"commands": [1]}, content_type="application/json")
    [entry] = parked()
    given = {"command_id": str(entry.command_id), "decision": "retried", "reason": "t"}
    answer = Browser(user("information_maintainer")).command("parked.decide", given)
    assert (answer.status_code, answer.json()["code"]) == (409, "access.retry_pointless")


def test_a_device_whose_numbers_come_again_is_noted_once() -> None:
    phone = Phone()
    ids = [str(new_id()) for _ in range(5)]
    facts = [(n + 1, f"n{n}") for n in range(5)]
    assert phone.sync(*facts, ids=ids)["seq"] == 5
    phone.sync(*facts, ids=ids)  # sent again: the same commands
    phone.sync((9, "late"))
    phone.sync((7, "later still"))  # numbers that were left out may come late
    assert parked() == []

    assert phone.sync((4, "other"), (5, "than before"), (6, "and one new"))["seq"] == 9
    phone.sync((1, "another request of the same fall"))
    [note] = parked()
    assert (note.kind, note.code, note.area) == (
        "device.rewound",
        "access.sequence_rewound",
        TOWN_A,
    )
    assert msgspec.json.decode(note.answer)["params"] == {
        "device": "S1", "station": "S1", "first": 4, "last": 5, "commands": 2, "heard": 9,
    }  # fmt: skip
    assert [text for text, *_ in taken[-4:]] == ["other", "than before", "and one new",
                                                 "another request of the same fall"]  # fmt: skip

    assert phone.sync((10, "goes on"), (11, "as it should"))["seq"] == 11
    assert len(parked()) == 1
    phone.sync((10, "falls"), (11, "again"))
    assert [msgspec.json.decode(entry.answer)["params"]["heard"] for entry in parked()] == [9, 11]


def test_a_fall_is_seen_in_its_own_town_and_closed_with_a_word() -> None:
    phone = Phone()
    phone.sync((1, "a"), (2, "b"))
    phone.sync((2, "c"))
    [note] = parked()
    elsewhere = Browser(user("information_maintainer", TOWN_B))
    given = {"command_id": str(note.command_id), "decision": "retried", "reason": "已清点"}
    assert elsewhere.command("parked.decide", given).status_code == 403
    here = Browser(user("information_maintainer"))
    assert here.command("parked.decide", given).json()["code"] == "access.retry_pointless"
    assert here.command("parked.decide", given | {"decision": "closed"}).status_code == 200
    assert here.client.get("/api/parked").json()["items"] == []


def test_what_a_phone_tells_of_itself_stands_in_the_list_of_devices() -> None:
    phone = Phone()
    asker = Browser(user("information_maintainer", TOWN_A))

    def beats(beat: Any) -> dict[str, Any]:
        body = {"commands": [], "beat": beat}
        answer = phone.client.post("/api/sync", body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        (row,) = [
            one
            for one in asker.client.get("/api/devices").json()["items"]
            if one["id"] == str(phone.device.id)
        ]
        return {name: row[name] for name in ("waiting", "stuck", "restored_at")} | {
            "told": row["beat_at"] is not None
        }

    silent = {"waiting": None, "stuck": None, "restored_at": None, "told": False}
    assert beats(None) == silent
    for nonsense in ("x", [1], {"waiting": -1}, {"restored_at": "yesterday"}, {"waiting": 10**30}):
        assert beats(nonsense) == silent, "what nobody can read holds nothing up"
    behind = {"waiting": 20, "stuck": 1, "restored_at": NOON.isoformat()}
    assert beats(behind)["waiting"] == 20
    later = beats({"waiting": 0, "stuck": 0})
    assert (later["waiting"], later["stuck"], later["told"]) == (0, 0, True)
    assert later["restored_at"] is not None, (
        "a phone that forgets it was restored is still known as one"
    )


def test_a_restored_phone_is_settled_with_a_reason_and_its_next_fall_is_news() -> None:
    phone = Phone()
    clerk = Browser(user("information_maintainer", TOWN_A))

    def beats(at: datetime) -> Any:
        beat = {"restored_at": at.isoformat()}
        phone.client.post(
            "/api/sync", {"commands": [], "beat": beat}, content_type="application/json"
        )
        [row] = clerk.client.get("/api/devices").json()["items"]
        return row["restored_at"]

    def settles(who: Browser, reason: str = "已与架上核对") -> str:
        about = {"device_id": str(phone.device.id), "reason": reason}
        answer = who.command("restored.settle", about)
        return "applied" if answer.status_code == 200 else str(answer.json()["code"])

    assert settles(clerk) == "access.not_restored"
    assert beats(NOON) is not None
    assert settles(Browser(user("information_maintainer", TOWN_B))) == "access.outside_area"
    assert settles(Browser(user("site_lead", TOWN_A))) == "access.not_permitted"
    assert settles(clerk, " ") == "access.reason_missing"
    assert settles(clerk) == "applied"
    assert beats(NOON) is None, "the phone goes on telling what is settled"
    assert beats(NOON + timedelta(hours=1)) is not None
