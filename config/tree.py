"""The process tree of ``yingjian serve``: database, migrations check, jobs, web.

One supervisor starts the parts in that order and stops them in the reverse one, whether it is
told to (Ctrl-C, SIGTERM) or the web part or the database dies. The jobs part is started again: a
plan that took all memory must not end registration. Each part runs in a session of its own, so a
Ctrl-C at the terminal reaches the supervisor only; should the supervisor be killed outright, the
kernel ends the parts for it.

The web part is WSGI with threads: the views are synchronous and wait for PostgreSQL, and each
thread keeps its own connection. Under ASGI every such view would be handed to a thread anyway,
through one more queue.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from config import databases, env, postgres
from config.reviving import OFTEN, WINDOW, Deaths

_START_SECONDS = 60
_STOP_SECONDS = 20
_SEATS = 2  # threads that wait for each that works; a waiting one costs next to nothing
_PR_SET_PDEATHSIG = 1

Say = Callable[[str], object]


class ServeError(RuntimeError):
    """The system cannot start or has lost a part; the message says which and what to do."""


@dataclass(frozen=True)
class Options:
    """How to serve. ``port`` 0 takes a free one; ``migrate`` applies what is missing."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 8
    drill: bool = False
    migrate: bool = False
    jobs: bool = True


@dataclass
class Part:
    """A child process with the name its lines carry."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )

    def died(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.process.poll() if self.process else None

    def end_children(self) -> None:
        """End what a part left behind that died by itself: its group outlives it."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> str:
        """Ask it to end, insist after a while; returns how it went."""
        process = self.process
        if process is None:
            return "was not running"
        if process.poll() is not None:
            self.end_children()
            return "was not running"
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"killed, it did not end within {_STOP_SECONDS} s"
        return "stopped"


@contextlib.contextmanager
def running(options: Options, say: Say) -> Iterator["Tree"]:
    """The whole system, up for the time of the block.

    Yields once every part answers. Raises ServeError where one does not come up.
    """
    with contextlib.ExitStack() as stack:
        open_port(options.host, options.port)
        _bring_database(stack, say)
        _check_migrations(apply=options.migrate, say=say)
        connections.close_all()
        tree = Tree(options, say)
        stack.callback(tree.stop)
        tree.start()
        yield tree


def serve(options: Options, say: Say) -> None:
    """Serve until SIGINT or SIGTERM; raises ServeError when the web part or the database dies."""
    stop = threading.Event()
    previous = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with running(options, say) as tree:
            say("ready     stop with Ctrl-C")
            while not stop.wait(0.2):
                tree.check()
            say("stopping")
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Tree:
    """The parts above the database."""

    def __init__(self, options: Options, say: Say) -> None:
        self._say = say
        port = options.port or free_port(options.host)
        self.url = f"http://{_in_url(options.host)}:{port}"
        self._options = options
        common = {"DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]}
        if options.drill:
            common["YINGJIAN_DRILL"] = "1"
        common["YINGJIAN_THREADS"] = str(self._options.threads)
        common["YINGJIAN_SEATS"] = str(self._options.threads * _SEATS)
        self._parts: list[Part] = []
        self._deaths = Deaths()
        self._again_at: float | None = None
        if options.jobs:
            self._parts.append(Part("jobs", _jobs_command(), common))
        self._parts.append(Part("web", _web_command(options, port), common))

    def start(self) -> None:
        """Start jobs, then web, and wait until the web part answers."""
        for part in self._parts:
            part.start()
            assert part.process is not None  # noqa: S101
            if part.name == "web":
                self._wait_for_web()
                mode = ", drill clock allowed" if self._options.drill else ""
                self._say(f"web       {self.url} ({self._options.workers} × "
                          f"{self._options.threads} threads{mode})")  # fmt: skip
            else:
                self._say(_worker_runs(part))

    def check(self) -> None:
        """Raise ServeError where the web part, or the embedded database, has died; see to the jobs."""
        if databases.embedded() and databases.cluster().pid() is None:
            raise ServeError(
                f"database ended; {databases.cluster().log} says why. "
                "Everything else is being stopped."
            )
        for part in self._parts:
            code = part.died()
            if part.name == "jobs":
                self._revive(part, code, time.monotonic())
            elif code is not None:
                raise ServeError(
                    f"{part.name} ended by itself ({_ending(code)}); its own lines above say why. "
                    "Everything else is being stopped."
                )

    def _revive(self, jobs: Part, code: int | None, now: float) -> None:
        """Start the jobs part again a while after it ended (`code`); none of it stops the web part."""
        if self._again_at is None:
            if code is not None:
                self._again(_ending(code), now)
        elif now >= self._again_at:
            self._again_at = None
            jobs.end_children()
            try:
                jobs.start()
            except OSError as error:  # no memory even for a process
                self._again(str(error.strerror), now)
            else:
                self._say(_worker_runs(jobs))

    def _again(self, why: str, now: float) -> None:
        pause = self._deaths.pause(now)
        self._again_at = now + pause
        self._say(
            f"jobs      worker ended by itself ({why}); the web part goes on, the worker is "
            f"started again in {pause:.0f} s"
        )
        if self._deaths.count >= OFTEN:
            self._say(
                f"jobs      {self._deaths.count} times within {WINDOW / 60:.0f} minutes: plans, "
                "rehearsals, imports and clocks wait until this is mended. The lines above may say "
                "why; SIGKILL mostly means that memory ran out"
            )

    def stop(self) -> None:
        """Stop web before jobs: no request is accepted that nobody would follow up."""
        for part in reversed(self._parts):
            if part.process is not None:
                self._say(f"{part.name:<9} {part.stop()}")

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _healthy(self.url):
            self.check()
            if time.monotonic() > deadline:
                raise ServeError(f"web did not answer at {self.url} within {_START_SECONDS} s.")
            time.sleep(0.1)


def _bring_database(stack: contextlib.ExitStack, say: Say) -> None:
    if databases.embedded():
        cluster = databases.cluster()
        stack.callback(lambda: say(f"database  {_left(cluster)}"))
        stack.enter_context(cluster.in_use())
        cluster.create_database(databases.name())
        stack.callback(connections.close_all)
        say(f"database  embedded PostgreSQL (process {cluster.pid()}), data in {cluster.data}")
    else:
        settings = connections["owner"].settings_dict
        with connections["owner"].cursor() as cursor:
            cursor.execute("SHOW server_version_num")
            version = int(cursor.fetchone()[0]) // 10000
        if not databases.OLDEST <= version <= databases.NEWEST:
            say(f"database  warning: PostgreSQL {version} is untested; 16 to 18 are supported")
        say(f"database  PostgreSQL {version} at {settings['HOST']}, {settings['NAME']}")


def _left(cluster: postgres.Cluster) -> str:
    return "left running for its other users" if cluster.pid() else "stopped"


def _check_migrations(*, apply: bool, say: Say) -> None:
    executor = MigrationExecutor(connections["owner"])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan and apply:
        from django.core.management import call_command

        call_command("migrate", database="owner", interactive=False, verbosity=0)
        say(f"tables    {len(plan)} migrations applied")
    elif plan:
        names = "\n".join(f"            {migration}" for migration, _ in plan)
        raise ServeError(
            f"{len(plan)} migrations are missing:\n{names}\n"
            "          Apply them with `yingjian migrate`, or start with --migrate."
        )
    else:
        say("tables    up to date")


def _jobs_command() -> list[str]:
    return [
        sys.executable, "-m", "yingjian", "procrastinate", "worker",
        "--name", "yingjian", "--concurrency", "2",
        "--shutdown-graceful-timeout", str(_STOP_SECONDS - 5), "--delete-jobs", "successful",
    ]  # fmt: skip


def _web_command(options: Options, port: int) -> list[str]:
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1",
        "--host", options.host, "--port", str(port),
        "--workers", str(options.workers), "--blocking-threads", str(options.threads * (1 + _SEATS)),
        # A thread that ends takes its database connection with it; let them live.
        "--blocking-threads-idle-timeout", "600",
        "--workers-kill-timeout", str(_STOP_SECONDS - 5),
        "--no-access-log", "--log-level", "error",
    ]  # fmt: skip
    assets = env.PROJECT / "web" / "dist" / "assets"
    if assets.is_dir():
        # Files with their hash in the name: served without Python, kept for a year.
        command += ["--static-path-route", "/assets", "--static-path-mount", str(assets),
                    "--static-path-expires", "31536000"]  # fmt: skip
    return [*command, "config.wsgi:application"]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def open_port(host: str, port: int) -> None:
    """Say at once that the port is taken, before anything is started."""
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServeError(
                f"{host}:{port} cannot be used ({error.strerror}). "
                "Choose another with --port, or --port 0 for any free one."
            ) from error


def free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def reachable(host: str) -> str:
    """Where this machine itself reaches what listens there."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _in_url(host: str) -> str:
    found = reachable(host)
    return f"[{found}]" if ":" in found else found


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:  # noqa: S310
            return int(answer.status) == 200  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def _worker_runs(jobs: Part) -> str:
    assert jobs.process is not None  # noqa: S101  started by the caller
    return f"jobs      worker running (process {jobs.process.pid})"


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
