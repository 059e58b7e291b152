"""Excuses: with a reason of the preset, told with who gave them, and taken back as if they had never been."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yingjian.access import journal
from yingjian.access.actor import SYSTEM
from yingjian.access.models import User
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, command, new_id
from yingjian.campaigns import actions, exports, presets, queries
from yingjian.campaigns.preset_schema import EXCUSES
from yingjian.campaigns.tests.factories import (
    HOUR,
    VILLAGE_A,
    active,
    due,
    due_ids,
    frozen,
    persons,
    refused,
    send,
)
from yingjian.kernel.errors import sentence
from yingjian.ledgers.models import Task
from yingjian.population.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]


def excuse(round_id: uuid.UUID, person: uuid.UUID, **more: Any) -> None:
    given = {
        "round_id": round_id,
        "person_id": person,
        "reason": "left_area",
        "remark": "去外省务工",
    }
    send("due.excuse", given, **more)


def reinstate(round_id: uuid.UUID, person: uuid.UUID, **more: Any) -> str:
    given = {"round_id": round_id, "person_id": person, "reason": "人已回来"}
    return str(send("due.reinstate", given, **more).answer["state"])


def as_it_stands(id: uuid.UUID) -> tuple[Any, ...]:
    row = due(id)
    return (
        row.state,
        row.owner,
        row.sampled_at,
        row.resulted_at,
        row.outcome,
        row.caught_up_at,
        row.excused_by,
    )


FACTS = ("sampled", "negative", "grey", "voided")


def happens(fact: str, round_id: uuid.UUID, due_id: uuid.UUID) -> None:
    later = NOON + HOUR
    if fact == "sampled":
        actions.due_sampled(at_by_due_id={due_id: NOON})
    elif fact == "voided":
        actions.due_unsampled(due_ids=[due_id], at=later)
    else:
        actions.due_resulted(round_id=round_id, rows=[actions.DueResult(due_id, fact, later)])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(missed=st.booleans(), after=st.lists(st.sampled_from(FACTS), max_size=3), seen=st.booleans())
def test_an_excuse_taken_back_leaves_what_the_facts_alone_would_have_left(
    missed: bool, after: list[str], seen: bool
) -> None:
    """Whatever was found out while somebody was excused: nothing of it is lost, nothing of the excuse stays."""
    facts = ["sampled", *after] if seen else []
    people = persons(2)
    round_id = active()
    ids = due_ids(round_id, people)
    if missed:
        given_up = {"round_id": round_id, "person_ids": people, "owner": "村医", "reason": "外出"}
        send("due.miss", given_up)
    excuse(round_id, people[0])
    assert due(ids[0]).excused_by is not None
    for due_id in ids:
        for fact in facts:
            happens(fact, round_id, due_id)
    assert due(ids[0]).state == "excused"
    assert reinstate(round_id, people[0]) == due(ids[0]).state
    assert as_it_stands(ids[0]) == as_it_stands(ids[1])
    open_tasks = [Task.objects.filter(subject_id=id, done_at=None).exists() for id in ids]
    assert open_tasks[0] == open_tasks[1]
    assert queries.denominator(round_id).faults == []


def test_what_cannot_be_taken_back() -> None:
    people = persons(2)
    round_id = active(state="reconciling")
    given = {"round_id": round_id, "person_id": people[0], "reason": "误记"}
    error = refused("due.reinstate", given)
    assert (error.code, error.status) == ("campaigns.due_state", 409)
    assert (
        refused("due.reinstate", {**given, "person_id": new_id()}).code == "campaigns.due_unknown"
    )
    excuse(round_id, people[0])
    assert refused("due.reinstate", {**given, "reason": " "}).code == "campaigns.text_missing"
    stranger = actor("village_worker", TOWN_B)
    assert refused("due.reinstate", given, by=stranger).status in {403, 404}
    assert due(due_ids(round_id, people)[0]).state == "excused"
    excuse(round_id, people[1])
    send("round.close", {"round_id": round_id})
    assert refused("due.reinstate", given).code == "campaigns.round_over"


def test_a_preset_names_reasons_and_one_stored_before_names_none() -> None:
    persons(1)
    round_id = frozen()
    listed = queries.excuses(queries.round_brief(round_id).preset_id)
    assert listed[0] == "left_area"
    for language in ("zh", "en"):
        assert set(listed) <= set(presets.labels(language)["code"])
    document = presets.snapshot(presets.load("mule"))
    del document["scope"]["excuses"]
    document["header"]["code"] = "older"
    send("preset.store", {"document": document})
    older = frozen(preset="older")
    assert queries.excuses(queries.round_brief(older).preset_id) == []


def test_an_unknown_reason_is_refused_with_those_there_are() -> None:
    (person,) = persons(1)
    round_id = active()
    listed = queries.excuses(queries.round_brief(round_id).preset_id)
    error = refused(
        "due.excuse",
        {"round_id": round_id, "person_id": person, "reason": "holiday", "remark": "外出"},
    )
    assert (error.code, error.status) == ("campaigns.excuse_unknown", 422)
    assert error.params == {"reason": "holiday", "known": ", ".join([*listed, "other"])}
    for language in ("zh", "en"):
        told = sentence(error.code, language, error.params)
        assert "holiday" in told["says"]
        assert error.params["known"] in told["do"]
    assert due(due_ids(round_id, [person])[0]).state == "due"


def test_every_reason_a_preset_may_name_and_another_in_words_is_taken() -> None:
    people = persons(len(EXCUSES) + 1)
    round_id = active()
    for person, reason in zip(people, [*EXCUSES, "other"], strict=True):
        given = {"round_id": round_id, "person_id": person, "reason": reason, "remark": "在看守所"}
        send("due.excuse", given)
    for language, another in (("zh", "其他：在看守所"), ("en", "other: 在看守所")):
        rows = queries.due_list_for(SYSTEM, round_id, queries.DueFilter(state="excused"))
        told = {row.reason: exports.reason_told(row, language) for row in rows}
        assert told["other"] == another
        assert not any(code in line for code, line in told.items() if code != "other")


def test_a_preset_without_reasons_leaves_only_words() -> None:
    people = persons(2)
    document = presets.snapshot(presets.load("mule"))
    del document["scope"]["excuses"]
    document["header"]["code"] = "older"
    send("preset.store", {"document": document})
    round_id = active(preset="older")
    given = {"round_id": round_id, "person_id": people[0], "reason": "deceased"}
    assert refused("due.excuse", given).params["known"] == "other"
    send("due.excuse", {**given, "reason": "other", "remark": "已去世"})
    assert due(due_ids(round_id, people)[0]).reason == "other"


def test_what_was_excused_in_any_words_before_is_replayed_and_read() -> None:
    """The journal of an older version holds words where a code stands now; its decisions stand."""
    people = persons(2)
    round_id = active()
    old = command(
        "due.excuse",
        {"round_id": round_id, "person_id": people[0], "reason": " 外出未归 "},
        at=NOON,
    )
    with journal.replaying():
        ((verdict,),) = journal.reapply([journal.Request(SYSTEM, NOON, [old])])
    assert verdict.verdict == "applied"
    (row,) = queries.due_list_for(SYSTEM, round_id, queries.DueFilter(state="excused"))
    assert row.reason == "外出未归"
    assert [exports.reason_told(row, language) for language in ("zh", "en")] == ["外出未归"] * 2
    missed = replace(row, state="missed", reason="result_corrected", owner="round_planner")
    assert exports.reason_told(missed, "en") == "the result was corrected"
    reinstate(round_id, people[0])
    assert due(due_ids(round_id, people)[0]).state == "due"


def test_the_list_tells_who_excused_and_who_added_and_finds_people() -> None:
    people = persons(3)
    Person.objects.filter(id=people[0]).update(name="欧阳小明")
    round_id = active()
    who = actor("town_worker", TOWN_A)
    User.objects.create(id=who.id, username=f"u{who.id.hex[-8:]}", name="张文书")
    excuse(round_id, people[0], by=who)
    late = persons(1)
    journal.submit(
        actor=who, received_at=NOON, park=False,
        commands=[command("due.add", {"round_id": round_id, "person_ids": late, "reason": "新迁入"}, at=NOON)],
    )  # fmt: skip

    def asked(**wanted: Any) -> list[queries.DueRow]:
        return queries.due_list_for(who, round_id, queries.DueFilter(**wanted))

    (gone,) = asked(state="excused")
    assert gone.excused_how is not None
    assert (gone.reason, gone.excused_how.who, gone.excused_how.remark) == (
        "left_area",
        "张文书",
        "去外省务工",
    )
    assert (gone.excused_how.at, gone.added_how) == (NOON, None)
    (added,) = asked(added=True)
    assert added.added_how is not None
    assert (added.person_id, added.added_how.who, added.added_how.reason) == (
        late[0],
        "张文书",
        "新迁入",
    )
    assert {row.person_id for row in asked(added=False)} == set(people)
    assert [row.person_id for row in asked(q="欧阳")] == [people[0]]
    assert asked(q="欧阳", area=VILLAGE_A[:-1] + "9") == []
    assert [
        row.person_id
        for page in queries.due_pages_for(who, round_id, queries.DueFilter(q="欧阳"))
        for row in page
    ] == [people[0]]
    reinstate(round_id, people[0], by=who)
    assert asked(state="excused") == []
    (back,) = asked(q="欧阳")
    assert (back.state, back.reason, back.excused_how) == ("due", "", None)
