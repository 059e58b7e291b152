"""The client against an invented server: headers, retries, packets, verdicts, settling."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from drill import client
from drill.client import AT, Command, Device, DrillError, Ids, Link, Refused, Traffic, User, settle

NOON = datetime(2021, 1, 16, 12, tzinfo=UTC)
Answer = Callable[[httpx.Request], httpx.Response]


def link(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> Link:
    monkeypatch.setattr(client, "FIRST_WAIT", 0.001)
    return Link("http://nowhere", Traffic(), transport=httpx.MockTransport(answer))


def verdicts(request: httpx.Request) -> httpx.Response:
    sent = json.loads(request.content)["commands"]
    told = [{"id": c["id"], "verdict": "parked" if c["kind"] == "bad" else "applied"} for c in sent]
    return httpx.Response(200, json={"verdicts": told})


def test_every_request_tells_the_drills_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": "1", "csrf": "token"})

    user = User(link(answer, monkeypatch), Ids(1)).sign_in("a", "b", at=NOON)
    user.get("/session", at=NOON)
    assert [request.headers[AT] for request in seen] == [NOON.isoformat()] * 2
    assert seen[1].headers["X-CSRFToken"] == "token"


@pytest.mark.parametrize("first", [httpx.ConnectError("gone"), httpx.Response(503)])
def test_it_asks_again_where_no_answer_came(
    first: httpx.Response | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        if tries == 1:
            if isinstance(first, Exception):
                raise first
            return first
        return httpx.Response(200, json={})

    made = link(answer, monkeypatch)
    made.send("GET", "/status", at=NOON)
    assert (tries, made.traffic.retries) == (2, 1)


def test_it_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("gone")

    with pytest.raises(DrillError, match="no answer"):
        link(answer, monkeypatch).send("GET", "/status", at=NOON)


def test_a_refusal_is_told_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"code": "campaigns.not_terminal", "says": "还有人没有结果", "params": {"due": 3}}
    made = link(lambda _: httpx.Response(409, json=body), monkeypatch)
    with pytest.raises(Refused, match=r"campaigns\.not_terminal") as caught:
        User(made, Ids(1)).command("round.close", at=NOON, round_id="x")
    assert (caught.value.status, caught.value.code) == (409, "campaigns.not_terminal")


def test_many_commands_travel_in_several_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(json.loads(request.content)["commands"]))
        return verdicts(request)

    ids = Ids(1)
    commands = [Command(ids.new(NOON), "tube.record", NOON, {"n": n}) for n in range(4500)]
    told = Device(link(answer, monkeypatch), "d", "s").sync(commands, at=NOON)
    assert sizes == [2000, 2000, 500]
    assert [row["id"] for row in told] == [command.id for command in commands]
    monkeypatch.setattr(client, "BODY_MAX", 1000)
    sizes.clear()
    Device(link(answer, monkeypatch), "d", "s").sync(commands[:20], at=NOON)
    assert len(sizes) > 1
    assert sum(sizes) == 20


def test_a_devices_numbers_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.extend(json.loads(request.content)["commands"])
        assert request.headers["Authorization"] == "Device d:s"
        return verdicts(request)

    device, ids = Device(link(answer, monkeypatch), "d", "s"), Ids(1)
    for _ in range(2):
        device.sync([Command(ids.new(NOON), "tube.seal", NOON, {}) for _ in range(3)], at=NOON)
    assert [row["seq"] for row in seen] == [1, 2, 3, 4, 5, 6]


def test_parked_commands_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made, ids = link(verdicts, monkeypatch), Ids(1)
    commands = [Command(ids.new(NOON), kind, NOON, {}) for kind in ("good", "bad")]
    Device(made, "d", "s").sync(commands, at=NOON)
    assert [row["kind"] for row in made.traffic.parked] == ["bad"]
    with pytest.raises(DrillError, match="parked"):
        User(made, ids).command("bad", at=NOON)


def test_lists_are_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params.get("after", 0))
        last = after == 4
        items = [{"n": after}, {"n": after + 1}]
        return httpx.Response(200, json={"items": items, "next": None if last else after + 2})

    found = User(link(answer, monkeypatch), Ids(1)).items("/rounds", at=NOON)
    assert [row["n"] for row in found] == [0, 1, 2, 3, 4, 5]


def test_settling_waits_for_the_last_news(monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([3, 1, 0])
    made = link(lambda _: httpx.Response(200, json={"jobs_waiting": next(left)}), monkeypatch)
    settle(User(made, Ids(1)), at=NOON)
    assert next(left, None) is None
    stuck = link(lambda _: httpx.Response(200, json={"jobs_waiting": 1}), monkeypatch)
    with pytest.raises(DrillError, match="still wait"):
        settle(User(stuck, Ids(1)), at=NOON, seconds=0.05)


def test_the_same_seed_gives_the_same_ids() -> None:
    one, two = Ids(5), Ids(5)
    assert [one.new(NOON) for _ in range(3)] == [two.new(NOON) for _ in range(3)]
    assert Ids(6).new(NOON) != Ids(5).new(NOON)
