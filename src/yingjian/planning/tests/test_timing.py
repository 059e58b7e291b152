"""What is told of a search, and when it ends."""

from __future__ import annotations

import pytest

from yingjian.engines.siting.model import Progress
from yingjian.planning import timing


def test_a_limit_counts_from_the_first_question(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("yingjian.planning.timing.time.monotonic", lambda: now)
    wanted = False
    stop = timing.After(30.0, asked=lambda: wanted)
    now = 150.0  # compiling, reading
    assert not stop()
    now = 180.0
    assert not stop()
    wanted = True
    assert stop()
    wanted = False
    now = 180.1
    assert stop()


def test_the_latest_word_is_told_though_the_search_asks_oftener(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = 100.0
    monkeypatch.setattr("yingjian.planning.timing.time.monotonic", lambda: clock)
    heard: list[Progress | None] = []

    def tell(progress: Progress | None) -> bool:
        heard.append(progress)
        return len(heard) > 1

    told = timing.Teller(tell)
    assert not told.asked()
    told(Progress("search", 0.5, 9, 7))
    told(Progress("search", 0.6, 8, 7))
    assert heard == [None]
    clock += timing.EVERY
    assert told.asked()
    assert heard == [None, Progress("search", 0.6, 8, 7)]
