"""What a checker says: findings, each with the rule it measures, and helpers to collect them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import numpy as np

from yingjian.engines.asking import Floats
from yingjian.engines.plan.model import Block, Plan, PlanProblem, Scalar, Site

NEAR = 1e-6
"""Sums of floats this close count as equal."""
LEVELS = ("ok", "note", "warning", "error")


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule held against one element of a plan.

    `level`: ok (holds), note (worth knowing), warning (a rule gives way to a stronger one, or an
    assumption does not hold), error (a rule is broken). `path`, `value` and `origin` are the
    preset's; `measured` is what the plan has, `limit` what the rule allows, both in the rule's
    unit. `over` is by how much, so that the least violation can be told from a large one.
    """

    code: str
    level: str
    element: str
    path: str = ""
    value: Scalar = None
    origin: str = ""
    rules: list[str] = []
    measured: float | str | None = None
    limit: float | str | None = None
    over: float = 0.0
    params: dict[str, float | str] = {}


@dataclass
class Bench:
    """Problem and plan side by side, indexed once, and the findings so far."""

    problem: PlanProblem
    plan: Plan
    findings: list[Finding] = field(default_factory=list)
    blocks: dict[str, Block] = field(init=False)
    sites: dict[str, Site] = field(init=False)
    places: dict[str, tuple[float | None, float | None]] = field(init=False)
    """Where each village is."""
    fits: dict[str, int | None] = field(init=False)
    """Lanes that fit at each given candidate."""
    calls: Counter[str] = field(init=False)
    """How often each site is called at."""

    def __post_init__(self) -> None:
        self.blocks = {block.key: block for block in self.problem.blocks if block.people > 0}
        self.sites = {site.code: site for site in self.plan.sites}
        self.places = {v.area: (v.lon, v.lat) for v in self.problem.villages}
        self.fits = {place.key: place.lanes for place in self.problem.candidates}
        self.calls = Counter(stop.site for run in self.plan.runs for stop in run.stops)

    def say(
        self,
        code: str,
        level: str,
        element: str,
        path: str = "",
        *,
        measured: float | str | None = None,
        limit: float | str | None = None,
        over: float = 0.0,
        **params: float | str,
    ) -> None:
        """Add a finding; rule value and origin are looked up by `path`."""
        rule = self.problem.rules.get(path)
        self.findings.append(
            Finding(
                code=code,
                level=level,
                element=element,
                path=path,
                value=rule.value,
                origin=rule.origin,
                rules=[
                    part for part in rule.origin.split() if part[:1] == "R" and part[1:].isdigit()
                ],
                measured=measured,
                limit=limit,
                over=round(over, 3),
                params=params,
            )
        )

    def most(
        self,
        code: str,
        element: str,
        path: str,
        measured: float,
        limit: float | None,
        *,
        level: str = "error",
        **params: float | str,
    ) -> None:
        """Judge `measured ≤ limit`; no limit, no finding."""
        if limit is None:
            return
        broken = measured > limit + NEAR
        self.say(
            code,
            level if broken else "ok",
            element,
            path,
            measured=round(measured, 3),
            limit=round(limit, 3),
            over=measured - limit if broken else 0.0,
            **params,
        )

    def least(
        self,
        code: str,
        element: str,
        path: str,
        measured: float,
        limit: float | None,
        *,
        level: str = "error",
        **params: float | str,
    ) -> None:
        """Judge `measured ≥ limit`; no limit, no finding."""
        if limit is None:
            return
        broken = measured < limit - NEAR
        self.say(
            code,
            level if broken else "ok",
            element,
            path,
            measured=round(measured, 3),
            limit=round(limit, 3),
            over=limit - measured if broken else 0.0,
            **params,
        )

    def same(self, code: str, element: str, stated: float, found: float, what: str) -> None:
        """A number the plan states must equal what its parts add up to."""
        self.say(
            code,
            "ok" if abs(stated - found) <= NEAR else "error",
            element,
            measured=stated,
            limit=found,
            over=abs(stated - found),
            what=what,
        )


def minutes(later: datetime, earlier: datetime) -> float:
    """Minutes from `earlier` to `later`."""
    return (later - earlier) / timedelta(minutes=1)


def stands(site: Site) -> dict[str, tuple[float, float]]:
    """Where each household called to a mobile team meets it; none at a fixed site."""
    return {
        key: (visit.lon, visit.lat)
        for slot in site.slots
        for visit in site.visits
        if visit.start <= slot.start < visit.end
        for key in slot.blocks
    }


def twice(items: Iterable[str]) -> list[str]:
    """Items that occur more than once."""
    return sorted(item for item, count in Counter(items).items() if count > 1)


def straight_km(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Distance on the sphere by the law of cosines of the chord."""
    p1, p2 = (
        (
            math.cos(math.radians(lat)) * math.cos(math.radians(lon)),
            math.cos(math.radians(lat)) * math.sin(math.radians(lon)),
            math.sin(math.radians(lat)),
        )
        for lon, lat in ((lon1, lat1), (lon2, lat2))
    )
    return 2 * 6371.0088 * math.asin(min(1.0, math.dist(p1, p2) / 2))


def straight_kms(lon1: Floats, lat1: Floats, lon2: Floats, lat2: Floats) -> Floats:
    """`straight_km` of many pairs at once."""
    one, two = (
        np.stack((np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)))
        for x, y in ((np.radians(lon1), np.radians(lat1)), (np.radians(lon2), np.radians(lat2)))
    )
    chord = np.sqrt(((one - two) ** 2).sum(axis=0))
    found: Floats = 2 * 6371.0088 * np.arcsin(np.minimum(1.0, chord / 2))
    return found


def summary(findings: Iterable[Finding]) -> Mapping[str, int]:
    """Findings counted by level."""
    count = Counter(finding.level for finding in findings)
    return {level: count[level] for level in LEVELS}
