"""Actors and users for tests, with named traits."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.contrib.auth.hashers import make_password
from django.test import Client

from yingjian.access import scope, vault
from yingjian.access.actor import Actor, Hold
from yingjian.access.journal import CommandIn
from yingjian.access.models import Device, EnrolToken, Grant, User
from yingjian.kernel.ids import uuid7

NOON = datetime(2026, 1, 16, 4, 0, tzinfo=UTC)
TOWN_A = "231183101"
TOWN_B = "231183102"
PASSWORD = "correct horse"
_random = random.Random(11)


def new_id(at: datetime = NOON) -> uuid.UUID:
    return uuid7(at, random_bits=_random.getrandbits)


def actor(role: str, area: str = TOWN_A, *, kind: str = "user", station: str = "") -> Actor:
    """An actor that exists only in memory (handlers and rules need no more)."""
    return Actor(kind, new_id(), role, (Hold(role, area),), station)  # type: ignore[arg-type]


def user(role: str, area: str = TOWN_A, *, username: str | None = None) -> User:
    """A stored user with one grant; the password is PASSWORD."""
    with scope.everywhere():
        made = User.objects.create(
            id=new_id(), username=username or f"{role}-{new_id().hex[-8:]}", name=role, area=area,
            password=make_password(PASSWORD),
        )  # fmt: skip
        Grant.objects.create(id=new_id(), user=made, role=role, area=area)
    return made


def sign_in(client: Client, made: User) -> dict[str, Any]:
    """Sign this user in with PASSWORD; what the server says of the session, the page's token (`csrf`) with it."""
    given = {"username": made.username, "password": PASSWORD}
    answer = client.post("/api/session", given, content_type="application/json")
    assert answer.status_code == 200, answer.content
    said: dict[str, Any] = answer.json()
    return said


def device(station: str, area: str = TOWN_A, *, role: str = "registrar") -> tuple[Device, str]:
    """An enrolled device and its secret."""
    secret = f"secret-{new_id().hex}"
    inviter = user("site_lead", area)
    with scope.everywhere():
        invitation = EnrolToken.objects.create(
            id=new_id(), token_hash=vault.secret_hash(f"token-{new_id().hex}"), station_code=station, area=area,
            role=role, issued_by=inviter, issued_at=NOON, expires_at=NOON + timedelta(hours=1), used_at=NOON,
        )  # fmt: skip
        made = Device.objects.create(
            id=new_id(), name=station, station_code=station, area=area, role=role,
            secret_hash=vault.secret_hash(secret), enrol_token=invitation, enrolled_at=NOON,
        )  # fmt: skip
    return made, secret


def command(
    kind: str, payload: Mapping[str, Any], *, id: uuid.UUID | None = None, at: datetime = NOON
) -> CommandIn:
    """A command as it would arrive."""
    return CommandIn(id or new_id(), kind, at, msgspec.Raw(msgspec.json.encode(payload)))
