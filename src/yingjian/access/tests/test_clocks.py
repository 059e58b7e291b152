from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from yingjian.access import clocks, outbox, queries, scope
from yingjian.access.clocks import ClockRule, ClockStart
from yingjian.access.events import ClockBreached
from yingjian.access.models import Clock
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, new_id

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
RULE = ClockRule("deliver", 4 * HOUR, "courier", "S4/YN R59", "commander", HOUR)


def begin(
    subject: uuid.UUID, *, at: datetime = NOON, area: str = TOWN_A, rule: ClockRule = RULE,
    due_at: datetime | None = None,
) -> None:  # fmt: skip
    with scope.everywhere():
        clocks.start([ClockStart(rule, "box", subject, "box 1", area, None, at, due_at=due_at)])


def read(subject: uuid.UUID) -> Clock:
    with scope.everywhere():
        found = queries.clock_due("deliver", subject)
    assert found is not None
    return found


def test_a_clock_starts_once_and_keeps_its_first_start() -> None:
    subject = new_id()
    begin(subject)
    begin(subject, at=NOON + HOUR)
    clock = read(subject)
    assert (clock.started_at, clock.due_at) == (NOON, NOON + 4 * HOUR)
    assert clock.escalate_at == NOON + 5 * HOUR
    assert (clock.owner_role, clock.origin) == ("courier", "S4/YN R59")


def test_a_fixed_hour_overrides_the_length() -> None:
    subject = new_id()
    begin(subject, due_at=NOON + 9 * HOUR)
    assert read(subject).due_at == NOON + 9 * HOUR


@pytest.mark.parametrize(
    ("after", "breached"),
    [(HOUR, False), (4 * HOUR, False), (4 * HOUR + timedelta(seconds=1), True), (30 * HOUR, True)],
)
def test_stopping_late_keeps_the_breach(after: timedelta, breached: bool) -> None:
    subject = new_id()
    begin(subject)
    with scope.everywhere():
        assert clocks.stop("deliver", [subject], at=NOON + after) == 1
        assert clocks.stop("deliver", [subject], at=NOON + 50 * HOUR) == 0
    clock = read(subject)
    assert clock.stopped_at == NOON + after
    assert (clock.breached_at == clock.due_at) == breached


def test_an_earlier_stop_that_arrives_later_moves_the_end_back() -> None:
    one, other = new_id(), new_id()
    for subject in (one, other):
        begin(subject)
    with scope.everywhere():
        clocks.stop("deliver", [one, other], at=NOON + 3 * HOUR)
        arrived = {one: NOON + 5 * HOUR, other: NOON + HOUR}
        assert clocks.stop_each("deliver", arrived) == 1
    assert (read(one).stopped_at, read(other).stopped_at) == (NOON + 3 * HOUR, NOON + HOUR)


def test_a_device_with_a_slow_clock_cannot_stop_before_the_start() -> None:
    subject = new_id()
    begin(subject)
    with scope.everywhere():
        clocks.stop("deliver", [subject], at=NOON - HOUR)
    assert read(subject).stopped_at == NOON


def test_the_sweep_marks_breaches_and_escalations_once_and_tells(
    django_capture_on_commit_callbacks: object,
) -> None:
    heard: list[ClockBreached] = []
    outbox.subscribes(ClockBreached)(heard.append)
    try:
        subject = new_id()
        begin(subject)
        with django_capture_on_commit_callbacks(execute=True), scope.everywhere():  # type: ignore[operator]
            assert clocks.sweep(at=NOON + HOUR) == []
            late = clocks.sweep(at=NOON + 4 * HOUR + timedelta(minutes=1))
            assert late == [read(subject).id]
            assert read(subject).escalated_at is None
            assert clocks.sweep(at=NOON + 6 * HOUR) == []
            assert read(subject).escalated_at == NOON + 6 * HOUR
        assert outbox.deliver_pending() == 1
        assert heard[0].clock_ids == late
    finally:
        outbox.unsubscribe(ClockBreached, heard.append)
        outbox.forget_pending()


def test_lists_show_state_and_stay_in_scope() -> None:
    ours, theirs, met = new_id(), new_id(), new_id()
    begin(ours)
    begin(theirs, area=TOWN_B)
    begin(met)
    at = NOON + 5 * HOUR
    with scope.everywhere():
        clocks.stop("deliver", [met], at=NOON + HOUR)
    someone = actor("supervisor", TOWN_A)
    with scope.acting(someone):
        states = {
            state: [row.state for row in queries.clocks_for(someone, at=at, state=state)]
            for state in (None, "running", "late", "met", "breached")
        }
    assert states == {
        None: ["late", "met"], "running": ["late"], "late": ["late"], "met": ["met"],
        "breached": ["late"],
    }  # fmt: skip


def test_counts_by_code() -> None:
    round_id = new_id()
    with scope.everywhere():
        subjects = [new_id() for _ in range(4)]
        clocks.start(
            [
                ClockStart(RULE, "box", subject, "b", TOWN_A, round_id, NOON + n * HOUR)
                for n, subject in enumerate(subjects)
            ]
        )
        clocks.stop("deliver", subjects[:1], at=NOON + HOUR)
        clocks.stop("deliver", subjects[1:2], at=NOON + 9 * HOUR)
        counts = queries.clock_counts(
            actor("supervisor"), at=NOON + 6 * HOUR + HOUR / 2, round_id=round_id
        )
    assert counts == {"deliver": {"running": 1, "late": 1, "met": 1, "breached": 1}}


def test_starting_nothing_is_nothing() -> None:
    clocks.start([])
