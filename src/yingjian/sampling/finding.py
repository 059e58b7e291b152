"""Where things are: stations, sites, tubes by code. For handlers and higher rooms; a few indexed rows each."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from yingjian.access import prepared
from yingjian.kernel import arrays

from . import rules
from .states import Place

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class StationBrief:
    """A lane as a command needs it: its place, and the round it serves."""

    code: str
    place: Place
    preset_id: uuid.UUID
    window_start: datetime
    window_end: datetime
    state: str


_STATION: Final = """
SELECT st.code, r.id, si.id, st.id, st.area, si.code, st.code, r.preset_id, r.window_start, r.window_end, r.state
  FROM sampling_station st JOIN sampling_site si ON si.id = st.site_id JOIN campaigns_round r ON r.id = st.round_id
"""


HOLD: Final = "FOR KEY SHARE OF st"


def stations(codes: Sequence[str], *, hold: bool = False) -> list[StationBrief]:
    """Stations by code, in every round that has them; `hold`: beside others until the transaction ends, against whoever
    counts what stands there (see `store.stations_hold`). One query.
    """
    with prepared.cursor() as cursor:
        cursor.execute(
            f"{_STATION} WHERE st.code = ANY(%s::text[]) ORDER BY r.window_start, r.id {HOLD * hold}",
            [arrays.literal("text", codes)],
        )
        return [StationBrief(row[0], Place(*row[1:7]), *row[7:11]) for row in cursor.fetchall()]


def codes_taken(
    round_id: uuid.UUID, sites: Mapping[str, uuid.UUID], lanes: Mapping[str, uuid.UUID]
) -> list[str]:
    """Codes of the round that another site or station has already. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.code FROM sampling_site s JOIN unnest(%(sites)s::text[], %(site_ids)s::uuid[]) u(code, id)
                   ON s.code = u.code AND s.id <> u.id WHERE s.round_id = %(round)s
               UNION
               SELECT s.code FROM sampling_station s JOIN unnest(%(lanes)s::text[], %(lane_ids)s::uuid[]) u(code, id)
                   ON s.code = u.code AND s.id <> u.id WHERE s.round_id = %(round)s ORDER BY 1""",
            {
                "round": round_id, "sites": list(sites), "site_ids": list(sites.values()), "lanes": list(lanes),
                "lane_ids": list(lanes.values()),
            },
        )  # fmt: skip
        return [row[0] for row in cursor.fetchall()]


def sites_not_ready(round_id: uuid.UUID) -> list[tuple[uuid.UUID, str, str]]:
    """`(id, code, area)` of the sites of a round that are only filed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, code, area FROM sampling_site WHERE round_id = %s AND state = 'filed' ORDER BY code",
            [round_id],
        )
        return list(cursor.fetchall())


def site_ids(round_id: uuid.UUID, codes: Sequence[str]) -> list[uuid.UUID]:
    """Ids of a round's sites by code."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM sampling_site WHERE round_id = %s AND code = ANY(%s) ORDER BY id",
            [round_id, list(codes)],
        )
        return [row[0] for row in cursor.fetchall()]


def places(
    *,
    tubes: Sequence[uuid.UUID],
    swabs: Sequence[uuid.UUID],
    sites: Sequence[uuid.UUID],
    boxes: Sequence[uuid.UUID] = (),
) -> dict[uuid.UUID, Place]:
    """Where these tubes, swabs, sites and boxes are, by their id. One query. A site's place has no station, a box's
    tells its area.
    """
    with prepared.cursor() as cursor:
        cursor.execute(
            """SELECT x.id, x.round_id, si.id, st.id, st.area, si.code, st.code
                 FROM (SELECT id, round_id, station_id FROM sampling_tube WHERE id = ANY(%(tubes)s::uuid[])
                       UNION ALL SELECT id, round_id, station_id FROM sampling_swab WHERE id = ANY(%(swabs)s::uuid[])) x
                 JOIN sampling_station st ON st.id = x.station_id JOIN sampling_site si ON si.id = st.site_id
                UNION ALL
               SELECT id, round_id, id, id, area, code, '' FROM sampling_site WHERE id = ANY(%(sites)s::uuid[])
                UNION ALL
               SELECT id, round_id, id, id, area, site_code, station_code FROM logistics_box
                WHERE id = ANY(%(boxes)s::uuid[])""",
            {
                "tubes": arrays.literal("uuid", tubes),
                "swabs": arrays.literal("uuid", swabs),
                "sites": arrays.literal("uuid", sites),
                "boxes": arrays.literal("uuid", boxes),
            },
        )
        return {row[0]: Place(*row[1:7]) for row in cursor.fetchall()}


def station_at(code: str, at: datetime) -> StationBrief | None:
    """The station of this code in the round that a fact of moment `at` belongs to."""
    found = stations([code])
    if not found:
        return None
    return found[rules.at_round([(one.window_start, one.window_end) for one in found], at)]


def tubes_by_code(codes: Sequence[str]) -> dict[str, list[uuid.UUID]]:
    """Ids of all bindings of these printed codes, the first binding first. One query."""
    found: dict[str, list[uuid.UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, id FROM sampling_tube WHERE code = ANY(%s) AND code <> '' ORDER BY code, binding",
            [list(codes)],
        )
        for code, id in cursor.fetchall():
            found.setdefault(code, []).append(id)
    return found
