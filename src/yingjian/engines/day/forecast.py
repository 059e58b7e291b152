"""`rehearse(day, …) → Forecast`: many days with fresh chance, and what to expect of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from yingjian.engines.day.model import Day, Faults, Floats, Forecast, Habits, Limits, Run, Table
from yingjian.engines.day.twin import DEFAULT, NO_FAULTS, simulate, table

Stop = Callable[[], bool]
LIMITS = Limits()
SHARES = (5.0, 50.0, 95.0)


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
) -> Forecast:
    """Play the day `runs` times; a stop gives the forecast of the days played (at least one).

    Without `queues` the table by site and hour is that of the first day only.
    """
    m = len(day.sites.lanes)
    found: list[dict[str, float]] = []
    ends: list[Floats] = []
    tables: list[Table] = []
    for number in range(max(1, runs)):
        run = simulate(day, habits, faults, seed=seed * 1_000_003 + number)
        found.append(figures(day, run, limits))
        ends.append(run.finish)
        if queues or not number:
            tables.append(table(run, m))
        if stop():
            break
    spread = {name: _spread(np.array([one[name] for one in found])) for name in found[0]}
    return Forecast(
        runs=len(found),
        figures=spread,
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
    return {
        "expected": float(run.expected),
        "swabbed": float(len(run.site)),
        "tubes": float(len(run.tube_site)),
        "last_swab": float(np.nanmax(run.finish)) if len(run.site) else np.nan,
        "last_delivery": _most(run.delivered),
        "last_result": _most(run.result),
        "queue_p50": _share(run.wait, 50),
        "queue_p95": _share(run.wait, 95),
        "queue_most": _most(run.wait),
        "tube_age_p50": _share(age, 50),
        "tube_age_p95": _share(age, 95),
        "tube_age_most": _most(age),
        "queue_breaches": float((run.wait > limits.queue).sum()),
        "to_lab_breaches": float((age > limits.to_lab).sum()),
        "on_machine_breaches": float((machine > limits.on_machine).sum()),
        "result_breaches": float((turnaround > limits.result).sum()),
        "utilisation": float(run.busy.sum() / open_minutes.sum()) if open_minutes.any() else np.nan,
    }


def _share(values: Floats, share: float) -> float:
    """A percentile without sorting everything."""
    if not len(values):
        return np.nan
    at = max(0, int(np.ceil(share / 100 * len(values))) - 1)
    return float(np.partition(values, at)[at])


def _most(values: Floats) -> float:
    return float(values.max()) if len(values) else np.nan


def _spread(values: Floats) -> tuple[float, float, float]:
    """Days on which there was nothing to measure are left out; NaN where that is all of them."""
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
