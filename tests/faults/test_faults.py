"""A slice of the fault campaign on a running system, and the two builds broken on purpose that it has to catch.

The long one is a command: ``python -m tests.faults --schedules 300`` (``make faults``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.campaign import Campaign, Result
from tests.faults.ground import Ground, prepared
from tests.faults.schedule import FAMILIES
from tests.journeys.station import County

pytestmark = pytest.mark.e2e
SLICE = (4, 17, 18, 25, 28)  # of this seed: between them every kind of fault
SEED = 15


@pytest.fixture(scope="module")
def ground(county: County) -> Iterator[Ground]:
    system = county.system
    place = Ground(
        system.var, dict(system.environment), prepared(county.world), supervisor=system.process
    )
    place.start()
    try:
        yield place
    finally:
        place.stop()
        if system.process is not None and system.process.poll() is not None:
            county.back()  # a part of it died with the database


def _played(
    ground: Ground,
    numbers: Sequence[int],
    *,
    build: str = "sound",
    only: Sequence[str] | None = None,
) -> list[Result]:
    async def play() -> list[Result]:
        campaign = Campaign(ground, SEED, print, build=build, only=only)
        await campaign.open()
        try:
            return await campaign.play(numbers)
        finally:
            await campaign.close()

    with ThreadPoolExecutor(1) as aside:  # a browser's loop may be running in this thread
        return aside.submit(asyncio.run, play()).result()


def test_whatever_befalls_phones_lines_and_server_nothing_is_lost_or_doubled(
    ground: Ground,
) -> None:
    results = _played(ground, SLICE)
    assert [one.story() for one in results if one.broken] == []
    assert ground.blows.keys() >= {"web killed", "database killed"}
    assert {name for one in results for name in one.schedule.families} == set(FAMILIES)
    assert sum(one.confirmed for one in results) > 50


def test_control_a_phone_that_lets_go_of_what_it_sends_is_caught(ground: Ground) -> None:
    results = _played(ground, (1, 2), build="deletes_on_send", only=["line"])
    assert all(any("gone without a verdict" in one for one in result.broken) for result in results)
    assert any("confirmed and lost" in one for result in results for one in result.broken)


def test_control_a_server_that_forgets_what_it_has_seen_is_caught(ground: Ground) -> None:
    ground.kill_web()
    ground.application = "tests.faults.forgetful:application"
    ground.start()
    results = _played(ground, (1, 2), only=["line"])
    assert any("doubled" in one for result in results for one in result.broken)
