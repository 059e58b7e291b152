"""What passes through a hub: a phone's request sealed for the county, and the county's answer sealed for the phone.

Both keys come from the device's secret, which the phone has and the county can tell again; the hub has neither. What
the hub gets of a device (`hub_key`) lets the two know each other and opens nothing. `vectors/hub.json` is run by both
sides.

A sealed request is `magic | device | salt | ciphertext`; an answer `magic | salt | ciphertext`. The salt makes a key of
its own for each, so the nonce may be nought (RFC 8439, RFC 5869).
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

REQUEST: Final = b"YJH1"
ANSWER: Final = b"YJA1"
SALT: Final = 32
TAG: Final = 16
DEVICE: Final = 16
HEAD: Final = len(REQUEST) + DEVICE + SALT
SHORTEST: Final = HEAD + TAG
_NONCE: Final = bytes(12)


class UnreadableError(ValueError):
    """No sealed request, or one that was altered, or sealed with another secret."""


def hub_key(secret: str, hub: uuid.UUID) -> bytes:
    """What a hub and a device know each other by. From it neither the secret nor another hub's key can be told."""
    return hmac.digest(secret.encode(), b"yingjian hub\0" + hub.bytes, hashlib.sha256)


def proof(key: bytes, word: str, *parts: bytes) -> str:
    """Who has `key` says `word` about these parts, each by its digest."""
    said = b"".join(hashlib.sha256(part).digest() for part in parts)
    return hmac.digest(key, word.encode() + b"\0" + said, hashlib.sha256).hex()


def device_of(sealed: bytes) -> uuid.UUID:
    """Whose request this is, as it says itself; only opening it proves it. Raises `UnreadableError`."""
    if len(sealed) < SHORTEST or not sealed.startswith(REQUEST):
        raise UnreadableError
    return uuid.UUID(bytes=sealed[len(REQUEST) : len(REQUEST) + DEVICE])


def _cipher(secret: str, salt: bytes, magic: bytes) -> ChaCha20Poly1305:
    key = HKDF(hashes.SHA256(), 32, salt, b"yingjian " + magic).derive(secret.encode())
    return ChaCha20Poly1305(key)


def seal_request(secret: str, device: uuid.UUID, plain: bytes, *, salt: bytes) -> bytes:
    """As the phone does it (`web/src/offline/sealed.ts`); for tests and for other clients."""
    head = REQUEST + device.bytes + salt
    return head + _cipher(secret, salt, REQUEST).encrypt(_NONCE, plain, head)


def open_request(secret: str, sealed: bytes) -> bytes:
    """What the phone said. Raises `UnreadableError`."""
    head, salt = sealed[:HEAD], sealed[HEAD - SALT : HEAD]
    try:
        return _cipher(secret, salt, REQUEST).decrypt(_NONCE, sealed[HEAD:], head)
    except InvalidTag:
        raise UnreadableError from None


def seal_answer(secret: str, device: uuid.UUID, plain: bytes, *, salt: bytes) -> bytes:
    """The county's verdicts, which nobody but this device can read, and nobody but the county can have written."""
    head = ANSWER + salt
    return head + _cipher(secret, salt, ANSWER).encrypt(_NONCE, plain, head + device.bytes)


def open_answer(secret: str, device: uuid.UUID, sealed: bytes) -> bytes:
    """As the phone does it. Raises `UnreadableError`."""
    head = sealed[: len(ANSWER) + SALT]
    try:
        return _cipher(secret, head[len(ANSWER) :], ANSWER).decrypt(
            _NONCE, sealed[len(head) :], head + device.bytes
        )
    except InvalidTag:
        raise UnreadableError from None
