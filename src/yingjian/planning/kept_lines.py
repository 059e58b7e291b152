"""Paths and barriers handed over before: a plan may name another plan that has them instead of a copy of the file."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from yingjian.kernel.errors import RuleBroken

KINDS: Final = ("barriers", "paths")


@dataclass(frozen=True, slots=True)
class KeptLines:
    """The lines of one kind in an earlier plan: the plan, its round and how many lines there are."""

    plan_id: uuid.UUID
    version: int
    round_id: uuid.UUID
    round_name: str
    count: int

    @property
    def option(self) -> dict[str, str]:
        """What stands for these lines among the options of a plan."""
        return {"plan": str(self.plan_id)}


_LAST: Final = """
SELECT DISTINCT ON (k.kind) k.kind, p.id, p.version, p.round_id, r.name, k.lines
  FROM campaigns_round own
  JOIN campaigns_round r ON r.area ^@ own.area OR own.area ^@ r.area
  JOIN planning_planrecord p ON p.round_id = r.id AND p.state <> 'dropped'
  CROSS JOIN LATERAL (VALUES ('barriers', p.barriers), ('paths', p.paths)) AS k (kind, lines)
 WHERE own.id = %s AND k.lines > 0 ORDER BY k.kind, p.round_id = own.id DESC, p.made_at DESC, p.id DESC
"""


def last(round_id: uuid.UUID) -> dict[str, KeptLines]:
    """By kind: the newest lines among the plans in sight whose round touches this one's area, its own plans first.

    Plans that were put aside do not count. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [round_id])
        return {kind: KeptLines(*row) for kind, *row in cursor.fetchall()}


def filled(round_id: uuid.UUID, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the lines themselves where they name the plan that has them.

    Refused where there is no such plan of a round that touches this one's area (`planning.plan_unknown`, 404).
    """
    return {
        name: _of(name, round_id, value["plan"])
        if name in KINDS and isinstance(value, dict) and set(value) == {"plan"}
        else value
        for name, value in options.items()
    }


_NAMED: Final = """
SELECT coalesce(p.document -> 'params' -> %(kind)s, '[]')::text
  FROM campaigns_round own
  JOIN campaigns_round r ON r.area ^@ own.area OR own.area ^@ r.area
  JOIN planning_planrecord p ON p.round_id = r.id
 WHERE own.id = %(round)s AND p.id = %(plan)s
"""


def _of(kind: str, round_id: uuid.UUID, plan_id: object) -> Any:
    try:
        asked = uuid.UUID(str(plan_id))
    except ValueError:
        raise RuleBroken("planning.plan_unknown", status=404) from None
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, {"kind": kind, "round": round_id, "plan": asked})
        row = cursor.fetchone()
    if row is None:
        raise RuleBroken("planning.plan_unknown", status=404)
    return json.loads(row[0])
