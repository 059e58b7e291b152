"""A part that dies is started again: at once after one death, seldom after many, and never given up."""

from hypothesis import given
from hypothesis import strategies as st

from config.reviving import FIRST, LONGEST, WINDOW, Deaths


def test_pauses_double_up_to_the_longest() -> None:
    deaths, at, pauses = Deaths(), 0.0, []
    for _ in range(8):
        pauses.append(deaths.pause(at))
        at += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_what_lies_further_back_than_the_window_counts_no_more() -> None:
    deaths = Deaths()
    for at in (0.0, 1.0, 2.0):
        deaths.pause(at)
    assert deaths.count == 3
    assert deaths.pause(WINDOW + 1.5) == 2 * FIRST, "only the one at second 2 still counts"
    assert deaths.count == 2


@given(st.lists(st.floats(0, 3600), min_size=1, max_size=60))
def test_a_pause_grows_with_the_deaths_within_the_window(moments: list[float]) -> None:
    deaths, known = Deaths(), sorted(moments)
    for i, at in enumerate(known):
        near = sum(other > at - WINDOW for other in known[:i])
        assert deaths.pause(at) == min(FIRST * 2**near, LONGEST)


@given(st.floats(0, 1e9), st.integers(1, 50))
def test_dying_at_once_every_time_it_is_still_tried_at_the_longest_pause(
    at: float, times: int
) -> None:
    deaths, tried = Deaths(), 0
    end = at + times * WINDOW
    while at < end:
        at += deaths.pause(at)
        tried += 1
    assert tried >= times * WINDOW / LONGEST
