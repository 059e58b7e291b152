"""HTTP of this room: plans, searches and rehearsals, the answers of the day and before a round, candidate sites."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile

from yingjian.access.edges import actor_of, language, needs, request_time
from yingjian.kernel.clock import now
from yingjian.kernel.errors import sentence
from yingjian.kernel.ids import uuid7
from yingjian.population import places as place_lists

from . import (
    cadence,
    candidate_form,
    candidates,
    documents,
    ground,
    kept_lines,
    matching,
    means,
    outlook,
    pool_sizes,
    queries,
    rehearsals,
    rehearsing,
    troubles,
)
from .troubles import Troubles

router = Router(tags=["planning"])
Chosen = TypeVar("Chosen")


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
    says: str
    do: str
    """Why it failed and what to do about it; empty where it did not."""
    options: dict[str, Any]
    asked_at: datetime


class SearchList(Schema):
    items: list[SearchState]
    as_of: datetime


class RuleToTry(Schema):
    """What the preset says: a value, and within which bounds."""

    value: float | None
    low: float | None
    high: float | None


class LinesKept(Schema):
    plan_id: uuid.UUID
    version: int
    round_id: uuid.UUID
    round_name: str
    count: int


class PlanList(Schema):
    """`lines`: by kind (barriers, paths) those an earlier plan of the round or its area had."""

    items: list[PlanLine]
    rules: dict[str, RuleToTry]
    lines: dict[str, LinesKept]
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
    labs: dict[str, str]
    """Names of its laboratories by code."""
    items: list[FindingLine]
    as_of: datetime


@router.get("/rounds/{round_id}/plans", auth=needs("see_round"), response=PlanList)
def plans(request: HttpRequest, round_id: uuid.UUID) -> PlanList:
    """Plans of a round, the newest first, with totals and findings by level; rules that may be tried otherwise."""
    actor = actor_of(request)
    found = queries.plans_for(actor, round_id)
    said = {
        path: RuleToTry(value=limit.value, low=limit.low, high=limit.high)
        for path, limit in queries.rules_to_try(actor, round_id).items()
        if limit.value is None or isinstance(limit.value, int | float)
    }
    items = [PlanLine(**asdict(head)) for head in found]
    lines = {kind: LinesKept(**asdict(one)) for kind, one in kept_lines.last(round_id).items()}
    return PlanList(items=items, rules=said, lines=lines, as_of=request_time(request))


@router.get("/rounds/{round_id}/plan-searches", auth=needs("see_round"), response=SearchList)
def searches(request: HttpRequest, round_id: uuid.UUID) -> SearchList:
    """Plans being looked for and the last ones found, the newest first."""
    found = queries.searches_for(actor_of(request), round_id)
    items = [_search(line, language(request)) for line in found]
    return SearchList(items=items, as_of=request_time(request))


def _search(line: queries.SearchLine, lang: str) -> SearchState:
    told = asdict(line)
    params = told.pop("error_params")
    said = sentence(line.error, lang, params) if line.error else {"says": "", "do": ""}
    return SearchState(says=said["says"], do=said["do"], **told)


def _file(
    request: HttpRequest, data: bytes, kind: str, what: str, round_id: uuid.UUID, *, version: int | None = None
) -> HttpResponse:  # fmt: skip
    """A download by the round's name."""
    name = documents.file_name(
        what, kind, round_id=round_id, version=version, language=language(request)
    )
    return documents.answer(data, kind, name)


@router.get("/plans/{plan_id}/plan.geojson", auth=needs("see_round"))
def places(request: HttpRequest, plan_id: uuid.UUID) -> HttpResponse:
    """Sites, where their people live, mobile teams' stops and places not chosen, as GeoJSON."""
    head = queries.head_for(actor_of(request), plan_id)
    data = documents.places(queries.document_of(plan_id))
    return _file(request, data, documents.GEOJSON, "map", head.round_id, version=head.version)


@router.get("/plans/{plan_id}/plan.docx", auth=needs("see_round"))
def annex(request: HttpRequest, plan_id: uuid.UUID) -> HttpResponse:
    """The plan as an annex in Word, staff by name: taking it is journalled as `export.make`."""
    actor = actor_of(request)
    head = queries.head_for(actor, plan_id)
    data = documents.plan_paper(
        head, actor=actor, at=request_time(request), export_id=uuid7(now()),
        language=language(request),
    )  # fmt: skip
    return _file(request, data, documents.DOCX, "annex", head.round_id, version=head.version)


@router.get("/plans/{plan_id}", auth=needs("see_round"), response=PlanWhole)
def plan(request: HttpRequest, plan_id: uuid.UUID, full: bool = False) -> PlanWhole:
    """A plan. Households stay out of slots and home lists unless `full` is asked for."""
    head = queries.head_for(actor_of(request), plan_id)
    made, findings = queries.document_of(plan_id), queries.findings_of(plan_id)
    return PlanWhole(
        **asdict(head),
        plan=documents.shown(made, full=full),
        labs=queries.lab_names(made),
        items=[
            FindingLine(**line)
            for line in documents.finding_lines(made, findings, language(request))
        ],
        as_of=request_time(request),
    )


@router.get("/plans/{plan_id}/codes.pdf", auth=needs("see_round"))
def codes(request: HttpRequest, plan_id: uuid.UUID, under: str = "") -> HttpResponse:
    """Labels of sites, stations and boxes; `under` is a site code or an area prefix."""
    head = queries.head_for(actor_of(request), plan_id)
    data = documents.code_sheet(
        queries.document_of(plan_id), under=under, language=language(request)
    )
    return _file(request, data, documents.PDF, "codes", head.round_id, version=head.version)


@router.get("/plans/{plan_id}/plan.xlsx", auth=needs("see_round"))
def workbook(request: HttpRequest, plan_id: uuid.UUID) -> HttpResponse:
    """The plan as tables, staff by name: taking it is journalled as `export.make`."""
    actor = actor_of(request)
    head = queries.head_for(actor, plan_id)
    data = documents.plan_book(
        head, actor=actor, at=request_time(request), export_id=uuid7(now()), language=language(request)
    )  # fmt: skip
    return _file(request, data, documents.XLSX, "book", head.round_id, version=head.version)


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
Infected = Annotated[float | None, Query(ge=0, le=1000)]
# Two parameters of one route need a `Query` each: they would share one default.


class RehearsalState(Schema):
    plan_id: uuid.UUID
    state: str
    done: float
    stop_asked: bool


@router.get(
    "/plans/{plan_id}/rehearsal", auth=needs("see_round"),
    response={200: rehearsing.Rehearsal, 202: RehearsalState},
)  # fmt: skip
def rehearsal(
    request: HttpRequest, plan_id: uuid.UUID, *, runs: Runs = 60, trials: Trials = 10, seed: int = 0,
    positives: Infected = None, again: bool = False,
) -> Status[Any]:  # fmt: skip
    """The plan played many times: when it ends, where it queues, what would go wrong, what would help. 202: it is being
    played; the first to ask begins it. `positives`: of ten thousand people infected; not given, as many as the
    round before found in the area. `again`: play one that failed or was stopped anew."""
    asked = rehearsals.Asked(plan_id, runs, trials, seed, positives=positives)
    return _rehearsed(request, asked, again=again)


@router.post("/plans/{plan_id}/rehearsal/stop", auth=needs("see_round"), response={204: None})
def rehearsal_stop(
    request: HttpRequest, plan_id: uuid.UUID, *, runs: Runs = 60, trials: Trials = 10, seed: int = 0,
    positives: Infected = None,
) -> Status[None]:  # fmt: skip
    """End a rehearsal with what was played so far."""
    asked = rehearsals.Asked(plan_id, runs, trials, seed, positives=positives)
    rehearsals.stop(actor_of(request), asked)
    return Status(204, None)


@router.post(
    "/plans/{plan_id}/troubles", auth=needs("see_round"),
    response={200: rehearsing.Rehearsal, 202: RehearsalState},
)  # fmt: skip
def troubled(
    request: HttpRequest, plan_id: uuid.UUID, own: Troubles, *, seed: int = 0,
    positives: Infected = None, again: bool = False,
) -> Status[Any]:  # fmt: skip
    """What becomes of the plan's day if all of these go wrong at once. Played and kept as a rehearsal is."""
    asked = rehearsals.Asked(plan_id, troubles.RUNS, troubles.RUNS, seed, own, positives)
    return _rehearsed(request, asked, again=again)


def _rehearsed(request: HttpRequest, asked: rehearsals.Asked, *, again: bool) -> Status[Any]:
    found = rehearsals.rehearsal_for(
        actor_of(request), asked, again=again, at=request_time(request), language=language(request)
    )
    if isinstance(found, rehearsals.RehearsalProgress):
        return Status(202, RehearsalState(**asdict(found)))
    return Status(200, found)


def _rehearsal_taken(
    request: HttpRequest, asked: rehearsals.Asked, write: Callable[..., bytes], kind: str
) -> HttpResponse:
    """A rehearsal that was played, as a file."""
    head, told = queries.head_for(actor_of(request), asked.plan_id), language(request)
    at = request_time(request)
    found = rehearsals.kept_for(actor_of(request), asked, at=at, language=told)
    data = write(found, at=at, language=told)
    return _file(request, data, kind, "rehearsal", head.round_id, version=head.version)


@router.get("/plans/{plan_id}/rehearsal.docx", auth=needs("see_round"))
def rehearsal_annex(
    request: HttpRequest, plan_id: uuid.UUID, *, runs: Runs = 60, trials: Trials = 10, seed: int = 0,
    positives: Infected = None,
) -> HttpResponse:  # fmt: skip
    """The same as an annex to the plan, in Word; it has to be played first (`planning.rehearsal_waits`, 409)."""
    asked = rehearsals.Asked(plan_id, runs, trials, seed, positives=positives)
    return _rehearsal_taken(request, asked, documents.rehearsal_annex, documents.DOCX)


@router.get("/plans/{plan_id}/rehearsal.xlsx", auth=needs("see_round"))
def rehearsal_tables(
    request: HttpRequest, plan_id: uuid.UUID, *, runs: Runs = 60, trials: Trials = 10, seed: int = 0,
    positives: Infected = None,
) -> HttpResponse:  # fmt: skip
    """Every figure of it as tables, as the annex it has to be played first."""
    asked = rehearsals.Asked(plan_id, runs, trials, seed, positives=positives)
    return _rehearsal_taken(request, asked, documents.rehearsal_tables, documents.XLSX)


@router.get("/rounds/{round_id}/outlook", auth=needs("see_round"), response=outlook.RoundOutlook)
def rest_of_the_day(
    request: HttpRequest, round_id: uuid.UUID, *, fresh: bool = False
) -> outlook.RoundOutlook:
    """When the day ends as it stands now, and what would help: some minutes old at most, of this moment if `fresh`."""
    return outlook.outlook_for(
        actor_of(request),
        round_id,
        at=request_time(request),
        language=language(request),
        fresh=fresh,
    )


@router.get("/rounds/{round_id}/matching", auth=needs("see_round"), response=matching.Matching)
def matched(request: HttpRequest, round_id: uuid.UUID, *, fresh: bool = False) -> matching.Matching:
    """Tubes to laboratories as they are now: a quarter of an hour old at most, of this moment if `fresh`."""
    return matching.matching_for(actor_of(request), round_id, at=request_time(request), fresh=fresh)


@router.get("/rounds/{round_id}/matching.xlsx", auth=needs("see_round"))
def matched_tables(request: HttpRequest, round_id: uuid.UUID) -> HttpResponse:
    """The same as tables."""
    found = matching.matching_for(actor_of(request), round_id, at=request_time(request))
    data = documents.match_tables(found, language(request))
    return _file(request, data, documents.XLSX, "matching", round_id)


@router.get("/rounds/{round_id}/pool-sizes", auth=needs("see_round"), response=pool_sizes.PoolSizes)
def sizes(
    request: HttpRequest,
    round_id: uuid.UUID,
    asked: Query[pool_sizes.PoolAsked],
    *,
    fresh: bool = False,
) -> pool_sizes.PoolSizes:
    """How many to a tube, town by town: tubes, re-tests, missed, finishing time, the size recommended and why."""
    return _choice(request, round_id, pool_sizes.pool_sizes, asked, fresh=fresh)


def _choice(
    request: HttpRequest, round_id: uuid.UUID, choose: Callable[..., Chosen], asked: object, *, fresh: bool = False
) -> Chosen:  # fmt: skip
    """A question before a round, answered from what is known of it."""
    known = ground.ground_for(actor_of(request), round_id, at=request_time(request), fresh=fresh)
    return choose(known, asked, language=language(request))


@router.get("/rounds/{round_id}/pool-sizes.xlsx", auth=needs("see_round"))
def size_tables(
    request: HttpRequest, round_id: uuid.UUID, asked: Query[pool_sizes.PoolAsked]
) -> HttpResponse:
    """The same as tables."""
    found = _choice(request, round_id, pool_sizes.pool_sizes, asked)
    data = documents.pool_tables(found, language(request))
    return _file(request, data, documents.XLSX, "pool_sizes", round_id)


@router.get("/rounds/{round_id}/cadence", auth=needs("see_round"), response=cadence.Cadence)
def rhythm(
    request: HttpRequest, round_id: uuid.UUID, asked: Query[cadence.CadenceAsked], *, fresh: bool = False
) -> cadence.Cadence:  # fmt: skip
    """How often to swab: what each way of spacing rounds finds and costs; by the preset, each town's next days."""
    return _choice(request, round_id, cadence.cadence, asked, fresh=fresh)


@router.get("/rounds/{round_id}/cadence.xlsx", auth=needs("see_round"))
def rhythm_tables(
    request: HttpRequest, round_id: uuid.UUID, asked: Query[cadence.CadenceAsked]
) -> HttpResponse:
    """The same as tables."""
    found = _choice(request, round_id, cadence.cadence, asked)
    data = documents.cadence_tables(found, language(request))
    return _file(request, data, documents.XLSX, "cadence", round_id)


@router.get("/rounds/{round_id}/cadence.docx", auth=needs("see_round"))
def rhythm_annex(
    request: HttpRequest, round_id: uuid.UUID, asked: Query[cadence.CadenceAsked]
) -> HttpResponse:
    """The same in Word."""
    found = _choice(request, round_id, cadence.cadence, asked)
    data = documents.cadence_annex(found, language(request))
    return _file(request, data, documents.DOCX, "cadence", round_id)


# -- candidate sites ---------------------------------------------------------------------------


class CandidatePage(Schema):
    items: list[candidates.CandidateLine]
    next: str | None
    as_of: datetime


class CandidateLists(Schema):
    items: list[place_lists.ListLine]
    as_of: datetime


class CandidateListOut(Schema):
    item: place_lists.ListLine
    problems: list[place_lists.ProblemLine] = []
    as_of: datetime


@router.get("/candidates", auth=needs("see_round"), response=CandidatePage)
def candidate_page(
    request: HttpRequest, area: str = "", after: str = "", limit: int = candidates.PAGE, *, withdrawn: bool = False
) -> CandidatePage:  # fmt: skip
    """Places where sites may be, by key."""
    found = candidates.candidates_for(
        actor_of(request), area=area, withdrawn=withdrawn, after=after, limit=limit
    )
    full = len(found) >= min(max(limit, 1), candidates.PAGE)
    return CandidatePage(
        items=found, next=found[-1].key if full else None, as_of=request_time(request)
    )


@router.get("/candidates.xlsx", auth=needs("see_round"))
def candidate_book(request: HttpRequest, area: str = "") -> HttpResponse:
    """The candidates in force in the shape of the template."""
    rows = _in_force(request, area)
    data = place_lists.written(candidates.LISTS, rows, language=language(request))
    return documents.answer(data, documents.XLSX, "candidates.xlsx")


@router.get("/candidates.geojson", auth=needs("see_round"))
def candidate_map(request: HttpRequest, area: str = "") -> HttpResponse:
    """The same as GeoJSON, in the shape a list may be handed in."""
    data = place_lists.geojson(_in_force(request, area))
    return documents.answer(data, documents.GEOJSON, "candidates.geojson")


def _in_force(request: HttpRequest, area: str) -> list[dict[str, Any]]:
    """The candidates in force as lines of the template."""
    found = candidates.lines_for(actor_of(request), area=area)
    return [candidate_form.line_of(row, language(request)) for row in found]


@router.get("/candidates/template.xlsx", auth=needs("plan_round"))
def candidate_template(request: HttpRequest) -> HttpResponse:
    """An empty list of candidates to fill in, with an example and notes."""
    data = place_lists.template(candidates.LISTS, language=language(request))
    return documents.answer(data, documents.XLSX, "candidates-template.xlsx")


@router.get("/candidates/lists", auth=needs("plan_round"), response=CandidateLists)
def candidate_lists(request: HttpRequest) -> CandidateLists:
    """The last lists of candidates handed in."""
    found = place_lists.lines_for(candidates.LISTS, actor_of(request), language=language(request))
    return CandidateLists(items=found, as_of=request_time(request))


@router.post("/candidates/lists", auth=needs("plan_round"), response={202: CandidateListOut})
def upload_candidates(
    request: HttpRequest, file: File[UploadedFile], area: Form[str], datum: Form[str] = "wgs84",
    list_id: Form[uuid.UUID | None] = None,
) -> Status[CandidateListOut]:  # fmt: skip
    """Take a list of candidates (xlsx, xls, ods, csv, GeoJSON); a job reads it, nothing is applied yet."""
    at = request_time(request)
    line = place_lists.handed_in(
        candidates.LISTS, file.chunks(), actor=actor_of(request), at=at, list_id=list_id or uuid7(now()), area=area,
        file_name=file.name or "", datum=datum, language=language(request),
    )  # fmt: skip
    return Status(202, CandidateListOut(item=line, as_of=at))


@router.get("/candidates/lists/{list_id}", auth=needs("plan_round"), response=CandidateListOut)
def candidate_list(request: HttpRequest, list_id: uuid.UUID) -> CandidateListOut:
    """One list: how far it was read, what it would do, its first faults."""
    line, told = place_lists.standing_for(
        candidates.LISTS, actor_of(request), list_id, language=language(request)
    )
    return CandidateListOut(item=line, problems=told, as_of=request_time(request))


@router.get("/candidates/lists/{list_id}/problems.xlsx", auth=needs("plan_round"))
def candidate_problems(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Only the refused lines, with what is wrong and what to do, ready to be mended and handed in."""
    data = place_lists.to_mend(
        candidates.LISTS, actor_of(request), list_id, language=language(request)
    )
    return documents.answer(data, documents.XLSX, "candidates-to-mend.xlsx")
