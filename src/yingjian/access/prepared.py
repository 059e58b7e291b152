"""Statements the server plans once for a connection, not once for a request: the sync path's.

Working out how to find a few rows takes PostgreSQL longer than finding them. A cursor from here sends a statement once
by name and after that its parameters only, in their own types; so every parameter needs a cast where its type does not
follow (`%s::uuid[]`). Row-level policies stay as they are: they are part of the plan and read the sight at each run.

A plan that is kept must still be right when the table has grown a thousandfold. One made for an empty table is not: it
reads the table whole, once for each row it looks for. So plans are kept only once the tables that a room names here
(`grows`) have enough pages that going by key is plainly cheaper; before, each run is planned anew: by not
being kept, not by a setting that forbids to keep. That would hold for the server's own look-ups behind foreign keys
too, which would then be planned once for each row stored, and take longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from typing import Any, Final

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

_KEPT: Final = (
    ("plan_cache_mode", "force_generic_plan", "auto"),
    ("enable_seqscan", "off", "off"),
    ("enable_hashjoin", "off", "on"),
    ("enable_mergejoin", "off", "on"),
)
"""Settings of the sync path while its plans are kept, and before: by key for each row, however few rows are guessed.

By key from the beginning: what the server looks up behind foreign keys it plans once for a connection whatever we say,
and a plan made while a table had one page reads all of it for every row stored, until somebody counts it again.
"""
_pages: dict[str, int] = {}
_apart: set[str] = set()
small: ContextVar[frozenset[str]] = ContextVar("small", default=frozenset())
"""The named tables that had not grown when the running transaction of the sync path began (see `settings`)."""


def grows(table: str, pages: int, *, apart: bool = False) -> None:
    """Keep no plans before this table has so many pages (8 KiB each). `apart`: only of the statements that say they
    read it (`cursor(beside=…)`), since others need not wait for a table that fills hours later.
    """
    _pages[table] = pages
    if apart:
        _apart.add(table)


@cache
def settings() -> str:
    """A query that sets the sync path's settings until the end of the transaction, and says as `small` which of the
    named tables have not grown yet. All tables are named by now.
    """
    each = ", ".join(
        f"CASE WHEN pg_relation_size('{table}') < {pages} * 8192 THEN '{table}' END"
        for table, pages in sorted(_pages.items())
    )
    needed = ", ".join(f"'{table}'" for table in sorted(set(_pages) - _apart))
    set_each = ", ".join(
        f"set_config('{name}', CASE WHEN grown THEN '{kept}' ELSE '{before}' END, true)"
        for name, kept, before in _KEPT
    )
    return f"""SELECT small, {set_each}
  FROM (SELECT small, NOT small && ARRAY[{needed}]::text[] AS grown
          FROM (SELECT array_remove(ARRAY[{each}]::text[], NULL) AS small OFFSET 0) sizes OFFSET 0) tables"""  # noqa: S608


BY_KEY: Final = "SELECT " + ", ".join(
    f"set_config('{name}', '{kept}', true)" for name, kept, _ in _KEPT
)
"""The same settings whatever the tables hold: for a read that finds a handful of rows by unique keys only. The server
plans anew by itself when it has counted a table again (`ANALYZE`)."""


class _Prepared(psycopg.Cursor[Any]):
    """A cursor that has every statement kept by the server, unless a table it reads has not grown."""

    keep = True

    def execute(self, query: Any, params: Any = None, **_: Any) -> _Prepared:
        super().execute(query, params, prepare=self.keep)
        return self


def cursor(*, beside: Iterable[str] = (), always: bool = False) -> CursorWrapper:
    """Like `connection.cursor()`, for statements whose text never changes. Inside a transaction. `beside`: the tables
    set apart that they read (see `grows`); `always`: they read no table.
    """
    connection.ensure_connection()
    # Django's own wrapper, so that errors, threads and counted queries are as everywhere. It is a private matter of
    # Django's: where it is gone or another thing one day, each run is planned anew, which is slower and as right.
    wrap = getattr(connection, "_prepare_cursor", None)
    if wrap is not None:
        with suppress(TypeError, AttributeError), connection.wrap_database_errors:
            own = _Prepared(connection.connection)
            own.keep = always or not small.get() - (_apart - set(beside))
            wrapped = wrap(own)
            if isinstance(wrapped, CursorWrapper):
                return wrapped
    return connection.cursor()
