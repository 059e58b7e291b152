"""The clocks of the bench, from a preset's entries; the values are the preset's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from yingjian.access.clocks import ClockStart
from yingjian.campaigns import presets
from yingjian.campaigns.presets import Preset

RESULT_CLOCKS: Final = ("result_key", "result_other", "result_max")


def at_receipt(
    preset: Preset, tube: Mapping[str, Any], *, received_at: datetime, owner: str
) -> list[ClockStart]:
    """Clocks a tube starts at the bench: its result (R66) and, from its first swab, the instrument (R54)."""
    rules = (
        (presets.result_clock_for(preset, tube["categories"]), received_at),
        (presets.clock_rule(preset, "on_instrument"), tube["first_swab_at"]),
    )
    return [
        ClockStart(
            rule=rule, subject_kind="tube", subject_id=tube["id"], label=tube["code"], area=tube["area"],
            round_id=tube["round_id"], started_at=started_at, owner_name=owner,
        )
        for rule, started_at in rules
        if rule is not None
    ]  # fmt: skip
