"""Rosters as they must not be: no table, a broken table, people who cannot be."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from tests.bad_input.ground import Told, Town, person, told
from tests.bad_input.table import row
from yingjian.access.tests.factories import TOWN_A
from yingjian.population.tests.files import HEAD, number, write_csv, write_xls, write_xlsx

G: Final = "files"
ELSEWHERE: Final = "640121400001"  # a village of another county
PNG: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0"


def csv(*lines: list[str], **given: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_csv(Path(folder) / "r.csv", list(lines), **given).read_bytes()


def xlsx(lines: list[list[Any]], **options: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_xlsx(Path(folder) / "r.xlsx", {"花名册": lines}, **options).read_bytes()


def one_wrong(**cells: str) -> bytes:
    """Two sound people and one who is wrong."""
    return csv(person(1), person(2), person(3, **cells))


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


@row(G, "an empty file", "problem", "population.roster.empty")
def _(town: Town) -> Told:
    return town.roster(b"")


@row(G, "random bytes called .xlsx", "problem", "population.roster.format_unknown")
def _(town: Town) -> Told:
    return town.roster(bytes(range(256)) * 8)


@row(G, "an image renamed to .xlsx", "problem", "population.roster.format_unknown")
def _(town: Town) -> Told:
    return town.roster(PNG)


@row(G, "a web page renamed to .xls", "problem", "population.roster.format_unknown")
def _(town: Town) -> Told:
    return town.roster("<html><table><tr><td>姓名</td></tr></table></html>".encode(), "花名册.xls")


@row(G, "a PDF renamed to .csv", "problem", "population.roster.format_unknown")
def _(town: Town) -> Told:
    return town.roster(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "花名册.csv")


@row(G, "a Word document renamed to .xlsx", "problem", "population.roster.format_unknown")
def _(town: Town) -> Told:
    return town.roster(zipped(word__document=b"<w/>"))


@row(G, "a workbook that arrived only in part", "problem", "population.roster.unreadable")
def _(town: Town) -> Told:
    return town.roster(xlsx([list(HEAD), person(1)])[:900])


@row(G, "a workbook that holds no workbook", "problem", "population.roster.unreadable")
def _(town: Town) -> Told:
    return town.roster(zipped(**{"xl__workbook.xml": b"<<<"}))


@row(G, "a zip bomb: 300 MB of zeros in 300 kB", "problem", "population.roster.too_large")
def _(town: Town) -> Told:
    bomb = {
        "xl__workbook.xml": b"<workbook/>",
        "xl__worksheets__sheet1.xml": bytes(300 * 1024 * 1024),
    }
    return town.roster(zipped(**bomb))


@row(G, "text in an encoding nobody knows", "problem", "population.roster.encoding")
def _(town: Town) -> Told:
    return town.roster("姓名,证件号码\n".encode() + b"\xff\xff\xff,\x80\x80\n", "花名册.csv")


@row(G, "no heading line", "problem", "population.roster.header_missing")
def _(town: Town) -> Told:
    return town.roster(csv(person(2), head=person(1)), "花名册.csv")


@row(G, "no column for the village", "problem", "population.region.missing")
def _(town: Town) -> Told:
    return town.roster(csv(["王某某", number(1)], head=("姓名", "证件号码")), "花名册.csv")


@row(G, "the ID number in two columns", "problem", "population.roster.column_twice")
def _(town: Town) -> Told:
    head = (*HEAD, "身份证号")
    return town.roster(csv([*person(1), number(1)], head=head), "花名册.csv")


@row(G, "headings and nobody below them", "problem", "population.roster.no_people")
def _(town: Town) -> Told:
    return town.roster(csv(), "花名册.csv")


@row(G, "an ID number with a wrong check digit", "problem", "population.id.check_digit")
def _(town: Town) -> Told:
    sound = number(3)
    return town.roster(one_wrong(证件号码=sound[:17] + ("0" if sound[17] != "0" else "1")), "r.csv")


@row(G, "an ID number with 13 months", "problem", "population.id.birth_date")
def _(town: Town) -> Told:
    return town.roster(one_wrong(证件号码=number(3, born="19901301")), "r.csv")


@row(G, "an ID number of 15 digits", "problem", "population.id.fifteen_digits")
def _(town: Town) -> Told:
    return town.roster(one_wrong(证件号码="990000900101003"), "r.csv")


@row(G, "an ID number of 17 digits", "problem", "population.id.length")
def _(town: Town) -> Told:
    return town.roster(one_wrong(证件号码=number(3)[:17]), "r.csv")


@row(G, "an ID number with letters", "problem", "population.id.characters")
def _(town: Town) -> Told:
    return town.roster(one_wrong(证件号码="99000019900101OO3X"), "r.csv")


@row(G, "an ID number the spreadsheet rounded", "problem", "population.id.excel_rounded")
def _(town: Town) -> Told:
    wrong: list[Any] = person(3)
    wrong[HEAD.index("证件号码")] = 990000199001010000
    return town.roster(xlsx([list(HEAD), person(1), wrong]))


@row(G, "a document of an unknown type", "problem", "population.id.type_unknown")
def _(town: Town) -> Told:
    return town.roster(one_wrong(证件类型="会员卡"), "r.csv")


@row(G, "no name", "problem", "population.name.missing")
def _(town: Town) -> Told:
    return town.roster(one_wrong(姓名=""), "r.csv")


@row(G, "a name of 300 characters", "problem", "population.name.too_long")
def _(town: Town) -> Told:
    return town.roster(one_wrong(姓名="王" * 300), "r.csv")


@row(G, "an address of 600 characters", "problem", "population.cell.too_long")
def _(town: Town) -> Told:
    return town.roster(one_wrong(现住地址="路" * 600), "r.csv")


@row(G, "a formula where the name should be", "problem", "population.name.missing")
def _(town: Town) -> Told:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.xlsx"
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet("花名册")
            for at, line in enumerate([list(HEAD), person(1), person(3)]):
                sheet.write_row(at, 0, line)
            sheet.write_formula(2, 0, '=HYPERLINK("http://example.org","x")', None, "")
        return town.roster(path.read_bytes())


@row(G, "a village nobody knows", "problem", "population.region.unknown")
def _(town: Town) -> Told:
    return town.roster(one_wrong(**{HEAD[6]: f"{TOWN_A}999"}), "r.csv")


@row(G, "a name where the village's code should be", "problem", "population.region.code")
def _(town: Town) -> Told:
    return town.roster(one_wrong(**{HEAD[6]: "桃花源村"}), "r.csv")


@row(G, "a village of another county", "problem", "population.region.unknown")
def _(town: Town) -> Told:
    return town.roster(one_wrong(**{HEAD[6]: ELSEWHERE}), "r.csv")


@row(G, "no village", "problem", "population.region.missing")
def _(town: Town) -> Told:
    return town.roster(one_wrong(**{HEAD[6]: ""}), "r.csv")


@row(G, "the same person on two lines", "problem", "population.row.duplicate")
def _(town: Town) -> Told:
    return town.roster(csv(person(1), person(2), person(1)), "r.csv")


@row(G, "one ID number under two names", "problem", "population.id.duplicate")
def _(town: Town) -> Told:
    return town.roster(csv(person(1), person(2), person(1, 姓名="李四方")), "r.csv")


@row(G, "a NUL byte inside a cell", "problem", "population.name.garbled")
def _(town: Town) -> Told:
    text = csv(*[person(at) for at in range(1, 40)], person(40, 姓名="王\0某"))
    return town.roster(text, "r.csv")


@row(G, "a quotation mark that never closes", "problem", "population.roster.quotation")
def _(town: Town) -> Told:
    lines = [person(at) for at in range(1, 60)]
    text = csv(*lines).decode("utf-8-sig").replace("兴隆村1组3号", '"兴隆村1组3号')
    return town.roster(text.encode(), "r.csv")


@row(G, "a line with two commas too many", "problem", "population.row.extra_cells")
def _(town: Town) -> Told:
    return town.roster(csv(person(1), [*person(2), "x", "y"]), "r.csv")


@row(G, "an .xls sheet as full as the format allows", "problem", "population.roster.row_limit")
def _(town: Town) -> Told:
    with tempfile.TemporaryDirectory() as folder:
        return town.roster(write_xls(Path(folder) / "r.xls", 65_536).read_bytes(), "r.xls")


@row(G, "a birth date in the future", "problem", "population.id.future_birth")
def _(town: Town) -> Told:
    return town.roster(one_wrong(证件号码=number(3, born="20300101")), "r.csv")


@row(G, "an upload without a file", "refused", "access.input_malformed")
def _(town: Town) -> Told:
    return told(town.user("town_worker").post("/api/rosters", {"area": TOWN_A}))


@row(G, "an area with letters in it", "refused", "access.outside_area", status=403)
def _(town: Town) -> Told:
    return town.roster(csv(person(1)), "r.csv", area="23118310x")


@row(G, "an import id used before", "refused", "population.import.id_used", status=409)
def _(town: Town) -> Iterator[Any]:
    answer = town.upload(csv(person(1)), "r.csv")
    assert answer.status_code == 202
    yield
    yield told(town.upload(csv(person(2)), "r.csv", import_id=answer.json()["id"]))


@row(
    G,
    "a file without a village column for a village elsewhere",
    "problem",
    "population.region.outside_area",
)
def _(town: Town) -> Told:
    text = csv(["王某某", number(1)], head=("姓名", "证件号码"))
    return town.roster(text, "r.csv", region=ELSEWHERE)
