"""How long a search may take: the one place of this room that looks at a watch."""

from __future__ import annotations

import time
from collections.abc import Callable


def after(seconds: float, *, asked: Callable[[], bool] | None = None) -> Callable[[], bool]:
    """A stop that comes after so many seconds, or when `asked` says so."""
    ends = time.monotonic() + seconds

    def stop() -> bool:
        return time.monotonic() > ends or (asked is not None and asked())

    return stop
