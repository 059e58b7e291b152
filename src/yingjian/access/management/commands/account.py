"""`yingjian account`: the first administrator of an installation, or any account from the command line."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from yingjian.access import accounts
from yingjian.access.actor import SYSTEM
from yingjian.kernel.clock import now
from yingjian.kernel.errors import RuleBroken, sentence
from yingjian.kernel.ids import uuid7


class Command(BaseCommand):
    help = "Add a user: yingjian account NAME --role administrator --area 231183101 (password asked, or from stdin)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="")
        parser.add_argument("--area", required=True, help="region prefix the account works in")
        parser.add_argument("--role", action="append", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        at = now()
        try:
            accounts.add(
                actor=SYSTEM, at=at, user_id=uuid7(at), username=options["username"],
                full_name=options["name"] or options["username"], area=options["area"], password=password,
                roles=[(role, options["area"]) for role in options["role"]],
            )  # fmt: skip
        except RuleBroken as error:
            told = sentence(error.code, "zh", error.params)
            raise CommandError(f"{told['says']} {told['do']} ({error.code})") from None
        self.stdout.write(
            f"account   {options['username']}: {', '.join(options['role'])} in {options['area']}"
        )
