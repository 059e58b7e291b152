"""Virtual time: order, side by side, and what was planned too late."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drill.day import HELD_SPAN, Day, Deed

START = datetime(2021, 1, 16, 7, tzinfo=UTC)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


ACTORS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=2, unique=True).map(tuple)


@given(plan=st.lists(st.tuples(st.integers(0, 50), ACTORS, st.booleans()), max_size=60))
@settings(deadline=None)
def test_actors_act_in_their_order_and_lone_events_see_all_before_them(
    plan: list[tuple[int, tuple[str, ...], bool]],
) -> None:
    day, lock = Day(hands=2), threading.Lock()
    done: list[tuple[datetime, tuple[str, ...], bool]] = []
    busy: Counter[str] = Counter()

    def deed(who: tuple[str, ...], together: bool) -> Deed:
        def act(at: datetime) -> None:
            with lock:
                busy.update(who)
                assert max(busy.values()) == 1, "an actor is in two deeds at once"
            with lock:
                busy.subtract(who)
                done.append((at, who, together))

        return act

    for number, who, side in plan:
        day.plan(minute(number), who, deed(who, side), together=side)
    day.run()
    assert (len(done), day.done, day.waiting) == (len(plan), len(plan), 0)
    for actor in "abcd":
        mine = [at for at, who, _ in done if actor in who]
        assert mine == sorted(mine)
    for place, (at, _, together) in enumerate(done):
        if not together:
            assert all(earlier <= at for earlier, _, _ in done[:place])
            assert all(later >= at for later, _, _ in done[place:])


def _meet(meeting: threading.Barrier) -> None:
    meeting.wait()


def test_those_who_touch_nobody_else_do_not_wait_for_one_another() -> None:
    day, meeting = Day(hands=2), threading.Barrier(2, timeout=20)
    for who in (("courier 1", "site 1"), ("courier 2", "site 2")):
        day.plan(minute(1), who, lambda _: _meet(meeting), together=True)
    day.run()
    assert not meeting.broken


def test_what_lies_minutes_apart_does_not_run_side_by_side() -> None:
    day, seen = Day(), list[str]()
    day.plan(minute(1), "a", lambda at: day.plan(at + HELD_SPAN, "b", lambda _: seen.append("next"), together=True),
             together=True)  # fmt: skip
    day.plan(minute(1) + 2 * HELD_SPAN, "b", lambda _: seen.append("later"), together=True)
    day.run()
    assert seen == ["next", "later"]


def test_what_is_planned_into_the_past_happens_next() -> None:
    day = Day()
    seen: list[datetime] = []
    day.plan(minute(30), "a", lambda _: day.plan(minute(5), "a", seen.append))
    day.run()
    assert seen == [minute(30)]


def test_a_deed_may_plan_the_next_one() -> None:
    day = Day()
    seen: list[datetime] = []

    def again(at: datetime) -> None:
        seen.append(at)
        if len(seen) < 4:
            day.plan(at + timedelta(minutes=30), "a", again, together=True)

    day.plan(minute(0), "a", again, together=True)
    day.run()
    assert seen == [minute(0), minute(30), minute(60), minute(90)]


def test_it_can_stop_in_between() -> None:
    day = Day()
    seen: list[datetime] = []
    for number in (10, 20, 30):
        day.plan(minute(number), "a", seen.append, together=number != 20)
    day.run(until=minute(20))
    assert seen == [minute(10), minute(20)]
    day.run()
    assert seen[-1] == minute(30)


@pytest.mark.parametrize("together", [True, False])
def test_a_failing_deed_stops_the_day(together: bool) -> None:
    day = Day()

    def fail(at: datetime) -> None:
        raise RuntimeError("broken")

    day.plan(minute(1), "a", fail, together=together)
    with pytest.raises(RuntimeError, match="broken"):
        day.run()
