"""Columns of values as PostgreSQL array literals, for set-based statements (`unnest(%s::uuid[], %s::text[])`).

A database driver that adapts each element on its own takes longer over a thousand swabs than the server takes to store
them; a literal is one string. Only types whose text needs no quoting, and text, which is quoted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bytes(value: bytes) -> str:
    return '"\\\\x' + value.hex() + '"'


def _time(value: Any) -> str:
    return str(value.isoformat())


_WRITE: Final[dict[str, Callable[[Any], str]]] = {
    "uuid": str,
    "int": str,
    "bigint": str,
    "bool": str,
    "timestamptz": _time,
    "text": _text,
    "jsonb": _text,
    "bytea": _bytes,
}


def literal(kind: str, values: Iterable[Any]) -> str:
    """An array literal of `kind` (uuid, int, bigint, bool, timestamptz, text, jsonb, bytea); None becomes NULL.

    Times must carry an offset. Raises `KeyError` for another kind.
    """
    write = _WRITE[kind]
    return "{" + ",".join("NULL" if value is None else write(value) for value in values) + "}"


def columns(kinds: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Rows turned into one literal per column, in the order of `kinds`. No rows: empty arrays."""
    turned = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return [literal(kind, column) for kind, column in zip(kinds, turned, strict=True)]
