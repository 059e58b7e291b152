"""Which sites a plan opens: chosen with a certificate where places are known, else by village.

`choose` gives groups of blocks, one per site or mobile team. Sites a preset states, and villages
nobody has a place for, are formed by number (`plan.sites`); everybody else's are chosen among
candidates by `engines.siting`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from yingjian.engines.asking import Stop, never
from yingjian.engines.plan.geo import Point
from yingjian.engines.plan.mobile import Tour, tours
from yingjian.engines.plan.model import Outside, PlanError, Siting, Spot
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.points import Question, hull, question_of
from yingjian.engines.plan.proofs import Proven
from yingjian.engines.plan.sites import Ground, form_sites, part_of
from yingjian.engines.siting.model import (
    MOBILE,
    Params,
    Problem,
    Result,
    Watch,
    barred,
    walked,
)

EFFORT = Params(
    dual_rounds=200, exact_rounds=8, steps_per_point=20, exact_points=700, columns=400, mip_nodes=50,
    column_rounds=100, count_rounds=500, sweeps=0, cases=12, case_points=100, workers=2,
)  # fmt: skip
"""One pass: seconds for a county, so that a plan is there while people wait for it."""


INSIDE = 1e-12
"""Twice the area of a triangle, in square degrees, below which three places count as in line."""


@dataclass
class Group:
    """One site in the making: whom it serves, where it is, what it was chosen from."""

    members: list[int]
    point: Point | None
    name: str = ""
    candidate: str = ""
    lock: str = ""
    given: bool = False
    """Its place stands on the county's list."""
    lanes: int | None = None
    """How many fit there."""
    points: list[int] = field(default_factory=list)
    """Rows of the siting question it serves."""
    blocks: dict[int, list[int]] = field(default_factory=dict)
    """Blocks of each row, for a mobile team's halts."""
    tour: Tour | None = None
    hull: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Search:
    """How long and how hard to look."""

    seed: int = 0
    stop: Stop = never
    watch: Watch | None = None
    effort: Params = EFFORT


def choose(ground: Ground, params: PlanParams, search: Search) -> tuple[list[Group], Siting]:
    """Groups of blocks and how they were found; everybody is in exactly one."""
    from yingjian.engines.siting.ready import ready  # the compiler costs 190 MB: only who plans

    rules, most = ground.problem.rules, ground.problem.resources.sites
    stated = rules.number("sites.fixed_sites") or rules.flag("sites.one_site_per_village")
    if stated or ground.problem.places:
        return _by_number(ground, params, most), Siting("given", most_sites=most)
    question = question_of(ground, params)
    if question is None:
        groups = _by_number(ground, params, most)
        return groups, Siting("by_village", unplaced=_walkers(ground), most_sites=most)
    ready()  # a stop by the clock counts from here on
    result = _solved(question, search)
    _keeps_towns(question, result)
    groups = _groups(ground, question, result, params)
    rest = _rest(ground, groups)
    unplaced = sum(ground.walkers[i] for i in rest)
    if rest:
        left = None if most is None else max(1, most - sum(g.tour is None for g in groups))
        groups += _by_number(part_of(ground, rest), params, left)
    groups.sort(key=lambda g: (ground.main_area(g.members)[:9], g.tour is not None))
    told = msgspec.structs.replace(_told(question, result, unplaced), most_sites=most)
    return groups, told


def _solved(question: Question, search: Search) -> Result:
    """The sites. Where only so many may be opened, places are left for those that must stay."""
    from yingjian.engines.siting.solve import solve

    def ask(asked: Problem) -> Result:
        return solve(asked, search.effort, seed=search.seed, stop=search.stop, watch=search.watch)

    problem, most = question.problem, question.problem.most_sites
    result = ask(problem)
    shut = [j for j in question.kept if not (result.site_of == j).any()]
    if most is not None and shut and len(result.sites) + len(shut) > most:
        fewer = ask(replace(problem, most_sites=max(1, most - len(shut))))
        # with fewer sites nothing is cheaper: what was proven of more holds
        result = replace(fewer, certificate=result.certificate, solver_bound=result.solver_bound)
    return _opened(question, result)


def _keeps_towns(question: Question, result: Result) -> None:
    """Raises `PlanError("too_few_sites")` where a limit leaves a town without a site: its people go to no other's."""
    if question.problem.most_sites is None:
        return
    without = {
        question.area[b.point][:9]
        for b in result.breaches
        if question.area[b.point][:9] != question.candidates[b.site].area[:9]
    }
    if without:
        most = question.problem.most_sites
        raise PlanError("too_few_sites", most=most, least=most + len(without))


def _walkers(ground: Ground) -> int:
    return sum(ground.walkers[i] for i in ground.order)


def _by_number(ground: Ground, params: PlanParams, most: int | None) -> list[Group]:
    return [Group(own, ground.point(own)) for own in form_sites(ground, params, most)]


def _opened(question: Question, result: Result) -> Result:
    """Sites that must stay are opened: one that nobody is sent to takes the nearest group it can.

    Any certificate holds for this plan too: it was made without the duty to open them.
    """
    from yingjian.engines.siting.places import placed_at

    site_of = result.site_of.copy()
    problem = question.problem
    fixed = {b.point for b in result.breaches}
    for j in question.kept:
        if (site_of == j).any():
            continue
        open_ = len(np.unique(site_of[site_of != MOBILE]))
        if problem.most_sites is not None and open_ >= problem.most_sites:
            break
        each = np.arange(problem.points)
        metres = walked(problem, each, np.full(problem.points, j))
        may = (metres <= problem.rules.walk_m) & (problem.heads <= problem.room()[j])
        may &= ~barred(problem, each, np.full(problem.points, j))
        may[[*fixed]] = False
        for i in question.kept:  # another that must stay keeps its last group
            if (site_of == i).sum() == 1:
                may &= site_of != i
        if may.any():
            site_of[int(np.argmin(np.where(may, metres, np.iinfo(np.int64).max)))] = j
    if (site_of == result.site_of).all():
        return result
    return placed_at(problem, site_of, result)


def _groups(ground: Ground, question: Question, result: Result, params: PlanParams) -> list[Group]:
    """Fixed sites and mobile teams with their blocks, people at home with the nearest."""
    groups: list[Group] = []
    for j in result.sites.tolist():
        place = question.candidates[j]
        points = np.flatnonzero(result.site_of == j).tolist()
        members = [i for k in points for i in question.members[k]]
        groups.append(
            Group(
                members, (round(place.lon, 6), round(place.lat, 6)),
                "" if place.made else place.name, place.key, place.lock, given=not place.made,
                lanes=place.lanes, points=points, hull=_outline(ground, members),
            )
        )  # fmt: skip
    alone = np.flatnonzero(result.site_of == MOBILE).tolist()
    for tour in tours(ground, question, alone, params):
        served = [k for stop in tour.stops for k in stop.points]
        members = [i for k in served for i in question.members[k]]
        groups.append(
            Group(
                members, tour.middle, points=served, tour=tour, hull=_outline(ground, members),
                blocks={k: question.members[k] for k in served},
            )
        )  # fmt: skip
    _attach_homes(ground, groups)
    return groups


def _outline(ground: Ground, members: list[int]) -> list[tuple[float, float]]:
    at = np.unique(
        np.round(np.stack((ground.lon[members], ground.lat[members]), axis=1), 5), axis=0
    )
    return hull([(lon, lat) for lon, lat in at[_outer(at)].tolist()])


def _outer(at: np.ndarray) -> np.ndarray:
    """Which places may be on the outline: those not inside the octagon of the farthest eight ways."""
    ways = np.array([(math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)) for k in range(8)])
    corners = at[np.argmax(at @ ways.T, axis=0)]
    inside = np.ones(len(at), dtype=bool)
    for (ax, ay), (bx, by) in itertools.pairwise([*corners, corners[0]]):
        if (ax, ay) != (bx, by):
            turn = (bx - ax) * (at[:, 1] - ay) - (by - ay) * (at[:, 0] - ax)
            inside &= turn > INSIDE
    return ~inside


def _attach_homes(ground: Ground, groups: list[Group]) -> None:
    """Blocks where everybody is visited at home belong to the nearest site of their town (R29)."""
    by_town: dict[str, list[int]] = {}
    for n, group in enumerate(groups):
        by_town.setdefault(ground.main_area(group.members)[:9], []).append(n)
    where = [group.point or (math.nan, math.nan) for group in groups]
    at = np.array(where, dtype=float).reshape(-1, 2)
    for i in ground.order:
        block = ground.blocks[i]
        near = by_town.get(block.area[:9])
        if ground.walkers[i] or not near or math.isnan(ground.lon[i]):
            continue
        narrow = math.cos(math.radians(float(ground.lat[i])))
        far = np.hypot((at[near, 0] - ground.lon[i]) * narrow, at[near, 1] - ground.lat[i])
        fixed = np.array([groups[n].tour is None for n in near])
        far = np.where(fixed, far, far + 1000.0)
        groups[near[int(np.argmin(far))]].members.append(i)


def _rest(ground: Ground, groups: list[Group]) -> list[int]:
    """Blocks in no group: no place is known for them, or no site of their town was chosen."""
    taken = {i for group in groups for i in group.members}
    left = [i for i in ground.order if i not in taken]
    # people at home in a village of which nothing else is left join any site of their town
    towns = {ground.main_area(g.members)[:9]: g for g in reversed(groups)}
    rest = []
    walking = {ground.blocks[i].area for i in left if ground.blocks[i].walkers}
    for i in left:
        host = towns.get(ground.blocks[i].area[:9])
        if not ground.blocks[i].walkers and ground.blocks[i].area not in walking and host:
            host.members.append(i)
        else:
            rest.append(i)
    return rest


def _told(question: Question, result: Result, unplaced: int) -> Siting:
    """The certificate, what was not chosen, and who is served outside the rules."""
    problem, rules = question.problem, question.problem.rules
    chosen = set(result.sites.tolist())
    counts = result.certificate.counts
    outside = [
        Outside(
            area=question.area[b.point], site=question.candidates[b.site].key,
            people=int(problem.heads[b.point]), rule=b.rule, measured=b.measured, limit=b.limit,
        )
        for b in result.breaches
    ]  # fmt: skip
    spots = [
        Spot(
            round(float(question.lon[k]), 5), round(float(question.lat[k]), 5),
            int(problem.heads[k]), "",
        )
        for k in range(problem.points)
    ]  # fmt: skip
    return Siting(
        method="certified",
        question=problem.digest(),
        cost=result.cost,
        bound=result.certificate.bound,
        solver_bound=result.solver_bound,
        components=result.components,
        proven=result.proven,
        complete=result.complete,
        multipliers=result.certificate.multipliers.tolist(),
        counted=[] if counts is None else counts.group.tolist(),
        count_prices=[]
        if counts is None
        else list(zip(counts.site.tolist(), counts.lane.tolist(), strict=True)),
        cases=Proven.of(result.certificate.cases),
        points=problem.points,
        options=[c for j, c in enumerate(question.candidates) if j not in chosen] + question.shut,
        spots=spots,
        outside=outside,
        beyond=sorted({b.point for b in result.breaches}),
        given=sum(not c.made for c in (*question.candidates, *question.shut)),
        unplaced=unplaced,
        walk_m=rules.walk_m,
        heads_per_site=rules.heads_per_site,
        heads_per_lane=rules.heads_per_lane,
        limit_price=result.certificate.limit,
        prices={
            name: getattr(problem.prices, name)
            for name in ("site", "lane", "walk_km", "visit", "visit_head", "outside_head")
        },
    )
