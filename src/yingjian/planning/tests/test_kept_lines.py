"""Paths and barriers handed over once serve the next plans too, by the name of the plan that has them."""

from __future__ import annotations

import io
import json
import uuid

import pytest
from django.core.management import call_command

from yingjian.access import scope
from yingjian.access.models import JournalEntry
from yingjian.access.tests.factories import TOWN_A, TOWN_B, actor, new_id
from yingjian.campaigns.tests.factories import campaign, frozen, persons, send
from yingjian.engines.plan import model as plans
from yingjian.planning import kept_lines, queries
from yingjian.planning.models import PlanRecord, PlanSearch
from yingjian.planning.tests.plan_factories import refusal
from yingjian.planning.tests.test_searching import two_villages

pytestmark = pytest.mark.django_db
STREET = [[[106.2, 38.2], [106.21, 38.21], [106.27, 38.2]]]
RIVER = [[[106.24, 38.1], [106.24, 38.3]]]


def proposed(round_id: uuid.UUID, **options: object) -> uuid.UUID:
    made = new_id()
    payload = {"plan_id": made, "round_id": round_id, "options": {"mobile": False, **options}}
    send("plan.propose", payload, by=actor("round_planner"))
    return made


def paths_of(plan_id: uuid.UUID) -> list[list[list[float]]]:
    with scope.everywhere():
        return [
            [list(place) for place in line] for line in queries.document_of(plan_id).params.paths
        ]


def test_the_next_round_has_the_paths_of_the_last_and_no_copy_is_sent() -> None:
    first = two_villages()
    plan = proposed(first, paths=STREET, barriers=RIVER)
    proposed(first)
    following = frozen(preset="yongning", campaign_id=campaign(TOWN_A))
    with scope.everywhere():
        found = kept_lines.last(following)
    assert {kind: (one.plan_id, one.version, one.count) for kind, one in found.items()} == {
        "paths": (plan, 1, 1), "barriers": (plan, 1, 1),
    }  # fmt: skip
    again = proposed(following, paths=found["paths"].option)
    assert paths_of(again) == paths_of(plan) == STREET
    with scope.everywhere():
        asked = JournalEntry.objects.get(kind="plan.propose", payload__contains=str(again))
        told = json.loads(asked.payload)
        own = kept_lines.last(following)
    assert told["options"]["paths"] == {"plan": str(plan)}
    assert own["paths"].plan_id == again, "a round's own plans go first"
    assert own["barriers"].plan_id == plan


def test_a_search_keeps_the_name_and_not_the_lines() -> None:
    round_id = two_villages()
    plan = proposed(round_id, paths=STREET)
    made = new_id()
    options = {"mobile": False, "paths": {"plan": str(plan)}}
    send(
        "plan.search",
        {"plan_id": made, "round_id": round_id, "options": options},
        by=actor("round_planner"),
    )
    with scope.everywhere():
        assert PlanSearch.objects.get(id=made).options == options


def test_lines_out_of_sight_of_another_area_or_of_a_plan_put_aside_are_not_offered() -> None:
    round_id = two_villages()
    plan = proposed(round_id, paths=STREET)
    persons(3, f"{TOWN_B}001")
    elsewhere = frozen(TOWN_B, preset="yongning")
    with scope.everywhere():
        assert kept_lines.last(elsewhere) == {}
    stranger = actor("round_planner", TOWN_B)
    payload = {
        "plan_id": new_id(),
        "round_id": elsewhere,
        "options": {"paths": {"plan": str(plan)}},
    }
    assert refusal("plan.propose", payload, by=stranger) == "planning.plan_unknown"
    payload["options"] = {"paths": {"plan": "no id"}}
    assert refusal("plan.propose", payload, by=stranger) == "planning.plan_unknown"
    send("plan.drop", {"plan_id": plan}, by=actor("round_planner"))
    with scope.everywhere():
        assert kept_lines.last(round_id) == {}


def test_the_command_takes_them_says_so_and_leaves_them_out_when_told() -> None:
    round_id = two_villages()
    proposed(round_id, paths=STREET)

    def run(*words: str) -> tuple[list[object], str]:
        out, err = io.StringIO(), io.StringIO()
        call_command(
            "plan",
            str(round_id),
            "--json",
            "--language",
            "en",
            "--option",
            "mobile=false",
            *words,
            stdout=out,
            stderr=err,
        )
        return json.loads(out.getvalue())["plan"]["params"]["paths"], err.getvalue()

    taken, said = run()
    assert taken == STREET
    assert "as in plan 1 of 第一轮, 1 lines" in said
    assert run("--no-paths") == ([], "")


def test_what_lists_say_of_a_plan_is_what_its_document_says() -> None:
    """The database keeps it beside the document, whatever becomes of the plan."""
    plan_id = proposed(two_villages(), paths=STREET)
    with scope.everywhere():
        head, whole = (
            queries.head_of(plan_id),
            json.loads(plans.to_json(queries.document_of(plan_id))),
        )
        PlanRecord.objects.filter(id=plan_id).update(state="dropped")
        dropped = queries.head_of(plan_id)
    assert (head.totals, head.forecast) == (whole["totals"], whole["forecast"])
    proof = {"multipliers", "counted", "count_prices", "cases", "options", "spots", "beyond"}
    assert head.siting == {key: said for key, said in whole["siting"].items() if key not in proof}
    assert dropped.totals == head.totals
