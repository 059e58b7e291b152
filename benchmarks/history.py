"""Earlier rounds of the same county, stored as they would lie there: for measuring a store that has grown."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.rivals import superuser

HOT: Final = (
    "campaigns_dueperson",
    "sampling_tube",
    "sampling_swab",
    "access_clock",
    "access_journal",
)
_COUNT: Final = "SELECT " + " + ".join(f"(SELECT count(*) FROM {table})" for table in HOT)  # noqa: S608 - ours

_ROUND: Final = """
INSERT INTO campaigns_round
SELECT (jsonb_populate_record(r, jsonb_build_object('id', md5('round' || n)::uuid, 'no', 1000 + n,
          'state', 'closed', 'window_start', r.window_start - 3 * n * interval '1 day',
          'window_end', r.window_end - 3 * n * interval '1 day', 'closed_at', r.window_end))).*
  FROM campaigns_round r, generate_series(%(first)s, %(last)s) n WHERE r.id = %(round)s
"""
_DUE: Final = """
CREATE TEMP TABLE old_due ON COMMIT DROP AS
SELECT n, row_number() OVER (PARTITION BY n ORDER BY area, d.id) - 1 AS no,
       overlay(md5('due' || n || d.id) placing left(md5('round' || n), 12) from 1)::uuid AS id,
       md5('round' || n)::uuid AS round_id, person_id, area, rank, category, mode, home, site_code
  FROM campaigns_dueperson d, generate_series(%(first)s, %(last)s) n WHERE round_id = %(round)s;
INSERT INTO campaigns_dueperson (id, round_id, person_id, area, rank, category, mode, home, site_code, state,
                                 sampled_at, resulted_at, outcome, reason, owner)
SELECT id, round_id, person_id, area, rank, category, mode, home, site_code, 'resulted', %(at)s, %(at)s, 'negative', '',
       ''
  FROM old_due
"""
_TUBE: Final = """
CREATE TEMP TABLE old_tube ON COMMIT DROP AS
SELECT n, k, md5('old' || n || '-' || k)::uuid AS id, 'OLD' || n || '-' || k AS code,
       md5('round' || n)::uuid AS round_id, st.site_id, st.id AS station_id, st.area
  FROM (SELECT *, row_number() OVER () - 1 AS no, count(*) OVER () AS lanes FROM sampling_station
         WHERE round_id = %(round)s) st
  JOIN generate_series(0, (SELECT max(no) / 10 FROM old_due)) k ON k %% st.lanes = st.no,
       generate_series(%(first)s, %(last)s) n;
INSERT INTO sampling_tube (id, code, binding, round_id, site_id, station_id, area, purpose, mode, capacity, people, key,
                           state, opened_at, first_swab_at, locked_at, sealed_at, count_stated, ended_reason, flags)
SELECT id, code, 1, round_id, site_id, station_id, area, 'screening', 'pool', 10, 10, false, 'released', %(at)s, %(at)s,
       %(at)s, %(at)s, 10, '', '[]'
  FROM old_tube
"""
_SWAB: Final = """
INSERT INTO sampling_swab (id, tube_id, position, round_id, person_id, due_id, station_id, area, person_area, entry,
                           taken_at, received_at, stub_no, flags, void_reason, move_reason)
SELECT md5('oldswab' || d.id)::uuid, t.id, d.no %% 10 + 1, d.round_id, d.person_id, d.id, t.station_id, t.area, d.area,
       'code', %(at)s, %(at)s, '', '[]', '', ''
  FROM old_due d JOIN old_tube t ON t.n = d.n AND t.k = d.no / 10
"""
_CLOCK: Final = """
INSERT INTO access_clock (id, code, subject_kind, subject_id, subject_label, round_id, area, origin, owner_role,
                          owner_name, escalates_to, started_at, due_at, stopped_at)
SELECT md5('clock' || id)::uuid, 'uncooled', 'tube', id, code, round_id, area, 'history', 'courier', '', '', %(at)s,
       %(at)s::timestamptz + interval '4 hours', %(at)s::timestamptz + interval '1 hour'
  FROM old_tube
"""
_JOURNAL: Final = """
INSERT INTO access_journal (command_id, kind, actor_kind, actor_id, device_seq, area, captured_at, skew_ms, received_at,
                            payload, fingerprint, verdict, answer)
SELECT md5('command' || id)::uuid, 'tube.record', 'device', md5('device' || station_id)::uuid,
       row_number() OVER (ORDER BY n, k), area, %(at)s, 0, %(at)s, (SELECT payload FROM bench_payload), '\\x02',
       'applied', '{}'
  FROM old_tube
"""
AT_ONCE: Final = 1_000_000  # people


_SPARE: Final = """
SELECT format('DROP INDEX %%I.%%I', i.schemaname, i.indexname), i.indexdef
  FROM pg_indexes i JOIN pg_class c ON c.relname = i.indexname AND c.relnamespace = i.schemaname::regnamespace
 WHERE i.tablename = ANY(%s) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid) ORDER BY i.indexname
"""


def fill(var: Path, round_id: str, wanted: int, say: Callable[[str], None]) -> int:
    """Add whole earlier rounds until `wanted` rows are stored in the sync path's tables; how many there are then.

    Indexes that carry no constraint are taken away meanwhile and built again, which leaves them as a restored
    database has them; all others grow row by row.
    """
    with superuser(var) as connection:
        missing = wanted - _one(connection, _COUNT)
        if missing > 0:
            spare = connection.execute(_SPARE, [list(HOT)]).fetchall()
            for drop, _ in spare:
                connection.execute(drop)
            _add(connection, round_id, missing, say)
            connection.execute("SET maintenance_work_mem = '1GB'")
            for _, build in spare:
                connection.execute(build)
                say(f"  index built: {build.split(' ON ')[0].removeprefix('CREATE ')}")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        return _one(connection, _COUNT)


def _add(
    connection: psycopg.Connection[Any], round_id: str, missing: int, say: Callable[[str], None]
) -> None:
    """Rounds with at least as many rows. Keys are not looked up row by row: they hold by the way the rows are made."""
    row = connection.execute(
        "SELECT r.window_start, count(*) FROM campaigns_round r JOIN campaigns_dueperson d ON d.round_id = r.id"
        " WHERE r.id = %s GROUP BY r.id",
        [round_id],
    ).fetchone()
    if row is None:
        raise SystemExit("the round is gone")
    at, people = row
    rounds = -(-missing // (2 * people + 3 * (people // 10 + 1)))
    done = _one(connection, "SELECT count(*) FROM campaigns_round WHERE no >= 1000")
    step = max(1, AT_ONCE // people)
    began = time.monotonic()
    for first in range(done + 1, done + rounds + 1, step):
        last = min(first + step - 1, done + rounds)
        given = {"first": first, "last": last, "round": round_id, "at": at}
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute("SET LOCAL synchronous_commit = off")
            for statement in (_ROUND, _DUE, _TUBE, _SWAB, _CLOCK, _JOURNAL):
                # Texts are put together from numbers, whose type the server would not guess from a parameter.
                psycopg.ClientCursor(connection).execute(statement, given)
        say(
            f"  rounds {last - done:,} of {rounds:,} stored after {time.monotonic() - began:,.0f} s, database "
            f"{_one(connection, 'SELECT pg_database_size(current_database())') / 2**30:.1f} GiB"
        )


def _one(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query).fetchone()
    return 0 if row is None else int(row[0])
