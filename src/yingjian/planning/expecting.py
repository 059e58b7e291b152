"""How many are expected to be infected when a plan is rehearsed, and what the preset makes of a positive tube."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from yingjian.campaigns.presets import Preset
from yingjian.engines.day.expected import Followed, expecting
from yingjian.engines.day.model import Retest
from yingjian.engines.day.planned import Bench, PlannedDay
from yingjian.engines.plan.model import Plan
from yingjian.laboratory.queries import nearest_named

from . import ground, pool_sizes

OF: Final = 10_000
"""Expected positives are told of so many people."""


def by_history(round_id: uuid.UUID) -> float:
    """Infected of ten thousand as the round before found them in this area; 0 where there was none, or nobody found."""
    positive, resulted = ground.found_before(round_id)
    return round(OF * positive / resulted, 2) if resulted else 0.0


def by_now(round_id: uuid.UUID) -> float:
    """The same as this round itself has found them so far; before its first result, as the round before."""
    positive, resulted = ground.found_in(round_id, round_id)
    return round(OF * positive / resulted, 2) if resulted else by_history(round_id)


def followed(preset: Preset, plan: Plan) -> Followed:
    """The preset's way with a tube that reads positive at one of the plan's sites."""
    flagged, size = preset.flagged, int(preset.pool.default_size.need())
    areas = {site.area for site in plan.sites}
    single, whole = flagged.laboratories.value or (), flagged.original_tube_to.value
    found = nearest_named((area, name) for area in areas for name in {*single, whole} if name)

    def codes(area: str, names: Iterable[str | None]) -> tuple[str, ...]:
        return tuple(found[area, name].code for name in names if name and (area, name) in found)

    mixed = preset.pool.method.value == pool_sizes.IN_LABORATORY
    thinned = pool_sizes.thinned([size], "laboratory" if mixed else "collection")[size]
    return Followed(
        swabs=int(flagged.swabs.need()), original=bool(flagged.original_tube_to.value),
        singles=bool(flagged.single_positive_double_test.value),
        teams_per_pool=int(flagged.teams_per_pool.need()),
        reserve=float(preset.laboratory.reserve.value or 0.0), how=Retest(dilution=thinned),
        to={area: codes(area, single) for area in areas},
        original_to={area: code for area in areas for code in codes(area, [whole])},
    )  # fmt: skip


def expected(
    days: Sequence[PlannedDay], plan: Plan, per_ten_thousand: float, way: Followed, bench: Bench
) -> list[PlannedDay]:
    """The dates with so many infected."""
    return [expecting(day, plan, per_ten_thousand / OF, way, bench) for day in days]
