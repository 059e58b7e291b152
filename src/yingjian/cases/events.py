"""What this room announces. Ids only."""

from __future__ import annotations

import uuid
from typing import ClassVar

from yingjian.access.outbox import Event


class PoolsFlagged(Event, frozen=True, kw_only=True):
    """Tubes were flagged; their members are to be isolated and swabbed again."""

    event_name: ClassVar[str] = "cases.pools_flagged"
    round_id: uuid.UUID
    pool_ids: list[uuid.UUID]


class PoolsResolved(Event, frozen=True, kw_only=True):
    """Every member of these pools is settled."""

    event_name: ClassVar[str] = "cases.pools_resolved"
    round_id: uuid.UUID
    pool_ids: list[uuid.UUID]


class PositivesFound(Event, frozen=True, kw_only=True):
    """People with a positive single test; the parties were told in the same transaction."""

    event_name: ClassVar[str] = "cases.positives_found"
    round_id: uuid.UUID
    positive_ids: list[uuid.UUID]
