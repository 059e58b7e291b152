"""Small roster files of every kind for the tests. People are synthetic (region prefix 99)."""

from __future__ import annotations

import csv
import io
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from yingjian.population import rules

HEAD = ("姓名", "性别", "证件类型", "证件号码", "联系电话", "现住地址", "现住村(社区)代码", "户号")
VILLAGE = "231183101200"


def number(serial: int, born: str = "19900101", prefix: int = 990000) -> str:
    """A sound identity number on an unassigned prefix."""
    first = f"{prefix:06d}{born}{serial:03d}"
    return first + rules.id_check_char(first)


def person(serial: int, **cells: str) -> list[str]:
    """A sound line under HEAD; `cells` replace columns by heading."""
    line = dict(
        zip(
            HEAD,
            (
                "王䶮",
                "男" if serial % 2 else "女",
                "居民身份证",
                number(serial),
                f"169{serial:08d}",
                f"兴隆村1组{serial}号",
                VILLAGE,
                f"{serial:05d}",
            ),
            strict=True,
        )
    )
    line["姓名"] = "王" + chr(0x4E00 + serial % 1000)
    return list({**line, **cells}.values())


def write_csv(
    path: Path,
    lines: Sequence[Sequence[object]],
    *,
    head: Sequence[str] = HEAD,
    encoding: str = "utf-8-sig",
    delimiter: str = ",",
) -> Path:
    """A csv file with a heading line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(head)
    writer.writerows(lines)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def write_xlsx(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]], **options: bool) -> Path:
    """A workbook, cells as given; `hidden=True` hides all sheets but the first."""
    with xlsxwriter.Workbook(str(path), {"constant_memory": False}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for at, (name, lines) in enumerate(sheets.items()):
            sheet = book.add_worksheet(name)
            if at and options.get("hidden"):
                sheet.hide()
            for row, line in enumerate(lines):
                for column, cell in enumerate(line):
                    if hasattr(cell, "isoformat"):
                        sheet.write_datetime(row, column, cell, day)
                    elif cell != "":
                        sheet.write(row, column, cell)
    return path


def write_xls(path: Path, rows: int) -> Path:
    """A minimal BIFF8 workbook (compound file) of `rows` lines with one number each, because the
    old format's limit of 65,536 lines must be met for real."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    bof = struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    sheet_bof = struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 6)
    name = b"S1"
    globals_head = record(0x0809, bof)
    size = len(globals_head) + 4 + 8 + len(name) + 4
    bound = record(0x0085, struct.pack("<IHBB", size, 0, len(name), 0) + name)
    stream = bytearray(globals_head + bound + record(0x000A, b""))
    stream += record(0x0809, sheet_bof)
    stream += record(0x0200, struct.pack("<IIHHH", 0, rows, 0, 1, 0))
    for row in range(rows):
        stream += record(0x0203, struct.pack("<HHHd", row, 0, 0, float(row)))
    stream += record(0x000A, b"")
    stream += b"\x00" * max(0, 4096 - len(stream))
    path.write_bytes(_compound(bytes(stream)))
    return path


def _compound(stream: bytes) -> bytes:
    """A compound file (MS-CFB version 3) holding one stream called Workbook."""
    sector, free, end, fat_mark = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    stream += b"\x00" * (-len(stream) % sector)
    data = len(stream) // sector
    fats = 1
    while fats * 128 < fats + 1 + data:
        fats += 1
    fat = [fat_mark] * fats + [end]
    fat += [*range(fats + 2, fats + 1 + data), end]
    fat += [free] * (fats * 128 - len(fat))

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = name.encode("utf-16-le") + b"\x00\x00"
        return (
            text.ljust(64, b"\x00")
            + struct.pack("<HBBIII", len(text), kind, 1, free, free, child)
            + b"\x00" * 36
            + struct.pack("<IQ", start, size)
        )

    directory = entry("Root Entry", 5, 1, end, 0)
    directory += entry("Workbook", 2, free, fats + 1, len(stream))
    directory += entry("", 0, free, 0, 0) * 2
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 16
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\x00" * 6
    header += struct.pack("<IIIIIIIII", 0, fats, fats, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", *range(fats), *[free] * (109 - fats))
    return header + struct.pack(f"<{len(fat)}I", *fat) + directory + stream
