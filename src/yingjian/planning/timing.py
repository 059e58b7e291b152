"""How long a search may take, when to tell of progress: the one place of this room that looks at a watch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from yingjian.engines.siting.model import Progress


class After:
    """A stop that comes so many seconds after it was first asked, or when `asked` says so.

    What comes before the search (reading the round, compiling) is not the search's time.
    """

    def __init__(self, seconds: float, *, asked: Callable[[], bool] | None = None) -> None:
        self.seconds, self.asked, self.ends = seconds, asked, math.inf

    def __call__(self) -> bool:
        self.ends = min(self.ends, time.monotonic() + self.seconds)
        return time.monotonic() > self.ends or (self.asked is not None and self.asked())

    def left(self) -> float:
        """Seconds until it comes by itself, as `engines.asking.left` wants them."""
        return max(0.0, min(self.seconds, self.ends - time.monotonic()))


EVERY = 1.0
"""Seconds between two words to whoever watches."""


class Teller:
    """Passes progress on once a second and remembers whether somebody asked to stop."""

    def __init__(self, tell: Callable[[Progress | None], bool]) -> None:
        self.tell, self.last, self.stopped = tell, 0.0, False
        self.latest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self.latest = progress
        self._told()

    def asked(self) -> bool:
        """Whether the search is to end. It asks far oftener than it tells: what is told then is its latest word."""
        self._told()
        return self.stopped

    def _told(self) -> None:
        if time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            self.stopped = self.tell(self.latest)


class Pulse:
    """Tells once a second what share is done, and remembers whether somebody asked to stop."""

    def __init__(self, tell: Callable[[float], bool]) -> None:
        self.tell, self.last, self.stopped, self.done = tell, 0.0, False, 0.0

    def watch(self, done: float) -> None:
        """So much is done."""
        self.done = done

    def asked(self) -> bool:
        """Whether it is to end."""
        if time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            self.stopped = self.tell(self.done)
        return self.stopped
