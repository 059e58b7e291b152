"""What a list of places is made of: its columns, and how one line is judged. Pure.

A form belongs to the room whose places they are (`planning.candidate_form`, `population.buildings`); the columns every
such list shares — where a place is, in which village, on which grid — are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from yingjian.population import place_rules as at_place
from yingjian.population import rules
from yingjian.population.place_files import PlaceLine
from yingjian.population.regions import REGION_DIGITS, RegionIndex
from yingjian.population.values import Column

TEXT_MAX: Final = 200
NAME_MAX: Final = 80
TOWN: Final = 9

AREA_CODE: Final = Column(
    "area_code",
    ("村(社区)代码", "村代码", "社区代码", "乡镇代码", "区划代码", "所在地代码", "area code", "region code",
     "village code"),
    as_text=True,
)  # fmt: skip
AREA_NAME: Final = Column(
    "area_name",
    ("村(社区)", "村(社区)或乡镇", "村(社区)名称", "村(居)", "所属村(社区)", "所在村(社区)", "村社区", "村",
     "社区", "所在地", "乡镇", "镇街", "village", "village or town", "community", "area"),
)  # fmt: skip
LON: Final = Column("lon", ("经度", "东经", "x坐标", "longitude", "lng", "lon", "x"))
LAT: Final = Column("lat", ("纬度", "北纬", "y坐标", "latitude", "lat", "y"))
DATUM: Final = Column(
    "datum", ("坐标系", "坐标系统", "坐标来源", "地图", "datum", "coordinate system", "crs")
)
REMARKS: Final = Column("remarks", ("备注", "说明", "remarks", "remark", "notes", "note"))

YES: Final = frozenset({"是", "有", "可", "√", "✓", "1", "y", "yes", "true", "对"})
NO: Final = frozenset({"否", "无", "没有", "0", "n", "no", "false", "×", "不"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line: a stable code, in which column, and the gaps of its sentence."""

    code: str
    column: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Judged:
    """A line on its way: what was understood, and what was not."""

    line: PlaceLine
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def wrong(self, code: str, column: str = "", /, **params: Any) -> None:
        """Note a fault."""
        self.faults.append(Fault(code, column, params))


@dataclass(frozen=True)
class Ground:
    """Where a list may place something: regions known, the area it is handed in for, the grid unless a line says."""

    regions: RegionIndex
    area: str
    datum: str = at_place.WGS84


@dataclass(frozen=True)
class Form:
    """A kind of list. `judge` reads what only this kind has and sets `values["key"]`, by which lines are told apart."""

    columns: Sequence[Column]
    judge: Callable[[Judged, Ground], None]
    least_digits: int
    """How narrow a line's area must be: 9, a town will do; 12, the village (or whatever has nothing below it)."""


def judged(form: Form, line: PlaceLine, ground: Ground) -> Judged:
    """One line: its area, its place in WGS 84, then the form's own columns."""
    found = Judged(line)
    _area(found, ground, form.least_digits)
    _place(found, ground)
    form.judge(found, ground)
    return found


def _area(found: Judged, ground: Ground, least: int) -> None:
    raw = rules.fold(found.line.get("area_code")).removesuffix(".0")
    name = found.line.get("area_name")
    if raw:
        code = (
            raw.ljust(REGION_DIGITS, "0")
            if raw.isascii() and raw.isdigit() and len(raw) >= TOWN
            else raw
        )
        if len(code) != REGION_DIGITS or not code.isdigit():
            found.wrong("population.region.code", "area_code", value=raw[:20])
            return
        if code not in ground.regions:
            beyond = not rules.region_within(code, ground.area)
            fault = "population.region.outside_area" if beyond else "population.region.unknown"
            found.wrong(fault, "area_code", value=raw)
            return
    elif name:
        codes = _named(name, ground)
        if len(codes) != 1:
            _unclear(found, name, codes)
            return
        code = codes[0]
    else:
        found.wrong("population.place.area_missing", "area_name")
        return
    path = rules.region_path(code)
    if not path.startswith(ground.area):
        found.wrong(
            "population.region.outside_area",
            "area_name" if not raw else "area_code",
            value=raw or name,
        )
    elif len(path) < least and not (len(path) >= TOWN and ground.regions.is_leaf(code)):
        wide = "population.place.area_wide" if least == TOWN else "population.place.not_village"
        found.wrong(
            wide, "area_code" if raw else "area_name", name=ground.regions.by_code[code].name
        )
    else:
        found.values["area"] = path
        found.values["area_name"] = ground.regions.by_code[code].name


def _named(name: str, ground: Ground) -> tuple[str, ...]:
    """Villages meant by a name; else towns."""
    found = ground.regions.named(name, ground.area)
    if found:
        return found
    text = rules.fold(name).replace(" ", "")
    return tuple(
        row.code
        for row in ground.regions
        if len(row.path) == TOWN and row.path.startswith(ground.area) and text.endswith(row.name)
    )


def _unclear(found: Judged, name: str, codes: Sequence[str]) -> None:
    if codes:
        found.wrong(
            "population.region.ambiguous",
            "area_name",
            value=name[:40],
            candidates="、".join(codes[:4]),
        )
    else:
        found.wrong("population.region.unknown", "area_name", value=name[:40])


def _place(found: Judged, ground: Ground) -> None:
    word = found.line.get("datum")
    datum = at_place.datum_of(word) if word else ground.datum
    if datum is None:
        found.wrong("population.place.datum", "datum", value=word[:30])
    pair: list[float] = []
    for key in ("lon", "lat"):
        cell = found.line.get(key)
        value = at_place.degrees_of(cell) if cell else None
        if not cell:
            found.wrong("population.place.missing", key)
        elif value is None:
            found.wrong("population.place.format", key, value=cell[:30])
        else:
            pair.append(value)
    if datum is None or len(pair) < 2:  # noqa: PLR2004
        return
    fault = at_place.place_fault(*pair)
    if fault:
        found.wrong(fault, "lon", value=f"{pair[0]:g}, {pair[1]:g}")
        return
    found.values["lon"], found.values["lat"] = at_place.to_wgs84(pair[0], pair[1], datum)


# -- cells a form reads for itself -------------------------------------------------------------


def text_of(found: Judged, key: str, *, most: int = TEXT_MAX) -> str:
    """A text; too long a one is a fault."""
    text = found.line.get(key).strip().replace("\0", "")
    if len(text) > most:
        found.wrong("population.cell.too_long", key, length=len(text), max=most)
        return ""
    return text


def count_of(found: Judged, key: str, *, most: int) -> int | None:
    """A whole number from 1; None where nothing is said."""
    text = rules.fold(found.line.get(key)).removesuffix(".0")
    if not text:
        return None
    if not (
        text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most
    ):
        found.wrong("population.place.number", key, value=text[:20], max=most)
        return None
    return int(text)


def flag_of(found: Judged, key: str) -> bool | None:
    """Yes, no, or nothing said; a number of something says yes."""
    text = rules.fold(found.line.get(key)).lower()
    if not text:
        return None
    if text in YES or (text.isascii() and text.isdigit() and int(text) > 0):
        return True
    if text in NO:
        return False
    found.wrong("population.place.word", key, value=text[:20], known="是、否")
    return None


def word_of(found: Judged, key: str, words: Mapping[str, str]) -> str:
    """One of a few meanings by the words for it; empty where nothing is said."""
    text = rules.fold(found.line.get(key)).lower()
    if text and text not in words:
        first: dict[str, str] = {}
        for word, meaning in words.items():  # the first word for each meaning is the template's
            first.setdefault(meaning, word)
        known = "、".join(first.values())
        found.wrong("population.place.word", key, value=text[:20], known=known)
    return words.get(text, "")
