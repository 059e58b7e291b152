"""HTTP of this room: laboratories, the bench's lists, results of a round, a resident's own result."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from yingjian.access.edges import actor_of, needs, page, refused, request_time
from yingjian.kernel.errors import RuleBroken
from yingjian.population import own

from . import lookup, queries

router = Router(tags=["laboratory"])
Limit = Annotated[int, Query(ge=1, le=1000)]


class LaboratoryOut(Schema):
    id: uuid.UUID
    code: str
    name: str
    kind: str
    area: str
    tubes_per_day: int
    opens_hour: int
    closes_hour: int
    state: str


class LaboratoryList(Schema):
    items: list[LaboratoryOut]
    next: None = None
    as_of: datetime


class BenchTube(Schema):
    tube_id: uuid.UUID
    code: str
    round_id: uuid.UUID
    site_code: str
    area: str
    mode: str
    purpose: str
    people: int
    state: str
    received_at: datetime
    due_at: datetime | None


class BenchList(Schema):
    items: list[BenchTube]
    counts: dict[str, int]
    next: uuid.UUID | None
    as_of: datetime


class ResultOut(Schema):
    id: uuid.UUID
    tube_code: str
    area: str
    site_code: str
    mode: str
    purpose: str
    people: int
    laboratory_id: uuid.UUID
    laboratory: str
    version: int
    outcome: str
    ct: dict[str, Any]
    flags: list[str]
    state: str
    tested_at: datetime
    entered_at: datetime
    entered_by: str
    released_at: datetime | None
    released_by: str
    corrects: uuid.UUID | None
    reason: str


class ResultList(Schema):
    items: list[ResultOut]
    counts: dict[str, int]
    next: uuid.UUID | None
    as_of: datetime


class HeldOut(Schema):
    id: uuid.UUID
    laboratory_id: uuid.UUID
    tube_code: str
    outcome: str
    tested_at: datetime
    entered_at: datetime
    code: str
    decided_at: datetime | None
    decision: str


class HeldList(Schema):
    items: list[HeldOut]
    next: uuid.UUID | None
    as_of: datetime


class DriftRow(Schema):
    laboratory_id: uuid.UUID
    laboratory: str
    kit: str
    tests: int
    unusual: int
    others_tests: int
    others_unusual: int
    z: float | None


class DriftList(Schema):
    items: list[DriftRow]
    next: None = None
    as_of: datetime


class Asked(Schema):
    """Who asks: the number on the document, and the phone given when registering."""

    id_number: str
    phone: str
    id_type: str = "resident_id"


class OwnResult(Schema):
    """What the report says (R53): the same on paper and on screen. An empty outcome: not released yet."""

    round: str
    sampled_at: datetime | None
    outcome: str
    tested_at: datetime | None
    method: str
    detection_limit: str
    laboratory: str
    released_at: datetime | None
    corrected: bool


class OwnResults(Schema):
    items: list[OwnResult]
    as_of: datetime


@router.get("/laboratories", auth=needs("see_round"), response=LaboratoryList)
def laboratories(request: HttpRequest) -> Any:
    """Laboratories in the asker's area."""
    return {
        "items": queries.laboratories_for(actor_of(request)),
        "as_of": request_time(request),
    }


@router.get("/laboratories/{laboratory_id}/bench", auth=needs("see_results"), response=BenchList)
def bench(
    request: HttpRequest,
    laboratory_id: uuid.UUID,
    *,
    state: Literal["received", "testing", "resulted", "released"] | None = None,
    after: uuid.UUID | None = None,
    limit: Limit = queries.PAGE,
) -> Any:
    """Tubes this laboratory has received, by what was done with them; counts of every state."""
    actor = actor_of(request)
    rows = queries.bench_for(actor, laboratory_id, state=state, after=after, limit=limit)
    counts = queries.bench_counts_for(actor, laboratory_id)
    return page(request, rows, limit, key="tube_id", counts=counts)


@router.get("/rounds/{round_id}/results", auth=needs("see_results"), response=ResultList)
def results(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    state: Literal["entered", "released", "corrected"] | None = None,
    laboratory: uuid.UUID | None = None,
    outcome: str | None = None,
    after: uuid.UUID | None = None,
    limit: Limit = queries.PAGE,
) -> Any:
    """Results of a round; `state=entered` is the reviewer's work list. Counts by outcome of what is asked for."""
    wanted = queries.ResultFilter(round_id, state, laboratory, outcome)
    rows = queries.results_for(actor_of(request), wanted, after=after, limit=limit)
    counts = queries.result_counts_for(actor_of(request), wanted)
    return page(request, rows, limit, counts=counts)


@router.get("/laboratories/{laboratory_id}/held", auth=needs("see_results"), response=HeldList)
def held(
    request: HttpRequest,
    laboratory_id: uuid.UUID,
    *,
    state: Literal["open", "decided"] = "open",
    after: uuid.UUID | None = None,
    limit: Limit = queries.PAGE,
) -> Any:
    """Results nobody could bind to a tube, waiting for a person."""
    rows = queries.held_for(
        actor_of(request), laboratory_id, decided=state == "decided", after=after, limit=limit
    )
    return page(request, rows, limit)


@router.get("/rounds/{round_id}/drift", auth=needs("see_results"), response=DriftList)
def drift(request: HttpRequest, round_id: uuid.UUID) -> Any:
    """Share of results that are not negative, by laboratory and kit, against all the others (Immensa)."""
    return {"items": queries.drift_for(actor_of(request), round_id), "as_of": request_time(request)}


@router.post("/results/lookup", auth=None, response=OwnResults)
def look_up(request: HttpRequest, asked: Asked) -> Any:
    """A resident's own results by ID number and phone. Wrong attempts are counted and shut the door for a while."""
    at, address = request_time(request), str(request.META.get("REMOTE_ADDR", ""))
    try:
        person = own.resident(asked.id_type, asked.id_number, asked.phone, address, at=at)
    except RuleBroken as refusal:
        return refused(request, refusal)
    return {"items": lookup.own_results(person), "as_of": at}
