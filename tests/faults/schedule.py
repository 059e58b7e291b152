"""Schedules: what people at two lanes do with their phones, and what befalls phones, lines and server. Pure, seeded.

The seed decides who does what in which order and which faults strike; the moment at which they meet is the machine's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from yingjian.engines.plan import codes as plan_codes
from yingjian.population.rules import id_check_char

from .proxy import FATES

Step = dict[str, Any]
FAMILIES: Final = {
    "line": 0.75,  # cut, slow, doubled, re-ordered, truncated: see `proxy.FATES`
    "phone_dies": 0.35,
    "phone_disk": 0.25,
    "clock": 0.25,
    "same_tube": 0.25,
    "same_person": 0.2,
    "stale_pack": 0.15,
    "restored": 0.12,
    "carried": 0.15,
    "web_killed": 0.12,
    "database_killed": 0.08,
    "server_disk": 0.12,
}
"""Kind of fault → in which part of the schedules it strikes."""
DAY_MS: Final = 86_400_000
TABLES: Final = ("access_journal", "sampling_swab", "sampling_tube")
BOXES_MOST: Final = 900


@dataclass(frozen=True)
class Blow:
    """A fault of the server, `at` seconds after the day began, for `lasts` seconds."""

    kind: str
    at: float
    lasts: float
    table: str = ""


@dataclass
class PhonePlan:
    """One phone's day."""

    name: str
    lane: int
    seed: int
    fates: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


@dataclass
class Schedule:
    """One run of a few seconds. `families`: the faults in it; `revoked`: a code struck while the packs are stale."""

    number: int
    label: str
    families: list[str]
    phones: list[PhonePlan]
    blows: list[Blow] = field(default_factory=list)
    revoked: str = ""

    def story(self) -> str:
        """What was to happen, in lines for a person."""
        lines = [f"schedule {self.label}: {', '.join(self.families) or 'no fault'}"]
        lines += [
            f"  server: {blow.kind} {blow.table} at {blow.at:.1f} s for {blow.lasts:.1f} s"
            for blow in self.blows
        ]
        if self.revoked:
            lines.append("  a resident's code is revoked while the phones have the older pack")
        for phone in self.phones:
            lines.append(
                f"  {phone.name} (lane {phone.lane}); line: {' '.join(phone.fates) or 'sound'}"
            )
            lines += [f"    {_told(step)}" for step in phone.steps]
        return "\n".join(lines)


def _told(step: Step) -> str:
    more = {key: value for key, value in step.items() if key not in {"do", "token", "number"}}
    return f"{step['do']} {more or ''}".rstrip()


@dataclass
class _Made:
    """What schedules are made of. `run` tells one campaign's tubes and people from another's on the same server."""

    rng: random.Random
    run: str
    number: int
    tokens: Sequence[str]
    stations: Sequence[str]
    people: int = 0
    tubes: int = 0

    def citizen(self) -> str:
        """A sound identity number of nobody: its region was never given to a place."""
        rng = random.Random(f"{self.run}.{self.number}.{self.people}")
        self.people += 1
        born = f"{rng.randint(1930, 2009)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
        body = f"990000{born}{rng.randrange(1000):03d}"
        return body + id_check_char(body)

    def tube(self) -> str:
        self.tubes += 1
        return f"F{self.run}{self.number:04d}{self.tubes:02d}"

    def token(self) -> str:
        return self.tokens[self.rng.randrange(len(self.tokens))]

    def person(self) -> Step:
        kind = self.rng.choices(["number", "code", "name", "garbled"], [70, 15, 10, 5])[0]
        match kind:
            case "number":
                return {"do": "number", "number": self.citizen()}
            case "code":
                return {"do": "code", "token": self.token()}
            case "name":
                return {"do": "name", "name": self.rng.choice(["王秀兰", "李建国", "𠮷田一"])}
        return {"do": "code", "token": self.token()[:50]}


def schedule(
    *, seed: int, number: int, run: str, tokens: Sequence[str], stations: Sequence[str],
    only: Sequence[str] | None = None,
) -> Schedule:  # fmt: skip
    """The schedule of this number. `only`: these families and no others (the controls)."""
    rng = random.Random(f"yingjian.faults.{seed}.{number}")
    struck = [name for name, share in FAMILIES.items() if rng.random() < share]
    families = struck if only is None else list(only)
    made = _Made(rng, run, number, tokens, stations)
    count = rng.choice([2, 2, 3]) if _needs_two(families) else rng.choice([1, 2, 2])
    phones = [
        PhonePlan(f"{run}-{number}-{'abc'[n]}", rng.randrange(len(stations)), rng.getrandbits(32))
        for n in range(count)
    ]
    found = Schedule(number, f"{seed}.{number}", families, phones)
    for phone in phones:
        phone.steps = _day(made, phone)
    _phones_befallen(made, found)
    _server_befallen(made, found)
    return found


def _needs_two(families: Sequence[str]) -> bool:
    return bool({"same_tube", "same_person", "carried"} & set(families))


def _day(made: _Made, phone: PhonePlan) -> list[Step]:
    """Two or three tubes, a mistake or two, sometimes a box and a rack count."""
    rng, steps = made.rng, list[Step]()
    for _ in range(rng.choice([2, 2, 3])):
        steps.append(
            {"do": "tube", "code": made.tube(), **({"size": 1} if rng.random() < 0.1 else {})}
        )
        for _ in range(rng.randint(1, 5)):
            steps += [made.person(), {"do": "wait", "ms": rng.randint(5, 120)}]
        steps += rng.choice([[], [], [], [{"do": "undo"}], [{"do": "undo"}, made.person()]])
        if rng.random() < 0.2:  # a second tube beside the first; somebody went into the wrong one
            steps += [{"do": "tube", "code": made.tube()}, made.person(), {"do": "move"}]
        ends = rng.choices(
            [["seal"], ["seal", "seal"], ["break"], ["void"], []], [70, 10, 7, 5, 8]
        )[0]
        steps += [{"do": end} for end in ends] + [{"do": "wait", "ms": rng.randint(20, 250)}]
    if rng.random() < 0.4:
        serial = 50 + (made.number * 3 + int(phone.name[-1], 36) - 10) % BOXES_MOST
        code = plan_codes.box_code(made.stations[phone.lane], 1, 1, serial)
        steps += [{"do": "rack"}, {"do": "box", "code": code, "seal": f"F-{made.number}"}]
    return steps


def _put(rng: random.Random, steps: list[Step], *more: Step, least: float = 0.0) -> None:
    place = rng.randint(int(len(steps) * least), len(steps))
    steps[place:place] = more


def _phones_befallen(made: _Made, found: Schedule) -> None:
    rng, families, phones = made.rng, set(found.families), found.phones
    for phone in phones:
        if "line" in families:
            phone.fates = [
                "sound" if rng.random() < 0.25 else rng.choice(FATES)
                for _ in range(rng.randint(3, 14))
            ]
            phone.early = rng.choices(
                ["sound", "refused", "unanswered", "portal", "gateway"], k=rng.randint(0, 4)
            )
        if "phone_disk" in families and rng.random() < 0.7:
            _full(rng, phone.steps)
        if "phone_dies" in families:
            for _ in range(rng.choice([1, 1, 2])):
                _put(rng, phone.steps, _death(made))
    if "clock" in families:
        _jump(rng, rng.choice(phones).steps)
    _met_by_several(made, found, families)


def _met_by_several(made: _Made, found: Schedule, families: set[str]) -> None:
    rng, phones = made.rng, found.phones
    if "same_tube" in families:
        code = made.tube()
        for phone in phones[:2]:
            _put(rng, phone.steps, {"do": "tube", "code": code}, made.person(), {"do": "seal"})
    if "same_person" in families:
        twice = {"do": "number", "number": made.citizen()}
        for phone in phones[:2]:
            _put(rng, phone.steps, {"do": "tube", "code": made.tube()}, twice, {"do": "seal"})
    if "stale_pack" in families:
        found.revoked = made.token()
        steps = [
            {"do": "tube", "code": made.tube()},
            {"do": "code", "token": found.revoked},
            {"do": "seal"},
        ]
        _put(rng, phones[0].steps, *steps)
    if "restored" in families:
        steps = phones[-1].steps
        half = len(steps) // 2
        more: list[Step] = [{"do": "tube", "code": made.tube()}, made.person(), {"do": "seal"}]
        steps[half:half] = [{"do": "backup"}]
        steps += [{"do": "room"}, {"do": "restore"}, *more]
    if "carried" in families:
        _put(rng, phones[0].steps, {"do": "carry", "to": phones[1].name}, least=0.5)


def _full(rng: random.Random, steps: list[Step]) -> None:
    """The disk runs full somewhere, also in the middle of an action, and is cleared later."""
    place = rng.randrange(max(len(steps) - 8, 1))
    steps.insert(place, {"do": "full", "writes": rng.randint(0, 6)})
    steps.insert(min(place + rng.randint(4, 14), len(steps)), {"do": "room"})
    steps.append({"do": "room"})


def _death(made: _Made) -> Step:
    rng = made.rng
    during = rng.choice([None, made.person(), made.person(), {"do": "seal"}])
    return {"do": "die", "ticks": rng.randint(0, 14), "power": rng.random() < 0.6, "during": during}


def _jump(rng: random.Random, steps: list[Step]) -> None:
    """A day ahead or behind; half of them are set right again."""
    far = rng.choice([-DAY_MS, DAY_MS])
    place = rng.randrange(max(len(steps) - 4, 1))
    steps.insert(place, {"do": "clock", "ms": far})
    if rng.random() < 0.5:
        _put(rng, steps, {"do": "clock", "ms": -far}, least=(place + 2) / (len(steps) + 1))


def _server_befallen(made: _Made, found: Schedule) -> None:
    rng = made.rng
    kinds = {"web_killed": "web", "database_killed": "database", "server_disk": "disk"}
    for family, kind in kinds.items():
        if family in found.families:
            table = rng.choice(TABLES) if kind == "disk" else ""
            found.blows.append(Blow(kind, rng.uniform(0.1, 1.6), rng.uniform(0.2, 0.9), table))
