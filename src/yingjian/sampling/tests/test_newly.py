"""The short way for tubes of which nothing is stored: the whole fold's answer, or none."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.access import scope
from yingjian.access.tests.factories import new_id
from yingjian.campaigns.models import DuePerson
from yingjian.sampling import rules, store
from yingjian.sampling.models import Swab, Tube
from yingjian.sampling.newly import newly
from yingjian.sampling.states import (
    Changes,
    Fact,
    Limits,
    Loaded,
    Locked,
    Place,
    Sealed,
    Who,
)  # fmt: skip
from yingjian.sampling.tests.factories import a_field, minute, recorded, send, told
from yingjian.sampling.tests.test_fold import (
    AREA,
    ROUND,
    any_fact,
    opened,
    person,
    place,
    swab,
    tube_id,
)  # fmt: skip

LIMITS = {ROUND: Limits(frozenset({1, 10}), "never")}


def whole(facts: Sequence[Fact]) -> Changes:
    return rules.fold(Loaded(limits=LIMITS), facts)


def written(out: Changes) -> dict[str, Any]:
    """What is written, whatever the order in which it is listed."""
    by_id: dict[str, Sequence[Any]] = {
        "new": out.tubes_new, "swabs": out.swabs_new, "started": out.started, "changed": out.tubes_changed,
        "moved": out.swabs_changed, "ended": out.ended, "recounted": out.recounted, "late": out.late,
    }  # fmt: skip
    return {
        **{name: {one.id: one for one in rows} for name, rows in by_id.items()},
        "sampled": out.sampled, "unsampled": sorted(out.unsampled, key=str), "agreed": out.agreed,
        "gaps": {gap.tube.id: (gap.expected, gap.actual) for gap in out.gaps},
        "tubes": out.tubes, "all": out.swabs,
    }  # fmt: skip


def somebody(n: int, draw: Any) -> Who:
    """A person with whatever may be told of one: known or not, alone, found, key, from elsewhere, of a household."""
    if draw(st.integers(0, 9)) == 0:
        return Who(flags=(draw(st.sampled_from(["code_garbled", "no_identity"])),), identity=b"x")
    flags = draw(st.sets(st.sampled_from(["green_lane", "clock_skew", "name_only"]), max_size=2))
    return person(
        n,
        area=draw(st.sampled_from([AREA, AREA, "231183102001", ""])),
        household_id=draw(st.sampled_from([None, uuid.UUID(int=8), uuid.UUID(int=9)])),
        single=draw(st.booleans()), found=draw(st.booleans()), key=draw(st.booleans()),
        flags=tuple(flags),
    )  # fmt: skip


@st.composite
def fresh(draw: st.DrawFn) -> list[Fact]:
    """Tubes opened once, filled with people who come once, perhaps locked, perhaps sealed; told in any order."""
    facts: list[Fact] = []
    n = 0
    where: Place = draw(st.sampled_from([place(1), place(2)]))
    for tube in range(1, draw(st.integers(1, 3)) + 1):
        facts.append(
            opened(tube, draw(st.integers(0, 5)), place=where, capacity=draw(st.sampled_from([1, 2, 10])),
                   mode=draw(st.sampled_from(["pool", "single", "household"])))
        )  # fmt: skip
        for _ in range(draw(st.integers(0, 4))):
            n += 1
            facts.append(
                swab(n, tube, draw(st.integers(0, 12)), somebody(n, draw),
                     place=draw(st.sampled_from([where, place(1)])))
            )  # fmt: skip
        locked = draw(st.lists(st.integers(3, 12), max_size=2))
        facts += [Locked(tube_id(tube), minute_of(at), where) for at in locked]
        if draw(st.booleans()):
            facts.append(
                Sealed(tube_id(tube), minute_of(draw(st.integers(4, 12))), where, draw(st.integers(0, 5)))
            )  # fmt: skip
    Random(draw(st.integers(0, 99))).shuffle(facts)
    return facts


def minute_of(n: int) -> Any:
    return opened(at=0).at + timedelta(minutes=n)


@settings(max_examples=400, deadline=None)
@given(facts=fresh())
def test_fresh_tubes_end_as_the_fold_has_them(facts: list[Fact]) -> None:
    out = newly(facts, LIMITS)
    assert out is not None
    assert written(out) == written(whole(facts))


@settings(max_examples=400, deadline=None)
@given(facts=st.lists(any_fact, max_size=12))
def test_anything_else_is_left_to_the_fold_or_ends_alike(facts: list[Fact]) -> None:
    out = newly(facts, LIMITS)
    assert out is None or written(out) == written(whole(facts))


@pytest.mark.parametrize(
    "facts",
    [
        [opened(1), opened(1, 1)],
        [opened(1), opened(2, code="T1")],
        [opened(1, code="")],
        [opened(1, purpose="recheck")],
        [swab(1, 1)],
        [opened(1), swab(1, 1), swab(1, 1)],
        [opened(1), swab(1, 1), swab(2, 1, who=person(1))],
        [opened(1), swab(1, 1, who=person(1, due_id=None))],
        [opened(1), Sealed(tube_id(1), opened(1).at, place(), 0), Sealed(tube_id(1), opened(1).at, place(), 1)],
    ],
)  # fmt: skip
def test_what_needs_more_than_the_facts_is_not_answered(facts: list[Fact]) -> None:
    assert newly(facts, LIMITS) is None


def _stored(field: Any) -> dict[str, Any]:
    with scope.everywhere():
        tubes = {
            tube.code: (tube.binding, tube.people, tube.flags)
            for tube in Tube.objects.filter(round_id=field.round_id)
        }
        swabs = sorted(
            (str(swab.person_id), swab.position, tuple(swab.flags), swab.taken_at)
            for swab in Swab.objects.filter(round_id=field.round_id)
        )
        due = sorted(
            DuePerson.objects.filter(round_id=field.round_id, sampled_at__isnull=False)
            .values_list("person_id", "state", "sampled_at")
        )  # fmt: skip
    return {"tubes": tubes, "swabs": swabs, "due": due}


@pytest.mark.django_db
@pytest.mark.parametrize("before", ["code", "person", "tube", "swab", "voided"])
def test_whatever_is_stored_already_is_found(before: str) -> None:
    """Each of the ways in which a tube is not the first of its kind: flagged, never stored over."""
    field, tube, taken = a_field(), new_id(), new_id()
    code, people = field.code(), field.people
    first = {"swab_id": taken, "at": minute(1), "entry": "code", "person_id": people[0]}
    send(field.phone, recorded(code, [], tube=tube, swabs=[first], count=1))
    again = {
        "code": recorded(code, people[1:2], at=20),
        "person": recorded(field.code(), people[:1], at=20),
        "tube": recorded(field.code(), people[1:2], tube=tube, at=20),
        "swab": recorded(field.code(), [], at=20, swabs=[{**first, "at": minute(21)}], count=1),
        "voided": recorded(field.code(), people[:1], at=20),
    }[before]  # fmt: skip
    if before == "voided":
        send(field.phone, told("swab.void", swab_id=taken, reason="x"))
    send(field.phone, again)
    stored = _stored(field)
    flags = {flag for _, _, own in stored["tubes"].values() for flag in own}
    flags |= {flag for _, _, own, _ in stored["swabs"] for flag in own}
    wanted = {
        "code": {"duplicate_tube"}, "person": {"duplicate_person"}, "tube": {"opened_twice", "added_after_seal"},
        "swab": {"swab_changed"}, "voided": set(),
    }[before]  # fmt: skip
    assert wanted <= flags
    if before == "voided":
        assert [at for *_, at in stored["due"]] == [minute(20)]


@pytest.mark.django_db
def test_the_first_tubes_of_people_are_not_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way is taken where it can be: else it would be right and of no use."""
    field, read = a_field(), list[Any]()

    def swabs_of(**given: Any) -> dict[uuid.UUID, Any]:
        read.append(given)
        return {}

    monkeypatch.setattr(store, "swabs_of", swabs_of)
    send(
        field.phone, recorded(field.code(), field.people[:3]), recorded(field.code(), field.people[3:5])
    )  # fmt: skip
    assert read == []
    assert [people for _, people, _ in _stored(field)["tubes"].values()] == [3, 2]
