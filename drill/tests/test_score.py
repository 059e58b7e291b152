"""The judge holds what the system found against what the drill hid: a pool is what a station filled as one."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from drill import scenario
from drill.client import Device, Ids, Link, Traffic
from drill.field import Field, Table
from drill.filling import Filled, Guest
from drill.score import Readings, Score, _cases
from drill.world import Site, World

AT = datetime(2021, 1, 16, 7, tzinfo=UTC)


def filled(mode: str, *people: str) -> Filled:
    guests = [Guest(name, "", mode, home=False, slot=None, village="") for name in people]
    return Filled(mode, 10, AT, [(guest, AT + timedelta(minutes=1)) for guest in guests])


def judged(tubes: list[Filled], flagged: set[str]) -> dict[str, bool]:
    """What the judge says of the pools when the system flagged those of these persons; `p` is grey."""
    given = scenario.load("farm")
    world = World(given, Link("http://127.0.0.1", Traffic()), Ids(1), random.Random(1), print)
    world.grey = {"p"}
    table = Table(
        Site("1", "S", "", "", ["S1"], {}), "S1", cast(Device, None), [("", tube) for tube in tubes]
    )
    Field(world)._number(table)
    pools: list[dict[str, Any]] = [
        {"mode": tube.mode, "tube_code": code, "state": "resolved"}
        for code, tube in table.tubes
        if flagged.intersection(world.inside[code])
    ]
    score = Score()
    _cases(score, Readings({}, {}, [], [], pools, [], {}), world)
    world.link.close()
    return {point.key: point.holds for point in score.points if point.key.startswith("pools_")}


def test_the_last_pool_of_a_lane_may_hold_one_person() -> None:
    found = judged([filled("pool", "a", "b"), filled("pool", "p")], {"p"})
    assert found == {"pools_found": True, "pools_right": True, "pools_resolved": True}


def test_a_single_tube_is_no_pool() -> None:
    found = judged([filled("pool", "a", "b"), filled("single", "p")], {"p"})
    assert found == {"pools_found": True, "pools_right": True, "pools_resolved": True}


def test_a_pool_not_found_and_a_pool_too_many_are_told() -> None:
    tubes = [filled("pool", "p", "a"), filled("pool", "b", "c")]
    assert set(judged(tubes, set()).values()) == {False}
    assert judged(tubes, {"b"})["pools_right"] is False
