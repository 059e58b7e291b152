"""Own memory of each part of a running system: what rises there rises for good, or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drill import server

SAMPLE_SECONDS: Final = 5.0
PARTS: Final = ("web", "jobs", "supervisor", "database")


@dataclass(frozen=True, slots=True)
class Sample:
    """Own memory of each part at a moment, MiB; `shared`: the database's shared buffers as far as they are touched."""

    at: float
    own: dict[str, float]
    shared: float


@dataclass
class Watch:
    """Looks at the memory every few seconds until it is `over`; `told` hears of each look."""

    system: server.System
    began: float
    told: Callable[[list[Sample]], None] = lambda _: None
    every: float = SAMPLE_SECONDS
    samples: list[Sample] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(self.every):
            self.samples.append(sample(self.system, time.monotonic() - self.began))
            self.told(self.samples)


def sample(system: server.System, at: float) -> Sample:
    """The memory now; `at` is the moment it is filed under."""
    database = server.family(server.database_of(system.var))
    served = server.family([system.process.pid] if system.process else []) - database
    parts = dict.fromkeys(PARTS, 0.0)
    shared = 0.0
    for pid in served:
        own, _ = _memory(pid)
        parts[_part(pid)] += own
    for pid in database:
        own, buffers = _memory(pid)
        parts["database"] += own
        shared += buffers
    return Sample(at, parts, shared)


def _part(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"granian" in words:
            return "web"
        if b"procrastinate" in words:
            return "jobs"
    return "supervisor"


def _memory(pid: int) -> tuple[float, float]:
    """Own (anonymous) and shared memory of a process, its part of what is shared only; MiB, 0 when it is gone."""
    own = shared = 0
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                own = int(line.split()[1])
            elif line.startswith("Pss_Shmem:"):
                shared = int(line.split()[1])
    return own / 1024, shared / 1024
