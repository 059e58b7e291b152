"""HTTP of this room: staff, shift board, work groups."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from yingjian.access.edges import actor_of, needs, request_time

from . import queries

router = Router(tags=["workforce"])


class StaffList(Schema):
    items: list[queries.StaffOut]
    next: uuid.UUID | None
    as_of: datetime


class PostList(Schema):
    items: list[queries.PostOut]
    next: uuid.UUID | None
    as_of: datetime


class WorkGroupList(Schema):
    items: list[queries.WorkGroupOut]
    as_of: datetime


@router.get("/staff", auth=needs("see_round"), response=StaffList)
def staff(
    request: HttpRequest, area: str = "", job: str | None = None, after: uuid.UUID | None = None
) -> StaffList:
    """People of the response in the asker's area."""
    found = queries.staff_for(actor_of(request), area=area, job=job, after=after)
    return StaffList(
        items=found,
        next=found[-1].id if len(found) == queries.PAGE else None,
        as_of=request_time(request),
    )


@router.get("/rounds/{round_id}/posts", auth=needs("see_round"), response=PostList)
def posts(
    request: HttpRequest,
    round_id: uuid.UUID,
    site: str | None = None,
    after: uuid.UUID | None = None,
) -> PostList:
    """The shift board: who stands where, from when to when."""
    found = queries.posts_for(actor_of(request), round_id, site=site, after=after)
    return PostList(
        items=found,
        next=found[-1].id if len(found) == queries.PAGE else None,
        as_of=request_time(request),
    )


@router.get("/rounds/{round_id}/workgroups", auth=needs("see_round"), response=WorkGroupList)
def workgroups(request: HttpRequest, round_id: uuid.UUID) -> WorkGroupList:
    """Work groups (工作专班) with leader and duty."""
    found = queries.workgroups_for(actor_of(request), round_id)
    return WorkGroupList(
        items=found,
        as_of=request_time(request),
    )
