"""What is told of a search, and when it ends."""

from __future__ import annotations

import pytest

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
