"""Look-ups and code pages per second, beside fixed answers of the same server, in one run; and a flood of look-ups.

A small county is set up and swabbed through the API; its results are stored as released. Then residents ask for their
own result by ID number and phone, and a clerk fetches the pages of signed codes of the sites (of which each is
journalled), in turns with what costs the server least: a fixed answer through the same program, and a file it serves.
In the end far more people than there are places ask at once while the stations hand in their tubes: whoever is turned
away is told when to come again, and the field is not.
"""

from __future__ import annotations

import http.client
import itertools
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks import ingest
from benchmarks.rivals import superuser
from config import drills, env
from drill import ground, server
from drill.ground import Ask

CONNECTIONS: Final = 4
THREADS: Final = 8  # of the server, as `serve` has by default
FLOOD: Final = 64  # people asking at once, each again at once
SLICES: Final = 3
Say = Callable[[str], None]
_RELEASED: Final = """
WITH lab AS (SELECT id FROM laboratory_laboratory ORDER BY code LIMIT 1),
done AS (
  INSERT INTO laboratory_result (id, tube_id, laboratory_id, round_id, area, version, outcome, ct, tested_at,
                                 entered_by, entered_at, released_by, released_at, reason, flags)
  SELECT md5('result' || t.id)::uuid, t.id, lab.id, t.round_id, t.area, 1, 'negative', '{}', t.sealed_at,
         md5('a')::uuid, t.sealed_at, md5('b')::uuid, t.sealed_at, '', '[]' FROM sampling_tube t, lab RETURNING tube_id)
UPDATE campaigns_dueperson d SET state = 'resulted', outcome = 'negative', resulted_at = s.taken_at
  FROM sampling_swab s JOIN done ON done.tube_id = s.tube_id WHERE s.due_id = d.id
"""


@dataclass
class Heard:
    """What came back: seconds of what was answered, how often which status, whether refusals said when to return."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    without_wait: int = 0
    cut: int = 0  # connections that ended without an answer
    wall: float = 0.0

    def told(self) -> dict[str, Any]:
        cuts = statistics.quantiles(self.seconds, n=100) if len(self.seconds) > 1 else [0.0] * 99
        return {
            "per_s": round(len(self.seconds) / self.wall, 1), "p50_ms": round(1000 * cuts[49], 2),
            "p99_ms": round(1000 * cuts[98], 2), "cut": self.cut,
            "statuses": {str(status): times for status, times in sorted(self.statuses.items())},
        }  # fmt: skip


def run(*, people: int, seconds: float, say: Say) -> dict[str, Any]:
    """Measure each kind of question for so many seconds. Returns figures ready for JSON."""
    var = drills.directory("bench-read")
    system = server.fresh(drills.command(), drills.environment(var), var, say)
    system.start(workers=1, threads=THREADS)
    try:
        world, waiting = ingest.stage(system, people, say)
        at = world.scenario.times.closes
        left = [tube for held in waiting.own.values() for tube in held]
        later = waiting.requests(1, len(left) // 5, at)  # for the flood
        ingest.send(system.url, waiting.requests(5, len(left) // 10 * 5, at), at)
        with superuser(var) as connection:
            connection.execute(_RELEASED)
            connection.execute("VACUUM ANALYZE")
        kinds = {
            "look_up": ground.own(world, at, "/api/results/lookup"),
            "own_code": ground.own(world, at, "/api/codes/own"),
            "code_page": ground.code_pages(world, at),
            "fixed_answer": [Ask("GET", "/healthz")], "file": [_file()],
        }  # fmt: skip
        figures: dict[str, Any] = {
            "people": people,
            "connections": CONNECTIONS,
            "codes_per_page": ground.PAGE,
        }
        figures["kinds"] = _in_turns(system.url, kinds, seconds, say)
        figures["flood"] = _flood(system.url, kinds["look_up"], later, at, say)
        return figures
    finally:
        system.stop()


def _file() -> Ask:
    """A built script of the console, or where nothing is built the fixed answer again."""
    built = sorted(
        (env.PROJECT / "web" / "dist" / "assets").glob("*.js"), key=lambda path: path.stat().st_size
    )
    return Ask("GET", f"/assets/{built[0].name}" if built else "/healthz")


def _in_turns(url: str, kinds: dict[str, list[Ask]], seconds: float, say: Say) -> dict[str, Any]:
    heard = {name: Heard() for name in kinds}
    sources = {name: itertools.cycle(asks) for name, asks in kinds.items()}
    for _ in range(SLICES):
        for name in kinds:
            _ask(url, sources[name], heard[name], seconds / SLICES, CONNECTIONS)
    told = {name: one.told() for name, one in heard.items()}
    for name, one in told.items():
        if set(one["statuses"]) != {"200"}:
            raise SystemExit(f"{name} was not answered: {one['statuses']}")
        one["ratio_to_fixed_answer"] = round(one["per_s"] / told["fixed_answer"]["per_s"], 3)
        say(
            f"{name:<13} {one['per_s']:>9,.1f} a second (p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms), "
            f"{one['ratio_to_fixed_answer']} of the fixed answer"
        )
    return told


def _ask(url: str, source: Any, heard: Heard, seconds: float, connections: int) -> None:
    """Ask by so many connections at once, each again as soon as it is answered, until the time is over."""
    began = time.perf_counter()
    lock = threading.Lock()

    def work() -> None:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        while time.perf_counter() - began < seconds:
            with lock:
                ask = next(source)
            sent = time.perf_counter()
            try:
                connection.request(ask.method, ask.path, ask.body, ask.headers)
                answer = connection.getresponse()
                answer.read()
            except (
                ConnectionError,
                http.client.HTTPException,
            ):  # turned away before the body was read
                connection.close()
                with lock:
                    heard.cut += 1
                continue
            spent = time.perf_counter() - sent
            with lock:
                heard.statuses[answer.status] += 1
                if answer.status == http.client.OK:
                    heard.seconds.append(spent)
                elif not answer.headers.get("Retry-After"):
                    heard.without_wait += 1

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    heard.wall += time.perf_counter() - began


def _flood(
    url: str, asks: Sequence[Ask], tubes: Sequence[ingest.Request], at: datetime, say: Say
) -> dict[str, Any]:
    """The field's tubes alone, and as many again while everybody asks. Every tube must be applied both times."""
    half = len(tubes) // 2
    alone = _field(url, tubes[:half], at)
    flood, over = Heard(), threading.Event()

    def besiege() -> None:
        source = itertools.cycle(asks)
        while not over.is_set():
            _ask(url, source, flood, 0.5, FLOOD)

    besieger = threading.Thread(target=besiege)
    besieger.start()
    try:
        time.sleep(1)
        under = _field(url, tubes[half:], at)
    finally:
        over.set()
        besieger.join()
    say(
        f"field alone {alone['persons_per_s']} people/s (p99 {alone['p99_ms']} ms), under {FLOOD} askers "
        f"{under['persons_per_s']} (p99 {under['p99_ms']} ms); askers heard {dict(flood.statuses)}, "
        f"{flood.without_wait} refusals without Retry-After"
    )
    return {
        "askers": FLOOD, "field_alone": alone, "field_under_flood": under, "asked": flood.told(),
        "refusals_without_wait": flood.without_wait,
    }  # fmt: skip


def _field(url: str, tubes: Sequence[ingest.Request], at: datetime) -> dict[str, Any]:
    """Send tubes one a request; `ingest.send` ends the run where one is not applied or turned away."""
    people, wall, each = ingest.send(url, tubes, at)
    return {"persons": people, "persons_per_s": round(people / wall, 1), **ingest.spread(each)}
