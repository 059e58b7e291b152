"""One component on its way to a plan and a proof: the passes over it, each by itself.

A first plan with multipliers; search guided by them; proof of a small component and better
multipliers, then more search, on a large one. `solve` takes all components through one pass before
the next begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from yingjian.engines.asking import Ints, Stop, never
from yingjian.engines.siting.cases import Leaf, divide
from yingjian.engines.siting.columns import Pool, prove, tighten
from yingjian.engines.siting.counts import Counted, price_counts
from yingjian.engines.siting.dual import Ascent, climb, start
from yingjian.engines.siting.exchange import exchange, roomy
from yingjian.engines.siting.likely import WAYS, dense, likeliest
from yingjian.engines.siting.model import Params
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.patches import mend
from yingjian.engines.siting.restrict import Margins, margins, recombine
from yingjian.engines.siting.rooms import other_rooms
from yingjian.engines.siting.search import NOBODY, Solution, by_worth, cost_of, empty, walk


@dataclass(slots=True)
class Part:
    """One component on its way."""

    net: Network
    ascent: Ascent
    solution: Solution
    bound: int
    """Best bound known, solvers trusted."""
    proven: bool = False
    counted: Counted | None = None
    """Multipliers with prices on counts, the best found."""
    idle: int = 0
    """Searches (`among`) that found nothing, one after the other."""
    calm: bool = False
    """The last sweep found nothing cheaper."""
    trials: int = 0
    """Proofs by the exact model tried in vain."""
    steady: bool = False
    """Columns raise the bound no more."""
    tried: list[Ints] = field(default_factory=list)
    """Sets of sites packed already (`rooms`)."""
    leaves: list[Leaf] = field(default_factory=list)
    """Cases by totals of sites and lanes; empty where they prove no more."""
    fallen: tuple[float, Margins] | None = None
    """Margins under the multipliers that prove this bound."""

    def best(self) -> Counted:
        """What proves most: multipliers, with prices on counts or without."""
        plain = Counted(self.ascent.best, -self.ascent.limit, 0, self.ascent.bound)
        if self.counted is None or self.counted.bound <= plain.bound:
            return plain
        return self.counted

    def divided(self) -> int:
        """What the cases prove, 0 without."""
        return int(min((leaf.bound for leaf in self.leaves), default=0.0))

    def margins(self) -> Margins:
        """What each choice costs the best bound proven by multipliers."""
        best = self.best()
        if self.fallen is None or self.fallen[0] != best.bound:
            self.fallen = (best.bound, margins(self.net, best))
        return self.fallen[1]

    def tight(self, share: float) -> bool:
        """Whether the open sites are nearly full: packing, not placing, is what is hard."""
        sites = self.solution.site[self.solution.site != NOBODY]
        room = int(self.net.room[np.unique(sites)].sum())
        return int(self.net.heads[self.solution.site != NOBODY].sum()) > share * room


def begin(net: Network) -> Part:
    outside = empty(net)
    part = Part(net, start(net), outside, 0)
    if not len(net.s_point):  # nobody can walk anywhere from here
        part.bound, part.proven = outside.cost, True
    return part


def first(parts: list[Part], params: Params, seed: int, stop: Stop) -> None:
    for number, part in enumerate(parts):
        if part.proven:
            continue
        steps = params.least_steps // 4 + 2 * len(part.net.points)
        search(part, params, steps, seed * 7919 + number, never)
        if not stop():
            climb(part.net, part.ascent, part.solution.cost, params.dual_rounds, False, stop)
        account(part)


def search(
    part: Part, params: Params, steps: int, seed: int, stop: Stop, *, swaps: bool = False,
    net: Network | None = None,
) -> None:  # fmt: skip
    """Search in slices so that a stop is heard; the temperatures run over the whole of it.

    `net`: fewer pairs of the part's, among which the plan is and stays.
    """
    if part.proven:
        return
    if part.net.limited and roomy(part.net):
        part.solution = exchange(part.net, part.solution, 1 + steps // EXCHANGED, seed, stop)
        account(part)
        return
    hot, cold = params.hot, params.cold
    slices = max(1, steps // (TIGHT_SLICE if swaps else SLICE))
    net = part.net if net is None else net
    current, order = part.solution, by_worth(net, part.ascent.best)
    for k in range(slices):
        if (k or swaps) and stop():
            break
        high, low = (hot * (cold / hot) ** (t / slices) for t in (k, k + 1))
        part.solution, current = walk(
            net, part.solution, current, part.ascent.best, steps=steps // slices,
            ruined=params.ruined, hot=high, cold=low, seed=(seed * 31 + k) % 2**32, swaps=swaps,
            limit=part.ascent.limit, order=order,
        )  # fmt: skip
    account(part)


def among(
    part: Part, params: Params, steps: int, seed: int, stop: Stop, *, ways: int = WAYS
) -> bool:
    """`search` with points that swap places where rows are long, for about as long among so many likeliest
    pairs a point, or only so many sites are opened: one is opened only as another closes, which takes many steps.

    Whether it was so. Not as hot where a point costs little: then no site is worth the temperature.
    """
    net = part.net
    if part.proven or not params.arcs or roomy(net) or not (net.limited or dense(net)):
        return False
    few = likeliest(net, part.margins().pair, part.solution, ways) if dense(net) else net
    mean = part.solution.cost / len(net.points)
    cooler = replace(params, hot=min(params.hot, HOT * mean), cold=min(params.cold, COLD * mean))
    steps = max(LEAST, steps * (len(net.s_point) // len(few.s_point)))
    search(part, cooler, steps, seed, stop, swaps=True, net=few)
    return True


HOT, COLD = 4.0, 0.03
"""Temperatures there at most, as a share of what a point costs on the average."""
LEAST = 4_000
"""Fewest steps of such a search."""
EXCHANGED = 20
"""Search steps that one shaking of the sites chosen stands for."""
SLICE = 4_000
"""Search steps between two looks at the stop (about half a second)."""
TIGHT_SLICE = 1_000
"""The same where points swap places."""


def exact(part: Part, params: Params, seed: int, stop: Stop) -> None:
    """Exact knapsacks for everybody; small components to proof."""
    if part.proven or stop():
        return
    net = part.net
    climb(net, part.ascent, part.solution.cost, params.exact_rounds, True, stop)
    account(part)
    _count(part, params, stop)
    if part.proven or len(net.points) > params.exact_points:
        return
    pool = Pool()
    _tighten(part, pool, params, stop)
    steps = params.least_steps + 4 * params.steps_per_point * len(net.points)
    if not among(part, params, steps, seed, stop):
        search(part, replace(params, hot=HOTTER * params.hot), steps, seed, stop, swaps=True)
    _columns(part, pool, params, params.columns, stop)
    if not part.tight(params.tight):  # else HiGHS is slow before a good plan is known
        _packed(part, params, params.mip_nodes // 10, stop)
        _whole(part, params, params.mip_nodes // 10, stop)
    if (
        len(net.points) <= params.case_points
        and part.solution.cost - part.bound > WIDE * part.solution.cost
    ):
        _divide(part, pool, params, stop)


WIDE = 0.01
"""A gap, as a share of a part's cost, from which cases are worth their time before the sweeps."""
HOTTER = 10.0
"""By how much a search that also packs lanes anew begins hotter."""


def _columns(part: Part, pool: Pool, params: Params, most: int, stop: Stop) -> None:
    """Whole sites chosen anew by HiGHS, among all that a better plan could have or the likeliest."""
    if part.proven or stop():
        return
    pool.add_solution(part.net, part.solution)
    part.solution, bound = prove(
        part.net, part.solution, part.best(), most, params.mip_nodes, stop=stop,
        pool=None if params.arcs else pool,  # else the likeliest are `_packed`'s
    )  # fmt: skip
    part.bound = max(part.bound, bound)
    account(part)


def _packed(part: Part, params: Params, nodes: int, stop: Stop) -> None:
    """The exact model over the likeliest choices."""
    if part.proven or not params.arcs or stop():
        return
    most = min(params.arcs, LIKELY * len(part.net.points))
    found = part.margins()
    width = part.solution.cost - part.best().bound
    if len(found.pair) > most:
        width = min(width, float(np.partition(found.pair, most)[most]))
    _recombined(part, width, nodes, stop)


def _whole(part: Part, params: Params, nodes: int, stop: Stop) -> None:
    """The exact model over all that a better plan could choose, where that is little enough: a proof."""
    if part.proven or not params.arcs or stop():
        return
    most = params.arcs * (LOOSE if roomy(part.net) else 1)
    gap = part.solution.cost - part.best().bound
    if int((part.margins().pair <= gap).sum()) <= most:
        _recombined(part, gap, nodes, stop)


def _recombined(part: Part, width: float, nodes: int, stop: Stop) -> None:
    part.solution, bound, _ = recombine(
        part.net, part.solution, part.best(), part.margins(), width, nodes=nodes, stop=stop
    )
    part.bound = max(part.bound, int(np.ceil(bound - 0.5)))
    account(part)


def _rooms(part: Part, params: Params, seed: int, stop: Stop) -> None:
    """Other rooms, chosen as if points could be divided, then packed."""
    if not params.arcs or len(part.net.s_point) > LOOSE * params.arcs:
        return
    part.solution, bound = other_rooms(
        part.net, part.solution, part.best(), part.margins(), part.tried,
        nodes=params.mip_nodes // 4, seed=seed, stop=stop,
    )  # fmt: skip
    part.bound = max(part.bound, int(np.ceil(bound - 0.5)))
    account(part)


LOOSE = 10
"""So many times the pairs may be left where nothing has to be packed."""
LIKELY = 4
"""Pairs for each point among the likeliest."""


def _count(part: Part, params: Params, stop: Stop) -> None:
    """Prices on the whole number of sites and lanes, from the best multipliers."""
    if part.proven or part.net.limited or stop():
        return
    counted = price_counts(
        part.net, part.ascent, part.solution.cost, params.count_rounds, params.exact_rounds, stop
    )
    if counted.bound > max(part.ascent.bound, part.counted.bound if part.counted else 0.0):
        part.counted = counted
    account(part)


def again(part: Part, params: Params, seed: int, sweep: int, stop: Stop) -> None:
    """Better multipliers, then search anew from the best plan; nearly full rooms are packed exactly."""
    pool = Pool()
    if not part.steady:
        pool.add_solution(part.net, part.solution)
        _tighten(part, pool, params, stop)
    if not part.leaves:
        _divide(part, pool, params, stop)
    tight = part.tight(params.tight)
    known = part.solution
    each = 3 * params.steps_per_point * len(part.net.points)
    longer, ways = params.least_steps + (1 + sweep) * each, WAYS * (1 + (sweep + 1) % 2)
    sought = among(part, params, longer, seed, stop, ways=ways)  # the first, in `exact`, had fewer
    if not tight:
        _packed(part, params, params.mip_nodes * (1 + sweep) // 10, stop)
    if part.proven:
        return
    if not sought:
        known, longer = part.solution, 1 if tight else 1 + sweep
        if sweep % 2 and tight:  # another choice of sites altogether
            part.solution = empty(part.net)
        search(part, params, params.least_steps + longer * each, seed, stop, swaps=tight)
    elif tight and _hopeful(part, known):
        return
    if tight and not stop():
        _rooms(part, params, seed, stop)
    _prove(part, known, params, stop)
    if tight and not (part.proven or stop()):
        proof = part.best()
        part.solution = mend(
            part.net, part.solution, proof, part.margins(), params.patches, seed=seed, stop=stop
        )
    if known.cost < part.solution.cost:
        part.solution = known
    account(part)
    if tight and sweep % 2:
        _packed(part, params, params.mip_nodes * (1 + sweep) // 10, stop)
    part.calm = part.solution.cost == known.cost


def _hopeful(part: Part, known: Solution) -> bool:
    """Whether the next search may find more: HiGHS is slow where much is to be gained, so it waits."""
    part.calm = part.solution.cost == known.cost
    part.idle = part.idle + 1 if part.calm else 0
    return part.idle < IDLE


def _prove(part: Part, known: Solution, params: Params, stop: Stop) -> None:
    """A proof by the exact model from the best plan, `known` or the part's: where little is left open
    at once, else after a sweep that found nothing; each time with twice the nodes.
    """
    if part.proven or not params.arcs or stop():
        return
    other = part.solution
    if known.cost < other.cost:
        part.solution = known
    gap = part.solution.cost - part.best().bound
    if part.calm or int((part.margins().pair <= gap).sum()) <= params.arcs // FEW:
        part.trials = min(part.trials + 1, MOST_TRIALS)
        _whole(part, params, params.mip_nodes << part.trials, stop)
    if part.solution is known and not part.proven:
        part.solution = other


IDLE = 4
"""After so many searches that found nothing HiGHS is asked."""
FEW = 2
"""Of the pairs the exact model may have, one in so many is little."""
MOST_TRIALS = 20
"""Proofs tried after which the nodes are doubled no more."""


def _tighten(part: Part, pool: Pool, params: Params, stop: Stop) -> None:
    """Better multipliers and prices by columns; those without prices guide the search too."""
    if roomy(part.net):  # nothing to pack: multipliers alone get as far as columns
        before = part.ascent.bound
        for _ in range(params.column_rounds):
            account(part)
            if part.proven or stop():
                return
            climb(part.net, part.ascent, part.solution.cost, params.dual_rounds, False, stop)
            part.steady = part.ascent.bound - before <= STEADY * before
            if part.steady:
                return
            before = part.ascent.bound
        return
    known = part.best()
    found = tighten(part.net, known, pool, params.column_rounds, stop)
    part.steady = not stop() and found.bound - known.bound <= STEADY * known.bound
    if found.bound <= known.bound:
        return
    part.counted = found
    if found.site <= 0 and not found.lane:
        part.ascent.best[:] = found.u
        part.ascent.bound, part.ascent.limit = found.bound, -found.site


def _divide(part: Part, pool: Pool, params: Params, stop: Stop) -> None:
    """Cases by whole totals of sites and lanes and by single sites, kept where they prove more."""
    small = 1 < len(part.net.points) <= params.exact_points
    if part.proven or not small or not params.cases or part.net.limited:
        return
    goal = part.solution.cost
    leaves = divide(
        part.net,
        part.ascent.best,
        pool,
        goal,
        most=params.cases,
        rounds=params.column_rounds,
        stop=stop,
    )
    if min(leaf.bound for leaf in leaves) > part.best().bound:
        part.leaves = leaves
    for leaf in leaves:
        if leaf.plan is not None and cost_of(part.net, leaf.plan) < part.solution.cost:
            part.solution = Solution(leaf.plan, cost_of(part.net, leaf.plan))
    account(part)


STEADY = 1e-6
"""A share by which the bound must rise for columns to be tried again."""


def account(part: Part) -> None:
    """Costs are whole, so a bound may be rounded up; half a unit allows for float sums."""
    grain = part.net.grain
    bound = max(part.bound, int(np.ceil(part.best().bound - 0.5)), part.divided())
    part.bound = -(-bound // grain) * grain
    part.bound = min(part.bound, part.solution.cost)
    part.proven = part.solution.cost - part.bound <= max(2, part.solution.cost * 1e-6)
