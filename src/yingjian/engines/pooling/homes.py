"""Pools with households in them: what keeping a household in one tube changes.

Where one of a household is infected the others often are. In one tube they flag it for each other,
and they spoil one tube instead of several. Swabs of a household that is split are taken as far
apart. No dice: loads are added on a grid.

A swab carries nothing with chance 1 - `sensitivity`; otherwise its virus follows a normal
distribution of Ct, and a tube thinned by `dilution` reads what is `limit_ct` undiluted and better.
Infected means: with a Ct a single test reads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from yingjian.engines.asking import Floats
from yingjian.engines.pooling.dorfman import PoolingError

CELLS = 400
"""Of the grid on which loads are added, from none to what the thinned tube needs."""
NEVER = 1e-12
"""Of a household: tubes closed so seldom are noise of the solver."""
MOST = 12
"""Infected companions told apart; more do not change a tube that reads positive anyway."""


@dataclass(frozen=True, slots=True)
class Virus:
    """Ct of infected people in an undiluted swab, and the last Ct a test reads."""

    mean_ct: float = 29.0
    sd_ct: float = 5.0
    limit_ct: float = 38.0


USUAL = Virus()


@dataclass(frozen=True, slots=True)
class Kept:
    """Tubes of whole households, filled as households come. Per person called, shares 0 to 1."""

    size: int
    fill: float
    """People in a tube on average."""
    tubes_per_person: float
    retests_per_person: float
    """People of flagged tubes."""
    sensitivity: float


def reads(dilution: float, virus: Virus, *, sensitivity: float = 1.0, companions: int = 0) -> float:
    """Chance that a tube with somebody infected and so many infected companions reads positive."""
    if not dilution >= 1.0:
        raise PoolingError("bad_dilution", field="dilution", value=dilution)
    own, others = _missed(dilution, virus)
    k = min(companions, MOST)
    missed = 0.0
    for m in range(k + 1):
        carry = math.comb(k, m) * sensitivity**m * (1.0 - sensitivity) ** (k - m)
        missed += carry * (sensitivity * own[m] + (1.0 - sensitivity) * others[m])
    return 1.0 - missed


@lru_cache(maxsize=64)
def _missed(dilution: float, virus: Virus) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """By number of companions whose swabs carry virus: chance that the tube reads negative with the
    own swab among them, and without it. Loads are in units of what a single test just reads.
    """
    edges = np.linspace(0.0, dilution, CELLS + 1)
    with np.errstate(divide="ignore"):
        ct = virus.limit_ct - np.log2(edges)
    below = np.array([1.0 - _normal((c - virus.mean_ct) / virus.sd_ct) for c in ct])
    cell = np.diff(below)
    middle = (edges[:-1] + edges[1:]) / 2
    readable = _normal((virus.limit_ct - virus.mean_ct) / virus.sd_ct)
    # of the own load only what a single test reads: from 1 up, of its cell the part above
    own = np.diff(np.maximum(below, 1.0 - readable))
    with_own, without = [float(own.sum()) / readable], [1.0]
    at = np.arange(-0.5, CELLS)
    sums: Floats = np.zeros(CELLS)
    sums[0] = 1.0  # nobody yet: no load
    for k in range(1, MOST + 1):
        sums = np.convolve(sums, cell)[:CELLS]
        reach = np.concatenate(((0.0,), np.cumsum(sums)))
        # k middles of cells lie k / 2 cells above the sum of their numbers
        room = (dilution - middle) / (dilution / CELLS) - k / 2
        with_own.append(float((own * np.interp(room, at, reach)).sum()) / readable)
        without.append(float(np.interp(CELLS - k / 2, at, reach)))
    return tuple(with_own), tuple(without)


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def kept(
    prevalence: float,
    size: int,
    homes: Mapping[int, int],
    *,
    attack: float,
    sensitivity: float = 1.0,
    specificity: float = 1.0,
    recheck: float = 1.0,
    dilution: float = 1.0,
    virus: Virus = Virus(),
) -> Kept:
    """Tubes of `size` with whole households in them. `homes`: how many households of how many people.

    `attack` is the share of the other members that is infected where one is; `recheck` the
    sensitivity of the re-test of each member. A household larger than the tube is split into full
    ones and a rest. Raises `PoolingError`.
    """
    for name, share in (
        ("prevalence", prevalence), ("attack", attack), ("sensitivity", sensitivity),
        ("specificity", specificity), ("recheck", recheck),
    ):  # fmt: skip
        if not 0.0 <= share <= 1.0:
            raise PoolingError("bad_share", field=name, value=share)
    if size < 1:
        raise PoolingError("bad_size", field="size", value=size)
    if not homes or min(homes) < 1 or min(homes.values()) < 0 or not sum(homes.values()):
        raise PoolingError("bad_homes", field="homes")
    if size == 1:
        return Kept(1, 1.0, 1.0, 0.0, sensitivity)
    parts = _parts(homes, size)
    people = sum(n * h for h, n in parts.items())
    each = sum(n * h * (1 + (h - 1) * attack) for h, n in parts.items()) / people
    begins = min(1.0, prevalence / each)
    by_infected = _infected(parts, attack)
    hits = {
        j: reads(dilution, virus, sensitivity=sensitivity, companions=j - 1) for j in by_infected
    }
    flagged = sum(w * hits[j] for j, w in by_infected.items()) / sum(by_infected.values())
    found = sum(w * j * hits[j] for j, w in by_infected.items()) / sum(
        w * j for j, w in by_infected.items()
    )
    closed = fills(parts, size)
    tubes = sum(closed.values())
    served = sum(f * share for f, share in closed.items())
    again = 0.0
    for f, share in closed.items():
        clean = (1.0 - begins) ** f
        again += share * f * (flagged * (1.0 - clean) + (1.0 - specificity) * clean)
    return Kept(size, served / tubes, tubes / served, again / served, found * recheck)


def _parts(homes: Mapping[int, int], size: int) -> dict[int, int]:
    """Households, those larger than a tube as full tubes and a rest."""
    found: dict[int, int] = {}
    for people, count in homes.items():
        full, rest = divmod(people, size)
        if full:
            found[size] = found.get(size, 0) + full * count
        if rest:
            found[rest] = found.get(rest, 0) + count
    return {h: n for h, n in sorted(found.items()) if n}


def _infected(parts: Mapping[int, int], attack: float) -> dict[int, float]:
    """Weight of households with so many infected: one brings it in, of the others `attack` follow."""
    found: dict[int, float] = {}
    for h, n in parts.items():
        for j in range(1, h + 1):
            chance = math.comb(h - 1, j - 1) * attack ** (j - 1) * (1 - attack) ** (h - j)
            if chance:
                found[j] = found.get(j, 0.0) + n * h * chance
    return found


def fills(parts: Mapping[int, int], size: int) -> dict[int, float]:
    """Tubes closed with so many people, per household that comes: a tube is closed when it is full or
    when the next household does not fit (one tube open at a time). Households are no larger than a tube.
    """
    total = sum(parts.values())
    levels = _reached(parts, size)
    place = {level: i for i, level in enumerate(levels)}
    move = np.zeros((len(levels), len(levels)))
    closes = np.zeros((len(levels), size + 1))
    for i, level in enumerate(levels):
        for h, n in parts.items():
            now = level + h if level + h <= size else h
            if level + h > size:
                closes[i, level] += n / total
            if now == size:
                closes[i, size] += n / total
            move[i, place[now % size]] += n / total
    equations = np.vstack((move.T - np.eye(len(levels)), np.ones(len(levels))))
    wanted = np.zeros(len(levels) + 1)
    wanted[-1] = 1.0
    stays = np.linalg.lstsq(equations, wanted, rcond=None)[0]
    rate = stays @ closes
    return {f: float(rate[f]) for f in range(1, size + 1) if rate[f] > NEVER}


def _reached(parts: Mapping[int, int], size: int) -> list[int]:
    """How full the open tube can be, beginning with an empty one."""
    found, new = {0}, [0]
    while new:
        level = new.pop()
        for h in parts:
            now = (level + h if level + h <= size else h) % size
            if now not in found:
                found.add(now)
                new.append(now)
    return sorted(found)
