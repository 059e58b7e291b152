"""Commands of this room. All are decisions: a refusal is an answer."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from yingjian.access import journal

from . import actions


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
