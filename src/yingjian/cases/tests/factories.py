"""Cases as they stand, made at once, for tests of this room and those above."""

from __future__ import annotations

from yingjian.access import scope
from yingjian.access.tests.factories import NOON, new_id
from yingjian.cases.models import Positive
from yingjian.laboratory.models import Result
from yingjian.laboratory.tests import factories as lab
from yingjian.sampling.models import Tube


def positive(made: lab.World, tube: Tube, *, case_no: str = "1") -> None:
    """The first swab of a tube was positive at noon; nobody was told yet."""
    with scope.everywhere():
        result = Result.objects.create(
            id=new_id(), tube=tube, laboratory=made.laboratory, round=made.round, area=tube.area, version=1,
            outcome="positive", tested_at=NOON, entered_by=new_id(), entered_at=NOON,
        )  # fmt: skip
        swab = tube.swabs.all()[0]
        Positive.objects.create(
            id=new_id(), round=made.round, person=swab.person, swab=swab, result=result, area=tube.area,
            case_no=case_no, found_at=NOON, state="initial",
        )  # fmt: skip
