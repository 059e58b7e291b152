"""Two people at once: exactly one release counts, and a correction is never overtaken. With negative controls."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import connections

from yingjian.access import scope
from yingjian.access.tests.factories import new_id
from yingjian.kernel.errors import RuleBroken
from yingjian.laboratory.models import Result
from yingjian.laboratory.tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> list[str]:
    """Run calls at the same moment in threads of their own; "ok" or the error code of each."""
    said = [""] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(position: int, call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            call()
            said[position] = "ok"
        except RuleBroken as error:
            said[position] = error.code
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(position, call)) for position, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return said


def entered(count: int) -> list[uuid.UUID]:
    world = make.world()
    tubes = [make.tube(world, people=1) for _ in range(count)]
    make.receive(world, tubes)
    return list(make.enter(world, {tube.code: "negative" for tube in tubes}).values())


def test_of_two_reviewers_one_releases() -> None:
    ids = entered(8)
    said = at_once(
        lambda: make.release(ids, by=make.REVIEWER),
        lambda: make.release(ids[::-1], by=make.SECOND_REVIEWER),
    )
    assert sorted(said) == ["laboratory.already_released", "ok"]
    with scope.everywhere():
        assert len(set(Result.objects.values_list("released_by", flat=True))) == 1


def test_control_two_reviewers_with_a_package_each_both_release() -> None:
    ids = entered(8)
    said = at_once(
        lambda: make.release(ids[:4], by=make.REVIEWER),
        lambda: make.release(ids[4:], by=make.SECOND_REVIEWER),
    )
    assert said == ["ok", "ok"]


def correct(old: uuid.UUID) -> Callable[[], object]:
    order = {"result_id": new_id(), "corrects": old, "outcome": "grey", "reason": "复核"}
    return lambda: make.send("result.correct", order, by=make.CLERK)


def test_of_two_corrections_one_is_written() -> None:
    (old,) = entered(1)
    assert sorted(at_once(correct(old), correct(old))) == ["laboratory.result_superseded", "ok"]
    with scope.everywhere():
        assert Result.objects.filter(corrects_id=old).count() == 1


def test_control_corrections_of_two_results_are_both_written() -> None:
    first, second = entered(2)
    assert at_once(correct(first), correct(second)) == ["ok", "ok"]


def test_a_release_never_overtakes_a_correction() -> None:
    """Whoever comes first wins whole: a corrected version is not released afterwards."""
    (old,) = entered(1)
    said = at_once(lambda: make.release([old]), correct(old))
    with scope.everywhere():
        released = Result.objects.get(id=old).released_at is not None
    assert said[1] == "ok"
    assert said[0] == ("ok" if released else "laboratory.result_superseded")
