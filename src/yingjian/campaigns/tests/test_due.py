"""People of a due list: swabs, results, corrections, excuses, misses, catch-up; set-based and never refused."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yingjian.access import journal
from yingjian.access.models import Clock
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, command, new_id
from yingjian.campaigns import actions, presets, queries
from yingjian.campaigns.models import DuePerson
from yingjian.campaigns.tests.factories import (
    DAY,
    HOUR,
    VILLAGE_A,
    VILLAGE_B,
    active,
    drafted,
    due,
    due_ids,
    miss,
    persons,
    refused,
    send,
)
from yingjian.kernel.errors import RuleBroken
from yingjian.ledgers.models import Task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]


def close(round_id: uuid.UUID) -> None:
    for to in ("testing", "reconciling"):
        send("round.advance", {"round_id": round_id, "to": to})
    send("round.close", {"round_id": round_id})


def test_a_swab_makes_a_person_sampled_at_the_time_of_the_first_that_counts() -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    assert actions.due_sampled(at_by_due_id={id: NOON + HOUR}) == []
    actions.due_sampled(at_by_due_id={id: NOON})  # an earlier one arrived
    assert (due(id).state, due(id).sampled_at) == ("sampled", NOON)
    actions.due_sampled(at_by_due_id={id: NOON + HOUR})  # and was voided
    assert (due(id).state, due(id).sampled_at) == ("sampled", NOON + HOUR)
    assert due(id).caught_up_at is None
    assert actions.due_sampled(at_by_due_id={}) == []
    assert actions.due_sampled(at_by_due_id={new_id(): NOON}) == []


def test_a_voided_only_swab_makes_a_person_due_again() -> None:
    (one, two) = persons(2)
    round_id = active()
    ids = due_ids(round_id, [one, two])
    actions.due_sampled(at_by_due_id=dict.fromkeys(ids, NOON))
    actions.due_unsampled(due_ids=[ids[0]], at=NOON + HOUR)
    assert [due(id).state for id in ids] == ["due", "sampled"]
    assert due(ids[0]).sampled_at is None
    actions.due_unsampled(due_ids=[], at=NOON)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("negative", "resulted"), ("positive", "resulted"), ("grey", "sampled"), ("invalid", "sampled"),
     ("single_target", "sampled")],
)  # fmt: skip
def test_only_an_end_outcome_ends_the_obligation(outcome: str, state: str) -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    actions.due_sampled(at_by_due_id={id: NOON})
    actions.due_resulted(round_id=round_id, rows=[actions.DueResult(id, outcome, NOON + HOUR)])
    assert (due(id).state, due(id).outcome) == (state, outcome)
    assert (due(id).resulted_at is None) == (state == "sampled")


outcomes = st.lists(
    st.sampled_from(["negative", "positive", "grey", "invalid"]), min_size=1, max_size=5
)


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(told=outcomes, together=st.booleans())
def test_a_positive_is_never_hidden_whatever_the_order(told: list[str], together: bool) -> None:
    """Results of several swabs, in one batch or one after another: positive beats negative beats the rest."""
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    rows = [
        actions.DueResult(id, outcome, NOON + no * HOUR) for no, outcome in enumerate(told, start=1)
    ]
    for batch in [rows] if together else [[row] for row in rows]:
        actions.due_resulted(round_id=round_id, rows=batch)
    end = [outcome for outcome in ("positive", "negative") if outcome in told]
    assert due(id).state == ("resulted" if end else "due")
    assert due(id).outcome == end[0] if end else due(id).outcome in told


def test_a_result_of_another_round_touches_nobody() -> None:
    (person,) = persons(1)
    round_id, other = active(), active()
    (id,) = due_ids(round_id, [person])
    actions.due_resulted(round_id=other, rows=[actions.DueResult(id, "negative", NOON)])
    assert due(id).state == "due"


def test_a_correction_replaces_the_outcome_and_may_reopen() -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    actions.due_sampled(at_by_due_id={id: NOON})
    actions.due_resulted(round_id=round_id, rows=[actions.DueResult(id, "positive", NOON)])
    actions.due_corrected(round_id=round_id, rows=[actions.DueResult(id, "negative", NOON + HOUR)])
    assert (due(id).state, due(id).outcome, due(id).resulted_at) == (
        "resulted",
        "negative",
        NOON + HOUR,
    )
    actions.due_corrected(
        round_id=round_id, rows=[actions.DueResult(id, "invalid", NOON + 2 * HOUR)]
    )
    assert (due(id).state, due(id).outcome, due(id).resulted_at) == ("sampled", "invalid", None)


# -- excuse, miss, catch up --------------------------------------------------------------------


def test_missed_people_have_owner_task_and_clock() -> None:
    """R13, R77."""
    people = persons(3)
    round_id = active()
    ids = due_ids(round_id, people)
    actions.due_sampled(at_by_due_id={ids[0]: NOON})
    assert miss(round_id) == 2
    assert [due(id).state for id in ids] == ["sampled", "missed", "missed"]
    assert due(ids[1]).owner == "村医"
    tasks = Task.objects.filter(kind="catch_up", round_id=round_id)
    assert {task.subject_id for task in tasks} == set(ids[1:])
    found = Clock.objects.get(code="catch_up", subject_id=ids[1])
    length = queries.preset_of(round_id).clocks.catch_up.minutes
    assert length is not None
    assert found.due_at == NOON + timedelta(minutes=length) == tasks[0].due_at
    assert (found.owner_role, found.owner_name) == ("village_worker", "村医")
    assert queries.denominator(round_id).faults == []
    assert miss(round_id) == 0


def test_a_plan_without_a_catch_up_time_gives_a_task_without_one() -> None:
    """An empty clock in the preset means no deadline; the task and its owner remain."""
    document = presets.snapshot(presets.load("mule"))
    document["header"]["code"] = "patient"
    document["clocks"]["catch_up"] |= {"value": None, "unit": None}
    send("preset.store", {"document": document})
    (person,) = persons(1)
    round_id = active(preset="patient")
    assert miss(round_id) == 1
    task = Task.objects.get(subject_id=due_ids(round_id, [person])[0])
    assert (task.due_at, task.owner_name) == (None, "村医")
    assert not Clock.objects.filter(code="catch_up").exists()


def test_turning_up_later_catches_up_and_ends_task_and_clock_at_its_own_time() -> None:
    people = persons(3)
    round_id = active()
    ids = due_ids(round_id, people)
    miss(round_id)
    times = {id: NOON + (no + 1) * HOUR for no, id in enumerate(ids)}
    times[ids[2]] = NOON + 100 * HOUR
    assert actions.due_sampled(at_by_due_id=times) == sorted(ids)
    for id in ids:
        assert (due(id).state, due(id).caught_up_at) == ("missed", times[id])
        assert Task.objects.get(subject_id=id).done_at == times[id]
        assert Clock.objects.get(code="catch_up", subject_id=id).stopped_at == times[id]
    late = Clock.objects.get(code="catch_up", subject_id=ids[2])
    assert late.breached_at == late.due_at
    assert Clock.objects.get(code="catch_up", subject_id=ids[0]).breached_at is None
    actions.due_resulted(
        round_id=round_id, rows=[actions.DueResult(ids[0], "negative", NOON + 30 * HOUR)]
    )
    assert (due(ids[0]).state, due(ids[0]).outcome) == ("missed", "negative")


def test_a_caught_up_swab_that_is_voided_opens_the_task_again() -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    miss(round_id)
    actions.due_sampled(at_by_due_id={id: NOON + HOUR})
    actions.due_unsampled(due_ids=[id], at=NOON + 2 * HOUR)
    assert (due(id).state, due(id).caught_up_at) == ("missed", None)
    assert Task.objects.get(subject_id=id).done_at is None


def test_excused_people_who_turn_up_are_caught_up() -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    send("due.excuse", {"round_id": round_id, "person_id": person, "reason": "in_hospital"})
    assert (due(id).state, due(id).reason) == ("excused", "in_hospital")
    again = send("due.excuse", {"round_id": round_id, "person_id": person, "reason": "in_hospital"})
    assert again.verdict == "applied"
    assert actions.due_sampled(at_by_due_id={id: NOON}) == [id]
    assert (due(id).state, due(id).caught_up_at) == ("excused", NOON)


def test_excuses_come_in_number_and_one_fault_parks_alone() -> None:
    """A worker's offline list: the good ones are applied together, the bad one is told apart."""
    people = persons(30)
    round_id = active()
    ids = due_ids(round_id, people)
    miss(round_id, people[:2])
    actions.due_sampled(at_by_due_id={ids[5]: NOON})

    def sent(chosen: list[uuid.UUID]) -> list[journal.Verdict]:
        return journal.submit(
            actor=actor("village_worker", VILLAGE_A), received_at=NOON, park=True,
            commands=[
                command("due.excuse", {
                    "round_id": round_id, "person_id": person, "reason": "other", "remark": f"外出{no}",
                })
                for no, person in enumerate(chosen)
            ],
        )  # fmt: skip

    with CaptureQueriesContext(connection) as few:
        assert {v.verdict for v in sent(people[6:8])} == {"applied"}
    with CaptureQueriesContext(connection) as many:
        assert {v.verdict for v in sent(people[8:30])} == {"applied"}
    assert len(few) == len(many)
    verdicts = sent([people[0], people[5], people[2]])
    assert [v.code for v in verdicts] == [None, "campaigns.due_state", None]
    assert [due(id).state for id in (ids[0], ids[1], ids[2], ids[5])] == [
        "excused", "missed", "excused", "sampled",
    ]  # fmt: skip
    assert Task.objects.get(subject_id=ids[0]).outcome == "外出0"


def test_an_excuse_ends_the_catch_up() -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    miss(round_id)
    send(
        "due.excuse",
        {"round_id": round_id, "person_id": person, "reason": "other", "remark": " 已迁出 "},
        at=NOON + HOUR,
    )
    assert (due(id).state, due(id).reason) == ("excused", "other")
    assert Task.objects.get(subject_id=id).outcome == "已迁出"
    assert Clock.objects.get(code="catch_up", subject_id=id).stopped_at == NOON + HOUR


def test_an_excuse_after_the_close_ends_the_task_and_not_the_count() -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    miss(round_id)
    close(round_id)
    send(
        "due.excuse",
        {"round_id": round_id, "person_id": person, "reason": "left_area"},
        at=NOON + HOUR,
    )
    assert due(id).state == "missed"
    assert Task.objects.get(subject_id=id).done_at == NOON + HOUR


@pytest.mark.parametrize("state", ["sampled", "resulted"])
def test_swabbed_people_cannot_be_excused(state: str) -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    actions.due_sampled(at_by_due_id={id: NOON})
    if state == "resulted":
        actions.due_resulted(round_id=round_id, rows=[actions.DueResult(id, "negative", NOON)])
    error = refused("due.excuse", {"round_id": round_id, "person_id": person, "reason": "deceased"})
    assert (error.code, error.params) == ("campaigns.due_state", {"state": state, "to": "excused"})


def test_a_lost_tube_may_be_missed_by_name_and_a_result_may_not() -> None:
    (lost, fine) = persons(2)
    round_id = active()
    ids = due_ids(round_id, [lost, fine])
    actions.due_sampled(at_by_due_id=dict.fromkeys(ids, NOON))
    actions.due_resulted(round_id=round_id, rows=[actions.DueResult(ids[1], "negative", NOON)])
    payload = {"round_id": round_id, "person_ids": [lost, fine], "owner": "村医", "reason": "破管"}
    assert refused("due.miss", payload).code == "campaigns.due_state"
    assert miss(round_id, [lost]) == 1
    assert due(ids[0]).state == "missed"
    assert actions.due_sampled(at_by_due_id={ids[0]: NOON}) == []  # the lost swab, told again
    assert actions.due_sampled(at_by_due_id={ids[0]: NOON + HOUR}) == [ids[0]]
    assert (due(ids[0]).sampled_at, due(ids[0]).caught_up_at) == (NOON + HOUR, NOON + HOUR)
    assert Task.objects.get(subject_id=ids[0]).done_at == NOON + HOUR
    assert actions.due_sampled(at_by_due_id={ids[0]: NOON + HOUR}) == []


def test_a_village_worker_decides_about_the_village_only() -> None:
    (here,), (there,) = persons(1, VILLAGE_A), persons(1, VILLAGE_B)
    round_id = active()
    worker = actor("village_worker", VILLAGE_A)
    payload = {"round_id": round_id, "person_ids": [here, there], "owner": "村医", "reason": "x"}
    error = refused("due.miss", payload, by=worker)
    assert (error.code, error.params["count"]) == ("campaigns.due_unknown", 1)
    error = refused(
        "due.excuse", {"round_id": round_id, "person_id": there, "reason": "deceased"}, by=worker
    )
    assert error.code == "access.outside_area"
    assert miss(round_id, by=worker) == 1
    states = [due(id).state for id in due_ids(round_id, [here, there])]
    assert states == ["missed", "due"]
    assert refused("due.miss", payload, by=actor("sampler", TOWN_A)).code == "access.not_permitted"


@pytest.mark.parametrize(
    ("kind", "given", "code"),
    [
        ("due.excuse", {"person_id": new_id(), "reason": "deceased"}, "campaigns.due_unknown"),
        ("due.excuse", {"person_id": new_id(), "reason": ""}, "campaigns.text_missing"),
        ("due.excuse", {"person_id": new_id(), "reason": "x" * 121}, "campaigns.text_too_long"),
        ("due.excuse", {"person_id": new_id(), "reason": "外出"}, "campaigns.excuse_unknown"),
        ("due.excuse", {"person_id": new_id(), "reason": "other"}, "campaigns.text_missing"),
        ("due.excuse", {"person_id": new_id(), "reason": "other", "remark": " "}, "campaigns.text_missing"),
        ("due.excuse", {"person_id": new_id(), "reason": "other", "remark": "x" * 121}, "campaigns.text_too_long"),
        ("due.excuse", {"person_id": new_id(), "reason": "deceased", "remark": "x" * 121}, "campaigns.text_too_long"),
        ("due.miss", {"owner": "", "reason": "x"}, "campaigns.text_missing"),
        ("due.miss", {"owner": "x", "reason": " "}, "campaigns.text_missing"),
        ("due.miss", {"owner": "x", "reason": "x", "person_ids": [new_id()]}, "campaigns.due_unknown"),
        ("due.miss", {"owner": "x", "reason": "x", "person_ids": ["7"]}, "access.payload_malformed"),
        ("due.add", {"person_ids": [new_id()]}, "campaigns.person_outside"),
    ],
)  # fmt: skip
def test_malformed_decisions_are_refused_with_their_code(
    kind: str, given: dict[str, Any], code: str
) -> None:
    persons(1)
    round_id = active()
    assert refused(kind, {"round_id": round_id, **given}).code == code


def test_decisions_need_a_frozen_list() -> None:
    (person,) = persons(1)
    round_id = drafted()
    payload = {"round_id": round_id, "owner": "x", "reason": "x"}
    assert refused("due.miss", payload).code == "campaigns.not_frozen"
    payload = {"round_id": round_id, "person_ids": [person]}
    assert refused("due.add", payload).code == "campaigns.not_frozen"
    payload = {"round_id": new_id(), "person_ids": [person]}
    assert refused("due.add", payload).code == "campaigns.round_unknown"


def test_the_database_itself_holds_the_states() -> None:
    (person,) = persons(1)
    round_id = active()
    (id,) = due_ids(round_id, [person])
    for wrong in (
        {"state": "lost"},
        {"state": "missed"},
        {"state": "excused"},
        {"state": "resulted"},
        {"mode": "barrel"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            DuePerson.objects.filter(id=id).update(**wrong)


# -- added and found ---------------------------------------------------------------------------


def test_late_people_of_the_roster_are_added_with_a_trace() -> None:
    persons(2)
    round_id = active()
    late = persons(2, categories=("key_group",))
    (stranger,) = persons(1, f"{TOWN_B}001")
    trace = new_id()
    payload = {"round_id": round_id, "person_ids": [*late, late[0]]}
    assert send("due.add", payload, id=trace).answer == {"added": 2}
    added = DuePerson.objects.filter(round_id=round_id, added_by=trace)
    assert {row.mode for row in added} == {"single"}
    assert queries.round_brief(round_id).due_total == 2
    law = queries.denominator(round_id)
    assert (law.frozen, law.counts.added, law.counts.total, law.faults) == (2, 2, 4, [])
    assert send("due.add", payload).answer == {"added": 0}
    outside = refused("due.add", {"round_id": round_id, "person_ids": [stranger]})
    assert outside.code == "campaigns.person_outside"
    worker = actor("village_worker", VILLAGE_B)
    assert refused("due.add", payload, by=worker).code == "campaigns.person_outside"


def test_people_found_on_the_way_are_added_by_the_presets_rules() -> None:
    (listed,) = persons(1)
    round_id = active(preset="yongning")
    (red,) = persons(1, f"{TOWN_B}001", categories=("red_code",))
    (plain,) = persons(1, VILLAGE_B)
    trace = new_id()
    found = actions.due_add_found(
        round_id=round_id,
        rows=[actions.FoundDue(person, trace, NOON) for person in (red, plain, listed, plain)],
    )
    assert {p: d.mode for p, d in found.items()} == {red: "single", plain: "pool", listed: "pool"}
    assert found[red].area == f"{TOWN_B}001"
    assert due(found[red].id).added_by == trace
    assert due(found[listed].id).added_by is None
    assert {d.id for d in found.values()} == set(due_ids(round_id, [red, plain, listed]))
    assert queries.denominator(round_id).faults == []
    assert actions.due_add_found(round_id=round_id, rows=[]) == {}


def test_found_people_inherit_the_class_of_their_area() -> None:
    persons(1)
    round_id = drafted(preset="street10in1")
    send("round.freeze", {"round_id": round_id, "areas": {VILLAGE_B: "medium_high_risk_area"}})
    (risk,), (calm,) = persons(1, VILLAGE_B), persons(1)
    found = actions.due_add_found(
        round_id=round_id, rows=[actions.FoundDue(p, new_id(), NOON) for p in (risk, calm)]
    )
    assert found[risk].rank < found[calm].rank


def test_somebody_swabbed_before_the_freeze_is_on_the_list_once() -> None:
    people = persons(3)
    round_id = drafted()
    actions.due_add_found(round_id=round_id, rows=[actions.FoundDue(people[0], new_id(), NOON)])
    assert queries.denominator(round_id).faults == ["people_before_freeze"]
    assert send("round.freeze", {"round_id": round_id}).answer == {"due_total": 2}
    law = queries.denominator(round_id)
    assert (law.frozen, law.counts.added, law.counts.total, law.faults) == (2, 1, 3, [])


# -- after the close ---------------------------------------------------------------------------


def closed_with_results(count: int) -> tuple[uuid.UUID, list[uuid.UUID]]:
    people = persons(count)
    round_id = active()
    ids = due_ids(round_id, people)
    actions.due_sampled(at_by_due_id=dict.fromkeys(ids, NOON))
    actions.due_resulted(
        round_id=round_id, rows=[actions.DueResult(id, "negative", NOON) for id in ids]
    )
    close(round_id)
    return round_id, ids


def test_no_fact_opens_a_closed_round() -> None:
    """A late void, a correction, a stranger who was swabbed: everybody stays terminal, with owner and task."""
    round_id, ids = closed_with_results(3)
    actions.due_unsampled(due_ids=[ids[0]], at=NOON + DAY)
    actions.due_corrected(
        round_id=round_id, rows=[actions.DueResult(ids[1], "invalid", NOON + DAY)]
    )
    actions.due_corrected(
        round_id=round_id, rows=[actions.DueResult(ids[2], "positive", NOON + DAY)]
    )
    (stranger,) = persons(1)
    found = actions.due_add_found(
        round_id=round_id, rows=[actions.FoundDue(stranger, new_id(), NOON + DAY)]
    )
    id = found[stranger].id
    assert [due(each).state for each in (*ids, id)] == ["missed", "missed", "resulted", "missed"]
    assert [due(each).reason for each in (*ids[:2], id)] == [
        "swab_voided", "result_corrected", "found_after_close",
    ]  # fmt: skip
    open_tasks = Task.objects.filter(round_id=round_id, done_at=None)
    assert {task.subject_id for task in open_tasks} == {ids[0], ids[1], id}
    actions.due_sampled(at_by_due_id={id: NOON + DAY})
    assert due(id).caught_up_at == NOON + DAY
    assert queries.denominator(round_id).faults == []


towns = count(10)
events = st.lists(
    st.tuples(
        st.sampled_from(
            ["sampled", "unsampled", "negative", "positive", "invalid", "corrected", "reopened", "found", "missed",
             "excused", "close"]
        ),
        st.integers(0, 3),
    ),
    max_size=14,
)  # fmt: skip


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(happened=events)
def test_the_denominator_holds_whatever_happens_in_whatever_order(
    happened: list[tuple[str, int]],
) -> None:
    town = f"2311832{next(towns):02}"
    people, strangers = persons(4, f"{town}001"), persons(4, f"{TOWN_B}001")
    round_id = active(town, state="reconciling")
    ids = due_ids(round_id, people)
    for no, (what, who) in enumerate(happened):
        at = NOON + no * HOUR
        match what:
            case "sampled":
                actions.due_sampled(at_by_due_id={ids[who]: at})
            case "unsampled":
                actions.due_unsampled(due_ids=[ids[who]], at=at)
            case "negative" | "positive" | "invalid":
                actions.due_resulted(
                    round_id=round_id, rows=[actions.DueResult(ids[who], what, at)]
                )
            case "corrected" | "reopened":
                outcome = "negative" if what == "corrected" else "grey"
                actions.due_corrected(
                    round_id=round_id, rows=[actions.DueResult(ids[who], outcome, at)]
                )
            case "found":
                rows = [actions.FoundDue(strangers[who], new_id(), at)]
                found = actions.due_add_found(round_id=round_id, rows=rows)
                actions.due_sampled(at_by_due_id={found[strangers[who]].id: at})
            case _:
                decide(what, round_id, people[who], at)
        law = queries.denominator(round_id)
        assert law.faults == []
        assert law.frozen == 4
        for row in DuePerson.objects.filter(round_id=round_id, state="missed", caught_up_at=None):
            task = Task.objects.get(kind="catch_up", subject_id=row.id)
            assert task.done_at is None or law.state == "closed"


def decide(what: str, round_id: uuid.UUID, person: uuid.UUID, at: Any) -> None:
    """A decision may be refused; then nothing changed."""
    before = list(DuePerson.objects.filter(round_id=round_id).order_by("id").values())
    payloads: dict[str, tuple[str, dict[str, Any]]] = {
        "missed": ("due.miss", {"person_ids": [person], "owner": "村医", "reason": "x"}),
        "excused": ("due.excuse", {"person_id": person, "reason": "deceased"}),
        "close": ("round.close", {}),
    }
    kind, payload = payloads[what]
    try:
        send(kind, {"round_id": round_id, **payload}, at=at)
    except RuleBroken:
        assert list(DuePerson.objects.filter(round_id=round_id).order_by("id").values()) == before
