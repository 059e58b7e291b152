"""Which rooms, when those in use are nearly full: other sets of sites, packed with whole points."""

from __future__ import annotations

import numpy as np
import pytest

from yingjian.engines.asking import never
from yingjian.engines.siting.counts import Counted
from yingjian.engines.siting.dual import climb, start
from yingjian.engines.siting.model import Prices, Problem, Rules
from yingjian.engines.siting.network import Network, components
from yingjian.engines.siting.restrict import margins
from yingjian.engines.siting.rooms import only, other_rooms, pack
from yingjian.engines.siting.search import NOBODY, Solution, cost_of, empty

UNIT = 10_000


def town() -> Network:
    """Two halls of 30 nearby that all fit into exactly, and a far dear one that has room to spare."""
    heads = np.array([10, 20, 5, 25])
    ways = np.array([[1, 3, 9], [2, 1, 9], [3, 1, 9], [1, 2, 9]]) * UNIT
    problem = Problem(
        x=np.zeros(4), y=np.zeros(4), heads=heads, site_x=np.zeros(3), site_y=np.zeros(3),
        rules=Rules(0.0, 100, 100), prices=Prices(0, 0, 0, 0, 0, outside_head=100 * UNIT),
        site_heads=np.array([30, 30, 100]), site_prices=np.array([5, 5, 40]) * UNIT,
        pair_prices=ways,
    )  # fmt: skip
    return next(components(problem))


def proof_of(net: Network) -> Counted:
    ascent = start(net)
    climb(net, ascent, int(net.outside.sum()) / 10, 100, True, never)
    return Counted(ascent.best, 0, 0, ascent.bound)


def test_whole_points_fill_two_rooms_to_the_last_place() -> None:
    net = town()
    packed = pack(net, np.array([0, 1]), proof_of(net).u, nodes=50, seed=1, stop=never)
    assert packed.cost == cost_of(net, packed.site) == 16 * UNIT
    assert sorted(np.bincount(packed.site, weights=net.heads, minlength=3)) == [0, 30, 30]


@pytest.mark.parametrize("begun", ["empty", "dear"])
def test_another_set_of_sites_is_found_and_the_bound_holds(begun: str) -> None:
    net = town()
    dear = np.full(4, 2)
    known = empty(net) if begun == "empty" else Solution(dear, cost_of(net, dear))
    proof = proof_of(net)
    tried: list[np.ndarray] = []
    best, bound = other_rooms(
        net, known, proof, margins(net, proof), tried, nodes=50, seed=1, stop=never
    )
    assert [opened.tolist() for opened in tried] == [[0, 1]]
    assert best.cost == cost_of(net, best.site) < known.cost
    assert proof.bound <= bound <= best.cost
    again, _ = other_rooms(
        net, best, proof, margins(net, proof), tried, nodes=50, seed=2, stop=never
    )
    assert again.cost <= best.cost
    assert all(opened.tolist() != [0, 1] for opened in tried[1:])


def test_sites_left_out_are_out_and_costs_stay() -> None:
    net = town()
    part, kept = only(net, np.array([0, 2]))
    assert part.sites.tolist() == net.sites[[0, 2]].tolist()
    assert part.s_cost.tolist() == net.s_cost[kept].tolist()
    assert np.diff(part.p_ptr).tolist() == [2] * 4
    inner = np.array([0, 1, 1, NOBODY])
    outer = np.array([0, 2, 2, NOBODY])
    assert cost_of(part, inner) == cost_of(net, outer)
