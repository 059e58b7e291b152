"""Campaigns and rounds: each command, the clocks they start and stop, what is refused with which code."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from yingjian.access import clocks, journal, outbox, scope
from yingjian.access.models import Clock, JournalEntry
from yingjian.access.tests.factories import NOON, TOWN_A, TOWN_B, actor, command, new_id
from yingjian.campaigns import actions, presets, queries
from yingjian.campaigns import events as told
from yingjian.campaigns.models import DuePerson, Preset, Round
from yingjian.campaigns.tests.factories import (
    COUNTY,
    DAY,
    active,
    campaign,
    drafted,
    due_ids,
    frozen,
    persons,
    refused,
    send,
)
from yingjian.kernel.errors import RuleBroken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]


@pytest.fixture
def heard() -> Iterator[list[outbox.Event]]:
    """Every event of the room that is delivered during a test."""
    events: list[outbox.Event] = []
    kinds = (
        told.RoundFrozen, told.RoundActivated, told.RoundAdvanced, told.RoundClosed, told.RoundCancelled,
        told.PeopleMissed,
    )  # fmt: skip
    before = {name: list(found) for name, found in outbox._subscribers.items()}
    for kind in kinds:
        outbox._subscribers[kind.event_name] = []
        outbox.subscribes(kind)(events.append)
    yield events
    outbox._subscribers.clear()
    outbox._subscribers.update(before)
    outbox.forget_pending()


def clock(code: str, subject: uuid.UUID) -> Clock:
    return Clock.objects.get(code=code, subject_id=subject)


def test_a_round_walks_its_life(
    heard: list[outbox.Event], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    people = persons(2)
    with django_capture_on_commit_callbacks(execute=True):
        round_id = drafted()
        assert queries.round_brief(round_id).state == "draft"
        send("round.freeze", {"round_id": round_id})
        send("round.approve", {"round_id": round_id}, by=actor("commander", TOWN_A))
        send("round.activate", {"round_id": round_id}, by=actor("commander", TOWN_A))
        for to in ("sampling", "testing", "reconciling"):
            verdict = send(
                "round.advance", {"round_id": round_id, "to": to}, by=actor("round_planner", TOWN_A)
            )
            assert verdict.answer == {"state": to}
        ids = due_ids(round_id, people)
        actions.due_sampled(at_by_due_id=dict.fromkeys(ids, NOON))
        actions.due_resulted(
            round_id=round_id, rows=[actions.DueResult(id, "negative", NOON) for id in ids]
        )
        close = new_id()
        send("round.close", {"round_id": round_id}, at=NOON + DAY, id=close)
    brief = queries.round_brief(round_id)
    assert (brief.state, brief.closed_at) == ("closed", NOON + DAY)
    assert queries.denominator(round_id).faults == []
    outbox.deliver_pending()
    assert [event.event_name for event in heard] == [
        "campaigns.round_frozen", "campaigns.round_activated", "campaigns.round_advanced",
        "campaigns.round_advanced", "campaigns.round_advanced", "campaigns.round_closed",
    ]  # fmt: skip
    assert len({event.id for event in heard}) == 6


def test_closing_twice_changes_nothing() -> None:
    people = persons(1)
    round_id = active(state="reconciling")
    send("due.excuse", {"round_id": round_id, "person_id": people[0], "reason": "left_area"})
    send("round.close", {"round_id": round_id})
    again = send("round.close", {"round_id": round_id}, at=NOON + DAY)
    assert again.verdict == "applied"
    assert queries.round_brief(round_id).closed_at == NOON


def test_close_is_refused_with_the_counts_while_anybody_is_open() -> None:
    people = persons(5)
    round_id = active(state="reconciling")
    ids = due_ids(round_id, people)
    actions.due_sampled(at_by_due_id=dict.fromkeys(ids[:2], NOON))
    error = refused("round.close", {"round_id": round_id})
    assert (error.code, error.status) == ("campaigns.not_terminal", 409)
    assert error.params == {"due": 3, "sampled": 2, "total": 5}
    assert queries.round_brief(round_id).state == "reconciling"


@pytest.mark.parametrize("state", ["mobilising", "sampling", "testing"])
def test_close_comes_after_reconciling(state: str) -> None:
    persons(1)
    round_id = active(state=state)
    error = refused("round.close", {"round_id": round_id})
    assert (error.code, error.params["state"]) == ("campaigns.round_state", state)


def test_approval_needs_the_frozen_list_and_the_database_insists() -> None:
    persons(1)
    round_id = drafted()
    assert refused("round.approve", {"round_id": round_id}).code == "campaigns.not_frozen"
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.filter(id=round_id).update(state="approved")


def test_a_cancelled_round_keeps_its_reason_and_stops_its_clocks() -> None:
    persons(1)
    round_id = active(preset="yongning")
    assert clock("round_finish", round_id).stopped_at is None
    assert (
        refused("round.cancel", {"round_id": round_id, "reason": " "}).code
        == "campaigns.text_missing"
    )
    send("round.cancel", {"round_id": round_id, "reason": "台风"})
    brief = queries.round_brief(round_id)
    assert (brief.state, brief.ended_reason) == ("cancelled", "台风")
    assert clock("round_finish", round_id).stopped_at == NOON
    error = refused("due.miss", {"round_id": round_id, "owner": "村", "reason": "外出"})
    assert error.code == "campaigns.round_over"
    error = refused("round.advance", {"round_id": round_id, "to": "testing"})
    assert error.code == "campaigns.round_state"


def test_advancing_to_where_the_round_is_changes_nothing() -> None:
    persons(1)
    round_id = active(state="testing")
    assert send("round.advance", {"round_id": round_id, "to": "testing"}).answer == {
        "state": "testing"
    }
    assert (
        refused("round.advance", {"round_id": round_id, "to": "closed"}).code
        == "campaigns.advance_unknown"
    )
    assert (
        refused("round.advance", {"round_id": round_id, "to": "sampling"}).code
        == "campaigns.round_state"
    )


@pytest.mark.parametrize(
    ("kind", "role", "allowed"),
    [
        ("round.approve", "commander", True),
        ("round.approve", "round_planner", False),
        ("round.freeze", "commander", False),
        ("round.freeze", "village_worker", False),
        ("round.cancel", "round_planner", False),
        ("round.close", "registrar", False),
    ],
)
def test_who_may_decide(kind: str, role: str, allowed: bool) -> None:
    persons(1)
    round_id = frozen() if kind != "round.freeze" else drafted()
    payload: dict[str, Any] = {"round_id": round_id}
    if kind == "round.cancel":
        payload["reason"] = "x"
    if allowed:
        assert send(kind, payload, by=actor(role, TOWN_A)).verdict == "applied"
        return
    assert refused(kind, payload, by=actor(role, TOWN_A)).code == "access.not_permitted"
    outside = refused(kind, payload, by=actor("system", TOWN_B))
    assert (outside.code, outside.status) == ("access.outside_area", 403)


def _round(**given: Any) -> dict[str, Any]:
    return {
        "round_id": new_id(), "no": 1, "area": TOWN_A, "name": "第一轮", "preset": {"code": "mule"},
        "window_start": NOON, "window_end": NOON + DAY, **given,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"area": "23118310"}, "campaigns.area_malformed"),
        ({"area": ""}, "campaigns.area_malformed"),
        ({"area": "二三一一"}, "campaigns.area_malformed"),
        ({"area": TOWN_B}, "campaigns.area_outside_campaign"),
        ({"window_end": NOON}, "campaigns.window_reversed"),
        ({"window_end": "2026-01-17T04:00:00"}, "campaigns.time_without_zone"),
        ({"no": 0}, "campaigns.number_malformed"),
        ({"no": 10**9}, "campaigns.number_malformed"),
        ({"name": "  "}, "campaigns.text_missing"),
        ({"name": "轮" * 121}, "campaigns.text_too_long"),
        ({"preset": {"code": "atlantis"}}, "campaigns.preset_unknown"),
        ({"preset": {"code": "mule", "version": 77}}, "campaigns.preset_unknown"),
        ({"preset": {"code": "../base"}}, "campaigns.preset_unknown"),
        ({"campaign_id": new_id()}, "campaigns.campaign_unknown"),
        ({"round_id": "not-an-id"}, "access.payload_malformed"),
        ({"window_start": "soon"}, "access.payload_malformed"),
    ],
)
def test_a_malformed_round_is_refused_with_its_code(given: dict[str, Any], code: str) -> None:
    payload = {"campaign_id": campaign(), **_round(**given)}
    assert refused("round.create", payload).code == code
    assert not Round.objects.exists()


def test_numbers_and_ids_of_rounds_and_campaigns_are_used_once() -> None:
    mine = campaign()
    first = drafted(campaign_id=mine)
    assert refused("round.create", _round(campaign_id=mine)).code == "campaigns.round_exists"
    other = _round(campaign_id=mine, no=2, round_id=first)
    assert refused("round.create", other).code == "campaigns.round_exists"
    again = {"campaign_id": mine, "area": TOWN_A, "name": "x"}
    assert refused("campaign.create", again).code == "campaigns.campaign_exists"
    unknown = refused("round.approve", {"round_id": new_id()})
    assert (unknown.code, unknown.status) == ("campaigns.round_unknown", 404)


# -- presets -----------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, settings: Any) -> Path:
    """A folder of presets that a test may edit."""
    for path in presets.DEFAULT_DIRECTORY.glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    settings.YINGJIAN_PRESETS = tmp_path
    return tmp_path


def edit(shelf: Path, code: str, old: str, new: str) -> None:
    path = shelf / f"{code}.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_changed_number_changes_the_clock_of_new_rounds_only(shelf: Path) -> None:
    """Show 3: a deadline edited in the file reaches the next round without code; running rounds keep theirs."""
    persons(1)
    old = active()
    edit(
        shelf,
        "mule",
        "key_groups_finish: {value: 24, unit: h",
        "key_groups_finish: {value: 20, unit: h",
    )
    edit(shelf, "mule", "site_ready: {value: 4, unit: h", "site_ready: {value: 5, unit: h")
    new = active()
    site = (new_id(), "S-01", TOWN_A)
    actions.site_clocks(round_id=new, sites=[site], activated_at=NOON)
    assert clock("key_groups_finish", old).due_at == NOON + timedelta(hours=24)
    assert clock("key_groups_finish", new).due_at == NOON + timedelta(hours=20)
    assert clock("site_ready", site[0]).due_at == NOON + timedelta(hours=5)
    assert queries.preset_of(old).clocks.site_ready.minutes == 240
    assert Preset.objects.filter(code="mule").count() == 2


def test_a_preset_is_stored_once_and_through_the_journal(shelf: Path) -> None:
    drafted()
    drafted()
    assert Preset.objects.filter(code="mule").count() == 1
    assert JournalEntry.objects.filter(kind="preset.store").count() == 1
    drafted(preset="yongning")
    assert JournalEntry.objects.filter(kind="preset.store").count() == 2


def test_a_file_put_back_is_the_latest_again(shelf: Path) -> None:
    """The row chosen for a round is always the one stored last, so that a replay without files chooses the same."""
    first = drafted()
    edit(shelf, "mule", "site_ready: {value: 4, unit: h", "site_ready: {value: 5, unit: h")
    second = drafted(no=1)
    edit(shelf, "mule", "site_ready: {value: 5, unit: h", "site_ready: {value: 4, unit: h")
    third_id = new_id()
    send("round.create", _round(campaign_id=campaign(), round_id=third_id), at=NOON + DAY)
    used = [queries.round_brief(id).preset_id for id in (first, second, third_id)]
    assert used[0] != used[1]
    assert used[0] == used[2]
    with journal.replaying():
        latest = queries.preset_row_latest("mule")
    assert latest is not None
    assert latest[0] == used[2]


def test_a_replay_needs_no_files(shelf: Path) -> None:
    drafted()
    for path in shelf.glob("*.yaml"):
        path.unlink()
    made = _round(campaign_id=campaign())
    with journal.replaying():
        send("round.create", made)
    assert queries.round_brief(made["round_id"]).preset_code == "mule"


def test_a_stored_preset_needs_no_file_and_a_broken_one_is_refused() -> None:
    document = presets.snapshot(presets.load("mule"))
    document["header"]["code"] = "our-own"
    document["clocks"]["site_ready"]["value"] = 3.0
    send("preset.store", {"document": document})
    round_id = drafted(preset="our-own")
    assert queries.preset_of(round_id).clocks.site_ready.minutes == 180
    document["clocks"]["site_ready"]["value"] = -3.0
    assert refused("preset.store", {"document": document}).code == "campaigns.preset_out_of_range"
    assert refused("preset.store", {"document": {}}).code == "campaigns.preset_missing_key"
    document["header"]["code"] = "c" * 33
    document["clocks"]["site_ready"]["value"] = 3.0
    assert refused("preset.store", {"document": document}).code == "campaigns.text_too_long"


# -- clocks ------------------------------------------------------------------------------------


def test_round_clocks_run_from_the_window_and_by_population() -> None:
    """R1: five million or fewer, 2 days. The clock of a round that is activated early runs from its window."""
    persons(1)
    start = NOON + 3 * DAY
    round_id = active(preset="state-council", window_start=start, window_end=start + 2 * DAY)
    found = clock("round_finish", round_id)
    assert (found.started_at, found.due_at) == (start, start + timedelta(hours=48))
    assert found.owner_role
    assert found.origin.endswith("R1")


def test_a_plan_without_a_deadline_runs_no_clock() -> None:
    persons(1)
    round_id = active(preset="yilaha")
    codes = set(Clock.objects.filter(round_id=round_id).values_list("code", flat=True))
    assert codes == set(queries.clock_rules(round_id)) & {"round_finish", "key_groups_finish"}
    actions.site_clocks(round_id=round_id, sites=[(new_id(), "S-01", TOWN_A)], activated_at=NOON)
    expected = codes | set(queries.clock_rules(round_id)) & {
        "site_ready", "staff_on_duty", "medics_on_duty", "site_kit", "ppe_ready",
    }  # fmt: skip
    assert set(Clock.objects.filter(round_id=round_id).values_list("code", flat=True)) == expected
    assert queries.clock_rule(round_id, "site_ready") is None
    with pytest.raises(KeyError):
        queries.clock_rule(round_id, "tea_time")


def test_site_clocks_are_those_of_the_plan_and_start_once(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    """R21, R42, R85 for Mule: ready 4 h, staff 2 h, medics 4 h, kit 2 h, PPE 4 h."""
    persons(1)
    round_id = active()
    sites = [(new_id(), f"S-{no:02}", TOWN_A) for no in range(40)]
    queries.preset_of(round_id)
    with django_assert_num_queries(2):
        actions.site_clocks(round_id=round_id, sites=sites, activated_at=NOON)
    actions.site_clocks(round_id=round_id, sites=sites, activated_at=NOON + DAY)
    hours = {
        found.code: (found.due_at - found.started_at).total_seconds() / 3600
        for found in Clock.objects.filter(subject_id=sites[7][0])
    }
    assert hours == {
        "site_ready": 4, "staff_on_duty": 2, "medics_on_duty": 4, "site_kit": 2, "ppe_ready": 4,
    }  # fmt: skip
    assert clocks.stop("site_ready", [sites[7][0]], at=NOON + timedelta(hours=5)) == 1
    assert clock("site_ready", sites[7][0]).breached_at == NOON + timedelta(hours=4)


def test_any_clock_of_the_plan_starts_through_one_door() -> None:
    persons(1)
    round_id = active(preset="yilaha")
    box = new_id()
    actions.start_clocks(
        round_id=round_id, code="deliver", subjects=[(box, "箱1", TOWN_A)], at=NOON
    )
    found = clock("deliver", box)
    assert (found.subject_kind, found.due_at) == (
        "box",
        NOON + timedelta(hours=6),
    )  # 18:00 in China


def test_the_key_groups_clock_stops_with_the_last_of_them() -> None:
    """R9."""
    key = persons(2, categories=("key_group",))
    plain = persons(1)
    round_id = active()
    ids = due_ids(round_id, [*key, *plain])
    actions.due_sampled(at_by_due_id=dict.fromkeys(ids, NOON))

    def result(id: uuid.UUID, hours: int) -> None:
        at = NOON + timedelta(hours=hours)
        actions.due_resulted(round_id=round_id, rows=[actions.DueResult(id, "negative", at)])

    result(ids[0], 1)
    assert clock("key_groups_finish", round_id).stopped_at is None
    result(ids[2], 2)
    assert clock("key_groups_finish", round_id).stopped_at is None
    result(ids[1], 3)
    assert clock("key_groups_finish", round_id).stopped_at == NOON + timedelta(hours=3)


# -- sight -------------------------------------------------------------------------------------


def test_a_town_sees_its_countys_round_and_not_its_neighbours() -> None:
    persons(1)
    county = frozen(COUNTY, preset="yongning")
    own = frozen()
    other = drafted(TOWN_B)
    found = {brief.id for brief in queries.rounds_for(actor("town_worker", TOWN_A))}
    assert found == {county, own}
    assert {b.id for b in queries.rounds_for(actor("commander", COUNTY))} == {county, own, other}
    assert {b.id for b in queries.rounds_for(actor("commander", COUNTY), state="draft")} == {
        county,
        own,
        other,
    }
    pages = queries.rounds_for(actor("commander", COUNTY), limit=2)
    rest = queries.rounds_for(actor("commander", COUNTY), limit=2, after=pages[-1].id)
    assert [b.id for b in pages + rest] == sorted([county, own, other], reverse=True)
    with pytest.raises(RuleBroken, match=r"campaigns\.round_unknown"):
        queries.round_brief_for(actor("town_worker", TOWN_A), other)


def test_a_station_reads_its_countys_round_past_its_sight() -> None:
    persons(1)
    county = frozen(COUNTY, preset="yongning")
    with scope.acting(actor("registrar", f"{TOWN_A}001")):
        assert queries.round_brief(county).id == county
        assert queries.preset_of(county).code == "yongning"
    assert DuePerson.objects.filter(round_id=county).count() == 1


def test_a_batch_of_decisions_is_told_apart() -> None:
    """One poison decision parks alone when a device sends it; the rest are applied."""
    persons(1)
    round_id = frozen()
    verdicts = journal.submit(
        actor=actor("commander", TOWN_A), received_at=NOON, park=True,
        commands=[
            command("round.approve", {"round_id": round_id}),
            command("round.approve", {"round_id": new_id()}),
            command("round.activate", {"round_id": round_id}),
        ],
    )  # fmt: skip
    assert [(v.verdict, v.code) for v in verdicts] == [
        ("applied", None), ("parked", "campaigns.round_unknown"), ("applied", None),
    ]  # fmt: skip
    assert queries.round_brief(round_id).state == "mobilising"
