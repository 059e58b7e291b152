"""Codes as scanners and hands bring them: blank, endless, damaged, forged, used before, known to nobody."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.bad_input.ground import Told, Town, told
from tests.bad_input.table import row
from yingjian.access import scope
from yingjian.access.models import Device
from yingjian.access.tests.factories import TOWN_A, new_id
from yingjian.sampling import tokens
from yingjian.sampling.tests.factories import token

G: Final = "codes"


def tube(code: str, **more: Any) -> dict[str, Any]:
    return {"tube_id": new_id(), "code": code, "mode": "pool", "capacity": 10, **more}


def swab(town: Town, **more: Any) -> dict[str, Any]:
    """A swab into a tube that is open."""
    opened = tube("T0007")
    assert town.said("tube.open", opened).kept == "taken"
    return {"swab_id": new_id(), "tube_id": opened["tube_id"], "entry": "code", **more}


@row(G, "a blank tube code", "flagged", "code_missing")
def _(town: Town) -> Told:
    return town.said("tube.open", tube("   "))


@row(G, "a tube code of 200 characters", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.open", tube("7" * 200))


@row(G, "control characters in a tube code", "taken", "")
def _(town: Town) -> Told:
    return town.said("tube.open", tube("T\x07\x1b[2J9"))


@row(G, "a NUL in a tube code", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.open", tube("T\x009"))


@row(G, "a tube code that is in use already", "flagged", "duplicate_tube")
def _(town: Town) -> Told:
    return town.said("tube.open", tube(town.tube_code))


@row(G, "a resident's code nobody can read", "flagged", "code_garbled")
def _(town: Town) -> Iterator[Any]:
    given = swab(town, token="锟斤拷锟斤拷")
    yield
    yield town.said("swab.add", given)


@row(G, "a resident's code with one letter changed", "flagged", "code_garbled")
def _(town: Town) -> Iterator[Any]:
    good = token(town.people[9])
    given = swab(town, token=good[:12] + ("A" if good[12] != "A" else "B") + good[13:])
    yield
    yield town.said("swab.add", given)


@row(G, "a resident's code signed by somebody else", "flagged", "code_foreign_key")
def _(town: Town) -> Iterator[Any]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    forged = tokens.issue([town.people[9]], day=town.now.date(), key=key)
    raw = base64.b32decode(forged.removeprefix(tokens.PREFIX) + "=" * (-(len(forged) - 3) % 8))
    unsealed = base64.b32encode(raw[: -tokens.SEAL] + bytes(tokens.SEAL)).decode().rstrip("=")
    forged = f"{tokens.PREFIX}{unsealed}"  # nobody else can make this server's seal
    given = swab(town, token=forged)
    yield
    yield town.said("swab.add", given)


@row(G, "a resident's code of 4,000 letters", "flagged", "code_garbled")
def _(town: Town) -> Iterator[Any]:
    given = swab(town, token="A" * 4_000)
    yield
    yield town.said("swab.add", given)


@row(G, "a resident's code shown a second time", "flagged", "duplicate_person")
def _(town: Town) -> Iterator[Any]:
    given = swab(town, token=token(town.people[0]))
    yield
    yield town.said("swab.add", given)


@row(G, "nobody named at all", "flagged", "no_identity")
def _(town: Town) -> Iterator[Any]:
    given = swab(town)
    yield
    yield town.said("swab.add", given)


@row(G, "an ID number typed with a wrong check digit", "flagged", "id_malformed")
def _(town: Town) -> Iterator[Any]:
    given = {
        "entry": "id",
        "id_type": "resident_id",
        "id_number": "990000199001010011",
        "name": "王某",
    }
    given = swab(town, **given)
    yield
    yield town.said("swab.add", given)


@row(G, "a stub number of 60 digits", "parked", "access.payload_malformed")
def _(town: Town) -> Iterator[Any]:
    given = swab(town, token=token(town.people[9]), stub_no="7" * 60)
    yield
    yield town.said("swab.add", given)


@row(G, "a station code nobody knows", "parked", "sampling.station_unknown")
def _(town: Town) -> Told:
    return town.does("sampler", "tube.open", tube("T0099", station_code="NOWHERE"))


@row(G, "a tube code nobody knows", "refused", "sampling.tube_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("sampler", "/tubes/T9999")


@row(G, "a tube code with a NUL in the address", "refused", "access.input_unstorable")
def _(town: Town) -> Told:
    return town.get("sampler", "/tubes/T%00")


@row(G, "a box code nobody knows", "refused", "logistics.box_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("courier", "/boxes/B9999")


@row(G, "a preset code nobody knows", "refused", "campaigns.preset_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("commander", "/presets/atlantis")


@row(G, "an invitation nobody wrote", "refused", "access.token_unknown", status=404)
def _(town: Town) -> Told:
    return _enrol(town, "forged")


@row(G, "an invitation another phone has used", "refused", "access.token_used", status=409)
def _(town: Town) -> Iterator[Any]:
    invited = _invited(town)
    assert _enrol(town, invited).kept == "taken"
    yield
    yield _enrol(town, invited)


@row(G, "an invitation of the day before", "refused", "access.token_expired", status=410)
def _(town: Town) -> Iterator[Any]:
    invited = _invited(town)
    yield
    late = (town.now + timedelta(days=2)).isoformat()
    given = {"token": invited, "device_id": str(new_id()), "name": "phone"}
    answer = town.nobody.post(
        "/api/devices/enrol",
        given,
        content_type="application/json",
        headers={"X-Yingjian-At": late},
    )
    yield told(answer)


@row(G, "a phone that was shut out", "refused", "access.sign_in_required", status=401)
def _(town: Town) -> Iterator[Any]:
    with scope.everywhere():
        Device.objects.filter(id=town.device.id).update(revoked_at=town.now)
    yield
    yield town.said("tube.open", tube("T0098"))


@row(G, "a phone with another phone's secret", "refused", "access.sign_in_required", status=401)
def _(town: Town) -> Told:
    town.secret = "guessed"
    return town.said("tube.open", tube("T0098"))


def _invited(town: Town) -> str:
    given = {
        "token_id": new_id(),
        "station_code": "S1-1",
        "area": TOWN_A,
        "role": "sampler",
        "hours": 24,
    }
    town.done("site_lead", "device.invite", given)
    answer = town.user("site_lead").get(f"/api/devices/invitations/{given['token_id']}")
    return str(answer.json()["token"])


def _enrol(town: Town, invitation: str) -> Told:
    given = {"token": invitation, "device_id": str(new_id()), "name": "phone"}
    return told(town.nobody.post("/api/devices/enrol", given, content_type="application/json"))


# -- codes taken back ------------------------------------------------------------------------------


def _revokes(
    town: Town, kind: str, *, role: str = "information_maintainer", **payload: Any
) -> Told:
    return town.does(role, kind, {"revocation_id": new_id(), "reason": "码被拍照外传", **payload})


@row(G, "codes are revoked for no reason", "refused", "access.payload_malformed")
def _(town: Town) -> Told:
    return _revokes(town, "codes.revoke", person_id=town.people[9], reason="  ")


@row(
    G,
    "the codes of somebody unknown are revoked",
    "refused",
    "population.person.unknown",
    status=404,
)
def _(town: Town) -> Told:
    return _revokes(town, "codes.revoke", person_id=new_id())


@row(G, "a text that is no code is revoked", "refused", "sampling.code_garbled")
def _(town: Town) -> Told:
    return _revokes(town, "code.revoke", token="YJ1锟斤拷")


@row(G, "a key that signs nothing is revoked", "refused", "sampling.key_unknown", status=404)
def _(town: Town) -> Told:
    return _revokes(town, "key.revoke", role="administrator", key_id="deadbeef")


@row(
    G,
    "the key of everybody's codes is revoked by a clerk",
    "refused",
    "access.not_permitted",
    status=403,
)
def _(town: Town) -> Told:
    return _revokes(town, "key.revoke", key_id=tokens.signing_keys()[0])


@row(
    G, "a revocation that never was is lifted", "refused", "sampling.revocation_unknown", status=404
)
def _(town: Town) -> Told:
    return _revokes(town, "revocation.lift")


@row(G, "two revocations come with the same id", "refused", "sampling.revocation_taken", status=409)
def _(town: Town) -> Iterator[Any]:
    id = new_id()
    assert (
        _revokes(town, "codes.revoke", person_id=town.people[9], revocation_id=id).kept == "taken"
    )
    yield
    yield _revokes(town, "codes.revoke", person_id=town.people[8], revocation_id=id)


@row(G, "a resident's own codes are asked for with a wrong telephone", "refused", "population.lookup_not_found",
     status=404, journals=2)  # fmt: skip
def _(town: Town) -> Told:
    given = {"id_number": "990000199001010011", "phone": "13000000000"}
    return told(town.nobody.post("/api/codes/own", given, content_type="application/json"))


@row(
    G,
    "a resident's own codes are asked for with a document of a page's length",
    "refused",
    "access.input_malformed",
)
def _(town: Town) -> Told:
    given = {"id_number": "9" * 4000, "phone": "13000000000"}
    return told(town.nobody.post("/api/codes/own", given, content_type="application/json"))


# -- labels ----------------------------------------------------------------------------------------


def _prints(town: Town, role: str = "site_lead", **payload: Any) -> Told:
    given = {
        "print_id": new_id(),
        "round_id": town.round_id,
        "kind": "site",
        "site_code": town.field.sites[0].code,
    }
    return town.does(role, "labels.print", {**given, **payload})


@row(G, "labels of a kind that is not printed", "refused", "access.payload_malformed")
def _(town: Town) -> Told:
    return _prints(town, kind="passport")


@row(G, "labels of a site that is not there", "refused", "sampling.site_unknown", status=404)
def _(town: Town) -> Told:
    return _prints(town, site_code="NOWHERE")


@row(G, "box labels from ten to one", "refused", "sampling.print_scope")
def _(town: Town) -> Told:
    return _prints(town, kind="box", first=10, last=1)


@row(G, "labels are printed once more for no reason", "refused", "sampling.print_again", status=409)
def _(town: Town) -> Iterator[Any]:
    assert _prints(town).kept == "taken"
    yield
    yield _prints(town)


@row(G, "two prints come with the same id", "refused", "access.already_recorded", status=409)
def _(town: Town) -> Iterator[Any]:
    id = new_id()
    assert _prints(town, print_id=id).kept == "taken"
    yield
    yield _prints(town, print_id=id, reason="标签淋湿")


@row(G, "labels are printed by a courier", "refused", "access.not_permitted", status=403)
def _(town: Town) -> Told:
    return _prints(town, "courier")


@row(G, "the file of a print nobody ordered", "refused", "sampling.print_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("site_lead", f"/prints/{new_id()}/labels.pdf")


@row(G, "the log of prints of no round", "refused", "campaigns.round_unknown", status=404)
def _(town: Town) -> Told:
    return town.get("site_lead", f"/rounds/{new_id()}/prints")
