"""Signing in and out; being refused in words; coming back to where one was going."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.steps import PASSWORD, USERNAME, arrive, says, sign_in

pytestmark = pytest.mark.e2e
once = pytest.mark.parametrize("view", [("desktop", "en")], indirect=True)


def test_signs_in_and_out(page: Page, language: str, shot: Callable[[str], None]) -> None:
    page.goto("/")
    expect(page).to_have_title(says(language, "app.name"))
    expect(page.get_by_label(says(language, "signIn.username"))).to_be_focused()
    shot("sign-in")
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    page.get_by_role("button", name=says(language, "nav.signOut")).click()
    expect(page.get_by_label(says(language, "signIn.password"))).to_be_visible()
    page.goto("/console/rounds")
    expect(page).to_have_url("/sign-in?next=/console/rounds")


def test_is_refused_in_words_and_keeps_no_password(
    page: Page, language: str, shot: Callable[[str], None]
) -> None:
    sign_in(page, language, password="not the word")
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    expect(alert).not_to_contain_text("access.")
    assert any("一" <= letter <= "鿿" for letter in alert.inner_text()) == (language == "zh")
    expect(page.get_by_label(says(language, "signIn.password"))).to_have_value("")
    shot("sign-in-refused")


@once
def test_returns_to_the_page_asked_for(page: Page, language: str) -> None:
    page.goto("/console/persons?x=1")
    page.get_by_label(says(language, "signIn.username")).fill(USERNAME)
    page.get_by_label(says(language, "signIn.password")).fill(PASSWORD)
    page.get_by_role("button", name=says(language, "signIn.submit")).click()
    arrive(page, says(language, "persons.title"))
    expect(page).to_have_url("/console/persons?x=1")


@once
def test_changes_the_language_at_once_and_remembers_it(page: Page, language: str) -> None:
    other = {"zh": "en", "en": "zh"}[language]
    page.goto("/")
    page.get_by_test_id("language").click()
    expect(page.get_by_role("button", name=says(other, "signIn.submit"))).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[other]
    page.reload()
    expect(page.get_by_role("button", name=says(other, "signIn.submit"))).to_be_visible()


@once
def test_can_be_walked_by_keyboard_alone(page: Page, language: str) -> None:
    page.goto("/")
    expect(page.get_by_label(says(language, "signIn.username"))).to_be_focused()
    page.keyboard.type(USERNAME)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    arrive(page, says(language, "rounds.title"))
    page.keyboard.press("Tab")
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid", "the focused element shows no ring"


def test_a_page_that_is_not_there_says_so(
    page: Page, language: str, shot: Callable[[str], None]
) -> None:
    sign_in(page, language)
    arrive(page, says(language, "rounds.title"))
    page.goto("/console/nowhere")
    expect(page.get_by_text(says(language, "missing.title"))).to_be_visible()
    shot("missing")
