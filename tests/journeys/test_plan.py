"""The plan workspace: a limit on sites, a place moved on the map and back, approval, a sheet of paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.journeys.steps import arrive, says, sign_in
from tests.played import TOWN_A, TOWN_B, Asker, Played

pytestmark = pytest.mark.e2e


@pytest.fixture
def round_to_plan(planner: Asker, round_played: Played) -> str:
    """A frozen round of the county in two days' time, and a hall in each town on the list of candidates."""
    round_id = planner.drawn_up(no=7, lasts=timedelta(days=2))
    planner.done("round.freeze", round_id=round_id)
    with round_played.sql() as connection:
        for town in (TOWN_A, TOWN_B):
            row = connection.execute(
                """SELECT area, avg(lon), avg(lat) FROM population_household
                    WHERE area ^@ %s AND lon IS NOT NULL GROUP BY area ORDER BY count(*) DESC LIMIT 1""",
                [town],
            ).fetchone()
            assert row is not None, "homes of the played round have places"
            planner.done(
                "candidate.set", candidate_id=planner.new(), area=row[0], name=f"文化礼堂{town[-1]}{round_id[-6:]}",
                lon=round(row[1], 6), lat=round(row[2], 6), lanes=6,
            )  # fmt: skip
    planner.done("round.approve", round_id=round_id)
    return round_id


STREETS = "streets.geojson"


@pytest.fixture
def streets(round_played: Played, tmp_path: Path) -> Path:
    """Two long streets through the county's middle, as a map program writes them."""
    with round_played.sql() as connection:
        row = connection.execute(
            "SELECT min(lon), avg(lon), max(lon), min(lat), avg(lat), max(lat) FROM population_household"
        ).fetchone()
    assert row is not None
    west, lon, east, south, lat, north = map(float, row)
    lines = [
        [[west, lat], [lon, lat, 1110.0], [east, lat]],
        [[lon, south], [lon, lat], [lon, north]],
    ]
    file = tmp_path / STREETS
    file.write_text(json.dumps({"type": "MultiLineString", "coordinates": lines}), encoding="utf-8")
    return file


@pytest.fixture
def ground(round_to_plan: str, streets: Path) -> tuple[str, Path]:
    """A round to plan and the county's streets."""
    return round_to_plan, streets


@pytest.fixture
def signed_in(page: Page, language: str) -> Page:
    """The list of rounds."""
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    return page


def plans(asker: Asker, round_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asker.ask("GET", f"/rounds/{round_id}/plans").json()["items"]
    return found


def _moved_and_put_back(
    page: Page, language: str, shot: Callable[[str], None], planner: Asker
) -> None:
    """A place of the list, by keys and saved and undone, then by hand and let be."""
    page.get_by_label(says(language, "moves.title")).check()
    hold = page.locator(".hold").first
    hold.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowUp")
    save = page.get_by_role("button", name=says(language, "moves.save"))
    expect(page.locator(".moves li")).to_contain_text("300")
    shot("plan-moving")
    before = planner.ask("GET", "/candidates").json()["items"]
    save.click()
    undo = page.get_by_role("button", name=says(language, "moves.undo"))
    expect(undo).to_be_visible()
    after = planner.ask("GET", "/candidates").json()["items"]
    moved = [(a, b) for a, b in zip(before, after, strict=True) if a["lat"] != b["lat"]]
    assert len(moved) == 1
    assert moved[0][1]["lat"] - moved[0][0]["lat"] == pytest.approx(300 / 111_320, rel=0.01)
    undo.click()
    expect(undo).to_have_count(0)
    assert [c["lat"] for c in planner.ask("GET", "/candidates").json()["items"]] == [
        c["lat"] for c in before
    ]
    # and by hand: taken hold of, carried, let go
    box = hold.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 20, middle[1] - 15, steps=4)
    page.mouse.up()
    expect(page.locator(".moves li")).to_have_count(1)
    page.get_by_role("button", name=says(language, "moves.cancel")).click()
    expect(page.locator(".moves li")).to_have_count(0)


def test_a_plan_is_made_moved_about_approved_and_put_on_paper(
    signed_in: Page, language: str, shot: Callable[[str], None], planner: Asker,
    ground: tuple[str, Path],
) -> None:  # fmt: skip
    page, (round_to_plan, streets) = signed_in, ground
    page.goto(f"/console/rounds/{round_to_plan}/plan")
    arrive(page, says(language, "workspace.title"))
    make = page.get_by_role("button", name=says(language, "workspace.make"))
    limit = page.get_by_label(says(language, "workspace.mostSites"))
    limit.fill("1")
    make.click()
    # two towns and one site: refused with how many it takes, before anything is planned
    expect(page.get_by_role("alert")).to_contain_text("2", timeout=120_000)
    shot("plan-refused")
    limit.fill("2")
    page.get_by_label(says(language, "workspace.paths")).set_input_files(streets)
    expect(page.get_by_text(streets.name)).to_be_visible()
    make.click()
    expect(page.get_by_role("heading", name=says(language, "workspace.map"))).to_be_visible(
        timeout=180_000
    )
    (made,) = plans(planner, round_to_plan)
    assert made["siting"]["most_sites"] == 2
    assert made["totals"]["sites"] - made["totals"]["mobile_teams"] <= 2
    # the streets of the file are in the plan and on its map
    whole = planner.ask("GET", f"/plans/{made['id']}").json()
    assert len(whole["plan"]["params"]["paths"]) == 2
    assert page.locator(".map path.path").get_attribute("d")
    shot("plan")

    _moved_and_put_back(page, language, shot, planner)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=says(language, "workspace.excel")).click()
    book = CalamineWorkbook.from_path(Path(waiting.value.path()))
    totals = book.get_sheet_by_index(0).to_python()
    assert any(row[1] == 2 and "2" not in str(row[0]) for row in totals)

    page.get_by_role("button", name=says(language, "decide.apply")).click()
    page.get_by_role("dialog").wait_for()
    shot("plan-approve")
    page.get_by_role("button", name=says(language, "decide.applyYes"), exact=True).click()
    expect(page.locator(".decision .done")).to_be_visible()
    assert [one["state"] for one in plans(planner, round_to_plan)] == ["applied"]
    page.emulate_media(media="print")
    expect(page.locator(".tools").first).to_be_hidden()
    expect(page.locator(".print-head")).to_contain_text("演练第一轮")
    shot("plan-printed")
    page.emulate_media(media="screen")


def test_a_rehearsal_goes_on_paper_and_into_a_workbook(
    signed_in: Page, language: str, shot: Callable[[str], None], round_played: Played
) -> None:
    page = signed_in
    page.goto(f"/console/rounds/{round_played.round_id}/rehearsal")
    arrive(page, says(language, "rehearsal.title"))
    expect(page.get_by_test_id("expected").first).to_be_visible(timeout=180_000)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=says(language, "workspace.excel")).click()
    book = CalamineWorkbook.from_path(Path(waiting.value.path()))
    plan = next(
        p for p in json.loads(page.request.get(f"/api/rounds/{round_played.round_id}/plans").text())["items"]
        if p["state"] == "applied"
    )  # fmt: skip
    told = json.loads(page.request.get(f"/api/plans/{plan['id']}/rehearsal").text())
    rows = len(book.get_sheet_by_index(3).to_python()) - 1
    assert rows == sum(len(day["numbers"]) for day in told["days"])
    page.emulate_media(media="print")
    expect(page.locator(".tools").first).to_be_hidden()
    shot("rehearsal-printed")
    page.emulate_media(media="screen")


@pytest.fixture
def following(planner: Asker, ground: tuple[str, Path], drafted: str) -> tuple[str, int]:
    """A frozen round without a plan, after one whose plan, of this version, has the county's streets."""
    before, streets = ground
    options = {"mobile": False, "paths": json.loads(streets.read_text(encoding="utf-8"))}
    planner.done("plan.propose", plan_id=planner.new(), round_id=before, options=options)
    (kept,) = plans(planner, before)
    planner.done("round.freeze", round_id=drafted)
    return drafted, kept["version"]


def test_the_next_round_has_the_streets_of_the_last_plan(
    signed_in: Page, language: str, shot: Callable[[str], None], planner: Asker,
    following: tuple[str, int],
) -> None:  # fmt: skip
    page, (drafted, version) = signed_in, following
    page.goto(f"/console/rounds/{drafted}/plan")
    arrive(page, says(language, "workspace.title"))
    named = {"round": "演练第一轮", "version": version}
    told = page.get_by_text(says(language, "workspace.linesEarlier", count=2, **named))
    expect(told).to_be_visible()
    shot("plan-kept-lines")
    drop = page.get_by_role("button", name=says(language, "workspace.linesDrop")).last
    drop.click()
    expect(told).to_have_count(0)
    page.get_by_role("button", name=says(language, "workspace.linesTake", **named)).last.click()
    expect(told).to_be_visible()
    page.get_by_role("button", name=says(language, "workspace.make")).click()
    expect(page.get_by_role("heading", name=says(language, "workspace.map"))).to_be_visible(
        timeout=180_000
    )
    (made,) = plans(planner, drafted)
    whole = planner.ask("GET", f"/plans/{made['id']}").json()
    assert len(whole["plan"]["params"]["paths"]) == 2
