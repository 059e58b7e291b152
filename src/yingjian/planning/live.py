"""Where the tubes of a round are now: at sites, on the road, at laboratories; what runs on instruments."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection


@dataclass(frozen=True, slots=True)
class Lot:
    """Tubes that are together. `kind`: `box` (sealed, at its site), `road`, `rack` (at the site, in no sealed
    box), `bench` (at `lab`, on no instrument yet), `planned` (not swabbed yet).
    """

    kind: str
    key: str
    site: str
    lab: str
    tubes: int
    oldest: datetime | None
    since: datetime | None
    """When it was handed over, or will be."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A laboratory that may take the round's tubes. `running`: when its instruments were started."""

    code: str
    name: str
    tubes_per_day: int
    lon: float | None
    lat: float | None
    opens_hour: int
    open: bool
    running: tuple[datetime, ...]


_BOXES: Final = """
SELECT CASE WHEN b.state = 'sealed' THEN 'box' ELSE 'road' END, b.code, b.site_code, '', count(l.id),
       coalesce(b.oldest_sample_at, b.sealed_at),
       (SELECT min(h.at) FROM logistics_handoverbox x JOIN logistics_handover h ON h.id = x.hand_over_id
         WHERE x.box_id = b.id AND h.kind = 'pick_up')
  FROM logistics_box b JOIN logistics_boxline l ON l.box_id = b.id AND l.moved_at IS NULL
 WHERE b.round_id = %(round)s AND b.state IN ('sealed', 'handed_over', 'received')
   AND NOT EXISTS (SELECT 1 FROM laboratory_receipt r WHERE r.box_id = b.id)
 GROUP BY b.id ORDER BY b.code
"""
_RACKS: Final = """
SELECT 'rack', s.code, s.code, '', count(*), min(coalesce(t.first_swab_at, t.opened_at)), NULL
  FROM sampling_tube t JOIN sampling_site s ON s.id = t.site_id
  LEFT JOIN logistics_box b ON b.id = t.box_id
 WHERE t.round_id = %(round)s AND t.purpose = 'screening'
   AND (t.state IN ('open', 'locked', 'sealed') OR (t.state = 'boxed' AND b.state = 'open'))
 GROUP BY s.code ORDER BY s.code
"""
_BENCH: Final = """
SELECT 'bench', coalesce(b.code, ''), coalesce(b.site_code, ''), lab.code, count(DISTINCT t.id),
       min(coalesce(t.first_swab_at, t.opened_at)), min(r.at)
  FROM laboratory_receipt r JOIN laboratory_receiptline l ON l.receipt_id = r.id
  JOIN sampling_tube t ON t.id = l.tube_id
  JOIN laboratory_laboratory lab ON lab.id = r.laboratory_id
  LEFT JOIN logistics_box b ON b.id = r.box_id
 WHERE r.round_id = %(round)s AND l.state IN ('received', 'extra') AND t.state = 'received'
 GROUP BY lab.code, b.code, b.site_code ORDER BY lab.code, b.code
"""
_RUNNING: Final = """
SELECT lab.code, run.started_at FROM laboratory_run run JOIN laboratory_laboratory lab ON lab.id = run.laboratory_id
 WHERE run.ended_at IS NULL AND run.started_at > %(since)s ORDER BY lab.code, run.started_at
"""
_SHARES: Final = """
SELECT DISTINCT ON (a.site_code) a.site_code, lab.code FROM laboratory_allocation a
  JOIN laboratory_laboratory lab ON lab.id = a.laboratory_id WHERE a.round_id = %(round)s
 ORDER BY a.site_code, a.tubes_planned DESC, lab.code
"""


_CALLED: Final = """
SELECT site_code, slot_start, home, count(*), count(*) FILTER (WHERE state IN ('sampled', 'resulted'))
  FROM campaigns_dueperson WHERE round_id = %(round)s AND state NOT IN ('excused', 'missed')
 GROUP BY 1, 2, 3 ORDER BY 1, 2
"""
_AT_WORK: Final = """
SELECT s.code, s.state, s.opened_at, w.lanes, w.last FROM sampling_site s
  LEFT JOIN (SELECT st.site_id, max(x.taken_at) AS last,
                    count(DISTINCT x.station_id) FILTER (WHERE x.taken_at > %(since)s) AS lanes
               FROM sampling_swab x JOIN sampling_station st ON st.id = x.station_id
              WHERE x.round_id = %(round)s AND x.voided_at IS NULL AND x.taken_at <= %(at)s GROUP BY 1) w
    ON w.site_id = s.id
 WHERE s.round_id = %(round)s ORDER BY s.code
"""
_PENDING: Final = """
SELECT count(*) FROM sampling_tube WHERE round_id = %(round)s AND purpose = 'screening'
   AND state IN ('open', 'locked', 'sealed', 'boxed', 'in_transit', 'received', 'testing', 'resulted')
"""


@dataclass(frozen=True, slots=True)
class Called:
    """People of the list called to a site for one time (none: whenever they like), or visited at home."""

    site: str
    slot: datetime | None
    home: bool
    people: int
    swabbed: int


@dataclass(frozen=True, slots=True)
class AtWork:
    """A site now: `lanes` that swabbed anybody lately, its last swab."""

    site: str
    state: str
    opened_at: datetime | None
    lanes: int | None
    last: datetime | None


def called_of(round_id: uuid.UUID) -> list[Called]:
    """Everybody of the round by site and time, with how many of them are swabbed."""
    return [Called(*row) for row in _rows(_CALLED, {"round": round_id})]


def at_work_of(round_id: uuid.UUID, *, since: datetime, at: datetime) -> list[AtWork]:
    """Every site of the round; lanes count that swabbed anybody after `since`."""
    found = _rows(_AT_WORK, {"round": round_id, "since": since, "at": at})
    return [AtWork(*row) for row in found]


def pending_of(round_id: uuid.UUID) -> int:
    """Tubes of the round without a released result, lost and spoilt ones left out."""
    return int(_rows(_PENDING, {"round": round_id})[0][0])


def lots_of(round_id: uuid.UUID) -> list[Lot]:
    """Tubes of the round that no instrument has had yet, by box or site."""
    return [
        Lot(*row) for sql in (_BOXES, _RACKS, _BENCH) for row in _rows(sql, {"round": round_id})
    ]


def shares_of(round_id: uuid.UUID) -> dict[str, str]:
    """The laboratory that takes most of each site's tubes under the plan in force."""
    return dict(_rows(_SHARES, {"round": round_id}))


def running_since(since: datetime) -> dict[str, tuple[datetime, ...]]:
    """By laboratory: when the runs were started that have not ended, of any round. Older ones are forgotten ends."""
    found: dict[str, list[datetime]] = {}
    for code, started in _rows(_RUNNING, {"since": since}):
        found.setdefault(code, []).append(started)
    return {code: tuple(starts) for code, starts in found.items()}


def laboratories_of(codes: set[str]) -> list[tuple[str, str, int, int, str]]:
    """Code, name, tubes in 24 h, opening hour and state."""
    return _rows(
        """SELECT code, name, tubes_per_day, opens_hour, state FROM laboratory_laboratory
            WHERE code = ANY(%(codes)s) AND tubes_per_day > 0 ORDER BY code""",
        {"codes": sorted(codes)},
    )


def sites_of(round_id: uuid.UUID) -> dict[str, tuple[str, float | None, float | None]]:
    """Name and place of every site."""
    rows = _rows(
        "SELECT code, name, lon, lat FROM sampling_site WHERE round_id = %(round)s",
        {"round": round_id},
    )
    return {code: (name, lon, lat) for code, name, lon, lat in rows}


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
