"""Days the twin is measured on: a city in proportion, Yilaha's as its report tells it, Chengdu's offered load.

Numbers of a source are marked; the others are stated assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from yingjian.engines.asking import Floats
from yingjian.engines.day.model import Day, Faults, Habits, Labs, Sites, Slow
from yingjian.engines.day.twin import simulate

PER_SITE, PER_SLOT, LANES = 1400, 170, 4
"""170 people in half an hour at four lanes of 100 an hour: 85 % load."""


def city(people: int) -> Day:
    """Sites of 1,400 people with four lanes at about 85 % load, one laboratory per 300 sites."""
    m = max(1, people // PER_SITE)
    rng = np.random.default_rng(people)
    labs = max(1, m // 300)
    sites = Sites(
        lanes=np.full(m, LANES), opens=np.full(m, 420.0), lab=np.arange(m) % labs,
        ride=rng.uniform(20, 80, m), first_pickup=rng.uniform(480, 600, m),
        pickup_every=np.full(m, 120.0), vehicle=np.arange(m) // 8,
    )  # fmt: skip
    per = np.ones(labs)
    benches = Labs(
        wells=np.full(labs, 94), instruments=np.full(labs, 48), run=120 * per, opens=420 * per,
        receivers=np.full(labs, 12), receive=0.5 * per,
    )  # fmt: skip
    site = np.repeat(np.arange(m), PER_SITE)
    slot = (420.0 + 30.0 * (np.arange(m * PER_SITE) % PER_SITE // PER_SLOT)).astype(np.float64)
    return Day(site=site, slot=slot, sites=sites, labs=benches)


YILAHA, YILAHA_SITES, SAMPLERS = 7409, 15, 30
"""People, sites and samplers of the work report of 16 January 2021 (S4/YL)."""
OPENS, CLOSES, GATHERED, DRIVE = 420.0, 900.0, 1005.0, 50.0
"""07:00 and 15:00 are the report's; one load leaves at 16:45 and drives 50 min (assumed, as in the drill)."""


def yilaha() -> tuple[Day, Habits]:
    """No appointments: people come evenly over the announced hours; all is counted before it goes."""
    m = YILAHA_SITES
    sites = Sites(
        lanes=np.full(m, SAMPLERS // m), opens=np.full(m, OPENS), lab=np.zeros(m, np.int64),
        ride=np.full(m, DRIVE), first_pickup=np.full(m, GATHERED), pickup_every=np.full(m, 600.0),
        vehicle=np.zeros(m, np.int64),
    )  # fmt: skip
    one = np.ones(1)
    labs = Labs(
        wells=np.array([94]), instruments=np.array([4]), run=270 * one, opens=420 * one,
        receivers=np.array([4]), receive=0.25 * one,
    )  # fmt: skip
    day = Day(site=np.arange(YILAHA) % m, slot=np.full(YILAHA, np.nan), sites=sites, labs=labs)
    habits = Habits(
        free_hours=(CLOSES - OPENS) / 60, no_show=0.0, early_birds=0.0, punctual_sd=0.0,
        tube_open=600.0, last_call=GATHERED - OPENS, ride_cv=0.1,
    )  # fmt: skip
    return day, habits


SCAN = (4.0, 5.0)
"""Minutes a scan took while it waited for the server, Chengdu, 2 September 2022 (handbook, real failures)."""
STALLS = 1050.0
"""17:30, when it began there."""
MIDNIGHT = 1440.0


@dataclass(frozen=True, slots=True)
class Offered:
    """A way of scanning under the same people and lanes. `load`: work offered over what the lanes can do;
    `lanes_needed`: of a site for that work, while there are two.
    """

    minutes: float
    load: float
    last_swab: float
    wait_mean: float
    wait_p95: float
    over_30: float
    by_midnight: float
    lanes_needed: float


def chengdu(people: int, scan: float, *, stalls: float = 0.0, seed: int = 0) -> Offered:
    """Sites of 1,400 people in twelve hours of slots from 08:00, two lanes of 100 an hour (assumed); from `stalls`
    on each person takes `scan` minutes more.
    """
    given = city(people)
    slot = (480.0 + 30.0 * (np.arange(len(given.site)) % PER_SITE * 24 // PER_SITE)).astype(float)
    lanes = np.full(len(given.sites.lanes), 2)
    sites = replace(given.sites, lanes=lanes, opens=np.full(len(lanes), 480.0))
    habits = Habits(no_show=0.0)
    factor = (habits.service + scan) / habits.service
    faults = Faults(slow=(Slow(stalls, np.inf, factor),) if scan else ())
    run = simulate(
        Day(site=given.site, slot=slot, sites=sites, labs=given.labs), habits, faults, seed=seed
    )
    swabbed: Floats = run.arrived + run.wait
    minutes = habits.service + scan
    return Offered(
        minutes=minutes, load=minutes * PER_SITE / 720 / 2, last_swab=float(np.nanmax(run.finish)),
        wait_mean=float(run.wait.mean()), wait_p95=float(np.quantile(run.wait, 0.95)),
        over_30=float((run.wait > 30).mean()), by_midnight=float((swabbed < MIDNIGHT).mean()),  # noqa: PLR2004
        lanes_needed=minutes * PER_SITE / 720,
    )  # fmt: skip
