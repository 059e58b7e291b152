"""What a hub keeps, in one SQLite file: sealed requests until the county has them, and its sealed answers for phones.

No part of the county's records lies here and nothing in it can be read by whoever has the file; see decision 18 for why
this is not PostgreSQL. A request counts as kept when the disk has it (`synchronous=FULL`), not before.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ANSWERS_AT_ONCE: Final = 50
_WAIT: Final = 10.0  # seconds one writer waits for another
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS self (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS phone (device TEXT PRIMARY KEY, key BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS request (
  no INTEGER PRIMARY KEY AUTOINCREMENT,
  digest BLOB NOT NULL UNIQUE,
  device TEXT NOT NULL,
  kept_at TEXT NOT NULL,
  sealed BLOB,
  state TEXT NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'forwarded', 'stuck')),
  code TEXT,
  CHECK ((sealed IS NULL) = (state = 'forwarded'))
) STRICT;
CREATE INDEX IF NOT EXISTS request_state ON request (state, no);
CREATE TABLE IF NOT EXISTS answer (
  no INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, sealed BLOB NOT NULL, heard_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS answer_device ON answer (device, no);
"""
_HEARD: Final = "SELECT 1 FROM pragma_table_info('answer') WHERE name = 'heard_at'"


@dataclass(frozen=True, slots=True)
class Request:
    """One sealed request on its way up."""

    no: int
    kept_at: datetime
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """The county's word on a request: an answer for the phone, or the code it was refused with."""

    no: int
    sealed: bytes | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    kept: int
    forwarded: int
    stuck: int
    phones: int


class Store:
    """The file, for any number of threads and processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.file = folder / "hub.sqlite"
        self._own = threading.local()
        with self._write() as database:
            for statement in _TABLES.split(";\n"):
                database.execute(statement)
            if not database.execute(_HEARD).fetchone():  # a file of an earlier version
                database.execute("ALTER TABLE answer ADD COLUMN heard_at TEXT NOT NULL DEFAULT ''")
        self.file.chmod(0o600)

    def _open(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._own, "database", None)
        if found is None:
            found = sqlite3.connect(self.file, timeout=_WAIT, isolation_level=None)
            found.execute("PRAGMA journal_mode=WAL")
            found.execute("PRAGMA synchronous=FULL")
            self._own.database = found
        return found

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, on the disk when the block is left."""
        database = self._open()
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def close(self) -> None:
        """Close this thread's connection."""
        if (found := getattr(self._own, "database", None)) is not None:
            found.close()
            self._own.database = None

    # -- who this hub is -------------------------------------------------------------------------

    def told(self, key: str) -> str:
        """Something the hub knows of itself; empty where it does not."""
        row = self._open().execute("SELECT value FROM self WHERE key = ?", [key]).fetchone()
        return "" if row is None else str(row[0])

    def tell(self, **values: str) -> None:
        with self._write() as database:
            database.executemany(
                "INSERT INTO self VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                values.items(),
            )

    def know(self, phones: Mapping[str, bytes]) -> None:
        """The phones of the hub's area, as the county says now; others are strangers from here on."""
        with self._write() as database:
            database.execute("DELETE FROM phone")
            database.executemany("INSERT INTO phone VALUES (?, ?)", phones.items())

    def key_of(self, device: uuid.UUID) -> bytes | None:
        found = self._open().execute("SELECT key FROM phone WHERE device = ?", [str(device)])
        row = found.fetchone()
        return None if row is None else bytes(row[0])

    # -- requests and answers --------------------------------------------------------------------

    def keep(self, device: uuid.UUID, sealed: bytes, *, at: datetime) -> None:
        """Keep a request; the same one a second time changes nothing. On return the disk has it."""
        digest = hashlib.sha256(sealed).digest()
        with self._write() as database:
            database.execute(
                "INSERT INTO request (digest, device, kept_at, sealed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [digest, str(device), at.astimezone(UTC).isoformat(), sealed],
            )

    def waiting(self, *, most: int, most_bytes: int) -> list[Request]:
        """The oldest requests the county has not got; at least one where there is any, however large."""
        found: list[Request] = []
        size = 0
        rows = self._open().execute(
            "SELECT no, kept_at, sealed FROM request WHERE state = 'kept' ORDER BY no LIMIT ?",
            [most],
        )
        for no, kept_at, sealed in rows.fetchall():
            size += len(sealed)
            if found and size > most_bytes:
                break
            found.append(Request(no, datetime.fromisoformat(kept_at), bytes(sealed)))
        return found

    def settle(self, settled: Sequence[Settled], *, at: datetime) -> None:
        """Take the county's word down. Only now is a request let go of, and its answer put out for the phone."""
        with self._write() as database:
            for one in settled:
                if one.sealed is None:
                    database.execute(
                        "UPDATE request SET state = 'stuck', code = ? WHERE no = ? AND state = 'kept'",
                        [one.code, one.no],
                    )
                    continue
                done = database.execute(
                    "UPDATE request SET state = 'forwarded', sealed = NULL WHERE no = ? AND state = 'kept'",
                    [one.no],
                )
                if done.rowcount:
                    database.execute(
                        "INSERT INTO answer (device, sealed, heard_at) SELECT device, ?, ? FROM request WHERE no = ?",
                        [one.sealed, at.astimezone(UTC).isoformat(), one.no],
                    )

    def answers(self, device: uuid.UUID, *, after: int) -> list[tuple[int, bytes]]:
        """Answers for a phone above the number it has had, in order."""
        rows = self._open().execute(
            "SELECT no, sealed FROM answer WHERE device = ? AND no > ? ORDER BY no LIMIT ?",
            [str(device), after, ANSWERS_AT_ONCE],
        )
        return [(int(no), bytes(sealed)) for no, sealed in rows.fetchall()]

    def had(self, device: uuid.UUID, *, upto: int) -> int:
        """Let go of the answers a phone has stored, by its own proven word; says how many."""
        given = [str(device), upto]
        found = "FROM answer WHERE device = ? AND no <= ?"
        if not self._open().execute(f"SELECT 1 {found} LIMIT 1", given).fetchone():
            return 0  # nothing to write, so nothing to wait for the disk
        with self._write() as database:
            return database.execute(f"DELETE {found}", given).rowcount

    def forget(self, *, before: datetime) -> int:
        """Let go of answers nobody fetched for so long; says how many.

        Nothing is lost: such a phone sends its entries again, and the county answers `duplicate`. Those of an earlier
        version's file say no time and are taken for old.
        """
        with self._write() as database:
            done = database.execute(
                "DELETE FROM answer WHERE heard_at < ?", [before.astimezone(UTC).isoformat()]
            )
            return done.rowcount

    def again(self) -> int:
        """Put what is stuck back on its way; says how many."""
        with self._write() as database:
            done = database.execute(
                "UPDATE request SET state = 'kept', code = NULL WHERE state = 'stuck'"
            )
            return done.rowcount

    def counts(self) -> Counts:
        database = self._open()
        found = dict(
            database.execute("SELECT state, count(*) FROM request GROUP BY state").fetchall()
        )
        (phones,) = database.execute("SELECT count(*) FROM phone").fetchone()
        return Counts(
            found.get("kept", 0), found.get("forwarded", 0), found.get("stuck", 0), phones
        )

    def stuck(self) -> list[tuple[str, int]]:
        """Why requests are stuck, and how many for each reason."""
        rows = self._open().execute(
            "SELECT code, count(*) FROM request WHERE state = 'stuck' GROUP BY code ORDER BY code"
        )
        return [(str(code), int(number)) for code, number in rows.fetchall()]
