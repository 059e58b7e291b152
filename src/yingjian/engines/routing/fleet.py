"""Days of a fleet with windows, several depots and several trips: `solve_fleet(problem, …) → FleetResult`.

The search is `search`; here the question becomes PyVRP's and the answer the fleet's own, every clock
told anew in whole numbers. Never "no answer": a place that no vehicle can serve, or for which none is
left, is told as a breach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yingjian.engines.asking import Stop, never
from yingjian.engines.routing.fleet_model import (
    FleetParams,
    FleetProblem,
    FleetResult,
    Leg,
    VehicleDay,
    validate_fleet,
)
from yingjian.engines.routing.model import Breach
from yingjian.engines.routing.search import Search

if TYPE_CHECKING:
    import pyvrp

FLEET_DEFAULTS = FleetParams()


def solve_fleet(
    problem: FleetProblem, params: FleetParams = FLEET_DEFAULTS, *, seed: int = 0,
    stop: Stop = never,
) -> FleetResult:  # fmt: skip
    """Every place that can be served in one vehicle's day, at the least price found.

    Raises `RoutingError` where the question has no meaning. Before the price comes how many are served.
    """
    validate_fleet(problem)
    kinds = [k for k in range(len(problem.kinds.home)) if int(problem.kinds.count[k])]
    able = [
        p for p in range(problem.size) if any(day_of(problem, k, [[p]]) is not None for k in kinds)
    ]
    days: list[VehicleDay] = []
    if able:
        data = fleet_data(problem, able, kinds)
        search = Search(data, params, seed, stop)
        routes = search.served(search.run())
        days = [_told(problem, able, kinds, route) for route in routes]
    days.sort(key=lambda day: (day.kind, day.legs[0].begins, day.legs[0].places))
    served = {place for day in days for leg in day.legs for place in leg.places}
    left = tuple(place for place in range(problem.size) if place not in served)
    breaches = [Breach("not_served", f"place:{place}", 1, 0) for place in left]
    return FleetResult(days, price_of(problem, days), left, breaches)


def price_of(problem: FleetProblem, days: list[VehicleDay]) -> int:
    """Roads and vehicles."""
    total = 0
    for day in days:
        home = problem.size + int(problem.kinds.home[day.kind])
        total += int(problem.kinds.price[day.kind])
        for leg in day.legs:
            way = np.array([home, *leg.places, home])
            total += int(problem.prices[way[:-1], way[1:]].sum())
    return total


def day_of(problem: FleetProblem, kind: int, trips: list[list[int]]) -> VehicleDay | None:
    """The trips with their times: home as early as can be, leaving no earlier than that needs.

    None where a limit of the kind or of a place does not hold.
    """
    kinds = problem.kinds
    opens, closes = int(kinds.opens[kind]), int(kinds.closes[kind])
    if len(trips) > int(kinds.trips[kind]) or any(
        int(problem.places.load[trip].sum()) > int(kinds.capacity[kind]) for trip in trips
    ):
        return None
    legs = _forward(problem, kind, trips, opens)
    if legs is None or legs[-1].back > closes:
        return None
    legs = _forward(problem, kind, trips, _latest(problem, kind, legs))
    if legs is None or legs[-1].back - legs[0].begins > int(kinds.longest[kind]):
        return None
    return VehicleDay(kind, tuple(legs))


def _home(problem: FleetProblem, kind: int) -> int:
    return problem.size + int(problem.kinds.home[kind])


def _forward(
    problem: FleetProblem, kind: int, trips: list[list[int]], begins: int
) -> list[Leg] | None:
    """Everything as early as can be from `begins`; None: a window is missed."""
    home, places, times = _home(problem, kind), problem.places, problem.times
    legs: list[Leg] = []
    now = begins
    for trip in trips:
        begun = now = max(now, *(int(places.ready[place]) for place in trip))
        here, calls = home, []
        now += problem.turn
        for place in trip:
            now = max(now + int(times[here, place]), int(places.opens[place]))
            if now > int(places.closes[place]):
                return None
            calls.append(now)
            now += int(places.service[place])
            here = place
        now += int(times[here, home])
        legs.append(Leg(begun, tuple(trip), tuple(calls), now))
    return legs


def _latest(problem: FleetProblem, kind: int, legs: list[Leg]) -> int:
    """Latest beginning of the first leg that is home with the last as early as before."""
    home, places, times = _home(problem, kind), problem.places, problem.times
    now = legs[-1].back
    for leg in reversed(legs):
        after = home
        for place in reversed(leg.places):
            now -= int(times[place, after]) + int(places.service[place])
            now = min(now, int(places.closes[place]))
            after = place
        now -= int(times[home, after]) + problem.turn
    return now


def _told(
    problem: FleetProblem, able: list[int], kinds: list[int], route: pyvrp.Route
) -> VehicleDay:
    trips: list[list[int]] = [[]]
    for step in list(route)[1:-1]:
        if step.is_depot():
            trips.append([])
        else:
            trips[-1].append(able[step.idx])
    kind = kinds[route.vehicle_type()]
    day = day_of(problem, kind, [trip for trip in trips if trip])
    if day is None:  # PyVRP and we read the question alike: checked by the tests
        raise AssertionError("a sound route breaks a limit")
    return day


def fleet_data(problem: FleetProblem, able: list[int], kinds: list[int]) -> pyvrp.ProblemData:
    """The question as PyVRP takes it: homes are its first locations; only places it can serve."""
    import pyvrp

    n, places, own = problem.size, problem.places, problem.kinds
    homes = len(problem.times) - n
    order = np.array([*range(n, n + homes), *able])
    times: Any = problem.times[np.ix_(order, order)]  # PyVRP's stubs know no shapes
    prices: Any = problem.prices[np.ix_(order, order)]
    np.fill_diagonal(times, 0)
    np.fill_diagonal(prices, 0)
    return pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in order],
        clients=[
            pyvrp.Client(
                location=homes + k, delivery=[int(places.load[p])],
                service_duration=int(places.service[p]), tw_early=int(places.opens[p]),
                tw_late=int(places.closes[p]), release_time=int(places.ready[p]),
            )
            for k, p in enumerate(able)
        ],
        depots=[pyvrp.Depot(location=h, service_duration=problem.turn) for h in range(homes)],
        vehicle_types=[
            pyvrp.VehicleType(
                num_available=min(int(own.count[k]), len(able)), capacity=[int(own.capacity[k])],
                start_depot=int(own.home[k]), end_depot=int(own.home[k]),
                fixed_cost=int(own.price[k]), tw_early=int(own.opens[k]),
                tw_late=int(own.closes[k]), shift_duration=int(own.longest[k]),
                reload_depots=[int(own.home[k])] if int(own.trips[k]) > 1 else [],
                max_reloads=int(own.trips[k]) - 1,
            )
            for k in kinds
        ],
        distance_matrices=[prices],
        duration_matrices=[times],
    )  # fmt: skip
