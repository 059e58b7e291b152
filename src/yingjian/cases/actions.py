"""Writes of this room. Called by command handlers, inside the journal's transaction; set-based for any number.

Everything here may be told twice: rows have ids derived from what caused them, states move by the tables in `rules`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest

from yingjian.access import clocks, outbox, scope
from yingjian.access.actor import Actor
from yingjian.access.clocks import ClockStart
from yingjian.campaigns import presets
from yingjian.campaigns.presets import Preset
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.laboratory.values import FLAGGED, NEGATIVE, POSITIVE

from . import below, queries, rules
from .events import PoolsFlagged, PoolsResolved, PositivesFound
from .models import Contact, Dispatch, FlaggedPool, Notice, PoolMember, Positive, Recheck

CASE: Final = "case"
POOL_CLOCKS: Final = ("pool_isolation", "recheck")
HOUSEHOLD_CATEGORY: Final = "close_contact"


def clock_of(
    preset: Preset, code: str, subject: tuple[str, uuid.UUID, str], place: tuple[str, uuid.UUID], at: datetime
) -> list[ClockStart]:  # fmt: skip
    """The clock `code` of a subject (kind, id, label) at a place (area, round); none when the plan has none."""
    rule = presets.clock_rule(preset, code)
    if rule is None:
        return []
    return [ClockStart(rule, *subject, area=place[0], round_id=place[1], started_at=at)]


# --- flagged pools


def pools_flag(*, result_ids: Sequence[uuid.UUID], at: datetime) -> list[uuid.UUID]:
    """Open a recheck for each of these released results: members in order, isolation notices, clocks (R70–R72).

    A tube is flagged once, whichever of its results says so first. Returns the new pools.
    """
    tubes: dict[uuid.UUID, Mapping[str, Any]] = {}
    for row in queries.tubes_to_flag(result_ids):
        tubes.setdefault(row["tube_id"], row)
    if not tubes:
        return []
    queries.tubes_lock(sorted(tubes))
    presets_of = queries.presets_of(row["round_id"] for row in tubes.values())
    targets = queries.originals_to(
        [(row["round_id"], row["area"]) for row in tubes.values()], presets_of
    )
    pools = [
        _pool_of(row, presets_of[row["round_id"]], targets[row["round_id"], row["area"]], at)
        for row in tubes.values()
    ]
    FlaggedPool.objects.bulk_create(pools, ignore_conflicts=True)
    pool_of = {pool.tube_id: pool for pool in pools}
    isolating = {
        pool.id for pool in pools if presets_of[pool.round_id].flagged.isolate_members.value
    }
    PoolMember.objects.bulk_create(
        (
            member_of(pool_of[swab["tube_id"]].id, swab, isolating=isolating, at=at)
            for swab in queries.swabs_of(list(tubes))
        ),
        ignore_conflicts=True,
    )
    starts: list[ClockStart] = []
    for pool in pools:
        subject = (CASE, pool.id, str(tubes[pool.tube_id]["code"]))
        for code in clocks_of(pool.id, isolating):
            starts += clock_of(
                presets_of[pool.round_id], code, subject, (pool.area, pool.round_id), at
            )
    clocks.start(starts)
    for round_id in sorted({pool.round_id for pool in pools}):
        ids = sorted(pool.id for pool in pools if pool.round_id == round_id)
        outbox.publish(
            PoolsFlagged(id=derived(ids[0], "flagged"), at=at, round_id=round_id, pool_ids=ids)
        )
    return [pool.id for pool in pools]


def clocks_of(pool_id: uuid.UUID, isolating: Collection[uuid.UUID]) -> tuple[str, ...]:
    return POOL_CLOCKS if pool_id in isolating else ("recheck",)


def member_of(
    pool_id: uuid.UUID, swab: Mapping[str, Any], *, isolating: Collection[uuid.UUID], at: datetime
) -> PoolMember:
    """A swab can be a member of several pools one after the other: it was moved from one tube to another."""
    return PoolMember(
        id=derived(swab["id"], f"member.{pool_id}"), pool_id=pool_id, swab_id=swab["id"], person_id=swab["person_id"],
        area=swab["area"], position=swab["position"], state="notified",
        isolation_sent_at=at if pool_id in isolating else None,
    )  # fmt: skip


def _pool_of(
    row: Mapping[str, Any], preset: Preset, original_to: uuid.UUID | None, at: datetime
) -> FlaggedPool:
    flagged = preset.flagged
    double = bool(flagged.single_positive_double_test.value)
    swabs = rules.swabs_needed(row["outcome"], row["mode"], flagged.swabs.need(), double)
    named = len(flagged.laboratories.value or ())
    return FlaggedPool(
        id=derived(row["tube_id"], "pool"), round_id=row["round_id"], tube_id=row["tube_id"],
        result_id=row["result_id"], area=row["area"], mode=row["mode"], outcome=row["outcome"], flagged_at=at,
        state="flagged", swabs_needed=swabs, laboratories_needed=rules.laboratories_needed(swabs, named),
        original_to_id=original_to,
    )  # fmt: skip


def pool_known(actor: Actor, pool_id: uuid.UUID) -> FlaggedPool:
    """`cases.pool_unknown` (404)."""
    pool = FlaggedPool.objects.filter(id=pool_id).first()
    if pool is None:
        raise RuleBroken("cases.pool_unknown", status=404)
    scope.require(actor, "investigate", pool.area)
    return pool


def team_dispatch(
    *, actor: Actor, id: uuid.UUID, pool_id: uuid.UUID, team: str, at: datetime
) -> None:
    """Send an emergency sampling team, as many as a pool needs (R73).

    `cases.team_missing`, `cases.dispatch_known` (409).
    """
    pool = pool_known(actor, pool_id)
    if not team.strip():
        raise RuleBroken("cases.team_missing")
    if Dispatch.objects.filter(id=id).exists():
        raise RuleBroken("cases.dispatch_known", status=409)
    Dispatch.objects.create(id=id, pool=pool, area=pool.area, team=team.strip(), sent_at=at)


def team_arrive(*, actor: Actor, id: uuid.UUID, at: datetime) -> None:
    """The team is at the door. `cases.dispatch_unknown` (404)."""
    found = Dispatch.objects.filter(id=id).first()
    if found is None:
        raise RuleBroken("cases.dispatch_unknown", status=404)
    scope.require(actor, "investigate", found.area)
    Dispatch.objects.filter(id=id, arrived_at=None).update(arrived_at=max(at, found.sent_at))


def original_sent(
    *, actor: Actor, pool_id: uuid.UUID, laboratory_id: uuid.UUID | None, at: datetime
) -> None:
    """The flagged tube itself went to the laboratory the preset names, or to another one (R72).

    `cases.laboratory_missing`: neither the preset's laboratory is registered nor another one was named.
    """
    pool = pool_known(actor, pool_id)
    target = laboratory_id or pool.original_to_id
    if target is None:
        raise RuleBroken("cases.laboratory_missing")
    queries.laboratories_known([target])
    FlaggedPool.objects.filter(id=pool_id, original_sent_at=None).update(
        original_to_id=target, original_sent_at=at
    )


def member_isolated(*, actor: Actor, id: uuid.UUID, at: datetime) -> None:
    """A member is isolated (R71). The clock stops when the last one is. `cases.member_unknown` (404)."""
    member = PoolMember.objects.filter(id=id).first()
    if member is None:
        raise RuleBroken("cases.member_unknown", status=404)
    scope.require(actor, "acknowledge", member.area)
    queries.members_lock([id])
    PoolMember.objects.filter(id=id, isolated_at=None).update(isolated_at=at)
    PoolMember.objects.filter(id=id, state="notified").update(state="isolated")
    pools_follow(pool_ids=[member.pool_id], at=at)


# --- recheck swabs and their results


@dataclass(frozen=True, slots=True)
class RecheckSwab:
    """One of a member's recheck swabs: its tube, and the laboratory it goes to."""

    member_id: uuid.UUID
    tube_id: uuid.UUID
    tube_code: str
    swab_id: uuid.UUID
    laboratory_id: uuid.UUID


def rechecks_record(
    *,
    actor: Actor,
    command_id: uuid.UUID,
    pool_id: uuid.UUID,
    swabs: Sequence[RecheckSwab],
    at: datetime,
) -> None:
    """Record recheck swabs, each in a tube of its own (R72). What happened is stored, also a third swab or a late one.

    `cases.member_unknown` (404): also a member of another pool. `cases.laboratory_unknown` (404),
    `cases.recheck_known` (409).
    """
    pool = pool_known(actor, pool_id)
    wanted = sorted({swab.member_id for swab in swabs})
    queries.members_lock(wanted)
    members = {member.id: member for member in PoolMember.objects.filter(pool=pool, id__in=wanted)}
    if len(members) < len(wanted):
        raise RuleBroken("cases.member_unknown", status=404)
    queries.laboratories_known(sorted({swab.laboratory_id for swab in swabs}))
    if Recheck.objects.filter(tube_id__in=[swab.tube_id for swab in swabs]).exists():
        raise RuleBroken("cases.recheck_known", status=409)
    attempts = {
        id: member.attempt + (not rules.attempt_open(member.state, member.reason, member.attempt))
        for id, member in members.items()
    }
    below.recheck_tubes(
        command_id=command_id, of_tube=pool.tube_id, at=at,
        rows=[
            below.RecheckTube(
                tube_id=swab.tube_id, code=swab.tube_code, swab_id=swab.swab_id,
                pair_id=derived(swab.member_id, f"pair.{attempts[swab.member_id]}"),
                person_id=members[swab.member_id].person_id,
            )
            for swab in swabs
        ],
    )  # fmt: skip
    Recheck.objects.bulk_create(
        Recheck(
            id=derived(swab.tube_id, "recheck"), member_id=swab.member_id, attempt=attempts[swab.member_id],
            tube_id=swab.tube_id, area=members[swab.member_id].area, laboratory_id=swab.laboratory_id, swabbed_at=at,
        )
        for swab in swabs
    )  # fmt: skip
    for member in members.values():
        member.attempt, member.reason = attempts[member.id], ""
        if member.state not in rules.SETTLED:
            member.state = "re_sampled"
    PoolMember.objects.bulk_update(members.values(), ["attempt", "reason", "state"])
    pools_follow(pool_ids=[pool_id], at=at)


def rechecks_settle(*, result_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Released results of recheck tubes: settle members, find positives, resolve pools (R72, R74)."""
    found = queries.rechecks_of_results(result_ids)
    if not found:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE cases_recheck k SET outcome = g.outcome, outcome_at = %s
                 FROM unnest(%s::uuid[], %s::text[]) AS g(id, outcome)
                WHERE k.id = g.id AND k.outcome IS DISTINCT FROM g.outcome""",
            [at, [row["id"] for row in found], [row["outcome"] for row in found]],
        )
    members = queries.members_with_tests(sorted({row["member_id"] for row in found}))
    _members_move(members, at)
    pools_follow(pool_ids=sorted({member["pool_id"] for member in members}), at=at)


def _members_move(members: Sequence[Mapping[str, Any]], at: datetime) -> None:
    moved: dict[str, list[Mapping[str, Any]]] = {}
    changes = []
    for member in members:
        tests = rules.Tests(
            list(zip(member["outcomes"], member["laboratories"], strict=True)),
            member["positive_anywhere"], member["swabs_needed"], member["laboratories_needed"],
        )  # fmt: skip
        state, reason = rules.member_after(member["state"], tests)
        if rules.may_become(rules.MEMBER_STATES, member["state"], state):
            moved.setdefault(state, []).append(member)
            changes.append((member["id"], state, reason, at if state in rules.SETTLED else None))
    if changes:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE cases_poolmember m SET state = g.state, reason = g.reason, settled_at = g.at
                     FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[]) AS g(id, state, reason, at)
                    WHERE m.id = g.id""",
                [list(column) for column in zip(*changes, strict=True)],
            )
    _people_told(moved, at)
    _positives_from([member for member in members if member["positive_anywhere"]], at)
    _doubts([member for member in members if member["positive_anywhere"]])


def _people_told(moved: Mapping[str, Sequence[Mapping[str, Any]]], at: datetime) -> None:
    """The due list hears who was released or confirmed; whoever no longer is, waits again."""
    outcomes = {
        "released": NEGATIVE,
        "confirmed": POSITIVE,
        "isolated": FLAGGED,
        "re_sampled": FLAGGED,
    }
    for state, members in moved.items():
        by_round: dict[uuid.UUID, list[Mapping[str, Any]]] = {}
        for member in members:
            if member["due_id"] is not None:
                by_round.setdefault(member["round_id"], []).append(member)
        for round_id, listed in sorted(by_round.items()):
            fresh = [m["due_id"] for m in listed if m["state"] not in rules.SETTLED]
            again = [m["due_id"] for m in listed if m["state"] in rules.SETTLED]
            if fresh and state in rules.SETTLED:
                below.due_resulted(round_id=round_id, due_ids=fresh, outcome=outcomes[state], at=at)
            if again:
                below.due_corrected(
                    round_id=round_id, due_ids=again, outcome=outcomes[state], at=at
                )


def _positives_from(members: Sequence[Mapping[str, Any]], at: datetime) -> None:
    results = queries.first_positive_results([member["id"] for member in members])
    positives_find(
        found=[
            Found(member["round_id"], member["person_id"], member["swab_id"], results[member["id"]], member["area"])
            for member in members
            if member["id"] in results
        ],
        at=at,
    )  # fmt: skip


def _doubts(members: Sequence[Mapping[str, Any]]) -> None:
    """What the recheck says about its cases: rechecked when every swab is in; in doubt when the tests disagree."""
    told: dict[tuple[bool, str], list[uuid.UUID]] = {}
    for member in members:
        _, doubt = rules.doubt_of(member["outcomes"], swabs=member["swabs_needed"])
        known = [outcome for outcome in member["outcomes"] if outcome is not None]
        complete = len(known) >= max(member["swabs_needed"], len(member["outcomes"]))
        case = _case_id(member["round_id"], member["person_id"], member["swab_id"])
        told.setdefault((complete, doubt), []).append(case)
    for (complete, doubt), ids in sorted(told.items()):
        cases = Positive.objects.filter(id__in=ids, state="initial")
        cases.update(doubt=doubt, state="rechecked" if complete else "initial")


def pools_follow(*, pool_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Bring pools to the state their members say; stop the clocks that this ends; tell who was resolved (R74)."""
    pools = queries.pools_locked(pool_ids)
    isolated = [pool["id"] for pool in pools if pool["isolated"]]
    re_swabbed = [pool["id"] for pool in pools if pool["re_swabbed"]]
    for pool in pools:
        isolated += pool["members_isolated"]
        re_swabbed += pool["members_re_swabbed"]
    clocks.stop("pool_isolation", isolated, at=at)
    clocks.stop("recheck", re_swabbed, at=at)
    changes: dict[tuple[str, str | None], list[uuid.UUID]] = {}
    for pool in pools:
        state = rules.pool_after(pool["members"])
        resolution = rules.resolution_of(pool["members"]) if state == "resolved" else None
        if (state, resolution) != (pool["state"], pool["resolution"]):
            changes.setdefault((state, resolution), []).append(pool["id"])
    for (state, resolution), ids in changes.items():
        FlaggedPool.objects.filter(id__in=ids).update(
            state=state, resolution=resolution, resolved_at=None if resolution is None else at, closed_reason=""
        )  # fmt: skip
    over = {id for (_, resolution), ids in changes.items() if resolution is not None for id in ids}
    for round_id in sorted({pool["round_id"] for pool in pools if pool["id"] in over}):
        ids = [pool["id"] for pool in pools if pool["id"] in over and pool["round_id"] == round_id]
        event = derived(ids[0], f"resolved.{at.isoformat()}")
        outbox.publish(PoolsResolved(id=event, at=at, round_id=round_id, pool_ids=ids))


# --- positives


@dataclass(frozen=True, slots=True)
class Found:
    """A person with a positive single test: whose swab, which result said so."""

    round_id: uuid.UUID
    person_id: uuid.UUID | None
    swab_id: uuid.UUID
    result_id: uuid.UUID
    area: str


def positives_of_results(*, result_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Released positives of single screening tubes."""
    queries.tubes_lock(queries.tubes_of_results(result_ids))
    positives_find(
        found=[
            Found(row["round_id"], row["person_id"], row["swab_id"], row["result_id"], row["area"])
            for row in queries.positives_in(result_ids)
        ],
        at=at,
    )


def positives_find(*, found: Sequence[Found], at: datetime) -> list[uuid.UUID]:
    """Open a case for each person not yet one in the round, and tell every party in the same transaction (R68, R69).

    All notices of a case carry the same time: there is no order among the parties. Starts `positive_notice` (stopped
    here: they are sent), `notice_ack` of each and `network_report` (R67). Household members are listed as contacts.
    """
    by_case = {_case_id(one.round_id, one.person_id, one.swab_id): one for one in reversed(found)}
    known = queries.cases_known(sorted({one.round_id for one in found}), sorted(by_case))
    Positive.objects.filter(id__in=known, state="excluded").update(doubt="positive_again")
    presets_of = queries.presets_of(one.round_id for one in found)
    cases = [
        _case(one, presets_of[one.round_id], at)
        for id, one in sorted(by_case.items())
        if id not in known
    ]
    Positive.objects.bulk_create(cases)
    notices = [notice for case in cases for notice in _notices(case, presets_of[case.round_id], at)]
    Notice.objects.bulk_create(notices)
    starts: list[ClockStart] = []
    for case in cases:
        preset, place = presets_of[case.round_id], (case.area, case.round_id)
        for code in ("positive_notice", "network_report"):
            starts += clock_of(preset, code, (CASE, case.id, case.case_no), place, at)
    for notice in notices:
        case = notice.positive
        preset, label = presets_of[case.round_id], f"{case.case_no} {notice.party}"
        place = (case.area, case.round_id)
        starts += clock_of(preset, "notice_ack", ("notice", notice.id, label), place, at)
    clocks.start(starts)
    clocks.stop("positive_notice", [case.id for case in cases], at=at)
    _household(cases, at)
    for round_id in sorted({case.round_id for case in cases}):
        ids = [case.id for case in cases if case.round_id == round_id]
        event = derived(ids[0], "found")
        outbox.publish(PositivesFound(id=event, at=at, round_id=round_id, positive_ids=ids))
    return [case.id for case in cases]


def _case_id(round_id: uuid.UUID, person_id: uuid.UUID | None, swab_id: uuid.UUID) -> uuid.UUID:
    """One case per person and round; of an unknown person, per swab."""
    return derived(round_id, f"positive.{person_id or swab_id}")


def _case(one: Found, preset: Preset, at: datetime) -> Positive:
    id, day = (
        _case_id(one.round_id, one.person_id, one.swab_id),
        at.astimezone(ZoneInfo(settings.TIME_ZONE)),
    )
    return Positive(
        id=id, round_id=one.round_id, person_id=one.person_id, swab_id=one.swab_id, result_id=one.result_id,
        area=one.area, case_no=f"{one.area[:6]}-{day:%Y%m%d}-{id.hex[:8].upper()}", found_at=at, state="initial",
        household_measure=preset.flagged.household_of_positive.value or "",
    )  # fmt: skip


def _notices(case: Positive, preset: Preset, at: datetime) -> list[Notice]:
    told = preset.notices
    return [
        Notice(
            id=derived(case.id, f"notice.{party}.{message}"), positive=case, area=case.area, party=party,
            message=message, sent_at=at,
        )
        for party in told.parties.value or ()
        for message in told.messages.value or ()
    ]  # fmt: skip


def _household(cases: Sequence[Positive], at: datetime) -> None:
    """Who shares a door with a positive is suggested as a contact (R75); the investigator decides."""
    by_person = {case.person_id: case for case in cases if case.person_id is not None}
    Contact.objects.bulk_create(
        (
            Contact(
                id=derived(by_person[person].id, f"contact.{other}"), positive=by_person[person], person_id=other,
                area=area, category=HOUSEHOLD_CATEGORY, basis="household", suggested_at=at,
            )
            for person, other, area in queries.household_of(sorted(by_person))
        ),
        ignore_conflicts=True,
    )  # fmt: skip


def notice_acknowledge(*, actor: Actor, id: uuid.UUID, by: str, at: datetime) -> None:
    """A party confirmed that it was told; the first one counts. `cases.notice_unknown` (404), `cases.name_missing`."""
    notice = Notice.objects.filter(id=id).first()
    if notice is None:
        raise RuleBroken("cases.notice_unknown", status=404)
    scope.require(actor, "acknowledge", notice.area)
    if not by.strip():
        raise RuleBroken("cases.name_missing")
    Notice.objects.filter(id=id, acknowledged_at=None).update(
        acknowledged_at=max(at, notice.sent_at), acknowledged_by=by.strip()[:80]
    )
    clocks.stop("notice_ack", [id], at=at)


def _positive(actor: Actor, id: uuid.UUID) -> Positive:
    """`cases.positive_unknown` (404)."""
    case = Positive.objects.select_for_update().filter(id=id).first()
    if case is None:
        raise RuleBroken("cases.positive_unknown", status=404)
    scope.require(actor, "investigate", case.area)
    return case


def positive_report(*, actor: Actor, id: uuid.UUID, at: datetime) -> None:
    """The case was entered into the national network (R67); the first report counts."""
    _positive(actor, id)
    Positive.objects.filter(id=id, reported_at=None).update(reported_at=Greatest(F("found_at"), at))
    clocks.stop("network_report", [id], at=at)


def positive_advance(*, actor: Actor, id: uuid.UUID, to: str, reason: str, at: datetime) -> None:
    """Move a case by hand: confirm, exclude with a reason, transfer.

    `cases.step_refused` (409), `cases.reason_missing`, `cases.exclusion_unsupported` (409): nothing but a complete
    negative recheck excludes a person.
    """
    case = _positive(actor, id)
    if case.state == to:
        return  # told twice, or the recheck was faster
    if not rules.may_become(rules.POSITIVE_STATES, case.state, to):
        raise RuleBroken("cases.step_refused", status=409, state=case.state, to=to)
    if to == "excluded":
        if not reason.strip():
            raise RuleBroken("cases.reason_missing")
        attempts = queries.attempts_of(case.round_id, case.person_id, case.swab_id)
        swabs = max((row["swabs_needed"] for row in attempts), default=1)
        if not rules.exclusion_supported([row["outcomes"] for row in attempts], swabs=swabs):
            raise RuleBroken("cases.exclusion_unsupported", status=409)
    Positive.objects.filter(id=id).update(
        state=to, decided_at=at, decided_reason=reason.strip()[:200], doubt=""
    )
    if to == "excluded":
        withdraw(cases=[case], at=at)
        due = queries.due_of_person(case.round_id, case.person_id)
        below.due_corrected(round_id=case.round_id, due_ids=due, outcome=NEGATIVE, at=at)


def withdraw(*, cases: Sequence[Positive], at: datetime) -> None:
    """Whoever was told of a positive is told, at one time, that it was none."""
    presets_of = queries.presets_of(case.round_id for case in cases)
    Notice.objects.bulk_create(
        (
            Notice(
                id=derived(case.id, f"notice.{party}.withdrawal"), positive=case, area=case.area, party=party,
                message="withdrawal", sent_at=at,
            )
            for case in cases
            for party in presets_of[case.round_id].notices.parties.value or ()
        ),
        ignore_conflicts=True,
    )  # fmt: skip
    clocks.stop("network_report", [case.id for case in cases], at=at)
