"""Persons registered per second through `POST /api/sync`, beside the same rows by pgbench, in one run on one machine.

A county of synthetic people is set up through the API (roster, round, plan, devices, signed codes).
Then whole tubes are sent at 1, 10 and 100 tubes a request by a few connections; request bodies are made
before the clock starts. The rival is `ingest.sql`: the rows such a request leaves (journal, tube, swabs,
due list, clocks) under the same constraints and the same role, by pgbench with as many connections.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from config import drills, postgres
from drill import play, scenario, server
from drill.client import Ids, Link, Traffic, body, packets
from drill.day import Day
from drill.field import Field
from drill.world import World

SIZES = (1, 10, 100)  # tubes a request
POOL = 10
CONNECTIONS = 4
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """A body ready to be sent, by which device, and how many people it registers."""

    authorization: str
    body: bytes
    people: int


def run(*, people: int, tubes: int, say: Say) -> dict[str, Any]:
    """Measure; `tubes` are sent per size (fewer single-tube requests). Returns figures ready for JSON."""
    var = drills.directory("bench")
    system = server.fresh(drills.command(), drills.environment(var), var, say)
    system.start(workers=1, threads=CONNECTIONS)
    try:
        world, waiting = _stage(system, people, say)
        at = world.scenario.times.closes  # everything sent was captured before
        figures: dict[str, Any] = {
            "people": people,
            "connections": CONNECTIONS,
            "pool": POOL,
            "sizes": {},
        }
        rival = _Rival(var, world.round_id)
        for size in SIZES:
            wanted = tubes if size > 1 else max(tubes // 5, 50)
            batch = waiting.requests(size, wanted, at)
            ours = _send(system.url, batch, at)
            theirs = rival.measure(size, wanted)
            ratio = ours["persons_per_s"] / theirs["persons_per_s"]
            figures["sizes"][str(size)] = {"api": ours, "pgbench": theirs, "ratio": round(ratio, 3)}
            say(
                f"{size:>4} tubes a request: {ours['persons_per_s']:>8,.0f} people/s "
                f"(p50 {ours['p50_ms']} ms, p99 {ours['p99_ms']} ms); pgbench {theirs['persons_per_s']:>8,.0f}; "
                f"ratio {ratio:.2f}"
            )
        return figures
    finally:
        system.stop()


def _stage(system: server.System, people: int, say: Say) -> tuple[World, Waiting]:
    """A county ready to sample, with everybody's day worked out."""
    given = scenario.load("yongning", people=people)
    world = World(
        scenario=given,
        link=Link(system.url, Traffic()),
        ids=Ids(given.seed),
        rng=random.Random(given.seed),
        say=say,
    )
    watch = play.Watch()
    play._found(system, world, watch)
    play._plan(world, watch)
    field, _, _ = play._actors(world, Day(told=lambda *_: None))
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

    def requests(self, size: int, tubes: int, at: datetime) -> list[Request]:
        """`tubes` tubes, `size` to a request, of one device each.

        Where no table has as many, its neighbours' tubes go with its own: people may be swabbed anywhere.
        """
        made: list[Request] = []
        for turn in range(tubes // size):
            table = self.tables[turn % len(self.tables)]
            part = self._take(table.station, size)
            commands = [self.field._record(table, code, tube) for code, tube in part]
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


def _send(url: str, requests: Sequence[Request], at: datetime) -> dict[str, Any]:
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
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "requests": len(requests), "persons": applied[0], "wall_s": round(wall, 2),
        "persons_per_s": round(applied[0] / wall, 1), "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
    }  # fmt: skip


class _Rival:
    """pgbench on the same database, as the application's role, over people nobody has sampled."""

    def __init__(self, var: Path, round_id: str) -> None:
        self.cluster = postgres.Cluster.of(var)
        self.login = {
            "host": str(self.cluster.sockets), "port": str(postgres.PORT), "dbname": postgres.DATABASE,
        }  # fmt: skip
        self.round_id = round_id
        with self._owner() as connection:
            connection.execute(
                """CREATE TABLE bench_due AS
                   SELECT row_number() OVER (ORDER BY id DESC) - 1 AS n, id AS due_id, person_id, area
                     FROM campaigns_dueperson WHERE state = 'due' AND mode = 'pool'"""
            )
            connection.execute("CREATE UNIQUE INDEX ON bench_due (n)")
            connection.execute("CREATE SEQUENCE bench_turn MINVALUE 0")
            connection.execute("GRANT ALL ON bench_due, bench_turn TO yingjian_app")
            connection.execute("ANALYZE")
        self.done = 0

    def _owner(self) -> psycopg.Connection[Any]:
        password = (
            (self.cluster.var / "secrets" / f"postgres_{postgres.OWNER_ROLE}").read_text().strip()
        )
        return psycopg.connect(
            **self.login, user=postgres.OWNER_ROLE, password=password, autocommit=True
        )

    def measure(self, size: int, tubes: int) -> dict[str, Any]:
        with self._owner() as connection:
            row = connection.execute(
                """SELECT st.id, st.site_id, st.area FROM sampling_station st WHERE st.round_id = %s LIMIT 1""",
                [self.round_id],
            ).fetchone()
            per_tube = connection.execute(
                """SELECT round(count(*) FILTER (WHERE c.subject_kind = 'tube')::numeric
                                / greatest((SELECT count(*) FROM sampling_tube WHERE code NOT LIKE 'BENCH%'), 1))::int,
                          (SELECT coalesce(avg(length(payload)), 0)::int FROM access_journal WHERE kind = 'tube.record')
                     FROM access_clock c WHERE c.origin <> 'benchmark'"""
            ).fetchone()
            turns = max(tubes // size // CONNECTIONS, 1)
            # each size begins behind what the sizes before it took
            start = -(-self.done // size)
            connection.execute("SELECT setval('bench_turn', %s, false)", [start])
            self.done = (start + turns * CONNECTIONS) * size
        if row is None or per_tube is None:
            raise SystemExit("the round has no station")
        given = {
            "tubes": size, "people": POOL, "clocks": per_tube[0], "payload": per_tube[1], "round": self.round_id,
            "site": row[1], "station": row[0], "area": row[2],
        }  # fmt: skip
        words = [str(postgres.BINARIES / "pgbench"), "--no-vacuum", "--client", str(CONNECTIONS), "--jobs", "2",
                 "--transactions", str(turns), "--file", str(Path(__file__).with_name("ingest.sql"))]  # fmt: skip
        for (
            name,
            value,
        ) in given.items():  # pgbench puts the text in as it stands: words bring their quotes
            words += [
                "--define",
                f"{name}={value}" if isinstance(value, int) else f"{name}='{value}'",
            ]
        environment = {
            **os.environ, "PGHOST": self.login["host"], "PGPORT": self.login["port"],
            "PGUSER": postgres.APP_ROLE, "PGDATABASE": postgres.DATABASE,
            "PGPASSWORD": (self.cluster.var / "secrets" / f"postgres_{postgres.APP_ROLE}").read_text().strip(),
        }  # fmt: skip
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if done.returncode or found is None or "0 (0.000%)" not in done.stdout:
            raise SystemExit(f"pgbench failed:\n{done.stdout}{done.stderr}")
        tps = float(found[1])
        return {"transactions": turns * CONNECTIONS, "persons_per_s": round(tps * size * POOL, 1)}
