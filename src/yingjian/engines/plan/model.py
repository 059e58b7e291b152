"""What a screening plan is made from and what it is: plain values, JSON in and out.

`PlanProblem` holds everything a planner may know: people by household (never a name), the open
hours, the rules of the preset with their origins, laboratories, what there is to work with. `Plan`
is the proposal. A planner makes it, `plan.checker` judges it; neither needs the other's code.
Times are aware datetimes, lengths are minutes, distances kilometres, places WGS 84 degrees.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import cached_property

import msgspec

from yingjian.engines.asking import EngineError
from yingjian.engines.plan.means import Crew, Force, Goods, KitLine, Stock
from yingjian.engines.plan.moves import HomeTour, RunsChoice
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.plan.proofs import Proven

SCHEMA = 1
"""Version of `Plan` and `PlanProblem` as JSON; raised whenever a stored plan would not decode."""

Scalar = None | bool | int | float | str | list[str]


class PlanError(EngineError):
    """The problem cannot be planned at all. `code` is stable: `nobody`, `no_open_hours`, …"""


class Limit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule value of the preset: planned with `value`; `low`/`high` bound what the plan allows.

    Durations are minutes, times of day `07:00` text. `origin` is the preset's (`S4/YN R59`).
    """

    value: Scalar = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    origin: str = ""


class Rules(msgspec.Struct, frozen=True, dict=True):
    """Preset values by path (`sites.people_per_site`)."""

    by_path: dict[str, Limit]

    def get(self, path: str) -> Limit:
        """The rule at `path`; an empty one when the preset has none."""
        return self.by_path.get(path, NO_RULE)

    def number(self, path: str) -> float | None:
        """A count, share or length in minutes; None when no rule applies."""
        value = self.get(path).value
        return float(value) if isinstance(value, int | float) else None

    def need(self, path: str) -> float:
        """A number the preset must have. Raises `PlanError("rule_missing")`."""
        value = self.number(path)
        if value is None or value <= 0:
            raise PlanError("rule_missing", path=path)
        return value

    def most(self, path: str) -> float | None:
        """The largest value allowed: the upper bound where the plan gives one, else the value."""
        rule = self.get(path)
        return rule.high if rule.high is not None else self.number(path)

    def flag(self, path: str) -> bool:
        """A yes/no rule; absent means no."""
        return self.get(path).value is True

    def text(self, path: str) -> str:
        """A code or time of day; absent means empty."""
        value = self.get(path).value
        return value if isinstance(value, str) else ""

    def table(self, prefix: str) -> dict[str, int]:
        """Counts one level below `prefix`: `table("staffing.lane")` → `{"sampler": 2}`."""
        return dict(self._tables.get(prefix, {}))

    @cached_property
    def _tables(self) -> dict[str, dict[str, int]]:
        """Counts by the path above them: asked for lane by lane."""
        found: dict[str, dict[str, int]] = {}
        for path, rule in self.by_path.items():
            prefix, dot, name = path.rpartition(".")
            if dot and isinstance(rule.value, int | float):
                found.setdefault(prefix, {})[name] = int(rule.value)
        return found


NO_RULE = Limit()


class Span(msgspec.Struct, frozen=True):
    """`[start, end)`."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        return (self.end - self.start) / timedelta(minutes=1)


class Village(msgspec.Struct, frozen=True):
    """A village or community: 12-digit region code, name, a point if known."""

    area: str
    name: str
    lon: float | None = None
    lat: float | None = None


class Block(msgspec.Struct, frozen=True):
    """People who are planned together: a household, or one person who has none.

    `key` is `h` + household id or `p` + person id. Counts split those who come to a site (`pool`,
    `single`, `household` tube) from those visited at the door (`home_…`). `rank` is the best
    priority of its members, 0 first (R9, R10). `building`, `stair`: numbers within the village; 0: not known.
    """

    key: str
    area: str
    rank: int = 0
    pool: int = 0
    single: int = 0
    household: int = 0
    home_pool: int = 0
    home_single: int = 0
    home_household: int = 0
    lon: float | None = None
    lat: float | None = None
    building: int = 0
    stair: int = 0

    @property
    def walkers(self) -> int:
        """People who come to a site."""
        return self.pool + self.single + self.household

    @property
    def home(self) -> int:
        """People visited at the door (R29)."""
        return self.home_pool + self.home_single + self.home_household

    @property
    def people(self) -> int:
        return self.walkers + self.home


class Lab(msgspec.Struct, frozen=True):
    """A laboratory that may receive: tubes in 24 h, and where it is if known."""

    code: str
    name: str
    tubes_per_day: int
    area: str = ""
    lon: float | None = None
    lat: float | None = None
    opens_hour: int = 0
    closes_hour: int = 24
    """Hours in which its reception works; 0 to 24: around the clock."""


class Place(msgspec.Struct, frozen=True):
    """A place named by the plan itself, with its own hours (a school's hall)."""

    name: str
    spans: list[Span]


class Candidate(msgspec.Struct, frozen=True):
    """A place where a site may be: a village office, a school, a square.

    `room` is the most people it takes in the round where that is less than the rule; `lock` is
    `stay` (opened whatever it costs), `never`, or empty. `lanes` is how many fit at most; `made`:
    nobody gave it, it is the middle of a group of homes.
    """

    key: str
    name: str
    area: str
    lon: float
    lat: float
    room: int | None = None
    lock: str = ""
    lanes: int | None = None
    made: bool = False


class Resources(msgspec.Struct, frozen=True):
    """What there is to work with; None means not known, so not limiting."""

    lanes: int | None = None
    vehicles: int | None = None
    staff: dict[str, int] | None = None
    vehicle_boxes: int | None = None
    """Boxes the smallest of the vehicles takes."""
    sites: int | None = None
    """Most fixed sites that may be opened (teams or tents at hand). Mobile teams are not counted."""


class PlanProblem(msgspec.Struct, frozen=True):
    """Everything a planner may know. `days` are the open hours already cut to window and deadline."""

    round_id: str
    area: str
    preset: str
    campaign_no: int
    round_no: int
    window: Span
    deadline: datetime | None
    days: list[Span]
    rules: Rules
    villages: list[Village]
    blocks: list[Block]
    labs: list[Lab] = []
    places: list[Place] = []
    resources: Resources = Resources()
    schema: int = SCHEMA
    candidates: list[Candidate] = []
    """Places given for sites; where none is in reach, a group of houses is one itself."""
    locks: dict[str, str] = {}
    """Candidates by key that `stay` or are `never` opened, given or not."""
    force: Force = Force()
    """People who may be called, and their institutions; empty where nobody is registered."""
    stocks: list[Stock] = []
    """Stores of the county and above it; empty where no store is kept."""
    weather: list[str] = []
    """Kinds of weather to pack for (`rain`, `cold`, `heat`, `night`)."""

    def digest(self) -> str:
        """SHA-256 of the problem: a plan names the problem it answers."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class Tubes(msgspec.Struct, frozen=True):
    """Tubes by mode. `pool` counts the last, not full one; `part` of them are not full."""

    pool: int = 0
    single: int = 0
    household: int = 0
    part: int = 0

    @property
    def total(self) -> int:
        return self.pool + self.single + self.household


class Share(msgspec.Struct, frozen=True):
    """People of one village at a site."""

    area: str
    name: str
    people: int


class Slot(msgspec.Struct, frozen=True):
    """Who is called when. `wait`: if all come at its start; by habits: who will `come`, wait expected, by quantile."""

    start: datetime
    end: datetime
    people: int
    wait: float
    best_rank: int
    last_rank: int
    blocks: list[str]
    sizes: list[int] = []
    """How many of each block come, in the order of `blocks`; empty: not known."""
    come: float = 0.0
    mean: float = 0.0
    tail: float = 0.0


class HomeVisit(msgspec.Struct, frozen=True):
    """A door of the home-visit list and about when the team comes."""

    key: str
    people: int
    start: datetime
    tour: int = 0
    """Which of the plan's home tours it is on, counted from 1; 0: by the list."""
    single: int = 0
    """How many of the people may not be pooled (R51)."""


class Station(msgspec.Struct, frozen=True):
    """A lane (采样台): its code, tubes to hand it, box codes to print."""

    code: str
    tubes: int
    boxes: list[str]
    open: list[Span] = []
    """When it is staffed; empty: as long as its site is open."""


class Post(msgspec.Struct, frozen=True):
    """One person's place over a span. `seat` stays the same for the same person."""

    seat: str
    job: str
    site: str
    station: str
    team: str
    start: datetime
    end: datetime


class Visit(msgspec.Struct, frozen=True):
    """A mobile team at one place: people of a hamlet come to it between `start` and `end`."""

    area: str
    name: str
    lon: float
    lat: float
    start: datetime
    end: datetime
    people: int


class Site(msgspec.Struct, frozen=True):
    """A sampling site. `people` are covered; `walkers` come, `home_people` are visited.

    `kind` is `fixed` or `mobile`; a mobile one is a team that makes its `visits` in turn.
    """

    code: str
    name: str
    area: str
    lon: float | None
    lat: float | None
    people: int
    walkers: int
    home_people: int
    key_people: int
    groups: int
    villages: list[Share]
    tubes: Tubes
    open: list[Span]
    stations: list[Station]
    slots: list[Slot]
    home: list[HomeVisit]
    posts: list[Post]
    kit: list[KitLine]
    kind: str = "fixed"
    visits: list[Visit] = []
    candidate: str = ""
    """Key of the candidate it was chosen from."""
    lock: str = ""
    hull: list[tuple[float, float]] = []
    """Outline of where its people live."""
    given: bool = False
    """Its place stands on the county's list of candidates."""

    @property
    def lanes(self) -> int:
        return len(self.stations)


class Team(msgspec.Struct, frozen=True):
    """A moving team: `home` visits doors, `recheck` waits for flagged pools (R43).

    `own` is False when its people are the lanes' (the roster is stated and leaves nobody over).
    """

    code: str
    kind: str
    area: str
    jobs: dict[str, int]
    doors: int
    own: bool
    kit: list[KitLine] = []
    """What it takes along; the tubes of its doors are in the packs of the sites it leaves from."""


class Stop(msgspec.Struct, frozen=True):
    """A vehicle at a site at a moment, and what it is expected to take."""

    site: str
    at: datetime
    tubes: int = 0
    boxes: int = 0


class Run(msgspec.Struct, frozen=True):
    """One round of a fixed route: leaves the laboratory, stops, is back with the tubes."""

    route: str
    vehicle: str
    lab: str
    leaves: datetime
    stops: list[Stop]
    arrives: datetime
    oldest_minutes: float
    tubes: int
    driver: int = 0
    """Serial of the driver within the vehicle and day, 1 first."""
    km: float = 0.0

    @property
    def boxes(self) -> int:
        return sum(stop.boxes for stop in self.stops)


class LabShare(msgspec.Struct, frozen=True):
    """Tubes of a site for a laboratory on one day (采送检匹配)."""

    lab: str
    site: str
    day: int
    tubes: int


class LabLoad(msgspec.Struct, frozen=True):
    """A laboratory's busiest day against its capacity in 24 h."""

    lab: str
    tubes_per_day: int
    busiest_day: int
    tubes: int
    lon: float | None = None
    lat: float | None = None


class Totals(msgspec.Struct, frozen=True):
    """Sums over the plan; the checker recomputes each."""

    people: int
    walkers: int
    home_people: int
    villages: int
    sites: int
    lanes: int
    tubes: int
    tubes_full: int
    tubes_part: int
    swabs: int
    boxes: int
    vehicles: int
    runs: int
    staff: dict[str, int]
    staff_total: int
    standby: dict[str, int]
    kit: dict[str, int]
    lab_capacity: int
    lab_shortage: int
    mobile_teams: int = 0
    mobile_visits: int = 0
    drivers: int = 0
    km: float = 0.0
    """Of all pick-up runs."""
    home_tours: int = 0


class Forecast(msgspec.Struct, frozen=True):
    """When the plan expects to be through. `deadline` is None when the command sets none (R6)."""

    sampling_ends: datetime
    last_delivery: datetime | None
    last_result: datetime | None
    deadline: datetime | None


class Outside(msgspec.Struct, frozen=True):
    """People whom no plan serves within the rules, where they are sent, and which rule that breaks."""

    area: str
    site: str
    people: int
    rule: str
    """`walking_circle` (metres), `people_per_site` (people) or `barrier` (one to cross)."""
    measured: int
    limit: int


class Spot(msgspec.Struct, frozen=True):
    """Houses that were sent to one site together."""

    lon: float
    lat: float
    people: int
    site: str


class Siting(msgspec.Struct, frozen=True):
    """How sites were chosen, and the proof of how near the best possible that is.

    Costs are millionths of a staff-day. No choice of sites for this question is cheaper than
    `bound`; `engines.siting.check` recomputes it from the multipliers and the prices on counts in whole numbers.
    """

    method: str
    """`certified`; `given` (the preset states the sites); `by_village` (no places are known)."""
    question: str = ""
    """Digest of the siting question."""
    cost: int = 0
    bound: int = 0
    solver_bound: int = 0
    """With what HiGHS proved on small parts, to its tolerance."""
    components: int = 0
    proven: int = 0
    complete: bool = True  # False: stopped before the search was through
    multipliers: list[int] = []
    counted: list[int] = []  # group of each point whose least totals are priced, -1: none
    count_prices: list[tuple[int, int]] = []  # (per site, per lane) of each group
    cases: Proven = Proven()
    points: int = 0
    options: list[Candidate] = []
    """Candidates that were not chosen."""
    spots: list[Spot] = []
    outside: list[Outside] = []
    beyond: list[int] = []
    """Points of the question that are served outside the rules: they pay their flat price only."""
    given: int = 0  # places of the county's list the choice was made from
    unplaced: int = 0  # people whose place nobody knows: their villages have sites by number only
    walk_m: float = 0.0
    heads_per_site: int = 0
    heads_per_lane: int = 0
    prices: dict[str, int] = {}
    most_sites: int | None = None
    limit_price: int = 0
    """Of one fixed site more than `most_sites`, the most asked for, as the proof prices it."""

    @property
    def gap(self) -> float | None:
        """Certified distance from the best possible, as a share; None without a certificate."""
        if self.method != "certified":
            return None
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


class Plan(msgspec.Struct, frozen=True):
    """A proposal. `answers` is the digest of the problem it was made for."""

    round_id: str
    preset: str
    answers: str
    planner: str
    seed: int
    params: PlanParams
    sites: list[Site]
    teams: list[Team]
    posts: list[Post]
    kit: list[KitLine]
    runs: list[Run]
    shares: list[LabShare]
    labs: list[LabLoad]
    totals: Totals
    forecast: Forecast
    seats: dict[str, str] = {}
    """Who fills which seat, by staff id; a seat that is not named is vacant."""
    schema: int = SCHEMA
    siting: Siting = Siting("by_village")
    tours: list[HomeTour] = []
    transport: list[RunsChoice] = []
    crew: Crew | None = None
    """Who goes where; None in plans made before there was a roster by name."""
    goods: Goods | None = None
    """Where packs come from; None in plans made before stores were asked."""

    @property
    def packing(self) -> list[Site | Team]:
        """Whoever packs something: sites, then moving teams."""
        return [*self.sites, *self.teams]


def to_json(value: Plan | PlanProblem) -> bytes:
    """The value as JSON text, keys in a fixed order."""
    return msgspec.json.encode(value, order="deterministic")


def plan_from_json(text: bytes | str) -> Plan:
    """Read a stored plan. Raises `PlanError` (`bad_plan`, `unknown_schema`)."""
    try:
        plan = msgspec.json.decode(text, type=Plan)
    except msgspec.MsgspecError as error:
        raise PlanError("bad_plan", problem=str(error)) from None
    if plan.schema != SCHEMA:
        raise PlanError("unknown_schema", got=plan.schema, known=SCHEMA)
    return plan


def problem_from_json(text: bytes | str) -> PlanProblem:
    """Read a stored problem. Raises `PlanError` (`bad_problem`, `unknown_schema`)."""
    try:
        problem = msgspec.json.decode(text, type=PlanProblem)
    except msgspec.MsgspecError as error:
        raise PlanError("bad_problem", problem=str(error)) from None
    if problem.schema != SCHEMA:
        raise PlanError("unknown_schema", got=problem.schema, known=SCHEMA)
    return problem
