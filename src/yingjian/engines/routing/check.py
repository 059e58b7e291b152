"""The independent judge of pick-up timetables and of team tours; shares only `model` with the solvers.

Everything is told again from the trips and tours themselves: who was where when, what was carried
and how old it was. A breach the result admits is no finding; one it hides, or makes up, is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from yingjian.engines.asking import Finding
from yingjian.engines.routing.model import (
    LONGEST,
    Call,
    Problem,
    Result,
    Tour,
    TourPlan,
    Tours,
    Trip,
    validate,
    validate_tours,
)


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with `result` as an answer to `problem`; empty when nothing is."""
    validate(problem)
    found = _shape(problem, result)
    if found:
        return found
    calls: dict[tuple[int, int], list[tuple[Call, Trip]]] = defaultdict(list)
    for trip in result.trips:
        for call in trip.calls:
            calls[call.stop, call.part].append((call, trip))
    found += _calls(problem, calls)
    found += _roads(problem, result)
    found += _vehicles(problem, result)
    late, received = _receptions(problem, result)
    found += received
    return found + _told(result, late | _ages(problem, result, calls))


def _shape(problem: Problem, result: Result) -> list[Finding]:
    """Stops, laboratories and routes that exist; trips that drive their route."""
    found = []
    n, k = problem.size, len(problem.labs.opens)
    for r, route in enumerate(result.routes):
        if not 0 <= route.lab < k or not route.stops or any(not 0 <= s < n for s, _ in route.stops):
            return [Finding("unknown_stop", f"route:{r}")]
        labs = {int(problem.stops.lab[s]) for s, _ in route.stops} | {route.lab}
        if len(labs) > 1:
            found.append(Finding("wrong_laboratory", f"route:{r}"))
        area = problem.stops.area
        if area is not None and {int(area[s]) for s, _ in route.stops} != {route.area}:
            found.append(Finding("area_left", f"route:{r}"))
    for t, trip in enumerate(result.trips):
        if not 0 <= trip.route < len(result.routes):
            return [Finding("unknown_route", f"trip:{t}")]
        if tuple((c.stop, c.part) for c in trip.calls) != result.routes[trip.route].stops:
            return [Finding("route_changes", f"trip:{t}")]
    called = {c.stop for trip in result.trips for c in trip.calls}
    return found + [Finding("not_collected", f"stop:{s}") for s in range(n) if s not in called]


def _calls(
    problem: Problem, calls: dict[tuple[int, int], list[tuple[Call, Trip]]]
) -> list[Finding]:
    """No gap above the interval, a call after closing, every tube carried once."""
    found = []
    carried: dict[int, int] = defaultdict(int)
    for (s, part), own in sorted(calls.items()):
        opens, closes = int(problem.stops.opens[s]), int(problem.stops.closes[s])
        times = sorted(call.at for call, _ in own)
        marks = [opens, *(at for at in times if at > opens)]
        worst = max((b - a for a, b in pairwise(marks)), default=0)
        if worst > problem.rules.every:
            found.append(Finding("pick_up_gap", f"stop:{s}:{part}", worst, problem.rules.every))
        if times[-1] < closes:
            found.append(Finding("not_collected", f"stop:{s}:{part}", times[-1], closes))
        carried[s] += sum(call.tubes for call, _ in own)
        if any(call.tubes < 0 or (call.tubes and call.at <= opens) for call, _ in own):
            found.append(Finding("tubes_before_time", f"stop:{s}:{part}"))
    for s in range(problem.size):
        if carried[s] != int(problem.stops.tubes[s]):
            wanted = int(problem.stops.tubes[s])
            found.append(Finding("tubes", f"stop:{s}", carried[s], wanted))
    return found


def _roads(problem: Problem, result: Result) -> list[Finding]:
    """No faster than the road, no fuller than the vehicle."""
    found = []
    parts = Counter(s for s, _ in {call for route in result.routes for call in route.stops})
    for t, trip in enumerate(result.trips):
        lab = problem.size + result.routes[trip.route].lab
        where = [lab, *(call.stop for call in trip.calls), lab]
        when = [trip.leaves, *(call.at for call in trip.calls), trip.arrives]
        for k, ((a, b), (i, j)) in enumerate(zip(pairwise(where), pairwise(when), strict=True)):
            need = int(problem.minutes[a, b]) + (problem.service if k else 0)
            if j - i < need:
                found.append(Finding("too_fast", f"trip:{t}", j - i, need))
        held = sum(_boxes(problem, call, parts[call.stop]) for call in trip.calls)
        if held > problem.rules.capacity:
            found.append(Finding("vehicle_full", f"trip:{t}", held, problem.rules.capacity))
    return found


def _boxes(problem: Problem, call: Call, parts: int) -> int:
    """Boxes of a call when each lane packs its own, and the lanes are shared by the parts."""
    lanes = 1 if problem.stops.lanes is None else int(problem.stops.lanes[call.stop])
    lanes = -(-lanes // parts)
    return lanes * -(-call.tubes // (lanes * problem.rules.box))


def _vehicles(problem: Problem, result: Result) -> list[Finding]:
    """One place at a time, unloading between trips; one route where routes are fixed; the sums."""
    found = []
    of: dict[int, list[Trip]] = defaultdict(list)
    for trip in result.trips:
        of[trip.vehicle].append(trip)
    drivers = 0
    for vehicle, trips in sorted(of.items()):
        trips.sort(key=lambda trip: trip.leaves)
        drivers += len({trip.driver for trip in trips})
        for a, b in pairwise(trips):
            if b.leaves < a.arrives + problem.unload:
                found.append(
                    Finding(
                        "vehicle_twice", f"vehicle:{vehicle}", b.leaves, a.arrives + problem.unload
                    )
                )
            if b.driver < a.driver:
                found.append(Finding("driver_returns", f"vehicle:{vehicle}"))
        routes = {trip.route for trip in trips}
        areas = {(result.routes[r].lab, result.routes[r].area) for r in routes}
        if len(areas) > 1 or (problem.rules.fixed_route and len(routes) > 1):
            found.append(Finding("not_dedicated", f"vehicle:{vehicle}", len(routes), 1))
    minutes = sum(trip.arrives - trip.leaves for trip in result.trips)
    cost = len(of) * problem.prices.vehicle + minutes * problem.prices.minute
    for code, told, true in (
        ("vehicle_sum", result.vehicles, len(of)),
        ("driver_sum", result.drivers, drivers),
        ("cost", result.cost, cost),
    ):
        if told != true:
            found.append(Finding(code, "plan", told, true))
    return found


def _receptions(
    problem: Problem, result: Result
) -> tuple[dict[tuple[str, str], int], list[Finding]]:
    """What is received no faster than the reception works; (closing times overrun, findings)."""
    over: dict[tuple[str, str], int] = {}
    found = []
    by_lab: dict[int, list[Trip]] = defaultdict(list)
    for trip in result.trips:
        if trip.received < trip.arrives:
            found.append(Finding("reception", f"route:{trip.route}", trip.received, trip.arrives))
        if trip.tubes:
            by_lab[result.routes[trip.route].lab].append(trip)
    for lab, trips in sorted(by_lab.items()):
        rate = int(problem.labs.tubes_per_hour[lab])
        free = int(problem.labs.opens[lab])
        for trip in sorted(trips, key=lambda trip: trip.received):
            need = 0 if rate >= LONGEST else -(-trip.tubes * 60 // rate)
            if rate < LONGEST and trip.received - max(free, trip.arrives) < need:
                had = trip.received - max(free, trip.arrives)
                found.append(Finding("reception", f"lab:{lab}", had, need))
            free = max(free, trip.received)
            closes = int(problem.labs.closes[lab])
            if trip.received > closes:
                key = ("laboratory_closed", f"lab:{lab}")
                over[key] = max(over.get(key, 0), trip.received)
    return over, found


def _ages(
    problem: Problem, result: Result, calls: dict[tuple[int, int], list[tuple[Call, Trip]]]
) -> dict[tuple[str, str], int]:
    """The oldest sample of every route against the delivery limit, and drivers' shifts."""
    over: dict[tuple[str, str], int] = {}

    def worst(rule: str, element: str, value: int, limit: int | None) -> None:
        if limit is not None and value > limit:
            over[rule, element] = max(over.get((rule, element), 0), value)

    for (s, _), own in calls.items():
        opens = int(problem.stops.opens[s])
        since = opens
        for call, trip in sorted(own, key=lambda pair: pair[0].at):
            if call.tubes:
                age = trip.received - max(opens, since - problem.fill)
                worst("sample_age", f"route:{trip.route}", age, problem.rules.deliver)
            since = max(since, call.at)
    shifts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for trip in result.trips:
        shifts[trip.vehicle, trip.driver] += [trip.leaves, trip.arrives]
    for (vehicle, _), marks in shifts.items():
        length = max(marks) - min(marks)
        worst("driver_shift", f"vehicle:{vehicle}", length, problem.rules.driver_shift)
    used = len({trip.vehicle for trip in result.trips})
    worst("vehicles", "plan", used, problem.rules.vehicles)
    return over


def _told(result: Result, over: dict[tuple[str, str], int]) -> list[Finding]:
    """Breaches told and breaches true are the same."""
    told = {(b.rule, b.element): b.measured for b in result.breaches}
    found = [
        Finding(rule, element, value)
        for (rule, element), value in sorted(over.items())
        if told.get((rule, element)) != value
    ]
    return found + [
        Finding("false_breach", element, value)
        for (rule, element), value in sorted(told.items())
        if (rule, element) not in over
    ]


# --- tours of teams ------------------------------------------------------------------------------


def check_tours(asked: Tours, plan: TourPlan) -> list[Finding]:
    """Everything wrong with `plan` as an answer to `asked`; empty when nothing is."""
    validate_tours(asked)
    n = len(asked.service)
    served: dict[int, int] = defaultdict(int)
    of_team: dict[tuple[int, int], list[Tour]] = defaultdict(list)
    for t, tour in enumerate(plan.tours):
        if not tour.places or len(tour.places) != len(tour.at):
            return [Finding("empty_tour", f"tour:{t}")]
        if any(not 0 <= p < n for p in tour.places) or not 0 <= tour.base < len(asked.minutes) - n:
            return [Finding("unknown_stop", f"tour:{t}")]
        for p in tour.places:
            served[p] += 1
        of_team[tour.base, tour.team].append(tour)
    found = [Finding("served", f"place:{p}", served[p], 1) for p in range(n) if served[p] != 1]
    over: dict[tuple[str, str], int] = {}
    for t, tour in enumerate(plan.tours):
        found += _tour_roads(asked, tour, t)
        place = f"place:{tour.places[0]}"
        _over(over, "carry", place, tour.back - tour.at[0], asked.carry)
        carried = int(asked.samples[list(tour.places)].sum())
        _over(over, "capacity", place, carried, asked.capacity)
    for (base, team), tours in of_team.items():
        tours.sort(key=lambda tour: tour.start)
        for a, b in pairwise(tours):
            if b.start < a.back + asked.turn:
                found.append(Finding("team_twice", f"team:{base}:{team}", b.start, a.back))
        length = tours[-1].back - tours[0].start
        _over(over, "shift", f"place:{tours[0].places[0]}", length, asked.shift)
    found += _tour_sums(asked, plan, of_team, over)
    told = {(b.rule, b.element): b.measured for b in plan.breaches}
    found += [Finding(r, e, v) for (r, e), v in sorted(over.items()) if told.get((r, e)) != v]
    found += [Finding("false_breach", e, v) for (r, e), v in told.items() if (r, e) not in over]
    return found


def _over(
    over: dict[tuple[str, str], int], rule: str, element: str, value: int, limit: int
) -> None:
    if value > limit:
        over[rule, element] = max(over.get((rule, element), 0), value)


def _tour_roads(asked: Tours, tour: Tour, t: int) -> list[Finding]:
    found = []
    home = len(asked.service) + tour.base
    if any(int(asked.base[p]) != tour.base for p in tour.places):
        found.append(Finding("wrong_base", f"tour:{t}"))
    where = [home, *tour.places, home]
    when = [tour.start, *tour.at, tour.back]
    for k, ((a, b), (i, j)) in enumerate(zip(pairwise(where), pairwise(when), strict=True)):
        need = int(asked.minutes[a, b]) + (int(asked.service[a]) if k else 0)
        if j - i < need:
            found.append(Finding("too_fast", f"tour:{t}", j - i, need))
    return found


def _tour_sums(
    asked: Tours, plan: TourPlan, of_team: dict[tuple[int, int], list[Tour]],
    over: dict[tuple[str, str], int],
) -> list[Finding]:  # fmt: skip
    found = []
    for base in range(len(asked.minutes) - len(asked.service)):
        used = len({team for b, team in of_team if b == base})
        if int(plan.teams[base]) != used:
            found.append(Finding("team_sum", f"base:{base}", int(plan.teams[base]), used))
        if asked.teams is not None:
            _over(over, "teams", f"base:{base}", used, int(asked.teams[base]))
    minutes = sum(tour.back - tour.start for tour in plan.tours)
    cost = len(of_team) * asked.prices.vehicle + minutes * asked.prices.minute
    if plan.cost != cost:
        found.append(Finding("cost", "plan", plan.cost, cost))
    return found
