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
from yingjian.campaigns.queries import preset_of

from . import below, queries
from .timing import RESULT_CLOCKS
from .values import FLAGGED, NEGATIVE, POSITIVE, SINGLE

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
    flagging = queries.flagging(preset_of(round_id))
    suspect = [row for row in screening if row["outcome"] in flagging]
    useless = [
        row for row in screening if row["outcome"] != NEGATIVE and row["outcome"] not in flagging
    ]
    for corrected in (False, True):
        rows = [row for row in screening if bool(row["old_released"]) is corrected]
        give = below.due_corrected if corrected else below.due_resulted
        if negative := _tubes(row for row in rows if row["outcome"] == NEGATIVE):
            cleared = queries.due_cleared(negative, round_id, flagging)
            give(round_id=round_id, due_ids=cleared, outcome=NEGATIVE, at=at)
        if positive := _tubes(row for row in rows if _names_somebody(row)):
            give(round_id=round_id, due_ids=queries.due_of_tubes(positive), outcome=POSITIVE, at=at)
    if suspect:
        _doubt(suspect, round_id, at)
    if useless:
        _swab_again(useless, round_id, at)


def of_latecomers(round_id: uuid.UUID, *, at: datetime) -> int:
    """Swabs uploaded after their negative tube was released: their people get its result now. Returns how many."""
    flagging = queries.flagging(preset_of(round_id))
    cleared = queries.due_cleared(queries.tubes_with_latecomers(round_id), round_id, flagging)
    late = queries.due_without_outcome(cleared)
    below.due_resulted(round_id=round_id, due_ids=late, outcome=NEGATIVE, at=at)
    return len(late)


def _names_somebody(row: Mapping[str, Any]) -> bool:
    return bool(row["outcome"] == POSITIVE and row["mode"] == SINGLE)


def _doubt(suspect: Rows, round_id: uuid.UUID, at: datetime) -> None:
    """Whoever was told negative and is in a tube that is now suspect waits for the recheck (SydPath, Lanzhou)."""
    tubes = _tubes(row for row in suspect if not _names_somebody(row))
    told = queries.due_told_negative(tubes)
    if told:
        below.due_corrected(round_id=round_id, due_ids=told, outcome=FLAGGED, at=at)


def _swab_again(useless: Rows, round_id: uuid.UUID, at: datetime) -> None:
    """An invalid tube settles nobody: its people are due again, with a task for the place where they were swabbed."""
    due = queries.due_without_other_tube(_tubes(useless))
    if due:
        below.due_unsampled(due_ids=due, at=at)
    below.resample_tasks(rows=useless, round_id=round_id, at=at)


def _tubes(rows: Any) -> list[uuid.UUID]:
    return sorted({row["tube_id"] for row in rows})
