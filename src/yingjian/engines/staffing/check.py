"""The independent judge of a roster; shares only `model` with the solver."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from yingjian.engines.asking import Finding
from yingjian.engines.staffing.model import Post, Problem, Result, validate


def check(problem: Problem, result: Result) -> list[Finding]:
    """Everything wrong with `result` as an answer to `problem`; empty when nothing is."""
    validate(problem)
    m, jobs, _ = problem.need.shape
    persons, patterns = len(problem.people.institution), len(problem.patterns)
    for n, post in enumerate(result.posts):
        if not (
            0 <= post.site < m and 0 <= post.job < jobs and 0 <= post.pattern < patterns
            and -1 <= post.person < persons
        ):  # fmt: skip
            return [Finding("unknown_index", f"post:{n}")]
    found = _cover(problem, result.posts)
    found += _fixed(problem, result.posts)
    found += _people(problem, result)
    found += _quotas(problem, result)
    found += _told(problem, result)
    cost = _cost(problem, result)
    if cost != result.cost:
        found.append(Finding("cost", "plan", result.cost, cost))
    if result.bound > cost * (1 + 1e-6) + 1 or result.seats_bound > len(result.posts):
        found.append(Finding("bound_above_cost", "plan", result.bound, cost))
    return found


def _cover(problem: Problem, posts: list[Post]) -> list[Finding]:
    """At every period as many seats as needed."""
    at_work = np.zeros_like(problem.need)
    for post in posts:
        at_work[post.site, post.job] += problem.patterns[post.pattern]
    return [
        Finding("need", f"site:{s}:job:{j}:period:{t}", int(at_work[s, j, t]), int(problem.need[s, j, t]))
        for s, j, t in np.argwhere(at_work < problem.need)
    ]  # fmt: skip


def _fixed(problem: Problem, posts: list[Post]) -> list[Finding]:
    """Seats that were given are the seats there are."""
    if problem.fixed is None:
        return []
    want = Counter((s, j, q) for (s, j), own in problem.fixed.items() for q in own)
    have = Counter((post.site, post.job, post.pattern) for post in posts)
    return [
        Finding("seats", f"site:{s}:job:{j}:pattern:{q}", have[s, j, q], want[s, j, q])
        for s, j, q in sorted(want.keys() | have.keys())
        if want[s, j, q] != have[s, j, q]
    ]


def _people(problem: Problem, result: Result) -> list[Finding]:
    """One seat per person; qualified, available, apart from vaccination; stand-ins free and able."""
    people = problem.people
    found = []
    seats = Counter(post.person for post in result.posts if post.person >= 0)
    held = Counter(one.person for one in result.standby)
    for person, count in (seats + held).items():
        if count > 1:
            found.append(Finding("two_places", f"person:{person}", count, 1))
    jobs = [(post.person, post.job) for post in result.posts if post.person >= 0]
    for person, job in [*jobs, *((one.person, one.job) for one in result.standby)]:
        element = f"person:{person}"
        if not people.jobs[person, job]:
            found.append(Finding("not_qualified", element, job))
        if not people.available[person]:
            found.append(Finding("not_available", element))
        since = -int(people.vaccinated[person])
        if job in problem.apart and since < problem.separation:
            found.append(Finding("vaccinator", element, since, problem.separation))
    for job in {one.job for one in result.standby}:
        ranks = sorted(one.rank for one in result.standby if one.job == job)
        if ranks != list(range(len(ranks))):
            found.append(Finding("standby_rank", f"job:{job}"))
    return found


def _sent(problem: Problem, result: Result) -> Counter[int]:
    where = problem.people.institution
    return Counter(int(where[post.person]) for post in result.posts if post.person >= 0)


def _quotas(problem: Problem, result: Result) -> list[Finding]:
    """No institution sends more than it may; everybody sent has a seat in a bus."""
    sent = _sent(problem, result)
    most = problem.institutions.most.tolist()
    found = [
        Finding("quota_most", f"institution:{i}", count, most[i])
        for i, count in sorted(sent.items())
        if count > most[i]
    ]
    going: Counter[tuple[int, int]] = Counter()
    for post in result.posts:
        if post.person >= 0:
            going[int(problem.people.institution[post.person]), post.site] += 1
    told = {(ride.institution, ride.site): ride for ride in result.rides}
    for key in sorted(going.keys() | told.keys()):
        ride = told.get(key)
        buses = math.ceil(going[key] / problem.seats)
        if ride is None or (ride.people, ride.buses) != (going[key], buses):
            found.append(Finding("ride", f"institution:{key[0]}:site:{key[1]}", 0, going[key]))
    return found


def _told(problem: Problem, result: Result) -> list[Finding]:
    """Shortages told and shortages true are the same."""
    true: dict[tuple[str, str], tuple[int, int]] = {}
    seats: Counter[tuple[int, int]] = Counter((post.site, post.job) for post in result.posts)
    empty = Counter((post.site, post.job) for post in result.posts if post.person < 0)
    for (site, job), count in empty.items():
        want = seats[site, job]
        true["uncovered", f"site:{site}:job:{job}"] = (want - count, want)
    sent = _sent(problem, result)
    for i, least in enumerate(problem.institutions.least.tolist()):
        if sent[i] < least:
            true["quota_least", f"institution:{i}"] = (sent[i], least)
    placed = Counter(post.job for post in result.posts)
    ready = Counter(one.job for one in result.standby)
    for job, count in placed.items():
        want = math.ceil(count * problem.standby - 1e-9)
        if ready[job] < want:
            true["standby", f"job:{job}"] = (ready[job], want)
    told = {(b.rule, b.element): (b.measured, b.limit) for b in result.breaches}
    found = [Finding(r, e, *v) for (r, e), v in sorted(true.items()) if told.get((r, e)) != v]
    return found + [
        Finding("false_breach", e, *v) for (r, e), v in sorted(told.items()) if (r, e) not in true
    ]


def _cost(problem: Problem, result: Result) -> int:
    prices, urgency, holds = problem.prices, problem.urgency, problem.people.own
    placed = [post for post in result.posts if post.person >= 0]
    cost = prices.person * len(placed)
    for post in result.posts:
        if post.person < 0:
            cost += prices.missing if urgency is None else int(urgency[post.site])
    for post in placed:
        i = int(problem.people.institution[post.person])
        cost += prices.travel * int(problem.institutions.travel[i, post.site])
        if holds is not None and int(holds[post.person]) != post.job:
            cost += prices.other
    sent = _sent(problem, result)
    for i, least in enumerate(problem.institutions.least.tolist()):
        cost += prices.below * max(0, least - sent[i])
    return cost
