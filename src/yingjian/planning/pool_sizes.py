"""How many to a tube (R49), town by town, from what was found so far, the kit, the laboratories and the clock.

An answer, never a record: nothing follows until somebody changes the preset or the plan.
"""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from yingjian.campaigns import presets
from yingjian.engines.epidemic.model import Assay
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.pooling.choice import Called, Chosen, Option, Terms, choose, options

from . import wording
from .ground import Ground, Town

PRIOR: Final = 1000
"""The stated guess counts as much as the results of so many people."""
RULES: Final = (
    "pool.sizes", "pool.default_size", "pool.method", "pool.single_only", "pool.household_tube",
    "clocks.result_other", "rounds.finish", "laboratory.reserve", "flagged.swabs",
)  # fmt: skip
IN_LABORATORY: Final = "pooled_in_laboratory"


class PoolAsked(BaseModel):
    """What the asker assumes. Shares 0 to 1. `dilution`: `collection` (a larger tube), `laboratory` (mixed there) or
    `none`; empty: as the preset pools. `recheck`: of the re-test of each member; 0: from the preset's number of swabs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prevalence: float = Field(default=0.0002, ge=0, le=0.3)
    sensitivity: float = Field(default=0.95, gt=0, le=1)
    specificity: float = Field(default=0.9999, gt=0, le=1)
    recheck: float = Field(default=0.0, ge=0, le=1)
    attack: float = Field(default=0.25, ge=0, le=1)
    dilution: str = Field(default="", pattern="^(collection|laboratory|none)?$")
    keep: bool = False


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """The same with what preset and plan say filled in. Hours; `limit`s None where no clock runs."""

    prevalence: float
    sensitivity: float
    specificity: float
    recheck: float
    attack: float
    dilution: str
    keep: bool
    swabs: int
    open_hours: float
    ride_hours: float
    bench_hours: float
    reserve: float
    result_limit: float | None
    finish_limit: float | None
    prior: int


@dataclass(frozen=True, slots=True)
class PoolSize:
    """One size. `_kept`: households in one tube. `retests` are people, `retest_tubes` their swabs. `tests_per_tube`
    to `negative_value` are of the tube by itself, households split.
    """

    size: int
    dilution: float
    tubes: int
    tubes_kept: int
    retests: float
    retests_kept: float
    retest_tubes: int
    missed: float
    missed_kept: float
    result_hours: float | None
    finish_at: datetime | None
    in_time: bool | None
    tests_per_tube: float
    sensitivity: float
    sensitivity_kept: float
    specificity: float
    positive_value: float
    negative_value: float


@dataclass(frozen=True, slots=True)
class PoolTown:
    """A town, or the whole round. `pooled` people share tubes; `sealed` are tubes of one household each."""

    area: str
    name: str
    people: int
    pooled: int
    singles: int
    sealed: int
    resulted: int
    positive: int
    basis: str
    prevalence: float
    infected: float
    sizes: list[PoolSize]
    best: int
    why: str
    says: str


@dataclass(frozen=True, slots=True)
class PoolRule:
    """A line of the preset that binds the choice, in words."""

    path: str
    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class PoolSum:
    """Every town by the size recommended to it."""

    tubes: int
    retests: float
    retest_tubes: int
    missed: float


@dataclass(frozen=True, slots=True)
class PoolSizes:
    """The round as it is known at `as_of`."""

    round_id: uuid.UUID
    as_of: datetime
    default_size: int
    laboratories: int
    tubes_per_day: int
    terms: PoolTerms
    rules: list[PoolRule]
    whole: PoolTown
    towns: list[PoolTown]
    by_town: PoolSum


def pool_sizes(ground: Ground, asked: PoolAsked, *, language: str) -> PoolSizes:
    """Sizes for every town and for the round as one. Pure but for the words."""
    terms, start = terms_of(ground, asked)
    pace = ground.tubes_per_day / 24 if ground.labs else None
    names = wording.words(language)["pooling"]
    towns = []
    for town in ground.towns:
        share = None if pace is None else pace * town.people / ground.people
        towns.append(_told(_facts(town, asked), share, terms, start, names))
    whole = _told(_whole(ground, towns), pace, terms, start, names)
    return PoolSizes(
        ground.brief.id, ground.as_of, int(ground.preset.pool.default_size.need()), len(ground.labs),
        ground.tubes_per_day, _terms(asked, terms, ground), _rules(ground, language), whole, towns,
        _by_town(towns, keep=terms.keep, swabs=terms.swabs),
    )  # fmt: skip


# --- the question ---------------------------------------------------------------------------------


def dilution_of(ground: Ground, asked: PoolAsked) -> str:
    """How a tube thins a swab: as asked, else as the preset pools."""
    if asked.dilution:
        return asked.dilution
    return "laboratory" if ground.preset.pool.method.value == IN_LABORATORY else "collection"


def thinned(sizes: Sequence[int], dilution: str) -> dict[int, float]:
    """How many times a tube of each size thins one swab."""
    assay = Assay()
    by = {"none": lambda _: 1.0, "laboratory": float, "collection": assay.thinned}[dilution]
    return {size: 1.0 if size == 1 else float(by(size)) for size in sizes}


def terms_of(ground: Ground, asked: PoolAsked) -> tuple[Terms, datetime]:
    """The engine's terms, and the moment of the first swab."""
    preset, book = ground.preset, ground.rules
    sizes = sorted(preset.pool.sizes.value)
    finish = presets.finish_hours(preset, ground.people)
    start, end, ride = _hours(ground, finish)
    swabs = int(preset.flagged.swabs.need())
    waited = (start - ground.brief.window_start) / timedelta(hours=1)
    limit = book.number("clocks.result_other")
    return Terms(
        sizes=sizes, attack=asked.attack, sensitivity=asked.sensitivity, specificity=asked.specificity,
        recheck=asked.recheck or 1.0 - (1.0 - asked.sensitivity) ** swabs,
        dilution=thinned(sizes, dilution_of(ground, asked)), keep=asked.keep, swabs=swabs,
        open_hours=(end - start) / timedelta(hours=1), ride_hours=ride,
        bench_hours=PlanParams().bench_hours, reserve=book.number("laboratory.reserve") or 0.0,
        result_limit=None if limit is None else limit / 60,
        finish_limit=None if finish is None else finish - max(0.0, waited),
    ), start  # fmt: skip


RIDE_HOURS: Final = 2.0
"""To the laboratory after the last swab, where no plan says."""


def _hours(ground: Ground, finish: float | None) -> tuple[datetime, datetime, float]:
    """First swab, last swab, hours from there to the laboratory: by the plan, else by the open hours.

    Without a plan people are called on as many days as leave the laboratories time before the round's end.
    """
    days = ground.days
    start = days[0].start if days else ground.brief.window_start
    forecast = (ground.plan or {}).get("forecast", {})
    if forecast.get("sampling_ends"):
        end = max(start, datetime.fromisoformat(forecast["sampling_ends"]))
        arrives = forecast.get("last_delivery")
        ride = None if arrives is None else datetime.fromisoformat(arrives) - end
        return start, end, RIDE_HOURS if ride is None else max(0.0, ride / timedelta(hours=1))
    ends = [day.end for day in days] or [ground.brief.window_end]
    after = timedelta(hours=RIDE_HOURS + PlanParams().bench_hours)
    due = None if finish is None else ground.brief.window_start + timedelta(hours=finish)
    timely = [end for end in ends if due is None or end + after <= due]
    return start, max(timely, default=min(ends)), RIDE_HOURS


@dataclass(frozen=True, slots=True)
class _Facts:
    area: str
    name: str
    people: int
    called: Called
    resulted: int
    positive: int
    basis: str
    prevalence: float


def _facts(town: Town, asked: PoolAsked) -> _Facts:
    sealed = sum(count for place in town.places for count in place.sealed.values())
    return _Facts(
        town.area, town.name, town.people,
        Called(town.homes, sum(place.singles for place in town.places), sealed),
        town.resulted, town.positive, town.basis, prevalence(town, asked.prevalence),
    )  # fmt: skip


def prevalence(town: Town, guess: float) -> float:
    """What was found, drawn towards the guess: the guess weighs as much as `PRIOR` results."""
    return (town.positive + guess * PRIOR) / (town.resulted + PRIOR)


def _whole(ground: Ground, towns: Sequence[PoolTown]) -> _Facts:
    homes: dict[int, int] = defaultdict(int)
    for town in ground.towns:
        for size, count in town.homes.items():
            homes[size] += count
    pooled = sum(one.pooled for one in towns)
    infected = sum(one.infected for one in towns)
    bases = {one.basis for one in towns}
    return _Facts(
        ground.brief.area, ground.brief.area_name, ground.people,
        Called(dict(homes), sum(one.singles for one in towns), sum(one.sealed for one in towns)),
        sum(one.resulted for one in towns), sum(one.positive for one in towns),
        bases.pop() if len(bases) == 1 else "mixed", infected / pooled if pooled else 0.0,
    )  # fmt: skip


# --- the answer -----------------------------------------------------------------------------------


def _told(
    facts: _Facts, pace: float | None, terms: Terms, start: datetime, names: Mapping[str, Any]
) -> PoolTown:
    found = options(facts.called, facts.prevalence, pace, terms)
    chosen = choose(found, terms)
    pooled = facts.called.pooled
    return PoolTown(
        facts.area, facts.name, facts.people, pooled, facts.called.singles, facts.called.sealed,
        facts.resulted, facts.positive, facts.basis, facts.prevalence, facts.prevalence * pooled,
        [_size(one, terms, start) for one in found], found[chosen.place].size, chosen.why,
        _says(found, chosen, terms, names),
    )  # fmt: skip


def _size(one: Option, terms: Terms, start: datetime) -> PoolSize:
    again = one.retests_kept if terms.keep else one.retests
    finish = None if one.finish_hours is None else start + timedelta(hours=one.finish_hours)
    return PoolSize(
        one.size, one.dilution, one.tubes, one.tubes_kept, round(one.retests, 1), round(one.retests_kept, 1),
        round(again * terms.swabs), round(one.missed, 3), round(one.missed_kept, 3), one.result_hours,
        finish, one.in_time, one.plain.tests_per_pool, one.found, one.found_kept,
        one.plain.specificity, one.plain.positive_value, one.plain.negative_value,
    )  # fmt: skip


def _says(found: Sequence[Option], chosen: Chosen, terms: Terms, names: Mapping[str, Any]) -> str:
    best = found[chosen.place]
    text = [str(names["why"][chosen.why]).format(size=best.size)]
    if chosen.other is not None:
        other = found[chosen.other]
        more = round(
            other.tests(keep=terms.keep, swabs=terms.swabs) - best.tests(keep=terms.keep, swabs=terms.swabs)
        )  # fmt: skip
        fewer = _missed(best, terms) - _missed(other, terms)
        says = names["smaller"] if fewer >= LEAST else names["smaller_for_nothing"]
        text.append(str(says).format(size=other.size, tubes=more, people=in_people(fewer)))
    return "".join(text)


LEAST: Final = 0.005
"""Of a missed person that is still told."""


def _missed(one: Option, terms: Terms) -> float:
    return one.missed_kept if terms.keep else one.missed


def in_people(number: float) -> str:
    """An expected number of people with as many digits as say something."""
    if not number:
        return "0"
    return f"{number:.2f}" if number < 1 else f"{number:.1f}" if number < 10 else f"{number:,.0f}"  # noqa: PLR2004


def _terms(asked: PoolAsked, terms: Terms, ground: Ground) -> PoolTerms:
    return PoolTerms(
        asked.prevalence, terms.sensitivity, terms.specificity, terms.recheck, terms.attack,
        dilution_of(ground, asked), terms.keep, terms.swabs, terms.open_hours, terms.ride_hours,
        terms.bench_hours, terms.reserve, terms.result_limit, terms.finish_limit, PRIOR,
    )  # fmt: skip


def _rules(ground: Ground, language: str) -> list[PoolRule]:
    told = presets.preset_json(ground.preset, wording.short(language))["values"]
    by_path = {one["path"]: one for one in told if one["path"] in RULES}
    return [
        PoolRule(path, one["label"], one["text"], one["origin_text"])
        for path in RULES
        for one in (by_path[path],)
    ]


def _by_town(towns: Sequence[PoolTown], *, keep: bool, swabs: int) -> PoolSum:
    best = [next(size for size in town.sizes if size.size == town.best) for town in towns]
    again = sum(one.retests_kept if keep else one.retests for one in best)
    return PoolSum(
        tubes=sum(one.tubes_kept if keep else one.tubes for one in best),
        retests=round(again, 1), retest_tubes=math.ceil(again * swabs - 1e-9),
        missed=round(sum(one.missed_kept if keep else one.missed for one in best), 3),
    )  # fmt: skip
