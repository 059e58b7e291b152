"""What ``yingjian demo`` and ``yingjian drill`` share: a system of their own to start, beside any other."""

import os
import sys
from pathlib import Path

from config import env

# What would lead the drill to another system's data.
_ELSEWHERE = (
    "DATABASE_URL", "APP_DATABASE_URL", "YINGJIAN_DATABASE", "YINGJIAN_SECRET_KEY",
    "YINGJIAN_VAULT_CIPHER_KEY", "YINGJIAN_VAULT_INDEX_KEY", "YINGJIAN_CODE_SIGNING_KEY",
)  # fmt: skip


def command() -> list[str]:
    """How this very program is started."""
    return [sys.executable, "-m", "yingjian"]


def environment(var: Path) -> dict[str, str]:
    """This environment, with data and keys in ``var`` and nowhere else."""
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    ours = {
        "YINGJIAN_VAR": str(var),
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **ours}


def directory(name: str) -> Path:
    """Where the drill ``name`` keeps its data."""
    return env.VAR / name
