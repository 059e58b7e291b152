"""Building due lists in SQL: the whole roster at the freeze, single people afterwards, by one and the same rule."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection

from yingjian.access import journal, outbox, scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries, rules
from yingjian.campaigns.events import RoundFrozen
from yingjian.campaigns.models import Round
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived

from .locking import locked_round

# The same id as `rules.due_ids`: the round's own time, then MD5 over its 16 bytes and the person's text; version 8.
_DUE_ID: Final = """
overlay(overlay(overlay(h.hex placing left(replace(%(round)s::uuid::text, '-', ''), 12) from 1 for 12)
                placing '8' from 13 for 1)
        placing translate(substr(h.hex, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab') from 17 for 1)::uuid
"""

_BUILD: Final = f"""
WITH rule AS MATERIALIZED (
  SELECT * FROM unnest(%(codes)s::text[], %(ranks)s::int[], %(singles)s::bool[], %(homes)s::bool[], %(keys)s::bool[],
                       %(weights)s::int[]) AS r(code, rank, single, home, key, weight)),
class AS MATERIALIZED (
  SELECT * FROM unnest(%(class_areas)s::text[], %(class_ranks)s::int[], %(class_sealed)s::bool[])
                AS k(area, rank, sealed)),
who AS (SELECT * FROM unnest(%(persons)s::uuid[], %(commands)s::uuid[], %(ats)s::timestamptz[])
                      AS w(person_id, added_by, at)),
held AS (
  SELECT c.person_id, min(r.rank) AS rank, bool_or(r.single) AS single, bool_or(r.home) AS home,
         bool_or(r.key) AS key, bool_or(r.code = 'student') AS student,
         (array_agg(r.code ORDER BY r.weight))[1] AS category
    FROM population_personcategory c JOIN rule r ON r.code = c.code {{held_from}}
   GROUP BY c.person_id)
INSERT INTO campaigns_dueperson (id, round_id, person_id, area, rank, category, mode, home, site_code, state, reason,
                                 owner, added_by)
SELECT {_DUE_ID}, %(round)s, p.id, p.area, least(coalesce(h1.rank, %(general)s), %(general)s, k.rank),
       coalesce(h1.category, 'general'),
       CASE WHEN %(all_single)s OR h1.single THEN 'single'
            WHEN p.household_id IS NOT NULL AND (%(household_always)s OR (%(household_sealed)s AND k.sealed))
            THEN 'household' ELSE 'pool' END,
       coalesce(h1.home, false), '', %(state)s, %(reason)s, %(owner)s, {{added_by}}
  FROM population_person p {{person_from}}
  LEFT JOIN held h1 ON h1.person_id = p.id
  LEFT JOIN LATERAL (SELECT min(class.rank) AS rank, coalesce(bool_or(class.sealed), false) AS sealed
                       FROM class WHERE p.area ^@ class.area) k ON true
 CROSS JOIN LATERAL (SELECT md5(uuid_send(%(round)s::uuid) || convert_to(p.id::text, 'UTF8')) AS hex) h
 WHERE {{which}}
"""  # noqa: S608 - fixed fragments

# In the order of villages, so that a village's people lie together on the disk.
_EVERYBODY: Final = _BUILD.format(
    held_from="WHERE c.since <= %(at)s AND (c.until IS NULL OR c.until > %(at)s)",
    person_from="",
    added_by="NULL::uuid",
    which="""p.area LIKE %(prefix)s AND (%(within)s::text[] = '{{}}' OR p.area ^@ ANY(%(within)s::text[]))
          AND CASE %(people)s WHEN 'key_groups' THEN coalesce(h1.key, false)
                                                       WHEN 'students' THEN coalesce(h1.student, false)
                                                       ELSE true END
          ORDER BY p.area, p.id
          ON CONFLICT (round_id, person_id) DO NOTHING""",
)
_NAMED: Final = _BUILD.format(
    held_from="""JOIN who w1 ON w1.person_id = c.person_id
                WHERE c.since <= w1.at AND (c.until IS NULL OR c.until > w1.at)""",
    person_from="JOIN who w ON w.person_id = p.id",
    added_by="w.added_by",
    which="true ON CONFLICT (round_id, person_id) DO NOTHING",
)


def _parameters(
    brief: queries.RoundBrief, classes: Mapping[str, str], *, state: str, owner: str, reason: str
) -> dict[str, Any]:
    rule = rules.list_rule(queries.preset_by_id(brief.preset_id))
    return {
        "round": brief.id,
        "codes": [c.code for c in rule.categories],
        "ranks": [c.rank for c in rule.categories],
        "singles": [c.single for c in rule.categories],
        "homes": [c.home for c in rule.categories],
        "keys": [c.key for c in rule.categories],
        "weights": [c.weight for c in rule.categories],
        "class_areas": list(classes),
        "class_ranks": [rule.area_ranks.get(kind, rule.general_rank) for kind in classes.values()],
        "class_sealed": [kind == rules.SEALED_ESTATE for kind in classes.values()],
        "general": rule.general_rank,
        "all_single": rule.all_single,
        "household_always": rule.household == "anywhere",
        "household_sealed": rule.household == rules.SEALED_ESTATE,
        "people": rule.people,
        "state": state,
        "owner": owner,
        "reason": reason,
        "persons": [],
        "commands": [],
        "ats": [],
    }


def round_freeze(
    *,
    actor: Actor,
    command_id: uuid.UUID,
    round_id: uuid.UUID,
    at: datetime,
    classes: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
) -> int:
    """Fix the denominator: everybody whose present address lies in the round's area, as the preset orders (R12, R13).

    `classes` names risk areas and sealed estates inside the round; `within` the towns and villages it is of, when not
    of all. Returns the number of people. Refused when it was done before (`campaigns.already_frozen`), after the draft
    (`campaigns.round_state`) or for nobody (`campaigns.nobody_due`).
    """
    row = locked_round(round_id)
    scope.require(actor, "plan_round", row.area)
    if row.frozen_at is not None:
        raise RuleBroken("campaigns.already_frozen", status=409, due_total=row.due_total)
    if row.state != "draft":
        raise RuleBroken("campaigns.round_state", status=409, state=row.state, to="frozen")
    checked = rules.area_classes_checked(row.area, classes or {})
    parts = rules.within_checked(row.area, within)
    parameters = _parameters(
        queries.round_brief(round_id), checked, state="due", owner="", reason=""
    )
    with connection.cursor() as cursor:
        # A replay begins with the list as it was frozen; the roster it reads is today's, with whoever moved in since.
        if not journal.is_replaying():
            cursor.execute(
                _EVERYBODY, {**parameters, "at": at, "prefix": f"{row.area}%", "within": parts}
            )
        # Counted, not taken from the insert: a replay inserts nobody, and whoever was swabbed before the freeze is on
        # the list as added.
        cursor.execute(
            "SELECT count(*) FROM campaigns_dueperson WHERE round_id = %s AND added_by IS NULL",
            [round_id],
        )
        total = int(cursor.fetchone()[0])
    if not total:
        raise RuleBroken("campaigns.nobody_due", area=row.area)
    Round.objects.filter(id=round_id).update(
        frozen_at=at, due_total=total, area_classes=checked, within=parts
    )
    outbox.publish(RoundFrozen(id=derived(command_id, "frozen"), at=at, round_id=round_id))
    return total


def insert_named(
    *,
    brief: queries.RoundBrief,
    people: Sequence[tuple[uuid.UUID, uuid.UUID, datetime]],
    state: str,
    owner: str,
    reason: str,
) -> int:
    """Put single people `(person_id, command id, at)` on a list; those on it already stay as they are.

    One statement.
    """
    parameters = _parameters(brief, brief.area_classes, state=state, owner=owner, reason=reason)
    parameters["persons"] = [person for person, _, _ in people]
    parameters["commands"] = [command for _, command, _ in people]
    parameters["ats"] = [at for _, _, at in people]
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, parameters)
        return int(cursor.rowcount)
