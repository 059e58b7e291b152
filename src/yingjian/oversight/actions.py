"""Writes of this room: only its own tables."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import queries
from .models import Report, StatedFigure


def _area(actor: Actor, round_id: uuid.UUID) -> str:
    area = str(queries.round_head(actor, round_id)["area"])
    scope.require(actor, "report", area)
    return area


def figure_state(
    *,
    actor: Actor,
    id: uuid.UUID,
    at: datetime,
    round_id: uuid.UUID,
    figure: str,
    value: int,
    source: str,
) -> str:
    """Keep a stated figure (R88's 228 staff): the last word of a source about a figure counts. Returns the area."""
    queries.figure_of(figure)
    if value < 0:
        raise RuleBroken("oversight.value_malformed", value=value)
    area = _area(actor, round_id)
    StatedFigure.objects.update_or_create(
        round_id=round_id, figure=figure, source=source[:120],
        defaults={"value": value, "stated_at": at, "area": area},
        create_defaults={"id": derived(id, "stated"), "value": value, "stated_at": at, "area": area},
    )  # fmt: skip
    return area


def report_file(
    *, actor: Actor, id: uuid.UUID, at: datetime, round_id: uuid.UUID, kind: str, as_of: datetime,
    figures: dict[str, Any], file_name: str, digest: str,
) -> str:  # fmt: skip
    """Register a written document with the figures it used and the digest of its file. Returns the area."""
    area = _area(actor, round_id)
    Report.objects.get_or_create(
        id=id,
        defaults={
            "round_id": round_id, "area": area, "kind": kind[:24], "as_of": as_of, "figures": figures,
            "file_name": file_name[:120], "digest": digest, "written_at": at,
        },
    )  # fmt: skip
    return area
