"""What this room asks of the rooms below it: custody of tubes and boxes, discrepancies, the due list, tasks.

One place for it, so that the doors used here can be read at a glance. No rows of other rooms are written elsewhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from yingjian.kernel.ids import derived

_LINE = (
    "issued", "open", "locked", "sealed", "boxed", "in_transit", "missing", "received", "testing",
    "broken", "rejected", "voided", "resulted", "released",
)  # fmt: skip


def tubes_advance(*, tube_ids: Sequence[uuid.UUID], to: str, at: datetime) -> None:
    """Bring tubes forward to a state; one that is further already stays."""
    behind = list(_LINE[: _LINE.index(to)])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sampling_tube SET state = %s WHERE id = ANY(%s) AND state = ANY(%s)",
            [to, list(tube_ids), behind],
        )


def boxes_checked(*, box_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Boxes were opened and counted at the bench."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_box SET state = 'checked', sealed_at = coalesce(sealed_at, %s)
                WHERE id = ANY(%s) AND state <> 'emptied'""",
            [at, list(box_ids)],
        )


def discrepancy_open(
    *, kind: str, subject_kind: str, subject_id: uuid.UUID, label: str, round_id: uuid.UUID | None, area: str,
    expected: int, actual: int, owner_role: str, at: datetime,
) -> None:  # fmt: skip
    """Store a count that does not agree, with its owner; once per kind and subject."""
    if round_id is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_discrepancy (id, round_id, area, kind, subject_kind, subject_id, subject_label,
                                                  expected, actual, owner_role, opened_at, resolution)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '')
               ON CONFLICT (kind, subject_id) DO NOTHING""",
            [derived(subject_id, f"discrepancy.{kind}"), round_id, area, kind, subject_kind, subject_id, label[:80],
             expected, actual, owner_role, at],
        )  # fmt: skip


def due_resulted(*, due_ids: Sequence[uuid.UUID], outcome: str, at: datetime) -> None:
    """Give people of the due list their outcome."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_dueperson SET state = 'resulted', outcome = %s, resulted_at = %s
                WHERE id = ANY(%s) AND state IN ('due', 'sampled', 'resulted')""",
            [outcome, at, list(due_ids)],
        )


def due_reopened(*, due_ids: Sequence[uuid.UUID], to: str, at: datetime) -> None:
    """Take an outcome back: to `sampled` (a recheck will tell) or to `due` (another swab is needed)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_dueperson SET state = %(to)s, outcome = NULL, resulted_at = NULL,
                      sampled_at = CASE WHEN %(to)s = 'due' THEN NULL ELSE sampled_at END
                WHERE id = ANY(%(ids)s) AND state IN ('sampled', 'resulted')""",
            {"to": to, "ids": list(due_ids)},
        )


def tasks_open(*, rows: Sequence[dict[str, Any]]) -> None:
    """Open tasks, one per kind and subject."""
    if not rows:
        return
    columns = [
        [row[name] for row in rows]
        for name in ("kind", "subject_kind", "subject_id", "area", "round_id", "title", "owner_role", "at")
    ]  # fmt: skip
    ids = [derived(row["subject_id"], f"task.{row['kind']}") for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO ledgers_task (id, kind, subject_kind, subject_id, area, round_id, title, owner_role,
                                         owner_name, opened_at, outcome)
               SELECT id, kind, subject_kind, subject_id, area, round_id, title, owner_role, '', at, '' FROM (
                 SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::uuid[],
                                      %s::text[], %s::text[], %s::timestamptz[])
                   AS g(id, kind, subject_kind, subject_id, area, round_id, title, owner_role, at)) x
               ON CONFLICT (kind, subject_id) DO NOTHING""",
            [ids, *columns],
        )
