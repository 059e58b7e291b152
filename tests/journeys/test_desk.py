"""The information maintainer's desk: the work list, decided one by one and several at once."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from python_calamine import CalamineWorkbook

from tests.journeys.steps import arrive, says, sign_in
from tests.permissions.towns import Phone, enrolled
from tests.played import TOWN_A, Asker, Played

pytestmark = pytest.mark.e2e
ROLES = ("information_maintainer", "site_lead")


@dataclass
class Desk:
    """A maintainer of one town, a phone at its first lane, and what the phone sends."""

    played: Played
    asker: Asker
    phone: Phone
    username: str
    mark: str

    def sent(self, *commands: tuple[int | None, str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Commands with the device's own numbers, in one request."""
        at = datetime.now(UTC).isoformat()
        body = [
            {"id": self.asker.new(), "kind": kind, "at": at, "seq": seq, "payload": payload}
            for seq, kind, payload in commands
        ]
        answer = self.phone.ask("POST", "/sync", json={"commands": body, "sent_at": at})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["verdicts"]
        return found

    def opened(self, tube: str, code: str) -> tuple[None, str, dict[str, Any]]:
        return None, "tube.open", {"tube_id": tube, "code": code, "mode": "pool", "capacity": 10}

    def swabbed(self, tube: str, **who: Any) -> tuple[None, str, dict[str, Any]]:
        given = {"swab_id": self.asker.new(), "tube_id": tube, "entry": "code", **who}
        return None, "swab.add", given

    def person(self) -> str:
        with self.played.sql() as connection:
            row = connection.execute(
                "SELECT id FROM population_person WHERE area ^@ %s ORDER BY random() LIMIT 1",
                [TOWN_A],
            ).fetchone()
        assert row is not None
        return str(row[0])


@pytest.fixture
def desk(round_played: Played, console: str) -> Iterator[Desk]:
    admin = Asker(round_played, datetime.now(UTC)).sign_in(round_played.administrator)
    mark = uuid.uuid4().hex[:8].upper()
    name = f"desk-{mark.lower()}"
    roles = [{"role": role, "area": TOWN_A} for role in ROLES]
    account = {"user_id": admin.new(), "username": name, "full_name": "李建国", "area": TOWN_A,
               "password": round_played.password, "roles": roles}  # fmt: skip
    made = admin.ask("POST", "/users", json=account)
    assert made.status_code == 200, made.text
    asker = Asker(round_played, datetime.now(UTC)).sign_in(name)
    phone = enrolled(asker, round_played, TOWN_A)
    yield Desk(round_played, asker, phone, name, mark)
    for one in (admin, asker, phone):
        one.http.close()


@pytest.fixture
def signed_in(page: Page, language: str, desk: Desk) -> Page:
    sign_in(page, language, username=desk.username, password=desk.played.password)
    arrive(page, says(language, "rounds.title"))
    return page


def rows(page: Page, language: str) -> Locator:
    return page.get_by_role("list", name=says(language, "matters.title")).get_by_role("listitem")


def test_a_poison_command_among_fifty_is_found_and_decided(
    signed_in: Page, language: str, desk: Desk, shot: Callable[[str], None]
) -> None:
    """49 are applied and one is parked with a reason; the maintainer reads it, tries it again, and closes it."""
    tubes = [(n, *desk.opened(desk.asker.new(), f"P{desk.mark}{n:02d}")[1:]) for n in range(1, 50)]
    poison = (50, "swab.add", {"swab_id": desk.asker.new(), "tube_id": "nowhere", "entry": "id",
                               "id_number": "231183199901011234", "name": "王秀兰"})  # fmt: skip
    verdicts = desk.sent(*tubes, poison)
    assert [v["verdict"] for v in verdicts].count("applied") == 49
    assert verdicts[-1]["verdict"] == "parked"

    page = signed_in
    page.get_by_role("link", name=says(language, "nav.matters")).click()
    arrive(page, says(language, "matters.title"))
    expect(rows(page, language).first).to_be_visible()
    shot("matters")
    page.get_by_role("button", name=says(language, "word.matter.command")).click()
    mine = rows(page, language).filter(has=page.locator(f'a[href$="parked.{verdicts[-1]["id"]}"]'))
    mine.get_by_role("link").click()
    expect(page.get_by_text("王*兰")).to_be_visible()
    expect(page.get_by_text("231183199901011234")).to_have_count(0)
    shot("matter-parked")

    page.get_by_role("button", name=says(language, "matters.reveal")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "matters.revealWhy")).fill("核对证件")
    dialog.get_by_role("button", name=says(language, "matters.reveal")).click()
    expect(page.get_by_text("231183199901011234")).to_be_visible()

    reason = page.get_by_label(says(language, "matters.reason"))
    decide = page.get_by_role("button", name=says(language, "matters.decide"))
    expect(decide).to_be_disabled()
    reason.fill("再试一次")
    decide.click()
    expect(page.get_by_role("alert")).to_be_visible()  # it parks again: nothing is decided
    shot("matter-refused")
    page.get_by_role("radio").nth(1).check()
    reason.fill("已按纸质登记补录")
    decide.click()
    expect(page.get_by_text("已按纸质登记补录")).to_be_visible()
    expect(page.get_by_text(says(language, "matters.decidedTitle")).first).to_be_visible()
    shot("matter-decided")


def test_several_are_kept_at_once_and_a_second_swab_is_voided(
    signed_in: Page, language: str, desk: Desk, shot: Callable[[str], None], tmp_path: Any
) -> None:
    first, second, third, code = (*(desk.asker.new() for _ in range(3)), f"D{desk.mark}")
    person = desk.person()
    desk.sent(
        desk.opened(first, code), desk.opened(second, code), desk.opened(third, f"{code}-3"),
        desk.swabbed(first, person_id=person), desk.swabbed(third, person_id=person),
        desk.swabbed(third, token="no code at all"), desk.swabbed(third, entry="id", id_number="123"),
    )  # fmt: skip
    page = signed_in
    page.goto(f"/console/matters?q={code}")
    arrive(page, says(language, "matters.title"))
    expect(rows(page, language).first).to_be_visible()
    twice = rows(page, language).filter(has=page.locator('a[href$=".duplicate_person"]'))
    count = twice.count()
    assert count in {1, 2}  # two if somebody swabbed this person in the played round too
    twice.first.get_by_role("link").click()
    expect(page.get_by_text(says(language, "matters.samePerson"))).to_be_visible()
    shot("matter-twice")
    page.get_by_role("radio").nth(1).check()
    page.get_by_label(says(language, "matters.reason")).fill("扫错人")
    page.get_by_role("button", name=says(language, "matters.decide")).click()
    expect(page.get_by_text(says(language, "word.decision.voided")).first).to_be_visible()
    shot("matter-voided")

    page.goto(f"/console/matters?q={code}")
    expect(rows(page, language).first).to_be_visible()
    page.get_by_role("checkbox").first.check()
    bar = page.get_by_role("form", name=says(language, "matters.decide"))
    bar.get_by_label(says(language, "matters.reason")).fill("与现场核对无误")
    shot("matters-chosen")
    bar.get_by_role("button").last.click()
    expect(page.get_by_text(says(language, "matters.noMatch"))).to_be_visible()
    shot("matters-none")
    page.get_by_role("button", name=says(language, "matters.decided")).click()
    expect(rows(page, language).first).to_contain_text(re.compile("与现场核对无误|扫错人"))
    shot("matters-decided")
    with page.expect_download() as given:
        page.get_by_role("link", name=says(language, "common.export")).click()
    sheet = CalamineWorkbook.from_path(str(given.value.path())).get_sheet_by_index(0).to_python()
    assert len(sheet) == rows(page, language).count() + 1
    assert person not in json.dumps(sheet, default=str)


def test_a_phone_put_back_from_a_backup_is_on_the_list(
    signed_in: Page, language: str, desk: Desk, shot: Callable[[str], None]
) -> None:
    for _ in range(2):
        desk.sent(
            *((n, *desk.opened(desk.asker.new(), f"R{uuid.uuid4().hex[:10]}")[1:]) for n in (1, 2))
        )
    page = signed_in
    page.goto("/console/matters?kind=rewind")
    expect(rows(page, language).first).to_contain_text("1")
    rows(page, language).first.get_by_role("link").click()
    expect(page.get_by_role("radio")).to_have_count(1)  # nothing in it could be applied
    shot("matter-rewind")


def _a_bare_lane(page: Page, desk: Desk, found: list[dict[str, Any]]) -> str:
    """The code of a lane without a phone; if an earlier journey invited every lane, the first is cleared."""
    bare = next((lane for lane in found if lane["state"] == "none"), None)
    if bare is not None:
        return str(bare["station_code"])
    for invitation in found[0]["invitations"]:
        desk.asker.send("invitation.cancel", {"token_id": invitation["id"], "reason": "重来"})
    for device in found[0]["devices"]:
        desk.asker.send("device.revoke", {"device_id": device["id"], "reason": "重来"})
    page.reload()
    return str(found[0]["station_code"])


def test_phones_are_invited_on_the_screen_and_on_paper_enrolled_and_shut_out(
    signed_in: Page, language: str, desk: Desk, shot: Callable[[str], None]
) -> None:
    """A code for one lane, codes for all that have none, the printed sheets; then a phone comes, and is lost."""
    page, round_id = signed_in, desk.played.round_id
    page.goto(f"/console/rounds/{round_id}")
    page.get_by_role("link", name=says(language, "devices.tab"), exact=True).click()
    arrive(page, says(language, "devices.title"))
    shot("devices")
    found = page.request.get(f"/api/rounds/{round_id}/devices").json()["items"]
    code = _a_bare_lane(page, desk, found)

    lane = page.get_by_role("listitem").filter(has_text=code)
    lane.get_by_role("button", name=says(language, "devices.invite")).click()
    shot("devices-invite")
    page.get_by_role("dialog").get_by_role("button", name=says(language, "devices.invite")).click()
    picture = page.get_by_alt_text(says(language, "devices.picture"))
    expect(picture).to_be_visible()
    assert picture.evaluate(
        "async (image) => { await image.decode(); return image.naturalWidth > 0 }"
    )
    shot("devices-code")

    sheet = page.request.get(f"/api/rounds/{round_id}/invitations.pdf?station={code}")
    assert sheet.headers["content-type"] == "application/pdf"
    told = page.request.get(f"/api/rounds/{round_id}/devices").json()["items"]
    [one] = [row for row in told if row["station_code"] == code]
    token = page.request.get(f"/api/devices/invitations/{one['invitations'][0]['id']}").json()
    given = {"token": token["token"], "device_id": desk.asker.new(), "name": f"手机{desk.mark}"}
    assert desk.asker.ask("POST", "/devices/enrol", json=given).status_code == 200
    expect(
        page.get_by_text(says(language, "devices.taken", name=f"手机{desk.mark}"))
    ).to_be_visible()
    page.keyboard.press("Escape")

    row = lane.get_by_text(f"手机{desk.mark}").locator("xpath=ancestor::p")
    row.get_by_role("button", name=says(language, "devices.revoke")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "common.reason")).fill("手机遗失")
    shot("devices-revoke")
    dialog.get_by_role("button", name=says(language, "devices.revoke")).click()
    expect(dialog).to_be_hidden()
    expect(row.get_by_role("button")).to_have_count(0)

    everyone = page.get_by_role(
        "button",
        name=re.compile(
            says(language, "devices.inviteAll", count=r"\d+")
            .replace("(", r"\(")
            .replace(")", r"\)")
        ),
    )
    everyone.click()
    page.get_by_role("dialog").get_by_role("button", name=says(language, "devices.invite")).click()
    sheets = page.get_by_role("link", name=re.compile(r"\d"))
    expect(picture.or_(sheets).first).to_be_visible()
    if picture.is_visible():  # a single lane was left: its code is shown at once
        page.keyboard.press("Escape")
    expect(sheets).not_to_have_count(0)
    shot("devices-invited")
    _a_hub_invited_taken_up_and_shut_out(page, language, desk, shot)


def _a_hub_invited_taken_up_and_shut_out(
    page: Page, language: str, desk: Desk, shot: Callable[[str], None]
) -> None:
    name = f"中转{desk.mark}"
    page.get_by_role("button", name=says(language, "devices.parts.hubs"), exact=True).click()
    invite = page.get_by_role("button", name=says(language, "hubs.invite"))
    invite.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "hubs.name")).first.fill(name)
    dialog.get_by_role("button", name=says(language, "hubs.invite")).click()
    line = page.get_by_label(says(language, "hubs.line"))
    expect(line).to_have_value(re.compile(rf'^yingjian hub .*--name="{name}"$'))
    shot("hubs-line")
    [token] = re.findall(r"--invitation=(\S+)", line.input_value())
    given = {"token": token, "device_id": desk.asker.new(), "name": name}
    assert desk.asker.ask("POST", "/devices/enrol", json=given).status_code == 200
    expect(page.get_by_text(says(language, "hubs.taken", name=name))).to_be_visible(timeout=15_000)
    page.keyboard.press("Escape")
    row = page.get_by_role("listitem").filter(has_text=name)
    row.get_by_role("button", name=says(language, "hubs.revoke")).click()
    dialog.get_by_label(says(language, "common.reason")).fill("电脑遗失")
    dialog.get_by_role("button", name=says(language, "hubs.revoke")).click()
    expect(row.get_by_role("button")).to_have_count(0)
    shot("hubs")


def test_labels_are_printed_and_ranges_given_out(
    signed_in: Page, language: str, desk: Desk, shot: Callable[[str], None]
) -> None:
    page, round_id = signed_in, desk.played.round_id
    page.goto(f"/console/rounds/{round_id}/codes")
    arrive(page, says(language, "codes.title"))
    order = page.get_by_role("form", name=says(language, "codes.print"))
    order.get_by_label(says(language, "codes.site")).click()
    page.get_by_role("option").first.click()
    order.get_by_label(says(language, "codes.reason")).fill(f"补印{desk.mark}")
    with page.expect_popup():
        order.get_by_role("button", name=says(language, "codes.do")).click()
    log = page.get_by_role("table", name=says(language, "codes.log"))
    expect(log).to_contain_text(f"补印{desk.mark}")
    file = page.request.get(str(log.get_by_role("link").first.get_attribute("href")))
    assert file.headers["content-type"] == "application/pdf"

    give = page.get_by_role("form", name=says(language, "codes.ranges"))
    give.get_by_label(says(language, "codes.lane")).click()
    page.get_by_role("option").first.click()
    give.get_by_label(says(language, "codes.from")).fill(f"{desk.mark}9")
    give.get_by_label(says(language, "codes.to")).fill(f"{desk.mark}1")
    button = give.get_by_role("button", name=says(language, "codes.give"))
    button.click()
    expect(give.get_by_role("alert")).to_be_visible()
    give.get_by_label(says(language, "codes.to")).fill(f"{desk.mark}9")
    button.click()
    table = page.get_by_role("table", name=says(language, "codes.ranges"))
    expect(table).to_contain_text(f"{desk.mark}9")
    shot("codes")
    mine = table.get_by_role("row").filter(has_text=f"{desk.mark}9")
    mine.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(says(language, "common.reason")).fill("换号段")
    dialog.get_by_role("button", name=says(language, "codes.withdraw")).click()
    expect(mine).to_contain_text("换号段")
