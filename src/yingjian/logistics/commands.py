"""Commands of this room: hand-overs, differences explained, vehicles, supplies, waste."""

from __future__ import annotations

import uuid

import msgspec

from yingjian.access import journal, scope

from . import actions, handing, queries, stock
from .values import (
    DiscrepancyResolve,
    HandOverRecord,
    SupplyItemAdd,
    SupplyMoveRecord,
    VehicleAdd,
    WasteHand,
    WastePack,
)  # fmt: skip


class WasteDispose(msgspec.Struct, frozen=True):
    lot_id: uuid.UUID


@journal.handles("handover.record", HandOverRecord, permission="transport")
def hand_overs(batch: journal.Batch) -> list[journal.Verdict]:
    """Boxes change hands. A courier's boxes lie in the courier's area; others are parked."""
    actor = batch.actor
    boxes = queries.boxes_by_code(
        sorted({box.code for c in batch.commands for box in c.payload.boxes})
    )
    outside = {
        c.id: boxes[box.code].area
        for c in batch.commands
        for box in c.payload.boxes
        if box.code in boxes and not actor.may("transport", boxes[box.code].area)
    }
    done = handing.hand_overs_record(
        overs=[
            handing.HandOver(c.id, c.at, actor.home_area, c.payload)
            for c in batch.commands
            if c.id not in outside
        ]
    )
    return [
        journal.parked(c, "access.outside_area", area=outside[c.id])
        if c.id in outside
        else journal.applied(
            c, area=done[c.id].area, system=done[c.id].tubes_system, flags=list(done[c.id].flags)
        )
        for c in batch.commands
    ]


@journal.handles("discrepancy.resolve", DiscrepancyResolve, permission="see_round", decision=True)
def discrepancies_resolve(batch: journal.Batch) -> list[journal.Verdict]:
    """Whoever owns a difference (by role and area), or keeps the information in order, explains it."""
    out = []
    for command in batch.commands:
        given = command.payload
        area = actions.discrepancy_resolve(
            actor=batch.actor, id=given.discrepancy_id, resolution=given.resolution, at=command.at
        )
        out.append(journal.applied(command, area=area))
    return out


@journal.handles("vehicle.add", VehicleAdd, permission="transport", decision=True)
def vehicles_add(batch: journal.Batch) -> list[journal.Verdict]:
    for command in batch.commands:
        scope.require(batch.actor, "transport", command.payload.area)
    stock.vehicles_add(vehicles=[command.payload for command in batch.commands])
    return [journal.applied(command, area=command.payload.area) for command in batch.commands]


@journal.handles("supply.item", SupplyItemAdd, permission="supply", decision=True)
def items_add(batch: journal.Batch) -> list[journal.Verdict]:
    stock.items_add(items=[command.payload for command in batch.commands])
    return [journal.applied(command) for command in batch.commands]


@journal.handles("supply.move", SupplyMoveRecord, permission="supply")
def moves_record(batch: journal.Batch) -> list[journal.Verdict]:
    """A movement is a fact; outside the storekeeper's own area it is parked."""
    mine = [c for c in batch.commands if batch.actor.may("supply", c.payload.area)]
    moved = [c for c in mine if c.payload.giver.strip() != c.payload.taker.strip()]
    flags = stock.moves_record(moves=[stock.Moved(c.id, c.at, c.payload) for c in moved])
    out = []
    for command in batch.commands:
        area = command.payload.area
        if command.id in flags:
            out.append(journal.applied(command, area=area, flags=list(flags[command.id])))
        elif command in mine:
            out.append(journal.parked(command, "logistics.move_nowhere"))
        else:
            out.append(journal.parked(command, "access.outside_area", area=area))
    return out


@journal.handles("waste.pack", WastePack, permission="waste")
@journal.handles("waste.hand", WasteHand, permission="waste")
@journal.handles("waste.dispose", WasteDispose, permission="waste")
def waste(batch: journal.Batch) -> list[journal.Verdict]:
    return [_waste(batch, command) for command in batch.commands]


def _waste(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    match command.payload:
        case WastePack() as given:
            area = (
                given.area
                or queries.site_area(given.round_id, given.site_code)
                or batch.actor.home_area
            )
            scope.require(batch.actor, "waste", area)
            stock.waste_pack(lot=given, area=area, at=command.at)
        case WasteHand() as given:
            scope.require(batch.actor, "waste", queries.waste_area(given.lot_id))
            area = stock.waste_hand(command_id=command.id, hand=given, at=command.at)
        case given:
            scope.require(batch.actor, "waste", queries.waste_area(given.lot_id))
            area = stock.waste_dispose(lot_id=given.lot_id, at=command.at)
    return journal.applied(command, area=area)
