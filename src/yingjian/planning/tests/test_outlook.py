"""The rest of a round's day from how it stands: from the tables, over HTTP, on the command line."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from yingjian.access import scope
from yingjian.access.tests.factories import TOWN_A, TOWN_B, actor
from yingjian.campaigns.models import DuePerson
from yingjian.kernel.errors import RuleBroken
from yingjian.planning import outlook, queries, rehearsing
from yingjian.planning.outlook import RoundOutlook
from yingjian.planning.tests.plan_factories import apply, propose, town
from yingjian.planning.tests.test_documents import signed_in
from yingjian.sampling.models import Site

pytestmark = pytest.mark.django_db


def opened() -> tuple[uuid.UUID, uuid.UUID, datetime]:
    """A round whose plan is in force, the plan, and when its sites open."""
    round_id = town()
    plan_id, _ = propose(round_id)
    apply(plan_id)
    with scope.everywhere():
        plan = queries.document_of(plan_id)
    return round_id, plan_id, min(span.start for site in plan.sites for span in site.open)


def asked(round_id: uuid.UUID, at: datetime, **more: Any) -> RoundOutlook:
    planner = actor("round_planner", area=TOWN_A)
    with scope.acting(planner):
        return outlook.outlook_for(planner, round_id, at=at, language="zh", **more)


def swabbed(round_id: uuid.UUID, **which: Any) -> None:
    with scope.everywhere():
        DuePerson.objects.filter(round_id=round_id, **which).update(
            state="sampled", sampled_at=F("slot_start")
        )


def test_before_it_opens_it_is_the_plans_rehearsal() -> None:
    round_id, plan_id, opens = opened()
    found = asked(round_id, opens - timedelta(hours=1))
    with scope.everywhere():
        own = rehearsing.rehearse(
            plan_id, runs=outlook.RUNS, trials=1, seed=outlook.SEED, language="zh"
        )
    assert found.figures == own.days[0].figures
    assert found.sites == own.days[0].sites
    assert (found.state, found.sampled, found.home) == ("sampling", 0, 2)
    assert found.to_come == found.people == 118
    assert found.says[: len(own.days[0].says)] == own.days[0].says
    assert "另有2人等上门采样，不在推演之内。" in found.says


def test_the_more_is_swabbed_the_earlier_and_in_the_end_it_is_finished() -> None:
    round_id, _, opens = opened()
    at = opens + timedelta(minutes=30)
    nobody = asked(round_id, at)
    with scope.everywhere():
        codes = set(DuePerson.objects.filter(round_id=round_id).values_list("site_code", flat=True))
    first = min(code for code in codes if code)
    swabbed(round_id, home=False, site_code=first)
    assert asked(round_id, at + timedelta(minutes=2)) is not None
    kept = asked(round_id, at + timedelta(minutes=2))
    assert kept.as_of == at
    some = asked(round_id, at, fresh=True)
    assert some.sampled > nobody.sampled == 0
    assert some.figures.get("last_swab", (0, 0, 0))[1] <= nobody.figures["last_swab"][1]
    swabbed(round_id)
    whole = asked(round_id, at, fresh=True)
    assert (whole.state, whole.to_come, whole.figures, whole.helps) == ("finished", 0, {}, [])
    assert whole.says == ["采样、送检、出结果都已完成。"]


def test_who_belongs_to_a_closed_site_is_told_and_not_played() -> None:
    round_id, _, opens = opened()
    with scope.everywhere():
        Site.objects.filter(round_id=round_id).update(state="closed")
    found = asked(round_id, opens + timedelta(hours=4))
    assert (found.to_come, found.closed, found.state) == (0, 118, "sampling")
    assert "另有118人所属采样点已关门，须补检。" in found.says


def test_over_http_for_whoever_sees_the_whole_round_and_on_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    round_id, _, _ = opened()
    answer = signed_in().get(f"/api/rounds/{round_id}/outlook")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["round_id"], body["people"]) == (str(round_id), 118)
    assert body["says"]
    assert signed_in(TOWN_B).get(f"/api/rounds/{round_id}/outlook").status_code in {403, 404}
    call_command("rehearse", str(round_id), "--live")
    told = capsys.readouterr().out
    assert "到点应采118人" in told
    assert "照现在的台、车、机器不变：" in told


def test_without_a_plan_in_force_there_is_no_outlook() -> None:
    round_id = town()
    propose(round_id)
    with pytest.raises(RuleBroken) as caught:
        asked(round_id, datetime.fromisoformat("2026-01-17T09:00:00+08:00"))
    assert (caught.value.code, caught.value.status) == ("planning.plan_unknown", 404)
