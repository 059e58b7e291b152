"""The two ways to run a replay from the command line: the demo, which stays up, and the drill, which ends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drill import server, told
from drill.play import Outcome, play
from drill.scenario import Scenario, Words
from drill.server import Say, System


@dataclass(frozen=True)
class Options:
    """How a replay is run. `serve`: leave the system running until Ctrl-C; `verify`: check its records afterwards."""

    command: Sequence[str]
    environment: Mapping[str, str]
    var: Path
    own: int
    language: str = "zh"
    json: Path | None = None
    serve: bool = False
    verify: bool = True
    workers: int = 1


def run(scenario: Scenario, options: Options, say: Say) -> bool:
    """Replay on a fresh system; whether everything held."""
    began = time.monotonic()
    system = server.fresh(options.command, options.environment, options.var, say)
    try:
        with server.measured(system, options.own):
            system.start(workers=options.workers)
            say(f"system    {system.url}, data in {system.var}")
            outcome = play(system, scenario, say)
            verified = _verify(system, say) if options.verify else None
        took = time.monotonic() - began
        more: dict[str, Any] = {"verify_clean": verified, "wall_seconds": round(took, 1)}
        more["peak_memory_mib"] = system.peak
        if options.json is not None:
            told.write_json(options.json, told.document(outcome, more))
        for line in [
            *told.table(outcome, options.language),
            *_cost(outcome, system, took, options),
        ]:
            say(line)
        for path in outcome.files:
            say(f"  {path}")
        if options.serve:
            _serve(system, outcome, options, say)
        return outcome.score.holds and verified is not False
    except KeyboardInterrupt:
        return False
    finally:
        system.stop()


def _verify(system: System, say: Say) -> bool:
    """`yingjian verify` on the drill's own records."""
    began = time.monotonic()
    done = system.yingjian("verify", check=False)
    clean = done.returncode == 0
    say(f"verify    {'clean' if clean else 'DRIFT'} in {time.monotonic() - began:.1f} s")
    if not clean:
        for line in (done.stdout + done.stderr).splitlines()[-30:]:
            say(f"  {line}")
    return clean


def _cost(outcome: Outcome, system: System, took: float, options: Options) -> list[str]:
    words = Words(
        "用时 {s:.0f} 秒，峰值内存 {m} MiB，请求 {r:,} 次",
        "{s:.0f} s, peak memory {m} MiB, {r:,} requests",
    )
    requests = sum(outcome.world.traffic.requests.values())
    line = words.told(options.language).format(s=took, m=system.peak.get("all", 0), r=requests)
    return ["", f"  {line}"]


def _serve(system: System, outcome: Outcome, options: Options, say: Say) -> None:
    for line in told.access(outcome, options.language):
        say(line)
    words = Words(
        "系统在 {url} 运行，按 Ctrl-C 停止", "The system runs at {url}; stop it with Ctrl-C"
    )
    say(f"\n  {words.told(options.language).format(url=system.url)}")
    system.wait()
