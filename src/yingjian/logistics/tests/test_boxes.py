"""The fold of boxes: any order and any repetition give the same boxes, flags and counts. Pure."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.tests.factories import NOON, TOWN_A
from yingjian.logistics import actions, manifest, queries, rules
from yingjian.logistics.models import Box
from yingjian.logistics.values import (
    BoxChanges,
    BoxesLoaded,
    BoxFact,
    BoxFilled,
    BoxOpened,
    BoxSealed,
    BoxState,
    LineState,
    Where,
)

ROUND = uuid.UUID(int=1)


def where(n: int = 1) -> Where:
    return Where(ROUND, TOWN_A, f"S{n}", f"S{n}-1")


def box_id(n: int) -> uuid.UUID:
    return uuid.UUID(int=0x100 + n)


def at(minutes: int) -> Any:
    return NOON + timedelta(minutes=minutes)


def opened(n: int = 1, *, code: str = "B1", minutes: int = 0, station: int = 1) -> BoxOpened:
    return BoxOpened(box_id(n), at(minutes), where(station), code)


def filled(n: int = 1, *codes: str, minutes: int = 5, station: int = 1) -> BoxFilled:
    return BoxFilled(box_id(n), at(minutes), where(station), codes)


def sealed(n: int = 1, *, count: int = 1, minutes: int = 9, seal: str = "F") -> BoxSealed:
    return BoxSealed(box_id(n), at(minutes), where(), seal, count)


def fold(*facts: BoxFact, loaded: BoxesLoaded | None = None) -> BoxChanges:
    return rules.fold_boxes(loaded or BoxesLoaded(), facts)


def stored(out: BoxChanges, lines: Any = ()) -> BoxesLoaded:
    """What a later batch would load."""
    kept = {(line.box_id, line.tube_code): line for line in [*lines, *out.lines_new]}
    return BoxesLoaded(out.boxes, kept)


def the(out: BoxChanges, n: int = 1) -> BoxState:
    return out.boxes[box_id(n)]


def test_a_sealed_box_with_its_tubes_has_nothing_to_remark() -> None:
    out = fold(opened(), filled(1, "T1", "T2"), sealed(count=2))
    assert (the(out).state, the(out).flags, the(out).tubes_stated) == ("sealed", (), 2)
    assert (out.gaps, len(out.new), len(out.lines_new)) == ({}, 1, 2)


def test_what_is_missing_of_a_box_is_told() -> None:
    assert the(fold(filled(1, "T1"))).flags == ("not_opened",)
    assert the(fold(opened(code=""))).flags == ("code_missing",)
    assert rules.box_flags(
        BoxState(box_id(1), where(), code="B", state="handed_over", opened_at=at(0)), differs=False
    ) == ("not_sealed",)
    out = fold(opened(), sealed(count=3))
    assert (the(out).flags, out.gaps) == (("count_differs",), {box_id(1): (0, 3)})


def test_the_earliest_seal_counts_and_a_seal_told_twice_changes_nothing() -> None:
    once = fold(opened(), filled(1, "T1"), sealed(minutes=9, count=1))
    again = fold(sealed(minutes=9, count=1), sealed(minutes=12, count=5), loaded=stored(once))
    assert (the(again).sealed_at, the(again).tubes_stated, again.gaps) == (at(9), 1, {})
    assert again.changed == []
    earlier = fold(sealed(minutes=7, count=2), loaded=stored(once))
    assert (the(earlier).sealed_at, the(earlier).tubes_stated) == (at(7), 2)


def test_a_count_agrees_again_when_the_late_tube_arrives() -> None:
    out = fold(opened(), filled(1, "T1"), sealed(count=2))
    late = fold(filled(1, "T2"), loaded=stored(out))
    assert (the(late).flags, late.agreed, late.gaps) == ((), [box_id(1)], {})


def test_a_box_stands_where_it_was_opened_and_before_that_at_the_first_station_by_code() -> None:
    out = fold(filled(1, "T1", station=2), filled(1, "T2", station=1), filled(1, "T3", station=2))
    assert the(out).where == where(1)
    assert the(fold(opened(station=2), loaded=stored(out))).where == where(2)
    assert the(fold(opened(station=2), filled(1, "T1", station=1))).where == where(2)


def test_a_box_opened_twice_keeps_the_first_and_is_flagged() -> None:
    for facts in (
        (opened(minutes=0), opened(minutes=3)),
        (opened(minutes=3), opened(minutes=0)),
        (opened(minutes=0), opened(minutes=3, code="B2")),
        (opened(minutes=3, code="B2"), opened(minutes=0)),
    ):
        box = the(fold(*facts))
        assert (box.opened_at, box.code, box.flags) == (at(0), "B1", ("opened_twice",))


def test_a_code_on_two_boxes_numbers_and_flags_both() -> None:
    first = fold(opened(1))
    both = fold(opened(2, minutes=1), loaded=stored(first))
    assert [(the(both, n).binding, the(both, n).flags) for n in (1, 2)] == [
        (1, ("duplicate_box",)), (2, ("duplicate_box",)),
    ]  # fmt: skip
    assert both.codes_new == ["B1"]


def test_a_line_keeps_the_first_time_it_was_told() -> None:
    out = fold(opened(), filled(1, "T1", minutes=5))
    earlier = fold(filled(1, "T1", minutes=3), loaded=stored(out))
    assert [line.added_at for line in earlier.lines_changed] == [at(3)]
    later = fold(filled(1, "T1", minutes=8), loaded=stored(out))
    assert later.lines_changed == later.lines_new == []
    assert out.lines_new[0].added_at == at(5), "loaded values are not changed"


@given(st.integers(0, 20), st.none() | st.integers(0, 20))
def test_a_moved_tube_was_in_the_box_when_it_moved_after_the_seal(seal: int, moved: int | None) -> None:  # fmt: skip
    box = BoxState(box_id(1), where(), sealed_at=at(seal))
    line = LineState(box.id, "T1", at(0), moved_at=None if moved is None else at(moved))
    strange = LineState(box_id(2), "T2", at(0))
    lines = {(line.box_id, line.tube_code): line, (strange.box_id, strange.tube_code): strange}
    assert rules.count_of(box, lines) == (moved is None or moved > seal)
    box.sealed_at = None
    assert rules.count_of(box, lines) == (moved is None)


facts = st.one_of(
    st.builds(lambda n, code, m, s: opened(n, code=code, minutes=m, station=s),
              st.integers(1, 3), st.sampled_from(["B1", "B2", ""]), st.integers(0, 4), st.integers(1, 2)),
    st.builds(lambda n, codes, m, s: filled(n, *codes, minutes=m, station=s),
              st.integers(1, 3), st.lists(st.sampled_from(["T1", "T2", "T3"]), max_size=3), st.integers(0, 9),
              st.integers(1, 2)),
    st.builds(lambda n, c, m, seal: sealed(n, count=c, minutes=m, seal=seal),
              st.integers(1, 3), st.integers(0, 3), st.integers(5, 9), st.sampled_from(["F", "G"])),
)  # fmt: skip


def picture(out: BoxChanges, lines: dict[Any, LineState]) -> Any:
    """Everything but the number of a code's binding, which is given in the order of arrival."""
    boxes = [
        (str(box.id), box.code, box.state, box.opened_at, box.sealed_at, box.tubes_stated, box.seal_no, box.flags,
         box.where)
        for box in out.boxes.values()
    ]  # fmt: skip
    return sorted(boxes, key=str), sorted((str(k), line.added_at) for k, line in lines.items())


@given(st.lists(facts, max_size=12), st.randoms(use_true_random=False))
def test_any_order_any_repetition_any_batches_end_alike(told: list[BoxFact], order: Random) -> None:
    whole = fold(*told)
    lines = {(line.box_id, line.tube_code): line for line in whole.lines_new}
    shuffled = [*told, *told[:3]]
    order.shuffle(shuffled)
    boxes: dict[uuid.UUID, BoxState] = {}
    kept: dict[Any, LineState] = {}
    for fact in shuffled:
        out = fold(fact, loaded=BoxesLoaded(boxes, kept))
        boxes = {**boxes, **out.boxes}
        for line in [*out.lines_new, *out.lines_changed]:
            kept[line.box_id, line.tube_code] = line
    assert picture(BoxChanges(boxes=boxes), kept) == picture(whole, lines)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, ()),
        ({"counted": 9}, ("count_differs",)),
        ({"unknown_boxes": 1, "repeated_boxes": True}, ("box_twice", "box_unknown")),
        ({"temperature": 9.0}, ("temperature",)),
        ({"temperature": -1.0}, ("temperature",)),
        ({"temperature": 9.0, "storage": (None, None)}, ()),
        ({"vehicle_named": True}, ("vehicle_unknown",)),
        ({"vehicle_named": True, "vehicle_area": TOWN_A}, ()),
        ({"vehicle_named": True, "vehicle_area": "231183102"}, ("vehicle_outside_area",)),
    ],
)
def test_a_hand_over_is_remarked_on(changes: dict[str, Any], flags: tuple[str, ...]) -> None:
    sound: dict[str, Any] = {
        "counted": 4, "system": 4, "unknown_boxes": 0, "repeated_boxes": False, "temperature": 4.0,
        "storage": (2.0, 8.0), "vehicle_named": False, "vehicle_area": None, "box_areas": frozenset({TOWN_A + "201"}),
    }  # fmt: skip
    assert rules.hand_over_flags(rules.Carried(**{**sound, **changes})) == flags


@pytest.mark.django_db
def test_a_box_that_another_transaction_stored_first_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then the insert finds the box there; the journal tries the whole submission again."""
    with scope.everywhere():
        actions.boxes_fold(facts=[opened()], at=NOON)
        monkeypatch.setattr(queries, "boxes_locked", lambda *_: BoxesLoaded())
        with pytest.raises(actions.Raced):
            actions.boxes_fold(facts=[opened(minutes=1, code="B9")], at=NOON)
        assert [box.code for box in Box.objects.all()] == ["B1"]


@pytest.mark.parametrize(("language", "none"), [("zh", "无"), ("en", "none")])
def test_a_manifest_says_that_a_box_is_empty_and_was_not_handed_over(
    language: str, none: str
) -> None:
    head = ("code", "site_code", "station_code", "seal_no", "sealed_at", "oldest_sample_at")
    box: dict[str, Any] = {
        **dict.fromkeys(head),
        "tubes": 0,
        "people": 0,
        "lines": [],
        "hand_overs": [],
    }
    data = manifest.workbook(box, language=language, at=NOON)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows].count(none) == 2
    line = {"tube_code": "T1", "people": 3, "added_at": NOON, "moved_at": None, "tube_id": "t"}
    data = manifest.workbook({**box, "lines": [line]}, language=language, at=NOON)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows].count(none) == 1
    assert "T1" in [row[1] for row in rows]
