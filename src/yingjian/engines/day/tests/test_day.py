"""The twin against closed forms, SimPy on the same numbers, and what must hold on any day."""

from __future__ import annotations

import math
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
from yingjian.engines.day.model import Day, DayError, Faults, Gone, Habits, Labs, Short, Sites, Slow
from yingjian.engines.day.queue import plates, serve
from yingjian.engines.day.twin import draw, play, simulate, table


def day(people: int = 3000, lanes: tuple[int, ...] = (2, 3), desks: Ints | None = None) -> Day:
    m = len(lanes)
    rng = np.random.default_rng(people)
    sites = Sites(
        lanes=np.array(lanes),
        opens=np.full(m, 420.0),
        lab=np.zeros(m, np.int64),
        ride=np.full(m, 40.0),
        first_pickup=np.full(m, 540.0),
        pickup_every=np.full(m, 120.0),
        vehicle=np.arange(m),
        desks=desks,
    )
    labs = Labs(
        wells=np.array([94]),
        instruments=np.array([4]),
        run=np.array([120.0]),
        opens=np.array([420.0]),
        receivers=np.array([2]),
        receive=np.array([0.5]),
    )
    slot = (420.0 + 30.0 * rng.integers(0, 16, people)).astype(np.float64)
    slot[: people // 10] = np.nan
    return Day(
        site=rng.integers(0, m, people),
        slot=slot,
        sites=sites,
        labs=labs,
        single=rng.random(people) < 0.02,
    )


def waits(arrived: Floats, service: Floats, lanes: int) -> Floats:
    """One site that is always open and never disturbed."""
    n = len(arrived)
    start, end, lane = np.empty(n), np.empty(n), np.empty(n, np.int64)
    serve(
        np.array([0, n]), arrived, service, np.array([lanes]), np.zeros(1), np.zeros(1, np.int64),
        0.0, np.zeros(2, np.int64), np.zeros((0, 3)), np.full(1, 2**62), np.zeros(1), np.inf,
        start, end, lane,
    )  # fmt: skip
    found: Floats = start - arrived
    return found


def erlang_c(lanes: int, load: float, mean: float) -> float:
    """Mean wait of M/M/c, textbook form; `load` per lane, `mean` service."""
    offered = lanes * load
    full = offered**lanes / math.factorial(lanes) / (1 - load)
    queue = full / (sum(offered**k / math.factorial(k) for k in range(lanes)) + full)
    return queue * mean / (lanes * (1 - load))


@pytest.mark.parametrize(("lanes", "load"), [(1, 0.7), (2, 0.75), (4, 0.7)])
def test_many_lanes_wait_as_erlang_says(lanes: int, load: float) -> None:
    rng = np.random.default_rng(11)
    n = 4_000_000
    arrived = np.cumsum(rng.standard_exponential(n) * 0.6 / (lanes * load))
    found = waits(arrived, rng.standard_exponential(n) * 0.6, lanes).mean()
    assert found == pytest.approx(erlang_c(lanes, load, 0.6), rel=0.01)


def test_constant_service_halves_the_wait() -> None:
    """M/D/1: load / (2 x rate x (1 - load))."""
    rng = np.random.default_rng(12)
    n, load = 4_000_000, 0.8
    arrived = np.cumsum(rng.standard_exponential(n) / load)
    found = waits(arrived, np.ones(n), 1).mean()
    assert found == pytest.approx(load / (2 * (1 - load)), rel=0.01)


def test_one_lane_is_lindley() -> None:
    rng = np.random.default_rng(13)
    arrived, service = np.cumsum(rng.exponential(1.0, 5000)), rng.exponential(0.9, 5000)
    wait, expected = 0.0, []
    for k in range(5000):
        if k:
            wait = max(0.0, wait + service[k - 1] - (arrived[k] - arrived[k - 1]))
        expected.append(wait)
    assert np.abs(waits(arrived, service, 1) - expected).max() < 1e-9


def by_simpy(ready: Floats, service: Floats, lanes: int, opens: float) -> tuple[Floats, Floats]:
    """(start, end) of everybody at one site, told by SimPy; people in order of `ready`."""
    env = simpy.Environment()
    desk = simpy.Resource(env, lanes)
    start, end = np.empty(len(ready)), np.empty(len(ready))

    def person(i: int) -> Generator[Any, Any, None]:
        yield env.timeout(max(ready[i], opens))
        with desk.request() as turn:
            yield turn
            start[i] = env.now
            yield env.timeout(service[i])
        end[i] = env.now

    for i in range(len(ready)):
        env.process(person(i))
    env.run()
    return start, end


@pytest.mark.parametrize("desks", [None, np.array([1, 2])])
def test_everybody_waits_as_in_simpy(desks: Ints | None) -> None:
    """The same people, arrivals and lengths: every single wait is equal."""
    asked = day(4000, lanes=(2, 4), desks=desks)
    habits = Habits(service=0.5, register=0.2)
    dice = draw(asked, habits, Faults(), 5)
    run = play(asked, habits, Faults(), dice)
    for j, lanes in enumerate(asked.sites.lanes):
        span = slice(int(dice.ptr[j]), int(dice.ptr[j + 1]))
        ready, order = dice.arrived[span], np.arange(int(np.diff(dice.ptr)[j]))
        if desks is not None:
            assert dice.register is not None
            _, through = by_simpy(ready, dice.register[span], int(desks[j]), 420.0)
            order = np.argsort(through, kind="stable")
            ready = through[order]
        start, end = by_simpy(ready, dice.service[span], int(lanes), 420.0)
        back = np.empty_like(start)
        back[order] = start
        assert np.abs(run.wait[span] - (back - dice.arrived[span])).max() < 1e-9
        assert run.finish[j] == pytest.approx(end.max(), abs=1e-9)


@st.composite
def days(draw_: st.DrawFn) -> tuple[Day, Habits, Faults]:
    m = draw_(st.integers(1, 4))
    lanes = tuple(draw_(st.lists(st.integers(1, 4), min_size=m, max_size=m)))
    asked = day(draw_(st.integers(1, 400)), lanes)
    habits = Habits(
        service=draw_(st.floats(0.1, 5)),
        service_cv=draw_(st.sampled_from([0.0, 0.5, 1.0])),
        no_show=draw_(st.sampled_from([0.0, 0.3])),
        pool=draw_(st.sampled_from([1, 5, 10, 20])),
    )
    faults = Faults(
        slow=tuple(draw_(st.lists(st.sampled_from(SPELLS), max_size=2))),
        vehicles=tuple(draw_(st.lists(st.just(Gone(0, 600.0, 700.0)), max_size=1))),
        labs=tuple(draw_(st.lists(st.just(Gone(0, 700.0, 1000.0)), max_size=1))),
        absent=draw_(st.sampled_from([0.0, 0.3])),
    )
    return asked, habits, faults


SPELLS = [Slow(480.0, 520.0, math.inf), Slow(500.0, 600.0, 1.5), Slow(430.0, 440.0, 3.0, (0,))]


@settings(max_examples=60, deadline=None)
@given(days(), st.integers(0, 1000))
def test_nobody_and_no_tube_is_lost(case: tuple[Day, Habits, Faults], seed: int) -> None:
    asked, habits, faults = case
    run = simulate(asked, habits, faults, seed=seed)
    assert run.tube_people.sum() == len(run.site) <= run.expected
    assert (run.tube_people <= habits.pool).all()
    assert (run.wait >= -1e-9).all()
    came = ~np.isnan(run.finish)
    assert (run.finish[came] >= asked.sites.opens[came]).all()
    for before, after in (
        (run.first_swab, run.sealed),
        (run.sealed, run.picked),
        (run.picked, run.delivered),
        (run.delivered, run.loaded),
        (run.loaded, run.result),
    ):
        assert (before <= after + 1e-9).all()
    assert (run.sealed - run.first_swab <= habits.tube_open + 1e-9).all()
    held = table(run, len(asked.sites.lanes))
    assert held.people.sum() == len(run.site)
    assert np.nansum(held.p50 > held.p95) == np.nansum(held.p95 > held.most) == 0


@settings(max_examples=40, deadline=None)
@given(days(), st.integers(0, 1000))
def test_one_more_lane_makes_nobody_wait_longer(
    case: tuple[Day, Habits, Faults], seed: int
) -> None:
    """On the same dice, undisturbed (a slow spell may catch whom more lanes bring forward)."""
    asked, habits, _ = case
    more = replace(asked, sites=replace(asked.sites, lanes=asked.sites.lanes + 1))
    one = simulate(asked, habits, seed=seed)
    two = simulate(more, habits, seed=seed)
    assert (two.wait <= one.wait + 1e-9).all()


def test_same_seed_same_day_and_another_seed_another() -> None:
    one, two, other = (simulate(day(), seed=s) for s in (4, 4, 5))
    assert (one.wait == two.wait).all()
    assert (one.result == two.result).all()
    assert len(one.wait) != len(other.wait) or (one.wait != other.wait).any()


def test_while_the_network_is_out_nobody_begins() -> None:
    calm, out = simulate(day()), simulate(day(), faults=Faults(slow=(SPELLS[0],)))
    begun = out.arrived + out.wait
    assert not ((begun >= 480.0) & (begun < 520.0)).any()
    assert out.wait.mean() > calm.wait.mean()


def test_each_fault_is_felt_where_it_strikes() -> None:
    calm = simulate(day())
    lost = simulate(day(), faults=Faults(vehicles=(Gone(0, 600.0, 760.0),)))
    own = lost.tube_site == 0
    assert (lost.delivered[own] - calm.delivered[own]).max() > 60
    assert (lost.delivered[~own] == calm.delivered[~own]).all()
    down = simulate(day(), faults=Faults(labs=(Gone(0, 700.0, 1000.0),)))
    assert not ((down.loaded >= 700.0) & (down.loaded < 1000.0)).any()
    assert down.result.mean() > calm.result.mean()
    few = simulate(day(), faults=Faults(short=(Short(1, 20, 800.0),)))
    begun = np.sort((few.arrived + few.wait)[few.site == 1])
    assert begun[199] < 800.0 <= begun[200]
    crowd = simulate(day(), faults=Faults(turnout=2.0))
    assert len(crowd.wait) == pytest.approx(2 * len(calm.wait), rel=0.02)
    ill = simulate(day(lanes=(4, 4)), faults=Faults(absent=0.5))
    assert ill.wait.mean() > simulate(day(lanes=(4, 4))).wait.mean()


def test_a_last_call_has_a_road_of_its_own() -> None:
    """Sites that one vehicle fetches share the road of its runs; whom it fetches last is fetched by another each."""
    asked = day(4000, lanes=(2, 2, 2))
    m = len(asked.sites.lanes)
    sites = replace(
        asked.sites, route=np.zeros(m, np.int64), behind=np.zeros(m), ride=np.full(m, 40.0)
    )
    habits, ways = Habits(ride_cv=0.3), []
    for seed in range(40):
        run = simulate(replace(asked, sites=sites), habits, seed=seed)
        took, due = run.delivered - run.picked, (run.picked - 540.0) % 120.0 == 0
        for moment in np.unique(run.picked[due]):
            ridden = took[due & (run.picked == moment)]
            assert ridden == pytest.approx(np.full(len(ridden), ridden[0])), "one road for a run"
        ways.append([took[~due & (run.tube_site == j)] for j in range(m)])
    assert all(len(way) and np.ptp(way) < 1e-9 for day_ in ways for way in day_), "one last call"
    met = np.corrcoef(np.array([[way[0] for way in day_] for day_ in ways]).T)
    # Of 40 pairs that have nothing to do with one another, one in a thousand is 0.5.
    assert np.abs(met[np.triu_indices(m, 1)]).max() < 0.5


def test_absence_is_felt_where_a_site_has_one_lane() -> None:
    """Whoever is left works at half the pace, until somebody comes; nobody is swabbed sooner than on a full day."""
    calm = simulate(day(lanes=(1, 1)))
    none = simulate(day(lanes=(1, 1)), faults=Faults(absent=1.0))
    relieved = simulate(day(lanes=(1, 1)), faults=Faults(absent=1.0, absent_until=600.0))
    assert none.busy == pytest.approx(2 * calm.busy)
    assert (none.wait >= calm.wait).all()
    assert none.wait.mean() > relieved.wait.mean() > calm.wait.mean()
    some = [simulate(day(lanes=(1, 1)), faults=Faults(absent=share)).busy for share in (0.2, 0.7)]
    assert (some[1] >= some[0]).all(), "the same dice: who is absent stays so"


def test_plates_wait_until_full_or_too_long() -> None:
    ready = np.array([0.0, 1, 2, 3, 50, 51])
    loaded, done = np.empty(6), np.empty(6)
    none = np.zeros((0, 2))
    assert plates(ready, 4, np.zeros(1), 20.0, 30.0, none, loaded, done) == 2
    assert loaded.tolist() == [3, 3, 3, 3, 80, 80]
    assert done.tolist() == [23, 23, 23, 23, 100, 100]
    power_cut = np.array([[10.0, 40.0]])
    plates(ready, 4, np.zeros(1), 20.0, 30.0, power_cut, loaded, done)
    assert done.tolist() == [60, 60, 60, 60, 100, 100]


def test_a_forecast_is_an_interval() -> None:
    found = rehearse(day(), runs=20, seed=1)
    assert found.runs == 20
    for low, middle, high in found.figures.values():
        assert low <= middle <= high
    assert found.figures["last_swab"][0] < found.figures["last_result"][0]
    assert found.finish.shape == (2, 3)
    again = rehearse(day(), runs=20, seed=1)
    assert again.figures == found.figures


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"site": np.zeros(0, np.int64), "slot": np.zeros(0), "single": None}, "nobody"),
        ({"site": np.full(3000, 7)}, "unknown_index"),
        ({"slot": np.full(3000, np.inf)}, "bad_number"),
        ({"slot": np.zeros(3)}, "bad_shape"),
        ({"sites": replace(day().sites, lanes=np.array([0, 1]))}, "no_lanes"),
        ({"sites": replace(day().sites, ride=np.array([np.nan, 1.0]))}, "bad_number"),
        ({"labs": replace(day().labs, instruments=np.array([0]))}, "bad_number"),
        ({"labs": Labs(*(np.zeros(0, np.int64) for _ in range(6)))}, "no_laboratory"),  # type: ignore[arg-type]
    ],
)
def test_days_without_meaning_are_named(change: dict[str, Any], code: str) -> None:
    with pytest.raises(DayError) as caught:
        simulate(replace(day(), **change))
    assert caught.value.code == code
