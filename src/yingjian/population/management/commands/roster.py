"""`yingjian roster import|template`: read a roster from a file, or write an empty one."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yingjian.access import scope
from yingjian.access.actor import SYSTEM
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.kernel.ids import uuid7
from yingjian.population import actions, queries, spreadsheets


class Command(BaseCommand):
    help = "Import a roster (xlsx, xls, ods, csv) or write the template."

    def add_arguments(self, parser: ArgumentParser) -> None:
        shared = ArgumentParser(add_help=False)
        shared.add_argument("file", type=Path)
        shared.add_argument("--lang", choices=("zh", "en"), default="zh")
        verbs = parser.add_subparsers(dest="verb", required=True)
        taking = verbs.add_parser("import", parents=[shared], help="read a roster into an area")
        taking.add_argument("--area", required=True, help="area path, e.g. 640121")
        taking.add_argument("--region", default="", help="12-digit village of a list without one")
        taking.add_argument("--problems", type=Path, help="write the lines to mend to this xlsx")
        taking.add_argument("--json", action="store_true", dest="as_json")
        verbs.add_parser("template", parents=[shared], help="write an empty roster")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Namespace(**options)
        try:
            getattr(self, f"_{wanted.verb}")(wanted)
        except RuleBroken as error:
            told = sentence(error.code, wanted.lang, error.params)
            raise CommandError(
                f"{wanted.file}: {error.code}\n{told['says']}\n{told['do']}"
            ) from None

    def _template(self, wanted: Namespace) -> None:
        spreadsheets.write_template(wanted.file, lang=wanted.lang)
        self.stdout.write(str(wanted.file))

    def _import(self, wanted: Namespace) -> None:
        started = monotonic()
        done = actions.roster_import(
            actor=SYSTEM,
            at=now(),
            import_id=uuid7(now()),
            path=wanted.file,
            area=wanted.area,
            region=wanted.region,
            progress=None if wanted.as_json else self._progress,
        )
        seconds = monotonic() - started
        if wanted.problems:
            self._problems(wanted, done)
        if wanted.as_json:
            self.stdout.write(
                json.dumps({**asdict(done), "seconds": seconds}, ensure_ascii=False, default=str)
            )
            return
        totals = done.totals
        self.stdout.write(
            f"{done.rows_read} lines read = {done.rows_taken} taken + {done.rows_unchanged} unchanged"
            f" + {done.rows_refused} refused, {totals['households']} households, "
            f"{seconds:.1f} s ({done.rows_read / seconds:.0f}/s)"
        )
        if totals["same_file_as"]:
            self.stdout.write(f"the same file as import {totals['same_file_as']}")
        for code, count in totals["by_issue"].items():
            self.stdout.write(f"{count:>8}  {code}  {sentence(code, wanted.lang)['says']}")

    def _progress(self, read: int, expected: int) -> None:
        self.stderr.write(f"\r{read} of about {expected} lines", ending="")
        if read >= expected - 1:
            self.stderr.write("")

    def _problems(self, wanted: Namespace, done: actions.RosterImported) -> None:
        with scope.acting(SYSTEM):
            found = queries.problems_for(SYSTEM, done.import_id, limit=None)
        count = spreadsheets.write_problems(
            wanted.problems, found, headings=done.totals["headings"], lang=wanted.lang
        )
        self.stderr.write(f"{count} lines to mend in {wanted.problems}")
