"""The planner: `make_plan(problem) → Plan`.

Sites and mobile teams are chosen with a certificate (`plan.choice`); lanes, slots, staff, kits,
laboratories and runs follow the written plans step by step. It always answers. Where a rule cannot
hold it keeps the plan nearest to the rule and leaves naming the breach to `plan.checker`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

import msgspec

from yingjian.engines.plan import codes as plan_codes
from yingjian.engines.plan import crew as plan_crew
from yingjian.engines.plan import days as plan_days
from yingjian.engines.plan import goods as plan_goods
from yingjian.engines.plan import routes as plan_routes
from yingjian.engines.plan import slots as plan_slots
from yingjian.engines.plan import staff as plan_staff
from yingjian.engines.plan import tours as plan_tours
from yingjian.engines.plan import transport as plan_transport
from yingjian.engines.plan.choice import Group, Search, choose
from yingjian.engines.plan.lanes import lane_spans
from yingjian.engines.plan.means import KitLine
from yingjian.engines.plan.model import (
    Block,
    Forecast,
    HomeVisit,
    LabLoad,
    LabShare,
    Plan,
    PlanError,
    PlanProblem,
    Post,
    Run,
    Share,
    Site,
    Siting,
    Slot,
    Span,
    Station,
    Team,
    Totals,
    Tubes,
    Visit,
)
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.sites import Ground, survey
from yingjian.engines.plan.transport import Output, Ways

PLANNER = "certified@3"
DEFAULTS = PlanParams()


def make_plan(
    problem: PlanProblem, params: PlanParams = DEFAULTS, *, seed: int = 0,
    search: Search | None = None,
) -> Plan:  # fmt: skip
    """Plan a round. Deterministic: the same problem, params and seed give the same plan, unless
    `search` has a stop that comes before the search is through.

    Raises `PlanError`: `nobody`, `no_open_hours`, `rule_missing`, `bad_area`, `too_many_sites`.
    """
    if not problem.days:
        raise PlanError("no_open_hours")
    ground = survey(problem)
    groups, siting = choose(ground, params, search or Search(seed=seed))
    drafts = _drafts(ground, groups, params)
    outputs = [_output(draft, problem) for draft in drafts]
    ways = Ways(params, outputs, problem.labs)
    shares = plan_transport.allocate(outputs, problem, ways)
    routed = plan_routes.plan_runs(outputs, shares, problem, ways, seed=seed)
    runs = routed.runs
    calls = Counter(stop.site for run in runs for stop in run.stops)
    homes = _homes(problem, drafts, runs, params, seed)
    sites = [
        _site(draft, problem, params, calls[draft.code], homes.visits.get(draft.code, []))
        for draft in drafts
    ]
    used = plan_staff.headcount(post for site in sites for post in site.posts)
    posts = plan_staff.round_posts(problem, [(s.code, s.open) for s in sites], used)
    doors: Counter[str] = Counter()
    for site in sites:
        doors[site.area[:9]] += len(site.home)
    stated = "sampler" in problem.rules.table("staffing.round")
    teams = plan_staff.moving_teams(problem, doors, params, stated=stated, toured=homes.teams)
    sites, teams, goods = plan_goods.packed(problem, sites, teams)
    kit = plan_staff.round_kit(problem.rules)
    crew, seats = plan_crew.crew_of(problem, params, sites=sites, posts=posts, teams=teams)
    return Plan(
        round_id=problem.round_id,
        preset=problem.preset,
        answers=problem.digest(),
        planner=PLANNER,
        seed=seed,
        params=params,
        sites=sites,
        teams=teams,
        posts=posts,
        kit=kit,
        runs=runs,
        shares=shares,
        labs=_lab_loads(problem, shares),
        totals=msgspec.structs.replace(
            _totals(problem, sites, teams=teams, posts=posts, kit=kit, runs=runs, shares=shares),
            home_tours=len(homes.tours),
        ),
        forecast=_forecast(problem, params, sites, runs),
        siting=_sited(siting, drafts),
        tours=homes.tours,
        transport=routed.choices,
        seats=seats,
        crew=crew,
        goods=goods,
    )


def _homes(
    problem: PlanProblem, drafts: list[_Draft], runs: list[Run], params: PlanParams, seed: int
) -> plan_tours.HomePlan:
    """Tours of the home-visit teams, once it is known how often each site is called at."""
    if not params.routed:
        return plan_tours.HomePlan({}, [], {})
    carry = plan_tours.carry_of(problem.rules, runs, params)
    deliver = problem.rules.number("clocks.deliver")
    calls: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for run in runs:
        for stop in run.stops:
            calls[stop.site].append((stop.at, run.arrives))
    bases = [
        plan_tours.Base(
            d.code, d.area, d.point, d.open, d.members, carry.get(d.code, 0),
            sorted(calls[d.code]), deliver,
        )
        for d in drafts
    ]  # fmt: skip
    found = plan_tours.home_tours(bases, params, seed=seed)
    minutes = sum(day.minutes for day in problem.days) * params.load
    toured = {visit.key for visits in found.visits.values() for visit in visits}
    listed: Counter[str] = Counter()
    for draft in drafts:
        listed[draft.area[:9]] += sum(1 for b in draft.members if b.home and b.key not in toured)
    teams = {
        town: count + math.ceil(listed[town] * params.home_minutes / minutes)
        for town, count in found.teams.items()
    }
    return plan_tours.HomePlan(found.visits, found.tours, teams)


@dataclass
class _Draft:
    """A site in the making."""

    code: str
    name: str
    area: str
    members: list[Block]
    point: tuple[float, float] | None
    days: list[Span]
    lanes: int
    called: list[Slot]
    tubes: Tubes
    villages: list[Share]
    group: Group

    @property
    def visits(self) -> list[Visit]:
        """Where a mobile team stands, and when."""
        if self.group.tour is None:
            return []
        names = {share.area: share.name for share in self.villages}
        return [
            Visit(
                halt.area, names.get(halt.area, halt.area), *halt.point, halt.span.start,
                halt.span.end, halt.people,
            )
            for halt in self.group.tour.stops
            if halt.span is not None
        ]  # fmt: skip

    @property
    def open(self) -> list[Span]:
        """The days it is open: those with slots, or the first when everybody is visited at home."""
        used = [d for d in self.days if any(d.start <= s.start < d.end for s in self.called)]
        return used or self.days[:1]


def _drafts(ground: Ground, chosen: list[Group], params: PlanParams) -> list[_Draft]:
    problem = ground.problem
    rules = problem.rules
    groups = [group.members for group in chosen]
    names = {village.area: village.name for village in problem.villages}
    days = [plan_slots.days_of(problem, n) for n in range(len(groups))]
    walkers = [sum(ground.blocks[i].walkers for i in group) for group in groups]
    people = [ground.people(group) for group in groups]
    wanted = [
        min(
            plan_codes.STATIONS_PER_SITE,
            1
            if chosen[n].tour
            else plan_slots.lanes_wanted(walkers[n], people[n], days[n], rules, params),
            chosen[n].lanes or plan_codes.STATIONS_PER_SITE,
        )
        for n in range(len(groups))
    ]
    lanes = plan_slots.share_lanes(wanted, walkers, plan_staff.lanes_staffed(problem))
    days = _days(ground, chosen, days, lanes, params)
    areas = [ground.main_area(group) for group in groups]
    of_kind = Counter((area, g.tour is None) for area, g in zip(areas, chosen, strict=True))
    serial, of_area = Counter[tuple[str, bool]](), Counter[str]()
    codes = []
    for area in areas:
        of_area[area] += 1
        codes.append(_site_code(area, of_area[area]))
    called = _called(ground, chosen, lanes, days, params)
    drafts = []
    for n, group in enumerate(chosen):
        area, kind = areas[n], (areas[n], group.tour is None)
        serial[kind] += 1
        members = [ground.blocks[i] for i in group.members]
        place = names.get(area, area)
        drafts.append(
            _Draft(
                code=codes[n],
                name=_name(problem, params, group, index=n, village=place, serial=serial[kind],
                           of=of_kind[kind]),
                area=area,
                members=members,
                point=group.point,
                days=days[n],
                lanes=lanes[n],
                called=called[n],
                tubes=plan_slots.tubes_for(members, rules),
                villages=_villages(members, names),
                group=group,
            )
        )  # fmt: skip
    return drafts


def _days(
    ground: Ground, chosen: list[Group], days: list[list[Span]], lanes: list[int],
    params: PlanParams,
) -> list[list[Span]]:  # fmt: skip
    """When each site is open: in turn where the laboratories cannot hold all sites on one day."""
    problem = ground.problem
    general = int(problem.rules.number("scope.general_rank") or 0)
    asked = []
    for group, own, count in zip(chosen, days, lanes, strict=True):
        members = [ground.blocks[i] for i in group.members]
        asked.append(
            plan_days.Demand(
                own, count, sum(b.walkers for b in members),
                plan_slots.tubes_for(members, problem.rules).total, fixed=group.tour is not None,
                key=any(b.walkers and b.rank < general for b in members),
            )
        )  # fmt: skip
    return plan_days.in_turn(problem, asked, params)


def _called(
    ground: Ground,
    chosen: list[Group],
    lanes: list[int],
    days: list[list[Span]],
    params: PlanParams,
) -> list[list[Slot]]:
    """Who comes when to each site; to a mobile team while it stands near them, by one lane."""
    asked: list[plan_slots.Asked] = []
    owner: list[int] = []
    for n, group in enumerate(chosen):
        if group.tour is None:
            members = [ground.blocks[i] for i in group.members]
            own = [plan_slots.Asked(members, lanes[n], days[n])]
        else:
            own = [
                plan_slots.Asked(
                    [ground.blocks[i] for k in halt.points for i in group.blocks[k]], 1, [halt.span]
                )
                for halt in group.tour.stops
                if halt.span is not None
            ]
        asked += own
        owner += [n] * len(own)
    problem = ground.problem
    found: list[list[Slot]] = [[] for _ in chosen]
    for n, slots in zip(
        owner, plan_slots.call(asked, problem.window.start, problem.rules, params), strict=True
    ):
        found[n] += slots
    return found


def _sited(siting: Siting, drafts: list[_Draft]) -> Siting:
    """How sites were chosen, told by site codes."""
    code = {k: draft.code for draft in drafts for k in draft.group.points}
    by_key = {d.group.candidate: d.code for d in drafts if d.group.candidate}
    return msgspec.structs.replace(
        siting,
        spots=[msgspec.structs.replace(spot, site=code[k]) for k, spot in enumerate(siting.spots)],
        outside=[msgspec.structs.replace(o, site=by_key[o.site]) for o in siting.outside],
    )


def _name(
    problem: PlanProblem, params: PlanParams, group: Group, *, index: int, village: str,
    serial: int, of: int,
) -> str:  # fmt: skip
    if group.tour is not None:
        return params.mobile_name.format(village=village, n=f"{serial}" if of > 1 else "")
    if group.name:
        return group.name
    if problem.places:
        return problem.places[index % len(problem.places)].name
    return params.site_name.format(village=village, n=f"{serial}号" if of > 1 else "")


def _site_code(area: str, serial: int) -> str:
    if serial > plan_codes.SITES_PER_AREA:
        raise PlanError("too_many_sites", area=area, most=plan_codes.SITES_PER_AREA)
    try:
        return plan_codes.site_code(area, serial)
    except ValueError:
        raise PlanError("bad_area", area=area) from None


def _villages(members: list[Block], names: dict[str, str]) -> list[Share]:
    people: Counter[str] = Counter()
    for block in members:
        people[block.area] += block.people
    return [Share(area, names.get(area, area), people[area]) for area in sorted(people)]


def day_of(problem: PlanProblem, span: Span) -> int:
    """The day of the round a span falls on, 0 for the first."""
    return (span.start.date() - problem.window.start.date()).days


def _output(draft: _Draft, problem: PlanProblem) -> Output:
    """Tubes by day, in proportion to the people called on it; home visits follow the slots."""
    days = [day_of(problem, span) for span in draft.open]
    people = [
        sum(s.people for s in draft.called if span.start <= s.start < span.end)
        for span in draft.open
    ]
    total, left, tubes = sum(people), draft.tubes.total, dict.fromkeys(days, 0)
    for day, count in zip(days, people, strict=True):
        share = math.ceil(draft.tubes.total * count / total) if total else left
        tubes[day] += min(share, left)
        left -= min(share, left)
    return Output(draft.code, draft.area, draft.point, tubes, draft.open, days, draft.lanes)


def _site(
    draft: _Draft, problem: PlanProblem, params: PlanParams, calls: int, toured: list[HomeVisit]
) -> Site:
    rules = problem.rules
    open_days = draft.open
    walkers = sum(b.walkers for b in draft.members)
    people = sum(b.people for b in draft.members)
    stations = _stations(draft, problem, max(1, calls))
    posts = [
        post
        for station in stations
        for post in plan_staff.lane_posts(
            draft.code, station.code, open_days, rules, staffed=station.open or open_days
        )
    ] + plan_staff.site_posts(draft.code, open_days, rules)
    groups = plan_slots.groups_of(people, rules) or draft.lanes
    on_tour = {visit.key for visit in toured}
    listed = [b for b in draft.members if b.home and b.key not in on_tour]
    general = int(rules.number("scope.general_rank") or 0)
    return Site(
        code=draft.code,
        name=draft.name,
        area=draft.area,
        lon=draft.point[0] if draft.point else None,
        lat=draft.point[1] if draft.point else None,
        people=people,
        walkers=walkers,
        home_people=people - walkers,
        key_people=sum(b.people for b in draft.members if b.rank < general),
        groups=groups,
        villages=draft.villages,
        tubes=draft.tubes,
        open=open_days,
        stations=stations,
        slots=draft.called,
        home=toured
        + plan_slots.visits(
            listed,
            open_days,
            plan_staff.home_minutes_share(len(listed), open_days, params),
            params,
        ),
        posts=posts,
        kit=[],
        kind="fixed" if draft.group.tour is None else "mobile",
        visits=draft.visits,
        candidate=draft.group.candidate,
        lock=draft.group.lock,
        hull=draft.group.hull,
        given=draft.group.given,
    )


def _stations(draft: _Draft, problem: PlanProblem, calls: int) -> list[Station]:
    """Tubes shared evenly; one box per station and pick-up, more where one cannot hold them."""
    holds = int(problem.rules.need("transport.box_tubes"))
    stations = []
    open_days = draft.open
    staffed = lane_spans(draft.lanes, open_days, draft.called, problem.rules)
    for n in range(draft.lanes):
        code = plan_codes.station_code(draft.code, n + 1)
        tubes = draft.tubes.total // draft.lanes + (n < draft.tubes.total % draft.lanes)
        boxes = calls * max(1, math.ceil(math.ceil(tubes / calls) / holds))
        boxes = min(boxes, plan_codes.BOXES_PER_STATION)
        codes = [
            plan_codes.box_code(code, problem.campaign_no, problem.round_no, serial)
            for serial in range(1, boxes + 1)
        ]
        own = [] if staffed[n] == open_days else staffed[n]
        stations.append(Station(code, tubes, codes, own))
    return stations


def _lab_loads(problem: PlanProblem, shares: list[LabShare]) -> list[LabLoad]:
    by_day: dict[str, Counter[int]] = defaultdict(Counter)
    for share in shares:
        by_day[share.lab][share.day] += share.tubes
    loads = []
    for lab in problem.labs:
        days = by_day[lab.code]
        busiest = min(days, key=lambda day: (-days[day], day)) if days else 0
        whole = sum(days.values())
        loads.append(LabLoad(lab.code, lab.tubes_per_day, busiest, whole, lab.lon, lab.lat))
    return loads


def _totals(
    problem: PlanProblem,
    sites: list[Site],
    *,
    teams: list[Team],
    posts: list[Post],
    kit: list[KitLine],
    runs: list[Run],
    shares: list[LabShare],
) -> Totals:
    staff = plan_staff.headcount([*posts, *(post for site in sites for post in site.posts)])
    standby: Counter[str] = Counter()
    for team in teams:
        if team.own:
            standby.update(team.jobs)
    goods: Counter[str] = Counter()
    for packed in [*(site.kit for site in sites), *(team.kit for team in teams)]:
        for line in packed:
            goods[line.item] += line.quantity
    goods.update({line.item: line.quantity - goods[line.item] for line in kit})
    tubes = sum(site.tubes.total for site in sites)
    people = sum(site.people for site in sites)
    return Totals(
        people=people,
        walkers=sum(site.walkers for site in sites),
        home_people=sum(site.home_people for site in sites),
        villages=len({share.area for site in sites for share in site.villages}),
        sites=len(sites),
        lanes=sum(site.lanes for site in sites),
        tubes=tubes,
        tubes_full=tubes - sum(site.tubes.part for site in sites),
        tubes_part=sum(site.tubes.part for site in sites),
        swabs=people,
        boxes=sum(len(station.boxes) for site in sites for station in site.stations),
        vehicles=len({run.vehicle for run in runs}),
        runs=len(runs),
        drivers=len({(run.vehicle, run.leaves.date(), run.driver) for run in runs}),
        km=round(sum(run.km for run in runs), 1),
        staff=dict(sorted(staff.items())),
        staff_total=sum(staff.values()),
        standby=dict(sorted(standby.items())),
        kit=dict(sorted(goods.items())),
        lab_capacity=sum(lab.tubes_per_day for lab in problem.labs),
        lab_shortage=tubes - sum(share.tubes for share in shares),
        mobile_teams=sum(site.kind == "mobile" for site in sites),
        mobile_visits=sum(len(site.visits) for site in sites),
    )


def _forecast(
    problem: PlanProblem, params: PlanParams, sites: list[Site], runs: list[Run]
) -> Forecast:
    ends = [slot.end for site in sites for slot in site.slots]
    return Forecast(
        sampling_ends=max(ends, default=max(span.end for s in sites for span in s.open)),
        last_delivery=max((run.arrives for run in runs), default=None),
        last_result=plan_transport.results_done(runs, problem.labs, params),
        deadline=problem.deadline,
    )
