"""`yingjian bench`: the measurements of docs/benchmarks.md, each a ratio in one run where there is a rival."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

PROJECT = Path(__file__).resolve().parents[3]


class Command(BaseCommand):
    help = (
        "Measure: ingest (POST /api/sync beside pgbench and COPY, and as the store grows), read (look-ups and code "
        "pages beside a fixed answer, and the field under a flood of them), roster (import beside COPY), plan (the "
        "engines behind a plan at a county's size, each with its judge; with --region the product's whole plan of a "
        "county, or of a city by districts, judged; exits 1 where a rule is broken), "
        "rehearse (the twin beside SimPy and Ciw, its speed and its truth), pack (a station's pack of "
        "100,000 people on a slow phone; exits 1 above ten seconds), soak (ten times a county's peak for "
        "minutes: is the memory flat; exits 1 where it is not), instances (public siting instances in --data "
        "beside HiGHS alone)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what",
            choices=["ingest", "instances", "pack", "plan", "read", "rehearse", "roster", "soak"],
            nargs="?",
            default="ingest",
        )
        parser.add_argument(
            "--people",
            type=int,
            help="ingest: 140,000; read: 6,000; pack: 100,000; roster, plan, rehearse: 329,000; soak: 20,000",
        )
        parser.add_argument(
            "--region",
            choices=["yongning", "mule", "shushan", "circles", "city5m", "chengdu3", "chengdu1"],
            help="plan: whose whole plan",
        )
        parser.add_argument(
            "--sizes", type=int, nargs="*", default=[], help="plan --region: people, one or more"
        )
        parser.add_argument(
            "--seeds", type=int, default=1, help="plan --region, instances: how many"
        )
        parser.add_argument(
            "--data", type=Path, help="plan --region: folder of village lists; instances: of a set"
        )
        parser.add_argument("--tubes", type=int, default=1_200, help="tubes sent per size")
        parser.add_argument(
            "--rows",
            type=int,
            nargs="*",
            default=[300_000, 3_000_000],
            help="ingest: measure again at so many rows",
        )
        parser.add_argument("--workers", type=int, default=1, help="ingest: web processes")
        parser.add_argument("--seconds", type=float, default=10.0, help="read: of each measurement")
        parser.add_argument("--minutes", type=float, default=30.0, help="soak: how long")
        parser.add_argument("--offered", type=float, default=500.0, help="soak: tubes a second")
        sets = ["holmberg", "yang", "pmed", "pmedcap", "sjc", "mtvrptwr", "mdvrptw"]
        parser.add_argument("--set", choices=sets, default="holmberg", help="instances: which")
        parser.add_argument("--every", type=int, default=1, help="instances: each n-th file only")
        parser.add_argument("--json", type=Path, help="write the figures to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        what: str = options["what"]
        if what == "instances":
            figures = self._instances(options)
        elif what == "plan" and options["region"]:
            figures = self._region(options)
        elif what in {"plan", "rehearse", "roster"}:
            figures = self._county(what, options["people"] or 329_000)
        else:
            figures = self._served(what, options)
        if options["json"]:
            options["json"].write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        if not all(figures.get(promise, True) for promise in ("flat", "in_time", "clean")):
            sys.exit(1)

    def _region(self, options: dict[str, Any]) -> dict[str, Any]:
        from benchmarks import region_plans

        return region_plans.run(
            options["region"],
            sizes=options["sizes"] or [n for n in [options["people"]] if n],
            seeds=options["seeds"],
            data=options["data"],
            say=self._say,
            keep=options["json"] and options["json"].with_suffix(".districts.jsonl"),
        )

    def _instances(self, options: dict[str, Any]) -> dict[str, Any]:
        from benchmarks import instances, route_instances

        if options["data"] is None:
            raise CommandError("instances: say where the files lie, --data DIR")
        routes = options["set"] in route_instances.SCALES
        figures: dict[str, Any] = (route_instances if routes else instances).run(
            data=options["data"], which=options["set"], seconds=options["seconds"],
            seeds=options["seeds"], every=options["every"], say=self._say,
            keep=options["json"] and options["json"].with_suffix(".instances.jsonl"),
        )  # fmt: skip
        return figures

    def _served(self, what: str, options: dict[str, Any]) -> dict[str, Any]:
        """What is measured on a running system."""
        from benchmarks import ingest, read, soak

        people: int | None = options["people"]
        if what == "pack":
            # It drives a browser as our tests do, and a dependency of theirs has a package `tests` as well.
            sys.path.insert(0, str(PROJECT))
            from benchmarks import pack

            return pack.run(people=people or 100_000, say=self._say)
        if what == "read":
            return read.run(people=people or 6_000, seconds=options["seconds"], say=self._say)
        if what == "soak":
            return soak.run(
                minutes=options["minutes"], people=people or 20_000, offered=options["offered"],
                say=self._say,
            )  # fmt: skip
        return ingest.run(
            people=people or 140_000, tubes=options["tubes"], rows=options["rows"],
            workers=options["workers"], say=self._say,
        )  # fmt: skip

    def _county(self, what: str, people: int) -> dict[str, Any]:
        if what == "rehearse":
            from benchmarks import rehearse

            return rehearse.run(people=people, say=self._say)
        if what == "plan":
            from benchmarks import plan

            return plan.run(people=people, say=self._say)
        from benchmarks import roster

        return roster.run(people=people, say=self._say)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
