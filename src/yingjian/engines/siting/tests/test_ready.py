"""Seconds of a search are all searching, none compiling; a stop at any moment leaves a plan."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from yingjian.engines.asking import Stop
from yingjian.engines.plan.choice import EFFORT
from yingjian.engines.siting import columns
from yingjian.engines.siting.check import check
from yingjian.engines.siting.model import Problem
from yingjian.engines.siting.solve import solve
from yingjian.engines.siting.tests.test_siting import problem

COMPILED = """
import gc
from yingjian.engines.siting.ready import ready
from numba.core.dispatcher import Dispatcher

def ways():
    found = [o for o in gc.get_objects() if isinstance(o, Dispatcher) and '.siting.' in o.__module__]
    return {(o.__module__, o.__name__): len(o.signatures) for o in found}

ready()
before = ways()
from yingjian.engines.plan.choice import EFFORT
from yingjian.engines.siting.solve import solve
from yingjian.engines.siting.tests.test_paths import asked
from yingjian.engines.siting.tests.test_ready import village
from dataclasses import replace
assert solve(village(60), replace(EFFORT, sweeps=1)).gap > 0
assert len(asked(1).ways.metres) > 10
assert len(before) > 10
print([name for name, count in ways().items() if count != before[name]])
"""


def village(points: int, seed: int = 5) -> Problem:
    """Homes that no multipliers prove: lanes must be packed."""
    dice = np.random.default_rng(seed)
    places = [(float(x), float(y)) for x, y in dice.integers(0, 1500, (points, 2))]
    return problem(places, dice.integers(50, 400, points).tolist())


def test_nothing_is_left_to_compile_when_a_search_begins() -> None:
    told = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False
    )
    assert told.stdout.strip() == "[]", told.stdout + told.stderr[-2000:]


def after(times: int) -> Stop:
    """A stop that says no so many times."""
    left = iter(range(times))
    return lambda: next(left, None) is None


@pytest.mark.parametrize("listed", [EFFORT.columns, 20_000])
def test_a_stop_at_any_moment_leaves_a_plan_and_a_true_bound(listed: int) -> None:
    """Also inside HiGHS before it has proven anything: its bound is minus infinity then."""
    asked, effort = village(30), replace(EFFORT, workers=1, sweeps=1, columns=listed)
    heard = 0

    def whole() -> bool:
        nonlocal heard
        heard += 1
        return False

    solve(asked, effort, seed=3, stop=whole)
    assert heard > 10
    for last in {*range(0, heard, max(1, heard // 25)), heard - 1}:
        result = solve(asked, effort, seed=3, stop=after(last))
        assert check(asked, result) == []
        assert not result.complete


def test_what_highs_has_not_proven_when_it_is_stopped_lowers_no_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, effort = village(30), replace(EFFORT, workers=1)
    chosen = columns._choose
    calls = []

    def nothing_proven(*given: object) -> object:
        site, _ = chosen(*given)  # type: ignore[arg-type]
        calls.append(site)
        return site, -np.inf

    plain = solve(asked, replace(effort, exact_points=0), seed=3)
    monkeypatch.setattr(columns, "_choose", nothing_proven)
    result = solve(asked, effort, seed=3)
    assert calls
    assert check(asked, result) == []
    assert plain.certificate.bound <= result.solver_bound <= result.cost
