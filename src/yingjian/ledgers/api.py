"""HTTP of this room: work lists."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from yingjian.access.edges import actor_of, needs, request_time

from . import queries

router = Router(tags=["ledgers"])


class TaskList(Schema):
    items: list[queries.TaskRow]
    next: uuid.UUID | None
    as_of: datetime


@router.get("/tasks", auth=needs("work"), response=TaskList)
def tasks(
    request: HttpRequest,
    *,
    round: uuid.UUID | None = None,
    kind: str | None = None,
    state: Literal["open", "late", "done", "all"] = "open",
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = queries.PAGE,
) -> TaskList:
    """Tasks in the asker's area, open ones unless asked otherwise."""
    at = request_time(request)
    rows = queries.tasks_for(
        actor_of(request), at=at, round_id=round, kind=kind, state=None if state == "all" else state,
        after=after, limit=limit,
    )  # fmt: skip
    following = rows[-1].id if len(rows) == limit else None
    return TaskList(items=rows, next=following, as_of=at)
