"""The room over HTTP: sign-in, devices, sync, commands, errors."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from yingjian.access import scope, sync
from yingjian.access.models import Device, JournalEntry, User
from yingjian.access.tests.factories import (
    NOON,
    TOWN_A,
    TOWN_B,
    device,
    new_id,
    sign_in,
    user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notes", "drill")]


class Browser:
    """A signed-in user's browser, with CSRF enforced."""

    def __init__(self, made: User) -> None:
        self.client = Client(enforce_csrf_checks=True, headers={"X-Yingjian-At": NOON.isoformat()})
        self.csrf = sign_in(self.client, made)["csrf"]

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(
            path, body, content_type="application/json", headers={"X-CSRFToken": self.csrf}
        )

    def command(self, kind: str, payload: dict[str, Any]) -> Any:
        body = {
            "commands": [
                {"id": str(new_id()), "kind": kind, "at": NOON.isoformat(), "payload": payload}
            ]
        }
        return self.post("/api/commands", body)


def entries(kind: str) -> int:
    with scope.everywhere():
        return JournalEntry.objects.filter(kind=kind).count()


def test_sign_in_tells_who_and_what() -> None:
    me = Browser(user("registrar")).client.get("/api/session").json()
    assert me["roles"] == [{"role": "registrar", "area": TOWN_A}]
    assert "sample" in me["permissions"]
    assert entries("session.start") == 1


def test_nobody_is_told_so() -> None:
    me = Client().get("/api/session").json()
    assert me["id"] is None
    answer = Client().get("/api/clocks")
    assert answer.status_code == 401
    assert answer.json()["code"] == "access.sign_in_required"
    assert answer.json()["do"]


def test_a_wrong_password_is_refused_journalled_and_shut_after_many() -> None:
    made = user("registrar")
    client = Client(headers={"X-Yingjian-At": NOON.isoformat()})
    for expected in [401] * 10 + [429]:
        answer = client.post(
            "/api/session",
            {"username": made.username, "password": "?"},
            content_type="application/json",
        )
        assert answer.status_code == expected
    assert entries("session.refuse") == 10
    later = Client(headers={"X-Yingjian-At": (NOON + timedelta(minutes=16)).isoformat()})
    sign_in(later, made)


def test_an_unknown_name_gets_the_same_answer() -> None:
    answer = Client().post(
        "/api/session", {"username": "x", "password": "?"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "access.sign_in_refused")


def test_signing_out_ends_it() -> None:
    browser = Browser(user("registrar"))
    browser.client.delete("/api/session", headers={"X-CSRFToken": browser.csrf})
    assert browser.client.get("/api/clocks").status_code == 401


def test_a_write_without_the_token_of_the_page_is_refused() -> None:
    browser = Browser(user("registrar"))
    answer = browser.client.post("/api/commands", {"commands": []}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "access.page_expired")


def test_an_inactive_user_is_out_at_once() -> None:
    made = user("registrar")
    browser = Browser(made)
    with scope.everywhere():
        User.objects.filter(id=made.id).update(is_active=False)
    assert browser.client.get("/api/clocks").status_code == 401


def test_errors_speak_the_readers_language() -> None:
    zh = Client().get("/api/clocks").json()
    en = Client(headers={"Accept-Language": "en"}).get("/api/clocks").json()
    assert zh["says"] == "尚未登录。"
    assert en["says"] == "You are not signed in."


def invite(browser: Browser, area: str = TOWN_A, **more: Any) -> Any:
    payload = {
        "token_id": str(new_id()),
        "station_code": "S1",
        "area": area,
        "role": "registrar",
        **more,
    }
    return payload["token_id"], browser.command("device.invite", payload)


def test_a_device_is_enrolled_once_by_an_invitation() -> None:
    lead = Browser(user("site_lead"))
    token_id, answer = invite(lead)
    assert answer.status_code == 200, answer.content
    token = lead.client.get(f"/api/devices/invitations/{token_id}").json()["token"]
    phone = Client(headers={"X-Yingjian-At": NOON.isoformat()})
    mine = {"token": token, "device_id": str(new_id()), "name": "phone 1"}
    first = phone.post("/api/devices/enrol", mine, content_type="application/json")
    again = phone.post("/api/devices/enrol", mine, content_type="application/json")
    assert first.json() == again.json()
    other = phone.post(
        "/api/devices/enrol", {**mine, "device_id": str(new_id())}, content_type="application/json"
    )
    assert (other.status_code, other.json()["code"]) == (409, "access.token_used")
    header = f"Device {first.json()['device_id']}:{first.json()['secret']}"
    assert phone.get("/api/clocks", headers={"Authorization": header}).status_code == 200
    lead.command("device.revoke", {"device_id": first.json()["device_id"], "reason": "lost"})
    stranger = lead.command("device.revoke", {"device_id": str(new_id()), "reason": "lost"})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "access.device_unknown")
    assert phone.get("/api/clocks", headers={"Authorization": header}).status_code == 401


def test_an_invitation_expires_and_a_stranger_is_unknown() -> None:
    lead = Browser(user("site_lead"))
    token_id, _ = invite(lead, hours=1)
    token = lead.client.get(f"/api/devices/invitations/{token_id}").json()["token"]
    late = Client(headers={"X-Yingjian-At": (NOON + timedelta(hours=1)).isoformat()})
    body = {"token": token, "device_id": str(new_id()), "name": "x"}
    answer = late.post("/api/devices/enrol", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (410, "access.token_expired")
    answer = late.post(
        "/api/devices/enrol", {**body, "token": "?"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "access.token_unknown")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"area": TOWN_B}, "access.outside_area"),
        ({"area": "12345"}, "access.area_malformed"),
        ({"role": "commander"}, "access.device_role"),
        ({"hours": 0}, "access.invite_hours"),
        ({"hours": 10_000}, "access.invite_hours"),
        ({"hours": "soon"}, "access.payload_malformed"),
    ],
)
def test_bad_invitations(change: dict[str, Any], code: str) -> None:
    lead = Browser(user("site_lead"))
    _, answer = invite(lead, **{"area": TOWN_A, **change})
    assert answer.status_code in {403, 422}
    assert answer.json()["code"] == code
    assert entries("device.invite") == 0


def sync_body(*texts: Any) -> dict[str, Any]:
    return {
        "sent_at": NOON.isoformat(),
        "commands": [
            {
                "id": str(new_id()),
                "kind": "test.note",
                "at": NOON.isoformat(),
                "payload": {"text": t},
                "seq": n,
            }
            for n, t in enumerate(texts)
        ],
    }


class Phone:
    def __init__(self) -> None:
        made, secret = device("S1")
        self.client = Client(
            headers={
                "Authorization": f"Device {made.id}:{secret}",
                "X-Yingjian-At": NOON.isoformat(),
            }
        )

    def sync(self, body: Any) -> Any:
        return self.client.post("/api/sync", body, content_type="application/json")


def test_sync_answers_each_command_in_order_and_again_the_same() -> None:
    phone = Phone()
    body = sync_body("a", "bad", 7)
    verdicts = phone.sync(body).json()["verdicts"]
    assert [v["verdict"] for v in verdicts] == ["applied", "parked", "parked"]
    assert [v.get("code") for v in verdicts] == [
        None,
        "access.reason_missing",
        "access.payload_malformed",
    ]
    assert verdicts[1]["says"]
    again = phone.sync(body).json()["verdicts"]
    assert [(v["verdict"], v["first"]) for v in again] == [
        ("duplicate", "applied"), ("duplicate", "parked"), ("duplicate", "parked"),
    ]  # fmt: skip
    assert again[1]["code"] == "access.reason_missing"
    assert entries("test.note") == 3


def test_unreadable_commands_are_kept_and_do_not_stop_the_others() -> None:
    phone = Phone()
    good = sync_body("a")["commands"][0]
    naive = {**good, "id": str(new_id()), "at": "2026-01-16T12:00:00"}
    bad = [1, "x", None, {}, {"id": "7"}, naive, {**good, "id": str(new_id()), "seq": -1}]
    verdicts = phone.sync({"commands": [*bad, good]}).json()["verdicts"]
    assert [v["verdict"] for v in verdicts] == ["parked"] * 7 + ["applied"]
    assert {v.get("code") for v in verdicts[:-1]} == {"access.command_unreadable"}
    assert [v["verdict"] for v in phone.sync({"commands": bad}).json()["verdicts"]] == [
        "duplicate"
    ] * 7
    assert entries("unreadable") == 7


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "access.body_unreadable"),
        (b"{", 400, "access.body_unreadable"),
        (b"[]", 400, "access.body_unreadable"),
        (b"\xff\xfe", 400, "access.body_unreadable"),
        (b'{"commands": 7}', 400, "access.body_unreadable"),
        (b'{"commands": [], "sent_at": "2026-01-16T12:00:00"}', 400, "access.body_unreadable"),
        (json.dumps({"commands": [0] * 5001}).encode(), 413, "access.too_many_commands"),
        (b" " * (sync.BODY_MAX + 1), 413, "access.body_too_large"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(
    body: bytes, status: int, code: str, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * sync.BODY_MAX
    phone = Phone()
    answer = phone.client.post("/api/sync", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_skew_of_a_devices_clock_is_kept() -> None:
    phone = Phone()
    body = {**sync_body("a"), "sent_at": (NOON - timedelta(hours=1)).isoformat()}
    phone.sync(body)
    with scope.everywhere():
        row = JournalEntry.objects.get(kind="test.note")
    assert (row.skew_ms, row.device_seq, row.area) == (3_600_000, 0, TOWN_A)


@pytest.mark.parametrize(
    "credentials", ["Device x", "Device :", f"Device {uuid.UUID(int=9)}:x", "Bearer x"]
)
def test_strange_credentials_are_nobody(credentials: str) -> None:
    answer = Client().post(
        "/api/sync",
        {"commands": []},
        content_type="application/json",
        headers={"Authorization": credentials},
    )
    assert answer.status_code == 401


def test_parked_commands_are_listed_and_decided_once() -> None:
    Phone().sync(sync_body("bad"))
    maintainer = Browser(user("information_maintainer"))
    items = maintainer.client.get("/api/parked").json()["items"]
    assert [item["code"] for item in items] == ["access.reason_missing"]
    assert (
        Browser(user("information_maintainer", TOWN_B)).client.get("/api/parked").json()["items"]
        == []
    )
    decide = {"command_id": items[0]["command_id"], "decision": "closed", "reason": "typed again"}
    for wrong, code in [
        ({"decision": "burn"}, "access.decision_unknown"),
        ({"reason": " "}, "access.reason_missing"),
        ({"command_id": str(new_id())}, "access.parked_unknown"),
    ]:
        assert maintainer.command("parked.decide", {**decide, **wrong}).json()["code"] == code
    assert maintainer.command("parked.decide", decide).status_code == 200
    assert maintainer.command("parked.decide", decide).json()["code"] == "access.parked_decided"
    assert maintainer.client.get("/api/parked").json()["items"] == []


def test_an_administrator_adds_users_and_grants_within_the_area() -> None:
    from django.contrib.auth.hashers import make_password

    admin = Browser(user("administrator"))
    id = str(new_id())
    new = {
        "user_id": id,
        "username": "li.si",
        "full_name": "李四",
        "area": TOWN_A,
        "password_hash": make_password("p"),
    }
    assert (
        admin.command("user.add", {**new, "area": TOWN_B}).json()["code"] == "access.outside_area"
    )
    assert (
        admin.command("user.add", {**new, "username": "Li Si"}).json()["code"]
        == "access.username_malformed"
    )
    assert admin.command("user.add", new).status_code == 200
    taken = admin.command("user.add", {**new, "user_id": str(new_id())})
    assert (taken.status_code, taken.json()["code"]) == (409, "access.username_taken")
    for grant, code in [
        ({"role": "emperor"}, "access.role_unknown"),
        ({"role": "system"}, "access.role_unknown"),
        ({"area": TOWN_B}, "access.outside_area"),
        ({"area": ""}, "access.area_malformed"),
        ({"user_id": str(new_id())}, "access.user_unknown"),
    ]:
        given = {"user_id": id, "role": "registrar", "area": TOWN_A, **grant}
        assert admin.command("grant.add", given).json()["code"] == code
    assert (
        admin.command("grant.add", {"user_id": id, "role": "registrar", "area": TOWN_A}).status_code
        == 200
    )
    organisation = {
        "organisation_id": str(new_id()),
        "title": "卫生院",
        "kind": "hospital",
        "area": TOWN_A,
    }
    assert admin.command("organisation.add", organisation).status_code == 200


def test_a_user_with_roles_is_added_in_one_step_once() -> None:
    admin = Browser(user("administrator"))
    new = {
        "user_id": str(new_id()), "username": "wang.wu", "full_name": "王五", "area": TOWN_A,
        "password": "tall bamboo 7", "roles": [{"role": "registrar", "area": TOWN_A}],
    }  # fmt: skip
    weak = admin.post("/api/users", {**new, "password": "1234"})
    assert (weak.status_code, weak.json()["code"]) == (422, "access.password_weak")
    assert (
        admin.post("/api/users", {**new, "roles": [{"role": "king", "area": TOWN_A}]}).status_code
        == 422
    )
    for _ in range(2):
        assert admin.post("/api/users", new).status_code == 200
    with scope.everywhere():
        made = User.objects.get(username="wang.wu")
        assert made.check_password("tall bamboo 7")
        payloads = JournalEntry.objects.filter(kind="user.add").values_list("payload", flat=True)
        assert len(payloads) == 1
        assert "bamboo" not in payloads[0]


def test_an_account_can_be_made_from_the_command_line(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("tall bamboo 7\n"))
    call_command("account", "first", area="231183", role=["administrator"])
    with scope.everywhere():
        assert User.objects.get(username="first").grants.get().role == "administrator"
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n"))
    with pytest.raises(CommandError, match=r"access\.password_weak"):
        call_command("account", "second", area="231183", role=["administrator"])


def test_a_registrar_may_not_administer() -> None:
    answer = Browser(user("registrar")).command("grant.add", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "access.not_permitted")


def test_lists_refuse_states_they_do_not_know_and_malformed_input() -> None:
    browser = Browser(user("supervisor"))
    assert browser.client.get("/api/clocks?state=odd").json()["code"] == "access.state_unknown"
    malformed = browser.client.get("/api/clocks?round=7")
    assert (malformed.status_code, malformed.json()["code"]) == (422, "access.input_malformed")
    assert malformed.json()["params"]["where"].endswith("round")


def test_auditors_read_the_journal_without_payloads() -> None:
    Phone().sync(sync_body("a"))
    rows = Browser(user("auditor")).client.get("/api/journal").json()["items"]
    assert "test.note" in {row["kind"] for row in rows}
    assert all("payload" not in row for row in rows)


def test_devices_are_listed_in_scope_and_status_answers() -> None:
    device("S1")
    device("S2", TOWN_B)
    browser = Browser(user("site_lead"))
    assert [row["station_code"] for row in browser.client.get("/api/devices").json()["items"]] == [
        "S1"
    ]
    assert browser.client.get("/api/status").json()["jobs_waiting"] == 0
    with scope.everywhere():
        assert Device.objects.count() == 2


def test_the_clock_sweep_is_for_maintainers() -> None:
    assert (
        Browser(user("information_maintainer")).post("/api/clocks/sweep", {}).json()["breached"]
        == 0
    )
    assert Browser(user("registrar")).post("/api/clocks/sweep", {}).status_code == 403


def test_drill_time_is_checked_and_ignored_outside_drills(settings: Any) -> None:
    browser = Browser(user("supervisor"))
    for odd in ("soon", "2026-01-16T12:00:00"):
        answer = browser.client.get("/api/clocks", headers={"X-Yingjian-At": odd})
        assert (answer.status_code, answer.json()["code"]) == (400, "access.time_malformed")
    settings.YINGJIAN_DRILL = False
    answer = browser.client.get("/api/clocks", headers={"X-Yingjian-At": "soon"})
    assert answer.status_code == 200


def test_an_unexpected_error_is_told_with_an_incident_and_no_details(monkeypatch: Any) -> None:
    browser = Browser(user("supervisor"))
    monkeypatch.setattr("yingjian.access.queries.clocks_for", lambda *_, **__: 1 / 0)
    browser.client.raise_request_exception = False
    answer = browser.client.get("/api/clocks")
    assert answer.status_code == 500
    assert answer.json()["code"] == "access.unexpected"
    assert answer.json()["params"]["incident"]
    assert "ZeroDivision" not in answer.content.decode()
