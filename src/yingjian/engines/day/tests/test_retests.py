"""Re-tests of positive tubes: against an event simulation, against the pool formulas, and what must hold on any day."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.day.forecast import rehearse
from yingjian.engines.day.model import (
    Day,
    DayError,
    Doors,
    Faults,
    Gone,
    Habits,
    Positives,
    Retest,
    Run,
)
from yingjian.engines.day.tests.test_day import day
from yingjian.engines.day.twin import draw, play, simulate
from yingjian.engines.pooling.dorfman import dorfman
from yingjian.engines.pooling.homes import USUAL, reads

HOME = 3


def infected(
    asked: Day, share: float, *, kept: int = 8, benches: int = 1, attack: float = 0.0,
    specificity: float = 1.0, **more: Any,
) -> Day:  # fmt: skip
    """The same day with so many infected, and wells kept for their re-tests."""
    m, k = len(asked.sites.lanes), len(asked.labs.wells)
    how = Retest(attack=attack, specificity=specificity)
    labs = replace(asked.labs, kept=np.full(k, kept), kept_benches=np.full(k, benches))
    return replace(asked, labs=labs, positives=Positives(np.full(m, share), **{"how": how} | more))


def homes(asked: Day) -> Day:
    """Everybody in a household of three that is called together."""
    n = len(asked.site)
    lead = np.arange(n) // HOME * HOME
    return replace(asked, site=asked.site[lead], slot=asked.slot[lead], party=lead, single=None)


def parts(run: Run) -> list[Any]:
    times = [run.arrived, run.wait, run.finish, run.delivered, run.loaded, run.result]
    return [*times, run.lane, run.tube_people]


@pytest.mark.parametrize("desks", [None, np.array([2, 2])])
def test_the_round_itself_is_the_same_with_and_without(desks: Ints | None) -> None:
    asked = day(desks=desks)
    plain, ill = simulate(asked, seed=3), simulate(infected(asked, 0.01), seed=3)
    assert plain.again is None
    assert ill.again is not None
    assert ill.again.pools > 0
    for one, other in zip(parts(plain), parts(ill), strict=True):
        assert np.array_equal(one, other, equal_nan=True)
    base, more = rehearse(asked, runs=6, seed=2), rehearse(infected(asked, 0.01), runs=6, seed=2)
    assert base.figures == {name: more.figures[name] for name in base.figures}
    assert set(more.figures) - set(base.figures) >= {"pools_positive", "cleared", "retest_p95"}


def test_nobody_infected_and_no_false_alarm_is_nothing_to_do() -> None:
    again = simulate(infected(day(), 0.0), seed=1).again
    assert again is not None
    assert (again.pools, again.infected, again.wells, len(again.tube)) == (0, 0, 0, 0)
    figures = rehearse(infected(day(), 0.0), runs=3).figures
    assert figures["pools_positive"] == (0.0, 0.0, 0.0)
    assert np.isnan(figures["cleared"]).all(), "no suspicion, no last one"


def test_any_number_of_threads_says_the_same() -> None:
    asked = infected(homes(day(6000, (2, 3, 1, 4))), 0.01, attack=0.3, specificity=0.99)
    one, two = (simulate(asked, seed=7, threads=n) for n in (1, 3))
    assert one.again is not None
    assert two.again is not None
    assert (one.again.tube == two.again.tube).all()
    assert (one.again.result == two.again.result).all()
    spread = [rehearse(asked, runs=6, seed=1, threads=n).figures for n in (1, 2)]
    assert spread[0] == spread[1]


def told_by_simpy(run: Run, asked: Day, habits: Habits, teams: int) -> tuple[Floats, list[float]]:
    """(last single result of each pool, when each plate begins) by events: teams and kept instruments as they are free.

    The lengths of the ways are the run's dice.
    """
    again, positives, labs = run.again, asked.positives, asked.labs
    assert again is not None
    assert positives is not None
    assert labs.kept is not None
    assert labs.kept_benches is not None
    env = simpy.Environment()
    team, result = simpy.Resource(env, teams), np.zeros(len(again.told))
    waiting: list[tuple[float, int]] = []
    free, began = [int(labs.kept_benches[0])], []
    wells, how = int(labs.kept[0]), positives.how

    def look() -> None:
        """Begin what can begin now: a full plate, or one whose oldest tube has waited long enough."""
        while free[0] and waiting:
            if len(waiting) < wells and env.now < waiting[0][0] + how.wait - 1e-9:
                return
            plate = [waiting.pop(0) for _ in range(min(wells, len(waiting)))]
            free[0] -= 1
            began.append(env.now)
            env.process(running([pool for _, pool in plate]))

    def running(pools: list[int]) -> Generator[Any, Any, None]:
        yield env.timeout(how.run)
        for pool in pools:
            if pool >= 0:
                result[pool] = max(result[pool], env.now + habits.review)
        free[0] += 1
        look()

    def waits(minutes: float, tubes: int, pool: int) -> Generator[Any, Any, None]:
        yield env.timeout(minutes)
        waiting.extend([(env.now, pool)] * tubes)
        look()
        yield env.timeout(how.wait)
        look()

    def flagged(pool: int) -> Generator[Any, Any, None]:
        yield env.timeout(again.told[pool])
        if positives.original:
            env.process(waits(0.0, 1, -1))
        with team.request() as turn:
            yield turn
            yield env.timeout(again.handed[pool] - again.called[pool])
        tubes = int(again.people[pool]) * positives.swabs
        env.process(waits(float(labs.receive[0]) * tubes, tubes, pool))

    for pool in range(len(again.told)):
        env.process(flagged(pool))
    env.run()
    return result, began


@pytest.mark.parametrize(("teams", "kept", "benches"), [(2, 94, 1), (3, 8, 2), (40, 5, 3)])
def test_re_tests_end_as_in_an_event_simulation(teams: int, kept: int, benches: int) -> None:
    """The same pools and lengths: every pool's last single result is equal."""
    asked = infected(
        day(4000), 0.01, kept=kept, benches=benches, teams=teams, swabs=2, original=True,
        specificity=0.99, attack=0.0,
    )  # fmt: skip
    habits = Habits()
    run = play(asked, habits, Faults(), draw(asked, habits, Faults(), 5))
    again = run.again
    assert again is not None
    assert len(again.tube) > 20
    assert teams >= 40 or (again.called > again.told).any(), "somebody waits for a team"
    result, began = told_by_simpy(run, asked, habits, teams)
    assert len(began) > 1
    assert np.abs(result - again.result).max() < 1e-6


def test_who_waits_too_long_goes_home_as_in_simpy() -> None:
    asked, patience = day(1500, (1, 2)), 9.0
    asked = replace(asked, sites=replace(asked.sites, opens=np.zeros(2)))
    habits, faults = Habits(service=0.9), Faults(patience=patience)
    dice = draw(asked, habits, faults, 2)
    run = play(asked, habits, faults, dice)
    assert run.gave_up is not None
    assert run.gave_up == (run.lane < 0).sum()
    assert 0 < run.gave_up < len(run.wait)
    for j, lanes in enumerate(asked.sites.lanes):
        span = slice(int(dice.ptr[j]), int(dice.ptr[j + 1]))
        start = impatient(dice.arrived[span], dice.service[span], int(lanes), patience)
        left = run.lane[span] < 0
        assert (np.isnan(start) == left).all()
        assert (
            np.abs(run.wait[span] - np.where(left, patience, start - dice.arrived[span])).max()
            < 1e-9
        )
    assert run.tube_people.sum() == len(run.wait) - run.gave_up
    assert simulate(asked, habits, seed=2).gave_up is None
    came, told = (
        rehearse(asked, habits, what, runs=1, seed=2).figures for what in (Faults(), faults)
    )
    assert told["swabbed"][1] == came["swabbed"][1] - told["gave_up"][1]


def impatient(ready: Floats, service: Floats, lanes: int, patience: float) -> Floats:
    """When each begins at one site, told by SimPy; NaN: went home."""
    env = simpy.Environment()
    desk, start = simpy.Resource(env, lanes), np.full(len(ready), np.nan)

    def person(i: int) -> Generator[Any, Any, None]:
        yield env.timeout(ready[i])
        with desk.request() as turn:
            if turn in (yield turn | env.timeout(patience)):
                start[i] = env.now
                yield env.timeout(service[i])

    for i in range(len(ready)):
        env.process(person(i))
    env.run()
    return start


def test_pools_are_found_as_the_formulas_say() -> None:
    """Everybody infected by themselves: Dorfman's tests and his share found; two wells for every member."""
    share, how = 0.01, Retest(attack=0.0, specificity=0.999)
    asked = infected(replace(day(4000), single=None), share, swabs=2, specificity=0.999)
    pool = how.sensitivity * reads(how.dilution, USUAL)
    runs = [simulate(asked, seed=s) for s in range(60)]
    every = [run.again for run in runs if run.again is not None]
    people, tubes = sum(len(run.wait) for run in runs), sum(len(run.tube_site) for run in runs)
    ill = sum(one.infected for one in every)
    assert ill / people == pytest.approx(share, rel=0.06)
    formula = dorfman(
        share, 10, sensitivity=1 - (1 - how.sensitivity) ** 2, specificity=how.specificity,
        pool_sensitivity=pool,
    )  # fmt: skip
    members = sum(int(one.people.sum()) for one in every)
    assert members / people == pytest.approx(formula.tests_per_person - 0.1, rel=0.06)
    # two infected in one tube flag it for each other, which the formula leaves out
    assert (
        formula.sensitivity < sum(one.confirmed for one in every) / ill < formula.sensitivity + 0.03
    )
    assert sum(one.wells for one in every) == 2 * members
    assert sum(one.pools for one in every) / tubes == pytest.approx(members / people, rel=0.1)


def test_households_share_infections_and_tubes() -> None:
    """As many infected, in fewer tubes."""
    asked = homes(day(3000, (1, 1, 1)))  # of one lane: a household meets in its tube
    apart, near = infected(asked, 0.02), infected(asked, 0.02, attack=0.5)
    told = [
        [run.again for seed in range(40) if (run := simulate(one, seed=seed)).again is not None]
        for one in (apart, near)
    ]
    ill = [sum(one.infected for one in own) for own in told]
    pools = [sum(one.pools for one in own) for own in told]
    assert ill[1] == pytest.approx(ill[0], rel=0.08)
    assert pools[1] < 0.75 * pools[0]


def test_ten_times_the_infected_are_those_and_more() -> None:
    asked = infected(day(5000), 0.002)
    few, many = (simulate(asked, faults=Faults(positives=n), seed=3).again for n in (1.0, 10.0))
    assert few is not None
    assert many is not None
    assert set(few.tube.tolist()) < set(many.tube.tolist())
    assert many.infected > 5 * few.infected > 0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1000), st.sampled_from([0.0, 0.003, 0.05, 1.0]), st.sampled_from([0.0, 0.4]),
    st.integers(1, 3), st.integers(1, 20), st.integers(1, 3), st.booleans(),
)  # fmt: skip
def test_each_step_follows_the_one_before(
    seed: int, share: float, attack: float, teams: int, kept: int, swabs: int, original: bool
) -> None:
    asked = infected(
        homes(day(300)), share, kept=kept, attack=attack, specificity=0.98, teams=teams, swabs=swabs,
        original=original,
    )  # fmt: skip
    again = simulate(asked, seed=seed).again
    assert again is not None
    assert asked.positives is not None
    for before, after in (
        (again.told, again.called), (again.called, again.swabbed), (again.swabbed, again.handed),
        (again.handed, again.result),
    ):  # fmt: skip
        assert (before <= after).all()
    assert (np.diff(again.told) >= 0).all()
    assert len(np.unique(again.tube)) == len(again.tube) == again.pools
    assert again.wells == again.people.sum() * swabs + again.pools * original
    assert again.confirmed <= again.infected
    assert len(again.took) == again.people.sum()
    if again.pools:
        assert again.took.max() == pytest.approx((again.result - again.told).max())
    more = replace(asked, positives=replace(asked.positives, teams=teams + 1))
    sooner = simulate(more, seed=seed).again
    assert sooner is not None
    assert (sooner.handed <= again.handed + 1e-9).all()


def test_tubes_of_doors_are_looked_into_too() -> None:
    asked = day(200)
    count = 400
    doors = Doors(
        site=np.zeros(count, np.int64), outing=np.arange(count), leaves=np.full(count, 500.0),
        first_swab=np.full(count, 510.0), back=np.full(count, 560.0), people=np.full(count, 4),
    )  # fmt: skip
    run = simulate(infected(replace(asked, doors=doors), 0.05), seed=1)
    assert run.again is not None
    at_doors = run.again.tube[run.again.people == 4]
    assert (at_doors >= len(run.tube_site) - count).all()
    expected = count * (1 - 0.95**4)
    assert 0.7 * expected < len(at_doors) <= 1.1 * expected


def test_a_preset_may_let_a_single_positive_stand() -> None:
    asked = replace(day(3000), single=np.arange(3000) % 3 == 0)
    twice, once = (infected(asked, 0.02, singles=again) for again in (True, False))
    both = [simulate(one, seed=2).again for one in (twice, once)]
    assert both[0] is not None
    assert both[1] is not None
    assert both[0].pools == both[1].pools > len(both[1].tube) > 0
    assert len(both[0].tube) == both[0].pools
    assert both[1].confirmed >= both[0].confirmed


def test_swabs_for_two_laboratories_wait_for_the_later_one() -> None:
    """A second laboratory far slower: who is swabbed and when stays the same, all results wait for it."""
    asked = day(3000)
    labs = replace(
        asked.labs, wells=np.array([94, 94]), instruments=np.array([4, 1]), run=np.array([120.0, 120.0]),
        opens=np.array([420.0, 2000.0]), receivers=np.array([2, 2]), receive=np.array([0.5, 0.5]),
    )  # fmt: skip
    one = infected(replace(asked, labs=labs), 0.01, swabs=2, specificity=0.999)
    assert one.positives is not None
    m = len(asked.sites.lanes)
    there = replace(one, positives=replace(one.positives, to=np.zeros((m, 2), np.int64)))
    both = replace(one, positives=replace(one.positives, to=np.tile([0, 1], (m, 1))))
    near = replace(one, positives=replace(one.positives, ride=np.full(m, 5.0)))
    plain, same, split, soon = (simulate(what, seed=3).again for what in (one, there, both, near))
    assert plain is not None
    assert same is not None
    assert split is not None
    assert soon is not None
    assert len(plain.tube) > 5
    assert (same.result == plain.result).all()
    assert (split.handed == plain.handed).all()
    assert split.wells == plain.wells
    assert (split.result >= 2000.0 + 90.0).all()
    assert plain.result.min() < 2000.0
    assert (soon.swabbed == plain.swabbed).all()
    assert (soon.handed < plain.handed).all()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": np.zeros((2, 3), np.int64)}, "bad_shape"),
        ({"to": np.full((2, 1), 7)}, "unknown_index"),
        ({"original_to": np.array([0, -1])}, "unknown_index"),
        ({"ride": np.array([1.0, np.inf])}, "bad_number"),
        ({"ride": np.array([1.0])}, "bad_shape"),
    ],
)
def test_swabs_that_go_nowhere_are_named(change: dict[str, Any], code: str) -> None:
    asked = infected(day(), 0.01)
    assert asked.positives is not None
    with pytest.raises(DayError) as caught:
        simulate(replace(asked, positives=replace(asked.positives, **change)))
    assert caught.value.code == code


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.floats(0.0, 0.05), st.floats(1.0, 8.0))
def test_more_infected_never_means_fewer_single_swabs(seed: int, share: float, more: float) -> None:
    asked = infected(homes(day(300)), share, attack=0.3, specificity=0.99)
    few, many = (simulate(asked, faults=Faults(positives=n), seed=seed).again for n in (1.0, more))
    assert few is not None
    assert many is not None
    assert many.people.sum() >= few.people.sum()
    assert set(few.tube.tolist()) <= set(many.tube.tolist())


def test_a_laboratory_that_is_down_begins_no_re_test() -> None:
    asked = infected(day(3000), 0.01)
    calm = simulate(asked, seed=4).again
    struck = simulate(asked, faults=Faults(labs=(Gone(0, 500.0, 1400.0),)), seed=4).again
    assert calm is not None
    assert struck is not None
    assert (struck.result >= 1400.0 + 90.0).all()
    assert calm.result.min() < 1400.0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"share": np.full(2, 1.5)}, "bad_number"),
        ({"share": np.full(2, np.nan)}, "bad_number"),
        ({"share": np.zeros(3)}, "bad_shape"),
        ({"swabs": 0}, "bad_number"),
        ({"teams": 0}, "bad_number"),
        ({"how": Retest(run=0.0)}, "bad_number"),
        ({"how": Retest(dilution=0.5)}, "bad_number"),
    ],
)
def test_re_tests_without_meaning_are_named(change: dict[str, Any], code: str) -> None:
    asked = infected(day(), 0.01)
    assert asked.positives is not None
    with pytest.raises(DayError) as caught:
        simulate(replace(asked, positives=replace(asked.positives, **change)))
    assert caught.value.code == code
    with pytest.raises(DayError) as caught:
        simulate(replace(asked, labs=day().labs))
    assert caught.value.code == "no_kept_wells"
