"""A round with tubes on their way to a bench, made straight in the tables: the rooms below have tests of their own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from yingjian.access import journal, scope, vault
from yingjian.access.actor import Actor
from yingjian.access.journal import Verdict
from yingjian.access.tests.factories import NOON, TOWN_A, actor, command, new_id
from yingjian.campaigns import presets
from yingjian.campaigns.models import Campaign, DuePerson, Preset, Round
from yingjian.laboratory.models import Laboratory
from yingjian.logistics.models import Box, BoxLine
from yingjian.population.models import Household, Person
from yingjian.sampling.models import Site, Station, Swab, Tube

COUNTY = TOWN_A[:6]
VILLAGE = TOWN_A + "201"
SWABBED = NOON - timedelta(hours=3)
NUMBERS: dict[uuid.UUID, str] = {}
_serial = iter(range(1, 10_000_000))


@dataclass
class World:
    """One round at one station, and the ids a test needs."""

    round: Round
    site: Site
    station: Station
    laboratory: Laboratory
    tubes: dict[str, Tube] = field(default_factory=dict)
    people: dict[str, list[Person]] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        return list(self.tubes)


CLERK = actor("laboratory_clerk", COUNTY)
REVIEWER = actor("laboratory_reviewer", COUNTY)
SECOND_REVIEWER = actor("laboratory_reviewer", COUNTY)


def laboratory(
    kind: str = "hospital", *, area: str = COUNTY, tubes_per_day: int = 10_000, code: str = ""
) -> Laboratory:
    with scope.everywhere():
        return Laboratory.objects.create(
            id=new_id(), code=code or f"L{next(_serial)}", name=f"检验科{kind}", kind=kind, area=area,
            tubes_per_day=tubes_per_day,
        )  # fmt: skip


def world(preset_code: str = "yongning") -> World:
    """A round in sampling under a preset, with a site, a station and a laboratory."""
    preset = presets.load(preset_code)
    with scope.everywhere():
        stored, _ = Preset.objects.get_or_create(
            code=preset.code, version=preset.version, digest=presets.digest(preset),
            defaults={"id": new_id(), "document": presets.snapshot(preset), "loaded_at": NOON},
        )  # fmt: skip
        campaign = Campaign.objects.create(
            id=new_id(), area=COUNTY, name="全员检测", created_at=NOON
        )
        made = Round.objects.create(
            id=new_id(), campaign=campaign, no=1, area=COUNTY, name="第一轮", preset=stored, state="sampling",
            window_start=NOON - timedelta(days=1), window_end=NOON + timedelta(days=1), due_total=0,
            frozen_at=NOON - timedelta(days=1), approved_at=NOON - timedelta(days=1),
            activated_at=NOON - timedelta(days=1),
        )  # fmt: skip
        site = Site.objects.create(
            id=new_id(), round=made, code=f"{VILLAGE}001", area=VILLAGE, name="村委会", state="open"
        )
        station = Station.objects.create(
            id=new_id(), site=site, round=made, code=f"{VILLAGE}00101", area=VILLAGE
        )
    return World(made, site, station, laboratory())


def id_number(serial: int) -> str:
    """A number that belongs to nobody: the region 99… is not assigned."""
    return f"99{serial:015d}X"


def person(*, household: Household | None = None, phone: str = "13800000000") -> Person:
    """A resident of the village; `person.id_tail` and `NUMBERS[person.id]` tell the number."""
    number = id_number(next(_serial))
    with scope.everywhere():
        made = Person.objects.create(
            id=new_id(), area=VILLAGE, household=household, name="某某某", sex="U", id_type="resident_id",
            id_cipher=vault.seal(number), id_index=vault.index(number), id_tail=number[-4:],
            phone_cipher=vault.seal(phone), phone_index=vault.index(phone), phone_tail=phone[-4:], source="roster",
        )  # fmt: skip
    NUMBERS[made.id] = number
    return made


def tube(
    world: World, code: str = "", *, people: int = 10, mode: str = "pool", state: str = "sealed",
    category: str = "general", persons: Sequence[Person] | None = None, purpose: str = "screening",
) -> Tube:  # fmt: skip
    """A sealed tube with people on the due list, all of them sampled."""
    code = code or f"T{next(_serial):06d}"
    who = (
        [person(phone=f"1380000{index:04d}") for index in range(people)]
        if persons is None
        else list(persons)
    )
    with scope.everywhere():
        made = Tube.objects.create(
            id=new_id(), code=code, round=world.round, site=world.site, station=world.station, area=VILLAGE, mode=mode,
            purpose=purpose, capacity=max(len(who), 1), people=len(who), state=state, opened_at=SWABBED,
            first_swab_at=SWABBED, sealed_at=SWABBED + timedelta(minutes=10),
        )  # fmt: skip
    for position, one in enumerate(who, start=1):
        swab(world, made, one, position=position, category=category)
    world.tubes[code] = made
    world.people[code] = who
    return made


def swab(
    world: World, tube: Tube, who: Person, *, position: int, category: str = "general"
) -> Swab:
    """One more swab in a tube, of somebody on the due list."""
    mode = "single" if tube.mode == "single" else "pool"
    with scope.everywhere():
        due, _ = DuePerson.objects.get_or_create(
            round=world.round, person=who,
            defaults={"id": new_id(), "area": VILLAGE, "rank": 0, "category": category, "mode": mode,
                      "state": "sampled", "sampled_at": SWABBED},
        )  # fmt: skip
        return Swab.objects.create(
            id=new_id(), tube=tube, position=position, round=world.round, person=who, due=due, area=VILLAGE,
            station=world.station, person_area=VILLAGE, entry="code", taken_at=SWABBED, received_at=SWABBED,
        )  # fmt: skip


def box(world: World, tubes: Sequence[Tube], code: str = "") -> Box:
    """A sealed box with its manifest, handed over."""
    with scope.everywhere():
        made = Box.objects.create(
            id=new_id(), code=code or f"B{next(_serial)}", round_id=world.round.id, area=VILLAGE,
            site_code=world.site.code, station_code=world.station.code, state="handed_over", opened_at=SWABBED,
            sealed_at=SWABBED + timedelta(minutes=30), oldest_sample_at=SWABBED,
        )  # fmt: skip
        for one in tubes:
            BoxLine.objects.create(
                id=new_id(), box=made, area=VILLAGE, tube_code=one.code, tube_id=one.id, people=one.people,
                added_at=SWABBED,
            )  # fmt: skip
            Tube.objects.filter(id=one.id).update(state="in_transit", box=made)
    return made


def send(
    kind: str, payload: dict[str, Any], *, by: Actor, at: datetime = NOON, park: bool = False
) -> Verdict:
    """One command, as the edge would submit it."""
    return journal.submit(
        actor=by, received_at=at, commands=[command(kind, payload, at=at)], park=park
    )[0]


def receive(world: World, tubes: Sequence[Tube], *, at: datetime = NOON, **more: Any) -> Verdict:
    """Box the tubes and open the box at the bench."""
    made = box(world, tubes)
    payload = {"receipt_id": new_id(), "laboratory_id": world.laboratory.id, "box_code": made.code}
    return send("box.receive", {**payload, **more}, by=CLERK, at=at)


def enter(
    world: World, outcomes: dict[str, str], *, at: datetime = NOON + timedelta(hours=2),
    laboratory_id: uuid.UUID | None = None, by: Actor = CLERK, **more: Any,
) -> dict[str, uuid.UUID]:  # fmt: skip
    """Enter results by tube code; returns the result ids by tube code."""
    ids = {code: new_id() for code in outcomes}
    verdict = send(
        "result.enter",
        {
            "laboratory_id": laboratory_id or world.laboratory.id,
            "tested_at": (at - timedelta(minutes=5)).isoformat(),
            "results": [
                {"result_id": ids[code], "tube_code": code, "outcome": outcome}
                for code, outcome in outcomes.items()
            ],
            **more,
        },
        by=by, at=at,
    )  # fmt: skip
    assert verdict.verdict == "applied", verdict
    return ids


def release(
    ids: Sequence[uuid.UUID], *, by: Actor = REVIEWER, at: datetime = NOON + timedelta(hours=3)
) -> Verdict:
    return send("result.release", {"result_ids": list(ids)}, by=by, at=at)


def resulted(
    world: World, outcomes: dict[str, str], *, at: datetime = NOON + timedelta(hours=2)
) -> dict[str, uuid.UUID]:
    """Receive, enter and release: negatives and the others in a package each."""
    receive(world, [world.tubes[code] for code in outcomes], at=at - timedelta(hours=1))
    ids = enter(world, outcomes, at=at)
    for wanted in (True, False):
        package = [ids[code] for code, what in outcomes.items() if (what == "negative") is wanted]
        if package:
            release(package, at=at + timedelta(minutes=30))
    return ids
