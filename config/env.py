"""The only reader of the environment. Every variable the project knows is named here.

Secrets come from the environment, or are made on first use and kept under ``var/secrets`` with
mode 0600.
"""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

PROJECT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("YINGJIAN_VAR", PROJECT / "var")).resolve()
SECRETS = VAR / "secrets"

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """The variable's value, or ``default`` where it is not set."""
    return os.environ.get(name, default)


def language() -> str:
    """In which language whoever sits at the terminal is told things: `en` where they say so, else `zh`."""
    said = next(filter(None, (text(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "en" if said.lower().startswith("en") else "zh"


def flag(name: str, *, default: bool = False) -> bool:
    """The variable as yes or no; anything else is an error, not a guess."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in _TRUE:
        return True
    if value.strip().lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1/0, yes/no, true/false; it is {value!r}.")


def number(name: str, default: int) -> int:
    """A whole number above zero. Raises `ImproperlyConfigured` for anything else."""
    value = os.environ.get(name, str(default))
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ImproperlyConfigured(f"{name} must be a whole number above zero, not {value!r}")
    return int(value)


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """The variable as a list parted by commas."""
    value = os.environ.get(name)
    if value is None:
        return list(default)
    return [part.strip() for part in value.split(",") if part.strip()]


def secret(name: str, *, size: int = 32) -> str:
    """The secret ``name`` as lower-case hex (``size`` random bytes when made here).

    ``YINGJIAN_<NAME>`` in the environment wins; ``YINGJIAN_<NAME>_FILE`` names a file to read;
    otherwise it is kept in ``var/secrets/<name>``, made on first use. Two processes that make it
    at once end with the same value: the file appears whole or not at all.
    """
    variable = f"YINGJIAN_{name.upper()}"
    if value := os.environ.get(variable):
        return value
    if source := os.environ.get(f"{variable}_FILE"):
        return Path(source).read_text(encoding="utf-8").strip()
    kept = SECRETS / name
    if not kept.exists():
        SECRETS.mkdir(parents=True, exist_ok=True)
        SECRETS.chmod(0o700)
        fresh = SECRETS / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(size) + "\n")
        try:
            os.link(fresh, kept)  # fails where another process was first: its value counts
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return kept.read_text(encoding="utf-8").strip()


def database(url: str) -> dict[str, Any]:
    """Django's connection settings for a ``postgresql://`` address."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            "DATABASE_URL must begin with postgresql:// (PostgreSQL 16 to 18 only)."
        )
    if not parts.path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL must name a database: postgresql://…/NAME.")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = str(options.pop("host", "") or unquote(parts.hostname or ""))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }
