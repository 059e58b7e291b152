"""Codes that are no longer good: who may revoke, what a station is told, what becomes of a swab all the same."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from yingjian.access import journal, scope, vault
from yingjian.access.actor import Actor, Hold
from yingjian.access.journal import Verdict
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, command, new_id, user
from yingjian.campaigns.models import DuePerson
from yingjian.kernel.errors import RuleBroken
from yingjian.sampling import packing, revoking, tokens
from yingjian.sampling.models import Revocation
from yingjian.sampling.tests.factories import (
    Field,
    a_field,
    added,
    minute,
    opened,
    recorded,
    send,
    swabs_in,
    token,
)
from yingjian.sampling.tests.test_reading import get, signed_in

pytestmark = pytest.mark.django_db
REASON = "码被拍照外传"


def decided(who: Actor, kind: str, at: float = 0, **payload: Any) -> Verdict:
    made = command(kind, payload, at=minute(at))
    (verdict,) = journal.submit(actor=who, received_at=minute(at), commands=[made], park=False)
    return verdict


def refused(who: Actor, kind: str, **payload: Any) -> str:
    with pytest.raises(RuleBroken) as caught:
        decided(who, kind, **payload)
    return caught.value.code


def maintainer(area: str = TOWN_A) -> Actor:
    return actor("information_maintainer", area)


def shown(field: Field, text: str, at: float) -> tuple[list[str], uuid.UUID | None]:
    """The flags of a swab with this code, and whose it is."""
    tube = new_id()
    send(field.phone, opened(field.code(), tube), added(tube, at=at, token=text))
    (swab,) = swabs_in(tube)
    return swab.flags, swab.person_id


def test_a_persons_codes_end_and_a_family_code_with_them() -> None:
    field = a_field()
    lost, other = field.people[:2]
    family = tokens.issue([other, lost], day=NOON.date())
    decided(maintainer(), "codes.revoke", revocation_id=new_id(), person_id=lost, reason=REASON)
    assert shown(field, token(lost), 5) == (["code_revoked"], None)
    tube = new_id()
    member = added(tube, at=6, token=family, person_id=other, entry="family")
    send(field.phone, opened(field.code(), tube), member)
    assert swabs_in(tube)[0].flags == ["code_revoked"]
    assert shown(field, token(other), 7) == ([], other)
    tomorrow = tokens.issue([lost], day=NOON.date() + timedelta(days=1))
    assert shown(field, tomorrow, 8) == ([], lost)


def test_a_swab_with_a_revoked_code_is_kept_sealed_and_nobody_counts_as_sampled() -> None:
    field = a_field()
    lost = field.people[0]
    decided(maintainer(), "codes.revoke", revocation_id=new_id(), person_id=lost, reason=REASON)
    tube = new_id()
    send(field.phone, recorded(field.code(), field.people[:3], tube=tube))
    first, *rest = swabs_in(tube)
    assert (first.flags, first.person_id, [swab.flags for swab in rest]) == (
        ["code_revoked"], None, [[], []],
    )  # fmt: skip
    assert first.identity_cipher is not None
    assert token(lost) in vault.unseal(first.identity_cipher)
    with scope.everywhere():
        states = DuePerson.objects.filter(person_id__in=field.people[:3]).values_list(
            "person_id", "state"
        )
        assert dict(states) == {lost: "due", field.people[1]: "sampled", field.people[2]: "sampled"}


def test_a_swab_is_judged_by_the_time_it_was_taken() -> None:
    field, id = a_field(), new_id()
    lost = field.people[0]
    decided(maintainer(), "codes.revoke", 10, revocation_id=id, person_id=lost, reason=REASON)
    decided(maintainer(), "revocation.lift", 20, revocation_id=id, reason="找到了")
    flags = [shown(field, token(lost), at)[0] for at in (9.9, 10, 19.9, 20)]
    assert [("code_revoked" in each) for each in flags] == [False, True, True, False]


def test_one_code_ends_and_another_of_the_same_person_does_not() -> None:
    field = a_field()
    one = token(field.people[0])
    family = tokens.issue(field.people[:2], day=NOON.date())
    decided(maintainer(), "code.revoke", revocation_id=new_id(), token=family, reason=REASON)
    assert shown(field, one, 5) == ([], field.people[0])
    tube = new_id()
    member = added(tube, token=family, person_id=field.people[1], entry="family", at=6)
    send(field.phone, opened(field.code(), tube), member)
    assert swabs_in(tube)[0].flags == ["code_revoked"]


def test_a_key_ends_by_an_administrator_and_with_it_every_code() -> None:
    field, id = a_field(), new_id()
    (key,) = (key.hex() for key in tokens.own_keys())
    given: dict[str, Any] = {"revocation_id": id, "key_id": key, "reason": REASON}
    assert refused(maintainer(), "key.revoke", **given) == "access.not_permitted"
    other = {**given, "key_id": "00000000"}
    assert refused(actor("administrator", ""), "key.revoke", **other) == "sampling.key_unknown"
    decided(actor("administrator", ""), "key.revoke", **given)
    assert shown(field, token(field.people[3]), 5) == (["code_revoked"], None)
    lift: dict[str, Any] = {"revocation_id": id, "reason": "误操作"}
    assert refused(maintainer(), "revocation.lift", **lift) == "sampling.revocation_unknown"
    decided(actor("administrator", ""), "revocation.lift", 6, **lift)
    assert shown(field, token(field.people[4]), 7) == ([], field.people[4])


def test_nobody_revokes_in_another_town_or_what_is_not_there() -> None:
    field, id = a_field(), new_id()
    lost = field.people[0]
    given: dict[str, Any] = {"revocation_id": id, "reason": REASON}
    far = maintainer(TOWN_B)
    assert refused(far, "codes.revoke", person_id=lost, **given) == "access.outside_area"
    assert refused(far, "code.revoke", token=token(lost), **given) == "access.outside_area"
    assert refused(actor("sampler"), "codes.revoke", person_id=lost, **given) == (
        "access.not_permitted"
    )
    nobody = new_id()
    assert refused(maintainer(), "codes.revoke", person_id=nobody, **given) == (
        "population.person.unknown"
    )
    assert refused(maintainer(), "code.revoke", token="YJ1", **given) == "sampling.code_garbled"
    decided(maintainer(), "codes.revoke", person_id=lost, **given)
    again = {**given, "person_id": field.people[1]}
    assert refused(maintainer(), "codes.revoke", **again) == "sampling.revocation_taken"
    assert refused(far, "revocation.lift", **given) == "sampling.revocation_unknown"


def test_a_stations_pack_strikes_just_what_the_server_does() -> None:
    field = a_field(preset="yongning")
    lost, id = field.people[0], new_id()
    pack = packing.pack_for(field.phone, "own", at=minute(1))
    assert pack["revoked"] == []
    decided(maintainer(), "codes.revoke", 2, revocation_id=id, person_id=lost, reason=REASON)
    after = packing.pack_for(field.phone, "own", at=minute(3))
    assert packing.tag_of(after) != packing.tag_of(pack)
    assert str(lost) not in str(after)
    read = [tokens.read(token(person)) for person in field.people[:2]]
    assert [tokens.struck(one, after["revoked"]) for one in read] == [True, False]
    with scope.everywhere():
        assert revoking.struck([(one, minute(3)) for one in read]) == [True, False]
    decided(maintainer(), "revocation.lift", 4, revocation_id=id, reason="找到了")
    assert packing.pack_for(field.phone, "own", at=minute(5))["revoked"] == []


def test_the_list_names_what_was_revoked_to_whoever_maintains_there() -> None:
    field, ids = a_field(), sorted(new_id() for _ in range(3))
    for person, id in zip(field.people, ids, strict=False):
        decided(maintainer(), "codes.revoke", revocation_id=id, person_id=person, reason=REASON)
    client = signed_in("information_maintainer")
    page = get(client, "/codes/revoked?limit=2")
    assert [item["id"] for item in page["items"]] == [str(ids[2]), str(ids[1])]
    assert page["items"][0]["reason"] == REASON
    assert (page["items"][0]["by"], page["items"][0]["lifted_by"]) == ("", ""), (
        "nobody of the staff"
    )
    rest = get(client, f"/codes/revoked?after={page['next']}")
    assert [item["id"] for item in rest["items"]] == [str(ids[0])]
    assert get(signed_in("information_maintainer", TOWN_B), "/codes/revoked")["items"] == []


def test_it_is_told_who_revoked_and_who_restored() -> None:
    field, id = a_field(), new_id()
    clerk, other = user("information_maintainer"), user("administrator", "")
    for made, kind, at in ((clerk, "codes.revoke", 1), (other, "revocation.lift", 2)):
        role = "information_maintainer" if made is clerk else "administrator"
        who = Actor("user", made.id, made.name, (Hold(role, made.area),))
        about = {"person_id": field.people[0]} if made is clerk else {}
        decided(who, kind, at, revocation_id=id, reason=REASON, **about)
    [row] = get(signed_in("information_maintainer"), "/codes/revoked")["items"]
    assert (row["by"], row["lifted_by"]) == (clerk.name, other.name), (
        "also from above the asker's area"
    )
    assert (row["at"][:19], row["lifted_at"][:19]) == tuple(
        minute(at).isoformat()[:19] for at in (1, 2)
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "house"},
        {"reason": ""},
        {"kind": "person"},
        {"until": NOON.date()},
        {"lifted_at": NOON},
    ],
)
def test_the_table_refuses_nonsense(broken: dict[str, Any]) -> None:
    row = {"id": new_id(), "kind": "code", "mark": "00", "area": TOWN_A, "at": NOON, "reason": "x"}
    with scope.everywhere():
        Revocation.objects.create(**row)
        with pytest.raises(IntegrityError), transaction.atomic():
            Revocation.objects.create(**{**row, "id": new_id(), **broken})


def test_many_codes_are_asked_about_at_once(django_assert_num_queries: Any) -> None:
    field = a_field()
    read = [(tokens.read(token(person)), minute(1)) for person in field.people]
    with scope.everywhere(), django_assert_num_queries(1):
        assert revoking.struck(read) == [False] * 30
    with scope.everywhere(), django_assert_num_queries(0):
        assert revoking.struck([]) == []
