"""Tasks: opened and closed in number by other rooms, one by one by users."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from yingjian.access import journal, scope
from yingjian.access.tests.factories import (
    NOON,
    TOWN_A,
    TOWN_B,
    actor,
    command,
    new_id,
    sign_in,
    user,
)
from yingjian.kernel.errors import RuleBroken
from yingjian.ledgers import actions, queries, rules
from yingjian.ledgers.models import Task

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]
HOUR = timedelta(hours=1)


def row(subject: uuid.UUID, **given: Any) -> actions.TaskOpen:
    fields: dict[str, Any] = {
        "kind": "catch_up", "subject_kind": "due_person", "area": TOWN_A, "title": "第一轮",
        "owner_role": "village_worker", "opened_at": NOON, "due_at": NOON + 24 * HOUR, **given,
    }  # fmt: skip
    return actions.TaskOpen(subject_id=subject, **fields)


def send(kind: str, payload: dict[str, Any], by: Any) -> journal.Verdict:
    return journal.submit(
        actor=by, received_at=NOON, commands=[command(kind, payload)], park=False
    )[0]


def test_many_tasks_take_one_statement(django_assert_num_queries: Callable[[int], Any]) -> None:
    subjects = [new_id() for _ in range(500)]
    with django_assert_num_queries(1):
        assert actions.tasks_open(rows=[row(subject) for subject in subjects]) == 500
    times = {subject: (NOON + no * HOUR, "sampled") for no, subject in enumerate(subjects[:400])}
    with django_assert_num_queries(1):
        closed = actions.tasks_close(kind="catch_up", ends=times)
    assert closed == sorted(times)
    assert Task.objects.get(subject_id=subjects[3]).done_at == NOON + 3 * HOUR
    assert queries.open_subjects(kind="catch_up", subject_ids=subjects) == set(subjects[400:])
    assert actions.tasks_open(rows=[]) == 0
    assert actions.tasks_close(kind="catch_up", ends={}) == []


def test_a_task_is_one_row_that_may_open_again() -> None:
    subject = new_id()
    assert actions.tasks_open(rows=[row(subject)]) == 1
    assert actions.tasks_open(rows=[row(subject, owner_name="other")]) == 0
    assert Task.objects.get(subject_id=subject).owner_name == ""
    actions.tasks_close(kind="catch_up", ends={subject: (NOON - HOUR, "sampled")})
    done = Task.objects.get(subject_id=subject)
    assert (done.done_at, done.outcome) == (NOON, "sampled")  # never before it was opened
    assert actions.tasks_close(kind="catch_up", ends={subject: (NOON, "x")}) == []
    assert actions.tasks_open(rows=[row(subject, opened_at=NOON + HOUR)]) == 1
    again = Task.objects.get(subject_id=subject)
    assert (again.id, again.done_at, again.outcome) == (done.id, None, "")


def test_users_open_and_finish_their_own_tasks() -> None:
    worker, task = actor("village_worker", TOWN_A), new_id()
    payload = {
        "task_id": task, "kind": "finding", "area": TOWN_A, "title": "出口没有围挡", "owner_role": "site_lead",
    }  # fmt: skip
    assert send("task.open", payload, worker).verdict == "applied"
    opened = Task.objects.get(id=task)
    assert (
        send("task.done", {"task_id": opened.id, "outcome": "已整改"}, worker).verdict == "applied"
    )
    send("task.done", {"task_id": opened.id, "outcome": "again"}, worker)
    assert Task.objects.get(id=opened.id).outcome == "已整改"
    with pytest.raises(RuleBroken, match=r"ledgers\.task_exists"):
        send("task.open", {**payload, "kind": "preparation"}, worker)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"kind": "catch_up"}, "ledgers.task_kind_unknown"),
        ({"kind": "gossip"}, "ledgers.task_kind_unknown"),
        ({"title": " "}, "ledgers.text_missing"),
        ({"title": "长" * 161}, "ledgers.text_too_long"),
        ({"area": TOWN_B}, "access.outside_area"),
        ({"task_id": 7}, "access.payload_malformed"),
    ],
)
def test_malformed_tasks_are_refused(given: dict[str, Any], code: str) -> None:
    payload = {
        "task_id": new_id(), "kind": "finding", "area": TOWN_A, "title": "x", "owner_role": "site_lead", **given,
    }  # fmt: skip
    with pytest.raises(RuleBroken) as error:
        send("task.open", payload, actor("village_worker", TOWN_A))
    assert error.value.code == code
    assert not Task.objects.exists()


def test_a_catch_up_cannot_be_ticked_off_and_strangers_finish_nothing() -> None:
    """R77: the loop closes by the swab or the excuse, not by a tick."""
    subject = new_id()
    actions.tasks_open(rows=[row(subject), row(subject, kind="finding")])
    catch_up, finding = (Task.objects.get(kind=kind) for kind in ("catch_up", "finding"))
    cases = [
        (catch_up.id, "done", TOWN_A, "ledgers.task_closes_itself"),
        (finding.id, "done", TOWN_B, "access.outside_area"),
        (finding.id, "", TOWN_A, "ledgers.text_missing"),
        (new_id(), "done", TOWN_A, "ledgers.task_unknown"),
    ]
    for task_id, outcome, area, code in cases:
        with pytest.raises(RuleBroken) as error:
            send("task.done", {"task_id": task_id, "outcome": outcome}, actor("town_worker", area))
        assert error.value.code == code
    assert Task.objects.filter(done_at=None).count() == 2
    assert "catch_up" in rules.SELF_CLOSING


def test_the_database_keeps_one_task_per_subject_and_time_in_order() -> None:
    subject = new_id()
    actions.tasks_open(rows=[row(subject)])
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.filter(subject_id=subject).update(done_at=NOON - HOUR)
    copy = Task.objects.get(subject_id=subject)
    copy.id = new_id()
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save(force_insert=True)


def test_lists_by_state_page_and_sight() -> None:
    round_id = new_id()
    subjects = [new_id() for _ in range(5)]
    actions.tasks_open(
        rows=[
            *(row(subject, round_id=round_id) for subject in subjects[:3]),
            row(subjects[3], due_at=None),
            row(subjects[4], area=TOWN_B),
        ]
    )
    actions.tasks_close(kind="catch_up", ends={subjects[0]: (NOON + 30 * HOUR, "sampled")})
    late = NOON + 25 * HOUR
    worker = actor("village_worker", TOWN_A)

    def found(**given: Any) -> set[uuid.UUID]:
        return {task.subject_id for task in queries.tasks_for(worker, at=late, **given)}

    with scope.acting(worker):
        assert found() == {subjects[1], subjects[2], subjects[3]}
        assert found(state="late") == {subjects[1], subjects[2]}
        assert found(state="done") == {subjects[0]}
        assert found(state=None, round_id=round_id) == set(subjects[:3])
        assert found(kind="finding") == set()
        first = queries.tasks_for(worker, at=late, limit=2)
        rest = queries.tasks_for(worker, at=late, limit=2, after=first[-1].id)
        assert {task.subject_id for task in first + rest} == found()
        (done,) = queries.tasks_for(worker, at=late, state="done")
        assert done.late
    assert queries.task_counts(round_id=round_id, at=late) == {
        "catch_up": {"open": 2, "late": 2, "done": 1}
    }


@pytest.mark.usefixtures("drill")
def test_the_work_list_over_http() -> None:
    actions.tasks_open(rows=[row(new_id()), row(new_id()), row(new_id(), area=TOWN_B)])
    client = Client(headers={"X-Yingjian-At": NOON.isoformat()})
    sign_in(client, user("village_worker"))
    first = client.get("/api/tasks?limit=1").json()
    assert len(first["items"]) == 1
    rest = client.get(f"/api/tasks?limit=5&after={first['next']}").json()
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert client.get("/api/tasks?state=all").json()["items"][0]["late"] is False
    assert client.get("/api/tasks?state=perhaps").status_code == 422
    assert Client().get("/api/tasks").status_code == 401
