"""The day's twin beside SimPy in one run: the same model, the same random numbers, equal waits.

    python -m benchmarks.day [--people 288000 --large 20000000]

Then a large day, 200 replications of a county's, and Erlang C at length. Processor seconds count.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import Day, Faults, Habits, Labs, Sites
from yingjian.engines.day.queue import serve
from yingjian.engines.day.twin import draw, play, simulate, table

PER_SITE = 1400


def city(people: int) -> Day:
    """Sites of 1,400 people with four lanes at about 85 % load, one laboratory per 300 sites."""
    m = max(1, people // PER_SITE)
    rng = np.random.default_rng(people)
    labs = max(1, m // 300)
    sites = Sites(
        lanes=np.full(m, 4), opens=np.full(m, 420.0), lab=np.arange(m) % labs,
        ride=rng.uniform(20, 80, m), first_pickup=rng.uniform(480, 600, m),
        pickup_every=np.full(m, 120.0), vehicle=np.arange(m) // 8,
    )  # fmt: skip
    per = np.ones(labs)
    benches = Labs(
        wells=np.full(labs, 94), instruments=np.full(labs, 48), run=120 * per, opens=420 * per,
        receivers=np.full(labs, 12), receive=0.5 * per,
    )  # fmt: skip
    site = np.repeat(np.arange(m), PER_SITE)
    slot = 420.0 + 30.0 * (np.arange(m * PER_SITE) % PER_SITE // 170)
    return Day(site=site, slot=slot, sites=sites, labs=benches)


def by_simpy(asked: Day, ptr: np.ndarray, arrived: np.ndarray, service: np.ndarray) -> np.ndarray:
    """Start of every swab, told by SimPy's processes and resources."""
    env = simpy.Environment()
    start = np.empty(len(arrived))

    def person(i: int, lanes: simpy.Resource, at: float, need: float) -> Generator[Any, Any, None]:
        yield env.timeout(at)
        with lanes.request() as turn:
            yield turn
            start[i] = env.now
            yield env.timeout(need)

    for j in range(len(ptr) - 1):
        lanes = simpy.Resource(env, int(asked.sites.lanes[j]))
        for i in range(int(ptr[j]), int(ptr[j + 1])):
            at = max(float(arrived[i]), float(asked.sites.opens[j]))
            env.process(person(i, lanes, at, float(service[i])))
    env.run()
    return start


def beside_simpy(people: int) -> None:
    """Queues only, which is all this SimPy model does; the twin's time is for its whole day."""
    asked, habits = city(people), Habits()
    dice = draw(asked, habits, Faults(), 1)
    clock = time.process_time()
    run = play(asked, habits, Faults(), dice)
    twin = time.process_time() - clock
    clock = time.process_time()
    start = by_simpy(asked, dice.ptr, dice.arrived, dice.service)
    other = time.process_time() - clock
    apart = float(np.abs(run.wait - (start - dice.arrived)).max())
    n = len(run.site)
    print(f"SimPy, queues only     {n:>9} people {other:>8.2f} s {n / other:>12,.0f} people/s")
    print(f"twin, whole day        {n:>9} people {twin:>8.3f} s {n / twin:>12,.0f} people/s")
    print(f"ratio {other / twin:,.0f}; largest difference of any wait {apart:.1e} min")


def large(people: int) -> None:
    """Dice included; with the queue table."""
    asked = city(people)
    for name in ("one day", "again"):
        wall, cpu = time.monotonic(), time.process_time()
        run = simulate(asked, seed=1)
        held = table(run, len(asked.sites.lanes))
        print(
            f"{name:<10} {len(run.site):>9} people {len(run.tube_site):>8} tubes"
            f" cpu {time.process_time() - cpu:>6.2f} s wall {time.monotonic() - wall:>6.2f} s"
            f" longest wait {np.nanmax(held.most):.1f} min"
            f" peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
        )


def erlang(lanes: int = 4, load: float = 0.85, people: int = 20_000_000) -> None:
    """Mean wait of M/M/4 against the closed form."""
    rng = np.random.default_rng(3)
    arrived = np.cumsum(rng.standard_exponential(people) * 0.6 / (lanes * load))
    service = rng.standard_exponential(people) * 0.6
    start, end, lane = np.empty(people), np.empty(people), np.empty(people, np.int64)
    zero, no = np.zeros(1), np.zeros(1, np.int64)
    serve(
        np.array([0, people]), arrived, service, np.array([lanes]), zero, no, 0.0,
        np.zeros(2, np.int64), np.zeros((0, 3)), np.full(1, 2**62), zero, start, end, lane,
    )  # fmt: skip
    offered = lanes * load
    full = offered**lanes / math.factorial(lanes) / (1 - load)
    share = full / (sum(offered**k / math.factorial(k) for k in range(lanes)) + full)
    formula = share * 0.6 / (lanes * (1 - load))
    found = float((start - arrived).mean())
    print(
        f"M/M/{lanes} load {load}: {found:.4f} min, Erlang C {formula:.4f}, {found / formula - 1:+.2%}"
    )


def main() -> None:
    """Everything in one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=288_000)
    parser.add_argument("--large", type=int, default=20_000_000)
    asked = parser.parse_args()
    rehearse(city(3000), runs=1)  # compile first
    beside_simpy(asked.people)
    cpu = time.process_time()
    county = rehearse(city(329_000), runs=200, seed=1)
    print(f"200 replications of 329,000 people, fresh dice: cpu {time.process_time() - cpu:.1f} s")
    for name in ("last_swab", "last_result", "queue_p95", "tube_age_p95"):
        low, middle, high = county.figures[name]
        print(f"  {name:<14} {low:8.1f} {middle:8.1f} {high:8.1f}")
    erlang()
    large(asked.large)


if __name__ == "__main__":
    main()
