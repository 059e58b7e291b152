"""Chance has the distribution it claims, belongs to the person, and is the same on however many threads."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.asking import Floats
from yingjian.engines.day import dice
from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import Faults, Habits
from yingjian.engines.day.parts import in_turn, parts_of
from yingjian.engines.day.queue import shares
from yingjian.engines.day.tests.test_day import day
from yingjian.engines.day.twin import draw, simulate, table

MANY = 200_000
TOO_FAR = 1.95 / math.sqrt(MANY)
"""Kolmogorov-Smirnov's distance that chance exceeds once in a thousand samples."""


def apart(values: Floats, below: Floats) -> float:
    """Largest distance between the sample's distribution and the one with `below` at its sorted values."""
    at = np.arange(1, len(values) + 1) / len(values)
    return float(max(np.abs(at - below).max(), np.abs(at - 1 / len(values) - below).max()))


def erlang(x: Floats, shape: int) -> Floats:
    """Distribution of a sum of `shape` exponentials."""
    below: Floats = 1 - np.exp(-x) * sum(x**k / math.factorial(k) for k in range(shape))
    return below


@pytest.mark.parametrize("shape", [1, 4, 25])
def test_lengths_are_gamma(shape: int) -> None:
    spread, found = 1 / math.sqrt(shape), np.empty(MANY)
    dice.lengths(dice.gamma_quantiles(spread), dice.keys_of(7)[0], 3.0, spread, found)
    found.sort()
    assert apart(found, erlang(found * shape / 3.0, shape)) < TOO_FAR
    assert (found > 0).all()


def test_wide_lengths_are_gamma() -> None:
    """Shape 1/2: the square of a normal."""
    spread, found = math.sqrt(2), np.empty(MANY)
    dice.lengths(dice.gamma_quantiles(spread), dice.keys_of(8)[0], 1.0, spread, found)
    found.sort()
    below = np.array([math.erf(math.sqrt(x / 2)) for x in found])
    assert apart(found, below) < TOO_FAR
    assert found[-1] > 12  # beyond the last quantile of the table


def test_punctuality_is_normal() -> None:
    """Everybody comes at 600, give or take; no slot wide, nobody early."""
    asked = day(MANY, lanes=(1,))
    asked = replace(asked, slot=np.full(MANY, 600.0), single=None)
    habits = Habits(slot_minutes=0.0, punctual_sd=10.0, early_birds=0.0, no_show=0.0)
    found = (draw(asked, habits, Faults(), 3).arrived - 600) / 10
    assert (np.diff(found) >= 0).all()
    assert apart(found, np.array([NormalDist().cdf(x) for x in found])) < TOO_FAR
    assert abs(found).max() > 3.5  # beyond the outermost quantile of the table


def test_dice_belong_to_the_person() -> None:
    """Who is on the list twice, swabbed before or has other neighbours throws what they would have thrown."""
    asked, habits = day(2000), Habits()
    calm = draw(asked, habits, Faults(), 9)
    seen = set(zip(calm.arrived.tolist(), calm.service.tolist(), strict=True))
    crowd = draw(asked, habits, Faults(turnout=1.5), 9)
    assert seen <= set(zip(crowd.arrived.tolist(), crowd.service.tolist(), strict=True))
    assert len(crowd.arrived) > 1.3 * len(calm.arrived)
    done = np.arange(2000) % 3 == 0
    rest = draw(replace(asked, swabbed=done), habits, Faults(), 9)
    assert set(zip(rest.arrived.tolist(), rest.service.tolist(), strict=True)) < seen


def test_threads_change_nothing() -> None:
    asked = day(3000, lanes=(2, 3, 1, 4, 2), desks=np.array([1, 2, 1, 2, 1]))
    one, many = simulate(asked, seed=4), simulate(asked, seed=4, threads=3)
    for name in set(one.__dataclass_fields__) - {"gave_up", "again"}:
        assert np.array_equal(getattr(one, name), getattr(many, name), equal_nan=True), name
    alone, along = (rehearse(asked, runs=9, seed=2, threads=n) for n in (1, 3))
    assert alone.figures == along.figures
    assert np.array_equal(alone.finish, along.finish)
    assert np.array_equal(alone.queue.p95, along.queue.p95, equal_nan=True)


def test_days_come_in_turn_until_a_stop() -> None:
    assert list(in_turn(20, lambda number: number, 3, lambda: False)) == list(range(20))
    for threads in (1, 3):
        assert list(in_turn(20, lambda number: number, threads, lambda: True)) == [0]
    with pytest.raises(ZeroDivisionError):
        list(in_turn(3, lambda number: 1 // number, 2, lambda: False))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 6))
def test_every_site_is_in_one_part(counts: list[int], parts: int) -> None:
    ptr = np.concatenate(([0], np.cumsum(counts)))
    found = parts_of(ptr, parts)
    assert [j for a, b in found for j in range(a, b)] == list(range(len(counts)))


minutes = st.one_of(
    st.floats(0, 2000), st.sampled_from([0.0, 1.0, 1e9, math.inf, -math.inf, 1e300])
)


@settings(max_examples=80, deadline=None)
@given(st.lists(minutes, max_size=120), st.integers(1, 40))
def test_order_is_that_of_a_stable_sort(values: list[float], repeat: int) -> None:
    held = np.array(values * repeat, dtype=np.float64)
    order = np.empty(len(held), dtype=np.int64)
    dice.in_order(np.array([0, len(held)]), held, order)
    assert (order == np.argsort(held, kind="stable")).all()


def test_what_has_no_minute_is_put_in_order_too() -> None:
    held = np.array([3.0, math.nan, 1.0, math.nan, 2.0])
    order = np.empty(5, dtype=np.int64)
    dice.in_order(np.array([0, 5]), held, order)
    assert order.tolist() == [2, 4, 0, 1, 3]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1e-12, 5000).map(lambda x: x if x > 1 else 0.0), min_size=1))
def test_shares_are_order_statistics(values: list[float]) -> None:
    held, out = np.array(values), np.empty(4)
    shares(held, 30.0, 32.0, np.empty(512, np.int64), np.empty(len(held)), out)
    ranks = [max(0, math.ceil(share * len(held)) - 1) for share in (0.5, 0.95)]
    assert out[:2].tolist() == np.sort(held)[ranks].tolist()
    assert (out[2], out[3]) == (held.max(), (held > 30).sum())


def test_the_queue_table_holds_order_statistics() -> None:
    asked = day(3000, lanes=(1, 2))
    run = simulate(asked, seed=6)
    found = table(run, 2)
    for j in range(2):
        for hour in range(24):
            own = (run.site == j) & (np.clip(run.arrived // 60, 0, 23) == hour)
            waits = np.sort(run.wait[own])
            assert found.people[j, hour] == len(waits)
            if len(waits):
                n = len(waits)
                assert found.p50[j, hour] == waits[(n - 1) // 2]
                assert found.p95[j, hour] == waits[max(0, math.ceil(0.95 * n) - 1)]
                assert found.most[j, hour] == waits[-1]
