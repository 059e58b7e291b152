"""``DATABASE_URL``: another server than the embedded one, reached as its owner."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from config import postgres
from config.postgres import Cluster
from config.tests.test_serve import PROJECT, YINGJIAN, Served, alive, environment

WHO = (
    "from django.db import connection as c; k = c.cursor();"
    " k.execute('SELECT current_user, session_user'); print(*k.fetchone())"
)
pytestmark = pytest.mark.slow


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server that knows nothing of Yingjian: an owner who may make roles, an empty database."""
    server = Cluster.of(tmp_path / "elsewhere")
    with server.in_use():
        with server.connect(database="postgres") as connection:
            connection.execute("DROP DATABASE yingjian")
            connection.execute(f"DROP ROLE {postgres.APP_ROLE}")
            connection.execute("CREATE ROLE county LOGIN CREATEROLE PASSWORD 'p/w'")
            connection.execute("CREATE DATABASE county OWNER county")
        yield f"postgresql://county:p%2Fw@/county?host={quote(str(server.sockets), safe='')}"


def test_migrated_and_served_without_the_embedded_server(address: str, tmp_path: Path) -> None:
    var = tmp_path / "var"
    given = {**environment(var), "DATABASE_URL": address}
    done = subprocess.run(
        [*YINGJIAN, "migrate", "-v0"],
        env=given, cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    who = subprocess.run(
        [*YINGJIAN, "shell", "-v0", "-c", WHO],
        env=given, cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert who.stdout.split() == ["yingjian_app", "county"], who.stderr

    system = Served(var, more={"DATABASE_URL": address})
    system.until("ready")
    assert "PostgreSQL 18 at" in system.said[0]
    assert system.get("/healthz")[0] == 200
    system.process.terminate()
    assert system.end() == 0
    assert alive(var) == []
    assert not (var / "postgres").exists()


def test_a_wrong_address_is_said_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [*YINGJIAN, "migrate"],
        env={**environment(tmp_path / "var"), "DATABASE_URL": "mysql://h/d"},
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "yingjian: DATABASE_URL must begin with postgresql:// (PostgreSQL 16 to 18 only)."
    )


def test_a_server_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    url = f"postgresql://o:secret@/county?host={quote(str(tmp_path), safe='')}"
    done = subprocess.run(
        [*YINGJIAN, "showmigrations", "--database", "owner"],
        env={**environment(tmp_path / "var"), "DATABASE_URL": url},
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("yingjian: The database does not answer")
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
