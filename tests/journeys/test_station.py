"""A station's day on a phone: bound once, then without a network, and nothing lost when it comes back."""

import json
import random
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import segno
from playwright.sync_api import Browser, BrowserContext, Page, expect

from config import drills
from config.postgres import Cluster
from drill import office, play, scenario, server
from drill.client import Ids, Link, Traffic
from drill.scenario import Scenario
from drill.server import System
from drill.world import Site, World
from tests.journeys.conftest import CHROMIUM, SHOTS
from yingjian.population.rules import id_check_char

pytestmark = pytest.mark.e2e
LOCALES = Path(__file__).resolve().parents[2] / "web" / "src" / "station" / "locales"
ZH: dict[str, str] = json.loads((LOCALES / "zh-CN.json").read_text(encoding="utf-8"))


def today(given: Scenario) -> Scenario:
    """The same scenario, so shifted in time that its sites opened an hour ago."""
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
    return msgspec.convert({**moved(plain)}, Scenario)


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
        """A site with somebody who must be alone."""
        sites = sorted(self.world.sites.values(), key=lambda site: -len(site.guests))
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


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    var = tmp_path_factory.mktemp("station") / "var"
    served = server.fresh(drills.command(), drills.environment(var), var, print)
    given = today(scenario.load("farm"))
    try:
        served.start()
        world = World(
            scenario=given, link=Kept(served.url, Traffic()), ids=Ids(given.seed),
            rng=random.Random(given.seed), say=print,
        )  # fmt: skip
        watch = play.Watch()
        play._found(served, world, watch)
        play._plan(world, watch)
        office.codes(world, given.times.ready)
        yield County(served, world)
        for link in Kept.made:
            link.close()
    finally:
        served.stop()
        Cluster.of(var).stop()


@pytest.fixture
def phone(browser: Browser, county: County) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=county.system.url,
        device_scale_factor=2, has_touch=True, accept_downloads=True,
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

    def count(self, number: int) -> None:
        expect(self.page.get_by_test_id("count")).to_have_text(str(number))

    def tap(self, name: str) -> None:
        self.page.get_by_test_id(name).click()

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


def citizen(number: int) -> str:
    """A sound identity number of nobody: its region was never given to a place."""
    body = f"9900001988040{number:01d}123"[:17]
    return body + id_check_char(body)


def _pool_and_somebody_alone(hand: Hand, pool: list[str], alone: str) -> None:
    """Seven into a pool; somebody who must be alone comes: a new tube, then back to the pool."""
    hand.scan(hand.code(1))
    hand.count(0)
    for number, token in enumerate(pool[:7], 1):
        hand.scan(token)
        hand.count(number)
    hand.shot("3-seven")
    hand.scan(alone)
    expect(hand.page.get_by_role("dialog")).to_contain_text(ZH["advice.single_only.title"])
    hand.shot("4-single-only")
    hand.tap("take-alone")
    hand.scan(hand.code(2))
    hand.count(1)
    hand.shot("5-single-tube")
    hand.tap("seal")
    hand.tap("seal-confirm")
    hand.count(7)


def _undone_and_not_twice(hand: Hand, pool: list[str]) -> None:
    """The wrong person is taken out again with a reason, and nobody goes in twice by mistake."""
    hand.scan(pool[20])
    hand.count(8)
    hand.tap("undo")
    hand.page.get_by_role("button", name=ZH["reason.wrongPerson"]).click()
    hand.count(7)
    hand.scan(pool[0])
    expect(hand.page.get_by_role("dialog")).to_contain_text(ZH["advice.in_this_tube.title"])
    hand.tap("skip")


def _by_hand(hand: Hand) -> None:
    """An identity number with its check digit; then somebody without any document."""
    hand.tap("type-id")
    wrong = citizen(1)[:16] + str((int(citizen(1)[16]) + 1) % 10) + citizen(1)[17]
    hand.page.get_by_test_id("typed").fill(wrong)
    expect(hand.page.get_by_role("alert")).to_have_text(ZH["id.check_digit"])
    hand.shot("6-check-digit")
    hand.page.get_by_test_id("typed").fill(citizen(1))
    hand.tap("typed-done")
    hand.count(8)
    hand.tap("type-id")
    hand.page.get_by_role("button", name=ZH["typed.noCard"]).click()
    hand.page.get_by_test_id("name").fill("𠮷田一")
    hand.tap("typed-done")
    hand.count(9)


def _restarted_and_sealed(hand: Hand, last: str) -> list[dict[str, Any]]:
    """The phone dies and comes back without a network: everything is there. What it keeps then."""
    hand.page.reload()
    hand.count(9)
    hand.scan(last)
    hand.count(10)
    expect(hand.page.get_by_test_id("seal")).to_be_visible()
    hand.shot("7-full")
    hand.tap("seal")
    hand.shot("8-seal")
    hand.tap("seal-confirm")
    expect(hand.page.get_by_text(ZH["work.askTube"])).to_be_visible()
    kept = hand.kept()
    hand.badge("badge.waiting", count=len(kept))
    assert {row["status"] for row in kept} == {"waiting"}
    hand.tab("more")
    hand.shot("9-offline")
    return kept


def test_a_day_without_a_network_arrives_exactly_once(
    county: County, phone: BrowserContext
) -> None:
    hand = Hand(phone.new_page())
    hand.bind(county.invitation(0))
    hand.tab("more")
    expect(hand.page.get_by_test_id("roster")).not_to_have_text("0")
    hand.tab("work")
    hand.badge("badge.none")
    hand.shot("2-ready")
    phone.set_offline(True)
    pool = county.tokens("pool")
    _pool_and_somebody_alone(hand, pool, county.tokens("single")[0])
    _undone_and_not_twice(hand, pool)
    _by_hand(hand)
    kept = _restarted_and_sealed(hand, pool[7])
    phone.set_offline(False)
    hand.badge("badge.none")
    hand.shot("10-all-there")

    done = hand.kept()
    assert [row["id"] for row in done] == [row["id"] for row in kept]
    assert {row["status"] for row in done} == {"applied"}
    assert citizen(1) not in json.dumps(done), "the number stays on the phone after its verdict"
    assert county.commands_of(done[0]["device"]) == sorted(row["id"] for row in kept)
    (tube,) = county.tube(hand.code(1))
    assert (tube["people"], tube["state"], tube["count_stated"]) == (10, "sealed", 10)
    assert tube["flags"] == []
    counted = [swab for swab in tube["swabs"] if swab["voided_at"] is None]
    assert [swab["entry"] for swab in counted] == ["code"] * 7 + ["id", "walk_in", "code"]
    (single,) = county.tube(hand.code(2))
    assert (single["mode"], single["people"], single["state"]) == ("single", 1, "sealed")
    assert (single["flags"], single["swabs"][0]["flags"]) == ([], [])
    assert hand.wrong == []


def _codes_that_fail(hand: Hand, pool: list[str]) -> None:
    """乱码 of a tube and of a person, 重码 of a tube: each is told, and each can be recorded."""
    dialog = hand.page.get_by_role("dialog")
    hand.scan("PT##00")
    expect(dialog).to_contain_text(ZH["fault.garbled.title"])
    hand.shot("fault-garbled-tube")
    hand.tap("bind-anyway")
    hand.scan(pool[30])
    hand.count(1)
    hand.scan(pool[31][:60])
    expect(dialog).to_contain_text(ZH["fault.person.garbled"])
    hand.shot("fault-garbled-person")
    hand.tap("keep-garbled")
    hand.count(2)
    hand.scan(pool[34])
    expect(dialog).to_contain_text(ZH["fault.person.revokedText"])
    hand.shot("fault-revoked")
    hand.tap("keep-garbled")
    hand.count(3)
    hand.seal_early()
    hand.scan(hand.code(11))
    hand.scan(pool[32])
    hand.count(1)
    hand.seal_early()
    hand.scan(hand.code(11))
    expect(dialog).to_contain_text(ZH["fault.duplicate.title"])
    hand.shot("fault-duplicate")
    hand.tap("bind-anyway")
    hand.scan(pool[33])
    hand.count(1)


def _broken_and_again(hand: Hand, token: str) -> None:
    """A tube breaks: its person is due again, and is swabbed again without a word."""
    hand.page.get_by_role("button", name=ZH["tube.menu"]).click()
    hand.page.get_by_role("button", name=ZH["tube.break"]).click()
    hand.page.get_by_role("button", name=ZH["reason.fell"]).click()
    hand.scan(hand.code(12))
    hand.scan(token)
    hand.count(1)
    hand.seal_early()
    hand.scan(hand.code(13))
    hand.tap("type-id")
    hand.page.get_by_test_id("typed").fill(citizen(3))
    hand.tap("typed-done")
    hand.count(1)
    hand.seal_early()


def _packed(hand: Hand, box: str) -> None:
    """Into the box, counted, sealed; the rack is counted at the change of shift."""
    hand.tab("box")
    hand.scan(box[:-1] + str((int(box[-1]) + 1) % 10))
    expect(hand.page.get_by_role("status")).to_have_text(ZH["box.garbled"])
    hand.scan(box)
    hand.scan(hand.code(12))
    hand.scan(hand.code(13))
    expect(hand.page.get_by_test_id("box-count")).to_have_text("2")
    hand.shot("box")
    hand.tap("box-seal")
    hand.page.get_by_test_id("seal-no").fill("F-100")
    hand.tap("box-seal-confirm")
    hand.tap("rack-count")
    hand.tap("rack-confirm")
    hand.tab("tubes")
    hand.shot("tubes")


def test_the_named_faults_each_have_a_path(county: County, phone: BrowserContext) -> None:
    hand = Hand(phone.new_page())
    county.revoke(county.tokens("pool")[34], "码被拍照外传")
    hand.bind(county.invitation(0), "二号手机")
    phone.set_offline(True)
    pool, box = county.tokens("pool"), county.site.boxes[county.site.stations[0]][0]
    _codes_that_fail(hand, pool)
    _broken_and_again(hand, pool[33])
    _packed(hand, box)
    phone.set_offline(False)
    hand.badge("badge.none")
    first, second = county.tube(hand.code(11))
    assert {tuple(tube["flags"]) for tube in (first, second)} == {("duplicate_tube",)}
    states = {tube["binding"]: (tube["state"], tube["people"]) for tube in (first, second)}
    assert states == {1: ("sealed", 1), 2: ("broken", 1)}
    (unreadable,) = [tube for tube in county.flagged() if "code_revoked" in tube["flags"]]
    assert unreadable["entry"] == "code"
    (again,) = county.tube(hand.code(12))
    assert (again["state"], again["people"], again["box_code"]) == ("boxed", 1, box)
    assert again["swabs"][0]["flags"] == []
    assert hand.wrong == []


def test_one_page_at_a_time_and_a_queue_that_another_phone_carries(
    county: County, phone: BrowserContext, browser: Browser, tmp_path: Path
) -> None:
    hand = Hand(phone.new_page())
    hand.bind(county.invitation(1), "三号手机")
    second = Hand(phone.new_page())
    second.page.goto("/station/")
    expect(second.page.get_by_text(ZH["phase.elsewhere"])).to_be_visible()
    second.page.get_by_role("button", name=ZH["phase.takeOver"]).click()
    expect(second.page.get_by_text(ZH["work.askTube"])).to_be_visible()
    expect(hand.page.get_by_text(ZH["phase.elsewhere"])).to_be_visible()
    second.shot("second-page")

    phone.set_offline(True)
    second.scan(second.code(21))
    second.scan(county.tokens("pool")[40])
    second.count(1)
    second.seal_early()
    second.tab("more")
    second.tap("export")
    code = second.page.get_by_test_id("spoken").inner_text()
    second.shot("export")
    with second.page.expect_download() as waiting:
        second.tap("save")
    file = tmp_path / "queue.yjx"
    waiting.value.save_as(file)

    carrier = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=county.system.url
    )
    other = Hand(carrier.new_page())
    other.bind(county.invitation(1), "四号手机")
    for _ in range(2):  # taking it over twice changes nothing
        other.tab("more")
        other.tap("import")
        other.page.get_by_test_id("file").set_input_files(file)
        other.page.get_by_test_id("code").fill(code)
        other.tap("take")
        expect(other.page.get_by_role("dialog")).not_to_be_visible()
        other.badge("badge.none")
    (tube,) = county.tube(second.code(21))
    assert (tube["people"], tube["state"], tube["flags"]) == (1, "sealed", [])
    carrier.close()

    phone.set_offline(False)  # the first phone sends it too
    second.badge("badge.none")
    kept = second.kept()
    assert county.commands_of(kept[0]["device"]) == sorted(row["id"] for row in kept)
    assert len(county.tube(second.code(21))) == 1
    assert hand.wrong + second.wrong + other.wrong == []


def _film(path: Path, texts: list[str]) -> None:
    """What a camera sees: each text as a QR code for two seconds; the browser plays it over and over."""
    width, height, rate, seconds = 640, 480, 5, 2
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for text in texts:
            rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
            dot = (height - 40) // len(rows)
            left, top = (width - dot * len(rows)) // 2, (height - dot * len(rows)) // 2
            grey = bytearray(b"\xeb" * (width * height))
            for down, row in enumerate(rows):
                line = b"".join((b"\x20" if dark else b"\xeb") * dot for dark in row)
                for y in range(top + down * dot, top + (down + 1) * dot):
                    grey[y * width + left : y * width + left + len(line)] = line
            frame = b"FRAME\n" + bytes(grey) + b"\x80" * (width * height // 2)
            film.write(frame * (rate * seconds))


def test_the_camera_reads_a_tube_and_a_person(
    county: County, browser: Browser, tmp_path: Path
) -> None:
    code = f"CAM{secrets.token_hex(3).upper()}"
    _film(tmp_path / "film.y4m", [code, county.tokens("pool")[50]])
    seeing = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=[
            *CHROMIUM, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={tmp_path / 'film.y4m'}",
        ],
    )  # fmt: skip
    context = seeing.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=county.system.url,
        permissions=["camera"], device_scale_factor=2,
    )  # fmt: skip
    context.set_default_timeout(20_000)
    hand = Hand(context.new_page())
    hand.bind(county.invitation(1), "五号手机")
    context.set_offline(True)  # the reader itself lies on the phone
    hand.page.get_by_role("button", name=ZH["work.camera"]).click()
    expect(hand.page.get_by_test_id("tube")).to_contain_text(code, timeout=40_000)
    expect(hand.page.get_by_test_id("count")).to_have_text("1", timeout=40_000)
    hand.shot("camera")
    assert hand.wrong == []
    seeing.close()
