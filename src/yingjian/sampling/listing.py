"""The work list as an Excel file; journalled with its number of rows."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from django.utils import timezone

from yingjian.access import journal
from yingjian.access.actor import Actor

from . import matters

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET_ROWS: Final = 1_048_575
_WIDE: Final = {
    "says": 46,
    "title": 20,
    "reason": 30,
    "tube_code": 16,
    "at": 17,
    "captured_at": 17,
    "decided_at": 17,
}


def workbook(
    actor: Actor, asked: matters.Asked, *, language: str, at: datetime, id: uuid.UUID
) -> bytes:
    """The matters asked for, in the actor's sight; personal data stays masked."""
    say, count = matters.words(language), 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "matters.xlsx"
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(str(path), options)
        sheet = _sheet(book, say, 1)
        for page in matters.matter_pages_for(actor, asked, language=language):
            for row in page:
                if count and count % SHEET_ROWS == 0:
                    sheet = _sheet(book, say, count // SHEET_ROWS + 1)
                sheet.write_row(count % SHEET_ROWS + 1, 0, list(_line(row, say)))
                count += 1
        book.close()
        data = path.read_bytes()
    told = {"what": "matters", "kind": asked.kind, "state": asked.state, "rows": count}
    journal.record("export.make", told, actor=actor, id=id, at=at)
    return data


def _sheet(book: Any, say: Mapping[str, Any], no: int) -> Any:
    sheet = book.add_worksheet(say["sheet"] if no == 1 else f"{say['sheet']} {no}")
    sheet.freeze_panes(1, 0)
    for at, field in enumerate(say["column"]):
        sheet.set_column(at, at, _WIDE.get(field, 14))
    sheet.write_row(0, 0, list(say["column"].values()), book.add_format({"bold": True}))
    return sheet


def _line(row: Mapping[str, Any], say: Mapping[str, Any]) -> Iterator[str]:
    for field in say["column"]:
        value = row.get(field)
        if field == "state":
            yield say["state"]["open" if row["decision"] is None else "decided"]
        elif field == "kind":
            yield say["kind"][value]
        elif field == "decision":
            yield "" if value is None else say["option"][value]["title"]
        elif isinstance(value, datetime):
            yield timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
        else:
            yield "" if value is None else str(value)
