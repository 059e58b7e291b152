"""Two real nodes, a county and a hub: the line between is cut, the hub is killed, everything arrives once."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.ground import Ground, prepared
from tests.faults.hub import Hub
from tests.faults.phones import Phones
from tests.faults.proxy import Proxy
from tests.journeys.station import County

pytestmark = pytest.mark.e2e
PATIENCE: Final = 40
_TOLD: Final = """
SELECT command_id::text FROM access_journal
 WHERE actor_id = %s::uuid AND verdict = 'applied' AND kind NOT IN ('device.enrol', 'doors.give') ORDER BY seq
"""


_SWABS: Final = """
SELECT count(*), count(*) FILTER (WHERE flags ? 'clock_skew') FROM sampling_swab WHERE id = ANY(%s::uuid[])
"""


@dataclass
class Site:
    """A site's phones and hub, each with a line of its own to the county."""

    ground: Ground
    hub: Hub
    phones: Phones
    lines: dict[str, Proxy]
    up: dict[str, bool]
    tokens: list[str]

    async def day(self, phone: str, tube: str, people: Sequence[str]) -> None:
        steps = [{"do": "tube", "code": tube}, *({"do": "code", "token": one} for one in people)]
        await self.phones.ask(phone, "run", steps=[*steps, {"do": "seal"}])

    async def until(self, phone: str, what: str, **wanted: int) -> dict[str, Any]:
        """Wait until the phone counts so."""
        deadline = time.monotonic() + PATIENCE
        while True:
            told: dict[str, Any] = await self.phones.ask(phone, "report")
            if wanted.items() <= told["counts"].items():
                assert told["wrong"] == [] or phone == "careless"
                return told
            assert time.monotonic() < deadline, (what, told["counts"], told["phase"], told["log"])
            await asyncio.sleep(0.05)

    def stored(self, told: dict[str, Any]) -> list[str]:
        with self.ground.sql() as connection:
            return [row[0] for row in connection.execute(_TOLD, [told["devices"][0]]).fetchall()]


async def _opened(ground: Ground, var: Path) -> Site:
    up = {"phones": True, "hub": True}
    lines = {}
    for name in list(up):
        lines[name] = Proxy(lambda: ground.url, lambda name=name: up[name], lambda: 0.05)  # type: ignore[misc]
        await lines[name].start()
    lead, at = ground.lead, datetime.now(UTC)
    token = ground._ids.new(at)
    lead.command(
        "device.invite", at=at, token_id=token, station_code="hub-1", area=ground.prepared.area, role="hub", hours=2,
    )  # fmt: skip
    told = str(lead.get(f"/devices/invitations/{token}", at=at)["token"])
    phones = Phones()
    await phones.start()
    return Site(ground, Hub(var, lines["hub"].url, told), phones, lines, up, ground.prepared.tokens)


async def _bound(site: Site, name: str, *, build: str = "sound") -> None:
    [token] = site.ground.invitations(site.ground.prepared.stations[:1])
    url = site.lines["phones"].url
    await site.phones.ask(name, "make", url=url, seed=7, build=build)
    await site.phones.ask(name, "bind", token=token)


async def _played(ground: Ground, var: Path) -> None:
    site = await _opened(ground, var)
    started = asyncio.get_running_loop().run_in_executor
    try:
        for name in ("by the hub", "by both"):
            await _bound(site, name)
        await _bound(site, "careless", build="lets_go_at_hub")
        await started(None, site.hub.start)
        await _heard_of(site)
        site.up |= {"phones": False, "hub": False}
        await _kept(site, 0)
        await started(None, site.hub.kill)
        await started(None, site.hub.start)  # without any line
        await _kept(site, 1)
        await _arrived(site)
        await _lost(site, started)
    finally:
        await site.phones.stop()
        if site.hub.process is not None and site.hub.process.poll() is None:
            site.hub.kill()
        for line in site.lines.values():
            await line.stop()


async def _heard_of(site: Site) -> None:
    """One phone hears of the hub from its pack, the others are told beside it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        await site.phones.ask("by the hub", "run", steps=[{"do": "refresh"}])
        hubs = (await site.phones.ask("by the hub", "report"))["hubs"]
        if site.hub.url in [
            one["url"] for one in hubs
        ]:  # beside those of other tests, which are gone
            break
        assert time.monotonic() < deadline, hubs
        await asyncio.sleep(0.1)
    for name in ("by both", "careless"):
        await site.phones.ask(name, "hub", url=site.hub.url)


async def _kept(site: Site, half: int) -> None:
    for number, name in enumerate(("by the hub", "by both")):
        first = (2 * number + half) * 4
        await site.day(name, f"HUB{number}{half}{os.getpid()}", site.tokens[first : first + 4])
        wanted = 6 * (half + 1)
        told = await site.until(name, "kept by the hub", waiting=wanted, hub=wanted)
        assert {entry["status"] for entry in told["entries"]} == {"waiting"}
        assert site.stored(told) == []


async def _arrived(site: Site) -> None:
    """One phone's own line comes back before the hub's; the other hears the county's verdicts from the hub alone."""
    site.up["phones"] = True
    both = await site.until("by both", "sent by itself", waiting=0, hub=0, applied=12)
    site.up |= {"phones": False, "hub": True}
    told = await site.until("by the hub", "answered by the hub", waiting=0, hub=0, applied=12)
    for phone in (both, told):
        assert site.stored(phone) == [entry["id"] for entry in phone["entries"]]
    with site.ground.sql() as connection:
        [(swabs, flagged)] = connection.execute(
            _SWABS,
            [[e["payload"]["swab_id"] for one in (both, told) for e in one["entries"] if e["kind"] == "swab.add"]],
        ).fetchall()  # fmt: skip
    assert (swabs, flagged) == (16, 0)
    site.up["phones"] = True


async def _lost(site: Site, started: Any) -> None:
    """The laptop burns. A phone that keeps its own copy has lost nothing; one that let go of it is the control."""
    site.up |= {"phones": False, "hub": False}
    people = site.tokens[16:20]
    await site.day("by both", f"HUBX{os.getpid()}", people)
    await site.day("careless", f"HUBY{os.getpid()}", people)
    await site.until("by both", "kept by the hub", waiting=6, hub=6)
    gone = await site.until("careless", "let go", waiting=0)
    await started(None, site.hub.kill)
    site.up["phones"] = True
    told = await site.until("by both", "sent by itself", waiting=0, applied=18)
    assert len(site.stored(told)) == 18
    await asyncio.sleep(0.3)
    assert site.stored(gone) == []
    assert len(gone["told"]) == 6


@pytest.fixture(scope="module")
def ground(county: County) -> Iterator[Ground]:
    system = county.system
    place = Ground(
        system.var, dict(system.environment), prepared(county.world), supervisor=system.process
    )
    place.url, place.up = system.url, True
    try:
        yield place
    finally:
        place.stop()


def test_a_hub_keeps_a_sites_day_and_everything_arrives_once(
    ground: Ground, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as aside:  # a browser's loop may be running in this thread
        aside.submit(asyncio.run, _played(ground, tmp_path / "hub")).result()
