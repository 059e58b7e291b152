"""``yingjian drill SCENARIO``: a whole round with simulated people, judged, on a system of its own."""

import os
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from config import drills
from drill import play, run, scenario
from drill.client import DrillError

REPORT_NAMES = tuple(name for _, name in play.REPORTS)


def _tidy(var: Path) -> None:
    """Remove a drill's data; the reports it names in the end stay."""
    for path in var.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif not path.name.endswith(REPORT_NAMES):
            path.unlink()


class Command(BaseCommand):
    """Residents, registrars, samplers, couriers, laboratories and teams as actors; see ``drill/``."""

    help = (
        "Drill a whole round, for example: yingjian drill yongning --people 329000 --positives 12"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", help="yongning, yilaha or another of drill/scenarios")
        parser.add_argument("--people", type=int, help="how many people live there")
        parser.add_argument("--positives", type=int, help="how many of them are positive")
        parser.add_argument("--seed", type=int)
        parser.add_argument(
            "--json", type=Path, help="write figures, judgement and cost to this file"
        )
        parser.add_argument("--lang", choices=["zh", "en"], default="zh")
        parser.add_argument("--keep", action="store_true", help="keep the drill's data afterwards")
        parser.add_argument("--serve", action="store_true", help="leave the system running")
        parser.add_argument("--no-verify", action="store_true", help="do not verify the records")
        parser.add_argument("--workers", type=int, default=1, help="web processes")
        parser.add_argument(
            "--var", type=Path, help="where its data lie (default var/drill-SCENARIO)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        var = (options["var"] or drills.directory(f"drill-{options['scenario']}")).resolve()
        chosen = run.Options(
            command=drills.command(), environment=drills.environment(var), var=var, own=os.getpid(),
            language=options["lang"], json=options["json"], serve=options["serve"],
            verify=not options["no_verify"], workers=options["workers"],
        )  # fmt: skip
        try:
            given = scenario.load(
                options["scenario"], people=options["people"], seed=options["seed"]
            )
            if options["positives"] is not None:
                seeded = msgspec.structs.replace(given.seeded, positives=options["positives"])
                given = msgspec.structs.replace(given, seeded=seeded)
            held = run.run(given, chosen, self._say)
        except (DrillError, scenario.ScenarioError) as error:
            raise CommandError(str(error)) from error
        if not held:
            raise CommandError(
                f"not everything held; see the lines marked ✗. Its data stay in {var}"
            )
        if not (options["keep"] or options["serve"]):
            _tidy(var)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
