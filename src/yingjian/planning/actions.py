"""Writes of this room: propose a plan, apply it through the other rooms, drop it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from yingjian.access import outbox, scope
from yingjian.access.actor import Actor
from yingjian.campaigns import actions as campaign_actions
from yingjian.campaigns import queries as campaigns
from yingjian.campaigns.actions import DueAssign
from yingjian.campaigns.queries import RoundBrief
from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.choice import Search
from yingjian.engines.plan.model import Plan, PlanError, PlanProblem, to_json
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.ids import derived
from yingjian.laboratory import actions as laboratory
from yingjian.laboratory.actions import AllocationRow
from yingjian.sampling import actions as sampling
from yingjian.sampling.actions import SiteOpen, StationOpen
from yingjian.workforce import actions as workforce
from yingjian.workforce.values import PostRow

from . import kept_lines, queries, rules, runs, timing
from .events import PlanApplied
from .models import PlanRecord, PlanSearch

OPEN_STATES = frozenset({"draft", "approved", "mobilising", "sampling"})
"""States of a round in which a plan may still be applied."""


def named(error: PlanError) -> RuleBroken:
    """A problem that cannot be planned, as a refusal with a sentence."""
    params: dict[str, Any] = dict(error.params)
    return RuleBroken(f"planning.{error.code}", **params)


def asked(round_id: uuid.UUID, options: Mapping[str, Any]) -> tuple[rules.Choice, PlanProblem]:
    """What is to be planned, and how. Runs under the sight of the transaction.

    Refused with `planning.nobody`, `planning.no_open_hours`, `planning.bad_option`,
    `planning.unknown_laboratory`, `planning.plan_unknown` (lines of a plan elsewhere).
    """
    try:
        choice = rules.choice_of(kept_lines.filled(round_id, options))
        return choice, queries.problem_of(round_id, choice)
    except PlanError as error:
        raise named(error) from None


def planned(problem: PlanProblem, choice: rules.Choice, search: Search) -> Plan:
    """The plan. Needs no database; takes seconds to minutes.

    Refused with `planning.rule_missing`, `planning.bad_area`, `planning.too_many_sites`, `planning.too_few_sites`.
    """
    try:
        # solvers are loaded by who plans: a web process that does not is 150 MB lighter
        from yingjian.engines.plan.make import make_plan

        return make_plan(problem, choice.params, seed=choice.seed, search=search)
    except PlanError as error:
        raise named(error) from None


def judged(problem: PlanProblem, plan: Plan) -> tuple[Plan, list[plan_checker.Finding]]:
    """The plan, and what the checker says of it."""
    return plan, rules.condensed(plan_checker.check(problem, plan))


def compute(
    round_id: uuid.UUID, options: Mapping[str, Any], *, told: timing.Teller | None = None
) -> tuple[Plan, list[plan_checker.Finding]]:
    """Plan a round and judge the plan; nothing is stored. Refusals as `asked` and `planned`.

    `told` hears how far it is, and may end it with the best so far.
    """
    choice, problem = asked(round_id, options)
    stop = timing.After(choice.seconds, asked=None if told is None else told.asked)
    search = Search(seed=choice.seed, stop=stop, watch=told, effort=choice.effort)
    return judged(problem, planned(problem, choice, search))


def _may_plan(actor: Actor, round_id: uuid.UUID) -> RoundBrief:
    """The round, if the actor may plan it now (`planning.not_frozen`, `planning.round_over`, 409)."""
    brief = campaigns.round_brief(round_id)
    scope.require(actor, "plan_round", brief.area)
    if brief.frozen_at is None:
        raise RuleBroken("planning.not_frozen", status=409)
    if brief.state not in OPEN_STATES:
        raise RuleBroken("planning.round_over", status=409, state=brief.state)
    return brief


def plan_search(
    *,
    actor: Actor,
    plan_id: uuid.UUID,
    round_id: uuid.UUID,
    options: Mapping[str, Any],
    at: datetime,
) -> None:
    """Look for a plan in the background (`planning.jobs`): its progress is a row, its end a plan.

    Refused as `plan_propose`, and where the options make no sense, before anything is begun. Lines that are named by
    the plan that has them are kept by that name, here and in the journal.
    """
    brief = _may_plan(actor, round_id)
    try:
        rules.choice_of(kept_lines.filled(round_id, options))
    except PlanError as error:
        raise named(error) from None
    PlanSearch.objects.create(
        id=plan_id, round_id=round_id, area=brief.area, state="waiting", options=dict(options),
        asked_at=at,
    )  # fmt: skip
    from procrastinate.contrib.django import app

    app.configure_task(TASK, queue="imports").defer(plan_id=str(plan_id))


def plan_stop(*, actor: Actor, plan_id: uuid.UUID) -> None:
    """End a search with the best it has so far (`planning.plan_unknown`, 404)."""
    found = PlanSearch.objects.filter(id=plan_id).first()
    if found is None:
        raise RuleBroken("planning.plan_unknown", status=404)
    scope.require(actor, "plan_round", found.area)
    PlanSearch.objects.filter(id=plan_id).update(stop_asked=True)


def search_told(plan_id: uuid.UUID, *, at: datetime, **told: Any) -> bool:
    """Note how far a search has come; whether it was asked to stop."""
    row = PlanSearch.objects.filter(id=plan_id)
    row.update(seen_at=at, **told)
    return row.values_list("stop_asked", flat=True).first() is not False


TASK = "planning.search"
LOCK = "planning.search."


def searches_interrupted(*, at: datetime) -> list[uuid.UUID]:
    """Close the searches that nobody works on any more.

    They end as `failed` with `planning.search_interrupted`; no plan was made, another search may be begun.
    """
    return runs.interrupted(
        PlanSearch.objects.all(), lock=LOCK, task=TASK, argument="plan_id", error="planning.search_interrupted",
        at=at,
    )  # fmt: skip


def store(
    plan_id: uuid.UUID, plan: Plan, findings: list[plan_checker.Finding], *, area: str, at: datetime
) -> int:
    """Keep a plan as the round's next version, which is the answer."""
    round_id = uuid.UUID(plan.round_id)
    version = queries.next_version(round_id)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO planning_planrecord (id, round_id, area, version, state, document, findings, made_at)
               VALUES (%s, %s, %s, %s, 'proposed', %s::jsonb, %s::jsonb, %s)""",
            [
                plan_id, round_id, area, version, to_json(plan).decode(),
                msgspec.json.encode(findings).decode(), at,
            ],
        )  # fmt: skip
    return version


def plan_propose(
    *,
    actor: Actor,
    plan_id: uuid.UUID,
    round_id: uuid.UUID,
    options: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """Compute, check and store a plan as the next version. Returns version, totals and findings.

    The due list must be frozen (`planning.not_frozen`, 409). A plan with broken rules is stored
    too: the findings say which, and whoever applies it decides knowing them.
    """
    brief = _may_plan(actor, round_id)
    plan, findings = compute(round_id, options)
    version = store(plan_id, plan, findings, area=brief.area, at=at)
    counted = Counter(f.level for f in findings if f.level != "ok")
    return {
        "version": version,
        "totals": msgspec.to_builtins(plan.totals),
        "findings": {level: counted[level] for level in ("error", "warning", "note")},
    }


def plan_apply(
    *, actor: Actor, command_id: uuid.UUID, plan_id: uuid.UUID, at: datetime
) -> dict[str, Any]:
    """Make a plan real: sites, stations, laboratory shares, everybody's site and slot, posts.

    All or nothing, through the other rooms' actions, in a number of statements that does not grow
    with the plan. Refused when it is not a proposal (`planning.plan_state`), another plan of the
    round is in force (`planning.already_applied`), the round is over (`planning.round_over`) or the
    due list has changed since (`planning.plan_stale`) — all 409.
    """
    record = _locked(plan_id)
    scope.require(actor, "approve_plan", record.area)
    if record.state != "proposed":
        raise RuleBroken("planning.plan_state", status=409, state=record.state)
    brief = campaigns.round_brief(record.round_id)
    if brief.state not in OPEN_STATES:
        raise RuleBroken("planning.round_over", status=409, state=brief.state)
    if PlanRecord.objects.filter(round_id=record.round_id, state="applied").exists():
        raise RuleBroken("planning.already_applied", status=409)
    plan = queries.document_of(plan_id)
    due = queries.people_due(record.round_id)
    if due != plan.totals.people:
        raise RuleBroken("planning.plan_stale", status=409, planned=plan.totals.people, due=due)
    done = {
        "sites": _open_sites(record.round_id, plan, at),
        "laboratories": _allocate(record.round_id, plan),
        "people": _call(record.round_id, plan),
        "posts": _staff(record, plan),
    }
    PlanRecord.objects.filter(id=plan_id).update(state="applied", applied_at=at)
    outbox.publish(
        PlanApplied(
            id=derived(command_id, "applied"), at=at, round_id=record.round_id, plan_id=plan_id
        )
    )
    return done


def plan_drop(*, actor: Actor, plan_id: uuid.UUID) -> None:
    """Put a proposal aside (`planning.plan_state`, 409, when it is applied or dropped)."""
    record = _locked(plan_id)
    scope.require(actor, "plan_round", record.area)
    if record.state != "proposed":
        raise RuleBroken("planning.plan_state", status=409, state=record.state)
    PlanRecord.objects.filter(id=plan_id).update(state="dropped")


def _locked(plan_id: uuid.UUID) -> PlanRecord:
    """The record without its document, locked; its round too, so that two plans never race."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT 1 FROM campaigns_round WHERE id = (SELECT round_id FROM planning_planrecord WHERE id = %s)
                  FOR UPDATE""",
            [plan_id],
        )
    found = PlanRecord.objects.defer("document", "findings").filter(id=plan_id).first()
    if found is None:
        raise RuleBroken("planning.plan_unknown", status=404)
    return found


def _open_sites(round_id: uuid.UUID, plan: Plan, at: datetime) -> int:
    rows = [
        SiteOpen(
            id=derived(round_id, f"site.{site.code}"),
            code=site.code,
            area=site.area,
            name=site.name,
            lon=site.lon,
            lat=site.lat,
            people_planned=site.people,
            opens_at=min(span.start for span in site.open),
            closes_at=max(span.end for span in site.open),
            stations=tuple(
                StationOpen(derived(round_id, f"station.{station.code}"), station.code)
                for station in site.stations
            ),
        )
        for site in plan.sites
    ]
    sampling.sites_open(round_id=round_id, sites=rows, at=at)
    return len(rows)


def _allocate(round_id: uuid.UUID, plan: Plan) -> int:
    shares: Counter[tuple[str, str]] = Counter()
    for share in plan.shares:
        shares[share.site, share.lab] += share.tubes
    ids = queries.laboratory_ids({lab for _, lab in shares})
    gone = sorted({lab for _, lab in shares} - ids.keys())
    if gone:
        raise RuleBroken("planning.unknown_laboratory", laboratory=gone[0])
    areas = {site.code: site.area for site in plan.sites}
    rows = [
        AllocationRow(ids[lab], site, areas[site], tubes)
        for (site, lab), tubes in sorted(shares.items())
    ]
    laboratory.allocate(round_id=round_id, rows=rows)
    return len({row.laboratory_id for row in rows})


def _call(round_id: uuid.UUID, plan: Plan) -> int:
    """Site and slot of every due person; people visited at home get the team's time, not a slot."""
    rows: list[DueAssign] = []
    for site in plan.sites:
        for slot in site.slots:
            rows.extend(_assigned(key, site.code, slot.start, home=False) for key in slot.blocks)
        rows.extend(_assigned(visit.key, site.code, visit.start, home=True) for visit in site.home)
    campaign_actions.due_assign(round_id=round_id, rows=rows)
    return plan.totals.people


def _assigned(key: str, site: str, start: datetime, *, home: bool) -> DueAssign:
    found = uuid.UUID(key[1:])
    if key[0] == "h":
        return DueAssign(site, start, household_id=found, home=home)
    return DueAssign(site, start, due_id=found, home=home)


def _staff(record: PlanRecord, plan: Plan) -> int:
    """Posts of the seats that have somebody who is still free; the rest stay vacant in the plan."""
    if not plan.seats:
        return 0
    free = queries.free_staff(plan, record.area)
    posts = [
        *(post for site in plan.sites for post in site.posts), *plan.posts, *rules.team_posts(plan)
    ]  # fmt: skip
    rows = [
        PostRow(
            id=derived(record.round_id, f"post.{post.seat}.{post.start.isoformat()}"),
            round_id=record.round_id,
            staff_id=uuid.UUID(plan.seats[post.seat]),
            job=post.job,
            starts=post.start,
            ends=post.end,
            site_code=post.site,
            station_code=post.station,
        )
        for post in posts
        if plan.seats.get(post.seat) in free
    ]
    return workforce.posts_assign(actor=None, rows=rows) if rows else 0
