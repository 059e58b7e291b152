"""The form of the table: a row says what was sent, and what it gets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.bad_input.ground import Told, Town

GROUPS: Final = ("files", "places", "codes", "commands", "states", "roles")


@dataclass(frozen=True)
class Row:
    """One malformed input. `kept` as in `Told`; `code` is an error's code, or the marks a fact is kept with.

    `act` gets the town and does it; an `act` that yields sets its scene first, yields once, does it and yields what it
    was told: what was accepted before the first yield must be there afterwards.
    """

    group: str
    what: str
    status: int
    kept: str
    code: str
    act: Callable[[Town], Any]
    journals: int = 0
    """Rows of the journal a refusal itself is written down in (a wrong password, a wrong look-up)."""

    @property
    def key(self) -> str:
        return f"{self.group}: {self.what}"

    def play(self, town: Town, scene_is_set: Callable[[], None]) -> Told:
        """Set the scene, do it, and tell what came back."""
        if not inspect.isgeneratorfunction(self.act):
            scene_is_set()
            return self.act(town)  # type: ignore[no-any-return]
        steps: Iterator[Any] = self.act(town)
        next(steps)
        scene_is_set()
        return next(steps)  # type: ignore[no-any-return]


ROWS: Final[list[Row]] = []


def row(
    group: str, what: str, kept: str, code: str, *, status: int = 0, journals: int = 0
) -> Callable[[Callable[[Town], Any]], Callable[[Town], Any]]:
    """Enter a row; the status is 200 (202 for a roster) unless it is given."""
    assert group in GROUPS, group

    def enter(act: Callable[[Town], Any]) -> Callable[[Town], Any]:
        usual = {"problem": 202, "refused": 422}.get(kept, 200)
        ROWS.append(Row(group, what, status or usual, kept, code, act, journals))
        return act

    return enter
