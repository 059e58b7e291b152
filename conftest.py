"""The suite's ground: who connects as whom.

The test database is made and migrated by the owner (alias ``owner``); tests use alias ``default``,
which is the application's role ``yingjian_app``, so row-level security and the missing rights on
append-only tables hold in tests as they do in service. A test that must look past them asks for
``@pytest.mark.django_db(databases=["default", "owner"])``; the two are separate connections, so
what one has not committed the other does not see. Tests with ``transaction=True`` get both, since
only the owner may empty the tables afterwards.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from config import databases

# How long one example takes says more of the machine than of the code.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")


@pytest.fixture(scope="session")
def database_server() -> Iterator[None]:
    """The embedded server, running for as long as this process tests."""
    with contextlib.ExitStack() as stack:
        if databases.embedded():
            stack.enter_context(databases.cluster().in_use())
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_server: None, django_db_modify_db_settings: None) -> None:
    """Bring the server up before pytest-django makes the test database."""


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
    django_db_createdb: bool,
) -> Iterator[None]:
    """The owner makes and migrates the test database; the application joins it by name.

    In pytest-django's own fixture only databases that some test names are made, and few name the
    owner's. ``--reuse-db`` and ``--create-db`` work as documented there.
    """
    keep = django_db_keepdb
    with django_db_blocker.unblock():
        made = setup_databases(
            verbosity=0,
            interactive=False,
            aliases={"default": None, "owner": None},  # the stubs want a mapping; Django asks `in`
            keepdb=keep and not django_db_createdb,
        )
    yield
    connections.close_all()  # the drop goes through the owner only, and waits for nobody
    if not keep:
        with django_db_blocker.unblock():
            teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def emptied_only() -> Iterator[None]:
    """Tables emptied after a transactional test are only emptied.

    Django would go through all models again for permissions and content types, which nothing here asks for: half a
    second a test.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


@pytest.fixture(autouse=True)
def nothing_pending() -> None:
    """Events that the test before announced and did not deliver are not this one's."""
    from yingjian.access import outbox

    outbox.forget_pending()


@pytest.fixture
def everywhere(db: None) -> Iterator[None]:
    """For whoever looks at rows of every area and signs nobody in; asked for with ``usefixtures``."""
    from yingjian.access import scope

    with scope.everywhere():
        yield


@pytest.fixture
def drill(settings: Any) -> None:
    """Time is told with each request (``X-Yingjian-At``)."""
    settings.YINGJIAN_DRILL = True


@pytest.fixture
def others_settled() -> Callable[[], None]:
    """Waits until every transaction of the server that runs now has ended.

    Transaction ids are the server's, not the database's: with parallel tests another worker's
    open transaction holds back whatever looks at ``pg_snapshot_xmin``, as sealing does.
    """

    def wait(*, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            mine = cursor.fetchone()[0]
            while True:
                cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
                if cursor.fetchone()[0] > mine:
                    return
                assert time.monotonic() < deadline, "another worker's transaction does not end"
                time.sleep(0.05)

    return wait


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give transactional tests the owner's connection: it empties the tables."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction") and "databases" not in marker.kwargs:
            item.add_marker(
                pytest.mark.django_db(**{**marker.kwargs, "databases": ["default", "owner"]}),
                append=False,
            )
    _spread(items)


def _spread(items: list[pytest.Item]) -> None:
    """With two workers: servers of their own first in the second half, so that no worker ends with one alone.

    The first half begins with the engines: what they compile at the first call is found by those servers.
    """
    slow, early, rest = [], [], []
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("django_db"):
            slow.append(item)
        elif item.nodeid.startswith(COMPILED):
            early.append(item)
        else:
            rest.append(item)
    slow.sort(key=lambda item: item.nodeid.startswith("drill/"))
    half = max(0, len(items) // 2 - len(early))
    items[:] = early + rest[:half] + slow + rest[half:]


COMPILED = ("src/yingjian/engines/siting/", "src/yingjian/engines/day/")
"""Tests of what is compiled at its first call, some fifty seconds in all."""
