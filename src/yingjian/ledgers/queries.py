"""Reads of this room."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from yingjian.access.actor import Actor

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class TaskRow:
    id: uuid.UUID
    kind: str
    subject_kind: str
    subject_id: uuid.UUID
    area: str
    round_id: uuid.UUID | None
    title: str
    owner_role: str
    owner_name: str
    opened_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    outcome: str
    late: bool


_STATES: Final = {
    "open": "done_at IS NULL",
    "late": "done_at IS NULL AND due_at < %(at)s",
    "done": "done_at IS NOT NULL",
    None: "true",
}


def tasks_for(
    actor: Actor,
    *,
    at: datetime,
    round_id: uuid.UUID | None = None,
    kind: str | None = None,
    state: str | None = "open",
    after: uuid.UUID | None = None,
    limit: int = PAGE,
) -> list[TaskRow]:
    """Tasks in the actor's sight by id (keyset).

    `state`: open, late, done or None for all; `at` decides what is late.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, kind, subject_kind, subject_id, area, round_id, title, owner_role, owner_name, opened_at,
                       due_at, done_at, outcome,
                       coalesce(due_at < coalesce(done_at, %(at)s), false)
                  FROM ledgers_task
                 WHERE {_STATES[state]} AND (%(round)s::uuid IS NULL OR round_id = %(round)s)
                   AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(after)s::uuid IS NULL OR id > %(after)s)
                 ORDER BY id LIMIT %(limit)s""",  # noqa: S608 - fixed fragments
            {"at": at, "round": round_id, "kind": kind, "after": after, "limit": limit},
        )
        return [TaskRow(*row) for row in cursor.fetchall()]


def task_counts(*, round_id: uuid.UUID, at: datetime) -> dict[str, dict[str, int]]:
    """Per kind of task of a round: how many are open, late, done."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT kind, count(*) FILTER (WHERE done_at IS NULL),
                      count(*) FILTER (WHERE done_at IS NULL AND due_at < %(at)s),
                      count(*) FILTER (WHERE done_at IS NOT NULL)
                 FROM ledgers_task WHERE round_id = %(round)s GROUP BY kind ORDER BY kind""",
            {"at": at, "round": round_id},
        )
        return {
            kind: {"open": open_, "late": late, "done": done}
            for kind, open_, late, done in cursor.fetchall()
        }


def open_subjects(*, kind: str, subject_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these subjects have an open task of this kind."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subject_id FROM ledgers_task WHERE kind = %s AND subject_id = ANY(%s) AND done_at IS NULL",
            [kind, list(subject_ids)],
        )
        return {row[0] for row in cursor.fetchall()}
