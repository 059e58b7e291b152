"""`yingjian rehearse ROUND`: play the round's plan, or with `--live` the rest of its day, and say what to expect."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from yingjian.access import scope
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.planning import documents, outlook, queries, rehearsing, wording


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
            "--live", action="store_true", help="the rest of the day from how the round stands now"
        )
        parser.add_argument("--json", metavar="FILE", help="the whole rehearsal as JSON")
        parser.add_argument("--docx", metavar="FILE", help="the annex to the plan in Word")
        parser.add_argument("--language", choices=["zh", "en"], default="zh")

    def handle(self, *args: Any, **given: Any) -> None:
        language: str = given["language"]
        try:
            round_id = uuid.UUID(given["round"])
        except ValueError:
            raise CommandError(f"not a round's id: {given['round']}") from None
        try:
            with scope.everywhere():
                play = self._live if given["live"] else self._rehearse
                play(round_id, given, language)
        except RuleBroken as error:
            told = sentence(error.code, language, error.params)
            raise CommandError(f"{error.code}: {told['says']} {told['do']}") from None

    def _rehearse(self, round_id: uuid.UUID, given: dict[str, Any], language: str) -> None:
        found = rehearsing.rehearse(
            queries.plan_to_rehearse(round_id), runs=max(1, given["runs"]), trials=max(1, given["trials"]),
            seed=given["seed"], language=language,
        )  # fmt: skip
        self._tell(found, language)
        if given["json"]:
            Path(given["json"]).write_bytes(msgspec.json.format(msgspec.json.encode(found)))
        if given["docx"]:
            data = documents.rehearsal_annex(found, at=now(), language=language)
            Path(given["docx"]).write_bytes(data)

    def _live(self, round_id: uuid.UUID, given: dict[str, Any], language: str) -> None:
        at = now()
        found = outlook.outlook_of(round_id, at=at, language=language)
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

    def _tell(self, found: rehearsing.Rehearsal, language: str) -> None:
        names = wording.words(language)["rehearsal"]
        for day in found.days:
            self.stdout.write(names["day"].format(date=day.on.isoformat(), people=day.people))
            for line in day.says:
                self.stdout.write(f"  {line}")
            for key, rows in (("cases", day.cases), ("helps", day.helps)):
                self.stdout.write(f"  {names['table'][key]}")
                for one in rows:
                    self.stdout.write(f"    {one.says}  {rehearsing.in_short(one, names)}")
                if not rows:
                    self.stdout.write(f"    {names['no_help']}")
