"""The independent judge of a siting plan and of its certificate; shares only `model` with the solver.

Everything is counted again in whole numbers. The bound is recomputed from the multipliers with an
exact knapsack for every candidate: whatever the multipliers are, the bound is true, so nothing the
solver did has to be believed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from yingjian.engines.asking import Finding, Ints
from yingjian.engines.siting.model import (
    ANY_NUMBER,
    MOBILE,
    Case,
    Cases,
    Counts,
    Problem,
    Result,
    SitingError,
    Ways,
    barred,
    validate,
    walked,
    way_price,
)

CHUNK = 64
"""Candidates whose walks are measured in one go."""


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with `result` as an answer to `problem`; empty when nothing is."""
    validate(problem)
    found = _shape(problem, result)
    if found:
        return found
    inside = np.flatnonzero(result.site_of != MOBILE)
    site = result.site_of[inside]
    load = np.zeros(problem.candidates, dtype=np.int64)
    np.add.at(load, site, problem.heads[inside])
    told = {(b.point, b.rule) for b in result.breaches}
    breaking = {b.point for b in result.breaches}
    found += [
        Finding("lanes", f"site:{j}", float(result.lanes[j]), float(load[j]))
        for j in np.flatnonzero(result.lanes != _ceil(load, problem.rules.heads_per_lane))
    ]
    metres = walked(problem, inside, site)
    far = metres > problem.rules.walk_m
    cross = barred(problem, inside, site)
    for k in np.flatnonzero(far | cross):
        rule = "walking_circle" if far[k] else "barrier"
        if (int(inside[k]), rule) not in told:
            limit = problem.rules.walk_m if far[k] else 0.0
            found.append(Finding(rule, f"point:{inside[k]}", float(metres[k]), limit))
    found += _rooms(problem, result, load)
    opened, most = len(np.unique(site)), problem.most_sites
    if most is not None and opened > most:
        found.append(Finding("most_sites", "plan", float(opened), float(most)))
    found += [
        Finding("no_mobile_team", f"point:{i}")
        for i in np.flatnonzero(result.site_of == MOBILE)
        if problem.mobile is None or not problem.mobile[i]
    ]
    cost = _cost(problem, result, breaking)
    if cost != result.cost:
        found.append(Finding("cost", "plan", float(result.cost), float(cost)))
    return found + certificate_findings(problem, result)


def _shape(problem: Problem, result: Result) -> list[Finding]:
    """Everybody exactly once, at a candidate that exists."""
    found = []
    if result.site_of.shape != (problem.points,):
        found.append(Finding("points", "plan", len(result.site_of), problem.points))
    elif ((result.site_of < MOBILE) | (result.site_of >= problem.candidates)).any():
        found.append(Finding("unknown_site", "plan"))
    if result.lanes.shape != (problem.candidates,):
        found.append(Finding("candidates", "plan", len(result.lanes), problem.candidates))
    return found + [
        Finding("unknown_point", f"point:{b.point}")
        for b in result.breaches
        if not 0 <= b.point < problem.points
    ]


def _rooms(problem: Problem, result: Result, load: Ints) -> list[Finding]:
    """Nobody over a site's room except those told; without them, the rest must fit."""
    found = []
    rest = load.copy()
    for b in {b.point for b in result.breaches}:
        j = result.site_of[b]
        if j == MOBILE:
            found.append(Finding("breach_without_site", f"point:{b}"))
            continue
        rules = [x.rule for x in result.breaches if x.point == b]
        true = {
            "walking_circle": bool(
                walked(problem, np.array([b]), np.array([j]))[0] > problem.rules.walk_m
            ),
            "people_per_site": bool(load[j] > problem.room()[j]),
            "barrier": bool(barred(problem, np.array([b]), np.array([j]))[0]),
        }
        if not all(true.get(rule, False) for rule in rules):
            found.append(Finding("false_breach", f"point:{b}"))
        rest[j] -= problem.heads[b]
    room = problem.room()
    return found + [
        Finding("people_per_site", f"site:{j}", float(rest[j]), float(room[j]))
        for j in np.flatnonzero(rest > room)
    ]


def _ceil(load: Ints, size: int) -> Ints:
    lanes: Ints = (load + size - 1) // size
    return lanes


def _cost(problem: Problem, result: Result, breaking: set[int]) -> int:
    """The plan's price: points that break a rule pay the flat price and nothing else."""
    outside = problem.outside()
    regular = np.array(
        [i for i in np.flatnonzero(result.site_of != MOBILE) if int(i) not in breaking],
        dtype=np.int64,
    )
    site = result.site_of[regular]
    load = np.zeros(problem.candidates, dtype=np.int64)
    np.add.at(load, site, problem.heads[regular])
    opened = np.unique(site)
    total = int(problem.opening()[opened].sum())
    total += int(_ceil(load, problem.rules.heads_per_lane).sum()) * problem.prices.lane
    total += int(way_price(problem, regular, site).sum())
    rest = np.ones(problem.points, dtype=bool)
    rest[regular] = False
    return total + int(outside[rest].sum())


def certificate_findings(problem: Problem, result: Result) -> list[Finding]:
    """What is wrong with the proof: another problem's, out of shape, or claiming more than it shows."""
    certificate = result.certificate
    if certificate.problem != problem.digest():
        return [Finding("certificate_of_other_problem", "certificate")]
    try:
        bound = bound_of(
            problem, certificate.multipliers, certificate.counts, certificate.limit,
            certificate.cases,
        )  # fmt: skip
    except SitingError as error:
        return [Finding(error.code, "certificate")]
    if certificate.bound > bound:
        return [Finding("forged_bound", "certificate", float(certificate.bound), float(bound))]
    if bound > result.cost:  # a plan cheaper than a true bound cannot be
        return [Finding("bound_above_cost", "certificate", float(bound), float(result.cost))]
    return []


def bound_of(
    problem: Problem, multipliers: Ints, counts: Counts | None = None, limit: int = 0,
    cases: Cases | None = None,
) -> int:  # fmt: skip
    """The lower bound proven by `multipliers`, `counts`, `limit` and `cases`, a whole number.

    Σ u - limit x most sites
    + Σ groups (A x ⌈H / R⌉ + B x ⌈H / L⌉) + Σ points min(0, outside - u - A x h / r - B x h / l)
    + Σ sites min(0, price + limit - ΣA + lanes x (lane price - ΣB) - best earnings): true for every u and all
    A, B, limit >= 0, because each term is the least that its part of any plan can contribute. H: heads of
    the group; R, L: the rule's most heads of a site and of a lane; r, l: what ⌈H / R⌉ - 1 full sites
    (⌈H / L⌉ - 1 full lanes) leave over, which has to stay outside for one fewer to be enough.
    Groups proven by cases have u = 0 and no count, so they add nothing to that; `_by_cases` does.

    Where every cost is a multiple of one number, so is the bound. Raises
    `SitingError("bad_multipliers")`.
    """
    grain = problem.grain()
    total = _bound(problem, multipliers, counts, limit)
    if cases is not None:
        total += _by_cases(problem, multipliers, counts, limit, cases)
    return -(-total // grain) * grain


def _bound(problem: Problem, multipliers: Ints, counts: Counts | None, limit: int) -> int:
    """The bound before it is rounded up."""
    u = multipliers
    most = 0 if problem.most_sites is None else problem.most_sites
    if not 0 <= limit <= 2**52 or (limit and problem.most_sites is None):
        raise SitingError("bad_multipliers")
    if u.shape != (problem.points,) or u.dtype.kind != "i" or (abs(u.astype(object)) > 2**52).any():
        raise SitingError("bad_multipliers")
    whole = _Whole(problem, counts)
    total = int(u.astype(object).sum()) - limit * most + whole.least()
    total += int(np.minimum(0, problem.outside() - u - whole.outside()).sum())
    room, opening = problem.room(), problem.opening() + limit
    if problem.pair_prices is not None:
        every = np.arange(problem.points)
        return total + sum(
            _site_term(problem, j, every, u, int(room[j]), int(opening[j]), whole)
            for j in range(problem.candidates)
        )
    if problem.ways is not None:
        walkers = _walkers(problem.ways)
        return total + sum(
            _site_term(problem, j, walkers(j), u, int(room[j]), int(opening[j]), whole)
            for j in range(problem.candidates)
        )
    order = np.argsort(problem.site_x, kind="stable")
    along = np.argsort(problem.x, kind="stable")
    reach = problem.rules.walk_m / problem.rules.detour * (1 + 1e-9) + 1e-6
    sorted_x = problem.x[along]
    for first in range(0, len(order), CHUNK):
        sites = order[first : first + CHUNK]
        low = int(np.searchsorted(sorted_x, problem.site_x[sites[0]] - reach, side="left"))
        high = int(np.searchsorted(sorted_x, problem.site_x[sites[-1]] + reach, side="right"))
        near = along[low:high]
        for j in sites:
            total += _site_term(problem, int(j), near, u, int(room[j]), int(opening[j]), whole)
    return total


def _walkers(ways: Ways) -> Callable[[int], Ints]:
    """Points that can walk to each site."""
    order = np.lexsort((ways.point, ways.site))
    point = ways.point[order]
    first = np.searchsorted(ways.site[order], np.arange(ways.candidates + 1))

    def of(j: int) -> Ints:
        return point[first[j] : first[j + 1]]

    return of


class _Whole:
    """What the prices on counts add to each part of the bound; nothing where there are none."""

    def __init__(self, problem: Problem, counts: Counts | None) -> None:
        self.problem, self.counts = problem, counts
        self.group: Ints = np.full(problem.points, -1) if counts is None else counts.group
        if counts is None:
            return
        prices = (counts.site, counts.lane)
        groups = len(counts.site)
        if (
            counts.group.shape != (problem.points,)
            or any(p.shape != (groups,) for p in prices)
            or any(a.dtype.kind != "i" for a in (counts.group, *prices))
            or (counts.group < -1).any() or (counts.group >= groups).any()
            or any((p < 0).any() or (p > 2**31).any() for p in prices)
        ):  # fmt: skip
            raise SitingError("bad_multipliers")

    def _parts(self) -> list[tuple[Ints, int]]:
        rules = self.problem.rules
        if self.counts is None:
            return []
        return [(self.counts.site, rules.heads_per_site), (self.counts.lane, rules.heads_per_lane)]

    def _heads(self, groups: int) -> Ints:
        heads = np.zeros(groups, dtype=np.int64)
        inside = self.group >= 0
        np.add.at(heads, self.group[inside], self.problem.heads[inside])
        return heads

    def least(self) -> int:
        """What the least number of sites and lanes is worth."""
        return sum(
            int((price.astype(object) * _ceil(self._heads(len(price)), size)).sum())
            for price, size in self._parts()
        )

    def outside(self) -> Ints:
        """By how much staying outside is worth less, per point, rounded so that the bound stays true."""
        less = np.zeros(self.problem.points, dtype=np.int64)
        inside = self.group >= 0
        group = self.group[inside]
        for price, size in self._parts():
            heads = self._heads(len(price))
            left = heads - size * (_ceil(heads, size) - 1)
            # in whole numbers of any size: a forged price must not overflow
            parts = price.astype(object)[group] * self.problem.heads[inside].astype(object)
            rounded = [-(-part // int(rest)) for part, rest in zip(parts, left[group], strict=True)]
            less[inside] += np.minimum(np.array(rounded, dtype=object), 2**53).astype(np.int64)
        return less

    def at(self, points: Ints) -> tuple[int, int]:
        """(price off the site, price off each lane) of a candidate that these points can reach."""
        if self.counts is None:
            return 0, 0
        groups = np.unique(self.group[points])
        groups = groups[groups >= 0]
        return int(self.counts.site[groups].sum()), int(self.counts.lane[groups].sum())


def _site_term(
    problem: Problem,
    j: int,
    near: Ints,
    u: Ints,
    room: int,
    opening: int,
    whole: _Whole | _Off,
    must: bool = False,
) -> int:
    """min(0, price + lanes - best earnings) of one candidate, exact; without the 0 where it must be open."""
    if problem.pair_prices is None and problem.ways is None:
        close = np.abs(problem.y[near] - problem.site_y[j]) * problem.rules.detour
        near = near[close <= problem.rules.walk_m + 1]
    here = np.full(len(near), j)
    metres = walked(problem, near, here)
    gain = u[near] - way_price(problem, near, here)
    may = (metres <= problem.rules.walk_m) & (problem.heads[near] <= room)
    if whole.counts is None:
        may &= gain > 0
    may[may] = ~barred(problem, near[may], here[may])
    off, lane_off = whole.at(near[may])
    may &= gain > 0
    heads, gain = problem.heads[near[may]], gain[may]
    opening, lane_price = opening - off, problem.prices.lane - lane_off
    if lane_price < 0:
        raise SitingError("bad_multipliers")
    alone = opening + lane_price
    if int(gain.sum()) <= alone and not must:
        return 0
    if int(heads.sum()) <= min(room, problem.rules.heads_per_lane):  # everybody, nothing to choose
        least = alone - int(gain.sum())
        return least if must else min(0, least)
    room = min(room, int(heads.sum()))
    best = np.zeros(room + 1, dtype=np.int64)
    for h, g in zip(heads.tolist(), gain.tolist(), strict=True):
        best[h:] = np.maximum(best[h:], best[: room + 1 - h] + g)
    least = alone if must else min(0, alone)
    for lanes in range(1, math.ceil(room / problem.rules.heads_per_lane) + 1):
        at = min(lanes * problem.rules.heads_per_lane, room)
        least = min(least, opening + lane_price * lanes - int(best[at]))
    return least


def _by_cases(problem: Problem, u: Ints, counts: Counts | None, limit: int, cases: Cases) -> int:
    """What groups proven by cases add: of each the bound of its cheapest case, at least nothing.

    A case costs at least Σ v + A x (least sites, most where A < 0) + B x (the same of lanes)
    + Σ points min(0, outside - v)
    + Σ sites min(0, price + limit - A + lanes x (lane price - B) - earnings), where a site held open is
    priced with a lane at least whatever it earns, and one held shut is nothing.
    """
    group = cases.group
    if (
        group.shape != (problem.points,) or group.dtype.kind != "i" or (group < -1).any()
        or (u[group >= 0] != 0).any()
        or (counts is not None and (counts.group[group >= 0] >= 0).any())
    ):  # fmt: skip
        raise SitingError("bad_cases")
    total = 0
    for g in np.unique(group[group >= 0]).tolist():
        own = [case for case in cases.each if case.group == g]
        points = np.flatnonzero(group == g)
        if not own or not _every_plan(own):
            raise SitingError("bad_cases")
        sites = _only_theirs(problem, group, g)
        total += max(0, min(_case_bound(problem, points, sites, limit, case) for case in own))
    return total


class _Box:
    """Plans of some totals in which some candidates are open or shut."""

    def __init__(self, sites: Span, lanes: Span, held: dict[int, bool]) -> None:
        self.spans, self.held = (_to(sites), _to(lanes)), held

    @classmethod
    def of(cls, case: Case) -> _Box:
        """The plans of a case."""
        return cls(case.sites, case.lanes, dict(case.held))

    def within(self, other: _Box) -> bool:
        """Whether each of its plans is one of the other's."""
        return all(
            b[0] <= a[0] and a[1] <= b[1] for a, b in zip(self.spans, other.spans, strict=True)
        ) and all(self.held.get(j) == opened for j, opened in other.held.items())

    def halves(self, others: list[_Box]) -> tuple[_Box, _Box] | None:
        """Two boxes that hold its plans, each of the others wholly in one of them; None: there are not."""
        for j in others[0].held:
            if j not in self.held and all(j in other.held for other in others):
                return self._where(j, True), self._where(j, False)
        for k in (0, 1):
            low, high = self.spans[k]
            for at in sorted({other.spans[k][1] for other in others}):
                if low <= at < high and all(
                    o.spans[k][1] <= at or o.spans[k][0] > at for o in others
                ):
                    return self._total(k, (low, at)), self._total(k, (at + 1, high))
        return None

    def _where(self, j: int, opened: bool) -> _Box:
        return _Box(*self.spans, self.held | {j: opened})

    def _total(self, k: int, span: Span) -> _Box:
        sites, lanes = (span, self.spans[1]) if k == 0 else (self.spans[0], span)
        return _Box(sites, lanes, self.held)

    def meets(self, other: _Box) -> bool:
        """Whether a plan may be in both."""
        return all(
            b[0] <= a[1] and a[0] <= b[1] for a, b in zip(self.spans, other.spans, strict=True)
        ) and all(self.held.get(j, opened) == opened for j, opened in other.held.items())


Span = tuple[int, int]
ENDLESS = 2**62
"""More sites or lanes than there are."""


def _to(span: Span) -> Span:
    return span[0], ENDLESS if span[1] == ANY_NUMBER else span[1]


def _every_plan(cases: list[Case]) -> bool:
    """Whether each plan is in one of the cases: they are halves of halves of all plans."""
    todo = [(_Box((0, ANY_NUMBER), (0, ANY_NUMBER), {}), [_Box.of(case) for case in cases])]
    while todo:
        box, own = todo.pop()
        if any(box.within(one) for one in own):
            continue
        halves = box.halves(own) if own else None
        if halves is None:
            return False
        todo += [(half, [one for one in own if one.meets(half)]) for half in halves]
    return True


def _only_theirs(problem: Problem, group: Ints, g: int) -> list[int]:
    """Candidates that somebody of the group can reach; nobody else may reach one of them."""
    found = []
    inside = group == g
    near = np.arange(problem.points)
    for j in _close(problem, np.flatnonzero(inside)):
        here = np.full(problem.points, j)
        may = walked(problem, near, here) <= problem.rules.walk_m
        may &= problem.heads <= problem.room()[j]
        may[may] = ~barred(problem, near[may], here[may])
        if not (may & inside).any():
            continue
        if (may & ~inside).any():
            raise SitingError("bad_cases")
        found.append(j)
    return found


def _close(problem: Problem, points: Ints) -> list[int]:
    """Candidates in the rectangle round these points that a walk may reach; all where pairs
    have prices, those somebody can walk to where paths are given.
    """
    if problem.pair_prices is not None:
        return list(range(problem.candidates))
    if problem.ways is not None:
        reached = problem.ways.site[np.isin(problem.ways.point, points)]
        return [int(j) for j in np.unique(reached)]
    reach = problem.rules.walk_m + 1
    near = np.ones(problem.candidates, dtype=bool)
    for at, own in ((problem.site_x, problem.x[points]), (problem.site_y, problem.y[points])):
        near &= (at >= own.min() - reach) & (at <= own.max() + reach)
    return np.flatnonzero(near).tolist()


class _Off:
    """What a case takes off a site and a lane, in the place of `_Whole`."""

    counts = None

    def __init__(self, site: int, lane: int) -> None:
        self.off = (site, lane)

    def at(self, points: Ints) -> tuple[int, int]:
        """(price off the site, price off each lane), the same for all."""
        return self.off


def _case_bound(problem: Problem, points: Ints, sites: list[int], limit: int, case: Case) -> int:
    """What every plan of this case costs its group at least."""
    v = case.multipliers
    if v.shape != points.shape or v.dtype.kind != "i" or (abs(v.astype(object)) > 2**52).any():
        raise SitingError("bad_cases")
    total = int(v.astype(object).sum())
    for price, (least, most) in ((case.site, case.sites), (case.lane, case.lanes)):
        if abs(price) > 2**40 or (price < 0 and most == ANY_NUMBER):
            raise SitingError("bad_cases")
        total += price * (least if price >= 0 else most)
    total += int(np.minimum(0, problem.outside()[points] - v).sum())
    u = np.zeros(problem.points, dtype=np.int64)
    u[points] = v
    room, opening = problem.room(), problem.opening() + limit
    off, held = _Off(case.site, case.lane), dict(case.held)
    if len(held) < len(case.held) or not held.keys() <= set(sites):
        raise SitingError("bad_cases")
    return total + sum(
        _site_term(problem, j, points, u, int(room[j]), int(opening[j]), off, held.get(j, False))
        for j in sites
        if held.get(j, True)
    )
