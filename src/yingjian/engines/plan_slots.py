"""Lanes of a site, who is called to which slot, when the home-visit team comes."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from datetime import timedelta

from yingjian.engines.plan_geo import pack
from yingjian.engines.plan_model import (
    Block,
    HomeVisit,
    PlanProblem,
    Rules,
    Slot,
    Span,
    Tubes,
)
from yingjian.engines.plan_params import PlanParams


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
    for day in days:
        start = day.start
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


def _places(spans: list[Span], lanes: int, rules: Rules, load: float) -> list[int]:
    rate = rules.need("sites.lane_per_hour") * lanes / 60
    return [math.floor(rate * span.minutes * load + 1e-9) for span in spans]


@dataclass(frozen=True)
class Called:
    """The slots in use, and how long each is at most waited for."""

    slots: list[Slot]
    spans: list[Span]


def call(
    blocks: list[Block], lanes: int, days: list[Span], rules: Rules, params: PlanParams
) -> Called:
    """Call households to slots: best rank first (R9, R10), a household together, neighbours near."""
    spans = slot_spans(days, rules, params)
    order = sorted(range(len(blocks)), key=lambda i: blocks[i].rank)
    sizes = [blocks[i].walkers for i in order]
    walkers = sum(sizes)
    bins = _places(spans, lanes, rules, params.load)
    if sum(bins) < walkers:
        bins = _places(spans, lanes, rules, 1.0)
    if sum(bins) < walkers:  # nothing holds: share the overflow evenly, the checker says how much
        even = walkers / max(1, sum(bins)) if sum(bins) else 0
        bins = [math.ceil(b * even) for b in bins] if even else [math.ceil(walkers / len(bins))]
    taken = pack(sizes, bins, ranks=[blocks[i].rank for i in order])
    rate = rules.need("sites.lane_per_hour") * lanes / 60
    slots: list[Slot] = []
    behind = 0.0
    for span, items in zip(spans, taken, strict=False):
        people = sum(sizes[i] for i in items)
        wait = (behind + people) / rate if people else 0.0
        behind = max(0.0, behind + people - rate * span.minutes)
        if items:
            own = [blocks[order[i]] for i in items]
            slots.append(
                Slot(
                    start=span.start,
                    end=span.end,
                    people=people,
                    wait=round(wait, 2),
                    best_rank=min(b.rank for b in own),
                    last_rank=max(b.rank for b in own),
                    blocks=[b.key for b in own],
                    sizes=[b.walkers for b in own],
                )
            )
    return Called(slots, spans)


def call_halts(halts: list[tuple[list[Block], Span]], rules: Rules, params: PlanParams) -> Called:
    """Slots of a mobile team: at each halt its own people, in the halt's hours, by one lane."""
    slots: list[Slot] = []
    spans: list[Span] = []
    for blocks, span in halts:
        called = call(blocks, 1, [span], rules, params)
        slots += called.slots
        spans += called.spans
    return Called(slots, spans)


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
