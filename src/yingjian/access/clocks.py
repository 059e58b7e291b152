"""Obligations as rows: start, due, owner, stop, breach, escalation (capability 99). Values come from the preset.

A clock is started once for a subject, however often it is asked for; stopping late keeps the breach. The sweep marks
what has become late; it decides nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection

from yingjian.kernel import arrays
from yingjian.kernel.ids import derived

from . import outbox, prepared
from .events import ClockBreached


class Deadline(Protocol):
    """What a clock is started from; the clock rules of a preset (`campaigns.presets`) are such."""

    @property
    def code(self) -> str: ...
    @property
    def owner_role(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def escalates_to(self) -> str: ...
    @property
    def escalate_after(self) -> timedelta | None: ...
    def due(self, started: datetime) -> datetime: ...


@dataclass(frozen=True, slots=True)
class ClockRule:
    """One deadline of a preset: how long, who owns it, who hears of a breach and how long after it, from which rule."""

    code: str
    length: timedelta
    owner_role: str
    origin: str
    escalates_to: str = ""
    escalate_after: timedelta | None = None

    def due(self, started: datetime) -> datetime:
        return started + self.length


@dataclass(frozen=True, slots=True)
class ClockStart:
    """Start the clock of `rule` for a subject. `due_at` overrides the rule's length (a fixed hour)."""

    rule: Deadline
    subject_kind: str
    subject_id: uuid.UUID
    label: str
    area: str
    round_id: uuid.UUID | None
    started_at: datetime
    owner_name: str = ""
    due_at: datetime | None = None


_KINDS = (
    "uuid", "text", "text", "uuid", "text", "uuid", "text", "text", "text", "text", "text", "timestamptz",
    "timestamptz", "timestamptz",
)  # fmt: skip
_START = """
INSERT INTO access_clock (id, code, subject_kind, subject_id, subject_label, round_id, area, origin,
                          owner_role, owner_name, escalates_to, started_at, due_at, escalate_at)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
    ON CONFLICT (code, subject_id) DO NOTHING
"""


def start(starts: Sequence[ClockStart]) -> None:
    """Start clocks; those that run already are left alone. One statement for any number."""
    rows = [_row(item) for item in starts]
    if rows:
        with prepared.cursor() as cursor:
            cursor.execute(_START, arrays.columns(_KINDS, rows))


def _row(item: ClockStart) -> tuple[object, ...]:
    rule = item.rule
    due = item.due_at or rule.due(item.started_at)
    escalate = None if rule.escalate_after is None else due + rule.escalate_after
    return (
        derived(item.subject_id, f"clock.{rule.code}"), rule.code, item.subject_kind, item.subject_id, item.label[:80],
        item.round_id, item.area, rule.origin[:120], rule.owner_role, item.owner_name[:80], rule.escalates_to,
        item.started_at, due, escalate,
    )  # fmt: skip


def stop(code: str, subject_ids: Sequence[uuid.UUID], *, at: datetime) -> int:
    """Stop running clocks; one stopped after its due time is breached at that due time. Returns the count."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE access_clock
                  SET stopped_at = greatest(%(at)s, started_at),
                      breached_at = coalesce(breached_at, CASE WHEN %(at)s > due_at THEN due_at END)
                WHERE code = %(code)s AND subject_id = ANY(%(ids)s) AND stopped_at IS NULL""",
            {"at": at, "code": code, "ids": list(subject_ids)},
        )
        return int(cursor.rowcount)


def stop_each(code: str, at_by_subject: Mapping[uuid.UUID, datetime]) -> int:
    """Stop clocks, each at its own time: deeds in the field. One statement; returns the count.

    A deed that arrives late but was done earlier moves the end back; a breach that was told stays told.
    """
    if not at_by_subject:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE access_clock c
                  SET stopped_at = greatest(s.at, c.started_at),
                      breached_at = coalesce(c.breached_at, CASE WHEN s.at > c.due_at THEN c.due_at END)
                 FROM unnest(%(ids)s::uuid[], %(ats)s::timestamptz[]) AS s(id, at)
                WHERE c.code = %(code)s AND c.subject_id = s.id
                  AND (c.stopped_at IS NULL OR greatest(s.at, c.started_at) < c.stopped_at)""",
            {"code": code, "ids": list(at_by_subject), "ats": list(at_by_subject.values())},
        )
        return int(cursor.rowcount)


def sweep(*, at: datetime) -> list[uuid.UUID]:
    """Mark clocks late at `at`, and those late enough to escalate; one event tells the new breaches."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE access_clock SET breached_at = due_at
                WHERE stopped_at IS NULL AND breached_at IS NULL AND due_at < %s RETURNING id""",
            [at],
        )
        late = sorted(row[0] for row in cursor.fetchall())
        cursor.execute(
            """UPDATE access_clock SET escalated_at = %(at)s
                WHERE stopped_at IS NULL AND escalated_at IS NULL AND escalate_at < %(at)s""",
            {"at": at},
        )
    if late:
        outbox.publish(
            ClockBreached(id=derived(late[0], f"breach.{at.isoformat()}"), at=at, clock_ids=late)
        )
    return late
