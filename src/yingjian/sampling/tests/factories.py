"""A round with sites and stations, and the field's commands, for tests of this room and those above."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from yingjian.access import journal, scope
from yingjian.access.actor import Actor, Hold
from yingjian.access.journal import CommandIn, Verdict
from yingjian.access.tests.factories import NOON, TOWN_A, command, new_id
from yingjian.campaigns.tests.factories import VILLAGE_A, active, persons
from yingjian.sampling import actions, tokens
from yingjian.sampling.models import Swab, Tube

MORNING = NOON + timedelta(hours=1)


def minute(n: float) -> datetime:
    return MORNING + timedelta(minutes=n)


def device(station: str, area: str = TOWN_A) -> Actor:
    """A phone at a station, in memory only."""
    return Actor("device", new_id(), station, (Hold("registrar", area),), station)


@dataclass
class Field:
    """A round being sampled, with two sites of two lanes each, and phones at the lanes."""

    round_id: uuid.UUID
    people: list[uuid.UUID]
    sites: list[actions.SiteOpen]
    phone: Actor
    other: Actor
    counter: int = 0
    sent: list[CommandIn] = field(default_factory=list)

    def code(self) -> str:
        self.counter += 1
        return f"T{self.round_id.hex[-6:]}{self.counter:04d}"


def a_field(*, people: int = 30, preset: str = "yilaha", area: str = TOWN_A, **given: Any) -> Field:
    """A round in state sampling with stored people and sites S1 (lanes S1-1, S1-2) and S2."""
    made = persons(people, **given)
    round_id = active(area, preset=preset)
    tail = round_id.hex[-6:]
    sites = [
        actions.SiteOpen(
            new_id(), f"{tail}S{n}", VILLAGE_A, f"{n}号采样点",
            tuple(actions.StationOpen(new_id(), f"{tail}S{n}-{lane}") for lane in (1, 2)),
        )
        for n in (1, 2)
    ]  # fmt: skip
    with scope.everywhere():
        actions.sites_open(round_id=round_id, sites=sites, at=NOON)
    return Field(
        round_id, made, sites, device(sites[0].stations[0].code), device(sites[1].stations[0].code)
    )


def token(person: uuid.UUID) -> str:
    return tokens.issue([person], day=NOON.date())


def opened(code: str, tube: uuid.UUID | None = None, *, at: float = 0, **more: Any) -> CommandIn:
    payload = {"tube_id": tube or new_id(), "code": code, "mode": "pool", "capacity": 10} | more
    return command("tube.open", payload, at=minute(at))


def added(
    tube: uuid.UUID, person: uuid.UUID | None = None, *, at: float = 1, swab: uuid.UUID | None = None, **more: Any
) -> CommandIn:  # fmt: skip
    given: dict[str, Any] = {"swab_id": swab or new_id(), "tube_id": tube, "entry": "code"}
    if person is not None:
        given["token"] = token(person)
    return command("swab.add", given | more, at=minute(at))


def told(kind: str, at: float = 5, **payload: Any) -> CommandIn:
    return command(kind, payload, at=minute(at))


def recorded(
    code: str, people: Sequence[uuid.UUID], *, tube: uuid.UUID | None = None, at: float = 0, **more: Any
) -> CommandIn:  # fmt: skip
    """A whole tube as one command."""
    payload = {
        "tube_id": tube or new_id(), "code": code, "mode": "pool", "capacity": 10, "opened_at": minute(at),
        "sealed_at": minute(at + 10), "count": len(people),
        "swabs": [
            {"swab_id": new_id(), "at": minute(at + n * 0.5), "entry": "code", "token": token(person)}
            for n, person in enumerate(people)
        ],
    } | more  # fmt: skip
    return command("tube.record", payload, at=minute(at + 10))


def send(
    actor: Actor, *commands: CommandIn, park: bool = True, received_at: datetime | None = None
) -> list[Verdict]:
    return journal.submit(
        actor=actor, received_at=received_at or minute(60), commands=commands, park=park
    )


def tube_of(id: uuid.UUID) -> Tube:
    with scope.everywhere():
        return Tube.objects.select_related("box").get(id=id)


def swabs_in(id: uuid.UUID) -> list[Swab]:
    with scope.everywhere():
        return list(Swab.objects.filter(tube_id=id).order_by("position"))
