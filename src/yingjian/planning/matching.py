"""Tubes to laboratories from the live state (采送检匹配): which box should go where, which will miss its clock,
and where one more tube of capacity pays most.

An answer, never a record: it is computed from where the tubes are, kept in memory for a quarter of an hour, and
computed again whenever somebody asks for it. Nothing follows from it until somebody drives a box elsewhere.
"""

from __future__ import annotations

import math
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.engines.matching.model import (
    FREE,
    Labs,
    Loads,
    MatchingError,
    Params,
    Problem,
    Result,
)
from yingjian.engines.plan.geo import km
from yingjian.engines.plan.model import Plan, Rules
from yingjian.engines.plan.params import PlanParams
from yingjian.kernel.errors import RuleBroken

from . import live, queries, rules
from .kept import Kept, same_quarter
from .live import Desk, Lot

STEP, HORIZON = 15, 2160
PLATE, RUN_MINUTES = 94, 150
AHEAD: Final = timedelta(hours=24)
PAYS: Final = 6
"""Hours of laboratories shown where capacity pays."""


@dataclass(frozen=True, slots=True)
class MatchLot:
    """A lot and where it should go. `late`: minutes beyond its clock when it begins; `untested`: tubes for which
    no run is in sight.
    """

    kind: str
    key: str
    site_code: str
    site: str
    tubes: int
    oldest_at: datetime | None
    leaves_at: datetime | None
    planned: str
    lab: str
    change: bool
    begins_at: datetime | None
    late: int
    late_tubes: int
    untested: int


@dataclass(frozen=True, slots=True)
class MatchLab:
    """A laboratory: tubes waiting, on their way, still to come; its runs and when the last begins."""

    code: str
    name: str
    tubes_per_day: int
    instruments: int
    running: int
    waiting: int
    coming: int
    expected: int
    runs: int
    last_begins_at: datetime | None
    idle: int


@dataclass(frozen=True, slots=True)
class MatchWorth:
    """What one more tube of capacity saves there in that hour, in tube-minutes of waiting (late ones count 20)."""

    lab: str
    from_at: datetime
    saves: float


@dataclass(frozen=True, slots=True)
class Matching:
    """The round as it stands at `as_of`. `lots` holds what is collected, and of what is to come what is late."""

    round_id: uuid.UUID
    as_of: datetime
    clock: str
    limit: int
    gap: float
    late_tubes: int
    untested: int
    changes: int
    lots: list[MatchLot]
    labs: list[MatchLab]
    worth: list[MatchWorth]
    assumptions: dict[str, float]


_kept: Kept[uuid.UUID, Matching] = Kept(32)


def matching_for(
    actor: Actor, round_id: uuid.UUID, *, at: datetime, fresh: bool = False
) -> Matching:
    """The matching of a round in whole the actor's (403 else), at most a quarter of an hour old; `fresh`: of now.

    Raises `planning.no_laboratory` (409) where nobody could take the tubes.
    """
    brief = campaigns.round_brief_for(actor, round_id)
    scope.require(actor, "see_round", brief.area)
    old = _kept.get(round_id)
    if old is not None and not fresh and same_quarter(old.as_of, at):
        return old
    with scope.reading_everywhere():
        return _kept.put(round_id, _computed(round_id, brief.area, at))


@dataclass(frozen=True)
class State:
    """Everything the question is made from. Times are aware."""

    at: datetime
    lots: Sequence[Lot]
    desks: Sequence[Desk]
    places: Mapping[str, tuple[str, float | None, float | None]]
    shares: Mapping[str, str]
    plan: Plan | None
    rules: Rules

    @property
    def params(self) -> PlanParams:
        return self.plan.params if self.plan else PlanParams()

    @property
    def midnight(self) -> datetime:
        return self.at.replace(hour=0, minute=0, second=0, microsecond=0)

    def minute(self, at: datetime) -> int:
        return math.floor((at - self.midnight) / timedelta(minutes=1))

    def moment(self, minute: int) -> datetime:
        return self.midnight + timedelta(minutes=minute)


def _computed(round_id: uuid.UUID, area: str, at: datetime) -> Matching:
    book = rules.rules_of(campaigns.preset_of(round_id))
    plan = queries.plan_in_force(round_id)
    lots = live.lots_of(round_id)
    near = {lab.code: lab for lab in queries.labs_of(area, None)}
    shares = live.shares_of(round_id)
    running = live.running_since(at - timedelta(minutes=2 * RUN_MINUTES))
    codes = {*near, *shares.values(), *(lot.lab for lot in lots if lot.lab)}
    desks = [
        Desk(
            code, name, tubes, getattr(near.get(code), "lon", None), getattr(near.get(code), "lat", None),
            opens, state == "receiving", running.get(code, ()),
        )
        for code, name, tubes, opens, state in live.laboratories_of(codes)
    ]  # fmt: skip
    places = live.sites_of(round_id)
    local = at.astimezone(queries.local_time())
    return matched(round_id, State(local, lots, desks, places, shares, plan, book))


def matched(round_id: uuid.UUID, state: State) -> Matching:
    """The answer for a state. Raises `planning.no_laboratory` (409). Pure."""
    if not any(desk.open for desk in state.desks):
        raise RuleBroken("planning.no_laboratory", status=409)
    lots = [lot for lot in (*state.lots, *_to_come(state)) if lot.tubes > 0]
    limit, clock = _clock(state.rules)
    if not lots:
        return Matching(
            round_id, state.at, clock, limit, 0.0, 0, 0, 0, [], _labs(state, [], None), [], _assumed(state.rules)
        )  # fmt: skip
    asked = _problem(state, lots, limit)
    try:
        from yingjian.engines.matching.solve import solve  # with its solver, only when asked

        result = solve(asked, Params())
    except MatchingError as error:
        raise RuleBroken("planning.cannot_match", status=409, problem=error.code) from None
    told = _lots(state, lots, result)
    return Matching(
        round_id, state.at, clock, limit, round(result.gap, 4),
        late_tubes=sum(late.tubes for late in result.late),
        untested=sum(late.untested for late in result.late),
        changes=sum(one.change for one in told),
        lots=[one for one in told if one.kind != "planned" or one.late_tubes],
        labs=_labs(state, lots, result),
        worth=_worth(state, result),
        assumptions=_assumed(state.rules),
    )  # fmt: skip


# --- the question ---------------------------------------------------------------------------------


def _clock(book: Rules) -> tuple[int, str]:
    """Minutes from the oldest swab to the start of its run, and the rule that says so (R54, else R66)."""
    for path in ("clocks.on_instrument", "clocks.result_other"):
        limit = book.number(path)
        if limit:
            return int(limit), path
    return 1440, ""


def _reserve(book: Rules) -> float:
    """Share of the wells kept for re-tests (R81): none where the preset asks for none."""
    return book.number("laboratory.reserve") or 0.0


def _assumed(book: Rules) -> dict[str, float]:
    """What neither plan nor laboratory states, and the reserve of wells for re-tests (R81)."""
    return {"plate": PLATE, "run_minutes": RUN_MINUTES, "reserve": _reserve(book)}


def _to_come(state: State) -> list[Lot]:
    """Tubes the plan's calls will still bring. Of the next call only what is swabbed from now on."""
    if state.plan is None:
        return []
    calls: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for run in state.plan.runs:
        for stop in run.stops:
            calls[stop.site].append((stop.at, stop.tubes))
    opens = {site.code: [span.start for span in site.open] for site in state.plan.sites}
    found = []
    for site, own in sorted(calls.items()):
        own.sort()
        before: datetime | None = None
        for at, tubes in own:
            began = max(
                [o for o in opens.get(site, []) if o <= at] + ([before] if before else []),
                default=at,
            )
            before = at
            if not state.at < at <= state.at + AHEAD:
                continue
            left = 1.0
            if began < state.at < at:
                left = (at - state.at) / (at - began)
            oldest = max(began, state.at)
            found.append(Lot("planned", site, site, "", round(tubes * left), oldest, at))
    return found


def _problem(state: State, lots: Sequence[Lot], limit: int) -> Problem:
    now = state.minute(state.at)
    number = {desk.code: n for n, desk in enumerate(state.desks)}
    calls = _calls(state)
    ready, rides, fixed, before = [], [], [], []
    for lot in lots:
        home = lot.lab or state.shares.get(lot.site, "")
        away, planned = calls.get(lot.site, {}).get("next"), calls.get(lot.site, {}).get("ride")
        fixed.append(number.get(home, FREE) if lot.kind in {"road", "bench"} else FREE)
        before.append(number.get(home, FREE))
        rides.append(_rides(state, lot, home, planned))
        leaves = (
            lot.since if lot.kind == "planned" else (away if lot.kind in {"box", "rack"} else None)
        )
        ready.append(now if leaves is None else max(now, state.minute(_as_time(leaves))))
    open_ = np.array([[desk.open for desk in state.desks]] * len(lots), dtype=np.bool_)
    machines = [_instruments(desk) for desk in state.desks]
    return Problem(
        loads=Loads(
            tubes=np.array([lot.tubes for lot in lots], dtype=np.int64),
            ready=np.array(ready, dtype=np.int64),
            oldest=np.array([state.minute(lot.oldest or state.at) for lot in lots], dtype=np.int64),
            ride=np.array(rides, dtype=np.int64),
            fixed=np.array(fixed, dtype=np.int64),
            before=np.array(before, dtype=np.int64),
            allowed=open_,
        ),
        labs=Labs(
            instruments=np.array(machines, dtype=np.int64),
            wells=np.full(len(machines), PLATE, dtype=np.int64),
            run=np.full(len(machines), RUN_MINUTES, dtype=np.int64),
            opens=np.array([desk.opens_hour * 60 for desk in state.desks], dtype=np.int64),
            closes=np.full(len(machines), 100_000, dtype=np.int64),
            reserve=_reserve(state.rules),
            busy=tuple(
                tuple(max(now + STEP, state.minute(s) + RUN_MINUTES) for s in desk.running) for desk in state.desks
            ),
        ),
        now=now, limit=limit, step=STEP, horizon=HORIZON,
    )  # fmt: skip


def _as_time(value: datetime | float) -> datetime:
    assert isinstance(value, datetime)  # noqa: S101  of the two things known of a site's calls
    return value


def _instruments(desk: Desk) -> int:
    """Machines that do together what the laboratory says it can do in 24 h, and never fewer than run now."""
    return max(1, math.ceil(desk.tubes_per_day * RUN_MINUTES / 1440 / PLATE), len(desk.running))


def _calls(state: State) -> dict[str, dict[str, datetime | float]]:
    """By site: its next planned call, and how long the ride from it takes."""
    found: dict[str, dict[str, datetime | float]] = defaultdict(dict)
    runs = [] if state.plan is None else sorted(state.plan.runs, key=lambda run: run.leaves)
    for run in runs:
        for stop in run.stops:
            own = found[stop.site]
            own["ride"] = (run.arrives - stop.at) / timedelta(minutes=1)
            if stop.at >= state.at and "next" not in own:
                own["next"] = stop.at
    return found


def _rides(state: State, lot: Lot, home: str, planned: datetime | float | None) -> list[int]:
    """Minutes to every laboratory: as planned to its own, the same with the other way to another."""
    if lot.kind == "bench":
        return [0 if desk.code == lot.lab else 60 for desk in state.desks]
    direct = [_direct(state, lot.site, desk) for desk in state.desks]
    own = next((d for d, desk in zip(direct, state.desks, strict=True) if desk.code == home), None)
    more = max(0.0, planned - own) if isinstance(planned, int | float) and own is not None else 10.0
    gone = 0.0
    if lot.kind == "road" and lot.since is not None:
        gone = (state.at - lot.since) / timedelta(minutes=1)
    return [max(5, round(minutes + more - gone)) for minutes in direct]


def _direct(state: State, site: str, desk: Desk) -> float:
    params = state.params
    _, lon, lat = state.places.get(site, ("", None, None))
    if lon is None or lat is None or desk.lon is None or desk.lat is None:
        return params.unknown_lab_minutes
    way = km((lon, lat), (desk.lon, desk.lat)) * params.road_factor
    return way / params.drive_km_per_h * 60


# --- the answer -----------------------------------------------------------------------------------


def _lots(state: State, lots: Sequence[Lot], result: Result) -> list[MatchLot]:
    """What concerns somebody first: late, then sent elsewhere, then by age."""
    begins: dict[int, int] = {}
    for run in result.runs:
        for i, _ in run.tubes:
            begins[i] = max(begins.get(i, 0), run.start)
    late = {one.load: one for one in result.late}
    calls = _calls(state)
    found = []
    for i, lot in enumerate(lots):
        home = lot.lab or state.shares.get(lot.site, "")
        lab = state.desks[int(result.lab_of[i])].code
        over = late.get(i)
        next_call = lot.since if lot.kind == "planned" else calls.get(lot.site, {}).get("next")
        found.append(
            MatchLot(
                lot.kind, lot.key, lot.site, state.places.get(lot.site, (lot.site, None, None))[0],
                lot.tubes, lot.oldest,
                next_call if isinstance(next_call, datetime) and lot.kind in {"box", "rack", "planned"} else None,
                home, lab, home not in {"", lab} and lot.kind in {"box", "rack", "planned"},
                state.moment(begins[i]) if i in begins else None,
                over.minutes if over else 0, over.tubes if over else 0, over.untested if over else 0,
            )
        )  # fmt: skip
    order = {"bench": 0, "road": 1, "box": 2, "rack": 3, "planned": 4}
    return sorted(found, key=lambda m: (-m.late_tubes, not m.change, order[m.kind], m.key))


def _labs(state: State, lots: Sequence[Lot], result: Result | None) -> list[MatchLab]:
    waiting, coming, expected = Counter[int](), Counter[int](), Counter[int]()
    if result is not None:
        for i, lot in enumerate(lots):
            kind = {"bench": waiting, "planned": expected}.get(lot.kind, coming)
            kind[int(result.lab_of[i])] += lot.tubes
    found = []
    for n, desk in enumerate(state.desks):
        runs = [run.start for run in (result.runs if result else []) if run.lab == n]
        found.append(
            MatchLab(
                desk.code, desk.name, desk.tubes_per_day, _instruments(desk), len(desk.running), waiting[n],
                coming[n], expected[n], len(runs), state.moment(max(runs)) if runs else None,
                int(result.idle[n]) if result is not None else 0,
            )
        )  # fmt: skip
    return found


def _worth(state: State, result: Result) -> list[MatchWorth]:
    """The hours in which one more tube of capacity saves most, each laboratory's best first."""
    now = state.minute(state.at)
    found = [
        MatchWorth(desk.code, state.moment(now + 60 * hour), round(float(value), 1))
        for n, desk in enumerate(state.desks)
        for hour, value in enumerate(result.worth[n].tolist())
        if value >= 1.0
    ]
    return sorted(found, key=lambda one: (-one.saves, one.from_at, one.lab))[:PAYS]
