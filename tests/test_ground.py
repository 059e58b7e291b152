"""The suite's own ground: tests run as the application's role on the owner's database."""

import pytest
from django.db import connections


@pytest.mark.django_db(databases=["default", "owner"])
def test_default_is_the_application_role_on_the_owners_test_database() -> None:
    seen = {}
    for alias in ("default", "owner"):
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT current_user, current_database(), rolsuper OR rolbypassrls"
                " FROM pg_roles WHERE rolname = current_user"
            )
            seen[alias] = cursor.fetchone()
    assert seen["default"][0] == "yingjian_app"
    assert seen["owner"][0] != "yingjian_app"
    assert seen["default"][1] == seen["owner"][1]
    assert seen["default"][1].startswith("test_")
    assert not seen["default"][2]
