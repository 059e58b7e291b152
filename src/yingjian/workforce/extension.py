"""What the tables of this room need of the database beyond its own: told by name where a server does not give it."""

from __future__ import annotations

from typing import Final

from django.db import DatabaseError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from yingjian.kernel.errors import RuleBroken

NAME: Final = "btree_gist"
_ABSENT: Final = {
    "0A000",
    "58P01",
}  # feature_not_supported, undefined_file: its files are not on the server
_FORBIDDEN: Final = "42501"


def bring(editor: BaseDatabaseSchemaEditor, name: str = NAME) -> None:
    """Add the extension to the database where it is not there yet. `workforce.extension_absent` (the server does not
    have its files), `workforce.extension_forbidden` (this login may not add it).
    """
    try:
        editor.execute(f'CREATE EXTENSION IF NOT EXISTS "{name}"')
    except DatabaseError as error:
        state = getattr(error.__cause__, "sqlstate", None)
        if state in _ABSENT:
            raise RuleBroken("workforce.extension_absent", status=500, name=name) from error
        if state == _FORBIDDEN:
            raise RuleBroken("workforce.extension_forbidden", status=500, name=name) from error
        raise
