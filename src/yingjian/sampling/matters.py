"""The information maintainer's work list: what was parked, and what was stored with a flag that somebody has to judge.

One line is a *matter*. Its key tells where it lives: `parked.<command>`, `swab.<id>.<flag>` or `tube.<id>.<flag>`.
Read under the reader's sight; personal data is masked unless it was revealed (which is journalled).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.db import connection

from yingjian.access import journal, scope
from yingjian.access.actor import Actor
from yingjian.kernel.errors import RuleBroken, sentence

from . import presented
from .allotting import GIVEN_OUT, UNALLOTTED
from .rules import SWAB_FLAGS, TUBE_FLAGS

PAGE: Final = 100
REWOUND: Final = "access.sequence_rewound"
OTHER_FLAGS: Final = "custody"
COMMAND: Final = "command"
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    COMMAND: (),  # every parked code that no other kind names
    "rewind": (REWOUND,),
    "clock": ("clock_skew",),
    "person_twice": ("duplicate_person",),
    "tube_twice": ("duplicate_tube", "opened_twice"),
    "code_garbled": ("code_garbled", "code_foreign_key", "code_revoked"),
    "code_missing": ("code_missing", UNALLOTTED),
    "identity": ("no_identity", "id_malformed", "member_unsaid", "person_unknown", "name_only"),
    OTHER_FLAGS: (),  # every flag that no other kind names
}
"""Kind → the flags and codes it gathers, in the order of the page."""
LISTED: Final = {
    "swab": sorted(flag for flag, weight in SWAB_FLAGS.items() if weight != "note"),
    "tube": sorted(flag for flag, weight in TUBE_FLAGS.items() if weight != "note"),
}
"""Flags somebody has to judge; the rest is for the record."""
_NAMED: Final = {sign: kind for kind, signs in KINDS.items() for sign in signs}


def kind_of(sign: str) -> str:
    """The kind a flag or a parked command's code belongs to. A code has a dot, a flag has none."""
    return _NAMED.get(sign) or (COMMAND if "." in sign else OTHER_FLAGS)


def signs_of(kind: str) -> tuple[list[str], str]:
    """Which signs a kind takes: its own; for the two that take the rest, `parked` or `flag` says of what."""
    if kind not in KINDS:
        raise RuleBroken("sampling.matter_kind", kind=kind[:32])
    rest = {COMMAND: "parked", OTHER_FLAGS: "flag"}.get(kind, "")
    return list(KINDS[kind]), rest


@cache
def words(language: str) -> dict[str, Any]:
    """Titles, explanations, headings of one language."""
    path = Path(__file__).with_name(f"matters.{'zh' if language.startswith('zh') else 'en'}.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for. `state`: open, decided; `q`: a tube or station code or the beginning of one."""

    kind: str = ""
    state: str = "open"
    area: str = ""
    q: str = ""


_PARKED: Final = """
SELECT 'parked.' || j.command_id AS key, j.code AS sign, 'parked' AS source, j.area, j.received_at AS at, j.captured_at,
       j.kind AS command, j.actor_kind, coalesce(dv.name, u.name, '') AS sender,
       coalesce(dv.station_code, '') AS station_code, coalesce(si.name, '') AS site_name, '' AS tube_code,
       '' AS person_name, NULL::uuid AS person_id, NULL::uuid AS round_id, j.answer, d.decision, d.reason, d.decided_at,
       coalesce(du.name, '') AS decided_by, d.retried_as, j.skew_ms
  FROM access_journal j
  LEFT JOIN access_parkeddecision d ON d.command_id = j.command_id
  LEFT JOIN access_user du ON du.id = d.decided_by_id
  LEFT JOIN access_user u ON j.actor_kind = 'user' AND u.id = j.actor_id
  LEFT JOIN access_device dv ON j.actor_kind = 'device' AND dv.id = j.actor_id
  LEFT JOIN LATERAL (SELECT s.name FROM sampling_station st JOIN sampling_site s ON s.id = st.site_id
                      WHERE st.code = dv.station_code ORDER BY s.opened_at DESC NULLS LAST LIMIT 1) si ON true
 WHERE j.verdict = 'parked'
"""
_SWAB: Final = """
SELECT 'swab.' || s.id || '.' || f.flag, f.flag, 'swab', s.area, s.received_at, s.taken_at, '', 'device',
       coalesce(dv.name, ''), st.code, si.name, coalesce(t.code, ''), coalesce(p.name, ''), s.person_id, s.round_id,
       '{{}}', d.decision, d.reason, d.decided_at, coalesce(du.name, ''), NULL::uuid, 0
  FROM {flags}
  JOIN sampling_station st ON st.id = s.station_id JOIN sampling_site si ON si.id = st.site_id
  LEFT JOIN sampling_tube t ON t.id = s.tube_id LEFT JOIN population_person p ON p.id = s.person_id
  LEFT JOIN access_device dv ON dv.id = s.device_id LEFT JOIN access_user du ON du.id = d.decided_by
 WHERE {where}
"""
_TUBE: Final = """
SELECT 'tube.' || s.id || '.' || f.flag, f.flag, 'tube', s.area,
       coalesce(s.sealed_at, s.opened_at, s.first_swab_at, s.ended_at, r.window_start), s.opened_at, '', 'device', '',
       st.code, si.name, s.code, '', NULL, s.round_id, '{{}}', d.decision, d.reason, d.decided_at,
       coalesce(du.name, ''), NULL, 0
  FROM {flags}
  JOIN sampling_station st ON st.id = s.station_id JOIN sampling_site si ON si.id = st.site_id
  JOIN campaigns_round r ON r.id = s.round_id LEFT JOIN access_user du ON du.id = d.decided_by
 WHERE {where}
"""


def _borne(kind: str) -> dict[str, str]:
    """Flags that a tube or a swab bears now."""
    return {
        "flags": f"""sampling_{kind} s CROSS JOIN LATERAL jsonb_array_elements_text(s.flags) AS f(flag)
          LEFT JOIN sampling_flagdecision d ON d.subject_id = s.id AND d.flag = f.flag""",
        "where": f"s.flags <> '[]' AND f.flag = ANY(%({kind}_flags)s)",
    }


def _gone(kind: str) -> dict[str, str]:
    """Flags that were decided and are borne no more: a second swab that was voided is second no longer."""
    return {
        "flags": f"""sampling_flagdecision d JOIN sampling_{kind} s ON s.id = d.subject_id
          CROSS JOIN LATERAL (SELECT d.flag) AS f(flag)""",
        "where": f"d.subject_kind = '{kind}' AND NOT s.flags ? d.flag AND d.flag <> '{UNALLOTTED}'",
    }


def _unallotted() -> dict[str, str]:
    """Tubes with a code that was not given out to their station. Worked out here and not stored: a range may be given
    before its tubes come in, or after.
    """
    return {
        "flags": f"""(SELECT DISTINCT station_id FROM sampling_tuberange WHERE withdrawn_at IS NULL) a
          JOIN sampling_tube s ON s.station_id = a.station_id CROSS JOIN LATERAL (SELECT '{UNALLOTTED}' AS flag) f
          LEFT JOIN sampling_flagdecision d ON d.subject_id = s.id AND d.flag = f.flag""",  # noqa: S608 - a constant
        "where": f"s.code <> '' AND NOT {GIVEN_OUT}",
    }


_UNDONE: Final = " AND (s.voided_at IS NULL OR d.decision IS NOT NULL)"
_SWABS: Final = (
    f"{_SWAB.format(**_borne('swab'))} {_UNDONE} UNION ALL {_SWAB.format(**_gone('swab'))}"
)
_TUBES: Final = " UNION ALL ".join(
    _TUBE.format(**found) for found in (_borne("tube"), _gone("tube"), _unallotted())
)
_ALL: Final = f"WITH matter AS ({_PARKED} UNION ALL {_SWABS} UNION ALL {_TUBES})"
_WANTED: Final = """
 WHERE (%(state)s = '' OR (decision IS NULL) = (%(state)s = 'open'))
   AND (%(area)s = '' OR area ^@ %(area)s)
   AND (%(q)s = '' OR tube_code ^@ %(q)s OR station_code ^@ %(q)s)
"""
_OF_KIND: Final = """
   AND (%(signs)s::text[] IS NULL OR sign = ANY(%(signs)s)
        OR (%(rest)s = 'parked' AND source = 'parked' AND sign <> ALL(%(named)s))
        OR (%(rest)s = 'flag' AND source <> 'parked' AND sign <> ALL(%(named)s)))
"""


def _rows(statement: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _given(asked: Asked) -> dict[str, Any]:
    if asked.state not in {"open", "decided", ""}:
        raise RuleBroken("access.state_unknown", state=asked.state[:16])
    signs, rest = signs_of(asked.kind) if asked.kind else (None, "")
    return {
        "state": asked.state, "area": asked.area, "q": asked.q.strip(), "signs": signs, "rest": rest,
        "named": sorted(_NAMED), "swab_flags": LISTED["swab"], "tube_flags": LISTED["tube"],
    }  # fmt: skip


def matters_for(
    actor: Actor, asked: Asked, *, language: str, after: str = "", limit: int = PAGE
) -> list[dict[str, Any]]:
    """Matters in the actor's sight, the latest first. `after`: the `cursor` of the last one shown.

    `sampling.matter_kind`, `access.state_unknown`, `sampling.matter_unknown` for a cursor that is none.
    """
    at, key = _cursor(after)
    rows = _rows(
        f"{_ALL} SELECT * FROM matter {_WANTED} {_OF_KIND}"  # noqa: S608 - constants of this module
        " AND (%(at)s::timestamptz IS NULL OR (at, key) < (%(at)s, %(key)s))"
        " ORDER BY at DESC, key DESC LIMIT %(limit)s",
        _given(asked) | {"at": at, "key": key, "limit": limit},
    )
    return [_told(row, language) for row in rows]


def _cursor(after: str) -> tuple[datetime | None, str]:
    if not after:
        return None, ""
    at, _, key = after.partition("~")
    try:
        return datetime.fromisoformat(at), key
    except ValueError:
        raise RuleBroken("sampling.matter_unknown", status=404) from None


def matter_pages_for(
    actor: Actor, asked: Asked, *, language: str
) -> Iterator[list[dict[str, Any]]]:
    """All of them, page by page."""
    after = ""
    while page := matters_for(actor, asked, language=language, after=after, limit=1000):
        yield page
        after = page[-1]["cursor"]


def counts_for(actor: Actor, *, area: str = "") -> dict[str, dict[str, int]]:
    """Kind → how many are open and how many decided, every kind named."""
    rows = _rows(
        f"{_ALL} SELECT sign, count(*) FILTER (WHERE decision IS NULL) AS open, count(decision) AS decided"  # noqa: S608
        f"  FROM matter {_WANTED} GROUP BY sign",
        _given(Asked(state="", area=area)),
    )
    found = {kind: {"open": 0, "decided": 0} for kind in KINDS}
    for row in rows:
        counts = found[kind_of(row["sign"])]
        counts["open"] += row["open"]
        counts["decided"] += row["decided"]
    return found


def _told(row: dict[str, Any], language: str) -> dict[str, Any]:
    """A row in words."""
    answer = json.loads(row.pop("answer"))
    sign, say = row["sign"], words(language)
    if row["source"] == "parked":
        told = sentence(sign, language, answer.get("params", {}))
        titles = say["parked"]
        title = titles.get(sign) or titles["other"]
    else:
        told = say["flag"].get(sign, {"title": sign, "says": sign, "do": ""})
        title = told["title"]
    row["person"] = presented.masked("name", row.pop("person_name"))
    return row | {
        "kind": kind_of(sign), "title": title, "says": told["says"], "do": told["do"],
        "cursor": f"{row['at'].isoformat()}~{row['key']}",
    }  # fmt: skip


# -- one matter ----------------------------------------------------------------------------------


def parsed(key: str) -> tuple[str, uuid.UUID, str]:
    """`(source, id, flag)` of a key. `sampling.matter_unknown` (404)."""
    source, _, rest = key.partition(".")
    id, _, flag = rest.partition(".")
    try:
        found = uuid.UUID(id)
    except ValueError:
        raise RuleBroken("sampling.matter_unknown", status=404) from None
    if source not in {"parked", "swab", "tube"} or (source == "parked") == bool(flag):
        raise RuleBroken("sampling.matter_unknown", status=404)
    return source, found, flag


def _head(template: str, kind: str) -> str:
    """One tube's or swab's flags; the first part gives the columns their names."""
    parts = " UNION ALL ".join(
        template.format(**found) + " AND s.id = %(id)s"
        for found in (_borne(kind), _gone(kind), *((_unallotted(),) if kind == "tube" else ()))
    )
    return f"WITH matter AS ({_PARKED} AND false UNION ALL {parts})"


_HEADS: Final = {
    "parked": f"WITH matter AS ({_PARKED} AND j.command_id = %(id)s)",
    "swab": _head(_SWAB, "swab"),
    "tube": _head(_TUBE, "tube"),
}


def matter_for(actor: Actor, key: str, *, language: str, revealed: bool = False) -> dict[str, Any]:
    """One matter: who, when, where, what was sent (masked unless `revealed`), what stands beside it, what may be
    decided, and what a decision has brought. `sampling.matter_unknown` (404).
    """
    source, id, flag = parsed(key)
    rows = _rows(
        f"{_HEADS[source]} SELECT * FROM matter WHERE %(flag)s = '' OR sign = %(flag)s",  # noqa: S608
        {"id": id, "flag": flag, "swab_flags": LISTED["swab"], "tube_flags": LISTED["tube"]},
    )
    if not rows:
        raise RuleBroken("sampling.matter_unknown", status=404)
    matter = _told(rows[0], language)
    say = words(language)
    sent, beside = presented.of(source, id, matter, say=say, revealed=revealed)
    options = _options(source, matter["sign"])
    return matter | {
        "sent": sent,
        "beside": beside,
        "options": [{"decision": name, **say["option"][name]} for name in options],
        "outcome": presented.outcome(source, id, matter, say=say),
        "revealed": revealed,
    }


def _options(source: str, sign: str) -> Sequence[str]:
    """What may be decided. Where nothing could be applied there is no second try."""
    if source == "parked":
        hopeless = {REWOUND, "access.command_unreadable"}
        return ("closed",) if sign in hopeless else ("retried", "closed")
    return ("kept", "voided") if source == "swab" else ("kept",)


def matter_revealed_for(
    actor: Actor, key: str, *, reason: str, language: str, at: datetime, id: uuid.UUID
) -> dict[str, Any]:
    """The same with personal data in full, for whoever may see it; the look is journalled with its reason.

    `access.not_permitted` without the right to reveal, `access.reason_missing`.
    """
    matter = matter_for(actor, key, language=language, revealed=True)
    scope.require(actor, "reveal", matter["area"])
    if not reason.strip():
        raise RuleBroken("access.reason_missing")
    told = {"key": key, "reason": reason.strip()[:200]}
    journal.record("matter.reveal", told, actor=actor, id=id, at=at, area=matter["area"])
    return matter
