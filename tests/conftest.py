"""One running system and one played round for every test that needs them; made when the first one asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config.postgres import Cluster
from tests.played import Played, played, served


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers share the browser tests: whatever asks for the played round stays with one of them."""
    for item in items:
        if item.get_closest_marker("e2e"):
            needs = getattr(item, "fixturenames", ())
            group = "played" if "round_played" in needs else item.nodeid.partition("::")[0]
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def round_played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Two farms' round with positives, grey pools and people missed: played by the drill through the API."""
    if kept := os.environ.get("YINGJIAN_PLAYED"):
        yield msgspec.json.decode(Path(kept).read_bytes(), type=Played)
        return
    folder = tmp_path_factory.mktemp("played")
    system = served(folder / "var")
    try:
        system.start()
        yield played(system, folder)
    finally:
        system.stop()
        Cluster.of(folder / "var").stop()
