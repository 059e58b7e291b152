"""One matter opened: what was sent, line by line, what stands beside it, and what a decision has brought.

Personal data leaves here masked, unless the caller says that a look was journalled.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from yingjian.access import vault

from . import reading

LINES_MOST: Final = 200
"""A tube of twenty is some 160 lines; what is longer is told to be so."""
BESIDE_MOST: Final = 30
TAIL: Final = 4
_SEALED: Final = "sealed"
_NAMES: Final = frozenset({"name", "guardian"})
_PERSONAL: Final = _NAMES | {"id_number", "phone", "raw"}
_INSTANT: Final = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d")
_ENTRY: Final = re.compile(r"\[\d+\]")

Line = dict[str, Any]


def masked(field: str, text: str) -> str:
    """A personal text as lists show it: a name's first character, a number's last four, of other texts the length."""
    if field in _NAMES:
        return reading.masked_name(text)
    if field == "raw":
        return f"… ({len(text)})"
    return "*" * max(len(text) - TAIL, 0) + text[-TAIL:] if len(text) > TAIL else "*" * len(text)


def _one(statement: str, given: Mapping[str, Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        names = [column[0] for column in cursor.description or ()]
        row = cursor.fetchone()
    return {} if row is None else dict(zip(names, row, strict=True))


def of(
    source: str, id: uuid.UUID, matter: Mapping[str, Any], *, say: Mapping[str, Any], revealed: bool
) -> tuple[list[Line], list[dict[str, Any]]]:
    """The lines that were sent, and the records that stand beside them."""
    if source == "parked":
        row = _one("SELECT payload FROM access_journal WHERE command_id = %(id)s", {"id": id})
        found = _flat("", json.loads(row["payload"]))
        return _lines(found, say, revealed=revealed), []
    if source == "swab":
        return _swab(id, say, revealed=revealed), _beside_swab(matter, id)
    return _tube(id, say), _beside_tube(matter, id)


# -- what was sent -------------------------------------------------------------------------------


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any, bool]]:
    """`(path, value, sealed)` of every leaf of a payload."""
    if isinstance(value, dict):
        if set(value) == {_SEALED} and isinstance(value[_SEALED], str):
            yield path, vault.unseal(base64.b64decode(value[_SEALED])), True
            return
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list):
        if all(not isinstance(one, dict | list) for one in value):
            yield path, ", ".join(map(str, value)), False
            return
        for no, inner in enumerate(value, start=1):
            yield from _flat(f"{path}[{no}]", inner)
    else:
        yield path, value, False


def _lines(
    found: Iterator[tuple[str, Any, bool]], say: Mapping[str, Any], *, revealed: bool
) -> list[Line]:
    lines: list[Line] = []
    for path, value, sealed in found:
        if value is None:
            continue
        if len(lines) == LINES_MOST:
            lines.append({"label": "…", "value": say["longer"], "masked": False})
            break
        name = path.rsplit(".", 1)[-1]
        hide = sealed and not revealed
        text = masked(_ENTRY.sub("", name), str(value)) if hide else _text(value, say)
        lines.append({"label": _label(path, say), "value": text, "masked": hide})
    return lines


def _label(path: str, say: Mapping[str, Any]) -> str:
    """`swabs[2].name` → `采样 2 · 姓名`."""
    parts = []
    for part in path.split("."):
        name, _, no = part.partition("[")
        parts.append(f"{say['field'].get(name, name)} {no.rstrip(']')}".strip())
    return " · ".join(parts)


def _text(value: Any, say: Mapping[str, Any]) -> str:
    if isinstance(value, bool):
        return str(say["yes"] if value else say["no"])
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S")
    text = str(value)
    if _INSTANT.match(text):
        try:
            return _text(
                timezone.make_aware(at)
                if (at := datetime.fromisoformat(text)).tzinfo is None
                else at,
                say,
            )
        except ValueError:
            return text
    return str(say["value"].get(text, text))


_SWAB: Final = """
SELECT s.entry, s.position, s.taken_at, s.received_at, s.stub_no, t.code AS tube_code, p.name, p.id_tail,
       s.voided_at, s.void_reason, s.moved_at, s.move_reason, s.identity_cipher
  FROM sampling_swab s LEFT JOIN sampling_tube t ON t.id = s.tube_id LEFT JOIN population_person p ON p.id = s.person_id
 WHERE s.id = %(id)s
"""


def _swab(id: uuid.UUID, say: Mapping[str, Any], *, revealed: bool) -> list[Line]:
    """The swab as it is stored, and what was presented where nobody could be found by it."""
    row = _one(_SWAB, {"id": id})
    cipher = row.pop("identity_cipher")
    given = {} if cipher is None else json.loads(vault.unseal(bytes(cipher)))
    found = [
        (name, value, name in _NAMES) for name, value in row.items() if value not in {None, ""}
    ]
    found += [(f"presented.{name}", value, name in _PERSONAL) for name, value in given.items()]
    return _lines(iter(found), say, revealed=revealed)


_TUBE: Final = """
SELECT code AS tube_code, binding, purpose, mode, capacity, people, count_stated, state, opened_at, first_swab_at,
       locked_at, sealed_at, boxed_at, ended_at, ended_reason
  FROM sampling_tube WHERE id = %(id)s
"""


def _tube(id: uuid.UUID, say: Mapping[str, Any]) -> list[Line]:
    row = _one(_TUBE, {"id": id})
    found = [(name, value, False) for name, value in row.items() if value not in {None, ""}]
    return _lines(iter(found), say, revealed=True)


# -- what stands beside it -----------------------------------------------------------------------


def _beside_swab(matter: Mapping[str, Any], id: uuid.UUID) -> list[dict[str, Any]]:
    """The person's other swabs where one too many was taken; else who else is in the tube."""
    if matter["sign"] == "duplicate_person" and matter["person_id"] is not None:
        swabs = reading.swabs_of_person(matter["person_id"])
        swabs = [swab for swab in swabs if swab["round_id"] == matter["round_id"]]
    else:
        row = _one("SELECT tube_id FROM sampling_swab WHERE id = %(id)s", {"id": id})
        swabs = [] if row["tube_id"] is None else reading.swabs_of_tube(row["tube_id"])
    return [_swab_beside(swab, id) for swab in swabs[:BESIDE_MOST]]


def _swab_beside(swab: Mapping[str, Any], id: uuid.UUID | None) -> dict[str, Any]:
    return {
        "tube_code": swab["tube_code"] or "", "person": swab["name"], "person_id": swab["person_id"],
        "at": swab["taken_at"], "site_name": swab["site_name"], "station_code": swab["station_code"],
        "state": "voided" if swab["voided_at"] else "counts", "flags": swab["flags"], "people": None,
        "here": swab["id"] == id,
    }  # fmt: skip


def _beside_tube(matter: Mapping[str, Any], id: uuid.UUID) -> list[dict[str, Any]]:
    """Every tube with the same code where a code came twice; else who is in the tube."""
    if matter["sign"] in {"duplicate_tube", "opened_twice"} and matter["tube_code"]:
        tubes = reading.tubes_of_code(matter["tube_code"])
        return [_tube_beside(tube, id) for tube in tubes[:BESIDE_MOST]]
    return [_swab_beside(swab, None) for swab in reading.swabs_of_tube(id)[:BESIDE_MOST]]


def _tube_beside(tube: Mapping[str, Any], id: uuid.UUID) -> dict[str, Any]:
    return {
        "tube_code": tube["code"], "person": "", "person_id": None, "at": tube["opened_at"],
        "site_name": tube["site_name"], "station_code": tube["station_code"], "state": tube["state"],
        "flags": tube["flags"], "people": tube["people"], "here": tube["id"] == id,
    }  # fmt: skip


# -- what a decision has brought -----------------------------------------------------------------


def outcome(
    source: str, id: uuid.UUID, matter: Mapping[str, Any], *, say: Mapping[str, Any]
) -> list[Line]:
    """What is different since the decision, as the records tell it now."""
    if matter["decision"] is None:
        return []
    found: list[tuple[str, Any, bool]] = []
    if matter["decision"] == "retried":
        found = _retried(matter["retried_as"])
    elif matter["decision"] == "voided":
        row = _one(
            """SELECT s.voided_at, t.people, d.state AS due FROM sampling_swab s
                 LEFT JOIN sampling_tube t ON t.id = s.tube_id LEFT JOIN campaigns_dueperson d ON d.id = s.due_id
                WHERE s.id = %(id)s""",
            {"id": id},
        )
        found = [(name, value, False) for name, value in row.items()]
    effect = {
        "label": say["effect"],
        "value": say["option"][matter["decision"]]["done"],
        "masked": False,
    }
    return [effect, *_lines(iter(found), say, revealed=True)]


def _retried(command_id: uuid.UUID) -> list[tuple[str, Any, bool]]:
    row = _one(
        "SELECT verdict, received_at, answer FROM access_journal WHERE command_id = %(id)s",
        {"id": command_id},
    )
    if not row:
        return []  # it went into another town's area
    answer = json.loads(row.pop("answer"))
    found = [*row.items(), *((k, v) for k, v in answer.items() if isinstance(v, int | str | list))]
    return [
        (name, ", ".join(map(str, v)) if isinstance(v, list) else v, False) for name, v in found
    ]
