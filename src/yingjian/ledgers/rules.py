"""Decisions of the room."""

from __future__ import annotations

from typing import Final

from yingjian.kernel.errors import RuleBroken

# Kinds of task that end by what they ask for, never by a tick: a catch-up test ends by the swab or the excuse (R77).
SELF_CLOSING: Final = frozenset({"catch_up"})
KINDS: Final = frozenset({"preparation", "finding", "rectification", "incident", "supply", "other"})
"""Kinds a user may open; the others follow from commands of other rooms."""
OUTCOME_MAX: Final = 200
TITLE_MAX: Final = 160


def closable(kind: str) -> None:
    """Refuse to tick off a task that closes itself (`ledgers.task_closes_itself`, 409)."""
    if kind in SELF_CLOSING:
        raise RuleBroken("ledgers.task_closes_itself", status=409, kind=kind)


def kind_checked(kind: str) -> str:
    """A kind of task that a user may open (`ledgers.task_kind_unknown`)."""
    if kind not in KINDS:
        raise RuleBroken(
            "ledgers.task_kind_unknown", kind=kind[:32], known=", ".join(sorted(KINDS))
        )
    return kind


def text_checked(text: str, field: str, limit: int) -> str:
    """A text that is there and fits (`ledgers.text_missing`, `ledgers.text_too_long`)."""
    text = text.strip()
    if not text:
        raise RuleBroken("ledgers.text_missing", field=field)
    if len(text) > limit:
        raise RuleBroken("ledgers.text_too_long", field=field, limit=limit)
    return text
