"""Commands of this room. All are decisions: a refusal is an answer."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from yingjian.access import journal

from . import actions, candidates


class PlanPropose(msgspec.Struct, frozen=True):
    plan_id: uuid.UUID
    round_id: uuid.UUID
    options: dict[str, Any] = {}


class PlanOnly(msgspec.Struct, frozen=True):
    plan_id: uuid.UUID


@journal.handles("plan.propose", PlanPropose, permission="plan_round", decision=True)
def proposing(batch: journal.Batch) -> list[journal.Verdict]:
    """Compute, check, keep."""
    verdicts = []
    for command in batch.commands:
        given: PlanPropose = command.payload
        answer = actions.plan_propose(
            actor=batch.actor,
            plan_id=given.plan_id,
            round_id=given.round_id,
            options=given.options,
            at=command.at,
        )
        verdicts.append(journal.applied(command, **answer))
    return verdicts


@journal.handles("plan.search", PlanPropose, permission="plan_round", decision=True)
def searching(batch: journal.Batch) -> list[journal.Verdict]:
    """Begin to look for a plan."""
    for command in batch.commands:
        given: PlanPropose = command.payload
        actions.plan_search(
            actor=batch.actor,
            plan_id=given.plan_id,
            round_id=given.round_id,
            options=given.options,
            at=command.at,
        )
    return [journal.applied(command) for command in batch.commands]


@journal.handles("plan.stop", PlanOnly, permission="plan_round", decision=True)
def stopping(batch: journal.Batch) -> list[journal.Verdict]:
    """End a search with what it has."""
    for command in batch.commands:
        actions.plan_stop(actor=batch.actor, plan_id=command.payload.plan_id)
    return [journal.applied(command) for command in batch.commands]


@journal.handles("plan.apply", PlanOnly, permission="approve_plan", decision=True)
def applying(batch: journal.Batch) -> list[journal.Verdict]:
    """Make a plan real."""
    verdicts = []
    for command in batch.commands:
        given: PlanOnly = command.payload
        answer: dict[str, Any] = actions.plan_apply(
            actor=batch.actor, command_id=command.id, plan_id=given.plan_id, at=command.at
        )
        verdicts.append(journal.applied(command, **answer))
    return verdicts


@journal.handles("plan.drop", PlanOnly, permission="plan_round", decision=True)
def dropping(batch: journal.Batch) -> list[journal.Verdict]:
    """Put a proposal aside."""
    for command in batch.commands:
        actions.plan_drop(actor=batch.actor, plan_id=command.payload.plan_id)
    return [journal.applied(command) for command in batch.commands]


class CandidateImport(msgspec.Struct, frozen=True):
    candidate_list_id: uuid.UUID


class CandidateSet(msgspec.Struct, frozen=True):
    """One place by hand, in WGS 84 unless `datum` says otherwise; `area` is its village or town."""

    candidate_id: uuid.UUID
    area: str
    name: str
    lon: float
    lat: float
    no: str = ""
    kind: str = ""
    datum: str = ""
    lanes: int | None = None
    setting: str = ""
    parking: bool | None = None
    barred: bool = False
    remarks: str = ""


class CandidateWithdraw(msgspec.Struct, frozen=True):
    candidate_ids: list[uuid.UUID]
    reason: str


class CandidateRestore(msgspec.Struct, frozen=True):
    candidate_ids: list[uuid.UUID]


@journal.handles(
    "candidate.import", CandidateImport, permission=candidates.PERMISSION, decision=True
)
def taking(batch: journal.Batch) -> list[journal.Verdict]:
    """Put a list of candidates in force."""
    verdicts = []
    for command in batch.commands:
        told = candidates.candidates_take(
            actor=batch.actor, command_id=command.id, list_id=command.payload.candidate_list_id,
            at=command.at,
        )  # fmt: skip
        verdicts.append(journal.applied(command, area=told.pop("area"), **told))
    return verdicts


@journal.handles("candidate.set", CandidateSet, permission=candidates.PERMISSION, decision=True)
def setting(batch: journal.Batch) -> list[journal.Verdict]:
    """Add or change places by hand."""
    verdicts = []
    for command in batch.commands:
        cells = msgspec.to_builtins(command.payload)
        candidate_id = command.payload.candidate_id
        del cells["candidate_id"]
        cells["area_code"] = cells.pop("area")
        area = candidates.candidate_set(
            actor=batch.actor, candidate_id=candidate_id, cells=cells, at=command.at
        )
        verdicts.append(journal.applied(command, area=area))
    return verdicts


@journal.handles(
    "candidate.withdraw", CandidateWithdraw, permission=candidates.PERMISSION, decision=True
)
def withdrawing(batch: journal.Batch) -> list[journal.Verdict]:
    """Take candidates off the list."""
    for command in batch.commands:
        candidates.candidates_withdraw(
            actor=batch.actor, ids=command.payload.candidate_ids, reason=command.payload.reason,
            at=command.at,
        )  # fmt: skip
    return [journal.applied(command) for command in batch.commands]


@journal.handles(
    "candidate.restore", CandidateRestore, permission=candidates.PERMISSION, decision=True
)
def restoring(batch: journal.Batch) -> list[journal.Verdict]:
    """Bring withdrawn candidates back."""
    for command in batch.commands:
        candidates.candidates_restore(actor=batch.actor, ids=command.payload.candidate_ids)
    return [journal.applied(command) for command in batch.commands]
