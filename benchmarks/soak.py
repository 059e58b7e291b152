"""A county's peak ten times over for a long while, through HTTP: is the memory flat, does nobody wait ever longer?

Tubes are offered at a steady rate (500 a second, or as many as the machine takes) by devices that each send one request
after another, some tubes to a request. Whoever is turned away (429) waits as told and sends the same again. When
everybody on the list was swabbed, the list is put back by SQL, as on the next day, and the same people come again with
new tubes; what was stored stays. Memory is each part's own (anonymous pages): the database's shared buffers have a
fixed size and fill as the store grows, which is what they are for. They are told beside.
"""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks import ingest
from benchmarks.rivals import superuser
from config import drills
from drill import memory, server
from drill.memory import Sample

OFFERED: Final = 500.0  # tubes a second
SIZE: Final = 10  # tubes a request
CONNECTIONS: Final = 6
WARM: Final = 0.25  # of the samples: caches and pools fill
RISE_SHARE: Final = (
    0.10  # of a part's mean memory, by the fitted line from the end of the warm-up to the end
)
RISE_LEAST_MIB: Final = 24.0  # below which no rise is called one
SLOWER: Final = 1.5  # the last quarter's median request beside the second's
Say = Callable[[str], None]
_AGAIN: Final = (
    "SET LOCAL session_replication_role = replica",
    "UPDATE sampling_swab SET person_id = NULL, due_id = NULL WHERE due_id IS NOT NULL",
    "UPDATE campaigns_dueperson SET state = 'due', sampled_at = NULL WHERE state = 'sampled'",
)


@dataclass
class Heard:
    """What came back so far: moment and seconds of each answered request, tubes stored, how often turned away."""

    answers: list[tuple[float, float]] = field(default_factory=list)
    tubes: int = 0
    turned_away: int = 0
    without_wait: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class _Pace:
    """Tubes a second, the time the drill says it is, and for how long."""

    offered: float
    at: str
    began: float
    seconds: float

    @property
    def ends(self) -> float:
        return self.began + self.seconds


def run(*, minutes: float, people: int, offered: float, say: Say) -> dict[str, Any]:
    """Soak for so many minutes. Returns figures ready for JSON; `flat` is the judgement."""
    var = drills.directory("bench-soak")
    system = server.fresh(drills.command(), drills.environment(var), var, say)
    system.start(workers=1, threads=8)
    try:
        world, waiting = ingest.stage(system, people, say)
        began, at = time.monotonic(), world.scenario.times.closes
        heard = Heard()
        watch = memory.Watch(system, began, lambda samples: _tell(samples, heard, say))
        watcher = threading.Thread(target=watch.run)
        watcher.start()
        number, pauses = 0, 0.0
        tubes = {station: list(held) for station, held in waiting.own.items()}
        try:
            while time.monotonic() - began < 60 * minutes:
                paused = time.monotonic()
                requests = _pass(waiting, tubes, number, at)
                if number:
                    _again(var)
                pauses += time.monotonic() - paused
                pace = _Pace(offered, at.isoformat(), began, 60 * minutes)
                _offer(system.url, requests, heard, pace)
                number += 1
                if heard.wrong:
                    raise SystemExit(f"a request was not applied: {heard.wrong[0]}")
        finally:
            watch.over.set()
            watcher.join()
        figures = told(heard, watch.samples, seconds=60 * minutes, pauses=pauses)
        figures |= {"minutes": minutes, "offered_tubes_per_s": offered, "passes": number}
        say(_sentence(figures))
        return figures
    finally:
        system.stop()


def _pass(
    waiting: ingest.Waiting, tubes: dict[str, list[Any]], number: int, at: Any
) -> list[ingest.Request]:
    """Everybody once, with tubes of this pass."""
    for station, held in tubes.items():
        waiting.own[station] = [(f"{code}S{number:03d}", tube) for code, tube in held]
    left = sum(map(len, waiting.own.values()))
    return waiting.requests(SIZE, left // SIZE * SIZE, at)


def _again(var: Path) -> None:
    """The next day: the same people are due again. What was stored stays."""
    with superuser(var) as connection, connection.transaction():
        for statement in _AGAIN:
            connection.execute(statement)


def _offer(url: str, requests: Sequence[ingest.Request], heard: Heard, pace: _Pace) -> None:
    """Send them at the offered rate, or as fast as they are taken."""
    shares: list[list[ingest.Request]] = [[] for _ in range(CONNECTIONS)]
    for number, device in enumerate(sorted({one.authorization for one in requests})):
        shares[number % CONNECTIONS] += [one for one in requests if one.authorization == device]
    each = SIZE * CONNECTIONS / pace.offered  # seconds between two requests of one connection

    def work(todo: Sequence[ingest.Request]) -> None:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port)
        due = time.monotonic()
        for request in todo:
            due = max(due + each, time.monotonic() - 1.0)  # what was missed is not made up for
            time.sleep(max(0.0, due - time.monotonic()))
            while time.monotonic() < pace.ends and not _sent(connection, request, heard, pace):
                pass
            if time.monotonic() >= pace.ends or heard.wrong:
                return

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sent(
    connection: http.client.HTTPConnection, request: ingest.Request, heard: Heard, pace: _Pace
) -> bool:
    """Whether it was taken; who is turned away waits as told."""
    head = {
        "Authorization": request.authorization, "Content-Type": "application/json",
        "X-Yingjian-At": pace.at,
    }  # fmt: skip
    sent = time.monotonic()
    connection.request("POST", "/api/sync", request.body, head)
    answer = connection.getresponse()
    body = answer.read()
    now = time.monotonic()
    with heard.lock:
        if answer.status == http.client.TOO_MANY_REQUESTS:
            heard.turned_away += 1
            heard.without_wait += not answer.headers.get("Retry-After")
        elif answer.status != http.client.OK or b'"parked"' in body:
            heard.wrong.append(f"{answer.status} {body[:300].decode(errors='replace')}")
            return True
        else:
            heard.answers.append((now - pace.began, now - sent))
            heard.tubes += request.people // ingest.POOL
            return True
    time.sleep(float(answer.headers.get("Retry-After") or 1))
    return False


def _tell(samples: Sequence[Sample], heard: Heard, say: Say) -> None:
    if len(samples) % 12 == 0:
        last = samples[-1]
        parts = "  ".join(f"{name} {size:.0f}" for name, size in last.own.items())
        say(f"{last.at:>6.0f} s  {heard.tubes:>8,} tubes  {parts}  shared {last.shared:.0f} MiB")


# -- the judgement -------------------------------------------------------------------------------


def rise(samples: Sequence[tuple[float, float]]) -> float:
    """How much a straight line fitted to (moment, size) rises from the first moment to the last."""
    if len(samples) < 2:  # noqa: PLR2004 - no line
        return 0.0
    slope = statistics.linear_regression(*zip(*samples, strict=True)).slope
    return slope * (samples[-1][0] - samples[0][0])


def flat(samples: Sequence[tuple[float, float]]) -> bool:
    """Whether a part's memory is flat: the line rises by no more than a tenth of its mean, or by next to nothing."""
    mean = statistics.fmean(size for _, size in samples)
    return rise(samples) <= max(RISE_SHARE * mean, RISE_LEAST_MIB)


def told(
    heard: Heard, samples: Sequence[Sample], *, seconds: float, pauses: float
) -> dict[str, Any]:
    """The figures: tubes and requests over the run, memory by part with its judgement."""
    warm = samples[int(len(samples) * WARM) :]
    quarters = [
        [spent for at, spent in heard.answers if n <= at / seconds * 4 < n + 1] for n in range(4)
    ]
    slower = statistics.median(quarters[3] or [0]) / max(
        statistics.median(quarters[1] or [1]), 1e-9
    )
    busy = max(seconds - pauses, 1e-9)
    memory = {
        name: _part_told([(one.at, one.own[name]) for one in warm]) for name in samples[0].own
    }
    return {
        "tubes_per_request": SIZE, "connections": CONNECTIONS, "tubes": heard.tubes,
        "tubes_per_s": round(heard.tubes / busy, 1),
        "persons_per_s": round(heard.tubes * ingest.POOL / busy, 1), "paused_s": round(pauses, 1),
        "turned_away": heard.turned_away, "turned_away_without_wait": heard.without_wait,
        "quarters": [ingest.spread(each) if len(each) > 1 else {} for each in quarters],
        "slower": round(slower, 3), "steady": slower <= SLOWER, "memory": memory,
        "shared_mib": [round(samples[0].shared, 1), round(samples[-1].shared, 1)],
        "flat": all(part["flat"] for part in memory.values()),
    }  # fmt: skip


def _part_told(line: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        "first_mib": round(line[0][1], 1), "last_mib": round(line[-1][1], 1),
        "most_mib": round(max(size for _, size in line), 1), "rise_mib": round(rise(line), 1), "flat": flat(line),
    }  # fmt: skip


def _sentence(figures: dict[str, Any]) -> str:
    return (
        f"{figures['tubes_per_s']} tubes/s taken of {figures['offered_tubes_per_s']:.0f} offered, "
        f"{figures['turned_away']} turned away; a request takes {figures['slower']:.2f} times as long in the last "
        f"quarter as in the second; memory {'flat' if figures['flat'] else 'NOT flat'}: {figures['memory']}"
    )
