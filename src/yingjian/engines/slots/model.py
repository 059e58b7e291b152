"""What slots are asked and what they answer. Minutes on one clock for all sites; people are counted by household.

A household is called to one slot of its site and comes together or not at all. Some never come; some come up to
one slot early or late; some come when the doors open, whatever they were told. `arrived` turns these habits into the
chance that somebody told to come in slot `t` has come by each bound of a session: all that slots, queue and judge know.

What a wait is. Lanes swab in order of arrival. While somebody waits `w`, every lane is busy with people who came
before, so all work found on arrival fills at least `w` of all lanes. Let `s` be the last moment before the arrival
at `u` when a lane was idle: since then came the work `A(s, u]`, at most `lanes - 1` people were still in a lane, and
the lanes had `C(s, u + w]` lane-minutes until the swab. So on every path, whatever the chances are,

    the wait at u exceeds w   only if, for some s <= u,   A(s, u] + (lanes - 1) service > C(s, u + w].

A union bound over `s` then gives the chance of it, and the sum of these chances over `w` the expected wait. `s` and
`u` run over the bounds of slots, and `s` over `PARTS` of the last one; who stands at the door before opening counts as
coming, and waiting, when it opens. `A` is a sum over households that come together (variance: size squared) and over
services (variance: `spread` squared), taken as normal, which it nearly is where a slot calls tens of people; half of
one's own household is served before one. That `A` is normal and `s` takes few values is not proven: the tests hold
the waits against the queue of the day's twin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import EngineError, Flags, Floats, Ints, shaped, within

NEVER = 1e9
"""A minute that does not come: no household has to be through by it."""
PARTS = (0.5, 0.25, 0.125)
"""Shares of the last slot in which work may have piled up, beside whole slots: waits of a light day are short."""
UNKNOWN = -1
"""No building, or no stairwell, is known."""


class SlotsError(EngineError):
    """The question makes no sense. `code` is stable: `nobody`, `no_slots`, `bad_number`, `bad_shape`, …"""


@dataclass(frozen=True)
class Slots:
    """Slots of all sites, arrays `(t,)`, ordered by site and time; slots that touch make one session."""

    site: Ints
    start: Floats
    end: Floats
    lanes: Ints

    @property
    def count(self) -> int:
        return len(self.site)


@dataclass(frozen=True)
class Homes:
    """Households that come to a site, arrays `(n,)`, neighbours after each other."""

    site: Ints
    people: Ints
    rank: Ints
    """0 is called first (R9, R10)."""
    building: Ints
    """Number of the building within its site, or `UNKNOWN`."""
    stair: Ints
    """Number of the stairwell within its building, or `UNKNOWN`."""
    alone: Flags
    """Everybody of it has a tube of their own (R51): called side by side, so that shared tubes fill."""
    due: Floats
    """Its slot ends by then at the latest (R9: key groups within 24 h); `NEVER`: any slot."""

    @property
    def count(self) -> int:
        return len(self.site)


@dataclass(frozen=True, slots=True)
class Habits:
    """How people keep to slots, as shares of those who are called (`no_show`) or who come (the others)."""

    no_show: float = 0.02
    early: float = 0.133
    """Come up to one slot before theirs."""
    late: float = 0.133
    """Come up to one slot after theirs."""
    birds: float = 0.05
    """Come within `bird_minutes` of the opening, whatever they were told."""
    bird_minutes: float = 60.0
    spread: float = 0.5
    """Of the minutes in a lane, over their mean."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`service`: mean minutes in a lane (R16). `limit`: longest wait (R23), kept with chance `quantile` at any moment.

    `load`: share of a lane's time that slots fill while there is room; they fill up further only when there is none.
    """

    service: float = 0.6
    limit: float = 30.0
    quantile: float = 0.95
    load: float = 0.85


@dataclass(frozen=True)
class Problem:
    """Sites are numbered from 0."""

    slots: Slots
    homes: Homes
    habits: Habits = Habits()
    rules: Rules = Rules()


@dataclass(frozen=True, slots=True)
class Breach:
    """What cannot be kept in a slot of a site. `queue`: the wait there is over the limit; `crowd`: more are called than
    its lanes swab, and more than one household; `late`: somebody is called to it after their hour (R9)."""

    code: str
    site: int
    slot: int
    measured: float
    limit: float


@dataclass(frozen=True)
class Result:
    """`slot`: of each household. By slot: people `called`, expected to be swabbed out of it (`come`), the expected
    wait `mean` of who comes in it, and the wait `tail` that the quantile stays under at its worst moment.
    """

    slot: Ints
    called: Ints
    come: Floats
    mean: Floats
    tail: Floats
    breaches: list[Breach]


def crossing(punctual_sd: float, slot_minutes: float) -> float:
    """Share who come before their slot, and share after it, when they aim evenly into it and miss by a normal error."""
    if punctual_sd <= 0 or slot_minutes <= 0:
        return 0.0
    z = slot_minutes / punctual_sd
    density = (1 - math.exp(-z * z / 2)) / math.sqrt(2 * math.pi)
    return min(0.5, density / z + 0.5 * math.erfc(z / math.sqrt(2)))


def sessions(slots: Slots) -> list[tuple[int, int]]:
    """Runs of slots of one site that touch, as ranges of slot numbers: a queue does not outlast a closing."""
    if not slots.count:
        return []
    cut = (slots.site[1:] != slots.site[:-1]) | (slots.start[1:] > slots.end[:-1])
    ends = [*(np.flatnonzero(cut) + 1).tolist(), slots.count]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def bounds(start: Floats, end: Floats) -> Floats:
    """Moments of a session of `k` slots that waits are asked at: its `k + 1` bounds, and one slot later."""
    return np.concatenate((start, end[-1:], end[-1:] + (end[-1] - start[-1])))


def arrived(habits: Habits, start: Floats, end: Floats) -> Floats:
    """`(k, k + 3)`: the chance that somebody told to come in a slot of the session has come before the doors open
    (0, they count as coming when they open), and by each of `bounds`.
    """
    k = len(start)
    at = bounds(start, end)
    length = end - start
    before = np.concatenate((length[:1], length[:-1]))
    after = np.concatenate((length[1:], length[-1:]))

    def between(low: Floats, high: Floats) -> Floats:
        part: Floats = np.clip((at[None, :] - low[:, None]) / (high - low)[:, None], 0.0, 1.0)
        return part

    own = (
        habits.early * between(start - before, start)
        + habits.late * between(end, end + after)
        + (1.0 - habits.early - habits.late) * between(start, end)
    )
    opens = np.full(k, start[0])
    birds = between(opens, opens + max(habits.bird_minutes, 1e-6))
    birds[:, -1] = 1.0
    come = (1.0 - habits.no_show) * ((1.0 - habits.birds) * own + habits.birds * birds)
    return np.concatenate((np.zeros((k, 1)), come), axis=1)


def staffed(start: Floats, end: Floats, lanes: Ints) -> tuple[Floats, Floats]:
    """Moments and lane-minutes since the opening by then; the last lanes stay until the queue is through."""
    long = end[-1] + NEVER
    work = np.concatenate(([0.0], np.cumsum(lanes * (end - start))))
    return (
        np.concatenate((start, end[-1:], [long])),
        np.append(work, work[-1] + lanes[-1] * (long - end[-1])),
    )


def validate(problem: Problem) -> None:
    """Raise `SlotsError` naming the field for a question without meaning."""
    slots, homes = problem.slots, problem.homes
    for holder, count in ((slots, slots.count), (homes, homes.count)):
        names = holder.__dataclass_fields__
        shaped(SlotsError, [(name, getattr(holder, name), (count,)) for name in names])
    if not homes.count:
        raise SlotsError("nobody")
    if not slots.count:
        raise SlotsError("no_slots")
    _numbers(problem)
    order = (slots.site[1:] > slots.site[:-1]) | (
        (slots.site[1:] == slots.site[:-1]) & (slots.start[1:] >= slots.end[:-1])
    )
    if not order.all():
        raise SlotsError("overlap", slot=int(np.flatnonzero(~order)[0]) + 1)
    there = np.isin(homes.site, slots.site)
    if not there.all():
        raise SlotsError("no_slots", site=int(homes.site[~there][0]))


def _numbers(problem: Problem) -> None:
    slots, homes = problem.slots, problem.homes
    habits, rules = problem.habits, problem.rules
    for name, good in (
        ("start", np.isfinite(slots.start)),
        ("end", np.isfinite(slots.end) & (slots.end > slots.start)),
        ("lanes", slots.lanes >= 1),
        ("people", (homes.people >= 1) & (homes.people < NEVER)),
        ("due", ~np.isnan(homes.due)),
        ("building", homes.building >= UNKNOWN),
        ("stair", homes.stair >= UNKNOWN),
        ("site", homes.site >= 0),
    ):
        if not good.all():
            raise SlotsError("bad_number", field=name, row=int((~good).argmax()))
    for name in ("no_show", "early", "late", "birds"):
        if not 0 <= getattr(habits, name) < 1:
            raise SlotsError("bad_number", field=name)
    if habits.early + habits.late > 1:
        raise SlotsError("bad_number", field="late")
    within(SlotsError, [
        ("bird_minutes", habits.bird_minutes, 0.0, NEVER), ("spread", habits.spread, 0.0, 100.0),
        ("service", rules.service, 1e-6, NEVER), ("limit", rules.limit, 1e-6, NEVER),
        ("load", rules.load, 1e-6, 1.0), ("quantile", rules.quantile, 0.0, 1.0 - 1e-9),
    ])  # fmt: skip
