"""The running systems that tests share: a played round, and a county with phones; made when the first one asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config import drills
from config.postgres import Cluster
from drill import server
from drill.client import Traffic
from tests.journeys.station import County, Kept, sites_open
from tests.played import Played, copied, played, served


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fault campaign comes last: it leaves a work list behind."""
    items.sort(key=lambda item: "tests/faults" in item.nodeid)


@pytest.fixture(scope="session")
def round_played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Two farms' round with positives, grey pools and people missed: played by the drill through the API."""
    if kept := os.environ.get("YINGJIAN_PLAYED"):
        yield msgspec.json.decode(Path(kept).read_bytes(), type=Played)
        return
    folder = tmp_path_factory.mktemp("played")
    if resting := os.environ.get("YINGJIAN_ROUND"):
        with copied(Path(resting), folder) as found:
            yield found
        return
    system = served(folder / "var")
    try:
        system.start()
        yield played(system, folder)
    finally:
        system.stop()
        Cluster.of(folder / "var").stop()


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A county with a round whose sites are open now, for phones."""
    var = tmp_path_factory.mktemp("station") / "var"
    served = server.fresh(drills.command(), drills.environment(var), var, print)
    try:
        served.start()
        yield County(served, sites_open(served, Kept(served.url, Traffic())))
        for link in Kept.made:
            link.close()
    finally:
        served.stop()
        Cluster.of(var).stop()
