"""Commands of this room: users and grants, devices, parked commands."""

from __future__ import annotations

import uuid

import msgspec

from . import actions, journal, parked


class UserAdd(msgspec.Struct, frozen=True):
    user_id: uuid.UUID
    username: str
    full_name: str
    area: str
    password_hash: str
    organisation_id: uuid.UUID | None = None


class GrantAdd(msgspec.Struct, frozen=True):
    user_id: uuid.UUID
    role: str
    area: str


class OrganisationAdd(msgspec.Struct, frozen=True):
    organisation_id: uuid.UUID
    title: str
    kind: str
    area: str
    legal_code: str | None = None


class DeviceInvite(msgspec.Struct, frozen=True):
    token_id: uuid.UUID
    station_code: str
    area: str
    role: str
    hours: int = 24


class DeviceRevoke(msgspec.Struct, frozen=True):
    device_id: uuid.UUID
    reason: str


class RestoredSettle(msgspec.Struct, frozen=True):
    device_id: uuid.UUID
    reason: str


class InvitationCancel(msgspec.Struct, frozen=True):
    token_id: uuid.UUID
    reason: str


class ParkedDecide(msgspec.Struct, frozen=True):
    command_id: uuid.UUID
    decision: str
    reason: str


class DeviceRewound(msgspec.Struct, frozen=True):
    """Numbers a device had used before came again with other content; `heard` is the highest it had told until then."""

    device_id: uuid.UUID
    first: int
    last: int
    commands: int
    heard: int


@journal.handles("organisation.add", OrganisationAdd, permission="administer", decision=True)
@journal.handles("user.add", UserAdd, permission="administer", decision=True)
@journal.handles("grant.add", GrantAdd, permission="administer", decision=True)
@journal.handles("device.invite", DeviceInvite, permission="invite_device", decision=True)
@journal.handles("invitation.cancel", InvitationCancel, permission="invite_device", decision=True)
@journal.handles("device.revoke", DeviceRevoke, permission="invite_device", decision=True)
@journal.handles("restored.settle", RestoredSettle, permission="maintain", decision=True)
@journal.handles("parked.decide", ParkedDecide, permission="maintain", decision=True)
def administration(batch: journal.Batch) -> list[journal.Verdict]:
    """Rare decisions, one by one."""
    return [_decide(batch, command) for command in batch.commands]


def _decide(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given = command.payload
    actor, at = batch.actor, batch.received_at
    match given:
        case OrganisationAdd():
            actions.organisation_add(
                actor=actor, id=given.organisation_id, title=given.title, kind=given.kind, area=given.area,
                legal_code=given.legal_code,
            )  # fmt: skip
        case UserAdd():
            actions.user_add(
                actor=actor, id=given.user_id, username=given.username, name=given.full_name, area=given.area,
                password_hash=given.password_hash, organisation_id=given.organisation_id,
            )  # fmt: skip
        case GrantAdd():
            actions.grant_add(
                actor=actor,
                command_id=command.id,
                user_id=given.user_id,
                role=given.role,
                area=given.area,
            )
        case DeviceInvite():
            actions.device_invite(
                actor=actor, at=at, id=given.token_id, station_code=given.station_code, area=given.area,
                role=given.role, hours=given.hours,
            )  # fmt: skip
        case DeviceRevoke():
            actions.device_revoke(actor=actor, at=at, id=given.device_id, reason=given.reason)
        case RestoredSettle():
            of = actions.restored_settle(actor=actor, id=given.device_id, reason=given.reason)
            return journal.applied(command, area=of)
        case InvitationCancel():
            of = actions.invitation_cancel(
                actor=actor, at=at, id=given.token_id, reason=given.reason
            )
            return journal.applied(command, area=of)
        case ParkedDecide():
            retried_as = actions.parked_decide(
                actor=actor, at=at, id=command.id, command_id=given.command_id, decision=given.decision,
                reason=given.reason,
            )  # fmt: skip
            if retried_as is not None:
                return journal.applied(command, retried_as=retried_as)
    area = getattr(given, "area", None)
    return journal.applied(command, area=area or None)


@journal.handles("device.rewound", DeviceRewound, permission="system")
def rewound(batch: journal.Batch) -> list[journal.Verdict]:
    """A device goes on from an older copy of itself. Somebody has to look what it has lost."""
    return [parked.rewound(command) for command in batch.commands]
