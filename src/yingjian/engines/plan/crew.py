"""Who fills a plan's seats: institutions by quota, people by qualification, stand-ins, who asks for help.

A seat is what `plan.staff` cut: a person's shifts at a place. `engines.staffing` decides which
institution sends how many where (proven cheapest) and calls people by id. Reserve teams (R43) are
places of their own whose need runs all day; they are filled after the lanes.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from yingjian.engines.asking import Ints
from yingjian.engines.kits.model import TOP
from yingjian.engines.kits.solve import support
from yingjian.engines.plan.geo import Point
from yingjian.engines.plan.lanes import hours_of
from yingjian.engines.plan.means import (
    Crew,
    PeopleAsk,
    Ride,
    Sent,
    Short,
    StandIn,
    Unit,
    UnitLoad,
    Worker,
)
from yingjian.engines.plan.model import PlanProblem, Post, Site, Team
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.staff import team_seats
from yingjian.engines.staffing import model as staffing
from yingjian.engines.staffing.solve import solve

SAMPLER = "sampler"
TOWN, COUNTY, CITY = 9, 6, 4
RESERVE_SHARE = 2
"""A seat in a reserve team or without a place counts so many times less than one at a site."""


@dataclass(frozen=True)
class _Place:
    """Where seats are: a site, a reserve team, or nowhere fixed (code empty)."""

    code: str
    area: str
    point: Point | None
    reserve: bool


@dataclass
class _Seats:
    """Every seat of the plan: its place, job and periods."""

    places: list[_Place] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    patterns: list[tuple[bool, ...]] = field(default_factory=list)
    of: dict[tuple[int, int, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    """Seats by place, job and pattern."""
    starts: datetime | None = None

    @property
    def count(self) -> int:
        return sum(len(seats) for seats in self.of.values())


def crew_of(
    problem: PlanProblem, params: PlanParams, *, sites: Sequence[Site], posts: Sequence[Post],
    teams: Sequence[Team],
) -> tuple[Crew, dict[str, str]]:  # fmt: skip
    """Who goes where, and the seats by staff id. Without anybody to call every seat stays vacant."""
    hours = [hours_of(site, problem.rules, params) for site in sites]
    seats = _seats(problem, sites, posts, teams)
    units = _units(problem)
    called = _called(problem, seats)
    if not called or not seats.count:
        loads = [UnitLoad(u.id, u.name, u.area, n, least, most, 0) for u, n, least, most in units]
        jobs = _jobs(problem, seats, Counter(), Counter())
        return Crew(hours, units=loads, jobs=jobs, asks=_asks(problem, seats)), {}
    question = _question(problem, params, seats, called, units)
    answer = solve(question)
    filled, placed = _filled(seats, called, answer)
    sent = Counter(
        (called[p].unit, seats.places[post.site].code, seats.jobs[post.job])
        for post in answer.posts
        if (p := post.person) >= 0
    )
    from_unit = Counter[str]()
    for (unit, _, _), count in sent.items():
        from_unit[unit] += count
    standby = [
        StandIn(called[one.person].id, called[one.person].unit, seats.jobs[one.job], one.rank)
        for one in answer.standby
    ]
    ready = Counter(one.job for one in standby)
    crew = Crew(
        hours=hours,
        units=[
            UnitLoad(u.id, u.name, u.area, n, least, most, from_unit[u.id])
            for u, n, least, most in units
        ],
        sent=[Sent(unit, site, job, n) for (unit, site, job), n in sorted(sent.items())],
        standby=sorted(standby, key=lambda one: (one.job, one.rank)),
        rides=[
            Ride(units[r.institution][0].id, seats.places[r.site].code, r.people, r.buses)
            for r in answer.rides
            if seats.places[r.site].code
        ],
        jobs=_jobs(problem, seats, placed, ready),
        asks=_asks(problem, seats),
        cost=answer.cost,
        bound=math.floor(answer.bound),
    )
    return crew, filled


# --- the seats -----------------------------------------------------------------------------------


def _seats(
    problem: PlanProblem, sites: Sequence[Site], posts: Sequence[Post], teams: Sequence[Team]
) -> _Seats:
    every = [*(post for site in sites for post in site.posts), *posts]
    marks = sorted({p.start for p in every} | {p.end for p in every})
    period = {at: n for n, at in enumerate(marks)}
    periods = max(1, len(marks) - 1)
    mask: dict[str, list[bool]] = {}
    whose: dict[str, tuple[str, str]] = {}
    for post in every:
        own = mask.setdefault(post.seat, [False] * periods)
        own[period[post.start] : period[post.end]] = [True] * (
            period[post.end] - period[post.start]
        )
        whose.setdefault(post.seat, (post.site, post.job))
    found = _Seats(starts=marks[0] if marks else None)
    places: dict[str, int] = {}
    jobs: dict[str, int] = {}
    patterns: dict[tuple[bool, ...], int] = {}
    area = {site.code: site.area for site in sites} | {team.code: team.area for team in teams}
    point = {s.code: (s.lon, s.lat) for s in sites if s.lon is not None and s.lat is not None}
    for team in teams:
        for seat, job in team_seats(team):
            mask[seat], whose[seat] = [True] * periods, (team.code, job)
    fixed = {site.code for site in sites}
    for seat, own in mask.items():
        code, job = whose[seat]
        if code not in places:
            places[code] = len(places)
            found.places.append(
                _Place(code, area.get(code, problem.area), point.get(code), code not in fixed)
            )
        key = tuple(own)
        place, nth = places[code], jobs.setdefault(job, len(jobs))
        found.of[place, nth, patterns.setdefault(key, len(patterns))].append(seat)
    found.jobs, found.patterns = list(jobs), list(patterns)
    return found


def _filled(
    seats: _Seats, called: Sequence[Worker], answer: staffing.Result
) -> tuple[dict[str, str], Counter[str]]:
    left = {key: list(reversed(own)) for key, own in seats.of.items()}
    filled: dict[str, str] = {}
    placed = Counter[str]()
    for post in sorted(
        answer.posts, key=lambda p: (p.site, p.job, p.pattern, p.person < 0, p.person)
    ):
        seat = left[post.site, post.job, post.pattern].pop()
        if post.person >= 0:
            filled[seat] = called[post.person].id
            placed[seats.jobs[post.job]] += 1
    return filled, placed


# --- the question --------------------------------------------------------------------------------


def _units(problem: PlanProblem) -> list[tuple[Unit, int, int, int]]:
    """Institutions with their free people, least and most (the lower of quota and the preset's share)."""
    people = Counter(worker.unit for worker in problem.force.workers)
    share = problem.rules.number("staffing.institution_share")
    found = []
    for unit in problem.force.units:
        there = people[unit.id]
        most = there if share is None else math.floor(there * share + 1e-9)
        if unit.most is not None:
            most = min(most, unit.most)
        found.append((unit, there, min(unit.least, most), most))
    return found


def _called(problem: PlanProblem, seats: _Seats) -> list[Worker]:
    """Who may fill at least one seat."""
    jobs = set(seats.jobs)
    known = {unit.id for unit in problem.force.units}
    return [
        worker
        for worker in problem.force.workers
        if worker.unit in known and (worker.job in jobs or jobs & set(worker.jobs))
    ]


def _question(
    problem: PlanProblem, params: PlanParams, seats: _Seats, called: Sequence[Worker],
    units: Sequence[tuple[Unit, int, int, int]],
) -> staffing.Problem:  # fmt: skip
    rules = problem.rules
    place_count, job_count = len(seats.places), len(seats.jobs)
    patterns = np.array(seats.patterns, dtype=bool)
    need = np.zeros((place_count, job_count, patterns.shape[1]), dtype=np.int64)
    fixed: dict[tuple[int, int], list[int]] = defaultdict(list)
    for (place, job, pattern), own in seats.of.items():
        need[place, job] += patterns[pattern] * len(own)
        fixed[place, job] += [pattern] * len(own)
    prices = staffing.Prices()
    urgency = [prices.missing // (RESERVE_SHARE if p.reserve else 1) for p in seats.places]
    apart = rules.flag("staffing.sampler_not_vaccinator") and SAMPLER in seats.jobs
    return staffing.Problem(
        need=need,
        patterns=patterns,
        people=_people(problem, seats, called, {u.id: n for n, (u, _, _, _) in enumerate(units)}),
        institutions=staffing.Institutions(
            least=np.array([least for _, _, least, _ in units], dtype=np.int64),
            most=np.array([most for _, _, _, most in units], dtype=np.int64),
            travel=_travel(problem, params, seats, [unit for unit, _, _, _ in units]),
        ),
        period=60,
        apart=(seats.jobs.index(SAMPLER),) if apart else (),
        separation=int(rules.number("staffing.vaccine_separation") or 0),
        standby=rules.number("staffing.standby") or 0.0,
        seats=params.bus_seats,
        prices=prices,
        fixed={key: tuple(own) for key, own in fixed.items()},
        urgency=np.array(urgency, dtype=np.int64),
    )


def _people(
    problem: PlanProblem, seats: _Seats, called: Sequence[Worker], row: dict[str, int]
) -> staffing.People:
    rest = problem.rules.number("staffing.rest") or 0.0
    starts = seats.starts or problem.window.start
    place = {job: n for n, job in enumerate(seats.jobs)}
    able = np.zeros((len(called), len(place)), dtype=bool)
    own = np.full(len(called), -1, dtype=np.int64)
    for n, worker in enumerate(called):
        own[n] = place.get(worker.job, -1)
        for job in (worker.job, *worker.jobs):
            if job in place:
                able[n, place[job]] = True
    return staffing.People(
        institution=np.array([row[worker.unit] for worker in called], dtype=np.int64),
        jobs=able,
        vaccinated=np.array(
            [
                staffing.LONG_AGO if w.vaccinated is None else _minutes(starts, w.vaccinated)
                for w in called
            ],
            dtype=np.int64,
        ),
        worked=np.array([worker.worked for worker in called], dtype=np.int64),
        available=np.array(
            [w.last_duty is None or -_minutes(starts, w.last_duty) >= rest for w in called],
            dtype=bool,
        ),
        own=own,
    )


def _minutes(start: datetime, at: datetime) -> int:
    """Minutes from `start` to `at`, negative before it."""
    return max(staffing.LONG_AGO, int((at - start) // timedelta(minutes=1)))


# --- the way there -------------------------------------------------------------------------------


def _travel(problem: PlanProblem, params: PlanParams, seats: _Seats, units: Sequence[Unit]) -> Ints:
    """Minutes from each institution to each place: by road where both are known (an institution
    stands where the people of its area live), else by how far apart their areas are."""
    middle = _middles(problem)
    found = np.zeros((len(units), len(seats.places)), dtype=np.int64)
    lon, lat = (
        np.array([np.nan if p.point is None else p.point[k] for p in seats.places]) for k in (0, 1)
    )
    for i, unit in enumerate(units):
        by_area = [_apart(unit.area, p.area, params.unknown_drive_minutes) for p in seats.places]
        here = middle.get(unit.area)
        if here is None:
            found[i] = by_area
            continue
        north = (lat - here[1]) * 110.57
        east = (lon - here[0]) * 111.32 * math.cos(math.radians(here[1]))
        minutes = np.hypot(north, east) * params.road_factor / params.drive_km_per_h * 60
        found[i] = np.where(np.isnan(minutes), by_area, np.nan_to_num(minutes)).round()
    return found


def _apart(one: str, other: str, unknown: float) -> float:
    """Minutes between two areas whose places nobody knows: same village, town, county, farther."""
    for digits, times in ((12, 0), (TOWN, 1), (COUNTY, 2)):
        if len(one) >= digits and one[:digits] == other[:digits]:
            return unknown * times
    near = other.startswith(one) or one.startswith(other)
    return unknown * (2 if near else 4)


def _middles(problem: PlanProblem) -> dict[str, Point]:
    """Where the people of an area live on average, for every area an institution may have."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for block in problem.blocks:
        if block.lon is not None and block.lat is not None and block.people:
            own = sums[block.area]
            own[0] += block.lon * block.people
            own[1] += block.lat * block.people
            own[2] += block.people
    for area, (lon, lat, people) in list(sums.items()):
        for digits in (TOWN, COUNTY):
            if len(area) > digits:
                above = sums[area[:digits]]
                above[0], above[1], above[2] = above[0] + lon, above[1] + lat, above[2] + people
    return {area: (lon / n, lat / n) for area, (lon, lat, n) in sums.items() if n}


# --- what is missing, who asks whom --------------------------------------------------------------

RULES = ("staffing.lane", "staffing.site", "staffing.round", "staffing.recheck_team")


def _jobs(
    problem: PlanProblem, seats: _Seats, placed: Counter[str], ready: Counter[str]
) -> list[Short]:
    wanted = _wanted(seats)
    share = problem.rules.number("staffing.standby") or 0.0
    found = []
    for job, count in sorted(wanted.items()):
        rule = next((f"{p}.{job}" for p in RULES if problem.rules.number(f"{p}.{job}")), RULES[0])
        reserve = math.ceil(count * share - 1e-9)
        found.append(Short(job, count, placed[job], reserve, ready[job], rule))
    return found


def _wanted(seats: _Seats) -> Counter[str]:
    wanted = Counter[str]()
    for (_, job, _), own in seats.of.items():
        wanted[seats.jobs[job]] += len(own)
    return wanted


def _asks(problem: PlanProblem, seats: _Seats) -> list[PeopleAsk]:
    """Three-level support (R80): towns that have people of their own, the county, the city above."""
    threshold = problem.rules.number("laboratory.support_threshold")
    if threshold is None or not problem.force.workers:
        return []
    county = problem.area[:COUNTY]
    home = {unit.id: unit.area for unit in problem.force.units}
    people: dict[str, Counter[str]] = defaultdict(Counter)
    for worker in problem.force.workers:
        area = home.get(worker.unit, county)
        level = area[:TOWN] if len(area) >= TOWN else area[: max(CITY, min(COUNTY, len(area)))]
        people[worker.job][level] += 1
    tasks: dict[str, Counter[str]] = defaultdict(Counter)
    for (place, nth, _), own in seats.of.items():
        town, name = seats.places[place].area[:TOWN], seats.jobs[nth]
        tasks[name][town if people[name][town] else county] += len(own)
    found: list[PeopleAsk] = []
    for job in sorted(tasks):
        towns = sorted(town for town in people[job] if len(town) >= TOWN)
        areas = [*towns, county, county[:CITY]]
        above = [*(len(towns) for _ in towns), len(towns) + 1, TOP]
        load = [tasks[job][area] for area in areas]
        most = [people[job][area] for area in areas]
        passed, _ = support(load, most, above, threshold)
        for one in passed:
            task = load[one.unit] + sum(p.amount for p in passed if p.above == one.unit)
            found.append(
                PeopleAsk(job, areas[one.unit], areas[one.above], task, most[one.unit], one.amount)
            )
    return found
