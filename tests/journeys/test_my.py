"""A resident's phone: a code fetched once and shown without a network, a result looked up, a wrong number told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from python_calamine import CalamineWorkbook

from tests.journeys.conftest import SHOTS
from tests.played import Played

pytestmark = pytest.mark.e2e
LOCALES = Path(__file__).resolve().parents[2] / "web" / "src" / "my" / "locales"
ZH: dict[str, str] = json.loads((LOCALES / "zh-CN.json").read_text(encoding="utf-8"))
_NEGATIVE = """
SELECT p.name, p.id_tail FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
 WHERE d.round_id = %s AND d.outcome = 'negative' AND d.area LIKE '640121%%' ORDER BY p.id
"""


def somebody(played: Played) -> tuple[str, str]:
    """Identity number and telephone of somebody with a negative result, from the roster that was handed in."""
    head, *lines = CalamineWorkbook.from_path(played.roster).get_sheet_by_index(0).to_python()
    number = next(n for n, name in enumerate(head) if "证件号" in str(name))
    phone = next(n for n, name in enumerate(head) if "电话" in str(name) or "手机" in str(name))
    name = next(n for n, word in enumerate(head) if "姓名" in str(word))
    with played.sql() as connection:
        tested = set(connection.execute(_NEGATIVE, [played.round_id]).fetchall())
    return next(
        (str(line[number]), str(line[phone]))
        for line in lines
        if line[phone]
        and len(str(line[number])) == 18
        and (str(line[name]), str(line[number])[-4:]) in tested
    )


@pytest.fixture
def own(browser: Browser, round_played: Played) -> Iterator[Page]:
    """A resident's phone."""
    opened = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=round_played.url,
        extra_http_headers={"X-Yingjian-At": round_played.after.isoformat()},
    )  # fmt: skip
    opened.set_default_timeout(20_000)
    page = opened.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    assert wrong == []
    opened.close()


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"my-{name}.png")
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= seen


def test_a_resident_fetches_a_code_once_and_looks_up_a_result(
    own: Page, round_played: Played
) -> None:
    number, phone = somebody(round_played)
    own.goto("/my/")
    own.get_by_label(ZH["ask.number"]).fill(number[:-1] + ("1" if number[-1] != "1" else "2"))
    own.get_by_label(ZH["ask.phone"]).fill(phone)
    own.get_by_role("button", name=ZH["ask.fetch"]).click()
    expect(own.get_by_role("alert")).to_have_text(ZH["ask.wrongNumber"])
    own.get_by_label(ZH["ask.number"]).fill(number)
    own.get_by_role("button", name=ZH["ask.fetch"]).click()
    picture = own.get_by_role("img", name=ZH["code.picture"])
    expect(picture).to_be_visible()
    token = picture.get_attribute("data-text")
    shot(own, "code")
    own.evaluate("navigator.serviceWorker.ready.then(() => true)")
    own.wait_for_function("navigator.serviceWorker.controller !== null")
    own.context.set_offline(True)
    own.reload()  # in the queue, without a network
    expect(picture).to_be_visible()
    assert picture.get_attribute("data-text") == token
    stored = own.evaluate("JSON.stringify({...localStorage})")
    assert number not in stored, "the number stays on the phone"
    assert phone not in stored
    own.context.set_offline(False)
    own.get_by_role("button", name=ZH["tab.results"]).click()
    own.get_by_label(ZH["ask.number"]).fill(number)
    own.get_by_label(ZH["ask.phone"]).fill(phone)
    own.get_by_role("button", name=ZH["ask.look"]).click()
    expect(own.get_by_text(ZH["result.negative"], exact=True)).to_be_visible()
    shot(own, "result")
