"""What matching is asked and what it answers. Times are whole minutes since midnight.

Loads (the tubes of one call) become ready at sites and ride to a laboratory. A laboratory tests
runs: an instrument takes at most a plate of wells, some of them kept for re-tests, and is busy for
the whole run however few tubes are on it. Time is cut into steps of `Problem.step` from `now`; loads
arrive and runs begin on a step. A load must be on an instrument `limit` minutes after its oldest swab.

Live state: what is on the road or waiting is a load whose `fixed` names its laboratory, and `busy`
says until when instruments run. Solving again from it is the re-match of the quarter of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yingjian.engines.asking import EngineError, Flags, Floats, Ints, shaped, whole, within

FREE = -1
"""In `Loads.fixed` and `Loads.before`: no laboratory yet."""
LONGEST = 100_000


class MatchingError(EngineError):
    """The question makes no sense. `code` is stable: `no_loads`, `no_laboratory`, `bad_number`, …"""


@dataclass(frozen=True)
class Loads:
    """Tubes by call, arrays `(b,)`; `ride` and `allowed` are `(b, k)`."""

    tubes: Ints
    ready: Ints
    """Minute from which the load can leave for a laboratory; the past for what already waits."""
    oldest: Ints
    """Minute of its oldest swab."""
    ride: Ints
    """Minutes until checked in at each laboratory."""
    fixed: Ints | None = None
    """Laboratory that already has it or is being driven to; `FREE` elsewhere. None: all free."""
    before: Ints | None = None
    """Laboratory of the last plan, kept unless another is worth the change. None: no plan yet."""
    allowed: Flags | None = None
    """Laboratories that may take it (areas, credit, method). None: all."""


@dataclass(frozen=True)
class Labs:
    """Laboratories, arrays `(k,)`."""

    instruments: Ints
    wells: Ints
    """Tubes of a full run, controls not counted."""
    run: Ints
    """Minutes a run takes an instrument."""
    opens: Ints
    closes: Ints
    """Runs begin from `opens` to `closes`."""
    reserve: float = 0.1
    """Share of wells kept for re-tests of flagged pools."""
    busy: tuple[tuple[int, ...], ...] = ()
    """By laboratory: minutes until which single instruments are running now."""
    down: tuple[tuple[int, int, int], ...] = ()
    """(laboratory, from, to): no run may overlap this."""

    def room(self) -> Ints:
        """Tubes one run takes beside the wells reserved, at least 1."""
        room = np.floor(self.wells * (1.0 - self.reserve) + 1e-9)
        return np.asarray(np.maximum(1, room), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Prices:
    """Per tube and minute; a run and a tube left over at once."""

    late: int = 20
    """Beyond the clock."""
    wait: int = 1
    """At the laboratory before its run."""
    ride: int = 1
    run: int = 1500
    """One run: reagents for a plate and hands, however full."""
    change: int = 30
    """One tube sent elsewhere than the last plan said."""
    left: int = 50_000
    """One tube not tested within the horizon."""


@dataclass(frozen=True)
class Problem:
    """Loads, laboratories, the clock, and when it is now."""

    loads: Loads
    labs: Labs
    now: int
    limit: int
    """Minutes from the oldest swab to the start of the run (six hours)."""
    step: int = 15
    horizon: int = 2160
    """Minutes looked ahead."""
    prices: Prices = Prices()

    @property
    def steps(self) -> int:
        """Steps of the horizon."""
        return -(-self.horizon // self.step)

    def arrival(self) -> Ints:
        """Step at which each load can be on an instrument of each laboratory, `(b, k)`."""
        at = self.loads.ready[:, None] + self.loads.ride - self.now
        return np.asarray(np.maximum(0, -(-at // self.step)), dtype=np.int64)

    def due(self) -> Ints:
        """Last step at which each load begins in time, `(b,)`; 0 when that has passed."""
        left = (self.loads.oldest + self.limit - self.now) // self.step
        return np.asarray(np.maximum(0, left), dtype=np.int64)

    def may(self) -> Flags:
        """Which laboratory may take which load and has it within the horizon, `(b, k)`."""
        shape = self.loads.ride.shape
        able = np.ones(shape, bool) if self.loads.allowed is None else self.loads.allowed.copy()
        if self.loads.fixed is not None:
            rows = np.flatnonzero(self.loads.fixed != FREE)
            able[rows] = False
            able[rows, self.loads.fixed[rows]] = True
        return np.asarray(able & (self.arrival() < self.steps))

    def length(self) -> Ints:
        """Steps of a run, `(k,)`."""
        return -(-self.labs.run // self.step)

    def may_begin(self) -> Flags:
        """Steps at which a run may begin, `(k, steps)`: within hours, not into a stand-still."""
        at = self.now + self.step * np.arange(self.steps)
        labs = self.labs
        able = (at >= labs.opens[:, None]) & (at <= labs.closes[:, None])
        until = at + (self.length() * self.step)[:, None]
        for lab, start, end in labs.down:
            able[lab] &= (until[lab] <= start) | (at >= end)
        return able

    def free(self) -> Ints:
        """Instruments not taken by runs of now, `(k, steps)`."""
        at = self.now + self.step * np.arange(self.steps)
        left = np.repeat(self.labs.instruments[:, None], self.steps, axis=1)
        for lab, ends in enumerate(self.labs.busy):
            for end in ends:
                left[lab] -= at < end
        return np.maximum(left, 0)


@dataclass(frozen=True, slots=True)
class Params:
    """How hard to try, counted in moves."""

    alone: int = 4000
    """Loads the relaxed model takes one by one: a district of a million. Where there are more, it has so many groups
    of them, since its time grows with the second power of loads and more."""
    moves: int = 150
    """Loads tried at another laboratory after rounding."""
    fills: tuple[float, ...] = (0.0, 0.3, 0.6, 0.85, 1.0)
    """How full a plate must be to begin before it has to; each laboratory takes the best."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run begun at `start`: (load, tubes) on the plate."""

    lab: int
    start: int
    tubes: tuple[tuple[int, int], ...]

    @property
    def total(self) -> int:
        """Tubes on the plate."""
        return sum(tubes for _, tubes in self.tubes)


@dataclass(frozen=True, slots=True)
class Late:
    """A load that begins beyond its clock (`minutes` on the step grid), or is not tested at all."""

    load: int
    lab: int
    tubes: int
    minutes: int
    untested: int = 0


@dataclass(frozen=True)
class Result:
    """Where each load goes and what is run when."""

    lab_of: Ints
    runs: list[Run]
    late: list[Late]
    cost: int
    bound: float
    """No matching costs less (HiGHS's value of the relaxed model, to its tolerance)."""
    worth: Floats
    """`(k, hours)`: price saved by one more tube of capacity at each laboratory in each hour ahead."""
    idle: Ints
    """`(k,)` minutes instruments stood still while tubes waited, within hours."""
    partial: int = 0
    """Runs that were not full."""

    @property
    def gap(self) -> float:
        """(cost - bound) / cost."""
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


def validate(problem: Problem) -> None:
    """Raise `MatchingError` naming the field and the first row."""
    loads, labs = problem.loads, problem.labs
    b, k = len(loads.tubes), len(labs.instruments)
    if b == 0:
        raise MatchingError("no_loads")
    if k == 0:
        raise MatchingError("no_laboratory")
    for name, array, length in (
        ("tubes", loads.tubes, b), ("ready", loads.ready, b), ("oldest", loads.oldest, b),
        ("instruments", labs.instruments, k), ("wells", labs.wells, k), ("run", labs.run, k),
        ("opens", labs.opens, k), ("closes", labs.closes, k),
    ):  # fmt: skip
        _ints(name, array, length, least=1 if name in _POSITIVE else -LONGEST)
    if loads.allowed is not None:
        shaped(MatchingError, [("allowed", loads.allowed, (b, k))])
    shaped(MatchingError, [("ride", loads.ride, (b, k))])
    whole(MatchingError, "ride", loads.ride, least=0, most=LONGEST)
    for name, index in (("fixed", loads.fixed), ("before", loads.before)):
        if index is not None:
            _ints(name, index, b, least=FREE, most=k - 1)
    if len(labs.busy) > k or any(not 0 <= lab < k for lab, _, _ in labs.down):
        raise MatchingError("unknown_index", field="down")
    within(MatchingError, [
        ("step", problem.step, 1, 1440), ("limit", problem.limit, 1, LONGEST),
        ("horizon", problem.horizon, 1, LONGEST), ("reserve", labs.reserve, 0.0, 0.99),
        ("now", problem.now, -LONGEST, LONGEST),
    ])  # fmt: skip
    if not problem.may().any(axis=1).all():
        row = int((~problem.may().any(axis=1)).argmax())
        raise MatchingError("nowhere_allowed", row=row)


_POSITIVE = ("tubes", "instruments", "wells", "run")


def _ints(name: str, array: Ints, length: int, *, least: int, most: int = LONGEST) -> None:
    shaped(MatchingError, [(name, array, (length,))])
    whole(MatchingError, name, array, least=least, most=most)
