"""Every plan on the same outbreaks: `solve(problem, params, seed, stop) → Result`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yingjian.engines.asking import Stop, never
from yingjian.engines.epidemic import model as epidemic
from yingjian.engines.epidemic.solve import solve as play
from yingjian.engines.frequency.model import Expected, Held, Params, Plan, Problem, Result, validate

DEFAULTS = Params()


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> Result:
    """Raises `FrequencyError`, `EpidemicError`. After a stop every plan has at least one outbreak;
    plans are then compared on different numbers of them.
    """
    validate(problem, params)
    table = [_expected(problem, plan, params, seed, stop) for plan in problem.plans]
    fitting = [k for k, row in enumerate(table) if row.fits]
    best = min(fitting, key=lambda k: (table[k].cases_mean, table[k].tubes_mean, k), default=None)
    least = min(range(len(table)), key=lambda k: (table[k].busiest_day, k))
    return Result(table, best, least, params.runs)


def _expected(problem: Problem, plan: Plan, params: Params, seed: int, stop: Stop) -> Expected:
    asked = replace(problem.outbreak, rounds=plan.rounds, adaptive=plan.adaptive)
    played = play(asked, epidemic.Params(runs=params.runs), seed=seed, stop=stop)
    days = np.zeros((len(played.cases), asked.days), dtype=np.int64)
    for k, own in enumerate(asked.planned()):
        days[:, own.day] += played.tubes[:, k]
    busiest = int(days.max(initial=0))
    room = problem.tubes_per_day
    return Expected(
        name=plan.name,
        cases=played.interval(played.cases),
        cases_mean=float(played.cases.mean()),
        free_mean=float(played.free.mean()),
        found_mean=float(played.found.sum(axis=1).mean()),
        tubes_mean=float(days.sum(axis=1).mean()),
        tests_mean=float(played.tests.mean()),
        busiest_day=busiest,
        fits=room is None or busiest <= room,
        over=float((played.free == 0).mean()),
        swabs_mean=float(played.swabs.sum(axis=1).mean()),
        curve=tuple(played.interval(day) for day in played.by_day.T),
        rounds=tuple(
            Held(
                own.day, played.interval(played.found[:, k]), float(played.found[:, k].mean()),
                float(played.present[:, k].mean()), float(played.tubes[:, k].mean()),
                float(played.swabs[:, k].mean()),
            )
            for k, own in enumerate(asked.planned())
            if played.tubes[:, k].any()
        ),
    )  # fmt: skip
