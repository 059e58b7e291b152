"""A plan is looked for in the background, watched, stopped; its sites are proven, drawn and printed."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from docx import Document
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.tests.factories import TOWN_A, actor, new_id
from yingjian.campaigns.tests.factories import VILLAGE_A, VILLAGE_B, frozen, persons, send
from yingjian.kernel import clock
from yingjian.kernel.errors import RuleBroken
from yingjian.planning import actions, annex, documents, jobs, queries
from yingjian.planning.models import PlanSearch
from yingjian.planning.tests.plan_factories import laboratory, refusal
from yingjian.planning.tests.test_documents import signed_in
from yingjian.population.models import Household

pytestmark = pytest.mark.django_db


def two_villages() -> uuid.UUID:
    """130 people in two villages 6 km apart, each home with a place."""
    for n in range(20):
        persons(5, VILLAGE_A, household=True)
        if n < 15:
            persons(2, VILLAGE_B, household=True)
    with scope.everywhere():
        for n, home in enumerate(Household.objects.order_by("id")):
            east = 0.07 if home.area == VILLAGE_B else 0.0
            home.lon, home.lat = 106.2 + east + (n % 5) * 0.001, 38.2 + (n % 7) * 0.0007
            home.save()
    laboratory()
    return frozen(preset="yongning")


def look(round_id: uuid.UUID, **options: object) -> uuid.UUID:
    made = new_id()
    payload = {"plan_id": made, "round_id": round_id, "options": options}
    send("plan.search", payload, by=actor("round_planner"))
    return made


def test_a_search_ends_as_a_proven_plan() -> None:
    round_id = two_villages()
    plan_id = look(round_id, mobile=False)
    with scope.everywhere():
        (waiting,) = queries.searches_for(actor("round_planner"), round_id)
    assert (waiting.state, waiting.plan_id) == ("waiting", plan_id)
    jobs.search(plan_id=str(plan_id))
    with scope.everywhere():
        (done,) = queries.searches_for(actor("round_planner"), round_id)
        plan = queries.document_of(plan_id)
        findings = queries.findings_of(plan_id)
    assert (done.state, done.cost, done.bound) == ("done", plan.siting.cost, plan.siting.bound)
    assert plan.siting.method == "certified"
    assert plan.siting.gap is not None
    assert 0 <= plan.siting.gap < 1
    assert len(plan.sites) == 2, "the villages are too far apart for one site"
    assert [f["code"] for f in findings if f["level"] == "error"] == []
    assert any(f["code"] == "certificate" and f["level"] == "ok" for f in findings)


def test_at_most_one_site_for_two_villages_is_held_proven_and_printed() -> None:
    round_id = two_villages()
    plan_id = look(round_id, mobile=False, most_sites=1)
    jobs.search(plan_id=str(plan_id))
    with scope.everywhere():
        plan, findings = queries.document_of(plan_id), queries.findings_of(plan_id)
        head = queries.head_of(plan_id)
        annexed = documents.plan_annex(
            head, queries.document_of(head.id), at=clock.now(), language="zh"
        )
        booked = documents.tables(plan, findings, "zh")
    assert len(plan.sites) == 1
    levels = {f["code"]: f["level"] for f in findings}
    assert (levels["sites_most"], levels["certificate"]) == ("ok", "ok")
    outside = [f for f in findings if f["code"] == "served_outside"]
    assert sum(f["params"]["people"] for f in outside) == 30, "the smaller village is left out"
    (site,) = plan.sites
    lines = documents.finding_lines(plan, findings, "zh")
    told = next(one for one in lines if one["code"] == "served_outside")
    assert site.name in told["says"]
    assert (told["element"], site.code in told["says"]) == (f"site:{site.code}", False)
    said = "要求固定采样点不超过1个（流动采样队不计），实设1个。因此有30人只能在规则之外安排"
    assert said in "\n".join(p.text for p in Document(io.BytesIO(annexed)).paragraphs)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(booked)).get_sheet_by_index(0).to_python()
    assert ["其中固定采样点最多", 1] in sheet


def test_a_limit_below_what_must_stay_is_refused_with_how_many_it_takes() -> None:
    round_id = two_villages()
    plan_id = look(round_id, mobile=False, most_sites=1, locks={"a": "stay", "b": "stay"})
    jobs.search(plan_id=str(plan_id))
    with scope.everywhere():
        (failed,) = queries.searches_for(actor("round_planner"), round_id)
    assert (failed.state, failed.error) == ("failed", "planning.too_few_sites")
    assert failed.error_params == {"most": 1, "least": 2}
    (told,) = signed_in().get(f"/api/rounds/{round_id}/plan-searches").json()["items"]
    assert "至少要 2 个" in told["says"]
    assert told["do"]


def test_a_search_that_was_stopped_still_brings_a_plan() -> None:
    round_id = two_villages()
    plan_id = look(round_id)
    send("plan.stop", {"plan_id": plan_id}, by=actor("round_planner"))
    jobs.search(plan_id=str(plan_id))
    with scope.everywhere():
        assert PlanSearch.objects.get(id=plan_id).state == "done"
        assert queries.document_of(plan_id).totals.people == 130


def test_a_search_whose_worker_died_is_closed_and_another_may_begin() -> None:
    round_id = two_villages()
    plan_id = look(round_id)
    row = PlanSearch.objects.filter(id=plan_id)
    late = clock.now() + timedelta(minutes=5)
    assert actions.searches_interrupted(at=late) == [], "one that waits has no worker yet"
    with scope.everywhere():
        row.update(state="running", seen_at=clock.now())
    jobs.close_interrupted(timestamp=0)
    with scope.everywhere():
        assert row.get().state == "running", "it told a moment ago"
    known = connection.get_connection_params()
    names = {"host", "port", "dbname", "user", "password"} & known.keys()
    held = psycopg.connect(**{name: known[name] for name in names})
    held.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"planning.search.{plan_id}"])
    assert actions.searches_interrupted(at=late) == [], "its worker lives, however silent"
    held.close()
    assert actions.searches_interrupted(at=late) == [plan_id]
    with scope.everywhere():
        (told,) = queries.searches_for(actor("round_planner"), round_id)
    assert (told.state, told.error) == ("failed", "planning.search_interrupted")
    jobs.search(plan_id=str(plan_id))
    with scope.everywhere():
        assert row.get().state == "failed", "its job, given out again, does not begin anew"
    again = look(round_id)
    jobs.search(plan_id=str(again))
    with scope.everywhere():
        assert PlanSearch.objects.get(id=again).state == "done"


def test_locks_are_kept_and_what_was_tried_is_said() -> None:
    round_id = two_villages()
    first = look(round_id, mobile=False)
    jobs.search(plan_id=str(first))
    with scope.everywhere():
        plan = queries.document_of(first)
    chosen = plan.sites[0].candidate
    other = next(c.key for c in plan.siting.options if c.area == plan.sites[0].area)
    second = look(
        round_id, mobile=False, locks={chosen: "never", other: "stay"},
        rules={"sites.people_per_site": 800},
    )  # fmt: skip
    jobs.search(plan_id=str(second))
    with scope.everywhere():
        again = queries.document_of(second)
        findings = queries.findings_of(second)
    open_ = {site.candidate for site in again.sites}
    assert other in open_
    assert chosen not in open_
    assert again.siting.heads_per_site == 800
    codes = {f["code"] for f in findings if f["level"] != "ok"}
    assert "rule_tried" in codes
    assert not {c for c in codes if c.startswith("lock_")}


def test_a_search_nobody_may_begin_or_that_makes_no_sense() -> None:
    persons(3, VILLAGE_A)
    laboratory()
    round_id = frozen()
    asked = {
        "plan_id": new_id(),
        "round_id": round_id,
        "options": {"rules": {"pool.default_size": 3}},
    }
    assert refusal("plan.search", asked, by=actor("round_planner")) == "planning.bad_option"
    with pytest.raises(RuleBroken):
        send("plan.search", asked | {"options": {}}, by=actor("round_planner", area="110101001"))
    unknown = {"plan_id": new_id()}
    assert refusal("plan.stop", unknown, by=actor("round_planner")) == "planning.plan_unknown"


def test_a_plan_is_drawn_and_printed_with_its_proof() -> None:
    round_id = two_villages()
    plan_id = look(round_id)
    jobs.search(plan_id=str(plan_id))
    with scope.everywhere():
        head = queries.head_of(plan_id)
        plan = queries.document_of(plan_id)
        word = documents.plan_annex(
            head, queries.document_of(head.id), at=head.made_at, language="zh"
        )
    layers = [f["properties"]["layer"] for f in json.loads(annex.geojson(plan))["features"]]
    assert layers.count("site") == plan.totals.sites
    assert layers.count("visit") == plan.totals.mobile_visits
    assert layers.count("spot") == plan.siting.points
    text = "\n".join(p.text for p in Document(io.BytesIO(word)).paragraphs)
    assert f"距最优不超过{annex.percent(plan.siting.gap or 0)}%" in text
    assert head.siting["bound"] == plan.siting.bound
    assert head.area == TOWN_A


def test_a_gap_is_never_rounded_in_our_favour() -> None:
    assert annex.percent(0.01481) == "1.49"
    assert annex.percent(0.0) == "0"
