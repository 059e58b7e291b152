"""A station's day on a phone: bound once, then without a network, and nothing lost when it comes back."""

import json
import secrets
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from tests.journeys.conftest import SHOTS
from tests.journeys.station import (
    ZH,
    County,
    Hand,
    another,
    citizen,
    family,
    film_of,
    seeing,
    there_once,
)

pytestmark = pytest.mark.e2e


@pytest.fixture
def phone(browser: Browser, county: County) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=county.system.url,
        device_scale_factor=2, has_touch=True, accept_downloads=True,
    )  # fmt: skip
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def _pool_and_somebody_alone(hand: Hand, pool: list[str], alone: str) -> None:
    """Seven into a pool; somebody who must be alone comes: a new tube, then back to the pool."""
    hand.tube(1)
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
    hand.tube(11)
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
    hand.tube(12)
    hand.scan(token)
    hand.count(1)
    hand.seal_early()
    hand.tube(13)
    hand.tap("type-id")
    hand.page.get_by_test_id("typed").fill(citizen(3))
    hand.tap("typed-done")
    hand.count(1)
    hand.seal_early()


def _packed(hand: Hand, box: str) -> str:
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
    text = _manifest(hand, box)
    hand.tap("rack-count")
    hand.tap("rack-confirm")
    hand.tab("tubes")
    hand.shot("tubes")
    return text


def _manifest(hand: Hand, box: str) -> str:
    """The sealed box shows its manifest as a code, and prints it. Returns the code's text."""
    page = hand.page.get_by_test_id("manifest")
    expect(page).to_contain_text(box)
    expect(page.locator("svg")).to_be_visible()
    hand.shot("manifest")
    hand.page.emulate_media(media="print")
    expect(page.get_by_text(ZH["manifest.giver"])).to_be_visible()
    expect(hand.page.get_by_role("navigation")).to_be_hidden()
    hand.page.pdf(path=SHOTS / "station-manifest.pdf", format="A4", print_background=True)
    hand.page.screenshot(path=SHOTS / "station-manifest-paper.png", full_page=True)
    hand.page.emulate_media(media="screen")
    text = str(page.locator("svg").get_attribute("data-text"))
    hand.tap("manifest-close")
    return text


def _taken_over(hand: Hand, text: str) -> None:
    """The next phone reads the manifest and checks the box against it."""
    hand.scan(text)  # from whatever page it stands on
    checked = hand.page.get_by_test_id("manifest-checked")
    hand.scan("STRANGE01")
    hand.scan(text.split("*")[6])
    expect(checked).to_have_text(ZH["manifest.left"].format(seen=1, missing=1, extra=1))
    hand.shot("manifest-check")
    hand.scan(text)
    for code in text.split("*")[6:8]:
        hand.scan(code)
    expect(checked).to_have_text(ZH["manifest.agrees"].format(count=2))
    hand.shot("manifest-agrees")


def test_the_named_faults_each_have_a_path(
    county: County, phone: BrowserContext, browser: Browser
) -> None:
    hand = Hand(phone.new_page())
    county.revoke(county.tokens("pool")[34], "码被拍照外传")
    hand.bind(county.invitation(0), "二号手机")
    phone.set_offline(True)
    pool, box = county.tokens("pool"), county.site.boxes[county.site.stations[0]][0]
    _codes_that_fail(hand, pool)
    _broken_and_again(hand, pool[33])
    text = _packed(hand, box)
    phone.set_offline(False)
    hand.badge("badge.none")
    with another(browser, county) as next_phone:
        other = Hand(next_phone.new_page())
        other.bind(county.invitation(0), "下一班")
        next_phone.set_offline(True)
        _taken_over(other, text)
        assert other.kept() == []  # looking is no act
        assert other.wrong == []
    first, second = county.tube(hand.code(11))
    assert {tuple(tube["flags"]) for tube in (first, second)} == {("duplicate_tube",)}
    states = {tube["binding"]: (tube["state"], tube["people"]) for tube in (first, second)}
    assert states == {1: ("sealed", 1), 2: ("broken", 1)}
    (unreadable,) = [tube for tube in county.flagged() if "code_revoked" in tube["flags"]]
    assert unreadable["entry"] == "code"
    (again,) = county.tube(hand.code(12))
    assert (again["state"], again["people"], again["box_code"]) == ("boxed", 1, box)
    assert set(again["swabs"][0]["flags"]) <= {"green_lane"}
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
    second.tube(21)
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

    with another(browser, county) as carrier:
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

    phone.set_offline(False)  # the first phone sends it too
    second.badge("badge.none")
    kept = second.kept()
    assert county.commands_of(kept[0]["device"]) == sorted(row["id"] for row in kept)
    assert len(county.tube(second.code(21))) == 1
    assert hand.wrong + second.wrong + other.wrong == []


def _two_open_and_one_moved(hand: Hand, token: str) -> None:
    """A second tube beside the first; somebody went into the wrong one and is moved; the empty one is voided."""
    dialog = hand.page.get_by_role("dialog")
    hand.scan(hand.code(42))
    dialog.get_by_role("button", name=ZH["other.both"]).click()
    hand.count(0)
    hand.scan(token)
    hand.count(1)
    hand.page.get_by_test_id("people").get_by_role("button").first.click()
    hand.shot("person")
    dialog.get_by_role("button", name=ZH["person.move"].format(code=hand.code(41))).click()
    dialog.get_by_role("button", name=ZH["reason.wrongTube"]).click()
    hand.count(0)
    hand.page.get_by_role("button", name=ZH["tube.menu"]).click()
    dialog.get_by_role("button", name=ZH["tube.void"]).click()
    dialog.get_by_role("button", name=ZH["reason.unused"]).click()
    expect(hand.page.get_by_test_id("tube")).to_contain_text(hand.code(41))
    hand.count(4)
    hand.seal_early()


def _household(hand: Hand, stranger: str, tokens: list[str]) -> None:
    """One household, one tube: somebody of another one is told apart, and recorded only as it is."""
    hand.page.get_by_role("button", name=ZH["work.sizeHousehold"]).click()
    hand.tube(43)
    for number, token in enumerate(tokens, 1):
        hand.scan(token)
        hand.count(number)
    hand.scan(stranger)
    expect(hand.page.get_by_role("dialog")).to_contain_text(ZH["advice.other_household.title"])
    hand.shot("other-household")
    hand.tap("skip")
    hand.count(len(tokens))
    hand.seal_early()


def test_a_family_a_household_and_tubes_side_by_side(county: County, phone: BrowserContext) -> None:
    def allowed(route: Route) -> None:
        """The pack of a county whose plan has household tubes; this one's server says otherwise."""
        answer = route.fetch()
        if answer.status != HTTPStatus.OK:  # not changed since
            route.fulfill(response=answer)
            return
        pack = answer.json()
        pack["preset"]["household"] = "anywhere"
        route.fulfill(response=answer, json=pack)

    phone.route("**/api/stations/own/pack", allowed)
    hand = Hand(phone.new_page())
    hand.bind(county.invitation(1), "八号手机")
    phone.set_offline(True)
    pool = county.tokens("pool")
    family(hand, county, county.family(pool[100:103]))
    _two_open_and_one_moved(hand, pool[103])
    _household(hand, pool[105], [pool[104]])
    phone.set_offline(False)
    hand.badge("badge.none")
    (mixed,) = county.tube(hand.code(41))
    assert [swab["entry"] for swab in mixed["swabs"]] == ["family"] * 3 + ["code"]
    assert (mixed["people"], mixed["state"], mixed["flags"]) == (4, "sealed", [])
    (void,) = county.tube(hand.code(42))
    assert (void["people"], void["state"], void["ended_reason"]) == (
        0,
        "voided",
        ZH["reason.unused"],
    )
    (household,) = county.tube(hand.code(43))
    assert (household["mode"], household["flags"]) == ("household", ["household_not_allowed"])
    assert hand.wrong == []


def test_a_team_goes_from_door_to_door(county: County, phone: BrowserContext) -> None:
    doors = [guest for guest in county.site.guests if guest.home]
    assert len(doors) > 1
    hand = Hand(phone.new_page())
    hand.bind(county.invitation(0), "上门小组")
    home = hand.page.get_by_role("navigation").get_by_role("button", name=ZH["tab.home"])
    expect(home).to_be_hidden()
    hand.tab("more")
    hand.tap("doors-ask")
    done = hand.page.get_by_test_id("doors-done")
    expect(done).to_have_text("0")
    expect(hand.page.get_by_text(ZH["home.count"].format(left=len(doors)))).to_be_visible()
    hand.shot("home")
    phone.set_offline(True)
    hand.page.reload()
    hand.tab("home")
    hand.tap("doors-swab")
    hand.page.get_by_role("button", name=ZH["work.sizeSingle"]).click()
    hand.tube(80)
    hand.scan(doors[0].token)
    hand.count(1)
    hand.tap("seal")
    hand.tap("seal-confirm")
    hand.tab("home")
    expect(done).to_have_text("1")
    hand.tap("doors-left")
    hand.shot("home-one-done")
    hand.page.evaluate("localStorage.setItem('yingjian.station.language', 'en')")
    hand.page.reload()
    hand.page.get_by_role("navigation").get_by_role("button", name="Doors").click()
    hand.shot("home-english")
    hand.page.evaluate("localStorage.setItem('yingjian.station.language', 'zh-CN')")
    hand.page.reload()
    hand.tab("more")
    hand.tap("doors-forget")
    expect(home).to_be_hidden()
    hand.page.reload()
    expect(home).to_be_hidden()
    phone.set_offline(False)
    hand.badge("badge.none")
    (tube,) = county.tube(hand.code(80))
    assert (tube["mode"], tube["people"], tube["flags"]) == ("single", 1, [])
    assert hand.wrong == []


def test_a_server_killed_in_the_middle_of_an_upload_has_everything_once(
    county: County, phone: BrowserContext
) -> None:
    hand = Hand(phone.new_page())
    hand.bind(county.invitation(0), "九号手机")
    phone.set_offline(True)
    pool = county.tokens("pool")
    for number in (50, 51):
        hand.full_tube(number, pool[10 * number - 390 :])
    waiting = len(hand.kept())
    strikes: list[str] = []
    next_strike = ["unread", "unanswered"]

    def strike(route: Route) -> None:
        """First it dies with the request in its hands, then with the commands stored and nothing answered."""
        if len(strikes) == len(next_strike):
            route.continue_()
        elif next_strike[len(strikes)] == "unread":
            county.stop()
            route.continue_()
            time.sleep(0.5)  # the request arrives at a process that does not run any more
            county.kill()
            strikes.append("unread")
        else:
            assert route.fetch().status == HTTPStatus.OK
            county.kill()
            strikes.append("unanswered")
            route.abort("connectionreset")

    phone.route("**/api/sync", strike)
    phone.set_offline(False)
    for number in (1, 2):
        hand.tab("more")
        hand.page.get_by_role("button", name=ZH["sync.now"]).click()
        while len(strikes) < number:
            hand.page.wait_for_timeout(100)
        phone.unroute("**/api/sync", strike)
        expect(hand.page.get_by_text(ZH["sync.offline"])).to_be_visible()
        hand.badge("badge.waiting", count=waiting)
        assert {row["status"] for row in hand.kept()} == {"waiting"}
        phone.set_offline(True)
        county.back()
        phone.route("**/api/sync", strike)
        phone.set_offline(False)
    hand.shot("server-gone")
    hand.page.get_by_role("button", name=ZH["sync.now"]).click()
    hand.badge("badge.none")
    assert strikes == next_strike
    there_once(county, hand, (50, 51))
    assert hand.wrong == []


def test_a_queue_passes_from_screen_to_camera_without_any_network(
    county: County, phone: BrowserContext, browser: Browser, tmp_path: Path
) -> None:
    hand = Hand(phone.new_page())
    hand.bind(county.invitation(0), "六号手机")
    phone.set_offline(True)
    pool = county.tokens("pool")
    for number in (60, 61, 62):
        hand.full_tube(number, pool[10 * number - 540 :])
    hand.tab("more")
    hand.tap("export")
    code = hand.page.get_by_test_id("spoken").inner_text()
    hand.tap("show-frames")
    frame = hand.page.get_by_test_id("frame")
    told = hand.page.get_by_test_id("frame-number")
    expect(frame).to_be_visible()
    hand.shot("frames-show")
    total = int(told.inner_text().split()[3])
    assert total > 3
    seen: set[str] = set()
    while len(seen) < total:
        seen.add(str(frame.get_attribute("data-text")))
    hand.page.get_by_role("button", name=ZH["carry.slower"]).click()
    film_of(tmp_path / "film.y4m", sorted(seen, reverse=True), seconds=1, level="l")

    with seeing(browser, county, tmp_path / "film.y4m") as carrier:
        other = Hand(carrier.new_page())
        other.bind(county.invitation(1), "七号手机")
        carrier.set_offline(True)
        other.tab("more")
        other.tap("import")
        other.tap("take-frames")
        expect(other.page.get_by_test_id("frames-have")).to_be_visible(timeout=40_000)
        other.shot("frames-take")
        expect(other.page.get_by_test_id("file-there")).to_be_visible(timeout=120_000)
        other.page.get_by_test_id("code").fill(code)
        other.shot("frames-whole")
        other.tap("take")
        expect(other.page.get_by_role("dialog")).not_to_be_visible()
        other.badge("badge.waiting", count=len(hand.kept()))
        carrier.set_offline(False)
        other.badge("badge.none")
        assert other.wrong == []
    (tube,) = county.tube(hand.code(62))
    assert (tube["people"], tube["state"], tube["flags"]) == (10, "sealed", [])
    phone.set_offline(False)  # the first phone sends it too
    hand.badge("badge.none")
    kept = hand.kept()
    assert county.commands_of(kept[0]["device"]) == sorted(row["id"] for row in kept)
    assert hand.wrong == []


def test_the_camera_reads_a_tube_and_a_person(
    county: County, browser: Browser, tmp_path: Path
) -> None:
    code = f"CAM{secrets.token_hex(3).upper()}"
    film_of(tmp_path / "film.y4m", [code, county.tokens("pool")[50]])
    with seeing(browser, county, tmp_path / "film.y4m") as context:
        hand = Hand(context.new_page())
        hand.bind(county.invitation(1), "五号手机")
        context.set_offline(True)  # the reader itself lies on the phone
        hand.page.get_by_role("button", name=ZH["work.camera"]).click()
        expect(hand.page.get_by_test_id("tube")).to_contain_text(code, timeout=40_000)
        expect(hand.page.get_by_test_id("count")).to_have_text("1", timeout=40_000)
        hand.shot("camera")
        assert hand.wrong == []
