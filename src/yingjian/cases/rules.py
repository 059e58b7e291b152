"""Pure decisions of a recheck: when a member is settled, what state a pool is in, where a positive may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from yingjian.laboratory.values import NEGATIVE, POSITIVE, SINGLE, conclude

# State machines (design §5). The steps marked in the README arise only from a corrected result.
POOL_STATES: Final[Mapping[str, frozenset[str]]] = {
    "flagged": frozenset({"isolating", "re_sampled", "resolved"}),
    "isolating": frozenset({"re_sampled", "resolved"}),
    "re_sampled": frozenset({"isolating", "resolved"}),
    "resolved": frozenset({"flagged", "isolating", "re_sampled"}),
}
MEMBER_STATES: Final[Mapping[str, frozenset[str]]] = {
    "notified": frozenset({"isolated", "re_sampled", "released"}),
    "isolated": frozenset({"re_sampled", "released", "confirmed"}),
    "re_sampled": frozenset({"isolated", "released", "confirmed"}),
    "released": frozenset({"confirmed", "isolated"}),
    "confirmed": frozenset({"released", "isolated", "re_sampled"}),
}
POSITIVE_STATES: Final[Mapping[str, frozenset[str]]] = {
    "initial": frozenset({"rechecked"}),
    "rechecked": frozenset({"confirmed", "excluded"}),
    "confirmed": frozenset({"transferred"}),
    "excluded": frozenset(),
    "transferred": frozenset(),
}
SETTLED: Final = frozenset({"released", "confirmed"})

DOUBLE: Final = 2  # what "double" means in 双采双检; whether it applies is the preset's


def may_become(table: Mapping[str, frozenset[str]], now: str, then: str) -> bool:
    """Whether a state machine allows the step."""
    return then in table.get(now, frozenset())


def opens_recheck(outcome: str, mode: str, flagging: Sequence[str], double_single: bool) -> bool:
    """Whether a released outcome opens a recheck (R70); a positive single tube where the preset tests those twice."""
    if mode == SINGLE and outcome == POSITIVE:
        return double_single
    return outcome in flagging


def swabs_needed(outcome: str, mode: str, swabs: int, double_single: bool) -> int:
    """Swabs of each member: the preset's number for pools, two for a positive single where it says so (R72)."""
    if mode == SINGLE and outcome == POSITIVE and double_single:
        return max(swabs, DOUBLE)
    return swabs


def laboratories_needed(swabs: int, named: int) -> int:
    """How many different laboratories must agree on a release: those the preset names, as far as swabs reach."""
    return max(1, min(swabs, named))


@dataclass(frozen=True, slots=True)
class Tests:
    """A member's tests of the current attempt (outcome or None, laboratory), and whether any test ever was positive."""

    current: Sequence[tuple[str | None, object]]
    positive_anywhere: bool
    swabs: int
    laboratories: int


def member_after(state: str, tests: Tests) -> tuple[str, str]:
    """A member's state and the reason for it.

    - A positive confirms at once; what the other laboratory says is a doubt about the *case* (`doubt_of`), not a reason
      to wait with isolation, notices and reports (R68, R69).
    - Release needs every swab negative, from as many laboratories as the preset names (R72, R74).
    - Neither: isolated again, for another attempt; the reason says why.
    - Only a corrected result unsettles: a confirmed member whose positives are all gone waits again.
    """
    if tests.positive_anywhere or POSITIVE in [outcome for outcome, _ in tests.current]:
        return "confirmed", ""
    verdict = conclude([outcome for outcome, _ in tests.current], swabs=tests.swabs)
    if verdict == "waiting":
        return ("re_sampled" if state == "confirmed" else state), ""
    if verdict == "undecided":
        return "isolated", "undecided"
    if len({laboratory for _, laboratory in tests.current}) < tests.laboratories:
        return "isolated", "one_laboratory"
    return "released", ""


def doubt_of(outcomes: Sequence[str | None], *, swabs: int) -> tuple[bool, str]:
    """Whether the tests of an attempt agree on a positive, and what speaks against it.

    (True, ""): every swab in and positive: rechecked. (False, "discordant"): another outcome is known, so the case
    needs a third pair or a decision. (False, ""): the other laboratory has not spoken.
    """
    known = [outcome for outcome in outcomes if outcome is not None]
    if any(outcome != POSITIVE for outcome in known):
        return False, "discordant"
    return len(known) >= max(swabs, len(outcomes), 1), ""


def pool_after(members: Sequence[str]) -> str:
    """A pool's state follows from its members'. One without members waits for a person to look into it."""
    if not members:
        return "flagged"
    if all(state in SETTLED for state in members):
        return "resolved"
    if all(state in SETTLED or state == "re_sampled" for state in members):
        return "re_sampled"
    return "flagged" if all(state == "notified" for state in members) else "isolating"


def resolution_of(members: Sequence[str]) -> str:
    """`positive` when anybody was confirmed, else `all_negative` (R74)."""
    return "positive" if "confirmed" in members else "all_negative"


def attempt_open(state: str, reason: str, attempt: int) -> bool:
    """Whether a further swab belongs to the current attempt, or begins the next one."""
    return attempt > 0 and state == "re_sampled" and not reason


def exclusion_supported(attempts: Sequence[Sequence[str | None]], *, swabs: int) -> bool:
    """Whether the last attempt speaks against a positive: every swab of it negative. Nothing less excludes a person."""
    if not attempts:
        return False
    return conclude(attempts[-1], swabs=swabs) == NEGATIVE
