"""What this room asks of the rooms below it: custody of tubes and boxes, discrepancies, the due list, tasks.

One place for it, so that the doors used here can be read at a glance.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from yingjian.access import clocks
from yingjian.campaigns import actions as campaigns
from yingjian.ledgers import actions as ledgers
from yingjian.logistics import actions as logistics
from yingjian.logistics.actions import Difference
from yingjian.sampling import actions as sampling


def tubes_advance(*, tube_ids: Sequence[uuid.UUID], to: str, at: datetime) -> None:
    """Bring tubes forward to a state; one that is further already stays."""
    sampling.tubes_advance(tube_ids=tube_ids, to=to, at=at)


def tubes_cooled(*, tube_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """Tubes brought by hand were never boxed: the laboratory's door ends their way without cooling (R58)."""
    clocks.stop("uncooled", tube_ids, at=at)


def boxes_checked(*, holders: Mapping[uuid.UUID, str], at: datetime) -> None:
    """Boxes were opened and counted at the bench; `deliver` stops (R59)."""
    logistics.boxes_checked(holders=holders, at=at)


def discrepancies_open(*, found: Sequence[Difference]) -> None:
    """Store counts that do not agree, each with its owner; once per kind and subject."""
    logistics.discrepancies_open(found=found)


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


def due_unsampled(*, due_ids: Sequence[uuid.UUID], at: datetime) -> None:
    """The only tube of these people is of no use: they are due again."""
    campaigns.due_unsampled(due_ids=due_ids, at=at)


def resample_tasks(*, rows: Sequence[Mapping[str, Any]], round_id: uuid.UUID, at: datetime) -> None:
    """A task for each place whose tube (`tube_id`, `tube_code`, `area`) must be swabbed again."""
    ledgers.tasks_open(
        rows=[
            ledgers.TaskOpen(
                kind="resample", subject_kind="tube", subject_id=row["tube_id"], area=row["area"],
                title=row["tube_code"], owner_role="site_lead", opened_at=at, round_id=round_id,
            )
            for row in rows
        ]
    )  # fmt: skip
