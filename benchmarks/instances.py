"""Public instances: the project's own engines beside the best library alone.

    yingjian bench instances --data DIR --set holmberg|yang|pmed|pmedcap|sjc
                             [--seconds 10] [--seeds 1] [--every 1] [--json FILE]

The method. Each instance is solved by the siting engine and by HiGHS alone, one after the other in one
process, each for so many processor seconds of one core: both hear the same `stop`. HiGHS gets the whole
model with strong linking rows, its own defaults and one thread. Gaps are to the published optimum or best known.
Where nobody has published one, they are to the cheaper plan of the two. `proven`: the bound known
(HiGHS's tolerance trusted on both sides) reaches the plan's cost; `certified`: the certificate alone does,
recomputed in whole numbers by the judge. Every answer is judged by the engine's independent checker; a
finding ends the run. With `--json` each instance is written when it is done.

Sets: `holmberg`, `yang`: single-source location. `pmed`: at most p sites, room for all (OR-Library). `pmedcap`,
`sjc`: at most p sites with so much room (OR-Library and Ceselli and Righini; Lorena and Senne).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import public
from yingjian.engines.asking import Stop
from yingjian.engines.linear import LinearError, Model
from yingjian.engines.siting.check import check
from yingjian.engines.siting.model import Params, Problem
from yingjian.engines.siting.solve import solve

Say = Callable[[str], None]
Score = dict[str, Any]
HIT = 1e-9
"""Relative gap that counts as none."""


@dataclass(frozen=True)
class Case:
    """One instance as the project's own question."""

    name: str
    best: float | None
    """Published; None: nobody has."""
    problem: Problem
    step: float = 1.0
    """A bound less than this below a plan proves it: costs are whole, or measured."""


def run(
    *, data: Path, which: str, seconds: float, seeds: int, every: int, say: Say,
    keep: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Every `every`-th instance of a set under every seed, HiGHS once: it has no seed of ours. The figures by side."""
    sides: dict[str, list[Score]] = {"own": [], "alone": []}
    compile_first()
    for path, best in FILES[which](data)[::every]:
        case = Case(path.stem, best, READERS[which](path), 0.02 if which == "sjc" else 1.0)
        alone = _timed(partial(highs_alone, case, seconds), seconds)
        for seed in range(1, seeds + 1):
            scores = {
                "own": _timed(partial(_own_siting, case, seed), seconds),
                "alone": alone.copy(),
            }
            low = min(score["cost"] for score in scores.values())
            known = low if best is None else best
            line = f"{case.name} seed {seed} best {known:.0f}"
            for side, score in scores.items():
                score |= {"name": case.name, "seed": seed, "best": best}
                score["gap"] = round(score["cost"], 2) / known - 1
                sides[side].append(score)
                line += f" | {side} {score['gap']:.3%} {score['seconds']} s {score['proven']}"
            say(line)
            if keep is not None:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(scores) + "\n")
    figures: dict[str, Any] = {"set": which, "seconds": seconds, "seeds": seeds}
    for side, found in sides.items():
        figures[side] = summary(found)
        say(f"{side}: {figures[side]}")
    return figures | {"scores": sides}


def _timed(work: Callable[[Stop], Score], seconds: float) -> Score:
    begun = time.process_time()
    score = work(_after(begun + seconds))
    score["seconds"] = round(time.process_time() - begun, 2)
    return score


def compile_first() -> None:
    """Machine code is no part of the time: made-up questions before the first, tight and roomy."""
    rng = np.random.default_rng(1)
    for room, exact, most in ((90, 0, None), (90, 12, 2), (900, 12, 2)):
        question = public.priced(
            rng.integers(10, 99, (12, 3)) * public.UNIT, rng.integers(5, 20, 12),
            np.full(3, room), opening=np.full(3, 500 * public.UNIT), most=most,
        )  # fmt: skip
        params = replace(PARAMS, sweeps=3, dual_rounds=20, exact_points=exact, arcs=20, tight=0.1)
        solve(question, params)


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


def _own_siting(case: Case, seed: int, stop: Stop) -> Score:
    result = solve(case.problem, PARAMS, seed=seed, stop=stop)
    found = check(case.problem, result)
    if found or result.breaches:
        raise SystemExit(f"the judge finds {found[:3]} {result.breaches[:3]}")
    cost, bound, certificate = (
        value / public.UNIT
        for value in (result.cost, result.solver_bound, result.certificate.bound)
    )
    return {
        "cost": cost, "bound": bound, "certificate": certificate, "proven": cost - bound < case.step,
        "certified": cost - certificate < case.step,
    }  # fmt: skip


CLOCK = 10
"""On a busy machine a processor second takes long."""


def highs_alone(case: Case, seconds: float, stop: Stop) -> Score:
    """The whole model: assignment, strong linking, room, most sites.

    HiGHS does not hear the stop everywhere: not beyond `CLOCK` times the seconds by the clock.
    """
    problem = case.problem
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
    if int(problem.heads.sum()) > int(problem.room().min()):
        rooms = model.add_rows(m, high=0.0)
        model.put(rooms[site], x, problem.heads[point])
        model.put(rooms, y, -problem.room())
    if problem.most_sites is not None:
        model.put(model.add_rows(1, high=problem.most_sites), y, 1.0)
    try:
        answer = model.solve(stop=stop, relative_gap=1e-6, seconds=CLOCK * seconds)
    except LinearError:
        return {"cost": float("inf"), "bound": 0.0, "proven": False}
    return {
        "cost": answer.value, "bound": answer.bound,
        "proven": answer.value - answer.bound < case.step - 1e-6,
    }  # fmt: skip


def _sscflp(data: Path) -> list[tuple[Path, float | None]]:
    """Missing ones stay out."""
    best = public.listed(data / "os")
    return [(path, best[int(path.name[1:]) - 1]) for path in public.numbered(data, "p")]


def _pmed(data: Path) -> list[tuple[Path, float | None]]:
    return list(zip(public.numbered(data, "pmed"), public.PMED, strict=True))


def _pmedcap(data: Path) -> list[tuple[Path, float | None]]:
    """Folders by p and n; the first five are OR-Library's with 50 and 100 points."""
    found: list[tuple[Path, float | None]] = []
    for path in sorted(data.glob("p*/p*-*.txt")):
        number = int(path.stem.split("-")[1])
        known = path.parent.name in {"p550", "p10100"}
        found.append((path, public.PMEDCAP[number - 1] if known else None))
    return found


def _sjc(data: Path) -> list[tuple[Path, float | None]]:
    return [(path, public.SJC[path.stem]) for path in sorted(data.glob("SJC*.dat"))]


FILES: dict[str, Callable[[Path], list[tuple[Path, float | None]]]] = {
    "holmberg": _sscflp, "yang": _sscflp, "pmed": _pmed, "pmedcap": _pmedcap, "sjc": _sjc,
}  # fmt: skip
READERS: dict[str, Callable[[Path], Problem]] = {
    "holmberg": public.sscflp, "yang": public.sscflp, "pmed": public.pmed,
    "pmedcap": public.pmedcap, "sjc": public.sjc,
}  # fmt: skip
