"""Writes for what comes late or not at all: swabs of tubes flagged before, pools without a swab, corrected results."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from yingjian.access import clocks, outbox
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.laboratory.values import NEGATIVE, POSITIVE, SINGLE

from . import below, queries, rules
from .actions import (
    POOL_CLOCKS,
    Found,
    clock_of,
    clocks_of,
    member_of,
    pool_known,
    pools_flag,
    pools_follow,
    positives_find,
    positives_of_results,
    rechecks_settle,
    withdraw,
)
from .events import PoolsResolved
from .models import FlaggedPool, PoolMember, Positive


def latecomers_join(*, swab_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Swabs uploaded into tubes that were flagged before: their people are members like the others, from now on, with
    clocks of their own (R71); in a single positive tube they are positives (R68). A resolved pool is open again.
    """
    late = queries.latecomers(swab_ids)
    singles = [row for row in late if row["mode"] == SINGLE and row["positive"] is not None]
    positives_find(
        found=[
            Found(row["round_id"], row["person_id"], row["id"], row["positive"], row["area"])
            for row in singles
        ],
        at=at,
    )
    for round_id in sorted({row["round_id"] for row in singles}):
        due = [row["due_id"] for row in singles if row["round_id"] == round_id]
        below.due_resulted(
            round_id=round_id, due_ids=[id for id in due if id is not None], outcome=POSITIVE, at=at
        )
    joining = [row for row in late if row["pool_id"] is not None and not row["member"]]
    presets_of = queries.presets_of(row["round_id"] for row in joining)
    isolating = {
        row["pool_id"]
        for row in joining
        if presets_of[row["round_id"]].flagged.isolate_members.value
    }
    members = [member_of(row["pool_id"], row, isolating=isolating, at=at) for row in joining]
    PoolMember.objects.bulk_create(members)
    clocks.start(
        [
            start
            for row, member in zip(joining, members, strict=True)
            for code in clocks_of(row["pool_id"], isolating)
            for start in clock_of(
                presets_of[row["round_id"]], code, ("member", member.id, row["code"]),
                (row["area"], row["round_id"]), at,
            )
        ]
    )  # fmt: skip
    pools_follow(pool_ids=sorted({row["pool_id"] for row in joining}), at=at)


def pool_close(*, actor: Actor, pool_id: uuid.UUID, reason: str, at: datetime) -> None:
    """Close a pool of which no swab is known, so that nobody can be swabbed again; told twice it stays closed.

    A swab that turns up later opens it again. `cases.pool_unknown` (404), `cases.pool_has_members` (409),
    `cases.reason_missing`.
    """
    pool = pool_known(actor, pool_id)
    queries.tubes_lock([pool.tube_id])
    queries.pools_locked([pool_id])
    pool.refresh_from_db()
    if pool.state == "resolved":
        return
    if queries.swabs_of([pool.tube_id]) or pool.members.exists():
        raise RuleBroken("cases.pool_has_members", status=409)
    if not reason.strip():
        raise RuleBroken("cases.reason_missing")
    FlaggedPool.objects.filter(id=pool_id).update(
        state="resolved",
        resolved_at=at,
        resolution="nobody_known",
        closed_reason=reason.strip()[:200],
    )
    _pool_clocks_stop(pool_id, at)
    outbox.publish(
        PoolsResolved(
            id=derived(pool_id, f"resolved.{at.isoformat()}"), at=at, round_id=pool.round_id, pool_ids=[pool_id]
        )
    )  # fmt: skip


def _pool_clocks_stop(pool_id: uuid.UUID, at: datetime) -> None:
    """The clocks of a pool and of its latecomers."""
    members = PoolMember.objects.filter(pool_id=pool_id).values_list("id", flat=True)
    for code in POOL_CLOCKS:
        clocks.stop(code, [pool_id, *members], at=at)


# --- corrected results


def result_corrected(*, result_id: uuid.UUID, at: datetime) -> None:
    """A released result was corrected: set right what followed from the old one (Hohhot, SydPath)."""
    row = queries.correction(result_id)
    if row["purpose"] == "recheck":
        rechecks_settle(result_ids=[result_id], at=at)
        _cases_withdraw(row["tube_id"], at)
        return
    follows = queries.findings([result_id])
    if follows["positive.find"]:
        positives_of_results(result_ids=[result_id], at=at)
    if follows["pool.flag"]:
        pools_flag(result_ids=[result_id], at=at)
    if row["outcome"] == NEGATIVE:
        _pool_withdraw(row["tube_id"], at)
        _cases_withdraw(row["tube_id"], at)


def _pool_withdraw(tube_id: uuid.UUID, at: datetime) -> None:
    """A pool that was negative after all: whoever is open is released, unless another laboratory still flags it."""
    open_pools = FlaggedPool.objects.select_for_update().exclude(state="resolved")
    pool = open_pools.filter(tube_id=tube_id).first()
    if pool is None or queries.still_flagged(tube_id):
        return
    PoolMember.objects.filter(pool=pool).exclude(state__in=rules.SETTLED).update(
        state="released", settled_at=at, reason="withdrawn"
    )
    confirmed = PoolMember.objects.filter(pool=pool, state="confirmed").exists()
    FlaggedPool.objects.filter(id=pool.id).update(
        state="resolved", resolved_at=at, resolution="positive" if confirmed else "withdrawn"
    )
    _pool_clocks_stop(pool.id, at)


def _cases_withdraw(tube_id: uuid.UUID, at: datetime) -> None:
    """A case that rests on this tube alone is excluded; one decided by a person or otherwise supported is in doubt."""
    resting = list(Positive.objects.select_for_update().filter(result__tube_id=tube_id))
    supported = queries.cases_supported([case.id for case in resting])
    gone = [case for case in resting if case.id not in supported]
    excluded = [case for case in gone if case.state in {"initial", "rechecked"}]
    Positive.objects.filter(id__in=[case.id for case in excluded]).update(
        state="excluded", decided_at=at, decided_reason="result_corrected", doubt=""
    )
    withdraw(cases=excluded, at=at)
    doubtful = {case.id for case in resting} - {case.id for case in excluded}
    Positive.objects.filter(id__in=doubtful).exclude(state="excluded").update(
        doubt="result_corrected"
    )
