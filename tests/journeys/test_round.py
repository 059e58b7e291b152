"""From the list of rounds to the records behind a figure, the sites, one person's custody, and the files taken home."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.journeys.steps import ELSEWHERE, arrive, says, sign_in
from tests.played import Played

pytestmark = pytest.mark.e2e
once = pytest.mark.parametrize("view", [("desktop", "zh")], indirect=True)


@pytest.fixture
def signed_in(page: Page, language: str, round_played: Played) -> Page:
    """The list of rounds, with a played round in it."""
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    return page


def ask(page: Page, path: str) -> Any:
    """What the server says to the same visitor: the screen is held against it."""
    answer = page.request.get(path)
    assert answer.ok, answer.text()
    return answer.json()


@pytest.fixture
def round_id(round_played: Played) -> str:
    """The round that was played, among those that other journeys drew up."""
    return round_played.round_id


def test_from_rounds_to_overview_sites_and_a_person(
    signed_in: Page, round_id: str, language: str, shot: Callable[[str], None]
) -> None:
    page = signed_in
    shot("rounds")
    page.locator(f'a[href$="/rounds/{round_id}"]').click()
    expect(page.get_by_test_id("as-of")).to_contain_text(re.compile(r"\d\d:\d\d"))
    shot("overview")
    overview = ask(page, f"/api/rounds/{round_id}/overview")
    shown = {figure["key"]: figure["value"] for figure in overview["figures"]}
    for key in ("due_people", "people_sampled", "people_resulted"):
        card = page.locator(f'a[href$="/figures/{key}"]')
        expect(card).to_contain_text(f"{shown[key]:,}")
    expect(page.get_by_text(overview["coverage"][0]["name"]).first).to_be_visible()

    page.get_by_role("link", name=says(language, "round.sites")).click()
    arrive(page, says(language, "sites.title"))
    sites = ask(page, f"/api/rounds/{round_id}/sites")["items"]
    table = page.get_by_role("table", name=says(language, "sites.title"))
    expect(table.locator("tbody tr")).to_have_count(len(sites))
    expect(table).to_contain_text(sites[0]["code"])
    shot("sites")

    page.goto(f"/console/rounds/{round_id}/figures/people_resulted")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{shown['people_resulted']:,}")
    shot("figure")
    page.get_by_role("link", name=says(language, "figure.chain")).first.click()
    steps = page.get_by_role("list", name=says(language, "chain.steps")).get_by_role("listitem")
    for step in ("sampled", "released"):
        expect(steps.filter(has_text=says(language, f"word.step.{step}")).first).to_be_visible()
    shot("person")


def test_a_figure_and_its_records_agree(signed_in: Page, round_id: str, language: str) -> None:
    page = signed_in
    page.goto(f"/console/rounds/{round_id}/figures/due_people")
    overview = ask(page, f"/api/rounds/{round_id}/overview")
    missed = next(f["value"] for f in overview["figures"] if f["key"] == "people_missed")
    more = page.get_by_role("button", name=says(language, "figure.more"))
    for shown in (50, 100):
        expect(page.get_by_text(says(language, "figure.shown", count=shown))).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(shown)
        more.click()
    page.goto(f"/console/rounds/{round_id}/figures/people_missed")
    expect(page.get_by_text(says(language, "figure.shown", count=missed))).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(missed)
    expect(more).to_have_count(0)


@once
def test_coverage_and_sites_go_home_as_excel(
    signed_in: Page, round_id: str, language: str, tmp_path: Path
) -> None:
    page = signed_in
    coverage = ask(page, f"/api/rounds/{round_id}/coverage")
    page.goto(f"/console/rounds/{round_id}")
    with page.expect_download() as given:
        page.get_by_role("link", name=says(language, "common.export")).click()
    rows = _sheet(given.value.path())
    assert [row[0] for row in rows[1 : len(coverage) + 1]] == [row["name"] for row in coverage]

    page.get_by_role("link", name=says(language, "round.sites")).click()
    sites = ask(page, f"/api/rounds/{round_id}/sites")["items"]
    with page.expect_download() as given:
        page.get_by_role("button", name=says(language, "common.export")).click()
    rows = _sheet(given.value.path())
    assert len(rows) == len(sites) + 1
    assert {row[1] for row in rows[1:]} == {site["code"] for site in sites}  # codes stay text


def _sheet(path: Path) -> list[list[Any]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()


def test_a_person_is_found_by_name_and_stays_masked(
    signed_in: Page, language: str, shot: Callable[[str], None]
) -> None:
    page = signed_in
    page.goto("/console/persons")
    field = page.get_by_placeholder(says(language, "persons.placeholder"))
    field.fill("王")
    button = page.get_by_role("button", name=says(language, "persons.search"))
    expect(button).to_be_disabled()
    known = ask(page, "/api/persons?q=&limit=1")["items"][0]
    field.fill(known["id_number"][-4:])
    button.click()
    table = page.get_by_role("table", name=says(language, "persons.title"))
    expect(table).to_contain_text(known["name"])
    assert not re.search(r"\d{17}", table.inner_text())
    assert "q=" not in page.url
    shot("persons")


def test_the_plan_is_rehearsed_before_the_day(
    signed_in: Page, round_id: str, language: str, shot: Callable[[str], None]
) -> None:
    """The page says what the server says: when it ends, what would go wrong; the annex comes as a Word file."""
    page = signed_in
    page.goto(f"/console/rounds/{round_id}")
    page.get_by_role("link", name=says(language, "rehearsal.title")).click()
    arrive(page, says(language, "rehearsal.title"))
    expect(page.get_by_test_id("expected").first).to_have_text(re.compile(r"\d\d:\d\d"))
    (plan,) = (
        p for p in ask(page, f"/api/rounds/{round_id}/plans")["items"] if p["state"] == "applied"
    )
    told = ask(page, f"/api/plans/{plan['id']}/rehearsal")["days"][0]
    minute = round(told["figures"]["last_swab"][1])
    expect(page.get_by_test_id("expected").first).to_have_text(
        f"{minute // 60:02d}:{minute % 60:02d}"
    )
    cases = page.get_by_role("table", name=says(language, "rehearsal.cases"))
    expect(cases.locator("tbody tr")).to_have_count(1 + len(told["cases"]))
    if language == "zh":  # the server's own language when nobody says which
        expect(cases).to_contain_text(told["cases"][0]["says"])
    shot("rehearsal")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=says(language, "rehearsal.word")).click()
    assert Path(waiting.value.path()).read_bytes().startswith(b"PK")


def test_two_plans_side_by_side(
    signed_in: Page, language: str, shot: Callable[[str], None]
) -> None:
    page = signed_in
    page.goto("/console/presets")
    heads = ask(page, "/api/presets")["items"]
    lines = ask(page, f"/api/presets/diff?a={heads[0]['code']}&b={heads[1]['code']}")["items"]
    expect(page.locator("tbody tr")).to_have_count(len(lines))
    shot("plans")


@once
def test_another_town_sees_nothing_of_it(page: Page, language: str, round_played: Played) -> None:
    sign_in(page, language, username=ELSEWHERE)
    arrive(page, says(language, "rounds.title"))
    expect(page.get_by_text(says(language, "rounds.none"))).to_be_visible()
    page.goto(f"/console/rounds/{round_played.round_id}")
    expect(page.get_by_role("alert")).to_contain_text("round_unknown")
