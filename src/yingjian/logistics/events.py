"""What this room announces. Ids only."""

from __future__ import annotations

import uuid
from typing import ClassVar

from yingjian.access.outbox import Event


class BoxesHandedOver(Event, frozen=True, kw_only=True):
    """Boxes changed hands: their tubes are on the way."""

    event_name: ClassVar[str] = "logistics.boxes_handed_over"
    round_id: uuid.UUID | None
    box_ids: list[uuid.UUID]
