"""Rosters into the tables, people found on the way, looks at full data: on a real database."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections

from yingjian.access import scope, vault
from yingjian.access.actor import SYSTEM
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import NOON, TOWN_A, actor, new_id
from yingjian.kernel.errors import RuleBroken
from yingjian.population import actions, queries, staging
from yingjian.population.actions import Found, RosterImported
from yingjian.population.models import (
    Grid,
    Household,
    ImportProblem,
    ImportRun,
    Person,
    PersonCategory,
    Region,
)
from yingjian.population.tests.files import HEAD, VILLAGE, number, person, write_csv
from yingjian.population.values import IdType

pytestmark = pytest.mark.django_db

DATA = Path(__file__).resolve().parents[4] / "data" / "regions"
LATER = NOON + dt.timedelta(days=1)
WIDE = (*HEAD, "网格", "人群类别", "经度", "纬度")


@pytest.fixture(autouse=True)
def _yilaha() -> None:
    actions.regions_import(actor=SYSTEM, path=DATA / "231183101-yilaha.csv")


def wide(serial: int, grid: str = "01", categories: str = "", **cells: str) -> list[str]:
    return [*person(serial, **cells), grid, categories, "125.3", "49.0"]


def imported(path: Path, at: dt.datetime = NOON, **options: Any) -> RosterImported:
    return actions.roster_import(
        **{
            "actor": actor("town_worker"),
            "at": at,
            "import_id": new_id(),
            "path": path,
            "area": TOWN_A,
            **options,
        }
    )


def stored() -> list[Person]:
    with scope.everywhere():
        return list(Person.objects.order_by("id_tail", "name"))


def problems(outcome: RosterImported) -> list[tuple[int, str, bool]]:
    with scope.everywhere():
        return [
            (row, code.removeprefix("population."), refused)
            for row, code, refused in ImportProblem.objects.filter(run_id=outcome.import_id)
            .order_by("id")
            .values_list("row", "code", "refused")
        ]


# -- regions -----------------------------------------------------------------------------------


def test_regions_again_change_nothing_and_a_new_name_is_taken(tmp_path: Path) -> None:
    again = actions.regions_import(actor=SYSTEM, path=DATA / "231183101-yilaha.csv")
    assert (again.added, again.renamed, again.unchanged) == (0, 0, again.read)
    text = (DATA / "231183101-yilaha.csv").read_text("utf-8").replace("兴隆村", "新兴隆村")
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    renamed = actions.regions_import(actor=SYSTEM, path=tmp_path / "r.csv")
    assert (renamed.added, renamed.renamed) == (0, 1)
    assert queries.region_names([VILLAGE]) == {VILLAGE: "新兴隆村委会"}


def test_regions_without_their_parents_are_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(
        "code,name,level,parent_code\n110101001000,某街道,town,110101000000\n", encoding="utf-8"
    )
    before = Region.objects.count()
    with pytest.raises(RuleBroken) as caught:
        actions.regions_import(actor=SYSTEM, path=tmp_path / "r.csv")
    assert caught.value.code == "population.regions.orphan"
    assert Region.objects.count() == before


def test_regions_are_the_administrators(tmp_path: Path) -> None:
    with pytest.raises(RuleBroken) as caught:
        actions.regions_import(actor=actor("town_worker"), path=DATA / "231183101-yilaha.csv")
    assert caught.value.code == "access.not_permitted"


# -- rosters -----------------------------------------------------------------------------------


def test_a_roster_becomes_people_households_grids_and_categories(tmp_path: Path) -> None:
    lines = [
        wide(1, 姓名="王䶮𠅤", 户号="7", categories="密接、老年人"),
        wide(2, grid="02", 户号="7"),
        wide(3, 户号="", 联系电话=""),
    ]
    outcome = imported(write_csv(tmp_path / "a.csv", lines, head=WIDE))
    assert (outcome.state, outcome.rows_read, outcome.rows_taken) == ("done", 3, 3)
    first = next(row for row in stored() if row.name == "王䶮𠅤")
    assert first.id_cipher is not None
    assert vault.unseal(first.id_cipher) == number(1)
    assert first.id_index is not None
    assert bytes(first.id_index) == queries.id_index(IdType.RESIDENT_ID, number(1))
    assert first.phone_cipher is not None
    assert vault.unseal(first.phone_cipher) == "16900000001"
    assert (first.area, first.sex, first.id_tail) == (VILLAGE, "M", number(1)[-4:])
    assert first.birth_date == dt.date(1990, 1, 1)
    with scope.everywhere():
        door = Household.objects.get(area=VILLAGE, no="7")
        assert (door.lon, door.lat, door.members.count()) == (125.3, 49.0, 2)
        assert Household.objects.count() == 2
        assert set(Grid.objects.values_list("area", "no")) == {(VILLAGE, "01"), (VILLAGE, "02")}
        codes = PersonCategory.objects.filter(person=first).values_list("code", flat=True)
        assert sorted(codes) == ["close_contact", "elderly"]
        assert JournalEntry.objects.get(kind="roster.import").area == TOWN_A


def test_no_plain_number_reaches_the_tables(tmp_path: Path) -> None:
    wrong = number(3)[:17] + "0" if number(3)[17] != "0" else number(3)[:17] + "1"
    imported(write_csv(tmp_path / "a.csv", [person(1), person(2, 证件号码=wrong)]))
    with scope.everywhere(), connection.cursor() as cursor:
        for table in ("person", "importproblem", "importrun"):
            cursor.execute(
                f"SELECT count(*) FROM population_{table} t WHERE t::text LIKE %s",
                [f"%{number(1)}%"],
            )
            assert cursor.fetchone()[0] == 0
        cursor.execute(
            "SELECT count(*) FROM population_importproblem t WHERE t::text LIKE %s", [f"%{wrong}%"]
        )
        assert cursor.fetchone()[0] == 0


def test_the_same_file_again_changes_nothing_and_says_so(tmp_path: Path) -> None:
    lines = [wide(serial, categories="学生") for serial in range(1, 30)]
    lines.append(
        [*person(40, 证件类型="无证件", 证件号码="", 姓名="无名", 户号="40"), "01", "", "", ""]
    )
    head = (*WIDE, "出生日期")
    path = write_csv(tmp_path / "a.csv", [[*line, "1990-01-01"] for line in lines], head=head)
    first = imported(path)
    assert (first.rows_taken, first.rows_refused) == (30, 0)
    before = snapshot()
    again = imported(path, at=LATER)
    assert (again.rows_taken, again.rows_unchanged, again.rows_refused) == (0, 30, 0)
    assert again.totals["same_file_as"] == str(first.import_id)
    assert snapshot() == before
    assert problems(again) == []


def snapshot() -> list[tuple[Any, ...]]:
    with scope.everywhere(), connection.cursor() as cursor:
        rows: list[tuple[Any, ...]] = []
        for table in ("person", "household", "personcategory", "grid"):
            cursor.execute(f"SELECT t::text FROM population_{table} t ORDER BY id")
            rows += cursor.fetchall()
        return rows


def test_changes_are_taken_and_blanks_erase_nothing(tmp_path: Path) -> None:
    head = (*WIDE, "户籍地址")
    imported(
        write_csv(
            tmp_path / "a.csv",
            [[*wide(at, categories="学生"), "旧址"] for at in (1, 2, 3)],
            head=head,
        )
    )
    second = imported(
        write_csv(
            tmp_path / "b.csv",
            [
                [*wide(1, 联系电话="", categories="学生"), ""],
                [*wide(2, 联系电话="13812341234", categories="学生"), "新址"],
                [*wide(3, categories="密接"), "旧址"],
            ],
            head=head,
        ),
        at=LATER,
    )
    assert (second.rows_taken, second.rows_unchanged) == (2, 1)
    one, two, three = sorted(stored(), key=lambda row: row.name)
    assert (one.phone_tail, one.registered_address) == ("0001", "旧址")
    assert (two.phone_tail, two.registered_address) == ("1234", "新址")
    assert two.phone_cipher is not None
    assert vault.unseal(two.phone_cipher) == "13812341234"
    with scope.everywhere():
        history = PersonCategory.objects.filter(person=three).order_by("since")
        assert [(row.code, row.until) for row in history] == [
            ("student", LATER),
            ("close_contact", None),
        ]


def test_a_roster_without_categories_leaves_them_alone(tmp_path: Path) -> None:
    imported(write_csv(tmp_path / "a.csv", [wide(1, categories="密接")], head=WIDE))
    second = imported(write_csv(tmp_path / "b.csv", [person(1)]), at=LATER)
    assert second.rows_unchanged == 1
    with scope.everywhere():
        assert PersonCategory.objects.get().until is None


def test_categories_of_other_rooms_stay(tmp_path: Path) -> None:
    imported(write_csv(tmp_path / "a.csv", [wide(1)], head=WIDE))
    with scope.everywhere():
        PersonCategory.objects.create(
            id=new_id(), person=stored()[0], area=VILLAGE, code="close_contact", since=NOON,
            source="case 7",
        )  # fmt: skip
    imported(write_csv(tmp_path / "b.csv", [wide(1, categories="学生")], head=WIDE), at=LATER)
    with scope.everywhere():
        still_open = PersonCategory.objects.filter(until=None).values_list("code", flat=True)
        assert sorted(still_open) == ["close_contact", "student"]


def test_moving_renaming_and_twins_are_remarked(tmp_path: Path) -> None:
    imported(write_csv(tmp_path / "a.csv", [person(1), person(2), person(3)]))
    other = {"现住村(社区)代码": "231183101201"}
    outcome = imported(
        write_csv(
            tmp_path / "b.csv",
            [person(1, **other), person(2, 姓名="李改名"), person(5, 姓名=person(3)[0])],
        ),
        at=LATER,
    )
    assert problems(outcome) == [
        (2, "person.moved", False),
        (3, "person.renamed", False),
        (4, "person.stored_twin", False),
    ]
    assert outcome.totals["moved"] == 1
    assert outcome.totals["not_in_file"] == 1
    areas = {row.id_tail: row.area for row in stored()}
    assert areas[number(1)[-4:]] == "231183101201"


def test_every_line_ends_in_one_count(tmp_path: Path) -> None:
    lines = [person(1), person(2), person(1), person(3, 姓名=""), ["合计"], person(4)]
    outcome = imported(write_csv(tmp_path / "a.csv", lines))
    assert (outcome.rows_read, outcome.rows_taken, outcome.rows_refused) == (5, 3, 2)
    assert outcome.totals["skipped"] == 1
    assert outcome.totals["by_region"] == {VILLAGE: 3}
    found = problems(outcome)
    assert (4, "row.duplicate", True) in found
    assert (5, "name.missing", True) in found
    with scope.everywhere():
        refused = ImportProblem.objects.get(code="population.name.missing")
        assert number(3) not in str(refused.params)
        from yingjian.population.staging import unsealed_line

        assert unsealed_line(refused.params)[3] == number(3)


def test_a_file_that_cannot_be_trusted_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, [person(1), person(2)])
    path.write_bytes(path.read_bytes() + '"王,\n'.encode() + b"x,y\n" * 30)
    with pytest.raises(RuleBroken) as caught:
        imported(path)
    assert caught.value.code == "population.roster.quotation"
    assert stored() == []
    with scope.everywhere():
        run = ImportRun.objects.get()
        assert run.state == "refused"
        assert run.problems.get().code == "population.roster.quotation"


def test_a_failure_half_way_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("yingjian.population.staging.merge", broken)
    with pytest.raises(RuntimeError):
        imported(write_csv(tmp_path / "a.csv", [person(1)]))
    with scope.everywhere():
        assert ImportRun.objects.get().state == "failed"
        assert not Person.objects.exists()


def _left_reading(path: Path) -> uuid.UUID:
    """An import as a killed worker leaves it."""
    id = new_id()
    actions.roster_receive(
        actor=actor("town_worker"), at=NOON, import_id=id, area=TOWN_A, file_name=path.name
    )
    with scope.everywhere():
        ImportRun.objects.filter(id=id).update(state="reading", rows_read=10)
    return id


@pytest.mark.django_db(databases=["default", "owner"])
def test_an_import_whose_reader_died_is_closed_and_the_file_is_read_under_another_id(
    tmp_path: Path,
) -> None:
    path = write_csv(tmp_path / "a.csv", [person(1)])
    dead = _left_reading(path)
    with connections[
        "owner"
    ].cursor() as cursor:  # somebody is reading it: a session holds its lock
        key = [f"population.import.{dead}"]
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", key)
        assert actions.rosters_interrupted(at=LATER) == []
        cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)
    assert actions.rosters_interrupted(at=LATER) == [dead]
    assert actions.rosters_interrupted(at=LATER) == []
    with scope.everywhere():
        run = ImportRun.objects.get(id=dead)
        assert (run.state, run.finished_at) == ("failed", LATER)
        assert run.problems.get().code == "population.import.interrupted"
    with pytest.raises(RuleBroken, match="id_used"):  # a job given out again finds it ended
        actions.roster_run(actor=actor("town_worker"), at=LATER, import_id=dead, path=path)
    assert imported(path).rows_taken == 1


def test_a_reader_that_comes_back_before_anybody_noticed_reads_the_file_from_the_start(
    tmp_path: Path,
) -> None:
    path = write_csv(tmp_path / "a.csv", [person(1), person(2)])
    again = _left_reading(path)
    outcome = actions.roster_run(actor=actor("town_worker"), at=LATER, import_id=again, path=path)
    assert (outcome.state, outcome.rows_read, len(stored())) == ("done", 2, 2)


def test_the_lock_of_a_reader_goes_with_its_import(tmp_path: Path) -> None:
    imported(write_csv(tmp_path / "a.csv", [person(1)]))
    with pytest.raises(RuleBroken):
        imported(tmp_path / "none.csv")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                       " AND objsubid = 1 AND mode = 'ExclusiveLock'")  # fmt: skip
        held = cursor.fetchone()[0]
        cursor.execute("SELECT pg_advisory_unlock_all()")
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        assert cursor.fetchone()[0] == held, (
            "no lock of the session is left, only the transaction's"
        )


@pytest.mark.parametrize(("failures", "merged"), [(2, True), (3, False)])
def test_a_merge_that_meets_a_new_person_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, merged: bool
) -> None:
    """A station finds somebody of the file at this very moment: the next try finds them stored."""
    real, left = staging.merge, [failures]

    def racing(**given: Any) -> staging.Merged:
        if left[0]:
            left[0] -= 1
            raise IntegrityError("person_id_index")
        return real(**given)

    monkeypatch.setattr(staging, "merge", racing)
    path = write_csv(tmp_path / "a.csv", [person(1)])
    if merged:
        assert imported(path).rows_taken == 1
    else:
        with pytest.raises(IntegrityError):
            imported(path)
    assert len(stored()) == merged
    with scope.everywhere():
        assert ImportRun.objects.get().state == ("done" if merged else "failed")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"area": "231183102"}, "access.outside_area"),
        ({"area": "640121100", "actor": SYSTEM}, "population.region.not_loaded"),
        ({"region": "640121100200"}, "population.region.outside_area"),
        ({"actor": actor("sampler")}, "access.not_permitted"),
    ],
)
def test_who_may_import_where(tmp_path: Path, options: dict[str, Any], code: str) -> None:
    with pytest.raises(RuleBroken) as caught:
        imported(write_csv(tmp_path / "a.csv", [person(1)]), **options)
    assert caught.value.code == code
    assert stored() == []


def test_an_import_id_serves_once(tmp_path: Path) -> None:
    path, same = write_csv(tmp_path / "a.csv", [person(1)]), new_id()
    imported(path, import_id=same)
    with pytest.raises(RuleBroken) as caught:
        imported(path, import_id=same)
    assert caught.value.code == "population.import.id_used"


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "CHUNK_ROWS", 10)
    told: list[tuple[int, int]] = []
    path = write_csv(tmp_path / "a.csv", [person(at) for at in range(1, 26)])
    imported(path, progress=lambda read, expected: told.append((read, expected)))
    assert [read for read, _ in told] == [10, 20, 25]
    assert all(expected >= read for read, expected in told)


# -- people found on the way -------------------------------------------------------------------


def test_somebody_found_is_added_once_with_a_trace(tmp_path: Path) -> None:
    imported(write_csv(tmp_path / "a.csv", [person(1)]))
    [listed] = stored()
    commands = [new_id() for _ in range(5)]
    found = [
        Found(commands[0], TOWN_A, "王一", id_number=number(1)),
        Found(commands[1], TOWN_A, "李 新", id_number=number(9), phone="138 1234 1234"),
        Found(commands[2], TOWN_A, "李新", id_number=number(9).lower()),
        Found(commands[3], TOWN_A, "无证", id_type=IdType.NONE),
        Found(commands[4], TOWN_A, "Ann", id_type=IdType.PASSPORT, id_number="E1234567"),
    ]
    with scope.everywhere():
        ids = actions.persons_found(at=NOON, found=found)
        assert actions.persons_found(at=NOON, found=found) == ids
        assert actions.persons_found(at=NOON, found=[]) == []
        assert actions.persons_found(at=LATER, found=found[:1]) == [listed.id]
    assert ids[0] == listed.id
    assert ids[1] == ids[2]
    assert len(set(ids)) == 4
    rows = {row.id: row for row in stored()}
    assert len(rows) == 4
    added = rows[ids[1]]
    assert (added.name, added.source, added.found_by) == ("李新", "found", commands[1])
    assert (added.sex, added.birth_date) == ("M", dt.date(1990, 1, 1))
    assert added.phone_tail == "1234"


def test_a_found_person_becomes_listed_by_the_next_roster(tmp_path: Path) -> None:
    with scope.everywhere():
        [id] = actions.persons_found(
            at=NOON, found=[Found(new_id(), TOWN_A, "王一", id_number=number(1))]
        )
    outcome = imported(write_csv(tmp_path / "a.csv", [person(1, 姓名="王一")]), at=LATER)
    assert outcome.rows_taken == 1
    [row] = stored()
    assert (row.id, row.area, row.source) == (id, VILLAGE, "found")


# -- looks -------------------------------------------------------------------------------------


def test_a_look_at_full_data_needs_a_reason_and_is_journalled(tmp_path: Path) -> None:
    imported(write_csv(tmp_path / "a.csv", [person(1)]))
    [row] = stored()
    who = actor("information_maintainer")
    with scope.acting(who):
        with pytest.raises(RuleBroken) as caught:
            actions.person_reveal(
                actor=who, at=NOON, reveal_id=new_id(), person_id=row.id, reason="  "
            )
        assert caught.value.code == "population.person.reason_missing"
        shown = actions.person_reveal(
            actor=who, at=NOON, reveal_id=new_id(), person_id=row.id, reason="流调核实"
        )
    assert (shown.id_number, shown.phone) == (number(1), "16900000001")
    with scope.everywhere():
        entry = JournalEntry.objects.get(kind="person.reveal")
    assert (entry.actor_id, entry.area) == (who.id, VILLAGE)
    assert number(1) not in entry.payload


@pytest.mark.parametrize(
    ("role", "area", "code"),
    [
        ("information_maintainer", "231183102", "population.person.unknown"),
        ("town_worker", TOWN_A, "access.not_permitted"),
    ],
)
def test_who_may_look(tmp_path: Path, role: str, area: str, code: str) -> None:
    imported(write_csv(tmp_path / "a.csv", [person(1)]))
    who = actor(role, area)
    with scope.acting(who), pytest.raises(RuleBroken) as caught:
        actions.person_reveal(
            actor=who, at=NOON, reveal_id=new_id(), person_id=stored_id(), reason="流调核实"
        )
    assert caught.value.code == code


def stored_id() -> uuid.UUID:
    return stored()[0].id


# -- reads -------------------------------------------------------------------------------------


def test_a_person_alone_without_papers_is_shown_and_exported_with_blanks() -> None:
    """No household, no document, no telephone: nothing is made up, nothing breaks."""
    with scope.everywhere():
        [id] = actions.persons_found(
            at=NOON, found=[Found(new_id(), VILLAGE, "无名", id_type=IdType.NONE)]
        )
        PersonCategory.objects.create(
            id=new_id(), person_id=id, area=VILLAGE, code="elderly", since=NOON, source="手工"
        )
        PersonCategory.objects.create(
            id=new_id(),
            person_id=id,
            area=VILLAGE,
            code="student",
            since=NOON,
            until=LATER,
            source="",
        )
    reader = actor("town_worker")
    with scope.acting(reader):
        detail = queries.person_known_for(reader, id)
        (listed,) = queries.persons_for(reader, category="elderly")
        assert queries.persons_for(reader, category="student") == []
        (row,) = queries.persons_export_for(reader, area=VILLAGE, full=True)
    assert (detail.household, detail.person.id_number, detail.person.phone) == (None, "", "")
    assert (listed.id, listed.categories) == (id, ["elderly"])
    assert {entry.code for entry in detail.history} == {"elderly", "student"}
    assert (row.id_number, row.phone, row.household_no, row.categories) == ("", "", "", "elderly")
