"""Loads that are alike, put together: a city's many thousand calls as a question the relaxed model can be asked.

The loads of a group divide themselves among laboratories alike; each still arrives and falls due when it does. They
differ in what counts there by these times only, so groups are halved along the time in which they differ most.
"""

from __future__ import annotations

import heapq

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.matching.model import Problem

FAR = 90
"""Minutes beyond the nearest laboratory: how much farther another one is, is no longer looked at."""


def group(problem: Problem, most: int) -> Ints:
    """Group of every load `(b,)`, at most `most` unless the loads' laboratories alone make more.

    Loads of one group have the same laboratories open to them, the same fixed one and the same of the plan before.
    """
    loads = problem.loads
    b = len(loads.tubes)
    keys: list[Ints] = [problem.may().astype(np.int64)]
    keys += [column[:, None] for column in (loads.fixed, loads.before) if column is not None]
    of: Ints = np.unique(np.hstack(keys), axis=0, return_inverse=True)[1].reshape(-1)
    times = _times(problem)
    heap: list[tuple[float, int, Ints, int]] = []

    def offer(name: int, members: Ints) -> None:
        spread = np.ptp(times[members], axis=0)
        along = int(spread.argmax())
        if spread[along] > 0:
            weight = float(spread[along]) * int(loads.tubes[members].sum())
            heapq.heappush(heap, (-weight, name, members, along))

    for name in range(int(of.max()) + 1):
        offer(name, np.flatnonzero(of == name))
    for name in range(int(of.max()) + 1, min(most, b)):
        if not heap:
            break
        _, old, members, along = heapq.heappop(heap)
        members = members[np.argsort(times[members, along], kind="stable")]
        half = _half(times[members, along])
        of[members[half:]] = name
        offer(old, members[:half])
        offer(name, members[half:])
    return of


def _times(problem: Problem) -> Floats:
    """What loads are compared by, in minutes `(b, 3 + k)`."""
    loads = problem.loads
    near = loads.ride.min(axis=1)
    farther = np.minimum(loads.ride - near[:, None], FAR)
    return np.column_stack([loads.ready, loads.oldest, near, farther]).astype(float)


def _half(sorted_times: Floats) -> int:
    """Where to cut: nearest the middle, never between equals."""
    cuts = np.flatnonzero(np.diff(sorted_times)) + 1
    return int(cuts[np.abs(cuts - len(sorted_times) / 2).argmin()])
