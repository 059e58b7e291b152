"""A scenario as a value: which place, which people, who works, what happens when. Read from YAML.

A scenario states facts and assumptions of one replay; rules never stand here, they come from the
preset the round works by, as the running system tells them.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

HERE = Path(__file__).resolve().parent / "scenarios"


class ScenarioError(ValueError):
    """The file is no scenario; the message names the place in it."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zh: str
    en: str

    def told(self, language: str) -> str:
        return self.en if language == "en" else self.zh


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`centre` is longitude, latitude."""

    area: str
    regions: str
    centre: tuple[float, float]
    radius_km: float
    urban: list[str] = []


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    opened: datetime
    done: datetime
    owner_role: str
    outcome: str
    owner: str = ""


class Staffing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """People of one institution in one job."""

    institution: str
    kind: str
    job: str
    people: int
    supporting: bool = False


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    leader: str
    duty: str


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    topic: str
    held_at: datetime
    attended: int


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name_zh: str
    name_en: str
    unit_zh: str
    unit_en: str
    received: int
    used: int


class Laboratory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: str
    kind: str
    area: str
    tubes_per_day: int
    drive_minutes: int
    recheck: bool = False


class Gather(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Boxes are brought together and counted at `place`, then travel to the laboratory at once."""

    place: str
    minutes: int
    """From a site to the place."""
    leaves: datetime


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    figure: str
    value: int
    source: str


class Seeded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the laboratories will find. `single`: how many of the positives are single-tube people;
    `grey` pools turn out negative at the recheck."""

    positives: int = 0
    single: int = 0
    grey: int = 0


class Absent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of the due list: excused with a reason, missed with an owner, and of the missed those caught up."""

    excused: float = 0.0
    missed: float = 0.0
    caught_up: float = 0.0


class Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roster: datetime
    freeze: datetime
    approve: datetime
    plan: datetime
    activate: datetime
    ready: datetime
    opens: datetime
    closes: datetime
    results: datetime | None = None
    """When the laboratories report; None: as soon as their instruments are through."""
    close: datetime | None = None
    """When the round is closed; None: when the last result is out."""


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    title: Words
    source: str
    preset: str
    people: int
    seed: int
    place: Place
    today: date
    campaign: str
    trigger: str
    round_name: str
    window_start: datetime
    window_end: datetime
    times: Times
    laboratories: list[Laboratory]
    tasks: list[Task] = []
    staff: list[Staffing] = []
    groups: list[Group] = []
    trainings: list[Training] = []
    items: list[Item] = []
    vehicles: int = 10
    plan: dict[str, Any] = {}
    """What the planner is told besides the preset: options of `plan.propose`."""
    gather: Gather | None = None
    store: str = "store"
    disposer: str = ""
    stated: list[Stated] = []
    seeded: Seeded = Seeded()
    absent: Absent = Absent()
    without: list[str] = []
    """Categories that nobody of this roster has (words of the roster)."""
    booked: bool = True
    """Whether people come in their slot; where nobody booked they come one after another, in the same order."""
    roving: bool = False
    """Whether what fills no pool at a site is swabbed by a team that goes from site to site."""
    stubs: bool = False
    """Whether paper cards with numbered stubs are used."""
    sync_minutes: int = 30


def load(name: str, **changed: Any) -> Scenario:
    """The scenario `name`, with some of its top values changed. Raises `ScenarioError`."""
    path = HERE / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in HERE.glob("*.yaml")))
        raise ScenarioError(f"no scenario {name!r}; there are: {known}")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "extends" in document:  # another scenario with some of its top values changed
        base = HERE / f"{document.pop('extends')}.yaml"
        document = {**yaml.safe_load(base.read_text(encoding="utf-8")), **document}
    try:
        scenario = msgspec.convert(document, Scenario, strict=False)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{path.name}: {error}") from None
    given = {key: value for key, value in changed.items() if value is not None}
    return msgspec.structs.replace(scenario, **given)
