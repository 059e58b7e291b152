"""A closed site is disinfected: by event, by hand, once; the clock stops."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from yingjian.access import outbox, scope
from yingjian.access.models import Clock
from yingjian.access.tests.factories import NOON, actor, new_id
from yingjian.containment import queries, rules
from yingjian.containment.models import DisinfectionOrder
from yingjian.laboratory.tests import factories as make

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
LEAD = actor("site_lead", make.COUNTY)


@pytest.fixture(autouse=True)
def at_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests never commit: what waits for it happens at once."""
    outbox.forget_pending()
    monkeypatch.setattr(transaction, "on_commit", lambda func, **_: func())


def close(world: make.World, hours: int = 0) -> None:
    at = NOON + timedelta(hours=hours)
    verdict = make.send("site.close", {"site_id": world.site.id}, by=LEAD, at=at, park=True)
    assert verdict.verdict == "applied", verdict
    outbox.deliver_pending()


def order(world: make.World, id: uuid.UUID, **more: object) -> dict[str, object]:
    return {
        "order_id": id, "round_id": world.round.id, "area": make.VILLAGE, "place_kind": "site",
        "place_code": world.site.code, "kind": "terminal", "agent": "含氯消毒剂", **more,
    }  # fmt: skip


def test_closing_a_site_orders_its_disinfection_and_doing_it_stops_the_clock() -> None:
    world = make.world()
    close(world)
    close(world, hours=1)
    with scope.everywhere():
        made = DisinfectionOrder.objects.get()
        assert (made.place_code, made.kind, made.standing) == (world.site.code, "terminal", True)
        clock = Clock.objects.get(code="terminal_disinfection", subject_id=world.site.id)
        assert clock.stopped_at is None
    done = {"order_id": made.id, "done_by": "消杀组"}
    for hours in (2, 3):
        make.send("disinfection.done", done, by=LEAD, at=NOON + timedelta(hours=hours))
    with scope.everywhere():
        made.refresh_from_db()
        clock.refresh_from_db()
        assert made.done_at == clock.stopped_at == NOON + timedelta(hours=2)
    close(world, hours=5)
    with scope.everywhere():
        assert DisinfectionOrder.objects.filter(done_at=None).count() == 1


@pytest.mark.parametrize("first", ["event", "hand"])
def test_an_order_by_hand_and_the_standing_one_are_one(first: str) -> None:
    world, id = make.world(), new_id()
    if first == "event":
        close(world)
    make.send("disinfection.order", order(world, id), by=LEAD)
    if first == "hand":
        close(world)
    with scope.everywhere():
        made = DisinfectionOrder.objects.get()
        assert (made.id, made.agent, made.standing) == (id, "含氯消毒剂", False)


def test_other_kinds_of_order_stand_beside_it() -> None:
    world = make.world()
    close(world)
    make.send("disinfection.order", order(world, new_id(), kind="concurrent"), by=LEAD)
    with scope.everywhere():
        assert DisinfectionOrder.objects.count() == 2


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        ("disinfection.done", {"order_id": new_id(), "done_by": "组"}, "containment.order_unknown"),
        ("disinfection.done", {"order_id": "?", "done_by": "组"}, "access.payload_malformed"),
        ("disinfection.order", {"order_id": new_id()}, "access.payload_malformed"),
        ("disinfection.standing", {"order_id": new_id()}, "access.not_permitted"),
    ],
)
def test_bad_input_is_kept_and_told(kind: str, payload: dict[str, object], code: str) -> None:
    verdict = make.send(kind, payload, by=LEAD, park=True)
    assert (verdict.verdict, verdict.code) == ("parked", code)


def test_a_vehicle_is_disinfected_without_touching_the_clock_of_a_site() -> None:
    world, id = make.world(), new_id()
    close(world)
    make.send(
        "disinfection.order", order(world, id, place_kind="vehicle", place_code="黑B1"), by=LEAD
    )
    make.send("disinfection.done", {"order_id": id, "done_by": "消杀组"}, by=LEAD)
    with scope.everywhere():
        assert DisinfectionOrder.objects.get(id=id).done_by == "消杀组"
        clock = Clock.objects.get(code="terminal_disinfection", subject_id=world.site.id)
    assert clock.stopped_at is None


def test_orders_are_listed_by_state_page_by_page() -> None:
    world = make.world()
    ids = sorted(new_id() for _ in range(3))
    for n, id in enumerate(ids):
        make.send("disinfection.order", order(world, id, place_code=f"点{n}"), by=LEAD)
    make.send("disinfection.done", {"order_id": ids[1], "done_by": "消杀组"}, by=LEAD)

    def listed(**wanted: Any) -> list[uuid.UUID]:
        with scope.acting(LEAD):
            rows = queries.disinfections_for(LEAD, world.round.id, **wanted)
        return [row["id"] for row in rows]

    assert listed() == ids
    assert listed(state="done") == [ids[1]]
    assert listed(state="ordered") == [ids[0], ids[2]]
    assert listed(limit=2) == ids[:2]
    assert listed(after=ids[1]) == [ids[2]]
    assert listed(after=ids[0], state="ordered") == [ids[2]]


def test_a_place_is_never_owed_two_standing_orders() -> None:
    world = make.world()

    def owed(code: str) -> None:
        DisinfectionOrder.objects.create(
            id=new_id(), area=make.VILLAGE, round_id=world.round.id, place_kind="site", place_code=code,
            kind="terminal", agent="", ordered_at=NOON, standing=True,
        )  # fmt: skip

    with scope.everywhere():
        owed("A")
        owed("B")
        with (
            pytest.raises(IntegrityError, match="disinfection_standing_once"),
            transaction.atomic(),
        ):
            owed("A")


def test_bad_orders_of_a_real_place() -> None:
    world, id = make.world(), new_id()
    make.send("disinfection.order", order(world, id), by=LEAD)
    again = make.send("disinfection.order", order(world, id), by=LEAD, park=True)
    assert again.code == "containment.order_known"
    nameless = make.send("disinfection.done", {"order_id": id, "done_by": " "}, by=LEAD, park=True)
    assert nameless.code == "containment.name_missing"
    stranger = actor("site_lead", "231183102")
    outside = make.send(
        "disinfection.done", {"order_id": id, "done_by": "组"}, by=stranger, park=True
    )
    assert outside.code == "access.outside_area"


def test_the_state_machine_is_two_steps() -> None:
    assert rules.ORDER_STATES[rules.order_state(done=False)] == {"done"}
    assert rules.ORDER_STATES[rules.order_state(done=True)] == frozenset()
    assert not rules.stops_clock("terminal", "vehicle")
    assert not rules.stops_clock("concurrent", "site")
