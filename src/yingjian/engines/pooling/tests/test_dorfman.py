"""Pooling against published digits (binGroup2's vignette, Dorfman's table)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.engines.pooling.dorfman import PoolingError, best_size, dorfman


def test_the_vignettes_digits() -> None:
    found = dorfman(0.01, 10, sensitivity=0.99, specificity=0.99)
    assert round(found.tests_per_pool, 4) == 2.0371
    assert round(found.sensitivity, 4) == 0.9801
    assert round(found.specificity, 4) == 0.9991
    assert round(found.positive_value, 4) == 0.9127
    assert round(found.negative_value, 4) == 0.9998
    for size, tests in ((9, 1.8528), (12, 2.4561), (13, 2.6904)):
        pool = dorfman(0.01, size, sensitivity=0.99, specificity=0.99)
        assert round(pool.tests_per_pool, 4) == tests
    best = best_size(0.01, range(2, 40), sensitivity=0.99, specificity=0.99)
    assert (best.size, round(best.tests_per_person, 4)) == (11, 0.2035)


@pytest.mark.parametrize(
    ("prevalence", "size", "tests"),
    [
        (0.001, 32, 0.0628), (0.005, 15, 0.1391), (0.01, 11, 0.1956), (0.02, 8, 0.2742),
        (0.05, 5, 0.4262), (0.1, 4, 0.5939),
    ],
)  # fmt: skip
def test_dorfmans_best_sizes(prevalence: float, size: int, tests: float) -> None:
    best = best_size(prevalence, range(2, 100))
    assert (best.size, round(best.tests_per_person, 4)) == (size, tests)


def test_chance_agrees() -> None:
    """The formula against counted pools."""
    rng = np.random.default_rng(7)
    ill = rng.random((200_000, 10)) < 0.02
    flagged = np.where(ill.any(axis=1), rng.random(200_000) < 0.95, rng.random(200_000) < 0.01)
    counted = 1 + 10 * flagged.mean()
    formula = dorfman(0.02, 10, sensitivity=0.95, specificity=0.99).tests_per_pool
    assert counted == pytest.approx(formula, rel=0.01)


@given(st.floats(0, 1), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_shares_stay_shares(prevalence: float, size: int, right: float, clear: float) -> None:
    found = dorfman(prevalence, size, sensitivity=right, specificity=clear)
    assert 1 - 1e-9 <= found.tests_per_pool <= 1 + size + 1e-9
    for share in (
        found.sensitivity, found.specificity, found.positive_value, found.negative_value
    ):  # fmt: skip
        assert -1e-9 <= share <= 1 + 1e-9


@pytest.mark.parametrize(
    ("prevalence", "size", "code"),
    [(math.nan, 5, "bad_share"), (-0.1, 5, "bad_share"), (1.1, 5, "bad_share"), (0.1, 0, "bad_size")],
)  # fmt: skip
def test_bad_questions_are_named(prevalence: float, size: int, code: str) -> None:
    with pytest.raises(PoolingError) as caught:
        dorfman(prevalence, size)
    assert caught.value.code == code
