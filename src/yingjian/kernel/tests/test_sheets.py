"""A long list as a workbook: nothing is lost between its sheets, and what was written is read."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from yingjian.kernel.sheets import long_list


@given(count=st.integers(0, 12), sheet_rows=st.integers(1, 5))
@settings(max_examples=25)
def test_every_row_stands_once_and_in_order_below_a_heading(count: int, sheet_rows: int) -> None:
    data, told = long_list(
        ([n, f"第{n}人"] for n in range(count)), name="名单", columns=["no", "who"], none="无",
        sheet_rows=sheet_rows,
    )  # fmt: skip
    assert told == count
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    names = book.sheet_names
    assert names == ["名单", *(f"名单 {n}" for n in range(2, len(names) + 1))]
    whole = [book.get_sheet_by_name(name).to_python() for name in names]
    assert all(rows[0] == ["no", "who"] and len(rows) - 1 <= sheet_rows for rows in whole)
    assert [row for rows in whole for row in rows[1:]] == (
        [[n, f"第{n}人"] for n in range(count)] or [["无", ""]]
    )


def test_text_is_neither_a_formula_nor_a_link() -> None:
    data, _ = long_list(
        [["=1+1", "https://example.org"]], name="a", columns=["x", "y"], none="无", widths={0: 30}
    )
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    assert sheet.to_python()[1] == ["=1+1", "https://example.org"]
