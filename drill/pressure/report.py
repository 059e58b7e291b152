"""The pressure test in words: lines for the terminal, and the report a county files. Words stand in JSON beside."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from drill.pressure import verdict
from drill.pressure.run import Outcome
from drill.pressure.verdict import Figures, Step
from drill.told import width
from yingjian.kernel import rendering
from yingjian.kernel.papers import Block, Heading, Paragraph, Report, Table

HERE: Final = Path(__file__).resolve().parent
LOCAL: Final = ZoneInfo("Asia/Shanghai")
COLUMNS: Final = (
    "kind",
    "offered",
    "done",
    "turned",
    "errors",
    "p50",
    "p95",
    "p99",
    "limit",
    "verdict",
)
NONE: Final = "—"


@cache
def words(language: str) -> dict[str, Any]:
    """Everything that is said, in `zh` or `en`."""
    found: dict[str, Any] = json.loads(
        (HERE / f"words.{language}.json").read_text(encoding="utf-8")
    )
    return found


def conclusion(found: Outcome, says: Mapping[str, Any]) -> list[str]:
    """Passed or not and why, and the head room."""
    room = verdict.head_room(found.steps)
    broken = _names(room.kinds, says)
    lines = []
    if found.passes:
        lines.append(says["passes"])
    elif room.breaks is not None and room.breaks <= max(1.0, found.steps[0].multiple):
        lines.append(says["fails_peak"].format(kinds=broken))
    if not all(one.holds for one in found.kept):
        lines.append(says["fails_kept"])
    if found.verified is False:
        lines.append(says["fails_verify"])
    told = "room_open" if room.breaks is None else "room_breaks" if room.keeps else "room_none"
    breaks = "" if room.breaks is None else f"{room.breaks:g}"
    lines.append(says[told].format(keeps=f"{room.keeps:g}", breaks=breaks, kinds=broken))
    if found.out_of_people:
        lines.append(says["out_of_people"])
    return lines


def _names(kinds: Sequence[str], says: Mapping[str, Any]) -> str:
    return str(says["list"]).join(says["kinds"][kind] for kind in kinds)


def _row(one: Figures, says: Mapping[str, Any]) -> tuple[str, ...]:
    why = says["list"].join(says["fails"][name] for name in one.fails) or says["keeps_up"]
    wrong = sum(one.errors.values()) + one.unanswered
    return (
        says["kinds"][one.kind], str(one.offered), str(one.done), str(one.turned), str(wrong),
        *(NONE if math.isnan(value) else f"{value:.2f}" for value in (one.p50, one.p95, one.p99)),
        f"{one.limit:g}", why,
    )  # fmt: skip


def _kinds(step: Step, says: Mapping[str, Any]) -> Table:
    head = tuple(says["col"][name] for name in COLUMNS)
    rows = tuple(_row(one, says) for one in step.kinds)
    return Table("", head, rows, widths=(9, 3, 3, 3, 3, 3, 3, 3, 3, 6), small=True)


def lines(found: Outcome, language: str) -> list[str]:
    """The test on a terminal."""
    says = words(language)
    told = ["", says["title"].format(place=found.place), ""]
    told += _columns(_load(found, says))
    for step in found.steps:
        told += ["", f"  {_step_name(step, says)}"]
        told += _columns(_kinds(step, says))
        if not step.trusted:
            told.append(f"  {says['untrusted'].format(lag=f'{step.lag:.2f}')}")
    told += ["", *_columns(_resources(found, says)), "", *_columns(_kept(found, says))]
    told += ["", *(f"  {line}" for line in conclusion(found, says))]
    return told


def _step_name(step: Step, says: Mapping[str, Any]) -> str:
    return str(
        says["heading"]["step"].format(multiple=f"{step.multiple:g}", seconds=round(step.seconds))
    )


def _columns(table: Table) -> list[str]:
    """A table in columns; the first is left, the others are under one another at their ends."""
    whole = [table.columns, *table.rows]
    room = [max(width(str(row[n])) for row in whole) for n in range(len(table.columns))]
    found = []
    for row in whole:
        cells = [
            str(cell) + " " * (room[n] - width(str(cell))) if n in {0, len(row) - 1}
            else " " * (room[n] - width(str(cell))) + str(cell)
            for n, cell in enumerate(row)
        ]  # fmt: skip
        found.append(("  " + "  ".join(cells)).rstrip())
    return found


def _load(found: Outcome, says: Mapping[str, Any]) -> Table:
    head = tuple(says["col"][name] for name in ("item", "value", "source"))
    rows = tuple(
        (
            says["values"][value.name], _number(value.value),
            says["source"][value.source].format(origin=value.origin),
        )
        for value in found.values
    )  # fmt: skip
    return Table("", head, rows, widths=(7, 3, 5))


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def _rates(found: Outcome, says: Mapping[str, Any]) -> Table:
    rows = tuple((says["kinds"][kind], f"{rate:.3g}") for kind, rate in found.rates.items())
    return Table("", (says["col"]["kind"], says["col"]["rate"]), rows, widths=(7, 3))


def _resources(found: Outcome, says: Mapping[str, Any]) -> Table:
    """Most memory and mean cores of each part, step by step."""
    parts = [part for part in says["parts"] if any(_used(step, part) for step in found.steps)]
    head = (says["col"]["multiple"], *(says["parts"][part] for part in parts))
    rows = tuple(
        (f"{step.multiple:g}", *(_used(step, part) or NONE for part in parts))
        for step in found.steps
    )
    return Table("", head, rows)


def _used(step: Step, part: str) -> str:
    """`MiB / cores` as far as they are known of the part."""
    known = [f"{step.memory[part]:.0f} MiB"] if part in step.memory else []
    known += [f"{step.processor[part]:.2f}"] if part in step.processor else []
    return " / ".join(known)


def _kept(found: Outcome, says: Mapping[str, Any]) -> Table:
    head = tuple(says["col"][name] for name in ("what", "confirmed", "stored", "open", "verdict"))
    rows = tuple(
        (
            says["kept"][one.what], f"{one.confirmed:,}", f"{one.stored:,}", f"{one.open:,}",
            says["holds"] if one.holds else says["lost"],
        )
        for one in found.kept
    )  # fmt: skip
    return Table("", head, rows, widths=(4, 3, 3, 3, 3))


def _room(found: Outcome, says: Mapping[str, Any]) -> Table:
    rows = []
    for kind in found.rates:
        room = verdict.head_room(found.steps, kind)
        breaks = NONE if room.breaks is None else f"{room.breaks:g}"
        rows.append((says["kinds"][kind], f"{room.keeps:g}", breaks))
    head = tuple(says["col"][name] for name in ("kind", "keeps", "breaks"))
    return Table("", head, tuple(rows), widths=(6, 3, 3))


def paper(found: Outcome, language: str) -> Report:
    """The report a county files."""
    says = words(language)
    names = says["heading"]
    known = {**found.machine} | {
        name: at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")
        for name, at in (("began", found.began), ("ended", found.ended))
    }
    blocks: list[Block] = [Heading(names["basis"])]
    blocks += [Paragraph(line.format(place=found.place)) for line in says["basis"]]
    blocks += [
        Heading(names["machine"]), Paragraph(says["machine"].format(**known)), Paragraph(says["same_machine"]),
        Heading(names["load"]), Paragraph(says["load"]), _load(found, says), Paragraph(names["rates"]),
        _rates(found, says), Heading(names["steps"]), Paragraph(says["few"].format(enough=verdict.ENOUGH)),
    ]  # fmt: skip
    for step in found.steps:
        blocks += [Paragraph(_step_name(step, says)), _kinds(step, says)]
        if not step.trusted:
            blocks.append(Paragraph(says["untrusted"].format(lag=f"{step.lag:.2f}"), mark=True))
    blocks += [
        Heading(names["resources"]),
        Paragraph(says["resources"]),
        _resources(found, says),
        Heading(names["kept"]),
        _kept(found, says),
    ]
    blocks.append(Paragraph(says["verified"][json.dumps(found.verified)]))
    blocks.append(Heading(names["verdict"]))
    blocks += [
        Paragraph(line, mark=not found.passes and not n)
        for n, line in enumerate(conclusion(found, says))
    ]
    blocks += [Paragraph(names["room"]), _room(found, says), Heading(names["sign"])]
    blocks += [Paragraph(line) for line in says["sign"]]
    return Report(says["title"].format(place=found.place), tuple(blocks))


def docx(found: Outcome, language: str) -> bytes:
    """The report in Word."""
    says = words(language)
    return rendering.to_docx(paper(found, language), more=says["more"], none=says["no_rows"])
