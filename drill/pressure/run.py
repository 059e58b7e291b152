"""The pressure test from beginning to end: a system of its own, steps of load, what was kept, the verdict."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from drill import ground, memory, processor, server
from drill.field import Field
from drill.pressure import load, verdict
from drill.pressure.actors import Actors, TooFew
from drill.pressure.shooter import Shooter
from drill.pressure.verdict import Kept, Step
from drill.world import World

GRACE: Final = 30.0
"""Seconds after a step in which what is open may still be answered."""
PAUSE: Final = 3.0
"""Seconds between two steps."""
TOLD_EVERY: Final = 10.0
MEMORY_EVERY: Final = 2.0
RAMP_MOST: Final = 64.0
ROOM: Final = 0.7
"""Of the people on the list so many can be registered: some are visited at home or not there, lanes are uneven."""
AT_COMMAND: Final = 10
"""Screens at the command."""
FIGURES: Final = {"samples": "register_rows", "tubes": "tubes", "results": "tubes_resulted"}
Progress = Callable[[str, Mapping[str, Any]], None]
"""Hears where the test is: a key of the words' `progress` and what it says."""


@dataclass(frozen=True)
class Options:
    """What is asked. `given`: numbers of the load by name, None where the plan or the assumption holds."""

    command: Sequence[str]
    environment: Mapping[str, str]
    var: Path
    scenario: str = "yongning"
    given: Mapping[str, float | None] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    steps: Sequence[float] = (0.5, 1.0, 2.0)
    minutes: float = 3.0
    ramp: bool = False
    workers: int = 1
    threads: int = 8
    seed: int = 1
    verify: bool = True


@dataclass
class Outcome:
    """What was found. `machine`: what it ran on; `began`, `ended`: of the steps, wall clock."""

    place: str
    preset: str
    values: list[load.Value]
    rates: dict[str, float]
    steps: list[Step]
    kept: list[Kept]
    verified: bool | None
    machine: dict[str, Any]
    began: datetime
    ended: datetime
    ramp: bool
    out_of_people: bool = False

    @property
    def passes(self) -> bool:
        return verdict.passes(self.steps, self.kept, self.verified)

    def document(self) -> dict[str, Any]:
        """Everything as JSON."""
        room = verdict.head_room(self.steps)
        kinds = {kind: verdict.head_room(self.steps, kind) for kind in self.rates}
        return {
            "passes": self.passes, "place": self.place, "preset": self.preset,
            "load": {
                value.name: {"value": value.value, "source": value.source, "origin": value.origin}
                for value in self.values
            },
            "rates_per_s": {kind: round(rate, 4) for kind, rate in self.rates.items()},
            "steps": [verdict.document(step) for step in self.steps],
            "head_room": {
                "keeps_up_to": room.keeps, "breaks_at": room.breaks, "kinds": list(room.kinds),
                "by_kind": {k: {"keeps_up_to": r.keeps, "breaks_at": r.breaks} for k, r in kinds.items()},
                "out_of_people": self.out_of_people,
            },
            "kept": {
                one.what: {"confirmed": one.confirmed, "stored": one.stored, "open": one.open, "holds": one.holds}
                for one in self.kept
            },
            "verify_clean": self.verified, "machine": self.machine,
            "began": self.began.isoformat(), "ended": self.ended.isoformat(),
        }  # fmt: skip


def run(options: Options, say: Progress) -> Outcome:
    """Test on a fresh system, which ends with the test. Raises `TooFew`, `DrillError`, `load.LoadError`."""
    people = int(options.given.get("people") or load.DEFAULTS["people"])
    first = load.stated(
        options.given, {}
    )  # before anything is started: what is given must mean something
    _fits(first, options, people)
    system = server.fresh(options.command, options.environment, options.var, lambda _: None)
    try:
        say("starting", {"people": f"{people:,}"})
        system.start(workers=options.workers, threads=options.threads)
        quiet: Callable[[str], None] = lambda _: None  # noqa: E731 - the drill's own lines are not the test's
        world, tables = ground.county(system, people, quiet, name=options.scenario)
        return tested(system, world, tables, options, say)
    finally:
        system.stop()


def tested(
    system: server.System, world: World, tables: Field, options: Options, say: Progress
) -> Outcome:
    """Test a county that is ready to sample, on a running system."""
    values = load.stated(options.given, _preset(world), {**load.DEFAULTS, "desks": _desks(world)})
    people = sum(len(tube) for table in tables.tables.values() for _, tube in table.tubes)
    multiples = _fits(values, options, people)
    seconds = 60 * options.minutes
    say("staging", {"sites": len(world.sites), "lanes": len(tables.tables)})
    boxes = load.boxes_of(values, multiples, seconds)
    actors = Actors(world, tables, values, boxes=boxes, seed=options.seed)
    machine = _machine(options)
    began, steps, out = datetime.now(UTC), list[Step](), False
    for number, multiple in enumerate(multiples):
        try:
            steps.append(_step(system, actors, multiple, options=options, say=say))
        except TooFew:
            if not options.ramp or multiple <= max(options.steps):
                raise
            out = True
            break
        if multiple >= max(options.steps) and not steps[-1].keeps_up:
            break
        if number < len(multiples) - 1:
            time.sleep(PAUSE)
    out = out or (options.ramp and len(steps) == len(multiples) and steps[-1].keeps_up)
    ended = datetime.now(UTC)
    say("checking", {})
    kept = _kept(world, actors)
    verified = _verified(system) if options.verify else None
    return Outcome(
        world.scenario.campaign, world.scenario.preset, values, load.rates(values), steps, kept, verified,
        machine, began, ended, options.ramp, out,
    )  # fmt: skip


def multiples_of(
    values: Sequence[load.Value], options: Options, people: int
) -> tuple[list[float], float]:
    """(the steps, with a ramp doubled as far as the people on the list last; people the asked ones need)."""
    seconds = 60 * options.minutes
    size = {value.name: value.value for value in values}

    def needed(steps: Sequence[float]) -> float:
        staged = load.boxes_of(values, steps, seconds) * size["box_tubes"] * size["pool"]
        return staged + sum(load.people_of(values, each, seconds) for each in steps)

    steps = sorted(set(options.steps))
    asked = needed(steps)
    while options.ramp and steps[-1] < RAMP_MOST:
        if needed([*steps, 2 * steps[-1]]) > ROOM * people:
            break
        steps.append(2 * steps[-1])
    return steps, asked


def _fits(values: Sequence[load.Value], options: Options, people: int) -> list[float]:
    steps, asked = multiples_of(values, options, people)
    if asked > ROOM * people:
        raise TooFew(f"{asked:.0f} > {ROOM} × {people}")
    return steps


def _desks(world: World) -> float:
    """Screens open in the county: one at each site and town, ten at the command."""
    towns = {site.area[:9] for site in world.sites.values()}
    return len(world.sites) + len(towns) + AT_COMMAND


def _preset(world: World) -> dict[str, tuple[float, str]]:
    """The plan's own numbers, where it has them."""
    found = {}
    for path in load.FROM_PRESET.values():
        line = world.preset.get(path, {})
        if isinstance(line.get("value"), int | float):
            found[path] = (float(line["value"]), str(line.get("origin", "")))
    return found


def _step(
    system: server.System, actors: Actors, multiple: float, *, options: Options, say: Progress
) -> Step:
    """One step of the load, measured."""
    seconds = 60 * options.minutes
    shots = actors.shots(multiple, seconds)
    shooter = Shooter(system.url)
    watch = memory.Watch(system, time.monotonic(), every=MEMORY_EVERY)
    watch.samples.append(memory.sample(system, 0.0))
    watcher = threading.Thread(target=watch.run)
    before, own = processor.seconds(system), time.process_time()
    watcher.start()
    next_told = [TOLD_EVERY]

    def told(now: float) -> None:
        if now >= next_told[0]:
            next_told[0] = now + TOLD_EVERY
            system.check()
            done, turned, wrong = shooter.states()
            say("running", {
                "multiple": f"{multiple:g}", "now": f"{min(now, seconds):.0f}", "seconds": f"{seconds:.0f}",
                "done": f"{done:,}", "all": f"{len(shots):,}", "turned": turned, "wrong": wrong,
            })  # fmt: skip

    try:
        took = shooter.fire(shots, seconds=seconds, grace=GRACE, told=told)
    finally:
        watch.over.set()
        watcher.join()
    spent = {name: (now - before[name]) / took for name, now in processor.seconds(system).items()}
    spent["test"] = (time.process_time() - own) / took
    limits = {**verdict.LIMITS, **options.limits}
    found = [
        verdict.figures(kind, shooter.tallies[kind], limits[kind])
        for kind in load.KINDS
        if kind in shooter.tallies
    ]
    most = {
        name: max(sample.own[name] for sample in watch.samples) for name in watch.samples[0].own
    }
    most["shared"] = max(sample.shared for sample in watch.samples)
    step = Step(multiple, took, tuple(found), most, spent, verdict.percentile(shooter.lags, 0.99))
    say(
        "step_ok" if step.keeps_up else "step_bad",
        {"multiple": f"{multiple:g}", "all": f"{len(shots):,}"},
    )
    return step


def _kept(world: World, actors: Actors) -> list[Kept]:
    """What the system holds of the round, by its own figures, beside what was confirmed."""
    at = actors.at + timedelta(hours=1)
    boss = world.user("round_planner")
    rows = boss.get(f"/rounds/{world.round_id}/figures", at=at)["items"]
    held = {row["key"]: int(row["value"] or 0) for row in rows if row["key"] in FIGURES.values()}
    sure, sent = actors.confirmed.stored, actors.confirmed.sent
    return [
        Kept(what, sure[what], held[figure], max(0, sent[what] - sure[what]))
        for what, figure in FIGURES.items()
    ]


def _verified(system: server.System) -> bool:
    """`yingjian verify`: do the records follow from the journal?"""
    return system.yingjian("verify", check=False).returncode == 0


def _machine(options: Options) -> dict[str, Any]:
    """What the test ran on; `load` is what the machine was doing already."""
    total = next(
        int(line.split()[1])
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    return {
        "cores": os.cpu_count(), "memory_gib": round(total / 1024**2, 1), "system": platform.system(),
        "python": platform.python_version(), "workers": options.workers, "threads": options.threads,
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
