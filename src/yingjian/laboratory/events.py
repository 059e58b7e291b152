"""What this room announces. Ids only; whoever wants more asks `queries`."""

from __future__ import annotations

import uuid
from typing import ClassVar

from yingjian.access.outbox import Event


class ResultsReleased(Event, frozen=True, kw_only=True):
    """Results were released by a second person; corrections among them are told by `ResultCorrected` instead."""

    event_name: ClassVar[str] = "laboratory.results_released"
    round_id: uuid.UUID
    result_ids: list[uuid.UUID]


class ResultCorrected(Event, frozen=True, kw_only=True):
    """A released result was replaced by a released correction: whoever was told must be told again."""

    event_name: ClassVar[str] = "laboratory.result_corrected"
    round_id: uuid.UUID
    result_id: uuid.UUID
    corrected_id: uuid.UUID
