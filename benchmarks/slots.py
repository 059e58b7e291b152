"""Slots of a county by `engines.slots` and by the greedy filling it took the place of, on the same people and queue.

Part of `yingjian bench plan`. Each site's people in households of 1 to 6, 24 to a building of two stairwells,
neighbours after each other; 5 % of the households are a key group. The rival fills slots in order of rank to 85 % of
the lanes' throughput, each to its last place. Of both, key groups apart: the share of households in the slot that most
of their building has, or next to it; the share of stairwells in more than one slot; and the longest wait that 95 %
stay under, as people come by the twin's habits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from yingjian.engines.asking import Ints
from yingjian.engines.plan.geo import pack
from yingjian.engines.slots import model as slots
from yingjian.engines.slots.check import check
from yingjian.engines.slots.places import session, waits
from yingjian.engines.slots.solve import solve

OPENS, CLOSES, MINUTES = 7 * 60.0, 19 * 60.0, 30.0
SIZES = (1, 2, 2, 3, 3, 3, 4, 4, 5, 6)
BUILDING, STAIR, KEY = 24, 12, 0.05
Timed = Callable[[str, Callable[[], Any]], Any]


def step(timed: Timed, heads: Ints, lanes: Ints, seed: int) -> tuple[dict[str, Any], int]:
    """Figures and the judge's findings. `timed` does a step by name and notes how long it took."""
    problem = households(heads, lanes, np.random.default_rng(seed))
    found = timed("slots", lambda: solve(problem, seed=seed))
    faults = timed("slots_judge", lambda: check(problem, found))
    rival = timed("slots_rival", lambda: greedy(problem))
    return {
        "households": problem.homes.count, "slots": int((found.called > 0).sum()),
        "breaches": len(found.breaches), "worst_tail": round(float(found.tail.max()), 1),
        "worst_mean": round(float(found.mean.max()), 1), **_kept(problem, found.slot),
        "greedy": {"worst_tail": round(_worst(problem, rival), 1), **_kept(problem, rival)},
    }, len(faults)  # fmt: skip


def households(heads: Ints, lanes: Ints, rng: np.random.Generator) -> slots.Problem:
    """The people of each site in households, and its slots from opening to closing."""
    start = np.arange(OPENS, CLOSES, MINUTES)
    used = np.flatnonzero(heads > 0)
    sizes, site = [], []
    for number, s in enumerate(used.tolist()):
        drawn = rng.choice(SIZES, int(heads[s]))
        until = np.cumsum(drawn)
        own = drawn[: int(np.searchsorted(until, heads[s])) + 1].copy()
        own[-1] -= own.sum() - heads[s]
        sizes.append(own[own > 0])
        site.append(np.full(len(sizes[-1]), number))
    place = np.concatenate([np.arange(len(own)) for own in sizes])
    rank = np.where(rng.random(len(place)) < KEY, 1, 2)
    sd = slots.crossing(10.0, MINUTES)
    return slots.Problem(
        slots.Slots(
            np.repeat(np.arange(len(used)), len(start)), np.tile(start, len(used)),
            np.tile(start + MINUTES, len(used)), np.repeat(np.maximum(lanes[used], 1), len(start)),
        ),
        slots.Homes(
            np.concatenate(site), np.concatenate(sizes), rank, place // BUILDING,
            place % BUILDING // STAIR, np.zeros(len(place), dtype=bool),
            np.where(rank == 1, OPENS + 1440.0, slots.NEVER),
        ),
        slots.Habits(early=sd, late=sd),
    )  # fmt: skip


def greedy(problem: slots.Problem) -> Ints:
    """Slots filled in order of rank to the comfortable load; where that holds too little, to all lanes can do."""
    homes, times = problem.homes, problem.slots
    able = times.lanes * (times.end - times.start) / problem.rules.service
    slot = np.zeros(homes.count, dtype=np.int64)
    for s in range(int(times.site.max()) + 1):
        own, rows = np.flatnonzero(times.site == s), np.flatnonzero(homes.site == s)
        rows = rows[np.argsort(homes.rank[rows], kind="stable")]
        sizes = homes.people[rows].tolist()
        bins = np.floor(able[own] * problem.rules.load).astype(int)
        if bins.sum() < sum(sizes):
            bins = np.floor(able[own]).astype(int)
        if bins.sum() < sum(sizes):
            bins = np.ceil(bins * (sum(sizes) / bins.sum())).astype(int)
        filled = pack(sizes, bins.tolist(), ranks=homes.rank[rows].tolist())
        for t, taken in zip(own.tolist(), filled, strict=True):
            slot[rows[taken]] = t
    return slot


def _worst(problem: slots.Problem, slot: Ints) -> float:
    count, people = problem.slots.count, problem.homes.people
    called = np.bincount(slot, weights=people, minlength=count).astype(float)
    squares = np.bincount(slot, weights=people**2, minlength=count).astype(float)
    worst = 0.0
    for low, high in slots.sessions(problem.slots):
        one = session(problem.habits, problem.rules, problem.slots, low, high)
        found = waits(
            one, problem.rules, problem.habits.spread, called[low:high], squares[low:high]
        )
        worst = max(worst, float(found[1].max()))
    return worst


def _kept(problem: slots.Problem, slot: Ints) -> dict[str, float]:
    homes = problem.homes
    rows = np.flatnonzero(homes.rank > 1)
    building = homes.site[rows] * 10_000 + homes.building[rows]
    near = 0
    order = np.argsort(building, kind="stable")
    for own in np.split(slot[rows][order], np.flatnonzero(np.diff(building[order])) + 1):
        main = np.bincount(own - own.min()).argmax() + own.min()
        near += int((np.abs(own - main) <= 1).sum())
    stairs = building * 2 + homes.stair[rows]
    pairs = np.unique(np.stack((stairs, slot[rows])), axis=1)
    split = (np.unique(pairs[0], return_counts=True)[1] > 1).mean()
    return {"near_building": round(near / len(rows), 4), "split_stairs": round(float(split), 4)}
