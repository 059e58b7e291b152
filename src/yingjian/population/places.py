"""Lists of places a county hands in (candidate sites, buildings): received, read by a job, shown, then applied.

A door of this room: the room whose places they are keeps a table of its own made from `models.PlaceList` and gives a
`Form`. Reading changes nothing but the list's own row; applying is a command of that room.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import QuerySet

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.population import place_rules, queries, uploads
from yingjian.population.models import PlaceList
from yingjian.population.place_files import PlaceReader
from yingjian.population.place_form import (
    AREA_CODE,
    AREA_NAME,
    DATUM,
    LAT,
    LON,
    REMARKS,
    Form,
    Ground,
    Judged,
    count_of,
    flag_of,
    judged,
    text_of,
    word_of,
)
from yingjian.population.place_sheets import (
    Sheet,
    geojson,
    sheet_of,
    sheet_words,
    title_of,
    write_lines,
    write_mend,
    write_template,
)
from yingjian.population.values import Column

__all__ = [
    "AREA_CODE", "AREA_NAME", "DATUM", "LAT", "LON", "REMARKS", "Column", "Compare", "Form", "Good", "Ground",
    "Judged", "Kind", "ListLine", "PlaceList", "ProblemLine", "Sheet", "applicable", "applied", "by_hand", "count_of",
    "flag_of", "geojson", "handed_in", "interrupted", "lines_for", "read", "sheet_of", "sheet_words", "standing_for",
    "template", "text_of", "to_mend", "word_of", "written",
]  # fmt: skip

UNFINISHED: Final = frozenset({"waiting", "reading"})
EVERY: Final = 4_000
"""Lines between two looks at the progress."""
SHOWN: Final = 20
SHOWN_PROBLEMS: Final = 200
Model = type[PlaceList]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of list: where it is kept, what its lines hold, how they look, who may hand it in, which job reads it."""

    model: Model
    form: Form
    sheet: Callable[[str], Sheet]
    """By language."""
    permission: str
    task: str


def _of(model: Model) -> QuerySet[PlaceList]:
    return QuerySet(model)


@dataclass
class Good:
    """A sound line: its place in the file, what it says, and what taking it would do (`was`)."""

    sheet: str
    row: int
    raw: Sequence[str]
    values: dict[str, Any]
    was: str = "new"
    problems: list[dict[str, Any]] = field(default_factory=list)

    def wrong(self, code: str, column: str = "", /, **params: Any) -> None:
        """Refuse it after all: the line is sound, what is stored says otherwise."""
        self.problems.append({"code": code, "column": column, "params": params})


Compare = Callable[[Sequence[Good], Ground], dict[str, Any]]
"""Lays sound lines beside what is stored: sets `was`, may refuse lines; returns further counts."""


# -- received ----------------------------------------------------------------------------------


def handed_in(
    kind: Kind, chunks: Iterable[bytes], *, actor: Actor, at: datetime, list_id: uuid.UUID, area: str,
    file_name: str, datum: str, language: str,
) -> ListLine:  # fmt: skip
    """Open a list, defer the job that reads its file, and keep the file until then; how the list stands.

    Row and job are made both or neither. `population.import.id_used` (409), `access.outside_area`,
    `population.region.not_loaded`, `population.place.datum`.
    """
    _queue(kind, actor=actor, at=at, list_id=list_id, area=area, file_name=file_name, datum=datum)
    uploads.save(list_id, chunks)
    return _line_of(kind, list_id, language=language)


def _queue(
    kind: Kind, *, actor: Actor, at: datetime, list_id: uuid.UUID, area: str, file_name: str, datum: str
) -> None:  # fmt: skip
    from procrastinate.contrib.django import app

    scope.require(actor, kind.permission, area)
    queries.region_index(area)
    grid = place_rules.datum_of(datum)
    if grid is None:
        raise RuleBroken("population.place.datum", value=datum[:30])
    try:
        with transaction.atomic(), scope.everywhere():
            _of(kind.model).create(
                id=list_id,
                area=area,
                file_name=file_name[:200],
                datum=grid,
                state="waiting",
                asked_at=at,
            )
            app.configure_task(kind.task, queue="imports").defer(
                list_id=str(list_id), at=at.isoformat()
            )
    except IntegrityError:
        raise RuleBroken("population.import.id_used", status=409) from None


# -- read --------------------------------------------------------------------------------------


@contextmanager
def _reading(list_id: uuid.UUID) -> Iterator[None]:
    """A lock of the database session for as long as a list is read: it goes when its process dies."""
    key = f"population.places.{list_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


def read(kind: Kind, compare: Compare, *, list_id: uuid.UUID, at: datetime) -> None:
    """Read the file of a list that was handed in; its end is in its row, whatever it is. The file is deleted."""
    model, form = kind.model, kind.form
    with _reading(list_id):
        with scope.everywhere():
            asked = _of(model).filter(id=list_id, state="waiting").first()
            if asked is None:
                return
            _of(model).filter(id=list_id).update(state="reading")
            ground = Ground(queries.region_index(asked.area), asked.area, asked.datum)
        try:
            _read(model, form, compare, asked=asked, ground=ground, at=at)
        except RuleBroken as error:
            if "file" in error.params:  # it is told by the name it was handed in with
                error.params["file"] = asked.file_name
            _ended(model, list_id, "refused", at=at, error=error)
        except Exception as error:
            failed = RuleBroken("population.places.failed", error=type(error).__name__)
            _ended(model, list_id, "failed", at=at, error=failed)
            raise
        finally:
            uploads.drop(list_id)


def _ended(
    model: Model, list_id: uuid.UUID, state: str, *, at: datetime, error: RuleBroken
) -> None:
    with scope.everywhere():
        _of(model).filter(id=list_id).update(
            state=state, read_at=at, error={"code": error.code, "params": error.params}
        )


def _read(
    model: Model, form: Form, compare: Compare, *, asked: PlaceList, ground: Ground, at: datetime
) -> None:
    reader = PlaceReader.open(uploads.path_of(asked.id), form.columns)
    good: list[Good] = []
    problems: list[dict[str, Any]] = []
    seen: dict[Any, int] = {}
    count = 0
    for line in reader.lines():
        count += 1
        found = judged(form, line, ground)
        key = found.values.get("key")
        if not found.faults and key in seen:
            found.wrong("population.place.twice", row=seen[key])
        if found.faults:
            problems.append(_problem(found))
        else:
            seen[key] = line.row
            good.append(Good(line.sheet, line.row, line.raw, found.values))
        if count % EVERY == 0:
            with scope.everywhere():
                _of(model).filter(id=asked.id).update(
                    rows_read=count, rows_total=max(count, reader.expected)
                )
    with scope.everywhere():
        more = compare(good, ground)
        kept = [one for one in good if not one.problems]
        problems += [
            {"sheet": one.sheet, "row": one.row, "raw": list(one.raw), "faults": one.problems}
            for one in good
            if one.problems
        ]
        problems.sort(key=lambda one: (one["sheet"], one["row"]))
        _of(model).filter(id=asked.id).update(
            state="ready", read_at=at, checksum=reader.checksum, headings=reader.headings,
            rows_read=count, rows_total=count, rows_good=len(kept), rows_refused=len(problems),
            counts={**Counter(one.was for one in kept), **more},
            rows=[{**one.values, "was": one.was} for one in kept], problems=problems,
        )  # fmt: skip


def _problem(found: Judged) -> dict[str, Any]:
    return {
        "sheet": found.line.sheet,
        "row": found.line.row,
        "raw": list(found.line.raw),
        "faults": [asdict(fault) for fault in found.faults],
    }


def interrupted(kind: Kind, *, at: datetime) -> list[uuid.UUID]:
    """Close the lists that are being read by nobody in fact: their process died. Their files are deleted."""
    model, ended = kind.model, []
    with scope.everywhere():
        for list_id in (
            _of(model).filter(state="reading").order_by("id").values_list("id", flat=True)
        ):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
                    [f"population.places.{list_id}"],
                )
                free = cursor.fetchone()[0]
            if free and _of(model).filter(id=list_id, state="reading").exists():
                _ended(
                    model,
                    list_id,
                    "failed",
                    at=at,
                    error=RuleBroken("population.places.interrupted"),
                )
                uploads.drop(list_id)
                ended.append(list_id)
    return ended


def by_hand(form: Form, cells: dict[str, str], *, area: str) -> dict[str, Any]:
    """A single place as somebody typed it, judged as a line of a list. Refused with its first fault."""
    from yingjian.population.place_files import PlaceLine

    found = judged(form, PlaceLine("", 0, cells, ()), Ground(queries.region_index(area), area))
    if found.faults:
        first = found.faults[0]
        raise RuleBroken(first.code, **{**first.params, "column": first.column})
    return found.values


# -- applied -----------------------------------------------------------------------------------


def applicable(kind: Kind, *, actor: Actor, list_id: uuid.UUID) -> PlaceList:
    """A list that was read and may be applied by the actor; locked. `population.places.unknown` (404),
    `population.places.not_ready` (409) before it is read and where it could not be."""
    found = _of(kind.model).select_for_update().defer("problems").filter(id=list_id).first()
    if found is None:
        raise RuleBroken("population.places.unknown", status=404)
    scope.require(actor, kind.permission, found.area)
    if found.state not in {"ready", "applied"}:
        raise RuleBroken("population.places.not_ready", status=409, state=found.state)
    return found


def applied(kind: Kind, *, list_id: uuid.UUID, at: datetime) -> None:
    """Note that a list is in force."""
    _of(kind.model).filter(id=list_id).update(state="applied", applied_at=at)


# -- shown -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListLine:
    """A list as it is shown: how far it was read, what taking it would do."""

    id: uuid.UUID
    area: str
    file_name: str
    datum: str
    state: str
    rows_read: int
    rows_total: int | None
    rows_good: int
    rows_refused: int
    counts: dict[str, int]
    asked_at: datetime
    applied_at: datetime | None
    code: str
    says: str
    do: str


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """One fault of one line."""

    sheet: str
    row: int
    column: str
    code: str
    says: str
    do: str


_FIELDS: Final = (
    "id", "area", "file_name", "datum", "state", "rows_read", "rows_total", "rows_good", "rows_refused", "counts",
    "asked_at", "applied_at", "error",
)  # fmt: skip


def _line(row: dict[str, Any], language: str) -> ListLine:
    error = row.pop("error")
    told = (
        sentence(error["code"], language, error.get("params")) if error else {"says": "", "do": ""}
    )
    return ListLine(**row, code=error.get("code", ""), says=told["says"], do=told["do"])


def lines_for(kind: Kind, actor: Actor, *, language: str) -> list[ListLine]:
    """The last lists in the actor's sight."""
    rows = _of(kind.model).order_by("-asked_at", "-id").values(*_FIELDS)[:SHOWN]
    return [_line(dict(row), language) for row in rows]


def _line_of(kind: Kind, list_id: uuid.UUID, *, language: str) -> ListLine:
    row = _of(kind.model).filter(id=list_id).values(*_FIELDS).first()
    if row is None:
        raise RuleBroken("population.places.unknown", status=404)
    return _line(dict(row), language)


def standing_for(
    kind: Kind, actor: Actor, list_id: uuid.UUID, *, language: str
) -> tuple[ListLine, list[ProblemLine]]:
    """One list in the actor's sight and its first faults in words (`population.places.unknown`, 404)."""
    names = {column.key: title_of(column, language) for column in kind.form.columns}
    _, refused = _refused(kind, list_id)
    faults = ((one, fault) for one in refused for fault in one["faults"])
    told = [
        ProblemLine(
            one["sheet"], one["row"], names.get(fault["column"], ""), fault["code"],
            **sentence(fault["code"], language, fault["params"]),
        )
        for one, fault in islice(faults, SHOWN_PROBLEMS)
    ]  # fmt: skip
    return _line_of(kind, list_id, language=language), told


def _refused(kind: Kind, list_id: uuid.UUID) -> tuple[list[str], list[dict[str, Any]]]:
    """The file's headings; the refused lines as they came, with their faults."""
    row = _of(kind.model).filter(id=list_id).values("problems", "headings").first()
    if row is None:
        raise RuleBroken("population.places.unknown", status=404)
    return row["headings"], row["problems"]


# -- as workbooks ------------------------------------------------------------------------------


def template(kind: Kind, *, language: str) -> bytes:
    """An empty list to fill in, with an example and notes."""
    return write_template(kind.form.columns, kind.sheet(language), language=language)


def written(kind: Kind, rows: Iterable[Mapping[str, Any]], *, language: str) -> bytes:
    """Places in the shape of the template."""
    return write_lines(kind.form.columns, kind.sheet(language), rows, language=language)


def to_mend(kind: Kind, actor: Actor, list_id: uuid.UUID, *, language: str) -> bytes:
    """Only the refused lines of a list in the actor's sight, with what is wrong and what to do, ready to be mended and
    handed in (`population.places.unknown`, 404)."""
    headings, refused = _refused(kind, list_id)
    return write_mend(kind.form.columns, headings, refused, language=language)
