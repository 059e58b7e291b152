"""Row-level security and grants, laid anew after every migrate, so that no table can be forgotten.

Every table of a room with an `area` column gets one policy: a row is seen, and may be written,
when its area starts with one of the prefixes in the setting `yingjian.areas` (`*` is everywhere;
unset is nowhere). The journal and its blocks lose UPDATE and DELETE. The region tree is public.
"""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.models import Model
from django.db.models.options import Options
from psycopg import sql

APP_ROLE: Final = "yingjian_app"
PUBLIC: Final = frozenset({"population_region"})
APPEND_ONLY: Final = ("access_journal", "access_journalblock")

# Both questions to the setting are asked once for a statement. Whether it is everywhere is asked inside its subquery:
# the planner then expects half of a table's rows; of `(SELECT …) = '*'` it expects one row in twenty, so that a join of
# five tables was planned for a single row, as loops within loops over a county's tubes.
_SEEN = """(SELECT current_setting('yingjian.areas', true) = '*')
        OR area ^@ ANY ((SELECT string_to_array(current_setting('yingjian.areas', true), ','))::text[])"""
_POLICY = f"""
DROP POLICY IF EXISTS area_scope ON {{table}};
CREATE POLICY area_scope ON {{table}} TO {{role}}
 USING ({_SEEN})
 WITH CHECK ({_SEEN});
ALTER TABLE {{table}} ENABLE ROW LEVEL SECURITY;
"""


def _meta(model: type[Model]) -> Options[Model]:
    """Django's documented `_meta`, whose name alone is private."""
    return model._meta  # noqa: SLF001


def scoped_tables() -> list[str]:
    """Tables of the rooms that carry an area."""
    return sorted(
        _meta(model).db_table
        for config in apps.get_app_configs()
        if config.name.startswith("yingjian.")
        for model in config.get_models()
        if _meta(model).db_table not in PUBLIC
        and any(f.column == "area" for f in _meta(model).local_concrete_fields)
    )


def lay(using: str) -> None:
    """Create the application role when it is missing, grant it the tables, put a policy on each scoped table."""
    with connections[using].cursor() as cursor:
        role = sql.Identifier(APP_ROLE)
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOBYPASSRLS").format(role))
        # Who makes a role may grant it, but not take it on, before it is granted to him (PostgreSQL 16).
        cursor.execute("SELECT pg_has_role(current_user, %s, 'SET')", [APP_ROLE])
        if cursor.fetchone() == (False,):
            cursor.execute(
                sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE").format(role)
            )
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {}",
        ):
            cursor.execute(sql.SQL(statement).format(role))
        for table in APPEND_ONLY:
            cursor.execute(
                sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(
                    sql.Identifier(table), role
                )
            )
        for table in scoped_tables():
            cursor.execute(sql.SQL(_POLICY).format(table=sql.Identifier(table), role=role))


def unscoped(using: str) -> list[str]:
    """Scoped tables that have no policy in force: must be empty (checked by `verify`)."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            """SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'area_scope'
                WHERE c.relrowsecurity"""
        )
        guarded = {row[0] for row in cursor.fetchall()}
    return [table for table in scoped_tables() if table not in guarded]


def after_migrate(using: str, **_: Any) -> None:
    """Signal receiver: runs once per app; laying twice is harmless."""
    if using == settings.YINGJIAN_OWNER_ALIAS:
        lay(using)
