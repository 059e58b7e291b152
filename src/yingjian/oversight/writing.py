"""Writes a round's report: gathers the figures on the actor's sight, composes, renders, files."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from django.conf import settings
from django.db import connection

from yingjian.access import journal
from yingjian.access.actor import Actor
from yingjian.campaigns import presets
from yingjian.kernel import rendering
from yingjian.kernel.errors import RuleBroken
from yingjian.kernel.papers import Report

from . import queries
from .figures import FIGURES
from .report import Material, compose

PAGE = 5000
KINDS = {"work": "docx", "work-tables": "xlsx"}
MORE = {"zh": "（余 {left} 行见随附表格）", "en": "({left} more rows in the workbook)"}


@cache
def words(language: str) -> dict[str, Any]:
    """The report's wording in `zh` or `en`."""
    path = Path(__file__).with_name(f"report.{language}.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def material(actor: Actor, round_id: uuid.UUID, *, as_of: datetime, language: str) -> Material:
    """Everything the report says, read in the actor's sight as of one moment."""
    head = queries.round_head(actor, round_id)
    preset = presets.restore(queries.preset_document(actor, round_id))
    title = preset.header.title.en if language == "en" else preset.header.title.zh
    values = queries.figures_for(actor, round_id, as_of=as_of)
    figures = {key: value.value for key, value in values.items()}
    names = queries.labels(language)["figures"]
    counts = _row_counts(round_id, as_of)
    return Material(
        head={**head, "preset_title": title},
        as_of=as_of,
        figures=figures,
        parts={key: value.parts for key, value in values.items()},
        balances=[
            (balance.law, balance.left, balance.left_value, balance.right, balance.right_value)
            for balance in queries.reconciliation_for(actor, round_id, as_of=as_of)
        ],
        stated=queries.stated_for(actor, round_id),
        supplies=queries.supplies_used_for(actor, round_id, as_of=as_of, language=language),
        groups=_rows(actor, round_id, "work_groups", as_of),
        tasks=_preparation(round_id, as_of),
        late=[
            {
                **row,
                "name": clock_name(row["code"], language),
                "owner": role_name(row["owner_role"], language),
            }
            for row in _all_rows(actor, round_id, "clocks_breached", as_of)
        ],
        coverage=queries.coverage_for(actor, round_id),
        attended=sum(row["attended"] for row in _rows(actor, round_id, "trainings", as_of)),
        names=names,
        definitions=[
            (names[key], " ".join(FIGURES[key].rows.split()), figures[key], counts[key])
            for key in FIGURES
        ],
    )


def _rows(actor: Actor, round_id: uuid.UUID, key: str, as_of: datetime) -> list[dict[str, Any]]:
    return queries.figure_rows_for(
        actor, round_id, key, as_of=as_of, part=None, after=0, limit=PAGE
    )


def _all_rows(actor: Actor, round_id: uuid.UUID, key: str, as_of: datetime) -> list[dict[str, Any]]:
    """Every record of a figure, page by page: a report leaves nothing out."""
    found: list[dict[str, Any]] = []
    while True:
        page = queries.figure_rows_for(
            actor, round_id, key, as_of=as_of, part=None, after=len(found), limit=PAGE
        )
        found += page
        if len(page) < PAGE:
            return found


def _row_counts(round_id: uuid.UUID, as_of: datetime) -> dict[str, int]:
    counts = {}
    with connection.cursor() as cursor:
        for key, figure in FIGURES.items():
            cursor.execute(
                f"SELECT count(*) FROM ({figure.rows}) counted",  # noqa: S608 - the registry's own text
                {"round": round_id, "as_of": as_of},
            )
            counts[key] = int(cursor.fetchone()[0])
    return counts


def _preparation(round_id: uuid.UUID, as_of: datetime) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT title, opened_at, done_at FROM ledgers_task
                WHERE round_id = %s AND kind = 'preparation' AND opened_at <= %s ORDER BY opened_at, title""",
            [round_id, as_of],
        )
        return [
            {"title": title, "opened_at": opened, "done_at": done}
            for title, opened, done in cursor.fetchall()
        ]


@cache
def _names(language: str) -> dict[str, dict[str, str]]:
    path = Path(__file__).with_name(f"names.{language}.json")
    loaded: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def clock_name(code: str, language: str) -> str:
    """A clock's name for readers."""
    return _names(language)["clocks"].get(code, code)


def role_name(role: str, language: str) -> str:
    """A role's name for readers."""
    return _names(language)["roles"].get(role, role)


def write(
    *,
    actor: Actor,
    report_id: uuid.UUID,
    round_id: uuid.UUID,
    kind: str,
    language: str,
    as_of: datetime,
) -> dict[str, Any]:
    """Write and file a report; returns its register entry. `oversight.report_kind` for a kind we do not write."""
    if kind not in KINDS:
        raise RuleBroken("oversight.report_kind", kind=kind[:24])
    gathered = material(actor, round_id, as_of=as_of, language=language)
    report = compose(gathered, words(language))
    data = render(report, KINDS[kind], language)
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    name = f"{report.title}.{KINDS[kind]}"
    entry = {
        "report_id": report_id,
        "round_id": round_id,
        "form": kind,
        "as_of": as_of,
        "figures": gathered.figures,
        "file_name": name,
        "digest": digest.finalize().hex(),
    }
    path_of(str(entry["digest"])).write_bytes(data)
    command = journal.CommandIn(
        report_id, "report.file", as_of, msgspec.Raw(msgspec.json.encode(entry))
    )
    journal.submit(actor=actor, received_at=as_of, commands=[command], park=False)
    return entry


def render(report: Report, suffix: str, language: str) -> bytes:
    """The composed report as a file."""
    if suffix == "docx":
        return rendering.to_docx(report, more=MORE[language], none=words(language)["no_rows"])
    return rendering.to_xlsx(
        report, summary=words(language)["sheet"]["summary"], none=words(language)["no_rows"]
    )


def path_of(digest: str) -> Path:
    """Where the file with this digest is kept."""
    folder = Path(settings.YINGJIAN_VAR) / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / digest
