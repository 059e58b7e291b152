"""The due list: who is on it, in which mode and order, under which id; built once."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.access import journal
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor
from yingjian.campaigns import presets, queries, rules
from yingjian.campaigns.models import DuePerson, Round
from yingjian.campaigns.tests.factories import (
    COUNTY,
    DAY,
    VILLAGE_A,
    VILLAGE_B,
    drafted,
    frozen,
    persons,
    send,
)
from yingjian.kernel.errors import RuleBroken
from yingjian.population.models import PersonCategory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]


def row(round_id: uuid.UUID, person: uuid.UUID) -> DuePerson:
    return DuePerson.objects.get(round_id=round_id, person_id=person)


def test_everybody_who_lives_in_the_area_is_due_and_nobody_else() -> None:
    inside = persons(3) + persons(2, VILLAGE_B)
    persons(4, f"{TOWN_B}001")
    round_id = drafted()
    verdict = send("round.freeze", {"round_id": round_id})
    assert verdict.answer == {"due_total": 5}
    found = queries.due_lookup(round_id, inside)
    assert set(found) == set(inside)
    assert DuePerson.objects.filter(round_id=round_id).count() == 5
    assert queries.round_brief(round_id).due_total == 5


def test_ids_follow_from_round_and_person() -> None:
    people = persons(40)
    round_id = frozen()
    found = queries.due_lookup(round_id, people)
    assert {due.id for due in found.values()} == set(rules.due_ids(round_id, list(people)))


@pytest.mark.parametrize("code", presets.codes())
@pytest.mark.parametrize(
    "held",
    [
        (),
        ("red_code",),
        ("home_bound", "elderly"),
        ("key_group",),
        ("student", "home_quarantine"),
        ("general",),
    ],
)
def test_mode_home_rank_and_category_come_from_the_preset(code: str, held: tuple[str, ...]) -> None:
    """R9, R10, R29, R51 under every plan, against the preset's own decision."""
    (person,) = persons(1, categories=held)
    (always,) = persons(1, categories=("key_group", "student"))
    round_id = frozen(preset=code)
    preset = queries.preset_of(round_id)
    people = preset.scope.people.value
    expected = {
        "key_groups": bool(presets.KEY_CATEGORIES & set(held)), "students": "student" in held,
    }.get(people or "", True)  # fmt: skip
    found = queries.due_lookup(round_id, [person, always])
    assert (person in found) == expected
    if not expected:
        return
    mode = presets.mode_for(preset, held)
    due = found[person]
    assert (due.mode, due.home) == (mode.kind, mode.home_visit)
    assert due.rank == presets.priority_rank(preset, held)
    assert due.category in (held or ("general",))


def test_only_categories_in_force_at_the_freeze_count() -> None:
    (over, ahead) = persons(2)
    for person, since, until in (
        (over, NOON - 2 * DAY, NOON),
        (ahead, NOON + DAY, None),
    ):
        PersonCategory.objects.create(
            id=uuid.uuid4(),
            person_id=person,
            area=VILLAGE_A,
            code="red_code",
            since=since,
            until=until,
        )
    round_id = frozen(preset="yongning")
    assert {due.mode for due in queries.due_lookup(round_id, [over, ahead]).values()} == {"pool"}


def test_risk_areas_come_first_and_sealed_estates_get_household_tubes() -> None:
    (calm,) = persons(1, VILLAGE_A, household=True)
    (sealed,) = persons(1, VILLAGE_B, household=True)
    (alone,) = persons(1, VILLAGE_B)
    (key,) = persons(1, VILLAGE_B, household=True, categories=("key_group",))
    round_id = drafted()
    send("round.freeze", {"round_id": round_id, "areas": {VILLAGE_B: "sealed_estate"}})
    found = queries.due_lookup(round_id, [calm, sealed, alone, key])
    assert [found[p].mode for p in (calm, sealed, alone, key)] == [
        "pool",
        "household",
        "pool",
        "single",
    ]

    street = drafted(preset="street10in1")
    send("round.freeze", {"round_id": street, "areas": {VILLAGE_B: "medium_high_risk_area"}})
    found = queries.due_lookup(street, [calm, sealed])
    preset = queries.preset_of(street)
    assert found[sealed].rank == presets.priority_rank(preset, (), "medium_high_risk_area")
    assert found[sealed].rank < found[calm].rank


def test_a_second_freeze_is_refused_and_changes_nothing() -> None:
    persons(2)
    round_id = frozen()
    persons(1)
    with pytest.raises(RuleBroken) as refused:
        send("round.freeze", {"round_id": round_id})
    assert (refused.value.code, refused.value.status) == ("campaigns.already_frozen", 409)
    assert refused.value.params == {"due_total": 2}
    assert DuePerson.objects.filter(round_id=round_id).count() == 2


def test_a_cancelled_draft_cannot_be_frozen() -> None:
    persons(1)
    round_id = drafted()
    send("round.cancel", {"round_id": round_id, "reason": "不再需要"})
    with pytest.raises(RuleBroken, match=r"campaigns\.round_state"):
        send("round.freeze", {"round_id": round_id})


def test_a_list_of_nobody_is_refused() -> None:
    round_id = drafted()
    with pytest.raises(RuleBroken, match=r"campaigns\.nobody_due"):
        send("round.freeze", {"round_id": round_id})
    assert Round.objects.get(id=round_id).frozen_at is None


@pytest.mark.parametrize(
    ("areas", "code"),
    [
        ({TOWN_B: "sealed_estate"}, "campaigns.area_outside_round"),
        ({VILLAGE_A: "haunted"}, "campaigns.area_class_unknown"),
        ({"23118310x": "sealed_estate"}, "campaigns.area_malformed"),
    ],
)
def test_classes_of_areas_are_checked(areas: dict[str, str], code: str) -> None:
    persons(1)
    round_id = drafted()
    with pytest.raises(RuleBroken) as refused:
        send("round.freeze", {"round_id": round_id, "areas": areas})
    assert refused.value.code == code


def test_a_planner_of_another_area_may_not_freeze() -> None:
    persons(1)
    round_id = drafted()
    with pytest.raises(RuleBroken, match=r"access\.outside_area"):
        send("round.freeze", {"round_id": round_id}, by=actor("round_planner", TOWN_B))
    assert (
        send("round.freeze", {"round_id": round_id}, by=actor("round_planner", COUNTY)).verdict
        == "applied"
    )
    assert journal.KINDS["round.freeze"].decision
    assert TOWN_A.startswith(COUNTY)


@given(st.lists(st.sampled_from(["", TOWN_A, VILLAGE_A, VILLAGE_B, f"{TOWN_B}001"]), max_size=4))
def test_parts_of_a_round_stand_for_the_same_people_without_one_inside_another(
    chosen: list[str],
) -> None:
    given_parts = [part or COUNTY for part in chosen]
    parts = rules.within_checked(COUNTY, given_parts)
    assert not any(a != b and a.startswith(b) for a in parts for b in parts)
    for village in (VILLAGE_A, VILLAGE_B, f"{TOWN_B}001", f"{TOWN_B}002"):
        asked = not chosen or any(village.startswith(part) for part in given_parts)
        assert asked == (not parts or any(village.startswith(part) for part in parts))


def test_a_round_may_be_of_some_towns_and_villages_only() -> None:
    first, second, third = persons(2), persons(1, VILLAGE_B), persons(3, f"{TOWN_B}001")
    round_id = drafted(COUNTY)
    stray = {"round_id": round_id, "within": ["640122400"]}
    with pytest.raises(RuleBroken, match=r"campaigns\.area_outside_round"):
        send("round.freeze", stray)
    verdict = send("round.freeze", {"round_id": round_id, "within": [VILLAGE_A, TOWN_B]})
    assert verdict.answer == {"due_total": 5}
    on_it = set(queries.due_lookup(round_id, first + second + third))
    assert on_it == set(first + third)
    assert queries.round_brief(round_id).within == [VILLAGE_A, TOWN_B]
    # Whoever lives in the rest of the round's area may still be added by name.
    assert send("due.add", {"round_id": round_id, "person_ids": second}).answer == {"added": 1}
    assert queries.denominator(round_id).faults == []
    assert rules.within_checked(COUNTY, [COUNTY, TOWN_A]) == []
