import json
import random
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.kernel.errors import LANGUAGES, PACKAGE, RuleBroken, catalogue, sentence
from yingjian.kernel.ids import derived, moment_of, uuid7
from yingjian.kernel.ranges import Span

moments = st.integers(1_577_836_800, 7_258_118_400).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(moments, moments, st.integers())
def test_uuid7_sorts_by_time(a: datetime, b: datetime, seed: int) -> None:
    bits = random.Random(seed).getrandbits
    first, second = sorted([a, b])
    early, late = uuid7(first, random_bits=bits), uuid7(second, random_bits=bits)
    assert early.version == 7
    assert early.variant == uuid.RFC_4122
    assert moment_of(early) == int(first.timestamp() * 1000)
    if second - first >= timedelta(milliseconds=2):
        assert early < late


def test_uuid7_refuses_a_time_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="outside the range"):
        uuid7(datetime(1969, 1, 1, tzinfo=UTC))


def test_moment_of_other_versions_is_none() -> None:
    assert moment_of(uuid.uuid4()) is None


@given(st.uuids(), st.text(), st.text())
def test_derived_ids_depend_on_parent_and_name(parent: uuid.UUID, one: str, other: str) -> None:
    assert derived(parent, one) == derived(parent, one)
    assert (derived(parent, one) == derived(parent, other)) == (one == other)


@given(moments, st.integers(1, 10_000), st.integers(-10_000, 20_000))
def test_spans_are_half_open(start: datetime, length: int, offset: int) -> None:
    span = Span(start, start + timedelta(seconds=length))
    assert span.holds(start + timedelta(seconds=offset)) == (0 <= offset < length)
    assert not span.overlaps(Span(span.end, span.end + timedelta(seconds=1)))
    assert span.overlaps(span)
    assert span.length == timedelta(seconds=length)


def test_an_empty_span_is_refused() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="ends after"):
        Span(at, at)


def test_every_code_speaks_both_languages_with_the_same_parameters() -> None:
    zh, en = (catalogue(language) for language in LANGUAGES)
    assert set(zh) == set(en)
    for code in zh:
        for text in (zh[code], en[code]):
            assert set(text) == {"says", "do"}, code
            assert text["says"], code
        fields = [
            set(re.findall(r"\{(\w+)\}", "".join(text.values()))) for text in (zh[code], en[code])
        ]
        assert fields[0] == fields[1], code


def test_codes_live_in_the_room_they_name() -> None:
    for language in LANGUAGES:
        for path in PACKAGE.glob(f"*/messages.{language}.json"):
            for code in json.loads(path.read_text(encoding="utf-8")):
                assert code.split(".")[0] == path.parent.name


def test_sentences_fill_parameters_and_survive_missing_ones() -> None:
    assert (
        "administer" in sentence("access.not_permitted", "en", {"permission": "administer"})["says"]
    )
    assert "…" in sentence("access.not_permitted", "zh")["says"]
    assert sentence("access.nothing_of_the_kind", "zh")["says"] == "access.nothing_of_the_kind"


def test_a_code_is_checked_when_it_is_used() -> None:
    with pytest.raises(ValueError, match="not an error code"):
        RuleBroken("Not a code")
