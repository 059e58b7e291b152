"""Commands of this room: what the system does with released results, and what investigators and villages report."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

import msgspec

from yingjian.access import journal

from . import actions, actions_late
from .actions import RecheckSwab

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Text80 = Annotated[str, msgspec.Meta(max_length=80)]


class Results(msgspec.Struct, frozen=True):
    """`pool.flag`, `positive.find`, `recheck.result`: released results the system follows."""

    result_ids: list[uuid.UUID]


class Latecomers(msgspec.Struct, frozen=True):
    """`pool.join`: swabs that came into tubes released before."""

    swab_ids: list[uuid.UUID]


class CaseCorrect(msgspec.Struct, frozen=True):
    result_id: uuid.UUID


class PoolDispatch(msgspec.Struct, frozen=True):
    dispatch_id: uuid.UUID
    pool_id: uuid.UUID
    team: Text80


class PoolArrive(msgspec.Struct, frozen=True):
    dispatch_id: uuid.UUID


class PoolOriginal(msgspec.Struct, frozen=True):
    pool_id: uuid.UUID
    laboratory_id: uuid.UUID | None = None


class PoolClose(msgspec.Struct, frozen=True):
    pool_id: uuid.UUID
    reason: Annotated[str, msgspec.Meta(max_length=200)]


class MemberIsolated(msgspec.Struct, frozen=True):
    member_id: uuid.UUID


class SwabIn(msgspec.Struct, frozen=True):
    member_id: uuid.UUID
    tube_id: uuid.UUID
    tube_code: Code
    swab_id: uuid.UUID
    laboratory_id: uuid.UUID


class RecheckSwabs(msgspec.Struct, frozen=True):
    pool_id: uuid.UUID
    swabs: Annotated[list[SwabIn], msgspec.Meta(min_length=1)]


class NoticeAcknowledge(msgspec.Struct, frozen=True):
    notice_id: uuid.UUID
    by: Text80


class PositiveReport(msgspec.Struct, frozen=True):
    positive_id: uuid.UUID


class PositiveAdvance(msgspec.Struct, frozen=True):
    positive_id: uuid.UUID
    to: Literal["rechecked", "confirmed", "excluded", "transferred"]
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


@journal.handles("pool.flag", Results, permission="system")
@journal.handles("positive.find", Results, permission="system")
@journal.handles("recheck.result", Results, permission="system")
@journal.handles("case.correct", CaseCorrect, permission="system")
@journal.handles("pool.join", Latecomers, permission="system")
def consequences(batch: journal.Batch) -> list[journal.Verdict]:
    """What follows from released results and late swabs, sent by the subscribers. Told twice, it changes nothing."""
    return [_follow(batch, command) for command in batch.commands]


@journal.handles("pool.dispatch", PoolDispatch, permission="investigate")
@journal.handles("pool.arrive", PoolArrive, permission="investigate")
@journal.handles("pool.original_sent", PoolOriginal, permission="investigate")
@journal.handles("member.isolated", MemberIsolated, permission="acknowledge")
@journal.handles("recheck.swab", RecheckSwabs, permission="investigate")
@journal.handles("notice.acknowledge", NoticeAcknowledge, permission="acknowledge")
@journal.handles("positive.report", PositiveReport, permission="investigate")
def reports(batch: journal.Batch) -> list[journal.Verdict]:
    """Facts from the field."""
    return [_record(batch, command) for command in batch.commands]


@journal.handles("positive.advance", PositiveAdvance, permission="investigate", decision=True)
@journal.handles("pool.close", PoolClose, permission="investigate", decision=True)
def decisions(batch: journal.Batch) -> list[journal.Verdict]:
    actor, at = batch.actor, batch.received_at
    for command in batch.commands:
        match command.payload:
            case PoolClose() as given:
                actions_late.pool_close(
                    actor=actor, pool_id=given.pool_id, reason=given.reason, at=at
                )
            case given:
                actions.positive_advance(
                    actor=actor, id=given.positive_id, to=given.to, reason=given.reason, at=at
                )
    return [journal.applied(command) for command in batch.commands]


def _follow(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given, at = command.payload, command.at
    match command.kind:
        case "pool.flag":
            actions.pools_flag(result_ids=given.result_ids, at=at)
        case "positive.find":
            actions.positives_of_results(result_ids=given.result_ids, at=at)
        case "recheck.result":
            actions.rechecks_settle(result_ids=given.result_ids, at=at)
        case "pool.join":
            actions_late.latecomers_join(swab_ids=given.swab_ids, at=at)
        case _:
            actions_late.result_corrected(result_id=given.result_id, at=at)
    return journal.applied(command)


def _record(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given, actor, at = command.payload, batch.actor, command.at
    match given:
        case PoolDispatch():
            actions.team_dispatch(
                actor=actor, id=given.dispatch_id, pool_id=given.pool_id, team=given.team, at=at
            )
        case PoolArrive():
            actions.team_arrive(actor=actor, id=given.dispatch_id, at=at)
        case PoolOriginal():
            actions.original_sent(
                actor=actor, pool_id=given.pool_id, laboratory_id=given.laboratory_id, at=at
            )
        case MemberIsolated():
            actions.member_isolated(actor=actor, id=given.member_id, at=at)
        case RecheckSwabs():
            swabs = [
                RecheckSwab(s.member_id, s.tube_id, s.tube_code, s.swab_id, s.laboratory_id)
                for s in given.swabs
            ]
            actions.rechecks_record(
                actor=actor, command_id=command.id, pool_id=given.pool_id, swabs=swabs, at=at
            )
        case NoticeAcknowledge():
            actions.notice_acknowledge(actor=actor, id=given.notice_id, by=given.by, at=at)
        case _:
            actions.positive_report(actor=actor, id=given.positive_id, at=at)
    return journal.applied(command)
