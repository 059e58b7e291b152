"""What happens to people of a due list: swabbed, un-swabbed, resulted, corrected, found. Facts are never refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from yingjian.access import clocks, prepared
from yingjian.campaigns import presets, queries, rules
from yingjian.kernel.arrays import literal
from yingjian.ledgers import actions as ledgers

from . import freezing
from .locking import shared_round_state, shared_rounds_of

KEY = sorted(presets.KEY_CATEGORIES)
FINAL = sorted(rules.FINAL_OUTCOMES)
prepared.grows("campaigns_dueperson", 64)
LATE_OWNER = "round_planner"
"""Who owns a person who is missed by a correction after the close: nobody was asked then."""


@dataclass(frozen=True, slots=True)
class DueResult:
    """A released (or corrected) result of a person: `outcome` negative, positive, grey, single_target or invalid."""

    due_id: uuid.UUID
    outcome: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FoundDue:
    """A person who turned up without being on the list. `added_by` is the command that found them: the trace (R13)."""

    person_id: uuid.UUID
    added_by: uuid.UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Missed:
    """A due row that is missed and needs a catch-up task."""

    due_id: uuid.UUID
    area: str
    owner: str


def due_sampled(*, at_by_due_id: Mapping[uuid.UUID, datetime]) -> list[uuid.UUID]:
    """People were swabbed: due → sampled, with the time of the first of their swabs that counts, which the caller
    knows. Excused or missed people are caught up (R77).

    One statement for any number; two more when somebody was caught up, whose task and clock then end. Returns the
    due ids of those caught up. What is known already changes nothing. The time may go back (an earlier swab arrived)
    or forth (the earlier one was voided); somebody missed although swabbed (the tube was lost) is caught up by it.
    """
    if not at_by_due_id:
        return []
    with prepared.cursor() as cursor:
        cursor.execute(
            """WITH changed AS (
               UPDATE campaigns_dueperson d
                  SET state = CASE d.state WHEN 'due' THEN 'sampled' ELSE d.state END,
                      sampled_at = s.at,
                      caught_up_at = CASE WHEN d.state IN ('excused', 'missed') THEN s.at ELSE d.caught_up_at END
                 FROM unnest(%s::uuid[], %s::timestamptz[]) AS s(id, at)
                WHERE d.id = s.id AND d.sampled_at IS DISTINCT FROM s.at
            RETURNING d.id, d.state)
               SELECT id, state FROM changed WHERE state IN ('excused', 'missed')""",
            [literal("uuid", at_by_due_id), literal("timestamptz", at_by_due_id.values())],
        )
        rows = cursor.fetchall()
    missed = {id: at_by_due_id[id] for id, state in rows if state == "missed"}
    if missed:
        _caught_up(missed, "sampled")
    return sorted(id for id, _ in rows)


def _caught_up(at_by_due_id: Mapping[uuid.UUID, datetime], outcome: str) -> None:
    ends = {id: (at, outcome) for id, at in at_by_due_id.items()}
    ledgers.tasks_close(kind=rules.CATCH_UP, ends=ends)
    clocks.stop_each(rules.CATCH_UP, at_by_due_id)


def due_unsampled(*, due_ids: Iterable[uuid.UUID], at: datetime) -> None:
    """The only swab of these people was voided: they are due again; in a closed round they are missed, with a task.

    Excused and missed people keep their state and are no longer caught up; the task of the missed is opened again.
    """
    ids = sorted(set(due_ids))
    if not ids:
        return
    shared_rounds_of(ids)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_dueperson d
                  SET state = CASE WHEN d.state = 'sampled' THEN 'due'
                                   WHEN d.state = 'resulted' AND r.state = 'closed' THEN 'missed'
                                   WHEN d.state = 'resulted' THEN 'due' ELSE d.state END,
                      owner = CASE WHEN d.state = 'resulted' AND r.state = 'closed' THEN %(owner)s ELSE d.owner END,
                      reason = CASE WHEN d.state = 'resulted' AND r.state = 'closed' THEN 'swab_voided'
                                    ELSE d.reason END,
                      sampled_at = NULL, resulted_at = NULL, outcome = NULL, caught_up_at = NULL
                 FROM campaigns_round r
                WHERE r.id = d.round_id AND d.id = ANY(%(ids)s)
            RETURNING d.round_id, d.id, d.area, d.owner, d.state""",
            {"ids": ids, "owner": LATE_OWNER},
        )
        rows = cursor.fetchall()
    _missed_anew(rows, at)


def _missed_anew(rows: Iterable[tuple[uuid.UUID, uuid.UUID, str, str, str]], at: datetime) -> None:
    by_round: dict[uuid.UUID, list[Missed]] = {}
    for round_id, due_id, area, owner, state in rows:
        if state == "missed":
            by_round.setdefault(round_id, []).append(Missed(due_id, area, owner))
    for round_id, missed in sorted(by_round.items()):
        catch_up_begins(brief=queries.round_brief(round_id), missed=missed, at=at)


def catch_up_begins(*, brief: queries.RoundBrief, missed: Sequence[Missed], at: datetime) -> None:
    """Open a catch-up task and start its clock for each missed person. Two statements for any number (R77)."""
    rule = queries.clock_rules(brief.id).get(rules.CATCH_UP)
    due_at = None if rule is None else rule.due(at)
    duty = queries.preset_by_id(brief.preset_id).duties.catch_up
    ledgers.tasks_open(
        rows=[
            ledgers.TaskOpen(
                kind=rules.CATCH_UP, subject_kind="due_person", subject_id=person.due_id, area=person.area,
                title=brief.name, owner_role=duty.owner, owner_name=person.owner, opened_at=at, due_at=due_at,
                round_id=brief.id,
            )
            for person in missed
        ]
    )  # fmt: skip
    if rule is not None:
        clocks.start(
            [
                clocks.ClockStart(
                    rule=rule, subject_kind="due_person", subject_id=person.due_id, label=brief.name,
                    area=person.area, round_id=brief.id, started_at=at, owner_name=person.owner,
                )
                for person in missed
            ]
        )  # fmt: skip


def _one_each(rows: Iterable[DueResult]) -> list[DueResult]:
    """One result per person: a positive before a negative before the rest, else the earliest."""
    best: dict[uuid.UUID, DueResult] = {}
    for row in sorted(rows, key=lambda r: (_weight(r.outcome), r.at)):
        best.setdefault(row.due_id, row)
    return list(best.values())


def _weight(outcome: str) -> int:
    return {"positive": 0, "negative": 1}.get(outcome, 2)


def due_resulted(*, round_id: uuid.UUID, rows: Iterable[DueResult]) -> None:
    """Results were released: due or sampled → resulted when negative or positive; other outcomes are noted and wait.

    Excused and missed people keep their state and get the outcome. A positive is never overwritten by a negative
    (only a correction does that). One statement for any number; one or two more when key people are among them (R9).
    """
    given = _one_each(rows)
    if not given:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_dueperson d
                  SET state = CASE WHEN d.state IN ('due', 'sampled') AND s.final THEN 'resulted' ELSE d.state END,
                      resulted_at = CASE WHEN s.final THEN least(d.resulted_at, s.at) ELSE d.resulted_at END,
                      outcome = CASE WHEN s.outcome = 'positive' OR d.resulted_at IS NULL THEN s.outcome
                                     ELSE d.outcome END
                 FROM (SELECT id, outcome, at, outcome = ANY(%(final)s) AS final
                         FROM unnest(%(ids)s::uuid[], %(outcomes)s::text[], %(ats)s::timestamptz[])
                              AS u(id, outcome, at)) s
                WHERE d.id = s.id AND d.round_id = %(round)s
            RETURNING d.category = ANY(%(key)s) AND d.state = 'resulted'""",
            _columns(given) | {"round": round_id},
        )
        key = any(row[0] for row in cursor.fetchall())
    if key:
        key_groups_settled(round_id=round_id, at=max(row.at for row in given))


def _columns(rows: Sequence[DueResult]) -> dict[str, Any]:
    return {
        "ids": [row.due_id for row in rows],
        "outcomes": [row.outcome for row in rows],
        "ats": [row.at for row in rows],
        "final": FINAL,
        "key": KEY,
    }


def key_groups_settled(*, round_id: uuid.UUID, at: datetime) -> None:
    """Stop the clock of the key groups (R9) once none of them is open."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT 1 FROM campaigns_dueperson
                               WHERE round_id = %s AND category = ANY(%s) AND category <> 'general'
                                 AND state IN ('due', 'sampled'))""",
            [round_id, KEY],
        )
        still = bool(cursor.fetchone()[0])
    if not still:
        clocks.stop("key_groups_finish", [round_id], at=at)


def due_corrected(*, round_id: uuid.UUID, rows: Iterable[DueResult]) -> None:
    """Released results were corrected: the new outcome replaces the old one.

    A correction to an outcome that does not end the obligation makes the person sampled again, waiting for another
    result; in a closed round missed, with a task and an owner.
    """
    given = _one_each(rows)
    if not given:
        return
    shared_round_state(round_id)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_dueperson d
                  SET state = CASE WHEN d.state IN ('excused', 'missed') THEN d.state WHEN s.final THEN 'resulted'
                                   WHEN r.state = 'closed' THEN 'missed' ELSE 'sampled' END,
                      owner = CASE WHEN NOT s.final AND r.state = 'closed' AND d.owner = '' THEN %(owner)s
                                   ELSE d.owner END,
                      reason = CASE WHEN NOT s.final AND r.state = 'closed' AND d.state = 'resulted'
                                    THEN 'result_corrected' ELSE d.reason END,
                      resulted_at = CASE WHEN s.final THEN s.at END,
                      outcome = s.outcome
                 FROM campaigns_round r,
                      (SELECT id, outcome, at, outcome = ANY(%(final)s) AS final
                         FROM unnest(%(ids)s::uuid[], %(outcomes)s::text[], %(ats)s::timestamptz[])
                              AS u(id, outcome, at)) s
                WHERE d.id = s.id AND r.id = d.round_id AND d.round_id = %(round)s
            RETURNING d.round_id, d.id, d.area, d.owner,
                      CASE WHEN NOT s.final AND r.state = 'closed' AND d.caught_up_at IS NULL
                           THEN d.state ELSE '' END""",
            _columns(given) | {"round": round_id, "owner": LATE_OWNER},
        )
        _missed_anew(cursor.fetchall(), max(row.at for row in given))


def due_add_found(
    *, round_id: uuid.UUID, rows: Sequence[FoundDue]
) -> dict[uuid.UUID, queries.DueBrief]:
    """Put people found on the way on the list, by the preset's rules; `due_total` stays what was frozen (R13).

    In a closed round they come in as missed, with an owner, and are caught up by the swab that found them. Returns
    the due row of every person named, also of those on the list before. Four statements for any number.
    """
    if not rows:
        return {}
    state = shared_round_state(round_id)
    late = state == "closed"
    freezing.insert_named(
        brief=queries.round_brief(round_id),
        people=[
            (row.person_id, row.added_by, row.at)
            for row in {row.person_id: row for row in reversed(rows)}.values()
        ],
        state="missed" if late else "due",
        owner=LATE_OWNER if late else "",
        reason="found_after_close" if late else "",
    )
    found = queries.due_lookup(round_id, [row.person_id for row in rows])
    if late:
        _late_tasks(round_id, rows, found)
    return found


def _late_tasks(
    round_id: uuid.UUID, rows: Sequence[FoundDue], found: Mapping[uuid.UUID, queries.DueBrief]
) -> None:
    """Whoever was found after the close owes a catch-up until the swab is recorded."""
    missed = [
        Missed(found[person].id, found[person].area, LATE_OWNER)
        for person in sorted({row.person_id for row in rows})
        if person in found and found[person].state == "missed"
    ]
    catch_up_begins(
        brief=queries.round_brief(round_id), missed=missed, at=min(row.at for row in rows)
    )
