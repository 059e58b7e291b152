"""What a hub brings: opened and applied in the device's name, once each, whatever came before; nothing of others."""

from __future__ import annotations

import base64
import json
import os
import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from yingjian.access import actions, envelopes, queries, rules, scope
from yingjian.access.models import Device, JournalEntry
from yingjian.access.tests.factories import (
    NOON,
    TOWN_A,
    TOWN_B,
    actor,
    new_id,
    sign_in,
    user,
)
from yingjian.kernel.errors import RuleBroken

pytestmark = pytest.mark.usefixtures("notes", "drill")
HOURS_LATER = NOON + timedelta(hours=6)


def enrolled(role: str, area: str = TOWN_A, name: str = "phone") -> tuple[uuid.UUID, str]:
    """A device as it really comes to be: invited, then bound."""
    inviter = user("site_lead", area)
    invitation, device = new_id(), new_id()
    with scope.everywhere():
        issued = actor("site_lead", area)
        actions.device_invite(
            actor=type(issued)("user", inviter.id, "x", issued.holds), at=NOON, id=invitation,
            station_code="99000010120100301", area=area, role=role, hours=1,
        )  # fmt: skip
        token = actions.invitation_token(invitation)
        return device, actions.device_enrol(at=NOON, token=token, device_id=device, name=name)


def said(*texts: str, sent_at: datetime = NOON, at: datetime = NOON) -> dict[str, Any]:
    commands = [
        {"id": str(new_id()), "kind": "test.note", "at": at.isoformat(), "seq": place, "payload": {"text": text}}
        for place, text in enumerate(texts, 1)
    ]  # fmt: skip
    return {"language": "en", "sent_at": sent_at.isoformat(), "commands": commands,
            "beat": {"waiting": 3, "stuck": 1}}  # fmt: skip


def sealed(device: uuid.UUID, secret: str, request: dict[str, Any]) -> bytes:
    return envelopes.seal_request(
        secret, device, json.dumps(request).encode(), salt=os.urandom(envelopes.SALT)
    )


class Hub:
    """A hub at the county's door."""

    def __init__(self, area: str = TOWN_A) -> None:
        self.id, self.secret = enrolled("hub", area, "hub")

    def ask(self, method: str, path: str, body: Any = None, *, at: datetime = NOON) -> Any:
        headers = {
            "Authorization": f"Device {self.id}:{self.secret}",
            "X-Yingjian-At": at.isoformat(),
        }
        return Client().generic(
            method, f"/api/hub/{path}", msgspec.json.encode(body), content_type="application/json", headers=headers
        )  # fmt: skip

    def forward(
        self, *requests: tuple[bytes, datetime], at: datetime = HOURS_LATER,
        sent_at: datetime | None = None, address: str = "", version: str = "",
    ) -> list[dict[str, Any]]:  # fmt: skip
        body = {
            "sent_at": (sent_at or at).isoformat(),
            "requests": [
                {"kept_at": kept.isoformat(), "sealed": base64.b64encode(one).decode()}
                for one, kept in requests
            ],
            "beat": {"waiting": 2, "stuck": 0, "address": address, "version": version},
        }
        answer = self.ask("POST", "forward", body, at=at)
        assert answer.status_code == 200, answer.content
        found: list[dict[str, Any]] = answer.json()["answers"]
        return found


def opened(device: uuid.UUID, secret: str, answer: dict[str, Any]) -> dict[str, Any]:
    plain = envelopes.open_answer(secret, device, base64.b64decode(answer["sealed"]))
    found: dict[str, Any] = json.loads(plain)
    return found


def rows(kind: str = "test.note") -> list[JournalEntry]:
    with scope.everywhere():
        return list(JournalEntry.objects.filter(kind=kind).order_by("seq"))


@pytest.mark.django_db
def test_a_request_is_applied_in_the_name_of_the_device_and_answered_for_it_alone() -> None:
    hub, (device, secret) = Hub(), enrolled("sampler")
    request = said("a", "bad")
    [answer] = hub.forward((sealed(device, secret, request), NOON))
    told = opened(device, secret, answer)
    assert [one["verdict"] for one in told["verdicts"]] == ["applied", "parked"]
    assert told["verdicts"][1]["says"] == "A reason is missing."
    assert told["seq"] == 2
    assert [(row.actor_kind, row.actor_id) for row in rows()] == [("device", device)] * 2
    assert {row.received_at for row in rows()} == {HOURS_LATER}
    with pytest.raises(envelopes.UnreadableError):
        envelopes.open_answer(hub.secret, device, base64.b64decode(answer["sealed"]))
    [note] = rows("hub.forward")
    assert (note.actor_id, str(device) in note.payload) == (hub.id, True)


@pytest.mark.django_db
def test_handed_in_twice_or_after_the_phone_itself_everything_is_there_once() -> None:
    hub, (device, secret) = Hub(), enrolled("sampler")
    request = said("a", "b")
    headers = {"Authorization": f"Device {device}:{secret}", "X-Yingjian-At": NOON.isoformat()}
    first = {**request, "commands": request["commands"][:1]}
    direct = Client().post("/api/sync", first, content_type="application/json", headers=headers)
    assert direct.json()["verdicts"][0]["verdict"] == "applied"
    one = (sealed(device, secret, request), NOON)
    [answer] = hub.forward(one)
    assert [v["verdict"] for v in opened(device, secret, answer)["verdicts"]] == ["duplicate", "applied"]  # fmt: skip
    [again] = hub.forward(one)
    assert [v["verdict"] for v in opened(device, secret, again)["verdicts"]] == ["duplicate"] * 2
    assert (len(rows()), len(rows("hub.forward"))) == (2, 1)


@pytest.mark.django_db
def test_a_day_on_the_hub_is_no_wrong_clock_and_the_hubs_own_clock_is_set_right() -> None:
    hub, (device, secret) = Hub(), enrolled("sampler")
    ahead = timedelta(hours=1)  # by so much the hub's clock is fast
    right, fast = said("a"), said("b", sent_at=NOON + timedelta(days=1))
    hub.forward(
        (sealed(device, secret, right), NOON + ahead), (sealed(device, secret, fast), NOON + ahead),
        sent_at=HOURS_LATER + ahead,
    )  # fmt: skip
    assert [row.skew_ms for row in rows()] == [0, -86_400_000]
    assert len({row.received_at for row in rows()}) == 2, "the replay tells requests apart by it"


@pytest.mark.django_db
def test_what_cannot_be_taken_is_told_and_holds_up_nothing() -> None:
    hub, (device, secret), (other, others) = Hub(), enrolled("sampler"), enrolled("sampler", TOWN_B)
    good = sealed(device, secret, said("a"))
    altered = bytearray(sealed(device, secret, said("b")))
    altered[-1] ^= 1
    answers = hub.forward(
        (bytes(altered), NOON), (b"YJH1", NOON), (sealed(other, others, said("c")), NOON),
        (sealed(hub.id, hub.secret, said("d")), NOON), (sealed(device, secret, {"commands": 1}), NOON), (good, NOON),
    )  # fmt: skip
    unknown = "access.device_unknown"
    assert [one["code"] for one in answers] == [
        "access.envelope_unreadable", unknown, unknown, unknown, "access.body_unreadable", None,
    ]  # fmt: skip
    assert len(rows()) == 1


@pytest.mark.django_db
def test_a_lost_phones_morning_is_taken_and_what_came_after_its_revocation_is_not() -> None:
    hub, (device, secret) = Hub(), enrolled("sampler")
    with scope.everywhere():
        Device.objects.filter(id=device).update(revoked_at=NOON + timedelta(hours=1))
    before, after = hub.forward(
        (sealed(device, secret, said("a")), NOON),
        (sealed(device, secret, said("b")), NOON + timedelta(hours=2)),
    )
    assert (before["code"], after["code"]) == (None, "access.device_shut_out")
    assert len(rows()) == 1


@pytest.mark.django_db
def test_a_hub_gets_the_keys_of_its_area_and_is_shut_out_when_it_is_revoked() -> None:
    hub, (device, secret), (gone, _) = Hub(), enrolled("sampler"), enrolled("sampler")
    enrolled("sampler", TOWN_B)
    with scope.everywhere():
        Device.objects.filter(id=gone).update(revoked_at=NOON)
    told = hub.ask("GET", "keys").json()
    key = envelopes.hub_key(secret, hub.id).hex()
    assert told["devices"] == [{"device_id": str(device), "key": key}]
    assert told["area"] == TOWN_A
    with scope.everywhere():
        Device.objects.filter(id=hub.id).update(revoked_at=NOON)
    assert hub.ask("GET", "keys").status_code == 401


@pytest.mark.django_db
def test_neither_a_phone_nor_a_user_is_a_hub() -> None:
    device, secret = enrolled("sampler")
    headers = {"Authorization": f"Device {device}:{secret}"}
    assert Client().get("/api/hub/keys", headers=headers).json()["code"] == "access.not_permitted"
    person = Client()
    sign_in(person, user("hub"))
    assert person.get("/api/hub/keys").json()["code"] == "access.hub_only"
    with pytest.raises(RuleBroken):
        rules.role_checked("hub")


@pytest.mark.django_db
def test_a_hub_tells_where_it_is_and_phones_of_its_area_hear_it() -> None:
    hub = Hub()
    hub.forward(address="http://192.168.8.2:8100", version="0.1.0")
    with scope.everywhere():
        assert [one.version for one in queries.hubs_for(actor("site_lead"))] == ["0.1.0"]
    [found] = queries.hubs_in(TOWN_A + "201")
    assert (found.id, found.url) == (hub.id, "http://192.168.8.2:8100")
    assert queries.hubs_in(TOWN_B) == []
    hub.forward(address="javascript:alert(1)", version="<b>" * 20)
    assert queries.hubs_in(TOWN_A) == []
    with scope.everywhere():
        assert [one.version for one in queries.hubs_for(actor("site_lead"))] == [""]


@pytest.mark.django_db
def test_an_older_beat_does_not_cover_a_newer_one() -> None:
    hub, (device, secret) = Hub(), enrolled("sampler")
    with scope.everywhere():
        Device.objects.filter(id=device).update(beat_at=NOON + timedelta(hours=1), waiting=0)
    hub.forward((sealed(device, secret, said("a")), NOON))
    with scope.everywhere():
        assert Device.objects.get(id=device).waiting == 0


@given(
    st.binary(max_size=200), st.text(min_size=1), st.uuids(), st.binary(min_size=32, max_size=32)
)
def test_what_is_sealed_opens_with_its_secret_only(
    plain: bytes, secret: str, device: uuid.UUID, salt: bytes
) -> None:
    request = envelopes.seal_request(secret, device, plain, salt=salt)
    assert envelopes.open_request(secret, request) == plain
    assert envelopes.device_of(request) == device
    answer = envelopes.seal_answer(secret, device, plain, salt=salt)
    assert envelopes.open_answer(secret, device, answer) == plain
    with pytest.raises(envelopes.UnreadableError):
        envelopes.open_request(secret + "x", request)
    with pytest.raises(envelopes.UnreadableError):
        envelopes.open_answer(secret + "x", device, answer)
    with pytest.raises(envelopes.UnreadableError):
        envelopes.open_request(secret, answer + bytes(16))
