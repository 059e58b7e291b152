"""How often to swab (R7, R8): what each way of spacing rounds finds, lets through and costs, on the same outbreaks.

By the preset each town's own history says when its next round is due. An answer, never a record: the same ground, the
same assumptions and seed give the same figures, so it is kept in memory. Expected figures compare plans; they foretell
no town (docs/decisions/0017-epidemic.md).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from yingjian.engines.asking import Ints
from yingjian.engines.epidemic.model import Adaptive, Assay, Disease, Past, People, Round
from yingjian.engines.epidemic.model import Problem as Outbreak
from yingjian.engines.frequency.model import Expected, Params, Plan, Problem, Result
from yingjian.engines.frequency.solve import solve
from yingjian.engines.plan.model import Rules
from yingjian.engines.plan.params import PlanParams

from . import queries, wording
from .ground import Ground, Town
from .kept import Kept
from .pool_sizes import PoolAsked, dilution_of, in_people, thinned

DAY: Final = 1440
PLAYED: Final = 60_000
"""People followed; a larger round is played in proportion and its tubes are multiplied again."""
WORK: Final = 90_000_000
"""People swabbed in all outbreaks of all plans together: some seconds."""
RUNS: Final = (20, 60)
"""Fewest and most outbreaks for each plan."""
SEED: Final = 0
EVERY: Final = {"every3": 3, "every2": 2, "daily": 1}
Spread = tuple[float, float, float]


class CadenceAsked(BaseModel):
    """What the asker assumes. `r`: people one case infects while nothing is done; `unnoticed`: days the first cases
    went about before; `symptoms`: share who see a doctor and are found there; `size` 0: the preset's; `delay`: days
    from swab to result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    r: float = Field(default=3.0, ge=0, le=12)
    seeds: int = Field(default=5, ge=0, le=200)
    unnoticed: int = Field(default=3, ge=0, le=14)
    sensitivity: float = Field(default=0.95, gt=0, le=1)
    specificity: float = Field(default=0.9999, gt=0, le=1)
    turnout: float = Field(default=0.98, gt=0, le=1)
    symptoms: float = Field(default=0.2, ge=0, le=1)
    size: int = Field(default=0, ge=0, le=100)
    delay: int = Field(default=1, ge=0, le=3)
    days: int = Field(default=14, ge=3, le=28)


@dataclass(frozen=True, slots=True)
class CadenceRound:
    """A day on which a plan swabs. Triples: 5th, 50th, 95th percentile over the outbreaks."""

    day: int
    on: date
    found: Spread
    found_mean: float
    present_mean: float
    tubes: int
    swabs: int


@dataclass(frozen=True, slots=True)
class CadencePlan:
    """One way to space rounds. `fits` None: no laboratory known; `price`: tubes more for each case fewer than with the
    next cheaper plan, None where there are no fewer cases; `below_rule`: rarer than the preset asks somewhere.
    """

    code: str
    name: str
    rounds: int
    cases: Spread
    cases_mean: float
    found_mean: float
    free_mean: float
    over: float
    swabs: int
    tubes: int
    tests: int
    staff_days: int
    busiest_day: int
    fits: bool | None
    below_rule: bool
    price: float | None
    curve: list[Spread]
    held: list[CadenceRound]


@dataclass(frozen=True, slots=True)
class CadenceTurn:
    """A town's round and the rule it follows (`first`, `recent`, `lookback`, `none`; `opening`: this very round)."""

    on: date
    why: str


@dataclass(frozen=True, slots=True)
class CadenceTown:
    """A town: what it has behind it and when its rounds are due, should nothing more be found."""

    area: str
    name: str
    people: int
    rounds_before: int
    last_round: date | None
    last_case: date | None
    turns: list[CadenceTurn]


@dataclass(frozen=True, slots=True)
class CadenceTerms:
    """The assumptions filled in. `played` people stand for `people`; `every_…` days None where the preset is silent."""

    r: float
    seeds: int
    unnoticed: int
    sensitivity: float
    specificity: float
    turnout: float
    symptoms: float
    size: int
    dilution: float
    delay: int
    days: int
    household: float
    people: int
    played: int
    runs: int
    seed: int
    staff_per_thousand: float
    first: int | None
    recent_rounds: int | None
    lookback: int | None
    every_recent: int | None
    every_lookback: int | None
    every_none: int | None


@dataclass(frozen=True, slots=True)
class Cadence:
    """Plans from the cheapest on. `best`: of those that swab at all and that the laboratories manage, the one with
    fewest cases; where they manage none, the one that asks least of them. `says`: in words.
    """

    round_id: uuid.UUID
    as_of: datetime
    start: date
    tubes_per_day: int
    laboratories: int
    terms: CadenceTerms
    plans: list[CadencePlan]
    best: str
    towns: list[CadenceTown]
    says: list[str]


_kept: Kept[tuple[uuid.UUID, datetime, CadenceAsked], tuple[Result, CadenceTerms]] = Kept(32)


def cadence(ground: Ground, asked: CadenceAsked, *, language: str) -> Cadence:
    """Every plan for the round and the days after it."""
    start, opening = _start(ground)
    adaptive = adaptive_of(ground, asked, start, opening=opening)
    key = (ground.brief.id, ground.as_of, asked)
    result, terms = _kept.get(key) or _kept.put(key, _played(ground, asked, adaptive))
    names = wording.words(language)["cadence"]
    plans = _plans(ground, result, terms, start, adaptive=adaptive, names=names)
    best = _best(plans)
    return Cadence(
        ground.brief.id, ground.as_of, start, ground.tubes_per_day, len(ground.labs), terms, plans, best,
        _towns(ground, adaptive, start, asked.days), _says(plans, best, asked.days, names),
    )  # fmt: skip


# --- the question ---------------------------------------------------------------------------------


def _start(ground: Ground) -> tuple[date, bool]:
    """Day 0, and whether the round itself is on it: the round's day, or today when it is over."""
    tz = queries.local_time()
    own, today = (at.astimezone(tz).date() for at in (ground.brief.window_start, ground.as_of))
    return max(own, today), own >= today


def adaptive_of(
    ground: Ground, asked: CadenceAsked, start: date, *, opening: bool
) -> Adaptive | None:
    """The preset's rule of rounds by history (R7, R8) for the towns as they are; None where it has none."""
    days = {name: _days(ground.rules, f"rounds.{name}") for name in GAPS}
    recent, lookback = (
        ground.rules.number("rounds.recent_rounds"),
        _days(ground.rules, "rounds.lookback"),
    )
    if None in days.values() or recent is None or lookback is None:
        return None
    return Adaptive(
        first=int(ground.rules.number("rounds.minimum") or 0), recent_rounds=int(recent), lookback=lookback,
        every_recent=days["every_case_recent"] or 1, every_lookback=days["every_case_lookback"] or 1,
        every_none=days["every_no_case"] or 1, size=_size(ground, asked), share=asked.turnout,
        delay=asked.delay, past=tuple(_past(town, start) for town in ground.towns), opening=opening,
    )  # fmt: skip


GAPS: Final = ("every_case_recent", "every_case_lookback", "every_no_case")


def _days(book: Rules, path: str) -> int | None:
    minutes = book.number(path)
    return None if minutes is None else max(1, round(minutes / DAY))


def _past(town: Town, start: date) -> Past:
    """Rounds and cases before day 0; a case found on day 0 counts as of the day before."""
    rounds = sorted({(on - start).days for on in town.rounds if on < start})
    cases = sorted({min(-1, (on - start).days) for on in town.cases})
    return Past(tuple(rounds), tuple(cases))


def _size(ground: Ground, asked: CadenceAsked) -> int:
    return asked.size or int(ground.preset.pool.default_size.need())


def people_of(ground: Ground, most: int = PLAYED) -> People:
    """Everybody as household, village (who meets whom) and town; of more than `most` people so many in proportion."""
    rows = [
        (town, village, size, count)
        for village, (town, place) in enumerate(
            (town, place) for town, own in enumerate(ground.towns) for place in own.places
        )
        for homes in (place.pooled, place.sealed, {1: place.singles} if place.singles else {})
        for size, count in homes.items()
    ]
    towns, villages, sizes, counts = (
        np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)
    )
    share = min(1.0, most / ground.people)
    upto = np.round(np.cumsum(counts) * share).astype(np.int64)
    kept: Ints = np.diff(upto, prepend=0)
    if not kept.any():
        kept[0] = 1
    size = np.repeat(sizes, kept)
    home = np.repeat(np.arange(len(size)), size)
    return People(home, np.repeat(villages, kept)[home], np.repeat(towns, kept)[home])


def disease_of(people: People, r: float, symptoms: float) -> Disease:
    """Chances so that one case infects `r` others on average: the household as usual, the rest in village and county.

    Where the household alone would infect more than `r`, its chance is lowered and nobody else is infected.
    """
    usual = Disease()
    sizes = np.bincount(people.household)
    others = float((sizes * (sizes - 1)).sum() / sizes.sum())
    days = max(1, round(usual.infectious))
    within = others * (1 - (1 - usual.household) ** days)
    if r >= within:
        out = (r - within) / days / 2
        return Disease(place=out, community=out, symptoms=symptoms)
    chance = 1 - (1 - r / others) ** (1 / days) if others else 0.0
    return Disease(household=chance, place=0.0, community=0.0, symptoms=symptoms)


def _played(
    ground: Ground, asked: CadenceAsked, adaptive: Adaptive | None
) -> tuple[Result, CadenceTerms]:
    people = people_of(ground)
    count, size = len(people.household), _size(ground, asked)
    plans = _spaced(asked, size, adaptive)
    swabbed = sum(
        asked.days if plan.adaptive else len(plan.rounds) for plan in plans
    ) * count  # fmt: skip
    runs = int(np.clip(WORK // max(1, swabbed), *RUNS))
    dilution = thinned([size], dilution_of(ground, PoolAsked()))[size]
    disease = disease_of(people, asked.r, asked.symptoms)
    reserve = ground.rules.number("laboratory.reserve") or 0.0
    room = (
        round(ground.tubes_per_day * (1 - reserve) * count / ground.people) if ground.labs else None
    )
    problem = Problem(
        Outbreak(
            people, disease=disease, days=asked.days, seeds=min(asked.seeds, count), seed_days=asked.unnoticed,
            test=Assay(
                swab_fails=1 - asked.sensitivity, false_positive=1 - asked.specificity,
                dilution={1: 1.0, size: dilution},
            ),
        ),
        plans, room,
    )  # fmt: skip
    terms = CadenceTerms(
        **asked.model_dump(exclude={"size"}), size=size, dilution=dilution, household=disease.household,
        people=ground.people, played=count, runs=runs, seed=SEED, staff_per_thousand=staff_share(ground) * 1000,
        first=None if adaptive is None else adaptive.first,
        recent_rounds=None if adaptive is None else adaptive.recent_rounds,
        lookback=None if adaptive is None else adaptive.lookback,
        every_recent=None if adaptive is None else adaptive.every_recent,
        every_lookback=None if adaptive is None else adaptive.every_lookback,
        every_none=None if adaptive is None else adaptive.every_none,
    )  # fmt: skip
    return solve(problem, Params(runs=runs), seed=SEED), terms


def _spaced(asked: CadenceAsked, size: int, adaptive: Adaptive | None) -> tuple[Plan, ...]:
    """No round, this one only, evenly spaced ones, and by the preset."""

    def on(days: Sequence[int]) -> tuple[Round, ...]:
        return tuple(Round(day, size, asked.turnout, asked.delay) for day in days)

    plans = [Plan("none"), Plan("once", on([0]))]
    plans += [Plan(code, on(range(0, asked.days, gap))) for code, gap in EVERY.items()]
    if adaptive is not None:
        plans.insert(2, Plan("rule", adaptive=adaptive))
    return tuple(plans)


def staff_share(ground: Ground) -> float:
    """Staff-days of a round per person: the plan's, else the preset's rosters over people per lane and site."""
    totals = (ground.plan or {}).get("totals", {})
    if totals.get("staff_total") and totals.get("people"):
        return float(totals["staff_total"]) / float(totals["people"])
    book = ground.rules

    def roster(of: str) -> float:
        return sum(
            book.number(path) or 0.0 for path in book.by_path if path.startswith(f"staffing.{of}.")
        )

    hours = (book.number("sites.lane_day") or DAY) / 60
    lane = (
        book.number("sites.people_per_lane")
        or book.need("sites.lane_per_hour") * hours * PlanParams().load
    )
    return roster("lane") / lane + roster("site") / book.need("sites.people_per_site")


# --- the answer -----------------------------------------------------------------------------------


def _plans(
    ground: Ground, result: Result, terms: CadenceTerms, start: date, *, adaptive: Adaptive | None,
    names: Mapping[str, Any],
) -> list[CadencePlan]:  # fmt: skip
    """The cheapest first, each with what it costs more for a case fewer than the cheaper one before it."""
    more = terms.people / terms.played
    wanted = None if adaptive is None else _shortest(adaptive, len(ground.towns))
    found: list[CadencePlan] = []
    for row in sorted(result.table, key=lambda row: (row.tubes_mean, row.name)):
        price = None
        if found and found[-1].cases_mean > row.cases_mean:
            price = (row.tubes_mean * more - found[-1].tubes) / (
                found[-1].cases_mean - row.cases_mean
            )
        below = wanted is not None and row.name != "rule" and _gap(row.name) > wanted
        found.append(
            _plan(row, terms, start, names, price=price, below=below, labs=bool(ground.labs))
        )
    return found


def _best(plans: Sequence[CadencePlan]) -> str:
    able = [plan for plan in plans if plan.code != "none" and plan.fits is not False]
    if able:
        return min(able, key=lambda plan: (plan.cases_mean, plan.tubes)).code
    most = [plan for plan in plans if plan.code != "none"]
    return min(most, key=lambda plan: (plan.busiest_day, plan.cases_mean)).code


def _gap(code: str) -> float:
    return EVERY.get(code, float("inf"))


def _shortest(adaptive: Adaptive, towns: int) -> int:
    """Days between rounds where the preset asks for most."""
    gaps = []
    for area in range(towns):
        rounds, cases = adaptive.history(area)
        first = 1 if len(rounds) < adaptive.first else adaptive.every_none
        gaps.append(min(first, adaptive.every(rounds, cases, 0)))
    return min(gaps)


def _plan(
    row: Expected, terms: CadenceTerms, start: date, names: Mapping[str, Any], *, price: float | None,
    below: bool, labs: bool,
) -> CadencePlan:  # fmt: skip
    more = terms.people / terms.played
    held = [
        CadenceRound(
            one.day, start + timedelta(days=one.day), one.found, round(one.found_mean, 2),
            round(one.present_mean, 2), round(one.tubes_mean * more), round(one.swabs_mean * more),
        )
        for one in row.rounds
    ]  # fmt: skip
    swabs = round(row.swabs_mean * more)
    return CadencePlan(
        row.name, names["plan"][row.name], len(held), row.cases, round(row.cases_mean, 1),
        round(row.found_mean, 1), round(row.free_mean, 1), row.over, swabs, round(row.tubes_mean * more),
        round(row.tests_mean * more), round(swabs * terms.staff_per_thousand / 1000),
        round(row.busiest_day * more), row.fits if labs else None, below,
        None if price is None else round(price, 1), list(row.curve), held,
    )  # fmt: skip


def _towns(ground: Ground, adaptive: Adaptive | None, start: date, days: int) -> list[CadenceTown]:
    found = []
    for area, town in enumerate(ground.towns):
        turns = [] if adaptive is None else adaptive.calendar(area, days)
        before = [on for on in town.rounds if on < start]
        opened = adaptive is not None and adaptive.opening
        found.append(
            CadenceTown(
                town.area, town.name, town.people, len(before), max(before, default=None),
                max(town.cases, default=None),
                [
                    CadenceTurn(start + timedelta(days=day), "opening" if opened and day == 0 else why)
                    for day, why in turns
                ],
            )
        )  # fmt: skip
    return found


def _says(
    plans: Sequence[CadencePlan], best: str, days: int, names: Mapping[str, Any]
) -> list[str]:
    """The plan with fewest cases, the preset's, and what happens without any."""
    by = {plan.code: plan for plan in plans}

    def told(key: str, plan: CadencePlan) -> str:
        low, middle, high = (in_people(value) for value in plan.cases)
        return str(names["says"][key]).format(
            name=plan.name, days=days, low=low, cases=middle, high=high, swabs=f"{plan.swabs:,}",
            tubes=f"{plan.tubes:,}", busiest=f"{plan.busiest_day:,}",
        )  # fmt: skip

    key = {None: "unknown", True: "best", False: "least"}[by[best].fits]
    lines = [told(key, by[best])]
    if "rule" in by and (best != "rule" or key == "least"):
        lines.append(told("rule", by["rule"]))
    if "rule" not in by:
        lines.append(str(names["says"]["silent"]))
    lines.append(told("none", by["none"]))
    return lines
