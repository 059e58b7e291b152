"""Tube codes given out by range, labels printed and printed again, cards for people without a phone."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from yingjian.access import scope
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, new_id
from yingjian.campaigns.tests.factories import VILLAGE_A
from yingjian.sampling import packing, sheets
from yingjian.sampling.models import LabelPrint, Station, Tube
from yingjian.sampling.tests.factories import Field, a_field, opened, recorded, send
from yingjian.sampling.tests.test_matters import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def field(drill: None) -> Field:
    return a_field()


def give(desk: Desk, field: Field, station: str, first: str, last: str, **more: Any) -> Any:
    given = {
        "range_id": new_id(),
        "round_id": field.round_id,
        "station_code": station,
        "first": first,
        "last": last,
    }
    return desk.do(("range.give", given | more))


def withdraw(desk: Desk, id: str, reason: str = "换号段") -> Any:
    return desk.do(("range.withdraw", {"range_id": id, "reason": reason}))


def show(desk: Desk, field: Field, **given: Any) -> tuple[Any, uuid.UUID]:
    id = new_id()
    return desk.do(("labels.print", {"print_id": id, "round_id": field.round_id} | given)), id


def pages(desk: Desk, id: uuid.UUID) -> int:
    answer = desk.client.get(f"/api/prints/{id}/labels.pdf")
    assert answer["Content-Type"] == "application/pdf", answer.content
    return int(answer.content.count(b"/Type /Page\n"))


def test_a_range_reaches_the_phone_and_flags_what_is_outside_it(field: Field) -> None:
    desk, station = Desk(), field.sites[0].stations[0].code
    inside, outside = opened("A0005", at=1), opened("B0005", at=2)
    longer, anywhere = opened("A00055", at=3), opened("Z1", at=4)
    send(field.phone, inside, outside, longer)
    send(field.other, anywhere)
    assert desk.open(kind="code_missing") == []  # tube codes are the manufacturer's
    assert give(desk, field, station, "A0001", "A0100").status_code == 200
    pack = packing.pack_for(field.phone, station, at=NOON)
    assert pack["codes"]["tubes"] == [{"from": "A0001", "to": "A0100"}]
    found = desk.open(kind="code_missing")
    assert {one["tube_code"] for one in found} == {"B0005", "A00055"}
    assert {one["sign"] for one in found} == {"code_unallotted"}
    assert desk.get(f"/matters/{found[0]['key']}")["says"]
    assert desk.decide([found[0]["key"]], reason="借用二号台的管").status_code == 200
    assert desk.counts()["code_missing"] == (1, 1)
    assert (
        give(desk, field, station, found[1]["tube_code"], found[1]["tube_code"]).status_code == 200
    )
    assert desk.counts()["code_missing"] == (0, 1)
    with scope.everywhere():
        tube = Tube.objects.get(code="A0005")
    assert (
        desk.decide([f"tube.{tube.id}.code_unallotted"]).json()["code"] == "sampling.flag_unknown"
    )


def test_a_range_belongs_to_one_lane_until_it_is_taken_back(field: Field) -> None:
    desk, (one, two) = Desk(), [lane.code for lane in field.sites[0].stations]
    for first, last in (
        ("", ""),
        ("A1", "A9"),
        ("A010", "A001"),
        ("A001", "A0001"),
        ("A 01", "A 02"),
    ):
        assert give(desk, field, one, first, last).json()["code"] == "sampling.range_malformed"
    assert give(desk, field, "nowhere", "A001", "A002").json()["code"] == "sampling.station_unknown"
    assert (
        give(Desk(area=TOWN_B), field, one, "A001", "A002").json()["code"] == "access.outside_area"
    )
    assert give(desk, field, one, "A001", "A100").status_code == 200
    taken = give(desk, field, two, "A100", "A200").json()
    assert (taken["code"], taken["params"]) == ("sampling.range_taken", {"station": one})
    assert give(desk, field, two, "A101", "A200").status_code == 200
    assert give(desk, field, two, "A0001", "A0999").status_code == 200  # of another length
    listed = desk.get(f"/rounds/{field.round_id}/ranges")["items"]
    assert [(row["station_code"], row["first"]) for row in listed] == [
        (one, "A001"), (two, "A0001"), (two, "A101"),
    ]  # fmt: skip
    mine = listed[0]["id"]
    assert withdraw(desk, mine, " ").json()["code"] == "access.reason_missing"
    assert withdraw(desk, str(new_id())).json()["code"] == "sampling.range_unknown"
    assert withdraw(Desk(area=TOWN_B), mine).json()["code"] == "access.outside_area"
    assert withdraw(desk, mine).status_code == 200
    assert withdraw(desk, mine, "again").status_code == 200
    assert give(desk, field, two, "A001", "A100").status_code == 200
    after = desk.get(f"/rounds/{field.round_id}/ranges")["items"]
    assert [(row["id"], row["withdrawn_reason"]) for row in after if row["withdrawn_at"]] == [
        (mine, "换号段")
    ]
    assert Desk(area=TOWN_B).get(f"/rounds/{field.round_id}/ranges", 404)


def test_labels_are_printed_once_and_again_only_with_a_reason(field: Field) -> None:
    desk, site = Desk(), field.sites[0]
    with scope.everywhere():  # lanes as a plan names them
        for no, lane in enumerate(site.stations, start=1):
            Station.objects.filter(id=lane.id).update(code=f"231183101201001{no:02d}")
    for kind, labels in (("site", 1), ("station", 2)):
        answer, id = show(desk, field, kind=kind, site_code=site.code)
        assert answer.json()["verdicts"][0]["answer"] == {"labels": labels}
        assert pages(desk, id) == 1
    answer, id = show(desk, field, kind="box", site_code=site.code, first=1, last=13)
    assert answer.json()["verdicts"][0]["answer"] == {"labels": 26}
    assert pages(desk, id) == 2
    again, _ = show(desk, field, kind="box", site_code=site.code, first=13, last=14)
    assert again.json()["code"] == "sampling.print_again"
    assert (
        show(desk, field, kind="box", site_code=site.code, first=14, last=20)[0].status_code == 200
    )
    one = {
        "kind": "box",
        "site_code": site.code,
        "station_code": "23118310120100102",
        "first": 3,
        "last": 3,
    }
    assert show(desk, field, **one)[0].json()["code"] == "sampling.print_again"
    torn, id = show(desk, field, **one, reason="标签破损")
    assert torn.status_code == 200
    log = desk.get(f"/rounds/{field.round_id}/prints")["items"]
    [printed] = [row for row in log if row["again"]]
    told = (printed["reason"], printed["labels"], printed["printed_by"])
    assert told == ("标签破损", 1, "information_maintainer")
    assert len(log) == 5
    pages(desk, id)
    with scope.everywhere():
        assert JournalEntry.objects.filter(kind="labels.fetch").count() == 4
    assert (
        Desk(area=TOWN_B).get(f"/prints/{id}/labels.pdf", 404)["code"] == "sampling.print_unknown"
    )
    assert Desk(area=TOWN_B).get(f"/rounds/{field.round_id}/prints", 404)


def test_what_cannot_be_printed_is_told(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, site = Desk(), field.sites[0].code
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kind": "site"}, "sampling.print_scope"), ({"kind": "resident"}, "sampling.print_scope"),
        ({"kind": "box", "site_code": site, "first": 3, "last": 2}, "sampling.print_scope"),
        ({"kind": "site", "site_code": "none"}, "sampling.site_unknown"),
        ({"kind": "station", "site_code": site, "station_code": "none"}, "sampling.print_nothing"),
        ({"kind": "box", "site_code": site}, "sampling.print_nothing"),  # lanes without digits bear no boxes
        ({"kind": "resident", "area": TOWN_B}, "access.outside_area"),
        ({"kind": "resident", "area": f"{TOWN_A}999"}, "sampling.print_nothing"),
    ]  # fmt: skip
    for given, code in wrong:
        assert show(desk, field, **given)[0].json()["code"] == code, given
    assert (
        show(Desk(area=TOWN_B), field, kind="site", site_code=site)[0].json()["code"]
        == "access.outside_area"
    )
    may_not = show(Desk("administrator"), field, kind="resident", area=VILLAGE_A)[0].json()
    assert may_not["code"] == "access.not_permitted"
    _, id = show(desk, field, kind="resident", area=VILLAGE_A)
    assert (
        Desk("administrator").get(f"/prints/{id}/labels.pdf", 403)["code"] == "access.not_permitted"
    )
    monkeypatch.setattr(sheets, "PEOPLE_MOST", 3)
    assert desk.get(f"/prints/{id}/labels.pdf", 422)["code"] == "sampling.too_many_sheets"
    _, id = show(desk, field, kind="station", site_code=site)
    monkeypatch.setattr(sheets, "LABELS_MOST", 1)
    assert desk.get(f"/prints/{id}/labels.pdf", 422)["code"] == "sampling.too_many_sheets"


def test_a_village_gets_a_card_for_each_household(field: Field) -> None:
    desk = Desk()
    answer, id = show(desk, field, kind="resident", area=VILLAGE_A)
    assert answer.json()["verdicts"][0]["answer"] == {"labels": len(field.people)}
    assert pages(desk, id) >= 1
    with scope.everywhere():
        one = LabelPrint.objects.filter(id=id).values().get()
        cards = list(sheets._cards_of(one, NOON.date()))
    assert sum(len(card.people) for card in cards) == len(field.people)
    assert all(len(card.people) <= 7 for card in cards)
    assert all("*" in name for card in cards for name in card.people)
    send(field.phone, recorded(field.code(), field.people[:2]))
    assert (
        show(desk, field, kind="resident", area=TOWN_A)[0].json()["code"] == "sampling.print_again"
    )


def test_the_database_refuses_nonsense(field: Field) -> None:
    good = {
        "id": new_id(), "round_id": field.round_id, "kind": "site", "area": TOWN_A, "labels": 1, "printed_by": new_id(),
        "printed_at": NOON,
    }  # fmt: skip
    for wrong in ({"kind": "song"}, {"again": True}, {"first": 3, "last": 2}):
        with scope.everywhere(), pytest.raises(IntegrityError), transaction.atomic():
            LabelPrint.objects.create(**good | wrong)
