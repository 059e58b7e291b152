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
