"""Replay: rebuild the projections from the journal in a scratch schema and prove them equal to the live tables.

The journal is the truth. Tables the field's commands write start empty (or reset to how they were before the first
command); the roster, the places and the stored plans are inputs and are read where they are. Then every applied command
is handled again in the journal's order, and each table is compared row by row, both ways.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import msgspec
from django.db import connection, connections
from psycopg import sql

from yingjian.access import journal
from yingjian.access.actor import SYSTEM, Actor, Hold
from yingjian.access.security import APP_ROLE

SCHEMA: Final = "replay"
CHUNK: Final = 2000
SHARED: Final = 50
"""Requests in one transaction: a beginning, a sight and an end cost as much as a small command."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A table rebuilt from commands.

    `seed`: which live rows it starts with (a SQL condition; None: empty). `reset`: column → SQL value
    they start with. `ignore`: columns that are not a function of the journal (nonces, sweep marks).
    """

    table: str
    seed: str | None = None
    reset: dict[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()


TABLES: Final = (
    Rebuilt(
        "campaigns_round",
        seed="true",
        reset={
            "state": "'draft'", "approved_at": "NULL", "frozen_at": "NULL", "activated_at": "NULL",
            "closed_at": "NULL", "due_total": "NULL", "area_classes": "'{}'", "within": "'[]'",
        },
    ),
    Rebuilt(
        "campaigns_dueperson",
        seed="added_by IS NULL",
        reset={
            "state": "'due'", "sampled_at": "NULL", "resulted_at": "NULL", "outcome": "NULL", "reason": "''",
            "owner": "''", "caught_up_at": "NULL", "site_code": "''", "slot_start": "NULL", "excused_by": "NULL",
        },
    ),
    Rebuilt("population_person", seed="found_by IS NULL", ignore=frozenset({"id_cipher", "phone_cipher"})),
    Rebuilt("planning_planrecord", seed="true", reset={"state": "'proposed'", "applied_at": "NULL"}),
    # A list as it was read is where its places come from; that it is in force is the command's doing.
    Rebuilt(
        "planning_candidatelist",
        seed="true",
        reset={"state": "CASE WHEN state = 'applied' THEN 'ready' ELSE state END", "applied_at": "NULL"},
    ),
    Rebuilt("planning_candidate"),
    Rebuilt("ledgers_task"),
    Rebuilt("access_clock", ignore=frozenset({"breached_at", "escalated_at"})),
    Rebuilt("workforce_post"),
    Rebuilt("sampling_site"),
    Rebuilt("sampling_station"),
    Rebuilt("sampling_tube"),
    Rebuilt("sampling_swab", ignore=frozenset({"identity_cipher"})),
    Rebuilt("sampling_rackcount"),
    Rebuilt("sampling_revocation"),
    Rebuilt("sampling_flagdecision"),
    Rebuilt("sampling_tuberange"),
    # How many cards a village had is counted in the roster, which goes on changing.
    Rebuilt("sampling_labelprint", ignore=frozenset({"labels"})),
    Rebuilt("logistics_box"),
    Rebuilt("logistics_boxline"),
    Rebuilt("logistics_handover"),
    Rebuilt("logistics_handoverbox"),
    Rebuilt("logistics_discrepancy"),
    Rebuilt("logistics_supplymove"),
    Rebuilt("logistics_wastelot"),
    Rebuilt("laboratory_laboratory"),
    Rebuilt("laboratory_allocation"),
    Rebuilt("laboratory_receipt"),
    Rebuilt("laboratory_receiptline"),
    Rebuilt("laboratory_run"),
    Rebuilt("laboratory_runtube"),
    Rebuilt("laboratory_heldresult"),
    Rebuilt("laboratory_result"),
    Rebuilt("cases_flaggedpool"),
    Rebuilt("cases_poolmember"),
    Rebuilt("cases_recheck"),
    Rebuilt("cases_dispatch"),
    Rebuilt("cases_positive"),
    Rebuilt("cases_notice"),
    Rebuilt("cases_contact"),
    Rebuilt("containment_disinfectionorder"),
)  # fmt: skip

# Tables that are read where they are: what is administered, imported or stored as a document.
INPUT_TABLES: Final = frozenset(
    {
        "access_device", "access_enroltoken", "access_grant", "access_journal", "access_journalblock",
        "access_organisation", "access_parkeddecision", "access_user", "campaigns_campaign", "campaigns_preset",
        "logistics_supplyitem", "logistics_vehicle", "oversight_report",
        "oversight_statedfigure", "population_buildinglist",
        "population_grid", "population_household", "population_importproblem",
        "population_importrun", "population_personcategory", "population_region", "workforce_institution",
        "planning_planrehearsal", "planning_plansearch", "workforce_staffmember", "workforce_training",
        "workforce_workgroup",
    }
)  # fmt: skip

# Commands whose effect is an input of the replay, not a projection: master data and stored plans.
INPUTS: Final = frozenset(
    {
        "organisation.add", "user.add", "grant.add", "device.invite", "device.revoke", "device.enrol",
        "restored.settle", "parked.decide",
        "preset.store", "campaign.create", "round.create", "plan.propose", "institution.add", "staff.add",
        "plan.search", "plan.stop", "workgroup.add", "training.record", "vehicle.add", "supply.item", "figure.state",
        "report.file", "building.place",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one table that are only live, or only rebuilt."""

    table: str
    only_live: int
    only_rebuilt: int


@dataclass(frozen=True, slots=True)
class ReplayReport:
    commands: int
    refused: list[tuple[uuid.UUID, str, str]]
    differences: list[Difference]

    @property
    def equal(self) -> bool:
        return not self.refused and not self.differences


def replay(*, progress: Progress | None = None) -> ReplayReport:
    """Rebuild and compare. Writes only into the scratch schema, which is dropped at the end."""
    with _scratch():
        done, refused = _apply_all(progress)
        return ReplayReport(done, refused, _compare())


@contextmanager
def _scratch() -> Iterator[None]:
    _drop()
    try:
        with connections["owner"].cursor() as cursor:
            schema, role = sql.Identifier(SCHEMA), sql.Identifier(APP_ROLE)
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
            for rebuilt in TABLES:
                _lay(cursor, rebuilt)
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
            cursor.execute(
                sql.SQL(
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}"
                ).format(schema, role)
            )
            cursor.execute(
                sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, role)
            )
        yield
    finally:
        _drop()


def _drop() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(SCHEMA)))


def _lay(cursor: Any, rebuilt: Rebuilt) -> None:
    live = sql.Identifier("public", rebuilt.table)
    scratch = sql.Identifier(SCHEMA, rebuilt.table)
    # thrown away at the end: nothing of it needs to survive a crash
    cursor.execute(
        sql.SQL("CREATE UNLOGGED TABLE {} (LIKE {} INCLUDING ALL)").format(scratch, live)
    )
    _leave_room(cursor, rebuilt.table, scratch)
    if rebuilt.seed is None:
        return
    columns = _columns(cursor, rebuilt.table)
    values = [
        sql.SQL(rebuilt.reset[name]) if name in rebuilt.reset else sql.Identifier(name)
        for name in columns
    ]
    cursor.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} WHERE {}").format(
            scratch,
            sql.SQL(", ").join(sql.Identifier(name) for name in columns),
            sql.SQL(", ").join(values),
            live,
            sql.SQL(rebuilt.seed),
        )
    )
    cursor.execute(sql.SQL("ANALYZE {}").format(scratch))


def _leave_room(cursor: Any, table: str, scratch: sql.Identifier) -> None:
    """The live table's storage settings, which LIKE leaves behind: rows changed in place need room on their page."""
    cursor.execute(
        """SELECT o.option_name, o.option_value FROM pg_class c, pg_options_to_table(c.reloptions) o
            WHERE c.oid = ('public.' || %s)::regclass""",
        [table],
    )
    for name, value in cursor.fetchall():
        cursor.execute(
            sql.SQL("ALTER TABLE {} SET ({} = {})").format(
                scratch, sql.Identifier(name), sql.Literal(value)
            )
        )


def _columns(cursor: Any, table: str) -> list[str]:
    """Columns that are written; those the database makes of others are made again."""
    cursor.execute(
        """SELECT column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = %s
              AND is_generated = 'NEVER' ORDER BY ordinal_position""",
        [table],
    )
    return [row[0] for row in cursor.fetchall()]


@contextmanager
def _pointing_at_scratch() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {SCHEMA}, public")
        cursor.execute("SET synchronous_commit TO off")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")
            cursor.execute("RESET synchronous_commit")


def _apply_all(progress: Progress | None) -> tuple[int, list[tuple[uuid.UUID, str, str]]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_journal WHERE verdict = 'applied'")
        total = int(cursor.fetchone()[0])
    done, refused = 0, []
    with _pointing_at_scratch(), journal.replaying():
        for of_devices, requests in _sharing():
            told = journal.reapply(requests, keep_plans=of_devices)
            for request, verdicts in zip(requests, told, strict=True):
                refused += [
                    (command.id, command.kind, verdict.code or "")
                    for command, verdict in zip(request.commands, verdicts, strict=True)
                    if verdict.verdict != "applied"
                ]
                done += len(request.commands)
            if progress is not None:
                progress(done, total)
    return done, refused


def _sharing() -> Iterator[tuple[bool, list[journal.Request]]]:
    """Requests that share a transaction: of devices or of others, one after the other, `CHUNK` commands at most."""
    held: list[journal.Request] = []
    of_devices, commands = False, 0
    for request in _requests():
        more = len(request.commands)
        by_device = request.actor.kind == "device"
        if held and (by_device != of_devices or len(held) >= SHARED or commands + more > CHUNK):
            yield of_devices, held
            held, commands = [], 0
        held.append(request)
        of_devices, commands = by_device, commands + more
    if held:
        yield of_devices, held


def _requests() -> Iterator[journal.Request]:
    """Each request with its actor; a very long one in parts."""
    actors = _Actors()
    for (kind, id, received_at, _), group in groupby(_entries(), key=lambda entry: entry[1]):
        commands = [command for command, _ in group]
        actor = actors.get(kind, id)
        for start in range(0, len(commands), CHUNK):
            yield journal.Request(actor, received_at, commands[start : start + CHUNK])


Key = tuple[str, uuid.UUID, datetime, int]
"""A request: kind and id of who sent it, when it was received, its transaction."""
Row = tuple[Any, ...]


def _entries() -> Iterator[tuple[journal.CommandIn, Key]]:
    """Applied commands in order, with the request they came in."""
    for row in _one_after_the_other():
        _, id, kind, at, payload, seq, skew = row[:7]
        if kind in journal.KINDS and kind not in INPUTS:
            raw = msgspec.Raw(journal.unsealed(payload))
            yield journal.CommandIn(id, kind, at, raw, seq, skew), _key(row)


def _one_after_the_other() -> Iterator[Row]:
    """The rows of each request together, in the order in which the requests began to write.

    Two requests stored at the same moment lie interleaved in the journal; each was handled as a whole.
    """
    waiting: dict[Key, list[Row]] = {}
    missing: dict[Key, int] = {}
    after = 0
    while rows := _page(after):
        after = rows[-1][0]
        missing |= _numbers({_key(row) for row in rows} - missing.keys())
        for row in rows:
            waiting.setdefault(_key(row), []).append(row)
            missing[_key(row)] -= 1
        while waiting and not missing[first := next(iter(waiting))]:
            del missing[first]
            yield from waiting.pop(first)
    for rest in waiting.values():  # written while we read
        yield from rest


def _key(row: Row) -> Key:
    """Which request a row belongs to; transaction ids begin anew in a restored database, the moments do not."""
    return row[7], row[8], row[9], row[10]


def _page(after: int) -> list[Row]:
    """The next rows. Page by page, each with a snapshot of its own: one cursor over all of it would hold the oldest for
    minutes, and no dead version of a row that the replay changes again and again could be cleared away.
    """
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            """SELECT seq, command_id, kind, captured_at, payload, device_seq, skew_ms, actor_kind, actor_id,
                      received_at, txid
                 FROM access_journal WHERE verdict = 'applied' AND seq > %s ORDER BY seq LIMIT %s""",
            [after, CHUNK],
        )
        return list(cursor.fetchall())


def _numbers(requests: set[Key]) -> dict[Key, int]:
    """How many applied commands the journal has of each request."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            """SELECT actor_kind, actor_id, received_at, txid, count(*) FROM access_journal
                WHERE txid = ANY(%s) AND verdict = 'applied' GROUP BY 1, 2, 3, 4""",
            [sorted({txid for _, _, _, txid in requests})],
        )
        found = {(kind, id, at, txid): number for kind, id, at, txid, number in cursor.fetchall()}
        return {key: found[key] for key in requests}


class _Actors:
    """Who acted, as they were named; what they may do was decided when the command was applied."""

    def __init__(self) -> None:
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT id, name, '', area FROM access_user UNION ALL SELECT id, name, station_code, area "
                           "FROM access_device")  # fmt: skip
            self.known = {
                id: (name, station, area) for id, name, station, area in cursor.fetchall()
            }

    def get(self, kind: str, id: uuid.UUID) -> Actor:
        if kind == "system":
            return SYSTEM
        name, station, _ = self.known.get(id, ("", "", ""))
        everything = (Hold("system", ""),)
        return Actor("device" if kind == "device" else "user", id, name, everything, station)


def _compare() -> list[Difference]:
    found = []
    with connections["owner"].cursor() as cursor:
        for rebuilt in TABLES:
            names = [name for name in _columns(cursor, rebuilt.table) if name not in rebuilt.ignore]
            live = sql.SQL("SELECT {} FROM public.{}").format(
                _list(names), sql.Identifier(rebuilt.table)
            )
            scratch = sql.SQL("SELECT {} FROM {}.{}").format(
                _list(names), sql.Identifier(SCHEMA), sql.Identifier(rebuilt.table)
            )
            if _digest(cursor, live) == _digest(cursor, scratch):
                continue
            counts = []
            for one, other in ((live, scratch), (scratch, live)):
                cursor.execute(
                    sql.SQL("SELECT count(*) FROM ({} EXCEPT ALL {}) d").format(one, other)
                )
                counts.append(int(cursor.fetchone()[0]))
            if any(counts):
                found.append(Difference(rebuilt.table, *counts))
    return found


def _digest(cursor: Any, rows: sql.Composed) -> tuple[int, int]:
    """How many rows, and the sum of their 64-bit hashes: one pass, where comparing row by row sorts both sides."""
    cursor.execute(
        sql.SQL(
            "SELECT count(*), coalesce(sum(hashtextextended(d::text, 0)::numeric), 0) FROM ({}) d"
        ).format(rows)
    )
    number, total = cursor.fetchone()
    return int(number), int(total)


def _list(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
