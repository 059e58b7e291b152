"""The independent judge of slots; shares only `model` with the solver, counts again and holds every stated wait against
the inequality in `model`: the chance of a longer one, bound by bound, with the error function itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import Finding, Floats, Ints
from yingjian.engines.slots.model import (
    PARTS,
    Breach,
    Habits,
    Problem,
    Result,
    Rules,
    Slots,
    arrived,
    bounds,
    sessions,
    staffed,
    validate,
)

_BEYOND = np.frompyfunc(lambda z: 0.5 * math.erfc(z / math.sqrt(2)), 1, 1)
NEAR = 0.05
"""Minutes, and twentieths of a wait, within which two ways to reckon it agree."""
POINTS = 30


@dataclass(frozen=True)
class Queue:
    """A session's queue as the habits make it: windows that end at each bound from the opening on."""

    at: Floats
    moments: Floats
    work: Floats
    windows: list[tuple[Floats, Floats, Floats]]
    """By bound: lane-minutes at the begin of each window, the work that comes in it, its deviation."""

    def chance(self, bound: int, waits: Floats) -> Floats:
        """The chances that somebody who comes at a bound waits longer than each of `waits`, at most."""
        begun, mean, sd = self.windows[bound]
        able = np.interp(self.at[bound] + waits, self.moments, self.work)[:, None] - begun
        found: Floats = _BEYOND((able - mean) / np.maximum(sd, 1e-9)).astype(float).sum(axis=1)
        return found


def queue_of(habits: Habits, rules: Rules, hours: Slots, sizes: list[Ints]) -> Queue:
    """The queue of one session, `hours`, when households of these `sizes` are called to its slots."""
    start, end, lanes = hours.start, hours.end, hours.lanes
    come, at = arrived(habits, start, end), bounds(start, end)
    moments, work = staffed(start, end, lanes)
    people = np.array([own.sum() for own in sizes], dtype=float)
    squares = np.array([(own**2).sum() for own in sizes], dtype=float)
    house = max(0.0, squares.sum() / max(1.0, people.sum()) - 1) / 2 * rules.service
    busy = (int(lanes.max()) - 1) * rules.service
    windows = []
    for u in range(len(at)):
        chance = come[:, u + 1 : u + 2] - come[:, : u + 1]
        begins = np.concatenate((at[:1], at[:u]))
        rest = np.full(u + 1, busy)
        rest[0] = 0.0
        if u:
            parts = np.array(PARTS)
            chance = np.concatenate((chance, chance[:, -1:] * parts), axis=1)
            begins = np.concatenate((begins, at[u] - parts * (at[u] - at[u - 1])))
            rest = np.concatenate((rest, np.full(len(parts), busy)))
        varied = squares @ (chance * (1 - chance)) + habits.spread**2 * (people @ chance)
        windows.append(
            (
                np.interp(begins, moments, work),
                rules.service * (people @ chance) + house + rest,
                rules.service * np.sqrt(np.maximum(varied, 0.0)),
            )
        )
    return Queue(at, moments, work, windows)


def misstated(queue: Queue, rules: Rules, slot: int, tail: float, near: float = NEAR) -> str:
    """Whether the wait stated for a slot is `short` or `long` of what the quantile asks for; empty: it is right,
    within `near` minutes or a twentieth.
    """
    left = 1 - rules.quantile
    slack = max(near, NEAR * tail)
    asked = np.array([tail + slack, tail - slack])
    longer = np.maximum(queue.chance(slot, asked), queue.chance(slot + 1, asked))
    if longer[0] > left:
        return "short"
    return "long" if tail > slack and longer[1] < left else ""


def expected(queue: Queue, slot: int, tail: float) -> float:
    """The expected wait of who comes in a slot: chances added up to far beyond its tail."""
    step = 3 * max(tail, 0.5) / POINTS
    asked: Floats = np.arange(0.5, POINTS) * step
    both = [np.minimum(queue.chance(u, asked), 1.0).sum() for u in (slot, slot + 1)]
    return float(sum(both)) / 2 * step


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with `result` as an answer to `problem`; empty when nothing is."""
    validate(problem)
    homes, slots = problem.homes, problem.slots
    if result.slot.shape != (homes.count,):
        return [Finding("not_called", "plan", len(result.slot), homes.count)]
    if any(len(part) != slots.count for part in (result.called, result.come, result.mean, result.tail)):  # fmt: skip
        return [Finding("unknown_slot", "plan")]
    astray = (result.slot < 0) | (result.slot >= slots.count)
    if astray.any():
        return [Finding("not_called", f"home:{int(astray.argmax())}", int(astray.sum()))]
    found = [
        Finding("elsewhere", f"home:{i}", int(slots.site[result.slot[i]]), int(homes.site[i]))
        for i in np.flatnonzero(slots.site[result.slot] != homes.site)
    ]
    return [*found, *_sums(problem, result), *_waits(problem, result), *_order(problem, result),
            *_named(problem, result)]  # fmt: skip


def _sums(problem: Problem, result: Result) -> list[Finding]:
    called = np.zeros(problem.slots.count, dtype=np.int64)
    np.add.at(called, result.slot, problem.homes.people)
    come = called * (1 - problem.habits.no_show)
    return [
        Finding("sum", f"slot:{t}", float(result.called[t]), float(called[t]))
        for t in np.flatnonzero((called != result.called) | (np.abs(come - result.come) > NEAR))
    ]


def _waits(problem: Problem, result: Result) -> list[Finding]:
    """Every stated wait, and no slot called to more than can be swabbed out of it unless that is named."""
    found = []
    order = np.argsort(result.slot, kind="stable")
    ends = np.cumsum(np.bincount(result.slot, minlength=problem.slots.count))
    own = np.split(problem.homes.people[order], ends[:-1])
    for low, high in sessions(problem.slots):
        sizes = own[low:high]
        if not sum(len(part) for part in sizes):
            continue
        slots = problem.slots
        hours = Slots(
            slots.site[low:high], slots.start[low:high], slots.end[low:high], slots.lanes[low:high]
        )
        queue = queue_of(problem.habits, problem.rules, hours, sizes)
        for t in range(low, high):
            wrong = misstated(queue, problem.rules, t - low, float(result.tail[t]))
            if wrong:
                found.append(Finding(f"wait_{wrong}", f"slot:{t}", float(result.tail[t])))
            mean = expected(queue, t - low, float(result.tail[t]))
            if abs(mean - result.mean[t]) > NEAR * 2 * max(1.0, mean):
                found.append(Finding("mean", f"slot:{t}", float(result.mean[t]), mean))
    return found


def _order(problem: Problem, result: Result) -> list[Finding]:
    """Nobody of a better rank more than one slot behind a worse one (R9, R10)."""
    homes = problem.homes
    found = []
    for site in np.unique(homes.site):
        rows = np.flatnonzero(homes.site == site)
        used = np.unique(result.slot[rows])
        best = {t: int(homes.rank[rows[result.slot[rows] == t]].min()) for t in used.tolist()}
        last = {t: int(homes.rank[rows[result.slot[rows] == t]].max()) for t in used.tolist()}
        times = sorted(best)
        worst = -1
        for before, now in zip(times, times[2:], strict=False):
            worst = max(worst, last[before])
            if best[now] < worst:
                found.append(Finding("order", f"slot:{now}", best[now], worst))
    return found


def _named(problem: Problem, result: Result) -> list[Finding]:
    """Breaches are all that are there and no more."""
    slots, rules, homes = problem.slots, problem.rules, problem.homes
    true = {("queue", int(t)) for t in np.flatnonzero(result.tail > rules.limit)}
    late = slots.end[result.slot] > homes.due + 1e-6
    true |= {("late", int(t)) for t in np.unique(result.slot[late])}
    room = slots.lanes * (slots.end - slots.start) / rules.service / (1 - problem.habits.no_show)
    largest = np.zeros(int(max(slots.site.max(), homes.site.max())) + 1, dtype=np.int64)
    np.maximum.at(largest, homes.site, homes.people)
    over = result.called > room + largest[slots.site]
    true |= {("crowd", int(t)) for t in np.flatnonzero(over)}
    told = {_key(breach) for breach in result.breaches}
    return [
        *(Finding("not_named", f"{code}:{t}") for code, t in sorted(true - told)),
        *(Finding("named_falsely", f"{code}:{t}") for code, t in sorted(told - true)),
    ]


def _key(breach: Breach) -> tuple[str, int]:
    return breach.code, breach.slot
