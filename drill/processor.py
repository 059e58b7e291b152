"""Processor time of a running system, by part: it differs less from hour to hour on a shared machine than the clock."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from drill import server

_TICK: Final = os.sysconf("SC_CLK_TCK")


def seconds(system: server.System) -> dict[str, float]:
    """Seconds of processor used so far by the web part and by the database, with what has ended below it."""
    database = server.database_of(system.var)
    below = server.family(database)
    web = server.family([system.process.pid] if system.process else []) - below
    used = {"web": sum(map(_used, web)), "database": sum(map(_used, below))}
    used["database"] += sum(_used(pid, ended=True) for pid in database)
    return used


def _used(pid: int, *, ended: bool = False) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        first = 13 if ended else 11  # its own time; that of children which have ended
        return (int(told[first]) + int(told[first + 1])) / _TICK
    return 0.0
