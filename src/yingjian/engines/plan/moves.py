"""What a plan says of its timetables beside the runs: home-visit tours, and how the runs were chosen."""

from __future__ import annotations

from datetime import datetime

import msgspec


class HomeTour(msgspec.Struct, frozen=True):
    """One outing of a home-visit team: from its site to its doors and back. The doors name it."""

    team: str
    site: str
    leaves: datetime
    back: datetime
    doors: int
    people: int


class RunsMeasure(msgspec.Struct, frozen=True):
    """A timetable in numbers: `late` minutes over its clocks (worst of each route), `full` boxes too many."""

    vehicles: int
    runs: int
    minutes: int
    """On the road and at stops."""
    km: float
    oldest: float
    late: float
    full: int


class RunsChoice(msgspec.Struct, frozen=True):
    """How the runs of some sites of a laboratory were made, and the other way beside it.

    `method` is `routed` or `simple`; why simple: `late` (routes keep the rules less well), `dearer`,
    `asked`, or what the router found wrong with the question.
    """

    lab: str
    sites: list[str]
    method: str
    reason: str
    taken: RunsMeasure
    beside: RunsMeasure | None = None
