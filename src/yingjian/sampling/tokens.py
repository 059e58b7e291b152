"""A resident's signed code: made here, readable and verifiable anywhere without a network (design §4).

Text: `YJ1` + base32 of `head | key id | day | person uuids | Ed25519 signature | seal`. Head is one byte: version in
the high half, number of persons in the low half. Day counts from 2020-01-01. No name and no ID number is inside.

The signature is for stations, which have only the public key. The seal (6 bytes of an HMAC over all before it) is for
the server that made the code: it tells its own codes a hundred times faster than by the signature, which matters when
a thousand swabs arrive in one request. A code whose seal does not fit is judged by its signature.

Base32 and not base45: both use a QR code's alphanumeric mode, but base32 has letters and digits only, and site scanners
work as keyboards whose layouts and input methods turn `%`, `:` or `/` into something else. One person makes 152
characters (QR version 6 at level M holds 154), a family of seven 306 (version 10 holds 311).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from yingjian.access import vault
from yingjian.kernel import ids
from yingjian.kernel.errors import RuleBroken

PREFIX: Final = "YJ1"
VERSION: Final = 1
FAMILY_MAX: Final = 7
EPOCH: Final = date(2020, 1, 1)
KEY_ID: Final = 4
SIGNATURE: Final = 64
_HEAD: Final = 1 + KEY_ID + 2
_UUID: Final = 16
SEAL: Final = 6
_TEXT_MAX: Final = 311  # alphanumeric characters of a QR code, version 10, level M
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DIGITS: Final = bytes.maketrans(_LETTERS.encode(), b"0123456789abcdefghijklmnopqrstuv")
_BASE32: Final = re.compile(f"[{_LETTERS}]+")

MARK: Final = 8
"""Bytes of a mark: 10 million codes against 10,000 revocations meet by chance once in 180 million cities."""

PublicKeys = Mapping[bytes, Ed25519PublicKey]


class Token(Struct, frozen=True, gc=False):
    """What a code says. More than one person: a family code."""

    persons: tuple[uuid.UUID, ...]
    issued: date
    key_id: bytes


def key_id(key: Ed25519PublicKey) -> bytes:
    """The first bytes of the SHA-256 of the raw public key: says which key to verify with."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).digest()[:KEY_ID]


@cache
def own_keys() -> Mapping[bytes, Ed25519PublicKey]:
    """The public keys that this server's codes verify with."""
    public = vault.signing_key().public_key()
    return {key_id(public): public}


def signing_keys() -> list[str]:
    """Ids of the keys this server signs codes with, as they are written."""
    return [key.hex() for key in own_keys()]


@cache
def _seal_key() -> bytes:
    return vault.token("code-seal").encode()


@cache
def _keyed() -> tuple[Any, Any]:
    """The two halves of HMAC-SHA256 with the key worked in: to go on from them takes half as long as to begin anew."""
    key = _seal_key().ljust(hashlib.sha256().block_size, b"\0")
    return (
        hashlib.sha256(bytes(byte ^ 0x36 for byte in key)),
        hashlib.sha256(bytes(byte ^ 0x5C for byte in key)),
    )


def _seal(signed: bytes) -> bytes:
    inner, outer = (half.copy() for half in _keyed())
    inner.update(signed)
    outer.update(inner.digest())
    return bytes(outer.digest()[:SEAL])


def issue(persons: Sequence[uuid.UUID], *, day: date, key: Ed25519PrivateKey | None = None) -> str:
    """Sign a code for one person or a family of up to seven. Raises `sampling.family_too_large`."""
    if not 1 <= len(persons) <= FAMILY_MAX or len(set(persons)) != len(persons):
        raise RuleBroken("sampling.family_too_large", most=FAMILY_MAX)
    signer = key or vault.signing_key()
    signer_id = key_id(signer.public_key()) if key else next(iter(own_keys()))
    days = (day - EPOCH).days
    if not 0 <= days < 1 << 16:
        raise ValueError("issue day outside the code's range")
    body = _body(persons, signer_id, day)
    signed = body + signer.sign(body)
    return PREFIX + base64.b32encode(signed + _seal(signed)).decode().rstrip("=")


def _body(persons: Sequence[uuid.UUID], signer: bytes, day: date) -> bytes:
    """What is signed."""
    head = bytes([VERSION << 4 | len(persons)]) + signer + (day - EPOCH).days.to_bytes(2, "big")
    return head + b"".join(person.bytes for person in persons)


def read(text: str) -> Token:
    """Read a code on the server that made it. The same answers as `verify` with this server's keys."""
    raw = _raw(text)
    if hmac.compare_digest(_seal(raw[:-SEAL]), raw[-SEAL:]):
        return _token(raw)
    return verify(text, own_keys())


def verify(text: str, keys: PublicKeys) -> Token:
    """Read a code and check its signature. Raises `sampling.code_garbled` (乱码: not one of our codes, or damaged)
    or `sampling.code_foreign_key` (well formed, signed with a key that is not ours).
    """
    raw = _raw(text)
    body, signature = raw[: -SIGNATURE - SEAL], raw[-SIGNATURE - SEAL : -SEAL]
    signer = body[1 : 1 + KEY_ID]
    key = keys.get(signer)
    if key is None:
        raise RuleBroken("sampling.code_foreign_key", key=signer.hex())
    try:
        key.verify(signature, body)
    except InvalidSignature:
        raise RuleBroken("sampling.code_garbled") from None
    return _token(raw)


# -- revocation ----------------------------------------------------------------------------------
# A station's pack lists what is revoked as marks: `mark` strikes a key or one code, `mark:YYYY-MM-DD` a person's codes
# issued until that day. A mark is a hash, so that the list names nobody; `web/src/rules/revoked.ts` is the twin.


def mark(what: str, about: bytes) -> str:
    """The mark of a `key` (its id), a `code` (its signed body) or a `person` (the id's bytes)."""
    return hashlib.sha256(f"revoked {what}:".encode() + about).digest()[:MARK].hex()


def key_and_code_marks(token: Token) -> tuple[str, str]:
    """The marks that strike this code by its signing key, and by itself."""
    return mark("key", token.key_id), mark("code", _body(token.persons, token.key_id, token.issued))


def struck(token: Token, revoked: Collection[str]) -> bool:
    """Whether a pack's list strikes this code. A family's code falls with any of its persons."""
    if not revoked:
        return False
    if any(one in revoked for one in key_and_code_marks(token)):
        return True
    persons = {mark("person", person.bytes) for person in token.persons}
    until = (entry.partition(":") for entry in revoked)
    return any(whose in persons and token.issued.isoformat() <= day for whose, _, day in until)


def _token(raw: bytes) -> Token:
    starts = range(_HEAD, len(raw) - SIGNATURE - SEAL, _UUID)
    persons = tuple([ids.of_bytes(raw[start : start + _UUID]) for start in starts])
    days = int.from_bytes(raw[1 + KEY_ID : _HEAD], "big")
    return Token(persons, _day(days), raw[1 : 1 + KEY_ID])


@lru_cache(maxsize=512)
def _day(number: int) -> date:
    return EPOCH + timedelta(days=number)


def _raw(text: str) -> bytes:
    """The bytes of a well-formed code. Case and spaces of a keyboard scanner do not matter, anything else does."""
    told = "".join(text.split()).upper()
    letters = told.removeprefix(PREFIX)
    if letters == told or len(told) > _TEXT_MAX or not _BASE32.fullmatch(letters):
        raise RuleBroken("sampling.code_garbled")
    size, spare = divmod(len(letters) * 5, 8)
    number = int(letters.encode().translate(_DIGITS), 32)
    # Spare bits of the last letter must be zero, or two texts would say the same.
    if spare >= 5 or number & ((1 << spare) - 1):  # noqa: PLR2004 - bits of one letter
        raise RuleBroken("sampling.code_garbled")
    raw = (number >> spare).to_bytes(size, "big")
    count = raw[0] & 0x0F if raw else 0
    if not 1 <= count <= FAMILY_MAX or raw[0] >> 4 != VERSION:
        raise RuleBroken("sampling.code_garbled")
    if size != _HEAD + count * _UUID + SIGNATURE + SEAL:
        raise RuleBroken("sampling.code_garbled")
    return raw
