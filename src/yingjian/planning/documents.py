"""What plans and answers look like outside: JSON for screens, GeoJSON, label sheets, workbooks, annexes in Word."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec
from django.http import HttpResponse
from django.utils.http import content_disposition_header

from yingjian.access import journal
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.engines.plan.model import Plan
from yingjian.kernel import rendering
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.papers import Report
from yingjian.workforce import queries as workforce

from . import (
    annex,
    cadence,
    cadence_paper,
    crewing,
    labels,
    match_paper,
    matching,
    means_annex,
    pool_paper,
    pool_sizes,
    queries,
    rehearsal_book,
    rehearsal_paper,
    rehearsing,
    wording,
)
from .workbook import workbook

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GEOJSON = "application/geo+json"


def shown(plan: Plan, *, full: bool) -> dict[str, Any]:
    """The plan as JSON. Without `full` slots and home lists give counts, not households."""
    found: dict[str, Any] = msgspec.to_builtins(plan)
    if not full:
        for site in found["sites"]:
            for slot in site["slots"]:
                slot["blocks"] = len(slot["blocks"])
                del slot["sizes"]
            site["home"] = len(site["home"])
        for part in ("multipliers", "counted", "count_prices", "spots", "options", "beyond"):
            found["siting"][part] = len(found["siting"][part])
        found["siting"]["cases"] = len(found["siting"]["cases"]["each"])
    return found


def finding_lines(
    plan: Plan, findings: list[dict[str, Any]], language: str
) -> list[dict[str, Any]]:
    """Findings with their sentence, sites by name. `elements` tells how many a line of held rules stands for."""
    places = queries.names_in(plan, language)
    return [
        {
            "code": item["code"],
            "level": item["level"],
            "says": wording.told(item, language, places),
            "element": item["element"],
            "path": item.get("path", ""),
            "value": item.get("value"),
            "origin": wording.origin(item.get("origin", ""), language),
            "rules": item.get("rules", []),
            "measured": item.get("measured"),
            "limit": item.get("limit"),
            "over": item.get("over", 0.0),
            "elements": int(item.get("params", {}).get("elements", 1)),
        }
        for item in findings
    ]


def code_sheet(plan: Plan, *, under: str, language: str) -> bytes:
    """Labels as PDF. `planning.site_not_planned` (404), `planning.too_many_labels`."""
    found = list(labels.labels(plan, under=under))
    if not found:
        raise RuleBroken("planning.site_not_planned", status=404, site=under[:40])
    if len(found) > labels.MOST:
        raise RuleBroken("planning.too_many_labels", labels=len(found), most=labels.MOST)
    return labels.sheet(found, language=language)


def plan_book(
    head: queries.PlanHead, *, actor: Actor, at: datetime, export_id: uuid.UUID, language: str
) -> bytes:
    """The workbook of a stored plan. It names staff, so taking it is journalled with how many (checklist 101)."""
    plan = queries.document_of(head.id)
    data = tables(plan, queries.findings_of(head.id), language)
    _taken(head, plan, actor=actor, at=at, export_id=export_id)
    return data


def plan_paper(
    head: queries.PlanHead, *, actor: Actor, at: datetime, export_id: uuid.UUID, language: str
) -> bytes:
    """The annex of a stored plan in Word, which names staff by shift: journalled as the workbook is."""
    plan = queries.document_of(head.id)
    data = plan_annex(head, plan, at=at, language=language)
    _taken(head, plan, actor=actor, at=at, export_id=export_id)
    return data


def _taken(
    head: queries.PlanHead, plan: Plan, *, actor: Actor, at: datetime, export_id: uuid.UUID
) -> None:
    told = {"what": "plan", "plan_id": head.id, "rows": len(crewing.staff_ids(plan))}
    journal.record("export.make", told, actor=actor, id=export_id, at=at, area=head.area)


def tables(plan: Plan, findings: list[dict[str, Any]], language: str) -> bytes:
    """The workbook in local time."""
    names = workforce.names_of(crewing.staff_ids(plan))
    areas = queries.area_names(crewing.areas_in(plan), language)
    return workbook(
        plan, findings, names_of=names, areas=areas, called=queries.names_in(plan, language), language=language,
        tz=queries.local_time(),
    )  # fmt: skip


def rehearsal_annex(found: rehearsing.Rehearsal, *, at: datetime, language: str) -> bytes:
    """The rehearsal in Word, times in local time."""
    paper = rehearsal_paper.paper(
        found,
        round_name=campaigns.round_brief(found.round_id).name,
        as_of=at.astimezone(queries.local_time()),
        language=language,
    )
    return _word(paper, language)


def rehearsal_tables(found: rehearsing.Rehearsal, *, at: datetime, language: str) -> bytes:
    """The same as a workbook: each table once, with the date in front where the plan has several days."""
    report = rehearsal_book.book(
        found,
        round_name=campaigns.round_brief(found.round_id).name,
        as_of=at.astimezone(queries.local_time()),
        language=language,
    )
    return _sheets(report, language)


def match_tables(found: matching.Matching, language: str) -> bytes:
    """The matching of tubes and laboratories as a workbook."""
    return _sheets(_written(match_paper.paper, found, language), language)


def pool_tables(found: pool_sizes.PoolSizes, language: str) -> bytes:
    """How many to a tube as a workbook."""
    return _sheets(_written(pool_paper.paper, found, language), language)


def cadence_tables(found: cadence.Cadence, language: str) -> bytes:
    """Ways to space rounds as a workbook."""
    return _sheets(_written(cadence_paper.paper, found, language), language)


def cadence_annex(found: cadence.Cadence, language: str) -> bytes:
    """The same in Word."""
    return _word(_written(cadence_paper.paper, found, language), language)


def _written(
    paper: Callable[..., Report],
    found: matching.Matching | pool_sizes.PoolSizes | cadence.Cadence,
    language: str,
) -> Report:
    name = campaigns.round_brief(found.round_id).name
    return paper(found, round_name=name, tz=queries.local_time(), language=language)


def _sheets(report: Report, language: str) -> bytes:
    words = wording.words(language)
    return rendering.to_xlsx(report, summary=words["sheet"]["totals"], none=words["no_rows"])


def _word(report: Report, language: str) -> bytes:
    words = wording.words(language)
    return rendering.to_docx(report, more=words["rehearsal"]["more"], none=words["no_rows"])


def places(plan: Plan) -> bytes:
    """The plan's places as GeoJSON."""
    return annex.geojson(plan)


def plan_annex(head: queries.PlanHead, plan: Plan, *, at: datetime, language: str) -> bytes:
    """Sites, mobile teams, proof, people, goods and rules in Word, times in local time."""
    tz = queries.local_time()
    brief = campaigns.round_brief(head.round_id)
    report = annex.paper(
        plan, queries.findings_of(head.id), means=means_annex.of(plan, tz=tz, language=language),
        called=queries.names_in(plan, language), preset=brief.preset_title[wording.short(language)],
        round_name=brief.name, version=head.version,
        as_of=at.astimezone(tz), tz=tz, language=language,
    )  # fmt: skip
    return _word(report, language)


FORBIDDEN: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
"""What no file's name may hold on some office's computer."""


def file_name(
    what: str, kind: str, *, round_id: uuid.UUID, version: int | None = None, language: str
) -> str:
    """A file as its reader finds it again: the round, what it is, the plan's version. `what`: a word of `file`."""
    names = wording.words(language)["file"]
    told = names["version"].format(version=version) if version is not None else ""
    title = FORBIDDEN.sub("_", f"{campaigns.round_brief(round_id).name}{names[what]}{told}")
    return f"{title}.{ENDINGS[kind]}"


ENDINGS: Final = {DOCX: "docx", XLSX: "xlsx", PDF: "pdf", GEOJSON: "geojson"}


def answer(data: bytes, kind: str, name: str) -> HttpResponse:
    """A download."""
    response = HttpResponse(data, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return response
