"""Candidate sites: lists applied, single places set, withdrawn, brought back; and what a planner and a reader see.

A list is read by a job (`population.places`) and changes nothing until somebody applies it. A place is told from others
by its key, so that a list that comes again updates instead of doubling. Nothing is deleted.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.engines.plan.model import Candidate
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.population import places

from . import candidate_form as form
from .models import CandidateList

PERMISSION: Final = "plan_round"
TASK: Final = "planning.read_candidates"
LISTS: Final = places.Kind(CandidateList, form.FORM, form.sheet, PERMISSION, TASK)
PAGE: Final = 1_000
REASON_MAX: Final = 200

Row = dict[str, Any]


# -- a list beside what is stored --------------------------------------------------------------


def compare(good: Sequence[places.Good], ground: places.Ground) -> dict[str, Any]:
    """Which lines are new, changed, as before or brought back; one whose key is another area's is refused."""
    stored = _by_key([one.values["key"] for one in good])
    for one in good:
        old = stored.get(one.values["key"])
        if old is None:
            continue
        if not str(old["area"]).startswith(ground.area):
            one.wrong("planning.candidate_elsewhere", "no", name=old["name"], area=old["area"])
        elif old["withdrawn_at"] is not None:
            one.was = "restored"
        elif all(old[field] == one.values[field] for field in form.FIELDS):
            one.was = "same"
        else:
            one.was = "changed"
    return {}


def _by_key(keys: Sequence[str]) -> dict[str, Row]:
    rows = _rows(
        f"SELECT key, withdrawn_at, {', '.join(form.FIELDS)} FROM planning_candidate WHERE key = ANY(%(keys)s)",  # noqa: S608 - columns of our own
        {"keys": list(keys)},
    )
    return {row["key"]: row for row in rows}


_TAKE: Final = """
INSERT INTO planning_candidate AS c (id, area, key, no, name, kind, lon, lat, lanes, setting, parking, barred, remarks,
                                     changed_at, withdrawn_for)
SELECT r.id, r.area, r.key, r.no, r.name, r.kind, r.lon, r.lat, r.lanes, r.setting, r.parking, r.barred, r.remarks,
       %(at)s, ''
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(id uuid, area text, key text, no text, name text, kind text,
       lon float8, lat float8, lanes smallint, setting text, parking boolean, barred boolean, remarks text)
ON CONFLICT (key) DO UPDATE
   SET area = excluded.area, no = excluded.no, name = excluded.name, kind = excluded.kind, lon = excluded.lon,
       lat = excluded.lat, lanes = excluded.lanes, setting = excluded.setting, parking = excluded.parking,
       barred = excluded.barred, remarks = excluded.remarks, changed_at = excluded.changed_at, withdrawn_at = NULL,
       withdrawn_for = ''
 WHERE (c.area, c.no, c.name, c.kind, c.lon, c.lat, c.lanes, c.setting, c.parking, c.barred, c.remarks, c.withdrawn_at)
       IS DISTINCT FROM
       (excluded.area, excluded.no, excluded.name, excluded.kind, excluded.lon, excluded.lat, excluded.lanes,
        excluded.setting, excluded.parking, excluded.barred, excluded.remarks, NULL)
RETURNING xmax = 0
"""


def candidates_take(
    *, actor: Actor, command_id: uuid.UUID, list_id: uuid.UUID, at: datetime
) -> dict[str, Any]:
    """Put a list in force: new places are added, known ones updated, withdrawn ones brought back. One statement.

    Refused as `places.applicable`, and with `planning.candidate_elsewhere` (409) where a place of the list came to
    belong to another area since it was read. Applying a list again changes nothing.
    """
    kept = places.applicable(LISTS, actor=actor, list_id=list_id)
    _stay_inside([row["key"] for row in kept.rows], kept.area)
    rows = [{**row, "id": str(derived(command_id, row["key"]))} for row in kept.rows]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"rows": json.dumps(rows), "at": at})
        fresh = [new for (new,) in cursor.fetchall()]
    places.applied(LISTS, list_id=list_id, at=at)
    return {
        "added": sum(fresh),
        "updated": len(fresh) - sum(fresh),
        "read": len(rows),
        "area": kept.area,
    }


def _stay_inside(keys: Sequence[str], area: str) -> None:
    for row in _by_key(keys).values():
        if not str(row["area"]).startswith(area):
            raise RuleBroken(
                "planning.candidate_elsewhere", status=409, name=row["name"], area=row["area"]
            )


# -- single places -----------------------------------------------------------------------------


def candidate_set(
    *, actor: Actor, candidate_id: uuid.UUID, cells: Mapping[str, Any], at: datetime
) -> str:
    """Add or change one place by hand, judged as a line of a list; its area is the answer.

    Refused with the line's first fault, `access.outside_area`, or `planning.candidate_twice` (409) where another place
    has its number or its name in the village.
    """
    said = {key: _said(value) for key, value in cells.items()}
    area = said.get("area_code", "")
    scope.require(actor, PERMISSION, area)
    values = places.by_hand(form.FORM, said, area=area[: form.TOWN])
    old = _known([candidate_id])
    for row in old:
        scope.require(actor, PERMISSION, row["area"])
    same = _by_id_of_key(values["key"])
    if same is not None and same != candidate_id:
        raise RuleBroken("planning.candidate_twice", status=409, name=values["name"])
    with connection.cursor() as cursor:
        if old:
            cursor.execute(
                "UPDATE planning_candidate SET key = %s WHERE id = %s",
                [values["key"], candidate_id],
            )
        row = {**values, "id": str(candidate_id)}
        cursor.execute(_TAKE, {"rows": json.dumps([row]), "at": at})
    area_now: str = values["area"]
    return area_now


def _said(value: Any) -> str:
    """A value as a cell's text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    return str(value)


def _by_id_of_key(key: str) -> uuid.UUID | None:
    rows = _rows("SELECT id FROM planning_candidate WHERE key = %(key)s", {"key": key})
    return rows[0]["id"] if rows else None


def _known(ids: Sequence[uuid.UUID]) -> list[Row]:
    return _rows(
        "SELECT id, area FROM planning_candidate WHERE id = ANY(%(ids)s) FOR UPDATE",
        {"ids": list(ids)},
    )


def candidates_withdraw(
    *, actor: Actor, ids: Sequence[uuid.UUID], reason: str, at: datetime
) -> None:
    """Take places off the list, all or none; no plan made from now on sees them. `planning.candidate_unknown` (404),
    `planning.candidate_reason`."""
    if not 1 < len(reason.strip()) <= REASON_MAX:
        raise RuleBroken("planning.candidate_reason", max=REASON_MAX)
    _all_mine(actor, ids)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE planning_candidate SET withdrawn_at = %s, withdrawn_for = %s
                WHERE id = ANY(%s) AND withdrawn_at IS NULL""",
            [at, reason.strip(), list(ids)],
        )


def candidates_restore(*, actor: Actor, ids: Sequence[uuid.UUID]) -> None:
    """Bring withdrawn places back, all or none (`planning.candidate_unknown`, 404)."""
    _all_mine(actor, ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE planning_candidate SET withdrawn_at = NULL, withdrawn_for = '' WHERE id = ANY(%s)",
            [list(ids)],
        )


def _all_mine(actor: Actor, ids: Sequence[uuid.UUID]) -> None:
    found = _known(ids)
    if len(found) != len(set(ids)):
        raise RuleBroken("planning.candidate_unknown", status=404)
    for row in found:
        scope.require(actor, PERMISSION, row["area"])


# -- reads -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """A candidate as lists show it."""

    id: uuid.UUID
    area: str
    town: str
    area_name: str
    key: str
    no: str
    name: str
    kind: str
    lon: float
    lat: float
    lanes: int | None
    setting: str
    parking: bool | None
    barred: bool
    remarks: str
    changed_at: datetime
    withdrawn_at: datetime | None
    withdrawn_for: str


_LINES: Final = """
SELECT c.id, c.area, coalesce(t.name, '') AS town, coalesce(r.name, c.area) AS area_name, c.key, c.no, c.name, c.kind,
       c.lon, c.lat, c.lanes, c.setting, c.parking, c.barred, c.remarks, c.changed_at, c.withdrawn_at, c.withdrawn_for
  FROM planning_candidate c
  LEFT JOIN population_region r ON r.area = c.area
  LEFT JOIN population_region t ON t.area = left(c.area, 9) AND t.area <> c.area
"""


def candidates_for(
    actor: Actor, *, area: str = "", withdrawn: bool = False, after: str = "", limit: int = PAGE
) -> list[CandidateLine]:
    """Candidates in the actor's sight below `area`, by key; those that were withdrawn only where asked for."""
    rows = _rows(
        _LINES
        + """ WHERE c.area ^@ %(area)s AND c.key > %(after)s AND (c.withdrawn_at IS NULL OR %(withdrawn)s)
              ORDER BY c.key LIMIT %(limit)s""",
        {"area": area, "after": after, "withdrawn": withdrawn, "limit": min(max(limit, 1), PAGE)},
    )
    return [CandidateLine(**row) for row in rows]


def lines_for(actor: Actor, *, area: str = "") -> list[Row]:
    """All candidates in force in the actor's sight, as values of a list."""
    rows = _rows(
        _LINES
        + " WHERE c.area ^@ %(area)s AND c.withdrawn_at IS NULL ORDER BY c.area, c.no, c.name",
        {"area": area},
    )
    return [asdict(CandidateLine(**row)) for row in rows]


def given(area: str) -> list[Candidate]:
    """Candidates of a round's area for the planner, under the sight of the transaction; one that may not be used is
    locked shut."""
    rows = _rows(
        _LINES + " WHERE c.area ^@ %(area)s AND c.withdrawn_at IS NULL ORDER BY c.id",
        {"area": area},
    )
    return [
        Candidate(
            str(row["id"]), row["name"], row["area"], row["lon"], row["lat"],
            lock="never" if row["barred"] else "", lanes=row["lanes"],
        )
        for row in rows
    ]  # fmt: skip


def _rows(sql: str, params: Mapping[str, Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
