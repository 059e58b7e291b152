"""The due list by clicks: somebody forgotten is added, excused with a reason, found among the excused, taken back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.steps import arrive, says, sign_in
from tests.played import COUNTY, TOWN_A, TOWN_B, Asker, Played

pytestmark = pytest.mark.e2e


@dataclass
class Late:
    """A round whose list is frozen, and somebody who came into the roster after that."""

    round_id: str
    due_total: int
    name: str
    asker: Asker

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = self.asker.ask("GET", f"/rounds/{self.round_id}").json()["counts"]
        return found


@pytest.fixture
def late(planner: Asker, drafted: str, round_played: Played) -> Late:
    """The list is frozen first, the person comes afterwards."""
    planner.done("round.freeze", round_id=drafted)
    due_total = planner.ask("GET", f"/rounds/{drafted}").json()["due_total"]
    return Late(drafted, due_total, moved_in(round_played), planner)


def moved_in(played: Played) -> str:
    """A new line of the roster, in somebody's household, under a name nobody else has."""
    name = "诸葛" + "".join(chr(0x4E00 + int(digit, 16)) for digit in uuid.uuid4().hex[:6])
    with played.sql() as connection:
        connection.execute(
            """INSERT INTO population_person (id, area, household_id, name, sex, id_type, id_tail, phone_tail, address,
                                              registered_area, registered_address, guardian, source)
               SELECT %s, area, household_id, %s, 'U', 'none', '', '', address, registered_area, '', '', source
                 FROM population_person WHERE area ^@ %s AND household_id IS NOT NULL LIMIT 1""",
            [uuid.uuid4(), name, TOWN_A],
        )
        connection.commit()
    return name


def sought(page: Page, language: str, name: str) -> Locator:
    """The one line of the list that a search for this name leaves."""
    page.get_by_label(says(language, "persons.placeholder")).fill(name)
    page.get_by_role("button", name=says(language, "persons.search"), exact=True).click()
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    return row


def test_somebody_forgotten_is_added_excused_and_taken_back(
    page: Page, language: str, shot: Callable[[str], None], late: Late
) -> None:
    name = late.name
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    page.goto(f"/console/rounds/{late.round_id}")
    page.get_by_role("link", name=says(language, "due.title"), exact=True).click()
    arrive(page, says(language, "due.title"))
    expect(page.locator("tbody tr").first).to_be_visible()
    shot("due-list")

    page.get_by_role("button", name=says(language, "due.add"), exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "persons.placeholder")).fill(name)
    page.keyboard.press("Enter")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_label(says(language, "due.addWhy")).fill("新迁入")
    shot("due-add")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text(says(language, "due.addedNow", people=1))
    row = sought(page, language, name)
    for part in (says(language, "due.added"), "新迁入", "王秀兰"):
        expect(row).to_contain_text(part)

    row.get_by_role("button").filter(has_text=says(language, "due.excuse")).click()
    dialog.get_by_label(says(language, "word.excuse.left_area")).check()
    dialog.get_by_label(says(language, "due.remark")).fill("去外省务工")
    shot("due-excuse")
    dialog.get_by_role("button", name=says(language, "due.excuse"), exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name=f"{says(language, 'word.due.excused')} 1", exact=True).click()
    for part in ("word.excuse.left_area", "word.due.excused"):
        expect(row).to_contain_text(says(language, part))
    for part in ("去外省务工", "王秀兰"):
        expect(row).to_contain_text(part)
    shot("due-excused")
    counts = late.counts
    assert (counts["total"], counts["added"], counts["excused"]) == (late.due_total + 1, 1, 1)

    row.get_by_role("button").click()
    dialog.get_by_label(says(language, "common.reason")).fill("人已回来")
    dialog.get_by_role("button", name=says(language, "due.return"), exact=True).click()
    expect(page.get_by_text(says(language, "due.none"))).to_be_visible()
    page.get_by_role("button", name=f"{says(language, 'due.added')} 1", exact=True).click()
    expect(row).to_contain_text(says(language, "word.due.due"))
    counts = late.counts
    assert (counts["total"], counts["due"], counts["excused"]) == (
        late.due_total + 1,
        late.due_total + 1,
        0,
    )


def test_somebody_added_by_mistake_is_taken_out_again(
    page: Page, language: str, shot: Callable[[str], None], late: Late
) -> None:
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    page.goto(f"/console/rounds/{late.round_id}/due")
    page.get_by_role("button", name=says(language, "due.add"), exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "persons.placeholder")).fill(late.name)
    page.keyboard.press("Enter")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_label(says(language, "due.addWhy")).fill("新迁入")
    page.keyboard.press("Enter")
    undo = page.get_by_role("status").get_by_role("button")
    expect(undo).to_have_text(says(language, "due.withdraw"))
    undo.click()
    dialog.get_by_label(says(language, "due.withdrawWhy")).fill("点错了村")
    shot("due-withdraw")
    dialog.get_by_role("button", name=says(language, "due.withdrawYes", people=1)).click()
    expect(page.get_by_role("status")).to_contain_text(says(language, "due.withdrawn", people=1))
    row = sought(page, language, late.name)
    mistaken = says(language, "word.excuse.added_by_mistake")
    for part in (mistaken, "点错了村", "王秀兰", says(language, "due.added")):
        expect(row).to_contain_text(part)
    shot("due-withdrawn")
    counts = late.counts
    assert (counts["total"], counts["added"], counts["excused"]) == (late.due_total + 1, 1, 1)
    row.get_by_role("link").click()
    chain = page.get_by_role("list", name=says(language, "chain.steps"))
    for part in (mistaken, "点错了村", "新迁入", "王秀兰"):
        expect(chain).to_contain_text(part)
    expect(chain).not_to_contain_text("added_by_mistake")
    shot("due-chain")


def test_a_list_is_frozen_for_some_towns_only(
    page: Page, language: str, shot: Callable[[str], None], planner: Asker, drafted: str
) -> None:
    towns = planner.ask("GET", f"/regions?under={COUNTY}").json()["items"]
    out = next(town for town in towns if town["area"] == TOWN_B)
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    page.goto(f"/console/rounds/{drafted}")
    freeze = says(language, "steps.freeze")
    page.get_by_role("button", name=freeze, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=says(language, "steps.areas"), exact=True).click()
    dialog.get_by_role("checkbox", name=out["name"], exact=True).uncheck()
    told = says(language, "steps.areasSome", count=len(towns) - 1)
    expect(dialog.get_by_role("status")).to_have_text(told)
    shot("round-freeze-areas")
    dialog.get_by_role("button", name=says(language, "steps.yes", step=freeze), exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    found = planner.ask("GET", f"/rounds/{drafted}").json()
    assert (found["within"], found["counts"]["total"] > 0) == ([TOWN_A], True)
    left_out = planner.ask("GET", f"/rounds/{drafted}/due?area={TOWN_B}").json()["items"]
    assert left_out == []
