"""The round's work report (工作汇报) as a value: headings, paragraphs and tables, composed from figures only.

Pure: the material comes in, blocks go out; wording stands in `report.zh.json` and `report.en.json`.
The order follows the field's own reports (task, groups, training, sites and staff, sampling,
reconciliation and delivery, waste and disinfection, supplies, results). A stated figure that
differs from the recomputed one is told in the text, never smoothed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    mark: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is the sheet it becomes in a workbook, empty when it stays in the document only."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


Block = Heading | Paragraph | Table


@dataclass(frozen=True, slots=True)
class Material:
    """Everything a report is made of. `figures`: key → value; `parts`: key → part → value."""

    head: Mapping[str, Any]
    as_of: datetime
    figures: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, int]]
    balances: Sequence[tuple[str, str, int, str, int]]
    stated: Sequence[tuple[str, int, str]]
    supplies: Sequence[Mapping[str, Any]]
    groups: Sequence[Mapping[str, Any]]
    tasks: Sequence[Mapping[str, Any]]
    late: Sequence[Mapping[str, Any]]
    coverage: Sequence[Mapping[str, Any]]
    attended: int
    names: Mapping[str, str]
    definitions: Sequence[tuple[str, str, Any, int]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    blocks: tuple[Block, ...]

    def tables(self) -> list[Table]:
        return [block for block in self.blocks if isinstance(block, Table)]

    def text(self) -> str:
        """All running text, for tests and previews."""
        return "\n".join(block.text for block in self.blocks if not isinstance(block, Table))


def local(at: datetime | None, none: str = "—") -> str:
    """A moment as the county writes it: local time to the minute."""
    return none if at is None else at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")


def compose(material: Material, words: Mapping[str, Any]) -> Report:
    """Write the report in the language of `words`."""
    given = _fields(material)
    title = words["title"].format(**given)
    blocks: list[Block] = [Paragraph(words["prepared"].format(**given))]
    for section in (
        _task,
        _groups,
        _training,
        _force,
        _sampling,
        _reconcile,
        _waste,
        _supplies,
        _result,
        _clocks,
    ):
        blocks += section(material, words, given)
    blocks += _appendix(material, words)
    return Report(title, tuple(blocks))


def _fields(material: Material) -> dict[str, Any]:
    head = material.head
    return {
        **material.figures,
        "area": head["area_name"] or head["area"],
        "round": head["name"],
        "campaign": head["campaign"],
        "preset": head["preset_title"],
        "version": head["preset_version"],
        "window_start": local(head["window_start"]),
        "window_end": local(head["window_end"]),
        "activated": local(head["activated_at"]),
        "as_of": local(material.as_of),
        "first": local(material.figures["first_sample_at"]),
        "last": local(material.figures["last_sample_at"]),
        "delivered": local(material.figures["delivered_at"]),
        "supporting": material.figures["staff_supporting"],
        "at_home": material.figures["people_at_home"],
        "attended": material.attended,
    }


def _task(material: Material, words: Mapping[str, Any], given: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = [Heading(words["h_task"]), Paragraph(words["task"].format(**given))]
    if material.head["activated_at"] is not None:
        blocks.append(Paragraph(words["task_activated"].format(**given)))
    if material.tasks:
        column = words["col"]
        rows = tuple(
            (task["title"], local(task["opened_at"]), local(task["done_at"]))
            for task in material.tasks
        )
        blocks += [
            Paragraph(words["task_chain"]),
            Table("", (column["task"], column["opened"], column["done"]), rows),
        ]
    return blocks


def _groups(material: Material, words: Mapping[str, Any], given: Mapping[str, Any]) -> list[Block]:
    if not material.groups:
        return [Heading(words["h_groups"]), Paragraph(words["groups_none"])]
    column = words["col"]
    rows = tuple(
        (group["name"], group["leader"] or words["none"], group["duty"])
        for group in material.groups
    )
    return [
        Heading(words["h_groups"]),
        Paragraph(words["groups"].format(**given)),
        Table("", (column["group"], column["leader"], column["duty"]), rows),
    ]


def _training(
    material: Material, words: Mapping[str, Any], given: Mapping[str, Any]
) -> list[Block]:
    return [Heading(words["h_training"]), Paragraph(words["training"].format(**given))]


def _force(material: Material, words: Mapping[str, Any], given: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = [Heading(words["h_force"]), Paragraph(words["force"].format(**given))]
    counted = material.figures["staff"]
    for figure, stated, source in material.stated:
        if figure == "staff" and stated != counted:
            text = words["force_gap"].format(
                stated=stated, source=source, counted=counted, gap=abs(stated - counted)
            )
            blocks.append(Paragraph(text, mark=True))
    return blocks


def _sampling(
    material: Material, words: Mapping[str, Any], given: Mapping[str, Any]
) -> list[Block]:
    return [
        Heading(words["h_sampling"]),
        Paragraph(words["sampling"].format(**given)),
        Paragraph(words["coverage"].format(**given)),
        _coverage_table(material, words),
    ]


def _coverage_table(material: Material, words: Mapping[str, Any]) -> Table:
    column = words["col"]
    names = ("village", "due_n", "sampled", "resulted", "excused", "missed", "waiting", "rate")
    rows = tuple(
        (
            row["name"], row["due"], row["sampled"], row["resulted"], row["excused"], row["missed"], row["waiting"],
            f"{row['sampled'] / row['due']:.1%}",
        )
        for row in material.coverage
    )  # fmt: skip
    return Table(words["sheet"]["coverage"], tuple(column[name] for name in names), rows)


def _reconcile(
    material: Material, words: Mapping[str, Any], given: Mapping[str, Any]
) -> list[Block]:
    column = words["col"]
    rows = tuple(
        (words["law"].get(law, law), _named(material, left, a), _named(material, right, b), a - b)
        for law, left, a, right, b in material.balances
    )
    delivery = "delivery_none" if material.figures["delivered_at"] is None else "delivery"
    blocks: list[Block] = [
        Heading(words["h_reconcile"]),
        Paragraph(words["reconcile"]),
        Table(
            words["sheet"]["reconcile"],
            (column["law"], column["left"], column["right"], column["difference"]),
            rows,
        ),
        Paragraph(words[delivery].format(**given)),
    ]
    if material.figures["discrepancies"]:
        text = words["discrepancy"].format(
            all=material.figures["discrepancies"], open=material.figures["discrepancies_open"]
        )
        blocks.append(Paragraph(text, mark=material.figures["discrepancies_open"] > 0))
    return blocks


def _named(material: Material, key: str, value: int) -> str:
    return f"{material.names.get(key, key)} {value}"


def _waste(material: Material, words: Mapping[str, Any], given: Mapping[str, Any]) -> list[Block]:
    return [Heading(words["h_waste"]), Paragraph(words["waste"].format(**given))]


def _supplies(
    material: Material, words: Mapping[str, Any], given: Mapping[str, Any]
) -> list[Block]:
    if not material.supplies:
        return [Heading(words["h_supplies"]), Paragraph(words["supplies_none"])]
    column = words["col"]
    rows = tuple((row["name"], row["quantity"], row["unit"]) for row in material.supplies)
    return [
        Heading(words["h_supplies"]),
        Paragraph(words["supplies"]),
        Table(
            words["sheet"]["supplies"], (column["item"], column["quantity"], column["unit"]), rows
        ),
    ]


def _result(material: Material, words: Mapping[str, Any], given: Mapping[str, Any]) -> list[Block]:
    figures = material.figures
    clean = figures["people_resulted"] and figures["people_negative"] == figures["people_resulted"]
    key = "result_all_negative" if clean and not figures["pools_flagged"] else "result"
    blocks: list[Block] = [Heading(words["h_result"]), Paragraph(words[key].format(**given))]
    waiting = figures["people_sampled"] - figures["people_resulted"]
    if waiting > 0:
        blocks.append(Paragraph(words["result_waiting"].format(waiting=waiting), mark=True))
    return blocks


def _clocks(material: Material, words: Mapping[str, Any], given: Mapping[str, Any]) -> list[Block]:
    met, breached = material.figures["clocks_met"], material.figures["clocks_breached"]
    heading = Heading(words["h_clocks"])
    if not breached:
        return [heading, Paragraph(words["clocks_good"].format(met=met))]
    column = words["col"]
    rows = tuple(
        (
            row["name"],
            row["subject_label"],
            row["owner"],
            local(row["due_at"]),
            local(row["stopped_at"]),
        )
        for row in material.late
    )
    names = ("clock", "subject", "owner", "due", "stopped")
    return [
        heading,
        Paragraph(words["clocks_bad"].format(met=met, breached=breached), mark=True),
        Table(words["sheet"]["clocks"], tuple(column[name] for name in names), rows),
    ]


def _appendix(material: Material, words: Mapping[str, Any]) -> list[Block]:
    column = words["col"]
    rows = tuple(
        (
            name,
            local(value) if isinstance(value, datetime) else _blank(value, words),
            count,
            definition,
        )
        for name, definition, value, count in material.definitions
    )
    return [
        Heading(words["h_appendix"]),
        Paragraph(words["appendix"]),
        Table(
            words["sheet"]["figures"],
            (column["figure"], column["value"], column["rows"], column["definition"]),
            rows,
        ),
    ]


def _blank(value: Any, words: Mapping[str, Any]) -> Any:
    return words["none"] if value is None else value
