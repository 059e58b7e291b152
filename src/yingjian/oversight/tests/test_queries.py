"""Figures and the rows behind them, coverage, reconciliation, documents: on a small day made in the tables."""

from __future__ import annotations

import io
import math
import uuid
from datetime import timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from yingjian.access import scope
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, new_id
from yingjian.campaigns.models import DuePerson, Round
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.models import Laboratory
from yingjian.laboratory.tests import factories as make
from yingjian.logistics.models import SupplyItem, SupplyMove
from yingjian.oversight import actions, exports, queries
from yingjian.oversight.figures import FIGURES
from yingjian.oversight.models import Report, StatedFigure
from yingjian.population.models import Region
from yingjian.sampling.models import Swab, Tube

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
COMMANDER = actor("commander", make.COUNTY)
STRANGER = actor("commander", "640121")
LATE = NOON + timedelta(days=1)
OTHER_VILLAGE = TOWN_A + "202"


@pytest.fixture
def day() -> make.World:
    """Two negative tubes of three and two people, one sealed tube of four nobody tested; one person still due."""
    world = make.world()
    tubes = [make.tube(world, people=people) for people in (3, 2, 4)]
    make.resulted(world, {tube.code: "negative" for tube in tubes[:2]})
    waiting = make.person()
    with scope.everywhere():
        DuePerson.objects.create(
            id=new_id(), round=world.round, person=waiting, area=OTHER_VILLAGE, rank=0, category="general", mode="pool"
        )  # fmt: skip
        Round.objects.filter(id=world.round.id).update(due_total=10)
    return world


def values(world: make.World, *keys: str, as_of: Any = LATE) -> dict[str, Any]:
    with scope.acting(COMMANDER):
        found = queries.figures_for(COMMANDER, world.round.id, as_of=as_of, keys=keys or None)
    return {key: (value.value, value.parts) for key, value in found.items()}


def rows(world: make.World, key: str, **more: Any) -> list[dict[str, Any]]:
    wanted = {"as_of": LATE, "part": None, "after": 0, "limit": 1000, **more}
    with scope.acting(COMMANDER):
        return queries.figure_rows_for(COMMANDER, world.round.id, key, **wanted)


def refused(code: str, status: int, ask: Any) -> None:
    with scope.acting(COMMANDER), pytest.raises(RuleBroken) as caught:
        ask()
    assert (caught.value.code, caught.value.status) == (code, status)


# --- figures


def test_figures_count_add_up_and_split(day: make.World) -> None:
    found = values(day, "due_people", "samples", "tubes", "people_resulted", "first_sample_at")
    assert found["due_people"] == (10, {"resulted": 5, "sampled": 4, "due": 1})
    assert found["samples"] == (9, {})
    assert found["tubes"] == (3, {"released": 2, "sealed": 1})
    assert found["people_resulted"] == (5, {"negative": 5})
    assert found["first_sample_at"] == (make.SWABBED, {})


def test_a_figure_of_nothing_is_nought_and_a_time_of_nothing_is_unknown() -> None:
    found = values(make.world())
    assert set(found) == set(FIGURES)
    for key, (value, parts) in found.items():
        if key not in {"sites", "stations"}:
            assert (value, parts) == (None if FIGURES[key].kind == "time" else 0, {}), key


def _p95(minutes: list[float]) -> int:
    """What 95 of 100 do not exceed, in whole minutes."""
    return math.ceil(sorted(minutes)[math.ceil(0.95 * len(minutes)) - 1]) if minutes else 0


def test_every_value_is_what_its_rows_say(day: make.World) -> None:
    for key, (value, parts) in values(day).items():
        figure, behind = FIGURES[key], rows(day, key)
        if figure.measure == "count":
            assert value == len(behind), key
        elif ":" in figure.measure:
            function, column = figure.measure.split(":")
            times = [row[column] for row in behind]
            pick: Any = {"min": min, "max": max, "p95": _p95}[function]
            assert value == (pick(times) if times or function == "p95" else None), key
        else:
            assert value == sum(row[figure.measure] for row in behind), key
        for part, count in parts.items():
            of_part = rows(day, key, part=part)
            shares = [1 if figure.measure == "count" else row[figure.measure] for row in of_part]
            assert (sum(shares), {str(row[figure.by or ""] or "") for row in of_part}) == (count, {part})  # fmt: skip


def test_rows_come_page_by_page_and_a_part_of_an_undivided_figure_is_the_whole(
    day: make.World,
) -> None:
    whole = rows(day, "register_rows")
    assert len(whole) == 9
    assert rows(day, "register_rows", limit=4) + rows(day, "register_rows", after=4) == whole
    assert rows(day, "samples", part="anything") == rows(day, "samples")


def test_a_figure_as_of_the_morning_knows_no_results(day: make.World) -> None:
    assert values(day, "tubes_resulted", as_of=NOON) == {"tubes_resulted": (0, {})}
    assert values(day, "tubes_resulted") == {"tubes_resulted": (2, {"negative": 2})}


def test_a_result_counts_whatever_area_its_laboratory_is_of(day: make.World) -> None:
    before = values(day, "tubes_resulted", "samples_negative")
    with scope.everywhere():
        Laboratory.objects.update(area=make.COUNTY[:4])  # the city's, out of the county's sight
    assert values(day, "tubes_resulted", "samples_negative") == before
    assert {row["laboratory"] for row in rows(day, "tubes_resulted")} == {""}


def test_a_figure_nobody_defined_is_unknown(day: make.World) -> None:
    refused("oversight.figure_unknown", 404, lambda: queries.figure_of("happiness"))
    with pytest.raises(RuleBroken, match="figure_unknown"):
        values(day, "samples", "happiness")


# --- the round itself


def test_a_round_is_known_to_its_county_only(day: make.World) -> None:
    id = day.round.id
    with scope.acting(COMMANDER):
        head = queries.round_head(COMMANDER, id)
        document = queries.preset_document(COMMANDER, id)
    assert (head["preset"], head["state"], head["due_total"]) == ("yongning", "sampling", 10)
    assert document["pool"]["sizes"]["value"]
    refused("oversight.round_unknown", 404, lambda: queries.round_head(COMMANDER, new_id()))
    refused("oversight.round_unknown", 404, lambda: queries.preset_document(COMMANDER, new_id()))
    for ask in (
        lambda: queries.round_head(STRANGER, id),
        lambda: queries.coverage_for(STRANGER, id),
        lambda: queries.figures_for(STRANGER, id, as_of=LATE),
        lambda: queries.reconciliation_for(STRANGER, id, as_of=LATE),
    ):
        with scope.acting(STRANGER), pytest.raises(RuleBroken, match="round_unknown"):
            ask()


def test_coverage_tells_each_village_and_adds_up(day: make.World) -> None:
    with scope.everywhere():
        Region.objects.get_or_create(
            code=make.VILLAGE, defaults={"area": make.VILLAGE, "name": "某村", "level": "village"}
        )
    with scope.acting(COMMANDER):
        found = {row["area"]: row for row in queries.coverage_for(COMMANDER, day.round.id)}
    assert set(found) == {make.VILLAGE, OTHER_VILLAGE}
    mine, other = found[make.VILLAGE], found[OTHER_VILLAGE]
    assert (mine["due"], mine["sampled"], mine["resulted"], mine["waiting"]) == (9, 9, 5, 0)
    assert (other["name"], other["due"], other["sampled"], other["waiting"]) == (OTHER_VILLAGE, 1, 0, 1)  # fmt: skip


@pytest.mark.parametrize(("language", "none"), [("zh", "无"), ("en", "none")])
def test_the_coverage_of_a_round_without_a_list_says_none(
    day: make.World, language: str, none: str
) -> None:
    def names() -> list[Any]:
        with scope.acting(COMMANDER):
            data = exports.coverage(
                actor=COMMANDER, round_id=day.round.id, at=LATE, language=language, id=new_id()
            )
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        return [row[0] for row in book.get_sheet_by_index(0).to_python()[1:]]

    assert (len(names()), names()[-1]) == (3, ""), "two villages and the total"
    with scope.everywhere():
        Swab.objects.update(due_id=None)
        DuePerson.objects.filter(round_id=day.round.id).delete()
    assert names() == [none]


# --- reconciliation and stated figures


def balances(world: make.World) -> dict[tuple[str, str], queries.Balance]:
    with scope.acting(COMMANDER):
        found = queries.reconciliation_for(COMMANDER, world.round.id, as_of=LATE)
    return {(balance.law, balance.right): balance for balance in found}


def state(world: make.World, figure: str, value: int, source: str, **more: Any) -> str:
    given = {"actor": COMMANDER, "id": new_id(), "at": LATE, "round_id": world.round.id, **more}
    with scope.acting(given["actor"]):
        return actions.figure_state(**given, figure=figure, value=value, source=source)


def test_the_denominator_is_open_until_everybody_is_terminal(day: make.World) -> None:
    found = balances(day)
    assert set(found) == {("samples_register", "register_rows"), ("denominator", "people_terminal")}
    assert found["samples_register", "register_rows"].holds
    denominator = found["denominator", "people_terminal"]
    assert (denominator.left_value, denominator.right_value, denominator.holds) == (10, 5, False)
    with scope.everywhere():
        DuePerson.objects.filter(round=day.round).exclude(state="resulted").update(
            state="missed", reason="外出", owner="村医"
        )
    assert balances(day)["denominator", "people_terminal"].holds


def test_stubs_are_compared_only_where_cards_were_used(day: make.World) -> None:
    assert ("samples_stubs", "stubs") not in balances(day)
    with scope.everywhere():
        swabs = list(Swab.objects.filter(round=day.round).order_by("id"))
        for n, swab in enumerate(swabs[:-1]):
            Swab.objects.filter(id=swab.id).update(stub_no=f"K{n}")
    stubs = balances(day)["samples_stubs", "stubs"]
    assert (stubs.left_value, stubs.right_value, stubs.holds) == (9, 8, False)


def test_a_tube_whose_register_differs_is_told(day: make.World) -> None:
    with scope.everywhere():
        Tube.objects.filter(code=day.codes[0]).update(people=5)
    balance = balances(day)["samples_register", "register_rows"]
    assert (balance.left_value, balance.right_value, balance.holds) == (11, 9, False)


def test_the_last_word_of_a_source_about_a_figure_counts(day: make.World) -> None:
    first = new_id()
    assert state(day, "samples", 8, "日报", id=first) == make.COUNTY
    state(day, "samples", 9, "日报")
    state(day, "samples", 12, "电话")
    with scope.acting(COMMANDER):
        stated = queries.stated_for(COMMANDER, day.round.id)
    assert stated == [("samples", 9, "日报"), ("samples", 12, "电话")]
    found = balances(day)
    assert found["stated", "日报"].holds
    assert (found["stated", "电话"].left_value, found["stated", "电话"].right_value) == (9, 12)
    with scope.everywhere():
        assert StatedFigure.objects.count() == 2


@pytest.mark.parametrize(
    ("more", "figure", "value", "code"),
    [
        ({}, "happiness", 1, "oversight.figure_unknown"),
        ({}, "samples", -1, "oversight.value_malformed"),
        ({"round_id": uuid.UUID(int=7)}, "samples", 1, "oversight.round_unknown"),
        ({"actor": actor("commander", TOWN_B)}, "samples", 1, "oversight.round_unknown"),
        ({"actor": actor("sampler", make.COUNTY)}, "samples", 1, "access.not_permitted"),
    ],
)
def test_a_figure_is_stated_only_by_who_reports_and_only_if_it_can_be(
    day: make.World, more: dict[str, Any], figure: str, value: int, code: str
) -> None:
    with pytest.raises(RuleBroken) as caught:
        state(day, figure, value, "日报", **more)
    assert caught.value.code == code
    with scope.everywhere():
        assert not StatedFigure.objects.exists()


# --- supplies and documents


def test_supplies_used_are_named_in_the_readers_language(day: make.World) -> None:
    with scope.everywhere():
        for code, zh, en in (("suit", "防护服", "Suit"), ("n95", "口罩", "Mask")):
            SupplyItem.objects.create(code=code, name_zh=zh, name_en=en, unit_zh="件", unit_en="pc")
        for item, taker, quantity in (("suit", "used", 7), ("suit", "used", 2), ("n95", "S1", 50)):
            SupplyMove.objects.create(
                id=new_id(), area=make.VILLAGE, round_id=day.round.id, item_id=item, giver="store", taker=taker,
                quantity=quantity, at=NOON, flags=[],
            )  # fmt: skip

    def used(language: str) -> list[dict[str, Any]]:
        with scope.acting(COMMANDER):
            return queries.supplies_used_for(COMMANDER, day.round.id, as_of=LATE, language=language)

    assert used("zh-hans") == [{"item": "suit", "name": "防护服", "unit": "件", "quantity": 9}]
    assert used("en") == [{"item": "suit", "name": "Suit", "unit": "pc", "quantity": 9}]
    assert queries.labels("en")["figures"].keys() == queries.labels("zh-hans")["figures"].keys()


def test_a_document_is_filed_once_and_found_in_its_area_only(day: make.World) -> None:
    id = new_id()
    for digest in ("a" * 64, "b" * 64):
        with scope.acting(COMMANDER):
            area = actions.report_file(
                actor=COMMANDER, id=id, at=LATE, round_id=day.round.id, kind="work", as_of=NOON,
                figures={"samples": 9}, file_name="报告.docx", digest=digest,
            )  # fmt: skip
        assert area == make.COUNTY
    with scope.everywhere():
        assert Report.objects.get().digest == "a" * 64
    with scope.acting(COMMANDER):
        entry = queries.report_file(COMMANDER, id)
    assert (entry["file_name"], entry["kind"], entry["as_of"]) == ("报告.docx", "work", NOON)
    with scope.acting(STRANGER), pytest.raises(RuleBroken, match="report_unknown"):
        queries.report_file(STRANGER, id)
    refused("oversight.report_unknown", 404, lambda: queries.report_file(COMMANDER, new_id()))
