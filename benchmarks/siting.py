"""Sites for a town, a county and a province's worth of counties: time, cost, proven bound, growth.

    python -m benchmarks.siting [--people 7409 329000 3000000] [--seconds 30 300] [--wall] [--workers 2]
        [--fewer 2 5 10]

Each line is one solve stopped after so many processor seconds of one core (`--wall`: seconds on the
wall), judged by the independent checker, whose bound is the one shown. The first lines are one pass
without a limit. On a busy machine only processor seconds compare.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from dataclasses import replace

import numpy as np

from benchmarks.counties import area
from yingjian.engines.asking import Stop, Until
from yingjian.engines.siting.check import check
from yingjian.engines.siting.model import Params
from yingjian.engines.siting.solve import solve

CASES = 8
"""Most cases by totals that a part's proof has in the long runs."""


def measure(
    people: int, seconds: float, seed: int, *, thorough: bool, wall_clock: bool, workers: int,
    most: int | None = None,
) -> tuple[int, float, int]:  # fmt: skip
    """One line; (points, processor seconds to the end, sites opened)."""
    problem = replace(area(people), most_sites=most)
    params = (
        Params(sweeps=12, cases=CASES, workers=workers)
        if thorough
        else Params(sweeps=0, workers=workers)
    )
    wall, cpu = time.monotonic(), time.process_time()
    now, since = (time.monotonic, wall) if wall_clock else (time.process_time, cpu)
    until = Until(now, since + seconds)
    # processor seconds of two threads say nothing of the time left
    stop: Stop = until if wall_clock else until.__call__
    result = solve(problem, params, seed=seed, stop=stop)
    spent, used = time.monotonic() - wall, time.process_time() - cpu
    cpu = time.process_time()
    faults = check(problem, result)
    judged = time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    visits = int((result.site_of < 0).sum())
    out = int(problem.heads[np.unique([b.point for b in result.breaches]).astype(int)].sum())
    print(
        f"{int(problem.heads.sum()):>9} {problem.points:>7} {seconds:>6.0f} {spent:>7.1f} {used:>7.1f}"
        f" {result.cost / 1e6:>10.2f} {result.certificate.bound / 1e6:>10.2f} {result.gap:>7.3%}"
        f" {len(result.sites):>6} {visits:>6} {result.proven:>5}/{result.components:<5}"
        f" {len(faults):>6} {judged:>6.1f} {memory:>6.0f} {'' if most is None else most:>5} {out:>5}",
        flush=True,
    )
    return problem.points, used, len(result.sites)


def main() -> None:
    """Print one line per size and time, then how processor time grows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, nargs="+", default=[7_409, 329_000, 3_000_000])
    parser.add_argument("--seconds", type=float, nargs="+", default=[30, 300])
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="threads; the plan is the same")
    parser.add_argument("--fewer", type=float, nargs="*", default=[], help="per cent of the sites")
    asked = parser.parse_args()
    solve(area(2_000), Params())  # compile first
    print(
        "   people  points  limit    wall     cpu       cost      bound     gap  sites visits"
        "   proven    faults  judge    MiB  most   out"
    )
    each = {"wall_clock": asked.wall, "workers": asked.workers}
    grown = [
        measure(people, math.inf, asked.seed, thorough=False, **each) for people in asked.people
    ]
    mosts = {
        people: [None, *(int(sites * (1 - share / 100)) for share in asked.fewer)]
        for people, (_, _, sites) in zip(asked.people, grown, strict=True)
    }
    for people in asked.people:
        for most in mosts[people][1:]:
            measure(people, math.inf, asked.seed, thorough=False, most=most, **each)
    for seconds in asked.seconds:
        for people in asked.people:
            for most in mosts[people]:
                measure(people, seconds, asked.seed, thorough=True, most=most, **each)
    if len(grown) > 1:
        (n0, t0, _), (n1, t1, _) = grown[-2], grown[-1]
        print(
            f"growth exponent of one pass, last two sizes: {math.log(t1 / t0) / math.log(n1 / n0):.2f}"
        )


if __name__ == "__main__":
    main()
