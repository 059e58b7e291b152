"""Earlier rounds of the same county, stored as they would lie there: for measuring a store that has grown."""

from __future__ import annotations

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
SELECT (jsonb_populate_record(r, jsonb_build_object('id', md5('round' || %(n)s)::uuid, 'no', 1000 + %(n)s,
          'state', 'closed', 'window_start', r.window_start - %(days)s * interval '1 day',
          'window_end', r.window_end - %(days)s * interval '1 day', 'closed_at', r.window_end))).*
  FROM campaigns_round r WHERE r.id = %(round)s
"""
_DUE: Final = """
INSERT INTO campaigns_dueperson (id, round_id, person_id, area, rank, category, mode, home, site_code, state,
                                 sampled_at, resulted_at, outcome, reason, owner)
SELECT md5('due' || %(n)s || id)::uuid, md5('round' || %(n)s)::uuid, person_id, area, rank, category, mode, home,
       site_code, 'resulted', %(at)s, %(at)s, 'negative', '', ''
  FROM campaigns_dueperson WHERE round_id = %(round)s
"""
_TUBE: Final = """
INSERT INTO sampling_tube (id, code, binding, round_id, site_id, station_id, area, purpose, mode, capacity, people, key,
                           state, opened_at, first_swab_at, locked_at, sealed_at, count_stated, ended_reason, flags)
SELECT md5('old' || %(n)s || '-' || k)::uuid, 'OLD' || %(n)s || '-' || k, 1, md5('round' || %(n)s)::uuid, st.site_id,
       st.id, st.area, 'screening', 'pool', 10, 10, false, 'released', %(at)s, %(at)s, %(at)s, %(at)s, 10, '', '[]'
  FROM (SELECT *, row_number() OVER () - 1 AS no, count(*) OVER () AS lanes FROM sampling_station
         WHERE round_id = %(round)s) st
  JOIN generate_series(0, (SELECT count(*) FROM campaigns_dueperson WHERE round_id = %(round)s) / 10) k
    ON k %% st.lanes = st.no
"""
_SWAB: Final = """
INSERT INTO sampling_swab (id, tube_id, position, round_id, person_id, due_id, station_id, area, person_area, entry,
                           taken_at, received_at, stub_no, flags, void_reason, move_reason)
SELECT md5('oldswab' || d.id)::uuid, t.id, d.no %% 10 + 1, d.round_id, d.person_id, d.id, t.station_id, t.area, d.area,
       'code', %(at)s, %(at)s, '', '[]', '', ''
  FROM (SELECT *, row_number() OVER (ORDER BY area, id) - 1 AS no FROM campaigns_dueperson
         WHERE round_id = md5('round' || %(n)s)::uuid) d
  JOIN sampling_tube t ON t.id = md5('old' || %(n)s || '-' || d.no / 10)::uuid
"""
_CLOCK: Final = """
INSERT INTO access_clock (id, code, subject_kind, subject_id, subject_label, round_id, area, origin, owner_role,
                          owner_name, escalates_to, started_at, due_at, stopped_at)
SELECT md5('clock' || id)::uuid, 'uncooled', 'tube', id, code, round_id, area, 'history', 'courier', '', '', %(at)s,
       %(at)s::timestamptz + interval '4 hours', %(at)s::timestamptz + interval '1 hour'
  FROM sampling_tube WHERE round_id = md5('round' || %(n)s)::uuid
"""
_JOURNAL: Final = """
INSERT INTO access_journal (command_id, kind, actor_kind, actor_id, device_seq, area, captured_at, skew_ms, received_at,
                            payload, fingerprint, verdict, answer)
SELECT md5('command' || id)::uuid, 'tube.record', 'device', md5('device' || station_id)::uuid, row_number() OVER (),
       area, %(at)s, 0, %(at)s, (SELECT payload FROM bench_payload), '\\x02', 'applied', '{}'
  FROM sampling_tube WHERE round_id = md5('round' || %(n)s)::uuid
"""


def fill(var: Path, round_id: str, wanted: int) -> int:
    """Add whole earlier rounds until `wanted` rows are stored in the sync path's tables; how many there are then."""
    with superuser(var) as connection:
        while (stored := _one(connection, _COUNT)) < wanted:
            _add(connection, round_id)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        return stored


def _add(connection: psycopg.Connection[Any], round_id: str) -> None:
    """One round more. Keys are not looked up row by row: they hold by the way the rows are made."""
    number = _one(connection, "SELECT count(*) FROM campaigns_round WHERE no >= 1000") + 1
    row = connection.execute(
        "SELECT window_start FROM campaigns_round WHERE id = %s", [round_id]
    ).fetchone()
    if row is None:
        raise SystemExit("the round is gone")
    given = {"n": number, "days": 3 * number, "round": round_id, "at": row[0]}
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("SET LOCAL synchronous_commit = off")
        for statement in (_ROUND, _DUE, _TUBE, _SWAB, _CLOCK, _JOURNAL):
            # Texts are put together from numbers, whose type the server would not guess from a parameter.
            psycopg.ClientCursor(connection).execute(statement, given)


def _one(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query).fetchone()
    return 0 if row is None else int(row[0])
