"""People, campaigns and rounds for tests of this room and those above."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from yingjian.access import journal, scope
from yingjian.access.actor import SYSTEM
from yingjian.access.tests.factories import NOON, TOWN_A, command, new_id
from yingjian.campaigns import queries, rules
from yingjian.campaigns.models import DuePerson
from yingjian.kernel.errors import RuleBroken
from yingjian.population.models import Household, Person, PersonCategory

VILLAGE_A = f"{TOWN_A}001"
VILLAGE_B = f"{TOWN_A}002"
COUNTY = TOWN_A[:6]
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def persons(
    count: int, area: str = VILLAGE_A, *, categories: Sequence[str] = (), household: bool = False
) -> list[uuid.UUID]:
    """Stored people of a village, all with the same categories; `household` puts them behind one door."""
    with scope.everywhere():
        door = None
        if household:
            door = Household.objects.create(
                id=new_id(), area=area, no=new_id().hex[-12:], address="1"
            )
        made = Person.objects.bulk_create(
            Person(
                id=new_id(), area=area, household=door, name="测试人", sex="U", id_type="none", id_tail="123X",
                phone_tail="4567", registered_area=area, source="manual",
            )
            for _ in range(count)
        )  # fmt: skip
        PersonCategory.objects.bulk_create(
            PersonCategory(
                id=new_id(), person=person, area=area, code=code, since=NOON - DAY, source="test"
            )
            for person in made
            for code in categories
        )
    return [person.id for person in made]


def send(
    kind: str,
    payload: Mapping[str, Any],
    *,
    by: Any = SYSTEM,
    at: datetime = NOON,
    id: uuid.UUID | None = None,
) -> journal.Verdict:
    """One decision through the journal; raises what it is refused with."""
    return journal.submit(
        actor=by, received_at=at, commands=[command(kind, payload, id=id, at=at)], park=False
    )[0]


def refused(kind: str, payload: Mapping[str, Any], **more: Any) -> RuleBroken:
    """What a decision is refused with."""
    with pytest.raises(RuleBroken) as error:
        send(kind, payload, **more)
    return error.value


def campaign(area: str = TOWN_A) -> uuid.UUID:
    made = new_id()
    send(
        "campaign.create",
        {"campaign_id": made, "area": area, "name": "全员筛查", "trigger": "test"},
    )
    return made


def drafted(
    area: str = TOWN_A, *, preset: str = "mule", no: int = 1, campaign_id: uuid.UUID | None = None, **given: Any
) -> uuid.UUID:  # fmt: skip
    """A drafted round in a campaign of its own."""
    made = new_id()
    payload: dict[str, Any] = {
        "round_id": made, "campaign_id": campaign_id or campaign(area), "no": no, "area": area, "name": "第一轮",
        "preset": {"code": preset}, "window_start": NOON, "window_end": NOON + DAY,
    }  # fmt: skip
    send("round.create", {**payload, **given})
    return made


def frozen(area: str = TOWN_A, *, preset: str = "mule", **given: Any) -> uuid.UUID:
    """A frozen round over whoever lives in `area` already."""
    made = drafted(area, preset=preset, **given)
    send("round.freeze", {"round_id": made})
    return made


def active(
    area: str = TOWN_A, *, preset: str = "mule", state: str = "sampling", **given: Any
) -> uuid.UUID:
    """A round in mobilising, sampling, testing or reconciling."""
    made = frozen(area, preset=preset, **given)
    send("round.approve", {"round_id": made})
    send("round.activate", {"round_id": made})
    for to in ("sampling", "testing", "reconciling"):
        if queries.round_brief(made).state == state:
            break
        send("round.advance", {"round_id": made, "to": to})
    return made


def due_ids(round_id: uuid.UUID, person_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """The due ids of people, by derivation."""
    return rules.due_ids(round_id, person_ids)


def due(id: uuid.UUID) -> DuePerson:
    """Somebody of a due list as stored, in the sight of whoever asks."""
    return DuePerson.objects.get(id=id)


def miss(round_id: uuid.UUID, people: Sequence[uuid.UUID] | None = None, **more: Any) -> int:
    """Writes these people, or all who wait, down as missed; returns how many they were."""
    payload = {"round_id": round_id, "person_ids": people, "owner": "村医", "reason": "外出未归"}
    return int(send("due.miss", payload, **more).answer["missed"])
