"""Proof by the exact model over all that the bound leaves open: when it is tried, from what, with how much."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from yingjian.engines.asking import never
from yingjian.engines.siting import parts as passing
from yingjian.engines.siting.dual import climb
from yingjian.engines.siting.model import Params
from yingjian.engines.siting.restrict import margins, program
from yingjian.engines.siting.search import NOBODY, Solution, cost_of
from yingjian.engines.siting.tests.test_rooms import UNIT, proof_of, town

SMALL = Params(arcs=100, mip_nodes=50)


def part_of(*site: int) -> passing.Part:
    """The town with a plan and multipliers."""
    part = passing.begin(town())
    part.solution = plan(part, *site)
    climb(part.net, part.ascent, part.solution.cost, 100, True, never)
    passing.account(part)
    assert not part.proven
    return part


def plan(part: passing.Part, *site: int) -> Solution:
    places = np.array(site)
    return Solution(places, cost_of(part.net, places))


def test_where_little_is_open_the_best_plan_is_found_and_proven_at_once() -> None:
    part = part_of(2, 2, 2, 2)
    passing._prove(part, part.solution, SMALL, never)
    assert part.proven
    assert part.solution.cost == part.bound == 16 * UNIT


@pytest.mark.parametrize("calm", [False, True])
def test_where_much_is_open_a_sweep_in_vain_comes_first_and_the_nodes_double(
    monkeypatch: pytest.MonkeyPatch, calm: bool
) -> None:
    part, asked = part_of(2, 2, 2, 2), []

    def in_vain(net: Any, solution: Solution, proof: Any, *_: Any, nodes: int, **__: Any) -> Any:
        asked.append((solution.cost, nodes))
        return solution, proof.bound, False

    monkeypatch.setattr(passing, "recombine", in_vain)
    part.calm, best, before = calm, plan(part, 1, 0, 2, 2), part.solution
    some = Params(arcs=int((part.margins().pair <= np.inf).sum()), mip_nodes=50)
    for _ in range(3):
        passing._prove(part, best, some, never)
        assert part.solution is before  # the next sweep goes on from here
    assert asked == ([(best.cost, 100), (best.cost, 200), (best.cost, 400)] if calm else [])
    passing._prove(part, best, Params(arcs=0), never)
    passing._prove(part, best, some, lambda: True)
    assert len(asked) == (3 if calm else 0)


def test_every_plan_keeps_every_row_and_one_row_is_of_whole_rooms() -> None:
    """HiGHS cuts by single rows: rooms of all sites together against everybody who is inside."""
    net = town()
    found = margins(net, proof_of(net))
    plans = 0
    for site in itertools.product((NOBODY, 0, 1, 2), repeat=4):
        places = np.array(site)
        load = np.bincount(places[places >= 0], net.heads[places >= 0], minlength=3)
        if (load > net.room).any():
            continue
        asked = program(net, Solution(places, cost_of(net, places)), found, np.inf)
        lp = asked.model._lp()
        table = np.zeros((lp.num_row_, lp.num_col_))
        for column in range(lp.num_col_):
            own = slice(lp.a_matrix_.start_[column], lp.a_matrix_.start_[column + 1])
            table[np.array(lp.a_matrix_.index_[own]), column] = lp.a_matrix_.value_[own]
        rows = table @ asked.start
        assert (rows >= np.array(lp.row_lower_)).all()
        assert (rows <= np.array(lp.row_upper_)).all()
        assert [30.0, 30.0, 60.0] in table[:, asked.opened].tolist()
        plans += 1
    assert plans > 50
