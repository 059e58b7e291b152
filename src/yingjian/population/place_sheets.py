"""Workbooks and GeoJSON of lists of places: the template, the lines to mend, what is stored in the same shape."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import xlsxwriter

from yingjian.kernel.errors import sentence
from yingjian.population.place_files import known_headings
from yingjian.population.rules import header_core, header_key
from yingjian.population.values import Column

ROWS: Final = 20_000
_SHADE: Final = {
    "bold": True,
    "border": 1,
    "border_color": "#9AA5B1",
    "valign": "vcenter",
    "text_wrap": True,
}
_NEEDED, _PLAIN, _BAD, _EXAMPLE = "#F8CBAD", "#DDEBF7", "#F8CBAD", "#808080"
_WIDTHS: Final = {
    "name": 24,
    "area_code": 16,
    "area_name": 18,
    "remarks": 28,
    "building": 26,
    "lon": 12,
    "lat": 12,
}
_MEND: Final = {
    "zh": ("待修改", ("原行号", "问题和办法")),
    "en": ("To mend", ("Line", "What is wrong and what to do")),
}


@dataclass(frozen=True)
class Sheet:
    """How a kind of list looks in one language: sheet names, notes, an example line, words to choose from."""

    name: str
    notes_name: str
    notes: Sequence[str]
    example: Mapping[str, Any]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    free: frozenset[str] = frozenset()
    """Columns whose choices only suggest."""


@cache
def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def sheet_words(stem: Path, language: str) -> dict[str, Any]:
    """The words of a kind of list: `STEM.zh.json` or `STEM.en.json`."""
    return _read(stem.with_name(f"{stem.name}.{'en' if language.startswith('en') else 'zh'}.json"))


def sheet_of(stem: Path, language: str) -> Sheet:
    """How a kind of list looks, in the words of its file."""
    told = sheet_words(stem, language)
    return Sheet(
        told["name"], told["notes_name"], told["notes"], told["example"], told["choices"], frozenset(told["free"])
    )  # fmt: skip


def title_of(column: Column, language: str) -> str:
    """A column's heading in a language."""
    english = language.startswith("en")
    return next((word for word in column.headings if word.isascii() == english), column.headings[0])


def write_template(columns: Sequence[Column], sheet: Sheet, *, language: str) -> bytes:
    """An empty list: headings (required ones in another colour), an example line, lists to choose from, notes."""
    return write_lines(columns, sheet, [sheet.example], language=language, example=True)


def write_lines(
    columns: Sequence[Column], sheet: Sheet, lines: Iterable[Mapping[str, Any]], *, language: str,
    example: bool = False,
) -> bytes:  # fmt: skip
    """Places in the shape of the template, so that what was taken out can be handed in again."""
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(stream, options) as book:
        page = book.add_worksheet(sheet.name)
        _head(book, page, columns, sheet, language)
        grey = book.add_format({"italic": True, "font_color": _EXAMPLE, "num_format": "@"})
        text = book.add_format({"num_format": "@"})
        for row, line in enumerate(lines, start=1):
            for at, column in enumerate(columns):
                value = line.get(column.key)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    page.write_number(row, at, value, grey if example else None)
                elif value not in {None, ""}:
                    page.write_string(row, at, str(value), grey if example else text)
        notes = book.add_worksheet(sheet.notes_name)
        notes.set_column(0, 0, 96)
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        for row, told in enumerate(sheet.notes):
            notes.write_string(row, 0, told, wrap)
    return stream.getvalue()


def _head(book: Any, page: Any, columns: Sequence[Column], sheet: Sheet, language: str) -> None:
    shades = {
        needed: book.add_format({**_SHADE, "bg_color": _NEEDED if needed else _PLAIN})
        for needed in (True, False)
    }
    text = book.add_format({"num_format": "@"})
    for at, column in enumerate(columns):
        page.write_string(0, at, title_of(column, language), shades[column.required])
        page.set_column(at, at, _WIDTHS.get(column.key, 13), text if column.as_text else None)
        words = sheet.choices.get(column.key)
        if words:
            kind = "information" if column.key in sheet.free else "stop"
            rule = {"validate": "list", "source": list(words), "error_type": kind}
            page.data_validation(1, at, ROWS, at, rule)
    page.set_row(0, 30)
    page.freeze_panes(1, 1)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)


def write_mend(
    columns: Sequence[Column],
    headings: Sequence[str],
    problems: Sequence[Mapping[str, Any]],
    *,
    language: str,
) -> bytes:
    """Only the refused lines, as they came, under their own headings, with what is wrong and what to do; wrong cells
    marked. Corrected, the file can be handed in as it is."""
    short = "en" if language.startswith("en") else "zh"
    name, lead = _MEND[short]
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(stream, options) as book:
        page = book.add_worksheet(name)
        bold = book.add_format(_SHADE | {"bg_color": _PLAIN})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        bad = book.add_format({"num_format": "@", "bg_color": _BAD, "valign": "top"})
        text = book.add_format({"num_format": "@", "valign": "top"})
        page.write_row(0, 0, [*headings, *lead], bold)
        names = known_headings(columns)
        known = [
            names.get(header_key(title)) or names.get(header_core(title), "") for title in headings
        ]
        for at, one in enumerate(problems, start=1):
            marked = {fault["column"] for fault in one["faults"] if fault["column"]}
            for column, cell in enumerate(one["raw"]):
                wrong = column < len(known) and known[column] in marked
                page.write_string(at, column, str(cell), bad if wrong else text)
            page.write_number(at, len(headings), one["row"], text)
            page.write_string(at, len(headings) + 1, _said(one["faults"], short), wrap)
        page.set_column(0, max(0, len(headings) - 1), 16)
        page.set_column(len(headings) + 1, len(headings) + 1, 60)
        page.freeze_panes(1, 0)
    return stream.getvalue()


def _said(faults: Sequence[Mapping[str, Any]], language: str) -> str:
    told = (sentence(fault["code"], language, dict(fault["params"])) for fault in faults)
    return "\n".join(f"{one['says']}{one['do']}" for one in told)


def geojson(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """Places as points in WGS 84 with everything else as properties, in the shape a list may be handed in."""
    features = [
        {
            "type": "Feature",
            "properties": {k: v for k, v in line.items() if k not in {"lon", "lat"}},
            "geometry": {"type": "Point", "coordinates": [line["lon"], line["lat"]]},
        }
        for line in lines
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})
