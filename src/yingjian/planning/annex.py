"""A plan's sites and mobile teams as an annex in Word, with the proof of how good they are; and as GeoJSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from yingjian.engines.plan_model import Plan
from yingjian.kernel.papers import Heading, Paragraph, Report, Table

from . import wording

MICRO = 1_000_000
SHOWN = ("error", "warning", "note")


def percent(gap: float) -> str:
    """A share in percent with as many digits as say something, rounded up: never better than proven."""
    return f"{-(-gap * 100_00 // 1) / 100:g}"


def proof(plan: Plan, names: dict[str, Any]) -> str:
    """How good the choice of sites is, in a sentence."""
    siting = plan.siting
    if siting.gap is None:
        return str(names[siting.method])
    return str(names["certified"]).format(
        gap=percent(siting.gap), cost=round(siting.cost / MICRO, 1), bound=round(siting.bound / MICRO, 1)
    )  # fmt: skip


def paper(
    plan: Plan, findings: Sequence[dict[str, Any]], *, round_name: str, version: int,
    as_of: datetime, tz: tzinfo, language: str,
) -> Report:  # fmt: skip
    """The annex."""
    names = wording.words(language)
    own = names["annex"]
    totals = plan.totals
    blocks: list[Any] = [
        Paragraph(
            own["intro"].format(
                at=as_of.strftime("%Y-%m-%d %H:%M"), preset=plan.preset, people=totals.people,
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
    lines = [(names["level"][f["level"]], wording.told(f, language), f.get("origin", ""))
             for f in findings if f["level"] in SHOWN]  # fmt: skip
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
        for key in ("site_code", "site_name", "walkers", "lanes", "tubes", "villages")
    )
    rows = tuple(
        (
            site.code, site.name, site.walkers, site.lanes, site.tubes.total,
            "、".join(f"{v.name}{v.people}" for v in site.villages),
        )
        for site in plan.sites
        if site.kind == "fixed"
    )  # fmt: skip
    return Table(own["sites"], head, rows, widths=(3, 4, 2, 2, 2, 3))


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
    return Table(own["mobile"], head, rows, widths=(5, 5, 3, 2, 1))


def geojson(plan: Plan) -> bytes:
    """Features by `layer`: `site`, `catchment`, `visit`, `spot` (groups of homes), `candidate`."""
    features: list[dict[str, Any]] = []
    walk = plan.siting.walk_m / plan.params.road_factor
    for site in plan.sites:
        about = {
            "code": site.code, "name": site.name, "kind": site.kind, "people": site.people,
            "walkers": site.walkers, "lanes": site.lanes, "lock": site.lock,
            "candidate": site.candidate, "walk_m": round(walk),
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
        told = {"key": place.key, "name": place.name, "lock": place.lock}
        features.append(_feature("candidate", "Point", [place.lon, place.lat], told))
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _feature(layer: str, kind: str, where: Any, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"layer": layer, **told},
        "geometry": {"type": kind, "coordinates": where},
    }
