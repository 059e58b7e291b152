"""The list of a home-visit team: who is on it, what it tells, and who may have it."""

from __future__ import annotations

import json

import pytest

from yingjian.access import scope
from yingjian.access.models import JournalEntry
from yingjian.campaigns.models import DuePerson
from yingjian.population.models import Person
from yingjian.sampling.tests.factories import a_field, recorded, send
from yingjian.sampling.tests.test_packing import a_phone, keyed
from yingjian.sampling.tests.test_reading import called

pytestmark = pytest.mark.django_db


def test_a_team_is_told_the_doors_of_its_site_and_what_a_visit_needs() -> None:
    field = a_field(preset="yongning")
    called(field, field.people[:6])
    first, second, done, excused = field.people[:4]
    with scope.everywhere():
        home = DuePerson.objects.filter(round_id=field.round_id)
        home.filter(person_id__in=[first, second, done, excused, field.people[9]]).update(home=True)
        home.filter(person_id=excused).update(state="excused", reason="外出")
        home.filter(person_id=second).update(mode="single")
        for person, address in ((first, "幸福巷10号"), (second, "幸福巷2号"), (done, "安民巷1号")):
            Person.objects.filter(id=person).update(address=address)
    phone, pack, key = a_phone(field)
    send(field.phone, recorded(field.code(), [done]))
    given = phone.ask("own/doors").json()["items"]
    assert {(door["address"], door["single"], door["done"]) for door in given} == {
        ("安民巷1号", False, True), ("幸福巷10号", False, False), ("幸福巷2号", True, False),
    }  # fmt: skip
    keys = {door["address"]: door["key"] for door in given}
    assert keys["幸福巷2号"] == keyed(key, "person", second.bytes)[:8].hex()
    assert {door["name"] for door in given} == {"测*人"}
    assert str(second) not in str(given)
    other = field.sites[1].stations[0].code
    assert phone.ask(f"{other}/doors", 404).json()["code"] == "sampling.station_unknown"
    with scope.everywhere():
        entry = JournalEntry.objects.get(kind="doors.give")
    assert json.loads(entry.payload)["doors"] == 3
    assert pack["station"]["code"] == phone.station
