"""A server broken on purpose, for the campaign's control: it has forgotten which commands it has seen.

Whatever arrives again is taken for something new. Only the harness starts it; no switch of the product leads here.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from django.db import connection

from config.wsgi import application
from yingjian.access import journal

_renamed: dict[uuid.UUID, uuid.UUID] = {}
_run = journal._Submission.run


def _answer_known(self: journal._Submission, rows: Sequence[journal._Row]) -> None:
    """Idempotency off: a known id is stored anew, under an id that nobody has."""
    ids = [row.command.id for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT command_id FROM access_journal WHERE command_id = ANY(%s::uuid[])", [ids]
        )
        known = {id for (id,) in cursor.fetchall()}
    for row in rows:
        if row.command.id in known:
            fresh = uuid.uuid4()
            _renamed[fresh] = row.command.id
            row.command = msgspec.structs.replace(row.command, id=fresh)


def _answered(
    self: journal._Submission, commands: Sequence[journal.CommandIn]
) -> list[journal.Verdict]:
    """The phone hears of the id it sent."""
    return [
        replace(one, command_id=_renamed.get(one.command_id, one.command_id))
        for one in _run(self, commands)
    ]


journal._Submission._answer_known = _answer_known  # type: ignore[method-assign]
journal._Submission.run = _answered  # type: ignore[method-assign]
__all__ = ["application"]
