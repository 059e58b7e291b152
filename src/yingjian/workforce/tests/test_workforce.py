"""Institutions, staff, posts, groups and trainings through the journal, and who sees them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from yingjian.access import journal, scope
from yingjian.access.journal import Verdict
from yingjian.access.tests.factories import (
    NOON,
    TOWN_A,
    TOWN_B,
    actor,
    command,
    new_id,
    sign_in,
    user,
)
from yingjian.kernel.errors import RuleBroken, catalogue
from yingjian.workforce import actions, queries
from yingjian.workforce.models import Institution, Post, StaffMember, Training, WorkGroup
from yingjian.workforce.values import FreeStaff, PostRow

pytestmark = pytest.mark.django_db

ROUND = uuid.UUID("01900000-0000-7000-8000-000000000001")
SITE = f"{TOWN_A}201001"


def send(
    kind: str, payload: Mapping[str, Any], *, role: str = "round_planner", area: str = TOWN_A
) -> Verdict:
    (verdict,) = journal.submit(
        actor=actor(role, area), received_at=NOON, commands=[command(kind, payload)], park=False
    )
    return verdict


def refused(kind: str, payload: Mapping[str, Any], *, area: str = TOWN_A) -> str:
    with pytest.raises(RuleBroken) as caught:
        send(kind, payload, area=area)
    return caught.value.code


def institution(area: str = TOWN_A, name: str = "卫生院") -> uuid.UUID:
    id = new_id()
    given = {"institution_id": id, "area": area, "name": name, "kind": "hospital"}
    send("institution.add", given, area=area)
    return id


def person(at: uuid.UUID, *, area: str = TOWN_A, job: str = "sampler", **more: Any) -> uuid.UUID:
    id = new_id()
    row = {"staff_id": id, "institution_id": at, "name": "某某", "job": job, "area": area, **more}
    assert send("staff.add", {"staff": [row]}, area=area).answer == {"added": 1}
    return id


def post(staff: uuid.UUID, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {
        "post_id": new_id(), "round_id": ROUND, "staff_id": staff, "job": "sampler",
        "starts": hour(start), "ends": hour(end), "site_code": SITE, "station_code": SITE + "01", **more,
    }  # fmt: skip


def hour(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def test_staff_are_added_many_at_a_time_in_two_statements(
    django_assert_max_num_queries: Any,
) -> None:
    at = institution()
    rows = [
        {"staff_id": new_id(), "institution_id": at, "name": f"某{n}", "job": "volunteer", "area": TOWN_A}
        for n in range(178)
    ]  # fmt: skip
    with django_assert_max_num_queries(12):
        assert send("staff.add", {"staff": rows}).answer == {"added": 178}
    assert send("staff.add", {"staff": rows[:2]}).answer == {"added": 0}
    with scope.everywhere():
        assert StaffMember.objects.count() == 178
        assert queries.staff_counts("231183") == {"volunteer": 178}


def test_a_person_stands_at_one_place_at_a_time() -> None:
    staff = person(institution())
    assert send("post.assign", {"posts": [post(staff, 0, 4), post(staff, 8, 12)]}).answer == {
        "assigned": 2
    }
    assert send("post.assign", {"posts": [post(staff, 4, 8)]}).verdict == "applied"
    assert refused("post.assign", {"posts": [post(staff, 11, 13)]}) == "workforce.post_overlaps"
    twice = [post(staff, 20, 24), post(staff, 23, 25)]
    assert refused("post.assign", {"posts": twice}) == "workforce.post_overlaps"
    with scope.everywhere():
        assert Post.objects.count() == 3
        assert {row.area for row in Post.objects.all()} == {f"{TOWN_A}201"}


def test_the_database_itself_refuses_an_overlap() -> None:
    staff = person(institution())
    send("post.assign", {"posts": [post(staff, 0, 4)]})
    with scope.everywhere(), pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.create(
            id=new_id(), area=TOWN_A, round_id=ROUND, staff_id=staff, job="sampler",
            starts=hour(3), ends=hour(5),
        )  # fmt: skip


def test_a_roving_post_has_the_persons_area() -> None:
    staff = person(institution(), job="police")
    send("post.assign", {"posts": [post(staff, 0, 8, site_code="", station_code="", job="police")]})
    with scope.everywhere():
        assert Post.objects.get().area == TOWN_A


def test_a_post_sent_again_changes_nothing() -> None:
    staff = person(institution())
    row = post(staff, 0, 4)
    send("post.assign", {"posts": [row]})
    assert send("post.assign", {"posts": [row]}).answer == {"assigned": 0}


def test_who_is_free_knows_posts_levels_and_qualifications() -> None:
    at = institution()
    busy, free = person(at), person(at, qualified_for=["site_lead"])
    elsewhere_at = institution(TOWN_B, "邻镇卫生院")
    person(elsewhere_at, area=TOWN_B)
    send("post.assign", {"posts": [post(busy, 0, 4)]})
    with scope.everywhere():
        now = queries.staff_free(f"{TOWN_A}201", starts=hour(1), ends=hour(2))
        later = queries.staff_free(TOWN_A, starts=hour(4), ends=hour(8))
    assert now == [FreeStaff(free, "sampler", TOWN_A, ("site_lead",), at, 0, None, None)]
    found = {row.id: (row.worked, row.last_duty, row.vaccinated) for row in later}
    assert found == {busy: (240, hour(4), None), free: (0, None, None)}


def test_a_duty_at_a_vaccination_place_is_remembered() -> None:
    staff = person(institution())
    send("post.assign", {"posts": [post(staff, 0, 4) | {"job": "vaccinator"}]})
    with scope.everywhere():
        (found,) = queries.staff_free(TOWN_A, starts=hour(20), ends=hour(24))
        (long_ago,) = queries.staff_free(TOWN_A, starts=hour(24 * 9), ends=hour(24 * 9 + 1))
    assert (found.vaccinated, found.worked) == (hour(4), 240)
    assert (long_ago.vaccinated, long_ago.last_duty, long_ago.worked) == (None, None, 0)


def test_groups_and_trainings_are_kept() -> None:
    send("workgroup.add", {"group_id": new_id(), "round_id": ROUND, "area": TOWN_A, "name": "采样组",
                           "leader": "甲", "duty": "采样"})  # fmt: skip
    training = {
        "training_id": new_id(),
        "area": TOWN_A,
        "topic": "穿脱防护",
        "held_at": NOON,
        "attended": 30,
    }
    send("training.record", training)
    send("training.record", {**training, "attended": 31})
    with scope.everywhere():
        assert [g.name for g in WorkGroup.objects.all()] == ["采样组"]
        assert [t.attended for t in Training.objects.all()] == [30], "the first record stands"


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        ("institution.add", {"institution_id": new_id(), "area": TOWN_A, "name": " ", "kind": "x"},
         "workforce.text_missing"),
        ("institution.add", {"institution_id": new_id(), "area": "23x", "name": "a", "kind": "x"},
         "workforce.area_malformed"),
        ("institution.add", {"institution_id": new_id(), "area": "", "name": "a", "kind": "x"},
         "workforce.area_malformed"),
        ("institution.add", {"institution_id": new_id(), "area": TOWN_B, "name": "a", "kind": "x"},
         "access.outside_area"),
        ("staff.add", {"staff": [{"staff_id": new_id(), "institution_id": new_id(), "name": "a",
                                  "job": "sampler", "area": TOWN_A}]}, "workforce.institution_unknown"),
        ("staff.add", {"staff": [{"staff_id": new_id(), "institution_id": new_id(), "name": "a",
                                  "job": "wizard", "area": TOWN_A}]}, "workforce.job_unknown"),
        ("staff.add", {"staff": [{"staff_id": new_id(), "institution_id": new_id(), "name": "a",
                                  "job": "sampler", "area": TOWN_A, "qualified_for": ["wizard"]}]},
         "workforce.job_unknown"),
        ("staff.add", {"staff": [{"staff_id": new_id(), "institution_id": new_id(), "name": "",
                                  "job": "sampler", "area": TOWN_A}]}, "workforce.text_missing"),
        ("post.assign", {"posts": [post(new_id(), 0, 1)]}, "workforce.staff_unknown"),
        ("post.assign", {"posts": [post(new_id(), 1, 1)]}, "workforce.post_span"),
        ("post.assign", {"posts": [post(new_id(), 0, 1, job="wizard")]}, "workforce.job_unknown"),
        ("training.record", {"training_id": new_id(), "area": TOWN_A}, "access.payload_malformed"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_code(
    kind: str, payload: Mapping[str, Any], code: str
) -> None:
    assert refused(kind, payload) == code


def test_a_training_nobody_can_believe_is_parked_not_lost() -> None:
    verdict = send(
        "training.record",
        {"training_id": new_id(), "area": TOWN_A, "topic": "a", "held_at": NOON, "attended": -1},
    )
    assert (verdict.verdict, verdict.code) == ("parked", "workforce.attended_malformed")


def test_names_are_taken_once_per_area() -> None:
    institution()
    again = {"institution_id": new_id(), "area": TOWN_A, "name": "卫生院", "kind": "hospital"}
    assert refused("institution.add", again) == "workforce.institution_taken"
    group = {"round_id": ROUND, "area": TOWN_A, "name": "采样组"}
    send("workgroup.add", {"group_id": new_id(), **group})
    assert refused("workgroup.add", {"group_id": new_id(), **group}) == "workforce.workgroup_taken"


def test_a_post_in_another_town_is_refused() -> None:
    staff = person(institution())
    row = post(staff, 0, 1, site_code=f"{TOWN_B}201001", station_code="")
    assert refused("post.assign", {"posts": [row]}) == "access.outside_area"


def test_only_planners_staff_a_round() -> None:
    with pytest.raises(RuleBroken) as caught:
        send("staff.add", {"staff": []}, role="sampler")
    assert caught.value.code == "access.not_permitted"


def signed_in(area: str) -> Client:
    client = Client()
    sign_in(client, user("round_planner", area))
    return client


def test_the_lists_show_ones_own_town_only() -> None:
    staff = person(institution())
    send("post.assign", {"posts": [post(staff, 0, 4)]})
    send(
        "workgroup.add", {"group_id": new_id(), "round_id": ROUND, "area": TOWN_A, "name": "采样组"}
    )
    mine, theirs = signed_in(TOWN_A), signed_in(TOWN_B)
    for path, count in (
        ("/api/staff", 1),
        (f"/api/staff?area={TOWN_A}&job=sampler", 1),
        ("/api/staff?job=police", 0),
        (f"/api/rounds/{ROUND}/posts", 1),
        (f"/api/rounds/{ROUND}/posts?site={SITE}", 1),
        (f"/api/rounds/{ROUND}/workgroups", 1),
    ):
        body = mine.get(path).json()
        assert len(body["items"]) == count, path
        assert theirs.get(path).json()["items"] == [], path
    line = mine.get(f"/api/rounds/{ROUND}/posts").json()["items"][0]
    assert (line["name"], line["station_code"]) == ("某某", SITE + "01")
    assert mine.get(f"/api/staff?after={line['staff_id']}").json()["items"] == []


def test_without_sight_nothing_is_there() -> None:
    institution()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('yingjian.areas', '', true)")
    assert Institution.objects.count() == 0


def test_every_error_has_a_sentence_in_both_languages() -> None:
    for language in ("zh", "en"):
        own = {c: t for c, t in catalogue(language).items() if c.startswith("workforce.")}
        assert len(own) == 12
        assert all(text["says"] and text["do"] for text in own.values())


def test_only_an_overlap_is_told_as_an_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another rule of the database that breaks is a fault of ours, not two posts at once."""
    at = person(institution())

    def broken(*_: object) -> int:
        raise IntegrityError("post_job")

    monkeypatch.setattr(actions, "_insert_posts", broken)
    given = post(at, 1, 2)
    row = PostRow(
        id=given["post_id"], round_id=ROUND, staff_id=at, job="sampler", starts=hour(1), ends=hour(2),
        site_code=SITE, station_code=SITE + "01",
    )  # fmt: skip
    with scope.everywhere(), pytest.raises(IntegrityError, match="post_job"):
        actions.posts_assign(actor=None, rows=[row])
