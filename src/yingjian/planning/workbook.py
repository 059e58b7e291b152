"""A plan as an Excel file: overview, sites, slots, staff, goods, pick-ups, laboratories, rules."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from yingjian.engines.plan.model import Plan
from yingjian.kernel.rendering import CELL, breadth, laid_out

from . import crewing, packing
from .crewing import Names
from .wording import origin, rule, spoken, subject, told, words

Row = list[Any]
MEASURED = 500
"""Lines of a sheet whose widths are looked at."""
TIME_WIDE = 16
LINE = 15
"""Points of one line of text."""
SHEET_ROWS = 1_000_000
"""Below Excel's limit of 1,048,576; a sheet that would be longer goes on in the next."""


def workbook(
    plan: Plan, findings: list[dict[str, Any]], *, names_of: Names, areas: packing.Areas,
    called: Mapping[str, str], language: str, tz: ZoneInfo,
) -> bytes:  # fmt: skip
    """The plan's tables; `called`: names by code. Times are local, staff named as far as the reader may see."""
    names = words(language)
    stream = io.BytesIO()
    options = {"in_memory": True, "remove_timezone": True, "constant_memory": False}
    with xlsxwriter.Workbook(stream, options) as book:
        style = {
            "head": book.add_format({"bold": True, "bg_color": "#E8EEF4", "border": 1}),
            "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            "text": book.add_format({"indent": 1}),
            "long": book.add_format({"text_wrap": True, "valign": "top", "indent": 1}),
        }
        for title, columns, rows in (
            ("totals", ["what", "number"], _totals(plan, names, language)),
            ("sites", SITE, _sites(plan)),
            ("candidates", CANDIDATE, _candidates(plan, names)),
            ("slots", SLOT, _slots(plan)),
            ("hours", HOURS, _hours(plan)),
            ("shifts", SHIFT, _shifts(plan, names_of, language)),
            ("staff", STAFF, _staff(plan, names_of, language)),
            ("units", UNIT, _units(plan, language)),
            ("jobs", JOB, _jobs(plan, language)),
            ("standby", STANDBY, _standby(plan, names_of, language)),
            ("kit", KIT, _kit(plan, areas, language)),
            ("goods", GOODS, _goods(plan, language)),
            ("runs", RUN, _runs(plan, called)),
            ("calls", CALL, _calls(plan)),
            ("tours", TOUR, _tours(plan, names)),
            ("labs", LAB, _labs(plan, called)),
            ("findings", FINDING, _findings(findings, called, language)),
        ):
            head = [names["col"][column] for column in columns]
            _write(
                book, names["sheet"][title], head, rows, none=names["no_rows"], style=style, tz=tz
            )
    return stream.getvalue()


SITE = [
    "site_code", "site_name", "area", "lon", "lat", "people", "walkers", "home_people", "key_people",
    "villages", "lanes", "groups", "tubes", "boxes", "opens", "closes",
]  # fmt: skip
CANDIDATE = ["place", "area", "lon", "lat", "lanes_fit", "chosen", "site_code", "walkers", "lanes"]
SLOT = ["site_code", "site_name", "start", "end", "people", "come", "mean", "tail", "wait"]
HOURS = ["site_code", "site_name", "start", "end", "people_called", "lanes_needed", "lanes_staffed"]
SHIFT = [
    "site_code",
    "site_name",
    "start",
    "end",
    "job",
    "team",
    "wanted",
    "placed",
    "institutions",
    "names",
]
STAFF = ["site_code", "station_code", "job", "team", "seat", "start", "end", "name", "institution"]
UNIT = ["institution", "free", "least", "most", "sent", "as_what", "buses"]
JOB = ["job", "wanted", "placed", "short", "standby_wanted", "standby", "why"]
STANDBY = ["job", "rank", "name", "institution"]
KIT = ["site_code", "site_name", "item", "quantity", "unit", "stores", "missing", "ask_by", "why"]
GOODS = ["item", "quantity", "unit", "stores", "missing", "ask_by"]
RUN = [
    "route",
    "vehicle",
    "driver",
    "lab",
    "leaves",
    "calls",
    "arrives",
    "oldest",
    "tubes",
    "boxes",
    "km",
]
CALL = ["vehicle", "leaves", "order", "site_code", "site_name", "at", "tubes", "boxes"]
TOUR = ["team", "kind", "order", "place", "start", "end", "doors", "people"]
LAB = ["lab", "site_code", "site_name", "day", "tubes", "capacity"]
FINDING = ["level", "says", "element", "measured", "limit", "why", "origin"]


def _write(
    book: Any, title: str, head: list[str], rows: Iterable[Row], *, none: str, style: dict[str, Any], tz: ZoneInfo
) -> None:  # fmt: skip
    """One table; `none` stands in one without rows, so that nobody takes it for one that was not filled in."""
    part, line = 1, 1
    sheet, widths = _begun(book, title, head, style)
    for row in rows:
        if line > SHEET_ROWS:
            _ended(sheet, widths, line)
            part, line = part + 1, 1
            sheet, widths = _begun(book, f"{title}{part}", head, style)
        wide = [_cell(sheet, (line, n), value, style, tz) for n, value in enumerate(row)]
        if max(wide) > CELL:  # not every program makes room by itself
            sheet.set_row(line, LINE * -(-max(wide) // CELL))
        if line <= MEASURED:
            widths[: len(wide)] = map(max, widths, wide)
        line += 1
    _ended(sheet, widths, line)
    if part == line == 1:
        sheet.write_string(1, 0, none, style["text"])


def _begun(book: Any, title: str, head: list[str], style: dict[str, Any]) -> tuple[Any, list[int]]:
    sheet = book.add_worksheet(title)
    for place, text in enumerate(head):
        sheet.write_string(0, place, text, style["head"])
    return sheet, [breadth(text) for text in head]


def _ended(sheet: Any, widths: list[int], line: int) -> None:
    if line > 1:
        sheet.autofilter(0, 0, line - 1, len(widths) - 1)
    laid_out(sheet, widths)


def _cell(
    sheet: Any, at: tuple[int, int], value: Any, style: dict[str, Any], tz: ZoneInfo
) -> int:  # fmt: skip
    """Write a value; how wide it stands."""
    if isinstance(value, datetime):
        sheet.write_datetime(*at, value.astimezone(tz).replace(tzinfo=None), style["time"])
        return TIME_WIDE
    if isinstance(value, int | float) and not isinstance(value, bool):
        sheet.write_number(*at, value)
        return len(str(value))
    text = ("✓" if value else "") if value is None or isinstance(value, bool) else str(value)
    wide = breadth(text)
    sheet.write_string(*at, text, style["long" if wide > CELL else "text"])
    return wide


def _totals(plan: Plan, names: dict[str, Any], language: str) -> Iterable[Row]:
    for key, text in names["total"].items():
        source = plan.totals if hasattr(plan.totals, key) else plan.forecast
        yield [text, getattr(source, key)]
        if key == "sites" and plan.siting.most_sites is not None:
            yield [names["most_sites"], plan.siting.most_sites]
    for job, count in plan.totals.staff.items():
        yield [crewing.job_word(job, language), count]
    for item, count in plan.totals.kit.items():
        yield [packing.item_word(item, language), count]


def _sites(plan: Plan) -> Iterable[Row]:
    for site in plan.sites:
        yield [
            site.code, site.name, site.area, site.lon, site.lat, site.people, site.walkers, site.home_people,
            site.key_people, "、".join(f"{v.name} {v.people}" for v in site.villages), site.lanes, site.groups,
            site.tubes.total, sum(len(s.boxes) for s in site.stations), min(s.start for s in site.open),
            max(s.end for s in site.open),
        ]  # fmt: skip


def _candidates(plan: Plan, names: dict[str, Any]) -> Iterable[Row]:
    """Places of the county's list: those chosen with their sites, then those not chosen."""
    for site in plan.sites:
        if site.given:
            yield [
                site.name, site.area, site.lon, site.lat, None, True, site.code, site.walkers, site.lanes
            ]  # fmt: skip
    for place in plan.siting.options:
        if not place.made:
            shut = names["barred"] if place.lock == "never" else ""
            yield [place.name, place.area, place.lon, place.lat, place.lanes, shut]


def _slots(plan: Plan) -> Iterable[Row]:
    for site in plan.sites:
        for slot in site.slots:
            yield [
                site.code, site.name, slot.start, slot.end, slot.people, slot.come, slot.mean, slot.tail, slot.wait,
            ]  # fmt: skip


def _hours(plan: Plan) -> Iterable[Row]:
    for site, hour in crewing.hours_rows(plan):
        yield [site.code, site.name, hour.start, hour.end, hour.people, hour.needed, hour.staffed]


def _shifts(plan: Plan, names_of: Names, language: str) -> Iterable[Row]:
    for site in plan.sites:
        for one in crewing.shifts_of(plan, site, names_of, language):
            units = "、".join(f"{unit.unit} {unit.people}" for unit in one.units)
            yield [
                site.code, site.name, one.start, one.end, one.job, one.team, one.wanted, one.filled,
                units, "、".join(one.names),
            ]  # fmt: skip


def _staff(plan: Plan, names_of: Names, language: str) -> Iterable[Row]:
    for post in [*(p for site in plan.sites for p in site.posts), *plan.posts]:
        who = names_of.get(plan.seats.get(post.seat, ""), crewing.NOBODY)
        yield [
            post.site, post.station, crewing.job_word(post.job, language), post.team, post.seat,
            post.start, post.end, who.name, who.institution,
        ]  # fmt: skip


def _units(plan: Plan, language: str) -> Iterable[Row]:
    for line in crewing.unit_lines(plan.crew, language) if plan.crew else ():
        jobs = "、".join(f"{one.unit} {one.people}" for one in line.jobs)
        yield [line.name, line.people, line.least, line.most, line.sent, jobs, line.buses]


def _jobs(plan: Plan, language: str) -> Iterable[Row]:
    for line in crewing.job_lines(plan.crew, language) if plan.crew else ():
        yield [
            line.job, line.wanted, line.filled, line.short, line.standby_wanted, line.standby,
            *packing.reasons([line.rule], language),
        ]  # fmt: skip


def _standby(plan: Plan, names_of: Names, language: str) -> Iterable[Row]:
    for line in crewing.standby_lines(plan.crew, names_of, language) if plan.crew else ():
        yield [line.job, line.rank, line.name, line.unit]


def _kit(plan: Plan, areas: packing.Areas, language: str) -> Iterable[Row]:
    for site, lines in packing.all_lines(plan, areas, language):
        for line in lines:
            yield [
                site.code, site.name, line.name, line.quantity, line.unit, _stores(line.stores),
                line.missing, line.ask_by, "、".join(line.why),
            ]  # fmt: skip


def _goods(plan: Plan, language: str) -> Iterable[Row]:
    for line in packing.item_lines(plan, language):
        yield [
            line.name, line.wanted, line.unit, _stores(line.stores), line.missing, line.ask_by
        ]  # fmt: skip


def _stores(stores: list[packing.FromStore]) -> str:
    return "、".join(f"{one.place} {one.quantity}" for one in stores)


def _runs(plan: Plan, called: Mapping[str, str]) -> Iterable[Row]:
    for run in plan.runs:
        calls = "、".join(called.get(f"site:{stop.site}", stop.site) for stop in run.stops)
        yield [
            run.route, run.vehicle, run.driver, called.get(run.lab, run.lab), run.leaves, calls, run.arrives,
            run.oldest_minutes, run.tubes, run.boxes, run.km,
        ]  # fmt: skip


def _calls(plan: Plan) -> Iterable[Row]:
    """A courier's day: every stop of every run in order."""
    names = {site.code: site.name for site in plan.sites}
    for run in sorted(plan.runs, key=lambda r: (r.vehicle, r.leaves)):
        for n, stop in enumerate(run.stops, start=1):
            name = names.get(stop.site, "")
            yield [run.vehicle, run.leaves, n, stop.site, name, stop.at, stop.tubes, stop.boxes]


def _tours(plan: Plan, names: dict[str, Any]) -> Iterable[Row]:
    """Mobile teams' stops in order, and home-visit tours. Doors are counted, never named."""
    kind = names["tour_kind"]
    for site in plan.sites:
        for n, visit in enumerate(sorted(site.visits, key=lambda v: v.start), start=1):
            yield [
                site.name, kind["mobile"], n, visit.name, visit.start, visit.end, None, visit.people
            ]  # fmt: skip
    sites = {site.code: site.name for site in plan.sites}
    order: dict[str, int] = {}
    for tour in sorted(plan.tours, key=lambda t: (t.team, t.leaves)):
        order[tour.team] = order.get(tour.team, 0) + 1
        yield [
            tour.team, kind["home"], order[tour.team], sites.get(tour.site, tour.site), tour.leaves,
            tour.back, tour.doors, tour.people,
        ]  # fmt: skip


def _labs(plan: Plan, called: Mapping[str, str]) -> Iterable[Row]:
    capacity = {lab.lab: lab.tubes_per_day for lab in plan.labs}
    for share in plan.shares:
        yield [
            called.get(share.lab, share.lab),
            share.site,
            called.get(f"site:{share.site}", ""),
            share.day + 1,
            share.tubes,
            capacity[share.lab],
        ]
    if plan.totals.lab_shortage:
        yield ["", "", "", "", plan.totals.lab_shortage, 0]


def _findings(
    findings: list[dict[str, Any]], called: Mapping[str, str], language: str
) -> Iterable[Row]:
    levels = words(language)["level"]
    for item in findings:
        path = item.get("path", "")
        yield [
            levels[item["level"]], told(item, language, called), subject(item["element"], language, called),
            *("" if item.get(name) is None else spoken(item[name], language) for name in ("measured", "limit")),
            rule(path, language), origin(item.get("origin", ""), language),
        ]  # fmt: skip
