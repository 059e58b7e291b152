"""Pure decisions of this room."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Protocol

from yingjian.kernel.errors import RuleBroken

from .permissions import ROLES

HUB: Final = "hub"
"""The role of a node at a site that hands in what phones have sealed; no person holds it."""
DEVICE_ROLES: Final = frozenset(
    {"registrar", "sampler", "site_lead", "courier", "laboratory_clerk", HUB}
)
AREA_LENGTHS: Final = frozenset({2, 4, 6, 9, 12})
USERNAME: Final = re.compile(r"^[a-z0-9][a-z0-9._-]{1,63}$")
INVITE_HOURS_MAX: Final = 24 * 7  # an invitation is a bearer secret: it must not lie about for long


def area_checked(area: str, *, empty_allowed: bool = False) -> str:
    """An area is a prefix of a 12-digit region code: 2, 4, 6, 9 or 12 digits. Raises `access.area_malformed`."""
    if (empty_allowed and area == "") or (
        area.isascii() and area.isdigit() and len(area) in AREA_LENGTHS
    ):
        return area
    raise RuleBroken("access.area_malformed", area=area[:20])


def role_checked(role: str) -> str:
    """A role that people can hold. Raises `access.role_unknown`."""
    if role in ROLES and role not in {"system", HUB}:
        return role
    raise RuleBroken("access.role_unknown", role=role[:32])


def device_role_checked(role: str) -> str:
    """A role a device may work in. Raises `access.device_role`."""
    if role in DEVICE_ROLES:
        return role
    raise RuleBroken("access.device_role", role=role[:32])


def username_checked(username: str) -> str:
    """Raises `access.username_malformed`."""
    if USERNAME.match(username):
        return username
    raise RuleBroken("access.username_malformed")


def invite_hours_checked(hours: int) -> int:
    """Raises `access.invite_hours`."""
    if 1 <= hours <= INVITE_HOURS_MAX:
        return hours
    raise RuleBroken("access.invite_hours", most=INVITE_HOURS_MAX)


class Invitation(Protocol):
    """What decides whether an invitation can still be taken up."""

    used_at: datetime | None
    cancelled_at: datetime | None
    expires_at: datetime


def invitation_open_checked(invitation: Invitation, at: datetime) -> None:
    """Raises `access.token_used`, `access.token_cancelled` or `access.token_expired`."""
    if invitation.used_at is not None:
        raise RuleBroken("access.token_used", status=409)
    if invitation.cancelled_at is not None:
        raise RuleBroken("access.token_cancelled", status=410)
    if at >= invitation.expires_at:
        raise RuleBroken("access.token_expired", status=410)


def reason_checked(reason: str) -> str:
    """A reason somebody can read later. Raises `access.reason_missing`."""
    if reason.strip():
        return reason.strip()[:200]
    raise RuleBroken("access.reason_missing")
