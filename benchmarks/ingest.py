"""Persons registered per second through `POST /api/sync`, beside the same rows by pgbench, in one run on one machine.

A county of synthetic people is set up through the API (roster, round, plan, devices, signed codes).
Then whole tubes are sent at 1, 10 and 100 tubes a request by a few connections; request bodies are made
before the clock starts, and the first 5,000 people are stored before anything is measured: on a table of a few pages
every statement is planned anew, which a county leaves behind in its first minutes. Rivals, in turns with ours and over
the people of every second site, who are left to them: (a) `ingest.sql`, the rows such a request leaves (journal, tube,
swabs, due list, clocks) under the same constraints and the same role, by pgbench with as many connections; (b) those
rows by one plain COPY, as the owner (COPY takes no row-level policies). Then rounds of earlier days are stored
(`history`) and the same is measured again: all of it with 0.3 million rows, which is a county after its first round,
and what a person costs with 3 million. Each tube is sent once, so how many there are is reckoned up first; where they
are too few, every measurement takes fewer, and that is said.
"""

from __future__ import annotations

import http.client
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from benchmarks import history
from benchmarks.rivals import Copy, Rival
from config import drills
from drill import ground, processor, server
from drill.client import body, packets
from drill.field import Field
from drill.world import World

SIZES = (1, 10, 100)  # tubes a request
POOL = 10
WARM = 480  # tubes stored before the first measurement: a county's first 5,000 people
CONNECTIONS = 4
SLICES = 3  # ours and the rival's turns: what else the machine does falls on both
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One measurement: with at least so many rows stored (0: as the county begins), tubes a request, tubes in all."""

    rows: int
    size: int
    tubes: int


def parts(tubes: int, rows: Sequence[int]) -> list[Part]:
    """What is measured with `tubes` tubes per size: everything at first and at the first of `rows`, where single tubes
    are fewer; ten and one a request, and a fifth of the tubes, at the others.
    """
    few = max(tubes // 5, 60)
    found = []
    for level in (0, *sorted(rows)[:1]):
        found += [Part(level, size, few if size == 1 else tubes) for size in SIZES]
    for level in sorted(rows)[1:]:
        found += [Part(level, 10, few), Part(level, 1, few // 3)]
    return [fitted(part, 1.0) for part in found]


def fitted(part: Part, share: float) -> Part:
    """This share of the tubes, the same number for each connection, at least one request each."""
    step = part.size * CONNECTIONS
    return Part(part.rows, part.size, max(int(part.tubes * share) // step, 1) * step)


def shared(wanted: Sequence[Part], held: int) -> list[Part]:
    """The same measurements with no more than `held` tubes in all. Raises `SystemExit` where that is not enough."""
    found, share = list(wanted), 1.0
    least = [fitted(part, 0.0) for part in wanted]
    while sum(part.tubes for part in found) > held:
        if found == least:
            raise SystemExit("not enough people for this benchmark: give more with --people")
        share *= 0.95
        found = [fitted(part, share) for part in wanted]
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """A body ready to be sent, by which device, and how many people it registers."""

    authorization: str
    body: bytes
    people: int


def run(*, people: int, tubes: int, rows: Sequence[int], workers: int, say: Say) -> dict[str, Any]:
    """Measure; `tubes` are sent per size (fewer single-tube requests). Returns figures ready for JSON."""
    var = drills.directory("bench")
    system = server.fresh(drills.command(), drills.environment(var), var, say)
    system.start(workers=workers, threads=CONNECTIONS)
    try:
        world, waiting = stage(system, people, say)
        rival = Rival(var, world.round_id, POOL, sites=waiting.leave_half())
        bench = _Bench(system, waiting, world.scenario.times.closes, rival)
        figures: dict[str, Any] = {
            "people": people, "connections": CONNECTIONS, "pool": POOL, "workers": workers
        }  # fmt: skip
        waiting.send_some(system.url, bench.at)  # plans and caches of each connection
        waiting.grow(system.url, bench.at, WARM)
        # where the rival goes from one size to the next it leaves out less than a request's tubes
        held = min(waiting.held(), rival.held() - 2 * max(SIZES)) - WARM * len(rows)
        todo = shared(parts(tubes, rows), held)
        say(
            f"{sum(part.tubes for part in todo):,} of {held:,} full tubes are sent: "
            + ", ".join(f"{part.tubes:,} by {part.size} at {part.rows:,} rows" for part in todo)
        )
        first = [part for part in todo if not part.rows]
        figures["sizes"] = {str(part.size): bench.measure(part, say) for part in first}
        figures["copy"] = Copy(var).measure()
        say(f"COPY of the rival's rows: {figures['copy']['persons_per_s']:>8,.0f} people/s")
        if rows:
            figures["growth"] = _growth(bench, [part for part in todo if part.rows], say)
        return figures
    finally:
        system.stop()


@dataclass(frozen=True)
class _Bench:
    system: server.System
    waiting: Waiting
    at: datetime  # everything sent was captured before
    rival: Rival

    def warm(self) -> None:
        """The first tubes after the store was filled, on both sides, not measured: filling ends with an emptied log,
        and each page is logged whole at its first change after that, which comes once in a quarter of an hour.
        """
        self.waiting.grow(self.system.url, self.at, WARM)
        self.rival.turn(20, WARM // 20)

    def measure(self, part: Part, say: Say) -> dict[str, Any]:
        """Ours and pgbench, in turns, at one number of tubes a request."""
        size = part.size
        batch = self.waiting.requests(size, part.tubes, self.at)
        ours, theirs = _Sum(self.system), _Sum(self.system)
        each: list[float] = []
        # pgbench's turns are as many for each connection
        step = -(-len(batch) // (SLICES * CONNECTIONS)) * CONNECTIONS
        for start in range(0, len(batch), step):
            turn = batch[start : start + step]
            with ours:
                each += ours.note(*send(self.system.url, turn, self.at))
            with theirs:
                theirs.note(*self.rival.turn(size, len(turn)))
        told = {"api": {**ours.told(), **spread(each)}, "pgbench": theirs.told()}
        rate, rival = told["api"]["persons_per_s"], told["pgbench"]["persons_per_s"]
        say(
            f"{size:>4} tubes a request: {rate:>8,.0f} people/s (p50 {told['api']['p50_ms']} ms, "
            f"p99 {told['api']['p99_ms']} ms); pgbench {rival:>8,.0f}; ratio {rate / rival:.2f}; "
            f"processor {told['api']['processor_ms_per_person']} and "
            f"{told['pgbench']['processor_ms_per_person']} ms a person"
        )
        return {**told, "ratio": round(rate / rival, 3)}


class _Sum:
    """People, seconds and processor time of one side, over its turns."""

    def __init__(self, system: server.System) -> None:
        self.system, self.people, self.wall, self.requests = system, 0, 0.0, 0
        self.processor: dict[str, float] = {}

    def __enter__(self) -> None:
        self.before = processor.seconds(self.system)

    def __exit__(self, *_: object) -> None:
        for name, now in processor.seconds(self.system).items():
            self.processor[name] = self.processor.get(name, 0.0) + now - self.before[name]

    def note(self, people: int, wall: float, each: list[float]) -> list[float]:
        self.people, self.wall, self.requests = (
            self.people + people,
            self.wall + wall,
            self.requests + len(each),
        )
        return each

    def told(self) -> dict[str, Any]:
        spent = {
            name: round(1000 * spent / self.people, 4) for name, spent in self.processor.items()
        }
        return {
            "requests": self.requests, "persons": self.people, "wall_s": round(self.wall, 2),
            "persons_per_s": round(self.people / self.wall, 1),
            "processor_ms_per_person": round(sum(spent.values()), 3), "processor": spent,
        }  # fmt: skip


def spread(each: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(each, n=100)
    return {"p50_ms": round(1000 * cuts[49], 1), "p99_ms": round(1000 * cuts[98], 1)}


def _growth(bench: _Bench, todo: Sequence[Part], say: Say) -> dict[str, Any]:
    """What a person costs as the store fills."""
    rows = sorted({part.rows for part in todo})
    levels: dict[str, Any] = {}
    for wanted in rows:
        began = time.monotonic()
        stored = history.fill(bench.system.var, bench.rival.round_id, wanted, say)
        say(f"{stored:,} rows stored after {time.monotonic() - began:.0f} s")
        bench.warm()
        here = [part for part in todo if part.rows == wanted]
        levels[str(wanted)] = {
            "rows": stored,
            "sizes": {str(part.size): bench.measure(part, say) for part in here},
        }
    first, last = levels[str(min(rows))], levels[str(max(rows))]
    # By the clock: the database's processor time at a level holds what vacuum and checkpoint still do for the filling.
    factor = {
        size: {
            side: round(
                first["sizes"][size][side]["persons_per_s"] / last["sizes"][size][side]["persons_per_s"], 3
            )
            for side in ("api", "pgbench")
        }
        for size in ("10", "1")
    }  # fmt: skip
    say(f"growth of the time of a person, {min(rows):,} to {max(rows):,} rows: {factor}")
    return {"levels": levels, "factor": factor}


def stage(system: server.System, people: int, say: Say) -> tuple[World, Waiting]:
    """A county ready to sample, with everybody's day worked out."""
    world, field = ground.county(system, people, say)
    return world, Waiting(field)


class Waiting:
    """Full tubes nobody has handed in yet, and the tables whose devices hand them in."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.tables = [table for table in field.tables.values() if table.tubes]
        self.own = {
            table.station: [pair for pair in table.tubes if len(pair[1]) == POOL]
            for table in self.tables
        }

    def held(self) -> int:
        """How many full tubes are left."""
        return sum(len(held) for held in self.own.values())

    def leave_half(self) -> list[str]:
        """Leave every second site to somebody else; which ones. Nobody is to be swabbed by both: that would be told as
        swabbed twice, which is more to read and to write than a swab.
        """
        sites = sorted({table.site.code for table in self.tables})[1::2]
        self.tables = [table for table in self.tables if table.site.code not in set(sites)]
        self.own = {table.station: self.own[table.station] for table in self.tables}
        return sites

    def requests(self, size: int, tubes: int, at: datetime) -> list[Request]:
        """`tubes` tubes, `size` to a request, of one device each.

        Where no table has as many, its neighbours' tubes go with its own: people may be swabbed anywhere.
        """
        made: list[Request] = []
        for turn in range(tubes // size):
            table = self.tables[turn % len(self.tables)]
            part = self._take(table.station, size)
            commands = [self.field.record(table, code, tube) for code, tube in part]
            ((_, raw),) = packets(commands)
            authorization = table.device.headers()["Authorization"]
            made.append(Request(authorization, body(raw, at=at), size * POOL))
        random.Random(size).shuffle(made)
        return made

    def _take(self, station: str, size: int) -> list[Any]:
        taken: list[Any] = []
        for name in (station, *sorted(self.own)):
            held = self.own[name]
            part, held[:] = held[: size - len(taken)], held[size - len(taken) :]
            taken += part
        if len(taken) < size:
            raise SystemExit("not enough people for this benchmark: give more with --people")
        return taken

    def grow(self, url: str, at: datetime, tubes: int) -> None:
        """The county's first tubes, not measured: on an empty store every statement is planned anew, on both sides."""
        send(url, self.requests(20, tubes, at), at)

    def send_some(self, url: str, at: datetime) -> int:
        """Send a few tubes, one a request, that are not measured; how many people they hold."""
        people, _, _ = send(url, self.requests(1, 12 * CONNECTIONS, at), at)
        return people


def send(url: str, requests: Sequence[Request], at: datetime) -> tuple[int, float, list[float]]:
    """Send requests by a few connections at once: people applied, seconds in all, seconds of each."""
    address = urlsplit(url)
    # a device sends one request after another, so all of one device go through one connection
    shares: list[list[Request]] = [[] for _ in range(CONNECTIONS)]
    for number, device in enumerate(sorted({request.authorization for request in requests})):
        shares[number % CONNECTIONS] += [one for one in requests if one.authorization == device]
    seconds, applied = [], [0]
    wrong: list[str] = []
    lock = threading.Lock()

    def work(todo: list[Request]) -> None:
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        for request in todo:
            head = {
                "Authorization": request.authorization, "Content-Type": "application/json",
                "X-Yingjian-At": at.isoformat(),
            }  # fmt: skip
            began = time.perf_counter()
            connection.request("POST", "/api/sync", request.body, head)
            answer = connection.getresponse()
            told = answer.read()
            spent = time.perf_counter() - began
            if answer.status != http.client.OK or b'"parked"' in told:
                wrong.append(f"{answer.status} {told[:400].decode(errors='replace')}")
                return
            with lock:
                seconds.append(spent)
                applied[0] += request.people

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    if wrong:
        raise SystemExit(f"a request was not applied: {wrong[0]}")
    return applied[0], wall, seconds
