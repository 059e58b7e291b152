"""`yingjian choices ROUND`: what there is to choose before a round, and what each choice costs and finds."""

from __future__ import annotations

import json
import uuid
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from yingjian.access import scope
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.planning import ground, pool_paper, pool_sizes, queries, wording


class Command(BaseCommand):
    help = "How many to a tube: what each choice takes, finds and misses. Stores nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("round", help="the round's id")
        parser.add_argument("--json", action="store_true", help="everything as JSON")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE",
            help="what to assume, e.g. prevalence=0.001, sensitivity=0.95, keep=true",
        )  # fmt: skip
        parser.add_argument("--language", choices=["zh", "en"], default="zh")

    def handle(self, *args: Any, **given: Any) -> None:
        language: str = given["language"]
        try:
            round_id = uuid.UUID(given["round"])
        except ValueError:
            raise CommandError(f"not a round's id: {given['round']}") from None
        try:
            with scope.everywhere():
                self._tell(round_id, _options(given["option"]), language, as_json=given["json"])
        except RuleBroken as error:
            told = sentence(error.code, language, error.params)
            raise CommandError(f"{error.code}: {told['says']} {told['do']}") from None

    def _tell(
        self, round_id: uuid.UUID, options: dict[str, Any], language: str, *, as_json: bool
    ) -> None:
        try:
            asked = pool_sizes.PoolAsked(**options)
        except ValidationError as error:
            wrong = error.errors()[0]
            option = str(wrong["loc"][0] if wrong["loc"] else "")
            raise RuleBroken(
                "planning.bad_option", option=option, got=str(wrong["input"])[:40]
            ) from None
        known = ground.ground_of(round_id, at=now())
        sizes = pool_sizes.pool_sizes(known, asked, language=language)
        if as_json:
            self.stdout.write(msgspec.json.encode({"pool_sizes": sizes}).decode())
            return
        report = pool_paper.paper(
            sizes, round_name=known.brief.name, tz=queries.local_time(), language=language
        )
        self.stdout.write(report.title)
        self.stdout.write(report.text())
        names = wording.words(language)["pooling"]
        for town in sizes.towns:
            self.stdout.write(f"{town.name}\t{pool_paper.percent(town.prevalence)}\t{town.says}")
        for one in sizes.whole.sizes:
            self.stdout.write(
                f"{one.size}\t{one.tubes}\t{round(one.retests)}\t{pool_sizes.in_people(one.missed)}"
                f"\t{pool_paper.in_time(one, names)}"
            )


def _options(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
