"""Reads of this room."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.hashers import check_password
from django.db import connection

from yingjian.kernel.ids import derived

from . import scope
from .actor import NOBODY, Actor
from .models import Clock, Device, EnrolToken, JournalEntry, User

FAILURES_ALLOWED: Final = (
    10  # guesses of one user name within the window; then it is shut for the window
)
FAILURE_WINDOW: Final = timedelta(minutes=15)
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class ClockRow:
    id: uuid.UUID
    code: str
    subject_kind: str
    subject_label: str
    area: str
    owner_role: str
    owner_name: str
    origin: str
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    breached_at: datetime | None
    escalated_at: datetime | None
    state: str


def user_by_password(username: str, password: str) -> User | None:
    """The active user with this name and password; the hash is computed even when nobody has the name."""
    with scope.everywhere():
        user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        check_password(password, "!")
        return None
    return user if user.check_password(password) else None


def failures_id(username: str) -> uuid.UUID:
    """The actor id under which failed sign-ins of a name are journalled."""
    return derived(NOBODY.id, f"sign-in:{username}")


def locked_out(username: str, at: datetime) -> bool:
    """Whether a name had too many failed sign-ins lately."""
    with scope.everywhere():
        recent = JournalEntry.objects.filter(
            actor_id=failures_id(username),
            kind="session.refuse",
            received_at__gt=at - FAILURE_WINDOW,
        )
        return recent.count() >= FAILURES_ALLOWED


def clocks_for(
    actor: Actor,
    *,
    at: datetime,
    round_id: uuid.UUID | None = None,
    state: str | None = None,
    subjects: Sequence[uuid.UUID] | None = None,
    limit: int = PAGE,
) -> list[ClockRow]:
    """Clocks in the actor's sight, the most urgent first. `state`: running, late, met, breached; None for all.

    `subjects` narrows to what the clocks hang on (tubes, boxes, people…).
    """
    conditions = {
        "running": "stopped_at IS NULL",
        "late": "stopped_at IS NULL AND due_at < %(at)s",
        "met": "stopped_at IS NOT NULL AND breached_at IS NULL",
        "breached": "(breached_at IS NOT NULL OR (stopped_at IS NULL AND due_at < %(at)s))",
        None: "true",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, code, subject_kind, subject_label, area, owner_role, owner_name, origin, started_at, due_at,
                       stopped_at, breached_at, escalated_at,
                       CASE WHEN stopped_at IS NULL THEN CASE WHEN due_at < %(at)s THEN 'late' ELSE 'running' END
                            WHEN breached_at IS NULL THEN 'met' ELSE 'breached' END
                  FROM access_clock
                 WHERE {conditions[state]} AND (%(round)s::uuid IS NULL OR round_id = %(round)s)
                   AND (%(subjects)s::uuid[] IS NULL OR subject_id = ANY(%(subjects)s))
                 ORDER BY stopped_at IS NOT NULL, due_at, id LIMIT %(limit)s""",  # noqa: S608 - fixed fragments
            {
                "at": at,
                "round": round_id,
                "subjects": None if subjects is None else list(subjects),
                "limit": limit,
            },
        )
        return [ClockRow(*row) for row in cursor.fetchall()]


def clock_counts(actor: Actor, *, at: datetime, round_id: uuid.UUID) -> dict[str, dict[str, int]]:
    """Per clock code: how many run, are late, were met, were breached."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT code,
                      count(*) FILTER (WHERE stopped_at IS NULL AND due_at >= %(at)s),
                      count(*) FILTER (WHERE stopped_at IS NULL AND due_at < %(at)s),
                      count(*) FILTER (WHERE stopped_at IS NOT NULL AND breached_at IS NULL),
                      count(*) FILTER (WHERE stopped_at IS NOT NULL AND breached_at IS NOT NULL)
                 FROM access_clock WHERE round_id = %(round)s GROUP BY code ORDER BY code""",
            {"at": at, "round": round_id},
        )
        return {
            code: {"running": running, "late": late, "met": met, "breached": breached}
            for code, running, late, met, breached in cursor.fetchall()
        }


def parked_for(actor: Actor, *, after: int = 0, limit: int = PAGE) -> list[dict[str, Any]]:
    """Parked commands nobody has decided yet, oldest first. Payloads are not shown: they may name people."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT j.seq, j.command_id, j.kind, j.actor_kind, j.actor_id, j.area, j.captured_at, j.received_at,
                      j.code,                      j.answer
                 FROM access_journal j LEFT JOIN access_parkeddecision d ON d.command_id = j.command_id
                WHERE j.verdict = 'parked' AND d.id IS NULL AND j.seq > %s ORDER BY j.seq LIMIT %s""",
            [after, limit],
        )
        names = ["seq", "command_id", "kind", "actor_kind", "actor_id", "area", "captured_at", "received_at", "code",
                 "answer"]  # fmt: skip
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _dicts(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


def journal_for(actor: Actor, *, after: int = 0, limit: int = PAGE) -> list[dict[str, Any]]:
    """The journal in order for an auditor: who did what when, with which verdict; payloads stay sealed."""
    rows = JournalEntry.objects.filter(seq__gt=after).order_by("seq")[:limit]
    return _dicts(
        rows.values("seq", "command_id", "kind", "actor_kind", "actor_id", "area", "captured_at", "received_at",
                    "verdict", "code")
    )  # fmt: skip


def devices_for(actor: Actor) -> list[dict[str, Any]]:
    return _dicts(
        Device.objects.order_by("station_code", "name").values(
            "id", "name", "station_code", "area", "role", "enrolled_at", "revoked_at"
        )
    )


def invitation_seen(actor: Actor, id: uuid.UUID) -> bool:
    """Whether an invitation lies in the actor's sight."""
    return EnrolToken.objects.filter(id=id).exists()


def clock_due(code: str, subject_id: uuid.UUID) -> Clock | None:
    """One clock of a subject, or None when the preset has no such rule."""
    return Clock.objects.filter(code=code, subject_id=subject_id).first()


def jobs_waiting() -> int:
    """Events and jobs not yet done: zero means every consequence of what was accepted is in the records."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name = 'outbox'"
        )
        return int(cursor.fetchone()[0])
