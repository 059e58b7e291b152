"""What a release means for the people in the tubes. Set-based: the number of statements depends on the outcomes only.

A person has a result when a single or a whole negative tube says so, and no other released tube of the round says
otherwise. A flagged pool gives its members nothing: they stay sampled until the recheck (R70, R71), led by `cases`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from yingjian.access import clocks

from . import below, queries
from .timing import RESULT_CLOCKS
from .values import NEGATIVE, POSITIVE

Rows = Sequence[Mapping[str, Any]]


def of_release(released: Rows, *, at: datetime) -> None:
    """Tubes, result clocks and people after a release, round by round."""
    tubes = sorted({row["tube_id"] for row in released})
    below.tubes_advance(tube_ids=tubes, to="released", at=at)
    for code in RESULT_CLOCKS:
        clocks.stop(code, tubes, at=at)
    for round_id in sorted({row["round_id"] for row in released}):
        screening = [
            row for row in released if row["round_id"] == round_id and row["purpose"] == "screening"
        ]
        if screening:
            _people(screening, round_id, at)


def _people(screening: Rows, round_id: uuid.UUID, at: datetime) -> None:
    flagged = queries.flagging(queries.preset_of(round_id))
    negative = _tubes(row for row in screening if row["outcome"] == NEGATIVE)
    positive = _tubes(
        row for row in screening if row["outcome"] == POSITIVE and row["mode"] == "single"
    )
    suspect = [row for row in screening if row["outcome"] in flagged]
    useless = [
        row for row in screening if row["outcome"] != NEGATIVE and row["outcome"] not in flagged
    ]
    _withdraw(suspect, at)
    if negative:
        due = queries.due_cleared(negative, round_id, flagged)
        below.due_resulted(due_ids=due, outcome=NEGATIVE, at=at)
    if positive:
        below.due_resulted(due_ids=queries.due_of_tubes(positive), outcome=POSITIVE, at=at)
    if useless:
        _swab_again(useless, round_id, at)


def _withdraw(suspect: Rows, at: datetime) -> None:
    """Whoever was told negative from a tube now corrected to something else waits for the recheck again (SydPath)."""
    corrected = _tubes(row for row in suspect if row["old_released"])
    if corrected:
        below.due_reopened(due_ids=queries.due_of_tubes(corrected), to="sampled", at=at)


def _swab_again(useless: Rows, round_id: uuid.UUID, at: datetime) -> None:
    """An invalid tube settles nobody: its people are due again, with a task for the place where they were swabbed."""
    tubes = _tubes(useless)
    due = queries.due_without_other_result(tubes, round_id)
    if due:
        below.due_reopened(due_ids=due, to="due", at=at)
    below.tasks_open(
        rows=[
            {"kind": "resample", "subject_kind": "tube", "subject_id": row["tube_id"], "area": row["area"],
             "round_id": round_id, "title": row["tube_code"], "owner_role": "site_lead", "at": at}
            for row in useless
        ]
    )  # fmt: skip


def _tubes(rows: Any) -> list[uuid.UUID]:
    return sorted({row["tube_id"] for row in rows})
