"""Public routing instances: the fleet engine beside PyVRP alone.

    yingjian bench instances --data DIR --set mtvrptwr|mdvrptw
                             [--seconds 10] [--seeds 1] [--every 1] [--json FILE]

The method. Each instance is solved one after the other in one process by four, each for so many
processor seconds of one core: `own`, the fleet engine; `tuned`, PyVRP alone with the settings the engine
gives it (short memory, few neighbours); `alone`, PyVRP with its own defaults; `columns`, set partitioning
alone (`route_columns`). All hear the same kind of stop, by `time.process_time`.
Reading is outside the time. Scales as published: MTVRPTWR ten times,
cut; MDVRPTW a thousand times, rounded. Gaps are to the published best known. Answers of the engine are
judged by its independent checker, the others' by PyVRP; a finding ends the run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyvrp
from pyvrp import search as tools

from benchmarks.instances import Say, Score, summary
from benchmarks.route_columns import Spent, columns_alone
from yingjian.engines.asking import Ints, Stop
from yingjian.engines.routing.fleet import FLEET_DEFAULTS, solve_fleet
from yingjian.engines.routing.fleet_check import check_fleet
from yingjian.engines.routing.fleet_model import FARTHEST, FleetProblem, Kinds, Places

Work = Callable[[int, Spent], Score]


def tenfold(values: Any) -> Any:
    """Ten times, cut."""
    return (10 * values).astype(np.int64)


def thousandfold(values: Any) -> Any:
    """A thousand times, rounded."""
    return np.round(1_000 * values).astype(np.int64)


SCALES = {"mtvrptwr": tenfold, "mdvrptw": thousandfold}
ENDLESS = 10**9
"""Steps nobody takes in the time given."""


def read(path: Path, which: str) -> tuple[pyvrp.ProblemData, FleetProblem, int]:
    """An instance as PyVRP takes it, as the engine takes it, and its best known price."""
    data = pyvrp.read(path, round_func=SCALES[which])
    best = pyvrp.read_solution(path.with_suffix(".sol"), data)
    if not best.is_feasible():
        raise SystemExit(f"{path.name}: the published solution breaks a limit; wrong scale?")
    return data, question(data), best.distance()


def question(data: pyvrp.ProblemData) -> FleetProblem:
    """PyVRP's data as the engine's own question: places first, then homes."""
    homes, clients, kinds = data.num_depots, data.clients(), data.vehicle_types()
    order = np.array([*(c.location for c in clients), *range(homes)])

    def ints(values: Any) -> Ints:
        return np.array([min(int(value), FARTHEST) for value in values], dtype=np.int64)

    times = np.array(data.duration_matrix(0))[np.ix_(order, order)]
    prices = np.array(data.distance_matrix(0))[np.ix_(order, order)]
    return FleetProblem(
        places=Places(
            load=ints(c.delivery[0] for c in clients),
            service=ints(c.service_duration for c in clients),
            opens=ints(c.tw_early for c in clients), closes=ints(c.tw_late for c in clients),
            ready=ints(c.release_time for c in clients),
        ),
        kinds=Kinds(
            home=ints(k.start_depot for k in kinds), count=ints(k.num_available for k in kinds),
            capacity=ints(k.capacity[0] for k in kinds), opens=ints(k.tw_early for k in kinds),
            closes=ints(k.tw_late for k in kinds), longest=ints(k.shift_duration for k in kinds),
            trips=ints(k.max_trips if k.reload_depots else 1 for k in kinds),
            price=ints(k.fixed_cost for k in kinds),
        ),
        times=times.astype(np.int64), prices=prices.astype(np.int64),
    )  # fmt: skip


def _own(problem: FleetProblem, seed: int, stop: Stop) -> Score:
    params = replace(FLEET_DEFAULTS, iterations=ENDLESS)
    result = solve_fleet(problem, params, seed=seed, stop=stop)
    found = check_fleet(problem, result)
    if found:
        raise SystemExit(f"the judge finds {found[:3]}")
    return {"cost": float("inf") if result.left else float(result.cost)}


def _library(data: pyvrp.ProblemData, params: pyvrp.SolveParams, seed: int, stop: Stop) -> Score:
    result = pyvrp.solve(
        data, lambda _: stop(), seed=seed, collect_stats=False, display=False, params=params
    )
    cost = float(result.cost()) if result.is_feasible() else float("inf")
    return {"cost": cost, "steps": result.num_iterations}


def tuned() -> pyvrp.SolveParams:
    """PyVRP with the settings the engine gives it."""
    own = FLEET_DEFAULTS
    return pyvrp.SolveParams(
        ils=pyvrp.IteratedLocalSearchParams(history_length=own.memory),
        penalty=pyvrp.PenaltyParams(solutions_between_updates=own.patience),
        neighbourhood=tools.NeighbourhoodParams(num_neighbours=own.near),
        perturbation=tools.PerturbationParams(1, own.shaken),
    )


def cases(folder: Path, which: str, every: int) -> list[tuple[str, float, dict[str, Work]]]:
    """Each `every`-th instance by name, its best known, and who solves it."""
    found = []
    for path in sorted(folder.glob("*.vrp"))[::every]:
        data, problem, best = read(path, which)
        sides: dict[str, Work] = {
            "own": partial(_own, problem),
            "tuned": partial(_library, data, tuned()),
            "alone": partial(_library, data, pyvrp.SolveParams()),
            "columns": partial(columns_alone, data),
        }
        found.append((path.stem, float(best), sides))
    return found


def run(
    *, data: Path, which: str, seconds: float, seeds: int, every: int, say: Say,
    keep: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Every `every`-th instance of a set under every seed; the figures by side."""
    scores: dict[str, list[Score]] = {"own": [], "tuned": [], "alone": [], "columns": []}
    for name, best, sides in cases(data, which, every):
        for seed in range(1, seeds + 1):
            line = f"{name} seed {seed} best {best:.0f}"
            here: dict[str, Score] = {}
            for side, work in sides.items():
                begun = time.process_time()
                score = work(seed, Spent(begun + seconds))
                score |= {"name": name, "seed": seed, "best": best}
                score["seconds"] = round(time.process_time() - begun, 2)
                score["gap"] = score["cost"] / best - 1
                scores[side].append(score)
                here[side] = score
                line += f" | {side} {score['gap']:.2%} {score['seconds']} s"
            say(line)
            if keep is not None:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(here) + "\n")
    figures: dict[str, Any] = {"set": which, "seconds": seconds, "seeds": seeds}
    for side, own in scores.items():
        figures[side] = summary(own)
        say(f"{side}: {figures[side]}")
    return figures | {"scores": scores}
