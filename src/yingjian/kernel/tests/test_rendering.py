"""Workbooks and documents come out of a printer as people need them."""

from __future__ import annotations

import io
import re
import zipfile

from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from yingjian.kernel.papers import Heading, Paragraph, Report, Table
from yingjian.kernel.rendering import CELL, NARROWEST, breadth, to_docx, to_xlsx

TABLE = Table("采样点", ("名称", "人数"), (("望远村采样点", 820), ("长" * 60, 3)), widths=(3, 1))
REPORT = Report("附件", (Heading("一"), Paragraph("说明"), TABLE))


def part(data: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        return parts.read(name).decode()


@given(st.text(alphabet="abc0 ", max_size=20), st.text(alphabet="采样点管", max_size=20))
def test_a_chinese_character_stands_as_wide_as_two_letters(latin: str, chinese: str) -> None:
    assert breadth(latin + chinese) == len(latin) + 2 * len(chinese)


def test_a_sheet_fits_its_text_and_prints_across_with_its_head_on_each_page() -> None:
    data = to_xlsx(REPORT, summary="总览", none="无")
    sheet = part(data, "xl/worksheets/sheet2.xml")
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([\d.]+)"', sheet)]
    assert CELL <= widths[0] < CELL + 1, "no wider than may be"
    assert NARROWEST <= widths[1] < 9
    (setup,) = re.findall(r"<pageSetup[^>]*>", sheet)
    assert {'orientation="landscape"', 'paperSize="9"', 'fitToHeight="0"'} <= set(
        setup[:-2].split()
    )
    assert "<fitToPage" in sheet or 'fitToPage="1"' in sheet
    assert "&amp;P / &amp;N" in sheet
    assert "_xlnm.Print_Titles" in part(data, "xl/workbook.xml")
    long = re.findall(r'<c r="A3" s="(\d+)"', sheet)
    assert len(long) == 1, "a long text is wrapped"
    assert not re.findall(r'<c r="A2" s=', sheet)


def test_a_document_numbers_its_pages() -> None:
    document = Document(io.BytesIO(to_docx(REPORT, more="{left}", none="无")))
    foot = document.sections[0].footer.paragraphs[0]._p.xml
    assert 'w:instr="PAGE"' in foot


def test_a_table_without_rows_says_so_on_paper_and_in_its_sheet() -> None:
    empty = Report("附件", (Table("流动组", ("组", "人数"), ()),))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(empty, summary="总览", none="无")))
    assert sheet.get_sheet_by_name("流动组").to_python() == [["组", "人数"], ["无", ""]]
    (table,) = Document(io.BytesIO(to_docx(empty, more="{left}", none="无"))).tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["组", "人数"], ["无", ""]]
