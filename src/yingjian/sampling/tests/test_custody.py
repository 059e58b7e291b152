"""Boxes change hands, goods move, waste leaves: every count is equal or owned."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from yingjian.access import outbox, scope
from yingjian.access.models import Clock
from yingjian.access.tests.factories import TOWN_B, actor, command, new_id
from yingjian.kernel.errors import RuleBroken
from yingjian.logistics.models import (
    Box,
    Discrepancy,
    HandOver,
    HandOverBox,
    WasteLot,
)  # fmt: skip
from yingjian.sampling.tests.factories import (
    Field,
    a_field,
    minute,
    recorded,
    send,
    told,
    tube_of,
)  # fmt: skip

pytestmark = pytest.mark.django_db


def rows(model: Any, **given: Any) -> list[Any]:
    with scope.everywhere():
        return list(model.objects.filter(**given))


def a_box(field: Field, code: str, tubes: int = 2) -> tuple[uuid.UUID, list[uuid.UUID]]:
    """A sealed box with tubes of one person each."""
    box, ids, codes = new_id(), [], []
    for _ in range(tubes):
        ids.append(new_id())
        codes.append(field.code())
        send(field.phone, recorded(codes[-1], [field.people.pop()], tube=ids[-1]))
    send(field.phone, told("box.open", at=20, box_id=box, code=code),
         told("box.add", at=21, box_id=box, tube_codes=codes),
         told("box.seal", at=22, box_id=box, seal_no="F", count=tubes))  # fmt: skip
    return box, ids


def handed(boxes: dict[str, int], *, at: float = 40, kind: str = "pick_up", **more: Any) -> Any:
    payload = {
        "handover_id": new_id(), "kind": kind, "giver": "1号采样点", "taker": "转运员",
        "boxes": [{"code": code, "tubes": tubes} for code, tubes in boxes.items()], "temperature_c": 4.0,
    } | more  # fmt: skip
    return command("handover.record", payload, at=minute(at))


def test_a_box_is_picked_up_and_its_tubes_travel(
    django_capture_on_commit_callbacks: Any,
) -> None:
    field = a_field(preset="yongning")
    box, tubes = a_box(field, "B1")
    with django_capture_on_commit_callbacks(execute=True):
        done = send(actor("courier"), handed({"B1": 2}))[0]
    assert (done.verdict, done.answer["system"], done.answer["flags"]) == ("applied", 2, [])
    (stored,) = rows(Box, id=box)
    assert (stored.state, stored.holder) == ("handed_over", "转运员")
    assert outbox.deliver_pending() == 1
    assert {tube_of(tube).state for tube in tubes} == {"in_transit"}
    clocks = {c.code: c for c in rows(Clock, subject_id=box)}
    assert clocks["pick_up"].stopped_at == minute(40)
    assert clocks["deliver"].stopped_at is None
    assert clocks["deliver"].due_at == clocks["deliver"].started_at + timedelta(hours=4)


def test_counts_that_differ_are_owned_and_explained_by_the_owner() -> None:
    field = a_field(preset="yongning")
    a_box(field, "B1")
    send(actor("courier"), over := handed({"B1": 3}))
    (gap,) = rows(Discrepancy, kind="handover_count")
    assert (gap.expected, gap.actual, gap.owner_role, gap.area) == (
        2,
        3,
        "courier",
        field.sites[0].area,
    )
    explain = {"discrepancy_id": gap.id, "resolution": "空管一支"}
    for who, code in (
        (actor("sampler"), "logistics.discrepancy_not_yours"), (actor("courier", TOWN_B), "access.outside_area"),
    ):  # fmt: skip
        with pytest.raises(RuleBroken) as caught:
            send(who, command("discrepancy.resolve", explain), park=False)
        assert caught.value.code == code
    send(actor("courier"), command("discrepancy.resolve", explain, at=minute(50)), park=False)
    assert rows(Discrepancy, id=gap.id)[0].resolution == "空管一支"
    with pytest.raises(RuleBroken, match="discrepancy_resolved"):
        send(actor("courier"), command("discrepancy.resolve", explain), park=False)
    with pytest.raises(RuleBroken, match="discrepancy_unknown"):
        send(
            actor("courier"),
            command("discrepancy.resolve", explain | {"discrepancy_id": new_id()}),
            park=False,
        )
    assert rows(HandOver)[0].id == gap.subject_id
    assert over.kind == "handover.record"


def test_warm_boxes_strange_vehicles_and_unsealed_boxes_are_kept_and_flagged() -> None:
    field = a_field(preset="yongning")
    a_box(field, "B1")
    send(field.phone, told("box.open", box_id=(open_box := new_id()), code="B2"))
    vehicle = new_id()
    send(actor("courier", TOWN_B), command("vehicle.add", {
        "vehicle_id": vehicle, "plate": "黑A0001", "driver": "李", "route": "2号线", "area": TOWN_B}))  # fmt: skip
    done = send(
        actor("courier"), handed({"B1": 2, "B2": 0}, temperature_c=12.5, vehicle_id=vehicle)
    )[0]
    assert done.answer["flags"] == ["temperature", "vehicle_outside_area"]
    assert rows(Box, id=open_box)[0].flags == ["not_sealed"]
    (warm,) = rows(Discrepancy, kind="temperature")
    assert (warm.expected, warm.actual) == (8, 12)
    unknown = send(actor("courier"), handed({"B1": 2}, vehicle_id=new_id(), at=50))[0]
    assert unknown.answer["flags"] == ["vehicle_unknown"]


def test_a_box_handed_over_before_it_is_known_is_named_later() -> None:
    field = a_field()
    done = send(actor("courier"), handed({"B7": 2}))[0]
    assert done.answer["flags"] == ["box_unknown", "count_differs"]
    (gap,) = rows(Discrepancy)
    assert (gap.round_id, gap.owner_role, gap.expected, gap.actual) == (
        None,
        "information_maintainer",
        0,
        2,
    )
    box, tubes = a_box(field, "B7")
    send(field.phone, told("box.open", at=20, box_id=box, code="B7"))
    (stored,) = rows(Box, id=box)
    assert stored.state == "handed_over"
    (line,) = rows(HandOverBox)
    assert line.box_id == box
    assert rows(HandOver)[0].round_id == field.round_id
    assert {tube_of(tube).state for tube in tubes} == {"in_transit"}


def test_a_hand_over_told_twice_is_stored_once() -> None:
    field = a_field()
    a_box(field, "B1")
    over = handed({"B1": 2})
    again = command("handover.record", __import__("json").loads(bytes(over.payload)), at=over.at)
    send(actor("courier"), over, again)
    assert len(rows(HandOver)) == 1
    assert len(rows(HandOverBox)) == 1


def test_a_courier_of_another_town_is_parked() -> None:
    field = a_field()
    a_box(field, "B1")
    assert send(actor("courier", TOWN_B), handed({"B1": 2}))[0].code == "access.outside_area"
    assert rows(HandOver) == []


def test_many_hand_overs_need_no_more_queries(django_assert_max_num_queries: Any) -> None:
    field = a_field()
    for n in range(6):
        a_box(field, f"B{n}", tubes=1)
    with django_assert_max_num_queries(25):
        send(actor("courier"), *(handed({f"B{n}": 1}) for n in range(6)))
    assert len(rows(HandOver)) == 6


# -- waste ---------------------------------------------------------------------------------------


def test_waste_is_packed_handed_and_destroyed_with_its_clocks(
    django_capture_on_commit_callbacks: Any,
) -> None:
    field, lot = a_field(preset="yongning"), new_id()
    lead, site = actor("site_lead"), field.sites[0]
    send(lead, told("site.close", at=300, site_id=site.id))
    send(lead, told("waste.pack", at=310, lot_id=lot, round_id=field.round_id, site_code=site.code, bags=3,
                    weight_g=4200, area=site.area))  # fmt: skip
    assert {c.code for c in rows(Clock, subject_id=lot)} == {"waste_at_site"}
    with django_capture_on_commit_callbacks(execute=True):
        send(
            actor("courier"),
            told("waste.hand", at=400, lot_id=lot, note_no="LD1", taker="处置中心"),
        )
    assert outbox.deliver_pending() == 1
    (stored,) = rows(WasteLot)
    assert (stored.note_no, stored.handed_at) == ("LD1", minute(400))
    assert rows(Clock, subject_id=site.id, code="waste_recovery")[0].stopped_at == minute(400)
    assert rows(Clock, subject_id=lot, code="waste_at_site")[0].stopped_at == minute(400)
    send(lead, told("waste.dispose", at=500, lot_id=lot))
    assert rows(WasteLot)[0].disposed_at == minute(500)
    again = send(
        actor("courier"), told("waste.hand", at=600, lot_id=lot, note_no="LD2", taker="x")
    )[0]
    assert (again.verdict, rows(WasteLot)[0].note_no) == ("applied", "LD1")
    assert (
        send(lead, told("waste.hand", lot_id=new_id(), note_no="x", taker="y"))[0].code
        == "logistics.waste_unknown"
    )
    foreign = actor("site_lead", TOWN_B)
    assert send(foreign, told("waste.dispose", lot_id=lot))[0].code == "access.outside_area"
