"""The law of the denominator finds what is wrong: each fault is planted behind the room's back and must show."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from yingjian.access.tests.factories import NOON, new_id
from yingjian.campaigns import actions, queries
from yingjian.campaigns.models import DuePerson, Round
from yingjian.campaigns.tests.factories import active, drafted, due_ids, persons, send
from yingjian.kernel.errors import RuleBroken
from yingjian.ledgers.models import Task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]


def closed() -> tuple[uuid.UUID, list[uuid.UUID]]:
    """A closed round of three: one resulted, one excused, one missed."""
    people = persons(3)
    round_id = active(state="reconciling")
    ids = due_ids(round_id, people)
    actions.due_sampled(at_by_due_id={ids[0]: NOON})
    actions.due_resulted(round_id=round_id, rows=[actions.DueResult(ids[0], "negative", NOON)])
    send("due.excuse", {"round_id": round_id, "person_id": people[1], "reason": "in_hospital"})
    send("due.miss", {"round_id": round_id, "owner": "村医", "reason": "外出"})
    send("round.close", {"round_id": round_id})
    return round_id, ids


def test_a_sound_round_has_no_fault_and_its_numbers_add_up() -> None:
    round_id, _ = closed()
    law = queries.denominator(round_id)
    assert law.faults == []
    assert (law.counts.resulted, law.counts.excused, law.counts.missed) == (1, 1, 1)
    assert law.frozen == law.counts.total == sum(law.counts.states.values()) == 3
    assert [each.round_id for each in queries.denominators()] == [round_id]


PLANTED: dict[str, Callable[[uuid.UUID, list[uuid.UUID]], object]] = {
    "frozen_and_added_differ_from_list": lambda _, ids: DuePerson.objects.filter(
        id=ids[0]
    ).delete(),
    "closed_with_open_people": lambda _, ids: DuePerson.objects.filter(id=ids[1]).update(
        state="due"
    ),
    "missed_without_task": lambda _, ids: Task.objects.filter(subject_id=ids[2]).delete(),
    "people_before_freeze": lambda round_id, _: Round.objects.filter(id=round_id).update(
        state="draft", frozen_at=None, due_total=None
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_shows(fault: str) -> None:
    round_id, ids = closed()
    PLANTED[fault](round_id, ids)
    assert queries.denominator(round_id).faults == [fault]


def test_a_draft_without_people_has_no_fault() -> None:
    round_id = drafted()
    law = queries.denominator(round_id)
    assert (law.frozen, law.counts.total, law.faults) == (None, 0, [])


def test_what_is_unknown_is_told_so() -> None:
    for ask in (queries.denominator, queries.round_brief, queries.preset_of):
        with pytest.raises(RuleBroken, match=r"campaigns\.round_unknown"):
            ask(new_id())
    with pytest.raises(RuleBroken, match=r"campaigns\.preset_unknown"):
        queries.preset_by_id(new_id())
