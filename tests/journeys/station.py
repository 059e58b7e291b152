"""A county with a round whose sites are open, a phone in a sampler's hand, and what its camera sees."""

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import msgspec
import segno
from playwright.sync_api import Browser, BrowserContext, Page, expect

from drill import office, play, scenario, server
from drill.client import Ids, Link, Traffic
from drill.scenario import Scenario
from drill.server import System
from drill.world import Site, World
from tests.journeys.conftest import CHROMIUM, SHOTS
from yingjian.population.rules import id_check_char

SIGN = """
import sys, django
django.setup()
from yingjian.sampling import tokens
read = [tokens.read(text) for text in sys.argv[1:]]
print(tokens.issue([person for one in read for person in one.persons], day=read[0].issued))
"""
# Texts below the contrast of WCAG 2 AAA (7:1, large ones 4.5:1) against what really lies behind them. Behind a dialog
# nothing is read; what cannot be pressed now is exempt (1.4.6).
FAINT = """() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[0-9.]+/g).map(Number); return [r, g, b, a]; };
  const over = ([r, g, b, a], under) => [r, g, b].map((part, n) => part * a + under[n] * (1 - a)).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((c) =>
      (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const root = document.querySelector('[aria-modal]') ?? document.body;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const faint = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (text === '' || element.closest(':disabled, script, style') || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const under = behind(element);
    const [one, other] = [light(over(parse(style.color), under)), light(under)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 4.5 : 7)) faint.push(`${text.slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
LOCALES = Path(__file__).resolve().parents[2] / "web" / "src" / "station" / "locales"
ZH: dict[str, str] = json.loads((LOCALES / "zh-CN.json").read_text(encoding="utf-8"))


PEOPLE_PER_LANE: Final = 150  # few, so that a small place's sites have more than one


def today(given: Scenario) -> Scenario:
    """The same scenario, so shifted in time that its sites opened an hour ago, and with several lanes at each."""
    shift = datetime.now(UTC) - timedelta(hours=1) - given.times.opens

    def moved(value: Any) -> Any:
        match value:
            case datetime():
                return value + shift
            case date():
                return value + timedelta(days=shift.days)
            case dict():
                return {key: moved(inner) for key, inner in value.items()}
            case list():
                return [moved(inner) for inner in value]
        return value

    plain = msgspec.to_builtins(given, builtin_types=(datetime, date))
    lanes = {"rules": {"sites.people_per_lane": PEOPLE_PER_LANE}}
    return msgspec.convert({**moved(plain), "plan": lanes}, Scenario)


def sites_open(system: System, link: Link) -> World:
    """A small round on a fresh, running system, so shifted in time that its sites opened an hour ago."""
    given = today(scenario.load("farm"))
    world = World(
        scenario=given, link=link, ids=Ids(given.seed), rng=random.Random(given.seed), say=print
    )
    watch = play.Watch()
    play.founded(system, world, watch)
    play.planned(world, watch)
    office.codes(world, given.times.ready)
    return world


class Kept(Link):
    """A link that is closed in the end, also where whoever used it has gone (the staff's sessions)."""

    made: ClassVar[list[Link]] = []

    def __init__(self, url: str, traffic: Traffic) -> None:
        super().__init__(url, traffic)
        self.made.append(self)


@dataclass
class County:
    """A running system with a round whose sites are open now, and the codes of the people called to them."""

    system: System
    world: World

    @property
    def site(self) -> Site:
        """A site of two lanes or more with somebody who must be alone."""
        sites = sorted(
            self.world.sites.values(), key=lambda site: (len(site.stations) < 2, -len(site.guests))
        )
        return next(site for site in sites if any(g.mode == "single" for g in site.guests))

    def tokens(self, mode: str) -> list[str]:
        return [guest.token for guest in self.site.guests if guest.mode == mode and not guest.home]

    def invitation(self, lane: int) -> str:
        at, lead = datetime.now(UTC), self.world.user("information_maintainer")
        token = self.world.ids.new(at)
        lead.command(
            "device.invite", at=at, token_id=token, station_code=self.site.stations[lane],
            area=self.site.area, role="sampler", hours=2,
        )  # fmt: skip
        return str(lead.get(f"/devices/invitations/{token}", at=at)["token"])

    def family(self, tokens: list[str]) -> str:
        """A family code of the people of these codes, signed with this system's own key."""
        told = subprocess.run(
            [sys.executable, "-c", SIGN, *tokens], env=dict(self.system.environment), text=True,
            capture_output=True, check=True,
        )  # fmt: skip
        return told.stdout.strip()

    def stop(self) -> None:
        """It runs no further, but its sockets still take what arrives."""
        self._strike(signal.SIGSTOP)

    def kill(self) -> None:
        """No farewell: whatever the server is doing, it is over."""
        self._strike(signal.SIGKILL)
        assert self.system.process is not None
        self.system.process.wait()

    def _strike(self, blow: signal.Signals) -> None:
        """To the server and to its workers, which stand in a group of their own; the database lives on."""
        assert self.system.process is not None
        for process in server.family([self.system.process.pid]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, blow)

    def back(self) -> None:
        """The same system at the same address, its database as it was left."""
        system, address = self.system, self.system.url
        words = ["serve", "--drill", "--port", address.rpartition(":")[2], "--workers", "1"]
        with system.log.open("a", encoding="utf-8") as log:
            system.process = subprocess.Popen(
                [*system.command, *words], env=dict(system.environment), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 120
        while True:
            system.check()
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/api/session", trust_env=False).status_code:
                    return
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(0.2)

    def flagged(self) -> list[dict[str, Any]]:
        """The information maintainer's work list of swabs."""
        maintainer, at = self.world.user("information_maintainer"), datetime.now(UTC)
        found: list[dict[str, Any]] = maintainer.get(
            f"/rounds/{self.world.round_id}/flagged", at=at
        )["items"]
        return found

    def tube(self, code: str) -> list[dict[str, Any]]:
        maintainer = self.world.user("information_maintainer")
        found: list[dict[str, Any]] = maintainer.get(f"/tubes/{code}", at=datetime.now(UTC))[
            "items"
        ]
        return found

    def revoke(self, token: str, reason: str) -> None:
        at, lead = datetime.now(UTC), self.world.user("information_maintainer")
        lead.command(
            "code.revoke", at=at, revocation_id=self.world.ids.new(at), token=token, reason=reason
        )

    def commands_of(self, device: str) -> list[str]:
        """Ids of all commands the server's journal has of a device, each as often as it is there."""
        rows: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            path = f"/journal?after={after}&limit=1000"
            page = self.world.user("administrator").get(path, at=datetime.now(UTC))
            rows += page["items"]
            after = page["next"]
        mine = [row for row in rows if row["actor_id"] == device and row["kind"] != "device.enrol"]
        return sorted(row["command_id"] for row in mine)


@contextmanager
def another(browser: Browser, county: County, **more: Any) -> Iterator[BrowserContext]:
    """One more phone."""
    opened = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=county.system.url,
        device_scale_factor=2, **more,
    )  # fmt: skip
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


class Hand:
    """What a sampler does with a phone, in a few words each."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.roll = secrets.token_hex(3).upper()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def bind(self, token: str, name: str = "一号手机") -> None:
        self.page.goto(f"/station/#enrol={token}")
        self.page.get_by_test_id("device-name").fill(name)
        self.shot("1-bind")
        self.page.get_by_test_id("enrol").click()
        expect(self.page.get_by_text(ZH["work.askTube"])).to_be_visible(timeout=40_000)
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.page.wait_for_function("navigator.serviceWorker.controller !== null")

    def code(self, number: int) -> str:
        """A tube of this hand's own roll of labels."""
        return f"{self.roll}{number:05d}"

    def scan(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def tube(self, number: int) -> None:
        """The next tube of this hand's roll, seen on the screen: until it is stored, the one before it stands there."""
        self.scan(self.code(number))
        expect(self.page.get_by_test_id("tube")).to_contain_text(self.code(number))

    def count(self, number: int) -> None:
        """Wait until so many are in the tube; where they are not, say what the phone shows instead."""
        try:
            expect(self.page.get_by_test_id("count")).to_have_text(str(number))
        except AssertionError as missing:
            raise AssertionError(f"{missing}\n{self.page.inner_text('body')}") from None

    def tap(self, name: str) -> None:
        self.page.get_by_test_id(name).click()

    def full_tube(self, number: int, tokens: list[str]) -> None:
        """A tube of this hand's roll with ten people, sealed."""
        self.scan(self.code(number))
        for people, token in enumerate(tokens[:10], 1):
            self.scan(token)
            self.count(people)
        self.tap("seal")
        self.tap("seal-confirm")

    def seal_early(self) -> None:
        self.tap("seal-early")
        self.tap("seal-confirm")

    def tab(self, name: str) -> None:
        self.page.get_by_role("navigation").get_by_role("button", name=ZH[f"tab.{name}"]).click()

    def badge(self, word: str, **given: object) -> None:
        expect(self.page.get_by_test_id("badge")).to_have_text(ZH[word].format(**given))

    def shot(self, name: str) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(150)
        self.page.screenshot(path=SHOTS / f"station-{name}.png")
        wide, seen = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= seen, f"{name} is {wide} px wide on a screen of {seen}"
        assert self.page.evaluate(FAINT) == [], f"{name} is hard to read in sunlight"

    def kept(self) -> list[dict[str, Any]]:
        """The phone's own journal, as it lies on its disk."""
        found: list[dict[str, Any]] = self.page.evaluate(
            """() => new Promise((resolve, reject) => {
              const opening = indexedDB.open('yingjian-station');
              opening.onerror = reject;
              opening.onsuccess = () => {
                const rows = opening.result.transaction('journal').objectStore('journal').getAll();
                rows.onsuccess = () => { opening.result.close(); resolve(rows.result); };
              };
            })"""
        )
        return sorted(found, key=lambda row: row["seq"])


@contextmanager
def seeing(browser: Browser, county: County, film: Path) -> Iterator[BrowserContext]:
    """A phone whose camera sees a film."""
    eye = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=[
            *CHROMIUM, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        ],
    )  # fmt: skip
    with another(eye, county, permissions=["camera"]) as opened:
        yield opened
    eye.close()


def film_of(path: Path, texts: list[str], *, seconds: int = 2, level: str = "m") -> None:
    """What a camera sees: each text as a QR code for some seconds; the browser plays it over and over."""
    width, height, rate = 640, 480, 5
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for text in texts:
            rows = [list(row) for row in segno.make(text, error=level, micro=False).matrix]
            dot = (height - 40) // len(rows)
            left, top = (width - dot * len(rows)) // 2, (height - dot * len(rows)) // 2
            grey = bytearray(b"\xeb" * (width * height))
            for down, row in enumerate(rows):
                line = b"".join((b"\x20" if dark else b"\xeb") * dot for dark in row)
                for y in range(top + down * dot, top + (down + 1) * dot):
                    grey[y * width + left : y * width + left + len(line)] = line
            frame = b"FRAME\n" + bytes(grey) + b"\x80" * (width * height // 2)
            film.write(frame * (rate * seconds))


def citizen(number: int) -> str:
    """A sound identity number of nobody: its region was never given to a place."""
    body = f"9900001988040{number:01d}123"[:17]
    return body + id_check_char(body)


def there_once(county: County, hand: Hand, numbers: tuple[int, ...]) -> None:
    """Everything of this phone has its verdict and is in the journal once; its full tubes are whole."""
    kept = hand.kept()
    assert {row["status"] for row in kept} == {"applied"}
    assert county.commands_of(kept[0]["device"]) == sorted(row["id"] for row in kept)
    for number in numbers:
        (tube,) = county.tube(hand.code(number))
        assert (tube["people"], tube["state"], tube["flags"]) == (10, "sealed", [])
        assert len(tube["swabs"]) == 10
        assert {flag for swab in tube["swabs"] for flag in swab["flags"]} <= {"green_lane"}


def family(hand: Hand, county: County, code: str) -> None:
    """One code, three people: two are here; the third comes later, and the first two are not asked about again."""
    dialog = hand.page.get_by_role("dialog")
    hand.scan(hand.code(41))
    hand.scan(code)
    boxes = dialog.get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    assert [boxes.nth(n).is_checked() for n in range(3)] == [True, True, True]
    boxes.nth(1).uncheck()
    hand.shot("family")
    hand.tap("family-add")
    hand.count(2)
    hand.scan(code)
    assert [boxes.nth(n).is_checked() for n in range(3)] == [False, True, False]
    hand.tap("family-add")
    hand.count(3)
