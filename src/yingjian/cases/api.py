"""HTTP of this room: flagged pools and positives; names masked."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from yingjian.access.edges import actor_of, needs, page, request_time

from . import queries

router = Router(tags=["cases"])
Limit = Annotated[int, Query(ge=1, le=1000)]


class PoolHead(Schema):
    id: uuid.UUID
    round_id: uuid.UUID
    tube_code: str
    area: str
    mode: str
    outcome: str
    flagged_at: datetime
    state: str
    resolved_at: datetime | None
    resolution: str | None
    closed_reason: str
    original_to_id: uuid.UUID | None
    original_sent_at: datetime | None
    swabs_needed: int
    laboratories_needed: int


class PoolOut(PoolHead):
    """A pool in a list; the counts are of its members."""

    members: int
    isolated: int
    re_sampled: int
    released: int
    confirmed: int


class PoolList(Schema):
    items: list[PoolOut]
    next: uuid.UUID | None
    as_of: datetime


class TestOut(Schema):
    attempt: int
    tube_code: str
    laboratory_id: uuid.UUID
    laboratory: str
    swabbed_at: datetime
    outcome: str | None
    outcome_at: datetime | None


class MemberOut(Schema):
    """A member with every recheck swab, side by side."""

    id: uuid.UUID
    position: int
    person_id: uuid.UUID | None
    name: str
    id_tail: str
    phone_tail: str
    area: str
    state: str
    attempt: int
    reason: str
    isolation_sent_at: datetime | None
    isolated_at: datetime | None
    settled_at: datetime | None
    tests: list[TestOut]


class TeamOut(Schema):
    id: uuid.UUID
    team: str
    sent_at: datetime
    arrived_at: datetime | None


class PoolPage(PoolHead):
    members: list[MemberOut]
    teams: list[TeamOut]
    as_of: datetime


class PositiveHead(Schema):
    id: uuid.UUID
    round_id: uuid.UUID
    case_no: str
    person_id: uuid.UUID | None
    name: str
    area: str
    found_at: datetime
    state: str
    doubt: str
    household_measure: str
    reported_at: datetime | None
    decided_at: datetime | None
    decided_reason: str


class PositiveOut(PositiveHead):
    """A positive in a list; notices sent, and how many of them were acknowledged."""

    notices: int
    acknowledged: int


class PositiveList(Schema):
    items: list[PositiveOut]
    next: uuid.UUID | None
    as_of: datetime


class NoticeOut(Schema):
    id: uuid.UUID
    party: str
    message: str
    sent_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str


class ContactOut(Schema):
    id: uuid.UUID
    person_id: uuid.UUID
    name: str
    area: str
    category: str
    basis: str
    suggested_at: datetime


class PositivePage(PositiveHead):
    notices: list[NoticeOut]
    contacts: list[ContactOut]
    as_of: datetime


@router.get("/rounds/{round_id}/pools", auth=needs("see_round"), response=PoolList)
def pools(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    state: str | None = None,
    after: uuid.UUID | None = None,
    limit: Limit = queries.PAGE,
) -> Any:
    """Flagged pools of a round (a single tube that is tested again is a pool of one: `mode`)."""
    rows = queries.pools_for(actor_of(request), round_id, state=state, after=after, limit=limit)
    return page(request, rows, limit)


@router.get("/pools/{pool_id}", auth=needs("see_persons"), response=PoolPage)
def pool(request: HttpRequest, pool_id: uuid.UUID) -> Any:
    """One pool: its members in the asker's area, their swabs side by side, the teams sent."""
    return {**queries.pool_for(actor_of(request), pool_id), "as_of": request_time(request)}


@router.get("/rounds/{round_id}/positives", auth=needs("see_results"), response=PositiveList)
def positives(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    state: str | None = None,
    after: uuid.UUID | None = None,
    limit: Limit = queries.PAGE,
) -> Any:
    """Positives of a round, with how many parties were told and have answered."""
    rows = queries.positives_for(actor_of(request), round_id, state=state, after=after, limit=limit)
    return page(request, rows, limit)


@router.get("/positives/{positive_id}", auth=needs("see_results"), response=PositivePage)
def positive(request: HttpRequest, positive_id: uuid.UUID) -> Any:
    """One positive: each notice with its times, the household as suggested contacts."""
    return {**queries.positive_for(actor_of(request), positive_id), "as_of": request_time(request)}
