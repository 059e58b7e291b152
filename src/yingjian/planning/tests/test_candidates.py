"""Candidate sites: a county's list read, looked at, applied, mended, taken out again; single places by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.actor import SYSTEM
from yingjian.access.tests.factories import NOON, TOWN_A, actor, new_id, sign_in, user
from yingjian.campaigns.tests.factories import send
from yingjian.kernel.errors import RuleBroken
from yingjian.planning import candidate_form, jobs
from yingjian.planning.models import Candidate, CandidateList
from yingjian.population import actions, place_rules, uploads
from yingjian.population.tests.files import write_csv, write_xlsx

pytestmark = pytest.mark.django_db

DATA = Path(__file__).resolve().parents[4] / "data" / "regions"
VILLAGE = "231183101200"
HEAD = (
    "编号",
    "名称",
    "村(社区)代码",
    "类型",
    "经度",
    "纬度",
    "坐标系",
    "最多采样台",
    "室内/室外",
    "停车",
    "不可用",
    "备注",
)
SOUND = ["1", "小学操场", VILLAGE, "学校", "126.25", "48.21", "", "4", "室外", "有", "否", "东门进"]


@pytest.fixture(autouse=True)
def _ground(settings: Any, tmp_path: Path) -> None:
    settings.YINGJIAN_VAR = tmp_path / "var"
    for name in ("231183101-yilaha.csv", "640121-yongning.csv"):
        actions.regions_import(actor=SYSTEM, path=DATA / name)


class Planner:
    """A round planner's browser."""

    def __init__(
        self, role: str = "round_planner", area: str = TOWN_A, lang: str = "zh-hans"
    ) -> None:
        made = user(role, area)
        self.client = Client(enforce_csrf_checks=True, headers={"Accept-Language": lang})
        self.headers = {"X-CSRFToken": sign_in(self.client, made)["csrf"]}

    def get(self, path: str) -> Any:
        return self.client.get(f"/api{path}")

    def hand_in(self, content: bytes, name: str = "点.csv", area: str = TOWN_A, **more: str) -> Any:
        file = SimpleUploadedFile(name, content)
        return self.client.post(
            "/api/candidates/lists", {"file": file, "area": area, **more}, headers=self.headers
        )

    def read(self, content: bytes, name: str = "点.csv", **more: str) -> dict[str, Any]:
        """Hand in, let the job read it, look at it."""
        answer = self.hand_in(content, name, **more)
        assert answer.status_code == 202, answer.content
        list_id = answer.json()["item"]["id"]
        jobs.read_candidates(list_id=list_id, at=NOON.isoformat())
        assert not uploads.path_of(list_id).exists()
        found: dict[str, Any] = self.get(f"/candidates/lists/{list_id}").json()
        return found


def csv(tmp_path: Path, *rows: Sequence[object], head: Sequence[str] = HEAD) -> bytes:
    return write_csv(tmp_path / "c.csv", rows, head=head).read_bytes()


def changed(**cells: str) -> list[str]:
    return list({**dict(zip(HEAD, SOUND, strict=True)), **cells}.values())


def apply(list_id: str) -> dict[str, Any]:
    payload = {"candidate_list_id": list_id}
    return dict(send("candidate.import", payload, by=actor("round_planner")).answer)


def stored() -> list[Candidate]:
    with scope.everywhere():
        return list(Candidate.objects.order_by("key"))


def test_a_list_is_read_looked_at_and_applied_once(tmp_path: Path) -> None:
    planner = Planner()
    gcj = changed(编号="2", 名称="村委会", 坐标系="高德", 最多采样台="", 停车="", 不可用="是")
    told = planner.read(csv(tmp_path, SOUND, gcj))
    item = told["item"]
    assert (item["state"], item["rows_good"], item["rows_refused"]) == ("ready", 2, 0)
    assert item["counts"] == {"new": 2}
    assert stored() == []
    assert apply(item["id"]) == {"added": 2, "updated": 0, "read": 2}
    first, second = stored()
    assert (first.key, first.name, first.area, first.lanes) == (
        "231183101#1",
        "小学操场",
        VILLAGE,
        4,
    )
    assert (first.setting, first.parking, first.barred) == ("outdoor", True, False)
    assert (second.lanes, second.parking, second.barred) == (None, None, True)
    assert (
        (second.lon, second.lat) == place_rules.to_wgs84(126.25, 48.21, "gcj02") != (126.25, 48.21)
    )
    assert apply(item["id"]) == {"added": 0, "updated": 0, "read": 2}
    again = planner.read(csv(tmp_path, changed(名称="小学礼堂"), gcj))["item"]
    assert again["counts"] == {"changed": 1, "same": 1}
    assert apply(again["id"]) == {"added": 0, "updated": 1, "read": 2}
    assert [one.name for one in stored()] == ["小学礼堂", "村委会"]
    assert stored()[0].id == first.id


WRONG: tuple[tuple[dict[str, str], str, str], ...] = (
    ({"名称": ""}, "planning.candidate_nameless", "名称"),
    ({"名称": "长" * 81}, "population.cell.too_long", "名称"),
    ({"村(社区)代码": ""}, "population.place.area_missing", "村(社区)"),
    ({"村(社区)代码": "231183101999"}, "population.region.unknown", "村(社区)代码"),
    ({"村(社区)代码": "640121400001"}, "population.region.outside_area", "村(社区)代码"),
    ({"村(社区)代码": "2311"}, "population.region.code", "村(社区)代码"),
    ({"经度": ""}, "population.place.missing", "经度"),
    ({"经度": "东边"}, "population.place.format", "经度"),
    ({"经度": "48.21", "纬度": "126.25"}, "population.place.swapped", "经度"),
    ({"经度": "42512345", "纬度": "5341234"}, "population.place.projected", "经度"),
    ({"经度": "0", "纬度": "0"}, "population.place.zero", "经度"),
    ({"纬度": "91", "经度": "91"}, "population.place.range", "经度"),
    ({"坐标系": "北京54"}, "population.place.datum", "坐标系"),
    ({"最多采样台": "很多"}, "population.place.number", "最多采样台"),
    ({"最多采样台": "0"}, "population.place.number", "最多采样台"),
    ({"室内/室外": "棚"}, "population.place.word", "室内/室外"),
    ({"停车": "大概"}, "population.place.word", "停车"),
    ({"编号": "1", "名称": "另一处"}, "population.place.twice", ""),
)


def test_wrong_lines_are_given_back_alone_and_taken_when_mended(tmp_path: Path) -> None:
    planner = Planner()
    rows = [changed(**{"编号": f"9{n}", **cells}) for n, (cells, _, _) in enumerate(WRONG)]
    told = planner.read(csv(tmp_path, SOUND, *rows))
    assert (told["item"]["rows_good"], told["item"]["rows_refused"]) == (1, len(WRONG))
    found = [(one["row"], one["column"], one["code"]) for one in told["problems"]]
    assert found == [(n, column, code) for n, (_, code, column) in enumerate(WRONG, start=3)]
    assert not any("…" in one["says"] + one["do"] for one in told["problems"])
    book = planner.get(f"/candidates/lists/{told['item']['id']}/problems.xlsx").content
    head, *lines = (
        CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    )
    assert head[: len(HEAD)] == list(HEAD)
    assert [line[-2] for line in lines] == [row for row, _, _ in found]
    assert all(
        one["says"] in str(line[-1]) for one, line in zip(told["problems"], lines, strict=True)
    )
    mended = [[*changed(编号=f"9{n}"), *line[-2:]] for n, line in enumerate(lines)]
    path = write_xlsx(tmp_path / "mended.xlsx", {"待修改": [head, *mended]})
    item = planner.read(path.read_bytes(), "mended.xlsx")["item"]
    assert (item["rows_good"], item["rows_refused"]) == (len(WRONG), 0)


def test_a_file_that_is_no_list_says_so_and_changes_nothing(tmp_path: Path) -> None:
    planner = Planner(lang="en")
    told = planner.read(b"\x89PNG\r\n\x1a\n\0\0", "点.xlsx")["item"]
    assert (told["state"], told["code"]) == ("refused", "population.roster.format_unknown")
    assert "点.xlsx" in told["says"]
    with pytest.raises(RuleBroken) as caught:
        apply(told["id"])
    assert caught.value.code == "population.places.not_ready"
    for area, datum, code in (
        ("640121400", "wgs84", "access.outside_area"),
        (TOWN_A, "北京54", "population.place.datum"),
    ):
        answer = planner.hand_in(b"x", area=area, datum=datum)
        assert answer.json()["code"] == code
    assert (
        planner.get(f"/candidates/lists/{new_id()}").json()["code"] == "population.places.unknown"
    )
    with pytest.raises(RuleBroken) as caught:
        apply(str(new_id()))
    assert caught.value.code == "population.places.unknown"


def test_what_is_taken_out_is_the_same_when_handed_in_again(tmp_path: Path) -> None:
    planner = Planner()
    rows = [
        SOUND,
        changed(编号="", 名称="广场,东", 最多采样台="", 停车="无", 不可用="是", 备注='说"好"'),
        changed(
            编号="3",
            名称="乡镇礼堂",
            **{"村(社区)代码": "231183101", "室内/室外": "室内外", "类型": ""},
        ),
    ]
    apply(planner.read(csv(tmp_path, *rows))["item"]["id"])
    before = [(c.id, *(getattr(c, field) for field in candidate_form.FIELDS)) for c in stored()]
    assert len(before) == 3
    for lang in ("zh-hans", "en"):
        out = Planner(lang=lang)
        for name in ("candidates.xlsx", "candidates.geojson"):
            item = planner.read(out.get(f"/{name}").content, name)["item"]
            assert (item["counts"], item["rows_refused"]) == ({"same": 3}, 0), (lang, name)
            apply(item["id"])
    assert [(c.id, *(getattr(c, f) for f in candidate_form.FIELDS)) for c in stored()] == before


def test_the_templates_example_is_not_a_place() -> None:
    planner = Planner()
    for lang in ("zh-hans", "en"):
        template = Planner(lang=lang).get("/candidates/template.xlsx").content
        book = CalamineWorkbook.from_filelike(io.BytesIO(template))
        head, example = book.get_sheet_by_index(0).to_python()
        assert len(head) == len(candidate_form.COLUMNS) == len(example)
        assert len(book.sheet_names) == 2
        item = planner.read(template, "t.xlsx")["item"]
        assert (item["state"], item["code"]) == ("refused", "population.places.no_rows")


def test_single_places_are_set_moved_withdrawn_and_come_back(tmp_path: Path) -> None:
    place: dict[str, Any] = {
        "candidate_id": str(new_id()), "area": VILLAGE, "name": "卫生院", "lon": 126.2, "lat": 48.2, "lanes": 2,
        "setting": "indoor",
    }  # fmt: skip
    by = actor("round_planner")
    send("candidate.set", place, by=by)
    send("candidate.set", {**place, "lon": 126.3, "name": "中心卫生院", "datum": "gcj02"}, by=by)
    (one,) = stored()
    assert (one.name, one.key) == ("中心卫生院", f"{VILLAGE}/中心卫生院")
    assert (one.lon, one.lat) == place_rules.to_wgs84(126.3, 48.2, "gcj02")
    other = {**place, "candidate_id": str(new_id()), "name": "中心卫生院"}
    for kind, payload, code in (
        ("candidate.set", other, "planning.candidate_twice"),
        ("candidate.set", {**place, "lon": 48.2, "lat": 126.2}, "population.place.swapped"),
        ("candidate.set", {**place, "lanes": -1}, "population.place.number"),
        ("candidate.set", {**place, "name": " "}, "planning.candidate_nameless"),
        ("candidate.set", {**place, "area": "640121400001"}, "access.outside_area"),
        ("candidate.set", {**place, "area": ""}, "access.outside_area"),
        (
            "candidate.withdraw",
            {"candidate_ids": [str(one.id)], "reason": " "},
            "planning.candidate_reason",
        ),
        (
            "candidate.withdraw",
            {"candidate_ids": [str(new_id())], "reason": "拆了"},
            "planning.candidate_unknown",
        ),
        ("candidate.restore", {"candidate_ids": [str(new_id())]}, "planning.candidate_unknown"),
    ):
        with pytest.raises(RuleBroken) as caught:
            send(kind, payload, by=by)
        assert caught.value.code == code, (kind, payload)
    stranger = actor("round_planner", "640121400")
    with pytest.raises(RuleBroken) as caught:
        send("candidate.withdraw", {"candidate_ids": [str(one.id)], "reason": "拆了"}, by=stranger)
    assert caught.value.code == "access.outside_area"
    send("candidate.withdraw", {"candidate_ids": [str(one.id)], "reason": "正在装修"}, by=by)
    planner = Planner()
    assert planner.get("/candidates").json()["items"] == []
    (shown,) = planner.get("/candidates?withdrawn=true").json()["items"]
    assert (shown["withdrawn_for"], shown["area_name"] != "") == ("正在装修", True)
    send("candidate.restore", {"candidate_ids": [str(one.id)]}, by=by)
    assert len(planner.get("/candidates").json()["items"]) == 1
    send("candidate.withdraw", {"candidate_ids": [str(one.id)], "reason": "正在装修"}, by=by)
    item = planner.read(csv(tmp_path, changed(编号="", 名称="中心卫生院")))["item"]
    assert item["counts"] == {"restored": 1}
    apply(item["id"])
    (back,) = stored()
    assert (back.id, back.withdrawn_at, back.withdrawn_for) == (one.id, None, "")


def test_a_village_cannot_take_over_a_place_of_its_town(tmp_path: Path) -> None:
    planner = Planner()
    apply(planner.read(csv(tmp_path, changed(**{"村(社区)代码": "231183101"})))["item"]["id"])
    told = Planner(area=VILLAGE).read(csv(tmp_path, SOUND), area=VILLAGE)
    assert told["problems"][0]["code"] == "planning.candidate_elsewhere"
    assert [one.area for one in stored()] == ["231183101"]


def test_three_thousand_places_take_seconds_and_a_fixed_number_of_statements(
    tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    planner = Planner()
    rows = [changed(编号=str(n), 名称=f"场所{n}", 经度=f"126.{n:04d}") for n in range(3_000)]
    with django_assert_max_num_queries(60):
        item = planner.read(csv(tmp_path, *rows))["item"]
        assert apply(item["id"])["added"] == 3_000
    pages, after = [], ""
    while True:
        page = planner.get(f"/candidates?after={after.replace('#', '%23')}").json()
        pages.append(len(page["items"]))
        if page["next"] is None:
            break
        after = page["next"]
    assert sum(pages) == 3_000


def test_a_list_whose_reader_died_is_closed(tmp_path: Path) -> None:
    planner = Planner()
    list_id = planner.hand_in(csv(tmp_path, SOUND)).json()["item"]["id"]
    with scope.everywhere():
        CandidateList.objects.filter(id=list_id).update(state="reading")
    jobs.close_interrupted(0)
    told = planner.get(f"/candidates/lists/{list_id}").json()["item"]
    assert (told["state"], told["code"]) == ("failed", "population.places.interrupted")
    assert not uploads.path_of(list_id).exists()


def test_the_files_job_is_deferred_with_the_list(tmp_path: Path) -> None:
    planner = Planner()
    answer = planner.hand_in(csv(tmp_path, SOUND), list_id=str(new_id()))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'planning.read_candidates'"
        )
        ((args,),) = cursor.fetchall()
    said = json.loads(args) if isinstance(args, str) else args
    assert said["list_id"] == answer.json()["item"]["id"]
    assert (
        planner.hand_in(b"x", list_id=said["list_id"]).json()["code"] == "population.import.id_used"
    )
