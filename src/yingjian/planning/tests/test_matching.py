"""Tubes to laboratories from the live state: where boxes should go, what will be late, where capacity pays."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.tests.factories import NOON, TOWN_A, actor
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Limit, Rules
from yingjian.engines.plan.tests import cases
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.tests import factories as lab
from yingjian.planning import documents, live, match_paper, matching, queries
from yingjian.planning.live import Desk, Lot
from yingjian.planning.matching import State, matched

COUNTY = TOWN_A[:6]
AT = datetime(2026, 6, 2, 12, tzinfo=UTC)
BOOK = Rules({"clocks.on_instrument": Limit(360), "laboratory.reserve": Limit(0.2)})
PLACES = {"S1": ("村委会", 106.2, 38.2), "S2": ("学校", 106.3, 38.3)}


def desk(
    code: str, tubes: int, *, lon: float = 106.2, running: int = 0, open_: bool = True
) -> Desk:
    return Desk(
        code, f"机构{code}", tubes, lon, 38.2, 0, open_, (AT - timedelta(minutes=30),) * running
    )


def box(
    key: str, tubes: int, hours: float, *, kind: str = "box", site: str = "S1", at_lab: str = ""
) -> Lot:
    oldest = AT - timedelta(hours=hours)
    return Lot(kind, key, site, at_lab, tubes, oldest, AT - timedelta(minutes=10))


def state(lots: list[Lot], desks: list[Desk], **more: object) -> State:
    base = State(AT, lots, desks, PLACES, {"S1": "A", "S2": "A"}, None, BOOK)
    return replace(base, **more)  # type: ignore[arg-type]


def test_what_is_swamped_goes_elsewhere_and_what_is_on_the_road_does_not() -> None:
    lots = [box(f"B{n}", 200, 2) for n in range(8)]
    lots += [box("R1", 100, 3, kind="road"), box("W1", 50, 4, kind="bench", at_lab="A")]
    found = matched(uuid.uuid4(), state(lots, [desk("A", 700), desk("B", 20_000, lon=106.4)]))
    by_key = {one.key: one for one in found.lots}
    assert found.changes > 0
    assert {one.lab for one in found.lots if one.change} == {"B"}
    assert (by_key["R1"].lab, by_key["W1"].lab) == ("A", "A")
    assert sum(one.waiting + one.coming for one in found.labs) == 8 * 200 + 150
    assert by_key["W1"].begins_at is not None
    assert by_key["W1"].begins_at - (by_key["W1"].oldest_at or AT) <= timedelta(hours=6)


def test_what_cannot_be_in_time_is_told_first_and_capacity_has_its_price() -> None:
    lots = [box(f"B{n}", 90, 2) for n in range(8)]
    found = matched(uuid.uuid4(), state(lots, [desk("A", 700, running=1)]))
    assert found.late_tubes > 0
    assert found.lots[0].late > 0
    assert found.late_tubes == sum(one.late_tubes for one in found.lots)
    assert found.worth
    assert found.worth[0].saves >= found.worth[-1].saves > 0
    assert found.labs[0].running == 1
    easy = matched(uuid.uuid4(), state(lots, [desk("A", 40_000)]))
    assert (easy.late_tubes, easy.worth) == (0, [])


def test_tubes_still_to_come_take_room_but_are_listed_only_where_late() -> None:
    problem = cases.problem(*cases.county(1_000, 2), labs=cases.LABS[:1])
    plan = make_plan(problem)
    half = cases.START + timedelta(hours=6)
    rest = State(half, [], [desk("L1", 20_000)], {}, {}, plan, BOOK)
    found = matched(uuid.uuid4(), rest)
    assert found.lots == []
    assert 0.4 < found.labs[0].expected / plan.totals.tubes < 0.65
    tight = Rules({"clocks.on_instrument": Limit(30)})
    few = matched(uuid.uuid4(), replace(rest, at=cases.START, rules=tight))
    assert {one.kind for one in few.lots} == {"planned"}
    assert few.labs[0].expected == plan.totals.tubes


@pytest.mark.parametrize(("stated", "kept"), [(0.3, 0.3), (0.0, 0.0), (None, 0.0)])
def test_wells_are_kept_for_retests_as_the_preset_says(stated: float | None, kept: float) -> None:
    book = Rules({**BOOK.by_path, "laboratory.reserve": Limit(stated)})
    found = matched(uuid.uuid4(), state([], [desk("A", 700)], rules=book))
    assert found.assumptions["reserve"] == kept


def test_where_nothing_waits_and_where_nobody_receives() -> None:
    nothing = matched(uuid.uuid4(), state([], [desk("A", 700)]))
    assert nothing.lots == []
    assert nothing.labs[0].code == "A"
    with pytest.raises(RuleBroken) as caught:
        matched(uuid.uuid4(), state([box("B", 5, 1)], [desk("A", 700, open_=False)]))
    assert caught.value.code == "planning.no_laboratory"


def test_a_closed_laboratory_gets_nothing_new() -> None:
    lots = [box("B1", 50, 2), box("W1", 30, 2, kind="bench", at_lab="A")]
    found = matched(uuid.uuid4(), state(lots, [desk("A", 700, open_=False), desk("B", 700)]))
    assert {one.key: one.lab for one in found.lots} == {"B1": "B", "W1": "A"}


@pytest.mark.django_db
def test_from_the_tables_kept_for_a_quarter_of_an_hour_and_only_for_whom_it_concerns() -> None:
    made = lab.world()
    tubes = [lab.tube(made) for _ in range(6)]
    lab.box(made, tubes[:3])
    lab.receive(made, tubes[3:5])
    planner = actor("round_planner", area=COUNTY)
    with scope.acting(planner):
        found = matching.matching_for(planner, made.round.id, at=NOON)
        kinds = {one.kind: one.tubes for one in found.lots}
        assert kinds.get("bench") == 2
        assert sum(kinds.values()) >= 5
        kept = matching.matching_for(planner, made.round.id, at=NOON + timedelta(minutes=14))
        assert kept is found
        later = matching.matching_for(planner, made.round.id, at=NOON + timedelta(minutes=16))
        assert later.as_of > found.as_of
        fresh = matching.matching_for(
            planner, made.round.id, at=NOON + timedelta(minutes=17), fresh=True
        )
        assert fresh.as_of > later.as_of
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(documents.match_tables(found, "zh")))
    assert len(sheets.sheet_names) == 4
    assert len(sheets.get_sheet_by_name("样本去向").to_python()) == 1 + len(found.lots)
    assert match_paper.paper(found, round_name="r", tz=queries.local_time(), language="en").title
    town = actor("round_planner", area=TOWN_A)
    with scope.acting(town), pytest.raises(RuleBroken) as caught:
        matching.matching_for(town, made.round.id, at=NOON)
    assert caught.value.code == "access.outside_area"


@pytest.mark.django_db
def test_a_run_that_nobody_ended_long_ago_keeps_no_instrument() -> None:
    with scope.everywhere():
        assert live.running_since(NOON) == {}
