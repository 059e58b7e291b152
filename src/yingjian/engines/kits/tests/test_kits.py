"""Kits: norms and stated totals to the piece, stores never overdrawn, shortages told, faults found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.kits.check import check
from yingjian.engines.kits.model import (
    TOP,
    Issue,
    KitsError,
    Norms,
    Problem,
    Result,
    Site,
    Store,
)
from yingjian.engines.kits.solve import Support, shared, solve, support

SITE = Site(
    store=0, people=500, tubes={10: 50, 1: 4}, lanes=2, groups=1, days=1,
    shifts={"sampler": 4, "registrar": 2}, opens=2000,
)  # fmt: skip
NORMS = Norms(
    site={"cordon": 1},
    lane={"tent": 1, "sampling_table": 1},
    group_day={"alcohol": 1},
    shift={"sampler": {"n95": 1, "gloves": 2}, "registrar": {"gloves": 1}},
    weather={"rain": ({"pump": 1}, {"rain_cover": 2}), "heat": ({}, {"ice_pack": 3})},
    tube_item={1: "sample_tube_1"},
    reserve=0.2,
)
GOODS = (
    "cordon", "tent", "sampling_table", "alcohol", "n95", "gloves", "pump", "rain_cover", "ice_pack",
    "sample_tube", "sample_tube_1", "swab", "label",
)  # fmt: skip
PLENTY = dict.fromkeys(GOODS, 10_000)


def day(**changes: object) -> Problem:
    made = Problem(sites=(SITE,), stores=(Store(PLENTY),), norms=NORMS)
    return replace(made, **changes)  # type: ignore[arg-type]


@st.composite
def days(draw: st.DrawFn) -> Problem:
    items = ["tent", "n95", "gloves", "swab", "sample_tube", "label", "cordon"]
    stock = st.dictionaries(st.sampled_from(items), st.integers(0, 900))
    more = draw(st.integers(0, 4))
    stores = [Store(draw(stock))]
    stores += [Store(draw(stock), above=draw(st.integers(0, k))) for k in range(more)]
    sites = [
        replace(
            SITE, store=draw(st.integers(0, len(stores) - 1)), people=draw(st.integers(0, 800)),
            tubes={10: draw(st.integers(0, 90))}, lanes=draw(st.integers(0, 5)),
            shifts={"sampler": draw(st.integers(0, 9))}, moving=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]  # fmt: skip
    stated = draw(st.dictionaries(st.sampled_from(["n95", "boots"]), st.integers(0, 50)))
    norms = replace(NORMS, stated=stated, reserve=draw(st.sampled_from([0.0, 0.1, 0.2])))
    return Problem(
        tuple(sites), tuple(stores), norms, weather=draw(st.sampled_from([(), ("rain",)]))
    )


@settings(max_examples=60, deadline=None)
@given(days())
def test_every_kit_holds_before_the_judge(asked: Problem) -> None:
    result = solve(asked)
    assert check(asked, result) == []
    assert solve(asked) == result


@settings(max_examples=25, deadline=None)
@given(days(), st.integers(1, 500))
def test_more_stock_never_leaves_more_missing(asked: Problem, more: int) -> None:
    first, *rest = asked.stores
    richer = replace(first, stock={**first.stock, "swab": first.stock.get("swab", 0) + more})
    wider = replace(asked, stores=(richer, *rest))
    before = sum(s.missing for s in solve(asked).shortages)
    assert sum(s.missing for s in solve(wider).shortages) <= before


def test_a_moving_team_sets_up_nowhere_and_carries_what_it_is_counted_to_need() -> None:
    team = replace(
        SITE, moving=True, lanes=0, people=20, tubes={1: 20}, shifts={"sampler": 2}, days=2
    )
    norms = replace(
        NORMS, group_day={"alcohol": 3, "swab": 1000, "label": 1000, "sample_tube_1": 1000}
    )
    asked = replace(day(weather=("rain",)), sites=(team,), norms=norms)
    result = solve(asked)
    assert result.total() == {
        "alcohol": 6, "n95": 2, "gloves": 4, "sample_tube_1": 24, "swab": 24, "label": 24
    }  # fmt: skip
    assert check(asked, result) == []
    assert check(replace(asked, sites=(replace(team, moving=False),)), result) != []


def test_a_site_gets_what_its_norms_say() -> None:
    assert solve(day()).total() == {
        "alcohol": 1, "cordon": 1, "gloves": 10, "label": 65, "n95": 4, "sample_tube": 60,
        "sample_tube_1": 5, "sampling_table": 2, "swab": 600, "tent": 2,
    }  # fmt: skip


def test_rain_brings_its_kit() -> None:
    total = solve(day(weather=("rain",))).total()
    assert (total["pump"], total["rain_cover"]) == (1, 4)


def test_yilahas_stated_totals_are_shared_to_the_piece() -> None:
    """178 suits, 220 shields, 20 hand rubs, 450 gloves, 600 masks, 360 N95, 256 boot covers."""
    stated = {
        "protective_suit": 178, "face_shield": 220, "hand_rub": 20, "gloves": 450,
        "surgical_mask": 600, "n95": 360, "boot_covers": 256,
    }  # fmt: skip
    asked = day(sites=(SITE,) * 15, norms=replace(NORMS, stated=stated))
    result = solve(asked)
    total = result.total()
    assert {item: total[item] for item in stated} == stated
    assert check(asked, result) == []
    suits = [line.quantity for line in result.lines if line.item == "protective_suit"]
    assert max(suits) - min(suits) <= 1


def test_what_no_store_has_is_asked_for_a_day_ahead() -> None:
    asked = day(stores=(Store({**PLENTY, "n95": 1}),))
    result = solve(asked)
    short = result.shortages[0]
    assert (short.item, short.missing, short.request_by) == ("n95", 3, 2000 - 1440)
    assert check(asked, result) == []


def test_the_level_above_helps_out() -> None:
    stores = (Store({**PLENTY, "swab": 400}, above=1), Store({"swab": 1000}))
    result = solve(day(stores=stores))
    assert [i for i in result.issues if i.item == "swab"] == [
        Issue(0, 0, "swab", 400),
        Issue(1, 0, "swab", 200),
    ]
    assert [(a.store, a.above, a.item, a.wanted) for a in result.asks] == [(0, 1, "swab", 600)]


def test_support_goes_up_level_by_level() -> None:
    """Village 900 of 1000 (70 %: 700), town 500 of 1000: 200 go up and just fit; then they do not."""
    assert support([900, 500], [1000, 1000], [1, TOP], 0.7) == ([Support(0, 1, 200)], {})
    passed, left = support([900, 900, 900], [1000, 1000, 1000], [1, 2, TOP], 0.7)
    assert passed == [Support(0, 1, 200), Support(1, 2, 400)]
    assert left == {2: 300}


@given(st.integers(0, 999), st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_shares_add_up(total: int, weights: list[int]) -> None:
    parts = shared(total, weights)
    assert sum(parts) == (total if any(weights) else 0)
    assert all(abs(p * sum(weights) - total * w) < sum(weights) or not any(weights)
               for p, w in zip(parts, weights, strict=True))  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sites": ()}, "no_sites"),
        ({"sites": (replace(SITE, store=3),)}, "unknown_store"),
        ({"sites": (replace(SITE, people=-1),)}, "bad_number"),
        ({"sites": (replace(SITE, tubes={10: -5}),)}, "bad_number"),
        ({"stores": (Store({}, above=0),)}, "circle"),
        ({"stores": (Store({}, above=7),)}, "unknown_store"),
        ({"stores": (Store({"swab": -1}),)}, "bad_number"),
        ({"norms": replace(NORMS, reserve=float("nan"))}, "bad_number"),
        ({"weather": ("locusts",)}, "unknown_weather"),
    ],
)
def test_questions_without_meaning_are_named(change: dict[str, object], code: str) -> None:
    with pytest.raises(KitsError) as caught:
        solve(day(**change))
    assert caught.value.code == code


def test_the_judge_finds_planted_faults() -> None:
    stores = (
        Store({**PLENTY, "swab": 400, "n95": 1}, above=1),
        Store({"swab": 1000}),
        Store(PLENTY),
    )
    asked = day(stores=stores, norms=replace(NORMS, stated={"n95": 6}))
    good = solve(asked)
    assert check(asked, good) == []
    line, issue, short = good.lines[0], good.issues[0], good.shortages[0]
    swabs = next(i for i in good.issues if i.item == "swab")
    rest = [i for i in good.issues if i is not swabs]
    faults: dict[str, Result] = {
        "unknown_site": replace(good, lines=[replace(line, site=5)]),
        "unknown_store": replace(good, issues=[replace(issue, store=5)]),
        "need": replace(good, lines=[replace(line, quantity=line.quantity + 1), *good.lines[1:]]),
        "stated": replace(good, lines=[x for x in good.lines if x.item != "n95"]),
        "conserved": replace(good, issues=good.issues[1:]),
        "stock": replace(good, issues=[replace(swabs, quantity=401), *rest]),
        "not_its_store": replace(good, issues=[replace(issue, store=2), *good.issues[1:]]),
        "nothing_issued": replace(good, issues=[replace(issue, quantity=0), *good.issues[1:]]),
        "request": replace(good, shortages=[replace(short, request_by=0)]),
        "nearer_store": replace(good, issues=[replace(swabs, quantity=300), *rest]),
        "support": replace(good, asks=[]),
    }
    for code, wrong in faults.items():
        assert code in {f.code for f in check(asked, wrong)}, code
