"""HTTP of this room: overview, figures and their rows, coverage, reconciliation, reports."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from yingjian.access import queries as access
from yingjian.access.edges import actor_of, language, needs, request_time
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import uuid7

from . import custody, exports, queries, writing

router = Router(tags=["oversight"])
HEADLINE = [
    "due_people",
    "people_sampled",
    "people_resulted",
    "people_waiting",
    "samples",
    "tubes",
    "boxes",
    "pools_flagged",
    "positives",
    "discrepancies_open",
    "people_missed",
    "people_excused",
    "due_added",
]


class FigureOut(Schema):
    key: str
    label: str
    group: str
    kind: str
    value: int | datetime | None
    parts: dict[str, int]


class FigureList(Schema):
    items: list[FigureOut]
    as_of: datetime


class FigureRows(Schema):
    label: str
    items: list[dict[str, Any]]
    next: int | None
    as_of: datetime


class RowsPage(Schema):
    """Every page computes its figure anew: who reads a whole county's takes large ones."""

    part: str | None = None
    after: int = Field(0, ge=0)
    limit: int = Field(200, ge=1, le=50_000)


class CoverageRow(Schema):
    area: str
    name: str
    town: str
    due: int
    sampled: int
    resulted: int
    excused: int
    missed: int
    waiting: int
    added: int


class ClockCount(Schema):
    code: str
    label: str
    running: int
    late: int
    met: int
    breached: int


class RoundHead(Schema):
    id: uuid.UUID
    name: str
    no: int
    area: str
    area_name: str | None
    campaign: str
    preset: str
    preset_version: int
    state: str
    window_start: datetime
    window_end: datetime
    frozen_at: datetime | None
    activated_at: datetime | None
    closed_at: datetime | None
    due_total: int | None


class Overview(Schema):
    round: RoundHead
    figures: list[FigureOut]
    tubes: dict[str, int]
    coverage: list[CoverageRow]
    clocks: list[ClockCount]
    discrepancies: list[dict[str, Any]]
    pools: list[dict[str, Any]]
    as_of: datetime


class StepOut(Schema):
    kind: str
    at: datetime
    where: str
    who: str
    round: str
    facts: dict[str, str | int | float | bool]
    flags: list[str]


class PersonClock(Schema):
    id: uuid.UUID
    code: str
    subject_label: str
    owner_role: str
    owner_name: str
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    state: str


class Chain(Schema):
    person_id: uuid.UUID
    steps: list[StepOut]
    clocks: list[PersonClock]
    as_of: datetime


class BalanceOut(Schema):
    law: str
    left: str
    left_label: str
    left_value: int
    right: str
    right_label: str
    right_value: int
    holds: bool


class BalanceList(Schema):
    items: list[BalanceOut]
    as_of: datetime


class ReportIn(Schema):
    report_id: uuid.UUID
    form: str = "work"


class ReportOut(Schema):
    report_id: uuid.UUID
    form: str
    file_name: str
    digest: str
    as_of: datetime


def _figure(request: HttpRequest, value: queries.Value) -> FigureOut:
    label = queries.labels(language(request))["figures"][value.key]
    return FigureOut(
        key=value.key,
        label=label,
        group=value.group,
        kind=value.kind,
        value=value.value,
        parts=value.parts,
    )


@router.get("/rounds/{round_id}/overview", auth=needs("see_round"), response=Overview)
def overview(request: HttpRequest, round_id: uuid.UUID) -> Any:
    """One page for a commander: headline figures, tubes by state, coverage, clocks, what is open."""
    actor, at = actor_of(request), request_time(request)
    values = queries.figures_for(actor, round_id, as_of=at, keys=HEADLINE)
    counts = access.clock_counts(actor, at=at, round_id=round_id)
    page: dict[str, Any] = {"after": 0, "limit": 50, "part": None, "as_of": at}
    return {
        "round": queries.round_head(actor, round_id),
        "figures": [_figure(request, value) for value in values.values()],
        "tubes": values["tubes"].parts,
        "coverage": queries.coverage_for(actor, round_id),
        "clocks": [
            {"code": code, "label": writing.clock_name(code, language(request)), **count}
            for code, count in counts.items()
        ],
        "discrepancies": queries.figure_rows_for(actor, round_id, "discrepancies_open", **page),
        "pools": queries.figure_rows_for(actor, round_id, "pools_flagged", **page),
        "as_of": at,
    }


@router.get("/rounds/{round_id}/figures", auth=needs("see_round"), response=FigureList)
def figures(request: HttpRequest, round_id: uuid.UUID) -> Any:
    at = request_time(request)
    values = queries.figures_for(actor_of(request), round_id, as_of=at)
    return {"items": [_figure(request, value) for value in values.values()], "as_of": at}


@router.get("/rounds/{round_id}/figures/{key}/rows", auth=needs("see_round"), response=FigureRows)
def figure_rows(request: HttpRequest, round_id: uuid.UUID, key: str, page: Query[RowsPage]) -> Any:
    """The records behind a figure; `part` narrows to one part (a state, an outcome)."""
    at, size, start = request_time(request), page.limit, page.after
    rows = queries.figure_rows_for(
        actor_of(request), round_id, key, as_of=at, part=page.part, after=start, limit=size
    )
    label = queries.labels(language(request))["figures"][key]
    return {
        "label": label,
        "items": rows,
        "next": start + size if len(rows) == size else None,
        "as_of": at,
    }


@router.get("/rounds/{round_id}/coverage", auth=needs("see_round"), response=list[CoverageRow])
def coverage(request: HttpRequest, round_id: uuid.UUID) -> Any:
    return queries.coverage_for(actor_of(request), round_id)


@router.get("/rounds/{round_id}/coverage.xlsx", auth=needs("export"))
def coverage_file(request: HttpRequest, round_id: uuid.UUID) -> HttpResponse:
    data = exports.coverage(
        actor=actor_of(request),
        round_id=round_id,
        at=request_time(request),
        language=language(request),
        id=uuid7(now()),
    )
    return exports.answer(data, f"coverage-{round_id}.xlsx")


@router.get("/rounds/{round_id}/reconciliation", auth=needs("see_round"), response=BalanceList)
def reconciliation(request: HttpRequest, round_id: uuid.UUID) -> Any:
    at = request_time(request)
    names = queries.labels(language(request))["figures"]
    return {
        "items": [
            {
                "law": balance.law, "left": balance.left, "left_label": names.get(balance.left, balance.left),
                "left_value": balance.left_value, "right": balance.right,
                "right_label": names.get(balance.right, balance.right), "right_value": balance.right_value,
                "holds": balance.holds,
            }
            for balance in queries.reconciliation_for(actor_of(request), round_id, as_of=at)
        ],
        "as_of": at,
    }  # fmt: skip


@router.get("/persons/{person_id}/chain", auth=needs("see_persons"), response=Chain)
def person_chain(request: HttpRequest, person_id: uuid.UUID) -> Any:
    """One person's custody, step by step, with the clocks that concern it."""
    actor, at = actor_of(request), request_time(request)
    found = custody.custody_for(actor, person_id)
    return {
        "person_id": person_id,
        "steps": found.steps,
        "clocks": access.clocks_for(actor, at=at, subjects=found.subjects),
        "as_of": at,
    }


@router.post("/rounds/{round_id}/reports", auth=needs("report"), response=ReportOut)
def write_report(request: HttpRequest, round_id: uuid.UUID, given: ReportIn) -> Any:
    """Write the round's work report (`work`: Word, `work-tables`: Excel)."""
    return writing.write(
        actor=actor_of(request), report_id=given.report_id, round_id=round_id, kind=given.form,
        language=language(request), as_of=request_time(request),
    )  # fmt: skip


@router.get("/reports/{report_id}/file", auth=needs("report"))
def report_file(request: HttpRequest, report_id: uuid.UUID) -> FileResponse:
    """The file of a report; the download is journalled as an export."""
    actor, at = actor_of(request), request_time(request)
    entry = queries.report_file(actor, report_id)
    path = writing.path_of(entry["digest"])
    if not path.exists():
        raise RuleBroken("oversight.report_gone", status=410)
    exports.journal_export(actor, at, uuid7(now()), "report", 1)
    return FileResponse(path.open("rb"), as_attachment=True, filename=entry["file_name"])
