"""A county's own places in a plan: chosen where they are, no more lanes than fit, and what nobody gave is said."""

from __future__ import annotations

import msgspec
import numpy as np

from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan.judge import Finding
from yingjian.engines.plan.make import make_plan
from yingjian.engines.plan.model import Candidate, Plan, PlanProblem, plan_from_json, to_json
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.points import question_of
from yingjian.engines.plan.sites import survey
from yingjian.engines.plan.tests import cases


def offered(problem: PlanProblem, *, lanes: int | None = None, villages: int = 99) -> PlanProblem:
    """The problem with a place in the middle of each of its first villages."""
    places = [
        Candidate(
            f"c{n}", f"礼堂{n}", v.area, round(v.lon or 0, 6), round(v.lat or 0, 6), lanes=lanes
        )
        for n, v in enumerate(problem.villages[:villages])
    ]
    return msgspec.structs.replace(problem, candidates=places)


def found(problem: PlanProblem, plan: Plan) -> dict[str, list[Finding]]:
    told: dict[str, list[Finding]] = {}
    for one in plan_checker.check(problem, plan):
        if one.level != "ok":
            told.setdefault(one.code, []).append(one)
    return told


def broken(problem: PlanProblem, plan: Plan) -> set[str]:
    return {code for code, lines in found(problem, plan).items() if lines[0].level == "error"}


def test_sites_stand_on_the_places_given_and_bear_their_names() -> None:
    problem = offered(cases.small())
    plan = make_plan(problem, search=cases.QUICK)
    known = {place.key: place for place in problem.candidates}
    chosen = [site for site in plan.sites if site.given]
    assert chosen
    for site in chosen:
        place = known[site.candidate]
        assert (site.name, site.lon, site.lat) == (place.name, place.lon, place.lat)
    left = {place.key for place in plan.siting.options if not place.made}
    assert left | {site.candidate for site in chosen} == set(known)
    assert plan.siting.given == len(known)
    assert broken(problem, plan) == set()
    assert found(problem, plan)["candidates_used"][0].measured == len(chosen)
    assert plan_from_json(to_json(plan)) == plan


def test_no_more_lanes_than_fit_and_the_certificate_holds() -> None:
    problem = offered(cases.small(), lanes=1)
    only = PlanParams(made_places=False, mobile=False)
    plan = make_plan(problem, only, search=cases.QUICK)
    assert any(site.given for site in plan.sites)
    assert all(site.lanes <= 1 for site in plan.sites if site.given)
    told = found(problem, plan)
    assert "certificate" not in told
    assert "certificate_forged" not in told
    assert "lanes_fit" not in told
    # five thousand people and one lane for each village: some are beyond what fits, and it is said how many
    question = question_of(survey(problem), plan.params)
    assert question is not None
    beyond = int(np.sum(question.problem.heads[plan.siting.beyond]))
    assert beyond > 0
    assert sum(line.params["people"] for line in told["served_outside"]) >= beyond  # type: ignore[misc]
    more = msgspec.structs.replace(plan, siting=msgspec.structs.replace(plan.siting, beyond=[]))
    assert "certificate" in broken(problem, more)


def test_what_nobody_gave_is_made_said_or_forbidden() -> None:
    problem = offered(cases.small(), villages=2)
    plan = make_plan(problem, search=cases.QUICK)
    made = [site for site in plan.sites if site.candidate and not site.given]
    assert made
    (said,) = found(problem, plan)["places_made"]
    assert (said.level, said.measured) == ("note", len(made))
    assert said.params["people"] == sum(site.walkers for site in made)
    strict = make_plan(problem, PlanParams(made_places=False, mobile=False), search=cases.QUICK)
    assert {site.given for site in strict.sites if site.kind == "fixed" and site.candidate} == {
        True
    }
    told = found(problem, strict)
    assert "places_made" not in told
    assert "places_not_made" in told
    assert {line.level for line in told["served_outside"]} == {"warning"}
    assert "certificate" not in told
    assert "certificate_of_other_question" not in told


def test_a_place_that_may_not_be_used_never_is() -> None:
    problem = offered(cases.small())
    shut = [msgspec.structs.replace(place, lock="never") for place in problem.candidates]
    barred = msgspec.structs.replace(problem, candidates=shut)
    plan = make_plan(barred, search=cases.QUICK)
    assert not any(site.given for site in plan.sites)
    assert {place.key for place in plan.siting.options if place.lock == "never"} >= {
        p.key for p in shut
    }
    strict = make_plan(barred, PlanParams(made_places=False), search=cases.QUICK)
    assert not any(site.given for site in strict.sites), (
        "a town without usable places gets made ones"
    )
    assert broken(barred, strict) == set()


def test_where_a_plan_cannot_choose_the_places_it_says_why() -> None:
    given = offered(cases.problem(*cases.county(900, 2), book=cases.rules(sites__fixed_sites=2)))
    plan = make_plan(given, search=cases.QUICK)
    assert "candidates_unused_given" in found(given, plan)
    villages, blocks = cases.county(900, 2, places=False)
    blind = msgspec.structs.replace(
        cases.problem(villages, blocks),
        candidates=[Candidate("c", "礼堂", villages[0].area, 106.2, 38.2)],
    )
    assert "candidates_unused_by_village" in found(blind, make_plan(blind, search=cases.QUICK))


def test_a_plan_that_lies_about_its_places_is_caught() -> None:
    problem = offered(cases.small())
    plan = make_plan(problem, search=cases.QUICK)
    at = next(n for n, site in enumerate(plan.sites) if site.given)

    def lying(**changes: object) -> Plan:
        sites = list(plan.sites)
        sites[at] = msgspec.structs.replace(sites[at], **changes)
        return msgspec.structs.replace(plan, sites=sites)

    assert "candidate_unknown" in broken(problem, lying(given=False))
    assert "candidate_moved" in broken(problem, lying(name="别处"))
    assert "candidate_moved" in broken(problem, lying(lon=106.0))
    narrow = [
        msgspec.structs.replace(place, lanes=1 if place.key == plan.sites[at].candidate else None)
        for place in problem.candidates
    ]
    stations = plan.sites[at].stations * 2
    cramped = msgspec.structs.replace(problem, candidates=narrow)
    assert "lanes_fit" in broken(cramped, lying(stations=stations))
