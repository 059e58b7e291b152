"""`yingjian choices ROUND`: what there is to choose before a round, and what each choice costs and finds."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand
from pydantic import ValidationError

from yingjian.access import scope
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.papers import Report
from yingjian.planning import cadence, cadence_paper, ground, pool_paper, pool_sizes, queries
from yingjian.planning.management.given import options_of, refusals, round_id


class Command(BaseCommand):
    help = "How many to a tube and how often to swab: what each choice takes, finds, misses. Stores nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("round", help="the round's id")
        parser.add_argument("--json", action="store_true", help="everything as JSON")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE",
            help="what to assume, e.g. prevalence=0.001, keep=true, r=4, days=21",
        )  # fmt: skip
        parser.add_argument("--language", choices=["zh", "en"], default="zh")

    def handle(self, *args: Any, **given: Any) -> None:
        language: str = given["language"]
        with refusals(language), scope.everywhere():
            asked = round_id(given["round"])
            self._tell(asked, options_of(given["option"]), language, as_json=given["json"])

    def _tell(
        self, asked: uuid.UUID, options: dict[str, Any], language: str, *, as_json: bool
    ) -> None:
        pools, rounds = _asked(options)
        known = ground.ground_of(asked, at=now())
        sizes = pool_sizes.pool_sizes(known, pools, language=language)
        ways = cadence.cadence(known, rounds, language=language)
        if as_json:
            whole = {"pool_sizes": sizes, "cadence": ways}
            self.stdout.write(msgspec.json.encode(whole).decode())
            return
        name, tz = known.brief.name, queries.local_time()
        report = pool_paper.paper(sizes, round_name=name, tz=tz, language=language)
        self._paper(report)
        for town in sizes.towns:
            self.stdout.write(f"{town.name}\t{pool_paper.percent(town.prevalence)}\t{town.says}")
        self._paper(cadence_paper.paper(ways, round_name=name, tz=tz, language=language))

    def _paper(self, report: Report) -> None:
        """Title, text and the first table."""
        self.stdout.write(report.title)
        self.stdout.write(report.text())
        first = next(table for table in report.tables() if table.paper)
        for row in (first.columns, *first.rows):
            self.stdout.write("\t".join(str(cell) for cell in row))


def _asked(options: dict[str, Any]) -> tuple[pool_sizes.PoolAsked, cadence.CadenceAsked]:
    """Each question's own options; what both know goes to both.

    Raises `planning.unknown_option`, `planning.bad_option`.
    """
    kinds = (pool_sizes.PoolAsked, cadence.CadenceAsked)
    known = {name for kind in kinds for name in kind.model_fields}
    for name in options:
        if name not in known:
            raise RuleBroken("planning.unknown_option", option=name, known=", ".join(sorted(known)))
    try:
        pools, rounds = (
            kind.model_validate({n: v for n, v in options.items() if n in kind.model_fields})
            for kind in kinds
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        raise RuleBroken(
            "planning.bad_option", option=str(wrong["loc"][0]), got=str(wrong["input"])[:40]
        ) from None
    return pools, rounds  # type: ignore[return-value]
