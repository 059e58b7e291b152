"""What kits are asked and what they answer. Goods are the preset's item codes, quantities whole.

Norms come from the preset (R82–R85): so many per site, per lane, per group and day, per person and
shift of a job, and, in certain weather, more. Tubes, swabs and labels are at least what the people
need plus a reserve (R81). Where the plan itself states a total for the round (Yilaha's report: 178
suits, 220 face shields …), that total is a fact: sites share exactly it.

Stores stand in a tree: a site draws from its own, what is missing comes from the level above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yingjian.engines.asking import EngineError, within

TUBE, SWAB, LABEL = "sample_tube", "swab", "label"
TOP = -1
"""In `Store.above`: nobody stands above it."""
MOST = 10**9
Counts = Mapping[str, int]


class KitsError(EngineError):
    """The question makes no sense. `code` is stable: `no_sites`, `bad_number`, `unknown_store`, …"""


@dataclass(frozen=True)
class Site:
    """A sampling site. `tubes` by pool size (0: household tubes); `shifts` are person-shifts by job."""

    store: int
    people: int
    tubes: Mapping[int, int]
    lanes: int
    groups: int
    days: int
    shifts: Counts
    opens: int
    """Minute of first need, on one clock for all sites."""
    moving: bool = False
    """A team on its way: it sets up nowhere (no `Norms.site`), and carries the tubes, swabs and labels it is counted
    to need, not a group's for a day."""


@dataclass(frozen=True)
class Store:
    """Goods on hand at a village, town, county or city; `above` is a store's index or `TOP`."""

    stock: Counts
    above: int = TOP


@dataclass(frozen=True)
class Norms:
    """The preset's quantities."""

    site: Counts = field(default_factory=dict)
    lane: Counts = field(default_factory=dict)
    group_day: Counts = field(default_factory=dict)
    shift: Mapping[str, Counts] = field(default_factory=dict)
    """By job: protective goods of one person for one shift."""
    weather: Mapping[str, tuple[Counts, Counts]] = field(default_factory=dict)
    """By kind of weather (rain, cold, heat, night): (per site, per lane)."""
    stated: Counts = field(default_factory=dict)
    """Totals the plan states for the whole round."""
    tube_item: Mapping[int, str] = field(default_factory=dict)
    """Item of each pool size; sizes not named share `sample_tube`."""
    reserve: float = 0.0
    """Share added to tubes, swabs and labels (R81)."""


@dataclass(frozen=True)
class Problem:
    """Sites, stores and norms; `weather` holds the kinds expected; `lead` is R86, minutes."""

    sites: tuple[Site, ...]
    stores: tuple[Store, ...]
    norms: Norms
    weather: tuple[str, ...] = ()
    lead: int = 1440
    threshold: float = 0.7
    """A store asked for more than this share of its stock asks for support (R80)."""


@dataclass(frozen=True, slots=True)
class Line:
    """Goods of a site and the norms that ask for them."""

    site: int
    item: str
    quantity: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """So many from a store to a site."""

    store: int
    site: int
    item: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """What a site misses when every store above it is empty, and when the request is due (R86)."""

    site: int
    item: str
    missing: int
    request_by: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A store that must give more than the threshold of its stock asks the one above (R80)."""

    store: int
    above: int
    item: str
    wanted: int
    stock: int


@dataclass(frozen=True)
class Result:
    """Packing lists, issues, what is missing, who asks whom."""

    lines: list[Line]
    issues: list[Issue]
    shortages: list[Shortage]
    asks: list[Ask]

    def total(self) -> dict[str, int]:
        """All sites together, by item."""
        found: dict[str, int] = {}
        for line in self.lines:
            found[line.item] = found.get(line.item, 0) + line.quantity
        return dict(sorted(found.items()))


def validate(problem: Problem) -> None:
    """Raise `KitsError` naming the field and the row."""
    if not problem.sites:
        raise KitsError("no_sites")
    stores = len(problem.stores)
    for row, site in enumerate(problem.sites):
        if not 0 <= site.store < stores:
            raise KitsError("unknown_store", row=row)
        _count("site", row, site.people, site.lanes, site.groups, site.days)
        _count("tubes", row, *site.tubes.values(), *site.tubes)
        _count("shifts", row, *site.shifts.values())
    for row, store in enumerate(problem.stores):
        if store.above != TOP and not 0 <= store.above < stores:
            raise KitsError("unknown_store", row=row)
        _count("stock", row, *store.stock.values())
        chain(problem, row)
    norms = problem.norms
    groups = [norms.site, norms.lane, norms.group_day, norms.stated, *norms.shift.values()]
    for goods in [*groups, *(part for pair in norms.weather.values() for part in pair)]:
        _count("norms", 0, *goods.values())
    within(KitsError, [
        ("reserve", norms.reserve, 0, MOST), ("lead", problem.lead, 0, MOST),
        ("threshold", problem.threshold, 0, MOST),
    ])  # fmt: skip
    for kind in problem.weather:
        if kind not in norms.weather:
            raise KitsError("unknown_weather", value=kind)


def chain(problem: Problem, store: int) -> list[int]:
    """A store and those above it. Raises `KitsError("circle")`."""
    found: list[int] = []
    while store != TOP:
        if store in found:
            raise KitsError("circle", row=store)
        found.append(store)
        store = problem.stores[store].above
    return found


def _count(name: str, row: int, *values: int) -> None:
    for value in values:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
            raise KitsError("bad_number", field=name, row=row, value=value)
