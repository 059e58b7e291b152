"""Writes of this room. Called by command handlers, inside the journal's transaction."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import parked, prepared, rules, scope, vault
from .actor import Actor
from .models import Device, EnrolToken, Grant, JournalEntry, Organisation, ParkedDecision, User
from .sync import Beat


def organisation_add(
    *, actor: Actor, id: uuid.UUID, title: str, kind: str, area: str, legal_code: str | None
) -> None:
    """Register an organisation in an area the actor administers."""
    scope.require(actor, "administer", rules.area_checked(area))
    Organisation.objects.create(id=id, name=title, kind=kind, area=area, legal_code=legal_code)


def user_add(
    *, actor: Actor, id: uuid.UUID, username: str, name: str, area: str, password_hash: str,
    organisation_id: uuid.UUID | None,
) -> None:  # fmt: skip
    """Register a user. The password arrives hashed, so that the journal never holds it. `access.username_taken`."""
    scope.require(actor, "administer", rules.area_checked(area, empty_allowed=True))
    try:
        with transaction.atomic():
            User.objects.create(
                id=id, username=rules.username_checked(username), name=name, area=area, password=password_hash,
                organisation_id=organisation_id,
            )  # fmt: skip
    except IntegrityError:
        raise RuleBroken("access.username_taken", status=409, username=username) from None


def grant_add(
    *, actor: Actor, command_id: uuid.UUID, user_id: uuid.UUID, role: str, area: str
) -> None:
    """Give a user a role in an area within the actor's own. `access.user_unknown`."""
    rules.role_checked(role)
    scope.require(
        actor, "administer", rules.area_checked(area, empty_allowed=role == "administrator")
    )
    if not User.objects.filter(id=user_id).exists():
        raise RuleBroken("access.user_unknown", status=404)
    Grant.objects.get_or_create(
        user_id=user_id, role=role, area=area, defaults={"id": derived(command_id, "grant")}
    )


def device_invite(
    *,
    actor: Actor,
    at: datetime,
    id: uuid.UUID,
    station_code: str,
    area: str,
    role: str,
    hours: int,
) -> None:
    """Open a one-time invitation bound to a station. The token is told by `invitation_token`, never stored."""
    scope.require(actor, "invite_device", rules.area_checked(area))
    EnrolToken.objects.create(
        id=id, token_hash=vault.secret_hash(invitation_token(id)), station_code=station_code, area=area,
        role=rules.device_role_checked(role), issued_by_id=actor.id, issued_at=at,
        expires_at=at + timedelta(hours=rules.invite_hours_checked(hours)),
    )  # fmt: skip


def invitation_token(id: uuid.UUID) -> str:
    """The text inside an invitation's QR."""
    return vault.token("invitation", str(id))


def device_secret(id: uuid.UUID, token: str) -> str:
    """What a device proves itself with; told again from its invitation's token, never stored."""
    return vault.token("device", str(id), token)


def device_enrol(*, at: datetime, token: str, device_id: uuid.UUID, name: str) -> str:
    """Bind a device to the invitation's station and tell its secret; the same device asking again hears it again.

    `access.token_unknown`, `access.token_expired`, `access.token_cancelled`, `access.token_used` (by another device).
    """
    invitation = (
        EnrolToken.objects.select_for_update().filter(token_hash=vault.secret_hash(token)).first()
    )
    if invitation is None:
        raise RuleBroken("access.token_unknown", status=404)
    secret = device_secret(device_id, token)
    holder = Device.objects.filter(enrol_token=invitation).first()
    if holder is not None:
        if holder.id != device_id:
            raise RuleBroken("access.token_used", status=409)
        return secret
    rules.invitation_open_checked(invitation, at)
    Device.objects.create(
        id=device_id, name=name[:64], station_code=invitation.station_code, area=invitation.area,
        role=invitation.role, secret_hash=vault.secret_hash(secret), enrol_token=invitation, enrolled_at=at,
    )  # fmt: skip
    EnrolToken.objects.filter(id=invitation.id).update(used_at=at)
    return secret


def invitation_cancel(*, actor: Actor, at: datetime, id: uuid.UUID, reason: str) -> str:
    """Take an invitation back that nobody has used (a sheet was lost); tells its area.

    `access.token_unknown`, `access.token_used`; once cancelled it stays so.
    """
    rules.reason_checked(reason)
    invitation = EnrolToken.objects.select_for_update().filter(id=id).first()
    if invitation is None:
        raise RuleBroken("access.token_unknown", status=404)
    scope.require(actor, "invite_device", invitation.area)
    if invitation.used_at is not None:
        raise RuleBroken("access.token_used", status=409)
    EnrolToken.objects.filter(id=id, cancelled_at=None).update(cancelled_at=at)
    return invitation.area


def restored_settle(*, actor: Actor, id: uuid.UUID, reason: str) -> str:
    """Somebody has looked into it that a phone came back from an older copy of itself; tells the area.

    `access.device_unknown`, `access.not_restored`. A later restoration marks the phone anew.
    """
    rules.reason_checked(reason)
    device = Device.objects.filter(id=id).first()
    if device is None:
        raise RuleBroken("access.device_unknown", status=404)
    scope.require(actor, "maintain", device.area)
    found = Device.objects.filter(id=id).exclude(restored_at=None)
    if not found.update(restored_settled=F("restored_at"), restored_at=None):
        raise RuleBroken("access.not_restored", status=409)
    return device.area


def device_revoke(*, actor: Actor, at: datetime, id: uuid.UUID, reason: str) -> None:
    """Shut a lost device out. What it sent before stays. `access.device_unknown`."""
    rules.reason_checked(reason)
    device = Device.objects.filter(id=id).first()
    if device is None:
        raise RuleBroken("access.device_unknown", status=404)
    scope.require(actor, "invite_device", device.area)
    Device.objects.filter(id=id, revoked_at=None).update(revoked_at=at)


_BEAT = """UPDATE access_device SET beat_at = %s::timestamptz, waiting = %s::int, stuck = %s::int,
       restored_at = CASE WHEN told.at > coalesce(restored_settled, '-infinity') THEN told.at ELSE restored_at END
  FROM (SELECT %s::timestamptz AS at) told
 WHERE id = %s::uuid AND (beat_at IS NULL OR beat_at <= %s::timestamptz)"""


def device_beat(*, device_id: uuid.UUID, beat: Beat, at: datetime) -> None:
    """Keep what a phone told of itself; the newest counts. A restored backup stays known: the phone may forget it.
    One that was settled is told again by the phone with every beat, and is no news.
    """
    with prepared.cursor() as cursor:
        cursor.execute(_BEAT, [at, beat.waiting, beat.stuck, beat.restored_at, device_id, at])


def hub_beat(
    *, hub_id: uuid.UUID, waiting: int, stuck: int, address: str, version: str, at: datetime
) -> None:
    """Keep what a hub told of itself: requests that wait and are stuck on it, where phones reach it, what it runs."""
    Device.objects.filter(id=hub_id).update(
        beat_at=at, waiting=waiting, stuck=stuck, address=address, version=version
    )


def parked_decide(
    *, actor: Actor, at: datetime, id: uuid.UUID, command_id: uuid.UUID, decision: str, reason: str
) -> uuid.UUID | None:
    """Close a parked command with a reason, or have it applied again as it was sent (`retried`); tells the id of that
    second command. A retry that does not get through is no decision: `access.retry_parked`, and nothing is kept of it.
    """
    entry = JournalEntry.objects.filter(command_id=command_id, verdict="parked").first()
    if entry is None:
        raise RuleBroken("access.parked_unknown", status=404)
    if decision not in {"closed", "retried"}:
        raise RuleBroken("access.decision_unknown", decision=decision[:16])
    scope.require(actor, "maintain", entry.area)
    retried_as = derived(id, "retry") if decision == "retried" else None
    try:
        with transaction.atomic():
            ParkedDecision.objects.create(
                id=derived(id, "decision"), command_id=command_id, area=entry.area, decision=decision,
                reason=rules.reason_checked(reason), decided_by_id=actor.id, decided_at=at, retried_as=retried_as,
            )  # fmt: skip
    except IntegrityError:
        raise RuleBroken("access.parked_decided", status=409) from None
    if retried_as is not None:
        parked.retry(entry, id=retried_as, at=at)
    return retried_as
