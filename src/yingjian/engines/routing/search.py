"""The common search of rounds and fleets: PyVRP's local search, and the best of its routes put together.

Steps of PyVRP's local search from a solution in hand (a few places moved about, then improved) are
taken over where they are no dearer than some steps before (late acceptance, with a short memory, since
there are seconds and not hours). On the way every sound route is remembered as a column (`columns`);
after each leg HiGHS puts the best of them together, and the search goes on from there. Legs are counted
in steps, so the same seed gives the same answer unless the stop is heard.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yingjian.engines.asking import Stop
from yingjian.engines.routing.columns import Column, Fleet, Pool, days, once, recombine, rounded
from yingjian.engines.routing.fleet_model import FARTHEST, FleetParams

if TYPE_CHECKING:
    import pyvrp
    from pyvrp import search as pyvrp_search

GROWTH = 1.3
"""A leg is so much longer than the one before whose recombination found nothing better."""
LEG = 4_000
LEG_PER_PLACE = 20
"""Steps before the first recombination, for each place, but no fewer than `LEG`."""
LEAST_SHAKEN = 8
SHAKEN_OF = 12
"""At most one place of so many is moved about in one step."""
LOOKED_AT = 5
"""Routes for each of which a step more passes between two looks at the routes."""
RUINED = 0.4
"""Share of the routes taken out of the best for a new life."""
NEAR = 1.03
"""Routes of solutions up to so much dearer than their life's best are remembered."""
CALM_PER_PLACE = 10
"""Steps without anything better, for each place, after which a life is over."""
LOOK = 20
"""Steps between two looks at the stop."""


@dataclass
class Ground:
    """What is read from PyVRP's data over and over, as plain lists."""

    data: pyvrp.ProblemData
    fleet: Fleet = field(init=False)
    times: list[list[list[int]]] = field(init=False)
    roads: list[list[list[int]]] = field(init=False)
    where: list[int] = field(init=False)

    def __post_init__(self) -> None:
        kinds = self.data.vehicle_types()
        self.where = [client.location for client in self.data.clients()]
        self.times = [matrix.tolist() for matrix in self.data.duration_matrices()]
        self.roads = [matrix.tolist() for matrix in self.data.distance_matrices()]
        self.clients = self.data.clients()
        self.windows = [
            (c.tw_early, c.tw_late, c.service_duration, c.release_time) for c in self.clients
        ]
        self.homes = [self.data.depot(kind.start_depot) for kind in kinds]
        self.fleet = Fleet(
            places=self.data.num_clients,
            count=tuple(kind.num_available for kind in kinds),
            price=tuple(kind.fixed_cost for kind in kinds),
            by_trip=tuple(self._by_trip(kind) for kind in kinds),
        )

    def _by_trip(self, kind: pyvrp.VehicleType) -> bool:
        """Whether any trips that do not overlap make a day of the kind."""
        return (
            kind.reload_depots == [kind.start_depot]
            and kind.max_reloads + 1 >= self.data.num_clients
            and kind.shift_duration >= kind.tw_late - kind.tw_early
            and kind.max_distance > FARTHEST**2 // 10**3
            and kind.unit_duration_cost == 0
        )

    def out(self, kind: int, calls: tuple[int, ...]) -> tuple[int, int, int]:
        """A trip's latest beginning that is home as early as can be, that return, and the slack by
        which both may be later."""
        vehicle, home = self.data.vehicle_type(kind), self.homes[kind]
        times, at = self.times[vehicle.profile], home.location
        now = max(vehicle.tw_early, *(self.windows[call][3] for call in calls))
        now += home.service_duration
        slack = FARTHEST  # how much later it may begin
        waited = 0
        for call in calls:
            there = self.where[call]
            opens, closes, service, _ = self.windows[call]
            now += times[at][there]
            waited += max(0, opens - now)
            now = max(now, opens)
            slack = min(slack, waited + closes - now)
            now += service
            at = there
        now += times[at][home.location]
        slack = min(slack, waited + vehicle.tw_late - now)
        begun = max(vehicle.tw_early, *(self.windows[call][3] for call in calls))
        free = min(waited, slack)
        return begun + free, now, max(0, slack - free)

    def price(self, kind: int, calls: tuple[int, ...]) -> int:
        """Road price of one trip."""
        vehicle = self.data.vehicle_type(kind)
        home = self.homes[kind].location
        way = [home, *(self.where[call] for call in calls), home]
        roads = self.roads[vehicle.profile]
        return vehicle.unit_distance_cost * sum(roads[a][b] for a, b in itertools.pairwise(way))


def columns_of(ground: Ground, route: pyvrp.Route, *, placed: bool = False) -> list[Column]:
    """The columns a sound route is made of. `placed`: just one of each trip, none overlapping."""
    kind = route.vehicle_type()
    trips: list[list[int]] = [[]]
    for step in list(route)[1:-1]:
        if step.is_depot():
            trips.append([])
        else:
            trips[-1].append(step.idx)
    trips = [trip for trip in trips if trip]
    if not ground.fleet.by_trip[kind]:
        calls = tuple(trips[0]) if trips else ()
        for trip in trips[1:]:
            calls = (*calls, -1, *trip)
        price = route.distance_cost() + route.duration_cost() + route.fixed_vehicle_cost()
        return [Column(kind, calls, route.start_time(), route.end_time(), price)] if calls else []
    found = []
    now = 0
    for trip in trips:
        calls = tuple(trip)
        begins, back, slack = ground.out(kind, calls)
        price = ground.price(kind, calls)
        later = min(max(0, now - begins), slack)
        delays = (later,) if placed or not later else (0, later)
        found += [Column(kind, calls, begins + delay, back + delay, price) for delay in delays]
        now = back + later
    return found


@dataclass
class Search:
    """One search; `run` may be called again."""

    data: pyvrp.ProblemData
    params: FleetParams
    seed: int
    stop: Stop
    begun: pyvrp.Solution | None = None

    def __post_init__(self) -> None:
        import pyvrp
        from pyvrp import search as tools

        self.ground = Ground(self.data)
        self.pool = Pool(self.params.columns)
        self.known: set[tuple[int, ...]] = set()
        self.rng = pyvrp.RandomNumberGenerator(seed=self.seed % 2**31)
        near = tools.compute_neighbours(
            self.data, tools.NeighbourhoodParams(num_neighbours=self.params.near)
        )
        most = min(self.params.shaken, max(LEAST_SHAKEN, self.data.num_clients // SHAKEN_OF))
        shake = tools.PerturbationManager(tools.PerturbationParams(1, most))
        self.local: pyvrp_search.LocalSearch = tools.LocalSearch(self.data, self.rng, near, shake)
        for operator in tools.OPERATORS:
            if operator.supports(self.data):
                self.local.add_operator(operator(self.data))
        penalty = pyvrp.PenaltyParams(solutions_between_updates=self.params.patience)
        self.penalties = pyvrp.PenaltyManager(penalty.midpoint_penalties(self.data), penalty)
        if self.begun is None:
            self.begun = self.fresh()
        self.best = self.begun
        self.steps = self.lives = self.won = 0
        self.liked: list[tuple[float, Column]] = []
        self._live(self.begun)

    def run(self) -> pyvrp.Solution:
        """The best solution found; it may be unsound where no sound one was."""
        self.remember(self.best, every=True)
        leg = float(self.params.leg or max(LEG, LEG_PER_PLACE * self.data.num_clients))
        while self.steps < self.params.iterations and not self.stop():
            calm = self._leg(min(int(leg), self.params.iterations - self.steps))
            if self.params.columns and self._join():
                self.won += 1
                self._live(self.best)
                continue
            leg *= GROWTH
            if calm:
                self.lives += 1
                self._live((self._rounded, self.fresh, self._ruined)[self.lives % 3]())
        return self.best

    def fresh(self) -> pyvrp.Solution:
        """Places on vehicles at random, then improved."""
        import pyvrp

        random = pyvrp.Solution.make_random(self.data, self.rng)
        return self.local(random, self.penalties.max_cost_evaluator(), exhaustive=True)

    def _ruined(self) -> pyvrp.Solution:
        """The best without the routes around one place; its places are put back anew."""
        import pyvrp

        routes = self.best.routes()
        centre = self.ground.where[self.rng.randint(self.data.num_clients)]
        roads = self.ground.roads[0][centre]

        def away(r: int) -> int:
            calls = [self.ground.where[step.idx] for step in routes[r] if step.is_client()]
            return min((roads[call] for call in calls), default=0)

        far = sorted(range(len(routes)), key=away)
        kept = sorted(far[max(2, int(len(routes) * RUINED)) :])
        part = pyvrp.Solution(self.data, [routes[r] for r in kept])
        return self.local(part, self.penalties.max_cost_evaluator(), exhaustive=True)

    def _rounded(self) -> pyvrp.Solution:
        """Columns the relaxed question likes, by dice; the places they miss are put in anew."""
        liked = sorted(self.liked, key=lambda pair: -pair[0] * (0.5 + self.rng.rand()))
        part = self.solution(rounded(self.ground.fleet, liked))
        return self.local(part, self.penalties.max_cost_evaluator(), exhaustive=True)

    def _live(self, begun: pyvrp.Solution) -> None:
        """A new life from here: what was accepted before is forgotten."""
        self.now = self.top = begun
        self.memory = [begun] * self.params.memory
        self.still = 0

    def _leg(self, steps: int) -> bool:
        """So many steps of local search from `now`; whether this life has become calm."""
        calm = max(self.params.calm, CALM_PER_PLACE * self.data.num_clients)
        for k in range(steps):
            if self.still >= calm:
                return True
            if k % LOOK == 0 and self.stop():
                return False
            judge = self.penalties.cost_evaluator()
            tried = self.local(self.now, judge, exhaustive=False)
            self.penalties.register(tried)
            self.still += 1
            if judge.cost(tried) < judge.cost(self.top):
                better = self.local(tried, judge, exhaustive=True)
                if better.is_feasible() and judge.cost(better) < judge.cost(tried):
                    tried = better
                self.top = tried
                self.still = 0
                if judge.cost(tried) < judge.cost(self.best):
                    self.best = tried
            place = self.steps % len(self.memory)
            cost, before = judge.penalised_cost(tried), judge.penalised_cost(self.memory[place])
            if cost < before or cost < judge.penalised_cost(self.now):
                self.now = tried
            if judge.penalised_cost(self.now) < before:
                self.memory[place] = self.now
            self.steps += 1
            every = self.params.every + tried.num_routes() // LOOKED_AT
            if self.params.columns and (tried is self.top or self.steps % every == 0):
                self.remember(tried)
        return False

    def remember(self, solution: pyvrp.Solution, *, every: bool = False) -> None:
        """The sound routes of a solution that is nearly as good as this life's best, not seen before."""
        judge = self.penalties.cost_evaluator()
        cost = judge.penalised_cost(solution)
        if not every and cost > NEAR * judge.penalised_cost(self.top):
            return
        for route in solution.routes():
            size = len(route)
            mark = (
                route.vehicle_type(), route.distance(), route.duration(), size,
                route[1].idx, route[size // 2].idx,
            )  # fmt: skip
            if mark not in self.known and route.is_feasible():
                self.known.add(mark)
                self.pool.add(columns_of(self.ground, route), cost)

    def _join(self) -> bool:
        """The best columns put together; whether that is better than the best so far."""
        begun: list[Column] = []
        if self.best.is_feasible():
            for route in self.best.routes():
                begun += columns_of(self.ground, route, placed=True)
        found = recombine(
            self.pool, self.ground.fleet, begun, narrow=self.params.narrow,
            nodes=self.params.nodes, stop=self.stop,
        )  # fmt: skip
        self.liked = found.liked
        if found.better is None:
            return False
        joined = self.solution(found.better)
        judge = self.penalties.cost_evaluator()
        self.remember(joined, every=True)
        better = bool(judge.cost(joined) < judge.cost(self.best))
        if better:
            self.best = joined
        return better

    def solution(self, columns: list[Column]) -> pyvrp.Solution:
        """Vehicles that drive these columns, each place once."""
        import pyvrp

        client, depot = pyvrp.ActivityType.CLIENT, pyvrp.ActivityType.DEPOT
        routes = []
        for kind, vehicle in days(self.ground.fleet, once(columns, self._saved)):
            home = self.data.vehicle_type(kind).start_depot
            calls: list[int] = []
            for column in vehicle:
                calls += [*([-1] if calls else []), *column.calls]
            calls = [c for c, after in itertools.pairwise([*calls, -1]) if c >= 0 or after >= 0]
            visits = [
                pyvrp.Activity(client, call) if call >= 0 else pyvrp.Activity(depot, home)
                for call in (calls[1:] if calls[0] < 0 else calls)
            ]
            routes.append(pyvrp.Route(self.data, visits, kind))
        return pyvrp.Solution(self.data, routes)

    def served(self, solution: pyvrp.Solution) -> list[pyvrp.Route]:
        """Its routes; where it is unsound, sound routes that call at as many places as can be."""
        import pyvrp

        if solution.is_feasible():
            return [route for route in solution.routes() if route.num_clients()]
        client = pyvrp.ActivityType.CLIENT
        for kind in range(self.data.num_vehicle_types):
            for place in range(self.data.num_clients):
                alone = pyvrp.Route(self.data, [pyvrp.Activity(client, place)], kind)
                if alone.is_feasible():
                    self.pool.add(columns_of(self.ground, alone), 0)
        found = recombine(
            self.pool, self.ground.fleet, [], narrow=self.params.columns or 1,
            nodes=self.params.nodes, stop=lambda: False,
        ).better  # fmt: skip
        routes = solution.routes() if found is None else self.solution(found).routes()
        return [route for route in routes if route.is_feasible() and route.num_clients()]

    def _saved(self, column: Column, place: int) -> int:
        """What a vehicle saves that does not call at `place`."""
        k = column.calls.index(place)
        kind = self.data.vehicle_type(column.kind)
        home = self.ground.homes[column.kind].location
        roads, where = self.ground.roads[kind.profile], self.ground.where
        a = home if k == 0 or column.calls[k - 1] < 0 else where[column.calls[k - 1]]
        last = k + 1 == len(column.calls) or column.calls[k + 1] < 0
        b = home if last else where[column.calls[k + 1]]
        here = where[place]
        return roads[a][here] + roads[here][b] - roads[a][b]
