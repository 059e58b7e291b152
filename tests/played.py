"""A round that was really played: two farms of one county, from roster to close, through the running system.

The drill plays it once for the whole suite: ``python -m tests.played DIRECTORY`` leaves it there at rest, and each
process of the suite serves a copy of its own (``YINGJIAN_ROUND=DIRECTORY``; without it the process plays for itself).
Journeys look at it with a browser; the scope walk asks for one farm's records as somebody of the other. Whoever writes
such a test keeps one running: ``python -m tests.played DIRECTORY --serve``, then
``YINGJIAN_PLAYED=DIRECTORY/played.json pytest -m e2e tests``.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import psycopg

from config import drills
from config.postgres import DATABASE, OWNER_ROLE, PORT, Cluster
from drill import scenario, server
from drill.client import AT, Ids
from drill.office import ADMINISTRATOR
from drill.play import REGIONS, play
from drill.scenario import Scenario
from drill.server import System

COUNTY: Final = "640121"
TOWN_A: Final = "640121400"
TOWN_B: Final = "640121401"
PEOPLE: Final = 700
_ABOVE: Final = ("640000000000", "640100000000", "640121000000")


class Played(msgspec.Struct, frozen=True):
    """The running system with the played round in it. `var` is the directory of its database and files."""

    url: str
    var: str
    round_id: str
    ended: datetime
    password: str
    administrator: str = ADMINISTRATOR

    @property
    def after(self) -> datetime:
        """A moment after everything."""
        return self.ended + timedelta(hours=1)

    @property
    def roster(self) -> Path:
        """The roster the drill handed in: everybody's name, number, telephone and address in plain."""
        return Path(self.var) / "花名册.xlsx"

    @contextmanager
    def sql(self, role: str = OWNER_ROLE) -> Iterator[psycopg.Connection[Any]]:
        """A connection to the system's database, as the tables' owner or as the application (`APP_ROLE`)."""
        secret = (Path(self.var) / "secrets" / f"postgres_{role}").read_text(encoding="utf-8")
        with psycopg.connect(
            host=str(Cluster.of(Path(self.var)).sockets), port=PORT, dbname=DATABASE, user=role,
            password=secret.strip(),
        ) as connection:  # fmt: skip
            yield connection


class Asker:
    """Somebody signed in, who tells the drill's time with each request."""

    def __init__(self, played: Played, at: datetime) -> None:
        self.at, self.ids, self.played = at, Ids(secrets.randbits(64)), played
        self.http = httpx.Client(base_url=f"{played.url}/api", timeout=120, trust_env=False)
        self.headers = {AT: at.isoformat(), "Accept-Language": "zh"}

    def sign_in(self, username: str, password: str = "") -> Asker:
        """With the round's password, if no other is given."""
        self.headers.pop("X-CSRFToken", None)
        self.http.cookies.clear()
        given = {"username": username, "password": password or self.played.password}
        answer = self.ask("POST", "/session", json=given)
        assert answer.status_code == 200, answer.text
        self.headers["X-CSRFToken"] = answer.json()["csrf"]
        return self

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        return self.http.request(method, path, headers=self.headers, **given)

    def send(
        self, kind: str, payload: Mapping[str, Any], *, path: str = "/commands"
    ) -> httpx.Response:
        command = {
            "id": self.ids.new(self.at),
            "kind": kind,
            "at": self.at.isoformat(),
            "payload": payload,
        }
        return self.ask("POST", path, json={"commands": [command], "sent_at": self.at.isoformat()})

    def done(self, kind: str, /, **payload: Any) -> dict[str, Any]:
        """A command that has to be applied."""
        answer = self.send(kind, payload)
        assert answer.status_code == 200, (kind, answer.text)
        [verdict] = answer.json()["verdicts"]
        assert verdict["verdict"] == "applied", (kind, verdict)
        return dict(verdict.get("answer") or {})

    def new(self) -> str:
        return self.ids.new(self.at)

    def drawn_up(self, *, no: int, lasts: timedelta) -> str:
        """A round of the county, drawn up for the day after tomorrow."""
        campaign, round_id = self.new(), self.new()
        begin = (self.at + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
        self.done(
            "campaign.create", campaign_id=campaign, area=COUNTY, name="演练", trigger="drill"
        )
        self.done(
            "round.create", round_id=round_id, campaign_id=campaign, no=no, area=COUNTY, name="演练第一轮",
            preset={"code": "yongning"}, window_start=begin.isoformat(),
            window_end=(begin + lasts).isoformat(),
        )  # fmt: skip
        return round_id


def two_farms(folder: Path) -> Scenario:
    """The farm's drill over both farms of the county; the other towns are left out of its region table."""
    given = scenario.load("farm")
    source = REGIONS / given.place.regions
    head, *lines = source.read_text(encoding="utf-8-sig").splitlines()
    kept = [line for line in lines if line.startswith((*_ABOVE, TOWN_A, TOWN_B))]
    regions = folder / "two-farms.csv"
    regions.write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
    place = msgspec.structs.replace(given.place, area=COUNTY, regions=str(regions))
    seeded = msgspec.structs.replace(given.seeded, positives=5, single=1, grey=2)
    return msgspec.structs.replace(
        given, people=PEOPLE, place=place, seeded=seeded, campaign="两农场核酸检测",
        round_name="两农场核酸检测（第一轮）",
    )  # fmt: skip


def served(var: Path) -> System:
    """The whole system as ``yingjian serve`` brings it up, nobody in it yet; not started."""
    return server.fresh(drills.command(), drills.environment(var), var, print)


def played(system: System, folder: Path) -> Played:
    """Play the two farms' round on a fresh, running system."""
    outcome = play(system, two_farms(folder), print)
    world, ended = outcome.world, outcome.ended
    labs = [user for lab in world.labs.values() for user in (lab.clerk, lab.reviewer)]
    for sender in (*world.users.values(), *labs):
        sender.link.close()
    world.link.close()
    assert ended is not None, "the round was not closed"
    assert outcome.score.holds, outcome.score.document()
    return Played(system.url, str(system.var), world.round_id, ended, world.password)


@contextmanager
def copied(resting: Path, folder: Path) -> Iterator[Played]:
    """The round that rests in a directory, served from a copy of it."""
    # As it is, owners and all: the database's files belong to the user it runs as.
    subprocess.run(["cp", "-a", str(resting / "var"), str(folder / "var")], check=True)
    left = msgspec.json.decode((resting / "played.json").read_bytes(), type=Played)
    system = System(drills.command(), drills.environment(folder / "var"), folder / "var")
    try:
        system.start()
        yield msgspec.structs.replace(left, url=system.url, var=str(system.var))
    finally:
        system.stop()
        Cluster.of(folder / "var").stop()


def main() -> None:
    """Play and write down where it is; then rest, or with ``--serve`` go on until Ctrl-C."""
    folder = Path(sys.argv[1]).resolve()
    system = served(folder / "var")
    try:
        system.start()
        made = played(system, folder)
        (folder / "played.json").write_bytes(msgspec.json.encode(made))
        if "--serve" in sys.argv[2:]:
            system.wait()
    finally:
        system.stop()
        Cluster.of(folder / "var").stop()


if __name__ == "__main__":
    main()
