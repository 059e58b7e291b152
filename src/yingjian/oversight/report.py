"""The round's work report (工作汇报) as a value: headings, paragraphs and tables, composed from figures only.

Pure: the material comes in, blocks go out; wording stands in `report.zh.json` and `report.en.json`.
The order follows the field's own reports (task, groups, training, sites and staff, sampling,
reconciliation and delivery, waste and disinfection, supplies, results). A stated figure that
differs from the recomputed one is told in the text, never smoothed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from yingjian.kernel.papers import Block, Heading, Paragraph, Report, Table

from .figures import source_of

_ALIKE = 4  # a round whose name begins as its campaign's does needs no second mention of it
LOCAL = ZoneInfo("Asia/Shanghai")


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
        "name": _named_round(head),
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


def _named_round(head: Mapping[str, Any]) -> str:
    """What was held, said once: a round that is only numbered takes its campaign's name before its own."""
    name, campaign = str(head["name"]), str(head["campaign"])
    area = str(head["area_name"] or head["area"])
    if not name.startswith((area, campaign[:_ALIKE])):
        name = _joined(campaign, name)
    return name if name.startswith(area) else _joined(area, name)


def _joined(before: str, after: str) -> str:
    """Two names one after another; Latin ones with a space between."""
    return f"{before} {after}" if before[-1:].isascii() and after[:1].isascii() else before + after


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
    caught_up = words["caught_up"].format(**given) if material.figures["people_caught_up"] else ""
    return [
        Heading(words["h_sampling"]),
        Paragraph(words["sampling"].format(**given)),
        Paragraph(words["coverage"].format(**given) + caught_up),
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
    head = tuple(column[name] for name in names)
    return Table(words["sheet"]["coverage"], head, rows, widths=(6, 2, 2, 3, 2, 2, 2, 3))


def _reconcile(
    material: Material, words: Mapping[str, Any], given: Mapping[str, Any]
) -> list[Block]:
    column = words["col"]
    rows = tuple(
        (
            words["law"].get(law, law),
            _named(material, words, left, a),
            _named(material, words, right, b),
            a - b,
        )
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
            widths=(5, 4, 5, 2),
        ),
        Paragraph(words[delivery].format(**given)),
    ]
    if material.figures["discrepancies"]:
        text = words["discrepancy"].format(
            all=material.figures["discrepancies"], open=material.figures["discrepancies_open"]
        )
        blocks.append(Paragraph(text, mark=material.figures["discrepancies_open"] > 0))
    return blocks


def _named(material: Material, words: Mapping[str, Any], key: str, value: int) -> str:
    return f"{words['measure'].get(key) or material.names.get(key, key)} {value}"


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
    waiting = figures["people_without_result"]
    if waiting:
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
        _late(material, words),
        Table(words["sheet"]["clocks"], tuple(column[name] for name in names), rows, paper=False),
    ]


def _late(material: Material, words: Mapping[str, Any]) -> Table:
    """Late deadlines by kind and owner: how many, and by how much at most."""
    found: dict[tuple[str, str], list[timedelta]] = {}
    for row in material.late:
        late = max((row["stopped_at"] or material.as_of) - row["due_at"], timedelta())
        found.setdefault((row["name"], row["owner"]), []).append(late)
    rows = tuple(
        (
            name,
            owner,
            len(late),
            words["minutes"].format(minutes=-(-max(late) // timedelta(minutes=1))),
        )
        for (name, owner), late in sorted(found.items(), key=lambda item: -len(item[1]))
    )
    column = words["col"]
    head = (column["clock"], column["owner"], column["count"], column["longest"])
    return Table(words["sheet"]["late"], head, rows, widths=(5, 4, 2, 3))


def _appendix(material: Material, words: Mapping[str, Any]) -> list[Block]:
    """Which query each figure comes from: sources once, figures with the condition that picks their records."""
    column, numbers = words["col"], dict[str, int]()
    rows = []
    for name, definition, value, count in material.definitions:
        source, condition = source_of(definition)
        number = numbers.setdefault(source, len(numbers) + 1)
        told = local(value) if isinstance(value, datetime) else _blank(value, words)
        rows.append((name, told, count, f"S{number}", condition or words["all_rows"]))
    names = ("figure", "value", "rows", "source", "condition")
    return [
        Heading(words["h_appendix"]),
        Paragraph(words["appendix"]),
        Table(
            words["sheet"]["figures"], tuple(column[name] for name in names), tuple(rows),
            widths=(6, 5, 3, 2, 10), small=True,
        ),
        Paragraph(words["appendix_sources"]),
        Table(
            words["sheet"]["sources"], (column["source"], column["query"]),
            tuple((f"S{number}", source) for source, number in numbers.items()),
            widths=(1, 14), small=True,
        ),
    ]  # fmt: skip


def _blank(value: Any, words: Mapping[str, Any]) -> Any:
    return words["none"] if value is None else value
