"""Public instances: the project's own engines beside the best library alone.

    yingjian bench instances --data DIR --set holmberg|yang
                             [--seconds 10] [--seeds 1] [--every 1] [--json FILE]

The method. Each instance is solved by the siting engine and by HiGHS alone, one after the other in one
process, each for so many processor seconds of one core: both hear the same `stop`. HiGHS gets the whole
model with strong linking rows, its own defaults and one thread. Gaps are to the published optimum or best known.
`proven`: the bound known (HiGHS's tolerance trusted on both sides) reaches the plan's cost;
`certified`: the certificate alone does, recomputed in whole numbers by the judge. Every answer is
judged by the engine's independent checker; a finding ends the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import public
from yingjian.engines.linear import LinearError, Model
from yingjian.engines.siting.check import check
from yingjian.engines.siting.model import Params, Prices, Problem, Rules, Stop
from yingjian.engines.siting.solve import solve

Say = Callable[[str], None]
Score = dict[str, Any]
HIT = 1e-9
"""Relative gap that counts as none."""


def run(
    *, data: Path, which: str, seconds: float, seeds: int, every: int, say: Say
) -> dict[str, Any]:
    """Every `every`-th instance of a set under every seed; the figures by side."""
    sides: dict[str, list[Score]] = {"own": [], "alone": []}
    compile_first()
    for name, best, own, alone in CASES[which](data, every):
        for seed in range(1, seeds + 1):
            line = f"{name} seed {seed} best {best:.0f}"
            for side, work in (("own", own), ("alone", alone)):
                begun = time.process_time()
                score = work(seed, _after(begun + seconds))
                score |= {"name": name, "seed": seed, "best": best}
                score["seconds"] = round(time.process_time() - begun, 2)
                score["gap"] = score["cost"] / best - 1
                sides[side].append(score)
                line += (
                    f" | {side} {score['gap']:.3%} {score['seconds']} s {score.get('proven', '')}"
                )
            say(line)
    figures: dict[str, Any] = {"set": which, "seconds": seconds, "seeds": seeds}
    for side, scores in sides.items():
        figures[side] = summary(scores)
        say(f"{side}: {figures[side]}")
    return figures | {"scores": sides}


def compile_first() -> None:
    """Machine code is no part of the time: a made-up question before the first."""
    rng = np.random.default_rng(1)
    nowhere = np.zeros(12), np.zeros(3)
    solve(
        Problem(
            x=nowhere[0], y=nowhere[0], heads=rng.integers(5, 20, 12), site_x=nowhere[1],
            site_y=nowhere[1], rules=Rules(0.0, 90, 90), prices=Prices(0, 0, 0, 0, 0),
            site_prices=np.full(3, 500 * public.UNIT),
            pair_prices=rng.integers(10, 99, (12, 3)) * public.UNIT,
        ),
        replace(PARAMS, sweeps=3, dual_rounds=20, exact_points=0, arcs=20, tight=0.1),
    )  # fmt: skip


def _after(end: float) -> Stop:
    """True once the process has used so many processor seconds."""
    return lambda: time.process_time() > end


def summary(scores: list[Score]) -> dict[str, float]:
    """Mean and worst gap, how many at the best known and proven, mean seconds."""
    gaps = np.array([score["gap"] for score in scores])
    found = {
        "instances": len(scores), "mean_gap": float(gaps.mean()), "worst_gap": float(gaps.max()),
        "hit": int((gaps <= HIT).sum()), "better": int((gaps < -HIT).sum()),
        "mean_seconds": float(np.mean([score["seconds"] for score in scores])),
    }  # fmt: skip
    for what in ("proven", "certified"):
        if what in scores[0]:
            found[what] = sum(bool(score[what]) for score in scores)
    return found


# --- siting --------------------------------------------------------------------------------------

PARAMS = Params(
    dual_rounds=300, count_rounds=20, steps_per_point=4, hot=400.0 * public.UNIT,
    cold=1.0 * public.UNIT, exact_points=1000, columns=2000, arcs=4000, tight=0.85, sweeps=1000,
)  # fmt: skip


def _own_siting(problem: Problem, seed: int, stop: Stop) -> Score:
    result = solve(problem, PARAMS, seed=seed, stop=stop)
    found = check(problem, result)
    if found or result.breaches:
        raise SystemExit(f"the judge finds {found[:3]} {result.breaches[:3]}")
    return {
        "cost": result.cost / public.UNIT,
        "bound": result.solver_bound / public.UNIT,
        "certificate": result.certificate.bound / public.UNIT,
        "proven": result.cost - result.solver_bound < public.UNIT,
        "certified": result.cost - result.certificate.bound < public.UNIT,
    }


def highs_alone(problem: Problem, seed: int, stop: Stop) -> Score:
    """The whole model: assignment, strong linking, room."""
    del seed  # HiGHS's own is fixed in `engines.linear`
    ways = problem.pair_prices
    assert ways is not None
    n, m = ways.shape
    point, site = np.nonzero(ways >= 0)
    model = Model()
    x = model.add_columns(len(point), cost=ways[point, site] / public.UNIT, high=1.0, whole=True)
    y = model.add_columns(m, cost=problem.opening() / public.UNIT, high=1.0, whole=True)
    model.put(model.add_rows(n, low=1.0, high=1.0)[point], x, 1.0)
    joined = model.add_rows(len(point), high=0.0)
    model.put(joined, x, 1.0)
    model.put(joined, y[site], -1.0)
    rooms = model.add_rows(m, high=0.0)
    model.put(rooms[site], x, problem.heads[point])
    model.put(rooms, y, -problem.room())
    try:
        answer = model.solve(stop=stop, relative_gap=1e-6)
    except LinearError:
        return {"cost": float("inf"), "bound": 0.0, "proven": False}
    return {
        "cost": answer.value, "bound": answer.bound,
        "proven": answer.value - answer.bound < 1.0 - 1e-6,
    }  # fmt: skip


Work = Callable[[int, Stop], Score]
Case = tuple[str, float, Work, Work]


def _sscflp(data: Path, every: int) -> list[Case]:
    best = public.listed(data / "os")
    cases: list[Case] = []
    for path in public.numbered(data, "p")[::every]:
        problem = public.sscflp(path)
        cases.append((
            path.name, best[int(path.name[1:]) - 1],
            partial(_own_siting, problem),
            partial(highs_alone, problem),
        ))  # fmt: skip
    return cases


CASES: dict[str, Callable[[Path, int], list[Case]]] = {"holmberg": _sscflp, "yang": _sscflp}
