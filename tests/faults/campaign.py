"""A campaign: schedules in waves on one running system, healed and drained after each, then judged."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from .checker import Held, Phone, judge
from .ground import Ground
from .phones import PhoneError, Phones
from .proxy import Proxy
from .schedule import Blow, PhonePlan, Schedule, schedule

WAVE: Final = 15
DRAIN_SECONDS: Final = 60
_DAY_SKEW_MS: Final = 12 * 3_600_000  # beyond what any preset allows a clock
Say = Callable[[str], object]
_JOURNAL: Final = """
SELECT command_id::text, actor_id::text, device_seq, kind, verdict, payload, captured_at, skew_ms FROM access_journal
 WHERE actor_kind = 'device' AND actor_id = ANY(%s::uuid[]) AND kind NOT IN ('device.enrol', 'doors.give')
 ORDER BY seq
"""
_SWABS: Final = """
SELECT id::text, tube_id::text, voided_at IS NOT NULL, flags FROM sampling_swab WHERE id = ANY(%s::uuid[])
"""
_TUBES: Final = "SELECT id::text, code, state, count_stated, flags FROM sampling_tube WHERE id = ANY(%s::uuid[])"
_LINES: Final = (
    "SELECT box_id::text, tube_code FROM logistics_boxline WHERE box_id = ANY(%s::uuid[])"
)
_REWOUND: Final = """
SELECT command_id::text, payload::jsonb ->> 'device_id' FROM access_journal
 WHERE kind = 'device.rewound' AND payload::jsonb ->> 'device_id' = ANY(%s)
"""
_UNFLAGGED: Final = """
SELECT s.person_id::text FROM sampling_swab s JOIN sampling_tube t ON t.id = s.tube_id
 WHERE s.voided_at IS NULL AND t.purpose = 'screening' AND t.state NOT IN ('broken', 'voided', 'rejected')
   AND s.person_id IN (SELECT person_id FROM sampling_swab WHERE id = ANY(%s::uuid[]))
   AND NOT s.flags ? 'code_revoked'
 GROUP BY s.person_id
HAVING count(*) FILTER (WHERE NOT s.flags ? 'duplicate_person') <> 1
"""


@dataclass
class Result:
    """What became of one schedule."""

    schedule: Schedule
    broken: list[str]
    seconds: float
    confirmed: int
    stored: int
    met: Counter[str] = field(default_factory=Counter)
    logs: dict[str, list[str]] = field(default_factory=dict)
    stuck: int = 0
    parked: int = 0
    restored: int = 0

    def story(self) -> str:
        """What went wrong, for a person: the promises broken, then what was to happen and what the phones met."""
        lines = [
            f"FAILED {self.schedule.label}",
            *(f"  ! {sentence}" for sentence in self.broken[:20]),
        ]
        lines.append(self.schedule.story())
        lines += [f"  {name} met: {'; '.join(log[-12:])}" for name, log in self.logs.items() if log]
        return "\n".join(lines)


@dataclass
class Campaign:
    """`build`: how the phones are built. `run` tells this campaign's tubes and people from another's."""

    ground: Ground
    seed: int
    say: Say
    build: str = "sound"
    only: Sequence[str] | None = None
    run: str = field(default_factory=lambda: f"{time.time_ns() // 1_000_000 % 36**5:05d}"[-5:])
    results: list[Result] = field(default_factory=list)
    phones: Phones = field(default_factory=Phones)
    blows: Counter[str] = field(default_factory=Counter)
    _proxy: Proxy | None = None

    @property
    def proxy(self) -> Proxy:
        assert self._proxy is not None
        return self._proxy

    async def open(self) -> None:
        rng = random.Random(f"yingjian.faults.lines.{self.seed}")
        self._proxy = Proxy(
            lambda: self.ground.url, lambda: self.ground.up, lambda: rng.uniform(0.05, 0.4)
        )
        await self._proxy.start()
        await self.phones.start()

    async def close(self) -> None:
        await self.phones.stop()
        await self.proxy.stop()

    def schedule(self, number: int) -> Schedule:
        given = self.ground.prepared
        return schedule(
            seed=self.seed, number=number, run=self.run, tokens=given.tokens, stations=given.stations,
            only=self.only,
        )  # fmt: skip

    async def play(self, numbers: Sequence[int]) -> list[Result]:
        """These schedules, a wave at a time; each wave is healed, drained and judged before the next."""
        made: list[Result] = []
        for start in range(0, len(numbers), WAVE):
            made += await self._wave([self.schedule(n) for n in numbers[start : start + WAVE]])
        return made

    # -- a wave ------------------------------------------------------------------------------------

    async def _wave(self, schedules: Sequence[Schedule]) -> list[Result]:
        began = time.monotonic()
        plans = [plan for one in schedules for plan in one.phones]
        await self._bound(plans)
        revoked = await self._struck(schedules)
        bound = time.monotonic()
        for plan in plans:
            self.proxy.lines[plan.name].fates.extend(plan.fates)
        blows = sorted((blow for one in schedules for blow in one.blows), key=lambda one: one.at)
        days = [self.phones.ask(plan.name, "run", steps=plan.steps) for plan in plans]
        ends = await asyncio.gather(self._strike(blows), *days, return_exceptions=True)
        if isinstance(ends[0], BaseException):
            raise ends[0]
        failed = {
            plan.name: str(end)
            for plan, end in zip(plans, ends[1:], strict=True)
            if isinstance(end, BaseException)
        }
        done = time.monotonic()
        await self._healed(plans)
        self.say(
            f"wave {bound - began:.1f} bound {done - bound:.1f} day {time.monotonic() - done:.1f} healed"
        )
        found = await self._judged(schedules, revoked, failed, time.monotonic() - began)
        for plan in plans:
            await self.phones.ask(plan.name, "drop")
            del self.proxy.lines[plan.name]
        self.results += found
        for one in found:
            mark = "broken" if one.broken else "holds"
            self.say(
                f"{one.schedule.label:<8} {mark:<7} {one.confirmed:>3} confirmed  {' '.join(one.schedule.families)}"
            )
            if one.broken:
                self.say(one.story())
        return found

    async def _bound(self, plans: Sequence[PhonePlan]) -> None:
        stations = self.ground.prepared.stations
        tokens = await asyncio.to_thread(
            self.ground.invitations, [stations[plan.lane] for plan in plans]
        )
        for plan in plans:
            self.proxy.lines[plan.name].early.extend(plan.early)
            await self.phones.ask(
                plan.name, "make", url=self.proxy.url, seed=plan.seed, build=self.build
            )
        await asyncio.gather(*(
            self.phones.ask(plan.name, "bind", token=token)
            for plan, token in zip(plans, tokens, strict=True)
        ))  # fmt: skip

    async def _struck(self, schedules: Sequence[Schedule]) -> dict[str, int]:
        """Codes that are revoked now that every phone has its pack."""
        revoked = {}
        for token in {one.revoked for one in schedules if one.revoked}:
            await asyncio.to_thread(self.ground.revoke, token)
            revoked[token] = time.time_ns() // 1_000_000
        return revoked

    async def _strike(self, blows: Sequence[Blow]) -> None:
        began = time.monotonic()
        for blow in blows:
            await asyncio.sleep(max(0.0, began + blow.at - time.monotonic()))
            self.blows[blow.kind] += 1
            match blow.kind:
                case "web":
                    await asyncio.to_thread(self.ground.kill_web)
                    await asyncio.sleep(blow.lasts)
                    await asyncio.to_thread(self.ground.start)
                case "database":
                    await asyncio.to_thread(self.ground.kill_database)
                    await asyncio.sleep(blow.lasts)
                    await asyncio.to_thread(self.ground.start_database)
                case "disk":
                    await asyncio.to_thread(self.ground.fill_disk, blow.table)
                    await asyncio.sleep(blow.lasts)
                    await asyncio.to_thread(self.ground.free_disk, blow.table)

    async def _healed(self, plans: Sequence[PhonePlan]) -> None:
        """The lines are sound, the server is well, every phone has room; until all have their verdicts."""
        for plan in plans:
            self.proxy.lines[plan.name].fates.clear()
            await self.phones.ask(plan.name, "run", steps=[{"do": "room"}])
        await self.proxy.quiet()
        await asyncio.gather(
            *(self.phones.ask(plan.name, "drain", ms=DRAIN_SECONDS * 1000) for plan in plans)
        )
        await self.proxy.quiet()

    # -- the judgement -----------------------------------------------------------------------------

    async def _judged(
        self,
        schedules: Sequence[Schedule],
        revoked: dict[str, int],
        failed: dict[str, str],
        seconds: float,
    ) -> list[Result]:
        told = {
            plan.name: await self.phones.ask(plan.name, "report")
            for one in schedules
            for plan in one.phones
        }
        matters = await asyncio.to_thread(self.ground.matters)
        found = []
        for one in schedules:
            phones = [Phone.of(plan.name, told[plan.name]) for plan in one.phones]
            held = await asyncio.to_thread(self._held, phones, matters)
            broken = judge(phones, held, revoked=revoked)
            broken += [
                f"{plan.name} broke down: {failed[plan.name]}"
                for plan in one.phones
                if plan.name in failed
            ]
            reports = [told[plan.name] for plan in one.phones]
            found.append(Result(
                one, broken, seconds / len(schedules),
                sum(len(deed["drafts"]) for phone in phones for deed in phone.told if deed["confirmed"]),
                len(held.journal), sum((self.proxy.lines[plan.name].met for plan in one.phones), Counter()),
                {plan.name: told[plan.name]["log"] for plan in one.phones},
                sum(report["stuck"] for report in reports), sum(report["counts"]["parked"] for report in reports),
                sum(bool(report["restored"]) for report in reports),
            ))  # fmt: skip
        return found

    def _held(self, phones: Sequence[Phone], matters: set[str]) -> Held:
        """What the server holds of these phones."""
        devices = [device for phone in phones for device in phone.devices]
        swabs, tubes, boxes = _subjects(phones)
        held = Held(matters=matters)
        with self.ground.sql() as connection:
            held.journal = [
                {
                    "id": id, "device": device, "seq": seq, "kind": kind, "verdict": verdict,
                    "payload": msgspec.json.decode(payload), "at": _ms(at), "skewed": abs(skew) > _DAY_SKEW_MS,
                }
                for id, device, seq, kind, verdict, payload, at, skew in connection.execute(_JOURNAL, [devices])
            ]  # fmt: skip
            held.swabs = {
                id: {"tube": tube, "voided": voided, "flags": flags}
                for id, tube, voided, flags in connection.execute(_SWABS, [swabs])
            }
            held.tubes = {
                id: {"code": code, "state": state, "count": count, "flags": flags}
                for id, code, state, count, flags in connection.execute(_TUBES, [tubes])
            }
            held.lines = Counter((box, code) for box, code in connection.execute(_LINES, [boxes]))
            for id, device in connection.execute(_REWOUND, [devices]):
                held.rewound.setdefault(device, []).append(id)
            held.unflagged = [id for (id,) in connection.execute(_UNFLAGGED, [swabs])]
        return held


def _subjects(phones: Sequence[Phone]) -> tuple[list[str], list[str], list[str]]:
    """Swabs, tubes and boxes that phones ever spoke of."""
    given = [
        draft["payload"] for phone in phones for deed in phone.told for draft in deed["drafts"]
    ]
    return (
        sorted({one["swab_id"] for one in given if "swab_id" in one}),
        sorted({one["tube_id"] for one in given if "tube_id" in one}),
        sorted({one["box_id"] for one in given if "box_id" in one}),
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


__all__ = ["Campaign", "PhoneError", "Result"]
