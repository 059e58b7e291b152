"""One person's custody across the rooms: on the list, swabbed, sealed, boxed, handed over, received, tested, told.

Each step is one statement below; together they are one query. Every statement reads under the reader's sight, so a
step that happened outside it is absent, not masked. Outcomes need `see_results`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from django.db import connection

from yingjian.access import queries as access
from yingjian.access.actor import Actor
from yingjian.campaigns import queries as campaigns
from yingjian.kernel.errors import RuleBroken


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one person's sample: when, where, by whom, and what is odd about it."""

    kind: str
    at: datetime
    where: str
    who: str
    round: str
    facts: dict[str, Any]
    flags: list[str]


@dataclass(frozen=True, slots=True)
class Custody:
    """The steps in the order they happened, and what the clocks that concern this person hang on."""

    steps: list[Step]
    subjects: list[uuid.UUID]


_OUTCOME: Final = "CASE WHEN %(results)s THEN {column} END"
_DUE: Final = "FROM campaigns_dueperson d JOIN campaigns_round r ON r.id = d.round_id"
_ENDED: Final = "coalesce(r.closed_at, r.window_end)"
"""When somebody is missed for good, or was excused by nothing the journal knows: the row keeps no time of its own."""
_RESULTS: Final = """FROM laboratory_result r JOIN tubes ON tubes.id = r.tube_id
                     LEFT JOIN laboratory_laboratory l ON l.id = r.laboratory_id"""
"""A result lies in the town of its tube, its laboratory often above it: then the step is told without the name."""
_POOL: Final = """FROM cases_poolmember m JOIN cases_flaggedpool p ON p.id = m.pool_id
                  JOIN tubes ON tubes.id = p.tube_id WHERE m.person_id = %(person)s"""

# (order among steps of one moment, kind, at, where, who, round id, facts, flags, from)
_STEPS: Final = (
    (0, "due", "CASE WHEN d.added_by IS NULL THEN r.frozen_at ELSE coalesce(d.sampled_at, r.frozen_at) END",
     "coalesce(g.name, '')", "''", "d.round_id",
     """jsonb_build_object('mode', d.mode, 'category', d.category, 'site', d.site_code, 'by', d.added_by,
                        'swabbed', d.sampled_at IS NOT NULL)""",
     "CASE WHEN d.added_by IS NULL THEN '[]'::jsonb ELSE '[\"added\"]' END",
     f"{_DUE} LEFT JOIN population_region g ON g.area = d.area WHERE d.person_id = %(person)s"),
    (17, "excused", _ENDED, "''", "''", "d.round_id", "jsonb_build_object('reason', d.reason, 'by', d.excused_by)",
     "'[]'::jsonb", f"{_DUE} WHERE d.person_id = %(person)s AND d.state = 'excused'"),
    (17, "missed", _ENDED, "''", "d.owner", "d.round_id", "jsonb_build_object('reason', d.reason)", "'[]'::jsonb",
     f"{_DUE} WHERE d.person_id = %(person)s AND d.state = 'missed'"),
    (1, "sampled", "s.taken_at", "si.name || ' ' || st.code", "''", "s.round_id",
     "jsonb_build_object('tube', tubes.code, 'position', s.position, 'entry', s.entry, 'stub_no', s.stub_no)",
     "s.flags", """FROM swabs s JOIN sampling_station st ON st.id = s.station_id
                   JOIN sampling_site si ON si.id = st.site_id LEFT JOIN tubes ON tubes.id = s.tube_id"""),
    (2, "swab_voided", "s.voided_at", "''", "''", "s.round_id",
     "jsonb_build_object('reason', s.void_reason)", "'[]'::jsonb",
     "FROM swabs s WHERE s.voided_at IS NOT NULL"),
    (3, "sealed", "t.sealed_at", "si.name", "''", "t.round_id",
     "jsonb_build_object('tube', t.code, 'people', t.people)", "t.flags",
     "FROM tubes t JOIN sampling_site si ON si.id = t.site_id"),
    (4, "boxed", "t.boxed_at", "''", "''", "t.round_id",
     "jsonb_build_object('box', b.code)", "'[]'::jsonb",
     "FROM tubes t JOIN logistics_box b ON b.id = t.box_id"),
    (5, "box_sealed", "b.sealed_at", "''", "''", "b.round_id",
     "jsonb_build_object('box', b.code, 'seal_no', b.seal_no, 'tubes', b.tubes_stated)", "b.flags", "FROM boxes b"),
    (6, "handed_over", "h.at", "''", "h.giver || ' → ' || h.taker", "h.round_id",
     "jsonb_build_object('box', b.code, 'tubes', hb.tubes, 'vehicle', v.plate, 'temperature_c', h.temperature_c)",
     "h.flags", """FROM boxes b JOIN logistics_handoverbox hb ON hb.box_id = b.id
                   JOIN logistics_handover h ON h.id = hb.hand_over_id
                   LEFT JOIN logistics_vehicle v ON v.id = h.vehicle_id"""),
    (7, "received", "c.at", "l.name", "c.by", "c.round_id",
     "jsonb_build_object('tube', n.tube_code, 'tubes', c.received)",
     "CASE n.state WHEN 'received' THEN '[]'::jsonb ELSE jsonb_build_array(n.state) END",
     """FROM laboratory_receiptline n JOIN tubes ON tubes.id = n.tube_id
        JOIN laboratory_receipt c ON c.id = n.receipt_id JOIN laboratory_laboratory l ON l.id = c.laboratory_id"""),
    (8, "tested", "r.tested_at", "coalesce(l.name, '')", "''", "r.round_id",
     "'{}'::jsonb", "'[]'::jsonb", f"{_RESULTS} WHERE r.version = 1"),
    (9, "entered", "r.entered_at", "coalesce(l.name, '')", "coalesce(u.name, '')", "r.round_id",
     f"jsonb_build_object('outcome', {_OUTCOME.format(column='r.outcome')}, 'reason', r.reason)", "r.flags",
     f"{_RESULTS} LEFT JOIN access_user u ON u.id = r.entered_by"),
    (10, "released", "r.released_at", "coalesce(l.name, '')", "coalesce(u.name, '')", "r.round_id",
     f"jsonb_build_object('outcome', {_OUTCOME.format(column='r.outcome')})",
     "CASE WHEN r.version > 1 THEN '[\"corrected\"]'::jsonb ELSE '[]' END",
     f"{_RESULTS} LEFT JOIN access_user u ON u.id = r.released_by"),
    (11, "flagged", "p.flagged_at", "''", "''", "p.round_id",
     f"jsonb_build_object('tube', tubes.code, 'outcome', {_OUTCOME.format(column='p.outcome')})", "'[]'::jsonb", _POOL),
    (12, "isolation_sent", "m.isolation_sent_at", "''", "''", "p.round_id", "'{}'::jsonb", "'[]'::jsonb", _POOL),
    (13, "isolated", "m.isolated_at", "''", "''", "p.round_id", "'{}'::jsonb", "'[]'::jsonb", _POOL),
    (14, "settled", "m.settled_at", "''", "''", "p.round_id",
     f"jsonb_build_object('member', {_OUTCOME.format(column='m.state')})", "'[]'::jsonb", _POOL),
    (15, "positive", "p.found_at", "''", "''", "p.round_id",
     "jsonb_build_object('case_no', p.case_no)", "'[]'::jsonb",
     "FROM cases_positive p WHERE p.person_id = %(person)s AND %(results)s"),
    (16, "notice", "n.sent_at", "''", "''", "p.round_id",
     "jsonb_build_object('sent', count(*), 'acknowledged', count(n.acknowledged_at))", "'[]'::jsonb",
     """FROM cases_notice n JOIN cases_positive p ON p.id = n.positive_id
         WHERE p.person_id = %(person)s AND %(results)s GROUP BY n.sent_at, p.round_id"""),
)  # fmt: skip

_WITH: Final = """
WITH swabs AS (SELECT * FROM sampling_swab WHERE round_id = ANY(%(rounds)s::uuid[]) AND person_id = %(person)s),
     tubes AS (SELECT * FROM sampling_tube WHERE id IN (SELECT tube_id FROM swabs WHERE voided_at IS NULL)),
     boxes AS (SELECT * FROM logistics_box WHERE id IN (SELECT box_id FROM tubes))
"""


def _statement() -> str:
    each = [
        f"SELECT {order} AS n, '{kind}' AS kind, {at} AS at, {where} AS place, {who} AS who, {round_id} AS round_id,"
        f" {facts} AS facts, {flags} AS flags {source}"
        for order, kind, at, where, who, round_id, facts, flags, source in _STEPS
    ]
    return f"""{_WITH}
        SELECT x.n, x.kind, x.at, x.place, x.who, coalesce(r.name, ''), jsonb_strip_nulls(x.facts)::text, x.flags::text
          FROM ({" UNION ALL ".join(each)}) x LEFT JOIN campaigns_round r ON r.id = x.round_id
         WHERE x.at IS NOT NULL"""  # noqa: S608 - the statements above


_SUBJECTS: Final = f"""{_WITH}
    SELECT %(person)s::uuid UNION SELECT id FROM campaigns_dueperson WHERE person_id = %(person)s
     UNION SELECT id FROM swabs UNION SELECT id FROM tubes UNION SELECT id FROM boxes
     UNION SELECT pool_id FROM cases_poolmember WHERE person_id = %(person)s
     UNION SELECT id FROM cases_poolmember WHERE person_id = %(person)s
     UNION SELECT id FROM cases_positive WHERE person_id = %(person)s AND %(results)s"""  # noqa: S608 - constants


def _steps(rows: Sequence[tuple[Any, ...]]) -> list[Step]:
    """Steps in order. Who was excused or added is told with who did it, when, and in which words: the row keeps only
    the command. Who was found by a swab is on the list from that swab on, though the command tells of it later."""
    facts = [json.loads(row[-2]) for row in rows]
    by = [uuid.UUID(of.pop("by")) if "by" in of else None for of in facts]
    deeds = access.deeds(id for id in by if id)
    found = []
    for (n, kind, at, where, who, round_name, _, flags), of, id in zip(
        rows, facts, by, strict=True
    ):
        when, whom, told, swabbed = at, who, of, of.pop("swabbed", False)
        if id in deeds:
            deed = deeds[id]
            when, whom = min(at, deed.at) if swabbed else deed.at, deed.who
            told = {"reason": deed.reason, **of, "remark": deed.remark}
        told = {name: value for name, value in told.items() if value != ""}
        found.append((when, n, Step(kind, when, where, whom, round_name, told, json.loads(flags))))
    return [step for *_, step in sorted(found, key=itemgetter(0, 1))]


def custody_for(actor: Actor, person_id: uuid.UUID) -> Custody:
    """Everything that happened to a person's samples, in any round, as far as the actor sees. Three queries and a look,
    one more for whoever was excused or added by a command.

    Raises `oversight.person_unknown` (404) for a person outside the actor's sight.
    """
    given: dict[str, Any] = {
        "person": person_id, "results": actor.may("see_results"), "rounds": campaigns.round_ids()
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM population_person WHERE id = %(person)s", given)
        if cursor.fetchone() is None:
            raise RuleBroken("oversight.person_unknown", status=404)
        cursor.execute(_statement(), given)
        steps = _steps(cursor.fetchall())
        cursor.execute(_SUBJECTS, given)
        return Custody(steps, [row[0] for row in cursor.fetchall()])
