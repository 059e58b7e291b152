"""Answers in memory: the last ones, each once, and a quarter of an hour by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from yingjian.planning.kept import QUARTER, Kept, same_quarter

NOON = datetime(2026, 6, 2, 12, tzinfo=UTC)


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_the_last_questions_are_kept_and_no_more(asked: list[int], most: int) -> None:
    kept: Kept[int, int] = Kept(most)
    for n, key in enumerate(asked):
        assert kept.put(key, n) == n
        assert kept.get(key) == n
    found = {key: kept.get(key) for key in set(asked)}
    held = {key: n for key, n in found.items() if n is not None}
    assert len(held) == min(most, len(set(asked)))
    assert all(
        n == max(k for k, other in enumerate(asked) if other == key) for key, n in held.items()
    )


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_two_moments_share_a_quarter_where_none_begins_between_them(one: int, other: int) -> None:
    first, second = sorted((NOON + timedelta(seconds=one), NOON + timedelta(seconds=other)))
    begins = NOON + (second - NOON) // QUARTER * QUARTER
    assert same_quarter(first, second) == (begins <= first)
