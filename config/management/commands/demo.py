"""``yingjian demo``: a town's real screening day, replayed; leaves the system running."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import drills
from drill import run, scenario
from drill.client import DrillError


class Command(BaseCommand):
    """Yilaha's day of 16 January 2021, on a system of its own under ``var/demo``."""

    help = "Replay a town's real screening day (Yilaha, 7,409 people) and leave the system running."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="stop after the replay")
        parser.add_argument("--json", type=Path, help="write the figures to this file")
        parser.add_argument("--lang", choices=["zh", "en"], default="zh")
        parser.add_argument("--people", type=int, help="another number of people (default 7409)")

    def handle(self, *args: Any, **options: Any) -> None:
        var = drills.directory("demo")
        chosen = run.Options(
            command=drills.command(), environment=drills.environment(var), var=var, own=os.getpid(),
            language=options["lang"], json=options["json"], serve=not options["no_serve"],
        )  # fmt: skip
        try:
            given = scenario.load("yilaha", people=options["people"])
            held = run.run(given, chosen, self._say)
        except (DrillError, scenario.ScenarioError) as error:
            raise CommandError(str(error)) from error
        if not held:
            raise CommandError("not everything held; see the lines marked ✗")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
