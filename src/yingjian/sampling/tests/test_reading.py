"""What phones and screens read, over HTTP, and what nobody may see."""

from __future__ import annotations

import uuid
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connections, transaction
from django.test import Client

from yingjian.access import scope
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import TOWN_A, TOWN_B, actor, new_id, sign_in, user
from yingjian.campaigns.models import DuePerson
from yingjian.logistics import queries as logistics
from yingjian.sampling import queries, tokens
from yingjian.sampling.api import CodeOut
from yingjian.sampling.models import Swab, Tube
from yingjian.sampling.tests.factories import Field, a_field, added, opened, recorded, send, told

pytestmark = pytest.mark.django_db


def signed_in(role: str, area: str = TOWN_A) -> Client:
    client = Client()
    sign_in(client, user(role, area))
    return client


def called(field: Field, people: list[uuid.UUID]) -> None:
    with scope.everywhere():
        DuePerson.objects.filter(round_id=field.round_id, person_id__in=people).update(
            site_code=field.sites[0].code
        )


def get(client: Client, path: str, status: int = 200, **more: Any) -> Any:
    answer = client.get(f"/api{path}", **more)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_sites_are_listed_with_their_counts() -> None:
    field = a_field()
    called(field, field.people[:7])
    send(field.phone, recorded(field.code(), field.people[:4]), opened(field.code()))
    client = signed_in("commander")
    items = get(client, f"/rounds/{field.round_id}/sites")["items"]
    assert [(s["code"], s["due"], s["sampled"], s["tubes"], s["open_tubes"]) for s in items] == [
        (field.sites[0].code, 7, 4, 2, 1), (field.sites[1].code, 0, 0, 0, 0),
    ]  # fmt: skip
    page = get(client, f"/rounds/{field.round_id}/sites?limit=1")
    assert page["next"] == field.sites[0].code
    rest = get(client, f"/rounds/{field.round_id}/sites?limit=1&after={page['next']}")
    assert [s["code"] for s in rest["items"]] == [field.sites[1].code]
    site = get(client, f"/sites/{field.sites[0].id}")
    assert [(lane["people"], lane["tubes"]) for lane in site["lanes"]] == [
        (4, {"sealed": 1, "open": 1}), (0, {}),
    ]  # fmt: skip


def test_codes_to_print_verify_and_are_journalled() -> None:
    field = a_field()
    called(field, field.people[:5])
    client = signed_in("information_maintainer")
    path = f"/rounds/{field.round_id}/codes?site={field.sites[0].code}"
    rows = get(client, path)["items"]
    assert [row["person_id"] for row in rows] == [str(p) for p in sorted(field.people[:5])]
    for row in rows:
        assert CodeOut.model_validate(row).model_dump(mode="json").keys() == row.keys()
        read = tokens.verify(row["token"], tokens.own_keys())
        assert [str(p) for p in read.persons] == [row["person_id"]]
        assert row["name"] == "测*人"
    first = get(client, f"{path}&limit=2")
    assert len(first["items"]) == 2
    assert len(get(client, f"{path}&after={first['next']}")["items"]) == 3
    with scope.everywhere():
        assert JournalEntry.objects.filter(kind="codes.issue").count() == 3


def test_a_tube_is_shown_with_swabs_and_way() -> None:
    field, tube, box = a_field(), new_id(), new_id()
    code = field.code()
    send(field.phone, recorded(code, field.people[:2], tube=tube), told("box.open", box_id=box, code="B-1"),
         told("box.add", box_id=box, tube_codes=[code]))  # fmt: skip
    (found,) = get(signed_in("town_worker"), f"/tubes/{code}")["items"]
    assert (found["people"], found["box_code"], found["hand_overs"]) == (2, "B-1", [])
    assert [s["name"] for s in found["swabs"]] == ["测*人"] * 2
    assert get(signed_in("town_worker"), "/tubes/NONE", 404)["code"] == "sampling.tube_unknown"
    with scope.everywhere():
        assert queries.tube_trail(tube)["box_code"] == "B-1"  # type: ignore[index]
        assert [s["tube_code"] for s in queries.swabs_of_person(field.people[0])] == [code]
        assert len(queries.swabs_of_tube(tube)) == 2
        assert queries.tubes_by_code([code]) == {code: [tube]}
        assert queries.tube_trail(new_id()) is None


def test_flagged_swabs_are_a_work_list() -> None:
    field, tube = a_field(), new_id()
    send(
        field.phone,
        opened(field.code(), tube),
        added(tube, token="YJ1X"),
        added(tube, field.people[0]),
    )
    client = signed_in("information_maintainer")
    (found,) = get(client, f"/rounds/{field.round_id}/flagged")["items"]
    assert found["flags"] == ["code_garbled"]
    assert get(client, f"/rounds/{field.round_id}/flagged?flag=clock_skew")["items"] == []


PATHS = [
    "/rounds/{round}/sites", "/rounds/{round}/codes?site=x", "/rounds/{round}/flagged", "/rounds/{round}/boxes",
    "/waste?round={round}", "/discrepancies?round={round}", "/sites/{site}", "/tubes/{tube}", "/boxes/B-1",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_another_town_sees_nothing(path: str) -> None:
    field = a_field()
    code = field.code()
    send(
        field.phone, recorded(code, field.people[:2]), told("box.open", box_id=new_id(), code="B-1")
    )
    asked = path.format(round=field.round_id, site=field.sites[0].id, tube=code)
    answer = signed_in("information_maintainer", TOWN_B).get(f"/api{asked}")
    assert answer.status_code == 404, answer.content


def test_another_town_sees_no_row_by_any_query() -> None:
    field = a_field()
    send(field.phone, recorded(field.code(), field.people[:2]))
    with scope.acting(actor("commander", TOWN_B)):
        assert (Tube.objects.count(), Swab.objects.count()) == (0, 0)
    with scope.acting(actor("commander", TOWN_A)):
        assert (Tube.objects.count(), Swab.objects.count()) == (1, 2)


def test_logistics_lists() -> None:
    field, box = a_field(), new_id()
    code = field.code()
    send(field.phone, recorded(code, field.people[:2]), told("box.open", box_id=box, code="B-1"),
         told("box.add", box_id=box, tube_codes=[code, "STRANGE"]),
         told("box.seal", at=9, box_id=box, seal_no="F", count=3))  # fmt: skip
    client = signed_in("storekeeper")
    boxes = get(client, f"/rounds/{field.round_id}/boxes?state=sealed")["items"]
    assert [(b["code"], b["tubes"], b["people"], b["flags"]) for b in boxes] == [
        ("B-1", 2, 2, ["count_differs"])
    ]
    assert get(client, f"/rounds/{field.round_id}/boxes?state=open")["items"] == []
    (page,) = get(client, "/boxes/B-1")["items"]
    assert {line["tube_code"] for line in page["lines"]} == {code, "STRANGE"}
    gaps = get(client, f"/discrepancies?round={field.round_id}&state=open")["items"]
    assert [(g["kind"], g["expected"], g["actual"]) for g in gaps] == [("box_count", 2, 3)]
    assert get(client, "/discrepancies?state=resolved")["items"] == []
    sheet = client.get("/api/boxes/B-1/manifest.xlsx")
    assert sheet.content[:2] == b"PK"
    assert get(client, "/supplies")["items"] == []
    assert get(client, f"/waste?round={field.round_id}")["items"] == []
    assert get(client, "/vehicles")["items"] == []
    assert get(client, "/boxes/NONE", 404)["code"] == "logistics.box_unknown"


@pytest.mark.django_db(databases=["default", "owner"], transaction=True)
def test_the_laws_hold_and_show_what_breaks_them() -> None:
    field, tube, box = a_field(), new_id(), new_id()
    code = field.code()
    send(field.phone, recorded(code, field.people[:3], tube=tube), recorded(field.code(), field.people[3:5], count=9),
         told("box.open", box_id=box, code="B-1"), told("box.add", box_id=box, tube_codes=[code]),
         told("box.seal", at=9, box_id=box, seal_no="F", count=1),
         told("rack.count", count_id=new_id(), tubes=7))  # fmt: skip
    broken = {
        "swabs_fill_their_tube": "UPDATE sampling_tube SET people = people + 1",
        "bindings_of_a_code_are_numbered": """
            DROP INDEX tube_code_once; UPDATE sampling_tube SET code = 'same', binding = 3""",
        "people_sampled_have_a_valid_swab": "UPDATE campaigns_dueperson SET sampled_at = NULL, state = 'due'",
        "swabs_name_the_due_row_of_their_person": "UPDATE sampling_swab SET due_id = NULL",
        "boxed_tubes_are_on_one_manifest": "UPDATE logistics_boxline SET moved_at = added_at",
        "manifests_count_the_people_in_their_tubes": "UPDATE logistics_boxline SET people = 99",
        "counts_at_the_seal_agree_or_are_owned": "DELETE FROM logistics_discrepancy",
        "racks_agree_or_are_owned": "DELETE FROM logistics_discrepancy",
        "a_sealed_box_holds_what_it_says_or_is_owned": "UPDATE logistics_box SET tubes_stated = 7",
        "a_tube_is_on_one_manifest": """
            INSERT INTO logistics_boxline (id, box_id, area, tube_code, tube_id, people, added_at)
            SELECT gen_random_uuid(), box_id, area, 'again', tube_id, people, added_at FROM logistics_boxline""",
        "boxes_on_the_way_were_handed_over": "UPDATE logistics_box SET state = 'handed_over'",
    }  # fmt: skip
    with connections["owner"].cursor() as cursor:  # a code of which one binding is gone is no drift
        cursor.execute("UPDATE sampling_tube SET binding = binding + 1")
    for round_id in (field.round_id, None):
        with scope.everywhere():
            found = queries.conservation(round_id) + logistics.conservation(round_id)
        assert [check for check in found if not check.holds] == []
        assert {check.name for check in found} >= set(broken)
    for name, damage in broken.items():
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(damage)
            checks = _as_owner(field.round_id)
            transaction.set_rollback(True, using="owner")
        assert name in {check.name for check in checks if not check.holds}, name


def _as_owner(round_id: uuid.UUID) -> list[Any]:
    """The laws, read on the owner's connection, which sees its own uncommitted damage."""
    with patch.object(logistics, "connection", connections["owner"]):
        return queries.conservation(round_id) + logistics.conservation(round_id)
