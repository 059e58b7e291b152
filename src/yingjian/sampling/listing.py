"""The work list as an Excel file; journalled with its number of rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from yingjian.access import journal
from yingjian.access.actor import Actor
from yingjian.kernel.sheets import long_list

from . import matters

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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
    say = matters.words(language)
    pages = matters.matter_pages_for(actor, asked, language=language)
    data, count = long_list(
        (list(_line(row, say)) for page in pages for row in page),
        name=say["sheet"],
        columns=list(say["column"].values()),
        none=say["none"],
        widths={at: _WIDE.get(field, 14) for at, field in enumerate(say["column"])},
    )
    told = {"what": "matters", "kind": asked.kind, "state": asked.state, "rows": count}
    journal.record("export.make", told, actor=actor, id=id, at=at)
    return data


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
