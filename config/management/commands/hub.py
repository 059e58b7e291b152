"""``yingjian hub``: named here for `yingjian help`; the work is in `config.hub`, which needs no Django."""

from typing import Any

from django.core.management.base import BaseCommand

from config.hub.main import main


class Command(BaseCommand):
    """A laptop at a site without a line keeps phones' records and hands them up later."""

    help = "A hub at a site: keeps phones' sealed requests without a line, forwards them to the county later."

    def run_from_argv(self, argv: list[str]) -> None:
        """Whatever was said is the hub's own to read."""
        raise SystemExit(main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        """For `call_command`: begins as without any word."""
        raise SystemExit(main([]))
