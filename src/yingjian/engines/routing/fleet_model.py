"""What a fleet is asked and what it answers: windows, several depots, kinds of vehicle, several trips.

Every place is called at once, within its window. A vehicle belongs to a kind; it begins its day at its
home, and every trip begins and ends there. What a place is brought (or its tubes' box) may be ready
at the home only later than the day begins: the trip begins no earlier. Before every trip the vehicle
stands `turn` at home. Numbers are whole; units are the caller's (minutes, or a benchmark's).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from yingjian.engines.asking import Ints
from yingjian.engines.routing.model import Breach, RoutingError

FARTHEST = 10**9
"""Largest time, load or arc price taken."""


@dataclass(frozen=True)
class Places:
    """Where somebody must call, arrays `(n,)`."""

    load: Ints
    service: Ints
    """How long a call takes."""
    opens: Ints
    closes: Ints
    """Latest beginning of the call."""
    ready: Ints
    """When what is brought is ready at every home; 0: from the beginning."""


@dataclass(frozen=True)
class Kinds:
    """Kinds of vehicle, arrays `(k,)`."""

    home: Ints
    """Which home: row `n + home` of the matrices."""
    count: Ints
    """Vehicles of the kind."""
    capacity: Ints
    """Load of one trip."""
    opens: Ints
    closes: Ints
    """Latest return."""
    longest: Ints
    """Most time from the beginning of the first trip to the last return."""
    trips: Ints
    """Most trips of a vehicle, at least 1."""
    price: Ints
    """Price of using one vehicle."""


@dataclass(frozen=True)
class FleetProblem:
    """`times` and `prices` are `(n + homes, n + homes)`: places first. Waiting costs nothing."""

    places: Places
    kinds: Kinds
    times: Ints
    prices: Ints
    turn: int = 0
    """Time at home before every trip."""

    @property
    def size(self) -> int:
        """How many places."""
        return len(self.places.load)


@dataclass(frozen=True, slots=True)
class FleetParams:
    """How hard to try, counted in steps: the same seed gives the same answer unless stopped."""

    iterations: int = 2_000
    """Steps of the local search in all."""
    leg: int = 0
    """Most steps between two recombinations, at first; 0: by the number of places."""
    calm: int = 1_000
    """Steps without anything better after which a life is over, at least."""
    memory: int = 50
    """Steps the acceptance looks back."""
    columns: int = 6_000
    """Most columns kept for a recombination."""
    narrow: int = 250
    """Columns given to branch and bound; with more worth a look, the relaxed answer is rounded."""
    nodes: int = 50
    """Nodes of branch and bound in one recombination."""
    shaken: int = 25
    """Most places moved about in one step."""
    near: int = 20
    """Neighbours a place is tried beside."""
    every: int = 1
    """Routes of every so manieth step are looked at."""
    patience: int = 100
    """Steps between two changes of what a breach costs the search."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One trip: begins (to load) at `begins`, calls at `places[i]` from `at[i]`, is home at `back`."""

    begins: int
    places: tuple[int, ...]
    at: tuple[int, ...]
    back: int


@dataclass(frozen=True, slots=True)
class VehicleDay:
    """The trips of one vehicle, in order."""

    kind: int
    legs: tuple[Leg, ...]


@dataclass(frozen=True)
class FleetResult:
    """`left`: places nobody calls at, told as breaches (`not_served`) too."""

    days: list[VehicleDay]
    cost: int
    left: tuple[int, ...] = ()
    breaches: list[Breach] = field(default_factory=list)


# --- questions without meaning -------------------------------------------------------------------


def validate_fleet(problem: FleetProblem) -> None:
    """Raise `RoutingError` naming the field and the first row."""
    places, kinds = problem.places, problem.kinds
    n, k = problem.size, len(kinds.home)
    if n == 0:
        raise RoutingError("no_stops")
    if k == 0 or not len(kinds.count) or int(kinds.count.sum()) < 1:
        raise RoutingError("no_vehicle")
    for name in ("load", "service", "opens", "closes", "ready"):
        _numbers(name, getattr(places, name), n)
    for name in ("home", "count", "capacity", "opens", "closes", "longest", "trips", "price"):
        _numbers(f"kinds.{name}", getattr(kinds, name), k)
    _validate_rules(problem, len(problem.times) - n)


def _validate_rules(problem: FleetProblem, homes: int) -> None:
    places, kinds, n = problem.places, problem.kinds, problem.size
    if homes < 1:
        raise RoutingError("no_base")
    if (kinds.home >= homes).any():
        raise RoutingError("unknown_index", field="home", row=int((kinds.home >= homes).argmax()))
    for field_name, bad in (
        ("closes", places.closes < places.opens),
        ("kinds.closes", kinds.closes < kinds.opens),
    ):
        if bad.any():
            raise RoutingError("never_open", field=field_name, row=int(bad.argmax()))
    if (kinds.trips < 1).any():
        raise RoutingError("bad_number", field="kinds.trips", row=int((kinds.trips < 1).argmax()))
    for name in ("times", "prices"):
        matrix = getattr(problem, name)
        if matrix.shape != (n + homes, n + homes):
            raise RoutingError("bad_shape", field=name, wanted=n + homes)
        _numbers(name, matrix.reshape(-1), (n + homes) ** 2, width=n + homes)
    if not isinstance(problem.turn, int | np.integer) or not 0 <= problem.turn <= FARTHEST:
        raise RoutingError("bad_number", field="turn", value=problem.turn)


def _numbers(name: str, array: Ints, length: int, width: int = 1) -> None:
    if array.shape != (length,):
        raise RoutingError("bad_shape", field=name, wanted=length)
    if array.dtype.kind != "i":
        raise RoutingError("bad_number", field=name, row=0)
    bad = (array < 0) | (array > FARTHEST)
    if bad.any():
        raise RoutingError("bad_number", field=name, row=int(bad.argmax()) // width)
