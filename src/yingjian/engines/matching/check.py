"""The independent judge of a matching; shares only `model` with the solver, and counts in minutes."""

from __future__ import annotations

from collections import Counter, defaultdict

from yingjian.engines.asking import Finding
from yingjian.engines.matching.model import FREE, Late, Problem, Result, Run, validate

SLACK = 1e-6
"""Relative tolerance of HiGHS's bound."""


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with `result` as an answer to `problem`; empty when nothing is."""
    validate(problem)
    b, k = problem.loads.ride.shape
    if result.lab_of.shape != (b,) or ((result.lab_of < 0) | (result.lab_of >= k)).any():
        return [Finding("loads", "plan", len(result.lab_of), b)]
    if any(
        not 0 <= run.lab < k or any(not 0 <= i < b for i, _ in run.tubes) for run in result.runs
    ):
        return [Finding("unknown_index", "runs")]
    found = _places(problem, result)
    found += _runs(problem, result)
    found += _instruments(problem, result)
    found += _clocks(problem, result)
    cost = _cost(problem, result)
    if cost != result.cost:
        found.append(Finding("cost", "plan", result.cost, cost))
    if result.bound > cost * (1 + SLACK) + 1:
        found.append(Finding("bound_above_cost", "plan", result.bound, cost))
    return found


def _places(problem: Problem, result: Result) -> list[Finding]:
    """Loads where they may go, and on the road where they were driven."""
    found = []
    loads = problem.loads
    for i, lab in enumerate(result.lab_of.tolist()):
        if loads.allowed is not None and not loads.allowed[i, lab] and not _fixed(problem, i):
            found.append(Finding("not_allowed", f"load:{i}", lab))
        if _fixed(problem, i) and loads.fixed is not None and lab != int(loads.fixed[i]):
            found.append(Finding("on_the_road", f"load:{i}", lab, int(loads.fixed[i])))
    return found


def _fixed(problem: Problem, i: int) -> bool:
    return problem.loads.fixed is not None and int(problem.loads.fixed[i]) != FREE


def _runs(problem: Problem, result: Result) -> list[Finding]:
    """Plates within their wells, of tubes that are there, at hours when runs may begin."""
    found = []
    labs, loads = problem.labs, problem.loads
    done: Counter[int] = Counter()
    for r, run in enumerate(result.runs):
        element = f"run:{r}"
        wells = int(labs.wells[run.lab])
        room = max(1, int(wells - wells * labs.reserve + 1e-9))
        if not 0 < run.total <= room:
            found.append(Finding("plate", element, run.total, room))
        if (run.start - problem.now) % problem.step or run.start < problem.now:
            found.append(Finding("off_step", element, run.start))
        if not int(labs.opens[run.lab]) <= run.start <= int(labs.closes[run.lab]):
            found.append(Finding("closed", element, run.start, int(labs.closes[run.lab])))
        ends = run.start + _taken(problem, run)
        for lab, start, end in labs.down:
            if lab == run.lab and run.start < end and start < ends:
                found.append(Finding("stand_still", element, run.start, end))
        for i, tubes in run.tubes:
            done[i] += tubes
            there = int(loads.ready[i] + loads.ride[i, run.lab])
            if tubes < 1 or run.start < there:
                found.append(Finding("before_arrival", element, run.start, there))
            if int(result.lab_of[i]) != run.lab:
                found.append(Finding("elsewhere", element, int(result.lab_of[i]), run.lab))
    untested = {late.load: late.untested for late in result.late}
    for i, tubes in enumerate(loads.tubes.tolist()):
        if done[i] + untested.get(i, 0) != tubes:
            found.append(Finding("tubes", f"load:{i}", done[i] + untested.get(i, 0), tubes))
    return found


def _taken(problem: Problem, run: Run) -> int:
    """Minutes a run keeps its instrument: whole steps."""
    return -(-int(problem.labs.run[run.lab]) // problem.step) * problem.step


def _instruments(problem: Problem, result: Result) -> list[Finding]:
    """Never more runs at once than instruments, those of now included."""
    found = []
    events: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for run in result.runs:
        events[run.lab] += [(run.start, 1), (run.start + _taken(problem, run), -1)]
    for lab, ends in enumerate(problem.labs.busy):
        for end in ends:
            events[lab] += [(problem.now, 1), (max(end, problem.now), -1)]
    for lab, marks in sorted(events.items()):
        at_once = most = 0
        for _, change in sorted(marks):
            at_once += change
            most = max(most, at_once)
        room = max(int(problem.labs.instruments[lab]), _running(problem, lab))
        if most > room:
            found.append(Finding("instruments", f"lab:{lab}", most, room))
    return found


def _running(problem: Problem, lab: int) -> int:
    """Instruments running now."""
    busy = problem.labs.busy
    return len(busy[lab]) if lab < len(busy) else 0


def _clocks(problem: Problem, result: Result) -> list[Finding]:
    """Every load beyond its clock is told, with its tubes and minutes; none is made up."""
    over: dict[int, tuple[int, int]] = {}
    for run in result.runs:
        for i, tubes in run.tubes:
            late = run.start - _due(problem, i)
            if late > 0:
                old = over.get(i, (0, 0))
                over[i] = (old[0] + tubes, max(old[1], late))
    end = problem.now + problem.steps * problem.step
    told: dict[int, Late] = {late.load: late for late in result.late}
    for i, late_of in told.items():
        if late_of.untested:
            old = over.get(i, (0, 0))
            over[i] = (old[0] + late_of.untested, max(old[1], 0, end - _due(problem, i)))
    found = []
    for i in sorted(over.keys() | told.keys()):
        true, said = over.get(i, (0, 0)), told.get(i)
        if said is None or (said.tubes, said.minutes) != true:
            found.append(Finding("late", f"load:{i}", said.minutes if said else 0, true[1]))
    return found


def _due(problem: Problem, i: int) -> int:
    """Last step in time; `now` when that has passed."""
    left = int(problem.loads.oldest[i]) + problem.limit - problem.now
    return problem.now + max(0, left // problem.step) * problem.step


def _cost(problem: Problem, result: Result) -> int:
    loads, prices, step = problem.loads, problem.prices, problem.step
    cost = len(result.runs) * prices.run
    end = problem.now + problem.steps * step
    parts = [(i, t, run.start) for run in result.runs for i, t in run.tubes]
    parts += [(late.load, late.untested, end) for late in result.late if late.untested]
    for i, tubes, start in parts:
        lab = int(result.lab_of[i])
        there = int(loads.ready[i] + loads.ride[i, lab]) - problem.now
        arrived = problem.now + max(0, -(-there // step)) * step
        cost += tubes * prices.wait * (start - arrived)
        cost += tubes * prices.late * max(0, start - _due(problem, i))
    cost += prices.left * sum(late.untested for late in result.late)
    for i, lab in enumerate(result.lab_of.tolist()):
        tubes = int(loads.tubes[i])
        cost += tubes * prices.ride * int(loads.ride[i, lab])
        if loads.before is not None and loads.before[i] not in (FREE, lab):
            cost += tubes * prices.change
    return cost
