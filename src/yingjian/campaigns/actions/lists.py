"""Decisions about people of a due list: excuse, take an excuse back, miss, add."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from yingjian.access import clocks, journal, outbox, scope
from yingjian.access.actor import Actor
from yingjian.access.permissions import granted
from yingjian.campaigns import queries, rules
from yingjian.campaigns.events import PeopleMissed
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.ledgers import actions as ledgers

from . import freezing
from .due import Missed, catch_up_begins, key_groups_settled
from .locking import shared_round_state

MARK: Final = "mark_due"
TOLD_AT_ONCE: Final = 10_000
NAMED: Final = 5
"""As many people a refusal names."""


def _active_round(round_id: uuid.UUID) -> str:
    """The state of a round that is frozen and not over (`campaigns.not_frozen`, `campaigns.round_over`)."""
    state = shared_round_state(round_id)
    if state in rules.OVER:
        raise RuleBroken("campaigns.round_over", status=409, state=state)
    return state


def _marking_areas(actor: Actor) -> list[str]:
    """Where the actor may decide about people of a list."""
    return sorted({hold.area for hold in actor.holds if MARK in granted(hold.role)})


@dataclass(frozen=True, slots=True)
class Excuse:
    """A person of a round's list who need not be tested, and why: `reason` is a code, `remark` the words beside it."""

    round_id: uuid.UUID
    person_id: uuid.UUID
    reason: str
    at: datetime
    command_id: uuid.UUID
    remark: str = ""

    @property
    def words(self) -> str:
        """What a task that ends by it says."""
        reason = self.reason.strip()
        return self.remark.strip() if reason == rules.OTHER else reason


def due_excuse(*, actor: Actor, rows: Sequence[Excuse]) -> list[queries.DueBrief]:
    """Excuse people, each with a reason of the round's preset or `other` in words; for missed people this ends the
    catch-up (R77).

    Refused for a reason nobody knows (`campaigns.excuse_unknown`), for people who were swabbed (`campaigns.due_state`,
    409) or are not on the list (`campaigns.due_unknown`, 404). After the close a missed person stays missed in the
    count, but their task ends. Excused twice changes nothing.
    A fixed number of statements per round, for any number of people. Returns the rows as they were, in order.
    """
    found: dict[tuple[uuid.UUID, uuid.UUID], queries.DueBrief] = {}
    for round_id in dict.fromkeys(row.round_id for row in rows):
        mine = {row.person_id: row for row in rows if row.round_id == round_id}
        _reasons_checked(round_id, mine.values())
        for person, due in _excuse_in(actor, round_id, mine).items():
            found[round_id, person] = due
    return [found[row.round_id, row.person_id] for row in rows]


def _excuse_in(
    actor: Actor, round_id: uuid.UUID, rows: Mapping[uuid.UUID, Excuse]
) -> dict[uuid.UUID, queries.DueBrief]:
    state = shared_round_state(round_id)
    found = {} if state == "cancelled" else queries.due_lookup(round_id, list(rows))
    wanted: dict[queries.DueBrief, Excuse] = {}
    for person, row in rows.items():
        due = found.get(person)
        if due is None:
            raise RuleBroken("campaigns.due_unknown", status=404, count=1, first=str(person))
        scope.require(actor, MARK, due.area)
        if due.state == "excused":
            continue
        if "excused" not in rules.DUE_MOVES[due.state] or (
            state == "closed" and due.state != "missed"
        ):
            raise RuleBroken("campaigns.due_state", status=409, state=due.state, to="excused")
        wanted[due] = row
    if state != "closed":
        _set_excused(wanted)
        if wanted:
            key_groups_settled(round_id=round_id, at=max(row.at for row in wanted.values()))
    _catch_up_ends({due.id: row for due, row in wanted.items() if due.state == "missed"})
    return found


def _reasons_checked(round_id: uuid.UUID, rows: Iterable[Excuse]) -> None:
    """What was decided before there was a list of reasons is not judged by it: a replay takes it as it stands."""
    if journal.is_replaying():
        return
    known = queries.excuses(queries.round_brief(round_id).preset_id)
    for row in rows:
        rules.excuse_checked(row.reason, row.remark, known)


def _set_excused(wanted: Mapping[queries.DueBrief, Excuse]) -> None:
    """Only from the state that was looked at: a swab that lands in between wins, and the excuse is refused."""
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_dueperson d SET state = 'excused', reason = s.reason, excused_by = s.command
                 FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[]) AS s(id, was, reason, command)
                WHERE d.id = s.id AND d.state = s.was""",
            [
                [due.id for due in wanted],
                [due.state for due in wanted],
                [row.reason.strip() for row in wanted.values()],
                [row.command_id for row in wanted.values()],
            ],
        )
        if cursor.rowcount != len(wanted):
            raise RuleBroken("campaigns.due_state", status=409, state="sampled", to="excused")


def _catch_up_ends(missed: Mapping[uuid.UUID, Excuse]) -> None:
    if missed:
        ends = {id: (row.at, row.words) for id, row in missed.items()}
        ledgers.tasks_close(kind=rules.CATCH_UP, ends=ends)
        clocks.stop_each(rules.CATCH_UP, {id: row.at for id, row in missed.items()})


def due_withdraw(
    *,
    actor: Actor,
    command_id: uuid.UUID,
    round_id: uuid.UUID,
    person_ids: Sequence[uuid.UUID],
    remark: str,
    at: datetime,
) -> int:
    """Take people out again who were added by mistake, all of them or none; `remark` says what went wrong.

    They stay on the list, excused as added by mistake: nobody is ever struck off, and a swab that arrives later is
    kept (decision 29). Refused after the end, for people of the frozen list (`campaigns.not_added`, 409) and for
    whom something is recorded of (`campaigns.added_recorded`, 409), both with their number and names. Who is out
    already stays so. Returns how many were taken out.
    """
    remark = rules.text_checked(remark, "remark", rules.REASON_MAX)
    _active_round(round_id)
    people = list(dict.fromkeys(person_ids))
    out = _all_withdrawable(actor, round_id, people)
    rows = {
        person: Excuse(round_id, person, rules.ADDED_BY_MISTAKE, at, command_id, remark)
        for person in people
        if person not in out
    }
    _excuse_in(actor, round_id, rows)
    return len(rows)


def _all_withdrawable(
    actor: Actor, round_id: uuid.UUID, people: Sequence[uuid.UUID]
) -> set[uuid.UUID]:
    """Refuse a list with anybody on it who cannot be taken out. Returns who is out already. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT d.person_id, d.area, p.name, d.added_by IS NOT NULL,
                      d.sampled_at IS NOT NULL OR d.resulted_at IS NOT NULL OR d.state IN ('sampled', 'resulted')
                      OR d.state = 'excused' AND d.reason <> %s, d.state = 'excused'
                 FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
                WHERE d.round_id = %s AND d.person_id = ANY(%s) ORDER BY d.area, d.person_id""",
            [rules.ADDED_BY_MISTAKE, round_id, list(people)],
        )
        found = cursor.fetchall()
    known = {row[0] for row in found}
    if unknown := [str(person) for person in people if person not in known]:
        raise RuleBroken("campaigns.due_unknown", status=404, count=len(unknown), first=unknown[0])
    for area in sorted({row[1] for row in found}):
        scope.require(actor, MARK, area)
    _nobody([name for _, _, name, added, _, _ in found if not added], "campaigns.not_added")
    _nobody([name for _, _, name, _, held, _ in found if held], "campaigns.added_recorded")
    return {row[0] for row in found if row[5]}


def _nobody(names: Sequence[str], code: str) -> None:
    """Refuse when there is somebody, with how many and, masked as on the list, who the first are."""
    if names:
        told = ", ".join(rules.masked_name(name) for name in names[:NAMED])
        more = " …" if len(names) > NAMED else ""
        raise RuleBroken(code, status=409, count=len(names), names=told + more)


def due_reinstate(
    *, actor: Actor, round_id: uuid.UUID, person_id: uuid.UUID, reason: str, at: datetime
) -> str:
    """Take an excuse back, with the reason why: the person is due again, or what the facts say meanwhile. Returns that.

    Whoever was missed before the excuse is missed again, with the owner of then, and the catch-up begins anew (R77).
    Refused after the end, for people who are not excused (`campaigns.due_state`, 409) or not on the list
    (`campaigns.due_unknown`, 404).
    """
    reason = rules.text_checked(reason, "reason", rules.REASON_MAX)
    _active_round(round_id)
    due = queries.due_lookup(round_id, [person_id]).get(person_id)
    if due is None:
        raise RuleBroken("campaigns.due_unknown", status=404, count=1, first=str(person_id))
    scope.require(actor, MARK, due.area)
    with connection.cursor() as cursor:
        # Only missed people have an owner.
        cursor.execute(
            """UPDATE campaigns_dueperson
                  SET state = CASE WHEN owner <> '' THEN 'missed' WHEN resulted_at IS NOT NULL THEN 'resulted'
                                   WHEN sampled_at IS NOT NULL THEN 'sampled' ELSE 'due' END,
                      reason = CASE WHEN owner <> '' THEN %s ELSE '' END,
                      caught_up_at = CASE WHEN owner <> '' THEN caught_up_at END, excused_by = NULL
                WHERE id = %s AND state = 'excused' RETURNING state, owner, caught_up_at IS NULL""",
            [reason, due.id],
        )
        row = cursor.fetchone()
    if row is None:
        raise RuleBroken("campaigns.due_state", status=409, state=due.state, to="due")
    state, owner, open_still = row
    if state == "missed" and open_still:
        missed = [Missed(due.id, due.area, owner)]
        catch_up_begins(brief=queries.round_brief(round_id), missed=missed, at=at)
    return str(state)


def due_miss(
    *,
    actor: Actor,
    command_id: uuid.UUID,
    round_id: uuid.UUID,
    person_ids: Sequence[uuid.UUID] | None,
    owner: str,
    reason: str,
    at: datetime,
) -> int:
    """Mark people missed: each gets an owner, a catch-up task and its clock (R13, R77). Set-based for any number.

    `person_ids` None means everybody still due in the actor's areas. Named people may also be sampled (a tube that
    was lost); people missed already are left alone. Returns how many were marked.
    """
    owner = rules.text_checked(owner, "owner", rules.OWNER_MAX)
    reason = rules.text_checked(reason, "reason", rules.REASON_MAX)
    _active_round(round_id)
    brief = queries.round_brief(round_id)
    if brief.frozen_at is None:
        raise RuleBroken("campaigns.not_frozen", status=409)
    areas = _marking_areas(actor)
    if person_ids is not None:
        _all_missable(round_id, person_ids, areas)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_dueperson d SET state = 'missed', owner = %(owner)s, reason = %(reason)s
                 WHERE d.round_id = %(round)s AND d.area ^@ ANY(%(areas)s::text[])
                   AND {
                "d.state = 'due'"
                if person_ids is None
                else "d.state IN ('due', 'sampled') AND d.person_id = ANY(%(people)s)"
            }
             RETURNING d.id, d.area""",  # noqa: S608 - fixed fragments
            {
                "owner": owner,
                "reason": reason,
                "round": round_id,
                "areas": areas,
                "people": list(person_ids or []),
            },
        )
        missed = [Missed(id, area, owner) for id, area in sorted(cursor.fetchall())]
    catch_up_begins(brief=brief, missed=missed, at=at)
    key_groups_settled(round_id=round_id, at=at)
    for start in range(0, len(missed), TOLD_AT_ONCE):
        told = [person.due_id for person in missed[start : start + TOLD_AT_ONCE]]
        outbox.publish(
            PeopleMissed(
                id=derived(command_id, f"missed.{start}"), at=at, round_id=round_id, due_ids=told
            )
        )
    return len(missed)


def _all_missable(
    round_id: uuid.UUID, person_ids: Sequence[uuid.UUID], areas: Sequence[str]
) -> None:
    """Refuse a list that names strangers, people outside the actor's areas, or people who are settled."""
    found = queries.due_lookup(round_id, person_ids)
    visible = {
        person: due for person, due in found.items() if any(due.area.startswith(a) for a in areas)
    }
    unknown = [str(person) for person in person_ids if person not in visible]
    if unknown:
        raise RuleBroken("campaigns.due_unknown", status=404, count=len(unknown), first=unknown[0])
    settled = [due for due in visible.values() if due.state in {"resulted", "excused"}]
    if settled:
        raise RuleBroken("campaigns.due_state", status=409, state=settled[0].state, to="missed")


def due_add(
    *,
    actor: Actor,
    command_id: uuid.UUID,
    round_id: uuid.UUID,
    person_ids: Sequence[uuid.UUID],
    at: datetime,
) -> int:
    """Put people of the roster on a frozen list, traced to this command (R13). Returns how many were new.

    Refused before the freeze, after the end, and for people who live outside the round's or the actor's area.
    """
    _active_round(round_id)
    brief = queries.round_brief(round_id)
    if brief.frozen_at is None:
        raise RuleBroken("campaigns.not_frozen", status=409)
    homes = queries.person_areas(person_ids)
    areas = _marking_areas(actor)
    stray = [
        person
        for person in person_ids
        if not homes.get(person, "").startswith(brief.area)
        or not any(homes[person].startswith(area) for area in areas)
    ]
    if stray:
        raise RuleBroken(
            "campaigns.person_outside", status=404, count=len(stray), first=str(stray[0])
        )
    people = [(person, command_id, at) for person in dict.fromkeys(person_ids)]
    return freezing.insert_named(brief=brief, people=people, state="due", owner="", reason="")
