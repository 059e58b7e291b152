"""Boxes that come together: opened at once, they end as if they had been opened one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from yingjian.access import journal, scope
from yingjian.access.journal import CommandIn
from yingjian.access.tests.factories import NOON, command, new_id
from yingjian.laboratory.tests import factories as make
from yingjian.sampling.models import Tube

pytestmark = pytest.mark.django_db
TABLES = (
    "laboratory_receipt", "laboratory_receiptline", "logistics_box", "logistics_discrepancy", "sampling_tube",
    "access_clock", "campaigns_dueperson",
)  # fmt: skip


def _submit(commands: Sequence[CommandIn]) -> list[tuple[str, str | None, Any]]:
    told = journal.submit(
        actor=make.CLERK, received_at=NOON + timedelta(hours=2), commands=commands, park=True
    )
    return [(one.verdict, one.code, one.answer) for one in told]


@contextmanager
def _undone() -> Iterator[None]:
    """What happens inside is looked at and taken back."""

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _rows() -> dict[str, list[str]]:
    found = {}
    with scope.everywhere(), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found[table] = [row[0] for row in cursor.fetchall()]
    return found


def _receipt(
    world: make.World, dice: random.Random, boxes: Sequence[tuple[str, list[Tube]]]
) -> CommandIn:
    """A box as a clerk may find it: whole, or with tubes gone, broken, of another box, of nobody's."""
    code, tubes = dice.choice(boxes)
    listed = [tube.code for tube in tubes]
    strange = [tube.code for _, others in boxes for tube in others] + ["UNHEARD-1", "UNHEARD-2"]
    payload: dict[str, Any] = {
        "receipt_id": new_id(), "laboratory_id": world.laboratory.id,
        "box_code": code if dice.random() < 0.9 else "NO-BOX",
    }  # fmt: skip
    if dice.random() < 0.5:
        payload["received"] = dice.sample(listed, dice.randint(0, len(listed)))
    if dice.random() < 0.4:
        payload["broken"] = dice.sample(listed, 1)
    if dice.random() < 0.6:
        payload["extra"] = dice.sample(strange, dice.randint(1, 2))
    minutes = dice.choice([0, 7, 20])
    return command("box.receive", payload, at=NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize("seed", range(12))
def test_a_delivery_opened_at_once_ends_as_one_opened_box_by_box(seed: int) -> None:
    dice = random.Random(seed)
    world = make.world()
    boxes = []
    for _ in range(4):
        tubes = [make.tube(world, people=dice.randint(1, 2)) for _ in range(dice.randint(1, 3))]
        boxes.append((make.box(world, tubes).code, tubes))
    delivery = [_receipt(world, dice, boxes) for _ in range(dice.randint(2, 6))]
    with _undone():
        told_at_once, at_once = _submit(delivery), _rows()
    with _undone():
        told_by_box = [answer for one in delivery for answer in _submit([one])]
        by_box = _rows()
    assert told_at_once == told_by_box
    assert at_once == by_box


def test_a_delivery_takes_the_same_statements_for_any_number_of_boxes() -> None:
    counts = []
    for number in (2, 12):
        world = make.world()
        codes = [make.box(world, [make.tube(world, people=1)]).code for _ in range(number)]
        with CaptureQueriesContext(connection) as seen:
            told = _submit([
                command("box.receive", {"receipt_id": new_id(), "laboratory_id": world.laboratory.id, "box_code": code})
                for code in codes
            ])  # fmt: skip
        assert {one[0] for one in told} == {"applied"}
        counts.append(len(seen))
    assert counts[1] <= counts[0]  # the first also reads the preset


def test_a_receipt_known_before_is_refused_and_leaves_the_others() -> None:
    world = make.world()
    first, second = (make.box(world, [make.tube(world, people=1)]).code for _ in range(2))
    given: dict[str, Any] = {"receipt_id": new_id(), "laboratory_id": world.laboratory.id}
    told = _submit([
        command("box.receive", {**given, "box_code": first}), command("box.receive", {**given, "box_code": second}),
    ])  # fmt: skip
    assert [one[:2] for one in told] == [("applied", None), ("parked", "laboratory.receipt_known")]
    nowhere = {**given, "receipt_id": new_id(), "box_code": "NO-BOX"}
    assert _submit([command("box.receive", nowhere)])[0][:2] == ("parked", "laboratory.box_unknown")
