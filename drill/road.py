"""The road: couriers drive the runs of the plan, count what they take, and hand it over at the laboratory.

A run calls at its sites at the planned moments; at each the stations pack what is sealed, and the
courier takes the boxes. What is left after the last run of a site is fetched by a run of its own.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from drill.bench import Bench
from drill.day import Day, Deed
from drill.field import Field, Table
from drill.lanes import MINUTE, spread
from drill.scenario import Gather
from drill.world import Lab, Site, World

LOADING: Final = timedelta(minutes=3)
COURIER: Final = "转运员"
COOL: Final = 4.0  # degrees Celsius in the box: within 2–8 (R58)
LAST_CALL: Final = timedelta(minutes=10)
CALLED: Final = timedelta(minutes=2)


@dataclass(slots=True)
class Load:
    """Boxes on one vehicle: box code → tube codes."""

    vehicle: str
    lab: Lab
    name: str
    boxes: dict[str, list[str]] = field(default_factory=dict)


class Road:
    """Every run of the round."""

    def __init__(self, world: World, field_: Field, bench: Bench, day: Day) -> None:
        self.world, self.field, self.bench, self.day = world, field_, bench, day
        self.packed: dict[str, dict[str, list[str]]] = defaultdict(dict)
        self.tables: dict[str, list[Table]] = defaultdict(list)
        self.gathered: dict[str, Load] = {}
        self.runs = 0
        self.delivered_at: datetime | None = None
        self._rides: dict[str, list[timedelta]] = defaultdict(list)
        for run in world.plan.get("runs", []) if world.scenario.gather is None else []:
            for stop in run["stops"]:
                self._rides[stop["site"]].append(_at(run["arrives"]) - _at(stop["at"]))
        for table in field_.tables.values():
            self.tables[table.site.code].append(table)

    def schedule(self) -> None:
        """Plan every run of the plan, and the last calls."""
        for run in self.world.plan["runs"]:
            load = self._load(run["vehicle"], run["lab"], f"{run['route']} {run['leaves'][11:16]}")
            factor = self._factor(f"{run['route']} {run['leaves']}")
            first, last = (_at(run["stops"][end]["at"]) for end in (0, -1))
            for stop in run["stops"]:
                at = _at(stop["at"])  # late where the roads are slow, never before the time
                self._call(
                    load, self.world.sites[stop["site"]], max(at, first + (at - first) * factor)
                )
            late = max(last, first + (last - first) * factor)
            self._bringing(load, late + (_at(run["arrives"]) - last) * factor)
        for code, lab in self.lab_of_site().items():
            ends = max((table.ends for table in self.tables[code] if table.ends), default=None)
            if ends is not None:
                self.day.plan(ends + LAST_CALL, code, self.last_call(code, lab), together=True)

    def _factor(self, name: str) -> float:
        """How much longer than planned the roads of one run take."""
        if not self.world.scenario.booked:  # a report's day is replayed by its own times
            return 1.0
        rng = random.Random(f"{self.world.scenario.seed}/road/{name}")
        return spread(rng, 1.0, self.world.habits.ride_cv)

    def _ride(self, code: str, lab: Lab) -> timedelta:
        """The way from a site to its laboratory as the plan's runs know it, else as the scenario does."""
        known = self._rides.get(code)
        return sum(known, timedelta()) / len(known) if known else lab.drive_minutes * MINUTE

    def _load(self, vehicle: str, lab: str, name: str) -> Load:
        vehicles = self.world.notes.get("vehicle_of", {})
        return Load(vehicles.get(vehicle, ""), self.world.labs[lab], name)

    def lab_of_site(self) -> dict[str, str]:
        """The laboratory that takes most of each site's tubes under the plan."""
        most: dict[str, tuple[int, str]] = {}
        for share in self.world.plan["shares"]:
            most[share["site"]] = max(
                most.get(share["site"], (0, "")), (share["tubes"], share["lab"])
            )
        spare = next(iter(self.world.labs))
        return {code: most.get(code, (0, spare))[1] for code in self.world.sites}

    def _call(self, load: Load, site: Site, at: datetime) -> None:
        """One stop: every lane packs, then the courier counts and takes."""
        for table in self.tables[site.code]:
            self.day.plan(at, site.code, self._packing(table), together=True)
        both = (f"courier {load.name}", site.code)
        self.day.plan(at + LOADING, both, self._taking(load, site), together=True)

    def _packing(self, table: Table) -> Deed:
        def pack(at: datetime) -> None:
            boxes = self.field.pack(table, at)
            with self.world.lock:
                self.packed[table.site.code].update(boxes)

        return pack

    def _taking(self, load: Load, site: Site) -> Deed:
        def take(at: datetime) -> None:
            boxes = self.packed.pop(site.code, {})
            if not boxes:
                return
            load.boxes |= boxes
            self._handover("pick_up", load, boxes, at, other=site.name)

        return take

    def _bringing(self, load: Load, at: datetime) -> None:
        """Plan the end of a run: at the laboratory at `at`, or where boxes are brought together first."""
        gather = self.world.scenario.gather
        if gather is None:
            self._plan_delivery(load, at)
            return
        earlier = at - timedelta(minutes=load.lab.drive_minutes - gather.minutes)
        self.day.plan(earlier, f"courier {load.name}", self._leaving_at(load, gather))

    def _leaving_at(self, load: Load, gather: Gather) -> Deed:
        def leave(at: datetime) -> None:
            if not load.boxes:
                return
            self._handover("relay", load, load.boxes, at, other=gather.place)
            whole = self.gathered.get(load.lab.code)
            if whole is None or at > gather.leaves:  # the first here, or too late for the convoy
                whole = Load(load.vehicle, load.lab, f"{gather.place} {load.lab.code}")
                self.gathered[load.lab.code] = whole
                goes = max(at + LOADING, gather.leaves)
                arrives = goes + timedelta(minutes=load.lab.drive_minutes)
                self._plan_delivery(whole, arrives)
            whole.boxes |= load.boxes

        return leave

    def _plan_delivery(self, load: Load, at: datetime) -> None:
        both = (f"courier {load.name}", load.lab.code)
        # Alone, for what is handed over is looked at at once: no deed beside others plans one so soon.
        self.day.plan(at, both, self._delivering(load))

    def _delivering(self, load: Load) -> Deed:
        def deliver(at: datetime) -> None:
            if not load.boxes:
                return
            self._handover("delivery", load, load.boxes, at, other=load.lab.name)
            with self.world.lock:
                self.runs += 1
                self.delivered_at = max(self.delivered_at or at, at)
            self.bench.arrive(load.lab, load.boxes, at)

        return deliver

    def _handover(
        self, kind: str, load: Load, boxes: dict[str, list[str]], at: datetime, *, other: str
    ) -> None:
        """Sign for boxes: taken from a site (`pick_up`), or given to a laboratory (`delivery`)."""
        giver, taker = (other, COURIER) if kind == "pick_up" else (COURIER, other)
        given: dict[str, Any] = {
            "handover_id": self.world.ids.new(at), "kind": kind, "giver": giver, "taker": taker,
            "boxes": [{"code": code, "tubes": len(tubes)} for code, tubes in sorted(boxes.items())],
            "temperature_c": COOL,
        }  # fmt: skip
        if load.vehicle:
            given["vehicle_id"] = load.vehicle
        self.world.user("courier").command("handover.record", at=at, **given)

    def last_call(self, code: str, lab: str) -> Deed:
        """When a site is through: count the rack, close the shift, fetch what is left."""

        def call(at: datetime) -> None:
            site = self.world.sites[code]
            for table in self.tables[code]:
                self.field.close_shift(table, at)
            if all(table.boxed == len(table.tubes) for table in self.tables[code]):
                return
            load = self._load("", lab, f"{code} last")
            load.vehicle = self._spare_vehicle()
            self._call(load, site, at + CALLED)
            ride = self._ride(code, load.lab) * self._factor(f"{code} last {at.isoformat()}")
            self._bringing(load, at + CALLED + LOADING + ride)

        return call

    def _spare_vehicle(self) -> str:
        """A vehicle for a run nobody planned: the last of the round's vehicles, in turn."""
        vehicles: list[str] = self.world.notes.get("vehicles", [])
        with self.world.lock:
            turn = self.world.notes["spare"] = self.world.notes.get("spare", 0) + 1
        return vehicles[-turn % len(vehicles)] if vehicles else ""


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
