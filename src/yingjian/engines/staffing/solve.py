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

from yingjian.engines.asking import Flags, Floats, Ints, Stop, never
from yingjian.engines.linear import Model
from yingjian.engines.staffing.model import (
    Breach,
    Params,
    Post,
    Problem,
    Result,
    Ride,
    StandIn,
    validate,
)

DEFAULTS = Params()
HOURS_WEIGHT = 1e-4
"""Of two covers with as many people, the one with fewer periods worked."""


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
    own: Ints
    """The job they hold, -1 where none is preferred."""
    count: Ints


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> Result:
    """Every seat with a name, or told as uncovered. Raises `StaffingError` where it has no meaning.

    The same problem and params give the same answer; nothing is drawn by chance. `stop` ends the
    proving of covers early (`seats_bound` is then lower).
    """
    validate(problem)
    seats = _given(problem) if problem.fixed is not None else _cover(problem, params, stop)
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


def _given(problem: Problem) -> _Seats:
    """Seats somebody else has cut; there is nothing to prove about them."""
    found = {key: sorted(own) for key, own in sorted((problem.fixed or {}).items()) if own}
    return _Seats(found, sum(len(own) for own in found.values()))


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
    able, people = problem.able(), problem.people
    own = np.full(len(able), -1) if people.own is None else people.own
    keys = np.column_stack((people.institution, own, able.astype(np.int64)))
    unique, of, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    return _Classes(of.reshape(-1), unique[:, 0], unique[:, 2:].astype(bool), unique[:, 1], count)


@dataclass
class _Lanes:
    """The transport problem: people of a class become people of a cell (institution, job), who are
    sent to places of that job. Ways `(cell, key)` are added while one would save something."""

    problem: Problem
    classes: _Classes
    keys: list[tuple[int, int]]
    wanted: Ints
    cells: Ints
    """Institution and job of each cell, `(cells, 2)`."""
    turn: tuple[Ints, Ints, Ints]
    """Class, cell and price of every way a class has of becoming a cell's."""
    way: Floats
    """Price of every way from a cell to a key, infinite where the job is another."""

    def solve(self, open_ways: Flags) -> tuple[Ints, Ints, float, Flags]:
        """Turns, ways used `(cells, keys)`, the value, and closed ways that would save something."""
        prices, own = self.problem.prices, self.problem.institutions
        of, cell, price = self.turn
        from_cell, to_key = np.nonzero(open_ways)
        model = Model()
        turns = model.add_columns(len(of), cost=price.astype(float), high=self.classes.count[of])
        sent = model.add_columns(len(from_cell), cost=self.way[from_cell, to_key])
        urgent = np.array([float(self.problem.missing(site)) for site, _ in self.keys])
        missing = model.add_columns(len(self.keys), cost=urgent)
        below = model.add_columns(len(own.least), cost=float(prices.below), high=own.least)
        filled = model.add_rows(len(self.keys), low=self.wanted, high=self.wanted)
        model.put(filled[to_key], sent, 1.0)
        model.put(filled, missing, 1.0)
        kept = model.add_rows(len(self.cells), low=0.0, high=0.0)
        model.put(kept[cell], turns, 1.0)
        model.put(kept[from_cell], sent, -1.0)
        several = np.flatnonzero(np.bincount(of, minlength=len(self.classes.count)) > 1)
        row = np.full(len(self.classes.count), -1)
        row[several] = model.add_rows(len(several), high=self.classes.count[several])
        many = row[of] >= 0
        model.put(row[of[many]], turns[many], 1.0)
        home = self.classes.institution[of]
        model.put(model.add_rows(len(own.most), high=own.most)[home], turns, 1.0)
        least = model.add_rows(len(own.least), low=own.least)
        model.put(least[home], turns, 1.0)
        model.put(least, below, 1.0)
        answer = model.solve()
        saved = self.way - answer.dual[filled][None, :] + answer.dual[kept][:, None]
        used = np.zeros(self.way.shape, dtype=np.int64)
        used[from_cell, to_key] = np.rint(answer.x[sent])
        turned = np.rint(answer.x[turns]).astype(np.int64)
        return turned, used, answer.value, np.asarray((saved < -WORTH) & ~open_ways)


NEAREST = 6
"""Cells nearest to each place whose ways are open from the start."""
WORTH = 0.5
"""Prices are whole numbers, so a way that saves less than this saves nothing."""


def _send(
    problem: Problem, classes: _Classes, seats: _Seats
) -> tuple[dict[tuple[int, int], dict[int, int]], float]:
    """People of each class for each site and job, and the value of the transport problem.

    Ways not yet open are priced by the duals until none saves anything: the value is the best there
    is, over all ways.
    """
    lanes = _lanes(problem, classes, seats)
    open_ways = np.zeros(lanes.way.shape, dtype=bool)
    if len(lanes.cells):
        near = np.argsort(lanes.way, axis=0, kind="stable")[:NEAREST]
        np.put_along_axis(open_ways, near, values=True, axis=0)
        open_ways &= np.isfinite(lanes.way)
    while True:
        turned, used, value, saving = lanes.solve(open_ways)
        if not saving.any():
            return _paired(lanes, turned, used), value
        open_ways |= saving


def _lanes(problem: Problem, classes: _Classes, seats: _Seats) -> _Lanes:
    prices = problem.prices
    keys = sorted(seats.patterns)
    site, job = (np.array([key[k] for key in keys]) for k in (0, 1))
    of, does = np.nonzero(classes.able)
    wanted_jobs = np.isin(does, job)
    of, does = of[wanted_jobs], does[wanted_jobs]
    cells, cell = np.unique(
        np.column_stack((classes.institution[of], does)), axis=0, return_inverse=True
    )
    price = np.full(len(of), prices.person, dtype=np.int64)
    if problem.people.own is not None:
        price += prices.other * (classes.own[of] != does)
    way = prices.travel * problem.institutions.travel[cells[:, 0]][:, site].astype(float)
    way[cells[:, 1][:, None] != job[None, :]] = np.inf
    wanted = np.array([len(seats.patterns[key]) for key in keys])
    return _Lanes(problem, classes, keys, wanted, cells, (of, cell.reshape(-1), price), way)


def _paired(lanes: _Lanes, turned: Ints, used: Ints) -> dict[tuple[int, int], dict[int, int]]:
    """Which class goes where: within a cell it makes no difference to the price."""
    found: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    of, cell, _ = lanes.turn
    left: dict[int, list[list[int]]] = defaultdict(list)
    for turn in np.flatnonzero(turned).tolist():
        left[int(cell[turn])].append([int(of[turn]), int(turned[turn])])
    for c, k in np.argwhere(used > 0).tolist():
        rest, there = int(used[c, k]), left[c]
        while rest:
            take = min(rest, there[0][1])
            own = found[lanes.keys[k]]
            own[there[0][0]] = own.get(there[0][0], 0) + take
            rest -= take
            there[0][1] -= take
            if not there[0][1]:
                there.pop(0)
    return found


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
    prices, own, people = problem.prices, problem.institutions, problem.people
    cost = 0
    for post in posts:
        if post.person < 0:
            cost += problem.missing(post.site)
        else:
            i = int(people.institution[post.person])
            cost += prices.person + prices.travel * int(own.travel[i, post.site])
            if people.own is not None and people.own[post.person] != post.job:
                cost += prices.other
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
