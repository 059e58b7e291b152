"""What screens read: sites with counts, codes to print, the trail of a tube or a person.

All of it under the reader's sight (row-level security). A station's pack is in `packing`.
"""

from __future__ import annotations

import json
import uuid
from datetime import date
from typing import Any, Final

from django.db import connection

from yingjian.access.actor import Actor
from yingjian.campaigns import queries as rounds
from yingjian.kernel.errors import RuleBroken

from . import finding, tokens
from .values import LOST

NAME_SHOWN: Final = 2


def _rows(statement: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# -- sites ---------------------------------------------------------------------------------------

_SITES: Final = """
SELECT s.id, s.code, s.name, s.area, s.address, s.lon, s.lat, s.kind, s.state, s.lead, s.people_planned, s.opens_at,
       s.closes_at, s.ready_at, s.opened_at, s.closed_at,
       coalesce(d.due, 0) AS due, coalesce(w.sampled, 0) AS sampled, coalesce(t.tubes, 0) AS tubes,
       coalesce(t.open_tubes, 0) AS open_tubes, coalesce(t.flagged, 0) AS flagged, t.last_swab_at,
       (SELECT array_agg(st.code ORDER BY st.code) FROM sampling_station st WHERE st.site_id = s.id) AS stations
  FROM sampling_site s
  LEFT JOIN (SELECT site_code, count(*) AS due FROM campaigns_dueperson WHERE round_id = %(round)s
              GROUP BY site_code) d ON d.site_code = s.code
  LEFT JOIN (SELECT site_id, count(*) AS tubes, count(*) FILTER (WHERE state IN ('open', 'locked')) AS open_tubes,
                    count(*) FILTER (WHERE flags <> '[]') AS flagged, max(first_swab_at) AS last_swab_at
               FROM sampling_tube WHERE round_id = %(round)s GROUP BY site_id) t ON t.site_id = s.id
  LEFT JOIN (SELECT t.site_id, sum(t.people) AS sampled FROM sampling_tube t
              WHERE t.round_id = %(round)s AND t.purpose = 'screening' AND t.state <> ALL(%(lost)s)
              GROUP BY t.site_id) w ON w.site_id = s.id
 WHERE s.round_id = %(round)s AND s.code > %(after)s AND (%(id)s::uuid IS NULL OR s.id = %(id)s)
 ORDER BY s.code LIMIT %(limit)s
"""


def sites_for(
    actor: Actor, round_id: uuid.UUID, *, after: str = "", limit: int = finding.PAGE
) -> list[dict[str, Any]]:
    """Sites of a round in the actor's sight, by code, with their counts of people and tubes."""
    rounds.round_brief_for(actor, round_id)
    return _rows(
        _SITES,
        {"round": round_id, "after": after, "limit": limit, "id": None, "lost": sorted(LOST)},
    )


def site_for(actor: Actor, site_id: uuid.UUID) -> dict[str, Any]:
    """One site with its lanes: tubes by state, people, when a swab last came in. `sampling.site_unknown` (404)."""
    found = _rows("SELECT round_id FROM sampling_site WHERE id = %(id)s", {"id": site_id})
    if not found:
        raise RuleBroken("sampling.site_unknown", status=404)
    given = {
        "round": found[0]["round_id"], "after": "", "limit": 1, "id": site_id, "lost": sorted(LOST),
    }  # fmt: skip
    site = _rows(_SITES, given)[0]
    site["round_id"] = found[0]["round_id"]
    lanes = _rows(
        """SELECT st.id, st.code, t.state, count(t.id) AS tubes, coalesce(sum(t.people), 0) AS people,
                  max(t.first_swab_at) AS last_swab_at
             FROM sampling_station st LEFT JOIN sampling_tube t ON t.station_id = st.id
            WHERE st.site_id = %(id)s GROUP BY st.id, st.code, t.state ORDER BY st.code""",
        {"id": site_id},
    )
    by_lane: dict[str, dict[str, Any]] = {}
    for row in lanes:
        lane = by_lane.setdefault(
            row["code"],
            {"id": row["id"], "code": row["code"], "people": 0, "tubes": {}, "last_swab_at": None},
        )
        if row["state"] is not None:
            lane["tubes"][row["state"]] = row["tubes"]
            lane["people"] += row["people"]
            seen = [at for at in (lane["last_swab_at"], row["last_swab_at"]) if at is not None]
            lane["last_swab_at"] = max(seen, default=None)
    site["lanes"] = list(by_lane.values())
    return site


# -- codes to print ------------------------------------------------------------------------------


def codes_for(
    actor: Actor, round_id: uuid.UUID, *, site: str, day: date, after: uuid.UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Signed codes of the people called to a site, in the actor's sight, for printing. Names are masked."""
    rounds.round_brief_for(actor, round_id)
    rows = _rows(
        """SELECT d.person_id, d.area, d.mode, d.home, d.site_code, d.slot_start, d.state, p.name, p.id_tail,
                  p.household_id
             FROM campaigns_dueperson d JOIN population_person p ON p.id = d.person_id
            WHERE d.round_id = %(round)s AND d.site_code = %(site)s
              AND (%(after)s::uuid IS NULL OR d.person_id > %(after)s)
            ORDER BY d.person_id LIMIT %(limit)s""",
        {"round": round_id, "site": site, "after": after, "limit": limit},
    )
    for row in rows:
        row["name"] = masked_name(row["name"])
        row["token"] = tokens.issue([row["person_id"]], day=day)
    return rows


def masked_name(name: str) -> str:
    """A name as lists show it: the first character, and the last of three or more."""
    if len(name) <= 1:
        return "*" * len(name)
    return name[0] + "*" * max(1, len(name) - 2) + (name[-1] if len(name) > NAME_SHOWN else "")


# -- trails --------------------------------------------------------------------------------------

_TUBE: Final = """
SELECT t.id, t.code, t.binding, t.round_id, t.purpose, t.mode, t.capacity, t.people, t.key, t.state, t.opened_at,
       t.first_swab_at, t.locked_at, t.sealed_at, t.count_stated, t.boxed_at, t.ended_at, t.ended_reason, t.pair_id,
       t.flags::text AS flags, t.area, si.code AS site_code, si.name AS site_name, st.code AS station_code,
       b.id AS box_id, b.code AS box_code, b.state AS box_state, b.sealed_at AS box_sealed_at, b.seal_no
  FROM sampling_tube t JOIN sampling_site si ON si.id = t.site_id JOIN sampling_station st ON st.id = t.station_id
  LEFT JOIN logistics_box b ON b.id = t.box_id
"""


def _opened(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        row["flags"] = json.loads(row["flags"])
    return rows


def tubes_by_code_for(actor: Actor, code: str) -> list[dict[str, Any]]:
    """Every binding of a printed code in the actor's sight, with swabs (masked) and way. `sampling.tube_unknown`."""
    tubes = tubes_of_code(code)
    if not tubes:
        raise RuleBroken("sampling.tube_unknown", status=404, code=code[:40])
    for tube in tubes:
        tube["swabs"] = _swabs("s.tube_id = %(id)s", {"id": tube["id"]})
        tube["hand_overs"] = hand_overs_of(tube["box_id"])
    return tubes


def tubes_of_code(code: str) -> list[dict[str, Any]]:
    """Every binding of a printed code in sight, the first one first."""
    return _opened(_rows(_TUBE + " WHERE t.code = %(code)s ORDER BY t.binding", {"code": code}))


def tube_trail(tube_id: uuid.UUID) -> dict[str, Any] | None:
    """A tube's way from opening to the laboratory's door: the tube, its box, its hand-overs. None: not in sight."""
    tubes = _opened(_rows(_TUBE + " WHERE t.id = %(id)s", {"id": tube_id}))
    if not tubes:
        return None
    tube = tubes[0]
    tube["hand_overs"] = hand_overs_of(tube["box_id"])
    return tube


def hand_overs_of(box_id: uuid.UUID | None) -> list[dict[str, Any]]:
    """Hand-overs of a box in the order they happened."""
    if box_id is None:
        return []
    return _opened(
        _rows(
            """SELECT h.id, h.kind, h.giver, h.taker, h.at, h.temperature_c, v.plate, b.tubes, b.tubes_system,
                      h.flags::text AS flags
                 FROM logistics_handoverbox b JOIN logistics_handover h ON h.id = b.hand_over_id
                 LEFT JOIN logistics_vehicle v ON v.id = h.vehicle_id
                WHERE b.box_id = %(id)s ORDER BY h.at, h.id""",
            {"id": box_id},
        )
    )


def _swabs(where: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    rows = _opened(
        _rows(
            f"""SELECT s.id, s.tube_id, t.code AS tube_code, s.position, s.round_id, s.person_id, s.due_id, s.area,
                       s.person_area, s.entry, s.taken_at, s.received_at, s.device_id, s.stub_no,
                       s.flags::text AS flags, s.voided_at, s.void_reason, s.moved_at, s.moved_from, s.move_reason,
                       p.name, p.id_tail, si.code AS site_code, si.name AS site_name, st.code AS station_code
                  FROM sampling_swab s JOIN sampling_station st ON st.id = s.station_id
                  JOIN sampling_site si ON si.id = st.site_id LEFT JOIN sampling_tube t ON t.id = s.tube_id
                  LEFT JOIN population_person p ON p.id = s.person_id
                 WHERE {where} ORDER BY s.taken_at, s.position, s.id""",  # noqa: S608 - the callers' constants
            given,
        )
    )
    for row in rows:
        row["name"] = masked_name(row["name"] or "")
    return rows


def swabs_of_person(person_id: uuid.UUID) -> list[dict[str, Any]]:
    """Every swab of a person in sight, of any round, the oldest first."""
    given = {"id": person_id, "rounds": rounds.round_ids()}
    return _swabs("s.round_id = ANY(%(rounds)s::uuid[]) AND s.person_id = %(id)s", given)


def swabs_of_tube(tube_id: uuid.UUID) -> list[dict[str, Any]]:
    """Every swab in a tube in sight, in the order taken."""
    return _swabs("s.tube_id = %(id)s", {"id": tube_id})


def flagged_for(
    actor: Actor, round_id: uuid.UUID, *, flag: str | None, limit: int = finding.PAGE
) -> list[dict[str, Any]]:
    """The information maintainer's work list: swabs of a round with flags (or one flag), the latest first."""
    rounds.round_brief_for(actor, round_id)
    wanted = "s.flags <> '[]'" if flag is None else "s.flags ? %(flag)s"
    return _swabs(
        f"""s.id IN (SELECT s.id FROM sampling_swab s WHERE s.round_id = %(round)s AND {wanted}
                      ORDER BY s.taken_at DESC NULLS FIRST, s.id LIMIT %(limit)s)""",  # noqa: S608 - two constants
        {"round": round_id, "flag": flag, "limit": limit},
    )
