"""Reads of this room: regions, households, people (masked), imports and their problems.

Row-level security decides what an actor sees; callers run in a transaction with the actor's sight
(the API's middleware, `scope.acting`). `actor` is an argument so that no read forgets to ask who.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Length

from yingjian.access import vault
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.population import rules
from yingjian.population.models import (
    Household,
    ImportProblem,
    ImportRun,
    Person,
    PersonCategory,
    Region,
)
from yingjian.population.regions import RegionIndex, RegionRow
from yingjian.population.rules import id_text
from yingjian.population.values import LEVEL_WORDS, IdType

PAGE: Final = 100
PAGE_MAX: Final = 1000
CHOICES: Final = 2_000
_CITY: Final = 4
_COUNTY: Final = 6
_TOWN: Final = 9
_TAIL: Final = re.compile(r"[0-9]{3}[0-9X]")
_DIGITS: Final = re.compile(r"[0-9]")


# -- regions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegionItem:
    """One area of the tree; `children` counts the areas directly below."""

    code: str
    area: str
    name: str
    level: str
    parent: str | None
    children: int


def regions_under(under: str = "") -> list[RegionItem]:
    """Areas directly below path `under` ('' for the roots). The tree is public."""
    found = Region.objects.annotate(below=Count("children")).order_by("code")
    found = found.filter(parent__area=under) if under else found.filter(parent=None)
    return [
        RegionItem(row.code, row.area, row.name, row.level, row.parent_id, row.below)
        for row in found
    ]


def region_codes(codes: Iterable[str]) -> list[str]:
    """Those of the codes that are stored."""
    return list(Region.objects.filter(code__in=list(codes)).values_list("code", flat=True))


def region_names(areas: Iterable[str]) -> dict[str, str]:
    """Name of each area path that is stored."""
    return dict(Region.objects.filter(area__in=set(areas)).values_list("area", "name"))


def regions_to_choose(areas: Sequence[str]) -> list[tuple[str, str]]:
    """(path, name) of these areas and of what lies below them down to the towns; of a very wide sight less deep, so
    that the list stays one to choose from.
    """
    below = Q()
    for area in areas:
        below |= Q(area__startswith=area)
    for deepest in (_TOWN, _COUNTY, _CITY):
        wanted = Q(area__in=areas) | (below & Q(width__lte=deepest))
        found = Region.objects.annotate(width=Length("area")).filter(wanted).order_by("area")
        rows = list(found.values_list("area", "name")[: CHOICES + 1])
        if len(rows) <= CHOICES:
            break
    return rows[:CHOICES]


def village_areas(area: str) -> list[tuple[str, str]]:
    """(path, name) of the areas below `area` that have nothing below them: villages, communities
    and farms without villages."""
    leaves = Region.objects.filter(area__startswith=area).exclude(
        Exists(Region.objects.filter(parent=OuterRef("code")))
    )
    return list(leaves.order_by("area").values_list("area", "name"))


def region_index(area: str) -> RegionIndex:
    """Everything an import into `area` must recognise: the county around it and the areas above.

    Refuses population.region.not_loaded when the area is not in the tree.
    """
    if area and not Region.objects.filter(area=area).exists():
        raise RuleBroken("population.region.not_loaded", area=area)
    above = [area[:width] for width in (2, 4, 6, 9) if width < len(area)]
    found = Region.objects.filter(Q(area__startswith=area[:_COUNTY]) | Q(area__in=above))
    return RegionIndex(
        RegionRow(code, name, LEVEL_WORDS[level], parent or "")
        for code, name, level, parent in found.order_by("code").values_list(
            "code", "name", "level", "parent_id"
        )
    )


# -- people ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonItem:
    """A person as lists show them: masked."""

    id: uuid.UUID
    area: str
    name: str
    sex: str
    birth_year: int | None
    id_type: str
    id_number: str
    phone: str
    categories: list[str]
    source: str


@dataclass(frozen=True, slots=True)
class MemberItem:
    """Somebody who lives behind the same door, masked."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True, slots=True)
class HouseholdItem:
    """The door a person lives behind and who else does (masked names)."""

    id: uuid.UUID
    no: str
    grid: str
    members: list[MemberItem]


@dataclass(frozen=True, slots=True)
class CategoryItem:
    """A category over [since, until)."""

    code: str
    since: datetime
    until: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class PersonDetail:
    """Everything about a person, still masked."""

    person: PersonItem
    area_name: str
    address: str
    registered_area: str
    registered_address: str
    guardian: str
    household: HouseholdItem | None
    history: list[CategoryItem]


def id_index(id_type: str, number: str) -> bytes | None:
    """Look-up index of a document; None for somebody without one. Every room that looks a person
    up by document goes through here, so that all spell it alike."""
    text = id_text(id_type, rules.clean_id(number))
    return None if text is None else vault.index(text)


def document_problem(id_type: str, number: str, *, on: date) -> str:
    """What is wrong with a typed document number on a day, as a stable code; empty when it is sound (GB 11643)."""
    return rules.document(IdType(id_type), number, on=on).problem


def phone_index(phone: str) -> bytes | None:
    """Look-up index of a telephone number; None for an empty one."""
    text = rules.clean_phone(phone)
    return vault.index(text) if text else None


def ids_by_index(indexes: Sequence[bytes | None]) -> dict[bytes | None, uuid.UUID]:
    """Ids of stored people by the index of their document."""
    wanted = [index for index in indexes if index is not None]
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id_index, id FROM population_person WHERE id_index = ANY(%s)", [wanted]
        )
        return {bytes(index): id for index, id in cursor.fetchall()}


def person_row_for(actor: Actor, person_id: uuid.UUID) -> Person | None:
    """The stored row in the actor's sight, for this room's own actions."""
    return Person.objects.filter(id=person_id).first()


def _meant(text: str) -> tuple[str, Any]:
    """The condition a search text stands for, one of `MEANT`, and its value: a document number, a telephone number,
    the last four characters of a document, or (the beginning of) a name."""
    number, phone = rules.clean_id(text), rules.clean_phone(text)
    if len(number) == rules.ID_LENGTH and number[:-1].isdigit():
        return "id_index", vault.index(number)
    if phone.isdigit() and not rules.phone_problem(phone):
        return "phone_index", vault.index(phone)
    if _TAIL.fullmatch(number):
        return "id_tail", number
    if number and number.isascii() and any(char.isdigit() for char in number):
        kinds = [id_text(kind, number) for kind in ("passport", "hk_macao_permit", "taiwan_permit")]
        return "id_index__in", [vault.index(kind) for kind in kinds if kind]
    return "name__startswith", rules.normalise_name(text)


MEANT: Final = {
    "id_index": "p.id_index = %(meant)s",
    "phone_index": "p.phone_index = %(meant)s",
    "id_tail": "p.id_tail = %(meant)s",
    "id_index__in": "p.id_index = ANY(%(meant)s)",
    "name__startswith": "p.name ^@ %(meant)s",
}
"""What a search text may mean, as a condition on `population_person p`."""


def meant(q: str) -> tuple[str, Any]:
    """A condition on `population_person p` with the parameter `meant`, true of everybody a search text means (see
    `persons_for`): for who lists people beside something else.
    """
    name, value = _meant(q.strip())
    return MEANT[name], value


def person_ids_for(actor: Actor, *, q: str, most: int) -> list[uuid.UUID]:
    """People in the actor's sight whom a search text means, `most` of them at most."""
    return list(_wanted(q, "").values_list("id", flat=True)[:most])


def _wanted(q: str, area: str) -> QuerySet[Person]:
    """People of `area` that a search text means."""
    found = Person.objects.filter(area__startswith=area) if area else Person.objects.all()
    text = q.strip()
    return found.filter(**dict([_meant(text)])) if text else found


def persons_for(
    actor: Actor,
    *,
    q: str = "",
    area: str = "",
    category: str = "",
    after: uuid.UUID | None = None,
    limit: int = PAGE,
) -> list[PersonItem]:
    """People in the actor's sight, masked, in order of id; the next page is `after` the last id."""
    found = _wanted(q, area)
    if category:
        found = found.filter(categories__code=category, categories__until=None)
    if after is not None:
        found = found.filter(id__gt=after)
    rows = list(found.order_by("id")[: min(max(limit, 1), PAGE_MAX)])
    return _items(rows)


def _items(rows: Sequence[Person]) -> list[PersonItem]:
    open_codes: dict[uuid.UUID, list[str]] = {}
    for person_id, code in (
        PersonCategory.objects.filter(person__in=[row.id for row in rows], until=None)
        .order_by("code")
        .values_list("person_id", "code")
    ):
        open_codes.setdefault(person_id, []).append(code)
    return [_item(row, open_codes.get(row.id, [])) for row in rows]


def _item(row: Person, codes: list[str]) -> PersonItem:
    return PersonItem(
        id=row.id,
        area=row.area,
        name=rules.mask_name(row.name),
        sex=row.sex,
        birth_year=row.birth_date.year if row.birth_date else None,
        id_type=row.id_type,
        id_number=f"**************{row.id_tail}" if row.id_tail else "",
        phone=f"*******{row.phone_tail}" if row.phone_tail else "",
        categories=codes,
        source=row.source,
    )


def mask_address(address: str) -> str:
    """Village and street stay, house, building and room numbers go."""
    return _DIGITS.sub("*", address)


def person_for(actor: Actor, person_id: uuid.UUID) -> PersonDetail | None:
    """One person in the actor's sight, masked; None when there is none."""
    row = Person.objects.select_related("household__grid").filter(id=person_id).first()
    if row is None:
        return None
    history = [
        CategoryItem(entry.code, entry.since, entry.until, entry.source)
        for entry in row.categories.order_by("-since", "code")
    ]
    return PersonDetail(
        person=_item(row, [entry.code for entry in history if entry.until is None]),
        area_name=region_names([row.area]).get(row.area, ""),
        address=mask_address(row.address),
        registered_area=row.registered_area,
        registered_address=mask_address(row.registered_address),
        guardian=rules.mask_name(row.guardian),
        household=_household(row.household, row.id),
        history=history,
    )


def person_known_for(actor: Actor, person_id: uuid.UUID) -> PersonDetail:
    """`person_for`, refusing population.person.unknown (404)."""
    found = person_for(actor, person_id)
    if found is None:
        raise RuleBroken("population.person.unknown", status=404)
    return found


def _household(household: Household | None, but: uuid.UUID) -> HouseholdItem | None:
    if household is None:
        return None
    members = household.members.exclude(id=but).order_by("id").values_list("id", "name")
    return HouseholdItem(
        id=household.id,
        no=household.no,
        grid=household.grid.no if household.grid else "",
        members=[MemberItem(id, rules.mask_name(name)) for id, name in members],
    )


def people_count_for(actor: Actor, area: str) -> dict[str, int]:
    """People per village path below `area`, in the actor's sight."""
    counts = Person.objects.filter(area__startswith=area).values_list("area")
    return dict(counts.annotate(people=Count("id")).order_by("area"))


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A person as an export holds them; numbers are masked unless `full` was asked."""

    area: str
    village: str
    name: str
    sex: str
    birth_date: date | None
    id_type: str
    id_number: str
    phone: str
    address: str
    household_no: str
    categories: str


def persons_export_for(actor: Actor, *, area: str, full: bool) -> Iterator[ExportRow]:
    """All people of `area` in the actor's sight, by village and household."""
    names = dict(village_areas(area))
    found = (
        Person.objects.filter(area__startswith=area)
        .select_related("household")
        .prefetch_related("categories")
        .order_by("area", "household__no", "id")
    )
    for row in found.iterator(chunk_size=2000):
        codes = sorted(entry.code for entry in row.categories.all() if entry.until is None)
        yield ExportRow(
            area=row.area,
            village=names.get(row.area, ""),
            name=row.name if full else rules.mask_name(row.name),
            sex=row.sex,
            birth_date=row.birth_date if full else None,
            id_type=row.id_type,
            id_number=_number(row.id_cipher, row.id_tail, full),
            phone=_number(row.phone_cipher, row.phone_tail, full),
            address=row.address if full else mask_address(row.address),
            household_no=row.household.no if row.household else "",
            categories="、".join(codes),
        )


def _number(cipher: bytes | memoryview | None, tail: str, full: bool) -> str:
    if cipher is None:
        return ""
    return vault.unseal(cipher) if full else f"****{tail}"


# -- imports -----------------------------------------------------------------------------------

_RUN_FIELDS: Final = (
    "id", "area", "file_name", "checksum", "state", "rows_read", "rows_taken", "rows_unchanged",
    "rows_refused", "rows_total", "totals", "started_at", "finished_at",
)  # fmt: skip


def earlier_import(area: str, checksum: str, but: uuid.UUID) -> uuid.UUID | None:
    """The last finished import of the very same file into the same area."""
    earlier = ImportRun.objects.filter(area=area, checksum=checksum, state="done").exclude(id=but)
    return earlier.order_by("-started_at").values_list("id", flat=True).first()


def imports_for(actor: Actor, *, limit: int = PAGE) -> list[dict[str, Any]]:
    """Imports in the actor's sight, the latest first."""
    runs = ImportRun.objects.order_by("-started_at", "-id").values(*_RUN_FIELDS)
    return [dict(run) for run in runs[: min(max(limit, 1), PAGE_MAX)]]


def import_for(actor: Actor, import_id: uuid.UUID) -> dict[str, Any]:
    """One import with its progress; population.import.unknown (404) outside the actor's sight."""
    run = ImportRun.objects.filter(id=import_id).values(*_RUN_FIELDS).first()
    if run is None:
        raise RuleBroken("population.import.unknown", status=404)
    return {**run, "problems": ImportProblem.objects.filter(run_id=import_id).count()}


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One finding of an import; `params` may hold the sealed cells of a refused line."""

    id: int
    sheet: str
    row: int
    column: str
    code: str
    params: dict[str, Any]
    refused: bool


def problems_for(
    actor: Actor, import_id: uuid.UUID, *, after: int = 0, limit: int | None = PAGE
) -> list[ProblemRow]:
    """Findings of an import in the order of the file; all of them when `limit` is None."""
    import_for(actor, import_id)
    found = ImportProblem.objects.filter(run_id=import_id, id__gt=after).order_by("id")
    if limit is not None:
        found = found[: min(max(limit, 1), PAGE_MAX)]
    fields = ("id", "sheet", "row", "column", "code", "params", "refused")
    return [ProblemRow(*row) for row in found.values_list(*fields)]
