"""Staffing: fewest seats proven, one place per person, qualifications and quotas kept, faults found."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.staffing import solve as solver
from yingjian.engines.staffing.check import check
from yingjian.engines.staffing.lanes import lanes_by_time
from yingjian.engines.staffing.model import (
    LONG_AGO,
    Breach,
    Institutions,
    People,
    Problem,
    Result,
    Ride,
    StaffingError,
)
from yingjian.engines.staffing.shifts import letters, rotation, spells
from yingjian.engines.staffing.solve import solve

ABA = letters(3, length=1, pattern="ABA")


def county(
    sites: int = 3, people: int = 60, seed: int = 1, *, jobs: int = 2, institutions: int = 3,
    **changes: object,
) -> Problem:  # fmt: skip
    rng = np.random.default_rng(seed)
    asked = Problem(
        need=rng.integers(0, 4, (sites, jobs, 3)) + np.eye(1, 3, dtype=np.int64),
        patterns=ABA,
        people=People(
            institution=rng.integers(0, institutions, people),
            jobs=rng.random((people, jobs)) < 0.7,
            vaccinated=np.where(rng.random(people) < 0.2, -600, LONG_AGO),
            worked=rng.integers(0, 3000, people),
            available=rng.random(people) < 0.9,
        ),
        institutions=Institutions(
            least=np.full(institutions, 2),
            most=np.full(institutions, 30),
            travel=rng.integers(1, 60, (institutions, sites)),
        ),
        period=240,
        apart=(0,),
        separation=2880,
        standby=0.1,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    sites=st.integers(1, 4), people=st.integers(1, 40), seed=st.integers(0, 999),
    jobs=st.integers(1, 3), institutions=st.integers(1, 4),
)  # fmt: skip
def test_every_roster_holds_before_the_judge(
    sites: int, people: int, seed: int, jobs: int, institutions: int
) -> None:
    asked = county(sites, people, seed, jobs=jobs, institutions=institutions)
    result = solve(asked)
    assert check(asked, result) == []
    names = [post.person for post in result.posts if post.person >= 0]
    assert len(names) == len(set(names))
    assert result.gap < 1e-9  # the transport problem is whole by itself


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999))
def test_ways_added_by_price_are_as_good_as_all_ways(seed: int) -> None:
    own = np.random.default_rng(seed).integers(-1, 3, 60)
    asked = county(6, 60, seed, jobs=3, institutions=9)
    asked = replace(
        asked, people=replace(asked.people, own=own), urgency=np.arange(6) * 10**6 + 10**7
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "NEAREST", 1)
        few = solve(asked)
        patch.setattr(solver, "NEAREST", 99)
        every = solve(asked)
    assert check(asked, few) == check(asked, every) == []
    assert (few.cost, few.gap) == (every.cost, 0.0)


def test_seats_already_cut_are_kept() -> None:
    asked = county(2, 40, 3)
    cut = {(0, 0): (0, 0, 1), (1, 1): (1,)}
    need = np.zeros((2, 2, 3), dtype=np.int64)
    need[0, 0], need[1, 1] = (2, 1, 2), (0, 1, 0)
    given = replace(asked, need=need, fixed=cut)
    result = solve(given)
    assert check(given, result) == []
    assert sorted((p.site, p.job, p.pattern) for p in result.posts) == [
        (0, 0, 0), (0, 0, 0), (0, 0, 1), (1, 1, 1),
    ]  # fmt: skip
    lost = replace(result, posts=result.posts[1:])
    assert "seats" in {finding.code for finding in check(given, lost)}
    with pytest.raises(StaffingError):
        solve(replace(given, fixed={(0, 0): (9,)}))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(1, 30), st.integers(1, 20))
def test_more_people_never_cost_more(seed: int, people: int, more: int) -> None:
    few = county(people=people + more, seed=seed)
    kept = replace(
        few, people=replace(few.people, available=few.people.available & (np.arange(people + more) < people))
    )  # fmt: skip
    assert solve(few).cost <= solve(kept).cost


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_covers_are_the_fewest(profile: list[int]) -> None:
    """Against trying every number of every pattern."""
    patterns = rotation(5, least=2, most=3, rest=1, day=4)
    need = np.array(profile, dtype=np.int64).reshape(1, 1, 5)
    if not need.any():
        return
    asked = county(1, 40, jobs=1, need=need, patterns=patterns)
    result = solve(asked)
    fewest = next(
        size
        for size in range(20)
        if any(
            (patterns[list(chosen)].sum(axis=0) >= profile).all()
            for chosen in itertools.combinations_with_replacement(range(len(patterns)), size)
        )
    )
    assert len(result.posts) == fewest
    assert result.seats_bound <= fewest


def test_same_question_same_roster() -> None:
    assert solve(county()) == solve(county())


def test_teams_take_turns() -> None:
    """Eight to a lane in two teams of four: A works the first and the third shift (R35, R36)."""
    asked = county(1, 60, jobs=1, need=np.full((1, 1, 3), 4))
    result = solve(asked)
    turns = [spells(asked.patterns[post.pattern]) for post in result.posts]
    assert sorted(turns) == [[(0, 1), (2, 3)]] * 4 + [[(1, 2)]] * 4


def test_turns_keep_their_length_and_rest() -> None:
    for mask in rotation(12, least=2, most=4, rest=2, day=8):
        own = spells(mask)
        assert all(b - a <= 4 and (b - a >= 2 or b == 12) for a, b in own)
        assert all(c - b >= 2 for (_, b), (c, _) in itertools.pairwise(own))
        assert sum(b - a for a, b in own) <= 8


def test_those_who_worked_least_take_the_longest_turns() -> None:
    asked = county(1, 2, jobs=1, need=np.ones((1, 1, 3), np.int64))
    asked = replace(
        asked,
        people=People(
            np.zeros(2, np.int64), np.ones((2, 1), bool), np.full(2, LONG_AGO),
            np.array([900, 100]), np.ones(2, bool),
        ),
    )  # fmt: skip
    long = next(p for p in solve(asked).posts if asked.patterns[p.pattern].sum() == 2)
    assert long.person == 1


def test_a_vaccinator_takes_no_swabs_but_may_register() -> None:
    asked = county(1, 2, need=np.array([[[1, 0, 0], [1, 0, 0]]]), standby=0.0)
    asked = replace(
        asked,
        people=People(
            np.zeros(2, np.int64), np.ones((2, 2), bool), np.array([-600, LONG_AGO]),
            np.zeros(2, np.int64), np.ones(2, bool),
        ),
    )  # fmt: skip
    assert {post.person: post.job for post in solve(asked).posts} == {0: 1, 1: 0}


def test_too_few_people_leave_named_seats_empty() -> None:
    asked = county(2, 3)
    result = solve(asked)
    assert check(asked, result) == []
    assert "uncovered" in {b.rule for b in result.breaches}


def test_a_quota_is_never_exceeded() -> None:
    asked = county(people=80)
    tight = replace(asked, institutions=replace(asked.institutions, most=np.array([1, 2, 30])))
    result = solve(tight)
    assert check(tight, result) == []
    sent = np.bincount(
        [asked.people.institution[p.person] for p in result.posts if p.person >= 0], minlength=3
    )
    assert (sent <= [1, 2, 30]).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=6, max_size=6), st.integers(1, 12))
def test_lanes_serve_everybody_the_day_allows(people: list[int], most: int) -> None:
    arrivals = np.array([people], dtype=float)
    limit = np.array([most])
    opened = lanes_by_time(arrivals, per_hour=100.0, load=0.85, period=60, queue=30.0, most=limit)
    assert (opened.lanes <= most).all()
    waiting = 0.0
    for t, lanes in enumerate(opened.lanes[0].tolist()):
        waiting = max(0.0, waiting + people[t] - lanes * 85)
        if lanes < most:
            assert waiting <= lanes * 50 + 1e-6  # half an hour's work of those lanes
    assert int(np.ceil(waiting - 1e-6)) == int(opened.left[0])
    more = lanes_by_time(arrivals, per_hour=100.0, load=0.85, period=60, queue=30.0, most=limit + 1)
    assert more.left[0] <= opened.left[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"need": np.zeros((3, 2, 3), np.int64)}, "nobody_needed"),
        ({"need": np.zeros((0, 2, 3), np.int64)}, "nobody_needed"),
        ({"need": np.full((3, 2, 3), -1)}, "bad_number"),
        ({"need": np.full((3, 2, 3), np.nan)}, "bad_number"),
        ({"patterns": np.zeros((0, 3), bool)}, "no_patterns"),
        ({"patterns": np.zeros((1, 3), bool)}, "no_pattern_covers"),
        ({"patterns": np.ones((1, 4), bool)}, "bad_shape"),
        ({"apart": (5,)}, "unknown_index"),
        ({"period": 0}, "bad_number"),
        ({"standby": float("nan")}, "bad_number"),
        ({"seats": 0}, "bad_number"),
    ],
)
def test_questions_without_meaning_are_named(change: dict[str, object], code: str) -> None:
    with pytest.raises(StaffingError) as caught:
        solve(county(**change))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_people_and_numbers_without_meaning_are_named() -> None:
    asked = county()
    none = np.zeros(0, np.int64)
    nobody = People(none, np.zeros((0, 2), bool), none, none, np.zeros(0, bool))
    lost = replace(asked.people, institution=np.full(60, 9))
    for wrong, code in (
        (replace(asked, people=nobody), "nobody"),
        (replace(asked, people=lost), "unknown_index"),
        (replace(asked, people=replace(asked.people, worked=np.full(60, -1))), "bad_number"),
    ):
        with pytest.raises(StaffingError) as caught:
            solve(wrong)
        assert caught.value.code == code
    one = np.ones((1, 2))
    for arrivals, per_hour in ((one * np.nan, 100.0), (one, 0.0), (np.ones(2), 100.0)):
        with pytest.raises(StaffingError):
            lanes_by_time(
                arrivals, per_hour=per_hour, load=0.8, period=60, queue=30.0, most=np.ones(1, int)
            )
    with pytest.raises(StaffingError, match="bad_number"):
        letters(3, length=0, pattern="ABA")
    with pytest.raises(StaffingError, match="bad_number"):
        rotation(3, least=3, most=2, rest=0, day=3)
    with pytest.raises(StaffingError, match="too_many_patterns"):
        rotation(40, least=1, most=4, rest=0, day=40)


def test_the_judge_finds_planted_faults() -> None:
    asked = county(people=120)
    good = solve(asked)
    assert check(asked, good) == []
    first, rest = good.posts[0], good.posts[1:]
    unfit = int(np.argmin(asked.people.jobs[:, first.job]))
    ill = int(np.argmax(~asked.people.available & asked.people.jobs[:, first.job]))
    recent = int(np.argmax(asked.people.jobs[:, 0] & (asked.people.vaccinated > LONG_AGO)))

    def post(**changes: object) -> Result:
        return replace(good, posts=[replace(first, **changes), *rest])  # type: ignore[arg-type]

    faults: dict[str, Result] = {
        "unknown_index": post(pattern=99),
        "need": replace(good, posts=rest),
        "two_places": post(person=rest[0].person),
        "not_qualified": post(person=unfit),
        "not_available": post(person=ill),
        "vaccinator": post(job=0, person=recent),
        "uncovered": post(person=-1),
        "ride": replace(good, rides=[Ride(0, 0, 1, 1)]),
        "standby": replace(good, standby=good.standby[:1]),
        "standby_rank": replace(good, standby=[replace(s, rank=5) for s in good.standby]),
        "cost": replace(good, cost=good.cost - 1),
        "bound_above_cost": replace(good, bound=good.cost * 1.1),
        "false_breach": replace(good, breaches=[Breach("uncovered", "site:0:job:0", 1, 2)]),
    }
    for code, wrong in faults.items():
        assert code in {f.code for f in check(asked, wrong)}, code
    tight = replace(asked, institutions=replace(asked.institutions, most=np.ones(3, np.int64)))
    assert "quota_most" in {f.code for f in check(tight, good)}
    eager = replace(asked, institutions=replace(asked.institutions, least=np.full(3, 99)))
    assert "quota_least" in {f.code for f in check(eager, good)}
