"""The suite's ground: who connects as whom.

The test database is made and migrated by the owner (alias ``owner``); tests use alias ``default``,
which is the application's role ``yingjian_app``, so row-level security and the missing rights on
append-only tables hold in tests as they do in service. A test that must look past them asks for
``@pytest.mark.django_db(databases=["default", "owner"])``; the two are separate connections, so
what one has not committed the other does not see. Tests with ``transaction=True`` get both, since
only the owner may empty the tables afterwards.
"""

import contextlib
from collections.abc import Iterator

import pytest
from django.db import connections

from config import databases, env, postgres


@pytest.fixture(scope="session")
def database_server() -> Iterator[None]:
    """The embedded server, running for as long as this process tests."""
    with contextlib.ExitStack() as stack:
        if databases.embedded():
            stack.enter_context(postgres.Cluster.of(env.VAR).in_use())
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_server: None, django_db_modify_db_settings: None) -> None:
    """Bring the server up before pytest-django makes the test database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Leave the test database before it is dropped: the drop goes through the owner only."""
    yield
    connections.close_all()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give transactional tests the owner's connection: it empties the tables."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction") and "databases" not in marker.kwargs:
            item.add_marker(
                pytest.mark.django_db(**{**marker.kwargs, "databases": ["default", "owner"]}),
                append=False,
            )
