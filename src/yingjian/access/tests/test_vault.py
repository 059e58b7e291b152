from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.access import sealing, vault
from yingjian.kernel.errors import RuleBroken

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text())
def test_what_is_sealed_opens_and_never_looks_the_same(text: str) -> None:
    one, other = vault.seal(text), vault.seal(text)
    assert vault.unseal(one) == vault.unseal(memoryview(other)) == text
    assert one != other
    if len(text) > 3:
        assert text.encode() not in one


@given(st.text(), st.data())
def test_a_changed_bit_is_noticed(text: str, data: st.DataObject) -> None:
    sealed = bytearray(vault.seal(text))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(RuleBroken) as caught:
        vault.unseal(bytes(sealed))
    assert caught.value.code == "access.vault_damaged"


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x02" + b"x" * 40, b"\x01" + b"x" * 27])
def test_junk_is_not_opened(junk: bytes) -> None:
    with pytest.raises(RuleBroken):
        vault.unseal(junk)


@given(st.text(), st.text())
def test_the_index_is_deterministic_and_tells_apart(one: str, other: str) -> None:
    assert len(vault.index(one)) == 32
    assert (vault.index(one) == vault.index(other)) == (one == other)
    assert vault.index(one) != vault.fingerprint(one.encode())


def test_many_keep_gaps() -> None:
    assert vault.seal_many([None]) == [None]
    assert vault.index_many(["a", None]) == [vault.index("a"), None]
    sealed = vault.seal_many(["a"])[0]
    assert sealed is not None
    assert vault.unseal(sealed) == "a"


def test_tokens_depend_on_purpose_and_parts() -> None:
    assert vault.token("a", "b") == vault.token("a", "b")
    assert len({vault.token("a", "b"), vault.token("ab"), vault.token("a", "c")}) == 3


@given(values)
def test_sealing_a_payload_is_undone_for_replay(value: object) -> None:
    import msgspec

    raw = msgspec.json.encode(value)
    stored = sealing.seal_personal(raw)
    if "sealed" not in raw.decode():  # a payload that imitates the mark is not round-tripped
        assert msgspec.json.decode(sealing.unseal_personal(stored)) == msgspec.json.decode(raw)


def test_personal_fields_are_sealed_at_any_depth() -> None:
    import msgspec

    payload = {
        "swabs": [{"id_number": "990101199001011234", "entry": "id"}],
        "phone": "19900000000",
    }
    stored = sealing.seal_personal(msgspec.json.encode(payload))
    assert "990101" not in stored
    assert "19900000000" not in stored
    assert '"entry":"id"' in stored
    assert msgspec.json.decode(sealing.unseal_personal(stored)) == payload
