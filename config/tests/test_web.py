"""The console's files: found, never outside their directory, or a clear word that they are missing."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings


@pytest.fixture
def built(tmp_path: Path, settings: Settings) -> Path:
    """A small build, with a secret beside it."""
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<p>应检</p>", encoding="utf-8")
    (dist / "assets" / "app-1a2b.js").write_text("1", encoding="utf-8")
    (dist / "app.webmanifest").write_text("{}", encoding="utf-8")
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    (dist / "link").symlink_to(tmp_path / "secret")
    settings.YINGJIAN_WEB_DIST = dist
    return dist


@pytest.mark.parametrize("path", ["/", "/rounds/7", "/index.html"])
def test_the_page_for_every_route(built: Path, client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.getvalue().decode() == "<p>应检</p>"
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Cache-Control"] == "no-cache"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "csrftoken" in answer.cookies


def test_files_with_a_hash_are_kept(built: Path, client: Client) -> None:
    answer = client.get("/assets/app-1a2b.js")
    assert (answer.getvalue(), answer["Content-Type"]) == (b"1", "text/javascript")
    assert "immutable" in answer["Cache-Control"]
    manifest = client.get("/app.webmanifest")
    assert (manifest.getvalue(), manifest["Content-Type"]) == (b"{}", "application/manifest+json")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing.js",
        "/../secret",
        "/%2e%2e/secret",
        "/link",
        "/a%00b",
        pytest.param("/" + "x" * 5000, id="long"),
    ],
)
def test_nothing_outside(built: Path, client: Client, path: str) -> None:
    answer = client.get(path)
    if answer.status_code == 200:
        assert answer.getvalue().decode() == "<p>应检</p>"
    else:
        assert answer.status_code == 404


def test_only_reading(built: Path, client: Client) -> None:
    assert client.post("/").status_code == 405


def test_not_built_is_said(built: Path, client: Client) -> None:
    (built / "index.html").unlink()
    answer = client.get("/")
    assert answer.status_code == 503
    assert "make setup" in answer.content.decode()


@pytest.mark.parametrize("name", ["station", "my"])
def test_station_and_resident_have_applications_of_their_own(
    built: Path, client: Client, name: str
) -> None:
    (built / name).mkdir()
    (built / name / "index.html").write_text("<p>采样</p>", encoding="utf-8")
    (built / name / "sw.js").write_text("2", encoding="utf-8")
    for path in (f"/{name}/", f"/{name}/box"):
        assert client.get(path).getvalue().decode() == "<p>采样</p>"
    worker = client.get(f"/{name}/sw.js")
    assert (worker.getvalue(), worker["Content-Type"]) == (b"2", "text/javascript")
    assert worker["Cache-Control"] == "no-cache"
    assert client.get(f"/{name}")["Location"] == f"/{name}/"
    assert client.get(f"/{name}s").getvalue().decode() == "<p>应检</p>"
