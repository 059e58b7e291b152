"""Whole sites as columns: the linear program over them, and the model that recombines them.

A column is one candidate with the points it takes. Choosing columns that cover everybody is a set
cover whose linear relaxation equals the best bound any multipliers can prove; its dual prices are
excellent multipliers, and its integer solution over columns found so far recombines the good sites
of many plans. HiGHS solves both. Nothing here is trusted: prices are only multipliers (`check`
recomputes the bound), and a chosen cover is costed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import highspy
import numpy as np
from numpy.typing import NDArray

from yingjian.engines.asking import Flags, Floats, Ints, Stop
from yingjian.engines.jit import compiled
from yingjian.engines.linear import LinearError, Model
from yingjian.engines.siting.counts import Counted, caps, constant, counts_of
from yingjian.engines.siting.dual import fits_all, knapsack, take_all
from yingjian.engines.siting.network import Network
from yingjian.engines.siting.search import NOBODY, Solution, by_worth, cost_of

SCALE = 1e6
"""Costs inside HiGHS are staff-days."""
FREE = 1e9
"""Upper bound of a variable that has none."""
VISITS = 2_000_000
"""Most nodes one enumeration looks at before it gives up."""
HALF = 0.5
"""A whole number's variable is 0 or 1 but for rounding."""


@dataclass(slots=True)
class Pool:
    """Columns of one component: site, cost, and the points taken (`first[k]:first[k+1]`)."""

    site: list[int] = field(default_factory=list)
    cost: list[int] = field(default_factory=list)
    taken: list[Ints] = field(default_factory=list)
    known: set[tuple[int, bytes]] = field(default_factory=set)

    def add(self, net: Network, site: int, points: Ints) -> bool:
        """Keep a column unless it is known; `points` ascending."""
        key = (site, points.tobytes())
        if key in self.known:
            return False
        self.known.add(key)
        self.site.append(site)
        self.cost.append(column_cost(net, site, points))
        self.taken.append(points)
        return True

    def add_all(self, other: Pool) -> None:
        """Keep another pool's columns of the same component."""
        for site, cost, taken in zip(other.site, other.cost, other.taken, strict=True):
            key = (site, taken.tobytes())
            if key not in self.known:
                self.known.add(key)
                self.site.append(site)
                self.cost.append(cost)
                self.taken.append(taken)

    def add_solution(self, net: Network, solution: Solution) -> None:
        """Keep every open site of a solution."""
        order = np.argsort(solution.site, kind="stable")
        sites, first = np.unique(solution.site[order], return_index=True)
        for site, points in zip(sites, np.split(order, first[1:]), strict=True):
            if site != NOBODY:
                self.add(net, int(site), np.sort(points).astype(np.int64))


def column_cost(net: Network, site: int, points: Ints) -> int:
    """Opening, lanes and walks of one site taking `points`."""
    row = slice(int(net.s_ptr[site]), int(net.s_ptr[site + 1]))
    walks = net.s_cost[row][np.searchsorted(net.s_point[row], points)]
    lanes = -(-int(net.heads[points].sum()) // net.lane_heads)
    return int(net.price[site]) + lanes * net.lane_price + int(walks.sum())


class Cover:
    """The set cover of one component inside HiGHS; grows by columns.

    Besides covering everybody it has at least the least number of sites and lanes (`counts`), and at
    most the most sites. Its
    dual prices are held in a box around the best known: without it they swing wildly (measured: 10
    rounds and 80 s without progress; with it, the optimum in 30 rounds).
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        self.n, self.m = len(net.points), len(net.sites)
        self.size = 0
        self.highs = quiet()
        inf = highspy.kHighsInf
        sites, lanes = counts_of(net)
        lower = np.concatenate((np.ones(self.n), np.full(self.m, -inf), [sites.least, lanes.least]))
        most = net.most if net.limited else inf
        upper = np.concatenate((np.full(self.n, inf), np.ones(self.m), [most, inf]))
        none = np.zeros(0, dtype=np.int32)
        rows = self.n + self.m + 2
        self.highs.addRows(rows, lower, upper, 0, np.zeros(rows, np.int32), none, np.zeros(0))
        each = np.concatenate((np.arange(self.n), [rows - 2, rows - 1]))
        count = np.arange(len(each))
        add_columns(self.highs, np.zeros(len(each)), count, each, np.ones(len(each)), FREE)
        add_columns(self.highs, np.zeros(len(each)), count, each, -np.ones(len(each)), FREE)
        stay = np.stack(
            (np.arange(self.n), np.full(self.n, rows - 2), np.full(self.n, rows - 1)), 1
        )
        parts = np.stack((np.ones(self.n), net.heads / sites.left, net.heads / lanes.left), axis=1)
        add_columns(
            self.highs, net.outside / SCALE, 3 * np.arange(self.n), stay.reshape(-1),
            parts.reshape(-1), FREE,
        )  # fmt: skip

    def grow(self, pool: Pool) -> None:
        """Take the pool's new columns in."""
        self.size = add_sites(self.highs, self.net, pool, self.size)

    def prices(self, centre: Counted, width: float, stop: Stop) -> tuple[float, Counted] | None:
        """(value, multipliers and prices on counts) within `width` (a share) of `centre`.

        None when HiGHS gives up or is stopped.
        """
        top = np.array([self.net.dearest_count, self.net.lane_price], dtype=float)
        counts = np.array([centre.site, centre.lane], dtype=float)
        high = np.concatenate(
            (centre.u * (1 + width) + 1000, np.minimum(counts + 2 * width * top, top))
        )
        low = np.concatenate((centre.u * (1 - width) - 1000, counts - 2 * width * top))
        low = np.maximum(0.0, low)
        if self.net.limited:
            high[-2] = max(0.0, centre.site + width * (abs(centre.site) + 1000))
            low[-2] = centre.site - width * (abs(centre.site) + 1000)
        box = np.concatenate((high, -low)) / SCALE
        self.highs.changeColsCost(len(box), np.arange(len(box), dtype=np.int32), box)
        if not solved(self.highs, stop):
            return None
        dual = np.asarray(self.highs.getSolution().row_dual) * SCALE
        least = min(0.0, dual[-2]) if self.net.limited else 0.0
        dual = np.maximum(dual, 0.0)
        site, lane = (min(int(p), int(t)) for p, t in zip(dual[-2:], top, strict=True))
        site = int(least) or site
        value = self.highs.getInfo().objective_function_value * SCALE
        return value, Counted(dual[: self.n], site, lane, 0.0)


def quiet() -> highspy.Highs:
    """A silent, single-threaded, seeded solver: the same model gives the same answer."""
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 1)):
        highs.setOptionValue(option, value)
    return highs


def solved(highs: highspy.Highs, stop: Stop) -> bool:
    """Whether HiGHS solves a linear program; the stop is asked every so many of its steps.

    HiGHS goes on from where it was, unless it was still at work on a simplified program: then the
    program is begun anew, as it is.
    """
    highs.setOptionValue("simplex_iteration_limit", ITERATIONS)
    while True:
        highs.run()
        status = highs.getModelStatus()
        if status != highspy.HighsModelStatus.kIterationLimit or stop():
            return bool(status == highspy.HighsModelStatus.kOptimal)
        highs.setOptionValue("presolve", "off")


ITERATIONS = 1_000
"""Steps of the simplex method between two looks at the stop."""


def add_columns(
    highs: highspy.Highs, cost: Floats, starts: Ints, rows: Ints, values: Floats, upper: float
) -> None:
    count = len(cost)
    highs.addCols(
        count, cost.astype(float), np.zeros(count), np.full(count, upper), len(rows),
        starts.astype(np.int32), rows.astype(np.int32), values,
    )  # fmt: skip


def add_sites(highs: highspy.Highs, net: Network, pool: Pool, known: int) -> int:
    """Columns of a pool from number `known` on: rows of their points, their site, and the totals of
    sites and lanes. How many there are now.
    """
    fresh = range(known, len(pool.site))
    if fresh:
        last = len(net.points) + len(net.sites)
        rows = [
            np.concatenate((pool.taken[k], [len(net.points) + pool.site[k], last, last + 1]))
            for k in fresh
        ]
        starts = np.concatenate(([0], np.cumsum([len(r) for r in rows])[:-1]))
        cost = np.array([pool.cost[k] for k in fresh]) / SCALE
        entries = np.concatenate(rows)
        values = np.ones(len(entries))
        ends = np.append(starts[1:], len(entries)) - 1
        heads = [int(net.heads[pool.taken[k]].sum()) for k in fresh]
        values[ends] = -(-np.array(heads) // net.lane_heads)
        add_columns(highs, cost, starts, entries, values, FREE)
    return len(pool.site)


WIDTH, NARROWEST = 0.04, 0.002
"""Half a side of the box, as a share of the multipliers: at first and at least."""
HELD = 0.1
"""Where the box's own optimum is this much nearer than the last step was long, the box is what holds
the bound back, and is made wider."""


def tighten(net: Network, best: Counted, pool: Pool, rounds: int, stop: Stop) -> Counted:
    """Raise the bound to the best multipliers and prices on counts can prove: column generation
    within a moving box. Gives back what proves most, `best` itself where nothing proves more.
    """
    cover, width = Cover(net), WIDTH
    price_columns(net, best, pool)
    for _ in range(rounds):
        if stop():
            break
        cover.grow(pool)
        answer = cover.prices(best, width, stop)
        if answer is None:
            break
        value, found = answer
        found.u = np.minimum(found.u, np.maximum(0.0, caps(net, found.site, found.lane)))
        found.bound, fresh = price_columns(net, found, pool)
        risen = found.bound - best.bound
        if risen > 0:
            best = found
            if not fresh or value - found.bound < HELD * risen:
                width = min(1.0, 2 * width)
        else:
            width = max(0.7 * width, NARROWEST)
        # without new columns this is the box's best: everybody's, once the box need not move on
        if risen < 1e-6 * value and not fresh:
            break
        if width >= 1.0 and value - best.bound < 1e-6 * value:
            break
    return best


def price_columns(full: Network, proof: Counted, pool: Pool) -> tuple[float, int]:
    """(bound proven, columns new to the pool); adds each site's best column that earns."""
    net, u = proof.discounted(full), proof.u
    reduced = np.zeros(len(net.sites))
    taken = np.zeros(len(net.s_point), dtype=np.bool_)
    best_columns(
        net.s_ptr, net.s_point, net.s_cost, net.heads, net.room, net.lane_heads, net.lane_price,
        net.price, u, reduced, taken,
    )  # fmt: skip
    fresh = 0
    for j in np.flatnonzero(reduced < -1.0):
        row = slice(int(net.s_ptr[j]), int(net.s_ptr[j + 1]))
        fresh += pool.add(full, int(j), net.s_point[row][taken[row]])
    bound = float(u.sum() + reduced.sum()) + constant(full, proof.site, proof.lane)
    return bound + float(np.minimum(0.0, caps(full, proof.site, proof.lane) - u).sum()), fresh


@compiled
def best_columns(
    s_ptr: Ints, s_point: Ints, s_cost: Ints, heads: Ints, room: Ints, lane_heads: int,
    lane_price: int, price: Ints, u: Floats, reduced: Floats, taken: Flags,
) -> None:  # fmt: skip
    """Exact reduced cost (at most 0) of every site, and which of its entries earn it."""
    order = np.arange(len(s_point))
    count = np.zeros(len(u))
    for j in range(len(s_ptr) - 1):
        a, b = s_ptr[j], s_ptr[j + 1]
        if fits_all(a, b, s_point, heads, min(room[j], lane_heads)):
            reduced[j], _ = take_all(a, b, s_point, s_cost, float(price[j] + lane_price), u, count)
        else:
            reduced[j], _ = knapsack(
                order, a, b, s_point, s_cost, heads, room[j], lane_heads, lane_price, price[j], u,
                count,
            )  # fmt: skip
        for e in range(a, b):
            if count[s_point[e]] > 0.0:
                taken[e] = True
                count[s_point[e]] = 0.0


def prove(
    net: Network, solution: Solution, proof: Counted, most: int, nodes: int, *, pool: Pool | None,
    stop: Stop,
) -> tuple[Solution, int]:  # fmt: skip
    """(best plan, bound) of a component, by choosing among every column that could be in it.

    In a plan cheaper than `proof.bound + width` no column's reduced cost (by the counts' prices too)
    exceeds its site's least by more than the width, so listing those columns is enough. The width is
    the gap; where that lists more than `most` and there is a `pool`, it is halved until it does not:
    then the answer is no proof but a good plan, `solution`'s own columns and the pool's being among
    the choices.
    """
    bound = int(np.ceil(proof.bound - 0.5))
    gap = width = solution.cost - proof.bound
    if gap < 1:
        return solution, bound
    listed = None
    for _ in range(HALVINGS):
        listed = _all_columns(net, proof, width + 1.0, most, stop)
        if listed is not None or stop() or pool is None:
            break
        width, most = width / 2, min(most, LIKELIEST * len(net.points))
    if stop() or (pool is None and listed is None):
        return solution, bound
    if listed is None:
        listed, width = Pool(), 0.0
    if width < gap and pool is not None:
        listed.add_solution(net, solution)
        listed.add_all(pool)
        nodes = max(1, nodes // 10)
    site, reached = _choose(net, listed, solution, nodes, stop)
    if width < gap:
        reached = min(reached, proof.bound + width)
    cost = cost_of(net, site)
    best = Solution(site, cost) if cost < solution.cost else solution
    # Stopped at its first step, HiGHS has proven nothing: minus infinity.
    return best, min(max(bound, int(np.ceil(max(reached, proof.bound) - 0.5))), best.cost)


HALVINGS = 8
"""How often the columns listed are made fewer before only known ones are combined."""
LIKELIEST = 10
"""Most columns for each point where not all that matter can be listed; HiGHS then looks at a tenth of
its nodes."""
MIP_GAP = 1e-6
"""Relative gap at which HiGHS may stop; allowed for in the bound reported."""


def _choose(
    net: Network, pool: Pool, known: Solution, nodes: int, stop: Stop
) -> tuple[Ints, float]:  # fmt: skip
    """(sites of the points in the cheapest partition found, bound over all partitions)."""
    n, m = len(net.points), len(net.sites)
    model = Model()
    out = model.add_columns(n, cost=net.outside / SCALE, high=1.0, whole=True)
    chosen = model.add_columns(
        len(pool.site), cost=np.array(pool.cost) / SCALE, high=1.0, whole=True
    )
    everybody = model.add_rows(n, low=1.0, high=1.0)
    once = model.add_rows(m, high=1.0)
    model.put(everybody, out, 1.0)
    sizes = [len(taken) for taken in pool.taken]
    model.put(everybody[np.concatenate([*pool.taken, NONE])], np.repeat(chosen, sizes), 1.0)
    model.put(once[np.array(pool.site, dtype=np.int64)], chosen, 1.0)
    if net.limited:
        model.put(model.add_rows(1, high=net.most), chosen, 1.0)
    start = np.zeros(model.columns)
    start[out] = known.site == NOBODY
    for k in range(len(pool.site)):
        here = known.site == pool.site[k]
        start[chosen[k]] = here.sum() == sizes[k] and bool(here[pool.taken[k]].all())
    try:
        answer = model.solve(nodes=nodes, relative_gap=MIP_GAP, start=start, stop=stop)
    except LinearError:
        return known.site, 0.0
    site = np.full(n, NOBODY, dtype=np.int64)
    for k in np.flatnonzero(answer.x[chosen] > HALF).tolist():
        site[pool.taken[k]] = pool.site[k]
    return site, answer.bound * SCALE * (1 - MIP_GAP)


NONE = np.zeros(0, dtype=np.int64)


def _all_columns(
    full: Network, proof: Counted, gap: float, most: int, stop: Stop
) -> Pool | None:  # fmt: skip
    """Every column within `gap` of its site's least reduced cost; None when more than `most`, or stopped."""
    pool = Pool()
    entry = np.zeros(most * 64, dtype=np.int32)
    first = np.zeros(most + 1, dtype=np.int64)
    net, u = proof.discounted(full), proof.u
    least = np.zeros(len(net.sites))
    best_columns(
        net.s_ptr, net.s_point, net.s_cost, net.heads, net.room, net.lane_heads, net.lane_price,
        net.price, u, least, np.zeros(len(net.s_point), dtype=np.bool_),
    )  # fmt: skip
    order = by_worth(net, u)
    for j in range(len(net.sites)):
        if stop():
            return None
        a, b = int(net.s_ptr[j]), int(net.s_ptr[j + 1])
        points, walks = net.s_point[order[a:b]], net.s_cost[order[a:b]]
        count = list_columns(
            points, u[points] - walks, net.heads[points], int(net.room[j]), net.lane_heads,
            net.lane_price, float(net.price[j]), float(least[j]) + gap, entry, first,
            most - len(pool.site),
        )  # fmt: skip
        if count < 0:
            return None
        for k in range(count):
            pool.add(full, j, np.sort(entry[first[k] : first[k + 1]]).astype(np.int64))
    return pool


@compiled
def list_columns(
    points: Ints, gain: Floats, heads: Ints, room: int, lane_heads: int, lane_price: int,
    price: float, limit: float, entry: NDArray[np.int32], first: Ints, most: int,
) -> int:  # fmt: skip
    """All subsets of one site's points with reduced cost at most `limit`; -1 when too many.

    Depth first over points by falling gain per head. A set that is complete is written down.
    """
    size = len(points)
    state = np.zeros(size + 1, dtype=np.int8)  # 0 new, 1 taken, 2 left out
    count, used, earned, depth, visits = 0, 0, 0.0, 0, 0
    per_head = lane_price / lane_heads
    while depth >= 0:
        if depth == size:
            lanes = -(-used // lane_heads)
            if used > 0 and price + lane_price * lanes - earned <= limit:
                if count >= most or not written(state, points, entry, first, count):
                    return -1
                count += 1
            depth -= 1
            continue
        if state[depth] == 0:
            visits += 1
            if visits > VISITS:
                return -1
            hope = hopes(depth, room - used, gain, heads, per_head)
            if price + per_head * used - earned - hope > limit:
                depth -= 1
                continue
            if used + heads[depth] <= room:
                state[depth] = 1
                used += heads[depth]
                earned += gain[depth]
                depth += 1
                state[depth] = 0
                continue
            state[depth] = 2
            depth += 1
            state[depth] = 0
        elif state[depth] == 1:
            state[depth] = 2
            used -= heads[depth]
            earned -= gain[depth]
            depth += 1
            state[depth] = 0
        else:
            state[depth] = 0
            depth -= 1
    return count


@compiled
def hopes(depth: int, left: int, gain: Floats, heads: Ints, per_head: float) -> float:
    """At most what points from `depth` on can still earn in the room left, lanes paid by the head."""
    hope = 0.0
    for e in range(depth, len(gain)):
        if left <= 0 or gain[e] <= 0.0:
            break
        more = gain[e] - per_head * heads[e]
        if more > 0.0:
            part = min(1.0, left / heads[e])
            hope += more * part
            left -= heads[e]
    return hope


@compiled
def written(
    state: NDArray[np.int8], points: Ints, entry: NDArray[np.int32], first: Ints, count: int
) -> bool:
    """Write the taken points as column `count`; False when the list is full."""
    at = first[count]
    for e in range(len(points)):
        if state[e] == 1:
            if at == len(entry):
                return False
            entry[at] = points[e]
            at += 1
    first[count + 1] = at
    return True
