"""What the running transaction may see: the setting `yingjian.areas`, read by every row-level policy.

Unset means nothing; `*` means everywhere. The setting is local to the transaction and is put back on leaving, so that
a nested block cannot leave its sight behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from yingjian.kernel.errors import RuleBroken

from .actor import Actor

EVERYWHERE = "*"


def _set(areas: str) -> str:
    """Set the sight; returns what it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT before, set_config('yingjian.areas', %s, true)
                 FROM (SELECT coalesce(current_setting('yingjian.areas', true), '') AS before OFFSET 0) was""",
            [areas],
        )
        return str(cursor.fetchone()[0])


def areas_of(actor: Actor) -> str:
    """The setting's value for an actor: `*` for whoever holds the empty prefix, else a comma-separated list."""
    return EVERYWHERE if "" in actor.areas else ",".join(actor.areas)


@contextmanager
def seeing(areas: str) -> Iterator[None]:
    """Run a block in a transaction that sees `areas`; an error inside rolls the block back.

    The outermost block's sight ends with its transaction; an inner one puts back what was.
    """
    inner = connection.in_atomic_block
    with transaction.atomic():
        before = _set(areas)
        yield
        if inner:
            _set(before)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Run a block with the sight of `actor`."""
    with seeing(areas_of(actor)):
        yield


def becoming(actor: Actor) -> None:
    """Go on in the running transaction with the sight of `actor`, to its end or to the end of the block around."""
    _set(areas_of(actor))


@contextmanager
def everywhere() -> Iterator[None]:
    """Run a block with sight of every area: command handlers, jobs, sign-in. Never a read for a user."""
    with seeing(EVERYWHERE):
        yield


def require(actor: Actor, permission: str, area: str) -> None:
    """Refuse a decision outside the actor's role or area (403 `access.outside_area` or `access.not_permitted`)."""
    if not actor.may(permission):
        raise RuleBroken("access.not_permitted", status=403, permission=permission)
    if not actor.may(permission, area):
        raise RuleBroken("access.outside_area", status=403, area=area)
