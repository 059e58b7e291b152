"""Writes of this room. Called by command handlers, inside the journal's transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from yingjian.access import clocks, scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.sampling import queries as sites

from . import rules
from .models import DisinfectionOrder


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be disinfected: a site, a vehicle, a home… by its code."""

    kind: str
    code: str
    area: str
    round_id: uuid.UUID | None


def _one_at_a_time(place: Place, kind: str) -> None:
    """Orders for one place wait for each other: a hand's and a closing site's could else both be made, and the
    journal's order would not be the order in which they took effect.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"disinfection {place.round_id} {place.kind} {place.code} {kind}"],
        )


def disinfection_order(
    *,
    actor: Actor,
    id: uuid.UUID,
    place: Place,
    kind: str,
    agent: str,
    standing: bool,
    at: datetime,
) -> None:
    """Order a disinfection. One made by hand takes over the open standing order of its place; a standing order is not
    made where any open one exists. `containment.order_known` (409).
    """
    scope.require(actor, "disinfect", place.area)
    _one_at_a_time(place, kind)
    if DisinfectionOrder.objects.filter(id=id).exists():
        raise RuleBroken("containment.order_known", status=409)
    open_here = DisinfectionOrder.objects.select_for_update().filter(
        round_id=place.round_id, place_kind=place.kind, place_code=place.code, kind=kind, done_at=None
    )  # fmt: skip
    if standing and open_here.exists():
        return
    if not standing and open_here.filter(standing=True).update(
        id=id, agent=agent.strip(), standing=False
    ):
        return
    DisinfectionOrder.objects.create(
        id=id, area=place.area, round_id=place.round_id, place_kind=place.kind, place_code=place.code, kind=kind,
        agent=agent.strip(), ordered_at=at, standing=standing,
    )  # fmt: skip


def disinfection_done(
    *, actor: Actor, id: uuid.UUID, done_by: str, agent: str, at: datetime
) -> None:
    """A place was disinfected; the first report counts. Stops `terminal_disinfection` of a site (R90).

    `containment.order_unknown` (404), `containment.name_missing`.
    """
    order = DisinfectionOrder.objects.select_for_update().filter(id=id).first()
    if order is None:
        raise RuleBroken("containment.order_unknown", status=404)
    scope.require(actor, "disinfect", order.area)
    if not done_by.strip():
        raise RuleBroken("containment.name_missing")
    if order.done_at is not None:
        return
    order.done_at, order.done_by = max(at, order.ordered_at), done_by.strip()[:80]
    order.agent = agent.strip() or order.agent
    order.save(update_fields=["done_at", "done_by", "agent"])
    if rules.stops_clock(order.kind, order.place_kind) and order.round_id is not None:
        clocks.stop(rules.CLOCK, sites.site_ids(order.round_id, [order.place_code]), at=at)
