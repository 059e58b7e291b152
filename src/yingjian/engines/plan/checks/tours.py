"""Home-visit tours held against the rules: counted again door by door; no planner code."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

from yingjian.engines.plan.judge import Bench, minutes, straight_km
from yingjian.engines.plan.model import (
    HomeVisit,
    Site,
)
from yingjian.engines.plan.moves import HomeTour

SLACK = 2.0
"""Minutes: timetables are whole minutes."""


def check_tours(bench: Bench) -> None:
    """Every tour: its doors, its way, its team, and how old its first sample is at the laboratory (R29, R59)."""
    tours = bench.plan.tours
    of: dict[int, list[tuple[Site, HomeVisit]]] = defaultdict(list)
    for site in bench.plan.sites:
        for visit in site.home:
            if visit.tour:
                of[visit.tour].append((site, visit))
    calls: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for run in bench.plan.runs:
        for stop in run.stops:
            calls[stop.site].append((stop.at, run.arrives))
    for n in sorted(set(of) - set(range(1, len(tours) + 1))):
        bench.say("tour_unknown", "error", f"tour:{n}", "pool.home_visit", measured=n)
    for n, tour in enumerate(tours, start=1):
        own = sorted((v for _, v in of[n]), key=lambda visit: visit.start)
        element = f"tour:{n}"
        away = sum(site.code != tour.site for site, _ in of[n])
        bench.same("tour_sum", element, tour.doors, len(own) - away, "doors")
        bench.same("tour_sum", element, tour.people, sum(v.people for v in own), "people")
        if own:
            _way(bench, element, tour, own)
            _fresh(bench, element, tour, own, calls[tour.site])
    _teams(bench)


def _way(bench: Bench, element: str, tour: HomeTour, own: list[HomeVisit]) -> None:
    """No faster than the road and the doors allow, out and back again."""
    params = bench.plan.params
    site = bench.sites.get(tour.site)
    base = None if site is None else (site.lon, site.lat)
    spots = [(b.lon, b.lat) if b else None for b in (bench.blocks.get(v.key) for v in own)]
    doors = [params.door_minutes + params.person_minutes * (v.people - 1) for v in own]
    where = [base, *spots, base]
    when = [tour.leaves, *(v.start for v in own), tour.back]
    short = 0.0
    for (a, b), (start, end), door in zip(
        pairwise(where), pairwise(when), [0.0, *doors], strict=True
    ):
        if a is None or b is None or None in (*a, *b):
            continue
        way = straight_km(a[0] or 0, a[1] or 0, b[0] or 0, b[1] or 0) * params.road_factor
        need = door + way / params.drive_km_per_h * 60
        short = max(short, need - minutes(end, start) - SLACK)
    bench.most("tour_way", element, "", short, 0.0)


def _fresh(
    bench: Bench, element: str, tour: HomeTour, own: list[HomeVisit],
    calls: list[tuple[datetime, datetime]],
) -> None:  # fmt: skip
    """The first sample rides with the first call at the site after the team is back.

    `calls`: every stop at the site, and when its run arrives.
    """
    limit = bench.problem.rules.number("clocks.deliver")
    if limit is None:
        return
    after = [a for at, a in calls if tour.back <= at < tour.back + timedelta(days=1)]
    age = minutes(min(after), own[0].start) if after else float("inf")
    bench.most("home_late", element, "clocks.deliver", min(age, 1e6), limit, level="warning")


def _teams(bench: Bench) -> None:
    """A team that exists, at one place at a time, with as many doors as it was given."""
    of: dict[str, list[HomeTour]] = defaultdict(list)
    doors: Counter[str] = Counter()
    for tour in bench.plan.tours:
        of[tour.team].append(tour)
        doors[tour.team] += tour.doors
    known = {team.code for team in bench.plan.teams if team.kind == "home"}
    for team, tours in sorted(of.items()):
        tours.sort(key=lambda tour: tour.leaves)
        clash = sum(b.leaves < a.back for a, b in pairwise(tours))
        bench.say("tour_twice", "error" if clash else "ok", f"team:{team}", measured=clash, limit=0)
        bench.say("tour_team", "ok" if team in known else "error", f"team:{team}",
                  "pool.home_visit", measured=team)  # fmt: skip
