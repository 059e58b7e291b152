"""From answers to figures, from figures to a verdict: which kinds keep up at which multiple of the peak. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drill.pressure import load

LIMITS: Final[Mapping[str, float]] = {
    load.SCANS: 1.0, load.BACKLOG: 3.0, load.TRANSPORT: 2.0, load.LABORATORY: 3.0, load.LOOK_UP: 2.0,
    load.OWN_CODE: 2.0, load.CODE_PAGE: 3.0, load.OVERVIEW: 3.0, load.SITES: 3.0, load.CLOCKS: 3.0,
    load.BOXES: 3.0,
}  # fmt: skip
"""Seconds within which 95 of 100 are answered, from the moment they were due. No plan states them: assumed."""
FIELD: Final = frozenset({load.SCANS, load.BACKLOG, load.TRANSPORT, load.LABORATORY})
TURNED_FIELD, TURNED_OTHERS = 0.01, 0.05
"""Share that may be turned away and come again: of the field's and laboratories' requests, of everybody else's. Once is
never too often."""
ENOUGH: Final = 20
"""Fewer answers than this have no percentile worth the name: the slowest is judged."""
OWN_LAG: Final = 0.25
"""Seconds by which the load itself may be late (99 of 100) before its figures are doubted."""
SLOW, TURNED, ERRORS, UNANSWERED = "slow", "turned", "errors", "unanswered"


@dataclass
class Tally:
    """What became of the requests of one kind in one step. `turned`: refusals with a time to come again (429)."""

    offered: int = 0
    seconds: list[float] = field(default_factory=list)
    turned: int = 0
    without_wait: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    lag: list[float] = field(default_factory=list)
    """How late each was handed to a sender: the load's own lateness, not the system's."""

    @property
    def unanswered(self) -> int:
        return max(0, self.offered - len(self.seconds) - sum(self.errors.values()))


@dataclass(frozen=True, slots=True)
class Figures:
    """A kind of request in a step. Times in seconds from the moment due; `fails`: why it does not keep up."""

    kind: str
    offered: int
    done: int
    turned: int
    without_wait: int
    errors: dict[str, int]
    unanswered: int
    p50: float
    p95: float
    p99: float
    most: float
    limit: float
    fails: tuple[str, ...]

    @property
    def keeps_up(self) -> bool:
        return not self.fails


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the load. `memory`: the most MiB of each part; `processor`: mean cores used by each part."""

    multiple: float
    seconds: float
    kinds: tuple[Figures, ...]
    memory: dict[str, float]
    processor: dict[str, float]
    lag: float

    @property
    def keeps_up(self) -> bool:
        return all(one.keeps_up for one in self.kinds)

    @property
    def trusted(self) -> bool:
        """Whether the load was offered when it was due."""
        return self.lag <= OWN_LAG


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share do not exceed; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def figures(kind: str, tally: Tally, limit: float) -> Figures:
    """The figures of a tally, judged."""
    shares = {share: percentile(tally.seconds, share) for share in (0.5, 0.95, 0.99, 1.0)}
    judged = shares[0.95] if len(tally.seconds) >= ENOUGH else shares[1.0]
    allowed = TURNED_FIELD if kind in FIELD else TURNED_OTHERS
    fails = [
        name
        for name, broken in (
            (ERRORS, bool(tally.errors) or tally.without_wait > 0),
            (UNANSWERED, tally.unanswered > 0),
            (TURNED, tally.turned > max(1.0, allowed * tally.offered)),
            (SLOW, judged > limit),
        )
        if broken
    ]
    return Figures(
        kind, tally.offered, len(tally.seconds), tally.turned, tally.without_wait, dict(tally.errors),
        tally.unanswered, shares[0.5], shares[0.95], shares[0.99], shares[1.0], limit, tuple(fails),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """What was confirmed to the senders, and what the system says it holds. `open`: sent without an answer."""

    what: str
    confirmed: int
    stored: int
    open: int = 0

    @property
    def holds(self) -> bool:
        """Nothing confirmed is lost; nothing is there that nobody sent."""
        return self.confirmed <= self.stored <= self.confirmed + self.open


@dataclass(frozen=True, slots=True)
class HeadRoom:
    """The largest multiple up to which everything kept up (0: none), the first that did not (None: none tried)."""

    keeps: float
    breaks: float | None
    kinds: tuple[str, ...] = ()


def head_room(steps: Sequence[Step], kind: str | None = None) -> HeadRoom:
    """How far the steps held, of one kind or of all."""
    keeps = 0.0
    for step in sorted(steps, key=lambda one: one.multiple):
        bad = tuple(one.kind for one in step.kinds if not one.keeps_up and kind in {None, one.kind})
        if bad:
            return HeadRoom(keeps, step.multiple, bad)
        keeps = step.multiple
    return HeadRoom(keeps, None)


def passes(steps: Sequence[Step], kept: Sequence[Kept], verified: bool | None) -> bool:
    """The expected peak is carried, nothing confirmed is lost, and the records agree with the journal."""
    peak = [step for step in steps if step.multiple <= 1.0] or list(steps[:1])
    carried = bool(peak) and all(step.keeps_up for step in peak)
    return carried and all(one.holds for one in kept) and verified is not False


def document(step: Step) -> dict[str, Any]:
    """A step ready for JSON, times in milliseconds."""
    return {
        "multiple": step.multiple, "seconds": round(step.seconds, 1), "keeps_up": step.keeps_up,
        "trusted": step.trusted, "own_lag_p99_ms": _ms(step.lag),
        "memory_mib": {name: round(value, 1) for name, value in step.memory.items()},
        "processor_cores": {name: round(value, 2) for name, value in step.processor.items()},
        "kinds": {one.kind: _kind(one) for one in step.kinds},
    }  # fmt: skip


def _kind(one: Figures) -> dict[str, Any]:
    return {
        "offered": one.offered, "done": one.done, "turned_away": one.turned,
        "turned_away_without_wait": one.without_wait, "errors": one.errors, "unanswered": one.unanswered,
        "p50_ms": _ms(one.p50), "p95_ms": _ms(one.p95), "p99_ms": _ms(one.p99), "most_ms": _ms(one.most),
        "limit_ms": _ms(one.limit), "keeps_up": one.keeps_up, "fails": list(one.fails),
    }  # fmt: skip


def _ms(seconds: float) -> float | None:
    return None if math.isnan(seconds) else round(1000 * seconds, 1)
