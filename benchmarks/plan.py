"""The engines behind a plan, one after the other at a county's size, each with its judge and its rivals.

    yingjian bench plan [--people 329000] [--json FILE]

One twelve-hour day on which everybody is swabbed: sites by `siting` (one pass), pick-up rounds and the
rounds of mobile teams by `routing`, laboratories by `matching`, people by `staffing`, goods by `kits`,
households by `slots`. Times are processor seconds of one core.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from benchmarks.counties import area
from benchmarks.slots import step as slot_steps
from yingjian.engines.asking import Ints
from yingjian.engines.kits import check as kits_check
from yingjian.engines.kits import model as kits
from yingjian.engines.kits.solve import solve as solve_kits
from yingjian.engines.matching import check as matching_check
from yingjian.engines.matching import model as matching
from yingjian.engines.matching.bench import Bench
from yingjian.engines.matching.relaxed import ways_cost
from yingjian.engines.matching.solve import solve as solve_matching
from yingjian.engines.routing import check as routing_check
from yingjian.engines.routing import model as routing
from yingjian.engines.routing import teams, tours
from yingjian.engines.routing.solve import solve as solve_routing
from yingjian.engines.siting import check as siting_check
from yingjian.engines.siting import model as siting
from yingjian.engines.siting.solve import solve as solve_siting
from yingjian.engines.staffing import check as staffing_check
from yingjian.engines.staffing import model as staffing
from yingjian.engines.staffing.lanes import lanes_by_time
from yingjian.engines.staffing.shifts import letters
from yingjian.engines.staffing.solve import solve as solve_staffing

OPENS, CLOSES = 7 * 60, 19 * 60
POOL = 10
RECENT, AT_HAND = 0.05, 0.97
LABS = 6
AREAS = 3
"""Fixed areas a side: nine in all, as Yongning has."""
Say = Callable[[str], None]
T = TypeVar("T")


class Clock:
    """Processor seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def of(self, name: str, work: Callable[[], T]) -> T:
        """Do it and note how long it took."""
        begun = time.process_time()
        done = work()
        self.seconds[name] = round(time.process_time() - begun, 2)
        return done


def run(*, people: int, say: Say, seed: int = 1) -> dict[str, Any]:
    """Every engine once; the figures by name."""
    clock, figures = Clock(), dict[str, Any]()
    solve_siting(area(2_000), siting.Params(sweeps=0))  # compile first
    county = area(people, seed)
    sited = clock.of("siting", lambda: solve_siting(county, siting.Params(sweeps=0), seed=seed))
    faults = {"siting": len(clock.of("siting_judge", lambda: siting_check.check(county, sited)))}
    inside = sited.site_of != siting.MOBILE
    heads = _heads(county, sited)
    sites = sited.sites
    figures["sites"] = {
        "people": int(county.heads.sum()), "sites": len(sites), "lanes": int(sited.lanes.sum()),
        "mobile": int((~inside).sum()), "gap": round(sited.gap, 4),
    }  # fmt: skip
    rng = np.random.default_rng(seed)
    place = rng.integers(0, len(sites), LABS)
    lab_x, lab_y = county.site_x[sites][place], county.site_y[sites][place]
    problem = _pick_ups(county, sites, heads[sites], lab_x, lab_y)
    routed = clock.of("routing", lambda: solve_routing(problem, seed=seed))
    faults["routing"] = len(clock.of("routing_judge", lambda: routing_check.check(problem, routed)))
    figures["routing"] = _routing_figures(problem, routed)
    asked = _mobile(county, np.flatnonzero(~inside), sites)
    if asked is not None:
        visits = clock.of("mobile", lambda: teams.solve(asked, seed=seed))
        faults["mobile"] = len(
            clock.of("mobile_judge", lambda: routing_check.check_tours(asked, visits))
        )
        figures["mobile"] = {"tours": len(visits.tours), "teams": int(visits.teams.sum())}
    loads = _loads(problem, routed)
    matched = clock.of("matching", lambda: solve_matching(loads, seed=seed))
    faults["matching"] = len(
        clock.of("matching_judge", lambda: matching_check.check(loads, matched))
    )
    figures["matching"] = {
        "loads": len(loads.loads.tubes), "runs": len(matched.runs), "partial": matched.partial,
        "late_tubes": sum(late.tubes for late in matched.late), "gap": round(matched.gap, 4),
        "cost": matched.cost, "nearest_cost": _nearest(loads),
    }  # fmt: skip
    roster = _roster(heads[sites], sited.lanes[sites], rng)
    staffed = clock.of("staffing", lambda: solve_staffing(roster, seed=seed))
    faults["staffing"] = len(
        clock.of("staffing_judge", lambda: staffing_check.check(roster, staffed))
    )
    figures["staffing"] = {
        "seats": len(staffed.posts), "fewest": staffed.seats_bound, "gap": round(staffed.gap, 4),
        "rides": len(staffed.rides), "uncovered": len(staffed.breaches),
    }  # fmt: skip
    goods = _goods(heads[sites], sited.lanes[sites], staffed)
    packed = clock.of("kits", lambda: solve_kits(goods, seed=seed))
    faults["kits"] = len(clock.of("kits_judge", lambda: kits_check.check(goods, packed)))
    figures["kits"] = {"lines": len(packed.lines), "issues": len(packed.issues)}
    figures["slots"], faults["slots"] = slot_steps(clock.of, heads[sites], sited.lanes[sites], seed)
    figures["routing"] |= clock.of("rivals", lambda: _rivals(problem, seed))
    whole = sum(s for name, s in clock.seconds.items() if name not in {"rivals", "slots_rival"})
    figures |= {
        "seconds": clock.seconds, "whole_seconds": round(whole, 1), "faults": faults,
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    for name, value in figures.items():
        say(f"{name}: {value}")
    return figures


def _heads(county: siting.Problem, sited: siting.Result) -> Ints:
    """People of each candidate; those of mobile teams are nobody's."""
    heads = np.zeros(county.candidates, dtype=np.int64)
    inside = sited.site_of != siting.MOBILE
    np.add.at(heads, sited.site_of[inside], county.heads[inside])
    return heads


def _pick_ups(
    county: siting.Problem, sites: Ints, heads: Ints, lab_x: Any, lab_y: Any
) -> routing.Problem:
    """Each site's tubes for the nearest laboratory of its area's fixed routes."""
    x, y = county.site_x[sites], county.site_y[sites]
    minutes = routing.road_minutes(
        np.concatenate((x, lab_x)), np.concatenate((y, lab_y)), km_per_h=40.0, road_factor=1.3
    )
    n, k = len(sites), len(lab_x)
    side = max(np.ptp(x), np.ptp(y)) / AREAS + 1.0
    where = (x - x.min()) // side * AREAS + (y - y.min()) // side
    return routing.Problem(
        stops=routing.Stops(
            tubes=-(-heads // POOL),
            opens=np.full(n, OPENS),
            closes=np.full(n, CLOSES),
            lab=minutes[:n, n:].argmin(axis=1),
            area=where.astype(np.int64),
        ),
        labs=routing.Labs(np.zeros(k, np.int64), np.full(k, 2 * 1440), np.full(k, 2000)),
        minutes=minutes,
        rules=routing.Rules(every=120, deliver=240, capacity=2000),
    )


def _routing_figures(problem: routing.Problem, found: routing.Result) -> dict[str, Any]:
    return {
        "stops": problem.size, "routes": len(found.routes), "vehicles": found.vehicles,
        "drivers": found.drivers, "trips": len(found.trips), "breaches": len(found.breaches),
        "oldest_minutes": max(trip.oldest for trip in found.trips),
        "cost": found.cost,
    }  # fmt: skip


def _rivals(problem: routing.Problem, seed: int) -> dict[str, Any]:
    """One round for all stops of the busiest laboratory: construction, plain library, both together.

    The library has the same iterations and starts from nothing.
    """
    import pyvrp

    lab = int(np.bincount(problem.stops.lab).argmax())
    own = np.flatnonzero(problem.stops.lab == lab)
    order = np.append(own, problem.size + lab)
    asked = tours.Round(
        minutes=problem.minutes[np.ix_(order, order)],
        service=np.full(len(own), problem.service, dtype=np.int64),
        load=-(-problem.stops.tubes[own] // 6) + 1,
        capacity=2000, age=90, cycle=120, turn=problem.unload,
        vehicle=problem.prices.vehicle // 6, minute=problem.prices.minute,
    )  # fmt: skip
    able = [i for i in range(len(own)) if asked.allows([i])]
    rest = [[i] for i in range(len(own)) if not asked.allows([i])]
    most = max(asked.vehicles(asked.cycle_of([i])) for i in able)
    data = tours._data(asked, able, most)
    plain = pyvrp.solve(data, pyvrp.stop.MaxIterations(500), seed=seed, display=False)
    alone = [
        [able[step.idx] for step in route.schedule() if step.type == pyvrp.ActivityType.CLIENT]
        for route in plain.best.routes()
    ]
    both = tours.plan_round(asked, iterations=500, seed=seed, stop=lambda: False)
    first = tours.plan_round(asked, iterations=0, seed=seed, stop=lambda: False)
    feasible = plain.is_feasible() and all(asked.allows(tour) for tour in alone)
    return {
        "round_stops": len(own),
        "round_savings": asked.total(first),
        "round_pyvrp_alone": asked.total([*alone, *rest]) if feasible else None,
        "round_both": asked.total(both),
    }


def _mobile(county: siting.Problem, points: Ints, sites: Ints) -> routing.Tours | None:
    """Hamlets without a site: 30 minutes to set up, 1 a person, based at the nearest of nine sites."""
    if not len(points):
        return None
    bases = sites[:: max(1, len(sites) // 9)][:9]
    x = np.concatenate((county.x[points], county.site_x[bases]))
    y = np.concatenate((county.y[points], county.site_y[bases]))
    minutes = routing.road_minutes(x, y, km_per_h=40.0, road_factor=1.3)
    n = len(points)
    return routing.Tours(
        service=30 + county.heads[points],
        samples=-(-county.heads[points] // POOL),
        base=minutes[:n, n:].argmin(axis=1),
        minutes=minutes,
        shift=600,
        carry=180,
    )


def _loads(problem: routing.Problem, routed: routing.Result) -> matching.Problem:
    """The calls of all trips as loads that any laboratory may take."""
    calls = [(call, trip) for trip in routed.trips for call in trip.calls if call.tubes]
    n = problem.size
    k = len(problem.labs.opens)
    site = np.array([call.stop for call, _ in calls])
    ready = np.array([call.at for call, _ in calls])
    home = np.array([trip.received - call.at for call, trip in calls])
    lab = problem.stops.lab[site]
    ride = problem.minutes[site][:, n:] - problem.minutes[site, n + lab][:, None] + home[:, None]
    tubes = np.array([call.tubes for call, _ in calls])
    machines = math.ceil(int(tubes.sum()) / 24 * 1.3 / (LABS * 94 / 2.5))
    return matching.Problem(
        loads=matching.Loads(
            tubes=tubes, ready=ready, ride=np.maximum(ride, 5),
            oldest=np.array([call.oldest for call, _ in calls]),
        ),
        labs=matching.Labs(
            instruments=np.full(k, max(2, machines * 2)), wells=np.full(k, 94),
            run=np.full(k, 150), opens=np.zeros(k, np.int64), closes=np.full(k, 3 * 1440),
            reserve=0.08,
        ),
        now=OPENS,
        limit=360,
    )  # fmt: skip


def _nearest(problem: matching.Problem) -> int:
    """The greedy rival: every load to the laboratory it reaches first."""
    bench = Bench(problem)
    lab_of = problem.loads.ride.argmin(axis=1)
    cost = int(ways_cost(problem)[np.arange(len(lab_of)), lab_of].sum())
    for lab in range(problem.loads.ride.shape[1]):
        loads = np.flatnonzero(lab_of == lab).tolist()
        cost += bench.best(lab, loads, matching.Params().fills)[0].cost
    return cost


def _roster(heads: Ints, lanes: Ints, rng: np.random.Generator) -> staffing.Problem:
    """Hourly lanes from arrivals with a morning peak; 2 samplers and 1 registrar a lane, ABA."""
    hours = (CLOSES - OPENS) // 60
    shape = np.array([1.6, 1.4, 1.2, 1.1, 1.0, 0.7, 0.7, 0.9, 1.0, 0.9, 0.8, 0.7][:hours])
    arrivals = heads[:, None] * (shape / shape.sum())[None, :]
    opened = lanes_by_time(
        arrivals, per_hour=100.0, load=0.85, period=60, queue=30.0, most=np.maximum(lanes * 2, 2)
    )
    need = np.stack(
        (opened.lanes * 2, opened.lanes, np.full_like(opened.lanes, 3), np.ones_like(opened.lanes)),
        axis=1,
    )
    count, teams_of, m = 12_000, 25, len(heads)
    return staffing.Problem(
        need=need,
        patterns=letters(hours, length=4, pattern="ABA"),
        people=staffing.People(
            institution=rng.integers(0, teams_of, count),
            jobs=rng.random((count, 4)) < np.array([0.4, 0.5, 0.5, 0.3]),
            vaccinated=np.where(rng.random(count) < RECENT, -600, staffing.LONG_AGO),
            worked=rng.integers(0, 3000, count),
            available=rng.random(count) < AT_HAND,
        ),
        institutions=staffing.Institutions(
            least=np.full(teams_of, 20),
            most=np.full(teams_of, 500),
            travel=rng.integers(5, 60, (teams_of, m)),
        ),
        period=60,
        apart=(0,),
        separation=2880,
        standby=0.05,
    )


def _goods(heads: Ints, lanes: Ints, staffed: staffing.Result) -> kits.Problem:
    shifts = np.zeros((len(heads), 4), dtype=np.int64)
    for post in staffed.posts:
        shifts[post.site, post.job] += 1
    jobs = ("sampler", "registrar", "disinfector", "site_lead")
    sites = tuple(
        kits.Site(
            store=s % 9, people=int(h), tubes={POOL: -(-int(h) // POOL)}, lanes=int(lane), groups=1,
            days=1, shifts=dict(zip(jobs, own, strict=True)), opens=OPENS,
        )
        for s, (h, lane, own) in enumerate(
            zip(heads.tolist(), lanes.tolist(), shifts.tolist(), strict=True)
        )
    )  # fmt: skip
    stock = {"swab": 20_000, "sample_tube": 3_000, "label": 5_000, "n95": 500, "gloves": 1500}
    big = {**{item: 10 * count for item, count in stock.items()}, "tent": 400, "cordon": 300}
    norms = kits.Norms(
        site={"cordon": 1, "sign_kit": 1},
        lane={"tent": 1, "sampling_table": 1},
        shift={"sampler": {"n95": 1, "gloves": 2}, "registrar": {"gloves": 1}},
        reserve=0.2,
    )
    stores = tuple(replace(kits.Store(stock), above=9) for _ in range(9))
    return kits.Problem(sites, (*stores, kits.Store(big)), norms)
