"""A hub's process tree: the web part that phones reach, and beside it the way up to the county."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from config import tree

from .store import Store
from .upward import ANSWER_DAYS, Upward, client

START_SECONDS: Final = 30
TELL_EVERY: Final = 60.0
THREADS: Final = 16
Say = Callable[[str], object]


@dataclass(frozen=True)
class Options:
    """How to serve. ``address`` is where phones reach the hub; empty: this machine's own on the local network."""

    county: str
    host: str = "0.0.0.0"  # noqa: S104 - phones of the site are the point of it
    port: int = 8100
    address: str = ""
    certificate: Path | None = None
    key: Path | None = None
    answer_days: float = ANSWER_DAYS

    @property
    def scheme(self) -> str:
        return "http" if self.certificate is None else "https"


def own_address() -> str:
    """This machine's address on the network it would leave by; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def serve(store: Store, options: Options, say: Say) -> None:
    """Serve until SIGINT or SIGTERM. Raises `tree.ServeError` where the web part does not come up or ends by itself."""
    port = options.port or tree.free_port(options.host)
    tree.open_port(options.host, port)
    address = options.address or f"{options.scheme}://{own_address()}:{port}"
    store.tell(address=address.rstrip("/"), line="")
    web = tree.Part("web", _command(options, port), {})
    with _ending_by_signal():
        web.start()
        try:
            _wait(web, options.host, port)
            say(f"web       {address} for phones; the page of this hub is there too")
            say("ready     stop with Ctrl-C")
            _run(store, options, web, say)
        except KeyboardInterrupt:
            say("stopping")
        finally:
            say(f"web       {web.stop()}")
    say(f"left      {store.counts().kept} requests are kept here for the next start")


def _run(store: Store, options: Options, web: tree.Part, say: Say) -> None:
    told, told_at = store.counts(), time.monotonic()
    with client(options.county) as line:
        upward = Upward(store, line, say, answer_days=options.answer_days)
        while True:
            until = time.monotonic() + upward.step()
            while time.monotonic() < until:
                if (code := web.died()) is not None:
                    raise tree.ServeError(f"web ended by itself (exit code {code})")
                time.sleep(0.2)
            if time.monotonic() - told_at >= TELL_EVERY and (counts := store.counts()) != told:
                told, told_at = counts, time.monotonic()
                say(f"kept      {told.kept} requests wait for a line, {told.stuck} are stuck")


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """SIGTERM and SIGINT end a wait for the county at once: whatever was under way is done again at the next start."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _command(options: Options, port: int) -> list[str]:
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1",
        "--host", options.host, "--port", str(port), "--workers", "1",
        "--blocking-threads", str(THREADS), "--no-access-log", "--log-level", "error",
    ]  # fmt: skip
    if options.certificate is not None and options.key is not None:
        command += [
            "--ssl-certificate",
            str(options.certificate),
            "--ssl-keyfile",
            str(options.key),
        ]
    return [*command, "config.hub.wsgi:application"]


def _wait(web: tree.Part, host: str, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection((tree.reachable(host), port), timeout=1):
                return
        except OSError:
            if web.died() is not None or time.monotonic() > deadline:
                raise tree.ServeError("the hub's web part does not come up") from None
            time.sleep(0.1)
