"""`yingjian rehearse ROUND`: play the round's plan, or with `--live` the rest of its day, and say what to expect."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand
from pydantic import ValidationError

from yingjian.access import scope
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken
from yingjian.planning import documents, outlook, queries, rehearsing, wording
from yingjian.planning.management.given import refusals, round_id, text_of
from yingjian.planning.troubles import Troubles

MOST_INFECTED = 1000


def _own(given: str) -> Troubles:
    """Troubles of the command line: JSON, or a file of it. Refused as `text_of`, and with `planning.trouble_bad`."""
    text = given if given.lstrip().startswith("{") else text_of("--troubles", given)
    try:
        return Troubles.model_validate_json(text)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(part) for part in wrong["loc"]) or "--troubles"
        raise RuleBroken(
            "planning.trouble_bad", where=where, got=str(wrong["input"])[:40]
        ) from None


class Command(BaseCommand):
    help = "Rehearse a round's plan (the one in force, else the newest): expectations, troubles, what helps most."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("round", help="the round's id")
        parser.add_argument("--runs", type=int, default=200, help="times the plan is played")
        parser.add_argument(
            "--trials", type=int, default=40, help="times each trouble and each change is played"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--positives", type=float, metavar="N",
            help="infected of 10,000 people (else as many as the round before found in the area)",
        )  # fmt: skip
        parser.add_argument(
            "--troubles", metavar="JSON",
            help="what shall go wrong, all at once, instead of the usual cases: JSON or a file of it, in the shape of"
            ' POST /plans/{id}/troubles, e.g. {"absent": 15, "patience": 45}',
        )  # fmt: skip
        parser.add_argument(
            "--live", action="store_true", help="the rest of the day from how the round stands now"
        )
        parser.add_argument("--json", metavar="FILE", help="the whole rehearsal as JSON")
        parser.add_argument("--docx", metavar="FILE", help="the annex to the plan in Word")
        parser.add_argument("--language", choices=["zh", "en"], default="zh")

    def handle(self, *args: Any, **given: Any) -> None:
        language: str = given["language"]
        with refusals(language), scope.everywhere():
            play = self._live if given["live"] else self._rehearse
            play(round_id(given["round"]), given, language)

    def _rehearse(self, asked: uuid.UUID, given: dict[str, Any], language: str) -> None:
        runs, infected = max(1, given["runs"]), given["positives"]
        if infected is not None and not 0 <= infected <= MOST_INFECTED:
            raise RuleBroken("planning.positives_range", got=f"{infected:g}", most=MOST_INFECTED)
        own = _own(given["troubles"]) if given["troubles"] else None
        found = rehearsing.rehearse(
            queries.plan_to_rehearse(asked), runs=runs, positives=infected, seed=given["seed"],
            trials=runs if own else max(1, given["trials"]), language=language, own=own,
        )  # fmt: skip
        self._tell(found, language, given_own=own is not None)
        if given["json"]:
            Path(given["json"]).write_bytes(msgspec.json.format(msgspec.json.encode(found)))
        if given["docx"]:
            data = documents.rehearsal_annex(found, at=now(), language=language)
            Path(given["docx"]).write_bytes(data)

    def _live(self, asked: uuid.UUID, given: dict[str, Any], language: str) -> None:
        at = now()
        found = outlook.outlook_of(asked, at=at, language=language)
        names = wording.words(language)
        own, local = names["outlook"], at.astimezone(queries.local_time())
        told = {
            "at": local.strftime("%Y-%m-%d %H:%M"),
            "people": found.people,
            "sampled": found.sampled,
        }
        self.stdout.write(own["intro"].format(**told, to_come=found.to_come, runs=found.runs))
        self.stdout.write(own["unchanged"])
        for line in found.says:
            self.stdout.write(f"  {line}")
        if found.helps:
            self.stdout.write(f"  {names['rehearsal']['table']['helps']}")
        for one in found.helps:
            self.stdout.write(f"    {one.says}  {rehearsing.in_short(one, names['rehearsal'])}")
        if given["json"]:
            Path(given["json"]).write_bytes(msgspec.json.format(msgspec.json.encode(found)))

    def _tell(self, found: rehearsing.Rehearsal, language: str, *, given_own: bool) -> None:
        names = wording.words(language)["rehearsal"]
        for day in found.days:
            self.stdout.write(names["day"].format(date=day.on.isoformat(), people=day.people))
            for line in day.says:
                self.stdout.write(f"  {line}")
            tables = (("cases", day.cases), ("helps", day.helps))
            for key, rows in tables[:1] if given_own else tables:
                self.stdout.write(f"  {names['table'][key]}")
                for one in rows:
                    self.stdout.write(f"    {one.says}  {rehearsing.in_short(one, names)}")
                if not rows:
                    self.stdout.write(f"    {names['no_help']}")
