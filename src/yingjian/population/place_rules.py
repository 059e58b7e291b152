"""Pure decisions about places: coordinates as offices write them, China's shifted grids, addresses compared.

Chinese map services show places on a shifted grid (GCJ-02; one of them shifts it once more, BD-09): a county that
reads coordinates off such a map is some 500 m off. The shift is a published pair of series over the Krasovsky
ellipsoid; it is undone here by fixed-point iteration to a hundredth of a metre.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

from yingjian.population.rules import fold

WGS84: Final = "wgs84"
GCJ02: Final = "gcj02"
BD09: Final = "bd09"
DATUMS: Final[Mapping[str, str]] = {
    "wgs84": WGS84, "wgs1984": WGS84, "gps": WGS84, "cgcs2000": WGS84, "2000国家大地坐标系": WGS84,
    "国家2000": WGS84, "天地图": WGS84, "epsg4326": WGS84, "epsg4490": WGS84, "urnogcdefcrsogc13crs84": WGS84,
    "gcj02": GCJ02, "gcj2": GCJ02, "火星": GCJ02, "火星坐标": GCJ02, "火星坐标系": GCJ02, "高德": GCJ02,
    "高德地图": GCJ02, "腾讯": GCJ02, "腾讯地图": GCJ02, "国测局": GCJ02,
    "bd09": BD09, "bd09ll": BD09, "百度": BD09, "百度地图": BD09, "百度坐标": BD09,
}  # fmt: skip
"""What a file calls a grid → the grid. CGCS2000 and WGS 84 agree within centimetres."""
PLACES: Final = 6
"""Decimals kept of a degree: a tenth of a metre."""

_AXIS: Final = 6_378_245.0
_FLAT: Final = 0.006_693_421_622_965_943
_BAIDU: Final = math.pi * 3000.0 / 180.0
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_TURNS: Final = 30
_NEAR: Final = 1e-10


def datum_of(word: str) -> str | None:
    """The grid a word means; None for a word nobody knows."""
    return DATUMS.get(re.sub(r"[^0-9a-z\u4e00-\u9fff]", "", fold(word).lower()))


def to_wgs84(lon: float, lat: float, datum: str) -> tuple[float, float]:
    """A place on one of the grids in WGS 84 degrees, rounded to `PLACES` decimals."""
    if datum == BD09:
        lon, lat = _from_bd09(lon, lat)
    if datum != WGS84:
        lon, lat = _unshifted(lon, lat)
    return round(lon, PLACES), round(lat, PLACES)


def to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """WGS 84 as a Chinese map shows it; outside the country the same."""
    if not (_WEST <= lon <= _EAST and _SOUTH <= lat <= _NORTH):
        return lon, lat
    east, north = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(east))
    common = (20 * math.sin(6 * east * math.pi) + 20 * math.sin(2 * east * math.pi)) * 2 / 3
    up = (
        -100 + 2 * east + 3 * north + 0.2 * north * north + 0.1 * east * north + 0.2 * root + common
    )
    up += _waves(north, ((1, 20), (1 / 3, 40), (1 / 12, 160), (1 / 30, 320))) * 2 / 3
    across = 300 + east + 2 * north + 0.1 * east * east + 0.1 * east * north + 0.1 * root + common
    across += _waves(east, ((1, 20), (1 / 3, 40), (1 / 12, 150), (1 / 30, 300))) * 2 / 3
    angle = math.radians(lat)
    squeeze = 1 - _FLAT * math.sin(angle) ** 2
    meridian = _AXIS * (1 - _FLAT) / squeeze**1.5
    parallel = _AXIS / math.sqrt(squeeze) * math.cos(angle)
    return lon + math.degrees(across / parallel), lat + math.degrees(up / meridian)


def _waves(at: float, parts: Iterable[tuple[float, float]]) -> float:
    return sum(height * math.sin(at * often * math.pi) for often, height in parts)


def _unshifted(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon, lat
    for _ in range(_TURNS):
        east, north = to_gcj02(x, y)
        x, y = x + lon - east, y + lat - north
        if abs(lon - east) < _NEAR and abs(lat - north) < _NEAR:
            break
    return x, y


def _from_bd09(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 0.0065, lat - 0.006
    far = math.hypot(x, y) - 0.00002 * math.sin(y * _BAIDU)
    turn = math.atan2(y, x) - 0.000003 * math.cos(x * _BAIDU)
    return far * math.cos(turn), far * math.sin(turn)


# -- coordinates in cells ----------------------------------------------------------------------

_DEGREES: Final = re.compile(
    r"([+-]?)([0-9]{1,3})[°度d:]([0-9]{1,2}(?:\.[0-9]+)?)['′分m:]?(?:([0-9]{1,2}(?:\.[0-9]+)?)[\"″”秒s]?)?"
)
_SIDE: Final = re.compile(r"^([东西南北ensw])|([东西南北ensw])$")
_SIXTY: Final = 60
LON_MAX, LAT_MAX = 180.0, 90.0
_PLANE: Final = 1000.0
"""A coordinate beyond this is metres on some plane, not degrees."""


def degrees_of(text: str) -> float | None:
    """Degrees from a cell: 106.25, 106°15′30″, 106度15分30秒E, 东经106.25; None when it is none of these."""
    cell = re.sub(r"\s+|[经纬]", "", fold(text).lower()).replace("''", '"')
    side = _SIDE.search(cell)
    cell = _SIDE.sub("", cell)
    sign = -1.0 if side and (side[1] or side[2]) in "西南ws" else 1.0
    match = _DEGREES.fullmatch(cell)
    if match:
        minutes, seconds = float(match[3]), float(match[4] or 0)
        if minutes >= _SIXTY or seconds >= _SIXTY:
            return None
        sign = -sign if match[1] == "-" else sign
        return sign * (int(match[2]) + minutes / _SIXTY + seconds / _SIXTY**2)
    try:
        value = float(cell.rstrip("°度d"))
    except ValueError:
        return None
    return sign * value if math.isfinite(value) else None


def place_fault(lon: float, lat: float) -> str:
    """The code of what is wrong with a pair of degrees; empty for a sound one."""
    if abs(lon) > _PLANE or abs(lat) > _PLANE:
        return "population.place.projected"
    if lon == 0 and lat == 0:
        return "population.place.zero"
    swapped = _SOUTH <= lon <= _NORTH and _WEST <= lat <= _EAST  # only China is mapped so
    if swapped or (abs(lat) > LAT_MAX and abs(lon) <= LAT_MAX and abs(lat) <= LON_MAX):
        return "population.place.swapped"
    if abs(lon) > LON_MAX or abs(lat) > LAT_MAX:
        return "population.place.range"
    return ""


# -- addresses ---------------------------------------------------------------------------------

_DIGITS: Final = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_COUNTED: Final = re.compile(
    r"第?([零〇一二三四五六七八九十]+)(?=组|栋|幢|座|号|队|社|排|巷|期|单元|楼|区)"
)
_JOINTS: Final = re.compile(r"[\s,，、。.·\-—_()（）\[\]【】]+")
_HOUSE: Final = re.compile(r"(?<=[0-9a-z])(?:号楼|#楼|#|幢|座|栋)")
_ORDINAL: Final = re.compile(r"第(?=[0-9])")
_BREAKS: Final = frozenset("路街巷弄号里道村庄区镇乡队社组园苑")


def _whole(text: str) -> str:
    """一 → 1, 十二 → 12, 二十 → 20; other runs digit by digit (二〇三 → 203)."""
    if "十" in text:
        tens, _, ones = text.partition("十")
        if len(tens) <= 1 and len(ones) <= 1:
            return str(10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0))
        return text
    return "".join(str(_DIGITS[one]) for one in text)


def address_key(text: str, before: Iterable[str] = ()) -> str:
    """An address as it is compared: one spelling for 3号楼, 3#, 3幢 and 三号楼, no spaces or joints, and without the
    names of `before` (county, town, village) at its beginning."""
    key = _JOINTS.sub("", fold(text).lower())
    names = sorted({_JOINTS.sub("", fold(name).lower()) for name in before} - {""}, key=len)
    while found := next(
        (name for name in reversed(names) if key.startswith(name) and key != name), ""
    ):
        key = key[len(found) :]
    key = _COUNTED.sub(lambda match: _whole(match[1]), key)
    return _HOUSE.sub("栋", _ORDINAL.sub("", key))


class Buildings:
    """Buildings and natural groups of one village by key; finds the one an address lies in."""

    def __init__(self, keys: Mapping[str, int]) -> None:
        self.keys = keys
        self._lengths = sorted({len(key) for key in keys}, reverse=True)

    def of(self, address: str) -> int | None:
        """The longest building whose name the address begins with; else one that begins behind a road, a lane or a
        number in it. 幸福小区1栋 is no beginning of 幸福小区12栋."""
        starts = [0] + [at + 1 for at, letter in enumerate(address) if letter in _BREAKS]
        for start in starts:
            for length in self._lengths:
                end = start + length
                if end > len(address):
                    continue
                found = self.keys.get(address[start:end])
                if found is not None and not _cut(address, end):
                    return found
        return None


def _cut(address: str, end: int) -> bool:
    """Whether a name would end in the middle of a number."""
    return end < len(address) and address[end - 1].isdigit() and address[end].isdigit()
