"""Searching among the likeliest pairs: which are kept, and that a plan among them is a plan of the whole."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.asking import Ints, never
from yingjian.engines.siting import parts as passing
from yingjian.engines.siting.check import check
from yingjian.engines.siting.dual import climb
from yingjian.engines.siting.likely import DENSE, WAYS, dense, likeliest
from yingjian.engines.siting.model import Params, Prices, Problem, Rules
from yingjian.engines.siting.network import Network, components
from yingjian.engines.siting.search import NOBODY, Solution, cost_of, empty, improve
from yingjian.engines.siting.solve import solve

UNIT = 10_000
SITES = DENSE * WAYS + 4
"""Enough for rows to count as long."""
EFFORT = Params(
    dual_rounds=60, exact_rounds=2, steps_per_point=2, least_steps=40, hot=400.0 * UNIT,
    cold=1.0 * UNIT, exact_points=SITES, columns=100, column_rounds=2, mip_nodes=5, arcs=400,
    tight=0.5, patches=1, sweeps=1,
)  # fmt: skip


def asked(seed: int, *, points: int = SITES, most: int = 20, full: float = 0.9) -> Problem:
    """Anybody's place may be a site, at most so many of them, whose rooms together are so full."""
    dice = np.random.default_rng(seed)
    x, y = dice.integers(0, 100, (2, points)).astype(float)
    heads = dice.integers(1, 20, points)
    room = int(heads.sum() / most / full)
    ways = np.hypot(x[:, None] - x, y[:, None] - y).astype(np.int64) * UNIT
    return Problem(
        x=np.zeros(points), y=np.zeros(points), heads=heads, site_x=np.zeros(points),
        site_y=np.zeros(points), rules=Rules(0.0, room, room),
        prices=Prices(0, 0, 0, 0, 0, outside_head=1000 * UNIT), site_prices=np.zeros(points, np.int64),
        pair_prices=ways, most_sites=most,
    )  # fmt: skip


def pairs(net: Network) -> set[tuple[int, int, int]]:
    """(point, site, cost) by site; by point they are the same."""
    row = np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    found = set(zip(net.s_point.tolist(), row.tolist(), net.s_cost.tolist(), strict=True))
    point = np.repeat(np.arange(len(net.points)), np.diff(net.p_ptr))
    assert found == set(zip(point.tolist(), net.p_site.tolist(), net.p_cost.tolist(), strict=True))
    for a, b in zip(net.p_ptr[:-1], net.p_ptr[1:], strict=True):
        assert (np.diff(net.p_site[a:b]) > 0).all()  # the search looks pairs up by halving
    return found


def anywhere(net: Network, seed: int) -> Solution:
    """A plan that sends people to any site, some to none."""
    site: Ints = np.random.default_rng(seed).integers(NOBODY, len(net.sites), len(net.points))
    return Solution(site, cost_of(net, site))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), points=st.integers(3, 40), most=st.integers(2, 9))
def test_each_points_likeliest_pairs_stay_and_the_plans_own(
    seed: int, points: int, most: int
) -> None:
    net = next(components(asked(seed, points=points, most=most)))
    dice = np.random.default_rng(seed)
    margin = dice.integers(0, 30, len(net.s_point)).astype(float)
    plan = anywhere(net, seed)
    few = likeliest(net, margin, plan)
    kept, row = pairs(few), np.repeat(np.arange(len(net.sites)), np.diff(net.s_ptr))
    assert kept <= pairs(net)
    assert (few.sites is net.sites, few.most) == (True, net.most)
    assert cost_of(few, plan.site) == plan.cost
    for i in range(len(net.points)):
        mine = net.s_point == i
        own = {j for point, j, _ in kept if point == i} - {int(plan.site[i])}
        out = set(row[mine].tolist()) - own - {int(plan.site[i])}
        assert WAYS - 1 <= len(own) <= WAYS or not out
        of = dict(zip(row[mine].tolist(), margin[mine].tolist(), strict=True))
        assert max((of[j] for j in own), default=0) <= min((of[j] for j in out), default=np.inf)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), most=st.integers(3, 30), full=st.floats(0.5, 1.0))
def test_a_search_among_them_gives_a_plan_of_the_whole_at_its_price(
    seed: int, most: int, full: float
) -> None:
    question = asked(seed, points=60, most=most, full=full)
    net = next(components(question))
    dice = np.random.default_rng(seed)
    few = likeliest(net, dice.random(len(net.s_point)), empty(net))
    found = improve(
        few, empty(net), net.heads.astype(float) * 50 * UNIT, steps=60, ruined=4, hot=UNIT, cold=UNIT / 10,
        seed=seed, swaps=True,
    )  # fmt: skip
    assert found.cost == cost_of(net, found.site) < empty(net).cost
    inside = found.site != NOBODY
    load = np.bincount(found.site[inside], net.heads[inside], minlength=len(net.sites))
    assert (load <= net.room).all()
    assert (load > 0).sum() <= most
    row = np.repeat(np.arange(len(net.sites)), np.diff(few.s_ptr))
    assert set(zip(np.flatnonzero(inside), found.site[inside], strict=True)) <= set(
        zip(few.s_point.tolist(), row.tolist(), strict=True)
    )


def part_of(question: Problem) -> passing.Part:
    part = passing.begin(next(components(question)))
    passing.search(part, EFFORT, 60, 1, never)
    climb(part.net, part.ascent, part.solution.cost, 60, False, never)
    return part


def test_it_is_never_worse_the_same_for_the_same_seed_and_hears_the_stop() -> None:
    question = asked(3)
    first, second, stopped = (part_of(question) for _ in range(3))
    before = first.solution.cost
    assert passing.among(first, EFFORT, 300, 7, never)
    assert passing.among(second, EFFORT, 300, 7, never)
    assert first.solution.site.tolist() == second.solution.site.tolist()
    assert first.solution.cost == cost_of(first.net, first.solution.site) < before
    assert passing.among(stopped, EFFORT, 300, 7, lambda: True)
    assert stopped.solution.cost == before
    assert len(pairs(first.net)) == SITES * SITES  # the part keeps all its pairs


@pytest.mark.parametrize("why", ["product", "short rows", "room for all", "proven"])
def test_it_is_left_where_it_is_not_for(why: str) -> None:
    few = why == "short rows"
    question = asked(3, points=WAYS if few else SITES, most=WAYS if few else 4, full=0.4)
    if why == "room for all":
        ample = int(question.heads.sum())
        question = replace(question, rules=Rules(0.0, ample, ample))
    part = part_of(question)
    part.proven = why == "proven"
    before, params = part.solution, replace(EFFORT, arcs=0) if why == "product" else EFFORT
    assert not passing.among(part, params, 300, 7, never)
    assert part.solution is before
    assert dense(part.net) == part.net.limited == (not few)


def test_where_few_sites_may_open_short_rows_are_searched_longer_too() -> None:
    part = part_of(asked(3, points=30, most=4))
    assert part.net.limited
    assert not dense(part.net)
    before = part.solution.cost
    assert passing.among(part, EFFORT, 1, 7, never)
    assert part.solution.cost == cost_of(part.net, part.solution.site) < before


def test_rooms_wait_until_searches_find_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """HiGHS takes long at the root of a full question, so it comes when searching is at its end."""
    idle = passing.IDLE
    gains, told = [5, *[0] * (idle + 1), 5, 0], list[int]()
    part, packed, width = part_of(asked(3)), list[int](), list[int]()

    def searched(part: passing.Part, *_: object, ways: int) -> bool:
        part.solution = Solution(part.solution.site, part.solution.cost - gains[len(told)])
        width.append(ways)
        return True

    monkeypatch.setattr(passing, "among", searched)
    monkeypatch.setattr(passing, "_rooms", lambda *_: packed.append(len(told)))
    monkeypatch.setattr(passing, "_packed", lambda *_: None)
    monkeypatch.setattr(passing, "mend", lambda _net, solution, *_, **__: solution)
    assert part.tight(0.0)
    for sweep in range(len(gains)):
        passing.again(part, replace(EFFORT, tight=0.0, arcs=1), 1, sweep, never)
        told.append(part.idle)
    assert told == [*range(idle + 2), 0, 1]
    assert packed == [idle, idle + 1]
    assert set(width) == {WAYS, 2 * WAYS}
    assert all(a != b for a, b in itertools.pairwise(width))


def test_a_whole_answer_is_judged_and_repeats() -> None:
    question = asked(5)
    one, other = (solve(question, EFFORT, seed=2) for _ in range(2))
    assert check(question, one) == []
    assert not one.breaches
    assert one.site_of.tolist() == other.site_of.tolist()
    assert one.certificate.bound == other.certificate.bound
    assert len(one.sites) <= 20
