"""Commands of this room: figures that somebody states, documents that were filed."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import msgspec

from yingjian.access import journal

from . import actions


class FigureState(msgspec.Struct, frozen=True):
    round_id: uuid.UUID
    figure: str
    value: int
    source: str


class ReportFile(msgspec.Struct, frozen=True):
    report_id: uuid.UUID
    round_id: uuid.UUID
    form: str
    as_of: datetime
    figures: dict[str, Any]
    file_name: str
    digest: str


@journal.handles("figure.state", FigureState, permission="report", decision=True)
def state_figure(batch: journal.Batch) -> list[journal.Verdict]:
    """Keep what a document states, to be compared with what the records say."""
    verdicts = []
    for command in batch.commands:
        given: FigureState = command.payload
        area = actions.figure_state(
            actor=batch.actor, id=command.id, at=command.at, round_id=given.round_id, figure=given.figure,
            value=given.value, source=given.source,
        )  # fmt: skip
        verdicts.append(journal.applied(command, area=area))
    return verdicts


@journal.handles("report.file", ReportFile, permission="report", decision=True)
def file_report(batch: journal.Batch) -> list[journal.Verdict]:
    """Enter a written document in the register of documents."""
    verdicts = []
    for command in batch.commands:
        given: ReportFile = command.payload
        area = actions.report_file(
            actor=batch.actor, id=given.report_id, at=command.at, round_id=given.round_id, kind=given.form,
            as_of=given.as_of, figures=given.figures, file_name=given.file_name, digest=given.digest,
        )  # fmt: skip
        verdicts.append(journal.applied(command, area=area))
    return verdicts
