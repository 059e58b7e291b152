"""Reads of this room. Without `_for` they are for handlers and higher rooms; with it, for a user's sight."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import connection

from .values import BoxesLoaded, BoxState, LineState, Where


def as_json(flags: Sequence[str]) -> str:
    return msgspec.json.encode(list(flags)).decode()


_BOX = """SELECT id, round_id, area, site_code, station_code, code, binding, state, seal_no, opened_at, sealed_at,
                 oldest_sample_at, tubes_stated, holder, flags::text FROM logistics_box"""


def _box(row: tuple[Any, ...]) -> BoxState:
    flags = tuple(msgspec.json.decode(row[14]))
    return BoxState(*(row[0], Where(*row[1:5]), *row[5:14], flags))


def boxes_locked(ids: Sequence[uuid.UUID], codes: Sequence[str]) -> BoxesLoaded:
    """The boxes of a batch and all that carry its codes, locked in the order of their ids; the lines of the batch's."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_BOX} WHERE id = ANY(%s) OR code = ANY(%s) ORDER BY id FOR UPDATE",
            [list(ids), list(codes)],
        )
        boxes = {row[0]: _box(row) for row in cursor.fetchall()}
        cursor.execute(
            """SELECT box_id, tube_code, added_at, tube_id, people, moved_at FROM logistics_boxline
                WHERE box_id = ANY(%s)""",
            [list(boxes)],
        )
        lines = {(row[0], row[1]): LineState(*row) for row in cursor.fetchall()}
    return BoxesLoaded(boxes, lines)
