"""Reads of this room. Without `_for` they are for handlers and higher rooms; with it, for a user's sight."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection

from yingjian.kernel.errors import RuleBroken

from .values import BOX_STATES, BoxesLoaded, BoxState, LineState, Where


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


@dataclass(frozen=True, slots=True)
class BoxBrief:
    """A box as a hand-over needs it; `tubes` are the lines of its manifest that were not moved to another box."""

    id: uuid.UUID
    round_id: uuid.UUID
    area: str
    tubes: int


def boxes_by_code(codes: Sequence[str]) -> dict[str, BoxBrief]:
    """Boxes by printed code; of several with one code, the one that is least far on its way. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT ON (b.code) b.code, b.id, b.round_id, b.area,
                      (SELECT count(*) FROM logistics_boxline l WHERE l.box_id = b.id AND l.moved_at IS NULL)
                 FROM logistics_box b WHERE b.code = ANY(%s)
                ORDER BY b.code, array_position(%s::text[], b.state::text), b.binding DESC""",
            [list(codes), list(BOX_STATES)],
        )
        return {row[0]: BoxBrief(*row[1:]) for row in cursor.fetchall()}


def vehicle_areas(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The area each known vehicle is dedicated to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, area FROM logistics_vehicle WHERE id = ANY(%s)", [list(ids)])
        return dict(cursor.fetchall())


def items_missing(codes: Sequence[str]) -> list[str]:
    """Those of the codes that no goods carry."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c FROM unnest(%s::text[]) c WHERE NOT EXISTS (
                      SELECT 1 FROM logistics_supplyitem i WHERE i.code = c) ORDER BY c""",
            [list(codes)],
        )
        return [row[0] for row in cursor.fetchall()]


def moves_known(ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these movements that are booked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM logistics_supplymove WHERE id = ANY(%s)", [list(ids)])
        return {row[0] for row in cursor.fetchall()}


def balances_of(
    places: Sequence[tuple[str, str]], *, lock: bool = False
) -> dict[tuple[str, str], int]:
    """What places hold of goods, `(place, item)`: all that entered less all that left. `lock` makes two issues from one
    place wait for each other.
    """
    if not places:
        return {}
    with connection.cursor() as cursor:
        if lock:
            cursor.execute(
                """SELECT pg_advisory_xact_lock(k) FROM (
                     SELECT DISTINCT hashtextextended(p || '/' || i, 7) AS k
                       FROM unnest(%s::text[], %s::text[]) u(p, i) ORDER BY 1) locks""",
                [[place for place, _ in places], [item for _, item in places]],
            )
        cursor.execute(
            """SELECT u.p, u.i, coalesce(sum(CASE WHEN m.taker = u.p THEN m.quantity ELSE -m.quantity END), 0)
                 FROM unnest(%s::text[], %s::text[]) u(p, i)
                 JOIN logistics_supplymove m ON m.item_id = u.i AND u.p IN (m.giver, m.taker)
                GROUP BY u.p, u.i""",
            [[place for place, _ in places], [item for _, item in places]],
        )
        return {(row[0], row[1]): int(row[2]) for row in cursor.fetchall()}


def balance(place: str, item: str) -> int:
    """What a place holds of an item, in the item's unit."""
    return balances_of([(place, item)]).get((place, item), 0)


def waste_area(lot_id: uuid.UUID) -> str:
    """Where a lot of waste was packed (`logistics.waste_unknown`, 404)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT area FROM logistics_wastelot WHERE id = %s", [lot_id])
        row = cursor.fetchone()
    if row is None:
        raise RuleBroken("logistics.waste_unknown", status=404)
    return str(row[0])


def site_area(round_id: uuid.UUID, site_code: str) -> str | None:
    """The area of a site, as this room knows it: from its boxes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT area FROM logistics_box WHERE round_id = %s AND site_code = %s LIMIT 1",
            [round_id, site_code],
        )
        row = cursor.fetchone()
    return None if row is None else str(row[0])
