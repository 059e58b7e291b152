"""Accounts in one step: the password is checked and hashed, then user and grants go through the journal."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from . import journal
from .actor import Actor


def add(
    *, actor: Actor, at: datetime, user_id: uuid.UUID, username: str, full_name: str, area: str, password: str,
    roles: Sequence[tuple[str, str]],
) -> None:  # fmt: skip
    """Add a user with roles; asking again with the same id changes nothing. `access.password_weak`."""
    try:
        validate_password(password)
    except ValidationError as error:
        raise RuleBroken("access.password_weak", why=" ".join(error.messages)) from None
    if journal.is_known(derived(user_id, "add")):
        return
    commands = [
        _command(
            "user.add", derived(user_id, "add"), at, user_id=user_id, username=username, full_name=full_name,
            area=area, password_hash=make_password(password),
        )
    ]  # fmt: skip
    commands += [
        _command(
            "grant.add",
            derived(user_id, f"{role}.{where}"),
            at,
            user_id=user_id,
            role=role,
            area=where,
        )
        for role, where in roles
    ]
    journal.submit(actor=actor, received_at=at, commands=commands, park=False)


def _command(kind: str, id: uuid.UUID, at: datetime, **payload: object) -> journal.CommandIn:
    return journal.CommandIn(id, kind, at, msgspec.Raw(msgspec.json.encode(payload)))
