"""The environment: read in one place, refused where it is unclear."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import databases, env


def test_flags_are_yes_or_no(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.flag("YINGJIAN_X") is False
    assert env.flag("YINGJIAN_X", default=True) is True
    for value, meant in {"1": True, "Yes": True, "off": False, "": False}.items():
        monkeypatch.setenv("YINGJIAN_X", value)
        assert env.flag("YINGJIAN_X") is meant
    monkeypatch.setenv("YINGJIAN_X", "maybe")
    with pytest.raises(ImproperlyConfigured, match="YINGJIAN_X"):
        env.flag("YINGJIAN_X")


def test_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.words("YINGJIAN_X", ("a",)) == ["a"]
    monkeypatch.setenv("YINGJIAN_X", " a, b ,,")
    assert env.words("YINGJIAN_X") == ["a", "b"]


def test_a_secret_is_made_once_and_kept_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(env, "SECRETS", tmp_path / "secrets")
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: env.secret("thing", size=16), range(32)))
    assert len(made) == 1
    assert len(made.pop()) == 32
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["thing"]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "thing").stat().st_mode & 0o777 == 0o600


def test_a_secret_from_outside_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(env, "SECRETS", tmp_path / "secrets")
    (tmp_path / "file").write_text("from-file\n")
    monkeypatch.setenv("YINGJIAN_THING_FILE", str(tmp_path / "file"))
    assert env.secret("thing") == "from-file"
    monkeypatch.setenv("YINGJIAN_THING", "from-variable")
    assert env.secret("thing") == "from-variable"
    assert not (tmp_path / "secrets").exists()


def test_database_addresses() -> None:
    made = env.database("postgresql://o%40x:p%2Fw@db.example:5433/county?sslmode=require")
    assert made["NAME"] == "county"
    assert (made["USER"], made["PASSWORD"]) == ("o@x", "p/w")
    assert (made["HOST"], made["PORT"]) == ("db.example", "5433")
    assert made["OPTIONS"] == {"sslmode": "require"}
    for wrong in ("mysql://h/d", "postgresql://h", "postgresql://h/"):
        with pytest.raises(ImproperlyConfigured):
            env.database(wrong)


def test_a_real_server_takes_the_embedded_ones_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen() -> tuple[dict[str, Any], dict[str, Any]]:
        both = databases.databases()
        return both["default"], both["owner"]

    monkeypatch.delenv("APP_DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:a@db.example/county")
    assert not databases.embedded()
    app, owner = chosen()
    assert (owner["USER"], owner["OPTIONS"].get("options")) == ("owner", None)
    plans = "-c plan_cache_mode=force_custom_plan"
    assert (app["USER"], app["OPTIONS"]["options"]) == ("owner", f"-c role=yingjian_app {plans}")
    monkeypatch.setenv("APP_DATABASE_URL", "postgresql://app:b@db.example/county")
    app, owner = chosen()
    assert (app["USER"], app["OPTIONS"]["options"]) == ("app", plans)
    assert (owner["USER"], owner["PASSWORD"]) == ("owner", "a")
    monkeypatch.setenv("YINGJIAN_UNPREPARED", "1")  # behind a pooler
    app, _ = chosen()
    assert (app["OPTIONS"].get("options"), app["OPTIONS"].get("prepare_threshold")) == (None, None)
