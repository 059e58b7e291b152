"""How long to wait before a part that ended by itself is started again. Pure: the time comes in."""

from typing import Final

FIRST: Final = 1.0
"""Seconds after a first death; twice as many after each more."""
LONGEST: Final = 60.0
WINDOW: Final = 600.0
"""Seconds for which a death counts."""
OFTEN: Final = 5
"""Deaths within the window from which on somebody has to look."""


class Deaths:
    """Those of one part within the last `WINDOW` seconds."""

    def __init__(self) -> None:
        self._moments: list[float] = []

    def pause(self, at: float) -> float:
        """Note a death at second `at`; seconds until it is to be started again.

        There is no last attempt: what is killed for memory may find room again when nobody looks.
        """
        self._moments = [moment for moment in self._moments if moment > at - WINDOW] + [at]
        return float(min(FIRST * 2 ** (self.count - 1), LONGEST))

    @property
    def count(self) -> int:
        """Deaths within the window before the last one, itself included."""
        return len(self._moments)
