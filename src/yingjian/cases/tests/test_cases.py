"""From a flagged tube to the last notice: commands and events under the application's role."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from yingjian.access import outbox, scope
from yingjian.access.journal import Verdict
from yingjian.access.models import Clock, JournalEntry
from yingjian.access.tests.factories import NOON, actor, new_id
from yingjian.campaigns.models import DuePerson
from yingjian.cases import actions, queries
from yingjian.cases.models import (
    Contact,
    Dispatch,
    FlaggedPool,
    Notice,
    PoolMember,
    Positive,
    Recheck,
)
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.events import ResultsReleased
from yingjian.laboratory.models import Laboratory, Result
from yingjian.laboratory.tests import factories as make
from yingjian.population.models import Household
from yingjian.sampling.models import Swab, Tube

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
INVESTIGATOR = actor("cdc_investigator", make.COUNTY)
VILLAGE_WORKER = actor("village_worker", make.VILLAGE)


@pytest.fixture(autouse=True)
def at_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests never commit: what waits for it happens at once."""
    outbox.forget_pending()
    monkeypatch.setattr(transaction, "on_commit", lambda func, **_: func())


Rechecks = dict[tuple[uuid.UUID, uuid.UUID], str]
"""Codes of recheck tubes by member and laboratory."""


class Scene:
    """A Yongning round whose city and region laboratories exist, and steps a test walks."""

    def __init__(self, preset: str = "yongning") -> None:
        self.world = make.world(preset)
        self.region = make.laboratory("cdc_region")
        self.city = make.laboratory("cdc_city")
        self.hours = 4

    def later(self) -> timedelta:
        self.hours += 1
        return timedelta(hours=self.hours)

    def results(self, outcomes: dict[str, str]) -> dict[str, uuid.UUID]:
        ids = make.resulted(self.world, outcomes)
        outbox.deliver_pending()
        return ids

    def pool(self, code: str) -> FlaggedPool:
        with scope.everywhere():
            return FlaggedPool.objects.get(tube__code=code)

    def members(self, code: str) -> list[PoolMember]:
        with scope.everywhere():
            return list(PoolMember.objects.filter(pool__tube__code=code).order_by("position"))

    def swab(
        self, code: str, members: list[PoolMember], labs: list[Laboratory] | None = None
    ) -> Rechecks:
        """Recheck swabs of these members, one per laboratory; tube code by (member, laboratory)."""
        codes = {}
        swabs = []
        for member in members:
            for laboratory in labs or [self.region, self.city]:
                tube_code = f"R{new_id().hex[-10:]}"
                codes[member.id, laboratory.id] = tube_code
                swabs.append(
                    {"member_id": member.id, "tube_id": new_id(), "tube_code": tube_code, "swab_id": new_id(),
                     "laboratory_id": laboratory.id}
                )  # fmt: skip
        order = {"pool_id": self.pool(code).id, "swabs": swabs}
        verdict = make.send("recheck.swab", order, by=INVESTIGATOR, at=NOON + self.later())
        assert verdict.verdict == "applied", verdict
        return codes

    def test(self, laboratory: Laboratory, outcomes: dict[str, str]) -> dict[str, uuid.UUID]:
        """Receive by hand, enter and release recheck tubes at a laboratory."""
        at = NOON + self.later()
        make.send(
            "tube.receive",
            {"receipt_id": new_id(), "laboratory_id": laboratory.id, "round_id": self.world.round.id,
             "tube_codes": list(outcomes)},
            by=make.CLERK, at=at,
        )  # fmt: skip
        ids = make.enter(
            self.world, outcomes, laboratory_id=laboratory.id, at=at + timedelta(minutes=20)
        )
        for wanted in (True, False):
            package = [ids[c] for c, what in outcomes.items() if (what == "negative") is wanted]
            if package:
                make.release(package, at=at + timedelta(minutes=30))
        outbox.deliver_pending()
        return ids

    def at(self, laboratory: Laboratory, codes: Rechecks) -> list[str]:
        """Which of the recheck tubes are this laboratory's."""
        return [code for (_, lab), code in codes.items() if lab == laboratory.id]

    def each_tests(self, codes: Rechecks, outcome: str) -> dict[str, uuid.UUID]:
        """Region and city test the recheck tubes they have, all with this outcome."""
        return {
            code: result
            for laboratory in (self.region, self.city)
            for code, result in self.test(
                laboratory, dict.fromkeys(self.at(laboratory, codes), outcome)
            ).items()
        }

    def correct(self, old: uuid.UUID, outcome: str) -> None:
        at = NOON + self.later()
        new = new_id()
        order = {"result_id": new, "corrects": old, "outcome": outcome, "reason": "复核曲线"}
        make.send("result.correct", order, by=make.CLERK, at=at)
        make.release([new], at=at + timedelta(minutes=5))
        outbox.deliver_pending()

    def due(self, code: str) -> list[tuple[str, str | None]]:
        with scope.everywhere():
            found = DuePerson.objects.filter(person__in=self.world.people[code])
            return sorted(found.values_list("state", "outcome"), key=str)


def swabbed_again() -> tuple[Scene, Tube, Rechecks]:
    """A tube of one that was positive: its member was swabbed for both laboratories."""
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    scene.results({tube.code: "positive"})
    return scene, tube, scene.swab(tube.code, scene.members(tube.code))


def lawful() -> None:
    """No law of this room is broken."""
    with scope.everywhere():
        assert {law: rows for law, rows in queries.conservation().items() if rows} == {}


def test_a_flagged_pool_lists_its_members_and_starts_its_clocks() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=10)
    with scope.everywhere():
        Swab.objects.filter(tube=tube, position=4).update(voided_at=NOON, void_reason="误扫")
    scene.results({tube.code: "positive"})
    pool, members = scene.pool(tube.code), scene.members(tube.code)
    assert (pool.state, pool.outcome, pool.swabs_needed, pool.laboratories_needed) == (
        "flagged",
        "positive",
        2,
        2,
    )
    assert pool.original_to_id == scene.region.id
    assert [member.position for member in members] == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert {member.isolation_sent_at for member in members} == {pool.flagged_at}
    with scope.everywhere():
        clocks = {
            clock.code: clock.due_at - clock.started_at
            for clock in Clock.objects.filter(subject_id=pool.id)
        }
        assert clocks == {"pool_isolation": timedelta(minutes=30), "recheck": timedelta(hours=1)}
        assert not Positive.objects.exists()
    lawful()


@pytest.mark.parametrize("outcome", ["grey", "single_target"])
def test_grey_and_single_target_flag_too(outcome: str) -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=2)
    scene.results({tube.code: outcome})
    assert scene.pool(tube.code).outcome == outcome


def test_invalid_and_negative_flag_nothing() -> None:
    scene = Scene()
    tubes = [make.tube(scene.world, people=1) for _ in range(2)]
    scene.results({tubes[0].code: "negative", tubes[1].code: "invalid"})
    with scope.everywhere():
        assert not FlaggedPool.objects.exists()


def test_the_preset_decides_what_flags_and_how_often_to_swab() -> None:
    scene = Scene("mule")
    tube = make.tube(scene.world, people=2)
    scene.results({tube.code: "positive"})
    assert (scene.pool(tube.code).swabs_needed, scene.pool(tube.code).laboratories_needed) == (1, 1)
    codes = scene.swab(tube.code, scene.members(tube.code), [scene.city])
    scene.test(scene.city, dict.fromkeys(codes.values(), "negative"))
    assert scene.pool(tube.code).resolution == "all_negative"
    lawful()


def test_events_told_twice_change_nothing() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=3)
    ids = scene.results({tube.code: "positive"})
    before = [member.id for member in scene.members(tube.code)]
    with scope.everywhere():
        entries = JournalEntry.objects.count()
        result = Result.objects.get(id=ids[tube.code])
        release = JournalEntry.objects.get(kind="pool.flag")
        assert result.released_at is not None
    event = ResultsReleased(
        id=new_id(), at=result.released_at, round_id=scene.world.round.id, result_ids=[ids[tube.code]]
    )  # fmt: skip
    for _ in range(2):
        outbox._memory.append(event)
        outbox.deliver_pending()
    assert [member.id for member in scene.members(tube.code)] == before
    with scope.everywhere():
        # An event with another id is another command, which finds the pool flagged; told again it is a duplicate.
        assert JournalEntry.objects.count() == entries + 1
        assert JournalEntry.objects.get(command_id=release.command_id).verdict == "applied"


def test_all_negative_releases_everybody() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=4)
    scene.results({tube.code: "positive"})
    members = scene.members(tube.code)
    for member in members:
        make.send(
            "member.isolated",
            {"member_id": member.id},
            by=VILLAGE_WORKER,
            at=NOON + timedelta(hours=3),
        )
    assert scene.pool(tube.code).state == "isolating"
    codes = scene.swab(tube.code, members)
    assert scene.pool(tube.code).state == "re_sampled"
    region = {code: "negative" for (_, lab), code in codes.items() if lab == scene.region.id}
    city = {code: "negative" for (_, lab), code in codes.items() if lab == scene.city.id}
    scene.test(scene.region, region)
    assert scene.due(tube.code) == [("sampled", None)] * 4, "one laboratory alone releases nobody"
    scene.test(scene.city, city)
    assert scene.due(tube.code) == [("resulted", "negative")] * 4
    pool = scene.pool(tube.code)
    assert (pool.state, pool.resolution) == ("resolved", "all_negative")
    with scope.everywhere():
        assert not Positive.objects.exists()
        stopped = Clock.objects.filter(subject_id=pool.id).values_list("code", "stopped_at")
        assert all(at is not None for _, at in stopped)
    lawful()


def test_a_positive_member_tells_six_parties_at_once_and_the_others_are_released() -> None:
    scene = Scene()
    with scope.everywhere():
        home = Household.objects.create(id=new_id(), area=make.VILLAGE, no="1", address="1号")
    ill = make.person(household=home)
    mother = make.person(household=home)
    tube = make.tube(scene.world, persons=[ill, make.person(), make.person()])
    scene.results({tube.code: "positive"})
    members = scene.members(tube.code)
    codes = scene.swab(tube.code, members)
    sick = members[0].id
    for laboratory in (scene.region, scene.city):
        scene.test(
            laboratory,
            {code: "positive" if member == sick else "negative"
             for (member, lab), code in codes.items() if lab == laboratory.id},
        )  # fmt: skip
    pool = scene.pool(tube.code)
    assert (pool.state, pool.resolution) == ("resolved", "positive")
    assert [member.state for member in scene.members(tube.code)] == [
        "confirmed",
        "released",
        "released",
    ]
    assert scene.due(tube.code) == [("resulted", "negative")] * 2 + [("resulted", "positive")]
    with scope.everywhere():
        case = Positive.objects.get()
        assert (case.person_id, case.state, case.doubt) == (ill.id, "rechecked", "")
        assert case.household_measure == "held_by_community"
        notices = Notice.objects.filter(positive=case)
        assert notices.count() == 12
        assert {notice.sent_at for notice in notices} == {case.found_at}
        assert len({(notice.party, notice.message) for notice in notices}) == 12
        assert [(c.person_id, c.category) for c in Contact.objects.all()] == [
            (mother.id, "close_contact")
        ]
        report = Clock.objects.get(code="network_report", subject_id=case.id)
        assert (report.due_at - report.started_at, report.stopped_at) == (timedelta(hours=2), None)
        told = Clock.objects.get(code="positive_notice", subject_id=case.id)
        assert told.stopped_at == told.started_at
        assert Clock.objects.filter(code="notice_ack", stopped_at=None).count() == 12
    lawful()


def test_the_first_positive_is_told_before_the_second_laboratory_has_spoken() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="household")
    scene.results({tube.code: "single_target"})
    codes = scene.swab(tube.code, scene.members(tube.code))
    (region,) = scene.at(scene.region, codes)
    (city,) = scene.at(scene.city, codes)
    scene.test(scene.region, {region: "positive"})
    with scope.everywhere():
        assert (Positive.objects.get().state, Notice.objects.count()) == ("initial", 12)
    scene.test(scene.city, {city: "negative"})
    with scope.everywhere():
        case = Positive.objects.get()
        assert (case.state, case.doubt) == ("rechecked", "discordant")
        assert Notice.objects.count() == 12
    assert scene.members(tube.code)[0].state == "confirmed"


def test_neither_negative_nor_positive_asks_for_another_pair() -> None:
    scene, tube, first = swabbed_again()
    for (_, lab), code in first.items():
        laboratory = scene.region if lab == scene.region.id else scene.city
        scene.test(laboratory, {code: "grey" if laboratory is scene.region else "negative"})
    (member,) = scene.members(tube.code)
    assert (member.state, member.reason, scene.pool(tube.code).state) == (
        "isolated", "undecided", "isolating",
    )  # fmt: skip
    assert scene.due(tube.code) == [("sampled", None)]
    second = scene.swab(tube.code, scene.members(tube.code))
    assert scene.members(tube.code)[0].attempt == 2
    scene.each_tests(second, "negative")
    assert scene.pool(tube.code).resolution == "all_negative"
    assert scene.due(tube.code) == [("resulted", "negative")]
    lawful()


def test_two_negatives_of_one_laboratory_do_not_release_where_two_are_asked() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    scene.results({tube.code: "positive"})
    member = scene.members(tube.code)
    first = scene.swab(tube.code, member, [scene.city])
    second = scene.swab(tube.code, member, [scene.city])
    assert scene.members(tube.code)[0].attempt == 1
    scene.test(scene.city, dict.fromkeys([*first.values(), *second.values()], "negative"))
    (found,) = scene.members(tube.code)
    assert (found.state, found.reason) == ("isolated", "one_laboratory")


def test_a_single_positive_tells_at_once_and_is_tested_twice() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="single", category="close_contact")
    scene.results({tube.code: "positive"})
    with scope.everywhere():
        assert Notice.objects.count() == 12
    assert scene.due(tube.code) == [("resulted", "positive")]
    codes = scene.swab(tube.code, scene.members(tube.code))
    scene.each_tests(codes, "positive")
    with scope.everywhere():
        assert (Positive.objects.get().state, Notice.objects.count()) == ("rechecked", 12)
    assert scene.pool(tube.code).resolution == "positive"
    lawful()


def test_a_single_positive_nobody_confirms_is_excluded_by_decision_only() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="single")
    scene.results({tube.code: "positive"})
    with scope.everywhere():
        case = Positive.objects.get()
    advance = {"positive_id": case.id, "to": "rechecked"}
    for _ in range(2):
        make.send("positive.advance", advance, by=INVESTIGATOR)
    excluding = {"positive_id": case.id, "to": "excluded", "reason": "双采双检阴性"}
    with pytest.raises(RuleBroken, match="exclusion_unsupported"):
        make.send("positive.advance", excluding, by=INVESTIGATOR)
    codes = scene.swab(tube.code, scene.members(tube.code))
    scene.each_tests(codes, "negative")
    assert scene.due(tube.code) == [("resulted", "positive")], "a positive is not overwritten"
    with pytest.raises(RuleBroken, match="reason_missing"):
        make.send("positive.advance", {**excluding, "reason": " "}, by=INVESTIGATOR)
    make.send("positive.advance", excluding, by=INVESTIGATOR, at=NOON + scene.later())
    assert scene.due(tube.code) == [("resulted", "negative")]
    with scope.everywhere():
        assert Notice.objects.filter(message="withdrawal").count() == 6
    with pytest.raises(RuleBroken, match="step_refused"):
        make.send("positive.advance", {**advance, "to": "confirmed"}, by=INVESTIGATOR)
    lawful()


def test_notices_are_acknowledged_once_and_the_report_stops_its_clock() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="single")
    scene.results({tube.code: "positive"})
    with scope.everywhere():
        case, notice = Positive.objects.get(), Notice.objects.first()
    assert notice is not None
    for by, hour in (("120调度", 1), ("别人", 2)):
        make.send(
            "notice.acknowledge", {"notice_id": notice.id, "by": by}, by=VILLAGE_WORKER,
            at=case.found_at + timedelta(hours=hour),
        )  # fmt: skip
    make.send(
        "positive.report",
        {"positive_id": case.id},
        by=INVESTIGATOR,
        at=case.found_at + timedelta(hours=3),
    )
    with scope.everywhere():
        notice.refresh_from_db()
        assert notice.acknowledged_by == "120调度"
        clock = Clock.objects.get(code="network_report")
        assert clock.breached_at == clock.due_at
        assert Clock.objects.get(code="notice_ack", subject_id=notice.id).breached_at is not None


def test_a_team_is_sent_and_arrives_and_the_tube_itself_travels() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    scene.results({tube.code: "positive"})
    pool, dispatch = scene.pool(tube.code), new_id()
    at = NOON + timedelta(hours=4)
    make.send(
        "pool.dispatch",
        {"dispatch_id": dispatch, "pool_id": pool.id, "team": "小分队一"},
        by=INVESTIGATOR,
        at=at,
    )
    make.send(
        "pool.arrive", {"dispatch_id": dispatch}, by=INVESTIGATOR, at=at + timedelta(minutes=20)
    )
    make.send("pool.original_sent", {"pool_id": pool.id}, by=INVESTIGATOR, at=at)
    with scope.everywhere():
        assert Dispatch.objects.get().arrived_at == at + timedelta(minutes=20)
    assert scene.pool(tube.code).original_sent_at == at


# --- bounds and scope


def _statements(people: int) -> int:
    """Statements it takes to settle a pool in which everybody is positive."""
    scene = Scene("mule")
    tube = make.tube(scene.world, people=people)
    scene.results({tube.code: "positive"})
    codes = scene.swab(tube.code, scene.members(tube.code), [scene.city])
    make.send(
        "tube.receive",
        {"receipt_id": new_id(), "laboratory_id": scene.city.id, "round_id": scene.world.round.id,
         "tube_codes": list(codes.values())},
        by=make.CLERK,
    )  # fmt: skip
    ids = make.enter(
        scene.world, dict.fromkeys(codes.values(), "positive"), laboratory_id=scene.city.id
    )
    outbox.deliver_pending()
    make.release(list(ids.values()))
    with CaptureQueriesContext(connection) as seen:
        outbox.deliver_pending()
    with scope.everywhere():
        assert Positive.objects.filter(round=scene.world.round).count() == people
    return len(seen)


def test_settling_takes_the_same_statements_for_any_number() -> None:
    _statements(1)  # warms the presets' cache
    assert _statements(20) == _statements(2)


def test_only_the_system_follows_results() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    ids = make.resulted(scene.world, {tube.code: "positive"})
    with pytest.raises(RuleBroken, match="not_permitted"):
        decide("pool.flag", {"result_ids": list(ids.values())})
    with scope.everywhere():
        assert not FlaggedPool.objects.exists()


def decide(kind: str, payload: dict[str, object]) -> Verdict:
    """A fact that is refused is parked; tell its code as the error it stands for."""
    verdict = make.send(kind, payload, by=INVESTIGATOR)
    if verdict.verdict == "parked":
        raise RuleBroken(verdict.code or "cases.unknown")
    return verdict


def test_a_recheck_swab_travels_as_a_tube_of_its_own() -> None:
    scene, tube, codes = swabbed_again()
    with scope.everywhere():
        tubes = Tube.objects.filter(code__in=codes.values())
        assert {(t.purpose, t.mode, t.people) for t in tubes} == {("recheck", "single", 1)}
        assert len({t.pair_id for t in tubes}) == 1
        assert set(Swab.objects.filter(tube__in=tubes).values_list("person_id", flat=True)) == {
            scene.world.people[tube.code][0].id
        }
        assert Recheck.objects.count() == 2


def test_finding_nobody_is_nothing() -> None:
    with scope.everywhere():
        assert actions.positives_find(found=[], at=NOON) == []
        assert actions.pools_flag(result_ids=[], at=NOON) == []


BAD: list[tuple[str, dict[str, object], str]] = [
    ("pool.dispatch", {"dispatch_id": new_id(), "pool_id": new_id(), "team": "一"}, "cases.pool_unknown"),
    ("pool.dispatch", {"dispatch_id": "x", "pool_id": new_id(), "team": "一"}, "access.payload_malformed"),
    ("pool.arrive", {"dispatch_id": new_id()}, "cases.dispatch_unknown"),
    ("pool.original_sent", {"pool_id": new_id()}, "cases.pool_unknown"),
    ("member.isolated", {"member_id": new_id()}, "cases.member_unknown"),
    ("recheck.swab", {"pool_id": new_id(), "swabs": []}, "access.payload_malformed"),
    (
        "recheck.swab",
        {"pool_id": new_id(), "swabs": [
            {"member_id": new_id(), "tube_id": new_id(), "tube_code": "R1", "swab_id": new_id(),
             "laboratory_id": new_id()}
        ]},
        "cases.pool_unknown",
    ),
    ("notice.acknowledge", {"notice_id": new_id(), "by": "某"}, "cases.notice_unknown"),
    ("positive.report", {"positive_id": new_id()}, "cases.positive_unknown"),
    ("positive.advance", {"positive_id": new_id(), "to": "confirmed"}, "cases.positive_unknown"),
    ("positive.advance", {"positive_id": new_id(), "to": "cured"}, "access.payload_malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "payload", "code"), BAD)
def test_bad_input_is_kept_and_told(kind: str, payload: dict[str, object], code: str) -> None:
    verdict = make.send(kind, payload, by=INVESTIGATOR, park=True)
    assert (verdict.verdict, verdict.code) == ("parked", code)
    with scope.everywhere():
        assert JournalEntry.objects.filter(verdict="parked", code=code).count() == 1


def test_bad_steps_on_a_real_pool() -> None:
    scene = Scene()
    tube, other = make.tube(scene.world, people=1), make.tube(scene.world, people=1)
    scene.results({tube.code: "positive", other.code: "positive"})
    stranger, (member,) = scene.members(other.code)[0], scene.members(tube.code)
    swab = {
        "member_id": member.id,
        "tube_id": new_id(),
        "tube_code": "R9",
        "swab_id": new_id(),
        "laboratory_id": scene.city.id,
    }
    pool = {"pool_id": scene.pool(tube.code).id}
    for changes, code in (
        ({"member_id": stranger.id}, "cases.member_unknown"),
        ({"laboratory_id": new_id()}, "cases.laboratory_unknown"),
    ):
        with pytest.raises(RuleBroken, match=code):
            decide("recheck.swab", {**pool, "swabs": [{**swab, **changes}]})
    decide("recheck.swab", {**pool, "swabs": [swab]})
    with pytest.raises(RuleBroken, match="recheck_known"):
        decide("recheck.swab", {**pool, "swabs": [{**swab, "swab_id": new_id()}]})
    dispatch = {"dispatch_id": new_id(), **pool, "team": "  "}
    with pytest.raises(RuleBroken, match="team_missing"):
        decide("pool.dispatch", dispatch)
    decide("pool.dispatch", {**dispatch, "team": "一队"})
    with pytest.raises(RuleBroken, match="dispatch_known"):
        decide("pool.dispatch", {**dispatch, "team": "二队"})
