"""A station's pack and roster: what a phone gets, what it can find in it, and that the rest stays unread."""

from __future__ import annotations

import base64
import gzip
import hashlib
import struct
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from yingjian.access import scope, vault
from yingjian.access.tests.factories import NOON, TOWN_A, device, new_id
from yingjian.campaigns.models import DuePerson
from yingjian.population.models import Person, PersonCategory
from yingjian.sampling import api, packing, tokens
from yingjian.sampling.tests.factories import MORNING, Field, a_field, recorded, send
from yingjian.sampling.tests.test_reading import called, signed_in

pytestmark = pytest.mark.django_db


@dataclass
class Phone:
    """A phone as the station's TypeScript is: it keeps buckets and asks for those that differ."""

    station: str
    header: dict[str, str] = field(default_factory=dict)
    buckets: list[bytes] = field(default_factory=lambda: [b""] * packing.BUCKETS)
    marks: bytes = b""
    tag: str = ""

    def __post_init__(self) -> None:
        made, secret = device(self.station)
        self.header = {"Authorization": f"Device {made.id}:{secret}"}

    def ask(self, path: str, status: int = 200, **more: str) -> Any:
        """Ask for something; `more` headers, with underscores for dashes."""
        heads = {name.replace("_", "-"): value for name, value in more.items()}
        answer = Client().get(f"/api/stations/{path}", headers={**self.header, **heads})
        assert answer.status_code == status, answer.content
        return answer

    def have(self) -> str:
        digests = [hashlib.sha256(b).digest()[: packing.DIGEST] for b in self.buckets]
        return base64.urlsafe_b64encode(b"".join(digests)).decode().rstrip("=")

    def refresh(self, *, fresh: bool = False) -> int:
        """Get what differs; how many bytes came."""
        have = "" if fresh else f"?have={self.have()}"
        answer = self.ask(f"own/roster{have}")
        body = answer.content
        assert body[:4] == packing.MAGIC
        people, *counts = struct.unpack_from(f">I{packing.BUCKETS}H", body, 4)
        place = 8 + 2 * packing.BUCKETS
        bits, place = body[place : place + 32], place + 32
        for n, count in enumerate(counts):
            if bits[n // 8] >> n % 8 & 1:
                end = place + count * packing.RECORD
                self.buckets[n], place = body[place:end], end
        assert [len(b) // packing.RECORD for b in self.buckets] == counts
        self.marks, rest = body[place : place + people], body[place + people :]
        whole = hashlib.sha256(b"".join(hashlib.sha256(b).digest() for b in self.buckets)).digest()
        assert rest == whole[:8]
        self.tag = answer["ETag"]
        return len(body)

    def find(self, digest: bytes, at: int) -> tuple[bytes, int] | None:
        """The record whose eight bytes at `at` are `digest`, with its mark."""
        number = 0
        for bucket in self.buckets:
            for start in range(0, len(bucket), packing.RECORD):
                record = bucket[start : start + packing.RECORD]
                if record[at : at + 8] == digest:
                    return record, self.marks[number]
                number += 1
        return None


def a_phone(given: Field) -> tuple[Phone, dict[str, Any], bytes]:
    phone = Phone(given.sites[0].stations[0].code)
    pack = phone.ask("own/pack").json()
    return phone, pack, bytes.fromhex(pack["hash_key"])


def keyed(key: bytes, what: str, data: bytes) -> bytes:
    return hashlib.blake2s(what.encode() + data, key=key).digest()


def test_a_pack_has_rules_keys_and_codes_and_nobody() -> None:
    given = a_field(preset="yongning")
    called(given, given.people[:3])
    phone, pack, key = a_phone(given)
    assert (pack["preset"]["size"], pack["station"]["site"]) == (10, given.sites[0].code)
    assert pack["station"]["code"] == pack["codes"]["station"] == phone.station
    assert [bytes.fromhex(k["id"]) for k in pack["keys"]] == list(tokens.own_keys())
    assert len(key) == 32
    assert "people" not in pack
    answer = phone.ask("own/pack")
    phone.ask("own/pack", 304, If_None_Match=answer["ETag"])
    other = given.sites[1].stations[0].code
    for path in (f"{other}/pack", f"{other}/roster"):
        assert phone.ask(path, 404).json()["code"] == "sampling.station_unknown"


def test_a_phone_finds_a_person_by_code_and_by_document_and_reads_only_that_name() -> None:
    given = a_field(preset="yongning")
    called(given, given.people[:3])
    phone, _, key = a_phone(given)
    number = "990000198503140124"
    with scope.everywhere():
        Person.objects.filter(id=given.people[0]).update(
            id_type="resident_id",
            id_cipher=vault.seal(number),
            id_index=vault.index(number),
            id_tail=number[-4:],
        )
        stored = Person.objects.get(id=given.people[0])
    phone.refresh()
    assert len(phone.marks) == 3
    found = phone.find(keyed(key, "person", stored.id.bytes)[:8], 0)
    assert found is not None
    assert phone.find(keyed(key, "document", number.encode())[:8], 8) == found
    record, mark = found
    assert mark == 0
    shown = bytes(
        a ^ b
        for a, b in zip(record[20:], keyed(key, "person", stored.id.bytes)[-12:], strict=False)
    )
    assert shown.rstrip(b"\0").decode() == "测*人"
    whole = b"".join(phone.buckets)
    assert number.encode() not in whole
    assert "测".encode() not in whole
    assert phone.find(keyed(key, "person", given.people[5].bytes)[:8], 0) is None


def test_whoever_is_never_pooled_is_known_at_every_site() -> None:
    given = a_field(preset="yongning")
    called(given, given.people[:3])
    contact, at_home = given.people[9], given.people[1]
    with scope.everywhere():
        DuePerson.objects.filter(person_id=contact).update(mode="single")
        DuePerson.objects.filter(person_id=at_home).update(home=True, state="excused", reason="x")
    phone, _, key = a_phone(given)
    phone.refresh()
    marks = {
        person: found[1]
        for person in (contact, at_home)
        if (found := phone.find(keyed(key, "person", person.bytes)[:8], 0)) is not None
    }
    assert marks == {contact: 1 | 1 << 6, at_home: 3 << 2 | 1 << 5}


def test_whoever_goes_ahead_of_the_queue_is_marked_by_the_presets_categories() -> None:
    given = a_field(preset="yongning")
    called(given, given.people[:4])
    old, well, once, _ = given.people[:4]
    with scope.everywhere():
        for person, code, until in (
            (old, "elderly", None),
            (well, "student", None),
            (once, "child", MORNING),
        ):
            PersonCategory.objects.create(
                id=new_id(), person_id=person, area=TOWN_A, code=code, since=NOON, until=until
            )
    phone, _, key = a_phone(given)
    phone.refresh()
    marks = [phone.find(keyed(key, "person", person.bytes)[:8], 0) for person in (old, well, once)]
    assert [found and found[1] >> 7 for found in marks] == [1, 0, 0]


def test_a_delta_ends_where_a_fresh_copy_does_and_is_small() -> None:
    given = a_field(preset="yongning", people=60)
    called(given, given.people[:50])
    phone, _, key = a_phone(given)
    full = phone.refresh()
    phone.ask("own/roster", 304, If_None_Match=phone.tag)
    send(given.phone, recorded(given.code(), given.people[:4]))
    called(given, given.people[50:52])
    with scope.everywhere():
        DuePerson.objects.filter(person_id=given.people[7]).update(site_code="")
    small = phone.refresh()
    fresh = Phone(phone.station)
    fresh.refresh(fresh=True)
    assert (phone.buckets, phone.marks, phone.tag) == (fresh.buckets, fresh.marks, fresh.tag)
    changed = 8 * packing.RECORD  # three buckets of a few people
    assert small < full - 50 * packing.RECORD + changed
    found = phone.find(keyed(key, "person", given.people[0].bytes)[:8], 0)
    assert found is not None
    assert found[1] == 1 << 2
    assert phone.find(keyed(key, "person", given.people[7].bytes)[:8], 0) is None


def test_nobodys_document_is_opened_again_until_something_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = a_field(preset="yongning", people=60)
    called(given, given.people)
    with scope.everywhere():
        for n, person in enumerate(given.people):
            number = f"99000019850314{n:04d}"
            Person.objects.filter(id=person).update(
                id_cipher=vault.seal(number), id_index=vault.index(number)
            )
    opened: list[bytes] = []
    unseal = vault.unseal

    def counted(sealed: bytes) -> str:
        opened.append(sealed)
        return unseal(sealed)

    monkeypatch.setattr(vault, "unseal", counted)
    monkeypatch.setattr(packing, "_shelf", packing.Shelf(2**20))
    phone, _, key = a_phone(given)
    phone.refresh()
    assert len(opened) == 60
    opened.clear()
    send(given.phone, recorded(given.code(), given.people[:4]))
    phone.refresh()
    assert opened == []
    with scope.everywhere():
        Person.objects.filter(id=given.people[9]).update(name="改名人")
    phone.refresh()
    alone = packing.keyed(key, b"person" + given.people[9].bytes)[0]
    same = [one for one in given.people if packing.keyed(key, b"person" + one.bytes)[0] == alone]
    assert len(opened) == len(same) < 60
    fresh = Phone(phone.station)
    fresh.refresh(fresh=True)
    assert (phone.buckets, phone.marks, phone.tag) == (fresh.buckets, fresh.marks, fresh.tag)


def test_a_large_table_is_sent_while_it_is_made_and_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = a_field(preset="yongning", people=60)
    called(given, given.people)
    phone, _, _ = a_phone(given)
    whole = phone.ask("own/roster")
    monkeypatch.setattr(api, "STREAMED", 0)
    flowing = phone.ask("own/roster")
    assert flowing.streaming
    told = b"".join(flowing.streaming_content)
    assert (told, flowing["ETag"]) == (whole.content, whole["ETag"])
    assert flowing["Content-Length"] == str(len(told))
    phone.ask("own/roster", 304, If_None_Match=flowing["ETag"])


def test_the_shelf_forgets_what_was_not_asked_for_longest() -> None:
    shelf = packing.Shelf(20)
    for key in (b"a", b"b", b"a", b"c"):
        shelf.keep(key, packing._Held([], [key * 10], []))
    found = [shelf.get(key) for key in (b"a", b"b", b"c")]
    assert [one and one.records for one in found] == [[b"a" * 10], None, [b"c" * 10]]
    shelf.keep(b"d", packing._Held([], [b"d" * 40], []))  # larger than all of it: it alone
    assert [key for key in (b"a", b"b", b"c", b"d") if shelf.get(key)] == [b"d"]


def test_a_delta_of_marks_travels_compressed() -> None:
    given = a_field(preset="yongning", people=60)
    called(given, given.people)
    phone, _, _ = a_phone(given)
    phone.refresh()
    send(given.phone, recorded(given.code(), given.people[:4]))
    path = f"own/roster?have={phone.have()}"
    plain = phone.ask(path).content
    answer = phone.ask(path, Accept_Encoding="gzip")
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == plain
    assert len(answer.content) < len(plain) / 3
    whole = phone.ask("own/roster", Accept_Encoding="gzip")
    assert "Content-Encoding" not in whole
    phone.ask(path, 304, Accept_Encoding="gzip", If_None_Match=answer["ETag"])


@pytest.mark.parametrize("have", ["AAAA", "%%%", "é", "A" * 1366])
def test_whatever_a_phone_says_it_has_it_gets_a_sound_table(have: str) -> None:
    given = a_field(preset="yongning")
    called(given, given.people[:3])
    phone = Phone(given.sites[0].stations[0].code)
    body = phone.ask(f"own/roster?have={have}").content
    assert struct.unpack_from(">I", body, 4) == (3,)
    assert body[8 + 512 : 8 + 544].count(b"\xff") == 32


def test_the_lanes_of_a_site_share_a_key_and_those_of_another_site_do_not() -> None:
    given = a_field(preset="yongning")
    keys = [
        {Phone(station.code).ask("own/pack").json()["hash_key"] for station in site.stations}
        for site in given.sites
    ]
    assert [len(one) for one in keys] == [1, 1]
    assert keys[0] != keys[1]


def test_a_user_reads_the_pack_of_a_station_in_sight_but_has_none_of_their_own() -> None:
    given = a_field(preset="yongning")
    client = signed_in("site_lead", TOWN_A)
    code = given.sites[0].stations[0].code
    assert client.get(f"/api/stations/{code}/pack").status_code == 200
    assert client.get("/api/stations/own/pack").json()["code"] == "sampling.station_unknown"


def test_the_roster_is_read_in_a_fixed_number_of_queries() -> None:
    given = a_field(preset="yongning", people=40)
    phone = Phone(given.sites[0].stations[0].code)
    counts = []
    for number in (1, 40):
        called(given, given.people[:number])
        with CaptureQueriesContext(connection) as caught:
            phone.refresh()
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_long_names_fit_and_nobody_without_a_document_is_found_by_none() -> None:
    key, person = bytes(32), uuid.uuid4()
    listed = packing.Listed(
        person.bytes,
        None,
        None,
        "阿卜杜拉·买买提·艾合买提江",
        "pool",
        "due",
        home=False,
        elsewhere=False,
        green=False,
    )
    hashed = packing.keyed(key, b"person" + person.bytes)
    record = packing._record(key, hashed, listed, bytes.decode)
    assert len(record) == packing.RECORD
    assert record[8:20] == bytes(12)
    shown = bytes(
        a ^ b for a, b in zip(record[20:], keyed(key, "person", person.bytes)[-12:], strict=False)
    )
    assert shown.rstrip(b"\0").decode() == "阿**江"
