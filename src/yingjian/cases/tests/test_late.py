"""Swabs that reach the system after their tube was flagged, pools of which no swab is known."""

from __future__ import annotations

import uuid
from datetime import UTC, timedelta
from typing import Any

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone

from yingjian.access import journal, outbox, scope
from yingjian.access.actor import SYSTEM
from yingjian.access.models import Clock, JournalEntry
from yingjian.access.tests.factories import NOON, TOWN_B, actor, command, new_id
from yingjian.cases.models import FlaggedPool, Notice, PoolMember, Positive
from yingjian.cases.tests.test_cases import INVESTIGATOR, VILLAGE_WORKER, Scene, at_commit, lawful
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.tests import factories as make
from yingjian.population.models import Person
from yingjian.sampling.events import SwabsCameLate
from yingjian.sampling.models import Tube
from yingjian.sampling.tests.factories import device, token

__all__ = ["at_commit"]
pytestmark = pytest.mark.django_db(databases=["default", "owner"])
UPLOADED = NOON + timedelta(days=1)


def uploads(scene: Scene, *pairs: tuple[Tube, Person]) -> list[uuid.UUID]:
    """Swabs taken in the morning that a phone without a network brings a day later; one request."""
    phone = device(scene.world.station.code, make.VILLAGE)
    ids = [new_id() for _ in pairs]
    commands = [
        command(
            "swab.add",
            {"swab_id": id, "tube_id": tube.id, "entry": "code", "token": token(person.id)},
            at=make.SWABBED + timedelta(minutes=5),
        )
        for id, (tube, person) in zip(ids, pairs, strict=True)
    ]
    journal.submit(actor=phone, received_at=UPLOADED, commands=commands, park=False)
    outbox.deliver_pending()
    return ids


def close(pool: FlaggedPool, reason: str = "核对采样点，无人采样，误贴条码") -> None:
    order = {"pool_id": pool.id, "reason": reason}
    make.send("pool.close", order, by=INVESTIGATOR, at=NOON + timedelta(hours=9))


def clocks_of(subject: uuid.UUID) -> dict[str, tuple[Any, Any]]:
    with scope.everywhere():
        found = Clock.objects.filter(subject_id=subject)
        return {clock.code: (clock.started_at, clock.stopped_at) for clock in found}


def test_a_late_swab_becomes_a_member_of_the_open_pool_with_clocks_of_its_own() -> None:
    scene = Scene()
    tube, who = make.tube(scene.world, people=2), make.person()
    scene.results({tube.code: "positive"})
    (swab,) = uploads(scene, (tube, who))
    members = scene.members(tube.code)
    (late,) = (member for member in members if member.person_id == who.id)
    assert (len(members), late.swab_id, late.state) == (3, swab, "notified")
    assert late.isolation_sent_at == UPLOADED
    running = (UPLOADED, None)
    assert clocks_of(late.id) == {"pool_isolation": running, "recheck": running}
    make.send("member.isolated", {"member_id": late.id}, by=VILLAGE_WORKER, at=UPLOADED)
    assert clocks_of(late.id) == {"pool_isolation": (UPLOADED, UPLOADED), "recheck": running}
    assert scene.pool(tube.code).state == "isolating"
    lawful()


def test_a_late_swab_opens_a_resolved_pool_again_and_is_the_positive_one() -> None:
    scene = Scene()
    tube, who = make.tube(scene.world, people=2), make.person()
    scene.results({tube.code: "positive"})
    codes = scene.swab(tube.code, scene.members(tube.code))
    scene.each_tests(codes, "negative")
    assert scene.pool(tube.code).resolution == "all_negative"
    uploads(scene, (tube, who))
    pool = scene.pool(tube.code)
    assert (pool.state, pool.resolution, pool.resolved_at) == ("isolating", None, None)
    (late,) = (member for member in scene.members(tube.code) if member.person_id == who.id)
    codes = scene.swab(tube.code, [late])
    for lab in (scene.region, scene.city):
        scene.test(lab, {code: "positive" for (_, at), code in codes.items() if at == lab.id})
    assert scene.pool(tube.code).resolution == "positive"
    assert sorted(member.state for member in scene.members(tube.code)) == [
        "confirmed", "released", "released",
    ]  # fmt: skip
    assert all(stopped is not None for _, stopped in clocks_of(late.id).values())
    lawful()


def test_the_event_told_twice_and_a_swab_voided_meanwhile_add_nobody() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    scene.results({tube.code: "positive"})
    swabs = uploads(scene, (tube, make.person()), (tube, make.person()))
    before = [member.id for member in scene.members(tube.code)]
    make.send(
        "swab.void", {"swab_id": swabs[0], "reason": "误扫"}, by=actor("site_lead", make.COUNTY)
    )
    event = SwabsCameLate(id=new_id(), at=UPLOADED, round_id=scene.world.round.id, swab_ids=swabs)
    for _ in range(2):
        outbox._memory.append(event)
        outbox.deliver_pending()
    assert [member.id for member in scene.members(tube.code)] == before
    with scope.everywhere():
        assert JournalEntry.objects.filter(kind="pool.join").count() == 2
    lawful()


@pytest.mark.parametrize("outcomes", [["negative"], ["positive", "negative"]])
def test_a_late_swab_of_a_tube_that_is_negative_joins_nothing(outcomes: list[str]) -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    ids = scene.results({tube.code: outcomes[0]})
    for outcome in outcomes[1:]:
        scene.correct(ids[tube.code], outcome)
    uploads(scene, (tube, make.person()))
    with scope.everywhere():
        assert PoolMember.objects.count() == len(outcomes) - 1
        assert JournalEntry.objects.filter(kind="pool.join").count() == len(outcomes) - 1
        assert not FlaggedPool.objects.exclude(resolution="withdrawn").exists()
    lawful()


@pytest.mark.parametrize("preset", ["yongning", "mule"])
def test_the_person_of_a_single_positive_is_found_when_the_swab_arrives(preset: str) -> None:
    scene = Scene(preset)
    tube, who = make.tube(scene.world, people=0, mode="single"), make.person()
    scene.results({tube.code: "positive"})
    with scope.everywhere():
        assert not Positive.objects.exists()
        pools = FlaggedPool.objects.count()
    scene.world.people[tube.code] = [who]
    uploads(scene, (tube, who))
    with scope.everywhere():
        case = Positive.objects.get()
        assert (case.person_id, case.found_at) == (who.id, UPLOADED)
        assert Notice.objects.filter(positive=case, sent_at=UPLOADED).exists()
        assert PoolMember.objects.filter(person=who).count() == pools
    assert scene.due(tube.code) == [("resulted", "positive")]
    lawful()


def test_a_swab_moved_from_one_flagged_tube_to_another_is_a_member_of_both() -> None:
    scene = Scene()
    one, two = make.tube(scene.world, people=2), make.tube(scene.world, people=1)
    scene.results({one.code: "positive", two.code: "grey"})
    moving = scene.members(one.code)[0]
    order = {"swab_id": moving.swab_id, "to_tube_id": two.id, "reason": "放错管"}
    make.send("swab.move", order, by=actor("site_lead", make.COUNTY), at=UPLOADED)
    outbox.deliver_pending()
    assert moving.person_id in {member.person_id for member in scene.members(two.code)}
    assert moving.person_id in {member.person_id for member in scene.members(one.code)}
    lawful()


def test_replaying_the_commands_gives_the_same_rows() -> None:
    """`verify` applies swab.add and pool.join again, without the event between them."""
    scene = Scene()
    tube, single = make.tube(scene.world, people=1), make.tube(scene.world, people=0, mode="single")
    scene.results({tube.code: "positive", single.code: "positive"})
    people = [make.person(), make.person()]

    def state() -> list[Any]:
        with scope.everywhere():
            return [
                sorted(model.objects.values_list(), key=str)
                for model in (FlaggedPool, PoolMember, Positive, Notice, Clock)
            ]

    with transaction.atomic():
        mark = transaction.savepoint()
        uploads(scene, (tube, people[0]), (single, people[1]))
        live = state()
        with scope.everywhere():
            stored = list(JournalEntry.objects.filter(received_at=UPLOADED).order_by("seq"))
        transaction.savepoint_rollback(mark)
    assert [entry.kind for entry in stored] == ["swab.add", "swab.add", "pool.join"]
    assert state() != live
    phone = device(scene.world.station.code, make.VILLAGE)
    with journal.replaying():
        for entry in stored:
            again = journal.CommandIn(
                entry.command_id,
                entry.kind,
                entry.captured_at,
                msgspec.Raw(journal.unsealed(entry.payload)),
            )
            by = phone if entry.actor_kind == "device" else SYSTEM
            request = journal.Request(by, UPLOADED, [again])
            ((verdict,),) = journal.reapply([request])
            assert verdict.verdict == "applied"
    assert state() == live


# --- a tube flagged although no swab of it is known


def test_a_pool_nobody_is_known_of_is_closed_for_a_reason_and_opened_by_a_late_swab() -> None:
    scene = Scene()
    tube, who = make.tube(scene.world, people=0), make.person()
    scene.results({tube.code: "positive"})
    pool = scene.pool(tube.code)
    assert (pool.state, scene.members(tube.code)) == ("flagged", [])
    with pytest.raises(RuleBroken, match="reason_missing"):
        close(pool, "  ")
    for _ in range(2):
        close(pool)
    pool = scene.pool(tube.code)
    assert (pool.state, pool.resolution) == ("resolved", "nobody_known")
    assert pool.closed_reason == "核对采样点，无人采样，误贴条码"
    assert {stopped for _, stopped in clocks_of(pool.id).values()} == {NOON + timedelta(hours=9)}
    lawful()
    uploads(scene, (tube, who))
    pool = scene.pool(tube.code)
    assert (pool.state, pool.resolution, pool.closed_reason) == ("flagged", None, "")
    assert [member.person_id for member in scene.members(tube.code)] == [who.id]
    lawful()


def test_a_pool_with_members_is_not_closed_by_hand() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    scene.results({tube.code: "positive"})
    with pytest.raises(RuleBroken, match="pool_has_members") as refused:
        close(scene.pool(tube.code))
    assert refused.value.status == 409
    assert scene.pool(tube.code).state == "flagged"


def test_only_who_investigates_there_closes_a_pool() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=0)
    scene.results({tube.code: "positive"})
    order = {"pool_id": scene.pool(tube.code).id, "reason": "核对"}
    for by, code in (
        (VILLAGE_WORKER, "access.not_permitted"),
        (actor("cdc_investigator", TOWN_B), "access.outside_area"),
    ):
        with pytest.raises(RuleBroken, match=code):
            make.send("pool.close", order, by=by)
    assert scene.pool(tube.code).state == "flagged"


def test_an_empty_pool_corrected_to_negative_needs_no_closing() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=0)
    ids = scene.results({tube.code: "positive"})
    scene.correct(ids[tube.code], "negative")
    assert scene.pool(tube.code).resolution == "withdrawn"
    close(scene.pool(tube.code))
    assert scene.pool(tube.code).resolution == "withdrawn"


def test_a_case_found_at_night_is_numbered_by_the_countys_own_day() -> None:
    """Between midnight and eight the day of the county is not the day of UTC, in which the replay reads moments."""
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="single", category="close_contact")
    make.resulted(scene.world, {tube.code: "positive"}, at=NOON + timedelta(hours=14))
    outbox.deliver_pending()
    with scope.everywhere():
        case = Positive.objects.get()
    here = timezone.localtime(case.found_at)
    assert here.date() != case.found_at.astimezone(UTC).date()
    assert case.case_no.split("-")[1] == f"{here:%Y%m%d}"


@pytest.mark.parametrize("first", [0, 1])
def test_a_case_names_the_result_whose_turn_came_first_however_many_are_out(first: int) -> None:
    """Two laboratories release at one moment; which news is taken up first decides, in the replay as well."""
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="household")
    scene.results({tube.code: "single_target"})
    codes = scene.swab(tube.code, scene.members(tube.code))
    released = []
    for (_, laboratory), code in codes.items():
        make.send(
            "tube.receive",
            {"receipt_id": new_id(), "laboratory_id": laboratory, "round_id": scene.world.round.id,
             "tube_codes": [code]},
            by=make.CLERK, at=NOON + timedelta(hours=8),
        )  # fmt: skip
        at = NOON + timedelta(hours=9)
        ids = make.enter(scene.world, {code: "positive"}, laboratory_id=laboratory, at=at)
        make.release([ids[code]], at=at + timedelta(minutes=30))
        released.append(ids[code])
    outbox.forget_pending()  # the news is on its way twice; here it is taken up in the order wanted
    turn = sorted(released, key=lambda one: one.int)
    for result in (turn[first], turn[1 - first]):
        journal.submit_system(
            "recheck.result", {"result_ids": [result]}, id=new_id(), at=at + timedelta(minutes=30),
            received_at=UPLOADED,
        )  # fmt: skip
    with scope.everywhere():
        assert Positive.objects.get().result_id == turn[first]
