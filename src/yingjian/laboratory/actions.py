"""Writes of this room. Called by command handlers and by planning, inside the journal's transaction.

Commands of the bench come one at a time and hold thousands of tubes: the number of statements of a command
does not depend on how many.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from yingjian.access import clocks, outbox, scope
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as rounds
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.logistics.actions import Difference

from . import below, consequences, queries, rules
from .events import ResultCorrected, ResultsReleased
from .models import Allocation, HeldResult, Laboratory, Result, Run

SHOWN = 20  # offenders named in a refusal; the count is always exact


@dataclass(frozen=True, slots=True)
class AllocationRow:
    """A share of a site's tubes for one laboratory."""

    laboratory_id: uuid.UUID
    site_code: str
    area: str
    tubes_planned: int


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A result as it was handed in."""

    result_id: uuid.UUID
    tube_code: str
    outcome: str
    ct: Mapping[str, Any]


def laboratory_add(
    *, actor: Actor, id: uuid.UUID, code: str, name: str, kind: str, area: str, tubes_per_day: int,
    opens_hour: int, closes_hour: int,
) -> None:  # fmt: skip
    """Register a laboratory. `laboratory.code_taken` (409), `laboratory.hours_malformed`."""
    scope.require(actor, "administer", area)
    if not 0 <= opens_hour < closes_hour <= 24:  # noqa: PLR2004 - hours of a day
        raise RuleBroken("laboratory.hours_malformed", opens=opens_hour, closes=closes_hour)
    try:
        with transaction.atomic():
            Laboratory.objects.create(
                id=id, code=code, name=name, kind=kind, area=area, tubes_per_day=tubes_per_day,
                opens_hour=opens_hour, closes_hour=closes_hour,
            )  # fmt: skip
    except IntegrityError:
        raise RuleBroken("laboratory.code_taken", status=409, laboratory=code) from None


def laboratory_state(*, actor: Actor, id: uuid.UUID, to: str) -> Laboratory:
    """Clear, fill, suspend or blacklist a laboratory. `laboratory.state_refused` (409)."""
    laboratory = laboratory_known(id)
    scope.require(actor, "administer", laboratory.area)
    if not rules.may_become(rules.LABORATORY_STATES, laboratory.state, to):
        raise RuleBroken("laboratory.state_refused", status=409, state=laboratory.state, to=to)
    Laboratory.objects.filter(id=id).update(state=to)
    return laboratory


def laboratory_known(id: uuid.UUID) -> Laboratory:
    """`laboratory.laboratory_unknown` (404)."""
    found = Laboratory.objects.filter(id=id).first()
    if found is None:
        raise RuleBroken("laboratory.laboratory_unknown", status=404)
    return found


def allocate(*, round_id: uuid.UUID, rows: Sequence[AllocationRow]) -> None:
    """Match sites with laboratories for a round (采送检匹配); a row given again takes the new share."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO laboratory_allocation (id, round_id, laboratory_id, site_code, area, tubes_planned)
               SELECT g.id, %s, g.laboratory, g.site, g.area, g.tubes
                 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::int[])
                      AS g(id, laboratory, site, area, tubes)
                   ON CONFLICT (round_id, site_code, laboratory_id)
                   DO UPDATE SET tubes_planned = excluded.tubes_planned""",
            [
                round_id,
                [derived(round_id, f"allocation.{row.site_code}.{row.laboratory_id}") for row in rows],
                [row.laboratory_id for row in rows], [row.site_code for row in rows],
                [row.area for row in rows], [row.tubes_planned for row in rows],
            ],
        )  # fmt: skip


def allocations_clear(*, round_id: uuid.UUID) -> None:
    """Take back a round's matching, before another plan is applied."""
    Allocation.objects.filter(round_id=round_id).delete()


# --- runs


def run_start(
    *, actor: Actor, id: uuid.UUID, laboratory_id: uuid.UUID, round_id: uuid.UUID, instrument: str, kit: str,
    method: str, detection_limit: str, ct_limit: float | None, tube_codes: Sequence[str], at: datetime,
) -> list[str]:  # fmt: skip
    """Lay tubes on an instrument; stops `on_instrument` (R54). Returns the codes no tube is known for.

    `laboratory.run_known` (409).
    """
    laboratory = laboratory_known(laboratory_id)
    scope.require(actor, "test", laboratory.area)
    rounds.round_brief(round_id)
    if Run.objects.filter(id=id).exists():
        raise RuleBroken("laboratory.run_known", status=409)
    codes = sorted(set(tube_codes))
    Run.objects.create(
        id=id, laboratory=laboratory, round_id=round_id, area=laboratory.area, instrument=instrument, kit=kit,
        method=method, detection_limit=detection_limit, ct_limit=ct_limit, started_at=at, tubes=len(codes),
    )  # fmt: skip
    tubes = queries.tubes_by_code(codes, round_id)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO laboratory_runtube (id, run_id, tube_id, tube_code, area)
               SELECT g.id, %s, g.tube, g.code, %s
                 FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS g(id, tube, code)""",
            [
                id, laboratory.area, [derived(id, code) for code in codes],
                [tubes[code]["id"] if code in tubes else None for code in codes], codes,
            ],
        )  # fmt: skip
    ids = sorted(tube["id"] for tube in tubes.values())
    below.tubes_advance(tube_ids=ids, to="testing", at=at)
    clocks.stop("on_instrument", ids, at=at)
    return [code for code in codes if code not in tubes]


def run_end(*, actor: Actor, id: uuid.UUID, at: datetime) -> None:
    """The instrument is done. `laboratory.run_unknown` (404), `laboratory.run_times`."""
    run = Run.objects.filter(id=id).first()
    if run is None:
        raise RuleBroken("laboratory.run_unknown", status=404)
    scope.require(actor, "test", run.area)
    if at <= run.started_at:
        raise RuleBroken("laboratory.run_times", started=run.started_at.isoformat())
    Run.objects.filter(id=id, ended_at=None).update(ended_at=at)


# --- results


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of the results handed in: stored + held = handed in."""

    stored: int
    flagged: int
    held: list[tuple[str, str]]


def results_enter(
    *, actor: Actor, command_id: uuid.UUID, laboratory_id: uuid.UUID, run_id: uuid.UUID | None,
    given: Sequence[ResultRow], tested_at: datetime, at: datetime,
) -> Entered:  # fmt: skip
    """Store results, any number in a fixed number of statements. None is refused: what is odd is flagged, what
    cannot be bound to a tube is held for a person. `laboratory.run_unknown` (404).
    """
    laboratory = laboratory_known(laboratory_id)
    scope.require(actor, "enter_result", laboratory.area)
    run = queries.run_facts(run_id)
    facts = queries.tube_facts(sorted({row.tube_code for row in given}), laboratory_id, run)
    taken = queries.results_known([row.result_id for row in given])
    left = rules.capacity_left(
        laboratory.tubes_per_day, queries.tested_within_day(laboratory_id, tested_at)
    )
    stored: list[tuple[ResultRow, queries.TubeFacts, list[str]]] = []
    held: list[tuple[int, ResultRow, str]] = []
    bound: set[uuid.UUID] = set()
    for position, row in enumerate(given):
        tubes = facts.get(row.tube_code, [])
        code = _why_held(row, tubes, taken, bound)
        if code is not None:
            held.append((position, row, code))
            continue
        flags = rules.judge(row.outcome, row.ct, tested_at, at, tubes[0].bench)
        if len(stored) >= left:
            flags = sorted([*flags, "over_capacity"])
        stored.append((row, tubes[0], flags))
        taken.add(row.result_id)
        bound.add(tubes[0].id)
    sheet = _Sheet(command_id, laboratory, run_id, tested_at, actor.id, at)
    _results_store(sheet, stored)
    _held_store(sheet, held)
    below.tubes_advance(tube_ids=sorted(tube.id for _, tube, _ in stored), to="resulted", at=at)
    if len(stored) > left:
        _capacity_alarm(sheet, stored[-1][1].round_id, len(stored) - left)
    return Entered(
        len(stored),
        sum(bool(flags) for *_, flags in stored),
        [(row.tube_code, code) for _, row, code in held],
    )


def _why_held(
    row: ResultRow, tubes: Sequence[queries.TubeFacts], taken: set[uuid.UUID], bound: set[uuid.UUID]
) -> str | None:
    if not rules.outcome_known(row.outcome):
        return "laboratory.outcome_unknown"
    if not tubes:
        return "laboratory.tube_unknown"
    if len(tubes) > 1:
        return "laboratory.tube_ambiguous"
    if row.result_id in taken:
        return "laboratory.result_id_reused"
    if tubes[0].has_result or tubes[0].id in bound:
        return "laboratory.second_result"
    return None


def _json_each(values: Sequence[Any]) -> list[str]:
    return [msgspec.json.encode(value, order="deterministic").decode() for value in values]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What the results of one command share."""

    command_id: uuid.UUID
    laboratory: Laboratory
    run_id: uuid.UUID | None
    tested_at: datetime
    by: uuid.UUID
    at: datetime


def _results_store(
    sheet: _Sheet, stored: Sequence[tuple[ResultRow, queries.TubeFacts, list[str]]]
) -> None:
    if not stored:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO laboratory_result (id, tube_id, run_id, laboratory_id, round_id, area, version, outcome, ct,
                                              tested_at, entered_by, entered_at, reason, flags)
               SELECT g.id, g.tube, %s, %s, g.round, g.area, 1, g.outcome, g.ct::jsonb, %s, %s, %s, '', g.flags::jsonb
                 FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])
                      AS g(id, tube, round, area, outcome, ct, flags)""",
            [
                sheet.run_id, sheet.laboratory.id, sheet.tested_at, sheet.by, sheet.at,
                [row.result_id for row, _, _ in stored], [tube.id for _, tube, _ in stored],
                [tube.round_id for _, tube, _ in stored], [tube.area for _, tube, _ in stored],
                [row.outcome for row, _, _ in stored], _json_each([row.ct for row, _, _ in stored]),
                _json_each([flags for *_, flags in stored]),
            ],
        )  # fmt: skip


def _held_store(sheet: _Sheet, held: Sequence[tuple[int, ResultRow, str]]) -> None:
    HeldResult.objects.bulk_create(
        HeldResult(
            id=derived(sheet.command_id, f"held.{position}"), result_id=row.result_id, laboratory=sheet.laboratory,
            run_id=sheet.run_id, area=sheet.laboratory.area, tube_code=row.tube_code, outcome=row.outcome[:40],
            ct=dict(row.ct), tested_at=sheet.tested_at, entered_by=sheet.by, entered_at=sheet.at, code=code,
        )
        for position, row, code in held
    )  # fmt: skip


def _capacity_alarm(sheet: _Sheet, round_id: uuid.UUID, over: int) -> None:
    """More results in a day than the laboratory can test: somebody must ask why (Hefei, Longyao)."""
    laboratory = sheet.laboratory
    tested_on = sheet.tested_at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    day = derived(laboratory.id, f"capacity.{tested_on.isoformat()}")
    below.discrepancies_open(
        found=[
            Difference(
                "capacity", "laboratory", day, laboratory.name, laboratory.area, round_id, laboratory.tubes_per_day,
                laboratory.tubes_per_day + over, sheet.at, owner_role="supervisor",
            )
        ]
    )  # fmt: skip


def held_decide(*, actor: Actor, id: uuid.UUID, decision: str, at: datetime) -> None:
    """Close a held result with what was decided. `laboratory.held_unknown` (404), `laboratory.held_decided` (409)."""
    held = HeldResult.objects.select_for_update().filter(id=id).first()
    if held is None:
        raise RuleBroken("laboratory.held_unknown", status=404)
    scope.require(actor, "release_result", held.area)
    if held.decided_at is not None:
        raise RuleBroken("laboratory.held_decided", status=409)
    HeldResult.objects.filter(id=id).update(
        decided_at=at, decision=_reason(decision, "laboratory.decision_missing")
    )


def _reason(text: str, code: str) -> str:
    cleaned = text.strip()
    if not cleaned:
        raise RuleBroken(code)
    return cleaned[:200]


def results_release(
    *, actor: Actor, command_id: uuid.UUID, result_ids: Sequence[uuid.UUID], at: datetime
) -> int:
    """Release results: all or none, by another person than the one who entered each. A handful of statements.

    `laboratory.result_unknown` (404), `laboratory.release_refused` (409) with the first offenders and why,
    `laboratory.package_mixed` (409): negatives and others never travel in one package (Lanzhou).
    """
    wanted = sorted(set(result_ids))
    if not wanted:
        raise RuleBroken("laboratory.nothing_to_release")
    queries.results_lock(wanted)
    found = queries.results_to_judge(wanted)
    if len(found) < len(wanted):
        raise RuleBroken("laboratory.result_unknown", status=404, count=len(wanted) - len(found))
    for area in sorted({row["laboratory_area"] for row in found}):
        scope.require(actor, "release_result", area)
    _release_judged(actor, found)
    released = Result.objects.filter(id__in=wanted, released_at=None).update(
        released_by=actor.id, released_at=at
    )
    if released != len(wanted):
        raise AssertionError("locked results changed under the lock")
    consequences.of_release(found, at=at)
    _announce(command_id, found, at)
    return released


def latecomers_settle(*, actor: Actor, round_id: uuid.UUID, at: datetime) -> int:
    """Give the released negative result of their tube to people whose swab was uploaded after it. Returns how many."""
    scope.require(actor, "release_result", rounds.round_brief(round_id).area)
    return consequences.of_latecomers(round_id, at=at)


def _release_judged(actor: Actor, found: Sequence[Mapping[str, Any]]) -> None:
    problems = [
        (row["tube_code"], code)
        for row in found
        if (code := rules.release_problem(_candidate(row), releaser=actor.id)) is not None
    ]
    if problems:
        codes = sorted({code for _, code in problems})
        shown = [{"tube": tube, "code": code} for tube, code in problems[:SHOWN]]
        code = codes[0] if len(codes) == 1 else "laboratory.release_refused"
        raise RuleBroken(code, status=409, count=len(problems), where=shown)
    if rules.package_mixed([row["outcome"] for row in found]):
        others = [row["tube_code"] for row in found if row["outcome"] != "negative"]
        raise RuleBroken(
            "laboratory.package_mixed", status=409, count=len(others), where=others[:SHOWN]
        )


def _candidate(row: Mapping[str, Any]) -> rules.Candidate:
    return rules.Candidate(
        tube_code=row["tube_code"], outcome=row["outcome"], entered_by=row["entered_by"], released=row["released"],
        superseded=row["superseded"], tube_state=row["tube_state"], received=row["received"],
        laboratory_state=row["laboratory_state"], flags=row["flags"],
    )  # fmt: skip


def _announce(command_id: uuid.UUID, found: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """One event per round for what is new, one per correction of what was released before."""
    fresh = [row for row in found if not row["old_released"]]
    for round_id in sorted({row["round_id"] for row in fresh}):
        outbox.publish(
            ResultsReleased(
                id=derived(command_id, f"released.{round_id}"), at=at, round_id=round_id,
                result_ids=[row["id"] for row in fresh if row["round_id"] == round_id],
            )
        )  # fmt: skip
    for row in found:
        if row["old_released"]:
            outbox.publish(
                ResultCorrected(
                    id=derived(row["id"], "corrected"), at=at, round_id=row["round_id"], result_id=row["id"],
                    corrected_id=row["corrects_id"],
                )
            )  # fmt: skip


def result_correct(
    *, actor: Actor, id: uuid.UUID, corrects: uuid.UUID, outcome: str, ct: Mapping[str, Any] | None, reason: str,
    tested_at: datetime | None, at: datetime,
) -> None:  # fmt: skip
    """Write a new version of a result, with a reason; both are kept, and another person must release it (Hohhot).

    `laboratory.result_unknown` (404), `laboratory.result_superseded` (409), `laboratory.reason_missing`,
    `laboratory.outcome_unknown`, `laboratory.result_known` (409).
    """
    queries.results_lock([corrects])
    old = Result.objects.filter(id=corrects).select_related("run", "laboratory").first()
    if old is None:
        raise RuleBroken("laboratory.result_unknown", status=404, count=1)
    scope.require(actor, "enter_result", old.laboratory.area)
    if Result.objects.filter(corrects_id=corrects).exists():
        raise RuleBroken("laboratory.result_superseded", status=409, count=1, where=[])
    if not rules.outcome_known(outcome):
        raise RuleBroken("laboratory.outcome_unknown", outcome=outcome[:40])
    if Result.objects.filter(id=id).exists():
        raise RuleBroken("laboratory.result_known", status=409)
    evidence = dict(old.ct) if ct is None else dict(ct)
    tested = tested_at or old.tested_at
    limit = old.run.ct_limit if old.run else None
    odd = {flag for flag in old.flags if flag not in rules.BARRIERS}
    odd |= {"ct_contradicts"} if rules.ct_contradicts(outcome, evidence, limit) else set()
    odd |= {"in_future"} if tested > at else set()
    Result.objects.create(
        id=id, tube_id=old.tube_id, run_id=old.run_id, laboratory_id=old.laboratory_id, round_id=old.round_id,
        area=old.area, version=old.version + 1, outcome=outcome, ct=evidence, tested_at=tested, entered_by=actor.id,
        entered_at=at, corrects_id=corrects, reason=_reason(reason, "laboratory.reason_missing"), flags=sorted(odd),
    )  # fmt: skip
