"""Rounds ready to be planned, and plans, for this room's tests."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from yingjian.access import scope
from yingjian.access.journal import Verdict
from yingjian.access.tests.factories import TOWN_A, actor, new_id
from yingjian.campaigns.tests.factories import VILLAGE_A, VILLAGE_B, frozen, persons, send
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.models import Laboratory

COUNTY = TOWN_A[:6]


def laboratory(code: str = "L1", *, area: str = COUNTY, tubes: int = 10_000, **more: Any) -> None:
    with scope.everywhere():
        Laboratory.objects.create(
            id=new_id(), code=code, name=f"检测机构{code}", kind=more.pop("kind", "hospital"), area=area,
            tubes_per_day=tubes, **more,
        )  # fmt: skip


def town(preset: str = "yongning", **given: Any) -> uuid.UUID:
    """A frozen round over 120 people in two villages: families, single people, two at home."""
    for n in range(20):
        persons(5, VILLAGE_A if n % 2 else VILLAGE_B, household=True)
    persons(16, VILLAGE_A)
    persons(2, VILLAGE_A, categories=["home_bound"], household=True)
    persons(2, VILLAGE_B, categories=["close_contact"])
    laboratory()
    return frozen(preset=preset, **given)


def propose(round_id: uuid.UUID, **options: Any) -> tuple[uuid.UUID, Verdict]:
    made = new_id()
    payload = {"plan_id": made, "round_id": round_id, "options": options}
    return made, send("plan.propose", payload, by=actor("round_planner"))


def apply(plan_id: uuid.UUID, **more: Any) -> Verdict:
    return send("plan.apply", {"plan_id": plan_id}, by=actor("commander"), **more)


def refusal(kind: str, payload: Mapping[str, Any], *, by: Any = None) -> str:
    with pytest.raises(RuleBroken) as caught:
        send(kind, payload, by=by or actor("commander"))
    return caught.value.code
