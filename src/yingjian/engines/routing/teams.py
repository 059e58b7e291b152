"""Tours of home-visit and mobile teams: `solve(asked, params, seed, stop) → TourPlan`.

Tours are planned per base by the same code as pick-up rounds, then given to teams: longest first, each
to the first team whose day still holds it (one bin per team, so at most 11/9 of the fewest, plus one).
"""

from __future__ import annotations

import itertools

import numpy as np

from yingjian.engines.asking import Ints, Stop, never
from yingjian.engines.routing.model import (
    Breach,
    Params,
    Tour,
    TourPlan,
    Tours,
    validate_tours,
)
from yingjian.engines.routing.solve import DEFAULTS
from yingjian.engines.routing.tours import Round, plan_round


def solve(
    asked: Tours, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> TourPlan:
    """Every place in exactly one tour. Raises `RoutingError` where the question has no meaning.

    A place that no tour can serve within the limits has one of its own, and the breach is told.
    """
    validate_tours(asked)
    bases = len(asked.minutes) - len(asked.service)
    tours: list[Tour] = []
    teams = np.zeros(bases, dtype=np.int64)
    for base in range(bases):
        index = np.flatnonzero(asked.base == base)
        if len(index):
            own = _tours(asked, index, base, params, seed=seed, stop=stop)
            days = _days(asked, own)
            teams[base] = len(days)
            for team, day in enumerate(days):
                tours += _clock(asked, base, team, day)
    minutes = sum(tour.back - tour.start for tour in tours)
    cost = int(teams.sum()) * asked.prices.vehicle + minutes * asked.prices.minute
    return TourPlan(tours, teams, cost, _breaches(asked, tours, teams))


def _tours(
    asked: Tours, index: Ints, base: int, params: Params, *, seed: int, stop: Stop
) -> list[list[int]]:
    order = np.append(index, len(asked.service) + base)
    price = asked.prices.minute + asked.prices.vehicle // asked.shift + 1
    home = Round(
        minutes=asked.minutes[np.ix_(order, order)],
        service=asked.service[index],
        load=asked.samples[index],
        capacity=asked.capacity,
        age=asked.carry,
        cycle=asked.shift + asked.turn,
        turn=asked.turn,
        vehicle=0,
        minute=price,
        once=True,
    )
    tours = plan_round(home, iterations=params.iterations, seed=seed, stop=stop)
    return [[int(index[i]) for i in tour] for tour in tours]


def _length(asked: Tours, tour: list[int]) -> int:
    home = len(asked.service) + int(asked.base[tour[0]])
    way = [home, *tour, home]
    drive = sum(int(asked.minutes[a, b]) for a, b in itertools.pairwise(way))
    return drive + int(asked.service[tour].sum())


def _days(asked: Tours, tours: list[list[int]]) -> list[list[list[int]]]:
    """First fit, longest first: the tours of each team."""
    days: list[list[list[int]]] = []
    used: list[int] = []
    for length, tour in sorted(((_length(asked, t), t) for t in tours), reverse=True):
        for team, busy in enumerate(used):
            if busy + asked.turn + length <= asked.shift:
                days[team].append(tour)
                used[team] = busy + asked.turn + length
                break
        else:
            days.append([tour])
            used.append(length)
    return days


def _clock(asked: Tours, base: int, team: int, day: list[list[int]]) -> list[Tour]:
    home = len(asked.service) + base
    tours, now = [], 0
    for places in day:
        start, here, at = now, home, []
        for place in places:
            now += int(asked.minutes[here, place])
            at.append(now)
            now += int(asked.service[place])
            here = place
        now += int(asked.minutes[here, home])
        tours.append(Tour(base, team, start, tuple(places), tuple(at), now))
        now += asked.turn
    return tours


def _breaches(asked: Tours, tours: list[Tour], teams: Ints) -> list[Breach]:
    found = []
    for tour in tours:
        place = f"place:{tour.places[0]}"
        carried = int(asked.samples[list(tour.places)].sum())
        for rule, measured, limit in (
            ("carry", tour.back - tour.at[0], asked.carry),
            ("capacity", carried, asked.capacity),
            ("shift", tour.back - tour.start if tour.start == 0 else 0, asked.shift),
        ):
            if measured > limit:
                found.append(Breach(rule, place, measured, limit))
    for base, used in enumerate(teams.tolist()):
        if asked.teams is not None and used > int(asked.teams[base]):
            found.append(Breach("teams", f"base:{base}", used, int(asked.teams[base])))
    return sorted(found, key=lambda b: (b.rule, b.element))
