"""Phones of a round: invited, printed, enrolled, taken back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from yingjian.access import scope
from yingjian.access.models import EnrolToken, JournalEntry
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, new_id
from yingjian.sampling import phones
from yingjian.sampling.tests.factories import Field, a_field
from yingjian.sampling.tests.test_matters import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def field(drill: None) -> Field:
    return a_field()


def invited(desk: Desk, *stations: str, hours: int = 24) -> list[uuid.UUID]:
    ids = [new_id() for _ in stations]
    answer = desk.do(
        *(
            ("device.invite", {"token_id": id, "station_code": station, "area": TOWN_A, "role": "sampler",
                               "hours": hours})
            for id, station in zip(ids, stations, strict=True)
        )
    )  # fmt: skip
    assert answer.status_code == 200, answer.content
    return ids


def enrol(token: str, at: str = NOON.isoformat()) -> Any:
    body = {"token": token, "device_id": str(new_id()), "name": "一号手机"}
    return Client(headers={"X-Yingjian-At": at}).post(
        "/api/devices/enrol", body, content_type="application/json"
    )


def lanes(desk: Desk, field: Field, **asked: str) -> dict[str, dict[str, Any]]:
    found = desk.get(f"/rounds/{field.round_id}/devices", data=asked)["items"]
    return {lane["station_code"]: lane for lane in found}


def test_every_lane_is_listed_from_uninvited_to_heard_of(field: Field) -> None:
    desk, codes = Desk(), [lane.code for site in field.sites for lane in site.stations]
    assert {code: lane["state"] for code, lane in lanes(desk, field).items()} == dict.fromkeys(
        codes, "none"
    )
    one, two = invited(desk, *codes[:2])
    assert [lanes(desk, field)[code]["state"] for code in codes[:3]] == [
        "invited",
        "invited",
        "none",
    ]
    told = desk.get(f"/devices/invitations/{one}")
    assert told["link"] == f"http://testserver/station/#enrol={told['token']}"
    made = enrol(told["token"]).json()
    lane = lanes(desk, field)[codes[0]]
    assert (lane["state"], lane["invitations"]) == ("enrolled", [])
    assert (lane["devices"][0]["last_seen_at"], lane["devices"][0]["last_seq"]) == (None, None)

    phone = Client(headers={"Authorization": f"Device {made['device_id']}:{made['secret']}",
                            "X-Yingjian-At": (NOON + timedelta(hours=1)).isoformat()})  # fmt: skip
    command = {"id": str(new_id()), "kind": "tube.open", "at": NOON.isoformat(), "seq": 12,
               "payload": {"tube_id": str(new_id()), "code": "T1", "mode": "pool", "capacity": 10}}  # fmt: skip
    phone.post("/api/sync", {"commands": [command]}, content_type="application/json")
    device = lanes(desk, field)[codes[0]]["devices"][0]
    assert (device["last_seq"], device["name"]) == (12, "一号手机")
    assert device["last_seen_at"] == (NOON + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    listed = desk.get("/devices")["items"]
    assert [(one["id"], one["last_seq"]) for one in listed] == [(made["device_id"], 12)]

    revoked = desk.do(("device.revoke", {"device_id": made["device_id"], "reason": "手机遗失"}))
    assert revoked.status_code == 200
    assert lanes(desk, field)[codes[0]]["state"] == "none"
    assert (
        phone.post("/api/sync", {"commands": []}, content_type="application/json").status_code
        == 401
    )
    assert set(lanes(desk, field, site=field.sites[1].code)) == set(codes[2:])
    assert two


def test_an_invitation_is_a_picture_a_page_and_no_secret_of_the_journal(field: Field) -> None:
    desk, (first, second) = Desk(), [lane.code for lane in field.sites[0].stations]
    none = desk.client.get(f"/api/rounds/{field.round_id}/invitations.pdf")
    assert (none.status_code, none.json()["code"]) == (404, "sampling.no_invitation")
    one, _ = invited(desk, first, second)
    picture = desk.client.get(f"/api/devices/invitations/{one}/qr.svg")
    assert (picture["Content-Type"], picture["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert picture.content.startswith(b"<svg")
    sheet = desk.client.get(
        f"/api/rounds/{field.round_id}/invitations.pdf?site={field.sites[0].code}"
    )
    assert sheet["Content-Type"] == "application/pdf"
    assert sheet.content.count(b"/Type /Page\n") == 2
    single = desk.client.get(f"/api/rounds/{field.round_id}/invitations.pdf?station={first}")
    assert single.content.count(b"/Type /Page\n") == 1
    with scope.everywhere():
        told = list(JournalEntry.objects.filter(kind="invitation.print").order_by("seq"))
    assert len(told) == 2
    assert str(one) in told[0].payload
    token = desk.get(f"/devices/invitations/{one}")["token"]
    assert all(token not in entry.payload for entry in JournalEntry.objects.all())


def test_a_sheet_of_too_many_pages_is_asked_for_by_site(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk()
    invited(desk, *(lane.code for site in field.sites for lane in site.stations))
    monkeypatch.setattr(phones, "SHEETS_MOST", 3)
    answer = desk.client.get(f"/api/rounds/{field.round_id}/invitations.pdf")
    assert answer.json()["code"] == "sampling.too_many_sheets"


def test_a_lost_invitation_is_taken_back(field: Field) -> None:
    desk, (first, second) = Desk(), [lane.code for lane in field.sites[0].stations]
    one, two = invited(desk, first, second)
    token = desk.get(f"/devices/invitations/{one}")["token"]

    def cancel(who: Desk, id: uuid.UUID, reason: str = "登记页遗失") -> Any:
        return who.do(("invitation.cancel", {"token_id": id, "reason": reason}))

    assert cancel(desk, one, " ").json()["code"] == "access.reason_missing"
    assert cancel(desk, new_id()).json()["code"] == "access.token_unknown"
    assert cancel(Desk(area=TOWN_B), one).json()["code"] == "access.outside_area"
    assert cancel(desk, one).status_code == 200
    assert cancel(desk, one).status_code == 200  # again changes nothing
    refused = enrol(token)
    assert (refused.status_code, refused.json()["code"]) == (410, "access.token_cancelled")
    for path in (f"/devices/invitations/{one}", f"/devices/invitations/{one}/qr.svg"):
        assert desk.get(path, 410)["code"] == "access.token_cancelled"
    lane = lanes(desk, field)[first]
    assert (lane["state"], [row["state"] for row in lane["invitations"]]) == ("none", ["cancelled"])
    used = desk.get(f"/devices/invitations/{two}")["token"]
    assert enrol(used).status_code == 200
    assert cancel(desk, two).json()["code"] == "access.token_used"
    assert desk.get(f"/devices/invitations/{two}", 409)["code"] == "access.token_used"
    with scope.everywhere(), pytest.raises(IntegrityError), transaction.atomic():
        EnrolToken.objects.filter(id=two).update(cancelled_at=NOON)


def test_an_expired_invitation_is_neither_shown_nor_printed(field: Field) -> None:
    desk, code = Desk(), field.sites[0].stations[0].code
    [one] = invited(desk, code, hours=1)
    late = {"X-Yingjian-At": (NOON + timedelta(hours=2)).isoformat()}
    shown = desk.get(f"/devices/invitations/{one}", 410, headers=late)
    assert shown["code"] == "access.token_expired"
    answer = desk.client.get(f"/api/rounds/{field.round_id}/invitations.pdf", headers=late)
    assert answer.json()["code"] == "sampling.no_invitation"


def test_another_town_sees_no_lane_and_prints_no_page(field: Field) -> None:
    [one] = invited(Desk(), field.sites[0].stations[0].code)
    stranger = Desk(area=TOWN_B)
    stranger.get(f"/rounds/{field.round_id}/devices", 404)
    stranger.get(f"/rounds/{field.round_id}/invitations.pdf", 404)
    stranger.get(f"/devices/invitations/{one}/qr.svg", 404)
    assert Desk("sampler").client.get(f"/api/rounds/{field.round_id}/devices").status_code == 403
