"""What choices before a round stand on: who is called where, what was found there before, what laboratories can do.

Counts by town; no person is named. Kept in memory for a quarter of an hour, for whoever sees the whole round.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.campaigns.presets import Preset
from yingjian.campaigns.queries import RoundBrief
from yingjian.engines.plan.model import Lab, Rules, Span
from yingjian.kernel.errors import RuleBroken

from . import queries, rules
from .kept import Kept, same_quarter

TOWN: Final = 9
BEFORE: Final = timedelta(days=60)
"""How far back rounds and cases are read: longer than any rule looks (R8)."""
HELD: Final = ("sampling", "testing", "reconciling", "closed")
"""States of a round in which its people were swabbed."""

_HOMES: Final = """
SELECT area, mode, size, count(*)
  FROM (SELECT due.area, due.mode, count(*) AS size
          FROM campaigns_dueperson due JOIN population_person person ON person.id = due.person_id
         WHERE due.round_id = %(round)s AND due.state <> 'excused'
         GROUP BY due.area, due.mode, coalesce(person.household_id, person.id)) home
 GROUP BY area, mode, size ORDER BY area, mode, size
"""
_ROUNDS: Final = """
SELECT id, area, window_start FROM campaigns_round
 WHERE (area ^@ %(area)s OR %(area)s ^@ area) AND window_start >= %(since)s AND window_start < %(until)s
   AND state = ANY(%(held)s) ORDER BY window_start, id
"""
_POSITIVES: Final = """
SELECT left(area, %(digits)s), round_id, found_at FROM cases_positive
 WHERE area ^@ %(area)s AND state <> 'excluded' AND found_at >= %(since)s ORDER BY found_at, id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A village: households of pooled people by size; singles; sealed households of one tube each, by size."""

    area: str
    pooled: Mapping[int, int]
    singles: int
    sealed: Mapping[int, int]

    @property
    def people(self) -> int:
        return _heads(self.pooled) + self.singles + _heads(self.sealed)


def _heads(homes: Mapping[int, int]) -> int:
    return sum(size * count for size, count in homes.items())


@dataclass(frozen=True, slots=True)
class Town:
    """A town's villages, what was found there, and the days of its rounds and cases before."""

    area: str
    name: str
    places: Sequence[Place]
    resulted: int
    positive: int
    basis: str
    """Where the two come from: `round` (this one), `before` (the one before it), `none`."""
    rounds: Sequence[date]
    cases: Sequence[date]

    @property
    def people(self) -> int:
        return sum(place.people for place in self.places)

    @property
    def homes(self) -> dict[int, int]:
        """Households of pooled people by size."""
        found: dict[int, int] = defaultdict(int)
        for place in self.places:
            for size, count in place.pooled.items():
                found[size] += count
        return dict(found)


@dataclass(frozen=True, slots=True)
class Ground:
    """A round before it is held. `days`: open hours; `plan`: totals and forecast of its plan, if it has one."""

    as_of: datetime
    brief: RoundBrief
    preset: Preset
    rules: Rules
    towns: Sequence[Town]
    labs: Sequence[Lab]
    days: Sequence[Span]
    plan: Mapping[str, Mapping[str, Any]] | None

    @property
    def people(self) -> int:
        return sum(town.people for town in self.towns)

    @property
    def tubes_per_day(self) -> int:
        return sum(lab.tubes_per_day for lab in self.labs)


_kept: Kept[uuid.UUID, Ground] = Kept(32)


def ground_for(actor: Actor, round_id: uuid.UUID, *, at: datetime, fresh: bool = False) -> Ground:
    """What is known of a round in whole the actor's (403 else), at most a quarter of an hour old.

    Raises `planning.not_frozen` (409) before there is a list, `planning.nobody` where it is empty.
    """
    brief = campaigns.round_brief_for(actor, round_id)
    scope.require(actor, "see_round", brief.area)
    old = _kept.get(round_id)
    if old is not None and not fresh and same_quarter(old.as_of, at):
        return old
    with scope.reading_everywhere():
        return _kept.put(round_id, ground_of(round_id, at=at))


def ground_of(round_id: uuid.UUID, *, at: datetime) -> Ground:
    """The same under the sight of the transaction, not kept."""
    brief = campaigns.round_brief(round_id)
    if brief.frozen_at is None:
        raise RuleBroken("planning.not_frozen", status=409)
    places = _places(round_id)
    if not places:
        raise RuleBroken("planning.nobody", status=409)
    preset = campaigns.preset_of(round_id)
    people = sum(place.people for place in places)
    facts = rules.RoundFacts(
        str(round_id), brief.area, 1, brief.no, Span(brief.window_start, brief.window_end)
    )
    days = rules.days_for(preset, facts, people=people, tz=queries.local_time())
    return Ground(
        at, brief, preset, rules.rules_of(preset, population=people), _towns(brief, places, at),
        queries.labs_of(brief.area, None), sorted(days, key=lambda day: day.start), _plan(round_id),
    )  # fmt: skip


def _plan(round_id: uuid.UUID) -> Mapping[str, Mapping[str, Any]] | None:
    """Totals and forecast of the plan in force, else of the newest."""
    try:
        head = queries.head_of(queries.plan_to_rehearse(round_id))
    except RuleBroken:
        return None
    return {"totals": head.totals, "forecast": head.forecast}


def _places(round_id: uuid.UUID) -> list[Place]:
    """Villages of everybody on the list who is not excused."""
    found: dict[str, dict[str, dict[int, int]]] = {}
    for area, mode, size, count in _rows(_HOMES, {"round": round_id}):
        found.setdefault(area, {}).setdefault(mode, {})[size] = count
    return [
        Place(area, by.get("pool", {}), _heads(by.get("single", {})), by.get("household", {}))
        for area, by in sorted(found.items())
    ]


def _towns(brief: RoundBrief, places: Sequence[Place], at: datetime) -> list[Town]:
    tz = queries.local_time()
    since = min(at, brief.window_start) - BEFORE
    held = _rows(
        _ROUNDS,
        {"area": brief.area, "since": since, "until": max(at, brief.window_start), "held": list(HELD)},
    )  # fmt: skip
    cases: dict[str, list[date]] = defaultdict(list)
    hits: dict[tuple[uuid.UUID, str], int] = defaultdict(int)
    for area, of_round, found_at in _rows(
        _POSITIVES, {"area": brief.area, "since": since, "digits": TOWN}
    ):
        cases[area].append(found_at.astimezone(tz).date())
        hits[of_round, area] += 1
    earlier = [row for row in held if row[0] != brief.id and row[2] < brief.window_start]
    told = _resulted(brief.id), _resulted(earlier[-1][0]) if earlier else {}
    of: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        of[place.area[:TOWN]].append(place)
    names = queries.area_names(list(of), "zh")
    found = []
    for area, own in sorted(of.items()):
        basis, resulted, positive = "none", 0, 0
        if told[0].get(area):
            basis, resulted, positive = "round", told[0][area], hits[brief.id, area]
        elif told[1].get(area):
            basis, resulted, positive = "before", told[1][area], hits[earlier[-1][0], area]
        rounds = [
            row[2].astimezone(tz).date()
            for row in held
            if area.startswith(row[1]) or row[1] == brief.area
        ]
        found.append(
            Town(area, names[area], own, resulted, positive, basis, rounds, cases.get(area, []))
        )
    return found


def found_before(round_id: uuid.UUID) -> tuple[int, int]:
    """(people found infected, people with a result) in this round's area, in the round held there last before it."""
    brief = campaigns.round_brief(round_id)
    held = _rows(
        _ROUNDS,
        {"area": brief.area, "since": brief.window_start - BEFORE, "until": brief.window_start,
         "held": list(HELD)},
    )  # fmt: skip
    before = [row[0] for row in held if row[0] != brief.id]
    if not before:
        return 0, 0
    return found_in(before[-1], round_id)


def found_in(held: uuid.UUID, round_id: uuid.UUID) -> tuple[int, int]:
    """The same of the round `held`, in the area of `round_id`. The caller sees everywhere."""
    area = campaigns.round_brief(round_id).area
    counts = campaigns.due_counts(held, digits=TOWN, under=area)
    rows = _rows(
        """SELECT count(*) FROM cases_positive
            WHERE round_id = %(round)s AND area ^@ %(area)s AND state <> 'excluded'""",
        {"round": held, "area": area},
    )
    return int(rows[0][0]), sum(count.resulted for count in counts.values())


def _resulted(round_id: uuid.UUID) -> dict[str, int]:
    counts = campaigns.due_counts(round_id, digits=TOWN)
    return {area: count.resulted for area, count in counts.items()}


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
