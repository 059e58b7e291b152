"""A system of the drill's own: started fresh beside any other, measured while it runs, stopped in the end.

The drill never touches another system's data: its database, keys and files lie in a directory of
its own, which is emptied before the start.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drill.client import DrillError

Say = Callable[[str], None]
START_SECONDS: Final = 180
STOP_SECONDS: Final = 60
SAMPLE_SECONDS: Final = 5.0
_URL: Final = re.compile(r"^web\s+(http://\S+)")
_LAST_LINES: Final = 12


@dataclass
class System:
    """A running system. `command` starts the `yingjian` program in `environment`."""

    command: Sequence[str]
    environment: Mapping[str, str]
    var: Path
    url: str = ""
    process: subprocess.Popen[str] | None = None
    peak: dict[str, int] = field(default_factory=dict)

    def yingjian(
        self, *words: str, told: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of the program against this system's data; `told` is its standard input."""
        done = subprocess.run(  # noqa: S603
            [*self.command, *words], env=dict(self.environment), input=told, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise DrillError(
                f"yingjian {' '.join(words)} failed:\n{done.stdout}{done.stderr}".strip()
            )
        return done

    @property
    def log(self) -> Path:
        return self.var / "serve.log"

    def start(self, *, workers: int = 1, threads: int = 8) -> None:
        """Serve with the drill clock on a free port; returns when the web part answers."""
        words = ["serve", "--drill", "--migrate", "--port", "0", "--workers", str(workers),
                 "--threads", str(threads)]  # fmt: skip
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*self.command, *words], env=dict(self.environment), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            )  # fmt: skip
        (self.var / "serve.pid").write_text(f"{self.process.pid}\n")
        deadline = time.monotonic() + START_SECONDS
        while not self.url:
            self.check()
            if time.monotonic() > deadline:
                self.stop()
                raise DrillError(
                    f"the system did not come up within {START_SECONDS} s; see {self.log}"
                )
            self._read_url()
            time.sleep(0.1)

    def _read_url(self) -> None:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        found = [match[1] for line in lines if (match := _URL.match(line))]
        if found and any(line.startswith("ready") for line in lines):
            self.url = found[0]

    def check(self) -> None:
        """Raise `DrillError` when the system has ended by itself."""
        if self.process is None or (code := self.process.poll()) is None:
            return
        last = "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-_LAST_LINES:])
        raise DrillError(f"the system ended by itself (exit code {code}):\n{last}")

    def wait(self) -> None:
        """Until it ends or somebody presses Ctrl-C."""
        while self.process is not None and self.process.poll() is None:
            time.sleep(0.2)
        self.check()

    def stop(self) -> None:
        """Ask it to end; insist after a while."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def fresh(command: Sequence[str], environment: Mapping[str, str], var: Path, say: Say) -> System:
    """A system that knows nothing yet: what an earlier drill left in `var` is removed, and said.

    A drill that still serves from there is ended first. Raises `DrillError` where that fails.
    """
    system = System(command, environment, var)
    if var.exists():
        if (earlier := _serving(var)) is not None:
            say(
                f"earlier   a drill still served from {var} (process {earlier}); it is being stopped"
            )
            _end(earlier)
        system.yingjian("db", "stop", check=False)
        say(f"fresh     the data of the drill before are removed from {var}")
        shutil.rmtree(var)
    var.mkdir(parents=True)
    return system


def _serving(var: Path) -> int | None:
    """The process of an earlier drill that still serves from `var`."""
    try:
        pid = int((var / "serve.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        inside = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    ours = f"YINGJIAN_VAR={var}".encode() in inside and b"serve" in words
    return pid if ours else None


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            raise DrillError(f"the earlier drill (process {pid}) does not end")
        time.sleep(0.1)


def password() -> str:
    """A password nobody guesses, easy to read aloud."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))


# -- memory -------------------------------------------------------------------------------------


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            after = stat.read_text().rpartition(")")[2].split()
            found.setdefault(int(after[1]), []).append(int(stat.parent.name))
    return found


def family(roots: Sequence[int]) -> set[int]:
    below, todo, seen = _children(), list(roots), set[int]()
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            todo += below.get(pid, [])
    return seen


def _pss_kib(pid: int) -> int:
    """Memory of a process with shared pages shared out (Pss), KiB; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def memory_mib(pids: set[int]) -> int:
    """Memory of processes, pages they share counted once, MiB."""
    return sum(_pss_kib(pid) for pid in pids) // 1024


@contextlib.contextmanager
def measured(system: System, own: int) -> Iterator[None]:
    """Keep the peak memory of system, database and drill (`own` process) in `system.peak`, MiB."""
    stop = threading.Event()

    def look() -> None:
        while True:
            database = family(database_of(system.var))
            served = family([system.process.pid] if system.process else []) - database
            drill = family([own]) - served - database
            now = {
                "system": memory_mib(served), "database": memory_mib(database), "drill": memory_mib(drill)
            }  # fmt: skip
            now["all"] = sum(now.values())
            for name, size in now.items():
                system.peak[name] = max(system.peak.get(name, 0), size)
            if stop.wait(SAMPLE_SECONDS):
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join(SAMPLE_SECONDS)


def database_of(var: Path) -> list[int]:
    """The embedded server's main process, where there is one."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return [int((var / "postgres" / "postmaster.pid").read_text().splitlines()[0])]
    return []
