"""What a list of candidate sites (候选采样点) holds, and how it looks as a workbook. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from yingjian.engines.plan.codes import STATIONS_PER_SITE
from yingjian.population import places

SETTINGS: Final = {
    "室内": "indoor", "室外": "outdoor", "室外场地": "outdoor", "露天": "outdoor", "室内外": "both", "室内室外": "both",
    "均可": "both", "indoor": "indoor", "outdoor": "outdoor", "both": "both",
}  # fmt: skip
_KIND_MAX: Final = 20
_NO_MAX: Final = 40
TOWN: Final = 9
_WORDS: Final = Path(__file__).with_name("candidate_list")

COLUMNS: Final = (
    places.Column("no", ("编号", "点位编号", "序号", "no", "no.", "number"), as_text=True),
    places.Column(
        "name",
        ("名称", "点位名称", "采样点名称", "场所名称", "候选点名称", "地点", "name", "place", "site name"),
        required=True,
    ),
    places.AREA_NAME,
    places.AREA_CODE,
    places.Column("kind", ("类型", "场所类型", "场地类型", "类别", "kind", "type")),
    places.Column("lon", places.LON.headings, required=True),
    places.Column("lat", places.LAT.headings, required=True),
    places.DATUM,
    places.Column(
        "lanes",
        ("最多采样台", "最多采样台数", "可设采样台", "可设采样台数", "最多台数", "台数", "可用房间数", "房间数", "间数",
         "most lanes", "lanes", "rooms"),
    ),
    places.Column("setting", ("室内/室外", "室内外", "场地", "indoor or outdoor", "setting")),
    places.Column("parking", ("停车", "可停车", "停车场", "停车位", "parking")),
    places.Column("barred", ("不可用", "不得使用", "禁用", "停用", "may not be used", "barred")),
    places.REMARKS,
)  # fmt: skip

FIELDS: Final = (
    "no", "name", "area", "kind", "lon", "lat", "lanes", "setting", "parking", "barred", "remarks",
)  # fmt: skip
"""What is compared between a list and what is stored."""


def _judge(found: places.Judged, ground: places.Ground) -> None:
    name = places.text_of(found, "name", most=80)
    if not name and not any(fault.column == "name" for fault in found.faults):
        found.wrong("planning.candidate_nameless", "name")
    number = places.text_of(found, "no", most=_NO_MAX).removesuffix(".0")
    found.values |= {
        "no": number,
        "name": name,
        "kind": places.text_of(found, "kind", most=_KIND_MAX),
        "lanes": places.count_of(found, "lanes", most=STATIONS_PER_SITE),
        "setting": places.word_of(found, "setting", SETTINGS),
        "parking": places.flag_of(found, "parking"),
        "barred": places.flag_of(found, "barred") or False,
        "remarks": places.text_of(found, "remarks"),
    }
    found.values["key"] = key_of(found.values.get("area", ""), number, name)


def key_of(area: str, number: str, name: str) -> str:
    """What tells a candidate from others: the county's own number within a town, else village and name."""
    return f"{area[:TOWN]}#{number}" if number else f"{area}/{name}"


FORM: Final = places.Form(COLUMNS, _judge, TOWN)


def sheet(language: str) -> places.Sheet:
    """How a list of candidates looks."""
    return places.sheet_of(_WORDS, language)


def line_of(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A stored candidate as a line of a list, in the words of the template."""
    said: dict[str, str] = places.sheet_words(_WORDS, language)["said"]
    return {
        **{
            key: row[key]
            for key in ("no", "name", "area_name", "kind", "lon", "lat", "lanes", "remarks")
        },
        "area_code": str(row["area"]).ljust(12, "0"),
        "datum": "WGS84",
        "setting": said.get(row["setting"], row["setting"]),
        "parking": "" if row["parking"] is None else _yes(said, so=row["parking"]),
        "barred": _yes(said, so=row["barred"]),
    }


def _yes(said: Mapping[str, str], *, so: bool) -> str:
    return said["yes" if so else "no"]
