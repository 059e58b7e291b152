"""Requests and commands as no client should send them, and some do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.bad_input.ground import Told, Town, verdict
from tests.bad_input.table import row
from yingjian.access.sync import BODY_MAX, COMMANDS_MAX
from yingjian.access.tests.factories import TOWN_A, new_id

G: Final = "commands"


def opened(**more: Any) -> dict[str, Any]:
    return {
        "tube_id": new_id(),
        "code": f"N{new_id().hex[-8:]}",
        "mode": "pool",
        "capacity": 10,
        **more,
    }


def raw(town: Town, body: bytes) -> Told:
    return verdict(town.raw(body))


@row(G, "a body that is no JSON", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    return raw(town, b"tube.open T1")


@row(G, "an empty body", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    return raw(town, b"")


@row(G, "a list where an object should be", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    return raw(town, b"[]")


@row(G, "commands that are no list", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    return raw(town, b'{"commands": {"id": 1}}')


@row(G, "a body that is not UTF-8", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return raw(town, '{"commands": [{"kind": "采样"}]}'.encode("gb18030"))


@row(G, "a body cut off in the middle", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    body = json.dumps({"commands": [town.command("tube.open", opened())]}, default=str).encode()
    return raw(town, body[: len(body) // 2])


@row(G, "lists nested 100,000 deep", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    return raw(town, b'{"commands": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@row(
    G, "one command more than a request may hold", "refused", "access.too_many_commands", status=413
)
def _(town: Town) -> Told:
    return raw(town, b'{"commands": [' + b",".join([b"{}"] * (COMMANDS_MAX + 1)) + b"]}")


@row(G, "a body larger than the server takes", "refused", "access.body_too_large", status=413)
def _(town: Town) -> Told:
    return raw(town, b'{"commands": [], "x": "' + b"x" * BODY_MAX + b'"}')


@row(G, "a sending time without an offset", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    return raw(town, b'{"commands": [], "sent_at": "2026-01-16T07:00:00"}')


@row(G, "a kind nobody knows, from a phone", "parked", "access.kind_unknown")
def _(town: Town) -> Told:
    return town.said("tube.fly", {"tube_id": new_id()})


@row(G, "a kind nobody knows, from a user", "refused", "access.kind_unknown")
def _(town: Town) -> Told:
    return town.does("sampler", "tube.fly", {"tube_id": new_id()})


@row(G, "a kind of 4,000 letters", "parked", "access.kind_unknown")
def _(town: Town) -> Told:
    return town.said("x" * 4_000, {})


@row(G, "an id that is no UUID", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(), id="1")


@row(G, "a command without an id", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    command = town.command("tube.open", opened())
    del command["id"]
    return verdict(town.sync([command]))


@row(G, "a command that is a number", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return verdict(town.sync([42]))


@row(G, "the same id with other content", "parked", "access.id_reused")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(), id=str(town.recorded.id))


@row(G, "a time without an offset", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(), at="2026-01-16T07:00:00")


@row(G, "a time that is no time", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(), at="yesterday")


@row(G, "a time in the year 9999", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(), at="9999-12-31T23:59:59+00:00")


@row(G, "a time in the year 1", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(), at="0001-01-01T00:00:00+00:00")


@row(G, "a swab of the year 9999 inside a tube", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    swab = {"swab_id": new_id(), "at": "9999-12-31T23:59:59+00:00", "entry": "code", "token": "x"}
    far = opened(opened_at=town.now, sealed_at=town.now, count=1, swabs=[swab])
    return town.said("tube.record", far)


@row(G, "a running number below nought", "parked", "access.command_unreadable")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(), seq=-1)


@row(G, "a field left out", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.open", {"tube_id": new_id(), "code": "T1"})


@row(G, "a field of the wrong type", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(capacity="ten"))


@row(G, "a field nobody knows", "taken", "")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(colour="red"))


@row(G, "a payload that is a list", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.open", [1, 2])


@row(G, "a payload that is nothing", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.open", None)


@row(G, "NaN as a number", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    text = json.dumps(town.command("tube.open", opened(capacity=float("nan"))), default=str)
    return raw(town, b'{"commands": [' + text.encode() + b"]}")


@row(G, "a count of 2 to the power of 70", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.seal", {"tube_id": town.tube, "count": 2**70})


@row(G, "a count below nought", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.seal", {"tube_id": town.tube, "count": -1})


@row(G, "a mode nobody knows", "parked", "access.payload_malformed")
def _(town: Town) -> Told:
    return town.said("tube.open", opened(mode="barrel"))


@row(G, "half a character (a lone surrogate) in a scanned code", "taken", "")
def _(town: Town) -> Told:
    text = json.dumps(town.command("tube.open", opened(code="X")), default=str).replace(
        '"X"', '"\\ud800"'
    )
    return raw(town, b'{"commands": [' + text.encode() + b"]}")


@row(G, "a payload nested 2,000 deep", "refused", "access.body_unreadable", status=400)
def _(town: Town) -> Told:
    deep = "[" * 2_000 + "]" * 2_000
    text = json.dumps(town.command("tube.open", "X"), default=str).replace('"X"', deep)
    return raw(town, b'{"commands": [' + text.encode() + b"]}")


@row(G, "one bad command between two good ones", "parked", "access.payload_malformed")
def _(town: Town) -> Iterator[Any]:
    """The good ones are sent again afterwards: both are known, so neither was lost."""
    good = [town.command("tube.open", opened()) for _ in range(2)]
    bad = town.command("tube.open", opened(capacity="ten"))
    first = town.sync([good[0], bad, good[1]]).json()["verdicts"]
    assert [one["verdict"] for one in first] == ["applied", "parked", "applied"], first
    again = town.sync(good).json()["verdicts"]
    assert [(one["verdict"], one["first"]) for one in again] == [("duplicate", "applied")] * 2
    yield
    yield town.said("tube.open", opened(capacity="ten"))


@row(G, "an area of letters", "refused", "campaigns.area_malformed")
def _(town: Town) -> Told:
    given = {"campaign_id": new_id(), "area": "abc", "name": "筛查"}
    return town.does("round_planner", "campaign.create", given)


@row(G, "a window that ends before it begins", "refused", "campaigns.window_reversed")
def _(town: Town) -> Iterator[Any]:
    campaign = new_id()
    town.done(
        "round_planner",
        "campaign.create",
        {"campaign_id": campaign, "area": TOWN_A, "name": "筛查"},
    )
    yield
    given = {"round_id": new_id(), "campaign_id": campaign, "no": 1, "area": TOWN_A, "name": "第一轮",
             "preset": {"code": "mule"}, "window_start": town.now,
             "window_end": "2020-01-01T00:00:00+08:00"}  # fmt: skip
    yield town.does("round_planner", "round.create", given)


@row(G, "fields left out of a form", "refused", "access.input_malformed")
def _(town: Town) -> Told:
    return town.post("administrator", "/users", {"username": "x"})


@row(G, "a form that is no JSON", "refused", "access.input_unreadable", status=400)
def _(town: Town) -> Told:
    from tests.bad_input.ground import told

    return told(town.raw(b"{", role="administrator", path="/api/users"))


@row(G, "an address whose id is no UUID", "refused", "access.input_malformed")
def _(town: Town) -> Told:
    return town.get("commander", "/rounds/1/overview")


@row(G, "a page of minus one row", "refused", "access.input_malformed")
def _(town: Town) -> Told:
    return town.get("commander", f"/rounds/{town.round_id}/sites?limit=-1")


@row(G, "a page that begins nowhere", "refused", "campaigns.page_malformed")
def _(town: Town) -> Told:
    return town.get("round_planner", f"/rounds/{town.round_id}/due?after=%F0%9F%92%A5")


@row(G, "a state nobody knows", "refused", "access.state_unknown")
def _(town: Town) -> Told:
    return town.get("commander", "/clocks?state=asleep")


@row(G, "an address that does not exist", "refused", "access.not_found", status=404)
def _(town: Town) -> Told:
    return town.get("commander", "/rounds/everything/at/once")
