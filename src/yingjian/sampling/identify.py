"""Who was swabbed: from a scanned code, a typed document, or a name, for a whole batch in a fixed number of queries.

Nobody is refused. A code that cannot be read, a document with a wrong check digit, a code of strangers: the swab
stays, without a person, with a flag, and what was presented is kept sealed. Whoever is known but not on the list, or
not known at all, is added to both with a trace (R13).
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings

from yingjian.access import prepared, vault
from yingjian.campaigns import actions as campaigns
from yingjian.campaigns import queries as rounds
from yingjian.kernel import arrays
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.population import actions as population
from yingjian.population import queries as people
from yingjian.population.values import IdType

from . import revoking, store, tokens
from .states import Place, Who
from .values import SwabAdd, SwabIn

_VILLAGE: Final = re.compile(r"[0-9]{9}(?:[0-9]{3})?")
_UNKNOWN: Final = "person_unknown"


class Presented(msgspec.Struct, frozen=True, gc=False):
    """One swab's answer to the question who, with the place and time it was given and the command that brought it."""

    command_id: uuid.UUID
    swab_id: uuid.UUID
    place: Place
    at: datetime
    given: SwabAdd | SwabIn


class _Reading(msgspec.Struct, gc=False):
    """What can be told from one answer alone."""

    asked: Presented
    person_id: uuid.UUID | None = None
    token: tokens.Token | None = None
    index: bytes | None = None
    found: bool = False  # may be added when nobody is found
    flags: tuple[str, ...] = ()


def identify(asked: Sequence[Presented], *, at: datetime, revoked: bool) -> tuple[list[Who], bool]:
    """Who each swab is of, in order; and whether nothing is stored of any swab of theirs in the round. Holds those who
    are on its list. Adds people found on the way to the population and to the due list. `revoked`: some code is.
    """
    if not asked:
        return [], True
    read = [_read(one) for one in asked]
    if revoked:
        _strike(read)
    _find(read, at)
    by_round: dict[uuid.UUID, list[_Reading]] = defaultdict(list)
    for reading in read:
        if reading.person_id is not None:
            by_round[reading.asked.place.round_id].append(reading)
    whos: dict[uuid.UUID, dict[uuid.UUID, Who]] = {}
    untouched = True
    for round_id, readings in sorted(by_round.items(), key=lambda item: str(item[0])):
        whos[round_id], fresh = _held(round_id, readings)
        untouched &= fresh
    return [_who(reading, whos) for reading in read], untouched


def _who(reading: _Reading, whos: dict[uuid.UUID, dict[uuid.UUID, Who]]) -> Who:
    """The person; or nobody, with a flag and with what was presented, sealed."""
    if reading.person_id is not None:
        who = whos[reading.asked.place.round_id].get(reading.person_id)
        if who is not None:
            return msgspec.structs.replace(who, flags=reading.flags) if reading.flags else who
        reading.flags = (*reading.flags, _UNKNOWN)
    return Who(flags=reading.flags, identity=_sealed(reading.asked.given))


def _sealed(given: SwabAdd | SwabIn) -> bytes | None:
    told = {
        name: getattr(given, name)
        for name in ("token", "person_id", "id_type", "id_number", "name", "phone", "village")
        if getattr(given, name)
    }
    return vault.seal(msgspec.json.encode(told).decode()) if told else None


def _read(asked: Presented) -> _Reading:
    given = asked.given
    if given.token:
        return _read_token(asked, given.token)
    if given.person_id is not None:
        return _Reading(asked, given.person_id)
    if given.id_number:
        return _read_document(asked, given.id_type or IdType.RESIDENT_ID, given.id_number)
    if given.name and given.name.strip():
        return _Reading(asked, found=True, flags=("name_only",))
    return _Reading(asked, flags=("no_identity",))


def _read_token(asked: Presented, text: str) -> _Reading:
    try:
        token = tokens.read(text)
    except RuleBroken as broken:
        return _Reading(asked, flags=(broken.code.removeprefix("sampling."),))
    wanted = asked.given.person_id
    if len(token.persons) == 1 and wanted in {None, token.persons[0]}:
        return _Reading(asked, token.persons[0], token)
    if wanted in token.persons:
        return _Reading(asked, wanted, token)
    return _Reading(asked, flags=("member_unsaid",))


def _strike(read: Sequence[_Reading]) -> None:
    """A code that was revoked when it was shown says nothing of who held it."""
    shown = [(reading, reading.token) for reading in read if reading.token is not None]
    gone = revoking.struck([(token, reading.asked.at) for reading, token in shown])
    for (reading, _), revoked in zip(shown, gone, strict=True):
        if revoked:
            reading.person_id, reading.flags = None, ("code_revoked",)


def _read_document(asked: Presented, kind: str, number: str) -> _Reading:
    day = asked.at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    try:
        wrong = people.document_problem(kind, number, on=day)
    except ValueError:
        wrong = "population.id.type"
    index = None if wrong else people.id_index(kind, number)
    if index is None:
        return _Reading(asked, flags=("id_malformed",))
    return _Reading(asked, index=index, found=True)


def _find(read: Sequence[_Reading], at: datetime) -> None:
    """Stored people by their document; whoever is nowhere becomes a person found, with the command as trace."""
    known = people.ids_by_index([reading.index for reading in read])
    fresh = []
    for reading in read:
        if reading.index is not None and reading.index in known:
            reading.person_id = known[reading.index]
        elif reading.found:
            fresh.append(reading)
    ids = population.persons_found(at=at, found=[_found(reading) for reading in fresh])
    for reading, id in zip(fresh, ids, strict=True):
        reading.person_id = id


def _found(reading: _Reading) -> population.Found:
    asked, given = reading.asked, reading.asked.given
    village = (given.village or "").strip()
    return population.Found(
        command_id=asked.command_id,
        area=village if _VILLAGE.fullmatch(village) else asked.place.area,
        name=given.name or "",
        id_type=(given.id_type or IdType.RESIDENT_ID) if reading.index else IdType.NONE,
        id_number=(given.id_number or "") if reading.index else "",
        phone=given.phone or "",
        person_id=derived(asked.swab_id, "person"),
    )


_WHO: Final = """
SELECT u.n, p.area, p.household_id, d.id IS NOT NULL, coalesce(d.mode = 'single', false), d.added_by IS NOT NULL,
       coalesce(d.category = ANY(%s::text[]), false)
  FROM unnest(%s::uuid[], %s::uuid[]) WITH ORDINALITY AS u(person_id, due_id, n)
  JOIN population_person p ON p.id = u.person_id LEFT JOIN campaigns_dueperson d ON d.id = u.due_id
"""


def _rows(round_id: uuid.UUID, ids: Iterable[uuid.UUID]) -> list[Who]:
    """Those of these people who are known. `due_id` is None for whoever is not on the list."""
    wanted = list(ids)
    due = rounds.due_ids(round_id, wanted)
    with prepared.cursor() as cursor:
        cursor.execute(
            _WHO, [store.KEY_LITERAL, arrays.literal("uuid", wanted), arrays.literal("uuid", due)]
        )
        return [
            Who(wanted[n - 1], area, home, due[n - 1] if on_list else None, single, found, key)
            for n, area, home, on_list, single, found, key in cursor.fetchall()
        ]


def _held(round_id: uuid.UUID, read: Sequence[_Reading]) -> tuple[dict[uuid.UUID, Who], bool]:
    """The people of these readings with their place on the list, held; and whether no swab of theirs is known."""
    wanted = list({reading.person_id for reading in read if reading.person_id is not None})
    places = sorted(zip(rounds.due_ids(round_id, wanted), wanted, strict=True), key=_by_number)
    rows = store.people_held([due for due, _ in places])
    if len(rows) < len(wanted):  # somebody is not on the list, or nowhere
        return _on_list(round_id, read), False
    found = {
        person: Who(person, area, home, due, single, added, key)
        for (due, person), (area, home, single, added, key, _) in zip(places, rows, strict=True)
    }
    return found, all(row[5] for row in rows)


def _by_number(place: tuple[uuid.UUID, uuid.UUID]) -> int:
    """As the database orders ids."""
    return place[0].int


def _on_list(round_id: uuid.UUID, read: Sequence[_Reading]) -> dict[uuid.UUID, Who]:
    """The people of these readings with their place on the list; known people who are not on it are put there."""
    first: dict[uuid.UUID, _Reading] = {}
    for reading in read:
        if reading.person_id is not None:
            first.setdefault(reading.person_id, reading)
    known = _rows(round_id, first)
    missing = [who.person_id for who in known if who.due_id is None and who.person_id is not None]
    if missing:
        campaigns.due_add_found(
            round_id=round_id,
            rows=[
                campaigns.FoundDue(id, first[id].asked.command_id, first[id].asked.at)
                for id in sorted(missing)
            ],
        )
        known = [who for who in known if who.due_id is not None] + _rows(round_id, missing)
    return {who.person_id: who for who in known if who.person_id is not None}
