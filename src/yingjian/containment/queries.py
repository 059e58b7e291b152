"""Reads of this room."""

from __future__ import annotations

import uuid
from typing import Any, Final, Literal

from yingjian.access.actor import Actor

from .models import DisinfectionOrder

PAGE: Final = 200


def disinfections_for(
    actor: Actor, round_id: uuid.UUID, *, state: Literal["ordered", "done", "all"] = "all",
    after: uuid.UUID | None = None, limit: int = PAGE,
) -> list[dict[str, Any]]:  # fmt: skip
    """Disinfection orders of a round in the actor's sight; keyset by id."""
    found = DisinfectionOrder.objects.filter(round_id=round_id).order_by("id")
    if state != "all":
        found = found.filter(done_at__isnull=state == "ordered")
    if after is not None:
        found = found.filter(id__gt=after)
    names = (
        "id",
        "area",
        "place_kind",
        "place_code",
        "kind",
        "agent",
        "ordered_at",
        "done_at",
        "done_by",
        "standing",
    )
    return [dict(row) for row in found.values(*names)[:limit]]


def conservation(round_id: uuid.UUID | None = None) -> dict[str, list[str]]:
    """The law of this room: a place is never owed two standing disinfections at once (empty: it holds)."""
    open_orders = DisinfectionOrder.objects.filter(done_at=None, standing=True)
    if round_id is not None:
        open_orders = open_orders.filter(round_id=round_id)
    seen: set[tuple[Any, ...]] = set()
    twice = []
    for row in open_orders.order_by("id").values_list(
        "round_id", "place_kind", "place_code", "kind"
    ):
        if row in seen:
            twice.append(str(row[2]))
        seen.add(row)
    return {"one_standing_order_per_place": twice}
