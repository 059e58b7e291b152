"""Where homes stand: a list of buildings (楼栋) or natural groups (自然组), laid beside the roster's addresses.

A line names its village and either a household number or the beginning of an address. Homes are found by the number,
else by the longest building their address begins with. What a list says overwrites what was known; a home that no line
names keeps its place.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.db import connection

from yingjian.access import journal
from yingjian.access.actor import Actor
from yingjian.kernel.ids import derived
from yingjian.population import places, queries
from yingjian.population.models import BuildingList
from yingjian.population.place_rules import Buildings, address_key
from yingjian.population.rules import place_key
from yingjian.population.values import BUILDING, Column

PERMISSION: Final = "import_roster"
TASK: Final = "population.read_buildings"

COLUMNS: Final = (
    Column("area_name", places.AREA_NAME.headings),
    places.AREA_CODE,
    Column(
        "building",
        ("楼栋或自然组", "楼栋", "楼栋名称", "楼栋号", "楼幢", "自然组", "自然村", "村民小组", "小区楼栋", "地址",
         "门牌", "building", "address", "group"),
    ),
    Column("household_no", ("户号", "户编号", "household no", "household"), as_text=True),
    Column("lon", places.LON.headings, required=True),
    Column("lat", places.LAT.headings, required=True),
    places.DATUM,
    places.REMARKS,
)  # fmt: skip


def _judge(found: places.Judged, ground: places.Ground) -> None:
    building = places.text_of(found, "building")
    number = places.text_of(found, "household_no", most=40)
    if not building and not number:
        found.wrong("population.place.no_address", "building")
        return
    area = found.values.get("area", "")
    names = _before(ground, area)
    key = address_key(building, names) if building else ""
    found.values |= {"building": building, "household_no": number, "match": key}
    found.values["key"] = f"{area}#{number}" if number else f"{area}/{key}"


def _before(ground: places.Ground, area: str) -> list[str]:
    """Names an address of a village may begin with: of everything above it, and of itself as people write it."""
    codes = {area[:width].ljust(12, "0") for width in (2, 4, 6, 9, 12) if area[:width]}
    names = [ground.regions.by_code[code].name for code in sorted(codes) if code in ground.regions]
    stem, _ = place_key(names[-1]) if names else ("", "")
    return names + [
        f"{stem}{tail}" for tail in ("村", "社区", "村委会", "居委会", "行政村") if stem
    ]


FORM: Final = places.Form(COLUMNS, _judge, 12)

_WORDS: Final = Path(__file__).with_name("building_list")


def sheet(language: str) -> places.Sheet:
    """How a list of buildings looks."""
    return places.sheet_of(_WORDS, language)


LISTS: Final = places.Kind(BuildingList, FORM, sheet, PERMISSION, TASK)

# -- which homes -------------------------------------------------------------------------------

Row = dict[str, Any]


@dataclass(frozen=True)
class Matched:
    """Homes by the line that places them, beside where they stood."""

    homes: list[uuid.UUID]
    lines: list[int]
    stood: list[bool]
    same: list[bool]


def _match(rows: Sequence[Row], ground: places.Ground) -> Matched:
    """Every home of the rows' villages with the row it takes its place from; one query, the rest in memory."""
    by_number = {(r["area"], r["household_no"]): n for n, r in enumerate(rows) if r["household_no"]}
    of_area: dict[str, dict[str, int]] = {}
    for n, row in enumerate(rows):
        if not row["household_no"]:
            of_area.setdefault(row["area"], {}).setdefault(row["match"], n)
    finders = {area: Buildings(keys) for area, keys in of_area.items()}
    names = {area: _before(ground, area) for area in finders}
    found = Matched([], [], [], [])
    for home, area, no, address, lon, lat in _homes(sorted({row["area"] for row in rows})):
        line = by_number.get((area, no))
        if line is None and area in finders and address:
            line = finders[area].of(address_key(address, names[area]))
        if line is not None:
            found.homes.append(home)
            found.lines.append(line)
            found.stood.append(lon is not None)
            found.same.append((lon, lat) == (rows[line]["lon"], rows[line]["lat"]))
    return found


def _homes(areas: list[str]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, area, no, address, lon, lat FROM population_household WHERE area = ANY(%s)",
            [areas],
        )
        return list(cursor.fetchall())


def compare(good: Sequence[places.Good], ground: places.Ground) -> dict[str, Any]:
    """Lines that place no home are given back; the others say how many homes get a place, move, stay."""
    rows = [one.values for one in good]
    found = _match(rows, ground)
    homes = [0] * len(rows)
    for line in found.lines:
        homes[line] += 1
    for one, count in zip(good, homes, strict=True):
        one.values["homes"] = count
        one.was = "matched"
        if not count:
            what = one.values["household_no"] or one.values["building"]
            column = "household_no" if one.values["household_no"] else "building"
            one.wrong("population.place.no_home", column, value=str(what)[:40])
    new = sum(1 for stood in found.stood if not stood)
    same = sum(found.same)
    return {
        "homes": len(found.homes),
        "placed": new,
        "unmoved": same,
        "moved": len(found.homes) - new - same,
    }


_PLACE: Final = """
UPDATE population_household h SET lon = w.lon, lat = w.lat
  FROM unnest(%s::uuid[], %s::float8[], %s::float8[]) AS w(id, lon, lat)
 WHERE h.id = w.id AND (h.lon, h.lat) IS DISTINCT FROM (w.lon, w.lat)
"""


def place(*, actor: Actor, list_id: uuid.UUID, at: datetime) -> dict[str, Any]:
    """Write a list's coordinates to the homes that match it now. Returns how many matched and how many changed.

    Refused as `places.applicable`. Laid anew: homes that came with a later roster match too.
    """
    kept = places.applicable(LISTS, actor=actor, list_id=list_id)
    ground = places.Ground(queries.region_index(kept.area), kept.area, kept.datum)
    found = _match(kept.rows, ground)
    with connection.cursor() as cursor:
        cursor.execute(
            _PLACE,
            [
                found.homes,
                [kept.rows[n]["lon"] for n in found.lines],
                [kept.rows[n]["lat"] for n in found.lines],
            ],
        )
        changed = cursor.rowcount
    places.applied(LISTS, list_id=list_id, at=at)
    return {"homes": len(found.homes), "changed": changed, "area": kept.area}


# -- shown -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HomesLine:
    """Homes of a village, and of how many it is known where they stand."""

    area: str
    town: str
    name: str
    homes: int
    placed: int


def homes_for(actor: Actor, *, area: str = "") -> list[HomesLine]:
    """Homes with and without a place by village, in the actor's sight."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT h.area, coalesce(t.name, ''), coalesce(r.name, h.area), count(*), count(h.lon)
                 FROM population_household h
                 LEFT JOIN population_region r ON r.area = h.area
                 LEFT JOIN population_region t ON t.area = left(h.area, 9) AND t.area <> h.area
                WHERE h.area ^@ %s GROUP BY 1, 2, 3 ORDER BY 1""",
            [area],
        )
        return [HomesLine(*row) for row in cursor.fetchall()]


MOST_MISSING: Final = 200_000


def unplaced_for(actor: Actor, *, at: datetime, export_id: uuid.UUID) -> list[Row]:
    """Buildings (an address up to its building or group) with homes nobody knows the place of, as lines of the list to
    fill in. Journalled."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.name, rpad(h.area, 12, '0'), coalesce(substring(h.address FROM %s), h.address) AS building,
                      CASE WHEN h.address = '' THEN h.no ELSE '' END AS no, count(*)
                 FROM population_household h LEFT JOIN population_region r ON r.area = h.area
                WHERE h.lon IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 2, 3, 4 LIMIT %s""",
            [BUILDING, MOST_MISSING],
        )
        rows = [
            {"area_name": name, "area_code": code, "building": building, "household_no": no}
            for name, code, building, no, _ in cursor.fetchall()
        ]
    journal.record(
        "export.make",
        {"what": "homes_without_place", "rows": len(rows)},
        actor=actor,
        id=derived(export_id, "journal"),
        at=at,
        area=actor.home_area,
    )
    return rows
