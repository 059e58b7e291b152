"""Pure rules of the bench, by property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yingjian.laboratory import rules, values

codes = st.sets(st.text("ABCDE0123456789", min_size=1, max_size=4), max_size=12)
outcomes = st.sampled_from(values.OUTCOMES)
T0 = datetime(2026, 1, 16, tzinfo=UTC)
times = st.integers(0, 1000).map(lambda minutes: T0 + timedelta(minutes=minutes))


@given(codes, st.none() | codes, codes, codes)
def test_a_receipt_conserves(
    manifest: set[str], received: set[str] | None, broken: set[str], extra: set[str]
) -> None:
    counted = rules.count_receipt(manifest, received=received, broken=broken, extra=extra)
    assert counted.expected == len(counted.received) + len(counted.broken) + len(
        counted.missing
    ) - len(counted.extra)
    assert counted.received.isdisjoint(counted.broken)
    assert counted.missing.isdisjoint(counted.received | counted.broken)
    assert counted.extra.isdisjoint(manifest)
    assert manifest <= counted.received | counted.broken | counted.missing
    assert counted.agrees == (counted.received == manifest and not counted.broken)


@given(codes)
def test_null_means_everything_on_the_manifest(manifest: set[str]) -> None:
    assert rules.count_receipt(manifest, received=None, broken=(), extra=()).agrees


@given(st.lists(outcomes | st.none(), max_size=5), st.integers(1, 4))
def test_single_tests_release_only_when_every_swab_is_negative(
    found: list[str | None], swabs: int
) -> None:
    verdict = values.conclude(found, swabs=swabs)
    if verdict == "negative":
        assert set(found) == {"negative"}
        assert len(found) >= swabs
    assert (verdict == "positive") == ("positive" in found)
    if verdict == "undecided":
        assert None not in found
        assert len(found) >= swabs
    if None in found and "positive" not in found:
        assert verdict == "waiting"


@given(st.lists(outcomes | st.none(), max_size=4), st.randoms())
def test_the_order_of_the_laboratories_does_not_matter(
    found: list[str | None], random: object
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert values.conclude(found, swabs=2) == values.conclude(shuffled, swabs=2)


@pytest.mark.parametrize(
    ("outcome", "ct", "limit", "wrong"),
    [
        ("negative", {"ORF1ab": 27.0}, 38.0, True),
        ("negative", {"ORF1ab": 39.5, "N": None, "IC": 24.0}, 38.0, False),
        ("negative", {"IC": 24.0}, 38.0, False),
        ("negative", {"ORF1ab": 27.0}, None, False),
        ("positive", {"ORF1ab": 27.0, "N": 28.0}, 38.0, False),
        ("positive", {"ORF1ab": None, "N": "NoCt"}, 38.0, True),
        ("single_target", {"ORF1ab": 30.0, "N": None}, 38.0, False),
        ("single_target", {"ORF1ab": 30.0, "N": 31.0}, 38.0, True),
        ("grey", {"ORF1ab": 30.0, "N": 31.0}, 38.0, True),
        ("grey", {"ORF1ab": 39.0, "N": None}, 38.0, False),
        ("invalid", {"ORF1ab": 30.0}, 38.0, False),
        ("negative", {"ORF1ab": True}, 38.0, False),
    ],
)
def test_curve_evidence(outcome: str, ct: dict[str, object], limit: float, wrong: bool) -> None:
    assert rules.ct_contradicts(outcome, ct, limit) is wrong


benches = st.builds(
    rules.TubeAtBench, state=st.just("received"), first_swab_at=st.none() | times, received_at=st.none() | times,
    in_run=st.sampled_from([None, True, False]), run_started_at=st.none() | times, ct_limit=st.none(),
)  # fmt: skip


@given(outcomes, times, times, benches)
def test_flags_are_known_sorted_and_follow_from_times(
    outcome: str, tested: datetime, entered: datetime, bench: rules.TubeAtBench
) -> None:
    received, in_run = bench.received_at, bench.in_run
    flags = rules.judge(outcome, {}, tested, entered, bench)
    assert set(flags) <= rules.FLAGS
    assert flags == sorted(flags)
    assert ("in_future" in flags) == (tested > entered)
    assert ("not_received" in flags) == (received is None)
    assert ("before_receipt" in flags) == (received is not None and tested < received)
    assert ("not_in_run" in flags) == (in_run is False)


def candidate(**changes: object) -> rules.Candidate:
    good = {
        "tube_code": "T", "outcome": "negative", "entered_by": 1, "released": False, "superseded": False,
        "tube_state": "resulted", "received": True, "laboratory_state": "receiving", "flags": [],
    }  # fmt: skip
    return rules.Candidate(**{**good, **changes})  # type: ignore[arg-type]


def test_a_good_result_is_released_by_another() -> None:
    assert rules.release_problem(candidate(), releaser=2) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"superseded": True}, "result_superseded"),
        ({"released": True}, "already_released"),
        ({"entered_by": 2}, "same_person"),
        ({"laboratory_state": "blacklisted"}, "laboratory_not_releasing"),
        ({"received": False}, "tube_not_at_bench"),
        ({"tube_state": "voided"}, "tube_not_at_bench"),
        ({"flags": ["over_capacity", "ct_contradicts"]}, "result_barred"),
    ],
)
def test_each_barrier_bars(changes: dict[str, object], code: str) -> None:
    assert rules.release_problem(candidate(**changes), releaser=2) == f"laboratory.{code}"


@given(st.lists(outcomes, max_size=8))
def test_a_package_is_negative_or_not(found: list[str]) -> None:
    mixed = rules.package_mixed(found)
    assert mixed == ("negative" in found and set(found) != {"negative"})


@pytest.mark.parametrize("table", [rules.RESULT_STATES, rules.LABORATORY_STATES])
def test_state_machines_are_closed_and_end(table: dict[str, frozenset[str]]) -> None:
    assert all(then in table for thens in table.values() for then in thens)
    assert any(not thens for thens in table.values())
    start = next(iter(table))
    seen, todo = {start}, [start]
    while todo:
        todo += (fresh := [then for then in table[todo.pop()] if then not in seen])
        seen.update(fresh)
    assert seen == set(table)
    assert not any(rules.may_become(table, state, state) for state in table)


def test_a_result_s_state_follows_from_its_rows() -> None:
    assert rules.result_state(released=False, corrected=False) == "entered"
    assert rules.result_state(released=True, corrected=False) == "released"
    assert rules.result_state(released=True, corrected=True) == "corrected"


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_drift_is_antisymmetric_and_silent_without_evidence(a: int, n: int, b: int, m: int) -> None:
    a, b = min(a, n), min(b, m)
    z = rules.share_z(a, n, b, m)
    other = rules.share_z(b, m, a, n)
    if z is None:
        assert other is None
        assert n == 0 or m == 0 or a + b in {0, n + m}
    else:
        assert other is not None
        assert z == pytest.approx(-other)
        assert (z > 0) == (a * m > b * n)


@given(st.integers(0, 1000), st.integers(0, 2000))
def test_capacity_is_never_negative(capacity: int, already: int) -> None:
    assert rules.capacity_left(capacity, already) == max(0, capacity - already)
