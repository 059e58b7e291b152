"""Vehicles, the supply ledger and waste: set-based writes behind this room's commands."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, connection, transaction

from yingjian.access import clocks, outbox
from yingjian.campaigns import actions as campaigns
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import actions, queries
from .events import WasteHanded
from .values import SupplyItemAdd, SupplyMoveRecord, VehicleAdd, WasteHand, WastePack, outside

AT_SITE: Final = "waste_at_site"
AT_DISPOSER: Final = "waste_at_disposer"


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def vehicles_add(*, vehicles: Sequence[VehicleAdd]) -> None:
    """Register dedicated vehicles with their own area and route (R62), or change one of the same area.

    `logistics.plate_taken` (409); `access.outside_area` (403) for the id of a vehicle that belongs to another area.
    """
    rows = [
        (v.vehicle_id, v.area, v.plate.strip(), v.driver, v.route, v.boxes_max) for v in vehicles
    ]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO logistics_vehicle (id, area, plate, driver, route, boxes_max)
                   SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
                       ON CONFLICT (id) DO UPDATE SET driver = excluded.driver, route = excluded.route,
                          boxes_max = excluded.boxes_max
                          WHERE logistics_vehicle.area = excluded.area""",
                _columns(rows),
            )
            if cursor.rowcount < len(rows):
                raise RuleBroken("access.outside_area", status=403, area=vehicles[0].area)
    except IntegrityError:
        raise RuleBroken(
            "logistics.plate_taken", status=409, plate=", ".join(v.plate for v in vehicles)[:80]
        ) from None


def items_add(*, items: Sequence[SupplyItemAdd]) -> None:
    """Name goods; naming again changes the names."""
    last = {item.code.strip(): item for item in items}
    rows = [
        (code, item.name_zh, item.name_en, item.unit_zh, item.unit_en)
        for code, item in sorted(last.items())
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_supplyitem (code, name_zh, name_en, unit_zh, unit_en)
               SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
                   ON CONFLICT (code) DO UPDATE SET name_zh = excluded.name_zh, name_en = excluded.name_en,
                      unit_zh = excluded.unit_zh, unit_en = excluded.unit_en""",
            _columns(rows),
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement of goods with its time."""

    command_id: uuid.UUID
    at: datetime
    given: SupplyMoveRecord


def moves_record(*, moves: Sequence[Moved]) -> dict[uuid.UUID, tuple[str, ...]]:
    """Book movements. Goods that left a store are booked even if the store never had them: then the movement is flagged
    `short` and the gap is owned, because what is missing is the receipt, not the goods (README). By command id.
    """
    if not moves:
        return {}
    ordered = list({move.given.move_id: move for move in reversed(moves)}.values())[::-1]
    givers = sorted({(m.given.giver, m.given.item) for m in ordered if not outside(m.given.giver)})
    unnamed = queries.items_missing(sorted({move.given.item for move in ordered}))
    if unnamed:
        items_add(items=[SupplyItemAdd(code, code, code, "件", "piece") for code in unnamed])
    known = queries.moves_known([move.given.move_id for move in ordered])
    held = queries.balances_of(givers, lock=True)
    flags: dict[uuid.UUID, tuple[str, ...]] = {}
    gaps: list[actions.Difference] = []
    for move in ordered:
        given, found = move.given, []
        if given.item in unnamed:
            found.append("item_unknown")
        if given.move_id not in known:
            _book(move, held, found, gaps)
        flags[given.move_id] = tuple(found)
    _insert(ordered, flags)
    actions.discrepancies_open(found=gaps)
    return {move.command_id: flags[move.given.move_id] for move in moves}


def _book(
    move: Moved, held: dict[tuple[str, str], int], found: list[str], gaps: list[actions.Difference]
) -> None:
    given = move.given
    before = held.get((given.giver, given.item), 0)
    held[given.giver, given.item] = before - given.quantity
    held[given.taker, given.item] = held.get((given.taker, given.item), 0) + given.quantity
    if not outside(given.giver) and before < given.quantity:
        found.append("short")
        gaps.append(
            actions.Difference(
                "supply_short", "supply_move", given.move_id, f"{given.giver} · {given.item}", given.area,
                given.round_id, max(before, 0), given.quantity, move.at,
            )
        )  # fmt: skip


def _insert(moves: Sequence[Moved], flags: dict[uuid.UUID, tuple[str, ...]]) -> None:
    rows = [
        (
            m.given.move_id, m.given.area, m.given.round_id, m.given.item, m.given.giver, m.given.taker,
            m.given.quantity, m.at, m.given.form_no, m.given.note, queries.as_json(flags[m.given.move_id]),
        )
        for m in moves
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_supplymove (id, area, round_id, item_id, giver, taker, quantity, at, form_no, note,
                                                 flags)
               SELECT u.id, u.area, u.round, u.item, u.giver, u.taker, u.quantity, u.at, u.form, u.note, u.flags::jsonb
                 FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::int[],
                             %s::timestamptz[], %s::text[], %s::text[], %s::text[])
                      AS u(id, area, round, item, giver, taker, quantity, at, form, note, flags)
                   ON CONFLICT (id) DO NOTHING""",
            _columns(rows),
        )


# -- waste ---------------------------------------------------------------------------------------


def waste_pack(*, lot: WastePack, area: str, at: datetime) -> None:
    """Waste was double-bagged and sealed: a lot, and the clock of its storage at the site (R87, R88)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_wastelot (id, area, round_id, site_code, bags, weight_g, packed_at, note_no, taker)
               VALUES (%s, %s, %s, %s, %s, %s, %s, '', '') ON CONFLICT (id) DO NOTHING""",
            [lot.lot_id, area, lot.round_id, lot.site_code, lot.bags, lot.weight_g, at],
        )
    campaigns.start_clocks(
        round_id=lot.round_id, code=AT_SITE, subjects=[(lot.lot_id, lot.site_code, area)], at=at
    )


def waste_hand(*, command_id: uuid.UUID, hand: WasteHand, at: datetime) -> str:
    """Waste left with a consignment note (R89). Returns its area. `logistics.waste_unknown` (404)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_wastelot SET note_no = %s, taker = %s, handed_at = greatest(%s, packed_at)
                WHERE id = %s AND handed_at IS NULL RETURNING round_id, site_code, area""",
            [hand.note_no.strip(), hand.taker.strip(), at, hand.lot_id],
        )
        row = cursor.fetchone()
    if row is None:
        return queries.waste_area(hand.lot_id)
    round_id, site_code, area = row
    clocks.stop(AT_SITE, [hand.lot_id], at=at)
    campaigns.start_clocks(
        round_id=round_id, code=AT_DISPOSER, subjects=[(hand.lot_id, site_code, area)], at=at
    )
    outbox.publish(
        WasteHanded(
            id=derived(command_id, "event"), at=at, round_id=round_id, site_codes=[site_code]
        )
    )
    return str(area)


def waste_dispose(*, lot_id: uuid.UUID, at: datetime) -> str:
    """The disposer destroyed the lot: its last clock stops (R88). `logistics.waste_unknown`."""
    area = queries.waste_area(lot_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE logistics_wastelot SET disposed_at = coalesce(disposed_at, %s) WHERE id = %s",
            [at, lot_id],
        )
    clocks.stop(AT_DISPOSER, [lot_id], at=at)
    return area
