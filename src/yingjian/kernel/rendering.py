"""A document as a Word file or an Excel workbook."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

import xlsxwriter
from docx import Document
from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.run import Run

from .papers import Heading, Paragraph, Report, Table

FONT = "宋体"
FONT_HEAD = "黑体"
MARK = RGBColor(0xC0, 0x39, 0x2B)
ROWS_IN_DOCUMENT = 400  # longer tables go to the workbook whole and are cut, with a note, on paper
CELL, NARROWEST = 40, 7  # letters wide
A4 = 9
TEXT_CM = 15.8  # of the page between its margins
NORMAL, SMALL = 10, 8  # points in tables


def to_docx(report: Report, *, more: str, none: str) -> bytes:
    """A Word document. `more` is the note under a cut table, with `{left}` rows left out; `none` stands in a table
    without rows."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.6)
    section.top_margin = section.bottom_margin = Cm(2.5)
    _numbered(section)
    normal = document.styles["Normal"]
    normal.font.size = Pt(12)
    _fonts(normal.element.get_or_add_rPr(), FONT)
    title = document.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(title.add_run(report.title), FONT_HEAD, 18)
    for block in report.blocks:
        match block:
            case Heading(text):
                heading = document.add_heading(level=1)
                _run(heading.add_run(text), FONT_HEAD, 14)
            case Paragraph(text, mark):
                paragraph = document.add_paragraph()
                paragraph.paragraph_format.first_line_indent = Pt(24)
                paragraph.paragraph_format.line_spacing = 1.5
                run = paragraph.add_run(text)
                if mark:
                    run.font.color.rgb = MARK
            case Table() if block.paper:
                _table(document, block, more, none)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _numbered(section: Any) -> None:
    """The page's number at its foot, as official papers have it: — 2 —."""
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    foot.add_run("— ")
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    foot._p.append(field)  # noqa: SLF001 - python-docx has no fields
    foot.add_run(" —")


def _run(run: Run, font: str, size: int) -> None:
    run.font.size = Pt(size)
    run.font.bold = True
    run.font.color.rgb = RGBColor(0, 0, 0)
    _fonts(run._element.get_or_add_rPr(), font)  # noqa: SLF001 - python-docx has no East Asian font setter


def _fonts(properties: Any, font: str) -> None:
    fonts = properties.find(qn("w:rFonts"))
    if fonts is None:
        fonts = OxmlElement("w:rFonts")
        properties.append(fonts)
    fonts.set(qn("w:eastAsia"), font)


def _table(document: WordDocument, block: Table, more: str, none: str) -> None:
    shown = block.rows[:ROWS_IN_DOCUMENT] or _nothing(block, none)
    table = document.add_table(rows=1, cols=len(block.columns))
    table.style = "Table Grid"
    size = SMALL if block.small else NORMAL
    _mark(table.rows[0], "w:tblHeader")
    for cell, name in zip(table.rows[0].cells, block.columns, strict=True):
        _cell(cell, name, size, bold=True)
    for row in shown:
        line = table.add_row()
        _mark(line, "w:cantSplit")
        for cell, value in zip(line.cells, row, strict=True):
            _cell(cell, str(value), size)
    if block.widths:
        _share(table, block.widths)
    left = max(0, len(block.rows) - len(shown))
    note = document.add_paragraph(more.format(left=left) if left else "")
    note.paragraph_format.space_after = Pt(2)


def _mark(row: Any, name: str) -> None:
    """`w:tblHeader`: the row stands again on each page its table runs over; `w:cantSplit`: it is never parted."""
    mark = OxmlElement(name)
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)  # noqa: SLF001 - python-docx has no setter for it


def _share(table: Any, widths: Sequence[int]) -> None:
    """Column widths by their shares of the page."""
    table.autofit = False
    for column, share in zip(table.columns, widths, strict=True):
        column.width = Cm(TEXT_CM * share / sum(widths))
        for cell in column.cells:
            cell.width = column.width


def _cell(cell: Any, text: str, size: int, *, bold: bool = False) -> None:
    run = cell.paragraphs[0].add_run(text)
    run.font.size = Pt(size)
    run.font.bold = bold


def to_xlsx(report: Report, *, summary: str, none: str) -> bytes:
    """A workbook: the running text on the first sheet, one sheet for each named table, whole; `none` stands in a table
    without rows, so that nobody takes it for one that was not filled in."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True, "bg_color": "#EAF1F0", "border": 1})
        marked = book.add_format({"font_color": "#C0392B", "text_wrap": True, "valign": "top"})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        head = book.add_format({"bold": True, "font_size": 13})
        first = book.add_worksheet(summary)
        first.set_column(0, 0, 100)
        first.write(0, 0, report.title, head)
        line = 1
        for block in report.blocks:
            if isinstance(block, Heading):
                first.write(line, 0, block.text, head)
                line += 1
            elif isinstance(block, Paragraph):
                first.write_string(line, 0, block.text, marked if block.mark else plain)
                line += 1
        for table in report.tables():
            if table.name:
                _sheet(book, table, bold, none)
    return stream.getvalue()


def _nothing(table: Table, none: str) -> tuple[tuple[str, ...], ...]:
    """The one line of a table without rows."""
    return ((none, *("" for _ in table.columns[1:])),)


def _sheet(book: xlsxwriter.Workbook, table: Table, bold: object, none: str) -> None:
    sheet = book.add_worksheet(table.name)
    long = book.add_format({"text_wrap": True, "valign": "top"})
    widths = []
    for column, name in enumerate(table.columns):
        widths.append(
            max([breadth(str(row[column])) for row in table.rows[:200]] + [breadth(name)])
        )
        sheet.write_string(0, column, name, bold)
    for number, row in enumerate(table.rows or _nothing(table, none), start=1):
        for column, value in enumerate(row):
            if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
                sheet.write_number(number, column, value)
            else:
                text = str(value)
                sheet.write_string(number, column, text, *([long] if breadth(text) > CELL else []))
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    laid_out(sheet, widths)


def breadth(text: str) -> int:
    """How many latin letters wide a text stands: a Chinese character takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def laid_out(sheet: Any, widths: Sequence[int]) -> None:
    """A sheet as people read and print it: columns as wide as what they hold, the head in sight and on every page, A4
    across, no wider than a page, pages numbered. `widths`: the widest text of each column (`breadth`)."""
    for column, widest in enumerate(widths):
        # a filter's arrow takes the room of two letters
        sheet.set_column(column, column, max(NARROWEST, min(widest + 3, CELL)))
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.7)
    sheet.set_footer("&C&A  &P / &N")
