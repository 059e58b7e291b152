"""Requests that a hub kept for phones without a line: opened here and applied in the phone's name (decision 18).

A hub is an enrolled device of the role `hub`. It may hand in what devices of its area have sealed, and has no other
right: it cannot read what it carries, nor say anything in their name.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import transaction

from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import actions, envelopes, journal, parked, sync
from .actor import Actor, Hold
from .models import Device
from .rules import HUB

REQUESTS_MAX: Final = 20  # of one forwarding; a hub sends more in several
_ADDRESS: Final = re.compile(r"^https?://[A-Za-z0-9.\-\[\]:]{1,180}$")
_VERSION: Final = re.compile(r"^[A-Za-z0-9.+\-]{1,32}$")


class Kept(msgspec.Struct, frozen=True):
    """One sealed request, and when it reached the hub by the hub's clock."""

    kept_at: datetime
    sealed: bytes


class _Beat(msgspec.Struct, frozen=True):
    """What a hub tells of itself: how many requests wait and are stuck on it, where phones reach it, what it runs."""

    waiting: int = 0
    stuck: int = 0
    address: str = ""
    version: str = ""


class _Forward(msgspec.Struct, frozen=True):
    sent_at: datetime
    requests: list[Kept]
    beat: _Beat = _Beat()


@dataclass(frozen=True, slots=True)
class Answered:
    """The county's word on one request: its answer sealed for the phone, or the code it was refused with."""

    sealed: bytes | None = None
    code: str | None = None


def hub_of(actor: Actor) -> Actor:
    """The hub that asks: an enrolled device, never a user. `access.hub_only` (403)."""
    if actor.kind != "device":
        raise RuleBroken("access.hub_only", status=403)
    return actor


def secret_of(device: Device) -> str:
    """A device's secret, told again from what it was made of at its enrolment."""
    return actions.device_secret(device.id, actions.invitation_token(device.enrol_token_id))


def keys_for(hub: Actor) -> list[dict[str, Any]]:
    """The devices of the hub's area that are in use, each with the key by which it and this hub know each other."""
    devices = Device.objects.filter(revoked_at=None).exclude(role=HUB).order_by("id")
    return [
        {"device_id": one.id, "key": envelopes.hub_key(secret_of(one), hub.id).hex()}
        for one in devices
    ]


def forward(hub: Actor, body: bytes, *, at: datetime) -> list[Answered]:
    """Take what a hub kept, in its order. One that cannot be taken is answered with a code; the others go on."""
    given = _decoded(body)
    ahead = at - given.sent_at  # what the hub's clock lacks
    ids = [_device(one.sealed) for one in given.requests]
    known = Device.objects.exclude(role=HUB).in_bulk([id for id in ids if id is not None])
    answers = []
    for place, (id, one) in enumerate(zip(ids, given.requests, strict=True)):
        kept_at = min(one.kept_at + ahead, at)
        # Each was handled by itself, so each has a moment of its own: the replay tells requests apart by it.
        received_at = at + timedelta(microseconds=place)
        try:
            device = _taken(known.get(id) if id is not None else None, kept_at)
            with transaction.atomic():
                answers.append(_apply(device, one.sealed, kept_at=kept_at, received_at=received_at))
        except RuleBroken as error:
            answers.append(Answered(code=error.code))
    _note(hub, given, ids, answers, at)
    return answers


def _decoded(body: bytes) -> _Forward:
    try:
        given = msgspec.json.decode(body, type=_Forward)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RuleBroken("access.body_unreadable", status=400, detail=str(error)) from None
    if any(
        told.tzinfo is None for told in (given.sent_at, *(one.kept_at for one in given.requests))
    ):
        raise RuleBroken("access.body_unreadable", status=400, detail="a time has no offset")
    if len(given.requests) > REQUESTS_MAX:
        raise RuleBroken("access.too_many_commands", status=413, most=REQUESTS_MAX)
    return given


def _device(sealed: bytes) -> uuid.UUID | None:
    try:
        return envelopes.device_of(sealed)
    except envelopes.UnreadableError:
        return None


def _taken(device: Device | None, kept_at: datetime) -> Device:
    """A device in the hub's sight that was not shut out when the hub took its request.

    A phone lost in the evening may have left the only copy of its day on the hub at noon.
    """
    if device is None:
        raise RuleBroken("access.device_unknown", status=404)
    if device.revoked_at is not None and kept_at >= device.revoked_at:
        raise RuleBroken("access.device_shut_out", status=403)
    return device


def _apply(device: Device, sealed: bytes, *, kept_at: datetime, received_at: datetime) -> Answered:
    secret = secret_of(device)
    try:
        body = envelopes.open_request(secret, sealed)
    except envelopes.UnreadableError:
        raise RuleBroken("access.envelope_unreadable") from None
    hold = Hold(device.role, device.area)
    sender = Actor("device", device.id, device.name, (hold,), device.station_code)
    # The phone's clock is compared with the moment the hub had its request: the way up says nothing about it.
    commands, beat = sync.decode(body, actor=sender, received_at=kept_at)
    verdicts = journal.submit(actor=sender, received_at=received_at, commands=commands, park=True)
    seq = parked.heard(sender, commands, at=received_at)
    if beat is not None:
        actions.device_beat(device_id=device.id, beat=beat, at=kept_at)
    told = sync.encode(verdicts, language=sync.language_of(body), at=received_at, seq=seq)
    return Answered(envelopes.seal_answer(secret, device.id, told, salt=os.urandom(envelopes.SALT)))


def _note(
    hub: Actor,
    given: _Forward,
    ids: Sequence[uuid.UUID | None],
    answers: Sequence[Answered],
    at: datetime,
) -> None:
    """Write down what came by this hub, once; and what the hub tells of itself."""
    address = given.beat.address if _ADDRESS.match(given.beat.address) else ""
    version = given.beat.version if _VERSION.match(given.beat.version) else ""
    actions.hub_beat(
        hub_id=hub.id, waiting=_count(given.beat.waiting), stuck=_count(given.beat.stuck), address=address,
        version=version, at=at,
    )  # fmt: skip
    if not given.requests:
        return
    digest = hashlib.sha256(b"".join(one.sealed for one in given.requests)).hexdigest()
    id = derived(hub.id, digest)
    if journal.is_known(id):
        return
    told = [
        {"device_id": id, "kept_at": one.kept_at, "digest": hashlib.sha256(one.sealed).hexdigest(), "code": answer.code}
        for id, one, answer in zip(ids, given.requests, answers, strict=True)
    ]  # fmt: skip
    journal.record("hub.forward", {"requests": told}, actor=hub, id=id, at=at)


def _count(told: int) -> int:
    return min(max(told, 0), 10_000_000)
