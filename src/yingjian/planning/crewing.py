"""Who works where under a plan, as rows for screens, workbooks and documents.

A plan holds staff by id; names are looked up when somebody reads it, under their sight of areas.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from yingjian.campaigns import presets
from yingjian.engines.plan.means import Crew, Hour
from yingjian.engines.plan.model import Plan, Post, Site
from yingjian.engines.plan.staff import team_seats
from yingjian.workforce.values import StaffName

from . import wording

Names = Mapping[str, StaffName]
NOBODY = StaffName("", "")


@dataclass(frozen=True, slots=True)
class UnitPeople:
    """So many people of an institution."""

    unit: str
    people: int


@dataclass(frozen=True, slots=True)
class Shift:
    """One job's people at a site over one span; `team` is the letter of a lane's team, if it has any."""

    start: datetime
    end: datetime
    team: str
    job: str
    wanted: int
    filled: int
    units: list[UnitPeople]
    names: list[str]


@dataclass(frozen=True, slots=True)
class HourLine:
    """People called to a site in an hour, lanes they need, lanes staffed."""

    start: datetime
    end: datetime
    people: int
    needed: int
    staffed: int


@dataclass(frozen=True, slots=True)
class CrewSite:
    """A site's lanes by the hour and its shifts."""

    code: str
    name: str
    hours: list[HourLine]
    shifts: list[Shift]


@dataclass(frozen=True, slots=True)
class SiteLine:
    """A site in the list: seats, and how many somebody fills."""

    code: str
    name: str
    lanes: int
    wanted: int
    filled: int


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job over the whole plan; `rule` and `origin` are the preset's line that asks for it."""

    job: str
    wanted: int
    filled: int
    short: int
    standby_wanted: int
    standby: int
    rule: str


@dataclass(frozen=True, slots=True)
class UnitLine:
    """An institution: its free people, its quota, how many it sends and in which jobs."""

    id: str
    name: str
    people: int
    least: int
    most: int
    sent: int
    jobs: list[UnitPeople]
    """Jobs, with the number sent in each."""
    buses: int


@dataclass(frozen=True, slots=True)
class StandInLine:
    """Who is called next for a job."""

    job: str
    rank: int
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A reserve or home-visit team and its members; a seat nobody fills is an empty name."""

    code: str
    kind: str
    area: str
    doors: int
    members: list[str]
    wanted: int
    filled: int


@dataclass(frozen=True, slots=True)
class AskLine:
    """A level that asks the one above for people of a job (R80)."""

    job: str
    area: str
    above: str
    task: int
    people: int
    ask: int


# --- words ---------------------------------------------------------------------------------------


def job_word(job: str, language: str) -> str:
    """A staffing role as the preset's tables call it."""
    return presets.labels(wording.short(language))["role"].get(job, job)


def team_word(kind: str, language: str) -> str:
    """What a moving team is for."""
    return str(wording.words(language)["team"].get(kind, kind))


# --- rows ----------------------------------------------------------------------------------------


def site_of(plan: Plan, code: str, names: Names, language: str) -> CrewSite | None:
    """A site's hours and shifts; None for a code the plan does not have."""
    site = next((one for one in plan.sites if one.code == code), None)
    if site is None:
        return None
    crew = plan.crew
    hours = next((one.hours for one in crew.hours if one.site == code), []) if crew else []
    lines = [HourLine(h.start, h.end, h.people, h.needed, h.staffed) for h in hours]
    return CrewSite(site.code, site.name, lines, shifts_of(plan, site, names, language))


def shifts_of(plan: Plan, site: Site, names: Names, language: str) -> list[Shift]:
    """A site's shifts in order of time, the lanes' teams first."""
    roving = [post for post in plan.posts if post.site == site.code]
    groups: dict[tuple[datetime, datetime, str, str], list[Post]] = defaultdict(list)
    for post in [*site.posts, *roving]:
        groups[post.start, post.end, post.team, post.job].append(post)
    return [
        _shift(key, posts, plan.seats, names, language)
        for key, posts in sorted(groups.items(), key=lambda one: (one[0][0], not one[0][2], one[0]))
    ]


def _shift(
    key: tuple[datetime, datetime, str, str], posts: Sequence[Post], seats: Mapping[str, str],
    names: Names, language: str,
) -> Shift:  # fmt: skip
    start, end, team, job = key
    people = [seats[post.seat] for post in posts if post.seat in seats]
    known = [names[staff] for staff in people if staff in names]
    units = Counter(one.institution for one in known)
    return Shift(
        start, end, team, job_word(job, language), len(posts), len(people),
        [UnitPeople(unit, count) for unit, count in units.most_common()],
        [one.name for one in known],
    )  # fmt: skip


def site_lines(plan: Plan) -> list[SiteLine]:
    """Every site with its seats."""
    found = []
    for site in plan.sites:
        seats = {post.seat for post in site.posts}
        seats |= {post.seat for post in plan.posts if post.site == site.code}
        filled = len(seats & plan.seats.keys())
        found.append(SiteLine(site.code, site.name, site.lanes, len(seats), filled))
    return found


def job_lines(crew: Crew, language: str) -> list[JobLine]:
    """Every job, those with the largest gap first."""
    lines = [
        JobLine(
            job_word(one.job, language), one.wanted, one.filled, one.wanted - one.filled,
            one.standby_wanted, one.standby, one.rule,
        )
        for one in crew.jobs
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (-line.short, line.job))


def unit_lines(crew: Crew, language: str) -> list[UnitLine]:
    """Every institution, whoever sends most first."""
    jobs: dict[str, Counter[str]] = defaultdict(Counter)
    for one in crew.sent:
        jobs[one.unit][one.job] += one.people
    buses = Counter[str]()
    for ride in crew.rides:
        buses[ride.unit] += ride.buses
    lines = [
        UnitLine(
            unit.id, unit.name, unit.people, unit.least, unit.most, unit.sent,
            [UnitPeople(job_word(job, language), n) for job, n in jobs[unit.id].most_common()],
            buses[unit.id],
        )
        for unit in crew.units
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (-line.sent, line.name))


def standby_lines(crew: Crew, names: Names, language: str) -> list[StandInLine]:
    """Stand-ins by job in the order they are called."""
    return [
        StandInLine(
            job_word(one.job, language), one.rank + 1, names.get(one.staff, NOBODY).name,
            names.get(one.staff, NOBODY).institution,
        )
        for one in crew.standby
    ]  # fmt: skip


def team_lines(plan: Plan, names: Names, areas: Mapping[str, str], language: str) -> list[TeamLine]:
    """Home-visit and recheck teams with their members."""
    found = []
    for team in plan.teams:
        seats = team_seats(team)
        held = [(plan.seats[seat], job) for seat, job in seats if seat in plan.seats]
        members = [
            f"{names[staff].name}（{job_word(job, language)}）"
            for staff, job in held
            if staff in names
        ]
        found.append(
            TeamLine(
                team.code, team_word(team.kind, language), areas.get(team.area, team.area), team.doors,
                members, len(seats), len(held),
            )
        )  # fmt: skip
    return found


def ask_lines(crew: Crew, areas: Mapping[str, str], language: str) -> list[AskLine]:
    """Who asks whom for people."""
    return [
        AskLine(
            job_word(one.job, language), areas.get(one.area, one.area), areas.get(one.above, one.above),
            one.task, one.people, one.ask,
        )
        for one in crew.asks
    ]  # fmt: skip


def staff_ids(plan: Plan) -> set[str]:
    """Everybody a plan calls or keeps ready."""
    return {*plan.seats.values(), *(one.staff for one in (plan.crew.standby if plan.crew else ()))}


def areas_in(plan: Plan) -> set[str]:
    """Areas whose names the rows need."""
    found = {team.area for team in plan.teams}
    if plan.crew is not None:
        found |= {area for ask in plan.crew.asks for area in (ask.area, ask.above)}
    if plan.goods is not None:
        found |= {area for one in plan.goods.asks for area in (one.area, one.above)}
    return found


def hours_rows(plan: Plan) -> Iterable[tuple[Site, Hour]]:
    """Every site's hours."""
    sites = {site.code: site for site in plan.sites}
    for one in plan.crew.hours if plan.crew else ():
        for hour in one.hours:
            yield sites[one.site], hour
