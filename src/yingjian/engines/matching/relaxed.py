"""The matching with loads and runs in fractions: a bound, a guide for rounding, and shadow prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.linear import INFINITE, Model
from yingjian.engines.matching.model import FREE, Problem

HOUR = 60


@dataclass(frozen=True)
class Relaxed:
    """Share of each load at each laboratory `(b, k)`, the bound, and what capacity is worth."""

    share: Floats
    bound: float
    worth: Floats
    capacity_dual: Floats
    """`(k, steps)`: change of the bound per further instrument in one step."""


def ways_cost(problem: Problem) -> Ints:
    """Price of riding and of changing the plan, whole load, `(b, k)`."""
    loads, prices = problem.loads, problem.prices
    cost = loads.tubes[:, None] * loads.ride * prices.ride
    if loads.before is not None:
        other = np.arange(loads.ride.shape[1])[None, :] != loads.before[:, None]
        planned = (loads.before != FREE)[:, None]
        cost = cost + loads.tubes[:, None] * prices.change * (other & planned)
    return np.asarray(cost, dtype=np.int64)


def relax(problem: Problem) -> Relaxed:
    """Solve it. Variables: shares, tubes begun, runs, tubes waiting, tubes overdue, per step."""
    loads, prices, step = problem.loads, problem.prices, problem.step
    b, k, steps = len(loads.tubes), len(problem.labs.instruments), problem.steps
    model = Model()
    arrival, due = problem.arrival(), problem.due()
    row, lab = np.nonzero(problem.may())
    share = model.add_columns(len(row), cost=ways_cost(problem)[row, lab].astype(float))
    one = model.add_rows(b, low=1.0, high=1.0)
    model.put(one[row], share, 1.0)
    grid = (k, steps)
    size = k * steps
    begun = model.add_columns(size).reshape(grid)
    # Instruments limit runs in rows only: a bound on the columns too would take part of their price.
    able = np.where(problem.may_begin(), INFINITE, 0.0)
    run = model.add_columns(size, cost=float(prices.run), high=able.reshape(-1)).reshape(grid)
    waits = np.full(grid, float(prices.wait * step))
    waits[:, -1] += prices.left
    waiting = model.add_columns(size, cost=waits.reshape(-1)).reshape(grid)
    behind = model.add_columns(size, low=-INFINITE).reshape(grid)
    overdue = model.add_columns(size, cost=float(prices.late * step)).reshape(grid)
    room = problem.labs.room()
    full = model.add_rows(size, high=0.0).reshape(grid)  # begun <= room * runs
    model.put(full, begun, 1.0)
    model.put(full, run, -np.repeat(room[:, None], steps, axis=1).astype(float))
    for balance, store, when in (
        (model.add_rows(size, low=0.0, high=0.0).reshape(grid), waiting, arrival[row, lab]),
        (model.add_rows(size, low=0.0, high=0.0).reshape(grid), behind, due[row]),
    ):  # store[t] = store[t-1] + what comes - begun
        model.put(balance, store, 1.0)
        model.put(balance[:, 1:], store[:, :-1], -1.0)
        model.put(balance, begun, 1.0)
        within = when < steps
        at = balance[lab[within], when[within]]
        model.put(at, share[within], -loads.tubes[row[within]].astype(float))
    late = model.add_rows(size, low=0.0).reshape(grid)  # overdue >= behind
    model.put(late, overdue, 1.0)
    model.put(late, behind, -1.0)
    limits = model.add_rows(size, high=problem.free().reshape(-1).astype(float)).reshape(grid)
    length = problem.length()
    for j in range(k):
        for back in range(min(int(length[j]), steps)):
            model.put(limits[j, back:], run[j, : steps - back], 1.0)
    answer = model.solve()
    shares = np.zeros((b, k))
    shares[row, lab] = answer.x[share]
    dual = np.minimum(answer.dual[limits.reshape(-1)].reshape(grid), 0.0)
    return Relaxed(shares, answer.value, _worth(problem, dual), dual)


def _worth(problem: Problem, dual: Floats) -> Floats:
    """By hour: an instrument for the hour tests room x hour / run tubes; the price of one of them."""
    per_hour = max(1, HOUR // problem.step)
    hours = -(-dual.shape[1] // per_hour)
    padded = np.zeros((dual.shape[0], hours * per_hour))
    padded[:, : dual.shape[1]] = -dual
    by_hour = padded.reshape(dual.shape[0], hours, per_hour).sum(axis=2)
    tubes = problem.labs.room() * HOUR / (problem.length() * problem.step)
    worth: Floats = by_hour / tubes[:, None]
    return worth
