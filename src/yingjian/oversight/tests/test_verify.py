"""verify on an empty house, and on planted drift. Whole rounds are verified by the drill's tests."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, connections

from yingjian.access import scope
from yingjian.access.tests.factories import NOON, TOWN_A, new_id
from yingjian.campaigns import rules
from yingjian.campaigns.tests.factories import active, due, due_ids, persons, refused, send
from yingjian.cases.tests.factories import positive
from yingjian.laboratory.tests import factories as make
from yingjian.oversight import replay as replaying
from yingjian.oversight import verify
from yingjian.oversight.laws import LAWS
from yingjian.oversight.replay import INPUT_TABLES, SCHEMA, TABLES, replay
from yingjian.sampling.models import Tube


@pytest.mark.django_db(transaction=True)
def test_an_empty_house_is_clean(tmp_path: Path) -> None:
    target = tmp_path / "verify.json"
    call_command("verify", json=str(target))
    found = json.loads(target.read_text(encoding="utf-8"))
    assert all(finding["holds"] for finding in found)
    assert (
        {finding["key"] for finding in found}
        == set(verify.law_names("zh"))
        == set(verify.law_names("en"))
    )
    assert {law.key for law in LAWS} <= {finding["key"] for finding in found}


@pytest.mark.django_db(transaction=True)
def test_drift_exits_with_one_and_names_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO access_clock (id, code, subject_kind, subject_id, subject_label, area, origin, owner_role,
                                         owner_name, escalates_to, started_at, due_at, stopped_at)
               VALUES (%s, 'deliver', 'box', %s, 'box 7', %s, 'x', 'courier', '', '', %s, %s, %s)""",
            [new_id(), new_id(), TOWN_A, NOON, NOON, NOON.replace(hour=9)],
        )
    with pytest.raises(SystemExit) as stopped:
        call_command("verify", lang="en")
    assert stopped.value.code == 1
    told = capsys.readouterr().out
    assert "✗ Late stops are breaches" in told
    assert "box 7" in told
    assert "✗ Rebuilding from the journal" in told  # a clock nobody commanded


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_requests_that_were_stored_at_once_are_replayed_one_after_the_other(page: int) -> None:
    """Letters are requests; `c` writes while we read, so that one row of it is never seen."""
    sent = {letter: ("device", new_id(), NOON, number) for number, letter in enumerate("abcde")}
    written = [(n, *[None] * 6, *sent[letter]) for n, letter in enumerate("aabcabbdceed", 1)]
    numbers = {key: sum(row[7:] == key for row in written) for key in sent.values()}
    numbers[sent["c"]] += 1
    with (
        patch.object(replaying, "_page", lambda after: written[after : after + page]),
        patch.object(replaying, "_numbers", lambda keys: {key: numbers[key] for key in keys}),
    ):
        found = list(replaying._one_after_the_other())
    letters = {key: letter for letter, key in sent.items()}
    assert "".join(letters[replaying._key(row)] for row in found) == "aaabbbccddee"
    assert [row[0] for row in found] == [1, 2, 5, 3, 6, 7, 4, 9, 8, 12, 10, 11]


@pytest.mark.django_db(transaction=True)
def test_replay_leaves_no_scratch_and_the_connection_as_it_was() -> None:
    assert replay().equal
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [SCHEMA])
        assert cursor.fetchone() == (0,)
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert SCHEMA not in cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_excuses_of_before_and_people_taken_out_again_are_rebuilt() -> None:
    """An older version took any words for a reason; who was taken out, and taken in again, stands as they stood."""
    with scope.everywhere():
        first, *_ = persons(2)
        round_id = active()
        *late, _ = persons(4)
    excuse = {"round_id": round_id, "person_id": first, "reason": " 外出未归 "}
    with patch.object(rules, "excuse_checked"):
        send("due.excuse", excuse)
    assert refused("due.excuse", excuse).code == "campaigns.excuse_unknown"
    send("due.add", {"round_id": round_id, "person_ids": late})
    send("due.withdraw", {"round_id": round_id, "person_ids": late, "remark": "点错了村"})
    send("due.reinstate", {"round_id": round_id, "person_id": late[0], "reason": "没有错"})
    report = replay()
    assert (report.refused, report.differences) == ([], [])
    assert [found.key for found in verify.run(with_replay=False) if not found.holds] == []
    with scope.everywhere():
        told = {due(id).reason for id in due_ids(round_id, [first, *late])}
    assert told == {"外出未归", "added_by_mistake", ""}


@pytest.mark.django_db(databases=["default", "owner"])
def test_rebuilt_tables_and_their_columns_exist() -> None:
    with connections["owner"].cursor() as cursor:
        for rebuilt in TABLES:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'",
                [rebuilt.table],
            )
            columns = {row[0] for row in cursor.fetchall()}
            assert columns, rebuilt.table
            assert set(rebuilt.reset) | rebuilt.ignore <= columns, rebuilt.table


def test_every_table_of_a_room_is_rebuilt_or_an_input() -> None:
    tables = {
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name.startswith("yingjian.")
        for model in config.get_models()
    }
    rebuilt = {table.table for table in TABLES}
    assert not rebuilt & INPUT_TABLES
    assert rebuilt | INPUT_TABLES == tables


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize(
    ("giver", "owned", "broken"),
    [("store", False, 1), ("store", True, 0), ("donor:红十字会", False, 0), ("supplier", False, 0)],
)
def test_a_store_gives_what_it_has_or_owns_the_gap(giver: str, owned: bool, broken: int) -> None:
    move = new_id()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO logistics_supplyitem VALUES ('n95', '口罩', 'mask', '个', 'piece')"
        )
        cursor.execute(
            """INSERT INTO logistics_supplymove (id, area, item_id, giver, taker, quantity, at, form_no, note, flags)
               VALUES (%s, %s, 'n95', %s, 'site', 5, %s, '', '', '[]')""",
            [move, TOWN_A, giver, NOON],
        )
        if owned:
            cursor.execute(
                """INSERT INTO logistics_discrepancy (id, round_id, area, kind, subject_kind, subject_id,
                          subject_label, expected, actual, owner_role, opened_at, resolution)
                   VALUES (%s, %s, %s, 'supply_short', 'supply_move', %s, 'n95', 5, 0, 'storekeeper', %s, '')""",
                [new_id(), new_id(), TOWN_A, move, NOON],
            )
    found = {finding.key: finding.broken for finding in verify.run(with_replay=False)}
    assert found["a_stores_stock_is_not_negative"] == broken


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_rooms_own_laws_are_asked_and_their_breakers_named() -> None:
    """A tube that says three people and holds nobody; a case that told nobody."""
    world = make.world()
    made = make.tube(world, people=1, mode="single")
    positive(world, made, case_no="C-1")
    with scope.everywhere():
        Tube.objects.filter(id=made.id).update(people=3)
    found = {finding.key: finding for finding in verify.run(with_replay=False)}
    assert not found["sampling.swabs_fill_their_tube"].holds
    assert found["sampling.swabs_fill_their_tube"].shown == [made.code]
    assert found["cases.positives_told_every_party_at_once"].shown == ["C-1"]
    assert found["laboratory.two_persons_answer_for_a_release"].holds
    assert found["logistics.goods_are_conserved"].holds
