"""Receipt at the bench: boxes opened at the door and counted against their manifests, tubes brought by hand.

A courier brings a dozen boxes at once: the number of statements does not depend on how many, nor on their tubes.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from yingjian.access import clocks, scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as rounds
from yingjian.kernel import arrays
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.logistics.actions import Difference

from . import actions, below, queries, rules, timing
from .models import Laboratory, Receipt

STATES: Final = ("broken", "missing", "received")
_LINE_KINDS: Final = ("uuid", "uuid", "text", "text", "uuid", "text")
_LINES: Final = """
INSERT INTO laboratory_receiptline (id, receipt_id, area, tube_code, tube_id, state)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[])
"""


@dataclass(frozen=True, slots=True)
class BoxSeen:
    """A box as it was found at the door. `id` is the receipt's; `received=None`: everything on its manifest."""

    id: uuid.UUID
    laboratory_id: uuid.UUID
    code: str
    received: Sequence[str] | None
    broken: Sequence[str]
    extra: Sequence[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class _Opened:
    """A receipt to be stored, with its box and its count."""

    receipt: Receipt
    box: Mapping[str, Any] | None
    counted: rules.Counted

    def tubes(self) -> frozenset[str]:
        return self.counted.received | self.counted.broken | self.counted.missing


def boxes_receive(*, actor: Actor, seen: Sequence[BoxSeen]) -> list[rules.Counted]:
    """Open boxes at the bench and count each against its manifest (R65); what differs becomes an owned discrepancy.

    Stops `deliver`, starts the result clocks of their tubes (R59, R66). A box opened a second time is counted against
    what is still open on its manifest. One count per box, in order. What is told apart only by the order, a box named
    twice or a tube seen in two boxes, is opened one after the other. `laboratory.box_unknown`,
    `laboratory.laboratory_unknown` (404), `laboratory.receipt_known` (409).
    """
    twice = len({one.code for one in seen}) < len(seen) or len({one.id for one in seen}) < len(seen)
    opened = [] if twice else _opened(actor, seen)
    if twice or any(times > 1 for times in Counter(_codes(opened)).values()):
        return [count for one in seen for count in boxes_receive(actor=actor, seen=[one])]
    _store(opened)
    for at, boxes in _by_moment(opened).items():
        below.boxes_checked(holders=boxes, at=at)
    below.discrepancies_open(found=[_difference(one) for one in opened if not one.counted.agrees])
    return [one.counted for one in opened]


def _opened(actor: Actor, seen: Sequence[BoxSeen]) -> list[_Opened]:
    laboratories = {id: actions.laboratory_known(id) for id in {one.laboratory_id for one in seen}}
    for laboratory in laboratories.values():
        scope.require(actor, "receive", laboratory.area)
    boxes = queries.boxes_at_door([one.code for one in seen])
    for one in seen:
        if one.code not in boxes:
            raise RuleBroken("laboratory.box_unknown", status=404, box=one.code)
    manifests = queries.manifests_open([box["id"] for box in boxes.values()])
    return [
        _open(actor, one, laboratories[one.laboratory_id], boxes[one.code], manifests)
        for one in seen
    ]


def _open(
    actor: Actor, seen: BoxSeen, laboratory: Laboratory, box: Mapping[str, Any],
    manifests: Mapping[uuid.UUID, Sequence[str]],
) -> _Opened:  # fmt: skip
    counted = rules.count_receipt(
        manifests.get(box["id"], ()), received=seen.received, broken=seen.broken, extra=seen.extra
    )
    receipt = Receipt(
        id=seen.id, round_id=box["round_id"], laboratory=laboratory, box_id=box["id"], area=box["area"], at=seen.at,
        by=actor.name[:64],
    )  # fmt: skip
    return _Opened(receipt, box, counted)


def _codes(opened: Sequence[_Opened]) -> Iterator[str]:
    return (code for one in opened for code in one.tubes())


def _by_moment(opened: Sequence[_Opened]) -> dict[datetime, dict[uuid.UUID, str]]:
    """Who holds each box, by the moment it was opened."""
    found: dict[datetime, dict[uuid.UUID, str]] = defaultdict(dict)
    for one in opened:
        if one.box is not None:
            found[one.receipt.at][one.box["id"]] = one.receipt.laboratory.name
    return found


def _difference(one: _Opened) -> Difference:
    receipt, code = one.receipt, one.box["code"] if one.box is not None else ""
    return Difference(
        "receipt", "receipt", receipt.id, code, receipt.area, receipt.round_id, one.counted.expected,
        len(one.counted.received), receipt.at, owner_role="laboratory_clerk",
    )  # fmt: skip


def tubes_receive(
    *, actor: Actor, id: uuid.UUID, laboratory_id: uuid.UUID, round_id: uuid.UUID, tube_codes: Sequence[str],
    at: datetime,
) -> rules.Counted:  # fmt: skip
    """Tubes carried to the bench by hand, without a box: recheck swabs and original tubes of flagged pools (R72)."""
    laboratory = actions.laboratory_known(laboratory_id)
    scope.require(actor, "receive", laboratory.area)
    rounds.round_brief(round_id)
    counted = rules.count_receipt(tube_codes, received=None, broken=(), extra=())
    receipt = Receipt(
        id=id,
        round_id=round_id,
        laboratory=laboratory,
        area=laboratory.area,
        at=at,
        by=actor.name[:64],
    )
    _store([_Opened(receipt, None, counted)])
    below.tubes_cooled(tube_ids=queries.tubes_of_receipt(id), at=at)
    return counted


# --- to rows


def _store(opened: Sequence[_Opened]) -> None:
    """Receipts with their lines; the tubes go forward and their clocks start. No tube is in two of them."""
    if Receipt.objects.filter(id__in=[one.receipt.id for one in opened]).exists():
        raise RuleBroken("laboratory.receipt_known", status=409)
    for one in opened:
        receipt, counted = one.receipt, one.counted
        receipt.expected, receipt.received = counted.expected, len(counted.received)
        receipt.missing, receipt.extra = len(counted.missing), len(counted.extra)
        receipt.broken = len(counted.broken)
    Receipt.objects.bulk_create([one.receipt for one in opened])
    tubes = _tubes(opened)
    lines = [
        (
            derived(one.receipt.id, code), one.receipt.id, one.receipt.area, code,
            tubes[code]["id"] if code in tubes else None, state,
        )
        for one in opened
        for code, state in _lines(one.counted)
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LINES, arrays.columns(_LINE_KINDS, lines))
    _advance(opened, tubes)
    _start_clocks(opened, tubes)


def _tubes(opened: Sequence[_Opened]) -> dict[str, dict[str, Any]]:
    """The tubes that codes mean, each in the round of its box."""
    codes: dict[uuid.UUID | None, list[str]] = defaultdict(list)
    for one in opened:
        codes[one.receipt.round_id] += sorted(one.tubes())
    found: dict[str, dict[str, Any]] = {}
    for round_id, mine in codes.items():
        found |= queries.tubes_by_code(mine, round_id)
    return found


def _lines(counted: rules.Counted) -> Iterator[tuple[str, str]]:
    yield from ((code, "broken") for code in sorted(counted.broken))
    yield from ((code, "missing") for code in sorted(counted.missing))
    for code in sorted(counted.received):
        yield code, "extra" if code in counted.extra else "received"


def _advance(opened: Sequence[_Opened], tubes: Mapping[str, Mapping[str, Any]]) -> None:
    moments = sorted({one.receipt.at for one in opened})
    for to in STATES:
        for at in moments:
            ids = sorted(
                tubes[code]["id"]
                for one in opened
                if one.receipt.at == at
                for code in getattr(one.counted, to)
                if code in tubes
            )
            if ids:
                below.tubes_advance(tube_ids=ids, to=to, at=at)


def _start_clocks(opened: Sequence[_Opened], tubes: Mapping[str, Mapping[str, Any]]) -> None:
    """Start the result clock of each tube, by who is in it (R66), and the on-instrument clock (R54)."""
    receipts = {
        tubes[code]["id"]: one.receipt
        for one in opened
        for code in one.counted.received
        if code in tubes
    }
    people = queries.tube_people(sorted(receipts)) if receipts else {}
    presets = {id: rounds.preset_of(id) for id in {tube["round_id"] for tube in people.values()}}
    clocks.start(
        [
            start
            for id in sorted(people)
            for start in timing.at_receipt(
                presets[people[id]["round_id"]], people[id], received_at=receipts[id].at,
                owner=receipts[id].laboratory.name,
            )
        ]
    )  # fmt: skip
