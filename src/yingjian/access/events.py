"""What this room announces."""

from __future__ import annotations

import uuid
from typing import ClassVar

from .outbox import Event


class ClockBreached(Event, frozen=True, kw_only=True):
    event_name: ClassVar[str] = "access.clock_breached"
    clock_ids: list[uuid.UUID]
