"""``yingjian db``: the embedded database by hand."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import databases, postgres


class Command(BaseCommand):
    """start (and keep running), stop, status, psql."""

    help = (
        "The embedded PostgreSQL: start, stop, status, psql. "
        "For example: yingjian db --role app psql -- -c 'SELECT current_user'"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["start", "stop", "status", "psql"])
        parser.add_argument(
            "--role",
            choices=["app", "owner", "super"],
            default="owner",
            help="for psql; before the verb",
        )
        parser.add_argument("arguments", nargs="*", help="for psql, after --")

    def handle(self, *args: Any, **options: Any) -> None:
        if not databases.embedded():
            raise CommandError("DATABASE_URL is set: the embedded database is not in use.")
        cluster = databases.cluster()
        getattr(self, f"_{options['verb']}")(cluster, options)

    def _start(self, cluster: postgres.Cluster, _: dict[str, Any]) -> None:
        cluster.start()
        self.stdout.write(f"database  running (process {cluster.pid()}), data in {cluster.data}")

    def _stop(self, cluster: postgres.Cluster, _: dict[str, Any]) -> None:
        self.stdout.write("database  stopped" if cluster.stop() else "database  was not running")

    def _status(self, cluster: postgres.Cluster, _: dict[str, Any]) -> None:
        pid = cluster.pid()
        if pid is None:
            self.stdout.write("database  not running")
            raise SystemExit(3)
        used = "in use" if cluster.users() else "not in use"
        self.stdout.write(f"database  running (process {pid}), {used}, socket in {cluster.sockets}")

    def _psql(self, cluster: postgres.Cluster, options: dict[str, Any]) -> None:
        role = {
            "app": postgres.APP_ROLE, "owner": postgres.OWNER_ROLE, "super": postgres.SUPER_ROLE
        }[options["role"]]  # fmt: skip
        with cluster.in_use():
            code = os.spawnve(  # noqa: S606  (no shell is the point)
                os.P_WAIT,
                str(postgres.BINARIES / "psql"),
                ["psql", "-h", str(cluster.sockets), "-U", role, "-d", postgres.DATABASE,
                 *options["arguments"]],
                {**os.environ, "PGPASSWORD": postgres.password(role)},
            )  # fmt: skip
        raise SystemExit(code)
