"""Loads to laboratories and runs: `solve(problem, params, seed, stop) → Result`.

The relaxed model says where loads go and bounds the cost; loads are sent whole to the laboratory that
has most of them; each laboratory plays its day; then late and divided loads are tried elsewhere.
"""

from __future__ import annotations

import numpy as np

from yingjian.engines.asking import Ints, Stop, never
from yingjian.engines.matching.bench import Bench, Played
from yingjian.engines.matching.model import Late, Params, Problem, Result, Run, validate
from yingjian.engines.matching.relaxed import Relaxed, relax, ways_cost

DEFAULTS = Params()


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> Result:
    """A laboratory for every load. Raises `MatchingError` only where the question has no meaning.

    Without `stop` the same problem, params and seed give the same answer. Nothing here is drawn by
    chance; the seed is part of every engine's form.
    """
    validate(problem)
    relaxed = relax(problem, most=params.alone)
    bench = Bench(problem)
    lab_of = np.where(problem.may(), relaxed.share, -1.0).argmax(axis=1)
    days, fills = {}, {}
    for lab in range(len(problem.labs.instruments)):
        loads = np.flatnonzero(lab_of == lab).tolist()
        days[lab], fills[lab] = bench.best(lab, loads, params.fills)
    _move(problem, params, bench, relaxed, lab_of, days=days, fills=fills, stop=stop)
    return _result(problem, bench, relaxed, lab_of, days)


def _move(
    problem: Problem, params: Params, bench: Bench, relaxed: Relaxed, lab_of: Ints, *,
    days: dict[int, Played], fills: dict[int, float], stop: Stop,
) -> None:  # fmt: skip
    """Try loads at another laboratory while that lowers the cost; late and divided ones first."""
    ways, may = ways_cost(problem), problem.may()
    moves = params.moves
    while moves > 0:
        better = False
        for i in _candidates(problem, bench, relaxed, days):
            here = int(lab_of[i])
            for there in np.flatnonzero(may[i]).tolist():
                if there == here or moves <= 0 or stop():
                    continue
                moves -= 1
                lab_of[i] = there
                trial = {
                    lab: bench.play(lab, np.flatnonzero(lab_of == lab).tolist(), fills[lab])
                    for lab in (here, there)
                }
                change = int(ways[i, there] - ways[i, here])
                change += sum(trial[lab].cost - days[lab].cost for lab in trial)
                if change < 0:
                    days.update(trial)
                    here, better = there, True
                else:
                    lab_of[i] = here
        if not better or stop():
            return


def _candidates(
    problem: Problem, bench: Bench, relaxed: Relaxed, days: dict[int, Played]
) -> list[int]:
    """Loads worth trying: the latest first, then those the relaxed model divides."""
    late: dict[int, int] = {}
    for played in days.values():
        for now, plate in played.runs:
            for i, _ in plate:
                if now > bench.due[i]:
                    late[i] = max(late.get(i, 0), now - int(bench.due[i]))
        for i in played.left:
            late[i] = problem.steps
    divided = np.flatnonzero(relaxed.share.max(axis=1) < 1 - 1e-6).tolist()
    order = sorted(late, key=lambda i: (-late[i], i))
    return [*order, *(i for i in divided if i not in late)]


def _result(
    problem: Problem, bench: Bench, relaxed: Relaxed, lab_of: Ints, days: dict[int, Played]
) -> Result:
    runs: list[Run] = []
    late: dict[int, Late] = {}
    idle = np.zeros(len(days), dtype=np.int64)
    for lab, played in sorted(days.items()):
        for now, plate in played.runs:
            runs.append(Run(lab, problem.now + now * problem.step, tuple(plate)))
            for i, count in plate:
                steps = now - int(bench.due[i])
                if steps > 0:
                    old = late.get(i)
                    tubes = count + (old.tubes if old else 0)
                    most = max(steps * problem.step, old.minutes if old else 0)
                    late[i] = Late(i, lab, tubes, most)
        for i, count in played.left.items():
            old = late.get(i)
            beyond = max(0, problem.steps - int(bench.due[i])) * problem.step
            late[i] = Late(i, lab, count + (old.tubes if old else 0), beyond, untested=count)
        idle[lab] = _idle(problem, bench, lab, lab_of, played)
    ways = ways_cost(problem)[np.arange(len(lab_of)), lab_of]
    cost = int(ways.sum()) + sum(played.cost for played in days.values())
    room = bench.room
    return Result(
        lab_of=lab_of,
        runs=sorted(runs, key=lambda run: (run.start, run.lab, run.tubes)),
        late=[late[i] for i in sorted(late)],
        cost=cost,
        bound=relaxed.bound,
        worth=relaxed.worth,
        idle=idle,
        partial=sum(run.total < int(room[run.lab]) for run in runs),
    )


def _idle(problem: Problem, bench: Bench, lab: int, lab_of: Ints, played: Played) -> int:
    """Minutes of free instruments, at steps where a run might begin, with enough waiting for them."""
    steps = problem.steps
    stock = np.zeros(steps + 1, dtype=np.int64)
    mine = np.flatnonzero(lab_of == lab)
    np.add.at(stock, bench.arrival[mine, lab], problem.loads.tubes[mine])
    busy = np.zeros(steps + 1, dtype=np.int64)
    for now, plate in played.runs:
        stock[now] -= sum(count for _, count in plate)
        busy[now : now + int(bench.length[lab])] += 1
    waiting = np.cumsum(stock)[:steps]
    free = bench.free[lab] - busy[:steps]
    usable = np.minimum(free, -(-waiting // int(bench.room[lab]))) * bench.begin[lab]
    return int(np.maximum(usable, 0).sum()) * problem.step
