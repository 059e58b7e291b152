"""Calling households to slots: `solve(problem, params, seed, stop) → Result`. Nothing is drawn by chance.

For each site `places` says how many people each slot is told. Then a min-cost flow sends people from (class,
building) to slots: the better rank the earlier (R10), everybody before their hour, a building near its middle slot.
Its matrix is that of a network and its numbers are whole, so the linear program's corner is whole. Last, the shares of
a building are filled with whole households, stairwell after stairwell; a stairwell is cut only where no slot holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from yingjian.engines.asking import Floats, Ints, Stop, never
from yingjian.engines.linear import LinearError, Model
from yingjian.engines.slots.model import (
    UNKNOWN,
    Breach,
    Problem,
    Result,
    SlotsError,
    sessions,
    validate,
)
from yingjian.engines.slots.places import Places, Site, places, session, waits

WITHIN: Final = (0.97, 0.85, 0.7)
"""Shares of the limit that places are made for, in turn, until whole households keep the limit itself."""
ENOUGH: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Params:
    """`late`: what a person called after their hour costs, beside the square of slots between them and their building's
    middle.
    """

    late: float = 1e6
    bunch: float = 0.25
    """Households whose building is unknown are sent in bunches of this share of a slot."""
    near: int = 3
    """Slots on either side of where the order alone would put a group that the flow may choose from."""
    whole: float = 0.06
    """Of a slot: a stairwell that lacks or leaves less than this is not cut."""


DEFAULTS = Params()


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> Result:
    """Slots of all households. Raises `SlotsError` where it has no meaning, or (`stopped`) when told to stop."""
    validate(problem)
    count = problem.slots.count
    chosen = np.zeros(problem.homes.count, dtype=np.int64)
    mean, tail = np.zeros(count), np.zeros(count)
    order = np.argsort(problem.homes.site, kind="stable")
    cuts = np.flatnonzero(np.diff(problem.homes.site[order])) + 1
    own_slots = _ranges(problem)
    for rows in np.split(order, cuts):
        if stop():
            raise SlotsError("stopped")
        site = int(problem.homes.site[rows[0]])
        parts = own_slots[site]
        low, high = parts[0][0], parts[-1][1]
        taken = _site(problem, params, rows, parts)
        chosen[rows] = taken.slot + low
        mean[low:high], tail[low:high] = taken.mean, taken.tail
    called = np.bincount(chosen, weights=problem.homes.people, minlength=count).astype(np.int64)
    come = called.astype(float) * (1.0 - problem.habits.no_show)
    return Result(chosen, called, come, mean, tail, _breaches(problem, chosen, called, tail))


def _ranges(problem: Problem) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for site, own in groupby(sessions(problem.slots), lambda p: int(problem.slots.site[p[0]])):
        found[site] = list(own)
    return found


@dataclass(frozen=True)
class _Taken:
    slot: Ints
    """Of each household of the site, counted from its first."""
    mean: Floats
    tail: Floats


def _site(problem: Problem, params: Params, rows: Ints, parts: list[tuple[int, int]]) -> _Taken:
    """One site; again with shorter waits in mind when whole households overran the limit."""
    people = problem.homes.people[rows]
    total = int(people.sum())
    low, high = parts[0][0], parts[-1][1]
    shape = Site(low, high, parts, total, float((people**2).sum() / total), int(people.max()))
    tried: list[_Taken] = []
    for within in WITHIN:
        room = places(problem, shape, within)
        slot = _seat(problem, params, rows, room)
        tried.append(_Taken(slot, *_waits(problem, shape, slot, people)))
        if tried[-1].tail.max() <= problem.rules.limit or room.worst > problem.rules.limit:
            break
    return min(tried, key=lambda one: float(one.tail.max()))


def _waits(problem: Problem, shape: Site, slot: Ints, people: Ints) -> tuple[Floats, Floats]:
    count = shape.high - shape.low
    called = np.bincount(slot, weights=people, minlength=count).astype(float)
    squares = np.bincount(slot, weights=people**2, minlength=count).astype(float)
    mean, tail = np.zeros(count), np.zeros(count)
    for a, b in shape.sessions:
        own = slice(a - shape.low, b - shape.low)
        one = session(problem.habits, problem.rules, problem.slots, a, b)
        mean[own], tail[own] = waits(
            one, problem.rules, problem.habits.spread, called[own], squares[own]
        )
    return mean, tail


# --- the flow ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """Households of one class in one building, by position among the site's; where the order alone puts them."""

    homes: list[int]
    people: int
    level: int
    """0 for the class that is called first."""
    due: float
    middle: float
    """In slots that are used, from the first."""


def _seat(problem: Problem, params: Params, rows: Ints, room: Places) -> Ints:
    """The slot of each household of a site."""
    ends = problem.slots.end[problem.slots.site == problem.homes.site[rows[0]]]
    groups = _groups(problem, params, rows, room)
    shares = _flow(params, groups, room, ends)
    whole = max(1, int(params.whole * int(room.want.max())))
    people = problem.homes.people[rows].tolist()
    return _filled(
        people, problem.homes.stair[rows].tolist(), zip(groups, shares, strict=True), room, whole
    )


def _groups(problem: Problem, params: Params, rows: Ints, room: Places) -> list[_Group]:
    """Classes in order of call; in each, buildings in the order they are first met in."""
    homes = problem.homes
    building = _shared(homes.building[rows])
    stair = homes.stair[rows].tolist()
    rank, due = homes.rank[rows].tolist(), homes.due[rows].tolist()
    people, alone = homes.people[rows].tolist(), homes.alone[rows].tolist()
    bunch = max(1.0, params.bunch * float(room.want.max()))
    first: dict[int, float] = {}
    place: list[float] = []
    walked = 0.0
    for i, number in enumerate(building):
        place.append(first.setdefault(number, walked) if number != UNKNOWN else walked)
        walked += people[i]
    keys = [
        (rank[i], due[i], not alone[i], place[i], building[i], stair[i]) for i in range(len(rows))
    ]
    order = sorted(range(len(rows)), key=lambda i: (*keys[i], i))
    until = np.cumsum(np.append(0, room.want[room.want > 0]))
    steps = np.arange(len(until), dtype=float)
    found: list[_Group] = []
    gone, level, last = 0, -1, None
    by = {
        i: (*keys[i][:3], int(place[i] // bunch) if building[i] == UNKNOWN else -1, building[i])
        for i in order
    }
    for head, own in groupby(order, lambda i: by[i]):
        members = list(own)
        size = sum(people[i] for i in members)
        level, last = (level, last) if head[:3] == last else (level + 1, head[:3])
        middle = float(np.interp(gone + size / 2, until, steps))
        found.append(_Group(members, size, level, head[1], middle))
        gone += size
    return found


def _shared(building: Ints) -> list[int]:
    """Buildings of one household are none: such households go by the order they are given in."""
    _, inverse, counts = np.unique(building, return_inverse=True, return_counts=True)
    found: list[int] = np.where(counts[inverse] > 1, building, UNKNOWN).tolist()
    return found


def _flow(params: Params, groups: list[_Group], room: Places, ends: Floats) -> list[dict[int, int]]:
    """People of each group by slot: a transportation problem, solved as its linear program."""
    used = np.flatnonzero(room.want)
    if len(used) == 1:
        return [{int(used[0]): group.people} for group in groups]
    levels = groups[-1].level
    which: list[int] = []
    where: list[int] = []
    price: list[float] = []
    for g, group in enumerate(groups):
        at = min(int(group.middle), len(used) - 1)
        reach = params.near + group.people * 2 // max(1, int(room.want.max()))
        first, last = max(0, at - reach), min(len(used), at + reach + 1)
        turn = (levels - group.level) * 4.0 * len(used)
        for k in range(first, last):
            late = params.late if ends[used[k]] > group.due + ENOUGH else 0.0
            which.append(g)
            where.append(k)
            price.append(turn * k + (k + 0.5 - group.middle) ** 2 + late)
    lp = Model()
    x = lp.add_columns(len(which), cost=np.array(price, dtype=float))
    supply = np.array([group.people for group in groups], dtype=float)
    come = lp.add_rows(len(groups), low=supply, high=supply)
    held = lp.add_rows(len(used), high=room.want[used].astype(float))
    lp.put(come[which], x, 1.0)
    lp.put(held[where], x, 1.0)
    try:
        found = np.rint(lp.solve().x).astype(np.int64).tolist()
    except LinearError:
        return [
            {int(used[min(int(group.middle), len(used) - 1)]): group.people} for group in groups
        ]
    shares: list[dict[int, int]] = [{} for _ in groups]
    for g, k, count in zip(which, where, found, strict=True):
        if count:
            shares[g][int(used[k])] = count
    return shares


# --- whole households ----------------------------------------------------------------------------


class _Rooms:
    """Places left in each slot, and who is put where when a household finds none."""

    def __init__(self, room: Places) -> None:
        self.left = room.most.tolist()

    def take(self, wanted: int, people: int) -> int:
        """The wanted slot if it holds them, else the nearest that does (the later), else the one over by least."""
        if self.left[wanted] < people:
            fits = [k for k, left in enumerate(self.left) if left >= people]
            wanted = (
                min(fits, key=lambda k: (abs(k - wanted), -k))
                if fits
                else max(range(len(self.left)), key=lambda k: (self.left[k], -k))
            )
        self.left[wanted] -= people
        return wanted


def _filled(
    people: list[int], stairs: list[int], groups: Iterable[tuple[_Group, dict[int, int]]],
    room: Places, whole: int,
) -> Ints:  # fmt: skip
    """Stairwell after stairwell into the slots the flow gave each group; under `whole` people a remainder is let be."""
    slot = np.zeros(len(people), dtype=np.int64)
    rooms = _Rooms(room)
    for group, share in sorted(groups, key=lambda pair: (pair[0].level, min(pair[1]))):
        quotas = iter(sorted(share.items()))
        at, left = next(quotas)
        for own in _runs(group.homes, stairs):
            size = sum(people[i] for i in own)
            if left <= whole and left < size:  # too little left to begin a stairwell with
                at, left = next(quotas, (at, left))
            fits = size <= left + whole
            for i in own:
                if left <= 0 and not fits:
                    at, left = next(quotas, (at, left))
                slot[i] = rooms.take(at, people[i])
                left -= people[i]
    return slot


def _runs(homes: list[int], stairs: list[int]) -> Iterator[list[int]]:
    """Households of one stairwell together; those without one by themselves."""
    for stair, own in groupby(homes, lambda i: stairs[i]):
        if stair == UNKNOWN:
            yield from ([i] for i in own)
        else:
            yield list(own)


def _breaches(problem: Problem, chosen: Ints, called: Ints, tail: Floats) -> list[Breach]:
    """Waits over the limit, slots fuller than their lanes can swab, households called after their hour."""
    slots, limit, homes = problem.slots, problem.rules.limit, problem.homes
    found = [
        Breach("queue", int(slots.site[t]), int(t), round(float(tail[t]), 2), limit)
        for t in np.flatnonzero(tail > limit)
    ]
    able = slots.lanes * (slots.end - slots.start) / problem.rules.service
    full = able / (1 - problem.habits.no_show)
    largest = np.zeros(int(slots.site.max()) + 1, dtype=np.int64)
    np.maximum.at(largest, homes.site, homes.people)
    found += [
        Breach("crowd", int(slots.site[t]), int(t), float(called[t]), round(float(full[t]), 2))
        for t in np.flatnonzero(called > full + largest[slots.site])
    ]
    ends = slots.end[chosen]
    late = np.flatnonzero(ends > problem.homes.due + ENOUGH)
    for t in np.unique(chosen[late]):
        hours = problem.homes.due[late[chosen[late] == t]]
        found.append(
            Breach("late", int(slots.site[t]), int(t), float(slots.end[t]), float(hours.min()))
        )
    return found
