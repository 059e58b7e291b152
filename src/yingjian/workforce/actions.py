"""Writes of this room. Each is set-based and runs inside a command's transaction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.campaigns.presets import STAFF
from yingjian.kernel.errors import RuleBroken

from .models import Institution, Training, WorkGroup
from .values import PostRow, StaffRow

JOBS = frozenset(STAFF)
SITE_AREA = 12
"""A site code begins with its village's 12 digits."""
REGION = "0123456789"
ONE_PLACE = "post_one_place"


def institution_add(*, actor: Actor, id: uuid.UUID, area: str, name: str, kind: str) -> None:
    """Register a hospital, school, police station, office… `workforce.institution_taken` (409)."""
    _area(area)
    scope.require(actor, "plan_round", area)
    try:
        with transaction.atomic():
            Institution.objects.create(
                id=id, area=area, name=_text(name, "name"), kind=_text(kind, "kind")
            )
    except IntegrityError:
        raise RuleBroken("workforce.institution_taken", status=409, area=area) from None


def staff_add(*, actor: Actor, rows: Sequence[StaffRow]) -> int:
    """Add people, any number in two statements. Returns how many were new.

    `workforce.job_unknown`, `workforce.institution_unknown`; a known id is left as it is.
    """
    for area in sorted({row.area for row in rows}):
        _area(area)
        scope.require(actor, "plan_round", area)
    _jobs({row.job for row in rows} | {job for row in rows for job in row.qualified_for})
    for row in rows:
        _text(row.name, "name")
    with connection.cursor() as cursor:
        wanted = sorted({row.institution_id for row in rows})
        cursor.execute("SELECT id FROM workforce_institution WHERE id = ANY(%s)", [wanted])
        unknown = set(wanted) - {found for (found,) in cursor.fetchall()}
        if unknown:
            raise RuleBroken(
                "workforce.institution_unknown", status=404, institution=str(min(unknown))
            )
        cursor.execute(
            """INSERT INTO workforce_staffmember (id, institution_id, area, name, job, qualified_for, supporting)
               SELECT g.id, g.institution, g.area, g.name, g.job, g.qualified::jsonb, g.supporting
                 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[])
                      AS g(id, institution, area, name, job, qualified, supporting)
                   ON CONFLICT (id) DO NOTHING""",
            [
                [row.id for row in rows], [row.institution_id for row in rows], [row.area for row in rows],
                [row.name for row in rows], [row.job for row in rows],
                [json.dumps(list(row.qualified_for)) for row in rows], [row.supporting for row in rows],
            ],
        )  # fmt: skip
        return int(cursor.rowcount)


def posts_assign(*, actor: Actor | None, rows: Sequence[PostRow]) -> int:
    """Put people at their places, any number in two statements. Returns how many posts are new.

    Without `actor` the caller has decided who may (an applied plan).
    A person holds one post at a time (`workforce.post_overlaps`, 409; the database enforces it).
    `workforce.staff_unknown`, `workforce.job_unknown`, `workforce.post_span`. The post's area is the
    site's village, or the person's where they rove.
    """
    _jobs({row.job for row in rows})
    if any(row.ends <= row.starts for row in rows):
        raise RuleBroken("workforce.post_span")
    with connection.cursor() as cursor:
        wanted = sorted({row.staff_id for row in rows})
        cursor.execute("SELECT id, area FROM workforce_staffmember WHERE id = ANY(%s)", [wanted])
        home: dict[uuid.UUID, str] = dict(cursor.fetchall())
    missing = set(wanted) - home.keys()
    if missing:
        raise RuleBroken("workforce.staff_unknown", status=404, staff=str(min(missing)))
    areas = [row.site_code[:SITE_AREA] or home[row.staff_id] for row in rows]
    if actor is not None:
        for area in sorted(set(areas)):
            scope.require(actor, "plan_round", area)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            return _insert_posts(cursor, rows, areas)
    except IntegrityError as error:
        if ONE_PLACE not in str(error):
            raise
        raise RuleBroken("workforce.post_overlaps", status=409) from None


def _insert_posts(cursor: object, rows: Sequence[PostRow], areas: Sequence[str]) -> int:
    run = cursor.execute  # type: ignore[attr-defined]
    run(
        """INSERT INTO workforce_post (id, round_id, staff_id, area, job, site_code, station_code, starts, ends)
           SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[],
                                %s::timestamptz[], %s::timestamptz[])
               ON CONFLICT (id) DO NOTHING""",
        [
            [row.id for row in rows], [row.round_id for row in rows], [row.staff_id for row in rows], list(areas),
            [row.job for row in rows], [row.site_code for row in rows], [row.station_code for row in rows],
            [row.starts for row in rows], [row.ends for row in rows],
        ],
    )  # fmt: skip
    return int(cursor.rowcount)  # type: ignore[attr-defined]


def workgroup_add(
    *,
    actor: Actor,
    id: uuid.UUID,
    round_id: uuid.UUID,
    area: str,
    name: str,
    leader: str,
    duty: str,
) -> None:
    """Set up a work group (工作专班) of a round. `workforce.workgroup_taken` (409)."""
    _area(area)
    scope.require(actor, "plan_round", area)
    try:
        with transaction.atomic():
            WorkGroup.objects.create(
                id=id, round_id=round_id, area=area, name=_text(name, "name"), leader=leader, duty=duty
            )  # fmt: skip
    except IntegrityError:
        raise RuleBroken("workforce.workgroup_taken", status=409, area=area) from None


def training_record(
    *,
    actor: Actor,
    id: uuid.UUID,
    area: str,
    round_id: uuid.UUID | None,
    topic: str,
    held_at: datetime,
    attended: int,
) -> None:
    """Keep a training that was held (R45). `workforce.attended_malformed`."""
    _area(area)
    scope.require(actor, "plan_round", area)
    if attended < 0:
        raise RuleBroken("workforce.attended_malformed", got=attended)
    Training.objects.get_or_create(
        id=id,
        defaults={
            "area": area, "round_id": round_id, "topic": _text(topic, "topic"), "held_at": held_at,
            "attended": attended,
        },
    )  # fmt: skip


def _jobs(jobs: set[str]) -> None:
    unknown = jobs - JOBS
    if unknown:
        raise RuleBroken("workforce.job_unknown", job=min(unknown))


def _area(area: str) -> None:
    if not area or set(area) - set(REGION) or len(area) > SITE_AREA:
        raise RuleBroken("workforce.area_malformed", area=area[:40])


def _text(value: str, field: str) -> str:
    if not value.strip():
        raise RuleBroken("workforce.text_missing", field=field)
    return value.strip()
