"""What the sync path is measured against: the rows a request leaves, by pgbench and by COPY."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg

from config import postgres

CONNECTIONS: Final = 4
TABLES: Final = {
    "sampling_tube": "code LIKE 'BENCH%'",
    "sampling_swab": "tube_id IN (SELECT id FROM sampling_tube WHERE code LIKE 'BENCH%')",
    "access_clock": "origin = 'benchmark'",
    "access_journal": "fingerprint = '\\x00'",
}
"""Tables of what a request stores, in the order of their keys, with the mark of the rival's rows."""


def owner(var: Path) -> psycopg.Connection[Any]:
    """A connection as the owner of the tables, for setting up; autocommit."""
    return _login(var, postgres.OWNER_ROLE)


def superuser(var: Path) -> psycopg.Connection[Any]:
    """A connection that may store rows without their triggers, for filling the store."""
    return _login(var, postgres.SUPER_ROLE)


def _login(var: Path, role: str) -> psycopg.Connection[Any]:
    password = (var / "secrets" / f"postgres_{role}").read_text().strip()
    return psycopg.connect(
        host=str(postgres.Cluster.of(var).sockets), port=postgres.PORT, dbname=postgres.DATABASE, user=role,
        password=password, autocommit=True,
    )  # fmt: skip


class Rival:
    """pgbench on the same database, as the application's role, over the people of sites left to it."""

    def __init__(self, var: Path, round_id: str, pool: int, *, sites: Sequence[str]) -> None:
        self.var, self.round_id, self.pool, self.done = var, round_id, pool, 0
        with owner(var) as connection:
            connection.execute(
                """CREATE TABLE bench_due AS
                   SELECT row_number() OVER (ORDER BY id DESC) - 1 AS n, id AS due_id, person_id, area
                     FROM campaigns_dueperson
                    WHERE state = 'due' AND mode = 'pool' AND site_code = ANY(%s::text[])""",
                [list(sites)],
            )
            connection.execute("CREATE UNIQUE INDEX ON bench_due (n)")
            connection.execute("CREATE TABLE bench_payload (payload text)")
            connection.execute("CREATE SEQUENCE bench_turn MINVALUE 0")
            connection.execute("GRANT ALL ON bench_due, bench_payload, bench_turn TO yingjian_app")
            connection.execute("ANALYZE")

    def held(self) -> int:
        """How many full tubes its people would fill that are left to it."""
        with owner(self.var) as connection:
            row = connection.execute("SELECT count(*) FROM bench_due").fetchone()
        return (0 if row is None else int(row[0])) // self.pool - self.done

    def turn(self, size: int, requests: int) -> tuple[int, float, list[float]]:
        """Store what `requests` requests of `size` tubes store: people, seconds, a zero for each transaction."""
        turns = -(-requests // CONNECTIONS)
        given = self._given(size)
        # each turn begins behind what the turns before it took
        start = -(-self.done // size)
        with owner(self.var) as connection:
            connection.execute("SELECT setval('bench_turn', %s, false)", [start])
        self.done = (start + turns * CONNECTIONS) * size
        words = [str(postgres.BINARIES / "pgbench"), "--no-vacuum", "--client", str(CONNECTIONS), "--jobs", "2",
                 "--transactions", str(turns), "--file", str(Path(__file__).with_name("ingest.sql"))]  # fmt: skip
        for name, value in given.items():
            # pgbench puts the text in as it stands: words bring their quotes
            told = str(value) if isinstance(value, int) else f"'{value}'"
            words += ["--define", f"{name}={told}"]
        environment = {
            **os.environ, "PGHOST": str(postgres.Cluster.of(self.var).sockets), "PGPORT": str(postgres.PORT),
            "PGUSER": postgres.APP_ROLE, "PGDATABASE": postgres.DATABASE,
            "PGPASSWORD": (self.var / "secrets" / f"postgres_{postgres.APP_ROLE}").read_text().strip(),
        }  # fmt: skip
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if done.returncode or found is None or "0 (0.000%)" not in done.stdout:
            raise SystemExit(f"pgbench failed:\n{done.stdout}{done.stderr}")
        transactions = turns * CONNECTIONS
        return transactions * size * self.pool, transactions / float(found[1]), [0.0] * transactions

    def _given(self, size: int) -> dict[str, Any]:
        """What a request of ours is like: its place, its clocks, the very text its command is stored as."""
        with owner(self.var) as connection:
            row = connection.execute(
                "SELECT st.id, st.site_id, st.area FROM sampling_station st WHERE st.round_id = %s LIMIT 1",
                [self.round_id],
            ).fetchone()
            connection.execute("DELETE FROM bench_payload")
            connection.execute(
                """INSERT INTO bench_payload SELECT payload FROM access_journal
                    WHERE kind = 'tube.record' AND fingerprint <> '\\x00' ORDER BY seq DESC LIMIT 1"""
            )
            clocks = connection.execute(
                """SELECT (count(*) / greatest(count(DISTINCT subject_id), 1))::int FROM access_clock
                    WHERE subject_kind = 'tube' AND origin <> 'benchmark'"""
            ).fetchone()
        if row is None or clocks is None:
            raise SystemExit("the round has no station")
        return {
            "tubes": size, "people": self.pool, "clocks": clocks[0], "round": self.round_id, "site": row[1],
            "station": row[0], "area": row[2],
        }  # fmt: skip


class Copy:
    """The rows pgbench stored, once more under other ids, by COPY in one transaction with all constraints."""

    def __init__(self, var: Path) -> None:
        self.var = var

    def measure(self) -> dict[str, Any]:
        with owner(self.var) as connection:
            people = connection.execute(
                f"SELECT count(*) FROM sampling_swab WHERE {TABLES['sampling_swab']}"  # noqa: S608 - ours
            ).fetchone()
            data = {table: self._rows(connection, table) for table in TABLES}
            began = time.perf_counter()
            with connection.transaction(), connection.cursor() as cursor:
                for table, (columns, text) in data.items():
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as into:
                        into.write(text)
            wall = time.perf_counter() - began
            for table in reversed(TABLES):  # the next measurement finds the store as it was
                connection.execute(f"DELETE FROM {table} WHERE {_MARK[table]}")  # noqa: S608 - ours
        persons = 0 if people is None else int(people[0])
        return {
            "persons": persons,
            "wall_s": round(wall, 2),
            "persons_per_s": round(persons / wall, 1),
        }

    def _rows(self, connection: psycopg.Connection[Any], table: str) -> tuple[str, bytes]:
        names = [
            name
            for (name,) in connection.execute(
                """SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
                      AND NOT attisdropped AND attname NOT IN ('seq', 'txid') ORDER BY attnum""",
                [table],
            )
        ]
        told = ", ".join(f"{_OTHER.get((table, name), name)} AS {name}" for name in names)
        with connection.cursor().copy(
            f"COPY (SELECT {told} FROM {table} WHERE {TABLES[table]}) TO STDOUT"  # noqa: S608 - ours
        ) as out:
            return ", ".join(names), b"".join(bytes(part) for part in out)


_OTHER: Final = {
    ("sampling_tube", "id"): "md5('copy' || id)::uuid",
    ("sampling_tube", "code"): "'COPY' || code",
    ("sampling_swab", "id"): "md5('copy' || id)::uuid",
    ("sampling_swab", "tube_id"): "md5('copy' || tube_id)::uuid",
    ("access_clock", "id"): "md5('copy' || id)::uuid",
    ("access_clock", "subject_id"): "md5('copy' || subject_id)::uuid",
    ("access_clock", "subject_label"): "'COPY' || subject_label",
    ("access_journal", "command_id"): "md5('copy' || command_id)::uuid",
    ("access_journal", "fingerprint"): "'\\x01'::bytea",
}
_MARK: Final = {
    "sampling_tube": "code LIKE 'COPY%'",
    "sampling_swab": "tube_id IN (SELECT id FROM sampling_tube WHERE code LIKE 'COPY%')",
    "access_clock": "subject_label LIKE 'COPY%'",
    "access_journal": "fingerprint = '\\x01'",
}
