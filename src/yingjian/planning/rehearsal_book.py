"""A rehearsal as a workbook: the annex's tables with all of their rows, one sheet for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from yingjian.kernel.papers import Block, Heading, Report, Table

from . import rehearsal_paper, rehearsing, wording


def book(found: rehearsing.Rehearsal, *, round_name: str, as_of: datetime, language: str) -> Report:
    """The annex (`rehearsal_paper.paper`) with the days' tables put together: a name is there once, and short."""
    report = rehearsal_paper.paper(found, round_name=round_name, as_of=as_of, language=language)
    names = wording.words(language)["rehearsal"]
    days = {names["day"].format(date=d.on.isoformat(), people=d.people): d.on for d in found.days}
    on, told, of = "", [], dict[str, list[tuple[str, Table]]]()
    for block in report.blocks:
        if isinstance(block, Table):
            of.setdefault(block.name, []).append((on, block))
            continue
        told.append(block)
        if isinstance(block, Heading) and block.text in days:
            on = days[block.text].isoformat()
    short = {text: names["sheets"][key] for key, text in names["table"].items()}
    sheets = [
        replace(_joined(parts, names["col"]["date"]), name=short[name])
        for name, parts in of.items()
    ]
    return Report(report.title, (*_lines(told, of), *sheets))


def _lines(told: Iterable[Block], of: dict[str, list[tuple[str, Table]]]) -> list[Block]:
    """The running text without the tables' own headings: they are sheets."""
    return [block for block in told if not (isinstance(block, Heading) and block.text in of)]


def _joined(parts: list[tuple[str, Table]], date: str) -> Table:
    """One table of the days' tables; a column that a day lacks stays empty there."""
    first = parts[0][1]
    if len(parts) == 1:
        return first
    columns = list(dict.fromkeys(name for _, part in parts for name in part.columns))
    rows = [
        (on, *(dict(zip(part.columns, row, strict=True)).get(name, "") for name in columns))
        for on, part in parts
        for row in part.rows
    ]
    return Table(first.name, (date, *columns), tuple(rows))
