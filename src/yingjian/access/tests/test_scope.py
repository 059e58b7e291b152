"""Row-level security as the application's role meets it, by raw SQL, without any filter of ours."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from yingjian.access import prepared, scope, security
from yingjian.access.actor import NOBODY, SYSTEM, Actor, Hold
from yingjian.access.models import Organisation
from yingjian.access.permissions import PERMISSIONS, ROLES, granted
from yingjian.access.tests.factories import TOWN_A, TOWN_B, actor, new_id
from yingjian.kernel.errors import RuleBroken

areas = st.text("0123456789", min_size=0, max_size=12)


@pytest.fixture
def two_towns(db: None) -> None:
    with scope.everywhere():
        for area in (TOWN_A, TOWN_A + "001", TOWN_B):
            Organisation.objects.create(id=new_id(), name=area, kind="village", area=area)


def seen() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT area FROM access_organisation")
        return {row[0] for row in cursor.fetchall()}


def test_an_unset_scope_sees_nothing(two_towns: None) -> None:
    assert seen() == set()


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ((TOWN_A,), {TOWN_A, TOWN_A + "001"}),
        ((TOWN_A + "001",), {TOWN_A + "001"}),
        ((TOWN_B,), {TOWN_B}),
        ((TOWN_A, TOWN_B), {TOWN_A, TOWN_A + "001", TOWN_B}),
        (("231183",), {TOWN_A, TOWN_A + "001", TOWN_B}),
        (("64",), set()),
        (("",), {TOWN_A, TOWN_A + "001", TOWN_B}),
        ((), set()),
    ],
)
def test_an_actor_sees_the_areas_held(
    two_towns: None, held: tuple[str, ...], expected: set[str]
) -> None:
    someone = Actor("user", new_id(), "x", tuple(Hold("supervisor", area) for area in held))
    with scope.acting(someone):
        assert seen() == expected
    assert seen() == set()


def test_a_nested_block_does_not_leave_its_sight_behind(two_towns: None) -> None:
    with scope.acting(actor("registrar", TOWN_B)):
        with scope.everywhere():
            assert len(seen()) == 3
        assert seen() == {TOWN_B}
        with pytest.raises(ZeroDivisionError), scope.everywhere():
            _ = 1 / 0
        assert seen() == {TOWN_B}


def test_nobody_sees_and_the_system_sees(two_towns: None) -> None:
    with scope.acting(NOBODY):
        assert seen() == set()
    with scope.acting(SYSTEM):
        assert len(seen()) == 3


def test_writing_into_another_town_is_refused_by_the_database(two_towns: None) -> None:
    with (
        scope.acting(actor("registrar", TOWN_A)),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        Organisation.objects.create(id=new_id(), name="x", kind="x", area=TOWN_B)


def test_changing_and_deleting_reach_only_what_is_seen(two_towns: None) -> None:
    with scope.acting(actor("registrar", TOWN_A)), connection.cursor() as cursor:
        cursor.execute("UPDATE access_organisation SET kind = 'changed'")
        assert cursor.rowcount == 2
        cursor.execute("DELETE FROM access_organisation WHERE area = %s", [TOWN_B])
        assert cursor.rowcount == 0


def test_a_moved_row_may_not_leave_the_sight(two_towns: None) -> None:
    with (
        scope.acting(actor("registrar", TOWN_A)),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE access_organisation SET area = %s", [TOWN_B])


@pytest.mark.django_db
def test_every_table_with_an_area_is_guarded_and_the_role_cannot_pass_by() -> None:
    assert security.unscoped("default") == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (security.APP_ROLE, False, False)
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(databases=["default", "owner"])
def test_a_table_without_its_policy_is_found() -> None:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("DROP POLICY area_scope ON access_organisation")
    assert security.unscoped("owner") == ["access_organisation"]


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_planner_expects_half_of_a_guarded_table_not_next_to_nothing() -> None:
    """Else a join of guarded tables is planned for one row, as loops within loops over a county."""
    from django.db import connections

    with scope.everywhere():
        Organisation.objects.bulk_create(
            Organisation(id=new_id(), name="x", kind="village", area=TOWN_A) for _ in range(500)
        )
        expected = {}
        for using in ("default", "owner"):
            with connections[using].cursor() as cursor:
                cursor.execute("EXPLAIN (FORMAT JSON) SELECT * FROM access_organisation")
                expected[using] = cursor.fetchone()[0][0]["Plan"]["Plan Rows"]
    assert expected["owner"] > 100
    assert expected["default"] > 0.4 * expected["owner"]


@given(st.lists(areas, max_size=5), areas)
def test_areas_are_the_smallest_cover(held: list[str], somewhere: str) -> None:
    someone = Actor("user", new_id(), "x", tuple(Hold("auditor", area) for area in held))
    covered = any(somewhere.startswith(area) for area in held)
    assert any(somewhere.startswith(area) for area in someone.areas) == covered
    assert not any(a != b and a.startswith(b) for a in someone.areas for b in someone.areas)


@given(st.sampled_from(sorted(ROLES)), st.sampled_from(sorted(PERMISSIONS)), areas, areas)
def test_permission_needs_the_role_and_the_area(
    role: str, permission: str, held: str, wanted: str
) -> None:
    someone = actor(role, held)
    assert someone.may(permission) == (permission in granted(role))
    allowed = permission in granted(role) and wanted.startswith(held)
    assert someone.may(permission, wanted) == allowed
    if allowed:
        scope.require(someone, permission, wanted)
    else:
        with pytest.raises(RuleBroken):
            scope.require(someone, permission, wanted)


def test_roles_grant_only_known_permissions_and_strangers_none() -> None:
    assert all(permissions <= PERMISSIONS for permissions in ROLES.values())
    held = set().union(*(ROLES[role] for role in ROLES if role != "system"))
    assert held == PERMISSIONS - {"system"}  # what only the system itself may command
    assert granted("emperor") == frozenset()


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def test_seeing_everything_twice_asks_the_server_once(
    two_towns: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with scope.everywhere():
        with django_assert_num_queries(0), scope.reading_everywhere():
            pass
        with (
            django_assert_num_queries(2),
            scope.everywhere(),
        ):  # its savepoint, which an error needs
            pass
        assert len(seen()) == 3


def test_a_narrow_sight_is_told_to_the_server_whatever_was_before(two_towns: None) -> None:
    narrow = Actor("user", new_id(), "x", (Hold("supervisor", TOWN_B),))
    with scope.everywhere():
        with transaction.atomic():
            scope.becoming(narrow)
            assert seen() == {TOWN_B}
            transaction.set_rollback(True)  # then the database sees everything, and we are not told
        with scope.acting(narrow):
            assert seen() == {TOWN_B}
        with scope.everywhere():
            assert len(seen()) == 3
        scope.becoming(narrow)
        with scope.reading_everywhere():
            assert len(seen()) == 3
        assert seen() == {TOWN_B}


def planned(
    table: str, *, apart: bool = False, beside: tuple[str, ...] = ()
) -> tuple[str, str, bool]:
    """The settings of the sync path and whether a statement is kept, as they follow from the size of `table` alone."""
    kept, others = dict(prepared._pages), set(prepared._apart)
    prepared._pages.clear()
    prepared._apart.clear()
    prepared.grows(table, 1, apart=apart)
    prepared.settings.cache_clear()
    try:
        with scope.everywhere(keep_plans=True), prepared.cursor(beside=beside) as cursor:
            own = cursor.cursor
            assert isinstance(own, prepared._Prepared)
            return setting("plan_cache_mode"), setting("enable_seqscan"), own.keep
    finally:
        prepared._pages.clear()
        prepared._pages.update(kept)
        prepared._apart.clear()
        prepared._apart.update(others)
        prepared.settings.cache_clear()


@pytest.mark.django_db
def test_no_plan_is_kept_before_the_tables_have_grown() -> None:
    """A plan made for an empty table reads it whole for each row it looks for, and would go on doing so."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE phones AS SELECT 1 AS id LIMIT 0")
        # not "force_custom_plan": the look-ups behind foreign keys would be planned anew for each row stored
        assert planned("phones") == ("auto", "off", False)
        assert planned("phones", apart=True) == ("force_generic_plan", "off", True)
        assert planned("phones", apart=True, beside=("phones",))[2] is False
        cursor.execute("INSERT INTO phones SELECT 1")
        assert planned("phones") == ("force_generic_plan", "off", True)
        assert planned("phones", apart=True, beside=("phones",))[2] is True


def test_the_tables_that_a_report_fills_are_named() -> None:
    named = {
        "access_journal", "campaigns_dueperson", "logistics_boxline", "sampling_swab", "sampling_tube",
    }  # fmt: skip
    assert named <= set(prepared._pages)


class Changed:
    """A later Django's connection, of which only what this one keeps private is another."""

    def __init__(self, wrap: Any) -> None:
        self._prepare_cursor = wrap

    def __getattr__(self, name: str) -> Any:
        return getattr(connection, name)


@pytest.mark.parametrize(
    "wrap",
    [None, lambda cursor, _more: cursor, lambda cursor: cursor],
    ids=["gone", "asks for more", "answers otherwise"],
)
def test_where_django_wraps_cursors_another_way_statements_are_planned_each_time(
    two_towns: None, monkeypatch: pytest.MonkeyPatch, wrap: Any
) -> None:
    monkeypatch.setattr(prepared, "connection", Changed(wrap))
    with scope.everywhere(), prepared.cursor() as cursor:
        assert not isinstance(cursor.cursor, prepared._Prepared)
        cursor.execute("SELECT area FROM access_organisation WHERE area = %s", [TOWN_A])
        assert cursor.fetchall() == [(TOWN_A,)]


def test_a_prepared_statement_is_planned_once_and_obeys_the_sight_of_each_run(
    two_towns: None,
) -> None:
    statement = "SELECT area FROM access_organisation WHERE area = ANY(%s::text[])"

    def look() -> set[str]:
        with prepared.cursor() as cursor:
            cursor.execute(statement, [[TOWN_A, TOWN_B]])
            return {row[0] for row in cursor.fetchall()}

    assert look() == set()
    with scope.everywhere():
        assert look() == {TOWN_A, TOWN_B}
    with scope.seeing(TOWN_B):
        assert look() == {TOWN_B}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT generic_plans + custom_plans FROM pg_prepared_statements
                WHERE statement LIKE 'SELECT area FROM access_organisation WHERE area%%'"""
        )
        behind_a_pooler = connection.connection.prepare_threshold is None  # YINGJIAN_UNPREPARED
        assert cursor.fetchall() == ([] if behind_a_pooler else [(3,)])


def test_whoever_a_block_went_on_as_is_forgotten_at_its_end(two_towns: None) -> None:
    narrow = Actor("user", new_id(), "x", (Hold("supervisor", TOWN_B),))
    with scope.everywhere():
        with scope.everywhere():
            scope.becoming(narrow)
            assert seen() == {TOWN_B}
        assert len(seen()) == 3
        with scope.everywhere():
            assert len(seen()) == 3
