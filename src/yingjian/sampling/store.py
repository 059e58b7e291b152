"""The rows of tubes and swabs: read under lock into states, written back set-based. SQL only; nothing is decided here.

Locks are always taken in the same order, due people before tubes, each by id, so that two batches wait for each other
and do not deadlock.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from django.db import IntegrityError, connection
from psycopg.errors import UniqueViolation

from yingjian.access import prepared
from yingjian.campaigns import presets
from yingjian.kernel import arrays

from .states import Place, SwabState, TubeState, Who
from .values import LOST

Columns = tuple[tuple[str, str], ...]
_AS_NUMBER: Final = attrgetter(
    "int"
)  # the database orders uuids as numbers; Python is quicker at it too

TUBE: Final[Columns] = (
    ("id", "uuid"), ("code", "text"), ("binding", "int"), ("round_id", "uuid"), ("site_id", "uuid"),
    ("station_id", "uuid"), ("area", "text"), ("purpose", "text"), ("mode", "text"), ("capacity", "int"),
    ("people", "int"), ("key", "bool"), ("state", "text"), ("opened_at", "timestamptz"),
    ("first_swab_at", "timestamptz"), ("locked_at", "timestamptz"), ("sealed_at", "timestamptz"),
    ("count_stated", "int"), ("ended_at", "timestamptz"), ("ended_reason", "text"), ("pair_id", "uuid"),
    ("flags", "jsonb"),
)  # fmt: skip
SWAB: Final[Columns] = (
    ("id", "uuid"), ("tube_id", "uuid"), ("position", "int"), ("round_id", "uuid"), ("person_id", "uuid"),
    ("due_id", "uuid"), ("station_id", "uuid"), ("area", "text"), ("person_area", "text"), ("entry", "text"),
    ("taken_at", "timestamptz"), ("received_at", "timestamptz"), ("device_id", "uuid"), ("identity_cipher", "bytea"),
    ("stub_no", "text"), ("flags", "jsonb"), ("voided_at", "timestamptz"), ("void_reason", "text"),
    ("moved_at", "timestamptz"), ("moved_from", "uuid"), ("moved_to", "uuid"), ("move_reason", "text"),
)  # fmt: skip


def _names(columns: Columns, prefix: str = "") -> str:
    return ", ".join(prefix + name for name, _ in columns)


def _given(columns: Columns) -> str:
    """`unnest` has no arrays of jsonb here: they travel as text."""
    kinds = ", ".join(f"%s::{'text' if kind == 'jsonb' else kind}[]" for _, kind in columns)
    return f"unnest({kinds}) AS u({_names(columns)})"


def _read(columns: Columns) -> str:
    return ", ".join(f"u.{name}{'::jsonb' if kind == 'jsonb' else ''}" for name, kind in columns)


def insert_sql(table: str, columns: Columns) -> str:
    """One statement for any number of rows, all of them new: a row in the way is an error (see `_inserted`)."""
    return f"INSERT INTO {table} ({_names(columns)}) SELECT {_read(columns)} FROM {_given(columns)}"  # noqa: S608


def update_sql(table: str, columns: Columns, *, keep: Sequence[str] = ()) -> str:
    sets = ", ".join(
        f"{name} = u.{name}{'::jsonb' if kind == 'jsonb' else ''}"
        for name, kind in columns[1:]
        if name not in keep
    )
    return f"UPDATE {table} t SET {sets} FROM {_given(columns)} WHERE t.id = u.id"  # noqa: S608


prepared.grows("sampling_tube", 16)
prepared.grows("sampling_swab", 64)
_TUBE_INSERT: Final = insert_sql("sampling_tube", TUBE)
_TUBE_UPDATE: Final = update_sql("sampling_tube", TUBE)
_SWAB_INSERT: Final = insert_sql("sampling_swab", SWAB)
_SWAB_UPDATE: Final = update_sql("sampling_swab", SWAB, keep=("received_at",))


_SWAB_OWN: Final[Columns] = tuple(
    column
    for column in SWAB
    if column[0] in {
        "id", "tube_id", "position", "person_id", "due_id", "person_area", "entry", "taken_at", "identity_cipher",
        "stub_no", "flags",
    }
)  # fmt: skip
_SWAB_INSERT_ALIKE: Final = f"""
INSERT INTO sampling_swab ({_names(_SWAB_OWN)}, round_id, station_id, area, device_id, received_at, void_reason,
                           move_reason)
SELECT {_read(_SWAB_OWN)}, %s::uuid, %s::uuid, %s::text, %s::uuid, %s::timestamptz, '', ''
  FROM {_given(_SWAB_OWN)}
"""  # noqa: S608
"""Swabs of one station and device, neither voided nor moved: what is the same in all of them is said once."""


def flags_json(flags: Sequence[str]) -> str:
    return msgspec.json.encode(flags).decode()


def _columns(columns: Columns, rows: Iterable[tuple[Any, ...]]) -> list[str]:
    return arrays.columns([kind for _, kind in columns], rows)


def _ids(ids: Iterable[uuid.UUID]) -> str:
    return arrays.literal("uuid", ids)


def _tube_row(tube: TubeState) -> tuple[Any, ...]:
    place = tube.place
    return (
        tube.id, tube.code, tube.binding, place.round_id, place.site_id, place.station_id, place.area, tube.purpose,
        tube.mode, tube.capacity, tube.people, tube.key, tube.state, tube.opened_at, tube.first_swab_at,
        tube.locked_at, tube.sealed_at, tube.count_stated, tube.ended_at, tube.ended_reason, tube.pair_id,
        flags_json(tube.flags),
    )  # fmt: skip


def _swab_row(swab: SwabState, received_at: datetime) -> tuple[Any, ...]:
    who, place = swab.who, swab.place
    return (
        swab.id, swab.tube_id if swab.taken_at else None, swab.position, place.round_id, who.person_id, who.due_id,
        place.station_id, place.area, who.area, swab.entry, swab.taken_at, received_at, swab.device_id, who.identity,
        swab.stub_no, flags_json(swab.flags), swab.voided_at, swab.void_reason, swab.moved_at, swab.moved_from,
        swab.tube_id if swab.moved_at else None, swab.move_reason,
    )  # fmt: skip


def _swab_own_row(swab: SwabState) -> tuple[Any, ...]:
    who = swab.who
    return (
        swab.id, swab.tube_id, swab.position, who.person_id, who.due_id, who.area, swab.entry, swab.taken_at,
        who.identity, swab.stub_no, flags_json(swab.flags),
    )  # fmt: skip


def tubes_insert(tubes: Sequence[TubeState]) -> bool:
    """False: another transaction made one of these tubes, or bound one of these codes, meanwhile. In order of code, so
    that two batches with the same codes wait for each other in the same order.
    """
    if not tubes:
        return True
    rows = [_tube_row(tube) for tube in sorted(tubes, key=lambda t: (t.code, t.binding, str(t.id)))]
    return _inserted(_TUBE_INSERT, _columns(TUBE, rows))


def _inserted(statement: str, columns: list[Any]) -> bool:
    """False where one of the rows was there already; the transaction is good for nothing then. Asking the server to
    leave such rows out instead (`ON CONFLICT`) would cost every row a second entry in its log.
    """
    try:
        with prepared.cursor() as cursor:
            cursor.execute(statement, columns)
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            return False
        raise
    return True


def tubes_update(tubes: Sequence[TubeState]) -> None:
    if tubes:
        with prepared.cursor() as cursor:
            cursor.execute(_TUBE_UPDATE, _columns(TUBE, (_tube_row(tube) for tube in tubes)))


def swabs_insert(swabs: Sequence[SwabState], received_at: datetime) -> bool:
    """False: another transaction stored one of these swabs meanwhile."""
    if not swabs:
        return True
    swabs = sorted(swabs, key=lambda swab: swab.id.int)
    place, device = swabs[0].place, swabs[0].device_id
    for swab in swabs:
        if swab.place is not place or swab.device_id is not device or swab.taken_at is None:
            break
        if swab.voided_at is not None or swab.moved_at is not None:
            break
    else:
        alike = [place.round_id, place.station_id, place.area, device, received_at]
        own = _columns(_SWAB_OWN, [_swab_own_row(swab) for swab in swabs])
        return _inserted(_SWAB_INSERT_ALIKE, [*alike, *own])
    rows = [_swab_row(swab, received_at) for swab in swabs]
    return _inserted(_SWAB_INSERT, _columns(SWAB, rows))


def swabs_update(swabs: Sequence[SwabState], received_at: datetime) -> None:
    if swabs:
        with prepared.cursor() as cursor:
            cursor.execute(
                _SWAB_UPDATE, _columns(SWAB, (_swab_row(swab, received_at) for swab in swabs))
            )


def swabs_known(
    ids: Sequence[uuid.UUID], tubes: Sequence[uuid.UUID]
) -> list[tuple[uuid.UUID | None, ...]]:
    """`(tube, moved to, due)` of those of these swabs that are stored, and of all in these tubes."""
    with prepared.cursor() as cursor:
        cursor.execute(
            """SELECT tube_id, moved_to, due_id FROM sampling_swab WHERE id = ANY(%s::uuid[])
               UNION SELECT tube_id, moved_to, due_id FROM sampling_swab WHERE tube_id = ANY(%s::uuid[])""",
            [_ids(ids), _ids(tubes)],
        )
        return list(cursor.fetchall())


def stations_hold(ids: Iterable[uuid.UUID], *, alone: bool) -> None:
    """Hold stations until the transaction ends: beside each other, or `alone` for whoever counts what stands there.

    A count that did not see tubes which were being stored at that moment could not be recomputed from the journal.
    """
    strength = "UPDATE" if alone else "KEY SHARE"
    with prepared.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM sampling_station WHERE id = ANY(%s::uuid[]) ORDER BY id FOR {strength}",  # noqa: S608
            [_ids(sorted(set(ids), key=_AS_NUMBER))],
        )


def due_lock(due_ids: Iterable[uuid.UUID]) -> None:
    """Hold due people until the transaction ends: two stations cannot both take the same person for unsampled."""
    ids = sorted(set(due_ids), key=_AS_NUMBER)
    if ids:
        with prepared.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM campaigns_dueperson WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE",
                [_ids(ids)],
            )


PEOPLE_HELD: Final = """
SELECT p.area, p.household_id, d.mode = 'single', d.added_by IS NOT NULL, d.category = ANY(%s::text[]),
       d.state = 'due' AND d.sampled_at IS NULL AND NOT EXISTS (SELECT FROM sampling_swab s WHERE s.due_id = d.id)
  FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
 WHERE d.id = ANY(%s::uuid[]) ORDER BY d.id FOR NO KEY UPDATE OF d
"""


def people_held(
    due_ids: Sequence[uuid.UUID],
) -> list[tuple[str, uuid.UUID | None, bool, bool, bool, bool]]:
    """Hold due people as `due_lock` does and read them by the way, in order of their ids: area, household, single,
    found on the way, key, and whether nothing was ever stored of a swab of theirs in this round.

    Who had to wait for another station reads the row as that one left it, so that a swab of a moment ago is not missed.
    """
    with prepared.cursor() as cursor:
        cursor.execute(PEOPLE_HELD, [KEY_LITERAL, _ids(sorted(due_ids, key=_AS_NUMBER))])
        return list(cursor.fetchall())


class Beside(NamedTuple):
    """What is stored beside a request: tubes with one of its codes, manifest lines that wait for one of them, any
    revoked code of residents at all.
    """

    bound: bool
    waiting: bool
    revoked: bool


def beside(codes: Sequence[str]) -> Beside:
    """Asked in one, for nearly always the answer is no, and what would follow from a yes need not be looked for."""
    # By key however little is stored, so that the plan may be kept before the first box.
    with prepared.cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT FROM sampling_tube WHERE code = ANY(%(codes)s::text[]) AND code <> ''),
                      EXISTS (SELECT FROM logistics_boxline WHERE tube_code = ANY(%(codes)s::text[])
                                 AND tube_code <> '' AND tube_id IS NULL),
                      EXISTS (SELECT FROM sampling_revocation)""",
            {"codes": arrays.literal("text", codes)},
        )
        return Beside(*cursor.fetchone())


_PLACE: Final = "t.round_id, t.site_id, t.station_id, t.area, ste.code, sta.code"
_TUBE_READ: Final = f"""
SELECT t.id, {_PLACE}, t.code, t.binding, t.purpose, t.mode, t.capacity, t.people, t.key, t.state, t.opened_at,
       t.first_swab_at, t.locked_at, t.sealed_at, t.count_stated, t.ended_at, t.ended_reason, t.pair_id, t.box_id,
       t.flags::text
  FROM sampling_tube t JOIN sampling_site ste ON ste.id = t.site_id JOIN sampling_station sta ON sta.id = t.station_id
"""  # noqa: S608


def _tube(row: tuple[Any, ...]) -> TubeState:
    flags = tuple(msgspec.json.decode(row[24]))
    return TubeState(*(row[0], Place(*row[1:7]), *row[7:24], flags))


def tubes_locked(ids: Sequence[uuid.UUID], codes: Sequence[str]) -> dict[uuid.UUID, TubeState]:
    """These tubes, and every tube that carries one of the codes or shares a code with one of the tubes; locked.

    Two statements: what waited for a lock must be read with fresh eyes, or a binding made meanwhile would be missed.
    A union, and `code <> ''` at each code: only so do both indexes serve, also for more than a hundred codes.
    """
    wanted: dict[str, Any] = {"ids": _ids(ids), "codes": arrays.literal("text", codes)}
    chosen = """t.id IN (SELECT unnest(%(ids)s::uuid[])
                 UNION SELECT id FROM sampling_tube WHERE code = ANY(%(codes)s::text[]) AND code <> ''
                 UNION SELECT o.id FROM sampling_tube m JOIN sampling_tube o ON o.code = m.code AND o.code <> ''
                        WHERE m.id = ANY(%(ids)s::uuid[]))"""
    with prepared.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM sampling_tube t WHERE {chosen} ORDER BY t.id FOR NO KEY UPDATE OF t",  # noqa: S608
            wanted,
        )
        if not cursor.rowcount:
            return {}
        cursor.execute(f"{_TUBE_READ} WHERE {chosen}", wanted)
        return {row[0]: _tube(row) for row in cursor.fetchall()}


def tubes_read(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, TubeState]:
    """Tubes as they are, not held."""
    with prepared.cursor() as cursor:
        cursor.execute(_TUBE_READ + " WHERE t.id = ANY(%s::uuid[])", [_ids(ids)])
        return {row[0]: _tube(row) for row in cursor.fetchall()}


_SWAB_READ: Final = """
SELECT s.id, s.round_id, sta.site_id, s.station_id, s.area, ste.code, sta.code,
       s.person_id, s.person_area, p.household_id, s.due_id, coalesce(d.mode = 'single', false),
       d.added_by IS NOT NULL, coalesce(d.category = ANY(%(key)s::text[]), false), s.identity_cipher,
       coalesce(s.moved_to, s.tube_id), s.position, s.entry, s.taken_at, s.stub_no, s.device_id, s.flags::text,
       s.voided_at, s.void_reason, s.moved_at, s.moved_from, s.move_reason
  FROM sampling_swab s JOIN sampling_station sta ON sta.id = s.station_id JOIN sampling_site ste ON ste.id = sta.site_id
  LEFT JOIN population_person p ON p.id = s.person_id LEFT JOIN campaigns_dueperson d ON d.id = s.due_id
"""
KEY: Final = sorted(presets.KEY_CATEGORIES)
KEY_LITERAL: Final = arrays.literal("text", KEY)


def _swab(row: tuple[Any, ...]) -> SwabState:
    identity = None if row[14] is None else bytes(row[14])
    who = Who(row[7], row[8], row[9], row[10], row[11], row[12], row[13], (), identity)
    flags = tuple(msgspec.json.decode(row[21]))
    return SwabState(*(row[0], Place(*row[1:7]), who, *row[15:21], flags, *row[22:27]))


def swabs_of(
    *, ids: Sequence[uuid.UUID], tubes: Sequence[uuid.UUID], dues: Sequence[uuid.UUID]
) -> dict[uuid.UUID, SwabState]:
    """Swabs by id, by tube, and of due people. One query."""
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""{_SWAB_READ} WHERE s.id IN (
                  SELECT id FROM sampling_swab WHERE id = ANY(%(ids)s::uuid[])
                  UNION SELECT id FROM sampling_swab WHERE tube_id = ANY(%(tubes)s::uuid[])
                  UNION SELECT id FROM sampling_swab WHERE moved_to = ANY(%(tubes)s::uuid[]) AND tube_id IS NULL
                  UNION SELECT id FROM sampling_swab WHERE due_id = ANY(%(dues)s::uuid[]))""",  # noqa: S608
            {"ids": _ids(ids), "tubes": _ids(tubes), "dues": _ids(dues), "key": KEY_LITERAL},
        )
        return {row[0]: _swab(row) for row in cursor.fetchall()}


TOWN: Final = 9
"""Digits of a town's code: a tube and its box stand in one town, so a manifest names no tube of another."""

_LINKS: Final = """
WITH waiting AS MATERIALIZED (
  SELECT id, box_id, tube_code FROM logistics_boxline
   WHERE box_id = ANY(%s::uuid[]) AND tube_id IS NULL AND tube_code <> ''
   UNION
  SELECT id, box_id, tube_code FROM logistics_boxline
   WHERE tube_code = ANY(%s::text[]) AND tube_id IS NULL AND tube_code <> '')
SELECT DISTINCT ON (l.id) l.id, t.id, t.people
  FROM waiting l JOIN logistics_box b ON b.id = l.box_id
  JOIN sampling_tube t ON t.code = l.tube_code AND t.code <> '' AND t.area ^@ left(b.area, %s::int)
  JOIN sampling_station st ON st.id = t.station_id JOIN sampling_site si ON si.id = t.site_id
 ORDER BY l.id, (t.round_id = b.round_id) DESC, (st.code = b.station_code) DESC, (si.code = b.site_code) DESC,
          t.binding DESC
"""


def lines_waiting(
    box_ids: Sequence[uuid.UUID], codes: Sequence[str]
) -> list[tuple[uuid.UUID, uuid.UUID, int]]:
    """`(line, tube, people)`: manifest lines whose tube is now known. Of several tubes with one code, the nearest."""
    with prepared.cursor(beside=["logistics_boxline"]) as cursor:
        cursor.execute(_LINKS, [_ids(box_ids), arrays.literal("text", codes), TOWN])
        return list(cursor.fetchall())


def lines_of(keys: Sequence[tuple[uuid.UUID, str]]) -> list[tuple[uuid.UUID, uuid.UUID, int]]:
    """`(line, tube, people)` of those of these manifest lines, by box and code, whose tube is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.id, t.id, t.people FROM unnest(%s::uuid[], %s::text[]) AS u(box_id, code)
                 JOIN logistics_boxline l ON l.box_id = u.box_id AND l.tube_code = u.code
                 JOIN sampling_tube t ON t.id = l.tube_id""",
            [[box for box, _ in keys], [code for _, code in keys]],
        )
        return list(cursor.fetchall())


_BOXED: Final = """
UPDATE sampling_tube t
   SET box_id = l.box_id, boxed_at = l.added_at,
       state = CASE WHEN t.state = ANY(%(before)s) THEN 'boxed' ELSE t.state END,
       flags = CASE WHEN l.boxes > 1 AND NOT t.flags ? 'boxed_twice' THEN t.flags || '["boxed_twice"]' ELSE t.flags END
  FROM (SELECT DISTINCT ON (tube_id) tube_id, box_id, added_at, count(*) OVER (PARTITION BY tube_id) AS boxes
          FROM logistics_boxline WHERE tube_id = ANY(%(ids)s::uuid[]) ORDER BY tube_id, added_at DESC, box_id DESC) l
 WHERE t.id = l.tube_id
RETURNING t.id, t.box_id, t.boxed_at, t.first_swab_at
"""


def tubes_boxed(
    ids: Sequence[uuid.UUID], before: Sequence[str]
) -> list[tuple[uuid.UUID, uuid.UUID, datetime, datetime | None]]:
    """Put tubes into the box of their last manifest line: `(tube, box, boxed at, first swab at)`."""
    with connection.cursor() as cursor:
        cursor.execute(_BOXED, {"ids": sorted(ids), "before": list(before)})
        return list(cursor.fetchall())


def tubes_forward(
    ids: Sequence[uuid.UUID], to: str, before: Sequence[str]
) -> list[tuple[uuid.UUID, str]]:
    """Set the state of those tubes that are not further; `(tube, state before)` of those changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE sampling_tube t SET state = %(to)s
                 FROM (SELECT id, state FROM sampling_tube WHERE id = ANY(%(ids)s::uuid[])
                        ORDER BY id FOR NO KEY UPDATE) o
                WHERE o.id = t.id AND o.state = ANY(%(before)s) RETURNING t.id, o.state""",
            {"to": to, "ids": list(ids), "before": list(before)},
        )
        return list(cursor.fetchall())


def tubes_forward_of_boxes(box_ids: Sequence[uuid.UUID], to: str, before: Sequence[str]) -> int:
    """The same for all tubes of boxes; how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sampling_tube SET state = %s WHERE box_id = ANY(%s) AND state = ANY(%s)",
            [to, sorted(box_ids), list(before)],
        )
        return int(cursor.rowcount)


def due_of_tubes(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, datetime | None]:
    """Due people with a swab in these tubes: when their first valid screening swab was taken, None if none is left."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.due_id, min(s.taken_at) FILTER (WHERE s.voided_at IS NULL AND t.purpose = 'screening'
                                                          AND t.state <> ALL(%(lost)s))
                 FROM (SELECT DISTINCT due_id FROM sampling_swab
                        WHERE tube_id = ANY(%(ids)s::uuid[]) AND due_id IS NOT NULL) o
                 JOIN sampling_swab s ON s.due_id = o.due_id JOIN sampling_tube t ON t.id = s.tube_id
                GROUP BY o.due_id""",
            {"ids": list(ids), "lost": sorted(LOST)},
        )
        return dict(cursor.fetchall())
