"""A list of any length as an Excel workbook."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter

SHEET_ROWS: Final = 1_048_575
"""Rows of one Excel sheet below its heading."""
_AS_WRITTEN: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
}


def long_list(
    rows: Iterable[Sequence[str | int]], *, name: str, columns: Sequence[str], none: str,
    widths: Mapping[int, int] | None = None, sheet_rows: int = SHEET_ROWS,
) -> tuple[bytes, int]:  # fmt: skip
    """The workbook, and how many rows it holds. Memory stays flat however many come.

    What one sheet does not take goes on in the next (capability 102). Text is text: nothing of it becomes a formula or
    a link. `none` stands where no rows came. `widths`: of columns by place, in letters.
    """
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list.xlsx"
        with xlsxwriter.Workbook(str(path), _AS_WRITTEN) as book:
            sheet = _sheet(book, name, columns, widths or {})
            for row in rows:
                if count and count % sheet_rows == 0:
                    more = f"{name} {count // sheet_rows + 1}"
                    sheet = _sheet(book, more, columns, widths or {})
                sheet.write_row(count % sheet_rows + 1, 0, row)
                count += 1
            if not count:
                sheet.write_string(1, 0, none)
        return path.read_bytes(), count


def _sheet(book: Any, name: str, columns: Sequence[str], widths: Mapping[int, int]) -> Any:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for place, width in widths.items():
        sheet.set_column(place, place, width)
    sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
    return sheet
