"""Two at once: a close and a late swab, two freezes. Each race has a control that shows what the lock decides."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from yingjian.access import scope
from yingjian.access.actor import SYSTEM
from yingjian.access.tests.factories import NOON, TOWN_B, new_id
from yingjian.campaigns import actions, queries
from yingjian.campaigns.actions import due as due_module
from yingjian.campaigns.actions import freezing, rounds
from yingjian.campaigns.models import DuePerson, Round
from yingjian.campaigns.tests.factories import active, drafted, persons, send
from yingjian.kernel.errors import RuleBroken

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 10


def in_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


def waits_for_a_lock() -> bool:
    """Whether some session of this database waits for another's lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def overlapped(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """Run `first` up to its end but for the commit, then `second`; commit `first` when `second` is done or waits."""
    ready, go = threading.Event(), threading.Event()

    def hold() -> Any:
        with scope.everywhere():
            answer = first()
            ready.set()
            assert go.wait(PATIENCE)
            return answer

    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(in_thread, hold)
        assert ready.wait(PATIENCE)
        other = pool.submit(in_thread, lambda: attempt(second))
        pause = threading.Event()
        while not (other.done() or waits_for_a_lock()):
            pause.wait(0.02)
        go.set()
        return held.result(PATIENCE), other.result(PATIENCE)


def attempt(work: Callable[[], Any]) -> Any:
    try:
        with scope.everywhere():
            return work()
    except RuleBroken as error:
        return error.code


def closable() -> uuid.UUID:
    people = persons(1)
    round_id = active(state="reconciling")
    send("due.excuse", {"round_id": round_id, "person_id": people[0], "reason": "left_area"})
    return round_id


def late_swab(round_id: uuid.UUID) -> Callable[[], Any]:
    """A stranger is swabbed: put on the list by the field, after the count but before the commit of the close."""
    (stranger,) = persons(1, f"{TOWN_B}001")

    def work() -> str:
        found = actions.due_add_found(
            round_id=round_id, rows=[actions.FoundDue(stranger, new_id(), NOON)]
        )
        return found[stranger].state

    return work


def closing(round_id: uuid.UUID) -> Callable[[], Any]:
    return lambda: (
        actions.round_close(actor=SYSTEM, command_id=new_id(), round_id=round_id, at=NOON).state
    )


def open_in_closed(round_id: uuid.UUID) -> int:
    with scope.everywhere():
        assert Round.objects.get(id=round_id).state == "closed"
        return DuePerson.objects.filter(round_id=round_id, state__in=["due", "sampled"]).count()


def test_a_late_swab_waits_for_the_close_and_comes_in_as_missed() -> None:
    round_id = closable()
    assert overlapped(closing(round_id), late_swab(round_id)) == ("closed", "missed")
    assert open_in_closed(round_id) == 0


def test_the_close_waits_for_a_late_swab_and_is_refused() -> None:
    round_id = closable()
    assert overlapped(late_swab(round_id), closing(round_id)) == ("due", "campaigns.not_terminal")
    with scope.everywhere():
        assert queries.round_brief(round_id).state == "reconciling"


def unlocked_state(round_id: uuid.UUID) -> str:
    return queries.round_brief(round_id).state


def unlocked_round(round_id: uuid.UUID) -> Round:
    return Round.objects.get(id=round_id)


def test_control_without_the_locks_a_closed_round_holds_an_open_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The very same overlap, with the locks taken out, breaks the promise: so the test above can fail."""
    monkeypatch.setattr(due_module, "shared_round_state", unlocked_state)
    monkeypatch.setattr(rounds, "locked_round", unlocked_round)
    round_id = closable()
    assert overlapped(late_swab(round_id), closing(round_id)) == ("due", "closed")
    assert open_in_closed(round_id) == 1


def freeze(round_id: uuid.UUID) -> Callable[[], Any]:
    return lambda: actions.round_freeze(
        actor=SYSTEM, command_id=new_id(), round_id=round_id, at=NOON
    )


def test_of_two_freezes_one_builds_the_list_and_the_other_is_refused() -> None:
    persons(3)
    round_id = drafted()
    answers = overlapped(freeze(round_id), freeze(round_id))
    assert answers == (3, "campaigns.already_frozen")


def test_control_without_the_lock_both_freezes_believe_they_were_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(freezing, "locked_round", unlocked_round)
    persons(3)
    round_id = drafted()
    assert overlapped(freeze(round_id), freeze(round_id)) == (3, 3)


def test_two_planners_who_press_at_once_get_one_list_through_the_journal() -> None:
    """The whole way, twenty times at once: one is applied, the rest are told that it is done."""
    persons(5)
    round_id = drafted()

    def press() -> str:
        try:
            return send("round.freeze", {"round_id": round_id}).verdict
        except RuleBroken as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(lambda _: in_thread(press), range(20)))
    assert answers == ["applied"] + ["campaigns.already_frozen"] * 19
    with scope.everywhere():
        assert DuePerson.objects.filter(round_id=round_id).count() == 5


def test_an_excuse_that_looked_before_a_swab_is_refused() -> None:
    (person,) = persons(1)
    round_id = active()
    with scope.everywhere():
        id = queries.due_lookup(round_id, [person])[person].id

    def swab() -> int:
        return len(actions.due_sampled(at_by_due_id={id: NOON}))

    def excuse() -> int:
        rows = [actions.Excuse(round_id, person, "left_area", NOON, new_id())]
        return len(actions.due_excuse(actor=SYSTEM, rows=rows))

    assert overlapped(swab, excuse) == (0, "campaigns.due_state")
    with scope.everywhere():
        assert DuePerson.objects.get(id=id).state == "sampled"


def test_a_swab_and_a_miss_of_one_person_at_once_leave_one_truth() -> None:
    """Whoever comes second sees what the first did: swabbed first, not missed; missed first, caught up."""
    (person,) = persons(1)
    round_id = active()
    with scope.everywhere(), transaction.atomic():
        id = queries.due_lookup(round_id, [person])[person].id

    def swab() -> int:
        return len(actions.due_sampled(at_by_due_id={id: NOON}))

    def miss() -> int:
        return actions.due_miss(
            actor=SYSTEM, command_id=new_id(), round_id=round_id, person_ids=None, owner="村医", reason="x", at=NOON
        )  # fmt: skip

    assert overlapped(swab, miss) == (0, 0)
    with scope.everywhere():
        DuePerson.objects.filter(id=id).update(state="due", sampled_at=None)
    assert overlapped(miss, swab) == (1, 1)
