"""A river in a plan: nobody walks across it, each bank has its own site or team, and the judge counts it too."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.judge import stands
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Candidate, Plan, PlanProblem, plan_from_json, to_json
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.points import question_of
from yingjian.engines.plan.sites import survey
from yingjian.engines.plan.tests import cases
from yingjian.engines.siting.model import crossed


def river(problem: PlanProblem) -> PlanParams:
    """A line from south to north through the middle of the largest village."""
    at = middle(problem)
    return PlanParams(barriers=(((at, 38.0), (at, 38.3), (at, 38.7)),))


def middle(problem: PlanProblem) -> float:
    heads: dict[str, int] = {}
    for block in problem.blocks:
        heads[block.area] = heads.get(block.area, 0) + block.people
    largest = max(heads, key=lambda area: heads[area])
    return round(float(np.median([b.lon for b in problem.blocks if b.area == largest])), 5)


def across(problem: PlanProblem, plan: Plan) -> int:
    """People who come to a site on the other side."""
    at, blocks = middle(problem), {b.key: b for b in problem.blocks}
    return sum(
        blocks[key].walkers
        for site in plan.sites
        if site.kind == "fixed"
        for slot in site.slots
        for key in slot.blocks
        if ((blocks[key].lon or 0) < at) != ((site.lon or 0) < at)
    )


def codes(problem: PlanProblem, plan: Plan) -> set[str]:
    return {f.code for f in plan_checker.check(problem, plan) if f.level in {"error", "warning"}}


def test_nobody_walks_across_a_river_and_everybody_is_served() -> None:
    problem = cases.small()
    without = make_plan(problem, search=cases.QUICK)
    plan = make_plan(problem, river(problem), search=cases.QUICK)
    assert across(problem, without) > 0, "else the river proves nothing"
    assert across(problem, plan) == 0
    assert plan.totals.people == without.totals.people
    assert not {"served_across", "certificate", "certificate_of_other_question"} & codes(
        problem, plan
    )
    assert plan.siting.cost > without.siting.cost
    assert plan_from_json(to_json(plan)) == plan


def test_a_plan_that_forgets_its_river_answers_another_question() -> None:
    problem = cases.small()
    plan = make_plan(problem, river(problem), search=cases.QUICK)
    forgot = msgspec.structs.replace(plan, params=PlanParams())
    assert "certificate_of_other_question" in codes(problem, forgot)


def test_a_bank_without_a_place_is_served_across_and_that_is_said() -> None:
    """One place in all and none may be made: whoever lives on the other bank has to cross."""
    problem = cases.small()
    at = middle(problem)
    east = [b for b in problem.blocks if (b.lon or 0) > at and b.area == largest_of(problem)]
    hall = Candidate("hall", "礼堂", east[0].area, at + 0.0005, round(east[0].lat or 0, 6))
    given = msgspec.structs.replace(problem, candidates=[hall])
    params = msgspec.structs.replace(river(problem), made_places=False, mobile=False)
    plan = make_plan(given, params, search=cases.QUICK)
    told = [f for f in plan_checker.check(given, plan) if f.code == "served_across"]
    assert told
    assert all(f.level == "warning" and f.params["people"] for f in told)
    assert {o.rule for o in plan.siting.outside} >= {"barrier"}


STREAM = PlanParams(barriers=(((106.2, 38.0), (106.2, 38.1)),))


def waded(problem: PlanProblem, plan: Plan) -> int:
    """People called to a mobile team on the other bank of the hamlet's stream."""
    blocks = {b.key: b for b in problem.blocks}
    return sum(
        blocks[key].walkers
        for site in plan.sites
        for key, (lon, _) in stands(site).items()
        if ((blocks[key].lon or 0) < 106.2) != (lon < 106.2)
    )


def test_a_mobile_team_stands_on_both_banks() -> None:
    problem = cases.hamlet()
    without = make_plan(problem, search=cases.QUICK)
    plan = make_plan(problem, STREAM, search=cases.QUICK)
    assert without.totals.mobile_teams
    assert waded(problem, without) > 0, "else the stream proves nothing"
    assert plan.totals.mobile_visits > without.totals.mobile_visits
    assert waded(problem, plan) == 0
    assert "served_across" not in codes(problem, plan)


def test_the_judge_counts_who_wades_to_a_mobile_team() -> None:
    """One bank's stop taken away: its people are met by the team on the other."""
    problem = cases.hamlet()
    plan = make_plan(problem, STREAM, search=cases.QUICK)
    west = [v for site in plan.sites for v in site.visits if v.lon < 106.2]
    assert west
    moved = msgspec.structs.replace(
        plan,
        sites=[
            msgspec.structs.replace(
                site,
                visits=[
                    msgspec.structs.replace(v, lon=106.2008) if v.lon < 106.2 else v
                    for v in site.visits
                ],
            )
            for site in plan.sites
        ],
    )
    told = [f for f in plan_checker.check(problem, moved) if f.code == "served_across"]
    assert sum(int(f.params["people"]) for f in told) == waded(problem, moved) > 0
    assert {f.level for f in told} == {"error"}


def largest_of(problem: PlanProblem) -> str:
    heads: dict[str, int] = {}
    for block in problem.blocks:
        heads[block.area] = heads.get(block.area, 0) + block.people
    return max(heads, key=lambda area: heads[area])


def test_a_river_through_a_group_of_homes_parts_it_in_every_town() -> None:
    problem = cases.problem(*cases.county(3_000, 6, seed=3, towns=2))
    params = river(problem)
    question = question_of(survey(problem), params)
    assert question is not None
    at, blocks = middle(problem), [b for b in problem.blocks if b.people > 0]
    for own in question.members:
        assert len({(blocks[i].lon or 0) < at for i in own}) == 1
    plain = question_of(survey(problem), PlanParams())
    assert plain is not None
    assert len(question.problem.barriers) > 0
    assert len(plain.problem.barriers) == 0


def test_a_plan_that_chooses_nothing_by_place_says_so() -> None:
    villages, blocks = cases.county(800, 2, places=False)
    problem = cases.problem(villages, blocks)
    plan = make_plan(problem, PlanParams(barriers=(((106.0, 38.0), (106.5, 38.5)),)))
    assert "barriers_unused" in {f.code for f in plan_checker.check(problem, plan)}


@pytest.mark.parametrize(
    ("line", "cut"),
    [
        ((0.0, 0.0, 2.0, 2.0), True),
        ((0.1, 2.0, 0.5, 1.6), False),
        ((2.0, 0.0, 5.0, 0.0), True),  # touches the end
        ((3.0, 3.0, 4.0, 4.0), False),
        ((1.0, 1.0, 1.0, 1.0), True),  # a point on the way
    ],
)
def test_a_way_is_cut_where_a_line_touches_it(line: tuple[float, ...], cut: bool) -> None:
    way = [np.array([n, n]) for n in (0.0, 2.0, 2.0, 0.0)]
    assert crossed(np.array([line]), *way).tolist() == [cut, cut]
    assert crossed(np.zeros((0, 4)), *way).tolist() == [False, False]
