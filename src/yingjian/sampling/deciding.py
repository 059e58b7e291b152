"""Decisions of the information maintainer about flags: the command `flag.decide`, and what it writes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from django.db import connection

from yingjian.access import journal, scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import actions, field, queries
from .allotting import GIVEN_OUT, UNALLOTTED
from .values import SwabVoid

SUBJECTS_MOST: Final = 500
REASON_MOST: Final = 120
"""Characters of a void's reason."""


class Subject(msgspec.Struct, frozen=True):
    """One flag of one tube or swab."""

    kind: Literal["tube", "swab"]
    id: uuid.UUID
    flag: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class FlagDecide(msgspec.Struct, frozen=True):
    """`kept`: the records stand. `voided`: the swabs no longer count (as by `swab.void`)."""

    subjects: Annotated[list[Subject], msgspec.Meta(min_length=1, max_length=SUBJECTS_MOST)]
    decision: Literal["kept", "voided"]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]


@journal.handles("flag.decide", FlagDecide, permission="maintain", decision=True)
def decide(batch: journal.Batch) -> list[journal.Verdict]:
    """All flags of a command are decided, or none."""
    return [_decide(batch, command) for command in batch.commands]


def _decide(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given, reason = command.payload, command.payload.reason.strip()
    area = flags_decide(
        actor=batch.actor, at=batch.received_at, id=command.id, subjects=given.subjects, decision=given.decision,
        reason=reason,
    )  # fmt: skip
    if given.decision == "voided":
        swabs = sorted({one.id for one in given.subjects})
        places = queries.places(tubes=[], swabs=swabs, sites=[])
        actions.field_report(
            entries=[
                field.Entry(command.id, "swab.void", command.at, places[id], SwabVoid(id, reason[:REASON_MOST]))
                for id in swabs
            ],
            received_at=batch.received_at,
        )  # fmt: skip
    return journal.applied(command, area=area, decided=len(set(given.subjects)))


_FLAGGED: Final = f"""
SELECT u.id, u.flag, x.area, x.round_id
  FROM unnest(%s::text[], %s::uuid[], %s::text[]) AS u(kind, id, flag)
  JOIN (SELECT 'swab' AS kind, id, area, round_id, flags, false AS unallotted FROM sampling_swab
         WHERE id = ANY(%s::uuid[])
        UNION ALL
        SELECT 'tube', id, area, round_id, flags, code <> '' AND NOT {GIVEN_OUT} FROM sampling_tube s
         WHERE id = ANY(%s::uuid[])) x
    ON x.kind = u.kind AND x.id = u.id AND (x.flags ? u.flag OR (x.unallotted AND u.flag = '{UNALLOTTED}'))
"""  # noqa: S608 - constants of this room
_INSERT: Final = """
INSERT INTO sampling_flagdecision (id, subject_kind, subject_id, flag, round_id, area, decision, reason, decided_by,
                                   decided_at)
SELECT u.id, u.kind, u.subject_id, u.flag, u.round_id, u.area, %s, %s, %s, %s
  FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::uuid[], %s::text[])
       AS u(id, kind, subject_id, flag, round_id, area)
ON CONFLICT (subject_id, flag) DO NOTHING
"""


def flags_decide(
    *,
    actor: Actor,
    at: datetime,
    id: uuid.UUID,
    subjects: Sequence[Subject],
    decision: str,
    reason: str,
) -> str:
    """Write the decision about each flag; answers the widest area they share. Three statements for any number.

    `sampling.flag_unknown` (nobody bears that flag), `access.outside_area`, `access.not_permitted` (voiding is the
    field's), `sampling.tube_not_voided` (a tube is voided at its lane), `sampling.flag_decided` (somebody was first).
    """
    wanted = sorted(set(subjects), key=lambda one: (one.id.int, one.flag))
    ids = [one.id for one in wanted]
    with connection.cursor() as cursor:
        cursor.execute(
            _FLAGGED, [[one.kind for one in wanted], ids, [one.flag for one in wanted], ids, ids]
        )
        found = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
        for one in wanted:
            _check(actor, one, found.get((one.id, one.flag)), decision)
        rows = [found[one.id, one.flag] for one in wanted]
        cursor.execute(
            _INSERT,
            [decision, reason, actor.id, at, [derived(id, f"{one.id}.{one.flag}") for one in wanted],
             [one.kind for one in wanted], ids, [one.flag for one in wanted], [row[1] for row in rows],
             [row[0] for row in rows]],
        )  # fmt: skip
        if cursor.rowcount != len(wanted):
            raise RuleBroken("sampling.flag_decided", status=409)
    return _shared([row[0] for row in rows])


def _check(actor: Actor, one: Subject, row: tuple[str, uuid.UUID] | None, decision: str) -> None:
    if row is None:
        raise RuleBroken("sampling.flag_unknown", status=404, flag=one.flag)
    scope.require(actor, "maintain", row[0])
    if decision == "voided":
        scope.require(actor, "sample", row[0])
        if one.kind == "tube":
            raise RuleBroken("sampling.tube_not_voided")


def _shared(areas: Sequence[str]) -> str:
    """The longest beginning that all areas have, at the end of a level of the region code."""
    first, last = min(areas), max(areas)
    same = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[: max((level for level in (0, 2, 4, 6, 9, 12) if level <= same), default=0)]
