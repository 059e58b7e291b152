"""`yingjian verify`: recompute every conservation law from the records; exit 1 on drift."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from yingjian.access import chain
from yingjian.kernel.clock import now
from yingjian.oversight import verify


class Command(BaseCommand):
    help = "Check conservation laws, policies, the journal's hash chain and replay-equality; exit 1 on drift."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--no-replay", action="store_true", help="leave out the rebuild from the journal"
        )
        parser.add_argument(
            "--no-seal", action="store_true", help="do not seal the journal's newest rows first"
        )
        parser.add_argument("--json", metavar="FILE", help="write the findings as JSON")
        parser.add_argument("--lang", choices=["zh", "en"], default="zh")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["no_seal"]:
            chain.seal(at=now())
        names = verify.law_names(options["lang"])
        found = []
        for finding in verify.run(with_replay=not options["no_replay"], progress=self._progress):
            found.append(finding)
            mark = self.style.SUCCESS("✓") if finding.holds else self.style.ERROR("✗")
            tail = f"  {finding.note}" if finding.note else ""
            self.stdout.write(f"{mark} {names[finding.key]}{tail}")
            for line in finding.shown if not finding.holds else []:
                self.stdout.write(f"    {line}")
        if options["json"]:
            told = [finding.as_json() for finding in found]
            text = json.dumps(told, ensure_ascii=False, indent=1)
            Path(options["json"]).write_text(text + "\n", encoding="utf-8")
        if not all(finding.holds for finding in found):
            sys.exit(1)

    def _progress(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done}/{total}", ending="")
