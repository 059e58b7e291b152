"""What lies parked until somebody decides: commands applied again as they were sent, devices that went back in time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from django.db import connection

from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import journal, prepared, scope
from .actor import SYSTEM, Actor, Hold
from .edges import user_actor
from .models import Device, JournalEntry, User

REWOUND: Final = "access.sequence_rewound"


def retry(entry: JournalEntry, *, id: uuid.UUID, at: datetime) -> None:
    """Apply a parked command as it was sent, under a new id and in the name of who sent it: whoever decides lends no
    rights. `access.retry_pointless` where nothing can be applied, `access.retry_parked` where it parks again.
    """
    if entry.code == REWOUND or entry.kind not in journal.KINDS:
        raise RuleBroken("access.retry_pointless", status=409)
    payload = msgspec.Raw(journal.unsealed(entry.payload))
    # Without the device's number: that one is the first command's own.
    command = journal.CommandIn(id, entry.kind, entry.captured_at, payload, skew_ms=entry.skew_ms)
    [verdict] = journal.submit(actor=_sender(entry), received_at=at, commands=[command], park=True)
    if verdict.verdict != "applied":
        raise RuleBroken("access.retry_parked", status=409, why=verdict.code)


def _sender(entry: JournalEntry) -> Actor:
    """Who sent a command, with the rights they have now; a device that was shut out since still said what it said."""
    if entry.actor_kind == "device":
        device = Device.objects.get(id=entry.actor_id)
        hold = Hold(device.role, device.area)
        return Actor("device", device.id, device.name, (hold,), device.station_code)
    if entry.actor_kind == "user":
        return user_actor(User.objects.get(id=entry.actor_id))
    return SYSTEM


_HEARD: Final = """
SELECT coalesce(max(device_seq), 0),
       (SELECT count(*) FROM access_journal
         WHERE actor_id = %(id)s::uuid AND device_seq BETWEEN %(low)s::bigint AND %(high)s::bigint)
  FROM access_journal WHERE actor_id = %(id)s::uuid
"""


def heard(actor: Actor, commands: Sequence[journal.CommandIn], *, at: datetime) -> int:
    """The highest running number a device has ever told (0 before the first), after these commands of its were stored.

    A number that came before with another command means that the device was put back from an older copy: that is noted
    once, as a parked command of the system's own, for the information maintainer.
    """
    numbers = {command.seq for command in commands if command.seq is not None}
    low, high = (min(numbers), max(numbers)) if numbers else (0, -1)
    with scope.reading_everywhere(), prepared.cursor() as cursor:
        cursor.execute(_HEARD, {"id": actor.id, "low": low, "high": high})
        highest, stored = cursor.fetchone()
    if stored > len(numbers):
        _compare(actor, sorted(numbers), at)
    return int(highest)


_TWICE: Final = """
WITH twice AS (
  SELECT n.seq, (array_agg(j.seq ORDER BY j.seq))[2] AS row
    FROM unnest(%(numbers)s::bigint[]) AS n(seq)
    JOIN access_journal j ON j.actor_id = %(id)s AND j.device_seq = n.seq
   GROUP BY n.seq HAVING count(*) > 1)
SELECT min(seq), max(seq), count(*),
       (SELECT max(device_seq) FROM access_journal
         WHERE actor_id = %(id)s AND seq < (SELECT min(row) FROM twice))
  FROM twice
"""


def _compare(actor: Actor, numbers: list[int], at: datetime) -> None:
    """Note which of these numbers stand in the journal more than once; asked only where more rows than numbers are."""
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute(_TWICE, {"id": actor.id, "numbers": numbers})
        first, last, count, highest = cursor.fetchone()
    if count:
        told = {
            "device_id": str(actor.id), "first": first, "last": last, "commands": count, "heard": highest,
        }  # fmt: skip
        # One note for each time it fell back: what is sent again, or in several requests, is the same fall.
        id = derived(actor.id, f"rewound.{highest}")
        if not journal.is_known(id):
            journal.submit_system("device.rewound", told, id=id, at=at, received_at=at)


def rewound(command: journal.Command) -> journal.Verdict:
    """The note is kept, not applied: it waits for a decision in the area where the device works."""
    told = command.payload
    device = Device.objects.filter(id=told.device_id).first()
    params = {
        "device": "" if device is None else device.name,
        "station": "" if device is None else device.station_code,
        "first": told.first, "last": told.last, "commands": told.commands, "heard": told.heard,
    }  # fmt: skip
    area = None if device is None else device.area
    return journal.Verdict(command.id, "parked", REWOUND, params, area=area)
