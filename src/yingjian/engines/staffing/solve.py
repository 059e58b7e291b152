"""Seats, then institutions, then names: `solve(problem, params, seed, stop) → Result`.

1. Each site and job needs so many people in each period: as few patterns as cover that, proven per
   profile (sites alike share one).
2. Which institution sends how many to which site and job: a transport problem, whose best basis is
   whole by itself, so numbers are optimal, not rounded.
3. Names: within an institution and qualification, those who have worked least take the longest turns.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from yingjian.engines.linear import Model
from yingjian.engines.staffing.model import (
    Breach,
    Flags,
    Ints,
    Params,
    Post,
    Problem,
    Result,
    Ride,
    StandIn,
    Stop,
    validate,
)

DEFAULTS = Params()
HOURS_WEIGHT = 1e-4
"""Of two covers with as many people, the one with fewer periods worked."""


def never() -> bool:
    """A stop that never comes."""
    return False


@dataclass(frozen=True)
class _Seats:
    """Seats by site and job: the patterns to fill, and the fewest any cover has."""

    patterns: dict[tuple[int, int], list[int]]
    bound: int


@dataclass(frozen=True)
class _Classes:
    """People who are alike to the model: institution and jobs they may do."""

    of: Ints
    institution: Ints
    able: Flags
    count: Ints


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> Result:
    """Every seat with a name, or told as uncovered. Raises `StaffingError` where it has no meaning.

    The same problem and params give the same answer; nothing is drawn by chance. `stop` ends the
    proving of covers early (`seats_bound` is then lower).
    """
    validate(problem)
    seats = _cover(problem, params, stop)
    classes = _classes(problem)
    sent, value = _send(problem, classes, seats)
    posts = _names(problem, classes, seats, sent)
    standby = _standby(problem, posts)
    rides = _rides(problem, posts)
    cost = _cost(problem, posts)
    return Result(
        posts, standby, rides, cost, value, seats.bound, _breaches(problem, posts, standby)
    )


# --- how many, in which turns --------------------------------------------------------------------


def _cover(problem: Problem, params: Params, stop: Stop) -> _Seats:
    known: dict[bytes, tuple[list[int], int]] = {}
    found: dict[tuple[int, int], list[int]] = {}
    bound = 0
    m, jobs, _ = problem.need.shape
    for site in range(m):
        for job in range(jobs):
            profile = problem.need[site, job]
            if not profile.any():
                continue
            key = profile.tobytes()
            if key not in known:
                known[key] = _cover_one(problem.patterns, profile, params, stop)
            found[site, job] = known[key][0]
            bound += known[key][1]
    return _Seats(found, bound)


def _cover_one(patterns: Flags, profile: Ints, params: Params, stop: Stop) -> tuple[list[int], int]:
    """Patterns, one per person, and the fewest people that any cover has."""
    model = Model()
    people = model.add_columns(
        len(patterns), cost=1.0 + HOURS_WEIGHT * patterns.sum(axis=1), whole=True
    )
    rows = model.add_rows(len(profile), low=profile.astype(float))
    pattern, period = np.nonzero(patterns)
    model.put(rows[period], people[pattern], 1.0)
    answer = model.solve(nodes=1 if stop() else params.nodes)
    count = np.rint(answer.x).astype(np.int64)
    chosen = np.repeat(np.arange(len(patterns)), count).tolist()
    weight = HOURS_WEIGHT * patterns.shape[1] * max(1, len(chosen))
    fewest = max(int(profile.max()), math.ceil(answer.bound - weight - 1e-6))
    return chosen, min(len(chosen), fewest)


# --- who sends how many --------------------------------------------------------------------------


def _classes(problem: Problem) -> _Classes:
    able = problem.able()
    keys = np.column_stack((problem.people.institution, able.astype(np.int64)))
    unique, of, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return _Classes(of.reshape(-1), unique[:, 0], unique[:, 1:].astype(bool), count)


def _send(
    problem: Problem, classes: _Classes, seats: _Seats
) -> tuple[dict[tuple[int, int], dict[int, int]], float]:
    """People of each class for each site and job, and the value of the transport problem."""
    prices, own = problem.prices, problem.institutions
    keys = sorted(seats.patterns)
    site = np.array([key[0] for key in keys])
    job = np.array([key[1] for key in keys])
    wanted = np.array([len(seats.patterns[key]) for key in keys])
    group, place = np.nonzero(classes.able[:, job])
    model = Model()
    cost = prices.person + prices.travel * own.travel[classes.institution[group], site[place]]
    sent = model.add_columns(len(group), cost=cost.astype(float))
    missing = model.add_columns(len(keys), cost=float(prices.missing))
    below = model.add_columns(len(own.least), cost=float(prices.below), high=own.least)
    filled = model.add_rows(len(keys), low=wanted, high=wanted)
    model.put(filled[place], sent, 1.0)
    model.put(filled, missing, 1.0)
    supply = model.add_rows(len(classes.count), high=classes.count)
    model.put(supply[group], sent, 1.0)
    ends = model.add_rows(len(own.least), high=own.most)
    model.put(ends[classes.institution[group]], sent, 1.0)
    least = model.add_rows(len(own.least), low=own.least)
    model.put(least[classes.institution[group]], sent, 1.0)
    model.put(least, below, 1.0)
    answer = model.solve()
    found: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for c, k, people in zip(
        group.tolist(), place.tolist(), np.rint(answer.x[sent]).astype(int).tolist(), strict=True
    ):
        if people:
            found[keys[k]][c] = people
    return found, answer.value


# --- by name -------------------------------------------------------------------------------------


def _names(
    problem: Problem, classes: _Classes, seats: _Seats,
    sent: dict[tuple[int, int], dict[int, int]],
) -> list[Post]:  # fmt: skip
    """Longest turns first, to those of each class who have worked least."""
    length = problem.patterns.sum(axis=1)
    waiting: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    posts: list[Post] = []
    for (site, job), patterns in sorted(seats.patterns.items()):
        order = sorted(patterns, key=lambda q: (-int(length[q]), q))
        of_class = sent.get((site, job), {})
        for c, people in sorted(of_class.items()):
            waiting[c] += [(site, job, order.pop(0)) for _ in range(people)]
        posts += [Post(site, job, q, -1) for q in order]
    worked = problem.people.worked
    for c, own in sorted(waiting.items()):
        persons = sorted(np.flatnonzero(classes.of == c).tolist(), key=lambda p: (worked[p], p))
        own.sort(key=lambda seat: (-int(length[seat[2]]), seat))
        posts += [
            Post(*seat, person) for seat, person in zip(own, persons[: len(own)], strict=True)
        ]
    return sorted(posts, key=lambda post: (post.site, post.job, post.pattern, post.person))


def _standby(problem: Problem, posts: list[Post]) -> list[StandIn]:
    """For each job, scarcest first, free people who may do it; nobody stands in for two jobs."""
    able = problem.able()
    free = np.ones(len(able), dtype=bool)
    free[[post.person for post in posts if post.person >= 0]] = False
    found: list[StandIn] = []
    wanted = wanted_standby(problem, posts)
    scarce = sorted(wanted, key=lambda job: (int((able[:, job] & free).sum()) - wanted[job], job))
    for job in scarce:
        people = np.flatnonzero(able[:, job] & free)
        order = sorted(
            people.tolist(),
            key=lambda p: (int(able[p].sum()), int(problem.people.worked[p]), p),
        )[: wanted[job]]
        free[order] = False
        found += [StandIn(person, job, rank) for rank, person in enumerate(order)]
    return found


def wanted_standby(problem: Problem, posts: list[Post]) -> dict[int, int]:
    """Stand-ins wanted by job."""
    placed: dict[int, int] = defaultdict(int)
    for post in posts:
        placed[post.job] += 1
    return {
        job: math.ceil(count * problem.standby - 1e-9)
        for job, count in sorted(placed.items())
        if problem.standby
    }


def _rides(problem: Problem, posts: list[Post]) -> list[Ride]:
    together: dict[tuple[int, int], int] = defaultdict(int)
    for post in posts:
        if post.person >= 0:
            together[int(problem.people.institution[post.person]), post.site] += 1
    return [Ride(i, s, n, -(-n // problem.seats)) for (i, s), n in sorted(together.items())]


def _from_each(problem: Problem, posts: list[Post]) -> Ints:
    people = [post.person for post in posts if post.person >= 0]
    count = len(problem.institutions.least)
    each: Ints = np.bincount(problem.people.institution[people], minlength=count).astype(np.int64)
    return each


def _cost(problem: Problem, posts: list[Post]) -> int:
    prices, own = problem.prices, problem.institutions
    cost = 0
    for post in posts:
        if post.person < 0:
            cost += prices.missing
        else:
            i = int(problem.people.institution[post.person])
            cost += prices.person + prices.travel * int(own.travel[i, post.site])
    short = np.maximum(0, own.least - _from_each(problem, posts))
    return cost + int(short.sum()) * prices.below


def _breaches(problem: Problem, posts: list[Post], standby: list[StandIn]) -> list[Breach]:
    seats: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for post in posts:
        count = seats[f"site:{post.site}:job:{post.job}"]
        count[0] += post.person >= 0
        count[1] += 1
    found = [Breach("uncovered", e, had, want) for e, (had, want) in seats.items() if had < want]
    each = _from_each(problem, posts)
    for i, least in enumerate(problem.institutions.least.tolist()):
        if each[i] < least:
            found.append(Breach("quota_least", f"institution:{i}", int(each[i]), least))
    for job, want in wanted_standby(problem, posts).items():
        had = sum(one.job == job for one in standby)
        if had < want:
            found.append(Breach("standby", f"job:{job}", had, want))
    return sorted(found, key=lambda b: (b.rule, b.element))
