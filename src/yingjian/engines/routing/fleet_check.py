"""The independent judge of a fleet's days; shares only `fleet_model` with the solver.

Every clock is told again from the legs themselves, in whole numbers.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from yingjian.engines.asking import Finding
from yingjian.engines.routing.fleet_model import (
    FleetProblem,
    FleetResult,
    Leg,
    VehicleDay,
    validate_fleet,
)


def check_fleet(problem: FleetProblem, result: FleetResult) -> list[Finding]:
    """Everything wrong with `result` as an answer to `problem`; empty when nothing is."""
    validate_fleet(problem)
    found = _shape(problem, result)
    if found:
        return found
    for d, day in enumerate(result.days):
        found += _day(problem, day, f"day:{d}")
        for i, leg in enumerate(day.legs):
            found += _leg(problem, day.kind, leg, f"day:{d}:{i}")
    return found + _sums(problem, result)


def _shape(problem: FleetProblem, result: FleetResult) -> list[Finding]:
    for d, day in enumerate(result.days):
        if not 0 <= day.kind < len(problem.kinds.home):
            return [Finding("unknown_kind", f"day:{d}", day.kind)]
        if not day.legs:
            return [Finding("empty_day", f"day:{d}")]
        for leg in day.legs:
            if not leg.places or len(leg.places) != len(leg.at):
                return [Finding("empty_tour", f"day:{d}")]
            if any(not 0 <= place < problem.size for place in leg.places):
                return [Finding("unknown_stop", f"day:{d}")]
    if any(not 0 <= place < problem.size for place in result.left):
        return [Finding("unknown_stop", "left")]
    return []


def _day(problem: FleetProblem, day: VehicleDay, name: str) -> list[Finding]:
    """Opening hours, trips one after the other, how many and how long in all."""
    kinds, k = problem.kinds, day.kind
    found = []
    first, last = day.legs[0].begins, day.legs[-1].back
    if first < int(kinds.opens[k]):
        found.append(Finding("before_opening", name, first, int(kinds.opens[k])))
    if last > int(kinds.closes[k]):
        found.append(Finding("after_closing", name, last, int(kinds.closes[k])))
    if last - first > int(kinds.longest[k]):
        found.append(Finding("too_long", name, last - first, int(kinds.longest[k])))
    if len(day.legs) > int(kinds.trips[k]):
        found.append(Finding("too_many_trips", name, len(day.legs), int(kinds.trips[k])))
    for a, b in pairwise(day.legs):
        if b.begins < a.back:
            found.append(Finding("vehicle_twice", name, b.begins, a.back))
    return found


def _leg(problem: FleetProblem, kind: int, leg: Leg, name: str) -> list[Finding]:
    """Load, goods ready, windows, and no faster than the road."""
    places, found = problem.places, []
    carried = sum(int(places.load[place]) for place in leg.places)
    if carried > int(problem.kinds.capacity[kind]):
        room = int(problem.kinds.capacity[kind])
        found.append(Finding("vehicle_full", name, carried, room))
    ready = max(int(places.ready[place]) for place in leg.places)
    if leg.begins < ready:
        found.append(Finding("not_ready", name, leg.begins, ready))
    home = problem.size + int(problem.kinds.home[kind])
    where = [home, *leg.places, home]
    free = leg.begins + problem.turn
    for (a, b), at in zip(pairwise(where), [*leg.at, leg.back], strict=True):
        need = free + int(problem.times[a, b])
        if at < need:
            found.append(Finding("too_fast", name, at, need))
        if b == home:
            break
        if at < int(places.opens[b]):
            found.append(Finding("before_window", f"place:{b}", at, int(places.opens[b])))
        if at > int(places.closes[b]):
            found.append(Finding("after_window", f"place:{b}", at, int(places.closes[b])))
        free = at + int(places.service[b])
    return found


def _sums(problem: FleetProblem, result: FleetResult) -> list[Finding]:
    """Each place once, vehicles there are, the price, and what is left told as it is."""
    found: list[Finding] = []
    calls = Counter(p for day in result.days for leg in day.legs for p in leg.places)
    calls.update(result.left)
    wrong = [place for place in range(problem.size) if calls[place] != 1]
    found += [Finding("served", f"place:{place}", calls[place], 1) for place in wrong]
    used = Counter(day.kind for day in result.days)
    for kind, count in sorted(used.items()):
        if count > int(problem.kinds.count[kind]):
            there = int(problem.kinds.count[kind])
            found.append(Finding("vehicles", f"kind:{kind}", count, there))
    cost = sum(int(problem.kinds.price[day.kind]) for day in result.days)
    for day in result.days:
        home = problem.size + int(problem.kinds.home[day.kind])
        for leg in day.legs:
            way = [home, *leg.places, home]
            cost += sum(int(problem.prices[a, b]) for a, b in pairwise(way))
    if cost != result.cost:
        found.append(Finding("cost", "plan", result.cost, cost))
    told = sorted(b.element for b in result.breaches if b.rule == "not_served")
    if told != sorted(f"place:{place}" for place in result.left):
        found.append(Finding("not_served", "plan", len(told), len(result.left)))
    return found
