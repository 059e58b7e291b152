"""Decisions about campaigns and rounds, and the clocks that hang on them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db.models import Max

from yingjian.access import clocks, journal, outbox, scope
from yingjian.access.actor import Actor
from yingjian.campaigns import presets, queries, rules
from yingjian.campaigns.events import RoundActivated, RoundAdvanced, RoundCancelled, RoundClosed
from yingjian.campaigns.models import Campaign, DuePerson, Preset, Round
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from .locking import locked_round

PRESETS: Final = uuid.UUID("b7c6a2b4-6a0e-5d52-9a53-0c6a5b6f2d11")
"""Namespace of preset rows: the id of a row follows from its code, version and digest."""


def campaign_create(
    *, actor: Actor, campaign_id: uuid.UUID, area: str, name: str, trigger: str, at: datetime
) -> None:
    """Open a campaign in an area (R11 names the trigger). `campaigns.campaign_exists` (409)."""
    scope.require(actor, "plan_round", rules.area_checked(area))
    if Campaign.objects.filter(id=campaign_id).exists():
        raise RuleBroken("campaigns.campaign_exists", status=409)
    Campaign.objects.create(
        id=campaign_id, area=area, name=rules.text_checked(name, "name", rules.NAME_MAX),
        trigger=trigger.strip()[:200], created_at=at,
    )  # fmt: skip


def preset_store(*, actor: Actor, document: Mapping[str, Any], at: datetime) -> uuid.UUID:
    """Store a preset's document whole, once per content; storing it again makes it the latest of its code."""
    scope.require(actor, "administer", "")
    preset = presets.restore(document)
    rules.text_checked(preset.code, "code", rules.CODE_MAX)
    digest = presets.digest(preset)
    row_id = derived(PRESETS, f"{preset.key}:{digest}")
    newest = Preset.objects.filter(code=preset.code).aggregate(at=Max("loaded_at"))["at"]
    if newest is not None and at <= newest:
        at = newest + timedelta(
            microseconds=1
        )  # "latest" means stored last, whatever the clocks said
    Preset.objects.update_or_create(
        id=row_id,
        defaults={"loaded_at": at},
        create_defaults={
            "code": preset.code, "version": preset.version, "digest": digest,
            "document": presets.snapshot(preset), "loaded_at": at,
        },
    )  # fmt: skip
    return row_id


def _preset_for(
    *, command_id: uuid.UUID, code: str, version: int | None, at: datetime, received_at: datetime
) -> uuid.UUID:
    """The stored preset a new round works by; the file is stored first when it changed.

    Storing is a command of its own in the journal, so that a replay needs no files and meets the rules of the day.
    """
    latest = queries.preset_row_latest(code, version)
    if not journal.is_replaying() and code in presets.codes(settings.YINGJIAN_PRESETS):
        preset = presets.load(code, settings.YINGJIAN_PRESETS)
        asked = version is None or preset.version == version
        if asked and (latest is None or latest[1] != presets.digest(preset)):
            journal.submit_system(
                "preset.store", {"document": presets.snapshot(preset)}, id=derived(command_id, "preset"), at=at,
                received_at=received_at,
            )  # fmt: skip
            latest = queries.preset_row_latest(code, version)
    if latest is None:
        raise RuleBroken(
            "campaigns.preset_unknown", status=404, code=code[:40], version=str(version or ""),
            known=", ".join(presets.codes(settings.YINGJIAN_PRESETS)),
        )  # fmt: skip
    return latest[0]


class RoundPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a round is to be."""

    round_id: uuid.UUID
    campaign_id: uuid.UUID
    no: int
    area: str
    name: str
    preset_code: str
    preset_version: int | None
    window_start: datetime
    window_end: datetime


def round_create(
    *, actor: Actor, command_id: uuid.UUID, plan: RoundPlan, at: datetime, received_at: datetime
) -> uuid.UUID:
    """Draft a round: a preset applied to an area and a window. Returns the id of the stored preset.

    `campaigns.campaign_unknown` (404), `campaigns.area_outside_campaign`, `campaigns.window_reversed`,
    `campaigns.round_exists` (409), `campaigns.preset_unknown` (404).
    """
    scope.require(actor, "plan_round", rules.area_checked(plan.area))
    campaign = Campaign.objects.filter(id=plan.campaign_id).first()
    if campaign is None:
        raise RuleBroken("campaigns.campaign_unknown", status=404)
    if not plan.area.startswith(campaign.area):
        raise RuleBroken(
            "campaigns.area_outside_campaign", area=plan.area, campaign_area=campaign.area
        )
    rules.window_checked(plan.window_start, plan.window_end)
    rules.number_checked(plan.no)
    taken = Round.objects.filter(campaign_id=plan.campaign_id, no=plan.no)
    if taken.exists() or Round.objects.filter(id=plan.round_id).exists():
        raise RuleBroken("campaigns.round_exists", status=409, no=plan.no)
    preset_id = _preset_for(
        command_id=command_id, code=plan.preset_code, version=plan.preset_version, at=at,
        received_at=received_at,
    )  # fmt: skip
    Round.objects.create(
        id=plan.round_id, campaign=campaign, no=plan.no, area=plan.area,
        name=rules.text_checked(plan.name, "name", rules.NAME_MAX), preset_id=preset_id,
        window_start=plan.window_start, window_end=plan.window_end,
    )  # fmt: skip
    return preset_id


def round_approve(*, actor: Actor, round_id: uuid.UUID, at: datetime) -> Round:
    """The command approves area, order and locked population (R12): not before the list is frozen."""
    row = locked_round(round_id)
    scope.require(actor, "approve_round", row.area)
    if row.frozen_at is None:
        raise RuleBroken("campaigns.not_frozen", status=409)
    row.state = rules.round_moved(row.state, "approved")
    row.approved_at = at
    row.save(update_fields=["state", "approved_at"])
    return row


def round_activate(
    *, actor: Actor, command_id: uuid.UUID, round_id: uuid.UUID, at: datetime
) -> Round:
    """Mobilisation begins. The round's own clocks run from the start of its window, or from now when that is past
    (R1, R9).

    The clocks of sites start with `site_clocks` when the sites exist.
    """
    row = locked_round(round_id)
    scope.require(actor, "approve_round", row.area)
    row.state = rules.round_moved(row.state, "mobilising")
    row.activated_at = at
    row.save(update_fields=["state", "activated_at"])
    begins = max(at, row.window_start)
    for code in rules.ROUND_CLOCKS:
        start_clocks(
            round_id=round_id, code=code, subjects=[(row.id, row.name, row.area)], at=begins
        )
    outbox.publish(RoundActivated(id=derived(command_id, "activated"), at=at, round_id=round_id))
    return row


def start_clocks(
    *, round_id: uuid.UUID, code: str, subjects: Sequence[tuple[uuid.UUID, str, str]], at: datetime
) -> None:
    """Start a clock of the round's preset on subjects `(id, label, area)`; none when the plan has no such deadline.

    The door for higher rooms: code `pick_up`, `deliver`, `result_other`, … One statement for any number of subjects.
    """
    rule = queries.clock_rule(round_id, code)
    if rule is None:
        return
    kind = presets.CLOCK_MEANINGS[code].subject
    clocks.start(
        [
            clocks.ClockStart(
                rule=rule, subject_kind=kind, subject_id=id, label=label, area=area, round_id=round_id, started_at=at
            )
            for id, label, area in subjects
        ]
    )  # fmt: skip


def site_clocks(
    *, round_id: uuid.UUID, sites: Sequence[tuple[uuid.UUID, str, str]], activated_at: datetime
) -> None:
    """Start the activation clocks on sites `(id, code, area)`: ready, staff, medics, kit, PPE (R21, R42, R85).

    Those of the preset only. One statement for any number; starting twice changes nothing. Whoever sees the thing
    happen stops the clock: `access.clocks.stop("site_ready", [site_id], at=…)`.
    """
    found = queries.clock_rules(round_id)
    clocks.start(
        [
            clocks.ClockStart(
                rule=found[code], subject_kind="site", subject_id=id, label=label, area=area, round_id=round_id,
                started_at=activated_at,
            )
            for code in rules.SITE_CLOCKS
            if code in found
            for id, label, area in sites
        ]
    )  # fmt: skip


def round_advance(
    *, actor: Actor, command_id: uuid.UUID, round_id: uuid.UUID, to: str, at: datetime
) -> Round:
    """Sampling, testing, reconciling: what the round is at. A swab never waits for this."""
    row = locked_round(round_id)
    scope.require(actor, "plan_round", row.area)
    if row.state == rules.advance_checked(to):
        return row
    row.state = rules.round_moved(row.state, to)
    row.save(update_fields=["state"])
    outbox.publish(
        RoundAdvanced(id=derived(command_id, "advanced"), at=at, round_id=round_id, to=to)
    )
    return row


def round_cancel(
    *, actor: Actor, command_id: uuid.UUID, round_id: uuid.UUID, reason: str, at: datetime
) -> Round:
    """The command calls a round off, with a reason, while its tests are not all that is left of it."""
    reason = rules.text_checked(reason, "reason", rules.REASON_MAX)
    row = locked_round(round_id)
    scope.require(actor, "approve_round", row.area)
    row.state = rules.round_moved(row.state, "cancelled")
    row.ended_reason = reason
    row.save(update_fields=["state", "ended_reason"])
    _end_round_clocks(round_id, at)
    outbox.publish(RoundCancelled(id=derived(command_id, "cancelled"), at=at, round_id=round_id))
    return row


def _end_round_clocks(round_id: uuid.UUID, at: datetime) -> None:
    for code in rules.ROUND_CLOCKS:
        clocks.stop(code, [round_id], at=at)


def round_close(*, actor: Actor, command_id: uuid.UUID, round_id: uuid.UUID, at: datetime) -> Round:
    """Close a round: everybody on its list is resulted, excused or missed (R13, R77).

    Refused with counts by state while anybody is not (`campaigns.not_terminal`, 409). Closing a closed round
    changes nothing. The round is held alone meanwhile: whoever may add or reopen a person waits, and then meets a
    closed round.
    """
    row = locked_round(round_id)
    scope.require(actor, "close_round", row.area)
    if row.state == "closed":
        return row
    rules.round_moved(row.state, "closed")
    waiting = {
        state: DuePerson.objects.filter(round_id=round_id, state=state).count()
        for state in sorted(rules.OPEN)
    }
    if any(waiting.values()):
        raise RuleBroken(
            "campaigns.not_terminal", status=409, **waiting, total=sum(waiting.values())
        )
    row.state, row.closed_at = "closed", at
    row.save(update_fields=["state", "closed_at"])
    _end_round_clocks(round_id, at)
    outbox.publish(RoundClosed(id=derived(command_id, "closed"), at=at, round_id=round_id))
    return row
