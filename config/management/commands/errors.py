"""`yingjian errors`: every code a refusal can carry, as a page (`docs/errors.md`)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from yingjian.kernel.errors import catalogue

HEAD = """# Errors

Every refusal carries a stable code, what is wrong and what to do, in the reader's language. A fact is
never refused: it is kept with a flag or parked with one of these codes. Made by `yingjian errors`; do not edit.

| code | 中文 | English |
|---|---|---|
"""


def page() -> str:
    """The page, from the rooms' message files."""
    zh, en = catalogue("zh"), catalogue("en")
    lines = [
        f"| `{code}` | {zh[code]['says']} {zh[code]['do']} | {en[code]['says']} {en[code]['do']} |"
        for code in sorted(zh)
    ]
    return HEAD + "\n".join(lines) + "\n"


class Command(BaseCommand):
    help = "Write docs/errors.md from the rooms' messages; --check only compares (exit 1 when it is stale)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--file", default="docs/errors.md")

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(options["file"])
        if not options["check"]:
            target.write_text(page(), encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != page():
            self.stderr.write(f"{target} is stale: run `yingjian errors`")
            sys.exit(1)
