"""Reads of this room: what a planner needs to know of a round, and stored plans."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from yingjian.access import scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.engines.plan.means import Force, Stock, Unit, Worker
from yingjian.engines.plan.model import (
    Block,
    Lab,
    Limit,
    Plan,
    PlanError,
    PlanProblem,
    Resources,
    Span,
    Village,
    plan_from_json,
)
from yingjian.kernel.errors import RuleBroken
from yingjian.logistics import queries as logistics
from yingjian.population.values import BUILDING, STAIR
from yingjian.workforce import queries as workforce

from . import candidates, rules, wording

COUNTY = 6
SCREENING = ("hospital", "company", "cdc_county")
"""Laboratories that screen; city and regional centres wait for rechecks unless they are named."""


def local_time() -> ZoneInfo:
    """The county's time zone: opening hours are written in it."""
    return ZoneInfo(settings.TIME_ZONE)


# --- the problem ---------------------------------------------------------------------------------

_BLOCKS = """
WITH member AS (
    SELECT due.id, due.area, due.rank, due.mode, due.home, door.id AS door, door.lon, door.lat,
           count(*) OVER (PARTITION BY door.id) AS size,
           coalesce(substring(door.address FROM %(building)s), door.lon || ',' || door.lat, '') AS building,
           coalesce(substring(door.address FROM %(stair)s), '') AS stair
      FROM campaigns_dueperson due
      JOIN population_person person ON person.id = due.person_id
      LEFT JOIN population_household door ON door.id = person.household_id AND door.area = due.area
     WHERE due.round_id = %(round)s AND due.state = 'due'),
numbered AS (
    SELECT member.*,
           CASE WHEN building = '' THEN 0 ELSE dense_rank() OVER (PARTITION BY area ORDER BY building) END AS b,
           CASE WHEN building = '' OR stair = '' THEN 0
                ELSE dense_rank() OVER (PARTITION BY area, building ORDER BY stair) END AS s
      FROM member)
SELECT CASE WHEN door IS NOT NULL AND size <= %(most)s THEN 'h' || replace(door::text, '-', '')
            ELSE 'p' || replace(id::text, '-', '') END AS key,
       area, min(rank),
       count(*) FILTER (WHERE NOT home AND mode = 'pool'),
       count(*) FILTER (WHERE NOT home AND mode = 'single'),
       count(*) FILTER (WHERE NOT home AND mode = 'household'),
       count(*) FILTER (WHERE home AND mode = 'pool'),
       count(*) FILTER (WHERE home AND mode = 'single'),
       count(*) FILTER (WHERE home AND mode = 'household'),
       min(lon), min(lat), min(b), min(s)
  FROM numbered GROUP BY key, area ORDER BY key
"""


def blocks_of(round_id: uuid.UUID, *, door_limit: int) -> list[Block]:
    """People still due, by household; no name and no address leaves the database: buildings and stairwells are
    numbers within the village. One query for any number.

    A household larger than `door_limit`, and whoever lives elsewhere than their household, is
    planned person by person under the id of the due row.
    """
    named = {"round": round_id, "most": door_limit, "building": BUILDING, "stair": STAIR}
    return [Block(*row) for row in _rows(_BLOCKS, named)]


def people_due(round_id: uuid.UUID) -> int:
    """How many people of the round are still due."""
    return sum(count.due for count in campaigns.due_counts(round_id, digits=2).values())


def villages_of(areas: list[str]) -> list[Village]:
    """Names of villages; the code stands in where the region tree does not know one."""
    rows = _rows(
        "SELECT area, name FROM population_region WHERE area = ANY(%(areas)s)", {"areas": areas}
    )
    names = dict(rows)
    return [Village(area, names.get(area, area)) for area in areas]


def labs_of(area: str, wanted: tuple[str, ...] | None) -> list[Lab]:
    """Laboratories that may take a round's tubes: of the county or above it, or the ones named.

    A laboratory stands where the people of its area live on average; unknown when nobody is known.
    Raises `PlanError("unknown_laboratory")` for a named one that is not there or not receiving.
    """
    rows = _rows(
        """SELECT l.code, l.name, l.tubes_per_day, l.area, place.lon, place.lat, l.opens_hour, l.closes_hour
             FROM laboratory_laboratory l
             LEFT JOIN LATERAL (SELECT avg(h.lon) AS lon, avg(h.lat) AS lat FROM population_household h
                                 WHERE h.area ^@ l.area) place ON length(l.area) > %(county)s
            WHERE l.state = 'receiving'
              AND CASE WHEN %(wanted)s::text[] IS NULL
                       THEN l.kind = ANY(%(kinds)s)
                            AND (l.area ^@ left(%(area)s, %(county)s) OR %(area)s ^@ l.area)
                       ELSE l.code = ANY(%(wanted)s) END
            ORDER BY l.code""",
        {"area": area, "county": COUNTY, "kinds": list(SCREENING),
         "wanted": None if wanted is None else list(wanted)},
    )  # fmt: skip
    missing = sorted(set(wanted or ()) - {row[0] for row in rows})
    if missing:
        raise PlanError("unknown_laboratory", laboratory=missing[0])
    found = {row[0]: Lab(*row) for row in rows}
    return [found[code] for code in dict.fromkeys(wanted)] if wanted else list(found.values())


def _resources(area: str, choice: rules.Choice) -> Resources:
    ((known, boxes),) = _rows(
        "SELECT count(*), min(boxes_max) FROM logistics_vehicle WHERE area ^@ %(area)s OR %(area)s ^@ area",
        {"area": area},
    )
    vehicles = choice.vehicles if choice.vehicles is not None else known or None
    staff = workforce.staff_counts(area) if choice.limit_to_staff else None
    return Resources(
        lanes=choice.lanes, vehicles=vehicles, staff=staff, vehicle_boxes=boxes or None,
        sites=choice.most_sites,
    )  # fmt: skip


def _campaign_no(round_id: uuid.UUID) -> int:
    """Which campaign of its area this is, counting from 1 (a box code carries it)."""
    rows = _rows(
        """SELECT count(*) FROM campaigns_round r JOIN campaigns_campaign c ON c.id = r.campaign_id
             JOIN campaigns_campaign o ON o.area = c.area AND (o.created_at, o.id) <= (c.created_at, c.id)
            WHERE r.id = %(round)s""",
        {"round": round_id},
    )
    return int(rows[0][0])


def problem_of(round_id: uuid.UUID, choice: rules.Choice) -> PlanProblem:
    """The whole planning problem of a round, under the sight of the transaction.

    Raises `PlanError` as `rules.problem_for` does, and `campaigns.round_unknown`.
    """
    brief = campaigns.round_brief(round_id)
    preset = campaigns.preset_of(round_id)
    limit = rules.door_limit(rules.rules_of(preset), choice.params)
    blocks = blocks_of(round_id, door_limit=limit)
    facts = rules.RoundFacts(
        round_id=str(round_id),
        area=brief.area,
        campaign_no=_campaign_no(round_id),
        round_no=brief.no,
        window=Span(brief.window_start, brief.window_end),
    )
    days = rules.days_for(
        preset, facts, people=sum(block.people for block in blocks), tz=local_time()
    )
    return rules.problem_for(
        preset,
        facts,
        villages=villages_of(sorted({block.area for block in blocks})),
        blocks=blocks,
        labs=rules.shared_labs(labs_of(brief.area, choice.laboratories), choice.lab_tubes),
        resources=_resources(brief.area, choice),
        tz=local_time(),
        choice=choice,
        candidates=candidates.given(brief.area),
        force=force_of(brief.area, _span_of(days), choice) if days else Force(),
        stocks=stocks_of(brief.area),
    )


def _span_of(days: Sequence[Span]) -> Span:
    return Span(min(day.start for day in days), max(day.end for day in days))


def force_of(area: str, span: Span, choice: rules.Choice) -> Force:
    """Staff of an area and of the levels above it who are free all through, with their institutions.

    Raises `PlanError("bad_option")` for a quota of an institution that has nobody free.
    """
    free = workforce.staff_free(area, starts=span.start, ends=span.end)
    units = workforce.institutions({one.institution_id for one in free})
    unknown = sorted(choice.quotas.keys() - {str(unit.id) for unit in units})
    if unknown:
        raise PlanError("bad_option", option="quotas", got=unknown[0])
    none: rules.Quota = (0, None)
    return Force(
        workers=[
            Worker(
                str(one.id), str(one.institution_id), one.job,
                [job for job in one.qualified_for if job != one.job], one.worked,
                one.last_duty, one.vaccinated,
            )
            for one in free
        ],
        units=[
            Unit(str(unit.id), unit.name, unit.area, *choice.quotas.get(str(unit.id), none))
            for unit in units
        ],
    )  # fmt: skip


def stocks_of(area: str) -> list[Stock]:
    """Stores of the county and above it, with what they hold."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for place, where, item, held in logistics.stocks_of(area):
        found.setdefault((place, where), {})[item] = held
    return [Stock(place, where, items) for (place, where), items in found.items()]


def free_staff(plan: Plan, area: str) -> set[str]:
    """Ids of staff who are still free for the whole plan."""
    span = _span_of([span for site in plan.sites for span in site.open])
    return {str(one.id) for one in workforce.staff_free(area, starts=span.start, ends=span.end)}


LEVELS = {2: "province", 4: "city", 6: "county", 9: "town", 12: "village"}


def area_names(areas: Collection[str], language: str) -> dict[str, str]:
    """Names of areas; the word for the level and the code where the region tree does not know one."""
    known = dict(
        _rows("SELECT area, name FROM population_region WHERE area = ANY(%(areas)s)", {"areas": sorted(areas)})
    )  # fmt: skip
    words = wording.words(language)["area"]
    return {
        area: known.get(area) or words[LEVELS.get(len(area), "other")].format(area=area)
        for area in areas
    }


def names_in(plan: Plan, language: str) -> dict[str, str]:
    """Names by code of a plan's sites (`site:…`), villages, areas (`area:…`) and laboratories (`lab:…`), the last two
    by the bare code too."""
    areas = {site.area[:digits] for site in plan.sites for digits in LEVELS}
    coded = {"area": area_names(areas, language), "lab": lab_names(plan)}
    found = {
        key: name
        for kind, names in coded.items()
        for code, name in names.items()
        for key in (code, f"{kind}:{code}")
    }
    return found | wording.places_of(plan)


def lab_names(plan: Plan) -> dict[str, str]:
    """Names of a plan's laboratories by code."""
    return laboratory_names({lab.lab for lab in plan.labs})


def laboratory_names(codes: set[str]) -> dict[str, str]:
    """Names of laboratories by code.

    Of those above the reader's area too: a county's plan sends tubes to its city's laboratories.
    """
    with scope.reading_everywhere():
        rows = _rows(
            "SELECT code, name FROM laboratory_laboratory WHERE code = ANY(%(codes)s)",
            {"codes": sorted(codes)},
        )
    return dict(rows)


def laboratory_ids(codes: set[str]) -> dict[str, uuid.UUID]:
    """Ids of laboratories by code."""
    rows = _rows(
        "SELECT code, id FROM laboratory_laboratory WHERE code = ANY(%(codes)s)",
        {"codes": sorted(codes)},
    )
    return dict(rows)


# --- stored plans --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanHead:
    """A stored plan without its document."""

    id: uuid.UUID
    round_id: uuid.UUID
    area: str
    version: int
    state: str
    made_at: datetime
    applied_at: datetime | None
    totals: dict[str, Any]
    forecast: dict[str, Any]
    findings: dict[str, int]
    siting: dict[str, Any]


_HEAD = """
SELECT id, round_id, area, version, state, made_at, applied_at, totals::text, forecast::text,
       (SELECT coalesce(jsonb_object_agg(level, n), '{}') FROM
          (SELECT f ->> 'level' AS level, sum(coalesce((f -> 'params' ->> 'elements')::numeric, 1))::int AS n
             FROM jsonb_array_elements(findings) f GROUP BY 1) counted)::text,
       siting::text
  FROM planning_planrecord
"""


def _head(row: tuple[Any, ...]) -> PlanHead:
    return PlanHead(*row[:7], *(json.loads(part or "{}") for part in row[7:11]))


@dataclass(frozen=True, slots=True)
class SearchLine:
    """A search for a plan and how far it has come. Costs are millionths of a staff-day."""

    plan_id: uuid.UUID
    state: str
    stage: str
    done: float
    cost: int | None
    bound: int | None
    stop_asked: bool
    error: str
    options: dict[str, Any]
    error_params: dict[str, Any]
    asked_at: datetime


SEARCHES = 10


def searches_for(actor: Actor, round_id: uuid.UUID) -> list[SearchLine]:
    """The last searches of a round. One whose worker died is closed by `planning.close_interrupted`."""
    campaigns.round_brief_for(actor, round_id)
    rows = _rows(
        """SELECT id, state, stage, done, cost, bound, stop_asked, error, (options - 'barriers' - 'paths')::text,
                  error_params::text, asked_at
             FROM planning_plansearch WHERE round_id = %(round)s ORDER BY asked_at DESC, id DESC LIMIT %(most)s""",
        {"round": round_id, "most": SEARCHES},
    )
    return [
        SearchLine(*row[:8], *(json.loads(part) for part in row[8:10]), *row[10:]) for row in rows
    ]


def plans_for(actor: Actor, round_id: uuid.UUID) -> list[PlanHead]:
    """Plans of a round in the actor's sight, the newest first."""
    campaigns.round_brief_for(actor, round_id)
    rows = _rows(_HEAD + " WHERE round_id = %(round)s ORDER BY version DESC", {"round": round_id})
    return [_head(row) for row in rows]


def rules_to_try(actor: Actor, round_id: uuid.UUID) -> dict[str, Limit]:
    """What the round's preset says of the rules a proposer may try with another value, by path."""
    campaigns.round_brief_for(actor, round_id)
    known = rules.rules_of(campaigns.preset_of(round_id)).by_path
    return {path: known[path] for path in sorted(rules.CHANGEABLE & known.keys())}


def head_of(plan_id: uuid.UUID) -> PlanHead:
    """A stored plan in sight (`planning.plan_unknown`, 404)."""
    rows = _rows(_HEAD + " WHERE id = %(id)s", {"id": plan_id})
    if not rows:
        raise RuleBroken("planning.plan_unknown", status=404)
    return _head(rows[0])


def head_for(actor: Actor, plan_id: uuid.UUID) -> PlanHead:
    """A stored plan in the actor's sight (`planning.plan_unknown`, 404)."""
    return head_of(plan_id)


def plan_to_rehearse(round_id: uuid.UUID) -> uuid.UUID:
    """The plan in force, else the newest that was not put aside. `planning.plan_unknown` (404)."""
    rows = _rows(
        """SELECT id FROM planning_planrecord WHERE round_id = %(round)s AND state <> 'dropped'
            ORDER BY state = 'applied' DESC, version DESC LIMIT 1""",
        {"round": round_id},
    )
    if not rows:
        raise RuleBroken("planning.plan_unknown", status=404)
    found: uuid.UUID = rows[0][0]
    return found


def plan_in_force(round_id: uuid.UUID) -> Plan | None:
    """The plan that was applied, if there is one."""
    rows = _rows(
        "SELECT id FROM planning_planrecord WHERE round_id = %(round)s AND state = 'applied'",
        {"round": round_id},
    )
    return document_of(rows[0][0]) if rows else None


def document_of(plan_id: uuid.UUID) -> Plan:
    """The plan itself. `planning.plan_unknown`; `planning.bad_plan` when another version wrote it."""
    rows = _rows(
        "SELECT document::text FROM planning_planrecord WHERE id = %(id)s", {"id": plan_id}
    )
    if not rows:
        raise RuleBroken("planning.plan_unknown", status=404)
    try:
        return plan_from_json(rows[0][0])
    except PlanError as error:
        params: dict[str, Any] = dict(error.params)
        raise RuleBroken(f"planning.{error.code}", **params) from None


def findings_of(plan_id: uuid.UUID) -> list[dict[str, Any]]:
    """Stored findings: breaches and notes one by one, what holds by rule."""
    rows = _rows(
        "SELECT findings::text FROM planning_planrecord WHERE id = %(id)s", {"id": plan_id}
    )
    return list(json.loads(rows[0][0])) if rows else []


def next_version(round_id: uuid.UUID) -> int:
    """The version a new plan of the round gets."""
    rows = _rows(
        "SELECT coalesce(max(version), 0) + 1 FROM planning_planrecord WHERE round_id = %(round)s",
        {"round": round_id},
    )
    return int(rows[0][0])


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
