"""How sites were chosen, held against the question: certificate, cost, locks, mobile teams' timetables.

The question is made anew from the problem and the plan's parameters, the bound is recomputed from
the multipliers in whole numbers, and the cost from where the plan's households are really sent.
Nothing the planner claims about itself is believed.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np

from yingjian.engines.plan.judge import Bench, minutes, stands, straight_km
from yingjian.engines.plan.model import PlanError, Site, Siting
from yingjian.engines.plan.plane import APART, flat, plane
from yingjian.engines.plan.points import Question, placed, question_of
from yingjian.engines.plan.sites import Ground, survey
from yingjian.engines.siting.check import bound_of
from yingjian.engines.siting.model import (
    MOBILE,
    Counts,
    SitingError,
    barred,
    crossed,
    walk_price,
    walked,
)

CIRCLE, ROOM = "sites.walking_circle", "sites.people_per_site"
TRIED = "tried"
"""Origin of a rule value that somebody tries instead of the preset's."""
PATHS = {"walking_circle": CIRCLE, "people_per_site": ROOM}


def check_choice(bench: Bench) -> None:
    """The certificate, who is outside the rules, the locks, and where mobile teams stand when."""
    stated = bench.plan.siting
    for site in bench.plan.sites:
        if site.kind == "mobile":
            _timetable(bench, site)
    _locks(bench)
    _places(bench)
    fixed = sum(site.kind == "fixed" for site in bench.plan.sites)
    bench.most("sites_most", "plan", "", fixed, bench.problem.resources.sites)
    for path, rule in sorted(bench.problem.rules.by_path.items()):
        if rule.origin == TRIED:
            bench.say("rule_tried", "note", "plan", path)
    if stated.unplaced:
        bench.say("sites_without_place", "note", "plan", CIRCLE, measured=stated.unplaced)
    if stated.method != "certified":
        if bench.plan.params.barriers:
            bench.say("barriers_unused", "note", "plan", CIRCLE)
        if bench.plan.params.paths:
            bench.say("paths_unused", "note", "plan", CIRCLE)
        return
    for outside in stated.outside:
        path = PATHS.get(outside.rule, CIRCLE)
        code = "served_across" if outside.rule == "barrier" else "served_outside"
        bench.say(
            code, "warning", f"site:{outside.site}", path, measured=outside.measured,
            limit=outside.limit, over=max(0, outside.measured - outside.limit),
            people=outside.people, village=outside.area,
        )  # fmt: skip
    ground = survey(bench.problem)
    try:
        question = question_of(ground, bench.plan.params)
    except PlanError:  # rules the question needs are gone
        question = None
    if question is None or question.problem.digest() != stated.question:
        bench.say("certificate_of_other_question", "error", "plan:siting")
        return
    _certificate(bench, question, stated)
    _across(bench, question, ground)


def _certificate(bench: Bench, question: Question, stated: Siting) -> None:
    """Bound and cost, both recomputed."""
    try:
        multipliers = np.array(stated.multipliers, dtype=np.int64)
        bound = bound_of(
            question.problem,
            multipliers,
            _counts(stated),
            stated.limit_price,
            stated.cases.judged(),
        )
    except (SitingError, OverflowError):
        bench.say("certificate_forged", "error", "plan:siting", measured=stated.bound)
        return
    if stated.bound > bound:
        bench.say(
            "certificate_forged", "error", "plan:siting", measured=stated.bound, limit=bound,
            over=stated.bound - bound,
        )  # fmt: skip
        return
    site_of = _sent(bench, question)
    if site_of is None:
        bench.say("households_split", "error", "plan:siting")
        return
    cost = _cost(question, site_of, stated.beyond)
    same = cost == stated.cost and bound <= cost
    bench.say(
        "certificate", "ok" if same else "error", "plan:siting", measured=stated.cost, limit=cost,
        over=abs(stated.cost - cost), gap=round((cost - bound) / cost * 100, 3) if cost else 0.0,
    )  # fmt: skip


def _counts(stated: Siting) -> Counts | None:
    """The prices on counts a plan states, as the judge of sites takes them."""
    if not stated.count_prices:
        return None
    prices = np.array(stated.count_prices, dtype=np.int64).reshape(-1, 2)
    return Counts(np.array(stated.counted, dtype=np.int64), prices[:, 0], prices[:, 1])


def _sent(bench: Bench, question: Question) -> np.ndarray | None:
    """Which candidate the plan sends each group of houses to; None when a group is divided."""
    blocks = [block for block in bench.problem.blocks if block.people > 0]
    row = {place.key: j for j, place in enumerate(question.candidates)}
    at: dict[str, int] = {}
    for site in bench.plan.sites:
        j = MOBILE if site.kind == "mobile" else row.get(site.candidate)
        for slot in site.slots:
            for key in slot.blocks:
                if j is not None:
                    at[key] = j
    found = np.full(question.problem.points, MOBILE, dtype=np.int64)
    for k, own in enumerate(question.members):
        places = {at.get(blocks[i].key) for i in own}
        place = places.pop()
        if places or place is None:
            return None
        found[k] = place
    return found


def _cost(question: Question, site_of: np.ndarray, beyond: list[int]) -> int:
    """Price of the plan: who breaks a rule, or is met by a mobile team, pays the flat price.

    `beyond` are points the plan itself says are served outside the rules; it pays for them, so it gains nothing by
    naming one too many, and without one too few no site keeps its room.
    """
    problem = question.problem
    each = np.arange(problem.points)
    fixed = site_of != MOBILE
    here = np.where(fixed, site_of, 0)
    metres = walked(problem, each, here)
    keeps = fixed & (metres <= problem.rules.walk_m) & ~barred(problem, each, here)
    told = [k for k in beyond if 0 <= k < problem.points]
    keeps[told] = False
    load = np.bincount(here[keeps], weights=problem.heads[keeps], minlength=problem.candidates)
    if (load > problem.room()).any():  # more people than fit, and the plan does not say so
        return -1
    kept, sites = each[keeps], here[keeps]
    lanes = -(-load.astype(np.int64) // problem.rules.heads_per_lane)
    total = int(problem.opening()[np.unique(sites)].sum()) + int(lanes.sum()) * problem.prices.lane
    total += int(walk_price(problem, kept, metres[kept]).sum())
    return total + int(problem.outside()[~keeps].sum())


def _across(bench: Bench, question: Question, ground: Ground) -> None:
    """Nobody crosses a line to meet a mobile team. Along paths the walk itself is measured (`checks.sites`)."""
    problem = question.problem
    if problem.ways is not None or not len(problem.barriers):
        return
    met = {
        key: (f"site:{site.code}", *place)
        for site in bench.plan.sites
        for key, place in stands(site).items()
    }
    keys = [[ground.blocks[i].key for i in own] for own in question.members]
    rows = [
        (k, *found)
        for k, own in enumerate(keys)
        for found in sorted({met[key] for key in own if key in met})
    ]
    if not rows:
        return
    known = placed(ground)
    shift = {town: n * APART for n, town in enumerate(plane(ground, known)[2])}
    lon, lat = (np.array([row[axis] for row in rows], dtype=float) for axis in (2, 3))
    x, y = flat(ground, known, lon, lat)
    each = np.array([k for k, *_ in rows], dtype=np.int64)
    x = x + np.array([shift[question.area[k][:9]] for k in each.tolist()])
    cut = crossed(problem.barriers, problem.x[each], problem.y[each], x, y)
    for n in np.flatnonzero(cut).tolist():
        k, element = rows[n][:2]
        bench.say(
            "served_across", "error", element, CIRCLE, people=int(problem.heads[k]),
            village=question.area[k],
        )  # fmt: skip


def _places(bench: Bench) -> None:
    """Candidates of the county's list: no more lanes than fit, a site stands where its candidate does, and what was
    chosen beside the list, or without it, is said."""
    known = {place.key: place for place in bench.problem.candidates}
    made = [s for s in bench.plan.sites if s.candidate and s.candidate not in known]
    for site in bench.plan.sites:
        place = known.get(site.candidate)
        if site.given != (place is not None):
            bench.say("candidate_unknown", "error", f"site:{site.code}")
        if place is None:
            continue
        if place.lanes is not None:
            bench.most(
                "lanes_fit", f"site:{site.code}", "", site.lanes, place.lanes, place=place.name
            )
        stands = (round(place.lon, 6), round(place.lat, 6)) == (site.lon, site.lat)
        named = site.name == place.name
        if not (stands and named):
            bench.say("candidate_moved", "error", f"site:{site.code}", place=place.name)
    if not known:
        return
    method = bench.plan.siting.method
    if method != "certified":
        bench.say(f"candidates_unused_{method}", "note", "plan", measured=len(known))
        return
    chosen = sum(site.candidate in known for site in bench.plan.sites)
    bench.say("candidates_used", "note", "plan", measured=chosen, limit=len(known))
    if made:
        people = sum(site.walkers for site in made)
        bench.say("places_made", "note", "plan", CIRCLE, measured=len(made), people=people)
    if not bench.plan.params.made_places:
        bench.say("places_not_made", "note", "plan", CIRCLE)


def _locks(bench: Bench) -> None:
    """Places that must stay are open, places that never may be are not."""
    open_ = {site.candidate for site in bench.plan.sites if site.candidate}
    asked = {c.key: c.lock for c in bench.problem.candidates if c.lock} | bench.problem.locks
    for key, lock in sorted(asked.items()):
        kept = (key in open_) == (lock == "stay")
        bench.say(f"lock_{lock}", "ok" if kept else "warning", f"candidate:{key}")


def _timetable(bench: Bench, site: Site) -> None:
    """A mobile team is at one place at a time, has the time to drive, and meets everybody it calls."""
    params, element = bench.plan.params, f"site:{site.code}"
    visits = sorted(site.visits, key=lambda v: v.start)
    short = 0.0
    for a, b in pairwise(visits):
        if a.end.date() != b.start.date():
            continue
        way = straight_km(a.lon, a.lat, b.lon, b.lat) * params.road_factor
        need = way / params.drive_km_per_h * 60
        short = max(short, need - minutes(b.start, a.end))
    bench.most("mobile_way", element, "", short, 0.0)
    met: Counter[bool] = Counter()
    for slot in site.slots:
        met[any(v.start <= slot.start and slot.end <= v.end for v in visits)] += slot.people
    bench.most("mobile_absent", element, "", met[False], 0.0)
