"""Which days of a round a site is open, so that laboratories get no more in a day than they test.

A site whose people fit into one day needs no second. Where all sites opening on the first day would
give the laboratories more than the share R80 lets them use, sites are opened in turn: in neighbourly
order, town after town, as many a day as the laboratories hold. Where key people must be through within
some hours of the start (R9), only the days before that are used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from yingjian.engines.plan.model import PlanProblem, Span
from yingjian.engines.plan.params import PlanParams

ROOM = 0.94
"""A site goes whole to one laboratory, so they are never all filled to the same share."""
SLACK = 1.03
"""Where all days together are too short, each may get so much more than an even share."""


@dataclass(frozen=True)
class Demand:
    """What a site asks for: its open spans, lanes, people who walk, tubes, whether its times are set."""

    days: list[Span]
    lanes: int
    walkers: int
    tubes: int
    fixed: bool = False
    key: bool = False
    """Whether key people come to it."""


def in_turn(
    problem: PlanProblem, sites: Sequence[Demand], params: PlanParams
) -> list[list[Span]]:  # fmt: skip
    """The days of each site; all of them where the laboratories hold what comes on the first."""
    usual = [site.days for site in sites]
    dates = sorted({span.start.date() for site in sites for span in site.days})
    room = sum(lab.tubes_per_day for lab in problem.labs)
    share = problem.rules.number("laboratory.support_threshold")
    most = math.floor(room * ROOM * (1.0 if share is None else share))
    alike = all([span.start.date() for span in site.days] == dates for site in sites)
    if len(dates) < 2 or most <= 0 or not alike:  # noqa: PLR2004
        return usual
    load = [0] * len(dates)
    for site in sites:
        for n, tubes in enumerate(_by_day(site, site.days, problem, params)):
            load[n] += tubes
    if max(load) <= most:
        return usual
    most = max(most, math.ceil(sum(site.tubes for site in sites) / len(dates) * SLACK))
    load = [0] * len(dates)
    for site in (site for site in sites if site.fixed):
        for n, tubes in enumerate(_by_day(site, site.days, problem, params)):
            load[n] += tubes
    return [
        site.days if site.fixed else _earliest(site, load, most, problem, params) for site in sites
    ]


def _by_day(
    site: Demand, days: Sequence[Span], problem: PlanProblem, params: PlanParams
) -> list[int]:
    """Tubes of each day when the earliest slots are filled first; mobile teams' spread evenly."""
    if site.fixed:
        return [math.ceil(site.tubes / len(days))] * len(days)
    rate = problem.rules.need("sites.lane_per_hour") / 60 * params.load * max(1, site.lanes)
    found, left = [], site.walkers
    for span in days:
        take = min(left, math.floor(rate * span.minutes))
        found.append(math.ceil(site.tubes * take / site.walkers) if site.walkers else 0)
        left -= take
    if left and found:
        found[-1] += math.ceil(site.tubes * left / site.walkers)
    if not site.walkers and found:
        found[0] = site.tubes
    return found


def _earliest(
    site: Demand, load: list[int], most: int, problem: PlanProblem, params: PlanParams
) -> list[Span]:
    """The first days on which the laboratories have room for the site; else the emptiest. Counts it."""
    whole = _by_day(site, site.days, problem, params)
    needed = max(1, sum(1 for tubes in whole if tubes))
    starts = range(len(site.days) - needed + 1)
    finish = problem.rules.number("clocks.key_groups_finish")
    if site.key and finish is not None:
        by = problem.window.start + timedelta(minutes=finish)
        starts = range(max(1, sum(1 for n in starts if site.days[n].end <= by)))
    ends = {
        n: max(load[n + k] + tubes for k, tubes in enumerate(whole[:needed])) for n in starts
    }  # fmt: skip
    begin = next((n for n in starts if ends[n] <= most), min(starts, key=lambda n: (ends[n], n)))
    for k, tubes in enumerate(whole[:needed]):
        load[begin + k] += tubes
    return site.days[begin : begin + needed]
