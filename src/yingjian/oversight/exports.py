"""Lists as Excel files; every export is journalled with its number of rows."""

from __future__ import annotations

import io
import uuid
from datetime import datetime

import xlsxwriter
from django.http import HttpResponse

from yingjian.access import journal
from yingjian.access.actor import Actor

from . import queries
from .writing import words

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = {
    "name": "village", "due": "due_n", "sampled": "sampled", "resulted": "resulted", "excused": "excused",
    "missed": "missed", "waiting": "waiting",
}  # fmt: skip


def journal_export(actor: Actor, at: datetime, id: uuid.UUID, what: str, rows: int) -> None:
    """Record who took what out of the system."""
    journal.record("export.make", {"what": what, "rows": rows}, actor=actor, id=id, at=at)


def coverage(
    *, actor: Actor, round_id: uuid.UUID, at: datetime, language: str, id: uuid.UUID
) -> bytes:
    """Coverage per village with a total line; the totals are formulas, so that a reader can follow them."""
    rows = queries.coverage_for(actor, round_id)
    column = words(language)["col"]
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet(words(language)["sheet"]["coverage"])
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 0, 28)
        for place, (field, name) in enumerate(COLUMNS.items()):
            sheet.write_string(0, place, column[name], bold)
            for line, row in enumerate(rows, start=1):
                if place:
                    sheet.write_number(line, place, row[field])
                else:
                    sheet.write_string(line, place, row[field])
            if place and rows:
                letter = chr(ord("A") + place)
                total = sum(row[field] for row in rows)
                sheet.write_formula(
                    len(rows) + 1, place, f"=SUM({letter}2:{letter}{len(rows) + 1})", bold, total
                )
        if not rows:
            sheet.write_string(1, 0, words(language)["no_rows"])
    journal_export(actor, at, id, "coverage", len(rows))
    return stream.getvalue()


def answer(data: bytes, name: str) -> HttpResponse:
    """A workbook as a download."""
    response = HttpResponse(data, content_type=TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
