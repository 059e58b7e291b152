"""Frequency: plans on the same outbreaks, the best that fits, faults found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from yingjian.engines.epidemic.model import Adaptive, Disease, People, Round
from yingjian.engines.epidemic.model import Problem as Outbreak
from yingjian.engines.frequency.check import check
from yingjian.engines.frequency.model import FrequencyError, Params, Plan, Problem, Result
from yingjian.engines.frequency.solve import solve

FEW = Params(runs=10)
SERIAL = np.arange(1500)
OUTBREAK = Outbreak(
    People(SERIAL // 3, SERIAL % 60, SERIAL // 3 % 3), disease=Disease(0.2, 0.2, 0.2), days=14
)


def plans(**changes: object) -> Problem:
    made = Problem(
        OUTBREAK,
        (
            Plan("none"),
            Plan("every third day", tuple(Round(day) for day in range(0, 14, 3))),
            Plan("daily", tuple(Round(day) for day in range(14))),
            Plan("by history", adaptive=Adaptive()),
        ),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_screening_more_often_leaves_fewer_cases_and_takes_more_tests() -> None:
    result = solve(plans(), FEW, seed=2)
    assert check(plans(), result) == []
    none, third, daily, history = result.table
    assert none.cases_mean > third.cases_mean > daily.cases_mean
    assert none.tests_mean == 0 < third.tests_mean < daily.tests_mean
    assert history.tests_mean < daily.tests_mean
    assert result.best in (2, 3)  # daily where a case was: as good as daily everywhere
    assert solve(plans(), FEW, seed=2) == result


def test_the_best_is_one_the_laboratories_manage() -> None:
    tight = plans(tubes_per_day=0)
    result = solve(tight, Params(runs=1))
    assert [row.fits for row in result.table] == [True, False, False, False]
    assert result.best == 0
    none = replace(tight, plans=tight.plans[1:])
    assert solve(none, Params(runs=1)).best is None
    assert check(none, solve(none, Params(runs=1))) == []


def test_questions_without_meaning_are_named() -> None:
    for wrong, code in (
        (plans(plans=()), "no_plans"),
        (plans(plans=(Plan("a"), Plan("a"))), "same_name"),
        (plans(tubes_per_day=-1), "bad_number"),
    ):
        with pytest.raises(FrequencyError) as caught:
            solve(wrong, FEW)
        assert caught.value.code == code


def test_the_judge_finds_planted_faults() -> None:
    asked = plans(tubes_per_day=10_000)
    good = solve(asked, Params(runs=3))
    assert check(asked, good) == []
    first, rest = good.table[1], good.table

    def row(**changes: object) -> Result:
        return replace(good, table=[rest[0], replace(first, **changes), *rest[2:]])  # type: ignore[arg-type]

    faults = {
        "plans": replace(good, table=rest[1:]),
        "more_than_cases": row(found_mean=first.cases_mean + 1),
        "interval": row(cases=(5.0, 4.0, 3.0)),
        "fits": row(fits=False),
        "tests": row(tests_mean=0.0),
        "tubes": row(tubes_mean=1e9, tests_mean=1e9),
        "best": replace(good, best=None),
        "least": replace(good, least=2),
    }
    for code, wrong in faults.items():
        assert code in {f.code for f in check(asked, wrong)}, code


def test_the_curve_ends_where_the_cases_do_and_rounds_add_up() -> None:
    asked = plans()
    result = solve(asked, FEW, seed=2)
    none, third, daily, _ = result.table
    assert (none.rounds, none.swabs_mean) == ((), 0.0)
    assert [held.day for held in third.rounds] == [0, 3, 6, 9, 12]
    assert none.curve[0] == third.curve[0]  # nobody is removed before a result
    assert third.curve[-1] == third.cases
    assert daily.curve[-1][1] < none.curve[-1][1]
    assert third.rounds[0].swabs_mean == pytest.approx(1500 * 0.98, rel=0.01)
    for wrong, code in (
        (replace(third, curve=third.curve[::-1]), "curve"),
        (replace(third, rounds=third.rounds[1:]), "rounds"),
    ):
        table = [result.table[0], wrong, *result.table[2:]]
        assert code in {f.code for f in check(asked, replace(result, table=table))}
