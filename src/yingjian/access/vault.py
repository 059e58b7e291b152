"""Personal data at rest: SM4-GCM ciphertext beside a keyed HMAC-SM3 index (国密; design §3).

A sealed value is `version(1) | nonce(12) | ciphertext | tag(16)`. The index is deterministic under
its own key, so that an ID number or phone can be looked up and kept unique without being readable.
Keys come from settings, never from code.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings

from yingjian.kernel.errors import RuleBroken

VERSION = b"\x01"
NONCE = 12
TAG = 16


@cache
def _key(name: str) -> bytes:
    return bytes.fromhex(settings.YINGJIAN_KEYS[name])


@cache
def _sm4() -> algorithms.SM4:
    """The cipher with its key: making it anew for each value takes a quarter of the time of opening one."""
    return algorithms.SM4(_key("cipher"))


def seal(text: str) -> bytes:
    """Encrypt one personal value."""
    nonce = os.urandom(NONCE)
    encryptor = Cipher(_sm4(), modes.GCM(nonce)).encryptor()
    body = encryptor.update(text.encode()) + encryptor.finalize()
    return VERSION + nonce + body + encryptor.tag


def seal_many(texts: Iterable[str | None]) -> list[bytes | None]:
    """Encrypt many values; None stays None."""
    return [None if text is None else seal(text) for text in texts]


def unseal(sealed: bytes | memoryview) -> str:
    """Decrypt; raises `access.vault_damaged` when the value was altered or the key is another one."""
    data = bytes(sealed)
    if data[:1] != VERSION or len(data) < 1 + NONCE + TAG:
        raise RuleBroken("access.vault_damaged", status=500)
    nonce, body, tag = data[1 : 1 + NONCE], data[1 + NONCE : -TAG], data[-TAG:]
    decryptor = Cipher(_sm4(), modes.GCM(nonce)).decryptor()
    try:
        opened = decryptor.update(body)
        decryptor.finalize_with_tag(tag)
        return opened.decode()
    except InvalidTag:
        raise RuleBroken("access.vault_damaged", status=500) from None


@cache
def _keyed() -> hmac.HMAC:
    """An HMAC-SM3 that has its key and waits for the text: copying it costs a third of making it."""
    return hmac.HMAC(_key("index"), hashes.SM3())


def index(text: str) -> bytes:
    """The keyed look-up index of a personal value (32 bytes). Normalise the text before."""
    digest = _keyed().copy()
    digest.update(text.encode())
    return digest.finalize()


def index_many(texts: Iterable[str | None]) -> list[bytes | None]:
    return [None if text is None else index(text) for text in texts]


def fingerprint(data: bytes) -> bytes:
    """Keyed digest of a command as it arrived; keyed, because its few digits could otherwise be guessed."""
    digest = hmac.HMAC(_key("index"), hashes.SM3())
    digest.update(b"command\0")
    digest.update(data)
    return digest.finalize()


def secret_hash(secret: str) -> bytes:
    """Digest of a random device secret or invitation (high entropy, so one keyed pass is enough)."""
    return index(f"secret\0{secret}")


@cache
def signing_key() -> Ed25519PrivateKey:
    """The key that signs residents' codes; its public half goes into station packs."""
    return Ed25519PrivateKey.from_private_bytes(_key("code"))


def token(purpose: str, *parts: str) -> str:
    """A secret that can be told again to whoever may hear it, without being stored: keyed by purpose and parts."""
    digest = hmac.HMAC(_key("index"), hashes.SM3())
    digest.update("\0".join(("token", purpose, *parts)).encode())
    return base64.b32encode(digest.finalize()[:20]).decode()
