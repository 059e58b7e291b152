"""Waits in the slots of a plan held against the queue limit (R23), by the judge of `engines.slots`. No planner code.

A queue is rebuilt from who the plan calls when, the lanes it staffs then and the habits in its params. Plans made
before there were habits state no such wait: theirs is reckoned.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from yingjian.engines.plan.judge import Bench, minutes
from yingjian.engines.plan.model import Site, Slot, Span
from yingjian.engines.slots import model
from yingjian.engines.slots.check import Queue, expected, misstated, queue_of

ROUNDED = 0.1
"""Minutes to which a plan states its waits."""
HALVINGS = 14


def check_slots(bench: Bench) -> None:
    """The wait of every slot, stated and reckoned; the longest of each site against the limit; overbooking."""
    limit = bench.problem.rules.number("sites.queue_limit")
    for site in bench.plan.sites:
        element = f"site:{site.code}"
        worst = 0.0
        for spans, lanes, slots in _sessions(bench, site):
            worst = max(worst, _session(bench, site, spans, lanes, slots))
        if site.slots:
            bench.most(
                "queue", element, "sites.queue_limit", min(worst, model.NEVER), limit,
                share=round(bench.plan.params.wait_quantile * 100, 1),
            )  # fmt: skip
            _crowded(bench, site)


def _session(
    bench: Bench, site: Site, spans: list[Span], lanes: list[int], slots: list[Slot | None]
) -> float:
    """The longest wait of a session; what the plan states of its slots is compared."""
    if not all(lanes):
        return model.NEVER
    params = bench.plan.params
    missed = model.crossing(params.punctual_sd, params.slot_minutes)
    habits = model.Habits(
        no_show=params.no_show, early=missed, late=missed, birds=params.early_birds,
        bird_minutes=params.bird_minutes, spread=params.service_cv,
    )  # fmt: skip
    rate = bench.problem.rules.number("sites.lane_per_hour") or 0.0
    if rate <= 0:
        return model.NEVER
    rules = model.Rules(service=60 / rate, quantile=params.wait_quantile)
    begins = spans[0].start
    hours = model.Slots(
        site=np.zeros(len(spans), dtype=np.int64),
        start=np.array([minutes(span.start, begins) for span in spans]),
        end=np.array([minutes(span.end, begins) for span in spans]),
        lanes=np.array(lanes, dtype=np.int64),
    )
    sizes = [_sizes(bench, slot) for slot in slots]
    queue = queue_of(habits, rules, hours, sizes)
    worst = 0.0
    for t, slot in enumerate(slots):
        if slot is not None and len(sizes[t]):
            worst = max(worst, _stated(bench, f"site:{site.code}", (queue, rules), t, slot))
    return worst


def _stated(
    bench: Bench, element: str, held: tuple[Queue, model.Rules], t: int, slot: Slot
) -> float:
    """The wait of a slot: as stated where that is right, to how it is rounded; else as reckoned, and then said."""
    queue, rules = held
    if slot.come and not misstated(queue, rules, t, slot.tail, 2 * ROUNDED):
        mean = expected(queue, t, slot.tail)
        if abs(mean - slot.mean) > ROUNDED * max(1.0, mean) + ROUNDED:
            bench.same("site_sum", element, slot.mean, round(mean, 1), "expected wait")
        return slot.tail
    low, high = 0.0, 1440.0
    for _ in range(HALVINGS):
        middle = np.array([(low + high) / 2])
        longer = max(queue.chance(t, middle)[0], queue.chance(t + 1, middle)[0])
        at = float(middle[0])
        low, high = (at, high) if longer > 1 - rules.quantile else (low, at)
    if slot.come:
        bench.same("site_sum", element, slot.tail, round(high, 1), "wait by habits")
    return high


def _crowded(bench: Bench, site: Site) -> None:
    """More are called to a slot than its lanes can swab of who comes, by more than one household."""
    rate = (bench.problem.rules.number("sites.lane_per_hour") or 0.0) / 60
    over = 0.0
    largest = max(
        (int(own.max()) for slot in site.slots if len(own := _sizes(bench, slot))), default=0
    )
    for slot in site.slots:
        sizes = _sizes(bench, slot)
        lanes = _lanes(site, slot.start, slot.end)
        able = rate * lanes * max(0.0, minutes(slot.end, slot.start))
        able /= 1 - bench.plan.params.no_show
        over = max(over, float(sizes.sum()) - able - largest)
    level = "ok" if over <= 0 else "warning"
    bench.say("slot_crowded", level, f"site:{site.code}", "sites.lane_per_hour",
              measured=round(max(0.0, over), 1), limit=0.0, over=max(0.0, over))  # fmt: skip


def _sizes(bench: Bench, slot: Slot | None) -> np.ndarray:
    keys = [] if slot is None else [key for key in slot.blocks if key in bench.blocks]
    return np.array([bench.blocks[key].walkers for key in keys], dtype=np.int64)


def _sessions(bench: Bench, site: Site) -> list[tuple[list[Span], list[int], list[Slot | None]]]:
    """Open hours cut by the stated slots; hours nobody is called in are slots too, since people come early and late."""
    step = timedelta(minutes=bench.plan.params.slot_minutes)
    left = sorted(site.slots, key=lambda slot: slot.start)
    found = []
    opened = [Span(v.start, v.end) for v in site.visits] if site.visits else site.open
    for span in sorted(opened, key=lambda span: span.start):
        own = [slot for slot in left if span.start <= slot.start and slot.end <= span.end]
        left = [slot for slot in left if slot not in own]
        found.append(_cut(span, own, step))
    found += [([Span(slot.start, slot.end)], [slot]) for slot in left if slot.end > slot.start]
    return [
        (spans, [_lanes(site, span.start, span.end) for span in spans], slots)
        for spans, slots in found
        if any(slots)
    ]


def _cut(span: Span, own: list[Slot], step: timedelta) -> tuple[list[Span], list[Slot | None]]:
    spans: list[Span] = []
    slots: list[Slot | None] = []
    at = span.start
    for slot in [*own, None]:
        until = span.end if slot is None else slot.start
        while at < until:
            following = min(at + step, until)
            spans.append(Span(at, following))
            slots.append(None)
            at = following
        if slot is not None and slot.start >= at and slot.end > slot.start:
            spans.append(Span(slot.start, slot.end))
            slots.append(slot)
            at = slot.end
    return spans, slots


def _lanes(site: Site, start: datetime, end: datetime) -> int:
    """Lanes staffed all through a span."""
    return sum(
        not lane.open or any(own.start <= start and end <= own.end for own in lane.open)
        for lane in site.stations
    )
