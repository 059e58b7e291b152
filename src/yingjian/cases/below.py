"""What this room asks of the rooms below it: the due list, and tubes for recheck swabs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yingjian.campaigns import actions as campaigns
from yingjian.sampling import actions as sampling
from yingjian.sampling.queries import places
from yingjian.sampling.values import SwabIn, TubeRecord


@dataclass(frozen=True, slots=True)
class RecheckTube:
    """A single tube with one swab of a member; nobody is named while the member's identity is unknown."""

    tube_id: uuid.UUID
    code: str
    swab_id: uuid.UUID
    pair_id: uuid.UUID
    person_id: uuid.UUID | None


def recheck_tubes(
    *, command_id: uuid.UUID, of_tube: uuid.UUID, rows: Sequence[RecheckTube], at: datetime
) -> None:
    """Record recheck swabs as whole tubes of one: purpose recheck, at the place of the flagged tube."""
    tubes = [
        TubeRecord(
            tube_id=row.tube_id, code=row.code, mode="single", capacity=1, opened_at=at, sealed_at=at, count=1,
            swabs=[SwabIn(swab_id=row.swab_id, at=at, entry="id", person_id=row.person_id)],
            purpose="recheck", pair_id=row.pair_id,
        )
        for row in rows
    ]  # fmt: skip
    place = places(tubes=[of_tube], swabs=[], sites=[])[of_tube]
    sampling.tubes_record(command_id=command_id, place=place, tubes=tubes, at=at, received_at=at)


def due_resulted(
    *, round_id: uuid.UUID, due_ids: Sequence[uuid.UUID], outcome: str, at: datetime
) -> None:
    """Give people of the due list their outcome; a positive is not overwritten."""
    campaigns.due_resulted(
        round_id=round_id, rows=[campaigns.DueResult(due_id, outcome, at) for due_id in due_ids]
    )


def due_corrected(
    *, round_id: uuid.UUID, due_ids: Sequence[uuid.UUID], outcome: str, at: datetime
) -> None:
    """Replace an outcome by a corrected one; one that is neither negative nor positive lets the person wait again."""
    campaigns.due_corrected(
        round_id=round_id, rows=[campaigns.DueResult(due_id, outcome, at) for due_id in due_ids]
    )
