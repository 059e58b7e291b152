"""The ``yingjian`` command: Django's management commands, with the database brought up for them.

``serve`` and ``db`` live in ``config/management/commands``, the rooms' own in theirs.
"""

import contextlib
import os
import signal
import sys
from types import FrameType

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError

from config import databases, env, postgres
from yingjian.kernel.errors import RuleBroken, sentence

# Commands that need no database, or look after it themselves: they must not start one.
_WITHOUT_DATABASE = {
    "bench", "check", "compilemessages", "collectstatic", "db", "demo", "diffsettings", "drill", "errors", "findstatic",
    "help", "hub", "makemessages", "openapi", "preset", "pressure", "serve", "synth", "version",
}  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["hub"]:  # on a laptop at a site: none of the house is loaded for it
        from config.hub.main import main as hub

        return hub(arguments[1:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    from django.core.management import execute_from_command_line

    command = arguments[0] if arguments else "help"
    if command == "migrate" and not any(a.startswith("--database") for a in arguments):
        arguments += ["--database", "owner"]  # tables belong to the owner, never to the application
    # SIGTERM ends a command as Ctrl-C does: through its clean-up, so the last one stops the server.
    signal.signal(signal.SIGTERM, _terminated)
    needs = command not in _WITHOUT_DATABASE and not {"-h", "--help"} & set(arguments)
    try:
        with contextlib.ExitStack() as stack:
            if needs and databases.embedded():
                cluster = databases.cluster()
                stack.enter_context(cluster.in_use())
                cluster.create_database(databases.name())
            execute_from_command_line(["yingjian", *arguments])
    except RuleBroken as error:  # a refusal that no command says in its own way
        told = sentence(error.code, env.language(), error.params)
        sys.stderr.write(f"yingjian: {told['says']} {told['do']} ({error.code})\n")
        return 1
    except (postgres.PostgresError, ImproperlyConfigured) as error:
        sys.stderr.write(f"yingjian: {error}\n")
        return 1
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) is not None:
            raise  # the server answered: this is a fault of ours
        sys.stderr.write(
            f"yingjian: The database does not answer; look at DATABASE_URL.\n{error}\n"
        )
        return 1
    return 0


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
