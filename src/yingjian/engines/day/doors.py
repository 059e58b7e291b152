"""Home visits of a plan as the tubes they bring. The plan says who is visited when; how a team works is assumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from yingjian.engines.day.model import Doors, Habits
from yingjian.engines.plan.model import HomeVisit, Plan, Site

AT_DOOR = timedelta(minutes=4)
"""From the bell to the swab."""
OUT = timedelta(minutes=100)
"""A team without a tour is out no longer."""
Outing = tuple[datetime, datetime, list[HomeVisit]]
"""Leaves, is back, doors in turn."""


def doors_of(plan: Plan, sites: Sequence[Site], when: date, habits: Habits) -> Doors | None:
    """The tubes of a date's home visits; None where there are none. A pool ends with its outing."""
    midnight = min(s.start for site in sites for s in site.open if s.start.date() == when).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    rows: list[tuple[float, ...]] = []
    number = 0
    for j, site in enumerate(sites):
        for leaves, back, visits in _outings(plan, site, when):
            for first, people in _tubes(visits, habits):
                moments = (
                    (at - midnight) / timedelta(minutes=1)
                    for at in (leaves, first, max(back, first))
                )
                rows.append((j, number, people, *moments))
            number += 1
    if not rows:
        return None
    site_of, outing, people_of, left, swabbed, there = np.array(rows, dtype=np.float64).T
    return Doors(
        site=site_of.astype(np.int64), outing=outing.astype(np.int64), leaves=left, first_swab=swabbed,
        back=there, people=people_of.astype(np.int64),
    )  # fmt: skip


def _tubes(visits: Sequence[HomeVisit], habits: Habits) -> Iterator[tuple[datetime, int]]:
    """(first swab, people) of each tube of an outing; whoever may not be pooled has one alone."""
    first, held = visits[0].start, 0
    for visit in visits:
        at = visit.start + AT_DOOR
        for _ in range(visit.single):
            yield at, 1
        for _ in range(visit.people - visit.single):
            if held and (
                held == habits.pool or at - first > habits.tube_open * timedelta(minutes=1)
            ):
                yield first, held
                held = 0
            first = first if held else at
            held += 1
    if held:
        yield first, held


def _outings(plan: Plan, site: Site, when: date) -> Iterator[Outing]:
    """The outings to a site's doors on a date: the plan's tours, else teams by the list of doors.

    Doors of the list with the same time belong to different teams.
    """
    tours: dict[int, list[HomeVisit]] = defaultdict(list)
    teams: dict[int, list[HomeVisit]] = defaultdict(list)
    turn: dict[datetime, int] = defaultdict(int)
    for visit in sorted(site.home, key=lambda one: (one.start, one.key)):
        if visit.start.date() != when:
            continue
        if visit.tour:
            tours[visit.tour].append(visit)
        else:
            turn[visit.start] += 1
            teams[turn[visit.start]].append(visit)
    for tour, visits in sorted(tours.items()):
        yield plan.tours[tour - 1].leaves, plan.tours[tour - 1].back, visits
    for _, visits in sorted(teams.items()):
        for part in _parts(visits):
            yield part[0].start, part[-1].start + AT_DOOR, part


def _parts(visits: Sequence[HomeVisit]) -> list[list[HomeVisit]]:
    parts: list[list[HomeVisit]] = []
    for visit in visits:
        if not parts or visit.start - parts[-1][0].start > OUT:
            parts.append([])
        parts[-1].append(visit)
    return parts
