"""Chance, and the order it puts people in, compiled.

Every die is a function of (seed, kind of chance, who throws it, how often): numbers are made by counting, not one after
another. So a fault, a thread more or a person less shifts nobody else's dice, and days may be played at once.
Everything that calls one another stands in this one file: the cache of machine code looks at one file only.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from yingjian.engines.asking import Flags, Floats, Ints
from yingjian.engines.jit import compiled

Keys = NDArray[np.uint64]
Smalls = NDArray[np.int32]
KINDS = 9
COME, WHEN, HANDS, DESK, LANES, ROADS, ILL, TEAM, BACK = range(KINDS)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_AGAIN = np.uint64(0xD1342543DE82EF95)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _32, _11 = (np.uint64(n) for n in (30, 27, 31, 32, 11))
_LOW = np.uint64(0xFFFFFFFF)
_OF_32, _OF_53 = 2.0**-32, 2.0**-53
CELLS = 2048
"""Quantiles of a table; a number's first 11 bits choose the cell."""
_REST = 21
_PART, _OF_REST = (1 << _REST) - 1, 2.0**-_REST
FINE = 1 << 17
"""Steps by which a density is added up to find its quantiles."""
FAR = 1e12
"""A minute beyond is no minute."""
ROOMS, SHORT = 2, 24
"""Buckets for each number to be put in order; so many in one are put in order by insertion."""


def keys_of(seed: int) -> Keys:
    """A key for each kind of chance."""
    return np.random.SeedSequence(seed).generate_state(KINDS, np.uint64).astype(np.uint64)


@cache
def normal_quantiles() -> Floats:
    """The standard normal's, `CELLS` + 1; the outermost are not used."""
    inverse = NormalDist().inv_cdf
    inner = [inverse(k / CELLS) for k in range(1, CELLS)]
    return np.array([inner[0], *inner, inner[-1]])


@lru_cache(maxsize=64)
def gamma_quantiles(spread: float) -> Floats:
    """Of the gamma distribution with mean 1 and that spread over mean, `CELLS` + 1; the last is not used.

    Its density is added up over y = x^min(shape, 1), where it is finite everywhere.
    """
    shape = 1.0 / spread**2
    power = min(shape, 1.0)
    far = (shape + 12.0 * math.sqrt(shape) + 25.0) ** power
    y = np.linspace(0.0, far, FINE + 1)
    x = y ** (1.0 / power)
    density = np.exp(-x) * (x ** (shape - 1.0) if shape > 1.0 else 1.0)
    upto = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2)))
    found: Floats = np.interp(np.arange(CELLS + 1) / CELLS, upto / upto[-1], x) / shape
    return found


@compiled
def bits(key: np.uint64, who: int, turn: int) -> np.uint64:
    """64 random bits: the counter through Steele's SplitMix64."""
    z = key + np.uint64(who) * _GOLDEN + np.uint64(turn) * _AGAIN
    z = (z ^ (z >> _30)) * _A
    z = (z ^ (z >> _27)) * _B
    return z ^ (z >> _31)


@compiled
def uniform(key: np.uint64, who: int, turn: int) -> float:
    """Above 0, at most 1."""
    return float((np.int64(bits(key, who, turn) >> _11) + 1) * _OF_53)


@compiled
def normal(table: Floats, draw: int, key: np.uint64, who: int) -> float:
    """A standard normal from 32 bits: straight between quantiles; beyond the outermost Marsaglia's exact tail."""
    cell = draw >> _REST
    if 0 < cell < CELLS - 1:
        return float(table[cell] + (draw & _PART) * _OF_REST * (table[cell + 1] - table[cell]))
    edge, turn = table[CELLS - 1], 1
    while True:
        far = -math.log(uniform(key, who, turn)) / edge
        if -2.0 * math.log(uniform(key, who, turn + 1)) >= far * far:
            return float(edge + far if cell else -edge - far)
        turn += 2


@compiled
def length(table: Floats, key: np.uint64, who: int, mean: float, spread: float) -> float:
    """A positive length: gamma with that mean and spread over mean; 1 is exponential, 0 constant.

    Straight between the quantiles of `table`; beyond the last by rejection from an exponential that lies above.
    """
    if spread <= 0 or mean <= 0:
        return max(mean, 0.0)
    if spread == 1.0:
        return -math.log(uniform(key, who, 0)) * mean
    draw = int(np.int64(bits(key, who, 0) >> _32))
    cell = draw >> _REST
    if cell < CELLS - 1:
        return float(
            mean * (table[cell] + (draw & _PART) * _OF_REST * (table[cell + 1] - table[cell]))
        )
    shape = 1.0 / (spread * spread)
    edge, turn = table[cell] * shape, 1
    bend = max(shape - 1.0, 0.0) / edge
    while True:
        more = -math.log(uniform(key, who, turn)) / (1.0 - bend)
        high = (shape - 1.0) * math.log(1.0 + more / edge) - more * bend
        if math.log(uniform(key, who, turn + 1)) <= high:
            return float(mean * (edge + more) / shape)
        turn += 2


@compiled
def lengths(table: Floats, key: np.uint64, mean: float, spread: float, out: Floats) -> None:
    """One length each."""
    for i in range(len(out)):
        out[i] = length(table, key, i, mean, spread)


@compiled
def absent(key: np.uint64, lanes: Ints, share: float, away: Ints) -> None:
    """Lanes of each site that lack their people; where it is all of them, the queue keeps one going (`queue.serve`)."""
    serial = 0
    for j in range(len(lanes)):
        for _ in range(lanes[j]):
            if uniform(key, serial, 0) <= share:
                away[j] += 1
            serial += 1


@compiled
def times(key: np.uint64, who: int, whole: int, rest: float) -> int:
    """How often somebody comes: `whole` times, and once more with chance `rest`."""
    return whole + (1 if np.int64(bits(key, who, 0) >> _32) * _OF_32 < rest else 0)


@compiled
def come(
    keys: Keys, ptr: Ints, who: Ints, gone: Flags, whole: int, rest: float, count: Ints
) -> None:
    """How many come to each site. `who`: people by site, empty for 0, 1, 2, …; `gone`: who is not expected any more."""
    for j in range(len(ptr) - 1):
        found = 0
        for i in range(ptr[j], ptr[j + 1]):
            p = who[i] if len(who) else i
            if not (len(gone) and gone[p]):
                found += times(keys[COME], p, whole, rest)
        count[j] = found


@compiled
def _by_bucket(values: Floats, mine: Ints, ends: Smalls) -> None:
    """Put crowded buckets in order, each by itself."""
    a = 0
    for b in ends:
        rising = True
        for i in range(a + 1, b):
            rising = rising and values[i] >= values[i - 1]
        if b - a > SHORT and not rising:
            ranks = np.argsort(values[a:b], kind="mergesort")
            values[a:b], mine[a:b] = values[a:b][ranks], mine[a:b][ranks]
        a = b


@compiled
def in_buckets(values: Floats, mine: Ints, held: Floats, owner: Ints, ends: Smalls) -> None:
    """Put `values` and with them `mine` in rising order; equal ones keep theirs. The rest is room to work in.

    Unsigned indices spare the compiler its look at negative ones.
    """
    n = len(values)
    low, high, rising, known = np.inf, -np.inf, True, True
    for i in range(n):
        rising = rising and values[i] >= high
        known = known and -FAR < values[i] < FAR
        low, high = min(low, values[i]), max(high, values[i])
    if rising:
        return
    many = n * ROOMS
    if not known:  # no bucket for what never comes
        ranks = np.argsort(values, kind="mergesort")
        values[:], mine[:] = values[ranks], mine[ranks]
        return
    scale = (many - 1) / (high - low)
    ends[:many] = 0
    for i in range(n):
        ends[np.uint32((values[i] - low) * scale)] += 1
    upto = 0
    for b in range(many):
        upto, ends[b] = upto + ends[b], upto
    for i in range(n):
        bucket = np.uint32((values[i] - low) * scale)
        at = np.uint32(ends[bucket])
        held[at], owner[at] = values[i], mine[i]
        ends[bucket] += 1
    crowded, a = False, 0
    for b in range(many):
        crowded = crowded or ends[b] - a > SHORT
        a = ends[b]
    if crowded:
        _by_bucket(held, owner, ends[:many])
    for i in range(n):  # nearly in order
        value, person, at = held[i], owner[i], np.uint32(i)
        while at > 0 and values[at - np.uint32(1)] > value:
            values[at], mine[at] = values[at - np.uint32(1)], mine[at - np.uint32(1)]
            at -= np.uint32(1)
        values[at], mine[at] = value, person


@compiled
def in_order(ptr: Ints, ready: Floats, order: Ints) -> None:
    """Write into `order` the people of each site by rising `ready`; ties keep their order."""
    most = 0
    for j in range(len(ptr) - 1):
        most = max(most, ptr[j + 1] - ptr[j])
    values, held = np.empty(most), np.empty(most)
    owner, ends = np.empty(most, np.int64), np.empty(most * ROOMS, np.int32)
    for j in range(len(ptr) - 1):
        a, b = ptr[j], ptr[j + 1]
        for i in range(a, b):
            values[i - a], order[i] = ready[i], i
        in_buckets(values[: b - a], order[a:b], held, owner, ends)


@compiled
def arrive(
    table: Floats, keys: Keys, ptr: Ints, who: Ints, gone: Flags, whole: int, rest: float, slot: Floats, opens: Floats,
    party: Ints, since: Floats, span: float, free_span: float, sd: float, birds: float, bird_span: float,
    not_before: float, new: Ints, arrived: Floats, person: Ints,
) -> None:  # fmt: skip
    """Who comes to each site and when, in order of arrival, written from `new[j]` on.

    `person` is a copy's own number: of the c-th copy of p it is p + c n. Those of one `party` (empty: there are
    none) throw the same dice; nobody comes before `since` (empty, NaN: at any time).
    """
    n = len(slot)
    most = 0
    for j in range(len(new) - 1):
        most = max(most, new[j + 1] - new[j])
    held, owner, ends = np.empty(most), np.empty(most, np.int64), np.empty(most * ROOMS, np.int32)
    for j in range(len(ptr) - 1):
        at = new[j]
        for i in range(ptr[j], ptr[j + 1]):
            p = who[i] if len(who) else i
            if len(gone) and gone[p]:
                continue
            for copy in range(times(keys[COME], p, whole, rest)):
                mine = p + copy * n
                lead = party[p] + copy * n if len(party) else mine
                z = bits(keys[WHEN], lead, 0)
                halt = len(since) > 0 and not math.isnan(since[p])
                door = since[p] if halt else opens[j]
                within = np.int64(z >> _32) * _OF_32
                if np.int64(bits(keys[COME], lead, 0) & _LOW) * _OF_32 < birds:
                    minute = door + within * bird_span
                else:
                    begin, wide = slot[p], span
                    if math.isnan(begin):
                        begin, wide = door, free_span
                    minute = begin + within * wide
                    if sd > 0:
                        minute += sd * normal(table, int(np.int64(z & _LOW)), keys[WHEN], lead)
                if halt:
                    minute = max(minute, door)
                arrived[at], person[at] = max(minute, not_before), mine
                at += 1
        in_buckets(arrived[new[j] : at], person[new[j] : at], held, owner, ends)


@compiled
def needs(
    table: Floats, key: np.uint64, person: Ints, mean: float, spread: float, out: Floats
) -> None:
    """The length each of these people needs."""
    for i in range(len(person)):
        out[i] = length(table, key, person[i], mean, spread)


@compiled
def uniforms(key: np.uint64, who: Ints, turn: int, out: Floats) -> None:
    """One die each, above 0, at most 1."""
    for i in range(len(who)):
        out[i] = uniform(key, who[i], turn)


@compiled
def ill(key: np.uint64, ptr: Ints, person: Ints, chance: Floats, odd: float, marks: Ints) -> int:
    """Who brings an infection, with `chance` of the site, and (chance `odd`) whose clean tube reads positive.

    Written into `marks` by place in the order of arrival, the latter as -1 - place; how many.
    """
    count, above = 0, np.uint64((1.0 - odd) * 2.0**53)
    for j in range(len(ptr) - 1):
        below = np.uint64(chance[j] * 2.0**53)
        for i in range(ptr[j], ptr[j + 1]):
            z = bits(key, person[i], 0) >> _11
            if z < below:
                marks[count] = i
                count += 1
            elif z >= above:
                marks[count] = -1 - i
                count += 1
    return count


@compiled
def at_home(
    key: np.uint64, person: Ints, arrived: Floats, party: Ints, n: int, attack: float, at: Ints, out: Ints
) -> int:  # fmt: skip
    """Whom those `at` infect of their party, by place, one place perhaps more than once; how many fit into `out`.

    A party comes at one moment, so its members stand beside one another or beside others of that moment.
    """
    count = 0
    for i in at:
        mine = person[i] % n
        lead, copy = party[mine], person[i] - mine
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(person) and arrived[j] == arrived[i]:
                other = person[j] % n
                near = party[other] == lead and person[j] - other == copy
                if near and count < len(out) and uniform(key, person[j], 1) <= attack:
                    out[count] = j
                    count += 1
                j += step
    return count


@compiled
def inside(
    key: np.uint64, first: Ints, people: Ints, share: Floats, again: float, infected: Ints, found: Ints
) -> None:  # fmt: skip
    """Of tubes whose people have numbers from `first` on: how many are infected, and of these found by single swabs."""
    for t in range(len(first)):
        for who in range(first[t], first[t] + people[t]):
            if uniform(key, who, 0) <= share[t]:
                infected[t] += 1
                if uniform(key, who, 3) <= again:
                    found[t] += 1
