"""Commands of this room: where homes stand, from a list that was read and looked at."""

from __future__ import annotations

import uuid

import msgspec

from yingjian.access import journal

from . import buildings


class BuildingPlace(msgspec.Struct, frozen=True):
    building_list_id: uuid.UUID


@journal.handles("building.place", BuildingPlace, permission=buildings.PERMISSION, decision=True)
def placing(batch: journal.Batch) -> list[journal.Verdict]:
    """Write a list's coordinates to the homes that match it."""
    verdicts = []
    for command in batch.commands:
        told = buildings.place(
            actor=batch.actor, list_id=command.payload.building_list_id, at=command.at
        )
        area = told.pop("area")
        verdicts.append(journal.applied(command, area=area, **told))
    return verdicts
