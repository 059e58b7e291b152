"""Words of this room that others may use: payloads of the field's commands, states, flags. Pure.

Times inside payloads carry an offset (a time without one is malformed). A device never names its place: station, site,
round and area come from its enrolment. A user names the station with `station_code`.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

Stamp = Annotated[datetime, msgspec.Meta(tz=True)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"\S")]
Text40 = Annotated[str, msgspec.Meta(max_length=40)]
Text80 = Annotated[str, msgspec.Meta(max_length=80)]
Number = Annotated[int, msgspec.Meta(ge=0, le=30_000)]  # fits the column; no rule of the field
Capacity = Annotated[int, msgspec.Meta(ge=1, le=1_000)]

Mode = Literal["pool", "single", "household"]
Purpose = Literal["screening", "recheck"]
Entry = Literal["code", "family", "id", "card", "walk_in"]

# The life of a tube, from the least to the most certain knowledge. A tube's state is the highest ever reported, so that
# reports in any order end in the same state. `missing` gives way to a tube found again; the three ends (broken,
# rejected, voided) give way only to a result, because that shows the tube was tested after all (then it is flagged).
TUBE_LINE: Final = (
    "issued", "open", "locked", "sealed", "boxed", "in_transit", "missing", "received", "testing",
    "broken", "rejected", "voided", "resulted", "released",
)  # fmt: skip
TUBE_STATES: Final = TUBE_LINE
RANK: Final = {state: rank for rank, state in enumerate(TUBE_LINE)}
RELEASED: Final = TUBE_LINE[-1]
LOST: Final = frozenset({"broken", "rejected", "voided"})
"""Tubes that will never give a result: their swabs do not count as taken."""


class SwabIn(msgspec.Struct, frozen=True):
    """One swab inside a whole tube. Exactly one of token, id_number and name says who; none is kept and flagged."""

    swab_id: uuid.UUID
    at: Stamp
    entry: Entry
    token: str | None = None
    id_type: str | None = None
    id_number: Text80 | None = None
    name: Text80 | None = None
    phone: Text40 | None = None
    village: str | None = None
    stub_no: Annotated[str, msgspec.Meta(max_length=32)] = ""
    person_id: uuid.UUID | None = None
    """Which of the persons of a family code; a code of one person needs none."""
    green: bool = False
    """Went ahead of the line (绿色通道), as the phone showed it."""


class SwabAdd(msgspec.Struct, frozen=True):
    swab_id: uuid.UUID
    tube_id: uuid.UUID
    entry: Entry
    token: str | None = None
    id_type: str | None = None
    id_number: Text80 | None = None
    name: Text80 | None = None
    phone: Text40 | None = None
    village: str | None = None
    stub_no: Annotated[str, msgspec.Meta(max_length=32)] = ""
    person_id: uuid.UUID | None = None
    green: bool = False
    station_code: str | None = None


class SwabVoid(msgspec.Struct, frozen=True):
    swab_id: uuid.UUID
    reason: Reason
    station_code: str | None = None


class SwabMove(msgspec.Struct, frozen=True):
    swab_id: uuid.UUID
    to_tube_id: uuid.UUID
    reason: Reason
    station_code: str | None = None


class TubeOpen(msgspec.Struct, frozen=True):
    tube_id: uuid.UUID
    code: Text40
    mode: Mode
    capacity: Capacity
    purpose: Purpose = "screening"
    pair_id: uuid.UUID | None = None
    station_code: str | None = None


class TubeLock(msgspec.Struct, frozen=True):
    tube_id: uuid.UUID
    station_code: str | None = None


class TubeSeal(msgspec.Struct, frozen=True):
    tube_id: uuid.UUID
    count: Number
    station_code: str | None = None


class TubeEnd(msgspec.Struct, frozen=True):
    """`tube.void` and `tube.break`."""

    tube_id: uuid.UUID
    reason: Reason
    station_code: str | None = None


class TubeRecord(msgspec.Struct, frozen=True):
    tube_id: uuid.UUID
    code: Text40
    mode: Mode
    capacity: Capacity
    opened_at: Stamp
    sealed_at: Stamp
    count: Number
    swabs: list[SwabIn]
    locked_at: Stamp | None = None
    purpose: Purpose = "screening"
    pair_id: uuid.UUID | None = None
    station_code: str | None = None


class BoxOpen(msgspec.Struct, frozen=True):
    box_id: uuid.UUID
    code: Text40
    station_code: str | None = None


class BoxAdd(msgspec.Struct, frozen=True):
    box_id: uuid.UUID
    tube_codes: list[Text40]
    station_code: str | None = None


class BoxSeal(msgspec.Struct, frozen=True):
    box_id: uuid.UUID
    seal_no: Text40
    count: Number
    station_code: str | None = None


class RackCount(msgspec.Struct, frozen=True):
    count_id: uuid.UUID
    tubes: Number
    by: Annotated[str, msgspec.Meta(max_length=64)] = ""
    station_code: str | None = None


class SiteStep(msgspec.Struct, frozen=True):
    """`site.ready`, `site.open`, `site.close`."""

    site_id: uuid.UUID


class CodesRevoke(msgspec.Struct, frozen=True):
    """Every code that names a person and was issued until today."""

    revocation_id: uuid.UUID
    person_id: uuid.UUID
    reason: Reason


class CodeRevoke(msgspec.Struct, frozen=True):
    """One code, by its text."""

    revocation_id: uuid.UUID
    token: Annotated[str, msgspec.Meta(max_length=400)]
    reason: Reason


class KeyRevoke(msgspec.Struct, frozen=True):
    """Every code signed with a key."""

    revocation_id: uuid.UUID
    key_id: Annotated[str, msgspec.Meta(max_length=16)]
    reason: Reason


class RevocationLift(msgspec.Struct, frozen=True):
    revocation_id: uuid.UUID
    reason: Reason
