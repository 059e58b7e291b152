"""`verify`: every law of conservation, the policies in force, the journal's chain, and replay-equality."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connections

from yingjian.access import chain, scope, security
from yingjian.cases import queries as cases
from yingjian.laboratory import queries as laboratory
from yingjian.logistics import queries as logistics
from yingjian.logistics.values import Check
from yingjian.sampling import queries as sampling

from .laws import LAWS, Law
from .replay import Progress, replay

SHOWN = 5
OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `broken` counts the records against it, `shown` are the first few of them."""

    key: str
    broken: int
    shown: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.broken == 0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


@cache
def law_names(language: str) -> dict[str, str]:
    path = Path(__file__).with_name(f"laws.{language}.json")
    names: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return names


def run(*, with_replay: bool = True, progress: Progress | None = None) -> Iterator[Finding]:
    """Check everything; findings come as they are found.

    The journal is replayed meanwhile, on connections of its own: it writes only where nothing else reads.
    """
    with ThreadPoolExecutor(1, "replay") as beside:
        replayed = beside.submit(_replay, progress) if with_replay else None
        for law in LAWS:
            yield _law(law)
        yield from _rooms()
        checks: list[Callable[[], Finding]] = [_verdicts, _policies, _chain]
        for check in checks:
            yield check()
        if replayed is not None:
            yield replayed.result()


def _law(law: Law) -> Finding:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(f"SELECT count(*) OVER (), b.* FROM ({law.breakers}) b LIMIT {SHOWN}")  # noqa: S608 - our own text
        rows = cursor.fetchall()
    return Finding(
        law.key,
        rows[0][0] if rows else 0,
        [" ".join(str(value) for value in row[1:]) for row in rows],
    )


def _rooms() -> Iterator[Finding]:
    """The laws each room holds itself to, asked through its door, with the application's rights."""
    with scope.everywhere():
        counted: dict[str, list[Check]] = {
            "sampling": sampling.conservation(),
            "logistics": logistics.conservation(),
        }
        listed: dict[str, dict[str, list[str]]] = {
            "laboratory": laboratory.conservation(),
            "cases": cases.conservation(),
        }
    for room, checks in counted.items():
        for check in checks:
            yield Finding(f"{room}.{check.name}", len(check.detail), list(check.detail[:SHOWN]))
    for room, laws in listed.items():
        for law, breakers in laws.items():
            yield Finding(f"{room}.{law}", len(breakers), breakers[:SHOWN])


def _verdicts() -> Finding:
    """Parked commands nobody decided are work, not drift: they are told, and do not fail the check."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM access_journal j LEFT JOIN access_parkeddecision d ON d.command_id = j.command_id
                WHERE j.verdict = 'parked' AND d.id IS NULL"""
        )
        parked = int(cursor.fetchone()[0])
    return Finding("journal_verdicts", 0, note=f"parked={parked}")


def _policies() -> Finding:
    tables = security.unscoped(OWNER)
    return Finding("row_level_policies", len(tables), tables[:SHOWN])


def _chain() -> Finding:
    report = chain.check(using=OWNER)
    note = f"blocks={report.blocks} entries={report.entries} unsealed={report.unsealed}"
    if report.broken is None:
        return Finding("hash_chain", 0, note=note)
    return Finding("hash_chain", 1, [f"block {report.broken}"], note)


def _replay(progress: Progress | None) -> Finding:
    try:
        report = replay(progress=progress)
    finally:
        connections.close_all()  # this thread's
    shown = [
        f"{found.table}: -{found.only_live} +{found.only_rebuilt}" for found in report.differences
    ]
    shown += [f"{kind} {id}: {code}" for id, kind, code in report.refused]
    return Finding(
        "replay_equality",
        len(report.differences) + len(report.refused),
        shown[: 2 * SHOWN],
        f"commands={report.commands}",
    )
