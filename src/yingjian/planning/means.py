"""A plan's people and goods as the screens read them: summary, and one site whole."""

from __future__ import annotations

import uuid

from ninja import Schema

from yingjian.campaigns import presets
from yingjian.campaigns import queries as campaigns
from yingjian.engines.plan.model import Plan
from yingjian.workforce import queries as workforce

from . import crewing, packing, queries, rules, wording


class CrewJob(Schema):
    """A job over the whole plan, with the preset's line that asks for it in words, and its origin."""

    job: str
    wanted: int
    filled: int
    short: int
    standby_wanted: int
    standby: int
    rule: str
    rule_name: str
    origin: str


class PlanCrew(Schema):
    """`told` is False for plans made before there was a roster; `known` when anybody is registered."""

    plan_id: uuid.UUID
    version: int
    told: bool
    known: bool
    jobs: list[CrewJob]
    units: list[crewing.UnitLine]
    asks: list[crewing.AskLine]
    teams: list[crewing.TeamLine]
    standby: list[crewing.StandInLine]
    sites: list[crewing.SiteLine]
    site: crewing.CrewSite | None


class PlanGoods(Schema):
    """`known` is False where no store is kept; `lead_hours` is R86."""

    plan_id: uuid.UUID
    version: int
    told: bool
    known: bool
    lead_hours: float
    weather: list[str]
    items: list[packing.ItemLine]
    asks: list[packing.GoodsAskLine]
    sites: list[packing.PackedSite]
    site: packing.PackSite | None


def crew_of(head: queries.PlanHead, *, site: str, language: str) -> PlanCrew:
    """A plan's people. Without `site` the first one is shown whole."""
    plan = queries.document_of(head.id)
    names = workforce.names_of(crewing.staff_ids(plan))
    areas = queries.area_names(crewing.areas_in(plan), language)
    crew = plan.crew
    return PlanCrew(
        plan_id=head.id, version=head.version, told=crew is not None,
        known=crew is not None and bool(crew.units),
        jobs=_jobs(head, plan, language),
        units=crewing.unit_lines(crew, language) if crew else [],
        asks=crewing.ask_lines(crew, areas, language) if crew else [],
        teams=crewing.team_lines(plan, names, areas, language),
        standby=crewing.standby_lines(crew, names, language) if crew else [],
        sites=crewing.site_lines(plan),
        site=crewing.site_of(plan, site or _first(plan), names, language),
    )  # fmt: skip


def _jobs(head: queries.PlanHead, plan: Plan, language: str) -> list[CrewJob]:
    if plan.crew is None:
        return []
    origins = rules.rules_of(campaigns.preset_of(head.round_id))
    return [
        CrewJob(
            job=line.job, wanted=line.wanted, filled=line.filled, short=line.short,
            standby_wanted=line.standby_wanted, standby=line.standby, rule=line.rule,
            rule_name=presets.label_of(line.rule, wording.short(language)),
            origin=origins.get(line.rule).origin,
        )
        for line in crewing.job_lines(plan.crew, language)
    ]  # fmt: skip


def goods_of(head: queries.PlanHead, *, site: str, language: str) -> PlanGoods:
    """A plan's goods. `site` is the code of a site or a moving team; without it the first one is shown whole."""
    plan = queries.document_of(head.id)
    areas = queries.area_names(crewing.areas_in(plan), language)
    lead = rules.rules_of(campaigns.preset_of(head.round_id)).number("supplies.request_lead") or 0.0
    goods = plan.goods
    return PlanGoods(
        plan_id=head.id, version=head.version, told=goods is not None,
        known=goods is not None and goods.known, lead_hours=lead / 60,
        weather=[wording.words(language)["weather"][kind] for kind in (goods.weather if goods else ())],
        items=packing.item_lines(plan, language), asks=packing.ask_lines(plan, areas, language),
        sites=packing.site_lines(plan, areas, language),
        site=packing.site_of(plan, site or _first(plan), areas, language),
    )  # fmt: skip


def _first(plan: Plan) -> str:
    return plan.sites[0].code if plan.sites else ""
