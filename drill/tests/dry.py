"""A drilled day of a plan without a system: the same actors, and instead of the API a list of what they said."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from drill import scenario
from drill.bench import Bench
from drill.client import Command, Device, Ids, Link, Traffic, User
from drill.day import Day
from drill.field import Field, Table
from drill.filling import Guest
from drill.lanes import Habits, Waited
from drill.response import Response
from drill.road import Road
from drill.world import Lab, Site, World
from yingjian.engines.plan.model import Plan

RESERVE = 0.2
"""Of each laboratory's wells, kept for rechecks."""


class Said:
    """Somebody who writes down what they would have sent."""

    def __init__(self) -> None:
        self.all: list[tuple[str, datetime, dict[str, Any]]] = []

    def command(self, kind: str, /, *, at: datetime, **payload: Any) -> dict[str, Any]:
        self.all.append((kind, at, payload))
        return {}

    def batch(self, kind: str, rows: list[dict[str, Any]], *, at: datetime) -> None:
        self.all += [(kind, at, row) for row in rows]

    def sync(self, commands: list[Command], *, at: datetime) -> None:
        self.all += [(one.kind, one.at, one.payload) for one in commands]


class Calm(World):
    """A world whose news is always there."""

    def settle(self, at: datetime) -> None:
        pass


class Investigator(Said):
    """Disease control, who also reads which tubes were found and who is in them."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.found = world, dict[str, datetime]()

    def note(self, tubes: Sequence[str], at: datetime) -> None:
        self.found |= dict.fromkeys((tube for tube in tubes if tube in self.world.site_of), at)

    def items(self, path: str, *, at: datetime, **_: Any) -> list[dict[str, Any]]:
        return (
            [{"id": tube, "tube_code": tube} for tube in self.found]
            if path.endswith("/pools")
            else []
        )

    def get(self, path: str, *, at: datetime, **_: Any) -> dict[str, Any]:
        tube = path.rsplit("/", 1)[1]
        return {"members": [{"id": one, "person_id": one} for one in self.world.inside[tube]]}


def guests_of(plan: Plan) -> dict[str, list[Guest]]:
    """Everybody the plan calls or visits, by site."""
    found: dict[str, list[Guest]] = defaultdict(list)
    for site in plan.sites:
        for slot in site.slots:
            for key, size in zip(slot.blocks, slot.sizes, strict=True):
                found[site.code] += [
                    Guest(f"{key}/{n}", "", slot=slot.start, household=key[1:]) for n in range(size)
                ]
        for door in site.home:
            found[site.code] += [
                Guest(f"{door.key}/home{n}", "", home=True, household=door.key[1:])
                for n in range(door.people)
            ]
    return found


def world_of(plan: Plan, seed: int, habits: Habits, said: Said) -> World:
    given = msgspec.structs.replace(
        scenario.load("yongning", seed=seed), laboratories=[],
        absent=scenario.Absent(excused=0.01, missed=0.01),
    )  # fmt: skip
    world = Calm(given, Link("http://127.0.0.1", Traffic()), Ids(seed), random.Random(seed), print)
    world.plan, world.habits = msgspec.json.decode(msgspec.json.encode(plan)), habits
    who = cast(User, said)
    world.users = {"courier": who}
    for load in plan.labs:
        world.labs[load.lab] = Lab(
            load.lab, load.lab, load.lab, "hospital", load.tubes_per_day, 30, False, who, who
        )
    world.preset = {"laboratory.reserve": {"value": RESERVE}}
    guests = guests_of(plan)
    for site in plan.sites:
        lanes = [lane.code for lane in site.stations]
        boxes = {lane.code: list(lane.boxes) for lane in site.stations}
        world.sites[site.code] = Site(
            site.code, site.code, site.area, site.name, lanes, boxes, guests=guests[site.code]
        )
    return world


Row = dict[str, Any]


def played(plan: Plan, seed: int, habits: Habits) -> tuple[list[Row], list[Waited]]:
    """(rows as the system's figure of tubes gives them, the log of the queue) of one drilled day."""
    rows, waits, _ = followed(plan, seed, habits, 0.0)
    return rows, waits


def followed(
    plan: Plan, seed: int, habits: Habits, share: float
) -> tuple[list[Row], list[Waited], list[Row]]:
    """The same with `share` of the people infected, each by themselves, and the pools as the system lists them."""
    said = Said()
    world = world_of(plan, seed, habits, said)
    field = Field(world)
    for site in world.sites.values():
        for lane in site.stations:
            field.tables[lane] = Table(site, lane, cast(Device, said))
    everybody = [guest.person_id for site in world.sites.values() for guest in site.guests]
    world.positive = {one for one in everybody if random.Random(f"{seed}/{one}").random() < share}
    field.prepare()
    day, cdc = Day(hands=1), Investigator(world)
    world.users["cdc_investigator"] = cast(User, cdc)
    bench = Bench(world, day)
    response = Response(world, bench, day)

    def found(tubes: list[str], at: datetime) -> None:
        cdc.note(tubes, at)
        response.found(tubes, at)

    bench.found = found
    road = Road(world, field, bench, day)
    field.schedule(day)
    road.schedule()
    day.run()
    world.link.close()
    waits = [one for many in field.waits.values() for one in many]
    return _rows(field, said), waits, _pools(cdc, said)


def _released(said: Said) -> dict[str, datetime]:
    """When each tube's result was out."""
    tube_of = {
        row["result_id"]: row["tube_code"]
        for kind, _, told in said.all if kind == "result.enter" for row in told["results"]
    }  # fmt: skip
    return {
        tube_of[one]: at
        for kind, at, told in said.all if kind == "result.release" for one in told["result_ids"]
    }  # fmt: skip


def _pools(cdc: Investigator, said: Said) -> list[Row]:
    released = _released(said)
    return [
        {
            "tube_code": told["pool_id"], "flagged_at": cdc.found[told["pool_id"]].isoformat(),
            "resolved_at": max(released[swab["tube_code"]] for swab in told["swabs"]).isoformat(),
            "laboratories": {swab["laboratory_id"] for swab in told["swabs"]},
        }
        for kind, _, told in cdc.all if kind == "recheck.swab"
    ]  # fmt: skip


def _rows(field: Field, said: Said) -> list[dict[str, Any]]:
    box_of: dict[str, str] = {}
    delivered: dict[str, datetime] = {}
    loaded: dict[str, datetime] = {}
    released = _released(said)
    names = {p["box_id"]: p["code"] for kind, _, p in said.all if kind == "box.open"}
    for kind, at, told in said.all:
        if kind == "box.add":
            box_of |= dict.fromkeys(told["tube_codes"], names[told["box_id"]])
        elif kind == "handover.record" and told["kind"] == "delivery":
            delivered |= {box["code"]: at for box in told["boxes"]}
        elif kind == "run.start":
            loaded |= dict.fromkeys(told["tube_codes"], at)
    return [
        {
            "code": code, "site": table.site.code, "home": tube.swabs[0][0].home, "late": False,
            "first_swab_at": tube.first_at.isoformat(), "last_swab_at": tube.swabs[-1][1].isoformat(),
            "delivered_at": delivered[box_of[code]].isoformat(), "loaded_at": loaded[code].isoformat(),
            "released_at": released[code].isoformat(),
        }
        for table in field.tables.values()
        for code, tube in table.tubes
    ]  # fmt: skip
