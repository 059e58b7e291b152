"""Reads of this room.

Without `_for` they are for handlers of higher rooms; with it, for a user and what the user may see.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.db import connection

from yingjian.access import queries as access
from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.population import queries as population

from . import presets, rules
from .models import Preset as PresetRow
from .presets import ClockRule, Preset

PAGE: Final = 200
CHUNK: Final = 5000
FEW: Final = 2000
"""As many people of a search text are looked up one by one."""


@dataclass(frozen=True, slots=True)
class RoundBrief:
    """A round in one row. `due_total` is the frozen denominator, None before the freeze."""

    id: uuid.UUID
    campaign_id: uuid.UUID
    campaign_name: str
    no: int
    area: str
    area_name: str
    name: str
    state: str
    preset_id: uuid.UUID
    preset_code: str
    preset_version: int
    preset_title: dict[str, str]
    window_start: datetime
    window_end: datetime
    approved_at: datetime | None
    frozen_at: datetime | None
    activated_at: datetime | None
    closed_at: datetime | None
    ended_reason: str
    due_total: int | None
    area_classes: dict[str, str]
    within: list[str]
    """The parts of the area the list was frozen for; the whole of it when empty."""


_ROUND = """
SELECT r.id, r.campaign_id, c.name, r.no, r.area, coalesce(g.name, r.area), r.name, r.state, r.preset_id, p.code,
       p.version, r.window_start, r.window_end, r.approved_at, r.frozen_at, r.activated_at, r.closed_at,
       r.ended_reason, r.due_total, r.area_classes, r.within, p.document -> 'header' -> 'title'
  FROM campaigns_round r JOIN campaigns_campaign c ON c.id = r.campaign_id JOIN campaigns_preset p ON p.id = r.preset_id
  LEFT JOIN population_region g ON g.area = r.area
"""


_FIELDS: Final = (
    "id", "campaign_id", "campaign_name", "no", "area", "area_name", "name", "state", "preset_id", "preset_code",
    "preset_version", "window_start", "window_end", "approved_at", "frozen_at", "activated_at", "closed_at",
    "ended_reason", "due_total",
)  # fmt: skip


def _brief(row: tuple[Any, ...]) -> RoundBrief:
    *plain, classes, within, title = row
    fields = dict(zip(_FIELDS, plain, strict=True))
    read = {"area_classes": classes, "within": within, "preset_title": title}
    return RoundBrief(**fields, **{name: json.loads(text) for name, text in read.items()})


def _round(round_id: uuid.UUID) -> RoundBrief | None:
    with connection.cursor() as cursor:
        cursor.execute(_ROUND + " WHERE r.id = %s", [round_id])
        row = cursor.fetchone()
    return _brief(row) if row else None


def round_brief(round_id: uuid.UUID) -> RoundBrief:
    """A round by id (`campaigns.round_unknown`, 404). One query in a handler.

    A county's round is not in the sight of a village's station although the station works in it: then it is read past
    that sight. What comes back names nobody.
    """
    found = _round(round_id)
    if found is None:
        with scope.everywhere():
            found = _round(round_id)
    if found is None:
        raise RuleBroken("campaigns.round_unknown", status=404)
    return found


def touches(actor: Actor, area: str) -> bool:
    """Whether an area lies in the actor's, or the actor's in it (a village works in its county's round)."""
    return any(area.startswith(own) or own.startswith(area) for own in actor.areas)


def covers(actor: Actor, area: str) -> bool:
    """Whether the whole of an area lies in the actor's."""
    return any(area.startswith(own) for own in actor.areas)


def round_brief_for(actor: Actor, round_id: uuid.UUID) -> RoundBrief:
    """A round that touches the actor's areas, else `campaigns.round_unknown` (404)."""
    found = round_brief(round_id)
    if not touches(actor, found.area):
        raise RuleBroken("campaigns.round_unknown", status=404)
    return found


_ROUNDS = f"""{_ROUND}
 WHERE EXISTS (SELECT 1 FROM unnest(%(areas)s::text[]) a WHERE r.area ^@ a OR a ^@ r.area)
   AND (%(state)s::text IS NULL OR r.state = %(state)s) AND (%(after)s::uuid IS NULL OR r.id < %(after)s)
 ORDER BY r.id DESC LIMIT %(limit)s
"""  # noqa: S608 - fixed fragments


def rounds_for(
    actor: Actor, *, state: str | None = None, after: uuid.UUID | None = None, limit: int = PAGE
) -> list[RoundBrief]:
    """Rounds that touch the actor's areas, the newest first (ids are time-ordered); keyset by id."""
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute(
            _ROUNDS,
            {"areas": list(actor.areas), "state": state, "after": after, "limit": limit},
        )
        return [_brief(row) for row in cursor.fetchall()]


# -- presets -----------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def preset_by_id(preset_id: uuid.UUID) -> Preset:
    """The preset of a stored row. A row's id follows from its content, so the cache never grows stale."""
    row = PresetRow.objects.filter(id=preset_id).first()
    if row is None:
        raise RuleBroken("campaigns.preset_unknown", status=404, code=str(preset_id))
    return presets.restore(row.document)


def preset_of(round_id: uuid.UUID) -> Preset:
    """The rules a round works by, for ever those it was created with. One query; the value is cached."""
    return preset_by_id(round_brief(round_id).preset_id)


def preset_row_latest(code: str, version: int | None = None) -> tuple[uuid.UUID, str] | None:
    """`(id, digest)` of the stored preset of this code that was loaded last, of one version when it is given."""
    rows = PresetRow.objects.filter(code=code, **({} if version is None else {"version": version}))
    found = rows.order_by("-loaded_at", "-version", "id").values_list("id", "digest").first()
    return found if found is None else (found[0], found[1])


def excuses(preset_id: uuid.UUID) -> list[str]:
    """Codes of the reasons a preset knows for not testing somebody of a due list; none in presets of before."""
    leaf = preset_by_id(preset_id).scope.excuses
    return [] if leaf is None else list(leaf.value)


def presets_known() -> list[Preset]:
    """Every preset on file, by code."""
    folder = settings.YINGJIAN_PRESETS
    return [presets.load(code, folder) for code in presets.codes(folder)]


def preset_named(name: str) -> Preset:
    """A preset by `code` (the one on file, else the one stored last) or `code@version`.

    `campaigns.preset_unknown` (404).
    """
    code, _, version = name.partition("@")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 6 else None  # noqa: PLR2004
    folder = settings.YINGJIAN_PRESETS
    if code in presets.codes(folder):
        preset = presets.load(code, folder)
        if not version or preset.version == number:
            return preset
    stored = preset_row_latest(code[:32], number) if number is not None or not version else None
    if stored is None:
        raise RuleBroken(
            "campaigns.preset_unknown", status=404, code=code[:40], version=version[:8],
            known=", ".join(presets.codes(folder)),
        )  # fmt: skip
    return preset_by_id(stored[0])


@lru_cache(maxsize=256)
def _clock_rules(preset_id: uuid.UUID, population: int | None) -> Mapping[str, ClockRule]:
    return presets.clock_rules(preset_by_id(preset_id), population=population)


def clock_rules(round_id: uuid.UUID) -> Mapping[str, ClockRule]:
    """Every clock that runs under the round's preset, by code; `round_finish` by the round's population (R1).

    One query.
    """
    brief = round_brief(round_id)
    return _clock_rules(brief.preset_id, brief.due_total)


def clock_rule(round_id: uuid.UUID, code: str) -> ClockRule | None:
    """One clock of the round's preset, None when the plan has no such deadline. `KeyError` for a code nobody knows."""
    if code not in presets.CLOCK_CODES:
        raise KeyError(code)
    return clock_rules(round_id).get(code)


def round_ids() -> list[uuid.UUID]:
    """Every round there is, also outside the asker's sight. An index by round and person keeps a round together; who
    looks for a person alone names the rounds. One query.
    """
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM campaigns_round")
        return [row[0] for row in cursor.fetchall()]


# -- the due list ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueBrief:
    """A person of a due list as higher rooms need it: no name, no number."""

    id: uuid.UUID
    person_id: uuid.UUID
    area: str
    mode: str
    home: bool
    category: str
    rank: int
    state: str
    site_code: str


_DUE = """
SELECT d.id, d.person_id, d.area, d.mode, d.home, d.category, d.rank, d.state, d.site_code FROM campaigns_dueperson d
"""


def due_ids(round_id: uuid.UUID, person_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """The ids people have on a round's due list, if on it: they follow from round and person, so that a look-up can go
    by key.
    """
    return rules.due_ids(round_id, person_ids)


def due_lookup(round_id: uuid.UUID, person_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, DueBrief]:
    """The due rows of these people in a round, by person. One query; people who are not on the list are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_DUE} WHERE d.round_id = %s AND d.person_id = ANY(%s)", [round_id, list(person_ids)]
        )
        return {row[1]: DueBrief(*row) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class DueCounts:
    """Counts of due people: five states, and what cuts across them. `swabbed` are people with a swab, in any state."""

    due: int
    sampled: int
    resulted: int
    excused: int
    missed: int
    added: int
    caught_up: int
    swabbed: int
    home: int
    single: int

    @property
    def total(self) -> int:
        return self.due + self.sampled + self.resulted + self.excused + self.missed

    @property
    def states(self) -> dict[str, int]:
        return {
            "due": self.due, "sampled": self.sampled, "resulted": self.resulted, "excused": self.excused,
            "missed": self.missed,
        }  # fmt: skip


_COUNTS = """
       count(*) FILTER (WHERE d.state = 'due'), count(*) FILTER (WHERE d.state = 'sampled'),
       count(*) FILTER (WHERE d.state = 'resulted'), count(*) FILTER (WHERE d.state = 'excused'),
       count(*) FILTER (WHERE d.state = 'missed'), count(*) FILTER (WHERE d.added_by IS NOT NULL),
       count(*) FILTER (WHERE d.caught_up_at IS NOT NULL), count(*) FILTER (WHERE d.sampled_at IS NOT NULL),
       count(*) FILTER (WHERE d.home), count(*) FILTER (WHERE d.mode = 'single')
"""


def due_counts(round_id: uuid.UUID, *, digits: int = 12, under: str = "") -> dict[str, DueCounts]:
    """Counts per area at a level (`digits`: 6 county, 9 town, 12 village), below a prefix when one is given.

    Runs under the sight of the transaction: a town's user counts the town.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT left(d.area, %(digits)s) AS place, {_COUNTS} FROM campaigns_dueperson d
                 WHERE d.round_id = %(round)s AND d.area ^@ %(under)s GROUP BY place ORDER BY place""",  # noqa: S608 - fixed fragments
            {"digits": digits, "round": round_id, "under": under},
        )
        return {row[0]: DueCounts(*row[1:]) for row in cursor.fetchall()}


def due_total_counts(round_id: uuid.UUID) -> DueCounts:
    """Counts of everybody on the list in the sight of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COUNTS} FROM campaigns_dueperson d WHERE d.round_id = %s",  # noqa: S608 - fixed fragments
            [round_id],
        )
        return DueCounts(*cursor.fetchone())


@dataclass(frozen=True, slots=True)
class Denominator:
    """The first promise of a round as numbers. `frozen` people were on the list, `added` came later with a trace."""

    round_id: uuid.UUID
    state: str
    frozen: int | None
    counts: DueCounts
    missed_without_task: int

    @property
    def faults(self) -> list[str]:
        """What is wrong, as stable words; empty when the law holds."""
        found = []
        if self.frozen is None:
            if self.counts.total:
                found.append("people_before_freeze")
        elif self.frozen + self.counts.added != self.counts.total:
            found.append("frozen_and_added_differ_from_list")
        if self.state == "closed" and (self.counts.due or self.counts.sampled):
            found.append("closed_with_open_people")
        if self.missed_without_task:
            found.append("missed_without_task")
        return found


_MISSED_LOOSE = """
       (SELECT count(*) FROM campaigns_dueperson m
         WHERE m.round_id = r.id AND m.state = 'missed' AND m.caught_up_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM ledgers_task t WHERE t.kind = 'catch_up' AND t.subject_id = m.id))
"""


def denominators(round_id: uuid.UUID | None = None) -> list[Denominator]:
    """The law due = resulted + excused + missed, recomputed from rows, for one round or all (for `verify`)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT r.id, r.state, r.due_total, {_MISSED_LOOSE}, {_COUNTS}
                  FROM campaigns_round r LEFT JOIN campaigns_dueperson d ON d.round_id = r.id
                 WHERE %(round)s::uuid IS NULL OR r.id = %(round)s
                 GROUP BY r.id ORDER BY r.id""",  # noqa: S608 - fixed fragments
            {"round": round_id},
        )
        return [
            Denominator(row[0], row[1], row[2], DueCounts(*row[4:]), row[3])
            for row in cursor.fetchall()
        ]


def denominator(round_id: uuid.UUID) -> Denominator:
    """The denominator of one round (`campaigns.round_unknown`)."""
    found = denominators(round_id)
    if not found:
        raise RuleBroken("campaigns.round_unknown", status=404)
    return found[0]


@dataclass(frozen=True, slots=True)
class DueRow:
    """A line of the due list for a screen: personal fields masked."""

    id: uuid.UUID
    person_id: uuid.UUID
    name: str
    id_tail: str
    phone_tail: str
    address: str
    household_id: uuid.UUID | None
    area: str
    rank: int
    category: str
    mode: str
    home: bool
    site_code: str
    slot_start: datetime | None
    state: str
    sampled_at: datetime | None
    resulted_at: datetime | None
    outcome: str | None
    reason: str
    owner: str
    caught_up_at: datetime | None
    added: bool
    added_by: uuid.UUID | None = None
    excused_how: access.Deed | None = None
    added_how: access.Deed | None = None
    """Who excused them, who added them, when, and the words that came with it."""

    @property
    def key(self) -> str:
        """Where the next page starts."""
        return f"{self.area}.{self.rank}.{self.person_id}"


@dataclass(frozen=True, slots=True)
class DueFilter:
    """What of a due list is asked for. `q` is a name (or its beginning), a document or telephone number; `after` is the
    `key` of the last row seen.
    """

    state: str | None = None
    area: str = ""
    home: bool | None = None
    caught_up: bool | None = None
    after: str | None = None
    added: bool | None = None
    added_with: uuid.UUID | None = None
    """The command that added them: who came onto the list in one go."""
    q: str = ""


def _after(key: str) -> tuple[str, int, uuid.UUID]:
    try:
        area, rank, person = key.split(".")
        return area, int(rank), uuid.UUID(person)
    except ValueError:
        raise RuleBroken("campaigns.page_malformed", after=key[:80]) from None


def _meant(actor: Actor, round_id: uuid.UUID, q: str) -> tuple[str, Any]:
    """The condition a search text stands for, and its parameter `meant`.

    Few people are looked up one by one, by key; of many, as with a common surname, a page is full soon when the list
    is walked in its order.
    """
    if not q:
        return "true", None
    few = population.person_ids_for(actor, q=q, most=FEW + 1)
    if len(few) > FEW:
        return population.meant(q)
    return "d.id = ANY(%(meant)s::uuid[])", rules.due_ids(round_id, few)


def due_list_for(
    actor: Actor, round_id: uuid.UUID, wanted: DueFilter, *, limit: int = PAGE
) -> list[DueRow]:
    """A page of the due list in the actor's sight, by village, then order of sampling. Outcomes need `see_results`.

    One query; one more for a search text, and one when somebody of the page was excused or added by a command.
    """
    condition, meant = _meant(actor, round_id, wanted.q.strip())
    area, rank, person = _after(wanted.after) if wanted.after else ("", -1, uuid.UUID(int=0))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT d.id, d.person_id, p.name, p.id_tail, p.phone_tail, p.address, p.household_id, d.area, d.rank,
                      d.category, d.mode, d.home, d.site_code, d.slot_start, d.state, d.sampled_at, d.resulted_at,
                      CASE WHEN %(outcomes)s THEN d.outcome END, d.reason, d.owner, d.caught_up_at,
                      d.added_by IS NOT NULL, d.excused_by, d.added_by
                 FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
                WHERE d.round_id = %(round)s AND d.area ^@ %(under)s
                  AND d.area >= %(area)s AND (d.area, d.rank, d.person_id) > (%(area)s, %(rank)s, %(person)s)
                  AND (%(state)s::text IS NULL OR d.state = %(state)s)
                  AND (%(home)s::bool IS NULL OR d.home = %(home)s)
                  AND (%(caught_up)s::bool IS NULL OR (d.caught_up_at IS NOT NULL) = %(caught_up)s)
                  AND (%(added)s::bool IS NULL OR (d.added_by IS NOT NULL) = %(added)s)
                  AND (%(added_with)s::uuid IS NULL OR d.added_by = %(added_with)s)
                  AND {condition}
                ORDER BY d.area, d.rank, d.person_id LIMIT %(limit)s""",  # noqa: S608 - one of a few conditions
            {
                "outcomes": actor.may("see_results"), "round": round_id, "under": wanted.area, "area": area,
                "rank": rank, "person": person, "state": wanted.state, "home": wanted.home,
                "caught_up": wanted.caught_up, "added": wanted.added, "added_with": wanted.added_with, "meant": meant,
                "limit": limit,
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    how = access.deeds(id for *_, excused, added in rows for id in (excused, added) if id)
    return [
        replace(
            DueRow(row[0], row[1], rules.masked_name(row[2]), *row[3:-2]),
            added_by=row[-1],
            excused_how=how.get(row[-2]),
            added_how=how.get(row[-1]),
        )
        for row in rows
    ]


def due_pages_for(actor: Actor, round_id: uuid.UUID, wanted: DueFilter) -> Iterator[list[DueRow]]:
    """The whole list, page by page, for an export."""
    while page := due_list_for(actor, round_id, wanted, limit=CHUNK):
        yield page
        wanted = replace(wanted, after=page[-1].key)


def person_areas(person_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The village of each person's present address; unknown people are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, area FROM population_person WHERE id = ANY(%s)", [list(person_ids)]
        )
        return dict(cursor.fetchall())
