"""What a station needs for a day without a network: its pack (rules, keys, codes) and its roster as keyed hashes.

The roster is a binary table in 256 buckets. A phone tells the digests of the buckets it has and gets those that differ,
and the marks of everybody: without any record of what was sent before, its table is then the server's. Tables are
kept here, bucket by bucket, for as long as nothing in them changes: opening everybody's document takes longest.
Nothing in it can be read without a code or a document in hand; whoever holds the phone's key could try documents one
by one, so a lost phone is revoked and its key dies with the round.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple

from django.db import connection

from yingjian.access import queries as access
from yingjian.access import scope, vault
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as rounds
from yingjian.kernel.errors import RuleBroken

from . import finding, revoking, tokens
from .reading import masked_name
from .states import Place

OWN: Final = "own"
"""Instead of a station's code: the station where the asking device is enrolled."""
MAGIC: Final = b"YJR1"
BUCKETS: Final = 256
HASH: Final = 8
"""Bytes of a keyed hash: among 100,000 people two share one once in 3,700 million rosters."""
HOUSEHOLD: Final = 4
NAME: Final = 12
DIGEST: Final = 4
NO_HOUSEHOLD: Final = bytes(16)
RECORD: Final = HASH + HASH + HOUSEHOLD + NAME
_MODES: Final = {"pool": 0, "single": 1, "household": 2}
_STATES: Final = {"due": 0, "sampled": 1, "resulted": 2, "excused": 3, "missed": 4}
_HOME: Final = 1 << 5
_ELSEWHERE: Final = 1 << 6
_GREEN: Final = 1 << 7


@dataclass(slots=True)
class Listed:
    """A person as the roster takes them in; `document` (as stored) and `name` leave only as hashes and under a key."""

    person: bytes
    document: bytes | None
    household: bytes | None
    name: str
    mode: str
    state: str
    home: bool
    elsewhere: bool
    green: bool


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster's answer to one phone: what to send, and the tag that says which state it leads to."""

    tag: str
    parts: Iterable[bytes]
    """Made while they are taken, where everything is sent: the line is busy while documents are opened."""
    size: int
    slight: bool
    """Mostly marks, which are alike: worth compressing. Hashes are not."""

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


class _Held(NamedTuple):
    """A table: for each bucket a print of what went into it, its records, and their digest."""

    prints: Sequence[bytes]
    records: Sequence[bytes]
    digests: Sequence[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.records))


class Shelf:
    """The last tables, by their key: whoever asks again, and the next lane of the site, is answered without opening
    anybody's document, but for the buckets in which something has changed.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._held: OrderedDict[bytes, _Held] = OrderedDict()

    def get(self, key: bytes) -> _Held | None:
        with self._lock:
            return self._held.get(key)

    def keep(self, key: bytes, table: _Held) -> None:
        """Remember a table; beyond `most` bytes those that were not asked for longest are forgotten."""
        with self._lock:
            self._held[key] = table
            self._held.move_to_end(key)
            while len(self._held) > 1 and sum(one.size for one in self._held.values()) > self._most:
                self._held.popitem(last=False)


_shelf: Final = Shelf(32 * 2**20)
"""Of this process: a million people."""


def _station(actor: Actor, code: str, at: datetime) -> Place:
    wanted = actor.station_code if code == OWN and actor.kind == "device" else code
    mine = actor.kind != "device" or actor.station_code == wanted
    with scope.everywhere():
        found = finding.station_at(wanted, at)
    if found is None or not mine or not actor.may("sample", found.place.area):
        raise RuleBroken("sampling.station_unknown", status=404, station=wanted[:32])
    return found.place


def _key(place: Place) -> bytes:
    # One for all lanes of a site: they hold the same table, so that it is made once.
    told = vault.token("site-pack", str(place.round_id), place.site_code)
    return hashlib.sha256(told.encode()).digest()


def station_and_key(actor: Actor, code: str, at: datetime) -> tuple[Place, bytes]:
    """A station the actor works at or oversees, and the key of its hashes. `sampling.station_unknown` (404)."""
    place = _station(actor, code, at)
    return place, _key(place)


def rows(statement: str, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a question about a whole round: a station's people may live anywhere."""
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


# -- the pack ------------------------------------------------------------------------------------


def pack_for(actor: Actor, code: str, *, at: datetime) -> dict[str, Any]:
    """Rules, keys and codes of a station for a day. A device gets its own station's pack; a user one in the user's
    area. `sampling.station_unknown` (404).
    """
    place = _station(actor, code, at)
    brief = rounds.round_brief(place.round_id)
    preset = rounds.preset_of(place.round_id)
    ((site_name, site_state),) = rows(
        "SELECT name, state FROM sampling_site WHERE id = %(id)s", {"id": place.site_id}
    )
    return {
        "round": {
            "id": brief.id, "name": brief.name, "no": brief.no, "state": brief.state,
            "window_start": brief.window_start, "window_end": brief.window_end,
        },
        "station": {
            "code": place.station_code, "site": place.site_code, "site_id": place.site_id, "site_name": site_name,
            "site_state": site_state, "area": place.area,
        },
        "preset": {
            "code": preset.code, "version": preset.version, "sizes": list(preset.pool.sizes.value),
            "size": preset.pool.default_size.value, "household": preset.pool.household_tube.value,
            "group": preset.booking.group_admitted.value, "box_tubes": preset.transport.box_tubes.value,
            "rotation_minutes": preset.staffing.rotation.minutes,
            "skew_minutes": preset.operations.clock_skew.minutes,
        },
        "codes": {"station": place.station_code, "tubes": _ranges_of(place)},
        "keys": [
            {"id": id.hex(), "public": public.public_bytes_raw().hex()}
            for id, public in tokens.own_keys().items()
        ],
        "revoked": revoking.in_force(at),
        "hash_key": _key(place).hex(),
        "hubs": [{"id": hub.id, "name": hub.name, "url": hub.url} for hub in access.hubs_in(place.area)],
    }  # fmt: skip


def _ranges_of(place: Place) -> list[dict[str, str]]:
    """Tube codes given out to the station, as the phone holds scans against them."""
    with scope.everywhere(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT first, last FROM sampling_tuberange WHERE station_id = %(id)s AND withdrawn_at IS NULL
                ORDER BY first""",
            {"id": place.station_id},
        )
        rows = cursor.fetchall()
    return [{"from": first, "to": last} for first, last in rows]


def tag_of(pack: Mapping[str, Any]) -> str:
    """The tag of a pack's content: the same content, the same tag."""
    text = json.dumps(pack, sort_keys=True, default=str, ensure_ascii=False)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


# -- the roster ----------------------------------------------------------------------------------


def roster_for(actor: Actor, code: str, *, have: str, at: datetime) -> Roster:
    """The people called to a station's site, and everybody of the round who is never pooled (R51), wherever called.

    Big-endian: `YJR1 | u32 people | 256 × u16 people per bucket | 32 bytes: which buckets follow | their records |
    one mark byte per person of all buckets | 8 bytes of a digest of all buckets`. A record: hash of the person's id,
    hash of the document (zeros: none), of the household (zeros: none), and the masked name under the last twelve bytes
    of the person's own keyed hash, which only the id gives. A person's bucket is the first byte of the hash.
    Mark: bits 0–1 mode, 2–4 state, 5 home visit, 6 called elsewhere, 7 green lane (nought in tables made before it).
    `have` are the first four bytes of each bucket's SHA-256, base64url; anything else means: nothing yet.
    """
    place = _station(actor, code, at)
    green = rounds.preset_of(place.round_id).pool.green_lane
    ahead = [] if green is None else list(green.value)
    found = rows(_PEOPLE, {"round": place.round_id, "site": place.site_code, "green": ahead})
    people = [Listed(*row) for row in found]
    return table_for(people, key=_key(place), have=have, opened=vault.unseal, shelf=_shelf)


def table_for(
    people: Iterable[Listed],
    *,
    key: bytes,
    have: str,
    opened: Callable[[bytes], str],
    shelf: Shelf | None = None,
) -> Roster:
    """The answer of `roster_for` made of these people. `opened` tells a document as it is read from a card.

    Pure but for what the shelf remembers; `vectors/roster.json` holds the phone's reader to it.
    """
    buckets, marks = _sorted(people, key)
    prints = [_print(bucket) for bucket in buckets]
    made = _made(buckets, prints, key, opened, shelf)
    counts = [len(bucket) for bucket in buckets]
    head = MAGIC + struct.pack(f">I{BUCKETS}H", sum(counts), *counts)
    tag = f'"{hashlib.sha256(key + b"".join(prints) + marks).hexdigest()[:32]}"'
    known = _known(have)
    if known is None:
        size = len(head) + BUCKETS // 8 + sum(counts) * (RECORD + 1) + HASH
        return Roster(tag, _whole(head, made, marks), size, slight=False)
    bits, sent, digests = bytearray(BUCKETS // 8), list[bytes](), list[bytes]()
    for n, (records, digest) in enumerate(made):
        digests.append(digest)
        if known[n] != digest[:DIGEST]:
            bits[n // 8] |= 1 << n % 8
            sent.append(records)
    body = b"".join([head, bits, *sent, marks, _sealed(digests)])
    return Roster(tag, [body], len(body), slight=sum(map(len, sent)) < len(marks))


def _whole(head: bytes, made: Iterable[tuple[bytes, bytes]], marks: bytes) -> Iterator[bytes]:
    """Every bucket, as it is made."""
    yield head + b"\xff" * (BUCKETS // 8)
    digests = []
    for records, digest in made:
        digests.append(digest)
        yield records
    yield marks + _sealed(digests)


def _sealed(digests: Sequence[bytes]) -> bytes:
    return hashlib.sha256(b"".join(digests)).digest()[:HASH]


_Bucket = Sequence[tuple[bytes, Listed]]


def _made(
    buckets: Sequence[_Bucket],
    prints: Sequence[bytes],
    key: bytes,
    opened: Callable[[bytes], str],
    shelf: Shelf | None,
) -> Iterator[tuple[bytes, bytes]]:
    """The records of each bucket and their digest, taken over where nothing in it has changed; kept in the end."""
    before = None if shelf is None else shelf.get(key)
    kept, digests = [], []
    for n, bucket in enumerate(buckets):
        if before is not None and before.prints[n] == prints[n]:
            records, digest = before.records[n], before.digests[n]
        else:
            records = b"".join(_record(key, person, one, opened) for person, one in bucket)
            digest = hashlib.sha256(records).digest()
        kept.append(records)
        digests.append(digest)
        yield records, digest
    if shelf is not None:
        shelf.keep(key, _Held(prints, kept, digests))


def _known(have: str) -> list[bytes] | None:
    try:
        raw = base64.urlsafe_b64decode(have + "=" * (-len(have) % 4))
    except (binascii.Error, ValueError):
        return None
    if len(raw) != BUCKETS * DIGEST:
        return None
    return [raw[start : start + DIGEST] for start in range(0, len(raw), DIGEST)]


_PEOPLE: Final = """
SELECT uuid_send(d.person_id), p.id_cipher, uuid_send(p.household_id), p.name, d.mode, d.state, d.home,
       d.site_code <> %(site)s,
       EXISTS (SELECT 1 FROM population_personcategory c
                WHERE c.person_id = d.person_id AND c.until IS NULL AND c.code = ANY(%(green)s))
  FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
 WHERE d.round_id = %(round)s AND (d.site_code = %(site)s OR d.mode = 'single')
"""


def _sorted(people: Iterable[Listed], key: bytes) -> tuple[list[list[tuple[bytes, Listed]]], bytes]:
    """The buckets' people in order, each with their hash, and the marks in the same order."""
    buckets: list[list[tuple[bytes, Listed]]] = [[] for _ in range(BUCKETS)]
    for one in people:
        person = keyed(key, b"person" + one.person)
        buckets[person[0]].append((person, one))
    for bucket in buckets:
        bucket.sort(key=itemgetter(0))
    return buckets, bytes(_mark(one) for bucket in buckets for _, one in bucket)


def _mark(one: Listed) -> int:
    placed = one.home * _HOME | one.elsewhere * _ELSEWHERE | one.green * _GREEN
    return _MODES[one.mode] | _STATES[one.state] << 2 | placed


def _print(bucket: _Bucket) -> bytes:
    """What the records of a bucket are made from, in short. A document counts as it is stored."""
    parts: list[bytes] = []
    for person, one in bucket:
        document = one.document or b""
        parts += (
            person,
            one.household or NO_HOUSEHOLD,
            len(document).to_bytes(2),
            document,
            one.name.encode(),
            b"\0",
        )
    return hashlib.sha256(b"".join(parts)).digest()


def _record(key: bytes, person: bytes, one: Listed, opened: Callable[[bytes], str]) -> bytes:
    shown = _short(masked_name(one.name)).encode().ljust(NAME, b"\0")
    hidden = int.from_bytes(shown) ^ int.from_bytes(person[-NAME:])
    document = bytes(HASH)
    if one.document is not None:
        document = keyed(key, b"document" + opened(one.document).encode())[:HASH]
    household = bytes(HOUSEHOLD)
    if one.household is not None:
        household = keyed(key, b"household" + one.household)[:HOUSEHOLD]
    return person[:HASH] + document + household + hidden.to_bytes(NAME)


def keyed(key: bytes, data: bytes) -> bytes:
    """Keyed BLAKE2s: a third of the time of an HMAC here, and quick on phones without hardware for it."""
    return hashlib.blake2s(data, key=key).digest()


def _short(masked: str) -> str:
    """A masked name that fits the record."""
    letters: Sequence[str] = masked
    if len(masked.encode()) > NAME:
        letters = masked[0] + "**" + masked[-1]
    return "".join(letters)
