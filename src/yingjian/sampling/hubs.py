"""The hubs of the sites as the console lists them: in use, shut out, invited; and the areas one can be invited for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from yingjian.access import queries as enrolled
from yingjian.access.actor import Actor
from yingjian.access.invitations import HUB_STATION
from yingjian.population import queries as population

IN_TOUCH: Final = timedelta(minutes=2)
"""A hub with a line lets itself be heard of at least once a minute."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub. `state`: `new` (not heard of yet), `in_touch`, `silent` (it has no line, or is off), `revoked`."""

    id: uuid.UUID
    name: str
    area: str
    area_name: str
    state: str
    enrolled_at: datetime
    revoked_at: datetime | None
    beat_at: datetime | None
    waiting: int | None
    stuck: int | None
    address: str
    version: str


@dataclass(frozen=True, slots=True)
class HubInvitation:
    """An invitation for a hub that can still be taken up."""

    id: uuid.UUID
    name: str
    area: str
    area_name: str
    issued_at: datetime
    expires_at: datetime
    issued_by: str


@dataclass(frozen=True, slots=True)
class Area:
    area: str
    name: str


@dataclass(frozen=True, slots=True)
class Hubs:
    """What stands on the page. `areas`: those the asker may invite a hub for."""

    items: list[Hub]
    invitations: list[HubInvitation]
    areas: list[Area]


def hubs_for(actor: Actor, *, at: datetime) -> Hubs:
    """Hubs and open invitations for hubs in the actor's sight."""
    hubs = enrolled.hubs_for(actor)
    invited = [one for one in enrolled.hub_invitations_for(actor, at=at) if one.state == "open"]
    names = population.region_names([one.area for one in hubs] + [one.area for one in invited])
    return Hubs(
        [_hub(one, names, at) for one in hubs],
        [
            HubInvitation(
                one.id, one.station_code.removeprefix(HUB_STATION), one.area, names.get(one.area, ""),
                one.issued_at, one.expires_at, one.issued_by,
            )
            for one in invited
        ],
        [Area(*row) for row in population.regions_to_choose(_inviting(actor))],
    )  # fmt: skip


def _inviting(actor: Actor) -> list[str]:
    """Where the actor may invite devices."""
    return [hold.area for hold in actor.holds if actor.may("invite_device", hold.area)]


def _hub(one: enrolled.HubStanding, names: Mapping[str, str], at: datetime) -> Hub:
    return Hub(
        one.id, one.name, one.area, names.get(one.area, ""), _state(one, at), one.enrolled_at, one.revoked_at,
        one.beat_at, one.waiting, one.stuck, one.address, one.version,
    )  # fmt: skip


def _state(one: enrolled.HubStanding, at: datetime) -> str:
    if one.revoked_at is not None:
        return "revoked"
    if one.beat_at is None:
        return "new"
    return "in_touch" if at - one.beat_at <= IN_TOUCH else "silent"
