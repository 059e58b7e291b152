"""The room's words on the command line, and the workbooks they write."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from python_calamine import CalamineWorkbook

from yingjian.kernel.errors import catalogue
from yingjian.population import findings, spreadsheets
from yingjian.population.queries import ProblemRow
from yingjian.population.tests.files import HEAD, person, write_csv

DATA = Path(__file__).resolve().parents[4] / "data" / "regions"


def said(*words: object, **options: Any) -> str:
    out = io.StringIO()
    call_command(*[str(word) for word in words], stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


@pytest.fixture
def _yilaha() -> None:
    said("regions", "import", DATA / "231183101-yilaha.csv")


@pytest.mark.django_db
def test_regions_are_imported_and_counted() -> None:
    file = DATA / "231183101-yilaha.csv"
    assert "17 read, 17 added" in said("regions", "import", file)
    assert "17 read, 0 added, 0 renamed, 17 unchanged" in said("regions", "import", file)


@pytest.mark.django_db
def test_a_wrong_region_list_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("code,name\n1,2\n", encoding="utf-8")
    with pytest.raises(CommandError, match="区划文件缺少列"):
        said("regions", "import", tmp_path / "r.csv")


@pytest.mark.django_db
@pytest.mark.usefixtures("_yilaha")
def test_a_synthetic_town_goes_through_the_whole_way(tmp_path: Path) -> None:
    out = tmp_path / "town.csv"
    told = said("synth", "--region", "231183101", "--people", 7409, "--seed", 7, "--out", out)
    assert "7409 people" in told
    assert "13 villages" in told
    words = ["roster", "import", out, "--area", "231183101", "--json"]
    done = json.loads(said(*words))
    assert (done["rows_read"], done["rows_taken"], done["rows_refused"]) == (7409, 7409, 0)
    assert sum(done["totals"]["by_region"].values()) == 7409
    again = json.loads(said(*words))
    assert (again["rows_taken"], again["rows_unchanged"]) == (0, 7409)
    assert "the same file as import" in said(*words[:-1])


@pytest.mark.django_db
@pytest.mark.usefixtures("_yilaha")
def test_findings_are_told_and_written(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [person(1), person(2, 姓名=""), person(3, 联系电话="1")])
    mend = tmp_path / "mend.xlsx"
    told = said("roster", "import", path, "--area", "231183101", "--problems", mend, "--lang", "en")
    assert "3 lines read = 2 taken + 0 unchanged + 1 refused" in told
    assert "population.name.missing  There is no name." in told
    book = CalamineWorkbook.from_path(str(mend))
    assert book.sheet_names == ["To mend", "All findings"]
    findings_sheet = book.get_sheet_by_name("All findings").to_python()
    assert [line[3] for line in findings_sheet[1:]] == ["not imported", "imported; check"]


@pytest.mark.django_db
@pytest.mark.usefixtures("_yilaha")
def test_a_refused_file_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(CommandError, match="文件是空的"):
        said("roster", "import", tmp_path / "a.csv", "--area", "231183101")


def test_the_template_offers_words_the_reader_knows(tmp_path: Path) -> None:
    said("roster", "template", tmp_path / "t.xlsx")
    book = CalamineWorkbook.from_path(str(tmp_path / "t.xlsx"))
    assert book.sheet_names == ["花名册", "填写说明"]
    assert "密接" in spreadsheets.choices("zh")["categories"]
    assert "close_contact" in spreadsheets.choices("en")["categories"]
    assert len(spreadsheets.choices("zh")["categories"]) == 19


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--region", "999999", "--people", 5], "none of"),
        (["--region", "231183101", "--people", 0], "needs villages"),
        (["--region", "330000", "--people", 5], "--centre"),
        (["--region", "231183101", "--people", 5, "--centre", "east"], "LONGITUDE"),
        (["--region", "231183101", "--people", 5, "--regions", "nothing.csv"], "roster.missing"),
    ],
)
def test_synth_refuses_in_words(tmp_path: Path, words: list[object], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        said("synth", *words, "--out", tmp_path / "x.csv")


def test_synth_writes_workbooks_around_any_centre(tmp_path: Path) -> None:
    out = tmp_path / "x.xlsx"
    place = ["--centre", "120.5,30.5", "--radius", 3]
    assert "50 people" in said("synth", "--region", "330000", "--people", 50, *place, "--out", out)
    sheet = CalamineWorkbook.from_path(str(out)).get_sheet_by_index(0).to_python()
    assert len(sheet) == 51


def test_every_finding_has_words_in_both_languages() -> None:
    for lang in ("zh", "en"):
        told = catalogue(lang)
        missing = [code for code in findings.SEVERITY if not told.get(code, {}).get("do")]
        assert missing == []


def test_a_long_list_of_findings_keeps_its_sheets_apart(tmp_path: Path) -> None:
    problems = [
        ProblemRow(1, "一", 2, "姓名", "population.name.missing", {}, True),
        ProblemRow(2, "二", 5, "证件号码", "population.id.missing", {}, True),
        ProblemRow(3, "二", 6, "", "population.person.moved", {"before": "231183"}, False),
        ProblemRow(4, "", 0, "", "population.roster.column_missing", {"key": "name"}, True),
    ]
    path = tmp_path / "p.xlsx"
    headings = {"一": list(HEAD), "二": list(HEAD), "三": list(HEAD)}
    assert spreadsheets.write_problems(path, problems, headings=headings, lang="zh") == 3
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["待修改1", "待修改2", "全部问题"]
    last = book.get_sheet_by_name("全部问题").to_python()[-1]
    assert "“姓名”" in str(last[4])
