"""Reads of this room: what a handler must know, the bench's lists, a resident's result, drift, conservation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from yingjian.campaigns import presets
from yingjian.campaigns.presets import Preset
from yingjian.kernel.errors import RuleBroken

from . import rules

PAGE: Final = 200


def rows(sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run a read and name its columns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def flagging(preset: Preset) -> list[str]:
    """Outcomes that open a recheck under this preset (R70)."""
    return [outcome for outcome in presets.OUTCOMES if presets.flags_pool(preset, outcome)]


# --- what a receipt must know


def box_at_door(code: str) -> dict[str, Any] | None:
    """The box a code means: the newest binding that was not checked yet, else the newest."""
    found = rows(
        """SELECT id, code, round_id, area, state, site_code FROM logistics_box WHERE code = %(code)s
            ORDER BY state IN ('checked', 'emptied'), binding DESC LIMIT 1""",
        {"code": code},
    )
    return found[0] if found else None


def manifest_open(box_id: uuid.UUID) -> list[str]:
    """Codes on a box's manifest that no earlier receipt of the box has accounted for."""
    found = rows(
        """SELECT b.tube_code FROM logistics_boxline b
            WHERE b.box_id = %(box)s AND b.moved_at IS NULL AND NOT EXISTS (
                  SELECT 1 FROM laboratory_receipt r JOIN laboratory_receiptline l ON l.receipt_id = r.id
                   WHERE r.box_id = b.box_id AND l.tube_code = b.tube_code AND l.state <> 'missing')""",
        {"box": box_id},
    )
    return [row["tube_code"] for row in found]


def tubes_of_receipt(receipt_id: uuid.UUID) -> list[uuid.UUID]:
    """Known tubes among the lines of a receipt."""
    found = rows(
        "SELECT tube_id FROM laboratory_receiptline WHERE receipt_id = %(id)s AND tube_id IS NOT NULL ORDER BY tube_id",
        {"id": receipt_id},
    )
    return [row["tube_id"] for row in found]


def tubes_by_code(codes: Sequence[str], round_id: uuid.UUID | None) -> dict[str, dict[str, Any]]:
    """Tubes by printed code; of several bindings the one of this round that is still on its way."""
    found = rows(
        """SELECT DISTINCT ON (code) code, id, round_id, area, state, first_swab_at, mode, purpose
             FROM sampling_tube WHERE code = ANY(%(codes)s)
            ORDER BY code, round_id IS DISTINCT FROM %(round)s,
                     state IN ('resulted', 'released', 'voided', 'rejected'), binding""",
        {"codes": list(codes), "round": round_id},
    )
    return {row["code"]: row for row in found}


def tube_people(tube_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Per tube: its code, area, round, first swab and the categories of the people in it (for result clocks)."""
    found = rows(
        """SELECT t.id, t.code, t.area, t.round_id, coalesce(t.first_swab_at, t.opened_at) AS first_swab_at,
                  coalesce(array_agg(DISTINCT d.category) FILTER (WHERE d.category IS NOT NULL), '{}') AS categories
             FROM sampling_tube t LEFT JOIN sampling_swab s ON s.tube_id = t.id AND s.voided_at IS NULL
             LEFT JOIN campaigns_dueperson d ON d.id = s.due_id
            WHERE t.id = ANY(%(ids)s) GROUP BY t.id""",
        {"ids": list(tube_ids)},
    )
    return {row["id"]: row for row in found}


# --- what entering and releasing results must know


@dataclass(frozen=True, slots=True)
class TubeFacts:
    """A tube a result may mean, as one laboratory sees it."""

    id: uuid.UUID
    code: str
    round_id: uuid.UUID
    area: str
    bench: rules.TubeAtBench
    has_result: bool


def tube_facts(
    codes: Sequence[str], laboratory_id: uuid.UUID, run: Mapping[str, Any] | None
) -> dict[str, list[TubeFacts]]:
    """Every tube each code may mean: those this laboratory received, or else all of that code."""
    found = rows(
        """SELECT t.id, t.code, t.round_id, t.area, t.state, t.first_swab_at, here.at AS received_at,
                  EXISTS (SELECT 1 FROM laboratory_runtube x WHERE x.run_id = %(run)s AND x.tube_id = t.id) AS in_run,
                  EXISTS (SELECT 1 FROM laboratory_result r
                           WHERE r.tube_id = t.id AND r.laboratory_id = %(lab)s) AS has_result
             FROM sampling_tube t
             LEFT JOIN LATERAL (
                  SELECT min(c.at) AS at FROM laboratory_receiptline l JOIN laboratory_receipt c ON c.id = l.receipt_id
                   WHERE l.tube_id = t.id AND c.laboratory_id = %(lab)s AND l.state IN ('received', 'extra')
                  ) here ON true
            WHERE t.code = ANY(%(codes)s) ORDER BY t.code, t.binding""",
        {"codes": list(codes), "lab": laboratory_id, "run": None if run is None else run["id"]},
    )
    by_code: dict[str, list[TubeFacts]] = {}
    for row in found:
        bench = rules.TubeAtBench(
            state=row["state"], first_swab_at=row["first_swab_at"], received_at=row["received_at"],
            in_run=None if run is None else row["in_run"], run_started_at=None if run is None else run["started_at"],
            ct_limit=None if run is None else run["ct_limit"],
        )  # fmt: skip
        facts = TubeFacts(
            row["id"], row["code"], row["round_id"], row["area"], bench, row["has_result"]
        )
        by_code.setdefault(row["code"], []).append(facts)
    return {
        code: [one for one in all_of if one.bench.received_at is not None] or all_of
        for code, all_of in by_code.items()
    }


def results_lock(result_ids: Sequence[uuid.UUID]) -> None:
    """Hold these results until the transaction ends, in one order, so that two reviewers wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM laboratory_result WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            [list(result_ids)],
        )


def results_to_judge(result_ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Results with all that a release decision reads. Ask after `results_lock`, in a statement of its own."""
    return rows(
        """SELECT r.id, r.tube_id, r.round_id, r.outcome, r.entered_by, r.released_at IS NOT NULL AS released,
                  ARRAY(SELECT jsonb_array_elements_text(r.flags)) AS flags,
                  r.corrects_id, r.version, r.area, r.laboratory_id, t.code AS tube_code, t.state AS tube_state, t.mode,
                  t.purpose, l.area AS laboratory_area, l.state AS laboratory_state, o.outcome AS old_outcome,
                  o.released_at IS NOT NULL AS old_released,
                  EXISTS (SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id) AS superseded,
                  EXISTS (SELECT 1 FROM laboratory_receiptline x JOIN laboratory_receipt c ON c.id = x.receipt_id
                           WHERE x.tube_id = r.tube_id AND c.laboratory_id = r.laboratory_id
                             AND x.state IN ('received', 'extra')) AS received
             FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
             JOIN laboratory_laboratory l ON l.id = r.laboratory_id
             LEFT JOIN laboratory_result o ON o.id = r.corrects_id
            WHERE r.id = ANY(%(ids)s) ORDER BY r.id""",
        {"ids": list(result_ids)},
    )


# A released result that no released correction has replaced.
CURRENT: Final = """r.released_at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL)"""


def due_of_tubes(tube_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Due-list entries of the people in these tubes."""
    found = rows(
        """SELECT DISTINCT due_id FROM sampling_swab
            WHERE tube_id = ANY(%(tubes)s) AND voided_at IS NULL AND due_id IS NOT NULL ORDER BY due_id""",
        {"tubes": list(tube_ids)},
    )
    return [row["due_id"] for row in found]


def due_cleared(
    tube_ids: Sequence[uuid.UUID], round_id: uuid.UUID, outcomes: Sequence[str]
) -> list[uuid.UUID]:
    """Due-list entries of the people in these tubes, less those whom another released result of the round suspects.

    A negative tube never overrules a flagged one (SydPath, Lanzhou): those wait for their recheck.
    """
    found = rows(
        f"""WITH suspects AS (
              SELECT DISTINCT s.due_id FROM laboratory_result r JOIN sampling_swab s ON s.tube_id = r.tube_id
               WHERE r.round_id = %(round)s AND r.outcome <> 'negative' AND r.outcome = ANY(%(outcomes)s)
                 AND s.voided_at IS NULL AND s.due_id IS NOT NULL AND {CURRENT})
            SELECT DISTINCT s.due_id FROM sampling_swab s
             WHERE s.tube_id = ANY(%(tubes)s) AND s.voided_at IS NULL AND s.due_id IS NOT NULL
               AND s.due_id NOT IN (SELECT due_id FROM suspects) ORDER BY s.due_id""",  # noqa: S608 - fixed fragments
        {"tubes": list(tube_ids), "round": round_id, "outcomes": list(outcomes)},
    )
    return [row["due_id"] for row in found]


def due_told_negative(tube_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Due-list entries of the people in these tubes who hold a negative result."""
    found = rows(
        """SELECT DISTINCT s.due_id FROM sampling_swab s JOIN campaigns_dueperson d ON d.id = s.due_id
            WHERE s.tube_id = ANY(%(tubes)s) AND s.voided_at IS NULL AND d.outcome = 'negative' ORDER BY s.due_id""",
        {"tubes": list(tube_ids)},
    )
    return [row["due_id"] for row in found]


def due_without_other_tube(tube_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Due-list entries in these tubes whose people have no other usable tube: they must be swabbed again."""
    found = rows(
        f"""SELECT DISTINCT s.due_id FROM sampling_swab s
             WHERE s.tube_id = ANY(%(tubes)s) AND s.voided_at IS NULL AND s.due_id IS NOT NULL
               AND NOT EXISTS (
                   SELECT 1 FROM sampling_swab o JOIN sampling_tube t ON t.id = o.tube_id
                    WHERE o.due_id = s.due_id AND o.voided_at IS NULL AND NOT o.tube_id = ANY(%(tubes)s)
                      AND t.state NOT IN ('broken', 'missing', 'rejected', 'voided')
                      AND NOT EXISTS (SELECT 1 FROM laboratory_result r
                                       WHERE r.tube_id = t.id AND r.outcome = 'invalid' AND {CURRENT}))
             ORDER BY s.due_id""",  # noqa: S608 - fixed fragments
        {"tubes": list(tube_ids)},
    )
    return [row["due_id"] for row in found]


def tested_within_day(laboratory_id: uuid.UUID, tested_at: datetime) -> int:
    """Results a laboratory has handed in with a test time in the 24 hours that end at `tested_at`."""
    found = rows(
        """SELECT count(*) AS count FROM laboratory_result
            WHERE laboratory_id = %(lab)s AND version = 1 AND tested_at <= %(at)s
              AND tested_at > %(at)s - interval '24 hours'""",
        {"lab": laboratory_id, "at": tested_at},
    )
    return int(found[0]["count"])


def results_known(result_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these ids are results already."""
    found = rows(
        "SELECT id FROM laboratory_result WHERE id = ANY(%(ids)s)", {"ids": list(result_ids)}
    )
    return {row["id"] for row in found}


def run_facts(run_id: uuid.UUID | None) -> dict[str, Any] | None:
    """A run by id; None when none is named; `laboratory.run_unknown` (404)."""
    if run_id is None:
        return None
    found = rows(
        "SELECT id, started_at, ended_at, ct_limit FROM laboratory_run WHERE id = %(id)s",
        {"id": run_id},
    )
    if not found:
        raise RuleBroken("laboratory.run_unknown", status=404)
    return found[0]
