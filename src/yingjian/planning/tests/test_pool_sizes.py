"""How many to a tube: what a round knows of itself, the recommendation in words, published digits, papers."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.tests.factories import NOON, TOWN_B, actor
from yingjian.campaigns.models import DuePerson
from yingjian.campaigns.tests.factories import VILLAGE_A, drafted, frozen, persons
from yingjian.cases.tests.factories import positive
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.tests import factories as lab
from yingjian.planning import cadence, ground, pool_sizes, wording
from yingjian.planning.ground import Town
from yingjian.planning.pool_paper import percent
from yingjian.planning.pool_sizes import in_people
from yingjian.planning.tests.plan_factories import COUNTY, laboratory, town
from yingjian.planning.tests.test_documents import signed_in

PUBLISHED = "prevalence=0.01&sensitivity=0.99&specificity=0.99&recheck=0.99&dilution=none"


@pytest.mark.django_db
def test_published_digits_come_out_of_the_door() -> None:
    """binGroup2's vignette: pools of 10 at 1 %, 99 % right either way (planning, 4)."""
    round_id = town()
    body = signed_in().get(f"/api/rounds/{round_id}/pool-sizes?{PUBLISHED}").json()
    ten = {one["size"]: one for one in body["whole"]["sizes"]}[10]
    assert round(ten["tests_per_tube"], 4) == 2.0371
    assert round(ten["sensitivity"], 4) == 0.9801
    assert round(ten["specificity"], 4) == 0.9991
    assert round(ten["positive_value"], 4) == 0.9127
    assert round(ten["negative_value"], 4) == 0.9998


@pytest.mark.django_db
def test_a_round_says_what_each_size_takes_and_why_one_is_recommended() -> None:
    round_id = town()
    body = signed_in().get(f"/api/rounds/{round_id}/pool-sizes").json()
    (only,) = body["towns"]
    assert (only["people"], only["pooled"], only["singles"]) == (120, 116 + 2, 2)
    assert [one["size"] for one in only["sizes"]] == [1, 10, 20]  # what the preset allows
    assert [one["tubes"] for one in only["sizes"]] == [118 + 2, 12 + 2, 6 + 2]
    assert only["sizes"][1]["tubes_kept"] >= 14
    assert (only["basis"], only["prevalence"], only["best"]) == ("none", 0.0002, 20)
    assert only["says"].startswith("20人一管：时限内用管最少（含复核）。改为10人一管，多用6管")
    assert body["by_town"]["tubes"] == 8
    rules = {rule["path"]: rule for rule in body["rules"]}
    assert rules["pool.sizes"]["value"] == "1人一管、10人一管、20人一管"
    assert rules["pool.sizes"]["origin"] == "S4/YN R49"
    assert (body["laboratories"], body["tubes_per_day"], body["default_size"]) == (1, 10_000, 10)
    common = signed_in().get(f"/api/rounds/{round_id}/pool-sizes?prevalence=0.2").json()
    assert common["whole"]["best"] == 1
    english = (
        signed_in()
        .get(f"/api/rounds/{round_id}/pool-sizes", headers={"Accept-Language": "en"})
        .json()
    )
    assert english["whole"]["says"].startswith("20 per tube: fewest tubes")


@pytest.mark.django_db
def test_without_a_laboratory_no_clock_is_claimed_and_a_slow_one_is_told() -> None:
    persons(60, VILLAGE_A)
    round_id = frozen(preset="yongning")
    body = signed_in().get(f"/api/rounds/{round_id}/pool-sizes").json()
    assert body["whole"]["why"] == "no_laboratory"
    assert {one["in_time"] for one in body["whole"]["sizes"]} == {None}
    laboratory(tubes=1)
    slow = signed_in().get(f"/api/rounds/{round_id}/pool-sizes?fresh=true").json()
    assert slow["whole"]["why"] == "none_in_time"
    hours = [one["result_hours"] for one in slow["whole"]["sizes"]]
    assert hours == sorted(hours, reverse=True)


@pytest.mark.django_db
def test_an_answer_stands_on_what_was_known_this_quarter_of_an_hour() -> None:
    round_id = town()
    planner = actor("round_planner", area=COUNTY)
    with scope.acting(planner):
        found = ground.ground_for(planner, round_id, at=NOON)
        assert ground.ground_for(planner, round_id, at=NOON + timedelta(minutes=14)) is found
        assert ground.ground_for(planner, round_id, at=NOON, fresh=True) is not found
    other = actor("round_planner", area=TOWN_B)
    with scope.acting(other), pytest.raises(RuleBroken):
        ground.ground_for(other, round_id, at=NOON)
    village = actor("round_planner", area=VILLAGE_A)
    with scope.acting(village), pytest.raises(RuleBroken) as caught:
        ground.ground_for(village, round_id, at=NOON)
    assert caught.value.code == "access.outside_area"


@pytest.mark.django_db
def test_the_rounds_own_positives_speak_before_the_guess() -> None:
    made = lab.world()
    tube = lab.tube(made, people=10)
    positive(made, tube)
    with scope.everywhere():
        made.round.due.update(state="resulted", resulted_at=NOON, outcome="negative")
        (one,) = ground.ground_of(made.round.id, at=NOON).towns
    assert (one.resulted, one.positive, one.basis, one.people) == (10, 1, "round", 10)
    assert (len(one.rounds), len(one.cases)) == (1, 1)
    assert pool_sizes.prevalence(one, 0.0) == pytest.approx(1 / 1010)
    assert pool_sizes.prevalence(one, 0.01) == pytest.approx(11 / 1010)


def test_many_results_outweigh_a_guess() -> None:
    place = Town("1", "", [], 99_000, 0, "round", [], [])
    assert pool_sizes.prevalence(place, 0.02) == pytest.approx(0.0002)


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["prevalence=0.9", "sensitivity=0", "dilution=x", "keep=7"])
def test_numbers_out_of_bounds_are_refused(asked: str) -> None:
    assert signed_in().get(f"/api/rounds/{town()}/pool-sizes?{asked}").status_code == 422


@pytest.mark.django_db
def test_before_there_is_a_list_there_is_nothing_to_choose() -> None:
    answer = signed_in().get(f"/api/rounds/{drafted()}/pool-sizes")
    assert (answer.status_code, answer.json()["code"]) == (409, "planning.not_frozen")
    round_id = town()
    with scope.everywhere():
        DuePerson.objects.filter(round_id=round_id).update(state="excused", reason="外出")
    empty = signed_in().get(f"/api/rounds/{round_id}/pool-sizes")
    assert (empty.status_code, empty.json()["code"]) == (409, "planning.nobody")


@pytest.mark.django_db
def test_the_workbook_has_every_part() -> None:
    round_id = town()
    answer = signed_in().get(f"/api/rounds/{round_id}/pool-sizes.xlsx?keep=true")
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    names = wording.words("zh")["pooling"]
    assert sheets.sheet_names[1:] == list(names["table"].values())
    sizes = sheets.get_sheet_by_name(names["table"]["sizes"]).to_python()
    assert [row[0] for row in sizes[1:]] == [1, 10, 20]
    assert isinstance(sizes[2][5], float)  # a number, not a text
    rows = sheets.get_sheet_by_name(names["table"]["assumptions"]).to_python()[1:]
    assumed = {row[0]: row[1] for row in rows}
    assert assumed[names["assumed"]["keep"]] == "是"
    assert assumed[names["assumed"]["prevalence"]] == "0.02%"


@pytest.mark.django_db
def test_the_command_tells_and_writes_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cadence, "RUNS", (1, 1))
    round_id = str(town())
    out = io.StringIO()
    call_command(
        "choices", round_id, "--option", "prevalence=0.001", "--option", "days=3", stdout=out
    )
    assert "20人一管" in out.getvalue()
    out = io.StringIO()
    call_command("choices", round_id, "--json", "--option", "days=3", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    assert found["pool_sizes"]["whole"]["best"] == 20
    with pytest.raises(CommandError, match=r"planning\.bad_option"):
        call_command("choices", round_id, "--option", "prevalence=9")
    with pytest.raises(CommandError, match=r"planning\.unknown_option.*prevalence"):
        call_command("choices", round_id, "--option", "colour=red")
    with pytest.raises(CommandError, match=r"campaigns\.round_unknown"):
        call_command("choices", str(uuid.uuid4()))
    with pytest.raises(CommandError, match=r"planning\.not_a_round"):
        call_command("choices", "x")


@pytest.mark.parametrize(
    ("share", "says"),
    [(0, "0%"), (0.0002, "0.02%"), (0.0123, "1.2%"), (0.000005, "0.0005%"), (0.25, "25%")],
)
def test_small_shares_as_people_write_them(share: float, says: str) -> None:
    assert percent(share) == says


@pytest.mark.parametrize(
    ("people", "says"), [(0.004, "0.00"), (0.5, "0.50"), (3.21, "3.2"), (1234.4, "1,234")]
)
def test_expected_people(people: float, says: str) -> None:
    assert in_people(people) == says
