"""The matching with loads and runs in fractions: a bound, a guide for rounding, and shadow prices.

Very many loads are put into groups. Prices found for groups are prices for single loads too: every load at the
laboratory that is cheapest for it by them gives a bound of the whole question, not of the grouped one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.linear import INFINITE, Model
from yingjian.engines.matching.groups import group
from yingjian.engines.matching.model import FREE, Problem

HOUR = 60
WHOLE = 1 - 1e-6
"""Share from which a load is not divided."""


@dataclass(frozen=True)
class Relaxed:
    """Share of each load at each laboratory `(b, k)`, the bound, and what capacity is worth."""

    share: Floats
    bound: float
    worth: Floats
    capacity_dual: Floats
    """`(k, steps)`: change of the bound per further instrument in one step."""
    arrives_dual: Floats
    due_dual: Floats
    """`(k, steps)`: what one more tube that arrives, or falls due, in a step costs."""


def ways_cost(problem: Problem) -> Ints:
    """Price of riding and of changing the plan, whole load, `(b, k)`."""
    loads, prices = problem.loads, problem.prices
    cost = loads.tubes[:, None] * loads.ride * prices.ride
    if loads.before is not None:
        other = np.arange(loads.ride.shape[1])[None, :] != loads.before[:, None]
        planned = (loads.before != FREE)[:, None]
        cost = cost + loads.tubes[:, None] * prices.change * (other & planned)
    return np.asarray(cost, dtype=np.int64)


def relax(problem: Problem, *, most: int | None = None) -> Relaxed:
    """Solve it; more than `most` loads by groups that divide themselves alike (None: never)."""
    b = len(problem.loads.tubes)
    if most is None or b <= most:
        return _solved(problem, np.arange(b))
    of = group(problem, most)
    found = _solved(problem, of)
    price = _prices(problem, found)
    bound = float(price.min(axis=1).sum() + (found.capacity_dual * problem.free()).sum())
    return replace(found, share=_opened(problem, of, price, found.share), bound=bound)


def _opened(problem: Problem, of: Ints, price: Floats, share: Floats) -> Floats:
    """A laboratory for each load: of a group's loads as many tubes to each as the group sent."""
    tubes = problem.loads.tubes
    opened = np.zeros(share.shape)
    opened[np.arange(len(of)), share.argmax(axis=1)] = 1.0
    divided = share.max(axis=1) < WHOLE
    for name in np.unique(of[divided]):
        here = np.flatnonzero(of == name)
        opened[here] = 0.0
        opened[here, _shared(price[here], tubes[here], tubes[here] @ share[here])] = 1.0
    return opened


def _prices(problem: Problem, found: Relaxed) -> Floats:
    """Price of each load at each laboratory, its way and what its tubes cost there, `(b, k)`."""
    price = ways_cost(problem).astype(float)
    k, steps = found.arrives_dual.shape
    labs = np.broadcast_to(np.arange(k), price.shape)
    due = np.broadcast_to(problem.due()[:, None], price.shape)
    for dual, when in ((found.arrives_dual, problem.arrival()), (found.due_dual, due)):
        at = dual[labs, np.minimum(when, steps - 1)]
        price += problem.loads.tubes[:, None] * np.where(when < steps, at, 0.0)
    return np.where(problem.may(), price, np.inf)


def _shared(price: Floats, tubes: Ints, wanted: Floats) -> Ints:
    """A laboratory for each load, so many tubes to each as `wanted`: who would lose most chooses first."""
    left = wanted.copy()
    lab = np.zeros(len(tubes), dtype=np.int64)
    two = np.partition(np.column_stack([price, np.full(len(tubes), np.inf)]), 1, axis=1)[:, :2]
    for i in np.argsort(two[:, 0] - two[:, 1], kind="stable").tolist():
        able = np.isfinite(price[i]) & (left * 2 >= tubes[i])
        at = np.where(able, price[i], np.inf) if able.any() else price[i]
        lab[i] = at.argmin()
        left[lab[i]] -= tubes[i]
    return lab


def _solved(problem: Problem, of: Ints) -> Relaxed:
    """The model itself, one division for each group `of` loads.

    Variables: shares, tubes begun, runs, tubes waiting, tubes overdue, per step.
    """
    loads, prices, step = problem.loads, problem.prices, problem.step
    k, steps, groups = len(problem.labs.instruments), problem.steps, int(of.max()) + 1
    model = Model()
    arrival, due = problem.arrival(), problem.due()
    row, lab = np.nonzero(problem.may())
    pairs, pair = np.unique(of[row] * k + lab, return_inverse=True)
    ways = np.bincount(pair, weights=ways_cost(problem)[row, lab])
    share = model.add_columns(len(pairs), cost=ways)
    one = model.add_rows(groups, low=1.0, high=1.0)
    model.put(one[pairs // k], share, 1.0)
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
    arrives = model.add_rows(size, low=0.0, high=0.0).reshape(grid)
    falls_due = model.add_rows(size, low=0.0, high=0.0).reshape(grid)
    for balance, store, when in (
        (arrives, waiting, arrival[row, lab]),
        (falls_due, behind, due[row]),
    ):  # store[t] = store[t-1] + what comes - begun
        model.put(balance, store, 1.0)
        model.put(balance[:, 1:], store[:, :-1], -1.0)
        model.put(balance, begun, 1.0)
        within = when < steps
        at = balance[lab[within], when[within]]
        both, index = np.unique(at * len(pairs) + pair[within], return_inverse=True)
        come = np.bincount(index, weights=loads.tubes[row[within]])
        model.put(both // len(pairs), share[both % len(pairs)], -come)
    late = model.add_rows(size, low=0.0).reshape(grid)  # overdue >= behind
    model.put(late, overdue, 1.0)
    model.put(late, behind, -1.0)
    limits = model.add_rows(size, high=problem.free().reshape(-1).astype(float)).reshape(grid)
    length = problem.length()
    for j in range(k):
        for back in range(min(int(length[j]), steps)):
            model.put(limits[j, back:], run[j, : steps - back], 1.0)
    answer = model.solve()
    shares = np.zeros(problem.loads.ride.shape)
    shares[row, lab] = answer.x[share][pair]
    dual = np.minimum(answer.dual[limits.reshape(-1)].reshape(grid), 0.0)
    return Relaxed(
        shares,
        answer.value,
        _worth(problem, dual),
        dual,
        answer.dual[arrives],
        answer.dual[falls_due],
    )


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
