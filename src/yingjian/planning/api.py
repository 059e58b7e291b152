"""HTTP of this room: plans with their findings, the code sheet, the workbook."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from yingjian.access.edges import actor_of, language, needs, request_time

from . import documents, ground, matching, means, pool_sizes, queries, rehearsing

router = Router(tags=["planning"])


class PlanLine(Schema):
    id: uuid.UUID
    round_id: uuid.UUID
    area: str
    version: int
    state: str
    made_at: datetime
    applied_at: datetime | None
    totals: dict[str, Any]
    forecast: dict[str, Any]
    findings: dict[str, int]
    siting: dict[str, Any]


class SearchState(Schema):
    plan_id: uuid.UUID
    state: str
    stage: str
    done: float
    cost: int | None
    bound: int | None
    stop_asked: bool
    error: str
    options: dict[str, Any]
    asked_at: datetime


class SearchList(Schema):
    items: list[SearchState]
    as_of: datetime


class PlanList(Schema):
    items: list[PlanLine]
    as_of: datetime


class FindingLine(Schema):
    code: str
    level: str
    says: str
    element: str
    path: str
    value: Any
    origin: str
    rules: list[str]
    measured: float | str | None
    limit: float | str | None
    over: float
    elements: int


class PlanWhole(PlanLine):
    plan: dict[str, Any]
    items: list[FindingLine]
    as_of: datetime


@router.get("/rounds/{round_id}/plans", auth=needs("see_round"), response=PlanList)
def plans(request: HttpRequest, round_id: uuid.UUID) -> PlanList:
    """Plans of a round, the newest first, with totals and findings by level."""
    found = queries.plans_for(actor_of(request), round_id)
    return PlanList(items=[PlanLine(**asdict(head)) for head in found], as_of=request_time(request))


@router.get("/rounds/{round_id}/plan-searches", auth=needs("see_round"), response=SearchList)
def searches(request: HttpRequest, round_id: uuid.UUID) -> SearchList:
    """Plans being looked for and the last ones found, the newest first."""
    found = queries.searches_for(actor_of(request), round_id)
    return SearchList(items=[SearchState(**asdict(x)) for x in found], as_of=request_time(request))


@router.get("/plans/{plan_id}/plan.geojson", auth=needs("see_round"))
def places(request: HttpRequest, plan_id: uuid.UUID) -> HttpResponse:
    """Sites, where their people live, mobile teams' stops and places not chosen, as GeoJSON."""
    queries.head_for(actor_of(request), plan_id)
    data = documents.places(queries.document_of(plan_id))
    return documents.answer(data, documents.GEOJSON, f"plan-{plan_id}.geojson")


@router.get("/plans/{plan_id}/plan.docx", auth=needs("see_round"))
def annex(request: HttpRequest, plan_id: uuid.UUID) -> HttpResponse:
    """The plan's sites, mobile teams, proof and rules as an annex in Word."""
    head = queries.head_for(actor_of(request), plan_id)
    data = documents.plan_annex(head, at=request_time(request), language=language(request))
    return documents.answer(data, documents.DOCX, f"plan-{head.version}.docx")


@router.get("/plans/{plan_id}", auth=needs("see_round"), response=PlanWhole)
def plan(request: HttpRequest, plan_id: uuid.UUID, full: bool = False) -> PlanWhole:
    """A plan. Households stay out of slots and home lists unless `full` is asked for."""
    head = queries.head_for(actor_of(request), plan_id)
    return PlanWhole(
        **asdict(head),
        plan=documents.shown(queries.document_of(plan_id), full=full),
        items=[
            FindingLine(**line)
            for line in documents.finding_lines(queries.findings_of(plan_id), language(request))
        ],
        as_of=request_time(request),
    )


@router.get("/plans/{plan_id}/codes.pdf", auth=needs("see_round"))
def codes(request: HttpRequest, plan_id: uuid.UUID, under: str = "") -> HttpResponse:
    """Labels of sites, stations and boxes; `under` is a site code or an area prefix."""
    queries.head_for(actor_of(request), plan_id)
    data = documents.code_sheet(
        queries.document_of(plan_id), under=under, language=language(request)
    )
    return documents.answer(data, documents.PDF, f"codes-{under or plan_id}.pdf")


@router.get("/plans/{plan_id}/plan.xlsx", auth=needs("see_round"))
def workbook(request: HttpRequest, plan_id: uuid.UUID) -> HttpResponse:
    """The plan as tables: sites, slots, staff, goods, pick-ups, laboratories, rules."""
    queries.head_for(actor_of(request), plan_id)
    data = documents.tables(
        queries.document_of(plan_id), queries.findings_of(plan_id), language(request)
    )
    return documents.answer(data, documents.XLSX, f"plan-{plan_id}.xlsx")


@router.get("/plans/{plan_id}/crew", auth=needs("see_round"), response=means.PlanCrew)
def crew(request: HttpRequest, plan_id: uuid.UUID, site: str = "") -> means.PlanCrew:
    """Who works where: jobs, institutions, stand-ins, teams; one site with hours, shifts and names."""
    head = queries.head_for(actor_of(request), plan_id)
    return means.crew_of(head, site=site, language=language(request))


@router.get("/plans/{plan_id}/goods", auth=needs("see_round"), response=means.PlanGoods)
def goods(request: HttpRequest, plan_id: uuid.UUID, site: str = "") -> means.PlanGoods:
    """What the sites pack, what stores cover it, what is missing by when; one site with its pack."""
    head = queries.head_for(actor_of(request), plan_id)
    return means.goods_of(head, site=site, language=language(request))


Runs = Annotated[int, Query(ge=1, le=500)]
Trials = Annotated[int, Query(ge=1, le=500)]
# Two parameters of one route need a `Query` each: they would share one default.


@router.get("/plans/{plan_id}/rehearsal", auth=needs("see_round"), response=rehearsing.Rehearsal)
def rehearsal(
    request: HttpRequest, plan_id: uuid.UUID, *, runs: Runs = 60, trials: Trials = 10, seed: int = 0
) -> rehearsing.Rehearsal:
    """The plan played many times: when it ends, where it queues, what would go wrong, what would help."""
    queries.head_for(actor_of(request), plan_id)
    return rehearsing.rehearse(
        plan_id, runs=runs, trials=trials, seed=seed, language=language(request)
    )


@router.get("/plans/{plan_id}/rehearsal.docx", auth=needs("see_round"))
def rehearsal_annex(
    request: HttpRequest, plan_id: uuid.UUID, *, runs: Runs = 60, trials: Trials = 10, seed: int = 0
) -> HttpResponse:
    """The same as an annex to the plan, in Word."""
    head = queries.head_for(actor_of(request), plan_id)
    found = rehearsing.rehearse(
        plan_id, runs=runs, trials=trials, seed=seed, language=language(request)
    )
    data = documents.rehearsal_annex(found, at=request_time(request), language=language(request))
    return documents.answer(data, documents.DOCX, f"rehearsal-{head.version}.docx")


@router.get("/rounds/{round_id}/matching", auth=needs("see_round"), response=matching.Matching)
def matched(request: HttpRequest, round_id: uuid.UUID, *, fresh: bool = False) -> matching.Matching:
    """Tubes to laboratories as they are now: a quarter of an hour old at most, of this moment if `fresh`."""
    return matching.matching_for(actor_of(request), round_id, at=request_time(request), fresh=fresh)


@router.get("/rounds/{round_id}/matching.xlsx", auth=needs("see_round"))
def matched_tables(request: HttpRequest, round_id: uuid.UUID) -> HttpResponse:
    """The same as tables."""
    found = matching.matching_for(actor_of(request), round_id, at=request_time(request))
    data = documents.match_tables(found, language(request))
    return documents.answer(data, documents.XLSX, f"matching-{round_id}.xlsx")


@router.get("/rounds/{round_id}/pool-sizes", auth=needs("see_round"), response=pool_sizes.PoolSizes)
def sizes(
    request: HttpRequest,
    round_id: uuid.UUID,
    asked: Query[pool_sizes.PoolAsked],
    *,
    fresh: bool = False,
) -> pool_sizes.PoolSizes:
    """How many to a tube, town by town: tubes, re-tests, missed, finishing time, the size recommended and why."""
    known = ground.ground_for(actor_of(request), round_id, at=request_time(request), fresh=fresh)
    return pool_sizes.pool_sizes(known, asked, language=language(request))


@router.get("/rounds/{round_id}/pool-sizes.xlsx", auth=needs("see_round"))
def size_tables(
    request: HttpRequest, round_id: uuid.UUID, asked: Query[pool_sizes.PoolAsked]
) -> HttpResponse:
    """The same as tables."""
    known = ground.ground_for(actor_of(request), round_id, at=request_time(request))
    found = pool_sizes.pool_sizes(known, asked, language=language(request))
    data = documents.pool_tables(found, language(request))
    return documents.answer(data, documents.XLSX, f"pool-sizes-{round_id}.xlsx")
