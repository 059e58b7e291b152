"""What this room hears from the laboratory and the field. A second delivery derives the same ids, changes nothing."""

from __future__ import annotations

from yingjian.access import journal, outbox
from yingjian.kernel.ids import derived
from yingjian.laboratory.events import ResultCorrected, ResultsReleased
from yingjian.sampling.events import SwabsCameLate

from . import queries


@outbox.subscribes(ResultsReleased)
def follow_released(event: ResultsReleased) -> None:
    """Positives first: their notices are due at once (R68, R69)."""
    for kind, result_ids in queries.findings(event.result_ids).items():
        if result_ids:
            journal.submit_system(
                kind, {"result_ids": result_ids}, id=derived(event.id, kind), at=event.at, received_at=event.at
            )  # fmt: skip


@outbox.subscribes(SwabsCameLate)
def follow_latecomers(event: SwabsCameLate) -> None:
    """A swab of a tube that was flagged before it came; what the pool is by then is looked up under its lock."""
    suspect = queries.swabs_suspect(event.swab_ids)
    if suspect:
        journal.submit_system(
            "pool.join", {"swab_ids": suspect}, id=derived(event.id, "pool.join"), at=event.at, received_at=event.at
        )  # fmt: skip


@outbox.subscribes(ResultCorrected)
def follow_corrected(event: ResultCorrected) -> None:
    journal.submit_system(
        "case.correct", {"result_id": event.result_id}, id=derived(event.id, "case.correct"), at=event.at,
        received_at=event.at,
    )  # fmt: skip
