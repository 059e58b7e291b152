"""How often to swab as tables: for a workbook and a Word annex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, tzinfo
from typing import Any

from yingjian.kernel.papers import Heading, Paragraph, Report, Table

from . import wording
from .cadence import Cadence, CadencePlan, CadenceTown
from .pool_sizes import in_people

SHARES = ("sensitivity", "specificity", "turnout", "symptoms")


def paper(found: Cadence, *, round_name: str, tz: tzinfo, language: str) -> Report:
    """Ways compared, what each round finds, towns with their days, the curve, assumptions. Times are local."""
    names = wording.words(language)["cadence"]
    table = names["table"]
    blocks: list[Any] = [
        Paragraph(
            names["intro"].format(
                at=found.as_of.astimezone(tz).strftime("%Y-%m-%d %H:%M"), start=found.start.isoformat(),
                days=found.terms.days, runs=found.terms.runs,
            )
        ),
        *(Paragraph(line) for line in found.says),
        Heading(table["plans"]),
        _in_short(found, names),
        _plans(found, names),
        Heading(table["rounds"]),
        _rounds(found, names),
    ]  # fmt: skip
    if any(town.turns for town in found.towns):
        blocks += [Heading(table["towns"]), _towns(found, names)]
    blocks += [
        _curve(found, names),
        Heading(table["assumptions"]),
        _assumed(found, names),
        Paragraph(names["limits"]),
    ]
    return Report(names["title"].format(round=round_name), tuple(blocks))


def _head(names: Mapping[str, Any], *keys: str) -> tuple[str, ...]:
    return tuple(names["col"][key] for key in keys)


def spread(low: float, high: float) -> str:
    """A range of people."""
    return f"{in_people(low) if low % 1 else round(low)}–{in_people(high) if high % 1 else round(high)}"


def _plans(found: Cadence, names: Mapping[str, Any]) -> Table:
    def row(plan: CadencePlan) -> tuple[Any, ...]:
        fits = "unknown" if plan.fits is None else "yes" if plan.fits else "no"
        return (
            plan.name, round(plan.swabs / max(1, found.terms.people), 1), round(plan.cases[1]),
            spread(plan.cases[0], plan.cases[2]), plan.found_mean, plan.free_mean, plan.swabs, plan.tubes,
            plan.tests, plan.staff_days, names["fits"][fits], "" if plan.price is None else round(plan.price),
            names["below"]["yes" if plan.below_rule else "no"],
        )  # fmt: skip

    head = _head(
        names, "plan", "rounds", "cases", "range", "found", "free", "swabs", "tubes", "tests", "staff", "fits",
        "per_case", "below",
    )  # fmt: skip
    return Table(names["table"]["plans"], head, tuple(map(row, found.plans)), paper=False)


def _in_short(found: Cadence, names: Mapping[str, Any]) -> Table:
    """The same on a page: what finds how much at what price."""

    def row(plan: CadencePlan) -> tuple[Any, ...]:
        fits = "unknown" if plan.fits is None else "yes" if plan.fits else "no"
        told = [names["fits"][fits], names["below"]["yes" if plan.below_rule else "no"]]
        return (
            plan.name, f"{round(plan.cases[1])}({spread(plan.cases[0], plan.cases[2])})",
            in_people(plan.found_mean), f"{plan.swabs:,}", f"{plan.tests:,}", f"{plan.staff_days:,}",
            "；".join(part for part in told if part),
        )  # fmt: skip

    head = _head(names, "plan", "cases", "found", "swabs", "tests", "staff", "fits")
    return Table("", head, tuple(map(row, found.plans)), (5, 4, 2, 4, 4, 4, 4))


def _rounds(found: Cadence, names: Mapping[str, Any]) -> Table:
    rows = tuple(
        (
            plan.name, held.on.isoformat(), held.found_mean, spread(held.found[0], held.found[2]),
            held.present_mean, held.swabs, held.tubes,
        )
        for plan in found.plans
        for held in plan.held
    )  # fmt: skip
    head = _head(names, "plan", "day", "found", "found_range", "present", "swabs", "tubes")
    return Table(names["table"]["rounds"], head, rows, (4, 3, 2, 2, 3, 3, 3), small=True)


def days_in_words(town: CadenceTown, names: Mapping[str, Any]) -> str:
    """The town's days, those under the same rule together: 06-02(本轮)、06-03 06-04(…)."""
    parts: list[tuple[str, list[str]]] = []
    for turn in town.turns:
        if not parts or parts[-1][0] != turn.why:
            parts.append((turn.why, []))
        parts[-1][1].append(turn.on.strftime("%m-%d"))
    return "；".join(f"{'、'.join(days)}（{names['why'][why]}）" for why, days in parts)


def _towns(found: Cadence, names: Mapping[str, Any]) -> Table:
    def on(day: date | None) -> str:
        return str(names["none"]) if day is None else day.isoformat()

    rows = tuple(
        (
            town.name, town.people, town.rounds_before, on(town.last_round), on(town.last_case),
            days_in_words(town, names),
        )
        for town in found.towns
    )  # fmt: skip
    head = _head(names, "town", "people", "before", "last_round", "last_case", "turns")
    return Table(names["table"]["towns"], head, rows, (3, 2, 2, 3, 3, 9), small=True)


def _curve(found: Cadence, names: Mapping[str, Any]) -> Table:
    """For a workbook only: the median of every plan by day."""
    days = range(found.terms.days)
    rows = tuple((day, *(round(plan.curve[day][1], 1) for plan in found.plans)) for day in days)
    head = (names["col"]["day"], *(plan.name for plan in found.plans))
    return Table(names["table"]["curve"], head, rows, paper=False)


def _assumed(found: Cadence, names: Mapping[str, Any]) -> Table:
    values = asdict(found.terms)

    def shown(key: str) -> str:
        value = values[key]
        if value is None:
            return str(names["none"])
        return (
            f"{value * 100:g}%"
            if key in SHARES
            else f"{value:,.4g}"
            if value % 1
            else f"{value:,.0f}"
        )

    rows = tuple((text, shown(key)) for key, text in names["assumed"].items())
    return Table(names["table"]["assumptions"], _head(names, "what", "value"), rows, (6, 3))
