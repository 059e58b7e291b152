"""HTTP of this room: presets, rounds, due lists."""

from __future__ import annotations

import uuid
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from yingjian.access.edges import actor_of, language, needs, request_time
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import uuid7
from yingjian.population import queries as population

from . import exports, presets, queries

router = Router(tags=["campaigns"])
SEARCH_MAX = 64
DueState = Literal["due", "sampled", "resulted", "excused", "missed"]
RoundState = Literal[
    "draft", "approved", "mobilising", "sampling", "testing", "reconciling", "closed", "cancelled"
]


class PresetHead(Schema):
    code: str
    version: int
    name: str
    issuer: str
    document_no: str | None
    kind: str
    effective_from: date
    effective_to: date | None
    source: str
    remarks: str | None
    open_from: str
    open_to: str
    """When sites open and close, as 07:00: the hours a round is first drawn up with."""


class PresetList(Schema):
    items: list[PresetHead]
    next: None = None
    as_of: datetime


class PresetPage(Schema):
    header: dict[str, Any]
    title: str
    values: list[dict[str, Any]]


class PresetDifference(Schema):
    key: str
    group: str
    group_label: str
    label: str
    differs: bool
    a: str
    b: str
    origin_a: str
    origin_b: str
    note_a: str
    note_b: str


class PresetDiff(Schema):
    left: PresetHead
    right: PresetHead
    items: list[PresetDifference]
    next: None = None
    as_of: datetime


class AreaOut(Schema):
    code: str
    name: str


class PresetRef(Schema):
    code: str
    name: str
    version: int


class RoundOut(Schema):
    id: uuid.UUID
    campaign_id: uuid.UUID
    campaign: str
    no: int
    area: AreaOut
    name: str
    state: str
    preset: PresetRef
    window_start: datetime
    window_end: datetime
    approved_at: datetime | None
    frozen_at: datetime | None
    activated_at: datetime | None
    closed_at: datetime | None
    ended_reason: str
    due_total: int | None
    area_classes: dict[str, str]
    within: list[str]


class RoundList(Schema):
    items: list[RoundOut]
    next: uuid.UUID | None
    as_of: datetime


class Counts(Schema):
    due: int
    sampled: int
    resulted: int
    excused: int
    missed: int
    total: int
    added: int
    caught_up: int
    swabbed: int
    home: int
    single: int


class RoundPage(RoundOut):
    """`excuses` are the reasons the round's preset knows for not testing somebody."""

    counts: Counts
    excuses: list[str]
    as_of: datetime


class DueList(Schema):
    items: list[queries.DueRow]
    next: str | None
    as_of: datetime


class DueAsked(Schema):
    """What of a due list is asked for."""

    state: DueState | None = None
    area: Annotated[str, Query(pattern=r"^\d{0,12}$")] = ""
    home: bool | None = None
    caught_up: bool | None = None
    after: str | None = None
    added: bool | None = None
    added_with: uuid.UUID | None = None
    q: Annotated[str, Query(max_length=SEARCH_MAX)] = ""

    def wanted(self) -> queries.DueFilter:
        return queries.DueFilter(**self.dict())


def _head(preset: presets.Preset, lang: str) -> PresetHead:
    head = preset.header
    return PresetHead(
        code=head.code, version=head.version, name=head.title.get(lang), issuer=head.issuer.get(lang),
        document_no=head.document_no, kind=head.kind, effective_from=head.effective_from,
        effective_to=head.effective_to, source=head.source,
        remarks=head.remarks.get(lang) if head.remarks else None,
        open_from=preset.sites.open_from.need().isoformat("minutes"),
        open_to=preset.sites.open_to.need().isoformat("minutes"),
    )  # fmt: skip


def _round(request: HttpRequest, brief: queries.RoundBrief) -> dict[str, Any]:
    """A round as its reader may see it: the total of a county is not told to one of its towns."""
    lang = language(request)
    fields = asdict(brief)
    fields["campaign"] = brief.campaign_name
    fields["area"] = AreaOut(code=brief.area, name=brief.area_name)
    fields["preset"] = PresetRef(
        code=brief.preset_code, name=brief.preset_title[lang], version=brief.preset_version
    )
    if not queries.covers(actor_of(request), brief.area):
        fields["due_total"] = None
    return fields


def _difference(row: dict[str, Any], absent: str) -> PresetDifference:
    told: dict[str, Any] = {"key": row["path"]}
    for side in ("a", "b"):
        leaf = row[side] or {}
        told[side] = leaf.get("text") or absent
        told[f"origin_{side}"] = leaf.get("origin_text") or ""
        told[f"note_{side}"] = leaf.get("note") or leaf.get("reason") or ""
    plain = {field: row[field] for field in ("group", "group_label", "label", "differs")}
    return PresetDifference(**plain, **told)


@router.get("/presets", auth=needs("see_round"), response=PresetList)
def preset_list(request: HttpRequest) -> PresetList:
    lang = language(request)
    heads = [_head(preset, lang) for preset in queries.presets_known()]
    return PresetList(items=heads, as_of=request_time(request))


@router.get("/presets/diff", auth=needs("see_round"), response=PresetDiff)
def preset_diff(request: HttpRequest, *, a: str, b: str, everything: bool = False) -> PresetDiff:
    """Two presets (`code` or `code@version`) side by side: the rows in which they differ, in words, with origins."""
    lang = language(request)
    left, right = queries.preset_named(a), queries.preset_named(b)
    rows = presets.rows_json(presets.diff(left, right, everything=everything), lang)
    absent = presets.labels(lang)["text"]["absent"]
    return PresetDiff(
        left=_head(left, lang), right=_head(right, lang), items=[_difference(row, absent) for row in rows],
        as_of=request_time(request),
    )  # fmt: skip


@router.get("/presets/{code}", auth=needs("see_round"), response=PresetPage)
def preset_page(request: HttpRequest, code: str) -> dict[str, Any]:
    """One preset (`code` or `code@version`): every value in words, with its origin."""
    return presets.preset_json(queries.preset_named(code), language(request))


@router.get("/rounds", auth=needs("see_round"), response=RoundList)
def round_list(
    request: HttpRequest,
    *,
    state: RoundState | None = None,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = queries.PAGE,
) -> RoundList:
    """Rounds that touch the asker's areas, newest first."""
    rows = queries.rounds_for(actor_of(request), state=state, after=after, limit=limit)
    following = rows[-1].id if len(rows) == limit else None
    items = [RoundOut(**_round(request, row)) for row in rows]
    return RoundList(items=items, next=following, as_of=request_time(request))


@router.get("/rounds/{uuid:round_id}", auth=needs("see_round"), response=RoundPage)
def round_page(request: HttpRequest, round_id: uuid.UUID) -> RoundPage:
    """One round, with counts of the people in the asker's sight."""
    brief = queries.round_brief_for(actor_of(request), round_id)
    counts = queries.due_total_counts(round_id)
    return RoundPage(
        **_round(request, brief),
        counts=Counts(**asdict(counts), total=counts.total),
        excuses=queries.excuses(brief.preset_id),
        as_of=request_time(request),
    )


@router.get("/rounds/{uuid:round_id}/due", auth=needs("see_persons"), response=DueList)
def due_list(
    request: HttpRequest,
    round_id: uuid.UUID,
    *,
    asked: Query[DueAsked],
    limit: Annotated[int, Query(ge=1, le=1000)] = queries.PAGE,
) -> DueList:
    """The due list in the asker's sight, personal fields masked, by village and order of sampling."""
    actor = actor_of(request)
    queries.round_brief_for(actor, round_id)
    rows = queries.due_list_for(actor, round_id, asked.wanted(), limit=limit)
    following = rows[-1].key if len(rows) == limit else None
    items = [replace(row, address=population.mask_address(row.address)) for row in rows]
    return DueList(items=items, next=following, as_of=request_time(request))


@router.get("/rounds/{uuid:round_id}/due.xlsx", auth=needs("export"))
def due_export(
    request: HttpRequest, round_id: uuid.UUID, *, asked: Query[DueAsked]
) -> HttpResponse:
    """The same list as an Excel file; journalled as `export.make`."""
    actor = actor_of(request)
    if not actor.may("see_persons"):
        raise RuleBroken("campaigns.persons_hidden", status=403)
    brief = queries.round_brief_for(actor, round_id)
    made = exports.due_list(
        actor,
        round_id,
        asked.wanted(),
        language=language(request),
        at=request_time(request),
        id=uuid7(now()),
    )
    response = HttpResponse(made.data, content_type=exports.CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="due-{brief.area}-{brief.no}.xlsx"'
    response["X-Rows"] = str(made.rows)
    return response
