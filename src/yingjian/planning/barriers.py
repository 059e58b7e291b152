"""Lines nobody crosses on foot, as a map program hands them over: rivers, railways, motorways, walls. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from yingjian.engines.plan.model import PlanError
from yingjian.engines.plan.params import Line

MOST: Final = 4_000
"""Places of all lines together: a plan carries them."""
DIGITS: Final = 5
"""A metre."""
_LINES: Final = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}
"""How deep the lines of each kind lie."""


def lines_of(given: object) -> tuple[Line, ...]:
    """Lines of `[[[lon, lat], …], …]` or of GeoJSON, whose areas count by their edges and whose points by nothing.

    WGS 84. Raises `PlanError("bad_barriers", …)` for what holds no line, a place that is none, or too many of them.
    """
    lines = [tuple(_place(one) for one in line) for line in _given(given)]
    found = tuple(line for line in lines if len(line) > 1)
    if not found:
        raise PlanError("bad_barriers", got="[]", most=MOST)
    if sum(map(len, found)) > MOST:
        raise PlanError("bad_barriers", got=str(sum(map(len, found))), most=MOST)
    return found


def _given(given: object) -> Iterator[list[Any]]:
    if isinstance(given, list):
        yield from _deep(given, 1)
        return
    if not isinstance(given, dict):
        raise PlanError("bad_barriers", got=str(given)[:40], most=MOST)
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
        raise PlanError("bad_barriers", got=str(kind)[:40], most=MOST)


def _deep(values: object, depth: int) -> Iterator[list[Any]]:
    if not isinstance(values, list):
        raise PlanError("bad_barriers", got=str(values)[:40], most=MOST)
    if depth == 0:
        yield values
        return
    for value in values:
        yield from _deep(value, depth - 1)


def _place(given: object) -> tuple[float, float]:
    """`[lon, lat]`, a height behind them left out. `NaN` compares with nothing, so it is no place."""
    match given:
        case [(int() | float()) as lon, (int() | float()) as lat, *_] if (
            -180 <= lon <= 180 and -90 <= lat <= 90  # noqa: PLR2004
        ):
            return round(float(lon), DIGITS), round(float(lat), DIGITS)
    raise PlanError("bad_barriers", got=str(given)[:40], most=MOST)
