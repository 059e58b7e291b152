"""People and goods in the Word annex: jobs, institutions, shifts with names, goods, what is missing, who is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from yingjian.engines.plan.means import Crew, Goods
from yingjian.engines.plan.model import Plan
from yingjian.kernel.papers import Block, Heading, Paragraph, Table
from yingjian.workforce import queries as workforce

from . import crewing, packing, queries, wording

NONE = "—"


@dataclass(frozen=True)
class _Desk:
    """The plan, and what is needed to tell it in words."""

    plan: Plan
    crew: Crew
    goods: Goods
    names: crewing.Names
    areas: dict[str, str]
    own: dict[str, Any]
    tz: tzinfo
    language: str


def of(plan: Plan, *, tz: tzinfo, language: str) -> list[Block]:
    """The annex's parts; none for plans made before there was a roster."""
    if plan.crew is None or plan.goods is None:
        return []
    desk = _Desk(
        plan, plan.crew, plan.goods, workforce.names_of(crewing.staff_ids(plan)),
        queries.area_names(crewing.areas_in(plan), language), wording.words(language), tz, language,
    )  # fmt: skip
    return [*_people(desk), *_shifts(desk), *_goods(desk)]


def _people(desk: _Desk) -> list[Block]:
    col, text = desk.own["col"], desk.own["means"]
    jobs = crewing.job_lines(desk.crew, desk.language)
    units = [one for one in crewing.unit_lines(desk.crew, desk.language) if one.sent]
    blocks: list[Block] = [
        Heading(text["people"]),
        Paragraph(
            text["intro"].format(
                wanted=sum(j.wanted for j in jobs), filled=sum(j.filled for j in jobs),
                short=sum(j.short for j in jobs), units=len(units),
            )
        ),
        Table(
            text["people"], (col["job"], col["wanted"], col["placed"], col["short"], col["standby"]),
            tuple((j.job, j.wanted, j.filled, j.short, f"{j.standby}/{j.standby_wanted}") for j in jobs),
            widths=(4, 2, 2, 2, 2),
        ),
    ]  # fmt: skip
    if units:
        sent = tuple(
            (u.name, u.most, u.sent, "、".join(f"{j.unit}{j.people}" for j in u.jobs))
            for u in units
        )
        head = (col["institution"], col["most"], col["sent"], col["as_what"])
        blocks += [Heading(text["units"]), Table(text["units"], head, sent, widths=(5, 2, 2, 6))]
    asks = crewing.ask_lines(desk.crew, desk.areas, desk.language)
    return blocks + _asks(
        text["asks_people"], (col["job"], col["tier"], col["wanted"], col["own"], col["ask"]),
        [(a.job, f"{a.area} → {a.above}", a.task, a.people, a.ask) for a in asks],
    )  # fmt: skip


def _shifts(desk: _Desk) -> list[Block]:
    col, text = desk.own["col"], desk.own["means"]
    rows = tuple(
        (
            site.name, _span(one.start, one.end, desk.tz), f"{one.job}{one.team}",
            f"{one.filled}/{one.wanted}", "、".join(one.names) or NONE,
        )
        for site in desk.plan.sites
        for one in crewing.shifts_of(desk.plan, site, desk.names, desk.language)
    )  # fmt: skip
    head = (col["site_name"], col["shift"], col["job"], col["placed"], col["names"])
    table = Table(text["shifts"], head, rows, widths=(4, 4, 3, 2, 5), small=True)
    return [Heading(text["shifts"]), table]


def _goods(desk: _Desk) -> list[Block]:
    col, text = desk.own["col"], desk.own["means"]
    rows = tuple(
        (
            one.name, f"{one.wanted} {one.unit}",
            "、".join(f"{s.place} {s.quantity}" for s in one.stores) or NONE, one.missing or NONE,
            _moment(one.ask_by, desk.tz),
        )
        for one in packing.item_lines(desk.plan, desk.language)
    )  # fmt: skip
    head = (col["item"], col["quantity"], col["stores"], col["missing"], col["ask_by"])
    blocks: list[Block] = [Heading(text["goods"])]
    if not desk.goods.known:
        blocks.append(Paragraph(text["no_store"]))
    blocks.append(Table(text["goods"], head, rows, widths=(3, 3, 5, 2, 3)))
    asks = packing.ask_lines(desk.plan, desk.areas, desk.language)
    blocks += _asks(
        text["asks_goods"], (col["item"], col["tier"], col["wanted"], col["own"]),
        [(a.name, f"{a.area} → {a.above}", f"{a.wanted} {a.unit}", a.stock) for a in asks],
    )  # fmt: skip
    packs = tuple(
        (name, "、".join(f"{line.name}{line.quantity}{line.unit}" for line in lines))
        for name, lines in packing.alike(desk.plan, desk.areas, desk.language)
    )
    short = Table(text["packs"], (col["site_name"], col["pack"]), packs, widths=(3, 12), small=True)
    return [*blocks, Heading(text["packs"]), short]


def _asks(title: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[Block]:
    return [Heading(title), Table(title, head, tuple(rows))] if rows else []


def _span(start: datetime, end: datetime, tz: tzinfo) -> str:
    return f"{start.astimezone(tz):%m-%d %H:%M}–{end.astimezone(tz):%H:%M}"


def _moment(at: datetime | None, tz: tzinfo) -> str:
    return NONE if at is None else f"{at.astimezone(tz):%m-%d %H:%M}"
