"""The field: stations with their devices, tubes, boxes, shift close; who is not there.

A station works offline at heart: it keeps what happened with the time it happened and hands it in
at each sync. The day is worked out beforehand (`Table.tubes`), so a replay gives the same day.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from drill.client import Command, Device
from drill.day import HANDS, Day
from drill.filling import Filled, Guest, deal, leave_over, pace, queue, split_boxes
from drill.lanes import Waited, coming, doors, served
from drill.world import Site, World
from yingjian.engines.plan import codes as plan_codes

HOME_EACH: Final = timedelta(minutes=4)  # a door of a home visit, with the way to it (assumed)
ROVING_EACH: Final = timedelta(minutes=2.5)  # people who wait for the roving team (assumed)
OUT: Final = timedelta(minutes=100)  # a team without a tour is out no longer (assumed)
SLACK: Final = timedelta(minutes=20)
TUBE_CODE: Final = "{round:04d}{serial:08d}"


@dataclass(slots=True)
class Table:
    """A device at work: a lane of a site, or a team that goes from door to door with a lane's device."""

    site: Site
    station: str
    device: Device
    tubes: list[tuple[str, Filled]] = field(default_factory=list)
    synced: int = 0
    boxed: int = 0
    box_serial: int = 0
    stubs: int = 0
    counted: bool = False

    @property
    def ends(self) -> datetime | None:
        return self.tubes[-1][1].ready_at if self.tubes else None


class Field:
    """Every table of the round."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tables: dict[str, Table] = {}
        self.absent: list[Guest] = []
        self.waits: dict[str, list[Waited]] = {}
        """Of each site's queue: nobody's arrival is ever stored, so this is the drill's own log."""
        world.notes["waits"] = self.waits
        self._planned = {site["code"]: site for site in world.plan.get("sites", [])}
        self._serial = 0
        self.pool_size = int(world.leaf("pool.default_size", 10))
        self.per_hour = float(world.leaf("sites.lane_per_hour", 100))
        self.box_tubes = int(world.leaf("transport.box_tubes", 50))

    # -- devices ------------------------------------------------------------------------------

    def enrol(self, at: datetime) -> int:
        """Invite and enrol a device for each lane; how many."""
        world = self.world
        maintainer = world.user("information_maintainer")
        lanes = [(site, lane) for site in world.sites.values() for lane in site.stations]
        tokens = [world.ids.new(at) for _ in lanes]
        maintainer.batch(
            "device.invite",
            [
                {"token_id": token, "station_code": lane, "area": site.area, "role": "sampler", "hours": 48}
                for token, (site, lane) in zip(tokens, lanes, strict=True)
            ],
            at=at,
        )  # fmt: skip

        def bind(token: str, site: Site, lane: str) -> Device:
            told = maintainer.get(f"/devices/invitations/{token}", at=at)
            return Device.enrol(
                world.link, token=told["token"], name=f"{site.name} {lane[-2:]}", ids=world.ids, at=at
            )  # fmt: skip

        with ThreadPoolExecutor(HANDS) as hands:
            bound = list(hands.map(bind, tokens, *zip(*lanes, strict=True)))
        for device, (site, lane) in zip(bound, lanes, strict=True):
            site.devices[lane] = device
            self.tables[lane] = Table(site, lane, device)
        return len(lanes)

    # -- the day, worked out ------------------------------------------------------------------

    def prepare(self) -> None:
        """Decide who is absent and work out every table's tubes, with the moment of each swab."""
        world = self.world
        spared: list[tuple[datetime, Site, list[Guest]]] = []
        rover: Table | None = None
        sites = sorted(world.sites.values(), key=lambda site: (len(site.guests), site.code))
        for site in sites:
            here = [guest for guest in site.guests if not self._is_absent(guest)]
            over: list[Guest] = []
            roving = world.scenario.roving and rover is None
            if world.scenario.roving and not roving:
                here, over = leave_over(here, self.pool_size)
            ends = self._fill(site, here)
            if roving:
                rover = self.tables[site.stations[0]]
            if over:
                spared.append((ends, site, over))
        if rover is not None and spared:
            self._rove(
                rover, [guest for _, _, over in sorted(spared, key=_first) for guest in over]
            )
        for table in self.tables.values():
            self._number(table)

    def _is_absent(self, guest: Guest) -> bool:
        share = self.world.scenario.absent
        known = self.world.positive | self.world.grey
        if guest.person_id in known or self.world.rng.random() >= share.excused + share.missed:
            return False
        self.absent.append(guest)
        return True

    def _fill(self, site: Site, guests: Sequence[Guest]) -> datetime:
        """Share a site's guests out over its lanes; doors beside the queue, or after it. When all are through."""
        rng = self._rng(site.code)
        doors_ = [guest for guest in guests if guest.home]
        walkers = [guest for guest in guests if not guest.home]
        if not self.world.scenario.booked:
            return self._in_turn(site, walkers, doors_, rng)
        self._queue(site, walkers, rng)
        self._doors(site, doors_, self._rng(f"{site.code}/doors"))
        ends = [table.ends for lane in site.stations if (table := self.tables[lane]).ends]
        return max((end for end in ends if end), default=self.world.scenario.times.opens)

    def _queue(self, site: Site, walkers: Sequence[Guest], rng: random.Random) -> None:
        """Those who walk come by their slots and habits, and stand in one queue before the lanes."""
        habits = self.world.habits
        halts = bool(self._planned[site.code].get("visits"))
        arrivals = coming(walkers, opens=self._openings(site), halts=halts, habits=habits, rng=rng)
        lanes, self.waits[site.code] = served(
            arrivals, tables=len(site.stations), habits=habits, capacity=self.pool_size, rng=rng
        )
        for lane, made in zip(site.stations, lanes, strict=True):
            self.tables[lane].tubes = [("", tube) for tube in made]

    def _openings(self, site: Site) -> list[datetime]:
        """When a site opens, once a day; a mobile team, when it is at each of its places."""
        planned = self._planned[site.code]
        spans = planned.get("visits") or planned["open"]
        starts = sorted(_at(span["start"]) for span in spans)
        if planned.get("visits"):
            return starts
        return [at for n, at in enumerate(starts) if not n or at.date() != starts[n - 1].date()]

    def _in_turn(
        self, site: Site, walkers: Sequence[Guest], visits: Sequence[Guest], rng: random.Random
    ) -> datetime:
        """Where nobody booked: one after another in the order called, then the first lane's team from door to door."""
        times = self.world.scenario.times
        ends = times.opens
        in_order = [_anytime(guest) for guest in sorted(walkers, key=_slot)]
        lanes = deal(in_order, len(site.stations), self.pool_size)
        for lane, mine in zip(site.stations, lanes, strict=True):
            table = self.tables[lane]
            own = visits if lane == site.stations[0] else []
            room = times.closes - SLACK - times.opens - HOME_EACH * len(own)
            made = queue(
                [*mine, *map(_anytime, own)], opens=times.opens, capacity=self.pool_size, rng=rng,
                each=pace(len(mine), room=room, per_hour=self.per_hour), door=HOME_EACH,
            )  # fmt: skip
            table.tubes = [("", tube) for tube in made]
            ends = max(ends, table.ends or ends)
        return ends

    def _doors(self, site: Site, guests: Sequence[Guest], rng: random.Random) -> None:
        """Home visits on the plan's tours, by teams of their own who use the devices of the site's lanes."""
        for number, (leaves, back, visits) in enumerate(
            outings(self.world.plan, self._planned[site.code], guests)
        ):
            table = self.tables[site.stations[number % len(site.stations)]]
            made = doors(
                visits, leaves=leaves, back=back, habits=self.world.habits,
                capacity=self.pool_size, rng=rng,
            )  # fmt: skip
            table.tubes += [("", tube) for tube in made]

    def _rove(self, rover: Table, guests: Sequence[Guest]) -> None:
        """The team of the site that is through first goes on with the people left over everywhere.

        It goes on filling its last pool: so all pools of the round but one are full.
        """
        times, rng = self.world.scenario.times, self._rng("roving")
        start = (rover.ends or times.opens) + timedelta(minutes=15)
        each = min(ROVING_EACH, (times.closes - SLACK - start) / len(guests))
        waiting = [_anytime(guest) for guest in guests]
        pools = [tube for _, tube in rover.tubes if tube.mode == "pool"]
        last = min(pools, key=len, default=None)
        if last is not None and len(last) < last.capacity:
            room = last.capacity - len(last)
            for guest in waiting[:room]:
                start += each
                last.swabs.append((guest, start))
            waiting = waiting[room:]
        made = queue(waiting, opens=start, each=each, capacity=self.pool_size, rng=rng)
        rover.tubes += [("", tube) for tube in made]

    def _number(self, table: Table) -> None:
        """Give each tube its printed code, in the order the table seals them."""
        numbered = []
        for _, tube in sorted(table.tubes, key=lambda pair: pair[1].ready_at):
            self._serial += 1
            code = TUBE_CODE.format(round=self.world.scenario.seed % 10_000, serial=self._serial)
            numbered.append((code, tube))
            self.world.inside[code] = [guest.person_id for guest, _ in tube.swabs]
            self.world.site_of[code] = table.site.code
            if tube.mode != "single":
                self.world.pools.add(code)
        table.tubes = numbered

    def more(self, table: Table, tubes: Sequence[Filled]) -> None:
        """Tubes a table fills after its shift; they are handed in and packed as the others were."""
        done = table.tubes
        table.tubes = [("", tube) for tube in tubes]
        self._number(table)
        table.tubes = done + table.tubes
        table.counted = False

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self.world.scenario.seed}/{name}")

    # -- the day, handed in -------------------------------------------------------------------

    def schedule(self, day: Day) -> None:
        """Each table hands in what it has at fixed intervals, last when it is through."""
        given = self.world.scenario
        step = timedelta(minutes=given.sync_minutes)
        for table in self.tables.values():
            if table.ends is None:
                continue
            at = given.times.opens + step
            while at < table.ends:
                day.plan(at, table.site.code, _syncing(self, table), together=True)
                at += step
            day.plan(table.ends, table.site.code, _syncing(self, table), together=True)

    def sync(self, table: Table, at: datetime, more: Iterable[Command] = ()) -> None:
        """Hand in every tube sealed and at its site by `at`, then `more`."""
        commands = []
        while table.synced < len(table.tubes) and table.tubes[table.synced][1].ready_at <= at:
            commands.append(self.record(table, *table.tubes[table.synced]))
            table.synced += 1
        commands += more
        if commands:
            table.device.sync(commands, at=at)

    def record(self, table: Table, code: str, tube: Filled) -> Command:
        """A whole tube as one command."""
        new = self.world.ids.new
        swabs = []
        for guest, at in tube.swabs:
            table.stubs += 1
            swab: dict[str, Any] = {
                "swab_id": new(at),
                "at": at,
                "entry": "code",
                "token": guest.token,
            }
            if self.world.scenario.stubs:
                swab["stub_no"] = f"{table.station[-5:]}-{table.stubs:04d}"
            swabs.append(swab)
        payload = {
            "tube_id": new(tube.opened_at), "code": code, "mode": tube.mode, "capacity": tube.capacity,
            "opened_at": tube.opened_at, "locked_at": tube.locked_at, "sealed_at": tube.sealed_at,
            "count": len(tube), "swabs": swabs,
        }  # fmt: skip
        return Command(new(tube.sealed_at), "tube.record", tube.sealed_at, payload)

    def pack(self, table: Table, at: datetime) -> list[tuple[str, list[str]]]:
        """Put what is sealed and not packed into boxes, hand it in; box codes with their tubes."""
        ready = [pair for pair in table.tubes[table.boxed :] if pair[1].ready_at <= at]
        if not ready:
            self.sync(table, at)
            return []
        table.boxed += len(ready)
        code_of = {id(tube): code for code, tube in ready}
        boxes, commands = [], []
        for part in split_boxes([tube for _, tube in ready], self.box_tubes):
            codes = [code_of[id(tube)] for tube in part]
            box = self.box_code(table)
            commands += self.box(box, codes, at)
            boxes.append((box, codes))
        self.sync(table, at, commands)
        return boxes

    def box_code(self, table: Table) -> str:
        printed = table.site.boxes.get(table.station, [])
        table.box_serial += 1
        if table.box_serial <= len(printed):
            return printed[table.box_serial - 1]
        return plan_codes.box_code(table.station, 1, 1, table.box_serial)

    def box(self, code: str, tubes: Sequence[str], at: datetime) -> list[Command]:
        new = self.world.ids.new
        box_id = new(at)
        steps: list[tuple[str, dict[str, Any]]] = [
            ("box.open", {"box_id": box_id, "code": code}),
            ("box.add", {"box_id": box_id, "tube_codes": list(tubes)}),
            ("box.seal", {"box_id": box_id, "seal_no": f"F{code[-9:]}", "count": len(tubes)}),
        ]
        return [Command(new(at), kind, at, payload) for kind, payload in steps]

    def close_shift(self, table: Table, at: datetime) -> None:
        """Hand in everything, then count the rack against the system (R65)."""
        if table.counted:
            return
        table.counted = True
        payload = {
            "count_id": self.world.ids.new(at), "tubes": len(table.tubes) - table.boxed, "by": "班组长"
        }  # fmt: skip
        self.sync(table, at, [Command(self.world.ids.new(at), "rack.count", at, payload)])


def _first(entry: tuple[datetime, Site, list[Guest]]) -> tuple[datetime, str]:
    return entry[0], entry[1].code


def _slot(guest: Guest) -> str:
    return guest.slot.isoformat() if guest.slot is not None else ""


def _anytime(guest: Guest) -> Guest:
    """Somebody who waits at home: no slot."""
    return replace(guest, slot=None)


Outing = tuple[datetime, datetime, list[tuple[datetime, list[Guest]]]]


def outings(plan: dict[str, Any], site: dict[str, Any], guests: Sequence[Guest]) -> list[Outing]:
    """The plan's tours to a site's doors: (leaves, back, doors in turn with who lives there).

    Doors without a tour are a team's by the list: those with the same time belong to different teams. Whoever the plan
    names by a number of its own is taken for any door that nobody else is behind.
    """
    behind: dict[str, list[Guest]] = defaultdict(list)
    for guest in guests:
        behind[f"h{guest.household}"].append(guest)
    known = {visit["key"] for visit in site["home"]}
    strangers = [guest for key in sorted(behind.keys() - known) for guest in behind[key]]
    teams: dict[tuple[int, int], list[tuple[datetime, list[Guest]]]] = defaultdict(list)
    turn: Counter[str] = Counter()
    for visit in sorted(site["home"], key=lambda one: (one["start"], one["key"])):
        tour = int(visit.get("tour", 0))
        people = behind.get(visit["key"]) or [strangers.pop() for _ in strangers[: visit["people"]]]
        turn[visit["start"]] += not tour
        if people:
            team = (tour, 0 if tour else turn[visit["start"]])
            teams[team].append((_at(visit["start"]), people))
    if strangers:  # nobody planned for them: the last team goes on
        last = max(teams, default=(0, 1))
        since = teams[last][-1][0] if teams else _at(site["open"][0]["start"])
        teams[last] += [(since + n * HOME_EACH, [who]) for n, who in enumerate(strangers, 1)]
    found: list[Outing] = []
    for (tour, _), stops in sorted(teams.items()):
        if tour:
            known = plan["tours"][tour - 1]
            found.append((_at(known["leaves"]), _at(known["back"]), stops))
        else:
            found += [(part[0][0], part[-1][0] + HOME_EACH, part) for part in _parts(stops)]
    return found


def _parts(stops: list[tuple[datetime, list[Guest]]]) -> list[list[tuple[datetime, list[Guest]]]]:
    """Doors of a day in outings: the team is back at its site every so often."""
    parts: list[list[tuple[datetime, list[Guest]]]] = []
    for stop in stops:
        if not parts or stop[0] - parts[-1][0][0] > OUT:
            parts.append([])
        parts[-1].append(stop)
    return parts


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _syncing(field_: Field, table: Table) -> Any:
    return lambda at: field_.sync(table, at)
