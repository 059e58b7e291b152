"""Routing: every tube carried, the oldest in time, limits kept, bad questions named, faults found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.routing import teams
from yingjian.engines.routing.check import check, check_tours
from yingjian.engines.routing.model import (
    Breach,
    Labs,
    Params,
    Problem,
    Result,
    RoutingError,
    Rules,
    Stops,
    Tours,
    road_minutes,
)
from yingjian.engines.routing.solve import solve

QUICK = Params(iterations=40)
RULES = Rules(every=120, deliver=240, capacity=2000)


def day(
    places: list[tuple[float, float]],
    tubes: list[int],
    rules: Rules = RULES,
    *,
    labs: int = 1,
    areas: list[int] | None = None,
    hours: tuple[int, int] = (480, 1080),
) -> Problem:
    n = len(places)
    spots = [*places, *((3000.0 * k, 0.0) for k in range(labs))]
    xy = np.array(spots, dtype=float)
    return Problem(
        stops=Stops(
            tubes=np.array(tubes, dtype=np.int64),
            opens=np.full(n, hours[0]),
            closes=np.full(n, hours[1]),
            lab=np.arange(n) % labs,
            area=None if areas is None else np.array(areas),
        ),
        labs=Labs(np.zeros(labs, np.int64), np.full(labs, 1800), np.full(labs, 2000)),
        minutes=road_minutes(xy[:, 0], xy[:, 1], km_per_h=40.0, road_factor=1.3),
        rules=rules,
    )


def county(n: int, seed: int = 1, **changes: object) -> Problem:
    rng = np.random.default_rng(seed)
    spots = [(float(x), float(y)) for x, y in rng.normal(0, 9000, (n, 2))]
    return day(spots, rng.integers(20, 200, n).tolist(), **changes)  # type: ignore[arg-type]


@st.composite
def days(draw: st.DrawFn) -> Problem:
    n = draw(st.integers(1, 9))
    place = st.tuples(st.integers(-40_000, 40_000), st.integers(-40_000, 40_000))
    places = [(float(x), float(y)) for x, y in draw(st.lists(place, min_size=n, max_size=n))]
    rules = Rules(
        every=draw(st.integers(45, 300)),
        deliver=draw(st.none() | st.integers(30, 500)),
        capacity=draw(st.integers(60, 500)),
        fixed_route=draw(st.booleans()),
        driver_shift=draw(st.integers(60, 600)),
        vehicles=draw(st.none() | st.integers(0, 5)),
    )
    opens = draw(st.integers(0, 900))
    return day(
        places,
        draw(st.lists(st.integers(0, 500), min_size=n, max_size=n)),
        rules,
        labs=draw(st.integers(1, 3)),
        areas=draw(st.none() | st.lists(st.integers(0, 1), min_size=n, max_size=n)),
        hours=(opens, opens + draw(st.integers(1, 720))),
    )


@settings(max_examples=40, deadline=None)
@given(days())
def test_every_timetable_holds_before_the_judge(asked: Problem) -> None:
    result = solve(asked, Params(iterations=10))
    assert check(asked, result) == []
    assert sum(trip.tubes for trip in result.trips) == int(asked.stops.tubes.sum())


def test_same_seed_same_timetable() -> None:
    asked = county(25)
    assert solve(asked, QUICK, seed=4) == solve(asked, QUICK, seed=4)


def test_a_county_keeps_its_clocks() -> None:
    asked = county(60)
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    assert [b for b in result.breaches if b.rule != "driver_shift"] == []
    assert max(trip.oldest for trip in result.trips) <= 240


def test_the_library_improves_on_our_construction_and_never_worsens_it() -> None:
    asked = county(40)
    plain, better = solve(asked, Params(iterations=0)), solve(asked, Params(iterations=150))
    assert better.vehicles <= plain.vehicles
    assert better.cost < plain.cost


def test_a_stop_still_gives_a_whole_timetable() -> None:
    asked = county(30)
    result = solve(asked, stop=lambda: True)
    assert check(asked, result) == []


def test_the_oldest_counts_not_the_mean() -> None:
    """60 minutes to the laboratory and calls every two hours: three hours and the loading."""
    asked = replace(day([(0, 0)], [240]), minutes=np.array([[0, 60], [60, 0]]))
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    gap = result.trips[1].calls[0].at - result.trips[0].calls[0].at
    full = result.trips[1]
    assert full.oldest == gap + asked.fill + asked.service + 60 + (full.received - full.arrives)
    assert full.oldest <= 240


def test_a_far_stop_is_called_at_more_often() -> None:
    asked = replace(day([(0, 0)], [100]), minutes=np.array([[0, 140], [140, 0]]))
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    assert result.breaches == []
    assert result.routes[0].gap < 120
    assert result.vehicles > 1


def test_a_stop_too_far_for_any_timetable_is_told() -> None:
    asked = replace(day([(0, 0)], [100]), minutes=np.array([[0, 230], [230, 0]]))
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    assert [b.rule for b in result.breaches] == ["sample_age"]


def test_more_than_a_vehicle_holds_is_carried_by_several() -> None:
    asked = day([(1000, 0)], [1000], Rules(every=120, deliver=240, capacity=60))
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    assert max(trip.tubes for trip in result.trips) <= 60
    assert len(result.routes) > 1


def test_routes_share_a_vehicle_only_where_the_rules_let_them() -> None:
    near = [(float(x), 500.0) for x in (-6000, -3000, 3000, 6000)]
    areas = [0, 0, 0, 0]
    small = Rules(every=240, deliver=None, capacity=60)
    own = solve(day(near, [100] * 4, small, areas=areas), QUICK)
    shared = solve(day(near, [100] * 4, replace(small, fixed_route=False), areas=areas), QUICK)
    assert shared.vehicles < own.vehicles
    assert len({t.route for t in shared.trips if t.vehicle == 0}) > 1


def test_a_route_keeps_to_its_area() -> None:
    asked = county(12, areas=[0, 1] * 6)
    result = solve(asked, QUICK)
    assert check(asked, result) == []
    assert {r.area for r in result.routes} == {0, 1}


def test_a_slow_reception_makes_samples_older() -> None:
    asked = county(20)
    slow = replace(asked, labs=replace(asked.labs, tubes_per_hour=np.array([60])))
    assert max(t.oldest for t in solve(slow, QUICK).trips) > max(
        t.oldest for t in solve(asked, QUICK).trips
    )


@settings(max_examples=15, deadline=None)
@given(days(), st.integers(1, 400))
def test_larger_vehicles_never_cost_more_by_construction(asked: Problem, more: int) -> None:
    """Capacity is one limit among others; where it never binds, the answer is the same."""
    roomy = replace(asked, rules=replace(asked.rules, capacity=100_000))
    wider = replace(asked, rules=replace(asked.rules, capacity=100_000 - more))
    assert solve(roomy, Params(iterations=0)).cost == solve(wider, Params(iterations=0)).cost


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"minutes": np.zeros((2, 2), np.int64)}, "bad_shape"),
        ({"minutes": np.full((3, 3), -1)}, "bad_number"),
        ({"minutes": np.full((3, 3), np.nan)}, "bad_number"),
        ({"rules": Rules(every=0)}, "bad_number"),
        ({"rules": Rules(every=120, capacity=0)}, "bad_number"),
        ({"rules": Rules(every=120, deliver=float("nan"))}, "bad_number"),  # type: ignore[arg-type]
        ({"service": -1}, "bad_number"),
    ],
)
def test_questions_without_meaning_are_named(change: dict[str, object], code: str) -> None:
    asked = replace(day([(0, 0), (10, 0)], [5, 6]), **change)  # type: ignore[arg-type]
    with pytest.raises(RoutingError) as caught:
        solve(asked, QUICK)
    assert caught.value.code == code


def test_stops_and_laboratories_without_meaning_are_named() -> None:
    asked = day([(0, 0), (10, 0)], [5, 6])
    none = np.zeros(0, dtype=np.int64)
    cases: list[tuple[Problem, str]] = [
        (replace(asked, stops=Stops(none, none, none, none)), "no_stops"),
        (replace(asked, labs=Labs(none, none, none)), "no_laboratory"),
        (replace(asked, stops=replace(asked.stops, lab=np.array([0, 3]))), "unknown_index"),
        (replace(asked, stops=replace(asked.stops, closes=asked.stops.opens)), "never_open"),
        (replace(asked, stops=replace(asked.stops, tubes=np.array([1, -2]))), "bad_number"),
        (replace(asked, labs=replace(asked.labs, tubes_per_hour=np.zeros(1, np.int64))), "no_reception"),
    ]  # fmt: skip
    for wrong, code in cases:
        with pytest.raises(RoutingError) as caught:
            solve(wrong, QUICK)
        assert caught.value.code == code
    with pytest.raises(RoutingError):
        road_minutes(np.array([np.nan]), np.zeros(1), km_per_h=40.0, road_factor=1.3)


def test_the_judge_finds_planted_faults() -> None:
    asked = replace(county(14, areas=[0, 1] * 7), rules=replace(RULES, driver_shift=2000))
    good = solve(asked, QUICK)
    assert check(asked, good) == []
    assert good.breaches == []
    first, rest = good.trips[0], good.trips[1:]
    call = first.calls[0]
    route = good.routes[0]
    twin = next(t for t in rest if t.vehicle != first.vehicle)

    def trip(**changes: object) -> Result:
        return replace(good, trips=[replace(first, **changes), *rest])  # type: ignore[arg-type]

    def called(**changes: object) -> Result:
        return trip(calls=(replace(call, **changes), *first.calls[1:]))  # type: ignore[arg-type]

    of_route = [t for t in good.trips if t.route == first.route]
    without = [t for t in good.trips if t is not of_route[1]]
    faults: dict[str, Result] = {
        "unknown_stop": replace(good, routes=[replace(route, stops=((99, 0),)), *good.routes[1:]]),
        "area_left": replace(good, routes=[replace(route, area=1 - route.area), *good.routes[1:]]),
        "unknown_route": trip(route=99),
        "route_changes": trip(calls=first.calls[1:]),
        "not_collected": replace(good, trips=[t for t in good.trips if t is not of_route[-1]]),
        "pick_up_gap": replace(good, trips=without),
        "tubes": called(tubes=call.tubes + 1),
        "tubes_before_time": called(tubes=-1),
        "too_fast": trip(arrives=first.arrives - 5),
        "vehicle_twice": trip(vehicle=twin.vehicle),
        "not_dedicated": trip(vehicle=twin.vehicle),
        "vehicle_sum": replace(good, vehicles=good.vehicles - 1),
        "driver_sum": replace(good, drivers=good.drivers + 1),
        "cost": replace(good, cost=good.cost - 1),
        "reception": trip(received=first.arrives - 1),
        "sample_age": trip(received=first.received + 200),
        "laboratory_closed": trip(received=2400),
        "false_breach": replace(good, breaches=[Breach("vehicles", "plan", 9, 8)]),
    }
    for code, wrong in faults.items():
        assert code in {f.code for f in check(asked, wrong)}, code
    full = replace(asked, rules=replace(asked.rules, capacity=1))
    assert "vehicle_full" in {f.code for f in check(full, good)}
    few = replace(asked, rules=replace(asked.rules, vehicles=1))
    assert "vehicles" in {f.code for f in check(few, good)}
    tired = replace(asked, rules=replace(asked.rules, driver_shift=60))
    assert "driver_shift" in {f.code for f in check(tired, good)}


# --- tours of teams ------------------------------------------------------------------------------


def doors(n: int, seed: int = 1, bases: int = 2, **changes: object) -> Tours:
    rng = np.random.default_rng(seed)
    xy = np.concatenate([rng.normal(0, 3000, (n, 2)), rng.normal(0, 2000, (bases, 2))])
    asked = Tours(
        service=rng.integers(5, 15, n),
        samples=rng.integers(1, 5, n),
        base=rng.integers(0, bases, n),
        minutes=road_minutes(xy[:, 0], xy[:, 1], km_per_h=25.0, road_factor=1.3),
        shift=480,
        carry=120,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 14), seed=st.integers(0, 99), bases=st.integers(1, 3),
    shift=st.integers(15, 500), carry=st.integers(10, 300), capacity=st.integers(1, 40),
)  # fmt: skip
def test_every_door_has_exactly_one_visit(
    n: int, seed: int, bases: int, *, shift: int, carry: int, capacity: int
) -> None:
    asked = doors(n, seed, bases, shift=shift, carry=carry, capacity=capacity)
    plan = teams.solve(asked, Params(iterations=10))
    assert check_tours(asked, plan) == []
    assert sorted(p for tour in plan.tours for p in tour.places) == list(range(n))


def test_a_team_goes_out_again_in_its_shift() -> None:
    plan = teams.solve(doors(40), QUICK)
    assert plan.breaches == []
    assert len(plan.tours) > int(plan.teams.sum())
    assert plan == replace(teams.solve(doors(40), QUICK), teams=plan.teams)


def test_too_few_teams_are_told() -> None:
    plan = teams.solve(doors(60, teams=np.zeros(2, np.int64)), QUICK)
    assert {b.rule for b in plan.breaches} == {"teams"}


def test_tours_without_meaning_are_named() -> None:
    asked = doors(3)
    none = np.zeros(0, dtype=np.int64)
    for wrong, code in (
        (replace(asked, service=none, samples=none, base=none), "no_stops"),
        (replace(asked, minutes=np.zeros((3, 3), np.int64)), "no_base"),
        (replace(asked, base=np.array([0, 1, 2])), "unknown_index"),
        (replace(asked, shift=0), "bad_number"),
        (replace(asked, samples=np.array([1, 2])), "bad_shape"),
    ):
        with pytest.raises(RoutingError) as caught:
            teams.solve(wrong, QUICK)
        assert caught.value.code == code


def test_the_judge_of_tours_finds_planted_faults() -> None:
    asked = doors(20)
    good = teams.solve(asked, QUICK)
    assert check_tours(asked, good) == []
    first, rest = good.tours[0], good.tours[1:]
    faults = {
        "served": replace(good, tours=rest),
        "empty_tour": replace(good, tours=[replace(first, places=(), at=()), *rest]),
        "unknown_stop": replace(good, tours=[replace(first, places=(99,), at=(5,)), *rest]),
        "too_fast": replace(good, tours=[replace(first, back=first.back - 3), *rest]),
        "team_twice": replace(good, tours=[replace(first, back=first.back + 400), *rest]),
        "wrong_base": replace(good, tours=[replace(first, base=1 - first.base), *rest]),
        "team_sum": replace(good, teams=good.teams + 1),
        "cost": replace(good, cost=good.cost + 1),
        "carry": replace(good, tours=[replace(first, back=first.back + 400), *rest]),
        "false_breach": replace(good, breaches=[Breach("carry", "place:0", 1, 0)]),
    }
    for code, wrong in faults.items():
        assert code in {f.code for f in check_tours(asked, wrong)}, code
    tight = replace(asked, shift=10)
    assert "shift" in {f.code for f in check_tours(tight, good)}
