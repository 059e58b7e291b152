"""Set partitioning alone, as a side of `bench instances` on routes: columns by descents, then HiGHS.

Half of the time goes into descents: places on vehicles at random, then PyVRP's local search until no move
pays, again and again; each sound route is a column. The other half goes to HiGHS, which chooses among all
of them by branch and bound, from the best descent on. Nothing of the engine's search takes part: no steps
from a solution in hand, no legs, no dives.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pyvrp

from yingjian.engines.routing.columns import Column, recombine
from yingjian.engines.routing.fleet_model import FleetParams
from yingjian.engines.routing.search import Search, columns_of

ALL = 10**6
"""More columns than any descents leave, and more nodes than HiGHS looks at."""


@dataclass(frozen=True)
class Spent:
    """A stop once this process has used so many processor seconds."""

    end: float

    def __call__(self) -> bool:
        return time.process_time() > self.end

    def half(self) -> Spent:
        """Half of what is left from here."""
        return Spent((time.process_time() + self.end) / 2)


def columns_alone(data: pyvrp.ProblemData, seed: int, stop: Spent) -> dict[str, Any]:
    """The cheapest plan that HiGHS puts together, or the best descent where that is cheaper."""
    half = stop.half()
    search = Search(data, FleetParams(columns=ALL), seed, half)
    judge = search.penalties.cost_evaluator()
    best, descents = search.best, 1
    search.remember(best, every=True)
    while not half():
        found = search.fresh()
        search.remember(found, every=True)
        descents += 1
        if judge.cost(found) < judge.cost(best):
            best = found
    begun: list[Column] = []
    if best.is_feasible():
        begun = [
            c for route in best.routes() for c in columns_of(search.ground, route, placed=True)
        ]
    joined = recombine(
        search.pool, search.ground.fleet, begun, narrow=ALL, nodes=ALL, stop=stop
    ).better
    if joined is not None and judge.cost(search.solution(joined)) < judge.cost(best):
        best = search.solution(joined)
    return {
        "cost": float(judge.cost(best)) if best.is_feasible() else float("inf"),
        "steps": descents, "columns": len(search.pool.columns),
    }  # fmt: skip
