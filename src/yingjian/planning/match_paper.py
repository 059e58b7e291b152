"""The matching of tubes and laboratories as tables: for a workbook."""

from __future__ import annotations

from datetime import datetime, tzinfo

from yingjian.kernel.papers import Paragraph, Report, Table

from . import wording
from .matching import Matching


def paper(found: Matching, *, round_name: str, tz: tzinfo, language: str) -> Report:
    """Boxes and where they should go, laboratories, and where capacity pays. Times are local."""
    own = wording.words(language)["matching"]
    col = own["col"]

    def at(moment: datetime | None) -> str:
        return "" if moment is None else moment.astimezone(tz).strftime("%m-%d %H:%M")

    lots = tuple(
        (
            own["kind"][lot.kind], lot.key, lot.site, lot.tubes, at(lot.oldest_at), at(lot.leaves_at),
            lot.planned, lot.lab, own["change"] if lot.change else "", at(lot.begins_at), lot.late,
            lot.late_tubes, lot.untested,
        )
        for lot in found.lots
    )  # fmt: skip
    labs = tuple(
        (
            lab.code, lab.name, lab.tubes_per_day, lab.instruments, lab.running, lab.waiting, lab.coming,
            lab.expected, lab.runs, at(lab.last_begins_at), lab.idle,
        )
        for lab in found.labs
    )  # fmt: skip
    worth = tuple((one.lab, at(one.from_at), one.saves) for one in found.worth)
    return Report(
        own["title"].format(round=round_name),
        (
            Paragraph(
                own["intro"].format(
                    at=at(found.as_of), hours=f"{found.limit / 60:g}", late=found.late_tubes,
                    untested=found.untested, changes=found.changes,
                )
            ),
            Table(own["lots"], tuple(col[k] for k in LOT), lots),
            Table(own["labs"], tuple(col[k] for k in LAB), labs),
            Table(own["worth"], tuple(col[k] for k in WORTH), worth),
        ),
    )  # fmt: skip


LOT = (
    "kind", "key", "site", "tubes", "oldest", "leaves", "planned", "lab", "change", "begins", "late",
    "late_tubes", "untested",
)  # fmt: skip
LAB = (
    "lab", "name", "capacity", "instruments", "running", "waiting", "coming", "expected", "runs", "last", "idle",
)  # fmt: skip
WORTH = ("lab", "from", "saves")
