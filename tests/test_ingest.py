"""The ingest bench knows beforehand how many tubes it sends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ingest import CONNECTIONS, SIZES, parts, shared


@given(
    st.integers(1, 3000),
    st.lists(st.integers(1, 9), max_size=3, unique=True),
    st.integers(0, 20_000),
)
def test_no_more_tubes_are_sent_than_there_are(tubes: int, rows: list[int], held: int) -> None:
    wanted = parts(tubes, rows)
    least = sum(part.size * CONNECTIONS for part in wanted)
    if held < least:
        with pytest.raises(SystemExit, match="--people"):
            shared(wanted, held)
        return
    found = shared(wanted, held)
    assert sum(part.tubes for part in found) <= held
    assert [(part.rows, part.size) for part in found] == [(part.rows, part.size) for part in wanted]
    assert all(part.tubes % (part.size * CONNECTIONS) == 0 < part.tubes for part in found)


def test_every_size_is_measured_at_first_and_with_the_first_round_stored() -> None:
    levels = [(part.rows, part.size) for part in parts(1200, [3_000_000, 300_000])]
    assert levels[:6] == [(rows, size) for rows in (0, 300_000) for size in SIZES]
    assert set(levels[6:]) == {(3_000_000, 10), (3_000_000, 1)}
