"""A planned day taken up where it is now: who is still to come, which lanes work, where the tubes are.

Pure. The twin then plays the rest of it by the same rules as a day that has not begun: with nothing swabbed and
nothing late this is the plan's own day.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.asking import Floats
from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import Begun, Day, Doors, Forecast, Habits, Limits
from yingjian.engines.day.planned import PlannedDay
from yingjian.engines.day.rehearsal import (
    HELPS,
    Change,
    Outlook,
    broken_in,
    changes,
    outlook,
)

TOGETHER = 2
"""Sites that get a lane at once: those that end last."""


@dataclass(frozen=True, slots=True)
class Group:
    """People called to a site for one time (minute of the day; NaN: for none), and how many of them are swabbed."""

    site: str
    slot: float
    people: int
    swabbed: int


@dataclass(frozen=True, slots=True)
class Lot:
    """Tubes that are together. Minutes; `picked` and `delivered` are NaN where that has not happened."""

    site: str
    lab: str
    tubes: int
    oldest: float
    picked: float
    delivered: float


@dataclass(frozen=True)
class Now:
    """What is known at minute `at`. `lanes`: of sites where it is known. `running`: when each laboratory's runs end."""

    at: float
    groups: Sequence[Group]
    lanes: Mapping[str, int]
    lots: Sequence[Lot]
    running: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Taken:
    """The day from now on. `to_come`: people expected; `absent`: those late ones not expected any more (no-shows)."""

    planned: PlannedDay
    habits: Habits
    to_come: int
    absent: int


@dataclass(frozen=True)
class Rest:
    """How the day goes on, and what would help most."""

    expected: Forecast
    helps: tuple[Outlook, ...]


def take_up(planned: PlannedDay, now: Now, habits: Habits) -> Taken:
    """The planned day as it is now. People of sites that the plan does not know are left out."""
    place = {site.code: j for j, site in enumerate(planned.sites)}
    site, slot, swabbed, single = _people(planned, now, place)
    absent = _no_shows(site, slot, swabbed, now.at, habits.no_show)
    sites, labs = planned.day.sites, planned.day.labs
    known = [now.lanes.get(one.code, int(sites.lanes[j])) for j, one in enumerate(planned.sites)]
    day = Day(
        site=site, slot=_slots(planned, slot, site, now.at, habits),
        sites=replace(
            sites, lanes=np.maximum(np.array(known, dtype=np.int64), 1), opens=np.maximum(sites.opens, now.at)
        ),
        labs=replace(labs, opens=np.maximum(labs.opens, now.at)),
        single=single, swabbed=swabbed | absent, begun=_begun(planned, now, place),
        party=_parties(planned.day, site, slot), since=_since(planned.day, site, slot),
        doors=_to_visit(planned.day, now.at), positives=planned.day.positives,
    )  # fmt: skip
    begun = bool(now.at > sites.opens.min())
    return Taken(
        replace(planned, day=day),
        replace(habits, early_birds=0.0) if begun else habits,  # who came early has come
        int((~day.swabbed).sum()) if day.swabbed is not None else 0,
        int(absent.sum()),
    )


def _people(
    planned: PlannedDay, now: Now, place: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """(site, slot, swabbed, single) of everybody, in the plan's order."""
    rows = sorted(
        (group for group in now.groups if group.site in place),
        key=lambda g: (place[g.site], math.isnan(g.slot), 0.0 if math.isnan(g.slot) else g.slot),
    )
    count = np.array([group.people for group in rows], dtype=np.int64)
    site = np.repeat(np.array([place[group.site] for group in rows], dtype=np.int64), count)
    slot = np.repeat(np.array([group.slot for group in rows], dtype=np.float64), count)
    swabbed = np.concatenate(
        [np.arange(group.people) < group.swabbed for group in rows] or [np.zeros(0, bool)]
    )
    before = planned.day
    single = before.single
    if single is not None and not (len(site) == len(before.site) and (site == before.site).all()):
        single = _shared(before, site, len(planned.sites))
    return site, slot, swabbed, single


def _called(site: np.ndarray, slot: np.ndarray) -> dict[tuple[int, float], np.ndarray]:
    """Who is called to the same site for the same time; none: NaN is a time of its own."""
    order = np.lexsort((slot, site))
    ends = (
        np.flatnonzero(np.diff(site[order]) | (np.diff(np.nan_to_num(slot[order], nan=-1.0)) != 0))
        + 1
    )
    parts = np.split(order, ends)
    return {
        (int(site[own[0]]), float(np.nan_to_num(slot[own[0]], nan=-1.0))): own
        for own in parts
        if len(own)
    }


def _parties(before: Day, site: np.ndarray, slot: np.ndarray) -> np.ndarray | None:
    """Households as the plan calls them to each time; whoever is more than planned comes alone."""
    if before.party is None:
        return None
    planned, found = _called(before.site, before.slot), np.arange(len(site))
    for key, own in _called(site, slot).items():
        theirs = planned.get(key, np.zeros(0, np.int64))[: len(own)]
        _, lead = np.unique(before.party[theirs], return_index=True)
        starts = np.repeat(np.sort(lead), np.diff(np.append(np.sort(lead), len(theirs))))
        found[own[: len(theirs)]] = own[starts] if len(theirs) else own[:0]
    return found


def _since(before: Day, site: np.ndarray, slot: np.ndarray) -> np.ndarray | None:
    """When a mobile team is there for each of these people."""
    if before.since is None:
        return None
    planned, found = _called(before.site, before.slot), np.full(len(site), np.nan)
    for key, own in _called(site, slot).items():
        if key in planned:
            found[own] = before.since[planned[key][0]]
    return found


def _to_visit(before: Day, at: float) -> Doors | None:
    """The home visits of a day that has not begun. Later nobody here knows which doors are done already."""
    return before.doors if at <= before.sites.opens.min() else None


def _slots(
    planned: PlannedDay, slot: np.ndarray, site: np.ndarray, at: float, habits: Habits
) -> np.ndarray:
    """When people are still to come: who is late comes now; who has no time, evenly over what is left of the hours."""
    opens = planned.day.sites.opens
    found = np.where(slot < at, np.maximum(opens[site], at), slot)
    for j in np.unique(site[np.isnan(slot)]).tolist():
        if at > opens[j]:
            free = np.flatnonzero(np.isnan(slot) & (site == j))
            end = max(opens[j] + 60 * habits.free_hours - habits.slot_minutes, at)
            found[free] = np.linspace(at, end, len(free))
    return found


def _shared(before: Day, site: np.ndarray, sites: int) -> np.ndarray:
    """Tubes of one's own, as large a share of each site's people as the plan had."""
    assert before.single is not None  # noqa: S101  asked by the caller
    single = np.zeros(len(site), dtype=bool)
    for j in range(sites):
        own, planned = np.flatnonzero(site == j), before.single[before.site == j]
        wanted = round(float(planned.mean()) * len(own)) if len(planned) else 0
        if wanted:
            single[own[np.linspace(0, len(own) - 1, wanted).astype(np.int64)]] = True
    return single


def _no_shows(
    site: np.ndarray, slot: np.ndarray, swabbed: np.ndarray, at: float, share: float
) -> np.ndarray:
    """Late people who are not expected any more: of those whose time is over, the usual share does not come."""
    gone = np.zeros(len(site), dtype=bool)
    late = slot < at
    for j in np.unique(site[late]).tolist():
        passed = np.flatnonzero(late & (site == j))
        never = int(share * len(passed))
        missing = passed[~swabbed[passed]]
        gone[missing[max(0, len(missing) - never) :]] = True
    return gone


def _begun(planned: PlannedDay, now: Now, place: Mapping[str, int]) -> Begun:
    lab = {code: k for k, code in enumerate(planned.labs)}
    lots = [lot for lot in now.lots if lot.tubes > 0]
    count = np.array([lot.tubes for lot in lots], dtype=np.int64)

    def each(values: list[float]) -> Floats:
        return np.repeat(np.array(values, dtype=np.float64), count)

    sites = [place.get(lot.site, 0) for lot in lots]
    home = planned.day.sites.lab
    of = [lab.get(lot.lab, int(home[j])) for lot, j in zip(lots, sites, strict=True)]
    free: dict[int, list[float]] = defaultdict(list)
    for code, ends in now.running.items():
        if code in lab:
            free[lab[code]] += ends
    return Begun(
        at=now.at,
        site=np.repeat(np.array(sites, dtype=np.int64), count),
        lab=np.repeat(np.array(of, dtype=np.int64), count),
        first_swab=each([lot.oldest for lot in lots]),
        picked=each([lot.picked for lot in lots]),
        delivered=each([lot.delivered for lot in lots]),
        free=tuple(np.array(sorted(free[k])) for k in range(len(planned.day.labs.wells))),
    )


def rest_of(taken: Taken, limits: Limits, *, runs: int, trials: int, seed: int) -> Rest:
    """Play the rest of the day; then with one thing more where it is tightest, and a lane at the two last sites."""
    planned, habits = taken.planned, taken.habits

    trials = min(trials, runs)
    expected = rehearse(planned.day, habits, limits=limits, runs=runs, seed=seed)

    def played(code: str, params: Mapping[str, object], day: Day) -> Outlook:
        found = rehearse(day, habits, limits=limits, runs=trials, seed=seed, queues=False)
        return outlook(code, params, found, expected.days)

    given = changes(planned, expected)
    tried = [played(one.code, {"place": one.place}, one.day) for one in given]
    lanes = [one for one in given if one.code == "lane"][:TOGETHER]
    if len(lanes) == TOGETHER:
        places = tuple(one.place for one in lanes)
        tried.append(played("lanes", {"places": places}, _both(planned, lanes)))
    better = [one for one in tried if _gain(one) > (0, 0.0)]
    return Rest(expected, tuple(sorted(better, key=_gain)[::-1][:HELPS]))


def _gain(one: Outlook) -> tuple[int, float]:
    """Minutes by which the last swab and the last result are earlier together; then clocks no longer broken."""
    earlier = [-one.change[name][1] for name in ("last_swab", "last_result")]
    minutes = sum(minutes for minutes in earlier if not math.isnan(minutes))
    return max(0, round(minutes)), -broken_in(one.change)


def _both(planned: PlannedDay, lanes: Sequence[Change]) -> Day:
    """Every one of these lanes at once."""
    before = planned.day.sites.lanes
    more = sum(change.day.sites.lanes - before for change in lanes)
    return replace(planned.day, sites=replace(planned.day.sites, lanes=before + more))
