"""The judge of the fault campaign can tell: each promise broken by hand is found, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.faults.checker import Held, Phone, judge
from tests.faults.schedule import FAMILIES, schedule

DEVICE, TUBE, OTHER, SWAB, BOX = "d1", "t1", "t2", "s1", "b1"
DRAFTS: list[dict[str, Any]] = [
    {"kind": "tube.open", "payload": {"tube_id": TUBE, "code": "PT01"}},
    {
        "kind": "swab.add",
        "payload": {"swab_id": SWAB, "tube_id": TUBE, "id_number": "x", "token": "YJ1A"},
    },
    {"kind": "tube.seal", "payload": {"tube_id": TUBE, "count": 1}},
    {"kind": "box.add", "payload": {"box_id": BOX, "tube_codes": ["PT01"]}},
]


def _phone() -> Phone:
    entries = [
        {"id": f"c{n}", "kind": draft["kind"], "status": "applied", "at": 1000 + n}
        for n, draft in enumerate(DRAFTS)
    ]
    told = [{"drafts": [draft], "confirmed": True, "error": ""} for draft in deepcopy(DRAFTS)]
    counts = {"waiting": 0, "stuck": 0, "parked": 0, "applied": 4}
    return Phone("a", [DEVICE], entries, told, [f"c{n}" for n in range(4)], [], counts)


def _held() -> Held:
    journal = [
        {
            "id": f"c{n}", "device": DEVICE, "seq": n + 1, "kind": draft["kind"], "verdict": "applied",
            "payload": {k: v for k, v in draft["payload"].items() if k != "id_number"}, "at": 1000 + n,
            "skewed": False,
        }
        for n, draft in enumerate(deepcopy(DRAFTS))
    ]  # fmt: skip
    return Held(
        journal, {SWAB: {"tube": TUBE, "voided": False, "flags": ["not_on_roster"]}},
        {TUBE: {"code": "PT01", "state": "boxed", "count": 1, "flags": []}}, Counter({(BOX, "PT01"): 1}),
    )  # fmt: skip


def test_a_good_day_is_found_good() -> None:
    assert judge([_phone()], _held()) == []


def _lost(phone: Phone, held: Held) -> None:
    held.journal.pop(1)


def _doubled(phone: Phone, held: Held) -> None:
    held.journal.append({**held.journal[1], "id": "new"})


def _swab_gone(phone: Phone, held: Held) -> None:
    held.swabs.clear()


def _elsewhere(phone: Phone, held: Held) -> None:
    held.swabs[SWAB] = {**held.swabs[SWAB], "tube": OTHER}


def _unsealed(phone: Phone, held: Held) -> None:
    held.tubes[TUBE] = {**held.tubes[TUBE], "state": "open"}


def _not_in_box(phone: Phone, held: Held) -> None:
    held.lines.clear()


def _believed(phone: Phone, held: Held) -> None:
    held.journal[1] = {**held.journal[1], "verdict": "parked"}
    held.matters.add("parked.c1")


def _hidden(phone: Phone, held: Held) -> None:
    phone.entries[1] = {**phone.entries[1], "status": "parked"}
    held.journal[1] = {**held.journal[1], "verdict": "parked"}


def _flag_hidden(phone: Phone, held: Held) -> None:
    held.swabs[SWAB] = {**held.swabs[SWAB], "flags": ["clock_skew"]}


def _other_time(phone: Phone, held: Held) -> None:
    held.journal[1] = {**held.journal[1], "at": 5}


def _waits(phone: Phone, held: Held) -> None:
    phone.counts["waiting"] = 1


def _let_go(phone: Phone, held: Held) -> None:
    phone.wrong.append("swab.add c1 is gone without a verdict (waiting)")


def _untold_fall(phone: Phone, held: Held) -> None:
    held.journal[1] = {**held.journal[1], "seq": 1}


def _untold_skew(phone: Phone, held: Held) -> None:
    held.journal[1] = {**held.journal[1], "skewed": True}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_lost, "confirmed and lost"), (_doubled, "doubled"), (_doubled, "no phone ever had"),
        (_swab_gone, "is not there"), (_elsewhere, "went into tube"), (_unsealed, "was sealed"),
        (_not_in_box, "not in it"), (_believed, "applied here, parked there"),
        (_hidden, "parked.c1 is not on the work list"), (_flag_hidden, "clock_skew is not on the work list"),
        (_other_time, "was done at 1001 here, 5 there"), (_waits, "never got a verdict"),
        (_let_go, "gone without a verdict"), (_untold_fall, "went back in time"),
        (_untold_skew, "a day wrong and bears no flag"),
    ],
)  # fmt: skip
def test_a_broken_promise_is_found(spoil: Callable[[Phone, Held], None], found: str) -> None:
    phone, held = _phone(), _held()
    spoil(phone, held)
    assert any(found in sentence for sentence in judge([phone], held))


def test_a_revoked_code_and_a_code_bound_twice_must_be_flagged() -> None:
    phone, held = _phone(), _held()
    assert judge([phone], held, revoked={"YJ1A": 2000}) == []
    assert "revoked before" in judge([phone], held, revoked={"YJ1A": 1000})[0]
    twice = {"kind": "tube.open", "payload": {"tube_id": OTHER, "code": "PT01"}}
    phone.told.append({"drafts": [twice], "confirmed": True, "error": ""})
    assert sum("bound 2 times" in sentence for sentence in judge([phone], held)) == 2


def test_what_was_never_confirmed_may_be_there_or_not_but_once() -> None:
    phone, held = _phone(), _held()
    phone.told[0] = {**phone.told[0], "confirmed": False}
    assert judge([phone], held) == []
    held.journal.pop(0)
    phone.entries.pop(0)
    assert judge([phone], held) == []


def test_a_seed_tells_the_same_day_again_and_every_fault_has_its_turn() -> None:
    def made(number: int) -> Any:
        return schedule(
            seed=7,
            number=number,
            run="r",
            tokens=["YJ1A", "YJ1B"],
            stations=["64012140000100101"] * 2,
        )

    hundred = [made(n) for n in range(100)]
    assert [one.story() for one in hundred] == [made(n).story() for n in range(100)]
    assert {name for one in hundred for name in one.families} == set(FAMILIES)
    tubes = [
        step["code"]
        for one in hundred
        for phone in one.phones
        for step in phone.steps
        if step["do"] == "tube"
    ]
    assert len(set(tubes)) > 400
