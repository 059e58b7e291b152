"""The due list as an Excel file. Personal fields stay masked; every export is journalled with its number of rows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from yingjian.access import journal
from yingjian.access.actor import Actor
from yingjian.kernel.sheets import SHEET_ROWS, long_list

from . import presets, queries

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@cache
def words(language: str) -> dict[str, Any]:
    """Headings and words of one language."""
    path = Path(__file__).with_name(f"labels.{'en' if language == 'en' else 'zh'}.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _line(row: queries.DueRow, language: str) -> Iterator[str | int]:
    say, categories = words(language), presets.labels(language)["category"]
    for field in say["column"]:
        value = getattr(row, field)
        if value is None:
            yield ""
        elif isinstance(value, bool):
            yield say["yes"] if value else say["no"]
        elif isinstance(value, datetime):
            yield timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
        elif field in {"state", "mode", "outcome"}:
            yield say[field].get(value, value)
        elif field == "reason":
            yield reason_told(row, language)
        elif field == "owner":
            yield presets.labels(language)["role"].get(value, value)
        elif field == "category":
            yield categories.get(value, value)
        else:
            yield value


def reason_told(row: queries.DueRow, language: str) -> str:
    """Why somebody is excused or missed: the word for a code, words of before as they stand, the remark after it."""
    say = words(language)
    if row.state != "excused":
        return str(say["missed"].get(row.reason, row.reason))
    known = presets.labels(language)["code"] | say["excuse"]
    told = str(known.get(row.reason, row.reason))
    remark = row.excused_how.remark if row.excused_how else ""
    return say["with_words"].format(reason=told, words=remark) if remark else told


@dataclass(frozen=True, slots=True)
class Export:
    """A finished file and the number of people in it."""

    data: bytes
    rows: int


def due_list(
    actor: Actor,
    round_id: uuid.UUID,
    wanted: queries.DueFilter,
    *,
    language: str,
    at: datetime,
    id: uuid.UUID,
    sheet_rows: int = SHEET_ROWS,
) -> Export:
    """Write the list in the actor's sight to a workbook and journal it. Memory stays flat however long the list is."""
    say = words(language)
    rows = (row for page in queries.due_pages_for(actor, round_id, wanted) for row in page)
    data, count = long_list(
        (list(_line(row, language)) for row in rows),
        name=say["sheet"],
        columns=list(say["column"].values()),
        none=say["none"],
        sheet_rows=sheet_rows,
    )
    journal.record(
        "export.make",
        {"what": "due_list", "round_id": round_id, "rows": count},
        actor=actor,
        id=id,
        at=at,
    )
    return Export(data, count)
