"""`yingjian plan ROUND`: plan a round and judge the plan; nothing is stored."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from django.core.management.base import BaseCommand

from yingjian.access import scope
from yingjian.engines.plan.judge import Finding
from yingjian.engines.plan.model import Plan
from yingjian.engines.siting.model import MICRO, Progress
from yingjian.kernel.errors import RuleBroken
from yingjian.planning import actions, annex, crewing, kept_lines, lines, queries, timing, wording
from yingjian.planning.management.given import json_of, options_of, refusals, round_id
from yingjian.workforce import queries as workforce

SHOWN = 20


class Command(BaseCommand):
    help = "Plan a round from its due list and preset, and say which rules hold. Stores nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("round", help="the round's id")
        parser.add_argument(
            "--json", action="store_true", help="the whole plan and findings as JSON"
        )
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="e.g. load=0.9, lanes=20"
        )  # fmt: skip
        parser.add_argument(
            "--most-sites", type=int, metavar="N", help="open at most N fixed sites; mobile teams are not counted"
        )  # fmt: skip
        parser.add_argument(
            "--barriers", metavar="FILE", help="GeoJSON of lines nobody crosses on foot: rivers, railways"
        )  # fmt: skip
        parser.add_argument(
            "--paths", metavar="FILE", help="GeoJSON of the paths people walk on, with heights if known"
        )  # fmt: skip
        for name in kept_lines.KINDS:
            parser.add_argument(
                f"--no-{name}", action="store_true", help=f"plan without {name}; else as in the last plan that had some"
            )  # fmt: skip
        parser.add_argument("--language", choices=["zh", "en"], default="zh")

    def handle(self, *args: Any, **given: Any) -> None:
        language: str = given["language"]
        began, worked = time.monotonic(), time.process_time()
        with refusals(language):
            asked = round_id(given["round"])
            options = _asked(given)
            with (
                scope.everywhere(),
                _watched(wording.words(language)["progress"]) as teller,
            ):
                options |= self._kept(asked, given | options, language)
                plan, findings = actions.compute(asked, options, told=teller)
        if given["json"]:
            with scope.everywhere():
                names = workforce.names_of(crewing.staff_ids(plan))
            timings = {
                "wall_s": round(time.monotonic() - began, 2),
                "processor_s": round(time.process_time() - worked, 2),
            }
            self.stdout.write(_document(plan, findings, timings, names))
        else:
            self._tell(plan, findings, language)

    def _kept(self, asked: uuid.UUID, given: dict[str, Any], language: str) -> dict[str, Any]:
        """The lines of the last plan that had some, which is said, where none are given or refused."""
        found: dict[str, Any] = {}
        for name, one in kept_lines.last(asked).items():
            if not given[name] and not given[f"no_{name}"]:
                found[name] = one.option
                told = wording.words(language)["kept"][name]
                line = told.format(version=one.version, round=one.round_name, count=one.count)
                self.stderr.write(line)
        return found

    def _tell(self, plan: Plan, findings: list[Finding], language: str) -> None:
        names = wording.words(language)
        self.stdout.write(annex.proof(plan, names["annex"]))
        for key, text in names["total"].items():
            source = plan.totals if hasattr(plan.totals, key) else plan.forecast
            self.stdout.write(f"{text}\t{wording.spoken(getattr(source, key), language)}")
        for job in crewing.job_lines(plan.crew, language) if plan.crew else ():
            if job.short:
                self.stdout.write(
                    names["means"]["short"].format(job=job.job, wanted=job.wanted, short=job.short)
                )
        with scope.everywhere():
            places = queries.names_in(plan, language)
        found = [
            (
                names["level"][f.level],
                wording.told(msgspec.to_builtins(f), language, places),
                wording.origin(f.origin, language),
            )
            for f in findings
            if f.level != "ok"
        ]
        for level, says, origin in found[:SHOWN]:
            self.stdout.write(f"{level}\t{says}\t{origin}")
        if len(found) > SHOWN:
            self.stdout.write(f"… +{len(found) - SHOWN}")
        sys.stdout.flush()


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """The options of the proposal. Refused as `given.json_of`."""
    found = options_of(given["option"])
    if given["most_sites"] is not None:
        found["most_sites"] = given["most_sites"]
    for name, codes in lines.CODES.items():
        if given[name]:
            found[name] = json_of(f"--{name}", given[name])
            if not found[name]:
                raise RuleBroken(f"planning.{codes.none}")
    return found


@contextmanager
def _watched(words: dict[str, str]) -> Iterator[timing.Teller]:
    """Progress on the error stream. The first Ctrl-C ends the search with the best so far, a second one everything."""
    stopped, before_that = False, None

    def tell(progress: Progress | None) -> bool:
        nonlocal before_that
        if progress is not None and progress.cost and progress != before_that:
            before_that = progress
            days = {"cost": progress.cost / MICRO, "bound": progress.bound / MICRO}
            gap = 100 * (progress.cost - progress.bound) / progress.cost
            line = words["line"].format(done=100 * progress.done, gap=gap, **days)
            sys.stderr.write(f"{line}\n")
        return stopped

    def end(*_: object) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(signal.SIGINT, before)
        sys.stderr.write(f"{words['ending']}\n")

    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, end)
    try:
        yield timing.Teller(tell)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _document(
    plan: Plan, findings: list[Finding], timings: dict[str, float], names: crewing.Names
) -> str:
    """Everything: the plan with its certificate, the certified gap, the findings, who is called, the time it took."""
    whole = {
        "plan": msgspec.to_builtins(plan),
        "gap": plan.siting.gap,
        "findings": msgspec.to_builtins(findings),
        "staff": {
            staff: {"name": one.name, "institution": one.institution}
            for staff, one in names.items()
        },
        "timings": timings,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1)
