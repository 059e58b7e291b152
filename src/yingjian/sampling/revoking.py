"""Codes that are no longer good: lost, copied, given to the wrong person, or signed with a key that leaked.

The person is not refused: another document says who they are. A swab that comes with a revoked code all the same is
kept with a flag and without a person, because whoever held the code may have been somebody else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from yingjian.access import prepared, scope
from yingjian.access import queries as access
from yingjian.access.actor import Actor
from yingjian.kernel import arrays
from yingjian.kernel.errors import RuleBroken

from . import tokens
from .reading import masked_name

PAGE: Final = 200
_DECIDERS: Final = ("by", "lifted_by")


# -- what is in force ----------------------------------------------------------------------------


def in_force(at: datetime) -> list[str]:
    """The list of a station's pack: everything revoked at a moment, wherever; people travel."""
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT mark || coalesce(':' || until, '') FROM sampling_revocation
                WHERE at <= %(at)s AND (lifted_at IS NULL OR lifted_at > %(at)s) ORDER BY 1""",
            {"at": at},
        )
        return [entry for (entry,) in cursor.fetchall()]


def struck(shown: Sequence[tuple[tokens.Token, datetime]]) -> list[bool]:
    """Which of the codes were revoked at the moment they were shown. One query for any number; where nothing is revoked
    (`store.beside`) it need not be asked: the marks of a thousand codes take longer than hearing that.
    """
    if not shown:
        return []
    marks = [_marks(token) for token, _ in shown]
    with prepared.cursor() as cursor:
        cursor.execute(
            "SELECT mark, until, at, lifted_at FROM sampling_revocation WHERE mark = ANY(%s::text[])",
            [arrays.literal("text", sorted({mark for each in marks for mark in each}))],
        )
        rows = cursor.fetchall()
    return [
        any(row[0] in each and _strikes(row, token.issued, at) for row in rows)
        for (token, at), each in zip(shown, marks, strict=True)
    ]


def _marks(token: tokens.Token) -> set[str]:
    persons = (tokens.mark("person", person.bytes) for person in token.persons)
    return {*tokens.key_and_code_marks(token), *persons}


def _strikes(row: tuple[Any, ...], issued: date, at: datetime) -> bool:
    _, until, since, lifted = row
    return since <= at and (lifted is None or at < lifted) and (until is None or issued <= until)


# -- decisions -----------------------------------------------------------------------------------


def revoke_person(
    *, actor: Actor, id: uuid.UUID, person_id: uuid.UUID, reason: str, at: datetime
) -> str:
    """All codes that name a person and were issued until today; from tomorrow a new one can be printed.

    Returns the area. `population.person.unknown` (404), `access.outside_area` (403).
    """
    (area,) = _areas([person_id])
    scope.require(actor, "maintain", area)
    day = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    mark = tokens.mark("person", person_id.bytes)
    _store(
        id=id,
        kind="person",
        mark=mark,
        area=area,
        at=at,
        reason=reason,
        by=actor.id,
        person_id=person_id,
        until=day,
    )
    return area


def revoke_code(*, actor: Actor, id: uuid.UUID, token: str, reason: str, at: datetime) -> str:
    """One code, by its text. Returns the area. `sampling.code_garbled`, `sampling.code_foreign_key`."""
    read = tokens.read(token)
    areas = _areas(read.persons)
    for area in areas:
        scope.require(actor, "maintain", area)
    _, mark = tokens.key_and_code_marks(read)
    _store(id=id, kind="code", mark=mark, area=areas[0], at=at, by=actor.id, reason=reason)
    return areas[0]


def revoke_key(*, actor: Actor, id: uuid.UUID, key_id: str, reason: str, at: datetime) -> str:
    """Every code of a signing key, which is everybody's: an administrator's decision. `sampling.key_unknown` (404)."""
    scope.require(actor, "administer", actor.home_area)
    known = {key.hex() for key in tokens.own_keys()}
    if key_id.lower() not in known:
        raise RuleBroken("sampling.key_unknown", status=404, key=key_id[:16])
    mark = tokens.mark("key", bytes.fromhex(key_id))
    _store(id=id, kind="key", mark=mark, area=actor.home_area, at=at, by=actor.id, reason=reason)
    return actor.home_area


def lift(*, actor: Actor, id: uuid.UUID, reason: str, at: datetime) -> str:
    """A revocation made by mistake ends. What was judged before stays. `sampling.revocation_unknown` (404)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT area, kind FROM sampling_revocation WHERE id = %s", [id])
        row = cursor.fetchone()
        if row is None or not actor.may("maintain", row[0]):
            raise RuleBroken("sampling.revocation_unknown", status=404)
        scope.require(actor, "administer" if row[1] == "key" else "maintain", row[0])
        cursor.execute(
            """UPDATE sampling_revocation SET lifted_at = %s, lifted_reason = %s, lifted_by = %s
                WHERE id = %s AND lifted_at IS NULL""",
            [at, reason, actor.id, id],
        )
    return str(row[0])


def _areas(persons: Sequence[uuid.UUID]) -> list[str]:
    """The areas of people who must all be known, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, area FROM population_person WHERE id = ANY(%s)", [list(persons)])
        found = dict(cursor.fetchall())
    if len(found) < len(set(persons)):
        raise RuleBroken("population.person.unknown", status=404)
    return [found[person] for person in persons]


def _store(**row: Any) -> None:
    told = {"person_id": None, "until": None, **row}
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO sampling_revocation (id, kind, mark, person_id, until, area, at, by, reason, lifted_reason)
               VALUES (%(id)s, %(kind)s, %(mark)s, %(person_id)s, %(until)s, %(area)s, %(at)s, %(by)s, %(reason)s, '')
                   ON CONFLICT (id) DO NOTHING RETURNING id""",
            told,
        )
        if cursor.fetchone() is None:
            raise RuleBroken("sampling.revocation_taken", status=409)


# -- reading -------------------------------------------------------------------------------------


def revocations_for(
    actor: Actor, *, after: uuid.UUID | None = None, limit: int = PAGE
) -> list[dict[str, Any]]:
    """Revocations in the actor's sight, the newest first; the next page is `after` the last id. Names of the people are
    masked, of the staff who revoked and restored they are not.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.id, r.kind, r.person_id, r.until, r.area, r.at, r.reason, r.lifted_at, r.lifted_reason, r.mark,
                      r.by, r.lifted_by,
                      coalesce(p.name, '') AS name, coalesce(p.id_tail, '') AS id_tail,
                      coalesce(g.name, '') AS area_name
                 FROM sampling_revocation r LEFT JOIN population_person p ON p.id = r.person_id
                 LEFT JOIN population_region g ON g.area = r.area
                WHERE %(after)s::uuid IS NULL OR r.id < %(after)s
                ORDER BY r.id DESC LIMIT %(limit)s""",
            {"after": after, "limit": limit},
        )
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    deciders = access.names_of({row[part] for row in rows for part in _DECIDERS} - {None})
    for row in rows:
        row["name"] = masked_name(row["name"])
        row |= {part: deciders.get(row[part], "") for part in _DECIDERS}
    return rows
