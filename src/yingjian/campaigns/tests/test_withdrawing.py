"""People added by mistake are taken out again: all or none, nobody struck off, and no swab lost by it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yingjian.access.actor import SYSTEM
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, new_id
from yingjian.campaigns import actions, exports, queries
from yingjian.campaigns.models import DuePerson, Round
from yingjian.campaigns.tests import factories as make
from yingjian.campaigns.tests.factories import (
    HOUR,
    active,
    due,
    due_ids,
    frozen,
    miss,
    persons,
    send,
)
from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.ledgers.models import Task
from yingjian.population.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]


def add(round_id: uuid.UUID, people: list[uuid.UUID]) -> uuid.UUID:
    """Returns the command they were added by."""
    payload = {"round_id": round_id, "person_ids": people, "reason": "新迁入"}
    return send("due.add", payload).command_id


def withdraw(round_id: uuid.UUID, people: list[uuid.UUID], **more: Any) -> int:
    payload = {"round_id": round_id, "person_ids": people, "remark": "点错了村"}
    return int(send("due.withdraw", payload, **more).answer["withdrawn"])


def refused(round_id: uuid.UUID, people: list[uuid.UUID], **more: Any) -> RuleBroken:
    payload = {"round_id": round_id, "person_ids": people, "remark": "点错了村"}
    return make.refused("due.withdraw", payload, **more)


def row(round_id: uuid.UUID, person: uuid.UUID) -> DuePerson:
    return due(due_ids(round_id, [person])[0])


def test_who_was_added_in_one_go_is_found_and_taken_out_in_one_go() -> None:
    persons(2)
    round_id = active()
    late, other = persons(3), persons(1)
    command, _ = add(round_id, late), add(round_id, other)
    wanted = queries.DueFilter(added_with=command)
    together = queries.due_list_for(SYSTEM, round_id, wanted)
    assert {one.person_id for one in together} == set(late)
    assert {one.added_by for one in together} == {command}
    assert withdraw(round_id, late) == len(late)
    out = queries.due_list_for(SYSTEM, round_id, wanted)
    assert {(one.state, one.reason) for one in out} == {("excused", "added_by_mistake")}
    assert {one.excused_how.remark for one in out if one.excused_how} == {"点错了村"}
    assert exports.reason_told(out[0], "zh") == "误补录：点错了村"
    assert exports.reason_told(out[0], "en") == "added by mistake: 点错了村"
    assert row(round_id, other[0]).state == "due"
    denominator = queries.denominator(round_id)
    assert denominator.faults == []
    assert (denominator.frozen, denominator.counts.added, denominator.counts.excused) == (2, 4, 3)
    assert withdraw(round_id, late) == 0, "they are out already"
    send("due.reinstate", {"round_id": round_id, "person_id": late[0], "reason": "没有错"})
    assert row(round_id, late[0]).state == "due"
    assert withdraw(round_id, late) == 1


DEEDS = ("none", "frozen", "sampled", "resulted", "deceased", "missed", "voided", "out")
MAY = {"none", "missed", "voided", "out"}


def happens(deed: str, round_id: uuid.UUID, person: uuid.UUID) -> None:
    (due_id,) = due_ids(round_id, [person])
    at = NOON + HOUR
    if deed in {"sampled", "resulted", "voided"}:
        actions.due_sampled(at_by_due_id={due_id: NOON})
    if deed == "resulted":
        rows = [actions.DueResult(due_id, "negative", at)]
        actions.due_resulted(round_id=round_id, rows=rows)
    if deed == "voided":
        actions.due_unsampled(due_ids=[due_id], at=at)
    if deed == "deceased":
        given = {"round_id": round_id, "person_id": person, "reason": "deceased"}
        send("due.excuse", given)
    if deed == "missed":
        miss(round_id, [person])
    if deed == "out":
        withdraw(round_id, [person])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=st.lists(st.sampled_from(DEEDS), min_size=1, max_size=7))
def test_all_are_taken_out_or_none_and_the_refusal_names_who_cannot_be(deeds: list[str]) -> None:
    people = dict(zip(persons(len(deeds)), deeds, strict=True))
    strangers = [person for person, deed in people.items() if deed == "frozen"]
    Person.objects.exclude(id__in=strangers).update(area=f"{TOWN_B}001")
    persons(1)
    round_id = active()
    Person.objects.filter(id__in=people).update(area=f"{TOWN_A}001")
    if len(strangers) < len(people):
        add(round_id, [person for person, deed in people.items() if deed != "frozen"])
    for person, deed in people.items():
        happens(deed, round_id, person)
    before = list(DuePerson.objects.filter(round_id=round_id).order_by("id").values())
    hindered = [deed for deed in deeds if deed not in MAY]
    if hindered:
        code = "not_added" if "frozen" in hindered else "added_recorded"
        count = sum((deed == "frozen") == (code == "not_added") for deed in hindered)
        error = refused(round_id, list(people))
        assert (error.code, error.status, error.params["count"]) == (
            f"campaigns.{code}",
            409,
            count,
        )
        names = str(error.params["names"])
        assert names.count("测*人") == min(count, 5)
        assert names.endswith(" …") == (count > 5)
        assert names in sentence(error.code, "zh", error.params)["says"]
        assert names in sentence(error.code, "en", error.params)["says"]
        assert list(DuePerson.objects.filter(round_id=round_id).order_by("id").values()) == before
    else:
        assert withdraw(round_id, list(people)) == sum(deed != "out" for deed in deeds)
        assert {row(round_id, person).reason for person in people} == {"added_by_mistake"}
        ids = due_ids(round_id, list(people))
        assert not Task.objects.filter(subject_id__in=ids, done_at=None).exists()
    assert queries.denominator(round_id).faults == []


def test_a_swab_that_comes_later_is_kept() -> None:
    persons(1)
    round_id = active()
    late = persons(1)
    add(round_id, late)
    withdraw(round_id, late)
    actions.due_sampled(at_by_due_id={due_ids(round_id, late)[0]: NOON})
    found = row(round_id, late[0])
    assert (found.state, found.sampled_at, found.caught_up_at) == ("excused", NOON, NOON)
    send("due.reinstate", {"round_id": round_id, "person_id": late[0], "reason": "来了"})
    assert row(round_id, late[0]).state == "sampled"


def test_what_cannot_be_decided() -> None:
    listed = persons(1)
    round_id = active(state="reconciling")
    late = persons(1)
    add(round_id, late)
    assert refused(round_id, [*late, new_id()]).code == "campaigns.due_unknown"
    assert refused(round_id, late, by=actor("village_worker", TOWN_B)).code == "access.outside_area"
    assert refused(round_id, late, by=actor("sampler", TOWN_A)).code == "access.not_permitted"
    wordless = {"round_id": round_id, "person_ids": late, "remark": " "}
    error = make.refused("due.withdraw", wordless)
    assert (error.code, error.params["field"]) == ("campaigns.text_missing", "remark")
    excuse = {"round_id": round_id, "person_id": late[0], "reason": "added_by_mistake"}
    error = make.refused("due.excuse", {**excuse, "remark": "点错了村"})
    assert error.code == "campaigns.excuse_unknown"
    assert row(round_id, late[0]).state == "due"
    miss(round_id)
    send("round.close", {"round_id": round_id})
    assert refused(round_id, late).code == "campaigns.round_over"
    assert refused(frozen(no=2), listed).code == "campaigns.not_added"
    assert Round.objects.get(id=round_id).due_total == 1
