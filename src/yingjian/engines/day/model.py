"""A screening day as the twin sees it. Times are minutes since midnight, lengths minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from yingjian.engines.asking import EngineError, Flags, Floats, Ints

NEVER = 1e9
"""A minute that does not come."""


class DayError(EngineError):
    """The day makes no sense. `code` is stable: `nobody`, `no_lanes`, `bad_number`, `bad_shape`, …"""


@dataclass(frozen=True)
class Sites:
    """Sampling sites, arrays `(m,)`."""

    lanes: Ints
    opens: Floats
    lab: Ints
    """Laboratory each site's tubes go to."""
    ride: Floats
    """Minutes from pick-up to hand-over at the laboratory."""
    first_pickup: Floats
    pickup_every: Floats
    """Minutes between pick-ups; as often as needed until the site is empty (R59)."""
    vehicle: Ints
    desks: Ints | None = None
    """Registration desks before the lanes; None: registration happens in the lane."""
    route: Ints | None = None
    """Sites that one vehicle calls at in one run have the same road, fast or slow. None: each its own."""
    behind: Floats | None = None
    """Minutes from the run's first stop to this one: by so much a slow road makes the pick-up later, never earlier."""
    home: Floats | None = None
    """Minutes from the run's last stop to the laboratory: only these are won on a fast road."""
    tubes: Ints | None = None
    """Tubes in each site's pack; None: not asked."""


@dataclass(frozen=True)
class Labs:
    """Laboratories, arrays `(k,)`."""

    wells: Ints
    """Tubes of one run; wells kept for re-tests are not counted here."""
    instruments: Ints
    run: Floats
    opens: Floats
    receivers: Ints
    """People who unpack and check in at once."""
    receive: Floats
    """Minutes one of them needs for one tube."""
    kept: Ints | None = None
    """Wells of one run of re-tests, on instruments that are kept for them. Needed where there are `Positives`."""
    kept_benches: Ints | None = None
    """So many such instruments; None: one."""


@dataclass(frozen=True)
class Begun:
    """A day taken up at a minute `at`: what is there already. Arrays over tubes `(t,)`; nothing happens before `at`."""

    at: float
    site: Ints
    lab: Ints
    first_swab: Floats
    picked: Floats
    """NaN: still at its site."""
    delivered: Floats
    """NaN: not at a laboratory yet; else checked in and waiting for an instrument."""
    free: tuple[Floats, ...]
    """Of each laboratory: when the runs end that its instruments do now; the others are free."""


@dataclass(frozen=True)
class Doors:
    """Tubes of home-visit teams, arrays `(t,)`, by their timetable: each is at its site when its team is back."""

    site: Ints
    outing: Ints
    """Whose roads all are fast or slow together, counted from 0."""
    leaves: Floats
    first_swab: Floats
    back: Floats
    people: Ints


@dataclass(frozen=True, slots=True)
class Retest:
    """How a tube reads and how a positive one is looked into. Minutes, shares 0 to 1; shown with every forecast."""

    attack: float = 0.25
    """Of the others of a household, infected where one is."""
    sensitivity: float = 0.95
    """Of one single swab; that of a pool follows from it and its dilution (`pooling.homes.reads`)."""
    specificity: float = 0.9999
    """Of a clean tube."""
    dilution: float = 2.0
    """How many times a pool thins one swab."""
    way: float = 16.0
    """From the call of a team to the first door."""
    each: float = 2.6
    """All swabs of one member."""
    wait: float = 5.0
    """A plate of re-tests that is not full waits so long."""
    run: float = 90.0
    """Of a plate of re-tests on a quick instrument."""


@dataclass(frozen=True)
class Positives:
    """How many are infected, and what the preset makes of a tube that reads positive."""

    share: Floats
    """`(m,)` of those who come to each site, infected."""
    swabs: int = 1
    """Of every member, each in a tube of its own (R72)."""
    original: bool = False
    """Whether the tube itself is run again, in a well of the re-tests (R72)."""
    singles: bool = True
    """Whether whoever was positive in a tube of their own is swabbed again too."""
    teams: int | None = None
    """Teams that fetch the single swabs (R43, R73); None: as many as pools."""
    how: Retest = Retest()
    to: Ints | None = None
    """`(m, swabs)` laboratory that each of a member's swabs goes to (R72). None: every one to that of their site."""
    original_to: Ints | None = None
    """`(m,)` laboratory the tube itself goes to, with the single swabs. None: it stays where it was read."""
    ride: Floats | None = None
    """`(m,)` minutes from the members' doors to the last of these laboratories. None: as the site's own tubes ride."""


@dataclass(frozen=True)
class Day:
    """Who comes where. Arrays over people `(n,)`, in any order."""

    site: Ints
    slot: Floats
    """Start of each person's slot; NaN: no slot, comes when it suits."""
    sites: Sites
    labs: Labs
    single: Flags | None = None
    """People whose swab has a tube of its own."""
    swabbed: Flags | None = None
    """People who were swabbed already. They stay in the dice, so that who is still to come throws the same ones."""
    begun: Begun | None = None
    party: Ints | None = None
    """Who comes with whom: the number of one of them (R30). None: everybody alone."""
    since: Floats | None = None
    """When a mobile team is there for each person; nobody comes out before. None: the site stays where it is."""
    doors: Doors | None = None
    positives: Positives | None = None
    """None: nobody is infected, no re-test is played."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Clocks of the preset that the day is measured against."""

    queue: float = 30.0
    """R23."""
    to_lab: float = 240.0
    """From the first swab in a tube to its hand-over at the laboratory."""
    on_machine: float = 360.0
    """From the first swab in a tube to the start of its run."""
    result: float = 720.0
    """From hand-over to result."""
    recheck: float = 60.0
    """R71: from a pool's result until every member is swabbed."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How people, hands and roads behave. Shown with every forecast."""

    service: float = 0.6
    """Mean minutes of one person in a lane (100 an hour: 0.6)."""
    service_cv: float = 0.5
    """Spread over mean of that; 0 makes it constant."""
    register: float = 0.25
    """Mean minutes at a registration desk, where there are desks."""
    slot_minutes: float = 30.0
    punctual_sd: float = 10.0
    early_birds: float = 0.05
    """Share who come at opening time whatever their slot."""
    bird_minutes: float = 60.0
    """Early birds come within so many minutes after opening."""
    no_show: float = 0.02
    free_hours: float = 6.0
    """People without a slot come evenly over so many hours from opening."""
    pool: int = 10
    tube_open: float = 60.0
    """A tube begun is sealed after so long even when not full."""
    ride_cv: float = 0.2
    last_call: float = 15.0
    """After the last swab a vehicle comes within so long."""
    partial_wait: float = 30.0
    """A plate that is not full starts when its oldest tube has waited so long."""
    review: float = 20.0
    """From the end of a run to the released result."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Between two minutes, work at some sites (None: all) takes `factor` times as long.

    A factor of infinity stops it: the network is out and registration needs the server.
    """

    start: float
    end: float
    factor: float
    sites: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """A vehicle or a laboratory that is out between two minutes."""

    index: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Short:
    """A site has so many tubes and no more before a minute."""

    site: int
    tubes: int
    until: float


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong."""

    slow: tuple[Slow, ...] = ()
    """Network out, rain, a broken generator."""
    vehicles: tuple[Gone, ...] = ()
    labs: tuple[Gone, ...] = ()
    short: tuple[Short, ...] = ()
    absent: float = 0.0
    """Share of lanes that lack their people, at random. A site that would have none keeps one, at half its pace."""
    absent_until: float = NEVER
    turnout: float = 1.0
    """People who come, over people expected: 2 is double."""
    positives: float = 1.0
    """People infected, over people expected to be."""
    patience: float = NEVER
    """Minutes after which somebody who still waits goes home unswabbed."""


@dataclass(frozen=True)
class Again:
    """Tubes that read positive and their re-tests. Arrays over pools `(q,)` by order of result, or their members."""

    pools: int
    """Tubes that read positive; those looked into are `len(tube)`."""
    infected: int
    """People with an infection who were swabbed."""
    confirmed: int
    """Of these, found: their tube and their single swabs read positive."""
    wells: int
    tube: Ints
    told: Floats
    """Result of the pool."""
    people: Ints
    called: Floats
    """A team is sent."""
    swabbed: Floats
    """The last member is swabbed."""
    handed: Floats
    result: Floats
    """Last single result."""
    took: Floats
    """Members: from the pool's result to their own."""
    on_bench: Floats
    """Members: from hand-over to result."""


@dataclass(frozen=True)
class Run:
    """One day played. Person arrays `(p,)` are grouped by site and ordered by arrival."""

    ptr: Ints
    """`(m + 1,)` where each site's people begin."""
    arrived: Floats
    wait: Floats
    """Until the swab begins, desks included."""
    lane: Ints
    """Serial of the lane within the site; where lanes are equally free the choice is free too. -1: gave up."""
    finish: Floats
    """`(m,)` last swab of each site; NaN where nobody came."""
    busy: Floats
    """`(m,)` minutes lanes worked."""
    tube_site: Ints
    tube_people: Ints
    first_swab: Floats
    sealed: Floats
    picked: Floats
    delivered: Floats
    loaded: Floats
    result: Floats
    expected: int
    """People on the list; those who came are `len(arrived)`."""
    gave_up: int | None = None
    """People who went home unswabbed; they are among those who came. None: nobody does."""
    again: Again | None = None
    """None: nobody was taken to be infected."""

    @property
    def site(self) -> Ints:
        """Of each person."""
        return np.repeat(np.arange(len(self.ptr) - 1), np.diff(self.ptr))


@dataclass(frozen=True)
class Table:
    """Queue by site and hour: arrays `(m, 24)`; NaN where nobody came."""

    people: Ints
    p50: Floats
    p95: Floats
    most: Floats


@dataclass(frozen=True)
class Forecast:
    """Many days: each figure by its 5th, 50th and 95th percentile over the runs."""

    runs: int
    figures: dict[str, tuple[float, float, float]]
    queue: Table
    """Means over the runs of each run's table (of `most`: the mean of the longest)."""
    finish: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    """`(m, 3)` finish of each site, same percentiles."""
    days: Mapping[str, Floats] = field(default_factory=dict)
    """Each figure day by day `(runs,)`: the same number is the same dice, so two forecasts can be compared by days."""


def validate(day: Day, habits: Habits, faults: Faults) -> None:
    """Raise `DayError` naming the field for a day without meaning."""
    n, sites, labs = len(day.site), day.sites, day.labs
    m, k = len(sites.lanes), len(labs.wells)
    if n == 0:
        raise DayError("nobody")
    if m == 0:
        raise DayError("no_sites")
    if k == 0:
        raise DayError("no_laboratory")
    _shapes(day)
    for name, index, top in (("site", day.site, m), ("sites.lab", sites.lab, k)):
        if ((index < 0) | (index >= top)).any():
            raise DayError("unknown_index", field=name)
    if (sites.lanes < 1).any():
        raise DayError("no_lanes", site=int((sites.lanes < 1).argmax()))
    if sites.desks is not None and (sites.desks < 1).any():
        raise DayError("no_desks", site=int((sites.desks < 1).argmax()))
    _numbers(day)
    if not 0 <= faults.absent <= 1 or not 0 < faults.turnout < 100:  # noqa: PLR2004
        raise DayError("bad_number", field="faults")
    if not faults.patience >= 0:
        raise DayError("bad_number", field="faults")
    if habits.service <= 0 or habits.pool < 1 or not 0 <= habits.no_show <= 1:
        raise DayError("bad_number", field="habits")


def _numbers(day: Day) -> None:
    sites, labs = day.sites, day.labs
    if np.isinf(day.slot).any():
        raise DayError("bad_number", field="slot")
    for holder, names in (
        (sites, ("opens", "ride", "first_pickup", "pickup_every")),
        (labs, ("wells", "instruments", "run", "opens", "receivers", "receive")),
    ):
        for name in names:
            values = getattr(holder, name)
            least = 1e-6 if name in _POSITIVE else 0
            if not (np.isfinite(values) & (values >= least)).all():
                raise DayError("bad_number", field=name)


_POSITIVE = ("pickup_every", "wells", "instruments", "run", "receivers")


def _shapes(day: Day) -> None:
    n, m, k = len(day.site), len(day.sites.lanes), len(day.labs.wells)
    people = ("site", "slot", "single", "swabbed", "party", "since")
    for holder, names, length in (
        (day, people, n),
        (day.sites, tuple(day.sites.__dataclass_fields__), m),
        (day.labs, tuple(day.labs.__dataclass_fields__), k),
    ):
        for name in names:
            array = getattr(holder, name)
            if array is not None and array.shape != (length,):
                raise DayError("bad_shape", field=name)
