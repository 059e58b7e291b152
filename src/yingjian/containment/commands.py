"""Commands of this room: disinfection orders."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

import msgspec

from yingjian.access import journal

from . import actions
from .actions import Place

Text80 = Annotated[str, msgspec.Meta(max_length=80)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Area = Annotated[str, msgspec.Meta(pattern=r"^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})$")]


class Order(msgspec.Struct, frozen=True):
    order_id: uuid.UUID
    area: Area
    place_kind: Literal["site", "vehicle", "home", "laboratory", "other"]
    place_code: Code
    kind: Literal["terminal", "concurrent", "passage"]
    round_id: uuid.UUID | None = None
    agent: Text80 = ""


class Done(msgspec.Struct, frozen=True):
    order_id: uuid.UUID
    done_by: Text80
    agent: Text80 = ""


@journal.handles("disinfection.standing", Order, permission="system")
@journal.handles("disinfection.order", Order, permission="disinfect")
@journal.handles("disinfection.done", Done, permission="disinfect")
def disinfection(batch: journal.Batch) -> list[journal.Verdict]:
    """Orders by hand, orders that follow from the plan, and what was done."""
    return [_take(batch, command) for command in batch.commands]


def _take(batch: journal.Batch, command: journal.Command) -> journal.Verdict:
    given = command.payload
    if isinstance(given, Done):
        actions.disinfection_done(
            actor=batch.actor, id=given.order_id, done_by=given.done_by, agent=given.agent, at=command.at
        )  # fmt: skip
        return journal.applied(command)
    actions.disinfection_order(
        actor=batch.actor, id=given.order_id,
        place=Place(given.place_kind, given.place_code, given.area, given.round_id), kind=given.kind,
        agent=given.agent, standing=command.kind == "disinfection.standing", at=command.at,
    )  # fmt: skip
    return journal.applied(command, area=given.area)
