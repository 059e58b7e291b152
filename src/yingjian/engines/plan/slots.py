"""Lanes of a site, who is called to which slot, when the home-visit team comes."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from yingjian.engines.plan.model import (
    Block,
    HomeVisit,
    PlanProblem,
    Rules,
    Slot,
    Span,
    Tubes,
)
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.slots import model as slots
from yingjian.engines.slots.solve import solve


def tubes_for(blocks: list[Block], rules: Rules) -> Tubes:
    """Tubes of one site. The home-visit team fills the site's tubes, so one remainder per site."""
    size = int(rules.need("pool.default_size"))
    pooled = sum(b.pool + b.home_pool for b in blocks)
    homes = sum(math.ceil((b.household + b.home_household) / size) for b in blocks)
    return Tubes(
        pool=math.ceil(pooled / size),
        single=sum(b.single + b.home_single for b in blocks),
        household=homes,
        part=1 if pooled % size else 0,
    )


def slot_spans(days: list[Span], rules: Rules, params: PlanParams) -> list[Span]:
    """Open hours cut into slots no longer than the queue limit: whoever comes at the start of a
    slot that is not overfilled waits no longer than the slot (R23).
    """
    limit = rules.number("sites.queue_limit")
    minutes = params.slot_minutes if limit is None else min(params.slot_minutes, int(limit))
    step = timedelta(minutes=max(1, minutes))
    spans: list[Span] = []
    for day in sorted(days, key=lambda day: day.start):
        start = max(day.start, spans[-1].end) if spans else day.start
        while start < day.end:
            end = min(start + step, day.end)
            spans.append(Span(start, end))
            start = end
    return spans


def groups_of(people: int, rules: Rules) -> int | None:
    """Sampling groups for the people of a site (R18); None where the plan has no groups."""
    per_group = rules.number("sites.people_per_group")
    return max(1, math.ceil(people / per_group)) if per_group else None


def lanes_wanted(
    walkers: int, people: int, days: list[Span], rules: Rules, params: PlanParams
) -> int:
    """Lanes for a site: people per lane (R16), throughput in the open hours (R35), groups (R18)."""
    hours = sum(day.minutes for day in days) / 60
    able = rules.need("sites.lane_per_hour") * hours * params.load
    wanted = [1, groups_of(people, rules) or 1, math.ceil(walkers / able) if able else 1]
    per_lane = rules.number("sites.people_per_lane")
    if per_lane:
        wanted.append(math.ceil(walkers / per_lane))
    return max(wanted)


def share_lanes(wanted: list[int], walkers: list[int], most: int | None) -> list[int]:
    """Lanes per site when only `most` can be staffed: one each, then where the load is highest."""
    if most is None or sum(wanted) <= most:
        return wanted
    lanes = [1] * len(wanted)
    heap = [(-float(walkers[i]), i) for i in range(len(wanted)) if wanted[i] > 1]
    heapq.heapify(heap)
    for _ in range(most - len(lanes)):
        if not heap:
            break
        _, i = heapq.heappop(heap)
        lanes[i] += 1
        if lanes[i] < wanted[i]:
            heapq.heappush(heap, (-walkers[i] / lanes[i], i))
    return lanes


@dataclass(frozen=True)
class Asked:
    """People to be called to one place, its lanes and its open hours."""

    blocks: list[Block]
    lanes: int
    days: list[Span]


def call(
    asked: Sequence[Asked], begins: datetime, rules: Rules, params: PlanParams
) -> list[list[Slot]]:
    """Call households to slots, place by place: better ranks first (R9, R10), buildings together (`engines.slots`)."""
    spans = [slot_spans(one.days, rules, params) for one in asked]
    walkers = [[block for block in one.blocks if block.walkers] for one in asked]
    places = [n for n, own in enumerate(walkers) if own]
    if not places:
        return [[] for _ in asked]
    found = solve(
        slots.Problem(
            _slots([(spans[n], asked[n].lanes) for n in places], begins),
            _homes([walkers[n] for n in places], rules),
            habits_of(params),
            rules_of(rules, params),
        )
    )
    firsts = np.cumsum([0, *(len(spans[n]) for n in places)]).tolist()
    homes = np.cumsum([0, *(len(walkers[n]) for n in places)]).tolist()
    called: list[list[Slot]] = [[] for _ in asked]
    for k, n in enumerate(places):
        members: list[list[Block]] = [[] for _ in spans[n]]
        for block, t in zip(walkers[n], found.slot[homes[k] : homes[k + 1]].tolist(), strict=True):
            members[t - firsts[k]].append(block)
        rate = rules.need("sites.lane_per_hour") * asked[n].lanes / 60
        called[n] = _told(spans[n], members, rate, found, firsts[k])
    return called


def _told(
    spans: list[Span], members: list[list[Block]], rate: float, found: slots.Result, first: int
) -> list[Slot]:
    made: list[Slot] = []
    behind = 0.0
    for t, (span, own) in enumerate(zip(spans, members, strict=True), first):
        people = sum(block.walkers for block in own)
        if own:
            made.append(
                Slot(
                    start=span.start,
                    end=span.end,
                    people=people,
                    wait=round((behind + people) / rate, 2),
                    best_rank=min(block.rank for block in own),
                    last_rank=max(block.rank for block in own),
                    blocks=[block.key for block in own],
                    sizes=[block.walkers for block in own],
                    come=round(float(found.come[t]), 1),
                    mean=round(float(found.mean[t]), 1),
                    tail=math.ceil(float(found.tail[t]) * 10) / 10,
                )
            )
        behind = max(0.0, behind + people - rate * span.minutes)
    return made


def habits_of(params: PlanParams) -> slots.Habits:
    """What the plan takes people to do, as slots see it."""
    missed = slots.crossing(params.punctual_sd, params.slot_minutes)
    return slots.Habits(
        no_show=params.no_show, early=missed, late=missed, birds=params.early_birds,
        bird_minutes=params.bird_minutes, spread=params.service_cv,
    )  # fmt: skip


def rules_of(rules: Rules, params: PlanParams) -> slots.Rules:
    """Minutes in a lane (R16), the queue limit (R23); without a limit no wait is too long."""
    return slots.Rules(
        service=60 / rules.need("sites.lane_per_hour"),
        limit=rules.number("sites.queue_limit") or slots.NEVER,
        quantile=params.wait_quantile,
        load=params.load,
    )


def _slots(places: list[tuple[list[Span], int]], begins: datetime) -> slots.Slots:
    rows = [(n, span, lanes) for n, (spans, lanes) in enumerate(places) for span in spans]
    return slots.Slots(
        site=np.array([n for n, _, _ in rows], dtype=np.int64),
        start=np.array([_minute(span.start, begins) for _, span, _ in rows]),
        end=np.array([_minute(span.end, begins) for _, span, _ in rows]),
        lanes=np.array([lanes for _, _, lanes in rows], dtype=np.int64),
    )


def _homes(members: list[list[Block]], rules: Rules) -> slots.Homes:
    general = int(rules.number("scope.general_rank") or 0)
    finish = rules.number("clocks.key_groups_finish")
    due = slots.NEVER if finish is None else finish
    rows = [(n, block) for n, own in enumerate(members) for block in own]
    numbers: dict[tuple[int, str, int], int] = {}
    building = [
        numbers.setdefault((n, b.area, b.building), len(numbers)) if b.building else slots.UNKNOWN
        for n, b in rows
    ]
    return slots.Homes(
        site=np.array([n for n, _ in rows], dtype=np.int64),
        people=np.array([b.walkers for _, b in rows], dtype=np.int64),
        rank=np.array([b.rank for _, b in rows], dtype=np.int64),
        building=np.array(building, dtype=np.int64),
        stair=np.array([b.stair or slots.UNKNOWN for _, b in rows], dtype=np.int64),
        alone=np.array([b.single == b.walkers for _, b in rows], dtype=bool),
        due=np.array([due if b.rank < general else slots.NEVER for _, b in rows]),
    )


def _minute(at: datetime, begins: datetime) -> float:
    return (at - begins) / timedelta(minutes=1)


def visits(
    blocks: list[Block], days: list[Span], teams: int, params: PlanParams
) -> list[HomeVisit]:
    """Doors in order of rank, shared by `teams`; times are spread so that the day holds them."""
    doors = sorted((b for b in blocks if b.home), key=lambda b: b.rank)
    minutes = sum(day.minutes for day in days)
    rows = max(1, math.ceil(len(doors) / max(1, teams)))
    step = min(params.home_minutes, minutes / rows) if doors else 0.0
    found: list[HomeVisit] = []
    for n, block in enumerate(doors):
        into = (n // max(1, teams)) * step
        day = 0
        while day < len(days) - 1 and into >= days[day].minutes:
            into -= days[day].minutes
            day += 1
        start = days[day].start + timedelta(minutes=math.floor(into))
        found.append(HomeVisit(block.key, block.home, start, single=block.home_single))
    return found


def days_of(problem: PlanProblem, site: int) -> list[Span]:
    """The open hours of the site with this index: the place's own where the plan names places."""
    if problem.places:
        return problem.places[site % len(problem.places)].spans or problem.days
    return problem.days
