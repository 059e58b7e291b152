"""Workbooks this room hands out: the roster template, the lines to mend, lists of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from yingjian.kernel.errors import sentence
from yingjian.population.queries import ExportRow, ProblemRow
from yingjian.population.roster import sm3_of
from yingjian.population.staging import unsealed_line
from yingjian.population.values import (
    CATEGORY_WORDS,
    COLUMNS,
    ID_TYPE_WORDS,
    RELATION_WORDS,
    SEX_WORDS,
)

#: Lines of a list on one sheet; the next sheet takes over well before the format's limit.
SHEET_ROWS: Final = 1_000_000
_CHOICE_ROWS: Final = 20_000

_NOTES: Final = {
    "zh": (
        "填写说明",
        (
            "在“花名册”表中填写，一人一行；姓名、证件号码、现住村（社区）必填。",
            "证件号码、电话各列已设为文本，请勿改为数字，否则后几位会丢失。",
            "没有证件的人：证件类型选“无证件”，并填出生日期，由村（社区）登记。",
            "人群类别可填多个，用顿号分开；可用的词见右侧各列。",
            "生僻字请输入标准字，不要用“?”或图片代替；少数民族姓名用“·”分隔。",
            "示例：阿依古丽·吾守尔　女　居民身份证　990000199001010022　16900000001",
        ),
    ),
    "en": (
        "Notes",
        (
            "One person per line on the sheet “Roster”; name, ID number and village are required.",
            "ID and telephone columns are text; as numbers they would lose their last digits.",
            "Without a document: choose “none” as document type and give the birth date.",
            "Several categories may be given, separated by commas; see the lists to the right.",
            "Type rare characters as they are, never “?”.",
            "Example: Ann Lee, F, resident_id, 990000199001010022, 16900000001",
        ),
    ),
}
_SHEET: Final = {"zh": "花名册", "en": "Roster"}


def choices(lang: str) -> dict[str, list[str]]:
    """Words offered in the template's lists: for each meaning the first one written in `lang`."""
    vocabularies: tuple[tuple[str, Any], ...] = (
        ("sex", SEX_WORDS),
        ("id_type", ID_TYPE_WORDS),
        ("relation", RELATION_WORDS),
        ("categories", CATEGORY_WORDS),
    )
    offered: dict[str, list[str]] = {}
    for key, words in vocabularies:
        first: dict[Any, str] = {}
        for word, meaning in words.items():
            if word.isascii() == (lang == "en") and not word.isdigit():
                first.setdefault(meaning, word)
        offered[key] = list(first.values())
    return offered


def heading(key: str, lang: str) -> str:
    """Heading of a roster column in `lang`."""
    headings = next(column.headings for column in COLUMNS if column.key == key)
    return next((word for word in headings if word.isascii() == (lang == "en")), headings[0])


def write_template(path: Path, *, lang: str) -> None:
    """An empty roster with headings, text columns, drop-downs, and a sheet of notes."""
    with xlsxwriter.Workbook(str(path)) as book:
        bold = book.add_format({"bold": True, "bg_color": "#DDEBF7", "border": 1})
        needed = book.add_format({"bold": True, "bg_color": "#F8CBAD", "border": 1})
        text = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet(_SHEET[lang])
        notes = book.add_worksheet(_NOTES[lang][0])
        for row, line in enumerate(_NOTES[lang][1]):
            notes.write_string(row, 0, line)
        notes.set_column(0, 0, 70)
        offered = choices(lang)
        for at, column in enumerate(COLUMNS):
            sheet.write_string(
                0, at, heading(column.key, lang), needed if column.required else bold
            )
            sheet.set_column(at, at, 16, text if column.as_text else None)
        for list_at, (key, words) in enumerate(offered.items(), 2):
            notes.write_string(0, list_at, heading(key, lang), bold)
            notes.write_column(1, list_at, words)
            at = next(at for at, column in enumerate(COLUMNS) if column.key == key)
            letter = chr(ord("A") + list_at)
            rule = {
                "validate": "list",
                "source": f"='{_NOTES[lang][0]}'!${letter}$2:${letter}${len(words) + 1}",
                # several categories may stand in one cell, so that list only suggests
                "error_type": "information" if key == "categories" else "stop",
            }
            sheet.data_validation(1, at, _CHOICE_ROWS, at, rule)
        sheet.freeze_panes(1, 1)


# -- lines to mend -----------------------------------------------------------------------------

_MEND: Final = {
    "zh": ("待修改", "全部问题", ("行号", "问题"), ("工作表", "行号", "列", "结果", "问题", "怎么办")),
    "en": ("To mend", "All findings", ("No.", "问题"), ("Sheet", "Line", "Column", "Outcome", "Finding", "What to do")),
}  # fmt: skip
_OUTCOME: Final = {"zh": ("已导入，请核对", "未导入"), "en": ("imported; check", "not imported")}


def write_problems(
    path: Path, problems: Sequence[ProblemRow], *, headings: dict[str, list[str]], lang: str
) -> int:
    """The refused lines as they came, bad cells marked, under their own headings, ready to be
    corrected and uploaded again; and every finding in words. Returns the number of lines to mend.
    """
    mend, everything, lead, titles = _MEND[lang]
    by_line: dict[tuple[str, int], list[ProblemRow]] = {}
    for problem in problems:
        by_line.setdefault((problem.sheet, problem.row), []).append(problem)
    refused = {
        key: found for key, found in by_line.items() if any(entry.refused for entry in found)
    }
    with xlsxwriter.Workbook(str(path)) as book:
        bold = book.add_format({"bold": True})
        bad = book.add_format({"num_format": "@", "bg_color": "#F8CBAD"})
        text = book.add_format({"num_format": "@"})
        for number, (name, columns) in enumerate(headings.items(), 1):
            lines = {row: found for (sheet, row), found in refused.items() if sheet == name}
            if not lines:
                continue
            page = book.add_worksheet(mend if len(headings) == 1 else f"{mend}{number}")
            page.write_row(0, 0, [*lead, *columns], bold)
            for at, (row, found) in enumerate(lines.items(), 1):
                marked = {entry.column for entry in found if entry.column}
                original = next(
                    (line for entry in found if (line := unsealed_line(entry.params))), []
                )
                page.write_number(at, 0, row)
                page.write_string(at, 1, "；".join(_says(entry, lang) for entry in found))
                for column, cell in enumerate(original):
                    wrong = column < len(columns) and columns[column] in marked
                    page.write_string(at, column + len(lead), cell, bad if wrong else text)
        page = book.add_worksheet(everything)
        page.write_row(0, 0, titles, bold)
        for at, entry in enumerate(problems[: SHEET_ROWS - 1], 1):
            told = told_of(entry, lang)
            outcome = _OUTCOME[lang][entry.refused]
            cells: list[Any] = [
                entry.sheet,
                entry.row,
                entry.column,
                outcome,
                told["says"],
                told["do"],
            ]
            page.write_row(at, 0, cells)
    return len(refused)


def told_of(problem: ProblemRow, lang: str) -> dict[str, str]:
    """What a finding says and what to do, in words."""
    shown = {key: value for key, value in problem.params.items() if key != "sealed"}
    if shown.get("key"):
        shown["key"] = heading(str(shown["key"]), lang)
    return sentence(problem.code, lang, shown)


def _says(problem: ProblemRow, lang: str) -> str:
    return told_of(problem, lang)["says"]


# -- people ------------------------------------------------------------------------------------

_PEOPLE: Final = {
    "zh": ("区划", "现住村(社区)", "姓名", "性别", "出生日期", "证件类型", "证件号码", "联系电话", "现住地址",
           "户号", "人群类别"),
    "en": ("Area", "Village", "Name", "Sex", "Birth date", "ID type", "ID number", "Phone", "Address", "Household",
           "Categories"),
}  # fmt: skip


def write_people(path: Path, rows: Iterable[ExportRow], *, lang: str) -> tuple[int, str]:
    """A list of people; returns how many lines it holds and the SM3 of the file."""
    count = 0
    names = [field.name for field in fields(ExportRow)]
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet: Any = None
        for count, row in enumerate(rows, 1):
            line = (count - 1) % SHEET_ROWS + 1
            if sheet is None or line == 1:
                sheet = _people_sheet(book, lang)
            for at, name in enumerate(names):
                cell = getattr(row, name)
                if cell:
                    sheet.write_string(line, at, str(cell))
        if sheet is None:
            _people_sheet(book, lang)
    with path.open("rb") as stream:
        return count, sm3_of(stream)


def _people_sheet(book: Any, lang: str) -> Any:
    sheet = book.add_worksheet()
    for at, title in enumerate(_PEOPLE[lang]):
        sheet.write_string(0, at, title)
    return sheet
