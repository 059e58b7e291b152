"""Words of this room that others may use: payloads, states, kinds. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"\S")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"\S")]
Place = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\S")]
Text40 = Annotated[str, msgspec.Meta(max_length=40)]
Text200 = Annotated[str, msgspec.Meta(max_length=200)]
Number = Annotated[
    int, msgspec.Meta(ge=0, le=2_000_000_000)
]  # fits the column; no rule of the field
Some = Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)]

# The life of a box from the least to the most certain knowledge: like a tube, a box is in the highest state reported.
BOX_STATES: Final = ("open", "sealed", "handed_over", "received", "checked", "emptied")
BOX_RANK: Final = {state: rank for rank, state in enumerate(BOX_STATES)}
HAND_OVER_KINDS: Final = ("pick_up", "delivery", "relay")

OUTSIDE: Final = ("supplier", "donor", "used", "lost", "returned", "waste")
"""Places outside the stock (or beginning with one of these and a colon): their balance is not a stock and may go below
zero. Every other place is a store or a site and holds what it was given.
"""

BOX_FLAGS: Final = {
    "not_opened": "act", "code_missing": "act", "duplicate_box": "act", "opened_twice": "act",
    "count_differs": "look", "not_sealed": "look",
}  # fmt: skip
HAND_OVER_FLAGS: Final = {
    "count_differs": "look", "box_unknown": "act", "temperature": "act", "vehicle_unknown": "look",
    "vehicle_outside_area": "look", "box_twice": "note",
}  # fmt: skip
OWNER_DUTY: Final = {
    # Whose duty a difference becomes: the owner of this clock under the round's preset.
    "tube_count": "uncooled",
    "rack_count": "uncooled",
    "box_count": "uncooled",
    "box_unknown": "pick_up",
    "handover_count": "deliver",
    "temperature": "deliver",
    "supply_short": "site_kit",
}


@dataclass(frozen=True, slots=True)
class Where:
    """The station a box stands at."""

    round_id: uuid.UUID
    area: str
    site_code: str
    station_code: str


@dataclass(frozen=True, slots=True)
class BoxOpened:
    box_id: uuid.UUID
    at: datetime
    where: Where
    code: str


@dataclass(frozen=True, slots=True)
class BoxFilled:
    box_id: uuid.UUID
    at: datetime
    where: Where
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoxSealed:
    box_id: uuid.UUID
    at: datetime
    where: Where
    seal_no: str
    count: int


BoxFact = BoxOpened | BoxFilled | BoxSealed


@dataclass(slots=True)
class LineState:
    """A tube on a manifest. `moved_at`: it was put into another box later."""

    box_id: uuid.UUID
    tube_code: str
    added_at: datetime
    tube_id: uuid.UUID | None = None
    people: int = 0
    moved_at: datetime | None = None


@dataclass(slots=True)
class BoxState:
    id: uuid.UUID
    where: Where
    code: str = ""
    binding: int = 1
    state: str = "open"
    seal_no: str = ""
    opened_at: datetime | None = None
    sealed_at: datetime | None = None
    oldest_sample_at: datetime | None = None
    tubes_stated: int | None = None
    holder: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoxesLoaded:
    """The boxes of a batch, every box with one of their codes, and the lines of the batch's boxes."""

    boxes: Mapping[uuid.UUID, BoxState] = field(default_factory=dict)
    lines: Mapping[tuple[uuid.UUID, str], LineState] = field(default_factory=dict)


@dataclass(slots=True)
class BoxChanges:
    new: list[BoxState] = field(default_factory=list)
    changed: list[BoxState] = field(default_factory=list)
    lines_new: list[LineState] = field(default_factory=list)
    lines_changed: list[LineState] = field(default_factory=list)
    boxes: dict[uuid.UUID, BoxState] = field(default_factory=dict)
    codes_new: list[str] = field(default_factory=list)
    gaps: dict[uuid.UUID, tuple[int, int]] = field(default_factory=dict)
    agreed: list[uuid.UUID] = field(default_factory=list)


class HandedBox(msgspec.Struct, frozen=True):
    code: Code
    tubes: Number


class HandOverRecord(msgspec.Struct, frozen=True):
    handover_id: uuid.UUID
    kind: Literal["pick_up", "delivery", "relay"]
    giver: Name
    taker: Name
    boxes: list[HandedBox]
    vehicle_id: uuid.UUID | None = None
    temperature_c: Annotated[float, msgspec.Meta(ge=-273.15, le=1000)] | None = None


class DiscrepancyResolve(msgspec.Struct, frozen=True):
    discrepancy_id: uuid.UUID
    resolution: Reason


class VehicleAdd(msgspec.Struct, frozen=True):
    vehicle_id: uuid.UUID
    plate: Annotated[str, msgspec.Meta(min_length=1, max_length=16, pattern=r"\S")]
    driver: Annotated[str, msgspec.Meta(max_length=64)]
    route: Text200
    area: str
    boxes_max: Number | None = None


class SupplyItemAdd(msgspec.Struct, frozen=True):
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"\S")]
    name_zh: Name
    name_en: Name
    unit_zh: Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
    unit_en: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]


class SupplyMoveRecord(msgspec.Struct, frozen=True):
    move_id: uuid.UUID
    item: str
    giver: Place
    taker: Place
    quantity: Some
    area: str
    round_id: uuid.UUID | None = None
    form_no: Text40 = ""
    note: Text200 = ""


class WastePack(msgspec.Struct, frozen=True):
    lot_id: uuid.UUID
    round_id: uuid.UUID
    site_code: str
    bags: Some
    weight_g: Some
    area: str | None = None


class WasteHand(msgspec.Struct, frozen=True):
    lot_id: uuid.UUID
    note_no: Code
    taker: Name


@dataclass(frozen=True, slots=True)
class Check:
    """One conservation law recomputed from rows (design §1): what it expects, what it found, and where it fails."""

    name: str
    holds: bool
    expected: int
    actual: int
    detail: tuple[str, ...] = ()


def outside(place: str) -> bool:
    """Whether a place of the supply ledger is outside the stock."""
    return place.split(":", 1)[0] in OUTSIDE
