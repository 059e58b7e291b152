"""The gate: what is given up first, what never is, and that nobody's place is lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from config import admission
from config.admission import DESK, FIELD, AdmissionMiddleware, Gate, Refused, ceilings
from yingjian.access.sync import BODY_MAX

ORDER = ["large_screen", "statistics", "own_history", "own_result", "own_code"]


@contextmanager
def crowd(gate: Gate, kind: str, people: int) -> Iterator[int]:
    """`people` requests of a kind at the door at once; how many of them are inside."""
    with ExitStack() as held:
        inside = 0
        for _ in range(people):
            try:
                held.enter_context(gate.admitted(kind))
            except Refused:
                continue
            inside += 1
        yield inside


def enters(gate: Gate, kind: str, *, size: int = 0, device: str = "") -> bool:
    try:
        with gate.admitted(kind, size=size, device=device):
            return True
    except Refused:
        return False


@given(threads=st.integers(1, 64), given_up=st.permutations(ORDER))
def test_what_is_given_up_first_has_the_lowest_ceiling(threads: int, given_up: list[str]) -> None:
    found = ceilings(threads, given_up)
    in_order = [found[name] for name in (*given_up, DESK, FIELD)]
    assert in_order == sorted(in_order)
    assert min(in_order) >= 1
    assert found[FIELD] == threads
    assert found[DESK] == max(threads - 1, 1)


@pytest.mark.parametrize("kind", ["statistics", "own_result", DESK])
def test_a_flood_of_questions_leaves_room_for_the_field(kind: str) -> None:
    gate = Gate(8, ORDER)
    with crowd(gate, kind, 500) as inside:
        assert 1 <= inside < 8
        with gate.admitted(FIELD):
            pass
    with crowd(gate, FIELD, 500) as inside:  # the control: the field itself may take everything
        assert inside == 8


def test_decoration_goes_before_a_residents_own_code() -> None:
    gate = Gate(8, ORDER)
    with crowd(gate, FIELD, 5):
        assert not enters(gate, "statistics")
        assert enters(gate, "own_code")


def test_a_device_sends_one_request_at_a_time() -> None:
    gate = Gate(8, ORDER)
    with gate.admitted(FIELD, device="a"):
        assert not enters(gate, FIELD, device="a")
        assert enters(gate, FIELD, device="b")
    assert enters(gate, FIELD, device="a")


def test_bodies_together_are_bounded_but_one_alone_is_let_through() -> None:
    gate = Gate(8, ORDER, bytes_most=100)
    with gate.admitted(FIELD, size=1_000):  # the edge behind tells that it is too large
        assert not enters(gate, FIELD, size=1)
    with gate.admitted(FIELD, size=60), gate.admitted(FIELD, size=40):
        assert not enters(gate, FIELD, size=1)
    assert Gate(8).bytes_most >= BODY_MAX


def test_who_waits_gets_the_place_that_comes_free() -> None:
    gate = Gate(1, ORDER, seats=2, patience=30)
    entered = []

    def wait() -> None:
        entered.append(enters(gate, FIELD))

    with gate.admitted(FIELD):
        waiters = [threading.Thread(target=wait) for _ in range(2)]
        for one in waiters:
            one.start()
        while gate.waiting < 2:
            time.sleep(0.001)
        assert not enters(gate, FIELD)  # the waiting room is full
    for one in waiters:
        one.join()
    assert entered == [True, True]
    assert gate.waiting == 0


def test_waiting_ends() -> None:
    gate = Gate(1, ORDER, seats=1, patience=0.01)
    with gate.admitted(FIELD):
        assert not enters(gate, FIELD)
        assert gate.waiting == 0


def test_a_flood_does_not_take_the_waiting_room() -> None:
    gate = Gate(2, ORDER, seats=8, patience=30)
    with gate.admitted(FIELD), gate.admitted(FIELD):
        flood = [threading.Thread(target=enters, args=(gate, "own_result")) for _ in range(40)]
        for one in flood:
            one.start()
        while sum(gate.refused.values()) + gate.waiting < 40:
            time.sleep(0.001)
        assert 1 <= gate.waiting < 8
        seated = threading.Thread(target=enters, args=(gate, FIELD))
        before = gate.waiting
        seated.start()
        while gate.waiting == before:
            time.sleep(0.001)
    for one in (*flood, seated):
        one.join()
    assert FIELD not in gate.refused


def test_places_come_back_after_an_error_and_under_a_race() -> None:
    gate = Gate(3, ORDER)
    most = 0
    begin = threading.Barrier(12)

    def ask() -> None:
        nonlocal most
        begin.wait()
        for _ in range(300):
            try:
                with gate.admitted(FIELD, size=5):
                    most = max(most, gate.busy)
                    raise ValueError
            except (Refused, ValueError):
                pass

    people = [threading.Thread(target=ask) for _ in range(12)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert 1 <= most <= 3
    assert (gate.busy, gate.bytes, gate.devices) == (0, 0, set())


def test_kinds_by_address(rf: RequestFactory) -> None:
    told = {
        "/api/sync": FIELD,
        "/api/commands": DESK,
        "/api/results/lookup": "own_result",
        "/api/codes/own": "own_code",
        "/api/rounds/0190/overview": "statistics",
        "/api/rounds/0190/due": DESK,
    }
    assert {path: admission.kind_of(rf.get(path)) for path in told} == told


def test_who_is_turned_away_hears_when_to_come_again(
    rf: RequestFactory, settings: Settings
) -> None:
    settings.YINGJIAN_THREADS, settings.YINGJIAN_SEATS = 1, 0
    heard: list[HttpResponse] = []

    def work(request: HttpRequest) -> HttpResponse:
        if not heard:  # the only thread is busy with this one
            heard.append(door(rf.post("/api/results/lookup", headers={"Accept-Language": "en"})))
        return HttpResponse("done")

    door = AdmissionMiddleware(work)
    request = rf.post("/api/sync", headers={"Authorization": "Device 1:2"})
    assert door(request).content == b"done"
    assert heard[0].status_code == 429
    assert 1 <= int(heard[0]["Retry-After"]) <= 5
    body = json.loads(heard[0].content)
    assert body["code"] == "access.busy"
    assert body["says"]
    assert body["do"]
    assert door(request).content == b"done"


ASKED = {
    "statistics": "/api/rounds/0190/overview",
    "own_result": "/api/results/lookup",
    "own_code": "/api/codes/own",
    DESK: "/api/rounds",
    FIELD: "/api/sync",
}


def told(door: AdmissionMiddleware, rf: RequestFactory, path: str) -> int:
    return door(rf.get(path)).status_code


def test_under_rising_load_decoration_goes_first_and_registration_never(
    rf: RequestFactory, settings: Settings
) -> None:
    """Through the door itself: with each place more the field takes, who is turned away, in the preset's order."""
    settings.YINGJIAN_THREADS, settings.YINGJIAN_SEATS = 8, 0
    door = AdmissionMiddleware(lambda _: HttpResponse("done"))
    gone: list[str] = []
    with ExitStack() as held:
        for busy in range(9):
            refused = [kind for kind, path in ASKED.items() if told(door, rf, path) == 429]
            gone += [kind for kind in refused if kind not in gone]
            assert set(refused) == set(gone), "what was given up does not come back under more load"
            named = {one["kind"] for one in door.gate.told()["kinds"] if one["given_up"]}
            assert named & set(ASKED) == set(refused), "the status page says what happens"
            if busy < 8:
                assert FIELD not in refused
                held.enter_context(door.gate.admitted(FIELD, device=str(busy)))
    assert gone == list(ASKED)
    assert [told(door, rf, path) for path in ASKED.values()] == [200] * len(ASKED)


def test_look_ups_without_pause_cannot_starve_the_field(
    rf: RequestFactory, settings: Settings
) -> None:
    """Forty askers who come again at once, work that takes its time: every report of the field is taken at once."""
    settings.YINGJIAN_THREADS, settings.YINGJIAN_SEATS = 4, 4
    over = threading.Event()
    asked = {200: 0, 429: 0}

    def work(request: HttpRequest) -> HttpResponse:
        time.sleep(0.002)
        return HttpResponse(request.path)

    door = AdmissionMiddleware(work)

    def ask() -> None:
        while not over.is_set():
            asked[told(door, rf, "/api/results/lookup")] += 1

    flood = [threading.Thread(target=ask) for _ in range(40)]
    for one in flood:
        one.start()
    while sum(asked.values()) < 100:
        time.sleep(0.001)
    field = [told(door, rf, "/api/sync") for _ in range(50)]
    over.set()
    for one in flood:
        one.join()
    assert field == [200] * 50
    assert asked[200] > 0
    assert asked[429] > asked[200], "the control: they were a flood"


def test_the_order_is_the_presets() -> None:
    assert admission.degrade_order() == ORDER
