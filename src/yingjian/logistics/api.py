"""HTTP of this room: boxes and their manifests, differences, supplies, waste, vehicles."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from yingjian.access.edges import actor_of, language, needs, request_time

from . import manifest, queries

router = Router(tags=["logistics"])
Limit = Annotated[int, Query(ge=1, le=1000)]
BoxStates = Literal["open", "sealed", "handed_over", "received", "checked", "emptied"]


class BoxOut(Schema):
    id: uuid.UUID
    code: str
    binding: int
    round_id: uuid.UUID
    area: str
    site_code: str
    station_code: str
    state: str
    seal_no: str
    opened_at: datetime | None
    sealed_at: datetime | None
    oldest_sample_at: datetime | None
    tubes_stated: int | None
    holder: str
    flags: list[str]
    tubes: int
    people: int


class BoxList(Schema):
    items: list[BoxOut]
    next: uuid.UUID | None
    as_of: datetime


class BoxPage(BoxOut):
    lines: list[dict[str, Any]]
    hand_overs: list[dict[str, Any]]


class BoxPages(Schema):
    items: list[BoxPage]
    next: None = None
    as_of: datetime


class DiscrepancyOut(Schema):
    id: uuid.UUID
    round_id: uuid.UUID | None
    area: str
    kind: str
    subject_kind: str
    subject_id: uuid.UUID
    subject_label: str
    expected: int
    actual: int
    owner_role: str
    opened_at: datetime
    resolved_at: datetime | None
    resolution: str


class DiscrepancyList(Schema):
    items: list[DiscrepancyOut]
    next: uuid.UUID | None
    as_of: datetime


class Rows(Schema):
    items: list[dict[str, Any]]
    next: None = None
    as_of: datetime


@router.get("/rounds/{uuid:round_id}/boxes", auth=needs("see_round"), response=BoxList)
def box_list(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    state: BoxStates | None = None,
    after: uuid.UUID | None = None,
    limit: Limit = queries.PAGE,
) -> BoxList:
    """Boxes of a round in the asker's sight."""
    rows = queries.boxes_for(actor_of(request), round_id, state=state, after=after, limit=limit)
    following = rows[-1]["id"] if len(rows) == limit else None
    items = [BoxOut(**row) for row in rows]
    return BoxList(items=items, next=following, as_of=request_time(request))


@router.get("/boxes/{code}", auth=needs("see_round"), response=BoxPages)
def box_page(request: HttpRequest, code: str) -> BoxPages:
    """Every box of a printed code in the asker's sight, with its manifest and hand-overs."""
    rows = queries.boxes_by_code_for(actor_of(request), code)
    return BoxPages(items=[BoxPage(**row) for row in rows], as_of=request_time(request))


@router.get("/boxes/{code}/manifest.xlsx", auth=needs("see_round"))
def box_manifest(request: HttpRequest, code: str) -> HttpResponse:
    """The manifest (送检单) that travels with a box. It names tubes and counts, nobody by name."""
    box = queries.boxes_by_code_for(actor_of(request), code)[-1]
    made = manifest.workbook(box, language=language(request), at=request_time(request))
    response = HttpResponse(made, content_type=manifest.CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="manifest-{box["id"]}.xlsx"'
    return response


@router.get("/discrepancies", auth=needs("see_round"), response=DiscrepancyList)
def discrepancy_list(
    request: HttpRequest,
    *,
    round: uuid.UUID | None = None,
    state: Literal["open", "resolved"] | None = None,
    after: uuid.UUID | None = None,
    limit: Limit = queries.PAGE,
) -> DiscrepancyList:
    """Counts that did not agree, with their owners."""
    rows = queries.discrepancies_for(
        actor_of(request), round, state=state, after=after, limit=limit
    )
    following = rows[-1]["id"] if len(rows) == limit else None
    items = [DiscrepancyOut(**row) for row in rows]
    return DiscrepancyList(items=items, next=following, as_of=request_time(request))


@router.get("/supplies", auth=needs("see_supplies"), response=Rows)
def supply_list(request: HttpRequest, *, round: uuid.UUID | None = None) -> Rows:
    """What each place received, gave out and holds of each item."""
    rows = queries.supplies_for(actor_of(request), round)
    return Rows(items=rows, as_of=request_time(request))


@router.get("/waste", auth=needs("see_round"), response=Rows)
def waste_list(request: HttpRequest, *, round: uuid.UUID) -> Rows:
    """Lots of medical waste of a round."""
    return Rows(items=queries.waste_for(actor_of(request), round), as_of=request_time(request))


@router.get("/vehicles", auth=needs("see_round"), response=Rows)
def vehicle_list(request: HttpRequest) -> Rows:
    """Dedicated vehicles with their areas and routes."""
    return Rows(items=queries.vehicles_for(actor_of(request)), as_of=request_time(request))
