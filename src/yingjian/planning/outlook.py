"""A round's day taken up where it is now: when it ends if nothing changes, and what would help most.

The twin plays what is left by the same rules as before the day: who is called and not swabbed, the lanes that work, the
tubes wherever they are. An answer, never a record: kept in memory for some minutes, for whoever sees the whole round.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.engines.day.model import DayError
from yingjian.engines.day.planned import (
    Bench,
    PlannedDay,
    base_of,
    bench_of,
    days_of,
    habits_of,
    limits_of,
)
from yingjian.kernel.errors import RuleBroken

from . import expecting, live, queries, rehearsing, rules, wording
from .kept import Kept
from .live import AtWork, Called
from .rehearsing import Outcome, SiteOutlook, Spread

if TYPE_CHECKING:
    from yingjian.engines.day.live import Lot, Now, Rest, Taken

MINUTE: Final = timedelta(minutes=1)
KEPT_FOR: Final = timedelta(minutes=5)
LATELY: Final = timedelta(hours=1)
"""A lane works that swabbed anybody in this time; a site open for less keeps the lanes of the plan."""
RUNS = TRIALS = 20
"""As often with each change as without: the same dice, so that one row can be held against another."""
SEED = 0
SHUT: Final = frozenset({"closed", "disinfected"})
ON_THE_WAY: Final = "road"
AT_BENCH: Final = "bench"


@dataclass(frozen=True, slots=True)
class RoundOutlook:
    """What is left of the day `on`. Figures and sites by the 5th, 50th, 95th percentile, in minutes of that date.

    `absent`: late people not expected any more; `later`: called for other days; `closed`: of closed sites; `home`: to
    be visited; `pending`: tubes without a result. `state`: `sampling`, `testing` (everybody swabbed), `finished`.
    """

    round_id: uuid.UUID
    as_of: datetime
    on: date
    state: str
    runs: int
    people: int
    sampled: int
    to_come: int
    absent: int
    later: int
    closed: int
    home: int
    pending: int
    last_swab_at: datetime | None
    figures: dict[str, Spread]
    says: list[str]
    helps: list[Outcome]
    sites: list[SiteOutlook]
    assumptions: dict[str, float]


@dataclass(frozen=True)
class _Counts:
    """People of the list beside those who are played."""

    people: int
    sampled: int
    later: int
    closed: int
    home: int
    pending: int
    last: datetime | None


@dataclass(frozen=True)
class _Found:
    """An answer without its words. `rest` is None where nothing is left. `floor`: before this no last result."""

    at: datetime
    taken: Taken
    rest: Rest | None
    counts: _Counts
    floor: float
    bench: Bench


_kept: Kept[uuid.UUID, _Found] = Kept(16)


def outlook_for(
    actor: Actor, round_id: uuid.UUID, *, at: datetime, language: str, fresh: bool = False
) -> RoundOutlook:
    """The outlook of a round in whole the actor's (403 else), some minutes old at most; `fresh`: of now.

    Raises `planning.plan_unknown` (404) where no plan is in force, `planning.nobody_comes` (409).
    """
    brief = campaigns.round_brief_for(actor, round_id)
    scope.require(actor, "see_round", brief.area)
    old = _kept.get(round_id)
    if old is not None and not fresh and timedelta() <= at - old.at < KEPT_FOR:
        return _told(round_id, old, language)
    with scope.reading_everywhere():
        return outlook_of(round_id, at=at, language=language)


def outlook_of(round_id: uuid.UUID, *, at: datetime, language: str) -> RoundOutlook:
    """The outlook of this moment; the same refusals. The caller sees everywhere."""
    return _told(round_id, _kept.put(round_id, _computed(round_id, at)), language)


# --- the question ---------------------------------------------------------------------------------


def _computed(round_id: uuid.UUID, at: datetime) -> _Found:
    # the compiler costs 190 MB and a second: only who asks
    from yingjian.engines.day.live import rest_of, take_up

    plan = queries.plan_in_force(round_id)
    if plan is None:
        raise RuleBroken("planning.plan_unknown", status=404)
    preset = campaigns.preset_of(round_id)
    book = rules.rules_of(preset)
    bench = bench_of(plan.params)
    habits = habits_of(book, plan.params.slot_minutes, bench, base_of(plan.params))
    local = at.astimezone(queries.local_time())
    today = _day(days_of(plan, book, habits, bench), local.date())
    (planned,) = expecting.expected(
        [today], plan, expecting.by_now(round_id), expecting.followed(preset, plan), bench
    )
    called = live.called_of(round_id)
    sites = {one.site: one for one in live.at_work_of(round_id, since=at - LATELY, at=at)}
    now, counts = _now(round_id, planned, local, called, sites)
    taken = take_up(planned, now, habits)
    floor = max([now.at] + [end for ends in now.running.values() for end in ends]) + habits.review
    rest = None
    if taken.to_come or now.lots:
        try:
            rest = rest_of(taken, limits_of(book), runs=RUNS, trials=TRIALS, seed=SEED)
        except DayError as error:
            raise RuleBroken("planning.bad_plan", problem=str(error)) from None
    return _Found(at, taken, rest, counts, floor if counts.pending else -math.inf, bench)


def _day(days: Sequence[PlannedDay], today: date) -> PlannedDay:
    """The plan's day of today; before the first its first, after the last its last."""
    if not days:
        raise RuleBroken("planning.nobody_comes", status=409)
    return next((day for day in days if day.date >= today), days[-1])


def _now(
    round_id: uuid.UUID, planned: PlannedDay, at: datetime, called: Sequence[Called],
    sites: Mapping[str, AtWork],
) -> tuple[Now, _Counts]:  # fmt: skip
    from yingjian.engines.day.live import Group, Now

    midnight = at.replace(
        year=planned.date.year, month=planned.date.month, day=planned.date.day,
        hour=0, minute=0, second=0, microsecond=0,
    )  # fmt: skip

    def minute(moment: datetime | None) -> float:
        return math.nan if moment is None else (moment - midnight) / MINUTE

    groups, later, closed = [], 0, 0
    walkers = [one for one in called if not one.home]
    for one in walkers:
        left, slot = one.people - one.swabbed, minute(one.slot)
        if slot >= DAY:
            later += left
            continue
        shut = one.site in sites and sites[one.site].state in SHUT
        closed += left * shut
        groups.append(Group(one.site, slot, one.people, one.people if shut else one.swabbed))
    lots = [_lot(one, minute) for one in live.lots_of(round_id)]
    ends = {
        code: [minute(start) + float(planned.day.labs.run[0]) for start in starts]
        for code, starts in live.running_since(at - RUN_KNOWN).items()
    }
    home = [one for one in called if one.home]
    counts = _Counts(
        people=sum(one.people for one in walkers), sampled=sum(one.swabbed for one in walkers), later=later,
        closed=closed, home=sum(one.people - one.swabbed for one in home), pending=live.pending_of(round_id),
        last=max((one.last for one in sites.values() if one.last), default=None),
    )  # fmt: skip
    lanes = {code: one.lanes for code, one in sites.items() if one.lanes and _settled(one, at)}
    return Now(max(minute(at), 0.0), groups, lanes, lots, ends), counts


DAY: Final = 1440.0
RUN_KNOWN: Final = timedelta(hours=6)
"""A run begun earlier and not ended is a forgotten end."""


def _settled(site: AtWork, at: datetime) -> bool:
    return site.opened_at is not None and at - site.opened_at >= LATELY


def _lot(one: live.Lot, minute: Any) -> Lot:
    """A lot as the twin knows it. What is checked in keeps the time of its receipt."""
    from yingjian.engines.day.live import Lot

    oldest, since = minute(one.oldest), minute(one.since)
    return Lot(
        one.site, one.lab, one.tubes, since if math.isnan(oldest) else oldest,
        since if one.kind == ON_THE_WAY else math.nan, since if one.kind == AT_BENCH else math.nan,
    )  # fmt: skip


# --- the answer -----------------------------------------------------------------------------------


def _told(round_id: uuid.UUID, found: _Found, language: str) -> RoundOutlook:
    names = wording.words(language)
    counts, taken, planned = found.counts, found.taken, found.taken.planned
    limits = asdict(limits_of(rules.rules_of(campaigns.preset_of(round_id))))
    figures: dict[str, Spread] = {}
    helps: list[Outcome] = []
    sites: list[SiteOutlook] = []
    if found.rest is not None:
        figures = _after(
            rehearsing.figures_told(found.rest.expected.figures, planned, limits), found.floor
        )
        helps = [_help(one, planned, limits, names, found.floor) for one in found.rest.helps]
        sites = rehearsing.sites_told(planned, found.rest.expected)
    elif counts.pending and planned.labs_known:
        figures = {"last_result": (found.floor,) * 3}
    state = "sampling" if taken.to_come or counts.later or counts.home else "testing"
    if state == "testing" and not counts.pending:
        state = "finished"
    known = {**asdict(taken.habits), **{f"bench_{n}": v for n, v in asdict(found.bench).items()}}
    return RoundOutlook(
        round_id, found.at, planned.date, state, RUNS, counts.people, counts.sampled, taken.to_come, taken.absent,
        counts.later, counts.closed, counts.home, counts.pending, counts.last, figures,
        _says(found, state, figures, names), helps, sites, known,
    )  # fmt: skip


def _after(figures: dict[str, Spread], floor: float) -> dict[str, Spread]:
    """No last result before the runs of now are out."""
    low, middle, high = figures.get("last_result", (floor, floor, floor))
    if "last_result" not in figures or math.isinf(floor):
        return figures
    return figures | {"last_result": (max(low, floor), max(middle, floor), max(high, floor))}


def _help(
    one: Any,
    planned: PlannedDay,
    limits: Mapping[str, float],
    names: Mapping[str, Any],
    floor: float,
) -> Outcome:
    if one.code != "lanes":
        told = rehearsing.outcome_of(one, planned, limits, names["rehearsal"])
        return Outcome(told.code, told.says, _after(told.figures, floor), told.change)
    called = {site.code: f"{site.name}({site.code})" for site in planned.sites}
    first, second = (called[code] for code in one.params["places"])
    figures, change = (
        rehearsing.figures_told(told, planned, limits) for told in (one.figures, one.change)
    )
    says = names["outlook"]["lanes"].format(first=first, second=second)
    return Outcome("lanes", says, _after(figures, floor), change)


def _says(
    found: _Found, state: str, figures: Mapping[str, Spread], names: Mapping[str, Any]
) -> list[str]:
    own, counts, tz = names["outlook"], found.counts, queries.local_time()
    if state == "finished":
        return [own["finished"]]
    lines = []
    if not found.taken.to_come and counts.last is not None:
        lines.append(own["sampled"].format(at=counts.last.astimezone(tz).strftime("%H:%M")))
    if figures:
        lines += rehearsing.says_of(figures, names["rehearsal"])
    numbers = {
        "absent": found.taken.absent, "home": counts.home, "later": counts.later, "closed": counts.closed,
        "tubes": counts.pending,
    }  # fmt: skip
    return lines + [own[name].format(count=count) for name, count in numbers.items() if count]
