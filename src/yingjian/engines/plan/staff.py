"""Posts by shift and moving teams. Who fills a seat is `plan.crew`, what a site packs `plan.goods`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from yingjian.engines.plan.means import KitLine
from yingjian.engines.plan.model import (
    PlanProblem,
    Post,
    Rules,
    Span,
    Team,
)
from yingjian.engines.plan.params import PlanParams


def team_letters(day: Span, rules: Rules) -> list[tuple[str, Span]]:
    """The day cut into shifts, each with its team: ABA is A, B, A (R35)."""
    length = timedelta(minutes=rules.need("staffing.shift"))
    letters = sorted(set(rules.text("staffing.shift_pattern") or "A"))
    shifts: list[tuple[str, Span]] = []
    start = day.start
    while start < day.end:
        end = min(start + length, day.end)
        shifts.append((letters[len(shifts) % len(letters)], Span(start, end)))
        start = end
    return shifts


def team_jobs(rules: Rules) -> dict[str, int]:
    """People of one lane team by job: the lane's roster shared by its teams (R34, R36)."""
    teams = max(1, int(rules.number("staffing.teams_per_lane") or 1))
    lane = rules.table("staffing.lane")
    return {job: math.ceil(count / teams) for job, count in lane.items() if count > 0}


def lanes_staffed(problem: PlanProblem) -> int | None:
    """How many lanes the stated or known staff can run; None when nothing limits them."""
    rules = problem.rules
    jobs = team_jobs(rules)
    known = dict(rules.table("staffing.round"))
    known.update(problem.resources.staff or {})
    teams = max((len({t for t, _ in team_letters(day, rules)}) for day in problem.days), default=1)
    limits = [known[job] // (count * teams) for job, count in jobs.items() if job in known]
    if problem.resources.lanes is not None:
        limits.append(problem.resources.lanes)
    return max(1, min(limits)) if limits else None


def lane_posts(
    site: str, station: str, days: list[Span], rules: Rules, *, staffed: list[Span]
) -> list[Post]:
    """Seats of one lane in the shifts it is staffed: teams take turns, nobody two shifts running."""
    posts: list[Post] = []
    for day in days:
        for team, span in team_letters(day, rules):
            if not any(own.start <= span.start and span.end <= own.end for own in staffed):
                continue
            for job, count in team_jobs(rules).items():
                for n in range(1, count + 1):
                    seat = f"{station}-{team}-{job}-{n}"
                    posts.append(Post(seat, job, site, station, team, span.start, span.end))
    return posts


def site_posts(site: str, days: list[Span], rules: Rules) -> list[Post]:
    """Seats of the whole site, held all day (R37, R38, R40, R41)."""
    return [
        Post(f"{site}-{job}-{n}", job, site, "", "", day.start, day.end)
        for day in days
        for job, count in rules.table("staffing.site").items()
        for n in range(1, count + 1)
    ]


def round_posts(
    problem: PlanProblem, sites: list[tuple[str, list[Span]]], used: Counter[str]
) -> list[Post]:
    """People stated for the whole round beyond what sites use: spread over the sites, the rest rove."""
    posts: list[Post] = []
    days = sorted({d for _, own in sites for d in own}, key=lambda d: d.start)
    for job, stated in problem.rules.table("staffing.round").items():
        left = max(0, stated - used[job])
        each = left // len(sites)
        for index, (site, own) in enumerate(sites):
            for n in range(1, each + 1):
                seat = f"R-{job}-{index * each + n}"
                posts.extend(Post(seat, job, site, "", "", d.start, d.end) for d in own)
        for n in range(each * len(sites) + 1, left + 1):
            seat = f"R-{job}-{n}"
            posts.extend(Post(seat, job, "", "", "", d.start, d.end) for d in days)
    return posts


def headcount(posts: Iterable[Post]) -> Counter[str]:
    """Different seats by job."""
    return Counter(job for _, job in {(post.seat, post.job) for post in posts})


def moving_teams(
    problem: PlanProblem, doors: dict[str, int], params: PlanParams, *, stated: bool,
    toured: Mapping[str, int],
) -> list[Team]:  # fmt: skip
    """Home-visit teams by town for the doors listed, and recheck teams by town and village (R43).

    `toured`: teams of the towns whose home visits are planned as tours.
    """
    rules = problem.rules
    jobs = rules.table("staffing.recheck_team")
    minutes = sum(day.minutes for day in problem.days) * params.load
    teams: list[Team] = []
    for town, count in sorted(doors.items()):
        need = math.ceil(count * params.home_minutes / minutes) if minutes else 0
        need = toured.get(town, need) if count else 0
        for n in range(1, need + 1):
            share = count // need + (n <= count % need)
            teams.append(Team(f"H-{town}-{n:02d}", "home", town, jobs, share, own=not stated))
    areas = sorted({b.area for b in problem.blocks if b.people})
    per_town = int(rules.number("staffing.recheck_teams_town") or 0)
    per_village = int(rules.number("staffing.recheck_teams_village") or 0)
    ready = [(town, per_town) for town in sorted({area[:9] for area in areas})]
    ready += [(area, per_village) for area in areas]
    teams += [
        Team(f"E-{place}-{n:02d}", "recheck", place, jobs, 0, own=not stated)
        for place, count in ready
        for n in range(1, count + 1)
    ]
    return teams


def team_seats(team: Team) -> list[tuple[str, str]]:
    """Seats of a moving team with people of its own, each with its job."""
    if not team.own:
        return []
    return [
        (f"{team.code}-{job}-{n}", job)
        for job, count in team.jobs.items()
        for n in range(1, count + 1)
    ]


def home_minutes_share(doors: int, days: list[Span], params: PlanParams) -> int:
    """Teams whose visits run side by side at one site."""
    minutes = sum(day.minutes for day in days) * params.load
    return max(1, math.ceil(doors * params.home_minutes / minutes)) if minutes else 1


# --- kits ----------------------------------------------------------------------------------------


def round_kit(rules: Rules) -> list[KitLine]:
    """Totals the plan itself states for the round."""
    return [
        KitLine(item, count, rules.get(f"kits.round.{item}").unit, [f"kits.round.{item}"])
        for item, count in sorted(rules.table("kits.round").items())
    ]
