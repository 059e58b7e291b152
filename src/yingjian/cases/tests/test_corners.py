"""Corrected results, and what is rare: members without a name, tubes of nobody, laboratories that are not there."""

from __future__ import annotations

import pytest

from yingjian.access import outbox, scope
from yingjian.access.actor import SYSTEM
from yingjian.access.models import Clock, JournalEntry
from yingjian.access.tests.factories import NOON
from yingjian.cases.models import FlaggedPool, Notice, Positive
from yingjian.cases.tests.test_cases import Scene, at_commit, decide, lawful, swabbed_again
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.tests import factories as make
from yingjian.sampling.models import Swab

__all__ = ["at_commit"]
pytestmark = pytest.mark.django_db(databases=["default", "owner"])


# --- corrections


def test_a_pool_corrected_to_negative_is_withdrawn() -> None:
    """Hohhot: a negative pool was shown positive. Its people go free with the correction, and the trace stays."""
    scene = Scene()
    tube = make.tube(scene.world, people=3)
    ids = scene.results({tube.code: "positive"})
    scene.correct(ids[tube.code], "negative")
    pool = scene.pool(tube.code)
    assert (pool.state, pool.resolution) == ("resolved", "withdrawn")
    assert scene.due(tube.code) == [("resulted", "negative")] * 3
    lawful()


def test_a_pool_corrected_to_positive_is_flagged_then() -> None:
    """SydPath: people told negative; the correction takes it back, isolates and rechecks them."""
    scene = Scene()
    tube = make.tube(scene.world, people=3)
    ids = scene.results({tube.code: "negative"})
    assert scene.due(tube.code) == [("resulted", "negative")] * 3
    scene.correct(ids[tube.code], "positive")
    assert scene.pool(tube.code).state == "flagged"
    assert scene.due(tube.code) == [("sampled", "flagged")] * 3
    lawful()


def test_a_single_positive_corrected_to_negative_tells_everybody_again() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="single")
    ids = scene.results({tube.code: "positive"})
    scene.correct(ids[tube.code], "negative")
    with scope.everywhere():
        case = Positive.objects.get()
        assert (case.state, case.decided_reason) == ("excluded", "result_corrected")
        assert Notice.objects.filter(message="withdrawal").count() == 6
        assert Notice.objects.count() == 18
    assert scene.due(tube.code) == [("resulted", "negative")]
    assert scene.pool(tube.code).resolution == "withdrawn"
    lawful()


def test_a_recheck_corrected_to_positive_confirms_somebody_released() -> None:
    scene, tube, codes = swabbed_again()
    ids = scene.each_tests(codes, "negative")
    assert scene.pool(tube.code).resolution == "all_negative"
    scene.correct(next(iter(ids.values())), "positive")
    assert scene.members(tube.code)[0].state == "confirmed"
    assert scene.pool(tube.code).resolution == "positive"
    assert scene.due(tube.code) == [("resulted", "positive")]
    with scope.everywhere():
        assert Notice.objects.count() == 12
    lawful()


def test_a_recheck_corrected_to_negative_releases_and_excludes() -> None:
    scene, tube, codes = swabbed_again()
    (region,) = scene.at(scene.region, codes)
    (city,) = scene.at(scene.city, codes)
    wrong = scene.test(scene.region, {region: "positive"})[region]
    scene.test(scene.city, {city: "negative"})
    scene.correct(wrong, "negative")
    assert scene.members(tube.code)[0].state == "released"
    assert scene.pool(tube.code).resolution == "all_negative"
    assert scene.due(tube.code) == [("resulted", "negative")]
    with scope.everywhere():
        assert Positive.objects.get().state == "excluded"
    lawful()


def test_a_positive_taken_back_while_the_other_laboratory_is_silent_waits_again() -> None:
    scene, tube, codes = swabbed_again()
    (region,) = scene.at(scene.region, codes)
    wrong = scene.test(scene.region, {region: "positive"})[region]
    scene.correct(wrong, "negative")
    assert scene.members(tube.code)[0].state == "re_sampled"
    assert scene.pool(tube.code).state == "re_sampled"
    assert scene.due(tube.code) == [("sampled", "flagged")]


# --- corners


def test_a_third_swab_of_somebody_confirmed_begins_another_attempt_and_unsettles_nobody() -> None:
    scene, tube, codes = swabbed_again()
    scene.each_tests(codes, "positive")
    scene.swab(tube.code, scene.members(tube.code))
    (member,) = scene.members(tube.code)
    assert (member.state, member.attempt) == ("confirmed", 2)
    assert scene.pool(tube.code).resolution == "positive"
    lawful()


def test_a_member_nobody_can_name_is_rechecked_and_confirmed_all_the_same() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    with scope.everywhere():
        Swab.objects.filter(tube=tube).update(person=None, due=None)
    scene.results({tube.code: "positive"})
    codes = scene.swab(tube.code, scene.members(tube.code))
    scene.each_tests(codes, "positive")
    with scope.everywhere():
        case = Positive.objects.get()
        assert (case.person_id, case.state) == (None, "rechecked")
        assert Notice.objects.count() == 12
    assert scene.members(tube.code)[0].state == "confirmed"


def test_the_tube_itself_needs_a_laboratory_to_go_to() -> None:
    world = make.world()
    tube = make.tube(world, people=1)
    make.resulted(world, {tube.code: "positive"})
    outbox.deliver_pending()
    with scope.everywhere():
        pool = FlaggedPool.objects.get(original_to=None)
    with pytest.raises(RuleBroken, match="laboratory_missing"):
        decide("pool.original_sent", {"pool_id": pool.id})
    decide("pool.original_sent", {"pool_id": pool.id, "laboratory_id": world.laboratory.id})
    with scope.everywhere():
        pool.refresh_from_db()
    assert (pool.original_to_id, pool.original_sent_at) == (world.laboratory.id, NOON)


def test_a_notice_is_acknowledged_by_somebody_with_a_name() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="single")
    scene.results({tube.code: "positive"})
    with scope.everywhere():
        notice = Notice.objects.first()
    assert notice is not None
    with pytest.raises(RuleBroken, match="name_missing"):
        decide("notice.acknowledge", {"notice_id": notice.id, "by": "  "})
    with scope.everywhere():
        notice.refresh_from_db()
        assert notice.acknowledged_at is None
        assert Clock.objects.get(code="notice_ack", subject_id=notice.id).stopped_at is None


def test_a_single_negative_corrected_to_positive_is_told_then() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1, mode="single")
    ids = scene.results({tube.code: "negative"})
    scene.correct(ids[tube.code], "positive")
    with scope.everywhere():
        case = Positive.objects.get()
        assert (case.person_id, case.state) == (scene.world.people[tube.code][0].id, "initial")
        assert Notice.objects.filter(positive=case).count() == 12
    assert scene.due(tube.code) == [("resulted", "positive")]
    assert scene.pool(tube.code).state == "flagged"
    lawful()


def test_an_invalid_tube_corrected_to_negative_has_no_pool_to_withdraw() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=2)
    ids = scene.results({tube.code: "invalid"})
    scene.correct(ids[tube.code], "negative")
    with scope.everywhere():
        assert not FlaggedPool.objects.exists()
        assert JournalEntry.objects.get(kind="case.correct").verdict == "applied"
    lawful()


def test_a_result_that_corrects_nothing_is_parked_as_unknown() -> None:
    scene = Scene()
    tube = make.tube(scene.world, people=1)
    ids = scene.results({tube.code: "negative"})
    verdict = make.send("case.correct", {"result_id": ids[tube.code]}, by=SYSTEM)
    assert (verdict.verdict, verdict.code) == ("parked", "cases.result_unknown")


def test_a_recheck_tube_of_no_member_settles_nobody() -> None:
    """Somebody marked a tube of the field as a recheck: its result is stored, and concerns no pool."""
    scene = Scene()
    tube, stray = (
        make.tube(scene.world, people=1),
        make.tube(scene.world, people=1, purpose="recheck"),
    )
    scene.results({tube.code: "positive"})
    scene.test(scene.city, {stray.code: "positive"})
    with scope.everywhere():
        assert JournalEntry.objects.get(kind="recheck.result").verdict == "applied"
        assert not Positive.objects.exists()
    assert scene.pool(tube.code).state == "flagged"
