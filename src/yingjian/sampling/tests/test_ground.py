"""What the hot path rests on: a fixed number of queries, races that lose nothing, malformed input with a name."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from yingjian.access import scope
from yingjian.access.journal import CommandIn
from yingjian.access.tests.factories import command, new_id
from yingjian.campaigns.models import DuePerson
from yingjian.kernel import arrays
from yingjian.logistics.models import Box, BoxLine
from yingjian.sampling import actions, commands, finding, store
from yingjian.sampling.models import RackCount, Swab, Tube
from yingjian.sampling.tests.factories import (
    Field,
    a_field,
    added,
    minute,
    opened,
    recorded,
    send,
    token,
    told,
)  # fmt: skip

COUNTS = Path(__file__).with_name("query_counts.json")


# -- queries -------------------------------------------------------------------------------------


def _counted(work: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as seen:
        work()
    return len(seen)


def _batches(field: Field) -> dict[str, Callable[[int], list[CommandIn]]]:
    """Batches of n tubes (of two people) in every shape, the second of its kind, so that caches are warm."""

    def tubes(n: int) -> list[CommandIn]:
        return [recorded(field.code(), [field.people.pop(), field.people.pop()]) for _ in range(n)]

    def history(n: int) -> list[CommandIn]:
        found = []
        for _ in range(n):
            tube = new_id()
            found += [opened(field.code(), tube), added(tube, field.people.pop()),
                      told("tube.seal", tube_id=tube, count=1)]  # fmt: skip
        return found

    def found(n: int) -> list[CommandIn]:
        return [
            recorded(
                field.code(), [],
                swabs=[{"swab_id": new_id(), "at": minute(1), "entry": "walk_in", "name": f"来客{k}"}], count=1,
            )
            for k in range(n)
        ]  # fmt: skip

    def voided(n: int) -> list[CommandIn]:
        made, swabs = [], []
        for _ in range(n):
            tube, swab = new_id(), new_id()
            swabs.append(swab)
            made += [opened(field.code(), tube), added(tube, field.people.pop(), swab=swab)]
        send(field.phone, *made)
        return [told("swab.void", swab_id=swab, reason="x") for swab in swabs]

    def boxed(n: int) -> list[CommandIn]:
        made = tubes(n)
        send(field.phone, *made)
        codes = [json.loads(bytes(one.payload))["code"] for one in made]
        boxes = [new_id() for _ in range(n)]
        return [
            one
            for box, code in zip(boxes, codes, strict=True)
            for one in (told("box.open", box_id=box, code=f"B{box.hex[-8:]}"),
                        told("box.add", box_id=box, tube_codes=[code]),
                        told("box.seal", box_id=box, seal_no="", count=1))
        ]  # fmt: skip

    return {"tube.record": tubes, "history": history, "found": found, "void": voided, "box": boxed}


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["tube.record", "history", "found", "void", "box"])
def test_queries_do_not_grow_with_the_batch(shape: str) -> None:
    field = a_field(people=120)
    make = _batches(field)[shape]
    send(field.phone, *make(1))
    few, many = make(2), make(20)
    counts = [_counted(partial(send, field.phone, *batch)) for batch in (few, many)]
    assert counts[0] == counts[1], f"{shape}: {counts[0]} queries for 2, {counts[1]} for 20"
    baseline = json.loads(COUNTS.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_COUNTS"):
        baseline[shape] = counts[1]
        COUNTS.write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert counts[1] <= baseline[shape], f"{shape} needs more queries than its baseline"


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        )
    )
)
@pytest.mark.django_db
def test_array_literals_read_back(texts: list[str | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [arrays.literal("text", texts)])
        assert cursor.fetchone()[0] == texts


@pytest.mark.django_db
def test_array_literals_of_every_kind_read_back() -> None:
    rows: dict[str, list[Any]] = {
        "uuid": [uuid.UUID(int=7), None], "int": [1, None], "bool": [True, None, False],
        "timestamptz": [minute(3), None], "bytea": [b"\x00\\\"'", None, b""],
    }  # fmt: skip
    with connection.cursor() as cursor:
        for kind, values in rows.items():
            cursor.execute(f"SELECT %s::{kind}[]", [arrays.literal(kind, values)])
            assert cursor.fetchone()[0] == values
    assert arrays.columns(["int", "text"], []) == ["{}", "{}"]
    with pytest.raises(KeyError):
        arrays.literal("money", [1])


# -- races ---------------------------------------------------------------------------------------


def together(work: Sequence[Callable[[], Any]]) -> list[BaseException]:
    """Run at the same moment, each on a connection of its own; what was raised."""
    start, raised = threading.Barrier(len(work)), list[BaseException]()

    def run(one: Callable[[], Any]) -> None:
        try:
            start.wait()
            one()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_two_devices_open_the_same_printed_code() -> None:
    field = a_field()
    code = field.code()
    tubes = [new_id() for _ in range(6)]
    phones = [field.phone, field.other] * 3
    assert together(
        [partial(send, phone, opened(code, tube)) for phone, tube in zip(phones, tubes, strict=True)]
    ) == []  # fmt: skip
    with scope.everywhere():
        stored = {t.id: (t.binding, t.flags) for t in Tube.objects.filter(code=code)}
    assert sorted(binding for binding, _ in stored.values()) == [1, 2, 3, 4, 5, 6]
    assert all(flags == ["duplicate_tube"] for _, flags in stored.values())


@pytest.mark.django_db(transaction=True)
def test_the_same_person_at_two_stations_at_once() -> None:
    field = a_field()
    for person in field.people[:5]:
        work = [
            partial(send, phone, recorded(field.code(), [person], at=at))
            for phone, at in ((field.phone, 3), (field.other, 5))
        ]
        assert together(work) == []
        with scope.everywhere():
            flags = list(
                Swab.objects.filter(person_id=person)
                .order_by("taken_at")
                .values_list("flags", flat=True)
            )
            due = DuePerson.objects.get(round_id=field.round_id, person_id=person)
        assert flags == [[], ["duplicate_person"]]
        assert due.sampled_at == minute(3)


@pytest.mark.django_db(transaction=True)
def test_negative_control_without_the_lock_on_people_the_race_is_lost() -> None:
    """The test above can fail: with the lock taken away both stations believe they were first."""
    field = a_field()
    person, meet = field.people[0], threading.Barrier(2)
    read = store.people_held

    def read_together(due_ids: Sequence[uuid.UUID]) -> Any:
        found = read(due_ids)
        meet.wait(timeout=20)
        return found

    unheld = store.PEOPLE_HELD.replace("FOR NO KEY UPDATE OF d", "")
    with (
        patch.object(store, "PEOPLE_HELD", unheld),
        patch.object(store, "people_held", read_together),
    ):
        together(
            [
                partial(send, phone, recorded(field.code(), [person], at=at))
                for phone, at in ((field.phone, 3), (field.other, 5))
            ]
        )
    with scope.everywhere():
        flags = list(Swab.objects.filter(person_id=person).values_list("flags", flat=True))
    assert flags == [[], []]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("held", [True, False], ids=["held", "negative control: not held"])
def test_a_tube_is_lost_while_another_station_swabs_the_same_person(held: bool) -> None:
    field, tube = a_field(), new_id()
    person = field.people[0]
    send(field.phone, recorded(field.code(), [person], tube=tube, at=3))
    other = threading.Thread(
        target=together,
        args=([partial(send, field.other, recorded(field.code(), [person], at=5))],),
    )
    read = store.due_of_tubes

    def read_last(ids: Sequence[uuid.UUID]) -> Any:
        found = read(ids)
        if reads.pop():
            other.start()
            other.join(timeout=1.5)  # a person that is held makes it wait for us
        return found

    reads = [True, False]
    lock = store.due_lock if held else lambda _: None
    with (
        patch.object(store, "due_of_tubes", read_last),
        patch("yingjian.sampling.actions.store.due_lock", lock),
        scope.everywhere(),
    ):
        actions.tubes_advance(tube_ids=[tube], to="rejected", at=minute(9))
    other.join()
    with scope.everywhere():
        due = DuePerson.objects.get(round_id=field.round_id, person_id=person)
    assert (due.state == "sampled" and due.sampled_at == minute(5)) is held


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("held", "system"), [(True, 1), (False, 0)])
def test_a_rack_is_counted_after_what_is_being_stored_at_the_station(
    held: bool, system: int
) -> None:
    """The journal has the tube before the count, so the count must know it; without the lock it does not (control)."""
    field, count, stored = a_field(), new_id(), threading.Event()
    fill = commands._fill_boxes

    def slowly(placed: Any, received_at: Any) -> Any:
        if any(one.command.kind == "tube.record" for one in placed):
            stored.set()
            time.sleep(0.3)
        return fill(placed, received_at)

    def counted() -> None:
        stored.wait(timeout=20)
        send(field.phone, told("rack.count", at=20, count_id=count, tubes=1))

    tube = partial(send, field.phone, recorded(field.code(), field.people[:1]))
    with ExitStack() as stack:
        stack.enter_context(patch.object(commands, "_fill_boxes", slowly))
        if not held:
            stack.enter_context(patch.object(store, "stations_hold", lambda *_, **__: None))
            stack.enter_context(patch.object(finding, "HOLD", ""))
        assert together([tube, counted]) == []
    with scope.everywhere():
        assert RackCount.objects.get(id=count).tubes_system == system


@pytest.mark.django_db(transaction=True)
def test_the_same_swab_and_the_same_box_line_sent_twice_at_once() -> None:
    field, tube, swab, box = a_field(), new_id(), new_id(), new_id()
    code = field.code()
    send(field.phone, opened(code, tube))

    def upload() -> None:
        send(
            field.phone,
            added(tube, field.people[0], swab=swab),
            told("box.add", box_id=box, tube_codes=[code]),
        )

    assert together([upload] * 4) == []
    with scope.everywhere():
        assert Swab.objects.filter(tube_id=tube).count() == 1
        assert BoxLine.objects.filter(box_id=box).count() == 1
        assert Box.objects.filter(id=box).count() == 1
        assert Tube.objects.get(id=tube).people == 1


@pytest.mark.django_db(transaction=True)
def test_two_devices_find_the_same_stranger_and_overlapping_batches_do_not_deadlock() -> None:
    field = a_field()
    a, b = field.people[:10], field.people[10:20]
    one = [recorded(field.code(), a), recorded(field.code(), b)]
    two = [recorded(field.code(), b), recorded(field.code(), a)]
    assert together([lambda: send(field.phone, *one), lambda: send(field.other, *two)]) == []
    with scope.everywhere():
        assert Swab.objects.count() == 40
        assert Swab.objects.filter(flags__contains=["duplicate_person"]).count() == 20


# -- malformed input -----------------------------------------------------------------------------

TUBE, SWAB, WHEN = str(uuid.UUID(int=1)), str(uuid.UUID(int=2)), "2026-01-16T08:00:00+08:00"
WHOLE = {
    "tube_id": TUBE, "code": "M", "mode": "pool", "capacity": 10, "opened_at": WHEN, "sealed_at": WHEN, "count": 0,
    "swabs": [],
}  # fmt: skip
MALFORMED: list[tuple[str, dict[str, Any], str]] = [
    ("tube.open", {}, "access.payload_malformed"),
    ("tube.open", {"tube_id": "x", "code": "M", "mode": "pool", "capacity": 1}, "access.payload_malformed"),
    ("tube.open", {"tube_id": TUBE, "code": "M", "mode": "heap", "capacity": 1}, "access.payload_malformed"),
    ("tube.open", {"tube_id": TUBE, "code": "M", "mode": "pool", "capacity": 0}, "access.payload_malformed"),
    ("tube.open", {"tube_id": TUBE, "code": "M", "mode": "pool", "capacity": 2_000}, "access.payload_malformed"),
    ("tube.open", {"tube_id": TUBE, "code": "M" * 41, "mode": "pool", "capacity": 1}, "access.payload_malformed"),
    ("tube.open", {"tube_id": TUBE, "code": 7, "mode": "pool", "capacity": 1}, "access.payload_malformed"),
    ("swab.add", {"swab_id": SWAB, "tube_id": TUBE, "entry": "telepathy"}, "access.payload_malformed"),
    ("swab.add", {"swab_id": SWAB, "entry": "id"}, "access.payload_malformed"),
    ("swab.add", {"swab_id": SWAB, "tube_id": TUBE, "entry": "id", "name": "长" * 81}, "access.payload_malformed"),
    ("swab.void", {"swab_id": SWAB, "reason": ""}, "access.payload_malformed"),
    ("swab.void", {"swab_id": SWAB, "reason": "   "}, "access.payload_malformed"),
    ("swab.move", {"swab_id": SWAB, "reason": "x"}, "access.payload_malformed"),
    ("tube.seal", {"tube_id": TUBE, "count": -1}, "access.payload_malformed"),
    ("tube.seal", {"tube_id": TUBE, "count": 1e9}, "access.payload_malformed"),
    ("tube.record", WHOLE | {"sealed_at": "2026-01-16T08:00:00"}, "access.payload_malformed"),
    ("tube.record", WHOLE | {"sealed_at": "noon"}, "access.payload_malformed"),
    ("tube.record", WHOLE | {"swabs": [{"swab_id": SWAB}]}, "access.payload_malformed"),
    ("box.add", {"box_id": TUBE, "tube_codes": "M"}, "access.payload_malformed"),
    ("rack.count", {"count_id": TUBE, "tubes": None}, "access.payload_malformed"),
    ("site.open", {"site_id": str(uuid.UUID(int=9))}, "sampling.site_unknown"),
    ("tube.melt", {"tube_id": TUBE}, "access.kind_unknown"),
    ("tubes.travel", {"box_ids": []}, "access.not_permitted"),
    ("handover.record", {"handover_id": TUBE, "kind": "pick_up", "giver": "a", "taker": "b", "boxes": []},
     "access.not_permitted"),
]  # fmt: skip


@pytest.mark.django_db
def test_malformed_commands_park_with_a_code_and_take_nothing_with_them() -> None:
    field, tube = a_field(), new_id()
    batch = [opened(field.code(), tube)]
    for kind, payload, _ in MALFORMED:
        batch += [command(kind, payload, at=minute(1)), added(tube, field.people.pop())]
    sent = send(field.phone, *batch)
    bad, good = sent[1::2], [sent[0], *sent[2::2]]
    assert [(v.verdict, v.code) for v in bad] == [("parked", code) for *_, code in MALFORMED]
    assert {v.verdict for v in good} == {"applied"}
    with scope.everywhere():
        assert Tube.objects.get(id=tube).people == len(MALFORMED)
        assert Tube.objects.count() == 1


@pytest.mark.django_db
def test_odd_characters_are_stored_or_parked_never_lost() -> None:
    field, tube = a_field(), new_id()
    odd = [
        added(tube, None, name='"; DROP TABLE {1,2}\\', entry="walk_in"),
        added(tube, None, name="𠀀㐀·阿卜杜拉", entry="walk_in"),
        added(tube, None, stub_no="a\\b\"c'{}", token=token(field.people[0])),
    ]
    sent = send(field.phone, opened('{"a",b}\\', tube), *odd)
    assert {v.verdict for v in sent} == {"applied"}
    with scope.everywhere():
        assert Tube.objects.get(id=tube).code == '{"a",b}\\'
        assert Swab.objects.filter(stub_no="a\\b\"c'{}").count() == 1
    zero = send(field.phone, opened("A\0B"))[0]
    assert zero.verdict == "parked"
