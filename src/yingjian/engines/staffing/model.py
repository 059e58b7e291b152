"""What staffing is asked and what it answers: one day, its periods, its jobs.

A person belongs to an institution, is qualified for some jobs, and works one job at one site in one
pattern of turns. Costs are whole millionths of a staff-day, as in siting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from yingjian.engines.asking import EngineError, Flags, Ints, shaped, whole, within

LONG_AGO = -1_000_000
"""In `People.vaccinated`: never gave a vaccination."""
BIGGEST = 10**9


class StaffingError(EngineError):
    """The question makes no sense. `code` is stable: `nobody_needed`, `no_patterns`, `bad_shape`, …"""


@dataclass(frozen=True)
class People:
    """Everybody who may be called, arrays `(p,)`; `jobs` is `(p, J)`."""

    institution: Ints
    jobs: Flags
    """Jobs each person is qualified and trained for (R45)."""
    vaccinated: Ints
    """Minute, on the clock of the day, of the last vaccination given; `LONG_AGO` for none (R26)."""
    worked: Ints
    """Minutes worked in the days before: those with less are called first (R47)."""
    available: Flags
    """False: ill, resting after a late shift, on other duty."""
    own: Ints | None = None
    """The job each person holds, -1 for none of these; None: nobody prefers any."""


@dataclass(frozen=True)
class Institutions:
    """Arrays `(i,)`; `travel` is `(i, m)` minutes to each site."""

    least: Ints
    """People the command wants from each; fewer is told, not forbidden."""
    most: Ints
    """People each may send."""
    travel: Ints


@dataclass(frozen=True, slots=True)
class Prices:
    """In millionths of a staff-day."""

    person: int = 1_000_000
    travel: int = 1_000
    """One person, one minute to the site."""
    missing: int = 20_000_000
    """One seat that nobody fills."""
    below: int = 100_000
    """One person fewer than an institution's least."""
    other: int = 50_000
    """One person in another job than their own."""


@dataclass(frozen=True)
class Problem:
    """Sites `m`, jobs `J`, periods `P`. `need` is `(m, J, P)`: people at work at once.

    A reserve team is a site of its own whose need runs all day (R43). `apart` are jobs closed to
    whoever vaccinated within `separation` minutes before the day (R26).
    """

    need: Ints
    patterns: Flags
    """Turns allowed, `(q, P)`: see `shifts`."""
    people: People
    institutions: Institutions
    period: int
    """Minutes of a period."""
    apart: tuple[int, ...] = ()
    separation: int = 0
    standby: float = 0.0
    """Stand-ins wanted over people placed, per job."""
    seats: int = 20
    """People one bus carries."""
    prices: Prices = Prices()
    fixed: Mapping[tuple[int, int], tuple[int, ...]] | None = None
    """Seats already cut, by site and job: the pattern of each. None: the fewest that cover the need."""
    urgency: Ints | None = None
    """What a missing seat costs at each site `(m,)`, where that is not `prices.missing` everywhere."""

    def missing(self, site: int) -> int:
        """What one seat that nobody fills costs there."""
        return self.prices.missing if self.urgency is None else int(self.urgency[site])

    def able(self) -> Flags:
        """Who may do what today, `(p, J)`."""
        people = self.people
        able = people.jobs & people.available[:, None]
        recent = people.vaccinated > -self.separation
        for job in self.apart:
            able[:, job] &= ~recent
        return np.asarray(able, dtype=bool)


@dataclass(frozen=True, slots=True)
class Params:
    """How hard to try: nodes of branch and bound per profile of need."""

    nodes: int = 200


@dataclass(frozen=True, slots=True)
class Post:
    """A seat at a site: a job and a pattern. `person` is -1 where nobody can fill it."""

    site: int
    job: int
    pattern: int
    person: int


@dataclass(frozen=True, slots=True)
class Ride:
    """People of an institution who go to a site together, and the buses for them."""

    institution: int
    site: int
    people: int
    buses: int


@dataclass(frozen=True, slots=True)
class StandIn:
    """Somebody free and able, called for a job when a seat falls empty; 0 is called first."""

    person: int
    job: int
    rank: int


@dataclass(frozen=True, slots=True)
class Breach:
    """`uncovered` (seats of a job at a site), `quota_least` (an institution), `standby` (a job)."""

    rule: str
    element: str
    measured: int
    limit: int


@dataclass(frozen=True)
class Result:
    """Every seat, by name. `seats_bound`: no plan covers the need with fewer seats."""

    posts: list[Post]
    standby: list[StandIn]
    rides: list[Ride]
    cost: int
    bound: float
    seats_bound: int
    breaches: list[Breach] = field(default_factory=list)

    @property
    def gap(self) -> float:
        """(cost - bound) / cost."""
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


def validate(problem: Problem) -> None:
    """Raise `StaffingError` naming the field and the first row."""
    if problem.need.ndim != 3 or not problem.need.size or not problem.need.any():  # noqa: PLR2004
        raise StaffingError("nobody_needed")
    m, jobs, periods = problem.need.shape
    if problem.patterns.ndim != 2 or not len(problem.patterns):  # noqa: PLR2004
        raise StaffingError("no_patterns")
    people, own = problem.people, problem.institutions
    p, i = len(people.institution), len(own.least)
    if p == 0:
        raise StaffingError("nobody")
    shaped(StaffingError, [
        ("patterns", problem.patterns, (len(problem.patterns), periods)),
        ("jobs", people.jobs, (p, jobs)), ("vaccinated", people.vaccinated, (p,)),
        ("worked", people.worked, (p,)), ("available", people.available, (p,)),
        ("most", own.most, (i,)), ("travel", own.travel, (i, m)),
    ])  # fmt: skip
    _values(problem)
    _given(problem, p, m)
    if (people.institution >= i).any():
        raise StaffingError("unknown_index", field="institution")
    if any(not 0 <= job < jobs for job in problem.apart):
        raise StaffingError("unknown_index", field="apart")
    uncovered = problem.need.any(axis=(0, 1)) & ~problem.patterns.any(axis=0)
    if uncovered.any():
        raise StaffingError("no_pattern_covers", period=int(uncovered.argmax()))


def _given(problem: Problem, people: int, sites: int) -> None:
    """What may be left out: own jobs, urgency, seats already cut."""
    jobs = problem.need.shape[1]
    own, urgency = problem.people.own, problem.urgency
    if own is not None and (own.shape != (people,) or (own >= jobs).any()):
        raise StaffingError("bad_shape", field="own", wanted=(people,))
    if urgency is not None and urgency.shape != (sites,):
        raise StaffingError("bad_shape", field="urgency", wanted=(sites,))
    for (site, job), patterns in (problem.fixed or {}).items():
        known = all(0 <= pattern < len(problem.patterns) for pattern in patterns)
        if not (0 <= site < sites and 0 <= job < jobs and known):
            raise StaffingError("unknown_index", field="fixed")


def _values(problem: Problem) -> None:
    people, own = problem.people, problem.institutions
    for name, numbers in (
        ("need", problem.need), ("worked", people.worked), ("least", own.least), ("most", own.most),
        ("travel", own.travel), ("institution", people.institution),
    ):  # fmt: skip
        whole(StaffingError, name, numbers, least=0, most=BIGGEST)
    within(StaffingError, [
        ("period", problem.period, 1, BIGGEST), ("standby", problem.standby, 0, BIGGEST),
        ("separation", problem.separation, 0, BIGGEST), ("seats", problem.seats, 1, BIGGEST),
    ])  # fmt: skip
