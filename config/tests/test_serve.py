"""``yingjian serve`` as its user meets it: started, asked, stopped, robbed of its parts."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.postgres import Cluster

PROJECT = Path(__file__).resolve().parents[2]
YINGJIAN = [sys.executable, "-m", "yingjian"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A ``var`` of its own with every migration applied."""
    var = tmp_path_factory.mktemp("serve") / "var"
    subprocess.run([*YINGJIAN, "migrate", "-v0"], env=environment(var), cwd=PROJECT, check=True)
    yield var
    Cluster.of(var).stop()


def environment(var: Path) -> dict[str, str]:
    """What a fresh shell would give, with this ``var``."""
    keep = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return {**keep, "YINGJIAN_VAR": str(var), "PYTHONUNBUFFERED": "1"}


class Served:
    """One running ``yingjian serve`` and what it has said."""

    def __init__(self, var: Path, *arguments: str, more: dict[str, str] | None = None) -> None:
        self.var = var
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [*YINGJIAN, "serve", "--port", "0", *arguments],
            cwd=PROJECT, env={**environment(var), **(more or {})}, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.url = ""

    def until(self, word: str) -> str:
        """Read its lines up to the one that begins with ``word``."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if found := re.search(r"http://\S+", line):
                self.url = found.group()
            if line.startswith(word):
                return line.rstrip()
        raise AssertionError("\n".join(self.said))

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def end(self) -> int:
        """Wait for its end; returns the exit code."""
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self.said += [line.rstrip() for line in lines]
        return self.process.wait(60)

    def stops(self) -> list[str]:
        """How it said to stop. Its parts speak when they like, the jobs' worker even after it was told to end."""
        return [line for line in self.said if line == "stopping" or line.endswith(" stopped")]

    def part(self, name: str) -> int:
        """The process id of ``jobs`` or ``database`` as it was said."""
        line = next(line for line in self.said if line.startswith(name))
        found = re.search(r"process (\d+)", line)
        assert found is not None
        return int(found.group(1))


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    """The system, ready; ended by force where the test did not."""
    system = Served(home)
    system.until("ready")
    yield system
    if system.process.poll() is None:
        system.process.terminate()
        system.end()


def alive(var: Path) -> list[str]:
    """Every process that works for this ``var``: by its environment, or by its data directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            given = (process / "environ").read_bytes().split(b"\0")
            if (
                f"YINGJIAN_VAR={var}".encode() in given
                or (process / "cwd").readlink() == var / "postgres"
            ):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def nothing_left(var: Path, *, seconds: float = 40) -> bool:
    """Whether every process of this ``var`` ends within that time."""
    deadline = time.monotonic() + seconds
    while alive(var):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_comes_up_answers_and_stops_in_order(home: Path, number: signal.Signals) -> None:
    system = Served(home)
    system.until("ready")
    firsts = [line.split()[0] for line in system.said]
    order = [word for word in firsts if word in {"database", "tables", "jobs", "web", "ready"}]
    assert order == ["database", "tables", "jobs", "web", "ready"]
    assert system.get("/healthz") == (200, b'{"ok": true}')
    assert system.get("/api/openapi.json")[0] == 200
    assert system.get("/api/nowhere")[0] == 404
    assert len(alive(home)) >= 5  # supervisor, jobs, granian and its worker, postgres
    system.process.send_signal(number)
    assert system.end() == 0
    assert system.stops() == [
        "stopping", "web       stopped", "jobs      stopped", "database  stopped"
    ]  # fmt: skip
    assert alive(home) == []


def test_a_dead_worker_is_started_again_while_the_web_part_answers(served: Served) -> None:
    first = served.part("jobs")
    os.kill(first, signal.SIGKILL)
    told = served.until("jobs      worker ended")
    assert "by itself (signal SIGKILL)" in told
    assert "again in 1 s" in told
    assert served.get("/healthz")[0] == 200
    again = int(re.findall(r"process (\d+)", served.until("jobs      worker running"))[0])
    assert again != first
    os.kill(again, signal.SIGKILL)
    assert "again in 2 s" in served.until("jobs      worker ended")
    assert served.get("/healthz")[0] == 200
    served.process.terminate()
    assert served.end() == 0, "told to stop between two workers"
    assert served.stops() == ["stopping", "web       stopped", "database  stopped"]
    assert alive(served.var) == []


def test_a_dead_web_part_is_named_and_takes_the_rest_along(served: Served, home: Path) -> None:
    supervisor = served.process.pid
    parts = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    (web,) = (int(n) for n in parts if b"granian" in Path(f"/proc/{n}/cmdline").read_bytes())
    os.kill(web, signal.SIGKILL)
    assert served.end() == 1
    assert "web ended by itself (signal SIGKILL)" in served.said[-1]
    assert "database  stopped" in served.said
    assert alive(home) == []


def test_a_dead_database_is_named(served: Served, home: Path) -> None:
    os.kill(served.part("database"), signal.SIGKILL)
    assert served.end() == 1
    assert "database ended" in served.said[-1]
    assert nothing_left(home)


def test_a_killed_supervisor_leaves_nothing_running(served: Served, home: Path) -> None:
    served.process.kill()
    served.end()
    assert nothing_left(home)


def test_a_drill_server_says_so_and_its_parts_know(home: Path) -> None:
    system = Served(home, "--drill", "--threads", "2")
    assert "1 × 2 threads, drill clock allowed" in system.until("web")
    system.until("ready")
    given = Path(f"/proc/{system.part('jobs')}/environ").read_bytes().split(b"\0")
    assert b"YINGJIAN_DRILL=1" in given
    system.process.terminate()
    assert system.end() == 0


def test_missing_migrations_are_listed_and_nothing_starts(tmp_path: Path) -> None:
    system = Served(tmp_path / "var")
    assert system.end() == 1
    said = "\n".join(system.said)
    assert "access.0001_initial" in said
    assert "yingjian migrate" in said
    assert not any(line.startswith(("jobs", "web")) for line in system.said)
    assert alive(tmp_path / "var") == []


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [*YINGJIAN, "serve", "--port", port],
            cwd=PROJECT, env=environment(tmp_path / "var"), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"127.0.0.1:{port} cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / "var" / "postgres").exists()


def test_the_database_by_hand(home: Path) -> None:
    def db(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [*YINGJIAN, "db", *arguments],
            cwd=PROJECT, env=environment(home), capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.strip()

    assert db("status") == (3, "database  not running")
    code, said = db("start")
    assert code == 0
    assert said.startswith("database  running (process ")
    assert db("--role", "app", "psql", "--", "-Atc", "SELECT current_user") == (0, "yingjian_app")
    code, said = db("status")
    assert code == 0
    assert "not in use" in said
    assert db("stop") == (0, "database  stopped")
    assert db("stop") == (0, "database  was not running")
