"""How many to a tube, area by area: what each allowed size takes, misses, and when it is through.

The size chosen is the one with fewest tests of those that keep the clocks; where none does, the one
that is through soonest. Laboratories work evenly from the first swab; tubes come evenly while it is open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yingjian.engines.pooling.dorfman import Pooled, PoolingError, dorfman
from yingjian.engines.pooling.homes import USUAL, Virus, kept, reads


@dataclass(frozen=True, slots=True)
class Called:
    """Whom an area calls: `homes` pooled households by size; singles; one-household tubes."""

    homes: Mapping[int, int]
    singles: int = 0
    sealed: int = 0

    @property
    def pooled(self) -> int:
        return sum(size * count for size, count in self.homes.items())


@dataclass(frozen=True, slots=True)
class Terms:
    """What the sizes are compared under. Shares 0 to 1, hours."""

    sizes: Sequence[int]
    attack: float
    sensitivity: float
    specificity: float
    recheck: float
    """Sensitivity of the re-test of a flagged tube's members."""
    dilution: Mapping[int, float]
    keep: bool
    """Whether households are kept in one tube."""
    swabs: int
    """Of every member of a flagged tube (R72)."""
    open_hours: float
    """From the first swab of the round to the last."""
    ride_hours: float
    bench_hours: float
    reserve: float
    """Share of the laboratories kept free for re-tests (R81)."""
    result_limit: float | None
    finish_limit: float | None
    virus: Virus = USUAL


@dataclass(frozen=True, slots=True)
class Option:
    """One size for one area. Expected numbers; tubes whole. `_kept`: households in one tube."""

    size: int
    dilution: float
    plain: Pooled
    tubes: int
    tubes_kept: int
    retests: float
    retests_kept: float
    found: float
    found_kept: float
    missed: float
    missed_kept: float
    result_hours: float | None
    """From the last tube's arrival at the laboratory to its result; None: no laboratory."""
    finish_hours: float | None
    """From the first swab to the last result of a tube."""
    in_time: bool | None

    def tests(self, *, keep: bool, swabs: int) -> float:
        """Tubes of the round and of the re-tests."""
        if keep:
            return self.tubes_kept + self.retests_kept * swabs
        return self.tubes + self.retests * swabs


def options(
    called: Called, prevalence: float, tubes_per_hour: float | None, terms: Terms
) -> list[Option]:
    """Every size, smallest first. `tubes_per_hour`: of the laboratories, this area's part. Raises `PoolingError`."""
    if not terms.sizes:
        raise PoolingError("bad_size", field="sizes")
    return [_option(called, prevalence, tubes_per_hour, terms, k) for k in sorted(terms.sizes)]


def _option(
    called: Called, prevalence: float, per_hour: float | None, terms: Terms, size: int
) -> Option:
    thinned = 1.0 if size == 1 else terms.dilution[size]
    pool = terms.sensitivity * reads(thinned, terms.virus)
    plain = dorfman(
        prevalence, size, sensitivity=terms.sensitivity if size == 1 else terms.recheck,
        specificity=terms.specificity, pool_sensitivity=pool,
    )  # fmt: skip
    people, apart = called.pooled, called.singles + called.sealed
    if people:
        together = kept(
            prevalence, size, called.homes, attack=terms.attack, sensitivity=terms.sensitivity,
            specificity=terms.specificity, recheck=terms.recheck, dilution=thinned, virus=terms.virus,
        )  # fmt: skip
        per_tube, again, found = (
            together.tubes_per_person, together.retests_per_person, together.sensitivity,
        )  # fmt: skip
    else:
        per_tube, again, found = 1.0 / size, 0.0, plain.sensitivity
    retests = people * (plain.tests_per_person - 1.0 / size)
    tubes = apart + math.ceil(people / size)
    tubes_kept = apart + math.ceil(people * per_tube - 1e-6)
    result, finish = _hours(tubes_kept if terms.keep else tubes, per_hour, terms)
    return Option(
        size=size, dilution=thinned, plain=plain, tubes=tubes, tubes_kept=tubes_kept,
        retests=max(0.0, retests), retests_kept=people * again,
        found=plain.sensitivity, found_kept=found,
        missed=people * prevalence * (1.0 - plain.sensitivity),
        missed_kept=people * prevalence * (1.0 - found),
        result_hours=result, finish_hours=finish, in_time=_in_time(result, finish, terms),
    )  # fmt: skip


def _hours(tubes: int, per_hour: float | None, terms: Terms) -> tuple[float | None, float | None]:
    """What is left when the last tube arrives is tested at the laboratories' pace."""
    if not per_hour:
        return None, None
    pace = per_hour * (1.0 - terms.reserve)
    if pace <= 0:
        return None, None
    left = max(0.0, tubes - pace * terms.open_hours)
    result = left / pace + terms.bench_hours
    return result, terms.open_hours + terms.ride_hours + result


def _in_time(result: float | None, finish: float | None, terms: Terms) -> bool | None:
    if result is None or finish is None:
        return None
    return (terms.result_limit is None or result <= terms.result_limit) and (
        terms.finish_limit is None or finish <= terms.finish_limit
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """Place of the size in the options. `why`: `only`, `fewest`, `clock` (a cheaper size is late),
    `none_in_time`, `no_laboratory`. `other`: the place of the next smaller size in time, if any.
    """

    place: int
    why: str
    other: int | None


def choose(found: Sequence[Option], terms: Terms) -> Chosen:
    """The size for an area."""

    def cost(place: int) -> tuple[float, int]:
        option = found[place]
        return option.tests(keep=terms.keep, swabs=terms.swabs), option.size

    places = range(len(found))
    cheapest = min(places, key=cost)
    timely = [place for place in places if found[place].in_time is not False]
    if len(found) == 1:
        return Chosen(0, "only" if timely else "none_in_time", None)
    if not timely:
        soonest = min(places, key=lambda place: (found[place].result_hours or 0.0, cost(place)))
        return Chosen(soonest, "none_in_time", None)
    place = min(timely, key=cost)
    smaller = [other for other in timely if found[other].size < found[place].size]
    why = "fewest" if place == cheapest else "clock"
    if found[place].in_time is None:
        why = "no_laboratory"
    return Chosen(place, why, max(smaller, default=None))
