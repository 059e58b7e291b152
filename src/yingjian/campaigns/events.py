"""What this room announces. Ids only; whoever wants more asks `queries`."""

from __future__ import annotations

import uuid
from typing import ClassVar

from yingjian.access.outbox import Event


class RoundFrozen(Event, frozen=True, kw_only=True):
    """The due list is fixed."""

    event_name: ClassVar[str] = "campaigns.round_frozen"
    round_id: uuid.UUID


class RoundActivated(Event, frozen=True, kw_only=True):
    """Mobilisation begins; the activation clocks of sites start at `at`."""

    event_name: ClassVar[str] = "campaigns.round_activated"
    round_id: uuid.UUID


class RoundAdvanced(Event, frozen=True, kw_only=True):
    """A round entered sampling, testing or reconciling."""

    event_name: ClassVar[str] = "campaigns.round_advanced"
    round_id: uuid.UUID
    to: str


class RoundClosed(Event, frozen=True, kw_only=True):
    """Everybody of the due list is in one terminal state."""

    event_name: ClassVar[str] = "campaigns.round_closed"
    round_id: uuid.UUID


class RoundCancelled(Event, frozen=True, kw_only=True):
    """The command called the round off."""

    event_name: ClassVar[str] = "campaigns.round_cancelled"
    round_id: uuid.UUID


class PeopleMissed(Event, frozen=True, kw_only=True):
    """People were marked missed; each has a catch-up task. More than ten thousand are told in several events."""

    event_name: ClassVar[str] = "campaigns.people_missed"
    round_id: uuid.UUID
    due_ids: list[uuid.UUID]
