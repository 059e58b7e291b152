"""What routing is asked and what it answers. Times are whole minutes since midnight.

Pick-ups. Every stop (a site) is called at again and again while it is open and once after it has
closed; no two calls lie further apart than `Rules.every` (R59). A sample waits for the next call, then
rides to the laboratory. It may have been taken one minute after the call before, so the age of the
oldest sample of a call is counted from that earlier call (at first: from opening) to its receipt, and
the oldest counts, never the mean.

One round is planned and repeated: a route is a fixed order of stops ending at its laboratory (R62).

Tours. A team leaves its base, serves doors or hamlets, and is back with the samples in time; a team
may go out several times in a shift.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from yingjian.engines.asking import EngineError, Floats, Ints, shaped, whole

LONGEST = 100_000
"""Largest number of minutes or tubes taken: beyond two months."""
DEAREST = 10**10
"""Largest price taken, so that sums stay exact."""


class RoutingError(EngineError):
    """The question makes no sense. `code` is stable: `no_stops`, `no_laboratory`, `bad_number`, …"""


@dataclass(frozen=True)
class Stops:
    """Sampling sites, arrays `(n,)`."""

    tubes: Ints
    """Tubes of the day; they come evenly between opening and closing."""
    opens: Ints
    closes: Ints
    lab: Ints
    """Laboratory each stop's tubes go to."""
    area: Ints | None = None
    """Fixed areas (R62): a route keeps to one. None: one area."""
    lanes: Ints | None = None
    """Lanes of each stop: every lane packs boxes of its own. None: one."""


@dataclass(frozen=True)
class Labs:
    """Laboratories, arrays `(k,)`."""

    opens: Ints
    closes: Ints
    tubes_per_hour: Ints
    """Tubes the reception checks in per hour; vehicles queue for it. `LONGEST`: nobody ever waits."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The preset's limits, minutes."""

    every: int
    """Most minutes between two calls at a stop (R59)."""
    deliver: int | None = None
    """Most minutes from the oldest sample to its receipt (R59, R60)."""
    capacity: int = LONGEST
    """Boxes one vehicle carries."""
    box: int = 1
    """Tubes of a box; 1: `capacity` counts tubes."""
    fixed_route: bool = True
    """A vehicle drives one route only (R62); False: several in turn where they fit."""
    driver_shift: int = 480
    """Longest shift of one driver."""
    vehicles: int | None = None
    """Vehicles there are; None: not known, so not limiting."""


@dataclass(frozen=True, slots=True)
class Prices:
    """In millionths of a staff-day, as in siting."""

    vehicle: int = 1_500_000
    """One vehicle for the day, its driver included."""
    minute: int = 2_000
    """One minute on the road."""


def boxes(tubes: Ints, lanes: Ints, box: int) -> Ints:
    """Boxes that so many lanes fill with so many tubes, shared evenly."""
    return lanes * -(-tubes // (lanes * box))


@dataclass(frozen=True)
class Problem:
    """One day's pick-ups. `minutes` is `(n + k, n + k)`: stops first, then laboratories."""

    stops: Stops
    labs: Labs
    minutes: Ints
    rules: Rules
    prices: Prices = Prices()
    service: int = 6
    """Minutes a call takes: counting, signing, loading."""
    fill: int = 10
    """Minutes from the first swab of a tube to its seal: one begun before a call rides with the next."""
    unload: int = 10
    """Minutes at the laboratory before the vehicle may leave again, disinfection included."""

    @property
    def size(self) -> int:
        """How many stops."""
        return len(self.stops.tubes)

    @property
    def lanes(self) -> Ints:
        """Lanes of each stop."""
        if self.stops.lanes is None:
            return np.ones(self.size, dtype=np.int64)
        return self.stops.lanes


@dataclass(frozen=True, slots=True)
class Params:
    """How hard to try, counted in steps: the same seed gives the same answer."""

    margin: int = 20
    """Minutes of the delivery limit kept for traffic and the queue at the reception."""
    iterations: int = 500
    """Iterations of PyVRP per group of stops; 0: construction only."""
    least_gap: int = 30
    """A stop far away is called at more often instead, but not more often than this."""
    last_call: int = 60
    """A vehicle with several routes makes its last call at most so long after closing."""
    tries: int = 3
    """Times a laboratory's routes are planned anew with more margin while its reception makes them late."""
    stagger: int = 60
    """Last rounds may start so much later to spread arrivals at a reception."""


@dataclass(frozen=True, slots=True)
class Call:
    """A vehicle at a stop. `part` counts the shares of a stop too large for one vehicle, 0 first."""

    stop: int
    part: int
    at: int
    tubes: int
    oldest: int
    """Minute after which its oldest sample was taken."""


@dataclass(frozen=True, slots=True)
class Route:
    """A fixed order of (stop, part), driven every `gap` minutes by `vehicles` in turn."""

    lab: int
    area: int
    stops: tuple[tuple[int, int], ...]
    gap: int
    vehicles: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trip:
    """One round of a route. `received`: when the reception has checked in its last tube."""

    route: int
    vehicle: int
    driver: int
    """Serial of the driver within the vehicle, 0 first."""
    leaves: int
    calls: tuple[Call, ...]
    arrives: int
    received: int

    @property
    def tubes(self) -> int:
        """Tubes carried."""
        return sum(call.tubes for call in self.calls)

    @property
    def oldest(self) -> int:
        """Age of the oldest sample on receipt, minutes; 0 when nothing is carried."""
        return max((self.received - call.oldest for call in self.calls if call.tubes), default=0)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that could not be kept. `sample_age`, `laboratory_closed`, `driver_shift`, `vehicles`."""

    rule: str
    element: str
    measured: int
    limit: int


@dataclass(frozen=True)
class Result:
    """Routes and the day's timetable."""

    routes: list[Route]
    trips: list[Trip]
    vehicles: int
    drivers: int
    cost: int
    breaches: list[Breach] = field(default_factory=list)


# --- tours of teams ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tours:
    """Home visits or hamlets served from bases. `minutes` is `(n + b, n + b)`: places, then bases."""

    service: Ints
    """Minutes at each place: the door, or setting up plus people over the team's rate."""
    samples: Ints
    base: Ints
    """Base each place belongs to: its site or town (R43)."""
    minutes: Ints
    shift: int
    """Most minutes a team is under way in its day."""
    carry: int
    """Most minutes a sample is carried before it is handed over at the base."""
    capacity: int = LONGEST
    """Samples a team carries at once."""
    teams: Ints | None = None
    """Teams of each base, `(b,)`; None: not known, so not limiting."""
    prices: Prices = Prices()
    turn: int = 10
    """Minutes at the base between two tours: hand-over, restock, change of gloves."""


@dataclass(frozen=True, slots=True)
class Tour:
    """One outing: leaves at `start` minutes into the team's day, `at[i]` begins place `i`."""

    base: int
    team: int
    start: int
    places: tuple[int, ...]
    at: tuple[int, ...]
    back: int


@dataclass(frozen=True)
class TourPlan:
    """Tours of all teams. Breaches: `carry`, `shift`, `teams`, `capacity`."""

    tours: list[Tour]
    teams: Ints
    cost: int
    breaches: list[Breach] = field(default_factory=list)


# --- questions without meaning -------------------------------------------------------------------


def validate(problem: Problem) -> None:
    """Raise `RoutingError` naming the field and the first row."""
    n, k = problem.size, len(problem.labs.opens)
    if n == 0:
        raise RoutingError("no_stops")
    if k == 0:
        raise RoutingError("no_laboratory")
    stops, labs = problem.stops, problem.labs
    area = np.zeros(n, dtype=np.int64) if stops.area is None else stops.area
    lanes = problem.lanes
    for name, array, length in (
        ("tubes", stops.tubes, n), ("opens", stops.opens, n), ("closes", stops.closes, n),
        ("lab", stops.lab, n), ("area", area, n), ("lanes", lanes, n), ("labs.opens", labs.opens, k),
        ("labs.closes", labs.closes, k), ("labs.tubes_per_hour", labs.tubes_per_hour, k),
    ):  # fmt: skip
        _ints(name, array, length)
    _indices("lab", stops.lab, k)
    _matrix(problem.minutes, n + k)
    for name, opens, closes in (
        ("closes", stops.opens, stops.closes), ("labs.closes", labs.opens, labs.closes)
    ):  # fmt: skip
        if (closes <= opens).any():
            raise RoutingError("never_open", field=name, row=int((closes <= opens).argmax()))
    if (lanes < 1).any():
        raise RoutingError("no_lane", row=int((lanes < 1).argmax()))
    if (labs.tubes_per_hour < 1).any():
        raise RoutingError("no_reception", row=int((labs.tubes_per_hour < 1).argmax()))
    rules = problem.rules
    for name, value, least in (
        ("every", rules.every, 1), ("capacity", rules.capacity, 1), ("box", rules.box, 1),
        ("driver_shift", rules.driver_shift, 1), ("service", problem.service, 0),
        ("unload", problem.unload, 0), ("fill", problem.fill, 0),
        ("deliver", 1 if rules.deliver is None else rules.deliver, 1),
        ("vehicles", rules.vehicles or 0, 0),
    ):  # fmt: skip
        _number(name, value, least, LONGEST)
    _prices(problem.prices)


def validate_tours(asked: Tours) -> None:
    """Raise `RoutingError` naming the field and the first row."""
    n, b = len(asked.service), len(asked.minutes) - len(asked.service)
    if n == 0:
        raise RoutingError("no_stops")
    if b < 1:
        raise RoutingError("no_base")
    for name, array in (
        ("service", asked.service),
        ("samples", asked.samples),
        ("base", asked.base),
    ):
        _ints(name, array, n)
    if asked.teams is not None:
        _ints("teams", asked.teams, b)
    _indices("base", asked.base, b)
    _matrix(asked.minutes, n + b)
    for name, value, least in (
        ("shift", asked.shift, 1), ("carry", asked.carry, 1), ("capacity", asked.capacity, 1),
        ("turn", asked.turn, 0),
    ):  # fmt: skip
        _number(name, value, least, LONGEST)
    _prices(asked.prices)


def _prices(prices: Prices) -> None:
    for name, value in (("vehicle", prices.vehicle), ("minute", prices.minute)):
        _number(name, value, 0, DEAREST)


def _number(name: str, value: int, least: int, most: int) -> None:
    if not isinstance(value, int | np.integer) or not least <= value <= most:
        raise RoutingError("bad_number", field=name, value=value)


def _ints(name: str, array: Ints, length: int) -> None:
    shaped(RoutingError, [(name, array, (length,))])
    whole(RoutingError, name, array, least=0, most=LONGEST)


def _indices(name: str, array: Ints, top: int) -> None:
    if (array >= top).any():
        raise RoutingError("unknown_index", field=name, row=int((array >= top).argmax()))


def _matrix(minutes: Ints, size: int) -> None:
    shaped(RoutingError, [("minutes", minutes, (size, size))])
    whole(RoutingError, "minutes", minutes, least=0, most=LONGEST)


def road_minutes(x: Floats, y: Floats, *, km_per_h: float, road_factor: float) -> Ints:
    """Driving minutes between places in a plane (metres), rounded up: straight line times factor.

    Raises `RoutingError("bad_coordinate")`.
    """
    if not (np.isfinite(x) & np.isfinite(y)).all():
        row = int((~(np.isfinite(x) & np.isfinite(y))).argmax())
        raise RoutingError("bad_coordinate", row=row)
    straight = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    minutes = np.ceil(straight * road_factor / 1000 / km_per_h * 60 - 1e-9)
    return np.clip(minutes, 0, LONGEST).astype(np.int64)
