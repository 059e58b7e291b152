"""Lanes by time of day: how many a site needs each hour, and in which shifts each lane is staffed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from yingjian.engines.plan.means import Hour, SiteHours
from yingjian.engines.plan.model import Rules, Site, Slot, Span
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.staff import team_letters
from yingjian.engines.staffing.lanes import lanes_by_time

HOUR = timedelta(hours=1)


def lane_spans(
    lanes: int, days: Sequence[Span], slots: Sequence[Slot], rules: Rules
) -> list[list[Span]]:
    """When each lane is staffed. The first all day, for those who come late and the doors' tubes;
    the others in every shift somebody is called in, or was until the queue limit before it (R23).
    """
    grace = timedelta(minutes=rules.number("sites.queue_limit") or 0)
    busy: list[Span] = []
    for day in days:
        for _, shift in team_letters(day, rules):
            if any(s.start < shift.end and s.end + grace > shift.start for s in slots):
                if busy and busy[-1].end == shift.start:
                    busy[-1] = Span(busy[-1].start, shift.end)
                else:
                    busy.append(shift)
    return [list(days) if lane == 0 else busy or list(days) for lane in range(lanes)]


def hours_of(site: Site, rules: Rules, params: PlanParams) -> SiteHours:
    """A site's hours: people called by its slots, lanes that clear them as they come, lanes staffed.

    The queue limit is left for what no plan knows: who comes early, late or not at all.
    """
    hours: list[Hour] = []
    for day in site.open:
        cuts = _cuts(day)
        people = [_called(site.slots, span) for span in cuts]
        opened = lanes_by_time(
            np.array([people], dtype=float),
            per_hour=rules.need("sites.lane_per_hour"),
            load=params.load,
            period=60,
            queue=0.0,
            most=np.array([site.lanes]),
        )
        hours += [
            Hour(span.start, span.end, round(count), int(need), _staffed(site, span))
            for span, count, need in zip(cuts, people, opened.lanes[0], strict=True)
        ]
    return SiteHours(site.code, hours)


def _cuts(day: Span) -> list[Span]:
    count = max(1, math.ceil(day.minutes / 60))
    return [
        Span(day.start + n * HOUR, min(day.start + (n + 1) * HOUR, day.end)) for n in range(count)
    ]


def _called(slots: Sequence[Slot], span: Span) -> float:
    """People called in a span; a slot's people come evenly over it."""
    found = 0.0
    for slot in slots:
        both = min(slot.end, span.end) - max(slot.start, span.start)
        if both > timedelta(0):
            found += slot.people * (both / (slot.end - slot.start))
    return found


def _staffed(site: Site, span: Span) -> int:
    return sum(
        any(own.start <= span.start and span.end <= own.end for own in station.open or site.open)
        for station in site.stations
    )
