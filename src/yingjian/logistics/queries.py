"""Reads of this room. Without `_for` they are for handlers and higher rooms; with it, for a user's sight."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.db import connection

from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.kernel.errors import RuleBroken

from .values import BOX_STATES, OUTSIDE, BoxesLoaded, BoxState, Check, LineState, Where

PAGE: Final = 200


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


def boxes_sealed(ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Those of the boxes whose seal stated a count, locked in the order of their ids: what the seal said, what the
    manifest held at the seal.
    """
    return _rows(
        """SELECT b.id, b.code, b.area, b.round_id, b.sealed_at, b.tubes_stated AS stated,
                  (SELECT count(*) FROM logistics_boxline l WHERE l.box_id = b.id
                      AND (l.moved_at IS NULL OR l.moved_at > b.sealed_at)) AS counted
             FROM logistics_box b WHERE b.id = ANY(%(ids)s) AND b.tubes_stated IS NOT NULL
            ORDER BY b.id FOR UPDATE OF b""",
        {"ids": list(ids)},
    )


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


# -- conservation --------------------------------------------------------------------------------

SHOWN: Final = 20
LAWS: Final = {
    "a_sealed_box_holds_what_it_says_or_is_owned": """
        SELECT b.tubes_stated AS expected, count(l.id) AS actual, b.code AS label
          FROM logistics_box b LEFT JOIN logistics_boxline l ON l.box_id = b.id
               AND (l.moved_at IS NULL OR l.moved_at > b.sealed_at)
         WHERE b.tubes_stated IS NOT NULL AND {box}
           AND NOT EXISTS (SELECT 1 FROM logistics_discrepancy g WHERE g.kind = 'box_count' AND g.subject_id = b.id)
         GROUP BY b.id, b.code""",
    "a_tube_is_on_one_manifest": """
        SELECT 1 AS expected, count(*) AS actual, min(l.tube_code) AS label
          FROM logistics_boxline l JOIN logistics_box b ON b.id = l.box_id
         WHERE l.tube_id IS NOT NULL AND l.moved_at IS NULL AND {box} GROUP BY l.tube_id""",
    "hand_overs_count_their_boxes": """
        SELECT h.boxes_counted AS expected, count(x.id) AS actual, h.id::text AS label
          FROM logistics_handover h LEFT JOIN logistics_handoverbox x ON x.hand_over_id = h.id
         WHERE {over} GROUP BY h.id""",
    "hand_overs_agree_or_are_owned": """
        SELECT h.tubes_system AS expected, h.tubes_counted AS actual, h.id::text AS label FROM logistics_handover h
         WHERE {over} AND NOT EXISTS (
               SELECT 1 FROM logistics_discrepancy g WHERE g.kind = 'handover_count' AND g.subject_id = h.id)""",
    "boxes_on_the_way_were_handed_over": """
        SELECT 1 AS expected, (count(x.id) > 0)::int AS actual, b.code AS label
          FROM logistics_box b LEFT JOIN logistics_handoverbox x ON x.box_id = b.id
         WHERE b.state = 'handed_over' AND {box} GROUP BY b.id, b.code""",
    "goods_are_conserved": """
        SELECT 0 AS expected, sum(quantity) AS actual, item AS label FROM (
               SELECT item_id AS item, quantity FROM logistics_supplymove m WHERE {move}
               UNION ALL SELECT item_id, -quantity FROM logistics_supplymove m WHERE {move}) moves GROUP BY item""",
    "a_stock_below_zero_is_owned": """
        SELECT 0 AS expected, least(sum(quantity), 0) AS actual, place || ' ' || item AS label FROM (
               SELECT taker AS place, item_id AS item, quantity FROM logistics_supplymove
               UNION ALL SELECT giver, item_id, -quantity FROM logistics_supplymove) moves
         WHERE split_part(place, ':', 1) <> ALL(%(outside)s)
           AND NOT EXISTS (SELECT 1 FROM logistics_supplymove m JOIN logistics_discrepancy g ON g.subject_id = m.id
                            WHERE g.kind = 'supply_short' AND m.giver = place AND m.item_id = item)
         GROUP BY place, item""",
    "waste_handed_over_has_a_note": """
        SELECT 1 AS expected, (w.note_no <> '' AND w.taker <> '')::int AS actual, w.site_code AS label
          FROM logistics_wastelot w WHERE w.handed_at IS NOT NULL AND {waste}""",
}


def run_checks(laws: Mapping[str, str], round_id: uuid.UUID | None) -> list[Check]:
    """Run laws that each select `expected, actual, label`; a law holds when the two agree on every row."""
    found = []
    given = {"round": round_id, "outside": list(OUTSIDE)}
    with connection.cursor() as cursor:
        for name, law in laws.items():
            cursor.execute(
                f"""SELECT coalesce(sum(expected), 0), coalesce(sum(actual), 0),
                           (array_agg(label ORDER BY label) FILTER (WHERE expected <> actual))[1:{SHOWN}]
                      FROM ({law}) law""",  # noqa: S608 - laws are constants of their rooms
                given,
            )
            expected, actual, failing = cursor.fetchone()
            found.append(Check(name, not failing, int(expected), int(actual), tuple(failing or ())))
    return found


def conservation(round_id: uuid.UUID | None = None) -> list[Check]:
    """Every law of this room, for one round or all. Needs sight of everywhere."""
    scoped = {
        name: f"(%(round)s::uuid IS NULL OR {alias}.round_id = %(round)s)"
        for name, alias in (("box", "b"), ("over", "h"), ("move", "m"), ("waste", "w"))
    }
    return run_checks({name: law.format_map(scoped) for name, law in LAWS.items()}, round_id)


# -- lists for screens ---------------------------------------------------------------------------


def _rows(statement: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, dict(given))
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        if isinstance(row.get("flags"), str):
            row["flags"] = msgspec.json.decode(row["flags"])
    return rows


_BOX_LIST: Final = """
SELECT b.id, b.code, b.binding, b.round_id, b.area, b.site_code, b.station_code, b.state, b.seal_no, b.opened_at,
       b.sealed_at, b.oldest_sample_at, b.tubes_stated, b.holder, b.flags::text AS flags,
       count(l.id) AS tubes, coalesce(sum(l.people), 0)::int AS people
  FROM logistics_box b LEFT JOIN logistics_boxline l ON l.box_id = b.id AND l.moved_at IS NULL
"""


def boxes_for(
    actor: Actor,
    round_id: uuid.UUID,
    *,
    state: str | None,
    after: uuid.UUID | None,
    limit: int = PAGE,
) -> list[dict[str, Any]]:
    """Boxes of a round in the actor's sight, by id."""
    campaigns.round_brief_for(actor, round_id)
    return _rows(
        f"""{_BOX_LIST} WHERE b.round_id = %(round)s AND (%(after)s::uuid IS NULL OR b.id > %(after)s)
               AND (%(state)s::text IS NULL OR b.state = %(state)s)
             GROUP BY b.id ORDER BY b.id LIMIT %(limit)s""",
        {"round": round_id, "state": state, "after": after, "limit": limit},
    )


def boxes_by_code_for(actor: Actor, code: str) -> list[dict[str, Any]]:
    """Every box of a printed code in the actor's sight, with manifest and hand-overs. `logistics.box_unknown` (404)."""
    boxes = _rows(
        f"{_BOX_LIST} WHERE b.code = %(code)s GROUP BY b.id ORDER BY b.binding", {"code": code}
    )
    if not boxes:
        raise RuleBroken("logistics.box_unknown", status=404, code=code[:40])
    for box in boxes:
        box["lines"] = _rows(
            """SELECT tube_code, tube_id, people, added_at, moved_at FROM logistics_boxline WHERE box_id = %(id)s
                ORDER BY added_at, tube_code""",
            {"id": box["id"]},
        )
        box["hand_overs"] = _rows(
            """SELECT h.id, h.kind, h.giver, h.taker, h.at, h.temperature_c, v.plate, x.tubes, x.tubes_system,
                      h.flags::text AS flags
                 FROM logistics_handoverbox x JOIN logistics_handover h ON h.id = x.hand_over_id
                 LEFT JOIN logistics_vehicle v ON v.id = h.vehicle_id WHERE x.box_id = %(id)s ORDER BY h.at, h.id""",
            {"id": box["id"]},
        )
    return boxes


def discrepancies_for(
    actor: Actor,
    round_id: uuid.UUID | None,
    *,
    state: str | None,
    after: uuid.UUID | None,
    limit: int = PAGE,
) -> list[dict[str, Any]]:
    """Differences in the actor's sight (of a round, or all), open or resolved, by id."""
    if round_id is not None:
        campaigns.round_brief_for(actor, round_id)
    return _rows(
        """SELECT id, round_id, area, kind, subject_kind, subject_id, subject_label, expected, actual, owner_role,
                  opened_at, resolved_at, resolution FROM logistics_discrepancy
            WHERE (%(round)s::uuid IS NULL OR round_id = %(round)s) AND (%(after)s::uuid IS NULL OR id > %(after)s)
              AND (%(state)s::text IS NULL OR (resolved_at IS NULL) = (%(state)s = 'open'))
            ORDER BY id LIMIT %(limit)s""",
        {"round": round_id, "state": state, "after": after, "limit": limit},
    )


def supplies_for(actor: Actor, round_id: uuid.UUID | None) -> list[dict[str, Any]]:
    """What each place in the actor's sight was given, gave and holds of each item, for a round or over all."""
    return _rows(
        """SELECT m.place, m.item_id AS item, i.name_zh, i.name_en, i.unit_zh, i.unit_en,
                  sum(m.came)::bigint AS received, sum(m.went)::bigint AS issued,
                  sum(m.came - m.went)::bigint AS balance
             FROM (SELECT taker AS place, item_id, quantity AS came, 0 AS went FROM logistics_supplymove
                    WHERE %(round)s::uuid IS NULL OR round_id = %(round)s
                   UNION ALL
                   SELECT giver, item_id, 0, quantity FROM logistics_supplymove
                    WHERE %(round)s::uuid IS NULL OR round_id = %(round)s) m
             JOIN logistics_supplyitem i ON i.code = m.item_id
            GROUP BY m.place, m.item_id, i.code ORDER BY m.place, m.item_id""",
        {"round": round_id},
    )


def stocks_of(area: str) -> list[tuple[str, str, str, int]]:
    """Stores of an area's county and of the levels above it: place, area, item, what it holds.

    For handlers of higher rooms. A store's area is that of the last movement into it; places outside
    the stock and sites (15-digit codes: goods there are given out) are none.
    """
    rows = _rows(
        """SELECT m.place, home.area, m.item, sum(m.count)::bigint AS held
             FROM (SELECT taker AS place, item_id AS item, quantity AS count FROM logistics_supplymove
                   UNION ALL SELECT giver, item_id, -quantity FROM logistics_supplymove) m
             JOIN (SELECT DISTINCT ON (taker) taker AS place, area FROM logistics_supplymove
                    ORDER BY taker, at DESC, id) home ON home.place = m.place
            WHERE split_part(m.place, ':', 1) <> ALL(%(outside)s) AND m.place !~ '^[0-9]{15}$'
              AND (home.area ^@ left(%(area)s, 6) OR %(area)s ^@ home.area)
            GROUP BY m.place, home.area, m.item HAVING sum(m.count) > 0 ORDER BY m.place, m.item""",
        {"area": area, "outside": sorted(OUTSIDE)},
    )
    return [(row["place"], row["area"], row["item"], row["held"]) for row in rows]


def consumption(round_id: uuid.UUID) -> dict[str, int]:
    """What a round used up, by item: everything that went to `used` (R82, capability 87)."""
    rows = _rows(
        """SELECT item_id, sum(quantity)::bigint AS used FROM logistics_supplymove
            WHERE round_id = %(round)s AND split_part(taker, ':', 1) = 'used' GROUP BY item_id ORDER BY item_id""",
        {"round": round_id},
    )
    return {row["item_id"]: row["used"] for row in rows}


def waste_for(actor: Actor, round_id: uuid.UUID) -> list[dict[str, Any]]:
    """Lots of waste of a round in the actor's sight, by the time they were packed."""
    campaigns.round_brief_for(actor, round_id)
    return _rows(
        """SELECT id, area, round_id, site_code, bags, weight_g, packed_at, note_no, taker, handed_at, disposed_at
             FROM logistics_wastelot WHERE round_id = %(round)s ORDER BY packed_at, id""",
        {"round": round_id},
    )


def vehicles_for(actor: Actor) -> list[dict[str, Any]]:
    """Vehicles in the actor's sight, by plate."""
    return _rows(
        "SELECT id, area, plate, driver, route, boxes_max FROM logistics_vehicle ORDER BY plate", {}
    )
