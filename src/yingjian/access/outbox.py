"""News from a room to the rooms above it: an event commits with the row that caused it and is delivered at least once.

`publish` defers one procrastinate job inside the running transaction (or keeps the event in memory
under tests); the job calls every subscriber. A subscriber writes through `journal.submit_system`
with ids derived from the event's id.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, TypeVar

import msgspec
from django.conf import settings
from django.db import transaction

from . import journal, scope
from .actor import SYSTEM


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in the past tense, with ids only. Subclasses set `event_name` ("room.thing_happened")."""

    event_name: ClassVar[str] = ""
    id: uuid.UUID
    at: datetime


E = TypeVar("E", bound=Event)
Subscriber = Callable[[Any], None]
_types: dict[str, type[Event]] = {}
_subscribers: dict[str, list[Subscriber]] = {}
_memory: deque[Event] = deque()


def subscribes(event: type[E]) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Register a subscriber (in a higher room's `subscribers.py`)."""

    def register(subscriber: Callable[[E], None]) -> Callable[[E], None]:
        _types[event.event_name] = event
        _subscribers.setdefault(event.event_name, []).append(subscriber)
        return subscriber

    return register


def publish(event: Event) -> None:
    """Announce an event with the running transaction; nothing is announced while the journal is replayed."""
    if journal.is_replaying() or event.event_name not in _subscribers:
        return
    if settings.YINGJIAN_OUTBOX == "memory":
        transaction.on_commit(lambda: _memory.append(event))
    else:
        from procrastinate.contrib.django import app

        body = msgspec.to_builtins(event)
        app.configure_task("access.deliver", queue="outbox").defer(
            event=event.event_name, body=body
        )


def deliver(event: str, body: dict[str, Any]) -> None:
    """Hand one stored event to its subscribers (the job `access.deliver`)."""
    _deliver(msgspec.convert(body, _types[event]))


def _deliver(event: Event) -> None:
    for subscriber in _subscribers[event.event_name]:
        with scope.acting(SYSTEM):
            subscriber(event)


def deliver_pending() -> int:
    """Deliver every event kept in memory, and those they cause; returns how many. For tests."""
    count = 0
    while _memory:
        _deliver(_memory.popleft())
        count += 1
    return count


def forget_pending() -> None:
    """Drop undelivered events kept in memory (between tests)."""
    _memory.clear()


def unsubscribe(event: type[Event], subscriber: Subscriber) -> None:
    """Forget a subscriber (tests that listen for a while)."""
    _subscribers[event.event_name].remove(subscriber)
    if not _subscribers[event.event_name]:
        del _subscribers[event.event_name]
