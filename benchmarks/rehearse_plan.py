"""A county's plan made, turned into days and rehearsed: seconds of each step.

python -m benchmarks.rehearse_plan [--people 329000 --runs 200 --trials 40]
"""

from __future__ import annotations

import argparse
import resource
import time

from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import Habits
from yingjian.engines.day.planned import bench_of, days_of, habits_of, limits_of
from yingjian.engines.day.rehearsal import rehearsal
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.tests.cases import county, problem

PER_VILLAGE = 3000


class Watch:
    """Processor and wall seconds since the last step."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.monotonic()

    def told(self, what: str) -> None:
        cpu, wall = time.process_time(), time.monotonic()
        print(f"{what:<44} cpu {cpu - self.cpu:7.2f} s  wall {wall - self.wall:7.2f} s")
        self.cpu, self.wall = cpu, wall


def main() -> None:
    """Everything in one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=329_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--trials", type=int, default=40)
    asked = parser.parse_args()
    given = problem(*county(asked.people, max(1, asked.people // PER_VILLAGE), towns=9))
    watch = Watch()
    plan = make_plan(given)
    watch.told(
        f"plan: {plan.totals.sites} sites, {plan.totals.lanes} lanes, {plan.totals.vehicles} vehicles"
    )
    bench, limits = bench_of(plan.params), limits_of(given.rules)
    habits = habits_of(given.rules, plan.params.slot_minutes, bench, Habits())
    (day,) = days_of(plan, given.rules, habits, bench)
    watch.told(f"the day: {len(day.day.site):,} people in slots")
    rehearse(day.day, habits, limits=limits, runs=1)
    watch.told("compiled")
    found = rehearse(day.day, habits, limits=limits, runs=asked.runs, seed=1)
    watch.told(f"played {found.runs} times, with the queue table")
    whole = rehearsal(day, habits, limits, runs=asked.runs, trials=asked.trials, seed=1)
    watch.told(f"rehearsed: {asked.runs} runs, {asked.trials} of each trouble and change")
    low, middle, high = whole.expected.figures["last_swab"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"last swab {low:.0f} {middle:.0f} {high:.0f} min, peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
