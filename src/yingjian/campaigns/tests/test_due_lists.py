"""Reading and assigning due lists: counts, pages, filters, sites; and how many statements each action needs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from yingjian.access import scope, vault
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, new_id
from yingjian.campaigns import actions, queries, rules
from yingjian.campaigns.models import DuePerson
from yingjian.campaigns.tests.factories import (
    COUNTY,
    HOUR,
    VILLAGE_A,
    VILLAGE_B,
    active,
    due,
    due_ids,
    frozen,
    miss,
    persons,
)
from yingjian.kernel.errors import RuleBroken
from yingjian.population.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]


# -- plans -------------------------------------------------------------------------------------


def test_a_plan_calls_people_to_sites_and_never_the_home_bound_to_a_public_one() -> None:
    """R29: the line of a village passes over those visited at home."""
    (at_home,) = persons(1, VILLAGE_A, categories=("home_bound",))
    (plain,) = persons(1, VILLAGE_A)
    (named,) = persons(1, VILLAGE_A)
    behind = persons(2, VILLAGE_B, household=True)
    (other,) = persons(1, VILLAGE_B)
    round_id = frozen(preset="yongning")
    household = queries.due_list_for(
        actor("system", ""), round_id, queries.DueFilter(area=VILLAGE_B)
    )
    door = next(row.household_id for row in household if row.household_id)
    (named_id,) = due_ids(round_id, [named])
    assigned = actions.due_assign(
        round_id=round_id,
        rows=[
            actions.DueAssign("TOWN", NOON, area=TOWN_A),
            actions.DueAssign("A-1", NOON + HOUR, area=VILLAGE_A),
            actions.DueAssign("HOME", None, area=TOWN_A, home=True),
            actions.DueAssign("DOOR", NOON, household_id=door),
            actions.DueAssign("ONE", NOON, due_id=named_id),
        ],
    )
    sites = {
        p: d.site_code
        for p, d in queries.due_lookup(round_id, [at_home, plain, named, *behind, other]).items()
    }
    assert sites == {
        at_home: "HOME", plain: "A-1", named: "ONE", behind[0]: "DOOR", behind[1]: "DOOR", other: "TOWN",
    }  # fmt: skip
    assert assigned == 6 + 2 + 1
    assert due(due_ids(round_id, [plain])[0]).slot_start == NOON + HOUR


# -- queries -----------------------------------------------------------------------------------


def test_counts_by_level_and_in_sight() -> None:
    persons(3, VILLAGE_A)
    persons(2, VILLAGE_B, categories=("home_bound",))
    persons(4, f"{TOWN_B}001")
    round_id = frozen(COUNTY, preset="yongning")
    villages = queries.due_counts(round_id)
    assert {area: counts.total for area, counts in villages.items()} == {
        VILLAGE_A: 3, VILLAGE_B: 2, f"{TOWN_B}001": 4,
    }  # fmt: skip
    assert villages[VILLAGE_B].home == 2
    assert queries.due_counts(round_id, digits=9)[TOWN_A].states["due"] == 5
    assert list(queries.due_counts(round_id, under=TOWN_B)) == [f"{TOWN_B}001"]
    assert queries.due_total_counts(round_id).total == 9
    with scope.acting(actor("town_worker", TOWN_A)):
        assert queries.due_total_counts(round_id).total == 5
        assert (
            len(queries.due_list_for(actor("town_worker", TOWN_A), round_id, queries.DueFilter()))
            == 5
        )


def test_pages_follow_each_other_and_leave_nobody_out() -> None:
    for no in range(1, 4):
        persons(5, f"{TOWN_A}00{no}")
        persons(2, f"{TOWN_A}00{no}", categories=("key_group",))
    round_id = frozen()
    every = actor("system", "")
    whole = queries.due_list_for(every, round_id, queries.DueFilter(), limit=1000)
    assert len(whole) == 21
    assert [(row.area, row.rank) for row in whole] == sorted((row.area, row.rank) for row in whole)
    pages: list[queries.DueRow] = []
    after = None
    while page := queries.due_list_for(every, round_id, queries.DueFilter(after=after), limit=4):
        pages += page
        after = page[-1].key
    assert pages == whole
    assert [
        r for p in queries.due_pages_for(every, round_id, queries.DueFilter()) for r in p
    ] == whole
    only = queries.due_list_for(every, round_id, queries.DueFilter(area=f"{TOWN_A}002"))
    assert {row.area for row in only} == {f"{TOWN_A}002"}
    with pytest.raises(RuleBroken, match=r"campaigns\.page_malformed"):
        queries.due_list_for(every, round_id, queries.DueFilter(after="page two"))


def test_filters_and_masks() -> None:
    people = persons(3)
    round_id = active()
    ids = due_ids(round_id, people)
    actions.due_resulted(round_id=round_id, rows=[actions.DueResult(ids[0], "negative", NOON)])
    miss(round_id, [people[1]])
    actions.due_sampled(at_by_due_id={ids[1]: NOON})
    reader = actor("round_planner", TOWN_A)

    def found(**wanted: Any) -> set[uuid.UUID]:
        return {
            row.id for row in queries.due_list_for(reader, round_id, queries.DueFilter(**wanted))
        }

    assert found(state="due") == {ids[2]}
    assert found(caught_up=True) == {ids[1]}
    assert found(home=True) == set()
    (row,) = queries.due_list_for(reader, round_id, queries.DueFilter(state="resulted"))
    assert (row.name, row.outcome) == ("测*人", None)
    (row,) = queries.due_list_for(
        actor("commander", TOWN_A), round_id, queries.DueFilter(state="resulted")
    )
    assert row.outcome == "negative"


def test_nothing_to_do_asks_nothing() -> None:
    persons(1)
    round_id = active()
    with CaptureQueriesContext(connection) as caught:
        actions.due_resulted(round_id=round_id, rows=[])
        actions.due_corrected(round_id=round_id, rows=[])
        actions.due_unsampled(due_ids=[], at=NOON)
        assert actions.due_assign(round_id=round_id, rows=[]) == 0
    assert len(caught) == 0


# -- query counts: the baseline ----------------------------------------------------------------

BASELINE = {
    "due_sampled": 1,
    "due_sampled, caught up": 3,
    "due_resulted": 1,
    "due_resulted, key people": 3,
    "due_unsampled": 2,
    "due_corrected": 2,
    "due_add_found": 4,
    "due_assign": 3,
    "due_lookup": 1,
    "due_list_for": 4,  # one, and three for who added the strangers, past the reader's sight
    "due_counts": 1,
    "preset_of": 1,
    "clock_rules": 1,
}


def measured(people_count: int) -> dict[str, int]:
    """Statements each action needs for so many people."""
    people, key = persons(people_count), persons(people_count, categories=("key_group",))
    absent, strangers = persons(people_count), persons(people_count, VILLAGE_B)
    round_id = active()
    DuePerson.objects.filter(round_id=round_id, person_id__in=strangers).delete()
    ids, key_ids = due_ids(round_id, people), due_ids(round_id, key)
    miss(round_id, absent)
    queries.preset_of(round_id)

    def results(of: list[uuid.UUID], outcome: str) -> list[actions.DueResult]:
        return [actions.DueResult(id, outcome, NOON) for id in of]

    def times(of: list[uuid.UUID]) -> dict[uuid.UUID, Any]:
        return dict.fromkeys(of, NOON)

    assigned = [actions.DueAssign("S", NOON, due_id=id) for id in ids]
    assigned += [actions.DueAssign("S", NOON, area=VILLAGE_A) for _ in ids]
    assigned += [actions.DueAssign("S", NOON, household_id=id) for id in ids]
    steps: dict[str, Callable[[], Any]] = {
        "due_sampled": lambda: actions.due_sampled(at_by_due_id=times(ids)),
        "due_sampled, caught up": lambda: actions.due_sampled(
            at_by_due_id=times(due_ids(round_id, absent))
        ),
        "due_resulted": lambda: actions.due_resulted(
            round_id=round_id, rows=results(ids, "negative")
        ),
        "due_resulted, key people": lambda: actions.due_resulted(
            round_id=round_id, rows=results(key_ids, "negative")
        ),
        "due_corrected": lambda: actions.due_corrected(
            round_id=round_id, rows=results(ids, "positive")
        ),
        "due_unsampled": lambda: actions.due_unsampled(due_ids=ids, at=NOON),
        "due_add_found": lambda: actions.due_add_found(
            round_id=round_id, rows=[actions.FoundDue(p, new_id(), NOON) for p in strangers]
        ),
        "due_assign": lambda: actions.due_assign(round_id=round_id, rows=assigned),
        "due_lookup": lambda: queries.due_lookup(round_id, people),
        "due_list_for": lambda: queries.due_list_for(
            actor("system", ""), round_id, queries.DueFilter()
        ),
        "due_counts": lambda: queries.due_counts(round_id),
        "preset_of": lambda: queries.preset_of(round_id),
        "clock_rules": lambda: queries.clock_rules(round_id),
    }
    found = {}
    for name, step in steps.items():
        with CaptureQueriesContext(connection) as caught:
            step()
        found[name] = len(caught)
    return found


@pytest.mark.parametrize("people", [1, 60])
def test_the_number_of_statements_does_not_grow_with_the_people(people: int) -> None:
    assert measured(people) == BASELINE


def test_ids_in_sql_and_python_agree_for_found_people_too() -> None:
    persons(1)
    round_id = active()
    (late,) = persons(1)
    found = actions.due_add_found(round_id=round_id, rows=[actions.FoundDue(late, new_id(), NOON)])
    assert [found[late].id] == rules.due_ids(round_id, [late])


# -- searching -----------------------------------------------------------------------------------


def told_apart() -> list[uuid.UUID]:
    """Ten of one surname in two villages; the last of them has documents and a telephone number of their own."""
    people = [*persons(6, VILLAGE_A), *persons(4, VILLAGE_B)]
    for no, person in enumerate(people):
        Person.objects.filter(id=person).update(name=f"王{'小大'[no % 2]}{no}", id_tail=f"{no:04}")
    Person.objects.filter(id=people[-1]).update(
        name="欧阳明",
        id_type="resident_id",
        id_index=vault.index(RESIDENT),
        id_cipher=b"x",
        phone_index=vault.index("13800138000"),
        phone_cipher=b"x",
    )
    return people


RESIDENT = "990101199001011234"
SOUGHT = {
    "王": range(9), "王小": range(0, 9, 2), "欧阳明": [9], RESIDENT: [9], "13800138000": [9], "0003": [3], "李": [],
}  # fmt: skip


@pytest.mark.parametrize("few", [0, 2, 2000])
@pytest.mark.parametrize("q", SOUGHT)
def test_few_and_many_are_found_alike_page_after_page(
    few: int, q: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is looked up by key and who is met on a walk through the list: the same people in the same order."""
    monkeypatch.setattr(queries, "FEW", few)
    people = told_apart()
    round_id = active()
    strangers = persons(1, VILLAGE_A)
    Person.objects.filter(id__in=strangers).update(name="王小七")
    reader = actor("town_worker", TOWN_A)
    wanted = {people[no] for no in SOUGHT[q]}
    found: list[queries.DueRow] = []
    after = None
    while page := queries.due_list_for(
        reader, round_id, queries.DueFilter(q=q, after=after), limit=4
    ):
        found += page
        after = page[-1].key
    assert [row.person_id for row in found] == [
        row.person_id
        for row in queries.due_list_for(reader, round_id, queries.DueFilter())
        if row.person_id in wanted
    ]
    assert len(found) == len(wanted)
    there = queries.due_list_for(reader, round_id, queries.DueFilter(q=q, area=VILLAGE_B))
    assert {row.person_id for row in there} == wanted & set(people[6:])
    with scope.acting(actor("village_worker", VILLAGE_B)):
        seen = queries.due_list_for(
            actor("village_worker", VILLAGE_B), round_id, queries.DueFilter(q=q)
        )
    assert {row.person_id for row in seen} == wanted & set(people[6:])
