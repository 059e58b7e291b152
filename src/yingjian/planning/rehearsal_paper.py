"""A rehearsal as an annex to the plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from yingjian.kernel.papers import Heading, Paragraph, Report, Table

from . import wording
from .rehearsing import CLOCKS, DayOutlook, Outcome, Rehearsal, Spread, clock, shift

SITES_ON_PAPER: Final = 30


def paper(found: Rehearsal, *, round_name: str, as_of: datetime, language: str) -> Report:
    """The rehearsal as an annex to the plan."""
    names = wording.words(language)["rehearsal"]
    title = names["title"].format(round=round_name, version=found.version)
    blocks: list[Any] = [
        Paragraph(
            names["intro"].format(
                runs=found.runs,
                at=as_of.strftime("%Y-%m-%d %H:%M"),
                retests=_followed(found, names),
            )
        )
    ]
    for day in found.days:
        blocks += [Heading(names["day"].format(date=day.on.isoformat(), people=day.people))]
        blocks += [Paragraph(line) for line in day.says]
        tables = (("cases", day.cases), ("helps", day.helps))
        for key, rows in tables[:1] if _asked(day) else tables:
            blocks += [Heading(names["table"][key])]
            blocks += (
                [_table(key, rows, day.beside, names)] if rows else [Paragraph(names["no_help"])]
            )
        blocks += [Heading(names["table"]["numbers"]), _number_table(day, names)]
        blocks += [Heading(names["table"]["sites"]), _site_table(day, names)]
        blocks += [Heading(names["table"]["hours"]), _hour_table(day, names)]
    blocks += [Heading(names["table"]["assumptions"]), _assumed(found, names)]
    return Report(title, tuple(blocks))


def _followed(found: Rehearsal, names: Mapping[str, Any]) -> str:
    """Whether positive tubes were followed, and for how many infected."""
    infected = found.assumptions.get("positives")
    text: str = names["retests"]["played" if infected else "not"]
    return text.format(infected=f"{infected or 0:g}")


def _asked(day: DayOutlook) -> bool:
    """Played with somebody's own troubles: no change was tried."""
    return [one.code for one in day.cases] == ["own"]


COLUMNS: Final = ("last_swab", "last_delivery", "last_result", "cleared", "queue_p95")


def _table(
    key: str, rows: list[Outcome], planned: Mapping[str, Spread], names: Mapping[str, Any]
) -> Table:
    shown = [name for name in COLUMNS if name in planned]
    broken = [name for name in CLOCKS if name in planned]

    def cell(name: str, figures: Mapping[str, Spread], change: Mapping[str, Spread]) -> object:
        if name not in figures:  # a case may leave nothing to measure
            return "—"
        value = figures[name][1]
        if name == "queue_p95":
            return round(value, 1)
        return f"{clock(value, names)}{shift(change.get(name))}"

    def row(
        text: str, figures: Mapping[str, Spread], change: Mapping[str, Spread]
    ) -> tuple[Any, ...]:
        late = sum(figures[name][1] for name in broken if name in figures)
        return (text, *(cell(name, figures, change) for name in shown), round(late))

    head = (names["col"]["what"], *(names["col"][name] for name in shown), names["col"]["broken"])
    body = tuple(row(one.says, one.figures, one.change) for one in rows)
    whole = (row(names["as_planned"], planned, {}), *body)
    return Table(names["table"][key], head, whole, widths=(5, *(2 for _ in shown), 2))


def _number_table(day: DayOutlook, names: Mapping[str, Any]) -> Table:
    head = tuple(names["col"][name] for name in ("what", "low", "middle", "high"))
    rows = tuple((one.says, one.low, one.middle, one.high) for one in day.numbers)
    return Table(names["table"]["numbers"], head, rows, widths=(6, 2, 2, 2))


def _hour_table(day: DayOutlook, names: Mapping[str, Any]) -> Table:
    """P95 of the queue by hour; the sites as in the table before."""
    sites = day.sites[:SITES_ON_PAPER]
    hours = sorted({one.hour for site in sites for one in site.hours})
    told = [{one.hour: round(one.p95) for one in site.hours} for site in sites]
    rows = tuple(
        (site.name, *(by.get(hour, "") for hour in hours))
        for site, by in zip(sites, told, strict=True)
    )
    head = (names["col"]["site"], *(str(hour) for hour in hours))
    return Table(names["table"]["hours"], head, rows, widths=(5, *(1 for _ in hours)), small=True)


def _site_table(day: DayOutlook, names: Mapping[str, Any]) -> Table:
    head = tuple(
        names["col"][name] for name in ("site", "lanes", "people", "finish", "worst", "queue_p95")
    )
    rows = tuple(
        (
            f"{site.name}({site.code})", site.lanes, site.people,
            f"{clock(site.finish[1], names)}({clock(site.finish[0], names)}–{clock(site.finish[2], names)})",
            f"{site.worst_hour}:00", round(site.queue_p95, 1),
        )
        for site in day.sites[:SITES_ON_PAPER]
    )  # fmt: skip
    return Table(names["table"]["sites"], head, rows, widths=(6, 1, 2, 4, 2, 2), small=True)


def _assumed(found: Rehearsal, names: Mapping[str, Any]) -> Table:
    rows = tuple(
        (text, _plain(round(found.assumptions[key], 3)))
        for key, text in names["assumed"].items()
        if key in found.assumptions
    )
    return Table(
        names["table"]["assumptions"],
        (names["col"]["what"], names["col"]["number"]),
        rows,
        widths=(6, 2),
    )


def _plain(value: float) -> float:
    """A whole number without a point."""
    return int(value) if value == int(value) else value
