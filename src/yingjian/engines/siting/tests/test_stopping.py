"""A stop is heard soon: how much is still done after it, counted, at every place that takes long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import highspy
import numpy as np
import pytest

from yingjian.engines.asking import Stop, Until, left, never
from yingjian.engines.linear import Model
from yingjian.engines.siting import cases, columns, counts, dual, passes
from yingjian.engines.siting import parts as passing
from yingjian.engines.siting.columns import Pool, tighten
from yingjian.engines.siting.counts import Counted
from yingjian.engines.siting.model import ANY_NUMBER, Params, Prices, Problem, Rules
from yingjian.engines.siting.network import Network, components
from yingjian.engines.siting.passes import Crew

DAY = 1_000_000
RULES = Rules(walk_m=20_000.0, heads_per_site=1000, heads_per_lane=250)
PRICES = Prices(
    site=3 * DAY, lane=2 * DAY, walk_km=2600, visit=2_500_000, visit_head=4000, outside_head=DAY
)


def net_of(points: int) -> Network:
    """One part: everybody near everybody."""
    dice = np.random.default_rng(points)
    at = dice.integers(0, 8_000, (points, 2)).astype(float)
    asked = Problem(
        x=at[:, 0].copy(), y=at[:, 1].copy(), heads=dice.integers(100, 260, points),
        site_x=at[:, 0].copy(), site_y=at[:, 1].copy(), rules=RULES, prices=PRICES,
    )  # fmt: skip
    (net,) = components(asked)
    return net


def after(times: int) -> Stop:
    """A stop that says no so many times."""
    no = iter(range(times))
    return lambda: next(no, None) is None


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[tuple[Any, ...]]:
    """What a function of a module was called with, from now on."""
    calls: list[tuple[Any, ...]] = []
    real = getattr(module, name)

    def told(*given: Any) -> Any:
        calls.append(given)
        return real(*given)

    monkeypatch.setattr(module, name, told)
    return calls


def best_of(net: Network) -> Counted:
    """Multipliers after some rounds."""
    ascent = dual.start(net)
    dual.climb(net, ascent, float(net.outside.sum()), 60, False, never)
    return Counted(ascent.best, 0, 0, ascent.bound)


@pytest.mark.parametrize("exact", [False, True])
def test_an_ascent_over_many_pairs_asks_after_every_few(
    monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    net = net_of(210)
    rounds = counted(monkeypatch, dual, "price_sites")
    dual.climb(net, dual.start(net), float(net.outside.sum()), 40, exact, after(1))
    assert len(rounds) <= 3
    priced = counted(monkeypatch, counts, "price_sites")
    counts.price_counts(net, dual.start(net), float(net.outside.sum()), 40, 40, after(1))
    assert len(priced) <= 4


def test_a_search_asks_every_few_thousand_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    part = passing.begin(net_of(12))
    steps: list[int] = []

    def walked(_: Network, known: Any, current: Any, *given: Any, **told: Any) -> Any:
        steps.append(told["steps"])
        return known, current

    monkeypatch.setattr(passing, "walk", walked)
    passing.search(part, Params(), 100_000, 1, after(2))
    assert 1 < len(steps) <= 3
    assert max(steps) <= 5_000


@pytest.mark.parametrize("kind", [columns.Cover, cases._Totals])
def test_a_linear_program_ends_within_its_steps(monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    net = net_of(60)
    pool, best = Pool(), best_of(net)
    tighten(net, best, pool, 3, never)
    every = ((0, ANY_NUMBER), (0, ANY_NUMBER), ())
    cover = kind(net) if kind is columns.Cover else kind(net, every)
    cover.grow(pool)
    centre: Any = best if kind is columns.Cover else best.u
    whole = cover.prices(centre, 0.04, never)
    assert whole is not None

    monkeypatch.setattr(columns, "ITERATIONS", 5)
    again = kind(net) if kind is columns.Cover else kind(net, every)
    again.grow(pool)
    assert again.prices(centre, 0.04, after(0)) is None
    assert again.highs.getInfo().simplex_iteration_count <= 5
    # and goes on from there to the same answer
    answer = again.prices(centre, 0.04, never)
    assert answer is not None
    assert answer[0] == pytest.approx(whole[0])


def test_listing_columns_asks_at_every_site(monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of(40)
    listed = counted(monkeypatch, columns, "list_columns")
    proof = best_of(net)
    assert columns._all_columns(net, proof, 1.0, 20_000, after(2)) is None
    assert len(listed) == 2


def test_cases_stopped_on_the_way_leave_what_the_whole_proved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = net_of(30)
    pool, best = Pool(), best_of(net)
    price = net.outside.sum()
    whole = cases.divide(net, best.u, pool, price, most=1, rounds=30, stop=never)
    assert whole[0].halves()
    said = False
    real = cases._solve

    def solved(*given: Any) -> Any:
        nonlocal said
        leaf = real(*given)
        said = leaf.box != ((0, ANY_NUMBER), (0, ANY_NUMBER), ())
        return leaf if not said else replace(leaf, bound=0.0)

    monkeypatch.setattr(cases, "_solve", solved)
    found = cases.divide(net, best.u, pool, price, most=8, rounds=30, stop=lambda: said)
    assert len(found) == 1
    assert found[0].bound == pytest.approx(whole[0].bound)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_pass_begins_after_the_stop(workers: int) -> None:
    """There may be many left, and each would do something before it hears."""
    parts = [passing.begin(net_of(points)) for points in (12, 13, 14)]
    begun: list[int] = []
    crew = Crew(parts, workers, lambda: True)
    crew.each(lambda n, _: begun.append(n), lambda _: None)
    assert begun == []


def test_highs_is_given_the_time_left_also_on_a_second_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, Any] = {}
    real = highspy.Highs.setOptionValue
    monkeypatch.setattr(
        highspy.Highs, "setOptionValue",
        lambda self, option, value: given.update({option: value}) or real(self, option, value),
    )  # fmt: skip
    model = Model()
    x = model.add_columns(1, cost=1.0, high=9.0, whole=True)
    model.put(model.add_rows(1, low=2.5), x, 1.0)
    assert model.solve().value == 3.0
    assert "time_limit" not in given
    stop = passes._Over(Until(lambda: 100.0, 112.5))
    assert model.solve(stop=stop).value == 3.0
    assert given["time_limit"] == 12.5
    assert model.solve(stop=stop, seconds=2.0).value == 3.0
    assert given["time_limit"] == 2.0
    assert left(never) == float("inf")
    assert left(Until(lambda: 5.0, 3.0)) == 0.0
