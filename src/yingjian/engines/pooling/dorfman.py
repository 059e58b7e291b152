"""Pool size by prevalence: Dorfman's two stages in closed form, imperfect tests included.

One test for a pool of `size`; everybody of a pool that reads positive is tested alone. People in a
pool are taken as independent, which overstates tests where households share tubes. Dilution is not
in the formulas: give the pool's own sensitivity.
"""

from __future__ import annotations

from dataclasses import dataclass

from yingjian.engines.asking import EngineError


class PoolingError(EngineError):
    """`bad_share` (not within 0 to 1) or `bad_size` (below 1), with the field's name."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """What a pool size is expected to do. Shares are 0 to 1; NaN-free: an empty share is 1."""

    size: int
    tests_per_pool: float
    tests_per_person: float
    sensitivity: float
    """Of the whole procedure, for one person."""
    specificity: float
    positive_value: float
    """Of those reported positive, the share that is."""
    negative_value: float


def dorfman(
    prevalence: float,
    size: int,
    *,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
    pool_sensitivity: float | None = None,
) -> Pooled:
    """Expected tests and accuracy of pools of `size`. `pool_sensitivity` defaults to the single's.

    Size 1 is a single test for everybody. Raises `PoolingError`.
    """
    pool = sensitivity if pool_sensitivity is None else pool_sensitivity
    for name, share in (
        ("prevalence", prevalence),
        ("sensitivity", sensitivity),
        ("specificity", specificity),
        ("pool_sensitivity", pool),
    ):
        if not 0.0 <= share <= 1.0:  # NaN too
            raise PoolingError("bad_share", field=name, value=share)
    if size < 1:
        raise PoolingError("bad_size", field="size", value=size)
    healthy = 1.0 - prevalence
    if size == 1:
        found, cleared, tests = sensitivity, specificity, 1.0
    else:
        clean = healthy**size
        flagged = pool * (1.0 - clean) + (1.0 - specificity) * clean
        tests = 1.0 + size * flagged
        others = healthy ** (size - 1)
        suspected = pool * (1.0 - others) + (1.0 - specificity) * others
        found, cleared = pool * sensitivity, 1.0 - (1.0 - specificity) * suspected
    true, false = prevalence * found, healthy * (1.0 - cleared)
    right, wrong = healthy * cleared, prevalence * (1.0 - found)
    return Pooled(
        size=size,
        tests_per_pool=tests,
        tests_per_person=tests / size,
        sensitivity=found,
        specificity=cleared,
        positive_value=true / (true + false) if true + false else 1.0,
        negative_value=right / (right + wrong) if right + wrong else 1.0,
    )


def best_size(
    prevalence: float,
    sizes: range,
    *,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
) -> Pooled:
    """Of the sizes allowed, the one with fewest tests per person; ties: the smaller pool."""
    if not len(sizes):
        raise PoolingError("bad_size", field="sizes")
    return min(
        (dorfman(prevalence, k, sensitivity=sensitivity, specificity=specificity) for k in sizes),
        key=lambda found: (found.tests_per_person, found.size),
    )
