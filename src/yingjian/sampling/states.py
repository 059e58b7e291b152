"""What the fold works on: facts as they are reported, tubes and swabs as they are stored, changes to write. Pure.

Structs, not dataclasses: a thousand people in one request make thousands of these, and C makes and copies them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec import Struct

from .values import LOST


class Limits(Struct, frozen=True, gc=False):
    """What the flags need to know of a preset: allowed pool sizes, household tubes (R49, R50)."""

    sizes: frozenset[int] = frozenset({1, 5, 10, 20})
    household: str = "anywhere"


class Place(Struct, frozen=True, gc=False):
    """Where a fact happened: the station decides, never the person's address."""

    round_id: uuid.UUID
    site_id: uuid.UUID
    station_id: uuid.UUID
    area: str
    site_code: str = ""
    station_code: str = ""


class Who(Struct, frozen=True, gc=False):
    """A person as a swab needs them. `single`: never pooled (R51); `found`: added after the freeze (R13)."""

    person_id: uuid.UUID | None = None
    area: str = ""
    household_id: uuid.UUID | None = None
    due_id: uuid.UUID | None = None
    single: bool = False
    found: bool = False
    key: bool = False
    flags: tuple[str, ...] = ()
    identity: bytes | None = None


NOBODY: Final = Who()


class Opened(Struct, frozen=True, gc=False):
    tube_id: uuid.UUID
    at: datetime
    place: Place
    code: str
    mode: str
    capacity: int
    purpose: str = "screening"
    pair_id: uuid.UUID | None = None


class Swabbed(Struct, frozen=True, gc=False):
    swab_id: uuid.UUID
    tube_id: uuid.UUID
    at: datetime
    place: Place
    entry: str
    who: Who
    stub_no: str = ""
    device_id: uuid.UUID | None = None


class SwabVoided(Struct, frozen=True, gc=False):
    swab_id: uuid.UUID
    at: datetime
    place: Place
    reason: str


class SwabMoved(Struct, frozen=True, gc=False):
    swab_id: uuid.UUID
    to_tube_id: uuid.UUID
    at: datetime
    place: Place
    reason: str


class Locked(Struct, frozen=True, gc=False):
    tube_id: uuid.UUID
    at: datetime
    place: Place


class Sealed(Struct, frozen=True, gc=False):
    tube_id: uuid.UUID
    at: datetime
    place: Place
    count: int


class Ended(Struct, frozen=True, gc=False):
    """Voided or broken, with a reason."""

    tube_id: uuid.UUID
    at: datetime
    place: Place
    event: str
    reason: str


Fact = Opened | Swabbed | SwabVoided | SwabMoved | Locked | Sealed | Ended


class TubeState(Struct, gc=False):
    """A tube as stored. `opened_at` is None while only later facts of it have arrived."""

    id: uuid.UUID
    place: Place
    code: str = ""
    binding: int = 1
    purpose: str = "screening"
    mode: str = "unknown"
    capacity: int = 0
    people: int = 0
    key: bool = False
    state: str = "issued"
    opened_at: datetime | None = None
    first_swab_at: datetime | None = None
    locked_at: datetime | None = None
    sealed_at: datetime | None = None
    count_stated: int | None = None
    ended_at: datetime | None = None
    ended_reason: str = ""
    pair_id: uuid.UUID | None = None
    box_id: uuid.UUID | None = None
    flags: tuple[str, ...] = ()

    @property
    def lost(self) -> bool:
        return self.state in LOST


class SwabState(Struct, gc=False):
    """A swab as stored. `taken_at` is None while only a void or a move of it has arrived."""

    id: uuid.UUID
    place: Place
    who: Who = NOBODY
    tube_id: uuid.UUID | None = None
    position: int = 0
    entry: str = ""
    taken_at: datetime | None = None
    stub_no: str = ""
    device_id: uuid.UUID | None = None
    flags: tuple[str, ...] = ()
    voided_at: datetime | None = None
    void_reason: str = ""
    moved_at: datetime | None = None
    moved_from: uuid.UUID | None = None
    move_reason: str = ""

    @property
    def counts(self) -> bool:
        return self.taken_at is not None and self.voided_at is None


@dataclass(frozen=True)
class Loaded:
    """What the batch touches: its tubes, every swab in them, every other swab of its people in the round (with its
    tube), and every tube that carries one of its codes.
    """

    tubes: Mapping[uuid.UUID, TubeState] = field(default_factory=dict)
    swabs: Mapping[uuid.UUID, SwabState] = field(default_factory=dict)
    limits: Mapping[uuid.UUID, Limits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """A count stated at sealing that differs from the system's."""

    tube: TubeState
    expected: int
    actual: int


@dataclass(slots=True)
class Changes:
    """What to write. Nothing that was reported is missing from it."""

    tubes_new: list[TubeState] = field(default_factory=list)
    tubes_changed: list[TubeState] = field(default_factory=list)
    swabs_new: list[SwabState] = field(default_factory=list)
    swabs_changed: list[SwabState] = field(default_factory=list)
    sampled: dict[uuid.UUID, datetime] = field(default_factory=dict)
    unsampled: list[uuid.UUID] = field(default_factory=list)
    started: list[TubeState] = field(default_factory=list)
    ended: list[TubeState] = field(default_factory=list)
    """Tubes with a swab that are broken, voided or rejected now: there is nothing to cool any more."""
    gaps: list[Gap] = field(default_factory=list)
    agreed: list[uuid.UUID] = field(default_factory=list)
    recounted: list[TubeState] = field(default_factory=list)
    late: list[SwabState] = field(default_factory=list)
    """Swabs that came into a tube whose result was released already."""
    tubes: dict[uuid.UUID, TubeState] = field(default_factory=dict)
    swabs: dict[uuid.UUID, SwabState] = field(default_factory=dict)
