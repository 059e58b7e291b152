"""The bench's commands under the application's role: receipt, runs, results, release, correction."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from yingjian.access import outbox, scope
from yingjian.access.models import Clock
from yingjian.access.tests.factories import NOON, actor, new_id
from yingjian.campaigns.models import DuePerson
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.models import HeldResult, Receipt, Result, Run
from yingjian.laboratory.tests import factories as make
from yingjian.ledgers.models import Task
from yingjian.logistics.models import Discrepancy
from yingjian.sampling.models import Swab, Tube

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def due_states(world: make.World, code: str) -> list[tuple[str, str | None]]:
    with scope.everywhere():
        found = DuePerson.objects.filter(
            round=world.round, person__in=world.people[code]
        ).values_list("state", "outcome")
        return sorted(found, key=str)


def tube_state(code: str) -> str:
    with scope.everywhere():
        return Tube.objects.get(code=code).state


def test_a_box_received_whole_starts_the_result_clocks_and_stops_delivery() -> None:
    world = make.world("yongning")
    tubes = [make.tube(world) for _ in range(3)]
    verdict = make.receive(world, tubes)
    assert verdict.verdict == "applied"
    assert (verdict.answer["expected"], verdict.answer["received"]) == (3, 3)
    with scope.everywhere():
        assert set(Tube.objects.values_list("state", flat=True)) == {"received"}
        clocks = Clock.objects.filter(code="result_other")
        assert {clock.subject_id for clock in clocks} == {tube.id for tube in tubes}
        assert {clock.due_at - clock.started_at for clock in clocks} == {timedelta(hours=12)}
        assert not Discrepancy.objects.exists()


def test_what_is_missing_broken_or_extra_is_written_and_owned() -> None:
    world = make.world()
    tubes = [make.tube(world) for _ in range(4)]
    stray = make.tube(world)
    whole, cracked, gone, other = (tube.code for tube in tubes)
    verdict = make.receive(
        world, tubes, received=[whole, other, stray.code, "UNHEARD"], broken=[cracked]
    )
    assert verdict.answer["missing"] == [gone]
    assert verdict.answer["extra"] == sorted([stray.code, "UNHEARD"])
    assert [tube_state(code) for code in (whole, cracked, gone, stray.code)] == [
        "received", "broken", "missing", "received",
    ]  # fmt: skip
    with scope.everywhere():
        found = Discrepancy.objects.get(kind="receipt")
        assert (found.expected, found.actual, found.owner_role) == (4, 4, "laboratory_clerk")


def test_a_missing_tube_that_turns_up_is_counted_against_what_is_open() -> None:
    world = make.world()
    tubes = [make.tube(world) for _ in range(3)]
    lost = tubes[0].code
    make.receive(world, tubes, received=[tube.code for tube in tubes[1:]])
    with scope.everywhere():
        box_code = Receipt.objects.select_related("box").get().box.code  # type: ignore[union-attr]
    again = make.send(
        "box.receive",
        {"receipt_id": new_id(), "laboratory_id": world.laboratory.id, "box_code": box_code, "received": [lost]},
        by=make.CLERK,
    )  # fmt: skip
    assert (again.answer["expected"], again.answer["missing"]) == (1, [])
    assert tube_state(lost) == "received"


def test_negative_pools_give_their_people_a_result_only_on_release() -> None:
    world = make.world()
    tube = make.tube(world, people=10)
    make.receive(world, [tube])
    ids = make.enter(world, {tube.code: "negative"})
    assert due_states(world, tube.code) == [("sampled", None)] * 10
    make.release(list(ids.values()))
    assert due_states(world, tube.code) == [("resulted", "negative")] * 10
    assert tube_state(tube.code) == "released"
    with scope.everywhere():
        assert Clock.objects.filter(code="result_other", stopped_at=None).count() == 0


def test_a_late_release_breaches_its_clock() -> None:
    world = make.world("yongning")
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    ids = make.enter(world, {tube.code: "negative"})
    make.release(list(ids.values()), at=NOON + timedelta(hours=13))
    with scope.everywhere():
        clock = Clock.objects.get(code="result_other")
        assert clock.breached_at == clock.due_at


@pytest.mark.parametrize("outcome", ["positive", "grey", "single_target"])
def test_a_flagged_pool_gives_nobody_a_result(outcome: str) -> None:
    world = make.world()
    tube = make.tube(world)
    make.resulted(world, {tube.code: outcome})
    assert due_states(world, tube.code) == [("sampled", None)] * 10


def test_a_negative_tube_does_not_overrule_a_flagged_one() -> None:
    world = make.world()
    flagged = make.tube(world, people=2)
    both = make.tube(world, persons=[world.people[flagged.code][0], make.person()])
    make.resulted(world, {flagged.code: "positive"})
    make.resulted(world, {both.code: "negative"})
    assert due_states(world, both.code) == [("resulted", "negative"), ("sampled", None)]


def test_a_flagged_tube_takes_back_the_negative_of_an_earlier_one() -> None:
    world = make.world()
    clean = make.tube(world, people=2)
    flagged = make.tube(world, persons=world.people[clean.code][:1])
    make.resulted(world, {clean.code: "negative"})
    make.resulted(world, {flagged.code: "positive"})
    assert due_states(world, clean.code) == [("resulted", "negative"), ("sampled", "flagged")]


def test_a_positive_single_tube_is_its_person_s_result() -> None:
    world = make.world()
    tube = make.tube(world, people=1, mode="single", category="close_contact")
    make.resulted(world, {tube.code: "positive"})
    assert due_states(world, tube.code) == [("resulted", "positive")]


def test_an_invalid_tube_makes_its_people_due_again_with_a_task() -> None:
    world = make.world()
    tube = make.tube(world, people=3)
    make.resulted(world, {tube.code: "invalid"})
    assert due_states(world, tube.code) == [("due", None)] * 3
    with scope.everywhere():
        task = Task.objects.get(kind="resample")
        assert (task.subject_id, task.area, task.owner_role) == (tube.id, make.VILLAGE, "site_lead")


def test_an_invalid_tube_of_somebody_with_another_good_tube_asks_for_nothing() -> None:
    world = make.world()
    bad = make.tube(world, people=1)
    make.tube(world, persons=world.people[bad.code])
    make.resulted(world, {bad.code: "invalid"})
    assert due_states(world, bad.code) == [("sampled", None)]


# --- results that are odd


def test_odd_results_are_held_and_never_lost() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    first = new_id()
    verdict = make.send(
        "result.enter",
        {
            "laboratory_id": world.laboratory.id, "tested_at": NOON.isoformat(),
            "results": [
                {"result_id": first, "tube_code": tube.code, "outcome": "negative"},
                {"result_id": new_id(), "tube_code": tube.code, "outcome": "positive"},
                {"result_id": new_id(), "tube_code": "NOWHERE", "outcome": "negative"},
                {"result_id": new_id(), "tube_code": tube.code, "outcome": "阴性"},
            ],
        },
        by=make.CLERK,
    )  # fmt: skip
    assert verdict.answer["stored"] == 1
    assert [row["code"] for row in verdict.answer["held"]] == [
        "laboratory.second_result", "laboratory.tube_unknown", "laboratory.outcome_unknown",
    ]  # fmt: skip
    with scope.everywhere():
        assert HeldResult.objects.count() == 3
        held = HeldResult.objects.get(code="laboratory.second_result")
    make.send("held.decide", {"held_id": held.id, "decision": "重复上传"}, by=make.REVIEWER)
    with pytest.raises(RuleBroken, match="held_decided"):
        make.send("held.decide", {"held_id": held.id, "decision": "再次"}, by=make.REVIEWER)


def test_a_code_bound_twice_means_the_tube_this_laboratory_received() -> None:
    world = make.world()
    first = make.tube(world, "DOUBLE", people=1)
    with scope.everywhere():
        Tube.objects.filter(id=first.id).update(binding=2)
    second = make.tube(world, "DOUBLE", people=1)
    verdict = make.send(
        "result.enter",
        {"laboratory_id": world.laboratory.id, "tested_at": NOON.isoformat(),
         "results": [{"result_id": new_id(), "tube_code": "DOUBLE", "outcome": "negative"}]},
        by=make.CLERK,
    )  # fmt: skip
    assert verdict.answer["held"][0]["code"] == "laboratory.tube_ambiguous"
    make.receive(world, [second])
    with scope.everywhere():
        received = Tube.objects.get(state="received")
    ids = make.enter(world, {"DOUBLE": "negative"})
    with scope.everywhere():
        assert Result.objects.get(id=ids["DOUBLE"]).tube_id == received.id


def test_a_result_of_a_tube_not_received_is_kept_but_not_released() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    ids = make.enter(world, {tube.code: "negative"})
    with scope.everywhere():
        assert Result.objects.get().flags == ["not_received"]
    with pytest.raises(RuleBroken) as refused:
        make.release(list(ids.values()))
    assert refused.value.code == "laboratory.tube_not_at_bench"
    make.send(
        "tube.receive",
        {"receipt_id": new_id(), "laboratory_id": world.laboratory.id, "round_id": world.round.id,
         "tube_codes": [tube.code]},
        by=make.CLERK,
    )  # fmt: skip
    assert make.release(list(ids.values())).verdict == "applied"


def test_more_results_than_the_laboratory_can_test_raise_an_alarm() -> None:
    world = make.world()
    world.laboratory = make.laboratory(tubes_per_day=3)
    tubes = [make.tube(world, people=1) for _ in range(5)]
    make.receive(world, tubes)
    make.enter(world, {tube.code: "negative" for tube in tubes[:2]})
    make.enter(world, {tube.code: "negative" for tube in tubes[2:]})
    with scope.everywhere():
        flagged = [result.flags for result in Result.objects.all() if result.flags]
        assert flagged == [["over_capacity"]] * 2
        alarm = Discrepancy.objects.get(kind="capacity")
        assert (alarm.expected, alarm.actual, alarm.owner_role) == (3, 5, "supervisor")


def test_ct_values_that_contradict_the_outcome_bar_the_release() -> None:
    """Lanzhou: an abnormal person filed as negative. The curve says otherwise, so it cannot leave silently."""
    world = make.world()
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    run_id = new_id()
    make.send(
        "run.start",
        {"run_id": run_id, "laboratory_id": world.laboratory.id, "round_id": world.round.id, "instrument": "7500",
         "kit": "盒A", "tube_codes": [tube.code, "UNHEARD"], "ct_limit": 38},
        by=make.CLERK, at=NOON + timedelta(minutes=10),
    )  # fmt: skip
    assert tube_state(tube.code) == "testing"
    result_id = new_id()
    make.send(
        "result.enter",
        {"laboratory_id": world.laboratory.id, "run_id": run_id, "tested_at": (NOON + timedelta(hours=1)).isoformat(),
         "results": [{"result_id": result_id, "tube_code": tube.code, "outcome": "negative",
                      "ct": {"ORF1ab": 27.1, "N": 26.4, "IC": 25.0}}]},
        by=make.CLERK, at=NOON + timedelta(hours=1, minutes=5),
    )  # fmt: skip
    with pytest.raises(RuleBroken) as refused:
        make.release([result_id])
    assert refused.value.code == "laboratory.result_barred"
    corrected = new_id()
    make.send(
        "result.correct",
        {"result_id": corrected, "corrects": result_id, "outcome": "positive", "reason": "录入错误"},
        by=make.CLERK, at=NOON + timedelta(hours=2),
    )  # fmt: skip
    assert make.release([corrected]).verdict == "applied"


# --- release


def test_nobody_releases_what_they_entered() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    ids = make.enter(world, {tube.code: "negative"}, by=make.REVIEWER)
    with pytest.raises(RuleBroken) as refused:
        make.release(list(ids.values()), by=make.REVIEWER)
    assert refused.value.code == "laboratory.same_person"
    assert make.release(list(ids.values()), by=make.SECOND_REVIEWER).verdict == "applied"


def test_a_package_never_mixes_negative_with_other_results() -> None:
    """Lanzhou: positives inside the negative package. Refused whole; nothing of it is released."""
    world = make.world()
    tubes = [make.tube(world, people=1) for _ in range(5)]
    make.receive(world, tubes)
    outcomes = {tube.code: "negative" for tube in tubes}
    outcomes[tubes[2].code] = "positive"
    ids = make.enter(world, outcomes)
    with pytest.raises(RuleBroken) as refused:
        make.release(list(ids.values()))
    assert refused.value.code == "laboratory.package_mixed"
    assert refused.value.params["where"] == [tubes[2].code]
    with scope.everywhere():
        assert not Result.objects.exclude(released_at=None).exists()


def test_a_release_is_all_or_nothing_and_names_the_offenders() -> None:
    world = make.world()
    tubes = [make.tube(world, people=1) for _ in range(3)]
    make.receive(world, tubes[:2])
    ids = make.enter(world, {tube.code: "negative" for tube in tubes})
    with pytest.raises(RuleBroken) as refused:
        make.release(list(ids.values()))
    assert refused.value.params["where"] == [
        {"tube": tubes[2].code, "code": "laboratory.tube_not_at_bench"}
    ]
    with scope.everywhere():
        assert not Result.objects.exclude(released_at=None).exists()


def test_a_suspended_laboratory_releases_nothing() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    ids = make.enter(world, {tube.code: "negative"})
    boss = actor("administrator", make.COUNTY)
    order = {"laboratory_id": world.laboratory.id, "to": "suspended", "reason": "误报"}
    make.send("lab.state", order, by=boss)
    with pytest.raises(RuleBroken) as refused:
        make.release(list(ids.values()))
    assert refused.value.code == "laboratory.laboratory_not_releasing"
    with pytest.raises(RuleBroken, match="state_refused"):
        make.send("lab.state", {**order, "to": "full"}, by=boss)


@pytest.mark.parametrize("count", [2, 40])
def test_a_release_takes_the_same_statements_for_any_number(count: int) -> None:
    world = make.world()
    tubes = [make.tube(world, people=2) for _ in range(count)]
    make.receive(world, tubes)
    ids = make.enter(world, {tube.code: "negative" for tube in tubes})
    with CaptureQueriesContext(connection) as seen:
        make.release(list(ids.values()))
    assert len(seen) <= 30


def test_entering_takes_the_same_statements_for_any_number() -> None:
    counts = []
    for count in (2, 40):
        world = make.world()
        tubes = [make.tube(world, people=1) for _ in range(count)]
        make.receive(world, tubes)
        with CaptureQueriesContext(connection) as seen:
            make.enter(world, {tube.code: "negative" for tube in tubes})
        counts.append(len(seen))
    assert counts[0] == counts[1]


# --- correction


def test_a_correction_keeps_both_versions_and_needs_another_person() -> None:
    """Hohhot: negatives shown positive. Both versions stay; the person's result follows the release."""
    world = make.world()
    tube = make.tube(world, people=1, mode="single")
    ids = make.resulted(world, {tube.code: "positive"})
    assert due_states(world, tube.code) == [("resulted", "positive")]
    corrected = new_id()
    make.send(
        "result.correct",
        {"result_id": corrected, "corrects": ids[tube.code], "outcome": "negative", "reason": "污染"},
        by=make.REVIEWER, at=NOON + timedelta(hours=5),
    )  # fmt: skip
    assert due_states(world, tube.code) == [("resulted", "positive")]
    with pytest.raises(RuleBroken, match="same_person"):
        make.release([corrected], by=make.REVIEWER, at=NOON + timedelta(hours=6))
    make.release([corrected], by=make.SECOND_REVIEWER, at=NOON + timedelta(hours=6))
    assert due_states(world, tube.code) == [("resulted", "negative")]
    with scope.everywhere():
        versions = Result.objects.order_by("version").values_list("version", "outcome", "reason")
        assert list(versions) == [(1, "positive", ""), (2, "negative", "污染")]


def test_people_told_negative_in_error_wait_again_after_the_correction() -> None:
    """SydPath: the corrected tube's people lose the wrong negative the moment the correction is released."""
    world = make.world()
    tube = make.tube(world, people=4)
    ids = make.resulted(world, {tube.code: "negative"})
    corrected = new_id()
    make.send(
        "result.correct",
        {"result_id": corrected, "corrects": ids[tube.code], "outcome": "positive", "reason": "复核曲线"},
        by=make.CLERK, at=NOON + timedelta(hours=5),
    )  # fmt: skip
    make.release([corrected], at=NOON + timedelta(hours=6))
    assert due_states(world, tube.code) == [("sampled", "flagged")] * 4


def test_an_old_version_is_neither_released_nor_corrected_again() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    first = make.enter(world, {tube.code: "negative"})[tube.code]
    order = {"result_id": new_id(), "corrects": first, "outcome": "positive", "reason": "看错"}
    make.send("result.correct", order, by=make.CLERK)
    again = {**order, "result_id": new_id()}
    with pytest.raises(RuleBroken, match="result_superseded"):
        make.release([first])
    with pytest.raises(RuleBroken, match="result_superseded"):
        make.send("result.correct", again, by=make.CLERK)


def test_swabs_voided_before_the_release_get_no_result() -> None:
    world = make.world()
    tube = make.tube(world, people=3)
    with scope.everywhere():
        Swab.objects.filter(tube=tube, position=2).update(voided_at=NOON, void_reason="重复")
    make.resulted(world, {tube.code: "negative"})
    assert sorted(state for state, _ in due_states(world, tube.code)) == [
        "resulted", "resulted", "sampled",
    ]  # fmt: skip


def test_results_of_higher_rooms_hear_of_a_release_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[outbox.Event] = []
    monkeypatch.setattr(outbox, "publish", told.append)
    world = make.world()
    tube = make.tube(world, people=1)
    make.resulted(world, {tube.code: "negative"})
    assert [event.event_name for event in told] == ["laboratory.results_released"]


def test_a_run_ends_once_and_after_it_began() -> None:
    world, run = make.world(), new_id()
    tube = make.tube(world, people=1)
    make.receive(world, [tube])
    make.send(
        "run.start",
        {"run_id": run, "laboratory_id": world.laboratory.id, "round_id": world.round.id, "instrument": "A1",
         "kit": "K", "tube_codes": [tube.code]},
        by=make.CLERK, at=NOON,
    )  # fmt: skip
    for minutes in (90, 120):
        make.send("run.end", {"run_id": run}, by=make.CLERK, at=NOON + timedelta(minutes=minutes))
    with scope.everywhere():
        assert Run.objects.get(id=run).ended_at == NOON + timedelta(minutes=90)


def test_a_result_id_serves_one_tube_only() -> None:
    """The second is held for a person: overwriting the first would lose a result."""
    world, id = make.world(), new_id()
    tubes = [make.tube(world, people=1) for _ in range(3)]
    make.receive(world, tubes)
    for codes in ([tubes[0].code], [tubes[1].code, tubes[2].code]):
        rows = [{"result_id": id, "tube_code": code, "outcome": "negative"} for code in codes]
        order = {
            "laboratory_id": world.laboratory.id,
            "tested_at": NOON.isoformat(),
            "results": rows,
        }
        make.send("result.enter", order, by=make.CLERK, at=NOON)
    with scope.everywhere():
        assert [row.tube.code for row in Result.objects.select_related("tube")] == [tubes[0].code]
        held = HeldResult.objects.order_by("tube_code").values_list("tube_code", "code")
        assert sorted(held) == sorted(
            (tube.code, "laboratory.result_id_reused") for tube in tubes[1:]
        )
