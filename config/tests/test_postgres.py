"""The embedded server: made, shared, crashed, restarted, stopped. Each test has its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from config import env, postgres
from config.postgres import Cluster

PROJECT = Path(__file__).resolve().parents[2]
HOLD = (
    "import sys, pathlib; from config.postgres import Cluster\n"
    "with Cluster.of(pathlib.Path(sys.argv[1]), durable=False).in_use():\n"
    "    print('in', flush=True); sys.stdin.readline()\n"
)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Cluster]:
    """A server of its own that was never started, stopped afterwards."""
    here = Cluster.of(tmp_path / "var", durable=False)
    yield here
    here.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that was made once and stopped, to be copied."""
    var = tmp_path_factory.mktemp("made") / "var"
    with Cluster.of(var, durable=False).in_use():
        pass
    return var


@pytest.fixture
def cluster(made: Path, fresh: Cluster) -> Cluster:
    """A server of its own with its data made, stopped afterwards."""
    subprocess.run(["/bin/cp", "-a", made, fresh.var], check=True)
    return fresh


def gone(pid: int, *, seconds: float = 30) -> bool:
    """Whether the process ends within that time."""
    return eventually(lambda: not Path(f"/proc/{pid}").exists(), seconds=seconds)


def eventually(true: Callable[[], bool], *, seconds: float = 30) -> bool:
    """Whether it comes true within that time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def running_pid(cluster: Cluster) -> int:
    """The server's process id; fails where it does not run."""
    pid = cluster.pid()
    assert pid is not None
    return pid


def holder(cluster: Cluster) -> "subprocess.Popen[str]":
    """Another process that uses the server until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cluster.var)],
        cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


def test_made_as_promised_and_stopped_by_the_last_user(fresh: Cluster) -> None:
    assert fresh.pid() is None
    with fresh.in_use():
        pid = running_pid(fresh)
        with fresh.connect(postgres.OWNER_ROLE) as connection:
            (row,) = connection.execute(
                "SELECT datcollate, datctype, datlocprovider::text, pg_encoding_to_char(encoding),"
                " current_setting('TimeZone'), current_setting('listen_addresses'),"
                " current_setting('server_version_num')::int / 10000"
                " FROM pg_database WHERE datname = current_database()"
            ).fetchall()
            assert row == ("C.UTF-8", "C.UTF-8", "b", "UTF8", "UTC", "", 18)
            # Chinese letters are letters to the trigram index, and order is by code point.
            connection.execute("CREATE EXTENSION pg_trgm")
            trigrams = connection.execute("SELECT cardinality(show_trgm('张三丰'))").fetchone()
            assert trigrams == (4,)
            ordered = connection.execute(
                "SELECT string_agg(x, '' ORDER BY x) FROM unnest(array['b', 'B', 'a', '一']) x"
            ).fetchone()
            assert ordered == ("Bab一",)
        with fresh.connect() as connection:
            roles: dict[str, bool] = dict(
                connection.execute(
                    "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)",
                    [[postgres.OWNER_ROLE, postgres.APP_ROLE]],
                ).fetchall()
            )
        assert roles == {postgres.OWNER_ROLE: False, postgres.APP_ROLE: False}
    assert fresh.pid() is None
    assert gone(pid)


def test_the_suites_own_server_does_not_wait_for_the_disk(cluster: Cluster) -> None:
    for server, said in ((Cluster.of(cluster.var), "on"), (cluster, "off")):
        with server.in_use(), server.connect() as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                assert connection.execute(f"SHOW {setting}").fetchone() == (said,)


def test_the_password_is_asked_for_and_kept_closed(cluster: Cluster) -> None:
    with cluster.in_use(), pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            host=str(cluster.sockets), user=postgres.SUPER_ROLE, dbname="postgres", password="guess"
        )
    assert cluster.data.stat().st_mode & 0o077 == 0
    postgres.password(postgres.APP_ROLE)
    kept = env.SECRETS / f"postgres_{postgres.APP_ROLE}"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_users_share_one_server_and_the_last_one_stops_it(cluster: Cluster) -> None:
    first = holder(cluster)
    pid = running_pid(cluster)
    with cluster.in_use():
        assert cluster.pid() == pid
        first.communicate("\n", timeout=30)
        assert cluster.pid() == pid
    assert cluster.pid() is None


def test_a_killed_user_does_not_hold_the_server(cluster: Cluster) -> None:
    first = holder(cluster)
    first.kill()
    first.communicate(timeout=30)
    assert cluster.pid() is not None
    with cluster.in_use():
        pass
    assert cluster.pid() is None


def test_many_start_at_once_and_find_one_server(fresh: Cluster) -> None:
    fresh.var.mkdir()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(fresh.var)],
            cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
    pid = running_pid(fresh)
    for process in started:
        process.communicate("\n", timeout=60)
        assert process.returncode == 0
    assert gone(pid)


def test_start_keeps_it_until_stop(cluster: Cluster) -> None:
    cluster.start()
    pid = running_pid(cluster)
    with cluster.in_use():
        assert cluster.pid() == pid
    assert cluster.pid() == pid
    assert not cluster.users()
    assert cluster.stop() is True
    assert cluster.stop() is False
    assert gone(pid)


def test_rows_survive_a_kill_and_the_server_starts_again(cluster: Cluster) -> None:
    cluster = Cluster.of(cluster.var)  # as in service
    cluster.start()
    with cluster.connect(postgres.OWNER_ROLE) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        busy = cluster.connect(
            postgres.OWNER_ROLE
        )  # a backend that outlives its postmaster a while
        pid = running_pid(cluster)
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
    assert (cluster.data / "postmaster.pid").exists()
    with cluster.in_use():
        assert running_pid(cluster) != pid
        with cluster.connect(postgres.OWNER_ROLE) as connection:
            assert connection.execute("SELECT n FROM kept").fetchall() == [(7,)]
    busy.close()


def test_the_start_waits_for_a_killed_server_whose_death_nobody_has_noticed_yet(
    cluster: Cluster,
) -> None:
    """Its parent has not asked after it: its number is still taken, and the lock of its socket names it."""
    with cluster.in_use():
        uid = cluster.data.stat().st_uid
    other = subprocess.Popen(["/bin/sleep", "60"], user=uid if os.geteuid() == 0 else None)
    lock = cluster.sockets / f".s.PGSQL.{postgres.PORT}.lock"
    lock.write_text(
        f"{other.pid}\n{cluster.data}\n{int(time.time())}\n{postgres.PORT}\n{cluster.sockets}\n"
    )
    os.chown(lock, uid, -1)

    def noticed() -> None:
        other.kill()
        other.wait()

    later = threading.Timer(0.5, noticed)
    later.start()
    try:
        with cluster.in_use():
            assert not later.is_alive()
    finally:
        later.join()


def test_a_stale_pid_file_that_names_another_program_does_not_matter(cluster: Cluster) -> None:
    with cluster.in_use():
        written = (cluster.data / "postmaster.pid").read_text()
    assert not (cluster.data / "postmaster.pid").exists()
    other = subprocess.Popen(["/bin/sleep", "60"])
    try:
        stale = cluster.data / "postmaster.pid"
        stale.write_text("\n".join([str(other.pid), *written.split("\n")[1:]]))
        assert cluster.pid() is None
        with cluster.in_use():
            assert running_pid(cluster) != other.pid
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_an_interrupted_first_start_is_begun_anew(fresh: Cluster) -> None:
    (fresh.var / "postgres.new" / "base").mkdir(parents=True)
    (fresh.var / "postgres.pw").write_text("half")
    with fresh.in_use():
        assert fresh.pid() is not None
    assert not (fresh.var / "postgres.new").exists()
    assert not (fresh.var / "postgres.pw").exists()


def test_two_checkouts_side_by_side(cluster: Cluster, tmp_path: Path) -> None:
    other = Cluster.of(tmp_path / "other" / "var", durable=False)
    with cluster.in_use(), other.in_use():
        assert cluster.pid() != other.pid()
        with cluster.connect(postgres.OWNER_ROLE) as connection:
            connection.execute("CREATE TABLE here (n int)")
        with other.connect(postgres.OWNER_ROLE) as connection:
            found = connection.execute("SELECT to_regclass('here')").fetchone()
            assert found == (None,)
    assert (cluster.pid(), other.pid()) == (None, None)


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    deep = Cluster.of(tmp_path / ("long" * 30) / "var", durable=False)
    assert len(str(deep.sockets)) < 80
    assert not deep.sockets.is_relative_to(deep.var)
    try:
        with deep.in_use(), deep.connect(postgres.APP_ROLE) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        deep.stop()
        deep.sockets.rmdir()


def test_settings_are_written_anew_at_each_start(cluster: Cluster) -> None:
    with cluster.in_use():
        pass
    (cluster.data / "yingjian.conf").write_text("max_connections = 7\n")
    with cluster.in_use(), cluster.connect() as connection:
        assert connection.execute("SHOW max_connections").fetchone() == ("120",)
    main = (cluster.data / "postgresql.conf").read_text()
    assert main.count("include 'yingjian.conf'") == 1


def test_wrong_passwords_are_named(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster.in_use():
        pass
    monkeypatch.setenv("YINGJIAN_POSTGRES_POSTGRES", "another")
    with pytest.raises(postgres.PostgresError, match="do not fit the data"), cluster.in_use():
        pass


def test_a_server_that_cannot_start_says_what_its_log_says(cluster: Cluster) -> None:
    with cluster.in_use():
        pass
    with (cluster.data / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = nonsense\n")
    with pytest.raises(postgres.PostgresError, match="nonsense"), cluster.in_use():
        pass


def test_create_database_anew_empties_it(cluster: Cluster) -> None:
    with cluster.in_use():
        cluster.create_database("drill")
        with cluster.connect(postgres.OWNER_ROLE, "drill") as connection:
            connection.execute("CREATE TABLE old (n int)")
        cluster.create_database("drill")
        with cluster.connect(postgres.OWNER_ROLE, "drill") as connection:
            assert connection.execute("SELECT to_regclass('old')::text").fetchone() == ("old",)
        cluster.create_database("drill", anew=True)
        with cluster.connect(postgres.OWNER_ROLE, "drill") as connection:
            assert connection.execute("SELECT to_regclass('old')").fetchone() == (None,)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what root does")


@pytest.mark.root
@needs_root
def test_root_runs_the_server_as_somebody_else(cluster: Cluster) -> None:
    with cluster.in_use():
        status = Path(f"/proc/{cluster.pid()}/status").read_text()
    uid = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1]
    assert uid != "0"
    assert cluster.data.stat().st_uid == int(uid)


@pytest.mark.root
@needs_root
def test_root_below_a_directory_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = Cluster.of(closed / "var", durable=False)
    try:
        with cluster.in_use(), cluster.connect(postgres.APP_ROLE) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            status = Path(f"/proc/{cluster.pid()}/status").read_text()
    finally:
        cluster.stop()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1]
    # One right only: to walk through directories, or, in narrower containers, to pass permissions.
    assert int(effective, 16) in {1 << 2, 1 << 1}


@pytest.mark.root
@needs_root
def test_an_ordinary_user_runs_it_as_itself(tmp_path: Path) -> None:
    """Run by ``nobody`` in a directory of its own; it may only walk to the installation."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    program = (
        "import os, pathlib; from config.postgres import Cluster\n"
        "here = Cluster.of(pathlib.Path(os.environ['YINGJIAN_VAR']), durable=False)\n"
        "with here.in_use(): print(os.stat(f'/proc/{here.pid()}').st_uid)\n"
        "print(here.pid())"
    )
    done = subprocess.run(
        [sys.executable, "-I", PROJECT / "config" / "privileges.py", "65534", "65534", "search",
         sys.executable, "-c", program],
        cwd=PROJECT, env={"YINGJIAN_VAR": str(home / "var"), "PATH": os.defpath},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["65534", "None"], done.stderr
