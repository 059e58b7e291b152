"""The resident's code: reads back, fits a small QR, and anything damaged or foreign is told apart."""

from __future__ import annotations

import base64
import contextlib
import uuid
from datetime import date, timedelta

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from yingjian.kernel.errors import RuleBroken
from yingjian.sampling import tokens

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {tokens.key_id(KEY.public_key()): KEY.public_key()}
DAY = date(2026, 1, 15)
SEAL_LETTERS = 10
families = st.lists(st.uuids(), min_size=1, max_size=tokens.FAMILY_MAX, unique=True)
days = st.integers(0, 65_535).map(lambda days: tokens.EPOCH + timedelta(days=days))


def refusal(text: str) -> str:
    with pytest.raises(RuleBroken) as caught:
        tokens.verify(text, KEYS)
    return caught.value.code


@given(families, days)
def test_a_code_reads_back(persons: list[uuid.UUID], day: date) -> None:
    text = tokens.issue(persons, day=day, key=KEY)
    read = tokens.verify(text, KEYS)
    assert read.persons == tuple(persons)
    assert read.issued == day
    assert read.key_id in KEYS


@pytest.mark.parametrize(("people", "version"), [(1, 6), (tokens.FAMILY_MAX, 10)])
def test_a_code_fits_a_qr_code_of_at_most_version_ten(people: int, version: int) -> None:
    text = tokens.issue([uuid.UUID(int=n + 1) for n in range(people)], day=DAY, key=KEY)
    made = segno.make(text, error="m", boost_error=False, micro=False)
    assert made.mode == "alphanumeric"
    assert int(made.version) <= version


@given(st.uuids(), st.data())
def test_one_changed_character_is_noticed(person: uuid.UUID, data: st.DataObject) -> None:
    text = tokens.issue([person], day=DAY, key=KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    letters = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    other = data.draw(letters.filter(lambda c: c != text[place]))
    changed = text[:place] + other + text[place + 1 :]
    if place < len(text) - SEAL_LETTERS:
        assert refusal(changed) in {"sampling.code_garbled", "sampling.code_foreign_key"}
    else:  # the seal is the server's; a station goes by the signature, which still holds
        with contextlib.suppress(RuleBroken):
            assert tokens.verify(changed, KEYS).persons == (person,)


@given(families, st.data())
def test_the_server_knows_its_own_codes_with_and_without_the_seal(
    persons: list[uuid.UUID], data: st.DataObject
) -> None:
    text = tokens.issue(persons, day=DAY)
    assert tokens.read(text) == tokens.verify(text, tokens.own_keys())
    place = data.draw(st.integers(3, len(text) - 1))
    other = data.draw(st.sampled_from("ABCDEFGH234567").filter(lambda c: c != text[place]))
    try:
        read = tokens.read(text[:place] + other + text[place + 1 :])
    except RuleBroken:
        return
    assert read.persons == tuple(persons)


@given(st.text(max_size=400))
def test_any_text_is_answered_with_a_code(text: str) -> None:
    assert refusal(text) in {"sampling.code_garbled", "sampling.code_foreign_key"}


@given(st.binary(max_size=200))
def test_any_bytes_in_our_dress_are_answered(raw: bytes) -> None:
    dressed = tokens.PREFIX + base64.b32encode(raw).decode().rstrip("=")
    assert refusal(dressed) in {"sampling.code_garbled", "sampling.code_foreign_key"}


@given(st.uuids(), st.integers(1, 140))
def test_a_cut_code_is_garbled(person: uuid.UUID, left: int) -> None:
    assert refusal(tokens.issue([person], day=DAY, key=KEY)[:left]) == "sampling.code_garbled"


def test_a_code_of_another_key_is_foreign() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    foreign = tokens.issue([uuid.UUID(int=1)], day=DAY, key=other)
    assert refusal(foreign) == "sampling.code_foreign_key"


def test_a_forged_code_under_our_key_id_is_garbled() -> None:
    text = tokens.issue([uuid.UUID(int=1)], day=DAY, key=KEY)
    raw = bytearray(base64.b32decode(text[3:] + "=" * (-len(text[3:]) % 8)))
    raw[10] ^= 1
    forged = tokens.PREFIX + base64.b32encode(bytes(raw)).decode().rstrip("=")
    assert refusal(forged) == "sampling.code_garbled"


def test_a_keyboard_scanner_in_small_letters_is_read() -> None:
    text = tokens.issue([uuid.UUID(int=5)], day=DAY, key=KEY)
    assert tokens.verify(f" {text.lower()}\n", KEYS).persons == (uuid.UUID(int=5),)


@pytest.mark.parametrize(
    "persons", [[], [uuid.UUID(int=1)] * 2, [uuid.UUID(int=n) for n in range(8)]]
)
def test_a_family_has_one_to_seven_different_people(persons: list[uuid.UUID]) -> None:
    with pytest.raises(RuleBroken, match="family_too_large"):
        tokens.issue(persons, day=DAY, key=KEY)


def test_a_day_outside_the_range_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="issue day"):
        tokens.issue([uuid.UUID(int=1)], day=date(2019, 12, 31), key=KEY)


def test_the_servers_own_codes_verify_with_its_published_key() -> None:
    text = tokens.issue([uuid.UUID(int=9)], day=DAY)
    assert tokens.verify(text, tokens.own_keys()).persons == (uuid.UUID(int=9),)


def test_a_code_sealed_here_by_a_foreign_key_is_still_ours() -> None:
    """The seal alone says that this server made the code, whichever key it signed with then."""
    text = tokens.issue([uuid.UUID(int=1)], day=DAY, key=KEY)
    assert tokens.read(text).persons == (uuid.UUID(int=1),)
