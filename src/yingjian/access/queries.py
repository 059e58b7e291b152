"""Reads of this room."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.hashers import check_password
from django.db import connection
from django.db.models import F

from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import rules, scope
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


def names_of(users: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What users are called who decided something the asker sees, wherever they work."""
    with scope.everywhere():
        return dict(User.objects.filter(id__in=set(users)).values_list("id", "name"))


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


@dataclass(frozen=True, slots=True)
class Deed:
    """What a command tells of itself: when it was given and by whom, and the words that came with it."""

    at: datetime
    who: str
    reason: str
    remark: str


def deeds(command_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Deed]:
    """Who gave the commands whose effect the asker sees, wherever they work. Nothing for no ids."""
    ids = sorted(set(command_ids))
    if not ids:
        return {}
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT j.command_id, j.captured_at, coalesce(u.name, d.name, ''),
                      coalesce(j.payload::jsonb ->> 'reason', ''), coalesce(j.payload::jsonb ->> 'remark', '')
                 FROM access_journal j LEFT JOIN access_user u ON u.id = j.actor_id
                 LEFT JOIN access_device d ON d.id = j.actor_id
                WHERE j.command_id = ANY(%s)""",
            [ids],
        )
        return {row[0]: Deed(*row[1:]) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """An enrolled device; `last_seen_at` is when its latest numbered command arrived, `last_seq` that number.
    The rest is what the phone last told of itself: when, what waits, what is stuck, when it was restored from a backup.
    """

    id: uuid.UUID
    name: str
    station_code: str
    area: str
    role: str
    enrolled_at: datetime
    revoked_at: datetime | None
    last_seq: int | None
    last_seen_at: datetime | None
    beat_at: datetime | None
    waiting: int | None
    stuck: int | None
    restored_at: datetime | None


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation nobody has taken up: open, expired or cancelled."""

    id: uuid.UUID
    station_code: str
    area: str
    role: str
    issued_at: datetime
    expires_at: datetime
    issued_by: str
    state: str


_DEVICES: Final = """
SELECT d.id, d.name, d.station_code, d.area, d.role, d.enrolled_at, d.revoked_at, h.seq,
       (SELECT j.received_at FROM access_journal j WHERE j.actor_id = d.id AND j.device_seq = h.seq
         ORDER BY j.seq DESC LIMIT 1), d.beat_at, d.waiting, d.stuck, d.restored_at
  FROM access_device d
  CROSS JOIN LATERAL (SELECT max(device_seq) AS seq FROM access_journal WHERE actor_id = d.id) h
 WHERE %(stations)s::text[] IS NULL OR d.station_code = ANY(%(stations)s)
 ORDER BY d.station_code, d.revoked_at NULLS FIRST, d.enrolled_at, d.id
"""


def devices_for(actor: Actor, *, stations: Sequence[str] | None = None) -> list[DeviceRow]:
    """Devices in the actor's sight, by station, those in use first; `stations` narrows to theirs."""
    given = None if stations is None else list(stations)
    with connection.cursor() as cursor:
        cursor.execute(_DEVICES, {"stations": given})
        return [DeviceRow(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class HubRow:
    """A hub that phones may turn to, where it last said it is."""

    id: uuid.UUID
    name: str
    url: str


def hubs_in(area: str) -> list[HubRow]:
    """The hubs whose area takes in this one."""
    prefixes = [area[:length] for length in range(1, len(area) + 1)]
    with scope.everywhere():
        found = Device.objects.filter(role=rules.HUB, revoked_at=None, area__in=prefixes)
        rows = found.exclude(address="").order_by("name", "id").values_list("id", "name", "address")
        return [HubRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class HubStanding:
    """A hub as the county's list shows it: when it was heard of, what waits and is stuck on it, what it runs."""

    id: uuid.UUID
    name: str
    area: str
    enrolled_at: datetime
    revoked_at: datetime | None
    beat_at: datetime | None
    waiting: int | None
    stuck: int | None
    address: str
    version: str


def hubs_for(actor: Actor) -> list[HubStanding]:
    """Hubs in the actor's sight: those in use by name, then those shut out, the latest first."""
    names = [field.name for field in fields(HubStanding)]
    found = Device.objects.filter(role=rules.HUB)
    rows = found.order_by(F("revoked_at").desc(nulls_first=True), "name", "id")
    return [HubStanding(*row) for row in rows.values_list(*names)]


_INVITATIONS: Final = """
SELECT t.id, t.station_code, t.area, t.role, t.issued_at, t.expires_at, coalesce(u.name, ''),
       CASE WHEN t.cancelled_at IS NOT NULL THEN 'cancelled' WHEN t.expires_at <= %(at)s THEN 'expired' ELSE 'open' END
  FROM access_enroltoken t LEFT JOIN access_user u ON u.id = t.issued_by_id
 WHERE t.used_at IS NULL AND (t.role = 'hub') = (%(stations)s::text[] IS NULL)
   AND (%(stations)s::text[] IS NULL OR t.station_code = ANY(%(stations)s))
 ORDER BY t.station_code, t.issued_at DESC, t.id
"""


def invitations_for(actor: Actor, *, stations: Sequence[str], at: datetime) -> list[InvitationRow]:
    """Invitations of these stations that nobody has taken up, the latest first, in the actor's sight."""
    return _invitations(list(stations), at)


def hub_invitations_for(actor: Actor, *, at: datetime) -> list[InvitationRow]:
    """Invitations for hubs that nobody has taken up, in the actor's sight."""
    return _invitations(None, at)


def _invitations(stations: list[str] | None, at: datetime) -> list[InvitationRow]:
    with connection.cursor() as cursor:
        cursor.execute(_INVITATIONS, {"stations": stations, "at": at})
        return [InvitationRow(*row) for row in cursor.fetchall()]


def invitation_open(actor: Actor, id: uuid.UUID, *, at: datetime) -> EnrolToken:
    """An invitation in the actor's sight that can still be taken up.

    `access.token_unknown`, `access.token_used`, `access.token_cancelled`, `access.token_expired`.
    """
    found = EnrolToken.objects.filter(id=id).first()
    if found is None:
        raise RuleBroken("access.token_unknown", status=404)
    rules.invitation_open_checked(found, at)
    return found


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
