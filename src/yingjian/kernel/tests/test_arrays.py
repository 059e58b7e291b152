"""Columns as array literals: the short way for a column of one value says the same as the long one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yingjian.kernel import arrays

VALUES = {
    "uuid": st.uuids(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "bool": st.booleans(),
    "timestamptz": st.datetimes(timezones=st.just(UTC)),
    "text": st.text(),
    "jsonb": st.text(),
    "bytea": st.binary(),
}


@settings(max_examples=40)
@given(st.data())
def test_a_column_of_one_value_is_written_like_any_other(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(VALUES)))
    value = data.draw(st.none() | VALUES[kind])
    other = data.draw(st.lists(st.none() | VALUES[kind], max_size=3))
    column = [value] * data.draw(st.integers(1, 5)) + other
    assert arrays.columns([kind], [(one,) for one in column]) == [arrays.literal(kind, column)]


def test_no_rows_are_empty_arrays() -> None:
    assert arrays.columns(["uuid", "text"], []) == ["{}", "{}"]


def test_ids_are_written_in_quotes() -> None:
    id = uuid.UUID("00000000-0000-7000-8000-00000000000a")
    assert arrays.literal("uuid", [id, None]) == f'{{"{id}",null}}'


def test_a_kind_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        arrays.literal("money", [1])


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("text", 'a"b\\c', '{"a\\"b\\\\c"}'),
        ("text", "赵,钱 {孙}", '{"赵,钱 {孙}"}'),
        ("bytea", b"\x00\xff", '{"\\\\x00ff"}'),
        ("timestamptz", datetime(2022, 6, 1, tzinfo=UTC), '{"2022-06-01T00:00:00Z"}'),
        ("text", "two\nlines", '{"two\nlines"}'),
        ("bool", True, "{true}"),
    ],
)
def test_what_needs_quotes_has_them(kind: str, value: object, told: str) -> None:
    assert arrays.literal(kind, [value]) == told
