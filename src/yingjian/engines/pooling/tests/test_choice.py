"""The size for an area: fewest tests among those in time, and what a smaller one would buy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.pooling.choice import Called, Terms, choose, options
from yingjian.engines.pooling.dorfman import PoolingError

TOWN = Called({1: 2000, 2: 3000, 3: 4000, 4: 1500, 5: 400}, singles=300, sealed=20)
TERMS = Terms(
    sizes=(1, 5, 10, 20), attack=0.25, sensitivity=0.95, specificity=1.0, recheck=0.99,
    dilution={1: 1.0, 5: 1.5, 10: 2.0, 20: 4.0}, keep=False, swabs=2, open_hours=12, ride_hours=2,
    bench_hours=5, reserve=0.1, result_limit=12, finish_limit=24,
)  # fmt: skip


def best(prevalence: float, per_hour: float | None, **changes: object) -> tuple[int, str]:
    terms = replace(TERMS, **changes)  # type: ignore[arg-type]
    found = options(TOWN, prevalence, per_hour, terms)
    chosen = choose(found, terms)
    return found[chosen.place].size, chosen.why


def test_rare_means_large_and_common_means_small() -> None:
    sizes = [best(p, 100_000)[0] for p in (0.0001, 0.002, 0.01, 0.05)]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (20, 5)


def test_a_slow_laboratory_decides() -> None:
    assert best(0.001, 100_000)[1] == "fewest"
    assert best(0.05, 200)[1] in {"clock", "none_in_time"}
    assert best(0.0001, 20) == (20, "none_in_time")
    assert best(0.0001, None) == (20, "no_laboratory")


def test_tubes_are_counted_and_the_rest_is_expected() -> None:
    one, five, ten, twenty = options(TOWN, 0.001, 4000, TERMS)
    assert TOWN.pooled == 2000 + 6000 + 12000 + 6000 + 2000
    assert [o.tubes for o in (one, five, ten, twenty)] == [28_320, 5_920, 3_120, 1_720]
    assert one.retests == 0
    assert twenty.retests > ten.retests > five.retests > 0
    assert one.missed == pytest.approx(28_000 * 0.001 * 0.05)
    assert twenty.missed > ten.missed > five.missed
    for o in (five, ten, twenty):
        assert o.missed_kept < o.missed
        assert o.tubes_kept >= o.tubes
        assert o.retests_kept < o.retests * 1.01


def test_the_last_result_waits_for_what_the_laboratory_has_left() -> None:
    (ten,) = options(TOWN, 0.001, 210, replace(TERMS, sizes=(10,)))
    left = 3_120 - 210 * 0.9 * 12
    assert ten.result_hours == pytest.approx(left / 189 + 5)
    assert ten.finish_hours == pytest.approx(14 + left / 189 + 5)
    assert ten.in_time
    (late,) = options(TOWN, 0.001, 100, replace(TERMS, sizes=(10,)))
    assert late.in_time is False


def test_the_next_smaller_size_in_time_is_named() -> None:
    found = options(TOWN, 0.0001, 100_000, TERMS)
    chosen = choose(found, TERMS)
    assert chosen.other is not None
    assert found[chosen.other].size == 10


def test_nobody_pooled_and_one_size_only() -> None:
    few = options(Called({}, singles=7), 0.01, 10, TERMS)
    assert {o.tubes for o in few} == {7}
    assert {o.missed for o in few} == {0.0}
    single = replace(TERMS, sizes=(1,))
    assert choose(options(TOWN, 0.01, 10**6, single), single).why == "only"
    with pytest.raises(PoolingError):
        options(TOWN, 0.01, 10, replace(TERMS, sizes=()))


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 0.2), st.floats(1, 5000), st.booleans())
def test_what_is_chosen_is_in_time_whenever_anything_is(
    prevalence: float,
    per_hour: float,
    keep: bool,
) -> None:
    terms = replace(TERMS, keep=keep)
    found = options(TOWN, prevalence, per_hour, terms)
    chosen = found[choose(found, terms).place]
    assert chosen.in_time or not any(o.in_time for o in found)
    if chosen.in_time:
        tests = [o.tests(keep=keep, swabs=2) for o in found if o.in_time]
        assert chosen.tests(keep=keep, swabs=2) == min(tests)
