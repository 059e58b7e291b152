"""Reads of this room: what a handler must know, the bench's lists, a resident's result, drift, conservation."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import connection

from yingjian.access.actor import Actor
from yingjian.campaigns import presets
from yingjian.campaigns.presets import Preset
from yingjian.kernel.errors import RuleBroken

from . import rules
from .values import NAMED_KINDS

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


@dataclass(frozen=True, slots=True)
class Named:
    """A laboratory that a preset's word means."""

    id: uuid.UUID
    code: str


def nearest_named(asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Named]:
    """For each (area, what a preset calls a laboratory): the nearest working one of that kind (R72), where any is."""
    working = rows(
        """SELECT id, code, kind, area FROM laboratory_laboratory WHERE state NOT IN ('suspended', 'blacklisted')
            ORDER BY length(area) DESC, code""",
        {},
    )
    found = {}
    for area, name in set(asked):
        kinds = NAMED_KINDS.get(name, ())
        fitting = [lab for lab in working if not kinds or lab["kind"] in kinds]
        fitting.sort(key=lambda lab: not area.startswith(lab["area"]))  # stable: nearest first
        if fitting:
            found[area, name] = Named(fitting[0]["id"], fitting[0]["code"])
    return found


# --- what a receipt must know


def boxes_at_door(codes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The box each code means: the newest binding that was not checked yet, else the newest."""
    found = rows(
        """SELECT DISTINCT ON (code) id, code, round_id, area, state, site_code FROM logistics_box
            WHERE code = ANY(%(codes)s) ORDER BY code, state IN ('checked', 'emptied'), binding DESC""",
        {"codes": list(codes)},
    )
    return {row["code"]: row for row in found}


def manifests_open(box_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Codes on each box's manifest that no earlier receipt of the box has accounted for."""
    found = rows(
        """SELECT b.box_id, array_agg(b.tube_code) AS codes FROM logistics_boxline b
            WHERE b.box_id = ANY(%(boxes)s) AND b.moved_at IS NULL AND NOT EXISTS (
                  SELECT 1 FROM laboratory_receipt r JOIN laboratory_receiptline l ON l.receipt_id = r.id
                   WHERE r.box_id = b.box_id AND l.tube_code = b.tube_code AND l.state <> 'missing')
            GROUP BY b.box_id""",
        {"boxes": list(box_ids)},
    )
    return {row["box_id"]: row["codes"] for row in found}


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
             FROM sampling_tube WHERE code = ANY(%(codes)s) AND code <> ''
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
            WHERE t.code = ANY(%(codes)s) AND t.code <> '' ORDER BY t.code, t.binding""",
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


def tubes_with_latecomers(round_id: uuid.UUID) -> list[uuid.UUID]:
    """Tubes released negative in which somebody has no outcome: a swab uploaded after the release."""
    found = rows(
        f"""SELECT DISTINCT s.tube_id FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
              JOIN sampling_swab s ON s.tube_id = t.id AND s.voided_at IS NULL
              JOIN campaigns_dueperson d ON d.id = s.due_id AND d.outcome IS NULL
             WHERE r.round_id = %(round)s AND r.outcome = 'negative' AND t.purpose = 'screening' AND {CURRENT}
             ORDER BY s.tube_id""",  # noqa: S608 - fixed fragments
        {"round": round_id},
    )
    return [row["tube_id"] for row in found]


def due_without_outcome(due_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Of these due-list entries those without an outcome."""
    found = rows(
        "SELECT id FROM campaigns_dueperson WHERE id = ANY(%(ids)s) AND outcome IS NULL ORDER BY id",
        {"ids": list(due_ids)},
    )
    return [row["id"] for row in found]


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


# --- screens


def laboratories_for(actor: Actor) -> list[dict[str, Any]]:
    """Laboratories in the actor's sight."""
    return rows(
        """SELECT id, code, name, kind, area, tubes_per_day, opens_hour, closes_hour, state
             FROM laboratory_laboratory ORDER BY code""",
        {},
    )


_BENCH: Final = """
  FROM sampling_tube t JOIN sampling_site s ON s.id = t.site_id
  JOIN LATERAL (SELECT min(c.at) AS at FROM laboratory_receiptline l JOIN laboratory_receipt c ON c.id = l.receipt_id
                 WHERE l.tube_id = t.id AND c.laboratory_id = %(lab)s AND l.state IN ('received', 'extra')) here
    ON here.at IS NOT NULL
 WHERE t.id IN (SELECT l.tube_id FROM laboratory_receiptline l JOIN laboratory_receipt c ON c.id = l.receipt_id
                 WHERE c.laboratory_id = %(lab)s)
"""


def bench_for(
    actor: Actor, laboratory_id: uuid.UUID, *, state: str | None, after: uuid.UUID | None, limit: int
) -> list[dict[str, Any]]:  # fmt: skip
    """Tubes at a laboratory in the actor's sight, with the result clock that runs; keyset by tube id."""
    return rows(
        f"""SELECT t.id AS tube_id, t.code, t.round_id, s.code AS site_code, t.area, t.mode, t.purpose, t.people,
                   t.state, here.at AS received_at,
                   (SELECT min(k.due_at) FROM access_clock k WHERE k.subject_id = t.id AND k.stopped_at IS NULL
                       AND k.code IN ('result_key', 'result_other', 'result_max')) AS due_at
            {_BENCH} AND (%(state)s::text IS NULL OR t.state = %(state)s)
               AND (%(after)s::uuid IS NULL OR t.id > %(after)s) ORDER BY t.id LIMIT %(limit)s""",  # noqa: S608
        {"lab": laboratory_id, "state": state, "after": after, "limit": limit},
    )


def bench_counts_for(actor: Actor, laboratory_id: uuid.UUID) -> dict[str, int]:
    """How many tubes of a laboratory are in which state."""
    found = rows(
        f"SELECT t.state, count(*) AS count {_BENCH} GROUP BY t.state ORDER BY t.state",
        {"lab": laboratory_id},
    )
    return {row["state"]: row["count"] for row in found}


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """Which results are asked for. `state` is entered, released or corrected."""

    round_id: uuid.UUID
    state: str | None = None
    laboratory_id: uuid.UUID | None = None
    outcome: str | None = None

    def params(self) -> dict[str, Any]:
        return {
            "round": self.round_id, "state": self.state, "lab": self.laboratory_id, "outcome": self.outcome,
        }  # fmt: skip


_STATE: Final = """CASE WHEN EXISTS (SELECT 1 FROM laboratory_result n WHERE n.corrects_id = r.id) THEN 'corrected'
                        WHEN r.released_at IS NULL THEN 'entered' ELSE 'released' END"""
_WANTED: Final = f"""r.round_id = %(round)s AND (%(state)s::text IS NULL OR {_STATE} = %(state)s)
                 AND (%(lab)s::uuid IS NULL OR r.laboratory_id = %(lab)s)
                 AND (%(outcome)s::text IS NULL OR r.outcome = %(outcome)s)"""


def results_for(
    actor: Actor, wanted: ResultFilter, *, after: uuid.UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Results of a round in the actor's sight, with who entered and released them; keyset by id."""
    found = rows(
        f"""SELECT r.id, t.code AS tube_code, r.area, s.code AS site_code, t.mode, t.purpose, t.people, r.laboratory_id,
                   coalesce(l.name, '') AS laboratory, r.version, r.outcome, r.ct::text AS ct,
                   ARRAY(SELECT jsonb_array_elements_text(r.flags)) AS flags, {_STATE} AS state, r.tested_at,
                   r.entered_at,
                   coalesce(e.name, '') AS entered_by, r.released_at, coalesce(v.name, '') AS released_by,
                   r.corrects_id AS corrects, r.reason
              FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id JOIN sampling_site s ON s.id = t.site_id
              LEFT JOIN laboratory_laboratory l ON l.id = r.laboratory_id
              LEFT JOIN access_user e ON e.id = r.entered_by LEFT JOIN access_user v ON v.id = r.released_by
             WHERE {_WANTED} AND (%(after)s::uuid IS NULL OR r.id > %(after)s)
             ORDER BY r.id LIMIT %(limit)s""",  # noqa: S608 - fixed fragments
        {**wanted.params(), "after": after, "limit": limit},
    )
    return [{**row, "ct": msgspec.json.decode(row["ct"])} for row in found]


def result_counts_for(actor: Actor, wanted: ResultFilter) -> dict[str, int]:
    """How many of the results asked for have which outcome: the reviewer's totals before a package is released."""
    found = rows(
        f"SELECT r.outcome, count(*) AS count FROM laboratory_result r WHERE {_WANTED} GROUP BY r.outcome ORDER BY 1",  # noqa: S608
        wanted.params(),
    )
    return {row["outcome"]: row["count"] for row in found}


def held_for(
    actor: Actor, laboratory_id: uuid.UUID, *, decided: bool, after: uuid.UUID | None, limit: int
) -> list[dict[str, Any]]:  # fmt: skip
    """Held results of a laboratory, open or decided; keyset by id."""
    return rows(
        """SELECT id, laboratory_id, tube_code, outcome, tested_at, entered_at, code, decided_at, decision
             FROM laboratory_heldresult
            WHERE laboratory_id = %(lab)s AND (decided_at IS NOT NULL) = %(decided)s
              AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s""",
        {"lab": laboratory_id, "decided": decided, "after": after, "limit": limit},
    )


def drift_for(actor: Actor, round_id: uuid.UUID) -> list[dict[str, Any]]:
    """Per laboratory and kit: released screening results, those not negative, and the z against all the others.

    A laboratory that finds far too little, or far too much, shows here before anybody is harmed (Immensa, Hohhot).
    The farthest from the others comes first; what is far enough to act on is a person's judgement.
    """
    found = rows(
        f"""SELECT r.laboratory_id, l.name AS laboratory, coalesce(u.kit, '') AS kit, count(*) AS tests,
                   count(*) FILTER (WHERE r.outcome <> 'negative') AS unusual
              FROM laboratory_result r JOIN laboratory_laboratory l ON l.id = r.laboratory_id
              JOIN sampling_tube t ON t.id = r.tube_id LEFT JOIN laboratory_run u ON u.id = r.run_id
             WHERE r.round_id = %(round)s AND t.purpose = 'screening' AND {CURRENT}
             GROUP BY r.laboratory_id, l.name, u.kit ORDER BY l.name, u.kit""",  # noqa: S608 - fixed fragments
        {"round": round_id},
    )
    tests, unusual = sum(row["tests"] for row in found), sum(row["unusual"] for row in found)
    for row in found:
        row["others_tests"], row["others_unusual"] = tests - row["tests"], unusual - row["unusual"]
        row["z"] = rules.share_z(
            row["unusual"], row["tests"], row["others_unusual"], row["others_tests"]
        )
    return sorted(found, key=lambda row: -abs(row["z"] or 0))


# --- conservation


def conservation(round_id: uuid.UUID | None = None) -> dict[str, list[str]]:
    """The laws of this room, each with the records that break it (empty: it holds). Ask with sight of everywhere."""
    return {
        law: [str(row["breaks"]) for row in rows(sql, {"round": round_id})]
        for law, sql in _LAWS.items()
    }


_LAWS: Final = {
    "receipts_count_their_lines": """
        SELECT r.id AS breaks FROM laboratory_receipt r LEFT JOIN laboratory_receiptline l ON l.receipt_id = r.id
         WHERE (%(round)s::uuid IS NULL OR r.round_id = %(round)s) GROUP BY r.id
        HAVING (r.received, r.broken, r.missing) <>
               (count(*) FILTER (WHERE l.state IN ('received', 'extra')), count(*) FILTER (WHERE l.state = 'broken'),
                count(*) FILTER (WHERE l.state = 'missing'))""",
    "results_given_are_stored_or_held": """
        SELECT 'journal' AS breaks WHERE %(round)s::uuid IS NULL AND
               (SELECT coalesce(sum(jsonb_array_length(payload::jsonb -> 'results')), 0) FROM access_journal
                 WHERE kind = 'result.enter' AND verdict = 'applied')
               <> (SELECT count(*) FROM laboratory_result WHERE version = 1)
                  + (SELECT count(*) FROM laboratory_heldresult)""",
    "runs_count_their_tubes": """
        SELECT r.id AS breaks FROM laboratory_run r LEFT JOIN laboratory_runtube l ON l.run_id = r.id
         WHERE (%(round)s::uuid IS NULL OR r.round_id = %(round)s) GROUP BY r.id HAVING count(l.id) <> r.tubes""",
    "two_persons_answer_for_a_release": """
        SELECT r.id AS breaks FROM laboratory_result r
         WHERE (%(round)s::uuid IS NULL OR r.round_id = %(round)s) AND r.released_by = r.entered_by""",
    "released_tubes_were_received": """
        SELECT t.code AS breaks FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
         WHERE (%(round)s::uuid IS NULL OR r.round_id = %(round)s) AND r.released_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM laboratory_receiptline l JOIN laboratory_receipt c ON c.id = l.receipt_id
                            WHERE l.tube_id = r.tube_id AND c.laboratory_id = r.laboratory_id
                              AND l.state IN ('received', 'extra'))""",
    "versions_follow_each_other": """
        SELECT r.id AS breaks FROM laboratory_result r JOIN laboratory_result o ON o.id = r.corrects_id
         WHERE (%(round)s::uuid IS NULL OR r.round_id = %(round)s)
           AND (r.tube_id, r.laboratory_id, r.version) <> (o.tube_id, o.laboratory_id, o.version + 1)""",
    "released_tubes_say_so": """
        SELECT t.code AS breaks FROM sampling_tube t
         WHERE (%(round)s::uuid IS NULL OR t.round_id = %(round)s) AND (t.state = 'released') <> EXISTS (
               SELECT 1 FROM laboratory_result r WHERE r.tube_id = t.id AND r.released_at IS NOT NULL)""",
    "nobody_has_a_result_before_its_release": """
        SELECT d.id AS breaks FROM campaigns_dueperson d
         WHERE (%(round)s::uuid IS NULL OR d.round_id = %(round)s) AND d.state = 'resulted' AND NOT EXISTS (
               SELECT 1 FROM sampling_swab s JOIN laboratory_result r ON r.tube_id = s.tube_id
                WHERE s.due_id = d.id AND s.voided_at IS NULL AND r.released_at IS NOT NULL AND r.outcome = d.outcome
                  AND NOT EXISTS (SELECT 1 FROM laboratory_result n
                                   WHERE n.corrects_id = r.id AND n.released_at IS NOT NULL))""",
    "everybody_in_a_released_negative_tube_has_a_result": """
        SELECT s.id AS breaks FROM laboratory_result r JOIN sampling_tube t ON t.id = r.tube_id
          JOIN sampling_swab s ON s.tube_id = t.id AND s.voided_at IS NULL
          JOIN campaigns_dueperson d ON d.id = s.due_id
         WHERE (%(round)s::uuid IS NULL OR r.round_id = %(round)s) AND r.outcome = 'negative'
           AND t.purpose = 'screening' AND r.released_at IS NOT NULL AND d.outcome IS NULL""",
}
