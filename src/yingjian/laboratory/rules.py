"""Pure decisions of the bench: what a receipt counts, what is odd about a result, what may be released."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .values import GREY, NEGATIVE, OUTCOMES, POSITIVE, SINGLE_TARGET

# State machine of a result. "released" and "entered" are followed by "corrected" when a new version exists.
RESULT_STATES: Final[Mapping[str, frozenset[str]]] = {
    "entered": frozenset({"released", "corrected"}),
    "released": frozenset({"corrected"}),
    "corrected": frozenset(),
}

# State machine of a laboratory (candidate → cleared → receiving ⇄ full; suspended; blacklisted is the end).
LABORATORY_STATES: Final[Mapping[str, frozenset[str]]] = {
    "candidate": frozenset({"cleared", "blacklisted"}),
    "cleared": frozenset({"receiving", "suspended", "blacklisted"}),
    "receiving": frozenset({"full", "suspended", "blacklisted"}),
    "full": frozenset({"receiving", "suspended", "blacklisted"}),
    "suspended": frozenset({"cleared", "receiving", "blacklisted"}),
    "blacklisted": frozenset(),
}
RELEASING: Final = frozenset({"receiving", "full"})

# A result that cannot be bound to a tube is held for a person; nothing is lost.
HELD: Final = frozenset(
    {
        "laboratory.tube_unknown",
        "laboratory.tube_ambiguous",
        "laboratory.second_result",
        "laboratory.outcome_unknown",
        "laboratory.result_id_reused",
    }
)

FLAGS: Final = frozenset(
    {
        "not_received",  # this laboratory has not received the tube
        "tube_ended",  # broken, missing, voided or rejected
        "ct_contradicts",  # the Ct values say another outcome than the one stated
        "not_in_run",  # the run named does not hold the tube
        "before_run",  # tested before the run began
        "before_sampling",  # tested before the first swab went in
        "before_receipt",  # tested before the laboratory had it (Longyao)
        "in_future",  # tested after it was handed in
        "over_capacity",  # more results in a day than the laboratory can test (Hefei)
    }
)

# What must be put right (by receipt, by correction) before a result may be released.
BARRIERS: Final = frozenset({"ct_contradicts", "in_future"})

TUBE_TESTABLE: Final = frozenset({"received", "testing", "resulted", "released"})
TUBE_ENDED: Final = frozenset({"broken", "missing", "rejected", "voided"})


def may_become(table: Mapping[str, frozenset[str]], now: str, then: str) -> bool:
    """Whether a state machine allows the step."""
    return then in table.get(now, frozenset())


def result_state(*, released: bool, corrected: bool) -> str:
    """The state of one version of a result."""
    if corrected:
        return "corrected"
    return "released" if released else "entered"


@dataclass(frozen=True, slots=True)
class Counted:
    """A box opened at the bench, in codes. `expected = received + broken + missing - extra`."""

    expected: int
    received: frozenset[str]
    broken: frozenset[str]
    missing: frozenset[str]
    extra: frozenset[str]

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.extra or self.broken)


def count_receipt(
    manifest: Collection[str],
    *,
    received: Collection[str] | None,
    broken: Collection[str],
    extra: Collection[str],
) -> Counted:
    """Compare what was seen with the manifest (R65). `received=None`: everything on it that is not broken.

    A broken tube is broken, wherever else it is listed. Whatever was seen and is not on the manifest is extra.
    """
    listed = frozenset(manifest)
    cracked = frozenset(broken)
    seen = (listed if received is None else frozenset(received)) | frozenset(extra)
    whole = seen - cracked
    return Counted(
        expected=len(listed),
        received=whole,
        broken=cracked,
        missing=listed - whole - cracked,
        extra=(whole | cracked) - listed,
    )


@dataclass(frozen=True, slots=True)
class TubeAtBench:
    """What is known of the tube a result names. `received_at` is this laboratory's; `in_run` None when no run named."""

    state: str
    first_swab_at: datetime | None
    received_at: datetime | None
    in_run: bool | None
    run_started_at: datetime | None
    ct_limit: float | None


def detected(ct: Mapping[str, Any], limit: float | None) -> int | None:
    """How many targets have a Ct at or below the kit's limit; None when it cannot be told.

    The internal control (`IC`) says that the test worked, not that the target is there.
    """
    targets = {gene: value for gene, value in ct.items() if gene.upper() != "IC"}
    if limit is None or not targets:
        return None
    return sum(
        isinstance(value, int | float) and not isinstance(value, bool) and value <= limit
        for value in targets.values()
    )


def ct_contradicts(outcome: str, ct: Mapping[str, Any], limit: float | None) -> bool:
    """Whether the curve evidence says another outcome: the Lanzhou and SydPath errors leave this trace."""
    found = detected(ct, limit)
    if found is None:
        return False
    if outcome == NEGATIVE:
        return found > 0
    if outcome == POSITIVE:
        return found == 0
    if outcome == SINGLE_TARGET:
        return found != 1
    return outcome == GREY and found > 1


def judge(
    outcome: str,
    ct: Mapping[str, Any],
    tested_at: datetime,
    entered_at: datetime,
    tube: TubeAtBench,
) -> list[str]:
    """The flags of a result, sorted. A physical fact is kept whatever is odd about it."""
    received = tube.received_at is not None
    flags = {
        "not_received": not received and tube.state not in TUBE_ENDED,
        "tube_ended": tube.state in TUBE_ENDED,
        "ct_contradicts": ct_contradicts(outcome, ct, tube.ct_limit),
        "not_in_run": tube.in_run is False,
        "before_run": tube.run_started_at is not None and tested_at < tube.run_started_at,
        "before_sampling": tube.first_swab_at is not None and tested_at < tube.first_swab_at,
        "before_receipt": tube.received_at is not None and tested_at < tube.received_at,
        "in_future": tested_at > entered_at,
    }
    return sorted(name for name, holds in flags.items() if holds)


def outcome_known(outcome: str) -> bool:
    return outcome in OUTCOMES


def capacity_left(tubes_per_day: int, already: int) -> int:
    """Results a laboratory can still credibly have tested in a day of which it handed in `already`."""
    return max(tubes_per_day - already, 0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A result somebody wants to release, as the tables know it."""

    tube_code: str
    outcome: str
    entered_by: object
    released: bool
    superseded: bool
    tube_state: str
    received: bool
    laboratory_state: str
    flags: Sequence[str]


def release_problem(result: Candidate, *, releaser: object) -> str | None:
    """Why one result may not be released now, as an error code; None when it may.

    Two persons always: the database holds that too (Lanzhou).
    """
    checks = (
        ("laboratory.result_superseded", result.superseded),
        ("laboratory.already_released", result.released),
        ("laboratory.same_person", result.entered_by == releaser),
        ("laboratory.laboratory_not_releasing", result.laboratory_state not in RELEASING),
        (
            "laboratory.tube_not_at_bench",
            not result.received or result.tube_state not in TUBE_TESTABLE,
        ),
        ("laboratory.result_barred", bool(BARRIERS & set(result.flags))),
    )
    return next((code for code, broken in checks if broken), None)


def package_mixed(outcomes: Collection[str]) -> bool:
    """Whether negative and other results travel in one package: the door through which Lanzhou's positives left."""
    kinds = {outcome == NEGATIVE for outcome in outcomes}
    return len(kinds) > 1


def share_z(positives: int, tests: int, other_positives: int, other_tests: int) -> float | None:
    """How many standard deviations a positive share lies from that of the others (pooled two-proportion z).

    None while either side has no tests or nobody at all is positive or everybody is: nothing can be said then.
    """
    if tests <= 0 or other_tests <= 0:
        return None
    pooled = (positives + other_positives) / (tests + other_tests)
    if not 0 < pooled < 1:
        return None
    spread = (pooled * (1 - pooled) * (1 / tests + 1 / other_tests)) ** 0.5
    return float((positives / tests - other_positives / other_tests) / spread)
