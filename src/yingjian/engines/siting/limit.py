"""At most so many sites among components that share nothing else: one price for each site opened.

With every site dearer by the price, the components are free of each other again, and what their
bounds prove together, less the price times the limit, is a bound for all plans that keep the limit:
a concave function of one number. Each component's plans are kept by how many sites they open; which
of them to take, so that together they open no more than allowed, is chosen exactly. A price under
which too many sites open and one under which too few do leave the choice little to lose.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.asking import Ints, Stop, never
from yingjian.engines.siting import parts as passing
from yingjian.engines.siting.dual import Ascent, climb
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.parts import Part
from yingjian.engines.siting.passes import Crew, Run, Told
from yingjian.engines.siting.search import NOBODY, Solution, empty


@dataclass(frozen=True, slots=True)
class Proof:
    """What the parts prove where each site is dearer by `price`."""

    parts: list[Part]
    price: int = 0
    most: int = 0

    @property
    def bound(self) -> int:
        """Solvers trusted."""
        return sum(part.bound for part in self.parts) - self.price * self.most


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan of each part, in the order of the proof's parts."""

    proof: Proof
    plans: list[Solution]

    @property
    def proven(self) -> int:
        """Parts whose plan is proven the cheapest with at most so many sites as it opens."""
        price = self.proof.price
        return sum(
            part.proven and plan.cost + price * sites_of(plan) <= part.solution.cost
            for part, plan in zip(self.proof.parts, self.plans, strict=True)
        )


def sites_of(plan: Solution) -> int:
    """How many sites a plan opens."""
    return len(np.unique(plan.site[plan.site != NOBODY]))


class Known:
    """The cheapest plan known of each part for each number of sites, at the sites' own prices."""

    def __init__(self, nets: list[Network]) -> None:
        self.nets = nets
        self.plans: list[dict[int, Solution]] = [{0: empty(net)} for net in nets]

    def keep(self, parts: list[Part], price: int) -> int:
        """Keep the parts' plans, made with each site dearer by `price`; how many sites they open."""
        total = 0
        for plans, part in zip(self.plans, parts, strict=True):
            count = sites_of(part.solution)
            cost = part.solution.cost - price * count
            if count not in plans or cost < plans[count].cost:
                plans[count] = Solution(part.solution.site.copy(), cost)
            total += count
        return total

    def at(self, n: int, price: int) -> Solution:
        """The part's cheapest plan where each site is dearer by `price`."""
        count, plan = min(self.plans[n].items(), key=lambda known: known[1].cost + price * known[0])
        return Solution(plan.site.copy(), plan.cost + price * count)

    def within(self, most: int) -> list[Solution]:
        """One plan of each part: together the cheapest that open at most so many sites."""
        options = [sorted(plans.items()) for plans in self.plans]
        options = [[(k, plan) for k, plan in each if k <= most] for each in options]
        best = np.zeros(most + 1, dtype=np.int64)
        picked = np.zeros((len(options), most + 1), dtype=np.int16)
        for n, each in enumerate(options):
            now = np.full(most + 1, np.iinfo(np.int64).max)
            for at, (count, plan) in enumerate(each):
                with_it = np.full(most + 1, np.iinfo(np.int64).max)
                with_it[count:] = best[: most + 1 - count] + plan.cost
                picked[n][with_it < now] = at
                now = np.minimum(now, with_it)
            best = now
        left, chosen = most, []
        for n in reversed(range(len(options))):
            count, plan = options[n][int(picked[n, left])]
            chosen.append(plan)
            left -= count
        return chosen[::-1]


def limited(parts: list[Part], most: int, run: Run) -> Answer:
    """Plans that open at most `most` sites together, and their proof.

    As if any number might first: where that keeps the limit it is the answer. An early stop leaves the plans
    of short searches, which keep the limit too.
    """
    free, told = Proof(parts), Told(parts, run.watch)
    run.begin(parts)
    told("first", 0, 1, 1)
    run.search(parts, told)
    known = Known([part.net for part in parts])
    if known.keep(parts, 0) <= most:
        run.sweep(parts, told)
        told("done", 0, 1, 1)
        if known.keep(parts, 0) <= most:
            return Answer(free, [part.solution for part in parts])
    proof = _bracketed(free, known, most, run)
    told = Told(proof.parts, run.watch, proof.price * most)
    run.search(proof.parts, told)
    known.keep(proof.parts, proof.price)
    run.sweep(proof.parts, told)
    known.keep(proof.parts, proof.price)
    plans = known.within(most)
    plans = _spent(proof, known, plans, most, run)
    told("done", 0, 1, 1)
    return Answer(max(free, proof, key=lambda one: one.bound), plans)


def _bracketed(free: Proof, known: Known, most: int, run: Run) -> Proof:
    """Short searches under rising, then nearer prices; the one whose count of sites is nearest.

    Whatever the stop says, prices rise until a plan keeps the limit.
    """
    low, over = 0, sum(sites_of(part.solution) for part in free.parts) - most
    high, under = 0, 0
    grain = max(net.grain for net in known.nets)
    price = max(1, _usual(known.nets) // FIRST)
    useless = 1 + max(int(net.outside.sum()) for net in known.nets)  # no site is worth as much
    best, miss, proof = free, over, free
    turn = 0
    while turn < TRIES or not high:
        turn += 1
        stop = run.stop if high else never
        if stop():
            break
        price = -(-price // grain) * grain
        proof = Proof(_tried(proof, known, price, replace(run, stop=stop), turn), price, most)
        left = known.keep(proof.parts, price) - most
        if abs(left) <= abs(miss):
            best, miss = proof, left
        if left > 0:
            low, over = price, left
        else:
            high, under = price, left
        if high and abs(left) <= NEAR * most:
            break
        if not high:
            price = min(useless, low * (STEEP if turn > STEADY else 2))
            continue
        share = min(0.9, max(0.1, over / (over - under)))
        price = low + int(share * (high - low))
        if price in {low, high}:
            break
    return best


TRIES = 8
"""Most prices tried by short searches, once one is high enough."""
FIRST = 8
"""The first is what opening a site usually costs over so much."""
STEADY, STEEP = 2, 8
"""After so many that were too low each is so many times as high, not twice."""
NEAR = 0.005
"""So near a share of the limit the count of sites is near enough."""


def _usual(nets: list[Network]) -> int:
    """What opening a site with a lane costs on the average, what serving a point outside does where that
    is nothing.
    """
    each = np.concatenate([net.price for net in nets])
    outside = np.concatenate([net.outside for net in nets])
    mean = int(each.mean()) + nets[0].lane_price if len(each) else 0
    return mean or int(outside.mean())


def _spent(
    proof: Proof, known: Known, plans: list[Solution], most: int, run: Run
) -> list[Solution]:
    """The largest parts searched again with as many sites as they have, and those left over."""
    spare = most - sum(sites_of(plan) for plan in plans)
    order = sorted(range(len(plans)), key=lambda n: -len(plans[n].site))
    seeds = run.seeds(proof.parts)
    for n in order[:LARGEST]:
        if run.stop():
            break
        part, net = proof.parts[n], known.nets[n]
        held = replace(net, most=sites_of(plans[n]) + spare)
        inner = Part(held, replace(part.ascent, limit=proof.price), plans[n], 0)
        steps = run.params.least_steps + run.params.steps_per_point * len(net.points)
        passing.search(inner, run.params, steps, seeds[n] + 5, run.stop)
        if inner.solution.cost < plans[n].cost:
            spare -= sites_of(inner.solution) - sites_of(plans[n])
            plans[n] = inner.solution
    return plans


LARGEST = 3
"""Parts searched again within the limit."""


def _tried(proof: Proof, known: Known, price: int, run: Run, turn: int) -> list[Part]:
    """The parts with each site dearer by `price`, after a short search."""
    parts = [
        dearer(part, net, known.at(n, price), price, proof.price)
        for n, (part, net) in enumerate(zip(proof.parts, known.nets, strict=True))
    ]
    params, seeds = run.params, run.seeds(parts)

    def short(n: int, stop: Stop) -> None:
        part = parts[n]
        climb(part.net, part.ascent, part.solution.cost, params.dual_rounds // 4, False, stop)
        steps = params.least_steps // 4 + 2 * len(part.net.points)
        passing.search(part, params, steps, seeds[n] + 7 * turn, stop)

    Crew(parts, params.workers, run.stop).each(short, lambda _: None)
    return parts


def dearer(part: Part, net: Network, plan: Solution, price: int, was: int) -> Part:
    """A part begun anew with each site of `net` dearer by `price`: from a plan, and from multipliers under
    the price that was.
    """
    more: Ints = np.rint(net.heads * ((price - was) / net.site_heads)).astype(np.int64)
    u = np.clip(part.ascent.best + more, 0.0, net.outside.astype(float))
    ascent = Ascent(u, u.copy(), 0.0, part.ascent.order.copy())
    asked = Part(replace(net, price=net.price + price), ascent, plan, 0)
    if not len(net.s_point):
        asked.bound, asked.proven = plan.cost, True
    return asked
