"""Commands of this room: presets, campaigns, rounds, decisions about due people."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec

from yingjian.access import journal

from . import actions
from .actions.rounds import RoundPlan


class PresetStore(msgspec.Struct, frozen=True):
    document: dict[str, Any]


class CampaignCreate(msgspec.Struct, frozen=True):
    campaign_id: uuid.UUID
    area: str
    name: str
    trigger: str = ""


class PresetChoice(msgspec.Struct, frozen=True):
    code: str
    version: int | None = None


class RoundCreate(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    campaign_id: uuid.UUID
    no: int
    area: str
    name: str
    preset: PresetChoice
    window_start: datetime
    window_end: datetime


class RoundFreeze(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    areas: dict[str, str] = {}
    within: list[str] = []


class RoundOnly(msgspec.Struct, frozen=True):
    round_id: uuid.UUID


class RoundAdvance(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    to: str


class RoundCancel(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    reason: str


class DueExcuse(msgspec.Struct, frozen=True):
    """`reason` is a code of the preset's list, or `other`; `remark` are words beside it, which stay in the journal."""

    round_id: uuid.UUID
    person_id: uuid.UUID
    reason: str
    remark: str = ""


class DueReinstate(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    person_id: uuid.UUID
    reason: str


class DueMiss(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    owner: str
    reason: str
    person_ids: list[uuid.UUID] | None = None


class DueAdd(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    person_ids: list[uuid.UUID]
    reason: str = ""


class DueWithdraw(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    person_ids: list[uuid.UUID]
    remark: str


Answer = tuple[str | None, dict[str, Any]]
"""The area a verdict is stored under, and what it tells."""


def _one_by_one(batch: journal.Batch, decide: Any) -> list[journal.Verdict]:
    verdicts = []
    for command in batch.commands:
        area, answer = decide(batch, command, command.payload)
        verdicts.append(journal.applied(command, area=area, **answer))
    return verdicts


@journal.handles("preset.store", PresetStore, permission="administer", decision=True)
@journal.handles("campaign.create", CampaignCreate, permission="plan_round", decision=True)
@journal.handles("round.create", RoundCreate, permission="plan_round", decision=True)
def setting_up(batch: journal.Batch) -> list[journal.Verdict]:
    """What a round is made of."""
    return _one_by_one(batch, _set_up)


def _set_up(batch: journal.Batch, command: journal.Command, given: Any) -> Answer:
    if isinstance(given, PresetStore):
        stored = actions.preset_store(actor=batch.actor, document=given.document, at=command.at)
        return None, {"preset_id": stored}
    if isinstance(given, CampaignCreate):
        actions.campaign_create(
            actor=batch.actor, campaign_id=given.campaign_id, area=given.area, name=given.name,
            trigger=given.trigger, at=command.at,
        )  # fmt: skip
        return given.area, {}
    plan = RoundPlan(
        round_id=given.round_id, campaign_id=given.campaign_id, no=given.no, area=given.area, name=given.name,
        preset_code=given.preset.code, preset_version=given.preset.version, window_start=given.window_start,
        window_end=given.window_end,
    )  # fmt: skip
    preset_id = actions.round_create(
        actor=batch.actor,
        command_id=command.id,
        plan=plan,
        at=command.at,
        received_at=batch.received_at,
    )
    return given.area, {"preset_id": preset_id}


@journal.handles("round.freeze", RoundFreeze, permission="plan_round", decision=True)
def freezing(batch: journal.Batch) -> list[journal.Verdict]:
    """The denominator."""
    return _one_by_one(batch, _freeze)


def _freeze(batch: journal.Batch, command: journal.Command, given: RoundFreeze) -> Answer:
    total = actions.round_freeze(
        actor=batch.actor,
        command_id=command.id,
        round_id=given.round_id,
        at=command.at,
        classes=given.areas,
        within=given.within,
    )
    return None, {"due_total": total}


@journal.handles("round.approve", RoundOnly, permission="approve_round", decision=True)
@journal.handles("round.activate", RoundOnly, permission="approve_round", decision=True)
@journal.handles("round.advance", RoundAdvance, permission="plan_round", decision=True)
@journal.handles("round.cancel", RoundCancel, permission="approve_round", decision=True)
@journal.handles("round.close", RoundOnly, permission="close_round", decision=True)
def round_decisions(batch: journal.Batch) -> list[journal.Verdict]:
    """The life of a round."""
    return _one_by_one(batch, _decide)


def _decide(batch: journal.Batch, command: journal.Command, given: Any) -> Answer:
    actor, round_id, at = batch.actor, given.round_id, command.at
    match command.kind:
        case "round.approve":
            row = actions.round_approve(actor=actor, round_id=round_id, at=at)
        case "round.activate":
            row = actions.round_activate(
                actor=actor, command_id=command.id, round_id=round_id, at=at
            )
        case "round.advance":
            row = actions.round_advance(
                actor=actor, command_id=command.id, round_id=round_id, to=given.to, at=at
            )
        case "round.cancel":
            row = actions.round_cancel(
                actor=actor, command_id=command.id, round_id=round_id, reason=given.reason, at=at
            )
        case _:
            row = actions.round_close(actor=actor, command_id=command.id, round_id=round_id, at=at)
    return row.area, {"state": row.state}


@journal.handles("due.excuse", DueExcuse, permission="mark_due", decision=True)
def excusing(batch: journal.Batch) -> list[journal.Verdict]:
    """A batch is excused together; the journal tries one by one when somebody in it cannot be."""
    rows = [
        actions.Excuse(
            given.round_id, given.person_id, given.reason, command.at, command.id, given.remark
        )
        for command in batch.commands
        for given in [command.payload]
    ]
    found = actions.due_excuse(actor=batch.actor, rows=rows)
    return [
        journal.applied(command, area=due.area, due_id=due.id)
        for command, due in zip(batch.commands, found, strict=True)
    ]


@journal.handles("due.reinstate", DueReinstate, permission="mark_due", decision=True)
@journal.handles("due.miss", DueMiss, permission="mark_due", decision=True)
@journal.handles("due.add", DueAdd, permission="mark_due", decision=True)
@journal.handles("due.withdraw", DueWithdraw, permission="mark_due", decision=True)
def due_decisions(batch: journal.Batch) -> list[journal.Verdict]:
    """Decisions about people of a due list."""
    return _one_by_one(batch, _mark)


def _mark(batch: journal.Batch, command: journal.Command, given: Any) -> Answer:
    actor, at = batch.actor, command.at
    if isinstance(given, DueMiss):
        missed = actions.due_miss(
            actor=actor, command_id=command.id, round_id=given.round_id, person_ids=given.person_ids,
            owner=given.owner, reason=given.reason, at=at,
        )  # fmt: skip
        return None, {"missed": missed}
    if isinstance(given, DueReinstate):
        state = actions.due_reinstate(
            actor=actor,
            round_id=given.round_id,
            person_id=given.person_id,
            reason=given.reason,
            at=at,
        )
        return None, {"state": state}
    if isinstance(given, DueWithdraw):
        withdrawn = actions.due_withdraw(
            actor=actor, command_id=command.id, round_id=given.round_id, person_ids=given.person_ids,
            remark=given.remark, at=at,
        )  # fmt: skip
        return None, {"withdrawn": withdrawn}
    added = actions.due_add(
        actor=actor,
        command_id=command.id,
        round_id=given.round_id,
        person_ids=given.person_ids,
        at=at,
    )
    return None, {"added": added}
