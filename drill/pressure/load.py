"""What a county asks of its system in the busiest hour, and when the requests of a step are due. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SCANS, BACKLOG, TRANSPORT, LABORATORY = "scans", "backlog", "transport", "laboratory"
LOOK_UP, OWN_CODE, CODE_PAGE = "look_up", "own_code", "code_page"
OVERVIEW, SITES, CLOCKS, BOXES = "overview", "sites", "clocks", "boxes"
KINDS: Final = (
    SCANS, BACKLOG, TRANSPORT, LABORATORY, LOOK_UP, OWN_CODE, CODE_PAGE, OVERVIEW, SITES, CLOCKS, BOXES
)  # fmt: skip
DESKS: Final = (OVERVIEW, SITES, CLOCKS, BOXES)
"""What a desk's screens ask for; each open screen asks for each of them again and again."""
TRANSPORT_STEPS, LABORATORY_STEPS = 3, 5
"""Requests of one box: sealed, picked up, handed over; received, run started and ended, results entered, released."""
PRESET, GIVEN, ASSUMED = "preset", "given", "assumed"
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Value:
    """A number of the load and where it comes from: `preset` (with the plan's origin), `given`, or `assumed`."""

    name: str
    value: float
    source: str
    origin: str = ""


DEFAULTS: Final[Mapping[str, float]] = {
    "people": 40_000, "hours": 12.0, "peak": 2.0, "pool": 10, "box_tubes": 50,
    "offline_share": 0.2, "backlog_tubes": 5, "looks": 1.0, "own_codes": 0.5, "pages": 0.02,
    "desks": 50, "refresh": 15.0,
}  # fmt: skip
"""Assumed where neither plan nor whoever tests says otherwise. `peak`: the busiest hour over the mean one.
`offline_share`: of people registered without a line, whose phone hands in `backlog_tubes` tubes at once. Per person:
`looks` for a result, `own_codes` asked for, `pages` of codes (50 to a page). `refresh`: seconds after which a screen
asks again, as the console does."""
FROM_PRESET: Final[Mapping[str, str]] = {
    "hours": "sites.lane_day", "pool": "pool.default_size", "box_tubes": "transport.box_tubes",
}  # fmt: skip
"""Numbers that a plan states, and where in its preset."""


class LoadError(ValueError):
    """A load without meaning; `name` is the number."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name}: {value:g}")
        self.name, self.value = name, value


def stated(
    given: Mapping[str, float | None], preset: Mapping[str, tuple[float, str]],
    usual: Mapping[str, float] = DEFAULTS,
) -> list[Value]:  # fmt: skip
    """Each number of the load: as given, else as the preset says (path → value, origin), else as `usual`, assumed.

    Raises `LoadError` for a number that no load can have.
    """
    found = []
    for name, otherwise in usual.items():
        told = given.get(name)
        planned = preset.get(FROM_PRESET.get(name, ""))
        if told is not None:
            value = Value(name, told, GIVEN)
        elif planned is not None:
            value = Value(name, planned[0], PRESET, planned[1])
        else:
            value = Value(name, otherwise, ASSUMED)
        if not value.value > 0 and name not in {"offline_share", "looks", "own_codes", "pages"}:
            raise LoadError(name, value.value)
        if value.value < 0 or (name == "offline_share" and value.value > 1):
            raise LoadError(name, value.value)
        found.append(value)
    return found


def rates(values: Sequence[Value]) -> dict[str, float]:
    """Requests a second of each kind in the busiest hour; of `transport` and `laboratory` whole boxes."""
    of = {value.name: value.value for value in values}
    people = of["people"] / (of["hours"] * HOUR) * of["peak"]
    boxes = people / of["pool"] / of["box_tubes"]
    screens = of["desks"] / of["refresh"]
    return {
        SCANS: people * (1 - of["offline_share"]),
        BACKLOG: people * of["offline_share"] / (of["pool"] * of["backlog_tubes"]),
        TRANSPORT: boxes,
        LABORATORY: boxes,
        LOOK_UP: people * of["looks"],
        OWN_CODE: people * of["own_codes"],
        CODE_PAGE: people * of["pages"],
        **dict.fromkeys(DESKS, screens),
    }


def people_of(values: Sequence[Value], multiple: float, seconds: float) -> float:
    """People registered in a step of so many seconds."""
    of = {value.name: value.value for value in values}
    return of["people"] / (of["hours"] * HOUR) * of["peak"] * multiple * seconds


def boxes_of(values: Sequence[Value], steps: Sequence[float], seconds: float) -> int:
    """Boxes that travel in all the steps, at least one in each."""
    return sum(max(1, round(rates(values)[TRANSPORT] * each * seconds)) for each in steps)


def moments(rate: float, seconds: float, rng: random.Random) -> list[float]:
    """When requests of one kind are due in a step: nobody waits for anybody, so the gaps are exponential.

    Exactly the requests such a rate means, at least one: the count is not left to chance, only its spread is.
    """
    if rate <= 0:
        return []
    count = max(1, round(rate * seconds))
    gaps = [rng.expovariate(1.0) for _ in range(count + 1)]
    whole, at, found = sum(gaps), 0.0, []
    for gap in gaps[:-1]:
        at += gap
        found.append(at / whole * seconds)
    return found
