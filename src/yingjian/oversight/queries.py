"""Reads for those who oversee: figures with their rows, coverage, reconciliation; in the actor's scope."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken

from .figures import FIGURES, Figure

PARTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Value:
    """A figure's value as of a moment; `parts` when the figure splits."""

    key: str
    value: int | datetime | None
    parts: dict[str, int]
    kind: str
    group: str


@cache
def labels(language: str) -> dict[str, dict[str, str]]:
    """Names of figures and groups in `zh` or `en`."""
    path = Path(__file__).with_name(f"figures.{'en' if language.startswith('en') else 'zh'}.json")
    loaded: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@contextmanager
def _at_once() -> Iterator[Any]:
    """A cursor whose queries all see the same moment of the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        yield cursor


def round_head(actor: Actor, round_id: uuid.UUID) -> dict[str, Any]:
    """The round's name, area, window and state; 404 `oversight.round_unknown` outside the actor's sight."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.id, r.name, r.no, r.area, r.state, r.window_start, r.window_end, r.frozen_at, r.activated_at,
                      r.closed_at, r.due_total, p.code AS preset, p.version AS preset_version, c.name AS campaign,
                      g.name AS area_name
                 FROM campaigns_round r JOIN campaigns_preset p ON p.id = r.preset_id
                 JOIN campaigns_campaign c ON c.id = r.campaign_id LEFT JOIN population_region g ON g.area = r.area
                WHERE r.id = %s""",
            [round_id],
        )
        found = _dicts(cursor)
    if not found:
        raise RuleBroken("oversight.round_unknown", status=404)
    return found[0]


def preset_document(actor: Actor, round_id: uuid.UUID) -> dict[str, Any]:
    """The round's stored preset, as it was when the round was made."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.document::text FROM campaigns_round r JOIN campaigns_preset p ON p.id = r.preset_id
                WHERE r.id = %s""",
            [round_id],
        )
        found = cursor.fetchone()
    if found is None:
        raise RuleBroken("oversight.round_unknown", status=404)
    document: dict[str, Any] = json.loads(found[0])
    return document


def _dicts(cursor: Any) -> list[dict[str, Any]]:
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def figure_of(key: str) -> Figure:
    """The definition of a figure; 404 `oversight.figure_unknown`."""
    try:
        return FIGURES[key]
    except KeyError:
        raise RuleBroken("oversight.figure_unknown", status=404, figure=key[:48]) from None


def _expression(measure: str) -> str:
    if measure == "count":
        return "count(*)"
    if ":" in measure:
        function, column = measure.split(":")
        if function == "p95":
            return f"coalesce(ceil(percentile_disc(0.95) WITHIN GROUP (ORDER BY {column})), 0)::int"
        return f"{function}({column})"
    return f"coalesce(sum({measure}), 0)"


def _value(cursor: Any, figure: Figure, round_id: uuid.UUID, as_of: datetime) -> Value:
    given = {"round": round_id, "as_of": as_of}
    measure = _expression(figure.measure)
    if figure.by is None:
        cursor.execute(f"SELECT {measure} FROM ({figure.rows}) counted", given)  # noqa: S608 - the registry's own text
        return Value(figure.key, cursor.fetchone()[0], {}, figure.kind, figure.group)
    cursor.execute(
        f"""SELECT coalesce({figure.by}::text, ''), {measure} FROM ({figure.rows}) counted
             GROUP BY 1 ORDER BY 2 DESC, 1""",  # noqa: S608 - the registry's own text
        given,
    )
    parts = {name: int(count) for name, count in cursor.fetchall()}
    return Value(figure.key, sum(parts.values()), parts, figure.kind, figure.group)


def figures_for(
    actor: Actor, round_id: uuid.UUID, *, as_of: datetime, keys: Sequence[str] | None = None
) -> dict[str, Value]:
    """Values of the named figures (all, when none are named), computed on one snapshot."""
    round_head(actor, round_id)
    chosen = [figure_of(key) for key in keys] if keys is not None else list(FIGURES.values())
    with _at_once() as cursor:
        return {figure.key: _value(cursor, figure, round_id, as_of) for figure in chosen}


def figure_rows_for(
    actor: Actor,
    round_id: uuid.UUID,
    key: str,
    *,
    as_of: datetime,
    part: str | None,
    after: int,
    limit: int,
) -> list[dict[str, Any]]:
    """The records a figure counts: the very rows its value was computed over. Ordered by all they say, so that no page
    repeats or skips one."""
    round_head(actor, round_id)
    figure = figure_of(key)
    condition = "true"
    if part is not None and figure.by is not None:
        condition = f"coalesce({figure.by}::text, '') = %(part)s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT * FROM ({figure.rows}) counted WHERE {condition}
                 ORDER BY 1, counted OFFSET %(after)s LIMIT %(limit)s""",  # noqa: S608 - the registry's own text
            {"round": round_id, "as_of": as_of, "part": part, "after": after, "limit": limit},
        )
        return _dicts(cursor)


_COVERAGE = """
SELECT v.area, coalesce(g.name, v.area) AS name, coalesce(t.name, '') AS town, v.due, v.sampled, v.resulted, v.excused,
       v.missed, v.due - v.done AS waiting, v.added
  FROM (SELECT area, count(*) AS due,
               count(*) FILTER (WHERE sampled_at IS NOT NULL) AS sampled,
               count(*) FILTER (WHERE state = 'resulted') AS resulted,
               count(*) FILTER (WHERE state = 'excused') AS excused,
               count(*) FILTER (WHERE state = 'missed') AS missed,
               count(*) FILTER (WHERE state <> 'due') AS done,
               count(*) FILTER (WHERE added_by IS NOT NULL) AS added
          FROM campaigns_dueperson WHERE round_id = %(round)s GROUP BY area) v
  LEFT JOIN population_region g ON g.area = v.area
  LEFT JOIN population_region t ON t.area = left(v.area, 9) AND length(v.area) > 9
 ORDER BY v.area
"""


def coverage_for(actor: Actor, round_id: uuid.UUID) -> list[dict[str, Any]]:
    """Per village: due, sampled, resulted, excused, missed, still waiting."""
    round_head(actor, round_id)
    with connection.cursor() as cursor:
        cursor.execute(_COVERAGE, {"round": round_id})
        return _dicts(cursor)


@dataclass(frozen=True, slots=True)
class Balance:
    """One law of conservation over a round: two figures, or a figure and a stated one, that must agree."""

    law: str
    left: str
    left_value: int
    right: str
    right_value: int

    @property
    def holds(self) -> bool:
        return self.left_value == self.right_value


def reconciliation_for(actor: Actor, round_id: uuid.UUID, *, as_of: datetime) -> list[Balance]:
    """Samples = stubs = register rows; due = resulted + excused + missed; stated figures beside recomputed ones.

    Stubs are compared only where cards were used (YL): a round run on codes alone has none.
    """
    values = figures_for(actor, round_id, as_of=as_of)

    def number(key: str) -> int:
        value = values[key].value
        return value if isinstance(value, int) else 0

    balances = [
        Balance(
            "samples_register",
            "samples",
            number("samples"),
            "register_rows",
            number("register_rows"),
        ),
    ]
    if number("stubs"):
        balances.append(
            Balance("samples_stubs", "samples", number("samples"), "stubs", number("stubs"))
        )
    terminal = number("people_resulted") + number("people_excused") + number("people_missed")
    balances.append(
        Balance("denominator", "due_people", number("due_people"), "people_terminal", terminal)
    )
    for figure, value, source in stated_for(actor, round_id):
        balances.append(Balance("stated", figure, number(figure), source, value))
    return balances


def stated_for(actor: Actor, round_id: uuid.UUID) -> list[tuple[str, int, str]]:
    """Figures somebody stated: (figure, value, source)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT figure, value, source FROM oversight_statedfigure WHERE round_id = %s ORDER BY figure, source",
            [round_id],
        )
        return [(figure, int(value), source) for figure, value, source in cursor.fetchall()]


def supplies_used_for(
    actor: Actor, round_id: uuid.UUID, *, as_of: datetime, language: str
) -> list[dict[str, Any]]:
    """What was used, by item, with its name and unit."""
    parts = figures_for(actor, round_id, as_of=as_of, keys=["supplies_used"])["supplies_used"].parts
    english = language.startswith("en")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, name_zh, name_en, unit_zh, unit_en FROM logistics_supplyitem WHERE code = ANY(%s)",
            [list(parts)],
        )
        return [
            {
                "item": row["code"],
                "name": row["name_en"] if english else row["name_zh"],
                "unit": row["unit_en"] if english else row["unit_zh"],
                "quantity": parts[row["code"]],
            }
            for row in sorted(_dicts(cursor), key=lambda found: found["code"])
        ]


def report_file(actor: Actor, report_id: uuid.UUID) -> dict[str, Any]:
    """Where a written report lies; 404 `oversight.report_unknown`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, round_id, kind, as_of, file_name, digest, written_at FROM oversight_report WHERE id = %s",
            [report_id],
        )
        found = _dicts(cursor)
    if not found:
        raise RuleBroken("oversight.report_unknown", status=404)
    return found[0]
