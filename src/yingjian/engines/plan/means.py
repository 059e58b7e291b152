"""People and goods there are for a round, and where a plan sends them: plain values, JSON in and out.

`Force` and `Stock` are what a planner is told, `Crew` and `Goods` what it answers. People are ids,
never names; institutions and stores go by the name they are registered under.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

# --- what there is -------------------------------------------------------------------------------


class Worker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who is free for the whole round."""

    id: str
    unit: str
    """Id of the institution."""
    job: str
    jobs: list[str] = []
    """Further jobs they are qualified and trained for (R45)."""
    worked: int = 0
    """Minutes on duty in the days before: those with less are called first (R47)."""
    last_duty: datetime | None = None
    """End of the last post before the round."""
    vaccinated: datetime | None = None
    """End of the last duty at a vaccination place (R26)."""


class Unit(msgspec.Struct, frozen=True, omit_defaults=True):
    """An institution. `least` and `most` are its quota where the command sets one."""

    id: str
    name: str
    area: str
    least: int = 0
    most: int | None = None


class Force(msgspec.Struct, frozen=True):
    """Everybody who may be called."""

    workers: list[Worker] = []
    units: list[Unit] = []


class Stock(msgspec.Struct, frozen=True):
    """A store and what it holds by item code."""

    place: str
    area: str
    items: dict[str, int]


# --- who goes where ------------------------------------------------------------------------------


class Hour(msgspec.Struct, frozen=True):
    """People expected at a site between two moments, lanes they need, lanes that are staffed."""

    start: datetime
    end: datetime
    people: int
    needed: int
    staffed: int


class SiteHours(msgspec.Struct, frozen=True):
    """A site's lanes by time of day."""

    site: str
    hours: list[Hour]


class UnitLoad(msgspec.Struct, frozen=True):
    """An institution's free people, its quota, and how many of them the plan calls."""

    id: str
    name: str
    area: str
    people: int
    least: int
    most: int
    sent: int


class Sent(msgspec.Struct, frozen=True):
    """So many people of an institution in a job at a site, or in a team."""

    unit: str
    site: str
    job: str
    people: int


class StandIn(msgspec.Struct, frozen=True):
    """Somebody free who is called for a job when a seat falls empty; rank 0 first."""

    staff: str
    unit: str
    job: str
    rank: int


class Ride(msgspec.Struct, frozen=True):
    """People of an institution who go to a site together, and the buses for them."""

    unit: str
    site: str
    people: int
    buses: int


class Short(msgspec.Struct, frozen=True):
    """Seats of a job nobody fills, the preset line that asks for most of them, and the stand-ins."""

    job: str
    wanted: int
    filled: int
    standby_wanted: int
    standby: int
    rule: str


class PeopleAsk(msgspec.Struct, frozen=True):
    """A level of government whose seats of a job exceed the share of its people it may use alone."""

    job: str
    area: str
    above: str
    task: int
    people: int
    ask: int


class Crew(msgspec.Struct, frozen=True):
    """Who works where. Costs are millionths of a staff-day; no way to fill the seats is cheaper than `bound`."""

    hours: list[SiteHours]
    units: list[UnitLoad] = []
    sent: list[Sent] = []
    standby: list[StandIn] = []
    rides: list[Ride] = []
    jobs: list[Short] = []
    """Every job of the plan, short or not."""
    asks: list[PeopleAsk] = []
    cost: int = 0
    bound: int = 0


# --- what goes where -----------------------------------------------------------------------------


class KitLine(msgspec.Struct, frozen=True):
    """Goods to bring, and the preset lines that ask for them."""

    item: str
    quantity: int
    unit: str
    why: list[str]


class Draw(msgspec.Struct, frozen=True):
    """So many pieces of an item from a store for a site or a moving team (`site` is the code of either)."""

    site: str
    item: str
    place: str
    quantity: int


class Missing(msgspec.Struct, frozen=True):
    """What no store has for a site or a moving team, and when the request for it is due (R86)."""

    site: str
    item: str
    quantity: int
    ask_by: datetime


class GoodsAsk(msgspec.Struct, frozen=True):
    """A level asked for more than the share of its stock it may give alone asks the one above (R80)."""

    item: str
    area: str
    above: str
    wanted: int
    stock: int


class Goods(msgspec.Struct, frozen=True):
    """Where the goods of every pack come from."""

    known: bool = False
    """Whether any store is kept; else everything is to be asked for."""
    weather: list[str] = []
    draws: list[Draw] = []
    missing: list[Missing] = []
    asks: list[GoodsAsk] = []
