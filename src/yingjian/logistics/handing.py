"""Hand-overs: two parties, two counts, a temperature, a vehicle. What differs is stored and owned, never refused."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

from django.db import connection

from yingjian.access import clocks, outbox
from yingjian.campaigns import queries as campaigns
from yingjian.kernel.ids import derived

from . import actions, queries, rules
from .events import BoxesHandedOver
from .values import HandOverRecord

_LEVELS: Final = (12, 9, 6, 4, 2)


@dataclass(frozen=True, slots=True)
class HandOver:
    """One `handover.record` with its time and the area it falls into when no box is known."""

    command_id: uuid.UUID
    at: datetime
    home_area: str
    given: HandOverRecord


@dataclass(frozen=True, slots=True)
class Handed:
    """What was stored of a hand-over."""

    area: str
    tubes_system: int
    flags: tuple[str, ...]


def common_area(areas: Sequence[str], otherwise: str) -> str:
    """The smallest region that holds all areas."""
    same = takewhile(lambda digits: len(set(digits)) == 1, zip(*areas, strict=False))
    shared = "".join(digits[0] for digits in same) if areas else otherwise
    return next((shared[:level] for level in _LEVELS if len(shared) >= level), shared)


def hand_overs_record(*, overs: Sequence[HandOver]) -> dict[uuid.UUID, Handed]:
    """Store hand-overs, bring their boxes forward, stop their pick-up clocks, open what differs. By command id.

    A fixed number of statements for any number. A hand-over told twice under two commands is stored once.
    """
    if not overs:
        return {}
    codes = sorted({box.code for over in overs for box in over.given.boxes})
    boxes = queries.boxes_by_code(codes)
    vehicles = queries.vehicle_areas([o.given.vehicle_id for o in overs if o.given.vehicle_id])
    work = [_Handing(over, boxes, vehicles) for over in overs]
    fresh = _store(work)
    _advance([one for one in work if one.id in fresh])
    actions.discrepancies_open(
        found=[difference for one in work if one.id in fresh for difference in one.differences()]
    )
    for one in work:
        if one.id in fresh and one.known:
            outbox.publish(
                BoxesHandedOver(
                    id=derived(one.id, "event"), at=one.over.at, round_id=one.round_id,
                    box_ids=[box.id for _, _, box in one.known],
                )
            )  # fmt: skip
    return {one.over.command_id: Handed(one.area, one.system, one.flags) for one in work}


class _Handing:
    """One hand-over worked out against the boxes and vehicles that are known."""

    def __init__(
        self,
        over: HandOver,
        boxes: Mapping[str, queries.BoxBrief],
        vehicles: Mapping[uuid.UUID, str],
    ) -> None:
        given = over.given
        self.over, self.id = over, given.handover_id
        counted: dict[str, int] = defaultdict(int)
        for box in given.boxes:
            counted[box.code] = max(counted[box.code], box.tubes)
        self.counted = dict(counted)
        self.known = [
            (code, tubes, boxes[code]) for code, tubes in counted.items() if code in boxes
        ]
        self.round_id = self.known[0][2].round_id if self.known else None
        areas = sorted({box.area for _, _, box in self.known})
        self.area = common_area(areas, over.home_area)
        self.system = sum(box.tubes for _, _, box in self.known)
        self.storage: tuple[float | None, float | None] = (None, None)
        if self.round_id is not None:
            transport = campaigns.preset_of(self.round_id).transport
            self.storage = (transport.storage_low.value, transport.storage_high.value)
        self.vehicle_id = given.vehicle_id if given.vehicle_id in vehicles else None
        self.flags = rules.hand_over_flags(
            rules.Carried(
                counted=sum(counted.values()), system=self.system,
                unknown_boxes=len(counted) - len(self.known),
                repeated_boxes=any(n > 1 for n in Counter(box.code for box in given.boxes).values()),
                temperature=given.temperature_c, storage=self.storage,
                vehicle_named=given.vehicle_id is not None,
                vehicle_area=vehicles.get(given.vehicle_id) if given.vehicle_id else None,
                box_areas=frozenset(areas),
            )
        )  # fmt: skip

    def row(self) -> tuple[Any, ...]:
        given = self.over.given
        return (
            self.id, self.round_id, self.area, given.kind, given.giver, given.taker, self.vehicle_id, self.over.at,
            len(self.counted), sum(self.counted.values()), self.system, given.temperature_c,
            queries.as_json(self.flags),
        )  # fmt: skip

    def box_rows(self) -> list[tuple[Any, ...]]:
        known = {code: box for code, _, box in self.known}
        return [
            (
                derived(self.id, f"box.{code}"), self.id, code, known[code].id if code in known else None,
                known[code].area if code in known else self.area, tubes, known[code].tubes if code in known else 0,
            )
            for code, tubes in self.counted.items()
        ]  # fmt: skip

    def differences(self) -> list[actions.Difference]:
        given, counted = self.over.given, sum(self.counted.values())
        label = f"{given.giver} → {given.taker}"

        def difference(kind: str, expected: int, actual: int) -> actions.Difference:
            return actions.Difference(
                kind,
                "hand_over",
                self.id,
                label,
                self.area,
                self.round_id,
                expected,
                actual,
                self.over.at,
            )

        found = []
        if "count_differs" in self.flags:
            found.append(difference("handover_count", self.system, counted))
        if "temperature" in self.flags and given.temperature_c is not None:
            low, high = self.storage
            bound = low if low is not None and given.temperature_c < low else high
            found.append(difference("temperature", round(bound or 0), round(given.temperature_c)))
        return found


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _store(work: Sequence[_Handing]) -> set[uuid.UUID]:
    """Ids of the hand-overs that were not stored before."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO logistics_handover (id, round_id, area, kind, giver, taker, vehicle_id, at, boxes_counted,
                                               tubes_counted, tubes_system, temperature_c, flags)
               SELECT u.id, u.round, u.area, u.kind, u.giver, u.taker, u.vehicle, u.at, u.boxes, u.counted, u.system,
                      u.temperature, u.flags::jsonb
                 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[],
                             %s::timestamptz[], %s::int[], %s::int[], %s::int[], %s::float8[], %s::text[])
                      AS u(id, round, area, kind, giver, taker, vehicle, at, boxes, counted, system, temperature, flags)
                   ON CONFLICT (id) DO NOTHING RETURNING id""",
            _columns([one.row() for one in work]),
        )
        fresh = {row[0] for row in cursor.fetchall()}
        rows = [row for one in work if one.id in fresh for row in one.box_rows()]
        if rows:
            cursor.execute(
                """INSERT INTO logistics_handoverbox (id, hand_over_id, code, box_id, area, tubes, tubes_system)
                   SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::int[],
                                        %s::int[])
                       ON CONFLICT (hand_over_id, code) DO NOTHING""",
                _columns(rows),
            )
    return fresh


def _advance(work: Sequence[_Handing]) -> None:
    """Boxes go with the last taker; the clock of waiting for pick-up ends at the first hand-over."""
    last: dict[uuid.UUID, tuple[datetime, str]] = {}
    first: dict[uuid.UUID, datetime] = {}
    for one in work:
        for _, _, box in one.known:
            mine = (one.over.at, one.over.given.taker)
            last[box.id] = max(last.get(box.id, mine), mine)
            first[box.id] = min(first.get(box.id, one.over.at), one.over.at)
    actions.boxes_handed(holders={id: holder for id, (_, holder) in last.items()})
    clocks.stop_each(actions.PICK_UP, first)
