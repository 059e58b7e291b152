"""HTTP of this room: disinfection orders."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from yingjian.access.edges import actor_of, needs, page

from . import queries

router = Router(tags=["containment"])


class DisinfectionOut(Schema):
    id: uuid.UUID
    area: str
    place_kind: str
    place_code: str
    kind: str
    agent: str
    ordered_at: datetime
    done_at: datetime | None
    done_by: str
    standing: bool


class DisinfectionList(Schema):
    items: list[DisinfectionOut]
    next: uuid.UUID | None
    as_of: datetime


@router.get("/rounds/{round_id}/disinfections", auth=needs("see_round"), response=DisinfectionList)
def disinfections(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    state: Literal["ordered", "done", "all"] = "all",
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = queries.PAGE,
) -> Any:
    """Disinfection orders of a round: where, when ordered, when done by whom."""
    rows = queries.disinfections_for(
        actor_of(request), round_id, state=state, after=after, limit=limit
    )
    return page(request, rows, limit)
