"""The product's whole plan of a county or a city, judged: `yingjian bench plan --region NAME`.

One county (`yongning`, `mule`, `shushan`, `circles`) is one `make_plan`; a city (`city5m`, `chengdu3`,
`chengdu1`) first shares its laboratories among the districts (`engines.plan.city`), then each district
is planned and judged alone in one of two processes. Steps: problem (making up the county is apart),
siting with mobile teams, lanes and slots, laboratories, runs, home visits, kits, people, checker, and
the match of loads to laboratories (`engines.matching`) with its judge. `seconds` are processor seconds
by step, `wall` the clock. Memory is the sum of the resident sets of all processes, looked at twice a
second. The gap is (sum of costs - sum of bounds) / sum of costs, from the certificates the checker
recomputed. Rules are the preset's own; where a plan says a longer time than its clock (Yongning: 36 h)
that time is taken, and a district's finish time is that of its city. Populations of Chengdu's districts
are made up from numbers and kinds of villages; laboratories and staff are made up everywhere, with
enough room for the tubes at the share R80 allows.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from unittest import mock
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks import regions
from benchmarks.regions import Ground, Place
from yingjian.campaigns import presets
from yingjian.campaigns.presets import Preset
from yingjian.engines.matching import check as matching_check
from yingjian.engines.matching import model as matching
from yingjian.engines.matching.solve import solve as solve_matching
from yingjian.engines.plan import checker as plan_checker
from yingjian.engines.plan import crew as plan_crew
from yingjian.engines.plan import goods as plan_goods
from yingjian.engines.plan import make as planner
from yingjian.engines.plan import routes as plan_routes
from yingjian.engines.plan import transport as plan_transport
from yingjian.engines.plan.choice import EFFORT, Search
from yingjian.engines.plan.city import District, Sharing, busiest_day, share_laboratories
from yingjian.engines.plan.model import Lab, Plan, PlanProblem, Resources, Span, to_json
from yingjian.engines.plan.params import PlanParams
from yingjian.engines.siting import solve as siting
from yingjian.engines.siting.model import Params
from yingjian.planning import rules

Say = Callable[[str], None]
CHINA = ZoneInfo("Asia/Shanghai")
START = datetime(2022, 6, 2, 7, tzinfo=CHINA)
PROCESSES = 2
LABS = 4
"""Laboratories of a county, where there is work for so many."""
LAB_TUBES, LAB_LEAST, LAB_DAY = 30_000, 800, 1_500
"""Tubes a day of a large laboratory, of a small one, and the least a county has."""
SPARE = 1.25
"""Tubes of the busiest day over the even share: the first day is filled first."""


@dataclass(frozen=True)
class Region:
    """What is planned: rules, people, land, time."""

    name: str
    preset: str
    prefix: str
    people: int
    ground: Ground
    hours: float
    """The round's window; also its finish time where `finish` is set."""
    finish: bool = False
    districts: bool = False
    lab_days: int = 0
    """Days over which laboratories test; 0: the whole days of the window, the last hours are theirs."""
    made_up: int = 0
    """So many districts without a list of villages."""


REGIONS = {
    one.name: one
    for one in (
        Region("yongning", "yongning", "640121", 329_000, Ground(106.25, 38.28, 934), 36, finish=True),
        Region("mule", "mule", "450881101", 60_000, Ground(110.08, 23.39, 90), 48),
        Region(
            "shushan", "shushan", "330109003", 110_000, Ground(120.26, 30.17, 100), 168, lab_days=5
        ),
        Region("circles", "county2000", "331124", 205_000, Ground(119.48, 28.45, 1406), 24),
        Region(
            "city5m", "state-council", "9901", 5_000_000, Ground(104.0, 34.0, 12_000), 48,
            districts=True, made_up=15,
        ),
        Region(
            "chengdu3", "state-council", "5101", 20_900_000, Ground(104.07, 30.66, 14_335), 72,
            finish=True, districts=True,
        ),
        Region(
            "chengdu1", "state-council", "5101", 20_900_000, Ground(104.07, 30.66, 14_335), 24,
            finish=True, districts=True,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One county to plan: all that a process needs to make it."""

    region: Region
    code: str
    name: str
    places: list[Place]
    ground: Ground
    labs: list[Lab]
    seed: int
    effort: Params = EFFORT
    params: PlanParams = field(default_factory=PlanParams)

    @property
    def people(self) -> int:
        return sum(place.people for place in self.places)


# --- the question ---------------------------------------------------------------------------------


def preset_of(region: Region) -> Preset:
    """The region's preset; where its schedule says another time than its clock, with that time."""
    preset = presets.load(region.preset)
    if not region.finish:
        return preset
    stored = presets.snapshot(preset)
    finish = {**stored["rounds"]["finish"], "value": [{"up_to": None, "hours": region.hours}]}
    stored["rounds"]["finish"] = finish
    return presets.restore(stored)


def problem_of(part: Part) -> PlanProblem:
    """The product's planning problem of one county, its people made up."""
    region = part.region
    preset = preset_of(region)
    villages, blocks = regions.county(part.places, part.ground, part.seed)
    window = Span(START, START + timedelta(hours=region.hours))
    book = rules.rules_of(preset, population=part.people)
    return rules.problem_for(
        preset,
        rules.RoundFacts(f"bench-{part.code}", part.code, 1, 1, window),
        villages=villages,
        blocks=blocks,
        labs=part.labs,
        resources=Resources(),
        tz=CHINA,
        force=regions.force(part.code, villages, book, part.people, part.seed),
    )


def parts_of(
    region: Region, *, people: int, data: Path | None, seed: int = 1
) -> tuple[list[Part], Sharing | None]:
    """The counties of a region with their laboratories, the largest first."""
    by_county, names = _villages(region, data, people)
    whole = regions.peopled([v for own in by_county.values() for v in own], people, seed)
    places: dict[str, list[Place]] = {code: [] for code in by_county}
    for place in whole:
        places[_county(region, place.code)].append(place)
    grounds = _grounds(region, list(by_county))
    parts = [
        Part(region, code, names.get(code, code), places[code], grounds[code], [], seed)
        for code in by_county
    ]
    parts, sharing = _with_labs(region, parts)
    return sorted(parts, key=lambda part: (-part.people, part.code)), sharing


def _county(region: Region, code: str) -> str:
    return code[:6] if region.districts else region.prefix


def _villages(
    region: Region, data: Path | None, people: int
) -> tuple[dict[str, list[tuple[str, str]]], dict[str, str]]:
    if region.made_up:
        codes = [f"{region.prefix}{n:02d}" for n in range(1, region.made_up + 1)]
        return {c: regions.made_up(c, people=people // len(codes)) for c in codes}, {}
    if data is None:
        if region.districts:
            raise FileNotFoundError("--data DIR with the list of villages is needed")
        return {region.prefix: regions.made_up(region.prefix[:6], people=people)}, {}
    villages, names = regions.read(data, region.prefix)
    found: dict[str, list[tuple[str, str]]] = {}
    for code, name in villages:
        found.setdefault(_county(region, code), []).append((code, name))
    return found, names


def _grounds(region: Region, codes: Sequence[str]) -> dict[str, Ground]:
    """Districts side by side on a square; the first in the list in the middle and smaller."""
    if not region.districts:
        return dict.fromkeys(codes, region.ground)
    size = np.linspace(0.4, 1.6, len(codes))
    wide = math.sqrt(region.ground.km2 / math.pi)
    before = np.concatenate(([0.0], np.cumsum(size)[:-1])) / size.sum()
    east = regions.KM * math.cos(math.radians(region.ground.lat))
    found = {}
    for n, code in enumerate(codes):
        r, turn = wide * math.sqrt(before[n]), regions.TURN * n
        found[code] = Ground(
            region.ground.lon + r * math.cos(turn) / east,
            region.ground.lat + r * math.sin(turn) / regions.KM,
            region.ground.km2 * float(size[n] / size.sum()),
        )
    return found


def _with_labs(region: Region, parts: list[Part]) -> tuple[list[Part], Sharing | None]:
    """Laboratories made up with enough room; in a city shared out between the districts."""
    preset = preset_of(region)
    book = rules.rules_of(preset, population=sum(part.people for part in parts))
    pool = int(book.need("pool.default_size"))
    window = Span(START, START + timedelta(hours=region.hours))
    deadline = rules.deadline_of(preset, START, sum(part.people for part in parts))
    opened = len(rules.open_days(preset, window, deadline, CHINA))
    days = min(opened, region.lab_days or max(1, int(region.hours // 24)))
    most = book.number("laboratory.support_threshold") or 1.0
    need = {p.code: busiest_day(p.people, pool, days, reserve=SPARE - 1) for p in parts}
    labs = []
    for n, part in enumerate(parts):
        wanted = need[part.code] / most * 1.05
        if region.districts:  # uneven: some have less than they need, others more
            wanted *= (0.7, 1.0, 1.4)[n % 3]
        wanted = max(wanted, LAB_DAY)
        small = min(LABS, max(1, int(wanted // LAB_LEAST)))
        count = max(small, math.ceil(wanted / LAB_TUBES))
        area = part.code[:6]
        labs += regions.laboratories(area, part.ground, math.ceil(wanted), count, part.seed)
    if not region.districts:
        return [replace(part, labs=labs) for part in parts], None
    wholes = [
        District(p.code, (p.ground.lon, p.ground.lat), need[p.code]) for p in parts
    ]  # fmt: skip
    sharing = share_laboratories(wholes, labs, PlanParams(), most=most)
    return [replace(p, labs=sharing.given[p.code]) for p in parts], sharing


# --- one county -----------------------------------------------------------------------------------

STEPS: tuple[tuple[str, object, str], ...] = (
    ("survey", planner, "survey"),
    ("siting", planner, "choose"),
    ("of siting, the search", siting, "solve"),
    ("lanes and slots", planner, "_drafts"),
    ("laboratories", plan_transport, "allocate"),
    ("runs", plan_routes, "plan_runs"),
    ("home visits", planner, "_homes"),
    ("kits", plan_goods, "packed"),
    ("people", plan_crew, "crew_of"),
)


class Clock:
    """Processor and clock seconds by step, added up."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what is done inside."""
        begun, at = time.process_time(), time.monotonic()
        try:
            yield
        finally:
            self.used[name] += time.process_time() - begun  # type: ignore[assignment]
            self.wall[name] += time.monotonic() - at  # type: ignore[assignment]

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count the planner's own steps while it works."""
        with ExitStack() as stack:
            for step, owner, name in STEPS:
                counted = self._wrapped(step, getattr(owner, name))
                stack.enter_context(mock.patch.object(owner, name, counted))
            yield

    def _wrapped(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            with self.step(step):
                return work(*args, **named)

        return counted


def plan_part(part: Part) -> dict[str, Any]:
    """One county planned, judged and matched; the figures by name."""
    clock = Clock()
    begun = time.monotonic()
    with clock.step("made up"):
        problem = problem_of(part)
    with clock.step("plan"), clock.watching():
        plan = planner.make_plan(
            problem, part.params, seed=part.seed,
            search=Search(seed=part.seed, effort=part.effort),
        )  # fmt: skip
    with clock.step("checker"):
        findings = plan_checker.check(problem, plan)
    with clock.step("document"):
        size = len(to_json(plan))
    figures = _figures(part, problem, plan)
    figures["matching"] = _matched(problem, plan, clock, part.seed)
    found = Counter((f.level, f.code) for f in findings if f.level != "ok")
    figures["findings"] = {f"{level}:{code}": n for (level, code), n in sorted(found.items())}
    figures["errors"] = sum(n for (level, _), n in found.items() if level == "error")
    figures["warnings"] = sum(n for (level, _), n in found.items() if level == "warning")
    figures["rules_held"] = sum(f.level == "ok" for f in findings)
    return figures | {
        "document_mib": round(size / 2**20, 1),
        "seconds": {name: round(spent, 2) for name, spent in clock.used.items()},
        "wall": {name: round(spent, 2) for name, spent in clock.wall.items()},
        "used": round(sum(clock.used[name] for name in WHOLE), 2),
        "took": round(time.monotonic() - begun, 2),
    }


WHOLE = ("plan", "checker", "match", "match judge")
"""What a whole plan's time is made of; making up the county is not."""


def _figures(part: Part, problem: PlanProblem, plan: Plan) -> dict[str, Any]:
    totals, sited = plan.totals, plan.siting
    ends = plan.forecast
    return {
        "code": part.code, "name": part.name, "people": totals.people, "blocks": len(problem.blocks),
        "villages": totals.villages, "sites": totals.sites, "lanes": totals.lanes,
        "mobile_teams": totals.mobile_teams, "mobile_visits": totals.mobile_visits,
        "home_people": totals.home_people, "home_tours": totals.home_tours,
        "tubes": totals.tubes, "boxes": totals.boxes, "vehicles": totals.vehicles,
        "runs": totals.runs, "km": totals.km, "seats": totals.staff_total,
        "filled": len(plan.seats), "vacant": sum(job.wanted - job.filled for job in plan.crew.jobs)
        if plan.crew else None,
        "lab_shortage": totals.lab_shortage, "labs": len(problem.labs),
        "cost": sited.cost, "bound": sited.bound, "gap": sited.gap,
        "points": sited.points, "components": sited.components, "proven": sited.proven,
        "outside": sum(one.people for one in sited.outside),
        "oldest_minutes": max((run.oldest_minutes for run in plan.runs), default=0.0),
        "sampling_ends": ends.sampling_ends.isoformat(),
        "last_result": ends.last_result.isoformat() if ends.last_result else None,
        "deadline": ends.deadline.isoformat() if ends.deadline else None,
    }  # fmt: skip


def _matched(problem: PlanProblem, plan: Plan, clock: Clock, seed: int) -> dict[str, Any]:
    """The busiest day's calls matched to the laboratories anew, by runs of instruments, and judged."""
    tubes: Counter[date] = Counter()
    for run in plan.runs:
        tubes[run.leaves.date()] += run.tubes
    labs = [lab for lab in problem.labs if lab.lon is not None]
    if not tubes or not labs:
        return {}
    day = max(tubes, key=lambda at: (tubes[at], at))
    asked = _loads([run for run in plan.runs if run.leaves.date() == day], plan, labs)
    with clock.step("match"):
        found = solve_matching(asked, seed=seed)
    with clock.step("match judge"):
        faults = matching_check.check(asked, found)
    return {
        "loads": len(asked.loads.tubes), "runs": len(found.runs), "partial": found.partial,
        "late_tubes": sum(late.tubes for late in found.late), "gap": round(found.gap, 4),
        "faults": len(faults),
    }  # fmt: skip


def _loads(runs: Sequence[Any], plan: Plan, labs: Sequence[Lab]) -> matching.Problem:
    where = {site.code: (site.lon or 0.0, site.lat or 0.0) for site in plan.sites}
    midnight = runs[0].leaves.replace(hour=0, minute=0, second=0, microsecond=0)
    calls = [(stop, run) for run in runs for stop in run.stops if stop.tubes]

    def minute(at: datetime) -> int:
        return int((at - midnight) / timedelta(minutes=1))

    lon, lat = (np.array([where[stop.site][k] for stop, _ in calls]) for k in (0, 1))
    lab_lon, lab_lat = (np.array([getattr(lab, k) for lab in labs]) for k in ("lon", "lat"))
    narrow = math.cos(math.radians(float(lat.mean())))
    way = np.hypot((lon[:, None] - lab_lon) * narrow, lat[:, None] - lab_lat) * regions.KM
    ride = way * 1.3 / 40 * 60
    home = {lab.code: k for k, lab in enumerate(labs)}
    own = np.array([home.get(run.lab, 0) for _, run in calls])
    by_run = np.array([minute(run.arrives) - minute(stop.at) for stop, run in calls])
    ride = np.maximum(ride - ride[np.arange(len(own)), own][:, None] + by_run[:, None], 5)
    ready = np.array([minute(stop.at) for stop, _ in calls])
    return matching.Problem(
        loads=matching.Loads(
            tubes=np.array([stop.tubes for stop, _ in calls]),
            ready=ready,
            ride=np.rint(ride).astype(np.int64),
            oldest=np.maximum(0, ready - 120),
        ),
        labs=matching.Labs(
            instruments=np.array(
                [max(2, math.ceil(lab.tubes_per_day * 2.5 / 24 / 86)) for lab in labs]
            ),
            wells=np.full(len(labs), 94), run=np.full(len(labs), 150),
            opens=np.zeros(len(labs), np.int64), closes=np.full(len(labs), 3 * 1440), reserve=0.08,
        ),
        now=int(ready.min()),
        limit=360,
    )  # fmt: skip


# --- the whole region -----------------------------------------------------------------------------


class Memory:
    """The most that this process and all its children have held at once."""

    def __init__(self) -> None:
        self.most = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            own = [os.getpid(), *(p.pid for p in multiprocessing.active_children() if p.pid)]
            self.most = max(self.most, sum(_resident(pid) for pid in own))


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def once(
    region: Region, *, people: int, data: Path | None, seed: int, say: Say, keep: Path | None = None
) -> dict[str, Any]:  # fmt: skip
    """The region planned once: figures of every county and their sums. Each district is told of as soon as
    it is done, and added to `keep`, one line of JSON a district, so that a run cut short is not lost.
    """
    parts, sharing = parts_of(region, people=people, data=data, seed=seed)
    begun = time.monotonic()
    with Memory() as memory:
        if len(parts) == 1:
            found = [plan_part(parts[0])]
        else:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(PROCESSES, mp_context=context, max_tasks_per_child=1) as pool:
                running = [pool.submit(plan_part, part) for part in parts]
                for done, one in enumerate(as_completed(running), 1):
                    figures = one.result()
                    say(f"{done} of {len(parts)}: {_line(figures)}")
                    if keep is not None:
                        with keep.open("a", encoding="utf-8") as file:
                            file.write(
                                json.dumps({"seed": seed, **figures}, ensure_ascii=False) + "\n"
                            )
            found = [one.result() for one in running]
    return _summed(found, sharing) | {
        "seed": seed, "wall": round(time.monotonic() - begun, 1),
        "memory_mib": round(memory.most), "districts": found,
    }  # fmt: skip


def _summed(found: Sequence[Mapping[str, Any]], sharing: Sharing | None) -> dict[str, Any]:
    """Sums over the counties; the gap of the whole from sums of costs and bounds."""
    cost, bound = (sum(one[name] for one in found) for name in ("cost", "bound"))
    steps: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    for one in found:
        for name, spent in one["seconds"].items():
            steps[name] += spent
        findings.update(one["findings"])
    names = (
        "people", "blocks", "villages", "sites", "lanes", "mobile_teams", "mobile_visits", "tubes",
        "boxes", "vehicles", "runs", "seats", "vacant", "lab_shortage", "outside", "errors",
        "warnings", "rules_held",
    )  # fmt: skip
    whole = {name: sum(one[name] or 0 for one in found) for name in names}
    return whole | {
        "gap": round((cost - bound) / cost, 5) if cost else None,
        "seconds": {name: round(spent, 1) for name, spent in steps.items()},
        "used": round(sum(one["used"] for one in found), 1),
        "document_mib": round(sum(one["document_mib"] for one in found), 1),
        "findings": dict(sorted(findings.items())),
        "matching_late": sum(one["matching"].get("late_tubes", 0) for one in found),
        "matching_faults": sum(one["matching"].get("faults", 0) for one in found),
        "support": [] if sharing is None else [vars(one) for one in sharing.support],
        "short": {} if sharing is None else sharing.short,
    }


def run(
    name: str, *, sizes: Sequence[int], seeds: int, data: Path | None, say: Say,
    keep: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Every size and seed; with several sizes the growth exponent of processor time."""
    region = REGIONS[name]
    warm()
    runs = []
    for people in sizes or [region.people]:
        for seed in range(1, seeds + 1):
            figures = once(region, people=people, data=data, seed=seed, say=say, keep=keep)
            say(_line({"name": f"{name}, seed {seed}", "took": figures["wall"], **figures}))
            for step, spent in figures["seconds"].items():
                say(f"    {step}: {spent} s")
            say(f"    findings: {figures['findings']}")
            runs.append(figures)
    clean = not any(one["errors"] or one["matching_faults"] for one in runs)
    found: dict[str, Any] = {"region": name, "clean": clean, "runs": runs}
    exponent = growth([(one["people"], one["used"]) for one in runs])
    if exponent is not None:
        found["growth_exponent"] = exponent
        say(f"growth exponent of processor time: {exponent}")
    return found


def warm() -> None:
    """Compile first: machine code is kept beside the source."""
    region = replace(REGIONS["yongning"], people=2_000)
    parts, _ = parts_of(region, people=2_000, data=None)
    plan_part(parts[0])


def growth(measured: Sequence[tuple[int, float]]) -> float | None:
    """Slope of log time over log people by least squares; None for one size."""
    if len({people for people, _ in measured}) < 2:  # noqa: PLR2004
        return None
    x, y = (np.log([max(pair[k], 1e-9) for pair in measured]) for k in (0, 1))
    return round(float(np.polyfit(x, y, 1)[0]), 3)


def _line(f: Mapping[str, Any]) -> str:
    gap = "-" if f["gap"] is None else f"{f['gap']:.2%}"
    return (
        f"{f['name']}: {f['people']} people, {f['sites']} sites, {f['lanes']} lanes, {f['mobile_teams']}"
        f" mobile teams, {f['vehicles']} vehicles, gap {gap}, used {f['used']} s, took {f['took']} s,"
        f" {f['document_mib']} MiB of plan, {f['errors']} errors, {f['warnings']} warnings"
        + (f", memory {f['memory_mib']} MiB" if "memory_mib" in f else "")
    )
