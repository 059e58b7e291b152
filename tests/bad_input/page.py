"""`docs/bad-input.md`, for people: what was sent, what it gets, what the reader is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bad_input.table import GROUPS, Row
from yingjian.kernel.errors import catalogue

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "bad-input.md"
HEAD: Final = """# Bad input

What malformed input gets, row by row, as `tests/bad_input` plays it against the running rooms. After every row the test
compares all tables: what was accepted before is still there. A *refused* decision leaves nothing behind; a *parked*
command is kept in the journal, sealed, for a person to decide; a fact that is odd is *taken with a mark*, because a
swab that happened happened; a roster's *finding* names file, line and column, and the sound lines of the file are taken
unless the file as a whole cannot be trusted. Made from the table by `UPDATE_BAD_INPUT=1 pytest tests/bad_input`; do not
edit.
"""
TITLES: Final = {
    "files": "Files", "codes": "Codes", "commands": "Commands", "states": "States", "roles": "Roles and areas",
    "places": "Lists of places",
}  # fmt: skip
KEPT: Final = {
    "refused": "refused", "parked": "parked", "flagged": "taken with a mark", "taken": "taken",
    "problem": "finding",
}  # fmt: skip


def page(rows: Sequence[Row]) -> str:
    """The whole page."""
    parts = [HEAD, f"{len(rows)} inputs.\n"]
    for group in GROUPS:
        lines = [_line(row) for row in rows if row.group == group]
        parts.append(
            "\n".join(
                [
                    f"## {TITLES[group]}\n",
                    "| sent | answer | code | 中文 | English |",
                    "|---|---|---|---|---|",
                    *lines,
                ]
            )
            + "\n"
        )
    return "\n".join(parts)


def _line(row: Row) -> str:
    answer = f"{row.status} {KEPT[row.kept]}"
    return (
        f"| {row.what} | {answer} | {_code(row.code)} | {_told(row, 'zh')} | {_told(row, 'en')} |"
    )


def _code(code: str) -> str:
    return ", ".join(f"`{one}`" for one in code.split(",")) if code else "—"


def _told(row: Row, language: str) -> str:
    text = catalogue(language).get(row.code)
    return f"{text['says']} {text['do']}" if text else "—"
