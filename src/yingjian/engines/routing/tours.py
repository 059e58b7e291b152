"""One round of tours from one base: own construction (savings), then `search` from there.

A tour leaves the base, serves its places in order and comes back. Two limits bind it: `age` from the
beginning of its first place to the return (the oldest sample), and `cycle`, the time until the same
vehicle can go again. A tour longer than `cycle` takes as many vehicles in turn as it is too long.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yingjian.engines.asking import Ints, Stop
from yingjian.engines.routing.fleet_model import FleetParams
from yingjian.engines.routing.model import LONGEST

if TYPE_CHECKING:
    import pyvrp

LEG = 250
"""Steps between two recombinations: a plan's rounds are given few steps."""


@dataclass(frozen=True)
class Round:
    """`n` places and their base, which is the last row of `minutes` `(n + 1, n + 1)`."""

    minutes: Ints
    service: Ints
    load: Ints
    capacity: int
    age: int
    cycle: int
    turn: int
    """Minutes at the base before the vehicle may leave again."""
    vehicle: int
    """Price of a vehicle for the round."""
    minute: int
    once: bool = False
    """No taking turns: a tour must end within `cycle`."""

    @property
    def base(self) -> int:
        """Index of the base."""
        return len(self.service)

    def age_of(self, tour: list[int]) -> int:
        """Minutes from beginning the first place to the base."""
        inner = sum(int(self.minutes[a, b]) for a, b in itertools.pairwise(tour))
        return inner + int(self.service[tour].sum() + self.minutes[tour[-1], self.base])

    def cycle_of(self, tour: list[int]) -> int:
        """Minutes until the vehicle may leave for the next round."""
        return int(self.minutes[self.base, tour[0]]) + self.age_of(tour) + self.turn

    def vehicles(self, cycle: int) -> int:
        """Vehicles that must take turns on a tour."""
        return -(-cycle // self.cycle)

    def cost(self, tour: list[int]) -> int:
        """Price of a tour per round."""
        cycle = self.cycle_of(tour)
        return self.vehicles(cycle) * self.vehicle + cycle * self.minute

    def no_longer(self, joined: list[int], left: list[int], right: list[int]) -> bool:
        """Whether the joined tour needs no more vehicles in turn than its halves."""
        one, two, both = (self.vehicles(self.cycle_of(tour)) for tour in (left, right, joined))
        return both <= max(one, two)

    def total(self, tours: list[list[int]]) -> int:
        """Price of all."""
        return sum(self.cost(tour) for tour in tours)

    def allows(self, tour: list[int]) -> bool:
        """Whether a tour of several places keeps its limits."""
        return (
            self.age_of(tour) <= self.age
            and int(self.load[tour].sum()) <= self.capacity
            and not (self.once and self.cycle_of(tour) > self.cycle)
        )


def plan_round(
    asked: Round, *, iterations: int, seed: int, stop: Stop, given: list[list[int]] | None = None
) -> list[list[int]]:
    """Tours serving every place once. A place that breaks a limit even alone has a tour of its own.

    `given`: tours known already (of some places, each at most once), to be as good as where they keep
    the limits.
    """
    alone = [i for i in range(asked.base) if not asked.allows([i])]
    able = [i for i in range(asked.base) if asked.allows([i])]
    begun = [_savings(asked, able, longer=longer) for longer in (False, True)]
    if given:
        begun.append(_completed(asked, able, given))
    tours = min(begun, key=asked.total)
    if len(able) > 1 and iterations and not stop():
        better = _improve(asked, tours, able, iterations=iterations, seed=seed, stop=stop)
        if asked.total(better) < asked.total(tours):
            tours = better
    return sorted([*tours, *([i] for i in alone)])


def _completed(asked: Round, able: list[int], given: list[list[int]]) -> list[list[int]]:
    """The given tours, cut where they break a limit, and every other place alone."""
    left = dict.fromkeys(able)
    kept: list[list[int]] = []
    for tour in given:
        part: list[int] = []
        for place in reversed(tour):  # from the base outwards: what is cut off is farther away
            if place not in left:
                continue
            del left[place]
            longer = [place, *part]
            if part and not asked.allows(longer):
                kept.append(part)
                longer = [place]
            part = longer
        if part:
            kept.append(part)
    return [*kept, *([place] for place in left)]


def _savings(asked: Round, able: list[int], *, longer: bool) -> list[list[int]]:
    """Clarke and Wright: join the ends that save most while the joined tour is allowed and cheaper.

    `longer`: also where the joined tour takes more vehicles in turn than either did.
    """
    base, minutes = asked.base, asked.minutes
    tour_of = {i: [i] for i in able}
    if len(able) < 2:  # noqa: PLR2004
        return list(tour_of.values())
    index = np.array(able)
    saved = minutes[index, base][:, None] + minutes[base, index][None, :]
    saved = saved - minutes[np.ix_(index, index)]
    np.fill_diagonal(saved, -LONGEST)
    order = np.argsort(-saved, axis=None, kind="stable")
    width = len(able)
    for flat in order.tolist():
        i, j = able[flat // width], able[flat % width]
        if saved.flat[flat] <= 0 and asked.vehicle == 0:
            break
        left, right = tour_of[i], tour_of[j]
        if left is right or left[-1] != i or right[0] != j:
            continue
        joined = left + right
        if not asked.allows(joined) or not (longer or asked.no_longer(joined, left, right)):
            continue
        if asked.cost(joined) <= asked.cost(left) + asked.cost(right):
            for place in joined:
                tour_of[place] = joined
    return list({id(tour): tour for tour in tour_of.values()}.values())


def _improve(
    asked: Round, tours: list[list[int]], able: list[int], *, iterations: int, seed: int, stop: Stop
) -> list[list[int]]:
    """The common search (`search`) from `tours`; the best sound set of tours found.

    The age is put into PyVRP's distance (the way out counts nothing) and the cycle into its
    duration, so both limits hold at once.
    """
    import pyvrp

    turns = max(asked.vehicles(asked.cycle_of(tour)) for tour in [*tours, *([i] for i in able)])
    data = _data(asked, able, turns)
    place = {i: k for k, i in enumerate(able)}
    visits = [[pyvrp.Activity(pyvrp.ActivityType.CLIENT, place[i]) for i in tour] for tour in tours]
    begun = pyvrp.Solution(
        data,
        [
            pyvrp.Route(data, calls, asked.vehicles(asked.cycle_of(tour)) - 1)
            for calls, tour in zip(visits, tours, strict=True)
        ],
    )
    params = FleetParams(iterations=iterations, leg=LEG, patience=500)
    from yingjian.engines.routing.search import Search  # HiGHS: only who plans

    best = Search(data, params, seed, stop, begun).run()
    if not best.is_feasible():
        return tours
    better = [
        [able[step.idx] for step in route.schedule() if step.type == pyvrp.ActivityType.CLIENT]
        for route in best.routes()
    ]
    return better if all(asked.allows(tour) for tour in better) else tours


def _data(asked: Round, able: list[int], most: int) -> pyvrp.ProblemData:
    """The round as PyVRP takes it: the base is its first place, one vehicle type per number in turn."""
    import pyvrp

    order = np.array([asked.base, *able])
    drive = asked.minutes[np.ix_(order, order)]
    service = np.append(0, asked.service[able])
    age = drive + service[:, None]
    age[0, :] = 0
    np.fill_diagonal(age, 0)
    np.fill_diagonal(drive, 0)
    count = len(able)
    return pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in order],
        clients=[
            pyvrp.Client(
                location=k + 1, pickup=[int(asked.load[i])], service_duration=int(asked.service[i])
            )
            for k, i in enumerate(able)
        ],
        depots=[pyvrp.Depot(location=0, service_duration=asked.turn)],
        vehicle_types=[
            pyvrp.VehicleType(
                num_available=count,
                capacity=[asked.capacity],
                fixed_cost=turns * asked.vehicle,
                shift_duration=turns * asked.cycle,
                max_distance=asked.age,
                unit_distance_cost=0,
                unit_duration_cost=asked.minute,
            )
            for turns in range(1, most + 1)
        ],
        distance_matrices=[age],
        duration_matrices=[drive],
    )
