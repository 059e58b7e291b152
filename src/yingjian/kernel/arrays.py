"""Columns of values as PostgreSQL array literals, for set-based statements (`unnest(%s::uuid[], %s::text[])`).

A database driver that adapts each element on its own takes longer over a thousand swabs than the server takes to store
them; a literal is one string. Only types whose text needs no quoting, and text, which is quoted here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

_QUOTED: Final = re.compile(r'["\\]')


def _uuids(values: Iterable[Any]) -> Iterable[str]:
    # Without dashes: the server reads both, and dashes take longer than all the rest.
    return ["NULL" if value is None else f"{value.int:032x}" for value in values]


def _plain(values: Iterable[Any]) -> Iterable[str]:
    return ["NULL" if value is None else str(value) for value in values]


def _times(values: Iterable[Any]) -> Iterable[str]:
    return ["NULL" if value is None else value.isoformat() for value in values]


def _texts(values: Iterable[Any]) -> Iterable[str]:
    return [
        "NULL"
        if value is None
        else f'"{value}"'
        if not _QUOTED.search(value)
        else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for value in values
    ]


def _bytes(values: Iterable[Any]) -> Iterable[str]:
    return ["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]


_WRITE: Final[dict[str, Callable[[Iterable[Any]], Iterable[str]]]] = {
    "uuid": _uuids,
    "int": _plain,
    "bigint": _plain,
    "bool": _plain,
    "timestamptz": _times,
    "text": _texts,
    "jsonb": _texts,
    "bytea": _bytes,
}


def literal(kind: str, values: Iterable[Any]) -> str:
    """An array literal of `kind` (uuid, int, bigint, bool, timestamptz, text, jsonb, bytea); None becomes NULL.

    Times must carry an offset. Raises `KeyError` for another kind.
    """
    return "{" + ",".join(_WRITE[kind](values)) + "}"


def columns(kinds: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Rows turned into one literal per column, in the order of `kinds`. No rows: empty arrays."""
    turned = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return [_column(kind, column) for kind, column in zip(kinds, turned, strict=True)]


def _column(kind: str, values: tuple[Any, ...]) -> str:
    """Like `literal`; a column that says the same in every row (of one station, of one moment) is written once."""
    first = values[0] if values else None
    for value in values:
        if value is not first:
            return literal(kind, values)
    one = "".join(_WRITE[kind](values[:1]))
    return "{" + ",".join([one] * len(values)) + "}"
