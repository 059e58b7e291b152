"""Pure decisions about measures on places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# State machine of an order (疫点/终末消毒): ordered → done. Verification by a supervisor comes with supervision.
ORDER_STATES: Final[Mapping[str, frozenset[str]]] = {"ordered": frozenset({"done"}), "done": frozenset()}  # fmt: skip
TERMINAL: Final = "terminal"
SITE: Final = "site"
CLOCK: Final = "terminal_disinfection"


def order_state(*, done: bool) -> str:
    return "done" if done else "ordered"


def stops_clock(kind: str, place_kind: str) -> bool:
    """Whether doing this order ends a site's `terminal_disinfection` clock, which began when the site closed."""
    return kind == TERMINAL and place_kind == SITE
