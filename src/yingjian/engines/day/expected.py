"""A planned date with people expected to be infected: what the preset makes of a positive tube, from what the plan has.

Pure. Without anybody infected, or without a laboratory, the date stays as it is: nothing of this is played.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from yingjian.engines.asking import Floats, Ints
from yingjian.engines.day.model import Labs, Positives, Retest
from yingjian.engines.day.planned import Bench, PlannedDay, benches_of
from yingjian.engines.plan.geo import km
from yingjian.engines.plan.model import LabLoad, Plan, Site


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
    to: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the area of a tube: the laboratories its members' swabs go to, each to another (R72)."""
    original_to: Mapping[str, str] = field(default_factory=dict)
    """By the area of a tube: the laboratory it goes to itself."""


def expecting(
    planned: PlannedDay, plan: Plan, share: float, followed: Followed, bench: Bench
) -> PlannedDay:
    """The date with `share` of those who come infected. Its teams are the plan's; as many as needed if it has none."""
    if share <= 0 or not planned.labs_known:
        return planned
    planned = _with_laboratories(planned, plan, followed, bench)
    day, labs = planned.day, planned.day.labs
    kept, benches = kept_of(labs.wells * labs.instruments, followed.reserve, bench.plate)
    ready = sum(team.kind == "recheck" for team in plan.teams)
    to, original_to, ride = _ways(planned, plan, followed)
    positives = Positives(
        share=np.full(len(day.sites.lanes), share), swabs=followed.swabs, original=followed.original,
        singles=followed.singles, how=followed.how, to=to, original_to=original_to, ride=ride,
        teams=max(1, math.floor(ready / followed.teams_per_pool)) if ready else None,
    )  # fmt: skip
    able = replace(labs, kept=kept, kept_benches=benches)
    return replace(planned, day=replace(day, positives=positives, labs=able))


def kept_of(wells: Ints, reserve: float, plate: int) -> tuple[Ints, Ints]:
    """(wells of one run kept for re-tests, on how many instruments) of laboratories with so many wells at once."""
    kept = np.maximum(np.ceil(reserve * wells), 1 if reserve > 0 else plate)
    benches = np.ceil(kept / plate).astype(np.int64)
    return np.ceil(kept / benches).astype(np.int64), benches


def _with_laboratories(
    planned: PlannedDay, plan: Plan, followed: Followed, bench: Bench
) -> PlannedDay:
    """And the plan's laboratories that only the single swabs go to that day."""
    asked = {code for many in followed.to.values() for code in many} | set(
        followed.original_to.values()
    )
    more = [lab for lab in plan.labs if lab.lab in asked and lab.lab not in planned.labs]
    if not more:
        return planned
    labs = planned.day.labs
    added = benches_of(more, float(labs.run[0]), bench)
    both = {
        one.name: np.concatenate((known, getattr(added, one.name)))
        for one in fields(Labs)
        if (known := getattr(labs, one.name)) is not None
    }
    return replace(
        planned, day=replace(planned.day, labs=Labs(**both)),
        labs=(*planned.labs, *(lab.lab for lab in more)),
    )  # fmt: skip


def _ways(planned: PlannedDay, plan: Plan, followed: Followed) -> tuple[Ints, Ints, Floats]:
    """By site: laboratory of each swab, laboratory of the tube itself, minutes straight to the last of the former.

    A laboratory that is not in the plan is the site's own: nobody knows its benches.
    """
    place = {code: k for k, code in enumerate(planned.labs)}
    known = {lab.lab: lab for lab in plan.labs}
    to, original_to, ride = [], [], []
    for site, own in zip(planned.sites, planned.day.sites.lab.tolist(), strict=True):
        named = [place[code] for code in followed.to.get(site.area, ()) if code in place] or [own]
        mine = [named[n % len(named)] for n in range(followed.swabs)]
        to.append(mine)
        original_to.append(place.get(followed.original_to.get(site.area, ""), own))
        ride.append(max(_straight(plan, site, known[planned.labs[k]]) for k in mine))
    return np.array(to, np.int64), np.array(original_to, np.int64), np.array(ride, np.float64)


def _straight(plan: Plan, site: Site, lab: LabLoad) -> float:
    """Minutes from a site to a laboratory without a stop, as the planner takes its roads to be."""
    if site.lon is None or site.lat is None or lab.lon is None or lab.lat is None:
        return plan.params.unknown_lab_minutes
    return plan.params.by_road(km((site.lon, site.lat), (lab.lon, lab.lat)))
