"""Commands of this room: who works, where they stand, what they were taught."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec

from yingjian.access import journal

from . import actions
from .values import PostRow, StaffRow


class InstitutionAdd(msgspec.Struct, frozen=True):
    institution_id: uuid.UUID
    area: str
    name: str
    kind: str


class StaffIn(msgspec.Struct, frozen=True):
    staff_id: uuid.UUID
    institution_id: uuid.UUID
    name: str
    job: str
    area: str
    qualified_for: list[str] = []
    supporting: bool = False


class StaffAdd(msgspec.Struct, frozen=True):
    staff: list[StaffIn]


class PostIn(msgspec.Struct, frozen=True):
    post_id: uuid.UUID
    round_id: uuid.UUID
    staff_id: uuid.UUID
    job: str
    starts: datetime
    ends: datetime
    site_code: str = ""
    station_code: str = ""


class PostAssign(msgspec.Struct, frozen=True):
    posts: list[PostIn]


class WorkGroupAdd(msgspec.Struct, frozen=True):
    group_id: uuid.UUID
    round_id: uuid.UUID
    area: str
    name: str
    leader: str = ""
    duty: str = ""


class TrainingRecord(msgspec.Struct, frozen=True):
    training_id: uuid.UUID
    area: str
    topic: str
    held_at: datetime
    attended: int
    round_id: uuid.UUID | None = None


@journal.handles("institution.add", InstitutionAdd, permission="plan_round", decision=True)
@journal.handles("staff.add", StaffAdd, permission="plan_round", decision=True)
@journal.handles("post.assign", PostAssign, permission="plan_round", decision=True)
@journal.handles("workgroup.add", WorkGroupAdd, permission="plan_round", decision=True)
@journal.handles("training.record", TrainingRecord, permission="plan_round")
def staffing(batch: journal.Batch) -> list[journal.Verdict]:
    """The people of the response."""
    return [
        journal.applied(command, **_apply(batch, command.payload)) for command in batch.commands
    ]


def _apply(batch: journal.Batch, given: Any) -> dict[str, Any]:
    actor = batch.actor
    if isinstance(given, InstitutionAdd):
        actions.institution_add(
            actor=actor, id=given.institution_id, area=given.area, name=given.name, kind=given.kind
        )
        return {}
    if isinstance(given, StaffAdd):
        rows = [
            StaffRow(s.staff_id, s.institution_id, s.name, s.job, s.area, tuple(s.qualified_for), s.supporting)
            for s in given.staff
        ]  # fmt: skip
        return {"added": actions.staff_add(actor=actor, rows=rows)}
    if isinstance(given, PostAssign):
        posts = [
            PostRow(p.post_id, p.round_id, p.staff_id, p.job, p.starts, p.ends, p.site_code, p.station_code)
            for p in given.posts
        ]  # fmt: skip
        return {"assigned": actions.posts_assign(actor=actor, rows=posts)}
    if isinstance(given, WorkGroupAdd):
        actions.workgroup_add(
            actor=actor, id=given.group_id, round_id=given.round_id, area=given.area, name=given.name,
            leader=given.leader, duty=given.duty,
        )  # fmt: skip
        return {}
    actions.training_record(
        actor=actor, id=given.training_id, area=given.area, round_id=given.round_id, topic=given.topic,
        held_at=given.held_at, attended=given.attended,
    )  # fmt: skip
    return {}
