"""Lists of places as they must not be: no list, a broken one, places that cannot be, homes nobody has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.bad_input.ground import Told, Town, told
from tests.bad_input.table import row
from yingjian.access.tests.factories import TOWN_A, new_id

G: Final = "places"
VILLAGE: Final = f"{TOWN_A}200"
HEAD: Final = "编号,名称,村(社区)代码,经度,纬度,坐标系,最多采样台,停车\n"


def one(**cells: str) -> bytes:
    """A list with a sound place and one that is wrong."""
    sound = {
        "编号": "1",
        "名称": "广场",
        "村": VILLAGE,
        "经度": "126.2",
        "纬度": "48.2",
        "坐标系": "",
        "台": "2",
        "停车": "有",
    }
    wrong = {**sound, "编号": "2", **cells}
    return (HEAD + ",".join(sound.values()) + "\n" + ",".join(wrong.values()) + "\n").encode()


def building(**cells: str) -> bytes:
    given = {"村": VILLAGE, "楼": "", "户": "", "经度": "126.2", "纬度": "48.2", **cells}
    return ("村(社区)代码,楼栋,户号,经度,纬度\n" + ",".join(given.values()) + "\n").encode()


def points(*features: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


@row(
    G, "a picture handed in as a list of candidates", "problem", "population.roster.format_unknown"
)
def _(town: Town) -> Told:
    return town.places(b"\x89PNG\r\n\x1a\n\0\0", "点.xlsx")


@row(G, "half a GeoJSON", "problem", "population.places.geojson")
def _(town: Town) -> Told:
    return town.places(points({"type": "Feature"})[:-5], "点.geojson")


@row(G, "a GeoJSON that nests a hundred thousand deep", "problem", "population.places.geojson")
def _(town: Town) -> Told:
    return town.places(b"[" * 100_000, "点.geojson")


@row(G, "a GeoJSON without a feature", "problem", "population.places.no_rows")
def _(town: Town) -> Told:
    return town.places(points(), "点.geojson")


@row(G, "a feature that is a line, not a point", "problem", "population.place.missing")
def _(town: Town) -> Told:
    line = {"type": "LineString", "coordinates": [[126.2, 48.2], [126.3, 48.3]]}
    about = {"name": "路", "area_code": VILLAGE}
    return town.places(
        points({"type": "Feature", "properties": about, "geometry": line}), "点.geojson"
    )


@row(G, "a list without headings", "problem", "population.places.header_missing")
def _(town: Town) -> Told:
    return town.places(b"1,2,3\n4,5,6\n")


@row(G, "a list without a longitude", "problem", "population.roster.column_missing")
def _(town: Town) -> Told:
    return town.places("名称,纬度\n广场,48.2\n".encode())


@row(G, "a place without a name", "problem", "planning.candidate_nameless")
def _(town: Town) -> Told:
    return town.places(one(名称=""))


@row(G, "a place in the sea off Africa: 0, 0", "problem", "population.place.zero")
def _(town: Town) -> Told:
    return town.places(one(经度="0", 纬度="0"))


@row(G, "longitude and latitude swapped", "problem", "population.place.swapped")
def _(town: Town) -> Told:
    return town.places(one(经度="48.2", 纬度="126.2"))


@row(G, "metres on a plane instead of degrees", "problem", "population.place.projected")
def _(town: Town) -> Told:
    return town.places(one(经度="42512345.1", 纬度="5341234.2"))


@row(G, "a longitude that is not a number", "problem", "population.place.format")
def _(town: Town) -> Told:
    return town.places(one(经度="NaN"))


@row(G, "a latitude beyond the pole", "problem", "population.place.range")
def _(town: Town) -> Told:
    return town.places(one(经度="200", 纬度="48"))


@row(G, "a coordinate system nobody knows", "problem", "population.place.datum")
def _(town: Town) -> Told:
    return town.places(one(坐标系="北京54"))


@row(G, "half a lane", "problem", "population.place.number")
def _(town: Town) -> Told:
    return town.places(one(台="0.5"))


@row(G, "a place of another county", "problem", "population.region.outside_area")
def _(town: Town) -> Told:
    return town.places(one(村="640121400001"))


@row(G, "one number for two places", "problem", "population.place.twice")
def _(town: Town) -> Told:
    return town.places(one(编号="1", 名称="别处"))


@row(G, "a building of which the roster knows no home", "problem", "population.place.no_home")
def _(town: Town) -> Told:
    return town.places(building(楼="九十九组"), subject="buildings")


@row(G, "a building without name or number", "problem", "population.place.no_address")
def _(town: Town) -> Told:
    return town.places(building(), subject="buildings")


@row(G, "a building of a whole town", "problem", "population.place.not_village")
def _(town: Town) -> Told:
    return town.places(building(村=TOWN_A, 楼="1组"), subject="buildings")


@row(G, "an unknown coordinate system chosen at upload", "refused", "population.place.datum")
def _(town: Town) -> Told:
    return town.places(one(), datum="mars")


@row(G, "a list for another county", "refused", "access.outside_area", status=403)
def _(town: Town) -> Told:
    return town.places(one(), area="640121400")


@row(
    G,
    "a list that could not be read is applied",
    "refused",
    "population.places.not_ready",
    status=409,
)
def _(town: Town) -> Iterator[Any]:
    town.places(b"1,2\n")
    yield
    yield town.does("round_planner", "candidate.import", {"candidate_list_id": town.last_list})


@row(G, "a list nobody handed in is applied", "refused", "population.places.unknown", status=404)
def _(town: Town) -> Told:
    return town.does("town_worker", "building.place", {"building_list_id": new_id()})


@row(G, "a place set by hand with swapped degrees", "refused", "population.place.swapped")
def _(town: Town) -> Told:
    payload = {"candidate_id": new_id(), "area": VILLAGE, "name": "广场", "lon": 48.2, "lat": 126.2}
    return town.does("round_planner", "candidate.set", payload)


@row(G, "a place withdrawn without a reason", "refused", "planning.candidate_reason")
def _(town: Town) -> Told:
    payload = {"candidate_ids": [new_id()], "reason": ""}
    return town.does("round_planner", "candidate.withdraw", payload)


@row(
    G,
    "a candidate that does not exist is brought back",
    "refused",
    "planning.candidate_unknown",
    status=404,
)
def _(town: Town) -> Told:
    return town.does("round_planner", "candidate.restore", {"candidate_ids": [new_id()]})


@row(G, "a list without its file", "refused", "access.input_malformed")
def _(town: Town) -> Told:
    return told(town.user("round_planner").post("/api/candidates/lists", {"area": TOWN_A}))
