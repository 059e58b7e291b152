"""The permission table: every route and every command kind stands in a file, and behaves as it stands there.

A new route or kind fails here until it is in the table (`UPDATE_PERMISSIONS=1` writes it; the diff is reviewed).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from yingjian.access import journal
from yingjian.access.permissions import ROLES, granted
from yingjian.access.tests.factories import sign_in, user
from yingjian.api import api

HERE = Path(__file__).parent
ANY_ID = "00000000-0000-7000-8000-000000000000"
# Open on purpose: who am I, sign-in, a device's first word, a resident's own result and code.
OPEN = {
    "GET /session",
    "POST /session",
    "POST /devices/enrol",
    "POST /results/lookup",
    "POST /codes/own",
}


def routes() -> dict[str, str]:
    found = {}
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                needs = [getattr(auth, "permission", "?") for auth in operation.auth_callbacks]
                permission = "open" if not needs else needs[0] or "signed in"
                for method in operation.methods:
                    found[f"{method} {prefix}{path}"] = permission
    return dict(sorted(found.items()))


def kinds() -> dict[str, str]:
    return {
        kind.name: kind.permission + (" (decision)" if kind.decision else "")
        for kind in sorted(journal.KINDS.values(), key=lambda kind: kind.name)
        if not kind.name.startswith("test.")
    }


@pytest.mark.parametrize(("name", "found"), [("routes", routes()), ("kinds", kinds())])
def test_the_table_is_what_the_code_does(name: str, found: dict[str, str]) -> None:
    file = HERE / f"{name}.json"
    if os.environ.get("UPDATE_PERMISSIONS"):
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert json.loads(file.read_text(encoding="utf-8")) == found


def test_only_what_must_be_is_open() -> None:
    assert {route for route, permission in routes().items() if permission == "open"} <= OPEN
    assert "?" not in routes().values()


def call(client: Client, route: str, **headers: str) -> Any:
    method, path = route.split(" ")
    filled = re.sub(r"\{(?:\w+:)?\w+\}", ANY_ID, path)
    return client.generic(
        method, f"/api{filled}", b"{}", content_type="application/json", headers=headers
    )


@pytest.mark.django_db
def test_nobody_gets_through_any_closed_door() -> None:
    for route, permission in routes().items():
        if permission != "open":
            answer = call(Client(), route)
            assert (answer.status_code, answer.json()["code"]) == (
                401,
                "access.sign_in_required",
            ), route


@pytest.mark.django_db
@pytest.mark.parametrize("role", sorted(set(ROLES) - {"system"}))
def test_a_role_meets_exactly_the_doors_of_its_permissions(role: str) -> None:
    client = Client(enforce_csrf_checks=True)
    csrf = sign_in(client, user(role))["csrf"]
    for route, permission in routes().items():
        if permission in {"open", "signed in"}:
            continue
        answer = call(client, route, **{"X-CSRFToken": csrf})
        refused = answer.status_code == 403 and answer.json().get("code") == "access.not_permitted"
        assert refused == (permission not in granted(role)), (route, answer.status_code)
        assert answer.status_code < 500, (route, answer.content)
