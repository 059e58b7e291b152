"""The answer in the question's own terms: lanes, cost, and where whoever no rule-keeping plan serves is sent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.siting.model import (
    MOBILE,
    Breach,
    Problem,
    Result,
    barred,
    walked,
    way_price,
)


def placed_at(problem: Problem, site_of: Ints, result: Result) -> Result:
    """`result` with other places for its points; points in breach stay where they are."""
    return replace(
        result,
        site_of=site_of,
        lanes=lanes_of(problem, site_of),
        cost=cost_of_plan(problem, site_of, result.breaches),
    )


def lanes_of(problem: Problem, site_of: Ints) -> Ints:
    """Lanes each candidate needs for those sent to it."""
    inside = site_of != MOBILE
    load = np.bincount(
        site_of[inside], weights=problem.heads[inside], minlength=problem.candidates
    ).astype(np.int64)
    lanes: Ints = -(-load // problem.rules.heads_per_lane)
    return lanes


def cost_of_plan(problem: Problem, site_of: Ints, breaches: list[Breach]) -> int:
    """What the whole plan costs; points in breach pay their flat price only."""
    flat = site_of == MOBILE
    flat[[b.point for b in breaches]] = True
    kept = np.flatnonzero(~flat)
    walks = way_price(problem, kept, site_of[kept])
    lanes = lanes_of(problem, np.where(flat, MOBILE, site_of))
    total = int(problem.outside()[flat].sum()) + int(walks.sum())
    return total + int(lanes.sum()) * problem.prices.lane + int(problem.opening()[lanes > 0].sum())


def breaking(problem: Problem, outside: Ints) -> Ints:
    """Of the points served by no site, those that no mobile team may serve either."""
    if problem.mobile is None:
        return outside
    return outside[~problem.mobile[outside]]


def placed(problem: Problem, site_of: Ints, points: Ints) -> list[Breach]:
    """Send each point outside the rules where it breaks one least; largest points first.

    Compared by how far over its limit the rule would be, as a share of the limit. Ties: the nearer.
    """
    load = np.zeros(problem.candidates, dtype=np.int64)
    inside = site_of != MOBILE
    np.add.at(load, site_of[inside], problem.heads[inside])
    every = np.arange(problem.candidates)
    room = problem.room()
    most = problem.candidates if problem.most_sites is None else problem.most_sites
    breaches = []
    for i in points[np.argsort(-problem.heads[points], kind="stable")]:
        here = np.full(problem.candidates, i)
        metres = walked(problem, here, every)
        full = np.maximum(load + problem.heads[i] - room, 0) / np.maximum(room, 1)
        far = np.maximum(metres / max(problem.rules.walk_m, 1.0) - 1.0, 0.0)
        cross = barred(problem, here, every) * ACROSS
        worst: Floats = full + far + cross
        if (load > 0).sum() >= most:
            worst[load == 0] = np.inf
        j = int(np.lexsort((metres, worst))[0])
        site_of[i] = j
        load[j] += problem.heads[i]
        breaches.extend(_named(problem, int(i), j, int(metres[j]), int(load[j]), bool(cross[j])))
    return sorted(breaches, key=lambda b: (b.point, b.rule))


ACROSS = 10.0
"""Crossing a barrier counts as much as walking eleven times the circle."""


def _named(
    problem: Problem, point: int, site: int, metres: int, load: int, across: bool
) -> list[Breach]:
    """The rules the point breaks at this site."""
    found = []
    limit = int(problem.room()[site])
    if metres > problem.rules.walk_m:
        found.append(Breach(point, site, "walking_circle", metres, int(problem.rules.walk_m)))
    if load > limit:
        found.append(Breach(point, site, "people_per_site", load, limit))
    if across:
        found.append(Breach(point, site, "barrier", 1, 0))
    return found
