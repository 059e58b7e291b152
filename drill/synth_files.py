"""The synthetic county as roster files, in the form the importer reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import xlsxwriter

from drill import synth

HEADINGS: Final = (
    "姓名",
    "性别",
    "出生日期",
    "证件类型",
    "证件号码",
    "联系电话",
    "户籍地址",
    "户籍地区划代码",
    "现住地址",
    "现住村(社区)代码",
    "现住村(社区)名称",
    "网格",
    "户号",
    "与户主关系",
    "人群类别",
    "监护人",
    "监护人电话",
    "经度",
    "纬度",
)
#: Columns a spreadsheet program must not turn into numbers.
TEXT_HEADINGS: Final = frozenset({"证件号码", "联系电话", "监护人电话", "户号", "网格"})


def lines(roster: synth.Roster) -> Iterator[tuple[Any, ...]]:
    """The roster's lines in the order of `HEADINGS`: text, except the two coordinates."""
    words = [entry[0] for entry in synth.CATEGORIES]
    masks = {
        mask: "、".join(word for bit, word in enumerate(words) if mask >> bit & 1)
        for mask in np.unique(roster.categories).tolist()
    }
    head_of = np.flatnonzero(np.diff(roster.household, prepend=-1)).tolist()
    names, phones = roster.name.tolist(), roster.phone.tolist()
    lon, lat = roster.household_lon.tolist(), roster.household_lat.tolist()
    columns = zip(
        names,
        np.where(roster.male, "男", "女").tolist(),
        roster.birth.astype(str).tolist(),
        roster.id_type.tolist(),
        roster.id_number.tolist(),
        phones,
        roster.registered_address,
        roster.registered_region.tolist(),
        roster.village.tolist(),
        roster.household.tolist(),
        roster.relation.tolist(),
        roster.categories.tolist(),
        (roster.age < synth.PHONE_AGE).tolist(),
        strict=True,
    )
    for line in columns:
        place, door = roster.villages[line[8]], line[9]
        guard = head_of[door] if line[12] else -1
        yield (
            *line[:8],
            roster.household_address[door],
            place.code,
            place.name,
            roster.household_grid[door],
            roster.household_no[door],
            synth.RELATIONS[line[10]],
            masks[line[11]],
            names[guard] if guard >= 0 else "",
            phones[guard] if guard >= 0 else "",
            lon[door],
            lat[door],
        )


def write_csv(roster: synth.Roster, path: Path) -> None:
    """Write the roster as UTF-8 csv with a byte-order mark, which spreadsheet programs expect."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADINGS)
        writer.writerows(lines(roster))


def write_xlsx(roster: synth.Roster, path: Path, *, rows_per_sheet: int = 1_000_000) -> None:
    """Write the roster as a workbook, a new sheet before any reaches the format's limit."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        text = book.add_format({"num_format": "@"})
        sheet = None
        for number, line in enumerate(lines(roster)):
            row = number % rows_per_sheet + 1
            if sheet is None or row == 1:
                sheet = book.add_worksheet(f"花名册{number // rows_per_sheet + 1}")
                for column, heading in enumerate(HEADINGS):
                    form = text if heading in TEXT_HEADINGS else None
                    sheet.set_column(column, column, 14, form)
                    sheet.write_string(0, column, heading)
            for column, cell in enumerate(line[:-2]):
                if cell:
                    sheet.write_string(row, column, cell)
            sheet.write_number(row, len(line) - 2, line[-2])
            sheet.write_number(row, len(line) - 1, line[-1])
