"""An order by hand and the closing site's standing one at the same moment are one order. With a negative control."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import pytest
from django.db import connections, transaction

from yingjian.access import scope
from yingjian.access.actor import SYSTEM
from yingjian.access.tests.factories import NOON, new_id
from yingjian.containment import actions
from yingjian.containment.actions import Place
from yingjian.containment.models import DisinfectionOrder
from yingjian.laboratory.tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No clocks: only the order itself is looked at."""
    monkeypatch.setattr("yingjian.access.clocks.start", lambda _: None)
    yield
    connections.close_all()


def race(place: Place) -> int:
    """Both orders are held open until the other has been asked for; how many orders stand in the end."""
    asked = threading.Barrier(2)

    def ask(standing: bool) -> None:
        try:
            with scope.everywhere(), transaction.atomic():
                asked.wait(10)
                actions.disinfection_order(
                    actor=SYSTEM, id=new_id(), place=place, kind="terminal", agent="", standing=standing, at=NOON
                )  # fmt: skip
                threading.Event().wait(0.3)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(standing,)) for standing in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with scope.everywhere():
        return DisinfectionOrder.objects.filter(place_code=place.code).count()


def place_of(world: make.World) -> Place:
    return Place("site", world.site.code, make.VILLAGE, uuid.UUID(str(world.round.id)))


def test_two_orders_at_once_are_one(quiet: None) -> None:
    assert race(place_of(make.world())) == 1


def test_control_without_the_lock_there_are_two(
    quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_one_at_a_time", lambda *_: None)
    assert race(place_of(make.world())) == 2
