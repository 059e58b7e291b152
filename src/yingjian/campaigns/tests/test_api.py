"""The room over HTTP: who sees which presets, rounds and people; exports are journalled."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest
import python_calamine
from django.test import Client

from yingjian.access import scope
from yingjian.access.models import JournalEntry, User
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, device, sign_in, user
from yingjian.campaigns import actions, exports, presets, queries
from yingjian.campaigns.tests.factories import (
    COUNTY,
    VILLAGE_A,
    active,
    drafted,
    due_ids,
    frozen,
    persons,
    send,
)
from yingjian.population.models import Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("drill")]


def browser(made: User, language: str = "zh") -> Client:
    headers = {"X-Yingjian-At": NOON.isoformat(), "Accept-Language": language}
    client = Client(headers=headers)
    sign_in(client, made)
    return client


def got(client: Client, path: str, status: int = 200) -> Any:
    answer = client.get(path)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_presets_are_listed_shown_and_compared_in_two_languages() -> None:
    made = user("registrar")
    zh, en = browser(made), browser(made, "en")
    heads = {item["code"]: item for item in got(zh, "/api/presets")["items"]}
    assert {"yongning", "mule", "yilaha", "shushan"} <= set(heads)
    for code, head in heads.items():
        sites = presets.load(code).sites
        told = (head["open_from"], head["open_to"])
        assert told == (sites.open_from.value, sites.open_to.value)
    assert got(en, "/api/presets/mule")["title"] != got(zh, "/api/presets/mule")["title"]
    page = got(zh, "/api/presets/mule")
    assert {"path", "label", "text", "origin_text"} <= set(page["values"][0])
    diff = got(en, "/api/presets/diff?a=yongning&b=mule")
    assert (diff["left"]["code"], diff["right"]["code"]) == ("yongning", "mule")
    assert all(row["differs"] for row in diff["items"])
    row = next(row for row in diff["items"] if row["key"] == "clocks.pick_up")
    assert row["label"]
    assert (row["a"], row["origin_a"] != "") == ("2 h", True)
    everything = got(zh, "/api/presets/diff?a=yongning&b=mule&everything=true")
    assert len(everything["items"]) > len(diff["items"])
    assert got(zh, "/api/presets/mule@1")["header"]["version"] == 1


@pytest.mark.parametrize("name", ["atlantis", "mule@9", "mule@x", "mule@", "base", "..%2Fbase"])
def test_an_unknown_preset_is_told_so(name: str) -> None:
    client = browser(user("registrar"))
    if name == "mule@":
        assert got(client, f"/api/presets/{name}")["header"]["code"] == "mule"
        return
    answer = client.get(f"/api/presets/{name}")
    assert answer.status_code == 404
    if "%" not in name:
        assert answer.json()["code"] == "campaigns.preset_unknown"
        assert answer.json()["do"]


def test_an_older_version_is_read_from_the_rounds_that_used_it() -> None:
    with scope.everywhere():
        document = json.loads(json.dumps(_document(), default=str))
        document["header"]["version"] = 7
        send("preset.store", {"document": document})
    client = browser(user("registrar"))
    assert got(client, "/api/presets/mule@7")["header"]["version"] == 7
    assert got(client, "/api/presets/mule")["header"]["version"] == 1


def _document() -> dict[str, Any]:
    from yingjian.campaigns import presets

    return presets.snapshot(presets.load("mule"))


def test_rounds_in_sight_and_totals_of_the_own_area_only() -> None:
    persons(2)
    persons(3, f"{TOWN_B}001")
    county = frozen(COUNTY, preset="yongning")
    hidden = drafted(TOWN_B)
    town, whole = browser(user("town_worker")), browser(user("commander", COUNTY))
    seen = {item["id"]: item for item in got(town, "/api/rounds")["items"]}
    assert set(seen) == {str(county)}
    assert seen[str(county)]["due_total"] is None
    assert seen[str(county)]["preset"]["code"] == "yongning"
    assert seen[str(county)]["area"] == {"code": COUNTY, "name": COUNTY}
    page = got(town, f"/api/rounds/{county}")
    assert (page["due_total"], page["counts"]["total"]) == (None, 2)
    page = got(whole, f"/api/rounds/{county}")
    assert (page["due_total"], page["counts"]["total"]) == (5, 5)
    assert got(town, f"/api/rounds/{hidden}", 404)["code"] == "campaigns.round_unknown"
    assert got(town, f"/api/rounds/{uuid.uuid4()}", 404)["code"] == "campaigns.round_unknown"
    first = got(whole, "/api/rounds?limit=1")
    rest = got(whole, f"/api/rounds?limit=1&after={first['next']}")
    assert {first["items"][0]["id"], rest["items"][0]["id"]} == {str(county), str(hidden)}
    assert got(whole, "/api/rounds?state=draft&limit=5")["next"] is None


def test_the_due_list_is_masked_paged_and_scoped() -> None:
    persons(3)
    persons(2, f"{TOWN_B}001")
    round_id = frozen(COUNTY, preset="yongning")
    town = browser(user("town_worker"))
    first = got(town, f"/api/rounds/{round_id}/due?limit=2")
    rest = got(town, f"/api/rounds/{round_id}/due?limit=2&after={first['next']}")
    people = first["items"] + rest["items"]
    assert len({person["id"] for person in people}) == 3
    assert rest["next"] is None
    assert {person["area"] for person in people} == {VILLAGE_A}
    assert {person["name"] for person in people} == {"测*人"}
    assert not {"id_number", "phone"} & set(people[0])
    assert got(town, f"/api/rounds/{round_id}/due?area={TOWN_B}")["items"] == []
    assert got(town, f"/api/rounds/{round_id}/due?state=excused")["items"] == []
    sampler = browser(user("sampler"))
    assert got(sampler, f"/api/rounds/{round_id}/due", 403)["code"] == "access.not_permitted"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("state=lost", 422, "access.input_malformed"),
        ("area=12x", 422, "access.input_malformed"),
        ("area=%25", 422, "access.input_malformed"),
        ("limit=0", 422, "access.input_malformed"),
        ("limit=99999", 422, "access.input_malformed"),
        ("after=page-two", 422, "campaigns.page_malformed"),
        ("home=perhaps", 422, "access.input_malformed"),
    ],
)
def test_malformed_questions_get_their_code(query: str, status: int, code: str) -> None:
    persons(1)
    round_id = frozen()
    client = browser(user("town_worker"))
    assert got(client, f"/api/rounds/{round_id}/due?{query}", status)["code"] == code


def test_nobody_and_devices_of_a_station() -> None:
    persons(1)
    round_id = frozen(COUNTY, preset="yongning")
    assert Client().get(f"/api/rounds/{round_id}").status_code == 401
    made, secret = device("S-01", VILLAGE_A)
    station = Client(headers={"Authorization": f"Device {made.id}:{secret}"})
    assert got(station, f"/api/rounds/{round_id}")["counts"]["total"] == 1


def sheets(data: bytes) -> list[list[list[Any]]]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


@pytest.mark.parametrize(("language", "heading"), [("zh", "姓名"), ("en", "Name")])
def test_an_export_holds_the_asked_people_masked_and_is_journalled(
    language: str, heading: str
) -> None:
    people = persons(3)
    persons(1, f"{TOWN_B}001")
    round_id = active(COUNTY, preset="yongning")
    with scope.everywhere():
        actions.due_sampled(at_by_due_id={due_ids(round_id, people)[0]: NOON})
    client = browser(user("town_worker"), language)
    answer = client.get(f"/api/rounds/{round_id}/due.xlsx")
    assert answer.status_code == 200
    assert answer["X-Rows"] == "3"
    (rows,) = sheets(answer.content)
    assert heading in rows[0]
    assert len(rows) == 4
    column = rows[0].index(heading)
    assert {row[column] for row in rows[1:]} == {"测*人"}
    assert any("2026-01-16 12:00" in row for row in rows)  # China's time
    with scope.everywhere():
        entry = JournalEntry.objects.get(kind="export.make")
    assert json.loads(entry.payload) == {"what": "due_list", "round_id": str(round_id), "rows": 3}
    few = client.get(f"/api/rounds/{round_id}/due.xlsx?state=sampled")
    assert few["X-Rows"] == "1"


def test_who_may_not_see_people_may_not_export_them() -> None:
    persons(1)
    round_id = frozen()
    cases = {"commander": "campaigns.persons_hidden", "registrar": "access.not_permitted"}
    for role, code in cases.items():
        answer = browser(user(role)).get(f"/api/rounds/{round_id}/due.xlsx")
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    with scope.everywhere():
        assert not JournalEntry.objects.filter(kind="export.make").exists()


def test_a_list_longer_than_a_sheet_goes_on_in_the_next() -> None:
    """Capability 102: nothing is cut at the limit of a sheet."""
    persons(7)
    round_id = frozen()
    from yingjian.access.tests.factories import actor, new_id

    with scope.everywhere():
        made = exports.due_list(
            actor("town_worker", TOWN_A), round_id, queries.DueFilter(), language="zh", at=NOON, id=new_id(),
            sheet_rows=3,
        )  # fmt: skip
    assert made.rows == 7
    assert [len(rows) - 1 for rows in sheets(made.data)] == [3, 3, 1]


def test_the_list_on_a_screen_names_no_house() -> None:
    people = persons(1)
    with scope.everywhere():
        Person.objects.filter(id=people[0]).update(address="永发村3组17号")
    round_id = frozen()
    (row,) = got(browser(user("town_worker")), f"/api/rounds/{round_id}/due")["items"]
    assert (row["name"], row["address"]) == ("测*人", "永发村*组**号")
