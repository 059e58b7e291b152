"""Counting and issuing: `solve(problem, params, seed, stop) → Result`. Nothing is drawn by chance."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from yingjian.engines.asking import Stop, never
from yingjian.engines.kits.model import (
    LABEL,
    SWAB,
    TOP,
    TUBE,
    Ask,
    Counts,
    Issue,
    Line,
    Problem,
    Result,
    Shortage,
    Site,
    chain,
    validate,
)


@dataclass(frozen=True, slots=True)
class Params:
    """Counting has nothing to tune."""


DEFAULTS = Params()


@dataclass
class _Need:
    quantity: int = 0
    why: tuple[str, ...] = ()

    def add(self, quantity: int, why: str) -> None:
        if quantity > 0:
            self.quantity += quantity
            self.why = (*self.why, why)

    def least(self, quantity: int, why: str) -> None:
        """At least so many: a kit that holds more is left as it is."""
        if self.quantity < quantity:
            self.quantity = quantity
            self.why = (*self.why, why)


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never
) -> Result:
    """Packing lists, issues from stores, shortages. Raises `KitsError` where it has no meaning."""
    validate(problem)
    needs = [_site(problem, site) for site in problem.sites]
    _share_stated(problem, needs)
    lines = [
        Line(s, item, need.quantity, need.why)
        for s, goods in enumerate(needs)
        for item, need in sorted(goods.items())
        if need.quantity
    ]
    issues: list[Issue] = []
    missing: list[Shortage] = []
    asks: list[Ask] = []
    for item in sorted({line.item for line in lines}):
        wanted = {line.site: line.quantity for line in lines if line.item == item}
        own, asked = _issue(problem, item, wanted)
        issues += own
        asks += asked
        missing += [
            Shortage(s, item, left, problem.sites[s].opens - problem.lead)
            for s, left in sorted(wanted.items())
            if left
        ]
    return Result(lines, issues, missing, asks)


def _site(problem: Problem, site: Site) -> dict[str, _Need]:
    norms = problem.norms
    found: dict[str, _Need] = defaultdict(_Need)

    def take(prefix: str, goods: Counts, times: int) -> None:
        for item, count in goods.items():
            found[item].add(count * times, f"{prefix}.{item}")

    places, counted = 0 if site.moving else 1, {TUBE, SWAB, LABEL, *norms.tube_item.values()}
    daily = {i: n for i, n in norms.group_day.items() if not (site.moving and i in counted)}
    take("kits.site", norms.site, places)
    take("kits.lane", norms.lane, site.lanes)
    take("kits.group_day", daily, site.groups * site.days)
    for kind in problem.weather:
        per_site, per_lane = norms.weather[kind]
        take(f"kits.weather.{kind}.site", per_site, places)
        take(f"kits.weather.{kind}.lane", per_lane, site.lanes)
    for job, shifts in sorted(site.shifts.items()):
        take(f"ppe.{job}", norms.shift.get(job, {}), shifts)
    tubes: dict[str, int] = defaultdict(int)
    for size, count in sorted(site.tubes.items()):
        tubes[norms.tube_item.get(size, TUBE)] += count
    for item, count in [*tubes.items(), (SWAB, site.people), (LABEL, sum(tubes.values()))]:
        found[item].least(spare(count, norms.reserve), "supplies.reserve_share")
    return found


def spare(count: int, reserve: float) -> int:
    """A count with its reserve, rounded up."""
    return math.ceil(count * (1 + reserve) - 1e-9)


def _share_stated(problem: Problem, needs: list[dict[str, _Need]]) -> None:
    """Share each stated total among sites: by what they would need, else by shifts, else evenly."""
    for item, total in problem.norms.stated.items():
        weights = [goods[item].quantity for goods in needs]
        if not any(weights):
            weights = [sum(site.shifts.values()) for site in problem.sites]
        if not any(weights):
            weights = [1] * len(needs)
        for goods, quantity in zip(needs, shared(total, weights), strict=True):
            goods[item] = _Need(quantity, (f"kits.round.{item}",))


def shared(total: int, weights: list[int]) -> list[int]:
    """`total` in whole parts proportional to `weights`, largest remainders first; ties: the first."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    rest = sorted(range(len(weights)), key=lambda k: (-(total * weights[k] % whole), k))
    for k in rest[: total - sum(parts)]:
        parts[k] += 1
    return parts


def _issue(problem: Problem, item: str, wanted: dict[int, int]) -> tuple[list[Issue], list[Ask]]:
    """From the own store, then from those above, level by level; `wanted` is reduced.

    Stores stand in a tree, so serving the nearest first leaves the least missing in all. Where a
    store has too little, its sites share in proportion.
    """
    chains = {s: chain(problem, problem.sites[s].store) for s in wanted}
    depth = max(len(own) for own in chains.values())
    left = {k: store.stock.get(item, 0) for k, store in enumerate(problem.stores)}
    issues: list[Issue] = []
    passed: dict[int, int] = defaultdict(int)
    for level in range(depth):
        for k in range(len(problem.stores)):
            sites = [s for s, own in chains.items() if level < len(own) and own[level] == k]
            sites = [s for s in sites if wanted[s]]
            passed[k] += sum(wanted[s] for s in sites)
            give = min(left[k], sum(wanted[s] for s in sites))
            for s, part in zip(sites, shared(give, [wanted[s] for s in sites]), strict=True):
                if part:
                    issues.append(Issue(k, s, item, part))
                    wanted[s] -= part
            left[k] -= give
    asks = [
        Ask(k, store.above, item, passed[k], store.stock.get(item, 0))
        for k, store in enumerate(problem.stores)
        if store.above != TOP and passed[k] > problem.threshold * store.stock.get(item, 0)
    ]
    return issues, asks


@dataclass(frozen=True, slots=True)
class Support:
    """So much of a task goes from one unit to the one above it."""

    unit: int
    above: int
    amount: int


def support(
    tasks: list[int], most: list[int], above: list[int], threshold: float
) -> tuple[list[Support], Mapping[int, int]]:
    """Three-level support (R80): a unit whose day's task exceeds the threshold of its day's maximum
    passes the excess to the level above, which may pass it on. (Passed on, left at the top by unit.)

    Units stand in a tree (`above`, `TOP` at the root). Works for people, tubes and goods alike.
    """
    load = list(tasks)
    depth = [_depth(above, unit) for unit in range(len(tasks))]
    passed: list[Support] = []
    left: dict[int, int] = {}
    for unit in sorted(range(len(tasks)), key=lambda u: (-depth[u], u)):
        excess = load[unit] - math.floor(threshold * most[unit] + 1e-9)
        if excess <= 0:
            continue
        if above[unit] == TOP:
            over = load[unit] - most[unit]  # at the top the whole maximum is used
            if over > 0:
                left[unit] = over
        else:
            passed.append(Support(unit, above[unit], excess))
            load[above[unit]] += excess
            load[unit] -= excess
    return passed, left


def _depth(above: list[int], unit: int) -> int:
    steps = 0
    while above[unit] != TOP and steps <= len(above):
        unit, steps = above[unit], steps + 1
    return steps
