"""What the running transaction may see: the setting `yingjian.areas`, read by every row-level policy.

Unset means nothing; `*` means everywhere. The setting is local to the transaction and is put back on leaving, so that
a nested block cannot leave its sight behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from django.db import connection, transaction

from yingjian.kernel.errors import RuleBroken

from . import prepared
from .actor import Actor

EVERYWHERE = "*"
_held: ContextVar[str] = ContextVar("sight", default="")
"""The sight of the block we are in. Only `*` in it is ever relied on, to spare the server saying `*` again; should the
database see less after all, then less is seen."""

_SET: Final = """SELECT before, set_config('yingjian.areas', %s, true)
  FROM (SELECT coalesce(current_setting('yingjian.areas', true), '') AS before OFFSET 0) was"""
_SET_BY_KEY: Final = f"{_SET} CROSS JOIN ({prepared.BY_KEY}) kept"
_SET_KEPT: Final = _SET.replace("SELECT before,", "SELECT before, small,", 1)


def _set(areas: str, *, query: str = _SET) -> str:
    """Set the sight; returns what it was."""
    with prepared.cursor(always=True) as cursor:
        cursor.execute(query, [areas])
        return str(cursor.fetchone()[0])


def _set_kept(areas: str) -> tuple[str, frozenset[str]]:
    """Set the sight, and how is planned until the end of the transaction; what the sight was, and the small tables."""
    with prepared.cursor(always=True) as cursor:
        cursor.execute(f"{_SET_KEPT} CROSS JOIN ({prepared.settings()}) kept", [areas])
        before, small, *_ = cursor.fetchone()
        return str(before), frozenset(small)


def areas_of(actor: Actor) -> str:
    """The setting's value for an actor: `*` for whoever holds the empty prefix, else a comma-separated list."""
    return EVERYWHERE if "" in actor.areas else ",".join(actor.areas)


@contextmanager
def seeing(areas: str, *, keep_plans: bool = False) -> Iterator[None]:
    """Run a block in a transaction that sees `areas`; an error inside rolls the block back.

    The outermost block's sight ends with its transaction; an inner one puts back what was. `keep_plans`: until the end
    of the transaction statements are planned as the sync path's are (see `prepared`).
    """
    inner = connection.in_atomic_block
    same = inner and areas == EVERYWHERE == _held.get() and not keep_plans
    with transaction.atomic():
        small = prepared.small.get()
        if keep_plans:
            before, small = _set_kept(areas)
        else:
            before = areas if same else _set(areas)
        token, now = _held.set(areas), areas
        kept = prepared.small.set(small)
        try:
            yield
            now = _held.get()
        finally:
            prepared.small.reset(kept)
            _held.reset(token)
        if inner and (
            not same or now != areas
        ):  # the block may have gone on as somebody (`becoming`)
            _set(before)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Run a block with the sight of `actor`."""
    with seeing(areas_of(actor)):
        yield


def becoming(actor: Actor) -> None:
    """Go on in the running transaction with the sight of `actor`, to its end or to the end of the block around."""
    areas = areas_of(actor)
    _set(areas)
    _held.set(areas)


def becoming_everywhere() -> None:
    """The same with sight of every area and plans kept by key: for what is open to anybody and finds little
    (a resident's own result), where a block of its own would cost more than what is read in it.
    """
    _set(EVERYWHERE, query=_SET_BY_KEY)
    _held.set(EVERYWHERE)


@contextmanager
def nowhere() -> Iterator[None]:
    """Run a block in a transaction that sees nothing; at the outermost that needs no word to the server."""
    if connection.in_atomic_block:
        with seeing(""):
            yield
        return
    with transaction.atomic():
        token = _held.set("")
        try:
            yield
        finally:
            _held.reset(token)


@contextmanager
def everywhere(*, keep_plans: bool = False) -> Iterator[None]:
    """Run a block with sight of every area: command handlers, jobs, sign-in. Never a read for a user."""
    with seeing(EVERYWHERE, keep_plans=keep_plans):
        yield


@contextmanager
def reading_everywhere() -> Iterator[None]:
    """The same for a read: where everything is seen already, nothing is asked of the server, not even a savepoint."""
    if connection.in_atomic_block and _held.get() == EVERYWHERE:
        yield
    else:
        with everywhere():
            yield


def require(actor: Actor, permission: str, area: str) -> None:
    """Refuse a decision outside the actor's role or area (403 `access.outside_area` or `access.not_permitted`)."""
    if not actor.may(permission):
        raise RuleBroken("access.not_permitted", status=403, permission=permission)
    if not actor.may(permission, area):
        raise RuleBroken("access.outside_area", status=403, area=area)
