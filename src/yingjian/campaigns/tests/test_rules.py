"""The two state machines as tables, and what a category means, against the preset's own decisions."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.campaigns import presets, rules
from yingjian.campaigns.models import DUE_STATES, ROUND_STATES
from yingjian.kernel.errors import RuleBroken

PRESETS = {code: presets.load(code) for code in presets.codes()}
round_states = st.sampled_from(ROUND_STATES)
held = st.sets(st.sampled_from(presets.CATEGORIES), max_size=4)


def reachable(table: dict[str, frozenset[str]], start: str) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        for following in table[todo.pop()]:
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return seen


def test_the_tables_name_the_states_of_the_database_and_no_others() -> None:
    assert set(rules.ROUND_MOVES) == set(ROUND_STATES)
    assert set().union(*rules.ROUND_MOVES.values()) <= set(ROUND_STATES)
    assert set(rules.DUE_MOVES) == set(DUE_STATES)
    assert set().union(*rules.DUE_MOVES.values()) <= set(DUE_STATES)
    assert set(DUE_STATES) == rules.TERMINAL | rules.OPEN
    assert not rules.TERMINAL & rules.OPEN


@given(st.lists(round_states, max_size=12))
def test_a_round_walks_forward_only_and_ends_for_good(wishes: list[str]) -> None:
    """Whatever is asked for, the states taken come in the order of the list, and nothing leaves an end."""
    state, taken = "draft", ["draft"]
    for wish in wishes:
        if wish in rules.ROUND_MOVES[state]:
            state = rules.round_moved(state, wish)
            taken.append(state)
        else:
            with pytest.raises(RuleBroken, match=r"campaigns\.round_state"):
                rules.round_moved(state, wish)
    places = [ROUND_STATES.index(each) for each in taken]
    assert places == sorted(set(places))
    assert not rules.OVER & set(taken[:-1])
    if "closed" in taken:
        assert taken == ROUND_STATES[:7]


def test_every_round_can_end_and_every_person_can_become_terminal() -> None:
    for state in ROUND_STATES:
        assert reachable(dict(rules.ROUND_MOVES), state) & rules.OVER
    for state in DUE_STATES:
        assert reachable(dict(rules.DUE_MOVES), state) & rules.TERMINAL
    assert reachable(dict(rules.ROUND_MOVES), "draft") == set(ROUND_STATES)
    assert reachable(dict(rules.DUE_MOVES), "due") == set(DUE_STATES)


@given(round_states, st.text(max_size=8))
def test_an_unknown_state_is_refused_with_its_code(state: str, to: str) -> None:
    if to in rules.ROUND_MOVES[state]:
        return
    with pytest.raises(RuleBroken) as refused:
        rules.round_moved(state, to)
    assert (refused.value.code, refused.value.status) == ("campaigns.round_state", 409)


def test_advance_names_only_states_without_a_command_of_their_own() -> None:
    for state in ROUND_STATES:
        if state in {"sampling", "testing", "reconciling"}:
            assert rules.advance_checked(state) == state
        else:
            with pytest.raises(RuleBroken, match=r"campaigns\.advance_unknown"):
                rules.advance_checked(state)


@given(st.uuids(), st.uuids(), st.uuids())
def test_ids_of_due_people_are_derived_in_order(
    round_id: uuid.UUID, one: uuid.UUID, two: uuid.UUID
) -> None:
    people = [one, two, one]
    found = rules.due_ids(round_id, people)
    for id, person in zip(found, people, strict=True):
        digest = uuid.uuid3(round_id, str(person))
        assert (id.version, id.variant) == (8, uuid.RFC_4122)
        assert id.bytes[:6] == round_id.bytes[:6]
        assert id.int & (1 << 62) - 1 == digest.int & (1 << 62) - 1
    assert len(set(found)) == len(set(people))


@pytest.mark.parametrize("code", presets.codes())
@given(categories=held)
def test_the_list_rule_says_what_the_preset_says(code: str, categories: set[str]) -> None:
    """R9, R10, R29, R51: the table that SQL joins agrees with the decisions of `presets`, for every plan."""
    preset = PRESETS[code]
    rule = rules.list_rule(preset)
    chosen = [c for c in rule.categories if c.code in categories]
    mode = presets.mode_for(preset, categories)
    assert ("single" if rule.all_single or any(c.single for c in chosen) else "pool") == mode.kind
    assert any(c.home for c in chosen) == mode.home_visit
    rank = min([rule.general_rank, *(c.rank for c in chosen)])
    assert rank == presets.priority_rank(preset, categories)
    for kind in presets.AREA_CLASSES:
        assert min(rank, rule.area_ranks[kind]) == presets.priority_rank(preset, categories, kind)


@given(categories=held)
def test_a_person_is_named_by_a_key_category_when_one_is_held(categories: set[str]) -> None:
    rule = rules.list_rule(PRESETS["yongning"])
    chosen = sorted((c for c in rule.categories if c.code in categories), key=lambda c: c.weight)
    if not chosen:
        return
    assert chosen[0].key == bool(presets.KEY_CATEGORIES & categories)
    assert chosen[0].code != "general" or categories == {"general"}


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("", ""),
        ("李", "*"),
        ("张丰", "张*"),
        ("张三丰", "张*丰"),
        ("买买提·阿不都", "买*****都"),
        ("𠮷田", "𠮷*"),
    ],
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert rules.masked_name(name) == masked


@given(st.text(min_size=1, max_size=30))
def test_a_masked_name_never_shows_more_than_two_characters(name: str) -> None:
    masked = rules.masked_name(name)
    assert len(masked) == len(name)
    shown = [a for a, b in zip(name, masked, strict=True) if a == b and a != "*"]
    assert len(shown) <= 2
    assert len(shown) < len(name)
