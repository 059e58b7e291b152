"""What siting is asked and what it answers: plain arrays, no behaviour beyond their own sanity.

Lengths are metres in a plane, prices whole millionths of one staff-day (`MICRO`), so every cost is
an exact integer and a bound can be proven without rounding.

The model. Open sites among `m` candidates and send every one of `n` demand points (a building, a
hamlet, a household; never split) to exactly one open site, to a mobile team where the point allows
one, or, as the last resort, outside the rules. A point may go to a site when the walk is within the
circle (R17) and no barrier lies between. A site takes at most its room (R16, R17) and needs one
lane for every `heads_per_lane` begun (R16). The cost of a plan is

    Σ open sites (site_price + lane_price x lanes) + Σ walks (heads x metres x walk price)
    + Σ mobile points (visit + visit_head x heads) + Σ points outside the rules (flat price)

A point outside the rules is still sent somewhere, where it breaks a rule least, and the breach is
named. Its flat price (`Problem.outside`) covers everything it costs there.

Where only so many sites can be staffed (`Problem.most_sites`), no more are opened, whatever else
breaks: who then fits into none of them is outside the rules, at one of the sites that are open.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from yingjian.engines.asking import EngineError, Flags, Floats, Ints, within

MICRO = 1_000_000
"""Price units in one staff-day."""
MOBILE = -1
"""In `Result.site_of`: a mobile team comes to the point."""
FARTHEST = 1e9
"""Largest coordinate taken, metres: beyond the circumference of the earth."""
DEAREST = 2**40
"""Largest price of a pair taken."""
ANY_NUMBER = -1
"""In a case's totals: no most."""
BIGGEST = 2**53
"""Largest sum of prices taken: exact in a float."""


class SitingError(EngineError):
    """The question makes no sense. `code` is stable: `nobody`, `no_candidates`, `bad_number`, …"""


@dataclass(frozen=True, slots=True)
class Rules:
    """The preset's limits."""

    walk_m: float
    """Longest walk in metres: the circle's minutes times the walking speed (R17)."""
    heads_per_site: int
    """Most people one site takes in the round (R16, R17)."""
    heads_per_lane: int
    """People one lane swabs in the round (R16, or its rate times its hours, R35)."""
    detour: float = 1.3
    """Metres walked per metre of straight line."""


@dataclass(frozen=True, slots=True)
class Prices:
    """In millionths of a staff-day."""

    site: int
    lane: int
    walk_km: int
    """One person walking one kilometre."""
    visit: int
    """One visit of a mobile team: the way there and setting up."""
    visit_head: int
    """One person swabbed by a mobile team."""
    outside_head: int = MICRO
    """One person whom no rule-keeping plan serves, above the price of a site of their own."""


@dataclass(frozen=True)
class Ways:
    """Who can walk where, and how far, where that is measured along paths: `(k,)`, by point, then site."""

    point: Ints
    site: Ints
    metres: Ints

    candidates: int
    """How many sites there are."""

    @cached_property
    def keys(self) -> Ints:
        """A number for each pair, rising."""
        return self.point * self.candidates + self.site

    def between(self, point: Ints, site: Ints) -> Ints:
        """Metres of each pair, -1 where nobody can walk."""
        if not len(self.keys):
            return np.full(len(point), -1, dtype=np.int64)
        asked = point * self.candidates + site
        at = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        found: Ints = np.where(self.keys[at] == asked, self.metres[at], -1)
        return found


@dataclass(frozen=True)
class Problem:
    """Demand points, candidates and rules. Arrays are `(n,)` or `(m,)`, barriers `(k, 4)`."""

    x: Floats
    y: Floats
    heads: Ints
    """People who walk to a site. Those visited at home (R29) are not counted here."""
    site_x: Floats
    site_y: Floats
    rules: Rules
    prices: Prices
    mobile: Flags | None = None
    """Points a mobile team may serve; None: no point."""
    site_heads: Ints | None = None
    """Room of each candidate where smaller than the rule; None: the rule everywhere."""
    site_prices: Ints | None = None
    """Opening each candidate where it differs (a hall in use, a tent to put up); None: the price."""
    visit_prices: Ints | None = None
    """A mobile team's way to each point where it differs (neighbours share one); None: the price."""
    barriers: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    """Segments `x1 y1 x2 y2` that no walk crosses: rivers, railways, motorways."""
    pair_prices: Ints | None = None
    """`(n, m)`: what sending each point to each candidate costs, -1: never (a walking network's
    answer, a bus line). Takes the place of walk, circle and barriers. None: walks are measured."""
    ways: Ways | None = None
    """Walks measured along paths: they take the place of straight lines and barriers, so who is not
    listed cannot walk there. None: walks are straight lines."""
    most_sites: int | None = None
    """Most sites opened (teams or tents at hand). None: as many as pay."""

    @property
    def points(self) -> int:
        """How many demand points."""
        return len(self.x)

    @property
    def candidates(self) -> int:
        """How many candidate sites."""
        return len(self.site_x)

    def room(self) -> Ints:
        """Most heads each candidate takes, `(m,)`."""
        rule = np.full(self.candidates, self.rules.heads_per_site, dtype=np.int64)
        return rule if self.site_heads is None else np.minimum(rule, self.site_heads)

    def opening(self) -> Ints:
        """Price of opening each candidate, without lanes, `(m,)`."""
        if self.site_prices is not None:
            return self.site_prices
        return np.full(self.candidates, self.prices.site, dtype=np.int64)

    def outside(self) -> Ints:
        """Price of serving each point without a site, `(n,)`: a mobile team, or outside the rules.

        Outside costs more than the dearest site opened for this point alone, so no rule is broken
        where a site within reach could still be opened.
        """
        own = int(self.opening().max()) + self.prices.lane * -(
            -self.heads // self.rules.heads_per_lane
        )
        walk = self.heads * math.ceil(self.rules.walk_m * self.prices.walk_km / 1000)
        if self.pair_prices is not None:
            walk = self.pair_prices.max(axis=1, initial=0)
        price = own + walk + self.prices.outside_head * self.heads
        if self.mobile is None:
            return price
        way = self.prices.visit if self.visit_prices is None else self.visit_prices
        visit = way + self.prices.visit_head * self.heads
        return np.where(self.mobile, visit, price)

    def grain(self) -> int:
        """What every plan's cost is a whole multiple of; looked for only where pairs have prices."""
        if self.pair_prices is None:
            return 1
        ways = np.gcd.reduce(np.maximum(self.pair_prices, 0), axis=None)
        rest = np.gcd.reduce(np.concatenate((self.opening(), self.outside())))
        return max(1, int(np.gcd.reduce([ways, rest, self.prices.lane])))

    def digest(self) -> str:
        """Identity of the question; a certificate names the one it answers."""
        state = hashlib.sha256(repr((self.rules, self.prices)).encode())
        mobile = np.zeros(self.points, bool) if self.mobile is None else self.mobile
        for array in (
            self.x, self.y, self.heads, self.site_x, self.site_y, mobile, self.room(),
            self.opening(), self.barriers, self.outside(),
        ):  # fmt: skip
            state.update(str((array.shape, array.dtype.str)).encode())
            state.update(np.ascontiguousarray(array).tobytes())
        if self.pair_prices is not None:
            state.update(np.ascontiguousarray(self.pair_prices).tobytes())
        if self.ways is not None:
            for array in (self.ways.point, self.ways.site, self.ways.metres):
                state.update(np.ascontiguousarray(array, dtype=np.int64).tobytes())
        if self.most_sites is not None:
            state.update(str(self.most_sites).encode())
        return state.hexdigest()


def validate(problem: Problem) -> None:
    """Raise `SitingError` for a question without meaning, naming the field and the first row."""
    if problem.points == 0:
        raise SitingError("nobody")
    if problem.candidates == 0:
        raise SitingError("no_candidates")
    _lengths(problem)
    for name in ("x", "y", "site_x", "site_y", "barriers"):
        values = getattr(problem, name).reshape(-1)
        bad = ~np.isfinite(values) | (np.abs(values) > FARTHEST)
        if bad.any():
            raise SitingError("bad_coordinate", field=name, row=int(bad.argmax()))
    if (problem.heads < 1).any():
        raise SitingError("bad_heads", field="heads", row=int((problem.heads < 1).argmax()))
    for name in ("site_heads", "site_prices", "visit_prices"):
        limits = getattr(problem, name)
        if limits is not None and ((limits < 0) | (limits > FARTHEST)).any():
            row = int(((limits < 0) | (limits > FARTHEST)).argmax())
            raise SitingError("bad_number", field=name, row=row, value=int(limits[row]))
    rules, prices, most = problem.rules, problem.prices, problem.most_sites
    least = {"detour": 1, "heads_per_site": 1, "heads_per_lane": 1, "outside_head": 1}
    named = [
        *((n, getattr(rules, n)) for n in ("walk_m", "detour", "heads_per_site", "heads_per_lane")),
        *((n, getattr(prices, n)) for n in ("site", "lane", "walk_km", "visit", "visit_head")),
        ("outside_head", prices.outside_head),
    ]
    within(SitingError, ((name, value, least.get(name, 0), BIGGEST) for name, value in named))
    if most is not None and (not isinstance(most, int | np.integer) or not 1 <= most <= BIGGEST):
        raise SitingError("bad_number", field="most_sites", value=most)
    ways = _dearest_ways(problem)
    heads = int(problem.heads.astype(object).sum())
    each = prices.outside_head + prices.visit_head + prices.lane
    each += math.ceil(rules.walk_m * prices.walk_km / 1000)
    opening = int(problem.opening().max())
    visit = prices.visit if problem.visit_prices is None else int(problem.visit_prices.max())
    if heads * each + (opening + visit + prices.lane) * problem.points + ways > BIGGEST:
        raise SitingError("too_large", heads=heads)


def _dearest_ways(problem: Problem) -> int:
    """What everybody pays at most where pairs have prices."""
    ways = problem.pair_prices
    if ways is None:
        return 0
    bad = (ways < -1) | (ways > DEAREST)
    if bad.any():
        raise SitingError("bad_number", field="pair_prices", row=int(bad.any(axis=1).argmax()))
    return int(ways.max(axis=1, initial=0).astype(object).sum())


def _lengths(problem: Problem) -> None:
    n, m = problem.points, problem.candidates
    for name, length in (
        ("y", n), ("heads", n), ("mobile", n), ("visit_prices", n), ("site_y", m),
        ("site_heads", m), ("site_prices", m),
    ):  # fmt: skip
        array = getattr(problem, name)
        if array is not None and array.shape != (length,):
            raise SitingError("bad_shape", field=name, length=len(array), wanted=length)
    ways = problem.pair_prices
    if ways is not None and (ways.shape != (n, m) or ways.dtype.kind != "i"):
        raise SitingError("bad_shape", field="pair_prices")
    paths = problem.ways
    if paths is not None:
        _listed(paths, n, m)
        if ways is not None:
            raise SitingError("bad_shape", field="ways")
    if problem.barriers.ndim != 2 or problem.barriers.shape[1] != 4:  # noqa: PLR2004
        raise SitingError("bad_shape", field="barriers")


def _listed(ways: Ways, points: int, candidates: int) -> None:
    """Each pair once and in order, within the problem."""
    each = (ways.point, ways.site, ways.metres)
    if ways.candidates != candidates or any(
        a.ndim != 1 or a.shape != ways.point.shape or a.dtype.kind != "i" for a in each
    ):
        raise SitingError("bad_shape", field="ways")
    bad = (ways.point < 0) | (ways.point >= points) | (ways.site < 0) | (ways.site >= candidates)
    bad |= (ways.metres < 0) | (ways.metres > FARTHEST)
    bad[1:] |= np.diff(ways.keys) <= 0
    if bad.any():
        raise SitingError("bad_number", field="ways", row=int(bad.argmax()))


def walked(problem: Problem, point: Ints, site: Ints) -> Ints:
    """Metres walked from points to sites, pairwise, rounded up: straight line times detour, or along paths.

    None are measured where pairs have their own prices. Where nobody can walk, a length beyond the rule.
    """
    if problem.pair_prices is not None:
        return np.zeros(len(point), dtype=np.int64)
    if problem.ways is not None:
        along = problem.ways.between(point, site)
        beyond = np.maximum(_straight(problem, point, site), math.floor(problem.rules.walk_m) + 1)
        return np.where(along < 0, beyond, along)
    return _straight(problem, point, site)


def _straight(problem: Problem, point: Ints, site: Ints) -> Ints:
    straight = np.hypot(
        problem.x[point] - problem.site_x[site], problem.y[point] - problem.site_y[site]
    )
    metres: Ints = np.ceil(np.minimum(straight * problem.rules.detour, BIGGEST)).astype(np.int64)
    return metres


def walk_price(problem: Problem, point: Ints, metres: Ints) -> Ints:
    """What the walks of whole points cost, pairwise."""
    return problem.heads[point] * metres * problem.prices.walk_km // 1000


def way_price(problem: Problem, point: Ints, site: Ints) -> Ints:
    """What sending whole points to sites costs, pairwise: their own price, or the walk's."""
    if problem.pair_prices is None:
        return walk_price(problem, point, walked(problem, point, site))
    price: Ints = np.maximum(problem.pair_prices[point, site], 0)
    return price


def barred(problem: Problem, point: Ints, site: Ints) -> Flags:
    """Whether the straight line from point to site touches a barrier, or the pair has no price."""
    if problem.pair_prices is not None:
        shut: Flags = problem.pair_prices[point, site] < 0
        return shut
    if problem.ways is not None:  # who cannot walk has too far to go
        return np.zeros(len(point), dtype=bool)
    return crossed(
        problem.barriers, problem.x[point], problem.y[point], problem.site_x[site],
        problem.site_y[site],
    )  # fmt: skip


def crossed(barriers: Floats, ax: Floats, ay: Floats, bx: Floats, by: Floats) -> Flags:
    """Whether each straight line a→b touches one of the barriers `(k, 4)`."""
    found = np.zeros(len(ax), dtype=bool)
    if not len(found) or not len(barriers):
        return found
    west, east = np.minimum(ax, bx), np.maximum(ax, bx)
    south, north = np.minimum(ay, by), np.maximum(ay, by)
    low = np.minimum(barriers[:, :2], barriers[:, 2:])
    high = np.maximum(barriers[:, :2], barriers[:, 2:])
    near = (low <= (east.max(), north.max())).all(axis=1)
    near &= (high >= (west.min(), south.min())).all(axis=1)
    for k in np.flatnonzero(near):
        cx, cy, dx, dy = barriers[k]
        close = (west <= high[k, 0]) & (east >= low[k, 0])
        close &= (south <= high[k, 1]) & (north >= low[k, 1]) & ~found
        own = np.flatnonzero(close)
        a, b, c, d = ax[own], ay[own], bx[own], by[own]
        one = _side(a, b, c, d, cx, cy) * _side(a, b, c, d, dx, dy)
        two = _side(cx, cy, dx, dy, a, b) * _side(cx, cy, dx, dy, c, d)
        found[own] = (one <= 0) & (two <= 0)
    return found


def _side(
    ax: Floats | float, ay: Floats | float, bx: Floats | float, by: Floats | float,
    px: Floats | float, py: Floats | float,
) -> Floats:  # fmt: skip
    """Sign of where p lies beside the line a→b."""
    sign: Floats = np.sign(np.asarray((bx - ax) * (py - ay) - (by - ay) * (px - ax)))
    return sign


@dataclass(frozen=True, slots=True)
class Params:
    """How hard to try. Everything is counted in steps, so the same seed gives the same answer."""

    dual_rounds: int = 400
    """Rounds of multiplier ascent with relaxed knapsacks, per component."""
    exact_rounds: int = 40
    """Further rounds with exact ones."""
    count_rounds: int = 150
    """Rounds in which whole counts of sites and lanes are priced too, with relaxed knapsacks."""
    steps_per_point: int = 25
    """Ruin-and-recreate steps per demand point of a component."""
    least_steps: int = 200
    ruined: int = 5
    """Most sites torn down in one step."""
    hot: float = 300_000.0
    """Price of a worsening taken at first with probability 1/e, millionths of a staff-day."""
    cold: float = 10_000.0
    """The same at the end."""
    exact_points: int = 150
    """Components of at most so many points get better multipliers and are solved by HiGHS over whole
    sites: to proof where all that matter can be listed, else over the likeliest."""
    columns: int = 20_000
    """Most whole sites listed for that."""
    mip_nodes: int = 500
    """Branch-and-bound nodes allowed per component."""
    column_rounds: int = 60
    """Rounds of column generation per component."""
    arcs: int = 0
    """Most pairs that the exact model over what the bound leaves open may have (`restrict`); 0: none. With
    it rows of many sites are searched among their likeliest (`likely`)."""
    tight: float = 2.0
    """Share of the open sites' room in use from which points also swap places and patches are mended
    in later sweeps; above 1: never."""
    patches: int = 20
    """Patches mended per round on such a component."""
    cases: int = 0
    """Cases by totals of sites and lanes and by single sites that the proof of a part of at most
    `exact_points` may have; 0: not divided."""
    case_points: int = 0
    """Parts of at most so many points with a wide gap are divided before the sweeps, others in them."""
    workers: int = 1
    """Components worked on at once; the answer is the same on any number."""
    sweeps: int = 1
    """Rounds of better multipliers and more search on components that are not proven."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One demand point that no rule-keeping plan serves, and the rule its place in the plan breaks."""

    point: int
    site: int
    rule: str
    """`walking_circle` (R17, metres), `people_per_site` (R16, R17, heads) or `barrier`."""
    measured: int
    limit: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Prices on whole numbers, for groups of points: a village has no part of a site.

    Whoever of a group goes to a site needs at least ⌈heads / room⌉ of the sites it can reach and
    ⌈heads / lane⌉ of their lanes. `check.bound_of` says what each price adds to the bound.
    """

    group: Ints
    """`(n,)`: group of each point, -1: none."""
    site: Ints
    """`(g,)`, millionths of a staff-day per site of the group, not negative."""
    lane: Ints
    """`(g,)`: the same per lane."""


@dataclass(frozen=True, slots=True)
class Case:
    """One of the cases that a group's plans are divided into by their totals of sites and lanes, and
    by what single sites are."""

    group: int
    sites: tuple[int, int]
    """(least, most) sites open in this case; most `ANY_NUMBER`: no most."""
    lanes: tuple[int, int]
    multipliers: Ints
    """One per point of the group, in the order of the points."""
    site: int
    lane: int
    """Price of one site and lane: above zero on the least total, below on the most."""
    held: tuple[tuple[int, bool], ...] = ()
    """Candidates that are open (true) or shut in this case. Open is where somebody is served by the rules."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Groups of points that no site joins to others, each proven case by case.

    A group's cases hold every plan between them, as halving after halving gives them: in each some
    total or some candidate tells the two halves apart. The group costs at least what the cheapest case
    proves. The certificate's own multipliers are 0 there. `check.bound_of` adds it up.
    """

    group: Ints
    """`(n,)`: group of each point, -1: none."""
    each: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """Proof that no plan is cheaper than `bound`: one multiplier per demand point, prices on counts.

    Any multipliers and prices give a valid bound; `check.bound_of` recomputes it in whole numbers.
    """

    problem: str
    """`Problem.digest()` of the question answered."""
    multipliers: Ints
    """`(n,)`, millionths of a staff-day."""
    bound: int
    counts: Counts | None = None
    limit: int = 0
    """Price of one site more than `Problem.most_sites`, not negative."""
    cases: Cases | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A plan. `site_of[i]` is a candidate's index or `MOBILE`."""

    site_of: Ints
    lanes: Ints
    """`(m,)`: lanes of each candidate, 0 where closed."""
    breaches: list[Breach]
    cost: int
    certificate: Certificate
    solver_bound: int
    """At least the certificate's: with what HiGHS proved on small components, to its tolerance."""
    components: int
    proven: int
    """Components whose plan was proven optimal; under a limit, the cheapest with at most as many sites."""
    complete: bool = True
    """False: stopped before every pass was through."""

    @property
    def sites(self) -> Ints:
        """Indices of the open candidates."""
        return np.flatnonzero(self.lanes)

    @property
    def gap(self) -> float:
        """Certified distance from the best possible: (cost - bound) / cost."""
        return (self.cost - self.certificate.bound) / self.cost if self.cost else 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search has come: the best cost so far and the best bound, summed over the parts.

    The bound is what the solver knows; the certificate's is recomputed at the end.
    """

    stage: str
    """`first`, `search`, `proof`, `better` or `done`."""
    done: float
    """Share of the stage that is through."""
    cost: int
    bound: int

    @property
    def gap(self) -> float:
        """(cost - bound) / cost."""
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


Watch = Callable[[Progress], None]
