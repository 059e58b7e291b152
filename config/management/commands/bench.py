"""`yingjian bench`: the measurements of docs/benchmarks.md, each a ratio in one run where there is a rival."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Measure: ingest (POST /api/sync beside pgbench), roster (import beside COPY)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["ingest", "roster"], nargs="?", default="ingest")
        parser.add_argument("--people", type=int, help="ingest: 60,000; roster: 329,000")
        parser.add_argument("--tubes", type=int, default=1_500, help="tubes sent per size")
        parser.add_argument("--json", type=Path, help="write the figures to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "roster":
            from benchmarks import roster

            figures = roster.run(people=options["people"] or 329_000, say=self._say)
        else:
            from benchmarks import ingest

            figures = ingest.run(
                people=options["people"] or 60_000, tubes=options["tubes"], say=self._say
            )
        if options["json"]:
            options["json"].write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
