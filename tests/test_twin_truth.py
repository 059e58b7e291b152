"""The days of `yingjian bench rehearse`, played small: Yilaha ends as reported, a bound scan does what Chengdu saw."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import days, rehearse
from yingjian.engines.day.forecast import rehearse as played
from yingjian.engines.day.model import Faults, Habits
from yingjian.engines.day.twin import draw, play


def test_yilahas_day_ends_when_its_report_says() -> None:
    """Sampling ends at 15:00, all is delivered by 18:00, in a tube for ten people and a few more."""
    day, habits = days.yilaha()
    told = played(day, habits, runs=10, seed=1).figures
    assert days.CLOSES - 5 < told["last_swab"][0] <= told["last_swab"][2] < days.CLOSES + 5
    assert told["last_delivery"][2] <= 1080
    assert told["swabbed"] == (days.YILAHA, days.YILAHA, days.YILAHA)
    assert 741 <= told["tubes"][1] < 741 + days.SAMPLERS


def test_a_scan_that_waits_for_a_server_is_what_breaks_the_day() -> None:
    offline = days.chengdu(28_000, 0.0)
    evening = days.chengdu(28_000, days.SCAN[0], stalls=days.STALLS)
    bound = days.chengdu(28_000, days.SCAN[1])
    assert offline.load < 1 < bound.load
    assert offline.by_midnight == 1
    assert offline.wait_p95 < 10 < evening.wait_p95 < bound.wait_p95
    assert bound.by_midnight < 0.5
    assert bound.last_swab > evening.last_swab > offline.last_swab


def test_ciw_says_the_same_of_every_wait() -> None:
    asked, habits = days.city(2_800), Habits()
    dice = draw(asked, habits, Faults(), 3)
    told = play(asked, habits, Faults(), dice)
    for rival in (rehearse.by_ciw, rehearse.by_simpy):
        start = rival(asked, dice.ptr, dice.arrived, dice.service)
        assert np.abs(told.wait - (start - dice.arrived)).max() < 1e-9


@pytest.mark.parametrize(("lanes", "formula"), [(1, 3.4), (2, 1.562), (4, 0.689)])
def test_erlangs_formula_has_the_published_values(lanes: int, formula: float) -> None:
    """Mean service 0.6 min, load 0.85 (planning notes, section 2.6)."""
    assert rehearse.erlang_c(lanes, 0.85, 0.6) == pytest.approx(formula, abs=0.001)
