"""Tubes, boxes and shares: pure logic of the drill's actors."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from drill.filling import Guest, deal, leave_over, pace, queue, split_boxes
from drill.office import shares

OPENS = datetime(2021, 1, 16, 7, tzinfo=UTC)
EACH = timedelta(seconds=36)


def guests(pooled: int, single: int = 0, home: int = 0) -> list[Guest]:
    made = [Guest(f"p{n}", "t", home=n >= pooled - home) for n in range(pooled)]
    return made + [Guest(f"s{n}", "t", mode="single") for n in range(single)]


@given(
    pooled=st.integers(0, 300), single=st.integers(0, 20), capacity=st.sampled_from([1, 5, 10, 20])
)
@settings(deadline=None)
def test_a_table_swabs_everybody_once_and_leaves_one_pool_short_at_most(
    pooled: int, single: int, capacity: int
) -> None:
    people = guests(pooled, single)
    tubes = queue(people, opens=OPENS, each=EACH, capacity=capacity, rng=random.Random(3))
    inside = sorted(guest.person_id for tube in tubes for guest, _ in tube.swabs)
    assert inside == sorted(guest.person_id for guest in people)
    pools = [tube for tube in tubes if tube.mode == "pool"]
    assert len(pools) == -(-pooled // capacity)
    assert sum(len(tube) < capacity for tube in pools) <= 1
    assert all(len(tube) == 1 for tube in tubes if tube.mode == "single")
    for tube in tubes:
        moments = [at for _, at in tube.swabs]
        assert tube.opened_at < moments[0]
        assert moments == sorted(moments)
        assert moments[-1] < tube.locked_at < tube.sealed_at
    every = sorted(at for tube in tubes for _, at in tube.swabs)
    assert len(set(every)) == len(every), "one swab at a time"


def test_nobody_is_swabbed_before_being_called() -> None:
    late = OPENS + timedelta(hours=2)
    called = [Guest("a", "t"), Guest("b", "t", slot=late)]
    tubes = queue(called, opens=OPENS, each=EACH, capacity=10, rng=random.Random(1))
    assert tubes[0].swabs[1][1] > late


def test_a_pool_opened_at_doors_does_not_stay_open() -> None:
    tubes = queue(
        guests(10), opens=OPENS, each=timedelta(minutes=20), capacity=10, rng=random.Random(1),
        hold=timedelta(minutes=60),
    )  # fmt: skip
    assert len(tubes) > 1
    assert all(tube.swabs[-1][1] - tube.first_at <= timedelta(minutes=60) for tube in tubes)


def test_a_pool_is_sealed_before_the_courier_comes() -> None:
    cut = OPENS + timedelta(minutes=25)
    tubes = queue(
        guests(10), opens=OPENS, each=timedelta(minutes=6), capacity=10, rng=random.Random(1), cuts=[cut]
    )  # fmt: skip
    assert len(tubes) == 2
    assert tubes[0].swabs[-1][1] <= cut < tubes[1].swabs[0][1]


@given(people=st.integers(0, 500), tables=st.integers(1, 9), capacity=st.sampled_from([5, 10, 20]))
def test_dealing_leaves_one_pool_of_the_site_short_at_most(
    people: int, tables: int, capacity: int
) -> None:
    lanes = deal(guests(people), tables, capacity)
    assert len(lanes) == tables
    assert sum(len(lane) for lane in lanes) == people
    assert sum(len(lane) % capacity > 0 for lane in lanes) <= 1


@given(pooled=st.integers(0, 400), home=st.integers(0, 60), single=st.integers(0, 5))
def test_what_is_left_over_fills_no_pool_and_is_visited_at_home_first(
    pooled: int, home: int, single: int
) -> None:
    home = min(home, pooled)
    stay, over = leave_over(guests(pooled, single, home), 10)
    assert len(over) == pooled % 10
    assert sum(guest.mode == "pool" for guest in stay) % 10 == 0
    assert len(stay) + len(over) == pooled + single
    assert all(guest.home for guest in over) or len(over) > home


@given(
    sites=st.lists(st.integers(10, 900), min_size=2, max_size=20),
    capacity=st.sampled_from([5, 10, 20]),
)
@settings(max_examples=50, deadline=None)
def test_with_a_roving_team_a_round_has_one_short_pool_at_most(
    sites: list[int], capacity: int
) -> None:
    tubes = 0
    left: list[Guest] = []
    for people in sites[1:]:
        stay, over = leave_over(guests(people, home=min(people, 30)), capacity)
        tubes += len(queue(stay, opens=OPENS, each=EACH, capacity=capacity, rng=random.Random(1)))
        left += over
    last = [*guests(sites[0]), *left]
    tubes += len(queue(last, opens=OPENS, each=EACH, capacity=capacity, rng=random.Random(1)))
    assert tubes == -(-sum(sites) // capacity)


def test_yilahas_741_tubes() -> None:
    """7,409 people in 15 sites at 10:1: 740 full tubes and one of 9."""
    sizes = [494] * 14 + [7409 - 14 * 494]
    full, left = 0, 0
    for people in sizes[1:]:
        stay, over = leave_over(guests(people, home=25), 10)
        full += len(stay) // 10
        left += len(over)
    last = sizes[0] + left
    assert (full + last // 10, last % 10) == (740, 9)


@given(people=st.integers(0, 900), per_hour=st.floats(30, 200), hours=st.floats(1, 12))
def test_a_table_hurries_at_most_to_twice_its_pace(
    people: int, per_hour: float, hours: float
) -> None:
    each = pace(people, room=timedelta(hours=hours), per_hour=per_hour)
    usual = timedelta(hours=1) / per_hour
    assert usual / 2 <= each <= usual
    if people * usual <= timedelta(hours=hours):
        assert each == usual
    elif people * usual / 2 <= timedelta(hours=hours):
        assert people * each <= timedelta(hours=hours) + timedelta(seconds=1)


def test_doors_take_their_own_time() -> None:
    people = [*guests(9), Guest("h", "t", home=True)]
    tubes = queue(
        people,
        opens=OPENS,
        each=EACH,
        capacity=10,
        rng=random.Random(1),
        door=timedelta(minutes=30),
    )
    moments = [at for _, at in tubes[0].swabs]
    assert moments[-1] - moments[-2] > timedelta(minutes=20)
    assert max(b - a for a, b in itertools.pairwise(moments[:-1])) < timedelta(minutes=1)


@given(count=st.integers(0, 400), most=st.integers(1, 60))
def test_boxes_hold_everything_and_never_too_much(count: int, most: int) -> None:
    tubes = queue(guests(count), opens=OPENS, each=EACH, capacity=1, rng=random.Random(1))
    boxes = split_boxes(tubes, most)
    assert [id(tube) for box in boxes for tube in box] == [id(tube) for tube in tubes]
    assert all(0 < len(box) <= most for box in boxes)
    assert len(boxes) == -(-count // most)


@given(total=st.integers(0, 10_000), places=st.integers(1, 40))
def test_shares_add_up(total: int, places: int) -> None:
    parts = shares(total, places)
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1
