"""The fold: any order, any repetition, the same state; nothing dropped; counts that add up."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.sampling import rules
from yingjian.sampling.states import (
    Changes,
    Ended,
    Fact,
    Limits,
    Loaded,
    Locked,
    Opened,
    Place,
    Sealed,
    Swabbed,
    SwabMoved,
    SwabState,
    SwabVoided,
    TubeState,
    Who,
)  # fmt: skip
from yingjian.sampling.values import LOST, RANK, TUBE_LINE

NOON = datetime(2026, 1, 16, 4, tzinfo=UTC)
ROUND = uuid.UUID(int=1)
AREA = "231183101001"


def place(n: int = 1) -> Place:
    return Place(ROUND, uuid.UUID(int=50 + n), uuid.UUID(int=60 + n), AREA, f"S{n}", f"S{n}1")


def minute(n: int) -> datetime:
    return NOON + timedelta(minutes=n)


def tube_id(n: int) -> uuid.UUID:
    return uuid.UUID(int=0x1000 + n)


def swab_id(n: int) -> uuid.UUID:
    return uuid.UUID(int=0x2000 + n)


def person(n: int, **more: Any) -> Who:
    given: dict[str, Any] = {"area": AREA, "due_id": uuid.UUID(int=0x4000 + n)} | more
    return Who(person_id=uuid.UUID(int=0x3000 + n), **given)


def opened(n: int = 1, at: int = 0, **more: Any) -> Opened:
    given: dict[str, Any] = {"code": f"T{n}", "mode": "pool", "capacity": 10} | more
    return Opened(tube_id(n), minute(at), given.pop("place", place()), **given)


def swab(
    n: int, tube: int = 1, at: int | None = None, who: Who | None = None, **more: Any
) -> Swabbed:
    when = minute(n if at is None else at)
    return Swabbed(
        swab_id(n),
        tube_id(tube),
        when,
        more.pop("place", place()),
        "code",
        who or person(n),
        **more,
    )


def run(*facts: Fact, loaded: Loaded | None = None) -> Changes:
    return rules.fold(loaded or Loaded(), facts)


def stored(out: Changes) -> Loaded:
    """What a later batch would load."""
    return Loaded(out.tubes, out.swabs)


def a_tube(out: Changes, n: int = 1) -> TubeState:
    return out.tubes[tube_id(n)]


def flags(out: Changes, n: int) -> set[str]:
    return set(out.swabs[swab_id(n)].flags)


def picture(out: Changes) -> tuple[Any, ...]:
    """Everything that must not depend on the order of arrival (a binding's number may)."""

    def row(state: TubeState | SwabState) -> tuple[Any, ...]:
        return tuple(
            (name, str(getattr(state, name)))
            for name in type(state).__struct_fields__
            if name != "binding"
        )

    return (
        tuple(sorted(row(tube) for tube in out.tubes.values())),
        tuple(sorted(row(one) for one in out.swabs.values())),
    )  # fmt: skip


# -- hypothesis: three tubes, nine swabs, everything that can be told of them --------------------

tubes = st.integers(1, 3)
swabs = st.integers(1, 9)
times = st.integers(0, 30)
places = st.sampled_from([place(1), place(2)])
any_fact: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        lambda n, at, code, mode, capacity, purpose, where: Opened(
            tube_id(n), minute(at), where, code, mode, capacity, purpose
        ),
        tubes, times, st.sampled_from(["A", "B", ""]), st.sampled_from(["pool", "single", "household"]),
        st.sampled_from([1, 2, 10]), st.sampled_from(["screening", "screening", "recheck"]), places,
    ),
    st.builds(
        lambda n, tube, at, who, where: swab(n, tube, at, who, place=where),
        swabs, tubes, times,
        st.one_of(st.integers(1, 5).map(person), st.just(Who(flags=("code_garbled",)))), places,
    ),
    st.builds(lambda n, at, why, where: SwabVoided(swab_id(n), minute(at), where, why),
              swabs, times, st.sampled_from(["x", "y"]), places),
    st.builds(lambda n, tube, at, where: SwabMoved(swab_id(n), tube_id(tube), minute(at), where, "m"),
              swabs, tubes, times, places),
    st.builds(lambda n, at, where: Locked(tube_id(n), minute(at), where), tubes, times, places),
    st.builds(lambda n, at, count, where: Sealed(tube_id(n), minute(at), where, count),
              tubes, times, st.integers(0, 9), places),
    st.builds(lambda n, at, event, where: Ended(tube_id(n), minute(at), where, event, "why"),
              tubes, times, st.sampled_from(["void", "break"]), places),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    facts=st.lists(any_fact, max_size=25),
    order=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
def test_any_order_any_repetition_any_batches_end_alike(
    facts: list[Fact], order: Random, cuts: list[int]
) -> None:
    expected = picture(run(*facts))
    shuffled = [*facts, *order.sample(facts, len(facts) // 2)]
    order.shuffle(shuffled)
    loaded, start = Loaded(), 0
    out = run()
    for cut in [*sorted(cuts), len(shuffled)]:
        out = run(*shuffled[start:cut], loaded=loaded)
        loaded, start = stored(out), max(start, cut)
    assert picture(out) == expected


@settings(max_examples=200, deadline=None)
@given(facts=st.lists(any_fact, max_size=25))
def test_nothing_is_dropped_and_counts_add_up(facts: list[Fact]) -> None:
    out = run(*facts)
    told_swabs = {
        fact.swab_id for fact in facts if isinstance(fact, Swabbed | SwabVoided | SwabMoved)
    }
    assert set(out.swabs) == told_swabs
    named = {fact.tube_id for fact in facts if not isinstance(fact, SwabVoided | SwabMoved)}
    named |= {fact.to_tube_id for fact in facts if isinstance(fact, SwabMoved)}
    assert set(out.tubes) == named
    for tube in out.tubes.values():
        inside = [one for one in out.swabs.values() if one.tube_id == tube.id]
        assert tube.people == sum(one.counts for one in inside)
        seats = sorted(one.position for one in inside if one.taken_at is not None)
        assert seats == list(range(1, len(seats) + 1))
    for code in {tube.code for tube in out.tubes.values()} - {""}:
        bound = sorted(tube.binding for tube in out.tubes.values() if tube.code == code)
        assert len(set(bound)) == len(bound)
        assert len(bound) == 1 or all(
            "duplicate_tube" in tube.flags for tube in out.tubes.values() if tube.code == code
        )


@settings(max_examples=200, deadline=None)
@given(facts=st.lists(any_fact, max_size=25))
def test_a_person_is_sampled_exactly_when_a_valid_swab_is_left(facts: list[Fact]) -> None:
    out = run(*facts)
    for n in range(1, 6):
        who = person(n)
        valid = [
            one for one in out.swabs.values()
            if one.who.person_id == who.person_id and one.counts and one.tube_id is not None
            and out.tubes[one.tube_id].state not in LOST and out.tubes[one.tube_id].purpose == "screening"
        ]  # fmt: skip
        assert (who.due_id in out.sampled) == bool(valid)
        assert sum("duplicate_person" not in one.flags for one in valid) == bool(valid)


def test_loaded_values_are_never_changed() -> None:
    first = stored(run(opened(), swab(1), swab(2)))
    before = picture(Changes(tubes=dict(first.tubes), swabs=dict(first.swabs)))
    run(
        swab(3),
        SwabVoided(swab_id(1), minute(9), place(), "x"),
        Sealed(tube_id(1), minute(9), place(), 1),
        loaded=first,
    )
    assert picture(Changes(tubes=dict(first.tubes), swabs=dict(first.swabs))) == before


# -- the table of states -------------------------------------------------------------------------


@given(st.lists(st.sampled_from(TUBE_LINE), min_size=1))
def test_states_join_in_any_order(states: list[str]) -> None:
    def joined(order: Sequence[str]) -> str:
        state = order[0]
        for other in order[1:]:
            state = rules.later(state, other)
        return state

    assert joined(states) == joined(sorted(states)) == max(states, key=RANK.__getitem__)


def test_the_table_names_known_states_and_can_reach_all_of_them() -> None:
    reached = {"issued"}
    for _ in TUBE_LINE:
        reached |= {to for to, before in rules.TUBE_EVENTS.values() if before & reached}
    assert reached == set(TUBE_LINE)
    assert rules.expected_from("seal", "locked")
    assert not rules.expected_from("seal", "released")


# -- single faults, by name ----------------------------------------------------------------------


def test_ten_people_fill_a_tube() -> None:
    out = run(
        opened(), *(swab(n) for n in range(1, 11)), Sealed(tube_id(1), minute(11), place(), 10)
    )
    tube = a_tube(out)
    assert (tube.people, tube.state, tube.flags, tube.first_swab_at) == (
        10,
        "sealed",
        (),
        minute(1),
    )
    assert [s.flags for s in out.swabs.values()] == [()] * 10
    assert len(out.sampled) == 10
    assert out.gaps == []


def test_the_eleventh_is_kept_and_flagged() -> None:
    out = run(opened(), *(swab(n) for n in range(1, 12)))
    assert a_tube(out).people == 11
    assert flags(out, 11) == {"over_capacity"}
    assert "over_capacity" in a_tube(out).flags
    freed = run(SwabVoided(swab_id(3), minute(20), place(), "wrong person"), loaded=stored(out))
    assert flags(freed, 11) == set()
    assert a_tube(freed).flags == ()


@pytest.mark.parametrize(
    ("mode", "flagged"), [("pool", True), ("household", True), ("single", False)]
)
def test_a_single_only_person_in_a_pool_is_kept_and_flagged(mode: str, flagged: bool) -> None:
    out = run(opened(mode=mode, capacity=1), swab(1, who=person(1, single=True)))
    assert ("single_only_in_pool" in flags(out, 1)) is flagged
    assert out.sampled


def test_the_same_person_twice_flags_the_later_swab_whatever_came_first() -> None:
    early, late = swab(1, at=1, who=person(7)), swab(2, tube=2, at=5, who=person(7))
    for facts in ((early, late), (late, early)):
        out = run(opened(1), opened(2), *facts)
        assert flags(out, 1) == set()
        assert flags(out, 2) == {"duplicate_person"}
    voided = run(SwabVoided(swab_id(1), minute(9), place(), "spilt"), loaded=stored(out))
    assert flags(voided, 2) == set()
    assert voided.sampled == {person(7).due_id: minute(5)}


def test_voiding_the_only_swab_makes_the_person_due_again() -> None:
    out = run(opened(), swab(1), SwabVoided(swab_id(1), minute(3), place(), "wrong person"))
    assert (out.sampled, out.unsampled) == ({}, [person(1).due_id])
    assert a_tube(out).people == 0


@pytest.mark.parametrize("event", ["void", "break"])
def test_a_lost_tube_makes_its_people_due_again(event: str) -> None:
    first = run(opened(), swab(1), swab(2))
    out = run(Ended(tube_id(1), minute(9), place(), event, "dropped"), loaded=stored(first))
    assert set(out.unsampled) == {person(1).due_id, person(2).due_id}
    assert a_tube(out).ended_reason == "dropped"


def test_a_swab_without_its_tube_waits_in_a_stub_that_the_opening_completes() -> None:
    first = run(swab(1, at=4))
    assert a_tube(first).flags == ("not_opened",)
    assert (a_tube(first).code, a_tube(first).mode, a_tube(first).people) == ("", "unknown", 1)
    out = run(opened(at=1), loaded=stored(first))
    assert (a_tube(out).code, a_tube(out).flags, a_tube(out).state) == ("T1", (), "open")
    late = run(opened(at=6), loaded=stored(first))
    assert a_tube(late).flags == ("opened_late",)


def test_a_void_before_its_swab_is_kept() -> None:
    first = run(SwabVoided(swab_id(1), minute(5), place(), "wrong"))
    assert first.swabs[swab_id(1)].taken_at is None
    out = run(opened(), swab(1), loaded=stored(first))
    assert a_tube(out).people == 0
    assert out.unsampled == [person(1).due_id]


def test_a_moved_swab_counts_where_it_is() -> None:
    first = run(opened(1), opened(2), swab(1), swab(2))
    out = run(
        SwabMoved(swab_id(1), tube_id(2), minute(5), place(), "wrong tube"), loaded=stored(first)
    )
    assert (a_tube(out, 1).people, a_tube(out, 2).people) == (1, 1)
    assert out.swabs[swab_id(1)].moved_from == tube_id(1)


def test_a_swab_that_comes_into_a_released_tube_is_late() -> None:
    """New there, moved there, or taken only now; not one that was there, nor a void, nor another tube's."""
    loaded = stored(
        run(
            opened(1),
            opened(2),
            swab(1),
            swab(2, tube=2),
            SwabVoided(swab_id(3), minute(9), place(), "x"),
        )
    )
    loaded.tubes[tube_id(1)].state, loaded.tubes[tube_id(2)].state = "released", "resulted"
    moved = SwabMoved(swab_id(2), tube_id(1), minute(6), place(), "x")
    out = run(swab(1), swab(3), swab(4), swab(5, tube=2), moved, loaded=loaded)
    assert {one.id for one in out.late} == {swab_id(2), swab_id(4)}
    assert run(swab(4), moved, loaded=stored(out)).late == []


def test_a_second_binding_is_kept_numbered_and_both_are_flagged() -> None:
    out = run(opened(1, code="X"), opened(2, at=1, code="X"))
    assert [(a_tube(out, n).binding, a_tube(out, n).flags) for n in (1, 2)] == [
        (1, ("duplicate_tube",)), (2, ("duplicate_tube",)),
    ]  # fmt: skip


def test_a_tube_without_a_code_is_flagged() -> None:
    assert a_tube(run(opened(code=""))).flags == ("code_missing",)


def test_the_same_tube_opened_with_other_content_is_flagged_and_the_first_stands() -> None:
    out = run(opened(at=3, code="B"), opened(at=1, code="A"))
    assert (a_tube(out).code, a_tube(out).flags) == ("A", ("opened_twice",))


def test_a_swab_told_twice_with_other_content_is_flagged() -> None:
    out = run(opened(), swab(1, at=2, who=person(1)), swab(1, at=1, who=person(2)))
    assert flags(out, 1) == {"swab_changed"}
    assert out.swabs[swab_id(1)].who.person_id == person(2).person_id
    assert out.unsampled == [person(1).due_id]


def test_a_count_that_differs_at_the_seal_is_a_gap_until_the_late_swab_comes() -> None:
    first = run(opened(), swab(1), Sealed(tube_id(1), minute(9), place(), 2))
    assert [(gap.expected, gap.actual) for gap in first.gaps] == [(1, 2)]
    assert a_tube(first).flags == ("count_differs",)
    out = run(swab(2), loaded=stored(first))
    assert (out.gaps, out.agreed, a_tube(out).flags) == ([], [tube_id(1)], ())


def test_a_swab_after_the_seal_is_kept_flagged_and_no_gap() -> None:
    out = run(opened(), swab(1), Sealed(tube_id(1), minute(2), place(), 1), swab(5))
    assert flags(out, 5) == {"added_after_seal"}
    assert (a_tube(out).people, out.gaps) == (2, [])


def test_a_household_tube_holds_one_household() -> None:
    home, other = uuid.UUID(int=1), uuid.UUID(int=2)
    out = run(
        opened(mode="household"), swab(1, who=person(1, household_id=home)),
        swab(2, who=person(2, household_id=home)), swab(3, who=person(3, household_id=other)),
    )  # fmt: skip
    assert [flags(out, n) for n in (1, 2, 3)] == [set(), set(), {"other_household"}]


def test_limits_of_the_preset_flag_tubes() -> None:
    limits = {ROUND: Limits(frozenset({5}), "never")}
    out = run(opened(1), opened(2, mode="household"), loaded=Loaded(limits=limits))
    assert a_tube(out, 1).flags == ("size_not_allowed",)
    assert a_tube(out, 2).flags == ("household_not_allowed",)


def test_people_found_and_people_from_elsewhere_are_noted() -> None:
    out = run(opened(), swab(1, who=person(1, found=True, area="231183102001")))
    assert flags(out, 1) == {"not_on_roster", "other_area"}


def test_an_unreadable_person_is_kept() -> None:
    out = run(opened(), swab(1, who=Who(flags=("code_garbled",), identity=b"x")))
    assert flags(out, 1) == {"code_garbled"}
    assert (a_tube(out).people, out.sampled) == (1, {})


def test_a_result_on_an_ended_tube_shows() -> None:
    first = run(opened(), swab(1), Ended(tube_id(1), minute(2), place(), "void", "lost"))
    a_tube(first).state = rules.later(a_tube(first).state, "resulted")
    out = run(Locked(tube_id(1), minute(1), place()), loaded=stored(first))
    assert a_tube(out).state == "resulted"
    assert a_tube(out).flags == ("ended_but_used",)


def test_an_empty_sealed_tube_is_noted() -> None:
    assert a_tube(run(opened(), Sealed(tube_id(1), minute(1), place(), 0))).flags == ("empty",)


def test_a_recheck_swab_neither_samples_nor_doubles() -> None:
    out = run(
        opened(1),
        swab(1, who=person(3)),
        opened(2, purpose="recheck", mode="single"),
        swab(2, 2, who=person(3)),
    )
    assert flags(out, 2) == set()
    assert out.sampled == {person(3).due_id: minute(1)}


def test_a_key_person_makes_a_key_tube() -> None:
    assert a_tube(run(opened(), swab(1), swab(2, who=person(2, key=True)))).key


@pytest.mark.parametrize(
    ("skew", "off"), [(0, False), (299_000, False), (-301_000, True), (86_400_000, True)]
)
def test_a_clock_is_believed_within_the_limit(skew: int, off: bool) -> None:
    assert rules.skew_beyond(skew, timedelta(minutes=5)) is off
    assert not rules.skew_beyond(skew, None)
    assert rules.shifted(NOON, skew) == NOON + timedelta(milliseconds=skew)


def test_a_late_upload_finds_the_round_it_was_made_in() -> None:
    day = timedelta(days=1)
    windows = [(NOON, NOON + day), (NOON + 2 * day, NOON + 3 * day)]
    moments = [NOON - day, NOON, NOON + day, NOON + 1.5 * day, NOON + 2 * day, NOON + 9 * day]
    assert [rules.at_round(windows, at) for at in moments] == [0, 0, 0, 0, 1, 1]
