"""A whole replay, from an empty system to a closed round and its report."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from drill import forecast, office, score, server, synth
from drill.bench import Bench
from drill.client import Ids, Link, Traffic
from drill.day import Day
from drill.evening import Evening
from drill.field import Field
from drill.response import Response
from drill.road import Road
from drill.scenario import Scenario
from drill.server import Say, System
from drill.world import World

REGIONS: Final = Path(__file__).resolve().parents[1] / "data" / "regions"
SWEEP: Final = timedelta(minutes=30)
AFTER: Final = timedelta(minutes=20)
XLSX_MOST: Final = (
    20_000  # larger rosters are handed in as csv: a workbook of that size takes minutes to write
)
REPORTS: Final = (("work", "工作汇报.docx"), ("work-tables", "工作汇报表.xlsx"))


@dataclass
class Outcome:
    """What a replay left: the judgement, where the files lie, what it took."""

    world: World
    score: score.Score
    files: list[Path] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    ended: datetime | None = None


class Watch:
    """Real seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = self._since = time.monotonic()

    def mark(self, phase: str) -> float:
        now = time.monotonic()
        self.seconds[phase] = round(now - self._since, 2)
        self._since = now
        return self.seconds[phase]

    def total(self) -> float:
        return round(time.monotonic() - self._began, 1)


def villages(scenario: Scenario) -> list[synth.Village]:
    """The villages of the scenario's area, with the town they lie in."""
    with (REGIONS / scenario.place.regions).open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    name = {row["code"]: row["name"] for row in rows}
    found = []
    for row in rows:
        if row["level"] != "village" or not row["code"].startswith(scenario.place.area):
            continue
        town = row["parent_code"]
        county = f"{town[:6]}000000"
        urban = "居委会" in row["name"] or "社区" in row["name"]
        found.append(
            synth.Village(row["code"], row["name"], f"{name.get(county, '')}{name[town]}", urban)
        )
    return found


def play(system: System, scenario: Scenario, say: Say) -> Outcome:
    """Replay `scenario` on a fresh, running `system`. Raises `DrillError` where it cannot go on."""
    watch = Watch()
    world = World(
        scenario=scenario,
        link=Link(system.url, Traffic()),
        ids=Ids(scenario.seed),
        rng=random.Random(scenario.seed),
        say=say,
    )
    founded(system, world, watch)
    planned(world, watch)
    forecast.ask(world)
    say(f"forecast  {forecast.in_short(world)} in {watch.mark('forecast')} s")
    day = Day(told=_clock(world))
    field_, bench, response = actors(world, day)
    watch.mark("devices and codes")
    _run(world, day, field_, bench)
    watch.mark("day")
    ended = _end(world, bench, field_, response)
    watch.mark("close")
    outcome = Outcome(world, score.judge(world, ended + AFTER), ended=ended)
    watch.mark("judgement")
    outcome.files = reports(world, system.var, ended + AFTER)
    watch.mark("reports")
    outcome.seconds = {**watch.seconds, "all": watch.total()}
    return outcome


def founded(system: System, world: World, watch: Watch) -> None:
    """Regions, accounts, roster."""
    given, say = world.scenario, world.say
    password = server.password()
    area = given.place.area
    system.yingjian(
        "account", office.ADMINISTRATOR, "--role", "administrator", "--area", area[: office.PROVINCE],
        told=f"{password}\n",
    )  # fmt: skip
    system.yingjian("regions", "import", str(REGIONS / given.place.regions))
    office.administrator(world, password, given.times.roster)
    office.accounts(world, given.times.roster)
    say(f"accounts  {len(world.accounts)} in {watch.mark('accounts')} s")
    places = villages(given)
    world.notes["village_names"] = {place.code: place.name for place in places}
    roster = office.people(world, places)
    suffix = "xlsx" if len(roster) <= XLSX_MOST else "csv"
    taken = office.upload_roster(world, roster, system.var / f"花名册.{suffix}", given.times.roster)
    world.notes["roster"] = taken
    say(
        f"roster    {taken['rows_taken']:,} people of {len(places)} villages read in {taken['seconds']} s"
    )
    watch.mark("roster")


def planned(world: World, watch: Watch) -> None:
    """Round, due list, people, plan, goods, activation."""
    given, say = world.scenario, world.say
    office.round_drafted(world)
    say(f"due list  {world.notes['due_total']:,} people, frozen {score.local(given.times.freeze)}")
    office.laboratories(world, given.times.freeze)
    office.staff(world)
    office.plan(world)
    totals = world.plan["totals"]
    say(
        f"plan      {totals['sites']} sites, {totals['lanes']} lanes, {totals['tubes']:,} tubes, "
        f"{totals['runs']} runs, {len(world.labs)} laboratories"
    )
    office.preparation(world)
    office.vehicles(world, given.times.approve)
    office.activate(world)
    office.posts(world)
    office.goods_in(world)
    watch.mark("plan")


def actors(world: World, day: Day) -> tuple[Field, Bench, Response]:
    given = world.scenario
    office.codes(world, given.times.ready)
    _seed(world)
    field_ = Field(world)
    devices = field_.enrol(given.times.ready)
    field_.prepare()
    world.say(
        f"devices   {devices} enrolled, {sum(len(s.guests) for s in world.sites.values()):,} codes"
    )
    bench = Bench(world, day)
    return field_, bench, Response(world, bench, day)


def _seed(world: World) -> None:
    """Decide in secret who is positive: some in single tubes, the others in as many pools."""
    wanted = world.scenario.seeded
    guests = [guest for site in world.sites.values() for guest in site.guests]
    single = sorted(guest.person_id for guest in guests if guest.mode == "single")
    by_site = [
        sorted(guest.person_id for guest in site.guests if guest.mode == "pool" and not guest.home)
        for site in sorted(world.sites.values(), key=lambda site: site.code)
    ]
    alone = world.rng.sample(single, min(wanted.single, len(single), wanted.positives))
    pools = wanted.positives - len(alone) + wanted.grey
    spread = [people for people in by_site if people]
    chosen: list[str] = []
    for number in range(pools):
        people = [p for p in spread[number * 7 % len(spread)] if p not in chosen]
        chosen.append(world.rng.choice(people))
    world.grey = set(chosen[: wanted.grey])
    world.positive = {*alone, *chosen[wanted.grey :]}


def _run(world: World, day: Day, field_: Field, bench: Bench) -> None:
    """Let the day happen."""
    road = Road(world, field_, bench, day)
    evening = Evening(world, field_, road, day)
    field_.schedule(day)
    road.schedule()
    evening.schedule()
    admin = world.user("administrator")

    def sweep(at: datetime) -> None:
        """Mark late clocks, for as long as anything else is still to happen."""
        _sweep(admin, at)
        if day.waiting:
            day.plan(at + SWEEP, "sweep", sweep)

    day.plan(world.scenario.times.opens + SWEEP, "sweep", sweep)
    day.run()


def _sweep(admin: Any, at: datetime) -> None:
    admin.post("/clocks/sweep", at=at)


def _end(world: World, bench: Bench, field_: Field, response: Response) -> datetime:
    """Through testing and reconciling to the close, when the last result is out."""
    planner, commander = world.user("round_planner"), world.user("commander")
    given = world.scenario.times
    last = bench.last_release or given.closes
    world.settle(last)
    planner.command("round.advance", at=last, round_id=world.round_id, to="testing")
    planner.command("round.advance", at=last, round_id=world.round_id, to="reconciling")
    closed = max(last + AFTER, given.close or last + AFTER)
    world.settle(closed)
    commander.command("round.close", at=closed, round_id=world.round_id)
    world.settle(closed)
    _sweep(world.user("administrator"), closed)
    return closed


def reports(world: World, into: Path, at: datetime) -> list[Path]:
    """Have the work report written, and fetch it."""
    boss, files = world.user("round_planner"), []
    for form, name in REPORTS:
        report_id = world.ids.new(at)
        boss.post(
            f"/rounds/{world.round_id}/reports", at=at, json={"report_id": report_id, "form": form}
        )
        path = into / f"{world.scenario.round_name}{name}"
        path.write_bytes(boss.download(f"/reports/{report_id}/file", at=at))
        files.append(path)
    return files


def _clock(world: World) -> Any:
    """Tell the virtual time, now and then."""
    shown: dict[str, Any] = {}
    step = timedelta(hours=1)

    def told(at: datetime, events: int) -> None:
        sent = world.traffic.commands
        done = (sent["tube.record"], sent["box.receive"], sent["result.release"])
        if done == shown.get("done") or at < shown.get("next", at):
            return
        shown["done"], shown["next"] = done, at + step
        world.say(
            f"{score.local(at)}  {done[0]:>6,} tubes handed in, {done[1]:>5,} boxes received, "
            f"{done[2]:>4,} releases, {events:>6,} events"
        )

    return told


def sizes(outcome: Outcome) -> Sequence[tuple[str, Any]]:
    """What the replay took: requests, commands, seconds."""
    traffic = outcome.world.traffic
    return [
        ("requests", sum(traffic.requests.values())),
        ("commands", sum(traffic.commands.values())),
        ("retries", traffic.retries),
    ]
