"""A stored plan rehearsed by the day's twin: what to expect, what would go wrong, what would help most.

The same plan, runs and seed give the same answer. For a page it is played in the background and kept (`rehearsals`);
it is put into words when it is read, in the reader's language.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from yingjian.campaigns import queries as campaigns
from yingjian.engines.day.expected import Followed
from yingjian.engines.day.model import NEVER, DayError, Forecast
from yingjian.engines.day.planned import (
    PlannedDay,
    base_of,
    bench_of,
    days_of,
    habits_of,
    limits_of,
)
from yingjian.engines.plan.model import Plan, Rules
from yingjian.kernel.errors import RuleBroken

from . import expecting, queries, rules, wording

if TYPE_CHECKING:
    from yingjian.engines.day.rehearsal import DayRehearsal, Outlook

    from .troubles import Troubles

ENOUGH: Final = 5
"""Days played of each date before a stop is heeded."""
Spread = tuple[float, float, float]
LAB: Final = ("last_result", "on_machine_breaches", "result_breaches")
"""Figures that mean nothing when the plan names no laboratory."""
CLOCKS: Final = {
    "queue_breaches": "queue",
    "to_lab_breaches": "to_lab",
    "on_machine_breaches": "on_machine",
    "result_breaches": "result",
    "recheck_breaches": "recheck",
    "single_breaches": "result",
}
"""Figure → the limit it counts against; without a limit it is left out."""
RETESTS: Final = (
    "pools_positive", "reswabbed", "confirmed", "retest_wells", "retest_p50", "retest_p95", "reswab_p95",
)  # fmt: skip
PLACES: Final = {"place", "site"}
"""Parameters that name a site by its code: `place` where a change is made, `site` where something goes wrong."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something else than planned, and what becomes of the day. Figures by their 5th, 50th, 95th percentile.

    `change`: each figure less that of the same day as planned, by the same percentiles over the days.
    """

    code: str
    says: str
    figures: dict[str, Spread]
    change: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Hour:
    """The queue of those who come within an hour of the day, minutes."""

    hour: int
    people: int
    p50: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True)
class Number:
    """A figure in words: what lies above in nineteen days of twenty, in the middle, below in nineteen of twenty."""

    name: str
    says: str
    low: str
    middle: str
    high: str


@dataclass(frozen=True, slots=True)
class SiteOutlook:
    """A site's last swab (minutes of the day, three percentiles) and its worst hour's queue."""

    code: str
    name: str
    lanes: int
    people: int
    finish: Spread
    worst_hour: int
    queue_p95: float
    hours: list[Hour]


@dataclass(frozen=True, slots=True)
class DayOutlook:
    """A date of the plan. Minutes count from its midnight. `beside`: as planned on the days of `cases` and `helps`."""

    on: date
    people: int
    figures: dict[str, Spread]
    beside: dict[str, Spread]
    says: list[str]
    numbers: list[Number]
    cases: list[Outcome]
    helps: list[Outcome]
    sites: list[SiteOutlook]
    vehicles: list[str]
    labs: list[str]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A plan's days, rehearsed `runs` times each; `assumptions` are what neither plan nor preset says.

    `stopped`: somebody ended it before it was through. `labs`: names of laboratories by code.
    """

    plan_id: uuid.UUID
    round_id: uuid.UUID
    version: int
    runs: int
    trials: int
    seed: int
    assumptions: dict[str, float]
    days: list[DayOutlook]
    stopped: bool
    labs: dict[str, str]


class Told(msgspec.Struct, frozen=True):
    """Something else than planned, in no language yet."""

    code: str
    params: dict[str, Any]
    figures: dict[str, Spread]
    change: dict[str, Spread]


class PlayedDay(msgspec.Struct, frozen=True):
    """One date as it was played, in no language yet. `runs`: fewer than asked for when it was stopped."""

    on: date
    people: int
    runs: int
    figures: dict[str, Spread]
    beside: dict[str, Spread]
    cases: list[Told]
    helps: list[Told]
    sites: list[SiteOutlook]
    vehicles: list[str]
    labs: list[str]


class Played(msgspec.Struct, frozen=True):
    """A plan's days played: what is kept. `stopped`: before its end, so that cases or changes may be missing."""

    assumptions: dict[str, float]
    days: list[PlayedDay]
    stopped: bool = False


Stop = Callable[[], bool]
Watch = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Given:
    """What a rehearsal needs of a stored plan, read before it is played."""

    plan: Plan
    book: Rules
    way: Followed
    """The preset's with a tube that reads positive."""


def given(plan_id: uuid.UUID) -> Given:
    """Read it (`planning.plan_unknown`, 404; `planning.bad_plan`)."""
    preset = campaigns.preset_of(queries.head_of(plan_id).round_id)
    plan = queries.document_of(plan_id)
    return Given(plan, rules.rules_of(preset), expecting.followed(preset, plan))


def rehearse(
    plan_id: uuid.UUID, *, runs: int, trials: int, seed: int, language: str, positives: float | None = None,
    own: Troubles | None = None,
) -> Rehearsal:  # fmt: skip
    """Rehearse a stored plan at once. Raises `planning.plan_unknown` (404), `planning.nobody_comes` (409).

    `positives`: of ten thousand people infected; None: as many as the round before found. `own`: as `play` has it.
    """
    if positives is None:
        positives = expecting.by_history(queries.head_of(plan_id).round_id)
    played = play(given(plan_id), runs=runs, trials=trials, seed=seed, positives=positives, own=own)
    return told(plan_id, played, runs=runs, trials=trials, seed=seed, language=language)


def play(
    known: Given, *, runs: int, trials: int, seed: int, positives: float = 0.0, own: Troubles | None = None,
    stop: Stop = lambda: False, watch: Watch = lambda _: None,
) -> Played:  # fmt: skip
    """Play every date of a plan; a stop leaves each at least `ENOUGH` days. Reads and writes nothing.

    `own`: these troubles, all at once, instead of the usual ones and of what would help
    (`planning.trouble_unknown`, 409, for a place, vehicle or laboratory of no date).
    """
    # the compiler costs 190 MB and a second: only who rehearses
    from yingjian.engines.day.rehearsal import rehearsal

    plan, book = known.plan, known.book
    bench, limits = bench_of(plan.params), limits_of(book)
    habits = habits_of(book, plan.params.slot_minutes, bench, base_of(plan.params))
    try:
        found, days = (
            [],
            expecting.expected(
                days_of(plan, book, habits, bench), plan, positives, known.way, bench
            ),
        )
        if not days:
            raise RuleBroken("planning.nobody_comes", status=409)
        if own is not None:
            own.known(days)
        for number, day in enumerate(days):
            one = rehearsal(
                day, habits, limits, runs=runs, trials=trials, seed=seed, stop=_enough(stop),
                cases=None if own is None else own.cases(day), improve=own is None,
                watch=_within(watch, number, len(days)),
            )  # fmt: skip
            found.append(_played(one, asdict(limits)))
    except DayError as error:
        raise RuleBroken("planning.bad_plan", problem=str(error)) from None
    assumed = asdict(habits) | {f"bench_{name}": value for name, value in asdict(bench).items()}
    if positives > 0:
        assumed |= {f"retest_{name}": value for name, value in asdict(known.way.how).items()}
        assumed |= {"retest_swabs": known.way.swabs, "positives": positives}
    return Played(assumed, found, stop())


def _enough(stop: Stop) -> Stop:
    """Heeded only when a date was played `ENOUGH` times: percentiles of fewer say nothing."""
    played = count(1)
    return lambda: next(played) >= ENOUGH and stop()


def _within(watch: Watch, number: int, of: int) -> Watch:
    return lambda share: watch((number + share) / of)


def _played(one: DayRehearsal, limits: Mapping[str, float]) -> PlayedDay:
    planned = one.planned
    named = {site.code: f"{site.name}({site.code})" for site in planned.sites}

    def each(outlooks: Sequence[Outlook]) -> list[Told]:
        return [_told(found, named, planned, limits) for found in outlooks]

    return PlayedDay(
        planned.date, len(planned.day.site), one.expected.runs,
        figures_told(one.expected.figures, planned, limits),
        figures_told(one.planned_days, planned, limits), each(one.cases), each(one.helps),
        sites_told(planned, one.expected), sorted(planned.vehicles), sorted(planned.labs),
    )  # fmt: skip


# --- in words ------------------------------------------------------------------------------------


def told(
    plan_id: uuid.UUID, played: Played, *, runs: int, trials: int, seed: int, language: str
) -> Rehearsal:
    """What was played, in the asker's language. `runs`: fewer than asked for when it was stopped."""
    head, names = queries.head_of(plan_id), wording.words(language)["rehearsal"]
    labs = queries.laboratory_names({code for day in played.days for code in day.labs})
    days = [
        DayOutlook(
            day.on, day.people, day.figures, day.beside, says_of(day.figures, names),
            numbers_of(day.figures, names),
            [_outcome(one, names, labs) for one in day.cases],
            [_outcome(one, names, labs) for one in day.helps],
            day.sites, day.vehicles, day.labs,
        )
        for day in played.days
    ]  # fmt: skip
    fewest = min([runs, *(day.runs for day in played.days)])
    return Rehearsal(
        plan_id,
        head.round_id,
        head.version,
        fewest,
        trials,
        seed,
        played.assumptions,
        days,
        played.stopped,
        labs,
    )


def figures_told(
    figures: Mapping[str, Spread], planned: PlannedDay, limits: Mapping[str, float]
) -> dict[str, Spread]:
    """The figures that mean something: laboratories known, a limit set, something to measure."""
    return {
        name: (spread[0], spread[1], spread[2])
        for name, spread in figures.items()
        if not math.isnan(spread[1])
        and (planned.labs_known or name not in LAB)
        and (name not in CLOCKS or limits[CLOCKS[name]] < NEVER)
    }


def says_of(figures: Mapping[str, Spread], names: Mapping[str, Any]) -> list[str]:
    """What to expect and which clocks break, a sentence each."""
    lines = [
        _line(names["expects"][key], figures[key], names)
        for key in names["expects"]
        if key in figures
    ]
    lines += [
        names["suspects"][key].format(**_suspects(figures, names))
        for key in names["suspects"]
        if key in figures
    ]
    broken = [
        names["broken"][key].format(middle=round(figures[key][1]), high=round(figures[key][2]))
        for key in names["broken"]
        if key in figures and figures[key][2] >= 1
    ]
    return lines + (broken or [names["none_broken"]])


def _suspects(figures: Mapping[str, Spread], names: Mapping[str, Any]) -> dict[str, Any]:
    """What positive tubes set in motion, rounded; a moment as people say it."""
    found: dict[str, Any] = {}
    for name in RETESTS:
        if name in figures:
            found[name], found[f"{name}_most"] = (round(figures[name][n]) for n in (1, 2))
    if "cleared" in figures:
        moments = ("cleared_low", "cleared", "cleared_most")
        found |= {
            name: clock(value, names)
            for name, value in zip(moments, figures["cleared"], strict=True)
        }
    return found


def numbers_of(figures: Mapping[str, Spread], names: Mapping[str, Any]) -> list[Number]:
    """Every figure there are words for, with its interval."""

    def say(kind: str, value: float) -> str:
        if kind == "clock":
            return clock(value, names)
        return f"{100 * value:.0f}%" if kind == "share" else f"{value:,.0f}"

    return [
        Number(name, text, *(say(kind, value) for value in figures[name]))
        for kind, told in names["numbers"].items()
        for name, text in told.items()
        if name in figures
    ]


def _line(text: str, spread: Spread, names: Mapping[str, Any]) -> str:
    low, middle, high = (clock(value, names) for value in spread)
    return text.format(
        low=low, middle=middle, high=high, minutes=round(spread[1]), most=round(spread[2])
    )


def outcome_of(
    found: Outlook, planned: PlannedDay, limits: Mapping[str, float], names: Mapping[str, Any]
) -> Outcome:
    """A trouble or a change in words."""
    named = {site.code: f"{site.name}({site.code})" for site in planned.sites}
    labs = queries.laboratory_names(set(planned.labs))
    return _outcome(_told(found, named, planned, limits), names, labs)


def _told(
    found: Outlook, named: Mapping[str, str], planned: PlannedDay, limits: Mapping[str, float]
) -> Told:
    figures, change = (
        figures_told(told, planned, limits) for told in (found.figures, found.change)
    )
    return Told(found.code, _named(found.params, named), figures, change)


def _named(params: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
    """Sites by their names instead of their codes."""
    return {
        key: named.get(str(value), str(value)) if key in PLACES else value
        for key, value in params.items()
    }


def _outcome(found: Told, names: Mapping[str, Any], labs: Mapping[str, str]) -> Outcome:
    if "together" in found.params:
        each = [
            _outcome(Told(one["code"], one["params"], {}, {}), names, labs)
            for one in found.params["together"]
        ]
        says = names["and"].join(one.says for one in each)
        return Outcome(found.code, says, found.figures, found.change)
    given = {
        name: clock(float(str(value)), names) if name in {"start", "end"} else value
        for name, value in found.params.items()
    }
    if "lab" in given:
        given["lab"] = labs.get(given["lab"], given["lab"])
    says = names["cases"].get(found.code) if "place" not in given else names["helps"][found.code]
    return Outcome(found.code, str(says).format(**given), found.figures, found.change)


def sites_told(planned: PlannedDay, expected: Forecast) -> list[SiteOutlook]:
    """The site that ends last comes first."""
    come = np.bincount(planned.day.site, minlength=len(planned.sites))
    queue = np.nan_to_num(expected.queue.p95)
    found = [
        SiteOutlook(
            site.code, site.name, site.lanes, int(come[j]),
            (float(expected.finish[j, 0]), float(expected.finish[j, 1]), float(expected.finish[j, 2])),
            int(queue[j].argmax()), float(queue[j].max()), _hours(expected, j),
        )
        for j, site in enumerate(planned.sites)
        if not np.isnan(expected.finish[j]).any()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.finish[1], one.code))


def _hours(expected: Forecast, site: int) -> list[Hour]:
    queue = expected.queue
    return [
        Hour(
            hour, int(queue.people[site, hour]),
            *(round(float(part[site, hour]), 1) for part in (queue.p50, queue.p95, queue.most)),
        )
        for hour in range(24)
        if queue.people[site, hour] and not np.isnan(queue.p95[site, hour])
    ]  # fmt: skip


def clock(minute: float, names: Mapping[str, Any]) -> str:
    """A minute of the day as people say it; after midnight with the day it falls on."""
    whole = round(minute)
    days, rest = divmod(whole, 1440)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    later: Mapping[str, str] = names["later"]
    return later["one" if days == 1 else "more"].format(days=days, time=text) if days else text


def in_short(one: Outcome, names: Mapping[str, Any]) -> str:
    """An outcome's times and broken clocks in one line."""
    told = [
        f"{names['col'][name]} {clock(one.figures[name][1], names)}{shift(one.change.get(name))}"
        for name in ("last_swab", "last_delivery", "last_result", "cleared")
        if name in one.figures
    ]
    broken = round(sum(one.figures[name][1] for name in CLOCKS if name in one.figures))
    return " · ".join([*told, f"{names['col']['broken']} {broken}"])


def shift(change: Spread | None) -> str:
    """Between how many minutes earlier or later it is than on the same day as planned; nothing where it is not."""
    if change is None or not any(round(minutes) for minutes in change):
        return ""
    low, high = (f"{round(minutes):+d}".replace("-", "−") for minutes in (change[0], change[2]))
    return f" ({low})" if low == high else f" ({low}…{high})"
