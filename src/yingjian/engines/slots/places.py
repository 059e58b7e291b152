"""How many people each slot of a site is told to come, and how long they wait then.

Places come first from the load that is comfortable, slot after slot from the opening; when that is not enough, from
what lanes can do when just those come who are expected to (overbooked for no-shows, never beyond); where early and
late comers, those who come at opening or chance would make the queue too long, a linear program moves people to later
slots. When no slots hold everybody, all of them take their share of who is over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np

from yingjian.engines.asking import Flags, Floats, Ints
from yingjian.engines.linear import LinearError, Model
from yingjian.engines.slots.model import (
    PARTS,
    Habits,
    Problem,
    Rules,
    Slots,
    arrived,
    bounds,
    staffed,
)

TURNS: Final = 4
"""Times the chance in the windows is taken again from the places found with it."""
STEPS: Final = 14
"""Halvings when a wait is looked for: a hundredth of a minute."""
POINTS: Final = 12
"""Steps of the sum that an expected wait is."""
FAR: Final = 8.0
"""Standard deviations beyond which nothing happens."""
TINY: Final = 1e-9


_TERMS: Final = (1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530)


def ndtr(z: Floats) -> Floats:
    """The normal distribution by Hastings' polynomial: right to seven digits, and fast on arrays."""
    far = np.minimum(np.abs(z), FAR * FAR)
    t = 1.0 / (1.0 + 0.2316419 * far)
    sum_: Floats = np.zeros_like(t)
    for part in _TERMS:
        sum_ = (sum_ + part) * t
    above = np.exp(-far * far / 2) / math.sqrt(2 * math.pi) * sum_
    found: Floats = np.where(z > 0, 1.0 - above, above)
    return found


@dataclass(frozen=True)
class Session:
    """A run of slots: chances of arrival, and windows before each bound in which work may have piled up.

    `b` bounds, the first before the doors open; `r` kinds of windows: from each bound, and from each of `PARTS`.
    """

    come: Floats
    """`(k, b)`, of `model.arrived`."""
    at: Floats
    """`(b,)` moment of each bound."""
    begun: Floats
    """`(r, b)` lane-minutes from the opening to the begin of the window."""
    real: Flags
    """`(r, b)` windows there are."""
    moments: Floats
    work: Floats
    rest: Floats
    """`(r, 1)` lane-minutes of people who may still be in a lane when the queue begins."""

    @property
    def size(self) -> int:
        return len(self.come)


def session(habits: Habits, rules: Rules, slots: Slots, low: int, high: int) -> Session:
    """The session of slots `low:high`. Sites that open alike have the same, so it is kept."""
    start, end, lanes = slots.start[low:high], slots.end[low:high], slots.lanes[low:high]
    zero = float(start[0])
    return _session(
        habits, rules, (start - zero).tobytes(), (end - zero).tobytes(), lanes.tobytes()
    )


@lru_cache(maxsize=4096)
def _session(habits: Habits, rules: Rules, starts: bytes, ends: bytes, crews: bytes) -> Session:
    start, end = np.frombuffer(starts), np.frombuffer(ends)
    lanes = np.frombuffer(crews, dtype=np.int64)
    moments, work = staffed(start, end, lanes)
    at = bounds(start, end)
    at = np.concatenate((at[:1], at))
    b = len(at)
    apart = np.arange(b)[None, :] - np.arange(b)[:, None]
    last = np.append(0.0, np.diff(at))
    inside = np.stack([at - part * last for part in PARTS])
    return Session(
        come=arrived(habits, start, end),
        at=at,
        begun=np.concatenate(
            (np.repeat(np.interp(at, moments, work)[:, None], b, axis=1), np.interp(inside, moments, work))
        ),
        real=np.concatenate((apart > 0, np.repeat(last[None, :] > 0, len(PARTS), axis=0))),
        moments=moments,
        work=work,
        rest=(lanes.max() - 1) * rules.service * np.append(0.0, np.ones(b + len(PARTS) - 1))[:, None],
    )  # fmt: skip


@dataclass(frozen=True)
class Load:
    """Work that comes in each window `(r, b)`: its mean and standard deviation in lane-minutes."""

    mean: Floats
    sd: Floats


def load_of(one: Session, rules: Rules, spread: float, people: Floats, squares: Floats) -> Load:
    """`people` told to come to each slot, and the sum of their households' squared sizes."""
    total, clump = people @ one.come, squares @ one.come
    both = one.come.T @ (squares[:, None] * one.come)
    own = np.diag(both)
    count = total[None, :] - total[:, None]
    certain = own[None, :] - 2 * both + own[:, None]
    homes = clump[None, :] - clump[:, None]
    last = np.eye(len(one.at), k=1, dtype=bool)
    parts = np.array(PARTS)[:, None]
    before = [np.append(0.0, whole[last]) for whole in (count, homes, certain)]
    count = np.concatenate((count, parts * before[0]))
    var = np.concatenate((homes - certain, parts * before[1] - parts**2 * before[2]))
    var = np.maximum(var, 0.0) + spread**2 * np.maximum(count, 0.0)
    house = max(0.0, squares.sum() / max(TINY, people.sum()) - 1) / 2
    return Load(rules.service * (count + house) + one.rest, rules.service * np.sqrt(var))


def waits(
    one: Session, rules: Rules, spread: float, people: Floats, squares: Floats
) -> tuple[Floats, Floats]:
    """By slot: the expected wait and the one kept with the quantile, each `(k,)`."""
    if not people.any():
        return np.zeros(one.size), np.zeros(one.size)
    load = load_of(one, rules, spread, people, squares)
    tail = _tail(one, rules, load)
    mean = _mean(one, load, tail)
    k = one.size
    tail, mean = tail[1:], mean[1:]
    return (mean[:k] + mean[1 : k + 1]) / 2, np.maximum(tail[:k], tail[1 : k + 1])


def _chance(one: Session, load: Load, wait: Floats) -> Floats:
    """At every bound: the chance that somebody who comes then waits longer, at most; it may be over 1."""
    able = np.interp(one.at + wait, one.moments, one.work)[None, :] - one.begun
    found: Floats = np.where(
        one.real, ndtr((load.mean - able) / np.maximum(load.sd, TINY)), 0.0
    ).sum(axis=0)
    return found


def _tail(one: Session, rules: Rules, load: Load) -> Floats:
    """At every bound: the wait that is exceeded with no more than the chance the quantile leaves."""
    most = np.where(one.real, one.begun + load.mean + FAR * load.sd, 0.0).max(axis=0)
    low = np.zeros(len(one.at))
    high = np.maximum(np.interp(most, one.work, one.moments) - one.at, 0.0)
    for _ in range(STEPS):
        middle = (low + high) / 2
        over = _chance(one, load, middle) > 1 - rules.quantile
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    found: Floats = high
    return found


def _mean(one: Session, load: Load, tail: Floats) -> Floats:
    """At every bound: the expected wait, the sum of its chances; beyond the tail as long again it hardly adds."""
    step = 2 * tail / POINTS
    found = np.zeros(len(tail))
    for n in range(POINTS):
        found += step * np.minimum(_chance(one, load, step * (n + 0.5)), 1.0)
    return found


@dataclass(frozen=True)
class Site:
    """Slots `low:high` of a site with its sessions as ranges, its people and how they clump."""

    low: int
    high: int
    sessions: list[tuple[int, int]]
    people: int
    clump: float
    """Sum of squared household sizes over people."""
    largest: int


@dataclass(frozen=True)
class Places:
    """Per slot of a site: people to tell (`want`), and the most it may be told so that households stay whole."""

    want: Ints
    most: Ints
    worst: float
    """Longest wait expected with the quantile."""


def places(problem: Problem, site: Site, within: float) -> Places:
    """Places of a site with every wait under `within` times the limit where that can be."""
    slots, rules, habits = problem.slots, problem.rules, problem.habits
    own = slice(site.low, site.high)
    able = slots.lanes[own] * (slots.end[own] - slots.start[own]) / rules.service
    full = np.floor(able / (1 - habits.no_show) + TINY)
    easy = np.floor(able * rules.load + TINY)
    want = _filled(easy, full, site.people)
    parts = [(low - site.low, high - site.low) for low, high in site.sessions]
    made = [session(habits, rules, slots, low, high) for low, high in site.sessions]

    def worst(people: Floats) -> float:
        tails = [
            waits(one, rules, habits.spread, people[a:b], people[a:b] * site.clump)[1].max()
            for one, (a, b) in zip(made, parts, strict=True)
        ]
        return float(max(tails))

    found, limit = worst(want), rules.limit * within
    if found > limit and full.sum() >= site.people:
        shape = _Shape(made, parts, easy, full)
        for _ in range(TURNS):
            other = _moved(problem, site, shape, want, limit)
            if other is None:
                break
            reached = worst(other)
            if reached < found:
                want, found = other, reached
            if found <= limit:
                break
            limit *= within
    whole = _whole(want, site.people)
    return Places(whole, _most(whole, easy, full, site), found)


def _most(whole: Ints, easy: Floats, full: Floats, site: Site) -> Ints:
    """Room for whole households: a few above what is wanted; in slots after the last, the comfortable load."""
    used = np.flatnonzero(whole)
    last = int(used[-1]) if len(used) else 0
    stretch = np.maximum(np.ceil(whole * 1.02), whole + site.largest - 1)
    stretch = np.minimum(stretch, np.maximum(full + site.largest - 1, whole))
    after = np.arange(len(whole)) > last
    held = np.where(after, easy, np.where(whole > 0, stretch, 0))
    return np.where(full > 0, held, 0).astype(np.int64)


def _filled(easy: Floats, full: Floats, people: int) -> Floats:
    """From the opening on at the comfortable load; all fuller when that is too little; all over when nothing holds."""
    if easy.sum() >= people:
        found: Floats = np.clip(people - (np.cumsum(easy) - easy), 0.0, easy)
        return found
    if full.sum() > easy.sum() and full.sum() >= people:
        fuller: Floats = easy + (full - easy) * (people - easy.sum()) / (full.sum() - easy.sum())
        return fuller
    shares = full if full.any() else np.ones(len(full))
    over: Floats = shares * (people / shares.sum())
    return over


@dataclass(frozen=True)
class _Shape:
    made: list[Session]
    parts: list[tuple[int, int]]
    easy: Floats
    full: Floats


def _moved(
    problem: Problem, site: Site, shape: _Shape, like: Floats, limit: float
) -> Floats | None:
    """People as early as the waits allow, comfortable places first. Chance in the windows as with places `like`."""
    rules, spread = problem.rules, problem.habits.spread
    count = len(shape.easy)
    order = np.arange(count, dtype=float)
    lp = Model()
    easy = lp.add_columns(count, cost=order, high=shape.easy)
    more = lp.add_columns(count, cost=order + 2 * count, high=shape.full - shape.easy)
    over = lp.add_columns(1, cost=100.0 * count)
    everybody = lp.add_rows(1, low=float(site.people), high=float(site.people))
    lp.put(everybody, np.concatenate((easy, more, over)), 1.0)
    for one, (a, b) in zip(shape.made, shape.parts, strict=True):
        load = load_of(one, rules, spread, like[a:b], like[a:b] * site.clump)
        z = NormalDist().inv_cdf(1 - (1 - rules.quantile) / (one.size + 2))
        able = np.interp(one.at + limit, one.moments, one.work)[None, :] - one.begun
        room = np.maximum(able - one.rest - z * load.sd, 0.0) / rules.service
        begin, until = np.nonzero(np.tri(len(one.at), k=-1, dtype=bool).T)
        chance = (one.come[:, until] - one.come[:, begin]).T
        tight = chance @ shape.full[a:b] > room[begin, until]
        rows = lp.add_rows(int(tight.sum()), high=room[begin, until][tight])
        for columns in (easy, more):
            lp.put(rows[:, None], columns[None, a:b], chance[tight])
    try:
        x = lp.solve().x
    except LinearError:
        return None
    found: Floats = x[easy] + x[more]
    shares = shape.full if shape.full.any() else np.ones(count)
    spread_out: Floats = found + shares * (float(x[over][0]) / shares.sum())
    return spread_out


def _whole(want: Floats, people: int) -> Ints:
    """Whole people, as many as there are: what rounding takes goes to where most was taken, the earlier first."""
    found = np.floor(want + TINY).astype(np.int64)
    order = np.argsort(found - want, kind="stable")
    np.add.at(found, np.resize(order, max(0, people - int(found.sum()))), 1)
    return found
