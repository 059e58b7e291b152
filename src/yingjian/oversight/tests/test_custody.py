"""One person's custody: every room's step in order, what the reader may know, who is out of sight."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from yingjian.access import scope
from yingjian.access.models import Clock, User
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, new_id, sign_in, user
from yingjian.campaigns import presets
from yingjian.campaigns.models import DuePerson, Round
from yingjian.campaigns.tests.factories import VILLAGE_A, active, drafted, persons, send
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.models import Laboratory, Receipt, ReceiptLine, Result
from yingjian.logistics.models import Box, HandOver, HandOverBox
from yingjian.oversight import custody
from yingjian.sampling.models import Site, Station, Swab, Tube

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


def a_day(outcome: str = "negative") -> tuple[uuid.UUID, uuid.UUID]:
    """One person, swabbed, boxed, carried, received, tested and told; returns person and tube."""
    person, round_id = persons(1)[0], drafted()
    where: dict[str, Any] = {"area": VILLAGE_A, "round_id": round_id}
    with scope.everywhere():
        Round.objects.filter(id=round_id).update(frozen_at=at(-2), due_total=1)
        DuePerson.objects.create(
            id=new_id(), person_id=person, rank=1, category="general", mode="pool", site_code="S1", **where
        )  # fmt: skip
        site = Site.objects.create(id=new_id(), code="S1", name="一号点", **where)
        station = Station.objects.create(id=new_id(), site=site, code="S1-01", **where)
        box = Box.objects.create(
            id=new_id(), code="B1", site_code="S1", station_code="S1-01", sealed_at=at(2), tubes_stated=1,
            seal_no="Z9", state="received", opened_at=at(0), **where,
        )  # fmt: skip
        tube = Tube.objects.create(
            id=new_id(), code="T1", site=site, station=station, mode="pool", capacity=10, people=1, state="released",
            opened_at=at(0), sealed_at=at(1), boxed_at=at(1.5), box=box, flags=["late"], **where,
        )  # fmt: skip
        Swab.objects.create(
            id=new_id(), tube=tube, position=1, person_id=person, station=station, entry="code", taken_at=at(0.5),
            received_at=at(0.6), flags=["single_only"], **where,
        )  # fmt: skip
        handed = HandOver.objects.create(
            id=new_id(), kind="pick_up", giver="点长", taker="转运员", at=at(3), boxes_counted=1, tubes_counted=1,
            tubes_system=1, **where,
        )  # fmt: skip
        HandOverBox.objects.create(
            id=new_id(), hand_over=handed, code="B1", box=box, area=VILLAGE_A, tubes=1
        )
        lab = Laboratory.objects.create(
            id=new_id(), code="L1", name="县医院", kind="hospital", area=TOWN_A, tubes_per_day=9
        )
        receipt = Receipt.objects.create(
            id=new_id(), laboratory=lab, box=box, at=at(4), by="收样员", expected=1, received=1, missing=0, extra=0,
            broken=0, **where,
        )  # fmt: skip
        ReceiptLine.objects.create(
            id=new_id(),
            receipt=receipt,
            area=VILLAGE_A,
            tube_code="T1",
            tube=tube,
            state="received",
        )
        clerk, reviewer = user("laboratory_clerk"), user("laboratory_reviewer")
        Result.objects.create(
            id=new_id(), tube=tube, laboratory=lab, version=1, outcome=outcome, tested_at=at(6),
            entered_by=clerk.id, entered_at=at(6.5), released_by=reviewer.id, released_at=at(7), **where,
        )  # fmt: skip
        Clock.objects.create(
            id=new_id(), code="deliver", subject_kind="box", subject_id=box.id, subject_label="B1", area=VILLAGE_A,
            origin="S4/YN R59", owner_role="courier", started_at=at(2), due_at=at(6), stopped_at=at(4),
        )  # fmt: skip
    return person, tube.id


def steps_for(role: str, person: uuid.UUID, area: str = TOWN_A) -> list[custody.Step]:
    reader = actor(role, area)
    with scope.acting(reader):
        return custody.custody_for(reader, person).steps


def test_every_room_tells_its_step_in_the_order_it_happened() -> None:
    person, _ = a_day()
    steps = steps_for("cdc_investigator", person)
    assert [step.kind for step in steps] == [
        "due", "sampled", "sealed", "boxed", "box_sealed", "handed_over", "received", "tested", "entered", "released",
    ]  # fmt: skip
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    told = {step.kind: step for step in steps}
    assert told["sampled"].where == "一号点 S1-01"
    assert told["sampled"].flags == ["single_only"]
    assert told["sampled"].facts == {"tube": "T1", "position": 1, "entry": "code"}
    assert told["sealed"].flags == ["late"]
    assert told["handed_over"].who == "点长 → 转运员"
    assert told["received"].where == "县医院"
    assert told["received"].flags == []
    assert (told["entered"].who, told["released"].who) == (
        "laboratory_clerk",
        "laboratory_reviewer",
    )
    assert told["released"].facts == {"outcome": "negative"}


def test_an_outcome_is_told_only_to_those_who_may_see_results() -> None:
    person, _ = a_day("positive")
    steps = steps_for("village_worker", person)
    assert {"entered", "released"} <= {step.kind for step in steps}
    assert all("positive" not in str(step.facts.values()) for step in steps)


def test_a_voided_swab_is_told_and_its_tube_is_not() -> None:
    person, tube = a_day()
    with scope.everywhere():
        Swab.objects.filter(tube_id=tube).update(voided_at=at(0.7), void_reason="扫错人")
    steps = steps_for("cdc_investigator", person)
    assert [step.kind for step in steps] == ["due", "sampled", "swab_voided"]
    assert steps[-1].facts == {"reason": "扫错人"}


@pytest.mark.parametrize("state", ["excused", "missed"])
def test_who_was_not_swabbed_is_told_with_the_reason(state: str) -> None:
    person, round_id = persons(1)[0], drafted()
    with scope.everywhere():
        Round.objects.filter(id=round_id).update(frozen_at=at(-2), due_total=1)
        DuePerson.objects.create(
            id=new_id(), person_id=person, rank=1, category="general", mode="pool", state=state, reason="外出",
            owner="网格员", area=VILLAGE_A, round_id=round_id,
        )  # fmt: skip
    steps = steps_for("village_worker", person)
    assert [step.kind for step in steps] == ["due", state]
    assert steps[1].facts == {"reason": "外出"}


def test_who_was_added_and_excused_is_told_with_who_did_it_and_why() -> None:
    """The step stands where it happened, not at the end of the round, and its words are the journal's."""
    persons(1)
    with scope.everywhere():
        round_id, (late,) = active(), persons(1)
        clerk = actor("town_worker", TOWN_A)
        User.objects.create(id=clerk.id, username="clerk", name="张文书")
        add = {"round_id": round_id, "person_ids": [late], "reason": "新迁入"}
        send("due.add", add, by=clerk, at=at(1))
        excuse = {"round_id": round_id, "person_id": late, "reason": "other", "remark": "在看守所"}
        send("due.excuse", excuse, by=clerk, at=at(2))
    added, excused = steps_for("village_worker", late)
    assert (added.kind, added.at, added.who, added.flags) == ("due", at(1), "张文书", ["added"])
    assert added.facts["reason"] == "新迁入"
    assert (excused.kind, excused.at, excused.who) == ("excused", at(2), "张文书")
    assert excused.facts == {"reason": "other", "remark": "在看守所"}


def test_who_was_found_by_a_swab_is_on_the_list_before_it() -> None:
    person, _ = a_day()
    found = new_id()
    with scope.everywhere():
        send(
            "preset.store", {"document": presets.snapshot(presets.load("mule"))}, id=found, at=at(2)
        )
        DuePerson.objects.filter(person_id=person).update(added_by=found, sampled_at=at(0.5))
    first, swab, *_ = steps_for("village_worker", person)
    assert (first.kind, first.at, swab.kind, swab.at) == ("due", at(0.5), "sampled", at(0.5))
    assert first.facts.keys() == {"mode", "category", "site"}


def test_a_person_of_another_town_is_unknown() -> None:
    person, _ = a_day()
    for who in (person, new_id()):
        with pytest.raises(RuleBroken) as refused:
            steps_for("cdc_investigator", who, TOWN_B)
        assert (refused.value.code, refused.value.status) == ("oversight.person_unknown", 404)


def test_the_answer_brings_the_clocks_that_hang_on_the_way() -> None:
    person, _ = a_day()
    with scope.everywhere():
        Clock.objects.create(
            id=new_id(), code="deliver", subject_kind="box", subject_id=new_id(), subject_label="B2", area=VILLAGE_A,
            origin="x", owner_role="courier", started_at=at(2), due_at=at(6),
        )  # fmt: skip
    client = Client()
    sign_in(client, user("cdc_investigator"))
    answer = client.get(f"/api/persons/{person}/chain").json()
    assert [clock["subject_label"] for clock in answer["clocks"]] == ["B1"]
    assert answer["clocks"][0]["state"] == "met"
    assert answer["person_id"] == str(person)
    assert len(answer["steps"]) == 10
