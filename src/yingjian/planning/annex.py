"""A plan's sites and mobile teams as an annex in Word, with the proof of how good they are; and as GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

import msgspec

from yingjian.engines.plan.model import Plan, Run
from yingjian.kernel.papers import Block, Heading, Paragraph, Report, Table

from . import wording

MICRO = 1_000_000
SHOWN = ("error", "warning", "note")


def percent(gap: float) -> str:
    """A share in percent with as many digits as say something, rounded up: never better than proven."""
    return f"{-(-gap * 100_00 // 1) / 100:g}"


def proof(plan: Plan, names: dict[str, Any]) -> str:
    """How good the choice of sites is, in a sentence."""
    siting = plan.siting
    told = str(names[siting.method])
    if siting.gap is not None:
        told = told.format(
            gap=percent(siting.gap), cost=round(siting.cost / MICRO, 1), bound=round(siting.bound / MICRO, 1)
        )  # fmt: skip
    return told if siting.most_sites is None else told + limited(plan, names)


def limited(plan: Plan, names: dict[str, Any]) -> str:
    """At most how many fixed sites were asked for, how many there are, how many people are outside the rules."""
    beyond = sum(plan.siting.spots[k].people for k in plan.siting.beyond)
    fixed = plan.totals.sites - plan.totals.mobile_teams
    told = str(names["limited"]).format(most=plan.siting.most_sites, fixed=fixed)
    return told + str(names["beyond"]).format(people=beyond) if beyond else told


def paper(
    plan: Plan, findings: Sequence[dict[str, Any]], *, means: Sequence[Block], called: Mapping[str, str], preset: str,
    round_name: str, version: int, as_of: datetime, tz: tzinfo, language: str,
) -> Report:  # fmt: skip
    """The annex; `means` are its parts on people and goods, `called` names by code, `preset` the preset's title."""
    names = wording.words(language)
    own = names["annex"]
    totals = plan.totals
    blocks: list[Any] = [
        Paragraph(
            own["intro"].format(
                at=as_of.strftime("%Y-%m-%d %H:%M"), preset=preset, people=totals.people,
                fixed=totals.sites - totals.mobile_teams, mobile=totals.mobile_teams,
                visits=totals.mobile_visits, lanes=totals.lanes, staff=totals.staff_total,
            )
        ),
        Paragraph(proof(plan, own)),
        Heading(own["sites"]),
        _sites(plan, names, own),
    ]  # fmt: skip
    if totals.mobile_teams:
        blocks += [Heading(own["mobile"]), _visits(plan, names, own, tz)]
    if plan.runs:
        blocks += _routes(plan, names, own, called, tz)
    if plan.tours:
        blocks += [Heading(own["home"]), _tours(plan, names, own, tz)]
    blocks += means
    lines = [
        (
            names["level"][f["level"]],
            wording.told(f, language, called),
            wording.origin(f.get("origin", ""), language),
        )
        for f in findings
        if f["level"] in SHOWN
    ]
    blocks.append(Heading(own["findings"]))
    if lines:
        head = (names["col"]["level"], names["col"]["says"], names["col"]["origin"])
        blocks.append(Table(own["findings"], head, tuple(lines), widths=(2, 10, 4)))
    else:
        blocks.append(Paragraph(own["none"]))
    return Report(own["title"].format(round=round_name, version=version), tuple(blocks))


def _sites(plan: Plan, names: dict[str, Any], own: dict[str, Any]) -> Table:
    head = tuple(
        names["col"][key]
        for key in (
            "site_code",
            "site_name",
            "walkers",
            "lanes",
            "tubes",
            "mean",
            "tail",
            "villages",
        )
    )
    rows = tuple(
        (
            site.code, site.name, site.walkers, site.lanes, site.tubes.total,
            max((slot.mean for slot in site.slots), default=0.0),
            max((slot.tail for slot in site.slots), default=0.0),
            "、".join(f"{v.name}{v.people}" for v in site.villages),
        )
        for site in plan.sites
        if site.kind == "fixed"
    )  # fmt: skip
    return Table(own["sites"], head, rows, widths=(5, 5, 2, 2, 2, 3, 3, 5), small=True)


def _visits(plan: Plan, names: dict[str, Any], own: dict[str, Any], tz: tzinfo) -> Table:
    col = names["col"]
    head = (own["team"], own["stop"], col["start"], col["end"], col["people"])
    rows = tuple(
        (
            site.name, visit.name, visit.start.astimezone(tz).strftime("%m-%d %H:%M"),
            visit.end.astimezone(tz).strftime("%H:%M"), visit.people,
        )
        for site in plan.sites
        for visit in site.visits
    )  # fmt: skip
    return Table(own["mobile"], head, rows, widths=(5, 5, 3, 2, 2))


def _routes(
    plan: Plan, names: dict[str, Any], own: dict[str, Any], called: Mapping[str, str], tz: tzinfo
) -> list[Any]:
    """Each route once: where it calls, who drives it, when it leaves."""
    col = names["col"]
    sites = {site.code: site.name for site in plan.sites}
    of: dict[str, list[Run]] = {}
    for run in sorted(plan.runs, key=lambda r: (r.route, r.leaves)):
        of.setdefault(run.route, []).append(run)
    head = (
        col["route"],
        own["vehicles"],
        col["lab"],
        own["calls"],
        own["times"],
        own["boxes"],
        col["oldest"],
    )
    rows = tuple(
        (
            route, "、".join(sorted({run.vehicle for run in runs})), called.get(runs[0].lab, runs[0].lab),
            "、".join(sites.get(stop.site, stop.site) for stop in runs[0].stops),
            "  ".join(run.leaves.astimezone(tz).strftime("%H:%M") for run in runs if _day(run) == _day(runs[0])),
            max(run.boxes for run in runs), round(max(run.oldest_minutes for run in runs)),
        )
        for route, runs in of.items()
    )  # fmt: skip
    beside = [
        choice.beside or choice.taken for choice in plan.transport if choice.method == "routed"
    ]
    beside += [choice.taken for choice in plan.transport if choice.method != "routed"]
    told = own["runs_proof"].format(
        vehicles=plan.totals.vehicles, runs=plan.totals.runs, km=round(plan.totals.km),
        oldest=round(max(run.oldest_minutes for run in plan.runs)),
        cars=sum(one.vehicles for one in beside), road=round(sum(one.km for one in beside)),
    )  # fmt: skip
    table = Table(own["runs"], head, rows, widths=(3, 4, 5, 8, 4, 3, 4), small=True)
    return [Heading(own["runs"]), *([Paragraph(told)] if beside else []), table]


def _day(run: Run) -> date:
    return run.leaves.date()


def _tours(plan: Plan, names: dict[str, Any], own: dict[str, Any], tz: tzinfo) -> Table:
    """Home visits by team and time; doors are counted, never named."""
    col = names["col"]
    sites = {site.code: site.name for site in plan.sites}
    rows = tuple(
        (
            tour.team, sites.get(tour.site, tour.site), tour.leaves.astimezone(tz).strftime("%m-%d %H:%M"),
            tour.back.astimezone(tz).strftime("%H:%M"), tour.doors, tour.people,
        )
        for tour in sorted(plan.tours, key=lambda t: (t.team, t.leaves))
    )  # fmt: skip
    head = (own["team"], col["site_name"], col["leaves"], col["back"], col["doors"], col["people"])
    return Table(own["home"], head, rows, widths=(4, 5, 3, 2, 2, 2))


def geojson(plan: Plan) -> bytes:
    """Features by `layer`: `site`, `catchment`, `visit`, `spot` (groups of homes), `candidate`, `barrier`, `lab`,
    `route` (a pick-up route, straight from place to place), `tour` (a mobile team's way). Home visits are
    not drawn: their doors are nobody's business.
    """
    features: list[dict[str, Any]] = []
    walk = plan.siting.walk_m / plan.params.road_factor
    for site in plan.sites:
        about = {
            "code": site.code, "name": site.name, "kind": site.kind, "people": site.people,
            "walkers": site.walkers, "lanes": site.lanes, "lock": site.lock,
            "candidate": site.candidate, "given": site.given, "walk_m": round(walk),
        }  # fmt: skip
        if site.lon is not None and site.lat is not None:
            features.append(_feature("site", "Point", [site.lon, site.lat], about))
        if site.hull:
            ring = [list(p) for p in [*site.hull, site.hull[0]]]
            named = {"code": site.code, "kind": site.kind}
            features.append(_feature("catchment", "Polygon", [ring], named))
        for n, visit in enumerate(site.visits, start=1):
            told = {
                "code": site.code, "name": visit.name, "people": visit.people, "no": n,
                "start": visit.start.isoformat(), "end": visit.end.isoformat(),
            }  # fmt: skip
            features.append(_feature("visit", "Point", [visit.lon, visit.lat], told))
    for spot in plan.siting.spots:
        told = {"people": spot.people, "code": spot.site}
        features.append(_feature("spot", "Point", [spot.lon, spot.lat], told))
    for place in plan.siting.options:
        told = {
            "key": place.key, "name": place.name, "lock": place.lock, "area": place.area, "lanes": place.lanes,
            "given": not place.made,
        }  # fmt: skip
        features.append(_feature("candidate", "Point", [place.lon, place.lat], told))
    features += [
        _feature("barrier", "LineString", [list(p) for p in line], {})
        for line in plan.params.barriers
    ]
    if plan.params.paths:
        ways = [[list(place[:2]) for place in line] for line in plan.params.paths]
        features.append(_feature("path", "MultiLineString", ways, {}))
    features += _roads(plan)
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _roads(plan: Plan) -> list[dict[str, Any]]:
    """Laboratories, pick-up routes and mobile teams' ways, where their places are known."""
    found: list[dict[str, Any]] = []
    places = {site.code: [site.lon, site.lat] for site in plan.sites if site.lon is not None}
    labs = {lab.lab: [lab.lon, lab.lat] for lab in plan.labs if lab.lon is not None}
    for code, where in labs.items():
        found.append(_feature("lab", "Point", where, {"code": code}))
    of: dict[str, list[Run]] = {}
    for run in plan.runs:
        of.setdefault(run.route, []).append(run)
    for route, runs in sorted(of.items()):
        ends = [labs[runs[0].lab]] if runs[0].lab in labs else []
        way = ends + [places[stop.site] for stop in runs[0].stops if stop.site in places] + ends
        told = {
            "code": route, "lab": runs[0].lab, "vehicles": len({run.vehicle for run in runs}),
            "runs": len(runs), "boxes": max(run.boxes for run in runs), "km": max(run.km for run in runs),
            "oldest": max(run.oldest_minutes for run in runs),
        }  # fmt: skip
        if len(way) > 1:
            found.append(_feature("route", "LineString", way, told))
    for site in plan.sites:
        stops = [[v.lon, v.lat] for v in sorted(site.visits, key=lambda v: v.start)]
        if len(stops) > 1:
            found.append(
                _feature("tour", "LineString", stops, {"code": site.code, "name": site.name})
            )
    return found


def _feature(layer: str, kind: str, where: Any, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"layer": layer, **told},
        "geometry": {"type": kind, "coordinates": where},
    }
