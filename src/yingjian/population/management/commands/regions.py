"""`yingjian regions import FILE…`: bring lists of statistical division codes into the tree."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yingjian.access.actor import SYSTEM
from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.population import actions


class Command(BaseCommand):
    help = "Import regions: csv with columns code,name,level,parent_code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        taking = verbs.add_parser("import", help="add and rename areas; nothing is removed")
        taking.add_argument("files", nargs="+", type=Path)
        taking.add_argument("--lang", choices=("zh", "en"), default="zh")

    def handle(self, *args: Any, **options: Any) -> None:
        for file in options["files"]:
            try:
                done = actions.regions_import(actor=SYSTEM, path=file)
            except RuleBroken as error:
                told = sentence(error.code, options["lang"], error.params)
                raise CommandError(f"{file}: {error.code}\n{told['says']}\n{told['do']}") from None
            self.stdout.write(
                f"{file}: {done.read} read, {done.added} added, {done.renamed} renamed, "
                f"{done.unchanged} unchanged"
            )
