"""The response: flagged pools are re-swabbed by teams at the door, positives are told to everybody they concern.

For each flagged pool: a team is sent, the members stay where they are, each is swabbed twice for
two laboratories; when both have reported, the pool resolves. For each positive: every party
acknowledges its notices, disease control reports and closes the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from drill.bench import Bench
from drill.client import DrillError
from drill.day import Day, Deed
from drill.world import Lab, World

SENT: Final = timedelta(minutes=4)
ARRIVED: Final = timedelta(minutes=16)
ISOLATED: Final = timedelta(minutes=21)
SWABBED: Final = timedelta(minutes=42)
BROUGHT: Final = timedelta(minutes=70)
ACKNOWLEDGED: Final = timedelta(minutes=6)
REPORTED: Final = timedelta(minutes=35)
MOVED: Final = timedelta(minutes=90)
STEPS: Final = ("rechecked", "confirmed", "transferred")
PATIENCE: Final = 2  # laboratories that must report before a member is settled


@dataclass(slots=True)
class Case:
    """A flagged pool the teams know of."""

    id: str
    tube: str
    flagged_at: datetime
    members: list[dict[str, Any]] = field(default_factory=list)


class Response:
    """Disease control and its teams."""

    def __init__(self, world: World, bench: Bench, day: Day) -> None:
        self.world, self.bench, self.day = world, bench, day
        self.cases: dict[str, Case] = {}
        self.positives: set[str] = set()
        self.teams = 0
        self._recheck_tubes = 0
        bench.found = self.found
        labs = [lab for lab in world.labs.values() if lab.recheck]
        self.labs: Sequence[Lab] = labs or list(world.labs.values())[:2]

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
        case = Case(row["id"], row["tube_code"], at)
        self.cases[case.id] = case
        self.teams += 1
        team = f"应急采样{self.teams:02d}队"
        dispatch_id = self.world.ids.new(at)
        send = {"dispatch_id": dispatch_id, "pool_id": case.id, "team": team}
        arrive = {"dispatch_id": dispatch_id}
        self.day.plan(at + SENT, "response", self._doing("pool.dispatch", send))
        self.day.plan(at + ARRIVED, "response", self._doing("pool.arrive", arrive))
        self.day.plan(at + ISOLATED, "response", self._isolating(case))
        original = {"pool_id": case.id}
        self.day.plan(at + ISOLATED, "response", self._doing("pool.original_sent", original))
        self.day.plan(at + SWABBED, "response", self._swabbing(case))

    def _doing(self, kind: str, payload: dict[str, Any]) -> Deed:
        return lambda at: _ignored(
            self.world.user("cdc_investigator").command(kind, at=at, **payload)
        )

    def _isolating(self, case: Case) -> Deed:
        def isolate(at: datetime) -> None:
            cdc = self.world.user("cdc_investigator")
            case.members = cdc.get(f"/pools/{case.id}", at=at)["members"]
            cdc.batch("member.isolated", [{"member_id": m["id"]} for m in case.members], at=at)

        return isolate

    def _swabbing(self, case: Case) -> Deed:
        """Two swabs of each member, each in a tube of its own for another laboratory (R72)."""

        def swab(at: datetime) -> None:
            if len(self.labs) < PATIENCE:
                raise DrillError("a recheck needs two laboratories")
            tubes: dict[str, list[str]] = {lab.code: [] for lab in self.labs[:PATIENCE]}
            swabs = []
            for member in case.members:
                for lab in self.labs[:PATIENCE]:
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
            for lab in self.labs[:PATIENCE]:
                self.day.plan(
                    case.flagged_at + BROUGHT, lab.code, self._bringing(lab, tubes[lab.code])
                )

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


def _ignored(answer: object) -> None:
    """A deed tells nothing."""
