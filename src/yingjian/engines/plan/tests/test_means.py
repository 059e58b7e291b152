"""People and goods of a plan: who goes where, what covers the packs, and a judge that misses nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.lanes import lane_spans
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.means import Force, Stock, Unit, Worker
from yingjian.engines.plan.model import Plan, PlanProblem, Slot, Span
from yingjian.engines.plan.tests import cases

COUNTY = "640121"
NOBODY = Force()
HOSPITAL, CLINIC, SCHOOL = (
    Unit("u1", "县医院", COUNTY), Unit("u2", "镇卫生院", f"{COUNTY}100"), Unit("u3", "小学", f"{COUNTY}100"),
)  # fmt: skip
CITY_STORE = Stock("市库房", COUNTY[:4], {"n95": 10_000, "gloves": 40})
STORES = [
    Stock("县库房", COUNTY, {"n95": 5, "swab": 100_000, "cordon": 1_000, "label": 900}),
    Stock("县医院库房", COUNTY, {"swab": 50, "n95": 4}),
    Stock("镇库房", f"{COUNTY}100", {"n95": 3, "sample_tube": 20}),
    CITY_STORE,
    Stock("邻县库房", "640122", {"tent": 10_000}),
]
KEPT = {
    "supplies__request_lead": cases.limit(1440), "kits__weather__rain__lane__tent": 1,
    "kits__weather__rain__site__light": 2, "staffing__standby": 0.2, "staffing__rest": 240,
    "staffing__institution_share": 0.9, "staffing__sampler_not_vaccinator": True,
    "staffing__vaccine_separation": 2880,
}  # fmt: skip


def workers(count: int, job: str, unit: str, *more: str, **given: object) -> list[Worker]:
    return [
        Worker(f"{unit}-{job}-{n:03d}", unit, job, list(more), **given)  # type: ignore[arg-type]
        for n in range(count)
    ]


def problem(
    force: Force = NOBODY, *, stocks: list[Stock] | None = None, **changes: object
) -> PlanProblem:
    case = cases.problem(
        *cases.county(2_000, 4, places=False), book=cases.rules(**{**KEPT, **changes})
    )
    return replace(case, area=COUNTY, force=force, stocks=STORES if stocks is None else stocks,
                   weather=["rain"])  # fmt: skip


FORCE = Force(
    [
        *workers(30, "sampler", "u1"), *workers(6, "sampler", "u2"), *workers(4, "health_worker", "u2", "sampler"),
        *workers(25, "registrar", "u3", "site_lead"), *workers(9, "disinfector", "u2"),
        *workers(2, "vaccinator", "u2", "sampler", vaccinated=cases.START - timedelta(hours=20)),
        *workers(2, "sampler", "u3", last_duty=cases.START - timedelta(hours=3)),
    ],
    [HOSPITAL, replace(CLINIC, least=3), replace(SCHOOL, most=5)],
)  # fmt: skip


@cache
def planned() -> tuple[PlanProblem, Plan]:
    case = problem(FORCE)
    return case, make_plan(case)


def errors(case: PlanProblem, plan: Plan) -> set[str]:
    return {f.code for f in plan_checker.check(case, plan) if f.level == "error"}


def said(case: PlanProblem, plan: Plan, code: str) -> list[plan_checker.Finding]:
    return [f for f in plan_checker.check(case, plan) if f.code == code and f.level != "ok"]


# --- people --------------------------------------------------------------------------------------


def test_a_planned_roster_holds_and_tells_what_is_missing() -> None:
    case, plan = planned()
    assert plan.crew is not None
    assert errors(case, plan) == set()
    assert len(set(plan.seats.values())) == len(plan.seats) > 30
    lines = {line.job: line for line in plan.crew.jobs}
    told = {f.params["job"]: f for f in said(case, plan, "crew_short")}
    assert set(told) == {job for job, line in lines.items() if line.filled < line.wanted}
    assert lines["sampler"].filled == lines["sampler"].wanted
    assert told["registrar"].path == "staffing.lane.registrar"
    assert told["vehicle_driver"].over == lines["vehicle_driver"].wanted  # nobody drives at all
    assert plan.crew.cost >= plan.crew.bound > 0


def test_quotas_share_vaccination_and_rest_are_kept() -> None:
    _, plan = planned()
    unit_of = {worker.id: worker.unit for worker in FORCE.workers}
    job_of = {worker.id: worker.job for worker in FORCE.workers}
    sent = Counter(unit_of[staff] for staff in plan.seats.values())
    assert sent["u3"] == 5
    assert sent["u2"] <= 0.9 * sum(unit == "u2" for unit in unit_of.values())
    called = (
        {*plan.seats.values(), *(one.staff for one in plan.crew.standby)} if plan.crew else set()
    )
    assert not [staff for staff in called if job_of[staff] == "vaccinator"]
    assert not [
        staff for staff in called if staff.startswith("u3-sampler")
    ]  # three hours after a duty


def test_lanes_come_before_reserve_teams() -> None:
    few = Force([*workers(5, "sampler", "u1")], [HOSPITAL])
    case = problem(few)
    plan = make_plan(case)
    assert len(plan.seats) == 4  # nine tenths of five
    sites = {site.code for site in plan.sites}
    assert all(seat[:15] in sites for seat in plan.seats)


def test_without_a_roster_every_seat_is_told_and_nothing_is_asked() -> None:
    case = problem()
    plan = make_plan(case)
    assert plan.crew is not None
    assert plan.seats == {}
    assert [f.level for f in said(case, plan, "crew_none")] == ["note"]
    assert said(case, plan, "crew_short") == []
    assert sum(line.wanted for line in plan.crew.jobs) > 20
    assert plan.crew.asks == []


def test_a_level_asks_the_one_above_when_it_needs_more_than_its_share() -> None:
    case, plan = planned()
    assert plan.crew is not None
    asks = {(ask.job, ask.area): ask for ask in plan.crew.asks}
    drivers = asks["vehicle_driver", COUNTY]
    assert (drivers.above, drivers.people, drivers.ask) == (COUNTY[:4], 0, drivers.task)
    assert [f.params["job"] for f in said(case, plan, "crew_support")] == [
        a.job for a in plan.crew.asks
    ]


def test_lanes_close_in_shifts_nobody_is_called_in() -> None:
    case, plan = planned()
    day = case.days[0]
    early = Slot(day.start, day.start + timedelta(minutes=30), 40, 24.0, 2, 2, [])
    first, second = lane_spans(2, [day], [early], case.rules)
    assert first == [day]
    assert second == [Span(day.start, day.start + timedelta(hours=4))]
    assert plan.crew is not None
    for told, site in zip(plan.crew.hours, plan.sites, strict=True):
        assert abs(sum(h.people for h in told.hours) - site.walkers) <= len(told.hours)
        assert all(h.needed <= h.staffed <= site.lanes for h in told.hours)


# --- goods ---------------------------------------------------------------------------------------


def test_a_round_that_begins_between_two_minutes_is_asked_for_in_time() -> None:
    case = problem()
    window = replace(case.window, start=case.window.start - timedelta(seconds=40))
    case = replace(case, window=window)
    plan = make_plan(case)
    assert plan.goods is not None
    assert plan.goods.missing
    assert "goods_lead" not in errors(case, plan)


def test_packs_are_covered_from_the_nearest_store_and_the_rest_is_asked_for_in_time() -> None:
    case, plan = planned()
    assert plan.goods is not None
    assert errors(case, plan) == set()
    packs = Counter({(o.code, line.item): line.quantity for o in plan.packing for line in o.kit})
    opens = {site.code: min(span.start for span in site.open) for site in plan.sites}
    opens |= {team.code: min(opens.values()) for team in plan.teams}
    covered: Counter[tuple[str, str]] = Counter()
    for draw in plan.goods.draws:
        covered[draw.site, draw.item] += draw.quantity
    for gap in plan.goods.missing:
        covered[gap.site, gap.item] += gap.quantity
        assert gap.ask_by == opens[gap.site] - timedelta(hours=24)
    assert packs == covered
    assert {d.place for d in plan.goods.draws if d.item == "swab"} == {
        "县库房"
    }  # the fullest gives
    assert "邻县库房" not in {draw.place for draw in plan.goods.draws}
    assert sum(d.quantity for d in plan.goods.draws if d.place == "镇库房" and d.item == "n95") == 3
    lanes = {site.code: site.lanes for site in plan.sites}
    tents = {gap.site: gap.quantity for gap in plan.goods.missing if gap.item == "tent"}
    assert tents == {code: 2 * count for code, count in lanes.items()}  # one more in the rain
    told = {f.params["item"] for f in said(case, plan, "goods_missing")}
    assert told == {gap.item for gap in plan.goods.missing}


def test_the_county_asks_the_city_above_seven_tenths_of_its_stock() -> None:
    case, plan = planned()
    assert plan.goods is not None
    asks = {(ask.item, ask.area): ask for ask in plan.goods.asks}
    n95 = sum(line.quantity for one in plan.packing for line in one.kit if line.item == "n95")
    assert (asks["n95", COUNTY].wanted, asks["n95", COUNTY].stock) == (n95 - 3, 9)
    assert asks["n95", COUNTY].above == COUNTY[:4]
    assert ("swab", COUNTY) not in asks
    assert said(case, plan, "goods_support") != []


def test_without_a_store_everything_is_to_be_asked_for() -> None:
    case = problem(stocks=[])
    plan = make_plan(case)
    assert plan.goods is not None
    assert (plan.goods.known, plan.goods.draws, plan.goods.asks) == (False, [], [])
    assert len(plan.goods.missing) == sum(len(one.kit) for one in plan.packing)
    assert [f.level for f in said(case, plan, "goods_none")] == ["note"]
    assert errors(case, plan) == set()


def test_totals_the_plan_states_are_shared_to_the_piece() -> None:
    case = problem(kits__round__face_shield=220, kits__round__n95=7)
    plan = make_plan(case)
    goods = Counter[str]()
    for one in plan.packing:
        goods.update({line.item: line.quantity for line in one.kit})
    assert (goods["face_shield"], goods["n95"]) == (220, 7)
    assert (plan.totals.kit["face_shield"], plan.totals.kit["n95"]) == (220, 7)
    assert errors(case, plan) == set()


def test_a_moving_team_packs_what_its_people_wear_and_a_flagged_pool_takes() -> None:
    """By hand: home-visit teams are out in shifts of four hours, a re-test team is called once."""
    case = problem(
        flagged__swabs=2, kits__group_day__hand_rub=1, kits__group_day__swab=1000, supplies__reserve_share=0.2,
    )  # fmt: skip
    case = replace(case, blocks=cases.county(2_000, 4, places=False, home=0.2)[1])
    plan, kits = make_plan(case), dict[str, list[dict[str, int]]]()
    for team in plan.teams:
        kits.setdefault(team.kind, []).append({line.item: line.quantity for line in team.kit})
    starts = [visit.start for site in plan.sites for visit in site.home]
    shifts = {(at.date(), (at - case.days[0].start) // timedelta(hours=4)) for at in starts}
    worn = {"n95": len(shifts), "gloves": 2 * len(shifts)}
    assert len(shifts) > 1
    assert all(kit == {"hand_rub": 1, **worn} for kit in kits["home"])
    pool = 24  # ten people, two swabs of each, a fifth more
    once = {"hand_rub": 1, "n95": 1, "gloves": 2, "swab": pool, "sample_tube": pool, "label": pool}
    assert len(kits["recheck"]) > len(kits["home"]) > 0
    assert all(kit == once for kit in kits["recheck"])
    assert errors(case, plan) == set()


def test_a_team_of_the_lanes_people_packs_no_second_set_for_them() -> None:
    case = problem(staffing__round__sampler=40)
    plan = make_plan(case)
    assert plan.teams
    assert not any(team.own for team in plan.teams)
    assert not any(line.item in ("n95", "gloves") for team in plan.teams for line in team.kit)
    assert errors(case, plan) == set()


# --- planted faults ------------------------------------------------------------------------------


def _seat(plan: Plan, job: str, nth: int = 0) -> str:
    return [seat for seat in sorted(plan.seats) if f"-{job}-" in seat and seat[:6] == COUNTY][nth]


def _crew(plan: Plan, **changes: object) -> Plan:
    assert plan.crew is not None
    return replace(plan, crew=replace(plan.crew, **changes))


def _goods(plan: Plan, **changes: object) -> Plan:
    assert plan.goods is not None
    return replace(plan, goods=replace(plan.goods, **changes))


def _seated(plan: Plan, seat: str, staff: str) -> Plan:
    return replace(plan, seats={**plan.seats, seat: staff})


def _team_packed(plan: Plan, kind: str, item: str, more: int) -> Plan:
    return replace(plan, teams=[
        replace(team, kit=[
            replace(k, quantity=k.quantity + more) if k.item == item and team.kind == kind else k for k in team.kit
        ])
        for team in plan.teams
    ])  # fmt: skip


def _packed(plan: Plan, item: str, more: int) -> Plan:
    first, *rest = plan.sites
    kit = [replace(k, quantity=k.quantity + more) if k.item == item else k for k in first.kit]
    return replace(plan, sites=[replace(first, kit=kit), *rest])


def _closed(plan: Plan) -> Plan:
    """A lane staffed only in its last hour."""
    first, *rest = plan.sites
    day = first.open[0]
    lane = replace(first.stations[0], open=[Span(day.end - timedelta(hours=1), day.end)])
    return replace(plan, sites=[replace(first, stations=[lane, *first.stations[1:]]), *rest])


PLANTED: dict[str, Callable[[Plan], Plan]] = {
    "crew_unknown": lambda p: _seated(p, _seat(p, "sampler"), "nobody"),
    "crew_nowhere": lambda p: _seated(p, "X-sampler-1", "u1-sampler-029"),
    "crew_two_places": lambda p: _seated(p, _seat(p, "sampler"), p.seats[_seat(p, "sampler", 1)]),
    "crew_unqualified": lambda p: _seated(p, _seat(p, "sampler"), "u3-registrar-024"),
    "crew_vaccinator": lambda p: _seated(p, _seat(p, "sampler"), "u2-vaccinator-000"),
    "crew_no_rest": lambda p: _seated(p, _seat(p, "sampler"), "u3-sampler-000"),
    "crew_standby_busy": lambda p: _crew(p, standby=[
        replace(p.crew.standby[0], staff=p.seats[_seat(p, "sampler")]), *p.crew.standby[1:]]),  # type: ignore[union-attr]
    "crew_sum": lambda p: _crew(p, sent=p.crew.sent[1:]),  # type: ignore[union-attr]
    "crew_support": lambda p: _crew(p, asks=[
        replace(p.crew.asks[0], ask=p.crew.asks[0].ask + 1), *p.crew.asks[1:]]),  # type: ignore[union-attr]
    "crew_support_missing": lambda p: _crew(p, asks=[]),
    "lanes_by_hour": _closed,
    "kit_short": lambda p: _packed(p, "cordon", -1),
    "goods_sum": lambda p: _goods(p, draws=p.goods.draws[1:]),  # type: ignore[union-attr]
    "goods_lead": lambda p: _goods(p, missing=[
        replace(gap, ask_by=gap.ask_by + timedelta(hours=1)) for gap in p.goods.missing]),  # type: ignore[union-attr]
    "goods_overdrawn": lambda p: _goods(p, draws=[
        replace(draw, quantity=draw.quantity + 10**6) for draw in p.goods.draws]),  # type: ignore[union-attr]
    "goods_idle": lambda p: _goods(p, missing=[
        replace(p.goods.missing[0], item="cordon"), *p.goods.missing[1:]]),  # type: ignore[union-attr]
    "goods_support": lambda p: _goods(p, asks=p.goods.asks[1:]),  # type: ignore[union-attr]
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "item"), [("home", "n95"), ("recheck", "swab"), ("recheck", "label")]
)
def test_the_judge_finds_a_team_packed_short(kind: str, item: str) -> None:
    case, plan = planned()
    short = _team_packed(plan, kind, item, -1)
    assert errors(case, short) >= {"kit_short", "goods_sum", "total"}


@pytest.mark.parametrize("code", PLANTED)
def test_the_judge_finds_what_is_planted(code: str) -> None:
    case, plan = planned()
    assert code in errors(case, PLANTED[code](plan))


def test_a_quota_overrun_is_found() -> None:
    case, plan = planned()
    tight = replace(case, force=replace(FORCE, units=[replace(HOSPITAL, most=1), CLINIC, SCHOOL]))
    assert "crew_quota" in errors(tight, plan)


def test_more_than_the_norms_ask_for_is_told() -> None:
    case, plan = planned()
    assert [f.level for f in said(case, _packed(plan, "cordon", 1), "kit_over")] == ["warning"]


# --- any numbers ---------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(
    samplers=st.integers(0, 12), clerks=st.integers(0, 12), most=st.integers(0, 20), share=st.floats(0, 1),
    swabs=st.integers(0, 3000),
)  # fmt: skip
def test_whatever_there_is_the_plan_holds(
    samplers: int, clerks: int, most: int, share: float, swabs: int
) -> None:
    force = Force(
        [*workers(samplers, "sampler", "u1", "registrar"), *workers(clerks, "registrar", "u2", "site_lead")],
        [HOSPITAL, replace(CLINIC, most=most)],
    )  # fmt: skip
    case = cases.problem(
        *cases.county(300, 2, places=False),
        book=cases.rules(**{**KEPT, "staffing__institution_share": share}),
    )
    case = replace(case, area=COUNTY, force=force, stocks=[Stock("库房", COUNTY, {"swab": swabs})])
    plan = make_plan(case)
    assert errors(case, plan) == set()
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
