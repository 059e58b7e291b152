"""Lines as a map program hands them over: rivers and railways nobody crosses on foot, paths people walk on. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from yingjian.engines.plan.model import PlanError
from yingjian.engines.plan.params import Line, Path

BARRIERS_MOST: Final = 4_000
"""Places of all barriers together: a plan carries them."""
PATHS_MOST: Final = 60_000
"""Places of all paths together: about the streets and ways of a county."""
DIGITS: Final = 5
"""A metre."""
_LINES: Final = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}
"""How deep the lines of each kind lie."""


def barriers_of(given: object) -> tuple[Line, ...]:
    """Lines of `[[[lon, lat], …], …]` or of GeoJSON, whose areas count by their edges and whose points by nothing.

    WGS 84; heights are left out. Raises `PlanError("bad_barriers", …)` for what holds no line, a place that is
    none, or too many of them.
    """
    try:
        lines = _lines(given, BARRIERS_MOST)
    except _OddError as odd:
        raise PlanError("bad_barriers", got=odd.got, most=BARRIERS_MOST) from None
    return tuple(tuple((lon, lat) for lon, lat, *_ in line) for line in lines)


def paths_of(given: object) -> tuple[Path, ...]:
    """The same for paths, whose places keep their heights. Raises `PlanError("bad_paths", …)`."""
    try:
        return _lines(given, PATHS_MOST)
    except _OddError as odd:
        raise PlanError("bad_paths", got=odd.got, most=PATHS_MOST) from None


class _OddError(Exception):
    """What could not be read, shortened."""

    def __init__(self, got: object = "") -> None:
        super().__init__()
        self.got = str(got)[:40]


def _lines(given: object, most: int) -> tuple[Path, ...]:
    lines = [tuple(_place(one) for one in line) for line in _given(given)]
    found = tuple(line for line in lines if len(line) > 1)
    places = sum(map(len, found))
    if not found or places > most:
        raise _OddError(places or "[]")
    return found


def _given(given: object) -> Iterator[list[Any]]:
    if isinstance(given, list):
        yield from _deep(given, 1)
        return
    if not isinstance(given, dict):
        raise _OddError(given)
    kind = given.get("type")
    inner = {"FeatureCollection": "features", "GeometryCollection": "geometries"}.get(str(kind))
    if inner:
        for part in given.get(inner) or []:
            yield from _given(part)
    elif kind == "Feature":
        yield from _given(given["geometry"]) if given.get("geometry") else ()
    elif kind in _LINES:
        yield from _deep(given.get("coordinates"), _LINES[str(kind)])
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
        case [(int() | float()) as lon, (int() | float()) as lat, *rest] if (
            -180 <= lon <= 180 and -90 <= lat <= 90  # noqa: PLR2004
        ):
            place = (round(float(lon), DIGITS), round(float(lat), DIGITS))
            match rest:
                case [(int() | float()) as height, *_] if LOWEST <= height <= HIGHEST:
                    return (*place, round(float(height), 1))
            return place
    raise _OddError(given)


LOWEST, HIGHEST = -500.0, 9_000.0
"""Metres above the sea; what lies beyond is taken for no height."""
