"""The response: flagged pools are re-swabbed by teams at the door, positives are told to everybody they concern.

For each flagged pool: the team of the plan that is free first is sent, the members stay where they are, each is
swabbed twice for two laboratories; when both have reported, the pool resolves. How long that takes a team is what
the rehearsal of the plan assumes, on dice of the drill's own. For each positive: every party acknowledges its
notices, disease control reports and closes the case.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from drill.bench import Bench
from drill.client import DrillError
from drill.day import Day, Deed
from drill.lanes import MINUTE, spread
from drill.world import Lab, World

SENT: Final = timedelta(minutes=4)
EARTH_KM: Final = 6371.0
ACKNOWLEDGED: Final = timedelta(minutes=6)
REPORTED: Final = timedelta(minutes=35)
MOVED: Final = timedelta(minutes=90)
STEPS: Final = ("rechecked", "confirmed", "transferred")
PATIENCE: Final = 2  # laboratories that must report before a member is settled


@dataclass(slots=True)
class Case:
    """A flagged pool the teams know of, and when its team has fetched all swabs and brought them."""

    id: str
    tube: str
    members: list[dict[str, Any]]
    arrived: datetime
    swabbed: datetime
    brought: datetime


class Response:
    """Disease control and its teams."""

    def __init__(self, world: World, bench: Bench, day: Day) -> None:
        self.world, self.bench, self.day = world, bench, day
        self.cases: dict[str, Case] = {}
        self.positives: set[str] = set()
        self.teams = 0
        self._recheck_tubes = 0
        bench.found = self.found
        labs = [lab for lab in world.labs.values() if lab.recheck] or list(world.labs.values())
        self.labs: Sequence[Lab] = labs[:PATIENCE]
        ready = sum(team["kind"] == "recheck" for team in world.plan.get("teams", []))
        teams = ready // int(world.leaf("flagged.teams_per_pool", 1))
        begin = datetime.min.replace(tzinfo=world.scenario.times.opens.tzinfo)
        self.free = [begin] * (max(1, teams) if ready else 0)
        """When each team of the plan is free again; a plan without teams has as many as it needs."""

    def found(self, tubes: list[str], at: datetime) -> None:
        """A laboratory released something that is not negative: look what the system made of it."""
        self.day.plan(at, "response", self._look)

    def _look(self, at: datetime) -> None:
        self.world.settle(at)
        cdc = self.world.user("cdc_investigator")
        for row in cdc.items(f"/rounds/{self.world.round_id}/pools", at=at):
            if row["id"] not in self.cases:
                self._open(row, at)
        for row in cdc.items(f"/rounds/{self.world.round_id}/positives", at=at):
            if row["id"] not in self.positives:
                self.positives.add(row["id"])
                self.day.plan(at + ACKNOWLEDGED, "response", self._acknowledging(row["id"]))
                self.day.plan(at + REPORTED, "response", self._reporting(row["id"]))

    # -- pools --------------------------------------------------------------------------------

    def _open(self, row: dict[str, Any], at: datetime) -> None:
        cdc = self.world.user("cdc_investigator")
        members = cdc.get(f"/pools/{row['id']}", at=at)["members"]
        self.teams += 1
        counted = bool(self.free)
        sent = max(at, heapq.heappop(self.free)) if counted else at
        case = self._case(row, members, sent)
        if counted:
            heapq.heappush(self.free, case.brought)
        self.cases[case.id] = case
        dispatch_id = self.world.ids.new(at)
        team = f"应急采样{self.teams:02d}队"
        send = {"dispatch_id": dispatch_id, "pool_id": case.id, "team": team}
        told = min(sent + SENT, case.arrived)
        self.day.plan(told, "response", self._doing("pool.dispatch", send))
        arrive, original = {"dispatch_id": dispatch_id}, {"pool_id": case.id}
        self.day.plan(case.arrived, "response", self._doing("pool.arrive", arrive))
        self.day.plan(case.arrived, "response", self._isolating(case))
        self.day.plan(case.arrived, "response", self._doing("pool.original_sent", original))
        self.day.plan(case.swabbed, "response", self._swabbing(case))

    def _case(self, row: dict[str, Any], members: list[dict[str, Any]], sent: datetime) -> Case:
        """How long the team takes to the door, for the swabs, and to the laboratories."""
        tube, habits = str(row["tube_code"]), self.world.habits
        arrived = sent + habits.retest_way * MINUTE * self._factor(f"way/{tube}")
        swabbed = arrived + len(members) * habits.retest_each * MINUTE
        ride = max(self._ride(tube, lab) for lab in self.labs)
        return Case(
            row["id"], tube, members, arrived, swabbed,
            swabbed + ride * MINUTE * self._factor(f"ride/{tube}"),
        )  # fmt: skip

    def _factor(self, name: str) -> float:
        """How much longer than assumed a road is."""
        if not self.world.scenario.booked:  # as the couriers' roads
            return 1.0
        rng = random.Random(f"{self.world.scenario.seed}/recheck/{name}")
        return spread(rng, 1.0, self.world.habits.ride_cv)

    def _ride(self, tube: str, lab: Lab) -> float:
        """Minutes straight from the tube's site to a laboratory, by the roads the plan assumes; else the scenario's."""
        plan, code = self.world.plan, self.world.site_of.get(tube)
        params: dict[str, Any] = plan.get("params", {})
        places = [one for one in plan.get("sites", []) if one["code"] == code]
        places += [one for one in plan.get("labs", []) if one["lab"] == lab.code]
        ends = [float(one[k]) for one in places for k in ("lon", "lat") if one.get(k) is not None]
        if len(ends) < len(("lon", "lat")) * 2:
            return float(params.get("unknown_lab_minutes", lab.drive_minutes))
        return _km(*ends) * float(params["road_factor"]) / float(params["drive_km_per_h"]) * 60

    def _doing(self, kind: str, payload: dict[str, Any]) -> Deed:
        return lambda at: _ignored(
            self.world.user("cdc_investigator").command(kind, at=at, **payload)
        )

    def _isolating(self, case: Case) -> Deed:
        def isolate(at: datetime) -> None:
            cdc = self.world.user("cdc_investigator")
            cdc.batch("member.isolated", [{"member_id": m["id"]} for m in case.members], at=at)

        return isolate

    def _swabbing(self, case: Case) -> Deed:
        """Two swabs of each member, each in a tube of its own for another laboratory (R72)."""

        def swab(at: datetime) -> None:
            if len(self.labs) < PATIENCE:
                raise DrillError("a recheck needs two laboratories")
            tubes: dict[str, list[str]] = {lab.code: [] for lab in self.labs}
            swabs = []
            for member in case.members:
                for lab in self.labs:
                    code = self._tube(member["person_id"])
                    tubes[lab.code].append(code)
                    swabs.append(
                        {
                            "member_id": member["id"], "tube_id": self.world.ids.new(at),
                            "tube_code": code, "swab_id": self.world.ids.new(at),
                            "laboratory_id": lab.id,
                        }
                    )  # fmt: skip
            self.world.user("cdc_investigator").command(
                "recheck.swab", at=at, pool_id=case.id, swabs=swabs
            )
            for lab in self.labs:
                self.day.plan(case.brought, lab.code, self._bringing(lab, tubes[lab.code]))

        return swab

    def _tube(self, person_id: str | None) -> str:
        self._recheck_tubes += 1
        code = f"F{self.world.scenario.seed % 10_000:04d}{self._recheck_tubes:06d}"
        self.world.inside[code] = [person_id] if person_id else []
        return code

    def _bringing(self, lab: Lab, tubes: list[str]) -> Deed:
        def bring(at: datetime) -> None:
            self.bench.urgent(lab, tubes, at)
            # Negative rechecks call nobody, but they settle members: look when they must be out.
            self.day.plan(at + timedelta(hours=3), "response", self._look)

        return bring

    # -- positives ----------------------------------------------------------------------------

    def _acknowledging(self, positive: str) -> Deed:
        def acknowledge(at: datetime) -> None:
            cdc = self.world.user("cdc_investigator")
            notices = cdc.get(f"/positives/{positive}", at=at)["notices"]
            cdc.batch(
                "notice.acknowledge",
                [{"notice_id": n["id"], "by": f"{n['party']}值班员"} for n in notices],
                at=at,
            )

        return acknowledge

    def _reporting(self, positive: str) -> Deed:
        def report(at: datetime) -> None:
            cdc = self.world.user("cdc_investigator")
            cdc.command("positive.report", at=at, positive_id=positive)
            self.day.plan(at + MOVED, "response", self._advancing(positive))

        return report

    def _advancing(self, positive: str) -> Deed:
        """Take a case to its end; what the recheck has said already is not said again."""

        def advance(at: datetime) -> None:
            self.world.settle(at)
            cdc = self.world.user("cdc_investigator")
            state = cdc.get(f"/positives/{positive}", at=at)["state"]
            for to in STEPS[STEPS.index(state) + 1 if state in STEPS else 0 :]:
                cdc.command("positive.advance", at=at, positive_id=positive, to=to)

        return advance


def _km(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """As the crow flies."""
    a, b, c, d = map(math.radians, (lon1, lat1, lon2, lat2))
    half = math.sin((d - b) / 2) ** 2 + math.cos(b) * math.cos(d) * math.sin((c - a) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _ignored(answer: object) -> None:
    """A deed tells nothing."""
