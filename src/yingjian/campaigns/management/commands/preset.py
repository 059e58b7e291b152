"""`yingjian preset list|show|diff|check|schema`: look at protocol presets without a database."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yingjian.campaigns import presets
from yingjian.kernel.errors import sentence


class Command(BaseCommand):
    help = "List, show, compare and check protocol presets."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        shared = ArgumentParser(add_help=False)
        shared.add_argument("--lang", choices=("zh", "en"), default="zh")
        shared.add_argument("--json", action="store_true", dest="as_json")
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", parents=[shared], help="every preset with its dates")
        show = actions.add_parser("show", parents=[shared], help="every value and its origin")
        show.add_argument("code")
        show.add_argument("--own", action="store_true", help="only lines of the plan's own file")
        compare = actions.add_parser("diff", parents=[shared], help="two presets side by side")
        compare.add_argument("a")
        compare.add_argument("b")
        compare.add_argument("--all", action="store_true", dest="everything", help="equal rows too")
        actions.add_parser("check", parents=[shared], help="validate every file; exit 1 on a fault")
        actions.add_parser("schema", parents=[shared], help="JSON Schema of a merged preset")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Namespace(**options)
        try:
            text = getattr(self, f"_{wanted.action}")(wanted)
        except presets.PresetError as error:
            raise CommandError(_explain(error, wanted.lang)) from None
        self.stdout.write(text)

    def _list(self, wanted: Namespace) -> str:
        found = [presets.load(code) for code in presets.codes()]
        if wanted.as_json:
            return _json([p.header.model_dump(mode="json") for p in found])
        return "\n".join(
            f"{p.key:<18}{p.header.effective_from}  {p.header.title.get(wanted.lang)}"
            for p in found
        )

    def _show(self, wanted: Namespace) -> str:
        preset = presets.load(wanted.code)
        if wanted.as_json:
            return _json(presets.preset_json(preset, wanted.lang))
        return presets.render_preset(preset, lang=wanted.lang, own_only=wanted.own)

    def _diff(self, wanted: Namespace) -> str:
        a, b = presets.load(wanted.a), presets.load(wanted.b)
        if wanted.as_json:
            rows = presets.diff(a, b, everything=wanted.everything)
            return _json(presets.rows_json(rows, wanted.lang))
        return presets.render_diff(a, b, lang=wanted.lang, everything=wanted.everything)

    def _check(self, wanted: Namespace) -> str:
        lines, faults = [], []
        for code in presets.codes():
            try:
                census = presets.census(presets.load(code))
            except presets.PresetError as error:
                faults.append(_explain(error, wanted.lang))
            else:
                lines.append({"code": code, **census})
        if faults:
            raise CommandError("\n".join(faults))
        if wanted.as_json:
            return _json(lines)
        words = presets.labels(wanted.lang)["text"]
        return "\n".join(words["census"].format(**line) for line in lines)

    def _schema(self, wanted: Namespace) -> str:
        return _json(presets.Preset.model_json_schema())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _explain(error: presets.PresetError, lang: str) -> str:
    lines = []
    for problem in error.problems:
        told = sentence(problem.code, lang, problem.params)
        where = f"{problem.file}:{problem.line}" if problem.line else problem.file
        place = " ".join(part for part in (where, problem.path) if part)
        lines.append(f"{place}\n  {problem.code}\n  {told['says']}\n  {told['do']}")
    return "\n".join(lines)
