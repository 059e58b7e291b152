"""Hubs of the sites as the console lists them: invited by one line, in touch or silent, shut out; by area."""

from __future__ import annotations

import shlex
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from config.hub.main import parser
from yingjian.access import actions, scope
from yingjian.access.invitations import hub_line
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, new_id
from yingjian.population.models import Region
from yingjian.sampling import hubs
from yingjian.sampling.tests.test_matters import Desk

pytestmark = pytest.mark.usefixtures("drill")
COUNTY = TOWN_A[:6]


def regions() -> None:
    Region.objects.bulk_create(
        Region(code=area.ljust(12, "0"), area=area, name=name, level=level)
        for area, name, level in (
            (COUNTY, "嘉荫县", "county"), (TOWN_A, "朝阳镇", "town"), (TOWN_B, "乌云镇", "town"),
            (TOWN_A + "001", "永发村", "village"),
        )
    )  # fmt: skip


def invited(desk: Desk, name: str, area: str = TOWN_A) -> uuid.UUID:
    id = new_id()
    answer = desk.do(
        ("device.invite", {"token_id": id, "station_code": f"hub-{name}", "area": area, "role": "hub", "hours": 2})
    )  # fmt: skip
    assert answer.status_code == 200, answer.content
    return id


def listed(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = desk.get("/hubs")
    return found


def beaten(id: uuid.UUID, at: datetime, **more: Any) -> None:
    told: dict[str, Any] = {"waiting": 0, "stuck": 0, "address": "", "version": "", **more}
    with scope.everywhere():
        actions.hub_beat(hub_id=id, at=at, **told)


@pytest.mark.django_db
def test_a_hub_is_invited_by_the_line_that_the_laptop_runs_and_stands_in_the_list_of_its_area() -> (
    None
):
    regions()
    desk, stranger = Desk("site_lead"), Desk("site_lead", TOWN_B)
    id = invited(desk, "一号点")
    [open] = listed(desk)["invitations"]
    assert (open["id"], open["name"], open["area_name"]) == (str(id), "一号点", "朝阳镇")
    told = desk.get(f"/devices/invitations/{id}")
    assert "link" not in told  # a phone that scans it must not become the hub
    program, word, *given = shlex.split(told["line"])
    said = parser().parse_args(given)
    assert (program, word, said.county, said.name) == (
        "yingjian", "hub", "http://testserver", "一号点",
    )  # fmt: skip
    body = {"token": said.invitation, "device_id": str(new_id()), "name": said.name}
    made = Client(headers={"X-Yingjian-At": NOON.isoformat()}).post(
        "/api/devices/enrol", body, content_type="application/json"
    )
    assert made.status_code == 200, made.content
    found = listed(desk)
    assert found["invitations"] == []
    assert [(one["name"], one["state"], one["beat_at"]) for one in found["items"]] == [
        ("一号点", "new", None)
    ]
    assert (listed(stranger)["items"], listed(stranger)["invitations"]) == ([], [])

    hub = uuid.UUID(body["device_id"])
    beaten(hub, NOON - hubs.IN_TOUCH, waiting=7, stuck=1, address="http://10.0.0.2:8100", version="0.1.0")  # fmt: skip
    [row] = listed(desk)["items"]
    told_of = (row["state"], row["waiting"], row["stuck"], row["address"], row["version"])
    assert told_of == ("in_touch", 7, 1, "http://10.0.0.2:8100", "0.1.0")
    beaten(hub, NOON - hubs.IN_TOUCH - timedelta(seconds=1))
    assert listed(desk)["items"][0]["state"] == "silent"
    desk.do(("device.revoke", {"device_id": hub, "reason": "电脑遗失"}))
    assert listed(desk)["items"][0]["state"] == "revoked"


@pytest.mark.django_db
def test_a_hub_is_invited_for_the_areas_somebody_is_responsible_for_down_to_the_towns() -> None:
    regions()
    assert listed(Desk("site_lead", COUNTY))["areas"] == [
        {"area": COUNTY, "name": "嘉荫县"},
        {"area": TOWN_A, "name": "朝阳镇"},
        {"area": TOWN_B, "name": "乌云镇"},
    ]
    assert [one["name"] for one in listed(Desk("site_lead"))["areas"]] == ["朝阳镇"]


def test_nothing_in_a_hubs_name_speaks_to_the_shell() -> None:
    line = hub_line("https://county.example/", "ABC", "a\"; rm -rf '$HOME' `x` %PATH% \\ & b")
    assert line == (
        'yingjian hub --county=https://county.example --invitation=ABC --name="a; rm -rf HOME x PATH   b"'
    )
    assert shlex.split(line)[-1] == "--name=a; rm -rf HOME x PATH   b"
