"""``python -m tests.faults``: the long fault campaign, or a schedule of it again. Exits 1 on a broken promise."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from config import drills
from config.postgres import Cluster
from drill import server

from . import ground
from .campaign import Campaign

CONTROLS = {
    "sound": (ground.SOUND, "sound"),
    "idempotency_off": ("tests.faults.forgetful:application", "sound"),
    "deletes_on_send": (ground.SOUND, "deletes_on_send"),
    "hasty": (ground.SOUND, "hasty"),
}
"""What is built wrong on purpose: the server's application, the phones."""


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--schedules", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="+", help="play these schedules again, alone")
    parser.add_argument(
        "--build",
        choices=sorted(CONTROLS),
        default="sound",
        help="a build that is broken on purpose",
    )
    parser.add_argument(
        "--verify-every", type=int, default=60, help="ask `yingjian verify` after so many schedules"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--var", type=Path, default=drills.directory("faults"), help="the system's own directory"
    )
    parser.add_argument(
        "--keep", action="store_true", help="use the round that an earlier campaign left there"
    )
    return parser.parse_args()


def _ground(var: Path, *, keep: bool) -> ground.Ground:
    """A system with a round ready, and nobody but the campaign to watch over it."""
    import msgspec

    known = var / "prepared.json"
    environment = drills.environment(var)
    if keep and known.exists():
        found = msgspec.json.decode(known.read_bytes(), type=ground.Prepared)
    else:
        system = server.fresh(drills.command(), environment, var, print)
        system.start()
        try:
            found = ground.made(system)
        finally:
            system.stop()
        known.write_bytes(msgspec.json.encode(found))
    return ground.Ground(var, environment, found, jobs=True, spares=True)


async def _campaign(given: argparse.Namespace, place: ground.Ground) -> dict[str, Any]:
    application, build = CONTROLS[given.build]
    place.application = application
    place.start_database()
    place.start()
    campaign = Campaign(place, given.seed, _say, build=build)
    await campaign.open()
    began, laws = time.monotonic(), list[Any]()
    try:
        numbers = given.only or range(1, given.schedules + 1)
        for start in range(0, len(numbers), given.verify_every):
            await campaign.play(numbers[start : start + given.verify_every])
            last = start + given.verify_every >= len(numbers)
            await asyncio.to_thread(place.settled)
            laws += [_law(finding, start) for finding in place.verify(replay=last)]
    finally:
        await campaign.close()
    return {**figures(campaign, time.monotonic() - began), "laws_broken": laws}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _law(finding: dict[str, Any], start: int) -> dict[str, Any]:
    _say(f"LAW BROKEN after schedule {start}: {finding}")
    return {"after": start, **finding}


def figures(campaign: Campaign, seconds: float) -> dict[str, Any]:
    """What was played and what it found, ready for JSON."""
    results = campaign.results
    return {
        "schedules": len(results), "seed": campaign.seed, "phones": sum(len(one.schedule.phones) for one in results),
        "seconds": round(seconds, 1), "seconds_per_schedule": round(seconds / max(len(results), 1), 2),
        "confirmed": sum(one.confirmed for one in results), "stored": sum(one.stored for one in results),
        "families": dict(Counter(name for one in results for name in one.schedule.families).most_common()),
        "server_faults": dict(campaign.blows), "line": dict(sum((one.met for one in results), Counter()).most_common()),
        "parked": sum(one.parked for one in results), "stuck_and_sent_again": sum(one.stuck for one in results),
        "restored": sum(one.restored for one in results),
        "broken": {one.schedule.label: one.broken for one in results if one.broken},
    }  # fmt: skip


def main() -> int:
    given = _words()
    place = _ground(given.var.resolve(), keep=given.keep)
    try:
        told = asyncio.run(_campaign(given, place))
    finally:
        place.stop()
        Cluster.of(place.var).stop()
    if given.json:
        given.json.write_text(
            json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    _say(json.dumps({**told, "broken": len(told["broken"])}, ensure_ascii=False))
    return 1 if told["broken"] or told["laws_broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
