"""A planned date with people expected to be infected: what the preset makes of a positive tube, from what the plan has.

Pure. Without anybody infected, or without a laboratory, the date stays as it is: nothing of this is played.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.day.model import Positives, Retest
from yingjian.engines.day.planned import Bench, PlannedDay
from yingjian.engines.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Followed:
    """What the preset says of a tube that reads positive (R43, R72, R73, R81)."""

    swabs: int
    original: bool
    singles: bool
    teams_per_pool: int
    reserve: float
    """Share of the wells kept for re-tests; 0: the plan says nothing, and one plate is kept."""
    how: Retest


def expecting(
    planned: PlannedDay, plan: Plan, share: float, followed: Followed, bench: Bench
) -> PlannedDay:
    """The date with `share` of those who come infected. Its teams are the plan's; as many as needed if it has none."""
    if share <= 0 or not planned.labs_known:
        return planned
    day, labs = planned.day, planned.day.labs
    wells = labs.wells * labs.instruments
    kept = np.maximum(np.ceil(followed.reserve * wells), 1 if followed.reserve > 0 else bench.plate)
    benches = np.ceil(kept / bench.plate).astype(np.int64)
    ready = sum(team.kind == "recheck" for team in plan.teams)
    positives = Positives(
        share=np.full(len(day.sites.lanes), share), swabs=followed.swabs, original=followed.original,
        singles=followed.singles, how=followed.how,
        teams=max(1, math.floor(ready / followed.teams_per_pool)) if ready else None,
    )  # fmt: skip
    able = replace(labs, kept=np.ceil(kept / benches).astype(np.int64), kept_benches=benches)
    return replace(planned, day=replace(day, positives=positives, labs=able))
