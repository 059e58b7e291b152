"""Statements the server plans once for a connection, not once for a request: the sync path's.

Working out how to find a few rows takes PostgreSQL longer than finding them. A cursor from here sends a statement once
by name and after that its parameters only, in their own types; so every parameter needs a cast where its type does not
follow (`%s::uuid[]`). Row-level policies stay as they are: they are part of the plan and read the sight at each run.

A plan that is kept must still be right when the table has grown a thousandfold. One made for an empty table is not: it
reads the table whole, once for each row it looks for. So plans are kept only once the tables that a room names here
(`grows`) have enough pages that going by key is plainly cheaper; before, each run is planned anew.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any, Final

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

_KEPT: Final = (
    ("plan_cache_mode", "force_generic_plan", "force_custom_plan"),
    ("enable_seqscan", "off", "on"),
    ("enable_hashjoin", "off", "on"),
    ("enable_mergejoin", "off", "on"),
)
"""Settings of the sync path while its plans are kept, and before: by key for each row, however few rows are guessed."""
_pages: dict[str, int] = {}


def grows(table: str, pages: int) -> None:
    """Keep no plans before this table has so many pages (8 KiB each)."""
    _pages[table] = pages


@cache
def settings() -> str:
    """A statement that sets the sync path's settings until the end of the transaction. All tables are named by now."""
    grown = " AND ".join(
        f"pg_relation_size('{table}') >= {pages} * 8192" for table, pages in sorted(_pages.items())
    )
    set_each = ", ".join(
        f"set_config('{name}', CASE WHEN grown THEN '{kept}' ELSE '{before}' END, true)"
        for name, kept, before in _KEPT
    )
    return f"SELECT {set_each} FROM (SELECT {grown} AS grown OFFSET 0) tables"  # noqa: S608 - our own words


BY_KEY: Final = "SELECT " + ", ".join(
    f"set_config('{name}', '{kept}', true)" for name, kept, _ in _KEPT
)
"""The same settings whatever the tables hold: for a read that finds a handful of rows by unique keys only. The server
plans anew by itself when it has counted a table again (`ANALYZE`)."""


class _Prepared(psycopg.Cursor[Any]):
    """A cursor that has every statement kept by the server."""

    def execute(self, query: Any, params: Any = None, **_: Any) -> _Prepared:
        super().execute(query, params, prepare=True)
        return self


def cursor() -> CursorWrapper:
    """Like `connection.cursor()`, for statements whose text never changes. Inside a transaction."""
    connection.ensure_connection()
    # Django's own wrapper, so that errors, threads and counted queries are as everywhere. It is a private matter of
    # Django's: where it is gone or another thing one day, each run is planned anew, which is slower and as right.
    wrap = getattr(connection, "_prepare_cursor", None)
    if wrap is not None:
        with suppress(TypeError, AttributeError), connection.wrap_database_errors:
            wrapped = wrap(_Prepared(connection.connection))
            if isinstance(wrapped, CursorWrapper):
                return wrapped
    return connection.cursor()
