"""Reading and judging roster files: every fault has its code, nothing is cut silently."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from yingjian.kernel.errors import RuleBroken
from yingjian.population import rules
from yingjian.population.checking import RosterChecker
from yingjian.population.findings import Checked
from yingjian.population.regions import RegionIndex, RegionRow, read_regions
from yingjian.population.roster import RosterReader, sm3_of
from yingjian.population.tests.files import (
    HEAD,
    VILLAGE,
    number,
    person,
    write_csv,
    write_xls,
    write_xlsx,
)
from yingjian.population.values import Issue, RegionLevel

DATA = Path(__file__).resolve().parents[4] / "data" / "regions"
TODAY = dt.date(2022, 6, 2)
AREA = "231183101"


class Read:
    """A whole file read and judged."""

    def __init__(self, path: Path, *, area: str = AREA, region: str = "") -> None:
        rows = [row for file in sorted(DATA.glob("*.csv")) for row in read_regions(file)]
        self.reader = RosterReader.open(path, chunk_rows=7)
        self.checker = RosterChecker(regions=RegionIndex(rows), area=area, on=TODAY, region=region)
        self.chunks: list[Checked] = [self.checker.check(raw) for raw in self.reader.chunks()]
        self.totals = self.checker.totals
        self.issues: list[Issue] = self.reader.issues + [
            issue for chunk in self.chunks for issue in chunk.issues
        ]

    def column(self, key: str) -> list[Any]:
        return [cell for chunk in self.chunks for cell in chunk.columns[key]]

    def codes(self) -> list[str]:
        return [issue.code.removeprefix("population.") for issue in self.issues]


def refused(path: Path) -> RuleBroken:
    """The refusal of a whole file."""
    with pytest.raises(RuleBroken) as caught:
        Read(path)
    return caught.value


# -- sound files -------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_every_encoding_keeps_rare_characters(tmp_path: Path, encoding: str) -> None:
    path = write_csv(tmp_path / "a.csv", [person(1, 姓名="王䶮𠅤")], encoding=encoding)
    read = Read(path)
    assert read.column("name") == ["王䶮𠅤"]
    assert read.codes() == []


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_csv_with_every_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = write_csv(tmp_path / "a.csv", [person(1), person(2)], delimiter=delimiter)
    assert Read(path).totals.accepted == 2


def test_xlsx_says_the_same_as_csv(tmp_path: Path) -> None:
    people = [person(serial) for serial in range(1, 20)]
    first = Read(write_csv(tmp_path / "a.csv", people))
    second = Read(write_xlsx(tmp_path / "a.xlsx", {"表": [HEAD, *people]}))
    for key in ("name", "sex", "birth_date", "id_number", "phone", "present_region", "household"):
        assert first.column(key) == second.column(key)
    assert first.totals == second.totals


def test_titles_blank_lines_repeated_headings_and_total_lines_are_counted(tmp_path: Path) -> None:
    lines = [
        ["兴隆村花名册"],
        [],
        HEAD,
        person(1),
        [],
        HEAD,
        person(2),
        ["合计", "2人"],
        [],
    ]
    read = Read(write_xlsx(tmp_path / "a.xlsx", {"表": lines}))
    totals = read.reader.totals
    assert (totals.data, totals.blank, totals.titles, totals.headers) == (3, 1, 2, 2)
    assert (read.totals.accepted, read.totals.skipped) == (2, 1)
    assert read.codes() == ["row.repeated_header", "row.total_line"]
    assert [issue.row for issue in read.issues] == [6, 8]


def test_english_headings(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "a.csv",
        [["Wang Wu", "M", "passport", "E12345678", "1990-01-01", VILLAGE]],
        head=("Full Name", "Sex", "ID type", "ID No.", "Date of birth", "Village code"),
    )
    read = Read(path)
    assert read.column("birth_date") == [dt.date(1990, 1, 1)]
    assert read.codes() == []


def test_all_sheets_are_read_and_a_hidden_one_is_reported(tmp_path: Path) -> None:
    sheets: dict[str, list[Any]] = {
        "一组": [HEAD, person(1)],
        "二组": [HEAD, person(2)],
        "说明": [["请逐户填写"]],
        "空": [],
    }
    read = Read(write_xlsx(tmp_path / "a.xlsx", sheets, hidden=True))
    assert read.totals.accepted == 2
    hidden = [issue.sheet for issue in read.issues if issue.code.endswith("hidden_sheet")]
    assert hidden == ["二组", "说明", "空"]
    assert "roster.sheet_skipped" in read.codes()
    assert "roster.sheet_empty" in read.codes()


def test_a_merged_cell_counts_for_all_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for row, line in enumerate([HEAD, person(1), person(2, 户号=""), person(3, 户号="9")]):
            sheet.write_row(row, 0, line)
        sheet.merge_range(1, 7, 2, 7, "00077")
    assert Read(path).column("household_no") == ["00077", "00077", "9"]


def test_spreadsheet_numbers_and_dates_are_understood(tmp_path: Path) -> None:
    head = ("姓名", "证件类型", "证件号码", "出生日期", "联系电话", "村代码", "户号")
    lines = [
        head,
        ["甲甲", "台胞证", 12345678, dt.date(1990, 1, 2), 13812341234, 231183101200, 7],
        ["乙乙", "护照", "E7654321", 32875, 13812341235.0, 231183101201.0, 8.5],
    ]
    read = Read(write_xlsx(tmp_path / "a.xlsx", {"表": lines}))
    assert read.codes() == []
    assert read.column("id_number") == ["12345678", "E7654321"]
    assert read.column("birth_date") == [dt.date(1990, 1, 2)] * 2
    assert read.column("phone") == ["13812341234", "13812341235"]
    assert read.column("present_region") == ["231183101200", "231183101201"]
    assert read.column("household_no") == ["7", "8.5"]


def test_full_width_digits_and_spaces_are_read(tmp_path: Path) -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in number(1))
    path = write_csv(
        tmp_path / "a.csv",
        [person(1, 证件号码=f"{wide}　", 联系电话="１３８ 1234 1234", 现住地址="兴隆村　1组")],
    )
    read = Read(path)
    assert read.column("id_number") == [number(1)]
    assert read.column("phone") == ["13812341234"]
    assert read.column("present_address") == ["兴隆村 1组"]


def test_villages_by_name(tmp_path: Path) -> None:
    head = ("姓名", "证件号码", "村(社区)")
    names = ["兴隆村", "兴隆村委会", "伊拉哈镇兴隆村", "嫩江市伊拉哈镇兴隆村民委员会", "晨光"]
    lines = [[f"王{chr(0x4E00 + at)}", number(at), name] for at, name in enumerate(names)]
    read = Read(write_csv(tmp_path / "a.csv", lines, head=head))
    assert read.codes() == []
    assert read.column("present_region") == ["231183101200"] * 4 + ["231183101201"]


def test_a_village_imports_its_own_list_without_a_village_column(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [["王一", number(1)]], head=("姓名", "身份证号"))
    assert Read(path, region=VILLAGE).column("present_region") == [VILLAGE]


def test_person_without_document_is_registered_by_the_village(tmp_path: Path) -> None:
    head = (*HEAD, "出生日期", "监护人", "监护人电话")
    line = [
        *person(1, 证件类型="无证件", 证件号码="", 联系电话=""),
        "2020-02-02",
        "王 一",
        "13812341234",
    ]
    read = Read(write_csv(tmp_path / "a.csv", [line], head=head))
    assert read.codes() == []
    assert read.column("guardian") == ["王一"]
    assert read.column("identity")[0].startswith("none:")


def test_more_lines_than_the_old_format_holds_are_all_read(tmp_path: Path) -> None:
    days = [dt.date(1950, 1, 1) + dt.timedelta(days=at) for at in range(70)]
    lines = [
        ["王一", number(order, f"{day:%Y%m%d}"), VILLAGE] for day in days for order in range(1000)
    ]
    read = Read(write_csv(tmp_path / "a.csv", lines, head=("姓名", "证件号码", "村代码")))
    assert read.totals.accepted == 70_000
    assert read.reader.totals.lines == 70_001


@pytest.mark.slow
def test_csv_cut_at_a_spreadsheets_limit_is_suspicious(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("姓名,证件号码\n" + "王一,\n" * 65_535, encoding="utf-8")
    assert "roster.suspicious_length" in Read(path, region=VILLAGE).codes()


# -- refused files -----------------------------------------------------------------------------


def test_refused_files(tmp_path: Path) -> None:
    def made(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("readme.txt", "x")
    good = write_xlsx(tmp_path / "good.xlsx", {"表": [HEAD, person(1)]}).read_bytes()
    cases = {
        "missing": tmp_path / "nothing.csv",
        "empty": made("a.csv", b""),
        "encoding": made("b.csv", "姓名,证件号码\n".encode() + b"\xff\xff\xfe\n"),
        "format_unknown": made("c.xls", b"<html><table><tr><td>x</td></tr></table></html>"),
        "unreadable": made("d.xlsx", good[: len(good) // 2]),
        "header_missing": made("e.csv", "王一,13812341234\n".encode()),
        "column_missing": made("f.csv", "姓名,电话\n王一,13812341234\n".encode()),
        "column_twice": made("g.csv", "姓名,证件号码,身份证号\n王一,1,2\n".encode()),
        "no_people": made("h.csv", "姓名,证件号码\n".encode()),
        "quotation": made("i.csv", '姓名,证件号码\n"王一,1\n'.encode() + b"a,b\n" * 50),
    }
    for code, path in cases.items():
        assert refused(path).code == f"population.roster.{code}", code
    assert refused(archive).code == "population.roster.format_unknown"
    assert refused(made("j.bin", b"\x01\x00\x02\x00")).code == "population.roster.format_unknown"
    assert refused(made("k.pdf", b"%PDF-1.7 ...")).code == "population.roster.format_unknown"


def test_an_encrypted_or_broken_old_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600)
    assert refused(path).code in {"population.roster.unreadable", "population.roster.encrypted"}


def test_an_old_workbook_with_every_line_in_use_is_refused(tmp_path: Path) -> None:
    error = refused(write_xls(tmp_path / "full.xls", 65_536))
    assert error.code == "population.roster.row_limit"
    assert error.params == {"sheet": "S1", "rows": 65_536, "kind": "xls"}
    almost = refused(write_xls(tmp_path / "almost.xls", 65_535))
    assert almost.code == "population.roster.header_missing"


@pytest.mark.slow
def test_a_workbook_with_every_line_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "full.xlsx"
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("表")
        sheet.write_row(0, 0, ("姓名", "证件号码"))
        sheet.write_row(1_048_575, 0, ("王一", number(1)))
    error = refused(path)
    assert (error.code, error.params["rows"]) == ("population.roster.row_limit", 1_048_576)


# -- refused and doubtful lines ----------------------------------------------------------------

ONE_FAULT = [
    ({"姓名": ""}, "name.missing", "姓名"),
    ({"姓名": "王" * 81}, "name.too_long", "姓名"),
    ({"姓名": "王\ue863"}, "name.private_use", "姓名"),
    ({"姓名": "王?"}, "name.placeholder", "姓名"),
    ({"姓名": "王\ufffd"}, "name.garbled", "姓名"),
    ({"姓名": "王2"}, "name.digits", "姓名"),
    ({"性别": "公"}, "sex.unknown", "性别"),
    ({"性别": "女"}, "sex.mismatch", "性别"),
    ({"证件类型": "会员卡"}, "id.type_unknown", "证件类型"),
    ({"证件号码": ""}, "id.missing", "证件号码"),
    ({"证件号码": "9.9E+17"}, "id.excel_rounded", "证件号码"),
    ({"证件号码": "990000199001010000"}, "id.excel_rounded", "证件号码"),
    ({"证件号码": "990000900101001"}, "id.fifteen_digits", "证件号码"),
    ({"证件号码": number(1)[:17]}, "id.length", "证件号码"),
    ({"证件号码": number(1)[:17] + "A"}, "id.characters", "证件号码"),
    ({"证件号码": number(1, "19900230")}, "id.birth_date", "证件号码"),
    ({"证件号码": number(1, "20300101")}, "id.future_birth", "证件号码"),
    ({"证件号码": number(1)[:16] + "X" + number(1)[17]}, "id.characters", "证件号码"),
    ({"证件号码": number(3)[:17] + number(1)[17]}, "id.check_digit", "证件号码"),
    ({"证件类型": "港澳通行证", "证件号码": "X1"}, "id.format", "证件号码"),
    ({"证件类型": "无证件"}, "id.not_expected", "证件号码"),
    ({"联系电话": "12345"}, "phone.format", "联系电话"),
    ({"联系电话": "1.69E+10"}, "phone.excel_rounded", "联系电话"),
    ({"现住村(社区)代码": ""}, "region.missing", "现住村(社区)代码"),
    ({"现住村(社区)代码": "2311"}, "region.outside_area", "现住村(社区)代码"),
    ({"现住村(社区)代码": "23118"}, "region.code", "现住村(社区)代码"),
    ({"现住村(社区)代码": "231183101999"}, "region.unknown", "现住村(社区)代码"),
    ({"现住村(社区)代码": "640121100200"}, "region.outside_area", "现住村(社区)代码"),
    ({"现住村(社区)代码": "231183101"}, "region.not_village", "现住村(社区)代码"),
    ({"现住地址": "长" * 2001}, "cell.too_long", "现住地址"),
]


@pytest.mark.parametrize(("cells", "code", "column"), ONE_FAULT)
def test_a_fault_names_its_cell_and_harms_nobody_else(
    tmp_path: Path, cells: dict[str, str], code: str, column: str
) -> None:
    lines = [person(7), person(1, **cells), person(9)]
    for path in (
        write_csv(tmp_path / "a.csv", lines),
        write_xlsx(tmp_path / "a.xlsx", {"": [HEAD, *lines]}),
    ):
        read = Read(path)
        found = [issue for issue in read.issues if issue.code == f"population.{code}"]
        assert [(issue.row, issue.column) for issue in found] == [(3, column)]
        assert read.totals.accepted + read.totals.refused == 3
        assert read.totals.accepted >= 2
        assert {number(7), number(9)} <= set(read.column("id_number"))


EXTRA = [
    ("出生日期", "1991-01-01", "birth.mismatch"),
    ("与户主关系", "邻居", "relation.unknown"),
    ("人群类别", "火星人", "category.unknown"),
    ("户籍地区划", "64012", "registered_region.format"),
    ("村(社区)", "晨光村", "region.name_differs"),
    ("监护人电话", "12", "phone.format"),
    ("自拟栏目", "x", "roster.column_unknown"),
]


@pytest.mark.parametrize(("heading", "cell", "code"), EXTRA)
def test_a_doubtful_detail_is_stored_with_a_warning(
    tmp_path: Path, heading: str, cell: str, code: str
) -> None:
    path = write_csv(tmp_path / "a.csv", [[*person(1), cell]], head=(*HEAD, heading))
    read = Read(path)
    assert (read.codes(), read.totals.accepted) == ([code], 1)


@pytest.mark.parametrize(
    ("east", "north", "code"),
    [
        ("125.3", "49.0", None),
        ("49.0", "125.3", "location.swapped"),
        ("东经125", "49", "location.format"),
        ("125.3", "", "location.format"),
        ("225.3", "149.0", "location.range"),
    ],
)
def test_coordinates(tmp_path: Path, east: str, north: str, code: str | None) -> None:
    path = write_csv(tmp_path / "a.csv", [[*person(1), east, north]], head=(*HEAD, "经度", "纬度"))
    read = Read(path)
    assert read.codes() == ([code] if code else [])
    assert read.column("longitude") == [None if code else 125.3]


@pytest.mark.parametrize(
    ("kind", "born", "code", "accepted"),
    [
        ("无证件", "", "birth.missing", 0),
        ("无证件", "1990年", "birth.format", 0),
        ("无证件", "2030-01-01", "birth.future", 0),
        ("护照", "", "birth.unknown", 1),
    ],
)
def test_births_without_a_citizen_number(
    tmp_path: Path, kind: str, born: str, code: str, accepted: int
) -> None:
    line = [*person(1, 证件类型=kind, 证件号码="" if kind == "无证件" else "E1234567"), born]
    read = Read(write_csv(tmp_path / "a.csv", [line], head=(*HEAD, "出生日期")))
    assert (read.codes(), read.totals.accepted) == ([code], accepted)


def test_lines_of_the_wrong_width(tmp_path: Path) -> None:
    lines = [[*person(1), "", ""], [*person(2), "溢出"], person(3)[:-1]]
    read = Read(write_csv(tmp_path / "a.csv", lines))
    assert sorted(read.codes()) == ["row.extra_cells", "row.missing_cells"]
    assert (read.totals.accepted, read.totals.refused) == (2, 1)
    assert read.chunks[0].rejected[3][-1] == "溢出"


def test_the_same_person_twice(tmp_path: Path) -> None:
    lines = [
        person(1, 姓名="王一"),
        person(2),
        person(1, 姓名="王 一", 户号="9"),
        person(1, 姓名="李四"),
        person(3, 姓名="王一"),
    ]
    read = Read(write_csv(tmp_path / "a.csv", lines))
    assert read.codes() == ["row.duplicate", "id.duplicate", "person.possible_duplicate"]
    assert [issue.params["row"] for issue in read.issues] == [2, 2, 2]
    totals = read.totals
    assert (totals.accepted, totals.duplicate, totals.refused) == (3, 1, 1)


def test_duplicates_are_found_across_chunks_and_sheets(tmp_path: Path) -> None:
    many = [person(serial) for serial in range(1, 30)]
    path = write_xlsx(tmp_path / "a.xlsx", {"一": [HEAD, *many], "二": [HEAD, many[4]]})
    duplicate = [issue for issue in Read(path).issues if issue.code.endswith("row.duplicate")]
    assert [(issue.sheet, issue.params) for issue in duplicate] == [
        ("二", {"sheet": "一", "row": 6})
    ]


def test_two_without_document_must_be_told_apart(tmp_path: Path) -> None:
    head = (*HEAD, "出生日期")
    bare = {"姓名": "王一", "证件类型": "无证件", "证件号码": "", "户号": "1"}
    lines = [[*person(at, **bare), "2020-02-02"] for at in (1, 2)]
    read = Read(write_csv(tmp_path / "a.csv", lines, head=head))
    assert read.codes() == ["person.same_without_id"]
    assert read.totals.refused == 1


def test_an_ambiguous_village_is_not_guessed() -> None:
    codes = ("990000000000", "990100000000", "990101000000", "990101100000", "990101101000")
    names = ("甲省", "甲市", "甲县", "东镇", "西镇")
    rows = [
        RegionRow(code, name, rules.region_level(code), rules.region_parent(code))
        for code, name in zip(codes, names, strict=True)
    ]
    rows += [
        RegionRow(f"{town}200", "新村", RegionLevel.VILLAGE, f"{town}000")
        for town in ("990101100", "990101101")
    ]
    index = RegionIndex(rows)
    assert index.named("新村", "990101") == ("990101100200", "990101101200")
    assert index.named("新村", "990101101") == ("990101101200",)
    assert index.named("西镇新村", "990101") == ("990101101200",)
    assert index.named("甲县西镇新村委会", "") == ("990101101200",)
    assert index.named("旧村", "") == ()


def test_control_totals_add_up(tmp_path: Path) -> None:
    lines = [
        *[person(serial) for serial in range(1, 40)],
        person(1),
        person(50, 姓名=""),
        person(51, 现住村=""),
        ["", "", "", "", "合计", "", "", ""],
    ]
    lines[41] = person(51, **{"现住村(社区)代码": "231183101201", "户号": ""})
    read = Read(write_csv(tmp_path / "a.csv", lines))
    totals = read.totals
    assert totals.lines == read.reader.totals.data == 43
    assert (totals.accepted, totals.duplicate, totals.refused, totals.skipped) == (40, 1, 1, 1)
    assert totals.lines == totals.accepted + totals.duplicate + totals.refused + totals.skipped
    assert totals.by_region == {VILLAGE: 39, "231183101201": 1}
    assert totals.households == 40
    assert sum(totals.by_region.values()) == totals.accepted


def test_the_checksum_is_the_files_own(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"abc")
    with path.open("rb") as stream:
        known = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        assert sm3_of(stream) == known


def test_no_issue_carries_a_whole_number(tmp_path: Path) -> None:
    wrong = number(3)[:17] + number(1)[17]
    path = write_csv(tmp_path / "a.csv", [person(1, 证件号码=wrong, 联系电话="169000000011")])
    shown = " ".join(str(issue.params) for issue in Read(path).issues)
    assert wrong not in shown
    assert "169000000011" not in shown
    assert "9900**********" in shown
