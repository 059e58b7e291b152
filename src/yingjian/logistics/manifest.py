"""The manifest of a box (送检单) as a workbook: box, tubes, counts, seal, hand-overs. Nobody is named on it."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any, Final

import xlsxwriter
from django.utils import timezone

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_WORDS: Final = {
    "zh": {
        "title": "样本送检单", "box": "箱码", "site": "采样点", "station": "采样台", "seal_no": "封签号",
        "sealed": "封箱时间", "oldest": "最早采样时间", "tubes": "管数", "people": "人数", "printed": "制单时间",
        "no": "序号", "tube": "管码", "added": "装箱时间", "unknown": "未登记", "moved": "已移至他箱",
        "giver": "交出人", "taker": "接收人", "at": "时间", "temperature": "温度（℃）", "plate": "车辆",
        "counted": "清点管数", "system": "系统管数", "hand_overs": "交接记录", "none": "无",
    },
    "en": {
        "title": "Sample transfer manifest", "box": "Box code", "site": "Site", "station": "Station",
        "seal_no": "Seal no.", "sealed": "Sealed at", "oldest": "Oldest sample", "tubes": "Tubes", "people": "People",
        "printed": "Made at", "no": "No.", "tube": "Tube code", "added": "Boxed at", "unknown": "not registered",
        "moved": "moved to another box", "giver": "Handed over by", "taker": "Taken over by", "at": "Time",
        "temperature": "Temperature (°C)", "plate": "Vehicle", "counted": "Tubes counted", "system": "Tubes in system",
        "hand_overs": "Hand-overs", "none": "none",
    },
}  # fmt: skip


def _time(at: datetime | None) -> str:
    return "" if at is None else timezone.localtime(at).strftime("%Y-%m-%d %H:%M")


def workbook(box: dict[str, Any], *, language: str, at: datetime) -> bytes:
    """An .xlsx of one box as `queries.boxes_by_code_for` returns it, in `zh` or `en`."""
    say = _WORDS["en" if language == "en" else "zh"]
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(say["title"][:31])
        bold = book.add_format({"bold": True})
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 6, 22)
        sheet.write_string(0, 0, say["title"], book.add_format({"bold": True, "font_size": 16}))
        head = [
            ("box", box["code"]), ("site", box["site_code"]), ("station", box["station_code"]),
            ("seal_no", box["seal_no"]), ("sealed", _time(box["sealed_at"])),
            ("oldest", _time(box["oldest_sample_at"])), ("tubes", box["tubes"]), ("people", box["people"]),
            ("printed", _time(at)),
        ]  # fmt: skip
        for row, (name, value) in enumerate(head, 2):
            sheet.write_string(row, 0, say[name], bold)
            sheet.write(row, 1, value)
        row = _table(sheet, bold, len(head) + 3, _lines(box, say))
        sheet.write_string(row + 1, 0, say["hand_overs"], bold)
        _table(sheet, bold, row + 2, _hand_overs(box, say))
    return out.getvalue()


def _table(sheet: Any, bold: Any, row: int, rows: list[list[Any]]) -> int:
    for number, cells in enumerate(rows):
        for column, value in enumerate(cells):
            sheet.write(row + number, column, value, bold if number == 0 else None)
    return row + len(rows)


def _lines(box: dict[str, Any], say: dict[str, str]) -> list[list[Any]]:
    rows: list[list[Any]] = [[say["no"], say["tube"], say["people"], say["added"], ""]]
    for number, line in enumerate(box["lines"], 1):
        note = say["moved"] if line["moved_at"] else "" if line["tube_id"] else say["unknown"]
        rows.append([number, line["tube_code"], line["people"], _time(line["added_at"]), note])
    return rows if box["lines"] else [*rows, [say["none"]]]


def _hand_overs(box: dict[str, Any], say: dict[str, str]) -> list[list[Any]]:
    names = ("at", "giver", "taker", "counted", "system", "temperature", "plate")
    rows: list[list[Any]] = [[say[name] for name in names]]
    rows += [
        [_time(over["at"]), over["giver"], over["taker"], over["tubes"], over["tubes_system"],
         over["temperature_c"], over["plate"] or ""]
        for over in box["hand_overs"]
    ]  # fmt: skip
    return rows if box["hand_overs"] else [*rows, [say["none"]]]
