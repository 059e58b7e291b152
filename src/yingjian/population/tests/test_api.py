"""The room over HTTP: regions, upload and follow a roster, people masked, reveal, export."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.actor import SYSTEM
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import NOON, TOWN_A, new_id, sign_in, user
from yingjian.population import actions, jobs, uploads
from yingjian.population.models import ImportRun
from yingjian.population.tests.files import HEAD, VILLAGE, number, person, write_csv

pytestmark = pytest.mark.django_db

DATA = Path(__file__).resolve().parents[4] / "data" / "regions"
YONGNING = "640121"


@pytest.fixture(autouse=True)
def _ground(settings: Any, tmp_path: Path) -> None:
    settings.YINGJIAN_VAR = tmp_path / "var"
    for name in ("231183101-yilaha.csv", "640121-yongning.csv"):
        actions.regions_import(actor=SYSTEM, path=DATA / name)


class Browser:
    """A signed-in user's browser, with CSRF enforced."""

    def __init__(self, role: str, area: str = TOWN_A, lang: str = "zh-hans") -> None:
        made = user(role, area)
        self.client = Client(enforce_csrf_checks=True, headers={"Accept-Language": lang})
        self.headers = {"X-CSRFToken": sign_in(self.client, made)["csrf"]}

    def get(self, path: str) -> Any:
        return self.client.get(f"/api{path}")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.post(
            f"/api{path}", body, content_type="application/json", headers=self.headers
        )

    def upload(self, content: bytes, area: str = TOWN_A, **more: str) -> Any:
        file = SimpleUploadedFile("花名册.csv", content, "text/csv")
        return self.client.post(
            "/api/rosters", {"file": file, "area": area, **more}, headers=self.headers
        )


def run_jobs() -> int:
    """Run the import jobs that are waiting, as the worker would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'population.import_roster' ORDER BY id"
        )
        waiting = [row[0] for row in cursor.fetchall()]
    for args in waiting:
        jobs.import_roster(**(json.loads(args) if isinstance(args, str) else args))
    return len(waiting)


@pytest.fixture
def people(tmp_path: Path) -> list[list[str]]:
    lines = [person(at, 姓名=f"王{chr(0x4E00 + at)}") for at in range(1, 8)]
    path = write_csv(tmp_path / "a.csv", lines)
    actions.roster_import(
        actor=SYSTEM, at=NOON, import_id=new_id(), path=path, area=TOWN_A, file_name="a.csv"
    )
    return lines


def test_the_region_tree_is_walked_from_the_roots() -> None:
    browser = Browser("sampler")
    roots = browser.get("/regions").json()["items"]
    assert [item["name"] for item in roots] == ["黑龙江省", "宁夏回族自治区"]
    towns = browser.get(f"/regions?under={YONGNING}").json()["items"]
    assert {item["level"] for item in towns} == {"town"}
    assert sum(item["children"] for item in towns) == 108 - 3 - len(towns)


def test_a_roster_is_uploaded_followed_and_its_problems_read(tmp_path: Path) -> None:
    browser = Browser("town_worker")
    wrong = number(3)[:17] + ("0" if number(3)[17] != "0" else "1")
    path = write_csv(tmp_path / "a.csv", [person(1), person(2), person(3, 证件号码=wrong)])
    answer = browser.upload(path.read_bytes())
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    run = answer.json()["id"]
    kept = list((tmp_path / "var" / "rosters").iterdir())
    assert [oct(file.stat().st_mode & 0o777) for file in kept] == ["0o600"]
    assert run_jobs() == 1
    assert not uploads.path_of(run).exists()
    done = browser.get(f"/rosters/{run}").json()
    assert (done["state"], done["rows_read"], done["rows_taken"]) == ("done", 3, 2)
    assert (done["rows_refused"], done["problems"], done["rows_total"]) == (1, 1, 3)
    assert [item["id"] for item in browser.get("/rosters").json()["items"]] == [run]
    page = browser.get(f"/rosters/{run}/problems").json()
    [problem] = page["items"]
    assert (problem["row"], problem["column"]) == (4, "证件号码")
    assert problem["code"] == "population.id.check_digit"
    assert "逐位核对" in problem["do"]
    assert "sealed" not in problem["params"]
    assert wrong not in str(page)
    assert browser.get(f"/rosters/{run}/problems?after={page['next']}").json()["items"] == []


def test_the_problem_workbook_is_mended_and_uploaded_again(tmp_path: Path) -> None:
    browser = Browser("town_worker")
    wrong = number(3)[:17] + ("0" if number(3)[17] != "0" else "1")
    path = write_csv(tmp_path / "a.csv", [person(1), person(3, 证件号码=wrong)])
    run = browser.upload(path.read_bytes()).json()["id"]
    run_jobs()
    answer = browser.get(f"/rosters/{run}/problems.xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["待修改", "全部问题"]
    titles, line = book.get_sheet_by_name("待修改").to_python()
    assert titles == ["行号", "问题", *HEAD]
    assert (line[0], line[2 + HEAD.index("证件号码")]) == (3.0, wrong)
    with scope.everywhere():
        assert JournalEntry.objects.filter(kind="export.make").count() == 1
    line[2 + HEAD.index("证件号码")] = number(3)
    mended = write_csv(
        tmp_path / "b.csv", [[str(cell) for cell in line]], head=[str(cell) for cell in titles]
    )
    again = browser.upload(mended.read_bytes()).json()["id"]
    run_jobs_again(again)
    done = browser.get(f"/rosters/{again}").json()
    assert (done["rows_taken"], done["rows_refused"], done["problems"]) == (1, 0, 0)


def run_jobs_again(import_id: str) -> None:
    """Run the job of one import."""
    jobs.import_roster(
        import_id=import_id, actor_id=str(new_id()), actor_name="job", at=NOON.isoformat()
    )


def test_a_refused_file_says_why(tmp_path: Path) -> None:
    browser = Browser("town_worker", lang="en")
    run = browser.upload(b"\xff\xff\xfe not a table").json()["id"]
    run_jobs()
    assert browser.get(f"/rosters/{run}").json()["state"] == "refused"
    [problem] = browser.get(f"/rosters/{run}/problems").json()["items"]
    assert problem["code"] == "population.roster.encoding"
    assert problem["do"].startswith("Open it in a spreadsheet program")


def test_uploads_outside_the_area_are_refused() -> None:
    browser = Browser("town_worker")
    assert browser.upload(b"x", area=YONGNING).json()["code"] == "access.outside_area"
    assert browser.upload(b"x", area="231183").status_code == 403
    same = str(new_id())
    assert browser.upload(b"x", import_id=same).status_code == 202
    assert browser.upload(b"x", import_id=same).json()["code"] == "population.import.id_used"


@pytest.mark.parametrize("path", ["", "/problems", "/problems.xlsx"])
def test_another_towns_import_is_not_there(path: str, people: list[list[str]]) -> None:
    mine, other = Browser("town_worker"), Browser("town_worker", YONGNING)
    [run] = mine.get("/rosters").json()["items"]
    assert other.get("/rosters").json()["items"] == []
    answer = other.get(f"/rosters/{run['id']}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "population.import.unknown")


@pytest.mark.parametrize("lang", ["zh-hans", "en"])
def test_the_template_is_a_roster_the_reader_knows(lang: str) -> None:
    content = Browser("town_worker", lang=lang).get("/rosters/template.xlsx").content
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    titles = [str(cell) for cell in book.get_sheet_by_index(0).to_python()[0]]
    from yingjian.population.roster import column_of

    keys = [column_of(title) for title in titles]
    assert None not in keys
    assert len(set(keys)) == len(keys)


# -- people ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("q", "count"),
    [
        ("", 7),
        (number(3), 1),
        (number(3)[-4:], 1),
        ("16900000005", 1),
        ("王", 7),
        ("王" + chr(0x4E02), 1),
        ("李", 0),
        ("E1234567", 0),
    ],
)
def test_search(q: str, count: int, people: list[list[str]]) -> None:
    found = Browser("registrar").get(f"/persons?q={q}").json()["items"]
    assert len(found) == count


def test_lists_are_masked_and_paged(people: list[list[str]]) -> None:
    browser = Browser("registrar")
    first = browser.get("/persons?limit=5").json()
    rest = browser.get(f"/persons?limit=5&after={first['next']}").json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (5, 2, None)
    assert len({item["id"] for item in first["items"] + rest["items"]}) == 7
    text = str(first) + str(rest)
    for line in people:
        assert line[0] not in text
        assert line[3] not in text
        assert line[4] not in text
    assert {item["name"] for item in first["items"]} == {"王*"}
    assert browser.get("/persons?category=elderly").json()["items"] == []


def test_another_towns_people_are_not_there(people: list[list[str]]) -> None:
    mine, other = Browser("registrar"), Browser("registrar", YONGNING)
    someone = mine.get("/persons").json()["items"][0]["id"]
    assert other.get("/persons").json()["items"] == []
    assert other.get(f"/persons?area={TOWN_A}").json()["items"] == []
    assert other.get(f"/persons?q={number(1)}").json()["items"] == []
    assert other.get(f"/persons/{someone}").status_code == 404
    assert mine.get(f"/persons/{someone}").status_code == 200


def test_the_detail_is_masked_too(people: list[list[str]]) -> None:
    browser = Browser("registrar")
    someone = browser.get(f"/persons?q={number(4)}").json()["items"][0]["id"]
    detail = browser.get(f"/persons/{someone}").json()
    assert detail["area_name"] == "兴隆村委会"
    assert detail["address"] == "兴隆村*组*号"
    assert detail["household"]["no"] == "00004"
    assert detail["household"]["members"] == []
    assert number(4) not in str(detail)


def test_reveal_over_http(people: list[list[str]]) -> None:
    browser = Browser("information_maintainer")
    someone = browser.get(f"/persons?q={number(4)}").json()["items"][0]["id"]
    assert browser.post(f"/persons/{someone}/reveal", {"reason": ""}).status_code == 422
    body = {"reason": "流调核实", "reveal_id": str(new_id())}
    shown = browser.post(f"/persons/{someone}/reveal", body).json()
    assert (shown["id_number"], shown["address"]) == (number(4), "兴隆村1组4号")
    again = browser.post(f"/persons/{someone}/reveal", body)
    assert (again.status_code, again.json()["code"]) == (409, "access.id_reused")
    with scope.everywhere():
        assert JournalEntry.objects.filter(kind="person.reveal").count() == 1


@pytest.mark.parametrize("full", [False, True])
def test_exports_count_their_lines_and_are_journalled(
    full: bool, people: list[list[str]], sheets: Callable[[bytes], list[list[Any]]]
) -> None:
    browser = Browser("information_maintainer")
    answer = browser.post("/persons/export", {"area": TOWN_A, "reason": "报送", "full": full})
    assert (answer.status_code, answer["X-Row-Count"]) == (200, "7")
    assert len(answer["X-Checksum-SM3"]) == 64
    titles, *lines = sheets(answer.content)
    assert len(lines) == 7
    numbers = {line[titles.index("证件号码")] for line in lines}
    assert (number(1) in numbers) == full
    with scope.everywhere():
        entry = JournalEntry.objects.get(kind="export.make")
    assert answer["X-Checksum-SM3"] in entry.payload


@pytest.fixture
def sheets() -> Callable[[bytes], list[list[Any]]]:
    return lambda content: (
        CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    )


@pytest.mark.parametrize(
    ("role", "body", "code"),
    [
        ("town_worker", {"area": "", "reason": "报送"}, "population.export.too_wide"),
        ("town_worker", {"area": YONGNING, "reason": "报送"}, "access.outside_area"),
        ("town_worker", {"area": TOWN_A, "reason": " "}, "population.person.reason_missing"),
        ("town_worker", {"area": TOWN_A, "reason": "报送", "full": True}, "access.not_permitted"),
        ("sampler", {"area": TOWN_A, "reason": "报送"}, "access.not_permitted"),
    ],
)
def test_exports_that_are_refused(role: str, body: dict[str, Any], code: str) -> None:
    assert Browser(role).post("/persons/export", body).json()["code"] == code


def test_a_person_without_village_list_uses_the_region(tmp_path: Path) -> None:
    browser = Browser("town_worker")
    path = write_csv(tmp_path / "a.csv", [["王一", number(1)]], head=("姓名", "身份证号"))
    run = browser.upload(path.read_bytes(), region=VILLAGE).json()["id"]
    run_jobs()
    assert browser.get(f"/rosters/{run}").json()["totals"]["by_region"] == {VILLAGE: 1}


def test_the_upkeep_closes_an_interrupted_import_and_deletes_its_file(tmp_path: Path) -> None:
    browser = Browser("town_worker")
    content = write_csv(tmp_path / "a.csv", [person(1)]).read_bytes()
    sent = browser.upload(content).json()
    kept = uploads.path_of(uuid.UUID(sent["id"]))
    jobs.close_interrupted(timestamp=0)
    assert browser.get(f"/rosters/{sent['id']}").json()["state"] == "waiting"
    assert kept.exists()
    with scope.everywhere():
        ImportRun.objects.filter(id=sent["id"]).update(state="reading")
    jobs.close_interrupted(timestamp=0)
    assert browser.get(f"/rosters/{sent['id']}").json()["state"] == "failed"
    (problem,) = browser.get(f"/rosters/{sent['id']}/problems").json()["items"]
    assert (problem["code"], problem["do"]) == (
        "population.import.interrupted",
        "请重新上传同一文件。",
    )
    assert not kept.exists()
    run_jobs()
    assert browser.get(f"/rosters/{sent['id']}").json()["state"] == "failed"
