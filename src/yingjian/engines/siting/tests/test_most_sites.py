"""At most so many sites: held whatever else breaks, priced in the certificate, against every choice."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.siting.check import bound_of, check
from yingjian.engines.siting.counts import Counted
from yingjian.engines.siting.exchange import exchange, roomy
from yingjian.engines.siting.model import Params, Prices, Problem, Rules, SitingError
from yingjian.engines.siting.network import components
from yingjian.engines.siting.restrict import Margins, recombine
from yingjian.engines.siting.search import Solution, cost_of, empty
from yingjian.engines.siting.solve import solve

UNIT = 10_000
PACKED = Params(
    dual_rounds=60, exact_rounds=10, steps_per_point=5, least_steps=40, hot=100.0 * UNIT,
    cold=1.0 * UNIT, exact_points=30, columns=500, column_rounds=10, arcs=200, tight=0.5, patches=2,
    sweeps=2,
)  # fmt: skip


def asked(
    seed: int, *, points: int = 8, sites: int = 5, most: int = 2, full: float = 2.0
) -> Problem:
    """Everybody may go anywhere; `full`: room of a site as a share of all people."""
    rng = np.random.default_rng(seed)
    heads = rng.integers(5, 20, points)
    room = int(heads.sum() * full)
    return Problem(
        x=np.zeros(points), y=np.zeros(points), heads=heads, site_x=np.zeros(sites),
        site_y=np.zeros(sites), rules=Rules(0.0, room, room),
        prices=Prices(0, 0, 0, 0, 0, outside_head=1000 * UNIT),
        site_heads=np.full(sites, room), site_prices=rng.integers(0, 9, sites) * UNIT,
        pair_prices=rng.integers(1, 60, (points, sites)) * UNIT, most_sites=most,
    )  # fmt: skip


def cheapest(question: Problem) -> int | None:
    """By trying every assignment; None where none keeps the rules."""
    ways = question.pair_prices
    assert ways is not None
    assert question.most_sites is not None
    every = np.array(list(itertools.product(range(question.candidates), repeat=question.points)))
    load = np.stack([(every == j) @ question.heads for j in range(question.candidates)], axis=1)
    used = load > 0
    ok = (load <= question.room()).all(axis=1) & (used.sum(axis=1) <= question.most_sites)
    if not ok.any():
        return None
    cost = ways[np.arange(question.points), every].sum(axis=1) + used @ question.opening()
    return int(cost[ok].min())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("full", [2.0, 0.7])
def test_the_best_of_all_choices_is_found_and_bounded(seed: int, full: float) -> None:
    question = asked(seed, points=6, full=full)
    best, result = cheapest(question), solve(question, PACKED, seed=seed)
    assert check(question, result) == []
    assert best is not None
    assert not result.breaches
    assert len(result.sites) <= 2
    assert result.certificate.bound <= result.solver_bound <= best
    assert result.cost == best


def test_the_limit_has_its_price_in_the_certificate() -> None:
    question = asked(1, points=12, sites=8, most=2)
    result = solve(question, PACKED)
    proof = result.certificate
    assert proof.limit > 0
    free = bound_of(replace(question, most_sites=None), proof.multipliers)
    assert free < proof.bound <= result.cost
    looser = bound_of(replace(question, most_sites=3), proof.multipliers, proof.counts, proof.limit)
    assert looser <= solve(replace(question, most_sites=3), PACKED).cost
    with pytest.raises(SitingError):
        bound_of(replace(question, most_sites=None), proof.multipliers, proof.counts, proof.limit)
    with pytest.raises(SitingError):
        bound_of(question, proof.multipliers, proof.counts, -1)


def test_a_forged_price_of_the_limit_is_refused() -> None:
    question = asked(2, points=12, sites=8)
    result = solve(question, PACKED)
    for limit in (0, 2 * result.certificate.limit + UNIT):
        forged = replace(result, certificate=replace(result.certificate, limit=limit))
        assert {f.code for f in check(question, forged)} == {"forged_bound"}


def test_who_fits_into_no_site_allowed_is_told_and_no_more_are_opened() -> None:
    question = asked(3, points=10, sites=6, most=2, full=0.3)
    result = solve(question, PACKED)
    assert check(question, result) == []
    assert len(result.sites) == 2
    assert {b.rule for b in result.breaches} == {"people_per_site"}
    more = solve(replace(question, most_sites=4), PACKED)
    assert len({b.point for b in more.breaches}) < len({b.point for b in result.breaches})


def test_a_site_open_elsewhere_counts_in_a_patch() -> None:
    ways = np.full((2, 3), 50 * UNIT)
    ways[0, 1] = ways[1, 2] = UNIT
    question = replace(
        asked(1, points=2, sites=3, most=2), pair_prices=ways, site_prices=np.zeros(3, np.int64)
    )
    net = next(components(question))
    pair = np.zeros(len(net.s_cost))
    pair[: net.s_ptr[1]] = np.inf  # nothing left to choose at the first site, which stays open
    found = Margins(pair, np.array([np.inf, 0.0, 0.0]), np.full(2, np.inf))
    bare = Counted(np.zeros(2), 0, 0, -np.inf)
    known = Solution(np.array([1, 1]), cost_of(net, np.array([1, 1])))
    best, _, _ = recombine(net, known, bare, found, 1.0, nodes=10, stop=lambda: False)
    assert len(set(best.site.tolist())) == 1


def test_villages_far_apart_share_one_limit() -> None:
    x = np.repeat([0.0, 50_000.0, 100_000.0], 4)
    county = Problem(
        x=x, y=np.tile([0.0, 100.0, 200.0, 300.0], 3), heads=np.full(12, 30), site_x=x,
        site_y=np.tile([0.0, 100.0, 200.0, 300.0], 3), rules=Rules(1000.0, 500, 100),
        prices=Prices(6 * UNIT, 2 * UNIT, UNIT, 0, 0),
    )  # fmt: skip
    assert not solve(county).breaches
    short = replace(county, most_sites=2)
    result = solve(short)
    assert check(short, result) == []
    assert len(result.sites) == 2
    assert sorted({b.point for b in result.breaches}) in (
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    )
    assert {b.rule for b in result.breaches} == {"walking_circle"}


def test_one_site_too_many_is_found() -> None:
    question = asked(1)
    result = solve(replace(question, most_sites=None), PACKED)
    assert len(result.sites) > 2
    assert "most_sites" in {f.code for f in check(question, result)}


def test_another_limit_is_another_question_and_none_keeps_its_name() -> None:
    question = asked(1)
    names = {replace(question, most_sites=most).digest() for most in (None, 1, 2)}
    assert len(names) == 3


@pytest.mark.parametrize("most", [0, -1, 1.5])
def test_a_limit_without_meaning_is_named(most: int) -> None:
    with pytest.raises(SitingError) as caught:
        solve(replace(asked(1), most_sites=most))
    assert caught.value.params["field"] == "most_sites"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), most=st.integers(1, 6))
def test_exchanges_end_where_no_single_one_pays(seed: int, most: int) -> None:
    question = asked(seed, points=15, sites=9, most=most)
    net = next(components(question))
    assert roomy(net)
    found = exchange(net, empty(net), 3, seed, lambda: False)
    ways, opening = question.pair_prices, question.opening()
    assert ways is not None

    def price(sites: set[int]) -> int:
        chosen = sorted(sites)
        return int(ways[:, chosen].min(axis=1).sum() + opening[chosen].sum())

    sites = set(found.site.tolist())
    assert len(sites) <= most
    assert found.cost == price(sites)
    every = set(range(question.candidates))
    others = [sites - {j} | {k} for j in sites for k in every - sites]
    others += [sites - {j} for j in sites if len(sites) > 1]
    if len(sites) < most:
        others += [sites | {k} for k in every - sites]
    assert found.cost <= min(price(other) for other in others)
