"""Synthetic problems for the planner's tests: places and households, no names, no identities."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from yingjian.engines.plan.choice import EFFORT, Search
from yingjian.engines.plan.model import (
    Block,
    Lab,
    Limit,
    PlanProblem,
    Resources,
    Rules,
    Span,
    Village,
)

CHINA = timezone(timedelta(hours=8))
START = datetime(2021, 1, 16, 7, tzinfo=CHINA)
UTC_START = START.astimezone(UTC)


QUICK = Search(
    effort=replace(
        EFFORT, exact_points=0, dual_rounds=60, steps_per_point=3, least_steps=30, count_rounds=20
    )
)
"""For tests that ask what a plan holds, not how good it is."""


def limit(value: object, low: float | None = None, high: float | None = None) -> Limit:
    low, high = (None if n is None else float(n) for n in (low, high))
    return Limit(value=value, low=low, high=high, unit="x", origin="S4/YN R16")  # type: ignore[arg-type]


BASE: dict[str, Limit] = {
    "sites.people_per_site": limit(1500, 1000, 1500),
    "sites.people_per_lane": limit(500, 300, 500),
    "sites.merge_small_villages": limit(value=True),
    "sites.queue_limit": limit(30),
    "sites.walking_circle": limit(15),
    "sites.lane_per_hour": limit(100),
    "sites.lane_day": limit(720),
    "pool.default_size": limit(10),
    "staffing.lane.sampler": limit(2),
    "staffing.lane.registrar": limit(1),
    "staffing.site.site_lead": limit(1),
    "staffing.site.disinfector": limit(3, 3, 5),
    "staffing.teams_per_lane": limit(1),
    "staffing.shift": limit(240),
    "staffing.shift_pattern": limit("ABA"),
    "staffing.rotation": limit(240, 120, 240),
    "staffing.recheck_teams_town": limit(2),
    "staffing.recheck_teams_village": limit(1),
    "staffing.recheck_team.sampler": limit(1),
    "staffing.recheck_team.vehicle_driver": limit(1),
    "transport.box_tubes": limit(50),
    "laboratory.allocation": limit("by_capacity"),
    "laboratory.support_threshold": limit(0.7),
    "kits.site.cordon": limit(1),
    "kits.lane.tent": limit(1),
    "ppe.sampler.n95": limit(1),
    "ppe.sampler.gloves": limit(2),
    "supplies.reserve_share": limit(0.2),
    "clocks.pick_up": limit(120),
    "clocks.deliver": limit(240),
    "clocks.uncooled": limit(240),
    "rounds.finish": limit(1440),
    "scope.general_rank": limit(2),
}


def rules(**changes: object) -> Rules:
    """The base rules; a keyword `sites__people_per_site=2000` changes one, None takes it away."""
    found = dict(BASE)
    for name, value in changes.items():
        path = name.replace("__", ".")
        if value is None:
            found.pop(path, None)
        else:
            found[path] = value if isinstance(value, Limit) else limit(value)
    return Rules(found)


def county(
    people: int,
    villages: int,
    *,
    seed: int = 1,
    places: bool = True,
    home: float = 0.02,
    single: float = 0.004,
    key: float = 0.02,
    area: str = "640121",
    towns: int = 1,
) -> tuple[list[Village], list[Block]]:
    """Villages of uneven size over a plain, households of 1–6 around each."""
    rng = random.Random(seed)
    weight = [rng.lognormvariate(0, 0.6) for _ in range(villages)]
    spots = [(106.2 + rng.random() * 0.4, 38.2 + rng.random() * 0.3) for _ in range(villages)]
    found: list[Village] = []
    for n in range(villages):
        code = f"{area}{100 + n % towns:03d}{200 + n // towns:03d}"
        lon, lat = spots[n] if places else (None, None)
        found.append(Village(code, f"村{n + 1}", lon, lat))
    chosen = rng.choices(range(villages), weights=weight, k=people)
    blocks: list[Block] = []
    left = people
    while left > 0:
        size = min(left, rng.choice([1, 2, 2, 3, 3, 3, 4, 4, 5, 6]))
        n = chosen[len(blocks)]
        own = [0, 0, 0, 0]
        rank = 2
        for _ in range(size):
            draw = rng.random()
            at_home, alone = draw < home, rng.random() < single
            own[2 * at_home + alone] += 1
            if rng.random() < key or alone:
                rank = 1
        lon = spots[n][0] + rng.gauss(0, 0.003) if places else None
        lat = spots[n][1] + rng.gauss(0, 0.002) if places else None
        blocks.append(
            Block(
                key=f"h{rng.getrandbits(128):032x}",
                area=found[n].area,
                rank=rank,
                pool=own[0],
                single=own[1],
                home_pool=own[2],
                home_single=own[3],
                lon=lon,
                lat=lat,
            )
        )
        left -= size
    return found, sorted(blocks, key=lambda b: b.key)


LABS = [
    Lab("L1", "县医院", 20_000, "640121", 106.25, 38.28),
    Lab("L2", "市疾控中心", 30_000, "640100", 106.23, 38.48),
]


def problem(
    villages: list[Village],
    blocks: list[Block],
    *,
    book: Rules | None = None,
    labs: list[Lab] | None = None,
    hours: float = 12,
    days: int = 1,
    resources: Resources | None = None,
) -> PlanProblem:
    """A one-round problem opening at 07:00 for `hours` on each of `days`."""
    spans = [
        Span(START + timedelta(days=d), START + timedelta(days=d, hours=hours)) for d in range(days)
    ]
    return PlanProblem(
        round_id="0190-test",
        area="640121",
        preset="test@1",
        campaign_no=2,
        round_no=1,
        window=Span(START, START + timedelta(days=days)),
        deadline=START + timedelta(days=days),
        days=spans,
        rules=book or rules(),
        villages=villages,
        blocks=blocks,
        labs=LABS if labs is None else labs,
        resources=resources or Resources(),
    )


def small() -> PlanProblem:
    """A town of 5,000 in six villages: small enough to check by eye, big enough for every rule."""
    return problem(*county(5_000, 6))


def hamlet(people: int = 60) -> PlanProblem:
    """A village, and a hamlet too small for a site on both sides of the meridian 106.2, 140 m apart."""
    area = "640121100299"
    villages, blocks = county(900, 1, home=0.0)
    more = [
        msgspec.structs.replace(
            block, key=f"h{n:032x}", area=area, lon=106.2 + (0.0008 if n % 2 else -0.0008),
            lat=38.05 + 0.0001 * n,
        )
        for n, block in enumerate(blocks[: people // 3])
    ]  # fmt: skip
    return problem([*villages, Village(area, "河湾", 106.2, 38.05)], [*blocks, *more])
