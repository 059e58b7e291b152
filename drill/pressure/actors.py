"""Who asks what of the system under pressure: phones, couriers, laboratories, residents, clerks, desks.

Bodies of what the field and the laboratories send are made before the clock starts; only the sending is timed. Phones
send what the station app sends: each scan as it happens where there is a line, whole histories where there was none.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from drill import ground
from drill.client import AT, Command, DrillError, User, body, packets
from drill.field import Field, Table
from drill.filling import Filled
from drill.ground import Ask
from drill.pressure import load
from drill.pressure.shooter import Shot, answered, applied
from drill.world import Lab, World

STEP: Final = timedelta(minutes=1)
RIDE: Final = timedelta(minutes=40)
RUN: Final = timedelta(minutes=150)
GAP: Final = 1.0
"""Seconds between two requests of one box."""
BULK: Final = 40
"""Tubes of a request while the ground is prepared."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A request of a device and what it brings about once it is confirmed."""

    ask: Ask
    swabs: int
    opened: int

    @property
    def brings(self) -> dict[str, int]:
        return {"samples": self.swabs, "tubes": self.opened}


class TooFew(DrillError):  # noqa: N818 - an answer, with a sentence of its own
    """The county has too few people for this load."""


@dataclass
class Confirmed:
    """What the senders were told is stored. `sent` counts what was begun, answered or not."""

    stored: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, into: Counter[str], **more: int) -> None:
        with self.lock:
            into.update(more)


class Phone:
    """A phone and the requests it will send, in order. One is taken off only when it was confirmed."""

    def __init__(self, name: str, packets: Iterable[Packet], confirmed: Confirmed) -> None:
        self.name, self.waiting, self.confirmed = name, deque(packets), confirmed
        self._begun: Packet | None = None

    def make(self) -> Ask:
        """The request whose turn it is."""
        packet = self.waiting[0]
        if packet is not self._begun:
            self._begun = packet
            self.confirmed.note(self.confirmed.sent, **packet.brings)
        return packet.ask

    def done(self) -> None:
        self.confirmed.note(self.confirmed.stored, **self.waiting.popleft().brings)


class Actors:
    """Everybody of a county, ready to send. Raises `DrillError` where the county is too small for the load."""

    def __init__(
        self, world: World, field_: Field, values: Sequence[load.Value], *, boxes: int, seed: int
    ) -> None:
        self.world, self.field, self.rng = world, field_, random.Random(seed)
        self.of = {value.name: value.value for value in values}
        self.rates = load.rates(values)
        self.at = world.scenario.times.closes
        self.confirmed = Confirmed()
        tables = [table for table in field_.tables.values() if table.tubes]
        tables.sort(key=lambda table: table.tubes[0][1].sealed_at)
        self.chains = deque(self._staged(tables, boxes))
        self.phones = self._phones(tables)
        self.people = {
            kind: sum(packet.swabs for phone in phones for packet in phone.waiting)
            for kind, phones in self.phones.items()
        }
        self.sources = self._sources()

    # -- the ground -----------------------------------------------------------------------------

    def _staged(self, tables: list[Table], boxes: int) -> Iterable[list[tuple[str, Ask, int]]]:
        """Tubes of the first lanes are handed in now; each box of them with the requests of its way."""
        size = int(self.of["box_tubes"])
        ready: list[tuple[Table, list[tuple[str, Filled]]]] = []
        while len(ready) < boxes:
            if not tables:
                raise TooFew
            table = tables.pop(0)
            starts = range(0, len(table.tubes), size)
            ready += [(table, table.tubes[start : start + size]) for start in starts]
        for table, tubes in ready:
            self._hand_in(table, tubes)
        labs = itertools.cycle(self.world.labs.values())
        return [self._way(table, tubes, next(labs)) for table, tubes in ready[:boxes]]

    def _hand_in(self, table: Table, tubes: Sequence[tuple[str, Filled]]) -> None:
        for start in range(0, len(tubes), BULK):
            part = tubes[start : start + BULK]
            commands = [self.field.record(table, code, tube) for code, tube in part]
            verdicts = table.device.sync(commands, at=self.at)
            if any(told["verdict"] == "parked" for told in verdicts):
                raise DrillError(f"a tube was parked: {verdicts}")
            for into in (self.confirmed.stored, self.confirmed.sent):
                self.confirmed.note(
                    into, tubes=len(part), samples=sum(len(tube) for _, tube in part)
                )

    def _way(
        self, table: Table, tubes: Sequence[tuple[str, Filled]], lab: Lab
    ) -> list[tuple[str, Ask, int]]:
        """(kind, request, results confirmed by it) of one box, from its seal to the release."""
        world, codes = self.world, [code for code, _ in tubes]
        at = min(tubes[-1][1].sealed_at + STEP, self.at - RIDE - RUN - 8 * STEP)
        box = self.field.box_code(table)
        sealing = self.field.box(box, codes, at)
        courier = world.user("courier")
        ask = self._asking
        stops = [("pick_up", table.site.name, at + STEP), ("delivery", lab.name, at + RIDE)]
        way = [(load.TRANSPORT, self._from(table, sealing), 0)]
        for kind, other, when in stops:
            given = {
                "handover_id": world.ids.new(when), "kind": kind, "temperature_c": 5.0,
                "giver": other if kind == "pick_up" else "courier",
                "taker": "courier" if kind == "pick_up" else other,
                "boxes": [{"code": box, "tubes": len(codes)}],
            }  # fmt: skip
            way.append((load.TRANSPORT, ask(courier, "handover.record", when, given), 0))
        return way + self._bench(lab, box, codes, at + RIDE + STEP)

    def _bench(
        self, lab: Lab, box: str, codes: Sequence[str], at: datetime
    ) -> list[tuple[str, Ask, int]]:
        """What a laboratory sends of a box: receipt, run, results entered by one and released by another."""
        world, ask = self.world, self._asking
        run_id, ended = world.ids.new(at), at + STEP + RUN
        rows = [
            {"result_id": world.ids.new(at), "tube_code": code, "outcome": "negative"}
            for code in codes
        ]
        receipt = {"receipt_id": world.ids.new(at), "laboratory_id": lab.id, "box_code": box,
                   "received": sorted(codes)}  # fmt: skip
        run = {
            "run_id": run_id, "laboratory_id": lab.id, "round_id": world.round_id, "instrument": f"P-{box}",
            "kit": "PRESSURE", "tube_codes": list(codes), "method": "RT-PCR",
            "detection_limit": "200 copies/mL", "ct_limit": 38.0,
        }  # fmt: skip
        entered = {"laboratory_id": lab.id, "run_id": run_id, "results": rows, "tested_at": ended}
        released = {"result_ids": [row["result_id"] for row in rows]}
        steps: list[tuple[User, str, datetime, dict[str, Any], int]] = [
            (lab.clerk, "box.receive", at, receipt, 0),
            (lab.clerk, "run.start", at + STEP, run, 0),
            (lab.clerk, "run.end", ended, {"run_id": run_id}, 0),
            (lab.clerk, "result.enter", ended + STEP, entered, 0),
            (lab.reviewer, "result.release", ended + 2 * STEP, released, len(rows)),
        ]
        return [
            (load.LABORATORY, ask(user, kind, when, given), results)
            for user, kind, when, given, results in steps
        ]

    def _asking(self, user: User, kind: str, at: datetime, payload: dict[str, Any]) -> Ask:
        command = Command(self.world.ids.new(at), kind, at, payload)
        ((_, raw),) = packets([command])
        cookies = "; ".join(f"{name}={value}" for name, value in user.link.http.cookies.items())
        head = {"Cookie": cookies, AT: self.at.isoformat(), **user.headers()}
        return Ask("POST", "/api/commands", body(raw, at=self.at), head)

    def _from(self, table: Table, commands: Sequence[Command]) -> Ask:
        """A request of a lane's device, its commands numbered as the phone numbers them."""
        ((_, raw),) = packets(table.device.numbered(commands))
        head = {**table.device.headers(), AT: self.at.isoformat()}
        return Ask("POST", "/api/sync", body(raw, at=self.at), head)

    # -- phones ---------------------------------------------------------------------------------

    def _phones(self, tables: Sequence[Table]) -> dict[str, list[Phone]]:
        """The lanes that are left: some without a line, as many as the share of people says."""
        share = self.of["offline_share"]
        away = [table for n, table in enumerate(tables) if int((n + 1) * share) > int(n * share)]
        return {
            load.SCANS: [
                Phone(t.station, self._scans(t), self.confirmed) for t in tables if t not in away
            ],
            load.BACKLOG: [Phone(t.station, self._histories(t), self.confirmed) for t in away],
        }

    def _scans(self, table: Table) -> Iterable[Packet]:
        """A phone with a line: each person's scan as it happens, with the tube's first or last steps."""
        for code, tube in table.tubes:
            steps = self._steps(code, tube)
            for number in range(len(tube)):
                last = number == len(tube) - 1
                part = [steps[0]] * (number == 0) + [steps[1 + number]] + steps[-2:] * last
                yield Packet(self._from(table, part), 1, int(number == 0))

    def _histories(self, table: Table) -> Iterable[Packet]:
        """A phone that had no line: some whole tubes at once."""
        size = int(self.of["backlog_tubes"])
        for start in range(0, len(table.tubes), size):
            part = table.tubes[start : start + size]
            commands = [step for code, tube in part for step in self._steps(code, tube)]
            people = sum(len(tube) for _, tube in part)
            yield Packet(self._from(table, commands), people, len(part))

    def _steps(self, code: str, tube: Filled) -> list[Command]:
        """What the station app records of a tube: opened, each person, locked, sealed."""
        new = self.world.ids.new
        tube_id = new(tube.opened_at)
        opened = {"tube_id": tube_id, "code": code, "mode": tube.mode, "capacity": tube.capacity}
        steps: list[tuple[str, datetime, dict[str, Any]]] = [("tube.open", tube.opened_at, opened)]
        for guest, at in tube.swabs:
            swab = {"swab_id": new(at), "tube_id": tube_id, "entry": "code", "token": guest.token}
            steps.append(("swab.add", at, swab))
        steps.append(("tube.lock", tube.locked_at, {"tube_id": tube_id}))
        steps.append(("tube.seal", tube.sealed_at, {"tube_id": tube_id, "count": len(tube)}))
        return [Command(new(at), kind, at, payload) for kind, at, payload in steps]

    # -- everybody else --------------------------------------------------------------------------

    def _sources(self) -> dict[str, Callable[[], Ask]]:
        """What residents, clerks and desks ask, over and over."""
        world, at, base = self.world, self.at, f"/api/rounds/{self.world.round_id}"
        desks = [
            ground.signed_in(world, role, at)
            for role in ("commander", "round_planner", "site_lead", "town_worker")
        ]
        paths = {
            load.OVERVIEW: f"{base}/overview", load.SITES: f"{base}/sites?limit=1000",
            load.BOXES: f"{base}/boxes?limit=1000",
            load.CLOCKS: f"/api/clocks?round={world.round_id}&state=running&limit=100",
        }  # fmt: skip
        asks = {
            kind: [Ask("GET", path, b"", head) for head in desks] for kind, path in paths.items()
        }
        residents = ground.own(world, at, "/api/results/lookup", most=5000)
        asks[load.LOOK_UP] = residents
        asks[load.OWN_CODE] = [
            Ask(one.method, "/api/codes/own", one.body, one.headers) for one in residents
        ]
        asks[load.CODE_PAGE] = ground.code_pages(world, at)
        for found in asks.values():
            self.rng.shuffle(found)
        return {kind: itertools.cycle(found).__next__ for kind, found in asks.items()}

    def shots(self, multiple: float, seconds: float) -> list[Shot]:
        """Everything that is due in a step of so many seconds. Raises `DrillError` where people run out."""
        made: list[Shot] = []
        for kind in load.KINDS:
            due = load.moments(self.rates[kind] * multiple, seconds, self.rng)
            if kind in self.phones:
                made += self._phoned(kind, due)
            elif kind == load.TRANSPORT:
                made += self._boxed(due)
            elif kind != load.LABORATORY:
                made += [Shot(kind, at, self.sources[kind], check=answered) for at in due]
        return made

    def left(self, kind: str) -> int:
        """Requests the phones of a kind still have."""
        return sum(len(phone.waiting) for phone in self.phones[kind])

    def _phoned(self, kind: str, due: Sequence[float]) -> list[Shot]:
        """In turns over the phones that still have something to send."""
        turns = deque((phone, len(phone.waiting)) for phone in self.phones[kind] if phone.waiting)
        shots = []
        for at in due:
            if not turns:
                raise TooFew
            phone, left = turns.popleft()
            shots.append(
                Shot(kind, at, phone.make, line=phone.name, check=applied, done=phone.done)
            )
            if left > 1:
                turns.append((phone, left - 1))
        return shots

    def _boxed(self, due: Sequence[float]) -> list[Shot]:
        """The whole way of a box, its requests a second apart, each after the one before."""
        shots = []
        for at in due:
            if not self.chains:
                raise TooFew
            way = self.chains.popleft()
            self.confirmed.note(self.confirmed.sent, results=sum(one[2] for one in way))
            for number, (kind, ask, results) in enumerate(way):
                shots.append(
                    Shot(
                        kind, at + GAP * number, _fixed(ask), line=f"box {id(way)}", check=applied,
                        done=self._resulted(results),
                    )
                )  # fmt: skip
        return shots

    def _resulted(self, results: int) -> Callable[[], None]:
        return lambda: self.confirmed.note(self.confirmed.stored, results=results)


def _fixed(ask: Ask) -> Callable[[], Ask]:
    return lambda: ask
