"""``yingjian serve``: the whole system as one process tree."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import postgres, tree


class Command(BaseCommand):
    """Database, migrations check, jobs and web; Ctrl-C stops them in order."""

    help = "Serve: database, migrations check, jobs and web in one process tree."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = tree.Options()
        parser.add_argument("--host", default=default.host)
        parser.add_argument("--port", type=int, default=default.port, help="0: any free port")
        parser.add_argument("--workers", type=int, default=default.workers, help="web processes")
        parser.add_argument(
            "--threads", type=int, default=default.threads, help="threads in each web process"
        )
        parser.add_argument(
            "--migrate", action="store_true", help="apply missing migrations before serving"
        )
        parser.add_argument(
            "--drill", action="store_true", help="allow the drill's accelerated clock"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = tree.Options(
            host=options["host"],
            port=options["port"],
            workers=options["workers"],
            threads=options["threads"],
            migrate=options["migrate"],
            drill=options["drill"],
        )
        try:
            tree.serve(chosen, self._say)
        except (tree.ServeError, postgres.PostgresError) as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
