"""Vehicles, the supply ledger, and what is pure in this room."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.access import journal, scope
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, command, new_id
from yingjian.kernel.errors import RuleBroken
from yingjian.logistics import queries, rules
from yingjian.logistics.handing import common_area
from yingjian.logistics.models import Discrepancy, SupplyItem, SupplyMove, Vehicle
from yingjian.logistics.values import BOX_STATES

pytestmark = pytest.mark.django_db


def rows(model: Any, **given: Any) -> list[Any]:
    with scope.everywhere():
        return list(model.objects.filter(**given))


def send(by: Any, *commands: Any, park: bool = True) -> list[journal.Verdict]:
    return journal.submit(actor=by, received_at=NOON, commands=commands, park=park)


# -- vehicles ------------------------------------------------------------------------------------


def test_a_plate_is_registered_once() -> None:
    given = {
        "vehicle_id": new_id(),
        "plate": "黑B1",
        "driver": "王",
        "route": "1号线",
        "area": TOWN_A,
    }
    send(actor("courier"), command("vehicle.add", given), park=False)
    send(actor("courier"), command("vehicle.add", given | {"driver": "赵"}), park=False)
    assert [v.driver for v in rows(Vehicle)] == ["赵"]
    for more, code in (
        ({"vehicle_id": new_id()}, "logistics.plate_taken"), ({"area": TOWN_B}, "access.outside_area"),
    ):  # fmt: skip
        with pytest.raises(RuleBroken) as caught:
            send(actor("courier"), command("vehicle.add", given | more), park=False)
        assert caught.value.code == code


# -- supplies ------------------------------------------------------------------------------------


def moved(giver: str, taker: str, quantity: int, *, item: str = "suit", **more: Any) -> Any:
    payload = {
        "move_id": new_id(),
        "item": item,
        "giver": giver,
        "taker": taker,
        "quantity": quantity,
        "area": TOWN_A,
    }
    return command("supply.move", payload | more)


def test_goods_are_conserved_and_a_shortage_is_booked_and_owned() -> None:
    keeper = actor("storekeeper")
    send(
        keeper,
        command(
            "supply.item",
            {
                "code": "suit",
                "name_zh": "防护服",
                "name_en": "Suit",
                "unit_zh": "套",
                "unit_en": "set",
            },
        ),
    )
    sent = send(keeper, moved("supplier", "store", 10), moved("store", "S1", 7), moved("S1", "used", 7),
                moved("store", "S2", 5), moved("gloves-store", "S1", 1, item="gloves"))  # fmt: skip
    assert [v.answer["flags"] for v in sent] == [[], [], [], ["short"], ["item_unknown", "short"]]
    with scope.everywhere():
        assert queries.balance("store", "suit") == -2
        assert queries.balance("used", "suit") == 7
        assert queries.balance("nowhere", "suit") == 0
    gaps = {d.expected: (d.actual, d.owner_role) for d in rows(Discrepancy, kind="supply_short")}
    assert gaps == {3: (5, "information_maintainer"), 0: (1, "information_maintainer")}
    assert {i.code for i in rows(SupplyItem)} == {"suit", "gloves"}
    assert len(rows(SupplyMove)) == 5


def test_a_movement_to_nowhere_or_in_another_area_parks() -> None:
    keeper = actor("storekeeper")
    assert [v.code for v in send(keeper, moved("store", "store", 1), moved("a", "b", 1, area=TOWN_B))] == [
        "logistics.move_nowhere", "access.outside_area",
    ]  # fmt: skip
    assert rows(SupplyMove) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("def"), st.integers(1, 99))))
def test_balances_always_sum_to_zero(moves: list[tuple[str, str, int]]) -> None:
    held = rules.balances([rules.Move("i", giver, taker, n) for giver, taker, n in moves])
    assert sum(held.values()) == 0


# -- pure ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("areas", "shared"),
    [
        (["231183101001", "231183101002"], "231183101"), (["231183101001"], "231183101001"),
        (["231183101", "231183102"], "231183"), ([], "2311"), (["231183101001", "15"], ""),
    ],
)  # fmt: skip
def test_the_common_area_is_a_region(areas: list[str], shared: str) -> None:
    assert common_area(areas, "2311") == shared


def test_the_table_of_box_states_is_whole() -> None:
    reached = {"open"}
    for to, before in rules.BOX_EVENTS.values():
        assert before & reached
        reached.add(to)
    assert reached == set(BOX_STATES)
    assert rules.later("open", "sealed") == rules.later("sealed", "open") == "sealed"
