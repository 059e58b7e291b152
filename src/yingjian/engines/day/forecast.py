"""`rehearse(day, …) → Forecast`: many days with fresh chance, and what to expect of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from yingjian.engines.asking import Floats, Stop
from yingjian.engines.day import retests
from yingjian.engines.day.model import (
    Again,
    Day,
    Faults,
    Forecast,
    Habits,
    Limits,
    Run,
    Table,
    validate,
)
from yingjian.engines.day.parts import cores, in_turn
from yingjian.engines.day.queue import shares
from yingjian.engines.day.twin import DEFAULT, NO_FAULTS, draw, people_of, play, table

LIMITS = Limits()
SHARES = (5.0, 50.0, 95.0)
LARGE = 2_000_000
"""From so many people on a day is shared out among the threads, not the days."""
STEP, STEPS = 1 / 32, 8192
"""Minutes, and how many, by which waits are counted before the wanted ones are looked at closely."""


def rehearse(
    day: Day,
    habits: Habits = DEFAULT,
    faults: Faults = NO_FAULTS,
    limits: Limits = LIMITS,
    *,
    runs: int = 200,
    seed: int = 0,
    stop: Stop = lambda: False,
    queues: bool = True,
    threads: int | None = None,
) -> Forecast:
    """Play the day `runs` times; a stop gives the forecast of the days played (at least one).

    `stop` is asked after every day. Without `queues` the table by site and hour is that of the first day only.
    `threads` (None: as many as there are cores) says how many days are played at once; the answer is the same.
    """
    m = len(day.sites.lanes)
    validate(day, habits, faults)
    retests.validate(day, faults)
    people, hands = people_of(day), cores() if threads is None else threads
    large = len(day.site) >= LARGE  # its arrays, once per thread, would not leave much

    def played(number: int) -> tuple[dict[str, float], Floats, Table | None]:
        dice, within = seed * 1_000_003 + number, hands if large else 1
        drawn = draw(day, habits, faults, dice, people=people, threads=within)
        run = play(day, habits, faults, drawn, within)
        held = table(run, m) if queues or not number else None
        return figures(day, run, limits), run.finish, held

    found: list[dict[str, float]] = []
    ends: list[Floats] = []
    tables: list[Table] = []
    for one, finish, held in in_turn(max(1, runs), played, 1 if large else hands, stop):
        found.append(one)
        ends.append(finish)
        if held is not None:
            tables.append(held)
    days = {name: np.array([one[name] for one in found]) for name in found[0]}
    return Forecast(
        runs=len(found),
        figures={name: spread_of(values) for name, values in days.items()},
        days=days,
        queue=Table(
            people=np.rint(np.mean([q.people for q in tables], axis=0)).astype(np.int64),
            p50=_mean([q.p50 for q in tables]),
            p95=_mean([q.p95 for q in tables]),
            most=_mean([q.most for q in tables]),
        ),
        finish=_quiet(lambda: np.nanpercentile(np.array(ends), SHARES, axis=0).T),
    )


def figures(day: Day, run: Run, limits: Limits) -> dict[str, float]:
    """One day in numbers: minutes of the day, minutes, counts and shares."""
    age, machine = run.delivered - run.first_swab, run.loaded - run.first_swab
    turnaround = run.result - run.delivered
    open_minutes = day.sites.lanes * np.maximum(np.nan_to_num(run.finish - day.sites.opens), 0.0)
    queue, aged = _shares(run.wait, limits.queue), _shares(age, limits.to_lab)
    loaded = _shares(machine, limits.on_machine)
    found = {
        "expected": float(run.expected),
        "swabbed": float(len(run.wait) - (run.gave_up or 0)),
        "tubes": float(len(run.tube_site)),
        "last_swab": float(np.nanmax(run.finish)) if len(run.wait) else np.nan,
        "last_delivery": _most(run.delivered),
        "last_result": _most(run.result),
        "queue_p50": queue[0],
        "queue_p95": queue[1],
        "queue_most": queue[2],
        "tube_age_p50": aged[0],
        "tube_age_p95": aged[1],
        "tube_age_most": aged[2],
        "machine_age_p95": loaded[1],
        "queue_breaches": queue[3],
        "to_lab_breaches": aged[3],
        "on_machine_breaches": loaded[3],
        "result_breaches": float((turnaround > limits.result).sum()),
        "utilisation": float(run.busy.sum() / open_minutes.sum()) if open_minutes.any() else np.nan,
    }
    if day.sites.tubes is not None:
        used = np.bincount(run.tube_site, minlength=len(day.sites.lanes))
        found["stock_outs"] = float((used > day.sites.tubes).sum())
    if run.gave_up is not None:
        found["gave_up"] = float(run.gave_up)
    return found if run.again is None else found | _again(run.again, limits)


def _again(again: Again, limits: Limits) -> dict[str, float]:
    """The re-tests in numbers; minutes of a day without any are NaN."""
    until_swabbed, took = again.swabbed - again.told, _shares(again.took, np.inf)
    return {
        "infected": float(again.infected),
        "pools_positive": float(again.pools),
        "reswabbed": float(again.people.sum()),
        "confirmed": float(again.confirmed),
        "reswab_p95": _shares(until_swabbed, np.inf)[1],
        "retest_p50": took[0],
        "retest_p95": took[1],
        "cleared": _most(again.result),
        "retest_wells": float(again.wells),
        "recheck_breaches": float((until_swabbed > limits.recheck).sum()),
        "single_breaches": float((again.on_bench > limits.result).sum()),
    }


def _shares(values: Floats, limit: float) -> tuple[float, float, float, float]:
    """Median, 95th percentile, largest, and how many are over `limit`."""
    found, count = np.empty(4), np.empty(STEPS, dtype=np.int64)
    shares(values, float(limit), 1 / STEP, count, np.empty(len(values)), found)
    middle, high, most, over = found.tolist()
    return middle, high, most, over


def _most(values: Floats) -> float:
    return float(values.max()) if len(values) else np.nan


def spread_of(values: Floats) -> tuple[float, float, float]:
    """5th, 50th, 95th percentile. Days on which there was nothing to measure are left out; NaN where that is all."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan, np.nan
    low, middle, high = np.percentile(known, SHARES)
    return float(low), float(middle), float(high)


def _mean(tables: list[Floats]) -> Floats:
    return _quiet(lambda: np.nanmean(tables, axis=0))


def _quiet(count: Callable[[], Floats]) -> Floats:
    """An hour nobody came in is NaN, and not worth a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return count()
