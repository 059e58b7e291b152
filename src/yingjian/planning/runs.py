"""Work that a job does and a row tells of: who holds it, and closing what nobody does any more."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from yingjian.access import scope

SILENT: Final = timedelta(minutes=2)
"""Work nobody has heard of for so long may have been interrupted: it tells once a second."""
_GIVEN: Final = """
SELECT 1 FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo' AND args ->> %s = %s LIMIT 1
"""


@contextmanager
def held(name: str) -> Iterator[bool]:
    """Whether the work is ours until the end: nobody else holds it. The database lets go of it when the worker dies."""
    ours = _one("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)
    try:
        yield ours
    finally:
        if ours:
            _one("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def interrupted(
    rows: QuerySet[Any], *, lock: str, task: str, argument: str, error: str, at: datetime
) -> list[uuid.UUID]:
    """Close rows that are worked on according to their state and in fact by nobody: their worker died.

    So is one that waits for a job that is gone: taken by a worker that died before it said so.
    `lock`: what comes before the id in the name of the lock; `argument`: of the task, the id.
    They end as `failed` with `error`.
    """
    ended = []
    with scope.everywhere():
        quiet = Q(state="running", seen_at__lt=at - SILENT)
        quiet |= Q(state="waiting", asked_at__lt=at - SILENT)
        found = rows.filter(quiet).order_by("id")
        for run, state in found.values_list("id", "state"):
            if state == "waiting" and _one(_GIVEN, task, argument, str(run)):
                continue
            lock_of = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
            if not _one(lock_of, f"{lock}{run}"):
                continue
            left = rows.filter(id=run, state=state)
            if left.update(state="failed", error=error, seen_at=at):
                ended.append(run)
    return ended


def _one(sql: str, *params: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return bool(row and row[0])
