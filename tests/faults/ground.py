"""The system under test: a round whose sites are open, a web part and a database that can be killed, a disk to fill.

The web part in front of the phones is started here, with the words `yingjian serve` starts it with, so that a blow ends
it alone; the database is the embedded one of the system's own directory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import psycopg

from config import drills, tree
from config.postgres import DATABASE, PORT, SUPER_ROLE, Cluster
from drill import server
from drill.client import Command, Ids, Link, Traffic, User, settle
from drill.server import System
from drill.world import World
from tests.journeys.station import sites_open

PROJECT: Final = Path(__file__).resolve().parents[2]
SOUND: Final = "config.wsgi:application"
START_SECONDS: Final = 90
# A disk without room refuses what would make a table grow: the server's own error for it (53100), at the first row.
_NO_ROOM: Final = """
CREATE OR REPLACE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
"""
# In the system's own environment: the database's passwords lie with its data.
_KEEPER: Final = """
import sys
from config.databases import cluster
for _ in sys.stdin:
    cluster().start()
    print("up", flush=True)
"""


class Prepared(msgspec.Struct, frozen=True):
    """What the harness must know of a round that is ready: who may ask, where the lanes are, whom they expect."""

    round_id: str
    area: str
    maintainer: str
    password: str
    stations: list[str]
    boxes: list[str]
    tokens: list[str]


def prepared(world: World) -> Prepared:
    """The knowledge of a round that somebody made ready."""
    site = next(iter(sorted(world.sites.values(), key=lambda one: -len(one.guests))))
    name = next(name for name, role, _ in world.accounts if role == "information_maintainer")
    tokens = [guest.token for guest in site.guests if guest.mode == "pool" and not guest.home]
    boxes = [code for station in site.stations for code in site.boxes[station]]
    return Prepared(world.round_id, site.area, name, world.password, site.stations, boxes, tokens)


def made(system: System) -> Prepared:
    """Such a round, and what phones need to know of it."""
    world = sites_open(system, Link(system.url, Traffic()))
    found = prepared(world)
    for link in (world.link, *(user.link for user in world.users.values())):
        link.close()
    return found


@dataclass
class Ground:
    """The running system. `web` is the part in front of the phones; `application` is what it serves."""

    var: Path
    environment: dict[str, str]
    prepared: Prepared
    application: str = SOUND
    supervisor: subprocess.Popen[str] | None = None
    jobs: bool = False
    spares: bool = False
    url: str = ""
    up: bool = False
    blows: dict[str, int] = field(default_factory=dict)
    _web: subprocess.Popen[bytes] | None = None
    _spare: tuple[subprocess.Popen[bytes], str] | None = None
    _jobs: subprocess.Popen[bytes] | None = None
    _keeper: subprocess.Popen[str] | None = None
    _lead: User | None = None
    _ids: Ids = field(default_factory=lambda: Ids(time.time_ns()))

    # -- the web part ------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring a web part (and the jobs, where nobody else runs them) up; returns when it answers.

        The next one is begun at once, beside: whoever kills this one waits for a port, not for a program to load.
        """
        self._web, url = self._spare or self._begun()
        deadline = time.monotonic() + START_SECONDS
        while not tree._healthy(url):
            assert self._web.poll() is None, f"the web part ended; see {self.log}"
            assert time.monotonic() < deadline, f"the web part does not answer; see {self.log}"
            time.sleep(0.05)
        self.url, self.up = url, True
        self._spare = self._begun() if self.spares else None
        if self.jobs and (self._jobs is None or self._jobs.poll() is not None):
            self._jobs = self._run(tree._jobs_command())
        if self._lead is not None:
            self._lead.link.url, self._lead.link.http.base_url = url, httpx.URL(f"{url}/api")

    def _begun(self) -> tuple[subprocess.Popen[bytes], str]:
        port = tree.free_port("127.0.0.1")
        words = tree._web_command(tree.Options(port=port, drill=True), port)
        return self._run([*words[:-1], self.application]), f"http://127.0.0.1:{port}"

    @property
    def log(self) -> Path:
        return self.var / "faults.log"

    def _run(self, words: list[str]) -> subprocess.Popen[bytes]:
        common = {"YINGJIAN_DRILL": "1", "YINGJIAN_THREADS": "8", "YINGJIAN_SEATS": "16"}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                words, env={**self.environment, **common}, cwd=PROJECT, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def kill_web(self) -> None:
        """No farewell: whatever the web part is doing, it is over."""
        self.blows["web killed"] = self.blows.get("web killed", 0) + 1
        self.up = False
        self._kill(self._web)

    @staticmethod
    def _kill(process: subprocess.Popen[bytes] | None) -> None:
        if process is None:
            return
        for pid in server.family([process.pid]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End what was started here; the database is left to whoever started it."""
        spare = None if self._spare is None else self._spare[0]
        for process in (self._web, spare, self._jobs):
            self._kill(process)
        if self._keeper is not None:
            self._keeper.communicate()
        self._web = self._spare = self._jobs = self._keeper = None
        if self._lead is not None:
            self._lead.link.close()
            self._lead = None

    # -- the database ------------------------------------------------------------------------------

    def kill_database(self) -> None:
        """Every process of the database dies at once. Whoever else watches over it is made to look away."""
        self.blows["database killed"] = self.blows.get("database killed", 0) + 1
        self.up = False
        if self.supervisor is not None and self.supervisor.poll() is None:
            os.kill(self.supervisor.pid, signal.SIGSTOP)
        for pid in server.family(server.database_of(self.var)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def start_database(self) -> None:
        """The same data come back, by the database's own recovery."""
        if self._keeper is None:
            self._keeper = subprocess.Popen(
                [sys.executable, "-c", _KEEPER], env=self.environment, cwd=PROJECT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.write("start\n")
        self._keeper.stdin.flush()
        assert self._keeper.stdout.readline() == "up\n", f"see {Cluster.of(self.var).log}"
        self.up = self._web is not None
        if self.supervisor is not None and self.supervisor.poll() is None:
            os.kill(self.supervisor.pid, signal.SIGCONT)
        if self.jobs and self._jobs is not None and self._jobs.poll() is not None:
            self._jobs = self._run(tree._jobs_command())

    def fill_disk(self, table: str) -> None:
        """From now on this table cannot grow."""
        self.blows["disk full"] = self.blows.get("disk full", 0) + 1
        with self.sql() as connection:
            connection.execute(_NO_ROOM)
            connection.execute(
                f"CREATE OR REPLACE TRIGGER a_no_room BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION no_room()"
            )

    def free_disk(self, table: str) -> None:
        with self.sql() as connection:
            connection.execute(f"DROP TRIGGER IF EXISTS a_no_room ON {table}")
            connection.execute("DROP FUNCTION IF EXISTS public.no_room()")

    @contextlib.contextmanager
    def sql(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that sees every row."""
        secret = (self.var / "secrets" / f"postgres_{SUPER_ROLE}").read_text(encoding="utf-8")
        with psycopg.connect(
            host=str(Cluster.of(self.var).sockets), port=PORT, dbname=DATABASE, user=SUPER_ROLE,
            password=secret.strip(), autocommit=True,
        ) as connection:  # fmt: skip
            yield connection

    # -- the staff ---------------------------------------------------------------------------------

    @property
    def lead(self) -> User:
        """The information maintainer, who invites phones and reads the work list."""
        if self._lead is None:
            link = Link(self.url, Traffic())
            at = datetime.now(UTC)
            self._lead = User(link, self._ids).sign_in(
                self.prepared.maintainer, self.prepared.password, at=at
            )
        return self._lead

    def invitations(self, stations: list[str]) -> list[str]:
        """One token to bind a phone for each of these lanes."""
        at = datetime.now(UTC)
        ids = [self._ids.new(at) for _ in stations]
        self.lead.send(
            [
                Command(
                    self._ids.new(at), "device.invite", at,
                    {"token_id": id, "station_code": station, "area": self.prepared.area,
                     "role": "sampler", "hours": 4},
                )
                for id, station in zip(ids, stations, strict=True)
            ],
            at=at,
        )  # fmt: skip
        return [str(self.lead.get(f"/devices/invitations/{id}", at=at)["token"]) for id in ids]

    def revoke(self, token: str) -> None:
        at = datetime.now(UTC)
        self.lead.command(
            "code.revoke",
            at=at,
            revocation_id=self._ids.new(at),
            token=token,
            reason="码被拍照外传",
        )

    def matters(self) -> set[str]:
        """Keys of everything on the information maintainer's work list, open and decided."""
        found: set[str] = set()
        after = ""
        while True:
            page = self.lead.get(
                "/matters", at=datetime.now(UTC), state="", limit=1000, after=after
            )
            found |= {str(item["key"]) for item in page["items"]}
            if not (after := page["next"] or ""):
                return found

    def settled(self, seconds: float = 120) -> None:
        """Wait until no news is on its way between rooms. A jobs worker that died with the database is begun anew."""
        if self.jobs and (self._jobs is None or self._jobs.poll() is not None):
            self._jobs = self._run(tree._jobs_command())
        settle(self.lead, at=datetime.now(UTC), seconds=seconds)

    def verify(self, *, replay: bool) -> list[dict[str, Any]]:
        """What `yingjian verify` finds broken: nothing, one hopes."""
        told = self.var / "verify.json"
        told.unlink(missing_ok=True)
        words = ["verify", "--json", str(told), "--lang", "en"]
        done = subprocess.run(
            [*drills.command(), *words, *([] if replay else ["--no-replay", "--no-seal"])],
            env=self.environment, cwd=PROJECT, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert told.exists(), done.stderr
        found: list[dict[str, Any]] = msgspec.json.decode(told.read_bytes())
        return [finding for finding in found if not finding["holds"]]


def answers(url: str) -> bool:
    """Whether somebody is there."""
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/healthz", trust_env=False, timeout=5).status_code == 200
    return False
