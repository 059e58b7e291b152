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


class WasteHanded(Event, frozen=True, kw_only=True):
    """Waste of sites was handed over with a consignment note (R87)."""

    event_name: ClassVar[str] = "logistics.waste_handed"
    round_id: uuid.UUID
    site_codes: list[str]
