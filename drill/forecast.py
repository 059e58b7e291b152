"""The plan's forecast before the day, and the day held against it.

The rehearsal is asked for as a planner asks for it, before anybody is swabbed; the drilled figures are what the system
stored (the rows behind its figure `tube_age_p95`), but for the queue: nobody's arrival is ever stored, so that is the
drill's own log of when somebody came and when their turn was.

A forecast says between what each figure lies on nine days of ten, so of six figures a faithful day has one outside now
and then. The table says of each whether it was inside; the point is that none lies further from the middle than three
times the half interval on its side: faithful days do that less than once in a hundred, whichever the county's size
(`tests/test_forecast.py` plays some).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from drill.client import DrillError
from drill.lanes import MINUTE, Habits, Waited, share
from drill.world import World

RUNS: Final = 200
PLAYED_WITHIN: Final = 900.0
"""Seconds, of whatever machine."""
PAUSE: Final = 0.3
FIGURE: Final = "tube_age_p95"
ROWS_AT_ONCE: Final = 50_000
"""The most a page of a figure may have: each page computes the figure anew, which takes seconds in a county."""
HERE: Final = ZoneInfo("Asia/Shanghai")
#: What is held against the forecast, in the order of the day.
JUDGED: Final = (
    "last_swab", "queue_p95", "tube_age_p95", "machine_age_p95", "last_delivery", "last_result",
)  # fmt: skip
OFF: Final = 3.0
"""Half intervals from the middle that a figure may lie away."""
LEAST: Final = 1.0
"""Minutes: no interval is taken for narrower, for moments are stored by the second and read by the minute."""
PER, MOST_INFECTED = 10_000, 1_000.0
"""A rehearsal is told of so many people how many are infected, and takes no more."""
Spread = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Met:
    """One figure of one date: what was forecast (5th, 50th, 95th percentile), and what the day was."""

    on: str
    figure: str
    forecast: Spread
    drilled: float

    @property
    def inside(self) -> bool:
        """Between the 5th and the 95th percentile."""
        low, _, high = self.forecast
        return low <= self.drilled <= high

    @property
    def near(self) -> bool:
        """Not further out than a faithful day may be."""
        low, middle, high = self.forecast
        below, above = max(middle - low, LEAST), max(high - middle, LEAST)
        return middle - OFF * below <= self.drilled <= middle + OFF * above

    def document(self) -> dict[str, Any]:
        low, middle, high = (round(value, 1) for value in self.forecast)
        return {
            "date": self.on, "figure": self.figure, "low": low, "middle": middle, "high": high,
            "drilled": round(self.drilled, 1), "inside": self.inside, "near": self.near,
        }  # fmt: skip


def ask(world: World) -> None:
    """Ask for the rehearsal of the plan, as whoever planned it, and live by what it assumes of people and roads."""
    given = world.scenario
    planner, path = world.user("round_planner"), f"/plans/{world.notes['plan_id']}/rehearsal"
    began = time.monotonic()
    asked = {"runs": RUNS, "trials": 1, "positives": infected(world)}
    # Begun by whoever asks first, and played in the background: asked again until it is there.
    while "days" not in (told := planner.get(path, at=given.times.activate, **asked)):
        if time.monotonic() - began > PLAYED_WITHIN:
            raise DrillError(
                f"the plan's rehearsal is not there after {PLAYED_WITHIN:.0f} s: {told}"
            )
        time.sleep(PAUSE)
    world.rehearsal = dict(told)
    world.habits = Habits.stated(told["assumptions"])


def infected(world: World) -> float:
    """Of ten thousand people, as many as the scenario has positive: what a command would expect of its area."""
    given = world.scenario
    return round(min(PER * given.seeded.positives / max(given.people, 1), MOST_INFECTED), 2)


def in_short(world: World) -> str:
    """Between what the last swab was forecast, a date each."""
    spans = [
        f"{day['on']} {_clock(day['figures']['last_swab'][0])}–{_clock(day['figures']['last_swab'][2])}"
        for day in world.rehearsal["days"]
    ]
    return f"last swab {', '.join(spans)}, {world.rehearsal['runs']} days rehearsed"


def _clock(minute: float) -> str:
    return f"{int(minute) // 60:02d}:{int(minute) % 60:02d}"


def departs(world: World) -> list[str]:
    """What of the scenario is in no plan: then the day is told beside the forecast, not judged by it."""
    given = world.scenario
    found = {
        "nobody comes by appointment": not given.booked,
        "a team goes from site to site": given.roving,
        "boxes are brought together first": given.gather is not None,
        "results are reported at a fixed time": given.times.results is not None,
    }
    return [reason for reason, holds in found.items() if holds]


def drilled(
    tubes: Iterable[Mapping[str, Any]], waits: Iterable[Waited]
) -> dict[str, dict[str, float]]:
    """The figures of each date, in the rehearsal's names. Who was given up and came after all is no part of a plan."""
    rows = [row for row in tubes if not row["late"]]
    by_day: dict[str, dict[str, float]] = {}
    for day in sorted({_day(row["first_swab_at"]) for row in rows}):
        mine = [row for row in rows if _day(row["first_swab_at"]) == day]
        lanes = [row for row in mine if not row["home"]]
        stood = [
            one.minutes for one in waits if one.came.astimezone(HERE).date().isoformat() == day
        ]
        by_day[day] = {
            "last_swab": max((_minute(row["last_swab_at"], day) for row in lanes), default=0.0),
            "queue_p95": share(stood, 0.95),
            "tube_age_p95": share(_ages(mine, "delivered_at"), 0.95),
            "machine_age_p95": share(_ages(mine, "loaded_at"), 0.95),
            "last_delivery": max(_minute(row["delivered_at"], day) for row in mine),
            "last_result": max(
                (_minute(row["released_at"], day) for row in mine if row["released_at"]), default=0.0
            ),
        }  # fmt: skip
    return by_day


def compare(rehearsal: Mapping[str, Any], found: Mapping[str, Mapping[str, float]]) -> list[Met]:
    """Every figure that was forecast and is known of the day."""
    met = []
    for day in rehearsal.get("days", []):
        known = found.get(day["on"], {})
        for name in JUDGED:
            if name in day["figures"] and not math.isnan(known.get(name, math.nan)):
                low, middle, high = day["figures"][name]
                met.append(Met(day["on"], name, (low, middle, high), known[name]))
    return met


def retests(
    rehearsal: Mapping[str, Any], pools: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Positive tubes of a round of one day, and minutes from their result to the last single one, beside the forecast.

    Told, not judged: the scenario says to the head how many are positive, the forecast throws a die for everybody.
    """
    days = rehearsal.get("days", [])
    if len(days) != 1 or "pools_positive" not in days[0]["figures"]:
        return []
    took = [
        (_at(pool["resolved_at"]) - _at(pool["flagged_at"])) / MINUTE
        for pool in pools
        if pool["resolved_at"]
    ]
    drilled = {"pools_positive": float(len(pools)), "retest_p95": share(took, 0.95)}
    return [
        Met(days[0]["on"], name, tuple(days[0]["figures"][name]), value).document()
        for name, value in drilled.items()
        if name in days[0]["figures"] and not math.isnan(value)
    ]


def sites_met(world: World, tubes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Of how many sites the last swab fell inside the interval given for it."""
    last: dict[tuple[str, str], float] = {}
    for row in tubes:
        if not (row["late"] or row["home"]):
            day = _day(row["first_swab_at"])
            key = (day, row["site"])
            last[key] = max(last.get(key, 0.0), _minute(row["last_swab_at"], day))
    inside = [
        site["finish"][0] <= last[day["on"], site["code"]] <= site["finish"][2]
        for day in world.rehearsal.get("days", [])
        for site in day["sites"]
        if (day["on"], site["code"]) in last
    ]
    return {"sites": len(inside), "inside": sum(inside)}


def met(world: World, at: datetime) -> dict[str, Any]:
    """The day beside its forecast: every figure, whether it is judged, and why not."""
    # Runs belong to the laboratories' areas, some of them above the county: who looks must see those too.
    tubes = world.user("administrator").items(
        f"/rounds/{world.round_id}/figures/{FIGURE}/rows", at=at, limit=ROWS_AT_ONCE
    )
    waits = [one for many in world.notes.get("waits", {}).values() for one in many]
    figures = compare(world.rehearsal, drilled(tubes, waits))
    return {
        "runs": world.rehearsal.get("runs"), "not_judged": departs(world),
        "figures": [one.document() for one in figures], "finish_of_sites": sites_met(world, tubes),
        "queue_from": "the drill's own log of who came when; arrivals are not stored",
    }  # fmt: skip


def _ages(rows: Iterable[Mapping[str, Any]], until: str) -> list[float]:
    return [(_at(row[until]) - _at(row["first_swab_at"])) / MINUTE for row in rows if row[until]]


def _at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def _day(moment: str) -> str:
    return _at(moment).astimezone(HERE).date().isoformat()


def _minute(moment: str, day: str) -> float:
    """Minutes since midnight of `day`, as the rehearsal counts them."""
    midnight = datetime.fromisoformat(day).replace(tzinfo=HERE)
    return (_at(moment) - midnight) / MINUTE
