"""A drilled day of a plan without a system: the same actors, and instead of the API a list of what they said."""

from __future__ import annotations

import random
from collections import defaultdict
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
from drill.road import Road
from drill.world import Lab, Site, World
from yingjian.engines.plan.model import Plan


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
    world = World(given, Link("http://127.0.0.1", Traffic()), Ids(seed), random.Random(seed), print)
    world.plan, world.habits = msgspec.json.decode(msgspec.json.encode(plan)), habits
    who = cast(User, said)
    world.users = {"courier": who}
    for load in plan.labs:
        world.labs[load.lab] = Lab(
            load.lab, load.lab, load.lab, "hospital", load.tubes_per_day, 30, False, who, who
        )
    guests = guests_of(plan)
    for site in plan.sites:
        lanes = [lane.code for lane in site.stations]
        boxes = {lane.code: list(lane.boxes) for lane in site.stations}
        world.sites[site.code] = Site(
            site.code, site.code, site.area, site.name, lanes, boxes, guests=guests[site.code]
        )
    return world


def played(plan: Plan, seed: int, habits: Habits) -> tuple[list[dict[str, Any]], list[Waited]]:
    """(rows as the system's figure of tubes gives them, the log of the queue) of one drilled day."""
    said = Said()
    world = world_of(plan, seed, habits, said)
    field = Field(world)
    for site in world.sites.values():
        for lane in site.stations:
            field.tables[lane] = Table(site, lane, cast(Device, said))
    field.prepare()
    day = Day(hands=1)
    bench = Bench(world, day)
    road = Road(world, field, bench, day)
    field.schedule(day)
    road.schedule()
    day.run()
    world.link.close()
    waits = [one for many in field.waits.values() for one in many]
    return _rows(field, said), waits


def _rows(field: Field, said: Said) -> list[dict[str, Any]]:
    box_of: dict[str, str] = {}
    tube_of: dict[str, str] = {}
    delivered: dict[str, datetime] = {}
    loaded: dict[str, datetime] = {}
    released: dict[str, datetime] = {}
    names = {p["box_id"]: p["code"] for kind, _, p in said.all if kind == "box.open"}
    for kind, at, told in said.all:
        if kind == "box.add":
            box_of |= dict.fromkeys(told["tube_codes"], names[told["box_id"]])
        elif kind == "handover.record" and told["kind"] == "delivery":
            delivered |= {box["code"]: at for box in told["boxes"]}
        elif kind == "run.start":
            loaded |= dict.fromkeys(told["tube_codes"], at)
        elif kind == "result.enter":
            tube_of |= {row["result_id"]: row["tube_code"] for row in told["results"]}
        elif kind == "result.release":
            released |= {tube_of[one]: at for one in told["result_ids"]}
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
