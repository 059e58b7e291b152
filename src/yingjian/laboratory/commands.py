"""Commands of this room: the bench, from the box at the door to the release."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Annotated, Any, Literal

import msgspec

from yingjian.access import journal

from . import actions, receiving
from .actions import ResultRow

Stamp = Annotated[datetime, msgspec.Meta(tz=True)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Text80 = Annotated[str, msgspec.Meta(max_length=80)]
Words = Annotated[str, msgspec.Meta(max_length=200)]


class LabAdd(msgspec.Struct, frozen=True):
    laboratory_id: uuid.UUID
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    kind: Literal["hospital", "cdc_county", "cdc_city", "cdc_region", "company"]
    area: Annotated[str, msgspec.Meta(pattern=r"^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})$")]
    tubes_per_day: Annotated[int, msgspec.Meta(ge=0, le=2_000_000)]
    opens_hour: int = 0
    closes_hour: int = 24


class LabState(msgspec.Struct, frozen=True):
    laboratory_id: uuid.UUID
    to: Literal["cleared", "receiving", "full", "suspended", "blacklisted"]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class BoxReceive(msgspec.Struct, frozen=True):
    receipt_id: uuid.UUID
    laboratory_id: uuid.UUID
    box_code: Code
    received: list[Code] | None = None
    broken: list[Code] = []
    extra: list[Code] = []


class TubeReceive(msgspec.Struct, frozen=True):
    receipt_id: uuid.UUID
    laboratory_id: uuid.UUID
    round_id: uuid.UUID
    tube_codes: Annotated[list[Code], msgspec.Meta(min_length=1)]


class RunStart(msgspec.Struct, frozen=True):
    run_id: uuid.UUID
    laboratory_id: uuid.UUID
    round_id: uuid.UUID
    instrument: Code
    kit: Text80
    tube_codes: list[Code]
    method: Text80 = "RT-PCR"
    detection_limit: Annotated[str, msgspec.Meta(max_length=40)] = ""
    ct_limit: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None


class RunEnd(msgspec.Struct, frozen=True):
    run_id: uuid.UUID


class ResultIn(msgspec.Struct, frozen=True):
    """One result. An unknown outcome is kept, held, and asked about: it never spoils the others."""

    result_id: uuid.UUID
    tube_code: Code
    outcome: str
    ct: dict[str, Any] | None = None


class ResultEnter(msgspec.Struct, frozen=True):
    laboratory_id: uuid.UUID
    results: Annotated[list[ResultIn], msgspec.Meta(min_length=1)]
    tested_at: Stamp
    run_id: uuid.UUID | None = None


class ResultRelease(msgspec.Struct, frozen=True):
    result_ids: list[uuid.UUID]


class ResultSettle(msgspec.Struct, frozen=True):
    round_id: uuid.UUID


class ResultCorrect(msgspec.Struct, frozen=True):
    result_id: uuid.UUID
    corrects: uuid.UUID
    outcome: str
    reason: Words
    ct: dict[str, Any] | None = None
    tested_at: Stamp | None = None


class HeldDecide(msgspec.Struct, frozen=True):
    held_id: uuid.UUID
    decision: Words


@journal.handles("lab.add", LabAdd, permission="administer", decision=True)
@journal.handles("lab.state", LabState, permission="administer", decision=True)
@journal.handles("held.decide", HeldDecide, permission="release_result", decision=True)
def laboratories(batch: journal.Batch) -> list[journal.Verdict]:
    """Rare decisions about laboratories and held results."""
    return [_administer(batch, command) for command in batch.commands]


@journal.handles("box.receive", BoxReceive, permission="receive")
@journal.handles("tube.receive", TubeReceive, permission="receive")
@journal.handles("run.start", RunStart, permission="test")
@journal.handles("run.end", RunEnd, permission="test")
@journal.handles("result.enter", ResultEnter, permission="enter_result")
def bench(batch: journal.Batch) -> list[journal.Verdict]:
    """Facts of the bench: each command holds any number of tubes; boxes that come together are opened together."""
    verdicts: list[journal.Verdict] = []
    for boxes, group in groupby(batch.commands, key=_is_box):
        commands = list(group)
        verdicts += (
            _open(batch, commands) if boxes else [_record(batch, command) for command in commands]
        )
    return verdicts


def _is_box(command: journal.Command) -> bool:
    return isinstance(command.payload, BoxReceive)


def _open(batch: journal.Batch, commands: Sequence[journal.Command]) -> list[journal.Verdict]:
    seen = [
        receiving.BoxSeen(
            command.payload.receipt_id, command.payload.laboratory_id, command.payload.box_code,
            command.payload.received, command.payload.broken, command.payload.extra, command.at,
        )
        for command in commands
    ]  # fmt: skip
    counts = receiving.boxes_receive(actor=batch.actor, seen=seen)
    return [
        journal.applied(command, **_told(counted))
        for command, counted in zip(commands, counts, strict=True)
    ]


@journal.handles("result.release", ResultRelease, permission="release_result", decision=True)
@journal.handles("result.settle", ResultSettle, permission="release_result", decision=True)
@journal.handles("result.correct", ResultCorrect, permission="enter_result", decision=True)
def decisions(batch: journal.Batch) -> list[journal.Verdict]:
    """What a second person answers for. Their time is the server's, not the asker's."""
    return [_decide(batch, command) for command in batch.commands]


def _administer(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given, actor = command.payload, batch.actor
    match given:
        case LabAdd():
            actions.laboratory_add(
                actor=actor, id=given.laboratory_id, code=given.code, name=given.name, kind=given.kind,
                area=given.area, tubes_per_day=given.tubes_per_day, opens_hour=given.opens_hour,
                closes_hour=given.closes_hour,
            )  # fmt: skip
            return journal.applied(command, area=given.area)
        case LabState():
            laboratory = actions.laboratory_state(actor=actor, id=given.laboratory_id, to=given.to)
            return journal.applied(command, area=laboratory.area)
        case _:
            actions.held_decide(
                actor=actor, id=given.held_id, decision=given.decision, at=batch.received_at
            )
            return journal.applied(command)


def _record(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given, actor, at = command.payload, batch.actor, command.at
    match given:
        case TubeReceive():
            counted = receiving.tubes_receive(
                actor=actor, id=given.receipt_id, laboratory_id=given.laboratory_id, round_id=given.round_id,
                tube_codes=given.tube_codes, at=at,
            )  # fmt: skip
            return journal.applied(command, **_told(counted))
        case RunStart():
            unknown = actions.run_start(
                actor=actor, id=given.run_id, laboratory_id=given.laboratory_id, round_id=given.round_id,
                instrument=given.instrument, kit=given.kit, method=given.method,
                detection_limit=given.detection_limit, ct_limit=given.ct_limit, tube_codes=given.tube_codes, at=at,
            )  # fmt: skip
            return journal.applied(command, unknown=unknown)
        case RunEnd():
            actions.run_end(actor=actor, id=given.run_id, at=at)
            return journal.applied(command)
        case _:
            entered = actions.results_enter(
                actor=actor, command_id=command.id, laboratory_id=given.laboratory_id, run_id=given.run_id,
                given=[ResultRow(r.result_id, r.tube_code, r.outcome, r.ct or {}) for r in given.results],
                tested_at=given.tested_at, at=at,
            )  # fmt: skip
            held = [{"tube": tube, "code": code} for tube, code in entered.held]
            return journal.applied(
                command, stored=entered.stored, flagged=entered.flagged, held=held
            )


def _told(counted: Any) -> dict[str, Any]:
    return {
        "expected": counted.expected,
        "received": len(counted.received),
        **{name: sorted(getattr(counted, name)) for name in ("missing", "extra", "broken")},
    }


def _decide(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given, actor, at = command.payload, batch.actor, batch.received_at
    if isinstance(given, ResultRelease):
        count = actions.results_release(
            actor=actor, command_id=command.id, result_ids=given.result_ids, at=at
        )
        return journal.applied(command, released=count)
    if isinstance(given, ResultSettle):
        settled = actions.latecomers_settle(actor=actor, round_id=given.round_id, at=at)
        return journal.applied(command, settled=settled)
    actions.result_correct(
        actor=actor, id=given.result_id, corrects=given.corrects, outcome=given.outcome, ct=given.ct,
        reason=given.reason, tested_at=given.tested_at, at=at,
    )  # fmt: skip
    return journal.applied(command)
