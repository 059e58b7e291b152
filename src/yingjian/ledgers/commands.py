"""Commands of this room: tasks."""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec

from yingjian.access import journal

from . import actions


class TaskOpenIn(msgspec.Struct, frozen=True):
    task_id: uuid.UUID
    kind: str
    area: str
    title: str
    owner_role: str
    owner: str = ""
    due_at: datetime | None = None
    round_id: uuid.UUID | None = None


class TaskDone(msgspec.Struct, frozen=True):
    task_id: uuid.UUID
    outcome: str


@journal.handles("task.open", TaskOpenIn, permission="work", decision=True)
@journal.handles("task.done", TaskDone, permission="work", decision=True)
def task_commands(batch: journal.Batch) -> list[journal.Verdict]:
    """Users' own tasks, one by one; tasks in number are opened by other rooms' actions."""
    return [_decide(batch, command) for command in batch.commands]


def _decide(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given = command.payload
    if isinstance(given, TaskOpenIn):
        actions.task_open(
            actor=batch.actor, task_id=given.task_id, kind=given.kind, area=given.area, title=given.title,
            owner_role=given.owner_role, owner_name=given.owner, at=command.at, due_at=given.due_at,
            round_id=given.round_id,
        )  # fmt: skip
        return journal.applied(command, area=given.area)
    task = actions.task_done(
        actor=batch.actor, task_id=given.task_id, outcome=given.outcome, at=command.at
    )
    return journal.applied(command, area=task.area)
