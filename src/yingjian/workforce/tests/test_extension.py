"""A server that lacks what the tables need, or does not let this login add it, is told by name, not by a traceback."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections, transaction

from config import cli
from yingjian.kernel.errors import RuleBroken
from yingjian.workforce import extension

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def refused(alias: str, name: str) -> RuleBroken:
    with (
        pytest.raises(RuleBroken) as caught,
        transaction.atomic(using=alias),
        connections[alias].schema_editor() as editor,
    ):
        extension.bring(editor, name)
    return caught.value


def test_the_extension_is_there_and_bringing_it_again_changes_nothing() -> None:
    with connections["owner"].schema_editor() as editor:
        extension.bring(editor)


def test_an_extension_the_server_has_no_files_of_is_named() -> None:
    error = refused("owner", "no_such_extension")
    assert (error.code, error.params) == (
        "workforce.extension_absent", {"name": "no_such_extension"},
    )  # fmt: skip


def test_a_login_that_may_not_add_it_is_told_who_may() -> None:
    assert refused("default", "pg_stat_statements").code == "workforce.extension_forbidden"


@pytest.mark.parametrize(
    ("given", "said"), [("en_US.UTF-8", "database's administrator"), ("C.UTF-8", "数据库管理员")]
)
def test_whoever_sits_there_reads_what_to_do(
    given: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def migrate(words: Callable[[], object]) -> None:
        raise RuleBroken("workforce.extension_forbidden", name=extension.NAME)

    monkeypatch.setenv("LC_ALL", given)
    monkeypatch.setattr("django.core.management.execute_from_command_line", migrate)
    assert cli.main(["check"]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert "CREATE EXTENSION btree_gist" in told
    assert "workforce.extension_forbidden" in told
