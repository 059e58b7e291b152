"""Matching: every tube tested once, plates and instruments never overrun, clocks told, bounds true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.linear import LinearError, Model
from yingjian.engines.matching.check import check
from yingjian.engines.matching.groups import group
from yingjian.engines.matching.model import (
    FREE,
    Labs,
    Loads,
    MatchingError,
    Params,
    Problem,
    Result,
)
from yingjian.engines.matching.relaxed import relax
from yingjian.engines.matching.solve import solve


def labs(k: int = 2, instruments: int = 1, wells: int = 100, **changes: object) -> Labs:
    made = Labs(
        instruments=np.full(k, instruments),
        wells=np.full(k, wells),
        run=np.full(k, 120),
        opens=np.zeros(k, np.int64),
        closes=np.full(k, 10_000),
        reserve=0.1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def problem(
    tubes: list[int], ready: list[int], k: int = 2, where: Labs | None = None, **changes: object
) -> Problem:
    b = len(tubes)
    at = np.array(ready, dtype=np.int64)
    made = Problem(
        loads=Loads(
            np.array(tubes, dtype=np.int64), at, at - 120, np.full((b, k), 30, dtype=np.int64)
        ),
        labs=labs(k) if where is None else where,
        now=480,
        limit=360,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def day(n: int = 30, k: int = 3, seed: int = 1, instruments: int = 3) -> Problem:
    rng = np.random.default_rng(seed)
    asked = problem(
        rng.integers(10, 80, n).tolist(), (480 + rng.integers(0, 600, n)).tolist(), k,
        labs(k, instruments),
    )  # fmt: skip
    ride = rng.integers(10, 90, (n, k))
    return replace(asked, loads=replace(asked.loads, ride=ride))


@st.composite
def days(draw: st.DrawFn) -> Problem:
    n, k = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    asked = day(n, k, draw(st.integers(0, 99)), draw(st.integers(1, 3)))
    fixed = draw(st.none() | st.lists(st.integers(FREE, k - 1), min_size=n, max_size=n))
    before = draw(st.none() | st.lists(st.integers(FREE, k - 1), min_size=n, max_size=n))
    busy = tuple(tuple(draw(st.lists(st.integers(400, 700), max_size=2))) for _ in range(k))
    still = st.tuples(st.integers(0, k - 1), st.just(600), st.integers(601, 900))
    down = draw(st.lists(still, max_size=1))
    return replace(
        asked,
        loads=replace(
            asked.loads,
            fixed=None if fixed is None else np.array(fixed),
            before=None if before is None else np.array(before),
        ),
        labs=replace(asked.labs, busy=busy, down=tuple(down), closes=np.full(k, draw(st.integers(480, 1500)))),
        now=draw(st.integers(300, 700)),
        limit=draw(st.integers(60, 500)),
        step=draw(st.sampled_from([5, 15, 30])),
        horizon=1500,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(days())
def test_every_matching_holds_before_the_judge(asked: Problem) -> None:
    result = solve(asked, Params(moves=10))
    assert check(asked, result) == []
    tested = sum(run.total for run in result.runs) + sum(late.untested for late in result.late)
    assert tested == int(asked.loads.tubes.sum())
    assert result.bound <= result.cost * (1 + 1e-6) + 1


@settings(max_examples=15, deadline=None)
@given(days())
def test_one_more_instrument_never_worsens_the_bound_and_its_price_is_no_promise_too_much(
    asked: Problem,
) -> None:
    """Convexity: what an instrument saves is at most the sum of its prices."""
    one = relax(asked)
    more = asked.labs.instruments.copy()
    more[0] += 1
    two = relax(replace(asked, labs=replace(asked.labs, instruments=more)))
    slack = 1e-6 * abs(one.bound) + 1e-3
    assert two.bound <= one.bound + slack
    assert two.bound >= one.bound + one.capacity_dual[0].sum() - slack


@settings(max_examples=30, deadline=None)
@given(days(), st.integers(1, 6))
def test_prices_of_groups_bound_the_question_of_single_loads(asked: Problem, most: int) -> None:
    exact, rough = relax(asked), relax(asked, most=most)
    assert rough.bound <= exact.bound + 1e-6 * abs(exact.bound) + 1e-3
    assert np.allclose(rough.share.sum(axis=1), 1.0)
    assert (rough.share[~asked.may()] == 0).all()
    result = solve(asked, Params(moves=10, alone=most))
    assert check(asked, result) == []


def test_groups_of_a_roomy_day_lose_little_and_more_of_them_less() -> None:
    asked = day(200, 4, instruments=8)
    exact = relax(asked).bound
    bounds = [relax(asked, most=most).bound / exact for most in (5, 40, 100)]
    assert bounds == sorted(bounds)
    assert bounds[0] > 0.5
    assert bounds[-1] > 0.97
    whole, grouped = solve(asked), solve(asked, Params(alone=100))
    assert check(asked, grouped) == []
    assert grouped.late == []
    assert grouped.cost < 1.1 * whole.cost


def test_loads_of_a_group_have_the_same_laboratories_open_to_them() -> None:
    asked = day(60, 3)
    allowed = np.ones((60, 3), bool)
    allowed[::2, 1] = False
    fixed = np.full(60, FREE)
    fixed[5:9] = 2
    asked = replace(asked, loads=replace(asked.loads, allowed=allowed, fixed=fixed))
    of = group(asked, 10)
    assert of.max() + 1 == 10
    for name in range(10):
        members = of == name
        assert (asked.may()[members] == asked.may()[members][0]).all()
        assert len(set(fixed[members].tolist())) == 1
    assert sorted(set(group(asked, 1000).tolist())) == list(range(60))


def test_same_question_same_matching() -> None:
    one, two = solve(day(), seed=3), solve(day(), seed=3)
    assert (one.lab_of == two.lab_of).all()
    assert one.runs == two.runs


def test_the_relaxed_model_is_met_within_a_fifth() -> None:
    result = solve(day(120, 4, instruments=6))
    assert check(day(120, 4, instruments=6), result) == []
    assert result.late == []
    assert result.gap < 0.2


def test_batches_count_not_tubes() -> None:
    """91 tubes are two runs of 90 wells: the second one waits for the only instrument."""
    one = solve(problem([90], [480], 1))
    two = solve(problem([91], [480], 1))
    assert [run.total for run in one.runs] == [90]
    assert sorted(run.total for run in two.runs) == [1, 90]
    assert two.runs[1].start >= two.runs[0].start + 120


def test_a_partial_plate_begins_before_its_clock_runs_out() -> None:
    """Five tubes now, plenty later than their clock: they do not wait for the plate to fill."""
    asked = problem([5, 85], [480, 900], 1)
    result = solve(asked)
    assert check(asked, result) == []
    assert result.late == []
    assert result.runs[0].tubes == ((0, 5),)


def test_a_load_goes_where_an_instrument_is_free() -> None:
    asked = problem([90, 90], [480, 480])
    assert sorted(solve(asked).lab_of.tolist()) == [0, 1]
    down = replace(asked, labs=labs(2, down=((0, 480, 3000),)))
    assert solve(down).lab_of.tolist() == [1, 1]


def test_what_is_on_the_road_stays_there_and_the_last_plan_is_kept() -> None:
    asked = problem([90, 90, 40], [480, 480, 480])
    driven = replace(asked, loads=replace(asked.loads, fixed=np.array([1, 1, FREE])))
    assert solve(driven).lab_of.tolist() == [1, 1, 0]
    planned = replace(asked, loads=replace(asked.loads, before=np.array([1, 0, FREE])))
    assert solve(planned).lab_of.tolist()[:2] == [1, 0]


def test_too_little_capacity_is_told_and_priced() -> None:
    asked = problem([90] * 8, [480] * 8, 2)
    result = solve(asked)
    assert check(asked, result) == []
    assert result.late
    assert result.worth.max() > 0
    roomy = solve(problem([90] * 8, [480] * 8, 2, labs(2, 4)))
    assert roomy.late == []
    assert roomy.worth.max() < result.worth.max()


def test_what_cannot_be_tested_in_the_horizon_is_counted() -> None:
    asked = problem([90] * 5, [480] * 5, 1, horizon=300)
    result = solve(asked)
    assert check(asked, result) == []
    assert sum(late.untested for late in result.late) == 90 * 5 - sum(r.total for r in result.runs)
    assert sum(late.untested for late in result.late) > 0


def test_a_stop_still_gives_a_matching() -> None:
    assert check(day(), solve(day(), stop=lambda: True)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"limit": 0}, "bad_number"),
        ({"step": 0}, "bad_number"),
        ({"horizon": float("nan")}, "bad_number"),
        ({"labs": labs(reserve=1.0)}, "bad_number"),
        ({"labs": labs(wells=0)}, "bad_number"),
        ({"labs": labs(instruments=0)}, "bad_number"),
        ({"labs": labs(3)}, "bad_shape"),
        ({"labs": labs(down=((7, 0, 1),))}, "unknown_index"),
        ({"horizon": 15}, "nowhere_allowed"),
        ({"labs": labs(0)}, "no_laboratory"),
    ],
)
def test_questions_without_meaning_are_named(change: dict[str, object], code: str) -> None:
    with pytest.raises(MatchingError) as caught:
        solve(problem([5, 6], [480, 500], **change))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_loads_without_meaning_are_named() -> None:
    asked = problem([5, 6], [480, 500])
    for change, code in (
        ({"tubes": np.array([5, 0])}, "bad_number"),
        ({"tubes": np.array([5.0, np.nan])}, "bad_number"),
        ({"ride": np.zeros((2, 3), np.int64)}, "bad_shape"),
        ({"fixed": np.array([0, 2])}, "bad_number"),
        ({"allowed": np.zeros((2, 2), bool)}, "nowhere_allowed"),
    ):
        with pytest.raises(MatchingError) as caught:
            solve(replace(asked, loads=replace(asked.loads, **change)))
        assert caught.value.code == code
    none = np.zeros(0, np.int64)
    with pytest.raises(MatchingError, match="no_loads"):
        solve(replace(asked, loads=Loads(none, none, none, np.zeros((0, 2), np.int64))))


def test_the_judge_finds_planted_faults() -> None:
    asked = day(20, 2, instruments=2)
    asked = replace(
        asked,
        loads=replace(asked.loads, fixed=np.array([0] + [FREE] * 19)),
        labs=replace(asked.labs, down=((1, 2000, 2100),)),
    )
    good = solve(asked)
    assert check(asked, good) == []
    first, rest = good.runs[0], good.runs[1:]

    def run(**changes: object) -> Result:
        return replace(good, runs=[replace(first, **changes), *rest])  # type: ignore[arg-type]

    load, tubes = first.tubes[0]
    moved = good.lab_of.copy()
    moved[0] = 1
    faults: dict[str, Result] = {
        "loads": replace(good, lab_of=good.lab_of[1:]),
        "unknown_index": run(lab=9),
        "on_the_road": replace(good, lab_of=moved),
        "elsewhere": replace(good, lab_of=1 - good.lab_of),
        "plate": run(tubes=((load, 999),)),
        "off_step": run(start=first.start + 1),
        "closed": run(start=100_000),
        "before_arrival": run(start=480),
        "tubes": run(tubes=((load, tubes + 1), *first.tubes[1:])),
        "instruments": replace(good, runs=[first, first, first, *rest]),
        "late": run(start=first.start + 600),
        "cost": replace(good, cost=good.cost - 1),
        "bound_above_cost": replace(good, bound=good.cost * 1.1),
        "stand_still": replace(good, runs=[*rest, replace(first, lab=1, start=1995)]),
    }
    for code, wrong in faults.items():
        assert code in {f.code for f in check(asked, wrong)}, code
    barred = np.ones((20, 2), bool)
    barred[5, good.lab_of[5]] = False
    strict = replace(asked, loads=replace(asked.loads, allowed=barred))
    assert "not_allowed" in {f.code for f in check(strict, good)}


def test_a_model_without_answer_says_so() -> None:
    model = Model()
    x = model.add_columns(1)
    rows = model.add_rows(1, low=2.0, high=1.0)
    model.put(rows, x, 1.0)
    with pytest.raises(LinearError):
        model.solve()
