"""What every actor of a drill shares: the link, the people signed in, the round, the plan, the truth."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drill.client import Device, DrillError, Ids, Link, Traffic, User, settle
from drill.filling import Guest
from drill.lanes import Habits
from drill.scenario import Scenario

Say = Callable[[str], None]


@dataclass(slots=True)
class Lab:
    """A laboratory of the drill; `clerk` enters, `reviewer` releases."""

    id: str
    code: str
    name: str
    kind: str
    tubes_per_day: int
    drive_minutes: int
    recheck: bool
    clerk: User
    reviewer: User


@dataclass(slots=True)
class Site:
    """A site as it was planned and is open in the round."""

    id: str
    code: str
    area: str
    name: str
    stations: list[str]
    boxes: dict[str, list[str]]
    lab: str = ""
    guests: list[Guest] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)
    last_swab: datetime | None = None


@dataclass
class World:
    """The drill's own knowledge. What the system knows is asked from it each time."""

    scenario: Scenario
    link: Link
    ids: Ids
    rng: random.Random
    say: Say
    users: dict[str, User] = field(default_factory=dict)
    accounts: list[tuple[str, str, str]] = field(default_factory=list)
    password: str = ""
    campaign_id: str = ""
    round_id: str = ""
    preset: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    rehearsal: dict[str, Any] = field(default_factory=dict)
    """What the system said of the plan before the day, where it was asked."""
    habits: Habits = field(default_factory=Habits)
    """How people, hands, roads and benches behave: as the rehearsal states it, else as usual."""
    sites: dict[str, Site] = field(default_factory=dict)
    labs: dict[str, Lab] = field(default_factory=dict)
    positive: set[str] = field(default_factory=set)
    """Persons whose every swab is positive: the drill's secret, known to the bench only."""
    grey: set[str] = field(default_factory=set)
    """Persons whose pool comes out in the grey zone and whose own swabs are negative."""
    inside: dict[str, list[str]] = field(default_factory=dict)
    """Tube code → persons in it: what the bench finds when it opens the tube."""
    pools: set[str] = field(default_factory=set)
    """Tubes that a station filled as pools, however few came: the last one of a lane may hold one person."""
    site_of: dict[str, str] = field(default_factory=dict)
    """Tube code → the site that filled it."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def traffic(self) -> Traffic:
        return self.link.traffic

    def user(self, role: str) -> User:
        if role not in self.users:
            raise DrillError(f"nobody is signed in as {role}")
        return self.users[role]

    def settle(self, at: datetime) -> None:
        """Wait until the news of everything done so far has arrived in every room."""
        settle(self.user("administrator"), at=at)

    def leaf(self, path: str, default: Any = None) -> Any:
        """A value of the round's preset by its path, as the running system tells it."""
        value = self.preset.get(path, {}).get("value")
        return default if value is None else value
