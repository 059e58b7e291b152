"""A resident's signed code: made here, readable and verifiable anywhere without a network (design §4).

Text: `YJ1` + base32 of `head | key id | day | person uuids | Ed25519 signature`. Head is one byte: version in the high
half, number of persons in the low half. Day counts from 2020-01-01. There is no name and no ID number inside.

Base32 and not base45: both use a QR code's alphanumeric mode, but base32 has letters and digits only, and site scanners
work as keyboards whose layouts and input methods turn `%`, `:` or `/` into something else. One person makes 143
characters (QR version 6 at level M), a family of seven 297 (version 10, which holds 311).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yingjian.access import vault
from yingjian.kernel.errors import RuleBroken

PREFIX: Final = "YJ1"
VERSION: Final = 1
FAMILY_MAX: Final = 7
EPOCH: Final = date(2020, 1, 1)
KEY_ID: Final = 4
SIGNATURE: Final = 64
_HEAD: Final = 1 + KEY_ID + 2
_UUID: Final = 16
_TEXT_MAX: Final = 311  # alphanumeric characters of a QR code, version 10, level M

PublicKeys = Mapping[bytes, Ed25519PublicKey]


@dataclass(frozen=True, slots=True)
class Token:
    """What a code says. More than one person: a family code."""

    persons: tuple[uuid.UUID, ...]
    issued: date
    key_id: bytes


def key_id(key: Ed25519PublicKey) -> bytes:
    """The first bytes of the SHA-256 of the raw public key: says which key to verify with."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).digest()[:KEY_ID]


def own_keys() -> dict[bytes, Ed25519PublicKey]:
    """The public keys that this server's codes verify with."""
    public = vault.signing_key().public_key()
    return {key_id(public): public}


def issue(persons: Sequence[uuid.UUID], *, day: date, key: Ed25519PrivateKey | None = None) -> str:
    """Sign a code for one person or a family of up to seven. Raises `sampling.family_too_large`."""
    if not 1 <= len(persons) <= FAMILY_MAX or len(set(persons)) != len(persons):
        raise RuleBroken("sampling.family_too_large", most=FAMILY_MAX)
    signer = key or vault.signing_key()
    days = (day - EPOCH).days
    if not 0 <= days < 1 << 16:
        raise ValueError("issue day outside the code's range")
    body = b"".join(
        [
            bytes([VERSION << 4 | len(persons)]),
            key_id(signer.public_key()),
            days.to_bytes(2, "big"),
            *(person.bytes for person in persons),
        ]
    )
    return PREFIX + base64.b32encode(body + signer.sign(body)).decode().rstrip("=")


def verify(text: str, keys: PublicKeys) -> Token:
    """Read a code and check its signature. Raises `sampling.code_garbled` (乱码: not one of our codes, or damaged)
    or `sampling.code_foreign_key` (well formed, signed with a key that is not ours).
    """
    raw = _raw(text)
    count = raw[0] & 0x0F
    if raw[0] >> 4 != VERSION or not 1 <= count <= FAMILY_MAX:
        raise RuleBroken("sampling.code_garbled")
    if len(raw) != _HEAD + count * _UUID + SIGNATURE:
        raise RuleBroken("sampling.code_garbled")
    body, signature = raw[:-SIGNATURE], raw[-SIGNATURE:]
    signer = body[1 : 1 + KEY_ID]
    key = keys.get(signer)
    if key is None:
        raise RuleBroken("sampling.code_foreign_key", key=signer.hex())
    try:
        key.verify(signature, body)
    except InvalidSignature:
        raise RuleBroken("sampling.code_garbled") from None
    days = int.from_bytes(body[1 + KEY_ID : _HEAD], "big")
    persons = tuple(
        uuid.UUID(bytes=body[start : start + _UUID]) for start in range(_HEAD, len(body), _UUID)
    )
    return Token(persons, EPOCH + timedelta(days=days), signer)


def _raw(text: str) -> bytes:
    """Undo the text form: case and spaces of a keyboard scanner do not matter, anything else does."""
    told = "".join(text.split()).upper()
    if not told.startswith(PREFIX) or len(told) > _TEXT_MAX:
        raise RuleBroken("sampling.code_garbled")
    letters = told.removeprefix(PREFIX)
    try:
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        raise RuleBroken("sampling.code_garbled") from None
    # Spare bits of the last letter must be zero, or two texts would say the same.
    if not raw or base64.b32encode(raw).decode().rstrip("=") != letters:
        raise RuleBroken("sampling.code_garbled")
    return raw
