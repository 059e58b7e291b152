"""A station whose line is cut, beside a hub: its page speaks to another address, and says where its records are."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.faults.hub import Hub
from tests.journeys.station import ZH, County, Hand, another

pytestmark = pytest.mark.e2e


def _hub(county: County, folder: Path) -> Hub:
    at, lead = datetime.now(UTC), county.world.user("information_maintainer")
    token = county.world.ids.new(at)
    lead.command(
        "device.invite", at=at, token_id=token, station_code="hub-2", area=county.site.area, role="hub", hours=2,
    )  # fmt: skip
    told = lead.get(f"/devices/invitations/{token}", at=at)["token"]
    return Hub(folder, county.system.url, str(told))


def _kept(hand: Hand, hub: Hub, county: County) -> None:
    hand.page.context.route("**/api/sync", lambda route: route.abort())
    hand.tab("more")
    hand.tap("hub-add")
    hand.page.get_by_test_id("hub-address").fill(hub.url)
    hand.shot("hub-add")
    hand.tap("hub-done")
    expect(hand.page.get_by_text("一号点")).to_be_visible()
    hand.tab("work")
    hand.scan(hand.code(1))
    hand.scan(county.tokens("pool")[106])  # whom no other journey has swabbed: the phone would ask
    hand.count(1)
    hand.badge("badge.hub", count=2)
    hand.tab("more")
    expect(hand.page.get_by_test_id("at-hub")).to_have_text(ZH["hub.there"].format(count=2))
    hand.shot("hub-kept")
    assert {row["status"] for row in hand.kept()} == {"waiting"}


def test_a_phone_without_a_line_finds_the_hub_and_says_what_is_there(
    county: County, browser: Browser, tmp_path: Path
) -> None:
    hub = _hub(county, tmp_path / "hub")
    with another(browser, county) as phone, contextlib.ExitStack() as ends:
        hand = Hand(phone.new_page())
        hand.bind(county.invitation(0))
        hub.start()
        ends.callback(hub.kill)
        hub.says("phones ")
        with hub.without_a_line():
            _kept(hand, hub, county)
        # The county's verdict comes by the hub: the phone's own line is still cut.
        hand.badge("badge.none")
        done = hand.kept()
        assert county.commands_of(done[0]["device"]) == sorted(row["id"] for row in done)
        assert hand.wrong == []
