"""One answer on both sides: identity numbers, residents' codes, box codes, what a tube's facts add up to."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from yingjian.access import envelopes
from yingjian.engines.plan import codes as plan_codes
from yingjian.kernel.errors import RuleBroken
from yingjian.population.rules import resident_id
from yingjian.sampling import packing, rules, tokens
from yingjian.sampling.states import (
    Ended,
    Fact,
    Limits,
    Loaded,
    Locked,
    Opened,
    Place,
    Sealed,
    Swabbed,
    SwabMoved,
    SwabVoided,
    Who,
)  # fmt: skip

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
START = datetime(2026, 6, 1, 1, tzinfo=UTC)
ROUND = uuid.UUID(int=7)
PLACE = Place(ROUND, uuid.UUID(int=8), uuid.UUID(int=9), "990000101201")


def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return found


NAMES = ("id-numbers", "resident-codes", "box-codes", "tubes", "roster", "hub")
IDS, CODES, BOXES, TUBES, ROSTER, HUB = (loaded(f"{name}.json") for name in NAMES)


def named(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


@named(IDS["cases"])
def test_identity_number(case: dict[str, Any]) -> None:
    facts = resident_id(case["text"], on=date.fromisoformat(IDS["on"]))
    born = facts.birth_date.isoformat() if facts.birth_date else None
    told = (facts.number, facts.problem.removeprefix("population.id."), born, facts.sex.value)
    assert told == (case["number"], case["problem"], case["birth_date"], case["sex"])


@named(CODES["cases"])
def test_resident_code(case: dict[str, Any]) -> None:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(CODES["public_key"]))
    assert tokens.key_id(key).hex() == CODES["key_id"]
    keys = {tokens.key_id(key): key}
    if case["answer"] != "sound":
        with pytest.raises(RuleBroken) as refused:
            tokens.verify(case["text"], keys)
        assert refused.value.code == f"sampling.code_{case['answer']}"
        return
    token = tokens.verify(case["text"], keys)
    assert [str(person) for person in token.persons] == case["persons"]
    assert token.issued.isoformat() == CODES["issued"]


@named(CODES["struck"])
def test_revoked_code(case: dict[str, Any]) -> None:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(CODES["public_key"]))
    token = tokens.verify(case["text"], {tokens.key_id(key): key})
    assert tokens.struck(token, case["revoked"]) == case["struck"]


@named(BOXES["cases"])
def test_box_code(case: dict[str, Any]) -> None:
    assert plan_codes.box_code_holds(case["text"]) == case["holds"]
    if case["holds"]:
        assert plan_codes.station_of_box(case["text"]) == case["station"]


def _id(name: str) -> uuid.UUID:
    return uuid.uuid5(ROUND, name)


def _who(fact: dict[str, Any]) -> Who:
    household = fact.get("household")
    return Who(
        person_id=_id(f"person {fact['person']}"), area=PLACE.area, due_id=_id(f"due {fact['person']}"),
        household_id=None if household is None else _id(f"household {household}"),
        single=fact.get("single", False), found=fact.get("found", False),
    )  # fmt: skip


def _fact(fact: dict[str, Any]) -> Fact:
    at = START + timedelta(minutes=fact["at"])
    tube = _id(f"tube {fact['tube']}") if "tube" in fact else ROUND
    swab = _id(f"swab {fact['swab']}") if "swab" in fact else ROUND
    match fact["kind"]:
        case "tube.open":
            given = (fact["code"], fact["mode"], fact["capacity"], fact["purpose"])
            return Opened(tube, at, PLACE, *given)
        case "swab.add":
            return Swabbed(swab, tube, at, PLACE, "code", _who(fact))
        case "swab.void":
            return SwabVoided(swab, at, PLACE, fact["reason"])
        case "swab.move":
            return SwabMoved(swab, tube, at, PLACE, fact["reason"])
        case "tube.lock":
            return Locked(tube, at, PLACE)
        case "tube.seal":
            return Sealed(tube, at, PLACE, fact["count"])
        case kind:
            return Ended(tube, at, PLACE, kind.removeprefix("tube."), fact["reason"])


@named(TUBES["cases"])
def test_tube(case: dict[str, Any]) -> None:
    limits = Limits(frozenset(case["limits"]["sizes"]), case["limits"]["household"])
    facts = [_fact(fact) for fact in case["facts"]]
    told = rules.fold(Loaded(limits={ROUND: limits}), facts)
    for name, expected in case["tubes"].items():
        tube = told.tubes[_id(f"tube {name}")]
        assert (tube.state, tube.people, sorted(tube.flags)) == (
            expected["state"],
            expected["people"],
            expected["flags"],
        )
    for name, flags in case["swabs"].items():
        assert sorted(told.swabs[_id(f"swab {name}")].flags) == flags


def _listed(given: dict[str, Any]) -> packing.Listed:
    household, document = given["household_id"], given["document"]
    return packing.Listed(
        uuid.UUID(given["person_id"]).bytes, document and document.encode(), household and uuid.UUID(household).bytes,
        given["name"],
        given["mode"], given["state"], given["home"], given["elsewhere"], given["green"],
    )  # fmt: skip


@pytest.mark.parametrize(("people", "body"), [("people", "body"), ("later", "delta")])
def test_roster(people: str, body: str) -> None:
    have = "" if people == "people" else ROSTER["have"]
    told = packing.table_for(
        [_listed(one) for one in ROSTER[people]], key=bytes.fromhex(ROSTER["key"]), have=have, opened=bytes.decode
    )  # fmt: skip
    assert base64.b64encode(told.body).decode() == ROSTER[body]


def test_what_passes_through_a_hub() -> None:
    secret, plain, salt = HUB["secret"], HUB["plain"].encode(), bytes.fromhex(HUB["salt"])
    device, sealed = uuid.UUID(HUB["device"]), bytes.fromhex(HUB["sealed"])
    key = envelopes.hub_key(secret, uuid.UUID(HUB["hub"]))
    assert key.hex() == HUB["hub_key"]
    assert envelopes.seal_request(secret, device, plain, salt=salt) == sealed
    assert envelopes.proof(key, "keep", b"7", sealed) == HUB["proof"]
    assert envelopes.seal_answer(secret, device, plain, salt=salt).hex() == HUB["answer"]
    assert envelopes.open_request(secret, sealed) == plain
