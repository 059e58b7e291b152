"""A hub as a test's second node: the real program, with a directory and a port of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config import drills, tree
from drill import server

PROJECT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 60


@dataclass
class Hub:
    """`yingjian hub` as its technician starts it, with a directory of its own."""

    var: Path
    county: str
    token: str
    url: str = ""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it says that it is ready. Enrolled the first time only."""
        log = self.var / "hub.log"
        first = not self.url
        if first:
            self.var.mkdir()
            self.url = f"http://127.0.0.1:{tree.free_port('127.0.0.1')}"
        enrolling = ["--county", self.county, "--invitation", self.token, "--name", "一号点"]
        words = [
            "hub",
            "--host",
            "127.0.0.1",
            "--port",
            self.url.rpartition(":")[2],
            "--address",
            self.url,
        ]
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [*drills.command(), *words, *(enrolling if first else [])], cwd=PROJECT, stdin=subprocess.DEVNULL,
                env={**drills.environment(self.var), "NO_PROXY": "127.0.0.1"}, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.says("ready")

    def says(self, word: str) -> None:
        """Wait until it has said so since its start."""
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while word not in (said := (self.var / "hub.log").read_text(encoding="utf-8")):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    @contextlib.contextmanager
    def without_a_line(self) -> Iterator[None]:
        """It answers phones, and nothing of it goes up."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            while (
                not self._free()
            ):  # stopped in the middle of a write, it would keep the disk from the other process
                os.kill(self.process.pid, signal.SIGCONT)
                time.sleep(0.05)
                os.kill(self.process.pid, signal.SIGSTOP)
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def _free(self) -> bool:
        """Whether nobody is writing into what it keeps."""
        database = sqlite3.connect(
            self.var / "hub" / "hub.sqlite", timeout=0.2, isolation_level=None
        )
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            database.close()
        return True

    def kill(self) -> None:
        """SIGKILL to every process of it at once."""
        assert self.process is not None
        for pid in server.family([self.process.pid]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
