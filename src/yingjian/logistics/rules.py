"""Pure decisions about boxes, hand-overs, stock: facts are folded into state in any order; differences get flags.

Sources: R58–R65 (transport, temperature, vehicle's own area, counts), R87–R89 (waste), design §1 (custody conserves).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .values import (
    BOX_RANK,
    BoxChanges,
    BoxesLoaded,
    BoxFact,
    BoxFilled,
    BoxOpened,
    BoxState,
    LineState,
    Where,
)  # fmt: skip

BOX_EVENTS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    # what a report makes of a box, and where the box should have been before
    "open": ("open", frozenset({"open"})),
    "seal": ("sealed", frozenset({"open"})),
    "hand_over": ("handed_over", frozenset({"sealed", "handed_over"})),
    "receive": ("received", frozenset({"handed_over"})),
    "check": ("checked", frozenset({"received"})),
    "empty": ("emptied", frozenset({"checked"})),
}
KEPT: Final = frozenset({"opened_twice", "duplicate_box"})


def later(one: str, other: str) -> str:
    """The state that knows more."""
    return one if BOX_RANK[one] >= BOX_RANK[other] else other


def count_of(box: BoxState, lines: Mapping[tuple[uuid.UUID, str], LineState]) -> int:
    """Tubes on the manifest of a box: at its seal once it is sealed, before that the tubes in it now.

    A tube put into another box after the seal was in this one when it was counted.
    """
    return sum(
        line.moved_at is None or (box.sealed_at is not None and line.moved_at > box.sealed_at)
        for line in lines.values()
        if line.box_id == box.id
    )


def box_flags(box: BoxState, *, differs: bool) -> tuple[str, ...]:
    """Flags that follow from a box's state, and those that came with a report."""
    flags = {flag for flag in box.flags if flag in KEPT}
    if box.opened_at is None:
        flags.add("not_opened")
    elif not box.code:
        flags.add("code_missing")
    if differs:
        flags.add("count_differs")
    if box.sealed_at is None and box.state != "open":
        flags.add("not_sealed")
    return tuple(sorted(flags))


def fold_boxes(loaded: BoxesLoaded, facts: Sequence[BoxFact]) -> BoxChanges:
    """Apply box facts in any order; a fact told twice changes nothing. Loaded values are not changed."""
    work = _Boxes(loaded)
    for fact in facts:
        work.apply(fact)
    return work.changes()


class _Boxes:
    def __init__(self, loaded: BoxesLoaded) -> None:
        self.loaded = loaded
        self.boxes = dict(loaded.boxes)
        self.lines = dict(loaded.lines)
        self.touched: set[uuid.UUID] = set()
        self.recoded: set[str] = set()

    def apply(self, fact: BoxFact) -> None:
        box = self._box(fact.box_id, fact.where)
        match fact:
            case BoxOpened():
                self._opened(box, fact)
            case BoxFilled():
                for code in fact.codes:
                    self._line(box.id, code, fact.at)
            case _:
                told = (fact.at, fact.count, fact.seal_no)
                held = (box.sealed_at, box.tubes_stated, box.seal_no)
                if box.sealed_at is None or told < held:
                    box.sealed_at, box.tubes_stated, box.seal_no = told
                box.state = later(box.state, "sealed")

    def _box(self, id: uuid.UUID, where: Where) -> BoxState:
        if id not in self.boxes:
            self.boxes[id] = BoxState(id, where)
            self.touched.add(id)
        box = self._touch(id)
        if box.opened_at is None and where.station_code < box.where.station_code:
            box.where = where
        return box

    def _touch(self, id: uuid.UUID) -> BoxState:
        if id not in self.touched:
            self.touched.add(id)
            self.boxes[id] = copy(self.boxes[id])
        return self.boxes[id]

    def _opened(self, box: BoxState, fact: BoxOpened) -> None:
        told = (fact.at, fact.code, fact.where.station_code)
        held = (box.opened_at, box.code, box.where.station_code)
        if box.opened_at is not None and told != held:
            box.flags = (*box.flags, "opened_twice")
        if box.opened_at is None or told < held:
            if fact.code != box.code:
                self.recoded |= {fact.code, box.code}
                box.binding = 0
                box.flags = tuple(flag for flag in box.flags if flag != "duplicate_box")
            box.opened_at, box.code, box.where = fact.at, fact.code, fact.where

    def _line(self, box_id: uuid.UUID, code: str, at: datetime) -> None:
        line = self.lines.get((box_id, code))
        if line is None:
            self.lines[box_id, code] = LineState(box_id, code, at)
        elif at < line.added_at:
            mine = self.lines[box_id, code] = copy(line)
            mine.added_at = at

    def _bind(self) -> None:
        by_code: dict[str, list[BoxState]] = defaultdict(list)
        for box in self.boxes.values():
            by_code[box.code].append(box)
        for code in sorted(self.recoded - {""}):
            sharing = by_code[code]
            last = max((box.binding for box in sharing), default=0)
            for box in sorted(sharing, key=lambda box: (box.opened_at, str(box.id))):
                mine = self._touch(box.id)
                if not mine.binding:
                    last += 1
                    mine.binding = last
                rest = [flag for flag in mine.flags if flag != "duplicate_box"]
                mine.flags = tuple(rest + ["duplicate_box"] * (len(sharing) > 1))
        for id in self.touched:
            self.boxes[id].binding = self.boxes[id].binding or 1

    def changes(self) -> BoxChanges:
        self._bind()
        out = BoxChanges(boxes=self.boxes, codes_new=sorted(self.recoded - {""}))
        for id in sorted(self.touched, key=str):
            self._settle(out, self.boxes[id])
        for key, line in self.lines.items():
            held = self.loaded.lines.get(key)
            if held is None:
                out.lines_new.append(line)
            elif held != line:
                out.lines_changed.append(line)
        return out

    def _settle(self, out: BoxChanges, box: BoxState) -> None:
        held = self.loaded.boxes.get(box.id)
        count = count_of(box, self.lines)
        differs = box.tubes_stated is not None and box.tubes_stated != count
        box.flags = box_flags(box, differs=differs)
        if held is None:
            out.new.append(box)
        elif held != box:
            out.changed.append(box)
        if differs and box.tubes_stated is not None:
            out.gaps[box.id] = (count, box.tubes_stated)
        elif held is not None and "count_differs" in held.flags:
            out.agreed.append(box.id)


@dataclass(frozen=True, slots=True)
class Carried:
    """What a hand-over says and what is known of it. Temperatures in °C; areas are region prefixes."""

    counted: int
    system: int
    unknown_boxes: int
    repeated_boxes: bool
    temperature: float | None
    storage: tuple[float | None, float | None]
    vehicle_named: bool
    vehicle_area: str | None
    box_areas: frozenset[str]


def hand_over_flags(carried: Carried) -> tuple[str, ...]:
    """What is unusual about a hand-over: counts (R65), temperature (R58), a vehicle beyond its own area (R62)."""
    flags = set()
    if carried.counted != carried.system:
        flags.add("count_differs")
    if carried.unknown_boxes:
        flags.add("box_unknown")
    if carried.repeated_boxes:
        flags.add("box_twice")
    low, high = carried.storage
    if carried.temperature is not None and (
        (low is not None and carried.temperature < low)
        or (high is not None and carried.temperature > high)
    ):
        flags.add("temperature")
    if carried.vehicle_named and carried.vehicle_area is None:
        flags.add("vehicle_unknown")
    if carried.vehicle_area is not None and any(
        not area.startswith(carried.vehicle_area) for area in carried.box_areas
    ):
        flags.add("vehicle_outside_area")
    return tuple(sorted(flags))


@dataclass(frozen=True, slots=True)
class Move:
    """One line of the supply ledger: `quantity` of `item` leaves `giver` and enters `taker`."""

    item: str
    giver: str
    taker: str
    quantity: int


def balances(moves: Sequence[Move]) -> dict[tuple[str, str], int]:
    """What each place holds of each item. The sum over all places is zero, always."""
    held: dict[tuple[str, str], int] = defaultdict(int)
    for move in moves:
        held[move.giver, move.item] -= move.quantity
        held[move.taker, move.item] += move.quantity
    return dict(held)
