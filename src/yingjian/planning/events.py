"""What this room announces."""

from __future__ import annotations

import uuid
from typing import ClassVar

from yingjian.access.outbox import Event


class PlanApplied(Event, frozen=True, kw_only=True):
    """Sites, slots, posts and laboratory shares of a round are set."""

    event_name: ClassVar[str] = "planning.plan_applied"
    round_id: uuid.UUID
    plan_id: uuid.UUID
