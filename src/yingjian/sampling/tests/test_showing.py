"""A resident's own code: who gets which, that it is good at a station, and what a revoked one says."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from yingjian.access import scope, vault
from yingjian.access.tests.factories import NOON, actor, new_id
from yingjian.campaigns.tests.factories import persons
from yingjian.population import own
from yingjian.population.models import Person
from yingjian.sampling import tokens
from yingjian.sampling.tests.test_revoking import decided

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("drill")]
PHONE = "13800000000"


def number(n: int) -> str:
    return f"99000019900101{n:03d}X"


def a_family(size: int, *, phones: list[str | None]) -> list[uuid.UUID]:
    """People behind one door; a phone each, or none."""
    made = persons(size, household=True)
    with scope.everywhere():
        for n, (id, phone) in enumerate(zip(made, phones, strict=True)):
            sealed = {} if phone is None else {
                "phone_cipher": vault.seal(phone), "phone_index": vault.index(phone)
            }  # fmt: skip
            Person.objects.filter(id=id).update(
                id_type="resident_id", id_cipher=vault.seal(number(n)), id_index=vault.index(number(n)), **sealed,
            )  # fmt: skip
    return made


def ask(n: int, phone: str = PHONE, *, days: int = 0) -> tuple[int, Any]:
    client = Client(headers={"X-Yingjian-At": (NOON + timedelta(days=days)).isoformat()})
    given = {"id_number": number(n), "phone": phone}
    answer = client.post("/api/codes/own", given, content_type="application/json")
    return answer.status_code, answer.json()


def stands_for(code: dict[str, Any]) -> set[uuid.UUID]:
    return set(tokens.verify(code["token"], tokens.own_keys()).persons)


def test_a_code_is_for_oneself_and_for_those_of_the_door_without_a_phone_of_their_own() -> None:
    asker, child, same, stranger = a_family(4, phones=[PHONE, None, PHONE, "13900000000"])
    status, body = ask(0)
    assert status == 200
    alone, family = body["items"]
    assert stands_for(alone) == {asker}
    assert stands_for(family) == {asker, child, same}
    assert stranger not in stands_for(family)
    assert family["people"] == [{"name": "测*人", "id_tail": "123X"}] * 3
    assert {code["issued"] for code in body["items"]} == {NOON.date().isoformat()}
    assert number(0) not in str(body)
    assert PHONE not in str(body)


def test_who_lives_alone_has_one_code_and_more_than_seven_two_families() -> None:
    a_family(1, phones=[PHONE])
    assert len(ask(0)[1]["items"]) == 1
    with scope.everywhere():
        Person.objects.filter(id_index=vault.index(number(0))).update(id_index=None, id_cipher=None)
    made = a_family(9, phones=[PHONE] * 9)
    alone, *families = ask(0)[1]["items"]
    assert stands_for(alone) == {made[0]}
    assert [len(stands_for(code)) for code in families] == [7, 2]
    assert set.union(*map(stands_for, families)) == set(made)


def test_wrong_attempts_for_codes_and_results_are_counted_together() -> None:
    a_family(1, phones=[PHONE])
    for tail in range(own.WRONG_PER_NUMBER):
        status, body = ask(0, f"1390000000{tail}")
        assert (status, body["code"]) == (404, "population.lookup_not_found")
    asked = {"id_number": number(0), "phone": PHONE}
    shut = Client(headers={"X-Yingjian-At": NOON.isoformat()}).post(
        "/api/results/lookup", asked, content_type="application/json"
    )
    assert (shut.status_code, shut.json()["code"]) == (429, "population.lookup_shut")
    assert ask(0)[0] == 429


def test_a_revoked_code_says_so_until_a_new_one_can_be_had() -> None:
    _, child = a_family(2, phones=[PHONE, None])
    order = {"revocation_id": new_id(), "person_id": child, "reason": "码被拍照外传"}
    decided(actor("information_maintainer"), "codes.revoke", at=-600, **order)
    assert [code["struck"] for code in ask(0)[1]["items"]] == [False, True]
    assert [code["struck"] for code in ask(0, days=1)[1]["items"]] == [False, False]
    order = {"revocation_id": order["revocation_id"], "reason": "弄错了人"}
    decided(actor("information_maintainer"), "revocation.lift", at=-599, **order)
    assert [code["struck"] for code in ask(0)[1]["items"]] == [False, False]


def test_a_look_costs_three_statements_and_leaves_no_sight_behind() -> None:
    a_family(1, phones=[PHONE])
    ask(0)
    with CaptureQueriesContext(connection) as seen:
        assert ask(0)[0] == 200
    told = [one["sql"] for one in seen.captured_queries if "SAVEPOINT" not in (one["sql"] or "")]
    # The test's own transaction is around: two more put its sight away and back.
    assert len(told) == 3 + 2, told
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('yingjian.areas', true)")
        assert cursor.fetchone()[0] in {None, ""}
