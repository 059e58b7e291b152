"""Every row of the table: what it is told, in words, in both languages; and that nothing accepted before is lost.

`docs/bad-input.md` is made from the table (`UPDATE_BAD_INPUT=1 pytest tests/bad_input` writes it).
"""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.bad_input import (
    rows_codes,
    rows_commands,
    rows_files,
    rows_places,
    rows_roles,
    rows_states,
)
from tests.bad_input.ground import Town, added, changed, lost, stored
from tests.bad_input.page import PAGE, page
from tests.bad_input.table import GROUPS, ROWS, Row
from yingjian.access import scope
from yingjian.access.models import JournalEntry
from yingjian.kernel.errors import catalogue, sentence

RIGHT = (rows_files, rows_places, rows_codes, rows_commands, rows_states, rows_roles)
LEAST = 60
LOCALES = Path(__file__).resolve().parents[2] / "web" / "src" / "locales"
IMPORT = {
    "population_importrun",
    "population_importproblem",
    "planning_candidatelist",
    "population_buildinglist",
}


@pytest.fixture(scope="module")
def ground(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Town]:
    """One town for all rows; it is rolled back at the end, and each row for itself."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        from django.conf import settings

        patch.setattr(settings, "YINGJIAN_DRILL", True)
        patch.setattr(settings, "YINGJIAN_VAR", tmp_path_factory.mktemp("bad") / "var")
        with transaction.atomic():
            yield Town()
            transaction.set_rollback(True)


@pytest.fixture
def town(ground: Town) -> Iterator[Town]:
    with transaction.atomic():
        yield copy.copy(ground)
        transaction.set_rollback(True)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_is_told_what_is_wrong_and_loses_nothing(town: Town, row: Row) -> None:
    before: dict[str, Any] = {}
    got = row.play(town, lambda: before.update(stored()))
    after = stored()
    assert (got.status, got.kept, got.code) == (row.status, row.kept, row.code), got
    if got.kept in {"refused", "parked", "problem"}:
        _says(row, got)
    elif got.kept == "flagged":
        _marked(got.code)
    assert lost(before, after) == []
    _adds_only(row, got.state, before, after)


def _says(row: Row, got: Any) -> None:
    """Both languages say what is wrong and what to do, with every gap filled; the answer says it in Chinese."""
    for language in ("zh", "en"):
        assert set(catalogue(language)[row.code]) == {"says", "do"}
        told = sentence(row.code, language, dict(got.params))
        for part in ("says", "do"):
            assert len(told[part]) > 2, (language, part)
            assert "…" not in told[part], (language, told, got.params)
    if got.kept != "problem":  # a finding may quote what its line said, unsealed
        assert (got.says, got.do) == tuple(sentence(row.code, "zh", dict(got.params)).values())
    assert got.says, got
    assert got.do, got


def _marked(code: str) -> None:
    """A fact that was kept with marks: the console has words for each, in both languages."""
    if "." in code:
        assert code in catalogue("zh"), code
        return
    for name in ("zh-CN", "en"):
        words = json.loads((LOCALES / f"{name}.json").read_text(encoding="utf-8"))["word"]["flag"]
        assert set(code.split(",")) <= set(words), (name, code)


def _adds_only(row: Row, state: str, before: Any, after: Any) -> None:
    """A refusal leaves no trace, a parked command one row of the journal, a bad file its import and findings."""
    more, other = added(before, after), changed(before, after)
    if row.kept == "refused":
        assert more == ({"access_journal": row.journals} if row.journals else {})
        assert other == set()
    elif row.kept == "parked":
        assert more == {"access_journal": 1}
        assert other == set()
        with scope.everywhere():
            last = JournalEntry.objects.order_by("seq").last()
        assert last is not None
        assert (last.verdict, last.code) == ("parked", row.code)
    elif row.kept == "problem" and state == "refused":
        assert set(more) <= IMPORT
        assert other <= IMPORT
    else:
        assert more.get("access_journal", 0) == 1, more


def test_the_table_is_long_enough_and_covers_every_group() -> None:
    assert len(ROWS) >= LEAST
    assert set(Counter(row.group for row in ROWS)) == set(GROUPS)
    assert max(Counter(row.key for row in ROWS).values()) == 1


def test_the_page_is_made_from_the_table() -> None:
    made = page(ROWS)
    if os.environ.get("UPDATE_BAD_INPUT"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "UPDATE_BAD_INPUT=1 pytest tests/bad_input"
