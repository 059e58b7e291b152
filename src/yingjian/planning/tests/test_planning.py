"""Propose, apply, drop and print plans through the journal and over HTTP."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from yingjian.access import outbox, scope
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, new_id
from yingjian.campaigns.models import Campaign, DuePerson, Preset, Round
from yingjian.campaigns.tests import factories
from yingjian.campaigns.tests.factories import VILLAGE_A, VILLAGE_B, due_ids, frozen, persons, send
from yingjian.engines.plan import codes as plan_codes
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.models import Allocation, Laboratory
from yingjian.logistics.models import Vehicle
from yingjian.planning import queries, rules
from yingjian.planning.events import PlanApplied
from yingjian.planning.models import PlanRecord
from yingjian.planning.tests.plan_factories import COUNTY, apply, laboratory, propose, refusal, town
from yingjian.population.models import Household, Person, Region
from yingjian.sampling.models import Site, Station
from yingjian.workforce.models import Post

pytestmark = pytest.mark.django_db


# --- proposing -----------------------------------------------------------------------------------


def test_a_proposal_is_computed_checked_and_kept() -> None:
    round_id = town()
    plan_id, verdict = propose(round_id)
    assert verdict.verdict == "applied"
    assert verdict.answer["version"] == 1
    assert verdict.answer["totals"]["people"] == 120
    assert verdict.answer["findings"]["error"] == 0
    with scope.everywhere():
        record = PlanRecord.objects.get(id=plan_id)
        plan = queries.document_of(plan_id)
    assert (record.state, record.area, record.applied_at) == ("proposed", TOWN_A, None)
    assert plan.totals.home_people == 2
    assert plan.preset == "yongning@1"
    assert propose(round_id)[1].answer["version"] == 2


def test_households_stay_together_and_nobody_is_named() -> None:
    round_id = town()
    with scope.everywhere():
        blocks = queries.blocks_of(round_id, door_limit=42)
    assert sum(block.people for block in blocks) == 120
    families = [block for block in blocks if block.key.startswith("h")]
    assert sorted(block.people for block in families) == [2] + [5] * 20
    assert sum(1 for block in blocks if block.key.startswith("p")) == 18
    assert {(b.single, b.rank) for b in blocks if b.single} == {(1, 1)}
    with scope.everywhere():
        singly = queries.blocks_of(round_id, door_limit=4)
    assert sum(1 for block in singly if block.key.startswith("p")) == 118


def test_whoever_lives_away_from_their_household_is_planned_alone() -> None:
    (first, *_) = persons(3, VILLAGE_A, household=True)
    with scope.everywhere():
        Person.objects.filter(id=first).update(area=VILLAGE_B)
    round_id = frozen()
    with scope.everywhere():
        blocks = queries.blocks_of(round_id, door_limit=42)
    assert sorted((b.key[0], b.area, b.people) for b in blocks) == [
        ("h", VILLAGE_A, 2),
        ("p", VILLAGE_B, 1),
    ]


def test_names_and_numbers_of_campaign_and_round_reach_the_plan() -> None:
    with scope.everywhere():
        Region.objects.create(
            code=VILLAGE_A, area=VILLAGE_A, name="东升村", level="village", parent=None
        )
    persons(3, VILLAGE_A)
    earlier = factories.campaign()
    with scope.everywhere():
        Campaign.objects.filter(id=earlier).update(created_at=NOON - timedelta(days=9))
    laboratory()
    round_id = frozen(no=3)
    plan_id, _ = propose(round_id)
    with scope.everywhere():
        plan = queries.document_of(plan_id)
    (site,) = plan.sites
    assert site.name == "东升村采样点"
    box = site.stations[0].boxes[0]
    assert plan_codes.box_code_holds(box)
    assert box[17:21] == "0203", "second campaign of the area, third round"


def test_laboratories_of_the_county_take_the_tubes_and_recheck_centres_wait() -> None:
    laboratory("CITY", area=COUNTY[:4], kind="cdc_city")
    laboratory("FAR", area="110101")
    laboratory("SHUT", state="suspended")
    round_id = town()
    with scope.everywhere():
        assert [lab.code for lab in queries.labs_of(TOWN_A, None)] == ["L1"]
        assert [lab.code for lab in queries.labs_of(TOWN_A, ("FAR", "CITY"))] == ["FAR", "CITY"]
    plan_id, _ = propose(round_id, laboratories=["CITY"])
    with scope.everywhere():
        assert {share.lab for share in queries.document_of(plan_id).shares} == {"CITY"}
    payload = {"plan_id": new_id(), "round_id": round_id, "options": {"laboratories": ["SHUT"]}}
    code = refusal("plan.propose", payload, by=actor("round_planner"))
    assert code == "planning.unknown_laboratory"


def test_a_laboratory_stands_where_its_people_live() -> None:
    with scope.everywhere():
        for n, lon in enumerate((106.0, 107.0)):
            Household.objects.create(
                id=new_id(), area=VILLAGE_A, no=str(n), address="1", lon=lon, lat=38.0
            )
    laboratory("TOWN", area=TOWN_A)
    laboratory("COUNTY")
    with scope.everywhere():
        places = {lab.code: (lab.lon, lab.lat) for lab in queries.labs_of(TOWN_A, None)}
    assert places == {"TOWN": (106.5, 38.0), "COUNTY": (None, None)}


def test_no_laboratory_is_a_plan_with_a_named_shortage() -> None:
    persons(12, VILLAGE_A)
    _, verdict = propose(frozen())
    assert verdict.answer["totals"]["lab_shortage"] == 2
    assert verdict.answer["findings"]["error"] == 3, "none there, tubes left over, no results"


# --- applying ------------------------------------------------------------------------------------


def test_an_applied_plan_opens_sites_allots_laboratories_and_calls_everybody(
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard: list[PlanApplied] = []
    outbox.subscribes(PlanApplied)(heard.append)
    round_id = town()
    plan_id, _ = propose(round_id)
    with django_capture_on_commit_callbacks(execute=True):
        verdict = apply(plan_id, at=NOON + timedelta(minutes=5))
    outbox.deliver_pending()
    assert [event.plan_id for event in heard] == [plan_id]
    with scope.everywhere():
        plan = queries.document_of(plan_id)
        record = PlanRecord.objects.get(id=plan_id)
        assert verdict.answer == {
            "sites": len(plan.sites), "laboratories": 1, "people": 120, "posts": 0,
        }  # fmt: skip
        assert (record.state, record.applied_at) == ("applied", NOON + timedelta(minutes=5))
        assert Site.objects.count() == plan.totals.sites
        assert Station.objects.count() == plan.totals.lanes
        planned = {site.code: site.people for site in plan.sites}
        assert dict(Site.objects.values_list("code", "people_planned")) == planned
        assert sum(Allocation.objects.values_list("tubes_planned", flat=True)) == plan.totals.tubes
        rows = list(DuePerson.objects.filter(round_id=round_id))
    assert len(rows) == 120
    assert all(row.site_code in planned and row.slot_start is not None for row in rows)
    starts = {(site.code, slot.start) for site in plan.sites for slot in site.slots}
    visits = {(site.code, visit.start) for site in plan.sites for visit in site.home}
    for row in rows:
        assert row.slot_start is not None
        assert (row.site_code, row.slot_start) in (visits if row.home else starts)
    assert sum(row.home for row in rows) == 2


def test_each_person_gets_the_slot_of_their_own_household() -> None:
    together = persons(5, VILLAGE_A, household=True)
    persons(300, VILLAGE_A)
    laboratory()
    round_id = frozen()
    plan_id, _ = propose(round_id)
    apply(plan_id)
    with scope.everywhere():
        plan = queries.document_of(plan_id)
        door = Person.objects.get(id=together[0]).household_id
        rows = DuePerson.objects.filter(id__in=due_ids(round_id, together))
        called = {(row.site_code, row.slot_start) for row in rows}
        counted = {
            (row.site_code, row.slot_start): 0
            for row in DuePerson.objects.filter(round_id=round_id)
        }
        for row in DuePerson.objects.filter(round_id=round_id):
            counted[row.site_code, row.slot_start] += 1
    assert door is not None
    key = f"h{door.hex}"
    expected = [
        (site.code, slot.start) for site in plan.sites for slot in site.slots if key in slot.blocks
    ]
    assert list(called) == expected
    assert counted == {
        (site.code, slot.start): slot.people for site in plan.sites for slot in site.slots
    }


def test_the_number_of_statements_does_not_grow_with_the_people(
    django_assert_max_num_queries: Any,
) -> None:
    town()
    persons(900, VILLAGE_B)
    round_id = frozen()
    plan_id, _ = propose(round_id)
    with django_assert_max_num_queries(60):
        apply(plan_id)


def staffed(count: int, job: str, *more: str) -> None:
    planner, at = actor("round_planner"), new_id()
    send(
        "institution.add",
        {"institution_id": at, "area": TOWN_A, "name": f"{job}单位", "kind": "hospital"},
        by=planner,
    )
    rows = [
        {"staff_id": new_id(), "institution_id": at, "name": "某", "job": job, "area": TOWN_A,
         "qualified_for": list(more)}
        for _ in range(count)
    ]  # fmt: skip
    send("staff.add", {"staff": rows}, by=planner)


def test_staff_take_the_seats_and_the_rest_stay_vacant() -> None:
    staffed(2, "sampler")
    staffed(1, "registrar", "site_lead")
    round_id = town()
    plan_id, _ = propose(round_id)
    with scope.everywhere():
        plan = queries.document_of(plan_id)
    assert len(plan.seats) == 3
    verdict = apply(plan_id)
    with scope.everywhere():
        posts = list(Post.objects.select_related("staff"))
    assert verdict.answer["posts"] == len(posts) >= 3
    assert {post.staff.job for post in posts} == {"sampler", "registrar"}
    assert {post.round_id for post in posts} == {round_id}


def test_somebody_posted_elsewhere_meanwhile_is_left_there() -> None:
    staffed(1, "sampler")
    round_id = town()
    plan_id, _ = propose(round_id)
    with scope.everywhere():
        plan = queries.document_of(plan_id)
    (who,) = plan.seats.values()
    post = {
        "post_id": new_id(), "round_id": new_id(), "staff_id": who, "job": "sampler",
        "starts": plan.sites[0].open[0].start, "ends": plan.sites[0].open[0].end,
    }  # fmt: skip
    send("post.assign", {"posts": [post]}, by=actor("round_planner"))
    assert apply(plan_id).answer["posts"] == 0


def test_staff_limit_the_lanes_only_when_asked() -> None:
    staffed(2, "sampler")
    persons(900, VILLAGE_A)
    laboratory()
    round_id = frozen()
    free, _ = propose(round_id)
    tied, _ = propose(round_id, limit_to_staff=True)
    with scope.everywhere():
        lanes = [queries.document_of(plan).totals.lanes for plan in (free, tied)]
    assert lanes[0] > lanes[1] == 1


def test_a_plan_is_applied_once_and_only_while_it_answers_the_list() -> None:
    round_id = town()
    first, _ = propose(round_id)
    second, _ = propose(round_id)
    with scope.everywhere():
        person = DuePerson.objects.filter(round_id=round_id).first()
        assert person is not None
        DuePerson.objects.filter(id=person.id).update(state="excused", reason="x")
    assert refusal("plan.apply", {"plan_id": first}) == "planning.plan_stale"
    with scope.everywhere():
        DuePerson.objects.filter(id=person.id).update(state="due", reason="")
    apply(first)
    assert refusal("plan.apply", {"plan_id": first}) == "planning.plan_state"
    assert refusal("plan.apply", {"plan_id": second}) == "planning.already_applied"
    planner = actor("round_planner")
    send("plan.drop", {"plan_id": second}, by=planner)
    assert refusal("plan.drop", {"plan_id": second}, by=planner) == "planning.plan_state"


def test_a_refused_plan_leaves_nothing_behind() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    with scope.everywhere():
        Laboratory.objects.update(code="GONE")
    assert refusal("plan.apply", {"plan_id": plan_id}) == "planning.unknown_laboratory"
    with scope.everywhere():
        assert Site.objects.count() == 0
        assert not DuePerson.objects.exclude(site_code="").exists()


# --- refusals ------------------------------------------------------------------------------------


def window(round_id: uuid.UUID, **hours: float) -> None:
    with scope.everywhere():
        Round.objects.filter(id=round_id).update(
            window_start=NOON + timedelta(hours=hours["start"]),
            window_end=NOON + timedelta(hours=hours["end"]),
        )


def edited(round_id: uuid.UUID, group: str, name: str, **leaf: Any) -> None:
    """Give the round a preset with one leaf changed, as another version of it."""
    with scope.everywhere():
        row = Preset.objects.get(id=Round.objects.get(id=round_id).preset_id)
        row.document[group][name] = {**row.document[group][name], **leaf}
        row.id, row.version, row.digest = new_id(), row.version + 1, new_id().hex
        row.save(force_insert=True)
        Round.objects.filter(id=round_id).update(preset=row)


def test_what_cannot_be_planned_is_refused_with_its_name() -> None:
    planner = actor("round_planner")
    draft = factories.drafted()
    asked: dict[str, Any] = {"plan_id": new_id(), "round_id": draft}
    assert refusal("plan.propose", asked, by=planner) == "planning.not_frozen"
    assert refusal("plan.propose", {**asked, "round_id": new_id()}, by=planner) == (
        "campaigns.round_unknown"
    )
    round_id = town()
    asked = {"plan_id": new_id(), "round_id": round_id}
    for options, code in (({"load": 2}, "bad_option"), ({"fly": True}, "unknown_option")):
        assert refusal("plan.propose", {**asked, "options": options}, by=planner) == (
            f"planning.{code}"
        )
    window(round_id, start=12, end=14)
    assert refusal("plan.propose", asked, by=planner) == "planning.no_open_hours"
    window(round_id, start=-4, end=24)
    with scope.everywhere():
        DuePerson.objects.filter(round_id=round_id).update(area="23X")
    assert refusal("plan.propose", asked, by=planner) == "planning.bad_area"
    with scope.everywhere():
        DuePerson.objects.filter(round_id=round_id).update(state="excused", reason="x")
    assert refusal("plan.propose", asked, by=planner) == "planning.nobody"
    with scope.everywhere():
        Round.objects.filter(id=round_id).update(state="testing")
    assert refusal("plan.propose", asked, by=planner) == "planning.round_over"


def test_more_sites_than_codes_is_refused() -> None:
    persons(1001, VILLAGE_A)
    round_id = frozen()
    edited(round_id, "sites", "people_per_site", value=1, min=None, max=None)
    asked = {"plan_id": new_id(), "round_id": round_id}
    assert refusal("plan.propose", asked, by=actor("round_planner")) == "planning.too_many_sites"


def test_a_preset_changed_changes_the_plan() -> None:
    persons(900, VILLAGE_A)
    laboratory()
    round_id = frozen()
    before = propose(round_id)[1].answer["totals"]
    edited(round_id, "sites", "people_per_site", value=200, min=None, max=None)
    edited(round_id, "pool", "default_size", value=5)
    after = propose(round_id)[1].answer["totals"]
    assert (before["sites"], after["sites"]) == (1, 5)
    assert (before["tubes"], after["tubes"]) == (90, 180)


def test_unknown_plans_and_other_towns() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    other = actor("commander", TOWN_B)
    assert refusal("plan.apply", {"plan_id": new_id()}) == "planning.plan_unknown"
    assert refusal("plan.apply", {"plan_id": plan_id}, by=other) == "access.outside_area"
    assert refusal("plan.apply", {"plan_id": plan_id}, by=actor("round_planner")) == (
        "access.not_permitted"
    )
    planner_b = actor("round_planner", TOWN_B)
    asked = {"plan_id": new_id(), "round_id": round_id}
    assert refusal("plan.propose", asked, by=planner_b) == "access.outside_area"
    assert refusal("plan.drop", {"plan_id": plan_id}, by=planner_b) == "access.outside_area"
    with scope.everywhere():
        Round.objects.filter(id=round_id).update(state="testing")
    assert refusal("plan.apply", {"plan_id": plan_id}) == "planning.round_over"


def test_a_plan_of_another_make_says_so() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    with scope.everywhere():
        PlanRecord.objects.filter(id=plan_id).update(document={"schema": 1, "totals": {}})
    assert refusal("plan.apply", {"plan_id": plan_id}) == "planning.bad_plan"
    with scope.everywhere(), pytest.raises(RuleBroken) as caught:
        queries.document_of(new_id())
    assert caught.value.code == "planning.plan_unknown"


@pytest.mark.parametrize(("chosen", "limit"), [(None, 2), (0, 0), (5, 5)])
def test_the_areas_vehicles_limit_the_plan_unless_a_number_is_chosen(
    chosen: int | None, limit: int
) -> None:
    round_id = town()
    with scope.everywhere():
        for n, area in enumerate((TOWN_A, TOWN_A[:6], "640121")):
            Vehicle.objects.create(
                id=new_id(), plate=f"V{n}", driver="", route="", area=area, boxes_max=None
            )
        options = {} if chosen is None else {"vehicles": chosen}
        problem = queries.problem_of(round_id, rules.choice_of(options))
    assert problem.resources.vehicles == limit
