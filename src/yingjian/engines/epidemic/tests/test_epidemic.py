"""Outbreaks: Reed and Frost's households, the final-size equation, pools, common dice, faults found."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.epidemic.check import check
from yingjian.engines.epidemic.model import (
    NEVER,
    NOWHERE,
    Adaptive,
    Assay,
    Disease,
    EpidemicError,
    Params,
    Past,
    People,
    Problem,
    Result,
    Round,
)
from yingjian.engines.epidemic.solve import _Ground, _Outbreak, solve

SURE = Assay(limit_ct=60.0, swab_fails=0.0)
"""Finds whoever has any virus at all."""


def people(n: int = 3000, size: int = 3, areas: int = 3) -> People:
    serial = np.arange(n)
    place = np.where(serial % 2, serial % (n // 50 + 1), NOWHERE)
    return People(serial // size, place, serial // size % areas)


def town(n: int = 3000, **changes: object) -> Problem:
    made = Problem(people(n), rounds=(Round(0), Round(3), Round(6)), days=12, seeds=5)
    return replace(made, **changes)  # type: ignore[arg-type]


FEW = Params(runs=30)


@settings(max_examples=20, deadline=None)
@given(
    seeds=st.integers(0, 20), days=st.integers(1, 20), size=st.sampled_from([1, 5, 10, 20]),
    household=st.floats(0, 1), place=st.floats(0, 1), symptoms=st.floats(0, 1),
    areas=st.sampled_from([None, (0,), (1, 2)]), quarantine=st.booleans(), adaptive=st.booleans(),
)  # fmt: skip
def test_every_outbreak_holds_before_the_judge(
    *, seeds: int, days: int, size: int, household: float, place: float, symptoms: float,
    areas: tuple[int, ...] | None, quarantine: bool, adaptive: bool,
) -> None:  # fmt: skip
    asked = Problem(
        people(300),
        rounds=() if adaptive else (Round(0, size, areas=areas), Round(days - 1, size, delay=0)),
        adaptive=Adaptive(size=size) if adaptive else None,
        disease=Disease(household=household, place=place, symptoms=symptoms),
        days=days, seeds=seeds, quarantine_household=quarantine,
    )  # fmt: skip
    result = solve(asked, Params(runs=2))
    assert check(asked, result) == []
    assert (result.free <= result.cases).all()
    assert (result.found <= result.present).all()


def test_households_end_as_reed_and_frost_say() -> None:
    """One day of infectivity, chance p: of two others 0, 1 or 2 follow; the mean in closed form."""
    p = 0.3
    q = 1 - p
    one = 2 * p * q * q  # exactly one by the first, and the other escapes the second as well
    mean = one + 2 * (1 - q * q - one)
    disease = Disease(p, 0.0, 0.0, latent=1.0, latent_sd=0.0, infectious=1.0)
    asked = Problem(people(9), disease=disease, days=15, seeds=1, seed_days=0)
    cases = solve(asked, Params(runs=700)).cases - 1
    assert abs(cases.mean() - mean) < 4 * cases.std() / math.sqrt(700)


def test_a_large_outbreak_ends_as_the_final_size_equation_says() -> None:
    """Everybody meets everybody: z = 1 - (1 - s) exp(-R z)."""
    n, seeds, rate = 20_000, 200, 1.8
    disease = Disease(0.0, 0.0, rate / 5, latent=1.0, latent_sd=0.0, infectious=5.0)
    asked = Problem(people(n), disease=disease, days=300, seeds=seeds, seed_days=0)
    share = solve(asked, Params(runs=2)).cases.mean() / n
    z = 0.5
    for _ in range(200):
        z = 1 - (1 - seeds / n) * math.exp(-rate * z)
    assert abs(share - z) < 0.02


def test_a_pool_thins_the_virus_and_sums_it() -> None:
    outbreak = _Outbreak(_Ground(town()), 0, 0)
    assert outbreak._sensitivity(np.array([37.0]))[0] == 0.5
    assert outbreak._sensitivity(np.array([np.inf]))[0] == 0.0
    assert outbreak._sensitivity(np.array([30.0]))[0] > 0.99
    assert Assay().thinned(10) == 2.0
    assert Assay().thinned(7) == 2.0  # the next larger size
    assert Assay().thinned(50) == 4.0


def test_a_sure_test_finds_whoever_can_be_found() -> None:
    asked = town(test=SURE, rounds=(Round(8, share=1.0),), seed_days=0, disease=Disease(0, 0, 0))
    result = solve(asked, FEW)
    assert (result.found[:, 0] == result.present[:, 0]).all()


def test_larger_tubes_are_fewer_and_find_fewer() -> None:
    weak = Assay(limit_ct=30.0)
    found, tubes = {}, {}
    for size in (1, 10, 20):
        result = solve(town(rounds=(Round(3, size),), test=weak, seeds=60), Params(runs=20))
        found[size], tubes[size] = result.found.mean(), result.tubes.mean()
    assert found[1] > found[10] > found[20]
    assert tubes[1] > tubes[10] > tubes[20]


def test_keeping_households_in_one_tube_finds_more() -> None:
    """The sum of a household's virus crosses the edge that one alone may miss (planning, 2.7)."""
    asked = town(
        rounds=(Round(4, 10, share=1.0),), seeds=60, test=Assay(limit_ct=28.0, slope=0.3),
        disease=Disease(household=0.9, place=0.0, community=0.0), people=people(3000, 5),
    )  # fmt: skip
    together = solve(asked, Params(runs=30)).found.sum()

    class Shuffled(_Ground):
        def __init__(self, problem: Problem) -> None:
            super().__init__(problem)
            self.by_household = np.random.default_rng(1).permutation(self.n)

    apart = 0
    for run in range(30):
        outbreak = _Outbreak(Shuffled(asked), 0, run)
        outbreak.play()
        apart += sum(outbreak.found_by)
    assert together > apart


def test_more_rounds_leave_fewer_cases_on_the_same_dice() -> None:
    cases = [
        solve(town(rounds=tuple(Round(d) for d in days), days=25), Params(runs=15)).cases.mean()
        for days in ((), (0,), (0, 4, 8), range(0, 20, 2))
    ]
    assert cases[0] > cases[1] > cases[2] > cases[3]


def test_same_seed_same_outbreaks_and_the_plan_shifts_no_dice() -> None:
    one, two = solve(town(), FEW, seed=3), solve(town(), FEW, seed=3)
    assert (one.cases == two.cases).all()
    assert (one.found == two.found).all()
    without = solve(town(rounds=()), FEW, seed=3)
    early = one.log.day < 0
    assert (one.log.person[early] == without.log.person[: early.sum()]).all()


def test_a_stop_still_gives_an_answer() -> None:
    assert len(solve(town(), FEW, stop=lambda: True).cases) == 1


def test_rounds_follow_the_history_of_an_area() -> None:
    """R8: a case in the last three rounds: daily; within 14 days: every second; else every fifth."""
    plan = Adaptive()
    assert plan.every([0, 1, 2], [2], 3) == 1
    assert plan.every([0, 1, 2, 3, 4, 5], [2], 6) == 2
    assert plan.every([0, 1, 2], [], 3) == 5
    assert plan.every([18, 20], [2], 21) == 5
    quiet = solve(Problem(people(), adaptive=plan, days=20, seeds=0), Params(runs=1))
    assert np.flatnonzero(quiet.tubes[0]).tolist() == [0, 1, 2, 7, 12, 17]


def test_an_area_goes_on_from_what_it_has_behind_it() -> None:
    """R7, R8: first rounds still owed; a case in the last three rounds; one 10 days ago; none for long."""
    past = (
        Past((-1,)),
        Past((-5, -3, -1), (-2,)),
        Past((-6, -4, -2), (-10,)),
        Past((-9, -5, -3), (-30,)),
    )
    plan = Adaptive(past=past)
    calendars = [plan.calendar(area, 10) for area in range(5)]
    assert calendars[0] == [(0, "first"), (1, "first"), (6, "none")]
    assert [day for day, _ in calendars[1]] == [0, 1, 3, 5, 7, 9]  # then its case is not recent
    assert {why for _, why in calendars[1]} == {"recent", "lookback"}
    assert calendars[2] == [(0, "lookback"), (2, "lookback"), (4, "lookback"), (9, "none")]
    assert calendars[3] == [(2, "none"), (7, "none")]
    assert [day for day, _ in calendars[4]] == [0, 1, 2, 7]  # nothing behind it
    opened = replace(plan, opening=True)
    assert opened.calendar(3, 10) == [(0, "none"), (5, "none")]
    played = solve(Problem(people(areas=5), adaptive=plan, days=10, seeds=0), Params(runs=1))
    sizes = np.bincount(people(areas=5).area)
    for day in range(10):
        due = [area for area in range(5) if day in dict(calendars[area])]
        assert played.swabs[0, day] == pytest.approx(sizes[due].sum() * 0.98, rel=0.05)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"people": People(*(np.zeros(0, np.int64),) * 3)}, "nobody"),
        ({"people": People(np.zeros(2, np.int64), np.zeros(3, np.int64), np.zeros(2, np.int64))}, "bad_shape"),
        ({"people": People(*(np.array([0, -5]),) * 3)}, "bad_number"),
        ({"people": People(*(np.array([0.0, np.nan]),) * 3)}, "bad_number"),
        ({"seeds": 9999}, "bad_number"),
        ({"days": 0}, "bad_number"),
        ({"disease": Disease(household=1.5)}, "bad_share"),
        ({"disease": Disease(latent=float("nan"))}, "bad_number"),
        ({"disease": Disease(peak_ct=41.0)}, "bad_number"),
        ({"test": Assay(slope=0.0)}, "bad_number"),
        ({"test": Assay(swab_fails=float("nan"))}, "bad_share"),
        ({"rounds": (Round(99),)}, "bad_round"),
        ({"rounds": (Round(0, size=0),)}, "bad_round"),
        ({"adaptive": Adaptive()}, "two_plans"),
        ({"adaptive": Adaptive(every_none=0), "rounds": ()}, "bad_number"),
        ({"adaptive": Adaptive(past=(Past((0,)),)), "rounds": ()}, "bad_number"),
    ],
)  # fmt: skip
def test_questions_without_meaning_are_named(change: dict[str, object], code: str) -> None:
    with pytest.raises(EpidemicError) as caught:
        solve(town(**change))  # type: ignore[arg-type]
    assert caught.value.code == code
    with pytest.raises(EpidemicError):
        solve(town(), Params(runs=0))


def test_the_judge_finds_planted_faults() -> None:
    asked = town(seeds=20, days=20)
    good = solve(asked, Params(runs=1))
    assert check(asked, good) == []
    log = good.log
    child = int(np.flatnonzero(log.way == 1)[0])
    caught = int(np.flatnonzero(log.found == 0)[0])

    def logged(name: str, row: int, value: int) -> Result:
        column = getattr(log, name).copy()
        column[row] = value
        return replace(good, log=replace(log, **{name: column}))

    faults: dict[str, Result] = {
        "infected_twice": logged("person", 0, int(log.person[1])),
        "case_sum": replace(good, cases=good.cases + 1),
        "free_sum": replace(good, free=good.free + 1),
        "found_sum": replace(good, found=good.found + 1),
        "found_nobody": replace(good, present=good.present * 0),
        "seed_with_source": logged("source", 0, 3),
        "not_infectious": logged("begins", int(log.source[child]), 999),
        "source_removed": logged("removed", int(log.source[child]), -50),
        "not_near": logged("source", child, int(np.flatnonzero(
            asked.people.household[log.person] != asked.people.household[log.person[child]])[0])),
        "no_latency": logged("begins", child, int(log.day[child])),
        "found_but_free": logged("removed", caught, NEVER),
    }  # fmt: skip
    for code, wrong in faults.items():
        assert code in {f.code for f in check(asked, wrong)}, code
    elsewhere = tuple(replace(own, areas=(77,)) for own in asked.rounds)
    assert "other_area" in {f.code for f in check(replace(asked, rounds=elsewhere), good)}
    alone = replace(asked, quarantine_household=False)
    assert "removed_by_nobody" in {f.code for f in check(alone, good)}
