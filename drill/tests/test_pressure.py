"""The pressure test's arithmetic, its open loop and its verdict; nothing is started but an echo."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drill.ground import Ask
from drill.pressure import load, report, verdict
from drill.pressure.run import Options, multiples_of
from drill.pressure.shooter import Shooter, Shot
from drill.pressure.verdict import Figures, Kept, Step, Tally

FORTY = {"people": 40_000.0, "hours": 4.0, "peak": 2.0}


def test_the_peak_of_a_county_is_what_its_people_and_hours_make() -> None:
    rates = load.rates(load.stated(FORTY, {}))
    people = 40_000 / (4 * 3600) * 2  # a second
    assert rates[load.SCANS] + rates[load.BACKLOG] * 50 == pytest.approx(people)
    assert rates[load.LOOK_UP] == pytest.approx(people)
    assert rates[load.TRANSPORT] == rates[load.LABORATORY] == pytest.approx(people / 500)
    assert rates[load.CODE_PAGE] * 50 == pytest.approx(people)
    assert rates[load.OVERVIEW] == pytest.approx(50 / 15)


def test_a_number_is_the_testers_then_the_plans_then_assumed() -> None:
    preset = {"sites.lane_day": (12.0, "S4/ML R35"), "pool.default_size": (20.0, "S4/X R49")}
    found = {value.name: value for value in load.stated({"hours": 4.0}, preset)}
    assert (found["hours"].value, found["hours"].source) == (4.0, load.GIVEN)
    assert (found["pool"].value, found["pool"].origin) == (20.0, "S4/X R49")
    assert found["peak"].source == load.ASSUMED


@pytest.mark.parametrize(
    ("name", "value"), [("people", 0.0), ("hours", -1.0), ("offline_share", 1.2), ("looks", -0.1)]
)
def test_a_load_without_meaning_is_named(name: str, value: float) -> None:
    with pytest.raises(load.LoadError) as caught:
        load.stated({name: value}, {})
    assert caught.value.name == name


@settings(max_examples=25)
@given(st.floats(0.001, 50), st.floats(0.5, 60), st.integers(0, 99))
def test_a_step_offers_what_its_rate_says(rate: float, seconds: float, seed: int) -> None:
    due = load.moments(rate, seconds, random.Random(seed))
    assert len(due) == max(1, round(rate * seconds))
    assert [0, *due, seconds] == sorted([0, *due, seconds])
    assert due == load.moments(rate, seconds, random.Random(seed))


def test_a_ramp_doubles_as_far_as_the_people_last() -> None:
    values = load.stated(FORTY, {})
    options = Options([], {}, Path(), minutes=1, ramp=True)
    steps, asked = multiples_of(values, options, 40_000)
    assert steps == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    again = Options([], {}, Path(), minutes=1, steps=steps)
    _, whole = multiples_of(values, again, 40_000)
    assert asked < whole <= 0.7 * 40_000
    _, more = multiples_of(values, Options([], {}, Path(), minutes=1, steps=[*steps, 32]), 40_000)
    assert more > 0.7 * 40_000


# -- the verdict -----------------------------------------------------------------------------------


def judged(kind: str = load.LOOK_UP, limit: float = 2.0, **given: object) -> Figures:
    tally = Tally(offered=100, seconds=[0.1] * 100)
    for name, value in given.items():
        setattr(tally, name, value)
    return verdict.figures(kind, tally, limit)


def test_each_way_of_not_keeping_up_is_named() -> None:
    assert judged().keeps_up
    assert judged(seconds=[0.1] * 94 + [3.0] * 6).fails == (verdict.SLOW,)
    assert judged(seconds=[0.1] * 95 + [3.0] * 5).keeps_up
    assert judged(seconds=[0.1] * 99).fails == (verdict.UNANSWERED,)
    assert judged(seconds=[0.1] * 99, errors=Counter({"500": 1})).fails == (verdict.ERRORS,)
    assert judged(without_wait=1, turned=1).fails == (verdict.ERRORS,)
    assert judged(turned=6).fails == (verdict.TURNED,)
    assert judged(turned=5).keeps_up
    assert judged(load.SCANS, turned=2).fails == (verdict.TURNED,)


def test_few_answers_are_judged_by_the_slowest() -> None:
    few = [0.1] * 18 + [3.0]
    assert judged(offered=19, seconds=few).fails == (verdict.SLOW,)
    assert judged(offered=38, seconds=few + [0.1] * 19).keeps_up


def step(multiple: float, *bad: str) -> Step:
    kinds = tuple(
        judged(kind, seconds=[9.0 if kind in bad else 0.1] * 100)
        for kind in (load.SCANS, load.OVERVIEW)
    )
    return Step(multiple, 60.0, kinds, {}, {}, 0.0)


def test_head_room_ends_where_something_first_breaks() -> None:
    steps = [step(0.5), step(1.0), step(2.0, load.OVERVIEW), step(4.0)]
    assert verdict.head_room(steps) == verdict.HeadRoom(1.0, 2.0, (load.OVERVIEW,))
    assert verdict.head_room(steps, load.SCANS) == verdict.HeadRoom(4.0, None)
    assert verdict.head_room([step(0.5, load.SCANS)]).keeps == 0.0
    assert verdict.passes(steps, [], True)
    assert not verdict.passes([step(0.5), step(1.0, load.SCANS)], [], True)


def test_nothing_confirmed_is_lost_and_nothing_invented() -> None:
    assert Kept("samples", 10, 10).holds
    assert not Kept("samples", 10, 9).holds
    assert not Kept("samples", 10, 11).holds
    assert Kept("samples", 10, 11, open=1).holds
    assert not verdict.passes([step(1.0)], [Kept("samples", 10, 9)], True)
    assert not verdict.passes([step(1.0)], [], False)


# -- the open loop ---------------------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """`/slow` answers one at a time, after a while; `/busy` turns away once; `/seen` in the order it came."""

    protocol_version = "HTTP/1.1"
    one = threading.Lock()
    turned: set[str]
    seen: list[str]

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/slow"):
            with self.one:
                time.sleep(0.1)
        first = self.path not in self.server.turned  # type: ignore[attr-defined]
        self.server.turned.add(self.path)  # type: ignore[attr-defined]
        busy = self.path.startswith("/busy") and first
        self.send_response(429 if busy else 200)
        if busy:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def echo() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.turned, server.seen = set(), []  # type: ignore[attr-defined]
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def shot(path: str, due: float, line: str = "", done: list[str] | None = None) -> Shot:
    heard = (lambda: done.append(path)) if done is not None else (lambda: None)
    return Shot("kind", due, lambda: Ask("GET", path), line=line, done=heard)


def fired(server: ThreadingHTTPServer, shots: list[Shot], grace: float = 5.0) -> Tally:
    shooter = Shooter(f"http://127.0.0.1:{server.server_port}", senders=4)
    shooter.fire(shots, seconds=0.1, grace=grace, told=lambda _: None)
    return shooter.tallies["kind"]


def test_a_late_answer_counts_from_the_moment_due() -> None:
    with echo() as server:
        tally = fired(server, [shot(f"/slow{n}", 0.0) for n in range(6)])
    assert tally.offered == len(tally.seconds) == 6
    assert max(tally.seconds) >= 0.55  # the sixth waited for five others, four senders or not
    assert verdict.percentile(tally.lag, 1.0) < 0.1


def test_a_line_is_sent_in_order_and_who_is_turned_away_comes_again() -> None:
    done: list[str] = []
    with echo() as server:
        shots = [
            shot("/busy-a", 0.0, "p", done),
            shot("/b", 0.0, "p", done),
            shot("/c", 0.01, "p", done),
        ]
        tally = fired(server, shots)
        seen = list(server.seen)  # type: ignore[attr-defined]
    assert done == ["/busy-a", "/b", "/c"]
    assert seen == ["/busy-a", "/busy-a", "/b", "/c"]
    assert (tally.turned, tally.without_wait, len(tally.seconds)) == (1, 0, 3)


def test_what_has_not_begun_in_time_is_withdrawn_and_told() -> None:
    done: list[str] = []
    with echo() as server:
        tally = fired(server, [shot(f"/slow{n}", 0.0, "p", done) for n in range(9)], grace=0.15)
    assert 0 < len(done) < 9
    assert tally.unanswered == 9 - len(done)


def test_a_server_that_is_gone_is_an_error_of_each() -> None:
    with echo() as server:
        port = server.server_port
    shooter = Shooter(f"http://127.0.0.1:{port}", senders=1)
    one = shot("/", 0.0)
    one.cuts = 3
    shooter.fire([one], seconds=0.0, grace=2.0, told=lambda _: None)
    assert sum(shooter.tallies["kind"].errors.values()) == 1


# -- words -----------------------------------------------------------------------------------------


def keys(found: object, path: str = "") -> set[str]:
    if isinstance(found, dict):
        return {key for name, part in found.items() for key in keys(part, f"{path}.{name}")}
    return {path}


def test_both_languages_say_the_same_things() -> None:
    zh, en = report.words("zh"), report.words("en")
    assert keys(zh) == keys(en)
    assert set(zh["kinds"]) == set(load.KINDS) == set(verdict.LIMITS)
    assert set(zh["values"]) == set(load.DEFAULTS)
