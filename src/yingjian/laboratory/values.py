"""Words of the bench that higher rooms share: outcomes, kinds of laboratory, what several single tests say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

NEGATIVE: Final = "negative"
POSITIVE: Final = "positive"
GREY: Final = "grey"
SINGLE_TARGET: Final = "single_target"
INVALID: Final = "invalid"
FLAGGED: Final = "flagged"
"""What a person's outcome is while their tube waits for its recheck: neither negative nor positive."""
SINGLE: Final = "single"
OUTCOMES: Final = (NEGATIVE, POSITIVE, GREY, SINGLE_TARGET, INVALID)

# What a preset calls a laboratory, and the kinds of ours that answer to it; an empty tuple is any kind.
NAMED_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "region_cdc": ("cdc_region",),
    "city_cdc": ("cdc_city",),
    "district_cdc": ("cdc_county",),
    "county_laboratory": ("hospital", "cdc_county"),
    "any_other": (),
}

Verdict = Literal["negative", "positive", "undecided", "waiting"]


def conclude(outcomes: Sequence[str | None], *, swabs: int) -> Verdict:
    """What a person's single tests of one attempt say together (R72, R74). None is a result not yet released.

    - any positive → positive, without waiting for the other laboratory: the duties of R68 and R69 are "at once";
    - all `swabs` tests negative → negative: release needs every swab, from every laboratory (R72, R74);
    - all in, but neither → undecided: grey, single target or invalid never releases and never confirms; swab again;
    - otherwise waiting.
    """
    if POSITIVE in outcomes:
        return "positive"
    known = [outcome for outcome in outcomes if outcome is not None]
    if len(known) < max(swabs, len(outcomes), 1):
        return "waiting"
    return "negative" if set(known) == {NEGATIVE} else "undecided"
