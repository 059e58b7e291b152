"""Households in one tube: against the measured table, against counted tubes, and where it must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.pooling.dorfman import PoolingError, dorfman
from yingjian.engines.pooling.homes import Virus, fills, kept, reads

HOMES = {1: 25, 2: 30, 3: 23, 4: 12, 5: 7, 6: 3}
MEASURED = [  # dilution, split: share found of what a single test finds (0.15 %, attack rate 25 %)
    (2.0, 0.974),
    (4.0, 0.950),
    (10.0, 0.904),
    (20.0, 0.852),
]


@pytest.mark.parametrize(("dilution", "found"), MEASURED)
def test_what_thinning_loses_is_what_was_measured(dilution: float, found: float) -> None:
    assert reads(dilution, Virus()) == pytest.approx(found, abs=0.008)


@pytest.mark.parametrize(("size", "dilution", "found"), [(10, 2.0, 0.992), (20, 4.0, 0.983)])
def test_keeping_households_together_wins_back_what_was_measured(
    size: int, dilution: float, found: float
) -> None:
    together = kept(0.0015, size, HOMES, attack=0.25, dilution=dilution)
    assert together.sensitivity == pytest.approx(found, abs=0.008)
    assert 1 - together.sensitivity < 0.65 * (1 - reads(dilution, Virus()))


def test_an_open_tube_wastes_the_places_that_were_measured() -> None:
    """Next-fit: 12 % more tubes at 10, hardly any at 20 (0.115 and 0.054 tests per person at 0.01 %)."""
    ten, twenty = (kept(0.0001, k, HOMES, attack=0.25) for k in (10, 20))
    assert ten.tubes_per_person == pytest.approx(0.114, abs=0.003)
    assert twenty.tubes_per_person == pytest.approx(0.0535, abs=0.002)


def counted(size: int, rng: np.random.Generator, *, homes: int) -> dict[str, float]:
    """Tubes filled household by household, infected people drawn, loads added: nothing of the formulas."""
    attack, begins, sensitivity, dilution, virus = 0.4, 0.01, 0.9, 3.0, Virus()
    sizes = rng.choice(list(HOMES), size=homes, p=np.array(list(HOMES.values())) / 100)
    tube, level, of = 0, 0, np.zeros(homes, dtype=np.int64)
    for i, h in enumerate(sizes):
        if level + h > size:
            tube, level = tube + 1, 0
        of[i], level = tube, level + h
        if level == size:
            tube, level = tube + 1, 0
    home = np.repeat(np.arange(homes), sizes)
    brings = rng.random(len(home)) < begins
    struck = np.bincount(home, weights=brings)[home] > 0
    infected = brings | (struck & (rng.random(len(home)) < attack))
    ct = rng.normal(virus.mean_ct, virus.sd_ct, len(home))
    load = np.where(infected & (rng.random(len(home)) < sensitivity), 2 ** (virus.limit_ct - ct), 0)
    positive = np.bincount(of[home], weights=load, minlength=tube + 1) >= dilution
    readable = infected & (ct < virus.limit_ct)
    return {
        "found": positive[of[home]][readable].mean(), "again": positive[of[home]].mean(),
        "fill": len(home) / (int(of.max()) + 1), "prevalence": infected.mean(),
    }  # fmt: skip


def test_counted_tubes_agree() -> None:
    seen = counted(10, np.random.default_rng(5), homes=200_000)
    formula = kept(seen["prevalence"], 10, HOMES, attack=0.4, sensitivity=0.9, dilution=3.0)
    assert formula.fill == pytest.approx(seen["fill"], rel=0.005)
    assert formula.retests_per_person == pytest.approx(seen["again"], rel=0.03)
    assert formula.sensitivity == pytest.approx(seen["found"], abs=0.01)


def test_where_everybody_lives_alone_it_is_dorfmans() -> None:
    alone = kept(0.01, 10, {1: 7}, attack=0.5, sensitivity=0.99, specificity=0.99, recheck=0.99)
    plain = dorfman(0.01, 10, sensitivity=0.99, specificity=0.99)
    assert alone.fill == pytest.approx(10)
    assert alone.tubes_per_person + alone.retests_per_person == pytest.approx(
        plain.tests_per_person
    )
    assert alone.sensitivity == pytest.approx(plain.sensitivity)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 1), st.integers(1, 25), st.floats(0, 1), st.floats(0, 1), st.sampled_from([1.0, 1.5, 4.0, 20.0]),
    st.dictionaries(st.integers(1, 30), st.integers(1, 50), min_size=1, max_size=4),
)  # fmt: skip
def test_shares_stay_shares_and_every_tube_holds_somebody(  # noqa: PLR0917
    prevalence: float,
    size: int,
    attack: float,
    right: float,
    dilution: float,
    homes: dict[int, int],
) -> None:
    found = kept(
        prevalence, size, homes, attack=attack, sensitivity=right, specificity=right, dilution=dilution
    )  # fmt: skip
    assert -1e-9 <= found.sensitivity <= 1 + 1e-9
    assert -1e-9 <= found.retests_per_person <= 1 + 1e-9
    assert 1 - 1e-9 <= found.fill <= size + 1e-9
    assert found.tubes_per_person * found.fill == pytest.approx(1)


def test_households_of_one_size_fill_what_they_can() -> None:
    assert fills({2: 1}, 10) == pytest.approx({10: 0.2})
    assert fills({3: 1}, 10) == pytest.approx({9: 1 / 3})
    assert fills({10: 4}, 10) == pytest.approx({10: 1.0})


def test_companions_help_and_thinning_hurts() -> None:
    found = [reads(4.0, Virus(), sensitivity=0.9, companions=k) for k in range(4)]
    assert found == sorted(found)
    assert reads(1.0, Virus(), sensitivity=0.9) == pytest.approx(0.9)
    assert reads(2.0, Virus()) > reads(4.0, Virus()) > reads(20.0, Virus())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"prevalence": float("nan")}, "bad_share"), ({"attack": 1.5}, "bad_share"), ({"size": 0}, "bad_size"),
        ({"homes": {}}, "bad_homes"), ({"homes": {0: 3}}, "bad_homes"), ({"dilution": 0.5}, "bad_dilution"),
    ],
)  # fmt: skip
def test_bad_questions_are_named(change: dict[str, object], code: str) -> None:
    asked: dict[str, object] = {"prevalence": 0.01, "size": 10, "homes": HOMES, "attack": 0.2}
    with pytest.raises(PoolingError) as caught:
        kept(**{**asked, **change})  # type: ignore[arg-type]
    assert caught.value.code == code
