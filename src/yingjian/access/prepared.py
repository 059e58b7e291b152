"""Statements the server plans once for a connection, not once for a request: the sync path's.

Working out how to find a few rows takes PostgreSQL longer than finding them. A cursor from here sends a statement once
by name and after that its parameters only, in their own types; so every parameter needs a cast where its type does not
follow (`%s::uuid[]`). Row-level policies stay as they are: they are part of the plan and read the sight at each run.

A plan that is kept must still be right when the table has grown a thousandfold; `GROWN` says how it is made.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper

GROWN: Final = (
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
)
"""Settings under which the plans of the sync path are made: by key for each row, as if every table were large. A table
that is empty when the first phone of the day reports would otherwise be read whole until its statistics change."""


class _Prepared(psycopg.Cursor[Any]):
    """A cursor that has every statement kept by the server."""

    def execute(self, query: Any, params: Any = None, **_: Any) -> _Prepared:
        super().execute(query, params, prepare=True)
        return self


def cursor() -> CursorWrapper:
    """Like `connection.cursor()`, for statements whose text never changes. Inside a transaction."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        # Django's own wrapper, so that errors, threads and counted queries are as everywhere.
        return connection._prepare_cursor(_Prepared(connection.connection))  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001
