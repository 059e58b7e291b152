"""Reads of this room."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from yingjian.access.actor import Actor

from .values import FreeStaff, InstitutionRow, StaffName

PAGE = 200


@dataclass(frozen=True, slots=True)
class StaffOut:
    """A line of the staff list."""

    id: uuid.UUID
    name: str
    job: str
    area: str
    institution: str
    supporting: bool
    qualified_for: list[str]


def staff_for(
    actor: Actor,
    *,
    area: str = "",
    job: str | None = None,
    after: uuid.UUID | None = None,
    limit: int = PAGE,
) -> list[StaffOut]:
    """Staff in the actor's sight (row-level), by id; keyset."""
    rows = _rows(
        """SELECT m.id, m.name, m.job, m.area, i.name, m.supporting, m.qualified_for::text
             FROM workforce_staffmember m JOIN workforce_institution i ON i.id = m.institution_id
            WHERE m.area ^@ %(area)s AND (%(job)s::text IS NULL OR m.job = %(job)s)
              AND (%(after)s::uuid IS NULL OR m.id > %(after)s) ORDER BY m.id LIMIT %(limit)s""",
        {"area": area, "job": job, "after": after, "limit": limit},
    )
    return [StaffOut(*row[:6], qualified_for=json.loads(row[6])) for row in rows]  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class PostOut:
    """A line of the shift board."""

    id: uuid.UUID
    staff_id: uuid.UUID
    name: str
    job: str
    area: str
    site_code: str
    station_code: str
    starts: datetime
    ends: datetime


def posts_for(
    actor: Actor,
    round_id: uuid.UUID,
    *,
    site: str | None = None,
    after: uuid.UUID | None = None,
    limit: int = PAGE,
) -> list[PostOut]:
    """The shift board of a round in the actor's sight, by id; keyset."""
    rows = _rows(
        """SELECT p.id, p.staff_id, m.name, p.job, p.area, p.site_code, p.station_code, p.starts, p.ends
             FROM workforce_post p JOIN workforce_staffmember m ON m.id = p.staff_id
            WHERE p.round_id = %(round)s AND (%(site)s::text IS NULL OR p.site_code = %(site)s)
              AND (%(after)s::uuid IS NULL OR p.id > %(after)s) ORDER BY p.id LIMIT %(limit)s""",
        {"round": round_id, "site": site, "after": after, "limit": limit},
    )
    return [PostOut(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class WorkGroupOut:
    """A work group of a round."""

    id: uuid.UUID
    area: str
    name: str
    leader: str
    duty: str


def workgroups_for(actor: Actor, round_id: uuid.UUID) -> list[WorkGroupOut]:
    """Work groups of a round in the actor's sight."""
    rows = _rows(
        """SELECT id, area, name, leader, duty FROM workforce_workgroup
            WHERE round_id = %(round)s ORDER BY area, name""",
        {"round": round_id},
    )
    return [WorkGroupOut(*row) for row in rows]


DAYS_BEFORE = 7
"""How far back duty counts when people are called: a week's rota."""
VACCINATOR = "vaccinator"


def staff_free(area: str, *, starts: datetime, ends: datetime) -> list[FreeStaff]:
    """People below an area prefix, and those of the levels above it, who hold no post in the span.

    For handlers of higher rooms; ordered so that the same rows give the same answer.
    """
    rows = _rows(
        """SELECT m.id, m.job, m.area, m.qualified_for::text, m.institution_id, coalesce(d.minutes, 0),
                  d.last_duty, d.vaccinated
             FROM workforce_staffmember m
             LEFT JOIN (SELECT staff_id, round(sum(extract(epoch FROM ends - starts)) / 60)::int AS minutes,
                               max(ends) AS last_duty, max(ends) FILTER (WHERE job = %(vaccinator)s) AS vaccinated
                          FROM workforce_post
                         WHERE ends <= %(starts)s AND ends > %(starts)s - make_interval(days => %(days)s)
                         GROUP BY staff_id) d ON d.staff_id = m.id
            WHERE (m.area ^@ %(area)s OR %(area)s ^@ m.area)
              AND NOT EXISTS (SELECT 1 FROM workforce_post p
                               WHERE p.staff_id = m.id AND p.starts < %(ends)s AND p.ends > %(starts)s)
            ORDER BY m.area, m.id""",
        {"area": area, "starts": starts, "ends": ends, "days": DAYS_BEFORE, "vaccinator": VACCINATOR},
    )  # fmt: skip
    return [
        FreeStaff(row[0], row[1], row[2], tuple(json.loads(row[3])), row[4], row[5], row[6], row[7])
        for row in rows
    ]


def institutions(ids: Collection[uuid.UUID]) -> list[InstitutionRow]:
    """Institutions by id, in the order of area and name (for handlers of higher rooms)."""
    rows = _rows(
        "SELECT id, name, area FROM workforce_institution WHERE id = ANY(%(ids)s) ORDER BY area, name",
        {"ids": sorted(ids)},
    )
    return [InstitutionRow(*row) for row in rows]


def names_of(ids: Collection[str]) -> dict[str, StaffName]:
    """Names and institutions of staff in sight, by id."""
    rows = _rows(
        """SELECT m.id::text, m.name, i.name FROM workforce_staffmember m
             JOIN workforce_institution i ON i.id = m.institution_id WHERE m.id = ANY(%(ids)s::uuid[])""",
        {"ids": sorted(ids)},
    )
    return {row[0]: StaffName(row[1], row[2]) for row in rows}


def staff_counts(area: str) -> dict[str, int]:
    """People by job below an area prefix and at the levels above it (for handlers of higher rooms)."""
    rows = _rows(
        """SELECT job, count(*) FROM workforce_staffmember
            WHERE area ^@ %(area)s OR %(area)s ^@ area GROUP BY job""",
        {"area": area},
    )
    return dict(rows)


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
