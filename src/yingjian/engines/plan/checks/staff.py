"""Posts, shifts, rest and teams held against the rules. Counts again; no planner code."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

from yingjian.engines.plan.judge import Bench, minutes
from yingjian.engines.plan.model import Post, Site, Span


def check_staff(bench: Bench) -> None:
    """Every post against R34–R43 and R47."""
    for site in bench.plan.sites:
        _lane_cover(bench, site)
        _site_jobs(bench, site)
    _seats(bench)
    _round_jobs(bench)
    _teams(bench)


def _per_team(bench: Bench) -> dict[str, int]:
    rules = bench.problem.rules
    teams = max(1, int(rules.number("staffing.teams_per_lane") or 1))
    return {
        job: math.ceil(count / teams)
        for job, count in rules.table("staffing.lane").items()
        if count
    }


def _lane_cover(bench: Bench, site: Site) -> None:
    """At every moment a lane is open, a full team stands at it (R34–R36, R38)."""
    want = _per_team(bench)
    by_station: dict[str, list[Post]] = defaultdict(list)
    for post in site.posts:
        if post.station:
            by_station[post.station].append(post)
    known = {station.code for station in site.stations}
    for code in sorted(set(by_station) - known):
        bench.say("post_nowhere", "error", f"station:{code}", measured=code)
    for station in site.stations:
        for job, count in want.items():
            posts = [p for p in by_station[station.code] if p.job == job]
            spans = station.open or site.open
            least = min((_fewest(posts, span) for span in spans), default=0)
            bench.least(
                "lane_staff",
                f"station:{station.code}",
                f"staffing.lane.{job}",
                least,
                count,
                job=job,
            )


def _fewest(posts: list[Post], span: Span) -> int:
    """Fewest posts held at one moment of the span."""
    marks = {span.start, *(p.start for p in posts), *(p.end for p in posts)}
    moments = [m for m in marks if span.start <= m < span.end]
    return min(len({p.seat for p in posts if p.start <= m < p.end}) for m in moments)


def _site_jobs(bench: Bench, site: Site) -> None:
    for job, count in bench.problem.rules.table("staffing.site").items():
        if not count:
            continue
        posts = [p for p in site.posts if p.job == job and not p.station]
        least = min((_fewest(posts, span) for span in site.open), default=0)
        bench.least(
            "site_staff", f"site:{site.code}", f"staffing.site.{job}", least, count, job=job
        )


def _seats(bench: Bench) -> None:
    """One person, one place, one shift, then rest (R34, R35, R47)."""
    plan, rules = bench.plan, bench.problem.rules
    by_seat: dict[str, list[Post]] = defaultdict(list)
    for post in [*plan.posts, *(p for site in plan.sites for p in site.posts)]:
        by_seat[post.seat].append(post)
    shift = rules.number("staffing.shift")
    rotation = rules.most("staffing.rotation")
    turns = "B" in rules.text("staffing.shift_pattern")
    rest = rules.number("staffing.rest") or 0.0
    worst: Counter[str] = Counter()
    for seat, posts in by_seat.items():
        posts.sort(key=lambda p: (p.start, p.end))
        if len({p.job for p in posts}) > 1:
            bench.say("seat_two_jobs", "error", f"seat:{seat}", measured=seat)
        for first, then in itertools.pairwise(posts):
            _pair(bench, first, then, turns=turns, rest=rest)
        for post in posts:
            if post.station:
                worst[post.site] = max(worst[post.site], round(minutes(post.end, post.start)))
            _within(bench, post)
    for site in sorted(bench.sites):
        element = f"site:{site}"
        bench.most("shift_long", element, "staffing.shift", worst[site], shift)
        longer = shift is not None and rotation is not None and shift > rotation
        bench.most(
            "rotation", element, "staffing.rotation", worst[site], rotation,
            level="warning" if longer else "error",
        )  # fmt: skip


def _pair(bench: Bench, first: Post, then: Post, *, turns: bool, rest: float) -> None:
    element = f"seat:{first.seat}"
    gap = minutes(then.start, first.end)
    if gap < 0:
        bench.say("seat_two_places", "error", element, "staffing.shift", over=-gap,
                  measured=then.start.isoformat())  # fmt: skip
    elif first.station and turns and gap == 0:
        bench.say("double_shift", "error", element, "staffing.shift_pattern",
                  measured=then.start.isoformat())  # fmt: skip
    elif first.station and gap < rest:
        bench.say("no_rest", "error", element, "staffing.rest", measured=gap, limit=rest,
                  over=rest - gap)  # fmt: skip


def _within(bench: Bench, post: Post) -> None:
    site = bench.sites.get(post.site)
    if post.end <= post.start or (post.site and site is None):
        bench.say("post_nowhere", "error", f"seat:{post.seat}", measured=post.site)
    elif site is not None and not any(
        span.start <= post.start and post.end <= span.end for span in site.open
    ):
        bench.say("post_closed", "error", f"seat:{post.seat}", measured=post.start.isoformat())


def _round_jobs(bench: Bench) -> None:
    """Numbers the plan states for the round, and what there is of each job."""
    plan = bench.plan
    seats = {(p.seat, p.job) for p in [*plan.posts, *(p for s in plan.sites for p in s.posts)]}
    held = Counter(job for _, job in seats)
    for job, stated in bench.problem.rules.table("staffing.round").items():
        path = f"staffing.round.{job}"
        bench.least("round_staff", "plan", path, held[job], stated, job=job)
        bench.most("round_staff_over", "plan", path, held[job], stated, level="warning", job=job)
    for job, there in sorted((bench.problem.resources.staff or {}).items()):
        bench.most(
            "staff_short",
            "plan",
            f"staffing.lane.{job}",
            held[job],
            there,
            level="warning",
            job=job,
        )
    lanes = bench.problem.resources.lanes
    total = sum(len(site.stations) for site in plan.sites)
    bench.most("lanes_short", "plan", "sites.people_per_lane", total, lanes, level="warning")


def _teams(bench: Bench) -> None:
    """Recheck teams by town and village (R43); a home-visit team wherever doors are listed (R29)."""
    rules, plan = bench.problem.rules, bench.plan
    areas = sorted({b.area for b in bench.blocks.values()})
    ready = Counter(team.area for team in plan.teams if team.kind == "recheck")
    for path, places in (
        ("staffing.recheck_teams_town", sorted({area[:9] for area in areas})),
        ("staffing.recheck_teams_village", areas),
    ):
        count = rules.number(path)
        for place in places:
            bench.least("recheck_teams", f"area:{place}", path, ready[place], count)
    doors: Counter[str] = Counter()
    for site in plan.sites:
        doors[site.area[:9]] += len(site.home)
    served: Counter[str] = Counter()
    for team in plan.teams:
        if team.kind == "home":
            served[team.area] += team.doors
    for town in sorted(doors):
        if doors[town]:
            bench.least("home_team", f"area:{town}", "pool.home_visit", served[town], doors[town])
