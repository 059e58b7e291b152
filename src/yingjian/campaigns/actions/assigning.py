"""Where and when people are called: site and slot, set by an applied plan."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class DueAssign:
    """One line of a plan: a person (`due_id`), a household, or a whole area prefix goes to a site in a slot.

    Blocks (household, area) reach only people with the same `home`: whoever is visited at home is never called to a
    public site by the line of their village (R29). A line for one person reaches that person.
    """

    site_code: str
    slot_start: datetime | None
    due_id: uuid.UUID | None = None
    household_id: uuid.UUID | None = None
    area: str | None = None
    home: bool = False


_SET = "UPDATE campaigns_dueperson d SET site_code = s.site, slot_start = s.slot"
_PERSON = f"""{_SET} FROM unnest(%(keys)s::uuid[], %(sites)s::text[], %(slots)s::timestamptz[], %(homes)s::bool[])
                       AS s(id, site, slot, home)
 WHERE d.id = s.id AND d.round_id = %(round)s"""
_HOUSEHOLD = f"""{_SET} FROM unnest(%(keys)s::uuid[], %(sites)s::text[], %(slots)s::timestamptz[], %(homes)s::bool[])
                          AS s(household, site, slot, home)
                        JOIN population_person p ON p.household_id = s.household
 WHERE d.person_id = p.id AND d.round_id = %(round)s AND d.home = s.home"""
_AREA = f"""WITH line AS MATERIALIZED (
  SELECT * FROM unnest(%(keys)s::text[], %(sites)s::text[], %(slots)s::timestamptz[], %(homes)s::bool[])
                AS l(area, site, slot, home)),
village AS (SELECT DISTINCT area FROM campaigns_dueperson WHERE round_id = %(round)s),
s AS (SELECT DISTINCT ON (v.area, l.home) v.area, l.site, l.slot, l.home
        FROM village v JOIN line l ON v.area ^@ l.area ORDER BY v.area, l.home, length(l.area) DESC, l.site)
{_SET} FROM s WHERE d.area = s.area AND d.round_id = %(round)s AND d.home = s.home"""  # noqa: S608 - fixed fragments


def due_assign(*, round_id: uuid.UUID, rows: Sequence[DueAssign]) -> int:
    """Set site and slot, wide lines first: areas (the longest prefix wins), then households, then single people.

    One statement per sort of line. Returns how many assignments were made (a person reached by two sorts counts twice).
    """
    count = 0
    for statement, keyed in (
        (_AREA, [(row.area, row) for row in rows if row.area is not None]),
        (_HOUSEHOLD, [(row.household_id, row) for row in rows if row.household_id is not None]),
        (_PERSON, [(row.due_id, row) for row in rows if row.due_id is not None]),
    ):
        count += _run(statement, round_id, keyed)
    return count


def _run(statement: str, round_id: uuid.UUID, keyed: Sequence[tuple[Any, DueAssign]]) -> int:
    if not keyed:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "round": round_id,
                "keys": [key for key, _ in keyed],
                "sites": [row.site_code for _, row in keyed],
                "slots": [row.slot_start for _, row in keyed],
                "homes": [row.home for _, row in keyed],
            },
        )
        return int(cursor.rowcount)
