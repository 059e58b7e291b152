"""A round begun and steered by clicks: drawn up, its list frozen, approved, called off."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.steps import arrive, says, sign_in
from tests.played import Asker

pytestmark = pytest.mark.e2e


def take(page: Page, language: str, step: str) -> None:
    """A step of the round, asked for and confirmed."""
    name = says(language, f"steps.{step}")
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("button", name=says(language, "steps.yes", step=name), exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_round_is_taken_from_step_to_step_and_called_off(
    page: Page, language: str, shot: Callable[[str], None], planner: Asker, drafted: str
) -> None:
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    page.goto(f"/console/rounds/{drafted}")
    arrive(page, "演练第一轮")
    page.get_by_role("button", name=says(language, "steps.freeze"), exact=True).click()
    page.get_by_role("dialog").wait_for()
    shot("round-freeze")
    page.get_by_role("button", name=says(language, "steps.back"), exact=True).click()
    take(page, language, "freeze")
    found = planner.ask("GET", f"/rounds/{drafted}").json()
    assert found["due_total"] > 0
    expect(page.get_by_role("status").filter(has_text=str(found["due_total"]))).to_be_visible()
    for step in ("approve", "activate", "sampling"):
        take(page, language, step)
        told = says(language, "steps.taken", step=says(language, f"steps.{step}"))
        expect(page.get_by_role("status").filter(has_text=told)).to_be_visible()
    shot("round-steps")
    assert planner.ask("GET", f"/rounds/{drafted}").json()["state"] == "sampling"
    cancel = says(language, "steps.cancel")
    page.get_by_role("button", name=cancel, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "common.reason")).fill("范围有误")
    dialog.get_by_role("button", name=cancel, exact=True).click()
    expect(page.get_by_text(says(language, "steps.cancelled", reason="范围有误"))).to_be_visible()
    assert planner.ask("GET", f"/rounds/{drafted}").json()["state"] == "cancelled"


def test_whoever_was_not_swabbed_is_missed_and_the_round_closes(
    page: Page, language: str, shot: Callable[[str], None], planner: Asker, drafted: str
) -> None:
    planner.done("round.freeze", round_id=drafted)
    people = planner.ask("GET", f"/rounds/{drafted}").json()["due_total"]
    for step in ("approve", "activate"):
        planner.done(f"round.{step}", round_id=drafted)
    planner.done("round.advance", round_id=drafted, to="sampling")
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    page.goto(f"/console/rounds/{drafted}")
    for step in ("testing", "reconciling"):
        take(page, language, step)
    page.get_by_role("button", name=says(language, "steps.miss"), exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "steps.missOwner")).fill("各村")
    dialog.get_by_label(says(language, "common.reason")).fill("外出未归")
    shot("round-miss")
    dialog.get_by_role("button", name=says(language, "steps.missYes"), exact=True).click()
    told = says(language, "steps.missed", people=people)
    expect(page.get_by_role("status").filter(has_text=told)).to_be_visible()
    take(page, language, "close")
    shot("round-closed")
    found = planner.ask("GET", f"/rounds/{drafted}").json()
    assert (found["state"], found["counts"]["missed"]) == ("closed", people)


def test_a_campaign_and_its_round_are_begun_and_frozen_by_clicks(
    page: Page, language: str, shot: Callable[[str], None], planner: Asker
) -> None:
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    new = page.get_by_role("button", name=says(language, "newRound.title"), exact=True)
    new.click()
    dialog = page.get_by_role("dialog")
    name = f"行动{planner.new()[-6:]}"
    dialog.get_by_label(says(language, "newRound.campaignName")).fill(name)
    dialog.get_by_label(says(language, "newRound.preset")).click()
    page.get_by_role("option").first.click()
    expect(dialog.get_by_label(says(language, "newRound.name"), exact=True)).to_have_value(
        says(language, "newRound.nameFirst", no=1)
    )
    expect(page.get_by_role("listbox")).to_have_count(0)
    shot("round-new")
    save = dialog.get_by_role("button", name=says(language, "newRound.save"), exact=True)
    save.click()
    arrive(page, says(language, "newRound.nameFirst", no=1))
    take(page, language, "freeze")
    page.get_by_role("link", name=says(language, "nav.rounds")).first.click()
    arrive(page, says(language, "rounds.title"))
    row = page.get_by_role("listitem").filter(has_text=name)
    expect(row).to_contain_text(says(language, "word.round.draft"))
    expect(row).not_to_contain_text(says(language, "rounds.notFrozen"))
    shot("rounds-new")

    # and the next round of the same campaign: nothing to be filled in
    new.click()
    dialog.get_by_label(says(language, "newRound.campaign"), exact=True).click()
    page.get_by_role("option", name=name).click()
    save.click()
    arrive(page, says(language, "newRound.nameFirst", no=2))
    made = [r for r in planner.ask("GET", "/rounds").json()["items"] if r["campaign"] == name]
    assert sorted((r["no"], r["frozen_at"] is None) for r in made) == [(1, False), (2, True)]
