"""The day's twin: beside SimPy and Ciw on the same model, its speed, and whether it tells the truth.

    yingjian bench rehearse [--people 329000] [--json FILE]

The method, fixed:

- *Rivals.* One model in one run: 20 sites of 1,400 people, four lanes each, first come first served. SimPy and Ciw get
  the very arrivals and lengths the twin threw (ten seeds; Ciw, which is slower, three); every single wait is compared.
  Theirs is the time for the queues alone, the twin's for the whole day: dice, tubes, roads and plates too.
- *Speed.* A county of `people`, 200 days with fresh dice (ten seeds of 20 days) with the queue table; a day of 20
  million, twice, the better told. Compiled before. Processor seconds, and those of the clock on all cores.
- *Closed forms.* M/M/1, M/M/2 and M/M/4 at a load of 0.85, ten seeds of 2 million people, mean wait over Erlang C's.
- *Yilaha* (S4/YL): 7,409 people, 15 sites, 30 samplers, 07:00 to 15:00 without appointments; 20 days of ten seeds. The
  report knows only that it ended at 15:00 and all was delivered by 18:00, so it is also asked how many minutes a person
  may take until that no longer holds.
- *Chengdu*: the same 2.09 million people (a tenth of the city) offered to the same lanes, with the station scanning by
  itself; beside it a scan that waits for a server as was reported, 4 and 5 minutes, all day and from 17:30.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, replace
from typing import Any

import ciw
import numpy as np
import simpy

from benchmarks import days
from yingjian.engines.asking import Floats, Ints
from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import Day, Faults, Habits
from yingjian.engines.day.parts import cores
from yingjian.engines.day.queue import serve
from yingjian.engines.day.twin import draw, play, simulate, table

SEEDS, CIW_SEEDS, RUNS = 10, 3, 20
QUEUED = 28_000
LARGE = 20_000_000
ERLANG = 2_000_000
CHENGDU = 2_090_000
Say = Callable[[str], None]
Figures = dict[str, Any]


def run(*, people: int, say: Say) -> Figures:
    """Everything in one run; figures by name."""
    rehearse(days.city(3000), runs=1)  # compile first
    found: Figures = {"seeds": SEEDS, "cores": cores()}
    found["rivals"] = rivals(say)
    found["speed"] = speed(people, say)
    found["erlang"] = erlang(say)
    found["yilaha"] = yilaha(say)
    found["chengdu"] = chengdu(say)
    found["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return found


# --- rivals ---------------------------------------------------------------------------------------


def by_simpy(asked: Day, ptr: Ints, arrived: Floats, service: Floats) -> Floats:
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


def by_ciw(asked: Day, ptr: Ints, arrived: Floats, service: Floats) -> Floats:
    """The same told by Ciw, a network of one node for each site."""
    start = np.empty(len(arrived))
    for j in range(len(ptr) - 1):
        own = slice(int(ptr[j]), int(ptr[j + 1]))
        at = np.maximum(arrived[own], asked.sites.opens[j])
        gaps = [*np.diff(at, prepend=0.0).tolist(), float("inf")]
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Sequential(gaps)],
            service_distributions=[ciw.dists.Sequential(service[own].tolist())],
            number_of_servers=[int(asked.sites.lanes[j])],
        )
        play_ = ciw.Simulation(network)
        play_.simulate_until_max_customers(len(at), method="Finish")
        begun = sorted((r.id_number, r.service_start_date) for r in play_.get_all_records())
        start[own] = [when for _, when in begun]
    return start


def rivals(say: Say) -> Figures:
    """People a second of each, and the largest difference of any wait.

    The rivals are given the dice, so the twin's play of the same dice stands beside them (and plays tubes, roads and
    plates too); with the throwing of the dice it is told apart.
    """
    asked, habits = days.city(QUEUED), Habits()
    names = ("twin", "play", "simpy", "ciw")
    seconds, people = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0)
    apart = {"simpy": 0.0, "ciw": 0.0}
    for seed in range(SEEDS):
        clock = time.process_time()
        dice = draw(asked, habits, Faults(), seed)
        drawn = time.process_time()
        told = play(asked, habits, Faults(), dice)
        seconds["play"] += time.process_time() - drawn
        seconds["twin"] += time.process_time() - clock
        people["play"] += len(told.wait)
        people["twin"] += len(told.wait)
        for name, rival in (("simpy", by_simpy), ("ciw", by_ciw)):
            if name == "ciw" and seed >= CIW_SEEDS:
                continue
            clock = time.process_time()
            start = rival(asked, dice.ptr, dice.arrived, dice.service)
            seconds[name] += time.process_time() - clock
            people[name] += len(start)
            largest = float(np.abs(told.wait - (start - dice.arrived)).max())
            apart[name] = max(apart[name], largest)
    rate = {name: people[name] / seconds[name] for name in seconds}
    for name, off in apart.items():
        say(
            f"{name}, queues only: {rate[name]:,.0f} people/s; the twin's play of the same dice, one thread:"
            f" {rate['play']:,.0f}, {rate['play'] / rate[name]:,.0f} times; with its dice {rate['twin']:,.0f},"
            f" {rate['twin'] / rate[name]:,.0f} times; largest difference of any wait {off:.1e} min"
        )
    return {
        "people_per_second": {name: round(value) for name, value in rate.items()},
        "times": {name: round(rate["play"] / rate[name]) for name in apart},
        "times_with_dice": {name: round(rate["twin"] / rate[name]) for name in apart},
        "largest_difference_minutes": apart,
    }


# --- speed ----------------------------------------------------------------------------------------


def speed(people: int, say: Say) -> Figures:
    """200 days of a county, one of a city."""
    county = days.city(people)
    wall, cpu = time.monotonic(), time.process_time()
    for seed in range(SEEDS):
        rehearse(county, runs=RUNS, seed=seed)
    figures: Figures = {
        "county_people": people, "county_days": SEEDS * RUNS,
        "county_cpu": round(time.process_time() - cpu, 2), "county_wall": round(time.monotonic() - wall, 2),
    }  # fmt: skip
    say(
        f"{SEEDS * RUNS} days of {people:,} people, fresh dice: {figures['county_cpu']} s of processor time,"
        f" {figures['county_wall']} s by the clock"
    )
    city = days.city(LARGE)
    best = (np.inf, np.inf)
    for seed in range(2):
        wall, cpu = time.monotonic(), time.process_time()
        told = simulate(city, seed=seed, threads=cores())
        table(told, len(city.sites.lanes))
        best = min(best, (time.process_time() - cpu, time.monotonic() - wall))
    figures |= {
        "city_people": len(told.wait),
        "city_cpu": round(best[0], 2),
        "city_wall": round(best[1], 2),
    }
    say(
        f"a day of {len(told.wait):,} people: {figures['city_cpu']} s of processor time,"
        f" {figures['city_wall']} s by the clock"
    )
    return figures


# --- truth ----------------------------------------------------------------------------------------


def erlang_c(lanes: int, load: float, mean: float) -> float:
    """Mean wait of M/M/c: the chance to wait, by Erlang B's recursion, times the wait of who does."""
    blocked = 1.0
    for k in range(1, lanes + 1):
        blocked = lanes * load * blocked / (k + lanes * load * blocked)
    waits = blocked / (1 - load * (1 - blocked))
    return waits * mean / (lanes * (1 - load))


def mean_wait(lanes: int, load: float, people: int, seed: int) -> float:
    """Of the twin's queue with exponential gaps and lengths of mean 1."""
    rng = np.random.default_rng(seed)
    arrived = np.cumsum(rng.standard_exponential(people) / (lanes * load))
    service = rng.standard_exponential(people)
    start, end, lane = np.empty(people), np.empty(people), np.empty(people, np.int64)
    zero, no = np.zeros(1), np.zeros(1, np.int64)
    serve(
        np.array([0, people]), arrived, service, np.array([lanes]), zero, no, 0.0,
        np.zeros(2, np.int64), np.zeros((0, 3)), np.full(1, 2**62), zero, np.inf, start, end, lane,
    )  # fmt: skip
    return float((start - arrived).mean())


def erlang(say: Say) -> list[Figures]:
    """Mean wait over Erlang C's: mean of the seeds and the seed furthest off."""
    found = []
    for lanes in (1, 2, 4):
        formula = erlang_c(lanes, 0.85, 1.0)
        off = np.array([mean_wait(lanes, 0.85, ERLANG, s) / formula - 1 for s in range(SEEDS)])
        worst = float(off[np.abs(off).argmax()])
        say(f"M/M/{lanes} at 0.85: {off.mean():+.2%} from Erlang C, furthest seed {worst:+.2%}")
        found.append({"lanes": lanes, "mean": float(off.mean()), "furthest": worst})
    return found


def yilaha(say: Say) -> Figures:
    """When the day of the report ends, and how slow a lane may be before it no longer does."""
    day, habits = days.yilaha()
    told = [rehearse(day, habits, runs=RUNS, seed=seed).figures for seed in range(SEEDS)]
    figures: Figures = {
        name: [round(float(np.mean([one[name][k] for one in told])), 1) for k in range(3)]
        for name in ("last_swab", "last_delivery", "queue_p95", "tubes")
    }
    slowest = 0.6
    for tenths in range(6, 60):
        slow = rehearse(day, replace(habits, service=tenths / 10), runs=RUNS, seed=0).figures
        if slow["last_swab"][1] > days.CLOSES + 5:
            break
        slowest = tenths / 10
    figures["slowest_minutes_a_person"] = slowest
    say(
        f"Yilaha: last swab {clock(figures['last_swab'][1])}, delivered {clock(figures['last_delivery'][1])},"
        f" {figures['tubes'][1]:.0f} tubes; holds up to {slowest} minutes a person (report: 15:00, by 18:00)"
    )
    return figures


def chengdu(say: Say) -> list[Figures]:
    """Side by side: scanning by the station itself, and bound to a server."""
    ways = [("offline", 0.0, 0.0), ("server, 4 min from 17:30", days.SCAN[0], days.STALLS)]
    ways += [("server, 5 min from 17:30", days.SCAN[1], days.STALLS)]
    ways += [
        ("server, 4 min all day", days.SCAN[0], 0.0),
        ("server, 5 min all day", days.SCAN[1], 0.0),
    ]
    found = []
    for name, scan, stalls in ways:
        one = days.chengdu(CHENGDU, scan, stalls=stalls)
        say(
            f"{name:<26} load {one.load:5.2f}  last swab {clock(one.last_swab):>12}  wait mean {one.wait_mean:7.1f}"
            f" p95 {one.wait_p95:7.1f} min  over 30 min {one.over_30:6.1%}  swabbed by midnight {one.by_midnight:6.1%}"
        )
        found.append({"way": name, **asdict(one)})
    return found


def clock(minute: float) -> str:
    """A minute of the day; days later as +n."""
    later, rest = divmod(round(minute), 1440)
    return f"{rest // 60:02d}:{rest % 60:02d}" + (f" +{later} d" if later else "")
