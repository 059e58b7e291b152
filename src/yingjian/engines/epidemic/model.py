"""An outbreak under rounds of screening, day by day. A tool to compare plans, not to foretell a town.

Who is infected meets, each day of being infectious, everybody of the own household (infecting each
susceptible with `household`), and by chance members of the own place (school, firm) and of the whole
community. The virus in the swab follows a curve of Ct by day since infection; a tube reads the sum of
what is in it, diluted by its size. Days are whole numbers from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from yingjian.engines.asking import EngineError, Ints, shaped, whole, within

NOWHERE = -1
"""In `People.place`: no school, no firm."""
LONGEST = 400
"""Most days played."""


class EpidemicError(EngineError):
    """The question makes no sense. `code` is stable: `nobody`, `bad_share`, `bad_number`, …"""


@dataclass(frozen=True)
class People:
    """Arrays `(n,)`: serial of household, of place (`NOWHERE`: none), of area."""

    household: Ints
    place: Ints
    area: Ints


@dataclass(frozen=True, slots=True)
class Disease:
    """Days and chances. Our assumptions for an early-2022 variant; a preset may say otherwise."""

    household: float = 0.12
    """Chance per day that an infectious person infects one susceptible of the household."""
    place: float = 0.12
    """People of the own place met so that they are infected if susceptible, per day."""
    community: float = 0.12
    """The same over everybody."""
    latent: float = 2.5
    """Mean days from infection to being infectious and detectable."""
    latent_sd: float = 1.0
    infectious: float = 6.0
    rise: float = 2.0
    """Days from the end of latency to the peak of virus."""
    fall: float = 9.0
    """Days from the peak until nothing is left."""
    peak_ct: float = 24.0
    peak_sd: float = 4.0
    edge_ct: float = 40.0
    """Ct at the beginning and the end of the curve."""
    symptoms: float = 0.0
    """Share who see a doctor and are found there, `symptom_days` after latency."""
    symptom_days: int = 2


@dataclass(frozen=True)
class Assay:
    """Sensitivity by Ct: half at `limit_ct`, nearly all two slopes below it."""

    limit_ct: float = 37.0
    slope: float = 0.8
    swab_fails: float = 0.02
    """Share of swabs that carry nothing whatever the patient has."""
    false_positive: float = 0.0
    """Share of clean tubes that read positive (and are cleared by the single re-test)."""
    dilution: Mapping[int, float] = field(
        default_factory=lambda: {1: 1.0, 5: 1.5, 10: 2.0, 20: 4.0}
    )
    """By pool size (mixed at collection): how many times the larger tube thins one swab."""

    def thinned(self, size: int) -> float:
        """Dilution of a size; the next larger size named where it is not, else the largest."""
        larger = [k for k in sorted(self.dilution) if k >= size]
        return self.dilution[larger[0] if larger else max(self.dilution)]


@dataclass(frozen=True, slots=True)
class Round:
    """Everybody of `areas` (None: all) is called on `day`; `share` come; results after `delay` days."""

    day: int
    size: int = 10
    share: float = 0.98
    delay: int = 1
    areas: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What an area has behind it: days of its rounds and of cases found there, below 0, ascending."""

    rounds: tuple[int, ...] = ()
    cases: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Rounds by the history of each area (R7, R8): `first` rounds on days running, then by cases."""

    first: int = 3
    """Rounds of an area, one a day, before its cases count (R7)."""
    recent_rounds: int = 3
    lookback: int = 14
    every_recent: int = 1
    """Days between rounds where one of the last `recent_rounds` found a case."""
    every_lookback: int = 2
    """The same where one was found within `lookback` days."""
    every_none: int = 5
    size: int = 10
    share: float = 0.98
    delay: int = 1
    past: tuple[Past, ...] = ()
    """By area, from area 0; empty: no area has any."""
    opening: bool = False
    """Whether every area has its round on day 0 whatever its history."""

    def every(self, rounds: list[int], cases: list[int], day: int) -> int:
        """Days from an area's last round to its next; `rounds` and `cases` are days, ascending."""
        by = {"recent": self.every_recent, "lookback": self.every_lookback, "none": self.every_none}
        return by[self._class(rounds, cases, day)]

    def why(self, rounds: list[int], cases: list[int], day: int) -> str:
        """Which rule an area is under: `first`, `recent`, `lookback` or `none`."""
        return "first" if len(rounds) < self.first else self._class(rounds, cases, day)

    def _class(self, rounds: list[int], cases: list[int], day: int) -> str:
        if not cases or day - cases[-1] > self.lookback:
            return "none"
        recent = rounds[-self.recent_rounds :]
        return "recent" if recent and cases[-1] >= recent[0] else "lookback"

    def due(self, rounds: list[int], cases: list[int], day: int) -> bool:
        """Whether an area has a round on `day`. Cases found by a round are known from its result."""
        if (self.opening and day == 0) or not rounds or len(rounds) < self.first:
            return True
        known = [at for at in cases if at + self.delay <= day]
        return day - rounds[-1] >= self.every(rounds, known, day)

    def history(self, area: int) -> tuple[list[int], list[int]]:
        """Days of rounds and cases the area begins with."""
        own = self.past[area] if area < len(self.past) else Past()
        return list(own.rounds), list(own.cases)

    def calendar(self, area: int, days: int) -> list[tuple[int, str]]:
        """Days of the area's rounds and the rule each follows, should nothing more be found."""
        rounds, cases = self.history(area)
        found = []
        for day in range(days):
            if self.due(rounds, cases, day):
                known = [at for at in cases if at + self.delay <= day]
                found.append((day, self.why(rounds, known, day)))
                rounds.append(day)
        return found


@dataclass(frozen=True)
class Problem:
    """People, disease, test, rounds; `seeds` people are infected at random on day 0."""

    people: People
    rounds: tuple[Round, ...] = ()
    adaptive: Adaptive | None = None
    """Rounds by history instead of `rounds`; then round `k` of a result is the one of day `k`."""
    disease: Disease = Disease()
    test: Assay = field(default_factory=Assay)
    days: int = 30
    seeds: int = 3
    seed_days: int = 3
    """Days the first cases went unnoticed before day 0."""
    quarantine_household: bool = True
    """The household of a found case goes with it (R75)."""

    def planned(self) -> tuple[Round, ...]:
        """The rounds results are told by."""
        own = self.adaptive
        if own is None:
            return self.rounds
        return tuple(Round(day, own.size, own.share, own.delay) for day in range(self.days))


@dataclass(frozen=True, slots=True)
class Params:
    """How many outbreaks are played."""

    runs: int = 200


@dataclass(frozen=True)
class Log:
    """One outbreak case by case, arrays `(cases,)`; `source` is a case's row, -1 for a seed."""

    person: Ints
    day: Ints
    source: Ints
    way: Ints
    """0 seed, 1 household, 2 place, 3 community."""
    begins: Ints
    """First infectious day."""
    ends: Ints
    """First day after."""
    removed: Ints
    """Day from which the case meets nobody (found, or quarantined with its household); far if never."""
    found: Ints
    """Round that found it; -2 by symptoms; -1 not found."""


WAYS = ("seed", "household", "place", "community")
NEVER = 10**6
NOT_FOUND, BY_SYMPTOMS = -1, -2


@dataclass(frozen=True)
class Result:
    """Over all runs. Arrays `(runs,)` or `(runs, rounds)`; `log` is the first run."""

    cases: Ints
    """Infected by the last day, seeds included."""
    free: Ints
    """Infected people not removed on the last day."""
    found: Ints
    present: Ints
    """Infected, not removed people of the round's areas when it took its swabs."""
    tubes: Ints
    swabs: Ints
    """People who came."""
    flagged: Ints
    """Tubes that read positive."""
    tests: Ints
    """Tubes and single re-tests of all rounds, `(runs,)`."""
    by_day: Ints
    """Infected by the end of each day, seeds included, `(runs, days)`."""
    log: Log

    def interval(self, values: Ints) -> tuple[float, float, float]:
        """5th, 50th, 95th percentile."""
        low, mid, high = np.percentile(values, (5, 50, 95))
        return float(low), float(mid), float(high)


def validate(problem: Problem) -> None:
    """Raise `EpidemicError` naming the field."""
    people = problem.people
    n = len(people.household)
    if n == 0:
        raise EpidemicError("nobody")
    for name, array, least in (
        ("household", people.household, 0), ("place", people.place, NOWHERE), ("area", people.area, 0)
    ):  # fmt: skip
        shaped(EpidemicError, [(name, array, (n,))])
        whole(EpidemicError, name, array, least=least, most=n + least)
    within(EpidemicError, [
        ("seeds", problem.seeds, 0, n), ("days", problem.days, 1, LONGEST),
        ("seed_days", problem.seed_days, 0, LONGEST),
    ])  # fmt: skip
    _disease(problem.disease)
    test = problem.test
    for name, share in (("swab_fails", test.swab_fails), ("false_positive", test.false_positive)):
        _share(name, share)
    if not test.dilution or min(test.dilution.values()) < 1 or not test.slope > 0:
        raise EpidemicError("bad_number", field="test")
    _rounds(problem)


def _rounds(problem: Problem) -> None:
    own = problem.adaptive
    if own is not None:
        if problem.rounds:
            raise EpidemicError("two_plans")
        gaps = (own.every_recent, own.every_lookback, own.every_none, own.recent_rounds)
        before = [day for past in own.past for day in (*past.rounds, *past.cases)]
        if min(gaps) < 1 or own.first < 0 or own.lookback < 0 or max(before, default=-1) >= 0:
            raise EpidemicError("bad_number", field="adaptive")
    for row, planned in enumerate(problem.planned()):
        _share("share", planned.share)
        if planned.size < 1 or planned.delay < 0 or not 0 <= planned.day < problem.days:
            raise EpidemicError("bad_round", row=row)


def _disease(disease: Disease) -> None:
    for name in ("household", "symptoms"):
        _share(name, getattr(disease, name))
    lengths = (
        "place", "community", "latent", "latent_sd", "infectious", "rise", "fall", "peak_sd"
    )  # fmt: skip
    within(EpidemicError, [(name, getattr(disease, name), 0, LONGEST) for name in lengths])
    if not disease.rise > 0 or not disease.fall > 0 or not disease.peak_ct < disease.edge_ct:
        raise EpidemicError("bad_number", field="peak_ct")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:  # NaN too
        raise EpidemicError("bad_share", field=name, value=value)
