"""Uploaded rosters while they wait for their job: readable by this user only, gone afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings


def path_of(import_id: uuid.UUID) -> Path:
    """Where the file of an import lies while it waits."""
    return Path(settings.YINGJIAN_VAR) / "rosters" / f"{import_id}.roster"


def save(import_id: uuid.UUID, chunks: Iterable[bytes]) -> Path:
    """Keep an uploaded file until its import has run."""
    path = path_of(import_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)
    return path


def drop(import_id: uuid.UUID) -> None:
    """Delete the file of an import."""
    path_of(import_id).unlink(missing_ok=True)
