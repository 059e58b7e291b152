"""The roster's way into the tables: copied chunk by chunk into a temporary table, then merged in
one transaction with set-based SQL. Called by `actions` only.

A blank cell says nothing: it never erases what is stored. Persons are matched by the keyed index
of their document, those without one by village, name, birth date and household.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from psycopg import sql

from yingjian.access import vault
from yingjian.kernel.ids import derived
from yingjian.population import rules
from yingjian.population.findings import Checked
from yingjian.population.rules import HOUSEHOLDS, id_text
from yingjian.population.values import Category, Issue, Severity

#: Held while a roster is merged, so that two imports never create one person twice.
MERGE_LOCK: Final = 0x59_4A_50_4F

_CREATE: Final = """
DROP TABLE IF EXISTS pg_temp.roster_stage, pg_temp.roster_problem, pg_temp.roster_changed, pg_temp.roster_before;
CREATE TEMP TABLE roster_stage (
  serial bigint, sheet text, line bigint, person_id uuid, known boolean, area text, grid text,
  household_no text, household_id uuid, name text, sex text, birth_date date, id_type text,
  id_index bytea, id_tail text, id_cipher bytea, phone_index bytea, phone_tail text,
  phone_cipher bytea, registered_area text, registered_address text, address text, guardian text,
  lon float8, lat float8, categories text[]);
CREATE TEMP TABLE roster_problem (
  sheet text, line bigint, heading text, code text, params jsonb, refused boolean);
CREATE TEMP TABLE roster_changed (person_id uuid);
CREATE TEMP TABLE roster_before (id uuid, area text, name text, birth_date date, source text);
"""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did: people added, people changed, people as before, households now known, and
    people of the area that an earlier roster named and this one does not."""

    inserted: int
    updated: int
    unchanged: int
    moved: int
    households_added: int
    not_in_file: int


def prepare() -> None:
    """Make the temporary tables of this connection afresh."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)


def discard() -> None:
    """Drop the temporary tables (they also go with the connection)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS pg_temp.roster_stage, pg_temp.roster_problem, pg_temp.roster_changed,"
            " pg_temp.roster_before"
        )


# -- copying -----------------------------------------------------------------------------------

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL: Final = "\\N"


def _texts(cells: Iterable[object]) -> list[str]:
    return [_NULL if cell is None else str(cell).translate(_ESCAPES) for cell in cells]


def _bytes(cells: Iterable[bytes | None]) -> list[str]:
    return [_NULL if cell is None else "\\\\x" + cell.hex() for cell in cells]


def _copy(table: str, columns: Sequence[str], lists: Sequence[Sequence[str]]) -> None:
    """COPY columns of already escaped text into a temporary table."""
    body = "\n".join(map("\t".join, zip(*lists, strict=True)))
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY pg_temp.{table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        copy.write(body + "\n")


@dataclass(frozen=True, slots=True)
class _Known:
    id: uuid.UUID
    phone_index: bytes | None


def _known_by_index(indexes: Sequence[bytes | None]) -> dict[bytes, _Known]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id_index, id, phone_index FROM population_person WHERE id_index = ANY(%s)",
            [[index for index in indexes if index is not None]],
        )
        return {
            bytes(index): _Known(id, None if phone is None else bytes(phone))
            for index, id, phone in cursor.fetchall()
        }


def _known_without_id(people: Sequence[tuple[str, str, str, str]]) -> dict[Any, _Known]:
    """Stored people without a document, by (area, name, birth date, household)."""
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT w.area, w.name, w.birth, w.door, p.id, p.phone_index
                 FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS w(area, name, birth, door)
                 JOIN population_person p ON p.id_index IS NULL AND p.area = w.area
                      AND p.name = w.name AND p.birth_date = w.birth::date
                 LEFT JOIN population_household h ON h.id = p.household_id
                WHERE coalesce(h.no, '') = w.door""",
            [list(column) for column in zip(*people, strict=True)],
        )
        return {
            (area, name, birth, door): _Known(id, None if phone is None else bytes(phone))
            for area, name, birth, door, id, phone in cursor.fetchall()
        }


def stage(checked: Checked, *, import_id: uuid.UUID, start: int, with_categories: bool) -> None:
    """Copy the accepted people of a chunk; `start` numbers the first of them within the import.

    Only what is not stored yet is sealed, so that reading the same file again costs no encryption.
    """
    if not len(checked):
        return
    clean = checked.columns
    people = _People(clean)
    serials = range(start, start + len(checked))
    columns: dict[str, Sequence[str]] = {
        "serial": _texts(serials),
        "sheet": _texts([checked.sheet] * len(checked)),
        "line": _texts(checked.rows),
        "person_id": _texts(
            derived(import_id, f"person/{serial}") if old is None else old.id
            for serial, old in zip(serials, people.known, strict=True)
        ),
        "known": ["f" if old is None else "t" for old in people.known],
        "area": people.areas,
        "grid": _texts(clean["grid"]),
        "household_no": _texts(people.doors),
        "household_id": _texts(
            derived(HOUSEHOLDS, f"{area}/{door}") if door else None
            for area, door in zip(people.areas, people.doors, strict=True)
        ),
        "name": _texts(clean["name"]),
        "sex": [sex.value for sex in clean["sex"]],
        "birth_date": [birth or _NULL for birth in people.births],
        "registered_area": [
            rules.region_path(code) if code else "" for code in clean["registered_region"]
        ],
        "registered_address": _texts(clean["registered_address"]),
        "address": _texts(clean["present_address"]),
        "guardian": _texts(clean["guardian"]),
        "lon": _texts(clean["longitude"]),
        "lat": _texts(clean["latitude"]),
        "categories": _categories(clean["categories"], with_categories),
        **people.sealed(),
    }
    _copy("roster_stage", tuple(columns), tuple(columns.values()))


class _People:
    """The people of a chunk beside what is stored about them."""

    def __init__(self, clean: dict[str, list[Any]]) -> None:
        self.kinds = clean["id_type"]
        self.numbers = clean["id_number"]
        self.texts = [
            id_text(kind, number) for kind, number in zip(self.kinds, self.numbers, strict=True)
        ]
        self.indexes = vault.index_many(self.texts)
        self.phones = [
            own or guardian or None
            for own, guardian in zip(clean["phone"], clean["guardian_phone"], strict=True)
        ]
        self.phone_indexes = vault.index_many(self.phones)
        self.areas = [rules.region_path(code) for code in clean["present_region"]]
        numbers = zip(clean["household_no"], clean["present_address"], strict=True)
        self.doors = [_door(number, address) for number, address in numbers]
        self.births = ["" if birth is None else birth.isoformat() for birth in clean["birth_date"]]
        self.known = self._known(clean["name"])

    def _known(self, names: Sequence[str]) -> list[_Known | None]:
        people = list(zip(self.areas, names, self.births, self.doors, strict=True))
        by_index = _known_by_index(self.indexes)
        by_person = _known_without_id(
            [person for person, text in zip(people, self.texts, strict=True) if text is None]
        )
        return [
            by_person.get(person) if index is None else by_index.get(index)
            for person, index in zip(people, self.indexes, strict=True)
        ]

    def sealed(self) -> dict[str, Sequence[str]]:
        """Columns of documents and telephones; ciphertext only where it is new."""
        numbers = zip(self.texts, self.numbers, self.known, strict=True)
        phones = zip(self.phones, self.phone_indexes, self.known, strict=True)
        return {
            "id_type": [kind.value for kind in self.kinds],
            "id_index": _bytes(self.indexes),
            "id_tail": _texts(number[-4:] for number in self.numbers),
            "id_cipher": _bytes(
                None if text is None or old is not None else vault.seal(number)
                for text, number, old in numbers
            ),
            "phone_index": _bytes(self.phone_indexes),
            "phone_tail": _texts("" if phone is None else phone[-4:] for phone in self.phones),
            "phone_cipher": _bytes(
                None
                if phone is None or (old is not None and old.phone_index == index)
                else vault.seal(phone)
                for phone, index, old in phones
            ),
        }


def _door(number: str, address: str) -> str:
    """Household number within the village; without one, a short form of the address."""
    if number:
        return number
    return f"@{uuid.uuid5(HOUSEHOLDS, address).hex[:16]}" if address else ""


def _categories(cells: Sequence[tuple[Category, ...]], given: bool) -> list[str]:
    """Array literals; NULL when the file has no such column, so that it says nothing about them."""
    if not given:
        return [_NULL] * len(cells)
    return [
        "{" + ",".join(word for word in words if word is not Category.GENERAL) + "}"
        for words in cells
    ]


def stage_problems(issues: Sequence[Issue], refused: dict[int, list[str]]) -> None:
    """Copy findings; the cells of a refused line go along sealed, for the list that is handed back."""
    if not issues:
        return
    lines = {row: _sealed(cells) for row, cells in refused.items()}
    params = [
        json.dumps({**issue.params, **lines.get(issue.row, {})}, ensure_ascii=False, default=str)
        for issue in issues
    ]
    _copy(
        "roster_problem",
        ("sheet", "line", "heading", "code", "params", "refused"),
        [
            _texts(issue.sheet[:80] for issue in issues),
            _texts(issue.row for issue in issues),
            _texts(issue.column[:80] for issue in issues),
            _texts(issue.code for issue in issues),
            _texts(params),
            ["t" if _refuses(issue, refused) else "f" for issue in issues],
        ],
    )


def _refuses(issue: Issue, refused: dict[int, list[str]]) -> bool:
    serious = issue.severity in {Severity.ERROR, Severity.FATAL}
    return serious or (issue.code == "population.row.duplicate" and issue.row in refused)


def _sealed(cells: list[str]) -> dict[str, str]:
    text = json.dumps(cells, ensure_ascii=False)
    return {"sealed": base64.b64encode(vault.seal(text)).decode()}


def unsealed_line(params: dict[str, Any]) -> list[str]:
    """The cells of a refused line, from its problem's parameters; empty when none were kept."""
    sealed = params.get("sealed")
    if not sealed:
        return []
    cells: list[str] = json.loads(vault.unseal(base64.b64decode(sealed)))
    return cells


# -- merging -----------------------------------------------------------------------------------

#: Row-level security makes the planner expect few people and loop over them; each step of such a
#: loop must find its staged line by an index, never by reading all of them.
_INDEX: Final = """
CREATE UNIQUE INDEX IF NOT EXISTS roster_stage_person ON roster_stage (person_id);
CREATE INDEX IF NOT EXISTS roster_stage_document ON roster_stage (id_index) WHERE NOT known;
ANALYZE roster_stage;
"""

_REMATCH: Final = """
UPDATE roster_stage s SET person_id = p.id, known = true
  FROM population_person p WHERE NOT s.known AND p.id_index = s.id_index
"""

#: Who was stored in the area before, in a table of our own that the planner knows the size of.
_BEFORE: Final = """
TRUNCATE roster_before;
INSERT INTO roster_before SELECT id, area, name, birth_date, source FROM population_person WHERE area ^@ {area};
ANALYZE roster_before
"""

_GRIDS: Final = """
INSERT INTO population_grid (id, area, no, name, lead)
SELECT DISTINCT encode(substring(sha256(convert_to('grid/' || area || '/' || grid, 'UTF8')) FOR 16), 'hex')::uuid,
       area, grid, grid, ''
  FROM roster_stage WHERE grid <> '' ORDER BY area, grid
ON CONFLICT (area, no) DO NOTHING
"""

_HOUSEHOLDS: Final = """
INSERT INTO population_household AS h (id, area, grid_id, no, address, lon, lat)
SELECT DISTINCT ON (s.area, s.household_no) s.household_id, s.area, g.id, s.household_no, s.address, s.lon, s.lat
  FROM roster_stage s LEFT JOIN population_grid g ON g.area = s.area AND g.no = s.grid AND s.grid <> ''
 WHERE s.household_no <> '' ORDER BY s.area, s.household_no, s.serial
ON CONFLICT (area, no) DO UPDATE
   SET address = coalesce(nullif(excluded.address, ''), h.address), grid_id = coalesce(excluded.grid_id, h.grid_id),
       lon = coalesce(excluded.lon, h.lon), lat = coalesce(excluded.lat, h.lat)
 WHERE (h.address, h.grid_id, h.lon, h.lat) IS DISTINCT FROM
       (coalesce(nullif(excluded.address, ''), h.address), coalesce(excluded.grid_id, h.grid_id),
        coalesce(excluded.lon, h.lon), coalesce(excluded.lat, h.lat))
RETURNING xmax = 0
"""

#: A merge that is tried again makes its remarks again.
_FORGET_REMARKS: Final = """
DELETE FROM roster_problem
 WHERE code IN ('population.person.moved', 'population.person.renamed', 'population.person.stored_twin')
"""

#: Households carry ids derived from village and number, so that no join is needed to find them;
#: should one have another id, its lines are pointed to it.
_OTHER_HOUSEHOLDS: Final = """
UPDATE roster_stage s SET household_id = (
       SELECT h.id FROM population_household h WHERE h.area = s.area AND h.no = s.household_no)
 WHERE s.household_no <> '' AND NOT EXISTS (SELECT FROM population_household h WHERE h.id = s.household_id)
"""

_REMARKS: Final = """
INSERT INTO roster_problem (sheet, line, heading, code, params, refused)
SELECT s.sheet, s.line, '', 'population.person.moved', jsonb_build_object('before', p.area), false
  FROM roster_stage s JOIN population_person p ON p.id = s.person_id WHERE s.known AND p.area <> s.area
UNION ALL
SELECT s.sheet, s.line, '', 'population.person.renamed', '{}', false
  FROM roster_stage s JOIN population_person p ON p.id = s.person_id WHERE s.known AND p.name <> s.name
UNION ALL
SELECT s.sheet, s.line, '', 'population.person.stored_twin', '{}', false
  FROM roster_stage s
 WHERE NOT s.known AND EXISTS (
       SELECT FROM roster_before p WHERE p.name = s.name AND p.area = s.area AND p.birth_date = s.birth_date)
"""

_UPDATE: Final = """
WITH wanted AS (
  SELECT p.id, s.area, coalesce(s.household_id, p.household_id) AS household_id, s.name,
         CASE WHEN s.sex = 'U' THEN p.sex ELSE s.sex END AS sex, coalesce(s.birth_date, p.birth_date) AS birth_date,
         s.phone_index, s.phone_tail, s.phone_cipher,
         coalesce(nullif(s.registered_area, ''), p.registered_area) AS registered_area,
         coalesce(nullif(s.registered_address, ''), p.registered_address) AS registered_address,
         coalesce(nullif(s.address, ''), p.address) AS address, coalesce(nullif(s.guardian, ''), p.guardian) AS guardian
    FROM roster_stage s JOIN population_person p ON p.id = s.person_id
   WHERE s.known
), changed AS (
  UPDATE population_person p
     SET area = w.area, household_id = w.household_id, name = w.name, sex = w.sex, birth_date = w.birth_date,
         registered_area = w.registered_area, registered_address = w.registered_address, address = w.address,
         guardian = w.guardian, phone_index = coalesce(w.phone_index, p.phone_index),
         phone_cipher = coalesce(w.phone_cipher, p.phone_cipher),
         phone_tail = CASE WHEN w.phone_index IS NULL THEN p.phone_tail ELSE w.phone_tail END
    FROM wanted w
   WHERE p.id = w.id AND (
         (p.area, p.household_id, p.name, p.sex, p.birth_date, p.registered_area, p.registered_address, p.address,
          p.guardian)
         IS DISTINCT FROM
         (w.area, w.household_id, w.name, w.sex, w.birth_date, w.registered_area, w.registered_address, w.address,
          w.guardian)
         OR (w.phone_cipher IS NOT NULL AND p.phone_index IS DISTINCT FROM w.phone_index))
  RETURNING p.id
)
INSERT INTO roster_changed SELECT id FROM changed
"""

_INSERT: Final = """
INSERT INTO population_person (id, area, household_id, name, sex, birth_date, id_type, id_cipher, id_index, id_tail,
       phone_cipher, phone_index, phone_tail, registered_area, registered_address, address, guardian, source)
SELECT s.person_id, s.area, s.household_id, s.name, s.sex, s.birth_date, s.id_type, s.id_cipher, s.id_index, s.id_tail,
       s.phone_cipher, s.phone_index, s.phone_tail, s.registered_area, s.registered_address, s.address, s.guardian,
       'roster'
  FROM roster_stage s WHERE NOT s.known ORDER BY s.serial
"""

_CLOSE_CATEGORIES: Final = """
WITH closed AS (
  UPDATE population_personcategory c SET until = %(at)s, area = s.area
    FROM roster_stage s
   WHERE s.known AND s.categories IS NOT NULL AND c.person_id = s.person_id AND c.until IS NULL
     AND c.source = 'roster' AND c.since < %(at)s AND c.code <> ALL (s.categories)
  RETURNING c.person_id
)
INSERT INTO roster_changed SELECT person_id FROM closed
"""

_OPEN_CATEGORIES: Final = """
WITH opened AS (
  INSERT INTO population_personcategory (id, person_id, area, code, since, source)
  SELECT encode(substring(sha256(convert_to(s.person_id::text || '/' || w.code || '/' || %(at)s::text, 'UTF8'))
                FOR 16), 'hex')::uuid, s.person_id, s.area, w.code, %(at)s, 'roster'
    FROM roster_stage s CROSS JOIN LATERAL unnest(s.categories) AS w(code)
   WHERE NOT EXISTS (SELECT FROM population_personcategory c
                      WHERE c.person_id = s.person_id AND c.code = w.code AND c.until IS NULL)
  ON CONFLICT (person_id, code, since) DO UPDATE SET until = NULL
  RETURNING person_id
)
INSERT INTO roster_changed SELECT person_id FROM opened
"""

_MOVE_CATEGORIES: Final = """
UPDATE population_personcategory c SET area = s.area
  FROM roster_stage s WHERE s.known AND c.person_id = s.person_id AND c.area <> s.area
"""

_COUNTS: Final = """
SELECT count(*) FILTER (WHERE NOT s.known),
       count(*) FILTER (WHERE s.known AND c.person_id IS NOT NULL),
       count(*) FILTER (WHERE s.known AND c.person_id IS NULL)
  FROM roster_stage s LEFT JOIN (SELECT DISTINCT person_id FROM roster_changed) c USING (person_id)
"""

_NOT_IN_FILE: Final = """
SELECT count(*) FROM roster_before p
 WHERE p.source = 'roster' AND NOT EXISTS (SELECT FROM roster_stage s WHERE s.person_id = p.id)
"""

_PROBLEMS: Final = """
INSERT INTO population_importproblem (run_id, area, sheet, row, "column", code, params, refused)
SELECT %(run)s, %(area)s, sheet, line, heading, code, params, refused FROM roster_problem ORDER BY sheet, line
"""


def merge(*, run_id: uuid.UUID, area: str, at: datetime) -> Merged:
    """Bring the staged people into the tables (inside the caller's transaction)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MERGE_LOCK])
        cursor.execute("TRUNCATE roster_changed")
        cursor.execute(_INDEX)
        cursor.execute(_REMATCH)
        cursor.execute(sql.SQL(_BEFORE).format(area=sql.Literal(area)).as_string(None))
        cursor.execute(_GRIDS)
        cursor.execute(_HOUSEHOLDS)
        added = sum(1 for (fresh,) in cursor.fetchall() if fresh)
        cursor.execute(_OTHER_HOUSEHOLDS)
        cursor.execute(_FORGET_REMARKS)
        cursor.execute(_REMARKS)
        cursor.execute("SELECT count(*) FROM roster_problem WHERE code = 'population.person.moved'")
        moved = int(cursor.fetchone()[0])
        cursor.execute(_UPDATE)
        cursor.execute(_INSERT)
        cursor.execute(_CLOSE_CATEGORIES, {"at": at})
        cursor.execute(_OPEN_CATEGORIES, {"at": at})
        if moved:
            cursor.execute(_MOVE_CATEGORIES)
        cursor.execute("ANALYZE roster_changed")
        cursor.execute(_COUNTS)
        inserted, updated, unchanged = cursor.fetchone()
        cursor.execute(_NOT_IN_FILE)
        missing = int(cursor.fetchone()[0])
        cursor.execute(_PROBLEMS, {"run": run_id, "area": area})
    return Merged(inserted, updated, unchanged, moved, added, missing)
