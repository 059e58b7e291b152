"""Lines as a map program hands them over: rivers and railways nobody crosses on foot, paths people walk on. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from yingjian.engines.plan.model import PlanError
from yingjian.engines.plan.params import Line, Path, PlanParams

BARRIERS_MOST: Final = 4_000
"""Places of all barriers together: a plan carries them."""
PATHS_MOST: Final = 60_000
"""Places of all paths together: about the streets and ways of a county."""
DIGITS: Final = 5
"""A metre."""
NEAR_KM: Final = 5.0
"""Nobody walks further: a line beyond that from every home is another county's."""
DEGREE_KM: Final = 111.32
LOWEST, HIGHEST = -500.0, 9_000.0
"""Metres above the sea; what lies beyond is taken for no height."""
_LINES: Final = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}
"""How deep the lines of each kind lie."""


class Codes(NamedTuple):
    """What a refusal of these lines is called: no GeoJSON, no place, no line, too many places, another county's."""

    form: str
    place: str
    none: str
    many: str
    elsewhere: str


BARRIERS: Final = Codes(
    "bad_barriers", "barriers_place", "barriers_none", "barriers_many", "barriers_elsewhere"
)
PATHS: Final = Codes("bad_paths", "paths_place", "paths_none", "paths_many", "paths_elsewhere")
CODES: Final = {"barriers": BARRIERS, "paths": PATHS}


def barriers_of(given: object) -> tuple[Line, ...]:
    """Lines of `[[[lon, lat], …], …]` or of GeoJSON, whose areas count by their edges and whose points by nothing.

    WGS 84; heights are left out. Raises `PlanError`: `bad_barriers` for what is no GeoJSON, `barriers_place` for a
    place that is none, `barriers_none` where there is no line, `barriers_many`.
    """
    lines = _lines(BARRIERS, given, BARRIERS_MOST)
    return tuple(tuple((lon, lat) for lon, lat, *_ in line) for line in lines)


def paths_of(given: object) -> tuple[Path, ...]:
    """The same for paths, whose places keep their heights, with `bad_paths`, `paths_place`, …"""
    return _lines(PATHS, given, PATHS_MOST)


def stay_near(params: PlanParams, homes: Iterable[tuple[float | None, float | None]]) -> None:
    """That a file is of this county: one of its lines at least comes near where somebody lives.

    `homes`: (lon, lat), where known. Raises `PlanError("barriers_elsewhere" | "paths_elsewhere", km)`.
    """
    known = [(lon, lat) for lon, lat in homes if lon is not None and lat is not None]
    if not known:
        return
    home = _box(known)
    for codes, found in ((BARRIERS, params.barriers), (PATHS, params.paths)):
        far = min((_apart(home, _box(line)) for line in found), default=0.0)
        if far > NEAR_KM:
            raise PlanError(codes.elsewhere, km=round(far))


Box = tuple[float, float, float, float]


def _box(places: Iterable[Sequence[float]]) -> Box:
    """West, south, east, north."""
    lon, lat = zip(*((place[0], place[1]) for place in places), strict=True)
    return min(lon), min(lat), max(lon), max(lat)


def _apart(one: Box, other: Box) -> float:
    """Kilometres between two boxes, roughly; nothing where they touch."""
    east = max(0.0, one[0] - other[2], other[0] - one[2])
    north = max(0.0, one[1] - other[3], other[1] - one[3])
    return math.hypot(east * math.cos(math.radians(one[1])), north) * DEGREE_KM


class _OddError(Exception):
    """What could not be read, shortened."""

    def __init__(self, got: object = "") -> None:
        super().__init__()
        self.got = (got if isinstance(got, str) else json.dumps(got, ensure_ascii=False))[:40]


def _lines(codes: Codes, given: object, most: int) -> tuple[Path, ...]:
    try:
        read = list(_given(given))
    except _OddError as odd:
        raise PlanError(codes.form, got=odd.got) from None
    except RecursionError:
        raise PlanError(codes.form, got="[[[[…") from None
    lines = []
    for no, line in enumerate(read, start=1):
        try:
            lines.append(tuple(_place(one) for one in line))
        except _OddError as odd:
            raise PlanError(codes.place, line=no, got=odd.got) from None
    found = tuple(line for line in lines if len(line) > 1)
    places = sum(map(len, found))
    if not found:
        raise PlanError(codes.none)
    if places > most:
        raise PlanError(codes.many, places=places, most=most)
    return found


def _given(given: object) -> Iterator[list[Any]]:
    if isinstance(given, list):
        yield from _deep(given, 1)
        return
    if not isinstance(given, dict):
        raise _OddError(given)
    kind = str(given.get("type"))
    inner = {"FeatureCollection": "features", "GeometryCollection": "geometries"}.get(kind)
    if inner:
        parts = given.get(inner) or []
        if not isinstance(parts, list):
            raise _OddError(parts)
        for part in parts:
            yield from _given(part)
    elif kind == "Feature":
        yield from _given(given["geometry"]) if given.get("geometry") else ()
    elif kind in _LINES:
        yield from _deep(given.get("coordinates"), _LINES[kind])
    elif kind not in {"Point", "MultiPoint"}:
        raise _OddError(kind)


def _deep(values: object, depth: int) -> Iterator[list[Any]]:
    if not isinstance(values, list):
        raise _OddError(values)
    if depth == 0:
        yield values
        return
    for value in values:
        yield from _deep(value, depth - 1)


def _place(given: object) -> tuple[float, ...]:
    """`[lon, lat]` or `[lon, lat, height]`. `NaN` compares with nothing, so it is no place and no height."""
    match given:
        case [(int() | float()) as lon, (int() | float()) as lat, *rest] if _degrees(lon, lat):
            place = (round(float(lon), DIGITS), round(float(lat), DIGITS))
            match rest:
                case [(int() | float()) as height, *_] if LOWEST <= height <= HIGHEST:
                    return (*place, round(float(height), 1))
            return place
    raise _OddError(given)


def _degrees(lon: float, lat: float) -> bool:
    return (
        -180 <= lon <= 180  # noqa: PLR2004
        and -90 <= lat <= 90  # noqa: PLR2004
        and not isinstance(lon, bool)
        and not isinstance(lat, bool)
    )
