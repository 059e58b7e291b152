"""The only place that reads the wall clock. Rules and actions receive time as an argument (`at`)."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC. Called by edges (api, jobs, commands), never by rules or actions."""
    return datetime.now(tz=UTC)
