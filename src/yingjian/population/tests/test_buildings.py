"""Buildings laid beside the roster's addresses: which homes get a place, which lines are given back."""

from __future__ import annotations

import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.actor import SYSTEM
from yingjian.access.tests.factories import NOON, TOWN_A, actor, new_id
from yingjian.campaigns.tests.factories import send
from yingjian.population import actions, jobs
from yingjian.population.models import Household
from yingjian.population.tests.files import write_csv
from yingjian.population.tests.test_api import DATA, Browser

pytestmark = pytest.mark.django_db

VILLAGE = "231183101200"
OTHER = "231183101201"
HEAD = ("村(社区)代码", "楼栋或自然组", "户号", "经度", "纬度", "坐标系")
COUNTY_BEFORE = "嫩江市伊拉哈镇兴隆村"


@pytest.fixture(autouse=True)
def _ground(settings: Any, tmp_path: Path) -> None:
    settings.YINGJIAN_VAR = tmp_path / "var"
    actions.regions_import(actor=SYSTEM, path=DATA / "231183101-yilaha.csv")


def homes(*addresses: str, area: str = VILLAGE, **more: Any) -> list[uuid.UUID]:
    ids = [new_id() for _ in addresses]
    with scope.everywhere():
        Household.objects.bulk_create(
            Household(id=id, area=area, no=more.get("no", str(id)[-12:]), address=address, lon=more.get("lon"),
                      lat=more.get("lat"))
            for id, address in zip(ids, addresses, strict=True)
        )  # fmt: skip
    return ids


def where(id: uuid.UUID) -> tuple[float | None, float | None]:
    with scope.everywhere():
        home = Household.objects.get(id=id)
    return home.lon, home.lat


def read(browser: Browser, tmp_path: Path, *rows: tuple[str, ...]) -> dict[str, Any]:
    """Hand in, let the job read it, look at it."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    content = write_csv(tmp_path / "b.csv", rows, head=HEAD).read_bytes()
    given = {"file": SimpleUploadedFile("楼.csv", content), "area": TOWN_A}
    answer = browser.client.post("/api/buildings/lists", given, headers=browser.headers)
    assert answer.status_code == 202, answer.content
    list_id = answer.json()["item"]["id"]
    jobs.read_buildings(list_id=list_id, at=NOON.isoformat())
    found: dict[str, Any] = browser.get(f"/buildings/lists/{list_id}").json()
    return found


def test_homes_get_the_place_of_the_building_their_address_begins_with(tmp_path: Path) -> None:
    browser = Browser("town_worker")
    group, next_group = homes(f"{COUNTY_BEFORE}3组5号", "13组1号")
    flat, far_flat = homes("幸福小区1号楼2单元501室", "幸福小区12号楼1单元101室")
    (by_number,) = homes("", no="00077")
    (elsewhere,) = homes("3组5号", area=OTHER)
    (stood,) = homes("4组1号", lon=126.0, lat=48.0)
    told = read(
        browser, tmp_path,
        (VILLAGE, "三组", "", "126.25", "48.21", ""), (VILLAGE, "幸福小区1#", "", "126.26", "48.22", ""),
        (VILLAGE, "", "00077", "126.27", "48.23", ""), (VILLAGE, "兴隆村4组", "", "126.28", "48.24", "高德"),
        (VILLAGE, "9组", "", "126.2", "48.2", ""), (VILLAGE, "", "", "126.2", "48.2", ""),
        (TOWN_A, "3组", "", "126.2", "48.2", ""), (VILLAGE, "第3组", "", "126.2", "48.2", ""),
    )  # fmt: skip
    item = told["item"]
    assert (item["state"], item["rows_good"], item["rows_refused"]) == ("ready", 4, 4)
    assert item["counts"] == {"matched": 4, "homes": 4, "placed": 3, "moved": 1, "unmoved": 0}
    assert [(one["row"], one["code"]) for one in told["problems"]] == [
        (6, "population.place.no_home"), (7, "population.place.no_address"), (8, "population.place.not_village"),
        (9, "population.place.twice"),
    ]  # fmt: skip
    assert where(group) == (None, None), "nothing is changed before it is applied"
    payload = {"building_list_id": item["id"]}
    assert send("building.place", payload, by=actor("town_worker")).answer == {
        "homes": 4,
        "changed": 4,
    }
    assert where(group) == (126.25, 48.21)
    assert where(flat) == (126.26, 48.22)
    assert where(by_number) == (126.27, 48.23)
    assert where(stood) != (126.0, 48.0)
    assert [where(home) for home in (next_group, far_flat, elsewhere)] == [(None, None)] * 3
    assert send("building.place", payload, by=actor("town_worker")).answer == {
        "homes": 4,
        "changed": 0,
    }
    shown = browser.get("/buildings").json()
    assert (shown["homes"], shown["placed"]) == (7, 4)
    assert {line["area"]: (line["homes"], line["placed"]) for line in shown["items"]} == {
        VILLAGE: (6, 4), OTHER: (1, 0),
    }  # fmt: skip
    book = browser.get("/buildings/missing.xlsx").content
    _, *lines = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert sorted(str(line[2]) for line in lines) == ["13组", "3组", "幸福小区12号楼"]
    mend = browser.get(f"/buildings/lists/{item['id']}/problems.xlsx").content
    assert (
        len(CalamineWorkbook.from_filelike(io.BytesIO(mend)).get_sheet_by_index(0).to_python()) == 5
    )


def test_a_county_of_buildings_takes_a_fixed_number_of_statements(
    tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    browser = Browser("town_worker")
    homes(*(f"{n}组{m}号" for n in range(1, 401) for m in (1, 2)))
    rows = [(VILLAGE, f"{n}组", "", f"126.{n:03d}", "48.2", "") for n in range(1, 401)]
    with django_assert_max_num_queries(60):
        item = read(browser, tmp_path, *rows)["item"]
        told = send("building.place", {"building_list_id": item["id"]}, by=actor("town_worker"))
    assert told.answer == {"homes": 800, "changed": 800}
