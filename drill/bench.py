"""The bench: receipt, runs of an instrument, results entered by one and released by another.

Only the bench knows which tubes hold a seeded positive. Boxes are opened one after another; instruments run
in batches; a batch starts when it is full, or when its oldest tube has waited long enough: how many at once
and how long is what the rehearsal of the plan assumes (`lanes.Habits`). Single swabs of a recheck go on quick
instruments kept for them, as many wells as the preset keeps. Results that are not negative are released apart
from the others.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from drill.day import Day, Deed
from drill.lanes import MINUTE
from drill.world import Lab, World

ENTER: Final = 0.4  # of the time between the end of a run and its release (assumed)
KIT: Final = "演练试剂盒 3基因"
CT_LIMIT: Final = 38.0
POSITIVE_CT: Final = {"ORF1ab": 24.1, "N": 23.4}
GREY_CT: Final = {"ORF1ab": 39.1, "N": 37.6}

Released = Callable[[list[str], datetime], None]


@dataclass(slots=True)
class _Row:
    """Instruments of one kind, when each is free, and the tubes that wait for them."""

    batch: int
    free: list[datetime]
    takes: timedelta
    patience: timedelta
    waiting: deque[tuple[datetime, str]] = field(default_factory=deque)


@dataclass(slots=True)
class _Desk:
    """One laboratory at work: its instruments, those kept for rechecks, and until when the door is busy."""

    lab: Lab
    usual: _Row
    quick: _Row
    busy: datetime | None = None
    runs: int = 0


class Bench:
    """Every laboratory of the round. `found` is told the tubes whose released result is not negative."""

    def __init__(self, world: World, day: Day, found: Released | None = None) -> None:
        self.world, self.day, self.found = world, day, found
        self.boxes = 0
        self.outcomes: dict[str, int] = {}
        self.last_release: datetime | None = None
        habits = world.habits
        self.review = habits.review * MINUTE
        self.run_takes = habits.bench_hours * 60 * MINUTE - self.review
        self.patience = habits.partial_wait * MINUTE
        self.by_hand = habits.bench_receive * MINUTE
        self.each = self.by_hand / habits.bench_receivers
        self.desks = {code: self._equipped(lab) for code, lab in world.labs.items()}

    def _equipped(self, lab: Lab) -> _Desk:
        """Instruments that do together what it says it can do in 24 h, and those kept for rechecks (R81)."""
        habits, plate = self.world.habits, int(self.world.habits.bench_plate)
        begin = datetime.min.replace(tzinfo=self.world.scenario.times.opens.tzinfo)

        def row(wells: float, takes: timedelta, patience: timedelta) -> _Row:
            free = [begin] * max(1, math.ceil(wells / plate))
            return _Row(max(1, math.ceil(wells / len(free))), free, takes, patience)

        usual = row(
            lab.tubes_per_day * (self.run_takes / timedelta(days=1)), self.run_takes, self.patience
        )
        kept = float(self.world.leaf("laboratory.reserve", 0.0))
        wells = math.ceil(kept * usual.batch * len(usual.free)) or plate
        return _Desk(
            lab, usual, row(wells, habits.retest_run * MINUTE, habits.retest_wait * MINUTE)
        )

    def arrive(self, lab: Lab, boxes: Mapping[str, Sequence[str]], at: datetime) -> None:
        """Boxes at the door: they are opened one after another, by the people there are."""
        desk = self.desks[lab.code]
        with self.world.lock:
            done = max(at, desk.busy or at)
            for code, tubes in sorted(boxes.items()):
                done += len(tubes) * self.each
                self.day.plan(done, lab.code, self._receiving(lab, {code: tubes}), together=True)
            desk.busy = done

    def _receiving(self, lab: Lab, boxes: Mapping[str, Sequence[str]]) -> Deed:
        return lambda at: self.receive(lab, boxes, at)

    def receive(self, lab: Lab, boxes: Mapping[str, Sequence[str]], at: datetime) -> None:
        """Open boxes at the door: everything on the manifest is there."""
        lab.clerk.batch(
            "box.receive",
            [
                {"receipt_id": self.world.ids.new(at), "laboratory_id": lab.id, "box_code": code,
                 "received": sorted(tubes)}
                for code, tubes in boxes.items()
            ],
            at=at,
        )  # fmt: skip
        with self.world.lock:
            self.boxes += len(boxes)
        desk = self.desks[lab.code]
        for tubes in boxes.values():
            desk.usual.waiting.extend((at, tube) for tube in tubes)
        self._wait(desk, desk.usual, at)

    def _wait(self, desk: _Desk, row: _Row, at: datetime) -> None:
        """Tubes wait from now on: begin what can begin, now and when they have waited long enough."""
        for moment in (at, at + row.patience):
            self.day.plan(moment, desk.lab.code, self._starting(desk, row), together=True)

    def _starting(self, desk: _Desk, row: _Row) -> Deed:
        """Start batches while there are tubes and an instrument is free."""

        def start(at: datetime) -> None:
            while row.waiting and row.free[0] <= at:
                full = len(row.waiting) >= row.batch
                if not full and at - row.waiting[0][0] < row.patience:
                    return
                many = min(row.batch, len(row.waiting))
                batch = [row.waiting.popleft()[1] for _ in range(many)]
                heapq.heapreplace(row.free, at + row.takes)
                self.run(desk.lab, batch, at, row.takes)
                again = self._starting(desk, row)
                self.day.plan(at + row.takes, desk.lab.code, again, together=True)

        return start

    def run(self, lab: Lab, tubes: Sequence[str], at: datetime, takes: timedelta) -> None:
        """One batch on an instrument, with its results to come."""
        desk = self.desks[lab.code]
        desk.runs += 1
        run_id = self.world.ids.new(at)
        lab.clerk.command(
            "run.start", at=at, run_id=run_id, laboratory_id=lab.id, round_id=self.world.round_id,
            instrument=f"{lab.code}-{desk.runs:04d}", kit=KIT, tube_codes=list(tubes),
            method="RT-PCR", detection_limit="200 copies/mL", ct_limit=CT_LIMIT,
        )  # fmt: skip
        self.day.plan(at + takes, lab.code, self._ending(lab, run_id, tubes), together=True)

    def _ending(self, lab: Lab, run_id: str, tubes: Sequence[str]) -> Deed:
        def end(at: datetime) -> None:
            lab.clerk.command("run.end", at=at, run_id=run_id)
            enter = self._entering(lab, run_id, tubes, at)
            self.day.plan(at + ENTER * self.review, lab.code, enter, together=True)

        return end

    def _entering(self, lab: Lab, run_id: str, tubes: Sequence[str], tested: datetime) -> Deed:
        def enter(at: datetime) -> None:
            rows: list[dict[str, Any]] = [
                {"result_id": self.world.ids.new(at), "tube_code": tube, **self.finding(tube)}
                for tube in tubes
            ]
            lab.clerk.command(
                "result.enter", at=at, laboratory_id=lab.id, run_id=run_id, results=rows,
                tested_at=tested,
            )  # fmt: skip
            report_at = self.world.scenario.times.results
            out = tested + self.review
            when = out if report_at is None else max(out, report_at)
            # What was found is looked into at once, and that touches everybody.
            clean = all(row["outcome"] == "negative" for row in rows)
            self.day.plan(when, lab.code, self._releasing(lab, rows), together=clean)

        return enter

    def finding(self, tube: str) -> dict[str, Any]:
        """What the curves of a tube say."""
        people = self.world.inside[tube]
        if self.world.positive.intersection(people):
            return {"outcome": "positive", "ct": POSITIVE_CT}
        if len(people) > 1 and self.world.grey.intersection(people):
            return {"outcome": "grey", "ct": GREY_CT}
        return {"outcome": "negative"}

    def _releasing(self, lab: Lab, rows: Sequence[Mapping[str, Any]]) -> Deed:
        def release(at: datetime) -> None:
            clean = [row for row in rows if row["outcome"] == "negative"]
            rest = [row for row in rows if row["outcome"] != "negative"]
            for part in (clean, rest):
                if part:
                    ids = [row["result_id"] for row in part]
                    lab.reviewer.command("result.release", at=at, result_ids=ids)
            with self.world.lock:
                for row in rows:
                    self.outcomes[row["outcome"]] = self.outcomes.get(row["outcome"], 0) + 1
                self.last_release = max(self.last_release or at, at)
            if rest and self.found is not None:
                self.found([str(row["tube_code"]) for row in rest], at)

        return release

    def urgent(self, lab: Lab, tubes: Sequence[str], at: datetime) -> None:
        """Recheck tubes brought to the door: checked in by one person, who does nothing else meanwhile."""
        done = at + len(tubes) * self.by_hand
        self.day.plan(done, lab.code, self._checking(lab, list(tubes)))

    def _checking(self, lab: Lab, tubes: list[str]) -> Deed:
        def check(at: datetime) -> None:
            lab.clerk.command(
                "tube.receive", at=at, receipt_id=self.world.ids.new(at), laboratory_id=lab.id,
                round_id=self.world.round_id, tube_codes=tubes,
            )  # fmt: skip
            desk = self.desks[lab.code]
            desk.quick.waiting.extend((at, tube) for tube in tubes)
            self._wait(desk, desk.quick, at)

        return check
