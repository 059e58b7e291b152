"""A fleet's days: served once, in their windows, never dearer than the parts; every planted fault found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.routing.columns import Column, Fleet, Pool, days, recombine, rounded
from yingjian.engines.routing.fleet import day_of, solve_fleet
from yingjian.engines.routing.fleet_check import check_fleet
from yingjian.engines.routing.fleet_model import (
    FARTHEST,
    FleetParams,
    FleetProblem,
    FleetResult,
    Kinds,
    Places,
    VehicleDay,
)
from yingjian.engines.routing.model import RoutingError

QUICK = FleetParams(iterations=120, leg=40, calm=30, columns=300)


def fleet(
    n: int, seed: int = 1, *, homes: int = 2, trips: int = 9, count: int = 3, turn: int = 0,
    wide: int = 250, capacity: int = 20, price: int = 0,
) -> FleetProblem:  # fmt: skip
    """Places in a square of 100, two homes, windows over a day of 1,000."""
    rng = np.random.default_rng(seed)
    xy = rng.integers(0, 100, (n + homes, 2))
    times = np.rint(np.hypot(*(xy[:, None] - xy[None, :]).transpose(2, 0, 1))).astype(np.int64)
    opens = rng.integers(150, 700, n)
    return FleetProblem(
        places=Places(
            load=rng.integers(1, 8, n), service=rng.integers(0, 12, n), opens=opens,
            closes=opens + rng.integers(40, 40 + wide, n), ready=rng.integers(0, 120, n),
        ),
        kinds=Kinds(
            home=np.arange(homes), count=np.full(homes, count), capacity=np.full(homes, capacity),
            opens=np.zeros(homes, np.int64), closes=np.full(homes, 1000),
            longest=np.full(homes, 1000), trips=np.full(homes, trips),
            price=np.full(homes, price),
        ),
        times=times, prices=times, turn=turn,
    )  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> FleetProblem:
    asked = fleet(
        draw(st.integers(1, 12)), draw(st.integers(0, 99)), trips=draw(st.sampled_from([1, 2, 12])),
        count=draw(st.integers(1, 3)), turn=draw(st.sampled_from([0, 7])),
        price=draw(st.sampled_from([0, 300])),
    )  # fmt: skip
    longest = draw(st.sampled_from([1000, 350]))
    return replace(asked, kinds=replace(asked.kinds, longest=np.full(2, longest)))


@settings(max_examples=8, deadline=None)
@given(asked=questions(), seed=st.integers(0, 9))
def test_no_answer_breaks_a_limit(asked: FleetProblem, seed: int) -> None:
    assert check_fleet(asked, solve_fleet(asked, QUICK, seed=seed)) == []


def test_the_same_seed_gives_the_same_answer() -> None:
    asked = fleet(25, 3)
    assert solve_fleet(asked, QUICK, seed=5) == solve_fleet(asked, QUICK, seed=5)


@pytest.mark.parametrize("seed", range(4))
def test_columns_never_cost_anything_against_the_search_alone(seed: int) -> None:
    """Until its first leg ends the search does the same steps; from there it can only be better."""
    asked = fleet(14, seed)
    params = replace(QUICK, iterations=QUICK.leg, calm=1000)
    alone = solve_fleet(asked, replace(params, columns=0), seed=seed)
    whole = solve_fleet(asked, params, seed=seed)
    assert (len(whole.left), whole.cost) <= (len(alone.left), alone.cost)


def test_what_cannot_be_served_is_told() -> None:
    asked = fleet(6, 2, count=1, homes=1)
    places = replace(asked.places, load=np.array([21, 1, 1, 1, 1, 1]))
    times = asked.times.copy()
    places.closes[1] = places.opens[1] = 0  # nobody is there at the first minute
    result = solve_fleet(replace(asked, places=places, times=times), QUICK)
    assert {0, 1} <= set(result.left)
    assert {b.element for b in result.breaches} >= {"place:0", "place:1"}
    assert check_fleet(replace(asked, places=places), result) == []


def test_more_places_than_vehicles_serve_as_many_as_can_be() -> None:
    """One vehicle, one trip, room for two of five places asked for at the same time of day."""
    asked = fleet(5, 1, homes=1, trips=1, count=1, capacity=2)
    always = Places(
        load=np.ones(5, np.int64), service=np.ones(5, np.int64), opens=np.zeros(5, np.int64),
        closes=np.full(5, 900), ready=np.zeros(5, np.int64),
    )  # fmt: skip
    asked = replace(asked, places=always)
    result = solve_fleet(asked, QUICK)
    assert len(result.left) >= 3
    assert check_fleet(asked, result) == []


# --- the judge -----------------------------------------------------------------------------------


def planted(result: FleetResult, day: VehicleDay) -> FleetResult:
    return replace(result, days=[day, *result.days[1:]])


def test_every_planted_fault_is_found() -> None:
    asked = fleet(20, 7, turn=5)
    good = solve_fleet(asked, QUICK)
    assert good.days
    assert check_fleet(asked, good) == []
    day = max(good.days, key=lambda day: (len(day.legs), len(day.legs[0].places)))
    good = replace(good, days=[day, *(other for other in good.days if other is not day)])
    leg = day.legs[0]

    def codes(result: FleetResult, question: FleetProblem = asked) -> set[str]:
        return {finding.code for finding in check_fleet(question, result)}

    def with_leg(**changes: Any) -> FleetResult:
        return planted(good, replace(day, legs=(replace(leg, **changes), *day.legs[1:])))

    kinds, places = asked.kinds, asked.places
    first = leg.places[0]
    assert "cost" in codes(replace(good, cost=good.cost - 1))
    assert "served" in codes(replace(good, days=good.days[1:]))
    assert "served" in codes(replace(good, days=[*good.days, day]))
    assert "unknown_kind" in codes(planted(good, replace(day, kind=9)))
    assert "unknown_stop" in codes(with_leg(places=(99, *leg.places[1:])))
    assert "empty_day" in codes(planted(good, replace(day, legs=())))
    assert "empty_tour" in codes(with_leg(at=()))
    assert "before_opening" in codes(with_leg(begins=-1))
    assert "too_fast" in codes(with_leg(back=leg.at[-1]))
    assert "too_fast" in codes(with_leg(begins=leg.at[0]))
    assert "before_window" in codes(with_leg(at=(int(places.opens[first]) - 1, *leg.at[1:])))
    assert "after_window" in codes(with_leg(at=(int(places.closes[first]) + 1, *leg.at[1:])))
    assert "not_served" in codes(replace(good, left=(first,)))
    assert "vehicle_twice" in codes(planted(good, replace(day, legs=(leg, *day.legs))))
    for code, changed in (
        ("after_closing", replace(kinds, closes=np.full(2, day.legs[-1].back - 1))),
        ("too_long", replace(kinds, longest=np.full(2, day.legs[-1].back - leg.begins - 1))),
        ("vehicles", replace(kinds, count=np.array([0, 0]) + (np.arange(2) != day.kind))),
        ("vehicle_full", replace(kinds, capacity=np.zeros(2, np.int64))),
        ("too_many_trips", replace(kinds, trips=np.ones(2, np.int64))),
    ):
        if code != "too_many_trips" or len(day.legs) > 1:
            assert code in codes(good, replace(asked, kinds=changed)), code
    late = replace(places, ready=np.full(20, leg.begins + 1))
    assert "not_ready" in codes(good, replace(asked, places=late))


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("no_base", {"times": np.zeros((4, 4), np.int64)}),
        ("bad_shape", {"prices": np.zeros((3, 3), np.int64)}),
        ("bad_number", {"times": np.full((6, 6), -1)}),
        ("bad_number", {"times": np.full((6, 6), np.nan)}),
        ("bad_number", {"turn": -1}),
        ("bad_number", {"load": np.full(4, FARTHEST + 1)}),
        ("bad_shape", {"service": np.zeros(3, np.int64)}),
        ("never_open", {"closes": np.zeros(4, np.int64)}),
        ("no_vehicle", {"count": np.zeros(2, np.int64)}),
        ("unknown_index", {"home": np.array([0, 2])}),
        ("bad_number", {"trips": np.zeros(2, np.int64)}),
    ],
)
def test_questions_without_meaning_are_named(code: str, changes: dict[str, Any]) -> None:
    asked = fleet(4)
    for name, value in changes.items():
        if hasattr(asked.places, name) and name != "closes":
            asked = replace(asked, places=replace(asked.places, **{name: value}))
        elif name == "closes":
            asked = replace(asked, places=replace(asked.places, closes=value))
        elif hasattr(asked.kinds, name):
            asked = replace(asked, kinds=replace(asked.kinds, **{name: value}))
        else:
            asked = replace(asked, **{name: value})
    with pytest.raises(RoutingError) as raised:
        solve_fleet(asked, QUICK)
    assert raised.value.code == code


def test_no_place_at_all_is_named() -> None:
    with pytest.raises(RoutingError) as raised:
        solve_fleet(fleet(0))
    assert raised.value.code == "no_stops"


# --- columns -------------------------------------------------------------------------------------


def test_trips_of_different_days_are_put_together_and_never_overlap() -> None:
    """Two vehicles; the cheap three trips are out at once at minute 60, so one dear one is taken."""
    fleet_ = Fleet(places=3, count=(2,), price=(0,), by_trip=(True,))
    cheap = [Column(0, (p,), 50 + p, 100, 10) for p in range(3)]
    dear = Column(0, (2,), 100, 150, 19)
    pool = Pool(most=9)
    pool.add([*cheap, dear], 1)
    found = recombine(pool, fleet_, [], narrow=9, nodes=50, stop=lambda: False).better
    assert found is not None
    assert sorted((c.calls, c.price) for c in found) == [((0,), 10), ((1,), 10), ((2,), 19)]
    assert len(days(fleet_, found)) == 2


def test_a_vehicle_used_is_paid_for_once() -> None:
    """Three trips one after the other need one vehicle, at 100; side by side they would need three."""
    fleet_ = Fleet(places=3, count=(3,), price=(100,), by_trip=(True,))
    pool = Pool(most=9)
    pool.add([Column(0, (p,), 0, 50, 1) for p in range(3)], 1)
    pool.add([Column(0, (p,), 50 * p, 50 * p + 50, 20) for p in range(3)], 1)
    found = recombine(pool, fleet_, [], narrow=9, nodes=50, stop=lambda: False).better
    assert found is not None
    assert len(days(fleet_, found)) == 1


def test_rounding_takes_no_place_twice_and_no_vehicle_too_many() -> None:
    fleet_ = Fleet(places=4, count=(1,), price=(0,), by_trip=(False,))
    liked = [(0.9, Column(0, (0, 1), 0, 9, 5)), (0.5, Column(0, (2,), 0, 9, 5))]
    assert [c.calls for c in rounded(fleet_, liked)] == [(0, 1)]


def test_a_day_leaves_no_earlier_than_it_must() -> None:
    asked = fleet(3, 1)
    alone = day_of(asked, 0, [[0]])
    assert alone is not None
    leg = alone.legs[0]
    home = asked.size
    assert leg.begins == max(
        int(asked.places.ready[0]), int(asked.places.opens[0]) - int(asked.times[home, 0])
    )
