"""What this room announces. Ids only; whoever wants more asks `queries`."""

from __future__ import annotations

import uuid
from typing import ClassVar

from yingjian.access.outbox import Event


class SwabsCameLate(Event, frozen=True, kw_only=True):
    """Swabs were uploaded into tubes whose result was released already (or moved there): nobody may be forgotten."""

    event_name: ClassVar[str] = "sampling.swabs_came_late"
    round_id: uuid.UUID
    swab_ids: list[uuid.UUID]


class SiteClosed(Event, frozen=True, kw_only=True):
    """A site sampled its last person at `at`; it is to be disinfected and its waste fetched (R87, R90)."""

    event_name: ClassVar[str] = "sampling.site_closed"
    round_id: uuid.UUID
    site_id: uuid.UUID
