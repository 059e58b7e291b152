"""Writes of this room: regions, rosters, people found on the way, looks at full data, exports."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from yingjian.access import journal, scope, vault
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.population import queries, rules, staging
from yingjian.population.checking import RosterChecker, without_collector
from yingjian.population.models import ImportProblem, ImportRun
from yingjian.population.regions import RegionRow, read_regions
from yingjian.population.roster import CHUNK_ROWS, RosterReader
from yingjian.population.rules import id_text
from yingjian.population.values import IdType

MERGE_TRIES: Final = 3
UNFINISHED: Final = frozenset({"waiting", "reading"})
_LOCK: Final = "population.import."
REASON_MIN: Final = 2
REASON_MAX: Final = 200


# -- regions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegionsImported:
    """Areas read from a list, and how many were new, renamed, or as before."""

    read: int
    added: int
    renamed: int
    unchanged: int


def regions_import(*, actor: Actor, path: Path) -> RegionsImported:
    """Bring a list of regions into the tree, all or nothing; areas not in the list stay.

    Needs `administer`. Refuses a malformed list (population.regions.*), an area whose parent is
    neither listed nor stored (population.regions.orphan).
    """
    if not actor.may("administer"):
        raise RuleBroken("access.not_permitted", status=403, permission="administer")
    rows = read_regions(path)
    codes = {row.code for row in rows}
    strangers = {row.parent_code for row in rows if row.parent_code} - codes
    known = set(queries.region_codes(strangers))
    for row in rows:
        if row.parent_code in strangers - known:
            raise RuleBroken("population.regions.orphan", region=row.code, parent=row.parent_code)
    with transaction.atomic():
        added, renamed = _regions_upsert(rows)
    return RegionsImported(len(rows), added, renamed, len(rows) - added - renamed)


def _regions_upsert(rows: Sequence[RegionRow]) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO population_region AS r (code, area, name, level, parent_id)
               SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
               ON CONFLICT (code) DO UPDATE SET name = excluded.name WHERE r.name <> excluded.name
               RETURNING xmax = 0""",
            [
                [row.code for row in rows],
                [row.path for row in rows],
                [row.name for row in rows],
                [row.level.value for row in rows],
                [row.parent_code or None for row in rows],
            ],
        )
        fresh = [new for (new,) in cursor.fetchall()]
    return sum(fresh), len(fresh) - sum(fresh)


# -- rosters -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RosterImported:
    """Outcome of one roster: rows_read = rows_taken + rows_unchanged + rows_refused, always."""

    import_id: uuid.UUID
    state: str
    rows_read: int
    rows_taken: int
    rows_unchanged: int
    rows_refused: int
    totals: dict[str, Any]


Progress = Callable[[int, int], None]


def roster_receive(
    *, actor: Actor, at: datetime, import_id: uuid.UUID, area: str, file_name: str
) -> None:
    """Open an import for a file that will be read by a job. `population.import.id_used` (409),
    `access.outside_area`, `population.region.not_loaded`."""
    scope.require(actor, "import_roster", area)
    queries.region_index(area)
    try:
        with scope.everywhere():
            ImportRun.objects.create(
                id=import_id,
                area=area,
                file_name=file_name[:200],
                state="waiting",
                started_at=at,
            )
    except IntegrityError:
        raise RuleBroken("population.import.id_used", status=409) from None


def roster_queue(
    *,
    actor: Actor,
    at: datetime,
    import_id: uuid.UUID,
    area: str,
    file_name: str,
    region: str = "",
) -> None:
    """Open an import and defer the job that reads its file, both or neither."""
    from procrastinate.contrib.django import app

    with transaction.atomic():
        roster_receive(actor=actor, at=at, import_id=import_id, area=area, file_name=file_name)
        app.configure_task("population.import_roster", queue="imports").defer(
            import_id=str(import_id),
            actor_id=str(actor.id),
            actor_name=actor.name,
            at=at.isoformat(),
            region=region,
        )


def roster_import(
    *,
    actor: Actor,
    at: datetime,
    import_id: uuid.UUID,
    path: Path,
    area: str,
    file_name: str = "",
    region: str = "",
    progress: Progress | None = None,
) -> RosterImported:
    """Read a roster into area path `area` (R13: everybody, each once).

    `region` is the 12-digit village of files without a village column. Lines with errors are
    refused one by one and listed; a file that cannot be trusted as a whole ends in state `refused`
    with its reason and raises it. People change in one transaction at the end; counts of lines read
    are visible meanwhile. The same file again changes nothing. `progress(read, expected)` is
    called after each chunk.
    """
    roster_receive(
        actor=actor, at=at, import_id=import_id, area=area, file_name=file_name or path.name
    )
    return roster_run(
        actor=actor, at=at, import_id=import_id, path=path, region=region, progress=progress
    )


def roster_run(
    *,
    actor: Actor,
    at: datetime,
    import_id: uuid.UUID,
    path: Path,
    region: str = "",
    progress: Progress | None = None,
) -> RosterImported:
    """Read the file of an import that `roster_receive` opened (see `roster_import`); one that has ended is not read
    again (`population.import.id_used`, 409).
    """
    with _reading(import_id):
        with scope.everywhere():
            run = ImportRun.objects.get(id=import_id)
            if run.state not in UNFINISHED:
                raise RuleBroken("population.import.id_used", status=409)
            ImportRun.objects.filter(id=import_id).update(state="reading")
        try:
            return _Import(actor, at, run, region, progress).read(path)
        except RuleBroken as error:
            _end(run, "refused", at, error)
            raise
        except Exception as error:
            failed = RuleBroken("population.import.failed", status=500, error=type(error).__name__)
            _end(run, "failed", at, failed)
            raise


@contextmanager
def _reading(import_id: uuid.UUID) -> Iterator[None]:
    """A lock of the database session for as long as an import is read: it goes when its process dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"{_LOCK}{import_id}"])
    try:
        yield
    finally:
        with (
            suppress(DatabaseError),
            connection.cursor() as cursor,
        ):  # without a session there is no lock
            cursor.execute(
                "SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"{_LOCK}{import_id}"]
            )


def rosters_interrupted(*, at: datetime) -> list[uuid.UUID]:
    """Close the imports that are being read according to their state, and by nobody in fact: their process died.

    They end as `failed` with `population.import.interrupted`: nobody was changed, the file is to be uploaded again.
    """
    ended = []
    with scope.everywhere():
        for run in ImportRun.objects.filter(state="reading").order_by("id"):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
                    [f"{_LOCK}{run.id}"],
                )
                free = cursor.fetchone()[0]
            if free and ImportRun.objects.filter(id=run.id, state="reading").exists():
                _end(run, "failed", at, RuleBroken("population.import.interrupted", status=500))
                ended.append(run.id)
    return ended


def _end(run: ImportRun, state: str, at: datetime, error: RuleBroken) -> None:
    """Close an import that brought nobody in, with its reason as the only problem."""
    with scope.everywhere():
        ImportRun.objects.filter(id=run.id).update(state=state, finished_at=at)
        ImportProblem.objects.create(
            run_id=run.id,
            area=run.area,
            sheet=str(error.params.get("sheet", ""))[:80],
            row=int(error.params.get("row", error.params.get("line", 0)) or 0),
            code=error.code,
            params=error.params | ({"file": run.file_name} if "file" in error.params else {}),
            refused=True,
        )


class _Import:
    """One run of one file."""

    def __init__(
        self,
        actor: Actor,
        at: datetime,
        run: ImportRun,
        region: str,
        progress: Progress | None,
    ) -> None:
        self.actor = actor
        self.at = at
        self.run = run
        self.progress = progress
        day = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
        index = queries.region_index(run.area)
        if region and not (region in index and rules.region_within(region, run.area)):
            raise RuleBroken("population.region.outside_area", value=region, area=run.area)
        self.checker = RosterChecker(regions=index, area=run.area, on=day, region=region)

    def read(self, path: Path) -> RosterImported:
        reader = RosterReader.open(path, chunk_rows=CHUNK_ROWS)
        staging.prepare()
        with without_collector(), closing(reader.chunks()) as chunks:
            for raw in chunks:
                checked = self.checker.check(raw)
                start = self.checker.totals.accepted - len(checked)
                with scope.everywhere():
                    staging.stage(
                        checked,
                        import_id=self.run.id,
                        start=start,
                        with_categories="categories" in raw.header.index,
                    )
                    staging.stage_problems(checked.issues, checked.rejected)
                    self._tell(reader)
        staging.stage_problems(reader.issues, {})
        outcome = self._merge(reader)
        staging.discard()
        return outcome

    def _tell(self, reader: RosterReader) -> None:
        totals = self.checker.totals
        ImportRun.objects.filter(id=self.run.id).update(
            rows_read=totals.lines, rows_total=max(reader.expected, totals.lines)
        )
        if self.progress is not None:
            self.progress(totals.lines, max(reader.expected, totals.lines))

    def _merge(self, reader: RosterReader) -> RosterImported:
        """The one transaction that changes people. A station may find somebody at this very
        moment; then the merge is tried again and finds them stored."""
        tries = 0
        while True:
            try:
                with scope.everywhere():
                    return self._merged(reader)
            except IntegrityError:
                tries += 1
                if tries == MERGE_TRIES:
                    raise

    def _merged(self, reader: RosterReader) -> RosterImported:
        merged = staging.merge(run_id=self.run.id, area=self.run.area, at=self.at)
        totals = self.checker.totals
        earlier = queries.earlier_import(self.run.area, reader.file.checksum, self.run.id)
        outcome = RosterImported(
            import_id=self.run.id,
            state="done",
            rows_read=totals.lines - totals.skipped,
            rows_taken=merged.inserted + merged.updated,
            rows_unchanged=merged.unchanged,
            rows_refused=totals.refused + totals.duplicate,
            totals={
                **totals.as_json(),
                **asdict(merged),
                "file": asdict(reader.totals),
                "headings": reader.headings,
                "same_file_as": str(earlier) if earlier else None,
            },
        )
        ImportRun.objects.filter(id=self.run.id).update(
            state="done",
            checksum=reader.file.checksum,
            rows_read=outcome.rows_read,
            rows_total=outcome.rows_read,
            rows_taken=outcome.rows_taken,
            rows_unchanged=outcome.rows_unchanged,
            rows_refused=outcome.rows_refused,
            totals=outcome.totals,
            finished_at=self.at,
        )
        journal.record(
            "roster.import",
            {
                "import_id": str(self.run.id),
                "checksum": reader.file.checksum,
                "rows_read": outcome.rows_read,
                "rows_taken": outcome.rows_taken,
                "rows_refused": outcome.rows_refused,
            },
            actor=self.actor,
            id=derived(self.run.id, "journal"),
            at=self.at,
            area=self.run.area,
        )
        return outcome


# -- people found on the way -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody met at a station who is not on the roster. `area` is the village they say they live
    in (or the station's own area); `command_id` the command that brought them."""

    command_id: uuid.UUID
    area: str
    name: str
    id_type: str = IdType.RESIDENT_ID
    id_number: str = ""
    phone: str = ""
    person_id: uuid.UUID | None = None


def persons_found(*, at: datetime, found: Sequence[Found]) -> list[uuid.UUID]:
    """Ids of these people, in order: stored ones by their document, new ones added with a trace
    (R13). Set-based; the same commands always give the same ids. Call with sight of everywhere.

    Nobody is refused here: a doubtful document is the caller's flag, not a reason to lose a person.
    """
    if not found:
        return []
    people = [_Find(entry, at) for entry in found]
    known = queries.ids_by_index([person.index for person in people])
    fresh: dict[bytes | uuid.UUID, _Find] = {}
    for person in people:
        if person.index not in known:
            fresh.setdefault(person.index or person.id, person)
    _insert_found(list(fresh.values()))
    stored = queries.ids_by_index([person.index for person in fresh.values()])
    return [
        person.id if person.index is None else {**known, **stored}[person.index]
        for person in people
    ]


class _Find:
    """A found person made ready for the table."""

    def __init__(self, entry: Found, at: datetime) -> None:
        self.entry = entry
        self.id = entry.person_id or derived(entry.command_id, "person")
        self.name = rules.normalise_name(entry.name)[: rules.NAME_MAX]
        self.number = rules.clean_id(entry.id_number)
        self.phone = rules.clean_phone(entry.phone)
        text = id_text(entry.id_type, self.number) if self.number else None
        self.index = None if text is None else vault.index(text)
        day = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
        facts = rules.resident_id(self.number, on=day)
        self.sex = facts.sex.value
        self.birth_date = facts.birth_date


def _insert_found(people: Sequence[_Find]) -> None:
    if not people:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_FOUND,
            [
                [person.id for person in people],
                [person.entry.area for person in people],
                [person.name for person in people],
                [person.sex for person in people],
                [person.birth_date for person in people],
                [str(person.entry.id_type) for person in people],
                [vault.seal(person.number) if person.index else None for person in people],
                [person.index for person in people],
                [person.number[-4:] for person in people],
                [vault.seal(person.phone) if person.phone else None for person in people],
                [vault.index(person.phone) if person.phone else None for person in people],
                [person.phone[-4:] for person in people],
                [person.entry.command_id for person in people],
            ],
        )


_INSERT_FOUND: Final = """
INSERT INTO population_person (id, area, name, sex, birth_date, id_type, id_cipher, id_index, id_tail, phone_cipher,
       phone_index, phone_tail, found_by, registered_area, registered_address, address, guardian, source)
SELECT f.*, '', '', '', '', 'found'
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::date[], %s::text[], %s::bytea[], %s::bytea[],
              %s::text[], %s::bytea[], %s::bytea[], %s::text[], %s::uuid[]) AS f
ON CONFLICT DO NOTHING
"""


# -- looks and exports -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Revealed:
    """Full personal data of one person, shown once for a reason."""

    id: uuid.UUID
    name: str
    id_type: str
    id_number: str
    phone: str
    registered_address: str
    address: str


def _journalled(
    kind: str, payload: dict[str, Any], *, actor: Actor, id: uuid.UUID, at: datetime, area: str
) -> None:
    """One audit row for one look: an id that served before is refused (access.id_reused, 409)."""
    try:
        with transaction.atomic():
            journal.record(kind, payload, actor=actor, id=id, at=at, area=area)
    except IntegrityError:
        raise RuleBroken("access.id_reused", status=409) from None


def reason_checked(reason: str) -> str:
    """A reason worth keeping, trimmed; refuses population.person.reason_missing."""
    text = " ".join(reason.split())[:REASON_MAX]
    if len(text) < REASON_MIN:
        raise RuleBroken("population.person.reason_missing")
    return text


def person_reveal(
    *, actor: Actor, at: datetime, reveal_id: uuid.UUID, person_id: uuid.UUID, reason: str
) -> Revealed:
    """Show one person's full data and journal who looked and why (PIPL Art. 51; checklist 101).

    Refuses population.person.unknown (404) outside the actor's sight, access.not_permitted.
    """
    reason = reason_checked(reason)
    person = queries.person_row_for(actor, person_id)
    if person is None:
        raise RuleBroken("population.person.unknown", status=404)
    scope.require(actor, "reveal", person.area)
    _journalled(
        "person.reveal",
        {"person_id": str(person_id), "reason": reason},
        actor=actor,
        id=reveal_id,
        at=at,
        area=person.area,
    )
    return Revealed(
        id=person.id,
        name=person.name,
        id_type=person.id_type,
        id_number=vault.unseal(person.id_cipher) if person.id_cipher else "",
        phone=vault.unseal(person.phone_cipher) if person.phone_cipher else "",
        registered_address=person.registered_address,
        address=person.address,
    )


def export_allowed(*, actor: Actor, area: str, reason: str, full: bool) -> str:
    """The reason of an export, trimmed, when the actor may make it: `export` in the area, and
    `reveal` for unmasked numbers. Refuses population.export.too_wide without an area."""
    if not area:
        raise RuleBroken("population.export.too_wide")
    scope.require(actor, "export", area)
    if full:
        scope.require(actor, "reveal", area)
    return reason_checked(reason)


def export_record(
    *,
    actor: Actor,
    at: datetime,
    export_id: uuid.UUID,
    area: str,
    what: str,
    reason: str,
    rows: int,
    checksum: str,
) -> None:
    """Journal an export: who took which list, how many rows, the file's SM3 (checklist 101, 102)."""
    _journalled(
        "export.make",
        {"what": what, "reason": reason, "rows": rows, "checksum": checksum},
        actor=actor,
        id=export_id,
        at=at,
        area=area,
    )
