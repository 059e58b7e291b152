"""``yingjian pressure``: the pressure test before a round, on a system of its own (R104)."""

import shutil
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import drills
from drill import scenario, told
from drill.client import DrillError
from drill.pressure import load, report, run, verdict
from drill.pressure.actors import TooFew


class Command(BaseCommand):
    """Phones, couriers, laboratories, residents, clerks and desks at a stated load; see ``drill/pressure``."""

    help = (
        "Test whether a system keeps up with a county's busiest hour, and up to how many times of it: "
        "yingjian pressure --people 40000 --hours 4 --peak 2.0 --minutes 3 --docx report.docx"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name, usual in load.DEFAULTS.items():
            kind: Any = int if name == "people" else float
            parser.add_argument(
                f"--{name.replace('_', '-')}", type=kind, help=f"of the load; assumed {usual:g} where no plan says it"
            )  # fmt: skip
        parser.add_argument(
            "--steps", type=float, nargs="+", default=[0.5, 1.0, 2.0], help="multiples of the peak"
        )
        parser.add_argument("--minutes", type=float, default=3.0, help="how long each step lasts")
        parser.add_argument(
            "--ramp", action="store_true", help="go on doubling until something does not keep up"
        )
        parser.add_argument(
            "--limit", nargs="*", default=[], metavar="KIND=SECONDS", help=f"kinds: {', '.join(load.KINDS)}"
        )  # fmt: skip
        parser.add_argument(
            "--scenario", default="yongning", help="the place: one of drill/scenarios"
        )
        parser.add_argument("--workers", type=int, default=1, help="web processes")
        parser.add_argument("--threads", type=int, default=8, help="threads of each")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--json", type=Path, help="write everything to this file")
        parser.add_argument("--docx", type=Path, help="write the report to this file, in Word")
        parser.add_argument("--lang", choices=["zh", "en"], default="zh")
        parser.add_argument("--no-verify", action="store_true", help="do not verify the records")
        parser.add_argument("--keep", action="store_true", help="keep the test's data afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        says = report.words(options["lang"])
        var = drills.directory("pressure").resolve()
        asked = run.Options(
            command=drills.command(), environment=drills.environment(var), var=var,
            scenario=options["scenario"], given={name: options[name] for name in load.DEFAULTS},
            limits=_limits(options["limit"]), steps=options["steps"], minutes=options["minutes"],
            ramp=options["ramp"], workers=options["workers"], threads=options["threads"],
            seed=options["seed"], verify=not options["no_verify"],
        )  # fmt: skip
        if options["minutes"] <= 0 or min(options["steps"]) <= 0:
            raise CommandError("--minutes and --steps are above 0")

        def progress(key: str, params: Mapping[str, Any]) -> None:
            self._say(says["progress"][key].format(**params))

        try:
            found = run.run(asked, progress)
        except TooFew as error:
            raise CommandError(f"{says['too_few']} ({error})") from error
        except load.LoadError as error:
            name = says["values"][error.name]
            told_ = says["bad_number"].format(name=name, value=f"{error.value:g}")
            raise CommandError(told_) from error
        except (DrillError, scenario.ScenarioError) as error:
            raise CommandError(str(error)) from error
        self._write(found, options)
        if not options["keep"]:
            shutil.rmtree(var, ignore_errors=True)
        if not found.passes:
            raise SystemExit(1)

    def _write(self, found: run.Outcome, options: dict[str, Any]) -> None:
        for line in report.lines(found, options["lang"]):
            self._say(line)
        if options["json"]:
            told.write_json(options["json"], found.document())
        if options["docx"]:
            options["docx"].parent.mkdir(parents=True, exist_ok=True)
            options["docx"].write_bytes(report.docx(found, options["lang"]))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _limits(given: list[str]) -> dict[str, float]:
    """`KIND=SECONDS` as a mapping. Raises `CommandError` for what is neither."""
    found = {}
    for text in given:
        kind, _, seconds = text.partition("=")
        try:
            found[kind] = float(seconds)
        except ValueError:
            raise CommandError(f"--limit {text}: KIND=SECONDS") from None
        if kind not in verdict.LIMITS:
            raise CommandError(f"--limit {text}: one of {', '.join(load.KINDS)}")
    return found
