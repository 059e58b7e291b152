"""How many to a tube as tables: for a workbook, and on paper before a meeting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Any

from yingjian.kernel.papers import Heading, Paragraph, Report, Table

from . import wording
from .pool_sizes import PoolSize, PoolSizes, PoolTown, in_people

SHARES = ("prevalence", "sensitivity", "specificity", "recheck", "attack", "reserve")


def paper(found: PoolSizes, *, round_name: str, tz: tzinfo, language: str) -> Report:
    """Sizes for the round, towns with their recommended size, rules and assumptions. Times are local."""
    names = wording.words(language)["pooling"]
    table, col = names["table"], names["col"]
    whole = found.whole
    return Report(
        names["title"].format(round=round_name),
        (
            Paragraph(
                names["intro"].format(
                    at=found.as_of.astimezone(tz).strftime("%Y-%m-%d %H:%M"), people=whole.people,
                    pooled=whole.pooled, labs=found.laboratories, capacity=found.tubes_per_day,
                )
            ),
            Paragraph(names["whole"].format(says=whole.says)),
            Paragraph(
                names["towns_say"].format(
                    tubes=found.by_town.tubes, retests=round(found.by_town.retests),
                    retest_tubes=found.by_town.retest_tubes, missed=in_people(found.by_town.missed),
                )
            ),
            Heading(table["sizes"]),
            _sizes(whole, names, tz),
            Heading(table["towns"]),
            _towns(found, names),
            Heading(table["rules"]),
            Table(
                table["rules"], (col["rule"], col["value"], col["origin"]),
                tuple((rule.name, rule.value, rule.origin) for rule in found.rules), widths=(4, 7, 4),
            ),
            Heading(table["assumptions"]),
            _assumed(found, names),
            Paragraph(names["limits"]),
        ),
    )  # fmt: skip


SIZES = (
    "size", "tubes", "tubes_kept", "retests", "retest_tubes", "missed", "missed_kept", "hours", "finish",
    "in_time",
)  # fmt: skip


def _sizes(town: PoolTown, names: Mapping[str, Any], tz: tzinfo) -> Table:
    def row(one: PoolSize) -> tuple[Any, ...]:
        return (
            one.size, one.tubes, one.tubes_kept, round(one.retests), one.retest_tubes,
            round(one.missed, 2), round(one.missed_kept, 2),
            "" if one.result_hours is None else round(one.result_hours, 1),
            _at(one.finish_at, tz), in_time(one, names),
        )  # fmt: skip

    head = tuple(names["col"][key] for key in SIZES)
    widths = (2, 2, 3, 2, 2, 2, 3, 3, 3, 2)
    return Table(
        names["table"]["sizes"], head, tuple(row(o) for o in town.sizes), widths, small=True
    )


def in_time(one: PoolSize, names: Mapping[str, Any]) -> str:
    """Whether a size keeps the clocks, in a word."""
    key = "unknown" if one.in_time is None else "yes" if one.in_time else "no"
    return str(names["in_time"][key])


def _at(moment: datetime | None, tz: tzinfo) -> str:
    return "" if moment is None else moment.astimezone(tz).strftime("%m-%d %H:%M")


TOWNS = (
    "town", "people", "pooled", "singles", "sealed", "resulted", "positive", "basis", "prevalence", "best",
    "tubes", "retests", "missed", "says",
)  # fmt: skip


def _towns(found: PoolSizes, names: Mapping[str, Any]) -> Table:
    def row(town: PoolTown) -> tuple[Any, ...]:
        best = next(one for one in town.sizes if one.size == town.best)
        keep = found.terms.keep
        return (
            town.name, town.people, town.pooled, town.singles, town.sealed, town.resulted, town.positive,
            names["basis"][town.basis], percent(town.prevalence), town.best,
            best.tubes_kept if keep else best.tubes,
            round(best.retests_kept if keep else best.retests),
            round(best.missed_kept if keep else best.missed, 2), town.says,
        )  # fmt: skip

    head = tuple(names["col"][key] for key in TOWNS)
    widths = (3, 2, 2, 2, 2, 2, 2, 2, 3, 2, 2, 2, 2, 8)
    return Table(
        names["table"]["towns"], head, tuple(row(t) for t in found.towns), widths, small=True
    )


def percent(share: float) -> str:
    """A small share in percent with two digits that say something: 0.02%, 1.3%."""
    return f"{float(f'{share * 100:.2g}'):g}%"


def _assumed(found: PoolSizes, names: Mapping[str, Any]) -> Table:
    def shown(key: str, value: Any) -> str:
        if value is None:
            return str(names["none"])
        if isinstance(value, bool):
            return str(names["yes" if value else "no"])
        if key == "dilution":
            return str(names["dilution"][value])
        if key in SHARES:
            return f"{value * 100:g}%" if key != "prevalence" else percent(value)
        return f"{value:.4g}"

    values = asdict(found.terms)
    rows = tuple((text, shown(key, values[key])) for key, text in names["assumed"].items())
    return Table(
        names["table"]["assumptions"], (names["col"]["what"], names["col"]["value"]), rows, widths=(6, 4)
    )  # fmt: skip
