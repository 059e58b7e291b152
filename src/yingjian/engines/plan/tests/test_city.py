"""Days in turn where laboratories cannot hold all sites at once; a city's laboratories shared by districts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan import days as plan_days
from yingjian.engines.plan.city import District, share_laboratories
from yingjian.engines.plan.days import Demand
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Lab
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.tests import cases

AT = PlanParams()


def lab(code: str, area: str, tubes: int, lon: float = 104.0) -> Lab:
    return Lab(code, code, tubes, area, lon, 30.6)


def test_a_district_without_room_is_helped_by_the_nearest() -> None:
    districts = [District("990101", (104.0, 30.6), 700), District("990102", (104.5, 30.6), 700)]
    labs = [lab("A", "990101", 1_500), lab("B", "990102", 600, 104.5), lab("C", "9901", 100, 109.0)]
    found = share_laboratories(districts, labs, AT, most=0.7)
    (helped,) = [s for s in found.support if s.lab == "A"]
    assert (helped.giver, helped.taker, helped.tubes) == ("990101", "990102", 400)
    assert found.short == {}
    assert {x.code: x.tubes_per_day for x in found.given["990102"]} == {"B": 600, "A": 400}


def test_what_nobody_has_room_for_is_told() -> None:
    found = share_laboratories(
        [District("990101", (104.0, 30.6), 900)], [lab("A", "990101", 500)], AT
    )
    assert found.short == {"990101": 400}
    with pytest.raises(ValueError, match="districts"):
        share_laboratories([], [], AT)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 2_000), min_size=1, max_size=5),
    st.lists(st.integers(0, 2_000), min_size=1, max_size=5),
)
def test_no_laboratory_gives_more_than_its_day(needs: list[int], rooms: list[int]) -> None:
    districts = [District(f"99010{n}", (104.0 + n / 5, 30.6), need) for n, need in enumerate(needs)]
    labs = [lab(f"L{n}", f"99010{n}", room, 104.0 + n / 5) for n, room in enumerate(rooms)]
    found = share_laboratories(districts, labs, AT, most=0.7)
    given_out = dict.fromkeys((one.code for one in labs), 0)
    for own in found.given.values():
        for one in own:
            given_out[one.code] += one.tubes_per_day
    assert all(given_out[one.code] <= one.tubes_per_day for one in labs)
    missing = sum(found.short.values())
    assert missing >= max(0, sum(needs) - sum(rooms))
    assert missing <= max(0, sum(needs) - sum(rooms)) + len(needs) * len(rooms)  # whole tubes


def one_site(people: int, days: int, *, key: bool = False) -> Demand:
    asked = cases.problem([], [], days=days)
    return Demand(asked.days, 1, people, people // 10, key=key)


def test_sites_open_in_turn_only_where_laboratories_ask_for_it() -> None:
    enough = cases.problem([], [], days=2, labs=[lab("A", "640121", 1_000)])
    sites = [one_site(500, 2) for _ in range(10)]
    assert plan_days.in_turn(enough, sites, AT) == [site.days for site in sites]
    few = cases.problem([], [], days=2, labs=[lab("A", "640121", 460)])  # 302 tubes a day
    found = plan_days.in_turn(few, sites, AT)
    assert [len(days) for days in found] == [1] * 10
    assert [days[0] for days in found] == [few.days[0]] * 6 + [few.days[1]] * 4


def test_a_laboratory_of_the_area_is_not_used_beyond_its_share_while_another_has_room() -> None:
    book = cases.rules(laboratory__allocation="by_area")
    labs = [Lab("A", "A", 300, "640121", 106.3, 38.3), Lab("B", "B", 900, "640100", 106.3, 38.4)]
    case = cases.problem(*cases.county(3_000, 6), labs=labs, book=book)
    plan = make_plan(case, PlanParams(routed=False), search=cases.QUICK)
    used = {load.lab: load.tubes for load in plan.labs}
    assert 0 < used["A"] <= 210
    assert used["B"] == plan.totals.tubes - used["A"] > 0
    found = plan_checker.broken(plan_checker.check(case, plan))
    assert "lab_support" not in {f.code for f in found}


def test_key_people_are_not_put_off_beyond_their_clock() -> None:
    book = cases.rules(clocks__key_groups_finish=1440)
    few = cases.problem([], [], days=2, labs=[lab("A", "640121", 460)], book=book)
    sites = [one_site(500, 2, key=n == 9) for n in range(10)]
    found = plan_days.in_turn(few, sites, AT)
    assert found[9] == [few.days[0]]
    assert found[8] == [few.days[1]]


def test_a_plan_of_two_days_gives_no_laboratory_more_than_its_day() -> None:
    """Everybody could come on the first day; then the laboratory could not test them."""
    villages, blocks = cases.county(5_000, 6)
    case = cases.problem(villages, blocks, days=2, labs=[Lab("A", "A", 430, "640121", 106.3, 38.3)])
    plan = make_plan(case, PlanParams(routed=False), search=cases.QUICK)
    found = plan_checker.broken(plan_checker.check(case, plan))
    assert [f.code for f in found if f.level == "error"] == []
    assert plan.totals.lab_shortage == 0
    used = {site.open[0].start for site in plan.sites}
    assert used == {cases.START, cases.START + timedelta(days=1)}
