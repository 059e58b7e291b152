"""What a user does on the console, in a few words each."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

USERNAME = "journey"
ELSEWHERE = "journey-elsewhere"
PASSWORD = "a long word for journeys"
LOCALES = Path(__file__).resolve().parents[2] / "web" / "src" / "locales"


@cache
def sentences(language: str) -> dict[str, Any]:
    """The console's own sentences: a journey looks for the words its user reads."""
    name = {"zh": "zh-CN", "en": "en"}[language]
    loaded: dict[str, Any] = json.loads((LOCALES / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def says(language: str, key: str, **given: object) -> str:
    """One sentence with its parameters filled in."""
    found: Any = sentences(language)
    for part in key.split("."):
        found = found[part]
    return str(found).format(**given)


def sign_in(
    page: Page, language: str, *, username: str = USERNAME, password: str = PASSWORD
) -> None:
    """Open the console, meet the sign-in page, and sign in."""
    page.goto("/")
    page.get_by_label(says(language, "signIn.username")).fill(username)
    page.get_by_label(says(language, "signIn.password")).fill(password)
    page.get_by_role("button", name=says(language, "signIn.submit")).click()


def arrive(page: Page, title: str) -> None:
    """Wait for the page with this heading."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
