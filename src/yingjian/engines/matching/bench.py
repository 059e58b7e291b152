"""A laboratory's day for the loads it has: which runs begin when, and what that costs."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np

from yingjian.engines.asking import Flags, Ints
from yingjian.engines.matching.model import Problem


@dataclass
class Played:
    """Runs by step, tubes left over by load, and the cost (rides not counted)."""

    cost: int = 0
    runs: list[tuple[int, list[tuple[int, int]]]] = field(default_factory=list)
    left: dict[int, int] = field(default_factory=dict)


class Bench:
    """What stays the same while loads are tried at laboratories."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.arrival: Ints = problem.arrival()
        self.due: Ints = problem.due()
        self.begin: Flags = problem.may_begin()
        self.free: Ints = problem.free()
        self.room: Ints = problem.labs.room()
        self.length: Ints = problem.length()

    def best(self, lab: int, loads: list[int], fills: tuple[float, ...]) -> tuple[Played, float]:
        """The cheapest of the ways to fill plates; ties: the first."""
        return min(
            ((self.play(lab, loads, fill), fill) for fill in fills), key=lambda pair: pair[0].cost
        )

    def play(self, lab: int, loads: list[int], fill: float) -> Played:
        """Earliest clock first. A plate begins when full; or filled to `fill`; or when its oldest
        would otherwise be late; or when nothing more comes.
        """
        played = Played()
        arrival, due = self.arrival[:, lab], self.due
        coming = sorted(loads, key=lambda i: (-int(arrival[i]), -int(due[i]), -i))
        tubes = {i: int(self.problem.loads.tubes[i]) for i in loads}
        waiting: list[tuple[int, int]] = []
        stock = 0
        ends: list[int] = []
        starts = np.flatnonzero(self.begin[lab]).tolist()
        room, length = int(self.room[lab]), int(self.length[lab])
        for k, now in enumerate(starts):
            while coming and arrival[coming[-1]] <= now:
                i = coming.pop()
                heapq.heappush(waiting, (int(due[i]), i))
                stock += tubes[i]
            while ends and ends[0] <= now:
                heapq.heappop(ends)
            after = starts[k + 1] if k + 1 < len(starts) else self.problem.steps
            while stock and len(ends) < self.free[lab, now]:
                must = waiting[0][0] < after or not coming
                if stock < room and not must and stock < fill * room:
                    break
                plate = _plate(waiting, tubes, room)
                stock -= sum(count for _, count in plate)
                played.runs.append((now, plate))
                heapq.heappush(ends, now + length)
            if not stock and not coming:
                break
        played.left = {i: tubes[i] for i in loads if tubes[i]}
        played.cost = self._cost(lab, played)
        return played

    def _cost(self, lab: int, played: Played) -> int:
        prices, step = self.problem.prices, self.problem.step
        cost = len(played.runs) * prices.run
        for now, plate in played.runs:
            for i, count in plate:
                cost += count * step * self._minutes(lab, i, now)
        for i, count in played.left.items():
            end = self.problem.steps
            cost += count * (step * self._minutes(lab, i, end) + prices.left)
        return cost

    def _minutes(self, lab: int, i: int, now: int) -> int:
        """Price of one tube of a load begun at a step, per minute of a step."""
        prices = self.problem.prices
        late = max(0, now - int(self.due[i]))
        return prices.wait * (now - int(self.arrival[i, lab])) + prices.late * late


def _plate(
    waiting: list[tuple[int, int]], tubes: dict[int, int], room: int
) -> list[tuple[int, int]]:
    """Take the most urgent tubes for one plate."""
    plate = []
    while waiting and room:
        _, i = waiting[0]
        take = min(room, tubes[i])
        plate.append((i, take))
        tubes[i] -= take
        room -= take
        if not tubes[i]:
            heapq.heappop(waiting)
    return plate
