"""Plans over HTTP and on paper: JSON, the code sheet, the workbook, the command line."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from typing import Any
from urllib.parse import unquote

import pytest
import python_calamine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pypdf import PdfReader

from yingjian.access import scope
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import TOWN_A, TOWN_B, sign_in, user
from yingjian.campaigns import presets
from yingjian.campaigns.models import Round
from yingjian.campaigns.tests.factories import VILLAGE_A, frozen, persons
from yingjian.engines.plan import codes as plan_codes
from yingjian.engines.plan.model import plan_from_json
from yingjian.kernel.errors import catalogue
from yingjian.laboratory.models import Laboratory
from yingjian.planning import documents, labels, queries, rules, wording
from yingjian.planning.models import PlanRecord
from yingjian.planning.tests.plan_factories import propose, town

pytestmark = pytest.mark.django_db


# --- over HTTP -----------------------------------------------------------------------------------


def signed_in(area: str = TOWN_A) -> Client:
    client = Client()
    sign_in(client, user("round_planner", area))
    return client


def test_plans_are_listed_and_read_with_findings_as_sentences() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in()
    listed = client.get(f"/api/rounds/{round_id}/plans").json()
    (line,) = listed["items"]
    said = rules.rules_of(presets.load("yongning"))
    assert listed["rules"].keys() == rules.CHANGEABLE
    for path, tried in listed["rules"].items():
        limit = said.by_path[path]
        assert tried == {"value": limit.value, "low": limit.low, "high": limit.high}
    assert (line["id"], line["state"], line["version"]) == (str(plan_id), "proposed", 1)
    assert line["totals"]["people"] == 120
    assert line["findings"]["ok"] > 100
    body = client.get(f"/api/plans/{plan_id}").json()
    assert body["plan"]["sites"][0]["slots"][0]["blocks"] > 0
    assert all(item["says"] and "…" not in item["says"] for item in body["items"])
    held = {item["path"]: item for item in body["items"] if item["level"] == "ok"}
    assert held["sites.queue_limit"]["rules"] == ["R23"]
    assert held["sites.queue_limit"]["origin"] == "S4/YN R23"
    full = client.get(f"/api/plans/{plan_id}?full=true").json()
    plan = plan_from_json(json.dumps(full["plan"]))
    assert sum(len(slot.blocks) for site in plan.sites for slot in site.slots) == 38


def test_another_town_sees_no_plan() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in(TOWN_B)
    for path in ("", "/codes.pdf", "/plan.xlsx"):
        response = client.get(f"/api/plans/{plan_id}{path}")
        assert (response.status_code, response.json()["code"]) == (404, "planning.plan_unknown")
    assert client.get(f"/api/rounds/{round_id}/plans").status_code == 404


def test_the_code_sheet_is_a_pdf_of_labels() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in()
    response = client.get(f"/api/plans/{plan_id}/codes.pdf")
    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF")
    with scope.everywhere():
        plan = queries.document_of(plan_id)
    site = plan.sites[0]
    own = list(labels.labels(plan, under=site.code))
    assert [label.kind for label in own[:3]] == ["site", "station", "box"]
    assert len(own) == 1 + sum(1 + len(station.boxes) for station in site.stations)
    one = client.get(f"/api/plans/{plan_id}/codes.pdf?under={site.code}")
    assert one.status_code == 200
    page = PdfReader(io.BytesIO(one.content)).pages[0]
    assert own[0].code in page.extract_text().replace(" ", "").replace("\n", "")
    used: Any = page["/Resources"]
    assert {"NotoSansSC", "BitstreamVeraSans"} == {
        font["/BaseFont"].split("+")[1].split("-")[0] for font in used["/Font"].values()
    }  # the file brings both; `kernel/tests/test_typeface.py` looks into it
    none = client.get(f"/api/plans/{plan_id}/codes.pdf?under=999")
    assert none.json()["code"] == "planning.site_not_planned"


def test_too_many_labels_are_asked_for_by_town(monkeypatch: pytest.MonkeyPatch) -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    monkeypatch.setattr(labels, "MOST", 3)
    response = signed_in().get(f"/api/plans/{plan_id}/codes.pdf")
    assert response.json()["code"] == "planning.too_many_labels"


def test_a_label_reads_back() -> None:
    """The digits printed in groups are the code; a long name is cut, not spilled."""
    code = plan_codes.box_code("23118310120100301", 1, 1, 7)
    assert "".join(labels._grouped(code)).replace(" ", "") == code
    assert labels._grouped("231183101201003") == ["231183 101201", "003"]
    data = labels.sheet([labels.Label("box", code, "很长" * 60)] * 25, language="en")
    assert data.count(b"/Type /Page\n") == 2
    assert len(labels._wrapped("很长" * 60, 90)) == 2


def test_the_workbook_has_every_table() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    data = signed_in().get(f"/api/plans/{plan_id}/plan.xlsx").content
    book = python_calamine.load_workbook(io.BytesIO(data))
    assert book.sheet_names == list(wording.words("zh")["sheet"].values())
    with scope.everywhere():
        plan = queries.document_of(plan_id)
    rows: dict[str, list[list[Any]]] = {
        name: list(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names
    }
    assert len(rows["采样点"]) == 1 + plan.totals.sites
    assert sum(row[5] for row in rows["采样点"][1:]) == 120
    assert sum(row[4] for row in rows["时段"][1:]) == plan.totals.walkers
    assert len(rows["转运班次"]) == 1 + plan.totals.runs
    assert sum(row[4] for row in rows["检测机构"][1:]) == plan.totals.tubes
    assert rows["时段"][1][2].hour == 12, "local time: the window opens at noon in China"
    assert all(len(lines) > 1 for lines in rows.values()), "an empty table says so"
    assert not plan.tours
    assert [line[0] for line in rows["上门和流动路线"][1:]] == ["无"]


def test_packs_of_moving_teams_are_in_the_workbook_the_annex_and_the_list() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in()
    with scope.everywhere():
        plan = queries.document_of(plan_id)
    teams = {team.code: team for team in plan.teams if team.kit}
    assert teams
    book = python_calamine.load_workbook(
        io.BytesIO(client.get(f"/api/plans/{plan_id}/plan.xlsx").content)
    )
    rows = book.get_sheet_by_name(wording.words("zh")["sheet"]["kit"]).to_python()[1:]
    packed = {code: {(row[2], row[3]) for row in rows if row[0] == code} for code in teams}
    word = wording.words("zh")["team"]
    for code, team in teams.items():
        assert len(packed[code]) == len(team.kit)
        names = {row[1] for row in rows if row[0] == code}
        assert len(names) == 1
        assert word[team.kind] in str(names.pop())
    listed = client.get(f"/api/plans/{plan_id}/goods").json()
    codes = {site.code for site in plan.sites} | teams.keys()
    assert {one["code"] for one in listed["sites"]} == codes
    wanted = {one["item"]: one["wanted"] for one in listed["items"]}
    assert wanted == {item: count for item, count in plan.totals.kit.items() if item in wanted}
    code, team = next(iter(teams.items()))
    pack = client.get(f"/api/plans/{plan_id}/goods?site={code}").json()["site"]
    assert (pack["team"], len(pack["lines"])) == (True, len(team.kit))
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/plans/{plan_id}/plan.docx").content)) as docx:
        text = docx.read("word/document.xml").decode()
    for kind in {one.kind for one in teams.values()}:
        assert f"{word[kind]}，" in text


@pytest.mark.parametrize("form", ["xlsx", "docx"])
def test_taking_a_paper_that_names_staff_is_journalled(form: str) -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in()
    assert client.get(f"/api/plans/{uuid.uuid4()}/plan.{form}").status_code == 404
    with scope.everywhere():
        assert not JournalEntry.objects.filter(kind="export.make").exists()
    assert client.get(f"/api/plans/{plan_id}/plan.{form}").status_code == 200
    with scope.everywhere():
        entry = JournalEntry.objects.get(kind="export.make")
        area = queries.head_of(plan_id).area
    told = json.loads(entry.payload)
    assert (told["what"], told["plan_id"]) == ("plan", str(plan_id))
    assert entry.area == area


def test_the_workbook_shows_what_no_laboratory_takes() -> None:
    persons(12, VILLAGE_A)
    plan_id, _ = propose(frozen())
    with scope.everywhere():
        data = documents.tables(queries.document_of(plan_id), queries.findings_of(plan_id), "en")
    rows = python_calamine.load_workbook(io.BytesIO(data)).get_sheet_by_name("Laboratories")
    assert rows.to_python()[1][4] == 2


# --- the command ---------------------------------------------------------------------------------


def test_the_command_plans_without_storing() -> None:
    round_id = town()
    out = io.StringIO()
    call_command("plan", str(round_id), "--json", "--option", "load=0.5", stdout=out)
    told = json.loads(out.getvalue())
    assert told["plan"]["totals"]["people"] == 120
    assert told["plan"]["params"]["load"] == 0.5
    assert told["findings"]
    short = io.StringIO()
    call_command("plan", str(round_id), "--language", "en", stdout=short)
    assert "People\t120" in short.getvalue()
    moments = re.findall(r"(?m)^(?:Sampling ends|Deadline)\t(.*)$", short.getvalue())
    assert len(moments) == 2
    assert all(re.fullmatch(r"\d\d-\d\d \d\d:\d\d", moment) for moment in moments)
    with scope.everywhere():
        assert not PlanRecord.objects.exists()


def test_the_command_opens_at_most_so_many_sites_and_says_what_that_costs() -> None:
    round_id = town()
    out = io.StringIO()
    call_command("plan", str(round_id), "--most-sites", "1", "--language", "en", stdout=out)
    assert "At most 1 fixed sites were asked for (mobile teams not counted);" in out.getvalue()
    with pytest.raises(CommandError, match=r"planning\.bad_option"):
        call_command("plan", str(round_id), "--most-sites", "0")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], r"planning\.not_a_round"),
        ([str(uuid.UUID(int=7))], "campaigns.round_unknown"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("plan", *arguments)


def test_the_command_refuses_a_bad_option() -> None:
    round_id = town()
    with pytest.raises(CommandError, match=r"planning\.bad_option"):
        call_command("plan", str(round_id), "--option", "load=fast")


# --- words ---------------------------------------------------------------------------------------


def test_every_word_is_there_in_both_languages() -> None:
    def keys(node: Any) -> Any:
        return {k: keys(v) for k, v in node.items()} if isinstance(node, dict) else None

    assert keys(wording.words("zh")) == keys(wording.words("en"))
    assert wording.sentences("zh").keys() == wording.sentences("en").keys()
    for language in ("zh", "en"):
        own = {c: t for c, t in catalogue(language).items() if c.startswith("planning.")}
        assert own
        assert all(text["says"] and text["do"] for text in own.values())


def test_without_sight_there_is_no_plan() -> None:
    propose(town())
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('yingjian.areas', '', true)")
    assert PlanRecord.objects.count() == 0


@pytest.mark.parametrize("language", ["zh", "en"])
def test_whoever_reads_a_plan_meets_names_and_no_codes(language: str) -> None:
    plan_id, _ = propose(town())
    with scope.everywhere():
        plan, findings = queries.document_of(plan_id), queries.findings_of(plan_id)
        late = {
            "code": "results_late", "level": "warning", "element": "plan", "path": "rounds.finish", "value": 1440,
            "measured": "2026-11-27T01:00:45.600000+08:00", "limit": "2026-11-27T00:00:00+08:00", "over": 60.8,
            "origin": "default S4/ML R16",
        }  # fmt: skip
        asked = {
            "code": "goods_support", "level": "note", "element": f"area:{plan.sites[0].area[:6]}",
            "path": "laboratory.support_threshold", "measured": 4, "limit": 0, "origin": "default assumption",
            "params": {"item": "tent", "above": plan.sites[0].area[:4]},
        }  # fmt: skip
        lines = documents.finding_lines(plan, [*findings, late, asked], language)
        data = documents.tables(plan, [*findings, late, asked], language)
        called = queries.names_in(plan, language)
    told = [line["says"] for line in lines]
    assert any("11-27 01:00" in one and "11-27 00:00" in one for one in told)
    for name in (called[plan.sites[0].area[:4]], called[plan.sites[0].area[:6]]):
        assert name in told[-1]
    book = python_calamine.load_workbook(io.BytesIO(data))
    sheet = book.get_sheet_by_name(wording.words(language)["sheet"]["findings"]).to_python()
    cells = [str(cell) for row in sheet for cell in row]
    code = (
        r"(area|job|item|site|lab):\w|\d{4}-\d\d-\d\dT|True|False|None|\['|^default .*/|[a-z]_[a-z]"
    )
    said = [*told, *(line["origin"] for line in lines), *cells]
    assert [one for one in said if re.search(code, one)] == []
    labs = book.get_sheet_by_name(wording.words(language)["sheet"]["labs"]).to_python()
    assert labs[1][0] == called[plan.labs[0].lab] != plan.labs[0].lab


def test_laboratories_above_the_reader_have_their_names() -> None:
    round_id = town()
    with scope.everywhere():
        Laboratory.objects.update(area=VILLAGE_A[:4], name="市检测机构")
    plan_id, _ = propose(round_id)
    client = signed_in()
    with scope.seeing(TOWN_A):
        assert not Laboratory.objects.exists()
    body = client.get(f"/api/plans/{plan_id}").json()
    assert set(body["labs"].values()) == {"市检测机构"}
    said = " ".join(one["says"] for one in body["items"])
    assert not any(code in said for code in body["labs"])


def test_files_are_named_by_their_round_and_version() -> None:
    round_id = town()
    plan_id, _ = propose(round_id)
    client = signed_in()
    answer = client.get(f"/api/plans/{plan_id}/plan.geojson", headers={"Accept-Language": "zh"})
    name = unquote(answer["Content-Disposition"].partition("filename*=utf-8''")[2])
    with scope.everywhere():
        title = Round.objects.get(id=round_id).name
    assert name == f"{title}方案地图数据（方案第1版）.geojson"
    with scope.everywhere():
        Round.objects.filter(id=round_id).update(name='a/b"c')
        assert (
            documents.file_name("book", documents.XLSX, round_id=round_id, language="en")
            == "a_b_c - plan.xlsx"
        )
