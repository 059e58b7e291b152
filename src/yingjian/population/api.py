"""HTTP of this room: the region tree, rosters, people (masked), reveal, export."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Query, Router, Schema, Status
from ninja.files import UploadedFile

from yingjian.access.edges import actor_of, language, needs, request_time
from yingjian.kernel.clock import now
from yingjian.kernel.ids import uuid7
from yingjian.population import actions, buildings, places, queries, spreadsheets, uploads

router = Router(tags=["population"])
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
T = TypeVar("T")


class RegionList(Schema):
    items: list[queries.RegionItem]
    next: None = None
    as_of: datetime


class ImportOut(Schema):
    id: uuid.UUID
    area: str
    file_name: str
    checksum: str
    state: str
    rows_read: int
    rows_taken: int
    rows_unchanged: int
    rows_refused: int
    rows_total: int | None
    totals: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None
    problems: int | None = None


class ImportList(Schema):
    items: list[ImportOut]
    next: None = None
    as_of: datetime


class ProblemOut(Schema):
    id: int
    sheet: str
    row: int
    column: str
    code: str
    says: str
    do: str
    params: dict[str, Any]
    refused: bool


class ProblemList(Schema):
    items: list[ProblemOut]
    next: int | None
    as_of: datetime


class PersonList(Schema):
    items: list[queries.PersonItem]
    next: uuid.UUID | None
    as_of: datetime


class PersonSearch(Schema):
    q: str = ""
    area: str = ""
    category: str = ""
    after: uuid.UUID | None = None
    limit: int = queries.PAGE


class RevealIn(Schema):
    reason: str
    reveal_id: uuid.UUID | None = None


class ExportIn(Schema):
    area: str
    reason: str
    full: bool = False
    export_id: uuid.UUID | None = None


def _workbook(name: str, write: Callable[[Path], T]) -> tuple[HttpResponse, T]:
    """A workbook written to a temporary file and answered as a download."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        outcome = write(path)
        response = HttpResponse(path.read_bytes(), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response, outcome


@router.get("/regions", auth=needs(None), response=RegionList)
def regions(request: HttpRequest, under: str = "") -> Any:
    """Areas directly below path `under` (empty: the roots)."""
    return {"items": queries.regions_under(under), "as_of": request_time(request)}


@router.post("/rosters", auth=needs("import_roster"), response={202: ImportOut})
def upload_roster(
    request: HttpRequest,
    file: File[UploadedFile],
    area: Form[str],
    region: Form[str] = "",
    import_id: Form[uuid.UUID | None] = None,
) -> Any:
    """Take a roster (xlsx, xls, ods, csv) for an area; a job reads it, `GET /rosters/{id}` follows it."""
    actor, at = actor_of(request), request_time(request)
    run = import_id or uuid7(now())
    actions.roster_queue(
        actor=actor,
        at=at,
        import_id=run,
        area=area,
        file_name=file.name or "",
        region=region,
    )
    uploads.save(run, file.chunks())
    return Status(202, queries.import_for(actor, run))


@router.get("/rosters", auth=needs("import_roster"), response=ImportList)
def list_rosters(request: HttpRequest, limit: int = queries.PAGE) -> Any:
    return {
        "items": queries.imports_for(actor_of(request), limit=limit),
        "as_of": request_time(request),
    }


@router.get("/rosters/template.xlsx", auth=needs("import_roster"))
def template(request: HttpRequest) -> HttpResponse:
    """An empty roster to fill in."""
    lang = language(request)
    return _workbook("roster.xlsx", lambda p: spreadsheets.write_template(p, lang=lang))[0]


@router.get("/rosters/{import_id}", auth=needs("import_roster"), response=ImportOut)
def roster(request: HttpRequest, import_id: uuid.UUID) -> Any:
    """State, progress (rows_read of rows_total) and control totals of one import."""
    return queries.import_for(actor_of(request), import_id)


@router.get("/rosters/{import_id}/problems", auth=needs("import_roster"), response=ProblemList)
def problems(
    request: HttpRequest, import_id: uuid.UUID, after: int = 0, limit: int = queries.PAGE
) -> Any:
    """Findings in the order of the file: line, column, what is wrong, what to do."""
    found = queries.problems_for(actor_of(request), import_id, after=max(after, 0), limit=limit)
    lang = language(request)
    items = [
        {
            "id": row.id,
            "sheet": row.sheet,
            "row": row.row,
            "column": row.column,
            "code": row.code,
            **spreadsheets.told_of(row, lang),
            "params": {key: value for key, value in row.params.items() if key != "sealed"},
            "refused": row.refused,
        }
        for row in found
    ]
    return {
        "items": items,
        "next": found[-1].id if found else None,
        "as_of": request_time(request),
    }


@router.get("/rosters/{import_id}/problems.xlsx", auth=needs("import_roster"))
def problems_workbook(request: HttpRequest, import_id: uuid.UUID) -> HttpResponse:
    """The refused lines as they came, bad cells marked, to be corrected and uploaded again.
    It holds full personal data, so taking it is journalled."""
    actor, lang = actor_of(request), language(request)
    run = queries.import_for(actor, import_id)
    found = queries.problems_for(actor, import_id, limit=None)
    headings = run["totals"].get("headings", {})
    response, lines = _workbook(
        "problems.xlsx",
        lambda p: spreadsheets.write_problems(p, found, headings=headings, lang=lang),
    )
    actions.export_record(
        actor=actor,
        at=request_time(request),
        export_id=uuid7(now()),
        area=run["area"],
        what="roster.problems",
        reason=str(import_id),
        rows=lines,
        checksum=run["checksum"],
    )
    return response


@router.get("/persons", auth=needs("see_persons"), response=PersonList)
def persons(request: HttpRequest, wanted: Query[PersonSearch]) -> Any:
    """People in sight, masked. `q`: document number, its last four, telephone, or start of a name."""
    found = queries.persons_for(
        actor_of(request),
        q=wanted.q,
        area=wanted.area,
        category=wanted.category,
        after=wanted.after,
        limit=wanted.limit,
    )
    full = len(found) >= min(max(wanted.limit, 1), queries.PAGE_MAX)
    return {
        "items": found,
        "next": found[-1].id if full else None,
        "as_of": request_time(request),
    }


@router.post("/persons/export", auth=needs("export"))
def export(request: HttpRequest, given: ExportIn) -> HttpResponse:
    """All people of an area as a workbook; masked unless `full`, which needs `reveal`. Journalled;
    the answer's headers carry the number of lines and the file's SM3."""
    actor, lang = actor_of(request), language(request)
    reason = actions.export_allowed(
        actor=actor, area=given.area, reason=given.reason, full=given.full
    )
    rows = queries.persons_export_for(actor, area=given.area, full=given.full)
    response, (count, checksum) = _workbook(
        "persons.xlsx", lambda p: spreadsheets.write_people(p, rows, lang=lang)
    )
    actions.export_record(
        actor=actor,
        at=request_time(request),
        export_id=given.export_id or uuid7(now()),
        area=given.area,
        what="persons.full" if given.full else "persons",
        reason=reason,
        rows=count,
        checksum=checksum,
    )
    response["X-Row-Count"], response["X-Checksum-SM3"] = str(count), checksum
    return response


@router.get("/persons/{person_id}", auth=needs("see_persons"), response=queries.PersonDetail)
def person(request: HttpRequest, person_id: uuid.UUID) -> Any:
    """One person, masked, with household and categories."""
    return queries.person_known_for(actor_of(request), person_id)


@router.post("/persons/{person_id}/reveal", auth=needs("reveal"), response=actions.Revealed)
def reveal(request: HttpRequest, person_id: uuid.UUID, given: RevealIn) -> Any:
    """Full data of one person for a reason; who looked and why is journalled."""
    return actions.person_reveal(
        actor=actor_of(request),
        at=request_time(request),
        reveal_id=given.reveal_id or uuid7(now()),
        person_id=person_id,
        reason=given.reason,
    )


# -- where homes stand -------------------------------------------------------------------------


class PlaceListOut(Schema):
    item: places.ListLine
    problems: list[places.ProblemLine] = []
    as_of: datetime


class PlaceLists(Schema):
    items: list[places.ListLine]
    as_of: datetime


class HomesOut(Schema):
    items: list[buildings.HomesLine]
    homes: int
    placed: int
    as_of: datetime


@router.get("/buildings", auth=needs("import_roster"), response=HomesOut)
def homes(request: HttpRequest, area: str = "") -> Any:
    """Homes by village, and of how many it is known where they stand."""
    found = buildings.homes_for(actor_of(request), area=area)
    return {
        "items": found,
        "homes": sum(line.homes for line in found),
        "placed": sum(line.placed for line in found),
        "as_of": request_time(request),
    }


@router.get("/buildings/template.xlsx", auth=needs("import_roster"))
def building_template(request: HttpRequest) -> HttpResponse:
    """An empty list of buildings to fill in."""
    data = places.template(buildings.LISTS, language=language(request))
    return _download(data, XLSX, "buildings-template.xlsx")


@router.get("/buildings/missing.xlsx", auth=needs("export"))
def buildings_missing(request: HttpRequest) -> HttpResponse:
    """Buildings whose homes nobody knows the place of, in the shape of the template. Journalled."""
    rows = buildings.unplaced_for(
        actor_of(request), at=request_time(request), export_id=uuid7(now())
    )
    data = places.written(buildings.LISTS, rows, language=language(request))
    return _download(data, XLSX, "buildings-missing.xlsx")


@router.get("/buildings/lists", auth=needs("import_roster"), response=PlaceLists)
def building_lists(request: HttpRequest) -> Any:
    """The last lists of buildings handed in."""
    found = places.lines_for(buildings.LISTS, actor_of(request), language=language(request))
    return {"items": found, "as_of": request_time(request)}


@router.post("/buildings/lists", auth=needs("import_roster"), response={202: PlaceListOut})
def upload_buildings(
    request: HttpRequest,
    file: File[UploadedFile],
    area: Form[str],
    datum: Form[str] = "wgs84",
    list_id: Form[uuid.UUID | None] = None,
) -> Any:
    """Take a list of buildings (xlsx, xls, ods, csv, GeoJSON); a job reads it, nothing is applied yet."""
    at = request_time(request)
    line = places.handed_in(
        buildings.LISTS, file.chunks(), actor=actor_of(request), at=at, list_id=list_id or uuid7(now()), area=area,
        file_name=file.name or "", datum=datum, language=language(request),
    )  # fmt: skip
    return Status(202, {"item": line, "as_of": at})


@router.get("/buildings/lists/{list_id}", auth=needs("import_roster"), response=PlaceListOut)
def building_list(request: HttpRequest, list_id: uuid.UUID) -> Any:
    """One list: how far it was read, what it would do, its first faults."""
    line, told = places.standing_for(
        buildings.LISTS, actor_of(request), list_id, language=language(request)
    )
    return {"item": line, "problems": told, "as_of": request_time(request)}


@router.get("/buildings/lists/{list_id}/problems.xlsx", auth=needs("import_roster"))
def building_problems(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Only the refused lines, with what is wrong and what to do, ready to be mended and handed in."""
    data = places.to_mend(buildings.LISTS, actor_of(request), list_id, language=language(request))
    return _download(data, XLSX, "buildings-to-mend.xlsx")


def _download(data: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
