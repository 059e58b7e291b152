"""What a list of candidate sites (候选采样点) holds, and how it looks as a workbook. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yingjian.engines.plan_codes import STATIONS_PER_SITE
from yingjian.population import places

SETTINGS: Final = {
    "室内": "indoor", "室外": "outdoor", "室外场地": "outdoor", "露天": "outdoor", "室内外": "both", "室内室外": "both",
    "均可": "both", "indoor": "indoor", "outdoor": "outdoor", "both": "both",
}  # fmt: skip
_KIND_MAX: Final = 20
_NO_MAX: Final = 40
TOWN: Final = 9

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

_DATUMS: Final = ("WGS84", "GCJ-02", "BD-09", "CGCS2000")
_SHEETS: Final = {
    "zh": places.Sheet(
        "候选采样点", "填写说明",
        (
            "一行一处。橙色表头必填；第一列为“示例”的行系统不读，可以保留。",
            "编号：本乡镇内不重复。再次导入时按编号更新；没有编号的按村和名称更新，不会重复建点。",
            "村(社区)与村(社区)代码填一个即可；跨村使用的场所可只填到乡镇。",
            "经度、纬度填十进制度数（106.253912），也可填度分秒。坐标系不填按上传时的选择。",
            "从高德、腾讯地图取的坐标请填 GCJ-02，从百度地图取的请填 BD-09，系统自动换算成 WGS84。",
            "最多采样台：场地最多能摆几个采样台（或能用几间房），编制方案时不会超过；不限的留空。",
            "类型：村委会、学校、广场、医院等，可自行填写。室内/室外：室内、室外、室内外。",
            "停车、不可用：填“是”或“否”。不可用的场所保留在清单里，方案不会选它。",
        ),
        {"no": "示例", "name": "城关小学操场", "area_name": "示例村", "kind": "学校", "lon": 106.253912,
         "lat": 38.277031, "datum": "GCJ-02", "lanes": 4, "setting": "室外", "parking": "是", "barred": "否",
         "remarks": "东门进、西门出"},
        {
            "kind": ("村委会", "社区", "学校", "广场", "医院", "体育馆", "停车场", "其他"),
            "setting": ("室内", "室外", "室内外"),
            "parking": ("是", "否"), "barred": ("是", "否"), "datum": _DATUMS,
        },
        frozenset({"kind"}),
    ),
    "en": places.Sheet(
        "Candidate sites", "Notes",
        (
            "One place a line. Headings in orange are required; a line whose first cell says “example” is not read.",
            "No.: unique within a town. A list that comes again updates by it; without one by village and name.",
            "Give the village by name or by code; a place for several villages may name its town only.",
            "Degrees as decimals (106.253912) or degrees, minutes, seconds; no datum: the one chosen at upload.",
            "Coordinates read off Gaode or Tencent maps are GCJ-02, off Baidu maps BD-09; they are converted to WGS84.",
            "Most lanes: how many lanes (or rooms) fit; a plan never puts more there. Empty: no limit.",
            "Kind: village office, school, square, hospital… Indoor or outdoor: indoor, outdoor, both.",
            "Parking, may not be used: yes or no. A place that may not be used stays on the list and is never chosen.",
        ),
        {"no": "example", "name": "School yard", "area_name": "Example village", "kind": "school", "lon": 106.253912,
         "lat": 38.277031, "datum": "GCJ-02", "lanes": 4, "setting": "outdoor", "parking": "yes", "barred": "no",
         "remarks": "in by the east gate, out by the west gate"},
        {
            "kind": ("village office", "school", "square", "hospital", "gymnasium", "car park", "other"),
            "setting": ("indoor", "outdoor", "both"),
            "parking": ("yes", "no"), "barred": ("yes", "no"), "datum": _DATUMS,
        },
        frozenset({"kind"}),
    ),
}  # fmt: skip
_SAID: Final[dict[str, dict[Any, str]]] = {
    "zh": {True: "是", False: "否", "indoor": "室内", "outdoor": "室外", "both": "室内外"},
    "en": {True: "yes", False: "no"},
}


def sheet(language: str) -> places.Sheet:
    """How a list of candidates looks."""
    return _SHEETS["en" if language.startswith("en") else "zh"]


def line_of(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A stored candidate as a line of a list, in the words of the template."""
    said = _SAID["en" if language.startswith("en") else "zh"]
    return {
        **{
            key: row[key]
            for key in ("no", "name", "area_name", "kind", "lon", "lat", "lanes", "remarks")
        },
        "area_code": str(row["area"]).ljust(12, "0"),
        "datum": "WGS84",
        "setting": said.get(row["setting"], row["setting"]),
        "parking": "" if row["parking"] is None else said[row["parking"]],
        "barred": said[row["barred"]],
    }
