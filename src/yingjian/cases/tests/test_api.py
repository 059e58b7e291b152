"""The room over HTTP: pools with their swabs side by side, positives with every notice, and who sees them."""

from __future__ import annotations

import pytest

from yingjian.access import scope
from yingjian.access.tests.factories import TOWN_B, new_id, user
from yingjian.cases.tests.test_cases import Scene, at_commit
from yingjian.laboratory.tests import factories as make
from yingjian.laboratory.tests.test_api import browser, got
from yingjian.population.models import Household

__all__ = ["at_commit"]
pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def played() -> tuple[Scene, str]:
    """A pool of two: one positive in both laboratories, one negative in both."""
    scene = Scene()
    tube = make.tube(scene.world, people=2)
    scene.results({tube.code: "positive"})
    members = scene.members(tube.code)
    codes = scene.swab(tube.code, members)
    for laboratory in (scene.region, scene.city):
        scene.test(
            laboratory,
            {code: "positive" if member == members[0].id else "negative"
             for (member, lab), code in codes.items() if lab == laboratory.id},
        )  # fmt: skip
    return scene, tube.code


def test_an_investigator_sees_both_swabs_of_every_member() -> None:
    scene, code = played()
    client = browser(user("cdc_investigator", make.COUNTY))
    (row,) = got(client, f"/rounds/{scene.world.round.id}/pools")["items"]
    assert (row["tube_code"], row["state"], row["resolution"]) == (code, "resolved", "positive")
    assert (row["members"], row["re_sampled"], row["released"], row["confirmed"]) == (2, 2, 1, 1)
    page = got(client, f"/pools/{row['id']}")
    assert [member["state"] for member in page["members"]] == ["confirmed", "released"]
    for member in page["members"]:
        assert {test["laboratory"] for test in member["tests"]} == {
            scene.region.name,
            scene.city.name,
        }
        assert member["name"].endswith("**")
    assert got(client, f"/rounds/{scene.world.round.id}/pools?state=flagged")["items"] == []


def test_every_notice_of_a_positive_is_told_with_its_times() -> None:
    scene, _ = played()
    client = browser(user("cdc_investigator", make.COUNTY))
    (row,) = got(client, f"/rounds/{scene.world.round.id}/positives")["items"]
    assert (row["notices"], row["acknowledged"], row["state"]) == (12, 0, "rechecked")
    page = got(client, f"/positives/{row['id']}")
    assert len({(notice["party"], notice["message"]) for notice in page["notices"]}) == 12
    assert {notice["sent_at"] for notice in page["notices"]} == {page["found_at"]}


def test_another_town_sees_nothing_of_it() -> None:
    scene, code = played()
    client = browser(user("cdc_investigator", TOWN_B))
    round_id = scene.world.round.id
    assert got(client, f"/rounds/{round_id}/pools")["items"] == []
    assert got(client, f"/rounds/{round_id}/positives")["items"] == []
    pool = scene.pool(code)
    assert got(client, f"/pools/{pool.id}", 404)["code"] == "cases.pool_unknown"
    assert got(client, f"/positives/{pool.id}", 404)["code"] == "cases.positive_unknown"


@pytest.mark.parametrize("path", ["pools", "positives"])
def test_an_unknown_state_is_told_with_the_known_ones(path: str) -> None:
    world = make.world()
    client = browser(user("cdc_investigator", make.COUNTY))
    refused = got(client, f"/rounds/{world.round.id}/{path}?state=nonsense", 422)
    assert refused["code"] == "cases.state_unknown"
    assert "resolved" in refused["params"]["known"] or "initial" in refused["params"]["known"]


def test_pages_follow_each_other() -> None:
    scene = Scene()
    codes = [make.tube(scene.world, people=1).code for _ in range(3)]
    scene.results(dict.fromkeys(codes, "positive"))
    client = browser(user("commander", make.COUNTY))
    path = f"/rounds/{scene.world.round.id}/pools"
    first = got(client, f"{path}?limit=2")
    rest = got(client, f"{path}?limit=2&after={first['next']}")
    assert {row["tube_code"] for row in first["items"] + rest["items"]} == set(codes)
    assert rest["next"] is None


def test_a_household_is_listed_as_contacts() -> None:
    scene = Scene()
    home = Household(id=new_id(), area=make.VILLAGE, no="9", address="9号")
    with scope.everywhere():
        home.save()
    ill, other = make.person(household=home), make.person(household=home)
    tube = make.tube(scene.world, persons=[ill], mode="single")
    scene.results({tube.code: "positive"})
    client = browser(user("cdc_investigator", make.COUNTY))
    (row,) = got(client, f"/rounds/{scene.world.round.id}/positives")["items"]
    (contact,) = got(client, f"/positives/{row['id']}")["contacts"]
    assert (contact["person_id"], contact["basis"]) == (str(other.id), "household")
