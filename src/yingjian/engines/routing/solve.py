"""Routes of the pick-up rounds and the day's timetable: `solve(problem, params, seed, stop) → Result`.

Stops are grouped by laboratory and, where areas are fixed, by area. For each group one round is
planned (`tours`), routes are given to vehicles, the round is repeated over the day, receptions are
queued for and drivers take turns. What no timetable can keep is told as a breach, never hidden.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.asking import Ints, Stop, never
from yingjian.engines.routing.model import (
    LONGEST,
    Breach,
    Call,
    Params,
    Problem,
    Result,
    Route,
    Trip,
    boxes,
    validate,
)
from yingjian.engines.routing.tours import Round, plan_round

DEFAULTS = Params()


@dataclass(frozen=True)
class _Places:
    """Stops with those too large for one vehicle cut into parts; arrays over parts."""

    stop: Ints
    part: Ints
    tubes: Ints
    load: Ints
    """Most boxes of one call."""
    group: Ints
    """Stops of one group may share a route."""


@dataclass(slots=True)
class _Turn:
    """One or several routes that the same vehicles drive in turn, and their rhythm."""

    tours: list[list[int]]
    gap: int
    lab: int
    area: int
    length: int
    """Minutes until the vehicle is back and ready."""
    leads: list[int]
    """Minutes from leaving for the round to leaving for each route."""

    def vehicles(self) -> int:
        return -(-self.length // self.gap)


def solve(
    problem: Problem, params: Params = DEFAULTS, *, seed: int = 0, stop: Stop = never,
    given: Sequence[Sequence[int]] = (),
) -> Result:  # fmt: skip
    """Routes and timetable for every stop. Raises `RoutingError` only where the question has no meaning.

    `given`: routes known already, as stops in order, to begin from where they cost less.

    Without `stop` the same problem, params and seed give the same answer.
    """
    validate(problem)
    places = _places(problem)
    margins = [params.margin] * len(problem.labs.opens)
    kept: dict[int, list[_Turn]] = {}
    best: tuple[int, int] | None = None
    answer: Result | None = None
    for _ in range(1 + params.tries):
        for group in np.unique(places.group).tolist():
            if group not in kept:
                index = np.flatnonzero(places.group == group)
                margin = margins[int(problem.stops.lab[places.stop[index[0]]])]
                own = replace(params, margin=margin)
                kept[group] = _group(problem, own, places, index, seed=seed, stop=stop, given=given)
        found = _lay(problem, params, places, [t for g in sorted(kept) for t in kept[g]])
        late = _late(found)
        value = (sum(late.values()), found.cost)
        if best is None or value < best:
            best, answer = value, found
        if not late or stop():
            break
        for lab, over in late.items():
            margins[lab] += over
        kept = {g: turns for g, turns in kept.items() if turns[0].lab not in late}
    assert answer is not None  # noqa: S101  the loop ran at least once
    return answer


def repeat(problem: Problem, planned: Result, params: Params = DEFAULTS) -> Result:
    """The routes and vehicles of `planned` driven on another day: other hours and tubes, the same
    stops and laboratories. Raises `RoutingError`.
    """
    validate(problem)
    places, row = _kept_places(problem, planned.routes)
    turns: list[_Turn] = []
    cars: tuple[int, ...] = ()
    for route in planned.routes:
        tour = [row[call] for call in route.stops]
        length = _cycle(problem, places, tour)
        if turns and route.vehicles == cars:
            turns[-1].leads.append(turns[-1].length)
            turns[-1].tours.append(tour)
            turns[-1].length += length
        else:
            turns.append(_Turn([tour], route.gap, route.lab, route.area, length, [0]))
        cars = route.vehicles
    return _lay(problem, params, places, turns)


def _kept_places(
    problem: Problem, routes: list[Route]
) -> tuple[_Places, dict[tuple[int, int], int]]:
    """The stops cut into the parts that the routes call at; where each stands."""
    calls = sorted({call for route in routes for call in route.stops})
    stop = np.array([s for s, _ in calls], dtype=np.int64)
    part = np.array([p for _, p in calls], dtype=np.int64)
    parts = np.bincount(stop, minlength=problem.size)
    whole = problem.stops.tubes[stop]
    tubes = whole // parts[stop] + (part < whole % parts[stop])
    nothing = np.zeros(len(calls), dtype=np.int64)
    places = _Places(stop, part, tubes, nothing, nothing)
    return places, {call: n for n, call in enumerate(calls)}


def _lay(problem: Problem, params: Params, places: _Places, turns: list[_Turn]) -> Result:
    """Turns laid over the day; their last rounds spread only where the reception is rushed else."""
    plain = _laid(problem, replace(params, stagger=0), places, turns)
    if not params.stagger or not plain.breaches:
        return plain
    spread = _laid(problem, params, places, turns)
    return min((plain, spread), key=lambda found: (sum(_late(found).values()), found.cost))


def _laid(problem: Problem, params: Params, places: _Places, turns: list[_Turn]) -> Result:
    """Turns laid over the day, with what they cost and break."""
    routes, trips, owners = _timetable(problem, params, places, turns)
    trips = _receive(problem, trips)
    trips, drivers = _drivers(problem, trips)
    cost = len(owners) * problem.prices.vehicle
    cost += sum(trip.arrives - trip.leaves for trip in trips) * problem.prices.minute
    result = Result(routes, trips, len(owners), drivers, cost)
    return replace(result, breaches=_breaches(problem, result))


def _late(result: Result) -> dict[int, int]:
    """By laboratory: most minutes that a sample came too late."""
    late: dict[int, int] = {}
    for breach in result.breaches:
        if breach.rule == "sample_age":
            lab = result.routes[int(breach.element.partition(":")[2])].lab
            late[lab] = max(late.get(lab, 0), breach.measured - breach.limit)
    return late


def rounds_of(problem: Problem, index: Ints) -> int:
    """About how many rounds a day has."""
    stops = problem.stops
    opened = int((stops.closes[index] - stops.opens[index]).max())
    return 1 + -(-opened // problem.rules.every)  # the last one is after closing


def _places(problem: Problem) -> _Places:
    stops, rules = problem.stops, problem.rules
    hours = stops.closes - stops.opens
    parts = np.ones(problem.size, dtype=np.int64)
    while True:
        each = -(-stops.tubes // parts)
        each = np.minimum(each, each * rules.every // hours + 1)
        each = boxes(each, -(-problem.lanes // parts), rules.box)
        if (each <= rules.capacity).all():
            break
        many = np.maximum(parts + 1, parts * each // (2 * rules.capacity))
        parts = np.where(each > rules.capacity, many, parts)
    stop = np.repeat(np.arange(problem.size), parts)
    part = np.arange(len(stop)) - np.repeat(np.cumsum(parts) - parts, parts)
    tubes = stops.tubes[stop] // parts[stop] + (part < stops.tubes[stop] % parts[stop])
    area = np.zeros(problem.size, dtype=np.int64) if stops.area is None else stops.area
    _, group = np.unique(np.stack((stops.lab, area)), axis=1, return_inverse=True)
    return _Places(stop, part, tubes, each[stop], group.reshape(-1)[stop])


def _age_limit(problem: Problem, gap: int, margin: int) -> int:
    """Most minutes from the first stop to the laboratory when calls are `gap` apart."""
    deliver = problem.rules.deliver
    return LONGEST if deliver is None else deliver - gap - margin - problem.fill


def _group(
    problem: Problem, params: Params, places: _Places, index: Ints, *, seed: int, stop: Stop,
    given: Sequence[Sequence[int]],
) -> list[_Turn]:  # fmt: skip
    """Turns of one group: the usual rhythm, and a quicker one for stops too far away for it."""
    gap = problem.rules.every
    asked = _round(problem, params, places, index, gap)
    far = [i for i in range(len(index)) if asked.age_of([i]) > asked.age]
    near = [i for i in range(len(index)) if asked.age_of([i]) <= asked.age]
    turns: list[_Turn] = []
    if near:
        part = index[near]
        row = {int(places.stop[p]): n for n, p in enumerate(part) if not places.part[p]}
        tours = plan_round(
            _round(problem, params, places, part, gap),
            iterations=params.iterations, seed=seed, stop=stop,
            given=[[row[s] for s in tour if s in row] for tour in given],
        )  # fmt: skip
        turns += _pack(problem, params, places, [[int(part[i]) for i in t] for t in tours], gap)
    for i in far:
        whole = asked.age_of([i])
        quick = _age_limit(problem, whole, params.margin)  # the same sum, solved for the gap
        if quick < params.least_gap:  # without the margin, or as often as sense allows
            quick = max(params.least_gap, _age_limit(problem, whole, 0))
        turns += _pack(problem, params, places, [[int(index[i])]], min(gap, quick))
    return turns


def _round(problem: Problem, params: Params, places: _Places, index: Ints, gap: int) -> Round:
    n, stops, rules = problem.size, problem.stops, problem.rules
    stop = places.stop[index]
    lab = int(stops.lab[stop[0]])
    order = np.append(stop, n + lab)
    rounds = rounds_of(problem, stop)
    prices = problem.prices
    per_round = prices.vehicle // rounds
    fixed = rules.fixed_route
    return Round(
        minutes=problem.minutes[np.ix_(order, order)],
        service=np.full(len(index), problem.service, dtype=np.int64),
        load=places.load[index],
        capacity=rules.capacity,
        age=max(0, _age_limit(problem, gap, params.margin)),
        cycle=gap,
        turn=problem.unload,
        vehicle=per_round if fixed else 0,
        minute=prices.minute if fixed else prices.minute + per_round // gap + 1,
    )


def _pack(
    problem: Problem, params: Params, places: _Places, tours: list[list[int]], gap: int
) -> list[_Turn]:
    """Give routes to vehicles: one each, or several in turn where the rules allow and they fit."""
    turns: list[_Turn] = []
    sized = sorted(((_cycle(problem, places, tour), tour) for tour in tours), reverse=True)
    for length, tour in sized:
        stop = int(places.stop[tour[0]])
        home = None
        if not problem.rules.fixed_route and length <= gap:
            home = next(
                (
                    turn
                    for turn in turns
                    if turn.length + length <= gap
                    and turn.length + length - problem.unload <= params.last_call
                ),
                None,
            )
        if home is None:
            area = problem.stops.area
            lab = int(problem.stops.lab[stop])
            where = 0 if area is None else int(area[stop])
            turns.append(_Turn([tour], gap, lab, where, length, [0]))
        else:
            home.leads.append(home.length)
            home.tours.append(tour)
            home.length += length
    return turns


def _cycle(problem: Problem, places: _Places, tour: list[int]) -> int:
    lab = problem.size + int(problem.stops.lab[places.stop[tour[0]]])
    way = [lab, *(int(places.stop[p]) for p in tour), lab]
    drive = sum(int(problem.minutes[a, b]) for a, b in itertools.pairwise(way))
    return drive + problem.service * len(tour) + problem.unload


def _offsets(problem: Problem, places: _Places, turn: _Turn) -> list[list[int]]:
    """Minutes from leaving for the round to each call, by route."""
    lab = problem.size + turn.lab
    found = []
    for lead, tour in zip(turn.leads, turn.tours, strict=True):
        way = [lab, *(int(places.stop[p]) for p in tour)]
        at = [lead + int(problem.minutes[lab, way[1]])]
        for a, b in itertools.pairwise(way[1:]):
            at.append(at[-1] + problem.service + int(problem.minutes[a, b]))
        found.append(at)
    return found


def _starts(problem: Problem, places: _Places, turn: _Turn, later: int) -> list[int]:
    """Minutes at which the rounds of a turn begin, evenly, the last in time for everybody's closing.

    The first is early enough that no stop waits longer than the gap after opening.
    """
    stops = problem.stops
    calls = [
        (int(places.stop[p]), at)
        for tour, offsets in zip(turn.tours, _offsets(problem, places, turn), strict=True)
        for p, at in zip(tour, offsets, strict=True)
    ]
    first = min(int(stops.opens[s]) + turn.gap - at for s, at in calls)
    last = max(int(stops.closes[s]) - at for s, at in calls) + later
    steps = max(0, -(-(last - first) // turn.gap))
    if not steps:
        return [last]
    step = max(-(-turn.length // turn.vehicles()), -(-(last - first) // steps))
    return [last - step * (steps - n) for n in range(steps + 1)]


def _timetable(
    problem: Problem, params: Params, places: _Places, turns: list[_Turn]
) -> tuple[list[Route], list[Trip], list[int]]:
    """Every turn's rounds. Turns of one laboratory end a little apart, so that receptions are not rushed."""
    routes: list[Route] = []
    trips: list[Trip] = []
    owners: list[int] = []
    of_lab: dict[int, list[int]] = {}
    for t, turn in enumerate(turns):
        of_lab.setdefault(turn.lab, []).append(t)
    for t, turn in enumerate(turns):
        peers = of_lab[turn.lab]
        starts = _starts(problem, places, turn, 0)
        later = params.stagger * peers.index(t) // len(peers)
        spread = _starts(problem, places, turn, later)
        if len(spread) == len(starts):
            starts = spread
        cars = list(range(len(owners), len(owners) + min(turn.vehicles(), len(starts))))
        owners += [t] * len(cars)
        for tour, lead, at in zip(
            turn.tours, turn.leads, _offsets(problem, places, turn), strict=True
        ):
            stops = tuple((int(places.stop[p]), int(places.part[p])) for p in tour)
            number = len(routes)
            routes.append(Route(turn.lab, turn.area, stops, turn.gap, tuple(cars)))
            trips += _trips(
                problem, places, tour, at=at, starts=starts, route=number, cars=cars, lead=lead,
                lab=turn.lab,
            )  # fmt: skip
    return routes, trips, owners


def _trips(
    problem: Problem, places: _Places, tour: list[int], *, at: list[int], starts: list[int],
    route: int, cars: list[int], lead: int, lab: int,
) -> list[Trip]:  # fmt: skip
    """One route's rounds; one that would reach every stop before it opens is not driven.

    A tube begun before a call leaves with the next one, so its first swab is up to `fill` older.
    """
    stops = problem.stops
    ride = problem.service + int(problem.minutes[int(places.stop[tour[-1]]), problem.size + lab])
    before = [int(stops.opens[places.stop[p]]) for p in tour]
    done = [0] * len(tour)
    trips = []
    for n, start in enumerate(starts):
        calls = []
        for k, p in enumerate(tour):
            s = int(places.stop[p])
            now = start + at[k]
            ready = _ready(int(places.tubes[p]), int(stops.opens[s]), int(stops.closes[s]), now)
            oldest = max(int(stops.opens[s]), before[k] - problem.fill)
            calls.append(Call(s, int(places.part[p]), now, ready - done[k], oldest))
            done[k], before[k] = ready, max(before[k], now)
        if any(call.at > int(stops.opens[call.stop]) for call in calls):
            arrives = start + at[-1] + ride
            car = cars[n % len(cars)]
            trips.append(Trip(route, car, 0, start + lead, tuple(calls), arrives, arrives))
    return trips


def _ready(tubes: int, opens: int, closes: int, now: int) -> int:
    """Tubes filled by a minute."""
    return tubes * min(max(now - opens, 0), closes - opens) // (closes - opens)


def _receive(problem: Problem, trips: list[Trip]) -> list[Trip]:
    """Each reception checks vehicles in one by one: of those waiting, the one with the oldest sample."""
    done = {n: trip.arrives for n, trip in enumerate(trips)}  # an empty vehicle need not queue
    by_lab: dict[int, list[int]] = {}
    for n, trip in enumerate(trips):
        if trip.tubes:
            by_lab.setdefault(int(problem.stops.lab[trip.calls[0].stop]), []).append(n)
    for lab, own in by_lab.items():
        if problem.labs.tubes_per_hour[lab] >= LONGEST:
            continue
        free = int(problem.labs.opens[lab])
        coming = sorted(own, key=lambda n: (-trips[n].arrives, -n))
        waiting: list[tuple[int, int]] = []
        while coming or waiting:
            if not waiting:
                free = max(free, trips[coming[-1]].arrives)
            while coming and trips[coming[-1]].arrives <= free:
                n = coming.pop()
                heapq.heappush(waiting, (min(c.oldest for c in trips[n].calls if c.tubes), n))
            _, n = heapq.heappop(waiting)
            free += -(-trips[n].tubes * 60 // int(problem.labs.tubes_per_hour[lab]))
            done[n] = free
    received = [replace(trip, received=done[n]) for n, trip in enumerate(trips)]
    return sorted(received, key=lambda t: (t.leaves, t.vehicle, t.route))


def _drivers(problem: Problem, trips: list[Trip]) -> tuple[list[Trip], int]:
    """A driver keeps the wheel while the shift allows; the next trip goes to the next driver."""
    begun: dict[int, tuple[int, int]] = {}
    found = []
    for trip in trips:
        driver, since = begun.get(trip.vehicle, (0, trip.leaves))
        if trip.arrives - since > problem.rules.driver_shift and trip.leaves > since:
            driver, since = driver + 1, trip.leaves
        begun[trip.vehicle] = (driver, since)
        found.append(replace(trip, driver=driver))
    return found, sum(driver + 1 for driver, _ in begun.values())


def _breaches(problem: Problem, result: Result) -> list[Breach]:
    """What the timetable cannot keep, worst of each element."""
    rules, labs = problem.rules, problem.labs
    worst: dict[tuple[str, str], tuple[int, int]] = {}

    def tell(rule: str, element: str, measured: int, limit: int) -> None:
        if measured > limit and measured > worst.get((rule, element), (limit, 0))[0]:
            worst[rule, element] = (measured, limit)

    shifts: dict[tuple[int, int], tuple[int, int]] = {}
    for trip in result.trips:
        lab = result.routes[trip.route].lab
        if rules.deliver is not None:
            tell("sample_age", f"route:{trip.route}", trip.oldest, rules.deliver)
        if trip.tubes:
            tell("laboratory_closed", f"lab:{lab}", trip.received, int(labs.closes[lab]))
        key = (trip.vehicle, trip.driver)
        since, _ = shifts.get(key, (trip.leaves, 0))
        shifts[key] = (since, trip.arrives)
    for (vehicle, _), (since, until) in shifts.items():
        tell("driver_shift", f"vehicle:{vehicle}", until - since, rules.driver_shift)
    if rules.vehicles is not None:
        tell("vehicles", "plan", result.vehicles, rules.vehicles)
    return [Breach(r, e, m, limit) for (r, e), (m, limit) in sorted(worst.items())]
