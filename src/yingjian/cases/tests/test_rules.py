"""Pure rules of a recheck, by property."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yingjian.cases import rules
from yingjian.laboratory.values import OUTCOMES

outcomes = st.none() | st.sampled_from(OUTCOMES)
states = st.sampled_from(sorted(rules.MEMBER_STATES))
tested = st.sampled_from(sorted(set(rules.MEMBER_STATES) - {"notified"}))
attempts = st.lists(st.tuples(outcomes, st.integers(1, 3)), min_size=1, max_size=4)


@given(tested, attempts, st.booleans(), st.integers(1, 3), st.integers(1, 3))
def test_a_member_moves_only_as_the_evidence_says(
    state: str, current: list[tuple[str | None, int]], ever: bool, swabs: int, laboratories: int
) -> None:
    tests = rules.Tests(current, ever, swabs, laboratories)
    after, reason = rules.member_after(state, tests)
    said = [outcome for outcome, _ in current]
    positive = ever or "positive" in said
    assert (after == "confirmed") == positive
    if after == "released" != state:
        assert set(said) == {"negative"}
        assert len(said) >= swabs
        assert len({place for _, place in current}) >= laboratories
    if reason:
        assert after == "isolated"
        assert None not in said
    assert after == state or rules.may_become(rules.MEMBER_STATES, state, after)


@given(attempts, st.integers(1, 3))
def test_a_case_is_rechecked_only_when_every_swab_is_positive(
    current: list[tuple[str | None, int]], swabs: int
) -> None:
    said = [outcome for outcome, _ in current]
    rechecked, doubt = rules.doubt_of(said, swabs=swabs)
    assert rechecked == (set(said) == {"positive"} and len(said) >= swabs)
    assert (doubt == "discordant") == bool(set(said) - {"positive", None})


@given(st.lists(states, max_size=12))
def test_a_pool_s_state_follows_from_its_members(members: list[str]) -> None:
    state = rules.pool_after(members)
    assert state in rules.POOL_STATES
    assert (state == "resolved") == (bool(members) and set(members) <= rules.SETTLED)
    assert (rules.resolution_of(members) == "positive") == ("confirmed" in members)
    if members and set(members) == {"notified"}:
        assert state == "flagged"


@given(st.lists(states, min_size=1, max_size=8), st.data())
def test_one_member_s_step_moves_the_pool_as_its_table_allows(
    members: list[str], data: st.DataObject
) -> None:
    which = data.draw(st.integers(0, len(members) - 1))
    then = data.draw(st.sampled_from(sorted(rules.MEMBER_STATES[members[which]])))
    before = rules.pool_after(members)
    after = rules.pool_after([*members[:which], then, *members[which + 1 :]])
    assert before == after or rules.may_become(rules.POOL_STATES, before, after)


def test_state_machines_are_closed_and_reach_everything() -> None:
    starts = {
        "flagged": rules.POOL_STATES,
        "notified": rules.MEMBER_STATES,
        "initial": rules.POSITIVE_STATES,
    }
    for start, table in starts.items():
        assert all(then in table for thens in table.values() for then in thens)
        seen, todo = {start}, [start]
        while todo:
            todo += (fresh := [then for then in table[todo.pop()] if then not in seen])
            seen.update(fresh)
        assert seen == set(table)
    assert not rules.may_become(rules.POSITIVE_STATES, "initial", "excluded")
    assert not rules.may_become(rules.POSITIVE_STATES, "excluded", "confirmed")


@given(st.sampled_from(OUTCOMES), st.sampled_from(["pool", "household", "single"]), st.booleans())
def test_what_opens_a_recheck(outcome: str, mode: str, double: bool) -> None:
    opens = rules.opens_recheck(outcome, mode, ["positive", "grey", "single_target"], double)
    if outcome in {"negative", "invalid"}:
        assert not opens
    elif (mode, outcome) == ("single", "positive"):
        assert opens is double
        assert rules.swabs_needed(outcome, mode, 1, double) == (2 if double else 1)
    else:
        assert opens
        assert rules.swabs_needed(outcome, mode, 1, double) == 1


@given(st.integers(1, 4), st.integers(0, 4))
def test_laboratories_never_exceed_the_swabs(swabs: int, named: int) -> None:
    assert 1 <= rules.laboratories_needed(swabs, named) <= max(1, min(swabs, named))


@given(st.lists(st.lists(outcomes, max_size=3), max_size=3), st.integers(1, 3))
def test_only_a_complete_negative_attempt_excludes(
    found: list[list[str | None]], swabs: int
) -> None:
    supported = rules.exclusion_supported(found, swabs=swabs)
    assert supported == (bool(found) and len(found[-1]) >= swabs and set(found[-1]) == {"negative"})


@given(
    st.sampled_from(["notified", "re_sampled"]),
    st.sampled_from(["", "undecided"]),
    st.integers(0, 3),
)
def test_a_further_swab_joins_an_open_attempt_only(state: str, reason: str, attempt: int) -> None:
    assert rules.attempt_open(state, reason, attempt) == (
        state == "re_sampled" and not reason and attempt > 0
    )
