"""Writes of this room. Other rooms open and close tasks here, any number in one statement."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import rules
from .models import Task


@dataclass(frozen=True, slots=True)
class TaskOpen:
    """A task to open: one per kind and subject. `due_at` None means no deadline; `id` None lets it follow from both."""

    kind: str
    subject_kind: str
    subject_id: uuid.UUID
    area: str
    title: str
    owner_role: str
    opened_at: datetime
    owner_name: str = ""
    due_at: datetime | None = None
    round_id: uuid.UUID | None = None
    id: uuid.UUID | None = None


_OPEN = """
INSERT INTO ledgers_task AS t (id, kind, subject_kind, subject_id, area, title, owner_role, owner_name, opened_at,
                               due_at, round_id, outcome)
SELECT *, '' FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[],
                         %s::timestamptz[], %s::timestamptz[], %s::uuid[])
    ON CONFLICT (kind, subject_id) DO UPDATE
   SET done_at = NULL, outcome = '', owner_role = excluded.owner_role, owner_name = excluded.owner_name,
       opened_at = excluded.opened_at, due_at = excluded.due_at
 WHERE t.done_at IS NOT NULL
"""


def tasks_open(*, rows: Sequence[TaskOpen]) -> int:
    """Open tasks in one statement. One that is open already is left alone; one that was done is opened again."""
    if not rows:
        return 0
    columns = zip(
        *(
            (
                row.id or derived(row.subject_id, f"task.{row.kind}"), row.kind, row.subject_kind, row.subject_id,
                row.area, row.title[: rules.TITLE_MAX], row.owner_role, row.owner_name, row.opened_at, row.due_at,
                row.round_id,
            )
            for row in rows
        ),
        strict=True,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [list(column) for column in columns])
        return int(cursor.rowcount)


def tasks_close(*, kind: str, ends: Mapping[uuid.UUID, tuple[datetime, str]]) -> list[uuid.UUID]:
    """Close the open tasks of these subjects, each at its time with its outcome, in one statement.

    Returns the subjects whose task was open.
    """
    if not ends:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE ledgers_task t SET done_at = greatest(s.at, t.opened_at), outcome = s.outcome
                 FROM unnest(%(ids)s::uuid[], %(ats)s::timestamptz[], %(outcomes)s::text[]) AS s(id, at, outcome)
                WHERE t.kind = %(kind)s AND t.subject_id = s.id AND t.done_at IS NULL RETURNING t.subject_id""",
            {
                "kind": kind, "ids": list(ends), "ats": [at for at, _ in ends.values()],
                "outcomes": [outcome[: rules.OUTCOME_MAX] for _, outcome in ends.values()],
            },
        )  # fmt: skip
        return sorted(row[0] for row in cursor.fetchall())


def task_open(
    *, actor: Actor, task_id: uuid.UUID, kind: str, area: str, title: str, owner_role: str, owner_name: str,
    at: datetime, due_at: datetime | None, round_id: uuid.UUID | None,
) -> None:  # fmt: skip
    """A user opens a finding, a rectification or another task in their area. `ledgers.task_exists` (409)."""
    scope.require(actor, "work", area)
    if Task.objects.filter(id=task_id).exists():
        raise RuleBroken("ledgers.task_exists", status=409)
    row = TaskOpen(
        kind=rules.kind_checked(kind), subject_kind="task", subject_id=task_id, area=area,
        title=rules.text_checked(title, "title", rules.TITLE_MAX), owner_role=owner_role, owner_name=owner_name[:80],
        opened_at=at, due_at=due_at, round_id=round_id, id=task_id,
    )  # fmt: skip
    tasks_open(rows=[row])


def task_done(*, actor: Actor, task_id: uuid.UUID, outcome: str, at: datetime) -> Task:
    """Finish a task. `ledgers.task_unknown` (404), `ledgers.task_closes_itself` (409); done twice changes nothing."""
    task = Task.objects.select_for_update().filter(id=task_id).first()
    if task is None:
        raise RuleBroken("ledgers.task_unknown", status=404)
    scope.require(actor, "work", task.area)
    rules.closable(task.kind)
    if task.done_at is None:
        task.done_at = max(at, task.opened_at)
        task.outcome = rules.text_checked(outcome, "outcome", rules.OUTCOME_MAX)
        task.save(update_fields=["done_at", "outcome"])
    return task
