"""A plan rehearsed: what to expect, what each thing that may go wrong does to it, which change would help most."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from yingjian.engines.asking import Floats, Ints, Stop
from yingjian.engines.day.forecast import SHARES, rehearse, spread_of
from yingjian.engines.day.model import (
    Day,
    Faults,
    Forecast,
    Gone,
    Habits,
    Labs,
    Limits,
    Short,
    Slow,
)
from yingjian.engines.day.planned import PlannedDay

Watch = Callable[[float], None]
Spread = tuple[float, float, float]
BREACHES = (
    "queue_breaches", "to_lab_breaches", "on_machine_breaches", "result_breaches",
    "recheck_breaches", "single_breaches",
)  # fmt: skip
"""Those of re-tests are there where re-tests are played."""
TIMES_INFECTED = 10
HELPS = 3
"""Changes shown: those that help most."""
WORST = 3
"""Sites, routes and laboratories for which a change is tried."""
DARK_SITES = 5
DARK_MINUTES = 40.0
"""Sites that cannot work for so long: power, or a network that somebody made their registration need."""
MOST_CHANGES = 4 * WORST + 2
"""Sites that end last, sites that queue longest, vehicles, laboratories, two for re-tests."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something that goes wrong. `code` names its sentence, `params` what it says."""

    code: str
    faults: Faults
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing more, at one place, and the day with it."""

    code: str
    place: str
    day: Day


@dataclass(frozen=True, slots=True)
class Outlook:
    """Figures by their 5th, 50th and 95th percentile."""

    code: str
    params: Mapping[str, object]
    figures: Mapping[str, Spread]
    change: Mapping[str, Spread] = field(default_factory=dict)
    """Figure by figure what it is more than on the same day as planned, on the same dice: percentiles of the days."""


def outlook(
    code: str, params: Mapping[str, object], found: Forecast, base: Mapping[str, Floats]
) -> Outlook:
    """A trouble or a change beside the days as planned (`base`: at least as many of them)."""
    change = {
        name: spread_of(values - base[name][: found.runs])
        for name, values in found.days.items()
        if name in base
    }
    return Outlook(code, params, found.figures, change)


def broken_in(figures: Mapping[str, Spread]) -> float:
    """Clocks broken on a middling day; of changes, so many more."""
    return sum(figures[name][1] for name in BREACHES if name in figures)


@dataclass(frozen=True)
class DayRehearsal:
    """One date of a plan, rehearsed."""

    planned: PlannedDay
    expected: Forecast
    cases: tuple[Outlook, ...]
    helps: tuple[Outlook, ...]
    """Best first. What does not help is not shown."""
    planned_days: Mapping[str, Spread]
    """As planned, on the very days that cases and changes were played on: the first of `expected`."""


def usual_cases(planned: PlannedDay) -> list[Case]:
    """What commands ask about, minutes of the day: people missing, rain, more of them, all of them twice, sites that
    cannot work, tubes short, a car, a laboratory."""
    noon, late_morning, afternoon = 720.0, 600.0, 840.0
    car = int(np.bincount(planned.day.sites.vehicle, weights=_tubes(planned)).argmax())
    rain = Slow(late_morning, late_morning + 60, 2.0)
    cases = [
        Case("absent", Faults(absent=0.15), {"share": 15}),
        Case("rain", Faults(slow=(rain,)), {"start": 600, "end": 660}),
        Case("turnout", Faults(turnout=1.2), {"share": 120}),
        Case("turnout", Faults(turnout=2.0), {"share": 200}),
        *_at_the_fullest(planned, late_morning, afternoon),
        Case(
            "vehicle", Faults(vehicles=(Gone(car, noon, noon + 120),)),
            {"vehicle": planned.vehicles[car], "start": 720, "end": 840},
        ),
    ]  # fmt: skip
    if planned.labs_known:
        lab = int(np.bincount(planned.day.sites.lab, weights=_tubes(planned)).argmax())
        down = Faults(labs=(Gone(lab, noon, noon + 240),))
        cases.append(Case("laboratory", down, {"lab": planned.labs[lab], "start": 720, "end": 960}))
    if planned.day.positives is not None:
        many = Faults(positives=float(TIMES_INFECTED))
        cases.append(Case("positives", many, {"times": TIMES_INFECTED}))
    return cases


def _at_the_fullest(planned: PlannedDay, dark: float, supplied: float) -> list[Case]:
    """Where most are swabbed: five sites stand still from `dark` on, one has half its tubes until `supplied`."""
    fullest = np.argsort(-_tubes(planned), kind="stable")[:DARK_SITES].tolist()
    still = Slow(dark, dark + DARK_MINUTES, math.inf, tuple(fullest))
    first = planned.sites[fullest[0]]
    short = Short(fullest[0], first.tubes.total // 2, supplied)
    return [
        Case(
            "standstill", Faults(slow=(still,)),
            {"sites": len(fullest), "start": int(dark), "end": int(dark + DARK_MINUTES)},
        ),
        Case("tubes_short", Faults(short=(short,)), {"site": first.code, "end": int(supplied)}),
    ]  # fmt: skip


def rehearsal(
    planned: PlannedDay, habits: Habits, limits: Limits, *, runs: int, trials: int, seed: int,
    cases: Sequence[Case] | None = None, improve: bool = True, stop: Stop = lambda: False,
    watch: Watch = lambda _: None,
) -> DayRehearsal:  # fmt: skip
    """Play the date `runs` times as planned, `trials` times (no more than `runs`) for each case and each change.

    The n-th day has the same dice in all of them. `cases` instead of the usual ones; without `improve` no changes are
    tried.

    A stop ends it with what was played: as planned at least once; cases and changes not played to their end are left
    out. `watch` hears the share done after every day played.
    """
    wanted = usual_cases(planned) if cases is None else list(cases)
    trials, more = min(trials, runs), MOST_CHANGES if improve else 0
    done, of, stopped = 0, runs + trials * (len(wanted) + more), False

    def heard() -> bool:
        nonlocal done, stopped
        done += 1
        watch(min(1.0, done / of))
        stopped = stopped or stop()
        return stopped

    expected = rehearse(planned.day, habits, limits=limits, runs=runs, seed=seed, stop=heard)

    def played(code: str, params: Mapping[str, object], day: Day, faults: Faults) -> list[Outlook]:
        """None of it where it was stopped before its end."""
        if stopped:
            return []
        found = rehearse(
            day, habits, faults, limits, runs=trials, seed=seed, stop=heard, queues=False
        )
        return [outlook(code, params, found, expected.days)] if found.runs == trials else []

    outlooks = [one for c in wanted for one in played(c.code, c.params, planned.day, c.faults)]
    tried = [
        one
        for c in (changes(planned, expected) if improve else [])
        for one in played(c.code, {"place": c.place}, c.day, Faults())
    ]
    same = {name: spread_of(values[:trials]) for name, values in expected.days.items()}
    return DayRehearsal(planned, expected, tuple(outlooks), _best(tried), same)


def _best(tried: Sequence[Outlook]) -> tuple[Outlook, ...]:
    better = [one for one in tried if gain(one) > (0.0, 0.0)]
    return tuple(sorted(better, key=gain)[::-1][:HELPS])


def gain(one: Outlook) -> tuple[float, float]:
    """Clocks no longer broken; then minutes by which the last result, swab, or suspicion cleared is earlier."""
    earlier = sum(
        max(-one.change[name][1], 0.0)
        for name in ("last_result", "last_swab", "cleared")
        if name in one.change and not math.isnan(one.change[name][1])
    )
    broken = -broken_in(one.change)
    return (max(broken, 0.0), earlier if broken >= 0 else 0.0)


def changes(planned: PlannedDay, expected: Forecast) -> list[Change]:
    """A lane more at the sites that end last or queue longest; a car more; a fifth more machines; more for re-tests."""
    day, sites = planned.day, planned.day.sites
    late = np.argsort(-np.nan_to_num(expected.finish[:, SHARES.index(50.0)]))[:WORST]
    queue = np.nan_to_num(expected.queue.p95).max(axis=1)
    slow = np.argsort(-queue)[:WORST]
    found = []
    for j in dict.fromkeys([*late.tolist(), *slow.tolist()]):
        lanes = _more(sites.lanes, j, 1)
        found.append(
            Change("lane", planned.sites[j].code, replace(day, sites=replace(sites, lanes=lanes)))
        )
    tubes = _tubes(planned)
    busiest = np.argsort(-np.bincount(sites.vehicle, weights=tubes * sites.pickup_every))[:WORST]
    for car in busiest.tolist():
        every = np.where(sites.vehicle == car, sites.pickup_every / 2, sites.pickup_every)
        other = replace(day, sites=replace(sites, pickup_every=np.maximum(every, 1.0)))
        found.append(Change("vehicle", planned.vehicles[car], other))
    if planned.labs_known:
        load = np.bincount(sites.lab, weights=tubes, minlength=len(planned.labs))
        able = day.labs.wells * day.labs.instruments / day.labs.run
        fullest = np.argsort(-load / able)[:WORST].tolist()
        found += [
            Change("laboratory", planned.labs[k], replace(day, labs=_faster(day.labs, k)))
            for k in fullest
        ]
    return found + _for_retests(planned)


def _for_retests(planned: PlannedDay) -> list[Change]:
    """A team more, where they are counted; an instrument more for the single swabs where most of them go."""
    day, labs = planned.day, planned.day.labs
    if day.positives is None or labs.kept_benches is None:
        return []
    found = []
    if day.positives.teams is not None:
        teams = replace(day.positives, teams=day.positives.teams + 1)
        found.append(Change("team", "", replace(day, positives=teams)))
    tubes, to = _tubes(planned), day.positives.to
    if to is None:
        load = np.bincount(day.sites.lab, weights=tubes)
    else:
        load = np.bincount(to.ravel(), weights=np.repeat(tubes, to.shape[1]))
    most = int(load.argmax())
    more = replace(labs, kept_benches=_more(labs.kept_benches, most, 1))
    return [*found, Change("retest", planned.labs[most], replace(day, labs=more))]


def _more(values: Ints, at: int, by: int) -> Ints:
    changed = values.copy()
    changed[at] += by
    return changed


def _faster(labs: Labs, k: int) -> Labs:
    return replace(
        labs, instruments=_more(labs.instruments, k, max(1, int(labs.instruments[k]) // 5))
    )


def _tubes(planned: PlannedDay) -> np.ndarray:
    return np.array([site.tubes.total for site in planned.sites], dtype=np.float64)
